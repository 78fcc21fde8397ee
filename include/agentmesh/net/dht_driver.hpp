// Runs a node of the DHT over UDP.
//
//     net::dht_driver mesh{io, node_keys, {.bootstrap = {*net::parse_endpoint("203.0.113.5:8468")}}};
//     if (auto up = mesh.start(); !up) { std::cerr << to_string(up.error()) << '\n'; return 1; }
//     (void)mesh.find(bob, [&](const dht::discovery_record* found) { ... });   // null if nobody knows him
//     io.run();                                                                // until mesh.stop()
#pragma once

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/dht/node.hpp>
#include <agentmesh/net/asio.hpp>
#include <agentmesh/net/system_clock.hpp>

#include <asio/basic_datagram_socket.hpp>
#include <asio/ip/udp.hpp>
#include <asio/ip/v6_only.hpp>

#include <functional>
#include <memory>

namespace agentmesh::net {

inline constexpr std::uint16_t dht_port = 8468;

/// `203.0.113.5:8468` or `[2a01::1]:8468`; numeric, because a name would have to be asked for.
/// @errors bad_datagram for anything else, and for port 0
[[nodiscard]] result<dht::endpoint> parse_endpoint(std::string_view text);
[[nodiscard]] std::string to_text(const dht::endpoint& at);

struct dht_driver_options {
    /// Numeric addresses to listen at, at most one of each family.
    std::vector<std::string> addresses{"0.0.0.0"};
    std::uint16_t port = dht_port;  ///< 0: the system chooses
    std::vector<dht::endpoint> bootstrap{};
    dht::node_options node{};  ///< its families follow from `addresses`
};

/// Lives on one io_context that one thread runs. Handlers are called from the io_context, never from within a command.
class dht_driver {
public:
    using finder = std::function<void(const dht::discovery_record*)>;

    /// @param keys  of the node; must outlive the driver
    dht_driver(asio::io_context& io, const dht::node_key_pair& keys, dht_driver_options chosen);
    ~dht_driver() { stop(); }
    dht_driver(const dht_driver&) = delete;
    dht_driver& operator=(const dht_driver&) = delete;

    /// Binds, and joins the network in the background.
    /// @errors io_failed, of which `system_error()` says more; those of the random source
    [[nodiscard]] result<void> start();
    /// Closes the sockets; nothing is left to do on the io_context. Lookups under way are not answered any more.
    void stop();

    /// @param done  called once, with nothing if the agent was not found
    /// @errors lookup_limit; io_failed before `start`
    [[nodiscard]] result<void> find(const amid& who, finder done);
    /// @errors those of node::publish; io_failed before `start`
    [[nodiscard]] result<void> publish(dht::discovery_record record);

    [[nodiscard]] const dht::node& machine() const noexcept { return *node_; }
    /// Where the socket of this family listens; port 0 if there is none.
    [[nodiscard]] dht::endpoint local(bool v6 = false) const;
    [[nodiscard]] std::error_code system_error() const noexcept { return error_; }

    // Each may be left empty.
    std::function<void(const amid&, std::size_t holders)> on_published{};
    std::function<void(const amid&)> on_renew{};  ///< time to sign a record anew and to publish it

private:
    using udp_socket = asio::basic_datagram_socket<asio::ip::udp, executor>;

    /// One byte more than a datagram may have, so that a longer one is not taken for its beginning.
    struct listener {
        explicit listener(asio::io_context& io) : socket{io} {}

        udp_socket socket;
        asio::ip::udp::endpoint from{};
        std::array<std::uint8_t, limits::dht_datagram_bytes + 1> bytes{};
    };
    struct actions;

    [[nodiscard]] result<void> open(const std::string& address);
    void receive(listener& at);
    void arm_timer();
    [[nodiscard]] listener* of_family(bool v6) const noexcept;

    dht_driver_options chosen_;
    asio::io_context* io_;
    const dht::node_key_pair* keys_;
    system_clock clock_;
    crypto::system_random random_;
    std::optional<dht::node> node_;
    std::vector<std::unique_ptr<listener>> listeners_;
    std::map<dht::ticket, finder> waiting_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // a posted handler asks whether we still are
    steady_timer deadline_;
    std::error_code error_{};
};

}  // namespace agentmesh::net

#include <agentmesh/net/dht_driver.ipp>
