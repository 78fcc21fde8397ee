// A network in memory: machines, the routers before them, and datagrams on their way. Time is the test's.
//
// A router is what its mapping and its filter make it (RFC 4787): from which outer port a packet of an inner address
// leaves, and from whom packets to that port come in again.
#pragma once

#include <agentmesh/core/clock.hpp>
#include <agentmesh/core/endpoint.hpp>

#include <functional>
#include <map>
#include <queue>
#include <random>
#include <set>

namespace agentmesh::test {

enum class nat : std::uint8_t { open, full_cone, address_restricted, port_restricted, symmetric, blocked };
inline constexpr std::string_view to_text(nat of) noexcept {
    constexpr std::string_view words[] = {"open",      "full-cone", "address-restricted", "port-restricted",
                                          "symmetric", "blocked"};
    return words[static_cast<std::size_t>(of)];
}

struct network_faults {
    double lose = 0, twice = 0;                                                            ///< of all datagrams
    duration least = std::chrono::milliseconds{10}, most = std::chrono::milliseconds{20};  ///< on the way
};

class nat_network {
public:
    using receiver = std::function<void(const endpoint& from, byte_view, const moment&)>;

    explicit nat_network(std::uint64_t seed, network_faults faults = {}) : random_{seed}, faults_{faults} {}

    /// A machine with an address of its own behind a router, or without one (`nat::open`): `at` is then its outer one.
    void add(const endpoint& at, nat behind, std::uint32_t outer_address, receiver hear) {
        machines_[at] = {behind, outer_address, std::move(hear)};
    }
    void remove(const endpoint& at) { machines_.erase(at); }
    /// From now on the router of a machine lets nothing through.
    void cut(const endpoint& at) { machines_[at].behind = nat::blocked; }

    void send(const endpoint& from, const endpoint& to, byte_view bytes) {
        ++sent_;
        const auto sender = machines_.find(from);
        if (sender == machines_.end() || sender->second.behind == nat::blocked) return;
        const auto outside = outer(from, sender->second, to);
        const int copies = chance(faults_.lose) ? 0 : chance(faults_.twice) ? 2 : 1;
        for (int i = 0; i < copies; ++i) {
            const auto spread = static_cast<std::uint64_t>((faults_.most - faults_.least).count()) + 1;
            const auto when = now_.steady + faults_.least + duration{static_cast<duration::rep>(random_() % spread)};
            on_way_.push({when, ++number_, outside, to, {bytes.begin(), bytes.end()}});
        }
    }

    [[nodiscard]] const moment& now() const noexcept { return now_; }
    [[nodiscard]] std::optional<steady_point> next_arrival() const {
        return on_way_.empty() ? std::nullopt : std::optional{on_way_.top().when};
    }
    /// Lets time pass until `when`, and what arrives arrive.
    void advance(steady_point when) {
        while (!on_way_.empty() && on_way_.top().when <= when) {
            auto one = on_way_.top();
            on_way_.pop();
            now_ = now_ + (std::max(one.when, now_.steady) - now_.steady);
            deliver(one);
        }
        now_ = now_ + (std::max(when, now_.steady) - now_.steady);
    }
    [[nodiscard]] std::uint64_t sent() const noexcept { return sent_; }
    /// Seen by whoever sits in the middle: may change a datagram, or drop it by answering false.
    std::function<bool(endpoint& from, endpoint& to, buffer&)> spy{};

private:
    struct machine {
        nat behind = nat::open;
        std::uint32_t outer_address = 0;
        receiver hear{};
    };
    struct datagram {
        steady_point when;
        std::uint64_t number;
        endpoint from, to;
        buffer bytes;
        bool operator<(const datagram& other) const noexcept {
            return std::tie(when, number) > std::tie(other.when, other.number);
        }
    };
    struct mapping {
        endpoint inner;
        std::set<endpoint> spoken_to;
    };

    [[nodiscard]] bool chance(double of) { return of > 0 && static_cast<double>(random_() % 1'000'000) < of * 1e6; }

    [[nodiscard]] endpoint outer(const endpoint& from, const machine& by, const endpoint& to) {
        if (by.behind == nat::open) return from;
        const auto key = std::pair{from, by.behind == nat::symmetric ? to : endpoint{}};
        auto at = outside_of_.find(key);
        if (at == outside_of_.end())
            at = outside_of_.emplace(key, endpoint::v4(by.outer_address, static_cast<std::uint16_t>(20'000 + ++ports_)))
                     .first;
        auto& known = mappings_[at->second];
        known.inner = from;
        known.spoken_to.insert(to);
        return at->second;
    }

    void deliver(datagram& one) {
        if (spy && !spy(one.from, one.to, one.bytes)) return;
        auto inner = one.to;
        if (const auto at = mappings_.find(one.to); at != mappings_.end()) {
            inner = at->second.inner;
            const auto behind = machines_[inner].behind;
            const auto& heard = at->second.spoken_to;
            const bool same_address = std::any_of(heard.begin(), heard.end(),
                                                  [&](const endpoint& to) { return to.address == one.from.address; });
            if (behind == nat::blocked || (behind == nat::address_restricted && !same_address)) return;
            if ((behind == nat::port_restricted || behind == nat::symmetric) && !heard.contains(one.from)) return;
        } else if (const auto at_all = machines_.find(inner);
                   at_all == machines_.end() || at_all->second.behind != nat::open) {
            return;  // nobody, or an inner address seen from outside
        }
        if (const auto at = machines_.find(inner); at != machines_.end() && at->second.hear)
            at->second.hear(one.from, one.bytes, now_);
    }

    std::mt19937_64 random_;
    network_faults faults_;
    moment now_{steady_point{std::chrono::hours{1}}, time_point{std::chrono::seconds{1'790'000'000}}};
    std::map<endpoint, machine> machines_;
    std::map<std::pair<endpoint, endpoint>, endpoint> outside_of_;
    std::map<endpoint, mapping> mappings_;
    std::priority_queue<datagram> on_way_;
    std::uint64_t number_ = 0, sent_ = 0;
    unsigned ports_ = 0;
};

}  // namespace agentmesh::test
