#include "conformance/engine/target.hpp"

#include "conformance/engine/encoding.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <charconv>
#include <cstring>
#include <stdexcept>

namespace agentmesh::conformance {

std::string target_url::authority() const {
    auto out = host.find(':') == std::string::npos ? host : "[" + host + "]";
    if (port != (tls ? 443 : 80)) out += ":" + std::to_string(port);
    return out;
}

std::optional<target_url> parse_url(std::string_view text) {
    target_url out;
    const auto scheme = text.substr(0, text.find("://"));
    if (scheme != "ws" && scheme != "wss" && scheme != "http" && scheme != "https") return std::nullopt;
    out.tls = scheme.ends_with('s') && scheme != "ws";
    out.http = scheme.starts_with('h');
    text.remove_prefix(scheme.size() + 3);
    for (const char c : text)
        if (c <= ' ' || c == '#' || c == '@' || static_cast<unsigned char>(c) > 126) return std::nullopt;
    auto authority = text.substr(0, text.find_first_of("/?"));
    const auto rest = text.substr(authority.size());
    if (!rest.empty()) out.path = (rest.front() == '/' ? "" : "/") + std::string{rest};

    if (authority.starts_with('[')) {
        const auto end = authority.find(']');
        if (end == std::string_view::npos) return std::nullopt;
        out.host = authority.substr(1, end - 1);
        authority.remove_prefix(end + 1);
    } else {
        out.host = authority.substr(0, authority.find(':'));
        authority.remove_prefix(out.host.size());
    }
    out.port = out.tls ? 443 : 80;
    if (!authority.empty()) {
        const char* const end = authority.data() + authority.size();
        if (authority.front() != ':' || std::from_chars(authority.data() + 1, end, out.port).ptr != end || out.port == 0)
            return std::nullopt;
    }
    if (out.host.empty()) return std::nullopt;
    return out;
}

std::string base_path(std::string_view path) {
    path = path.substr(0, path.find('?'));
    while (path.ends_with('/')) path.remove_suffix(1);
    if (path.ends_with("/v1")) path.remove_suffix(3);
    return std::string{path};
}

std::vector<socket_address> resolve(const target_url& url) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* found = nullptr;
    if (getaddrinfo(url.host.c_str(), std::to_string(url.port).c_str(), &hints, &found) != 0) return {};
    std::vector<socket_address> out;
    for (const auto* a = found; a != nullptr; a = a->ai_next) {
        socket_address address;
        std::memcpy(&address.storage, a->ai_addr, a->ai_addrlen);
        address.size = a->ai_addrlen;
        address.family = a->ai_family;
        out.push_back(address);
    }
    freeaddrinfo(found);
    return out;
}

struct tls_client::impl {
    SSL_CTX* context = nullptr;
    bool verify = true;
};

tls_client::tls_client(const options& how) : impl_{std::make_unique<impl>()} {
    impl_->context = SSL_CTX_new(TLS_client_method());
    if (impl_->context == nullptr) throw std::runtime_error("TLS is not available");
    SSL_CTX_set_min_proto_version(impl_->context, TLS1_2_VERSION);
    SSL_CTX_set_mode(impl_->context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    impl_->verify = !how.insecure;
    if (how.insecure) return;
    const bool loaded = how.ca_file.empty()
                            ? SSL_CTX_set_default_verify_paths(impl_->context) == 1
                            : SSL_CTX_load_verify_locations(impl_->context, how.ca_file.c_str(), nullptr) == 1;
    if (!loaded) {
        SSL_CTX_free(impl_->context);
        throw std::runtime_error("cannot read certificates from " + how.ca_file);
    }
    SSL_CTX_set_verify(impl_->context, SSL_VERIFY_PEER, nullptr);
}

tls_client::~tls_client() { SSL_CTX_free(impl_->context); }

SSL* tls_client::session(int fd, const std::string& host) const {
    SSL* const session = SSL_new(impl_->context);
    if (session == nullptr) return nullptr;
    SSL_set_fd(session, fd);
    in6_addr scratch{};
    const bool literal = inet_pton(AF_INET, host.c_str(), &scratch) == 1 || inet_pton(AF_INET6, host.c_str(), &scratch) == 1;
    if (!literal) SSL_set_tlsext_host_name(session, host.c_str());
    if (impl_->verify) {
        if (literal) X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host.c_str());
        else SSL_set1_host(session, host.c_str());
    }
    SSL_set_connect_state(session);
    return session;
}

std::string peer_spki_sha256(SSL* session) {
    X509* const certificate = SSL_get1_peer_certificate(session);
    if (certificate == nullptr) return {};
    unsigned char* der = nullptr;
    const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    std::string out;
    if (size > 0) out = to_hex(sha256({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)}));
    OPENSSL_free(der);
    X509_free(certificate);
    return out;
}

}  // namespace agentmesh::conformance
