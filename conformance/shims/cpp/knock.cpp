#include "conformance/shims/cpp/values.hpp"

#include <agentmesh/e2ee/chain.hpp>
#include <agentmesh/session/knock_frame.hpp>

namespace agentmesh::shim {
namespace {

using session::direction;

direction direction_of(const arguments& in) {
    return in["direction"] == 0 ? direction::from_initiator : direction::from_responder;
}

answer kind_of_frame(const arguments& in) {
    AGENTMESH_TRY(frame, session::from_payload(in.text("payload")));
    return json{{"kind", static_cast<int>(session::kind_of(frame))}};
}

answer read_head(const arguments& in) {
    const auto head = session::parse_knock_head(in.bytes("frame"));
    if (!head) return fail(refiled(head.error()));
    return json{{"optimistic", head->optimistic},
                {"amid", head->card.name.text()},
                {"epoch", head->card.epoch},
                {"ephemeral_key", to_hex(head->ephemeral.bytes())},
                {"ratchet_key", to_hex(head->ratchet_key.bytes())},
                {"signed_prekey_id", head->prekey},
                {"one_time_prekey_id", head->one_time_key}};
}

answer seal_knock(const arguments& in) {
    auto whole = in.bytes("head");
    whole.resize(whole.size() + 512 + 16);  // a frame of the head alone, of a size that the reader takes
    const auto head = need(session::parse_knock_head(whole));
    auto text = in.text("text");
    AGENTMESH_CHECK(session::pad_text(text));
    return json{{"frame", to_hex(session::seal_knock(head, secret_of<e2ee::knock_key>(in.bytes("key")), text))}};
}

answer open_knock(const arguments& in) {
    AGENTMESH_TRY(text, session::open_knock(in.bytes("frame"), secret_of<e2ee::knock_key>(in.bytes("key"))));
    text.resize(text.find_last_not_of(' ') + 1);
    return json{{"text", text}};
}

answer read_knock(const arguments& in) {
    const auto key = value_of<signing_public_key>(in.bytes("signing_key"));
    const auto context = value_of<crypto::sha256_digest>(in.bytes("context"));
    AGENTMESH_TRY(read, session::parse_knock(in.text("text"), context, key));
    AGENTMESH_CHECK(session::check_knock(read, name_of(in.text("card")), name_of(in.text("self")), in.now()));
    std::string what = read.what.category;
    if (!read.what.subcategory.empty()) what += '/' + read.what.subcategory;
    if (!read.what.action.empty()) what += '/' + read.what.action;
    return json{{"intent", what},
                {"urgency", session::to_text(read.what.urgency)},
                {"type", session::to_text(read.asked.kind)},
                {"ttl_seconds", read.asked.ttl_seconds},
                {"expected_messages", read.asked.expected_messages},
                {"suites", read.suites},
                {"features", read.features},
                {"nonce", to_hex(read.nonce.bytes())}};
}

answer seal_reply(const arguments& in) {
    const auto kind = in.text("kind") == "accept" ? session::reply_kind::accept : session::reply_kind::reject;
    auto text = in.text("text");
    AGENTMESH_CHECK(session::pad_text(text));
    return json{{"frame", to_hex(session::seal_reply(kind, value_of<crypto::sha256_digest>(in.bytes("knock_hash")),
                                                     card_of(in.bytes("responder_card")),
                                                     secret_of<e2ee::reply_key>(in.bytes("key")), text))}};
}

answer read_reply(const arguments& in) {
    const auto knock = value_of<crypto::sha256_digest>(in.bytes("knock_hash"));
    const auto card = card_of(in.bytes("responder_card"));
    const auto initiator = name_of(in.text("initiator"));
    AGENTMESH_TRY(opened, session::open_reply(in.bytes("frame"), knock, card, secret_of<e2ee::reply_key>(in.bytes("key"))));
    if (opened.kind == session::reply_kind::reject) {
        AGENTMESH_TRY(no, session::parse_reject(opened.text, card.signing));
        // As the engine does.
        if (no.knock != knock || no.from != card.name || no.to != initiator) return fail(errc::bad_knock, "AM-KNK-018");
        json out{{"kind", "reject"}, {"reason", session::to_text(no.reason)}};
        if (no.retry_after_seconds) out["retry_after_seconds"] = *no.retry_after_seconds;
        return out;
    }
    AGENTMESH_TRY(yes, session::parse_accept(opened.text, card.signing));
    session::knock_content asked{.from = initiator, .to = card.name};
    asked.suites = in["suites"].get<std::vector<std::string>>();
    asked.features = in["features"].get<std::vector<std::string>>();
    asked.asked.ttl_seconds = in.number<std::uint32_t>("ttl_seconds");
    asked.asked.expected_messages = in.number<std::uint32_t>("expected_messages");
    AGENTMESH_CHECK(session::check_accept(yes, knock, value_of<session::session_id>(in.bytes("session_id")), asked));
    return json{{"kind", "accept"},
                {"suite", yes.suite},
                {"features", yes.features},
                {"ratchet_key", to_hex(yes.ratchet_key.bytes())},
                {"constraints",
                 {{"max_message_size_bytes", yes.held_to.max_message_size_bytes},
                  {"max_messages", yes.held_to.max_messages},
                  {"ttl_seconds", yes.held_to.ttl_seconds}}}};
}

answer transcript(const arguments& in) {
    const auto knock = in.bytes("knock");
    const auto hash = crypto::sha256(knock);
    return json{{"knock_hash", to_hex(hash.bytes())},
                {"session_id", to_hex(session::session_id_of(hash, secret_of<e2ee::id_key>(in.bytes("id_key"))).bytes())},
                {"transcript", to_hex(session::transcript_of(knock, in.bytes("accept")).bytes())}};
}

answer write_frame(const arguments& in) {
    auto frame = session::message_head_bytes(value_of<session::session_id>(in.bytes("session_id")), in.number<bool>("bound"));
    const auto prefix = session::message_context(
        session::session_context(card_of(in.bytes("initiator_card")), card_of(in.bytes("responder_card"))),
        value_of<crypto::sha256_digest>(in.bytes("hash")), direction_of(in), frame);
    const auto header = need(e2ee::parse_header(in.bytes("header")));
    auto plain = in.bytes("plain");
    const auto size = session::padded_size(plain.size());
    plain.push_back(0x80);
    plain.resize(size);
    const auto written = e2ee::header_bytes(header);
    frame.insert(frame.end(), written.begin(), written.end());
    const auto before = frame.size();
    frame.resize(before + plain.size() + e2ee::overhead<e2ee::am1>);
    e2ee::seal_message<e2ee::am1>(std::span{frame}.subspan(before), secret_of<e2ee::message_key>(in.bytes("message_key")), {},
                                  e2ee::associated_data{prefix, header}.bytes(), plain);
    return json{{"frame", to_hex(frame)}};
}

answer remove_padding(const arguments& in) {
    AGENTMESH_TRY(size, session::unpadded_size(in.bytes("padded")));
    return json{{"size", size}};
}

answer write_notice(const arguments& in) {
    const signing_key_pair key{secret_of<crypto::ed25519_seed>(in.bytes("seed"))};
    return json{{"notice", to_hex(session::write_notice(value_of<session::session_id>(in.bytes("session_id")),
                                                        crypto::sha256(in.bytes("frame")), name_of(in.text("to")), key))}};
}

answer verify_notice(const arguments& in) {
    const auto notice = in.bytes("notice");
    AGENTMESH_CHECK(session::parse_notice(notice));
    AGENTMESH_CHECK(session::verify_notice(notice, crypto::sha256(in.bytes("frame")), name_of(in.text("to")),
                                           value_of<signing_public_key>(in.bytes("public_key"))));
    return json::object();
}

}  // namespace

void add_knock(operations& into) {
    into["knock.frame.kind"] = kind_of_frame;
    into["knock.head"] = read_head;
    into["knock.seal"] = seal_knock;
    into["knock.open"] = open_knock;
    into["knock.read"] = read_knock;
    into["knock.reply.seal"] = seal_reply;
    into["knock.reply.read"] = read_reply;
    into["knock.transcript"] = transcript;
    into["knock.message.frame"] = write_frame;
    into["knock.padding.size"] = [](const arguments& in) -> answer {
        return json{{"padded", session::padded_size(in.number<std::size_t>("size"))}};
    };
    into["knock.padding.remove"] = remove_padding;
    into["knock.notice.write"] = write_notice;
    into["knock.notice.verify"] = verify_notice;
}

}  // namespace agentmesh::shim
