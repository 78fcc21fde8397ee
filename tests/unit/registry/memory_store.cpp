#include "tests/unit/registry/store.hpp"

TEST_CASE("a store in memory keeps what a registry gives it", "[unit][registry][AM-REG-090]") {
    store_tests::every_promise_holds([] { return agentmesh::registry::memory_store{}; });
}

TEST_CASE("a store in memory keeps the same if each transaction is tried before", "[unit][registry]") {
    store_tests::agents_are_kept(agentmesh::registry::memory_store{true});
    store_tests::agents_are_found_as_they_are_now(agentmesh::registry::memory_store{true});
    store_tests::words_about_agents_are_kept(agentmesh::registry::memory_store{true});
    store_tests::organizations_and_logins_are_kept(agentmesh::registry::memory_store{true});
    store_tests::nonces_are_remembered(agentmesh::registry::memory_store{true});
}

TEST_CASE("capabilities fit what is asked for by whole segments, or by a pattern", "[unit][registry]") {
    using agentmesh::registry::fits;
    CHECK(fits("travel", "travel"));
    CHECK(fits("travel", "travel/flights"));
    CHECK_FALSE(fits("travel", "travelling"));
    CHECK_FALSE(fits("travel/flights", "travel"));
    CHECK(fits("travel/*", "travel/flights"));
    CHECK_FALSE(fits("travel/*", "travel"));
    CHECK(fits("*", "anything"));
    CHECK(fits("", "anything"));
    CHECK_FALSE(fits("t*x", "travel"));
    CHECK(fits("t*v*l*", "travel"));
}
