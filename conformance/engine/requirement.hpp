// Requirements of SPEC.md as C++ values whose types carry what a verdict depends on.
//
// `tools/amspec header` reads SPEC.md and writes `conformance_requirements.hpp`, one constant an id:
//
//     namespace agentmesh::conformance::req {
//     /// A relay MUST accept a valid CONNECT as the first frame and answer it with `connected`.
//     inline constexpr requirement<polarity::accept, keyword::must> AM_AUT_001{{.id = "AM-AUT-001", ...}};
//     inline constexpr std::array<const clause*, N> all{&AM_AUT_001, ...};   // in the order of SPEC.md
//     }
//
// Because polarity and keyword are part of the type, an *accept* oracle on a *reject* clause, or a pass on a MAY, does
// not compile.
#pragma once

#include <cstdint>
#include <string_view>

namespace agentmesh::conformance {

/// What the sentence demands of the target.
enum class polarity : std::uint8_t {
    accept,   ///< something legitimate is taken
    reject,   ///< something illegitimate is refused, visibly
    produce,  ///< something is sent
    absent,   ///< something is never sent or done
};

/// Keyword of RFC 2119.
enum class keyword : std::uint8_t { must, must_not, should, should_not, may };

/// Who is judged by a clause; `hardened` contains `core`. `library` clauses are invisible through a URL.
enum class requirement_set : std::uint8_t { core, hardened, library };

/// How a clause is proved; a clause may name several.
enum observability : unsigned { by_wire = 1, by_vector = 2, by_schema = 4, by_fuzz = 8, by_review = 16, by_shim = 32 };

/// One sentence of SPEC.md. All text has static storage.
struct clause {
    std::string_view id{};        ///< "AM-RLY-042"
    keyword level{};
    polarity pole{};
    std::string_view role{};      ///< "relay", "client", "agent", "registry", "any"
    requirement_set set{};
    unsigned by = 0;              ///< observability flags
    std::string_view sentence{};
    std::string_view hash{};      ///< SHA-256 of the sentence, 64 hexadecimal digits
    std::string_view source{};    ///< the `src` tag
    int line = 0;                 ///< in SPEC.md
};

/// A clause whose polarity and keyword the compiler knows.
template <polarity P, keyword K = keyword::must>
struct requirement : clause {};

/// Keywords that are judged pass or fail (pass or deviation for SHOULD); a MAY is only recorded.
template <keyword K>
concept Binding = K != keyword::may;

/// True if clauses of `set` are judged in a run over `chosen`.
[[nodiscard]] constexpr bool within(requirement_set set, requirement_set chosen) noexcept {
    return set != requirement_set::library && set <= chosen;
}

/// What stands behind the URL of a run.
enum class target_role : std::uint8_t { relay, registry };
[[nodiscard]] constexpr std::string_view to_string(target_role r) noexcept {
    return r == target_role::registry ? "registry" : "relay";
}

/// True if the URL of such a target has to answer for this clause in a run over `chosen`.
[[nodiscard]] constexpr bool judged_through_url(const clause& c, requirement_set chosen, target_role of) noexcept {
    return (c.by & by_wire) != 0 && c.role == to_string(of) && within(c.set, chosen);
}

[[nodiscard]] constexpr std::string_view to_string(polarity p) noexcept {
    constexpr std::string_view words[] = {"accept", "reject", "produce", "absent"};
    return words[static_cast<unsigned>(p)];
}
[[nodiscard]] constexpr std::string_view to_string(keyword k) noexcept {
    constexpr std::string_view words[] = {"MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY"};
    return words[static_cast<unsigned>(k)];
}
[[nodiscard]] constexpr std::string_view to_string(requirement_set s) noexcept {
    constexpr std::string_view words[] = {"core", "hardened", "library"};
    return words[static_cast<unsigned>(s)];
}

}  // namespace agentmesh::conformance
