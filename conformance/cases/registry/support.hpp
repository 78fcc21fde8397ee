// What many cases about a registry say in the same words.
#pragma once

#include "conformance/engine/registry_context.hpp"
#include "conformance_requirements.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace agentmesh::conformance::registry_cases {

inline constexpr std::string_view register_path = "/v1/registry/register", status_path = "/v1/registry/status",
                                  capabilities_path = "/v1/registry/capabilities", prekeys_path = "/v1/registry/prekeys",
                                  revoke_path = "/v1/registry/revoke", rate_path = "/v1/registry/reputation/feedback",
                                  report_path = "/v1/registry/reputation/session";

/// True in a run over set `hardened`.
[[nodiscard]] inline bool strict(const context& t) { return t.judges(req::AM_REG_001); }

// An agent, a change and a fetch as deployed; in a run over `hardened` each with a proof. For clauses of core that say
// more of a registry that knows proofs.
[[nodiscard]] inline resident settled(registry_context& t) { return strict(t) ? t.enrolled_with_proof() : t.enrolled(); }
[[nodiscard]] inline http_request sent(registry_context& t, std::string_view path, const json& body, const resident& who) {
    return strict(t) ? t.proved(path, body, who.who) : t.change(path, body, who.who);
}
[[nodiscard]] inline http_request fetched(registry_context& t, const resident& whose, const resident& asker) {
    return strict(t) ? t.fetch(whose.amid(), asker.who) : t.fetch(whose.amid());
}

/// The conjunction of the findings of a loop.
class every {
public:
    void operator+=(const finding& next) {
        all_ = empty_ ? next : all_ & next;
        empty_ = false;
    }
    operator const finding&() const { return all_; }

private:
    finding all_;
    bool empty_ = true;
};

[[nodiscard]] inline json status_of(const resident& who, std::string_view status = "online") {
    return json{{"amid", who.amid()}, {"status", status}};
}

[[nodiscard]] inline json revocation_of(const resident& who, const resident& by, std::string_view reason = "key_compromise") {
    return json{{"amid", who.amid()}, {"reason", reason}, {"notes", "for a test"}, {"revoker_amid", by.amid()}};
}

[[nodiscard]] inline json rating_of(const resident& target, const resident& by, std::string_view session, double score) {
    return json{{"target_amid", target.amid()}, {"from_amid", by.amid()}, {"session_id", session}, {"score", score},
                {"tags", json::array({"reliable"})}};
}

/// The AMIDs that a search answers with.
[[nodiscard]] inline std::vector<std::string> found_in(const observation& answer) {
    std::vector<std::string> out;
    if (!answer.has("results") || !answer.body.at("results").is_array()) return out;
    for (const auto& one : answer.body.at("results"))
        if (one.is_object() && one.contains("amid") && one.at("amid").is_string()) out.push_back(one.at("amid").get<std::string>());
    return out;
}

[[nodiscard]] inline bool lists(const std::vector<std::string>& all, std::string_view one) {
    for (const auto& each : all)
        if (each == one) return true;
    return false;
}

/// The signature with one bit turned in its last third, so that it stays canonical base64 of 64 bytes.
[[nodiscard]] inline std::string damaged(const std::string& b64) {
    auto bytes = from_base64(b64).value_or(std::string(64, '\0'));
    if (!bytes.empty()) bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    return to_base64(bytes);
}

/// A number member, whole or not.
[[nodiscard]] inline std::optional<double> number(const observation& of, std::string_view member) {
    if (!of.has(member) || !of.body.at(std::string{member}).is_number()) return std::nullopt;
    return of.body.at(std::string{member}).get<double>();
}

}  // namespace agentmesh::conformance::registry_cases
