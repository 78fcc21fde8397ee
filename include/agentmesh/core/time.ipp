// Bodies of core/time.hpp.
#pragma once

#include <cassert>

namespace agentmesh {

/// Reads fixed-width fields from the front of a text; a fault empties it and sticks.
class time_fields {
public:
    explicit time_fields(std::string_view text) noexcept : rest_{text} {}

    /// A number of exactly `width` digits.
    int number(std::size_t width) noexcept {
        if (rest_.size() < width) return refuse();
        int value = 0;
        for (const char c : rest_.substr(0, width)) {
            if (c < '0' || c > '9') return refuse();
            value = value * 10 + (c - '0');
        }
        rest_.remove_prefix(width);
        return value;
    }
    /// One character out of `allowed`.
    char mark(std::string_view allowed) noexcept {
        if (rest_.empty() || allowed.find(rest_.front()) == std::string_view::npos) return refuse(), '\0';
        const char found = rest_.front();
        rest_.remove_prefix(1);
        return found;
    }
    [[nodiscard]] std::size_t leading_digits() const noexcept {
        return std::min(rest_.find_first_not_of("0123456789"), rest_.size());
    }
    [[nodiscard]] bool next_is(char c) const noexcept { return !rest_.empty() && rest_.front() == c; }
    [[nodiscard]] bool failed() const noexcept { return failed_; }
    [[nodiscard]] bool done() const noexcept { return rest_.empty(); }

private:
    int refuse() noexcept {
        failed_ = true;
        rest_ = {};
        return 0;
    }

    std::string_view rest_;
    bool failed_ = false;
};

inline result<time_reading> read_time(std::string_view text) noexcept {
    using namespace std::chrono;
    time_fields in{text};
    const int y = in.number(4);
    in.mark("-");
    const int mo = in.number(2);
    in.mark("-");
    const int d = in.number(2);
    in.mark("Tt");
    const int h = in.number(2);
    in.mark(":");
    const int mi = in.number(2);
    in.mark(":");
    const int s = in.number(2);

    int micros = 0;
    bool cut = false;
    if (in.next_is('.')) {
        in.mark(".");
        const std::size_t digits = in.leading_digits();
        if (digits < 1 || digits > 9) return fail(errc::bad_time, "AM-ENC-033");
        const std::size_t kept = std::min<std::size_t>(digits, 6);
        micros = in.number(kept);
        for (std::size_t i = kept; i < 6; ++i) micros *= 10;
        if (digits > kept) cut = in.number(digits - kept) != 0;
    }

    if (in.failed()) return fail(errc::bad_time, "AM-ENC-030");
    int offset = 0;  // minutes east of UTC
    const char sign = in.mark("Zz+-");
    if (sign == '+' || sign == '-') {
        const int oh = in.number(2);
        in.mark(":");
        const int om = in.number(2);
        if (oh > 23 || om > 59) return fail(errc::bad_time, "AM-ENC-030");
        offset = oh * 60 + om;
        if (sign == '-') {
            if (offset == 0) return fail(errc::bad_time, "AM-ENC-031");
            offset = -offset;
        }
    }
    if (in.failed()) return fail(errc::bad_time, "AM-ENC-031");
    if (!in.done()) return fail(errc::bad_time, "AM-ENC-030");

    const year_month_day date{year{y}, month{static_cast<unsigned>(mo)}, day{static_cast<unsigned>(d)}};
    if (!date.ok() || h > 23 || mi > 59 || s > 59) return fail(errc::bad_time, "AM-ENC-032");
    const time_point at = sys_days{date} + hours{h} + minutes{mi - offset} + seconds{s} + microseconds{micros};
    if (y == 0 || at < earliest_time || at > latest_time) return fail(errc::bad_time, "AM-ENC-034");
    return time_reading{at, cut};
}

inline result<time_point> parse_time(std::string_view text) noexcept {
    AGENTMESH_TRY(reading, read_time(text));
    return reading.at;
}

inline void append_time(std::string& out, time_point at, utc_suffix suffix) {
    using namespace std::chrono;
    assert(at >= earliest_time && at <= latest_time);
    const auto midnight = floor<days>(at);
    const year_month_day date{midnight};
    const hh_mm_ss clock{at - midnight};
    const auto put = [&](long long value, int width, char after) {
        std::array<char, 8> digits;
        for (int i = width; i-- > 0; value /= 10)
            digits[static_cast<std::size_t>(i)] = static_cast<char>('0' + value % 10);
        out.append(digits.data(), static_cast<std::size_t>(width));
        if (after != '\0') out += after;
    };
    put(int{date.year()}, 4, '-');
    put(unsigned{date.month()}, 2, '-');
    put(unsigned{date.day()}, 2, 'T');
    put(clock.hours().count(), 2, ':');
    put(clock.minutes().count(), 2, ':');
    put(clock.seconds().count(), 2, '\0');
    if (const auto micros = clock.subseconds().count(); micros != 0) {
        out += '.';
        if (micros % 1000 == 0)
            put(micros / 1000, 3, '\0');
        else
            put(micros, 6, '\0');
    }
    out += suffix == utc_suffix::z ? "Z" : "+00:00";
}

inline std::string format_time(time_point at, utc_suffix suffix) {
    std::string out;
    append_time(out, at, suffix);
    return out;
}

}  // namespace agentmesh
