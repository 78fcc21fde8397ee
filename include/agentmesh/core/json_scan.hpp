// The inner loops of JSON: strings and numbers, character by character or sixteen at a time.
// Used by json::reader and json::writer; everything here works on raw pointers inside one text.
#pragma once

#include <agentmesh/core/encoding.hpp>
#include <agentmesh/core/fault.hpp>
#include <agentmesh/core/utf8.hpp>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace agentmesh::json::scan {

/// True for the bytes that a run of plain string characters stops at: quote, backslash, control, non-ASCII.
[[nodiscard]] constexpr bool is_special(char c) noexcept {
    return static_cast<signed char>(c) < 0x20 || c == '"' || c == '\\';
}

/// First special byte in [at, end), or end.
[[nodiscard]] inline const char* plain_run(const char* at, const char* end) noexcept {
#if defined(__SSE2__)
    for (; end - at >= 16; at += 16) {
        const __m128i chunk = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
        const __m128i quote = _mm_cmpeq_epi8(chunk, _mm_set1_epi8('"'));
        const __m128i slash = _mm_cmpeq_epi8(chunk, _mm_set1_epi8('\\'));
        const __m128i below = _mm_cmplt_epi8(chunk, _mm_set1_epi8(0x20));  // signed: non-ASCII is below too
        const int found = _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, slash), below));
        if (found != 0) return at + std::countr_zero(static_cast<unsigned>(found));
    }
#else
    constexpr std::uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    const auto has_zero = [](std::uint64_t word) { return (word - ones) & ~word & tops; };
    for (; end - at >= 8; at += 8) {
        std::uint64_t word;
        std::memcpy(&word, at, 8);
        const std::uint64_t below = (word - ones * 0x20) & tops;  // inexact only where a byte is special anyway
        if ((word & tops) | below | has_zero(word ^ ones * '"') | has_zero(word ^ ones * '\\')) break;
    }
#endif
    while (at != end && !is_special(*at)) ++at;
    return at;
}

/// Value of four hexadecimal digits at `at`, or -1.
[[nodiscard]] inline int hex4(const char* at, const char* end) noexcept {
    if (end - at < 4) return -1;
    int value = 0;
    for (int i = 0; i < 4; ++i) {
        const int digit = encoding_tables::from_hex_digit[static_cast<unsigned char>(at[i])];
        if (digit > 15) return -1;
        value = value << 4 | digit;
    }
    return value;
}

/// One escape, `at` being its backslash. Appends its value to `out` unless that is null.
/// Returns the position behind it, or null with `why` set.
inline const char* escape(const char* at, const char* end, std::string* out, error& why) {
    why = {errc::bad_json, "AM-ENC-010"};
    if (end - at < 2) return nullptr;
    char plain = 0;
    switch (at[1]) {
        case '"':
        case '\\':
        case '/': plain = at[1]; break;
        case 'b': plain = '\b'; break;
        case 'f': plain = '\f'; break;
        case 'n': plain = '\n'; break;
        case 'r': plain = '\r'; break;
        case 't': plain = '\t'; break;
        case 'u': {
            int code = hex4(at + 2, end);
            if (code < 0) return nullptr;
            at += 6;
            if ((code & 0xF800) == 0xD800) {  // a surrogate: a low one must follow a high one at once
                if (injected(fault::json_surrogates)) break;
                why.clause = "AM-ENC-012";
                if (code >= 0xDC00 || end - at < 2 || at[0] != '\\' || at[1] != 'u') return nullptr;
                const int low = hex4(at + 2, end);
                if (low < 0xDC00 || low > 0xDFFF) return nullptr;
                code = 0x10000 + ((code & 0x3FF) << 10 | (low & 0x3FF));
                at += 6;
            }
            if (out) append_utf8(*out, static_cast<char32_t>(code));
            return at;
        }
        default: return nullptr;
    }
    if (out) out->push_back(plain);
    return at + 2;
}

/// The closing quote of the string whose characters begin at `at`, or null with `why` set.
inline const char* closing_quote(const char* at, const char* end, bool& escaped, error& why) noexcept {
    while (true) {
        at = plain_run(at, end);
        if (at == end) break;
        if (*at == '"') return at;
        if (*at == '\\') {
            escaped = true;
            at = escape(at, end, nullptr, why);
            if (at == nullptr) return nullptr;
        } else if (static_cast<unsigned char>(*at) >= 0x80) {
            const std::size_t length = utf8_sequence(as_bytes({at, static_cast<std::size_t>(end - at)}));
            if (length == 0) {
                why = {errc::bad_utf8, "AM-ENC-011"};
                return nullptr;
            }
            at += length;
        } else {
            break;  // a bare control character
        }
    }
    why = {errc::bad_json, "AM-ENC-010"};
    return nullptr;
}

[[nodiscard]] constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

inline const char* digits(const char* at, const char* end) noexcept {
    while (at != end && is_digit(*at)) ++at;
    return at;
}

/// End of the number at `at` by the grammar of RFC 8259 section 6, or null.
inline const char* number(const char* at, const char* end, bool& integral) noexcept {
    integral = true;
    if (at != end && *at == '-') ++at;
    if (at == end || !is_digit(*at)) return nullptr;
    at = *at == '0' ? at + 1 : digits(at, end);
    if (at != end && *at == '.') {
        integral = false;
        const char* const fraction = at + 1;
        at = digits(fraction, end);
        if (at == fraction) return nullptr;
    }
    if (at != end && (*at == 'e' || *at == 'E')) {
        integral = false;
        ++at;
        if (at != end && (*at == '+' || *at == '-')) ++at;
        const char* const exponent = at;
        at = digits(exponent, end);
        if (at == exponent) return nullptr;
    }
    return at;
}

/// Decimal exponent of a number's first significant digit: 3 for `125`, -1 for `0.02`. Saturates.
inline long magnitude(std::string_view raw) noexcept {
    const std::size_t e = std::min(raw.find_first_of("eE"), raw.size());
    long exponent = 0;
    if (e < raw.size()) {
        const std::size_t from = raw[e + 1] == '+' ? e + 2 : e + 1;
        const auto read = std::from_chars(raw.data() + from, raw.data() + raw.size(), exponent);
        if (read.ec != std::errc{} || std::labs(exponent) > 1'000'000'000)
            return raw[e + 1] == '-' ? -1'000'000'000 : 1'000'000'000;
    }
    const std::size_t point = std::min(raw.find('.'), e);
    const std::size_t first = raw.find_first_of("123456789");
    if (first >= e) return -1'000'000'000;
    return exponent + (first < point ? static_cast<long>(point - first) : -static_cast<long>(first - point - 1));
}

/// The nearest double to a number; infinite if it is too large, zero (never negative) if it is too small.
inline double to_double(std::string_view raw) noexcept {
    double value = 0;
    const auto read = std::from_chars(raw.data(), raw.data() + raw.size(), value);
    if (read.ec == std::errc::result_out_of_range) value = magnitude(raw) > 0 ? HUGE_VAL : 0.0;
    return value == 0 ? 0.0 : value;
}

}  // namespace agentmesh::json::scan
