// The library behind lines of JSON, for `amconf shim`: one function an operation, thin enough to be read beside
// docs/shim-protocol.md. See there for the protocol.
#pragma once

#include <agentmesh/core/encoding.hpp>
#include <agentmesh/core/time.hpp>

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <string>

namespace agentmesh::shim {

using nlohmann::json;

/// Which members of a question were looked at: a test of vectors finds those that say nothing.
using members_read = std::set<std::pair<const json*, std::string>>;

/// What an operation is asked.
class arguments {
public:
    arguments(const json& in, const json* now, members_read* read = nullptr) : in_{in}, now_{now}, read_{read} {}

    [[nodiscard]] bool has(const std::string& name) const { return in_.contains(name); }
    /// @throws json::exception where a member is absent or of another type: the question is malformed
    [[nodiscard]] const json& operator[](const std::string& name) const {
        if (read_ != nullptr) read_->emplace(&in_, name);
        return in_.at(name);
    }
    [[nodiscard]] std::string text(const std::string& name) const { return (*this)[name].get<std::string>(); }
    [[nodiscard]] std::string text(const std::string& name, const std::string& otherwise) const {
        return has(name) ? text(name) : otherwise;
    }
    /// Hexadecimal. @throws std::invalid_argument
    [[nodiscard]] buffer bytes(const std::string& name) const;
    template <class T>
    [[nodiscard]] T number(const std::string& name) const {
        return (*this)[name].get<T>();
    }
    /// The time of the question. @throws std::invalid_argument
    [[nodiscard]] time_point now() const;
    /// An object among these members.
    [[nodiscard]] arguments of(const json& object) const { return {object, nullptr, read_}; }

private:
    const json& in_;
    const json* now_;
    members_read* read_;
};

/// The value of `ok`, or why not.
using answer = result<json>;
using operation = std::function<answer(const arguments&)>;
using operations = std::map<std::string, operation>;

/// Thrown where the protocol of shims, not the library, refuses: a session that is not there, or there already.
struct refused_by_shim {
    std::string_view refusal;
};

/// Thrown by an operation that cannot be asked this at all, and answered `unsupported`.
struct not_supported {};

void add_encodings(operations& into);
void add_identity(operations& into);
void add_certificates(operations& into);
void add_agreement(operations& into);
class fed_random;  // feed.hpp
void add_ratchet(operations& into, const std::shared_ptr<fed_random>& random);
void add_live_agreement(operations& into, const std::shared_ptr<fed_random>& random);
void add_live_knock(operations& into, const std::shared_ptr<fed_random>& random);
void add_knock(operations& into);
void add_policy(operations& into);
void add_envelope(operations& into);
void add_registry(operations& into);

/// The class of a refusal.
[[nodiscard]] std::string_view class_of(errc code) noexcept;

/// Fixed-size value of a hexadecimal member.
template <class Fixed>
[[nodiscard]] result<Fixed> fixed(const arguments& in, const std::string& name) {
    return Fixed::from(in.bytes(name));
}

[[nodiscard]] answer of_bytes(const result<buffer>& bytes);

inline buffer arguments::bytes(const std::string& name) const {
    auto out = from_hex(text(name));
    if (!out) throw std::invalid_argument{name + " is not hexadecimal"};
    return *std::move(out);
}

inline time_point arguments::now() const {
    if (now_ == nullptr || !now_->is_string()) throw std::invalid_argument{"no time"};
    const auto at = parse_time(now_->get<std::string>());
    if (!at) throw std::invalid_argument{"no time"};
    return *at;
}

inline answer of_bytes(const result<buffer>& bytes) {
    if (!bytes) return fail(bytes.error());
    return json{{"bytes", to_hex(*bytes)}};
}

inline std::string_view class_of(errc code) noexcept {
    switch (code) {
        case errc::protocol_mismatch:
        case errc::suite_unsupported: return "version";
        case errc::amid_mismatch:
        case errc::bad_identity_file:
        case errc::stale_proof:
        case errc::future_proof:
        case errc::stale_prekey:
        case errc::knock_stale:
        case errc::bad_knock:
        case errc::bad_envelope:
        case errc::unbound_key:
        case errc::epoch_rollback:
        case errc::fallback_refused: return "auth";
        case errc::replayed_proof:
        case errc::knock_replayed:
        case errc::bad_sequence:
        case errc::duplicate: return "replay";
        case errc::bad_signature:
        case errc::weak_key:
        case errc::zero_shared_secret:
        case errc::bad_tag: return "crypto";
        case errc::json_too_deep:
        case errc::json_too_many_members:
        case errc::too_far:
        case errc::counter_exhausted:
        case errc::session_limit:
        case errc::too_large: return "limit";
        case errc::identity_file_access:
        case errc::policy_denied:
        case errc::not_allowed: return "policy";
        case errc::ratchet_not_ready:
        case errc::unknown_prekey:
        case errc::unknown_session:
        case errc::session_expired:
        case errc::session_closed:
        case errc::session_lost:
        case errc::snapshot_rollback:
        case errc::connect_expected: return "state";
        default: return "parse";
    }
}

}  // namespace agentmesh::shim
