// Bodies of p2p/stun.hpp.
#pragma once

#include <agentmesh/core/utf8.hpp>
#include <agentmesh/crypto/kdf.hpp>
#include <agentmesh/crypto/legacy.hpp>

#include <algorithm>
#include <array>

namespace agentmesh::p2p::stun {

namespace detail {

inline constexpr clause_id form = "AM-P2P-001";

[[nodiscard]] inline std::uint16_t u16_at(byte_view in, std::size_t at) noexcept {
    return static_cast<std::uint16_t>(in[at] << 8 | in[at + 1]);
}
[[nodiscard]] inline std::uint32_t u32_at(byte_view in, std::size_t at) noexcept {
    return std::uint32_t{u16_at(in, at)} << 16 | u16_at(in, at + 2);
}
inline void append_u16(buffer& out, std::size_t value) {
    const std::uint8_t bytes[] = {static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
    out.insert(out.end(), std::begin(bytes), std::end(bytes));
}
inline void append_u32(buffer& out, std::uint32_t value) {
    append_u16(out, value >> 16);
    append_u16(out, value & 0xffff);
}

/// CRC-32 of ITU V.42, as Ethernet has it, folded with the mask that tells STUN from others who use it.
[[nodiscard]] inline std::uint32_t fingerprint_of(byte_view bytes) noexcept {
    static constexpr auto table = [] {
        std::array<std::uint32_t, 256> out{};
        for (std::uint32_t i = 0; i < 256; ++i) {
            std::uint32_t c = i;
            for (int bit = 0; bit < 8; ++bit) c = (c & 1) != 0 ? 0xedb88320u ^ c >> 1 : c >> 1;
            out[i] = c;
        }
        return out;
    }();
    std::uint32_t crc = 0xffffffff;
    for (const auto one : bytes) crc = table[(crc ^ one) & 0xff] ^ crc >> 8;
    return ~crc ^ 0x5354554e;
}

/// What a proof is computed over: everything before it, with a length that ends behind it.
[[nodiscard]] inline buffer covered(byte_view bytes, std::size_t at, std::size_t proof) {
    buffer out{bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(at)};
    const auto length = at - head_bytes + 4 + proof;
    out[2] = static_cast<std::uint8_t>(length >> 8);
    out[3] = static_cast<std::uint8_t>(length);
    return out;
}

[[nodiscard]] constexpr bool is_known(std::uint16_t type) noexcept {
    switch (static_cast<attribute>(type)) {
        case attribute::mapped_address:
        case attribute::username:
        case attribute::message_integrity:
        case attribute::error_code:
        case attribute::unknown_attributes:
        case attribute::channel_number:
        case attribute::lifetime:
        case attribute::xor_peer_address:
        case attribute::data:
        case attribute::realm:
        case attribute::nonce:
        case attribute::xor_relayed_address:
        case attribute::requested_address_family:
        case attribute::even_port:
        case attribute::requested_transport:
        case attribute::dont_fragment:
        case attribute::message_integrity_sha256:
        case attribute::password_algorithm:
        case attribute::userhash:
        case attribute::xor_mapped_address:
        case attribute::reservation_token:
        case attribute::priority:
        case attribute::use_candidate: return true;
        default: return type >= 0x8000;
    }
}

/// Longest value in bytes (RFC 8489 section 14).
[[nodiscard]] constexpr std::size_t longest_text(attribute which) noexcept {
    return which == attribute::username ? 508 : 763;
}

/// Cookie and transaction, with which addresses are masked so that routers which rewrite addresses overlook them.
[[nodiscard]] inline std::array<std::uint8_t, 16> mask_of(const transaction& id) noexcept {
    std::array<std::uint8_t, 16> out{0x21, 0x12, 0xa4, 0x42};
    std::copy(id.bytes().begin(), id.bytes().end(), out.begin() + 4);
    return out;
}

[[nodiscard]] inline buffer credentials(std::string_view username, std::string_view realm, std::string_view password) {
    buffer out;
    for (const auto part : {username, std::string_view{":"}, realm, std::string_view{":"}, password})
        out.insert(out.end(), part.begin(), part.end());
    return out;
}

}  // namespace detail

inline buffer long_term_key(std::string_view username, std::string_view realm, std::string_view password) {
    auto text = detail::credentials(username, realm, password);
    const auto key = crypto::legacy::md5(text);
    sodium_memzero(text.data(), text.size());
    return {key.bytes().begin(), key.bytes().end()};
}

inline buffer long_term_key_sha256(std::string_view username, std::string_view realm, std::string_view password) {
    auto text = detail::credentials(username, realm, password);
    const auto key = crypto::sha256(text);
    sodium_memzero(text.data(), text.size());
    return {key.bytes().begin(), key.bytes().end()};
}

inline result<message> message::parse(byte_view bytes) {
    const auto refused = fail(errc::bad_stun, detail::form);
    if (!looks_like(bytes) || bytes.size() > limits::stun_bytes) return refused;
    const std::size_t length = detail::u16_at(bytes, 2);
    if (length % 4 != 0 || head_bytes + length != bytes.size()) return refused;

    message out;
    out.bytes_ = bytes;
    // Bits 4 and 8 of the type are the kind, the others the method.
    const unsigned type = detail::u16_at(bytes, 0);
    out.what_ = static_cast<stun::kind>((type >> 7 & 2) | (type >> 4 & 1));
    out.method_ = static_cast<std::uint16_t>((type & 0x000f) | (type & 0x00e0) >> 1 | (type & 0x3e00) >> 2);
    std::copy_n(bytes.begin() + 8, transaction::size, out.id_.storage().begin());

    std::size_t count = 0;
    for (std::size_t at = head_bytes; at < bytes.size();) {
        if (out.fingerprint_) return fail(errc::bad_stun, "AM-P2P-003");  // nothing follows it
        if (bytes.size() - at < 4 || ++count > limits::stun_attributes) return refused;
        const auto name = detail::u16_at(bytes, at);
        const std::size_t size = detail::u16_at(bytes, at + 2);
        const std::size_t padded = (size + 3) & ~std::size_t{3};
        if (padded > bytes.size() - at - 4) return refused;
        const auto value = bytes.subspan(at + 4, size);
        const auto which = static_cast<attribute>(name);
        if (which == attribute::fingerprint) {
            if (size != 4 || detail::u32_at(bytes, at + 4) != detail::fingerprint_of(bytes.first(at)))
                return fail(errc::bad_stun, "AM-P2P-003");
            out.fingerprint_ = true;
        } else if (out.sha256_at_ != 0) {
            // Whoever was on the way can have added it, so it is not there (RFC 8489 section 14.6).
        } else if (which == attribute::message_integrity_sha256) {
            if (size != 32) return fail(errc::bad_stun, "AM-P2P-002");
            out.sha256_at_ = at;
        } else if (out.sha1_at_ != 0) {
            // The same (section 14.5).
        } else if (which == attribute::message_integrity) {
            if (size != 20) return fail(errc::bad_stun, "AM-P2P-002");
            out.sha1_at_ = at;
        } else {
            if (!detail::is_known(name) &&
                std::find(out.unknown_.begin(), out.unknown_.end(), name) == out.unknown_.end())
                out.unknown_.push_back(name);
            out.entries_.push_back({name, value});
        }
        at += 4 + padded;
    }
    return out;
}

inline result<void> message::check(byte_view key) const {
    if (sha256_at_ != 0) {
        std::array<std::uint8_t, 32> expected{};
        crypto::hmac_sha256(expected, key, detail::covered(bytes_, sha256_at_, 32));
        if (crypto::equal_in_constant_time(expected, bytes_.subspan(sha256_at_ + 4, 32))) return {};
    } else if (sha1_at_ != 0) {
        const auto expected = crypto::legacy::hmac_sha1(key, detail::covered(bytes_, sha1_at_, 20));
        if (crypto::equal_in_constant_time(expected.bytes(), bytes_.subspan(sha1_at_ + 4, 20))) return {};
    }
    return fail(errc::bad_integrity, "AM-P2P-004");
}

inline std::optional<byte_view> message::find(attribute which) const noexcept {
    for (const auto& one : entries_)
        if (one.type == static_cast<std::uint16_t>(which)) return one.value;
    return std::nullopt;
}

inline result<std::string_view> message::text(attribute which) const {
    const auto value = find(which);
    if (!value || value->size() > detail::longest_text(which) || !is_utf8(as_text(*value)))
        return fail(errc::bad_stun, detail::form);
    return as_text(*value);
}

inline result<std::uint32_t> message::number(attribute which) const {
    const auto value = find(which);
    if (!value || value->size() != 4) return fail(errc::bad_stun, detail::form);
    return detail::u32_at(*value, 0);
}

inline result<std::uint64_t> message::number64(attribute which) const {
    const auto value = find(which);
    if (!value || value->size() != 8) return fail(errc::bad_stun, detail::form);
    return std::uint64_t{detail::u32_at(*value, 0)} << 32 | detail::u32_at(*value, 4);
}

inline result<endpoint> message::address(attribute which) const {
    const auto value = find(which);
    const auto refused = fail(errc::bad_stun, "AM-P2P-005");
    if (!value || value->size() < 8) return refused;
    endpoint out;
    out.v6 = (*value)[1] == 2;
    if (value->size() != (out.v6 ? std::size_t{20} : std::size_t{8}) || (!out.v6 && (*value)[1] != 1)) return refused;
    out.port = detail::u16_at(*value, 2);
    std::copy(value->begin() + 4, value->end(), out.address.begin());
    if (which != attribute::mapped_address && which != attribute::alternate_server) {
        const auto mask = detail::mask_of(id_);
        out.port = static_cast<std::uint16_t>(out.port ^ (mask[0] << 8 | mask[1]));
        for (std::size_t i = 0; i < out.bytes().size(); ++i) out.address[i] ^= mask[i];
    }
    return out;
}

inline result<error_code> message::error() const {
    const auto value = find(attribute::error_code);
    if (!value || value->size() < 4 || value->size() > 4 + 763) return fail(errc::bad_stun, detail::form);
    const unsigned hundreds = (*value)[2] & 7u, rest = (*value)[3];
    if (hundreds < 3 || hundreds > 6 || rest > 99 || !is_utf8(as_text(value->subspan(4))))
        return fail(errc::bad_stun, detail::form);
    return error_code{static_cast<std::uint16_t>(hundreds * 100 + rest), as_text(value->subspan(4))};
}

inline writer::writer(kind what, std::uint16_t about, const transaction& id) {
    const auto k = static_cast<unsigned>(what);
    detail::append_u16(
        out_, (about & 0x000fu) | (about & 0x0070u) << 1 | (about & 0x0f80u) << 2 | (k & 1) << 4 | (k & 2) << 7);
    detail::append_u16(out_, 0);
    detail::append_u32(out_, cookie);
    out_.insert(out_.end(), id.bytes().begin(), id.bytes().end());
}

inline writer::writer(kind what, method about, const transaction& id)
    : writer{what, static_cast<std::uint16_t>(about), id} {}

inline writer::writer(kind what, const message& to) : writer{what, to.method_number(), to.id()} {}

inline writer& writer::bytes(attribute which, byte_view value) {
    detail::append_u16(out_, static_cast<std::uint16_t>(which));
    detail::append_u16(out_, value.size());
    out_.insert(out_.end(), value.begin(), value.end());
    out_.resize((out_.size() + 3) & ~std::size_t{3});
    const auto length = out_.size() - head_bytes;
    out_[2] = static_cast<std::uint8_t>(length >> 8);
    out_[3] = static_cast<std::uint8_t>(length);
    return *this;
}

inline writer& writer::number(attribute which, std::uint32_t value) {
    buffer out;
    detail::append_u32(out, value);
    return bytes(which, out);
}

inline writer& writer::number64(attribute which, std::uint64_t value) {
    buffer out;
    detail::append_u32(out, static_cast<std::uint32_t>(value >> 32));
    detail::append_u32(out, static_cast<std::uint32_t>(value));
    return bytes(which, out);
}

inline writer& writer::address(attribute which, const endpoint& at) {
    transaction id;
    std::copy_n(out_.begin() + 8, transaction::size, id.storage().begin());
    auto mask = detail::mask_of(id);
    if (which == attribute::mapped_address) mask = {};
    buffer out{0, static_cast<std::uint8_t>(at.v6 ? 2 : 1)};
    detail::append_u16(out, static_cast<std::uint16_t>(at.port ^ (mask[0] << 8 | mask[1])));
    for (std::size_t i = 0; i < at.bytes().size(); ++i) out.push_back(at.address[i] ^ mask[i]);
    return bytes(which, out);
}

inline writer& writer::error(std::uint16_t code, std::string_view reason) {
    buffer out{0, 0, static_cast<std::uint8_t>(code / 100), static_cast<std::uint8_t>(code % 100)};
    out.insert(out.end(), reason.begin(), reason.end());
    return bytes(attribute::error_code, out);
}

inline writer& writer::unknown(std::span<const std::uint16_t> types) {
    buffer out;
    for (const auto one : types) detail::append_u16(out, one);
    return bytes(attribute::unknown_attributes, out);
}

inline buffer writer::sign(byte_view key, bool sha256) const {
    writer out{*this};
    const auto at = out.out_.size();
    if (sha256) {
        std::array<std::uint8_t, 32> proof{};
        crypto::hmac_sha256(proof, key, detail::covered(out.out_, at, proof.size()));
        out.bytes(attribute::message_integrity_sha256, proof);
    } else {
        const auto proof = crypto::legacy::hmac_sha1(key, detail::covered(out.out_, at, 20));
        out.bytes(attribute::message_integrity, proof.bytes());
    }
    return out.finish();
}

inline buffer writer::finish() const {
    writer out{*this};
    // The fingerprint covers the length as it is with the fingerprint.
    const auto at = out.out_.size();
    out.number(attribute::fingerprint, 0);
    const auto mark = detail::fingerprint_of(byte_view{out.out_}.first(at));
    for (std::size_t i = 0; i < 4; ++i) out.out_[at + 4 + i] = static_cast<std::uint8_t>(mark >> (24 - 8 * i));
    return std::move(out.out_);
}

}  // namespace agentmesh::p2p::stun
