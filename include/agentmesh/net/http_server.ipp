// Bodies of http_server.hpp: the server; its connections are in http_server_session.ipp.
#pragma once

#include <asio/buffer.hpp>
#include <asio/error.hpp>

namespace agentmesh::net {

namespace detail {

/// An address as the socket sees it, without what it has only on this machine; IPv4 in IPv6 as what it is.
[[nodiscard]] inline asio::ip::address plain_address(asio::ip::address seen) {
    if (!seen.is_v6()) return seen;
    auto v6 = seen.to_v6();
    if (v6.is_v4_mapped()) return asio::ip::make_address_v4(asio::ip::v4_mapped, v6);
    v6.scope_id(0);
    return v6;
}

/// What counts as one address: of IPv6 the /64, which is what one customer has at least.
[[nodiscard]] inline std::string neighbourhood(const asio::ip::address& plain) {
    if (!plain.is_v6()) return plain.to_string();
    auto bytes = plain.to_v6().to_bytes();
    std::fill(bytes.begin() + 8, bytes.end(), std::uint8_t{0});
    return asio::ip::address_v6{bytes}.to_string();
}

}  // namespace detail
}  // namespace agentmesh::net

#include <agentmesh/net/http_server_session.ipp>

namespace agentmesh::net {

template <HttpHandler Handler>
http_server<Handler>::http_server(asio::io_context& io, http_server_options options, Handler handler)
    : io_{io},
      options_{std::move(options)},
      handler_{std::move(handler)},
      log_{options_.log, options_.log_sink},
      acceptor_{io},
      input_(64 * 1024),
      drain_{io} {}

template <HttpHandler Handler>
result<void> http_server<Handler>::start() {
#if AGENTMESH_TLS
    if (!options_.tls_chain_file.empty() || !options_.tls_key_file.empty()) {
        auto context = tls_context::server(options_.tls_chain_file, options_.tls_key_file);
        if (!context) {
            why_ = "cannot use certificate " + options_.tls_chain_file + " with key " + options_.tls_key_file +
                   ": both must be PEM files that can be read and belong together";
            return fail(context.error());
        }
        tls_ = std::move(*context);
        plain_.resize(64 * 1024);
    }
#else
    if (!options_.tls_chain_file.empty() || !options_.tls_key_file.empty()) {
        why_ = "this program was built without TLS: leave out the certificate and the key";
        return fail(errc::tls_failed);
    }
#endif
    if (const auto bound = acceptor_.open(options_.address, options_.port); !bound) {
        why_ = "cannot listen on " + options_.address + " port " + std::to_string(options_.port) + ": " +
               acceptor_.system_error().message();
        return bound;
    }
    started_ = clock_.now().steady;
    acceptor_.start([this](tcp_socket socket) { take(std::move(socket)); });
    log(log_level::info, "listening", {.number = port()});
    return {};
}

template <HttpHandler Handler>
std::string http_server<Handler>::url() const {
    std::string host = options_.address;
    if (host == "0.0.0.0") host = "127.0.0.1";
    if (host == "::") host = "::1";
    if (host.find(':') != std::string::npos) host = "[" + host + "]";
    const bool secure = !options_.tls_chain_file.empty();
    return (secure ? "https://" : "http://") + host + ":" + std::to_string(port());
}

template <HttpHandler Handler>
http_server_report http_server<Handler>::report() const {
    return {.driver = count_,
            .accepting = acceptor_.count(),
            .connections = sessions_.size(),
            .uptime = clock_.now().steady - started_,
            .stopping = stopping_};
}

template <HttpHandler Handler>
void http_server<Handler>::take(tcp_socket socket) {
    std::error_code gone;
    const auto peer = socket.remote_endpoint(gone);
    if (gone) return acceptor_.descriptor_freed();
    if (sessions_.size() >= options_.max_connections) {
        ++count_.refused_full;
        return refuse(std::move(socket), 503, "the server has as many connections as it may have");
    }
    auto address = detail::neighbourhood(detail::plain_address(peer.address()));
    auto& here = by_address_[address];
    if (options_.connections_per_address > 0 && here >= options_.connections_per_address) {
        ++count_.refused_address;
        return refuse(std::move(socket), 429, "this address has as many connections as it may have");
    }
    ++here;
    sessions_.push_front(std::make_shared<session>(*this, std::move(socket), std::move(address), next_id_++));
    const auto begun = sessions_.front();
    begun->place = sessions_.begin();
    begun->start();
}

template <HttpHandler Handler>
void http_server<Handler>::refuse(tcp_socket socket, std::uint16_t status, std::string_view reason) {
    log(log_level::debug, "refused", {.detail = reason, .number = status});
    // Before a TLS handshake there is nothing to say it in.
    if (options_.tls_chain_file.empty()) {
        const auto body = R"({"error":")" + std::string{reason} + "\"}";
        auto head = "HTTP/1.1 " + std::to_string(status) + " " + std::string{http::detail::phrase_of(status)};
        head.append("\r\nRetry-After: 1\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: ");
        head.append(std::to_string(body.size())).append("\r\n\r\n").append(body);
        std::error_code ignored;  // best effort
        socket.send(asio::buffer(head), 0, ignored);
        socket.shutdown(tcp_socket::shutdown_send, ignored);
    }
    std::error_code ignored;
    socket.close(ignored);
    acceptor_.descriptor_freed();
}

template <HttpHandler Handler>
void http_server<Handler>::forget(session& gone) {
    if (const auto at = by_address_.find(gone.address()); at != by_address_.end() && --at->second == 0)
        by_address_.erase(at);
    sessions_.erase(gone.place);  // whoever calls holds it
    acceptor_.descriptor_freed();
    if (stopping_ && sessions_.empty()) {
        drain_.cancel();
        log(log_level::info, "stopped", {});
    }
}

template <HttpHandler Handler>
void http_server<Handler>::stop() {
    if (std::exchange(stopping_, true)) return;
    log(log_level::info, "stopping", {.number = sessions_.size()});
    acceptor_.stop();
    const sessions all = sessions_;  // ending one changes the list
    for (const auto& one : all) one->stop();
    if (sessions_.empty()) return;
    drain_.expires_after(options_.drain_time);
    drain_.async_wait([this](const std::error_code& cancelled) {
        if (cancelled) return;
        const sessions left = sessions_;
        count_.cut_off += left.size();
        for (const auto& one : left) one->destroy();
    });
}

}  // namespace agentmesh::net
