#include "conformance/engine/encoding.hpp"

#include <openssl/sha.h>
#include <sodium.h>

#include <algorithm>
#include <cstdio>
#include <vector>

namespace agentmesh::conformance {
namespace {

const unsigned char* raw(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

/// Exactly `count` digits at the front of `text`, which loses them.
std::optional<int> take_digits(std::string_view& text, std::size_t count) {
    if (text.size() < count) return std::nullopt;
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (text[i] < '0' || text[i] > '9') return std::nullopt;
        value = value * 10 + (text[i] - '0');
    }
    text.remove_prefix(count);
    return value;
}

bool take(std::string_view& text, char c) {
    if (text.empty() || text.front() != c) return false;
    text.remove_prefix(1);
    return true;
}

}  // namespace

std::string to_base64(std::string_view bytes) {
    std::string out(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
    sodium_bin2base64(out.data(), out.size(), raw(bytes), bytes.size(), sodium_base64_VARIANT_ORIGINAL);
    out.pop_back();  // the terminating zero
    return out;
}

std::optional<std::string> from_base64(std::string_view text) {
    std::string out(text.size() / 4 * 3 + 3, '\0');
    std::size_t size = 0;
    const char* end = nullptr;
    if (sodium_base642bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), text.data(), text.size(), nullptr,
                          &size, &end, sodium_base64_VARIANT_ORIGINAL) != 0 ||
        end != text.data() + text.size()) {
        return std::nullopt;
    }
    out.resize(size);
    return out;
}

std::string to_hex(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
    return out;
}

std::optional<std::string> from_hex(std::string_view text) {
    if (text.size() % 2 != 0) return std::nullopt;
    const auto digit = [](char c) {
        if (c >= '0' && c <= '9') return c - '0';
        if (c >= 'a' && c <= 'f') return c - 'a' + 10;
        if (c >= 'A' && c <= 'F') return c - 'A' + 10;
        return -1;
    };
    std::string out;
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = digit(text[i]), low = digit(text[i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        out += static_cast<char>(high * 16 + low);
    }
    return out;
}

std::string to_base58(std::string_view bytes) {
    constexpr std::string_view alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    std::vector<int> digits;  // little-endian, base 58
    for (const char c : bytes) {
        int carry = static_cast<unsigned char>(c);
        for (auto& d : digits) {
            carry += d * 256;
            d = carry % 58;
            carry /= 58;
        }
        for (; carry != 0; carry /= 58) digits.push_back(carry % 58);
    }
    std::string out(static_cast<std::size_t>(std::find_if(bytes.begin(), bytes.end(), [](char c) { return c != 0; }) -
                                             bytes.begin()), '1');
    for (auto d = digits.rbegin(); d != digits.rend(); ++d) out += alphabet[static_cast<std::size_t>(*d)];
    return out;
}

std::string sha256(std::string_view bytes) {
    std::string out(crypto_hash_sha256_BYTES, '\0');
    crypto_hash_sha256(reinterpret_cast<unsigned char*>(out.data()), raw(bytes), bytes.size());
    return out;
}

std::string sha1(std::string_view bytes) {
    std::string out(SHA_DIGEST_LENGTH, '\0');
    SHA1(raw(bytes), bytes.size(), reinterpret_cast<unsigned char*>(out.data()));
    return out;
}

std::string sha256_label(std::string_view bytes) { return "sha256:" + to_hex(sha256(bytes)); }

std::string length_prefixed(std::string_view bytes) {
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((bytes.size() >> shift) & 0xff);
    return out.append(bytes);
}

bool is_utf8(std::string_view bytes) noexcept {
    for (std::size_t i = 0; i < bytes.size();) {
        const auto at = [&](std::size_t k) { return static_cast<unsigned>(static_cast<unsigned char>(bytes[k])); };
        const unsigned lead = at(i);
        const std::size_t length = lead < 0x80 ? 1 : lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3
                                 : lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
        if (length == 0 || i + length > bytes.size()) return false;
        for (std::size_t k = 1; k < length; ++k)
            if ((at(i + k) & 0xc0) != 0x80) return false;
        if (length == 3 && ((lead == 0xe0 && at(i + 1) < 0xa0) || (lead == 0xed && at(i + 1) >= 0xa0))) return false;
        if (length == 4 && ((lead == 0xf0 && at(i + 1) < 0x90) || (lead == 0xf4 && at(i + 1) >= 0x90))) return false;
        i += length;
    }
    return true;
}

bool is_uuid(std::string_view text) noexcept {
    if (text.size() != 36) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        const bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (hyphen ? c != '-' : !digit) return false;
    }
    return true;
}

std::string stamp(wall_time when, stamp_form form) {
    using namespace std::chrono;
    const auto day = floor<days>(when);
    const year_month_day date{day};
    const auto in_day = (when - day).count();
    const auto second = in_day / 1'000'000;
    const auto fraction = static_cast<int>(in_day % 1'000'000);
    char text[48];
    const int size = std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                                   static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                                   static_cast<int>(second / 3600), static_cast<int>(second / 60 % 60),
                                   static_cast<int>(second % 60));
    std::string out(text, static_cast<std::size_t>(size));
    char digits[16];
    std::snprintf(digits, sizeof digits, "%06d", fraction);
    switch (form) {
        case stamp_form::zulu: return out + "." + digits + "Z";
        case stamp_form::zulu_millis: return out + "." + std::string(digits, 3) + "Z";
        case stamp_form::zulu_seconds: return out + "Z";
        case stamp_form::offset: return out + "." + digits + "+00:00";
        case stamp_form::offset_seconds: return out + "+00:00";
        case stamp_form::offset_nanos: return out + "." + digits + "000+00:00";
    }
    return out;
}

std::optional<wall_time> read_stamp(std::string_view text) {
    using namespace std::chrono;
    const auto y = take_digits(text, 4);
    if (!y || !take(text, '-')) return std::nullopt;
    const auto mo = take_digits(text, 2);
    if (!mo || !take(text, '-')) return std::nullopt;
    const auto d = take_digits(text, 2);
    if (!d || !(take(text, 'T') || take(text, 't'))) return std::nullopt;
    const auto h = take_digits(text, 2);
    if (!h || !take(text, ':')) return std::nullopt;
    const auto mi = take_digits(text, 2);
    if (!mi || !take(text, ':')) return std::nullopt;
    const auto s = take_digits(text, 2);
    if (!s || *h > 23 || *mi > 59 || *s > 59) return std::nullopt;
    int fraction = 0;
    if (take(text, '.')) {
        int count = 0;
        for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1), ++count)
            if (count < 6) fraction = fraction * 10 + (text.front() - '0');
        if (count == 0) return std::nullopt;
        for (; count < 6; ++count) fraction *= 10;
    }
    minutes offset{0};
    if (!(take(text, 'Z') || take(text, 'z'))) {
        const bool behind = !text.empty() && text.front() == '-';
        if (!(take(text, '+') || take(text, '-'))) return std::nullopt;
        const auto oh = take_digits(text, 2);
        if (!oh || !take(text, ':')) return std::nullopt;
        const auto om = take_digits(text, 2);
        if (!om || *oh > 23 || *om > 59) return std::nullopt;
        offset = minutes{(*oh * 60 + *om) * (behind ? -1 : 1)};
    }
    const year_month_day date{year{*y}, month{static_cast<unsigned>(*mo)}, day{static_cast<unsigned>(*d)}};
    if (!text.empty() || !date.ok()) return std::nullopt;
    return wall_time{sys_days{date}} + hours{*h} + minutes{*mi} + seconds{*s} + microseconds{fraction} - offset;
}

}  // namespace agentmesh::conformance
