// Bodies of relay/wire10_server.hpp.
#pragma once

namespace agentmesh::relay {

template <MailboxStore Store, RandomSource Random>
amid wire10_server<Store, Random>::mailbox_of(const mesh_did& name) {
    amid::raw bytes;
    std::copy_n(name.bytes().data(), mesh_did::raw::size, bytes.storage().begin());
    return amid::from_raw(bytes);
}

template <MailboxStore Store, RandomSource Random>
bool wire10_server<Store, Random>::prepare() {
    if (seeded_) return true;
    std::array<std::uint8_t, 8> drawn{};
    if (!random_.fill(drawn)) return false;
    std::uint64_t seed = 0;
    std::memcpy(&seed, drawn.data(), drawn.size());
    agents_.seed(seed);
    return seeded_ = true;
}

// --- events -------------------------------------------------------------------------------------------------------

template <MailboxStore Store, RandomSource Random>
void wire10_server<Store, Random>::on_opened(connection_id id, const moment& now, ActionSink auto& out) {
    const auto key = static_cast<std::uint32_t>(id);
    auto& at = connections_[key];
    at = {};
    at.opened = at.heard = now.steady;
    ++count_.connections;
    wake(key, now.steady + options_.handshake_timeout);
    if (stopping_) close(key, at, close_codes::going_away, "relay stops", now, out);
}

template <MailboxStore Store, RandomSource Random>
void wire10_server<Store, Random>::on_text(connection_id id, std::string_view text, const moment& now,
                                            ActionSink auto& out) {
    const auto key = static_cast<std::uint32_t>(id);
    const auto found = connections_.find(key);
    if (found == connections_.end() || found->second.at == phase::closing) return;
    auto& at = found->second;
    at.heard = now.steady;
    if (at.at == phase::opened) return first_frame(key, at, text, now, out);

    ++count_.frames;
    const auto frame = parser_.parse(text);
    using kind = wire::wire10_type;
    const kind type = frame ? frame->type : kind::unknown;
    const bool routed = type == kind::message || type == kind::knock || type == kind::knock_accept ||
                        type == kind::knock_reject;
    if (!routed && type != kind::ack) {
        const auto wait = at.who->rates.take(rate_kind::others, options_.others_per_minute, now.steady);
        if (wait != 0) {
            ++count_.rate_limited;
            return refuse(key, "rate limit exceeded, retry after " + std::to_string(wait) + " s",
                          {errc::rate_limited, "AM-LIM-010"}, now, out, parser_.answerable_id());
        }
    }
    if (!frame) return refuse(key, describe(frame.error().code), frame.error(), now, out, parser_.answerable_id());
    if (routed) return pass_on(key, at, *frame, text, now, out);
    switch (type) {
        case kind::ack: return acknowledge(at, frame->id, now);
        case kind::heartbeat: return;
        case kind::disconnect: return close(key, at, close_codes::normal, "disconnect", now, out);
        case kind::fetch_pending: {
            // What was waiting has been pushed at login.
            const std::array<std::string_view, 1> none{R"({"type":"pending_messages","messages":[]})"};
            if (out.send_text(id, none) == send_result::full)
                close(key, at, close_codes::try_again, "reader too slow", now, out);
            return;
        }
        default: return refuse(key, "no such frame type", {errc::unknown_type, {}}, now, out, parser_.answerable_id());
    }
}

template <MailboxStore Store, RandomSource Random>
void wire10_server<Store, Random>::on_binary(connection_id id, const moment& now, ActionSink auto& out) {
    const auto key = static_cast<std::uint32_t>(id);
    const auto found = connections_.find(key);
    if (found == connections_.end() || found->second.at == phase::closing) return;
    found->second.heard = now.steady;
    refuse(key, "frames are text", {errc::bad_frame, {}}, now, out);
    if (found->second.at == phase::opened)
        close(key, found->second, wire10_codes::not_connect, "connect expected", now, out);
}

template <MailboxStore Store, RandomSource Random>
void wire10_server<Store, Random>::on_pong(connection_id id, byte_view, const moment& now, ActionSink auto& out) {
    const auto key = static_cast<std::uint32_t>(id);
    const auto found = connections_.find(key);
    if (found == connections_.end() || found->second.at != phase::live) return;
    auto& at = found->second;
    at.heard = now.steady;
    if (!at.awaits_pong) return;
    at.awaits_pong = false;
    const auto name = mailbox_of(*at.name);
    for (std::size_t i = 0; i < at.covered; ++i) count_.confirmed += store_.remove(name, at.unanswered[i]);
    at.unanswered.erase(at.unanswered.begin(), at.unanswered.begin() + static_cast<std::ptrdiff_t>(at.covered));
    at.covered = 0;
    if (!at.unanswered.empty()) ping(key, at, now, out);
}

template <MailboxStore Store, RandomSource Random>
void wire10_server<Store, Random>::on_ping(connection_id id, const moment& now, ActionSink auto&) {
    const auto found = connections_.find(static_cast<std::uint32_t>(id));
    if (found != connections_.end()) found->second.heard = now.steady;
}

template <MailboxStore Store, RandomSource Random>
void wire10_server<Store, Random>::on_closed(connection_id id, const moment& now, ActionSink auto&) {
    const auto key = static_cast<std::uint32_t>(id);
    const auto found = connections_.find(key);
    if (found == connections_.end()) return;
    if (found->second.who != nullptr) departed_.emplace_back(now.steady + limits::rate_window, found->second.who->name);
    detach(key, found->second);
    connections_.erase(found);
    --count_.connections;
}

template <MailboxStore Store, RandomSource Random>
void wire10_server<Store, Random>::on_drained(connection_id id, const moment& now, ActionSink auto& out) {
    const auto key = static_cast<std::uint32_t>(id);
    const auto found = connections_.find(key);
    if (found == connections_.end()) return;
    found->second.full = false;
    deliver(key, found->second, now, out);
}

template <MailboxStore Store, RandomSource Random>
void wire10_server<Store, Random>::on_tick(const moment& now, ActionSink auto& out) {
    while (!due_.empty() && due_.begin()->first <= now.steady) {
        const auto key = due_.begin()->second;
        due_.erase(due_.begin());
        const auto found = connections_.find(key);
        if (found == connections_.end() || found->second.at == phase::closing) continue;
        auto& at = found->second;
        if (at.at == phase::opened) {
            if (now.steady < at.opened + options_.handshake_timeout) {  // the slot was used again meanwhile
                wake(key, at.opened + options_.handshake_timeout);
                continue;
            }
            ++count_.evicted;
            refuse(key, "connect expected", {errc::connect_timeout, "AM-AUT-025"}, now, out);
            close(key, at, wire10_codes::not_connect, "connect expected", now, out);
            continue;
        }
        if (now.steady >= at.heard + silence_limit) {
            ++count_.evicted;
            close(key, at, wire10_codes::silent, "no sign of life", now, out);
            continue;
        }
        if (now.steady >= at.pinged + options_.ping_interval) ping(key, at, now, out);
        wake(key, std::min(at.pinged + options_.ping_interval, at.heard + silence_limit));
    }
    while (!departed_.empty() && departed_.front().first <= now.steady) {
        const amid name = departed_.front().second;
        departed_.pop_front();
        const agent* const who = agents_.find(name.text());
        if (who != nullptr && who->route == nowhere && who->rates.is_idle(now.steady)) agents_.remove(name);
    }
    count_.expired += store_.expire(now);
    receipts_.expire(now);
    proofs_.forget(now);
}

template <MailboxStore Store, RandomSource Random>
void wire10_server<Store, Random>::on_stop(const moment& now, ActionSink auto& out) {
    stopping_ = true;
    for (auto& [key, at] : connections_)
        if (at.at != phase::closing) close(key, at, close_codes::going_away, "relay stops", now, out);
}

template <MailboxStore Store, RandomSource Random>
std::optional<steady_point> wire10_server<Store, Random>::next_deadline() const noexcept {
    std::optional<steady_point> first;
    const auto consider = [&](steady_point at) {
        if (!first || at < *first) first = at;
    };
    if (!due_.empty()) consider(due_.begin()->first);
    if (!departed_.empty()) consider(departed_.front().first);
    if (const auto at = store_.next_expiry()) consider(*at);
    return first;
}

// --- login --------------------------------------------------------------------------------------------------------

template <MailboxStore Store, RandomSource Random>
void wire10_server<Store, Random>::first_frame(std::uint32_t id, connection& at, std::string_view text,
                                              const moment& now, ActionSink auto& out) {
    const auto deny = [&](std::uint16_t code, std::string_view detail, const error& why) {
        ++count_.logins_refused;
        refuse(id, detail, why, now, out);
        close(id, at, code, detail, now, out);
    };
    if (now.steady >= at.opened + options_.handshake_timeout)
        return deny(wire10_codes::not_connect, "connect expected", {errc::connect_timeout, "AM-AUT-025"});
    const auto frame = parser_.parse(text);
    if (!frame) return deny(wire10_codes::not_connect, describe(frame.error().code), frame.error());
    if (frame->type != wire::wire10_type::connect)
        return deny(wire10_codes::not_connect, "connect expected", {errc::connect_expected, {}});
    if (frame->from.empty()) return deny(wire10_codes::no_name, "from is missing", {errc::missing_member, {}});
    const auto name = verify(*frame, now);
    if (!name) {
        return deny(wire10_codes::bad_proof, "DID proof failed: not fresh, not of this DID, or not valid",
                    name.error());
    }
    if (options_.admits && !options_.admits(mailbox_of(*name)))
        return deny(wire10_codes::not_allowed, "not allowed here", {errc::not_allowed, {}});
    if (!prepare()) return deny(close_codes::internal_error, "try again", {errc::random_failed, {}});
    login(id, at, *name, now, out);
}

// The proof is over the time alone, so it is good once. @spec AM-AUT-011
template <MailboxStore Store, RandomSource Random>
result<mesh_did> wire10_server<Store, Random>::verify(const wire::wire10_frame& frame, const moment& now) {
    AGENTMESH_TRY(name, mesh_did::parse(frame.from));
    const bool proven = !frame.public_key.empty() || !frame.signature.empty() || !frame.timestamp.empty();
    if (!proven) {
        if (require_proof_) return fail(errc::bad_signature);
        return name;
    }
    AGENTMESH_TRY(key, identity::parse_signing_key(frame.public_key, base64_form::wire10_lenient));
    AGENTMESH_TRY(proof, identity::parse_signature(frame.signature, base64_form::wire10_lenient));
    if (mesh_did::of(key) != name) return fail(errc::amid_mismatch);
    AGENTMESH_TRY(stated, read_time(frame.timestamp));
    if (now.wall - stated.at > limits::proof_max_age) return fail(errc::stale_proof);
    if (stated.rounded_up() - now.wall > limits::wire10_max_lead) return fail(errc::future_proof);
    AGENTMESH_CHECK(crypto::verify(key, as_bytes(frame.timestamp), proof));
    AGENTMESH_CHECK(proofs_.accept(proof, stated.at, now));
    return name;
}

template <MailboxStore Store, RandomSource Random>
void wire10_server<Store, Random>::login(std::uint32_t id, connection& at, const mesh_did& name, const moment& now,
                                            ActionSink auto& out) {
    agent& who = agents_.find_or_add(mailbox_of(name));
    if (who.route != nowhere) {
        const auto older = who.route;
        ++count_.sessions_replaced;
        if (const auto found = connections_.find(older); found != connections_.end())
            close(older, found->second, close_codes::session_replaced, "session_replaced", now, out);
    }
    at.at = phase::live;
    at.who = &who;
    at.name = name;
    who.route = id;
    ++count_.logins;
    ++count_.agents;
    deliver(id, at, now, out);
    if (at.at == phase::live && !at.awaits_pong) ping(id, at, now, out);
    wake(id, now.steady + options_.ping_interval);
}

// --- frames -------------------------------------------------------------------------------------------------------

template <MailboxStore Store, RandomSource Random>
void wire10_server<Store, Random>::pass_on(std::uint32_t id, connection& at, const wire::wire10_frame& frame,
                                          std::string_view text, const moment& now, ActionSink auto& out) {
    const bool knock = frame.type != wire::wire10_type::message;
    const auto refused = [&](std::string_view detail, const error& why) {
        refuse(id, detail, why, now, out, parser_.answerable_id());
    };
    const bool asks = frame.type == wire::wire10_type::knock;
    const auto wait = at.who->rates.take(asks ? rate_kind::knocks : rate_kind::sends,
                                         asks ? options_.knocks_per_minute : options_.sends_per_minute, now.steady);
    if (wait != 0) {
        ++count_.rate_limited;
        return refused("rate limit exceeded, retry after " + std::to_string(wait) + " s",
                       {errc::rate_limited, asks ? "AM-LIM-008" : "AM-LIM-006"});
    }
    if (frame.has_from && frame.from != at.name->text())
        return refused("from is not the authenticated agent", {errc::wrong_member, {}});
    const auto recipient = mesh_did::parse(frame.to);
    if (!recipient) return refused("to is not a did:mesh", {errc::unknown_recipient, {}});
    if (!wire::is_plain_id(frame.id)) return refused("id is 1 to 64 plain characters", {errc::wrong_member, {}});
    if (frame.ciphertext.size() > options_.payload_bytes)
        return refused("ciphertext is too large", {errc::message_too_large, "AM-LIM-002"});

    const auto from = mailbox_of(*at.name), to = mailbox_of(*recipient);
    if (receipts_.contains(from, to, frame.id, now) || store_.find(to, from, frame.id, now) != 0) {
        ++count_.duplicates;
        return;
    }
    // The first character says whether an ack is to be expected; it is not sent.
    std::string kept{knock ? 'k' : 'm'};
    const auto brace = text.rfind('}');
    kept.append(text, 0, frame.has_from ? text.size() : brace);
    if (!frame.has_from) kept.append(R"(,"from":")").append(at.name->text()).append("\"}");
    if (const auto stored = store_.put(from, to, {frame.id, kept}, now); !stored) {
        ++count_.refused_full;
        return refused("mailbox of the recipient is full", stored.error());
    }
    ++count_.stored;
    receipts_.remember(from, to, frame.id, now);
    const agent* const there = agents_.find(to.text());
    if (there == nullptr || there->route == nowhere) return;
    if (const auto found = connections_.find(there->route); found != connections_.end())
        deliver(there->route, found->second, now, out);
}

// Only the recipient's own mailbox is looked at, so nobody acknowledges for another.
template <MailboxStore Store, RandomSource Random>
void wire10_server<Store, Random>::acknowledge(connection& at, std::string_view message_id, const moment& now) {
    const auto name = mailbox_of(*at.name);
    for (message_number after = 0;;) {
        const auto message = store_.next(name, after, now);
        if (!message || message->number > at.cursor) return;  // what was not delivered cannot be acknowledged
        if (message->id == message_id) {
            count_.confirmed += store_.remove(name, message->number);
            return;
        }
        after = message->number;
    }
}

template <MailboxStore Store, RandomSource Random>
void wire10_server<Store, Random>::deliver(std::uint32_t id, connection& at, const moment& now, ActionSink auto& out) {
    if (at.at != phase::live || at.full) return;
    const auto name = mailbox_of(*at.name);
    while (const auto message = store_.next(name, at.cursor, now)) {
        const std::array<std::string_view, 1> frame{message->frame.substr(1)};
        if (out.send_text(connection_id{id}, frame) == send_result::full) {
            at.full = true;
            break;
        }
        at.cursor = message->number;
        ++count_.delivered;
        if (message->frame.front() == 'k') at.unanswered.push_back(message->number);
    }
    if (!at.unanswered.empty() && !at.awaits_pong) ping(id, at, now, out);
}

// --- answers and ends ---------------------------------------------------------------------------------------------

template <MailboxStore Store, RandomSource Random>
void wire10_server<Store, Random>::ping(std::uint32_t id, connection& at, const moment& now, ActionSink auto& out) {
    at.pinged = now.steady;
    at.awaits_pong = true;
    at.covered = at.unanswered.size();
    out.send_ping(connection_id{id}, byte_view{});
}

template <MailboxStore Store, RandomSource Random>
void wire10_server<Store, Random>::refuse(std::uint32_t id, std::string_view detail, const error& why,
                                         const moment& now, ActionSink auto& out, std::string_view answer_id) {
    ++count_.errors;
    if constexpr (AuditSink<std::remove_reference_t<decltype(out)>>)
        out.audit({audit_kind::refused, connection_id{id}, {}, why});
    const auto text = wire::write_wire10_error(detail, answer_id);
    const std::array<std::string_view, 1> pieces{text};
    const auto found = connections_.find(id);
    if (found == connections_.end() || found->second.at == phase::closing) return;
    if (out.send_text(connection_id{id}, pieces) == send_result::full)
        close(id, found->second, close_codes::try_again, "reader too slow", now, out);
}

template <MailboxStore Store, RandomSource Random>
void wire10_server<Store, Random>::close(std::uint32_t id, connection& at, std::uint16_t code, std::string_view reason,
                              const moment& now, ActionSink auto& out) {
    if (at.at == phase::closing) return;
    if (at.who != nullptr) departed_.emplace_back(now.steady + limits::rate_window, at.who->name);
    detach(id, at);
    at.at = phase::closing;
    out.close(connection_id{id}, code, reason);
}

// The old connection's end never touches the route of a newer login.
template <MailboxStore Store, RandomSource Random>
void wire10_server<Store, Random>::detach(std::uint32_t id, connection& at) {
    if (at.who == nullptr) return;
    if (at.who->route == id) at.who->route = nowhere;
    --count_.agents;
    at.who = nullptr;
}

}  // namespace agentmesh::relay
