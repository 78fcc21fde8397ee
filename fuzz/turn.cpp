// Property: whatever a server, or somebody in its place, sends to a client of TURN, in datagrams or in a stream cut
// anywhere: the password never leaves; nothing is sent to a peer that the owner does not allow; there is an allocation
// only if an answer under the long-term key gave it; data comes only of peers that were spoken to; no answer makes more
// than three datagrams beside what waited; after a tick nothing is due at once.
#include "fuzz/fuzz.hpp"

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/p2p/turn.hpp>

#include <set>

AM_FUZZ(AM_P2P_050, AM_P2P_051, AM_P2P_052, AM_P2P_053, AM_P2P_054, AM_P2P_055, AM_P2P_056);

using namespace agentmesh;
using namespace std::chrono_literals;
namespace stun = p2p::stun;
using stun::attribute;

namespace {

struct world {
    void to_server(byte_view bytes) {
        ++sent;
        REQUIRE_FUZZ(as_text(bytes).find("password!") == std::string_view::npos);
        if (bytes[0] >> 6 == 1) return;
        const auto in = stun::message::parse(bytes);
        REQUIRE_FUZZ(in);
        if (const auto to = in->address(attribute::xor_peer_address)) REQUIRE_FUZZ(is_global(*to));
        if (in->what() == stun::kind::request) last.assign(bytes.begin(), bytes.end());
    }
    void allocated(const endpoint&, const endpoint&) { REQUIRE_FUZZ(proved); }
    void data(const endpoint& from, byte_view) { REQUIRE_FUZZ(spoken_to.contains(from)); }
    void refused(const endpoint& at, const error&) { REQUIRE_FUZZ(spoken_to.contains(at)); }
    void failed(const error&) { REQUIRE_FUZZ(!std::exchange(over, true)); }

    std::optional<p2p::turn_client> client{};
    moment now{steady_point{1h}, time_point{1'790'000'000s}};
    buffer last{};
    std::set<endpoint> spoken_to{};
    std::size_t sent = 0;
    bool proved = false, over = false;
};

void run(byte_view bytes) {
    world w;
    const auto take = [&]() -> std::uint8_t {
        if (bytes.empty()) return 0;
        const auto out = bytes.front();
        bytes = bytes.subspan(1);
        return out;
    };
    const auto peer = [&] {
        const auto which = take();
        constexpr std::uint32_t kinds[] = {0x06060600, 0x06060700, 0x0a000000, 0x7f000000};
        return endpoint::v4(kinds[which % 4] | (which >> 6), 1000);
    };
    const bool stream = (take() & 1) != 0;
    crypto::scripted_random random{1};
    w.client.emplace(*p2p::turn_client::create(
        {.username = "alice", .password = "password!", .stream = stream, .queue = 4}, random));
    w.client->start(w.now, w);
    const auto hear = [&](byte_view text) {
        const auto before = w.sent;
        if (!stream) {
            (void)w.client->on_datagram(text, w.now, w);
        } else {
            const auto cut = text.empty() ? 0 : take() % text.size();
            (void)w.client->on_stream(text.first(cut), w.now, w);
            (void)w.client->on_stream(text.subspan(cut), w.now, w);
        }
        // What waited for a permission leaves at once; each may bind a channel.
        REQUIRE_FUZZ(stream || w.sent <= before + 3 + 4);
    };
    while (!bytes.empty()) {
        switch (take() % 6) {
            case 0: {
                const std::size_t wanted = take();
                const auto length = std::min(wanted, bytes.size());
                const buffer raw{bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length)};
                bytes = bytes.subspan(length);
                hear(raw);
                break;
            }
            case 1:
            case 2: {  // an answer to what was asked last, with parts of its own
                const auto how = take();
                const auto asked = stun::message::parse(w.last);
                if (!asked) break;
                const bool refusal = (how & 1) != 0;
                stun::writer out{refusal ? stun::kind::failure : stun::kind::success, *asked};
                constexpr std::uint16_t codes[] = {401, 438, 437, 403, 486, 300, 400, 500};
                if (refusal) out.error(codes[take() % 8], {});
                if (refusal || (how & 2) != 0) {
                    out.text(attribute::realm, "r");
                    out.text(attribute::nonce, (how & 4) != 0 ? "obMatJos2gAAAx" : "n");
                    const std::uint8_t list[] = {0, 1, 0, 0, 0, 2, 0, 0};
                    if ((how & 8) != 0)
                        out.bytes(attribute::password_algorithms, byte_view{list}.first((how & 2) != 0 ? 8 : 6));
                } else {
                    out.address(attribute::xor_relayed_address, endpoint::v4(0x05090002, 50'000));
                    out.address(attribute::xor_mapped_address, endpoint::v4(0x05050505, 5000));
                    out.number(attribute::lifetime, (how & 128) != 0 ? take() : 600);
                }
                const auto key = (how & 16) != 0 ? stun::long_term_key_sha256("alice", "r", "password!")
                                                 : stun::long_term_key("alice", "r", "password!");
                const bool proof = (how & 32) != 0;
                if (proof && (how & 64) == 0) w.proved = true;
                hear(!proof            ? out.finish()
                     : (how & 64) != 0 ? out.sign(as_bytes("another"), (how & 16) != 0)
                                       : out.sign(key, (how & 16) != 0));
                break;
            }
            case 3: {
                const auto to = peer();
                const buffer text(take());
                if (w.client->send(to, text, w.now, w)) w.spoken_to.insert(to);
                break;
            }
            case 4: {  // something of a peer
                const auto from = peer();
                if ((take() & 1) != 0) {
                    hear(buffer{0x40, take(), 0, 1, 'x', 0, 0, 0});
                } else {
                    hear(stun::writer{stun::kind::indication, stun::method::data, stun::transaction{{take()}}}
                             .address(attribute::xor_peer_address, from)
                             .text(attribute::data, "x")
                             .finish());
                }
                break;
            }
            default: {
                w.now = w.now + std::chrono::milliseconds{100} * take() * take();
                w.client->on_tick(w.now, w);
                const auto due = w.client->next_deadline();
                REQUIRE_FUZZ(!due || *due > w.now.steady);
                break;
            }
        }
        REQUIRE_FUZZ(!w.over || !w.client->relayed());
    }
    w.client->close(w.now, w);
    REQUIRE_FUZZ(!w.client->next_deadline());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    run({data, std::min<std::size_t>(size, 600)});
    return 0;
}
