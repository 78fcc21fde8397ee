// An HTTP/1.1 server on Asio: http::server_connection decides, this reads, writes, waits and ends connections.
//
//     asio::io_context io{1};
//     net::http_server server{io, {.port = 0}, [&](const http::request& asked, const std::string& address,
//                                                  const moment& now) { return service.handle(asked, {address}, now);
//                                                  }};
//     if (auto up = server.start(); !up) { std::cerr << server.why() << '\n'; return 1; }
//     io.run();                                           // until server.stop() has drained
//
// An idle connection owns no buffers. While an answer waits for its reader, nothing more is read from that peer: what
// it costs is bounded by one answer and one piece of input, whatever it sends.
#pragma once

#include <agentmesh/net/http_server_options.hpp>
#include <agentmesh/net/output_queue.hpp>
#include <agentmesh/net/system_clock.hpp>
#if AGENTMESH_TLS
#include <agentmesh/net/tls.hpp>
#endif

#include <concepts>
#include <functional>
#include <list>
#include <memory>
#include <unordered_map>

namespace agentmesh::net {

/// The way back for an answer that comes later. To be called once, from any thread, while the io_context of the server
/// lives; what comes after the first, or after the connection has ended, goes nowhere.
using http_reply = std::function<void(http::response)>;

/// What answers requests at once, on the server's thread. `address` is the peer's as the socket sees it; of IPv6 the
/// /64, which is what one customer has at least.
template <class H>
concept PromptHttpHandler =
    requires(H& handle, const http::request& asked, const std::string& address, const moment& now) {
        { handle(asked, address, now) } -> std::same_as<http::response>;
    };
/// What answers at once, or returns nothing and answers by `reply`. Until then nothing more is read from that peer, and
/// after `answer_time` it is told 504.
template <class H>
concept LaterHttpHandler =
    requires(H& handle, http::request&& asked, const std::string& address, const moment& now, http_reply reply) {
        { handle(std::move(asked), address, now, std::move(reply)) } -> std::same_as<std::optional<http::response>>;
    };
template <class H>
concept HttpHandler = PromptHttpHandler<H> || LaterHttpHandler<H>;

/// A server on one port. Lives on one io_context that one thread runs. To be destroyed only when that io_context does
/// not run any more.
template <HttpHandler Handler>
class http_server {
public:
    http_server(asio::io_context& io, http_server_options options, Handler handler);
    http_server(const http_server&) = delete;
    http_server& operator=(const http_server&) = delete;

    /// Loads the certificate, binds, and accepts from now on.
    /// @errors io_failed, tls_failed; `why()` is a sentence for the operator
    [[nodiscard]] result<void> start();

    /// Begins the orderly end: accepts no more, ends idle connections, lets the others finish the request that they are
    /// in, and after `drain_time` at most has no work left on the io_context. To be called on its thread.
    void stop();

    [[nodiscard]] std::uint16_t port() const noexcept { return acceptor_.port(); }
    /// `http://127.0.0.1:8080`, as a client on this machine would dial it.
    [[nodiscard]] std::string url() const;
    [[nodiscard]] const std::string& why() const noexcept { return why_; }
    [[nodiscard]] http_server_report report() const;

private:
    class session;
    using sessions = std::list<std::shared_ptr<session>>;

    void take(tcp_socket socket);
    void refuse(tcp_socket socket, std::uint16_t status, std::string_view reason);
    void forget(session& gone);
    void log(log_level level, std::string_view event, const log_fields& fields) {
        if (log_.wants(level)) log_.write(level, clock_.now().wall, event, fields);
    }

    asio::io_context& io_;
    http_server_options options_;
    Handler handler_;
    system_clock clock_;
    logger log_;
#if AGENTMESH_TLS
    std::optional<tls_context> tls_;
#endif
    acceptor acceptor_;
    sessions sessions_;
    std::unordered_map<std::string, std::size_t> by_address_;
    storage_pool pool_;
    buffer input_;  ///< of the connection being read
    buffer plain_;  ///< the same, decrypted
    steady_timer drain_;
    steady_point started_{};
    http_server_counters count_;
    std::string why_;
    std::uint32_t next_id_ = 0;
    bool stopping_ = false;
};

}  // namespace agentmesh::net

#include <agentmesh/net/http_server.ipp>
