// An agent's side of a registry of profile wire10: the same agents under `did:mesh:` names.
//
//     registry::mesh_client mesh{me, {.host = "registry.example", .form = registry::request_form::signed_time}};
//     AGENTMESH_TRY(request, mesh.prekeys(bob, now, random));
//     AGENTMESH_TRY(bundle, mesh.read_prekeys(bob, response));    // its keys follow from bob's name
//
// Here a name is the hash of the signing key, and the exchange key follows from that: a registry can withhold keys, and
// cannot swap them. What it tells beside them nobody has signed.
#pragma once

#include <agentmesh/registry/client.hpp>

namespace agentmesh::registry {

/// An agent as such a registry tells of it. Of this only the key is proved, where it is there.
struct mesh_agent {
    mesh_did who;
    std::optional<signing_public_key> signing{};  ///< deployed registries do not tell it
    std::vector<std::string> capabilities{};
    tier claimed = tier::anonymous;
    ppm claimed_reputation = 0;
    std::optional<time_point> last_seen{};
    bool revoked = false;  ///< in its word; deployed registries do not tell it
};

class mesh_client {
public:
    /// @param self     must outlive the client
    /// @param options  `host` and `form` count here
    mesh_client(const local_identity& self, client_options options)
        : self_{&self}, options_{std::move(options)}, name_{mesh_did::of(self.signing().public_key())} {}

    [[nodiscard]] const mesh_did& name() const noexcept { return name_; }

    // --- changes: each with a proof, or with a signed time where the options say so -------------------------------
    // @spec AM-FND-012. Errors: those of prove and of the random source

    /// The proof of possession, over the key and a time, is part of the profile and goes into the body of every one.
    [[nodiscard]] result<http::request> enroll(std::span<const std::string> capabilities,
                                               const std::map<std::string, std::string>& metadata, time_point now,
                                               RandomSource auto& random) const;
    /// @param own       its identity and signing keys are this agent's
    /// @param one_time  all that are to wait: those of before are replaced
    [[nodiscard]] result<http::request> put_prekeys(const e2ee::deployed_bundle& own,
                                                    std::span<const e2ee::deployed_one_time> one_time, time_point now,
                                                    RandomSource auto& random) const;
    [[nodiscard]] result<http::request> prekeys(const mesh_did& who, time_point now, RandomSource auto& random) const;
    [[nodiscard]] result<http::request> heartbeat(time_point now, RandomSource auto& random) const;
    [[nodiscard]] result<http::request> rate(const mesh_did& about, ppm score, std::string_view reason, time_point now,
                                             RandomSource auto& random) const;
    /// Takes the agent out of the registry; what others said of it stays.
    [[nodiscard]] result<http::request> erase(time_point now, RandomSource auto& random) const;

    // --- questions -----------------------------------------------------------------------------------------------

    [[nodiscard]] http::request agent(const mesh_did& who) const { return get(path_of(who)); }
    [[nodiscard]] http::request presence(const mesh_did& who) const { return get(path_of(who) + "/presence"); }
    /// @param limit  1 to 200
    [[nodiscard]] http::request discover(std::string_view capability, std::uint32_t limit = 50) const;

    // --- replies: fail as those of `client` -----------------------------------------------------------------------

    /// @errors amid_mismatch if another name was registered; duplicate
    [[nodiscard]] result<void> read_enrolment(const http::response& from) const;
    /// To prekeys, heartbeat, rating, and `erase`, where one that is gone already is gone.
    [[nodiscard]] result<change_done> read_change(const http::response& from) const;
    /// @spec   AM-FND-001
    /// @errors amid_mismatch
    [[nodiscard]] result<mesh_agent> read_agent(const mesh_did& who, const http::response& from) const;
    /// @spec   AM-FND-001, AM-FND-002, AM-FND-005
    /// @errors those of e2ee::check_wire10_bundle; unbound_key unless the keys follow from the name
    [[nodiscard]] result<e2ee::deployed_bundle> read_prekeys(const mesh_did& who, const http::response& from) const;
    /// @errors missing_member
    [[nodiscard]] result<bool> read_presence(const mesh_did& who, const http::response& from) const;
    /// Rows that do not hold are left out.
    [[nodiscard]] result<std::vector<mesh_agent>> read_discovered(const http::response& from) const;

private:
    [[nodiscard]] static std::string path_of(const mesh_did& who) { return "/v1/agents/" + std::string{who.text()}; }
    [[nodiscard]] static http::request get(std::string path) { return {.method = "GET", .path = std::move(path)}; }
    [[nodiscard]] result<http::request> proven(http::request what, time_point now, RandomSource auto& random) const;
    [[nodiscard]] static result<request_members> read_answer(const http::response& from);
    [[nodiscard]] static result<mesh_agent> read_row(const std::optional<mesh_did>& asked, const request_members& of);

    const local_identity* self_;
    client_options options_;
    mesh_did name_;
};

}  // namespace agentmesh::registry

#include <agentmesh/registry/client_wire10.ipp>
