#include <agentmesh/crypto/random.hpp>
#include <agentmesh/message/body.hpp>
#include <agentmesh/message/capability.hpp>

#include "tests/support/catch.hpp"

#include <rapidcheck.h>

#include <set>

using namespace agentmesh;

namespace {

std::string word(std::string_view letters, int least, int most) {
    std::string out;
    for (int i = *rc::gen::inRange(least, most + 1); i > 0; --i)
        out += letters[*rc::gen::inRange<std::size_t>(0, letters.size())];
    return out;
}

std::string some_text() {
    static constexpr std::string_view pieces[] = {"a", "\"",  "\\", "\n", "é", "\xf0\x9f\x98\x80",
                                                  "/", "\x01", "{",  "\x7f"};
    std::string out;
    for (int i = *rc::gen::inRange(0, 8); i > 0; --i)
        out += pieces[*rc::gen::inRange<std::size_t>(0, std::size(pieces))];
    return out;
}

template <class Make>
auto maybe(Make&& make) -> std::optional<decltype(make())> {
    if (*rc::gen::arbitrary<bool>()) return make();
    return std::nullopt;
}

std::string json_value(int depth, bool object = false) {
    switch (object ? 5 : *rc::gen::inRange(0, depth > 0 ? 6 : 4)) {
        case 0: return *rc::gen::element<std::string>("true", "false");
        case 1: return std::to_string(*rc::gen::inRange<std::int64_t>(-limits::json_integer, limits::json_integer + 1));
        case 2: return *rc::gen::element<std::string>("0.5", "1e3", "-2.5E-3", "-0");
        case 3: {
            std::string out;
            json::append_quoted(out, some_text());
            return out;
        }
        case 4: {
            std::string out = "[";
            for (int i = *rc::gen::inRange(0, 4); i > 0; --i) out += json_value(depth - 1) + (i > 1 ? ", " : "");
            return out + "]";
        }
        default: {
            std::string out = "{ ";
            const int members = *rc::gen::inRange(0, 4);
            for (int i = 0; i < members; ++i)
                out += (i ? ",\"" : "\"") + std::string(1, static_cast<char>('d' - i)) + "\":" + json_value(depth - 1);
            return out + "}";
        }
    }
}

signing_key_pair some_pair() {
    crypto::scripted_random random{*rc::gen::arbitrary<std::uint64_t>()};
    return *signing_key_pair::generate(random);
}

message::envelope some_envelope(const amid& from, const amid& to) {
    std::string type =
        *rc::gen::element<std::string>("request", "response", "status", "error", "close", "x-offer", "é");
    return {.session_id = word("0123456789abcdef", 32, 32),
            .sequence = *rc::gen::inRange<std::uint64_t>(0, std::uint64_t{1} << 53),
            .from = from,
            .to = to,
            .type = std::move(type),
            .timestamp = earliest_time + duration{*rc::gen::inRange<std::int64_t>(
                                             0, (latest_time - earliest_time).count())},
            .payload = json_value(3, true),
            .id = maybe([] { return word("aZ09._:-", 1, 64); })};
}

message::body some_body() {
    const auto count = [] { return *rc::gen::inRange<std::uint64_t>(0, std::uint64_t{1} << 53); };
    const auto ratio = [] { return *rc::gen::inRange<std::uint32_t>(0, 1'000'001); };
    const auto value = [] { return json_value(2); };
    switch (*rc::gen::inRange(0, 6)) {
        case 0: {
            message::request_body one{.intent = maybe(some_text),
                                      .parameters = maybe([] { return json_value(2, true); }),
                                      .response_type = maybe(some_text),
                                      .response_schema = maybe(some_text),
                                      .content = value(),
                                      .schema = maybe(some_text)};
            one.budget = maybe([&] { return message::budget{static_cast<std::int64_t>(count()), some_text()}; });
            one.priority = maybe([] { return static_cast<message::priority>(*rc::gen::inRange(0, 4)); });
            return one;
        }
        case 1:
            return message::response_body{.status = some_text(),
                                          .results = maybe(value),
                                          .result_count = maybe(count),
                                          .schema = maybe(some_text),
                                          .content = maybe(value),
                                          .processing_time_ms = maybe(count),
                                          .completed_at = maybe(some_text)};
        case 2:
            return message::status_body{.status = maybe(some_text),
                                        .progress_ppm = ratio(),
                                        .estimated_completion_seconds = maybe(count),
                                        .message = maybe(some_text),
                                        .phase = maybe(some_text)};
        case 3: {
            message::error_body one{.code = {message::code_topic::error, "x" + some_text()},
                                    .message = maybe(some_text),
                                    .retry_after_seconds = maybe(count),
                                    .details = maybe(value)};
            one.fallback = maybe([] { return amid::of(some_pair().public_key()); });
            return one;
        }
        case 4: {
            message::close_body one{.reason = {message::code_topic::close, "x" + some_text()},
                                    .summary = maybe(some_text)};
            one.reputation_feedback = maybe([&] {
                message::feedback said{.score_ppm = ratio()};
                for (int i = *rc::gen::inRange(0, 4); i > 0; --i) said.tags.push_back(some_text());
                return said;
            });
            return one;
        }
        default: return message::other_body{"x-" + word("abc", 1, 5), json_value(2, true)};
    }
}

std::string some_name() {
    std::string out = word("ab", 1, 2);
    if (*rc::gen::arbitrary<bool>()) out += '/' + word("ab.", 1, 2);
    return message::check_capability(out) ? out : "a";
}
std::vector<std::string> some_names() {
    std::vector<std::string> out;
    for (int i = *rc::gen::inRange(0, 6); i > 0; --i) out.push_back(some_name());
    return out;
}

// The obvious way, exponential.
bool naive_glob(std::string_view pattern, std::string_view text) {
    if (pattern.empty()) return text.empty();
    if (pattern[0] == '*')
        return naive_glob(pattern.substr(1), text) || (!text.empty() && naive_glob(pattern, text.substr(1)));
    return !text.empty() && text[0] == pattern[0] && naive_glob(pattern.substr(1), text.substr(1));
}

}  // namespace

TEST_CASE("an envelope opens as it was signed, and with one byte changed only if it says the same",
          "[property][message][AM-ENV-001][AM-ENV-002][AM-ENV-003]") {
    CHECK(rc::check([] {
        const auto alice = some_pair();
        const amid from = amid::of(alice.public_key()), to = amid::of(some_pair().public_key());
        auto note = some_envelope(from, to);
        const auto text = message::sign_envelope(note, alice);
        RC_ASSERT(text.has_value());
        RC_ASSERT((json::canonicalize(*text) == text));
        const auto read = message::open_envelope(*text, {note.session_id, from, to}, alice.public_key());
        RC_ASSERT(read.has_value());
        note.payload = json::canonicalize(note.payload).value();
        RC_ASSERT((*read == note));
        RC_ASSERT((message::write_envelope(*read) == text));
        RC_ASSERT((message::peek_type(*text) == note.type));

        std::string changed = *text;
        changed[*rc::gen::inRange<std::size_t>(0, changed.size())] = *rc::gen::arbitrary<char>();
        if (message::verify_envelope(changed, alice.public_key())) RC_ASSERT((json::canonicalize(changed) == text));
    }));
}

TEST_CASE("a body reads back as it was written", "[property][message][AM-ENV-008]") {
    CHECK(rc::check([] {
        const auto body = some_body();
        const auto text = message::write_body(body);
        RC_ASSERT(text.has_value());
        RC_ASSERT((message::parse_body(message::type_of(body), *text) == body));
    }));
}

TEST_CASE("a tracker takes exactly the numbers that a set of all of them would, within its window",
          "[property][message][AM-ENV-006]") {
    CHECK(rc::check([] {
        constexpr std::uint64_t window = message::sequence_tracker::window;
        message::sequence_tracker in;
        std::set<std::uint64_t> taken;
        std::uint64_t near = 0;
        for (int i = 0; i < 300; ++i) {
            const std::uint64_t jump = *rc::gen::weightedElement<std::uint64_t>({{20, 4}, {4, 100}, {1, 3 * window}});
            const std::uint64_t low = near > jump ? near - jump : 0;
            const std::uint64_t next = *rc::gen::inRange<std::uint64_t>(low, near + jump + 1);
            const std::uint64_t due = taken.empty() ? 0 : *taken.rbegin() + 1;
            const bool wanted = !taken.contains(next) && (next >= due || due - next <= window);
            RC_ASSERT((in.accept(next).has_value() == wanted));
            if (wanted) taken.insert(next);
            near = taken.empty() ? 0 : *taken.rbegin();
            RC_ASSERT((in.due() == (taken.empty() ? 0 : near + 1)));
            RC_ASSERT((in.missing() == in.due() - taken.size()));
        }
    }));
}

TEST_CASE("a pattern matches what the obvious search finds", "[property][message][AM-CAP-002]") {
    CHECK(rc::check([] {
        const std::string pattern = word("ab.*/", 0, 8), text = word("ab./", 0, 8);
        RC_ASSERT((message::capability_rules::glob(pattern, text) == naive_glob(pattern, text)));
    }));
}

TEST_CASE("fits of plain names are the same both ways", "[property][message][AM-CAP-002]") {
    CHECK(rc::check([] {
        const auto a = some_name(), b = some_name();
        RC_ASSERT((message::match(a, b) == message::match(b, a)));
        RC_ASSERT((message::match(a, b) == message::fit::exact) == (a == b));
    }));
}

TEST_CASE("negotiation answers for each need once, whatever the order of what is offered",
          "[property][message][AM-CAP-003]") {
    CHECK(rc::check([] {
        message::capability_request asked{.i_need = some_names()};
        if (*rc::gen::arbitrary<bool>()) asked.i_need.push_back("a*");
        asked.preferred_schemas = {"x-a/b/v" + std::to_string(*rc::gen::inRange(1, 4))};
        message::capability_catalogue ours{.capabilities = some_names()};
        ours.schemas = {"x-a/b/v" + std::to_string(*rc::gen::inRange(1, 4))};
        const auto answer = message::negotiate(asked, ours);

        const auto has = [](const auto& list, const std::string& one) {
            return std::find(list.begin(), list.end(), one) != list.end();
        };
        for (const auto& one : answer.matched) {
            RC_ASSERT(has(ours.capabilities, one));
            RC_ASSERT(std::any_of(asked.i_need.begin(), asked.i_need.end(), [&](const auto& need) {
                return message::match(need, one) != message::fit::none;
            }));
        }
        for (const auto& need : asked.i_need)
            RC_ASSERT(has(answer.unavailable, need) ==
                      std::none_of(ours.capabilities.begin(), ours.capabilities.end(), [&](const auto& one) {
                          return message::match(need, one) != message::fit::none;
                      }));
        RC_ASSERT((answer.agreed_schema.has_value() == (ours.schemas[0] >= asked.preferred_schemas[0])));

        std::reverse(ours.capabilities.begin(), ours.capabilities.end());
        RC_ASSERT((message::negotiate(asked, ours) == answer));
        RC_ASSERT((message::parse_capability_request(message::write(asked)) == asked));
        RC_ASSERT((message::parse_capability_response(message::write(answer)) == answer));
    }));
}

TEST_CASE("needs and offers of two sides that swap roles fit both ways", "[property][message][AM-CAP-003]") {
    CHECK(rc::check([] {
        const auto mine = some_names(), theirs = some_names();
        const auto there = message::negotiate({.i_need = mine}, {.capabilities = theirs});
        const auto back = message::negotiate({.i_need = theirs}, {.capabilities = mine});
        RC_ASSERT((there.matched.empty() == back.matched.empty()));
        for (const auto& one : there.matched)  // what they serve of mine, I serve of theirs
            RC_ASSERT((std::find(back.unavailable.begin(), back.unavailable.end(), one) == back.unavailable.end()));
    }));
}

TEST_CASE("decimals are rounded as whole numbers would be", "[property][message]") {
    CHECK(rc::check([] {
        // A number of up to 12 decimals, whose value in units of 10^-12 is known exactly.
        const auto whole = *rc::gen::inRange<std::int64_t>(-8'000'000, 8'000'000);
        const auto digits = *rc::gen::oneOf(rc::gen::inRange<std::int64_t>(0, 1'000'000),
                                            rc::gen::element<std::int64_t>(500'000, 499'999, 500'001));
        const auto micros = *rc::gen::inRange<std::int64_t>(0, 1'000'000);
        const auto padded = [](std::int64_t number) { return std::to_string(1'000'000 + number).substr(1); };
        const std::string text = std::to_string(whole) + '.' + padded(micros) + padded(digits);
        const bool negative = whole < 0;
        std::int64_t size = std::abs(whole) * 1'000'000 + micros;
        if (digits > 500'000 || (digits == 500'000 && size % 2 == 1)) ++size;
        RC_ASSERT((message::to_millionths(text) == (negative ? -size : size)));
        RC_ASSERT((message::to_millionths(text + "e0") == (negative ? -size : size)));
        RC_ASSERT((message::to_millionths(message::from_millionths(size)) == size));
    }));
}
