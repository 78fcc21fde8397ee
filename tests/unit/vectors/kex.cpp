// vectors/kex against e2ee/.
#include <agentmesh/crypto/random.hpp>
#include <agentmesh/e2ee/deployed_bundle.hpp>
#include <agentmesh/e2ee/prekey_store.hpp>
#include <agentmesh/e2ee/suite_am1.hpp>
#include <agentmesh/e2ee/suite_v02.hpp>
#include <agentmesh/e2ee/suite_wire10.hpp>

#include "tests/support/vectors.hpp"

using namespace agentmesh;
using namespace vectors;

namespace {

template <class Secret>
Secret secret_of(const buffer& bytes) {
    auto out = Secret::from(bytes);
    REQUIRE(out);
    return *std::move(out);
}
template <class Secret>
std::string hex_of(const Secret& value) {
    return to_hex(value.reveal());
}
exchange_key_pair pair_of(const buffer& private_key) {
    return exchange_key_pair{secret_of<exchange_secret_key>(private_key)};
}
buffer shared_bytes(const row& of, const char* name) {
    const auto out = from_hex(of.shared.at(name).get<std::string>());
    REQUIRE(out);
    return *out;
}
local_identity identity_of(const buffer& seed, const buffer& exchange) {
    return {signing_key_pair{secret_of<crypto::ed25519_seed>(seed)}, pair_of(exchange), time_point{}};
}

/// A bundle has one errc for whatever does not hold; the clause tells apart what vectors file in classes.
result<void> refiled(result<void> found) {
    if (found || found.error().code != errc::bad_bundle) return found;
    const auto clause = found.error().clause;
    const auto is_any_of = [&](std::initializer_list<std::string_view> ids) {
        return std::find(ids.begin(), ids.end(), clause) != ids.end();
    };
    if (is_any_of({"AM-KEX-005", "AM-KEX-020"})) return fail(errc::amid_mismatch, clause);
    if (is_any_of({"AM-KEX-006", "AM-KEX-011", "AM-KEX-015", "AM-KEX-016", "AM-KEX-045"}))
        return fail(errc::bad_signature, clause);
    return fail(errc::bad_length, clause);
}

TEST_CASE("signatures hold in one context alone, as in the vectors", "[vectors][e2ee][AM-KEX-001][AM-KEX-002]") {
    const auto context_of = [](fields& in) {
        const auto name = in.text("context");
        const auto at = std::find(e2ee::signing_context_names.begin(), e2ee::signing_context_names.end(), name);
        REQUIRE(at != e2ee::signing_context_names.end());
        return static_cast<e2ee::signing_context>(at - e2ee::signing_context_names.begin());
    };
    const auto rows =
        for_each_row("kex/signatures",
                     {
                         {"context.sign", by([&](fields& in, const row& of) -> outcome {
                              const signing_key_pair key{secret_of<crypto::ed25519_seed>(shared_bytes(of, "seed"))};
                              const auto proof = e2ee::sign_in(key, context_of(in), in.bytes("content"));
                              return answer{.output = {{"signature", to_hex(proof.bytes())}}};
                          })},
                         {"context.verify", by([&](fields& in, const row& of) -> outcome {
                              const auto key = fixed<signing_public_key>(shared_bytes(of, "public_key"));
                              const auto proof = fixed<signature>(in.bytes("signature"));
                              REQUIRE(key);
                              REQUIRE(proof);
                              AGENTMESH_CHECK(e2ee::verify_in(*key, context_of(in), in.bytes("content"), *proof));
                              return answer{};
                          })},
                     });
    CHECK(rows >= 90);
}

TEST_CASE("identity cards are made and read as in the vectors",
          "[vectors][e2ee][AM-KEX-003][AM-KEX-004][AM-KEX-005][AM-KEX-006][AM-KEX-007]") {
    const auto rows = for_each_row(
        "kex/card", {
                        {"card.make", by([](fields& in, const row&) -> outcome {
                             const auto self = identity_of(in.bytes("seed"), in.bytes("exchange_private_key"));
                             const auto card = e2ee::identity_card::make(self, in["epoch"].get<std::uint32_t>());
                             return answer{.output = {{"card", to_hex(card.bytes())}}};
                         })},
                        {"card.read", by([](fields& in, const row&) -> outcome {
                             const auto card = e2ee::identity_card::parse(in.bytes("card"));
                             if (!card) return fail(refiled(fail(card.error())).error());
                             return answer{.output = {{"amid", card->name.text()},
                                                      {"signing_key", to_hex(card->signing.bytes())},
                                                      {"exchange_key", to_hex(card->exchange.bytes())},
                                                      {"epoch", card->epoch}}};
                         })},
                        {"card.succeed", by([](fields& in, const row&) -> outcome {
                             const auto read = [](const std::string& text) {
                                 auto out = e2ee::identity_card::parse(*from_hex(text));
                                 REQUIRE(out);
                                 return *std::move(out);
                             };
                             e2ee::known_epochs known;
                             for (const auto& one : in["accepted"]) {
                                 const auto card = read(one.get<std::string>());
                                 REQUIRE(known.check(card));
                                 known.note(card);
                             }
                             AGENTMESH_CHECK(known.check(read(in.text("card"))));
                             return answer{};
                         })},
                    });
    CHECK(rows >= 40);
}

TEST_CASE("prekeys are signed as in the vectors", "[vectors][e2ee][AM-KEX-010][AM-KEX-014]") {
    const auto owner = [](const row& of) { return identity_of(shared_bytes(of, "seed"), buffer(32, 1)); };
    const auto key_of = [](const buffer& bytes) {
        const auto out = fixed<exchange_public_key>(bytes);
        REQUIRE(out);
        return *out;
    };
    const auto rows = for_each_row(
        "kex/prekeys", {
                           {"signed_prekey.make", by([&](fields& in, const row& of) -> outcome {
                                const auto made = e2ee::signed_prekey::make(
                                    owner(of), in["id"].get<std::uint32_t>(), key_of(in.bytes("key")),
                                    in["not_before"].get<std::int64_t>(), in["not_after"].get<std::int64_t>());
                                return answer{.output = {{"signature", to_hex(made.proof.bytes())}}};
                            })},
                           {"batch.make", by([&](fields& in, const row& of) -> outcome {
                                std::vector<exchange_public_key> keys;
                                for (const auto& text : in["keys"])
                                    keys.push_back(key_of(*from_hex(text.get<std::string>())));
                                const auto count = keys.size();
                                const auto first = in["first_id"].get<std::uint32_t>();
                                const auto batch = e2ee::prekey_batch::make(owner(of), first, std::move(keys));
                                auto paths = vectors::json::array();
                                for (std::uint32_t i = 0; i < count; ++i) {
                                    auto path = vectors::json::array();
                                    for (const auto& hash : batch.prekey(first + i).path)
                                        path.push_back(to_hex(hash.bytes()));
                                    paths.push_back(std::move(path));
                                }
                                return answer{.output = {{"root", to_hex(batch.root().bytes())},
                                                         {"paths", paths},
                                                         {"signature", to_hex(batch.proof().bytes())}}};
                            })},
                       });
    CHECK(rows >= 16);
}

TEST_CASE("bundles are checked as in the vectors",
          "[vectors][e2ee][AM-KEX-011][AM-KEX-012][AM-KEX-013][AM-KEX-015][AM-KEX-016][AM-KEX-017][AM-KEX-020]"
          "[AM-KEX-021][AM-KEX-022]") {
    const auto rows = for_each_row(
        "kex/bundle", {{"bundle.check", by([](fields& in, const row& of) -> outcome {
                            const auto expected = amid::parse(in.text("expected"));
                            REQUIRE(expected);
                            AGENTMESH_TRY(bundle, e2ee::parse_bundle(in.text("text")));
                            AGENTMESH_CHECK(refiled(e2ee::check_bundle(bundle, *expected, time_of(of.now))));
                            vectors::json out = {{"signed_prekey_id", bundle.signed_key.id},
                                                 {"signed_prekey", to_hex(bundle.signed_key.key.bytes())}};
                            if (bundle.one_time) {
                                out["one_time_prekey_id"] = bundle.one_time->id;
                                out["one_time_prekey"] = to_hex(bundle.one_time->key.bytes());
                            }
                            CHECK(e2ee::parse_bundle(e2ee::write_bundle(bundle)) == bundle);
                            return answer{.output = out};
                        })}});
    CHECK(rows >= 80);
}

/// Records that can be made to refuse.
struct stubborn_state {
    memory_state kept;
    bool broken = false;

    result<void> commit(std::span<const record_change> changes) {
        if (broken) return fail(errc::not_persisted);
        return kept.commit(changes);
    }
    result<std::optional<buffer>> load(std::string_view name) const { return kept.load(name); }
    std::vector<std::string> names(std::string_view prefix) const { return kept.names(prefix); }
};

time_point unix_time(std::int64_t seconds) { return time_point{std::chrono::seconds{seconds}}; }

TEST_CASE("prekeys are kept, replaced and spent as in the vectors",
          "[vectors][e2ee][AM-KEX-030][AM-KEX-031][AM-KEX-032][AM-KEX-033][AM-KEX-034][AM-KEX-035][AM-KEX-036]") {
    const auto rows = for_each_row(
        "kex/manager",
        {{"prekeys.script", by([](fields& in, const row&) -> outcome {
              const auto owner = identity_of(buffer(32, 1), buffer(32, 2));
              const auto card = e2ee::identity_card::make(owner, 1);
              crypto::scripted_random random{std::uint64_t{1}};
              stubborn_state state;
              e2ee::prekey_store store;
              const auto published = [&](vectors::json out) {
                  if (const auto now = store.publication(card)) {
                      out["signed_id"] = now->signed_key.id;
                      out["one_time"] = {now->one_time.front().id, now->one_time.back().id};
                      out["left"] = store.one_time_left();
                  }
                  return out;
              };
              auto results = vectors::json::array();
              for (const auto& each : in["steps"]) {
                  fields one{each};
                  const auto what = one.text("do");
                  if (what == "spend") {
                      for (auto left = one["count"].get<int>(); left > 0; --left) {
                          const auto now = store.publication(card);
                          REQUIRE(now);
                          const auto id = now->one_time.front().id;
                          const auto end = store.spend(id);
                          REQUIRE(end);
                          REQUIRE(state.commit({&*end, 1}));
                          store.forget(id);
                      }
                      results.push_back({{"left", store.one_time_left()}});
                  } else if (what == "restart") {
                      e2ee::prekey_store again;
                      REQUIRE(again.restore(state, owner));
                      store = std::move(again);
                      results.push_back(published(vectors::json::object()));
                  } else {
                      state.broken = what == "maintain_unsaved";
                      const auto done = store.maintain(owner, state, random, unix_time(one["at"].get<std::int64_t>()));
                      if (state.broken) {
                          CHECK_FALSE(done);
                          results.push_back(published({{"refused", true}}));
                      } else {
                          REQUIRE(done);
                          results.push_back(published({{"rotated", done->rotated}, {"added", done->added}}));
                      }
                  }
              }
              if (in.has("last")) {
                  fields last{in["last"]};
                  if (last.has("signed")) {
                      AGENTMESH_CHECK(store.find_signed(last["signed"].get<std::uint32_t>(),
                                                        unix_time(last["at"].get<std::int64_t>())));
                  } else {
                      AGENTMESH_CHECK(store.find_one_time(last["one_time"].get<std::uint32_t>()));
                  }
              }
              return answer{.output = {{"results", results}}};
          })}});
    CHECK(rows >= 20);
}

vectors::json written(const e2ee::deployed_bundle& bundle) {
    vectors::json out = {{"identity", to_hex(bundle.identity.bytes())},
                         {"signed_prekey_id", bundle.signed_id},
                         {"signed_prekey", to_hex(bundle.signed_key.bytes())}};
    if (bundle.one_time) {
        out["one_time_prekey_id"] = bundle.one_time->id;
        out["one_time_prekey"] = to_hex(bundle.one_time->key.bytes());
    }
    return out;
}

/// Whether a deployed bundle holds, bound or not.
result<void> held(const result<e2ee::key_binding>& found) {
    if (found) return {};
    return refiled(fail(found.error()));
}

TEST_CASE("bundles of the deployed suites are checked as in the vectors", "[vectors][e2ee][AM-KEX-045]") {
    const auto rows = for_each_row(
        "kex/deployed", {
                            {"deployed.v02", by([](fields& in, const row& of) -> outcome {
                                 const auto owner = fixed<signing_public_key>(shared_bytes(of, "public_key"));
                                 REQUIRE(owner);
                                 AGENTMESH_TRY(bundle, e2ee::parse_v02_bundle(in.text("text")));
                                 AGENTMESH_CHECK(held(e2ee::check_v02_bundle(bundle, *owner)));
                                 return answer{.output = written(bundle)};
                             })},
                            {"deployed.wire10", by([](fields& in, const row&) -> outcome {
                                 AGENTMESH_TRY(bundle, e2ee::parse_wire10_bundle(in.text("text")));
                                 AGENTMESH_CHECK(held(e2ee::check_wire10_bundle(bundle, "did:mesh:nobody")));
                                 return answer{.output = written(bundle)};
                             })},
                        });
    CHECK(rows >= 20);
}

// --- agreement --------------------------------------------------------------------------------------------------

template <class Use>
auto with_x3dh_suite(const std::string& name, Use use) {
    const auto id = e2ee::parse_suite(name);
    REQUIRE(id);
    switch (*id) {
        case e2ee::suite_id::v02: return use(e2ee::v02{});
        case e2ee::suite_id::wire10: return use(e2ee::wire10{});
        default: break;
    }
    REQUIRE(*id == e2ee::suite_id::wire10_legacy);
    return use(e2ee::wire10_legacy{});
}

exchange_public_key public_of(fields& in, const std::string& name) {
    const auto out = fixed<exchange_public_key>(in.bytes(name));
    REQUIRE(out);
    return *out;
}

e2ee::identity_card card_of(fields& in, const std::string& name) {
    auto out = e2ee::identity_card::parse(in.bytes(name));
    REQUIRE(out);
    return *std::move(out);
}

vectors::json written(const e2ee::agreed_keys& keys) {
    return {{"root", hex_of(keys.root)},
            {"knock", hex_of(keys.knock)},
            {"reply", hex_of(keys.reply)},
            {"id", hex_of(keys.session)}};
}

outcome as_initiator(fields& in) {
    const auto suite = in.text("suite");
    const auto own = pair_of(in.bytes("exchange_private_key")), ephemeral = pair_of(in.bytes("ephemeral_private_key"));
    const auto peer = public_of(in, "peer_exchange_key"), signed_key = public_of(in, "signed_prekey");
    std::optional<exchange_public_key> one_time;
    if (in.has("one_time_prekey")) one_time = public_of(in, "one_time_prekey");
    if (suite != "am1")
        return with_x3dh_suite(suite, [&](auto which) -> outcome {
            AGENTMESH_TRY(root, e2ee::x3dh_initiator<decltype(which)>(own, ephemeral, peer, signed_key,
                                                                      one_time ? &*one_time : nullptr));
            return answer{.output = {{"root", hex_of(root)}}};
        });
    e2ee::prekey_bundle bundle{card_of(in, "responder_card"), {}, {}};
    bundle.card.exchange = peer;  // of a forged bundle, in the refused rows
    bundle.signed_key.id = in["signed_prekey_id"].get<std::uint32_t>();
    bundle.signed_key.key = signed_key;
    if (one_time) {
        bundle.one_time.emplace();
        bundle.one_time->id = in["one_time_prekey_id"].get<std::uint32_t>();
        bundle.one_time->key = *one_time;
    }
    AGENTMESH_TRY(keys, e2ee::agree_am1_initiator(own, card_of(in, "initiator_card"), ephemeral,
                                                  public_of(in, "ratchet_key"), bundle));
    return answer{.output = written(keys)};
}

outcome as_responder(fields& in) {
    const auto suite = in.text("suite");
    const auto own = pair_of(in.bytes("exchange_private_key"));
    const auto peer = public_of(in, "peer_exchange_key"), ephemeral = public_of(in, "ephemeral_key");
    std::optional<exchange_key_pair> one_time;
    if (in.has("one_time_prekey_private_key")) one_time = pair_of(in.bytes("one_time_prekey_private_key"));
    if (suite != "am1") {
        const auto signed_key = pair_of(in.bytes("signed_prekey_private_key"));
        return with_x3dh_suite(suite, [&](auto which) -> outcome {
            AGENTMESH_TRY(root, e2ee::x3dh_responder<decltype(which)>(own, signed_key, one_time ? &*one_time : nullptr,
                                                                      peer, ephemeral));
            return answer{.output = {{"root", hex_of(root)}}};
        });
    }
    const e2ee::prekey_pair signed_key{in["signed_prekey_id"].get<std::uint32_t>(),
                                       pair_of(in.bytes("signed_prekey_private_key"))};
    std::optional<e2ee::prekey_pair> once;
    if (one_time) once.emplace(in["one_time_prekey_id"].get<std::uint32_t>(), std::move(*one_time));
    auto initiator = card_of(in, "initiator_card");
    initiator.exchange = peer;
    AGENTMESH_TRY(keys, e2ee::agree_am1_responder(own, card_of(in, "responder_card"), initiator, ephemeral,
                                                  public_of(in, "ratchet_key"), signed_key, once ? &*once : nullptr));
    return answer{.output = written(keys)};
}

TEST_CASE("key agreements of all suites are as in the vectors",
          "[vectors][e2ee][AM-KEX-040][AM-KEX-041][AM-KEX-042][AM-KEX-043][AM-KEX-044]") {
    const auto rows = for_each_row(
        "kex/agreement",
        {
            {"agreement.initiator", by([](fields& in, const row&) { return as_initiator(in); })},
            {"agreement.responder", by([](fields& in, const row&) { return as_responder(in); })},
            {"agreement.derive", by([](fields& in, const row&) -> outcome {
                 const auto all = in.bytes("results");
                 REQUIRE(all.size() % 32 == 0);
                 e2ee::agreement_results results;
                 for (std::size_t at = 0; at < all.size(); at += 32)
                     results.add(
                         secret_of<crypto::shared_secret>(buffer(all.begin() + static_cast<std::ptrdiff_t>(at),
                                                                 all.begin() + static_cast<std::ptrdiff_t>(at + 32))));
                 return with_x3dh_suite(in.text("suite"), [&](auto which) -> outcome {
                     return answer{.output = {{"root", hex_of(e2ee::derive_x3dh<decltype(which)>(results))}}};
                 });
             })},
        });
    CHECK(rows >= 90);
}

}  // namespace
