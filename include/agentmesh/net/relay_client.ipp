// Bodies of relay_client.hpp.
#pragma once

namespace agentmesh::net {

struct relay_client::actions {
    relay_client& self;

    // A message that the socket does not take is not lost: the machine keeps it until the relay has answered, and
    // without receipts nothing was promised.
    void send_text(std::string_view text) { (void)self.socket_.send_text(text); }
    void close(std::uint16_t code, std::string_view reason) { (void)self.socket_.close(code, reason); }
    void connected(const wire::connected_frame& frame) {
        if (self.on_ready) self.on_ready(frame);
    }
    bool received(const wire::receive_frame& message) {
        if (self.on_message) self.on_message(message);
        return true;
    }
    void answered(const wire::relay_frame& frame) {
        if (self.on_answer) self.on_answer(frame);
    }
    void ended(const relay::client_end& end) {
        if (end.dial_again_in && self.options_.dial_again) {
            self.timer_.expires_after(*end.dial_again_in);
            self.timer_.async_wait([client = &self](const std::error_code& cancelled) {
                if (!cancelled) client->dial();
            });
        }
        if (self.on_end) self.on_end(end);
    }
};

inline relay_client::relay_client(asio::io_context& io, const local_identity& self, relay_client_options options)
    : options_{std::move(options)},
      self_{&self},
      socket_{io,
              {.opened =
                   [this] {
                       actions out{*this};
                       machine_->on_open(clock_.now(), out);
                       arm_timer();
                   },
               .text =
                   [this](std::string_view text) {
                       actions out{*this};
                       machine_->on_text(text, clock_.now(), out);
                       arm_timer();
                   },
               .ping =
                   [this] {
                       machine_->on_ping(clock_.now());
                       arm_timer();
                   },
               .closed = [this](std::uint16_t code, const error&) { closed(code); }}},
      timer_{io} {}

inline result<void> relay_client::start() {
    AGENTMESH_TRY(where, parse_ws_url(options_.url));
    where_ = std::move(where);
    if (options_.relay.relay_name.empty()) options_.relay.relay_name = where_.authority();
#if AGENTMESH_TLS
    if (where_.secure) {
        AGENTMESH_TRY(context, tls_context::client(options_.trusted_file));
        tls_.emplace(std::move(context));
    }
#endif
    AGENTMESH_TRY(machine, relay::client::create(*self_, options_.relay, random_));
    machine_.emplace(std::move(machine));
    dial();
    return {};
}

inline void relay_client::dial() {
#if AGENTMESH_TLS
    socket_.open(where_, tls_ ? &*tls_ : nullptr);
#else
    socket_.open(where_);
#endif
}

inline void relay_client::closed(std::uint16_t code) {
    timer_.cancel();
    actions out{*this};
    machine_->on_closed(code, clock_.now(), out);
}

inline void relay_client::arm_timer() {
    const auto next = socket_.is_open() ? machine_->next_deadline() : std::nullopt;
    if (!next) return;
    timer_.expires_at(to_std(*next));
    timer_.async_wait([this](const std::error_code& cancelled) {
        if (cancelled) return;
        actions out{*this};
        machine_->on_tick(clock_.now(), out);
        arm_timer();
    });
}

inline result<std::string> relay_client::send(const amid& to, std::string_view payload, wire::message_type type) {
    if (!machine_) return fail(errc::ws_closed);
    actions out{*this};
    return machine_->send(to, payload, type, out);
}

inline result<void> relay_client::say(std::string_view frame) {
    if (!machine_) return fail(errc::ws_closed);
    actions out{*this};
    return machine_->say(frame, out);
}

inline void relay_client::disconnect(std::string_view reason) {
    timer_.cancel();
    if (!machine_) return;
    actions out{*this};
    machine_->disconnect(reason, out);
}

}  // namespace agentmesh::net
