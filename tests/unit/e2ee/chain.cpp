#include <agentmesh/e2ee/chain.hpp>
#include <agentmesh/e2ee/suite_am1.hpp>
#include <agentmesh/e2ee/suite_v02.hpp>
#include <agentmesh/e2ee/suite_wire10.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/crypto/support.hpp"

using namespace agentmesh;
using namespace agentmesh::e2ee;
using answers::b64;
using answers::hex;

namespace {

template <class Secret>
std::string hex_of(const Secret& secret) {
    return to_hex(secret.reveal());
}
template <class Secret>
Secret key_of(const buffer& bytes) {
    return Secret::from(bytes).value();
}

const ratchet_header header = {
    exchange_public_key::from(hex("d0d1d2d3d4d5d6d7d8d9dadbdcdddedfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf")).value(), 7,
    0x01020304};

/// The associated data that Wire 1.0 gives a message between two agents `a` and `b`.
buffer wire10_prefix() {
    constexpr std::string_view names = "did:agentmesh:a|did:agentmesh:b";
    buffer out{names.begin(), names.end()};
    out.insert(out.end(), 32, 0xaa);
    out.insert(out.end(), 32, 0xbb);
    return out;
}

template <RatchetSuite S>
std::string sealed_hex(const message_key& key, const buffer& nonce, byte_view ad, std::string_view text) {
    crypto::scripted_random random{nonce};
    const auto drawn = draw_nonce<S>(random).value();
    CHECK(random.left() == 0);
    buffer out(text.size() + overhead<S>);
    seal_message<S>(out, key, drawn, ad, as_bytes(text));
    return to_hex(out);
}

template <RatchetSuite S>
result<std::string> opened(const message_key& key, byte_view ad, byte_view sealed) {
    buffer out(sealed.size() < overhead<S> ? 0 : sealed.size() - overhead<S>, 0xEE);
    if (auto done = open_message<S>(out, key, ad, sealed); !done) {
        CHECK(std::all_of(out.begin(), out.end(), [](auto byte) { return byte == 0 || byte == 0xEE; }));
        return fail(done.error());
    }
    return std::string{as_text(out)};
}

}  // namespace

// --- derivations ----------------------------------------------------------------------------------------------

TEST_CASE("The root step of v02 gives the published root and chain", "[unit][e2ee][AM-RAT-001]") {
    const auto made = kdf_rk<v02>(key_of<root_key>(b64("CWb+FDuGVCobFO1W9Xf01t5FEoUKv6T9jbrKKKYD1Po=")),
                                  key_of<crypto::shared_secret>(b64("MMBr36VNidbAUuvW6MnSzj/eVR8+1hjIgyx01L4jmq8=")));
    CHECK(answers::text(made.root) == "natrYz9sDOff6EpD6R3Yy01r11xj+1odBpQhs4C/TmM=");
    CHECK(answers::text(made.chain) == "Iyb+FYL+k6JGwluIMvZXLDgo6gCl8NRg9vaXqHia3Og=");
}

TEST_CASE("The root step of Wire 1.0 gives the published root and chain, in both variants",
          "[unit][e2ee][AM-RAT-001]") {
    const auto root = key_of<root_key>(buffer(32, 1));
    const auto dh = key_of<crypto::shared_secret>(buffer(32, 2));
    for (const bool legacy : {false, true}) {
        const auto made = legacy ? kdf_rk<wire10_legacy>(root, dh) : kdf_rk<wire10>(root, dh);
        CHECK(hex_of(made.root) == "266612b7faee7ccd09b67cec3fe647b409aeff76c9de2b7e899b8639414c0162");
        CHECK(hex_of(made.chain) == "5731cdab29b352658f11a398fc92f149749d6fb958f82c5d76dd82ac18dfc8de");
    }
}

TEST_CASE("The root step of am1 gives what an independent HKDF gives", "[unit][e2ee][AM-RAT-001]") {
    const auto made = kdf_rk<am1>(key_of<root_key>(buffer(32, 1)), key_of<crypto::shared_secret>(buffer(32, 2)));
    CHECK(hex_of(made.root) == "95f84d9e15282a47b3493ace01c50591a8b78a3448c8dc6f2b60ebb7d052ed45");
    CHECK(hex_of(made.chain) == "cebbbbee8e9dfb3b291d5bd743248707987f5ffa31b502f46209a8a3dc9f37c7");
}

TEST_CASE("The chain step gives the published message key and next chain key", "[unit][e2ee][AM-RAT-002]") {
    const auto v02_step = kdf_ck(key_of<chain_key>(b64("1jvClZHVyaRypcO9oyZs3If3Iat6LzZr13cUR9Q8PXY=")));
    CHECK(answers::text(v02_step.message) == "hvdOdo2FLDzbCHGiMo2VVrs1kXRQ/1L1WRNfhCgbyN0=");
    CHECK(answers::text(v02_step.next) == "s5FElrzM21xYX2qg+QwC9hPA4DdUNkGJEZ1vLltw7EU=");

    const auto wire10_step =
        kdf_ck(key_of<chain_key>(hex("5731cdab29b352658f11a398fc92f149749d6fb958f82c5d76dd82ac18dfc8de")));
    CHECK(hex_of(wire10_step.message) == "ffbf4e4efc584bb4c5a657da878ebb704bafccb058454678e901593cd908e68d");
    CHECK(hex_of(wire10_step.next) == "4acb06999ccd74e635965f15499247947505004c5f0bd2f435a8bb80c281ad40");
}

TEST_CASE("The chain step is two HMACs under the chain key, for any key", "[unit][e2ee][AM-RAT-002]") {
    crypto::scripted_random random{11};
    for (int round = 0; round < 200; ++round) {
        const auto key = chain_key::generate(random).value();
        const auto made = kdf_ck(key);
        std::array<std::uint8_t, 32> expected;
        crypto::hmac_sha256(expected, key.reveal(), buffer{1});
        REQUIRE(hex_of(made.message) == to_hex(expected));
        crypto::hmac_sha256(expected, key.reveal(), buffer{2});
        REQUIRE(hex_of(made.next) == to_hex(expected));
    }
}

TEST_CASE("A message key of am1 expands to key and nonce as an independent HKDF does", "[unit][e2ee][AM-RAT-003]") {
    buffer bytes(32);
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i);
    const auto made = expand<am1>(key_of<message_key>(bytes));
    CHECK(hex_of(made.key) == "be5d487438613b5f2e86fc577206b6cba743d06c1590d39244ef35087ae10246");
    CHECK(to_hex(made.nonce.bytes()) == "b70c4396b2535eecc6b16e53");
}

TEST_CASE("The expansion is HKDF-Expand to 44 bytes, for any key", "[unit][e2ee][AM-RAT-003]") {
    crypto::scripted_random random{12};
    for (int round = 0; round < 200; ++round) {
        const auto key = message_key::generate(random).value();
        std::array<std::uint8_t, 44> expected;
        REQUIRE(crypto::hkdf_expand(expected, crypto::pseudorandom_key::from(key.reveal()).value(),
                                    as_bytes("AgentMesh-v1:am1:message")));
        const auto made = expand<am1>(key);
        REQUIRE(hex_of(made.key) + to_hex(made.nonce.bytes()) == to_hex(expected));
    }
}

TEST_CASE("An expansion beside a chain step is both of them, also where the step takes the place of the keys",
          "[unit][e2ee][AM-RAT-002][AM-RAT-003]") {
    crypto::scripted_random random{15};
    for (int round = 0; round < 200; ++round) {
        const auto first = kdf_ck(chain_key::generate(random).value());
        const auto alone = expand<am1>(first.message);
        const auto after = kdf_ck(first.next);
        chain_step beside{first.message.fork(), first.next.fork()};
        const auto made = expand<am1>(beside.message, beside, beside.next);
        REQUIRE(hex_of(made.key) == hex_of(alone.key));
        REQUIRE(made.nonce == alone.nonce);
        REQUIRE(hex_of(beside.message) == hex_of(after.message));
        REQUIRE(hex_of(beside.next) == hex_of(after.next));
    }
}

// --- sealed messages ------------------------------------------------------------------------------------------

TEST_CASE("v02 seals the published message: nonce, tag, text", "[unit][e2ee][AM-RAT-006]") {
    const auto key = key_of<message_key>(b64("XTeviRC7wNWPcLiFAslkeSDagfCX7skQOxMz+1hNA5c="));
    const auto expected = b64("lke+rObpmDeAAC62SQR52cuwwS6WaIFnLeeZsnxezMifDIJ9KWIY4Xq/QVtOLdMcWFAgek8=");
    CHECK(sealed_hex<v02>(key, b64("lke+rObpmDeAAC62SQR52cuwwS6WaIFn"), {}, "Hello, World!") == to_hex(expected));
    CHECK(opened<v02>(key, {}, expected).value() == "Hello, World!");
}

TEST_CASE("Wire 1.0 seals as an independent AEAD does: nonce, text, tag, with the header last in the data",
          "[unit][e2ee][AM-RAT-005][AM-RAT-006]") {
    const auto key = key_of<message_key>(hex("ffbf4e4efc584bb4c5a657da878ebb704bafccb058454678e901593cd908e68d"));
    constexpr std::string_view expected = "000102030405060708090a0bee55b268627587e7aca48889598a0962ff0a717520e4c958"
                                          "2e35664bad9320";
    const associated_data ad{wire10_prefix(), header};
    CHECK(sealed_hex<wire10>(key, hex("000102030405060708090a0b"), ad.bytes(), "Hello, ratchet!") == expected);
    CHECK(opened<wire10_legacy>(key, ad.bytes(), hex(expected)).value() == "Hello, ratchet!");
}

TEST_CASE("am1 seals as an independent AEAD does: text, tag, and no nonce", "[unit][e2ee][AM-RAT-005][AM-RAT-006]") {
    buffer bytes(32);
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i);
    const auto key = key_of<message_key>(bytes);
    constexpr std::string_view expected = "3fe3f9b3bae848a61fe562b1619e4a319c5754b2ea5e855ccf3fb65aa0e18a";
    const associated_data ad{as_bytes("prefix"), header};
    CHECK(sealed_hex<am1>(key, {}, ad.bytes(), "Hello, ratchet!") == expected);
    CHECK(opened<am1>(key, ad.bytes(), hex(expected)).value() == "Hello, ratchet!");
}

TEMPLATE_TEST_CASE("A sealed message opens, and with any bit changed it does not", "[unit][e2ee][AM-RAT-007]", am1,
                   v02, wire10, wire10_legacy) {
    crypto::scripted_random random{13};
    const auto key = message_key::generate(random).value();
    buffer sealed(5 + overhead<TestType>);
    seal_message<TestType>(sealed, key, draw_nonce<TestType>(random).value(), {}, as_bytes("hello"));
    CHECK(opened<TestType>(key, {}, sealed).value() == "hello");
    for (std::size_t bit = 0; bit < 8 * sealed.size(); ++bit) {
        sealed[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
        REQUIRE(opened<TestType>(key, {}, sealed).error().code == errc::bad_tag);
        sealed[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    }
}

TEMPLATE_TEST_CASE("An empty text is sealed to the bare overhead, and anything shorter is refused",
                   "[unit][e2ee][AM-RAT-009]", am1, v02, wire10, wire10_legacy) {
    crypto::scripted_random random{14};
    const auto key = message_key::generate(random).value();
    buffer sealed(overhead<TestType>);
    seal_message<TestType>(sealed, key, draw_nonce<TestType>(random).value(), {}, {});
    CHECK(opened<TestType>(key, {}, sealed).value().empty());
    for (std::size_t size = 0; size < sealed.size(); ++size) {
        const auto refused = opened<TestType>(key, {}, byte_view{sealed}.first(size)).error();
        REQUIRE(refused.code == errc::bad_tag);
        REQUIRE(refused.clause == "AM-RAT-009");
    }
}

TEST_CASE("A random source that fails gives no nonce, and am1 asks for none", "[unit][e2ee][AM-RAT-022]") {
    crypto::scripted_random empty{buffer{}};
    CHECK(draw_nonce<v02>(empty).error().code == errc::random_failed);
    CHECK(draw_nonce<wire10>(empty).error().code == errc::random_failed);
    CHECK(draw_nonce<am1>(empty));
}
