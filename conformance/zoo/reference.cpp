#include "conformance/zoo/reference.hpp"

#include "conformance/zoo/meddler.hpp"

#include <agentmesh/net/relay_server.hpp>

#include <future>
#include <stdexcept>
#include <thread>

#if !defined(AGENTMESH_ZOO)
#error "the zoo needs fault points: compile with AGENTMESH_ZOO"
#endif

namespace agentmesh::conformance::zoo {

namespace {

constexpr milliseconds handshake{700}, head{700}, ping{600}, grace{1000};

class running final : public reference_target {
public:
    explicit running(const reference_options& how) {
        std::promise<std::uint16_t> ready;
        auto port = ready.get_future();
        thread_ = std::thread{[this, how, &ready] {
            active_fault = how.broken;
            net::basic_relay_server<meddling_machine> server{io_, options(how)};
            if (auto up = server.start(); !up) {
                ready.set_exception(std::make_exception_ptr(std::runtime_error{server.why()}));
                return;
            }
            stop_ = [&server] { server.stop(); };
            ready.set_value(server.port());
            io_.run();
        }};
        try {
            port_ = port.get();
        } catch (...) {
            thread_.join();
            throw;
        }
    }
    ~running() override {
        asio::post(io_, [this] { stop_(); });
        thread_.join();
    }

    [[nodiscard]] std::uint16_t port() const override { return port_; }
    [[nodiscard]] std::string url() const override { return "ws://127.0.0.1:" + std::to_string(port_) + "/"; }

private:
    static net::relay_server_options options(const reference_options& how) {
        net::relay_server_options out;
        out.port = 0;
        out.head_timeout = head;
        out.drain_timeout = milliseconds{200};
        // Longer than any patience of the harness, so that the fault shows and not the driver's own remedy.
        if (how.broken == fault::ws_tcp_stays) out.close_grace = std::chrono::minutes{1};
        out.relay.handshake_timeout = handshake;
        out.relay.ping_interval = ping;
        out.relay.pong_grace = grace;
        out.relay.mailbox.lifetime = how.expiry;
        out.relay.first_start = true;
        out.relay.challenge = out.relay.receipts = how.features;
        return out;
    }

    asio::io_context io_{1};
    std::function<void()> stop_;
    std::uint16_t port_ = 0;
    std::thread thread_;
};

struct named_fault { std::string_view name; fault which; };

constexpr named_fault faults[] = {
    {"none", fault::none},
#define AGENTMESH_FAULT(name) {#name, fault::name},
#include <agentmesh/core/fault_list.ipp>
#undef AGENTMESH_FAULT
};

}  // namespace

std::unique_ptr<reference_target> start_reference(const reference_options& how) {
    return std::make_unique<running>(how);
}

timings reference_timings(const reference_options& how) {
    timings out;
    out.handshake = handshake;
    out.head = head;
    out.ping = ping;
    out.pong_grace = grace;
    out.expiry = how.expiry;
    return out;
}

std::optional<fault> find_fault(std::string_view name) {
    for (const auto& known : faults)
        if (known.name == name) return known.which;
    return std::nullopt;
}

const std::vector<std::string_view>& fault_names() {
    static const std::vector<std::string_view> names = [] {
        std::vector<std::string_view> out;
        for (const auto& known : faults)
            if (known.which != fault::none) out.push_back(known.name);
        return out;
    }();
    return names;
}

}  // namespace agentmesh::conformance::zoo
