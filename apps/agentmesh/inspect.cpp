#include "apps/agentmesh/inspect.hpp"

#include <agentmesh/identity/did.hpp>

using namespace agentmesh;

namespace {

std::optional<local_identity> load_identity(const settings& with, int& status) {
    if (!identity::something_at(with.identity_file())) {
        complain("no identity in " + with.home + "; make one: agentmesh identity new");
        status = exit_code::refused;
        return std::nullopt;
    }
    auto self = identity::load(with.identity_file());
    if (self) return std::move(*self);
    status = complain(self.error(), with, with.identity_file());
    return std::nullopt;
}

int show(const settings& with, const local_identity& self) {
    const auto did = identity::to_did(self.name());
    const auto signing = identity::to_text(self.signing().public_key(), identity::key_prefix::named);
    const auto exchange = identity::to_text(self.exchange().public_key(), identity::key_prefix::named);
    const auto created = format_time(self.created_at());
    if (with.json) {
        report::line("identity", [&](json::writer& to) {
            to.member("amid", self.name().text()).member("did", did).member("signing_key", signing);
            to.member("exchange_key", exchange).member("created", created).member("file", with.identity_file());
        });
        return exit_code::done;
    }
    report::print("AMID          " + std::string{self.name().text()} + "\nDID           " + did + "\nsigning key   " +
                  signing + "\nexchange key  " + exchange + "\ncreated       " + created);
    return exit_code::done;
}

/// What a look at saved sessions does not do: nothing is sent, nothing is told, nothing is saved.
struct silent_sink {
    result<void> persist(std::span<const record_change>) { return fail(errc::not_persisted); }
    result<void> send(const amid&, std::string_view, wire::message_type) { return fail(errc::ws_closed); }
    void opened(const session_info&) {}
    bool received(const session::incoming&) { return false; }
    void refused(const session::refusal&) {}
    void undelivered(const session::undelivered&) {}
    void closed(const session_info&, const error&) {}
    void wants_knock(const session_info&) {}
    void audit(const session::audit_event&) {}
};

/// Prekeys and directory brought up to date. @return nothing if that failed, which has been said
std::optional<e2ee::prekey_store> kept_up(const settings& with, net::home& at, int& status) {
    e2ee::prekey_store keys;
    crypto::system_random random;
    const auto work = [&]() -> result<void> {
        AGENTMESH_CHECK(keys.restore(at.state, at.self));
        AGENTMESH_TRY(done, keys.maintain(at.self, at.state, random, net::system_clock{}.now().wall));
        (void)done;
        AGENTMESH_TRY(known, keys.publication(e2ee::identity_card::make(at.self, 0)));
        return at.directory.publish({.bundle = {.card = known.card, .signed_key = known.signed_key},
                                     .one_time = known.one_time, .display_name = with.name, .relay = with.relay});
    };
    if (const auto done = work(); !done) {
        const auto& fault = at.directory.fault();
        status = complain(done.error(), with, fault.file.empty() ? std::string{} : fault.text());
        return std::nullopt;
    }
    return keys;
}

}  // namespace

int identity_new(const settings& with) {
    if (identity::something_at(with.identity_file())) {
        complain(with.identity_file() + " exists already and is never overwritten; see it: agentmesh identity show");
        return exit_code::refused;
    }
    crypto::system_random random;
    const auto self = identity::open(with.identity_file(), random, net::system_clock{}.now().wall);
    return self ? show(with, *self) : complain(self.error(), with, with.home);
}

int identity_show(const settings& with) {
    int status = exit_code::done;
    const auto self = load_identity(with, status);
    return self ? show(with, *self) : status;
}

int identity_export(const settings& with, bool did) {
    int status = exit_code::done;
    if (did) {
        const auto self = load_identity(with, status);
        if (!self) return status;
        report::print(identity::write_did_document(
            {.subject = self->name(), .signing_key = self->signing().public_key(),
             .exchange_key = self->exchange().public_key(),
             .services = {{"relay", "AgentMeshRelay", with.relay}},
             .created = self->created_at(),
             .updated = self->created_at()}));
        return exit_code::done;
    }
    auto at = open_home(with, status);
    if (!at) return status;
    const auto keys = kept_up(with, *at, status);
    if (!keys) return status;
    // For a directory that we do not write ourselves: without one-time prekeys, which serve once each.
    registry::stored_record record{.who = at->self.name()};
    const auto known = keys->publication(e2ee::identity_card::make(at->self, 0));
    if (!known || !registry::apply(record, {.bundle = {.card = known->card, .signed_key = known->signed_key},
                                            .one_time = {}, .display_name = with.name, .relay = with.relay}))
        return complain({errc::registry_failed, {}}, with);
    std::string text;
    registry::append_record(text, record);
    report::print(text);
    return exit_code::done;
}

int sessions(const settings& with) {
    int status = exit_code::done;
    auto at = open_home(with, status);
    if (!at) return status;
    session::deny_all rules;
    e2ee::prekey_store keys;
    crypto::system_random random;
    const auto card = e2ee::identity_card::make(at->self, 0);
    session::engine engine{at->self, card, random, rules, keys};
    silent_sink nobody;
    if (const auto read = engine.restore(at->state, net::system_clock{}.now(), nobody);
        !read && read.error().code != errc::not_persisted)
        return complain(read.error(), with, with.home + "/state");
    report out{with.json};
    for (const auto& one : engine.sessions()) out.session(one);
    return exit_code::done;
}

int policy_check(const settings& with, const policy_question& asked) {
    const std::string file = asked.file.empty() ? with.policy_file() : asked.file;
    const auto text = content_of(file);
    if (!text && !asked.file.empty()) {
        complain(file + ": cannot be read");
        return exit_code::refused;
    }
    session::policy_fault where;
    const auto rules = text ? session::parse_policy(*text, where) : result<session::policy>{session::policy{}};
    if (!rules) {
        complain(file + ": " + printable(where.text()));
        return exit_code::refused;
    }
    if (!text) complain("there is no " + file + "; these are the defaults");
    if (asked.from.empty()) {
        const auto all = session::write_policy(*rules);
        report::print(all.ends_with('\n') ? all.substr(0, all.size() - 1) : all);
        return exit_code::done;
    }

    registry::file_directory agents{with.directory};
    int status = exit_code::done;
    const auto who = find_peer(asked.from, with, agents, status);
    if (!who) return status;
    session::applicant applicant{.who = *who, .now = net::system_clock{}.now()};
    if (const auto known = agents.find(*who)) {
        applicant.trust = known->trust;
        applicant.reputation_ppm = known->reputation_ppm;
    }
    if (!asked.tier.empty()) {
        const auto level = identity::parse_tier(asked.tier, identity::tier_dialect::word);
        if (!level) {
            complain(printable(asked.tier) + " is no tier; there are anonymous, verified and organization");
            return exit_code::usage;
        }
        applicant.trust = *level;
    }
    if (asked.reputation_ppm) applicant.reputation_ppm = *asked.reputation_ppm;
    applicant.what = read_intent(asked.intent);
    session::policy_source source{*rules};
    const auto answer = source.decide(applicant);
    if (with.json) {
        report::line("decision", [&](json::writer& to) {
            to.member("peer", who->text()).member("accepted", answer.accepted);
            if (!answer.accepted)
                to.member("reason", session::to_text(answer.why)).member("told", session::to_text(answer.told));
        });
    } else {
        report::print(answer.accepted ? "accepted" : "refused: " + std::string{session::to_text(answer.why)} +
                                                         "; the caller hears " +
                                                         std::string{session::to_text(answer.told)});
    }
    return answer.accepted ? exit_code::done : exit_code::refused;
}

int prekeys(const settings& with) {
    int status = exit_code::done;
    auto at = open_home(with, status);
    if (!at) return status;
    const auto keys = kept_up(with, *at, status);
    if (!keys) return status;
    const auto known = keys->publication(e2ee::identity_card::make(at->self, 0));
    const auto published = at->directory.find(at->self.name());
    if (!known || !published) return complain({errc::registry_failed, {}}, with);
    const auto until = format_time(time_point{std::chrono::seconds{known->signed_key.not_after}});
    if (with.json) {
        report::line("prekeys", [&](json::writer& to) {
            to.member("signed_prekey", known->signed_key.id).member("valid_until", until);
            to.member("one_time_left", keys->one_time_left()).member("one_time_published", published->one_time_left);
            to.member("directory", with.directory);
        });
    } else {
        report::print("signed prekey " + std::to_string(known->signed_key.id) + ", valid until " + until + "\n" +
                      std::to_string(keys->one_time_left()) + " one-time prekeys, " +
                      std::to_string(published->one_time_left) + " of them to be had in " + with.directory);
    }
    return exit_code::done;
}
