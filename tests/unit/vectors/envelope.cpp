// vectors/envelope against message/.
#include <agentmesh/message/body.hpp>

#include "tests/support/vectors.hpp"

using namespace agentmesh;
using namespace vectors;

namespace {

std::string shared_text(const row& of, const char* name) { return of.shared.at(name).get<std::string>(); }
amid name_of(const std::string& text) {
    const auto out = amid::parse(text);
    REQUIRE(out);
    return *out;
}

TEST_CASE("envelopes are written, read and verified as in the vectors",
          "[vectors][message][AM-ENV-001][AM-ENV-002][AM-ENV-003][AM-ENV-004][AM-ENV-007]") {
    const auto rows = for_each_row(
        "envelope/envelope",
        {
            {"envelope.proof_bytes", by([](fields& in, const row&) -> outcome {
                 AGENTMESH_TRY(covered, message::envelope_proof_bytes(in.text("text")));
                 return answer{.output = {{"signed", to_hex(covered)}}};
             })},
            {"envelope.sign", by([](fields& in, const row& of) -> outcome {
                 auto seed = crypto::ed25519_seed::from(*from_hex(shared_text(of, "seed")));
                 REQUIRE(seed);
                 const signing_key_pair key{*seed};
                 message::envelope made{.session_id = shared_text(of, "session_id"),
                                        .sequence = in["sequence"].get<std::uint64_t>(),
                                        .from = amid::of(key.public_key()),
                                        .to = name_of(shared_text(of, "to")),
                                        .type = in.text("type"),
                                        .timestamp = time_of(in.text("timestamp")),
                                        .payload = in.text("payload")};
                 AGENTMESH_TRY(text, message::sign_envelope(made, key));
                 return answer{.output = {{"text", text}}};
             })},
            {"envelope.open", by([](fields& in, const row& of) -> outcome {
                 const auto session = shared_text(of, "session_id");
                 const auto from = name_of(shared_text(of, "sender")), to = name_of(shared_text(of, "receiver"));
                 const auto key = fixed<signing_public_key>(*from_hex(shared_text(of, "public_key")));
                 REQUIRE(key);
                 AGENTMESH_TRY(read, message::open_envelope(in.text("text"), {session, from, to}, *key));
                 const auto payload = agentmesh::json::canonicalize(read.payload);
                 REQUIRE(payload);
                 vectors::json out = {{"sequence", read.sequence}, {"type", read.type}, {"payload", *payload}};
                 if (read.id) out["id"] = *read.id;
                 return answer{.output = out};
             })},
        });
    CHECK(rows >= 80);
}

TEST_CASE("sequence numbers are accepted as in the vectors", "[vectors][message][AM-ENV-005][AM-ENV-006]") {
    const auto rows = for_each_row("envelope/sequence",
                                   {{"sequence.accept", by([](fields& in, const row&) -> outcome {
                                         message::sequence_tracker seen;
                                         for (const auto& one : in["before"])
                                             REQUIRE(seen.accept(one.get<std::uint64_t>()));
                                         AGENTMESH_TRY(news, seen.accept(in["last"].get<std::uint64_t>()));
                                         constexpr std::string_view words[] = {"next", "gap", "late", "duplicate"};
                                         return answer{.output = {{"news", words[static_cast<std::size_t>(news)]}}};
                                     })}});
    CHECK(rows >= 12);
}

TEST_CASE("bodies are read as in the vectors", "[vectors][message][AM-ENV-007][AM-ENV-008]") {
    const auto rows = for_each_row("envelope/bodies",
                                   {{"body.read", by([](fields& in, const row&) -> outcome {
                                         AGENTMESH_TRY(read, message::parse_body(in.text("type"), in.text("payload")));
                                         if (message::body_type_of(in.text("type")) == message::body_type::other)
                                             CHECK(std::get<message::other_body>(read).payload == in.text("payload"));
                                         const auto text = message::write_body(read);
                                         REQUIRE(text);
                                         CHECK(message::parse_body(in.text("type"), *text) == read);
                                         return answer{.output = {{"type", message::type_of(read)}}};
                                     })}});
    CHECK(rows >= 55);
}

TEST_CASE("codes of every vocabulary are read as in the vectors", "[vectors][message][AM-ENV-009][AM-ENV-010]") {
    const auto rows = for_each_row("envelope/codes", {{"code.read", by([](fields& in, const row&) -> outcome {
                                                           const auto topic = in.text("topic");
                                                           const message::spelled_code read{
                                                               topic == "error"   ? message::code_topic::error
                                                               : topic == "close" ? message::code_topic::close
                                                                                  : message::code_topic::knock,
                                                               in.text("text")};
                                                           vectors::json out = {{"text", read.text()}};
                                                           if (read.known())
                                                               out["code"] = message::to_text(*read.known());
                                                           return answer{.output = out};
                                                       })}});
    CHECK(rows >= 95);
}

}  // namespace
