// C2SP/CCTV: 914 signatures over points of small order, with components of small order, and in odd encodings.
#include <agentmesh/crypto/ed25519.hpp>

#include "tests/external/vectors.hpp"

using namespace agentmesh;
using namespace agentmesh::crypto;

TEST_CASE("Every edge case of Ed25519 is decided as the pinned table says",
          "[external][crypto][AM-KEY-001][AM-KEY-002][AM-KEY-003]") {
    const auto cases =
        nlohmann::json::parse(external::read_file(external::folder("cctv-ed25519") / "ed25519vectors.json"));
    const auto table = external::pinned("tests/external/ed25519_cctv.json");
    const auto& outcomes = table.at("outcomes");
    REQUIRE(cases.size() == 914);
    REQUIRE(outcomes.size() == 914);

    std::size_t accepted = 0;
    for (const auto& test : cases) {
        const auto number = std::to_string(test.at("number").get<int>());
        CAPTURE(number, test.at("flags").dump());
        const auto key = ed25519_public_key::from(external::bytes(test, "key")).value();
        const auto signature = ed25519_signature::from(external::bytes(test, "sig")).value();
        const auto message = test.at("msg").get<std::string>();
        const bool valid = verify(key, as_bytes(message), signature).has_value();
        accepted += valid;
        CHECK((valid ? "accept" : "reject") == outcomes.at(number).get<std::string>());

        // What our rule refuses, whatever the equation says.
        for (const auto& flag : test.at("flags").is_null() ? nlohmann::json::array() : test.at("flags"))
            if (flag == "low_order_A" || flag == "low_order_R" || flag == "non_canonical_A" ||
                flag == "non_canonical_R")
                CHECK_FALSE(valid);
    }
    CHECK(accepted == 43);
}
