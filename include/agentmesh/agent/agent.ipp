// Bodies of agent/agent.hpp.
#pragma once

namespace agentmesh {

template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
template <class Out>
struct agent<Store, Directory, Policy, Random>::actions {
    agent& self;
    const moment& now;
    Out& out;

    // --- of the link to the relay
    void send_text(std::string_view text) { out.send_text(text); }
    void close(std::uint16_t code, std::string_view reason) { out.close(code, reason); }
    void connected(const wire::connected_frame& frame) { self.news_.push_back(connection{frame.pending_messages}); }
    bool received(const wire::receive_frame& frame) {
        const auto from = amid::parse(frame.from);
        if (!from) return true;  // of nobody: a relay that sends this twice sends it for ever
        if (self.screened(*from, frame.payload, now) || self.over_rate(*from, frame.payload, now)) return true;
        if (self.hold(*from, frame, now, out)) return false;  // the relay keeps its copy until then
        return self.engine_.on_message(*from, frame.type, frame.payload, now, *this).has_value();
    }
    void answered(const wire::relay_frame& frame) {
        if (const auto* refused = std::get_if<wire::error_frame>(&frame)) {
            auto kept = *refused;
            kept.message = kept.id = {};  // views do not outlive the call
            self.news_.push_back(kept);
        }
    }
    void ended(const relay::client_end& end) {
        self.news_.push_back(end);
        out.ended(end);
    }

    // --- of the sessions
    result<void> persist(std::span<const record_change> changes) { return self.commit(changes); }
    result<void> send(const amid& to, std::string_view payload, wire::message_type type) {
        AGENTMESH_TRY(id, self.link_->send(to, payload, type, *this));
        (void)id;
        return {};
    }
    void opened(const session_info& info) { self.news_.push_back(info); }
    bool received(const session::incoming& message) {
        arrival kept{message, std::string{as_text(message.envelope)}};
        kept.head.envelope = {};
        self.news_.push_back(std::move(kept));
        return false;  // confirmed once the application has seen it
    }
    void refused(const session::refusal& no) { self.news_.push_back(no); }
    void undelivered(const session::undelivered& lost) { self.news_.push_back(lost); }
    void closed(const session_info& info, const error& why) { self.news_.push_back(closing{info, why}); }
    void wants_knock(const session_info& info) { self.lost_.push_back({info, now.steady}); }
    void audit(const session::audit_event& event) { self.news_.push_back(event); }
};

// --- life -----------------------------------------------------------------------------------------------

template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
agent<Store, Directory, Policy, Random>::agent(const local_identity& self, Store& store, Directory& directory,
                                               Policy policy, agent_options chosen)
    : self_{&self},
      store_{&store},
      directory_{&directory},
      options_{std::move(chosen)},
      policy_{std::move(policy)},
      rules_{policy_, directory},
      card_{e2ee::identity_card::make(self, options_.epoch)},
      prekeys_{options_.prekeys},
      engine_{self, card_, random_, rules_, prekeys_, options_.sessions} {}

template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
result<void> agent<Store, Directory, Policy, Random>::start(const moment& now, AgentSink auto& out) {
    AGENTMESH_TRY(link, relay::client::create(*self_, options_.link, random_));
    link_.emplace(std::move(link));
    AGENTMESH_CHECK(ledger_.load(*store_));
    AGENTMESH_CHECK(prekeys_.restore(*store_, *self_));
    actions<std::remove_reference_t<decltype(out)>> sink{*this, now, out};
    AGENTMESH_CHECK(engine_.restore(*store_, now, sink));
    for (const auto& held : engine_.sessions()) {
        if (held.unacknowledged > 0) awaited_.insert(held.id);
        for (const auto& before : held.replaces) replaced_.insert_or_assign(before, held.id);
    }
    forget_ended_numbers();
    published_ = false;
    AGENTMESH_CHECK(keep_up(now));
    tell(now, out);
    return {};
}

template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
result<void> agent<Store, Directory, Policy, Random>::keep_up(const moment& now) {
    upkeep_at_ = now.steady + options_.upkeep;
    AGENTMESH_TRY(done, prekeys_.maintain(*self_, *store_, random_, now.wall));
    published_ = published_ && !done.publish();
    if (published_ || !options_.publish) return {};
    AGENTMESH_TRY(known, prekeys_.publication(card_));
    AGENTMESH_CHECK(directory_->publish({.bundle = {.card = known.card, .signed_key = known.signed_key},
                                         .one_time = known.one_time,
                                         .display_name = options_.display_name,
                                         .relay = options_.relay}));
    published_ = true;
    return {};
}

template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
result<void> agent<Store, Directory, Policy, Random>::commit(std::span<const record_change> changes) {
    std::vector<record_change> all{changes.begin(), changes.end()};
    for (const auto& [name, bytes] : staged_)
        all.push_back({name, bytes ? std::optional<byte_view>{*bytes} : std::nullopt});
    AGENTMESH_CHECK(store_->commit(all));
    staged_.clear();
    return {};
}

// The flood rule, before a KNOCK is opened. Its first byte is 01, two characters of base64; what the relay calls it is
// not asked. The blocklist is left to `decide`: a blocked caller hears what any refused one hears. @spec AM-POL-010
template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
bool agent<Store, Directory, Policy, Random>::screened(const amid& from, std::string_view payload, const moment& now) {
    if constexpr (requires { policy_.is_flooded(now); }) {
        if (!payload.starts_with("AQ")) return false;
        if (!policy_.is_flooded(now)) return false;
        news_.push_back(session::audit_event{.kind = session::audit_kind::knock_denied,
                                             .peer = from,
                                             .why = {errc::policy_denied, "AM-POL-001"},
                                             .denied = session::deny_reason::rate_limited});
        return true;
    }
    return false;
}

// Messages of one caller in a minute, before they are opened. Nothing is lost: what was not acknowledged is sent again.
template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
bool agent<Store, Directory, Policy, Random>::over_rate(const amid& from, std::string_view payload, const moment& now) {
    if constexpr (requires { policy_.take_message(from, now); }) {
        if (!payload.starts_with("Aw")) return false;  // first byte 03
        if (policy_.take_message(from, now) == 0) return false;
        news_.push_back(session::audit_event{.kind = session::audit_kind::message_dropped, .peer = from,
                                             .why = {errc::rate_limited}});
        return true;
    }
    return false;
}

// --- commands -------------------------------------------------------------------------------------------

template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
void agent<Store, Directory, Policy, Random>::knock(const amid& peer, const intent& what, const session_request& asked,
                                                    knock_answer answer, const moment& now, AgentSink auto& out,
                                                    session::haste how) {
    const auto begun = begin_knock(peer, what, asked, how, now, out);
    const bool unknown =
        !begun && (begun.error().code == errc::unknown_peer || begun.error().code == errc::unknown_prekey);
    if (unknown && look_for(peer, now, out))
        unresolved_.at(peer).knocks.push_back({what, asked, std::move(answer), how});
    else
        note_begun(begun, std::move(answer));
    tell(now, out);
}

template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
result<session_id> agent<Store, Directory, Policy, Random>::begin_knock(const amid& peer, const intent& what,
                                                                        const session_request& asked,
                                                                        session::haste how, const moment& now,
                                                                        AgentSink auto& out) {
    actions<std::remove_reference_t<decltype(out)>> sink{*this, now, out};
    if constexpr (requires { directory_->expire(now); }) directory_->expire(now);
    AGENTMESH_TRY(bundle, directory_->fetch_bundle(peer, now.wall));
    return engine_.knock(bundle, what, asked, now, sink, how);
}

template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
void agent<Store, Directory, Policy, Random>::note_begun(const result<session_id>& begun, knock_answer answer) {
    const auto held = begun ? engine_.find(*begun) : std::nullopt;
    if (!begun || (held && held->phase == session::phase::open)) news_.push_back(answered{std::move(answer), begun});
    else asked_[*begun].push_back(std::move(answer));
}

// --- agents that are not in the directory -----------------------------------------------------------------

/// Whether somebody looks for this agent; then there is a place where to wait for it.
template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
bool agent<Store, Directory, Policy, Random>::look_for(const amid& who, const moment& now, AgentSink auto& out) {
    if (unresolved_.contains(who)) return true;
    if constexpr (requires { { out.resolve(who) } -> std::convertible_to<bool>; }) {
        if (!out.resolve(who)) return false;
        unresolved_.emplace(who, unresolved{.until = now.steady + options_.find_limit});
        return true;
    } else {
        (void)now;
        return false;
    }
}

/// Whether a frame waits until it is known who its sender is. A stranger's KNOCK does, and what he sends after it; in
/// order, and bounded: what is over the bounds stays at the relay, or is decided as if nobody knew him.
/// @spec AM-FND-018
template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
bool agent<Store, Directory, Policy, Random>::hold(const amid& from, const wire::receive_frame& frame,
                                                   const moment& now, AgentSink auto& out) {
    auto at = unresolved_.find(from);
    if (at == unresolved_.end() || at->second.frames.empty()) {
        if (!frame.payload.starts_with("AQ")) return false;  // not a KNOCK
        if constexpr (requires { directory_->expire(now); }) directory_->expire(now);
        if (const auto known = directory_->find(from); known || known.error().code != errc::unknown_peer) return false;
        const auto waiting = std::count_if(unresolved_.begin(), unresolved_.end(),
                                           [](const auto& one) { return !one.second.frames.empty(); });
        if (static_cast<std::size_t>(waiting) >= options_.strangers || !look_for(from, now, out)) return false;
        at = unresolved_.find(from);
    }
    auto& frames = at->second.frames;
    std::size_t bytes = frame.payload.size();
    for (const auto& one : frames) {
        if (!one.id.empty() && one.id == frame.id) return true;  // sent again after a break
        bytes += one.payload.size();
    }
    if (frames.size() < held_frames && bytes <= held_bytes)
        frames.push_back({std::string{frame.id}, std::string{frame.payload}, frame.type});
    return true;
}

template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
void agent<Store, Directory, Policy, Random>::on_resolved(const amid& who, const result<void>& outcome,
                                                          const moment& now, AgentSink auto& out) {
    auto waiting = unresolved_.extract(who);
    if (waiting.empty()) return;
    actions<std::remove_reference_t<decltype(out)>> sink{*this, now, out};
    for (auto& one : waiting.mapped().knocks) {
        const auto begun = outcome ? begin_knock(who, one.what, one.asked, one.how, now, out)
                                   : result<session_id>{fail(outcome.error())};
        note_begun(begun, std::move(one.answer));
    }
    for (const auto& one : waiting.mapped().frames)
        if (engine_.on_message(who, one.type, one.payload, now, sink) && !one.id.empty())
            link_->confirm(who.text(), one.id, sink);
    if (outcome)
        for (auto& one : lost_)
            if (one.which.peer == who) one.again = now.steady;
    tell(now, out);
}

template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
result<session::message_id> agent<Store, Directory, Policy, Random>::send(const session_id& to,
                                                                          const message::body& what, const moment& now,
                                                                          AgentSink auto& out,
                                                                          std::optional<std::string> name) {
    const session_id id = successor(to);
    const auto held = engine_.find(id);
    if (!held) return fail(errc::unknown_session);
    AGENTMESH_TRY(payload, message::write_body(what));
    auto numbers = ledger_.of(id);
    message::envelope note{.session_id = to_hex(id.bytes()), .sequence = numbers.next, .from = self_->name(),
                           .to = held->peer, .type = std::string{message::type_of(what)}, .timestamp = now.wall,
                           .payload = std::move(payload), .id = std::move(name)};
    AGENTMESH_TRY(text, message::sign_envelope(note, self_->signing()));
    ++numbers.next;
    stage(id, numbers);
    actions<std::remove_reference_t<decltype(out)>> sink{*this, now, out};
    const auto sent = engine_.send(id, as_bytes(text), now, sink);
    staged_.clear();
    if (sent) {
        ledger_.set(id, numbers);
        awaited_.insert(id);
    }
    tell(now, out);
    return sent;
}

template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
result<void> agent<Store, Directory, Policy, Random>::close(const session_id& which, const moment& now,
                                                            AgentSink auto& out, message::code why) {
    AGENTMESH_TRY(id, send(which, message::close_body{.reason = message::spelled_code{why}}, now, out));
    (void)id;
    return {};
}

template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
void agent<Store, Directory, Policy, Random>::disconnect(std::string_view reason, AgentSink auto& out) {
    const moment never{};
    actions<std::remove_reference_t<decltype(out)>> sink{*this, never, out};
    link_->disconnect(reason, sink);
}

// --- events ---------------------------------------------------------------------------------------------

template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
void agent<Store, Directory, Policy, Random>::on_open(const moment& now, AgentSink auto& out) {
    actions<std::remove_reference_t<decltype(out)>> sink{*this, now, out};
    link_->on_open(now, sink);
    tell(now, out);
}

template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
void agent<Store, Directory, Policy, Random>::on_text(std::string_view text, const moment& now, AgentSink auto& out) {
    actions<std::remove_reference_t<decltype(out)>> sink{*this, now, out};
    link_->on_text(text, now, sink);
    tell(now, out);
}

template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
void agent<Store, Directory, Policy, Random>::on_closed(std::uint16_t code, const moment& now, AgentSink auto& out) {
    actions<std::remove_reference_t<decltype(out)>> sink{*this, now, out};
    link_->on_closed(code, now, sink);
    tell(now, out);
}

template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
void agent<Store, Directory, Policy, Random>::on_tick(const moment& now, AgentSink auto& out) {
    actions<std::remove_reference_t<decltype(out)>> sink{*this, now, out};
    link_->on_tick(now, sink);
    // What could not be saved did not happen and stays due, but is not tried again at once.
    if (now.steady >= not_before_ && !engine_.on_tick(now, sink)) not_before_ = now.steady + options_.save_again;
    if (now.steady >= upkeep_at_ && !keep_up(now)) upkeep_at_ = now.steady + options_.try_again;
    std::vector<amid> given_up;
    for (const auto& [who, one] : unresolved_)
        if (one.until <= now.steady) given_up.push_back(who);
    for (const auto& who : given_up) on_resolved(who, fail(errc::timed_out), now, out);
    tell(now, out);
}

template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
std::optional<steady_point> agent<Store, Directory, Policy, Random>::next_deadline() const noexcept {
    steady_point next = upkeep_at_;
    if (const auto at = link_->next_deadline()) next = std::min(next, *at);
    if (const auto at = engine_.next_deadline()) next = std::min(next, std::max(*at, not_before_));
    for (const auto& one : lost_) next = std::min(next, one.again);
    for (const auto& [who, one] : unresolved_) next = std::min(next, one.until);
    return next;
}

// --- what the application hears ---------------------------------------------------------------------------

// Machines are never called from inside one of their own calls: what they say is kept, and told when they have
// returned. A handler that gives a command adds to the same queue.
template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
void agent<Store, Directory, Policy, Random>::tell(const moment& now, AgentSink auto& out) {
    if (std::exchange(telling_, true)) return;
    if (prekeys_.is_low() && upkeep_at_ > now.steady + options_.try_again && !keep_up(now))
        upkeep_at_ = now.steady + options_.try_again;
    knock_again(now, out);
    do {
        while (!news_.empty()) {
            auto item = std::move(news_.front());
            news_.pop_front();
            std::visit([&](auto& one) { report(one, now, out); }, item);
        }
        tell_delivered();
    } while (!news_.empty());
    telling_ = false;
}

template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
result<incoming> agent<Store, Directory, Policy, Random>::read(const arrival& what, const session_id& home,
                                                               envelope_ledger::numbers& numbers) {
    const std::string origin = to_hex(what.head.origin.bytes());
    AGENTMESH_TRY(note, message::open_envelope(what.text, {origin, what.head.peer, self_->name()}, what.head.key));
    auto* tracker = &numbers.received;
    if (home != what.head.origin) {
        AGENTMESH_TRY(theirs, numbers.of_foreign(what.head.origin));
        tracker = theirs;
    }
    AGENTMESH_TRY(place, tracker->accept(note.sequence));
    (void)place;  // a gap is not ours to mend: the session has acknowledged what it has
    return incoming{what.head.session, what.head.peer, what.head.id, std::move(note), what.text};
}

template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
void agent<Store, Directory, Policy, Random>::report(arrival& what, const moment& now, AgentSink auto& out) {
    const session_id home = home_of(what.head);
    auto numbers = ledger_.of(home);
    const auto got = read(what, home, numbers);
    if (got) {
        const bool last = got->what.kind() == message::body_type::close;
        if (const auto& handler = last ? handlers_->on_goodbye : handlers_->on_message) handler(*got);
        numbers.next = ledger_.of(home).next;  // the handler may have answered
        stage(home, numbers);
    } else if (handlers_->on_audit) {
        handlers_->on_audit({.kind = session::audit_kind::message_dropped, .peer = what.head.peer,
                           .session = what.head.session, .why = got.error()});
    }
    actions<std::remove_reference_t<decltype(out)>> sink{*this, now, out};
    const auto kept = engine_.confirm(what.head.session, what.head.id, sink);
    staged_.clear();
    if (kept && got) ledger_.set(home, numbers);
}

template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
void agent<Store, Directory, Policy, Random>::report(const session_info& opened, const moment& now,
                                                     AgentSink auto&) {
    patience_.erase(opened.peer);
    try_lost(opened.peer, now.steady);  // those of other categories, which no KNOCK was sent for beside this one
    for (const auto& before : opened.replaces) {
        replaced_.insert_or_assign(before, opened.id);
        if (awaited_.erase(before) > 0) awaited_.insert(opened.id);
        settle(before, opened.id);
    }
    if (opened.unacknowledged > 0) awaited_.insert(opened.id);
    settle(opened.id, opened.id);
    if (handlers_->on_opened) handlers_->on_opened(opened);
}

template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
void agent<Store, Directory, Policy, Random>::report(const session::refusal& no, const moment& now,
                                                     AgentSink auto&) {
    awaited_.erase(no.session);
    if (no.why.code == errc::knock_timed_out) {  // whoever was silent may come back, and what is lost waits for that
        auto& patience = patience_.try_emplace(no.peer, options_.try_again).first->second;
        try_lost(no.peer, now.steady + patience);
        patience = std::min(patience * 2, options_.knock_again_longest);
    } else if (no.retry_after_seconds) {
        try_lost(no.peer, now.steady + std::chrono::seconds{*no.retry_after_seconds});
    }
    settle(no.session, fail(no.why));
    if (handlers_->on_refused) handlers_->on_refused(no);
}

template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
void agent<Store, Directory, Policy, Random>::report(const closing& what, const moment&, AgentSink auto&) {
    awaited_.erase(what.which.id);
    // One that is only lost waits for its successor, with its numbers.
    if (what.which.phase == session::phase::lost) {
        if (handlers_->on_closed) handlers_->on_closed(what.which, what.why);
        return;
    }
    std::erase_if(lost_, [&](const lost_session& one) { return one.which.id == what.which.id; });
    settle(what.which.id, fail(what.why));
    // The numbers of sessions that this one replaced go with it: nothing written for them can arrive any more.
    std::vector<session_id> ended{what.which.id};
    for (auto at = replaced_.begin(); at != replaced_.end();) {
        if (successor(at->first) != what.which.id) { ++at; continue; }
        ended.push_back(at->first);
        at = replaced_.erase(at);
    }
    for (const auto& id : ended) {
        ledger_.forget(id);
        staged_.emplace_back(envelope_ledger::record_of(id), std::nullopt);
    }
    (void)commit({});  // or with the next one
    staged_.clear();
    if (handlers_->on_closed) handlers_->on_closed(what.which, what.why);
}

template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
void agent<Store, Directory, Policy, Random>::tell_delivered() {
    std::vector<session_id> done;
    for (const auto& id : awaited_)
        if (const auto held = engine_.find(id); !held || held->unacknowledged == 0) done.push_back(id);
    for (const auto& id : done) {
        awaited_.erase(id);
        if (engine_.find(id) && handlers_->on_delivered) handlers_->on_delivered(id);
    }
}

template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
void agent<Store, Directory, Policy, Random>::settle(const session_id& id, const result<session_id>& outcome) {
    auto waiting = asked_.extract(id);
    if (waiting.empty()) return;
    for (const auto& answer : waiting.mapped())
        if (answer) answer(outcome);
}

template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
void agent<Store, Directory, Policy, Random>::knock_again(const moment& now, AgentSink auto& out) {
    actions<std::remove_reference_t<decltype(out)>> sink{*this, now, out};
    const auto due = [&](const lost_session& one) { return one.again <= now.steady; };
    const auto first = std::stable_partition(lost_.begin(), lost_.end(), [&](const auto& one) { return !due(one); });
    const std::vector<lost_session> trying{first, lost_.end()};
    lost_.erase(first, lost_.end());
    for (const auto& one : trying) {
        const auto held = engine_.find(one.which.id);
        if (!held || held->phase != session::phase::lost) continue;  // it has its successor, or its time is over
        const auto bundle = directory_->fetch_bundle(one.which.peer, now.wall);
        const auto begun = bundle ? engine_.knock(*bundle, one.which.what, one.which.asked, now, sink)
                                  : result<session_id>{fail(bundle.error())};
        if (begun) continue;
        lost_.push_back({one.which, now.steady + options_.try_again});
        if (begun.error().code == errc::unknown_peer || begun.error().code == errc::unknown_prekey)
            (void)look_for(one.which.peer, now, out);
    }
}

/// Whose record has the numbers of a message: that of the session it was written for, if this was one with the same
/// peer; else that of the session it came in. What the envelope says is the peer's, and chooses nothing of another's.
template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
session_id agent<Store, Directory, Policy, Random>::home_of(const session::incoming& message) const {
    if (message.origin == message.session || !ledger_.knows(message.origin)) return message.session;
    const auto held = engine_.find(message.origin);
    const bool same_peer = successor(message.origin) == message.session || (held && held->peer == message.peer);
    return same_peer ? message.origin : message.session;
}

/// Numbers of sessions whose end an earlier run did not live to note.
template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
void agent<Store, Directory, Policy, Random>::forget_ended_numbers() {
    for (const auto& id : ledger_.all()) {
        const auto held = engine_.find(successor(id));
        if (held && held->phase != session::phase::closed) continue;
        ledger_.forget(id);
        staged_.emplace_back(envelope_ledger::record_of(id), std::nullopt);
    }
    if (!staged_.empty()) (void)commit({});  // or at the next start
    staged_.clear();
}

/// Puts the lost sessions with a peer back among those to knock for.
template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
void agent<Store, Directory, Policy, Random>::try_lost(const amid& peer, steady_point at) {
    for (const auto& held : engine_.sessions()) {
        const auto same = [&](const lost_session& one) { return one.which.id == held.id; };
        if (held.phase == session::phase::lost && held.peer == peer && std::none_of(lost_.begin(), lost_.end(), same))
            lost_.push_back({held, at});
    }
}

// --- questions --------------------------------------------------------------------------------------------

template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
std::size_t agent<Store, Directory, Policy, Random>::unacknowledged() const {
    std::size_t out = 0;
    for (const auto& held : engine_.sessions()) out += held.unacknowledged;
    return out;
}

template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
session_id agent<Store, Directory, Policy, Random>::successor(session_id id) const {
    for (auto at = replaced_.find(id); at != replaced_.end(); at = replaced_.find(id)) id = at->second;
    return id;
}

template <StateStore Store, registry::Registry Directory, session::PolicySource Policy, RandomSource Random>
void agent<Store, Directory, Policy, Random>::stage(const session_id& id, const envelope_ledger::numbers& numbers) {
    staged_.emplace_back(envelope_ledger::record_of(id), envelope_ledger::save(numbers));
}

}  // namespace agentmesh
