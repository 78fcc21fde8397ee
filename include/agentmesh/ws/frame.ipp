// Bodies of ws/frame.hpp.
#pragma once

namespace agentmesh::ws {

inline encoded_header encode_header(const frame_header& header) noexcept {
    assert(header.length <= static_cast<std::uint64_t>(INT64_MAX));
    encoded_header out;
    const auto put = [&out](std::uint64_t byte) { out.bytes[out.size++] = static_cast<std::uint8_t>(byte & 0xFF); };

    put((header.fin ? 0x80U : 0U) | static_cast<std::uint8_t>(header.op));
    const std::uint64_t mask_bit = header.masked ? 0x80U : 0U;
    if (header.length < 126) {
        put(mask_bit | header.length);
    } else if (header.length <= 0xFFFF) {
        put(mask_bit | 126);
        put(header.length >> 8);
        put(header.length);
    } else {
        put(mask_bit | 127);
        for (int shift = 56; shift >= 0; shift -= 8) put(header.length >> shift);
    }
    if (header.masked) {
        for (const std::uint8_t byte : header.key) put(byte);
    }
    return out;
}

inline result<std::size_t> decode_header(frame_header& out, byte_view input, role self) noexcept {
    if (input.empty()) return 0;
    const std::uint8_t first = input[0];
    if ((first & 0x70) != 0 && !injected(fault::ws_rsv)) return fail(errc::ws_protocol, "AM-WSK-021");
    const std::uint8_t op = first & 0x0F;
    if ((op & 0x07) > 2 && !injected(fault::ws_opcode)) return fail(errc::ws_protocol, "AM-WSK-022");
    const bool fin = (first & 0x80) != 0;
    const bool control = op >= 0x8;
    if (control && !fin && !injected(fault::ws_control_fragment)) return fail(errc::ws_protocol, "AM-WSK-024");

    if (input.size() < 2) return 0;
    const std::uint8_t second = input[1];
    const bool masked = (second & 0x80) != 0;
    if (!masked && self == role::server && !injected(fault::ws_unmasked)) return fail(errc::ws_protocol, "AM-WSK-020");
    if (masked && self == role::client) return fail(errc::ws_protocol, "AM-WSK-036");
    std::uint64_t length = second & 0x7F;
    if (control && length > max_control_payload && !injected(fault::ws_long_control)) {
        return fail(errc::ws_protocol, "AM-WSK-023");
    }

    std::size_t size = 2;
    if (length >= 126) {
        // Each byte is judged as it comes, so that a refusal never waits for bytes it does not depend on.
        const std::size_t wide = length == 126 ? 2 : 8;
        const std::size_t present = std::min(wide, input.size() - 2);
        length = 0;
        for (std::size_t i = 0; i < present; ++i) length = length << 8 | input[2 + i];
        if (injected(fault::ws_high_bit))
            length &= INT64_MAX;
        else if (wide == 8 && present > 0 && (input[2] & 0x80) != 0)
            return fail(errc::ws_protocol, "AM-WSK-028");
        if (present < wide) return 0;
        if (length < (wide == 2 ? 126U : 0x10000U) && !injected(fault::ws_nonminimal) &&
            !injected(fault::ws_high_bit)) {
            return fail(errc::ws_protocol, "AM-WSK-029");
        }
        size += wide;
    }
    if (masked) {
        if (input.size() < size + 4) return 0;
        std::memcpy(out.key.data(), input.data() + size, 4);
        size += 4;
    }
    out.fin = fin;
    out.op = static_cast<opcode>(op);
    out.masked = masked;
    out.length = length;
    return size;
}

inline void apply_mask(std::span<std::uint8_t> data, const mask_key& key, std::uint64_t offset) noexcept {
    std::array<std::uint8_t, 8> rotated;
    for (std::size_t i = 0; i < rotated.size(); ++i) rotated[i] = key[(offset + i) % 4];
    std::uint64_t word;
    std::memcpy(&word, rotated.data(), sizeof word);

    // Words through memcpy: no alignment is assumed, and compilers turn the loop into vector instructions.
    const auto flip = [word](std::uint8_t* at) {
        std::uint64_t part;
        std::memcpy(&part, at, sizeof part);
        part ^= word;
        std::memcpy(at, &part, sizeof part);
    };
    std::uint8_t* at = data.data();
    std::size_t left = data.size();
    for (; left >= 32; at += 32, left -= 32) {
        flip(at);
        flip(at + 8);
        flip(at + 16);
        flip(at + 24);
    }
    for (; left >= 8; at += 8, left -= 8) flip(at);
    for (std::size_t i = 0; i < left; ++i) at[i] = static_cast<std::uint8_t>(at[i] ^ rotated[i]);
}

namespace detail {

template <ByteSink Out>
void make_room(Out& out, std::size_t more) {
    const std::size_t needed = out.size() + more;
    if (needed > out.capacity()) out.reserve(std::max(needed, 2 * out.capacity()));
}

template <ByteSink Out>
void append_bytes(Out& out, byte_view bytes) {
    const auto* first = reinterpret_cast<const typename Out::value_type*>(bytes.data());
    out.insert(out.end(), first, first + bytes.size());
}

}  // namespace detail

template <ByteSink Out, FramePiece... Pieces>
void append_frame(Out& out, opcode op, const Pieces&... pieces) {
    const std::size_t length = (std::size_t{0} + ... + piece_bytes(pieces).size());
    const auto header = encode_header({.op = op, .length = length});
    detail::make_room(out, header.size + length);
    detail::append_bytes(out, header.view());
    (detail::append_bytes(out, piece_bytes(pieces)), ...);
}

template <ByteSink Out, FramePiece... Pieces>
void append_masked_frame(Out& out, const mask_key& key, opcode op, const Pieces&... pieces) {
    const std::size_t length = (std::size_t{0} + ... + piece_bytes(pieces).size());
    const auto header = encode_header({.op = op, .masked = true, .key = key, .length = length});
    detail::make_room(out, header.size + length);
    detail::append_bytes(out, header.view());
    (detail::append_bytes(out, piece_bytes(pieces)), ...);
    auto* payload = reinterpret_cast<std::uint8_t*>(out.data() + (out.size() - length));
    apply_mask({payload, length}, key);
}

}  // namespace agentmesh::ws
