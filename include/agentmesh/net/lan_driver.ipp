// Bodies of net/lan_driver.hpp.
#pragma once

namespace agentmesh::net {

inline constexpr std::string_view mdns_group = "224.0.0.251";

/// The machine's LanSink.
struct lan_driver::actions {
    lan_driver& self;

    void send(byte_view bytes) const {
        std::error_code ignored;
        self.socket_.send_to(asio::buffer(bytes.data(), bytes.size()), self.group_, 0, ignored);
    }
    void appeared(const dht::discovery_record& record, std::span<const dht::endpoint> at) const {
        post([driver = &self, record, at = std::vector(at.begin(), at.end())] {
            if (driver->on_appeared) driver->on_appeared(record, at);
        });
    }
    void gone(const amid& who) const {
        post([driver = &self, who] {
            if (driver->on_gone) driver->on_gone(who);
        });
    }

private:
    template <class F>
    void post(F&& what) const {
        asio::post(*self.io_, [alive = std::weak_ptr{self.alive_}, what = std::forward<F>(what)] {
            if (!alive.expired()) what();
        });
    }
};

inline lan_driver::lan_driver(asio::io_context& io, lan_driver_options chosen)
    : chosen_{std::move(chosen)}, io_{&io}, socket_{io}, deadline_{io} {}

inline void lan_driver::open() {
    const auto group = asio::ip::make_address_v4(mdns_group, error_);
    if (error_) return;
    const auto here = asio::ip::make_address_v4(chosen_.interface, error_);
    if (error_) return;
    group_ = {group, dht::mdns_port};
    socket_.open(asio::ip::udp::v4(), error_);
    // Others of this host listen there too, and hear the same.
    if (!error_) socket_.set_option(asio::ip::udp::socket::reuse_address{true}, error_);
    if (!error_) socket_.bind({group, dht::mdns_port}, error_);
    if (!error_) socket_.set_option(asio::ip::multicast::join_group{group, here}, error_);
    if (!error_) socket_.set_option(asio::ip::multicast::outbound_interface{here}, error_);
    if (!error_) socket_.set_option(asio::ip::multicast::enable_loopback{true}, error_);
    if (!error_) socket_.set_option(asio::ip::multicast::hops{255}, error_);  // RFC 6762 section 11
    if (!error_) socket_.non_blocking(true, error_);
}

inline result<void> lan_driver::start() {
    open();
    if (error_) {
        std::error_code ignored;
        socket_.close(ignored);
        return fail(errc::io_failed);
    }
    AGENTMESH_TRY(machine, dht::lan::create(random_));
    machine_.emplace(std::move(machine));
    receive();
    return {};
}

inline void lan_driver::stop() {
    alive_ = std::make_shared<bool>(true);
    deadline_.cancel();
    if (!machine_) return;
    actions out{*this};
    machine_->withdraw(out);
    machine_.reset();
    std::error_code ignored;
    socket_.close(ignored);
}

inline result<void> lan_driver::announce(dht::discovery_record record, std::uint16_t port) {
    if (!machine_) return fail(errc::io_failed);
    const auto here = to_endpoint({asio::ip::make_address(chosen_.interface, error_), port});
    actions out{*this};
    AGENTMESH_CHECK(machine_->announce(std::move(record), {{here}, port}, clock_.now(), out));
    arm_timer();
    return {};
}

inline void lan_driver::browse() {
    if (!machine_) return;
    actions out{*this};
    machine_->browse(clock_.now(), out);
    arm_timer();
}

inline void lan_driver::receive() {
    socket_.async_receive_from(
        asio::buffer(bytes_), from_,
        [this, alive = std::weak_ptr{alive_}](const std::error_code& why, std::size_t size) {
            if (alive.expired() || why == asio::error::operation_aborted || why == asio::error::bad_descriptor) return;
            if (!why) {
                actions out{*this};
                const byte_view bytes{bytes_.data(), size};
                (void)machine_->on_message(to_endpoint(from_), bytes, clock_.now(), out);
                arm_timer();
            }
            receive();
        });
}

inline void lan_driver::arm_timer() {
    const auto next = machine_->next_deadline();
    if (next == steady_point::max()) return (void)deadline_.cancel();
    deadline_.expires_at(to_std(next));
    deadline_.async_wait([this, alive = std::weak_ptr{alive_}](const std::error_code& cancelled) {
        if (cancelled || alive.expired()) return;
        actions out{*this};
        machine_->on_tick(clock_.now(), out);
        arm_timer();
    });
}

}  // namespace agentmesh::net
