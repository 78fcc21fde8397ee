// Cases about registries, over a wire whose other end is a function.
#include "conformance/engine/registry_context.hpp"

#include "conformance/engine/accounting.hpp"
#include "conformance/engine/case_runner.hpp"
#include "conformance/engine/replay_wire.hpp"
#include "conformance/engine/target.hpp"
#include "conformance_requirements.hpp"
#include "tests/support/catch.hpp"

#include <agentmesh/registry/request_proof.hpp>

#include <deque>
#include <functional>
#include <map>

using namespace agentmesh::conformance;

namespace {

/// Answers each request with what `says` makes of its bytes; nothing if that is empty.
class scripted_wire final : public wire {
public:
    explicit scripted_wire(std::function<std::string(const std::string&)> says) : says_{std::move(says)} {}

    wire_event open(int conn) override { return event(conn, "tcp", "open"); }
    microseconds send(int conn, std::string_view, std::string_view bytes) override {
        sent_.emplace_back(bytes);
        if (auto answer = says_(std::string{bytes}); !answer.empty()) waiting_[conn].push_back(std::move(answer));
        return tick();
    }
    microseconds send_pieces(int conn, const std::vector<std::string>& pieces) override {
        std::string whole;
        for (const auto& piece : pieces) whole += piece;
        return send(conn, "raw", whole);
    }
    microseconds act(int, action) override { return tick(); }
    void set_background(int, bool, bool) override {}
    void expect_pong(int, std::string_view) override {}
    wire_event next(int conn, milliseconds) override {
        auto& from = waiting_[conn];
        if (from.empty()) {
            wire_event out{conn, direction::none, "timer", "timeout", {}};
            out.seen.at = tick();
            return out;
        }
        auto bytes = std::move(from.front());
        from.pop_front();
        return event(conn, "http", std::move(bytes));
    }
    microseconds wait(milliseconds) override { return tick(); }
    [[nodiscard]] microseconds elapsed() const override { return now_; }
    std::pair<wall_time, microseconds> now() override { return {wall_time{seconds{1'795'000'000}} + now_, tick()}; }
    std::vector<wire_event> finish() override { return {}; }

    [[nodiscard]] const std::vector<std::string>& sent() const noexcept { return sent_; }

private:
    microseconds tick() { return now_ += microseconds{7}; }
    wire_event event(int conn, std::string_view layer, std::string bytes) {
        wire_event out{conn, direction::in, std::string{layer}, std::move(bytes), {}};
        out.seen = read_observation(out.layer, out.bytes);
        out.seen.at = tick();
        return out;
    }
    std::function<std::string(const std::string&)> says_;
    std::map<int, std::deque<std::string>> waiting_;
    std::vector<std::string> sent_;
    microseconds now_{};
};

std::string response(int status, const std::string& body) {
    return "HTTP/1.1 " + std::to_string(status) + " x\r\nContent-Type: application/json\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
}

conformance_case make(requirement_list proves, void (*ask)(registry_context&)) {
    conformance_case out;
    out.id = "T-REGISTRY-001";
    out.title = "a case of the tests";
    out.proves = std::move(proves);
    out.cost = rtt(3);
    out.ask = ask;
    return out;
}

const auto unknown_is_refused = make({req::AM_REG_011}, [](registry_context& t) {
    (void)t.enrolled();
    t.produced(req::AM_REG_011, t.saw(t.ask(t.lookup(t.fresh().amid())), match::http(404)));
});

case_settings settings_for_tests() {
    case_settings out;
    out.set = requirement_set::hardened;
    out.seed = "5eed";
    out.authority = "registry.example";
    out.path = "/";
    return out;
}

/// A registry that takes everybody and knows nobody.
std::string forgetful(const std::string& asked) {
    return asked.starts_with("POST") ? response(201, R"({"success":true})") : response(404, R"({"error":"not_found"})");
}

}  // namespace

TEST_CASE("a case about a registry passes where its control holds and what it looks for is there", "[engine][registry]") {
    scripted_wire over{forgetful};
    ledger log{"T-REGISTRY-001", ""};
    const auto out = case_runner::run(unknown_is_refused, settings_for_tests(), over, log);
    CHECK(out.faults.empty());
    REQUIRE(out.result.checks.size() == 1);
    CHECK(out.result.checks[0].outcome == verdict::pass);
    CHECK(out.result.checks[0].why == "HTTP status 404");
}

TEST_CASE("a server that answers everything alike passes no case about a registry", "[engine][registry]") {
    for (const int status : {200, 201, 404, 500}) {
        scripted_wire over{[&](const std::string&) { return response(status, "{}"); }};
        ledger log{"T-REGISTRY-001", ""};
        const auto out = case_runner::run(unknown_is_refused, settings_for_tests(), over, log);
        INFO(status);
        CHECK(out.faults.empty());
        CHECK(out.result.outcome != verdict::pass);
    }
}

TEST_CASE("a pass about a registry without a control is a fault of the harness, whatever the clause", "[engine][registry]") {
    const auto careless = make({req::AM_REG_011}, [](registry_context& t) {
        t.produced(req::AM_REG_011, t.saw(t.ask(t.lookup(t.fresh().amid())), match::http(404)));
    });
    scripted_wire over{forgetful};
    ledger log{"T-REGISTRY-001", ""};
    CHECK_FALSE(case_runner::run(careless, settings_for_tests(), over, log).faults.empty());
}

TEST_CASE("a case about a registry is judged from its records as it was judged live", "[engine][registry]") {
    scripted_wire over{forgetful};
    ledger log{"T-REGISTRY-001", ""};
    const auto first = case_runner::run(unknown_is_refused, settings_for_tests(), over, log);
    replay_wire recorded{log};
    ledger again{"T-REGISTRY-001", ""};
    const auto second = case_runner::run(unknown_is_refused, settings_for_tests(), recorded, again);
    CHECK(second.faults.empty());
    REQUIRE(second.result.checks.size() == 1);
    CHECK(second.result.checks[0].outcome == first.result.checks[0].outcome);
    CHECK(second.result.checks[0].evidence == first.result.checks[0].evidence);
}

TEST_CASE("below a registry nothing is asked, and nothing said against the target", "[engine][registry]") {
    auto settings = settings_for_tests();
    settings.known_reach = case_settings::reach::upgrade;
    scripted_wire over{forgetful};
    ledger log{"T-REGISTRY-001", ""};
    const auto out = case_runner::run(unknown_is_refused, settings, over, log);
    CHECK(over.sent().empty());
    CHECK(out.result.outcome == verdict::inconclusive);
}

TEST_CASE("the harness's proof is one that the library takes, over the same bytes", "[engine][registry][AM-RQP-001][AM-RQP-004]") {
    const auto prover = make({req::AM_RQP_004}, [](registry_context& t) {
        const auto a = t.resident_agent();
        (void)t.ask(t.proved("/v1/registry/status?a=b", {{"amid", a.amid()}}, a.who));
        auto bare = t.get("/v1/registry/prekeys/" + a.amid());
        t.prove(bare, a.who);
        (void)t.ask(bare);
    });
    scripted_wire over{forgetful};
    ledger log{"T-REGISTRY-001", ""};
    (void)case_runner::run(prover, settings_for_tests(), over, log);
    REQUIRE(over.sent().size() == 2);
    for (const auto& text : over.sent()) {
        namespace http = agentmesh::http;
        http::request asked;
        const auto line_end = text.find("\r\n"), head_end = text.find("\r\n\r\n");
        const auto line = text.substr(0, line_end);
        const auto first = line.find(' '), second = line.rfind(' ');
        asked.method = line.substr(0, first);
        const auto target = line.substr(first + 1, second - first - 1);
        const auto mark = target.find('?');
        asked.path = target.substr(0, mark);
        if (mark != std::string::npos) asked.query = target.substr(mark + 1);
        asked.body = text.substr(head_end + 4);
        for (auto at = line_end + 2; at < head_end + 2;) {
            const auto end = text.find("\r\n", at);
            const auto colon = text.find(": ", at);
            asked.fields.add(text.substr(at, colon - at), text.substr(colon + 2, end - colon - 2));
            at = end + 2;
        }
        const auto proof = agentmesh::registry::read_proof(asked, "registry.example",
                                                           agentmesh::time_point{std::chrono::seconds{1'795'000'000}});
        REQUIRE(proof);
    }
}

TEST_CASE("the body of a response in chunks is what they make up", "[engine][http]") {
    const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    const auto whole = parse_response(head + "5\r\n{\"a\":\r\n3;x=y\r\n\"0\"\r\n1\r\n}\r\n0\r\nTrailer: 1\r\n\r\nHTTP", false);
    REQUIRE(whole);
    CHECK(whole->seen.payload == R"({"a":"0"})");
    CHECK(whole->seen.str("a") == "0");
    CHECK(whole->size == head.size() + 45);
    CHECK_FALSE(parse_response(head + "5\r\n{\"a\":\r\n", false));
    CHECK(parse_response(head + "zz\r\n", false)->seen.is(observation::kind::garbage));
}

TEST_CASE("the URL of a registry may end in the version that its paths begin with", "[engine][registry]") {
    CHECK(base_path("/") == "");
    CHECK(base_path("/v1") == "");
    CHECK(base_path("/v1/") == "");
    CHECK(base_path("/mesh") == "/mesh");
    CHECK(base_path("/mesh/v1") == "/mesh");
    CHECK(parse_url("https://registry.example")->tls);
    CHECK(parse_url("https://registry.example")->http);
    CHECK_FALSE(parse_url("http://registry.example")->tls);
    CHECK_FALSE(parse_url("wss://relay.example")->http);
    CHECK_FALSE(parse_url("ftp://registry.example"));
}

TEST_CASE("relays and registries have sets of their own", "[engine][registry]") {
    CHECK(set_name(requirement_set::core, target_role::registry) == "registry-core@1.0");
    CHECK(set_digest(requirement_set::core, target_role::registry) != set_digest(requirement_set::core));
    for (const auto* one : demanded(requirement_set::hardened, target_role::registry)) CHECK(one->role == "registry");
    for (const auto* one : demanded(requirement_set::hardened)) CHECK(one->role == "relay");
}
