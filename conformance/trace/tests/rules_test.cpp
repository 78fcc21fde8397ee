#include "conformance/trace/rules.hpp"

#include "conformance/trace/print.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

using namespace agentmesh::conformance;
using namespace agentmesh::conformance::trace;

namespace {

constexpr std::string_view digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

clause make(unsigned by, polarity pole = polarity::produce, keyword level = keyword::must) {
    clause out{};
    out.id = "AM-RLY-001";
    out.level = level;
    out.pole = pole;
    out.role = "relay";
    out.set = requirement_set::core;
    out.by = by;
    out.sentence = "A relay MUST work.";
    out.hash = digest;
    out.source = "ruling 1; T2, T3; cat 61-63, 70";
    out.line = 558;
    return out;
}

trace_link make_link(link_kind kind, std::string name = "x") {
    trace_link out;
    out.kind = kind;
    out.artifact = std::string(to_string(kind)) + " " + name;
    out.requirement = "AM-RLY-001";
    out.hash = digest;
    return out;
}

/// What is missing for one clause with these links.
class bench {
public:
    explicit bench(clause of) : of_{of} { what_.today = "2026-11-21"; }
    bench& with(trace_link one) {
        what_.found.links.push_back(std::move(one));
        return *this;
    }
    material& what() { return what_; }
    traceability judged() {
        pointer_ = &of_;
        what_.clauses = {&pointer_, 1};
        return judge(what_);
    }
    std::vector<std::string> missing() { return judged().requirements.at(0).missing; }

private:
    clause of_;
    const clause* pointer_ = nullptr;
    material what_;
};

using words = std::vector<std::string>;

}  // namespace

TEST_CASE("a clause seen on the wire needs a case", "[unit][trace]") {
    CHECK(bench(make(by_wire)).missing() == words{"no case"});
    CHECK(bench(make(by_wire)).with(make_link(link_kind::test_case)).missing().empty());
    CHECK(bench(make(by_wire, polarity::produce, keyword::may)).missing() == words{"no case"});
}

TEST_CASE("a case that the reference run never judged proves nothing", "[unit][trace]") {
    auto one = bench(make(by_wire)).with(make_link(link_kind::test_case));
    one.what().emitted = std::map<std::string, verdict>{};
    CHECK(one.missing() == words{"proven in source, never emitted in the reference run"});
    (*one.what().emitted)["AM-RLY-001"] = verdict::inconclusive;
    CHECK(one.missing() == words{"the reference run says inconclusive"});
    (*one.what().emitted)["AM-RLY-001"] = verdict::pass;
    CHECK(one.missing().empty());
}

TEST_CASE("the case of a MUST has to catch a mutant; that of a SHOULD has not", "[unit][trace]") {
    auto one = bench(make(by_wire)).with(make_link(link_kind::test_case, "RLY-SEND-001"));
    one.what().killed = std::set<std::string>{};
    CHECK(one.missing() == words{"case RLY-SEND-001 kills no mutant"});
    one.what().killed->insert("AM-RLY-001");
    CHECK(one.missing().empty());
    auto should = bench(make(by_wire, polarity::produce, keyword::should)).with(make_link(link_kind::test_case));
    should.what().killed = std::set<std::string>{};
    CHECK(should.missing().empty());
}

TEST_CASE("a rejecting clause needs a vector that is rejected and one that is not", "[unit][trace]") {
    CHECK(bench(make(by_vector, polarity::reject)).missing() == words{"no vector"});
    auto rows = make_link(link_kind::vector);
    CHECK(bench(make(by_vector)).with(rows).missing().empty());
    rows.rejects = 1;
    CHECK(bench(make(by_vector, polarity::reject)).with(rows).missing() == words{"no vector that is accepted beside it"});
    rows.file_accepts = true;
    CHECK(bench(make(by_vector, polarity::reject)).with(rows).missing().empty());
    rows.rejects = 0;
    CHECK(bench(make(by_vector, polarity::reject)).with(rows).missing() == words{"no vector that is rejected"});
}

TEST_CASE("every way of observing is demanded on its own", "[unit][trace]") {
    CHECK(bench(make(by_wire | by_vector | by_schema | by_fuzz)).missing() ==
          words{"no case", "no vector", "no x-req in a schema", "no fuzz target"});
    CHECK(bench(make(by_schema)).with(make_link(link_kind::schema)).missing().empty());
    CHECK(bench(make(by_fuzz)).with(make_link(link_kind::fuzz)).missing().empty());
    CHECK(bench(make(by_fuzz)).with(make_link(link_kind::test)).missing() == words{"no fuzz target"});
}

TEST_CASE("strict also wants a place in the code", "[unit][trace]") {
    auto one = bench(make(by_fuzz)).with(make_link(link_kind::fuzz));
    one.what().strict = true;
    CHECK(one.missing() == words{"no place in include/ names it"});
    CHECK(one.with(make_link(link_kind::code)).missing().empty());
}

TEST_CASE("a review needs a name, a reason and a date to come", "[unit][trace]") {
    auto one = bench(make(by_review));
    CHECK(one.missing() == words{"no reviewer or no reason"});
    one.what().reviews = {{"AM-RLY-001", "editors", "2026-11-20", "r"}};
    CHECK(one.missing() == words{"review expired on 2026-11-20"});
    one.what().reviews[0].until = "2026-11-21";
    CHECK(one.missing().empty());
    one.what().reviews[0].reason = "";
    CHECK(one.missing() == words{"no reviewer or no reason"});
}

TEST_CASE("more than one MUST in ten on review alone is refused", "[unit][trace]") {
    std::vector<clause> clauses(20, make(by_fuzz));
    std::vector<std::string> ids;
    for (int i = 10; i < 30; ++i) ids.push_back("AM-RLY-0" + std::to_string(i));
    material what;
    what.today = "2026-11-21";
    std::vector<const clause*> pointers;
    for (std::size_t i = 0; i < clauses.size(); ++i) {
        clauses[i].id = ids[i];
        if (i < 2) clauses[i].by = by_review;
        pointers.push_back(&clauses[i]);
    }
    what.clauses = pointers;
    CHECK(judge(what).complaints.empty());
    clauses[2].by = by_review;
    CHECK(judge(what).complaints.size() == 1);
}

TEST_CASE("an edited sentence makes every link to it suspect until it is reviewed", "[unit][trace]") {
    auto stale = make_link(link_kind::test_case);
    stale.hash = std::string(64, 'f');
    auto half = make_link(link_kind::vector);
    half.hash = std::string(digest.substr(0, 16));
    CHECK(bench(make(by_wire)).with(stale).with(half).missing() == words{"text changed, 1 link suspect"});

    auto recorded = make_link(link_kind::test_case);
    recorded.hash.clear();
    auto one = bench(make(by_wire)).with(recorded);
    CHECK(one.missing().empty());
    one.what().strict = true;
    one.with(make_link(link_kind::code));
    CHECK(one.missing() == words{"1 link not in reviewed.json"});
    CHECK(kept_in_ledger(recorded));
    CHECK_FALSE(kept_in_ledger(make_link(link_kind::vector)));
    one.what().reviewed["case x"]["AM-RLY-001"] = std::string(64, 'f');
    CHECK(one.missing() == words{"text changed, 1 link suspect"});
    one.what().reviewed["case x"]["AM-RLY-001"] = std::string(digest);
    CHECK(one.missing().empty());
}

TEST_CASE("a digest too short to tell sentences apart does not count", "[unit][trace]") {
    auto vague = make_link(link_kind::vector);
    vague.hash = std::string(digest.substr(0, 4));
    CHECK(bench(make(by_vector)).with(vague).missing() == words{"text changed, 1 link suspect"});
}

TEST_CASE("a link to an id that does not exist is an orphan", "[unit][trace]") {
    auto lost = make_link(link_kind::vector, "vectors/x.json");
    lost.requirement = "AM-RLY-" + std::string("404");
    const auto judged = bench(make(by_fuzz)).with(make_link(link_kind::fuzz)).with(lost).judged();
    REQUIRE(judged.orphans.size() == 1);
    CHECK(judged.orphans[0].artifact == "vector vectors/x.json");
    CHECK_FALSE(judged.clean());
}

TEST_CASE("the text names each gap with its line and closes with the count", "[unit][trace]") {
    auto one = bench(make(by_wire | by_vector, polarity::absent, keyword::must_not));
    one.what().found.orphans = {{"case REG-LIST-004", "proves nothing"}};
    CHECK(trace_text(one.judged()) ==
          " E AM-RLY-001 MUST NOT no case, no vector                                   SPEC.md:558\n"
          " E case REG-LIST-004 proves nothing\n"
          "1 requirements, 1 MUST: 0 proven, 1 blocking; 1 orphan   exit 1\n");
    CHECK(trace_text(bench(make(by_fuzz)).with(make_link(link_kind::fuzz)).judged()) ==
          "1 requirements, 1 MUST: 1 proven, 0 blocking; 0 orphans   exit 0\n");
}

TEST_CASE("the JSON lists links as reviews name them", "[unit][trace]") {
    auto one = bench(make(by_fuzz)).with(make_link(link_kind::fuzz, "fuzz/x.cpp"));
    const auto judged = one.judged();
    const auto document = nlohmann::json::parse(trace_json(judged, one.what()));
    CHECK(document.at("clean") == true);
    CHECK(document.at("links").at(0) ==
          nlohmann::json{{"artifact", "fuzz fuzz/x.cpp"}, {"kind", "fuzz"}, {"requirement", "AM-RLY-001"}, {"state", "current"}, {"ledger", false}});
}

TEST_CASE("the catalogue lists the rows that a clause names and the rows that none does", "[unit][trace]") {
    const auto one = make(by_wire);
    const clause* pointer = &one;
    const auto text = catalogue_text({&pointer, 1});
    CHECK(text.find("cat 61   AM-RLY-001\ncat 62   AM-RLY-001\ncat 63   AM-RLY-001\ncat 70   AM-RLY-001\n"
                    "4 of 163 rows of the adversarial catalogue have a clause; none yet: 1-60, 64-69, 71-163\n") == 0);
    CHECK(text.find("T 2      AM-RLY-001\nT 3      AM-RLY-001\n2 of 32") != std::string::npos);
}
