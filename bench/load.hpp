// What the load generator knows about the servers it measures: how to log in, what a message looks like, and where
// one ends.
#pragma once

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/identity/local_identity.hpp>
#include <agentmesh/net/system_clock.hpp>
#include <agentmesh/wire/client_writer.hpp>
#include <agentmesh/ws/connection.hpp>
#include <agentmesh/ws/upgrade.hpp>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {

[[noreturn]] inline void give_up(const std::string& what) { throw std::runtime_error{what}; }
[[noreturn]] inline void give_up_with_errno(const char* what) {
    give_up(std::string{what} + ": " + std::strerror(errno));
}

/// A blocking connection to 127.0.0.1, until `make_quick` is called.
class link {
public:
    explicit link(std::uint16_t port) {
        fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd_ < 0) give_up_with_errno("socket");
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_port = htons(port);
        where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(fd_, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) give_up_with_errno("connect");
        const int on = 1;
        ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    ~link() {
        if (fd_ >= 0) ::close(fd_);
    }
    link(link&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    link& operator=(link&&) = delete;

    [[nodiscard]] int fd() const noexcept { return fd_; }

    void send(std::string_view bytes) const {
        while (!bytes.empty()) {
            const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent > 0) {
                bytes.remove_prefix(static_cast<std::size_t>(sent));
            } else if (errno == EAGAIN) {
                pollfd wait{fd_, POLLOUT, 0};
                ::poll(&wait, 1, 1000);
            } else {
                give_up_with_errno("send");
            }
        }
    }
    /// Bytes read; 0 where there are none now.
    [[nodiscard]] std::size_t receive(char* into, std::size_t size) const {
        const auto got = ::recv(fd_, into, size, MSG_DONTWAIT);
        if (got > 0) return static_cast<std::size_t>(got);
        if (got == 0) give_up("the server ended a connection");
        if (errno != EAGAIN) give_up_with_errno("recv");
        return 0;
    }
    /// Blocks until `text` contains `mark`, and returns everything read.
    [[nodiscard]] std::string receive_until(std::string_view mark) const {
        std::string out;
        while (out.find(mark) == std::string::npos) {
            char bytes[4096];
            const auto got = ::recv(fd_, bytes, sizeof bytes, 0);
            if (got <= 0) give_up("no answer but: " + out);
            out.append(bytes, static_cast<std::size_t>(got));
        }
        return out;
    }

private:
    int fd_ = -1;
};

/// How messages are delimited, so that they can be counted.
enum class protocol { agentmesh, forward, nats };

/// Cuts a stream into messages. Only headers are looked at.
class counter {
public:
    explicit counter(protocol kind) : kind_{kind} {}

    /// Calls `message()` for each complete data message and `ping(payload)` for each WebSocket Ping.
    template <class Message, class Ping>
    void feed(std::string_view bytes, Message&& message, Ping&& ping) {
        if (!rest_.empty()) {
            rest_.append(bytes);
            bytes = rest_;
        }
        while (true) {
            const std::size_t size = kind_ == protocol::nats ? nats(bytes, message) : frame(bytes, message, ping);
            if (size == 0) break;
            bytes.remove_prefix(size);
        }
        rest_ = std::string{bytes};
    }

private:
    template <class Message, class Ping>
    std::size_t frame(std::string_view bytes, Message& message, Ping& ping) {
        if (bytes.size() < 2) return 0;
        const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
        std::size_t header = 2;
        std::size_t length = at(1) & 0x7F;
        if (length == 126) {
            if (bytes.size() < 4) return 0;
            header = 4;
            length = at(2) * 256u + at(3);
        } else if (length == 127) {
            give_up("a message of more than 64 KiB");
        }
        if (at(1) & 0x80) header += 4;
        if (bytes.size() < header + length) return 0;
        const int opcode = at(0) & 15;
        if (opcode == 1) message(bytes.substr(header, length));
        if (opcode == 8) {
            const auto code = length < 2 ? 0 : at(header) * 256 + at(header + 1);
            give_up("the server closed a connection with code " + std::to_string(code));
        }
        if (opcode == 9) ping(bytes.substr(header, length));
        return header + length;
    }
    template <class Message>
    std::size_t nats(std::string_view bytes, Message& message) {
        const auto line = bytes.find("\r\n");
        if (line == std::string_view::npos) return 0;
        if (bytes.substr(0, 4) != "MSG ") return line + 2;  // PONG, +OK, and the server's PING, which may wait
        const auto length = std::stoul(std::string{bytes.substr(bytes.rfind(' ', line) + 1, 8)});
        if (bytes.size() < line + 2 + length + 2) return 0;
        message(bytes.substr(line + 2, length));
        return line + 2 + length + 2;
    }

    protocol kind_;
    std::string rest_;
};

/// A logged-in agent.
struct agent {
    link connection;
    std::string name;
};

[[nodiscard]] inline std::string masked(agentmesh::ws::opcode op, std::string_view payload) {
    std::string out;
    agentmesh::ws::append_masked_frame(out, {0x37, 0xfa, 0x21, 0x3d}, op, payload);
    return out;
}

/// Upgrades and authenticates a new identity.
[[nodiscard]] inline agent log_in(std::uint16_t port, agentmesh::crypto::system_random& random) {
    using namespace agentmesh;
    link connection{port};
    connection.send(
        "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    if (connection.receive_until("\r\n\r\n").substr(0, 12) != "HTTP/1.1 101") give_up("no upgrade");

    const auto self = local_identity::create(random, net::system_clock{}.now().wall);
    if (!self) give_up("no identity");
    const auto time = format_time(net::system_clock{}.now().wall);
    const auto key = to_base64(self->signing().public_key().bytes(), base64_form::standard_padded);
    const auto signature = to_base64(self->signing().sign(as_bytes(time)).bytes(), base64_form::standard_padded);
    connection.send(
        masked(ws::opcode::text,
               wire::connect_text(
                   {.amid = self->name().text(), .public_key = key, .timestamp = time, .signature = signature})));
    const auto answer = connection.receive_until("}");
    if (answer.find(R"("connected")") == std::string::npos) give_up("not connected: " + answer);
    // A Ping may have come along.
    counter{protocol::agentmesh}.feed(
        answer, [](std::string_view) {},
        [&](std::string_view payload) { connection.send(masked(ws::opcode::pong, payload)); });
    return {std::move(connection), std::string{self->name().text()}};
}

/// One sender and one receiver, and what the sender sends.
struct pair {
    link sender;
    link receiver;
    std::string message;  ///< as bytes on the sender's connection
    counter from_receiver;
    counter from_sender;
};

[[nodiscard]] inline pair make_pair(protocol kind, std::uint16_t port, std::size_t payload, std::size_t number,
                                    agentmesh::crypto::system_random& random) {
    // Base64 text, as sealed payloads are.
    std::string body(payload, 'A');
    for (std::size_t i = 0; i < body.size(); ++i) body[i] = "QUJDRHh5ejAxMjM0NTY3"[(i * 7 + number) % 20];

    if (kind == protocol::nats) {
        const auto subject = "pair." + std::to_string(number);
        link sender{port}, receiver{port};
        for (const auto* one : {&sender, &receiver}) one->send("CONNECT {\"verbose\":false,\"pedantic\":false}\r\n");
        receiver.send("SUB " + subject + " 1\r\nPING\r\n");
        (void)receiver.receive_until("PONG\r\n");
        sender.send("PING\r\n");
        (void)sender.receive_until("PONG\r\n");
        return {std::move(sender), std::move(receiver),
                "PUB " + subject + " " + std::to_string(payload) + "\r\n" + body + "\r\n", counter{kind},
                counter{kind}};
    }
    if (kind == protocol::forward) {
        // The same bytes as for the relay, to a name of the usual length.
        const auto text =
            agentmesh::wire::send_text(std::string(28, '3'), body, agentmesh::wire::message_type::message);
        link sender{port};
        link receiver{port};
        return {std::move(sender), std::move(receiver), masked(agentmesh::ws::opcode::text, text), counter{kind},
                counter{kind}};
    }
    auto sender = log_in(port, random);
    auto receiver = log_in(port, random);
    const auto text = agentmesh::wire::send_text(receiver.name, body, agentmesh::wire::message_type::message);
    return {std::move(sender.connection), std::move(receiver.connection), masked(agentmesh::ws::opcode::text, text),
            counter{kind}, counter{kind}};
}

}  // namespace bench
