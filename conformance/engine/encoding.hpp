// The few encodings the harness needs, written independently of include/agentmesh.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace agentmesh::conformance {

[[nodiscard]] std::string to_base64(std::string_view bytes);
/// nullopt unless `text` is canonical padded base64.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);
[[nodiscard]] std::string to_hex(std::string_view bytes);
[[nodiscard]] std::optional<std::string> from_hex(std::string_view text);
[[nodiscard]] std::string to_base58(std::string_view bytes);

/// 32 raw bytes.
[[nodiscard]] std::string sha256(std::string_view bytes);
[[nodiscard]] std::string sha1(std::string_view bytes);
/// "sha256:" and 64 hexadecimal digits.
[[nodiscard]] std::string sha256_label(std::string_view bytes);

/// Length as four big-endian bytes, then the bytes: LP(x) of SPEC.md.
[[nodiscard]] std::string length_prefixed(std::string_view bytes);

[[nodiscard]] bool is_utf8(std::string_view bytes) noexcept;
/// True for the 36-character form of a UUID, any version.
[[nodiscard]] bool is_uuid(std::string_view text) noexcept;

/// Wall time of the harness.
using wall_time = std::chrono::sys_time<std::chrono::microseconds>;

/// How a time is written.
enum class stamp_form : std::uint8_t {
    zulu,             ///< 2026-01-02T03:04:05.678901Z
    zulu_millis,      ///< 2026-01-02T03:04:05.678Z
    zulu_seconds,     ///< 2026-01-02T03:04:05Z
    offset,           ///< 2026-01-02T03:04:05.678901+00:00
    offset_seconds,   ///< 2026-01-02T03:04:05+00:00
    offset_nanos,     ///< 2026-01-02T03:04:05.678901000+00:00
};
/// The default is what every dialect verifies: deployed relays write a time anew before they verify it, and this form
/// survives that as long as its microseconds do not end in zeros, which context::now() sees to.
[[nodiscard]] std::string stamp(wall_time when, stamp_form form = stamp_form::offset);
/// Reads RFC 3339 with an explicit offset; nullopt for anything else. Digits beyond microseconds are dropped.
[[nodiscard]] std::optional<wall_time> read_stamp(std::string_view text);

}  // namespace agentmesh::conformance
