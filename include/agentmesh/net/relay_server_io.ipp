// Bodies of relay_server.hpp: reading and writing.
#pragma once

#include <asio/buffer.hpp>
#include <asio/error.hpp>

namespace agentmesh::net {

// --- reading ------------------------------------------------------------------------------------------

template <class Machine>
void basic_relay_server<Machine>::read(relay_connection& c) {
    c.reading = true;
    c.socket.async_read_some(asio::buffer(c.first), read_handler{this, &c});
}

template <class Machine>
void basic_relay_server<Machine>::on_read(relay_connection& c, const std::error_code& failed, std::size_t size) {
    c.reading = false;
    if (c.phase == life::gone) return release_if_unused(c);

    std::error_code ended = failed;
    std::span<std::uint8_t> input{c.first.data(), size};
    if (!ended && size == c.first.size()) input = read_on(c, size, ended);
    count_.bytes_received += input.size();
    if (!input.empty()) receive(c, input);
    if (c.phase == life::gone) return;
    if (ended) return lost(c);
    // A peer that asks faster than it reads the answers waits until it has read some.
    if (queued(c) <= options_.queue_bytes) read(c);
}

/// The read filled `first`: takes what else there is, so that a burst is handled at once.
template <class Machine>
std::span<std::uint8_t> basic_relay_server<Machine>::read_on(relay_connection& c, std::size_t size,
                                                             std::error_code& failed) {
    std::memcpy(scratch_.data(), c.first.data(), size);
    const auto more = c.socket.read_some(asio::buffer(scratch_.data() + size, scratch_.size() - size), failed);
    if (failed == asio::error::would_block || failed == asio::error::try_again) failed.clear();
    return {scratch_.data(), size + more};
}

template <class Machine>
void basic_relay_server<Machine>::receive(relay_connection& c, std::span<std::uint8_t> input) {
    if (c.phase >= life::closing && c.phase != life::gone) {
        c.discarded += input.size();
        if (c.discarded > options_.discard_bytes) {
            ++count_.flooded_after_close;
            return destroy(c);
        }
    }
    switch (c.phase) {
        case life::head:
        case life::open:
        case life::closing: return c.tls ? receive_secure(c, input) : receive_plain(c, input);
        case life::ending:
        case life::lingering: return;
        case life::gone: return;
    }
}

template <class Machine>
void basic_relay_server<Machine>::receive_secure([[maybe_unused]] relay_connection& c,
                                                 [[maybe_unused]] std::span<std::uint8_t> input) {
#if AGENTMESH_TLS
    auto& channel = c.tls->channel;
    auto fed = channel.feed(input);
    while (fed && c.phase <= life::closing) {
        const auto size = channel.read(plain_);
        if (!size && size.error().code == errc::ws_closed) {
            c.peer_ended = true;
            return lost(c);
        }
        if (!size) fed = fail(size.error());
        if (!size || *size == 0) break;
        receive_plain(c, {plain_.data(), *size});
    }
    if (channel.pending_output() > 0) touch(c);  // a step of the handshake, or an alert
    if (!fed) {
        ++count_.tls_failures;
        log(log_level::debug, "tls_failed", {.connection = c.slot});
        end(c);
    }
#endif
}

template <class Machine>
void basic_relay_server<Machine>::receive_plain(relay_connection& c, std::span<std::uint8_t> input) {
    if (c.phase == life::head) return feed_head(c, input);
    receive_frames(c, input);
}

template <class Machine>
void basic_relay_server<Machine>::receive_frames(relay_connection& c, std::span<std::uint8_t> input) {
    while (c.phase == life::open || c.phase == life::closing) {
        const auto before = c.out.size();
        const auto event = c.peer.next(input, c.out);
        if (c.out.size() != before) touch(c);
        if (!event) return;
        if (injected(fault::ws_after_close) && event->kind == ws::event_kind::closed && !input.empty()) {
            c.peer = ws::connection::server();
            continue;
        }
        receive_event(c, *event);
    }
}

template <class Machine>
void basic_relay_server<Machine>::receive_event(relay_connection& c, const ws::event& event) {
    actions out{*this};
    const relay::connection_id id{c.slot};
    const bool open = c.phase == life::open;
    switch (event.kind) {
        case ws::event_kind::text:
            if (open) machine_->on_text(id, event.text(), now(), out);
            return;
        case ws::event_kind::binary:
            if (open) machine_->on_binary(id, now(), out);
            return;
        case ws::event_kind::ping:
            if (open) machine_->on_ping(id, now(), out);
            return;
        case ws::event_kind::pong:
            if (open) machine_->on_pong(id, event.payload, now(), out);
            return;
        case ws::event_kind::failed:
            ++count_.protocol_failures;
            log(log_level::info, "protocol_failure",
                {.connection = c.slot,
                 .clause = event.why.clause,
                 .detail = describe(event.why.code),
                 .number = event.code});
            return end(c);
        case ws::event_kind::closed:
            log(log_level::debug, "closed_by_peer", {.connection = c.slot, .number = event.code});
            return end(c);
    }
}

// --- writing ------------------------------------------------------------------------------------------

/// Announces output for `c`: it is flushed at the end of this round.
template <class Machine>
void basic_relay_server<Machine>::touch(relay_connection& c) {
    if (c.dirty) return;
    c.dirty = true;
    c.out.adopt(pool_);
    dirty_.push_back(c.slot);
    schedule_round();
}

template <class Machine>
std::size_t basic_relay_server<Machine>::queued(const relay_connection& c) const noexcept {
    std::size_t size = c.out.size();
#if AGENTMESH_TLS
    if (c.tls) size += c.tls->cipher.size();
#endif
    return size;
}

template <class Machine>
void basic_relay_server<Machine>::flush_round() {
    round_scheduled_ = false;
    // By index: a flush may touch further connections, the same one included.
    for (std::size_t i = 0; i < dirty_.size(); ++i) {
        auto& c = slab_[dirty_[i]];
        c.dirty = false;
        if (c.phase != life::gone) flush(c);
    }
    dirty_.clear();
    for (const auto who : gone_) {
        if (auto& c = slab_[who.slot]; c.use == who.use) release_if_unused(c);
    }
    gone_.clear();
    if (stopping_ && open_ == 0) {
        timer_.cancel();
    } else {
        arm_timer();
    }
    now_known_ = round_scheduled_;
}

template <class Machine>
void basic_relay_server<Machine>::flush(relay_connection& c) {
    if (c.waiting) return;
    do {
        auto* queue = &c.out;
#if AGENTMESH_TLS
        if (c.tls) queue = &c.tls->cipher;
#endif
        if (!queue->empty() && !send_queue(c, *queue)) break;
    } while (c.tls && encrypt(c));
    if (c.phase != life::gone) flushed(c);
}

/// @return whether the whole queue went out
template <class Machine>
bool basic_relay_server<Machine>::send_queue(relay_connection& c, output_queue& queue) {
    while (!queue.empty()) {
        const auto front = queue.front();
        std::error_code failed;
        const auto sent = c.socket.write_some(asio::buffer(front.data(), front.size()), failed);
        if (failed == asio::error::would_block || failed == asio::error::try_again) {
            wait_writable(c);
            return false;
        }
        if (failed) {
            destroy(c);
            return false;
        }
        ++count_.writes;
        count_.bytes_sent += sent;
        queue.consume(sent);
    }
    return true;
}

/// Turns a part of `out` into ciphertext. @return whether there is anything to send
template <class Machine>
bool basic_relay_server<Machine>::encrypt([[maybe_unused]] relay_connection& c) {
#if AGENTMESH_TLS
    auto& channel = c.tls->channel;
    if (channel.established() && !c.out.empty()) {
        const auto part = c.out.front().first(std::min<std::size_t>(c.out.size(), 64 * 1024));
        if (!channel.write(part)) {
            destroy(c);
            return false;
        }
        c.out.consume(part.size());
    }
    if (c.phase == life::ending && c.out.empty() && channel.established() && !c.tls->said_end) {
        c.tls->said_end = true;
        channel.close_notify();
    }
    auto& cipher = c.tls->cipher;
    if (const auto size = channel.pending_output(); size > 0) {
        cipher.adopt(pool_);
        cipher.commit(channel.take_output({cipher.prepare(size), size}));
    }
    return !cipher.empty();
#else
    return false;
#endif
}

/// As much as the socket took is sent.
template <class Machine>
void basic_relay_server<Machine>::flushed(relay_connection& c) {
    if (c.out.empty() && c.out.has_storage()) c.out.release(pool_);
#if AGENTMESH_TLS
    if (c.tls && c.tls->cipher.empty() && c.tls->cipher.has_storage()) c.tls->cipher.release(pool_);
#endif
    const auto left = queued(c);
    if (left == 0 && c.phase == life::ending) return end_tcp(c);
    if (c.refused_text && c.phase == life::open && left <= options_.queue_bytes / 2) {
        c.refused_text = false;
        actions out{*this};
        machine_->on_drained(relay::connection_id{c.slot}, now(), out);
    }
    if (!c.reading && !c.peer_ended && left <= options_.queue_bytes) read(c);
}

template <class Machine>
void basic_relay_server<Machine>::wait_writable(relay_connection& c) {
    c.waiting = true;
    c.socket.async_wait(tcp_socket::wait_write, write_handler{this, &c});
}

}  // namespace agentmesh::net
