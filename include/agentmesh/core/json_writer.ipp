// Bodies of core/json_writer.hpp.
#pragma once

namespace agentmesh::json {

inline void append_quoted(std::string& out, std::string_view text) {
    out.reserve(out.size() + text.size() + 2);
    out += '"';
    const char* at = text.data();
    const char* const end = at + text.size();
    while (true) {
        const char* const stop = scan::plain_run(at, end);
        out.append(at, stop);
        if (stop == end) break;
        at = stop + 1;
        const char c = *stop;
        switch (c) {
            case '"': out += "\\\""; continue;
            case '\\': out += "\\\\"; continue;
            case '\b': out += "\\b"; continue;
            case '\f': out += "\\f"; continue;
            case '\n': out += "\\n"; continue;
            case '\r': out += "\\r"; continue;
            case '\t': out += "\\t"; continue;
            default: break;
        }
        if (static_cast<unsigned char>(c) < 0x20) {
            out += "\\u00";
            append_hex(out, as_bytes({&c, 1}));
            continue;
        }
        const std::size_t length = utf8_sequence(as_bytes({stop, static_cast<std::size_t>(end - stop)}));
        if (length == 0) {
            out += "\xEF\xBF\xBD";
        } else {
            out.append(stop, length);
            at = stop + length;
        }
    }
    out += '"';
}

inline void append_number(std::string& out, double value) {
    assert(std::isfinite(value));
    if (value == 0) {  // also the negative zero
        out += '0';
        return;
    }
    // d[.ddd]e[+-]xx: the shortest digits that read back as the value.
    char text[32];
    const char* const past = std::to_chars(text, text + sizeof text, value, std::chars_format::scientific).ptr;
    const char* at = text;
    if (*at == '-') {
        out += '-';
        ++at;
    }
    const char* const e = std::find(at, past, 'e');
    std::string_view digits;
    char packed[24];
    packed[0] = *at;
    const std::size_t count = e - at > 1 ? static_cast<std::size_t>(e - at) - 1 : 1;
    if (count > 1) std::copy(at + 2, e, packed + 1);
    digits = {packed, count};
    int exponent = 0;
    std::from_chars(e[1] == '+' ? e + 2 : e + 1, past, exponent);

    // ECMAScript's Number::toString; its n is the position of the decimal point behind the first digit.
    const int k = static_cast<int>(count), n = exponent + 1;
    if (k <= n && n <= 21) {
        out.append(digits).append(static_cast<std::size_t>(n - k), '0');
    } else if (0 < n && n <= 21) {
        out.append(digits.substr(0, static_cast<std::size_t>(n))) += '.';
        out.append(digits.substr(static_cast<std::size_t>(n)));
    } else if (-6 < n && n <= 0) {
        out.append("0.").append(static_cast<std::size_t>(-n), '0').append(digits);
    } else {
        out += digits[0];
        if (k > 1) (out += '.').append(digits.substr(1));
        out += n > 0 ? "e+" : "e-";
        char power[8];
        out.append(power, std::to_chars(power, power + sizeof power, std::abs(n - 1)).ptr);
    }
}

}  // namespace agentmesh::json
