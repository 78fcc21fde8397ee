#include "world.hpp"

#include "tests/support/catch.hpp"

using namespace session_test;

namespace {

/// A KNOCK whose parts a test may change before it is sealed; everything else stays right.
struct forgery {
    pair both{};
    party& caller = *both.a;
    party& called = *both.b;
    e2ee::prekey_bundle bundle = called.bundle();
    e2ee::identity_card card = caller.card;
    exchange_key_pair ephemeral = exchange_key_pair::generate(caller.random).value();
    exchange_key_pair first = exchange_key_pair::generate(caller.random).value();
    knock_content content{.from = caller.name(), .to = called.name(), .what = both.travel, .asked = both.wish,
                          .suites = {"am1"}, .features = {}, .nonce = {}, .timestamp = format_time(both.now.wall)};
    bool optimistic = false;

    e2ee::agreed_keys keys() {
        return e2ee::agree_am1_initiator(caller.self.exchange(), card, ephemeral, first.public_key(), bundle).value();
    }
    knock_head head() const {
        knock_head out{.optimistic = optimistic, .card = card, .ephemeral = ephemeral.public_key(),
                       .ratchet_key = first.public_key(), .prekey = bundle.signed_key.id};
        if (bundle.one_time) out.one_time_key = bundle.one_time->id;
        return out;
    }
    buffer frame_of(std::string text, const knock_head& with) {
        REQUIRE(pad_text(text));
        return seal_knock(with, keys().knock, text);
    }
    std::string text() { return write_knock(content, keys().context, caller.self.signing()); }
    buffer frame() { return frame_of(text(), head()); }

    /// What the called agent audits; nothing was written and nothing answered unless it accepted.
    error outcome(const buffer& knock, const amid* from = nullptr) {
        const auto writes = called.out.writes;
        const auto left = called.prekeys.one_time_left();
        called.out.audits.clear();
        called.out.sent.clear();
        REQUIRE(called.mesh->on_message(from ? *from : caller.name(), wire::message_type::knock, to_payload(knock),
                                        both.now, called.out));
        if (called.out.count(audit_kind::knock_accepted) == 1) return {};
        CHECK(called.out.sent.empty());
        CHECK(called.out.writes == writes);
        CHECK(called.prekeys.one_time_left() == left);
        CHECK(called.policy.asked.empty());
        CHECK(called.out.audits.size() == 1);
        return called.out.audits.at(0).why;
    }
};

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("a KNOCK made by hand is accepted", "[unit][session][AM-KNK-002][AM-KNK-012][AM-KNK-013]") {
    forgery made;
    CHECK(made.outcome(made.frame()) == error{});
    CHECK(made.called.out.opened_ones.size() == 1);
    CHECK(made.called.out.sent.at(0).type == wire::message_type::accept);
}

TEST_CASE("a KNOCK frame has one of five lengths", "[unit][session][AM-KNK-003]") {
    forgery made;
    const auto good = made.frame();
    CHECK(good.size() == 227 + 512 + 16);
    for (const auto size : {std::size_t{2}, std::size_t{227}, good.size() - 1, good.size() - 512, good.size() - 513}) {
        auto cut = good;
        cut.resize(size);
        CHECK(made.outcome(cut).code != errc{});
    }
    auto longer = good;
    longer.push_back(0);
    CHECK(made.outcome(longer) == error{errc::bad_frame, "AM-KNK-003"});
    CHECK(made.outcome(good) == error{});
}

TEST_CASE("the flags of a KNOCK say what its ids say", "[unit][session][AM-KNK-004]") {
    forgery made;
    for (const auto flags : std::initializer_list<std::uint8_t>{0x00, 0x04, 0x05, 0x81}) {
        auto changed = made.frame();
        changed[2] = flags;
        CHECK(made.outcome(changed) == error{errc::bad_frame, "AM-KNK-004"});
    }
    auto none = made.frame();
    std::fill_n(none.begin() + 223, 4, std::uint8_t{0xff});
    CHECK(made.outcome(none) == error{errc::bad_frame, "AM-KNK-004"});
}

TEST_CASE("a KNOCK counts for the agent on its card only, who must be its sender",
          "[unit][session][AM-KNK-005][AM-KEX-005]") {
    forgery made;
    CHECK(made.outcome(made.frame(), &made.called.name()) == error{errc::bad_knock, "AM-KNK-005"});
    auto card = made.frame();
    card[3] ^= 1;  // the AMID
    CHECK(made.outcome(card).code == errc::bad_bundle);
    auto key = made.frame();
    key[3 + 52] ^= 1;  // the exchange key
    CHECK(made.outcome(key).code == errc::bad_bundle);
}

TEST_CASE("a card older than one seen before is refused", "[unit][session][AM-KEX-007]") {
    forgery made;
    made.card = e2ee::identity_card::make(made.caller.self, 5);
    CHECK(made.outcome(made.frame()) == error{});
    made.called.policy.asked.clear();
    made.card = e2ee::identity_card::make(made.caller.self, 4);
    made.content.nonce.storage()[0] = 1;
    made.bundle = made.called.bundle();
    CHECK(made.outcome(made.frame()).code == errc::epoch_rollback);
}

TEST_CASE("a KNOCK names keys that exist", "[unit][session][AM-KEX-033][AM-KEX-035]") {
    forgery made;
    auto head = made.head();
    head.prekey = 77;
    CHECK(made.outcome(made.frame_of(made.text(), head)).code == errc::unknown_prekey);
    head = made.head();
    head.one_time_key = 70'000;
    CHECK(made.outcome(made.frame_of(made.text(), head)).code == errc::unknown_prekey);
    head = made.head();
    head.one_time_key = 20;  // exists, but the keys were agreed with another
    CHECK(made.outcome(made.frame_of(made.text(), head)) == error{errc::bad_tag, "AM-KNK-006"});
}

TEST_CASE("a KNOCK that was changed anywhere does not open", "[unit][session][no-downgrade][AM-KNK-006]") {
    forgery made;
    const auto good = made.frame();
    for (std::size_t at = 227; at < good.size(); at += 97) {
        auto changed = good;
        changed[at] ^= 0x10;
        CHECK(made.outcome(changed) == error{errc::bad_tag, "AM-KNK-006"});
    }
    for (const std::size_t at : {155u, 187u}) {  // ephemeral, ratchet key
        auto changed = good;
        changed[at] ^= 0x01;
        CHECK(made.outcome(changed) == error{errc::bad_tag, "AM-KNK-006"});
    }
    CHECK(made.outcome(good) == error{});
}

TEST_CASE("an unusable public key ends a KNOCK before any key is derived", "[unit][session][AM-KEX-041]") {
    forgery made;
    auto zero = made.frame();
    std::fill_n(zero.begin() + 155, 32, std::uint8_t{0});
    CHECK(made.outcome(zero).code == errc::zero_shared_secret);
}

TEST_CASE("a KNOCK is signed in every member", "[unit][session][AM-KNK-007]") {
    forgery made;
    const auto text = made.text();
    for (const auto& [from, to] : std::vector<std::pair<std::string_view, std::string_view>>{
             {"travel", "travel2"}, {"flights", "hotels!"}, {"normal", "high"}, {"conversation", "stream"},
             {"\"ttl_seconds\":3600", "\"ttl_seconds\":3601"}, {"[\"am1\"]", "[\"am1\",\"x\"]"},
             {"\"features\":[]", "\"features\":[\"x\"]"}, {"\"nonce\":\"00", "\"nonce\":\"01"},
             {"2026-11-21", "2026-11-20"}, {"\"type\":\"knock\"", "\"type\":\"knock\",\"extra\":1"}})
        CHECK(made.outcome(made.frame_of(replaced(text, from, to), made.head())) ==
              error{errc::bad_signature, "AM-KNK-007"});
    // The signature covers the key agreement too: one KNOCK cannot be sealed into another's frame.
    auto other_context = made.keys().context;
    other_context.storage()[0] ^= 1;
    const auto moved = write_knock(made.content, other_context, made.caller.self.signing());
    CHECK(made.outcome(made.frame_of(moved, made.head())) == error{errc::bad_signature, "AM-KNK-007"});
    const auto foreign = write_knock(made.content, made.keys().context, made.called.self.signing());
    CHECK(made.outcome(made.frame_of(foreign, made.head())) == error{errc::bad_signature, "AM-KNK-007"});
}

TEST_CASE("a KNOCK is for one agent and from one", "[unit][session][AM-KNK-008]") {
    forgery made;
    made.content.to = made.caller.name();
    CHECK(made.outcome(made.frame()) == error{errc::bad_knock, "AM-KNK-008"});
    made.content.to = made.called.name();
    made.content.from = made.called.name();
    CHECK(made.outcome(made.frame()) == error{errc::bad_knock, "AM-KNK-008"});
}

TEST_CASE("a KNOCK is good for 300 seconds, and from 60 seconds before", "[unit][session][AM-KNK-009]") {
    const auto at = [](duration sent) {
        forgery made;
        made.content.timestamp = format_time(made.both.now.wall + sent);
        return made.outcome(made.frame());
    };
    CHECK(at(-300s) == error{});
    CHECK(at(-300s - duration{1}) == error{errc::knock_stale, "AM-KNK-009"});
    CHECK(at(60s) == error{});
    CHECK(at(60s + duration{1}) == error{errc::knock_stale, "AM-KNK-009"});
}

TEST_CASE("a nonce is good once until its KNOCK would be stale, also after a restart",
          "[unit][session][no-replay-knock][AM-KNK-010][AM-KNK-016]") {
    forgery made;
    made.content.timestamp = format_time(made.both.now.wall + 60s);
    const auto first = made.frame();
    CHECK(made.outcome(first) == error{});
    const auto again = [&] {
        made.called.policy.asked.clear();
        made.bundle = made.called.bundle();
        return made.outcome(made.frame());
    };
    CHECK(again() == error{errc::knock_replayed, "AM-KNK-010"});
    REQUIRE(made.called.restart(made.both.now));
    CHECK(again() == error{errc::knock_replayed, "AM-KNK-010"});
    made.both.advance(360s);
    (void)made.called.mesh->on_tick(made.both.now, made.called.out);
    CHECK(again() == error{errc::knock_replayed, "AM-KNK-010"});  // the last instant at which it is fresh
    made.both.advance(duration{1});
    (void)made.called.mesh->on_tick(made.both.now, made.called.out);
    CHECK(again() == error{errc::knock_stale, "AM-KNK-009"});
    CHECK(made.called.out.store.names("knock/").empty());
}

TEST_CASE("a KNOCK without a mandatory member, or with one outside its range, is refused",
          "[unit][session][AM-KNK-011]") {
    forgery made;
    const auto text = made.text();
    for (const auto& [from, to] : std::vector<std::pair<std::string_view, std::string_view>>{
             {"\"type\":\"knock\",", ""}, {"\"type\":\"knock\"", "\"type\":\"accept\""},
             {"agentmesh/1.0", "agentmesh/2.0"}, {"\"category\":\"travel\",", ""},
             {"\"category\":\"travel\"", "\"category\":\"\""}, {"\"category\":\"travel\"", "\"category\":7"},
             {"\"urgency\":\"normal\"", "\"urgency\":\"whenever\""}, {"\"ttl_seconds\":3600", "\"ttl_seconds\":0"},
             {"\"ttl_seconds\":3600", "\"ttl_seconds\":-1"}, {"\"ttl_seconds\":3600", "\"ttl_seconds\":2147483648"},
             {"\"expected_messages\":1000", "\"expected_messages\":1.5"}, {"\"conversation\"", "\"shouting\""},
             {"[\"am1\"]", "[]"}, {"[\"am1\"]", "\"am1\""}, {"\"features\":[],", ""}, {"\"nonce\":\"00",
                 "\"nonce\":\""},
             {"\"timestamp\":\"2026-11-21T00:00:00Z\"", "\"timestamp\":1"}}) {
        const auto why = made.outcome(made.frame_of(replaced(text, from, to), made.head()));
        CHECK((why.code == errc::wrong_member || why.code == errc::missing_member ||
               why.code == errc::json_number_range));
        CHECK(why.clause.starts_with("AM-"));
    }
    const auto twice = made.outcome(made.frame_of(replaced(text, "\"nonce\"", "\"to\":\"x\",\"nonce\""), made.head()));
    CHECK(twice.code != errc{});
    CHECK(made.outcome(made.frame_of(text, made.head())) == error{});
}

TEST_CASE("a KNOCK that offers no suite of ours is refused", "[unit][session][AM-KNK-020]") {
    forgery made;
    made.content.suites = {"v02", "wire10"};
    CHECK(made.outcome(made.frame()).code == errc::suite_unsupported);
}

TEST_CASE("tier and reputation come from nobody's KNOCK", "[unit][session][AM-KNK-035]") {
    forgery made;
    auto text = made.text();
    text = replaced(text, "{\"type\":\"knock\"", "{\"tier\":1.5,\"reputation_score\":1,\"type\":\"knock\"");
    // Signed as it should be: the claim is the caller's own.
    const auto canonical = json::canonicalize_without(text, "signature").value();
    buffer covered{canonical.begin(), canonical.end()};
    e2ee::append(covered, made.keys().context.bytes());
    const auto proof = to_base64(e2ee::sign_in(made.caller.self.signing(), e2ee::signing_context::knock,
        covered).bytes(),
                                 base64_form::url_unpadded);
    const auto at = text.find("\"signature\":\"") + 13;
    text.replace(at, proof.size(), proof);
    REQUIRE(made.outcome(made.frame_of(text, made.head())) == error{});
    CHECK(made.called.policy.asked.at(0).trust == std::nullopt);
    CHECK(made.called.policy.asked.at(0).reputation_ppm == 0);
}

TEST_CASE("what is not a frame of this suite is dropped", "[unit][session][AM-KNK-001]") {
    pair both;
    for (const auto* payload : {"", "A", "AQ", "AQI", "BAE", "!!", "{\"type\":\"knock\"}", "AQE=", "_wE"}) {
        REQUIRE(both.a->mesh->on_message(both.b->name(), wire::message_type::message, payload, both.now, both.a->out));
        CHECK(both.a->out.audits.back().why.code != errc{});
    }
    CHECK(both.a->out.count(audit_kind::frame_dropped) >= 7);
    CHECK(both.a->out.sent.empty());
    CHECK(both.a->out.writes == 0);
}

TEST_CASE("padding has one form for each length", "[unit][session][AM-KNK-023]") {
    for (const std::size_t size : {0u, 1u, 62u, 63u, 64u, 1022u, 1023u, 1024u, 1500u, 8190u, 8191u, 8192u, 20000u}) {
        buffer padded(size, 'x');
        padded.push_back(0x80);
        padded.resize(padded_size(size));
        CHECK(padded.size() % (padded.size() <= 1024 ? 64 : padded.size() <= 8192 ? 512 : 4096) == 0);
        CHECK(padded.size() - size <= 4096);
        CHECK(unpadded_size(padded).value() == size);
        padded.resize(padded.size() + 64);
        CHECK_FALSE(unpadded_size(padded));
    }
    CHECK_FALSE(unpadded_size({}));
    CHECK_FALSE(unpadded_size(buffer(64, 0)));
    CHECK_FALSE(unpadded_size(buffer(64, 1)));
    CHECK(padded_size(largest_envelope) + message_head_size + e2ee::header_size + frame_tag <= frame_bytes);
    std::string text(513, 'x');
    REQUIRE(pad_text(text));
    CHECK(text.size() == 1024);
    text.resize(8193, 'x');
    CHECK_FALSE(pad_text(text));
}

// --- replies ----------------------------------------------------------------------------------------------------

namespace {

/// An ACCEPT whose parts a test may change, for a KNOCK under way.
struct answer {
    pair both{};
    party& caller = *both.a;
    party& called = *both.b;
    session_id id = both.knock(caller);
    buffer knock = from_payload(caller.out.sent.at(0).payload).value();
    sha256_digest hash = crypto::sha256(knock);
    e2ee::reply_key key = reply_key();
    exchange_key_pair first = exchange_key_pair::generate(called.random).value();
    accept_content content{.session = id, .knock = hash, .from = called.name(), .to = caller.name(), .suite = "am1",
                           .features = {}, .ratchet_key = first.public_key(), .held_to = {1000, 10, 60},
                           .timestamp = format_time(both.now.wall)};

    e2ee::reply_key reply_key() {
        const auto head = parse_knock_head(knock).value();
        return std::move(e2ee::agree_am1_responder(called.self.exchange(), called.card, head.card, head.ephemeral,
                                                   head.ratchet_key, *called.prekeys.find_signed(head.prekey,
                                                       epoch).value(),
                                                   called.prekeys.find_one_time(head.one_time_key).value())
                             .value()
                             .reply);
    }
    buffer seal(std::string text, reply_kind kind = reply_kind::accept) {
        REQUIRE(pad_text(text));
        return seal_reply(kind, hash, called.card, key, text);
    }
    buffer frame() { return seal(write_accept(content, called.self.signing())); }
    error outcome(const buffer& reply, const amid* from = nullptr) {
        const auto writes = caller.out.writes;
        caller.out.audits.clear();
        REQUIRE(caller.mesh->on_message(from ? *from : called.name(), wire::message_type::accept, to_payload(reply),
                                        both.now, caller.out));
        if (!caller.out.opened_ones.empty()) return {};
        CHECK(caller.out.refusals.empty());
        CHECK(caller.out.writes == writes);
        CHECK(caller.mesh->find(id)->phase == phase::knocking);
        return caller.out.why(audit_kind::reply_dropped);
    }
};

}  // namespace

TEST_CASE("only the true answer to a KNOCK opens a session", "[unit][session][AM-KNK-017][AM-KNK-018]") {
    answer made;
    const error refused{errc::bad_knock, "AM-KNK-018"};
    SECTION("as it is") { CHECK(made.outcome(made.frame()) == error{}); }
    SECTION("from another sender") { CHECK(made.outcome(made.frame(), &made.caller.name()).code == errc::bad_knock); }
    SECTION("changed bits") {
        const auto good = made.frame();
        for (std::size_t at = 2; at < good.size(); at += 61) {
            auto changed = good;
            changed[at] ^= 1;
            CHECK(made.outcome(changed).clause == "AM-KNK-018");
        }
    }
    SECTION("for another KNOCK") {
        made.content.knock.storage()[31] ^= 1;
        CHECK(made.outcome(made.frame()) == refused);
    }
    SECTION("with another session") {
        made.content.session.storage()[0] ^= 1;
        CHECK(made.outcome(made.frame()) == refused);
    }
    SECTION("in another name") {
        made.content.from = made.caller.name();
        CHECK(made.outcome(made.frame()) == refused);
    }
    SECTION("signed by another") {
        CHECK(made.outcome(made.seal(write_accept(made.content, made.caller.self.signing()))) ==
              error{errc::bad_signature, "AM-KNK-018"});
    }
    SECTION("an ACCEPT sealed as a REJECT") {
        CHECK(made.outcome(made.seal(write_accept(made.content, made.called.self.signing()),
            reply_kind::reject)).clause ==
              "AM-KNK-018");
    }
    SECTION("granting more than was asked") {
        made.content.held_to.ttl_seconds = made.both.wish.ttl_seconds + 1;
        CHECK(made.outcome(made.frame()) == refused);
        made.content.held_to.ttl_seconds = 1;
        made.content.held_to.max_messages = made.both.wish.expected_messages + 1;
        CHECK(made.outcome(made.frame()) == refused);
    }
    SECTION("a missing member") {
        const auto text = write_accept(made.content, made.called.self.signing());
        CHECK(made.outcome(made.seal(replaced(text, "\"suite\":\"am1\",", ""))) ==
              error{errc::missing_member, "AM-KNK-018"});
    }
    SECTION("a zero ratchet key") {
        made.content.ratchet_key = {};
        CHECK(made.outcome(made.frame()).code == errc::zero_shared_secret);
    }
}

TEST_CASE("an answer may not choose what was not offered", "[unit][session][no-downgrade][AM-KNK-020]") {
    answer made;
    made.content.suite = "v02";
    CHECK(made.outcome(made.frame()) == error{errc::bad_knock, "AM-KNK-020"});
    made.content.suite = "am1";
    made.content.features = {"turbo"};
    CHECK(made.outcome(made.frame()) == error{errc::bad_knock, "AM-KNK-020"});
}

TEST_CASE("features are chosen from those of both, in the caller's order", "[unit][session][AM-KNK-020]") {
    engine_options options;
    options.features = {"one", "two", "three"};
    pair both{3, options};
    both.b->options.features = {"three", "zero", "one"};
    REQUIRE(both.b->restart(both.now));
    const auto id = both.open(*both.a);
    CHECK(both.a->mesh->find(id)->phase == phase::open);
    CHECK(common_features({"one", "two", "three"}, {"three", "zero", "one"}) == std::vector<std::string>{"one",
        "three"});
}
