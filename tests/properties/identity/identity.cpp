#include <agentmesh/crypto/random.hpp>
#include <agentmesh/identity/did.hpp>
#include <agentmesh/identity/local_identity.hpp>

#include "tests/support/catch.hpp"

#include <rapidcheck.h>

using namespace agentmesh;

namespace {

time_point some_time() {
    return earliest_time + duration{*rc::gen::inRange<std::int64_t>(0, (latest_time - earliest_time).count())};
}

}  // namespace

TEST_CASE("Every AMID reads back from its text, and its text with one character changed is another or none",
          "[property][identity][AM-ID-002]") {
    CHECK(rc::check([](std::uint64_t seed) {
        crypto::scripted_random random{seed};
        auto bytes = crypto::random_value<amid::raw>(random).value();
        const auto zeros = *rc::gen::inRange<std::size_t>(0, 21);
        std::fill_n(bytes.storage().begin(), zeros, std::uint8_t{0});
        const auto name = amid::from_raw(bytes);
        RC_ASSERT((name.text().size() >= limits::amid_min_text && name.text().size() <= limits::amid_max_text));
        RC_ASSERT((amid::parse(name.text()) == name));

        std::string text{name.text()};
        const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
        text[at] = *rc::gen::arbitrary<char>();
        const auto changed = amid::parse(text);
        if (changed) RC_ASSERT((*changed == name) == (text == name.text()));
    }));
}

TEST_CASE("Identities read back from their text, and one changed character never yields another name",
          "[property][identity][AM-ID-011]") {
    CHECK(rc::check([](std::uint64_t seed) {
        crypto::scripted_random random{seed};
        const auto self = local_identity::create(random, some_time()).value();
        std::string text{as_text(identity::write_identity(self))};
        const auto again = identity::parse_identity(text);
        RC_ASSERT((again.has_value()));
        RC_ASSERT((again->name() == self.name() && again->created_at() == self.created_at()));
        RC_ASSERT((again->exchange().public_key() == self.exchange().public_key()));

        text[*rc::gen::inRange<std::size_t>(0, text.size())] = *rc::gen::arbitrary<char>();
        const auto changed = identity::parse_identity(text);
        if (changed)
            RC_ASSERT(
                (changed->name() == self.name() && changed->exchange().public_key() == self.exchange().public_key()));
    }));
}

TEST_CASE("DID documents read back from their text", "[property][identity][AM-ID-020]") {
    CHECK(rc::check([](std::uint64_t seed, const std::vector<std::string>& endpoints) {
        crypto::scripted_random random{seed};
        const auto self = local_identity::create(random, some_time()).value();
        identity::did_document document{self.name(), self.signing().public_key(), self.exchange().public_key(), {}, {},
                                        {}};
        for (const auto& endpoint : endpoints) {
            if (!is_utf8(endpoint)) continue;
            document.services.push_back({"s" + std::to_string(document.services.size()), "AgentMeshRelay", endpoint});
        }
        if (*rc::gen::arbitrary<bool>()) document.created = some_time();
        if (*rc::gen::arbitrary<bool>()) document.updated = some_time();
        RC_ASSERT((identity::parse_did_document(identity::write_did_document(document)) == document));
    }));
}
