// Binary in text: hexadecimal, base64 in both alphabets, base58 of the Bitcoin alphabet.
//
// Every decoder is exact: one text for one value (but for the case of hexadecimal digits), no white space,
// no surplus padding, no stray bits. The length is checked before anything is decoded.
#pragma once

#include <agentmesh/core/bytes.hpp>
#include <agentmesh/core/fault.hpp>

namespace agentmesh {

// --- hexadecimal --------------------------------------------------------------------------------------

/// Lower-case digits.
[[nodiscard]] std::string to_hex(byte_view bytes);
void append_hex(std::string& out, byte_view bytes);

/// Reads digits of either case.
/// @spec   AM-ENC-001
/// @errors bad_length unless there are exactly two digits a byte of `out`, bad_hex; `out` is then unspecified
[[nodiscard]] result<void> decode_hex(std::string_view text, std::span<std::uint8_t> out) noexcept;
/// @errors bad_hex, also for an odd number of digits
[[nodiscard]] result<buffer> from_hex(std::string_view text);

// --- base64 -------------------------------------------------------------------------------------------

/// Which alphabet and which padding. A writer uses the first two; a reader accepts exactly one form.
enum class base64_form : std::uint8_t {
    standard_padded,  ///< `+` `/`, padded with `=`: profile v02, and WebSocket frames of wire10
    url_unpadded,     ///< `-` `_`, never padded: suite am1, and the registry of wire10
    wire10_lenient,   ///< reader only: either alphabet (not mixed), padded exactly or not at all
};

/// Characters that `bytes` bytes take.
[[nodiscard]] constexpr std::size_t base64_size(std::size_t bytes, base64_form form) noexcept {
    return form == base64_form::standard_padded ? (bytes + 2) / 3 * 4 : (bytes * 4 + 2) / 3;
}

/// @spec   AM-ENC-002
/// @param  form  standard_padded or url_unpadded
[[nodiscard]] std::string to_base64(byte_view bytes, base64_form form);
void append_base64(std::string& out, byte_view bytes, base64_form form);
/// @param out  exactly `base64_size(bytes.size(), form)` characters
void encode_base64(std::span<char> out, byte_view bytes, base64_form form) noexcept;

/// Bytes that `text` decodes to if it is well formed; reads only the length and the last two characters.
/// @errors bad_base64 if no text of this length and padding is of the form
[[nodiscard]] result<std::size_t> base64_decoded_size(std::string_view text, base64_form form) noexcept;

/// @spec   AM-ENC-003, AM-ENC-004, AM-ENC-005
/// @errors bad_length unless the text stands for exactly `out.size()` bytes; bad_base64 for anything outside
///         the form: alphabet, padding, white space, stray bits in the last character. `out` is then unspecified
[[nodiscard]] result<void> decode_base64(std::string_view text, base64_form form, std::span<std::uint8_t> out) noexcept;
/// @errors bad_base64
[[nodiscard]] result<buffer> from_base64(std::string_view text, base64_form form);

/// Reads a value of fixed size: `from_base64_exact<signing_public_key>(text, form)`.
template <class Fixed>
[[nodiscard]] result<Fixed> from_base64_exact(std::string_view text, base64_form form) {
    Fixed out;
    AGENTMESH_CHECK(decode_base64(text, form, out.storage()));
    return out;
}

// --- base58 -------------------------------------------------------------------------------------------

/// Upper bound of the characters that `bytes` bytes take: log(256)/log(58) < 1.3658.
[[nodiscard]] constexpr std::size_t base58_max_size(std::size_t bytes) noexcept { return bytes * 138 / 100 + 1; }

/// Leading zero bytes become one `1` each. Quadratic in the size: meant for keys and names, not for documents.
[[nodiscard]] std::string to_base58(byte_view bytes);

/// Reads exactly `out.size()` bytes. Time is bounded by `out.size()`, whatever the length of the text.
/// @spec   AM-ENC-006, AM-ENC-007, AM-ENC-008
/// @errors bad_length if the text stands for another number of bytes; bad_base58 for a character outside the
///         alphabet. `out` is then unspecified
[[nodiscard]] result<void> decode_base58(std::string_view text, std::span<std::uint8_t> out) noexcept;

/// Reads up to `max_bytes` bytes.
/// @errors too_large if the text is longer than `max_bytes` could need, or stands for more; bad_base58
[[nodiscard]] result<buffer> from_base58(std::string_view text, std::size_t max_bytes);

}  // namespace agentmesh

#include <agentmesh/core/encoding.ipp>
