#include "apps/agentmesh/registry_link.hpp"

#if AGENTMESH_TLS
#include "apps/agentmesh/certificates.hpp"
#endif

#include <agentmesh/net/dht_driver.hpp>

using namespace agentmesh;

namespace {

/// Whether a registry is one of this machine or of this network: such a one may send us to others there. One that is
/// out in the open may not.
bool is_near(const std::string& host) {
    if (host == "localhost") return true;
    std::error_code not_numeric;
    const auto address = asio::ip::make_address(host, not_numeric);
    return !not_numeric && !dht::is_global(net::to_endpoint({address, 1}));
}

}  // namespace

std::optional<registry::client_options> registry_beliefs(const settings& with, int& status) {
    status = exit_code::usage;
    const auto where = net::parse_http_url(with.registry);
    if (!where) {
        complain(with.registry.empty()
                     ? "which registry? Name it with --registry URL"
                     : "--registry takes http://host:port or https://...; it is " + printable(with.registry));
        return std::nullopt;
    }
    registry::client_options out;
    out.local_endpoints = is_near(where->host);
    if (with.believe == "everything")
        out.believed = registry::belief::everything;
    else if (with.believe == "proofs")
        out.believed = registry::belief::proofs_only;
    else if (with.believe != "reputation") {
        complain("--believe: " + printable(with.believe) + "; there are proofs, reputation and everything");
        return std::nullopt;
    }
#if AGENTMESH_TLS
    if (!with.roots_file.empty()) {
        auto judge = standing_by_roots(with, status);
        if (!judge) return std::nullopt;
        out.standing = std::move(*judge);
    }
#endif
    status = exit_code::done;
    return out;
}

std::unique_ptr<registry_link> registry_link::open(const settings& with, const local_identity& self, int& status) {
    auto beliefs = registry_beliefs(with, status);
    if (!beliefs) return nullptr;
    const auto where = *net::parse_http_url(with.registry);
    auto known = known_agents::open(with.home);
    if (!known) {
        status = ::complain(known.error(), with, with.home + "/registry");
        return nullptr;
    }
    std::unique_ptr<registry_link> out{new registry_link{with, std::move(*known)}};
    const net::tls_context* secure = nullptr;
#if AGENTMESH_TLS
    if (where.secure) {
        auto made = net::tls_context::client(with.trusted_file);
        if (!made) {
            status = ::complain(made.error(), with, with.trusted_file);
            return nullptr;
        }
        secure = &out->secure_.emplace(std::move(*made));
    }
#endif
    out->http_.emplace(out->io_, where, secure);
    beliefs->host = out->http_->host();
    out->client_.emplace(self, std::move(*beliefs), out->known_.memory());
    return out;
}

result<http::response> registry_link::once(http::request what) {
    std::optional<result<http::response>> got;
    AGENTMESH_CHECK(http_->ask(std::move(what), [&](const result<http::response>& answer) { got = answer; }));
    io_.restart();
    while (!got && io_.run_one() > 0) {
    }
    return got ? std::move(*got) : result<http::response>{fail(errc::io_failed)};
}

int registry_link::complain(const result<http::response>& answer, const error& why, const std::string& about) const {
    const std::string before = about.empty() ? name() + ": " : about + ": ";
    const auto refused = answer ? registry::read_refusal(*answer) : std::nullopt;
    if (refused) {
        const auto& said = refused->message.empty() ? refused->word : refused->message;
        ::complain(
            before +
            (why.code == errc::unknown_peer ? "the registry does not know this agent"
                                            : "the registry refuses: " + to_string(why)) +
            (said.empty() ? "" : "; it says " + printable(said)) +
            (refused->retry_after ? "; come back in " + std::to_string(refused->retry_after->count()) + " s" : ""));
        return exit_code::refused;
    }
    if (!answer && (why.code == errc::io_failed || why.code == errc::timed_out || why.code == errc::tls_failed)) {
        ::complain(before + "no answer of " + printable(name()) + ": " + to_string(why) +
                   (why.code == errc::tls_failed ? "; name its certificate with --trust FILE" : "; is it there?"));
        return why.code == errc::tls_failed ? exit_code::refused : exit_code::late;
    }
    // The registry answered, and its answer does not hold.
    ::complain(before + "what the registry says is not believed: " + to_string(why));
    return exit_code::refused;
}

int registry_link::finish(int status) {
    if (!client_->take_changed()) return status;
    const auto saved = known_.save();
    return saved ? status : ::complain(saved.error(), with_, with_.home + "/registry");
}
