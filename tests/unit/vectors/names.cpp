// vectors/registry/texts against registry/dns.hpp.
#include <agentmesh/registry/dns.hpp>

#include "tests/support/vectors.hpp"

using namespace agentmesh;
using namespace vectors;

TEST_CASE("answers of the DNS are read as in the vectors", "[vectors][registry][AM-ORG-020][AM-ORG-021]") {
    const auto read = [](fields& in, const row&) -> outcome {
        const auto question = from_hex(in.text("question")).value(), message = from_hex(in.text("message")).value();
        AGENTMESH_TRY(reply, registry::parse_text_reply(message, question, in.text("over") == "udp"));
        if (!reply) return answer{.output = {{"said", "other"}}};
        if (reply->truncated) return answer{.output = {{"said", "truncated"}}};
        if (reply->refused) return answer{.output = {{"said", "refused"}}};
        return answer{.output = {{"said", "texts"}, {"texts", reply->texts}}};
    };
    CHECK(for_each_row("registry/texts", {{"dns.texts", [&](fields& in, const row& of) {
                                               const outcome found = read(in, of);
                                               if (of.refused) {
                                                   REQUIRE_FALSE(found);
                                                   CHECK("reject:" + std::string{class_of(found.error().code)} ==
                                                         of.expect);
                                                   return;
                                               }
                                               if (!found) FAIL(to_string(found.error()));
                                               CHECK(found->output == of.output);
                                           }}}) >= 40);
}
