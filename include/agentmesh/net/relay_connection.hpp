// What the relay's driver keeps of one connection, and the slab that holds them all.
//
// Ten thousand idle connections are the ordinary case, so everything that only a busy or a beginning connection
// needs is behind a pointer or borrowed: the head of the upgrade, the TLS state, storage for output.
#pragma once

#include <agentmesh/net/asio.hpp>
#include <agentmesh/net/deadlines.hpp>
#include <agentmesh/net/output_queue.hpp>
#if AGENTMESH_TLS
#include <agentmesh/net/tls.hpp>
#endif
#include <agentmesh/ws/connection.hpp>
#include <agentmesh/ws/upgrade.hpp>

#include <deque>
#include <memory>

namespace agentmesh::net {

/// Where a connection is in its life. It only moves down this list.
enum class life : std::uint8_t {
    head,       ///< TLS handshake and request head; the head deadline runs
    open,       ///< frames, both ways; known to the machine
    closing,    ///< our Close is queued, the peer's is awaited; the close deadline runs
    ending,     ///< everything is said: what is queued is flushed, then our half of TCP ends
    lingering,  ///< our half is ended; input is discarded until the peer ends too, so that no reset overtakes
                ///< what we said last
    gone,       ///< the socket is closed
};

/// TLS state of one connection, and ciphertext that the socket has not taken yet.
struct secure_part {
#if AGENTMESH_TLS
    tls_channel channel;
    output_queue cipher{};
    bool said_end = false;  ///< close_notify is queued or sent
#endif
};

struct relay_connection {
    /// The front of each read lands here, so that no two connections ever share memory that Asio writes to later.
    /// One frame around a 256-byte payload fits; what does not is read on into the server's scratch memory.
    static constexpr std::size_t first_bytes = 512;

    relay_connection(std::uint32_t at, tcp_socket accepted) : socket{std::move(accepted)}, slot{at} {}

    [[nodiscard]] deadlines::holder holder() const noexcept { return {slot, use}; }

    tcp_socket socket;
    std::unique_ptr<ws::server_handshake> handshake;  ///< in `head` only
    std::unique_ptr<secure_part> tls;                 ///< with TLS only
    output_queue out;                                 ///< frames, before encryption
    ws::connection peer = ws::connection::server();
    std::uint32_t slot;
    std::uint32_t use = 0;        ///< how often the slot was used before: tells a stale deadline from a live one
    std::size_t discarded = 0;    ///< bytes that came after our Close
    life phase = life::head;
    bool known = false;         ///< the machine was told `opened` and not yet `closed`
    bool reading = false;       ///< a read is outstanding
    bool waiting = false;       ///< for the socket to become writable
    bool dirty = false;         ///< in the list of connections to flush at the end of this round
    bool refused_text = false;  ///< the machine was told that the queue is full
    bool peer_ended = false;    ///< end of input was seen
    std::array<std::uint8_t, first_bytes> first;
};

/// Connections by slot. Addresses are stable; slots are dense and used again, newest first.
class connection_slab {
public:
    [[nodiscard]] relay_connection& acquire(tcp_socket socket) {
        if (free_.empty()) {
            return slots_.emplace_back(static_cast<std::uint32_t>(slots_.size()), std::move(socket));
        }
        auto& slot = slots_[free_.back()];
        free_.pop_back();
        slot.socket = std::move(socket);
        slot.phase = life::head;
        return slot;
    }

    /// @pre no operation of the socket is outstanding
    void release(relay_connection& gone) {
        assert(gone.phase == life::gone && !gone.reading && !gone.waiting);
        const auto slot = gone.slot;
        const auto use = gone.use + 1;
        tcp_socket socket = std::move(gone.socket);
        std::destroy_at(&gone);
        std::construct_at(&gone, slot, std::move(socket));
        gone.phase = life::gone;
        gone.use = use;
        free_.push_back(slot);
    }

    [[nodiscard]] relay_connection& operator[](std::uint32_t slot) { return slots_[slot]; }
    /// The connection a deadline was set for, if it still is that one.
    [[nodiscard]] relay_connection* find(deadlines::holder who) {
        auto& found = slots_[who.slot];
        return found.use == who.use && found.phase != life::gone ? &found : nullptr;
    }
    [[nodiscard]] std::size_t size() const noexcept { return slots_.size() - free_.size(); }

    template <class Visit>
    void each(Visit&& visit) {
        for (std::size_t i = 0; i < slots_.size(); ++i)
            if (slots_[i].phase != life::gone) visit(slots_[i]);
    }

private:
    std::deque<relay_connection> slots_;
    std::vector<std::uint32_t> free_;
};

}  // namespace agentmesh::net
