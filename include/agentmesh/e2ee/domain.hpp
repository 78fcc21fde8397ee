// Signatures that say what they are for: one made for a prekey can never pass as one for a KNOCK.
#pragma once

#include <agentmesh/e2ee/transcript.hpp>
#include <agentmesh/identity/keys.hpp>

namespace agentmesh::e2ee {

/// Stands before everything that suite `am1` signs, and before every label from which it derives keys.
inline constexpr std::string_view label_prefix = "AgentMesh-v1:";

/// Everything that a signing key signs in suite `am1`. Closed: a new use gets a new name, never an old one.
enum class signing_context : std::uint8_t {
    exchange_key,      ///< an identity card
    signed_prekey,     ///< a signed prekey with its time
    one_time_prekeys,  ///< the root of a batch of one-time prekeys
    knock,
    accept,
    reject,
    unknown_session,   ///< the notice to the sender of a frame that belongs to no session
    envelope,
    count_,
};

inline constexpr std::array<std::string_view, static_cast<std::size_t>(signing_context::count_)>
    signing_context_names = {"exchange-key", "signed-prekey", "one-time-prekeys", "knock",
                             "accept",       "reject",        "unknown-session",  "envelope"};

[[nodiscard]] constexpr std::string_view to_text(signing_context context) noexcept {
    return signing_context_names[static_cast<std::size_t>(context)];
}

/// Whether the signed bytes of two contexts can never be equal: no name holds a zero byte or is empty, and no name
/// followed by zero is the beginning of another followed by zero.
template <std::size_t N>
[[nodiscard]] constexpr bool contexts_are_apart(const std::array<std::string_view, N>& names) noexcept {
    for (std::size_t i = 0; i < N; ++i) {
        if (names[i].empty() || names[i].find('\0') != std::string_view::npos) return false;
        for (std::size_t j = 0; j < N; ++j) {
            if (i == j || !names[j].starts_with(names[i])) continue;
            if (names[j].size() == names[i].size() || names[j][names[i].size()] == '\0') return false;
        }
    }
    return true;
}
static_assert(contexts_are_apart(signing_context_names));

/// What is signed: the prefix, the name of the context, a zero byte, the content.
/// @spec AM-KEX-001
[[nodiscard]] inline buffer signed_bytes(signing_context context, byte_view content) {
    buffer out;
    out.reserve(label_prefix.size() + to_text(context).size() + 1 + content.size());
    append(out, label_prefix);
    append(out, to_text(context));
    out.push_back(0);
    append(out, content);
    return out;
}

/// @spec AM-KEX-001
[[nodiscard]] inline signature sign_in(const signing_key_pair& key, signing_context context, byte_view content) {
    return key.sign(signed_bytes(context, content));
}

/// @spec   AM-KEX-002
/// @errors bad_signature, also for a signature of another context
[[nodiscard]] inline result<void> verify_in(const signing_public_key& key, signing_context context, byte_view content,
                                            const signature& proof) {
    if (!crypto::verify(key, signed_bytes(context, content), proof)) return fail(errc::bad_signature, "AM-KEX-002");
    return {};
}

}  // namespace agentmesh::e2ee
