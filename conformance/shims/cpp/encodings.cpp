#include "conformance/shims/cpp/shim.hpp"

#include <agentmesh/core/json.hpp>

#include <bit>

namespace agentmesh::shim {
namespace {

using std::chrono::microseconds, std::chrono::nanoseconds, std::chrono::seconds;

std::string json_text(const arguments& in) {
    return in.has("bytes") ? std::string{as_text(in.bytes("bytes"))} : in.text("text");
}

answer read_time(const arguments& in) {
    AGENTMESH_TRY(at, parse_time(in.text("text")));
    const auto whole = std::chrono::floor<seconds>(at);
    return json{{"seconds", whole.time_since_epoch().count()}, {"nanoseconds", nanoseconds{at - whole}.count()}};
}

answer write_time(const arguments& in) {
    const auto nanos = in.number<std::int64_t>("nanoseconds");
    if (nanos % 1000 != 0) throw not_supported{};  // the library keeps microseconds
    return json{
        {"text", format_time(time_point{seconds{in.number<std::int64_t>("seconds")}} + microseconds{nanos / 1000})}};
}

answer read_integer(const arguments& in) {
    const auto text = in.text("text");
    agentmesh::json::reader reader{text};
    const auto value = reader.integer();
    AGENTMESH_CHECK(reader.finish());
    return json{{"integer", value}};
}

answer read_number(const arguments& in) {
    const auto text = in.text("text");
    agentmesh::json::reader reader{text};
    const auto token = reader.number();
    AGENTMESH_CHECK(reader.finish());
    const auto bits = std::bit_cast<std::uint64_t>(token.real());
    std::array<std::uint8_t, 8> bytes;
    for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<std::uint8_t>(bits >> (56 - 8 * i));
    return json{{"double", to_hex(bytes)}};
}

}  // namespace

void add_encodings(operations& into) {
    into["enc.hex.decode"] = [](const arguments& in) { return of_bytes(from_hex(in.text("text"))); };
    into["enc.hex.encode"] = [](const arguments& in) -> answer { return json{{"text", to_hex(in.bytes("bytes"))}}; };
    into["enc.base64.decode"] = [](const arguments& in) {
        return of_bytes(from_base64(in.text("text"), base64_form::standard_padded));
    };
    into["enc.base64.encode"] = [](const arguments& in) -> answer {
        return json{{"text", to_base64(in.bytes("bytes"), base64_form::standard_padded)}};
    };
    into["enc.base58.decode"] = [](const arguments& in) {
        return of_bytes(from_base58(in.text("text"), in.number<std::size_t>("max_bytes")));
    };
    into["enc.base58.encode"] = [](const arguments& in) -> answer {
        return json{{"text", to_base58(in.bytes("bytes"))}};
    };
    into["enc.json.validate"] = [](const arguments& in) -> answer {
        AGENTMESH_CHECK(agentmesh::json::validate(json_text(in)));
        return json::object();
    };
    into["enc.json.integer"] = read_integer;
    into["enc.json.number"] = read_number;
    into["enc.json.canonical"] = [](const arguments& in) -> answer {
        AGENTMESH_TRY(text, agentmesh::json::canonicalize(in.text("text")));
        return json{{"text", text}};
    };
    into["enc.time.read"] = read_time;
    into["enc.time.write"] = write_time;
}

}  // namespace agentmesh::shim
