#include "tests/support/catch.hpp"

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/e2ee/domain.hpp>

using namespace agentmesh;
using namespace agentmesh::e2ee;

namespace {

signing_key_pair key_of(std::uint64_t seed) {
    crypto::scripted_random random{seed};
    return *signing_key_pair::generate(random);
}

constexpr auto contexts = static_cast<std::size_t>(signing_context::count_);

}  // namespace

TEST_CASE("What is signed is the prefix, the context, a zero byte and the content", "[unit][e2ee][AM-KEX-001]") {
    const buffer bytes = signed_bytes(signing_context::signed_prekey, as_bytes("xyz"));
    CHECK(as_text(bytes) == std::string_view{"AgentMesh-v1:signed-prekey\0xyz", 30});

    const auto key = key_of(1);
    const signature proof = sign_in(key, signing_context::signed_prekey, as_bytes("xyz"));
    CHECK(crypto::verify(key.public_key(), bytes, proof));
}

TEST_CASE("A signature of one context verifies in that one alone", "[unit][e2ee][AM-KEX-002]") {
    const auto key = key_of(2);
    for (std::size_t made = 0; made < contexts; ++made) {
        const signature proof = sign_in(key, static_cast<signing_context>(made), as_bytes("content"));
        for (std::size_t read = 0; read < contexts; ++read) {
            CAPTURE(made, read);
            const auto verified = verify_in(key.public_key(), static_cast<signing_context>(read), as_bytes("content"),
                                            proof);
            CHECK(verified.has_value() == (made == read));
            if (!verified) CHECK(verified.error() == error{errc::bad_signature, "AM-KEX-002"});
        }
        CHECK_FALSE(crypto::verify(key.public_key(), as_bytes("content"), proof));
    }
}

TEST_CASE("A bare signature, another key and other content verify in no context", "[unit][e2ee][AM-KEX-002]") {
    const auto key = key_of(3);
    const signature bare = key.sign(as_bytes("content"));
    for (std::size_t read = 0; read < contexts; ++read) {
        const auto context = static_cast<signing_context>(read);
        CHECK_FALSE(verify_in(key.public_key(), context, as_bytes("content"), bare));
        const signature proof = sign_in(key, context, as_bytes("content"));
        CHECK_FALSE(verify_in(key_of(4).public_key(), context, as_bytes("content"), proof));
        CHECK_FALSE(verify_in(key.public_key(), context, as_bytes("contents"), proof));
        CHECK_FALSE(verify_in(key.public_key(), context, {}, proof));
    }
}

TEST_CASE("Two contexts are apart unless one and a zero byte begin the other", "[unit][e2ee][AM-KEX-001]") {
    using two = std::array<std::string_view, 2>;
    CHECK(contexts_are_apart(two{"knock", "accept"}));
    CHECK(contexts_are_apart(two{"knock", "knocking"}));
    CHECK_FALSE(contexts_are_apart(two{"knock", "knock"}));
    CHECK_FALSE(contexts_are_apart(two{"knock", std::string_view{"knock\0er", 8}}));
    CHECK_FALSE(contexts_are_apart(two{"", "knock"}));
}

TEST_CASE("Parts with their length read back as they were written", "[unit][e2ee]") {
    buffer out;
    append_u32be(out, 0x01020304);
    append_u64be(out, 0x05060708090a0b0c);
    append_lp(out, std::string_view{"ab"});
    CHECK(to_hex(out) == "0102030405060708090a0b0c000000026162");

    byte_cursor in{out};
    CHECK(in.u32be() == 0x01020304);
    CHECK(in.u64be() == 0x05060708090a0b0c);
    CHECK(as_text(in.lp()) == "ab");
    CHECK(in.finished());
    CHECK(in.u8() == 0);
    CHECK_FALSE(in.finished());

    byte_cursor cut{byte_view{out}.first(out.size() - 1)};
    (void)cut.take(12);
    CHECK(cut.lp().empty());
    CHECK_FALSE(cut.ok());
    CHECK(cut.u32be() == 0);
}
