// Append-only writer of compact JSON. What it writes is well-formed UTF-8 whatever text it is given.
//
//     std::string out;
//     json::writer to{out};
//     to.begin_object().member("type", "error").member("code", 7).end_object();     {"type":"error","code":7}
#pragma once

#include <agentmesh/core/json_scan.hpp>
#include <agentmesh/core/limits.hpp>

#include <cassert>
#include <concepts>

namespace agentmesh::json {

/// Appends `text` as a JSON string with its quotes, escaping only what RFC 8785 section 3.2.2.2 escapes.
/// Bytes that are not well-formed UTF-8 become U+FFFD, so that text from outside cannot break a frame.
void append_quoted(std::string& out, std::string_view text);

/// Appends the shortest text that reads back as `value`, laid out as ECMAScript does (RFC 8785 section 3.2.2.3).
/// @param value  finite
void append_number(std::string& out, double value);

/// Writes values in order. The caller keeps the nesting right and the member names apart; assertions check the
/// former. Returns itself, so that calls chain. Nothing but appending happens to `out`.
class writer {
public:
    explicit writer(std::string& out) noexcept : out_{out} {}

    writer& begin_object() { return open('{'); }
    writer& end_object() { return close('}'); }
    writer& begin_array() { return open('['); }
    writer& end_array() { return close(']'); }

    /// The name of the member whose value is written next.
    writer& name(std::string_view text) {
        separate();
        append_quoted(out_, text);
        out_ += ':';
        comma_ = false;
        return *this;
    }

    writer& value(std::string_view text) {
        separate();
        append_quoted(out_, text);
        return *this;
    }
    writer& value(const char* text) { return value(std::string_view{text}); }
    writer& value(bool yes) { return verbatim(yes ? "true" : "false"); }
    /// @param number  of magnitude at most 2^53, so that every reader gets the same value
    template <std::integral Integer>
    writer& value(Integer number) {
        assert(std::cmp_less_equal(number, limits::json_integer) &&
               std::cmp_greater_equal(number, -limits::json_integer));
        char digits[24];
        const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
        return verbatim({digits, static_cast<std::size_t>(end - digits)});
    }
    /// @param number  finite
    writer& value(double number) {
        separate();
        append_number(out_, number);
        return *this;
    }
    writer& null() { return verbatim("null"); }

    /// A value that is JSON already, copied byte for byte, as from reader::skip().
    writer& verbatim(std::string_view json) {
        separate();
        out_.append(json);
        return *this;
    }
    /// A string taken from another text without resolving its escapes: string_token::raw.
    writer& raw_string(std::string_view raw) {
        separate();
        out_.reserve(out_.size() + raw.size() + 2);
        out_ += '"';
        out_.append(raw);
        out_ += '"';
        return *this;
    }

    template <class Value>
    writer& member(std::string_view text, const Value& content) {
        return name(text).value(content);
    }

private:
    void separate() {
        if (comma_) out_ += ',';
        comma_ = true;
    }
    writer& open(char bracket) {
        separate();
        out_ += bracket;
        comma_ = false;
        ++depth_;
        return *this;
    }
    writer& close(char bracket) {
        assert(depth_ > 0);
        --depth_;
        out_ += bracket;
        comma_ = true;
        return *this;
    }

    std::string& out_;
    std::size_t depth_ = 0;
    bool comma_ = false;
};

}  // namespace agentmesh::json

#include <agentmesh/core/json_writer.ipp>
