// Bodies of core/encoding.hpp.
#pragma once

#include <cassert>
#include <cstring>

namespace agentmesh {

namespace encoding_tables {

inline constexpr std::string_view hex_digits = "0123456789abcdef";
inline constexpr std::string_view base64_standard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
inline constexpr std::string_view base64_url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
inline constexpr std::string_view base58_bitcoin = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

inline constexpr std::uint8_t outside = 0xFF;
using reverse_table = std::array<std::uint8_t, 256>;

constexpr reverse_table reverse(std::string_view alphabet) {
    reverse_table out{};
    for (auto& entry : out) entry = outside;
    for (std::size_t i = 0; i < alphabet.size(); ++i)
        out[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
    return out;
}

constexpr reverse_table reverse_hex() {
    reverse_table out = reverse(hex_digits);
    for (std::uint8_t i = 10; i < 16; ++i) out[static_cast<std::size_t>('A' + i - 10)] = i;
    return out;
}

inline constexpr reverse_table from_hex_digit = reverse_hex();
inline constexpr reverse_table from_base64_standard = reverse(base64_standard);
inline constexpr reverse_table from_base64_url = reverse(base64_url);
inline constexpr reverse_table from_base58_digit = reverse(base58_bitcoin);

// Twelve bits at a time: two characters a look-up, 8 KiB a table.
using pair_table = std::array<std::array<char, 2>, 4096>;
constexpr pair_table pairs(std::string_view alphabet) {
    pair_table out{};
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = {alphabet[i >> 6], alphabet[i & 63]};
    return out;
}
inline constexpr pair_table base64_standard_pairs = pairs(base64_standard);
inline constexpr pair_table base64_url_pairs = pairs(base64_url);

}  // namespace encoding_tables

inline void append_hex(std::string& out, byte_view bytes) {
    std::size_t at = out.size();
    out.resize(at + 2 * bytes.size());
    for (const std::uint8_t byte : bytes) {
        out[at++] = encoding_tables::hex_digits[byte >> 4];
        out[at++] = encoding_tables::hex_digits[byte & 15];
    }
}

inline std::string to_hex(byte_view bytes) {
    std::string out;
    append_hex(out, bytes);
    return out;
}

inline result<void> decode_hex(std::string_view text, std::span<std::uint8_t> out) noexcept {
    if (text.size() != 2 * out.size()) return fail(errc::bad_length, "AM-ENC-001");
    unsigned seen = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
        const unsigned high = encoding_tables::from_hex_digit[static_cast<unsigned char>(text[2 * i])];
        const unsigned low = encoding_tables::from_hex_digit[static_cast<unsigned char>(text[2 * i + 1])];
        seen |= high | low;
        out[i] = static_cast<std::uint8_t>(high << 4 | (low & 15));
    }
    if (seen > 15) return fail(errc::bad_hex, "AM-ENC-001");
    return {};
}

inline result<buffer> from_hex(std::string_view text) {
    if (text.size() % 2 != 0) return fail(errc::bad_hex, "AM-ENC-001");
    buffer out(text.size() / 2);
    AGENTMESH_CHECK(decode_hex(text, out));
    return out;
}

inline void encode_base64(std::span<char> out, byte_view bytes, base64_form form) noexcept {
    assert(form != base64_form::wire10_lenient && out.size() == base64_size(bytes.size(), form));
    const bool url = form == base64_form::url_unpadded;
    const auto& pairs = url ? encoding_tables::base64_url_pairs : encoding_tables::base64_standard_pairs;
    char* to = out.data();
    const std::uint8_t* from = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 3; left -= 3, from += 3, to += 4) {
        const unsigned bits = unsigned{from[0]} << 16 | unsigned{from[1]} << 8 | from[2];
        std::memcpy(to, pairs[bits >> 12].data(), 2);
        std::memcpy(to + 2, pairs[bits & 0xFFF].data(), 2);
    }
    if (left == 0) return;
    const unsigned bits = unsigned{from[0]} << 16 | (left == 2 ? unsigned{from[1]} << 8 : 0u);
    std::memcpy(to, pairs[bits >> 12].data(), 2);
    if (left == 2) to[2] = pairs[bits & 0xFFF][0];
    if (url) return;
    if (left == 1) to[2] = '=';
    to[3] = '=';
}

inline void append_base64(std::string& out, byte_view bytes, base64_form form) {
    const std::size_t start = out.size();
    out.resize(start + base64_size(bytes.size(), form));
    encode_base64(std::span{out}.subspan(start), bytes, form);
}

inline std::string to_base64(byte_view bytes, base64_form form) {
    std::string out;
    append_base64(out, bytes, form);
    return out;
}

inline result<std::size_t> base64_decoded_size(std::string_view text, base64_form form) noexcept {
    std::size_t digits = text.size();
    const bool may_be_padded = form != base64_form::url_unpadded;
    const bool must_be_padded = form == base64_form::standard_padded;
    if (must_be_padded && digits % 4 != 0) return fail(errc::bad_base64, "AM-ENC-004");
    if (may_be_padded && digits > 0 && digits % 4 == 0 && text[digits - 1] == '=')
        digits -= text[digits - 2] == '=' ? 2 : 1;
    if (digits % 4 == 1) return fail(errc::bad_base64, "AM-ENC-004");
    return digits / 4 * 3 + (digits % 4 == 0 ? 0 : digits % 4 - 1);
}

inline result<void> decode_base64(std::string_view text, base64_form form, std::span<std::uint8_t> out) noexcept {
    const auto size = base64_decoded_size(text, form);
    if (!size) return fail(size.error());
    if (*size != out.size()) return fail(errc::bad_length);

    bool url = form == base64_form::url_unpadded;
    if (form == base64_form::wire10_lenient) url = text.find_first_of("-_") != std::string_view::npos;
    const auto& table = url ? encoding_tables::from_base64_url : encoding_tables::from_base64_standard;

    const char* from = text.data();
    std::uint8_t* to = out.data();
    std::size_t left = out.size();
    unsigned seen = 0;  // collects the bits above the six that a digit may have
    unsigned stray_bits = 0;
    const auto digit = [&](std::size_t i) {
        const unsigned value = table[static_cast<unsigned char>(from[i])];
        seen |= value;
        return value;
    };
    for (; left >= 3; left -= 3, from += 4, to += 3) {
        const unsigned bits = digit(0) << 18 | digit(1) << 12 | digit(2) << 6 | digit(3);
        to[0] = static_cast<std::uint8_t>(bits >> 16);
        to[1] = static_cast<std::uint8_t>(bits >> 8);
        to[2] = static_cast<std::uint8_t>(bits);
    }
    if (left > 0) {
        const unsigned bits = digit(0) << 18 | digit(1) << 12 | (left == 2 ? digit(2) << 6 : 0u);
        to[0] = static_cast<std::uint8_t>(bits >> 16);
        if (left == 2) to[1] = static_cast<std::uint8_t>(bits >> 8);
        stray_bits = left == 2 ? bits & 0xFF : bits & 0xFFFF;
    }
    if (seen > 63) return fail(errc::bad_base64, text.find('=') < text.size() - 2 ? "AM-ENC-004" : "AM-ENC-003");
    if (stray_bits != 0 && !injected(fault::base64_stray_bits)) return fail(errc::bad_base64, "AM-ENC-005");
    return {};
}

inline result<buffer> from_base64(std::string_view text, base64_form form) {
    AGENTMESH_TRY(size, base64_decoded_size(text, form));
    buffer out(size);
    AGENTMESH_CHECK(decode_base64(text, form, out));
    return out;
}

inline std::string to_base58(byte_view bytes) {
    const auto significant = std::find_if(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte != 0; });
    const auto zeros = static_cast<std::size_t>(significant - bytes.begin());
    std::string digits;  // least significant first, as values, turned into characters at the end
    digits.reserve(base58_max_size(bytes.size()));
    for (const std::uint8_t byte : bytes.subspan(zeros)) {
        unsigned carry = byte;
        for (char& digit : digits) {
            carry += static_cast<unsigned>(digit) << 8;
            digit = static_cast<char>(carry % 58);
            carry /= 58;
        }
        for (; carry > 0; carry /= 58) digits.push_back(static_cast<char>(carry % 58));
    }
    digits.append(zeros, char{0});
    std::reverse(digits.begin(), digits.end());
    for (char& digit : digits) digit = encoding_tables::base58_bitcoin[static_cast<std::size_t>(digit)];
    return digits;
}

inline result<void> decode_base58(std::string_view text, std::span<std::uint8_t> out) noexcept {
    if (text.size() > base58_max_size(out.size())) return fail(errc::bad_length, "AM-ENC-008");
    std::fill(out.begin(), out.end(), std::uint8_t{0});
    bool overflow = false;
    for (std::size_t at = 0; at < text.size();) {
        std::uint64_t carry = 0, scale = 1;  // nine digits at a time: 58^9 times a byte fits in 64 bits
        for (const std::size_t stop = std::min(at + 9, text.size()); at < stop; ++at) {
            const std::uint8_t digit = encoding_tables::from_base58_digit[static_cast<unsigned char>(text[at])];
            if (digit == encoding_tables::outside) return fail(errc::bad_base58, "AM-ENC-006");
            carry = carry * 58 + digit;
            scale *= 58;
        }
        for (std::size_t i = out.size(); i-- > 0;) {
            carry += scale * out[i];
            out[i] = static_cast<std::uint8_t>(carry);
            carry >>= 8;
        }
        overflow = overflow || carry != 0;
    }
    const std::size_t ones = std::min(text.find_first_not_of('1'), text.size());
    const auto zeros = std::find_if(out.begin(), out.end(), [](std::uint8_t byte) { return byte != 0; }) - out.begin();
    if (overflow || ones != static_cast<std::size_t>(zeros)) return fail(errc::bad_length);
    return {};
}

inline result<buffer> from_base58(std::string_view text, std::size_t max_bytes) {
    if (text.size() > base58_max_size(max_bytes)) return fail(errc::too_large, "AM-ENC-008");
    buffer digits;  // least significant byte first
    for (const char character : text) {
        unsigned carry = encoding_tables::from_base58_digit[static_cast<unsigned char>(character)];
        if (carry == encoding_tables::outside) return fail(errc::bad_base58, "AM-ENC-006");
        for (std::uint8_t& byte : digits) {
            carry += 58u * byte;
            byte = static_cast<std::uint8_t>(carry);
            carry >>= 8;
        }
        for (; carry > 0; carry >>= 8) digits.push_back(static_cast<std::uint8_t>(carry));
    }
    digits.insert(digits.end(), std::min(text.find_first_not_of('1'), text.size()), std::uint8_t{0});
    if (digits.size() > max_bytes) return fail(errc::too_large, "AM-ENC-008");
    std::reverse(digits.begin(), digits.end());
    return digits;
}

}  // namespace agentmesh
