// Bodies of core/json_canonical.hpp.
#pragma once

namespace agentmesh::json {

inline bool utf16_less(std::string_view a, std::string_view b) noexcept {
    const auto [at, bt] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    if (bt == b.end()) return false;
    if (at == a.end()) return true;
    // Bytes order UTF-8 by code point. UTF-16 differs only in that what lies above U+FFFF (lead byte F0 and up) is
    // written with surrogates, which sort below U+E000 (lead byte EE).
    const auto rank = [](char c) {
        const unsigned byte = static_cast<unsigned char>(c);
        return byte >= 0xF0 ? 0xED00u + byte : byte << 8;
    };
    return rank(*at) < rank(*bt);
}

/// Whether `written`, the canonical form of an integer's double, names that integer: digit for digit, or as 1.25e+24
/// with zeros for what it leaves out. The length needs no look: a double is never off by a factor of ten.
[[nodiscard]] inline bool is_same_integer(std::string_view written, std::string_view integer) {
    const auto e = written.find('e');
    if (e == std::string_view::npos) return written == integer;
    std::string digits{written.substr(0, e)};
    std::erase(digits, '.');
    return integer.starts_with(digits) && integer.find_first_not_of('0', digits.size()) == std::string_view::npos;
}

/// One pass: values are written in the order in which they are read, and an object whose names came out of order
/// is rearranged when it ends.
class canonicalizer {
public:
    canonicalizer(std::string_view text, const bounds& within) : in_{text, within} { out_.reserve(text.size()); }

    /// @param omitted  a name to leave out at the top, which must then be an object; null for none
    [[nodiscard]] result<std::string> run(const std::string_view* omitted) {
        if (omitted)
            object(omitted);
        else
            value();
        AGENTMESH_CHECK(in_.finish());
        return std::move(out_);
    }

private:
    struct written {
        std::string_view name;
        std::size_t from;  // of `"name":value` in out_
        std::size_t to;
    };

    // Recursion is bounded by the reader's depth.
    void value() {
        switch (in_.peek()) {
            case kind::object: object(nullptr); break;
            case kind::array: array(); break;
            case kind::string: string(in_.string()); break;
            case kind::number: number(in_.number()); break;
            default: out_.append(in_.skip()); break;
        }
    }

    void string(const string_token& token) {
        if (token.escaped) return append_quoted(out_, token.text());
        out_ += '"';
        out_.append(token.raw);
        out_ += '"';
    }

    void number(const number_token& token) {
        if (!in_.ok()) return;
        if (!token.integral) return append_number(out_, token.real());
        if (const auto exact = token.integer()) {  // written as it is, but for the minus of zero
            out_.append(*exact == 0 ? "0" : token.raw);
            return;
        }
        const std::size_t from = out_.size();
        append_number(out_, token.real());
        if (!is_same_integer(std::string_view{out_}.substr(from), token.raw))
            in_.refuse(errc::json_number_range, "AM-ENC-016");
    }

    void array() {
        in_.begin_array();
        out_ += '[';
        for (bool more = in_.next_element(); more;) {
            value();
            more = in_.next_element();
            if (more) out_ += ',';
        }
        out_ += ']';
    }

    void object(const std::string_view* omitted) {
        in_.begin_object();
        out_ += '{';
        const std::size_t first = members_.size();
        bool sorted = true;
        while (const auto name = in_.next_member()) {
            if (omitted && *name == *omitted) continue;
            if (members_.size() > first) {
                out_ += ',';
                sorted = sorted && utf16_less(members_.back().name, *name);
            }
            const std::size_t from = out_.size();
            append_quoted(out_, *name);
            out_ += ':';
            value();
            members_.push_back({*name, from, out_.size()});
        }
        if (!sorted && in_.ok()) rearrange(first);
        members_.resize(first);
        out_ += '}';
    }

    void rearrange(std::size_t first) {
        const std::size_t start = members_[first].from;
        scratch_.assign(out_, start, out_.size() - start);
        std::sort(members_.begin() + static_cast<std::ptrdiff_t>(first), members_.end(),
                  [](const written& a, const written& b) { return utf16_less(a.name, b.name); });
        char* to = out_.data() + start;
        for (std::size_t i = first; i < members_.size(); ++i) {
            if (i > first) *to++ = ',';
            to = std::copy_n(scratch_.data() + (members_[i].from - start), members_[i].to - members_[i].from, to);
        }
    }

    reader in_;
    std::string out_;
    std::string scratch_;
    std::vector<written> members_;  // of all objects that are open, innermost last
};

inline result<std::string> canonicalize(std::string_view text, const bounds& within) {
    return canonicalizer{text, within}.run(nullptr);
}

inline result<std::string> canonicalize_without(std::string_view text, std::string_view name, const bounds& within) {
    return canonicalizer{text, within}.run(&name);
}

}  // namespace agentmesh::json
