// KNOCKs between the harness and the shim, and what is said after them.
#include "agentmesh/e2ee/ratchet.hpp"
#include "agentmesh/e2ee/suite_am1.hpp"
#include "agentmesh/session/knock_frame.hpp"
#include "agentmesh/session/knock_v02.hpp"
#include "conformance/engine/shim_live_responder.hpp"
#include "conformance_requirements.hpp"

#include <algorithm>

namespace agentmesh::conformance::live {
namespace {

using session::direction;
using ratchet = e2ee::double_ratchet<e2ee::am1>;

/// What a KNOCK asks for.
session::knock_content wish(seeded_bytes& chance, const amid& from, const amid& to, time_point now) {
    session::knock_content out{.from = from, .to = to};
    out.what = {.category = "c" + to_hex(chance.take(4)), .action = "a" + to_hex(chance.take(2))};
    out.asked = {.kind = session::session_kind::conversation,
                 .ttl_seconds = 60 + static_cast<std::uint32_t>(chance.below(3600)),
                 .expected_messages = 20 + static_cast<std::uint32_t>(chance.below(100))};
    out.suites = {"am1"};
    out.features = {"f" + to_hex(chance.take(2)), "f" + to_hex(chance.take(3))};
    out.nonce = *session::knock_nonce::from(bytes_of(chance.take(16)));
    out.timestamp = format_time(now);
    return out;
}

session::accept_content grant(const session::knock_content& asked, const session::session_id& id,
                              const crypto::sha256_digest& knock, const exchange_public_key& key) {
    return {.session = id,
            .knock = knock,
            .from = asked.to,
            .to = asked.from,
            .suite = asked.suites.front(),
            .features = {asked.features.front()},
            .ratchet_key = key,
            .held_to = session::narrowed({}, asked.asked),
            .timestamp = asked.timestamp};
}

shim_json words_of(const session::knock_content& content) {
    return {{"intent", {{"category", content.what.category}, {"action", content.what.action}}},
            {"type", session::to_text(content.asked.kind)},
            {"ttl_seconds", content.asked.ttl_seconds},
            {"expected_messages", content.asked.expected_messages},
            {"suites", content.suites},
            {"features", content.features}};
}

std::string padded(std::string text) {
    if (!session::pad_text(text)) text.clear();
    return text;
}

/// The harness's side of a session once both ratchets stand.
class speaker {
public:
    speaker(direction own, buffer context, const session::session_id& id, ratchet mine, seeded_random& random)
        : own_{own}, context_{std::move(context)}, id_{id}, ratchet_{std::move(mine)}, random_{random} {}

    void bind(const crypto::sha256_digest& transcript) { bound_ = transcript; }
    bool step(const exchange_public_key& key) { return ratchet_.step(key, random_).has_value(); }
    void knocked(const crypto::sha256_digest& hash) { hash_ = hash; }

    /// A frame of this plaintext, padded as it should be or as it stands.
    buffer say(const buffer& plain, bool pad = true) {
        auto text = plain;
        if (pad) {
            const auto size = session::padded_size(text.size());
            text.push_back(0x80);
            text.resize(size);
        }
        auto frame = session::message_head_bytes(id_, true);
        const auto start = frame;
        const auto header = e2ee::header_bytes(ratchet_.next_header());
        frame.insert(frame.end(), header.begin(), header.end());
        if (!ratchet_.seal(frame, prefix(own_, start), text, random_)) frame.clear();
        return frame;
    }
    /// What a frame of the shim says; nullopt if it is not one of this session.
    std::optional<buffer> hear(const buffer& frame, bool bound) {
        const auto read = session::parse_message_frame(frame);
        if (!read || read->session != id_ || read->bound != bound) return std::nullopt;
        buffer text;
        if (!ratchet_.open(text, read->header, prefix(peer(), {read->head.begin(), read->head.end()}), read->sealed,
                           random_))
            return std::nullopt;
        const auto size = session::unpadded_size(text);
        if (!size) return std::nullopt;
        text.resize(*size);
        return text;
    }

private:
    [[nodiscard]] direction peer() const {
        return own_ == direction::from_initiator ? direction::from_responder : direction::from_initiator;
    }
    [[nodiscard]] buffer prefix(direction from, const buffer& head) const {
        return session::message_context(context_, head[18] == 1 ? bound_ : hash_, from, head);
    }

    direction own_;
    buffer context_;
    session::session_id id_;
    crypto::sha256_digest hash_{}, bound_{};
    ratchet ratchet_;
    seeded_random& random_;
};

/// Three messages each way, delivered in any order, twice.
bool converse(exchange& with, speaker& mine, const std::string& session, const amid& self) {
    const clauses frames{&req::AM_KNK_022};
    for (int round = 0; round < 2; ++round) {
        std::vector<std::pair<buffer, shim_reply>> said;
        std::vector<std::pair<buffer, buffer>> heard;
        for (int i = 0; i < 3; ++i) {
            const auto plain = bytes_of(with.chance().take(1 + with.chance().below(1500)));
            said.emplace_back(plain, with.ask("knock.say", {{"session", session}, {"plain", to_hex(plain)}}));
        }
        with.chance().shuffle(said);
        for (const auto& [plain, reply] : said) {
            const bool good = mine.hear(bytes_in(reply, "frame").value_or(buffer{}), true) == plain;
            with.judge(frames, good, "the harness opens the shim's frames",
                       "the harness does not open a frame of the shim", {&reply});
            if (!good) return false;
        }
        for (int i = 0; i < 3; ++i) {
            const auto plain = bytes_of(with.chance().take(1 + with.chance().below(1500)));
            heard.emplace_back(plain, mine.say(plain));
        }
        with.chance().shuffle(heard);
        for (const auto& [plain, frame] : heard) {
            const auto reply =
                with.ask("knock.listen", {{"session", session}, {"from", self.text()}, {"frame", to_hex(frame)}});
            const bool good = bytes_in(reply, "plain") == plain;
            with.judge(frames, good, "the shim opens the harness's frames",
                       "the shim does not open a frame of the harness", {&reply});
            if (!good) return false;
        }
    }
    return true;
}

/// After an honest conversation: frames that must not open, and change nothing.
void hostile_messages(exchange& with, speaker& mine, const std::string& session, const amid& self) {
    const auto listen = [&](const buffer& frame) {
        return with.ask("knock.listen", {{"session", session}, {"from", self.text()}, {"frame", to_hex(frame)}});
    };
    auto changed = mine.say(bytes_of(with.chance().take(20)));
    changed.back() ^= 1;
    with.judge_refusal({&req::AM_RAT_007}, listen(changed), "crypto", "a frame with a bit of its tag changed");
    buffer unpadded(64, 0);
    unpadded.front() = 0x80;
    unpadded.back() = 1;
    const auto said = listen(mine.say(unpadded, false));
    with.judge_refusal({&req::AM_KNK_023}, said, "parse", "a plaintext with another padding");
    const auto plain = bytes_of(with.chance().take(30));
    const auto frame = mine.say(plain);
    const auto after = listen(frame);
    with.judge({&req::AM_RAT_013}, bytes_in(after, "plain") == plain, "after a refused frame the next honest one opens",
               "after refused frames the next honest one does not open", {&said, &after});
    with.judge_refusal({&req::AM_RAT_014}, listen(frame), "replay", "a frame that was opened before");
}

// --- the shim asks ------------------------------------------------------------------------------------------------

/// A KNOCK of the shim as the harness reads it.
struct heard_knock {
    buffer frame;
    crypto::sha256_digest hash;
    session::knock_head head;
    session::knock_content content;
    e2ee::agreed_keys keys;
};

std::optional<heard_knock> hear(const responder& me, const shim_reply& reply, time_point now) {
    const auto frame = bytes_in(reply, "frame");
    if (!frame) return std::nullopt;
    const auto head = session::parse_knock_head(*frame);
    if (!head || head->prekey != me.signed_key().id || head->one_time_key != me.once().id) return std::nullopt;
    auto keys = e2ee::agree_am1_responder(me.self().exchange(), me.card(), head->card, head->ephemeral,
                                          head->ratchet_key, me.signed_key(), &me.once());
    if (!keys) return std::nullopt;
    const auto text = session::open_knock(*frame, keys->knock);
    if (!text) return std::nullopt;
    const auto read = session::parse_knock(*text, keys->context, head->card.signing);
    if (!read || !session::check_knock(*read, head->card.name, me.self().name(), now)) return std::nullopt;
    return heard_knock{*frame, crypto::sha256(*frame), *head, *read, *std::move(keys)};
}

bool same_wish(const session::knock_content& a, const session::knock_content& b) {
    return a.what == b.what && a.asked == b.asked && a.suites == b.suites && a.features == b.features;
}

/// Asks the shim to knock; what the harness reads of it is judged.
std::optional<heard_knock> shim_knocks(exchange& with, const responder& me, const std::string& session, bool optimistic,
                                       time_point now, const clauses& all) {
    const auto wanted = wish(with.chance(), me.self().name(), me.self().name(), now);
    auto in = words_of(wanted);
    in["session"] = session;
    in["bundle"] = me.text(true);
    in["expected"] = me.self().name().text();
    in["optimistic"] = optimistic;
    const auto reply = with.ask("knock.ask", std::move(in), now);
    if (!with.begins(all, reply, "knocks")) return std::nullopt;
    auto read = hear(me, reply, now);
    const bool good = read && same_wish(read->content, wanted) && read->head.optimistic == optimistic;
    with.judge({&req::AM_KNK_002}, good, "the harness reads the shim's KNOCK",
               "the harness does not read the shim's KNOCK, or reads something else", {&reply});
    if (good) return read;
    return std::nullopt;
}

speaker answering(exchange& with, const responder& me, const heard_knock& knock, exchange_key_pair own) {
    const auto root = buffer{knock.keys.root.reveal().begin(), knock.keys.root.reveal().end()};
    auto made =
        ratchet::respond(*e2ee::root_key::from(root), me.signed_key().pair, knock.head.ratchet_key, std::move(own));
    speaker out{direction::from_responder, session::session_context(knock.head.card, me.card()),
                session::session_id_of(knock.hash, knock.keys.session), *std::move(made), with.random()};
    out.knocked(knock.hash);
    return out;
}

buffer accept_frame(const responder& me, const heard_knock& knock, const session::accept_content& content,
                    const signing_key_pair& by) {
    return session::seal_reply(session::reply_kind::accept, knock.hash, me.card(), knock.keys.reply,
                               padded(session::write_accept(content, by)));
}

void shim_asks(exchange& with) {
    const clauses all{&req::AM_KNK_002, &req::AM_KNK_018, &req::AM_KNK_021, &req::AM_KNK_022};
    for (const bool optimistic : {true, false}) {
        const auto now = time_of(with.chance());
        const responder me{"am1", with.chance(), now};
        const std::string session = optimistic ? "s1" : "s2";
        const auto knock = shim_knocks(with, me, session, optimistic, now, all);
        if (!knock) return;
        const auto own = with.chance().take(32);
        auto mine = answering(with, me, *knock, pair_of(own));
        if (optimistic) {
            const auto plain = bytes_of(with.chance().take(40));
            const auto said = with.ask("knock.say", {{"session", session}, {"plain", to_hex(plain)}});
            with.judge({&req::AM_KNK_022}, mine.hear(bytes_in(said, "frame").value_or(buffer{}), false) == plain,
                       "the harness opens what the shim says before the answer",
                       "the harness does not open what the shim says before the answer", {&said});
        }
        const auto id = session::session_id_of(knock->hash, knock->keys.session);
        const auto content = grant(knock->content, id, knock->hash, pair_of(own).public_key());
        const auto frame = accept_frame(me, *knock, content, me.self().signing());
        mine.bind(session::transcript_of(knock->frame, frame));
        const auto reply = with.ask("knock.conclude", {{"session", session}, {"frame", to_hex(frame)}}, now);
        const bool good = text_in(reply, "kind") == "accept" && text_in(reply, "session_id") == to_hex(id.bytes());
        with.judge({&req::AM_KNK_021}, good, "both sides name the session alike",
                   "the shim does not take an honest ACCEPT, or names the session otherwise", {&reply});
        if (!good || !converse(with, mine, session, me.self().name())) return;
    }
    const auto now = time_of(with.chance());
    const responder me{"am1", with.chance(), now};
    const auto knock = shim_knocks(with, me, "s3", false, now, all);
    if (!knock) return;
    const session::reject_content no{.knock = knock->hash,
                                     .from = me.self().name(),
                                     .to = knock->content.from,
                                     .reason = session::deny_reason::at_capacity,
                                     .timestamp = format_time(now)};
    const auto frame = session::seal_reply(session::reply_kind::reject, knock->hash, me.card(), knock->keys.reply,
                                           padded(session::write_reject(no, me.self().signing())));
    const auto reply = with.ask("knock.conclude", {{"session", "s3"}, {"frame", to_hex(frame)}}, now);
    with.judge({&req::AM_KNK_018}, text_in(reply, "kind") == "reject" && text_in(reply, "reason") == "at_capacity",
               "the shim reads an honest REJECT", "the shim does not read an honest REJECT", {&reply});
}

/// Answers that are not the responder's, each before the honest one.
void hostile_answers(exchange& with) {
    struct fault {
        const clause* of;
        std::string_view refusal;
        std::string what;
        std::function<buffer(const responder&, const heard_knock&, session::accept_content)> frame;
    };
    const auto stranger = agent_of(with.chance());
    const auto spoil = [](buffer frame, std::size_t at) {
        frame[at] ^= 1;
        return frame;
    };
    const std::vector<fault> faults{
        {&req::AM_KNK_018, "parse", "an answer to another KNOCK",
         [&](const auto& me, const auto& k, auto c) { return spoil(accept_frame(me, k, c, me.self().signing()), 2); }},
        {&req::AM_KNK_018, "crypto", "an answer with a bit changed",
         [&](const auto& me, const auto& k, auto c) { return spoil(accept_frame(me, k, c, me.self().signing()), 40); }},
        {&req::AM_KNK_018, "crypto", "an ACCEPT that a stranger signed",
         [&](const auto& me, const auto& k, auto c) { return accept_frame(me, k, c, stranger.signing()); }},
        {&req::AM_KNK_018, "auth", "an ACCEPT whose text names another KNOCK",
         [](const auto& me, const auto& k, auto c) {
             c.knock = crypto::sha256(c.knock.bytes());
             return accept_frame(me, k, c, me.self().signing());
         }},
        {&req::AM_KNK_020, "auth", "an ACCEPT that chooses a suite which was not offered",
         [](const auto& me, const auto& k, auto c) {
             c.suite = "v02";
             return accept_frame(me, k, c, me.self().signing());
         }},
        {&req::AM_KNK_020, "auth", "an ACCEPT that chooses a feature which was not offered",
         [](const auto& me, const auto& k, auto c) {
             c.features = {"not-offered"};
             return accept_frame(me, k, c, me.self().signing());
         }},
    };
    std::size_t number = 0;
    for (const auto& one : faults) {
        const auto now = time_of(with.chance());
        const responder me{"am1", with.chance(), now};
        const auto session = "s" + std::to_string(++number);
        const auto knock = shim_knocks(with, me, session, false, now, {one.of});
        if (!knock) return;
        const auto id = session::session_id_of(knock->hash, knock->keys.session);
        const auto content = grant(knock->content, id, knock->hash, pair_of(with.chance().take(32)).public_key());
        const auto conclude = [&](const buffer& frame) {
            return with.ask("knock.conclude", {{"session", session}, {"frame", to_hex(frame)}}, now);
        };
        const auto said = conclude(one.frame(me, *knock, content));
        const auto after = conclude(accept_frame(me, *knock, content, me.self().signing()));
        if (text_in(after, "kind") == "accept")
            with.judge_refusal({one.of}, said, one.refusal, one.what);
        else if (!refused(said, one.refusal))
            with.judge({one.of}, false, "", one.what + " is not refused with " + std::string{one.refusal}, {&said});
        else
            with.open({one.of}, "the shim does not take the honest ACCEPT after it", {&said, &after});
    }
}

// --- the harness asks ---------------------------------------------------------------------------------------------

/// A KNOCK of the harness to the shim.
struct own_knock {
    local_identity self;
    e2ee::identity_card card;
    session::knock_content content;
    session::knock_head head;
    e2ee::agreed_keys keys;
    buffer first;  ///< private half of R_A
    buffer frame;
    crypto::sha256_digest hash;

    void seal(const signing_key_pair& by, const crypto::sha256_digest& context) {
        frame = session::seal_knock(head, keys.knock, padded(session::write_knock(content, context, by)));
        hash = crypto::sha256(frame);
    }
};

std::optional<own_knock> knock_at(exchange& with, const e2ee::prekey_bundle& to, time_point now) {
    auto self = agent_of(with.chance());
    const auto card = e2ee::identity_card::make(self, 1);
    const auto ephemeral = pair_of(with.chance().take(32));
    const auto first = with.chance().take(32);
    const auto first_key = pair_of(first).public_key();
    auto keys = e2ee::agree_am1_initiator(self.exchange(), card, ephemeral, first_key, to);
    if (!keys) return std::nullopt;
    auto content = wish(with.chance(), self.name(), to.card.name, now);
    session::knock_head head{
        .card = card, .ephemeral = ephemeral.public_key(), .ratchet_key = first_key, .prekey = to.signed_key.id};
    if (to.one_time) head.one_time_key = to.one_time->id;
    own_knock out{std::move(self), card, std::move(content), head, *std::move(keys), bytes_of(first), {}, {}};
    out.seal(out.self.signing(), out.keys.context);
    return out;
}

/// An agent of the shim; nullopt, and everything is judged, if it hands out nothing that holds.
std::optional<e2ee::prekey_bundle> shim_agent(exchange& with, const std::string& name, time_point now,
                                              const clauses& all) {
    const auto reply = with.ask("knock.offer", {{"agent", name}}, now);
    if (!with.begins(all, reply, "hands out a bundle")) return std::nullopt;
    auto bundle = e2ee::parse_bundle(text_in(reply, "bundle").value_or(""));
    if (bundle && bundle->one_time && e2ee::check_bundle(*bundle, bundle->card.name, now)) return *std::move(bundle);
    with.judge(all, false, "", "the shim's bundle does not hold, or has no one-time prekey", {&reply});
    return std::nullopt;
}

shim_reply shim_hears(exchange& with, const std::string& session, const std::string& agent, const amid& from,
                      const buffer& frame, time_point now) {
    return with.ask("knock.hear",
                    {{"session", session}, {"agent", agent}, {"from", from.text()}, {"frame", to_hex(frame)}}, now);
}

bool heard(const shim_reply& reply, const session::knock_content& wanted) {
    const auto* suites = member(reply, "suites");
    const auto* features = member(reply, "features");
    return text_in(reply, "intent") == wanted.what.category + "/" + wanted.what.action &&
           text_in(reply, "nonce") == to_hex(wanted.nonce.bytes()) &&
           number_in(reply, "ttl_seconds") == wanted.asked.ttl_seconds &&
           number_in(reply, "expected_messages") == wanted.asked.expected_messages && suites != nullptr &&
           *suites == shim_json(wanted.suites) && features != nullptr && *features == shim_json(wanted.features);
}

void harness_asks(exchange& with) {
    const clauses all{&req::AM_KNK_007, &req::AM_KNK_017, &req::AM_KNK_021, &req::AM_KNK_022};
    for (const bool accepts : {true, false}) {
        const auto now = time_of(with.chance());
        const std::string agent = accepts ? "a1" : "a2", session = accepts ? "s1" : "s2";
        const auto bundle = shim_agent(with, agent, now, all);
        if (!bundle) return;
        const auto knock = knock_at(with, *bundle, now);
        if (!knock) return;
        const auto asked = shim_hears(with, session, agent, knock->self.name(), knock->frame, now);
        const bool read = heard(asked, knock->content);
        with.judge({&req::AM_KNK_007}, read, "the shim reads the harness's KNOCK",
                   "the shim does not read an honest KNOCK, or reads something else", {&asked});
        if (!read) return;
        const auto said = with.ask("knock.answer",
                                   {{"session", session},
                                    {"kind", accepts ? "accept" : "reject"},
                                    {"features", {knock->content.features.back()}},
                                    {"reason", "at_capacity"}},
                                   now);
        const auto frame = bytes_in(said, "frame").value_or(buffer{});
        const auto opened = session::open_reply(frame, knock->hash, bundle->card, knock->keys.reply);
        if (!accepts) {
            const auto no = opened ? session::parse_reject(opened->text, bundle->card.signing)
                                   : result<session::reject_content>{fail(opened.error())};
            with.judge({&req::AM_KNK_017},
                       no && no->knock == knock->hash && no->reason == session::deny_reason::at_capacity,
                       "the harness reads the shim's REJECT", "the harness does not read the shim's REJECT", {&said});
            return;
        }
        const auto id = session::session_id_of(knock->hash, knock->keys.session);
        const auto yes = opened ? session::parse_accept(opened->text, bundle->card.signing)
                                : result<session::accept_content>{fail(opened.error())};
        const bool good = yes && session::check_accept(*yes, knock->hash, id, knock->content) &&
                          yes->features == std::vector{knock->content.features.back()};
        with.judge({&req::AM_KNK_017, &req::AM_KNK_021}, good, "the harness reads the shim's ACCEPT",
                   "the harness does not read the shim's ACCEPT, or it grants something else", {&said});
        if (!good) return;
        const auto root = buffer{knock->keys.root.reveal().begin(), knock->keys.root.reveal().end()};
        auto made = ratchet::initiate(*e2ee::root_key::from(root),
                                      pair_of({reinterpret_cast<const char*>(knock->first.data()), 32}),
                                      bundle->signed_key.key);
        if (!made) return;
        speaker mine{direction::from_initiator, session::session_context(knock->card, bundle->card), id,
                     *std::move(made), with.random()};
        mine.knocked(knock->hash);
        mine.bind(session::transcript_of(knock->frame, frame));
        if (!mine.step(yes->ratchet_key) || !converse(with, mine, session, knock->self.name())) return;
        hostile_messages(with, mine, session, knock->self.name());
    }
}

/// KNOCKs that must not be heard, each to an agent of its own, whose one-time prekey must still be there afterwards.
void hostile_knocks(exchange& with) {
    struct fault {
        const clause* of;
        std::string_view refusal;
        std::string what;
        std::function<void(own_knock&)> spoil;
    };
    const auto stranger = agent_of(with.chance());
    std::vector<fault> faults;
    const auto add = [&](const clause& of, std::string_view refusal, std::string what,
                         std::function<void(own_knock&)> spoil) {
        faults.push_back({&of, refusal, std::move(what), std::move(spoil)});
    };
    const auto rewrite = [](auto change) {
        return [change](own_knock& k) {
            change(k.content);
            k.seal(k.self.signing(), k.keys.context);
        };
    };
    add(req::AM_KNK_003, "parse", "a KNOCK of a length that no padding gives", [](auto& k) { k.frame.push_back(0); });
    add(req::AM_KNK_004, "parse", "a KNOCK with an undefined flag", [](auto& k) { k.frame[2] |= 0x80; });
    add(req::AM_KNK_006, "crypto", "a KNOCK with a bit changed", [](auto& k) { k.frame.back() ^= 1; });
    add(req::AM_KNK_007, "crypto", "a KNOCK signed by a stranger",
        [&](auto& k) { k.seal(stranger.signing(), k.keys.context); });
    add(req::AM_KNK_007, "crypto", "a KNOCK signed for another agreement",
        [](auto& k) { k.seal(k.self.signing(), crypto::sha256(k.keys.context.bytes())); });
    add(req::AM_KNK_008, "auth", "a KNOCK to somebody else", rewrite([&](auto& c) { c.to = stranger.name(); }));
    add(req::AM_KNK_009, "auth", "a KNOCK that is too old",
        rewrite([](auto& c) { c.timestamp = format_time(*parse_time(c.timestamp) - std::chrono::seconds{301}); }));
    add(req::AM_KNK_009, "auth", "a KNOCK from the future",
        rewrite([](auto& c) { c.timestamp = format_time(*parse_time(c.timestamp) + std::chrono::seconds{61}); }));
    add(req::AM_KNK_011, "parse", "a KNOCK that offers no suite", rewrite([](auto& c) { c.suites.clear(); }));
    add(req::AM_KNK_005, "auth", "a KNOCK that another sender brings", [](auto&) {});
    std::size_t number = 0;
    for (const auto& one : faults) {
        const auto now = time_of(with.chance());
        const auto tail = std::to_string(++number);
        const auto bundle = shim_agent(with, "a" + tail, now, {one.of, &req::AM_KNK_013});
        if (!bundle) return;
        auto bad = knock_at(with, *bundle, now);
        const auto honest = knock_at(with, *bundle, now);
        if (!bad || !honest) return;
        one.spoil(*bad);
        const auto& from = one.of == &req::AM_KNK_005 ? stranger.name() : bad->self.name();
        const auto said = shim_hears(with, "bad" + tail, "a" + tail, from, bad->frame, now);
        const auto after = shim_hears(with, "good" + tail, "a" + tail, honest->self.name(), honest->frame, now);
        const bool spared = heard(after, honest->content);
        if (spared || !refused(said, one.refusal))
            with.judge_refusal({one.of}, said, one.refusal, one.what);
        else
            with.open({one.of}, "the shim does not hear the honest KNOCK after it", {&said, &after});
        with.judge({&req::AM_KNK_013}, spared, "what was refused spent no one-time prekey",
                   "after " + one.what + " an honest KNOCK to the same prekeys is not heard", {&said, &after});
    }
}

// --- dialect v02 ----------------------------------------------------------------------------------------------------

void deployed(exchange& with) {
    namespace v02 = session::v02;
    for (int i = 0; i < 3; ++i) {
        auto& chance = with.chance();
        const auto now = time_of(chance);
        const auto seed = chance.take(32);
        const auto shim_key = signer_of(seed);
        const auto me = agent_of(chance);
        const auto wanted = wish(chance, amid::of(shim_key.public_key()), me.name(), now);
        const auto asked = with.ask("knock.v02.write",
                                    {{"seed", to_hex(seed)},
                                     {"to", me.name().text()},
                                     {"at", format_time(now)},
                                     {"intent", {{"category", wanted.what.category}, {"action", wanted.what.action}}}});
        const auto covered =
            v02::python_knock_bytes(wanted.from, wanted.to, wanted.what, text_in(asked, "timestamp").value_or(""));
        const auto proof = from_base64(text_in(asked, "signature").value_or(""), base64_form::standard_padded);
        const auto signature_of = proof ? signature::from(*proof) : result<signature>{fail(errc::bad_length)};
        const bool good = text_in(asked, "timestamp") == v02::python_time(now) && signature_of &&
                          crypto::verify(shim_key.public_key(), as_bytes(covered), *signature_of);
        with.judge({&req::AM_KNK_040}, good, "the shim signs a KNOCK as Python does",
                   "what the shim signs is not the text that Python signs", {&asked});

        const auto text = v02::write_knock(amid::of(shim_key.public_key()), wanted.what, wanted.asked, tier::verified,
                                           wanted.nonce, now, me.signing());
        const auto read = [&](const std::string& said) {
            return with.ask("knock.v02.read",
                            {{"text", said},
                             {"recipient", amid::of(shim_key.public_key()).text()},
                             {"public_key", to_hex(me.signing().public_key().bytes())}},
                            now);
        };
        const auto reply = read(text);
        const bool same = text_in(reply, "dialect") == "python" &&
                          text_in(reply, "intent") == wanted.what.category + "/" + wanted.what.action;
        with.judge({&req::AM_KNK_041}, same, "the shim reads the harness's KNOCK",
                   "the shim does not read an honest KNOCK, or reads something else", {&reply});
        if (!same) return;
        auto forged = shim_json::parse(text);
        forged["intent"]["action"] = "something-else";
        with.judge_refusal({&req::AM_KNK_042}, read(forged.dump()), "crypto", "a KNOCK whose intent was changed");
    }
}

}  // namespace

void add_knock(std::vector<shim_case>& into) {
    const clauses asks{&req::AM_KNK_002, &req::AM_KNK_018, &req::AM_KNK_021, &req::AM_KNK_022};
    into.push_back(
        live_case("KNK-LIVE-001", "the shim knocks, and both talk", "knock", "am1", "knock.ask", asks, shim_asks));
    into.push_back(live_case("KNK-LIVE-002", "the harness knocks, and both talk", "knock", "am1", "knock.offer",
                             {&req::AM_KNK_007, &req::AM_KNK_017, &req::AM_KNK_021, &req::AM_KNK_022, &req::AM_KNK_023},
                             harness_asks));
    into.push_back(live_case("KNK-LIVE-003", "KNOCKs that do not authenticate are refused and spend nothing", "knock",
                             "am1", "knock.offer",
                             {&req::AM_KNK_003, &req::AM_KNK_004, &req::AM_KNK_005, &req::AM_KNK_006, &req::AM_KNK_007,
                              &req::AM_KNK_008, &req::AM_KNK_009, &req::AM_KNK_011, &req::AM_KNK_013},
                             hostile_knocks));
    into.push_back(live_case("KNK-LIVE-004", "answers that are not the responder's are refused", "knock", "am1",
                             "knock.ask", {&req::AM_KNK_018, &req::AM_KNK_020}, hostile_answers));
    into.push_back(live_case("KNK-LIVE-005", "both sides of 0.2 read each other's KNOCK", "knock", "v02",
                             "knock.v02.write", {&req::AM_KNK_040, &req::AM_KNK_041, &req::AM_KNK_042}, deployed));
}

}  // namespace agentmesh::conformance::live
