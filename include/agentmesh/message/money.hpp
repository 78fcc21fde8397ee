// Money and ratios are whole numbers: micro-units and parts per million. JSON keeps its decimals at the edge only.
#pragma once

#include <agentmesh/core/limits.hpp>
#include <agentmesh/core/result.hpp>

#include <string>

namespace agentmesh::message {

inline constexpr std::int64_t million = 1'000'000;

/// Reads a JSON number, as it stands in its text, in millionths. Works on the decimal digits, never on a double: a
/// remainder of exactly half a millionth goes to the even neighbour, whatever the number of digits.
/// @errors bad_json if it is not a JSON number; json_number_range over 2^53 millionths either way
[[nodiscard]] result<std::int64_t> to_millionths(std::string_view number) noexcept;

/// The shortest JSON number that reads back as the same: `2500000` is `2.5`.
[[nodiscard]] std::string from_millionths(std::int64_t value);

}  // namespace agentmesh::message

#include <agentmesh/message/money.ipp>
