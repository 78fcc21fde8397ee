// An agent at a relay, over sockets: dials, logs in, dials again after a break, and hands over what arrives.
//
//     net::relay_client agent{io, self, {.url = "ws://127.0.0.1:8765/"}};
//     agent.on_message = [&](const wire::receive_frame& got) { ... };
//     if (auto begun = agent.start(); !begun) { std::cerr << to_string(begun.error()) << '\n'; return 1; }
//     io.run();                                            // until agent.disconnect()
#pragma once

#include <agentmesh/net/system_clock.hpp>
#include <agentmesh/net/ws_socket.hpp>
#include <agentmesh/relay/client.hpp>

namespace agentmesh::net {

struct relay_client_options {
    std::string url;                ///< `ws://host:port/` or `wss://...`
    std::string trusted_file{};     ///< PEM; for `wss`, in place of the system's certificates
    relay::client_options relay{};  ///< an empty name becomes the authority of the URL
    bool dial_again = true;         ///< after a break, when the machine says so
};

/// Drives a `relay::client`. Lives on one io_context that one thread runs.
class relay_client {
public:
    /// @param self  must outlive the client
    relay_client(asio::io_context& io, const local_identity& self, relay_client_options options);

    /// @errors http_malformed for a URL that is none, tls_failed for `trusted_file`, those of the random source
    [[nodiscard]] result<void> start();

    /// @return the id under which `on_answer` will speak of it; empty without receipts
    /// @errors those of relay::client::send; ws_closed before `start`
    result<std::string> send(const amid& to, std::string_view payload,
                             wire::message_type type = wire::message_type::message);
    /// Any other frame, made by wire/client_writer.hpp. @errors ws_closed if not logged in
    result<void> say(std::string_view frame);
    /// Says goodbye; once it is over, nothing is left to do on the io_context.
    void disconnect(std::string_view reason = "done");

    [[nodiscard]] bool is_ready() const noexcept { return machine_ && machine_->is_ready(); }

    // Each may be left empty. Views live as long as the call.
    std::function<void(const wire::connected_frame&)> on_ready{};
    std::function<void(const wire::receive_frame&)> on_message{};
    std::function<void(const wire::relay_frame&)> on_answer{};  ///< accepted, error, presence_response, pong, ...
    std::function<void(const relay::client_end&)> on_end{};

private:
    struct actions;  // the machine's ClientSink

    void dial();
    void closed(std::uint16_t code);
    void arm_timer();

    relay_client_options options_;
    const local_identity* self_;
    ws_address where_;
    system_clock clock_;
    crypto::system_random random_;
#if AGENTMESH_TLS
    std::optional<tls_context> tls_;
#endif
    std::optional<relay::client> machine_;
    ws_socket socket_;
    steady_timer timer_;  ///< the machine's deadline, or the next dial
};

}  // namespace agentmesh::net

#include <agentmesh/net/relay_client.ipp>
