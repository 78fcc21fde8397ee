// vectors/registry/replies against registry/client.hpp.
#include "conformance/shims/cpp/registry_rows.hpp"
#include "tests/support/vectors.hpp"

using namespace agentmesh;
using namespace vectors;

TEST_CASE("what a registry says is believed as in the vectors, and no lie of theirs is",
          "[vectors][registry][AM-FND-001][AM-FND-002][AM-FND-003][AM-FND-004][AM-FND-005][AM-FND-006][AM-FND-007]"
          "[AM-FND-008][AM-FND-009][AM-FND-010][AM-FND-011]") {
    const auto hear = [](fields& input, const row& of) {
        vectors::json members = of.shared;
        for (const auto& [name, value] : input.all().items()) members[name] = input[name];
        const vectors::json now = of.now;
        const auto found = shim::believe(shim::arguments{members, &now});
        if (!of.refused) {
            if (!found) FAIL(to_string(found.error()));
            CHECK(*found == of.output);
            return;
        }
        REQUIRE_FALSE(found);
        INFO(to_string(found.error()));
        CHECK("reject:" + std::string{shim::class_of(found.error().code)} == of.expect);
    };
    CHECK(for_each_row("registry/replies", {{"registry.believe", hear}}) >= 120);
}
