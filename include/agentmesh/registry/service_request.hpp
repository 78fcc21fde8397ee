// What a registry reads from a request before it asks its store: members of the body, who sends it, and whether the
// texts that it would keep and hand on are ones to keep.
#pragma once

#include <agentmesh/core/json.hpp>
#include <agentmesh/core/time.hpp>
#include <agentmesh/registry/request_proof.hpp>
#include <agentmesh/registry/store.hpp>

#include <array>
#include <cmath>

namespace agentmesh::registry {

namespace service_limits {
inline constexpr std::size_t body_bytes = 256 * 1024;
inline constexpr std::size_t name_bytes = 128;         ///< AM-REG-013
inline constexpr std::size_t capabilities = 64;        ///< AM-REG-013
inline constexpr std::size_t capability_bytes = 128;   ///< AM-REG-013
inline constexpr std::size_t endpoint_bytes = 255;     ///< AM-REG-014
inline constexpr std::uint32_t page = 100;             ///< AM-REG-015
inline constexpr std::size_t one_time_prekeys = 1024;  ///< AM-REG-023
inline constexpr std::size_t notes_bytes = 512;        ///< AM-REG-013
inline constexpr std::size_t addresses = 65'536;       ///< ours: callers that are counted at once
}  // namespace service_limits

/// The change bears no proof at all. @spec AM-REG-005
inline constexpr error signature_required{errc::missing_member, "AM-REG-005"};
/// There is no such agent here. @spec AM-REG-011
inline constexpr error not_registered{errc::unknown_peer, "AM-REG-011"};

/// The members of a body, which must be one JSON object. A member that is null counts as absent.
class request_members {
public:
    /// @errors the JSON reader's
    [[nodiscard]] static result<request_members> parse(std::string_view body);

    [[nodiscard]] bool has(std::string_view name) const noexcept { return find(name) != nullptr; }
    /// @errors missing_member, wrong_member unless it is a string
    [[nodiscard]] result<std::string_view> text(std::string_view name) const;
    /// The same of one that may be absent, and is then empty.
    [[nodiscard]] result<std::string_view> optional_text(std::string_view name) const;
    /// Strings of an array; none if the member is absent.
    /// @errors wrong_member
    [[nodiscard]] result<std::vector<std::string>> texts(std::string_view name) const;
    /// @errors missing_member, bad_amid
    [[nodiscard]] result<amid> agent(std::string_view name) const;
    /// A number from 0 to 1 in parts per million, rounded half to even.
    /// @errors missing_member, wrong_member
    [[nodiscard]] result<ppm> ratio(std::string_view name) const;
    /// The text of a value that is neither string nor null.
    /// @errors missing_member, wrong_member
    [[nodiscard]] result<std::string_view> json(std::string_view name) const;

private:
    struct member {
        std::string name;
        std::string text;
        bool is_string = false;
    };
    [[nodiscard]] const member* find(std::string_view name) const noexcept;

    std::vector<member> all_;
};

/// @errors wrong_member unless it is a JSON number from 0 to 1
[[nodiscard]] result<ppm> parse_ratio(std::string_view text);

/// By what a request says that an agent sends it: a proof over all of it or, as deployed, a signature over a time.
struct credential {
    amid who;
    std::optional<request_proof> proof{};
    std::string stated{};  ///< the time as it was sent, which is what is signed
    signature over_time{};
    time_point forget_at{};

    /// @errors bad_signature, one code for every reason
    [[nodiscard]] result<void> verify(const signing_public_key& key) const;
    /// What must not be seen a second time: the nonce, or the half of a signature that its signer cannot choose.
    [[nodiscard]] byte_view nonce() const noexcept;
};

/// Reads what a request shows for `who`. Nothing is proved before `verify`.
/// @spec   AM-REG-005, AM-REG-006, AM-REG-009, AM-REG-026
/// @param  signature_member  what the deployed form calls the signature over `timestamp`
/// @errors signature_required; bad_signature for whatever is wrong with what is there; wrong_member
[[nodiscard]] result<credential> read_credential(const http::request& request, const request_members& body,
                                                 const amid& who, std::string_view host, time_point now,
                                                 std::string_view signature_member = "signature");

/// Whether a text may be kept and shown: at most `bytes` long, without control characters.
/// @spec   AM-REG-013
/// @errors too_large, wrong_member
[[nodiscard]] result<void> check_shown_text(std::string_view text, std::size_t bytes);

/// Sorted, each once.
/// @spec   AM-REG-013
/// @errors too_large, wrong_member
[[nodiscard]] result<std::vector<std::string>> check_capabilities(std::vector<std::string> all);

/// Whether others may be sent to this URL: `wss://` or `https://` and a host that is a name with a dot, or an address
/// of the open network in its one spelling. A registry never connects to it; those who look an agent up do.
/// @spec   AM-REG-014
/// @errors wrong_member, too_large
[[nodiscard]] result<void> check_endpoint(std::string_view url);

/// How an error leaves: status, and the word in member `error`.
struct refusal_words {
    std::uint16_t status;
    std::string_view word;
};
/// @spec AM-REG-001
[[nodiscard]] refusal_words words_of(const error& why) noexcept;

/// An answer of JSON that says what was refused, and by which clause. Changes also hear `success: false`.
/// @spec AM-REG-001
[[nodiscard]] http::response refuse(const http::request& request, const error& why);

/// A fixed minute for each name, and a bound on how many names there are.
class minute_counts {
public:
    /// @return 0 if it was counted, else after how many seconds to come back
    [[nodiscard]] unsigned take(const std::string& name, unsigned limit, steady_point now);

private:
    struct window {
        steady_point begins;
        unsigned count = 0;
    };
    std::map<std::string, window> windows_;
};

}  // namespace agentmesh::registry

#include <agentmesh/registry/service_request.ipp>
