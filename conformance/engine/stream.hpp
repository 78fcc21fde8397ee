// One non-blocking TCP or TLS byte stream.
#pragma once

#include "conformance/engine/target.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace agentmesh::conformance {

/// Owns the socket. SIGPIPE must be blocked or ignored in the calling thread.
class byte_stream {
public:
    enum class state : std::uint8_t { closed, open, fin, reset };

    byte_stream() = default;
    byte_stream(byte_stream&& other) noexcept;
    byte_stream& operator=(byte_stream&& other) noexcept;
    ~byte_stream();

    /// Connects to the first address that answers, with the TLS handshake. State `closed` if none does in time.
    [[nodiscard]] static byte_stream connect(const target& to, std::chrono::milliseconds patience);

    [[nodiscard]] state now() const noexcept { return state_; }
    [[nodiscard]] int fd() const noexcept { return fd_; }
    [[nodiscard]] const std::string& spki_sha256() const noexcept { return spki_; }
    /// True while bytes wait for room in the socket.
    [[nodiscard]] bool has_backlog() const noexcept { return state_ == state::open && !backlog_.empty(); }
    [[nodiscard]] bool wants_write() const noexcept { return has_backlog() || tls_wants_write_; }

    /// Queues bytes and writes what the socket takes.
    void write(std::string_view bytes);
    void flush();
    /// Appends what has arrived, at most about 256 KiB, and notices the end.
    void read(std::string& into);
    /// FIN (and close_notify) once the backlog is gone.
    void end_writing();
    /// Ends with RST.
    void abort();
    void close();

private:
    bool handshake(const target& to, std::chrono::steady_clock::time_point deadline);
    void lost(int why);

    int fd_ = -1;
    SSL* tls_ = nullptr;
    state state_ = state::closed;
    std::string backlog_, spki_;
    bool tls_wants_write_ = false;
    bool reset_seen_ = false;     // by a write; the read that follows may only see the end of the stream
    bool end_wanted_ = false;
};

}  // namespace agentmesh::conformance
