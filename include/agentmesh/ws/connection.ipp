// Bodies of ws/connection.hpp.
#pragma once

namespace agentmesh::ws {

template <ByteSink Out>
std::optional<event> connection::next(std::span<std::uint8_t>& input, Out& out) {
    auto what = advance(input);
    if (!what) return what;
    if (what->kind == event_kind::ping) {
        if (injected(fault::ws_masks))
            append_masked_frame(out, mask_key{}, opcode::pong, what->payload);
        else
            append(out, opcode::pong, injected(fault::ws_pong_empty) ? byte_view{} : what->payload);
    }
    if (close_due_) {
        close_due_ = false;
        append_close(out, what->code, {});
    }
    return what;
}

template <ByteSink Out, FramePiece... Pieces>
result<void> connection::send(Out& out, opcode op, const Pieces&... pieces) {
    assert(op == opcode::text || op == opcode::binary || op == opcode::ping || op == opcode::pong);
    assert(!is_control(op) || (std::size_t{0} + ... + piece_bytes(pieces).size()) <= max_control_payload);
    if (!is_open()) return fail(errc::ws_closed);
    append(out, op, pieces...);
    return {};
}

template <ByteSink Out>
void connection::close(Out& out, close_code code, std::string_view reason) {
    assert(is_sendable(code) || code == close_codes::none);
    if (!is_open()) return;
    phase_ = phase::closing;
    append_close(out, code, reason);
}

template <ByteSink Out, FramePiece... Pieces>
void connection::append(Out& out, opcode op, const Pieces&... pieces) {
    if (masks_) {
        append_masked_frame(out, masks_(), op, pieces...);
    } else {
        append_frame(out, op, pieces...);
    }
}

template <ByteSink Out>
void connection::append_close(Out& out, close_code code, std::string_view reason) {
    if (code == close_codes::none) return append(out, opcode::close);
    constexpr std::size_t room = max_control_payload - 2;
    if (reason.size() > room) {
        std::size_t cut = room;
        while (cut > 0 && (static_cast<std::uint8_t>(reason[cut]) & 0xC0) == 0x80) --cut;
        reason = reason.substr(0, cut);
    }
    const std::array<std::uint8_t, 2> number{static_cast<std::uint8_t>(code >> 8),
                                             static_cast<std::uint8_t>(code & 0xFF)};
    append(out, opcode::close, byte_view{number}, reason);
}

inline std::optional<event> connection::advance(std::span<std::uint8_t>& input) {
    drop_delivered();
    while (phase_ != phase::finished) {
        if (!in_frame_) {
            const auto complete = take_header(input);
            if (!complete) return failure(complete.error().code, complete.error().clause);
            if (!*complete) return std::nullopt;
            if (auto refused = begin_frame()) return refused;
        } else if (input.empty()) {
            return std::nullopt;
        }

        const auto left = frame_.length - taken_;
        const auto piece = input.first(static_cast<std::size_t>(std::min<std::uint64_t>(left, input.size())));
        input = input.subspan(piece.size());
        if (frame_.masked) apply_mask(piece, frame_.key, taken_);
        const bool whole = piece.size() == frame_.length;
        taken_ += piece.size();
        const bool ends = taken_ == frame_.length;
        in_frame_ = !ends;
        auto what = is_control(frame_.op) ? take_control(piece, whole, ends) : take_data(piece, whole, ends);
        if (what) return what;
    }
    input = {};
    return std::nullopt;
}

/// Moves a header from `input` to `frame_`; false, with `input` empty, while it is incomplete.
inline result<bool> connection::take_header(std::span<std::uint8_t>& input) {
    if (header_size_ == 0) {
        const auto size = decode_header(frame_, input, self());
        if (!size) return fail(size.error());
        if (*size > 0) {
            input = input.subspan(*size);
            return true;
        }
    }
    while (!input.empty()) {
        header_[header_size_++] = input[0];
        input = input.subspan(1);
        const auto size = decode_header(frame_, {header_.data(), header_size_}, self());
        if (!size) return fail(size.error());
        if (*size > 0) {
            header_size_ = 0;
            return true;
        }
    }
    if (injected(fault::ws_split)) header_size_ = 0;
    return false;
}

/// Judges `frame_` by what came before it, ahead of its payload, so that what is refused is never stored.
inline std::optional<event> connection::begin_frame() {
    taken_ = 0;
    in_frame_ = true;
    if (is_control(frame_.op)) return std::nullopt;

    const bool continues = frame_.op == opcode::continuation;
    const bool in_message = message_ != opcode::continuation;
    if (continues && !in_message && !injected(fault::ws_orphan)) return failure(errc::ws_protocol, "AM-WSK-025");
    if (!continues && in_message && !injected(fault::ws_interleave)) return failure(errc::ws_protocol, "AM-WSK-026");
    if (!continues) {
        message_ = frame_.op;
        fragments_ = 0;
        text_.reset();
    }
    if (phase_ == phase::closing) return std::nullopt;
    if (frame_.length > limits_.message_bytes - store_.size() && !injected(fault::ws_message_limit)) {
        return failure(errc::ws_too_large, "AM-LIM-004");
    }
    if (++fragments_ > limits_.fragments && !injected(fault::ws_fragment_limit)) {
        return failure(errc::ws_too_large, "AM-LIM-005");
    }
    return std::nullopt;
}

inline std::optional<event> connection::take_data(std::span<std::uint8_t> piece, bool whole, bool ends) {
    const bool complete = ends && frame_.fin;
    const opcode kind = message_;
    if (complete) message_ = opcode::continuation;
    if (phase_ == phase::closing) {
        store_ = buffer{};
        return std::nullopt;
    }
    const bool sound = kind == opcode::binary || text_.feed(piece) || (injected(fault::ws_utf8_late) && !complete);
    if ((!sound || (complete && !text_.complete())) && !injected(fault::ws_utf8)) {
        return failure(errc::ws_bad_utf8, "AM-WSK-027");
    }
    event message{kind == opcode::text ? event_kind::text : event_kind::binary, 0, piece, {}};
    if (complete && whole && store_.empty()) return message;

    store_.insert(store_.end(), piece.begin(), piece.end());
    if (!complete) return std::nullopt;
    delivered_ = store_.size();
    message.payload = store_;
    return message;
}

inline std::optional<event> connection::take_control(std::span<std::uint8_t> piece, bool whole, bool ends) {
    byte_view payload = piece;
    if (!whole) {
        store_.insert(store_.end(), piece.begin(), piece.end());
        if (!ends) return std::nullopt;
        delivered_ = static_cast<std::size_t>(frame_.length);
        payload = byte_view{store_}.last(delivered_);
    }
    if (frame_.op == opcode::close) return finish_close(payload);
    if (injected(fault::ws_fragments) && whole) store_.clear();
    return event{frame_.op == opcode::ping ? event_kind::ping : event_kind::pong, 0, payload, {}};
}

inline event connection::finish_close(byte_view payload) {
    if (payload.size() == 1 && !injected(fault::ws_close_echo_any)) return failure(errc::ws_protocol, "AM-WSK-042");
    close_code code = close_codes::none;
    if (payload.size() > 1) {
        code = static_cast<close_code>(payload[0] << 8 | payload[1]);
        payload = payload.subspan(2);
        if (!is_sendable(code) && !injected(fault::ws_close_echo_any)) return failure(errc::ws_protocol, "AM-WSK-042");
        if (!is_utf8(payload)) return failure(errc::ws_bad_utf8, "AM-WSK-027");
    }
    close_due_ = phase_ == phase::open && !injected(fault::ws_no_close_echo);
    phase_ = phase::finished;
    return {event_kind::closed, code, payload, {}};
}

inline event connection::failure(errc code, clause_id clause) {
    close_due_ = phase_ == phase::open;
    phase_ = phase::finished;
    store_ = buffer{};
    delivered_ = 0;
    const close_code number = code == errc::ws_bad_utf8        ? close_codes::bad_text
                              : code == errc::ws_too_large     ? close_codes::too_large
                              : injected(fault::ws_close_code) ? close_codes::normal
                                                               : close_codes::protocol_error;
    return {event_kind::failed, number, {}, {code, clause}};
}

/// Forgets what the latest event referred to, and gives memory back when nothing is left.
inline void connection::drop_delivered() noexcept {
    if (delivered_ > 0) {
        store_.resize(store_.size() - delivered_);
        delivered_ = 0;
    }
    if (store_.empty() && store_.capacity() > 0) store_ = buffer{};
}

}  // namespace agentmesh::ws
