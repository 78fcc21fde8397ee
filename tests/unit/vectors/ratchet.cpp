// vectors/ratchet against e2ee/.
#include "conformance/shims/cpp/ratchet_rows.hpp"
#include "tests/unit/vectors/shim_rows.hpp"

using namespace agentmesh;
using namespace vectors;

namespace {

/// As the vectors spell it.
std::string_view word_of(errc code) {
    switch (code) {
        case errc::bad_tag: return "bad_tag";
        case errc::duplicate: return "duplicate";
        case errc::too_far: return "too_far";
        case errc::zero_shared_secret: return "zero_shared_secret";
        case errc::ratchet_not_ready: return "ratchet_not_ready";
        default: return "another";
    }
}

std::size_t ratchet_rows_of(const std::string& file, const std::vector<std::string>& types) {
    shim::operations all;
    shim::add_ratchet_rows(all, word_of);
    return for_each_row("ratchet/" + file, of_shim(all, "ratchet", types));
}

TEST_CASE("keys, headers and associated data of the ratchet are as in the vectors",
          "[vectors][e2ee][AM-RAT-001][AM-RAT-002][AM-RAT-003][AM-RAT-004][AM-RAT-005]") {
    CHECK(ratchet_rows_of("keys", {"kdf_rk", "kdf_ck", "message_keys", "header.write", "am1.prefix"}) >= 30);
}

TEST_CASE("sealed messages are made and opened as in the vectors",
          "[vectors][e2ee][AM-RAT-006][AM-RAT-007][AM-RAT-008][AM-RAT-009]") {
    CHECK(ratchet_rows_of("sealed", {"message.seal", "message.open"}) >= 120);
}

TEST_CASE("conversations go as in the vectors",
          "[vectors][e2ee][AM-RAT-010][AM-RAT-011][AM-RAT-012][AM-RAT-013][AM-RAT-014][AM-RAT-015][AM-RAT-016]"
          "[AM-RAT-017][AM-RAT-018][AM-RAT-019]") {
    CHECK(ratchet_rows_of("conversation", {"ratchet.conversation"}) >= 90);
}

TEST_CASE("ratchets are saved and restored as in the vectors", "[vectors][e2ee][AM-RAT-030][AM-RAT-031]") {
    CHECK(ratchet_rows_of("snapshot", {"ratchet.conversation", "snapshot.restore"}) >= 90);
}

}  // namespace
