// Sessions in which the harness is the other side: what the shim seals is opened, what it opens was sealed here, so
// that no fixed random numbers are needed.
#include "agentmesh/e2ee/ratchet.hpp"
#include "agentmesh/e2ee/suite_am1.hpp"
#include "agentmesh/e2ee/suite_v02.hpp"
#include "agentmesh/e2ee/suite_wire10.hpp"
#include "conformance/engine/shim_live.hpp"
#include "conformance_requirements.hpp"

#include <algorithm>

namespace agentmesh::conformance::live {
namespace {

using e2ee::ratchet_header;

struct message {
    ratchet_header header{};
    buffer sealed, plain;
};

/// One session with the shim.
template <class S>
class live_session {
public:
    live_session(shim_talk& talk, std::string name, std::string_view seed, std::string_view case_id, bool shim_begins)
        : talk_{talk},
          name_{std::move(name)},
          bytes_{seed, std::string{case_id} + name_},
          random_{seed, std::string{case_id} + name_ + "/random"} {
        const auto root = bytes_.take(32), prekey = bytes_.take(32), first = bytes_.take(32), prefix = bytes_.take(48);
        if (S::aead::takes_ad) prefix_ = {prefix.begin(), prefix.end()};
        auto own = pair_of(first);
        auto root_key = *e2ee::root_key::from(buffer{root.begin(), root.end()});
        shim_json in{{"session", name_},
                     {"suite", to_text(S::id)},
                     {"role", shim_begins ? "initiator" : "responder"},
                     {"root", to_hex(root)},
                     {"prefix", to_hex(prefix_)}};
        if (shim_begins)
            in["remote_key"] = to_hex(pair_of(prekey).public_key().bytes());
        else
            in["own_private_key"] = to_hex(prekey);
        if (!shim_begins) in["remote_key"] = to_hex(own.public_key().bytes());
        start_ = talk_.ask({"ratchet.init", {{"in", in}}});
        if (start_.kind != reply_kind::ok) return;
        if (!shim_begins) {
            auto made =
                e2ee::double_ratchet<S>::initiate(std::move(root_key), std::move(own), pair_of(prekey).public_key());
            if (made) mine_.emplace(std::move(*made));
        } else if constexpr (S::id == e2ee::suite_id::am1) {
            const auto key = bytes_in(start_, "ratchet_key");
            const auto remote =
                key ? exchange_public_key::from(*key) : result<exchange_public_key>{fail(errc::bad_length)};
            if (!remote) return;
            auto made = e2ee::double_ratchet<S>::respond(std::move(root_key), pair_of(prekey), *remote, std::move(own));
            if (made) mine_.emplace(std::move(*made));
        } else {
            mine_.emplace(e2ee::double_ratchet<S>::respond(std::move(root_key), pair_of(prekey)));
        }
    }

    [[nodiscard]] bool ready() const noexcept { return mine_.has_value(); }
    [[nodiscard]] const shim_reply& start() const noexcept { return start_; }

    /// A message of the harness.
    message seal() {
        message out;
        const auto text = bytes_.take(8 + bytes_.below(40));
        out.plain = {text.begin(), text.end()};
        if (const auto header = mine_->seal(out.sealed, prefix_, out.plain, random_)) out.header = *header;
        return out;
    }
    /// What the harness learns from one of the shim. @returns false if it does not open
    bool open(const message& from, const buffer& wanted) {
        buffer text;
        return mine_->open(text, from.header, prefix_, from.sealed, random_).has_value() && text == wanted;
    }
    /// Asks the shim to seal; nullopt unless it gave a header and sealed bytes.
    std::optional<message> shim_seals(const buffer& plain, shim_reply& reply) {
        reply = talk_.ask({"ratchet.encrypt", {{"in", {{"session", name_}, {"plain", to_hex(plain)}}}}});
        const auto header = bytes_in(reply, "header"), sealed = bytes_in(reply, "sealed");
        const auto read = header ? e2ee::parse_header(*header) : result<ratchet_header>{fail(errc::bad_length)};
        if (!read || !sealed) return std::nullopt;
        return message{*read, *sealed, plain};
    }
    shim_reply shim_opens(const message& one) {
        return talk_.ask({"ratchet.decrypt",
                          {{"in",
                            {{"session", name_},
                             {"header", to_hex(e2ee::header_bytes(one.header))},
                             {"sealed", to_hex(one.sealed)}}}}});
    }
    /// True if the shim opened it to the right text.
    static bool opened(const shim_reply& reply, const message& one) {
        const auto plain = bytes_in(reply, "plain");
        return plain && *plain == one.plain;
    }
    seeded_bytes& chance() noexcept { return bytes_; }

private:
    shim_talk& talk_;
    std::string name_;
    seeded_bytes bytes_;
    seeded_random random_;
    buffer prefix_{};
    shim_reply start_{};
    std::optional<e2ee::double_ratchet<S>> mine_{};
};

template <class Use>
void with_suite(std::string_view name, Use use) {
    if (name == "am1")
        use(e2ee::am1{});
    else if (name == "v02")
        use(e2ee::v02{});
    else if (name == "wire10")
        use(e2ee::wire10{});
    else
        use(e2ee::wire10_legacy{});
}

std::vector<std::uint64_t> cite(std::initializer_list<const shim_reply*> replies) {
    std::vector<std::uint64_t> out;
    for (const auto* one : replies) out.insert(out.end(), {one->asked, one->seq});
    return out;
}

void judge_all(shim_verdicts& out, const clauses& all, bool holds, const std::string& why,
               const std::vector<std::uint64_t>& evidence) {
    for (const auto* c : all) out.judge(*c, holds, why, evidence);
}

/// Whether a session began; if not, the clauses are open or broken.
bool began(const shim_reply& start, bool ready, const clauses& all, const shim_talk& talk, shim_verdicts& out) {
    if (ready) return true;
    const auto outcome = start.kind == reply_kind::unsupported ? verdict::untested
                         : start.kind == reply_kind::missing   ? talk.death().value_or(verdict::fail)
                                                               : verdict::fail;
    for (const auto* c : all)
        out.add(*c, outcome,
                outcome == verdict::untested ? "the shim offers the area and begins no session"
                                             : "the shim begins no session",
                cite({&start}));
    return false;
}

// --- honest sessions --------------------------------------------------------------------------------------------

const clauses sending{&req::AM_RAT_001, &req::AM_RAT_002, &req::AM_RAT_004, &req::AM_RAT_005, &req::AM_RAT_006};

/// The shim seals some messages, which the harness opens in any order.
template <class S>
bool shim_speaks(live_session<S>& with, std::set<std::string>& used, shim_verdicts& out) {
    std::vector<std::pair<message, shim_reply>> sealed;
    for (std::size_t i = 0; i < 3; ++i) {
        const auto text = with.chance().take(1 + with.chance().below(60));
        shim_reply reply;
        auto one = with.shim_seals({text.begin(), text.end()}, reply);
        judge_all(out, sending, one.has_value(),
                  one ? "the harness opens what the shim seals" : "the shim does not seal", cite({&reply}));
        if (!one) return false;
        const auto head = e2ee::header_bytes(one->header);
        const bool fresh = used.insert(to_hex(head).substr(0, 64) + std::to_string(one->header.n)).second;
        out.judge(req::AM_RAT_020, fresh,
                  fresh ? "no number of a chain is used twice" : "two messages have one number in one chain",
                  cite({&reply}));
        sealed.emplace_back(std::move(*one), std::move(reply));
    }
    with.chance().shuffle(sealed);
    for (const auto& [one, reply] : sealed) {
        const bool good = with.open(one, one.plain);
        judge_all(out, sending, good,
                  good ? "the harness opens what the shim seals" : "the harness cannot open what the shim seals",
                  cite({&reply}));
        if (!good) return false;
    }
    return true;
}

template <class S>
bool harness_speaks(live_session<S>& with, shim_verdicts& out) {
    std::vector<message> sealed;
    for (std::size_t i = 0; i < 3; ++i) sealed.push_back(with.seal());
    with.chance().shuffle(sealed);
    bool all = true;
    for (const auto& one : sealed) {
        const auto reply = with.shim_opens(one);
        const bool good = with.opened(reply, one);
        out.judge(
            req::AM_RAT_012, good,
            good ? "the shim opens messages in any order" : "the shim does not open a message that came out of order",
            cite({&reply}));
        all = all && good;
    }
    return all;
}

template <class S>
void honest(shim_talk& talk, const shim_setting& in, bool shim_begins, std::string_view case_id, shim_verdicts& out) {
    live_session<S> with{talk, "s1", in.seed, case_id, shim_begins};
    auto judged = sending;
    judged.insert(judged.end(), {&req::AM_RAT_012, &req::AM_RAT_020});
    if (!began(with.start(), with.ready(), judged, talk, out)) return;
    std::set<std::string> used;
    bool going = true;
    if (!shim_begins) {
        shim_reply early;
        const auto text = with.chance().take(5);
        const auto one = with.shim_seals({text.begin(), text.end()}, early);
        if constexpr (S::id == e2ee::suite_id::am1) {
            const bool good = one && with.open(*one, one->plain);
            out.judge(req::AM_RAT_010, good, good ? "the responder speaks first" : "the responder cannot speak first",
                      cite({&early}));
        } else {
            const bool good = early.kind == reply_kind::reject && early.refusal == "state";
            out.judge(req::AM_RAT_011, good,
                      good ? "a responder that heard nothing does not send"
                           : "a responder that heard nothing is not refused with state",
                      cite({&early}));
        }
        going = harness_speaks(with, out);
    }
    for (std::size_t round = 0; going && round < 4; ++round)
        going = shim_speaks(with, used, out) && harness_speaks(with, out);
}

// --- hostile messages -------------------------------------------------------------------------------------------

/// What is done to a session that stands at message 0, and what must follow.
struct hostile {
    std::string_view name;
    const clause* of;
    std::string_view refusal;
    std::string_view what;  ///< "a sealed message with a bit changed"
};

template <class S>
class hostile_case {
public:
    hostile_case(shim_talk& talk, const shim_setting& in, shim_verdicts& out) : talk_{talk}, in_{in}, out_{out} {}

    void run() {
        const auto flip = [](message one, std::size_t bit) {
            one.sealed[bit / 8 % one.sealed.size()] ^= static_cast<std::uint8_t>(1U << bit % 8);
            return one;
        };
        attack({"tag", &req::AM_RAT_007, "crypto", "a sealed message with a bit changed"},
               [&](auto& s) { return flip(s.seal(), 300); });
        attack({"short", &req::AM_RAT_009, "crypto", "a sealed message shorter than a tag"}, [&](auto& s) {
            auto one = s.seal();
            one.sealed.resize(e2ee::overhead<S> - 1);
            return one;
        });
        if constexpr (S::binds_header)
            attack({"header", &req::AM_RAT_008, "crypto", "a message with another pn"}, [&](auto& s) {
                auto one = s.seal();
                one.header.pn ^= 1;
                return one;
            });
        attack({"forged", &req::AM_RAT_007, "crypto", "a message under a ratchet key that nobody has"}, [&](auto& s) {
            auto one = s.seal();
            const auto key = pair_of(s.chance().take(32)).public_key();
            one.header = {key, 0, 0};
            return one;
        });
        attack({"zero", &req::AM_RAT_019, "crypto", "a ratchet key of small order"}, [&](auto& s) {
            auto one = s.seal();
            one.header = {exchange_public_key{}, 0, 0};
            return one;
        });
        again();
        skip();
    }

private:
    /// A session in which the shim has opened one message; nullopt if that fails.
    std::optional<live_session<S>> session(std::string_view name, const clauses& all) {
        std::optional<live_session<S>> with;
        with.emplace(talk_, std::string{name}, in_.seed, "RAT-LIVE-003", false);
        if (!began(with->start(), with->ready(), all, talk_, out_)) return std::nullopt;
        first_ = with->seal();
        const auto reply = with->shim_opens(first_);
        if (with->opened(reply, first_)) return with;
        for (const auto* c : all)
            out_.add(*c, verdict::inconclusive, "the shim does not open an honest first message", cite({&reply}));
        return std::nullopt;
    }

    static bool refused(const shim_reply& reply, std::string_view with) {
        return reply.kind == reply_kind::reject && reply.refusal == with;
    }

    template <class Make>
    void attack(const hostile& one, Make make) {
        auto with = session(one.name, {one.of, &req::AM_RAT_013});
        if (!with) return;
        const auto honest = with->seal();
        const auto bad = make(*with);
        const auto said = with->shim_opens(bad);
        const bool good = refused(said, one.refusal);
        const std::string what{one.what};
        out_.judge(*one.of, good,
                   what + (good ? " is refused" : " is not refused with ") + (good ? "" : std::string{one.refusal}),
                   cite({&said}));
        const auto after = with->shim_opens(honest);
        const bool alive = with->opened(after, honest);
        out_.judge(req::AM_RAT_013, alive,
                   alive ? "after a refused message the next honest one opens"
                         : "after " + what + " the next honest message does not open",
                   cite({&said, &after}));
    }

    void again() {
        auto with = session("again", {&req::AM_RAT_014, &req::AM_RAT_013});
        if (!with) return;
        const auto said = with->shim_opens(first_);
        const bool good = refused(said, "replay");
        out_.judge(req::AM_RAT_014, good,
                   good ? "a message that was opened before is refused"
                        : "a message that was opened before is not refused with replay",
                   cite({&said}));
        const auto next = with->seal();
        const auto after = with->shim_opens(next);
        const bool alive = with->opened(after, next);
        out_.judge(req::AM_RAT_013, alive,
                   alive ? "after a refused message the next honest one opens"
                         : "after a repeated message the next honest one does not open",
                   cite({&said, &after}));
    }

    void skip() {
        auto with = session("skip", {&req::AM_RAT_015, &req::AM_RAT_016, &req::AM_RAT_013});
        if (!with) return;
        std::vector<message> row;
        for (std::uint32_t i = 0; i < S::max_skip + 2; ++i) row.push_back(with->seal());
        const auto far = with->shim_opens(row[S::max_skip + 1]);
        const bool bounded = refused(far, "limit");
        out_.judge(req::AM_RAT_016, bounded,
                   bounded ? "one key more than the suite allows is refused"
                           : "one key more than the suite allows is not refused with limit",
                   cite({&far}));
        const auto near = with->shim_opens(row[S::max_skip]);
        const bool taken = with->opened(near, row[S::max_skip]);
        out_.judge(req::AM_RAT_015, taken,
                   taken ? "as many keys as the suite allows are skipped"
                         : "a message that skips as many keys as the suite allows does not open",
                   cite({&near}));
        const auto late = with->shim_opens(row[0]);
        const bool kept = with->opened(late, row[0]);
        out_.judge(req::AM_RAT_012, kept,
                   kept ? "the shim opens messages in any order" : "a message that was skipped does not open later",
                   cite({&late}));
    }

    shim_talk& talk_;
    const shim_setting& in_;
    shim_verdicts& out_;
    message first_{};
};

// --- random numbers of the harness ------------------------------------------------------------------------------

const clauses computed{&req::AM_RAT_001, &req::AM_RAT_002, &req::AM_RAT_004, &req::AM_RAT_006};

/// The shim is fed all that it draws, so that the harness knows what it has to say: a twin of its ratchet is kept here,
/// beside the peer that it talks to.
template <class S>
class feed_case {
public:
    explicit feed_case(exchange& with) : with_{with} {}

    void run() {
        if (!with_.said().features.contains("rng.feed")) return not_offered();
        const auto root = bytes_of(with_.chance().take(32)), prefix = bytes_of(with_.chance().take(48));
        if (S::aead::takes_ad) prefix_ = prefix;
        const auto prekey = with_.chance().take(32), first = with_.chance().take(32);
        const auto prekey_public = pair_of(prekey).public_key();
        feed(bytes_of(first));
        const auto start = with_.ask("ratchet.init", {{"session", "s1"},
                                                      {"suite", to_text(S::id)},
                                                      {"role", "initiator"},
                                                      {"root", to_hex(root)},
                                                      {"prefix", to_hex(prefix_)},
                                                      {"remote_key", to_hex(prekey_public.bytes())}});
        if (!with_.begins(computed, start, "begins a session")) return;
        drawn("a new ratchet pair is not the next 32 bytes");
        using ratchet = e2ee::double_ratchet<S>;
        auto twin = ratchet::initiate(*e2ee::root_key::from(root), pair_of(first), prekey_public);
        auto peer = peer_of(root, prekey, pair_of(first).public_key());
        if (!twin || !peer) return;
        for (int turn = 0; turn < 3; ++turn) {
            for (int i = 0; i < 2; ++i)
                if (!shim_seals(*twin, *peer)) return;
            // A message of a new key: the shim draws a pair.
            buffer sealed, text;
            const auto plain = bytes_of(with_.chance().take(9)), pair = bytes_of(with_.chance().take(32));
            const auto header = peer->seal(sealed, prefix_, plain, with_.random());
            feed(pair);
            crypto::scripted_random numbers{pair};
            if (!header || !twin->open(text, *header, prefix_, sealed, numbers)) return;
            const auto reply = with_.ask(
                "ratchet.decrypt",
                {{"session", "s1"}, {"header", to_hex(e2ee::header_bytes(*header))}, {"sealed", to_hex(sealed)}});
            const bool good = bytes_in(reply, "plain") == plain;
            with_.judge({&req::AM_RAT_006}, good, "the shim opens what the harness seals",
                        "the shim does not open what the harness seals", {&reply});
            if (!good) return;
            drawn("a new ratchet pair is not the next 32 bytes");
        }
    }

private:
    using ratchet_result = result<e2ee::double_ratchet<S>>;

    static ratchet_result peer_of(const buffer& root, std::string_view prekey, const exchange_public_key& first) {
        auto key = *e2ee::root_key::from(root);
        if constexpr (S::id == e2ee::suite_id::am1) {
            auto own = pair_of(std::string(32, '\x07'));
            return e2ee::double_ratchet<S>::respond(std::move(key), pair_of(prekey), first, std::move(own));
        } else {
            return e2ee::double_ratchet<S>::respond(std::move(key), pair_of(prekey));
        }
    }

    void not_offered() {
        const auto reply = with_.ask("rng.feed", {{"bytes", ""}});
        if (reply.kind == reply_kind::unsupported) {
            constexpr std::string_view why = "rng.feed is not among the features, and is unsupported";
            with_.verdicts().add_protocol(feed_clause, verdict::not_offered, std::string{why},
                                          {reply.asked, reply.seq});
            for (const auto* c : computed)
                with_.verdicts().add(*c, verdict::not_offered, std::string{why}, {reply.asked, reply.seq});
            return;
        }
        if (reply.kind != reply_kind::missing)
            with_.talk().breach("AM-SHM-004", "rng.feed is not among the features and is answered all the same",
                                {reply.asked, reply.seq});
    }

    void feed(const buffer& bytes) {
        look(with_.ask("rng.feed", {{"bytes", to_hex(bytes)}}), bytes.size(), "what is fed is not kept");
    }
    void drawn(std::string_view why) { look(with_.ask("rng.feed", {{"bytes", ""}}), 0, why); }
    void look(const shim_reply& reply, std::size_t left, std::string_view why) {
        if (reply.kind == reply_kind::missing) return;
        const bool good = number_in(reply, "left") == left;
        with_.verdicts().add_protocol(feed_clause, good ? verdict::pass : verdict::fail,
                                      good ? "all that is fed is drawn" : std::string{why}, {reply.asked, reply.seq});
    }

    bool shim_seals(e2ee::double_ratchet<S>& twin, e2ee::double_ratchet<S>& peer) {
        const auto plain = bytes_of(with_.chance().take(1 + with_.chance().below(60)));
        buffer nonce, sealed, text;
        if constexpr (S::nonce == e2ee::nonce_rule::random) nonce = bytes_of(with_.chance().take(S::aead::nonce::size));
        if (!nonce.empty()) feed(nonce);
        crypto::scripted_random numbers{nonce};
        const auto header = twin.seal(sealed, prefix_, plain, numbers);
        if (!header || !peer.open(text, *header, prefix_, sealed, with_.random())) return false;
        const auto reply = with_.ask("ratchet.encrypt", {{"session", "s1"}, {"plain", to_hex(plain)}});
        const auto written = e2ee::header_bytes(*header);
        const bool good =
            bytes_in(reply, "header") == buffer{written.begin(), written.end()} && bytes_in(reply, "sealed") == sealed;
        with_.judge(computed, good, "the shim seals as the harness computes",
                    "the shim seals otherwise than the harness computes from the numbers that it was fed", {&reply});
        if (!nonce.empty()) drawn("a nonce is not the next bytes");
        return good;
    }

    exchange& with_;
    buffer prefix_{};
};

}  // namespace

void add_ratchet(std::vector<shim_case>& into) {
    for (const bool shim_begins : {true, false}) {
        const std::string id = shim_begins ? "RAT-LIVE-001" : "RAT-LIVE-002";
        into.push_back(live_case(
            id, shim_begins ? "a session that the shim begins" : "a session that the harness begins", "ratchet", "",
            "ratchet.init", {&req::AM_RAT_006, &req::AM_RAT_012}, [id, shim_begins](exchange& with) {
                with_suite(with.suite(), [&](auto suite) {
                    honest<decltype(suite)>(with.talk(), with.setting(), shim_begins, id, with.verdicts());
                });
            }));
    }
    into.push_back(live_case("RAT-LIVE-003", "hostile messages are refused and change nothing", "ratchet", "",
                             "ratchet.init", {&req::AM_RAT_007, &req::AM_RAT_013, &req::AM_RAT_014, &req::AM_RAT_016},
                             [](exchange& with) {
                                 with_suite(with.suite(), [&](auto suite) {
                                     hostile_case<decltype(suite)>{with.talk(), with.setting(), with.verdicts()}.run();
                                 });
                             }));
    into.push_back(live_case("RAT-LIVE-004", "what is sealed with random numbers of the harness is what it computes",
                             "ratchet", "", "ratchet.init", computed, [](exchange& with) {
                                 with_suite(with.suite(), [&](auto suite) { feed_case<decltype(suite)>{with}.run(); });
                             }));
}

}  // namespace agentmesh::conformance::live
