// An agent of the harness that can be asked for keys, in every suite.
#pragma once

#include "agentmesh/e2ee/deployed_bundle.hpp"
#include "agentmesh/e2ee/x3dh.hpp"
#include "conformance/engine/shim_live.hpp"

namespace agentmesh::conformance::live {

/// With a signed prekey and some for one time, whose private halves it keeps.
class responder {
public:
    responder(std::string_view suite, seeded_bytes& chance, time_point now)
        : suite_{suite},
          signing_seed_{chance.take(32)},
          self_{signer_of(signing_seed_), exchange_of(suite, signing_seed_, chance), time_point{}},
          card_{e2ee::identity_card::make(self_, 1 + static_cast<std::uint32_t>(chance.below(9)))},
          signed_{static_cast<std::uint32_t>(chance.below(1 << 20)), pair_of(chance.take(32))},
          now_{now} {
        const auto count = 2 + chance.below(6);
        first_ = 1 + static_cast<std::uint32_t>(chance.below(1 << 20));
        for (std::size_t i = 0; i < count; ++i) {
            once_.push_back({first_ + static_cast<std::uint32_t>(i), pair_of(chance.take(32))});
        }
        chosen_ = chance.below(count);
    }

    [[nodiscard]] const local_identity& self() const noexcept { return self_; }
    [[nodiscard]] const e2ee::identity_card& card() const noexcept { return card_; }
    [[nodiscard]] const e2ee::prekey_pair& signed_key() const noexcept { return signed_; }
    [[nodiscard]] const e2ee::prekey_pair& once() const noexcept { return once_[chosen_]; }

    [[nodiscard]] e2ee::prekey_bundle bundle(bool one_time) const {
        const auto from = seconds_of(now_) - 3600;
        e2ee::prekey_bundle out{
            card_,
            e2ee::signed_prekey::make(self_, signed_.id, signed_.pair.public_key(), from, from + 7 * 86'400),
            {}};
        if (!one_time) return out;
        std::vector<exchange_public_key> keys;
        for (const auto& one : once_) keys.push_back(one.pair.public_key());
        out.one_time = e2ee::prekey_batch::make(self_, first_, std::move(keys)).prekey(once().id);
        return out;
    }
    [[nodiscard]] e2ee::deployed_bundle deployed(bool one_time) const {
        e2ee::deployed_bundle out{self_.exchange().public_key(), self_.signing().public_key(), signed_.id,
                                  signed_.pair.public_key(), self_.signing().sign(signed_.pair.public_key().bytes())};
        if (one_time) out.one_time = {once().id, once().pair.public_key()};
        return out;
    }
    [[nodiscard]] std::string text(const e2ee::deployed_bundle& bundle) const {
        return suite_ == "v02" ? e2ee::write_v02_bundle(bundle) : e2ee::write_wire10_bundle(bundle);
    }
    [[nodiscard]] std::string text(bool one_time) const {
        return suite_ == "am1" ? e2ee::write_bundle(bundle(one_time)) : text(deployed(one_time));
    }
    /// A question to an initiator about a bundle of this agent.
    [[nodiscard]] shim_json question(std::string bundle) const {
        shim_json in{{"suite", suite_}, {"bundle", std::move(bundle)}};
        if (suite_ == "am1") in["expected"] = self_.name().text();
        if (suite_ == "v02") in["public_key"] = to_hex(self_.signing().public_key().bytes());
        return in;
    }

private:
    /// In wire10 the exchange key follows from the signing key.
    static exchange_key_pair exchange_of(std::string_view suite, std::string_view seed, seeded_bytes& chance) {
        const auto other = chance.take(32);
        if (!suite.starts_with("wire10")) return pair_of(other);
        return signer_of(seed).to_x25519();
    }

    std::string suite_, signing_seed_;
    local_identity self_;
    e2ee::identity_card card_;
    e2ee::prekey_pair signed_;
    time_point now_;
    std::uint32_t first_ = 0;
    std::vector<e2ee::prekey_pair> once_;
    std::size_t chosen_ = 0;
};

}  // namespace agentmesh::conformance::live
