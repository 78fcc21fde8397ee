// Property: a bundle that any of the three readers accepts is written as a text that reads back equal. One of `am1`
// that passes its check has every signature verified and fails it after any change of what is signed; agreeing on keys
// with it either yields keys or is refused for a key of small order.
#include "fuzz/fuzz.hpp"

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/e2ee/deployed_bundle.hpp>
#include <agentmesh/e2ee/suite_v02.hpp>
#include <agentmesh/e2ee/suite_wire10.hpp>
#include <agentmesh/e2ee/x3dh.hpp>

AM_FUZZ(AM_KEX_002, AM_KEX_004, AM_KEX_005, AM_KEX_006, AM_KEX_011, AM_KEX_012, AM_KEX_013, AM_KEX_015, AM_KEX_016,
        AM_KEX_017, AM_KEX_020, AM_KEX_021, AM_KEX_022, AM_KEX_041);

using namespace agentmesh;
using namespace agentmesh::e2ee;

namespace {

const local_identity& initiator() {
    static const local_identity self = [] {
        crypto::scripted_random random{1};
        return *local_identity::create(random, {});
    }();
    return self;
}

template <class Key>
bool refused_for_a_key(const result<Key>& agreed) {
    return !agreed && agreed.error() == error{errc::zero_shared_secret, "AM-KEX-041"};
}

void check_am1(const prekey_bundle& bundle) {
    const std::string again = write_bundle(bundle);
    REQUIRE_FUZZ(parse_bundle(again) == bundle);

    const amid& name = bundle.card.name;
    const time_point now{std::chrono::seconds{std::min<std::int64_t>(bundle.signed_key.not_before, 250'000'000'000)}};
    const bool holds = check_bundle(bundle, name, now).has_value();
    REQUIRE_FUZZ(read_bundle(again, name, now).has_value() == holds);
    REQUIRE_FUZZ(!check_bundle(bundle, initiator().name(), now));
    if (!holds) return;

    REQUIRE_FUZZ(name == amid::of(bundle.card.signing));
    REQUIRE_FUZZ(identity_card::parse(bundle.card.bytes()) == bundle.card);
    REQUIRE_FUZZ(crypto::verify(
        bundle.card.signing,
        signed_bytes(signing_context::signed_prekey, signed_prekey_content(name, bundle.signed_key)),
        bundle.signed_key.proof));
    REQUIRE_FUZZ(!check_bundle(bundle, name, now - duration{1}));
    auto changed = bundle;
    changed.card.epoch += 1;
    REQUIRE_FUZZ(!check_bundle(changed, name, now));
    changed = bundle;
    changed.signed_key.id ^= 1;
    REQUIRE_FUZZ(!check_bundle(changed, name, now));
    changed = bundle;
    changed.one_time.reset();
    REQUIRE_FUZZ(check_bundle(changed, name, now));
    if (bundle.one_time) {
        REQUIRE_FUZZ(bundle.one_time->id != no_prekey && bundle.one_time->count <= batch_max);
        changed.one_time = bundle.one_time;
        changed.one_time->key.storage()[0] ^= 1;
        REQUIRE_FUZZ(!check_bundle(changed, name, now));
    }

    const auto card = identity_card::make(initiator(), 0);
    const auto keys = agree_am1_initiator(initiator().exchange(), card, initiator().exchange(), card.exchange, bundle);
    REQUIRE_FUZZ(keys.has_value() || refused_for_a_key(keys));
}

template <class Suite>
void agree(const deployed_bundle& bundle) {
    const auto& own = initiator().exchange();
    const auto key = x3dh_initiator<Suite>(own, own, bundle.identity, bundle.signed_key,
                                           bundle.one_time ? &bundle.one_time->key : nullptr);
    REQUIRE_FUZZ(key.has_value() || refused_for_a_key(key));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = as_text({data, size});
    if (const auto bundle = parse_bundle(text)) check_am1(*bundle);
    if (const auto bundle = parse_v02_bundle(text)) {
        REQUIRE_FUZZ(parse_v02_bundle(write_v02_bundle(*bundle)) == *bundle);
        if (const auto checked = check_v02_bundle(*bundle, initiator().signing().public_key()))
            REQUIRE_FUZZ(*checked == key_binding::unbound);
        agree<v02>(*bundle);
    }
    if (const auto bundle = parse_wire10_bundle(text)) {
        REQUIRE_FUZZ(parse_wire10_bundle(write_wire10_bundle(*bundle)) == *bundle);
        if (check_wire10_bundle(*bundle, "")) {
            REQUIRE_FUZZ(crypto::to_x25519(*bundle->signing) == bundle->identity);
            REQUIRE_FUZZ(check_wire10_bundle(*bundle, mesh_did::of(*bundle->signing).text()) == key_binding::bound);
        }
        agree<wire10>(*bundle);
    }
    if (const auto card = identity_card::parse({data, size})) {
        REQUIRE_FUZZ(std::ranges::equal(card->bytes(), byte_view{data, size}));
        REQUIRE_FUZZ(card->name == amid::of(card->signing));
    }
    if (const auto known = known_epochs::restore({data, size}))
        REQUIRE_FUZZ(known_epochs::restore(known->save())->save() == known->save());
    return 0;
}
