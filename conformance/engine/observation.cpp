#include "conformance/engine/observation.hpp"

#include <algorithm>
#include <array>

namespace agentmesh::conformance {
namespace {

// The vocabulary of SPEC.md. Anything else a target writes stays out of reports.
constexpr std::array<std::string_view, 11> frame_types{
    "connected", "challenge", "receive", "accepted", "presence_response", "ice_offer",
    "ice_answer", "p2_p_established", "pong", "error", "ping"};
constexpr std::array<std::string_view, 10> error_codes{
    "INVALID_MESSAGE", "PROTOCOL_MISMATCH", "INVALID_SIGNATURE", "UNAUTHORIZED", "UNKNOWN_RECIPIENT",
    "RECIPIENT_OFFLINE", "MAILBOX_FULL", "MESSAGE_TOO_LARGE", "RATE_LIMITED", "INTERNAL_ERROR"};

bool known(const auto& list, std::string_view word) { return std::find(list.begin(), list.end(), word) != list.end(); }

}  // namespace

bool observation::ends() const noexcept {
    return what == kind::fin || what == kind::reset || what == kind::garbage || what == kind::refused;
}

bool observation::is_error(std::string_view error_code) const {
    return is_frame("error") && (error_code.empty() || str("code") == error_code);
}

std::string observation::str(std::string_view member) const {
    if (!body.is_object()) return {};
    const auto found = body.find(member);
    return found != body.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

std::optional<std::int64_t> observation::integer(std::string_view member) const {
    if (!body.is_object()) return std::nullopt;
    const auto found = body.find(member);
    if (found == body.end() || !found->is_number_integer()) return std::nullopt;
    return found->get<std::int64_t>();
}

std::string observation::field(std::string_view lower_name) const {
    for (const auto& [name, value] : fields)
        if (name == lower_name) return value;
    return {};
}

std::string describe(const observation& seen) {
    using kind = observation::kind;
    switch (seen.what) {
        case kind::opened: return "an open connection";
        case kind::http: return "HTTP status " + std::to_string(seen.code);
        case kind::binary: return "a binary message";
        case kind::ping: return "a WebSocket Ping";
        case kind::pong: return "a WebSocket Pong";
        case kind::close: return seen.code == 1005 ? "a Close without code" : "close " + std::to_string(seen.code);
        case kind::fin: return "the end of the stream";
        case kind::reset: return "a reset";
        case kind::garbage: return "bytes that are neither HTTP nor WebSocket";
        case kind::refused: return "no connection";
        case kind::timeout: return "nothing before the deadline";
        case kind::text: break;
    }
    const auto type = seen.type();
    if (type == "error") {
        const auto code = seen.str("code");
        return known(error_codes, code) ? "error " + code : "an error of an unknown code";
    }
    if (known(frame_types, type)) return "a " + type;
    return seen.body.is_object() ? "a frame of an unknown type" : "text that is not a JSON object";
}

}  // namespace agentmesh::conformance
