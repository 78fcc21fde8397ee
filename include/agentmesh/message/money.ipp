// Bodies of message/money.hpp.
#pragma once

#include <agentmesh/core/json_scan.hpp>

namespace agentmesh::message {

inline result<std::int64_t> to_millionths(std::string_view number) noexcept {
    bool integral = false;
    const char* const end = number.data() + number.size();
    if (number.empty() || json::scan::number(number.data(), end, integral) != end) return fail(errc::bad_json);

    const bool negative = number.front() == '-';
    const std::size_t mark = std::min(number.find_first_of("eE"), number.size());
    std::int64_t exponent = 0;
    if (mark < number.size()) {
        std::string_view power = number.substr(mark + 1);
        if (power.front() == '+') power.remove_prefix(1);
        // Digits beyond this bound could only be balanced by a text of a million digits.
        if (std::from_chars(power.data(), power.data() + power.size(), exponent).ec != std::errc{} ||
            exponent > million || exponent < -million)
            exponent = power.front() == '-' ? -million : million;
    }
    std::string_view digits = number.substr(negative ? 1 : 0, mark - (negative ? 1 : 0));
    const std::size_t point = std::min(digits.find('.'), digits.size());

    // The digit at place p counts 10^p millionths; below place 0 they only decide how to round.
    std::int64_t place = static_cast<std::int64_t>(point) - 1 + exponent + 6;
    std::uint64_t value = 0;
    int first_dropped = 0;
    bool more_dropped = false;
    for (const char c : digits) {
        if (c == '.') continue;
        if (place >= 0) {
            value = value * 10 + static_cast<unsigned>(c - '0');
        } else if (place == -1) {
            first_dropped = c - '0';
        } else {
            more_dropped = more_dropped || c != '0';
        }
        if (value > static_cast<std::uint64_t>(limits::json_integer)) return fail(errc::json_number_range);
        --place;
    }
    for (; place >= 0 && value != 0; --place) {
        value *= 10;
        if (value > static_cast<std::uint64_t>(limits::json_integer)) return fail(errc::json_number_range);
    }
    if (first_dropped > 5 || (first_dropped == 5 && (more_dropped || value % 2 == 1))) ++value;
    if (value > static_cast<std::uint64_t>(limits::json_integer)) return fail(errc::json_number_range);
    const auto out = static_cast<std::int64_t>(value);
    return negative ? -out : out;
}

inline std::string from_millionths(std::int64_t value) {
    // Through unsigned, where the lowest value has a counterpart too.
    const std::uint64_t size = value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
    std::string out{value < 0 ? "-" : ""};
    out += std::to_string(size / million);
    if (const std::uint64_t rest = size % million; rest != 0) {
        std::string fraction = std::to_string(rest + million);
        fraction.front() = '.';
        fraction.erase(fraction.find_last_not_of('0') + 1);
        out += fraction;
    }
    return out;
}

}  // namespace agentmesh::message
