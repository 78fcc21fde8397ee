#include "apps/agentmesh/registry_commands.hpp"

#include "apps/agentmesh/inspect.hpp"

using namespace agentmesh;

namespace {

using http_answer = result<http::response>;

std::string text_of(time_point at) { return format_time(std::chrono::floor<std::chrono::seconds>(at)); }
std::string_view text_of(tier of) { return identity::tier_label(of, identity::tier_dialect::word); }

/// `0.512`: a part of one, in thousandths.
std::string shown_ratio(registry::ppm of) {
    const auto digits = std::to_string(1000 + of / 1000);
    return (of >= 1'000'000 ? "1." : "0.") + digits.substr(digits.size() - 3);
}

std::string joined(const std::vector<std::string>& all) {
    std::string out;
    for (const auto& one : all) out += (out.empty() ? "" : ", ") + printable(one);
    return out;
}

// --- what is told of an agent -----------------------------------------------------------------------------------

void write_agent(json::writer& to, const registry::found_agent& of) {
    to.member("amid", of.who.text()).member("signing_key", identity::to_text(of.signing, identity::key_prefix::named));
    to.member("exchange_key", identity::to_text(of.exchange, identity::key_prefix::named));
    to.member("keys", of.card ? "bound" : "unbound");
    if (!of.display_name.empty()) to.member("name", of.display_name);
    to.name("capabilities").begin_array();
    for (const auto& one : of.capabilities) to.value(one);
    to.end_array();
    if (!of.relay.empty()) to.member("relay", of.relay);
    if (!of.direct.empty()) to.member("direct", of.direct);
    to.member("status", registry::to_text(of.status));
    if (of.last_seen) to.member("last_seen", text_of(*of.last_seen));
    to.member("tier", text_of(of.trust)).member("claimed_tier", text_of(of.claimed));
    if (!of.organization.empty()) to.member("organization", of.organization);
    if (!of.claimed_organization.empty()) to.member("claimed_organization", of.claimed_organization);
    if (of.unproved) to.member("unproved", to_string(*of.unproved));
    to.member("reputation_ppm", of.reputation).member("claimed_reputation_ppm", of.claimed_reputation);
    to.member("ratings", of.ratings).member("revoked", of.revoked);
    if (!of.flags.empty()) {
        to.name("flags").begin_array();
        for (const auto& one : of.flags) to.value(one);
        to.end_array();
    }
    if (of.successor) to.member("successor", of.successor->text());
    if (of.predecessor) to.member("predecessor", of.predecessor->text());
}

std::string standing_text(const registry::found_agent& of) {
    std::string out{text_of(of.trust)};
    if (!of.organization.empty()) out += " (" + printable(of.organization) + ")";
    if (of.claimed != of.trust || of.claimed_organization != of.organization)
        out += "; the registry says " + std::string{text_of(of.claimed)} +
               (of.claimed_organization.empty() ? "" : " (" + printable(of.claimed_organization) + ")") +
               ", which nobody has proved" + (of.unproved ? ": " + to_string(*of.unproved) : "");
    return out;
}

void print_agent(const registry::found_agent& of) {
    const auto line = [](std::string_view name, const std::string& text) {
        return text.empty() ? std::string{} : '\n' + std::string{name} + std::string(14 - name.size(), ' ') + text;
    };
    std::string out = "AMID          " + std::string{of.who.text()};
    if (of.revoked) out += "\nREVOKED       do not deal with it";
    if (of.successor) out += line("successor", std::string{of.successor->text()});
    if (of.predecessor) out += line("predecessor", std::string{of.predecessor->text()});
    out += line("name", printable(of.display_name)) + line("capabilities", joined(of.capabilities));
    out += line("keys", of.card ? "bound by the agent's own signature"
                                : "the registry's word: nothing ties the exchange key to this agent");
    out += line("tier", standing_text(of));
    out += line("reputation", shown_ratio(of.reputation) + ", " + std::to_string(of.ratings) + " ratings" +
                                  (of.reputation == of.claimed_reputation
                                       ? ""
                                       : "; the registry says " + shown_ratio(of.claimed_reputation)));
    out += line("flags", joined(of.flags)) + line("relay", printable(of.relay)) + line("direct", printable(of.direct));
    out += line("status", std::string{registry::to_text(of.status)} +
                              (of.last_seen ? ", last seen " + text_of(*of.last_seen) : ""));
    report::print(std::move(out));
}

void print_row(const registry::found_agent& of) {
    std::string name(of.who.text());
    name.resize(std::max<std::size_t>(name.size(), 28), ' ');
    report::print(name + "  " + shown_ratio(of.reputation) + "  " + std::string{text_of(of.trust)} + "  " +
                  std::string{registry::to_text(of.status)} + (of.revoked ? "  REVOKED" : "") +
                  (of.display_name.empty() ? "" : "  " + printable(of.display_name)) +
                  (of.capabilities.empty() ? "" : "  [" + joined(of.capabilities) + "]"));
}

// --- who asks -----------------------------------------------------------------------------------------------------

/// The identity alone, so that these commands run beside a listener of the same home.
std::optional<local_identity> self_of(const settings& with, int& status) {
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

/// Runs `then(link, self)`, and keeps what was learned.
template <class Then>
int with_registry(const settings& with, Then&& then) {
    int status = exit_code::done;
    const auto self = self_of(with, status);
    if (!self) return status;
    const auto link = registry_link::open(with, *self, status);
    if (!link) return status;
    const int done = then(*link, *self);
    return link->finish(done);
}

/// The same for an agent that is named.
template <class Then>
int about_peer(const settings& with, const std::string& peer, Then&& then) {
    return with_registry(with, [&](registry_link& link, const local_identity& self) {
        int status = exit_code::done;
        registry::file_directory agents{with.directory};
        const auto who = find_peer(peer, with, agents, status);
        return who ? then(link, self, *who) : status;
    });
}

result<registry::found_agent> look_up(registry_link& link, const amid& who, http_answer& answer) {
    answer = link.ask([&]() -> result<http::request> { return link.mesh().lookup(who); });
    if (!answer) return fail(answer.error());
    return link.mesh().read_lookup(who, *answer, link.now());
}

/// The bundle of an agent without a one-time prekey: whoever only looks takes none away.
http::request plain_prekeys(const amid& who) {
    return {.method = "GET", .path = "/v1/registry/prekeys/" + std::string{who.text()}};
}

// --- prekeys ------------------------------------------------------------------------------------------------------

/// Uploads what `keys` has. @return nothing, with the reason said and `status` set
std::optional<registry::upload_done> upload(registry_link& link, const settings& with, const local_identity& self,
                                            const e2ee::prekey_store& keys, int& status) {
    const auto known = keys.publication(e2ee::identity_card::make(self, 0));
    if (!known) {
        status = complain(known.error(), with);
        return std::nullopt;
    }
    const auto answer = link.ask([&] { return link.mesh().upload_prekeys(*known, link.now(), link.random()); });
    auto done = answer ? link.mesh().read_upload(*answer) : result<registry::upload_done>{fail(answer.error())};
    if (done) return std::move(*done);
    status = link.complain(answer, done.error(), "prekeys");
    return std::nullopt;
}

void report_upload(const settings& with, const registry::upload_done& done) {
    if (with.json)
        return report::line("prekeys_uploaded", [&](json::writer& to) {
            to.member("registry", with.registry).member("stored", done.stored).member("refused", done.refused.size());
            if (done.after.one_time_left) to.member("one_time_left", *done.after.one_time_left);
        });
    report::print(std::to_string(done.stored) + " one-time prekeys were brought to " + printable(with.registry) +
                  (done.after.one_time_left ? "; it has " + std::to_string(*done.after.one_time_left) : ""));
}

}  // namespace

// --- commands -------------------------------------------------------------------------------------------------------

int register_agent(const settings& with, const registration& asked) {
    int status = exit_code::done;
    auto beliefs = registry_beliefs(with, status);
    if (!beliefs) return status;
    std::optional<std::string> pem;
    if (!asked.certificate.empty() && !(pem = content_of(asked.certificate))) {
        complain(asked.certificate + ": cannot be read");
        return exit_code::refused;
    }
    auto at = open_home(with, status);
    if (!at) return status;
    const auto keys = kept_up(with, *at, status);
    if (!keys) return status;
    const auto link = registry_link::open(with, at->self, status);
    if (!link) return status;
    auto& mesh = link->mesh();
    if (!asked.login.empty()) {
        const auto answer = link->ask([&] { return mesh.begin_login(asked.login, link->now(), link->random()); });
        const auto begun =
            answer ? mesh.read_login(*answer) : result<registry_link::client::login_begun>{fail(answer.error())};
        if (!begun) return link->finish(link->complain(answer, begun.error(), asked.login));
        if (with.json)
            report::line("login", [&](json::writer& to) {
                to.member("provider", asked.login).member("url", begun->url).member("state", begun->state);
            });
        else
            report::print("open " + printable(begun->url) +
                          "\nafter the login there, agentmesh lookup tells what the registry makes of it");
        return link->finish(exit_code::done);
    }

    registry::enrolment what{
        .display_name = with.name, .capabilities = asked.capabilities, .verification_token = asked.token};
    // A registry in the open takes no address that only a few can reach; then it is better to name none.
    if (beliefs->local_endpoints || registry::check_endpoint(with.relay))
        what.relay = with.relay;
    else
        complain("note: " + printable(with.relay) + " is no relay for everybody, so the registry is not told");
    const auto answer = link->ask([&] { return mesh.enroll(what, link->now(), link->random()); });
    auto enrolled = answer ? mesh.read_enrolment(*answer) : result<registry::enrolled>{fail(answer.error())};
    bool again = false;
    if (!enrolled && enrolled.error().code == errc::duplicate) {
        http_answer told = fail(errc::io_failed);
        const auto known = look_up(*link, at->self.name(), told);
        if (!known) return link->finish(link->complain(told, known.error(), "own record"));
        if (known->revoked || !mesh.is_own(*known)) {
            complain(known->revoked ? "this agent is revoked there, for good; make another: agentmesh identity new"
                                    : "the registry has other keys of this agent");
            return link->finish(exit_code::refused);
        }
        again = true;
        enrolled = registry::enrolled{.claimed = known->claimed};
        if (!asked.capabilities.empty()) {
            const auto set =
                link->ask([&] { return mesh.set_capabilities(asked.capabilities, link->now(), link->random()); });
            const auto done = set ? mesh.read_change(*set) : result<registry::change_done>{fail(set.error())};
            if (!done) return link->finish(link->complain(set, done.error(), "capabilities"));
        }
    }
    if (!enrolled) return link->finish(link->complain(answer, enrolled.error(), ""));
    if (pem) {
        const auto shown = link->ask([&] { return mesh.show_certificate(*pem, link->now(), link->random()); });
        const auto done = shown ? mesh.read_change(*shown) : result<registry::change_done>{fail(shown.error())};
        if (!done) return link->finish(link->complain(shown, done.error(), asked.certificate));
    }
    const auto done = upload(*link, with, at->self, *keys, status);
    if (!done) return link->finish(status);
    if (with.json)
        report::line("registered", [&](json::writer& to) {
            to.member("amid", at->self.name().text()).member("registry", with.registry).member("again", again);
            to.member("claimed_tier", text_of(enrolled->claimed)).member("stored", done->stored);
        });
    else
        report::print(std::string{at->self.name().text()} + (again ? " was" : " is") + " registered at " +
                      printable(with.registry) + ", tier " + std::string{text_of(enrolled->claimed)} + ", " +
                      std::to_string(done->stored) + " one-time prekeys");
    return link->finish(exit_code::done);
}

int lookup(const settings& with, const std::string& peer) {
    return about_peer(with, peer, [&](registry_link& link, const local_identity&, const amid& who) {
        http_answer answer = fail(errc::io_failed);
        const auto found = look_up(link, who, answer);
        if (!found) return link.complain(answer, found.error(), std::string{who.text()});
        if (with.json)
            report::line("agent", [&](json::writer& to) { write_agent(to, *found); });
        else
            print_agent(*found);
        return found->revoked ? exit_code::refused : exit_code::done;
    });
}

int search(const settings& with, const search_question& asked) {
    registry::search_terms terms{.capability = asked.capability, .limit = asked.limit, .offset = asked.offset};
    if (!asked.at_least.empty()) terms.at_least = *identity::parse_tier(asked.at_least, identity::tier_dialect::word);
    if (asked.reputation_ppm > 0) terms.score_at_least = asked.reputation_ppm;
    if (!asked.status.empty()) terms.status = *registry::parse_availability(asked.status);
    return with_registry(with, [&](registry_link& link, const local_identity&) {
        const auto answer = link.ask([&]() -> result<http::request> { return link.mesh().search(terms); });
        const auto found = answer ? link.mesh().read_search(*answer, link.now())
                                  : result<registry::search_result>{fail(answer.error())};
        if (!found) return link.complain(answer, found.error(), "");
        for (const auto& one : found->rows) {
            if (with.json)
                report::line("agent", [&](json::writer& to) { write_agent(to, one); });
            else
                print_row(one);
        }
        if (with.json)
            report::line("searched", [&](json::writer& to) {
                to.member("shown", found->rows.size()).member("left_out", found->left_out);
                to.member("offset", asked.offset).member("total", found->total);
            });
        else if (found->rows.size() + asked.offset < found->total || found->left_out > 0 || found->rows.empty())
            complain(std::to_string(found->rows.size()) + " of " + std::to_string(found->total) + " shown" +
                     (found->left_out > 0
                          ? ", " + std::to_string(found->left_out) + " left out because their keys do not hold"
                          : ""));
        return exit_code::done;
    });
}

int verify(const settings& with, const std::string& peer) {
    return about_peer(with, peer, [&](registry_link& link, const local_identity&, const amid& who) {
        auto& mesh = link.mesh();
        std::vector<std::string> faults;
        http_answer answer = fail(errc::io_failed);
        const auto found = look_up(link, who, answer);
        if (!found) return link.complain(answer, found.error(), std::string{who.text()});

        const auto told = link.ask([&]() -> result<http::request> { return mesh.revocation(who); });
        const auto gone = told ? mesh.read_revocation(who, *told)
                               : result<std::optional<registry::told_revocation>>{fail(told.error())};
        if (!gone) faults.push_back("whether it is revoked: " + to_string(gone.error()));
        const bool revoked = found->revoked || (gone && *gone);

        const auto shown = link.ask([&]() -> result<http::request> { return mesh.did(who); });
        const auto did = shown ? mesh.read_did(who, *shown) : result<identity::did_document>{fail(shown.error())};
        if (!did)
            faults.push_back("DID document: " + to_string(did.error()));
        else if (did->signing_key != found->signing || did->exchange_key != found->exchange)
            faults.push_back("DID document: it has other keys");

        bool has_prekeys = false;
        if (!revoked) {
            const auto got = link.ask([&]() -> result<http::request> { return plain_prekeys(who); });
            const auto keys = got ? mesh.read_prekeys(*found, *got, link.now())
                                  : result<registry::fetched_prekeys>{fail(got.error())};
            has_prekeys = keys.has_value();
            if (!keys && keys.error().code != errc::unknown_peer)
                faults.push_back("prekeys: " + to_string(keys.error()));
        }
        if (!found->card) faults.push_back("keys: nothing but the registry's word ties the exchange key to this agent");
        const bool good = faults.empty() && !revoked;
        if (with.json) {
            report::line("verified", [&](json::writer& to) {
                to.member("amid", who.text()).member("good", good).member("keys", found->card ? "bound" : "unbound");
                to.member("prekeys", has_prekeys).member("tier", text_of(found->trust));
                to.member("claimed_tier", text_of(found->claimed));
                if (!found->organization.empty()) to.member("organization", found->organization);
                to.member("revoked", revoked);
                if (gone && *gone) {
                    to.member("reason", (*gone)->reason).member("revoked_by_itself", (*gone)->proof.has_value());
                    if ((*gone)->by) to.member("revoked_by", (*gone)->by->text());
                    if ((*gone)->at) to.member("revoked_at", text_of(*(*gone)->at));
                }
                if (found->successor) to.member("successor", found->successor->text());
                to.name("faults").begin_array();
                for (const auto& one : faults) to.value(one);
                to.end_array();
            });
        } else {
            print_agent(*found);
            if (gone && *gone)
                report::print("revoked       " + printable((*gone)->reason) +
                              ((*gone)->at ? ", " + text_of(*(*gone)->at) : "") +
                              ((*gone)->proof ? ", signed by the agent itself" : ", in the registry's word"));
            report::print(std::string{"prekeys       "} + (has_prekeys ? "signed by the agent, and current" : "none"));
            for (const auto& one : faults) complain(one);
        }
        return good ? exit_code::done : exit_code::refused;
    });
}

int rate(const settings& with, const rating& asked) {
    const auto session = parse_session(asked.session);
    if (!session) {
        complain(printable(asked.session) + " is not the id of a session, which has 32 hexadecimal digits");
        return exit_code::usage;
    }
    return about_peer(with, asked.peer, [&](registry_link& link, const local_identity&, const amid& who) {
        const auto answer = link.ask([&] {
            return link.mesh().rate(who, text_of(*session), asked.score_ppm, asked.tags, link.now(), link.random());
        });
        const auto done =
            answer ? link.mesh().read_change(*answer) : result<registry::change_done>{fail(answer.error())};
        if (!done) return link.complain(answer, done.error(), std::string{who.text()});
        if (with.json)
            report::line("rated", [&](json::writer& to) {
                to.member("peer", who.text()).member("session", text_of(*session));
                to.member("score_ppm", asked.score_ppm);
            });
        else
            report::print(std::string{who.text()} + " is rated " + shown_ratio(asked.score_ppm));
        return exit_code::done;
    });
}

int revoke(const settings& with, const withdrawal& asked) {
    const auto why = *registry::parse_reason(asked.reason);
    if (asked.peer.empty() && !asked.sure) {
        complain("this ends the identity in " + with.home + " for good, and nobody can undo it; say --yes");
        return exit_code::usage;
    }
    return with_registry(with, [&](registry_link& link, const local_identity& self) {
        auto& mesh = link.mesh();
        amid who = self.name();
        if (!asked.peer.empty()) {
            int status = exit_code::done;
            registry::file_directory agents{with.directory};
            const auto named = find_peer(asked.peer, with, agents, status);
            if (!named) return status;
            who = *named;
        }
        const bool own = who == self.name();
        if (own && !asked.sure) {
            complain(std::string{who.text()} + " is this agent itself; if that is meant, say --yes");
            return exit_code::usage;
        }
        const auto answer = link.ask([&] {
            return own ? mesh.revoke(why, asked.notes, link.now(), link.random())
                       : mesh.revoke_member(who, why, asked.notes, link.now(), link.random());
        });
        const auto done = answer ? mesh.read_change(*answer) : result<registry::change_done>{fail(answer.error())};
        if (!done) return link.complain(answer, done.error(), std::string{who.text()});
        if (with.json)
            report::line("revoked", [&](json::writer& to) {
                to.member("amid", who.text()).member("registry", with.registry).member("reason", asked.reason);
            });
        else
            report::print(std::string{who.text()} + " is revoked: " + asked.reason);
        return exit_code::done;
    });
}

int prekeys_upload(const settings& with) {
    int status = exit_code::done;
    if (!registry_beliefs(with, status)) return status;
    auto at = open_home(with, status);
    if (!at) return status;
    const auto keys = kept_up(with, *at, status);
    if (!keys) return status;
    const auto link = registry_link::open(with, at->self, status);
    if (!link) return status;
    const auto done = upload(*link, with, at->self, *keys, status);
    if (!done) return link->finish(status);
    report_upload(with, *done);
    return link->finish(exit_code::done);
}

int prekeys_status(const settings& with) {
    return with_registry(with, [&](registry_link& link, const local_identity& self) {
        auto& mesh = link.mesh();
        http_answer answer = fail(errc::io_failed);
        const auto own = look_up(link, self.name(), answer);
        if (!own) return link.complain(answer, own.error(), "own record");
        answer = link.ask([&]() -> result<http::request> { return plain_prekeys(self.name()); });
        const auto keys = answer ? mesh.read_prekeys(*own, *answer, link.now())
                                 : result<registry::fetched_prekeys>{fail(answer.error())};
        if (!keys) return link.complain(answer, keys.error(), "own prekeys");
        // How many are left is said to the owner alone, in the answer to a change; this one changes nothing.
        answer = link.ask([&] { return mesh.set_status(own->status, link.now(), link.random()); });
        const auto left = answer ? mesh.read_change(*answer) : result<registry::change_done>{fail(answer.error())};
        if (!left) return link.complain(answer, left.error(), "own record");
        const auto* const bundle = keys->bundle();
        const auto id = bundle != nullptr ? bundle->signed_key.id : keys->deployed()->signed_id;
        const auto until =
            bundle != nullptr ? text_of(time_point{std::chrono::seconds{bundle->signed_key.not_after}}) : std::string{};
        if (with.json)
            report::line("prekeys_status", [&](json::writer& to) {
                to.member("registry", with.registry).member("signed_prekey", id).member("low", left->one_time_low);
                if (!until.empty()) to.member("valid_until", until);
                if (left->one_time_left) to.member("one_time_left", *left->one_time_left);
            });
        else
            report::print("signed prekey " + std::to_string(id) + (until.empty() ? "" : ", valid until " + until) +
                          "; " + (left->one_time_left ? std::to_string(*left->one_time_left) : "an unknown number of") +
                          " one-time prekeys are to be had of " + printable(with.registry) +
                          (left->one_time_low ? ", which is few: agentmesh prekeys upload" : ""));
        return exit_code::done;
    });
}
