// Bodies of relay_server.hpp: what the machine's actions do, how connections begin, and the time.
#pragma once

#include <asio/buffer.hpp>
#include <asio/error.hpp>

namespace agentmesh::net {

[[nodiscard]] constexpr std::string_view audit_name(relay::audit_kind kind) noexcept {
    switch (kind) {
        case relay::audit_kind::login: return "login";
        case relay::audit_kind::logout: return "logout";
        case relay::audit_kind::replaced: return "replaced";
        case relay::audit_kind::refused: return "refused";
        case relay::audit_kind::evicted: return "evicted";
    }
    return {};
}

/// Carries out what the machine decides: frames go straight into the queues of those they are for.
template <class Machine>
struct basic_relay_server<Machine>::actions {
    basic_relay_server& self;

    relay::send_result send_text(relay::connection_id to, std::span<const std::string_view> pieces) {
        auto& c = self.slab_[static_cast<std::uint32_t>(to)];
        // It is being closed: what is sent now is sent to nobody.
        if (c.phase != life::open) return relay::send_result::taken;
        std::size_t length = 0;
        for (const auto piece : pieces) length += piece.size();
        const auto header = ws::encode_header({.op = ws::opcode::text, .length = length});
        if (const auto waits = self.queued(c); waits && waits + header.size + length > self.options_.queue_bytes) {
            c.refused_text = true;
            return relay::send_result::full;
        }
        self.touch(c);
        std::uint8_t* at = c.out.prepare(header.size + length);
        const auto lay = [&](const void* bytes, std::size_t size) {
            std::memcpy(at, bytes, size);
            at += size;
        };
        lay(header.bytes.data(), header.size);
        for (const auto piece : pieces)
            if (!piece.empty()) lay(piece.data(), piece.size());
        c.out.commit(header.size + length);
        return relay::send_result::taken;
    }

    void send_ping(relay::connection_id to, byte_view payload) {
        auto& c = self.slab_[static_cast<std::uint32_t>(to)];
        if (c.phase != life::open) return;
        self.touch(c);
        (void)c.peer.send(c.out, ws::opcode::ping, payload);  // refused only once closing has begun
    }

    void close(relay::connection_id to, std::uint16_t code, std::string_view reason) {
        auto& c = self.slab_[static_cast<std::uint32_t>(to)];
        if (injected(fault::disconnect_routes) && code == relay::close_codes::normal) {
            constexpr std::array<std::uint8_t, 4> bare_close{0x88, 0x02, 0x03, 0xE8};
            self.touch(c);
            c.out.append(bare_close.data(), bare_close.size());
            return;
        }
        if (c.phase == life::open) self.begin_closing(c, code, reason);
    }

    void audit(const relay::audit_event& what) {
        const bool routine = what.kind == relay::audit_kind::login || what.kind == relay::audit_kind::logout;
        self.log(routine ? log_level::debug : log_level::info, audit_name(what.kind),
                 {.connection = static_cast<std::uint32_t>(what.connection),
                  .amid = what.amid,
                  .clause = what.why.clause,
                  .detail = what.why.code == errc{} ? std::string_view{} : describe(what.why.code)});
    }
};

template <class Machine>
struct basic_relay_server<Machine>::read_handler {
    basic_relay_server* self;
    relay_connection* c;
    void operator()(const std::error_code& failed, std::size_t size) const { self->on_read(*c, failed, size); }
};

template <class Machine>
struct basic_relay_server<Machine>::write_handler {
    basic_relay_server* self;
    relay_connection* c;
    void operator()(const std::error_code&) const {
        c->waiting = false;
        if (c->phase == life::gone) return self->release_if_unused(*c);
        self->touch(*c);  // an error shows itself in the write
    }
};

// --- beginning ----------------------------------------------------------------------------------------

template <class Machine>
basic_relay_server<Machine>::basic_relay_server(asio::io_context& io, relay_server_options options)
    : io_{io},
      options_{std::move(options)},
      log_{options_.log, options_.log_sink},
      acceptor_{io},
      scratch_(64 * 1024),
      timer_{io},
      heads_{options_.head_timeout},
      closes_{options_.close_grace},
      ends_{options_.close_grace} {
    upgrade_.allowed_origins = options_.origins;
    if (options_.relay.wire10 != relay::wire10_mode::off) upgrade_.reserved_paths.clear();
}

template <class Machine>
basic_relay_server<Machine>::~basic_relay_server() = default;

template <class Machine>
result<void> basic_relay_server<Machine>::start() {
#if AGENTMESH_TLS
    if (!options_.tls_chain_file.empty() || !options_.tls_key_file.empty()) {
        auto context = tls_context::server(options_.tls_chain_file, options_.tls_key_file);
        if (!context) {
            why_ = "cannot use certificate " + options_.tls_chain_file + " with key " + options_.tls_key_file +
                   ": both must be PEM files that can be read and belong together";
            return fail(context.error());
        }
        tls_ = std::move(*context);
        plain_.resize(64 * 1024);
    }
#else
    if (!options_.tls_chain_file.empty() || !options_.tls_key_file.empty()) {
        why_ = "this program was built without TLS: leave out the certificate and the key";
        return fail(errc::tls_failed);
    }
#endif
    if (const auto bound = acceptor_.open(options_.address, options_.port); !bound) {
        why_ = "cannot listen on " + options_.address + " port " + std::to_string(options_.port) + ": " +
               acceptor_.system_error().message();
        return bound;
    }
    if (options_.relay.name.empty()) {
        const auto dialled = url();
        const auto host = dialled.find("//") + 2;
        options_.relay.name = dialled.substr(host, dialled.size() - host - 1);
    }
    started_ = now().steady;
    machine_.emplace(options_.relay, now());
    acceptor_.start([this](tcp_socket socket) { take(std::move(socket)); });
    log(log_level::info, "listening", {.number = port()});
    return {};
}

template <class Machine>
std::string basic_relay_server<Machine>::url() const {
    std::string host = options_.address;
    if (host == "0.0.0.0") host = "127.0.0.1";
    if (host == "::") host = "::1";
    if (host.find(':') != std::string::npos) host = "[" + host + "]";
    const bool secure = !options_.tls_chain_file.empty();
    return (secure ? "wss://" : "ws://") + host + ":" + std::to_string(port()) + "/";
}

template <class Machine>
void basic_relay_server<Machine>::take(tcp_socket socket) {
    if (open_ >= options_.max_connections) return refuse_full(std::move(socket));
    if (options_.send_buffer_bytes > 0) {
        std::error_code ignored;  // the system's own choice will do too
        socket.set_option(asio::socket_base::send_buffer_size{static_cast<int>(options_.send_buffer_bytes)}, ignored);
    }
    auto& c = slab_.acquire(std::move(socket));
    ++open_;
    c.handshake = std::make_unique<ws::server_handshake>(upgrade_);
#if AGENTMESH_TLS
    if (tls_) {
        auto channel = tls_channel::accept(*tls_);
        if (!channel) return destroy(c);
        c.tls = std::make_unique<secure_part>(secure_part{std::move(*channel)});
    }
#endif
    if (!injected(fault::ws_head_forever)) heads_.set(c.holder(), now().steady);
    log(log_level::debug, "accepted", {.connection = c.slot});
    read(c);
}

template <class Machine>
void basic_relay_server<Machine>::refuse_full(tcp_socket socket) {
    ++count_.refused_full;
    if (!options_.tls_chain_file.empty()) return;  // nothing to say before a handshake
    buffer answer;
    ws::append_response(answer, 503, {{"Retry-After", "1"}, {"Content-Type", "text/plain"}},
                        "the relay has as many connections as it may have\n");
    std::error_code ignored;  // best effort
    socket.send(asio::buffer(answer), 0, ignored);
    socket.shutdown(tcp_socket::shutdown_send, ignored);
}

template <class Machine>
void basic_relay_server<Machine>::feed_head(relay_connection& c, byte_view input) {
    const auto decision = c.handshake->feed(input);
    if (!decision) return;
    if (const auto* accepted = std::get_if<ws::upgrade_accepted>(&*decision)) {
        touch(c);
        c.out.append(accepted->answer.data(), accepted->answer.size());
        c.phase = life::open;
        c.known = true;
        tell_opened(c, accepted->path);
    } else if (const auto* plain = std::get_if<ws::plain_request>(&*decision)) {
        answer_plain(c, *plain);
        end(c);
    } else {
        const auto& refused = std::get<ws::upgrade_refused>(*decision);
        ++count_.refused_upgrades;
        log(log_level::info, "upgrade_refused",
            {.connection = c.slot,
             .clause = refused.why.clause,
             .detail = describe(refused.why.code),
             .number = refused.status});
        touch(c);
        c.out.append(refused.answer.data(), refused.answer.size());
        if (injected(fault::ws_reads_after_refusal)) {
            c.phase = life::open;
            c.known = true;
            tell_opened(c, "/");
            const auto head = as_text(input).find("\r\n\r\n");
            buffer behind(input.begin() + static_cast<std::ptrdiff_t>(std::min(head, input.size() - 4) + 4),
                          input.end());
            receive_frames(c, behind);
        } else {
            end(c);
        }
    }
    c.handshake.reset();
}

/// A machine of more than one profile learns which path was asked for.
template <class Machine>
void basic_relay_server<Machine>::tell_opened(relay_connection& c, [[maybe_unused]] std::string_view path) {
    actions out{*this};
    const relay::connection_id id{c.slot};
    if constexpr (requires { machine_->on_opened(id, path, now(), out); })
        machine_->on_opened(id, path, now(), out);
    else
        machine_->on_opened(id, now(), out);
}

template <class Machine>
void basic_relay_server<Machine>::answer_plain(relay_connection& c, const ws::plain_request& request) {
    ++count_.plain_requests;
    touch(c);
    if (injected(fault::health_missing)) {
        ws::append_response(c.out, 404, {}, {});
    } else if (request.path == "/health") {
        ws::append_response(c.out, 200, {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}},
                            health_json(report()), request.head_only);
    } else {
        ws::append_response(c.out, 200, {{"Content-Type", "text/plain; version=0.0.4"}, {"Cache-Control", "no-store"}},
                            metrics_text(report()), request.head_only);
    }
}

template <class Machine>
relay_report basic_relay_server<Machine>::report() {
    return {.machine = machine_->count(),
            .driver = count_,
            .accepting = acceptor_.count(),
            .connections = open_,
            .uptime = now().steady - started_,
            .stopping = stopping_};
}

// --- time ---------------------------------------------------------------------------------------------

/// The present, read once a round: the messages of one round arrived together.
template <class Machine>
const moment& basic_relay_server<Machine>::now() {
    if (!now_known_) {
        now_ = clock_.now();
        now_known_ = true;
        schedule_round();
    }
    return now_;
}

template <class Machine>
void basic_relay_server<Machine>::schedule_round() {
    if (round_scheduled_) return;
    round_scheduled_ = true;
    asio::post(io_, [this] { flush_round(); });
}

template <class Machine>
void basic_relay_server<Machine>::arm_timer() {
    std::optional<steady_point> earliest = machine_->next_deadline();
    for (const auto& other : {heads_.next(), closes_.next(), ends_.next(), drained_by_})
        if (other && (!earliest || *other < *earliest)) earliest = other;
    if (!earliest || (timer_armed_ && armed_for_ <= *earliest)) return;
    // Deadlines close to each other share one wake-up.
    constexpr duration grain{8'000};
    armed_for_ = steady_point{(earliest->time_since_epoch() / grain + 1) * grain};
    timer_armed_ = true;
    timer_.expires_at(to_std(armed_for_));
    timer_.async_wait([this](const std::error_code& failed) {
        if (!failed) on_timer();
    });
}

template <class Machine>
void basic_relay_server<Machine>::on_timer() {
    timer_armed_ = false;
    now_known_ = false;
    const auto at = now().steady;
    heads_.expire(at, [this](deadlines::holder who) {
        auto* c = slab_.find(who);
        if (!c || c->phase != life::head) return;
        ++count_.head_timeouts;
        log(log_level::info, "head_timeout", {.connection = c->slot, .clause = "AM-WSK-013"});
        end(*c);
    });
    closes_.expire(at, [this](deadlines::holder who) {
        auto* c = slab_.find(who);
        if (!c || c->phase != life::closing) return;
        ++count_.close_timeouts;
        // A peer that has not answered in all this time will not end TCP either; a relay that stops waits no longer.
        if (stopping_) return destroy(*c);
        end(*c);
    });
    ends_.expire(at, [this](deadlines::holder who) {
        if (auto* c = slab_.find(who); c && c->phase >= life::ending) destroy(*c);
    });
    actions out{*this};
    if (const auto next = machine_->next_deadline(); next && *next <= at) machine_->on_tick(now(), out);
    if (drained_by_ && *drained_by_ <= at) {
        drained_by_.reset();
        destroy_all();
    }
    schedule_round();
}

template <class Machine>
void basic_relay_server<Machine>::log(log_level level, std::string_view event, const log_fields& fields) {
    if (log_.wants(level)) log_.write(level, now().wall, event, fields);
}

}  // namespace agentmesh::net

#include <agentmesh/net/relay_server_end.ipp>
#include <agentmesh/net/relay_server_io.ipp>
