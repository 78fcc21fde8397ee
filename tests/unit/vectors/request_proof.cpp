// vectors/registry/proofs against registry/request_proof.hpp.
#include <agentmesh/registry/request_proof.hpp>

#include "tests/support/vectors.hpp"

using namespace agentmesh;
using namespace vectors;

TEST_CASE("proofs of requests are judged as in the vectors",
          "[vectors][registry][AM-RQP-001][AM-RQP-002][AM-RQP-003][AM-RQP-004]") {
    const auto judge = [](fields& in, const row& of) -> outcome {
        const http::request request{.method = in.text("method"),
                                    .path = in.text("path"),
                                    .query = in.text("query"),
                                    .fields = {{"Host", in.text("host")},
                                               {"Content-Digest", in.text("content_digest")},
                                               {"Signature-Input", in.text("signature_input")},
                                               {"Signature", in.text("signature")}},
                                    .body = in.text("body")};
        const auto now = parse_time(of.now);
        REQUIRE(now);
        AGENTMESH_TRY(proof, registry::read_proof(request, of.shared.at("name").get<std::string>(), *now));
        const auto raw = from_hex(of.shared.at("public_key").get<std::string>()).value();
        AGENTMESH_CHECK(proof.verify(signing_public_key::from(raw).value()));
        const auto created = std::chrono::duration_cast<std::chrono::seconds>(proof.created.time_since_epoch()).count();
        return answer{
            .output = {{"amid", proof.who.text()}, {"created", created}, {"nonce", to_hex(proof.nonce.bytes())}},
            .intermediate = {{"signed", proof.signed_text}}};
    };
    CHECK(for_each_row("registry/proofs", {{"request_proof.check", [&](fields& in, const row& of) {
                                                const outcome found = judge(in, of);
                                                if (!of.refused) {
                                                    if (!found) FAIL(to_string(found.error()));
                                                    CHECK(found->output == of.output);
                                                    return;
                                                }
                                                REQUIRE_FALSE(found);
                                                CHECK("reject:" + std::string{class_of(found.error().code)} ==
                                                      of.expect);
                                            }}}) >= 35);
}
