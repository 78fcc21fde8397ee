// Bodies of net/dns_client.hpp.
#pragma once

#include <asio/connect.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>

#include <charconv>
#include <fstream>

namespace agentmesh::net {

inline result<asio::ip::udp::endpoint> parse_name_server(std::string_view text) {
    const auto refused = fail(errc::wrong_member);
    std::string host{text};
    std::uint16_t port = 53;
    const auto colon = text.rfind(':');
    const bool bracketed = text.starts_with('[');
    if (bracketed || (colon != text.npos && text.find(':') == colon)) {
        const auto end = bracketed ? text.find(']') : colon;
        if (end == text.npos) return refused;
        host = std::string{text.substr(bracketed ? 1 : 0, bracketed ? end - 1 : end)};
        auto rest = text.substr(bracketed ? end + 1 : end);
        if (!rest.empty()) {
            if (rest.front() != ':') return refused;
            rest.remove_prefix(1);
            const auto [stop, wrong] = std::from_chars(rest.data(), rest.data() + rest.size(), port);
            if (wrong != std::errc{} || stop != rest.data() + rest.size() || port == 0) return refused;
        }
    }
    std::error_code wrong;
    const auto address = asio::ip::make_address(host, wrong);
    if (wrong) return refused;
    return asio::ip::udp::endpoint{address, port};
}

inline name_servers read_name_servers(const std::string& file) {
    name_servers out;
    std::ifstream in{file};
    for (std::string word, line; out.size() < 3 && std::getline(in, line);) {
        if (!line.starts_with("nameserver")) continue;
        const auto begin = line.find_first_not_of(" \t", 10);
        if (begin == line.npos || begin == 10) continue;
        word = line.substr(begin, line.find_first_of(" \t\r", begin) - begin);
        if (const auto one = parse_name_server(word)) out.push_back(*one);
    }
    return out;
}

/// One lookup, kept alive by its own operations and by the client.
class dns_client::lookup : public std::enable_shared_from_this<lookup> {
public:
    lookup(dns_client& owner, std::string name, answered done)
        : owner_{&owner},
          machine_{std::move(name), owner.servers_.size()},
          done_{std::move(done)},
          datagram_{owner.io_},
          stream_{owner.io_},
          timer_{owner.io_} {}

    void start() {
        actions out{*this};
        if (const auto begun = machine_.start(clock_.now(), random_, out); !begun) finish(fail(begun.error()));
        arm();
    }
    void abandon() {
        owner_ = nullptr;
        finish(fail(errc::io_failed));
    }

private:
    /// The machine's sink. It is told of a socket that cannot be had only after it has returned.
    struct actions {
        lookup& self;
        void ask_datagram(std::size_t server, byte_view bytes) const { self.ask_datagram(server, bytes); }
        void ask_stream(std::size_t server, byte_view bytes) const { self.ask_stream(server, bytes); }
        void answered(result<std::vector<std::string>> texts) const { self.finish(std::move(texts)); }
    };

    void ask_datagram(std::size_t server, byte_view bytes) {
        close();
        const auto use = use_;
        const auto to = owner_->servers_[server];
        std::error_code failed;
        datagram_.open(to.protocol(), failed);
        // Connected: the system takes nothing from anybody else, and chooses a port that nobody can know.
        if (!failed) datagram_.connect(to, failed);
        if (!failed) datagram_.send(asio::buffer(bytes.data(), bytes.size()), 0, failed);
        if (failed) return broken(use);
        receive(use);
    }

    void receive(std::uint32_t use) {
        datagram_.async_receive(
            asio::buffer(input_), [self = shared_from_this(), use](const std::error_code& failed, std::size_t size) {
                if (self->stale(use)) return;
                if (failed) return self->on_broken();
                actions out{*self};
                self->machine_.on_datagram({self->input_.data(), size}, self->clock_.now(), self->random_, out);
                if (!self->stale(use)) self->receive(use);
                self->arm();
            });
    }

    void ask_stream(std::size_t server, byte_view bytes) {
        close();
        const auto use = use_;
        const auto to = owner_->servers_[server];
        output_ = {static_cast<std::uint8_t>(bytes.size() >> 8), static_cast<std::uint8_t>(bytes.size())};
        output_.insert(output_.end(), bytes.begin(), bytes.end());
        stream_.async_connect({to.address(), to.port()},
                              [self = shared_from_this(), use](const std::error_code& failed) {
                                  if (self->stale(use)) return;
                                  if (failed) return self->on_broken();
                                  asio::async_write(self->stream_, asio::buffer(self->output_),
                                                    [self, use](const std::error_code& wrong, std::size_t) {
                                                        if (self->stale(use)) return;
                                                        if (wrong) return self->on_broken();
                                                        self->read_stream(use);
                                                    });
                              });
    }

    void read_stream(std::uint32_t use) {
        asio::async_read(stream_, asio::buffer(input_.data(), 2),
                         [self = shared_from_this(), use](const std::error_code& failed, std::size_t) {
                             if (self->stale(use)) return;
                             if (failed) return self->on_broken();
                             const std::size_t size = self->input_[0] << 8 | self->input_[1];
                             self->read_message(use, size);
                         });
    }
    void read_message(std::uint32_t use, std::size_t size) {
        asio::async_read(stream_, asio::buffer(input_.data(), size),
                         [self = shared_from_this(), use](const std::error_code& failed, std::size_t got) {
                             if (self->stale(use)) return;
                             if (failed) return self->on_broken();
                             actions out{*self};
                             self->machine_.on_stream({self->input_.data(), got}, self->clock_.now(), self->random_,
                                                      out);
                             self->arm();
                         });
    }

    void broken(std::uint32_t use) {
        asio::post(timer_.get_executor(), [self = shared_from_this(), use] {
            if (!self->stale(use)) self->on_broken();
        });
    }
    void on_broken() {
        actions out{*this};
        machine_.on_failure(clock_.now(), random_, out);
        arm();
    }

    [[nodiscard]] bool stale(std::uint32_t use) const noexcept { return finished_ || use != use_; }

    void close() {
        ++use_;
        std::error_code ignored;
        datagram_.close(ignored);
        stream_.close(ignored);
    }

    void arm() {
        const auto next = machine_.next_deadline();
        if (finished_ || !next) return;
        timer_.expires_at(to_std(*next));
        timer_.async_wait([self = shared_from_this()](const std::error_code& cancelled) {
            if (cancelled || self->finished_) return;
            actions out{*self};
            self->machine_.on_deadline(self->clock_.now(), self->random_, out);
            self->arm();
        });
    }

    void finish(result<std::vector<std::string>> texts) {
        if (std::exchange(finished_, true)) return;
        close();
        timer_.cancel();
        if (owner_) owner_->open_.erase(shared_from_this());
        asio::post(timer_.get_executor(), [done = std::move(done_), texts = std::move(texts)] { done(texts); });
    }

    dns_client* owner_;
    registry::text_lookup machine_;
    answered done_;
    asio::basic_datagram_socket<asio::ip::udp, executor> datagram_;
    tcp_socket stream_;
    steady_timer timer_;
    system_clock clock_;
    crypto::system_random random_;
    buffer input_ = buffer(registry::dns_limits::message);
    buffer output_;
    std::uint32_t use_ = 0;  ///< of the sockets: what comes from an earlier one is no longer wanted
    bool finished_ = false;
};

inline void dns_client::ask(std::string name, answered done) {
    if (open_.size() >= at_once) {
        asio::post(io_, [done = std::move(done)] { done(fail(errc::queue_full)); });
        return;
    }
    const auto one = std::make_shared<lookup>(*this, std::move(name), std::move(done));
    open_.insert(one);
    one->start();
}

inline void dns_client::stop() {
    const auto all = std::exchange(open_, {});
    for (const auto& one : all) one->abandon();
}

}  // namespace agentmesh::net
