// Bodies of p2p/ice.hpp.
#pragma once

#include <agentmesh/core/encoding.hpp>

#include <algorithm>

namespace agentmesh::p2p {

inline result<void> ice_credentials::check() const {
    if (detail::is_ice_text(fragment, 4, 256) && detail::is_ice_text(password, 22, 256)) return {};
    return fail(errc::bad_sdp, "AM-P2P-020");
}

result<ice_agent> ice_agent::create(ice_options chosen, RandomSource auto& random) {
    AGENTMESH_TRY(transactions, transaction_source::create(random));
    return ice_agent{std::move(chosen), transactions};
}

inline ice_agent::ice_agent(ice_options chosen, const transaction_source& transactions)
    : chosen_{std::move(chosen)}, transactions_{transactions}, controlling_{chosen_.controlling} {
    constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const auto own = transactions_.draw(), tie = transactions_.draw();
    for (std::size_t i = 0; i < 8; ++i) own_.fragment += letters[own[i] & 63];
    for (std::size_t i = 8; i < 32; ++i) own_.password += letters[own[i] & 63];
    for (std::size_t i = 0; i < 8; ++i) tie_breaker_ = tie_breaker_ << 8 | tie[i];
}

// --- what there is ------------------------------------------------------------------------------------------------

inline const ice_agent::base* ice_agent::find_base(base_id id) const noexcept {
    const auto at = std::ranges::find(bases_, id, &base::id);
    return at == bases_.end() ? nullptr : &*at;
}

inline ice_agent::path* ice_agent::find_path(base_id from, const endpoint& to) noexcept {
    const auto at = std::ranges::find_if(paths_, [&](const path& one) { return one.from == from && one.to == to; });
    return at == paths_.end() ? nullptr : &*at;
}

inline candidate* ice_agent::find_remote(const endpoint& at) noexcept {
    const auto found = std::ranges::find(remote_, at, &candidate::at);
    return found == remote_.end() ? nullptr : &*found;
}

inline std::uint64_t ice_agent::priority_of(const base& from, const candidate& to) const noexcept {
    const auto own = candidate_priority(from.kind, from.preference);
    return controlling_ ? pair_priority(own, to.priority) : pair_priority(to.priority, own);
}

inline ice_pair ice_agent::describe(const path& of) const {
    const auto* from = find_base(of.from);
    ice_pair out{.from = of.from, .to = of.to};
    out.local = {.at = from->at, .kind = from->kind, .priority = candidate_priority(from->kind, from->preference)};
    if (of.mapped && *of.mapped != from->at) {
        const auto known = std::ranges::find(told_, *of.mapped, &candidate::at);
        const auto kind = known == told_.end() ? candidate_kind::peer_reflexive : known->kind;
        out.local = {
            .at = *of.mapped, .kind = kind, .priority = candidate_priority(kind, from->preference), .base = from->at};
    }
    const auto theirs = std::ranges::find(remote_, of.to, &candidate::at);
    if (theirs != remote_.end()) out.remote = *theirs;
    return out;
}

/// The same for candidates of one kind, base address and server, and telling nothing of the address itself.
inline std::string ice_agent::foundation_of(candidate_kind kind, const endpoint& at, const endpoint& server) const {
    buffer text{'f', static_cast<std::uint8_t>(kind)};
    for (const auto* one : {&at, &server}) {
        text.push_back(one->v6 ? 6 : 4);
        text.insert(text.end(), one->address.begin(), one->address.end());
    }
    return to_hex(byte_view{transactions_.code(text)}.first(4));
}

inline void ice_agent::take_role(bool controlling) {
    if (controlling != controlling_) {
        // What was sent as one who leads is not sent again as one who follows.
        std::erase_if(questions_, [](const auto& one) { return one.second.nominating; });
        nominating_ = false;
    }
    controlling_ = controlling;
    for (auto& one : paths_) {
        const auto* from = find_base(one.from);
        const auto* theirs = find_remote(one.to);
        if (from != nullptr && theirs != nullptr) one.priority = priority_of(*from, *theirs);
    }
    std::ranges::stable_sort(paths_, std::ranges::greater{}, &path::priority);
}

/// Every base with every address of the peer of its family.
/// @spec AM-P2P-022
inline void ice_agent::form_paths() {
    if (!known_) return;
    for (const auto& from : bases_)
        for (const auto& to : remote_)
            if (from.at.v6 == to.at.v6 && find_path(from.id, to.at) == nullptr)
                paths_.push_back({.from = from.id, .to = to.at, .priority = priority_of(from, to)});
    std::ranges::stable_sort(paths_, std::ranges::greater{}, &path::priority);
    while (paths_.size() > limits::ice_checks) {
        const auto last = std::find_if(paths_.rbegin(), paths_.rend(), [](const path& one) {
            return one.state == path_state::waiting || one.state == path_state::failed;
        });
        if (last == paths_.rend()) return;
        paths_.erase(std::next(last).base());
    }
}

// --- our side -----------------------------------------------------------------------------------------------------

/// @spec AM-P2P-013
void ice_agent::tell(candidate own, IceSink auto& out) {
    if (!chosen_.policy.offers(own) || told_.size() == limits::ice_candidates) return;
    if (std::ranges::find(told_, own.at, &candidate::at) != told_.end()) return;
    if (own.base && !chosen_.policy.allows(*own.base)) own.base.reset();
    told_.push_back(own);
    out.candidate(told_.back());
}

void ice_agent::add_base(base_id id, candidate_kind kind, const endpoint& at, std::uint16_t preference, const moment&,
                         IceSink auto& out) {
    using reach = candidate_policy::reach;
    const auto use = chosen_.policy.use;
    if (failed_ || use == reach::never || (use == reach::relay_only && kind != candidate_kind::relayed)) return;
    if (find_base(id) != nullptr || bases_.size() == limits::ice_candidates) return;
    bases_.push_back({id, kind, at, preference});
    tell({.at = at,
          .kind = kind,
          .priority = candidate_priority(kind, preference),
          .foundation = foundation_of(kind, at, {})},
         out);
    form_paths();
}

void ice_agent::remove_base(base_id id, const moment&, IceSink auto& out) {
    std::erase_if(bases_, [&](const base& one) { return one.id == id; });
    std::erase_if(paths_, [&](const path& one) { return one.from == id; });
    std::erase_if(triggered_, [&](const auto& one) { return one.first == id; });
    std::erase_if(questions_, [&](const auto& one) { return one.second.from == id; });
    valid_ = std::ranges::any_of(paths_, [](const path& one) { return one.state == path_state::valid; });
    nominating_ = false;
    say_gathered(out);
    if (selected_ && selected_->from == id) give_up(errc::path_lost, out);
}

void ice_agent::ask_server(base_id id, const endpoint& server, const moment& now, IceSink auto& out) {
    const auto* from = find_base(id);
    if (failed_ || from == nullptr || from->at.v6 != server.v6) return;
    const auto transaction = transactions_.next();
    ask(transaction,
        {.why = purpose::server,
         .from = id,
         .to = server,
         .wait = chosen_.first_wait,
         .bytes = stun::writer{stun::kind::request, stun::method::binding, transaction}.finish()},
        now, out);
}

void ice_agent::no_more_bases(const moment&, IceSink auto& out) {
    all_ours_ = true;
    say_gathered(out);
}

void ice_agent::say_gathered(IceSink auto& out) {
    if (!all_ours_ || gathered_) return;
    if (std::ranges::any_of(questions_, [](const auto& one) { return one.second.why == purpose::server; })) return;
    gathered_ = true;
    out.gathered();
}

// --- the peer's ---------------------------------------------------------------------------------------------------

result<void> ice_agent::set_remote(ice_credentials theirs, const moment& now, IceSink auto& out) {
    AGENTMESH_CHECK(theirs.check());
    if (known_) return fail(errc::duplicate, "AM-P2P-020");
    theirs_ = std::move(theirs);
    known_ = true;
    began_ = next_check_ = now.steady;
    form_paths();
    run_checks(now, out);
    return {};
}

result<void> ice_agent::add_remote(const candidate& theirs, const moment& now, IceSink auto& out) {
    if (failed_) return fail(errc::no_path);
    if (!chosen_.policy.allows(theirs.at)) return fail(errc::bad_candidate, "AM-P2P-012");
    if (auto* known = find_remote(theirs.at)) {
        // Its checks can be faster than its words: what was learned from them gives way to what it says itself.
        if (known->kind == candidate_kind::peer_reflexive) *known = theirs;
        take_role(controlling_);
        return {};
    }
    if (remote_.size() >= limits::ice_candidates) return fail(errc::candidate_limit, "AM-P2P-022");
    remote_.push_back(theirs);
    form_paths();
    run_checks(now, out);
    return {};
}

void ice_agent::remote_done(const moment& now, IceSink auto& out) {
    all_theirs_ = true;
    nominate_if_due(now, out);
}

// --- questions ----------------------------------------------------------------------------------------------------

void ice_agent::ask(const stun::transaction& id, question what, const moment& now, IceSink auto& out) {
    what.sent = 1;
    what.due = now.steady + what.wait;
    const auto& kept = questions_.insert_or_assign(id, std::move(what)).first->second;
    out.send(kept.from, kept.to, kept.bytes);
}

/// @spec AM-P2P-023
void ice_agent::check(path& one, bool nominate, const moment& now, IceSink auto& out) {
    const auto* from = find_base(one.from);
    const auto transaction = transactions_.next();
    stun::writer text{stun::kind::request, stun::method::binding, transaction};
    text.text(stun::attribute::username, theirs_.fragment + ':' + own_.fragment);
    text.number(stun::attribute::priority, candidate_priority(candidate_kind::peer_reflexive, from->preference));
    text.number64(controlling_ ? stun::attribute::ice_controlling : stun::attribute::ice_controlled, tie_breaker_);
    if (nominate) text.flag(stun::attribute::use_candidate);
    if (one.state == path_state::waiting || one.state == path_state::failed) one.state = path_state::in_progress;
    // RFC 8445 section 14.3: the more there is to check, the longer an answer may take.
    const auto open = std::ranges::count_if(paths_, [](const path& other) {
        return other.state == path_state::waiting || other.state == path_state::in_progress;
    });
    ask(transaction,
        {.why = purpose::check,
         .from = one.from,
         .to = one.to,
         .controlling = controlling_,
         .nominating = nominate,
         .wait = std::max(chosen_.first_wait, chosen_.pace * open),
         .bytes = text.sign(stun::short_term_key(theirs_.password))},
        now, out);
}

inline void ice_agent::lost(const question& what) {
    if (what.why != purpose::check) return;
    auto* one = find_path(what.from, what.to);
    if (one == nullptr) return;
    if (one->state == path_state::in_progress || what.nominating) one->state = path_state::failed;
    if (what.nominating) {
        // It worked once. Another that works goes first, and if there is none this one is tried again.
        nominating_ = false;
        triggered_.emplace_back(what.from, what.to);
    }
    valid_ = std::ranges::any_of(paths_, [](const path& other) { return other.state == path_state::valid; });
}

void ice_agent::run_questions(const moment& now, IceSink auto& out) {
    for (auto at = questions_.begin(); at != questions_.end();) {
        auto& one = at->second;
        if (one.due > now.steady) {
            ++at;
        } else if (one.why == purpose::consent || one.sent > chosen_.transmissions) {
            const auto gone = std::move(one);
            at = questions_.erase(at);
            lost(gone);
        } else if (one.sent++ == chosen_.transmissions) {
            // Nothing more is sent, and an answer to the last may still come (RFC 8489 section 6.2.1).
            one.due = now.steady + 4 * chosen_.first_wait;
            ++at;
        } else {
            // Doubling without end, as RFC 8489 has it, would leave the last sendings of a check half a minute apart.
            one.wait = std::min(2 * one.wait, std::max(4 * chosen_.first_wait, one.wait));
            one.due = now.steady + one.wait;
            out.send(one.from, one.to, one.bytes);
            ++at;
        }
    }
    say_gathered(out);
}

/// @spec AM-P2P-025
void ice_agent::run_checks(const moment& now, IceSink auto& out) {
    if (!known_ || failed_ || now.steady < next_check_) return;
    while (!triggered_.empty()) {
        const auto [from, to] = triggered_.front();
        triggered_.pop_front();
        auto* one = find_path(from, to);
        if (one == nullptr || one->state == path_state::valid) continue;
        next_check_ = now.steady + chosen_.pace;
        return check(*one, false, now, out);
    }
    if (selected_) return;
    const auto one = std::ranges::find(paths_, path_state::waiting, &path::state);
    if (one == paths_.end()) return;
    next_check_ = now.steady + chosen_.pace;
    check(*one, false, now, out);
}

// --- datagrams ----------------------------------------------------------------------------------------------------

inline bool ice_agent::owns(byte_view datagram) const {
    const auto in = stun::message::parse(datagram);
    if (!in) return false;
    if (in->what() != stun::kind::request) return questions_.contains(in->id());
    const auto name = in->text(stun::attribute::username);
    return name && name->starts_with(own_.fragment + ':');
}

result<void> ice_agent::on_datagram(base_id at, const endpoint& from, byte_view datagram, const moment& now,
                                    IceSink auto& out) {
    AGENTMESH_TRY(in, stun::message::parse(datagram));
    if (failed_) return fail(errc::no_path);
    if (find_base(at) == nullptr) return fail(errc::bad_candidate, "AM-P2P-023");
    if (in.is(stun::kind::request, stun::method::binding)) return on_request(at, from, in, now, out);
    if (in.is(stun::kind::success, stun::method::binding) || in.is(stun::kind::failure, stun::method::binding))
        return on_answer(at, from, in, now, out);
    if (in.is(stun::kind::indication, stun::method::binding)) return {};  // keeps a router's memory fresh
    return fail(errc::bad_stun, "AM-P2P-023");
}

void ice_agent::refuse(base_id at, const endpoint& to, const stun::message& in, std::uint16_t code, IceSink auto& out) {
    stun::writer text{stun::kind::failure, in};
    text.error(code, {});
    if (code == 420) text.unknown(in.unknown());
    // One who has not shown the password is not shown ours.
    out.send(at, to, code == 400 || code == 401 ? text.finish() : text.sign(stun::short_term_key(own_.password)));
}

/// @spec AM-P2P-023, AM-P2P-026, AM-P2P-028
result<void> ice_agent::on_request(base_id at, const endpoint& from, const stun::message& in, const moment& now,
                                   IceSink auto& out) {
    if (!chosen_.policy.allows(from)) return fail(errc::bad_candidate, "AM-P2P-012");
    if (!in.has_fingerprint()) return fail(errc::bad_stun, "AM-P2P-023");
    const auto refused = [&](std::uint16_t code, errc why) {
        refuse(at, from, in, code, out);
        return fail(why, "AM-P2P-023");
    };
    const auto name = in.text(stun::attribute::username);
    if (!name || !in.is_signed()) return refused(400, errc::bad_integrity);
    if (!name->starts_with(own_.fragment + ':') || !in.check(stun::short_term_key(own_.password)))
        return refused(401, errc::bad_integrity);
    // The other half of the name is the peer's, once it is known.
    if (known_ && name->substr(own_.fragment.size() + 1) != theirs_.fragment) return refused(401, errc::bad_integrity);
    if (!in.unknown().empty()) return refused(420, errc::bad_stun);
    const auto priority = in.number(stun::attribute::priority);
    if (!priority || *priority == 0 || *priority > 0x7fff'ffff) return refused(400, errc::bad_stun);
    const auto as_controlling = in.number64(stun::attribute::ice_controlling);
    const auto as_controlled = in.number64(stun::attribute::ice_controlled);
    if (as_controlling.has_value() == as_controlled.has_value()) return refused(400, errc::bad_stun);
    if (controlling_ && as_controlling) {
        if (tie_breaker_ >= *as_controlling) return refused(487, errc::bad_stun);
        take_role(false);
    } else if (!controlling_ && as_controlled) {
        if (tie_breaker_ < *as_controlled) return refused(487, errc::bad_stun);
        take_role(true);
    }

    if (find_remote(from) == nullptr) {
        if (remote_.size() >= limits::ice_candidates) return fail(errc::candidate_limit, "AM-P2P-022");
        remote_.push_back({.at = from,
                           .kind = candidate_kind::peer_reflexive,
                           .priority = *priority,
                           .foundation = foundation_of(candidate_kind::peer_reflexive, from, {})});
        form_paths();
    }
    out.send(at, from,
             stun::writer{stun::kind::success, in}
                 .address(stun::attribute::xor_mapped_address, from)
                 .sign(stun::short_term_key(own_.password)));

    const auto way = std::pair{at, from};
    auto* one = find_path(at, from);
    const bool valid = one != nullptr && one->state == path_state::valid;
    if (!controlling_ && one != nullptr && in.has(stun::attribute::use_candidate)) {
        // The last nomination counts, because the one before may have failed on its way back. None takes another's
        // away: whoever repeats this check from elsewhere would prevent a pair that he could not have himself.
        one->nominated = true;
        if (valid) select(*one, now, out);
    }
    const auto waiting = std::ranges::find(triggered_, way);
    if (!valid && waiting == triggered_.end() && triggered_.size() < limits::ice_candidates) triggered_.push_back(way);
    run_checks(now, out);
    return {};
}

/// The question that an answer belongs to, taken away.
/// @spec AM-P2P-027
inline auto ice_agent::take_question(base_id at, const endpoint& from, const stun::message& in) -> result<question> {
    const auto found = questions_.find(in.id());
    if (found == questions_.end()) return fail(errc::bad_stun, "AM-P2P-027");
    auto& asked = found->second;
    // Whoever listens on the way knows the transaction, and not the password; he can send what he heard from elsewhere,
    // and so nothing that comes another way ends a question, of which RFC 8445 would have the pair fail at once.
    if (asked.why != purpose::server) AGENTMESH_CHECK(in.check(stun::short_term_key(theirs_.password)));
    if (asked.from != at || asked.to != from || !in.unknown().empty()) return fail(errc::bad_stun, "AM-P2P-027");
    auto out = std::move(asked);
    questions_.erase(found);
    return out;
}

/// @spec AM-P2P-027, AM-P2P-028, AM-P2P-029
result<void> ice_agent::on_answer(base_id at, const endpoint& from, const stun::message& in, const moment& now,
                                  IceSink auto& out) {
    AGENTMESH_TRY(asked, take_question(at, from, in));
    if (in.what() == stun::kind::failure) {
        const auto told = in.error();
        if (asked.why == purpose::check && told && told->code == 487) {
            if (controlling_ == asked.controlling) take_role(!asked.controlling);
            auto* one = find_path(at, from);
            if (one != nullptr && one->state != path_state::valid) {
                one->state = path_state::waiting;
                triggered_.emplace_back(at, from);
            }
            run_checks(now, out);
            return {};
        }
        lost(asked);
        say_gathered(out);
        return fail(errc::stun_refused, "AM-P2P-027");
    }
    const auto mapped = in.address(stun::attribute::xor_mapped_address);
    if (!mapped) {
        lost(asked);
        say_gathered(out);
        return fail(mapped.error());
    }
    if (asked.why == purpose::consent) {
        consented_ = now.steady;
        return {};
    }
    if (asked.why == purpose::server) {
        const auto* from_base = find_base(at);
        if (*mapped != from_base->at)
            tell({.at = *mapped,
                  .kind = candidate_kind::server_reflexive,
                  .priority = candidate_priority(candidate_kind::server_reflexive, from_base->preference),
                  .foundation = foundation_of(candidate_kind::server_reflexive, from_base->at, from),
                  .base = from_base->at},
                 out);
        say_gathered(out);
        return {};
    }
    auto* one = find_path(at, from);
    if (one == nullptr) return {};
    if (!valid_) first_valid_ = now.steady;
    valid_ = true;
    one->state = path_state::valid;
    one->mapped = *mapped;
    if (asked.nominating) nominating_ = false;
    if (controlling_ ? asked.nominating : one->nominated) select(*one, now, out);
    nominate_if_due(now, out);
    return {};
}

// --- nomination, consent ------------------------------------------------------------------------------------------

/// @spec AM-P2P-029
void ice_agent::nominate_if_due(const moment& now, IceSink auto& out) {
    if (!controlling_ || !valid_ || nominating_ || selected_ || failed_) return;
    const auto best = std::ranges::find(paths_, path_state::valid, &path::state);
    if (best == paths_.end()) return;
    const bool better = std::any_of(paths_.begin(), best, [](const path& one) {
        return one.state == path_state::waiting || one.state == path_state::in_progress;
    });
    const auto* theirs = find_remote(best->to);
    const bool relayed = find_base(best->from)->kind == candidate_kind::relayed ||
                         (theirs != nullptr && theirs->kind == candidate_kind::relayed);
    const bool open = relayed && (!gathered_ || !all_theirs_);
    nominate_at_ = first_valid_ + (relayed ? chosen_.settle_relayed : chosen_.settle);
    if ((better || open) && now.steady < nominate_at_) return;
    nominating_ = true;
    check(*best, true, now, out);
}

void ice_agent::select(const path& one, const moment& now, IceSink auto& out) {
    auto chosen = describe(one);
    if (selected_ == chosen) return;
    selected_ = std::move(chosen);
    consented_ = now.steady;
    next_consent_ = now.steady + chosen_.consent_every;
    std::erase_if(questions_, [&](const auto& asked) {
        return asked.second.why == purpose::check && (asked.second.from != one.from || asked.second.to != one.to);
    });
    out.selected(*selected_);
}

/// @spec AM-P2P-030
void ice_agent::run_consent(const moment& now, IceSink auto& out) {
    if (!selected_) return;
    if (now.steady >= consented_ + chosen_.consent_ends) return give_up(errc::path_lost, out);
    if (now.steady < next_consent_) return;
    const auto drawn = transactions_.draw();
    // From four to six fifths of the average, so that two agents do not fall into step.
    next_consent_ = now.steady + chosen_.consent_every * (205 + drawn[12] * 2 / 5) / 256;
    const auto transaction = *stun::transaction::from(byte_view{drawn}.first(12));
    stun::writer text{stun::kind::request, stun::method::binding, transaction};
    text.text(stun::attribute::username, theirs_.fragment + ':' + own_.fragment);
    text.number(stun::attribute::priority, selected_->local.priority == 0 ? 1 : selected_->local.priority);
    text.number64(controlling_ ? stun::attribute::ice_controlling : stun::attribute::ice_controlled, tie_breaker_);
    ask(transaction,
        {.why = purpose::consent,
         .from = selected_->from,
         .to = selected_->to,
         .controlling = controlling_,
         .wait = chosen_.consent_ends,
         .bytes = text.sign(stun::short_term_key(theirs_.password))},
        now, out);
}

void ice_agent::give_up(errc why, IceSink auto& out) {
    if (failed_) return;
    failed_ = true;
    selected_.reset();
    questions_.clear();
    triggered_.clear();
    out.failed({why, why == errc::path_lost ? clause_id{"AM-P2P-030"} : clause_id{}});
}

void ice_agent::on_tick(const moment& now, IceSink auto& out) {
    if (failed_) return;
    run_questions(now, out);
    run_checks(now, out);
    nominate_if_due(now, out);
    run_consent(now, out);
    // Until then a peer that is not heard of may still be reaching for us (RFC 8863).
    if (known_ && !selected_ && now.steady >= began_ + chosen_.give_up) give_up(errc::no_path, out);
}

inline std::optional<steady_point> ice_agent::next_deadline() const {
    if (failed_) return std::nullopt;
    std::optional<steady_point> out;
    const auto take = [&](steady_point at) { out = out ? std::min(*out, at) : at; };
    for (const auto& [id, one] : questions_) take(one.due);
    if (!known_) return out;
    const bool waiting = std::ranges::find(paths_, path_state::waiting, &path::state) != paths_.end();
    if (!triggered_.empty() || (waiting && !selected_)) take(next_check_);
    if (selected_) {
        take(std::min(next_consent_, consented_ + chosen_.consent_ends));
    } else {
        take(began_ + chosen_.give_up);
        if (valid_ && controlling_ && !nominating_) take(nominate_at_);
    }
    return out;
}

}  // namespace agentmesh::p2p
