// What every fuzz target includes. A target states a property, not only that nothing crashes:
//
//     AM_FUZZ(AM_ENC_010, AM_ENC_013)
//     extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
//         REQUIRE_FUZZ(…);
//         return 0;
//     }
//
// One source serves libFuzzer and, under any compiler, a replay of fuzz/corpus/<target>/ as an ordinary test.
// An input that once broke a target becomes a file of its corpus.
#pragma once

#include <agentmesh/core/bytes.hpp>

#include <cstdio>
#include <cstdlib>

/// The requirements whose parser this target reaches. Expands to nothing; read by the traceability tool.
#define AM_FUZZ(...) static_assert(true, #__VA_ARGS__)

/// Ends the process, so that libFuzzer keeps the input, with the property that does not hold.
#define REQUIRE_FUZZ(...)                                                                               \
    do {                                                                                                \
        if (!(__VA_ARGS__)) {                                                                           \
            std::fprintf(stderr, "%s:%d: property does not hold: %s\n", __FILE__, __LINE__, #__VA_ARGS__); \
            std::abort();                                                                               \
        }                                                                                               \
    } while (false)

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
