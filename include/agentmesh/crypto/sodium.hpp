// The one include of libsodium, started before anything uses it.
#pragma once

#include <agentmesh/core/result.hpp>

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

}  // namespace agentmesh::crypto
