// Text that a peer chose, made safe to show. A report is read in terminals, browsers and trackers; what a target
// sends may try to be markup, an escape sequence or a right-to-left override there. `visible` comes first, then the
// escaping of one format.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace agentmesh::conformance::report {

/// The same text with nothing in it that acts: valid UTF-8, with controls as `\n`, `\r`, `\t` and `\x1b`, bytes that
/// are not UTF-8 as `\xff`, and bidirectional, zero-width and other invisible characters as `\u{202e}`. A line feed and
/// a tab stay what they are if `keep_lines`.
[[nodiscard]] std::string visible(std::string_view text, bool keep_lines = false);

/// True if most of these bytes are readable as they stand; false for ciphertext, frame headers and the like.
[[nodiscard]] bool mostly_text(std::string_view bytes);

/// `visible`, then escaped for HTML and XML, as element content and inside quoted attributes alike.
[[nodiscard]] std::string markup(std::string_view text, bool keep_lines = false);

/// `visible`, then escaped so that GitHub's Markdown shows the characters themselves, also inside a table cell.
[[nodiscard]] std::string markdown(std::string_view text);

/// At most `limit` characters (code points), the last of them "…" where something was cut. For text that is valid UTF-8.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t limit);

/// "1,204": digits in groups of three.
[[nodiscard]] std::string grouped(std::size_t number);

/// "1 case", "2 cases": the number with its noun, which takes an s in the plural.
[[nodiscard]] std::string counted(std::size_t number, std::string_view noun);

/// Lines of sixteen bytes: offset, hexadecimal, and text with a dot for what is not printable ASCII.
[[nodiscard]] std::string hexdump(std::string_view bytes);

}  // namespace agentmesh::conformance::report
