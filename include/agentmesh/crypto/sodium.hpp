// The one include of libsodium, started before anything uses it.
#pragma once

#include <agentmesh/core/result.hpp>

#include <cstring>

#include <sodium.h>

namespace agentmesh::crypto {

/// Starts libsodium once in the process; may be called from several threads.
/// @errors crypto_unavailable
inline result<void> start() noexcept {
    static const int state = sodium_init();
    if (state < 0) return fail(errc::crypto_unavailable);
    return {};
}

/// Starts libsodium while the program loads, so that it picks the implementations for this processor in time.
inline const bool started = start().has_value();

/// Zeros that the compiler may not leave out: it has to assume that the assembly reads them. A message wipes a dozen
/// keys; at that size the call of `sodium_memzero` costs more than its work.
template <std::size_t N>
void wipe(void* at) noexcept {
#if defined(__GNUC__)
    std::memset(at, 0, N);
    __asm__ __volatile__("" : : "r"(at) : "memory");
#else
    sodium_memzero(at, N);
#endif
}

}  // namespace agentmesh::crypto
