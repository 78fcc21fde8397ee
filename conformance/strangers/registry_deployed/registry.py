#!/usr/bin/python3
"""A registry that does what registries of 0.2 are seen to do, mistakes included.

Built from observations of how deployed ones answer (the rows G that SPEC.md cites), not from their code, so that the
suite can be shown what it is there to find. `expected.json` beside this file pins which checks fail here, and why.
"""

import argparse
import asyncio
import base64
import json
import pathlib
import re
import secrets
import signal
import sys
import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qsl, unquote_to_bytes

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "registry_python"))
import http1  # noqa: E402
from texts import amid_of, verifies  # noqa: E402

STATUSES = ("online", "away", "offline", "dnd")
REASONS = ("key_compromise", "policy_violation", "superseded", "cessation_of_operation", "privilege_withdrawn",
           "admin_request", "other")
TAGS = ("fast_response", "accurate", "professional", "reliable", "helpful", "knowledgeable", "slow_response",
        "inaccurate", "unhelpful", "unreliable")
OUTCOMES = ("success", "failed", "timeout", "rejected", "cancelled")
RANK = {"anonymous": 2, "verified": 1, "organization": 1}
START = {"anonymous": 0.5, "verified": 0.6, "organization": 0.7}
CONTEXT = ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/suites/ed25519-2020/v1",
           "https://w3id.org/security/suites/x25519-2020/v1"]

http1.MAX_BODY = 2 * 1024 * 1024


def lenient_target(target):
    """Decodes what can be decoded and passes the rest on, as the framework of deployed registries does."""
    path, _, query = target.partition("?")
    segments = [unquote_to_bytes(part.replace("%2f", "%252f").replace("%2F", "%252F")).decode("utf-8", "replace")
                for part in path.split("/")[1:]]
    return path, query, segments, dict(parse_qsl(query, keep_blank_values=True, errors="replace"))


http1.read_target = lenient_target


class Plain(Exception):
    """A default answer of the framework: a status and a line of text."""


class Refusal(Exception):
    def __init__(self, status, value):
        super().__init__(status)
        self.status, self.value = status, value


def no(status, why, **members):
    return Refusal(status, {"error": why, **members})


def now():
    return datetime.now(timezone.utc)


def written(at, suffix):
    """What the deployed library makes of a time: a fraction of 0, 3, 6 or 9 digits."""
    micro = at.microsecond
    fraction = "" if micro == 0 else f".{micro // 1000:03}" if micro % 1000 == 0 else f".{micro:06}"
    return at.strftime("%Y-%m-%dT%H:%M:%S") + fraction + suffix


def bare(text):
    return text.removeprefix("ed25519:").removeprefix("x25519:")


def raw(text):
    return base64.b64decode(bare(text), validate=True)


class Body(dict):
    """Members as the framework reads them: what is missing or of another type is its default 400."""

    def text(self, name, optional=False):
        value = self.get(name)
        if value is None and optional:
            return None
        if not isinstance(value, str):
            raise Plain(f"Json deserialize error: missing or invalid field `{name}`")
        return value

    def texts(self, name, optional=False):
        value = self.get(name)
        if value is None and optional:
            return []
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise Plain(f"Json deserialize error: invalid field `{name}`")
        return value

    def number(self, name):
        value = self.get(name)
        if type(value) not in (int, float):
            raise Plain(f"Json deserialize error: invalid field `{name}`")
        return value

    def word(self, name, words):
        if self.text(name) not in words:
            raise Plain(f"Json deserialize error: unknown variant in `{name}`")
        return self[name]


@dataclass
class Agent:
    amid: str
    signing_key: str  # as it was sent, prefix and all
    exchange_key: str
    display_name: str
    capabilities: list
    relay_endpoint: str
    direct_endpoint: str
    tier: str = "anonymous"
    status: str = "offline"
    seen: datetime = field(default_factory=now)
    created: datetime = field(default_factory=now)
    score: float = 0.5
    signed_prekeys: dict = field(default_factory=dict)
    one_time: dict = field(default_factory=dict)
    revocation: dict = None
    ratings: list = field(default_factory=list)
    feedbacks: list = field(default_factory=list)
    flags: list = field(default_factory=list)


class Registry:
    def __init__(self):
        self.agents, self.sessions, self.organizations, self.states = {}, {}, {}, {}
        post, get = "POST", "GET"
        self.routes = {
            (get, "health"): lambda r: {"status": "ok"},
            (get, "v1/health"): self.health,
            (post, "v1/registry/register"): self.register,
            (get, "v1/registry/lookup"): self.lookup,
            (get, "v1/registry/search"): self.search,
            (post, "v1/registry/status"): self.set_status,
            (post, "v1/registry/capabilities"): self.set_capabilities,
            (get, "v1/registry/stats"): self.stats,
            (post, "v1/registry/prekeys"): self.upload_prekeys,
            (get, "v1/registry/prekeys/*"): self.fetch_prekeys,
            (get, "v1/registry/did/*"): self.did,
            (post, "v1/registry/revoke"): self.revoke,
            (get, "v1/registry/revocation"): self.revocation,
            (get, "v1/registry/revocations"): self.list_revocations,
            (post, "v1/registry/revocations/bulk"): self.bulk,
            (post, "v1/registry/reputation"): self.rate,
            (get, "v1/registry/reputation/score"): self.reputation,
            (post, "v1/registry/reputation/feedback"): self.feedback,
            (post, "v1/registry/reputation/session"): self.record_session,
            (get, "v1/registry/reputation/leaderboard"): self.leaderboard,
            (get, "v1/auth/oauth/providers"): self.providers,
            (post, "v1/auth/oauth/authorize"): self.authorize,
            (get, "v1/auth/oauth/callback"): self.callback,
            (post, "v1/org/register"): self.org_register,
            (post, "v1/org/verify"): self.org_verify,
            (post, "v1/org/agents"): self.org_agents,
            (get, "v1/org/lookup"): self.org_lookup,
        }

    def answer(self, request):
        try:
            path, request.rest = "/".join(request.segments), None
            head = "/".join(request.segments[:3])
            if len(request.segments) == 4 and head in ("v1/registry/prekeys", "v1/registry/did"):
                path, request.rest = head + "/*", request.segments[3]
            handler = self.routes.get((request.method, path))
            if handler is None:
                known = any(path == one for _, one in self.routes)
                return http1.Answer(405 if known else 404, b"", "text/plain")
            found = handler(request)
            status, value = found if isinstance(found, tuple) else (200, found)
        except Refusal as why:
            status, value = why.status, why.value
        except Plain as why:
            return http1.Answer(400, str(why).encode(), "text/plain; charset=utf-8")
        kind = "application/did+ld+json" if "@context" in value else "application/json"
        return http1.Answer(status, json.dumps(value).encode(), kind)

    def malformed(self, why):
        return http1.Answer(why.status, b"", "text/plain")

    def body(self, request):
        if not (request.field("content-type") or "").startswith("application/json"):
            raise Plain("Content type error")
        try:
            value = json.loads(request.body.decode())
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise Plain("Json deserialize error")
        return Body(value)

    def asked(self, request, name):
        if name not in request.query:
            raise Plain(f"Query deserialize error: missing field `{name}`")
        return request.query[name]

    def number(self, request, name, otherwise, most=2**63 - 1):
        text = request.query.get(name, str(otherwise))
        if not re.fullmatch(r"-?\d{1,19}", text, re.ASCII) or abs(int(text)) > most:
            raise Plain(f"Query deserialize error: invalid digit in `{name}`")
        return int(text)

    def known(self, amid, status=404, **members):
        if amid not in self.agents:
            raise no(status, "Agent not found", **members)
        return self.agents[amid]

    # A time is signed, and nothing else. It is read and written anew before it is verified, at registration apart.

    def fresh(self, stamp):
        try:
            at = datetime.fromisoformat(stamp)
            age = now() - at
        except (ValueError, TypeError):
            return None
        return at if timedelta(minutes=-1) <= age <= timedelta(minutes=5) else None

    def signed(self, agent, body, /, **members):
        stamp, signature = body.text("timestamp"), body.text("signature")
        at = self.fresh(stamp)
        try:
            text = written(at.astimezone(timezone.utc), "+00:00") if at else ""
            good = at is not None and verifies(raw(agent.signing_key), text.encode(), raw(signature))
        except ValueError:
            good = False
        if not good:
            raise no(401, "Invalid signature", **members)

    def signed_as_sent(self, amid, key, body, /, **members):
        stamp, signature = body.text("timestamp"), body.text("signature")
        try:
            good = (amid_of(raw(key)) == amid and verifies(raw(key), stamp.encode(), raw(signature))
                    and self.fresh(stamp))
        except ValueError:
            good = False
        if not good:
            raise Refusal(401, {"success": False, **members, "error": "Invalid signature or AMID"})

    # Agents.

    def health(self, request):
        online = sum(agent.status == "online" for agent in self.agents.values())
        return {"status": "healthy", "version": "agentmesh/0.2", "agents_registered": len(self.agents),
                "agents_online": online}

    def register(self, request):
        body = self.body(request)
        amid, key = body.text("amid"), body.text("signing_public_key")
        agent = Agent(amid, key, body.text("exchange_public_key"), body.text("display_name", True),
                      body.texts("capabilities", True),
                      body.text("relay_endpoint", True) or "wss://relay.agentmesh.online/v1/connect",
                      body.text("direct_endpoint", True))
        about = {"amid": amid, "tier": "anonymous"}
        self.signed_as_sent(amid, key, body, **about)
        if amid in self.agents:
            raise Refusal(409, {"success": False, **about, "error": "Agent already registered"})
        self.agents[amid] = agent
        return 201, {"success": True, **about}

    def row(self, agent):
        return {"amid": agent.amid, "tier": agent.tier, "display_name": agent.display_name, "organization": None,
                "signing_public_key": agent.signing_key, "exchange_public_key": agent.exchange_key,
                "capabilities": agent.capabilities, "relay_endpoint": agent.relay_endpoint,
                "direct_endpoint": agent.direct_endpoint, "status": agent.status, "reputation_score": agent.score,
                "last_seen": written(agent.seen, "Z")}

    def lookup(self, request):
        agent = self.known(self.asked(request, "amid"))
        rated = len(agent.ratings) + len(agent.feedbacks)
        return {**self.row(agent), **({"flags": agent.flags} if agent.flags else {}), "ratings_count": rated,
                "reputation_status": "rated" if rated >= 5 else "unrated"}

    def search(self, request):
        wanted = self.asked(request, "capability")
        tier, status = self.number(request, "tier_min", 2, 255), request.query.get("status")
        limit, offset = self.number(request, "limit", 20), self.number(request, "offset", 0)
        try:
            least = float(request.query.get("reputation_min", "0"))
        except ValueError:
            raise Plain("Query deserialize error: invalid float") from None
        if status is not None and status not in STATUSES:
            raise Plain("Query deserialize error: unknown variant")
        if limit < 0 or offset < 0:  # the database says no
            raise no(500, "Internal error")
        found = [agent for agent in self.agents.values()
                 if wanted in agent.capabilities and RANK[agent.tier] <= tier and agent.score >= least
                 and status in (None, agent.status)]
        found.sort(key=lambda agent: (agent.score, agent.seen), reverse=True)
        return {"results": [self.row(agent) for agent in found[offset:offset + limit]], "total": len(found),
                "limit": limit, "offset": offset}

    def set_status(self, request):
        body = self.body(request)
        status, agent = body.word("status", STATUSES), self.known(body.text("amid"))
        self.signed(agent, body)
        agent.status, agent.seen = status, now()
        return {"success": True}

    def set_capabilities(self, request):
        body = self.body(request)
        wanted, agent = body.texts("capabilities"), self.known(body.text("amid"))
        self.signed(agent, body)
        agent.capabilities = wanted
        return {"success": True}

    def stats(self, request):
        agents = list(self.agents.values())
        return {"total_agents": len(agents), "online_agents": sum(agent.status == "online" for agent in agents),
                "by_tier": {tier: sum(agent.tier == tier for agent in agents) for tier in RANK},
                "by_status": {status: sum(agent.status == status for agent in agents) for status in STATUSES},
                "average_reputation": sum(agent.score for agent in agents) / max(1, len(agents))}

    # Prekeys: neither the signature nor the order is looked at, and one-time keys are stored and never found again.

    def upload_prekeys(self, request):
        body = self.body(request)
        prekey = {name: body.text(name) for name in ("signed_prekey", "signed_prekey_signature")}
        number, listed = body.number("signed_prekey_id"), body.get("one_time_prekeys")
        if type(number) is not int or not -2**31 <= number < 2**31 or not isinstance(listed, list):
            raise Plain("Json deserialize error")
        for one in listed:
            if not isinstance(one, dict) or type(one.get("id")) is not int or not isinstance(one.get("key"), str):
                raise Plain("Json deserialize error")
        agent = self.known(body.text("amid"))
        self.signed(agent, body)
        agent.signed_prekeys[number] = {**prekey, "signed_prekey_id": number}
        for one in listed:
            agent.one_time.setdefault(one["id"], one["key"])
        return {"success": True, "signed_prekey_id": number, "one_time_prekeys_stored": len(listed)}

    def fetch_prekeys(self, request):
        agent = self.known(request.rest)
        if not agent.signed_prekeys:
            raise no(404, "No prekeys")
        return {"identity_key": agent.exchange_key, **agent.signed_prekeys[max(agent.signed_prekeys)]}

    def did(self, request):
        agent = self.known(request.rest)
        name = f"did:agentmesh:{agent.amid}"
        method = lambda fragment, kind, key: {"id": f"{name}#{fragment}", "type": kind, "controller": name,
                                              "publicKeyMultibase": "z" + key}
        return {"@context": CONTEXT, "id": name, "controller": name,
                "verificationMethod": [method("signing-key", "Ed25519VerificationKey2020", agent.signing_key),
                                       method("key-agreement-key", "X25519KeyAgreementKey2020", agent.exchange_key)],
                "authentication": [f"{name}#signing-key"], "keyAgreement": [f"{name}#key-agreement-key"],
                "service": [{"id": f"{name}#relay", "type": "AgentMeshRelay", "serviceEndpoint": agent.relay_endpoint}],
                "created": written(agent.created, "Z"), "updated": written(agent.seen, "Z")}

    # Revocation: kept, told to who asks for it, and otherwise without effect.

    def revoke(self, request):
        body = self.body(request)
        reason, target = body.word("reason", REASONS), self.known(body.text("amid"))
        by = self.known(body.text("revoker_amid"), 401)
        self.signed(by, body)
        if target.revocation:
            raise no(409, "Already revoked", success=False)
        if by is not target:
            raise no(403, "Not authorized", success=False)
        target.revocation = {"id": str(uuid.uuid4()), "amid": target.amid, "reason": reason, "revoked_by": by.amid,
                             "revoked_at": written(now(), "Z"), "notes": body.text("notes", True)}
        return {"success": True, "revocation_id": target.revocation["id"], "error": None}

    def state(self, amid):
        agent = self.agents.get(amid)
        revocation = agent.revocation if agent else None
        return {"amid": amid, "revoked": revocation is not None, "revocation": revocation}

    def revocation(self, request):
        return self.state(self.asked(request, "amid"))

    def list_revocations(self, request):
        limit, offset = min(10_000, self.number(request, "limit", 1000)), self.number(request, "offset", 0)
        found = [agent.revocation for agent in self.agents.values() if agent.revocation]
        return {"revocations": found[max(0, offset):][:max(0, limit)], "total": len(found),
                "last_updated": written(now(), "Z"), "next_update": written(now() + timedelta(hours=1), "Z")}

    def bulk(self, request):
        names = self.body(request).texts("amids")
        if len(names) > 100:
            raise no(400, "Maximum 100 AMIDs per request")
        found = [self.state(name) for name in names]
        return {"revocations": found, "total_checked": len(found),
                "total_revoked": sum(one["revoked"] for one in found)}

    # Reputation: two engines that write one column.

    def rate(self, request):
        body = self.body(request)
        for name in ("timestamp", "signature"):  # have to be there, and are not looked at
            body.text(name)
        score, target = body.number("score"), self.agents.get(body.text("target_amid"))
        try:
            uuid.UUID(body.text("session_id"))
        except ValueError:
            raise Plain("Json deserialize error: UUID parsing failed") from None
        if not 0 <= score <= 1:
            raise no(400, "Score must be between 0.0 and 1.0")
        if any(tag not in TAGS for tag in body.texts("tags", True)):
            raise no(400, "Invalid tag")
        if body.text("from_amid") not in self.agents:
            raise no(400, "Rater not found")
        if target is not None:
            target.ratings.append((0.5 * 0.25, score))
            total = sum(weight for weight, _ in target.ratings)
            mean = sum(weight * one for weight, one in target.ratings) / total
            many = len(target.ratings) >= 5
            bonus = {"anonymous": 0, "verified": 0.1, "organization": 0.2}[target.tier]
            self.move(target, 0.24 + 0.4 * mean + 0.2 * bonus if many else 0.5 + (mean - 0.5) * len(target.ratings) / 5)
        return {"success": True, "message": "Reputation recorded"}

    def move(self, agent, score):
        if abs(score - agent.score) > 0.2:
            agent.flags = ["rapid_reputation_increase" if score > agent.score else "rapid_reputation_decrease"]
        agent.score = min(1.0, max(0.0, score))

    def second_engine(self, agent):
        sessions = [one for one in self.sessions.values() if agent.amid in one["parties"]]
        good = sum(one["outcome"] == "success" for one in sessions)
        completion = good / len(sessions) if sessions else 0.5
        mean = sum(one[2] for one in agent.feedbacks) / len(agent.feedbacks) if agent.feedbacks else 0.5
        bonus = {"anonymous": 0, "verified": 0.1, "organization": 0.2}[agent.tier]
        score = 0.5 + bonus if len(agent.feedbacks) < 5 else 0.3 * completion + 0.4 * mean + 0.2 * (0.5 + bonus)
        return score, sessions, good, completion, mean

    def feedback(self, request):
        body = self.body(request)
        score, session = body.number("score"), body.text("session_id")
        target, by = self.known(body.text("target_amid")), self.known(body.text("from_amid"))
        self.signed(by, body)
        if not 0 <= score <= 1:
            raise no(400, "Score must be between 0.0 and 1.0", success=False)
        if any((by.amid, session) == one[:2] for one in target.feedbacks):
            raise no(409, "Feedback already given", success=False)
        target.feedbacks.append((by.amid, session, score))
        self.move(target, self.second_engine(target)[0])
        return {"success": True, "feedback_id": str(uuid.uuid4())}

    def record_session(self, request):
        body = self.body(request)
        session, outcome = body.text("session_id"), body.word("outcome", OUTCOMES)
        for name in ("intent", "started_at"):
            body.text(name)
        parties, by = [body.text("initiator_amid"), body.text("receiver_amid")], body.text("reporter_amid")
        if by not in parties:
            raise no(403, "Reporter is not a party", success=False)
        self.signed(self.known(by), body)
        record = self.sessions.setdefault(session, {"id": str(uuid.uuid4()), "parties": parties, "outcome": outcome})
        return {"success": True, "session_record_id": record["id"]}

    def reputation(self, request):
        agent = self.known(self.asked(request, "amid"), 500)
        score, sessions, good, completion, mean = self.second_engine(agent)
        return {"amid": agent.amid, "score": score, "completion_rate": completion, "total_sessions": len(sessions),
                "successful_sessions": good, "feedback_count": len(agent.feedbacks), "average_feedback": mean,
                "tier": agent.tier, "age_days": (now() - agent.created).days, "tags": [],
                "last_updated": written(now(), "Z")}

    def leaderboard(self, request):
        limit = min(100, max(0, self.number(request, "limit", 20)))
        rated = [agent for agent in self.agents.values() if len(agent.feedbacks) >= 5]
        rated.sort(key=lambda agent: -agent.score)
        return {"leaderboard": [{"amid": agent.amid, "score": agent.score} for agent in rated[:limit]], "limit": limit,
                "intent_filter": request.query.get("intent")}

    # Logins and organizations: who asks is not looked at.

    def providers(self, request):
        return {"providers": [{"name": "github", "enabled": True, "display_name": "GitHub"},
                              {"name": "google", "enabled": False, "display_name": "Google"}]}

    def authorize(self, request):
        body = self.body(request)
        for name in ("amid", "signature", "timestamp"):
            body.text(name)
        if body.text("provider") != "github":
            raise no(400, "Unknown provider")
        state = base64.b64encode(secrets.token_bytes(32)).decode()
        self.states[state] = (body["amid"], now())
        return {"authorization_url": f"https://login.example/authorize?state={state}", "state": state,
                "expires_in": 600}

    def callback(self, request):
        self.asked(request, "code")
        found = self.states.pop(self.asked(request, "state"), None)
        why = "Invalid state" if found is None else "The provider did not answer"
        raise Refusal(400, {"success": False, "amid": "", "provider": "", "verified_identity": None,
                            "certificate": None, "error": why})

    def org_register(self, request):
        body = self.body(request)
        name, domain, admin = body.text("name"), body.text("domain"), body.text("admin_amid")
        self.signed_as_sent(admin, body.text("admin_signing_public_key"), body)
        if any(one["domain"] == domain for one in self.organizations.values()):
            raise no(409, "Domain already registered", success=False)
        organization = {"id": str(uuid.uuid4()), "name": name, "domain": domain, "verified": False, "admin": admin,
                        "agents": 0, "created": now()}
        self.organizations[organization["id"]] = organization
        challenge = {"record_type": "TXT", "record_name": f"_agentmesh.{domain}",
                     "record_value": "agentmesh-verify=" + base64.b64encode(secrets.token_bytes(32)).decode(),
                     "expires_at": written(now() + timedelta(hours=24), "Z")}
        return 201, {"success": True, "organization_id": organization["id"], "dns_challenge": challenge, "error": None}

    def organization(self, body):
        for name in ("admin_amid", "timestamp"):
            body.text(name)
        found = self.organizations.get(body.text("organization_id"))
        if found is None:
            raise no(404, "Organization not found", success=False)
        if found["admin"] != body["admin_amid"]:
            raise no(401, "Not the administrator", success=False)
        return found

    def org_verify(self, request):
        body = self.body(request)
        body.text("signature")
        self.organization(body)
        return {"success": True, "verified": False, "root_certificate": None, "error": "TXT record not found"}

    def org_agents(self, request):
        body = self.body(request)
        body.text("admin_signature")
        organization = self.organization(body)
        amid = body.text("agent_amid")
        invented = Agent(amid, body.text("agent_signing_public_key"), body.text("agent_exchange_public_key"),
                         body.text("display_name", True), body.texts("capabilities"),
                         "wss://relay.agentmesh.online/v1/connect", None)
        agent = self.agents.setdefault(amid, invented)
        agent.tier = "organization"
        organization["agents"] += 1
        certificate = {"version": 1, "type": "agent_certificate", "agent_amid": amid, "tier": "organization"}
        return 201, {"success": True, "agent_certificate": base64.b64encode(json.dumps(certificate).encode()).decode(),
                     "error": None}

    def org_lookup(self, request):
        domain = self.asked(request, "domain")
        for one in self.organizations.values():
            if one["domain"] == domain:
                return {"id": one["id"], "name": one["name"], "domain": domain, "verified": one["verified"],
                        "agent_count": one["agents"], "created_at": written(one["created"], "Z")}
        raise no(404, "Organization not found")


async def main():
    parser = argparse.ArgumentParser(description="A registry that behaves as deployed ones do, on 127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    options = parser.parse_args()
    registry, clients = Registry(), set()

    async def serve(reader, writer):
        clients.add(asyncio.current_task())
        try:
            await http1.Connection(reader, writer, registry.answer, registry.malformed).serve()
        finally:
            clients.discard(asyncio.current_task())

    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    server = await asyncio.start_server(serve, "127.0.0.1", options.port, limit=http1.MAX_HEAD, backlog=512)
    print(f"listening http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await stop.wait()
    server.close()
    for task in list(clients):
        task.cancel()
    await asyncio.gather(*clients, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main())
