// relay::server: from the first frame to `connected`.
#pragma once

namespace agentmesh::relay {

template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::await_login(std::uint32_t id, const moment& now) {
    links_[id].since = now.steady;
    if (injected(fault::auth_no_timeout)) return;
    to_log_in_.remove(links_, id);
    to_log_in_.push_back(links_, id);
}

// Nothing but CONNECT, and after a challenge its answer, does anything before the agent is known.
// @spec AM-AUT-019, AM-AUT-025, AM-AUT-029
template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::on_first_frame(std::uint32_t id, std::string_view text, const moment& now,
                                           ActionSink auto& out) {
    link& at = links_[id];
    if (now.steady >= at.since + options_.handshake_timeout) {
        ++count_.evicted;
        return deny(id, {errc::connect_timeout, "AM-AUT-026"}, now, out);
    }
    const auto frame = parser_.parse(text, {});
    if (!frame) return deny(id, frame.error(), now, out);
    if (injected(fault::auth_serves_strangers)) {
        if (const auto* const ping = std::get_if<wire::ping_frame>(&*frame)) {
            wire::frame_pieces pong;
            wire::write_pong(pong, ping->raw_timestamp);
            return answer(id, pong, now, out);
        }
        const auto* const send = std::get_if<wire::send_frame>(&*frame);
        if (agent* const to = send ? find_connected(send->to) : nullptr) {
            wire::frame_pieces receive;
            wire::write_receive(receive, to->name.text(), send->raw_payload, send->type, stamp(now), {});
            wire::finish_receive(receive, {});
            (void)out.send_text(connection_id{to->route}, receive.pieces());
        }
    }
    if (at.at == phase::opened) {
        if (const auto* const first = std::get_if<wire::connect_frame>(&*frame)) return connect(id, *first, now, out);
        return deny(id, {errc::connect_expected, "AM-AUT-019"}, now, out);
    }
    if (const auto* const response = std::get_if<wire::challenge_response_frame>(&*frame))
        return finish_challenge(id, *response, now, out);
    deny(id, {errc::connect_expected, "AM-AUT-029"}, now, out);
}

// An error frame, then Close. @spec AM-AUT-020, AM-AUT-021
template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::deny(std::uint32_t id, const error& why, const moment& now, ActionSink auto& out) {
    ++count_.logins_refused;
    if (!injected(fault::auth_silent_refusal)) refuse(id, why, now, out);
    const bool ours = wire::to_wire(why.code) == wire::error_code::internal_error;
    if (links_[id].at != phase::closing)
        close(id, ours ? close_codes::internal_error : close_codes::policy, describe(why.code), now, out);
}

// A CONNECT that passes all of this logs in, or is asked to answer a challenge.
// @spec AM-AUT-001, AM-AUT-016, AM-AUT-017
template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::connect(std::uint32_t id, const wire::connect_frame& frame, const moment& now,
                                    ActionSink auto& out) {
    const bool spoken =
        frame.protocol == wire::protocol_02 || (options_.accept_01 && frame.protocol == wire::protocol_01);
    if (!spoken && !injected(fault::auth_any_protocol)) {
        const auto code = injected(fault::auth_protocol_code) ? errc::bad_frame : errc::protocol_mismatch;
        return deny(id, {code, "AM-AUT-017"}, now, out);
    }
    const auto claim = verify_connect(frame, now);
    if (!claim) return deny(id, injected(fault::auth_many_texts) ? claim.error() : proof_refused, now, out);
    const auto is_offered = [&](std::string_view name) { return frame.features && frame.features->contains(name); };
    if (!is_offered(wire::feature_challenge) && challenged_.contains(claim->agent) &&
        !injected(fault::challenge_fallback))
        return deny(id, proof_refused, now, out);
    if (const auto fresh = proofs_.accept(claim->proof, claim->stated, now); !fresh)
        return deny(id, fresh.error().code == errc::queue_full ? fresh.error() : proof_refused, now, out);
    if (options_.admits && !options_.admits(claim->agent)) return deny(id, {errc::not_allowed, "AM-ERR-011"}, now, out);
    if (!prepare()) return deny(id, {errc::random_failed, {}}, now, out);

    // Features in force: those offered that this relay has. Without a list, the agent never hears of any.
    // @spec AM-AUT-041, AM-AUT-042
    const std::string none_in_force = "[]";
    if (!frame.features)
        return login(id, claim->agent, false, injected(fault::auth_features_unasked) ? &none_in_force : nullptr, now, out);
    wire::feature_list in_force;
    for (const auto name : *frame.features) {
        const bool has = name == wire::feature_receipts ? options_.receipts
                       : name == wire::feature_challenge ? options_.challenge && challenged_.has_room_for(claim->agent)
                                                         : injected(fault::auth_echoes_features);
        if (injected(fault::auth_refuses_features) && !has) return deny(id, {errc::wrong_member, "AM-AUT-042"}, now, out);
        if (has && !in_force.contains(name)) (void)in_force.add(name);
    }
    std::string raw_features;
    json::writer writer{raw_features};
    writer.begin_array();
    for (const auto name : in_force) writer.value(name);
    writer.end_array();
    const bool receipts = in_force.contains(wire::feature_receipts);
    if (!in_force.contains(wire::feature_challenge)) return login(id, claim->agent, receipts, &raw_features, now, out);

    auto asked = std::make_unique<pending_challenge>(pending_challenge{
        *claim, {}, frame.features->joined(), in_force.joined(), std::move(raw_features), receipts});
    challenge(id, std::move(asked), now, out);
}

template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::challenge(std::uint32_t id, std::unique_ptr<pending_challenge> asked, const moment& now,
                                      ActionSink auto& out) {
    if (!random_.fill(asked->nonce.storage())) return deny(id, {errc::random_failed, {}}, now, out);
    if (injected(fault::challenge_same_nonce)) asked->nonce = {};
    const std::string nonce = to_base64(asked->nonce.bytes(), base64_form::standard_padded);
    wire::frame_pieces frame;
    wire::write_challenge(frame, nonce, raw_name_, asked->raw_features);
    links_[id].pending = std::move(asked);
    links_[id].at = phase::challenged;
    await_login(id, now);
    answer(id, frame, now, out);
}

template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::finish_challenge(std::uint32_t id, const wire::challenge_response_frame& frame,
                                             const moment& now, ActionSink auto& out) {
    const auto asked = std::move(links_[id].pending);
    if (!verify_challenge_response(*asked, options_.name, frame, now)) return deny(id, proof_refused, now, out);
    challenged_.add(asked->claim.agent);
    login(id, asked->claim.agent, asked->receipts, &asked->raw_features, now, out);
}

// Draws what the first login needs. False if there is no randomness now; nothing has changed then.
template <MailboxStore Store, RandomSource Random>
bool server<Store, Random>::prepare() {
    if (!made_id_.empty()) return true;
    std::array<std::uint8_t, 16> drawn;
    if (!random_.fill(drawn)) return false;
    std::uint64_t seed;
    std::memcpy(&seed, drawn.data(), 8);
    agents_.seed(seed);
    made_id_ = "~" + to_hex(byte_view{drawn}.subspan(8)) + ".";
    made_id_prefix_ = made_id_.size();
    return true;
}

// Puts the agent on this connection, in place of an older one, and tells it how much waits for it before any of that.
// @spec AM-AUT-001, AM-AUT-028, AM-AUT-030, AM-RLY-021
template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::login(std::uint32_t id, const amid& name, bool receipts, const std::string* raw_features,
                                  const moment& now, ActionSink auto& out) {
    std::array<std::uint8_t, 16> uuid;  // RFC 9562, version 4
    if (!random_.fill(uuid)) return deny(id, {errc::random_failed, {}}, now, out);
    if (injected(fault::auth_same_session)) uuid = {};
    uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0F) | 0x40);
    uuid[8] = static_cast<std::uint8_t>((uuid[8] & 0x3F) | 0x80);
    std::string session = to_hex(uuid);
    if (!injected(fault::auth_session_not_uuid))
        for (const std::size_t at : {8u, 13u, 18u, 23u}) session.insert(at, 1, '-');

    agent& who = agents_.find_or_add(name);
    if (who.route != nowhere) {  // @spec AM-AUT-031
        ++count_.sessions_replaced;
        audit({audit_kind::replaced, connection_id{who.route}, who.name.text(), {errc::session_replaced, {}}}, out);
        const auto older = who.route;
        const auto code = injected(fault::login_code) ? close_codes::normal : close_codes::session_replaced;
        if (injected(fault::login_old_stays)) {
            detach(older, now);
            links_[older].at = phase::closing;
        } else {
            close(older, code, "session_replaced", now, out);
        }
        if (injected(fault::login_teardown)) links_[older].who = &who;
    }
    to_log_in_.remove(links_, id);
    link& at = links_[id];
    at.at = phase::live;
    at.receipts = receipts;
    at.who = &who;
    who.route = id;
    who.status = wire::presence::online;
    ++count_.logins;
    ++count_.agents;
    audit({audit_kind::login, connection_id{id}, who.name.text(), {}}, out);

    if (injected(fault::auth_mail_before)) deliver_stored(id, now, out);
    if (injected(fault::rate_reconnect)) who.rates = {};
    const auto waiting = injected(fault::store_miscounts) ? 0 : store_.waiting(name, now);
    wire::frame_pieces frame;
    wire::write_connected(frame, session, waiting, raw_features);
    answer(id, frame, now, out);
    if (!injected(fault::store_after_live)) deliver_stored(id, now, out);
    if (at.at == phase::live && !at.awaits_pong) ping(id, now, out);
}

}  // namespace agentmesh::relay
