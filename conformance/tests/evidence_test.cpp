#include "conformance/engine/evidence.hpp"

#include "conformance/engine/encoding.hpp"
#include "tests/support/catch.hpp"

using namespace agentmesh::conformance;

namespace {

evidence sample() {
    evidence out;
    out.header = {"0.1.0", "relay-core@1.0", "5eed", "5a17", "ws://127.0.0.1:1/", "d1", 250'000, 2'000'000, {{"ping_interval_ms", 600}}, {"ping"}};
    for (const char* id : {"AUT-CONNECT-001", "RLY-SEND-001"}) {
        ledger log{id, out.genesis()};
        log.add(1, 0, direction::none, "case", "{}");
        log.add(2, 1, direction::out, "ws", "question");
        log.add(3, 1, direction::in, "ws", std::string("an\0swer", 7));
        check_result check;
        check.requirement = "AM-AUT-001";
        check.outcome = verdict::pass;
        check.evidence = {3};
        log.add_verdict(4, check);
        out.cases.push_back(std::move(log));
    }
    return out;
}

}  // namespace

TEST_CASE("evidence is read back as it was written", "[engine][evidence]") {
    const auto written = sample();
    const auto read = read_evidence(written.text());
    CHECK(read.text() == written.text());
    CHECK(read.root() == written.root());
    CHECK(read.header.timings_ms.at("ping_interval_ms") == 600);
    CHECK(read.find("RLY-SEND-001")->inbound(3));
    CHECK_FALSE(read.find("RLY-SEND-001")->inbound(2));
    CHECK_FALSE(read.find("RLY-SEND-001")->inbound(99));
}

TEST_CASE("no byte of the evidence can change unnoticed", "[engine][evidence]") {
    const auto text = sample().text();
    for (std::size_t i = 0; i < text.size(); i += 7) {
        auto altered = text;
        altered[i] = altered[i] == 'x' ? 'y' : 'x';
        CHECK_THROWS_AS(read_evidence(altered), std::runtime_error);
    }
}

TEST_CASE("evidence that lacks a line, or its end, is refused", "[engine][evidence]") {
    const auto text = sample().text();
    std::vector<std::size_t> starts{0};
    for (std::size_t i = 0; i + 1 < text.size(); ++i)
        if (text[i] == '\n') starts.push_back(i + 1);
    for (std::size_t line = 0; line < starts.size(); ++line) {
        auto altered = text;
        altered.erase(starts[line], text.find('\n', starts[line]) + 1 - starts[line]);
        CHECK_THROWS_AS(read_evidence(altered), std::runtime_error);
    }
}

TEST_CASE("the Merkle root is that of RFC 6962", "[engine][evidence]") {
    CHECK(to_hex(merkle_root({})) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(to_hex(merkle_root({""})) == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    const auto leaf = [](const std::string& s) { return sha256(std::string(1, '\0') + s); };
    const auto node = [](const std::string& a, const std::string& b) { return sha256("\1" + a + b); };
    CHECK(merkle_root({"a", "b", "c"}) == node(node(leaf("a"), leaf("b")), leaf("c")));
}
