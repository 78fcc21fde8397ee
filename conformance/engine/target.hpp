// The target's address: its URL, the addresses behind the name, and how its certificate is judged.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

using SSL = struct ssl_st;

namespace agentmesh::conformance {

struct target_url {
    bool tls = false;
    bool http = false;           ///< http:// or https://: a registry
    std::string host;            ///< without brackets
    std::uint16_t port = 0;
    std::string path = "/";      ///< with the query, if any

    /// What belongs into `Host`: without the port where it is the scheme's own.
    [[nodiscard]] std::string authority() const;
};
/// nullopt unless `text` is a URL of scheme ws, wss, http or https without user and fragment.
[[nodiscard]] std::optional<target_url> parse_url(std::string_view text);

/// What stands before `/v1` in the paths of a registry: the path of its URL without a slash at its end, and without the
/// `/v1` that the URLs of deployed clients end in.
[[nodiscard]] std::string base_path(std::string_view path);

struct socket_address {
    sockaddr_storage storage{};
    socklen_t size = 0;
    int family = 0;
};
/// Empty if the name has no address.
[[nodiscard]] std::vector<socket_address> resolve(const target_url& url);

/// TLS settings shared by the connections of a run.
class tls_client {
public:
    struct options {
        bool insecure = false;
        std::string ca_file;
    };
    /// @throws std::runtime_error if `ca_file` cannot be used
    explicit tls_client(const options& how);
    ~tls_client();
    tls_client(const tls_client&) = delete;
    tls_client& operator=(const tls_client&) = delete;

    /// A session over `fd`, before its handshake, that will verify `host`. Owned by the caller.
    [[nodiscard]] SSL* session(int fd, const std::string& host) const;

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

/// SHA-256 of the subject public key info of the peer's certificate, hexadecimal; "" if it has none.
[[nodiscard]] std::string peer_spki_sha256(SSL* session);

/// Where to connect to.
struct target {
    target_url url;
    std::vector<socket_address> addresses;
    std::shared_ptr<const tls_client> tls;   ///< null for ws://
};

}  // namespace agentmesh::conformance
