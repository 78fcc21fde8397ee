// vectors/encodings against core/.
#include <agentmesh/core/json.hpp>

#include "tests/support/vectors.hpp"

#include <bit>

using namespace agentmesh;
using namespace vectors;

namespace {

outcome of_bytes(const result<buffer>& bytes) {
    if (!bytes) return fail(bytes.error());
    return answer{.output = {{"bytes", to_hex(*bytes)}}};
}

std::string json_text(fields& input) {
    if (!input.has("bytes")) return input.text("text");
    return std::string{as_text(input.bytes("bytes"))};
}

TEST_CASE("hexadecimal is read and written as in the vectors", "[vectors][core][AM-ENC-001]") {
    const auto rows =
        for_each_row("encodings/hex",
                     {
                         {"hex.decode", by([](fields& in, const row&) { return of_bytes(from_hex(in.text("text"))); })},
                         {"hex.encode", by([](fields& in, const row&) -> outcome {
                              return answer{.output = {{"text", to_hex(in.bytes("bytes"))}}};
                          })},
                     });
    CHECK(rows >= 40);
}

TEST_CASE("base64 is read and written as in the vectors",
          "[vectors][core][AM-ENC-002][AM-ENC-003][AM-ENC-004][AM-ENC-005]") {
    const auto rows = for_each_row(
        "encodings/base64",
        {
            {"base64.decode", by([](fields& in, const row&) {
                 return of_bytes(from_base64(in.text("text"), base64_form::standard_padded));
             })},
            {"base64.encode", by([](fields& in, const row&) -> outcome {
                 return answer{.output = {{"text", to_base64(in.bytes("bytes"), base64_form::standard_padded)}}};
             })},
        });
    CHECK(rows >= 100);
}

TEST_CASE("base58 is read and written as in the vectors", "[vectors][core][AM-ENC-006][AM-ENC-007][AM-ENC-008]") {
    const auto rows = for_each_row(
        "encodings/base58", {
                                {"base58.decode", by([](fields& in, const row&) {
                                     return of_bytes(from_base58(in.text("text"), in["max_bytes"].get<std::size_t>()));
                                 })},
                                {"base58.encode", by([](fields& in, const row&) -> outcome {
                                     return answer{.output = {{"text", to_base58(in.bytes("bytes"))}}};
                                 })},
                            });
    CHECK(rows >= 100);
}

TEST_CASE("times are read and written as in the vectors",
          "[vectors][core][AM-ENC-030][AM-ENC-031][AM-ENC-032][AM-ENC-033][AM-ENC-034][AM-ENC-035]") {
    using std::chrono::microseconds, std::chrono::seconds;
    std::size_t finer = 0;
    const auto rows = for_each_row(
        "encodings/time",
        {
            {"time.read",
             [&](fields& in, const row& of) {
                 const auto found = parse_time(in.text("text"));
                 CHECK(found.has_value() == !of.refused);
                 if (of.refused || !found) return;
                 // The library keeps microseconds; what is finer is cut off.
                 fields output{of.output};
                 const auto wanted = time_point{seconds{output["seconds"].get<std::int64_t>()}} +
                                     microseconds{output["nanoseconds"].get<std::int64_t>() / 1000};
                 CHECK(*found == wanted);
             }},
            {"time.write",
             [&](fields& in, const row& of) {
                 const auto second = in["seconds"].get<std::int64_t>();
                 const auto nano = in["nanoseconds"].get<std::int64_t>();
                 if (nano % 1000 != 0) {  // no time_point holds it
                     ++finer;
                     CHECK(of.output.contains("text"));
                     return;
                 }
                 fields output{of.output};
                 CHECK(format_time(time_point{seconds{second}} + microseconds{nano / 1000}) == output.text("text"));
             }},
        });
    CHECK(rows >= 190);
    CHECK(finer == 2);
}

TEST_CASE("JSON is read as in the vectors",
          "[vectors][core][AM-ENC-010][AM-ENC-011][AM-ENC-012][AM-ENC-013][AM-ENC-014][AM-ENC-015][AM-ENC-016]"
          "[AM-ENC-017][AM-ENC-018][AM-ENC-019]") {
    const auto rows =
        for_each_row("encodings/json", {
                                           {"json.validate", by([](fields& in, const row&) -> outcome {
                                                AGENTMESH_CHECK(agentmesh::json::validate(json_text(in)));
                                                return answer{};
                                            })},
                                           {"json.integer", by([](fields& in, const row&) -> outcome {
                                                const auto text = in.text("text");
                                                agentmesh::json::reader reader{text};
                                                const auto value = reader.integer();
                                                AGENTMESH_CHECK(reader.finish());
                                                return answer{.output = {{"integer", value}}};
                                            })},
                                           {"json.number", by([](fields& in, const row&) -> outcome {
                                                const auto text = in.text("text");
                                                agentmesh::json::reader reader{text};
                                                const auto token = reader.number();
                                                AGENTMESH_CHECK(reader.finish());
                                                const auto bits = std::bit_cast<std::uint64_t>(token.real());
                                                std::array<std::uint8_t, 8> bytes;
                                                for (std::size_t i = 0; i < 8; ++i)
                                                    bytes[i] = static_cast<std::uint8_t>(bits >> (56 - 8 * i));
                                                return answer{.output = {{"double", to_hex(bytes)}}};
                                            })},
                                       });
    CHECK(rows >= 350);
}

TEST_CASE("JSON is written in canonical form as in the vectors", "[vectors][core][AM-ENC-020]") {
    const auto rows = for_each_row("encodings/canonical_json",
                                   {
                                       {"json.canonical", by([](fields& in, const row&) -> outcome {
                                            AGENTMESH_TRY(text, agentmesh::json::canonicalize(in.text("text")));
                                            return answer{.output = {{"text", text}}};
                                        })},
                                   });
    CHECK(rows >= 140);
}

}  // namespace
