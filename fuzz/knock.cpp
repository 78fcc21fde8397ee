// Property: input that does not authenticate changes no record, is told to nobody, and is answered by nothing but one
// notice of an unknown session. Input: a byte that says what the rest is.
//   0  a frame            1  changes of a genuine frame: which, then position (two bytes) and bits, repeated
//   2  JSON to be sealed by a true caller, unsigned     3  the same, signed by it
//   4  JSON of a true responder, sealed as ACCEPT       5  as REJECT
//   6  text of the 0.2 dialects
#include "fuzz/fuzz.hpp"

#include "tests/unit/session/world.hpp"

#include <agentmesh/session/knock_v02.hpp>

AM_FUZZ(AM_KNK_001, AM_KNK_003, AM_KNK_004, AM_KNK_005, AM_KNK_006, AM_KNK_007, AM_KNK_008, AM_KNK_009, AM_KNK_010,
        AM_KNK_011, AM_KNK_018, AM_KNK_020, AM_KNK_041, AM_KNK_042, AM_KNK_043, AM_KNK_044, AM_KEX_041);

using namespace session_test;

namespace {

/// An agent with an open session with its peer and, later, a KNOCK to it under way; and what the peer would send.
struct fixture {
    pair both{21};
    party& self = *both.b;  // has the larger name: a KNOCK of the peer crosses ours and stands
    party& peer = *both.a;
    session_id open = opened_before();
    std::vector<buffer> genuine{};
    memory_state store{};
    exchange_key_pair ephemeral = exchange_key_pair::generate(peer.random).value();
    exchange_key_pair first = exchange_key_pair::generate(peer.random).value();
    e2ee::prekey_bundle bundle = self.bundle(false);
    buffer own_knock{};

    /// A session from a minute ago, so that a KNOCK of now comes later than what was answered then.
    session_id opened_before() {
        const auto now = both.now;
        both.now = now + -std::chrono::minutes{1};
        const auto out = both.open(self);
        both.now = now;
        return out;
    }

    fixture() {
        (void)both.say(peer, open, "never delivered");
        genuine.push_back(from_payload(peer.out.sent.back().payload).value());
        genuine.push_back(sealed(signed_knock("{\"type\":\"knock\"}")));
        both.travel.category = "another";
        (void)both.knock(self);
        own_knock = from_payload(self.out.sent.back().payload).value();
        genuine.push_back(from_payload(peer.out.sent.front().payload).value());
        genuine.push_back(write_notice(open, {}, self.name(), peer.self.signing()));
        store = self.out.store;
    }

    e2ee::agreed_keys keys() const {
        return e2ee::agree_am1_initiator(peer.self.exchange(), peer.card, ephemeral, first.public_key(),
            bundle).value();
    }
    knock_head head() const {
        return {.card = peer.card, .ephemeral = ephemeral.public_key(), .ratchet_key = first.public_key(),
                .prekey = bundle.signed_key.id};
    }
    /// The object with a signature, where there is one to sign.
    std::string with_signature(std::string_view text, e2ee::signing_context context, byte_view suffix) const {
        const auto canonical = json::canonicalize_without(text, "signature");
        if (!canonical) return std::string{text};
        buffer covered{canonical->begin(), canonical->end()};
        e2ee::append(covered, suffix);
        const auto proof = e2ee::sign_in(peer.self.signing(), context, covered);
        auto out = canonical->substr(0, canonical->size() - 1);
        if (out.size() > 1) out += ',';
        return out + "\"signature\":\"" + to_base64(proof.bytes(), base64_form::url_unpadded) + "\"}";
    }
    std::string signed_knock(std::string_view text) const {
        return with_signature(text, e2ee::signing_context::knock, keys().context.bytes());
    }
    buffer sealed(std::string text) const {
        if (!pad_text(text)) return {};
        return seal_knock(head(), keys().knock, text);
    }
    buffer sealed_reply(std::string text, reply_kind kind) const {
        if (!pad_text(text)) return {};
        const auto asked = parse_knock_head(own_knock).value();
        const auto* one_time = asked.has_one_time_key() ? peer.prekeys.find_one_time(asked.one_time_key).value()
            : nullptr;
        const auto agreed = e2ee::agree_am1_responder(peer.self.exchange(), peer.card, asked.card, asked.ephemeral,
                                                      asked.ratchet_key,
                                                      *peer.prekeys.find_signed(asked.prekey, epoch).value(), one_time)
                                .value();
        return seal_reply(kind, crypto::sha256(own_knock), peer.card, agreed.reply, text);
    }
};

/// @return whether the frame authenticated
bool give(fixture& about, const buffer& frame) {
    auto& self = about.self;
    self.out = {};
    self.out.store = about.store;
    self.policy.asked.clear();
    REQUIRE_FUZZ(self.restart_engine(about.both.now));
    self.mesh->on_tick(about.both.now, self.out);  // what was saved and may not have left goes out once more
    const auto writes = self.out.writes;
    const auto sent = self.out.sent.size();
    REQUIRE_FUZZ(self.mesh->on_message(about.peer.name(), wire::message_type::message, to_payload(frame),
                                       about.both.now, self.out));
    const bool authenticated = !self.policy.asked.empty() || !self.out.texts.empty() || !self.out.opened_ones.empty() ||
                               !self.out.refusals.empty() || !self.out.closed_ones.empty();
    if (authenticated) return true;
    REQUIRE_FUZZ(self.out.lost.empty() && self.out.wanted.empty());
    REQUIRE_FUZZ(self.out.writes == writes);
    REQUIRE_FUZZ(self.out.sent.size() <= sent + 1);
    for (auto at = sent; at < self.out.sent.size(); ++at)
        REQUIRE_FUZZ(kind_of(from_payload(self.out.sent[at].payload).value()) == frame_kind::notice);
    const auto parts = parse_message_frame(frame);  // an unbound one may have overtaken its KNOCK, and waits
    REQUIRE_FUZZ(!self.out.audits.empty() || (parts && !parts->bound));
    return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static fixture about;
    if (size == 0) return 0;
    const byte_view rest{data + 1, size - 1};
    const auto text = as_text(rest);
    switch (data[0] % 7) {
        case 0: (void)give(about, {rest.begin(), rest.end()}); break;
        case 1: {
            if (rest.empty()) break;
            const auto& original = about.genuine[rest[0] % about.genuine.size()];
            auto frame = original;
            for (std::size_t i = 1; i + 3 <= rest.size(); i += 3)
                frame[(rest[i] * 256u + rest[i + 1]) % frame.size()] ^= rest[i + 2];
            if (frame != original) REQUIRE_FUZZ(!give(about, frame));
            break;
        }
        case 2: REQUIRE_FUZZ(!give(about, about.sealed(std::string{text}))); break;
        case 3: {
            const auto made = about.signed_knock(text);
            const auto read = parse_knock(made, about.keys().context, about.peer.self.signing().public_key());
            const bool fits = made.size() <= 8192;
            const bool right = fits && read &&
                               check_knock(*read, about.peer.name(), about.self.name(), about.both.now.wall) &&
                               std::find(read->suites.begin(), read->suites.end(), "am1") != read->suites.end();
            REQUIRE_FUZZ(give(about, about.sealed(made)) == right);
            if (read) {  // what was understood can be written, and means the same
                const auto again = parse_knock(write_knock(*read, about.keys().context, about.peer.self.signing()),
                                               about.keys().context, about.peer.self.signing().public_key());
                REQUIRE_FUZZ(again && again->what == read->what && again->asked == read->asked &&
                             again->suites == read->suites && again->features == read->features &&
                             again->nonce == read->nonce && again->timestamp == read->timestamp);
            }
            break;
        }
        case 4: {
            const auto made = about.with_signature(text, e2ee::signing_context::accept, {});
            if (give(about, about.sealed_reply(made, reply_kind::accept))) {
                const auto read = parse_accept(made, about.peer.self.signing().public_key());
                REQUIRE_FUZZ(read && read->suite == "am1" && read->features.empty());
                REQUIRE_FUZZ(read->held_to.ttl_seconds <= about.both.wish.ttl_seconds);
            }
            break;
        }
        case 5: {
            const auto made = about.with_signature(text, e2ee::signing_context::reject, {});
            if (give(about, about.sealed_reply(made, reply_kind::reject)))
                REQUIRE_FUZZ(parse_reject(made, about.peer.self.signing().public_key()).has_value());
            break;
        }
        case 6: {
            const auto& by = about.peer.self.signing().public_key();
            const auto knock = v02::read_knock(text, about.self.name(), by, about.both.now.wall);
            if (knock) REQUIRE_FUZZ(knock->from == about.peer.name() && !knock->what.category.empty());
            else REQUIRE_FUZZ(knock.error().code != errc{});
            (void)v02::read_accept(text, about.self.name(), by, "n");
            (void)v02::read_reject(text, about.self.name(), by, "n");
            break;
        }
    }
    return 0;
}
