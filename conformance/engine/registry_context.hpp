// What a case about a registry works with: requests in every form, answers, and controls. Nothing here comes from the
// library under test; the two ways of showing who sends a request are written anew.
//
//     AM_CASE("REG-JOIN-001") {
//         .title = "an agent that registers is found by its AMID",
//         .proves = {req::AM_REG_003},
//         .cost = rtt(6),
//         .ask = [](registry_context& t) {
//             const auto a = t.enrolled();                                  // a control: 201
//             auto other = t.resident_agent();
//             auto body = t.registration(other);
//             body["amid"] = a.amid();
//             t.refused(req::AM_REG_003, t.saw(t.ask(t.change("/v1/registry/register", body, other.who)),
//                                              match::http(400)));
//         },
//     };
//
// Fairness: `change` shows what deployed agents show, and belongs into cases of set core; `proved` shows the proof of
// SPEC.md's chapter on requests, which only a run over the hardened set asks for. An agent that has used `proved` once
// is refused `change` from then on by a registry that keeps AM-REG-008, so a case decides for each agent which it is.
// A pass needs a control before it, whatever the clause: enrolled(), must(), control().
#pragma once

#include "conformance/engine/context.hpp"

namespace agentmesh::conformance {

/// An agent with what it registers. A value.
struct resident {
    agent who;
    std::string exchange_key;                 ///< b64 of its 32 bytes, without prefix
    [[nodiscard]] const std::string& amid() const noexcept { return who.amid(); }
};

/// What an agent uploads.
struct prekey_upload {
    std::string key, signature;               ///< b64; the signature is over the 32 bytes of the key
    std::int64_t id = 1;
    std::vector<std::pair<std::int64_t, std::string>> one_time{};   ///< id and b64
};

/// Parts of a proof that a case may bend; empty means what is right.
struct proof_options {
    std::string created{};                    ///< seconds since 1970
    std::string nonce{};                      ///< b64u; new each time if empty
    std::string authority{};                  ///< what is signed as @authority
    std::string keyid{}, alg{}, tag{};
    std::string covered{};                    ///< with the parentheses
};
/// The three fields of a proof, as they are sent.
struct proof_fields {
    std::string digest, input, signature;
};

class registry_context final : public context {
public:
    // -- requests --------------------------------------------------------------------------------------------------------
    // Paths begin with `/v1` or `/`; what stands before it in the target's URL is added. A request is right as it comes:
    // Host, and with a body Content-Type and Content-Length.
    http_request request(std::string_view method, std::string_view path);
    http_request get(std::string_view path) { return request("GET", path); }
    http_request post(std::string_view path, const json& body);
    http_request post_text(std::string_view path, std::string body);
    /// Another body, and the Content-Length that belongs to it.
    static http_request& set_body(http_request& of, std::string body);

    // -- who sends it ----------------------------------------------------------------------------------------------------
    /// `timestamp` and `signature` as deployed agents add them. A time is good for one change; each call takes a new one.
    json signed_time(json body, const agent& who, stamp_form form = stamp_form::offset);
    /// The same over this text of a time, with this name of the signature's member.
    static json signed_text(json body, const agent& who, std::string_view timestamp, std::string_view member = "signature");
    /// POST with signed_time.
    http_request change(std::string_view path, json body, const agent& who);
    /// POST with a proof.
    http_request proved(std::string_view path, const json& body, const agent& who, const proof_options& how = {});
    /// The fields of the proof of this very request, Host and body included.
    proof_fields proof_of(const http_request& what, const agent& who, const proof_options& how = {});
    /// Adds them in place of what is there.
    http_request& prove(http_request& what, const agent& who, const proof_options& how = {});
    static http_request& add_proof(http_request& to, const proof_fields& fields);

    // -- asking ----------------------------------------------------------------------------------------------------------
    /// On a connection of its own, which is closed behind the answer (and asked to be, with `Connection: close`). Never
    /// fails: an answer that does not come is a `timeout`, an end is a `fin` or `reset`. Interim answers are passed over.
    observation ask(const http_request& what);
    /// On a connection that stays.
    observation ask(conn& on, const http_request& what);
    /// All at once, each on a connection of its own; sent before any answer is read.
    std::vector<observation> ask_at_once(const std::vector<http_request>& all);
    /// These bytes, on a connection of their own; the first answer, or how it ended.
    observation ask_raw(std::string_view bytes);
    /// The same in pieces, each in a segment of its own.
    observation ask_pieces(const std::vector<std::string>& pieces);
    /// The next answer on `on`, interim ones passed over.
    observation answer(conn& on);

    // -- agents and their bodies -----------------------------------------------------------------------------------------
    resident resident_agent();
    /// A body of /v1/registry/register, not signed: the five members that have to be, a name, and `capabilities`.
    json registration(const resident& of, const std::vector<std::string>& capabilities = {});
    prekey_upload prekeys(const resident& of, std::int64_t id = 1, std::size_t one_time = 0, std::int64_t first = 1);
    /// A body of /v1/registry/prekeys, not signed.
    static json prekeys_body(const resident& of, const prekey_upload& keys);
    /// b64 of a new X25519 public key.
    std::string exchange_key();

    // -- controls --------------------------------------------------------------------------------------------------------
    /// A new agent, registered as deployed ones do it. `more` is put over the members of the body.
    resident enrolled(const json& more = json::object());
    /// The same with a proof: from then on `proved` is its way.
    resident enrolled_with_proof(const json& more = json::object());
    /// The answer if it has this status; else the case ends inconclusive.
    observation must(const http_request& what, std::uint16_t status = 200);
    /// A lookup that has to find the agent.
    observation must_find(const resident& who);
    /// An upload as deployed, that has to be taken.
    void upload(const resident& who, const prekey_upload& keys);

    // -- questions -------------------------------------------------------------------------------------------------------
    http_request lookup(std::string_view amid) { return get("/v1/registry/lookup?amid=" + std::string{amid}); }
    http_request fetch(std::string_view amid) { return get("/v1/registry/prekeys/" + std::string{amid}); }
    /// A fetch with a proof.
    http_request fetch(std::string_view amid, const agent& asker);

    // -- findings --------------------------------------------------------------------------------------------------------
    /// Holds if it matches; what was there instead is said in the words of `describe`.
    finding saw(const observation& seen, const matcher& what);
    /// An answer with this status and a JSON object.
    finding answered(const observation& seen, std::uint16_t status = 200);
    /// A visible refusal: a status from 400 to 499 or, of bytes that are no request, the end of the connection.
    finding turned_down(const observation& seen) { return saw(seen, match::http_client_error()); }
    finding cut_off(const observation& seen) { return saw(seen, match::http_client_error() | match::tcp_end()); }
    /// Holds if the registry still answers for `bystander`, with the same keys.
    finding unharmed(const resident& bystander);
    /// Holds if what a lookup said before and says now is the same in these members.
    finding same_members(const observation& before, const observation& after, std::initializer_list<std::string_view> members);

    [[nodiscard]] const std::string& authority() const noexcept;

private:
    friend class case_runner;
    using context::context;
};

/// %-escapes everything but letters, digits and `-._~`.
[[nodiscard]] std::string percent_encoded(std::string_view text);
/// b64u.
[[nodiscard]] std::string to_base64_url(std::string_view bytes);

}  // namespace agentmesh::conformance
