// Requests and answers of HTTP as values, as the registry speaks it. How they travel is http/server.hpp and
// http/client.hpp.
#pragma once

#include <agentmesh/ws/http.hpp>

#include <optional>
#include <string>
#include <vector>

namespace agentmesh::http {

using ws::ByteSink;

struct field {
    std::string name;
    std::string value;

    friend bool operator==(const field&, const field&) = default;
};

/// The fields of a message, in order. Names compare without regard to case.
class fields {
public:
    fields() = default;
    fields(std::initializer_list<field> all) : all_{all} {}

    void add(std::string name, std::string value) { all_.push_back({std::move(name), std::move(value)}); }

    [[nodiscard]] std::size_t count(std::string_view name) const noexcept {
        std::size_t out = 0;
        for (const auto& one : all_) out += ws::equals_ignoring_case(one.name, name) ? 1U : 0U;
        return out;
    }
    /// The value of the only field of this name; nothing if there is none, or more than one.
    [[nodiscard]] std::optional<std::string_view> only(std::string_view name) const noexcept {
        std::optional<std::string_view> found;
        for (const auto& one : all_) {
            if (!ws::equals_ignoring_case(one.name, name)) continue;
            if (found) return std::nullopt;
            found = one.value;
        }
        return found;
    }

    [[nodiscard]] auto begin() const noexcept { return all_.begin(); }
    [[nodiscard]] auto end() const noexcept { return all_.end(); }
    [[nodiscard]] std::size_t size() const noexcept { return all_.size(); }

    friend bool operator==(const fields&, const fields&) = default;

private:
    std::vector<field> all_;
};

struct request {
    std::string method{};  ///< as sent: `GET`, `POST`
    std::string path{};    ///< begins with `/`; percent-encoding left as it is
    std::string query{};   ///< after the first `?`, without it
    http::fields fields{};
    std::string body{};

    friend bool operator==(const request&, const request&) = default;
};

struct response {
    std::uint16_t status = 200;
    http::fields fields{};  ///< without Content-Length and Connection, which the connection adds
    std::string body{};

    /// An answer of JSON text.
    [[nodiscard]] static response json(std::uint16_t status, std::string body) {
        return {.status = status, .fields = {{"Content-Type", "application/json"}}, .body = std::move(body)};
    }

    friend bool operator==(const response&, const response&) = default;
};

/// Resolves percent-encoding in one segment of a path or one value of a query. In a query `+` is a space.
/// @errors http_malformed for a `%` without two hexadecimal digits, for a control character or a slash that was encoded
///         (in a path), and for what is not UTF-8 afterwards
[[nodiscard]] result<std::string> decode_segment(std::string_view text);
[[nodiscard]] result<std::string> decode_query(std::string_view text);

/// The members of a query, in order, names and values resolved.
/// @errors as decode_query; too_large over 32 members
[[nodiscard]] result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query);

/// A value as it stands in a query or in one segment of a path: all but letters, digits and `-._~` percent-encoded.
[[nodiscard]] std::string encode_component(std::string_view text);

}  // namespace agentmesh::http

#include <agentmesh/http/message.ipp>
