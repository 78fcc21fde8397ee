// Envelopes between the harness and the shim: each signs, the other opens.
#include "agentmesh/core/json.hpp"
#include "agentmesh/message/envelope.hpp"
#include "conformance/engine/shim_live.hpp"
#include "conformance_requirements.hpp"

#include <algorithm>

namespace agentmesh::conformance::live {
namespace {

constexpr std::array<std::string_view, 6> types{"request", "response", "status", "error", "close", "x-other/kind"};

/// A body that both sides have never seen: nested, with letters beyond ASCII and numbers of every form.
shim_json body_of(seeded_bytes& chance) {
    constexpr std::array<std::string_view, 6> letters{"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\"", "\n"};
    std::string text;
    for (auto left = chance.below(24); left > 0; --left) text += letters[chance.below(letters.size())];
    const auto number = static_cast<std::int64_t>(chance.below(1ULL << 40U)) - (std::int64_t{1} << 39);
    return {{"intent", to_hex(chance.take(1 + chance.below(20)))},
            {"status", text},
            {"code", "x-" + to_hex(chance.take(4))},
            {"parameters",
             {{text + to_hex(chance.take(2)), number},
              {"fraction", static_cast<double>(number) / 1024.0},
              {"list", {true, nullptr, number, {{"deep", text}}}}}}};
}

/// Where one envelope belongs.
struct place {
    std::string session;
    local_identity from, to;

    explicit place(seeded_bytes& chance)
        : session{to_hex(chance.take(16))}, from{agent_of(chance)}, to{agent_of(chance)} {}
};

message::envelope envelope_of(const place& at, seeded_bytes& chance, std::uint64_t sequence) {
    message::envelope out{.session_id = at.session,
                          .sequence = sequence,
                          .from = at.from.name(),
                          .to = at.to.name(),
                          .type = std::string{types[chance.below(types.size())]},
                          .timestamp = time_of(chance),
                          .payload = body_of(chance).dump()};
    if (chance.below(2) == 0) out.id = "m-" + to_hex(chance.take(5));
    return out;
}

bool same_json(const std::string& a, const std::string& b) {
    const auto one = agentmesh::json::canonicalize(a), other = agentmesh::json::canonicalize(b);
    return one && other && *one == *other;
}

// --- the shim signs -----------------------------------------------------------------------------------------------

void shim_signs(exchange& with) {
    for (std::uint64_t sequence = 0; sequence < 6; ++sequence) {
        auto& chance = with.chance();
        const auto seed = chance.take(32);
        place at{chance};
        at.from = {signer_of(seed), pair_of(chance.take(32)), time_point{}};
        const auto wanted = envelope_of(at, chance, sequence);
        const auto reply = with.ask("envelope.sign", {{"seed", to_hex(seed)},
                                                      {"session_id", at.session},
                                                      {"to", at.to.name().text()},
                                                      {"sequence", sequence},
                                                      {"type", wanted.type},
                                                      {"timestamp", format_time(wanted.timestamp)},
                                                      {"payload", wanted.payload}});
        const clauses signs{&req::AM_ENV_001};
        if (!with.begins(signs, reply, "signs an envelope")) return;
        const auto text = text_in(reply, "text");
        const auto read = message::open_envelope(text.value_or(""), {at.session, at.from.name(), at.to.name()},
                                                 at.from.signing().public_key());
        const bool good = read && read->sequence == sequence && read->type == wanted.type &&
                          read->timestamp == wanted.timestamp && same_json(read->payload, wanted.payload);
        with.judge(signs, good, "the harness opens what the shim signs",
                   "the harness does not open what the shim signs, or reads something else", {&reply});
    }
}

// --- the harness signs --------------------------------------------------------------------------------------------

shim_reply shim_opens(exchange& with, const place& at, const std::string& text, const std::string& session) {
    return with.ask("envelope.open", {{"text", text},
                                      {"session_id", session},
                                      {"sender", at.from.name().text()},
                                      {"receiver", at.to.name().text()},
                                      {"public_key", to_hex(at.from.signing().public_key().bytes())}});
}

/// Signed as it stands, whatever is in it.
std::string signed_as_it_is(shim_json object, const signing_key_pair& by) {
    const auto covered = message::envelope_proof_bytes(object.dump());
    object["signature"] = to_base64(by.sign(*covered).bytes(), base64_form::url_unpadded);
    return object.dump();
}

shim_json unsigned_json(const message::envelope& content) {
    return shim_json::parse(*message::write_envelope(content));
}

bool opened(const shim_reply& reply, const message::envelope& wanted) {
    return number_in(reply, "sequence") == wanted.sequence && text_in(reply, "type") == wanted.type &&
           same_json(text_in(reply, "payload").value_or(""), wanted.payload) && text_in(reply, "id") == wanted.id;
}

void harness_signs(exchange& with) {
    for (std::uint64_t sequence = 0; sequence < 6; ++sequence) {
        auto& chance = with.chance();
        const place at{chance};
        const auto wanted = envelope_of(at, chance, sequence);
        auto object = unsigned_json(wanted);
        const bool more = sequence % 2 == 1;
        if (more) object["x_" + to_hex(chance.take(3))] = body_of(chance);
        const auto reply = shim_opens(with, at, signed_as_it_is(object, at.from.signing()), at.session);
        with.judge(
            {more ? &req::AM_ENV_007 : static_cast<const clause*>(&req::AM_ENV_002)}, opened(reply, wanted),
            more ? "the shim opens an envelope with members that it does not know"
                 : "the shim opens what the harness signs",
            more ? "the shim does not open an envelope with members that it does not know, or reads something else"
                 : "the shim does not open what the harness signs, or reads something else",
            {&reply});
    }
}

// --- envelopes that must be refused -----------------------------------------------------------------------------

void hostile(exchange& with) {
    struct fault {
        const clause* of;
        std::string_view refusal;
        std::string what;
        std::function<std::string(const place&, shim_json)> text;  ///< of the unsigned envelope
    };
    const auto change = [](shim_json object, const char* name, shim_json value) {
        object[name] = std::move(value);
        return object;
    };
    auto& chance = with.chance();
    const auto stranger = agent_of(chance);
    const std::vector<fault> faults{
        {&req::AM_ENV_002, "crypto", "an envelope whose payload was changed after it was signed",
         [](const place& at, shim_json object) {
             auto text = shim_json::parse(signed_as_it_is(std::move(object), at.from.signing()));
             text["payload"]["parameters"]["fraction"] = 0.5;
             return text.dump();
         }},
        {&req::AM_ENV_002, "crypto", "an envelope without a signature",
         [](const place&, const shim_json& object) { return object.dump(); }},
        {&req::AM_ENV_002, "crypto", "an envelope signed by a stranger",
         [&](const place&, shim_json object) { return signed_as_it_is(std::move(object), stranger.signing()); }},
        {&req::AM_ENV_004, "auth", "an envelope from a stranger, signed by the peer",
         [&](const place& at, shim_json object) {
             return signed_as_it_is(change(std::move(object), "from", stranger.name().text()), at.from.signing());
         }},
        {&req::AM_ENV_004, "auth", "an envelope to a stranger",
         [&](const place& at, shim_json object) {
             return signed_as_it_is(change(std::move(object), "to", stranger.name().text()), at.from.signing());
         }},
        {&req::AM_ENV_004, "auth", "an envelope of another session",
         [&](const place& at, shim_json object) {
             return signed_as_it_is(change(std::move(object), "session_id", std::string(32, 'a')), at.from.signing());
         }},
        {&req::AM_ENV_003, "parse", "an envelope with a sequence below 0",
         [&](const place& at, shim_json object) {
             return signed_as_it_is(change(std::move(object), "sequence", -1), at.from.signing());
         }},
        {&req::AM_ENV_003, "parse", "an envelope with a payload that is no object",
         [&](const place& at, shim_json object) {
             return signed_as_it_is(change(std::move(object), "payload", "text"), at.from.signing());
         }},
    };
    for (const auto& one : faults) {
        const place at{chance};
        const auto wanted = envelope_of(at, chance, chance.below(1000));
        const auto honest = shim_opens(with, at, signed_as_it_is(unsigned_json(wanted), at.from.signing()), at.session);
        if (!opened(honest, wanted)) {
            with.open({one.of}, "the shim does not open the honest envelope beside it", {&honest});
            continue;
        }
        with.judge_refusal({one.of}, shim_opens(with, at, one.text(at, unsigned_json(wanted)), at.session), one.refusal,
                           one.what);
    }
}

/// Numbers in any order, some of them twice.
void sequences(exchange& with) {
    auto& chance = with.chance();
    std::vector<std::uint64_t> order;
    for (std::uint64_t n = 0; n < 24; ++n) order.push_back(n * (1 + chance.below(3)));
    chance.shuffle(order);
    message::sequence_tracker mine;
    auto before = shim_json::array();
    for (const auto n : order) {
        const auto news = mine.accept(n);
        const auto reply = with.ask("envelope.sequence.accept", {{"before", before}, {"last", n}});
        if (!news) {
            with.judge_refusal({&req::AM_ENV_006}, reply, "replay", "a number that was accepted before");
            continue;
        }
        constexpr std::array<std::string_view, 3> words{"next", "gap", "late"};
        with.judge({&req::AM_ENV_006}, text_in(reply, "news") == words[static_cast<std::size_t>(*news)],
                   "a number that is new is accepted", "a number that is new is refused, or called something else",
                   {&reply});
        before.push_back(n);
    }
}

}  // namespace

void add_envelope(std::vector<shim_case>& into) {
    into.push_back(live_case("ENV-LIVE-001", "the harness opens what the shim signs", "envelope", "", "envelope.sign",
                             {&req::AM_ENV_001}, shim_signs));
    into.push_back(live_case("ENV-LIVE-002", "the shim opens what the harness signs", "envelope", "", "envelope.open",
                             {&req::AM_ENV_002, &req::AM_ENV_007}, harness_signs));
    into.push_back(live_case("ENV-LIVE-003", "envelopes that are not the peer's are refused", "envelope", "",
                             "envelope.open", {&req::AM_ENV_002, &req::AM_ENV_003, &req::AM_ENV_004}, hostile));
    into.push_back(live_case("ENV-LIVE-004", "numbers that come in any order are accepted once", "envelope", "",
                             "envelope.sequence.accept", {&req::AM_ENV_006}, sequences));
}

}  // namespace agentmesh::conformance::live
