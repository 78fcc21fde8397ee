#include <agentmesh/core/json.hpp>

#include "tests/support/catch.hpp"

#include <rapidcheck.h>
#include <nlohmann/json.hpp>

using namespace agentmesh;
using peer = nlohmann::json;

namespace {

std::string well_formed_text() {
    std::string out;
    const auto size = *rc::gen::inRange(0, 12);
    for (int i = 0; i < size; ++i) {
        auto code = static_cast<char32_t>(*rc::gen::oneOf(rc::gen::inRange(0, 0x80), rc::gen::inRange(0, 0x110000)));
        if (code >= 0xD800 && code <= 0xDFFF) code -= 0x800;
        append_utf8(out, code);
    }
    return out;
}

double finite_number() {
    const auto value = std::bit_cast<double>(*rc::gen::arbitrary<std::uint64_t>());
    return std::isfinite(value) ? value : 0.5;
}

/// A value with up to `depth` levels below it.
peer value(int depth) {
    switch (*rc::gen::inRange(0, depth > 0 ? 7 : 5)) {
        case 0: return nullptr;
        case 1: return *rc::gen::arbitrary<bool>();
        case 2: return *rc::gen::inRange<std::int64_t>(-limits::json_integer, limits::json_integer + 1);
        case 3: return finite_number();
        case 4: return well_formed_text();
        case 5: {
            peer out = peer::array();
            for (int i = *rc::gen::inRange(0, 5); i > 0; --i) out.push_back(value(depth - 1));
            return out;
        }
        default: {
            peer out = peer::object();
            for (int i = *rc::gen::inRange(0, 40); i > 0; i -= 7) out[well_formed_text()] = value(depth - 1);
            return out;
        }
    }
}

/// The same value as text in one of many ways: order, white space, escapes.
void spell(const peer& what, std::string& out) {
    const auto space = [&] {
        out.append(*rc::gen::elementOf(std::vector<std::string>{"", "", "", " ", "\n\t", "\r\n"}));
    };
    const auto text = [&](const std::string& s) { out += peer(s).dump(-1, ' ', *rc::gen::arbitrary<bool>()); };
    space();
    if (what.is_object()) {
        std::vector<std::string> names;
        for (const auto& [name, ignored] : what.items()) names.push_back(name);
        for (std::size_t i = names.size(); i > 1; --i)
            std::swap(names[i - 1], names[*rc::gen::inRange<std::size_t>(0, i)]);
        out += '{';
        for (std::size_t i = 0; i < names.size(); ++i) {
            if (i > 0) out += ',';
            space();
            text(names[i]);
            space();
            out += ':';
            spell(what.at(names[i]), out);
        }
        out += '}';
    } else if (what.is_array()) {
        out += '[';
        for (std::size_t i = 0; i < what.size(); ++i) {
            if (i > 0) out += ',';
            spell(what.at(i), out);
        }
        out += ']';
    } else if (what.is_string()) {
        text(what.get<std::string>());
    } else {
        out += what.dump();
    }
    space();
}

}  // namespace

TEST_CASE("Every spelling of a value has the same canonical form", "[property][core][AM-ENC-020]") {
    CHECK(rc::check([] {
        const peer what = value(3);
        std::string one, two;
        spell(what, one);
        spell(what, two);
        const auto canonical = json::canonicalize(one);
        RC_ASSERT((canonical.has_value()));
        RC_ASSERT((json::canonicalize(two) == canonical));
        RC_ASSERT((json::canonicalize(*canonical) == canonical));
        RC_ASSERT((peer::parse(*canonical) == what));
    }));
}

TEST_CASE("A text with one byte changed is judged as an independent parser judges it", "[property][core][AM-ENC-010]") {
    CHECK(rc::check([] {
        std::string text;
        spell(value(2), text);
        const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
        text[at] =
            *rc::gen::oneOf(rc::gen::arbitrary<char>(), rc::gen::elementOf(std::string{"{}[],:\"\\01-.eEnul \xC3"}));
        RC_PRE(text.find('\0') == std::string::npos);  // the peer takes a NUL at the end for the end
        const auto verdict = json::validate(text);
        const auto theirs = peer::parse(text, nullptr, false);
        if (verdict)
            RC_ASSERT((!theirs.is_discarded()));
        else if (verdict.error().code == errc::bad_json || verdict.error().code == errc::bad_utf8)
            RC_ASSERT((theirs.is_discarded()));
        else
            RC_ASSERT((verdict.error().code == errc::json_duplicate_member ||
                       verdict.error().code == errc::json_number_range));
    }));
}

TEST_CASE("Text that is quoted reads back as itself", "[property][core][AM-ENC-011]") {
    CHECK(rc::check([] {
        const std::string text = well_formed_text();
        std::string quoted;
        json::append_quoted(quoted, text);
        json::reader in{quoted};
        RC_ASSERT((in.string().text() == text));
        RC_ASSERT((in.finish().has_value()));
    }));
}

TEST_CASE("Any bytes that are quoted give a valid string", "[property][core][AM-ENC-011]") {
    CHECK(rc::check([](const std::string& bytes) {
        std::string quoted;
        json::append_quoted(quoted, bytes);
        RC_ASSERT((json::validate(quoted).has_value()));
    }));
}

TEST_CASE("Every double is read back from its text", "[property][core][AM-ENC-020]") {
    CHECK(rc::check([] {
        const double number = finite_number();
        std::string text;
        json::append_number(text, number);
        json::reader in{text};
        RC_ASSERT((in.number().real() == number));
        RC_ASSERT((in.finish().has_value()));
    }));
}

TEST_CASE("A name that comes again anywhere in an object is found", "[property][core][AM-ENC-013]") {
    CHECK(rc::check([] {
        const auto count = *rc::gen::inRange<std::size_t>(1, 80);
        std::vector<std::string> names;
        for (std::size_t i = 0; i < count; ++i) names.push_back(std::to_string(i) + ':' + well_formed_text());
        const auto write = [&] {
            std::string out;
            json::writer to{out};
            to.begin_object();
            for (const auto& name : names) to.member(name, 0);
            to.end_object();
            return out;
        };
        RC_ASSERT((json::validate(write()).has_value()));
        const std::string repeated = names[*rc::gen::inRange<std::size_t>(0, count)];
        names.insert(names.begin() + *rc::gen::inRange<std::ptrdiff_t>(0, static_cast<std::ptrdiff_t>(count) + 1),
                     repeated);
        RC_ASSERT((json::validate(write()).error().code == errc::json_duplicate_member));
    }));
}

TEST_CASE("The order of names is the order of their UTF-16", "[property][core][AM-ENC-020]") {
    const auto utf16 = [](const std::string& text) {
        std::u16string out;
        for (std::size_t i = 0; i < text.size();) {
            const auto length = utf8_sequence(as_bytes(std::string_view{text}.substr(i)));
            char32_t code = static_cast<unsigned char>(text[i]) & (length == 1 ? 0x7F : 0xFF >> (length + 1));
            for (std::size_t k = 1; k < length; ++k)
                code = code << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3F);
            i += length;
            if (code < 0x10000) {
                out += static_cast<char16_t>(code);
            } else {
                out += static_cast<char16_t>(0xD800 + ((code - 0x10000) >> 10));
                out += static_cast<char16_t>(0xDC00 + ((code - 0x10000) & 0x3FF));
            }
        }
        return out;
    };
    CHECK(rc::check([&] {
        const std::string prefix = well_formed_text();
        const std::string a = prefix + well_formed_text(), b = prefix + well_formed_text();
        RC_ASSERT((json::utf16_less(a, b) == (utf16(a) < utf16(b))));
    }));
}
