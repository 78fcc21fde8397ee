// A plain blocking agent for tests of programs, over TCP or TLS. Every wait is bounded.
#pragma once

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/identity/local_identity.hpp>
#include <agentmesh/net/system_clock.hpp>
#include <agentmesh/net/tls.hpp>
#include <agentmesh/wire/client_writer.hpp>
#include <agentmesh/ws/connection.hpp>

#include <nlohmann/json.hpp>

#include <cstring>
#include <optional>
#include <stdexcept>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/// Bytes to and from 127.0.0.1.
class wire_link {
public:
    explicit wire_link(std::uint16_t port, const agentmesh::net::tls_context* secure = nullptr,
                       int receive_buffer = 0) {
        fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const int on = 1;
        ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (receive_buffer > 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_port = htons(port);
        where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(fd_, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0)
            throw std::runtime_error{std::string{"connect: "} + std::strerror(errno)};
        if (!secure) return;
        tls_.emplace(agentmesh::net::tls_channel::connect(*secure, "127.0.0.1").value());
        while (!tls_->established()) {
            flush();
            (void)receive();
        }
        flush();
    }
    ~wire_link() { close(); }
    wire_link(const wire_link&) = delete;
    wire_link& operator=(const wire_link&) = delete;

    void close() noexcept {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }

    void send(std::string_view bytes) {
        if (!tls_) return send_plain(bytes);
        if (!tls_->write(agentmesh::as_bytes(bytes))) throw std::runtime_error{"tls"};
        flush();
    }
    /// Some bytes; waits for them. Nothing at the end of the stream. Throws for a reset, and after 20 seconds.
    [[nodiscard]] std::optional<std::string> receive() {
        if (tls_) {
            if (auto ready = decrypted(); !ready || !ready->empty()) return ready;
        }
        pollfd ready{fd_, POLLIN, 0};
        if (::poll(&ready, 1, 20'000) != 1) throw std::runtime_error{"waited in vain"};
        char bytes[65536];
        const auto size = ::recv(fd_, bytes, sizeof bytes, 0);
        if (size < 0) throw std::runtime_error{std::string{"recv: "} + std::strerror(errno)};
        if (size == 0) return std::nullopt;
        const std::string_view got{bytes, static_cast<std::size_t>(size)};
        if (!tls_) return std::string{got};
        if (!tls_->feed(agentmesh::as_bytes(got))) throw std::runtime_error{"tls"};
        auto plain = decrypted();
        flush();
        return plain;
    }
    [[nodiscard]] std::string receive_to_end() {
        std::string out;
        while (auto more = receive()) out += *more;
        return out;
    }
    /// Whether anything can be read at once, or within `milliseconds`.
    [[nodiscard]] bool readable(int milliseconds = 0) const {
        pollfd ready{fd_, POLLIN, 0};
        return ::poll(&ready, 1, milliseconds) == 1;
    }

private:
    void send_plain(std::string_view bytes) const {
        while (!bytes.empty()) {
            const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent < 0) throw std::runtime_error{std::string{"send: "} + std::strerror(errno)};
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
    }
    void flush() {
        agentmesh::buffer out(tls_->pending_output());
        out.resize(tls_->take_output(out));
        send_plain(agentmesh::as_text(out));
    }
    [[nodiscard]] std::optional<std::string> decrypted() {
        agentmesh::buffer plain(65536);
        const auto size = tls_->read(plain);
        if (!size && size.error().code == agentmesh::errc::ws_closed) return std::nullopt;
        if (!size) throw std::runtime_error{"tls"};
        return std::string{agentmesh::as_text(agentmesh::byte_view{plain}.first(*size))};
    }

    int fd_ = -1;
    std::optional<agentmesh::net::tls_channel> tls_;
};

class test_agent {
public:
    /// Connects and upgrades; not logged in yet.
    explicit test_agent(std::uint16_t port, const agentmesh::net::tls_context* secure = nullptr, int receive_buffer = 0)
        : link_{port, secure, receive_buffer} {
        link_.send(
            "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
        while (rest_.find("\r\n\r\n") == std::string::npos) {
            auto more = link_.receive();
            if (!more) throw std::runtime_error{"no upgrade: " + rest_};
            rest_ += *more;
        }
        if (rest_.substr(0, 12) != "HTTP/1.1 101") throw std::runtime_error{"no upgrade: " + rest_};
        rest_.erase(0, rest_.find("\r\n\r\n") + 4);
    }

    /// @return the relay's answer
    nlohmann::json log_in() {
        using namespace agentmesh;
        const auto time = format_time(net::system_clock{}.now().wall);
        public_key = to_base64(self_.signing().public_key().bytes(), base64_form::standard_padded);
        signature = to_base64(self_.signing().sign(as_bytes(time)).bytes(), base64_form::standard_padded);
        send_text(wire::connect_text(
            {.amid = self_.name().text(), .public_key = public_key, .timestamp = time, .signature = signature}));
        return next_json();
    }
    [[nodiscard]] std::string name() const { return std::string{self_.name().text()}; }

    void send_text(std::string_view text) { send_frame(agentmesh::ws::opcode::text, text); }
    void send_frame(agentmesh::ws::opcode op, std::string_view payload) {
        std::string out;
        agentmesh::ws::append_masked_frame(out, {1, 2, 3, 4}, op, payload);
        link_.send(out);
    }
    void send_message(const std::string& to, std::string_view payload) {
        send_text(agentmesh::wire::send_text(to, payload, agentmesh::wire::message_type::message));
    }

    struct frame {
        agentmesh::ws::opcode op{};
        std::string payload;

        [[nodiscard]] unsigned close_code() const {
            if (op != agentmesh::ws::opcode::close || payload.size() < 2) return 0;
            return static_cast<unsigned char>(payload[0]) * 256u + static_cast<unsigned char>(payload[1]);
        }
    };
    /// The next frame; nothing at the end of the stream. Pings are answered in passing.
    [[nodiscard]] std::optional<frame> next() {
        while (true) {
            agentmesh::ws::frame_header header;
            const auto size = decode_header(header, agentmesh::as_bytes(rest_), agentmesh::ws::role::client).value();
            const auto length = static_cast<std::size_t>(header.length);
            if (size == 0 || rest_.size() < size + length) {
                auto more = link_.receive();
                if (!more) return std::nullopt;
                rest_ += *more;
                continue;
            }
            frame out{header.op, rest_.substr(size, length)};
            rest_.erase(0, size + length);
            if (out.op != agentmesh::ws::opcode::ping) return out;
            send_frame(agentmesh::ws::opcode::pong, out.payload);
        }
    }
    [[nodiscard]] nlohmann::json next_json() {
        const auto got = next();
        if (!got || got->op != agentmesh::ws::opcode::text) throw std::runtime_error{"no text frame"};
        return nlohmann::json::parse(got->payload);
    }
    /// Waits for a Close, answers it, and reads to the end. @return its code
    unsigned await_close() {
        while (auto got = next()) {
            if (got->op != agentmesh::ws::opcode::close) continue;
            send_frame(agentmesh::ws::opcode::close, got->payload);
            if (!link_.receive_to_end().empty()) throw std::runtime_error{"something followed the Close"};
            return got->close_code();
        }
        return 0;
    }
    [[nodiscard]] wire_link& link() noexcept { return link_; }

    std::string public_key;
    std::string signature;

private:
    static agentmesh::local_identity fresh() {
        agentmesh::crypto::system_random random;
        return agentmesh::local_identity::create(random, agentmesh::net::system_clock{}.now().wall).value();
    }

    agentmesh::local_identity self_ = fresh();
    wire_link link_;
    std::string rest_;
};

/// The answer to one plain request.
inline std::string http_get(std::uint16_t port, const std::string& path) {
    wire_link link{port};
    link.send("GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    return link.receive_to_end();
}
