// Clients that lack one check, held against the rows of vectors/registry/replies: which rows notice, and which do not.
#define AGENTMESH_ZOO 1
#include "conformance/shims/cpp/registry_rows.hpp"
#include "tests/support/catch.hpp"

#include <fstream>

using namespace agentmesh;

namespace {

using rows = std::set<unsigned>;

bool as_expected(const nlohmann::json& test, const nlohmann::json& shared) {
    auto members = shared;
    members.update(test.at("input"));
    const auto found = shim::believe(shim::arguments{members, &test.at("now")});
    const std::string expect = test.at("expect");
    if (!found) return expect == "reject:" + std::string{shim::class_of(found.error().code)};
    return expect == "accept" && *found == test.value("output", nlohmann::json::object());
}

/// The rows that do not come out as they should.
rows missed() {
    std::ifstream file{AGENTMESH_SOURCE_DIR "/vectors/registry/replies.json"};
    const auto document = nlohmann::json::parse(file);
    rows out;
    for (const auto& group : document.at("groups"))
        for (const auto& test : group.at("tests"))
            if (!as_expected(test, group.at("shared"))) out.insert(test.at("tcId").get<unsigned>());
    return out;
}

}  // namespace

TEST_CASE("a client that lacks a check is found out by the rows that are for it, and by no other",
          "[vectors][registry]") {
    using registry::fault;
    const std::vector<std::pair<fault, rows>> known{
        {fault::none, {}},
        {fault::client_any_key, {10, 119}},
        {fault::client_any_name, {8}},
        {fault::client_any_statement, {94, 96, 97}},
        {fault::client_any_successor, {109}},
        {fault::client_bare_key, {22, 23, 24, 30}},
        {fault::client_hidden_revocation, {76, 77, 78, 79, 80, 81, 84, 85, 103, 106, 107}},
        {fault::client_inflated_tier, {61, 63, 64, 65, 66, 67, 68}},
        {fault::client_old_bundle, {53, 54, 55}},
        {fault::client_old_epoch, {25, 26, 28, 49, 121}},
        {fault::client_revocation_unknown, {122, 123, 124}},
        {fault::client_swapped_exchange, {15, 120}},
        {fault::client_swapped_prekey, {42, 43, 44, 45, 46, 47, 57}},
    };
    for (const auto& [which, noticed_by] : known) {
        INFO("fault " << static_cast<int>(which));
        registry::active_fault = which;
        const auto seen = missed();
        INFO("seen " << nlohmann::json(seen));
        CHECK(seen == noticed_by);
    }
    registry::active_fault = fault::none;
}
