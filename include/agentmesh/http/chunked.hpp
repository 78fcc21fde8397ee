// A body in chunks (RFC 9112 section 7.1), as both sides of a connection read it.
#pragma once

#include <agentmesh/http/fault.hpp>
#include <agentmesh/http/message.hpp>

#include <algorithm>
#include <string>

namespace agentmesh::http {

/// Reads one body. Extensions, which nobody uses, are refused; trailers are read, and not believed.
class chunked_reader {
public:
    struct bounds {
        std::size_t body = 0;  ///< bytes of all chunks together
        std::size_t line = 0;  ///< bytes of one size, and of all trailers together
        clause_id form, size;  ///< which clauses are broken by what is malformed, and what is too large
    };
    explicit chunked_reader(const bounds& within) noexcept : within_{within} {}

    /// Takes bytes from the front of `input` up to the end of the body, and appends to `body` what is in its chunks.
    /// @return whether the body is complete
    /// @errors http_malformed; too_large (body), http_too_large (a line)
    [[nodiscard]] result<bool> feed(byte_view& input, std::string& body);

private:
    enum class phase : std::uint8_t { size, content, end, trailer };

    [[nodiscard]] result<bool> take_line(byte_view& input);
    [[nodiscard]] result<std::size_t> size_of_line() const;

    bounds within_;
    std::string line_;
    std::size_t line_bytes_ = 0;
    std::size_t left_ = 0;  // bytes of the chunk still to come
    phase phase_ = phase::size;
};

/// One line without its CR LF into `line_`.
inline result<bool> chunked_reader::take_line(byte_view& input) {
    while (!input.empty()) {
        const char c = static_cast<char>(input.front());
        input = input.subspan(1);
        const bool ending = !line_.empty() && line_.back() == '\r';
        if (injected(fault::http_chunk_bare_lf) && !ending && c == '\n') return true;
        if (ending != (c == '\n')) return fail(errc::http_malformed, within_.form);
        if (ending) {
            line_.pop_back();
            return true;
        }
        if (++line_bytes_ > within_.line && !injected(fault::http_big_trailers))
            return fail(errc::http_too_large, within_.size);
        line_ += c;
    }
    return false;
}

/// One to eight hexadecimal digits.
inline result<std::size_t> chunked_reader::size_of_line() const {
    const bool loose = injected(fault::http_chunk_size);
    if (line_.empty() || (line_.size() > 8 && !loose)) return fail(errc::http_malformed, within_.form);
    std::size_t out = 0;
    for (const char c : line_) {
        if (loose && (c == ';' || c == ' ')) break;
        const int digit = detail::hex_digit(c);
        if (digit < 0) return fail(errc::http_malformed, within_.form);
        out = out * 16 + static_cast<std::size_t>(digit);
    }
    return out;
}

inline result<bool> chunked_reader::feed(byte_view& input, std::string& body) {
    while (true) {
        if (phase_ == phase::content) {
            const auto size = std::min(left_, input.size());
            body.append(as_text(input.first(size)));
            input = input.subspan(size);
            left_ -= size;
            if (left_ > 0) return false;
            phase_ = phase::end;
        }
        AGENTMESH_TRY(whole, take_line(input));
        if (!whole) return false;
        if (phase_ == phase::size) {
            AGENTMESH_TRY(size, size_of_line());
            if (size > within_.body - body.size() && !injected(fault::http_big_body))
                return fail(errc::too_large, within_.size);
            left_ = size;
            phase_ = size == 0 ? phase::trailer : phase::content;
            line_bytes_ = 0;
        } else if (phase_ == phase::end) {
            if (!line_.empty() && !injected(fault::http_chunk_end)) return fail(errc::http_malformed, within_.form);
            phase_ = phase::size;
            line_bytes_ = 0;
        } else if (line_.empty()) {
            return true;
        }
        line_.clear();
    }
}

}  // namespace agentmesh::http
