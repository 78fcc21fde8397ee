#include "apps/agentmesh/certificates.hpp"

#include <agentmesh/identity/did.hpp>
#include <agentmesh/identity/x509.hpp>

#include <set>

using namespace agentmesh;

namespace {

using identity::certificate_fingerprint;

/// Fingerprints that a file lists, one a line. A line that is none makes the whole list unknown: it may have meant one
/// of ours.
class revocation_file {
public:
    explicit revocation_file(const std::string& path) : path_{path} {
        if (path.empty()) return;
        const auto text = content_of(path);
        if (!text) return;
        known_ = true;
        std::istringstream lines{*text};
        for (std::string line; std::getline(lines, line);) {
            line.erase(std::min(line.find('#'), line.size()));
            std::erase_if(line, [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == ':'; });
            if (line.empty()) continue;
            certificate_fingerprint one;
            if (decode_hex(line, one.storage()))
                gone_.insert(one);
            else
                known_ = false;
        }
    }
    [[nodiscard]] result<bool> is_revoked(const certificate_fingerprint& of) const {
        if (!known_) return fail(errc::registry_failed);
        return gone_.contains(of);
    }
    /// What to do if nobody could say.
    [[nodiscard]] std::string advice() const {
        return path_.empty() ? "name a list of what is withdrawn with --revoked FILE; /dev/null says that nothing is"
                             : path_ + " is no list of fingerprints, one a line";
    }

private:
    std::string path_;
    std::set<certificate_fingerprint> gone_;
    bool known_ = false;
};

std::string text_of(time_point at) { return format_time(std::chrono::floor<std::chrono::seconds>(at)); }

void show(const settings& with, const identity::certificate_facts& says) {
    const auto key = identity::to_text(says.key, identity::key_prefix::named);
    if (with.json)
        return report::line("certificate", [&](json::writer& to) {
            to.member("role", identity::to_text(says.role));
            if (says.who) to.member("amid", says.who->text());
            if (!says.organization.empty()) to.member("name", says.organization);
            if (!says.domain.empty()) to.member("domain", says.domain);
            to.member("key", key).member("serial", says.serial);
            to.member("not_before", text_of(says.not_before)).member("not_after", text_of(says.not_after));
            to.member("fingerprint", to_hex(says.fingerprint.bytes()));
        });
    report::print(std::string{identity::to_text(says.role)} +
                  (says.who ? " " + std::string{says.who->text()} : std::string{}) +
                  (says.organization.empty() ? "" : " " + printable(says.organization)) +
                  (says.domain.empty() ? "" : " (" + printable(says.domain) + ")") + "\n    key          " + key +
                  "\n    from         " + text_of(says.not_before) + "\n    until        " + text_of(says.not_after) +
                  "\n    serial       " + says.serial + "\n    fingerprint  " + to_hex(says.fingerprint.bytes()));
}

void show(const settings& with, const identity::deployed_claim& says) {
    if (with.json)
        return report::line("claim", [&](json::writer& to) {
            to.member("type", says.type).member("proves", "nothing");
            if (says.who) to.member("amid", says.who->text());
            if (!says.issuer.empty()) to.member("issuer", says.issuer);
            if (!says.claimed_tier.empty()) to.member("tier", says.claimed_tier);
            if (!says.organization.empty()) to.member("organization", says.organization);
            if (says.issued) to.member("issued", text_of(*says.issued));
            if (says.expires) to.member("expires", text_of(*says.expires));
        });
    report::print("claim of type " + printable(says.type) +
                  (says.who ? " about " + std::string{says.who->text()} : "") +
                  (says.claimed_tier.empty() ? "" : ", tier " + printable(says.claimed_tier)) +
                  (says.organization.empty() ? "" : ", organization " + printable(says.organization)) +
                  "; signed by nobody, so it proves nothing");
}

/// The certificates of a file, leaf first. @return nothing, with the reason said
std::optional<std::vector<buffer>> read_chain(const settings& with, const std::string& path, int& status) {
    const auto text = content_of(path);
    if (!text) {
        complain(path + ": cannot be read");
        status = exit_code::refused;
        return std::nullopt;
    }
    auto chain = identity::parse_pem(*text);
    if (chain) return std::move(*chain);
    status = complain(chain.error(), with, path);
    return std::nullopt;
}

/// The roots of `--roots`. @return nothing, with the reason said
std::optional<identity::trust_store> read_roots(const settings& with, int& status) {
    const auto roots = read_chain(with, with.roots_file, status);
    if (!roots) return std::nullopt;
    identity::trust_store out;
    for (const auto& der : *roots) {
        const auto added = out.add(der);
        if (added) continue;
        status = complain(added.error(), with, with.roots_file);
        return std::nullopt;
    }
    return out;
}

/// Whom a chain must be of.
std::optional<amid> subject(const settings& with, const certificate_question& asked, int& status) {
    if (!asked.of.empty()) {
        registry::file_directory agents{with.directory};
        return find_peer(asked.of, with, agents, status);
    }
    const auto self = identity::load(with.identity_file());
    if (self) return self->name();
    complain("no identity in " + with.home + ", so whose certificate is it? Say --of PEER");
    status = exit_code::usage;
    return std::nullopt;
}

}  // namespace

std::optional<registry::standing_check> standing_by_roots(const settings& with, int& status) {
    auto trusted = read_roots(with, status);
    if (!trusted) return std::nullopt;
    return [roots = std::move(*trusted), list = revocation_file{with.revoked_file}](
               std::string_view pem, const amid& who, time_point now) -> result<identity::proved_standing> {
        AGENTMESH_TRY(chain, identity::parse_pem(pem));
        return identity::check_chain(chain, roots, who, list, now);
    };
}

int certificate_show(const settings& with, const certificate_question& asked) {
    const auto text = content_of(asked.file);
    if (text) {
        if (const auto claim = identity::read_deployed_certificate(*text)) {
            show(with, *claim);
            return exit_code::done;
        }
    }
    int status = exit_code::done;
    const auto chain = read_chain(with, asked.file, status);
    if (!chain) return status;
    std::vector<identity::certificate_facts> all;
    for (const auto& der : *chain) {
        auto says = identity::read_certificate(der);
        if (!says) return complain(says.error(), with, asked.file + ": certificate " + std::to_string(all.size() + 1));
        all.push_back(std::move(*says));
    }
    for (const auto& says : all) show(with, says);
    return exit_code::done;
}

int certificate_check(const settings& with, const certificate_question& asked) {
    if (with.roots_file.empty()) {
        complain("nobody is trusted to vouch for agents: name the certificates of roots with --roots FILE");
        return exit_code::usage;
    }
    auto now = net::system_clock{}.now().wall;
    if (!asked.at.empty()) {
        const auto chosen = parse_time(asked.at);
        if (!chosen) {
            complain("--at: " + printable(asked.at) + " is no time such as 2026-11-21T12:00:00Z");
            return exit_code::usage;
        }
        now = *chosen;
    }
    int status = exit_code::done;
    const auto chain = read_chain(with, asked.file, status);
    if (!chain) return status;
    const auto trusted = read_roots(with, status);
    if (!trusted) return status;
    const auto who = subject(with, asked, status);
    if (!who) return status;

    const revocation_file list{with.revoked_file};
    const auto proved = identity::check_chain(*chain, *trusted, *who, list, now);
    if (!proved) {
        complain(asked.file + ": " + to_string(proved.error()) +
                 (proved.error().code == errc::revocation_unknown ? "; " + list.advice() : ""));
        return exit_code::refused;
    }
    const auto level = identity::tier_label(proved->trust, identity::tier_dialect::word);
    if (with.json) {
        report::line("standing", [&](json::writer& to) {
            to.member("amid", who->text()).member("tier", level).member("session", proved->session);
            if (!proved->organization.empty())
                to.member("organization", proved->organization).member("domain", proved->domain);
            to.member("key", identity::to_text(proved->key, identity::key_prefix::named));
            to.member("not_before", text_of(proved->not_before)).member("not_after", text_of(proved->not_after));
        });
        return exit_code::done;
    }
    report::print(std::string{who->text()} + " is " + std::string{level} +
                  (proved->organization.empty()
                       ? ""
                       : ", vouched for by " + printable(proved->organization) + " (" + proved->domain + ")") +
                  (proved->session ? "; this is a session of it" : "") + ", until " + text_of(proved->not_after));
    return exit_code::done;
}
