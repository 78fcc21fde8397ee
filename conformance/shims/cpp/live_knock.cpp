// KNOCKs with the harness as the other side, and the session that follows; keys of this side are its own.
#include "conformance/shims/cpp/feed.hpp"

#include <agentmesh/e2ee/prekey_store.hpp>
#include <agentmesh/e2ee/ratchet.hpp>
#include <agentmesh/session/knock_frame.hpp>

namespace agentmesh::shim {
namespace {

using session::direction;
using ratchet = e2ee::double_ratchet<e2ee::am1>;

template <class T>
T known(std::optional<T> word) {
    if (!word) throw std::invalid_argument{"no such word"};
    return *std::move(word);
}

/// An agent that can be knocked at.
struct agent {
    local_identity self;
    e2ee::identity_card card;
    e2ee::prekey_store prekeys{};
    memory_state state{};
};

/// One side of a session, from its KNOCK on.
struct conversation {
    direction own;
    e2ee::identity_card initiator, responder;
    std::optional<session::knock_content> asked{};
    crypto::sha256_digest hash{};
    std::optional<crypto::sha256_digest> bound{};  ///< the transcript, once there is an ACCEPT
    session::session_id id{};
    e2ee::reply_key reply{};
    buffer knock{};
    std::optional<ratchet> speech{};
    // Of a responder that has not answered yet.
    agent* of = nullptr;
    e2ee::root_key root{};
    std::optional<session::knock_head> head{};

    [[nodiscard]] const e2ee::identity_card& peer() const {
        return own == direction::from_initiator ? responder : initiator;
    }
    [[nodiscard]] buffer prefix(direction from, byte_view start) const {
        return session::message_context(session::session_context(initiator, responder), start[18] == 1 ? *bound : hash,
                                        from, start);
    }
};

class live_knocks {
public:
    explicit live_knocks(std::shared_ptr<fed_random> random) : random_{std::move(random)} {}

    answer offer(const arguments& in) {
        if (agents_.contains(in.text("agent"))) throw refused_by_shim{"order"};
        auto self = need(local_identity::create(*random_, in.now()));
        const auto card = e2ee::identity_card::make(self, 1);
        auto made = std::make_unique<agent>(std::move(self), card);
        need(made->prekeys.maintain(made->self, made->state, *random_, in.now()));
        const auto once = need(made->prekeys.publication(card)).one_time.front().id;
        const auto bundle = need(made->prekeys.bundle(card, once));
        agents_.emplace(in.text("agent"), std::move(made));
        return json{{"bundle", e2ee::write_bundle(bundle)}};
    }

    answer ask(const arguments& in) {
        is_new(in);
        AGENTMESH_TRY(bundle, e2ee::parse_bundle(in.text("bundle")));
        if (const auto found = e2ee::check_bundle(bundle, name_of(in.text("expected")), in.now()); !found)
            return fail(refiled(found.error()));
        const auto self = need(local_identity::create(*random_, in.now()));
        const auto card = e2ee::identity_card::make(self, 1);
        const auto ephemeral = random_->pair();
        auto first = random_->pair();
        auto keys = need(e2ee::agree_am1_initiator(self.exchange(), card, ephemeral, first.public_key(), bundle));
        conversation made{.own = direction::from_initiator, .initiator = card, .responder = bundle.card};
        made.asked = wish(in, self.name(), bundle.card.name);
        session::knock_head head{.optimistic = in.number<bool>("optimistic"),
                                 .card = card,
                                 .ephemeral = ephemeral.public_key(),
                                 .ratchet_key = first.public_key(),
                                 .prekey = bundle.signed_key.id};
        if (bundle.one_time) head.one_time_key = bundle.one_time->id;
        auto text = session::write_knock(*made.asked, keys.context, self.signing());
        need(session::pad_text(text));
        made.knock = session::seal_knock(head, keys.knock, text);
        made.hash = crypto::sha256(made.knock);
        made.id = session::session_id_of(made.hash, keys.session);
        made.reply = std::move(keys.reply);
        made.speech.emplace(need(ratchet::initiate(std::move(keys.root), std::move(first), bundle.signed_key.key)));
        json out{{"frame", to_hex(made.knock)}};
        sessions_.emplace(in.text("session"), std::move(made));
        return out;
    }

    answer hear(const arguments& in) {
        is_new(in);
        const auto at = agents_.find(in.text("agent"));
        if (at == agents_.end()) throw refused_by_shim{"state"};
        auto& me = *at->second;
        const auto frame = in.bytes("frame");
        const auto head = session::parse_knock_head(frame);
        if (!head) return fail(refiled(head.error()));
        if (head->card.name != name_of(in.text("from"))) return fail(errc::amid_mismatch, "AM-KNK-005");
        AGENTMESH_TRY(key, me.prekeys.find_signed(head->prekey, in.now()));
        const e2ee::prekey_pair* once = nullptr;
        if (head->has_one_time_key()) {
            AGENTMESH_TRY(found, me.prekeys.find_one_time(head->one_time_key));
            once = found;
        }
        AGENTMESH_TRY(keys, e2ee::agree_am1_responder(me.self.exchange(), me.card, head->card, head->ephemeral,
                                                      head->ratchet_key, *key, once));
        AGENTMESH_TRY(text, session::open_knock(frame, keys.knock));
        AGENTMESH_TRY(read, session::parse_knock(text, keys.context, head->card.signing));
        AGENTMESH_CHECK(session::check_knock(read, head->card.name, me.self.name(), in.now()));
        conversation made{.own = direction::from_responder, .initiator = head->card, .responder = me.card};
        made.asked = read;
        made.knock = frame;
        made.hash = crypto::sha256(frame);
        made.id = session::session_id_of(made.hash, keys.session);
        made.reply = std::move(keys.reply);
        made.of = &me;
        made.root = std::move(keys.root);
        made.head = *head;
        sessions_.emplace(in.text("session"), std::move(made));
        return json{{"intent", read.what.category + (read.what.action.empty() ? "" : "/" + read.what.action)},
                    {"ttl_seconds", read.asked.ttl_seconds},
                    {"expected_messages", read.asked.expected_messages},
                    {"suites", read.suites},
                    {"features", read.features},
                    {"nonce", to_hex(read.nonce.bytes())}};
    }

    answer reply(const arguments& in) {
        auto& one = session_of(in);
        if (one.of == nullptr) throw refused_by_shim{"state"};
        auto& me = *std::exchange(one.of, nullptr);
        AGENTMESH_TRY(key, me.prekeys.find_signed(one.head->prekey, in.now()));
        const bool accepts = in.text("kind") == "accept";
        auto own = random_->pair();
        auto text = accepts ? accept_text(in, one, me, own.public_key()) : reject_text(in, one, me);
        need(session::pad_text(text));
        const auto kind = accepts ? session::reply_kind::accept : session::reply_kind::reject;
        const auto frame = session::seal_reply(kind, one.hash, me.card, one.reply, text);
        if (one.head->has_one_time_key()) {
            AGENTMESH_TRY(end, me.prekeys.spend(one.head->one_time_key));
            need(me.state.commit({&end, 1}));
            me.prekeys.forget(one.head->one_time_key);
        }
        if (accepts) {
            one.bound = session::transcript_of(one.knock, frame);
            one.speech.emplace(
                need(ratchet::respond(std::move(one.root), key->pair, one.head->ratchet_key, std::move(own))));
        }
        return json{{"frame", to_hex(frame)}};
    }

    answer conclude(const arguments& in) {
        auto& one = session_of(in);
        if (one.own != direction::from_initiator || one.bound) throw refused_by_shim{"state"};
        const auto frame = in.bytes("frame");
        AGENTMESH_TRY(opened, session::open_reply(frame, one.hash, one.responder, one.reply));
        if (opened.kind == session::reply_kind::reject) {
            AGENTMESH_TRY(no, session::parse_reject(opened.text, one.responder.signing));
            if (no.knock != one.hash || no.from != one.responder.name || no.to != one.initiator.name)
                return fail(errc::bad_knock, "AM-KNK-018");
            return json{{"kind", "reject"}, {"reason", session::to_text(no.reason)}};
        }
        AGENTMESH_TRY(yes, session::parse_accept(opened.text, one.responder.signing));
        AGENTMESH_CHECK(session::check_accept(yes, one.hash, one.id, *one.asked));
        AGENTMESH_CHECK(one.speech->step(yes.ratchet_key, *random_));
        one.bound = session::transcript_of(one.knock, frame);
        return json{{"kind", "accept"}, {"session_id", to_hex(one.id.bytes())}, {"features", yes.features}};
    }

    answer say(const arguments& in) {
        auto& one = session_of(in);
        if (!one.speech) throw refused_by_shim{"state"};
        auto padded = in.bytes("plain");
        const auto size = session::padded_size(padded.size());
        padded.push_back(0x80);
        padded.resize(size);
        auto frame = session::message_head_bytes(one.id, one.bound.has_value());
        const auto start = frame;
        const auto header = e2ee::header_bytes(one.speech->next_header());
        frame.insert(frame.end(), header.begin(), header.end());
        AGENTMESH_CHECK(one.speech->seal(frame, one.prefix(one.own, start), padded, *random_));
        return json{{"frame", to_hex(frame)}};
    }

    answer listen(const arguments& in) {
        auto& one = session_of(in);
        const auto frame = in.bytes("frame");
        AGENTMESH_TRY(read, session::parse_message_frame(frame));
        if (!one.speech || read.session != one.id || name_of(in.text("from")) != one.peer().name)
            return fail(errc::unknown_session);
        if (read.bound && !one.bound) return fail(errc::unknown_session);
        const auto from = one.own == direction::from_initiator ? direction::from_responder : direction::from_initiator;
        buffer padded;
        AGENTMESH_CHECK(one.speech->open(padded, read.header, one.prefix(from, read.head), read.sealed, *random_));
        AGENTMESH_TRY(size, session::unpadded_size(padded));
        padded.resize(size);
        return json{{"plain", to_hex(padded)}};
    }

private:
    void is_new(const arguments& in) const {
        if (sessions_.contains(in.text("session"))) throw refused_by_shim{"order"};
    }
    conversation& session_of(const arguments& in) {
        const auto found = sessions_.find(in.text("session"));
        if (found == sessions_.end()) throw refused_by_shim{"state"};
        return found->second;
    }
    session::knock_content wish(const arguments& in, const amid& from, const amid& to) {
        session::knock_content out{.from = from, .to = to};
        const arguments what{in["intent"], nullptr};
        out.what = {.category = what.text("category"),
                    .subcategory = what.text("subcategory", ""),
                    .action = what.text("action", "")};
        out.asked.kind = known(session::parse_session_kind(in.text("type")));
        out.asked.ttl_seconds = in.number<std::uint32_t>("ttl_seconds");
        out.asked.expected_messages = in.number<std::uint32_t>("expected_messages");
        out.suites = in["suites"].get<std::vector<std::string>>();
        out.features = in["features"].get<std::vector<std::string>>();
        out.nonce = need(crypto::random_value<session::knock_nonce>(*random_));
        out.timestamp = format_time(in.now());
        return out;
    }
    static std::string accept_text(const arguments& in, const conversation& one, const agent& me,
                                   const exchange_public_key& key) {
        return session::write_accept({.session = one.id,
                                      .knock = one.hash,
                                      .from = one.responder.name,
                                      .to = one.initiator.name,
                                      .suite = "am1",
                                      .features = in["features"].get<std::vector<std::string>>(),
                                      .ratchet_key = key,
                                      .held_to = session::narrowed({}, one.asked->asked),
                                      .timestamp = format_time(in.now())},
                                     me.self.signing());
    }
    static std::string reject_text(const arguments& in, const conversation& one, const agent& me) {
        return session::write_reject({.knock = one.hash,
                                      .from = one.responder.name,
                                      .to = one.initiator.name,
                                      .reason = known(session::parse_deny_reason(in.text("reason"))),
                                      .timestamp = format_time(in.now())},
                                     me.self.signing());
    }

    std::shared_ptr<fed_random> random_;
    std::map<std::string, std::unique_ptr<agent>> agents_;
    std::map<std::string, conversation> sessions_;
};

}  // namespace

void add_live_knock(operations& into, const std::shared_ptr<fed_random>& random) {
    const auto all = std::make_shared<live_knocks>(random);
    into["knock.offer"] = [all](const arguments& in) { return all->offer(in); };
    into["knock.ask"] = [all](const arguments& in) { return all->ask(in); };
    into["knock.hear"] = [all](const arguments& in) { return all->hear(in); };
    into["knock.answer"] = [all](const arguments& in) { return all->reply(in); };
    into["knock.conclude"] = [all](const arguments& in) { return all->conclude(in); };
    into["knock.say"] = [all](const arguments& in) { return all->say(in); };
    into["knock.listen"] = [all](const arguments& in) { return all->listen(in); };
}

}  // namespace agentmesh::shim
