// Property: a DID document and an identity file that are accepted are written again as texts that read back as the
// same value, and the name always belongs to the key.
#include "fuzz/fuzz.hpp"

#include <agentmesh/identity/did.hpp>
#include <agentmesh/identity/local_identity.hpp>
#include <agentmesh/identity/tier.hpp>

AM_FUZZ(AM_ID_003, AM_ID_011, AM_ID_020, AM_ID_021, AM_ID_030, AM_ID_031);

using namespace agentmesh;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = as_text({data, size});

    if (const auto document = identity::parse_did_document(text)) {
        REQUIRE_FUZZ(document->subject == amid::of(document->signing_key));
        const std::string again = identity::write_did_document(*document);
        REQUIRE_FUZZ(identity::parse_did_document(again) == *document);
    }
    if (const auto self = identity::parse_identity(text)) {
        REQUIRE_FUZZ(self->name() == amid::of(self->signing().public_key()));
        const auto again = identity::parse_identity(as_text(identity::write_identity(*self)));
        REQUIRE_FUZZ(again.has_value() && again->name() == self->name());
        REQUIRE_FUZZ(again->exchange().public_key() == self->exchange().public_key());
    }
    if (const auto key = identity::parse_signing_multibase(text)) REQUIRE_FUZZ(identity::to_multibase(*key) == text);
    if (const auto key = identity::parse_exchange_multibase(text)) REQUIRE_FUZZ(identity::to_multibase(*key) == text);
    if (const auto name = identity::parse_did(text)) REQUIRE_FUZZ(identity::to_did(*name) == text);
    using identity::tier_dialect;
    for (const auto dialect :
         {tier_dialect::word, tier_dialect::label, tier_dialect::javascript, tier_dialect::certificate})
        if (const auto level = identity::parse_tier(text, dialect))
            REQUIRE_FUZZ(identity::tier_label(*level, dialect) == text);
    return 0;
}
