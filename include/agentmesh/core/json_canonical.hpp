// The canonical form of RFC 8785: what signatures over JSON cover.
#pragma once

#include <agentmesh/core/json_reader.hpp>
#include <agentmesh/core/json_writer.hpp>

namespace agentmesh::json {

/// Rewrites a JSON text in canonical form: no white space, names sorted by UTF-16 code units, strings with the
/// fewest escapes, numbers as ECMAScript writes them.
/// @spec   AM-ENC-020
/// @errors as reader::finish; and json_number_range for an integer that its canonical form, written from a double,
///         would change, so that two different values would share one signature
[[nodiscard]] result<std::string> canonicalize(std::string_view text, const bounds& within = {});

/// The same for an object, leaving out its member `name` (at the top only): the bytes that a signature inside the
/// object covers.
/// @errors the above, and wrong_member if the text is not an object
[[nodiscard]] result<std::string> canonicalize_without(std::string_view text, std::string_view name,
                                                       const bounds& within = {});

/// Order of RFC 8785 section 3.2.3, by UTF-16 code units, on well-formed UTF-8.
[[nodiscard]] bool utf16_less(std::string_view a, std::string_view b) noexcept;

}  // namespace agentmesh::json

#include <agentmesh/core/json_canonical.ipp>
