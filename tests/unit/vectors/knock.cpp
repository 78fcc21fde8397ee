// vectors/knock against session/.
#include "conformance/shims/cpp/knock_rows.hpp"
#include "tests/unit/vectors/shim_rows.hpp"

using namespace agentmesh;
using namespace vectors;

namespace {

std::size_t knock_rows_of(const std::string& file, const std::vector<std::string>& types) {
    shim::operations all;
    shim::add_knock_rows(all);
    return for_each_row("knock/" + file, of_shim(all, "knock", types));
}

TEST_CASE("KNOCK frames are written and read as in the vectors",
          "[vectors][session][AM-KNK-001][AM-KNK-002][AM-KNK-003][AM-KNK-004][AM-KNK-006]") {
    CHECK(knock_rows_of("frames", {"frame.kind", "knock.head", "knock.seal", "knock.open"}) >= 60);
}

TEST_CASE("KNOCK texts are read as in the vectors",
          "[vectors][session][AM-KNK-007][AM-KNK-008][AM-KNK-009][AM-KNK-011]") {
    CHECK(knock_rows_of("texts", {"knock.read"}) >= 85);
}

TEST_CASE("answers to a KNOCK are written and read as in the vectors",
          "[vectors][session][AM-KNK-017][AM-KNK-018][AM-KNK-020][AM-KNK-021]") {
    CHECK(knock_rows_of("replies", {"reply.seal", "reply.read", "transcript"}) >= 55);
}

TEST_CASE("message frames, padding and notices are as in the vectors",
          "[vectors][session][AM-KNK-022][AM-KNK-023][AM-KNK-029][AM-KNK-030][AM-RAT-005]") {
    CHECK(knock_rows_of("messages",
                        {"message.frame", "padding.size", "padding.remove", "notice.write", "notice.verify"}) >= 55);
}

TEST_CASE("KNOCKs of both deployed dialects are as in the vectors",
          "[vectors][session][AM-KNK-040][AM-KNK-041][AM-KNK-042][AM-KNK-043][AM-KNK-044]") {
    CHECK(knock_rows_of("v02", {"v02.signed", "v02.write", "v02.read"}) >= 60);
}

TEST_CASE("whole sessions go as in the vectors",
          "[vectors][session][AM-KNK-002][AM-KNK-017][AM-KNK-021][AM-KNK-022][AM-RAT-005][AM-RAT-010][AM-KEX-040]") {
    CHECK(knock_rows_of("session", {"session.conversation"}) >= 14);
}

}  // namespace
