// What was seen on a connection. End of stream, reset, Close, an error frame and silence are different things,
// and a clause says which of them count.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agentmesh::conformance {

using json = nlohmann::ordered_json;  ///< keeps the order in which members were written
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Peculiarities of a frame from the target that are readable nevertheless. Flags.
enum frame_fault : unsigned {
    fault_masked = 1,        ///< a server's frame was masked
    fault_reserved_bit = 2,  ///< RSV1, RSV2 or RSV3 was set
    fault_long_length = 4,   ///< the length was not in its shortest form
    fault_bad_utf8 = 8,      ///< text, or the reason of a Close, is not UTF-8
    fault_bad_close = 16,    ///< a Close of one byte, or with a code that may not be sent
};

struct observation {
    enum class kind : std::uint8_t {
        opened,   ///< the TCP connection (and TLS, for wss) stands
        http,     ///< a complete HTTP response
        text,     ///< a whole text message, reassembled
        binary,   ///< a whole binary message, reassembled
        ping,     ///< a WebSocket Ping; only after `watch_control()`, otherwise answered and set aside
        pong,     ///< a WebSocket Pong that answers a Ping of the case (all of them after `watch_control()`)
        close,    ///< a Close frame
        fin,      ///< orderly end of the TCP stream
        reset,    ///< RST
        garbage,  ///< bytes that are neither HTTP nor RFC 6455; nothing after them is read
        refused,  ///< no connection: refused, unreachable, or TLS failed
        timeout,  ///< nothing before the deadline
    };

    kind what = kind::timeout;
    std::uint64_t seq = 0;      ///< of its record in the evidence of the case
    microseconds at{};          ///< arrival, since the start of the run
    std::string payload;        ///< text, binary, ping, pong: data; close: reason; http: body; garbage: the bytes
    unsigned faults = 0;        ///< frame_fault flags
    int frames = 1;             ///< fragments of a message
    std::uint16_t code = 0;     ///< close: its code, 1005 if it had none; http: the status
    std::vector<std::pair<std::string, std::string>> fields;  ///< http: names in lower case
    json body;                  ///< text, http: the parsed object; null if it is not one JSON object

    [[nodiscard]] bool is(kind k) const noexcept { return what == k; }
    /// True for everything that came from the target: not for `timeout` and `refused`.
    [[nodiscard]] bool inbound() const noexcept { return what != kind::timeout && what != kind::refused; }
    /// True if nothing can follow on this connection: fin, reset, garbage, refused.
    [[nodiscard]] bool ends() const noexcept;

    /// The member `type` of a text frame, or "".
    [[nodiscard]] std::string type() const { return str("type"); }
    /// True for a text frame with this `type`.
    [[nodiscard]] bool is_frame(std::string_view frame_type) const { return what == kind::text && type() == frame_type; }
    /// True for an `error` frame, with this `code` if one is named.
    [[nodiscard]] bool is_error(std::string_view error_code = {}) const;
    /// A string member of the frame; "" if it is missing or no string.
    [[nodiscard]] std::string str(std::string_view member) const;
    /// An integer member; nullopt if it is missing or no integer.
    [[nodiscard]] std::optional<std::int64_t> integer(std::string_view member) const;
    [[nodiscard]] bool has(std::string_view member) const { return body.is_object() && body.contains(member); }
    /// An HTTP field by lower-case name; the first if there are several; "" if there is none.
    [[nodiscard]] std::string field(std::string_view lower_name) const;
};

/// Fixed words for `why`: "error INVALID_MESSAGE", "close 1002", "a receive", "end of stream". Never bytes that the
/// target chose freely.
[[nodiscard]] std::string describe(const observation& seen);

}  // namespace agentmesh::conformance
