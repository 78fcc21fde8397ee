// Property: a candidate or a description that is read, written anew, reads as the same, and its address has that one
// spelling. None of an address that leads to this machine, this cable or nobody is allowed by the usual policy,
// whatever its clothes.
#include "fuzz/fuzz.hpp"

#include <agentmesh/p2p/sdp.hpp>

AM_FUZZ(AM_P2P_010, AM_P2P_011, AM_P2P_012, AM_P2P_013, AM_P2P_070, AM_P2P_071, AM_P2P_072);

using namespace agentmesh;

namespace {

/// Where an address of IPv6 carries one of IPv4, that one.
std::optional<endpoint> inside(const endpoint& at) {
    const auto v4 = [&](std::size_t from) {
        endpoint out{.port = at.port};
        std::copy_n(at.address.begin() + static_cast<std::ptrdiff_t>(from), 4, out.address.begin());
        return out;
    };
    if (!at.v6) return std::nullopt;
    const bool ten_zeros = std::all_of(at.address.begin(), at.address.begin() + 10, [](auto b) { return b == 0; });
    if (ten_zeros) return v4(12);
    if (at.address[0] == 0x20 && at.address[1] == 0x02) return v4(2);
    return std::nullopt;
}

void check_description(std::string_view text) {
    using role = p2p::session_description::role;
    for (const auto what : {role::offer, role::answer}) {
        const auto read = p2p::parse_sdp(text, what);
        if (!read) continue;
        REQUIRE_FUZZ(read->ice.check() && read->candidates.size() <= limits::ice_candidates);
        const auto written = p2p::write_sdp(*read);
        // With many long candidates it could grow beyond what is read.
        if (written.size() > p2p::sdp_bytes) continue;
        const auto again = p2p::parse_sdp(written, what);
        REQUIRE_FUZZ(again && *again == *read);
        const auto json = p2p::parse_description_json(p2p::write_description_json(*read));
        REQUIRE_FUZZ(json && *json == *read);
        auto bare = *read;
        bare.candidates.clear();
        const auto without = p2p::write_sdp(bare);
        for (const auto& one : read->candidates)
            REQUIRE_FUZZ(without.find(' ' + address_text(one.at) + ' ') == std::string::npos);
    }
    if (const auto read = p2p::parse_description_json(text))
        REQUIRE_FUZZ(p2p::parse_description_json(p2p::write_description_json(*read)).value() == *read);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    check_description(as_text(byte_view{data, size}));
    const auto read = p2p::parse_candidate(as_text(byte_view{data, size}));
    if (!read) return 0;
    const auto again = p2p::parse_candidate(p2p::write_candidate(*read));
    REQUIRE_FUZZ(again && *again == *read);
    REQUIRE_FUZZ(parse_address(address_text(read->at), read->at.port) == read->at);

    const p2p::candidate_policy usual, all{.private_networks = true, .loopback = true};
    const p2p::candidate_policy relayed{.use = p2p::candidate_policy::reach::relay_only};
    REQUIRE_FUZZ(!usual.allows(read->at) || all.allows(read->at));
    REQUIRE_FUZZ(!usual.allows(read->at) || is_global(read->at));
    REQUIRE_FUZZ(!relayed.offers(*read) || read->kind == p2p::candidate_kind::relayed);
    REQUIRE_FUZZ(!usual.offers(*read) || usual.allows(read->at));
    if (const auto hidden = inside(read->at)) REQUIRE_FUZZ(!usual.allows(read->at) || usual.allows(*hidden));

    auto ours = *read;
    ours.priority = p2p::candidate_priority(ours.kind, 65'535);
    constexpr std::uint32_t preferences[] = {126, 110, 100, 0};
    REQUIRE_FUZZ(ours.priority >> 24 == preferences[static_cast<std::size_t>(ours.kind)]);
    return 0;
}
