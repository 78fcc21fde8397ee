// Runs a finder: a registry over HTTP, the distributed table over UDP, the local network over mDNS, as far as the owner
// names them.
//
//     registry::found_agents found;
//     registry::found_directory agents{own_file, found};          // what the agent is given
//     net::finder find{io, self, found, memory, {.registry = "https://registry.example"}};
//     AGENTMESH_CHECK(find.start());
//     net::driver mesh{io, alice, {.after = [&] { find.publish(agents); }, .resolve = find.resolver()}};
//     find.on_resolved = [&](const amid& who, const result<void>& outcome) { mesh.resolved(who, outcome); };
#pragma once

#include <agentmesh/net/http_client.hpp>
#include <agentmesh/net/lan_driver.hpp>
#include <agentmesh/registry/finder.hpp>

#if AGENTMESH_TLS
#include <agentmesh/net/tls.hpp>
#endif

namespace agentmesh::net {

struct finder_options {
    std::string registry{};                   ///< URL; empty: none
    registry::client_options client{};        ///< its host is filled in
    registry::enrolment about{};              ///< to register with; its relay and name come with what is published
    std::string trusted_file{};               ///< PEM; for `https`, in place of the system's certificates
    std::optional<dht_driver_options> dht{};  ///< nothing: not looked for there
    std::optional<lan_driver_options> lan{};
    std::uint16_t lan_port = 0;  ///< announced on the local network; 0: only looked for there
    /// The order; those that are not named above are left out of it.
    registry::finder_options find{};
    bool publish = true;  ///< the own record goes to all of them too
};

/// Lives on one io_context that one thread runs. Handlers are called from the io_context, never from within a command.
class finder {
public:
    using done = std::function<void(const result<void>&)>;

    /// @param self, found, memory  must outlive the finder
    finder(asio::io_context& io, const local_identity& self, registry::found_agents& found,
           registry::client_memory& memory, finder_options chosen);
    ~finder() { stop(); }
    finder(const finder&) = delete;
    finder& operator=(const finder&) = delete;

    /// @errors http_malformed for a URL that is none, tls_failed; those of dht_driver and lan_driver; of the random
    /// source
    [[nodiscard]] result<void> start();
    /// Nothing is left to do on the io_context; what is being looked for is not answered any more.
    void stop();

    /// Looks for an agent; `done`, then `on_resolved`, are called once.
    /// @errors lookup_limit; registry_failed before `start`
    [[nodiscard]] result<void> resolve(const amid& who, done then = {});
    /// The same as a driver wants it.
    [[nodiscard]] std::function<bool(const amid&)> resolver() {
        return [this](const amid& who) { return resolve(who).has_value(); };
    }

    /// Brings what was published to the directory since to all places.
    template <class Directory>
    void publish(Directory& from) {
        if (auto own = from.take_publication()) publish(*std::move(own));
    }
    void publish(registry::kept_publication own);

    /// One request to the registry, with tries again; `make` is called for each try, since a proof serves once.
    void ask(std::function<result<http::request>()> make, http_client::answered then);
    /// Null without a registry, and before `start`.
    [[nodiscard]] registry::client* client() noexcept { return client_ ? &*client_ : nullptr; }
    [[nodiscard]] crypto::system_random& random() noexcept { return random_; }
    [[nodiscard]] const dht_driver* table() const noexcept { return dht_ ? &*dht_ : nullptr; }

    // Each may be left empty.
    std::function<void(const amid&, const result<void>&)> on_resolved{};
    std::function<void(registry::find_source, const amid&, const error&)> on_doubted{};
    /// The own record is at the registry, with so many one-time prekeys waiting there; or why not.
    std::function<void(const result<void>&, std::uint64_t)> on_published{};
    /// The memory has changed, and is to be saved.
    std::function<void()> on_learned{};

private:
    struct actions;
    static constexpr unsigned join_tries = 20;
    static constexpr duration join_pause = std::chrono::milliseconds{250};

    template <class F>
    void perform(F&& command);
    void post(std::function<void()> then);
    void arm_timer();
    void told(registry::find_ticket what, const std::optional<registry::self_told>& by);
    void ask_table(registry::find_ticket what, const amid& who, unsigned tries);
    void later(duration pause, std::function<void()> then);
    void wait_for_lan(registry::find_ticket what, const amid& who);
    void try_again(std::shared_ptr<std::function<result<http::request>()>> make, http_client::answered then,
                   unsigned made);
    void sign_record();

    asio::io_context* io_;
    const local_identity* self_;
    registry::found_agents* found_;
    registry::client_memory* memory_;
    finder_options chosen_;
    system_clock clock_;
    crypto::system_random random_;
#if AGENTMESH_TLS
    std::optional<tls_context> tls_;
#endif
    std::optional<http_client> http_;
    std::optional<registry::client> client_;
    std::optional<dht::node_key_pair> node_keys_;
    std::optional<dht_driver> dht_;
    std::optional<lan_driver> lan_;
    std::map<amid, registry::self_told> neighbours_;       // of the local network, at most 256
    std::multimap<amid, registry::find_ticket> expected_;  // on the local network
    std::optional<registry::finder<crypto::system_random>> machine_;
    std::optional<registry::kept_publication> own_;  // for a record signed anew
    std::multimap<amid, done> waiting_;
    std::set<std::shared_ptr<steady_timer>> timers_;
    duration publish_pause_ = join_pause;  // where nobody keeps the own record
    steady_timer deadline_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // a posted handler asks whether we still are
};

}  // namespace agentmesh::net

#include <agentmesh/net/finder.ipp>
