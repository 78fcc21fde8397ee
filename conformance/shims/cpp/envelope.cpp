#include "conformance/shims/cpp/values.hpp"

#include <agentmesh/core/json.hpp>
#include <agentmesh/message/body.hpp>
#include <agentmesh/message/schema.hpp>

namespace agentmesh::shim {
namespace {

answer proof_bytes(const arguments& in) {
    AGENTMESH_TRY(covered, message::envelope_proof_bytes(in.text("text")));
    return json{{"signed", to_hex(covered)}};
}

answer sign_envelope(const arguments& in) {
    const signing_key_pair key{secret_of<crypto::ed25519_seed>(in.bytes("seed"))};
    message::envelope made{.session_id = in.text("session_id"),
                           .sequence = in.number<std::uint64_t>("sequence"),
                           .from = amid::of(key.public_key()),
                           .to = name_of(in.text("to")),
                           .type = in.text("type"),
                           .timestamp = need(parse_time(in.text("timestamp"))),
                           .payload = in.text("payload")};
    AGENTMESH_TRY(text, message::sign_envelope(made, key));
    return json{{"text", text}};
}

answer open_envelope(const arguments& in) {
    const auto session = in.text("session_id");
    const auto key = value_of<signing_public_key>(in.bytes("public_key"));
    AGENTMESH_TRY(read, message::open_envelope(
                            in.text("text"), {session, name_of(in.text("sender")), name_of(in.text("receiver"))}, key));
    json out{{"sequence", read.sequence},
             {"type", read.type},
             {"payload", need(agentmesh::json::canonicalize(read.payload))}};
    if (read.id) out["id"] = *read.id;
    return out;
}

answer accept_sequence(const arguments& in) {
    message::sequence_tracker seen;
    for (const auto& one : in["before"])
        if (!seen.accept(one.get<std::uint64_t>())) throw std::invalid_argument{"the numbers before are no sequence"};
    AGENTMESH_TRY(news, seen.accept(in.number<std::uint64_t>("last")));
    constexpr std::string_view words[] = {"next", "gap", "late", "duplicate"};
    return json{{"news", words[static_cast<std::size_t>(news)]}};
}

answer read_body(const arguments& in) {
    AGENTMESH_TRY(read, message::parse_body(in.text("type"), in.text("payload")));
    return json{{"type", message::type_of(read)}};
}

answer read_code(const arguments& in) {
    const auto topic = in.text("topic");
    const message::spelled_code read{topic == "error"   ? message::code_topic::error
                                     : topic == "close" ? message::code_topic::close
                                                        : message::code_topic::knock,
                                     in.text("text")};
    json out{{"text", read.text()}};
    if (read.known()) out["code"] = message::to_text(*read.known());
    return out;
}

// --- capabilities and schemas -----------------------------------------------------------------------------------

answer check_capability(const arguments& in) {
    const auto text = in.text("text");
    AGENTMESH_CHECK(in.text("kind") == "pattern" ? message::check_pattern(text) : message::check_capability(text));
    return json::object();
}

answer read_schema_name(const arguments& in) {
    const auto text = in.text("text");
    AGENTMESH_TRY(name, message::parse_schema_name(text));
    return json{{"stem", name.stem}, {"version", name.version}};
}

answer match_capability(const arguments& in) {
    return json{{"score", static_cast<std::uint32_t>(message::match(in.text("asked"), in.text("offered")))}};
}

answer negotiate(const arguments& in) {
    AGENTMESH_TRY(asked, message::parse_capability_request(in["request"].dump()));
    const auto& have = in["offered"];
    const auto list = [&](const char* name) { return have.value(name, std::vector<std::string>{}); };
    const auto found = message::negotiate(asked, {.capabilities = list("capabilities"),
                                                  .schemas = list("schemas"),
                                                  .languages = list("languages"),
                                                  .payment_methods = list("payment_methods")});
    return json{{"answer", json::parse(message::write(found))}};
}

answer check_schema(const arguments& in) {
    const auto schema = need(message::schema::compile(in.text("schema")));
    AGENTMESH_TRY(found, schema.check(in.text("text")));
    if (!found.empty()) return fail(errc::schema_violation);
    return json{{"findings", json::array()}};
}

answer judge_schema(const arguments& in) {
    message::schema_registry known;
    need(known.add(in.text("shared_name"), in.text("schema")));
    const auto mode = in.text("mode");
    AGENTMESH_TRY(found, known.judge(in.text("name"), in.text("text"),
                                     mode == "silent"    ? message::validation::silent
                                     : mode == "warning" ? message::validation::warning
                                                         : message::validation::strict));
    if (!found.accepted) return fail(errc::schema_violation);
    return json::object();
}

}  // namespace

void add_envelope(operations& into) {
    into["envelope.proof_bytes"] = proof_bytes;
    into["envelope.sign"] = sign_envelope;
    into["envelope.open"] = open_envelope;
    into["envelope.sequence.accept"] = accept_sequence;
    into["envelope.body.read"] = read_body;
    into["envelope.code.read"] = read_code;
    into["envelope.capability.check"] = check_capability;
    into["envelope.capability.match"] = match_capability;
    into["envelope.capability.negotiate"] = negotiate;
    into["envelope.schema_name.read"] = read_schema_name;
    into["envelope.schema.check"] = check_schema;
    into["envelope.schema.judge"] = judge_schema;
}

}  // namespace agentmesh::shim
