// One connection of http_server, from accept to end.
#pragma once

namespace agentmesh::net {

/// Held by the server's list until it is destroyed, and by its own outstanding operations.
template <HttpHandler Handler>
class http_server<Handler>::session : public std::enable_shared_from_this<session> {
public:
    typename sessions::iterator place{};  ///< in the server's list

    session(http_server& server, tcp_socket socket, std::string address, std::uint32_t id)
        : server_{server},
          socket_{std::move(socket)},
          timer_{server.io_},
          address_{std::move(address)},
          link_{server.options_.limits, server.clock_.now()},
          id_{id} {}

    [[nodiscard]] const std::string& address() const noexcept { return address_; }

    void start() {
#if AGENTMESH_TLS
        if (server_.tls_) {
            auto channel = tls_channel::accept(*server_.tls_);
            if (!channel) return destroy();
            tls_ = std::make_unique<tls_channel>(std::move(*channel));
        }
#endif
        if (server_.stopping_) return destroy();
        arm();
        wait_readable();
    }

    /// Ends at once when idle, or else after the request that is under way.
    void stop() {
        link_.end_after_answer();
        if (life_ != life::serving || !idle()) return;
        life_ = life::flushing;
        write();
    }

    /// Closes without a further word.
    void destroy() {
        if (std::exchange(life_, life::gone) == life::gone) return;
        const auto held = this->shared_from_this();
        std::error_code ignored;
        timer_.cancel();
        socket_.close(ignored);
        server_.forget(*this);
    }

private:
    enum class life : std::uint8_t { serving, flushing, lingering, gone };

    static constexpr std::size_t enough_output = 64 * 1024;  ///< is written before further requests are taken
    static constexpr int requests_a_round = 16;  ///< so that one peer's queue does not keep the others waiting

    [[nodiscard]] bool idle() const noexcept {
        return link_.idle() && unread_.empty() && out_.empty() && wire_.empty();
    }

    // --- reading ---

    void wait_readable() {
        if (std::exchange(reading_, true)) return;
        socket_.async_wait(tcp_socket::wait_read, [self = this->shared_from_this()](const std::error_code&) {
            self->reading_ = false;
            if (self->life_ != life::gone) self->read();  // an error shows itself in the read
        });
    }

    void read() {
        std::error_code failed;
        const auto size = socket_.read_some(asio::buffer(server_.input_), failed);
        if (failed == asio::error::would_block || failed == asio::error::try_again) return wait_readable();
        // Nothing is read while an answer waits to be taken: whoever ends now has had all that was due, or left.
        if (failed) return destroy();
        server_.count_.bytes_received += size;
        const byte_view bytes{server_.input_.data(), size};
        if (life_ == life::lingering) {
            lingered_ += size;
            return lingered_ > server_.options_.linger_bytes ? destroy() : wait_readable();
        }
        if (!decrypt(bytes)) return;
        serve();
    }

    /// Appends what `bytes` say to `unread_`. False where the connection ended by it.
    bool decrypt(byte_view bytes) {
#if AGENTMESH_TLS
        if (tls_) {
            if (!tls_->feed(bytes)) return tls_failed();
            while (true) {
                const auto size = tls_->read(server_.plain_);
                if (!size) {
                    if (size.error().code != errc::ws_closed) return tls_failed();
                    // The peer says no more; what it asked before is answered.
                    link_.end_after_answer();
                    said_goodbye_ = true;
                    return true;
                }
                if (*size == 0) return true;
                unread_.insert(unread_.end(), server_.plain_.begin(),
                               server_.plain_.begin() + static_cast<std::ptrdiff_t>(*size));
            }
        }
#endif
        unread_.insert(unread_.end(), bytes.begin(), bytes.end());
        return true;
    }

    bool tls_failed() {
        ++server_.count_.tls_failures;
        server_.log(log_level::debug, "tls_failed", {.connection = id_});
        out_.consume(out_.size());
        life_ = life::flushing;
        write();  // the alert
        return false;
    }

    // --- answering ---

    void serve() {
        byte_view input{unread_};
        const auto now = server_.clock_.now();
        for (int i = 0; i < requests_a_round && !link_.ended() && out_.size() < enough_output; ++i) {
            auto asked = link_.feed(input, out_, now);
            if (!asked) {
                ++server_.count_.refused_requests;
                server_.log(log_level::info, "request_refused",
                            {.connection = id_,
                             .clause = asked.error().clause,
                             .detail = describe(asked.error().code),
                             .number = http::refusal_status(asked.error().code)});
                link_.refuse(out_, asked.error());
                break;
            }
            if (!*asked) break;
            if constexpr (LaterHttpHandler<Handler>) {
                const auto given = server_.handler_(std::move(**asked), address_, now, way_back());
                if (!given) {
                    answer_by_ = now.steady + server_.options_.answer_time;
                    break;
                }
                answer(*given, now);
            } else {
                answer(server_.handler_(**asked, address_, now), now);
            }
        }
        unread_.erase(unread_.begin(), unread_.end() - static_cast<std::ptrdiff_t>(input.size()));
        if (unread_.empty()) unread_.shrink_to_fit();
        if (!answer_by_ && (link_.ended() || (said_goodbye_ && unread_.empty()))) life_ = life::flushing;
        write();
    }

    void answer(const http::response& given, const moment& now) {
        ++server_.count_.answers[std::min<std::size_t>(given.status / 100, 5)];
        server_.log(log_level::debug, "answered", {.connection = id_, .number = given.status});
        link_.answer(out_, given, now);
    }

    /// For the request that was taken last, and for no other.
    [[nodiscard]] http_reply way_back() {
        return [where = this->weak_from_this(), &io = server_.io_, asked = ++asked_](http::response given) {
            asio::post(io, [where, asked, given = std::move(given)] {
                const auto self = where.lock();
                if (self && self->asked_ == asked && self->answer_by_) self->answer_later(given);
            });
        };
    }

    void answer_later(const http::response& given) {
        if (life_ != life::serving) return;
        answer_by_.reset();
        answer(given, server_.clock_.now());
        serve();
    }

    // --- writing ---

    void write() {
        if (writing_ || life_ == life::gone) return;
        while (refill() && !wire_.empty()) {
            std::error_code failed;
            const auto sent = socket_.write_some(asio::buffer(wire_.data(), wire_.size()), failed);
            if (failed == asio::error::would_block || failed == asio::error::try_again) return wait_writable();
            if (failed) return destroy();
            server_.count_.bytes_sent += sent;
            wire_.consume(sent);
        }
        if (life_ != life::gone) written();
    }

    /// Moves what is to be said into what is written; encrypted, where TLS is on. False if that was impossible.
    bool refill() {
#if AGENTMESH_TLS
        if (tls_) {
            if (tls_->established() && !out_.empty()) {
                if (!tls_->write(out_.front())) {
                    destroy();
                    return false;
                }
                out_.consume(out_.size());
                out_.release(server_.pool_);
            }
            const auto size = tls_->pending_output();
            if (size > 0) {
                wire_.adopt(server_.pool_);
                wire_.commit(tls_->take_output({wire_.prepare(size), size}));
            }
            return true;
        }
#endif
        if (wire_.empty()) std::swap(wire_, out_);
        return true;
    }

    /// All that could be said is with the system.
    void written() {
        write_by_.reset();
        if (wire_.has_storage()) wire_.release(server_.pool_);
        if (life_ == life::flushing) return finish();
        if (answer_by_) {
            // Nothing is read meanwhile: what the peer sends next waits with the system.
        } else if (!unread_.empty()) {
            asio::post(server_.io_, [self = this->shared_from_this()] {
                if (self->life_ == life::serving && !self->answer_by_) self->serve();
            });
        } else if (server_.stopping_ && idle()) {
            return finish();
        } else {
            wait_readable();
        }
        arm();
    }

    void wait_writable() {
        writing_ = true;
        // Once for all that waits: taking a byte now and then buys no time.
        if (!write_by_) write_by_ = server_.clock_.now().steady + server_.options_.write_time;
        arm();
        socket_.async_wait(tcp_socket::wait_write, [self = this->shared_from_this()](const std::error_code&) {
            self->writing_ = false;
            self->write();
        });
    }

    // --- ending ---

    /// The last answer is out. The peer's end is waited for: closing over bytes of its that nobody read would reset the
    /// connection, and take the answer away from it.
    void finish() {
        life_ = life::lingering;
        std::error_code ignored;
#if AGENTMESH_TLS
        if (tls_ && tls_->established()) {
            tls_->close_notify();
            std::array<std::uint8_t, 256> goodbye;
            const auto size = tls_->take_output(goodbye);
            socket_.write_some(asio::buffer(goodbye.data(), size), ignored);  // best effort
        }
        tls_.reset();
#endif
        unread_ = {};
        socket_.shutdown(tcp_socket::shutdown_send, ignored);
        linger_by_ = server_.clock_.now().steady + server_.options_.linger_time;
        arm();
        wait_readable();
    }

    // --- time ---

    [[nodiscard]] std::optional<steady_point> due() const noexcept {
        if (life_ == life::lingering) return linger_by_;
        if (write_by_) return write_by_;
        return answer_by_ ? answer_by_ : link_.next_deadline();
    }

    /// A timer that is due earlier stays: it will look again.
    void arm() {
        const auto next = due();
        if (!next || life_ == life::gone || (armed_for_ && *armed_for_ <= *next)) return;
        armed_for_ = next;
        timer_.expires_at(to_std(*next));
        timer_.async_wait([self = this->shared_from_this()](const std::error_code& cancelled) {
            if (cancelled || self->life_ == life::gone) return;
            self->armed_for_.reset();
            self->on_timer();
        });
    }

    void on_timer() {
        const auto next = due();
        if (!next || *next > server_.clock_.now().steady) return arm();
        if (life_ == life::lingering) return destroy();
        if (write_by_) {
            ++server_.count_.slow_readers;
            server_.log(log_level::info, "slow_reader", {.connection = id_});
            return destroy();
        }
        if (answer_by_) {
            ++server_.count_.slow_answers;
            server_.log(log_level::info, "slow_answer", {.connection = id_});
            link_.end_after_answer();
            return answer_later(http::response::json(504, R"({"error":"the answer is not ready in time"})"));
        }
        if (!link_.idle()) {
            ++server_.count_.slow_requests;
            server_.log(log_level::info, "slow_request", {.connection = id_, .clause = "AM-HTP-004"});
        }
        link_.on_deadline(out_);
        life_ = life::flushing;
        write();
    }

    http_server& server_;
    tcp_socket socket_;
    steady_timer timer_;
    std::string address_;  ///< what its connections and its requests are counted under
    http::server_connection link_;
#if AGENTMESH_TLS
    std::unique_ptr<tls_channel> tls_;
#endif
    buffer unread_;      ///< decrypted input that was not taken yet
    output_queue out_;   ///< answers
    output_queue wire_;  ///< what the socket gets
    std::optional<steady_point> write_by_;
    std::optional<steady_point> answer_by_;  ///< while an answer is to come later
    std::optional<steady_point> armed_for_;
    steady_point linger_by_{};
    std::size_t lingered_ = 0;
    std::uint64_t asked_ = 0;  ///< requests handed on, so that an answer that is late meets no other
    std::uint32_t id_;
    life life_ = life::serving;
    bool reading_ = false;
    bool writing_ = false;
    bool said_goodbye_ = false;
};

}  // namespace agentmesh::net
