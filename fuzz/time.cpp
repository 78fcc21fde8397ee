// Property: what is read lies in the years 0001 to 9999, and both forms of writing it read back as the same instant.
// A text in our own form is written again byte for byte.
#include "fuzz/fuzz.hpp"

#include <agentmesh/core/time.hpp>

AM_FUZZ(AM_ENC_030, AM_ENC_031, AM_ENC_032, AM_ENC_033, AM_ENC_034, AM_ENC_035);

using namespace agentmesh;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = as_text({data, size});
    const auto at = parse_time(text);
    if (!at) {
        REQUIRE_FUZZ(at.error().code == errc::bad_time && !at.error().clause.empty());
        return 0;
    }
    REQUIRE_FUZZ(*at >= earliest_time && *at <= latest_time);
    const std::string z = format_time(*at), offset = format_time(*at, utc_suffix::offset);
    REQUIRE_FUZZ(parse_time(z) == *at && parse_time(offset) == *at);
    REQUIRE_FUZZ(z.substr(0, z.size() - 1) + "+00:00" == offset);
    const bool ours = text.size() == 20 && text[19] == 'Z' && text[10] == 'T';
    if (ours) REQUIRE_FUZZ(z == text);
    return 0;
}
