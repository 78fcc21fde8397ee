// vectors/wire against the frame parsers.
#include <agentmesh/wire/frame.hpp>
#include <agentmesh/wire/relay_frame.hpp>

#include "tests/support/vectors.hpp"

using namespace agentmesh;
using namespace vectors;

namespace {

TEST_CASE("frames of clients are read as in the vectors",
          "[vectors][wire][AM-ERR-001][AM-ERR-002][AM-ERR-003][AM-ERR-004][AM-ERR-005][AM-RLY-013][AM-RLY-066]") {
    wire::client_frame_parser parser;
    const auto rows = for_each_row(
        "wire/client_frames", {{"client_frame.read", by([&](fields& in, const row& of) -> outcome {
                                    const wire::frame_options with{.receipts = of.shared.at("receipts").get<bool>()};
                                    AGENTMESH_TRY(frame, parser.parse(in.text("text"), with));
                                    static_cast<void>(frame);
                                    return answer{};
                                })}});
    CHECK(rows >= 250);
}

TEST_CASE("frames of relays that conform are read by the client's parser", "[vectors][wire][AM-ERR-011]") {
    wire::relay_frame_parser parser;
    const auto rows = for_each_row("wire/relay_frames", {{"relay_frame.conforms", [&](fields& in, const row& of) {
                                                              // A client may be more lenient than the form that relays
                                                              // keep to, so refused rows are judged by the schemas.
                                                              const auto found = parser.parse(in.text("text"));
                                                              if (!of.refused) {
                                                                  INFO((found ? "" : to_string(found.error())));
                                                                  CHECK(found.has_value());
                                                              }
                                                          }}});
    CHECK(rows >= 160);
}

}  // namespace
