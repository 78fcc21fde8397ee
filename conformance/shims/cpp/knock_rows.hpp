// Rows of vectors/knock asked of the library, for the shim and for the library's own tests.
#pragma once

#include "conformance/shims/cpp/values.hpp"

#include <agentmesh/e2ee/ratchet.hpp>
#include <agentmesh/e2ee/x3dh.hpp>
#include <agentmesh/session/knock_frame.hpp>
#include <agentmesh/session/knock_v02.hpp>

namespace agentmesh::shim::knock_rows {

using session::direction;

inline direction direction_of(const arguments& in) {
    return in["direction"] == 0 ? direction::from_initiator : direction::from_responder;
}

inline answer kind_of_frame(const arguments& in) {
    AGENTMESH_TRY(frame, session::from_payload(in.text("payload")));
    return json{{"kind", static_cast<int>(session::kind_of(frame))}};
}

inline answer read_head(const arguments& in) {
    const auto head = session::parse_knock_head(in.bytes("frame"));
    if (!head) return fail(refiled(head.error()));
    const auto bytes = session::knock_head_bytes(*head);
    const auto frame = in.bytes("frame");
    demand(std::equal(bytes.begin(), bytes.end(), frame.begin()), "a head is written otherwise than it was read");
    return json{{"optimistic", head->optimistic},
                {"amid", head->card.name.text()},
                {"epoch", head->card.epoch},
                {"ephemeral_key", to_hex(head->ephemeral.bytes())},
                {"ratchet_key", to_hex(head->ratchet_key.bytes())},
                {"signed_prekey_id", head->prekey},
                {"one_time_prekey_id", head->one_time_key}};
}

inline answer seal_knock(const arguments& in) {
    auto whole = in.bytes("head");
    whole.resize(whole.size() + 512 + 16);  // a frame of the head alone, of a size that the reader takes
    const auto head = need(session::parse_knock_head(whole));
    auto text = in.text("text");
    AGENTMESH_CHECK(session::pad_text(text));
    return json{{"frame", to_hex(session::seal_knock(head, secret_of<e2ee::knock_key>(in.bytes("key")), text))}};
}

inline answer open_knock(const arguments& in) {
    AGENTMESH_TRY(text, session::open_knock(in.bytes("frame"), secret_of<e2ee::knock_key>(in.bytes("key"))));
    text.resize(text.find_last_not_of(' ') + 1);
    return json{{"text", text}};
}

inline std::string words_of(const session::intent& what) {
    auto out = what.category;
    if (!what.subcategory.empty()) out += '/' + what.subcategory;
    if (!what.action.empty()) out += '/' + what.action;
    return out;
}

inline answer read_knock(const arguments& in) {
    const auto key = value_of<signing_public_key>(in.bytes("signing_key"));
    const auto context = value_of<crypto::sha256_digest>(in.bytes("context"));
    AGENTMESH_TRY(read, session::parse_knock(in.text("text"), context, key));
    AGENTMESH_CHECK(session::check_knock(read, name_of(in.text("card")), name_of(in.text("self")), in.now()));
    return json{{"intent", words_of(read.what)},
                {"urgency", session::to_text(read.what.urgency)},
                {"type", session::to_text(read.asked.kind)},
                {"ttl_seconds", read.asked.ttl_seconds},
                {"expected_messages", read.asked.expected_messages},
                {"suites", read.suites},
                {"features", read.features},
                {"nonce", to_hex(read.nonce.bytes())}};
}

inline answer seal_reply(const arguments& in) {
    const auto kind = in.text("kind") == "accept" ? session::reply_kind::accept : session::reply_kind::reject;
    auto text = in.text("text");
    AGENTMESH_CHECK(session::pad_text(text));
    return json{{"frame", to_hex(session::seal_reply(kind, value_of<crypto::sha256_digest>(in.bytes("knock_hash")),
                                                     card_of(in.bytes("responder_card")),
                                                     secret_of<e2ee::reply_key>(in.bytes("key")), text))}};
}

inline answer read_reply(const arguments& in) {
    const auto knock = value_of<crypto::sha256_digest>(in.bytes("knock_hash"));
    const auto card = card_of(in.bytes("responder_card"));
    const auto initiator = name_of(in.text("initiator"));
    AGENTMESH_TRY(opened,
                  session::open_reply(in.bytes("frame"), knock, card, secret_of<e2ee::reply_key>(in.bytes("key"))));
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

inline answer transcript(const arguments& in) {
    const auto knock = in.bytes("knock");
    const auto hash = crypto::sha256(knock);
    return json{
        {"knock_hash", to_hex(hash.bytes())},
        {"session_id", to_hex(session::session_id_of(hash, secret_of<e2ee::id_key>(in.bytes("id_key"))).bytes())},
        {"transcript", to_hex(session::transcript_of(knock, in.bytes("accept")).bytes())}};
}

inline answer write_frame(const arguments& in) {
    auto frame =
        session::message_head_bytes(value_of<session::session_id>(in.bytes("session_id")), in.number<bool>("bound"));
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
    e2ee::seal_message<e2ee::am1>(std::span{frame}.subspan(before),
                                  secret_of<e2ee::message_key>(in.bytes("message_key")), {},
                                  e2ee::associated_data{prefix, header}.bytes(), plain);
    const auto parts = need(session::parse_message_frame(frame));
    demand(parts.header == header && parts.session == value_of<session::session_id>(in.bytes("session_id")),
           "a frame is read otherwise than it was written");
    return json{{"frame", to_hex(frame)}};
}

inline answer remove_padding(const arguments& in) {
    AGENTMESH_TRY(size, session::unpadded_size(in.bytes("padded")));
    return json{{"size", size}};
}

inline answer write_notice(const arguments& in) {
    const signing_key_pair key{secret_of<crypto::ed25519_seed>(in.bytes("seed"))};
    return json{
        {"notice", to_hex(session::write_notice(value_of<session::session_id>(in.bytes("session_id")),
                                                crypto::sha256(in.bytes("frame")), name_of(in.text("to")), key))}};
}

inline answer verify_notice(const arguments& in) {
    const auto notice = in.bytes("notice");
    AGENTMESH_CHECK(session::parse_notice(notice));
    AGENTMESH_CHECK(session::verify_notice(notice, crypto::sha256(in.bytes("frame")), name_of(in.text("to")),
                                           value_of<signing_public_key>(in.bytes("public_key"))));
    return json::object();
}

// --- the deployed dialects --------------------------------------------------------------------------------------

inline session::intent intent_of(const arguments& in) {
    session::intent out{.category = in.text("category")};
    if (in.has("subcategory")) out.subcategory = in.text("subcategory");
    if (in.has("action")) out.action = in.text("action");
    if (in.has("urgency")) {
        const auto level = session::parse_urgency(in.text("urgency"));
        if (!level) throw std::invalid_argument{"no such urgency"};
        out.urgency = *level;
    }
    return out;
}

inline answer v02_signed(const arguments& in) {
    namespace v02 = session::v02;
    const auto from = name_of(in.text("from")), to = name_of(in.text("to"));
    const auto time = in.text("timestamp"), word = in.text("word");
    return json{{"knock", v02::python_knock_bytes(from, to, intent_of(in.of(in["intent"])), time)},
                {"accept", v02::python_accept_bytes(word, from, to, time)},
                {"reject", v02::python_reject_bytes(word, from, to, time)}};
}

inline answer v02_write(const arguments& in) {
    const signing_key_pair key{secret_of<crypto::ed25519_seed>(in.bytes("seed"))};
    const auto at = need(parse_time(in.text("at")));
    if (in.has("timestamp"))
        demand(session::v02::python_time(at) == in.text("timestamp"), "a time is written otherwise");
    const auto text = session::v02::write_knock(name_of(in.text("to")), intent_of(in.of(in["intent"])), {},
                                                tier::verified, {}, at, key);
    need(session::v02::read_knock(text, name_of(in.text("to")), key.public_key(), at));
    const auto read = json::parse(text);
    return json{{"timestamp", read["timestamp"]}, {"signature", read["signature"]}};
}

inline answer v02_read(const arguments& in) {
    namespace v02 = session::v02;
    AGENTMESH_TRY(read, v02::read_knock(in.text("text"), name_of(in.text("recipient")),
                                        value_of<signing_public_key>(in.bytes("public_key")), in.now()));
    return json{{"dialect", read.dialect == v02::dialect::python ? "python" : "javascript"},
                {"intent", words_of(read.what)},
                {"type", session::to_text(read.asked.kind)},
                {"ttl_seconds", read.asked.ttl_seconds},
                {"expected_messages", read.asked.expected_messages}};
}

// --- whole sessions, from both agents' keys to the last frame ---------------------------------------------------

/// Gives out SHA-256 of "pair/A/0", "pair/A/1" and so on; `kept` counts what the ratchet has taken over.
struct counted_pairs {
    char side;
    std::size_t kept = 0;

    result<void> fill(std::span<std::uint8_t> out) {
        const auto bytes = crypto::sha256(as_bytes("pair/" + std::string{side} + "/" + std::to_string(kept)));
        if (out.size() != 32) return fail(errc::random_failed);
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

/// Both sides, each with keys of its own; `last` is one more frame, which may be refused.
class whole_session {
public:
    explicit whole_session(const arguments& in) : card_a_{card_in(in, "initiator")}, card_b_{card_in(in, "responder")} {
        const auto a = in.of(in["initiator"]), b = in.of(in["responder"]);
        const auto alice = agent_in(a), bob = agent_in(b);
        const auto ephemeral = pair_of(a.bytes("ephemeral_private_key"));
        auto first = pair_of(a.bytes("ratchet_private_key"));
        const auto first_key = first.public_key();
        const e2ee::prekey_pair prekey{b.number<std::uint32_t>("signed_prekey_id"),
                                       pair_of(b.bytes("signed_prekey_private_key"))};
        std::optional<e2ee::prekey_pair> once;
        if (b.has("one_time_prekey_id"))
            once.emplace(b.number<std::uint32_t>("one_time_prekey_id"),
                         pair_of(b.bytes("one_time_prekey_private_key")));

        e2ee::prekey_bundle bundle{card_b_, {}, {}};
        bundle.signed_key.id = prekey.id;
        bundle.signed_key.key = prekey.pair.public_key();
        session::knock_head head{.optimistic = in.number<bool>("optimistic"),
                                 .card = card_a_,
                                 .ephemeral = ephemeral.public_key(),
                                 .ratchet_key = first_key,
                                 .prekey = prekey.id};
        if (once) {
            bundle.one_time.emplace();
            bundle.one_time->id = once->id;
            bundle.one_time->key = once->pair.public_key();
            head.one_time_key = once->id;
        }
        auto mine = need(e2ee::agree_am1_initiator(alice.exchange(), card_a_, ephemeral, first_key, bundle));
        auto theirs = need(e2ee::agree_am1_responder(bob.exchange(), card_b_, card_a_, ephemeral.public_key(),
                                                     first_key, prekey, once ? &*once : nullptr));
        auto knock_text = in.text("knock_text"), accept_text = in.text("accept_text");
        need(session::pad_text(knock_text));
        need(session::pad_text(accept_text));
        knock_ = session::seal_knock(head, mine.knock, knock_text);
        demand(need(session::open_knock(knock_, theirs.knock)) == knock_text, "a KNOCK is read otherwise than written");
        need(session::parse_knock(knock_text, theirs.context, alice.signing().public_key()));
        hash_ = crypto::sha256(knock_);
        id_ = session::session_id_of(hash_, theirs.session);
        demand(session::session_id_of(hash_, mine.session) == id_, "two sides name a session differently");
        accept_ = session::seal_reply(session::reply_kind::accept, hash_, card_b_, theirs.reply, accept_text);
        const auto opened = need(session::open_reply(accept_, hash_, card_b_, mine.reply));
        ratchet_key_ = need(session::parse_accept(opened.text, bob.signing().public_key())).ratchet_key;
        transcript_ = session::transcript_of(knock_, accept_);
        using ratchet = e2ee::double_ratchet<e2ee::am1>;
        side_.push_back(
            {need(ratchet::initiate(std::move(mine.root), std::move(first), prekey.pair.public_key())), {'A'}});
        side_.push_back({need(ratchet::respond(std::move(theirs.root), prekey.pair, first_key,
                                               pair_of(b.bytes("ratchet_private_key")))),
                         {'B'}});
    }

    buffer send(const arguments& one) {
        const std::size_t by = one.text("by") == "A" ? 0 : 1;
        const bool bound = one.number<bool>("bound");
        if (by == 0 && bound) step();
        auto padded = one.bytes("plain");
        const auto size = session::padded_size(padded.size());
        padded.push_back(0x80);
        padded.resize(size);
        auto frame = session::message_head_bytes(id_, bound);
        const auto start = frame;
        const auto header = e2ee::header_bytes(side_[by].ratchet.next_header());
        frame.insert(frame.end(), header.begin(), header.end());
        need(side_[by].ratchet.seal(frame, prefix(by, start), padded, side_[by].random));
        demand(need(open(1 - by, frame)) == one.bytes("plain"), "a message is read otherwise than written");
        return frame;
    }

    result<buffer> open(std::size_t by, byte_view frame) {
        if (by == 0) step();
        const auto header = need(e2ee::parse_header(frame.subspan(19, 40)));
        buffer padded;
        AGENTMESH_CHECK(side_[by].keep([&] {
            return side_[by].ratchet.open(padded, header, prefix(1 - by, frame.first(19)), frame.subspan(59),
                                          side_[by].random);
        }));
        AGENTMESH_TRY(size, session::unpadded_size(padded));
        padded.resize(size);
        return padded;
    }

    [[nodiscard]] json written() const {
        return {{"knock", to_hex(knock_)},
                {"accept", to_hex(accept_)},
                {"session_id", to_hex(id_.bytes())},
                {"transcript", to_hex(transcript_.bytes())}};
    }

private:
    static local_identity agent_in(const arguments& of) {
        return identity_of(of.bytes("seed"), of.bytes("exchange_private_key"));
    }
    static e2ee::identity_card card_in(const arguments& in, const char* side) {
        const auto of = in.of(in[side]);
        return e2ee::identity_card::make(agent_in(of), of.number<std::uint32_t>("epoch"));
    }
    void step() {
        if (std::exchange(stepped_, true)) return;
        need(side_[0].keep([&] { return side_[0].ratchet.step(ratchet_key_, side_[0].random); }));
    }
    [[nodiscard]] buffer prefix(std::size_t by, byte_view start) const {
        return session::message_context(session::session_context(card_a_, card_b_),
                                        start[18] == 1 ? transcript_ : hash_,
                                        by == 0 ? direction::from_initiator : direction::from_responder, start);
    }

    e2ee::identity_card card_a_, card_b_;
    buffer knock_, accept_;
    crypto::sha256_digest hash_, transcript_;
    session::session_id id_;
    exchange_public_key ratchet_key_;
    std::vector<party> side_;
    bool stepped_ = false;
};

inline answer converse(const arguments& in) {
    whole_session both{in};
    auto frames = json::array();
    for (const auto& one : in["steps"]) frames.push_back(to_hex(both.send(in.of(one))));
    auto out = both.written();
    out["frames"] = frames;
    if (in.has("last")) {
        const auto last = in.of(in["last"]);
        AGENTMESH_TRY(plain, both.open(last.text("to") == "A" ? 0 : 1, last.bytes("frame")));
        out["plain"] = to_hex(plain);
    }
    return out;
}

}  // namespace agentmesh::shim::knock_rows

namespace agentmesh::shim {

inline void add_knock_rows(operations& into) {
    using namespace knock_rows;
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
    into["knock.v02.signed"] = v02_signed;
    into["knock.v02.write"] = v02_write;
    into["knock.v02.read"] = v02_read;
    into["knock.session.conversation"] = converse;
}

}  // namespace agentmesh::shim
