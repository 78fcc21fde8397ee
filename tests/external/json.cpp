// nst/JSONTestSuite and the samples of RFC 8785's authors.
#include <agentmesh/core/json.hpp>

#include "tests/external/vectors.hpp"

using namespace agentmesh;

TEST_CASE("JSONTestSuite is decided as the suite and our pinned choices say", "[external][core][AM-ENC-010]") {
    const auto choices = external::pinned("tests/external/json_test_suite.json").at("outcomes");
    std::map<char, std::size_t> counts;
    std::size_t chosen = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator{external::folder("json-test-suite") / "test_parsing"}) {
        const std::string name = entry.path().filename();
        CAPTURE(name);
        const auto outcome = json::validate(external::read_file(entry.path()));
        ++counts[name[0]];
        if (choices.contains(name)) {
            ++chosen;
            const auto& choice = choices.at(name);
            CHECK(outcome.has_value() == (choice.at("expect") == "accept"));
            if (!outcome) CHECK(outcome.error().clause == choice.at("clause").get<std::string>());
            CHECK_FALSE(choice.at("reason").get<std::string>().empty());
        } else {
            CHECK(name[0] != 'i');
            CHECK(outcome.has_value() == (name[0] == 'y'));
        }
    }
    CHECK(counts == std::map<char, std::size_t>{{'y', 95}, {'n', 188}, {'i', 35}});
    CHECK(chosen == choices.size());
}

TEST_CASE("Canonical form equals the samples of RFC 8785 byte for byte", "[external][core][AM-ENC-020]") {
    const auto root = external::folder("rfc8785");
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator{root / "input"}) {
        const std::string name = entry.path().filename();
        CAPTURE(name);
        const auto expected = external::read_file(root / "output" / name);
        const auto canonical = json::canonicalize(external::read_file(entry.path()));
        REQUIRE(canonical.has_value());
        CHECK(*canonical == expected);
        CHECK(json::canonicalize(expected) == expected);

        std::string hex = external::read_file(root / "outhex" / entry.path().filename().replace_extension("txt"));
        std::erase_if(hex, [](unsigned char c) { return std::isspace(c) != 0; });
        CHECK(to_hex(as_bytes(*canonical)) == hex);
        ++count;
    }
    CHECK(count == 6);
}
