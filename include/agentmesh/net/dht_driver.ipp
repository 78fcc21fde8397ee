// Bodies of net/dht_driver.hpp.
#pragma once

#include <charconv>

namespace agentmesh::net {

inline dht::endpoint to_endpoint(const asio::ip::udp::endpoint& at) {
    dht::endpoint out{.v6 = at.address().is_v6(), .port = at.port()};
    const auto copy = [&out](const auto& bytes) { std::copy(bytes.begin(), bytes.end(), out.address.begin()); };
    if (out.v6)
        copy(at.address().to_v6().to_bytes());
    else
        copy(at.address().to_v4().to_bytes());
    return out;
}

inline asio::ip::udp::endpoint to_asio(const dht::endpoint& at) {
    if (at.v6) return {asio::ip::address_v6{at.address}, at.port};
    return {asio::ip::address_v4{{at.address[0], at.address[1], at.address[2], at.address[3]}}, at.port};
}

inline result<dht::endpoint> parse_endpoint(std::string_view text) {
    const auto refused = [] { return fail(errc::bad_datagram); };
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return refused();
    auto host = text.substr(0, colon);
    const auto digits = text.substr(colon + 1);
    std::uint16_t port = 0;
    const auto [end, why] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (why != std::errc{} || end != digits.data() + digits.size() || port == 0) return refused();
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    std::error_code wrong;
    const auto address = asio::ip::make_address(std::string{host}, wrong);
    // A zone names an interface of this host, and has no place in the table.
    if (wrong || address.is_v6() != bracketed || host.find('%') != std::string_view::npos) return refused();
    return to_endpoint({address, port});
}

inline std::string to_text(const dht::endpoint& at) {
    const auto address = to_asio(at).address().to_string();
    return (at.v6 ? "[" + address + "]" : address) + ":" + std::to_string(at.port);
}

/// The machine's NodeSink. What concerns the owner is posted, because the owner may give a command in return.
struct dht_driver::actions {
    dht_driver& self;

    void send(const dht::endpoint& to, byte_view bytes) const {
        // As with any datagram on its way, one that cannot be sent now is lost.
        std::error_code ignored;
        if (auto* from = self.of_family(to.v6))
            from->socket.send_to(asio::buffer(bytes.data(), bytes.size()), to_asio(to), 0, ignored);
    }
    void found(dht::ticket what, const dht::discovery_record& record) const { finish(what, record); }
    void not_found(dht::ticket what) const { finish(what, std::nullopt); }
    void published(const amid& who, std::size_t holders) const {
        post([driver = &self, who, holders] {
            if (driver->on_published) driver->on_published(who, holders);
        });
    }
    void renew(const amid& who) const {
        post([driver = &self, who] {
            if (driver->on_renew) driver->on_renew(who);
        });
    }

private:
    void finish(dht::ticket what, std::optional<dht::discovery_record> record) const {
        post([driver = &self, what, record = std::move(record)] {
            const auto asked = driver->waiting_.extract(what);
            if (!asked.empty() && asked.mapped()) asked.mapped()(record ? &*record : nullptr);
        });
    }
    template <class F>
    void post(F&& what) const {
        asio::post(*self.io_, [alive = std::weak_ptr{self.alive_}, what = std::forward<F>(what)] {
            if (!alive.expired()) what();
        });
    }
};

inline dht_driver::dht_driver(asio::io_context& io, const dht::node_key_pair& keys, dht_driver_options chosen)
    : chosen_{std::move(chosen)}, io_{&io}, keys_{&keys}, deadline_{io} {}

inline dht_driver::listener* dht_driver::of_family(bool v6) const noexcept {
    for (const auto& one : listeners_)
        if (to_endpoint(one->from).v6 == v6) return one.get();
    return nullptr;
}

inline result<void> dht_driver::open(const std::string& address) {
    const auto at = asio::ip::make_address(address, error_);
    if (error_) return fail(errc::io_failed);
    auto one = std::make_unique<listener>(*io_);
    const asio::ip::udp::endpoint where{at, chosen_.port};
    one->socket.open(where.protocol(), error_);
    if (!error_ && at.is_v6()) one->socket.set_option(asio::ip::v6_only{true}, error_);
    if (!error_) one->socket.bind(where, error_);
    if (!error_) one->socket.non_blocking(true, error_);
    if (error_) return fail(errc::io_failed);
    one->from = where;
    listeners_.push_back(std::move(one));
    return {};
}

inline result<void> dht_driver::start() {
    assert(!node_);
    for (const auto& address : chosen_.addresses) {
        if (const auto up = open(address); !up) {
            listeners_.clear();
            return fail(up.error());
        }
    }
    chosen_.node.v4 = of_family(false) != nullptr;
    chosen_.node.v6 = of_family(true) != nullptr;
    AGENTMESH_TRY(machine, dht::node::create(*keys_, chosen_.node, random_));
    node_.emplace(std::move(machine));
    actions out{*this};
    node_->start(chosen_.bootstrap, clock_.now(), out);
    for (const auto& one : listeners_) receive(*one);
    arm_timer();
    return {};
}

inline void dht_driver::stop() {
    alive_ = std::make_shared<bool>(true);
    deadline_.cancel();
    std::error_code ignored;
    for (const auto& one : listeners_) one->socket.close(ignored);
    waiting_.clear();
}

inline void dht_driver::receive(listener& at) {
    at.socket.async_receive_from(
        asio::buffer(at.bytes), at.from,
        [this, &at, alive = std::weak_ptr{alive_}](const std::error_code& why, std::size_t size) {
            // Closed, or gone with the driver. Another error is that of one datagram, such as an ICMP answer to it.
            if (alive.expired() || why == asio::error::operation_aborted || why == asio::error::bad_descriptor) return;
            if (!why) {
                actions out{*this};
                (void)node_->on_datagram(to_endpoint(at.from), byte_view{at.bytes.data(), size}, clock_.now(), out);
                arm_timer();
            }
            receive(at);
        });
}

inline void dht_driver::arm_timer() {
    deadline_.expires_at(to_std(node_->next_deadline()));
    deadline_.async_wait([this, alive = std::weak_ptr{alive_}](const std::error_code& cancelled) {
        if (cancelled || alive.expired()) return;
        actions out{*this};
        node_->on_tick(clock_.now(), out);
        arm_timer();
    });
}

inline result<void> dht_driver::find(const amid& who, finder done) {
    if (!node_) return fail(errc::io_failed);
    actions out{*this};
    AGENTMESH_TRY(ticket, node_->find(who, clock_.now(), out));
    waiting_.emplace(ticket, std::move(done));
    arm_timer();
    return {};
}

inline result<void> dht_driver::publish(dht::discovery_record record) {
    if (!node_) return fail(errc::io_failed);
    actions out{*this};
    AGENTMESH_CHECK(node_->publish(std::move(record), clock_.now(), out));
    arm_timer();
    return {};
}

inline dht::endpoint dht_driver::local(bool v6) const {
    const auto* at = of_family(v6);
    std::error_code ignored;
    return at ? to_endpoint(at->socket.local_endpoint(ignored)) : dht::endpoint{.v6 = v6};
}

}  // namespace agentmesh::net
