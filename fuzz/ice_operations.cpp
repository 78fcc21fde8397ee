// Property: whatever candidates, checks, answers and times an agent of ICE is given, in whatever order: it sends
// nothing to an address that its owner does not allow; it never sends more than two datagrams for one that it hears; it
// selects only a pair whose check the peer answered, with the password, from where it was sent; it sends two new checks
// no closer than its pace; after a tick nothing is due at once; and once it has failed, it is silent.
#include "fuzz/fuzz.hpp"

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/p2p/ice.hpp>

#include <set>

AM_FUZZ(AM_P2P_020, AM_P2P_021, AM_P2P_022, AM_P2P_023, AM_P2P_025, AM_P2P_026, AM_P2P_027, AM_P2P_028, AM_P2P_029,
        AM_P2P_030);

using namespace agentmesh;
using namespace std::chrono_literals;
namespace stun = p2p::stun;

namespace {

struct world {
    void send(p2p::base_id from, const endpoint& to, byte_view bytes) {
        ++sent;
        REQUIRE_FUZZ(from == base);
        REQUIRE_FUZZ(server == to || is_global(to));
        REQUIRE_FUZZ(!ice->failed());
        const auto in = stun::message::parse(bytes);
        REQUIRE_FUZZ(in);
        if (in->what() != stun::kind::request) return;
        REQUIRE_FUZZ(in->has(stun::attribute::use_candidate) == false || ice->controlling());
        if (asked.emplace(in->id(), to).second && in->is_signed() && !in->has(stun::attribute::use_candidate)) {
            REQUIRE_FUZZ(consenting || now.steady >= last_check + 50ms);
            last_check = now.steady;
        }
        last = in->id();
        last_signed = in->is_signed();
        last_to = to;
    }
    void candidate(const p2p::candidate& one) { REQUIRE_FUZZ(is_global(one.at)); }
    void gathered() { REQUIRE_FUZZ(!std::exchange(all, true)); }
    void selected(const p2p::ice_pair& pair) {
        REQUIRE_FUZZ(proved.contains(pair.to));
        consenting = true;
    }
    void failed(const error&) { REQUIRE_FUZZ(!std::exchange(over, true)); }

    static constexpr p2p::base_id base{1};
    const endpoint server = endpoint::v4(0x05090001, 3478);
    const std::string password = std::string(22, 'p');
    crypto::scripted_random random{1};
    std::optional<p2p::ice_agent> ice{};
    moment now{steady_point{1h}, time_point{1'790'000'000s}};
    std::map<stun::transaction, endpoint> asked{};
    std::set<endpoint> proved{};
    stun::transaction last{};
    endpoint last_to{};
    steady_point last_check{};
    std::size_t sent = 0;
    bool last_signed = false, all = false, over = false, consenting = false;
};

/// Operations of a byte each, with what they need behind it.
void run(byte_view bytes) {
    world w;
    const auto take = [&]() -> std::uint8_t {
        if (bytes.empty()) return 0;
        const auto out = bytes.front();
        bytes = bytes.subspan(1);
        return out;
    };
    // Addresses of a few kinds, so that histories meet themselves.
    const auto address = [&] {
        const auto which = take();
        constexpr std::uint32_t kinds[] = {0x06060600, 0x0a000000, 0x7f000000, 0xa9fea900, 0xe0000000, 0x08080800};
        return endpoint::v4(kinds[which % 6] | (which >> 5), static_cast<std::uint16_t>(1000 + which % 2));
    };
    w.ice.emplace(*p2p::ice_agent::create({.controlling = (take() & 1) != 0}, w.random));
    w.ice->add_base(world::base, p2p::candidate_kind::host, endpoint::v4(0x05050505, 5000), 65'535, w.now, w);
    while (!bytes.empty()) {
        const auto before = w.sent;
        switch (take() % 10) {
            case 0: {
                const std::size_t wanted = take();
                const auto from = address();
                (void)w.ice->on_datagram(world::base, from, bytes.first(std::min(wanted, bytes.size())), w.now, w);
                REQUIRE_FUZZ(w.sent <= before + 2);
                break;
            }
            case 1: (void)w.ice->set_remote({"peer", w.password}, w.now, w); break;
            case 2:
                (void)w.ice->add_remote({.at = address(), .priority = 1u + take(), .foundation = "1"}, w.now, w);
                REQUIRE_FUZZ(w.sent <= before + 1);
                break;
            case 3: {  // a check of the peer, with parts left out
                const auto parts = take();
                stun::writer out{stun::kind::request, stun::method::binding, stun::transaction{{take(), take()}}};
                if ((parts & 1) == 0) out.text(stun::attribute::username, w.ice->own().fragment + ":peer");
                if ((parts & 2) == 0) out.number(stun::attribute::priority, 1u + take());
                const auto tie = std::uint64_t{take()} << 56;
                if ((parts & 4) == 0)
                    out.number64((parts & 8) != 0 ? stun::attribute::ice_controlling : stun::attribute::ice_controlled,
                                 tie);
                if ((parts & 16) != 0) out.flag(stun::attribute::use_candidate);
                if ((parts & 32) != 0) out.flag(static_cast<stun::attribute>(0x7001));
                const auto text =
                    (parts & 64) != 0 ? out.finish() : out.sign(stun::short_term_key(w.ice->own().password));
                const bool known = w.ice->selected().has_value();
                (void)w.ice->on_datagram(world::base, address(), text, w.now, w);
                REQUIRE_FUZZ(w.sent <= before + 2);
                if ((parts & 64) != 0) REQUIRE_FUZZ(known == w.ice->selected().has_value());
                break;
            }
            case 4:
            case 5: {  // an answer to what was asked last
                const auto how = take();
                const auto from = (how & 1) != 0 ? address() : w.last_to;
                stun::writer out{(how & 2) != 0 ? stun::kind::failure : stun::kind::success, stun::method::binding,
                                 w.last};
                if ((how & 2) != 0) out.error((how & 4) != 0 ? 487 : 400, {});
                if ((how & 8) == 0)
                    out.address(stun::attribute::xor_mapped_address, endpoint::v4(0x05050505, 5000 + (how >> 7)));
                const bool proof = (how & 16) == 0;
                const auto text =
                    proof ? out.sign(stun::short_term_key((how & 32) != 0 ? "another of 22 characters" : w.password))
                          : out.finish();
                if (proof && (how & 32) == 0 && w.last_signed) w.proved.insert(from);
                (void)w.ice->on_datagram(world::base, from, text, w.now, w);
                REQUIRE_FUZZ(w.sent <= before + 2);
                break;
            }
            case 6: w.ice->ask_server(world::base, w.server, w.now, w); break;
            case 7: w.ice->no_more_bases(w.now, w), w.ice->remote_done(w.now, w); break;
            case 8:
                if (take() == 255) {
                    w.ice->remove_base(world::base, w.now, w);
                    REQUIRE_FUZZ(!w.ice->selected());
                }
                break;
            default: {
                w.now = w.now + duration{1000} * take() * take();
                w.ice->on_tick(w.now, w);
                const auto due = w.ice->next_deadline();
                REQUIRE_FUZZ(!due || *due > w.now.steady);
                break;
            }
        }
        if (w.ice->failed()) REQUIRE_FUZZ(!w.ice->selected() && !w.ice->next_deadline());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    run({data, std::min<std::size_t>(size, 600)});
    return 0;
}
