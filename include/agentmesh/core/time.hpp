// Time as text: RFC 3339 with an explicit offset.
//
// Reading yields an instant; it is never written back to verify a signature, which covers the text as received.
#pragma once

#include <agentmesh/core/bytes.hpp>
#include <agentmesh/core/clock.hpp>

namespace agentmesh {

/// Reads `2026-01-31T23:59:59.25Z`. `T` and `Z` in either case; a fraction of one to nine digits, of which those
/// beyond microseconds are cut off; an offset `Z` or `+hh:mm`, `-hh:mm` up to 23:59.
/// @spec   AM-ENC-030 to AM-ENC-034
/// @errors bad_time: no offset, `-00:00`, second 60, hour 24, a date that does not exist, an empty or too long
///         fraction, anything else outside the form, and an instant outside the years 0001 to 9999 in UTC
[[nodiscard]] result<time_point> parse_time(std::string_view text) noexcept;

/// An instant as it was read: `at`, and less than a microsecond later if something was cut off.
struct time_reading {
    time_point at;
    bool cut = false;  ///< a digit beyond microseconds was not 0

    /// The first time_point that is not earlier.
    [[nodiscard]] time_point rounded_up() const noexcept { return cut ? at + duration{1} : at; }
};

/// As parse_time, for whoever must know on which side of an edge an instant lies.
[[nodiscard]] result<time_reading> read_time(std::string_view text) noexcept;

/// How a writer marks UTC.
enum class utc_suffix : std::uint8_t {
    z,       ///< `Z`: what we write everywhere
    offset,  ///< `+00:00`: the form over which deployed 0.2 relays verify CONNECT, whatever was sent
};

/// UTC with the shortest exact fraction of 0, 3 or 6 digits.
/// @spec  AM-ENC-035
/// @param at  within the years 0001 to 9999
[[nodiscard]] std::string format_time(time_point at, utc_suffix suffix = utc_suffix::z);
void append_time(std::string& out, time_point at, utc_suffix suffix = utc_suffix::z);

/// First and last instant that has a text.
inline constexpr time_point earliest_time = std::chrono::sys_days{std::chrono::year{1} / std::chrono::January / 1};
inline constexpr time_point latest_time =
    time_point{std::chrono::sys_days{std::chrono::year{9999} / std::chrono::December / 31}} + std::chrono::hours{24} -
    duration{1};

}  // namespace agentmesh

#include <agentmesh/core/time.ipp>
