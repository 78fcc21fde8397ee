// A new key in place of an old one, and what goes over with it.
#include <agentmesh/registry/statement.hpp>

#include "tests/unit/registry/service_fixture.hpp"

using namespace service_tests;

namespace {

/// The keys of `agent{seed}`.
std::string card(std::uint64_t seed) {
    crypto::scripted_random random{seed};
    const auto self = local_identity::create(random, noon).value();
    return json_text(to_base64(e2ee::identity_card::make(self, 1).bytes(), base64_form::url_unpadded));
}

members succession(const agent& from, const agent& to, const succession_statement& statement) {
    return {{"amid", json_text(from.name())},
            {"successor", json_text(to.name())},
            {"successor_signing_public_key", json_text(identity::to_text(to.signing.public_key()))},
            {"successor_exchange_public_key", json_text(identity::to_text(to.exchange.public_key()))},
            {"statement", json_text(statement.text())}};
}
members succession(const agent& from, const agent& to) {
    return succession(from, to, succession_statement::make(from.signing, to.signing, noon));
}

struct succession_world : world {
    agent alice{1}, bob{2}, carol{3}, heir{4};

    succession_world() {
        enroll(alice, {{"capabilities", R"(["travel"])"}, {"display_name", R"("Alice")"}});
        enroll(bob);
        enroll(carol);
    }
    http::response hand_over(const agent& from, const agent& to) {
        return post_proven("/v1/registry/succeed", from, succession(from, to));
    }
    http::response lookup(const agent& who) { return get("/v1/registry/lookup", "amid=" + who.name()); }
    http::response rate(const agent& by, const agent& about, std::string session, std::string score) {
        now = now + 1s;
        return post_proven("/v1/registry/reputation/feedback", by,
                           {{"target_amid", json_text(about.name())},
                            {"from_amid", json_text(by.name())},
                            {"session_id", json_text(session)},
                            {"score", std::move(score)}});
    }
    void edit(const agent& who, auto&& how) {
        auto of = row(who);
        how(of);
        REQUIRE(store.transact([&](memory_store::transaction& tx) { return tx.update_agent(of); }));
    }
};

}  // namespace

TEST_CASE("a successor has what its predecessor had, which is revoked", "[unit][registry][AM-REG-060][AM-REG-062]") {
    succession_world w;
    w.edit(w.alice, [](agent_row& of) {
        of.trust = tier::verified;
        of.owner = "https://id.example|7";
    });
    w.now = w.now + std::chrono::days{100};
    const auto done = w.hand_over(w.alice, w.heir);
    INFO(done.body);
    CHECK(done.status == 201);
    CHECK(member(done, "tier") == R"("verified")");

    const auto now = w.lookup(w.heir);
    CHECK(member(now, "tier") == R"("verified")");
    CHECK(member(now, "capabilities") == R"(["travel"])");
    CHECK(member(now, "display_name") == R"("Alice")");
    CHECK(member(now, "revoked") == "false");
    CHECK(member(now, "predecessor") == json_text(w.alice.name()));
    CHECK(w.row(w.heir).registered_at == w.row(w.alice).registered_at);
    CHECK(w.row(w.heir).owner == "https://id.example|7");
    const auto before = w.lookup(w.alice);
    CHECK(member(before, "revoked") == "true");
    CHECK(member(before, "successor") == json_text(w.heir.name()));
    CHECK(member(before, "succession") == member(now, "inheritance"));
    const auto text = member(before, "succession");
    const auto told = succession_statement::parse_text(std::string_view{text}.substr(1, text.size() - 2)).value();
    CHECK(told.from() == w.alice.who());
    CHECK(told.to() == w.heir.who());
    CHECK(w.row(w.alice).owner.empty());
    CHECK(member(w.get("/v1/registry/revocation", "amid=" + w.alice.name()), "revocation").find("superseded") !=
          std::string::npos);
    CHECK(member(w.get("/v1/registry/search", "capability=travel"), "total") == "1");
    check_refused(w.hand_over(w.alice, agent{9}), 403, "revoked", "AM-REG-018");
    CHECK(w.post_proven("/v1/registry/status", w.heir, {{"amid", json_text(w.heir.name())}, {"status", R"("online")"}})
              .status == 200);
}

TEST_CASE("a succession needs both keys, and the whole request", "[unit][registry][AM-REG-060][AM-REG-064]") {
    succession_world w;
    const auto refused = [&](members all, std::uint16_t status, std::string_view word, std::string_view clause) {
        check_refused(w.post_proven("/v1/registry/succeed", w.alice, all), status, word, clause);
        CHECK_FALSE(w.row(w.alice).revoked);
        CHECK(w.lookup(w.heir).status == 404);
    };
    const auto good = succession(w.alice, w.heir);
    check_refused(w.post_dated("/v1/registry/succeed", w.bob, succession(w.bob, w.heir)), 401, "proof_required",
                  "AM-REG-060");
    auto half = succession_statement::make(w.alice.signing, w.heir.signing, noon);
    half.by_new = half.by_old;
    refused(succession(w.alice, w.heir, half), 401, "invalid_signature", "AM-REG-060");
    half = succession_statement::make(w.alice.signing, w.heir.signing, noon);
    half.by_old = half.by_new;
    refused(succession(w.alice, w.heir, half), 401, "invalid_signature", "AM-REG-060");
    refused(succession(w.alice, w.heir, succession_statement::make(w.alice.signing, w.carol.signing, noon)), 401,
            "invalid_signature", "AM-REG-060");
    refused(succession(w.alice, w.heir, succession_statement::make(w.bob.signing, w.heir.signing, noon)), 401,
            "invalid_signature", "AM-REG-060");
    auto other_name = good;
    other_name[1].second = json_text(w.carol.name());
    refused(other_name, 400, "amid_mismatch", "AM-REG-003");
    auto foreign_card = good;
    foreign_card.emplace_back("successor_card", card(9));
    refused(foreign_card, 400, "invalid_prekey_signature", "AM-REG-003");
    auto with_card = good;
    with_card.emplace_back("successor_card", card(4));
    check_refused(w.post_proven("/v1/registry/succeed", w.bob, with_card), 401, "invalid_signature", "AM-REG-009");
    CHECK(w.post_proven("/v1/registry/succeed", w.alice, with_card).status == 201);
    CHECK(member(w.lookup(w.heir), "card") == with_card.back().second);
}

TEST_CASE("nobody takes the place of two, and nobody the place of somebody who is there",
          "[unit][registry][AM-REG-061]") {
    succession_world w;
    check_refused(w.hand_over(w.alice, w.bob), 409, "already_exists", "AM-REG-061");
    CHECK_FALSE(w.row(w.alice).revoked);
    CHECK(w.hand_over(w.alice, w.heir).status == 201);
    check_refused(w.hand_over(w.bob, w.heir), 409, "already_exists", "AM-REG-061");
    check_refused(w.hand_over(w.heir, w.alice), 409, "already_exists", "AM-REG-061");  // a loop
    const agent last{5};
    CHECK(w.hand_over(w.heir, last).status == 201);
    CHECK(member(w.lookup(last), "predecessor") == json_text(w.heir.name()));
    CHECK(member(w.lookup(w.heir), "successor") == json_text(last.name()));
    CHECK(member(w.lookup(w.heir), "predecessor") == json_text(w.alice.name()));
    CHECK(w.post_dated("/v1/registry/register", w.alice, world::enrolment(w.alice)).status == 409);
}

TEST_CASE("reputation goes over with the name, and nobody rates himself through it", "[unit][registry][AM-REG-063]") {
    succession_world w;
    w.now = w.now + std::chrono::days{30};
    CHECK(w.rate(w.bob, w.alice, "1", "1").status == 200);
    CHECK(w.rate(w.carol, w.alice, "2", "0.9").status == 200);
    const auto before = w.row(w.alice).score;
    CHECK(before > 500'000);
    CHECK(w.hand_over(w.alice, w.heir).status == 201);
    CHECK(w.row(w.heir).score == before);
    CHECK(w.row(w.heir).ratings == 2);
    const auto score = w.get("/v1/registry/reputation/score", "amid=" + w.heir.name());
    CHECK(member(score, "feedback_count") == "2");

    // A later opinion of the same author takes the place of the one about the predecessor.
    CHECK(w.rate(w.bob, w.heir, "3", "0").status == 200);
    const auto lower = w.row(w.heir).score;
    CHECK(lower < before);
    CHECK(w.rate(w.heir, w.alice, "4", "1").status == 200);  // about its own old name
    CHECK(w.rate(w.carol, w.heir, "5", "0.9").status == 200);
    CHECK(w.row(w.heir).score == lower);

    // An author who got a new key has still one opinion.
    const agent bobs{6};
    CHECK(w.hand_over(w.bob, bobs).status == 201);
    CHECK(w.rate(w.carol, w.heir, "6", "0.9").status == 200);
    CHECK(w.row(w.heir).score == lower);
    CHECK(w.rate(bobs, w.heir, "7", "1").status == 200);
    CHECK(w.row(w.heir).score == before);
}

TEST_CASE("sessions of the predecessor count for the successor", "[unit][registry][AM-REG-063]") {
    succession_world w;
    w.now = w.now + std::chrono::days{30};
    const auto report = [&](const agent& by) {
        return w
            .post_proven("/v1/registry/reputation/session", by,
                         {{"session_id", R"("s")"},
                          {"initiator_amid", json_text(w.alice.name())},
                          {"receiver_amid", json_text(w.bob.name())},
                          {"reporter_amid", json_text(by.name())},
                          {"intent", R"("travel")"},
                          {"outcome", R"("success")"}})
            .status;
    };
    CHECK(report(w.alice) == 200);
    CHECK(report(w.bob) == 200);
    const auto before = w.row(w.alice).score;
    CHECK(w.hand_over(w.alice, w.heir).status == 201);
    CHECK(w.row(w.heir).score == before);
    CHECK(member(w.get("/v1/registry/reputation/score", "amid=" + w.heir.name()), "successful_sessions") == "1");
}
