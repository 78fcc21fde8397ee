// Properties: an envelope that is read is written again as text that says the same; signed, it opens for its session
// and for no other; with one byte changed it opens only if it still says the same. A body that is read is written
// again. A number is taken once. Requests, answers and schemas neither crash nor change by being written.
#include "fuzz/fuzz.hpp"

#include <agentmesh/message/body.hpp>
#include <agentmesh/message/schema.hpp>

#include <set>

AM_FUZZ(AM_ENV_002, AM_ENV_003, AM_ENV_004, AM_ENV_006, AM_ENV_007, AM_ENV_008, AM_ENV_010, AM_CAP_001, AM_CAP_003,
        AM_CAP_004, AM_CAP_007, AM_CAP_008);

using namespace agentmesh;

namespace {

signing_key_pair pair(std::uint8_t first) {
    std::array<std::uint8_t, 32> seed{};
    seed[0] = first;
    return signing_key_pair{*signing_seed::from(seed)};
}
const signing_key_pair signer = pair(1), stranger = pair(2);
const amid stranger_name = amid::of(stranger.public_key());

void look_at(const message::envelope& read, std::string_view received, std::uint8_t dice) {
    // Longer than it was allowed to be, it may be refused; the text may have been spelled more briefly.
    const auto plain = message::write_envelope(read);
    if (!plain) {
        REQUIRE_FUZZ(plain.error().code == errc::too_large || plain.error().code == errc::json_number_range);
        return;
    }
    const auto again = message::parse_envelope(*plain);
    REQUIRE_FUZZ(again.has_value());
    REQUIRE_FUZZ(message::write_envelope(*again) == plain);
    REQUIRE_FUZZ(again->type == read.type && again->sequence == read.sequence && again->proof == read.proof);
    REQUIRE_FUZZ(message::peek_type(received) == read.type);
    REQUIRE_FUZZ(!message::verify_envelope(received, stranger.public_key()));

    message::envelope own = read;
    const auto text = message::sign_envelope(own, signer);
    if (!text) return;  // the signature made it too long
    REQUIRE_FUZZ(message::open_envelope(*text, {own.session_id, own.from, own.to}, signer.public_key()).has_value());
    REQUIRE_FUZZ(!message::open_envelope(*text, {own.session_id, own.from, own.to}, stranger.public_key()));
    REQUIRE_FUZZ(!message::open_envelope(*text, {"", own.from, own.to}, signer.public_key()));
    if (own.from != stranger_name)
        REQUIRE_FUZZ(!message::open_envelope(*text, {own.session_id, stranger_name, own.to}, signer.public_key()));
    if (own.to != stranger_name)
        REQUIRE_FUZZ(!message::open_envelope(*text, {own.session_id, own.from, stranger_name}, signer.public_key()));

    std::string changed = *text;
    changed[changed.size() * dice / 256] = static_cast<char>(changed[changed.size() * dice / 256] ^ (1 + dice % 127));
    if (message::verify_envelope(changed, signer.public_key())) REQUIRE_FUZZ(json::canonicalize(changed) == text);
}

void look_at_body(std::string_view type, std::string_view payload) {
    const auto body = message::parse_body(type, payload);
    if (!body) return;
    REQUIRE_FUZZ(message::type_of(*body) == type);
    REQUIRE_FUZZ((message::body_type_of(type) == message::body_type::other) ==
                 std::holds_alternative<message::other_body>(*body));
    const auto text = message::write_body(*body);
    REQUIRE_FUZZ(text.has_value());
    const auto again = message::parse_body(type, *text);
    REQUIRE_FUZZ(again == body || (!again && again.error().code == errc::too_large));
}

// Bytes as numbers near each other, with a jump now and then.
void look_at_sequence(byte_view bytes) {
    message::sequence_tracker in;
    std::set<std::uint64_t> taken;
    std::uint64_t base = 0;
    for (const std::uint8_t byte : bytes.first(std::min<std::size_t>(bytes.size(), 2048))) {
        if (byte == 255) base += 1500;
        const std::uint64_t number = base + byte % 64;
        const std::uint64_t due = taken.empty() ? 0 : *taken.rbegin() + 1;
        const bool fresh = !taken.contains(number) && (number >= due || due - number <= in.window);
        REQUIRE_FUZZ(in.accept(number).has_value() == fresh);
        if (fresh) taken.insert(number);
    }
    REQUIRE_FUZZ(in.missing() == in.due() - taken.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = as_text({data, size});
    const std::uint8_t dice = size == 0 ? 0 : data[size / 2];

    if (const auto read = message::parse_envelope(text)) {
        look_at(*read, text, dice);
        look_at_body(read->type, read->payload);
    }
    for (const std::string_view type : {"request", "response", "status", "error", "close", "x-other"})
        look_at_body(type, text);
    look_at_sequence({data, size});

    if (const auto asked = message::parse_capability_request(text)) {
        REQUIRE_FUZZ(message::parse_capability_request(message::write(*asked)) == asked);
        const auto answer = message::negotiate(*asked, {.capabilities = asked->i_offer,
                                                        .schemas = asked->preferred_schemas});
        REQUIRE_FUZZ(answer.matched.size() <= asked->i_need.size());
        REQUIRE_FUZZ(answer.agreed_schema.has_value() == !asked->preferred_schemas.empty());
    }
    if (const auto answer = message::parse_capability_response(text))
        REQUIRE_FUZZ(message::parse_capability_response(message::write(*answer)) == answer);

    // The input as a description, held against itself and against a small value; and as a value.
    if (const auto schema = message::schema::compile(text)) {
        REQUIRE_FUZZ(schema->check(text).has_value());
        REQUIRE_FUZZ(schema->check(R"({"a":[1,"b",null]})").has_value());
    }
    static const message::schema_registry known;
    for (const auto& one : message::standard_schemas)
        if (const auto judged = known.judge(one.name, text, message::validation::strict)) {
            REQUIRE_FUZZ(judged->accepted == judged->findings.empty());
            for (const auto& found : judged->findings)
                REQUIRE_FUZZ(found.pointer.empty() || found.pointer.front() == '/');
        }
    return 0;
}
