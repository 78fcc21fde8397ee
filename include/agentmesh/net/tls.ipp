// Bodies of tls.hpp.
#pragma once

#include <openssl/x509v3.h>

#include <climits>

namespace agentmesh::net {

inline result<tls_context> tls_context::server(const std::string& chain_file, const std::string& key_file) {
    ERR_clear_error();
    tls_context out{SSL_CTX_new(TLS_server_method())};
    SSL_CTX* native = out.native();
    if (!native || SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION) != 1 ||
        SSL_CTX_use_certificate_chain_file(native, chain_file.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(native, key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(native) != 1)
        return fail(errc::tls_failed);
    SSL_CTX_set_options(
        native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(native, 0);
    // Idle connections give their record buffers back, which is most of what they own.
    SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
    return out;
}

inline result<tls_context> tls_context::client(const std::string& trusted_file) {
    ERR_clear_error();
    tls_context out{SSL_CTX_new(TLS_client_method())};
    SSL_CTX* native = out.native();
    if (!native || SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION) != 1) return fail(errc::tls_failed);
    const int trusted = trusted_file.empty() ? SSL_CTX_set_default_verify_paths(native)
                                             : SSL_CTX_load_verify_file(native, trusted_file.c_str());
    if (trusted != 1) return fail(errc::tls_failed);
    SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(native, SSL_VERIFY_PEER, nullptr);
    return out;
}

inline result<tls_channel> tls_channel::create(const tls_context& context) {
    std::unique_ptr<SSL, release> session{SSL_new(context.native())};
    BIO* from_peer = BIO_new(BIO_s_mem());
    BIO* to_peer = BIO_new(BIO_s_mem());
    if (!session || !from_peer || !to_peer) {
        BIO_free(from_peer);
        BIO_free(to_peer);
        return fail(errc::tls_failed);
    }
    BIO_set_mem_eof_return(from_peer, -1);  // empty means "wait", not "ended"
    SSL_set_bio(session.get(), from_peer, to_peer);
    return tls_channel{session.release(), from_peer, to_peer};
}

inline result<tls_channel> tls_channel::accept(const tls_context& context) {
    auto out = create(context);
    if (out) SSL_set_accept_state(out->session_.get());
    return out;
}

inline result<tls_channel> tls_channel::connect(const tls_context& context, const std::string& host) {
    auto out = create(context);
    if (!out) return out;
    SSL* session = out->session_.get();
    SSL_set_connect_state(session);
    X509_VERIFY_PARAM* expected = SSL_get0_param(session);
    const bool is_address = X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str()) == 1;
    if (!is_address &&
        (SSL_set1_host(session, host.c_str()) != 1 || SSL_set_tlsext_host_name(session, host.c_str()) != 1))
        return fail(errc::tls_failed);
    (void)SSL_do_handshake(session);  // puts the first flight into the output
    return out;
}

inline result<void> tls_channel::feed(byte_view received) {
    while (!received.empty()) {
        const int part = static_cast<int>(std::min<std::size_t>(received.size(), INT_MAX));
        const int taken = BIO_write(from_peer_, received.data(), part);
        if (taken <= 0) return fail(errc::tls_failed);
        received = received.subspan(static_cast<std::size_t>(taken));
    }
    return {};
}

inline result<std::size_t> tls_channel::read(std::span<std::uint8_t> out) {
    ERR_clear_error();
    std::size_t size = 0;
    const int done = SSL_read_ex(session_.get(), out.data(), out.size(), &size);
    if (done == 1) return size;
    switch (SSL_get_error(session_.get(), done)) {
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE: return std::size_t{0};
        case SSL_ERROR_ZERO_RETURN: return fail(errc::ws_closed);
        default: return fail(errc::tls_failed);
    }
}

inline result<void> tls_channel::write(byte_view plain) {
    if (plain.empty()) return {};
    ERR_clear_error();
    std::size_t written = 0;  // all of it: the memory BIO takes any amount
    if (SSL_write_ex(session_.get(), plain.data(), plain.size(), &written) != 1) return fail(errc::tls_failed);
    return {};
}

inline void tls_channel::close_notify() noexcept {
    ERR_clear_error();
    (void)SSL_shutdown(session_.get());  // the peer's own close_notify is not waited for
    ERR_clear_error();
}

inline std::size_t tls_channel::take_output(std::span<std::uint8_t> out) noexcept {
    const int part = static_cast<int>(std::min<std::size_t>(out.size(), INT_MAX));
    const int taken = BIO_read(to_peer_, out.data(), part);
    return taken > 0 ? static_cast<std::size_t>(taken) : 0;
}

}  // namespace agentmesh::net
