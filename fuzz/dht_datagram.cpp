// Property: what the reader of datagrams accepts is written again as the same bytes, and so is a record. A node that is
// given any sequence of datagrams, among them answers to its own questions, never sends an address that showed no token
// more than three times what came from it at once, takes no store without a token, believes no answer without its
// proof, and stays within its bounds.
#include "fuzz/fuzz.hpp"

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/dht/node.hpp>

AM_FUZZ(AM_DHT_003, AM_DHT_004, AM_DHT_005, AM_DHT_006, AM_DHT_009, AM_DHT_011, AM_DHT_012, AM_DHT_013);

using namespace agentmesh;

namespace {

using namespace std::chrono_literals;

const dht::node_key_pair& own_keys() {
    static const auto keys = [] {
        crypto::scripted_random random{1};
        return *dht::node_key_pair::generate(random);
    }();
    return keys;
}
const dht::node_key_pair& peer_keys() {
    static const auto keys = [] {
        crypto::scripted_random random{2};
        return *dht::node_key_pair::generate(random);
    }();
    return keys;
}

void check_datagram(byte_view bytes) {
    const auto read = dht::parse_datagram(bytes);
    if (!read) return;
    REQUIRE_FUZZ(bytes.size() <= limits::dht_datagram_bytes);
    REQUIRE_FUZZ(read->contacts.size() <= limits::dht_bucket);
    if (dht::is_request(read->what)) {
        REQUIRE_FUZZ(std::ranges::equal(dht::write_request(*read, bytes.size()), bytes));
        return;
    }
    const auto proof = read->prove ? signature::size : 0;
    auto again = dht::write_answer(*read, own_keys().public_key(), nullptr);
    again[5] = bytes[5];  // whether there is a proof is said in the head
    REQUIRE_FUZZ(std::ranges::equal(again, bytes.first(bytes.size() - proof)));
    auto changed = buffer{bytes.begin(), bytes.end()};
    changed.push_back(0);
    REQUIRE_FUZZ(!dht::parse_datagram(changed));
}

void check_record(byte_view bytes) {
    const auto read = dht::decode_record(bytes);
    if (!read) return;
    REQUIRE_FUZZ(bytes.size() <= limits::dht_record_bytes);
    REQUIRE_FUZZ(std::ranges::equal(read->bytes(), bytes));
    const time_point now{std::chrono::seconds{read->issued}};
    const bool holds = dht::check_record(*read, now).has_value();
    REQUIRE_FUZZ(holds == dht::read_record(bytes, read->place(), now).has_value());
    REQUIRE_FUZZ(!dht::read_record(bytes, dht::point_of(own_keys().public_key()), now));
    if (!holds) return;
    REQUIRE_FUZZ(read->name() == amid::of(read->card.signing));
    auto changed = *read;
    changed.sequence ^= 1;
    REQUIRE_FUZZ(!dht::check_record(changed, now));
}

struct recorder {
    struct sent {
        dht::endpoint to;
        buffer bytes;
    };
    std::vector<sent> out;
    void send(const dht::endpoint& to, byte_view bytes) { out.push_back({to, {bytes.begin(), bytes.end()}}); }
    void found(dht::ticket, const dht::discovery_record&) {}
    void not_found(dht::ticket) {}
    void published(const amid&, std::size_t) {}
    void renew(const amid&) {}
};

/// Datagrams of two bytes of size each, the first bit of which says that it answers the question asked last; bytes of
/// size 0 let a second go by.
void run_node(byte_view bytes) {
    crypto::scripted_random random{3};
    auto node = *dht::node::create(own_keys(), {.room = {.records = 4}, .lookups = 2, .pings = 4}, random);
    recorder out;
    moment now{steady_point{1h}, time_point{1'790'000'000s}};
    node.start({dht::endpoint::v4(0x08080808, 53)}, now, out);
    std::optional<dht::datagram> question;
    dht::endpoint asked{};
    while (bytes.size() >= 3) {
        const std::size_t size = std::min<std::size_t>((bytes[0] & 0x7fu) << 8 | bytes[1], bytes.size() - 3);
        const bool answers = (bytes[0] & 0x80) != 0;
        const dht::endpoint from = dht::endpoint::v4(0x0505'0000u + bytes[2], 8468);
        auto datagram = buffer{bytes.begin() + 3, bytes.begin() + 3 + static_cast<std::ptrdiff_t>(size)};
        bytes = bytes.subspan(3 + size);
        if (size == 0) {
            now = now + 1s;
            node.on_tick(now, out);
            if (node.lookups() < 2) (void)node.find(amid::of(peer_keys().public_key()), now, out);
        } else if (answers && question && size > dht::datagram_head) {
            std::copy(question->id.bytes().begin(), question->id.bytes().end(), datagram.begin() + 6);
            const bool proves = question->prove && (datagram[5] & 1) != 0 && size > dht::datagram_head + 64;
            if (proves) {
                const auto key = peer_keys().public_key().bytes();
                std::copy(key.begin(), key.end(), datagram.begin() + 14);
                const auto proof =
                    peer_keys().sign(dht::proof_bytes(own_keys().public_key(), byte_view{datagram}.first(size - 64)));
                std::copy(proof.bytes().begin(), proof.bytes().end(), datagram.end() - 64);
            }
            const auto known = node.table().size();
            (void)node.on_datagram(asked, datagram, now, out);
            REQUIRE_FUZZ(proves || node.table().size() <= known);
            question.reset();
        } else {
            const auto records = node.records().size();
            out.out.clear();
            (void)node.on_datagram(from, datagram, now, out);
            const auto read = dht::parse_datagram(datagram);
            std::size_t sum = 0;
            for (const auto& one : out.out) sum += one.to == from ? one.bytes.size() : 0;
            // No input can hold a valid token: it would be a forgery of an HMAC.
            REQUIRE_FUZZ(sum <= limits::dht_amplification * datagram.size());
            REQUIRE_FUZZ(read || out.out.empty());
            REQUIRE_FUZZ(node.records().size() == records);
        }
        for (const auto& one : out.out) {
            const auto read = dht::parse_datagram(one.bytes);
            REQUIRE_FUZZ(read && one.bytes.size() <= limits::dht_datagram_bytes);
            if (dht::is_request(read->what)) question = *read, asked = one.to;
        }
        out.out.clear();
        REQUIRE_FUZZ(node.questions() <= 4 + 2 * limits::dht_paths);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const byte_view bytes{data, size};
    check_datagram(bytes);
    check_record(bytes);
    run_node(bytes);
    return 0;
}
