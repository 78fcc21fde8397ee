#include "conformance/shims/cpp/shim.hpp"

#include <stdexcept>

namespace agentmesh::shim {

buffer arguments::bytes(const std::string& name) const {
    auto out = from_hex(text(name));
    if (!out) throw std::invalid_argument{name + " is not hexadecimal"};
    return *std::move(out);
}

time_point arguments::now() const {
    if (now_ == nullptr || !now_->is_string()) throw std::invalid_argument{"no time"};
    const auto at = parse_time(now_->get<std::string>());
    if (!at) throw std::invalid_argument{"no time"};
    return *at;
}

answer of_bytes(const result<buffer>& bytes) {
    if (!bytes) return fail(bytes.error());
    return json{{"bytes", to_hex(*bytes)}};
}

std::string_view class_of(errc code) noexcept {
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
