// The part of HTTP/1.1 (RFC 9112) that a WebSocket port needs: heads in, short answers out. No bodies come in.
//
// Strict where parsers disagree, because disagreement is what smuggling is made of: lines end in CR LF and in
// nothing else, no folded lines, no space before a colon, no bytes above 0x7E in names. Every byte is looked
// at a bounded number of times.
#pragma once

#include <agentmesh/ws/frame.hpp>

#include <initializer_list>
#include <optional>

namespace agentmesh::ws {

/// What one head may cost. @spec AM-WSK-008
struct http_limits {
    std::uint32_t head_bytes = 16 * 1024;  ///< start line, fields and the empty line, line ends included
    std::uint32_t line_bytes = 8 * 1024;   ///< one line without its end
    std::uint32_t fields = 100;
};

struct http_field {
    std::string_view name;
    std::string_view value;  ///< without white space around it
};

/// The fields of a head, in order. Names compare without regard to case.
class http_fields {
public:
    void add(http_field field) { fields_.push_back(field); }

    [[nodiscard]] std::size_t count(std::string_view name) const noexcept;
    /// The value of the only field of this name; nothing if there is none, or more than one.
    [[nodiscard]] std::optional<std::string_view> only(std::string_view name) const noexcept;
    /// Calls `visit(element)` for each element of the comma-separated lists in all fields of this name,
    /// trimmed, empty ones included; ends early, with false, when `visit` returns false.
    template <class Visit>
    bool each_element(std::string_view name, Visit&& visit) const;
    /// Whether `token` is an element of those lists, without regard to case.
    [[nodiscard]] bool lists(std::string_view name, std::string_view token) const;

    [[nodiscard]] auto begin() const noexcept { return fields_.begin(); }
    [[nodiscard]] auto end() const noexcept { return fields_.end(); }
    [[nodiscard]] std::size_t size() const noexcept { return fields_.size(); }

private:
    std::vector<http_field> fields_;
};

/// A request head. All views point into the text it was parsed from.
struct http_request {
    std::string_view method;
    std::string_view path;   ///< begins with `/`; percent-encoding left as it is
    std::string_view query;  ///< after the first `?`, without it
    int minor_version = 1;   ///< of HTTP/1.x
    http_fields fields;
};

/// The head of an answer. Views as above.
struct http_response {
    std::uint16_t status = 0;
    http_fields fields;
};

/// Collects one head from a stream.
class head_reader {
public:
    explicit head_reader(const http_limits& limits = {}) noexcept : limits_{limits} {}

    /// Takes bytes from the front of `input`, up to and including the empty line that ends the head.
    /// How a stream is cut into inputs does not change the outcome. Not to be called again after true or an error.
    /// @spec   AM-WSK-007, AM-WSK-008
    /// @return true when the head is complete; what follows it stays in `input`
    /// @errors http_malformed at the first bare CR, bare LF, or other control character but HTAB;
    ///         http_too_large at the first byte over a limit
    [[nodiscard]] result<bool> feed(byte_view& input);

    /// The head so far, as received.
    [[nodiscard]] std::string_view text() const noexcept { return head_; }

private:
    std::string head_;
    http_limits limits_;
    std::uint32_t line_bytes_ = 0;  ///< of the line being read
    std::uint32_t lines_ = 0;       ///< complete and not empty
    bool after_cr_ = false;
};

/// Whether a request may have a body, which whoever allows it then reads.
enum class http_body : std::uint8_t { refused, allowed };

/// Parses a complete request head: request line in origin or absolute form, then fields.
/// @spec   AM-WSK-005, AM-WSK-006, AM-WSK-007
/// @errors http_malformed for anything RFC 9112 does not allow, for HTTP versions other than 1.x, for HTTP/1.1
///         without exactly one valid Host, for Content-Length beside Transfer-Encoding, and for a body that is not allowed
[[nodiscard]] result<http_request> parse_request(std::string_view head, http_body body = http_body::refused);

/// Parses a complete head of an answer.
/// @errors http_malformed
[[nodiscard]] result<http_response> parse_response(std::string_view head);

/// Whether `text` is a token (RFC 9110 section 5.6.2): not empty, no separators, ASCII only.
[[nodiscard]] bool is_token(std::string_view text) noexcept;
/// Equality of ASCII text without regard to case.
[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;

/// The status that answers a refused request: 400, 403, 404, 405, 426 or 431.
[[nodiscard]] std::uint16_t http_status(errc why) noexcept;

/// Appends a complete answer, after which the server closes the connection: `Content-Length` and
/// `Connection: close` are added to `fields`.
/// @param head_only  the request was HEAD: the length is announced, the body left out
template <ByteSink Out>
void append_response(Out& out, std::uint16_t status, std::initializer_list<http_field> fields, std::string_view body,
                     bool head_only = false);

}  // namespace agentmesh::ws

#include <agentmesh/ws/http.ipp>
