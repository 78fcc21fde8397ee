#include "tests/unit/registry/client_lies.hpp"

using namespace client_tests;

TEST_CASE("every lie of a registry is caught, and the truth beside it believed",
          "[unit][registry][AM-FND-001][AM-FND-002][AM-FND-003][AM-FND-004][AM-FND-005][AM-FND-006][AM-FND-007]"
          "[AM-FND-008][AM-FND-009][AM-FND-010][AM-FND-011][AM-FND-012][AM-FND-014]") {
    for (const auto& one : lies()) {
        INFO(one.name);
        CHECK(!one.tell(true));
        const auto refused = one.tell(false);
        CHECK(refused == one.caught);
    }
}

TEST_CASE("a tier counts with a certificate, or where the owner believes the registry",
          "[unit][registry][AM-FND-007]") {
    const auto judged = [](belief believed, standing_check check, std::string certificate) {
        asker a{{.believed = believed, .standing = std::move(check)}};
        auto told = with_card();
        told.tier = "organization";
        told.certificate = std::move(certificate);
        return a.look(told).value();
    };
    const auto proves = [](tier trust) {
        return [trust](std::string_view, const amid& who, time_point) -> result<identity::proved_standing> {
            return identity::proved_standing{.trust = trust, .who = who, .organization = "ACME", .key = {}};
        };
    };
    const auto refuses = [](errc why) {
        return
            [why](std::string_view, const amid&, time_point) -> result<identity::proved_standing> { return fail(why); };
    };
    CHECK(judged(belief::reputation, {}, "").trust == tier::anonymous);
    CHECK(judged(belief::reputation, {}, "").claimed == tier::organization);
    CHECK(judged(belief::everything, {}, "").trust == tier::organization);
    CHECK(judged(belief::reputation, {}, "x").unproved->code == errc::certificate_untrusted);
    const auto proved = judged(belief::reputation, proves(tier::verified), "x");
    CHECK(proved.trust == tier::verified);
    CHECK(proved.organization == "ACME");
    CHECK(judged(belief::everything, proves(tier::verified), "x").trust == tier::verified);
    CHECK(judged(belief::everything, refuses(errc::certificate_expired), "x").trust == tier::organization);
    // A registry may be believed about what nobody contradicts: not about a certificate that was withdrawn.
    for (const auto why : {errc::certificate_revoked, errc::revocation_unknown}) {
        CHECK(judged(belief::everything, refuses(why), "x").trust == tier::anonymous);
        CHECK(judged(belief::everything, refuses(why), "x").unproved->code == why);
    }
    const auto of_another = [](std::string_view, const amid&, time_point) -> result<identity::proved_standing> {
        return identity::proved_standing{.trust = tier::verified, .who = mallory().name(), .key = {}};
    };
    CHECK(judged(belief::reputation, of_another, "x").unproved->code == errc::certificate_subject);
    CHECK(judged(belief::reputation, {}, "").reputation == 750'000);
    CHECK(judged(belief::proofs_only, {}, "").reputation == 0);
    CHECK(judged(belief::proofs_only, {}, "").claimed_reputation == 750'000);
}

TEST_CASE("the exchange key of an agent without a card is pinned, if it may be used at all",
          "[unit][registry][AM-FND-003]") {
    const auto keys = deployed_reply(alice(), alice().exchange().public_key());
    asker strict;
    CHECK(strict.fetch({}, keys).error() == error{errc::unbound_key, "AM-FND-003"});
    CHECK(strict.memory.size() == 0);
    CHECK(strict.fetch(with_card(), keys)->deployed() != nullptr);  // bound by the card

    asker lenient{{.unbound_keys = true}};
    CHECK(lenient.fetch({}, keys));
    CHECK(lenient.memory.find(alice().name())->known == agent_memory::keys::unbound);
    telling swapped;
    swapped.exchange = identity::to_text(mallory().exchange().public_key());
    CHECK(lenient.look(swapped).error() == error{errc::unbound_key, "AM-FND-003"});
    CHECK(lenient.look(with_card(2, alice_later())));  // signed, which says more
    CHECK(lenient.look({}).error() == error{errc::unbound_key, "AM-FND-003"});

    asker told_two;
    CHECK(told_two.fetch(with_card(), deployed_reply(alice(), mallory().exchange().public_key())).error() ==
          error{errc::bad_bundle, "AM-FND-002"});
    CHECK(told_two.fetch(with_card(), deployed_reply(mallory(), alice().exchange().public_key())).error() ==
          error{errc::bad_bundle, "AM-KEX-045"});
    CHECK(told_two.fetch(with_card(2, alice_later()), prekeys_reply(bundle_of(alice(), 1, 1))).error() ==
          error{errc::bad_bundle, "AM-FND-002"});
}

TEST_CASE("a new epoch brings new prekeys, in whatever order they are numbered", "[unit][registry][AM-FND-006]") {
    asker a;
    CHECK(a.fetch(with_card(), prekeys_reply(bundle_of(alice(), 1, 9))));
    CHECK(a.fetch(with_card(), prekeys_reply(bundle_of(alice(), 1, 8))).error().code == errc::old_record);
    CHECK(a.fetch(with_card(2, alice_later()), prekeys_reply(bundle_of(alice_later(), 2, 1, noon_seconds - 60))));
    CHECK(a.look(with_card()).error().code == errc::epoch_rollback);
    auto other = bundle_of(alice_later(), 2, 1, noon_seconds - 60);
    other.signed_key = e2ee::signed_prekey::make(alice_later(), 1, some_key(3), noon_seconds - 60, noon_seconds + 3600);
    CHECK(a.fetch(with_card(2, alice_later()), prekeys_reply(other)).error().code == errc::old_record);
}

TEST_CASE("what a client has learned survives a restart, and is bounded", "[unit][registry][AM-FND-008]") {
    client_memory memory{2};
    CHECK(memory.note_revoked(mallory().name(),
                              revocation_statement::make(mallory().signing(), revocation_reason::other, noon)));
    CHECK(memory.note_bundle(bundle_of(alice(), 1, 2)));
    CHECK(!memory.note_bundle(bundle_of(alice(), 1, 2)));
    const auto saved = memory.save();
    auto again = client_memory::restore(saved);
    REQUIRE(again);
    CHECK(again->save() == saved);
    CHECK(*again->find(alice().name()) == *memory.find(alice().name()));
    CHECK(!again->check_standing(mallory().name()));
    CHECK(!again->check_bundle(bundle_of(alice(), 1, 1)));

    CHECK(memory.note_keys(bob().name(), bob().exchange().public_key(), std::nullopt));
    CHECK(memory.size() == 2);
    CHECK(memory.find(alice().name()) == nullptr);  // the revoked one stays, though it was noted before
    CHECK(memory.find(mallory().name()) != nullptr);
    CHECK(memory.forget(mallory().name()));
    CHECK(memory.check_standing(mallory().name()));

    for (std::size_t cut = 0; cut < saved.size(); ++cut) CHECK(!client_memory::restore(byte_view{saved}.first(cut)));
    auto forged = saved;
    forged[160] ^= 1;  // in the signature of the statement
    CHECK(!client_memory::restore(forged));
}

TEST_CASE("a statement holds for its own key alone", "[unit][registry][AM-FND-010][AM-FND-011]") {
    const auto gone = revocation_statement::make(alice().signing(), revocation_reason::superseded, noon);
    CHECK(revocation_statement::parse_text(gone.text()).value() == gone);
    const auto next = succession_statement::make(alice().signing(), mallory().signing(), noon);
    CHECK(succession_statement::parse_text(next.text()).value() == next);
    const auto each_bit_counts = [](const auto& of, auto parse) {
        const auto bytes = of.bytes();
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            auto bent_bytes = bytes;
            bent_bytes[i] ^= 0x20;
            CHECK(!parse(byte_view{bent_bytes}));
        }
        CHECK(!parse(byte_view{bytes}.first(bytes.size() - 1)));
    };
    each_bit_counts(gone, [](byte_view b) { return revocation_statement::parse(b).has_value(); });
    each_bit_counts(next, [](byte_view b) { return succession_statement::parse(b).has_value(); });

    asker a;
    const auto theirs = revocation_statement::make(mallory().signing(), revocation_reason::other, noon);
    const auto reply = standing_reply(true, alice().name(), "am1-revocation:" + theirs.text() + " words");
    const auto told = a.mesh.read_revocation(alice().name(), reply);
    REQUIRE((told && *told));
    CHECK(!(*told)->proof);  // true, and about somebody else
    auto stranger = with_card();
    stranger.succession = succession_statement::make(bob().signing(), mallory().signing(), noon).text();
    CHECK(a.look(stranger).error() == error{errc::bad_signature, "AM-FND-011"});
}

TEST_CASE("a registry's refusals are told apart, and its words made safe to show", "[unit][registry]") {
    const auto code = [](std::uint16_t status, std::string body = "{}") {
        const auto refused = read_refusal(http::response::json(status, std::move(body)));
        return refused ? std::optional{refused->why.code} : std::nullopt;
    };
    CHECK(!code(201));
    CHECK(code(400) == errc::wrong_member);
    CHECK(code(401, "plain text") == errc::bad_signature);
    CHECK(code(403) == errc::not_allowed);
    CHECK(code(403, R"({"error":"revoked"})") == errc::certificate_revoked);
    CHECK(code(404) == errc::unknown_peer);
    CHECK(code(404, R"({"error":"unknown_endpoint"})") == errc::http_not_found);
    CHECK(code(409) == errc::duplicate);
    CHECK(code(429) == errc::rate_limited);
    CHECK(code(302) == errc::registry_failed);
    CHECK(code(503) == errc::registry_failed);
    const auto refused = read_refusal(
        http::response::json(400, "{\"error\":\"\\u001b[31mbad\",\"message\":\"" + std::string(300, 'x') + "\"}"));
    CHECK(refused->word == "[31mbad");
    CHECK(refused->message.size() == 256);
}

TEST_CASE("what may pass is tried again after a pause, and nothing else", "[unit][registry]") {
    const auto busy = [](std::string after) {
        return http::response{.status = 429, .fields = {{"Retry-After", std::move(after)}}, .body = "{}"};
    };
    CHECK(wait_before_retry(fail(errc::io_failed), 1) == 250ms);
    CHECK(wait_before_retry(fail(errc::timed_out), 2) == 500ms);
    CHECK(!wait_before_retry(fail(errc::io_failed), 3));
    CHECK(!wait_before_retry(fail(errc::tls_failed), 1));
    CHECK(!wait_before_retry(fail(errc::http_malformed), 1));
    CHECK(wait_before_retry(busy("3"), 1) == 3s);
    CHECK(wait_before_retry(busy("soon"), 1) == 250ms);
    CHECK(!wait_before_retry(busy("11"), 1));
    for (const auto status : std::initializer_list<std::uint16_t>{500, 502, 503, 504})
        CHECK(wait_before_retry(http::response{.status = status}, 1));
    for (const auto status : std::initializer_list<std::uint16_t>{200, 301, 400, 401, 404, 409, 501})
        CHECK(!wait_before_retry(http::response{.status = status}, 1));
    CHECK(wait_before_retry(fail(errc::io_failed), 40, {.attempts = 50}) == 10s);
}

TEST_CASE("rows of a search that do not hold are left out", "[unit][registry][AM-FND-001][AM-FND-008]") {
    asker a;
    auto foreign = with_card();
    foreign.amid = std::string{mallory().name().text()};
    auto gone = with_card(1, mallory());
    gone.revoked = true;
    const auto body = R"({"results":[)" + with_card().reply().body + "," + foreign.reply().body + R"(,7,)" +
                      gone.reply().body + R"(],"total":4})";
    const auto found = a.mesh.read_search(http::response::json(200, body), noon);
    REQUIRE(found);
    CHECK(found->total == 4);
    CHECK(found->left_out == 2);
    REQUIRE(found->rows.size() == 2);
    CHECK(found->rows[0].who == alice().name());
    CHECK(found->rows[1].revoked);
    CHECK(a.memory.size() == 0);
    CHECK(a.mesh.read_search(http::response::json(200, "{}"), noon).error().code == errc::missing_member);
}
