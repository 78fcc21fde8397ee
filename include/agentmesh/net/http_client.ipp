// Bodies of http_client.hpp.
#pragma once

namespace agentmesh::net {

inline result<ws_address> parse_http_url(std::string_view url) {
    const bool secure = url.starts_with("https://");
    if (!secure && !url.starts_with("http://")) return fail(errc::http_malformed);
    return parse_ws_url((secure ? "wss://" : "ws://") + std::string{url.substr(secure ? 8 : 7)});
}

/// One connection from dial to end. Shared with its own outstanding operations; the client lets go of it first.
class http_client::session : public std::enable_shared_from_this<session> {
public:
    explicit session(http_client& owner)
        : owner_{&owner},
          where_{owner.where_},
          secure_{owner.secure_},
          limits_{owner.limits_},
          socket_{owner.io_},
          resolver_{owner.io_},
          timer_{owner.io_},
          link_{owner.host_, owner.limits_.answer} {}

    [[nodiscard]] bool ready() const noexcept { return connected_ && !finished_ && link_.ready(); }

    void start() {
        arm(limits_.open_time);
        resolver_.async_resolve(where_.host, std::to_string(where_.port),
                                [self = shared_from_this()](const std::error_code& failed, const auto& found) {
                                    if (failed) return self->finish({errc::io_failed, {}});
                                    self->connect(found);
                                });
    }

    void send(const http::request& what) {
        if (const auto sent = link_.send(out_, what, clock_.now()); !sent) return finish(sent.error());
        arm(limits_.answer.answer_time);
        write();
    }

    /// The owner does not want to hear of it any more.
    void abandon() {
        owner_ = nullptr;
        finish({});
    }

private:
    template <class Found>
    void connect(const Found& found) {
        if (finished_) return;
        asio::async_connect(socket_, found, [self = shared_from_this()](const std::error_code& failed, const auto&) {
            if (failed) return self->finish({errc::io_failed, {}});
            self->connected();
        });
    }

    void connected() {
        if (finished_) return;
        std::error_code ignored;
        socket_.set_option(tcp::no_delay{true}, ignored);
        socket_.non_blocking(true, ignored);
#if AGENTMESH_TLS
        if (where_.secure) {
            if (!secure_) return finish({errc::tls_failed, {}});
            auto channel = tls_channel::connect(*secure_, where_.host);
            if (!channel) return finish(channel.error());
            tls_.emplace(std::move(*channel));
        }
#else
        if (where_.secure) return finish({errc::tls_failed, {}});
#endif
        connected_ = true;
        read();
        if (owner_ && !owner_->questions_.empty()) send(owner_->questions_.front().what);
    }

    void read() {
        socket_.async_read_some(asio::buffer(input_),
                                [self = shared_from_this()](const std::error_code& failed, std::size_t size) {
                                    if (self->finished_) return;
                                    if (failed) return self->ended();
                                    self->receive({self->input_.data(), size});
                                    if (!self->finished_) self->read();
                                });
    }

    void receive(byte_view bytes) {
#if AGENTMESH_TLS
        if (tls_) {
            if (!tls_->feed(bytes)) return finish({errc::tls_failed, {}});
            plain_.resize(input_.size());
            while (!finished_) {
                const auto size = tls_->read(plain_);
                if (!size) {
                    if (size.error().code == errc::ws_closed) return ended();
                    return finish(size.error());
                }
                if (*size == 0) break;
                receive_plain({plain_.data(), *size});
            }
            return write();  // the handshake's next flight, and what waited for its end
        }
#endif
        receive_plain(bytes);
    }

    void receive_plain(byte_view bytes) {
        auto got = link_.feed(bytes);
        if (!got) return finish(got.error());
        if (*got) answer(**std::move(got));
    }

    /// The server says no more. Over TLS a bare end of TCP is not believed to end an answer: anybody on the way can say
    /// it.
    void ended() {
#if AGENTMESH_TLS
        if (tls_ && link_.awaiting() && !tls_said_so()) return finish({errc::io_failed, "AM-HTP-012"});
#endif
        auto got = link_.on_end();
        if (!got) return finish(got.error());
        if (*got) return answer(**std::move(got));
        finish({});
    }

#if AGENTMESH_TLS
    bool tls_said_so() {
        std::array<std::uint8_t, 1> none;
        const auto size = tls_->read(none);
        return !size && size.error().code == errc::ws_closed;
    }
#endif

    void answer(http::response got) {
        arm(limits_.idle_time);
        auto* owner = owner_;
        if (link_.ended()) {
            owner_ = nullptr;
            if (owner && owner->session_.get() == this) owner->session_.reset();
            finish({});
        }
        if (owner) owner->settle(got);
    }

    void write() {
        if (writing_ || finished_) return;
        while (refill() && !wire_.empty()) {
            std::error_code failed;
            const auto sent = socket_.write_some(asio::buffer(wire_.data(), wire_.size()), failed);
            if (failed == asio::error::would_block || failed == asio::error::try_again) return wait_writable();
            // The reader finds out too, after what the server said before it closed: a refusal, perhaps.
            if (failed) return wire_.consume(wire_.size());
            wire_.consume(sent);
        }
    }

    /// Moves what is to be said into what is written; encrypted, where TLS is on. False if that was impossible.
    bool refill() {
#if AGENTMESH_TLS
        if (tls_) {
            if (tls_->established() && !out_.empty()) {
                if (!tls_->write(out_.front())) {
                    finish({errc::tls_failed, {}});
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
            // One that was due when it was set anew comes all the same.
            if (!cancelled && self->timer_.expiry() <= std::chrono::steady_clock::now())
                self->finish({errc::timed_out, {}});
        });
    }

    void finish(const error& why) {
        if (std::exchange(finished_, true)) return;
        std::error_code ignored;
        timer_.cancel();
        resolver_.cancel();
        socket_.shutdown(tcp_socket::shutdown_both, ignored);
        socket_.close(ignored);
        auto* owner = std::exchange(owner_, nullptr);
        if (!owner) return;
        if (owner->session_.get() == this) owner->session_.reset();
        const bool silent = connected_ && !link_.answer_began() && why.code != errc::timed_out;
        owner->lost(silent, why.code == errc{} ? error{errc::io_failed, {}} : why);
    }

    http_client* owner_;
    ws_address where_;
    [[maybe_unused]] const tls_context* secure_;
    http_client::limits limits_;
    tcp_socket socket_;
    asio::ip::basic_resolver<tcp, executor> resolver_;
    steady_timer timer_;
    http::client_connection link_;
    system_clock clock_;
#if AGENTMESH_TLS
    std::optional<tls_channel> tls_;
    buffer plain_;
#endif
    output_queue out_;   ///< requests
    output_queue wire_;  ///< what the socket gets
    std::array<std::uint8_t, 16 * 1024> input_;
    bool connected_ = false;
    bool writing_ = false;
    bool finished_ = false;
};

inline http_client::http_client(asio::io_context& io, ws_address where, const tls_context* secure)
    : http_client{io, std::move(where), secure, limits{}} {}
inline http_client::http_client(asio::io_context& io, ws_address where, const tls_context* secure, const limits& bounds)
    : io_{io}, where_{std::move(where)}, secure_{secure}, limits_{bounds}, host_{where_.authority()} {}

inline http_client::~http_client() {
    if (session_) session_->abandon();
}

inline result<void> http_client::ask(http::request what, answered done) {
    if (!http::detail::can_be_sent(what, host_)) return fail(errc::http_malformed, "AM-HTP-014");
    if (questions_.size() >= limits_.waiting) return fail(errc::queue_full);
    questions_.push_back({std::move(what), std::move(done)});
    next();
    return {};
}

inline void http_client::next() {
    if (busy_ || questions_.empty()) return;
    busy_ = true;
    reused_ = session_ && session_->ready();
    if (reused_) {
        const auto held = session_;  // a failed write ends it within the call
        return held->send(questions_.front().what);
    }
    if (session_) std::exchange(session_, nullptr)->abandon();
    session_ = std::make_shared<session>(*this);
    session_->start();
}

inline void http_client::settle(const result<http::response>& outcome) {
    if (!busy_) return;
    const auto first = std::move(questions_.front());
    questions_.pop_front();
    busy_ = false;
    if (first.done) first.done(outcome);
    next();
}

inline void http_client::lost(bool before_answer, const error& why) {
    if (!busy_) return;  // an idle connection ended, as they do
    auto& first = questions_.front();
    const bool harmless = first.what.method == "GET" || first.what.method == "HEAD";
    if (before_answer && reused_ && harmless && !std::exchange(first.again, true)) {
        busy_ = false;
        return next();
    }
    settle(fail(why));
}

}  // namespace agentmesh::net
