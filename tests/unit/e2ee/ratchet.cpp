#include <agentmesh/core/encoding.hpp>
#include <agentmesh/e2ee/snapshot.hpp>
#include <agentmesh/e2ee/suite_am1.hpp>
#include <agentmesh/e2ee/suite_v02.hpp>
#include <agentmesh/e2ee/suite_wire10.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/e2ee/ratchet_pair.hpp"

using namespace agentmesh;
using namespace agentmesh::e2ee;
using ratchet_test::pair_of_sides;
using ratchet_test::sealed_message;

// --- beginnings -------------------------------------------------------------------------------------------------

TEMPLATE_TEST_CASE("A conversation back and forth is read by both sides", "[unit][e2ee][AM-RAT-012]", am1, v02, wire10,
                   wire10_legacy) {
    pair_of_sides<TestType> world{1};
    for (int i = 0; i < 12; ++i) {
        CHECK(world.exchange(world.a, world.b, "from a"));
        if (i % 3 == 0) CHECK(world.exchange(world.a, world.b, "from a again"));
        CHECK(world.exchange(world.b, world.a, "from b"));
    }
    CHECK(world.a.turns() == 12);
    CHECK(world.b.turns() == 12);
    CHECK(world.a.skipped() + world.b.skipped() == 0);
}

TEMPLATE_TEST_CASE("A responder that has opened nothing cannot send, and says so", "[unit][e2ee][AM-RAT-011]", am1, v02,
                   wire10, wire10_legacy) {
    pair_of_sides<TestType> world{2};
    CHECK(world.a.can_send());
    CHECK_FALSE(world.b.can_send());
    buffer out{7};
    const auto before = save(world.b);
    CHECK(world.b.seal(out, {}, as_bytes("x"), world.random).error().code == errc::ratchet_not_ready);
    CHECK((out == buffer{7} && save(world.b) == before));
    CHECK(world.exchange(world.a, world.b, "x"));
    CHECK(world.b.can_send());
}

TEST_CASE("A responder of v02 that knows the peer's ephemeral key still waits for a message",
          "[unit][e2ee][AM-RAT-011]") {
    crypto::scripted_random random{3};
    const auto ephemeral = exchange_key_pair::generate(random).value();
    const auto b = double_ratchet<v02>::respond(root_key{}, exchange_key_pair::generate(random).value(),
                                                ephemeral.public_key());
    CHECK_FALSE(b.can_send());
}

TEST_CASE("In v02 the first send and the first receive step from the keys known at the start",
          "[unit][e2ee][AM-RAT-001]") {
    crypto::scripted_random random{4};
    const auto root = root_key::generate(random).value();
    const auto first = exchange_secret_key::generate(random).value();
    auto theirs = exchange_key_pair::generate(random).value();
    const auto remote = theirs.public_key();
    const exchange_key_pair ours{first.fork()};

    // The initiator's ratchet key is the one that the responder takes for known: no new pair is made for it.
    auto a = double_ratchet<v02>::initiate(root.fork(), exchange_key_pair{first.fork()}, remote).value();
    auto b = double_ratchet<v02>::respond(root.fork(), std::move(theirs), ours.public_key());
    buffer sealed, text;
    const auto header = a.seal(sealed, {}, as_bytes("hello"), random).value();
    CHECK(header == ratchet_header{ours.public_key(), 0, 0});

    // By hand: one root step, one chain step.
    const auto stepped = kdf_rk<v02>(root, ours.agree_with(remote).value());
    buffer expected(5);
    REQUIRE(open_message<v02>(expected, kdf_ck(stepped.chain).message, {}, sealed));
    CHECK(as_text(expected) == "hello");

    REQUIRE(b.open(text, header, {}, sealed, random));
    CHECK(b.public_key() == remote);  // the same pair still
    CHECK(b.turns() == 1);

    // The answer steps once more between the same two keys, and is read by the side that sent first.
    sealed.clear(), text.clear();
    const auto answer = b.seal(sealed, {}, as_bytes("and you"), random).value();
    CHECK(answer.dh == remote);
    REQUIRE(a.open(text, answer, {}, sealed, random));
    CHECK(as_text(text) == "and you");
}

TEST_CASE("In v02 a responder meets a ratchet key other than the ephemeral one with a new pair",
          "[unit][e2ee][AM-RAT-001]") {
    crypto::scripted_random random{5};
    const auto root = root_key::generate(random).value();
    auto theirs = exchange_key_pair::generate(random).value();
    const auto remote = theirs.public_key();
    const auto ephemeral = exchange_key_pair::generate(random).value();
    auto a = double_ratchet<v02>::initiate(root.fork(), exchange_key_pair::generate(random).value(), remote).value();
    auto b = double_ratchet<v02>::respond(root.fork(), std::move(theirs), ephemeral.public_key());
    pair_of_sides<v02> world{std::move(a), std::move(b)};
    CHECK(world.exchange(world.a, world.b, "hello"));
    CHECK(world.b.public_key() != remote);
    CHECK(world.exchange(world.b, world.a, "and you"));
    CHECK(world.exchange(world.a, world.b, "fine"));
}

TEST_CASE("In am1 both sides speak at once, and read each other whichever arrives first",
          "[unit][e2ee][AM-RAT-010]") {
    for (const bool accept_first : {true, false}) {
        auto world = pair_of_sides<am1>::accepted(6);
        const auto early = world.seal(world.a, "before the answer");  // an optimistic message
        CHECK(world.b.can_send());
        const auto reply = world.seal(world.b, "at once");
        if (accept_first) {
            REQUIRE(world.a.step(world.b.public_key(), world.random));
            const auto after = world.seal(world.a, "after the answer");
            CHECK(after.header.pn == 1);
            CHECK(world.opens(world.b, after));
            CHECK(world.opens(world.a, reply));
            CHECK(world.opens(world.b, early));
        } else {
            CHECK(world.opens(world.b, early));
            CHECK(world.opens(world.a, reply));
            CHECK(world.exchange(world.a, world.b, "after the answer"));
        }
        CHECK(world.exchange(world.b, world.a, "on"));
        CHECK(world.exchange(world.a, world.b, "and on"));
    }
}

TEST_CASE("The responder of am1 begins as the suite says: one step to receive, one to send",
          "[unit][e2ee][AM-RAT-001][AM-RAT-010]") {
    auto world = pair_of_sides<am1>::accepted(7);
    crypto::scripted_random random{7};
    const auto root = root_key::generate(random).value();
    const auto r_a = exchange_key_pair::generate(random).value(), p = exchange_key_pair::generate(random).value(),
               r_b = exchange_key_pair::generate(random).value();
    const auto receiving = kdf_rk<am1>(root, p.agree_with(r_a.public_key()).value());
    const auto sending = kdf_rk<am1>(receiving.root, r_b.agree_with(r_a.public_key()).value());

    const auto message = world.seal(world.b, "hello");
    CHECK(message.header == ratchet_header{r_b.public_key(), 0, 0});
    buffer text(5);
    const associated_data ad{pair_of_sides<am1>::prefix(), message.header};
    REQUIRE(open_message<am1>(text, kdf_ck(sending.chain).message, ad.bytes(), message.sealed));
    CHECK(as_text(text) == "hello");
}

TEST_CASE("Learning the responder's key twice changes nothing, and another one is refused", "[unit][e2ee]") {
    auto world = pair_of_sides<am1>::accepted(8);
    REQUIRE(world.a.step(world.b.public_key(), world.random));
    const auto before = save(world.a);
    CHECK(world.a.step(world.b.public_key(), world.random));
    CHECK(world.a.step(world.a.public_key(), world.random).error().code == errc::duplicate);
    CHECK(save(world.a) == before);
}

// --- order ------------------------------------------------------------------------------------------------------

TEMPLATE_TEST_CASE("Messages in any order open, each once", "[unit][e2ee][AM-RAT-012][AM-RAT-014]", am1, v02, wire10,
                   wire10_legacy) {
    pair_of_sides<TestType> world{10};
    std::vector<sealed_message> sent;
    for (int i = 0; i < 5; ++i) sent.push_back(world.seal(world.a, std::to_string(i)));
    for (const std::size_t i : {3u, 0u, 4u, 2u, 1u}) CHECK(world.opens(world.b, sent[i]));
    CHECK(world.b.skipped() == 0);
    for (const auto& one : sent) CHECK(world.error(world.b, one).code == errc::duplicate);
}

TEMPLATE_TEST_CASE("Messages of a chain that was left arrive after the turn", "[unit][e2ee][AM-RAT-012]", am1, v02,
                   wire10, wire10_legacy) {
    pair_of_sides<TestType> world{11};
    CHECK(world.exchange(world.a, world.b, "0"));
    const auto late = world.seal(world.a, "1");
    const auto later = world.seal(world.a, "2");
    CHECK(world.exchange(world.b, world.a, "turn"));
    const auto skipped = world.seal(world.a, "new chain, lost");
    const auto next = world.seal(world.a, "new chain");
    CHECK(next.header.pn == 3);
    CHECK(world.opens(world.b, next));
    CHECK(world.b.skipped() == 3);
    CHECK(world.opens(world.b, later));
    CHECK(world.opens(world.b, late));
    CHECK(world.opens(world.b, skipped));
    CHECK(world.b.skipped() == 0);
    CHECK(world.error(world.b, late).code == errc::duplicate);
}

TEMPLATE_TEST_CASE("Messages of eight chains back are known for duplicates, and opened before any step",
                   "[unit][e2ee][AM-RAT-014]", am1, v02, wire10, wire10_legacy) {
    pair_of_sides<TestType> world{12};
    std::vector<sealed_message> old;
    for (int i = 0; i < 9; ++i) {
        old.push_back(world.seal(world.a, "x"));
        CHECK(world.opens(world.b, old.back()));
        CHECK(world.exchange(world.b, world.a, "turn"));
    }
    for (const auto& one : old) CHECK(world.error(world.b, one).code == errc::duplicate);
    old.push_back(world.seal(world.a, "x"));
    CHECK(world.opens(world.b, old.back()));
    CHECK(world.error(world.b, old[0]).code == errc::bad_tag);  // nine chains back: an unknown key now
    CHECK(world.error(world.b, old[1]).code == errc::duplicate);
}

// --- limits -----------------------------------------------------------------------------------------------------

TEMPLATE_TEST_CASE("As many messages as ruled may be skipped in a chain, and not one more",
                   "[unit][e2ee][AM-RAT-015][AM-RAT-016]", am1, v02, wire10, wire10_legacy) {
    constexpr auto most = TestType::max_skip;
    for (const bool first_of_chain : {true, false}) {
        pair_of_sides<TestType> world{20};
        if (!first_of_chain) CHECK(world.exchange(world.a, world.b, "0"));
        std::vector<sealed_message> sent;
        for (std::uint32_t i = 0; i < most + 2; ++i) sent.push_back(world.seal(world.a, "x"));
        const auto refused = world.error(world.b, sent[most + 1]);
        CHECK(refused.code == errc::too_far);
        CHECK(refused.clause == "AM-RAT-016");
        CHECK(world.opens(world.b, sent[most]));
        CHECK(world.b.skipped() == most);
        CHECK(world.opens(world.b, sent[most + 1]));
        CHECK(world.opens(world.b, sent[0]));
        CHECK(world.opens(world.b, sent[most - 1]));
    }
}

TEMPLATE_TEST_CASE("As many messages as ruled may be left in the old chain, and not one more",
                   "[unit][e2ee][AM-RAT-015][AM-RAT-016]", am1, v02, wire10, wire10_legacy) {
    constexpr auto most = TestType::max_skip;
    for (const std::uint32_t left : {most, most + 1}) {
        pair_of_sides<TestType> world{21};
        CHECK(world.exchange(world.a, world.b, "0"));
        std::vector<sealed_message> sent;
        for (std::uint32_t i = 0; i < left; ++i) sent.push_back(world.seal(world.a, "x"));
        CHECK(world.exchange(world.b, world.a, "turn"));
        const auto next = world.seal(world.a, "new chain");
        if (left > most) {
            CHECK(world.error(world.b, next).code == errc::too_far);
            CHECK(world.b.skipped() == 0);
        } else {
            CHECK(world.opens(world.b, next));
            CHECK(world.b.skipped() == most);
            CHECK(world.opens(world.b, sent.front()));
            CHECK(world.opens(world.b, sent.back()));
        }
    }
}

TEST_CASE("A message beyond the limit is refused before any derivation", "[unit][e2ee][AM-RAT-016]") {
    // A key agreement or a thousand steps would show: these would then take half a minute.
    pair_of_sides<am1> world{22};
    CHECK(world.exchange(world.a, world.b, "0"));
    auto same_chain = world.seal(world.a, "x"), new_chain = same_chain;
    same_chain.header.n = 1002;
    new_chain.header.dh = exchange_public_key::from(buffer(32, 9)).value();
    new_chain.header.n = 1001;
    auto old_chain = new_chain;
    old_chain.header.n = 0, old_chain.header.pn = 1002;
    const auto start = std::chrono::steady_clock::now();
    buffer text;
    for (int i = 0; i < 10'000; ++i)
        for (const auto* one : {&same_chain, &new_chain, &old_chain})
            if (world.b.open(text, one->header, world.prefix(), one->sealed, world.random).error().code !=
                errc::too_far)
                FAIL("another refusal");
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds{2});
}

TEST_CASE("2,000 keys are kept over all chains, the oldest chain's go first", "[unit][e2ee][AM-RAT-017]") {
    pair_of_sides<am1> world{23};
    std::vector<sealed_message> lost;
    for (int turn = 0; turn < 3; ++turn) {
        for (int i = 0; i < 800; ++i) lost.push_back(world.seal(world.a, "x"));
        CHECK(world.exchange(world.a, world.b, "skips 800"));
        CHECK(world.exchange(world.b, world.a, "turn"));
    }
    CHECK(world.b.skipped() == 2000);
    CHECK(world.error(world.b, lost[399]).code == errc::duplicate);  // given up, which is all that is known of it
    CHECK(world.opens(world.b, lost[400]));
    CHECK(world.opens(world.b, lost[2399]));
}

TEST_CASE("One turn may leave keys of both chains, and the old chain's are the older",
          "[unit][e2ee][AM-RAT-015][AM-RAT-017]") {
    pair_of_sides<am1> world{24};
    CHECK(world.exchange(world.a, world.b, "0"));
    std::vector<sealed_message> old, fresh;
    for (int i = 0; i < 1000; ++i) old.push_back(world.seal(world.a, "x"));
    CHECK(world.exchange(world.b, world.a, "turn"));
    for (int i = 0; i < 1001; ++i) fresh.push_back(world.seal(world.a, "x"));
    CHECK(world.opens(world.b, fresh.back()));
    CHECK(world.b.skipped() == 2000);
    const auto another = world.seal(world.a, "x");
    CHECK(world.opens(world.b, world.seal(world.a, "x")));  // skips one more: the oldest goes
    CHECK(world.error(world.b, old[0]).code == errc::duplicate);
    CHECK(world.opens(world.b, old[1]));
    CHECK(world.opens(world.b, fresh[0]));
    CHECK(world.opens(world.b, another));
}

TEST_CASE("A chain of am1 ends at 2^31 messages, for the sender and for the receiver", "[unit][e2ee][AM-RAT-018]") {
    pair_of_sides<am1> world{25};
    CHECK(world.exchange(world.a, world.b, "0"));
    // Both sides, moved to the chain's last message.
    world.a = ratchet_test::with_counters<am1>(world.a, 0x7fff'ffff, std::nullopt);
    world.b = ratchet_test::with_counters<am1>(world.b, std::nullopt, 0x7fff'ffff);
    CHECK(world.a.can_send());
    auto last = world.seal(world.a, "the last");
    CHECK(last.header.n == 0x7fff'ffff);
    CHECK_FALSE(world.a.can_send());
    buffer out;
    const auto before = save(world.a);
    CHECK(world.a.seal(out, {}, {}, world.random).error() == error{errc::counter_exhausted, "AM-RAT-018"});
    CHECK((out.empty() && save(world.a) == before));

    CHECK(world.opens(world.b, last));
    last.header.n = 0x8000'0000;
    CHECK(world.error(world.b, last) == error{errc::too_far, "AM-RAT-018"});
    // A turn begins a new chain.
    CHECK(world.exchange(world.b, world.a, "turn"));
    CHECK(world.a.can_send());
    CHECK(world.exchange(world.a, world.b, "on"));
}

TEMPLATE_TEST_CASE("The counters of the deployed suites end before they wrap", "[unit][e2ee][AM-RAT-018]", v02, wire10,
                   wire10_legacy) {
    pair_of_sides<TestType> world{26};
    CHECK(world.exchange(world.a, world.b, "0"));
    world.a = ratchet_test::with_counters<TestType>(world.a, 0xffff'fffe, std::nullopt);
    world.b = ratchet_test::with_counters<TestType>(world.b, std::nullopt, 0xffff'fffe);
    auto last = world.seal(world.a, "the last");
    CHECK_FALSE(world.a.can_send());
    CHECK(world.opens(world.b, last));
    last.header.n = 0xffff'ffff;
    CHECK(world.error(world.b, last).code == errc::too_far);
    CHECK(world.exchange(world.b, world.a, "turn"));
    CHECK(world.a.next_header().pn == 0xffff'ffff);
    CHECK(world.exchange(world.a, world.b, "on"));
}

TEST_CASE("A session of am1 ends at 2^20 turns", "[unit][e2ee][AM-RAT-021]") {
    pair_of_sides<am1> world{27};
    CHECK(world.exchange(world.a, world.b, "0"));
    world.b = ratchet_test::with_turns<am1>(world.b, (1u << 20) - 1);
    CHECK(world.exchange(world.b, world.a, "turn"));
    CHECK(world.exchange(world.a, world.b, "the last turn"));
    CHECK(world.exchange(world.a, world.b, "the chain goes on"));
    CHECK(world.exchange(world.b, world.a, "here too"));
    CHECK(world.error(world.b, world.seal(world.a, "one turn more")) == error{errc::too_far, "AM-RAT-021"});
}

// --- refusals ---------------------------------------------------------------------------------------------------

TEMPLATE_TEST_CASE("A ratchet key of small order is refused and leaves no trace", "[unit][e2ee][AM-RAT-019]", am1, v02,
                   wire10, wire10_legacy) {
    pair_of_sides<TestType> world{30};
    CHECK(world.exchange(world.a, world.b, "0"));
    auto forged = world.seal(world.a, "x");
    for (const int first : {0, 1}) {
        buffer point(32, 0);
        point[0] = static_cast<std::uint8_t>(first);
        forged.header = {exchange_public_key::from(point).value(), 0, 0};
        CHECK(world.error(world.b, forged).code == errc::zero_shared_secret);
    }
}

TEST_CASE("A ratchet does not begin with a key of small order", "[unit][e2ee][AM-RAT-019]") {
    crypto::scripted_random random{31};
    const auto pair = [&] { return exchange_key_pair::generate(random).value(); };
    const exchange_public_key zero{};
    CHECK(double_ratchet<am1>::initiate(root_key{}, pair(), zero).error().code == errc::zero_shared_secret);
    CHECK(double_ratchet<wire10>::initiate(root_key{}, pair(), zero).error().code == errc::zero_shared_secret);
    CHECK(double_ratchet<am1>::respond(root_key{}, pair(), zero, pair()).error().code == errc::zero_shared_secret);

    auto begun = double_ratchet<am1>::initiate(root_key{}, pair(), pair().public_key()).value();
    const auto before = save(begun);
    CHECK(begun.step(zero, random).error().code == errc::zero_shared_secret);
    CHECK(save(begun) == before);

    auto later = double_ratchet<v02>::initiate(root_key{}, pair(), zero).value();  // steps on its first send
    buffer out;
    const auto unsent = save(later);
    CHECK(later.seal(out, {}, {}, random).error().code == errc::zero_shared_secret);
    CHECK((out.empty() && save(later) == unsent));
}

TEMPLATE_TEST_CASE("Every changed bit of the header is noticed by a suite that binds it",
                   "[unit][e2ee][AM-RAT-008][AM-RAT-013]", am1, wire10, wire10_legacy) {
    pair_of_sides<TestType> world{32};
    CHECK(world.exchange(world.a, world.b, "0"));
    CHECK(world.exchange(world.b, world.a, "1"));
    for (const bool new_chain : {true, false}) {
        const auto message = world.seal(world.a, "x");
        for (std::size_t bit = 0; bit < 8 * header_size; ++bit) {
            auto bytes = header_bytes(message.header);
            bytes[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
            auto changed = message;
            changed.header = parse_header(bytes).value();
            world.error(world.b, changed);  // checks that nothing changes
        }
        INFO("new chain: " << new_chain);
        CHECK(world.opens(world.b, message));
    }
}

TEST_CASE("In v02 a changed key or number is noticed, and a changed pn costs at most older messages",
          "[unit][e2ee][AM-RAT-007][AM-RAT-013]") {
    pair_of_sides<v02> world{33};
    CHECK(world.exchange(world.a, world.b, "0"));
    const auto old = world.seal(world.a, "left behind");
    CHECK(world.exchange(world.b, world.a, "1"));
    const auto message = world.seal(world.a, "x");
    for (std::size_t bit = 0; bit < 8 * header_size; ++bit) {
        if (bit >= 256 && bit < 288) continue;
        auto bytes = header_bytes(message.header);
        bytes[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
        auto changed = message;
        changed.header = parse_header(bytes).value();
        world.error(world.b, changed);
    }
    auto lowered = message;
    lowered.header.pn = 0;
    CHECK(world.opens(world.b, lowered));
    CHECK(world.error(world.b, old).code == errc::duplicate);
    CHECK(world.exchange(world.a, world.b, "on"));
}

TEST_CASE("In v02 a ratchet key in another form than its own is refused, though X25519 would take it",
          "[unit][e2ee][AM-RAT-007]") {
    pair_of_sides<v02> world{34};
    auto message = world.seal(world.a, "x");
    const auto genuine = message.header.dh;
    message.header.dh.storage()[31] |= 0x80;
    CHECK(world.error(world.b, message).code == errc::bad_tag);
    CHECK_FALSE(is_canonical(message.header.dh));
    message.header.dh = genuine;
    CHECK(world.opens(world.b, message));

    std::array<std::uint8_t, 32> bytes;
    bytes.fill(0xff);
    bytes[0] = 0xec, bytes[31] = 0x7f;
    CHECK(is_canonical(exchange_public_key{bytes}));  // 2^255 - 20
    bytes[0] = 0xed;
    CHECK_FALSE(is_canonical(exchange_public_key{bytes}));
    bytes[1] = 0xfe;
    CHECK(is_canonical(exchange_public_key{bytes}));
}

TEMPLATE_TEST_CASE("Other associated data is noticed by a suite that binds it", "[unit][e2ee][AM-RAT-005]", am1, wire10,
                   wire10_legacy) {
    pair_of_sides<TestType> world{35};
    const auto message = world.seal(world.a, "x");
    buffer text;
    const auto before = save(world.b);
    for (const auto* other : {"", "what both sides kno", "what both sides know "})
        CHECK(world.b.open(text, message.header, as_bytes(other), message.sealed, world.random).error().code ==
              errc::bad_tag);
    CHECK((text.empty() && save(world.b) == before));
}

TEMPLATE_TEST_CASE("A message back to its sender is refused", "[unit][e2ee][AM-RAT-013]", am1, v02, wire10,
                   wire10_legacy) {
    pair_of_sides<TestType> world{36};
    world.error(world.a, world.seal(world.a, "x"));
    CHECK(world.exchange(world.a, world.b, "0"));
    CHECK(world.exchange(world.b, world.a, "1"));
    world.error(world.a, world.seal(world.a, "x"));
    world.error(world.b, world.seal(world.b, "x"));
}

TEST_CASE("A message under the signed prekey itself is refused by the initiator", "[unit][e2ee][AM-RAT-013]") {
    pair_of_sides<am1> world{37};
    auto forged = world.seal(world.a, "x");
    forged.header.dh = *world.a.remote();
    CHECK(world.error(world.a, forged).code == errc::bad_tag);

    // Also where a responder that breaks the rules has sealed it properly, from a step between the two known keys.
    crypto::scripted_random keys{37};
    const auto root = root_key::generate(keys).value();
    const auto own = exchange_key_pair::generate(keys).value(), prekey = exchange_key_pair::generate(keys).value();
    const auto shared = prekey.agree_with(own.public_key()).value();
    const auto first = kdf_rk<am1>(root, shared);
    REQUIRE(to_hex(byte_view{save(world.a)}.subspan(ratchet_test::at::root, 32)) == to_hex(first.root.reveal()));
    forged.header = {prekey.public_key(), 0, 0};
    const associated_data ad{world.prefix(), forged.header};
    seal_message<am1>(forged.sealed, kdf_ck(kdf_rk<am1>(first.root, shared).chain).message, {}, ad.bytes(),
                      as_bytes("x"));
    CHECK(world.error(world.a, forged).code == errc::bad_tag);
}

TEMPLATE_TEST_CASE("A random source that fails stops sealing and turning, and changes nothing",
                   "[unit][e2ee][AM-RAT-022]", am1, v02, wire10, wire10_legacy) {
    pair_of_sides<TestType> world{38};
    crypto::scripted_random empty{buffer{}};
    const auto message = world.seal(world.a, "x");
    const auto before = save(world.b);
    buffer text;
    CHECK(world.b.open(text, message.header, world.prefix(), message.sealed, empty).error().code ==
          errc::random_failed);
    CHECK((text.empty() && save(world.b) == before));
    CHECK(world.opens(world.b, message));
    if (TestType::nonce == nonce_rule::random) {
        const auto unsent = save(world.a);
        CHECK(world.a.seal(text, {}, {}, empty).error().code == errc::random_failed);
        CHECK((text.empty() && save(world.a) == unsent));
    } else {
        CHECK(world.a.seal(text, {}, {}, empty));  // its nonces are derived
    }
}

// --- forks and copies -------------------------------------------------------------------------------------------

TEMPLATE_TEST_CASE("A receive on a fork is undone by dropping the fork", "[unit][e2ee][AM-RAT-033]", am1, v02, wire10,
                   wire10_legacy) {
    pair_of_sides<TestType> world{40};
    const auto skipped = world.seal(world.a, "0");
    const auto message = world.seal(world.a, "1");
    const auto before = save(world.b);
    {
        auto next = world.b.fork();
        CHECK(save(next) == before);
        CHECK(world.opens(next, message));
        CHECK(save(next) != before);
    }
    CHECK(save(world.b) == before);
    auto next = world.b.fork();
    CHECK(world.opens(next, message));
    world.b = next.fork();
    CHECK(world.b.skipped() == 1);
    CHECK(save(world.b) == save(next));
    CHECK(world.opens(world.b, skipped));
    CHECK(world.error(world.b, message).code == errc::duplicate);
}

TEST_CASE("A ratchet is moved, never copied", "[unit][e2ee]") {
    STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<double_ratchet<am1>>);
    STATIC_REQUIRE_FALSE(std::is_copy_assignable_v<double_ratchet<am1>>);
    STATIC_REQUIRE(std::is_nothrow_move_constructible_v<double_ratchet<am1>>);
    STATIC_REQUIRE(std::is_nothrow_move_assignable_v<double_ratchet<am1>>);
}

TEMPLATE_TEST_CASE("No key of a message is left in a side that has sealed or opened it", "[unit][e2ee]", am1, v02,
                   wire10, wire10_legacy) {
    pair_of_sides<TestType> world{41};
    CHECK(world.exchange(world.a, world.b, "0"));
    for (const bool skip : {false, true}) {
        // The key of the next message, from the receiver's saved chain.
        const auto saved = save(world.b);
        auto chain = ratchet_test::receiving_chain<TestType>(world.b);
        const auto key = kdf_ck(chain).message;
        const auto message = world.seal(world.a, "x");
        if (skip) CHECK(world.exchange(world.a, world.b, "overtakes"));
        CHECK(world.opens(world.b, message));
        for (const auto* side : {&world.a, &world.b}) {
            const auto after = save(*side);
            const auto bytes = key.reveal();
            CHECK(std::search(after.begin(), after.end(), bytes.begin(), bytes.end()) == after.end());
            const auto spent = chain.reveal();
            CHECK(std::search(after.begin(), after.end(), spent.begin(), spent.end()) == after.end());
        }
    }
}

TEMPLATE_TEST_CASE("The header is announced before it is sealed", "[unit][e2ee]", am1, v02, wire10, wire10_legacy) {
    pair_of_sides<TestType> world{42};
    for (int i = 0; i < 3; ++i) {
        const auto announced = world.a.next_header();
        CHECK(world.seal(world.a, "x").header == announced);
    }
}

TEMPLATE_TEST_CASE("What stands in the output stays, for any kind of vector", "[unit][e2ee]", am1, v02, wire10,
                   wire10_legacy) {
    pair_of_sides<TestType> world{43};
    buffer sealed{1, 2, 3};
    const auto header = world.a.seal(sealed, {}, as_bytes("text"), world.random).value();
    CHECK(sealed.size() == 3 + 4 + overhead<TestType>);
    CHECK((sealed[0] == 1 && sealed[2] == 3));
    crypto::secret_buffer text{'>'};
    REQUIRE(world.b.open(text, header, {}, byte_view{sealed}.subspan(3), world.random));
    CHECK(as_text(text) == ">text");
}

// --- what a chain knows ahead -----------------------------------------------------------------------------------

TEMPLATE_TEST_CASE("A side that goes on from its saved state does what one does that knows its next step already",
                   "[unit][e2ee][AM-RAT-002][AM-RAT-030]", am1, v02, wire10, wire10_legacy) {
    pair_of_sides<TestType> world{44};
    CHECK(world.exchange(world.a, world.b, "0"));
    CHECK(world.exchange(world.a, world.b, "1"));
    auto a = restore<TestType>(save(world.a)).value(), b = restore<TestType>(save(world.b)).value();
    auto fork = world.a.fork();
    for (int i = 2; i < 6; ++i) {
        crypto::scripted_random one{7}, two{7}, three{7};
        buffer expected, again, forked;
        const auto header = world.a.seal(expected, world.prefix(), as_bytes("text"), one).value();
        CHECK(a.seal(again, world.prefix(), as_bytes("text"), two).value() == header);
        CHECK(fork.seal(forked, world.prefix(), as_bytes("text"), three).value() == header);
        CHECK((again == expected && forked == expected));
        CHECK(save(a) == save(world.a));
        for (auto* reader : {&world.b, &b}) {
            buffer text;
            CHECK(reader->open(text, header, world.prefix(), expected, world.random));
        }
        CHECK(save(b) == save(world.b));
    }
}

TEMPLATE_TEST_CASE("A step known ahead survives a forgery, and ends where messages are passed over",
                   "[unit][e2ee][AM-RAT-007][AM-RAT-015]", am1, v02, wire10, wire10_legacy) {
    pair_of_sides<TestType> world{45};
    CHECK(world.exchange(world.a, world.b, "0"));
    for (int round = 0; round < 3; ++round) {
        const auto next = world.seal(world.a, "next");
        auto forged = next;
        forged.sealed.back() ^= 1;
        CHECK(world.error(world.b, forged).code == errc::bad_tag);
        CHECK(world.error(world.b, forged).code == errc::bad_tag);
        CHECK(world.opens(world.b, next));
        const auto late = world.seal(world.a, "late"), overtaking = world.seal(world.a, "overtaking");
        CHECK(world.opens(world.b, overtaking));
        CHECK(world.exchange(world.a, world.b, "after"));
        CHECK(world.opens(world.b, late));
        CHECK(world.error(world.b, next).code == errc::duplicate);
    }
}

TEMPLATE_TEST_CASE("A used message key and the chain key before it are nowhere in the memory of either side",
                   "[unit][e2ee]", am1, v02, wire10, wire10_legacy) {
    pair_of_sides<TestType> world{46};
    CHECK(world.exchange(world.a, world.b, "0"));
    const auto holds = [](const double_ratchet<TestType>& side, byte_view secret) {
        const byte_view memory{reinterpret_cast<const std::uint8_t*>(&side), sizeof side};
        return std::search(memory.begin(), memory.end(), secret.begin(), secret.end()) != memory.end();
    };
    for (int i = 0; i < 4; ++i) {
        const auto chain = ratchet_test::receiving_chain<TestType>(world.b);
        const auto step = kdf_ck(chain);
        CHECK(holds(world.a, chain.reveal()));  // the test sees what it looks for
        CHECK(holds(world.b, chain.reveal()));
        if (i % 2 == 0) {
            auto forged = world.seal(world.a, "x");
            const auto genuine = forged;
            forged.sealed.back() ^= 1;
            CHECK(world.error(world.b, forged).code == errc::bad_tag);
            CHECK(world.opens(world.b, genuine));
        } else {
            CHECK(world.exchange(world.a, world.b, "x"));
        }
        for (const auto* side : {&world.a, &world.b}) {
            CHECK_FALSE(holds(*side, chain.reveal()));
            CHECK_FALSE(holds(*side, step.message.reveal()));
            CHECK(holds(*side, step.next.reveal()));
        }
    }
}
