// Bodies of registry/statement.hpp.
#pragma once

#include <agentmesh/registry/fault.hpp>

namespace agentmesh::registry {

namespace detail {

[[nodiscard]] inline buffer statement_bytes(statement_context context, byte_view content) {
    buffer out;
    e2ee::append(out, e2ee::label_prefix);
    e2ee::append(out, statement_context_names[static_cast<std::size_t>(context)]);
    out.push_back(0);
    e2ee::append(out, content);
    return out;
}

[[nodiscard]] inline buffer content_of(const revocation_statement& of) {
    buffer out{1};
    e2ee::append(out, of.key.bytes());
    out.push_back(static_cast<std::uint8_t>(of.reason));
    e2ee::append_u64be(out, static_cast<std::uint64_t>(of.at));
    return out;
}

[[nodiscard]] inline buffer content_of(const succession_statement& of) {
    buffer out{1};
    e2ee::append(out, of.old_key.bytes());
    e2ee::append(out, of.new_key.bytes());
    e2ee::append_u64be(out, static_cast<std::uint64_t>(of.at));
    return out;
}

[[nodiscard]] inline std::int64_t unix_seconds(time_point at) noexcept {
    return std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
}

/// Times end with the year 9999, as everywhere.
[[nodiscard]] inline result<std::int64_t> read_seconds(std::uint64_t value, clause_id clause) noexcept {
    if (value > 253'402'300'799U) return fail(errc::wrong_member, clause);
    return static_cast<std::int64_t>(value);
}

}  // namespace detail

inline revocation_statement revocation_statement::make(const signing_key_pair& own, revocation_reason why,
                                                       time_point now) {
    revocation_statement out{own.public_key(), why, detail::unix_seconds(now), {}};
    out.proof = own.sign(detail::statement_bytes(statement_context::revocation, detail::content_of(out)));
    return out;
}

inline result<revocation_statement> revocation_statement::parse(byte_view bytes) {
    constexpr clause_id clause = "AM-FND-010";
    if (bytes.size() != size) return fail(errc::bad_length, clause);
    e2ee::byte_cursor in{bytes};
    const auto version = in.u8();
    revocation_statement out;
    out.key = in.fixed<signing_public_key>();
    const auto reason = in.u8();
    if (version != 1 || reason > static_cast<std::uint8_t>(revocation_reason::other))
        return fail(errc::wrong_member, clause);
    out.reason = static_cast<revocation_reason>(reason);
    AGENTMESH_TRY(at, detail::read_seconds(in.u64be(), clause));
    out.at = at;
    out.proof = in.fixed<signature>();
    AGENTMESH_CHECK(crypto::check_public_key(out.key));
    const auto signed_text = detail::statement_bytes(statement_context::revocation, detail::content_of(out));
    if (!crypto::verify(out.key, signed_text, out.proof) && !injected(fault::client_any_statement))
        return fail(errc::bad_signature, clause);
    return out;
}

inline result<revocation_statement> revocation_statement::parse_text(std::string_view text) {
    if (text.size() != base64_size(size, base64_form::url_unpadded)) return fail(errc::bad_length, "AM-FND-010");
    AGENTMESH_TRY(bytes, from_base64(text, base64_form::url_unpadded));
    return parse(bytes);
}

inline buffer revocation_statement::bytes() const {
    auto out = detail::content_of(*this);
    e2ee::append(out, proof.bytes());
    return out;
}
inline std::string revocation_statement::text() const { return to_base64(bytes(), base64_form::url_unpadded); }

inline succession_statement succession_statement::make(const signing_key_pair& old_key, const signing_key_pair& new_key,
                                                       time_point now) {
    assert(old_key.public_key() != new_key.public_key());
    succession_statement out{old_key.public_key(), new_key.public_key(), detail::unix_seconds(now), {}, {}};
    const auto signed_text = detail::statement_bytes(statement_context::succession, detail::content_of(out));
    out.by_old = old_key.sign(signed_text);
    out.by_new = new_key.sign(signed_text);
    return out;
}

inline result<succession_statement> succession_statement::parse(byte_view bytes) {
    constexpr clause_id clause = "AM-FND-011";
    if (bytes.size() != size) return fail(errc::bad_length, clause);
    e2ee::byte_cursor in{bytes};
    const auto version = in.u8();
    succession_statement out;
    out.old_key = in.fixed<signing_public_key>();
    out.new_key = in.fixed<signing_public_key>();
    AGENTMESH_TRY(at, detail::read_seconds(in.u64be(), clause));
    out.at = at;
    out.by_old = in.fixed<signature>();
    out.by_new = in.fixed<signature>();
    if (version != 1 || out.old_key == out.new_key) return fail(errc::wrong_member, clause);
    AGENTMESH_CHECK(crypto::check_public_key(out.old_key));
    AGENTMESH_CHECK(crypto::check_public_key(out.new_key));
    const auto signed_text = detail::statement_bytes(statement_context::succession, detail::content_of(out));
    if (!crypto::verify(out.old_key, signed_text, out.by_old)) return fail(errc::bad_signature, clause);
    if (!crypto::verify(out.new_key, signed_text, out.by_new) && !injected(fault::client_any_successor))
        return fail(errc::bad_signature, clause);
    return out;
}

inline result<succession_statement> succession_statement::parse_text(std::string_view text) {
    if (text.size() != base64_size(size, base64_form::url_unpadded)) return fail(errc::bad_length, "AM-FND-011");
    AGENTMESH_TRY(bytes, from_base64(text, base64_form::url_unpadded));
    return parse(bytes);
}

inline buffer succession_statement::bytes() const {
    auto out = detail::content_of(*this);
    e2ee::append(out, by_old.bytes());
    e2ee::append(out, by_new.bytes());
    return out;
}
inline std::string succession_statement::text() const { return to_base64(bytes(), base64_form::url_unpadded); }

}  // namespace agentmesh::registry
