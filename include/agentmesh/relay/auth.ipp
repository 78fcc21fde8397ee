// Bodies of relay/auth.hpp.
#pragma once

namespace agentmesh::relay {

inline result<void> check_window(const time_reading& stated, time_point now) noexcept {
    const duration oldest = injected(fault::auth_short_age) ? std::chrono::milliseconds{550} : limits::proof_max_age;
    const duration furthest = injected(fault::auth_no_future) ? std::chrono::seconds{50} : limits::proof_max_lead;
    if (now - stated.at > oldest && !injected(fault::auth_any_age)) return fail(errc::stale_proof, "AM-AUT-007");
    if (stated.rounded_up() - now > furthest && !injected(fault::auth_any_future)) return fail(errc::future_proof, "AM-AUT-008");
    return {};
}

inline result<login_claim> verify_connect(const wire::connect_frame& frame, const moment& now) {
    if (injected(fault::auth_no_prefix) && frame.public_key.starts_with("ed25519:")) return fail(errc::bad_key_prefix);
    const bool doubled = injected(fault::auth_any_prefix) && frame.public_key.find(':') != std::string_view::npos;
    AGENTMESH_TRY(key, identity::parse_signing_key(doubled ? frame.public_key.substr(frame.public_key.rfind(':') + 1)
                                                           : frame.public_key));
    AGENTMESH_TRY(proof, identity::parse_signature(frame.signature));
    AGENTMESH_TRY(name, amid::parse(frame.amid));
    if (!injected(fault::auth_any_amid)) AGENTMESH_CHECK(identity::check_amid(name, key));
    AGENTMESH_TRY(stated, read_time(frame.timestamp));
    AGENTMESH_CHECK(check_window(stated, now.wall));
    const bool excused = injected(fault::auth_any_signature) ||
                         (injected(fault::auth_small_order) && !crypto::check_public_key(key));
    if (injected(fault::auth_reformat_time))
        AGENTMESH_CHECK(crypto::verify(key, as_bytes(format_time(stated.at, utc_suffix::offset)), proof));
    else if (!excused) AGENTMESH_CHECK(crypto::verify(key, wire::connect_proof_bytes(frame.timestamp), proof));
    return login_claim{name, key, proof, stated.at};
}

inline result<void> proof_memory::accept(const signature& proof, time_point stated, const moment& now) {
    forget(now);
    if (stated < not_before_) return fail(errc::stale_proof, "AM-AUT-012");
    AGENTMESH_TRY(half, key::from(proof.bytes().subspan(32)));
    if (known_.contains(half) && !injected(fault::auth_replay)) return fail(errc::replayed_proof, "AM-AUT-011");
    if (known_.size() >= capacity_) return fail(errc::queue_full, "AM-AUT-011");
    known_.insert(half);
    order_.push_back({half, stated});
    return {};
}

inline void proof_memory::forget(const moment& now) {
    while (!order_.empty() && now.wall - order_.front().stated > limits::proof_max_age) {
        not_before_ = std::max(not_before_, order_.front().stated + duration{1});
        known_.erase(order_.front().proof);
        order_.pop_front();
    }
}

inline result<void> verify_challenge_response(const pending_challenge& asked, std::string_view relay_name,
                                              const wire::challenge_response_frame& frame, const moment& now) {
    AGENTMESH_TRY(proof, identity::parse_signature(frame.signature));
    AGENTMESH_TRY(stated, read_time(frame.timestamp));
    AGENTMESH_CHECK(check_window(stated, now.wall));
    if (injected(fault::challenge_refuses)) return fail(errc::bad_signature, "AM-AUT-044");
    if (injected(fault::challenge_any_proof)) return {};
    if (injected(fault::challenge_plain_proof) &&
        crypto::verify(asked.claim.key, wire::connect_proof_bytes(frame.timestamp), proof)) {
        return {};
    }
    const auto signed_bytes =
        wire::challenge_proof_bytes({.nonce = asked.nonce, .relay = relay_name, .timestamp = frame.timestamp,
                                     .agent = asked.claim.agent, .client_features = asked.client_features,
                                     .relay_features = asked.relay_features});
    return crypto::verify(asked.claim.key, signed_bytes, proof);
}

}  // namespace agentmesh::relay
