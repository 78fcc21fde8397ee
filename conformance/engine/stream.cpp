#include "conformance/engine/stream.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace agentmesh::conformance {
namespace {

using steady = std::chrono::steady_clock;

int left_ms(steady::time_point deadline) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady::now()).count();
    return static_cast<int>(std::clamp<long long>(left, 0, 60'000));
}

bool poll_one(int fd, short events, steady::time_point deadline) {
    pollfd p{fd, events, 0};
    return ::poll(&p, 1, left_ms(deadline)) > 0;
}

/// A connected non-blocking socket, or -1.
int connect_socket(const socket_address& to, steady::time_point deadline) {
    const int fd = ::socket(to.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&to.storage), to.size) != 0) {
        int failed = errno == EINPROGRESS ? 0 : errno;
        socklen_t size = sizeof failed;
        if (failed != 0 || !poll_one(fd, POLLOUT, deadline) ||
            ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size) != 0 || failed != 0) {
            ::close(fd);
            return -1;
        }
    }
    return fd;
}

}  // namespace

byte_stream::byte_stream(byte_stream&& other) noexcept { *this = std::move(other); }

byte_stream& byte_stream::operator=(byte_stream&& other) noexcept {
    if (this == &other) return *this;
    close();
    fd_ = std::exchange(other.fd_, -1);
    tls_ = std::exchange(other.tls_, nullptr);
    state_ = std::exchange(other.state_, state::closed);
    backlog_ = std::move(other.backlog_);
    spki_ = std::move(other.spki_);
    tls_wants_write_ = other.tls_wants_write_;
    reset_seen_ = other.reset_seen_;
    end_wanted_ = other.end_wanted_;
    return *this;
}

byte_stream::~byte_stream() { close(); }

byte_stream byte_stream::connect(const target& to, std::chrono::milliseconds patience) {
    const auto deadline = steady::now() + patience;
    for (const auto& address : to.addresses) {
        byte_stream out;
        out.fd_ = connect_socket(address, deadline);
        if (out.fd_ < 0) continue;
        out.state_ = state::open;
        if (to.tls == nullptr || out.handshake(to, deadline)) return out;
    }
    return {};
}

bool byte_stream::handshake(const target& to, steady::time_point deadline) {
    tls_ = to.tls->session(fd_, to.url.host);
    while (tls_ != nullptr) {
        ERR_clear_error();
        const int done = SSL_do_handshake(tls_);
        if (done == 1) {
            spki_ = peer_spki_sha256(tls_);
            return true;
        }
        const int why = SSL_get_error(tls_, done);
        const short wanted = why == SSL_ERROR_WANT_READ ? POLLIN : why == SSL_ERROR_WANT_WRITE ? POLLOUT : short{0};
        if (wanted == 0 || !poll_one(fd_, wanted, deadline)) break;
    }
    close();
    return false;
}

void byte_stream::lost(int why) {
    if (why == ECONNRESET || why == EPIPE) reset_seen_ = reset_seen_ || why == ECONNRESET;
    backlog_.clear();
    tls_wants_write_ = false;
}

void byte_stream::write(std::string_view bytes) {
    if (state_ != state::open) return;
    backlog_.append(bytes);
    flush();
}

void byte_stream::flush() {
    tls_wants_write_ = false;
    std::size_t done = 0;
    while (state_ == state::open && done < backlog_.size()) {
        const auto left = backlog_.size() - done;
        if (tls_ != nullptr) {
            ERR_clear_error();
            const int n = SSL_write(tls_, backlog_.data() + done, static_cast<int>(std::min<std::size_t>(left, 16384)));
            if (n <= 0) {
                const int why = SSL_get_error(tls_, n);
                if (why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ) break;
                return lost(errno);
            }
            done += static_cast<std::size_t>(n);
        } else {
            const auto n = ::send(fd_, backlog_.data() + done, left, MSG_NOSIGNAL);
            if (n < 0) {
                if (errno == EINTR) continue;
                if (errno == EAGAIN || errno == EWOULDBLOCK) break;
                return lost(errno);
            }
            done += static_cast<std::size_t>(n);
        }
    }
    backlog_.erase(0, done);
    if (end_wanted_ && backlog_.empty()) {
        end_wanted_ = false;
        end_writing();
    }
}

void byte_stream::read(std::string& into) {
    char block[16384];
    for (int rounds = 0; rounds < 16 && state_ == state::open; ++rounds) {
        if (tls_ != nullptr) {
            ERR_clear_error();
            const int n = SSL_read(tls_, block, sizeof block);
            if (n > 0) {
                into.append(block, static_cast<std::size_t>(n));
                continue;
            }
            const int why = SSL_get_error(tls_, n);
            if (why == SSL_ERROR_WANT_READ) return;
            if (why == SSL_ERROR_WANT_WRITE) {
                tls_wants_write_ = true;
                return;
            }
            state_ = why == SSL_ERROR_SYSCALL && errno == ECONNRESET ? state::reset : state::fin;
        } else {
            const auto n = ::recv(fd_, block, sizeof block, 0);
            if (n > 0) {
                into.append(block, static_cast<std::size_t>(n));
                continue;
            }
            if (n < 0 && errno == EINTR) continue;
            if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
            state_ = n == 0 && !reset_seen_ ? state::fin : state::reset;
        }
    }
}

void byte_stream::end_writing() {
    if (fd_ < 0) return;
    if (has_backlog()) {
        end_wanted_ = true;
        return;
    }
    if (tls_ != nullptr && state_ == state::open) SSL_shutdown(tls_);
    ::shutdown(fd_, SHUT_WR);
}

void byte_stream::abort() {
    if (fd_ >= 0) {
        const linger now{1, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    close();
}

void byte_stream::close() {
    SSL_free(std::exchange(tls_, nullptr));
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    state_ = state::closed;
    backlog_.clear();
}

}  // namespace agentmesh::conformance
