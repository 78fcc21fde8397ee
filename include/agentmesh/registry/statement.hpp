// What an agent says once and for all, signed so that it holds wherever it is read: that its key is no longer to be
// trusted, and which key takes its place.
//
//     const auto gone = registry::revocation_statement::make(me.signing(), reason::key_compromise, now);
//     AGENTMESH_TRY(next, registry::succession_statement::parse(bytes));   // both signatures checked
//
// A registry's word about either may be wrong, late or withheld; these need nobody's word. Whoever has one keeps it,
// and shows it to others.
#pragma once

#include <agentmesh/core/clock.hpp>
#include <agentmesh/e2ee/domain.hpp>
#include <agentmesh/identity/agent_id.hpp>

namespace agentmesh::registry {

/// What a signing key signs for registries, beside the contexts of e2ee/domain.hpp.
enum class statement_context : std::uint8_t {
    revocation,  ///< by the key that it ends
    succession,  ///< by both keys
    count_,
};

inline constexpr std::array<std::string_view, static_cast<std::size_t>(statement_context::count_)>
    statement_context_names = {"revocation", "succession"};

[[nodiscard]] constexpr bool statement_contexts_are_apart() noexcept {
    std::array<std::string_view, e2ee::signing_context_names.size() + statement_context_names.size()> all{};
    std::size_t count = 0;
    for (const auto name : e2ee::signing_context_names) all[count++] = name;
    for (const auto name : statement_context_names) all[count++] = name;
    return e2ee::contexts_are_apart(all);
}
static_assert(statement_contexts_are_apart());

/// Why an agent is revoked, in the words of the registry's endpoint and in this order.
enum class revocation_reason : std::uint8_t {
    key_compromise,
    policy_violation,
    superseded,
    cessation_of_operation,
    privilege_withdrawn,
    admin_request,
    other,
};

[[nodiscard]] constexpr std::string_view to_text(revocation_reason of) noexcept {
    constexpr std::string_view words[] = {
        "key_compromise",      "policy_violation", "superseded", "cessation_of_operation",
        "privilege_withdrawn", "admin_request",    "other"};
    return words[static_cast<std::size_t>(of)];
}
/// @errors wrong_member
[[nodiscard]] constexpr result<revocation_reason> parse_reason(std::string_view text) noexcept {
    for (std::uint8_t i = 0; i <= static_cast<std::uint8_t>(revocation_reason::other); ++i)
        if (text == to_text(static_cast<revocation_reason>(i))) return static_cast<revocation_reason>(i);
    return fail(errc::wrong_member);
}

/// 01 ‖ signing key ‖ u8 reason ‖ u64 time ‖ signature over all before it, in context `revocation`. Time is Unix
/// seconds. One that `make` or `parse` returned holds.
/// @spec AM-FND-010
struct revocation_statement {
    static constexpr std::size_t size = 1 + 32 + 1 + 8 + 64;

    signing_public_key key;
    revocation_reason reason = revocation_reason::other;
    std::int64_t at = 0;
    signature proof;

    [[nodiscard]] static revocation_statement make(const signing_key_pair& own, revocation_reason why, time_point now);
    /// @errors bad_length, wrong_member, weak_key, bad_signature
    [[nodiscard]] static result<revocation_statement> parse(byte_view bytes);
    /// The same in `b64u`.
    [[nodiscard]] static result<revocation_statement> parse_text(std::string_view text);

    [[nodiscard]] amid who() const { return amid::of(key); }
    [[nodiscard]] buffer bytes() const;
    [[nodiscard]] std::string text() const;

    friend bool operator==(const revocation_statement&, const revocation_statement&) = default;
};

/// 01 ‖ old signing key ‖ new signing key ‖ u64 time ‖ signature by the old key ‖ signature by the new key, both over
/// all before the first, in context `succession`. The old key gives its name away, the new one takes it: neither can be
/// made to. One that `make` or `parse` returned holds.
/// @spec AM-FND-011
struct succession_statement {
    static constexpr std::size_t size = 1 + 32 + 32 + 8 + 64 + 64;

    signing_public_key old_key;
    signing_public_key new_key;
    std::int64_t at = 0;
    signature by_old;
    signature by_new;

    /// @param old_key, new_key  different
    [[nodiscard]] static succession_statement make(const signing_key_pair& old_key, const signing_key_pair& new_key,
                                                   time_point now);
    /// @errors bad_length, wrong_member, weak_key, bad_signature
    [[nodiscard]] static result<succession_statement> parse(byte_view bytes);
    [[nodiscard]] static result<succession_statement> parse_text(std::string_view text);

    [[nodiscard]] amid from() const { return amid::of(old_key); }
    [[nodiscard]] amid to() const { return amid::of(new_key); }
    [[nodiscard]] buffer bytes() const;
    [[nodiscard]] std::string text() const;

    friend bool operator==(const succession_statement&, const succession_statement&) = default;
};

}  // namespace agentmesh::registry

#include <agentmesh/registry/statement.ipp>
