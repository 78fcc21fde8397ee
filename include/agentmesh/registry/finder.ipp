// Bodies of registry/finder.hpp.
#pragma once

namespace agentmesh::registry {

template <RandomSource Random>
result<void> finder<Random>::resolve(const amid& who, const moment& now, FinderSink auto& out) {
    if (jobs_.contains(who)) return {};
    if (jobs_.size() >= options_.at_once) return fail(errc::lookup_limit);
    // Who is revoked is not looked for: no place could say anything that counts.
    if (const auto standing = memory_->check_standing(who); !standing) {
        found_->forget(who);
        out.resolved(who, standing);
        return {};
    }
    begin_place(who, jobs_[who], now, out);
    return {};
}

template <RandomSource Random>
typename std::map<amid, typename finder<Random>::job>::iterator finder<Random>::job_of(find_ticket what) noexcept {
    auto at = jobs_.begin();
    while (at != jobs_.end() && (at->second.again || at->second.asked != what)) ++at;
    return at;
}

template <RandomSource Random>
void finder<Random>::begin_place(const amid& who, job& of, const moment& now, FinderSink auto& out) {
    if (of.place >= options_.order.size()) {
        const auto why = of.why.value_or(error{errc::unknown_peer, {}});
        return finish(who, fail(why), out);
    }
    of.ends = now.steady + options_.source_limit;
    of.next = step::lookup;
    of.made = 0;
    of.found.reset();
    switch (options_.order[of.place]) {
        case find_source::registry: return ask_registry(who, of, now, out);
        case find_source::dht: of.asked = draw(); return out.ask_dht(of.asked, who);
        case find_source::lan: of.asked = draw(); return out.ask_lan(of.asked, who);
    }
}

template <RandomSource Random>
void finder<Random>::ask_registry(const amid& who, job& of, const moment& now, FinderSink auto& out) {
    of.again.reset();
    ++of.made;
    of.asked = draw();
    if (of.next == step::lookup) return out.ask_registry(of.asked, mesh_->lookup(who));
    if (of.next == step::revocation) return out.ask_registry(of.asked, mesh_->revocation(who));
    if (of.next == step::bare_prekeys) return out.ask_registry(of.asked, mesh_->bare_prekeys(who));
    // A proof serves once, so each attempt has its own.
    auto request = mesh_->prekeys(who, now.wall, *random_);
    if (!request) return next_place(who, request.error(), now, out);
    out.ask_registry(of.asked, *std::move(request));
}

/// @spec AM-FND-017
template <RandomSource Random>
void finder<Random>::next_place(const amid& who, const error& why, const moment& now, FinderSink auto& out) {
    auto& of = jobs_.at(who);
    const auto where = options_.order[of.place];
    const bool unknown = why.code == errc::unknown_peer;
    const bool unreachable = why.code == errc::io_failed || why.code == errc::timed_out ||
                             why.code == errc::registry_failed || why.code == errc::rate_limited;
    if (!unknown && !unreachable) out.doubted(where, who, why);
    if (!unknown && !of.why) of.why = why;
    // Nobody else tells of revocations, so nobody else may overrule a registry that was about to.
    const bool last_word = why.code == errc::certificate_revoked || why.code == errc::revocation_unknown ||
                           (where == find_source::registry && unreachable && !options_.without_registry);
    if (last_word) return finish(who, fail(why), out);
    ++of.place;
    of.again.reset();
    begin_place(who, of, now, out);
}

template <RandomSource Random>
void finder<Random>::finish(const amid& who, const result<void>& outcome, FinderSink auto& out) {
    const auto name = who;  // the key of the job that goes
    jobs_.erase(name);
    if (!outcome) found_->forget(name);
    out.resolved(name, outcome);
}

template <RandomSource Random>
void finder<Random>::keep(const found_agent& of, std::optional<e2ee::prekey_bundle> bundle, const moment& now) {
    std::string text;
    if (bundle) {
        auto bare = *bundle;
        bare.one_time.reset();
        text = e2ee::write_bundle(bare);
    }
    found_->note({.card = *of.card,
                  .display_name = of.display_name,
                  .relay = of.relay,
                  .trust = of.trust,
                  .reputation_ppm = of.reputation,
                  .bundle = std::move(text)},
                 std::move(bundle), now);
}

template <RandomSource Random>
result<bool> finder<Random>::take(const amid& who, job& of, const http::response& reply, const moment& now) {
    if (of.next == step::lookup) {
        AGENTMESH_TRY(found, mesh_->read_lookup(who, reply, now.wall));
        if (found.revoked) return fail(errc::certificate_revoked, "AM-FND-008");
        if (!found.card) return fail(errc::unbound_key, "AM-FND-003");
        of.found = std::move(found);
        of.next = step::revocation;
        return false;
    }
    if (of.next == step::revocation) {
        AGENTMESH_TRY(told, mesh_->read_revocation(who, reply));
        if (told) return fail(errc::certificate_revoked, "AM-FND-008");
        of.next = step::prekeys;
        return false;
    }
    const auto refused = read_refusal(reply);
    if (refused && refused->why.code == errc::unknown_peer) {
        keep(*of.found, std::nullopt, now);  // there is such an agent, and no way to knock at it
        return true;
    }
    if (refused && refused->why.code == errc::bad_signature && of.next == step::prekeys) {
        of.next = step::bare_prekeys;  // we are not registered there, so there is no one-time prekey for us
        return false;
    }
    AGENTMESH_TRY(keys, mesh_->read_prekeys(*of.found, reply, now.wall));
    keep(*of.found, keys.bundle() != nullptr ? std::optional{*keys.bundle()} : std::nullopt, now);
    return true;
}

/// @spec AM-FND-016
template <RandomSource Random>
result<void> finder<Random>::accept(const amid& who, const self_told& told, const moment& now) {
    if (told.card.name != who) return fail(errc::amid_mismatch, "AM-FND-001");
    AGENTMESH_CHECK(told.card.check());
    AGENTMESH_CHECK(memory_->check_standing(who));
    AGENTMESH_CHECK(memory_->check_keys(who, told.card.exchange, told.card));
    std::optional<e2ee::prekey_bundle> bundle;
    if (told.prekey) {
        bundle = e2ee::prekey_bundle{.card = told.card, .signed_key = *told.prekey};
        AGENTMESH_CHECK(e2ee::check_bundle(*bundle, who, now.wall));
        AGENTMESH_CHECK(memory_->check_bundle(*bundle));
        (void)memory_->note_bundle(*bundle);
    } else {
        (void)memory_->note_keys(who, told.card.exchange, told.card);
    }
    found_agent of{.who = who, .signing = told.card.signing, .exchange = told.card.exchange, .card = told.card};
    of.relay = told.relay;
    keep(of, std::move(bundle), now);
    return {};
}

template <RandomSource Random>
void finder<Random>::on_reply(find_ticket what, const result<http::response>& reply, const moment& now,
                              FinderSink auto& out) {
    if (publishing_ && !publishing_->again && publishing_->asked == what) return on_published(reply, now, out);
    const auto at = job_of(what);
    if (at == jobs_.end()) return;
    const auto who = at->first;
    auto& of = at->second;
    if (const auto wait = wait_before_retry(reply, of.made, options_.retries); wait && now.steady + *wait < of.ends) {
        of.again = now.steady + *wait;
        return;
    }
    if (!reply) {
        // A registry that has told of an agent and not of its revocation has not told whether it counts.
        const bool unsure = of.next == step::revocation;
        return next_place(who, unsure ? error{errc::revocation_unknown, "AM-FND-009"} : reply.error(), now, out);
    }
    const auto taken = take(who, of, *reply, now);
    if (!taken) return next_place(who, taken.error(), now, out);
    if (*taken) return finish(who, {}, out);
    of.made = 0;
    ask_registry(who, of, now, out);
}

template <RandomSource Random>
void finder<Random>::on_told(find_ticket what, const std::optional<self_told>& told, const moment& now,
                             FinderSink auto& out) {
    const auto at = job_of(what);
    if (at == jobs_.end()) return;
    const auto who = at->first;
    if (!told) return next_place(who, {errc::unknown_peer, {}}, now, out);
    if (const auto accepted = accept(who, *told, now); !accepted) return next_place(who, accepted.error(), now, out);
    finish(who, {}, out);
}

template <RandomSource Random>
void finder<Random>::on_tick(const moment& now, FinderSink auto& out) {
    std::vector<amid> due;
    for (const auto& [who, of] : jobs_)
        if (of.ends <= now.steady || (of.again && *of.again <= now.steady)) due.push_back(who);
    for (const auto& who : due) {
        const auto at = jobs_.find(who);
        if (at == jobs_.end()) continue;
        auto& of = at->second;
        const bool unsure = options_.order[of.place] == find_source::registry && of.next == step::revocation;
        if (of.ends <= now.steady)
            next_place(who, unsure ? error{errc::revocation_unknown, "AM-FND-009"} : error{errc::timed_out, {}}, now,
                       out);
        else
            ask_registry(who, of, now, out);
    }
    if (publishing_ && publishing_->again && *publishing_->again <= now.steady) send_publication(now, out);
}

template <RandomSource Random>
std::optional<steady_point> finder<Random>::next_deadline() const noexcept {
    std::optional<steady_point> next;
    const auto take = [&](steady_point at) { next = next ? std::min(*next, at) : at; };
    for (const auto& [who, of] : jobs_) take(of.again ? std::min(*of.again, of.ends) : of.ends);
    if (publishing_ && publishing_->again) take(*publishing_->again);
    return next;
}

// --- the own record -------------------------------------------------------------------------------------------

template <RandomSource Random>
void finder<Random>::publish(kept_publication own, enrolment about, const moment& now, FinderSink auto& out) {
    publishing_.emplace(publishing{.own = std::move(own), .about = std::move(about)});
    send_publication(now, out);
}

template <RandomSource Random>
void finder<Random>::send_publication(const moment& now, FinderSink auto& out) {
    auto& of = *publishing_;
    of.again.reset();
    ++of.made;
    of.asked = draw();
    auto request = of.next == errand::enrolment ? mesh_->enroll(of.about, now.wall, *random_)
                                                : mesh_->upload_prekeys(of.own.keys, now.wall, *random_);
    if (request) return out.ask_registry(of.asked, *std::move(request));
    const auto why = request.error();
    publishing_.reset();
    out.published(fail(why), 0);
}

template <RandomSource Random>
void finder<Random>::on_published(const result<http::response>& reply, const moment& now, FinderSink auto& out) {
    auto& of = *publishing_;
    if (const auto wait = wait_before_retry(reply, of.made, options_.retries)) {
        of.again = now.steady + *wait;
        return;
    }
    const auto end = [&](const result<void>& outcome, std::uint64_t keys) {
        publishing_.reset();
        out.published(outcome, keys);
    };
    if (!reply) return end(fail(reply.error()), 0);
    const auto go_on = [&](errand next) {
        of.next = next;
        of.made = 0;
        send_publication(now, out);
    };
    if (of.next == errand::enrolment) {
        const auto enrolled = mesh_->read_enrolment(*reply);
        // Registered meanwhile, or by the attempt whose answer was lost: the prekeys show whether it is ours.
        if (!enrolled && enrolled.error().code != errc::duplicate) return end(fail(enrolled.error()), 0);
        of.enrolled = true;
        return go_on(errand::prekeys);
    }
    const auto uploaded = mesh_->read_upload(*reply);
    if (uploaded) return end({}, uploaded->stored);
    if (uploaded.error().code == errc::unknown_peer && !of.enrolled) return go_on(errand::enrolment);
    end(fail(uploaded.error()), 0);
}

}  // namespace agentmesh::registry
