#include "tests/unit/registry/client_lies.hpp"

using namespace client_tests;

TEST_CASE("every lie of a registry is caught, and the truth beside it believed",
          "[unit][registry][AM-FND-001][AM-FND-002][AM-FND-003][AM-FND-004][AM-FND-005][AM-FND-006][AM-FND-007]"
          "[AM-FND-008][AM-FND-009][AM-FND-010][AM-FND-011][AM-FND-012][AM-FND-014]") {
    for (const auto& one : lies()) {
        INFO(one.name);
        CHECK(!one.tell(true));
        const auto refused = one.tell(false);
        CHECK(refused == one.caught);
    }
}
