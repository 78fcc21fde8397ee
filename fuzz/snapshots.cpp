// Properties: what is restored from any bytes saves as the same bytes, and then still works as a ratchet: it refuses
// garbage without changing, and what it seals it does not open itself. Bytes at rest open only as they were sealed.
// Input: a snapshot.
#include "fuzz/fuzz.hpp"

#include <agentmesh/e2ee/snapshot.hpp>
#include <agentmesh/e2ee/suite_am1.hpp>
#include <agentmesh/e2ee/suite_v02.hpp>
#include <agentmesh/e2ee/suite_wire10.hpp>

AM_FUZZ(AM_RAT_030, AM_RAT_031);

using namespace agentmesh;
using namespace agentmesh::e2ee;

namespace {

template <class S>
void check(byte_view bytes) {
    auto restored = restore<S>(bytes);
    if (!restored) {
        REQUIRE_FUZZ(restored.error().code == errc::bad_snapshot);
        return;
    }
    REQUIRE_FUZZ(suite_of_snapshot(bytes) == S::id);
    const auto saved = save(*restored);
    REQUIRE_FUZZ(std::equal(saved.begin(), saved.end(), bytes.begin(), bytes.end()));
    REQUIRE_FUZZ(restored->skipped() <= limits::skipped_keys_stored && restored->turns() <= S::turns);

    // Whatever header arrives, a message that nobody sealed is refused and changes nothing.
    crypto::scripted_random random{1};
    buffer text;
    const buffer garbage(overhead<S> + 3, 0x5A);
    ratchet_header header{restored->public_key(), 0, 0};
    for (const std::uint32_t n : {0u, 1u, 999u, 0x7fff'ffffu, 0xffff'ffffu}) {
        header.n = n, header.pn = n / 2;
        if (restored->remote() && n % 2 == 0) header.dh = *restored->remote();
        REQUIRE_FUZZ(!restored->open(text, header, {}, garbage, random) && text.empty());
    }
    REQUIRE_FUZZ(save(*restored) == saved);

    if (!restored->can_send()) {
        REQUIRE_FUZZ(!restored->seal(text, {}, garbage, random) && text.empty());
        return;
    }
    auto twin = restored->fork();
    const auto announced = restored->next_header();
    const auto sent = restored->seal(text, {}, garbage, random);
    if (!sent) {  // the peer's key, which the bytes chose, is of small order
        REQUIRE_FUZZ(sent.error().code == errc::zero_shared_secret && save(*restored) == saved);
        return;
    }
    REQUIRE_FUZZ(*sent == announced && text.size() == garbage.size() + overhead<S>);
    REQUIRE_FUZZ(restored->can_send() ? restored->next_header().n == announced.n + 1 : true);
    REQUIRE_FUZZ(save(twin) == saved);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const byte_view bytes{data, size};
    check<am1>(bytes);
    check<v02>(bytes);
    check<wire10>(bytes);
    check<wire10_legacy>(bytes);

    static const auto key = storage_key::from(buffer(32, 1)).value();
    REQUIRE_FUZZ(!open_at_rest(key, "record", bytes));
    crypto::scripted_random random{2};
    auto sealed = seal_at_rest(key, "record", bytes, random).value();
    const auto opened = open_at_rest(key, "record", sealed);
    REQUIRE_FUZZ(opened && std::equal(opened->begin(), opened->end(), bytes.begin(), bytes.end()));
    return 0;
}
