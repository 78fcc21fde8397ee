// KNOCK, ACCEPT and REJECT of suite am1: the JSON inside the sealed frames, written and read strictly.
//
// Nothing in a KNOCK says how much its sender is to be trusted: a tier or a reputation that it may hold is not read.
#pragma once

#include <agentmesh/core/encoding.hpp>
#include <agentmesh/core/json.hpp>
#include <agentmesh/core/time.hpp>
#include <agentmesh/crypto/sha256.hpp>
#include <agentmesh/e2ee/domain.hpp>
#include <agentmesh/session/session.hpp>

namespace agentmesh::session {

using crypto::sha256_digest;
using knock_nonce = fixed_bytes<16, struct knock_nonce_tag>;

inline constexpr std::string_view knock_protocol = "agentmesh/1.0";
inline constexpr std::size_t knock_word_length = 64;    ///< of category, subcategory and action
inline constexpr std::size_t knock_suites = 8;
inline constexpr std::size_t knock_features = wire::feature_list::max_names;
inline constexpr std::uint32_t knock_largest_limit = 0x7fffffff;  ///< of seconds, messages and bytes

/// What a KNOCK says.
struct knock_content {
    amid from;
    amid to;
    intent what{};
    session_request asked{};
    std::vector<std::string> suites{};    ///< that the caller speaks, best first
    std::vector<std::string> features{};
    knock_nonce nonce{};
    std::string timestamp{};              ///< as sent; `parse_knock` has checked that it is a time
};

/// What an ACCEPT says.
struct accept_content {
    session_id session{};
    sha256_digest knock{};                ///< of the whole KNOCK frame
    amid from;
    amid to;
    std::string suite{};
    std::vector<std::string> features{};  ///< chosen from those of the KNOCK
    exchange_public_key ratchet_key{};
    constraints held_to{};
    std::string timestamp{};
};

/// What a REJECT says.
struct reject_content {
    sha256_digest knock{};
    amid from;
    amid to;
    deny_reason reason = deny_reason::rejected;
    std::optional<std::uint32_t> retry_after_seconds{};
    std::string timestamp{};
};

/// The text with its signature in it; that of a KNOCK covers `context`, the hash of the key agreement's inputs, too.
/// @spec AM-KNK-002, AM-KNK-017
[[nodiscard]] std::string write_knock(const knock_content& content, const sha256_digest& context,
                                      const signing_key_pair& by);
[[nodiscard]] std::string write_accept(const accept_content& content, const signing_key_pair& by);
[[nodiscard]] std::string write_reject(const reject_content& content, const signing_key_pair& by);

/// Read one of them and verify it; white space may follow. Nothing of a text is returned unless its signature holds.
/// Whom it is for, and when, is for the caller to judge: check_knock.
/// @spec   AM-KNK-007, AM-KNK-011, AM-KNK-018
/// @errors those of the JSON reader; missing_member; wrong_member for a value outside its range; bad_signature
[[nodiscard]] result<knock_content> parse_knock(std::string_view text, const sha256_digest& context,
                                                const signing_public_key& by);
[[nodiscard]] result<accept_content> parse_accept(std::string_view text, const signing_public_key& by);
[[nodiscard]] result<reject_content> parse_reject(std::string_view text, const signing_public_key& by);

/// Whether a verified KNOCK is from its card's owner, for us, and of now. @return its time
/// @spec   AM-KNK-008, AM-KNK-009
/// @errors bad_knock, knock_stale
[[nodiscard]] result<time_point> check_knock(const knock_content& content, const amid& card, const amid& self,
                                             time_point now);

/// Whether an ACCEPT chooses only what the KNOCK offered, and allows no more than it asked for.
/// @spec   AM-KNK-018, AM-KNK-020
/// @errors bad_knock
[[nodiscard]] result<void> check_accept(const accept_content& answer, const sha256_digest& knock,
                                        const session_id& session, const knock_content& asked);

/// The features of `offered` that are in `own` too, in the order offered. @spec AM-KNK-020
[[nodiscard]] std::vector<std::string> common_features(const std::vector<std::string>& offered,
                                                       const std::vector<std::string>& own);

/// The smaller of what is asked, what policy allows, and what a frame can hold. @spec AM-POL-009
[[nodiscard]] constraints narrowed(const constraints& allowed, const session_request& asked) noexcept;

}  // namespace agentmesh::session

#include <agentmesh/session/knock.ipp>
