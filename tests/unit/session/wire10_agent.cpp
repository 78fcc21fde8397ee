// Agents of profile wire10 against each other: KNOCK with key agreement, messages, and what a hostile relay tries.
#include "tests/support/catch.hpp"

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/session/wire10_agent.hpp>

#include <nlohmann/json.hpp>

namespace {

using namespace agentmesh;
using tree = nlohmann::json;

struct sink {
    std::deque<std::string> sent;
    std::vector<std::string> texts;
    std::vector<errc> failures;
    std::vector<std::string> log;  ///< "opened", "refused reason"
    bool accepts = true;

    void send_text(std::string_view text) { sent.emplace_back(text); }
    bool asks(const mesh_did&, std::string_view) { return accepts; }
    void opened(const mesh_did&) { log.emplace_back("opened"); }
    void refused(const mesh_did&, std::string_view why) { log.push_back("refused " + std::string{why}); }
    void received(const mesh_did&, std::string_view, byte_view bytes) { texts.emplace_back(as_text(bytes)); }
    void failed(std::string_view, const error& why) { failures.push_back(why.code); }

    std::string take() {
        REQUIRE_FALSE(sent.empty());
        auto out = sent.front();
        sent.pop_front();
        return out;
    }
};

signing_key_pair keys_of(std::uint8_t number) {
    std::array<std::uint8_t, 32> seed{};
    seed.fill(number);
    return signing_key_pair{*signing_seed::from(seed)};
}

template <class Suite>
struct party {
    crypto::scripted_random random;
    signing_key_pair keys;
    session::wire10_agent<Suite, crypto::scripted_random> agent;
    sink out;

    explicit party(std::uint8_t number)
        : random{number},
          keys{keys_of(number)},
          agent{session::wire10_agent<Suite, crypto::scripted_random>::create(keys, random).value()} {}
};

template <class Suite>
struct two {
    moment now{{}, *parse_time("2026-03-01T12:00:00Z")};
    party<Suite> a{1}, b{2};

    void deliver(party<Suite>& to, const std::string& text) { to.agent.on_text(text, now, to.out); }
    /// Passes everything on, acknowledgements apart, until both are silent.
    void settle() {
        while (!a.out.sent.empty() || !b.out.sent.empty()) {
            while (!a.out.sent.empty()) pass(b, a.out.take());
            while (!b.out.sent.empty()) pass(a, b.out.take());
        }
    }
    void pass(party<Suite>& to, const std::string& text) {
        if (tree::parse(text)["type"] != "ack") deliver(to, text);
    }
    void open() {
        REQUIRE(a.agent.knock(b.agent.name(), b.agent.publish(), now, a.out));
        settle();
        REQUIRE(a.agent.is_open(b.agent.name()));
        REQUIRE(a.agent.send(b.agent.name(), "\"first\"", now, a.out));
        settle();
        REQUIRE(b.out.texts.size() == 1);
        b.out.texts.clear();
    }
    std::string message(std::string_view text) {
        REQUIRE(a.agent.send(b.agent.name(), text, now, a.out));
        return a.out.take();
    }
};

}  // namespace

TEMPLATE_TEST_CASE("two wire10 agents agree on keys and talk both ways", "[unit][session][wire10]", e2ee::wire10,
                   e2ee::wire10_legacy) {
    two<TestType> mesh;
    mesh.open();
    for (int i = 0; i < 10; ++i) {
        REQUIRE(mesh.b.agent.send(mesh.a.agent.name(), std::to_string(i), mesh.now, mesh.b.out));
        REQUIRE(mesh.a.agent.send(mesh.b.agent.name(), std::to_string(100 + i), mesh.now, mesh.a.out));
        mesh.settle();
    }
    CHECK(mesh.a.out.texts.size() == 10);
    CHECK(mesh.b.out.texts.size() == 10);
    CHECK(mesh.b.out.texts.back() == "109");
    CHECK(mesh.a.out.failures.empty());
    CHECK(mesh.b.out.failures.empty());
}

TEST_CASE("the two key agreements of wire10 do not open each other's messages", "[unit][session][wire10]") {
    two<e2ee::wire10> current;
    party<e2ee::wire10_legacy> old{2};
    REQUIRE(current.a.agent.knock(old.agent.name(), old.agent.publish(), current.now, current.a.out));
    old.agent.on_text(current.a.out.take(), current.now, old.out);
    current.deliver(current.a, old.out.take());
    old.agent.on_text(current.message("1"), current.now, old.out);
    CHECK(old.out.failures == std::vector<errc>{errc::bad_tag});
    CHECK(old.out.texts.empty());
}

TEST_CASE("a wire10 bundle that is not the DID's is refused", "[unit][session][wire10]") {
    party<e2ee::wire10> a{1}, b{2}, mallory{3};
    const auto good = b.agent.publish();
    CHECK(session::check_wire10_bundle(good, b.agent.name()));
    CHECK(session::check_wire10_bundle(mallory.agent.publish(), b.agent.name()).error().code == errc::amid_mismatch);
    auto changed = good;
    changed.identity = mallory.agent.publish().identity;
    CHECK(session::check_wire10_bundle(changed, b.agent.name()).error().code == errc::unbound_key);
    changed = good;
    changed.signed_prekey = mallory.agent.publish().signed_prekey;
    CHECK(session::check_wire10_bundle(changed, b.agent.name()).error().code == errc::bad_bundle);
    CHECK_FALSE(a.agent.knock(b.agent.name(), changed, {}, a.out));
    CHECK(a.out.sent.empty());
}

TEST_CASE("forged, repeated and reordered wire10 messages change nothing", "[unit][session][wire10]") {
    two<e2ee::wire10_legacy> mesh;
    mesh.open();
    const auto m0 = mesh.message("0"), m1 = mesh.message("1"), m2 = mesh.message("2");
    auto forged = tree::parse(m1);
    forged["header"]["n"] = 7;
    mesh.deliver(mesh.b, forged.dump());
    forged = tree::parse(m1);
    forged["header"]["pn"] = 1;
    mesh.deliver(mesh.b, forged.dump());
    forged = tree::parse(m1);
    forged["plaintext"] = true;
    mesh.deliver(mesh.b, forged.dump());
    forged = tree::parse(m1);
    forged["to"] = mesh.a.agent.name().text();
    mesh.deliver(mesh.b, forged.dump());
    CHECK(mesh.b.out.texts.empty());
    CHECK(mesh.b.out.sent.empty());  // nothing that was not opened is acknowledged
    mesh.deliver(mesh.b, m2);
    mesh.deliver(mesh.b, m0);
    mesh.deliver(mesh.b, m0);
    mesh.deliver(mesh.b, m1);
    CHECK(mesh.b.out.texts == std::vector<std::string>{"2", "0", "1"});
    CHECK(mesh.b.out.failures.back() == errc::duplicate);
}

TEST_CASE("a wire10 one-time key is spent by the first message that opens, and not by a forged KNOCK",
          "[unit][session][wire10]") {
    two<e2ee::wire10> mesh;
    const auto bundle = mesh.b.agent.publish();
    REQUIRE(bundle.one_time_id);
    // The relay knocks in the name of another agent, with keys of its own and the same one-time key.
    party<e2ee::wire10> mallory{9};
    REQUIRE(mallory.agent.knock(mesh.b.agent.name(), bundle, mesh.now, mallory.out));
    mesh.deliver(mesh.b, mallory.out.take());
    REQUIRE(mesh.a.agent.knock(mesh.b.agent.name(), bundle, mesh.now, mesh.a.out));
    const auto knock = mesh.a.out.take();
    mesh.deliver(mesh.b, knock);
    for (const auto& text : std::exchange(mesh.b.out.sent, {})) mesh.pass(mesh.a, text);
    const auto first = mesh.message("1");
    mesh.deliver(mesh.b, first);
    CHECK(mesh.b.out.texts == std::vector<std::string>{"1"});
    mesh.b.agent.close(mesh.a.agent.name());
    mesh.deliver(mesh.b, knock);  // seen before
    mesh.deliver(mesh.b, first);
    CHECK(mesh.b.out.texts.size() == 1);
}

TEST_CASE("an answer counts only for the KNOCK that it names, and only once", "[unit][session][wire10]") {
    two<e2ee::wire10> mesh;
    REQUIRE(mesh.a.agent.knock(mesh.b.agent.name(), mesh.b.agent.publish(), mesh.now, mesh.a.out));
    REQUIRE(mesh.a.agent.send(mesh.b.agent.name(), "\"waits\"", mesh.now, mesh.a.out));
    const auto knock = mesh.a.out.take();
    CHECK(mesh.a.out.sent.empty());
    mesh.b.out.accepts = false;
    mesh.deliver(mesh.b, knock);
    auto answer = tree::parse(mesh.b.out.take());
    CHECK(answer["type"] == "knock_reject");
    auto unasked = answer;
    unasked["knock_id"] = "another";
    mesh.deliver(mesh.a, unasked.dump());
    CHECK(mesh.a.out.log.empty());
    mesh.deliver(mesh.a, answer.dump());
    CHECK(mesh.a.out.log == std::vector<std::string>{"refused policy_denied"});
    mesh.deliver(mesh.a, answer.dump());
    CHECK(mesh.a.out.log.size() == 1);
    CHECK(mesh.a.agent.send(mesh.b.agent.name(), "1", mesh.now, mesh.a.out).error().code == errc::unknown_session);
}

TEST_CASE("an injected reject does not end an open wire10 session", "[unit][session][wire10]") {
    two<e2ee::wire10> mesh;
    mesh.open();
    tree reject{{"v", 1}, {"type", "knock_reject"}, {"from", mesh.b.agent.name().text()},
                {"to", mesh.a.agent.name().text()}, {"id", "x"}, {"knock_id", "y"}, {"reason", "gone"}};
    mesh.deliver(mesh.a, reject.dump());
    mesh.deliver(mesh.b, mesh.message("\"still\""));
    CHECK(mesh.b.out.texts == std::vector<std::string>{"\"still\""});
}

TEST_CASE("when both knock at once, the KNOCK of the smaller name stands on both sides", "[unit][session][wire10]") {
    two<e2ee::wire10> mesh;
    REQUIRE(mesh.a.agent.knock(mesh.b.agent.name(), mesh.b.agent.publish(), mesh.now, mesh.a.out));
    REQUIRE(mesh.b.agent.knock(mesh.a.agent.name(), mesh.a.agent.publish(), mesh.now, mesh.b.out));
    mesh.settle();
    auto& first = mesh.a.agent.name() < mesh.b.agent.name() ? mesh.a : mesh.b;
    auto& second = &first == &mesh.a ? mesh.b : mesh.a;
    REQUIRE(first.agent.send(second.agent.name(), "1", mesh.now, first.out));
    mesh.settle();
    REQUIRE(second.agent.send(first.agent.name(), "2", mesh.now, second.out));
    mesh.settle();
    CHECK(second.out.texts == std::vector<std::string>{"1"});
    CHECK(first.out.texts == std::vector<std::string>{"2"});
}

TEST_CASE("a wire10 KNOCK that comes again under another id opens nothing", "[unit][session][wire10]") {
    two<e2ee::wire10> mesh;
    auto bundle = mesh.b.agent.publish();
    bundle.one_time_id.reset();  // nothing but the ephemeral key tells it from its replay
    REQUIRE(mesh.a.agent.knock(mesh.b.agent.name(), bundle, mesh.now, mesh.a.out));
    auto knock = tree::parse(mesh.a.out.take());
    mesh.deliver(mesh.b, knock.dump());
    mesh.deliver(mesh.a, mesh.b.out.take());
    const auto first = mesh.message("\"once\"");
    mesh.deliver(mesh.b, first);
    REQUIRE(mesh.b.out.texts.size() == 1);
    knock["id"] = "another";
    mesh.deliver(mesh.b, knock.dump());
    mesh.deliver(mesh.b, first);
    CHECK(mesh.b.out.texts.size() == 1);
    mesh.deliver(mesh.b, mesh.message("\"goes on\""));
    CHECK(mesh.b.out.texts.back() == "\"goes on\"");
}

TEST_CASE("what waits for an answer outlives a KNOCK of the peer, also a forged one", "[unit][session][wire10]") {
    two<e2ee::wire10> mesh;
    auto& winner = mesh.a.agent.name() < mesh.b.agent.name() ? mesh.a : mesh.b;
    auto& loser = &winner == &mesh.a ? mesh.b : mesh.a;
    REQUIRE(loser.agent.knock(winner.agent.name(), winner.agent.publish(), mesh.now, loser.out));
    REQUIRE(loser.agent.send(winner.agent.name(), "\"waits\"", mesh.now, loser.out));
    REQUIRE(winner.agent.knock(loser.agent.name(), loser.agent.publish(), mesh.now, winner.out));
    mesh.settle();
    REQUIRE(winner.agent.send(loser.agent.name(), "\"first\"", mesh.now, winner.out));
    mesh.settle();
    CHECK(winner.out.texts == std::vector<std::string>{"\"waits\""});
    CHECK(loser.out.texts == std::vector<std::string>{"\"first\""});
}

TEST_CASE("peers who only knock make room for those who talk", "[unit][session][wire10]") {
    two<e2ee::wire10> mesh;
    using agent = session::wire10_agent<e2ee::wire10, crypto::scripted_random>;
    const auto key = to_base64(mesh.a.agent.publish().identity.bytes(), base64_form::standard_padded);
    for (std::size_t i = 0; i <= agent::max_peers; ++i) {
        mesh_did::raw bytes;
        bytes.storage()[0] = static_cast<std::uint8_t>(i >> 8);
        bytes.storage()[1] = static_cast<std::uint8_t>(i);
        tree knock{{"v", 1}, {"type", "knock"}, {"from", "did:mesh:" + to_hex(bytes.bytes())},
                   {"to", mesh.b.agent.name().text()}, {"id", "k"}, {"establishment", {{"ik", key}, {"ek", key}}}};
        mesh.deliver(mesh.b, knock.dump());
        mesh.b.out.sent.clear();
    }
    mesh.open();
    mesh.deliver(mesh.b, mesh.message("1"));
    CHECK(mesh.b.out.texts.back() == "1");
}
