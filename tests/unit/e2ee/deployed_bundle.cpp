#include "tests/support/catch.hpp"

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/e2ee/deployed_bundle.hpp>

#include <nlohmann/json.hpp>

using namespace agentmesh;
using namespace agentmesh::e2ee;

namespace {

/// Why something was refused; nothing if it was not.
template <class T>
error why(const result<T>& outcome) {
    return outcome ? error{} : outcome.error();
}

// The fixture of the deployed SDKs.
const std::string ik = "5EKAKDB0IsnH9GKdKWxxjTGewY4jSt3gdACN6HxCSi0=";
const std::string spk = "WvzlPN0TRO4+d2V6JgoSM+93IqMTjQ5PHMgHyKTlfHc=";
const std::string proof = "Dk+YJi1c9eZOAoKo/GNqyZ3CZfvDC2byV34JsZ4EU0IzYdvsZ5vRn5+yKeZjhNUnD0CLbqQ1GrduhPxgjwNbAA==";
const std::string signer = "E7RAq5XydbCiV7fwsMJety83LB8m6376gWTC31Gj1Z8=";
const std::string opk = "XJAXQ+2Wz8QLBz6oFNcEmYffEu/h/Wi21WWZ/Dp3s14=";

nlohmann::json v02_reply() {
    return {{"identity_key", ik},
            {"signed_prekey", spk},
            {"signed_prekey_signature", proof},
            {"signed_prekey_id", 1},
            {"one_time_prekey", {{"id", 5}, {"key", opk}}}};
}

// The seed 00 01 … 1f, whose names and X25519 form are known.
signing_key_pair known_key() {
    signing_seed seed;
    for (std::uint8_t i = 0; i < 32; ++i) seed.reveal_storage()[i] = i;
    return signing_key_pair{seed};
}
constexpr std::string_view known_did = "did:mesh:56475aa75463474c0285df5dbf2bcab7";

deployed_bundle wire10_bundle() {
    const auto key = known_key();
    const auto exchange = *from_hex("4701d08488451f545a409fb58ae3e58581ca40ac3f7f114698cd71deac73ca01");
    deployed_bundle out{*exchange_public_key::from(exchange),
                        key.public_key(),
                        0,
                        *identity::parse_exchange_key(spk),
                        {},
                        deployed_one_time{3, *identity::parse_exchange_key(opk)}};
    out.proof = key.sign(out.signed_key.bytes());
    return out;
}

}  // namespace

TEST_CASE("A 0.2 bundle of the deployed fixture is read and holds, unbound", "[unit][e2ee][AM-KEX-045]") {
    const auto bundle = parse_v02_bundle(v02_reply().dump());
    REQUIRE(bundle);
    CHECK(identity::to_text(bundle->identity) == ik);
    CHECK(identity::to_text(bundle->signed_key) == spk);
    CHECK(bundle->signed_id == 1);
    CHECK(bundle->one_time == deployed_one_time{5, *identity::parse_exchange_key(opk)});
    CHECK(check_v02_bundle(*bundle, *identity::parse_signing_key(signer)) == key_binding::unbound);
    CHECK(parse_v02_bundle(write_v02_bundle(*bundle)) == *bundle);
}

TEST_CASE("A 0.2 bundle may carry prefixes, a list, null or no one-time prekey", "[unit][e2ee]") {
    const auto plain = *parse_v02_bundle(v02_reply().dump());
    auto reply = v02_reply();
    reply["identity_key"] = "x25519:" + ik;
    reply["signed_prekey"] = "x25519:" + spk;
    reply["one_time_prekey"]["key"] = "x25519:" + opk;
    CHECK(parse_v02_bundle(reply.dump()) == plain);

    reply = v02_reply();
    reply["one_time_prekeys"] = nlohmann::json::array({{{"id", 5}, {"key", opk}}, {{"id", 6}, {"key", ik}}});
    reply.erase("one_time_prekey");
    CHECK(parse_v02_bundle(reply.dump()) == plain);
    reply["one_time_prekey"] = {{"id", 9}, {"key", opk}};  // the server's own member goes before
    CHECK(parse_v02_bundle(reply.dump())->one_time->id == 9);

    auto none = plain;
    none.one_time.reset();
    for (const nlohmann::json& absent : {nlohmann::json{}, nlohmann::json::array()}) {
        reply = v02_reply();
        reply.erase("one_time_prekey");
        CHECK(parse_v02_bundle(reply.dump()) == none);
        reply["one_time_prekeys"] = absent;
        CHECK(parse_v02_bundle(reply.dump()) == none);
        reply["one_time_prekey"] = nullptr;
        CHECK(parse_v02_bundle(reply.dump()) == none);
    }
}

TEST_CASE("A 0.2 bundle is refused unless the peer signed the prekey's 32 bytes", "[unit][e2ee][AM-KEX-045]") {
    const auto key = *identity::parse_signing_key(signer);
    const auto good = *parse_v02_bundle(v02_reply().dump());
    const auto refused = [](const result<key_binding>& checked) {
        return !checked && checked.error() == error{errc::bad_bundle, "AM-KEX-045"};
    };
    auto bad = good;
    bad.proof.storage()[0] ^= 1;
    CHECK(refused(check_v02_bundle(bad, key)));
    bad = good;
    bad.signed_key = bad.identity;
    CHECK(refused(check_v02_bundle(bad, key)));
    CHECK(refused(check_v02_bundle(good, known_key().public_key())));
    CHECK(refused(check_v02_bundle(good, signing_public_key{})));
    // Signed in a context of am1, which 0.2 does not know.
    bad = good;
    bad.proof = sign_in(known_key(), signing_context::signed_prekey, good.signed_key.bytes());
    CHECK(refused(check_v02_bundle(bad, known_key().public_key())));
}

TEST_CASE("A 0.2 bundle's text without a member or with one of another type is refused", "[unit][e2ee]") {
    for (const auto* name : {"identity_key", "signed_prekey", "signed_prekey_signature", "signed_prekey_id"}) {
        CAPTURE(name);
        auto reply = v02_reply();
        reply.erase(name);
        CHECK_FALSE(parse_v02_bundle(reply.dump()));
        const std::vector<nlohmann::json> wrong = {
            nullptr, true, -1, 1.5, "ed25519:" + ik, "x25519:x25519:" + ik, nlohmann::json::object(), ""};
        for (const auto& value : wrong) {
            reply[name] = value;
            CAPTURE(value.dump());
            CHECK_FALSE(parse_v02_bundle(reply.dump()));
        }
    }
    auto reply = v02_reply();
    reply["one_time_prekey"].erase("id");
    CHECK_FALSE(parse_v02_bundle(reply.dump()));
    reply["one_time_prekey"] = opk;
    CHECK_FALSE(parse_v02_bundle(reply.dump()));
    reply = v02_reply();
    reply["signed_prekey"] = spk.substr(0, spk.size() - 1);  // padding is not optional
    CHECK_FALSE(parse_v02_bundle(reply.dump()));
    CHECK_FALSE(parse_v02_bundle("{}"));
    CHECK_FALSE(parse_v02_bundle("[]"));
}

TEST_CASE("A Wire 1.0 bundle is bound where name, signing key and exchange key belong together",
          "[unit][e2ee][AM-KEX-045]") {
    const auto bundle = wire10_bundle();
    CHECK(check_wire10_bundle(bundle, known_did) == key_binding::bound);
    CHECK(check_wire10_bundle(bundle, "did:mesh:00000000000000000000000000000000") == key_binding::unbound);
    CHECK(check_wire10_bundle(bundle, "did:mesh:somebody") == key_binding::unbound);
    CHECK(parse_wire10_bundle(write_wire10_bundle(bundle)) == bundle);
}

TEST_CASE("A Wire 1.0 bundle with a swapped, missing or unsigned key is refused", "[unit][e2ee][AM-KEX-045]") {
    auto bad = wire10_bundle();
    bad.identity = bad.signed_key;
    CHECK(why(check_wire10_bundle(bad, known_did)).code == errc::bad_bundle);
    bad = wire10_bundle();
    bad.signing.reset();
    CHECK(why(check_wire10_bundle(bad, known_did)) == error{errc::bad_bundle, "AM-KEX-045"});
    CHECK(parse_wire10_bundle(write_wire10_bundle(bad)) == bad);
    bad = wire10_bundle();
    bad.proof.storage()[9] ^= 1;
    CHECK(why(check_wire10_bundle(bad, known_did)) == error{errc::bad_bundle, "AM-KEX-045"});
    bad = wire10_bundle();
    bad.signing = *identity::parse_signing_key(signer);
    CHECK_FALSE(check_wire10_bundle(bad, known_did));
}

TEST_CASE("A Wire 1.0 bundle is read in either alphabet, padded or not", "[unit][e2ee]") {
    const auto bundle = wire10_bundle();
    auto reply = nlohmann::json::parse(write_wire10_bundle(bundle));
    reply["identity_key"] = to_base64(bundle.identity.bytes(), base64_form::standard_padded);
    reply["signed_pre_key"]["public_key"] = spk;
    reply["signed_pre_key"]["signature"] = to_base64(bundle.proof.bytes(), base64_form::standard_padded);
    reply["one_time_pre_key"]["public_key"] = opk;
    CHECK(parse_wire10_bundle(reply.dump()) == bundle);
    reply["one_time_pre_key"] = nullptr;
    CHECK_FALSE(parse_wire10_bundle(reply.dump())->one_time);
    reply.erase("one_time_pre_key");
    CHECK_FALSE(parse_wire10_bundle(reply.dump())->one_time);
    for (const auto* name : {"identity_key", "signed_pre_key"}) {
        auto lacking = reply;
        lacking.erase(name);
        CHECK_FALSE(parse_wire10_bundle(lacking.dump()));
    }
    for (const auto* name : {"key_id", "public_key", "signature"}) {
        auto lacking = reply;
        lacking["signed_pre_key"].erase(name);
        CHECK_FALSE(parse_wire10_bundle(lacking.dump()));
        lacking["signed_pre_key"][name] = true;
        CHECK_FALSE(parse_wire10_bundle(lacking.dump()));
    }
}
