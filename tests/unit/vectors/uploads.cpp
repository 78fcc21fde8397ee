// vectors/registry/uploads against registry/prekey_upload.hpp and registry/presence_notice.hpp.
#include <agentmesh/registry/prekey_upload.hpp>
#include <agentmesh/registry/presence_notice.hpp>

#include "tests/support/vectors.hpp"

using namespace agentmesh;
using namespace vectors;

namespace {

/// A bundle has one errc for whatever does not hold; the clause tells apart what vectors file in classes.
error refiled(const error& why) {
    if (why.code != errc::bad_bundle) return why;
    for (const std::string_view one : {"AM-KEX-005", "AM-KEX-020"})
        if (why.clause == one) return {errc::amid_mismatch, why.clause};
    for (const std::string_view one : {"AM-KEX-006", "AM-KEX-011", "AM-KEX-015", "AM-KEX-016"})
        if (why.clause == one) return {errc::bad_signature, why.clause};
    return {errc::bad_length, why.clause};
}

void compare(const outcome& found, const row& of) {
    if (!of.refused) {
        if (!found) FAIL(to_string(found.error()));
        CHECK(found->output == of.output);
        return;
    }
    REQUIRE_FALSE(found);
    CHECK("reject:" + std::string{class_of(refiled(found.error()).code)} == of.expect);
}

outcome upload(fields& in, const row& of) {
    const auto text = in.text("text");
    const auto expected = amid::parse(in.text("expected")).value();
    const auto now = parse_time(of.now).value();
    AGENTMESH_TRY(read, registry::parse_upload(text));
    AGENTMESH_CHECK(registry::check_upload(read, expected, now));
    CHECK(registry::parse_upload(registry::write_upload(read)) == read);
    auto ids = vectors::json::array();
    for (const auto& one : read.one_time) ids.push_back(one.id);
    return answer{.output = {{"signed_prekey_id", read.signed_key.id},
                             {"signed_prekey", to_hex(read.signed_key.key.bytes())},
                             {"one_time", ids}}};
}

outcome presence(fields& in) {
    AGENTMESH_TRY(read, registry::parse_presence(in.text("text")));
    auto entries = vectors::json::array();
    for (const auto& one : read) entries.push_back({one.who.text(), registry::to_text(one.status)});
    return answer{.output = {{"entries", entries}}};
}

}  // namespace

TEST_CASE("uploads and notices are judged as in the vectors",
          "[vectors][registry][AM-REG-050][AM-REG-023][AM-REG-071]") {
    CHECK(for_each_row("registry/uploads",
                       {{"upload.check", [](fields& in, const row& of) { compare(upload(in, of), of); }},
                        {"presence.read", [](fields& in, const row& of) { compare(presence(in), of); }}}) >= 25);
}
