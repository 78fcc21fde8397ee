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

}  // namespace

std::optional<e2ee::prekey_store> kept_up(const settings& with, net::home& at, int& status,
                                          e2ee::prekey_upkeep* what) {
    e2ee::prekey_store keys;
    crypto::system_random random;
    const auto work = [&]() -> result<void> {
        AGENTMESH_TRY(url, net::parse_ws_url(with.relay));  // others are going to read it
        (void)url;
        AGENTMESH_CHECK(keys.restore(at.state, at.self));
        AGENTMESH_TRY(done, keys.maintain(at.self, at.state, random, net::system_clock{}.now().wall));
        if (what) *what = done;
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
        const auto document = identity::write_did_document(
            {.subject = self->name(), .signing_key = self->signing().public_key(),
             .exchange_key = self->exchange().public_key(),
             .services = {{"relay", "AgentMeshRelay", with.relay}},
             .created = self->created_at(),
             .updated = self->created_at()});
        if (with.json) report::line("did", [&](json::writer& to) { to.name("document").verbatim(document); });
        else report::print(document);
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
    if (with.json) report::line("record", [&](json::writer& to) { to.name("record").verbatim(text); });
    else report::print(text);
    return exit_code::done;
}

int sessions(const settings& with, const std::string& which) {
    int status = exit_code::done;
    auto at = open_home(with, status);
    if (!at) return status;
    const auto id = parse_session(which);
    const auto peer = which.empty() || id ? std::nullopt : find_peer(which, with, at->directory, status);
    if (!which.empty() && !id && !peer) return status;
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
    bool found = false;
    for (const auto& one : engine.sessions()) {
        if ((id && one.id != *id) || (peer && one.peer != *peer)) continue;
        out.session(one, name_of(one.peer, at->directory));
        found = true;
    }
    if (found || with.json) return exit_code::done;
    complain(which.empty() ? "there are no sessions" : "no session of " + printable(which));
    return exit_code::done;
}

int policy_show(const settings& with) {
    session::policy_source rules;
    if (!load_policy(with, rules)) return exit_code::refused;
    const bool is_file = identity::something_at(with.policy_file());
    auto all = session::write_policy(rules.rules());
    while (all.ends_with('\n')) all.pop_back();
    if (with.json) {
        // One line: what is in a string of a policy has no line end.
        std::erase(all, '\n');
        report::line("policy", [&](json::writer& to) {
            to.member("file", with.policy_file()).member("defaults", !is_file).name("policy").verbatim(all);
        });
        return exit_code::done;
    }
    if (!is_file) complain("there is no " + with.policy_file() + "; these are the defaults");
    report::print(all);
    return exit_code::done;
}

int policy_check(const settings& with, const policy_question& asked) {
    const std::string file = asked.file.empty() ? with.policy_file() : asked.file;
    const auto text = content_of(file);
    if (!text && (!asked.file.empty() || identity::something_at(file))) {
        complain(file + ": cannot be read");
        return exit_code::refused;
    }
    session::policy_fault where;
    const auto rules = text ? session::parse_policy(*text, where) : result<session::policy>{session::policy{}};
    if (!rules) {
        complain(file + ": " + printable(where.text()));
        return exit_code::refused;
    }
    if (asked.from.empty()) {
        if (with.json) {
            report::line("policy_checked",
                         [&](json::writer& to) { to.member("file", file).member("defaults", !text); });
            return exit_code::done;
        }
        report::print(text ? file + ": good" : "there is no " + file + ", so the defaults hold");
        return exit_code::done;
    }
    if (!text) complain("there is no " + file + ", so the defaults hold");

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

int prekeys(const settings& with, bool look) {
    int status = exit_code::done;
    auto at = open_home(with, status);
    if (!at) return status;
    e2ee::prekey_upkeep done;
    std::optional<e2ee::prekey_store> keys;
    if (look) {
        keys.emplace();
        if (const auto read = keys->restore(at->state, at->self); !read)
            return complain(read.error(), with, with.home + "/state");
    } else if (keys = kept_up(with, *at, status, &done); !keys) {
        return status;
    }
    const auto known = keys->publication(e2ee::identity_card::make(at->self, 0));
    if (!known) {
        complain("there are no prekeys yet; make them: agentmesh prekeys");
        return exit_code::refused;
    }
    const auto published = at->directory.find(at->self.name());
    const auto handed_out = published ? published->one_time_left : 0;
    const auto text_of_time = [](time_point at_) { return format_time(std::chrono::floor<std::chrono::seconds>(at_)); };
    const auto until = text_of_time(time_point{std::chrono::seconds{known->signed_key.not_after}});
    const auto next = keys->next_due();
    if (with.json) {
        report::line("prekeys", [&](json::writer& to) {
            to.member("signed_prekey", known->signed_key.id).member("valid_until", until);
            if (next) to.member("next_upkeep", text_of_time(*next));
            to.member("renewed", done.rotated).member("added", done.added);
            to.member("one_time_left", keys->one_time_left()).member("published", published.has_value());
            to.member("one_time_published", handed_out).member("directory", with.directory);
        });
        return exit_code::done;
    }
    report::print("signed prekey " + std::to_string(known->signed_key.id) + (done.rotated ? ", new" : "") +
                  ", valid until " + until + (next ? ", next upkeep " + text_of_time(*next) : "") + "\n" +
                  std::to_string(keys->one_time_left()) + " one-time prekeys" +
                  (done.added > 0 ? ", " + std::to_string(done.added) + " of them new" : "") + "; " +
                  (published ? std::to_string(handed_out) + " to be had in " : "this agent is not in ") +
                  with.directory);
    return exit_code::done;
}
