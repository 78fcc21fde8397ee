// One outgoing WebSocket connection over TCP or TLS.
//
//     net::ws_socket socket{io, {.opened = [&] { (void)socket.send_text("hello"); },
//                                .text = [](std::string_view text) { std::cout << text << '\n'; }}};
//     socket.open(*net::parse_ws_url("ws://127.0.0.1:8765/"));
//     io.run();
#pragma once

#include <agentmesh/core/clock.hpp>
#include <agentmesh/core/concepts.hpp>
#include <agentmesh/net/asio.hpp>

#include <functional>
#include <memory>
#include <string>

namespace agentmesh::net {

class tls_context;

/// Where a WebSocket server is.
struct ws_address {
    bool secure = false;
    std::string host;  ///< a name or a numeric address; IPv6 without brackets
    std::uint16_t port = 0;
    std::string target = "/";  ///< path, with query if any

    /// `host:port`, the host in brackets if it is an IPv6 address.
    [[nodiscard]] std::string authority() const;
};

/// Reads `ws://host[:port][/path]` and `wss://...`; the ports are 80 and 443 if left out.
/// @errors http_malformed
[[nodiscard]] result<ws_address> parse_ws_url(std::string_view url);

/// What happens on a connection. Each may be left empty. Views live as long as the call; every handler may call the
/// socket, and `closed` may open it again.
struct ws_handlers {
    std::function<void()> opened{};
    std::function<void(std::string_view)> text{};
    std::function<void(byte_view)> binary{};
    std::function<void()> ping{};  ///< received; it is answered already
    /// Once for each `open`: the peer's close code, or 1006 if there was none, and then why.
    std::function<void(std::uint16_t code, const error& why)> closed{};
};

/// A WebSocket client; model of `Transport`. Lives on one io_context that one thread runs; may be destroyed at any
/// time outside its handlers, which ends the connection without a word.
class ws_socket {
public:
    struct limits {
        duration open_timeout = std::chrono::seconds{10};  ///< from the dial to the end of the upgrade
        duration close_grace = std::chrono::seconds{2};    ///< for the peer's answer to our Close
        std::size_t queue_bytes = 4 * 1024 * 1024;         ///< waiting to be written
    };

    ws_socket(asio::io_context& io, ws_handlers handlers);
    ws_socket(asio::io_context& io, ws_handlers handlers, const limits& bounds);
    ~ws_socket();
    ws_socket(const ws_socket&) = delete;
    ws_socket& operator=(const ws_socket&) = delete;

    /// Dials. @pre not open
    /// @param secure  needed for a `wss` address; must outlive the connection
    void open(const ws_address& where, const tls_context* secure = nullptr);

    /// Queues a text message. @errors ws_closed unless open, queue_full
    result<void> send_text(std::string_view text);
    /// The same for bytes that are UTF-8, as all messages of profile v02 are.
    result<void> send(byte_view message) { return send_text(as_text(message)); }
    /// Begins the closing handshake; `closed` follows. @errors ws_closed unless open
    result<void> close(std::uint16_t code, std::string_view reason = {});

    /// Messages can be sent.
    [[nodiscard]] bool is_open() const noexcept;

private:
    class session;

    asio::io_context& io_;
    ws_handlers handlers_;
    limits limits_;
    std::shared_ptr<session> session_;  ///< kept alive by its own operations too
};

static_assert(Transport<ws_socket>);

}  // namespace agentmesh::net

#include <agentmesh/net/ws_socket.ipp>
