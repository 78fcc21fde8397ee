// A WebSocket client for tests of the driver. It shares the server's io_context and thread: while it waits for
// something, it lets the server work.
#pragma once

#include <agentmesh/net/asio.hpp>
#include <agentmesh/ws/connection.hpp>
#include <agentmesh/ws/upgrade.hpp>

#include <asio/read.hpp>

#include <chrono>
#include <stdexcept>
#include <string>

class test_peer {
public:
    test_peer(asio::io_context& io, std::uint16_t port) : io_{io}, socket_{io} {
        socket_.connect({asio::ip::address_v4::loopback(), port});
        socket_.non_blocking(true);
        socket_.set_option(agentmesh::net::tcp::no_delay{true});
    }

    /// How much the system takes in for this peer while it does not read.
    void receive_buffer(int bytes) { socket_.set_option(asio::socket_base::receive_buffer_size{bytes}); }

    /// Sends bytes as they are.
    void send_raw(std::string_view bytes) {
        while (!bytes.empty()) {
            std::error_code failed;
            const auto sent = socket_.write_some(asio::buffer(bytes), failed);
            if (failed && failed != asio::error::would_block) throw std::system_error{failed};
            bytes.remove_prefix(sent);
            io_.poll();
        }
    }

    /// Sends as much of `bytes` as the socket takes now.
    std::size_t send_some(std::string_view bytes) {
        std::error_code failed;
        const auto sent = socket_.write_some(asio::buffer(bytes), failed);
        if (failed && failed != asio::error::would_block) throw std::system_error{failed};
        io_.poll();
        return sent;
    }

    void upgrade() {
        send_raw(
            "GET / HTTP/1.1\r\nHost: relay\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
        wait([&] { return text_.find("\r\n\r\n") != std::string::npos; });
        if (text_.substr(0, 12) != "HTTP/1.1 101") throw std::runtime_error{text_};
        text_.erase(0, text_.find("\r\n\r\n") + 4);
    }

    void send(agentmesh::ws::opcode op, std::string_view payload) {
        agentmesh::buffer out;
        agentmesh::ws::append_masked_frame(out, {1, 2, 3, 4}, op, payload);
        send_raw(agentmesh::as_text(out));
    }
    void send_text(std::string_view payload) { send(agentmesh::ws::opcode::text, payload); }
    void send_close(std::uint16_t code) {
        const char body[] = {static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
        send(agentmesh::ws::opcode::close, {body, 2});
    }

    struct frame {
        agentmesh::ws::opcode op{};
        std::string payload;
        bool operator==(const frame&) const = default;

        [[nodiscard]] unsigned close_code() const {
            return payload.size() < 2
                       ? 0
                       : static_cast<unsigned char>(payload[0]) * 256u + static_cast<unsigned char>(payload[1]);
        }
    };
    /// The next frame; throws if none comes.
    frame next() {
        agentmesh::ws::frame_header header;
        std::size_t size = 0;
        wait([&] {
            size = *agentmesh::ws::decode_header(header, agentmesh::as_bytes(text_), agentmesh::ws::role::client);
            return size > 0 && text_.size() >= size + header.length;
        });
        frame out{header.op, text_.substr(size, static_cast<std::size_t>(header.length))};
        text_.erase(0, size + static_cast<std::size_t>(header.length));
        return out;
    }
    std::string next_text() {
        auto got = next();
        if (got.op != agentmesh::ws::opcode::text) throw std::runtime_error{"not a text frame"};
        return std::move(got.payload);
    }

    /// Everything up to the peer's end of TCP; throws if it ends by a reset.
    std::string read_to_end() {
        wait([&] { return ended_; });
        if (reset_) throw std::runtime_error{"reset"};
        return std::exchange(text_, {});
    }
    void end_input() { socket_.shutdown(agentmesh::net::tcp_socket::shutdown_send); }
    void drop() {
        socket_.set_option(asio::socket_base::linger{true, 0});  // a reset, as from a crash
        socket_.close();
    }

    /// Lets the server work until `done`, taking in what arrives.
    template <class Done>
    void wait(Done done) {
        const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds{20};
        while (!done()) {
            if (ended_) throw std::runtime_error{"the connection ended: " + text_};
            if (std::chrono::steady_clock::now() > give_up) throw std::runtime_error{"waited in vain: " + text_};
            io_.poll();
            take();
        }
    }

private:
    using net_socket = agentmesh::net::tcp_socket;

    void take() {
        char bytes[4096];
        std::error_code failed;
        const auto size = socket_.read_some(asio::buffer(bytes), failed);
        text_.append(bytes, size);
        if (failed == asio::error::would_block) return;
        ended_ = ended_ || failed;
        reset_ = reset_ || failed == asio::error::connection_reset;
    }

    asio::io_context& io_;
    net_socket socket_;
    std::string text_;
    bool ended_ = false;
    bool reset_ = false;
};
