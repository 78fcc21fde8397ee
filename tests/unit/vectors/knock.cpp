// vectors/knock against session/.
#include <agentmesh/e2ee/ratchet.hpp>
#include <agentmesh/session/knock_frame.hpp>
#include <agentmesh/session/knock_v02.hpp>

#include "tests/support/vectors.hpp"

using namespace agentmesh;
using namespace vectors;

namespace {

template <class Secret>
Secret secret_of(const buffer& bytes) {
    auto out = Secret::from(bytes);
    REQUIRE(out);
    return *std::move(out);
}
template <class Fixed>
Fixed value_of(const buffer& bytes) {
    const auto out = fixed<Fixed>(bytes);
    REQUIRE(out);
    return *out;
}
buffer shared_bytes(const row& of, const char* name) {
    const auto out = from_hex(of.shared.at(name).get<std::string>());
    REQUIRE(out);
    return *out;
}
e2ee::identity_card card_of(const buffer& bytes) {
    auto out = e2ee::identity_card::parse(bytes);
    REQUIRE(out);
    return *std::move(out);
}
amid name_of(const std::string& text) {
    const auto out = amid::parse(text);
    REQUIRE(out);
    return *out;
}

/// A card in a frame has one errc for whatever does not hold; the clause tells which.
error refiled(const error& why) {
    if (why.code != errc::bad_bundle) return why;
    if (why.clause == "AM-KEX-005") return {errc::amid_mismatch, why.clause};
    if (why.clause == "AM-KEX-006") return {errc::bad_signature, why.clause};
    return why;
}

TEST_CASE("KNOCK frames are written and read as in the vectors",
          "[vectors][session][AM-KNK-001][AM-KNK-002][AM-KNK-003][AM-KNK-004][AM-KNK-006]") {
    const auto rows = for_each_row(
        "knock/frames", {
                            {"frame.kind", by([](fields& in, const row&) -> outcome {
                                 AGENTMESH_TRY(frame, session::from_payload(in.text("payload")));
                                 return answer{.output = {{"kind", static_cast<int>(session::kind_of(frame))}}};
                             })},
                            {"knock.head", by([](fields& in, const row&) -> outcome {
                                 const auto frame = in.bytes("frame");
                                 const auto head = session::parse_knock_head(frame);
                                 if (!head) return tl::unexpected{refiled(head.error())};
                                 CHECK(to_hex(session::knock_head_bytes(*head)) == to_hex(byte_view{frame}.first(227)));
                                 return answer{.output = {{"optimistic", head->optimistic},
                                                          {"amid", head->card.name.text()},
                                                          {"epoch", head->card.epoch},
                                                          {"ephemeral_key", to_hex(head->ephemeral.bytes())},
                                                          {"ratchet_key", to_hex(head->ratchet_key.bytes())},
                                                          {"signed_prekey_id", head->prekey},
                                                          {"one_time_prekey_id", head->one_time_key}}};
                             })},
                            {"knock.seal", by([](fields& in, const row&) -> outcome {
                                 // A frame of the head alone, of a size that the reader takes.
                                 auto whole = in.bytes("head");
                                 whole.resize(whole.size() + 512 + 16);
                                 const auto head = session::parse_knock_head(whole);
                                 REQUIRE(head);
                                 auto text = in.text("text");
                                 AGENTMESH_CHECK(session::pad_text(text));
                                 const auto key = secret_of<e2ee::knock_key>(in.bytes("key"));
                                 return answer{.output = {{"frame", to_hex(session::seal_knock(*head, key, text))}}};
                             })},
                            {"knock.open", by([](fields& in, const row&) -> outcome {
                                 const auto key = secret_of<e2ee::knock_key>(in.bytes("key"));
                                 AGENTMESH_TRY(text, session::open_knock(in.bytes("frame"), key));
                                 text.resize(text.find_last_not_of(' ') + 1);
                                 return answer{.output = {{"text", text}}};
                             })},
                        });
    CHECK(rows >= 60);
}

TEST_CASE("KNOCK texts are read as in the vectors",
          "[vectors][session][AM-KNK-007][AM-KNK-008][AM-KNK-009][AM-KNK-011]") {
    const auto rows = for_each_row("knock/texts",
                                   {{"knock.read", by([](fields& in, const row& of) -> outcome {
                                         const auto key = value_of<signing_public_key>(shared_bytes(of, "signing_key"));
                                         const auto context = value_of<crypto::sha256_digest>(in.bytes("context"));
                                         const auto card = name_of(in.text("card")), self = name_of(in.text("self"));
                                         AGENTMESH_TRY(read, session::parse_knock(in.text("text"), context, key));
                                         AGENTMESH_CHECK(session::check_knock(read, card, self, time_of(of.now)));
                                         std::string what = read.what.category;
                                         if (!read.what.subcategory.empty()) what += '/' + read.what.subcategory;
                                         if (!read.what.action.empty()) what += '/' + read.what.action;
                                         return answer{.output = {{"intent", what},
                                                                  {"urgency", session::to_text(read.what.urgency)},
                                                                  {"type", session::to_text(read.asked.kind)},
                                                                  {"ttl_seconds", read.asked.ttl_seconds},
                                                                  {"expected_messages", read.asked.expected_messages},
                                                                  {"suites", read.suites},
                                                                  {"features", read.features},
                                                                  {"nonce", to_hex(read.nonce.bytes())}}};
                                     })}});
    CHECK(rows >= 85);
}

TEST_CASE("answers to a KNOCK are written and read as in the vectors",
          "[vectors][session][AM-KNK-017][AM-KNK-018][AM-KNK-020][AM-KNK-021]") {
    const auto rows = for_each_row(
        "knock/replies",
        {
            {"reply.seal", by([](fields& in, const row& of) -> outcome {
                 const auto kind =
                     in.text("kind") == "accept" ? session::reply_kind::accept : session::reply_kind::reject;
                 auto text = in.text("text");
                 AGENTMESH_CHECK(session::pad_text(text));
                 const auto frame = session::seal_reply(kind, value_of<crypto::sha256_digest>(in.bytes("knock_hash")),
                                                        card_of(shared_bytes(of, "responder_card")),
                                                        secret_of<e2ee::reply_key>(in.bytes("key")), text);
                 return answer{.output = {{"frame", to_hex(frame)}}};
             })},
            {"reply.read", by([](fields& in, const row& of) -> outcome {
                 const auto knock = value_of<crypto::sha256_digest>(shared_bytes(of, "knock_hash"));
                 const auto card = card_of(shared_bytes(of, "responder_card"));
                 const auto initiator = name_of(of.shared.at("initiator").get<std::string>());
                 AGENTMESH_TRY(opened, session::open_reply(in.bytes("frame"), knock, card,
                                                           secret_of<e2ee::reply_key>(shared_bytes(of, "key"))));
                 if (opened.kind == session::reply_kind::reject) {
                     AGENTMESH_TRY(no, session::parse_reject(opened.text, card.signing));
                     // As the engine does.
                     if (no.knock != knock || no.from != card.name || no.to != initiator)
                         return fail(errc::bad_knock, "AM-KNK-018");
                     vectors::json out = {{"kind", "reject"}, {"reason", session::to_text(no.reason)}};
                     if (no.retry_after_seconds) out["retry_after_seconds"] = *no.retry_after_seconds;
                     return answer{.output = out};
                 }
                 AGENTMESH_TRY(yes, session::parse_accept(opened.text, card.signing));
                 session::knock_content asked{.from = initiator, .to = card.name};
                 asked.suites = of.shared.at("suites").get<std::vector<std::string>>();
                 asked.features = of.shared.at("features").get<std::vector<std::string>>();
                 asked.asked.ttl_seconds = of.shared.at("ttl_seconds").get<std::uint32_t>();
                 asked.asked.expected_messages = of.shared.at("expected_messages").get<std::uint32_t>();
                 const auto id = value_of<session::session_id>(shared_bytes(of, "session_id"));
                 AGENTMESH_CHECK(session::check_accept(yes, knock, id, asked));
                 return answer{.output = {{"kind", "accept"},
                                          {"suite", yes.suite},
                                          {"features", yes.features},
                                          {"ratchet_key", to_hex(yes.ratchet_key.bytes())},
                                          {"constraints",
                                           {{"max_message_size_bytes", yes.held_to.max_message_size_bytes},
                                            {"max_messages", yes.held_to.max_messages},
                                            {"ttl_seconds", yes.held_to.ttl_seconds}}}}};
             })},
            {"transcript", by([](fields& in, const row&) -> outcome {
                 const auto knock = in.bytes("knock"), accept = in.bytes("accept");
                 const auto hash = crypto::sha256(knock);
                 const auto id = session::session_id_of(hash, secret_of<e2ee::id_key>(in.bytes("id_key")));
                 return answer{.output = {{"knock_hash", to_hex(hash.bytes())},
                                          {"session_id", to_hex(id.bytes())},
                                          {"transcript", to_hex(session::transcript_of(knock, accept).bytes())}}};
             })},
        });
    CHECK(rows >= 55);
}

TEST_CASE("message frames, padding and notices are as in the vectors",
          "[vectors][session][AM-KNK-022][AM-KNK-023][AM-KNK-029][AM-KNK-030][AM-RAT-005]") {
    const auto padded = [](buffer plain) {
        const auto size = session::padded_size(plain.size());
        plain.push_back(0x80);
        plain.resize(size);
        return plain;
    };
    const auto rows = for_each_row(
        "knock/messages",
        {
            {"message.frame", by([&](fields& in, const row& of) -> outcome {
                 const auto id = value_of<session::session_id>(in.bytes("session_id"));
                 auto frame = session::message_head_bytes(id, in["bound"].get<bool>());
                 const auto from =
                     in["direction"] == 0 ? session::direction::from_initiator : session::direction::from_responder;
                 const auto prefix =
                     session::message_context(session::session_context(card_of(shared_bytes(of, "initiator_card")),
                                                                       card_of(shared_bytes(of, "responder_card"))),
                                              value_of<crypto::sha256_digest>(in.bytes("hash")), from, frame);
                 const auto header = e2ee::parse_header(in.bytes("header"));
                 REQUIRE(header);
                 const auto plain = padded(in.bytes("plain"));
                 const auto written = e2ee::header_bytes(*header);
                 frame.insert(frame.end(), written.begin(), written.end());
                 const auto before = frame.size();
                 frame.resize(before + plain.size() + e2ee::overhead<e2ee::am1>);
                 e2ee::seal_message<e2ee::am1>(std::span{frame}.subspan(before),
                                               secret_of<e2ee::message_key>(in.bytes("message_key")), {},
                                               e2ee::associated_data{prefix, *header}.bytes(), plain);
                 const auto parts = session::parse_message_frame(frame);
                 REQUIRE(parts);
                 CHECK(parts->session == id);
                 CHECK(parts->header == *header);
                 return answer{.output = {{"frame", to_hex(frame)}}};
             })},
            {"padding.size", by([](fields& in, const row&) -> outcome {
                 return answer{.output = {{"padded", session::padded_size(in["size"].get<std::size_t>())}}};
             })},
            {"padding.remove", by([](fields& in, const row&) -> outcome {
                 AGENTMESH_TRY(size, session::unpadded_size(in.bytes("padded")));
                 return answer{.output = {{"size", size}}};
             })},
            {"notice.write", by([](fields& in, const row& of) -> outcome {
                 const signing_key_pair key{secret_of<crypto::ed25519_seed>(shared_bytes(of, "seed"))};
                 const auto notice =
                     session::write_notice(value_of<session::session_id>(in.bytes("session_id")),
                                           crypto::sha256(in.bytes("frame")), name_of(in.text("to")), key);
                 return answer{.output = {{"notice", to_hex(notice)}}};
             })},
            {"notice.verify", by([](fields& in, const row& of) -> outcome {
                 const auto notice = in.bytes("notice");
                 const auto hash = crypto::sha256(in.bytes("frame"));
                 const auto to = name_of(in.text("to"));
                 AGENTMESH_CHECK(session::parse_notice(notice));
                 AGENTMESH_CHECK(session::verify_notice(notice, hash, to,
                                                        value_of<signing_public_key>(shared_bytes(of, "public_key"))));
                 return answer{};
             })},
        });
    CHECK(rows >= 55);
}

session::intent intent_of(const vectors::json& object) {
    fields in{object};
    session::intent out{.category = in.text("category")};
    if (in.has("subcategory")) out.subcategory = in.text("subcategory");
    if (in.has("action")) out.action = in.text("action");
    if (in.has("urgency")) out.urgency = *session::parse_urgency(in.text("urgency"));
    return out;
}

TEST_CASE("KNOCKs of both deployed dialects are as in the vectors",
          "[vectors][session][AM-KNK-040][AM-KNK-041][AM-KNK-042][AM-KNK-043][AM-KNK-044]") {
    namespace v02 = session::v02;
    const auto rows = for_each_row(
        "knock/v02",
        {
            {"v02.signed", by([](fields& in, const row&) -> outcome {
                 const auto from = name_of(in.text("from")), to = name_of(in.text("to"));
                 const auto time = in.text("timestamp"), word = in.text("word");
                 return answer{.output = {{"knock", v02::python_knock_bytes(from, to, intent_of(in["intent"]), time)},
                                          {"accept", v02::python_accept_bytes(word, from, to, time)},
                                          {"reject", v02::python_reject_bytes(word, from, to, time)}}};
             })},
            {"v02.write", by([](fields& in, const row& of) -> outcome {
                 const signing_key_pair key{secret_of<crypto::ed25519_seed>(shared_bytes(of, "seed"))};
                 const auto at = time_of(in.text("at"));
                 CHECK(v02::python_time(at) == in.text("timestamp"));
                 const auto to = name_of(in.text("to"));
                 const auto text = v02::write_knock(to, intent_of(in["intent"]), {}, tier::verified, {}, at, key);
                 CHECK(v02::read_knock(text, to, key.public_key(), at));
                 const auto read = vectors::json::parse(text);
                 CHECK(read["nonce"] == std::string(32, '0'));
                 return answer{.output = {{"timestamp", read["timestamp"]}, {"signature", read["signature"]}}};
             })},
            {"v02.read", by([](fields& in, const row& of) -> outcome {
                 const auto key = value_of<signing_public_key>(shared_bytes(of, "public_key"));
                 const auto self = name_of(of.shared.at("recipient").get<std::string>());
                 AGENTMESH_TRY(read, v02::read_knock(in.text("text"), self, key, time_of(of.now)));
                 std::string what = read.what.category;
                 if (!read.what.subcategory.empty()) what += '/' + read.what.subcategory;
                 if (!read.what.action.empty()) what += '/' + read.what.action;
                 return answer{.output = {{"dialect", read.dialect == v02::dialect::python ? "python" : "javascript"},
                                          {"intent", what},
                                          {"type", session::to_text(read.asked.kind)},
                                          {"ttl_seconds", read.asked.ttl_seconds},
                                          {"expected_messages", read.asked.expected_messages}}};
             })},
        });
    CHECK(rows >= 60);
}

exchange_key_pair pair_of(const buffer& private_key) {
    return exchange_key_pair{secret_of<exchange_secret_key>(private_key)};
}

/// Gives out SHA-256 of "pair/A/0", "pair/A/1" and so on; `kept` counts what the ratchet has taken over.
struct counted_pairs {
    char side;
    std::size_t kept = 0;

    result<void> fill(std::span<std::uint8_t> out) {
        const auto bytes = crypto::sha256(as_bytes("pair/" + std::string{side} + "/" + std::to_string(kept)));
        REQUIRE(out.size() == 32);
        std::copy(bytes.bytes().begin(), bytes.bytes().end(), out.begin());
        return {};
    }
};

/// One side of a session, from its keys on.
struct party {
    e2ee::double_ratchet<e2ee::am1> ratchet;
    counted_pairs random;

    template <class Use>
    auto keep(Use use) {
        const auto before = ratchet.turns();
        auto out = use();
        if (ratchet.turns() != before) ++random.kept;
        return out;
    }
};

outcome talk(fields& in, const row&) {
    fields a{in["initiator"]}, b{in["responder"]};
    const auto identity = [](fields& of) {
        return local_identity{signing_key_pair{secret_of<crypto::ed25519_seed>(of.bytes("seed"))},
                              pair_of(of.bytes("exchange_private_key")), time_point{}};
    };
    const auto alice = identity(a), bob = identity(b);
    const auto card_a = e2ee::identity_card::make(alice, a["epoch"].get<std::uint32_t>());
    const auto card_b = e2ee::identity_card::make(bob, b["epoch"].get<std::uint32_t>());
    const auto ephemeral = pair_of(a.bytes("ephemeral_private_key"));
    auto first = pair_of(a.bytes("ratchet_private_key"));
    const auto first_key = first.public_key();
    const e2ee::prekey_pair prekey{b["signed_prekey_id"].get<std::uint32_t>(),
                                   pair_of(b.bytes("signed_prekey_private_key"))};
    std::optional<e2ee::prekey_pair> once;
    if (b.has("one_time_prekey_id"))
        once.emplace(b["one_time_prekey_id"].get<std::uint32_t>(), pair_of(b.bytes("one_time_prekey_private_key")));

    // Both sides agree.
    e2ee::prekey_bundle bundle{card_b, {}, {}};
    bundle.signed_key.id = prekey.id;
    bundle.signed_key.key = prekey.pair.public_key();
    session::knock_head head{.optimistic = in["optimistic"].get<bool>(),
                             .card = card_a,
                             .ephemeral = ephemeral.public_key(),
                             .ratchet_key = first_key,
                             .prekey = prekey.id};
    if (once) {
        bundle.one_time.emplace();
        bundle.one_time->id = once->id;
        bundle.one_time->key = once->pair.public_key();
        head.one_time_key = once->id;
    }
    auto mine = e2ee::agree_am1_initiator(alice.exchange(), card_a, ephemeral, first_key, bundle);
    auto theirs = e2ee::agree_am1_responder(bob.exchange(), card_b, card_a, ephemeral.public_key(), first_key, prekey,
                                            once ? &*once : nullptr);
    REQUIRE(mine);
    REQUIRE(theirs);

    // KNOCK and ACCEPT.
    auto knock_text = in.text("knock_text"), accept_text = in.text("accept_text");
    REQUIRE(session::pad_text(knock_text));
    REQUIRE(session::pad_text(accept_text));
    const auto knock = session::seal_knock(head, mine->knock, knock_text);
    CHECK(session::open_knock(knock, theirs->knock) == knock_text);
    CHECK(session::parse_knock(knock_text, theirs->context, alice.signing().public_key()));
    const auto hash = crypto::sha256(knock);
    const auto id = session::session_id_of(hash, theirs->session);
    CHECK(session::session_id_of(hash, mine->session) == id);
    const auto accept = session::seal_reply(session::reply_kind::accept, hash, card_b, theirs->reply, accept_text);
    const auto opened = session::open_reply(accept, hash, card_b, mine->reply);
    REQUIRE(opened);
    const auto answer_read = session::parse_accept(opened->text, bob.signing().public_key());
    REQUIRE(answer_read);
    const auto transcript = session::transcript_of(knock, accept);

    auto initiator =
        e2ee::double_ratchet<e2ee::am1>::initiate(std::move(mine->root), std::move(first), prekey.pair.public_key());
    auto responder = e2ee::double_ratchet<e2ee::am1>::respond(std::move(theirs->root), prekey.pair, first_key,
                                                              pair_of(b.bytes("ratchet_private_key")));
    REQUIRE(initiator);
    REQUIRE(responder);
    std::array<party, 2> side{party{*std::move(initiator), {'A'}}, party{*std::move(responder), {'B'}}};
    bool stepped = false;
    const auto step = [&] {
        if (stepped) return;
        stepped = true;
        REQUIRE(side[0].keep([&] { return side[0].ratchet.step(answer_read->ratchet_key, side[0].random); }));
    };
    const auto prefix = [&](std::size_t by, byte_view start) {
        const auto from = by == 0 ? session::direction::from_initiator : session::direction::from_responder;
        const bool bound = start[18] == 1;
        return session::message_context(session::session_context(card_a, card_b), bound ? transcript : hash, from,
                                        start);
    };
    const auto open = [&](std::size_t by, byte_view frame) -> result<buffer> {
        if (by == 0) step();
        const auto header = e2ee::parse_header(frame.subspan(19, 40));
        REQUIRE(header);
        buffer padded;
        AGENTMESH_CHECK(side[by].keep([&] {
            return side[by].ratchet.open(padded, *header, prefix(1 - by, frame.first(19)), frame.subspan(59),
                                         side[by].random);
        }));
        AGENTMESH_TRY(size, session::unpadded_size(padded));
        padded.resize(size);
        return padded;
    };

    auto frames = vectors::json::array();
    for (const auto& each : in["steps"]) {
        fields one{each};
        const std::size_t by = one.text("by") == "A" ? 0 : 1;
        const bool bound = one["bound"].get<bool>();
        if (by == 0 && bound) step();
        const auto plain = one.bytes("plain");
        auto padded = plain;
        const auto size = session::padded_size(plain.size());
        padded.push_back(0x80);
        padded.resize(size);
        auto frame = session::message_head_bytes(id, bound);
        const auto start = frame;
        const auto header = e2ee::header_bytes(side[by].ratchet.next_header());
        frame.insert(frame.end(), header.begin(), header.end());
        REQUIRE(side[by].ratchet.seal(frame, prefix(by, start), padded, side[by].random));
        CHECK(open(1 - by, frame) == plain);
        frames.push_back(to_hex(frame));
    }
    vectors::json out = {{"knock", to_hex(knock)},
                         {"accept", to_hex(accept)},
                         {"session_id", to_hex(id.bytes())},
                         {"transcript", to_hex(transcript.bytes())},
                         {"frames", frames}};
    if (in.has("last")) {
        fields last{in["last"]};
        AGENTMESH_TRY(plain, open(last.text("to") == "A" ? 0 : 1, last.bytes("frame")));
        out["plain"] = to_hex(plain);
    }
    return answer{.output = out};
}

TEST_CASE("whole sessions go as in the vectors",
          "[vectors][session][AM-KNK-002][AM-KNK-017][AM-KNK-021][AM-KNK-022][AM-RAT-005][AM-RAT-010][AM-KEX-040]") {
    CHECK(for_each_row("knock/session", {{"session.conversation", by(talk)}}) >= 14);
}

}  // namespace
