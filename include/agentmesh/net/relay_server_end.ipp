// Bodies of relay_server.hpp: how connections and the server end.
#pragma once

namespace agentmesh::net {

// --- ending -------------------------------------------------------------------------------------------

/// Our Close first. @spec AM-AUT-021, AM-RLY-071
template <class Machine>
void basic_relay_server<Machine>::begin_closing(relay_connection& c, std::uint16_t code, std::string_view reason) {
    if (injected(fault::auth_refusal_no_close) && code == relay::close_codes::policy) return end(c);
    touch(c);
    c.peer.close(c.out, code, reason);
    c.phase = life::closing;
    closes_.set(c.holder(), now().steady);
    log(log_level::debug, "closing", {.connection = c.slot, .number = code});
}

template <class Machine>
void basic_relay_server<Machine>::tell_closed(relay_connection& c) {
    if (!c.known) return;
    c.known = false;
    actions out{*this};
    machine_->on_closed(relay::connection_id{c.slot}, now(), out);
}

/// Everything is said: flushes, then ends our half of TCP first. @spec AM-WSK-041
template <class Machine>
void basic_relay_server<Machine>::end(relay_connection& c) {
    if (c.phase >= life::ending) return;
    c.phase = life::ending;
    tell_closed(c);
    ends_.set(c.holder(), now().steady);
    touch(c);
}

template <class Machine>
void basic_relay_server<Machine>::end_tcp(relay_connection& c) {
    if (c.peer_ended) return destroy(c);
    if (injected(fault::ws_tcp_stays)) return;
    std::error_code failed;
    c.socket.shutdown(tcp_socket::shutdown_send, failed);
    if (failed) return destroy(c);
    c.phase = life::lingering;
    if (!c.reading) read(c);
}

/// The peer ended TCP, orderly or not. What it may still want to read is flushed.
template <class Machine>
void basic_relay_server<Machine>::lost(relay_connection& c) {
    c.peer_ended = true;
    if (c.phase == life::lingering || c.phase == life::head) return destroy(c);
    end(c);
}

template <class Machine>
void basic_relay_server<Machine>::destroy(relay_connection& c) {
    if (c.phase == life::gone) return;
    tell_closed(c);
    c.phase = life::gone;
    std::error_code ignored;  // the descriptor is closed in any case
    c.socket.close(ignored);
    --open_;
    acceptor_.descriptor_freed();
    // The slot is given back at the end of the round: callers up the stack may still look at it.
    gone_.push_back(c.holder());
    schedule_round();
}

template <class Machine>
void basic_relay_server<Machine>::release_if_unused(relay_connection& c) {
    if (!c.reading && !c.waiting && !c.dirty) slab_.release(c);
}

template <class Machine>
void basic_relay_server<Machine>::stop() {
    if (stopping_) return;
    stopping_ = true;
    acceptor_.stop();
    if (!machine_) return;
    log(log_level::info, "stopping", {.number = open_});
    actions out{*this};
    machine_->on_stop(now(), out);
    slab_.each([this](relay_connection& c) {
        if (c.phase == life::head) destroy(c);
    });
    drained_by_ = now().steady + options_.drain_timeout;
    schedule_round();
}

template <class Machine>
void basic_relay_server<Machine>::destroy_all() {
    slab_.each([this](relay_connection& c) { destroy(c); });
}

}  // namespace agentmesh::net
