// Agents of profile wire10 against each other: KNOCK with key agreement, messages, and what a hostile relay tries.
#include "tests/support/catch.hpp"

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/session/wire10_agent.hpp>

#include <nlohmann/json.hpp>

#include <memory>
#include <random>

namespace {

using namespace agentmesh;
using tree = nlohmann::json;

/// The owner's rules, who knows every caller to be verified.
struct owner {
    session::policy_source rules_{
        session::policy{.min_reputation_ppm = 0,
                        .allow_suites = {e2ee::suite_id::am1, e2ee::suite_id::wire10, e2ee::suite_id::wire10_legacy},
                        .allow_unbound_keys = true, .allow_unsigned_knock = true}};
    std::vector<session::applicant> asked{};

    [[nodiscard]] session::verdict decide(session::applicant asking) {
        asking.trust = tier::verified;
        asked.push_back(asking);
        return rules_.decide(asking);
    }
    [[nodiscard]] bool is_flooded(const moment& now) { return rules_.is_flooded(now); }
    [[nodiscard]] unsigned take_message(const amid& from, const moment& now) { return rules_.take_message(from, now); }
    [[nodiscard]] bool allows(e2ee::suite_id suite) const { return rules_.allows(suite); }
    [[nodiscard]] bool allows_unsigned() const { return rules_.allows_unsigned(); }
    [[nodiscard]] const session::policy& rules() const { return rules_.rules(); }
    [[nodiscard]] std::uint64_t generation() const { return rules_.generation(); }
    template <class How>
    void change(How how) {
        auto rules = rules_.rules();
        how(rules);
        rules_.replace(std::move(rules));
    }
};

struct known_agents {
    std::map<mesh_did, signing_public_key> keys{};

    [[nodiscard]] std::optional<signing_public_key> signing_key(const mesh_did& who) const {
        const auto found = keys.find(who);
        if (found == keys.end()) return std::nullopt;
        return found->second;
    }
};

struct sink {
    memory_state store;
    std::deque<std::string> sent;
    std::vector<std::string> texts, ids, lost;
    std::vector<errc> failures;
    std::vector<std::string> log;  ///< "opened", "refused reason"
    bool takes = true, disk = true;

    result<void> persist(std::span<const record_change> changes) {
        if (!disk) return fail(errc::io_failed);
        return store.commit(changes);
    }
    void send_text(std::string_view text) { sent.emplace_back(text); }
    void opened(const mesh_did&) { log.emplace_back("opened"); }
    void refused(const mesh_did&, std::string_view why) { log.push_back("refused " + std::string{why}); }
    bool received(const mesh_did&, std::string_view id, byte_view bytes) {
        ids.emplace_back(id);
        texts.emplace_back(as_text(bytes));
        return takes;
    }
    void undelivered(const mesh_did&, byte_view bytes, const error&) { lost.emplace_back(as_text(bytes)); }
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
    using agent_type = session::wire10_agent<Suite, crypto::scripted_random, owner, known_agents>;

    explicit party(std::uint8_t number) : random{number}, keys{keys_of(number)} { restart(); }

    /// The process ends, without warning, and another takes up its store.
    void restart(const moment& now = {}) {
        holder = std::make_unique<agent_type>(keys, random, policy, known);
        REQUIRE(agent().restore(out.store, now, out));
        const auto waiting = out.sent.size();
        agent().on_open(now, out);
        out.sent.erase(out.sent.begin() + static_cast<std::ptrdiff_t>(waiting));  // CONNECT
    }
    agent_type& agent() { return *holder; }
    const mesh_did& name() { return holder->name(); }
    session::wire10_bundle bundle() { return agent().publish(out).value(); }

    crypto::scripted_random random;
    signing_key_pair keys;
    owner policy;
    known_agents known;
    sink out;
    std::unique_ptr<agent_type> holder;
};

template <class Suite>
struct two {
    moment now{{}, *parse_time("2026-03-01T12:00:00Z")};
    party<Suite> a{1}, b{2};

    void deliver(party<Suite>& to, const std::string& text) { to.agent().on_text(text, now, to.out); }
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
        REQUIRE(a.agent().knock(b.name(), b.bundle(), now, a.out));
        settle();
        REQUIRE(a.agent().is_open(b.name()));
        REQUIRE(a.agent().send(b.name(), "\"first\"", now, a.out));
        settle();
        REQUIRE(b.out.texts.size() == 1);
        b.out.texts.clear();
    }
    std::string message(std::string_view text) {
        REQUIRE(a.agent().send(b.name(), text, now, a.out));
        return a.out.take();
    }
};

}  // namespace

TEMPLATE_TEST_CASE("two wire10 agents agree on keys and talk both ways", "[unit][session][wire10]", e2ee::wire10,
                   e2ee::wire10_legacy) {
    two<TestType> mesh;
    mesh.open();
    for (int i = 0; i < 10; ++i) {
        REQUIRE(mesh.b.agent().send(mesh.a.name(), std::to_string(i), mesh.now, mesh.b.out));
        REQUIRE(mesh.a.agent().send(mesh.b.name(), std::to_string(100 + i), mesh.now, mesh.a.out));
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
    REQUIRE(current.a.agent().knock(old.name(), old.bundle(), current.now, current.a.out));
    old.agent().on_text(current.a.out.take(), current.now, old.out);
    current.deliver(current.a, old.out.take());
    old.agent().on_text(current.message("1"), current.now, old.out);
    CHECK(old.out.failures == std::vector<errc>{errc::bad_tag});
    CHECK(old.out.texts.empty());
}

TEST_CASE("a wire10 bundle that is not the DID's is refused", "[unit][session][wire10]") {
    party<e2ee::wire10> a{1}, b{2}, mallory{3};
    const auto good = b.bundle();
    CHECK(session::check_wire10_bundle(good, b.name()));
    CHECK(session::check_wire10_bundle(mallory.bundle(), b.name()).error().code == errc::amid_mismatch);
    auto changed = good;
    changed.identity = mallory.bundle().identity;
    CHECK(session::check_wire10_bundle(changed, b.name()).error().code == errc::unbound_key);
    changed = good;
    changed.signed_prekey = mallory.bundle().signed_prekey;
    CHECK(session::check_wire10_bundle(changed, b.name()).error().code == errc::bad_bundle);
    CHECK_FALSE(a.agent().knock(b.name(), changed, {}, a.out));
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
    forged["to"] = mesh.a.name().text();
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
    const auto bundle = mesh.b.bundle();
    REQUIRE(bundle.one_time_id);
    // The relay knocks in the name of another agent, with keys of its own and the same one-time key.
    party<e2ee::wire10> mallory{9};
    REQUIRE(mallory.agent().knock(mesh.b.name(), bundle, mesh.now, mallory.out));
    mesh.deliver(mesh.b, mallory.out.take());
    REQUIRE(mesh.a.agent().knock(mesh.b.name(), bundle, mesh.now, mesh.a.out));
    const auto knock = mesh.a.out.take();
    mesh.deliver(mesh.b, knock);
    for (const auto& text : std::exchange(mesh.b.out.sent, {})) mesh.pass(mesh.a, text);
    const auto first = mesh.message("1");
    mesh.deliver(mesh.b, first);
    CHECK(mesh.b.out.texts == std::vector<std::string>{"1"});
    REQUIRE(mesh.b.agent().close(mesh.a.name(), mesh.b.out));
    mesh.deliver(mesh.b, knock);  // seen before
    mesh.deliver(mesh.b, first);
    CHECK(mesh.b.out.texts.size() == 1);
}

TEST_CASE("an answer counts only for the KNOCK that it names, and only once", "[unit][session][wire10]") {
    two<e2ee::wire10> mesh;
    REQUIRE(mesh.a.agent().knock(mesh.b.name(), mesh.b.bundle(), mesh.now, mesh.a.out));
    REQUIRE(mesh.a.agent().send(mesh.b.name(), "\"waits\"", mesh.now, mesh.a.out));
    const auto knock = mesh.a.out.take();
    CHECK(mesh.a.out.sent.empty());
    mesh.b.policy.change([](session::policy& rules) { rules.rejected_intents = {"establish_session"}; });
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
    CHECK(mesh.a.agent().send(mesh.b.name(), "1", mesh.now, mesh.a.out).error().code == errc::unknown_session);
}

TEST_CASE("an injected reject does not end an open wire10 session", "[unit][session][wire10]") {
    two<e2ee::wire10> mesh;
    mesh.open();
    tree reject{{"v", 1}, {"type", "knock_reject"}, {"from", mesh.b.name().text()},
                {"to", mesh.a.name().text()}, {"id", "x"}, {"knock_id", "y"}, {"reason", "gone"}};
    mesh.deliver(mesh.a, reject.dump());
    mesh.deliver(mesh.b, mesh.message("\"still\""));
    CHECK(mesh.b.out.texts == std::vector<std::string>{"\"still\""});
}

TEST_CASE("when both knock at once, the KNOCK of the smaller name stands on both sides", "[unit][session][wire10]") {
    two<e2ee::wire10> mesh;
    REQUIRE(mesh.a.agent().knock(mesh.b.name(), mesh.b.bundle(), mesh.now, mesh.a.out));
    REQUIRE(mesh.b.agent().knock(mesh.a.name(), mesh.a.bundle(), mesh.now, mesh.b.out));
    mesh.settle();
    auto& first = mesh.a.name() < mesh.b.name() ? mesh.a : mesh.b;
    auto& second = &first == &mesh.a ? mesh.b : mesh.a;
    REQUIRE(first.agent().send(second.name(), "1", mesh.now, first.out));
    mesh.settle();
    REQUIRE(second.agent().send(first.name(), "2", mesh.now, second.out));
    mesh.settle();
    CHECK(second.out.texts == std::vector<std::string>{"1"});
    CHECK(first.out.texts == std::vector<std::string>{"2"});
}

TEST_CASE("a wire10 KNOCK that comes again under another id opens nothing", "[unit][session][wire10]") {
    two<e2ee::wire10> mesh;
    auto bundle = mesh.b.bundle();
    bundle.one_time_id.reset();  // nothing but the ephemeral key tells it from its replay
    REQUIRE(mesh.a.agent().knock(mesh.b.name(), bundle, mesh.now, mesh.a.out));
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
    auto& winner = mesh.a.name() < mesh.b.name() ? mesh.a : mesh.b;
    auto& loser = &winner == &mesh.a ? mesh.b : mesh.a;
    REQUIRE(loser.agent().knock(winner.name(), winner.bundle(), mesh.now, loser.out));
    REQUIRE(loser.agent().send(winner.name(), "\"waits\"", mesh.now, loser.out));
    REQUIRE(winner.agent().knock(loser.name(), loser.bundle(), mesh.now, winner.out));
    mesh.settle();
    REQUIRE(winner.agent().send(loser.name(), "\"first\"", mesh.now, winner.out));
    mesh.settle();
    CHECK(winner.out.texts == std::vector<std::string>{"\"waits\""});
    CHECK(loser.out.texts == std::vector<std::string>{"\"first\""});
}

TEST_CASE("peers who only knock make room for those who talk", "[unit][session][wire10]") {
    two<e2ee::wire10> mesh;
    using agent = party<e2ee::wire10>::agent_type;
    const auto key = to_base64(mesh.a.bundle().identity.bytes(), base64_form::standard_padded);
    for (std::size_t i = 0; i <= agent::max_peers; ++i) {
        if (i % 500 == 0) mesh.now = mesh.now + std::chrono::minutes{1};  // below what is taken for a flood
        mesh_did::raw bytes;
        bytes.storage()[0] = static_cast<std::uint8_t>(i >> 8);
        bytes.storage()[1] = static_cast<std::uint8_t>(i);
        tree knock{{"v", 1}, {"type", "knock"}, {"from", "did:mesh:" + to_hex(bytes.bytes())},
                   {"to", mesh.b.name().text()}, {"id", "k"}, {"establishment", {{"ik", key}, {"ek", key}}}};
        mesh.deliver(mesh.b, knock.dump());
        mesh.b.out.sent.clear();
    }
    mesh.open();
    mesh.deliver(mesh.b, mesh.message("1"));
    CHECK(mesh.b.out.texts.back() == "1");
}

// --- the owner's word ---------------------------------------------------------------------------------------------

TEST_CASE("profile wire10 is spoken only if the owner opts in, to the suite and to unsigned KNOCKs",
          "[unit][session][wire10][AM-KNK-061]") {
    two<e2ee::wire10> mesh;
    SECTION("to ask") {
        mesh.a.policy.change([](session::policy& rules) { rules.allow_suites = {e2ee::suite_id::wire10_legacy}; });
        CHECK(mesh.a.agent().knock(mesh.b.name(), mesh.b.bundle(), mesh.now, mesh.a.out).error().code ==
              errc::suite_unsupported);
        CHECK(mesh.a.out.sent.empty());
        return;
    }
    REQUIRE(mesh.a.agent().knock(mesh.b.name(), mesh.b.bundle(), mesh.now, mesh.a.out));
    SECTION("to answer") {
        mesh.b.policy.change([](session::policy& rules) { rules.allow_suites = {e2ee::suite_id::am1}; });
        mesh.settle();
        CHECK(mesh.b.out.failures == std::vector<errc>{errc::suite_unsupported});
        CHECK(mesh.b.policy.asked.empty());
        CHECK(mesh.a.out.log.empty());
    }
    SECTION("to look at what nobody signed") {
        mesh.b.policy.change([](session::policy& rules) { rules.allow_unsigned_knock = false; });
        mesh.settle();
        CHECK(mesh.b.out.failures == std::vector<errc>{errc::bad_signature});
        CHECK(mesh.b.policy.asked.empty());
        CHECK(mesh.a.out.log.empty());
    }
    SECTION("to keys that nothing binds") {
        mesh.b.policy.change([](session::policy& rules) { rules.allow_unbound_keys = false; });
        SECTION("as those of a stranger are") {
            mesh.settle();
            CHECK(mesh.a.out.log == std::vector<std::string>{"refused policy_denied"});
            CHECK_FALSE(mesh.b.policy.asked.at(0).keys_bound);
        }
        SECTION("and those of an agent that a registry knows are not") {
            mesh.b.known.keys.emplace(mesh.a.name(), mesh.a.keys.public_key());
            mesh.settle();
            CHECK(mesh.b.policy.asked.at(0).keys_bound);
            CHECK(mesh.b.policy.asked.at(0).who == amid::of(mesh.a.keys.public_key()));
            CHECK_FALSE(mesh.b.policy.asked.at(0).is_signed);
            CHECK(mesh.a.agent().is_open(mesh.b.name()));
        }
    }
    SECTION("to one on his blocklist, never") {
        mesh.b.known.keys.emplace(mesh.a.name(), mesh.a.keys.public_key());
        mesh.b.policy.rules_.block(amid::of(mesh.a.keys.public_key()));
        mesh.settle();
        CHECK(mesh.a.out.log == std::vector<std::string>{"refused policy_denied"});
    }
    SECTION("nor to a flood") {
        while (!mesh.b.policy.rules_.is_flooded(mesh.now)) {}
        mesh.settle();
        CHECK(mesh.b.out.failures == std::vector<errc>{errc::rate_limited});
        CHECK(mesh.a.out.log.empty());
    }
}

TEST_CASE("the exchange key of a wire10 peer is pinned on first use", "[unit][session][wire10][AM-KNK-063]") {
    two<e2ee::wire10> mesh;
    mesh.open();
    REQUIRE(mesh.b.agent().close(mesh.a.name(), mesh.b.out));
    if (GENERATE(false, true)) mesh.b.restart(mesh.now);
    const auto knock = [&](const exchange_public_key& identity, std::string_view id) {
        crypto::scripted_random random{std::uint64_t{5}};
        const auto ephemeral = exchange_key_pair::generate(random).value();
        return wire::write_wire10_knock(mesh.a.name(), mesh.b.name(), id, "establish_session",
                                        {identity, ephemeral.public_key(), {}}, mesh.now.wall);
    };
    mesh.b.out.sent.clear();
    mesh.b.out.failures.clear();
    mesh.deliver(mesh.b, knock(party<e2ee::wire10>{9}.bundle().identity, "x"));
    CHECK(mesh.b.out.failures == std::vector<errc>{errc::unbound_key});
    CHECK(mesh.b.out.sent.empty());
    mesh.deliver(mesh.b, knock(mesh.a.bundle().identity, "y"));
    CHECK(mesh.b.out.sent.size() == 1);
    REQUIRE(mesh.b.agent().unpin(mesh.a.name(), mesh.b.out));
    mesh.deliver(mesh.b, knock(party<e2ee::wire10>{9}.bundle().identity, "z"));
    CHECK(mesh.b.out.sent.size() == 2);
    // Whose name a registry knows uses the key that follows from it, pinned or not.
    mesh.b.known.keys.emplace(mesh.a.name(), mesh.a.keys.public_key());
    mesh.deliver(mesh.b, knock(party<e2ee::wire10>{9}.bundle().identity, "w"));
    CHECK(mesh.b.out.failures.back() == errc::unbound_key);
}

// --- saved state --------------------------------------------------------------------------------------------------

TEST_CASE("wire10 agents that stop at any moment go on where they were", "[unit][session][wire10][AM-RAT-033]") {
    two<e2ee::wire10> mesh;
    const int stops = GENERATE(0, 1, 2);
    const auto stop = [&] {
        if (stops != 1) mesh.a.restart(mesh.now);
        if (stops != 0) mesh.b.restart(mesh.now);
    };
    REQUIRE(mesh.a.agent().knock(mesh.b.name(), mesh.b.bundle(), mesh.now, mesh.a.out));
    stop();
    REQUIRE(mesh.a.agent().send(mesh.b.name(), "\"waits\"", mesh.now, mesh.a.out));
    stop();
    mesh.deliver(mesh.b, mesh.a.out.take());
    stop();
    mesh.settle();
    stop();
    mesh.settle();
    for (int i = 0; i < 5; ++i) {
        REQUIRE(mesh.b.agent().send(mesh.a.name(), std::to_string(i), mesh.now, mesh.b.out));
        stop();
        REQUIRE(mesh.a.agent().send(mesh.b.name(), std::to_string(100 + i), mesh.now, mesh.a.out));
        mesh.settle();
        stop();
    }
    mesh.settle();
    CHECK(mesh.b.out.texts == std::vector<std::string>{"\"waits\"", "100", "101", "102", "103", "104"});
    CHECK(mesh.a.out.texts == std::vector<std::string>{"0", "1", "2", "3", "4"});
    for (const auto* side : {&mesh.a.out, &mesh.b.out})
        for (const auto why : side->failures) CHECK((why == errc::duplicate || why == errc::unknown_session));
}

TEST_CASE("a wire10 key seals one text, whatever a disk and a stop do", "[unit][session][wire10][AM-RAT-020]") {
    two<e2ee::wire10> mesh;
    mesh.open();
    std::map<std::string, std::string> keys;
    const auto note = [&] {
        for (const auto& text : mesh.a.out.sent) {
            const auto frame = tree::parse(text);
            if (frame["type"] != "message") continue;
            const auto sealed = frame["ciphertext"].get<std::string>();
            const auto known = keys.emplace(frame["header"].dump(), sealed);
            CHECK(known.first->second == sealed);
        }
    };
    for (int i = 0; i < 20; ++i) {
        mesh.a.out.disk = i % 3 != 0;
        const auto done = mesh.a.agent().send(mesh.b.name(), std::to_string(i), mesh.now, mesh.a.out);
        CHECK(done.has_value() == mesh.a.out.disk);
        mesh.a.out.disk = true;
        if (i % 4 == 0) mesh.a.restart(mesh.now);
        note();
        mesh.settle();
    }
    CHECK(mesh.b.out.texts.size() == 13);
    // What cannot be saved is not acknowledged, and opens when it comes again.
    const auto next = mesh.message("\"next\"");
    mesh.b.out.disk = false;
    mesh.b.out.sent.clear();
    mesh.deliver(mesh.b, next);
    CHECK(mesh.b.out.sent.empty());
    CHECK(mesh.b.out.texts.size() == 13);
    mesh.b.out.disk = true;
    mesh.deliver(mesh.b, next);
    CHECK(mesh.b.out.texts.back() == "\"next\"");
    CHECK(mesh.b.out.sent.size() == 1);
}

TEST_CASE("a wire10 message that the application has not taken is given again after a restart",
          "[unit][session][wire10]") {
    two<e2ee::wire10> mesh;
    mesh.open();
    mesh.b.out.takes = false;
    mesh.deliver(mesh.b, mesh.message("1"));
    mesh.b.restart(mesh.now);
    CHECK(mesh.b.out.texts == std::vector<std::string>{"1", "1"});
    CHECK(mesh.b.out.ids.back() == mesh.b.out.ids[mesh.b.out.ids.size() - 2]);
    const auto id = mesh.b.out.ids.back();
    mesh.b.agent().confirm(mesh.a.name(), id, mesh.b.out);
    mesh.b.restart(mesh.now);
    CHECK(mesh.b.out.texts.size() == 2);
}

TEST_CASE("own wire10 keys outlive a restart, and no one-time key is given or used twice",
          "[unit][session][wire10][AM-KEX-034]") {
    two<e2ee::wire10> mesh;
    std::set<std::uint32_t> ids;
    const auto prekey = mesh.b.bundle().signed_prekey;
    ids.insert(0);
    for (int i = 0; i < 30; ++i) {
        mesh.b.restart(mesh.now);
        const auto bundle = mesh.b.bundle();
        CHECK(bundle.signed_prekey == prekey);
        CHECK(ids.insert(bundle.one_time_id.value()).second);
    }
    const auto bundle = mesh.b.bundle();
    REQUIRE(mesh.a.agent().knock(mesh.b.name(), bundle, mesh.now, mesh.a.out));
    const auto knock = mesh.a.out.take();
    mesh.deliver(mesh.b, knock);
    mesh.deliver(mesh.a, mesh.b.out.take());
    const auto first = mesh.message("1");
    mesh.deliver(mesh.b, first);
    CHECK(mesh.b.out.texts == std::vector<std::string>{"1"});
    REQUIRE(mesh.b.agent().close(mesh.a.name(), mesh.b.out));
    mesh.b.restart(mesh.now);
    mesh.deliver(mesh.b, knock);  // its ephemeral key is remembered
    CHECK(mesh.b.out.failures.back() == errc::knock_replayed);
    mesh.deliver(mesh.b, first);
    CHECK(mesh.b.out.texts.size() == 1);
}

TEST_CASE("a wire10 session of the past is not continued, and a damaged one stops the agent",
          "[unit][session][wire10][AM-RAT-031][AM-RAT-032]") {
    two<e2ee::wire10> mesh;
    mesh.open();
    auto& store = mesh.a.out.store;
    const auto name = "wire10/session/" + std::string{mesh.b.name().text()} + "/state";
    const auto old = *store.load(name).value();
    (void)mesh.message("1");
    const record_change back{name, byte_view{old}};
    REQUIRE(store.commit({&back, 1}));
    mesh.a.restart(mesh.now);
    CHECK(mesh.a.out.failures.back() == errc::snapshot_rollback);
    CHECK_FALSE(mesh.a.agent().is_open(mesh.b.name()));
    for (const auto& record : mesh.b.out.store.names("wire10/")) {
        auto& theirs = mesh.b.out.store;
        const auto whole = *theirs.load(record).value();
        for (const std::size_t size : {std::size_t{0}, whole.size() - 1, whole.size() + 1}) {
            buffer cut = whole;
            cut.resize(size);
            const record_change change{record, byte_view{cut}};
            REQUIRE(theirs.commit({&change, 1}));
            party<e2ee::wire10>::agent_type agent{mesh.b.keys, mesh.b.random, mesh.b.policy, mesh.b.known};
            INFO(record << " of " << size << " bytes");
            CHECK(agent.restore(theirs, mesh.now, mesh.b.out).error().code == errc::bad_snapshot);
        }
        const record_change again{record, byte_view{whole}};
        REQUIRE(theirs.commit({&again, 1}));
    }
}

// --- simulation ---------------------------------------------------------------------------------------------------

TEST_CASE("what two wire10 agents tell each other arrives once, whatever stops, overtakes or comes twice",
          "[simulation][session][wire10][AM-RAT-020][AM-RAT-033]") {
    struct flight {
        bool from_a;
        std::string text;
    };
    for (std::uint32_t seed = 1; seed <= 40; ++seed) {
        INFO("seed " << seed);
        std::mt19937 random{seed};
        const auto below = [&random](std::size_t bound) { return random() % bound; };
        two<e2ee::wire10> mesh;
        for (auto* side : {&mesh.a, &mesh.b})
            side->policy.change([](session::policy& rules) { rules.rate_limit.messages_per_minute = 60'000; });
        std::deque<flight> flying;
        std::map<std::string, std::string> keys;
        std::vector<std::string> said[2];
        const auto collect = [&](bool from_a) {
            auto& from = from_a ? mesh.a : mesh.b;
            bool answered = false;
            for (const auto& text : std::exchange(from.out.sent, {})) {
                const auto frame = tree::parse(text);
                answered = answered || frame["type"] != "message";
                if (frame["type"] == "message") {
                    const auto sealed = frame["ciphertext"].get<std::string>();
                    const auto known = keys.emplace(frame["header"].dump(), sealed);
                    REQUIRE(known.first->second == sealed);
                }
                if (frame["type"] != "ack") flying.push_back({from_a, text});
            }
            return answered;
        };
        const auto deliver = [&](std::size_t which) {
            const auto one = flying[which];
            flying.erase(flying.begin() + static_cast<std::ptrdiff_t>(which));
            auto& to = one.from_a ? mesh.b : mesh.a;
            to.out.failures.clear();
            mesh.deliver(to, one.text);
            // A relay keeps what was not acknowledged or answered, and gives it again.
            const bool kept = !to.out.failures.empty() && to.out.failures.back() == errc::not_persisted;
            (void)collect(!one.from_a);
            if (kept) flying.push_back(one);
        };
        REQUIRE(mesh.a.agent().knock(mesh.b.name(), mesh.b.bundle(), mesh.now, mesh.a.out));
        collect(true);
        for (int step = 0; step < 150; ++step) {
            const bool is_a = below(2) == 0;
            auto& side = is_a ? mesh.a : mesh.b;
            auto& peer = is_a ? mesh.b : mesh.a;
            side.out.disk = below(12) != 0;
            const auto what = below(20);
            if (what < 7) {
                const auto text = std::to_string(seed * 1000 + static_cast<std::uint32_t>(step));
                if (flying.size() < 30 && side.agent().send(peer.name(), text, mesh.now, side.out))
                    said[is_a ? 0 : 1].push_back(text);
            } else if (what < 17 && !flying.empty()) {
                deliver(what < 12 ? 0 : below(flying.size()));
            } else if (what == 17 && !flying.empty() && flying.size() < 30) {
                flying.push_back(flying[below(flying.size())]);
            } else if (what == 18) {
                side.out.disk = true;
                side.restart(mesh.now);
            }
            side.out.disk = true;
            collect(is_a);
        }
        for (int left = 0; left < 5000 && !flying.empty(); ++left) deliver(0);
        for (const bool from_a : {true, false}) {
            auto& heard = (from_a ? mesh.b : mesh.a).out;
            std::map<std::string, std::string> once;
            for (std::size_t i = 0; i < heard.texts.size(); ++i) {
                const auto known = once.emplace(heard.texts[i], heard.ids[i]);
                CHECK(known.first->second == heard.ids[i]);  // given again after a stop, under its id
            }
            CHECK(once.size() == said[from_a ? 0 : 1].size());
        }
    }
}
