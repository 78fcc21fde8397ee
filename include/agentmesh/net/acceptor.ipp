// Bodies of acceptor.hpp.
#pragma once

#include <asio/ip/address.hpp>
#include <asio/ip/v6_only.hpp>

#include <fcntl.h>
#include <unistd.h>

namespace agentmesh::net {

inline acceptor::acceptor(asio::io_context& io) : socket_{io}, timer_{io} {}

inline acceptor::~acceptor() {
    if (reserve_ >= 0) ::close(reserve_);
}

inline result<void> acceptor::open(const std::string& address, std::uint16_t port) {
    const auto refused = [&] {
        std::error_code ignored;
        socket_.close(ignored);
        return fail(errc::io_failed);
    };
    const auto ip = asio::ip::make_address(address, error_);
    if (error_) return refused();
    const tcp::endpoint where{ip, port};
    if (socket_.open(where.protocol(), error_); error_) return refused();
    if (socket_.set_option(tcp_acceptor::reuse_address{true}, error_); error_) return refused();
    if (socket_.bind(where, error_); error_) return refused();
    if (socket_.listen(asio::socket_base::max_listen_connections, error_); error_) return refused();
    if (socket_.non_blocking(true, error_); error_) return refused();
    const auto bound = socket_.local_endpoint(error_);
    if (error_) return refused();
    port_ = bound.port();
    take_reserve();
    return {};
}

inline void acceptor::start(handler take) {
    take_ = std::move(take);
    wait();
}

inline void acceptor::stop() {
    std::error_code ignored;
    socket_.close(ignored);
    timer_.cancel();
}

inline void acceptor::descriptor_freed() {
    if (reserve_ < 0) {
        take_reserve();
        return;  // the reserve comes first: without it the next shortage could not be answered
    }
    if (resting_) timer_.cancel();
}

inline void acceptor::wait() {
    socket_.async_wait(tcp_acceptor::wait_read, [this](const std::error_code& failed) {
        if (failed || !socket_.is_open()) return;
        accept_waiting();
    });
}

inline void acceptor::accept_waiting() {
    // A bound, so that a flood of connections does not starve those that exist.
    for (int i = 0; i < 64; ++i) {
        tcp_socket peer{socket_.get_executor()};
        std::error_code failed;
        socket_.accept(peer, failed);
        if (!failed) {
            ++count_.accepted;
            std::error_code ignored;  // a peer that is gone already will be noticed by the first read
            peer.non_blocking(true, ignored);
            peer.set_option(tcp::no_delay{true}, ignored);
            take_(std::move(peer));
            continue;
        }
        if (failed == asio::error::would_block || failed == asio::error::try_again) break;
        if (failed == asio::error::connection_aborted || failed == std::errc::interrupted) continue;
        // Out of descriptors, which accept reports even if nobody waits.
        const auto outcome = refuse_through_reserve();
        if (outcome == refusal::nobody_waits) break;
        if (outcome == refusal::impossible) return rest_a_while();
    }
    wait();
}

inline acceptor::refusal acceptor::refuse_through_reserve() {
    if (reserve_ < 0) return refusal::impossible;
    ::close(std::exchange(reserve_, -1));
    tcp_socket peer{socket_.get_executor()};
    std::error_code failed;
    socket_.accept(peer, failed);
    if (!failed) {
        ++count_.refused_no_descriptor;
        static constexpr std::string_view answer =
            "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        std::error_code ignored;  // best effort: the peer may be gone, or expect TLS
        peer.non_blocking(true, ignored);
        peer.send(asio::buffer(answer), 0, ignored);
        peer.shutdown(tcp_socket::shutdown_send, ignored);
        peer.close(ignored);
    }
    take_reserve();
    if (failed == asio::error::would_block || failed == asio::error::try_again) return refusal::nobody_waits;
    return failed ? refusal::impossible : refusal::told;
}

inline void acceptor::take_reserve() noexcept { reserve_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

inline void acceptor::rest_a_while() {
    ++count_.rests;
    resting_ = true;
    timer_.expires_after(rest);
    timer_.async_wait([this](const std::error_code&) {
        resting_ = false;
        if (!socket_.is_open()) return;
        if (reserve_ < 0) take_reserve();
        accept_waiting();
    });
}

}  // namespace agentmesh::net
