// Announces an agent on the local network, and finds others, over the multicast group of mDNS.
//
//     net::lan_driver lan{io, {.interface = "192.168.0.7"}};
//     lan.on_appeared = [](const dht::discovery_record& who, std::span<const dht::endpoint> at) { ... };
//     if (auto up = lan.start(); !up) { std::cerr << to_string(up.error()) << '\n'; return 1; }
//     lan.browse();
//     (void)lan.announce(record, 8765);
#pragma once

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/dht/lan.hpp>
#include <agentmesh/net/dht_driver.hpp>

#include <asio/ip/multicast.hpp>

namespace agentmesh::net {

struct lan_driver_options {
    /// The numeric IPv4 address of this host on that network; it is announced, and what is sent leaves there.
    std::string interface{};
};

/// Lives on one io_context that one thread runs. Other responders of this host may use the port too.
class lan_driver {
public:
    lan_driver(asio::io_context& io, lan_driver_options chosen);
    ~lan_driver() { stop(); }
    lan_driver(const lan_driver&) = delete;
    lan_driver& operator=(const lan_driver&) = delete;

    /// @errors io_failed, of which `system_error()` says more; those of the random source
    [[nodiscard]] result<void> start();
    /// Takes back what was announced, and closes the socket; nothing is left to do on the io_context.
    void stop();

    /// @param port  where the agent listens
    /// @errors those of lan::announce; io_failed before `start`
    [[nodiscard]] result<void> announce(dht::discovery_record record, std::uint16_t port);
    void browse();

    [[nodiscard]] std::error_code system_error() const noexcept { return error_; }

    // Each may be left empty. Called from the io_context, never from within a command.
    std::function<void(const dht::discovery_record&, std::span<const dht::endpoint>)> on_appeared{};
    std::function<void(const amid&)> on_gone{};

private:
    using udp_socket = asio::basic_datagram_socket<asio::ip::udp, executor>;
    struct actions;

    void open();
    void receive();
    void arm_timer();

    lan_driver_options chosen_;
    asio::io_context* io_;
    system_clock clock_;
    crypto::system_random random_;
    std::optional<dht::lan> machine_;
    udp_socket socket_;
    steady_timer deadline_;
    asio::ip::udp::endpoint group_{};
    asio::ip::udp::endpoint from_{};
    std::array<std::uint8_t, dht::dns_message_bytes + 1> bytes_{};
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    std::error_code error_{};
};

}  // namespace agentmesh::net

#include <agentmesh/net/lan_driver.ipp>
