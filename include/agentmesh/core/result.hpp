// result<T>: a value or an error. Protocol errors never travel as exceptions.
#pragma once

#include <agentmesh/core/error.hpp>

#include <utility>

#if defined(__has_include) && __has_include(<version>)
#include <version>
#endif
#if defined(__cpp_lib_expected) && __cpp_lib_expected >= 202202L
#include <expected>
namespace agentmesh {
template <class T>
using result = std::expected<T, error>;
using failure = std::unexpected<error>;
}  // namespace agentmesh
#else
#include <tl/expected.hpp>
namespace agentmesh {
template <class T>
using result = tl::expected<T, error>;
using failure = tl::unexpected<error>;
}  // namespace agentmesh
#endif

namespace agentmesh {

/// Refuses with a code and the clause that was broken: `return fail(errc::bad_hex, "AM-ENC-001");`
[[nodiscard]] inline failure fail(errc code, clause_id clause = {}) { return failure{error{code, clause}}; }
[[nodiscard]] inline failure fail(const error& why) { return failure{why}; }

}  // namespace agentmesh

#define AGENTMESH_CONCAT_IMPL(a, b) a##b
#define AGENTMESH_CONCAT(a, b) AGENTMESH_CONCAT_IMPL(a, b)

/// `AGENTMESH_TRY(key, parse(text));` declares `key`, or returns the error from the enclosing function.
#define AGENTMESH_TRY(name, expression)                                                             \
    auto AGENTMESH_CONCAT(agentmesh_try_, __LINE__) = (expression);                                 \
    if (!AGENTMESH_CONCAT(agentmesh_try_, __LINE__))                                                \
        return ::agentmesh::fail(AGENTMESH_CONCAT(agentmesh_try_, __LINE__).error());               \
    auto name = std::move(*AGENTMESH_CONCAT(agentmesh_try_, __LINE__))

/// `AGENTMESH_CHECK(verify(...));` the same for a `result<void>`.
#define AGENTMESH_CHECK(expression)                                                                 \
    do {                                                                                            \
        if (auto agentmesh_check_ = (expression); !agentmesh_check_)                                \
            return ::agentmesh::fail(agentmesh_check_.error());                                     \
    } while (false)
