#include "conformance/trace/collect.hpp"

#include "tests/support/catch.hpp"

#include <fstream>
#include <random>

using namespace agentmesh::conformance::trace;
namespace fs = std::filesystem;

namespace {

/// A repository in a folder of its own, removed at the end.
class repository {
public:
    repository() : root_{fs::temp_directory_path() / ("agentmesh-trace-" + std::to_string(std::random_device{}()))} {
        fs::create_directories(root_);
    }
    ~repository() { fs::remove_all(root_); }
    repository(const repository&) = delete;
    repository& operator=(const repository&) = delete;

    void put(const std::string& path, const std::string& text) const {
        fs::create_directories((root_ / path).parent_path());
        std::ofstream(root_ / path) << text;
    }
    [[nodiscard]] const fs::path& root() const { return root_; }

private:
    fs::path root_;
};

std::string complaint(const link_set& found) {
    return found.orphans.empty() ? "" : found.orphans[0].artifact + " " + found.orphans[0].complaint;
}

}  // namespace

TEST_CASE("a vector file links each requirement with the rows under it", "[unit][trace]") {
    const repository here;
    here.put("vectors/a/b.json", R"({"spec":{"sentences":{"AM-ENC-001":"0123456789abcdef"}},
        "notes":{"odd":{"req":["AM-ENC-001"]},"fine":{"req":["AM-ENC-001","AM-ENC-002"]}},
        "groups":[{"tests":[{"flags":["odd"],"expect":"reject:parse"},{"flags":["fine"],"expect":"accept"},
                            {"flags":["fine","odd"],"expect":"reject:parse"}]}]})");
    link_set found;
    collect_vectors(found, here.root());
    CHECK(found.orphans.empty());
    REQUIRE(found.links.size() == 2);
    CHECK(found.links[0].artifact == "vector vectors/a/b.json");
    CHECK(found.links[0].requirement == "AM-ENC-001");
    CHECK(found.links[0].hash == "0123456789abcdef");
    CHECK(found.links[0].accepts == 1);
    CHECK(found.links[0].rejects == 2);
    CHECK(found.links[0].file_accepts);
    CHECK(found.links[1].requirement == "AM-ENC-002");
    CHECK(found.links[1].hash.empty());
}

TEST_CASE("rows beyond the specification name the document they rest on", "[unit][trace]") {
    const repository here;
    here.put("vectors/x.json", R"({"notes":{"x":{"req":[],"references":["RFC 9112"]}},"groups":[{"tests":[{"flags":["x"],"expect":"accept"}]}]})");
    link_set found;
    collect_vectors(found, here.root());
    CHECK(found.links.empty());
    CHECK(found.orphans.empty());
}

TEST_CASE("a vector file with loose ends is an orphan", "[unit][trace]") {
    struct {
        const char *text, *complaint;
    } const rows[] = {
        {R"({"notes":{"x":{"req":[]}},"groups":[{"tests":[{"flags":["x"],"expect":"accept"}]}]})", "note \"x\" names neither a requirement nor a source"},
        {R"({"notes":{"x":{"req":["AM-ENC-001"]}},"groups":[{"tests":[]}]})", "note \"x\" belongs to no row"},
        {R"({"notes":{},"groups":[{"tests":[{"flags":["y"],"expect":"accept"}]}]})", "flag \"y\" has no note"},
        {R"([1])", "is not a JSON object"},
        {R"({"notes":{"x":7},"groups":[]})", "does not have the form of a vector file"},
        {R"({"notes":{},"groups":[{"tests":[7]}]})", "does not have the form of a vector file"},
        {"{", "is not a JSON object"},
    };
    for (const auto& row : rows) {
        const repository here;
        here.put("vectors/x.json", row.text);
        link_set found;
        collect_vectors(found, here.root());
        CHECK(complaint(found) == std::string("vector vectors/x.json ") + row.complaint);
    }
}

TEST_CASE("x-req is found at any depth, single or as a list", "[unit][trace]") {
    const repository here;
    here.put("schemas/frames.json", R"({"$schema":"s","x-spec":{"sentences":{"AM-RLY-001":"0123456789abcdef"}},"oneOf":[{"properties":{"to":{"x-req":"AM-RLY-001"}}},{"x-req":["AM-RLY-002","AM-RLY-001"]}]})");
    here.put("schemas/empty.json", R"({"$schema":"s"})");
    here.put("schemas/any.json", R"({"$schema":"s","oneOf":[{"$ref":"frames.json"}]})");
    here.put("schemas/negative/frames.json", R"({"samples":[]})");
    link_set found;
    collect_schemas(found, here.root());
    REQUIRE(found.links.size() == 2);
    CHECK(found.links[0].artifact == "schema schemas/frames.json");
    CHECK(found.links[0].requirement == "AM-RLY-001");
    CHECK(found.links[0].hash == "0123456789abcdef");
    CHECK(found.links[1].hash.empty());
    REQUIRE(found.orphans.size() == 1);
    CHECK(complaint(found) == "schema schemas/empty.json names no requirement");
}

TEST_CASE("the arguments of AM_FUZZ are read over several lines, and nothing else is", "[unit][trace]") {
    const repository here;
    here.put("fuzz/a.cpp", "// AM_FUZZ(AM_ENC_008)\nAM_FUZZ(AM_ENC_001,\n        AM_ENC_002);\nint LLVMFuzzerTestOneInput(const char*);\n");
    here.put("fuzz/b.cpp", "int LLVMFuzzerTestOneInput(const char*);\n");
    here.put("fuzz/replay.cpp", "int main() {}\n");
    link_set found;
    collect_fuzz_targets(found, here.root());
    REQUIRE(found.links.size() == 2);
    CHECK(found.links[1].artifact == "fuzz fuzz/a.cpp");
    CHECK(found.links[1].requirement == "AM-ENC-002");
    REQUIRE(found.orphans.size() == 1);
    CHECK(complaint(found) == "fuzz fuzz/b.cpp names no requirement");
}

TEST_CASE("mentions are code below include and tests below tests", "[unit][trace]") {
    const repository here;
    here.put("include/a/x.hpp", "/// @spec AM-ENC-001, AM-ENC-002\n fail(\"AM-ENC-001\")");
    here.put("tests/x.cpp", "[AM-ENC-003] XAM-ENC-004 AM-ENC-0055");
    link_set found;
    collect_mentions(found, here.root());
    REQUIRE(found.links.size() == 3);
    CHECK(found.links[0].kind == link_kind::code);
    CHECK(found.links[0].artifact == "code include/a/x.hpp");
    CHECK(found.links[2].kind == link_kind::test);
    CHECK(found.links[2].requirement == "AM-ENC-003");
}

TEST_CASE("a mutant that breaks nothing is an orphan", "[unit][trace]") {
    link_set found;
    const std::vector<mutant_claim> claims{{"relay_lazy", {}}, {"relay_twice", {"AM-RLY-006"}}};
    collect_mutants(found, claims);
    REQUIRE(found.links.size() == 1);
    CHECK(found.links[0].artifact == "mutant relay_twice");
    CHECK(complaint(found) == "mutant relay_lazy breaks nothing");
}

TEST_CASE("an empty repository has no links and no complaints", "[unit][trace]") {
    const repository here;
    link_set found;
    collect_vectors(found, here.root());
    collect_schemas(found, here.root());
    collect_fuzz_targets(found, here.root());
    collect_mentions(found, here.root());
    CHECK(found.links.empty());
    CHECK(found.orphans.empty());
    CHECK(read_ledger(here.root()).empty());
}

TEST_CASE("a review ledger of another form is refused with its name", "[unit][trace]") {
    const repository here;
    here.put("conformance/reviewed.json", R"({"case X":["AM-ENC-001"]})");
    CHECK_THROWS_WITH(read_ledger(here.root()), Catch::Matchers::Contains("reviewed.json is not a map"));
    here.put("conformance/reviewed.json", R"({"case X":{"AM-ENC-001":"00"}})");
    CHECK(read_ledger(here.root()).at("case X").at("AM-ENC-001") == "00");
}
