// Accepts TCP connections, and goes on doing so when the system is out of descriptors.
#pragma once

#include <agentmesh/core/result.hpp>
#include <agentmesh/net/asio.hpp>

#include <functional>
#include <string>

namespace agentmesh::net {

/// A listening socket.
///
/// Without a free descriptor `accept` fails and the connection stays in the backlog, so that a naive loop would spin.
/// One descriptor is therefore kept in reserve: it is given up to take each waiting connection, tell it 503 and
/// end it, and then taken back. Where even that fails, accepting rests for `rest` or until `descriptor_freed`.
class acceptor {
public:
    /// What happened to connections that were not handed on.
    struct counters {
        std::uint64_t accepted = 0;
        std::uint64_t refused_no_descriptor = 0;  ///< told 503 through the reserve
        std::uint64_t rests = 0;                  ///< times accepting paused
    };
    using handler = std::function<void(tcp_socket)>;

    static constexpr std::chrono::milliseconds rest{100};

    explicit acceptor(asio::io_context& io);
    ~acceptor();
    acceptor(const acceptor&) = delete;
    acceptor& operator=(const acceptor&) = delete;

    /// Binds and listens; nothing is accepted yet.
    /// @param  address  a numeric IPv4 or IPv6 address
    /// @param  port     0 lets the system choose
    /// @errors io_failed; `system_error()` says why
    [[nodiscard]] result<void> open(const std::string& address, std::uint16_t port);
    /// Hands each new connection, non-blocking and without delay for small writes, to `take`.
    void start(handler take);
    /// Closes the listening socket. The handler is not called again.
    void stop();

    /// A descriptor of this process was closed: accepting need not rest any longer.
    void descriptor_freed();

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] const counters& count() const noexcept { return count_; }
    /// The operating system's reason for the latest `io_failed`.
    [[nodiscard]] std::error_code system_error() const noexcept { return error_; }

private:
    enum class refusal : std::uint8_t { told, nobody_waits, impossible };

    void wait();
    void accept_waiting();
    refusal refuse_through_reserve();
    void take_reserve() noexcept;
    void rest_a_while();

    tcp_acceptor socket_;
    steady_timer timer_;
    handler take_;
    counters count_;
    std::error_code error_;
    int reserve_ = -1;
    std::uint16_t port_ = 0;
    bool resting_ = false;
};

}  // namespace agentmesh::net

#include <agentmesh/net/acceptor.ipp>
