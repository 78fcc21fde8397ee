#include "conformance/zoo/loopback.hpp"

#include <algorithm>
#include <array>
#include <arpa/inet.h>
#include <cctype>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace agentmesh::conformance::zoo {

socket_handle& socket_handle::operator=(socket_handle&& other) noexcept {
    if (this != &other) {
        if (fd_ >= 0) ::close(fd_);
        fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
}

socket_handle::~socket_handle() {
    if (fd_ >= 0) ::close(fd_);
}

bool socket_handle::write(std::string_view bytes) const {
    while (!bytes.empty()) {
        const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

std::string socket_handle::read_some(std::size_t most) const {
    std::string out(most, '\0');
    const auto n = ::recv(fd_, out.data(), out.size(), 0);
    out.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return out;
}

void socket_handle::reset() noexcept {
    const linger hard{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    ::close(std::exchange(fd_, -1));
}

namespace {

sockaddr_in loopback_address(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

void without_delay(int fd) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace

socket_handle connect_loopback(std::uint16_t port) {
    socket_handle out{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const auto address = loopback_address(port);
    if (::connect(out.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return {};
    without_delay(out.fd());
    return out;
}

loopback_server::loopback_server(handler serve) : serve_{std::move(serve)} {
    listener_ = socket_handle{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    auto address = loopback_address(0);
    socklen_t size = sizeof address;
    if (::bind(listener_.fd(), reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
        ::listen(listener_.fd(), 256) != 0 ||
        ::getsockname(listener_.fd(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
        throw std::runtime_error{"cannot listen on the loopback interface"};
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread{[this] { accept_all(); }};
}

loopback_server::~loopback_server() {
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
        for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    }
    ::shutdown(listener_.fd(), SHUT_RDWR);
    acceptor_.join();
    for (auto& one : workers_) one.thread.join();
}

void loopback_server::reap() {
    workers_.remove_if([](worker& one) {
        if (one.over) one.thread.join();
        return one.over;
    });
}

void loopback_server::accept_all() {
    for (;;) {
        const int fd = ::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC);
        const std::lock_guard lock{mutex_};
        if (stopping_ || fd < 0) {
            if (fd >= 0) ::close(fd);
            if (stopping_) return;
            continue;
        }
        without_delay(fd);
        reap();
        open_.push_back(fd);
        auto& own = workers_.emplace_back();
        own.thread = std::thread{[this, fd, &own] {
            {
                // The descriptor leaves `open_` before it is closed, so that stop never touches a reused number.
                socket_handle peer{fd};
                serve_(peer);
                const std::lock_guard inner{mutex_};
                std::erase(open_, fd);
            }
            const std::lock_guard inner{mutex_};
            own.over = true;
        }};
    }
}

std::optional<std::string> read_head(const socket_handle& peer, std::string& rest) {
    for (;;) {
        if (const auto end = rest.find("\r\n\r\n"); end != std::string::npos) {
            auto head = rest.substr(0, end + 4);
            rest.erase(0, end + 4);
            return head;
        }
        auto more = peer.read_some();
        if (more.empty() || rest.size() > 65536) return std::nullopt;
        rest += more;
    }
}

bool answer_upgrade(const socket_handle& peer, std::string_view head) {
    std::string lower{head};
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
    constexpr std::string_view name = "\r\nsec-websocket-key:";
    const auto at = lower.find(name);
    if (at == std::string::npos) return false;
    const auto from = head.find_first_not_of(" \t", at + name.size());
    const auto key = head.substr(from, head.find("\r\n", from) - from);
    const auto text = std::string{key} + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
    SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    std::array<unsigned char, 32> accept{};
    const auto size = EVP_EncodeBlock(accept.data(), digest.data(), static_cast<int>(digest.size()));
    return peer.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
                      std::string(accept.begin(), accept.begin() + size) + "\r\n\r\n");
}

std::optional<client_frame> read_frame(const socket_handle& peer, std::string& rest) {
    const auto need = [&](std::size_t n) {
        while (rest.size() < n) {
            auto more = peer.read_some();
            if (more.empty()) return false;
            rest += more;
        }
        return true;
    };
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(rest[i]); };
    if (!need(2)) return std::nullopt;
    std::size_t header = 2;
    std::uint64_t size = byte(1) & 0x7F;
    if (const std::size_t extra = size == 126 ? 2 : size == 127 ? 8 : 0; extra > 0) {
        if (!need(2 + extra)) return std::nullopt;
        size = 0;
        for (std::size_t i = 0; i < extra; ++i) size = size << 8 | byte(2 + i);
        header += extra;
    }
    if (size > (1U << 22)) return std::nullopt;
    const bool masked = (byte(1) & 0x80) != 0;
    if (!need(header + (masked ? 4 : 0) + size)) return std::nullopt;
    client_frame out{static_cast<std::uint8_t>(byte(0) & 0x0F), {}};
    const auto mask = rest.substr(header, masked ? 4 : 0);
    header += mask.size();
    out.payload = rest.substr(header, size);
    for (std::size_t i = 0; masked && i < out.payload.size(); ++i)
        out.payload[i] = static_cast<char>(out.payload[i] ^ mask[i % 4]);
    rest.erase(0, header + size);
    return out;
}

std::string server_frame(std::uint8_t opcode, std::string_view payload, bool last) {
    std::string out;
    out += static_cast<char>((last ? 0x80 : 0x00) | opcode);
    if (payload.size() < 126) {
        out += static_cast<char>(payload.size());
    } else {
        const int bytes = payload.size() < 65536 ? 2 : 8;
        out += static_cast<char>(bytes == 2 ? 126 : 127);
        for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(payload.size() >> (8 * i) & 0xFF);
    }
    return out.append(payload);
}

}  // namespace agentmesh::conformance::zoo
