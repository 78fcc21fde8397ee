// Property: a message of STUN that is read, written anew with the attributes that counted, reads as the same; one with
// a proof stops holding when any byte that its proof covers changes; no attribute behind a proof is seen; no address
// has another length than its family.
#include "fuzz/fuzz.hpp"

#include <agentmesh/p2p/stun.hpp>

AM_FUZZ(AM_P2P_001, AM_P2P_002, AM_P2P_003, AM_P2P_004, AM_P2P_005);

using namespace agentmesh;
namespace stun = p2p::stun;
using stun::attribute;

namespace {

constexpr std::string_view secret = "VOkJxbRl1RmTxUk/WvJxBt";

void check_attributes(const stun::message& in) {
    for (const auto which : {attribute::mapped_address, attribute::xor_mapped_address, attribute::xor_peer_address,
                             attribute::xor_relayed_address}) {
        const auto raw = in.find(which);
        const auto read = in.address(which);
        if (!read) continue;
        REQUIRE_FUZZ(raw && raw->size() == 4 + read->bytes().size());
        const auto bytes = stun::writer{in.what(), in}.address(which, *read).finish();
        const auto again = stun::message::parse(bytes);
        REQUIRE_FUZZ(again && again->address(which) == *read);
        REQUIRE_FUZZ(std::ranges::equal(again->find(which)->subspan(1), raw->subspan(1)));
    }
    if (const auto read = in.error()) REQUIRE_FUZZ(read->code >= 300 && read->code <= 699);
    for (const auto type : in.unknown()) REQUIRE_FUZZ(type < 0x8000);
}

/// The message with one attribute more between the last and its proof or fingerprint.
void check_proof(const stun::message& in) {
    stun::writer out{in.what(), in};
    for (const auto which : {attribute::username, attribute::priority, attribute::use_candidate, attribute::software})
        if (const auto value = in.find(which)) out.bytes(which, *value);
    for (const bool sha256 : {false, true}) {
        const auto bytes = out.sign(stun::short_term_key(secret), sha256);
        const auto signed_one = stun::message::parse(bytes);
        REQUIRE_FUZZ(signed_one && signed_one->check(stun::short_term_key(secret)));
        REQUIRE_FUZZ(!signed_one->check(stun::short_term_key("another")));
        // Something added on the way, in place of the fingerprint.
        auto longer = bytes;
        longer.resize(longer.size() - 8);
        longer.insert(longer.end(), {0x00, 0x14, 0x00, 0x00});
        const auto length = longer.size() - stun::head_bytes;
        longer[2] = static_cast<std::uint8_t>(length >> 8);
        longer[3] = static_cast<std::uint8_t>(length);
        const auto added = stun::message::parse(longer);
        REQUIRE_FUZZ(added && added->check(stun::short_term_key(secret)) && !added->has(attribute::realm));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const byte_view bytes{data, size};
    const auto in = stun::message::parse(bytes);
    REQUIRE_FUZZ(!in || stun::message::looks_like(bytes));
    if (!in) return 0;
    REQUIRE_FUZZ(bytes.size() % 4 == 0 && bytes.size() >= stun::head_bytes);
    if (in->check(stun::short_term_key(secret))) {
        REQUIRE_FUZZ(in->is_signed());
        auto changed = buffer{bytes.begin(), bytes.end()};
        changed[9] ^= 1;  // the transaction, which every proof and fingerprint covers
        const auto again = stun::message::parse(changed);
        REQUIRE_FUZZ(!again || !again->check(stun::short_term_key(secret)));
    }
    check_attributes(*in);
    if (size < 2048) check_proof(*in);
    return 0;
}
