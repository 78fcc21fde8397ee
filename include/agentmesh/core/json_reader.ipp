// Bodies of core/json_reader.hpp.
#pragma once

#include <agentmesh/core/json_scan.hpp>

#include <cassert>

namespace agentmesh::json {

// --- tokens -----------------------------------------------------------------------------------------

inline void unescape(std::string& out, std::string_view raw) {
    const char* at = raw.data();
    const char* const end = at + raw.size();
    while (at != end) {
        const char* const slash = std::find(at, end, '\\');
        out.append(at, slash);
        if (slash == end) return;
        error ignored;
        at = scan::escape(slash, end, &out, ignored);
        assert(at != nullptr && "unescape takes only what a reader returned");
        if (at == nullptr) return;
    }
}

inline std::string string_token::text() const {
    if (!escaped) return std::string{raw};
    std::string out;
    out.reserve(raw.size());
    unescape(out, raw);
    return out;
}

inline result<std::int64_t> number_token::integer() const noexcept {
    std::int64_t value = 0;
    const auto read = std::from_chars(raw.data(), raw.data() + raw.size(), value);
    if (!integral || read.ec != std::errc{} || value > limits::json_integer || value < -limits::json_integer)
        return fail(errc::json_number_range, "AM-ENC-016");
    return value;
}

inline double number_token::real() const noexcept { return scan::to_double(raw); }

// --- reader: the ends -------------------------------------------------------------------------------

inline reader::reader(std::string_view text, const bounds& within) noexcept
    : at_{text.data()}, end_{text.data() + text.size()}, bounds_{within} {
    assert(within.depth <= limits::json_depth);
    if (text.size() > within.bytes || text.size() > 0x7FFFFFFFu) refuse(errc::too_large, "AM-ENC-010");
}

inline void reader::refuse(errc code, clause_id clause) noexcept {
    if (failed_) return;
    failed_ = true;
    why_ = {code, clause};
    at_ = end_;
}

inline result<void> reader::finish() {
    while (!failed_ && (depth_ > 0 || pending_)) {
        if (pending_)
            step_over();
        else if (in_object())
            (void)next_member();
        else
            (void)next_element();
    }
    skip_space();
    if (at_ != end_) refuse(errc::bad_json, "AM-ENC-010");
    if (failed_) return fail(why_);
    return {};
}

inline result<void> validate(std::string_view text, const bounds& within) { return reader{text, within}.finish(); }

// --- reader: structure --------------------------------------------------------------------------------

inline void reader::skip_space() noexcept {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
}

inline kind reader::peek() noexcept {
    if (!pending_) return kind::none;
    skip_space();
    if (at_ == end_) return kind::none;
    switch (*at_) {
        case '{': return kind::object;
        case '[': return kind::array;
        case '"': return kind::string;
        case 't':
        case 'f': return kind::boolean;
        case 'n': return kind::null;
        case '-': return kind::number;
        default: return scan::is_digit(*at_) ? kind::number : kind::none;
    }
}

inline bool reader::take(kind wanted, clause_id clause) {
    if (failed_) return false;
    assert(pending_ && "each value is read once");
    const kind found = peek();
    if (found == wanted) return true;
    if (found == kind::none)
        refuse(errc::bad_json, "AM-ENC-010");
    else
        refuse(errc::wrong_member, clause);
    return false;
}

inline bool reader::open(bool object, clause_id clause) {
    if (!take(object ? kind::object : kind::array, clause)) return false;
    if (depth_ == bounds_.depth) return refuse(errc::json_too_deep, "AM-ENC-015"), false;
    ++at_;
    const std::uint64_t bit = std::uint64_t{1} << depth_;
    objects_ = object ? objects_ | bit : objects_ & ~bit;
    if (object) names_.open(depth_);
    ++depth_;
    pending_ = false;
    first_ = true;
    return true;
}

inline bool reader::begin_object(clause_id clause) { return open(true, clause); }
inline bool reader::begin_array(clause_id clause) { return open(false, clause); }

inline void reader::leave() noexcept {
    ++at_;
    --depth_;
    if (objects_ >> depth_ & 1) names_.close(depth_);
    pending_ = false;
    first_ = false;
}

// Between two items of a container: true if another one follows, false if the container ends here.
inline bool reader::between(char closing) noexcept {
    skip_space();
    if (at_ != end_ && *at_ == closing) return leave(), false;
    if (!first_) {
        if (at_ == end_ || *at_ != ',') return refuse(errc::bad_json, "AM-ENC-010"), false;
        ++at_;
    }
    first_ = false;
    return true;
}

inline std::optional<std::string_view> reader::next_member() {
    if (pending_ && !failed_) step_over();
    if (failed_) return std::nullopt;
    assert(depth_ > 0 && in_object() && "next_member belongs to an object");
    if (!between('}')) return std::nullopt;

    skip_space();
    if (at_ == end_ || *at_ != '"') return refuse(errc::bad_json, "AM-ENC-010"), std::nullopt;
    const string_token token = scan_string();
    skip_space();
    if (at_ == end_ || *at_ != ':') refuse(errc::bad_json, "AM-ENC-010");
    if (failed_) return std::nullopt;
    ++at_;
    pending_ = true;

    std::string_view name = token.raw;
    if (token.escaped) name = unescaped_.emplace_front(token.text());
    switch (names_.add(depth_ - 1, name, bounds_.members)) {
        case name_stack::outcome::fresh: return name;
        case name_stack::outcome::duplicate:
            if (injected(fault::json_duplicates)) return name;
            refuse(errc::json_duplicate_member, "AM-ENC-013");
            break;
        case name_stack::outcome::too_many: refuse(errc::json_too_many_members, "AM-ENC-019"); break;
    }
    return std::nullopt;
}

inline bool reader::next_element() {
    if (pending_ && !failed_) step_over();
    if (failed_) return false;
    assert(depth_ > 0 && !in_object() && "next_element belongs to an array");
    if (!between(']')) return false;
    pending_ = true;
    return true;
}

// Passes over the pending value. A loop over the depth that is counted anyway, not a recursion.
inline void reader::step_over() {
    const std::size_t outside = depth_;
    do {
        if (!pending_) {
            if (in_object())
                (void)next_member();
            else
                (void)next_element();
            continue;
        }
        switch (peek()) {
            case kind::object: (void)open(true, {}); break;
            case kind::array: (void)open(false, {}); break;
            case kind::string: (void)scan_string(); break;
            case kind::number: (void)scan_number(); break;
            case kind::boolean: scan_literal(*at_ == 't' ? "true" : "false"); break;
            case kind::null: scan_literal("null"); break;
            case kind::none: refuse(errc::bad_json, "AM-ENC-010"); break;
        }
    } while (!failed_ && (depth_ > outside || pending_));
}

inline std::string_view reader::skip() {
    if (failed_) return {};
    assert(pending_ && "each value is read once");
    skip_space();
    const char* const from = at_;
    step_over();
    if (failed_) return {};
    return {from, static_cast<std::size_t>(at_ - from)};
}

// --- reader: values -----------------------------------------------------------------------------------

inline string_token reader::scan_string() noexcept {
    string_token token;
    error why;
    const char* const from = at_ + 1;
    const char* const quote = scan::closing_quote(from, end_, token.escaped, why);
    if (quote == nullptr) return refuse(why.code, why.clause), string_token{};
    token.raw = {from, static_cast<std::size_t>(quote - from)};
    at_ = quote + 1;
    pending_ = false;
    return token;
}

inline number_token reader::scan_number() noexcept {
    number_token token;
    const char* const past = scan::number(at_, end_, token.integral);
    if (past == nullptr) return refuse(errc::bad_json, "AM-ENC-010"), number_token{};
    token.raw = {at_, static_cast<std::size_t>(past - at_)};
    // Only a long number, or one with an exponent, can leave the range of a double.
    if ((token.raw.size() > 300 || (!token.integral && token.raw.find_first_of("eE") != std::string_view::npos)) &&
        !std::isfinite(token.real()))
        return refuse(errc::json_number_range, "AM-ENC-017"), number_token{};
    at_ = past;
    pending_ = false;
    return token;
}

inline void reader::scan_literal(std::string_view word) noexcept {
    if (!std::string_view{at_, static_cast<std::size_t>(end_ - at_)}.starts_with(word))
        return refuse(errc::bad_json, "AM-ENC-010");
    at_ += word.size();
    pending_ = false;
}

inline string_token reader::string(clause_id clause) {
    return take(kind::string, clause) ? scan_string() : string_token{};
}

inline number_token reader::number(clause_id clause) {
    return take(kind::number, clause) ? scan_number() : number_token{};
}

inline std::int64_t reader::integer(clause_id clause) {
    const number_token token = number(clause);
    if (failed_) return 0;
    const auto value = token.integer();
    if (!value) return refuse(value.error().code, clause.empty() ? value.error().clause : clause), 0;
    return *value;
}

inline bool reader::boolean(clause_id clause) {
    if (!take(kind::boolean, clause)) return false;
    const bool value = *at_ == 't';
    scan_literal(value ? "true" : "false");
    return value && !failed_;
}

inline void reader::null(clause_id clause) {
    if (take(kind::null, clause)) scan_literal("null");
}

}  // namespace agentmesh::json
