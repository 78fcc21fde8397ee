#include "conformance/zoo/registry_reference.hpp"

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/net/http_server.hpp>
#include <agentmesh/registry/service.hpp>

#include <future>
#include <stdexcept>
#include <thread>

#if !defined(AGENTMESH_ZOO)
#error "the zoo needs fault points: compile with AGENTMESH_ZOO"
#endif

namespace agentmesh::conformance::zoo {

namespace {

constexpr milliseconds head{700}, body{1000};

class running_registry final : public registry_target {
public:
    explicit running_registry(const registry_faults& broken) {
        std::promise<std::uint16_t> ready;
        auto port = ready.get_future();
        thread_ = std::thread{[this, broken, &ready] {
            registry::active_fault = broken.service;
            http::active_fault = broken.server;
            active_fault = broken.shared;
            serve(ready);
        }};
        try {
            port_ = port.get();
        } catch (...) {
            thread_.join();
            throw;
        }
    }
    ~running_registry() override {
        asio::post(io_, [this] { stop_(); });
        thread_.join();
    }

    [[nodiscard]] std::uint16_t port() const override { return port_; }
    [[nodiscard]] std::string url() const override { return "http://127.0.0.1:" + std::to_string(port_); }

    void be_called(std::string_view authority) override {
        std::promise<void> done;
        asio::post(io_, [&] {
            rename_(std::string{authority});
            done.set_value();
        });
        done.get_future().wait();
    }

private:
    using service = registry::service<registry::memory_store, crypto::system_random>;

    void serve(std::promise<std::uint16_t>& ready) {
        registry::memory_store store;
        crypto::system_random random;
        std::optional<service> mesh;  // once the port is known, which is part of what requests are signed for
        const auto answer = [&mesh](const http::request& asked, const std::string& address, const moment& now) {
            return mesh->handle(asked, {address}, now);
        };
        net::http_server server{io_, server_options(), answer};
        if (auto up = server.start(); !up) {
            ready.set_exception(std::make_exception_ptr(std::runtime_error{server.why()}));
            return;
        }
        rename_ = [&](std::string authority) {
            mesh.emplace(store,
                         registry::service_options{.host = std::move(authority),
                                                   .relay_endpoint = "wss://relay.example/v1/connect",
                                                   .requests_per_minute = 0,
                                                   .registrations_per_minute = 0},
                         random);
        };
        rename_("127.0.0.1:" + std::to_string(server.port()));
        stop_ = [&server] { server.stop(); };
        ready.set_value(server.port());
        io_.run();
    }

    static net::http_server_options server_options() {
        net::http_server_options out;
        out.limits.head_time = head;
        out.limits.body_time = body;
        out.connections_per_address = 0;
        out.drain_time = milliseconds{200};
        return out;
    }

    asio::io_context io_{1};
    std::function<void()> stop_;
    std::function<void(std::string)> rename_;
    std::uint16_t port_ = 0;
    std::thread thread_;
};

struct named_fault {
    std::string_view name;
    registry_faults which;
};

constexpr named_fault faults[] = {
#define AGENTMESH_FAULT(name) {#name, {.service = registry::fault::name}},
#include <agentmesh/registry/fault_list.ipp>
#undef AGENTMESH_FAULT
#define AGENTMESH_FAULT(name) {#name, {.server = http::fault::name}},
#include <agentmesh/http/fault_list.ipp>
#undef AGENTMESH_FAULT
    {"json_duplicates", {.shared = fault::json_duplicates}},
    {"json_surrogates", {.shared = fault::json_surrogates}},
    {"ws_bare_cr", {.shared = fault::ws_bare_cr}},
    {"ws_big_head", {.shared = fault::ws_big_head}},
    {"ws_two_hosts", {.shared = fault::ws_two_hosts}},
};

}  // namespace

std::unique_ptr<registry_target> start_registry(const registry_faults& broken) {
    return std::make_unique<running_registry>(broken);
}

timings registry_timings() {
    timings out;
    out.head = head;
    return out;
}

std::optional<registry_faults> find_registry_fault(std::string_view name) {
    for (const auto& known : faults)
        if (known.name == name) return known.which;
    return std::nullopt;
}

const std::vector<std::string_view>& registry_fault_names() {
    static const std::vector<std::string_view> names = [] {
        std::vector<std::string_view> out;
        for (const auto& known : faults)
            if (!known.name.starts_with("client_")) out.push_back(known.name);
        return out;
    }();
    return names;
}

}  // namespace agentmesh::conformance::zoo
