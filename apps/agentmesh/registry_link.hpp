// The connection of one command to the registry that its owner named: asks, waits, and remembers what was learned.
#pragma once

#include "apps/agentmesh/known_agents.hpp"
#include "apps/agentmesh/talk.hpp"

#include <agentmesh/net/http_client.hpp>
#include <agentmesh/registry/client.hpp>

/// What an owner believes of the registry that `with` names. @return nothing, with the reason said
[[nodiscard]] std::optional<agentmesh::registry::client_options> registry_beliefs(const settings& with, int& status);

class registry_link {
public:
    using client = agentmesh::registry::client;

    /// @param self  outlives the link. @return nothing, with the reason said
    [[nodiscard]] static std::unique_ptr<registry_link> open(const settings& with,
                                                             const agentmesh::local_identity& self, int& status);

    [[nodiscard]] client& mesh() noexcept { return *client_; }
    [[nodiscard]] agentmesh::crypto::system_random& random() noexcept { return random_; }
    [[nodiscard]] static agentmesh::time_point now() { return agentmesh::net::system_clock{}.now().wall; }
    /// What the registry is called.
    [[nodiscard]] const std::string& name() const noexcept { return with_.registry; }

    /// Asks until there is an answer, or no use in asking again. `make` is called for each attempt, because a proof
    /// serves once.
    template <class Make>
    [[nodiscard]] agentmesh::result<agentmesh::http::response> ask(Make&& make) {
        for (unsigned made = 1;; ++made) {
            agentmesh::result<agentmesh::http::request> request = make();
            if (!request) return agentmesh::fail(request.error());
            auto outcome = once(*std::move(request));
            const auto wait = agentmesh::registry::wait_before_retry(outcome, made);
            if (!wait) return outcome;
            std::this_thread::sleep_for(*wait);
        }
    }

    /// Says what went wrong with an answer, in the registry's own words where it has some. @return the exit code
    int complain(const agentmesh::result<agentmesh::http::response>& answer, const agentmesh::error& why,
                 const std::string& about) const;
    /// Keeps what was learned. @return the exit code: `status`, or another if that failed, with the reason said
    [[nodiscard]] int finish(int status);

private:
    registry_link(const settings& with, known_agents known) : with_{with}, known_{std::move(known)} {}

    [[nodiscard]] agentmesh::result<agentmesh::http::response> once(agentmesh::http::request what);

    const settings& with_;
    known_agents known_;
    asio::io_context io_{1};
    agentmesh::crypto::system_random random_;
#if AGENTMESH_TLS
    std::optional<agentmesh::net::tls_context> secure_;
#endif
    std::optional<agentmesh::net::http_client> http_;
    std::optional<client> client_;
};
