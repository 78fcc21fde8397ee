// Logins at OpenID providers: OAuth 2.0 authorization code with PKCE (RFC 6749, RFC 7636), as requests and as what is
// kept between them. The service decides with them; nothing here has a socket.
#pragma once

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/crypto/secret.hpp>
#include <agentmesh/registry/id_token.hpp>
#include <agentmesh/registry/outside.hpp>

#include <memory>

namespace agentmesh::registry {

/// How long a login may take from its beginning to its end, and a token for a registration may be shown after that.
inline constexpr std::chrono::seconds login_time{600};

/// A provider as its operator describes it.
struct login_provider {
    std::string name{};  ///< as agents call it: `github`, `acme`
    std::string display_name{};
    std::string issuer{};
    std::string authorization_endpoint{};
    std::string token_endpoint{};
    std::string keys_endpoint{};  ///< `jwks_uri`
    std::string client_id{};
    std::shared_ptr<const crypto::secret_buffer> client_secret{};  ///< none for a public client
    std::string redirect_uri{};                                    ///< where the provider sends people back to: ours
    std::string scope = "openid email";
    bool verified_email = true;  ///< only logins of which the provider has verified the address

    /// From JSON, with the members of a provider's own metadata where there are any: `name`, `display_name`, `issuer`,
    /// `authorization_endpoint`, `token_endpoint`, `jwks_uri`, `client_id`, `client_secret`, `redirect_uri`, `scope`,
    /// `verified_email`. URLs are `https`, or `http` on this machine.
    /// @errors the JSON reader's; missing_member, wrong_member
    [[nodiscard]] static result<login_provider> parse(std::string_view json);
};

/// One login under way, as the store keeps it under its state.
struct login_attempt {
    std::string who{};       ///< AMID
    std::string provider{};  ///< name
    std::string verifier{};  ///< of PKCE
    std::string nonce{};
    std::string token{};  ///< once the provider has given one

    [[nodiscard]] std::string json() const;
    [[nodiscard]] static result<login_attempt> parse(std::string_view json);
};

/// 32 random bytes as text, fit for a state, a nonce or a verifier. @errors those of the source
[[nodiscard]] result<std::string> draw_text(RandomSource auto& random);

/// Where the browser is sent. @spec AM-OAU-009
[[nodiscard]] std::string authorization_url(const login_provider& at, const login_attempt& of, std::string_view state);
/// What is asked with the code that came back.
[[nodiscard]] web_question token_request(const login_provider& at, const login_attempt& of, std::string_view code);
[[nodiscard]] web_question keys_request(const login_provider& at);
/// The ID token of an answer to token_request.
/// @errors registry_failed if the provider has trouble, not_allowed if it refuses
[[nodiscard]] result<std::string> token_of(const http::response& answer);

}  // namespace agentmesh::registry

#include <agentmesh/registry/login.ipp>
