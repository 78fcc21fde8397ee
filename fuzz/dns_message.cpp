// Property: what the reader of DNS messages accepts is written as a message that reads back equal, if it is short
// enough to be written at all; nothing that it keeps exceeds the sizes of DNS; and a machine that hears anything sends
// nothing longer than a message may be, and believes no agent without its proof.
#include "fuzz/fuzz.hpp"

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/dht/lan.hpp>

AM_FUZZ(AM_DHT_003, AM_DHT_006);

using namespace agentmesh;

namespace {

using namespace std::chrono_literals;

struct recorder {
    std::size_t longest = 0;
    std::size_t believed = 0;
    time_point now{};
    void send(byte_view bytes) { longest = std::max(longest, bytes.size()); }
    void appeared(const dht::discovery_record& record, std::span<const dht::endpoint> at) {
        REQUIRE_FUZZ(dht::check_record(record, now));
        REQUIRE_FUZZ(at.size() <= dht::lan::addresses_most);
        ++believed;
    }
    void gone(const amid&) {}
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const byte_view bytes{data, size};
    const auto read = dht::parse_dns(bytes);
    if (read) {
        REQUIRE_FUZZ(read->questions.size() <= dht::dns_questions && read->records.size() <= dht::dns_records);
        for (const auto& one : read->records) {
            REQUIRE_FUZZ(one.name.size() <= dht::dns_name_bytes && one.target.size() <= dht::dns_name_bytes);
            for (const auto& label : one.name.labels) REQUIRE_FUZZ(!label.empty() && label.size() <= 63);
            for (const auto& text : one.text) REQUIRE_FUZZ(text.size() <= 255);
        }
        // Compression is not written, so that what is short here may be too long there.
        if (const auto again = dht::write_dns(*read)) REQUIRE_FUZZ(dht::parse_dns(*again) == *read);
        buffer longer{bytes.begin(), bytes.end()};
        longer.push_back(0);
        REQUIRE_FUZZ(!dht::parse_dns(longer));
    }
    static const auto alice = [] {
        crypto::scripted_random random{1};
        return *local_identity::create(random, {});
    }();
    crypto::scripted_random random{2};
    auto machine = *dht::lan::create(random);
    moment now{steady_point{1h}, time_point{1'790'000'000s}};
    recorder out{.now = now.wall};
    REQUIRE_FUZZ(machine.announce(*dht::discovery_record::make(alice, 1, 1, now.wall, ""),
                                  {{dht::endpoint::v4(0xc0a80001, 0)}, 8765}, now, out));
    machine.browse(now, out);
    const auto from = dht::endpoint::v4(0xc0a80002, dht::mdns_port);
    REQUIRE_FUZZ(machine.on_message(from, bytes, now, out).has_value() == read.has_value());
    now = now + 2s;
    machine.on_tick(now, out);
    REQUIRE_FUZZ(machine.size() <= out.believed);
    REQUIRE_FUZZ(out.longest <= dht::dns_message_bytes);
    return 0;
}
