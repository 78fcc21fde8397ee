// Bodies of ws_socket.hpp.
#pragma once

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/net/output_queue.hpp>
#if AGENTMESH_TLS
#include <agentmesh/net/tls.hpp>
#endif
#include <agentmesh/ws/connection.hpp>
#include <agentmesh/ws/upgrade.hpp>

#include <asio/connect.hpp>
#include <asio/ip/address_v6.hpp>

#include <charconv>
#include <optional>

namespace agentmesh::net {

inline std::string ws_address::authority() const {
    const bool v6 = host.find(':') != std::string::npos;
    return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

inline result<ws_address> parse_ws_url(std::string_view url) {
    ws_address out;
    const auto starts = [&](std::string_view prefix) {
        const bool yes = url.substr(0, prefix.size()) == prefix;
        if (yes) url.remove_prefix(prefix.size());
        return yes;
    };
    out.secure = starts("wss://");
    if (!out.secure && !starts("ws://")) return fail(errc::http_malformed);
    out.port = out.secure ? 443 : 80;

    const auto slash = std::min(url.find_first_of("/?"), url.size());
    auto authority = url.substr(0, slash);
    if (const auto target = url.substr(slash); !target.empty())
        out.target = target[0] == '/' ? std::string{target} : "/" + std::string{target};
    if (out.target.find('#') != std::string::npos || authority.find('@') != std::string_view::npos)
        return fail(errc::http_malformed);

    std::string_view port;
    if (!authority.empty() && authority[0] == '[') {
        const auto end = authority.find(']');
        if (end == std::string_view::npos) return fail(errc::http_malformed);
        out.host = authority.substr(1, end - 1);
        port = authority.substr(end + 1);
        std::error_code wrong;
        (void)asio::ip::make_address_v6(out.host, wrong);
        if (wrong || (!port.empty() && port[0] != ':')) return fail(errc::http_malformed);
    } else {
        const auto colon = std::min(authority.find(':'), authority.size());
        out.host = authority.substr(0, colon);
        port = authority.substr(colon);
    }
    if (out.host.empty()) return fail(errc::http_malformed);
    if (!port.empty()) {
        port.remove_prefix(1);
        const auto [end, wrong] = std::from_chars(port.data(), port.data() + port.size(), out.port);
        if (wrong != std::errc{} || end != port.data() + port.size() || out.port == 0)
            return fail(errc::http_malformed);
    }
    return out;
}

/// One connection from dial to end. Shared with its own outstanding operations; the socket lets go of it first.
class ws_socket::session : public std::enable_shared_from_this<session> {
public:
    session(ws_socket& owner, const ws_address& where, const tls_context* secure)
        : owner_{&owner},
          where_{where},
          secure_{secure},
          socket_{owner.io_},
          resolver_{owner.io_},
          timer_{owner.io_},
          limits_{owner.limits_},
          peer_{ws::connection::client(masks_)} {}

    void start() {
        arm(limits_.open_timeout);
        resolver_.async_resolve(where_.host, std::to_string(where_.port),
                                [self = shared_from_this()](const std::error_code& failed, const auto& found) {
                                    if (failed) return self->finish(1006, {errc::io_failed, {}});
                                    self->connect(found);
                                });
    }

    result<void> send_text(std::string_view text) {
        if (!open_) return fail(errc::ws_closed);
        if (out_.size() + text.size() > limits_.queue_bytes) return fail(errc::queue_full);
        AGENTMESH_CHECK(peer_.send(out_, ws::opcode::text, text));
        write();
        return {};
    }
    result<void> close(std::uint16_t code, std::string_view reason) {
        if (!open_) return fail(errc::ws_closed);
        open_ = false;
        peer_.close(out_, code, reason);
        arm(limits_.close_grace);
        write();
        return {};
    }
    [[nodiscard]] bool is_open() const noexcept { return open_; }

    /// The owner does not want to hear of it any more.
    void abandon() {
        owner_ = nullptr;
        finish(1006, {});
    }

private:
    template <class Found>
    void connect(const Found& found) {
        if (finished_) return;
        asio::async_connect(socket_, found, [self = shared_from_this()](const std::error_code& failed, const auto&) {
            if (failed) return self->finish(1006, {errc::io_failed, {}});
            self->connected();
        });
    }

    void connected() {
        if (finished_) return;
        std::error_code ignored;
        socket_.set_option(tcp::no_delay{true}, ignored);
        std::array<std::uint8_t, 16> nonce;
        if (!random_.fill(nonce)) return finish(1006, {errc::random_failed, {}});
        auto begun = ws::client_handshake::begin({.host = where_.authority(), .target = where_.target}, nonce);
        if (!begun) return finish(1006, begun.error());
        handshake_.emplace(std::move(*begun));
        const auto request = handshake_->request();
        out_.append(request.data(), request.size());
#if AGENTMESH_TLS
        if (where_.secure) {
            if (!secure_) return finish(1006, {errc::tls_failed, {}});
            auto channel = tls_channel::connect(*secure_, where_.host);
            if (!channel) return finish(1006, channel.error());
            tls_.emplace(std::move(*channel));
        }
#else
        if (where_.secure) return finish(1006, {errc::tls_failed, {}});
#endif
        write();
        read();
    }

    void read() {
        socket_.async_read_some(asio::buffer(input_),
                                [self = shared_from_this()](const std::error_code& failed, std::size_t size) {
                                    if (self->finished_) return;
                                    if (failed) return self->finish(1006, {errc::io_failed, {}});
                                    self->receive({self->input_.data(), size});
                                    if (!self->finished_) self->read();
                                });
    }

    void receive(std::span<std::uint8_t> bytes) {
#if AGENTMESH_TLS
        if (tls_) {
            if (!tls_->feed(bytes)) return finish(1006, {errc::tls_failed, {}});
            plain_.resize(input_.size());
            while (!finished_) {
                const auto size = tls_->read(plain_);
                if (!size) {
                    return finish(1006,
                                  size.error().code == errc::ws_closed ? error{errc::io_failed, {}} : size.error());
                }
                if (*size == 0) break;
                receive_plain({plain_.data(), *size});
            }
            return write();  // the handshake's next flight, and what waited for its end
        }
#endif
        receive_plain(bytes);
    }

    void receive_plain(std::span<std::uint8_t> bytes) {
        if (handshake_) {
            byte_view rest = bytes;
            const auto done = handshake_->feed(rest);
            if (!done) return finish(1006, done.error());
            if (!*done) return;
            bytes = bytes.last(rest.size());
            handshake_.reset();
            open_ = true;
            timer_.cancel();
            tell(&ws_handlers::opened);
        }
        while (!finished_) {
            const auto event = peer_.next(bytes, out_);
            if (!event) break;
            take(*event);
        }
        if (!finished_) write();
    }

    void take(const ws::event& event) {
        switch (event.kind) {
            case ws::event_kind::text: return tell(&ws_handlers::text, event.text());
            case ws::event_kind::binary: return tell(&ws_handlers::binary, event.payload);
            case ws::event_kind::ping: return tell(&ws_handlers::ping);
            case ws::event_kind::pong: return;
            case ws::event_kind::closed: return say_last(event.code, {errc::ws_closed, {}});
            case ws::event_kind::failed: return say_last(1006, event.why);
        }
    }

    /// Everything is said but for what is queued: it is written as far as the socket takes it at once.
    void say_last(std::uint16_t code, const error& why) {
        write();
        finish(code, why);
    }

    void write() {
        if (writing_ || finished_) return;
        while (refill() && !wire_.empty()) {
            std::error_code failed;
            socket_.non_blocking(true, failed);
            const auto sent = socket_.write_some(asio::buffer(wire_.data(), wire_.size()), failed);
            if (failed == asio::error::would_block || failed == asio::error::try_again) return wait_writable();
            if (failed) return finish(1006, {errc::io_failed, {}});
            wire_.consume(sent);
        }
    }

    /// Moves what is queued into what is written; encrypted, where TLS is on. False if that was impossible.
    bool refill() {
#if AGENTMESH_TLS
        if (tls_) {
            if (tls_->established() && !out_.empty()) {
                if (!tls_->write(out_.front())) {
                    finish(1006, {errc::tls_failed, {}});
                    return false;
                }
                out_.consume(out_.size());
            }
            const auto size = tls_->pending_output();
            if (size > 0) wire_.commit(tls_->take_output({wire_.prepare(size), size}));
            return true;
        }
#endif
        if (wire_.empty()) std::swap(wire_, out_);
        return true;
    }

    void wait_writable() {
        writing_ = true;
        socket_.async_wait(tcp_socket::wait_write, [self = shared_from_this()](const std::error_code&) {
            self->writing_ = false;
            self->write();
        });
    }

    void arm(duration length) {
        timer_.expires_after(length);
        timer_.async_wait([self = shared_from_this()](const std::error_code& cancelled) {
            if (!cancelled) self->finish(1006, {errc::timed_out, {}});
        });
    }

    template <class... Arguments>
    void tell(std::function<void(Arguments...)> ws_handlers::* handler, std::type_identity_t<Arguments>... arguments) {
        if (owner_ && owner_->handlers_.*handler) (owner_->handlers_.*handler)(arguments...);
    }

    void finish(std::uint16_t code, const error& why) {
        if (std::exchange(finished_, true)) return;
        open_ = false;
        std::error_code ignored;
        timer_.cancel();
        resolver_.cancel();
        socket_.shutdown(tcp_socket::shutdown_both, ignored);
        socket_.close(ignored);
        auto* owner = std::exchange(owner_, nullptr);
        if (!owner) return;
        if (owner->session_.get() == this) owner->session_.reset();
        if (owner->handlers_.closed) owner->handlers_.closed(code, why);
    }

    struct draw_mask {
        crypto::system_random* random;
        ws::mask_key operator()() const {
            ws::mask_key out;
            if (!random->fill(out)) std::abort();  // a predictable mask would let the sender's data pose as frames
            return out;
        }
    };

    ws_socket* owner_;
    ws_address where_;
    [[maybe_unused]] const tls_context* secure_;
    tcp_socket socket_;
    asio::ip::basic_resolver<tcp, executor> resolver_;
    steady_timer timer_;
    ws_socket::limits limits_;
    crypto::system_random random_;
    draw_mask masks_{&random_};
    ws::connection peer_;
    std::optional<ws::client_handshake> handshake_;
#if AGENTMESH_TLS
    std::optional<tls_channel> tls_;
    buffer plain_;
#endif
    output_queue out_;   ///< frames
    output_queue wire_;  ///< what the socket gets
    std::array<std::uint8_t, 16 * 1024> input_;
    bool open_ = false;
    bool writing_ = false;
    bool finished_ = false;
};

inline ws_socket::ws_socket(asio::io_context& io, ws_handlers handlers)
    : ws_socket{io, std::move(handlers), limits{}} {}
inline ws_socket::ws_socket(asio::io_context& io, ws_handlers handlers, const limits& bounds)
    : io_{io}, handlers_{std::move(handlers)}, limits_{bounds} {}

inline ws_socket::~ws_socket() {
    if (session_) session_->abandon();
}

inline void ws_socket::open(const ws_address& where, const tls_context* secure) {
    assert(!session_);
    session_ = std::make_shared<session>(*this, where, secure);
    session_->start();
}

// A failed write ends the session, which must outlive the call that found out.
inline result<void> ws_socket::send_text(std::string_view text) {
    const auto held = session_;
    return held ? held->send_text(text) : fail(errc::ws_closed);
}
inline result<void> ws_socket::close(std::uint16_t code, std::string_view reason) {
    const auto held = session_;
    return held ? held->close(code, reason) : fail(errc::ws_closed);
}
inline bool ws_socket::is_open() const noexcept { return session_ && session_->is_open(); }

}  // namespace agentmesh::net
