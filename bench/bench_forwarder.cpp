// The floor under every relay: an Asio server that joins each two connections it accepts and copies what it reads
// from one to the other, without looking at it. What a relay costs above this is framing, checking and routing.
//
// usage: bench_forwarder        prints "listening PORT", runs until SIGTERM
#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/signal_set.hpp>
#include <asio/write.hpp>

#include <array>
#include <iostream>
#include <memory>

namespace {

using socket_type = asio::basic_stream_socket<asio::ip::tcp, asio::io_context::executor_type>;
using acceptor_type = asio::basic_socket_acceptor<asio::ip::tcp, asio::io_context::executor_type>;

// Owns both connections; lives until both have ended.
class pair_of_peers : public std::enable_shared_from_this<pair_of_peers> {
public:
    pair_of_peers(socket_type one, socket_type other) : peers_{std::move(one), std::move(other)} {}

    void start() {
        for (std::size_t i : {0u, 1u}) {
            peers_[i].non_blocking(true);
            peers_[i].set_option(asio::ip::tcp::no_delay{true});
            copy(i);
        }
    }

private:
    void copy(std::size_t from) {
        auto& bytes = buffers_[from];
        peers_[from].async_read_some(
            asio::buffer(bytes), [self = shared_from_this(), from](const std::error_code& failed, std::size_t size) {
                if (failed) return self->end();
                self->write(from, size);
            });
    }
    void write(std::size_t from, std::size_t size) {
        auto& to = peers_[1 - from];
        std::error_code failed;
        const auto sent = to.write_some(asio::buffer(buffers_[from].data(), size), failed);
        if (failed && failed != asio::error::would_block) return end();
        if (sent == size) return copy(from);
        asio::async_write(to, asio::buffer(buffers_[from].data() + sent, size - sent),
                          [self = shared_from_this(), from](const std::error_code& broken, std::size_t) {
                              if (broken) return self->end();
                              self->copy(from);
                          });
    }
    void end() {
        std::error_code ignored;
        for (auto& peer : peers_) peer.close(ignored);
    }

    std::array<socket_type, 2> peers_;
    std::array<std::array<char, 16 * 1024>, 2> buffers_;
};

void accept_pairs(acceptor_type& acceptor) {
    acceptor.async_accept([&acceptor](const std::error_code& failed, socket_type one) {
        if (failed) return;
        acceptor.async_accept(
            [&acceptor, one = std::move(one)](const std::error_code& broken, socket_type other) mutable {
                if (broken) return;
                std::make_shared<pair_of_peers>(std::move(one), std::move(other))->start();
                accept_pairs(acceptor);
            });
    });
}

}  // namespace

int main() {
    asio::io_context io{1};
    acceptor_type acceptor{io, {asio::ip::address_v4::loopback(), 0}};
    accept_pairs(acceptor);
    asio::signal_set signals{io, SIGTERM, SIGINT};
    signals.async_wait([&](const std::error_code&, int) { io.stop(); });
    std::cout << "listening " << acceptor.local_endpoint().port() << std::endl;
    io.run();
}
