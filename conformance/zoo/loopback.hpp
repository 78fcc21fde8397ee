// Sockets of the zoo: a listener on the loopback interface that hands each connection to a thread.
//
// Targets of the self-test are deliberately broken, so they share nothing with the library's drivers and
// nothing with the harness's transport: plain blocking sockets, a thread a connection, all ended by stop().
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace agentmesh::conformance::zoo {

/// An owned file descriptor; closes at the end of its life.
class socket_handle {
public:
    socket_handle() = default;
    explicit socket_handle(int fd) noexcept : fd_{fd} {}
    socket_handle(socket_handle&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    socket_handle& operator=(socket_handle&& other) noexcept;
    ~socket_handle();

    [[nodiscard]] int fd() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }

    /// Blocks until all of `bytes` is written; false when the peer is gone.
    bool write(std::string_view bytes) const;
    /// Blocks for some bytes; empty at the end of the stream or on any error.
    [[nodiscard]] std::string read_some(std::size_t most = 65536) const;
    /// Ends the connection with a reset instead of an orderly end.
    void reset() noexcept;

private:
    int fd_ = -1;
};

/// Connects to 127.0.0.1:port; an empty handle on failure.
[[nodiscard]] socket_handle connect_loopback(std::uint16_t port);

/// Listens on 127.0.0.1 and runs `serve` in a thread of its own for each connection.
class loopback_server {
public:
    using handler = std::function<void(socket_handle&)>;

    explicit loopback_server(handler serve);
    loopback_server(const loopback_server&) = delete;
    ~loopback_server();

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] std::string url() const { return "ws://127.0.0.1:" + std::to_string(port_) + "/"; }
    [[nodiscard]] std::string http_url() const { return "http://127.0.0.1:" + std::to_string(port_); }

private:
    struct worker {
        std::thread thread;
        bool over = false;
    };
    void accept_all();
    /// Joins the threads whose connections have ended: a registry's clients open thousands of connections.
    void reap();

    handler serve_;
    socket_handle listener_;
    std::uint16_t port_ = 0;
    std::mutex mutex_;
    bool stopping_ = false;
    std::vector<int> open_;
    std::list<worker> workers_;
    std::thread acceptor_;
};

/// Reads an HTTP request head, up to and including the empty line; bytes after it are left in `rest`.
[[nodiscard]] std::optional<std::string> read_head(const socket_handle& peer, std::string& rest);

/// Answers a WebSocket upgrade with 101, whatever else the head holds; false if it has no key or the peer is gone.
bool answer_upgrade(const socket_handle& peer, std::string_view head);

/// One frame from a client, unmasked.
struct client_frame {
    std::uint8_t opcode = 0;
    std::string payload;
};
/// Blocks for the next whole frame; `rest` holds bytes read ahead.
[[nodiscard]] std::optional<client_frame> read_frame(const socket_handle& peer, std::string& rest);

/// A server's frame: FIN set unless `last` is false, no mask.
[[nodiscard]] std::string server_frame(std::uint8_t opcode, std::string_view payload, bool last = true);

}  // namespace agentmesh::conformance::zoo
