// TLS as a filter between bytes and bytes: the only place that includes OpenSSL. No sockets here.
//
// The socket's owner feeds what it received and sends what comes out, so that a connection with TLS is driven
// exactly like one without.
#pragma once

#include <agentmesh/core/bytes.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>

namespace agentmesh::net {

/// Certificates and settings that many channels share: TLS 1.2 and later, no renegotiation, no compression.
class tls_context {
public:
    /// A server's: certificate chain and private key, both PEM files.
    /// @errors tls_failed: not readable, not PEM, or the key does not belong to the certificate
    [[nodiscard]] static result<tls_context> server(const std::string& chain_file, const std::string& key_file);
    /// A client's: servers are verified against the certificates in `trusted_file`, or those of the system if empty.
    /// @errors tls_failed
    [[nodiscard]] static result<tls_context> client(const std::string& trusted_file = {});

    [[nodiscard]] SSL_CTX* native() const noexcept { return context_.get(); }

private:
    struct release {
        void operator()(SSL_CTX* p) const noexcept { SSL_CTX_free(p); }
    };
    explicit tls_context(SSL_CTX* context) noexcept : context_{context} {}

    std::unique_ptr<SSL_CTX, release> context_;
};

/// One TLS connection. The handshake happens by itself as bytes are fed.
class tls_channel {
public:
    /// The accepting end.
    [[nodiscard]] static result<tls_channel> accept(const tls_context& context);
    /// The dialling end, its first flight ready in the output; refuses a server whose certificate does not name `host`,
    /// a DNS name or an address.
    [[nodiscard]] static result<tls_channel> connect(const tls_context& context, const std::string& host);

    /// Takes bytes that came from the peer.
    /// @errors tls_failed where memory is short
    [[nodiscard]] result<void> feed(byte_view received);
    /// Decrypts into `out`, and continues the handshake.
    /// @return bytes written; 0 while more has to be fed first
    /// @errors ws_closed after the peer's close_notify, tls_failed for anything else
    [[nodiscard]] result<std::size_t> read(std::span<std::uint8_t> out);
    /// Encrypts. @pre established()
    /// @errors tls_failed
    [[nodiscard]] result<void> write(byte_view plain);
    /// Says that nothing more will be written.
    void close_notify() noexcept;

    /// Bytes for the peer, moved into `out` where they are at most its size.
    [[nodiscard]] std::size_t take_output(std::span<std::uint8_t> out) noexcept;
    /// How many there are.
    [[nodiscard]] std::size_t pending_output() const noexcept { return BIO_ctrl_pending(to_peer_); }
    [[nodiscard]] bool established() const noexcept { return SSL_is_init_finished(session_.get()) == 1; }

private:
    struct release {
        void operator()(SSL* p) const noexcept { SSL_free(p); }
    };
    [[nodiscard]] static result<tls_channel> create(const tls_context& context);
    tls_channel(SSL* session, BIO* from_peer, BIO* to_peer) noexcept
        : session_{session}, from_peer_{from_peer}, to_peer_{to_peer} {}

    std::unique_ptr<SSL, release> session_;
    BIO* from_peer_;  ///< owned by the session
    BIO* to_peer_;    ///< owned by the session
};

}  // namespace agentmesh::net

#include <agentmesh/net/tls.ipp>
