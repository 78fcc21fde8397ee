// Property: what we accept, an independent parser accepts with the same value, and what it accepts we refuse only for
// a bound of ours. Canonical form is valid, stable, and means the same. Reading member by member and skipping agree.
#include "fuzz/fuzz.hpp"

#include <agentmesh/core/json.hpp>

#include <nlohmann/json.hpp>

AM_FUZZ(AM_ENC_010, AM_ENC_011, AM_ENC_012, AM_ENC_013, AM_ENC_014, AM_ENC_015, AM_ENC_016, AM_ENC_017, AM_ENC_018,
        AM_ENC_019, AM_ENC_020);

using namespace agentmesh;

namespace {

/// Reads everything through the typed calls and writes it again.
void copy(json::reader& in, json::writer& to) {
    switch (in.peek()) {
        case json::kind::object:
            in.begin_object();
            to.begin_object();
            while (const auto name = in.next_member()) {
                to.name(*name);
                copy(in, to);
            }
            to.end_object();
            break;
        case json::kind::array:
            in.begin_array();
            to.begin_array();
            while (in.next_element()) copy(in, to);
            to.end_array();
            break;
        case json::kind::string: to.value(in.string().text()); break;
        case json::kind::number: to.verbatim(in.number().raw); break;
        case json::kind::boolean: to.value(in.boolean()); break;
        case json::kind::null:
            in.null();
            to.null();
            break;
        case json::kind::none: to.verbatim(in.skip()); break;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = as_text({data, size});
    const auto verdict = json::validate(text);
    const auto canonical = json::canonicalize(text);
    const auto peer = nlohmann::json::parse(text, nullptr, false);

    if (!verdict) {
        REQUIRE_FUZZ(!canonical);
        const errc why = verdict.error().code;
        const bool bound = why == errc::json_too_deep || why == errc::json_duplicate_member || why == errc::too_large ||
                           why == errc::json_too_many_members || why == errc::json_number_range;
        // The peer tolerates a byte order mark and a NUL at the end of its input.
        const bool tolerated = text.starts_with("\xEF\xBB\xBF") || text.find('\0') != text.npos;
        REQUIRE_FUZZ(bound || tolerated || peer.is_discarded());
        return 0;
    }
    REQUIRE_FUZZ(!peer.is_discarded());

    std::string again;
    json::reader in{text};
    json::writer to{again};
    copy(in, to);
    REQUIRE_FUZZ(in.finish().has_value());
    REQUIRE_FUZZ(json::validate(again).has_value());
    REQUIRE_FUZZ(json::canonicalize(again) == canonical);

    if (!canonical) {
        REQUIRE_FUZZ(canonical.error() == error{errc::json_number_range, "AM-ENC-016"});
        return 0;
    }
    REQUIRE_FUZZ(json::validate(*canonical).has_value());
    REQUIRE_FUZZ(json::canonicalize(*canonical) == *canonical);
    REQUIRE_FUZZ(nlohmann::json::parse(*canonical) == peer);
    return 0;
}
