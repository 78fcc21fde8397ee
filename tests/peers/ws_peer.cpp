// Our WebSocket layer over plain sockets, for tests against other implementations.
//
//     ws_peer serve             prints "port N"; echoes messages until standard input ends. The text
//                               "close CODE REASON" makes it begin the closing handshake instead
//     ws_peer connect PORT      talks to a foreign echo server (see README.md); exits 0 if all went as expected
#include <agentmesh/ws/connection.hpp>
#include <agentmesh/ws/upgrade.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <random>

using namespace agentmesh;

namespace {

[[noreturn]] void give_up(const char* what) {
    std::fprintf(stderr, "ws_peer: %s\n", what);
    std::exit(1);
}
void expect(bool holds, const char* what) {
    if (!holds) give_up(what);
}

/// A connected socket; reads end after ten seconds of silence.
class stream_socket {
public:
    explicit stream_socket(int fd) : fd_{fd} {
        const timeval patience{.tv_sec = 10, .tv_usec = 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    }
    stream_socket(const stream_socket&) = delete;
    stream_socket& operator=(const stream_socket&) = delete;
    ~stream_socket() { ::close(fd_); }

    /// What has arrived; empty at the end of the stream, on an error, or after too long a silence.
    std::span<std::uint8_t> read() {
        const auto size = ::read(fd_, input_.data(), input_.size());
        return std::span{input_}.first(size > 0 ? static_cast<std::size_t>(size) : 0);
    }
    /// Sends all of `bytes` and empties it; false if the peer is gone.
    bool write(std::string& bytes) {
        for (std::size_t sent = 0; sent < bytes.size();) {
            const auto size = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
            if (size <= 0) return false;
            sent += static_cast<std::size_t>(size);
        }
        bytes.clear();
        return true;
    }
    /// Says that nothing more will be sent, and drops what still comes. Closing a socket with unread input would
    /// reset the connection, and the peer might never see our last frame.
    void linger() {
        ::shutdown(fd_, SHUT_WR);
        while (!read().empty()) continue;
    }
    /// Whether the peer has ended the stream, within the ten seconds.
    bool at_end() { return ::read(fd_, input_.data(), input_.size()) == 0; }

private:
    int fd_;
    std::array<std::uint8_t, 65536> input_;
};

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

// --- server -------------------------------------------------------------------------------------------

/// True when the request became a connection; everything else is answered here.
bool accept_upgrade(stream_socket& socket) {
    const ws::upgrade_options options;
    ws::server_handshake handshake{options};
    std::optional<ws::upgrade_decision> decision;
    while (!decision) {
        const auto input = socket.read();
        if (input.empty()) return false;
        decision = handshake.feed(input);
    }
    if (auto* accepted = std::get_if<ws::upgrade_accepted>(&*decision)) return socket.write(accepted->answer);
    std::string answer;
    if (const auto* plain = std::get_if<ws::plain_request>(&*decision)) {
        ws::append_response(answer, 200, {{"Content-Type", "text/plain"}}, "ok\n", plain->head_only);
    } else {
        answer = std::get<ws::upgrade_refused>(*decision).answer;
    }
    socket.write(answer);
    socket.linger();
    return false;
}

void obey(ws::connection& peer, std::string& out, const ws::event& event) {
    std::string_view text = event.text();
    constexpr std::string_view close_command = "close ";
    if (event.kind == ws::event_kind::text && text.starts_with(close_command)) {
        text.remove_prefix(close_command.size());
        ws::close_code code = 0;
        const auto number = std::from_chars(text.data(), text.data() + text.size(), code);
        text.remove_prefix(std::min<std::size_t>(text.size(), static_cast<std::size_t>(number.ptr - text.data()) + 1));
        peer.close(out, code, text);
    } else if (event.kind == ws::event_kind::text || event.kind == ws::event_kind::binary) {
        const auto op = event.kind == ws::event_kind::text ? ws::opcode::text : ws::opcode::binary;
        (void)peer.send(out, op, event.payload);  // dropped where Close is already under way
    }
}

void serve_connection(int fd) {
    stream_socket socket{fd};
    if (!accept_upgrade(socket)) return;
    auto peer = ws::connection::server();
    std::string out;
    while (!peer.is_finished()) {
        auto input = socket.read();
        if (input.empty()) return;
        while (const auto event = peer.next(input, out)) obey(peer, out, *event);
        if (!socket.write(out)) return;
    }
    socket.linger();
}

int serve() {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    expect(::bind(listener, generic, size) == 0 && ::listen(listener, 16) == 0, "cannot listen");
    expect(::getsockname(listener, generic, &size) == 0, "no port");
    std::printf("port %d\n", ntohs(address.sin_port));
    std::fflush(stdout);
    while (true) {
        std::array<pollfd, 2> wanted{{{listener, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}}};
        ::poll(wanted.data(), wanted.size(), -1);
        if (wanted[1].revents != 0) return 0;
        if (const int fd = ::accept(listener, nullptr, nullptr); fd >= 0) serve_connection(fd);
    }
}

// --- client -------------------------------------------------------------------------------------------

std::random_device entropy;

auto draw_mask = [] {
    ws::mask_key key;
    for (auto& byte : key) byte = static_cast<std::uint8_t>(entropy() & 0xFF);
    return key;
};

int dial(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(port);
    expect(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "cannot connect");
    return fd;
}

/// One event, copied out of the connection.
struct heard {
    ws::event_kind kind;
    ws::close_code code;
    std::string payload;
};

class client {
public:
    explicit client(std::uint16_t port) : socket_{dial(port)} {
        std::array<std::uint8_t, 16> nonce;
        for (auto& byte : nonce) byte = static_cast<std::uint8_t>(entropy() & 0xFF);
        const std::string host = "127.0.0.1:" + std::to_string(port);
        auto handshake = ws::client_handshake::begin({.host = host, .target = "/v1"}, nonce);
        expect(handshake.has_value(), "no request");
        out_ = handshake->request();
        expect(socket_.write(out_), "the request was not taken");
        result<bool> established = false;
        while (established && !*established) {
            input_ = socket_.read();
            expect(!input_.empty(), "no answer to the upgrade");
            byte_view rest = input_;
            established = handshake->feed(rest);
            input_ = input_.last(rest.size());
        }
        expect(established.has_value(), "the upgrade failed");
    }

    void send(ws::opcode op, std::string_view payload) {
        expect(peer_.send(out_, op, payload).has_value(), "closing already");
        expect(socket_.write(out_), "the message was not taken");
    }
    /// A text message in three fragments with a Ping inside.
    void send_fragments(std::string_view a, std::string_view b, std::string_view c) {
        const auto append = [this](ws::opcode op, std::string_view payload, bool fin) {
            const auto key = draw_mask();
            out_.append(
                as_text(ws::encode_header({.fin = fin, .op = op, .masked = true, .key = key, .length = payload.size()})
                            .view()));
            out_.append(payload);
            ws::apply_mask(
                {reinterpret_cast<std::uint8_t*>(out_.data()) + out_.size() - payload.size(), payload.size()}, key);
        };
        append(ws::opcode::text, a, false);
        append(ws::opcode::ping, "inside", true);
        append(ws::opcode::continuation, b, false);
        append(ws::opcode::continuation, c, true);
        expect(socket_.write(out_), "the fragments were not taken");
    }
    void close(ws::close_code code, std::string_view reason) {
        peer_.close(out_, code, reason);
        expect(socket_.write(out_), "the Close was not taken");
    }
    heard next() {
        while (true) {
            if (const auto event = peer_.next(input_, out_)) {
                heard copy{event->kind, event->code, std::string{event->text()}};
                expect(socket_.write(out_), "the answer was not taken");
                return copy;
            }
            input_ = socket_.read();
            expect(!input_.empty(), "the server fell silent or went away");
        }
    }
    [[nodiscard]] bool at_end() { return socket_.at_end(); }

private:
    stream_socket socket_;
    ws::connection peer_ = ws::connection::client(draw_mask);
    std::string out_;
    std::span<std::uint8_t> input_;
};

void expect_message(client& c, ws::event_kind kind, std::string_view payload, const char* what) {
    const auto message = c.next();
    expect(message.kind == kind && message.payload == payload, what);
}

int connect_to(std::uint16_t port) {
    {
        client c{port};
        for (const std::string& text : {std::string{"hello"}, std::string{},
                                        std::string{"gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80"}, std::string(65536, 'x')}) {
            c.send(ws::opcode::text, text);
            expect_message(c, ws::event_kind::text, text, "text comes back");
        }
        std::string binary(200'000, '\0');
        for (std::size_t i = 0; i < binary.size(); ++i) binary[i] = static_cast<char>(i * 7);
        c.send(ws::opcode::binary, binary);
        expect_message(c, ws::event_kind::binary, binary, "binary comes back");

        c.send_fragments("one ", "two ", "three");
        expect_message(c, ws::event_kind::pong, "inside", "a Ping between fragments is answered first");
        expect_message(c, ws::event_kind::text, "one two three", "fragments come back as one message");

        c.send(ws::opcode::text, "fragments");
        expect_message(c, ws::event_kind::text, "fragments", "the server's fragments are one message");
        c.send(ws::opcode::text, "ping");
        expect_message(c, ws::event_kind::ping, "are you there", "the server pings");
        expect_message(c, ws::event_kind::text, "pong are you there", "our Pong reached the server");
        c.send(ws::opcode::ping, "and you");
        expect_message(c, ws::event_kind::pong, "and you", "our Ping is answered");

        c.close(1000, "done");
        const auto closed = c.next();
        expect(closed.kind == ws::event_kind::closed && closed.code == 1000, "our Close is answered with its code");
        expect(c.at_end(), "the server ends the connection");
    }
    {
        client c{port};
        c.send(ws::opcode::text, "close");
        const auto closed = c.next();
        expect(closed.kind == ws::event_kind::closed && closed.code == 4002 && closed.payload == "as asked",
               "the server's Close arrives with code and reason");
        expect(c.at_end(), "the server ends the connection");
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string_view mode = argc > 1 ? argv[1] : "";
    if (mode == "serve" && argc == 2) return serve();
    if (mode == "connect" && argc == 3)
        return connect_to(static_cast<std::uint16_t>(std::strtoul(argv[2], nullptr, 10)));
    give_up("usage: ws_peer serve | ws_peer connect PORT");
}
