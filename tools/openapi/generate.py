#!/usr/bin/python3
"""Writes the OpenAPI 3.1 document of the registry: schemas/registry/openapi.json, and the text that the library serves.

    generate.py           write both
    generate.py --check   exit 1 if either is not what would be written
"""

import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "schemas/registry/openapi.json"
TEXT_OF_LIBRARY = ROOT / "include/agentmesh/registry/openapi_document.ipp"

TEXT = {"type": "string"}
FLAG = {"type": "boolean"}
COUNT = {"type": "integer", "minimum": 0}
ID = {"type": "integer", "minimum": 0, "maximum": 4294967295}
SHARE = {"type": "number", "minimum": 0, "maximum": 1}
TIME = {"type": "string", "format": "date-time"}
BYTES = {"type": "string", "description": "base64"}
NULL_TEXT = {"type": ["string", "null"]}
AMID = {"type": "string", "pattern": "^[1-9A-HJ-NP-Za-km-z]{20,28}$"}
DID = {"type": "string", "pattern": "^did:mesh:[0-9a-f]{32}$"}
TIER = {"enum": ["anonymous", "verified", "organization"]}
STATUS = {"enum": ["online", "away", "offline", "dnd"]}
OUTCOME = {"enum": ["success", "failed", "timeout", "rejected", "cancelled"]}
REASON = {"enum": ["key_compromise", "policy_violation", "superseded", "cessation_of_operation", "privilege_withdrawn",
                   "admin_request", "other"]}
TRUE = {"const": True}


def ref(name):
    return {"$ref": f"#/components/schemas/{name}"}


def array(of, **more):
    return {"type": "array", "items": of, **more}


def obj(required, optional=None):
    """Members that are not named here may come later."""
    return {"type": "object", "required": sorted(required), "properties": {**required, **(optional or {})}}


LEFT = {"one_time_prekeys_left": COUNT, "one_time_prekeys_low": FLAG}
SIGNED_TIME = {"timestamp": TIME, "signature": {**BYTES, "description": "over the text of timestamp, as deployed"}}
NAMES = array({"type": "string", "minLength": 1, "maxLength": 128}, maxItems=64)
AGENT = {"amid": AMID, "tier": TIER, "display_name": NULL_TEXT, "organization": NULL_TEXT,
         "signing_public_key": BYTES, "exchange_public_key": BYTES, "capabilities": NAMES, "relay_endpoint": TEXT,
         "direct_endpoint": NULL_TEXT, "status": STATUS, "reputation_score": SHARE, "last_seen": TIME}
SIGNED_PREKEY = obj({"id": ID, "key": BYTES, "not_before": COUNT, "not_after": COUNT, "signature": BYTES})
ONE_TIME = obj({"id": ID, "key": BYTES, "first_id": ID, "count": ID, "path": array(BYTES, maxItems=10),
                "signature": BYTES})
MESH_SIGNED = obj({"key_id": ID, "public_key": BYTES, "signature": BYTES})
MESH_ONE = obj({"key_id": ID, "public_key": BYTES})
REVOCATION = {"id": TEXT, "amid": AMID, "reason": REASON, "revoked_by": AMID, "revoked_at": TIME, "notes": NULL_TEXT}

SCHEMAS = {
    "Refusal": obj({"error": TEXT, "message": TEXT, "clause": {"type": "string", "pattern": "^AM-"}},
                   {"success": {"const": False}, "detail": TEXT}),
    "Alive": obj({"status": TEXT}),
    "Health": obj({"status": TEXT, "version": TEXT, "agents_registered": COUNT, "agents_online": COUNT}),
    "Stats": obj({"total_agents": COUNT, "online_agents": COUNT, "average_reputation": SHARE,
                  "by_tier": obj({"anonymous": COUNT, "verified": COUNT, "organization": COUNT}),
                  "by_status": obj({"online": COUNT, "away": COUNT, "offline": COUNT, "dnd": COUNT})}),
    "Done": obj({"success": TRUE}, LEFT),
    "Registration": obj({"amid": AMID, "signing_public_key": BYTES, "exchange_public_key": BYTES},
                        {"display_name": TEXT, "capabilities": NAMES, "relay_endpoint": TEXT, "direct_endpoint": TEXT,
                         "card": BYTES, "verification_token": TEXT, "certificate": TEXT, **SIGNED_TIME}),
    "Registered": obj({"success": TRUE, "amid": AMID, "tier": TIER}, {"certificate": TEXT}),
    "Agent": obj({**AGENT, "ratings_count": COUNT, "reputation_status": {"enum": ["rated", "unrated"]},
                  "revoked": FLAG},
                 {"card": BYTES, "certificate": TEXT, "flags": array(TEXT), "successor": AMID, "succession": BYTES,
                  "predecessor": AMID, "inheritance": BYTES}),
    "Found": obj({"results": array(obj(AGENT, {"card": BYTES}), maxItems=100), "total": COUNT, "limit": COUNT,
                  "offset": COUNT}),
    "StatusChange": obj({"amid": AMID, "status": STATUS}, SIGNED_TIME),
    "CapabilitiesChange": obj({"amid": AMID, "capabilities": NAMES}, SIGNED_TIME),
    "BundleUpload": obj({"card": BYTES, "signed_prekey": SIGNED_PREKEY},
                        {"one_time_prekeys": array(ONE_TIME, maxItems=1024)}),
    "PrekeyUpload": obj({"amid": AMID},
                        {"signed_prekey": BYTES, "signed_prekey_signature": BYTES, "signed_prekey_id": ID,
                         "one_time_prekeys": array(obj({"id": ID, "key": BYTES}), maxItems=1024),
                         "bundle": ref("BundleUpload"), **SIGNED_TIME}),
    "PrekeysStored": obj({"success": TRUE, "signed_prekey_id": ID, "one_time_prekeys_stored": COUNT, **LEFT},
                         {"one_time_prekeys_refused": array(ID)}),
    "Bundle": obj({"card": BYTES, "signed_prekey": SIGNED_PREKEY}, {"one_time_prekey": ONE_TIME}),
    "Prekeys": obj({"identity_key": BYTES},
                   {"signed_prekey": BYTES, "signed_prekey_signature": BYTES, "signed_prekey_id": ID, "card": BYTES,
                    "one_time_prekey": obj({"id": ID, "key": BYTES}), "bundle": ref("Bundle")}),
    "DidDocument": obj({"id": {"type": "string", "pattern": "^did:agentmesh:"}, "verificationMethod": array({})}),
    "RevocationRequest": obj({"amid": AMID, "revoker_amid": AMID, "reason": REASON}, {"notes": TEXT, **SIGNED_TIME}),
    "Revoked": obj({"success": TRUE, "revocation_id": TEXT, "error": {"type": "null"}}),
    "Revocation": obj(REVOCATION),
    "Standing": obj({"amid": AMID, "revoked": FLAG, "revocation": {"anyOf": [ref("Revocation"), {"type": "null"}]}}),
    "BulkQuestion": obj({"amids": array(AMID, maxItems=100)}),
    "Standings": obj({"revocations": array(ref("Standing"), maxItems=100), "total_checked": COUNT,
                      "total_revoked": COUNT}),
    "Revocations": obj({"revocations": array(ref("Revocation"), maxItems=10000), "total": COUNT, "last_updated": TIME,
                        "next_update": TIME}),
    "Succession": obj({"amid": AMID, "successor": AMID, "successor_signing_public_key": BYTES,
                       "successor_exchange_public_key": BYTES, "statement": BYTES}, {"successor_card": BYTES}),
    "Succeeded": obj({"success": TRUE, "amid": AMID, "tier": TIER, "predecessor": AMID, "revocation_id": TEXT}),
    "Rating": obj({"target_amid": AMID, "from_amid": AMID, "session_id": TEXT, "score": SHARE},
                  {"tags": array(TEXT, maxItems=10), **SIGNED_TIME}),
    "Rated": obj({"success": TRUE}, {"feedback_id": TEXT, "message": TEXT}),
    "SessionReport": obj({"session_id": TEXT, "initiator_amid": TEXT, "receiver_amid": TEXT, "reporter_amid": TEXT,
                          "outcome": OUTCOME}, {"intent": TEXT, "started_at": TIME, **SIGNED_TIME}),
    "Reported": obj({"success": TRUE, "session_record_id": TEXT}),
    "Score": obj({"amid": AMID, "score": SHARE, "completion_rate": SHARE, "total_sessions": COUNT,
                  "successful_sessions": COUNT, "feedback_count": COUNT, "average_feedback": SHARE, "tier": TIER,
                  "age_days": COUNT, "tags": array(obj({"tag": TEXT, "count": COUNT}), maxItems=10),
                  "last_updated": TIME}),
    "Leaderboard": obj({"leaderboard": array(obj({"rank": COUNT, "amid": AMID, "tier": TIER, "score": SHARE,
                                                  "ratings_count": COUNT}), maxItems=100),
                        "limit": COUNT, "intent_filter": NULL_TEXT}),
    "CertificateShown": obj({"amid": AMID, "certificate": TEXT}, SIGNED_TIME),
    "CertificateTaken": obj({"success": TRUE, "tier": TIER}),
    "PresenceNotice": obj({"relay": AMID, "entries": array(obj({"amid": AMID, "status": STATUS, "last_seen": TIME}),
                                                           maxItems=1000)}),
    "PresenceTaken": obj({"success": TRUE, "updated": COUNT}),
    "Providers": obj({"providers": array(obj({"name": TEXT, "enabled": FLAG, "display_name": TEXT}))}),
    "LoginRequest": obj({"amid": AMID, "provider": TEXT}, SIGNED_TIME),
    "LoginBegun": obj({"authorization_url": TEXT, "state": TEXT, "expires_in": COUNT}),
    "LoginDone": obj({"success": FLAG}, {"amid": AMID, "provider": TEXT, "verification_token": TEXT}),
    "OrganizationRequest": obj({"name": TEXT, "domain": TEXT, "admin_amid": AMID, "admin_signing_public_key": BYTES},
                               SIGNED_TIME),
    "OrganizationRegistered": obj({"success": TRUE, "organization_id": TEXT, "dns_challenge": obj(
        {"record_type": TEXT, "record_name": TEXT, "record_value": TEXT, "expires_at": TIME})}),
    "OrganizationVerification": obj({"organization_id": TEXT, "admin_amid": AMID}, SIGNED_TIME),
    "OrganizationVerified": obj({"success": TRUE, "verified": FLAG}, {"root_certificate": NULL_TEXT}),
    "Membership": obj({"organization_id": TEXT, "agent_amid": AMID, "admin_amid": AMID}),
    "MembershipTaken": obj({"success": TRUE}, {"agent_certificate": NULL_TEXT}),
    "Organization": obj({"id": TEXT, "name": TEXT, "domain": TEXT, "verified": FLAG, "agent_count": COUNT,
                         "created_at": TIME}),
    "MeshRegistration": obj({"public_key": BYTES, "proof": BYTES, "proof_timestamp": TIME},
                            {"capabilities": NAMES,
                             "metadata": {"type": "object", "maxProperties": 32, "additionalProperties": TEXT}}),
    "MeshRegistered": obj({"did": DID, "status": {"const": "registered"}, "amid": AMID}),
    "MeshAgent": obj({"did": DID, "capabilities": NAMES, "metadata": {"type": "object", "additionalProperties": TEXT},
                      "registered_at": TIME, "last_seen": TIME, "reputation_score": SHARE, "total_sessions": COUNT,
                      "successful_sessions": COUNT, "failed_sessions": COUNT, "timeout_sessions": COUNT,
                      "last_session_at": {"type": ["string", "null"]}, "completion_rate": SHARE, "tier": TIER,
                      "verified_app_id": NULL_TEXT, "verified_tenant_id": NULL_TEXT, "verified_at": NULL_TEXT,
                      "amid": AMID, "public_key": BYTES, "revoked": FLAG}),
    "MeshPrekeyUpload": obj({"identity_key": BYTES, "signed_pre_key": MESH_SIGNED},
                            {"identity_key_ed": BYTES, "one_time_pre_keys": array(MESH_ONE, maxItems=1024)}),
    "MeshPrekeysStored": obj({"did": DID, "otk_count": COUNT}, LEFT),
    "MeshPrekeys": obj({"identity_key": BYTES, "identity_key_ed": BYTES, "signed_pre_key": MESH_SIGNED,
                        "one_time_pre_key": {"anyOf": [MESH_ONE, {"type": "null"}]}}),
    "MeshPresence": obj({"did": DID, "last_seen": TIME, "online": FLAG}),
    "MeshBeat": obj({"did": DID, "last_seen": TIME}, LEFT),
    "MeshRating": obj({"score": SHARE}, {"reason": TEXT}),
    "MeshRated": obj({"did": DID, "reputation_score": SHARE}),
    "MeshToken": obj({"amid": DID, "verification_token": {"type": "string", "maxLength": 8192}}),
    "MeshFound": obj({"results": array(obj({"did": DID, "capabilities": NAMES, "reputation_score": SHARE,
                                            "last_seen": TIME, "amid": AMID}), maxItems=100), "total": COUNT}),
}

PAGE = {"limit": COUNT, "offset": COUNT}
# method, path, what it does, body, status and schema of the answer, members of the query, how its sender is shown
PROOF, EITHER, HEADER, NOBODY = "proof", "either", "header", "nobody"
OPERATIONS = [
    ("get", "/health", "Whether the server runs", None, 200, "Alive", {}, NOBODY),
    ("get", "/healthz", "Whether the server runs", None, 200, "Alive", {}, NOBODY),
    ("get", "/v1/health", "Whether the registry serves", None, 200, "Health", {}, NOBODY),
    ("post", "/v1/registry/register", "Registers an agent", "Registration", 201, "Registered", {}, EITHER),
    ("get", "/v1/registry/lookup", "What is known of an agent", None, 200, "Agent", {"amid!": AMID}, NOBODY),
    ("get", "/v1/registry/search", "Agents by capability", None, 200, "Found",
     {"capability!": TEXT, "tier_min": TEXT, "reputation_min": SHARE, "status": STATUS, **PAGE}, NOBODY),
    ("post", "/v1/registry/status", "Says whether an agent can be reached", "StatusChange", 200, "Done", {}, EITHER),
    ("post", "/v1/registry/capabilities", "Says what an agent can do", "CapabilitiesChange", 200, "Done", {}, EITHER),
    ("get", "/v1/registry/stats", "How many agents there are", None, 200, "Stats", {}, NOBODY),
    ("post", "/v1/registry/prekeys", "Uploads prekeys", "PrekeyUpload", 200, "PrekeysStored", {}, EITHER),
    ("get", "/v1/registry/prekeys/{amid}", "Prekeys of an agent, with a one-time prekey for who proves who he is",
     None, 200, "Prekeys", {}, PROOF),
    ("get", "/v1/registry/did/{amid}", "DID document of an agent", None, 200, "DidDocument", {}, NOBODY),
    ("post", "/v1/registry/revoke", "Revokes an agent", "RevocationRequest", 200, "Revoked", {}, EITHER),
    ("get", "/v1/registry/revocation", "Whether an agent is revoked", None, 200, "Standing", {"amid!": AMID}, NOBODY),
    ("post", "/v1/registry/revocations/bulk", "Which of some agents are revoked", "BulkQuestion", 200, "Standings", {},
     NOBODY),
    ("get", "/v1/registry/revocations", "All revocations", None, 200, "Revocations", PAGE, NOBODY),
    ("post", "/v1/registry/reputation", "Rates an agent", "Rating", 200, "Rated", {}, EITHER),
    ("get", "/v1/registry/reputation/score", "Reputation of an agent", None, 200, "Score", {"amid!": AMID}, NOBODY),
    ("post", "/v1/registry/reputation/feedback", "Rates an agent", "Rating", 200, "Rated", {}, EITHER),
    ("post", "/v1/registry/reputation/session", "Reports how a session ended", "SessionReport", 200, "Reported", {},
     EITHER),
    ("get", "/v1/registry/reputation/leaderboard", "Agents by reputation", None, 200, "Leaderboard",
     {"limit": COUNT, "intent": TEXT}, NOBODY),
    ("post", "/v1/registry/certificate", "Shows a chain of certificates", "CertificateShown", 200, "CertificateTaken",
     {}, EITHER),
    ("post", "/v1/registry/succeed", "Hands over to a new key", "Succession", 201, "Succeeded", {}, PROOF),
    ("post", "/v1/relay/presence", "A relay's word on who is connected", "PresenceNotice", 200, "PresenceTaken", {},
     PROOF),
    ("get", "/v1/auth/oauth/providers", "Where people can log in", None, 200, "Providers", {}, NOBODY),
    ("post", "/v1/auth/oauth/authorize", "Begins a login", "LoginRequest", 200, "LoginBegun", {}, EITHER),
    ("get", "/v1/auth/oauth/callback", "Ends a login", None, 200, "LoginDone", {"code": TEXT, "state!": TEXT}, NOBODY),
    ("post", "/v1/org/register", "Registers an organization", "OrganizationRequest", 201, "OrganizationRegistered", {},
     EITHER),
    ("post", "/v1/org/verify", "Looks for the proof that it holds its domain", "OrganizationVerification", 200,
     "OrganizationVerified", {}, EITHER),
    ("post", "/v1/org/agents", "Takes an agent into it", "Membership", 201, "MembershipTaken", {}, EITHER),
    ("get", "/v1/org/lookup", "What is known of an organization", None, 200, "Organization", {"domain!": TEXT}, NOBODY),
    ("get", "/openapi.json", "This document", None, 200, None, {}, NOBODY),
    ("post", "/v1/agents", "Registers an agent, profile wire10", "MeshRegistration", 201, "MeshRegistered", {}, NOBODY),
    ("get", "/v1/agents/{did}", "What is known of an agent", None, 200, "MeshAgent", {}, NOBODY),
    ("delete", "/v1/agents/{did}", "Erases an agent", None, 204, None, {}, HEADER),
    ("put", "/v1/agents/{did}/prekeys", "Uploads prekeys", "MeshPrekeyUpload", 200, "MeshPrekeysStored", {}, HEADER),
    ("get", "/v1/agents/{did}/prekeys", "Prekeys of an agent", None, 200, "MeshPrekeys", {}, HEADER),
    ("get", "/v1/agents/{did}/presence", "Whether an agent is there", None, 200, "MeshPresence", {}, NOBODY),
    ("post", "/v1/agents/{did}/heartbeat", "Says that an agent is there", None, 200, "MeshBeat", {}, HEADER),
    ("post", "/v1/agents/{did}/reputation", "Rates an agent", "MeshRating", 200, "MeshRated", {}, HEADER),
    ("post", "/v1/registry/verify", "Takes no token of this profile", "MeshToken", 503, None, {}, NOBODY),
    ("get", "/v1/discover", "Agents by capability", None, 200, "MeshFound",
     {"capability!": TEXT, "limit": {"type": "integer", "minimum": 1, "maximum": 200}, "offset": COUNT}, NOBODY),
]
SECURITY = {PROOF: [{"proof": []}], EITHER: [{"proof": []}, {}], HEADER: [{"proof": []}, {"timestamp": []}]}


def operation(method, path, summary, body, status, reply, query, shown):
    name = method + "".join(part.title() for part in path.replace("{", "").replace("}", "").replace("_", "/")
                            .replace(".", "/").split("/"))
    out = {"operationId": name, "summary": summary, "tags": ["wire10" if "/agents" in path or "discover" in path or
                                                            path.endswith("verify") and "org" not in path else "v02"]}
    parameters = [{"name": one, "in": "path", "required": True, "schema": AMID if one == "amid" else DID}
                  for one in ("amid", "did") if "{" + one + "}" in path]
    parameters += [{"name": one.rstrip("!"), "in": "query", "required": one.endswith("!"), "schema": schema}
                   for one, schema in query.items()]
    if parameters:
        out["parameters"] = parameters
    if body:
        out["requestBody"] = {"required": True, "content": {"application/json": {"schema": ref(body)}}}
    refusal = {"$ref": "#/components/responses/Refusal"}
    media = "application/did+ld+json" if reply == "DidDocument" else "application/json"
    good = {"description": "Done"}
    if reply:
        good["content"] = {media: {"schema": ref(reply)}}
    elif path == "/openapi.json":
        good["content"] = {media: {"schema": {"type": "object"}}}
    out["responses"] = {"default": refusal}
    out["responses"][str(status)] = refusal if status == 503 else good
    if shown in SECURITY:
        out["security"] = SECURITY[shown]
    return out


def document():
    paths = {}
    for one in OPERATIONS:
        paths.setdefault(one[1], {})[one[0]] = operation(*one)
    return {
        "openapi": "3.1.0",
        "info": {"title": "AgentMesh registry", "version": "1.0",
                 "description": "What each member means, and what a registry does with it, says SPEC.md, chapter "
                                "Registry. Members that are not named here are passed over."},
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "responses": {"Refusal": {"description": "Refused, for the reason in `error`",
                                      "content": {"application/json": {"schema": ref("Refusal")}}}},
            "securitySchemes": {
                "proof": {"type": "apiKey", "in": "header", "name": "Signature",
                          "description": "HTTP Message Signature (RFC 9421), chapter Requests to a registry"},
                "timestamp": {"type": "apiKey", "in": "header", "name": "Authorization",
                              "description": "Ed25519-Timestamp <did> <time> <signature>, profile wire10"},
            },
        },
    }


def pieces(text, size=4000):
    """String literals have a length that compilers promise; several beside each other have not."""
    return [text[i:i + size] for i in range(0, len(text), size)]


def main():
    made = document()
    compact = json.dumps(made, separators=(",", ":"), ensure_ascii=True)
    header = ("// The OpenAPI document of registry/service_openapi.ipp. Written by tools/openapi/generate.py.\n"
              "#pragma once\n\n#include <string_view>\n\nnamespace agentmesh::registry {\n\n"
              "// clang-format off\ninline constexpr std::string_view openapi_document =\n" +
              "\n".join(f'    R"~({one})~"' for one in pieces(compact)) +
              ";\n// clang-format on\n\n}  // namespace agentmesh::registry\n")
    wrong = []
    for path, text in ((DOCUMENT, json.dumps(made, indent=2) + "\n"), (TEXT_OF_LIBRARY, header)):
        if "--check" in sys.argv[1:]:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                wrong.append(path.relative_to(ROOT))
        else:
            path.write_text(text, encoding="utf-8")
    for one in wrong:
        print(f"{one} is not what tools/openapi/generate.py writes")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
