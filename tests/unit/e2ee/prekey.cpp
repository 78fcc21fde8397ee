#include "tests/support/catch.hpp"

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/e2ee/prekey.hpp>

#include <nlohmann/json.hpp>

using namespace agentmesh;
using namespace agentmesh::e2ee;
using namespace std::chrono_literals;

namespace {

/// Why something was refused; nothing if it was not.
template <class T>
error why(const result<T>& outcome) {
    return outcome ? error{} : outcome.error();
}

constexpr std::int64_t start = 1'800'000'000, end = start + prekey_validity_max;

time_point at(std::int64_t second) { return time_point{std::chrono::seconds{second}}; }

local_identity agent(std::uint64_t seed) {
    crypto::scripted_random random{seed};
    return *local_identity::create(random, {});
}

exchange_public_key some_key(std::uint64_t seed) {
    crypto::scripted_random random{seed};
    return *crypto::random_value<exchange_public_key>(random);
}

prekey_batch batch_of(const local_identity& owner, std::uint32_t first, std::size_t count) {
    std::vector<exchange_public_key> keys;
    for (std::size_t i = 0; i < count; ++i) keys.push_back(some_key(1000 + i));
    return prekey_batch::make(owner, first, std::move(keys));
}

prekey_bundle bundle_of(const local_identity& owner) {
    return {identity_card::make(owner, 1), signed_prekey::make(owner, 3, some_key(1), start, end),
            batch_of(owner, 40, 5).prekey(43)};
}

clause_id clause_of(const prekey_bundle& bundle, const amid& name, time_point now = at(start)) {
    const auto checked = check_bundle(bundle, name, now);
    return checked ? clause_id{} : checked.error().clause;
}

}  // namespace

TEST_CASE("A bundle whose signatures hold is accepted, with and without a one-time prekey",
          "[unit][e2ee][AM-KEX-010][AM-KEX-021]") {
    const auto owner = agent(1);
    auto bundle = bundle_of(owner);
    CHECK(check_bundle(bundle, owner.name(), at(start)));
    bundle.one_time.reset();
    CHECK(check_bundle(bundle, owner.name(), at(start)));
}

TEST_CASE("A bundle of another agent than the one asked for is refused", "[unit][e2ee][AM-KEX-020]") {
    const auto owner = agent(1), other = agent(2);
    CHECK(clause_of(bundle_of(owner), other.name()) == "AM-KEX-020");
    auto mixed = bundle_of(owner);
    mixed.card = identity_card::make(other, 1);
    CHECK(clause_of(mixed, other.name()) == "AM-KEX-011");
    mixed.signed_key = bundle_of(other).signed_key;
    CHECK(clause_of(mixed, other.name()) == "AM-KEX-016");
}

TEST_CASE("A card in a bundle is checked like any other", "[unit][e2ee][AM-KEX-006]") {
    const auto owner = agent(1);
    auto bundle = bundle_of(owner);
    bundle.card.exchange = some_key(9);
    CHECK(clause_of(bundle, owner.name()) == "AM-KEX-006");
}

TEST_CASE("A signed prekey is valid from its first to its last second", "[unit][e2ee][AM-KEX-013]") {
    const auto owner = agent(1);
    const auto bundle = bundle_of(owner);
    CHECK(clause_of(bundle, owner.name(), at(start)).empty());
    CHECK(clause_of(bundle, owner.name(), at(end)).empty());
    CHECK(clause_of(bundle, owner.name(), at(start) - 1us) == "AM-KEX-013");
    CHECK(clause_of(bundle, owner.name(), at(end) + 1us) == "AM-KEX-013");
    CHECK(why(check_bundle(bundle, owner.name(), at(end) + 1us)).code == errc::stale_prekey);
    CHECK(clause_of(bundle, owner.name(), latest_time) == "AM-KEX-013");
    CHECK(clause_of(bundle, owner.name(), earliest_time) == "AM-KEX-013");
}

TEST_CASE("A signed prekey without a positive validity of at most 30 days is refused", "[unit][e2ee][AM-KEX-012]") {
    const auto owner = agent(1);
    auto bundle = bundle_of(owner);
    // Signed all the same: what is wrong is the times alone.
    const auto with_times = [&](std::int64_t from, std::int64_t to) {
        bundle.signed_key.not_before = from;
        bundle.signed_key.not_after = to;
        bundle.signed_key.proof = sign_in(owner.signing(), signing_context::signed_prekey,
                                          signed_prekey_content(owner.name(), bundle.signed_key));
        return clause_of(bundle, owner.name(), at(start));
    };
    CHECK(with_times(start, end).empty());
    CHECK(with_times(start, start + 1).empty());
    CHECK(with_times(start, end + 1) == "AM-KEX-012");
    CHECK(with_times(start, start) == "AM-KEX-012");
    CHECK(with_times(start + 1, start) == "AM-KEX-012");
    CHECK(with_times(-1, start) == "AM-KEX-012");
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    CHECK(with_times(most - 5, most) == "AM-KEX-013");
    CHECK(with_times(0, most) == "AM-KEX-012");
}

TEST_CASE("Every part of a signed prekey is covered by its signature", "[unit][e2ee][AM-KEX-011]") {
    const auto owner = agent(1);
    const auto good = bundle_of(owner);
    const auto refused = [&](auto&& change) {
        auto bundle = good;
        change(bundle.signed_key);
        return clause_of(bundle, owner.name(), at(start + 10)) == "AM-KEX-011";
    };
    CHECK(refused([](auto& key) { key.id += 1; }));
    CHECK(refused([](auto& key) { key.key = some_key(5); }));
    CHECK(refused([](auto& key) { key.not_before += 1; }));
    CHECK(refused([](auto& key) { key.not_after -= 1; }));
    CHECK(refused([](auto& key) { key.proof.storage()[0] ^= 1; }));
    CHECK(refused([&](auto& key) {
        const auto content = signed_prekey_content(owner.name(), key);
        key.proof = sign_in(owner.signing(), signing_context::one_time_prekeys, content);
    }));
    CHECK(refused([&](auto& key) { key.proof = owner.signing().sign(key.key.bytes()); }));  // as 0.2 signs
}

TEST_CASE("Every key of a batch of any size is accepted with its own path alone",
          "[unit][e2ee][AM-KEX-014][AM-KEX-015][AM-KEX-016]") {
    const auto owner = agent(1);
    const auto card = identity_card::make(owner, 1);
    for (const std::size_t count : {1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, 9u, 15u, 16u, 17u, 33u}) {
        const auto batch = batch_of(owner, 7, count);
        for (std::uint32_t i = 0; i < count; ++i) {
            CAPTURE(count, i);
            const auto good = batch.prekey(7 + i);
            REQUIRE(check_one_time_prekey(good, card));
            for (std::uint32_t other = 0; other < count; ++other) {
                if (other == i) continue;
                auto moved = good;
                moved.id = 7 + other;
                CHECK_FALSE(check_one_time_prekey(moved, card));
                moved = good;
                moved.path = batch.prekey(7 + other).path;
                CHECK_FALSE(check_one_time_prekey(moved, card));
            }
        }
    }
}

TEST_CASE("The tree of a batch has the shape of RFC 6962", "[unit][e2ee][AM-KEX-014]") {
    std::vector<crypto::sha256_digest> leaves;
    for (std::uint32_t i = 0; i < 7; ++i) leaves.push_back(prekey_leaf(i, some_key(i)));
    const auto node = merkle_node;
    const auto left = node(node(leaves[0], leaves[1]), node(leaves[2], leaves[3]));
    CHECK(merkle_tree{{leaves[0]}}.root() == leaves[0]);
    CHECK(merkle_tree{{leaves.begin(), leaves.begin() + 2}}.root() == node(leaves[0], leaves[1]));
    CHECK(merkle_tree{{leaves.begin(), leaves.begin() + 3}}.root() == node(node(leaves[0], leaves[1]), leaves[2]));
    CHECK(merkle_tree{{leaves.begin(), leaves.begin() + 5}}.root() == node(left, leaves[4]));
    const merkle_tree seven{leaves};
    CHECK(seven.root() == node(left, node(node(leaves[4], leaves[5]), leaves[6])));
    CHECK(seven.path(0).size() == 3);
    CHECK(seven.path(6) == std::vector{node(leaves[4], leaves[5]), left});

    // A leaf is not a node: SHA-256(00 ‖ id ‖ key), known bytes.
    exchange_public_key zero;
    const auto bytes = *from_hex("0000000001" + std::string(64, '0'));
    CHECK(prekey_leaf(1, zero) == crypto::sha256(bytes));
    buffer pair{0x01};
    append(pair, leaves[0].bytes());
    append(pair, leaves[1].bytes());
    CHECK(node(leaves[0], leaves[1]) == crypto::sha256(pair));
}

TEST_CASE("A path that was cut, extended or changed is refused", "[unit][e2ee][AM-KEX-015][AM-KEX-016]") {
    const auto owner = agent(1);
    const auto card = identity_card::make(owner, 1);
    const auto good = batch_of(owner, 1, 6).prekey(5);
    REQUIRE(check_one_time_prekey(good, card));
    auto bad = good;
    bad.path.pop_back();
    CHECK(why(check_one_time_prekey(bad, card)).clause == "AM-KEX-015");
    bad = good;
    bad.path.push_back(good.path.front());
    CHECK(why(check_one_time_prekey(bad, card)).clause == "AM-KEX-015");
    bad = good;
    std::swap(bad.path[0], bad.path[1]);
    CHECK_FALSE(check_one_time_prekey(bad, card));
    for (std::size_t level = 0; level < good.path.size(); ++level) {
        bad = good;
        bad.path[level].storage()[31] ^= 1;
        CHECK_FALSE(check_one_time_prekey(bad, card));
    }
    bad = good;
    bad.key = some_key(99);
    CHECK_FALSE(check_one_time_prekey(bad, card));
    bad = good;
    bad.proof.storage()[3] ^= 1;
    CHECK(why(check_one_time_prekey(bad, card)).clause == "AM-KEX-016");
}

TEST_CASE("A node of the tree cannot pass as a key", "[unit][e2ee][AM-KEX-015]") {
    // With leaves and nodes hashed alike, the pair of leaf hashes would itself be a leaf of a smaller batch.
    const auto owner = agent(1);
    const auto card = identity_card::make(owner, 1);
    const auto batch = batch_of(owner, 1, 2);
    one_time_prekey forged = batch.prekey(1);
    forged.count = 1;
    forged.path.clear();
    CHECK_FALSE(check_one_time_prekey(forged, card));
}

TEST_CASE("An id outside its batch, of no batch or reserved is refused", "[unit][e2ee][AM-KEX-017]") {
    const auto owner = agent(1);
    const auto card = identity_card::make(owner, 1);
    const auto clause = [&](auto&& change) {
        auto key = batch_of(owner, 10, 4).prekey(12);
        change(key);
        const auto checked = check_one_time_prekey(key, card);
        return checked ? clause_id{} : checked.error().clause;
    };
    CHECK(clause([](auto&) {}).empty());
    CHECK(clause([](auto& key) { key.id = 9; }) == "AM-KEX-017");
    CHECK(clause([](auto& key) { key.id = 14; }) == "AM-KEX-017");
    CHECK(clause([](auto& key) { key.count = 0; }) == "AM-KEX-017");
    CHECK(clause([](auto& key) { key.count = 1025; }) == "AM-KEX-017");
    CHECK(clause([](auto& key) { key.first_id = 13; }) == "AM-KEX-017");
    CHECK(clause([](auto& key) { key.first_id = key.id = no_prekey; key.count = 1; }) == "AM-KEX-017");
    CHECK(clause([](auto& key) { key.first_id = 9; }) != "");  // inside, but not what was signed
}

TEST_CASE("A bundle reads back from its text", "[unit][e2ee][AM-KEX-022]") {
    const auto owner = agent(1);
    auto bundle = bundle_of(owner);
    const std::string text = write_bundle(bundle);
    CHECK(parse_bundle(text) == bundle);
    CHECK(read_bundle(text, owner.name(), at(start)) == bundle);
    CHECK(text.find('=') == std::string::npos);
    bundle.one_time.reset();
    CHECK(parse_bundle(write_bundle(bundle)) == bundle);
    CHECK(why(read_bundle(write_bundle(bundle), agent(2).name(), at(start))).clause == "AM-KEX-020");

    auto extended = nlohmann::json::parse(text);
    extended["more"] = {{"card", 1}};
    extended["signed_prekey"]["more"] = 2;
    CHECK(parse_bundle(extended.dump()).has_value());
}

TEST_CASE("A bundle's text without a member or with one of another type is refused", "[unit][e2ee][AM-KEX-022]") {
    const auto good = nlohmann::json::parse(write_bundle(bundle_of(agent(1))));
    const auto refused = [](const nlohmann::json& text) {
        const auto bundle = parse_bundle(text.dump());
        return !bundle && bundle.error().clause == "AM-KEX-022";
    };
    const std::vector<nlohmann::json> wrong = {nullptr, true, -1,     0.5, 4294967296,
                                               "",      "A",  "====", nlohmann::json::array(),
                                               nlohmann::json::object()};
    const auto each = [&](const nlohmann::json::json_pointer& member, bool mandatory, auto&& fits) {
        auto text = good;
        text[member.parent_pointer()].erase(member.back());
        CAPTURE(member.to_string());
        CHECK(refused(text) == mandatory);
        for (const auto& value : wrong) {
            text = good;
            text[member] = value;
            CAPTURE(value.dump());
            if (!fits(value)) CHECK(refused(text));
        }
    };
    const auto never = [](const auto&) { return false; };
    const auto time = [](const auto& value) { return value == 4294967296; };
    const auto list = [](const auto& value) { return value.is_array(); };
    using pointer = nlohmann::json::json_pointer;
    each(pointer{"/card"}, true, never);
    each(pointer{"/signed_prekey"}, true, never);
    each(pointer{"/one_time_prekey"}, false, never);
    for (const auto* name : {"id", "key", "signature"}) {
        each(pointer{"/signed_prekey"} / name, true, never);
        each(pointer{"/one_time_prekey"} / name, true, never);
    }
    each(pointer{"/signed_prekey/not_before"}, true, time);
    each(pointer{"/signed_prekey/not_after"}, true, time);
    each(pointer{"/one_time_prekey/first_id"}, true, never);
    each(pointer{"/one_time_prekey/count"}, true, never);
    each(pointer{"/one_time_prekey/path"}, true, list);

    auto text = good;
    for (const auto& value : wrong) {
        text["one_time_prekey"]["path"][0] = value;
        CHECK(refused(text));
    }
    text = good;
    for (int i = 0; i < 20; ++i) text["one_time_prekey"]["path"].push_back(text["one_time_prekey"]["path"][0]);
    CHECK(refused(text));
    text = good;
    text["card"] = text["card"].get<std::string>() + "A";
    CHECK(refused(text));
    text = good;
    text["signed_prekey"]["key"] = text["signed_prekey"]["key"].get<std::string>() + "=";
    CHECK(refused(text));
}

TEST_CASE("A text that is not JSON, or too long, is no bundle", "[unit][e2ee][AM-KEX-022]") {
    const std::string good = write_bundle(bundle_of(agent(1)));
    CHECK_FALSE(parse_bundle(""));
    CHECK_FALSE(parse_bundle("[]"));
    CHECK_FALSE(parse_bundle(good.substr(0, good.size() - 1)));
    CHECK_FALSE(parse_bundle(good + "x"));
    CHECK(why(parse_bundle(good + std::string(bundle_max_text, ' '))).code == errc::too_large);
    std::string twice = good;
    twice.insert(1, R"("card":"",)");
    CHECK(why(parse_bundle(twice)).clause != "");
}
