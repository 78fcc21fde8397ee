#include "conformance/engine/ws.hpp"

#include "conformance/engine/encoding.hpp"

namespace agentmesh::conformance {
namespace {

constexpr std::uint64_t largest_message = 4u << 20;

bool may_be_sent(std::uint16_t code) {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

json parse_object(std::string_view text) {
    auto parsed = json::parse(text, nullptr, false);
    return parsed.is_object() ? parsed : json{};
}

/// Turns a complete payload into what a case sees.
void finish(observation& seen, opcode op) {
    switch (op) {
        case opcode::text:
            seen.what = observation::kind::text;
            if (!is_utf8(seen.payload)) seen.faults |= fault_bad_utf8;
            seen.body = parse_object(seen.payload);
            break;
        case opcode::binary: seen.what = observation::kind::binary; break;
        case opcode::ping: seen.what = observation::kind::ping; break;
        case opcode::pong: seen.what = observation::kind::pong; break;
        case opcode::close:
            seen.what = observation::kind::close;
            seen.code = 1005;
            if (seen.payload.size() == 1) seen.faults |= fault_bad_close;
            if (seen.payload.size() >= 2) {
                seen.code = static_cast<std::uint16_t>(static_cast<unsigned char>(seen.payload[0]) << 8 |
                                                       static_cast<unsigned char>(seen.payload[1]));
                seen.payload.erase(0, 2);
                if (!may_be_sent(seen.code)) seen.faults |= fault_bad_close;
                if (!is_utf8(seen.payload)) seen.faults |= fault_bad_utf8;
            }
            break;
        case opcode::continuation: break;
    }
}

}  // namespace

std::string encode(const ws_frame& frame, const std::array<std::uint8_t, 4>& mask) {
    std::string out;
    out += static_cast<char>((frame.fin ? 0x80u : 0u) | (frame.rsv & 7u) << 4 | (static_cast<unsigned>(frame.op) & 15u));
    const std::uint64_t length = frame.length.value_or(frame.payload.size());
    const unsigned masked = frame.masked ? 0x80u : 0u;
    int bytes = 0;
    if (frame.form == length_form::eight_bytes || (frame.form == length_form::shortest && length > 0xffff)) {
        out += static_cast<char>(masked | 127u);
        bytes = 8;
    } else if (frame.form == length_form::two_bytes || length > 125) {
        out += static_cast<char>(masked | 126u);
        bytes = 2;
    } else {
        out += static_cast<char>(masked | static_cast<unsigned>(length));
    }
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(length >> shift & 0xff);
    if (!frame.masked) return out + frame.payload;

    const auto& key = frame.mask ? *frame.mask : mask;
    for (const auto k : key) out += static_cast<char>(k);
    for (std::size_t i = 0; i < frame.payload.size(); ++i)
        out += static_cast<char>(static_cast<unsigned char>(frame.payload[i]) ^ key[i % 4]);
    return out;
}

std::string close_payload(std::uint16_t code, std::string_view reason) {
    std::string out{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
    return out.append(reason);
}

ws_decoder::event ws_decoder::garbage(std::string raw) {
    dead_ = true;
    buffer_.clear();
    event out;
    out.seen.what = observation::kind::garbage;
    out.seen.payload = raw;
    out.raw = std::move(raw);
    return out;
}

std::optional<ws_decoder::event> ws_decoder::take() {
    while (!dead_) {
        if (buffer_.size() < 2) return std::nullopt;
        const auto at = [&](std::size_t i) { return static_cast<std::uint64_t>(static_cast<unsigned char>(buffer_[i])); };
        const bool fin = (at(0) & 0x80) != 0, masked = (at(1) & 0x80) != 0;
        const auto op = static_cast<opcode>(at(0) & 15);
        const bool control = (at(0) & 8) != 0;
        const auto short_length = at(1) & 127;
        const std::size_t extra = short_length == 126 ? 2 : short_length == 127 ? 8 : 0;
        const std::size_t head = 2 + extra + (masked ? 4 : 0);
        if (buffer_.size() < head) return std::nullopt;

        std::uint64_t length = extra == 0 ? short_length : 0;
        for (std::size_t i = 0; i < extra; ++i) length = length << 8 | at(2 + i);
        const bool known = op == opcode::continuation || op == opcode::text || op == opcode::binary ||
                           op == opcode::close || op == opcode::ping || op == opcode::pong;
        const bool starts = op == opcode::text || op == opcode::binary;
        if (!known || length > largest_message || (control && (!fin || length > 125)) || (starts && in_message_) ||
            (op == opcode::continuation && !in_message_)) {
            return garbage(buffer_.substr(0, std::min<std::size_t>(buffer_.size(), 1024)));
        }
        if (buffer_.size() < head + length) return std::nullopt;

        unsigned faults = masked ? fault_masked : 0u;
        if ((at(0) & 0x70) != 0) faults |= fault_reserved_bit;
        if ((extra == 2 && length < 126) || (extra == 8 && length <= 0xffff)) faults |= fault_long_length;
        std::string payload = buffer_.substr(head, length);
        if (masked)
            for (std::size_t i = 0; i < payload.size(); ++i)
                payload[i] = static_cast<char>(static_cast<unsigned char>(payload[i]) ^ at(head - 4 + i % 4));
        std::string raw = buffer_.substr(0, head + length);
        buffer_.erase(0, head + length);

        if (control) {
            event out{{}, std::move(raw)};
            out.seen.payload = std::move(payload);
            out.seen.faults = faults;
            finish(out.seen, op);
            return out;
        }
        if (starts) {
            message_ = {};
            message_op_ = op;
            message_.seen.frames = 0;
        }
        in_message_ = !fin;
        message_.raw += raw;
        message_.seen.payload += payload;
        message_.seen.faults |= faults;
        ++message_.seen.frames;
        if (message_.seen.payload.size() > largest_message) return garbage({});
        if (fin) {
            finish(message_.seen, message_op_);
            return std::exchange(message_, {});
        }
    }
    return std::nullopt;
}

}  // namespace agentmesh::conformance
