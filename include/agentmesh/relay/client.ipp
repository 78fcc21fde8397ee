// Bodies of relay/client.hpp.
#pragma once

#include <agentmesh/relay/action.hpp>

#include <cstring>

namespace agentmesh::relay {

inline result<client> client::create(const local_identity& self, client_options chosen, RandomSource auto& random) {
    std::array<std::uint8_t, 16> drawn;
    AGENTMESH_CHECK(random.fill(drawn));
    client out{self, std::move(chosen)};
    out.id_prefix_ = to_hex(byte_view{drawn}.first(8)) + "-";
    std::memcpy(&out.jitter_, drawn.data() + 8, 8);
    return out;
}

// --- login ----------------------------------------------------------------------------------------------

inline wire::feature_list client::offered() const {
    wire::feature_list out;
    if (options_.challenge) (void)out.add(wire::feature_challenge);
    if (options_.receipts) (void)out.add(wire::feature_receipts);
    return out;
}

// A proof is good once, and Ed25519 signs one text always the same: two logins of one moment need two texts. A clock
// that was set back by more is followed.
inline std::string client::next_timestamp(const moment& now) {
    const bool repeats = now.wall <= last_proof_ && last_proof_ - now.wall < std::chrono::seconds{1};
    last_proof_ = repeats ? last_proof_ + duration{1} : now.wall;
    return format_time(last_proof_);
}

void client::on_open(const moment& now, ClientSink auto& out) {
    if (state_ != state::offline) return;
    state_ = state::logging_in;
    for_good_ = false;
    why_ = {};
    opened_ = heard_ = now.steady;
    const auto features = offered();
    const std::string timestamp = next_timestamp(now);
    const auto proof = self_->signing().sign(wire::connect_proof_bytes(timestamp));
    out.send_text(wire::connect_text({.amid = self_->name().text(),
                                      .public_key = identity::to_text(self_->signing().public_key()),
                                      .timestamp = timestamp,
                                      .signature = to_base64(proof.bytes(), base64_form::standard_padded),
                                      .p2p_capable = options_.p2p_capable,
                                      .features = features.size() > 0 ? &features : nullptr}));
}

void client::answer_challenge(const wire::challenge_frame& asked, const moment& now, ClientSink auto& out) {
    const auto features = offered();
    if (asked.relay != options_.relay_name) return abandon({errc::not_allowed, "AM-AUT-049"}, true, out);
    for (const auto name : *asked.features)
        if (!features.contains(name)) return abandon({errc::wrong_member, "AM-AUT-041"}, true, out);
    const auto nonce = from_base64_exact<wire::challenge_nonce>(asked.nonce, base64_form::standard_padded);
    if (!nonce || !options_.challenge) return abandon({errc::wrong_member, "AM-AUT-043"}, true, out);
    const std::string timestamp = next_timestamp(now);
    const auto bytes = wire::challenge_proof_bytes({.nonce = *nonce, .relay = asked.relay, .timestamp = timestamp,
                                                    .agent = self_->name(), .client_features = features.joined(),
                                                    .relay_features = asked.features->joined()});
    const auto proof = self_->signing().sign(bytes);
    out.send_text(wire::challenge_response_text(timestamp, to_base64(proof.bytes(), base64_form::standard_padded)));
}

void client::begin(const wire::connected_frame& frame, ClientSink auto& out) {
    const auto features = offered();
    if (frame.features)
        for (const auto name : *frame.features)
            if (!features.contains(name)) return abandon({errc::wrong_member, "AM-AUT-041"}, true, out);
    state_ = state::ready;
    receipts_ = frame.features && frame.features->contains(wire::feature_receipts);
    ever_ready_ = true;
    failures_ = 0;
    out.connected(frame);
    for (const auto& waiting : outbox_) out.send_text(waiting.frame);
    if (!receipts_) outbox_.clear();  // nobody will answer for them
}

// --- frames ---------------------------------------------------------------------------------------------

void client::on_text(std::string_view text, const moment& now, ClientSink auto& out) {
    if (state_ != state::logging_in && state_ != state::ready) return;
    heard_ = now.steady;
    const auto frame = parser_.parse(text);
    if (!frame) {
        // A type or a member of a later revision is no reason to part; before the login there is nothing else to do.
        if (state_ == state::logging_in) abandon(frame.error(), false, out);
        return;
    }
    if (state_ == state::logging_in) {
        if (const auto* challenge = std::get_if<wire::challenge_frame>(&*frame))
            return answer_challenge(*challenge, now, out);
        if (const auto* connected = std::get_if<wire::connected_frame>(&*frame)) return begin(*connected, out);
        if (const auto* refused = std::get_if<wire::error_frame>(&*frame)) {
            out.answered(*frame);
            const bool for_good = refused->code == wire::error_code::unauthorized ||
                                  refused->code == wire::error_code::protocol_mismatch;
            return abandon({errc::not_allowed, "AM-AUT-020"}, for_good, out);
        }
        return abandon({errc::connect_expected, "AM-AUT-027"}, false, out);
    }
    if (const auto* message = std::get_if<wire::receive_frame>(&*frame)) return deliver(*message, out);
    if (const auto* accepted = std::get_if<wire::accepted_frame>(&*frame)) settle(accepted->id);
    if (const auto* refused = std::get_if<wire::error_frame>(&*frame)) settle(refused->id);
    out.answered(*frame);
}

// The relay delivers at least once. The ack tells it that the application has the message, so it follows the delivery;
// a copy is acknowledged again, since its first ack may be what was lost. @spec AM-RLY-049
void client::deliver(const wire::receive_frame& message, ClientSink auto& out) {
    if (!receipts_ || message.id.empty()) return (void)out.received(message);
    const std::string from{message.from}, id{message.id};
    if (known_.contains(from + ' ' + id) || out.received(message)) confirm(from, id, out);
}

void client::confirm(std::string_view from, std::string_view id, ClientSink auto& out) {
    remember(from, id);
    if (state_ == state::ready && receipts_) out.send_text(wire::ack_text(from, id));
}

inline void client::remember(std::string_view from, std::string_view id) {
    std::string key{from};
    key.append(1, ' ').append(id);
    if (options_.known_ids == 0 || !known_.insert(key).second) return;
    known_order_.push_back(std::move(key));
    if (known_order_.size() <= options_.known_ids) return;
    known_.erase(known_order_.front());
    known_order_.pop_front();
}

inline void client::settle(std::string_view id) {
    if (!id.empty()) std::erase_if(outbox_, [id](const waiting_send& waiting) { return waiting.id == id; });
}

// --- commands -------------------------------------------------------------------------------------------

result<std::string> client::send(const amid& to, std::string_view payload, wire::message_type type,
                                 ClientSink auto& out, std::string_view raw_candidates) {
    const bool keeps = state_ == state::ready || ever_ready_ ? receipts_ : options_.receipts;
    if (state_ == state::stopped || state_ == state::leaving || (state_ != state::ready && !keeps))
        return fail(errc::ws_closed);
    if (!keeps) {
        out.send_text(wire::send_text(to.text(), payload, type, {}, raw_candidates));
        return std::string{};
    }
    if (outbox_.size() >= options_.outbox) return fail(errc::mailbox_full);
    std::string id = id_prefix_ + std::to_string(++ids_);
    outbox_.push_back({id, wire::send_text(to.text(), payload, type, id, raw_candidates)});
    if (state_ == state::ready) out.send_text(outbox_.back().frame);
    return id;
}

result<void> client::say(std::string_view frame, ClientSink auto& out) {
    if (state_ != state::ready) return fail(errc::ws_closed);
    out.send_text(frame);
    return {};
}

void client::disconnect(std::string_view reason, ClientSink auto& out) {
    if (state_ == state::ready) out.send_text(wire::disconnect_text(reason));
    else if (state_ == state::logging_in) out.close(close_codes::normal, {});
    for_good_ = true;
    state_ = state_ == state::offline || state_ == state::stopped ? state::stopped : state::leaving;
}

// --- endings --------------------------------------------------------------------------------------------

void client::abandon(const error& why, bool for_good, ClientSink auto& out) {
    why_ = why;
    for_good_ = for_good;
    state_ = state::leaving;
    out.close(close_codes::policy, {});
}

void client::on_closed(std::uint16_t code, const moment&, ClientSink auto& out) {
    if (state_ == state::stopped) return;
    client_end end{.why = why_.code == errc{} ? error{errc::ws_closed, {}} : why_};
    if (code == close_codes::session_replaced) {  // @spec AM-AUT-033
        for_good_ = true;
        end.why = {errc::session_replaced, "AM-AUT-033"};
    }
    if (!for_good_) end.dial_again_in = next_delay();
    state_ = for_good_ ? state::stopped : state::offline;
    out.ended(end);
}

// Doubles, and then takes somewhere between half of that and all of it, so that the agents of a relay that was
// restarted do not come back in step.
inline duration client::next_delay() noexcept {
    duration whole = options_.first_delay;
    for (unsigned i = 0; i < failures_ && whole < options_.longest_delay; ++i) whole *= 2;
    whole = std::min(whole, options_.longest_delay);
    ++failures_;
    jitter_ = jitter_ * 6364136223846793005u + 1442695040888963407u;
    const auto part = static_cast<std::int64_t>(jitter_ >> 48);  // of 65536
    return whole / 2 + whole / 2 * part / 65536;
}

void client::on_tick(const moment& now, ClientSink auto& out) {
    const auto due = next_deadline();
    if (!due || now.steady < *due) return;
    abandon({state_ == state::ready ? errc::timed_out : errc::connect_timeout, {}}, false, out);
}

inline std::optional<steady_point> client::next_deadline() const noexcept {
    if (state_ == state::logging_in) return opened_ + options_.login_timeout;
    if (state_ == state::ready) return heard_ + options_.silence_limit;
    return std::nullopt;
}

}  // namespace agentmesh::relay
