#include "apps/agentmesh/settings.hpp"

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>

using namespace agentmesh;

namespace {

std::string from_environment(const char* name) {
    const char* const value = std::getenv(name);
    return value ? value : "";
}

void default_to(std::string& member, const std::string& value) {
    if (member.empty()) member = value;
}

/// What a person can do about an error, as the second half of a sentence.
std::string advice(errc code, const settings& with) {
    switch (code) {
        case errc::identity_file_access:
            return "see that " + with.identity_file() + " exists with mode 0600, or make it: agentmesh identity new";
        case errc::bad_identity_file: case errc::amid_mismatch:
            return "put back a copy of " + with.identity_file() + ", or move it away and make a new one";
        case errc::state_in_use:
            return "end the other agentmesh that uses " + with.home + ", or choose another AGENTMESH_HOME";
        case errc::state_access: return "see that " + with.home + "/state is yours, with mode 0700";
        case errc::bad_snapshot: case errc::snapshot_rollback:
            return "move " + with.home + "/state away to begin anew; its open sessions and unsent messages are lost";
        case errc::not_persisted: return "see that there is room on the disk of " + with.home;
        case errc::unknown_peer:
            return with.finds() ? "nobody who was asked knows it"
                                : "is it in " + with.directory + "? See agentmesh identity export";
        case errc::bad_signature:
            return with.registry.empty() ? "" : "a registry gives prekeys to those it knows: agentmesh register";
        case errc::certificate_revoked: return "it is revoked: do not deal with it";
        case errc::registry_failed: return "see that " + with.directory + " can be read and written";
        case errc::stale_prekey: return "the peer has not renewed its record for long; ask it to run agentmesh prekeys";
        case errc::knock_timed_out: return "the peer did not answer; try again when it listens";
        case errc::http_malformed: return "--relay takes ws://host:port/ or wss://...; it is " + printable(with.relay);
        case errc::tls_failed: return "name the relay's certificate with --trust FILE";
        case errc::session_expired: return "knock again: agentmesh knock";
        case errc::message_too_large: return "send less at once";
        default: return {};
    }
}

bool is_damage(errc code) {
    return code == errc::bad_identity_file || code == errc::amid_mismatch || code == errc::bad_snapshot ||
           code == errc::snapshot_rollback;
}

}  // namespace

std::optional<std::string> content_of(const std::string& path) {
    std::ifstream from{path, std::ios::binary};
    if (!from) return std::nullopt;
    std::ostringstream out;
    out << from.rdbuf();
    return std::move(out).str();
}

void complain(const std::string& what) { std::cerr << "agentmesh: " << what << std::endl; }

int complain(const error& why, const settings& with, const std::string& about) {
    const auto next = advice(why.code, with);
    complain((about.empty() ? "" : about + ": ") + to_string(why) + (next.empty() ? "" : "; " + next));
    if (is_damage(why.code)) return exit_code::damaged;
    if (why.code == errc::http_malformed) return exit_code::usage;  // the only text of that kind is --relay
    return why.code == errc::knock_timed_out || why.code == errc::timed_out ? exit_code::late : exit_code::refused;
}

bool settings::complete() {
    default_to(home, from_environment("AGENTMESH_HOME"));
    if (home.empty()) {
        const auto user = from_environment("HOME");
        if (user.empty()) return complain("neither AGENTMESH_HOME nor HOME is set; say --home FOLDER"), false;
        home = user + "/.agentmesh";
    }
    while (home.size() > 1 && home.ends_with('/')) home.pop_back();
    default_to(relay, from_environment("AGENTMESH_RELAY"));
    default_to(directory, from_environment("AGENTMESH_DIRECTORY"));
    default_to(trusted_file, from_environment("AGENTMESH_TRUST"));
    default_to(registry, from_environment("AGENTMESH_REGISTRY"));
    default_to(dht, from_environment("AGENTMESH_DHT"));
    default_to(lan, from_environment("AGENTMESH_LAN"));
    default_to(believe, from_environment("AGENTMESH_BELIEVE"));
    default_to(roots_file, from_environment("AGENTMESH_ROOTS"));
    default_to(revoked_file, from_environment("AGENTMESH_REVOKED"));

    if (const auto text = content_of(config_file())) {
        json::reader in{*text};
        std::string unknown;
        in.begin_object();
        while (const auto member = in.next_member()) {
            std::string* const target = *member == "relay"       ? &relay
                                        : *member == "directory" ? &directory
                                        : *member == "name"      ? &name
                                        : *member == "trust"     ? &trusted_file
                                        : *member == "registry"  ? &registry
                                        : *member == "dht"       ? &dht
                                        : *member == "lan"       ? &lan
                                        : *member == "believe"   ? &believe
                                        : *member == "roots"     ? &roots_file
                                        : *member == "revoked"   ? &revoked_file
                                                                 : nullptr;
            if (target) default_to(*target, in.string().text());
            else if (unknown.empty()) unknown = *member;
        }
        if (const auto whole = in.finish(); !whole)
            return complain(config_file() + ": " + to_string(whole.error()) + "; it is an object of texts"), false;
        if (!unknown.empty())
            return complain(config_file() + ": " + printable(unknown) + ": no such member; there are relay, directory, "
                            "name, trust, registry, dht, lan, believe, roots and revoked"), false;
    }
    default_to(relay, "ws://127.0.0.1:8765/");
    default_to(directory, home + "/agents.json");
    default_to(believe, "reputation");
    // It stands in the directory, where others read and type it.
    if (name.size() > 64 || printable(name) != name)
        return complain("--name: " + printable(name) + " is no name of at most 64 bytes that can all be seen"), false;
    return true;
}
