// The opening handshake of RFC 6455 section 4, both roles, and who gets plain HTTP instead.
#pragma once

#include <agentmesh/ws/http.hpp>

#include <variant>

namespace agentmesh::ws {

/// The `Sec-WebSocket-Accept` value that belongs to a `Sec-WebSocket-Key` (section 4.2.2).
/// @spec AM-WSK-001
[[nodiscard]] std::string accept_value(std::string_view key);

// --- server -------------------------------------------------------------------------------------------

struct upgrade_options {
    /// Origins whose pages may connect, compared exactly; `*` stands for all. Requests without an Origin, which
    /// browsers never send, are not judged by it.
    std::vector<std::string> allowed_origins{};
    /// Subprotocols this server speaks, best first.
    std::vector<std::string> subprotocols{};
    /// Paths of plain HTTP: GET and HEAD are handed to the program, an Upgrade field is ignored.
    std::vector<std::string> plain_paths{"/health", "/metrics"};
    /// Paths that are kept for another protocol and answered 404.
    std::vector<std::string> reserved_paths{"/ws"};
    http_limits limits{};
};

/// Send `answer`, then speak frames. Views point into the handshake.
struct upgrade_accepted {
    std::string_view path;
    std::string_view query;
    std::string_view subprotocol;  ///< empty where none was chosen
    std::string answer;            ///< the 101 head
};

/// Answer with `append_response`, then close. Views point into the handshake.
struct plain_request {
    std::string_view path;
    std::string_view query;
    bool head_only = false;
};

/// Send `answer`, then close; its body names the clause.
struct upgrade_refused {
    std::uint16_t status = 0;
    error why;
    std::string answer;
};

using upgrade_decision = std::variant<upgrade_accepted, plain_request, upgrade_refused>;

/// Judges a parsed request. `followed` says that bytes came with the request, which a client must not send
/// before it has read the answer (RFC 6455 section 4.1).
/// @spec   AM-WSK-001, AM-WSK-002, AM-WSK-003, AM-WSK-004, AM-WSK-009, AM-WSK-010, AM-WSK-011, AM-WSK-012, AM-WSK-016,
///         AM-WSK-017
[[nodiscard]] upgrade_decision judge_request(const upgrade_options& options, const http_request& request,
                                             bool followed);

/// The refusal of a request that could not even be parsed, or came too slowly.
[[nodiscard]] upgrade_refused refuse(const error& why);

/// The server's end of one handshake. Feed it what arrives until it decides; the caller keeps the deadline.
class server_handshake {
public:
    /// @param options  must outlive the handshake
    explicit server_handshake(const upgrade_options& options) noexcept : options_{&options}, reader_{options.limits} {}
    server_handshake(const server_handshake&) = delete;  // the decision points into it
    server_handshake& operator=(const server_handshake&) = delete;

    /// Takes all of `input`. Nothing of it is ever read as frames: a client waits for the answer first.
    /// Not to be called again after a decision.
    /// @return the decision, valid while the handshake lives; nothing while the head is incomplete
    [[nodiscard]] std::optional<upgrade_decision> feed(byte_view input);

private:
    const upgrade_options* options_;
    head_reader reader_;
};

// --- client -------------------------------------------------------------------------------------------

struct upgrade_target {
    std::string_view host;            ///< with `:port` where it is not the scheme's own
    std::string_view target = "/";    ///< path, with query if any
    std::string_view origin{};        ///< left out where empty
    std::string_view subprotocols{};  ///< comma-separated offer; left out where empty
};

/// The client's end of one handshake: send `request()`, then feed what arrives.
class client_handshake {
public:
    /// @param  nonce  16 fresh random bytes
    /// @errors http_malformed where host, target, origin or subprotocols cannot stand in a request
    [[nodiscard]] static result<client_handshake> begin(const upgrade_target& to,
                                                        std::span<const std::uint8_t, 16> nonce,
                                                        const http_limits& limits = {});

    [[nodiscard]] std::string_view request() const noexcept { return request_; }

    /// Takes bytes from the front of `input`, up to the end of the answer's head. Not to be called again after
    /// true or an error.
    /// @spec   AM-WSK-014, AM-WSK-015
    /// @return true when the connection is established; what is left of `input` are frames
    /// @errors http_malformed, http_too_large for an answer that is none; ws_bad_accept for a wrong one, or
    ///         for an extension or subprotocol never offered; for another status than 101 the errc that
    ///         `http_status` maps to it, ws_bad_accept if there is none
    [[nodiscard]] result<bool> feed(byte_view& input);

    /// Status of the answer, once its head is complete; 0 before.
    [[nodiscard]] std::uint16_t status() const noexcept { return status_; }
    /// What the server chose; empty for none.
    [[nodiscard]] const std::string& subprotocol() const noexcept { return subprotocol_; }

private:
    client_handshake(const http_limits& limits) noexcept : reader_{limits} {}
    [[nodiscard]] result<void> check(const http_response& answer);

    std::string request_;
    std::string accept_;
    std::string offered_;
    std::string subprotocol_;
    head_reader reader_;
    std::uint16_t status_ = 0;
};

}  // namespace agentmesh::ws

#include <agentmesh/ws/upgrade.ipp>
