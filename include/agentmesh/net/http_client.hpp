// One HTTP/1.1 server, asked over TCP or TLS: one question after the other, over one connection as long as it lasts.
//
//     net::http_client registry{io, *net::parse_http_url("http://127.0.0.1:8080")};
//     registry.ask({.method = "GET", .path = "/v1/health"},
//                  [](const result<http::response>& got) { if (got) std::cout << got->body << '\n'; });
//     io.run();
#pragma once

#include <agentmesh/http/client.hpp>
#include <agentmesh/net/output_queue.hpp>
#include <agentmesh/net/system_clock.hpp>
#include <agentmesh/net/ws_socket.hpp>

#include <deque>
#include <functional>

namespace agentmesh::net {

/// Reads `http://host[:port]` and `https://...`; the ports are 80 and 443 if left out. A path stays in `target`.
/// @errors http_malformed
[[nodiscard]] result<ws_address> parse_http_url(std::string_view url);

/// A client of one server. Lives on one io_context that one thread runs; may be destroyed at any time outside its
/// handlers: what is not answered by then is not answered.
class http_client {
public:
    /// Called once for each question. The failures are those of http::client_connection, io_failed, timed_out and
    /// tls_failed. May ask again.
    using answered = std::function<void(const result<http::response>&)>;

    struct limits {
        http::client_limits answer{};
        duration open_time = std::chrono::seconds{10};  ///< to reach the server
        duration idle_time =
            std::chrono::seconds{10};  ///< a connection without questions is kept; below a server's own
        std::size_t waiting = 64;      ///< questions at once
    };

    /// @param secure  needed for `https`; must outlive the client
    http_client(asio::io_context& io, ws_address where, const tls_context* secure = nullptr);
    http_client(asio::io_context& io, ws_address where, const tls_context* secure, const limits& bounds);
    ~http_client();
    http_client(const http_client&) = delete;
    http_client& operator=(const http_client&) = delete;

    /// Asks, after what was asked before. GET and HEAD are asked once more where a connection kept from before turns
    /// out to be gone; anything else may have been done, and its asker has to find out.
    /// @errors http_malformed for what cannot be sent, queue_full; then `done` is not called
    result<void> ask(http::request what, answered done);

    /// What Host says, and requests are signed for.
    [[nodiscard]] const std::string& host() const noexcept { return host_; }

private:
    class session;
    struct question {
        http::request what;
        answered done;
        bool again = false;
    };

    void next();
    void settle(const result<http::response>& outcome);
    void lost(bool before_answer, const error& why);

    asio::io_context& io_;
    ws_address where_;
    const tls_context* secure_;
    limits limits_;
    std::string host_;
    std::deque<question> questions_;    ///< the first is being asked while `busy_`
    std::shared_ptr<session> session_;  ///< kept alive by its own operations too
    bool busy_ = false;
    bool reused_ = false;  ///< the connection had carried an answer before
};

}  // namespace agentmesh::net

#include <agentmesh/net/http_client.ipp>
