// Two ICE agents in a network of routers, with a STUN server, a relayed address each, and signalling that takes a
// while.
#pragma once

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/p2p/ice.hpp>

#include "tests/support/nat_network.hpp"

#include <memory>

namespace agentmesh::test {

class ice_world {
public:
    static constexpr p2p::base_id host{1}, relayed{2};

    struct side_options {
        nat behind = nat::open;
        bool has_relayed = true;
        p2p::ice_options ice{};
    };

    struct side {
        side(ice_world& w, std::size_t n) : world{&w}, number{n} {}

        // --- sink
        void send(p2p::base_id from, const endpoint& to, byte_view bytes) {
            world->net.send(from == host ? address : relay_address, to, bytes);
        }
        void candidate(const p2p::candidate& one) {
            told.push_back(one);
            world->signal(1 - number,
                          [one](side& other, const moment& now) { (void)other.ice->add_remote(one, now, other); });
        }
        void gathered() {
            gathered_times += 1;
            world->signal(1 - number, [](side& other, const moment& now) { other.ice->remote_done(now, other); });
        }
        void selected(const p2p::ice_pair& pair) { chosen.push_back(pair); }
        void failed(const error& why) { failures.push_back(why); }

        ice_world* world;
        std::size_t number;
        endpoint address{}, relay_address{};
        std::optional<p2p::ice_agent> ice{};
        std::vector<p2p::candidate> told{};
        std::vector<p2p::ice_pair> chosen{};
        std::vector<error> failures{};
        std::vector<error> dropped{};
        std::size_t gathered_times = 0;
        std::size_t data = 0;  ///< datagrams that are not of STUN
    };

    ice_world(std::uint64_t seed, side_options left, side_options right, network_faults faults = {})
        : net{seed, faults}, random_{seed} {
        net.add(stun_server, nat::open, 0, [this](const endpoint& from, byte_view bytes, const moment&) {
            const auto in = p2p::stun::message::parse(bytes);
            if (in && in->what() == p2p::stun::kind::request)
                net.send(stun_server, from,
                         p2p::stun::writer{p2p::stun::kind::success, *in}
                             .address(p2p::stun::attribute::xor_mapped_address, from)
                             .finish());
        });
        left.ice.controlling = true;
        right.ice.controlling = false;
        left.ice.policy.private_networks = right.ice.policy.private_networks = true;
        begin(0, left), begin(1, right);
    }

    side& operator[](std::size_t number) { return *sides_[number]; }

    /// Both learn of each other as soon as signalling carries it.
    void introduce() {
        for (const std::size_t n : {0u, 1u})
            signal(1 - n, [theirs = sides_[n]->ice->own()](side& other, const moment& now) {
                (void)other.ice->set_remote(theirs, now, other);
            });
    }
    void gather() {
        for (auto& one : sides_) {
            if (options_[one->number].has_relayed)
                one->ice->add_base(relayed, p2p::candidate_kind::relayed, one->relay_address, 65'535, net.now(), *one);
            one->ice->add_base(host, p2p::candidate_kind::host, one->address, 65'535, net.now(), *one);
            one->ice->ask_server(host, stun_server, net.now(), *one);
            one->ice->no_more_bases(net.now(), *one);
        }
    }

    void signal(std::size_t to, std::function<void(side&, const moment&)> what) {
        signals_.push({net.now().steady + signalling, ++number_, to, std::move(what)});
    }

    /// Lets time pass until `done` or for so long. @return whether it was done
    template <class Done>
    bool run(duration most, Done done) {
        const auto end = net.now().steady + most;
        while (!done() && net.now().steady < end) {
            auto next = end;
            if (const auto at = net.next_arrival()) next = std::min(next, *at);
            if (!signals_.empty()) next = std::min(next, signals_.top().when);
            for (const auto& one : sides_)
                if (const auto at = one->ice->next_deadline()) next = std::min(next, *at);
            net.advance(std::max(next, net.now().steady));
            while (!signals_.empty() && signals_.top().when <= net.now().steady) {
                const auto one = signals_.top();
                signals_.pop();
                one.what(*sides_[one.to], net.now());
            }
            for (auto& one : sides_)
                if (const auto at = one->ice->next_deadline(); at && *at <= net.now().steady)
                    one->ice->on_tick(net.now(), *one);
            if (++steps_ > 200'000) return false;
        }
        return done();
    }
    void run(duration most) {
        (void)run(most, [] { return false; });
    }
    bool settle(duration most = std::chrono::seconds{5}) {
        return run(most, [&] { return sides_[0]->ice->selected() && sides_[1]->ice->selected(); });
    }

    const endpoint stun_server = endpoint::v4(0x05090001, 3478);
    duration signalling = std::chrono::milliseconds{30};
    nat_network net;

private:
    struct signal_due {
        steady_point when;
        std::uint64_t number;
        std::size_t to;
        std::function<void(side&, const moment&)> what;
        bool operator<(const signal_due& other) const noexcept {
            return std::tie(when, number) > std::tie(other.when, other.number);
        }
    };

    void begin(std::size_t n, const side_options& how) {
        options_[n] = how;
        auto one = std::make_unique<side>(*this, n);
        const bool open = how.behind == nat::open;
        const auto outer = 0x05050000u + static_cast<std::uint32_t>(n);
        one->address = endpoint::v4(open ? outer : 0xc0a80002u + static_cast<std::uint32_t>(n << 8), 40'000);
        one->relay_address = endpoint::v4(0x05090002u, static_cast<std::uint16_t>(50'000 + n));
        one->ice.emplace(*p2p::ice_agent::create(how.ice, random_));
        for (const auto base : {host, relayed}) {
            net.add(base == host ? one->address : one->relay_address, base == host ? how.behind : nat::open, outer,
                    [this, n, base](const endpoint& from, byte_view bytes, const moment& now) {
                        auto& to = *sides_[n];
                        if (!p2p::stun::message::looks_like(bytes)) {
                            ++to.data;
                            return;
                        }
                        if (const auto done = to.ice->on_datagram(base, from, bytes, now, to); !done)
                            to.dropped.push_back(done.error());
                    });
        }
        sides_.push_back(std::move(one));
    }

    crypto::scripted_random random_;
    side_options options_[2];
    std::vector<std::unique_ptr<side>> sides_;
    std::priority_queue<signal_due> signals_;
    std::uint64_t number_ = 0, steps_ = 0;
};

}  // namespace agentmesh::test
