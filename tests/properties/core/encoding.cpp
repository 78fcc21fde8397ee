#include <agentmesh/core/encoding.hpp>
#include <agentmesh/core/time.hpp>
#include <agentmesh/core/utf8.hpp>

#include "tests/support/catch.hpp"

#include <rapidcheck.h>

using namespace agentmesh;

namespace {

constexpr base64_form forms[] = {base64_form::standard_padded, base64_form::url_unpadded};

}  // namespace

TEST_CASE("Every encoding reads back what it wrote", "[property][core][AM-ENC-002][AM-ENC-007]") {
    CHECK(rc::check([](const buffer& bytes) {
        RC_ASSERT((from_hex(to_hex(bytes)) == bytes));
        for (const auto form : forms) {
            const auto text = to_base64(bytes, form);
            RC_ASSERT((text.size() == base64_size(bytes.size(), form)));
            RC_ASSERT((from_base64(text, form) == bytes));
            RC_ASSERT((from_base64(text, base64_form::wire10_lenient) == bytes));
        }
        RC_ASSERT((from_base58(to_base58(bytes), bytes.size()) == bytes));
        buffer exact(bytes.size());
        RC_ASSERT((decode_base58(to_base58(bytes), exact).has_value()));
        RC_ASSERT((exact == bytes));
    }));
}

TEST_CASE("Base58 keeps leading zeros and order of size", "[property][core][AM-ENC-007]") {
    CHECK(rc::check([](buffer bytes) {
        const auto zeros = *rc::gen::inRange<std::size_t>(0, 8);
        bytes.insert(bytes.begin(), zeros, std::uint8_t{0});
        const auto text = to_base58(bytes);
        RC_ASSERT((text.size() <= base58_max_size(bytes.size())));
        RC_ASSERT((from_base58(text, bytes.size()) == bytes));
        if (!bytes.empty()) RC_ASSERT((from_base58(text, bytes.size() - 1).error().code == errc::too_large));
    }));
}

TEST_CASE("A base64 text with one character changed is refused or stands for other bytes",
          "[property][core][AM-ENC-005]") {
    CHECK(rc::check([](const buffer& bytes) {
        RC_PRE(!bytes.empty());
        const auto form = *rc::gen::elementOf(std::vector<base64_form>(std::begin(forms), std::end(forms)));
        auto text = to_base64(bytes, form);
        const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
        const char before = text[at];
        text[at] = *rc::gen::arbitrary<char>();
        RC_PRE(text[at] != before);
        const auto read = from_base64(text, form);
        if (read) RC_ASSERT((*read != bytes));
        if (read) RC_ASSERT((to_base64(*read, form) == text));
    }));
}

TEST_CASE("Every instant reads back from both ways of writing it", "[property][core][AM-ENC-035]") {
    CHECK(rc::check([] {
        const auto span = (latest_time - earliest_time).count();
        auto micros = *rc::gen::inRange<std::int64_t>(0, span);
        const auto unit = *rc::gen::element<std::int64_t>(1, 1000, 1'000'000);
        micros -= micros % unit;
        const time_point at = earliest_time + duration{micros};
        RC_ASSERT((parse_time(format_time(at)) == at));
        RC_ASSERT((parse_time(format_time(at, utc_suffix::offset)) == at));
        RC_ASSERT((format_time(at).size() <= (unit == 1 ? 27u : unit == 1000 ? 24u : 20u)));
    }));
}

TEST_CASE("An offset moves an instant by exactly itself", "[property][core][AM-ENC-030]") {
    CHECK(rc::check([] {
        const auto day = std::chrono::sys_days{std::chrono::year{2026} / 1 / 1};
        const time_point at = time_point{day} + std::chrono::seconds{*rc::gen::inRange(0, 86'400 * 365)};
        const int hours = *rc::gen::inRange(0, 24), minutes = *rc::gen::inRange(0, 60);
        const bool east = *rc::gen::arbitrary<bool>();
        RC_PRE(east || hours + minutes > 0);
        std::string text = format_time(at);
        text.pop_back();
        const auto two = [](int n) {
            return std::string{static_cast<char>('0' + n / 10), static_cast<char>('0' + n % 10)};
        };
        const auto shift = std::chrono::hours{hours} + std::chrono::minutes{minutes};
        RC_ASSERT((parse_time(text + (east ? '+' : '-') + two(hours) + ":" + two(minutes)) ==
                   (east ? at - shift : at + shift)));
    }));
}

TEST_CASE("UTF-8 cut into any pieces is judged as the whole", "[property][core][AM-ENC-011]") {
    CHECK(rc::check([] {
        std::string text;
        for (int i = *rc::gen::inRange(0, 10); i > 0; --i) {
            if (*rc::gen::inRange(0, 12) == 0)
                text += *rc::gen::arbitrary<char>();
            else
                append_utf8(text, static_cast<char32_t>(*rc::gen::elementOf(
                                      std::vector<int>{0x41, 0xE9, 0x20AC, 0x1F600, 0x7FF, 0xFFFF})));
        }
        utf8_validator validator;
        bool fed = true;
        for (std::size_t at = 0; at < text.size();) {
            const auto size = *rc::gen::inRange<std::size_t>(1, 6);
            fed = validator.feed(as_bytes(std::string_view{text}.substr(at, size)));
            at += size;
        }
        RC_ASSERT((fed && validator.complete()) == is_utf8(text));
    }));
}
