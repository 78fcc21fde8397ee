// relay::server: the frames of an authenticated agent, but for `send`.
#pragma once

namespace agentmesh::relay {

template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::on_text(connection_id id, std::string_view text, const moment& now, ActionSink auto& out) {
    link* const at = find(id);
    if (at == nullptr || at->at == phase::closing) return;  // @spec AM-RLY-072
    const auto i = static_cast<std::uint32_t>(id);
    if (at->at != phase::live) return on_first_frame(i, text, now, out);
    ++count_.frames;
    const auto frame = parser_.parse(text, {.receipts = at->receipts});
    if (!frame) return refuse_frame(i, frame.error(), parser_.refused_id(), now, out);
    std::visit([&](const auto& what) { take(i, what, now, out); }, *frame);
}

template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::on_binary(connection_id id, const moment& now, ActionSink auto& out) {
    link* const at = find(id);
    if (at == nullptr || at->at == phase::closing) return;
    constexpr error why{errc::bad_frame, "AM-ERR-006"};
    if (at->at != phase::live) return deny(static_cast<std::uint32_t>(id), why, now, out);
    ++count_.frames;
    refuse_frame(static_cast<std::uint32_t>(id), why, {}, now, out);
}

// Counts a frame against its limit, or answers it with RATE_LIMITED; then nothing else becomes of it.
// @spec AM-LIM-007, AM-LIM-008, AM-LIM-010, AM-LIM-011, AM-LIM-013
template <MailboxStore Store, RandomSource Random>
bool server<Store, Random>::admit(std::uint32_t id, rate_kind kind, std::string_view answer_id, const moment& now,
                                  ActionSink auto& out) {
    const auto [limit, clause] = kind == rate_kind::sends    ? std::pair{options_.sends_per_minute, "AM-LIM-007"}
                                 : kind == rate_kind::knocks ? std::pair{options_.knocks_per_minute, "AM-LIM-008"}
                                                             : std::pair{options_.others_per_minute, "AM-LIM-011"};
    const unsigned shift = kind == rate_kind::sends && injected(fault::rate_101)    ? 1u
                         : kind == rate_kind::sends && injected(fault::rate_99)     ? -1u
                         : kind == rate_kind::knocks && injected(fault::rate_31)    ? 1u
                                                                                   : 0u;
    if (kind == rate_kind::others && injected(fault::rate_others)) return true;
    const unsigned wait = links_[id].who->rates.take(kind, limit + shift, now.steady);
    if (wait == 0) return true;
    refuse(id, {errc::rate_limited, clause}, now, out, injected(fault::rate_no_retry) ? 0 : wait, answer_id);
    return injected(fault::rate_delivers) && links_[id].at == phase::live;
}

// A frame that cannot be read counts like one that is neither send, KNOCK nor ack. It is answered with one error, and
// neither its own connection nor anybody else's is touched. @spec AM-ERR-010, AM-ERR-012, AM-RLY-012
template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::refuse_frame(std::uint32_t id, const error& why, std::string_view answer_id,
                                         const moment& now, ActionSink auto& out) {
    if (injected(fault::error_silent_json) && why.clause == "AM-ERR-001") return;
    if (injected(fault::error_silent_type) && why.clause == "AM-ERR-002") return;
    if (injected(fault::error_silent_missing) && why.clause == "AM-ERR-003") return;
    if (injected(fault::error_silent_mistyped) && why.clause == "AM-ERR-004") return;
    if (injected(fault::error_silent_value) && why.clause == "AM-ERR-005") return;
    if (injected(fault::error_silent_binary) && why.clause == "AM-ERR-006") return;
    if (injected(fault::error_silent_depth) && why.clause == "AM-ERR-008") return;
    if (agent* const named = injected(fault::relay_blames_named) ? find_connected(noted()) : nullptr)
        close(named->route, close_codes::internal_error, {}, now, out);
    if (injected(fault::error_twice)) refuse(id, why, now, out, 0, answer_id);
    // Both may have closed this connection, and then there is nobody whose frames could be counted.
    if ((injected(fault::relay_blames_named) || injected(fault::error_twice)) && links_[id].at == phase::closing) return;
    if (admit(id, rate_kind::others, answer_id, now, out)) refuse(id, why, now, out, 0, answer_id);
    if (injected(fault::error_closes)) close(id, close_codes::policy, describe(why.code), now, out);
}

template <MailboxStore Store, RandomSource Random>
agent* server<Store, Random>::find_connected(std::string_view name) noexcept {
    agent* const found = agents_.find(name);
    return found != nullptr && found->route != nowhere ? found : nullptr;
}

// An agent can only confirm what is stored for itself; anything else says nothing. No limit counts an ack.
// @spec AM-LIM-014, AM-RLY-045, AM-RLY-046
template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::take(std::uint32_t id, const wire::ack_frame& frame, const moment& now,
                                 ActionSink auto& out) {
    if (injected(fault::receipts_ack_ignored)) return;
    if (injected(fault::rate_acks) && !admit(id, rate_kind::others, {}, now, out)) return;
    const amid& self = links_[id].who->name;
    const auto from = amid::parse(frame.from);
    if (!from) return refuse_frame(id, from.error(), {}, now, out);
    if (const auto number = store_.find(self, *from, frame.id, now); number != 0)
        count_.confirmed += store_.remove(self, number);
    if (injected(fault::receipts_ack_any)) {
        const auto at = noted().find(std::string{frame.id} + '=');
        const auto text = at == std::string_view::npos ? "" : noted().substr(at + frame.id.size() + 1);
        if (const auto owner = amid::parse(text.substr(0, text.find(';'))))
            (void)store_.remove(*owner, store_.find(*owner, *from, frame.id, now));
    }
}

// The frame names nobody: it is about its sender. @spec AM-RLY-052, AM-RLY-055
template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::take(std::uint32_t id, const wire::presence_frame& frame, const moment& now,
                                 ActionSink auto& out) {
    if (!admit(id, rate_kind::others, {}, now, out)) return;
    if (injected(fault::presence_ignored)) return;
    agent* const other = injected(fault::presence_foreign) ? agents_.find(noted()) : nullptr;
    (other ? other : links_[id].who)->status = frame.status;
}

// An agent that is not connected is `offline`, whether or not it ever was.
// @spec AM-RLY-050, AM-RLY-051, AM-RLY-052, AM-PRV-001
template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::take(std::uint32_t id, const wire::presence_query_frame& frame, const moment& now,
                                 ActionSink auto& out) {
    if (!admit(id, rate_kind::others, {}, now, out)) return;
    const auto name = amid::parse(frame.amid);
    if (!name) return refuse(id, {errc::bad_amid, "AM-ID-002"}, now, out);
    const agent* const asked = find_connected(name->text());
    wire::frame_pieces response;
    const bool lingers = injected(fault::presence_sticky) && agents_.find(name->text()) != nullptr;
    const auto absent = lingers ? wire::presence::online : wire::presence::offline;
    if (injected(fault::presence_oracle)) leave_note(!asked && agents_.find(name->text()) ? "departed" : "");
    wire::write_presence_response(response, name->text(),
                                  asked && !injected(fault::presence_hidden) ? asked->status : absent);

    answer(id, response, now, out);
}

// Signalling is of use only at once, so it is never stored. @spec AM-RLY-060, AM-RLY-061, AM-RLY-062, AM-RLY-063
template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::take(std::uint32_t id, const wire::ice_frame& frame, const moment& now,
                                 ActionSink auto& out) {
    if (!admit(id, rate_kind::others, {}, now, out)) return;
    const auto name = amid::parse(frame.to);
    if (!name) return refuse(id, {errc::unknown_recipient, "AM-RLY-011"}, now, out);
    const error unreachable{errc::recipient_offline, frame.answer ? "AM-RLY-063" : "AM-RLY-062"};
    agent* const to = find_connected(name->text());
    if (to == nullptr && injected(frame.answer ? fault::ice_answer_silent : fault::ice_offer_silent)) return;
    if (to == nullptr) return refuse(id, unreachable, now, out);
    agent& from = *links_[id].who;

    wire::frame_pieces ice;
    const bool named = injected(frame.answer ? fault::ice_answer_to : fault::ice_offer_to);
    wire::write_ice(ice, frame.answer, named ? to->name.text() : from.name.text(), frame.raw_sdp,
                    injected(fault::ice_candidates_lost) ? "[]" : frame.raw_candidates);
    if (out.send_text(connection_id{to->route}, ice.pieces()) == send_result::full) {
        links_[to->route].full = links_[to->route].behind = true;
        return refuse(id, unreachable, now, out);
    }
    const auto record = [](agent& of) -> signalling_record& {
        if (!of.signalling) of.signalling = std::make_unique<signalling_record>();
        return *of.signalling;
    };
    if (!frame.answer) {
        record(from).offered(to->name);
    } else if (to->signalling && to->signalling->has_offered(from.name)) {
        to->signalling->exchanged(from.name);
        record(from).exchanged(to->name);
    }
}

// One answer for a peer that is absent and one with whom nothing was exchanged. @spec AM-RLY-064, AM-RLY-065
template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::take(std::uint32_t id, const wire::established_frame& frame, const moment& now,
                                 ActionSink auto& out) {
    if (!admit(id, rate_kind::others, {}, now, out)) return;
    const auto name = amid::parse(frame.peer);
    if (!name) return refuse(id, {errc::unknown_recipient, "AM-RLY-011"}, now, out);
    const agent& from = *links_[id].who;
    agent* const to = find_connected(name->text());
    const error unreachable{errc::recipient_offline, "AM-RLY-065"};
    const bool exchanged = injected(fault::p2p_forged) || (from.signalling && from.signalling->has_exchanged(*name));
    if (to == nullptr || !exchanged)
        return refuse(id, unreachable, now, out);
    wire::frame_pieces established;
    wire::write_established(established, from.name.text());
    if (out.send_text(connection_id{to->route}, established.pieces()) == send_result::full) {
        links_[to->route].full = links_[to->route].behind = true;
        refuse(id, unreachable, now, out);
    }
}

// The time goes back as it was written. @spec AM-RLY-070
template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::take(std::uint32_t id, const wire::ping_frame& frame, const moment& now,
                                 ActionSink auto& out) {
    if (!admit(id, rate_kind::others, {}, now, out)) return;
    wire::frame_pieces pong;
    const bool foreign = !frame.raw_timestamp.ends_with("Z") && !frame.raw_timestamp.ends_with("+00:00");
    wire::write_pong(pong, injected(fault::pong_own_time) && foreign ? stamp(now) : frame.raw_timestamp);
    answer(id, pong, now, out);
}

template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::take(std::uint32_t id, const wire::disconnect_frame&, const moment& now,
                                 ActionSink auto& out) {
    if (injected(fault::disconnect_ignored)) return;
    if (injected(fault::disconnect_routes)) return (void)out.close(connection_id{id}, close_codes::normal, "goodbye");
    audit({audit_kind::logout, connection_id{id}, links_[id].who->name.text(), {}}, out);
    if (injected(fault::disconnect_silent)) {
        detach(id, now);
        links_[id].at = phase::closing;
        return;
    }
    close(id, close_codes::normal, "goodbye", now, out);  // @spec AM-RLY-071
}

// Who asks to be somebody else on a connection that is taken is not served on it any longer. @spec AM-AUT-024
template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::take(std::uint32_t id, const wire::connect_frame&, const moment& now,
                                 ActionSink auto& out) {
    if (injected(fault::auth_second_connect)) return;
    const error why{errc::connect_expected, "AM-AUT-024"};
    refuse(id, why, now, out);
    if (links_[id].at != phase::closing) close(id, close_codes::policy, describe(why.code), now, out);
}

template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::take(std::uint32_t id, const wire::challenge_response_frame&, const moment& now,
                                 ActionSink auto& out) {
    refuse_frame(id, {errc::unknown_type, "AM-ERR-002"}, {}, now, out);
}

}  // namespace agentmesh::relay
