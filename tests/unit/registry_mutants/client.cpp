// Each mutant of the client believes exactly one lie.
#define AGENTMESH_ZOO 1

#include "tests/unit/registry/client_lies.hpp"

using namespace client_tests;

TEST_CASE("a client with one check missing believes the lie that this check catches, and no other",
          "[unit][registry][AM-FND-001][AM-FND-008]") {
    for (const auto& mutant : lies()) {
        INFO("without the check against " << mutant.name);
        registry::active_fault = mutant.blind;
        for (const auto& one : lies()) {
            INFO("told " << one.name);
            const auto refused = one.tell(false);
            CHECK(refused.has_value() == (&one != &mutant));
            CHECK(!one.tell(true));
        }
        registry::active_fault = registry::fault::none;
    }
}

TEST_CASE("every mutant of the client has its lie", "[unit][registry]") {
    std::set<registry::fault> blind;
    for (const auto& one : lies()) CHECK(blind.insert(one.blind).second);
    const std::pair<std::string_view, registry::fault> all[] = {
#define AGENTMESH_FAULT(name) {#name, registry::fault::name},
#include <agentmesh/registry/fault_list.ipp>
#undef AGENTMESH_FAULT
    };
    for (const auto& [name, one] : all)
        if (name.starts_with("client_")) CHECK(blind.count(one) == 1);
}
