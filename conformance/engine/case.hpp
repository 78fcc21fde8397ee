// A conformance case: data plus one function. `AM_CASE` registers it before main().
//
//     AM_CASE("RLY-SEND-001") {
//         .title = "a message to a connected agent arrives there",
//         .proves = {req::AM_RLY_001, req::AM_RLY_002},
//         .cost = rtt(7),
//         .run = [](context& t) { ... },
//     };
//
// The members keep this order; a case about a registry has `.ask = [](registry_context& t) { ... }` in place of `.run`.
// An id is permanent: never renumbered, never reused.
#pragma once

#include "conformance/engine/requirement.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace agentmesh::conformance {

class context;
class registry_context;

/// Abilities beyond 0.2 that a target may lack. A case that needs one starts with a probe: a login that offers it.
/// If the target does not take it up, every check of the case is `not_offered`, with the probe as evidence.
enum class feature : std::uint8_t { none, receipts, challenge };

/// Waits that take longer than a round trip. Without `--declare` of the timing or `--slow` the case is `untested`.
/// `context::timing()` tells how long. A case may need several: `waits::ping | waits::handshake`.
enum class waits : unsigned { none = 0, handshake = 1, ping = 2, expiry = 4, minute = 8, head = 16 };
[[nodiscard]] constexpr waits operator|(waits a, waits b) noexcept {
    return static_cast<waits>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
[[nodiscard]] constexpr bool includes(waits all, waits one) noexcept {
    return (static_cast<unsigned>(all) & static_cast<unsigned>(one)) != 0;
}

/// Price of a case in sequential round trips, logins (3 each) included.
struct round_trips { int count = 0; };
[[nodiscard]] constexpr round_trips rtt(int count) noexcept { return {count}; }

/// A list of clauses, written as `{req::AM_RLY_001, req::AM_RLY_002}`. Only constants of `req::` may stand in it.
class requirement_list {
public:
    class item {
    public:
        template <polarity P, keyword K>
        constexpr item(const requirement<P, K>& r) noexcept : what_{&r} {}
        [[nodiscard]] constexpr const clause* get() const noexcept { return what_; }
    private:
        const clause* what_;
    };
    requirement_list() = default;
    requirement_list(std::initializer_list<item> items) { for (const auto& i : items) items_.push_back(i.get()); }

    [[nodiscard]] auto begin() const noexcept { return items_.begin(); }
    [[nodiscard]] auto end() const noexcept { return items_.end(); }
    [[nodiscard]] bool empty() const noexcept { return items_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }

private:
    std::vector<const clause*> items_;
};

/// What a case consists of. `proves` may mix clauses of `core` and `hardened`: a run over core judges only the former
/// (the case is left out if nothing remains), and a judgement of a clause outside the run's set is ignored.
struct case_definition {
    std::string_view title;            ///< one sentence about behaviour, no full stop
    requirement_list proves{};
    round_trips cost{};
    waits wait = waits::none;          ///< written `.wait = waits::ping`
    feature needs = feature::none;
    bool alone = false;                ///< no other case may run beside it, because it loads the whole target
    void (*run)(context&) = nullptr;            ///< judges a relay
    void (*ask)(registry_context&) = nullptr;   ///< judges a registry; exactly one of the two is there

    [[nodiscard]] target_role role() const noexcept { return ask != nullptr ? target_role::registry : target_role::relay; }
};

struct conformance_case : case_definition {
    std::string_view id;               ///< "<AREA>-<WORD>-<nnn>"

    /// "RLY" of "RLY-STORE-007".
    [[nodiscard]] std::string_view area() const noexcept { return id.substr(0, id.find('-')); }
};

/// All cases linked into this program, sorted by id. Filled before main() and constant from then on.
[[nodiscard]] const std::vector<const conformance_case*>& all_cases();
/// nullptr if there is none.
[[nodiscard]] const conformance_case* find_case(std::string_view id);

/// Complaints about the registered cases: ids given twice or of a wrong form, missing members, clauses that the URL of
/// such a target cannot answer for. Empty when the suite is well formed.
[[nodiscard]] std::vector<std::string> lint_cases();

namespace detail {
struct case_id {
    std::string_view id;
};
/// Registers the case for the life of the program.
const conformance_case* operator+(case_id id, const case_definition& what);
}  // namespace detail

}  // namespace agentmesh::conformance

#define AM_CASE_JOIN_(a, b) a##b
#define AM_CASE_NAME_(line) AM_CASE_JOIN_(am_case_, line)
#define AM_CASE(id_)                                                                                   \
    [[maybe_unused]] static const ::agentmesh::conformance::conformance_case* const AM_CASE_NAME_(__LINE__) = \
        ::agentmesh::conformance::detail::case_id{id_} + ::agentmesh::conformance::case_definition
