#include "conformance/engine/frames.hpp"

namespace agentmesh::conformance::frame {
namespace {

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const auto& w : words) out += (out.empty() ? "" : ",") + w;
    return out;
}

}  // namespace

json connect(const agent& who, std::string_view timestamp, const connect_options& how) {
    json out{{"type", "connect"},
             {"protocol", how.protocol},
             {"amid", who.amid()},
             {"public_key", how.key_prefix + who.public_key()},
             {"signature", who.sign(timestamp)},
             {"timestamp", timestamp},
             {"p2p_capable", how.p2p_capable}};
    if (!how.features.empty() || how.with_features) out["features"] = how.features;
    return out;
}

json send(std::string_view to, std::string_view payload, std::string_view message_type) {
    return {{"type", "send"}, {"to", to}, {"encrypted_payload", payload}, {"message_type", message_type}};
}

json send_with_id(std::string_view to, std::string_view payload, std::string_view id, std::string_view message_type) {
    auto out = send(to, payload, message_type);
    out["id"] = id;
    return out;
}

json ack(std::string_view from, std::string_view id) { return {{"type", "ack"}, {"from", from}, {"id", id}}; }

json presence(std::string_view status) { return {{"type", "presence"}, {"status", status}}; }

json presence_query(std::string_view amid) { return {{"type", "presence_query"}, {"amid", amid}}; }

json ice(std::string_view which, std::string_view to, std::string_view sdp, const json& candidates) {
    return {{"type", which}, {"to", to}, {"sdp", sdp}, {"candidates", candidates}};
}

json candidate(std::string_view candidate, const json& sdp_mid, const json& sdp_mline_index) {
    return {{"candidate", candidate}, {"sdp_mid", sdp_mid}, {"sdp_mline_index", sdp_mline_index}};
}

json established(std::string_view peer, std::string_view spelling) { return {{"type", spelling}, {"peer", peer}}; }

json ping(std::string_view timestamp) { return {{"type", "ping"}, {"timestamp", timestamp}}; }

json disconnect(std::string_view reason) { return {{"type", "disconnect"}, {"reason", reason}}; }

json challenge_response(const agent& who, const challenge_proof& proof) {
    std::string signed_bytes = "AgentMesh-v1:relay-connect";
    signed_bytes += '\0';
    const auto amid = who.raw_amid();
    for (const auto& part : {proof.nonce, proof.relay, proof.timestamp,
                             std::string{reinterpret_cast<const char*>(amid.data()), amid.size()},
                             joined(proof.offered), joined(proof.granted)}) {
        signed_bytes += length_prefixed(part);
    }
    return {{"type", "challenge_response"}, {"timestamp", proof.timestamp}, {"signature", who.sign(signed_bytes)}};
}

}  // namespace agentmesh::conformance::frame
