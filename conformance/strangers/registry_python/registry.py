#!/usr/bin/python3
"""A registry for `agentmesh/0.2`, written from SPEC.md and the published table of endpoints, and nothing else.

It shares no code with the reference implementation: a conformance case that fails here has found a fault of this file,
of the text, or of the case. Everything is kept in memory.
"""

import argparse
import asyncio
import base64
import hashlib
import math
import re
import signal
import time
import traceback
import uuid
from dataclasses import dataclass, field
from fractions import Fraction

import http1
from texts import (SECOND, amid_of, base58, decode_base64, encode_base64, is_amid, read_json, read_key, read_time,
                   verifies, write_json, write_time)

STATUSES = ("online", "away", "offline", "dnd")
REASONS = ("key_compromise", "policy_violation", "superseded", "cessation_of_operation", "privilege_withdrawn",
           "admin_request", "other")
TAGS = ("fast_response", "accurate", "professional", "reliable", "helpful", "knowledgeable", "slow_response",
        "inaccurate", "unhelpful", "unreliable", "fast", "good_price")
OUTCOMES = ("success", "failed", "timeout", "rejected", "cancelled")
TIERS = ("anonymous", "verified", "organization")  # from least to most
TIER_FLOORS = {"2": 0, "1": 1, "1.5": 2, **{word: rank for rank, word in enumerate(TIERS)}}
MILLION = 1_000_000
DAY = 86_400 * SECOND
OLDEST, NEWEST = 300 * SECOND, 60 * SECOND
FETCHES_PER_MINUTE = 60
OWN_RELAY = "wss://relay.agentmesh.online/v1/connect"

PROOF = re.compile(
    r'agentmesh=(\("@method" "@authority" "@path" "@query" "content-digest"\);created=(0|[1-9]\d{0,10});'
    r'nonce="([A-Za-z0-9_-]{22})";keyid="did:agentmesh:([1-9A-HJ-NP-Za-km-z]{20,28})";alg="ed25519";'
    r'tag="agentmesh-registry-1")', re.ASCII)
PROOF_FIELDS = ("content-digest", "signature-input", "signature")


class Refusal(Exception):
    def __init__(self, status, error, clause, message, *fields):
        super().__init__(message)
        self.status, self.error, self.clause, self.message, self.fields = status, error, clause, message, fields


def forged():
    """One text for whatever is wrong with what is shown."""
    return Refusal(401, "invalid_signature", "AM-REG-004", "what is shown does not hold")


# --- What is known -------------------------------------------------------------------------------------------------


@dataclass
class Agent:
    amid: str
    signing_key: bytes
    exchange_key: bytes
    registered: int
    seen: int
    display_name: str = None
    capabilities: list = field(default_factory=list)
    relay_endpoint: str = OWN_RELAY
    direct_endpoint: str = None
    status: str = "offline"
    tier: str = "anonymous"
    has_proved: bool = False
    shown: dict = field(default_factory=dict)  # signature or nonce that was accepted -> when it may be forgotten
    fetches: list = field(default_factory=list)  # times of fetches with a proof
    signed_prekey: dict = None
    one_time: dict = field(default_factory=dict)  # id -> key, those that wait
    highest_id: int = -1
    revocation: dict = None
    ratings: dict = field(default_factory=dict)  # (from, session) -> (score in ppm, tags, when)
    scores: list = field(default_factory=list)  # (when, score in ppm) of every change


@dataclass
class Session:
    parties: tuple
    record_id: str
    reports: dict = field(default_factory=dict)  # who -> outcome
    counted: int = None  # when both had said the same

    @property
    def outcome(self):
        return next(iter(self.reports.values()))


# --- Members of bodies and queries ---------------------------------------------------------------------------------


def missing(name):
    return Refusal(400, "missing_member", "AM-REG-002", f"{name} is missing")


def invalid(name, clause="AM-REG-002"):
    return Refusal(400, "invalid_member", clause, f"{name} is not as it has to be")


def text(body, name, most=4096, optional=False):
    value = body.get(name)
    if value is None:
        if optional:
            return None
        raise missing(name)
    if not isinstance(value, str):
        raise invalid(name)
    if len(value.encode()) > most:
        raise Refusal(400, "too_large", "AM-REG-013", f"{name} is too long")
    return value


def whole(body, name):
    value = body.get(name)
    if value is None:
        raise missing(name)
    if isinstance(value, float) and value.is_integer() and abs(value) <= 2**53:
        value = int(value)
    if type(value) is not int or not 0 <= value <= 2_147_483_647:
        raise invalid(name, "AM-REG-023")
    return value


def score(body):
    """Parts per million of a number from 0 to 1."""
    value = body.get("score")
    if value is None:
        raise missing("score")
    if type(value) not in (int, float) or not 0 <= value <= 1:
        raise invalid("score")
    return round(Fraction(value) * MILLION)


def name_of_agent(value):
    if not is_amid(value):
        raise Refusal(400, "invalid_amid", "AM-ID-002", "not an AMID")
    return value


def key(body, name, prefix):
    try:
        return read_key(text(body, name), prefix)
    except ValueError:
        raise Refusal(400, "invalid_key", "AM-ID-005", f"{name} is no key") from None


def short(name, value):
    if len(value.encode()) > 128 or any(ord(char) < 32 or 127 <= ord(char) < 160 for char in value):
        raise invalid(name, "AM-REG-013")
    return value


def capabilities(value):
    if not isinstance(value, list) or len(value) > 64 or not all(isinstance(one, str) for one in value):
        raise invalid("capabilities", "AM-REG-013")
    for one in value:
        short("capabilities", one)
        if not one or "*" in one:
            raise invalid("capabilities", "AM-REG-013")
    return list(dict.fromkeys(value))


def tags(body):
    value = body.get("tags")
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > len(TAGS) or any(one not in TAGS for one in value):
        raise invalid("tags", "AM-REG-045")
    return value


ENDPOINT = re.compile(r"(?:wss|https)://([^/?#@:\[\]\\]+)(?::(\d{1,5}))?(?:[/?#][\x21-\x7e]*)?", re.ASCII | re.I)
LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?", re.ASCII)
NOWHERE = ("localhost", "localdomain", "local", "internal", "lan", "arpa")
CLOSED = [(0x00000000, 8), (0x0A000000, 8), (0x64400000, 10), (0x7F000000, 8), (0xA9FE0000, 16), (0xAC100000, 12),
          (0xC0000000, 24), (0xC0000200, 24), (0xC0586300, 24), (0xC0A80000, 16), (0xC6120000, 15), (0xC6336400, 24),
          (0xCB007100, 24), (0xE0000000, 3)]  # what the registry of special-purpose addresses does not call global


def endpoint(name, value):
    """A URL that others may be sent to: AM-REG-014."""
    refusal = invalid(name, "AM-REG-014")
    match = ENDPOINT.fullmatch(value) if len(value) <= 255 else None
    if not match or (match[2] is not None and not 1 <= int(match[2]) <= 65_535):
        raise refusal
    labels = match[1].split(".")
    if re.fullmatch(r"\d+\.\d+\.\d+\.\d+", match[1], re.ASCII):
        if any(str(int(part)) != part or int(part) > 255 for part in labels):
            raise refusal
        address = int.from_bytes(bytes(int(part) for part in labels), "big")
        if any(address >> (32 - bits) == network >> (32 - bits) for network, bits in CLOSED):
            raise refusal
    elif len(labels) < 2 or not all(LABEL.fullmatch(label) for label in labels) or not labels[-1][0].isalpha() \
            or labels[-1].lower() in NOWHERE:
        raise refusal
    return value


def fits(asked, offered):
    if "*" not in asked:
        return offered == asked or offered.startswith(asked + "/")
    first, *middle, last = asked.split("*")
    if len(offered) < len(first) + len(last) or not offered.startswith(first) or not offered.endswith(last):
        return False
    at, end = len(first), len(offered) - len(last)
    for part in middle:  # the earliest place is as good as any, so that no pattern costs more than its length
        at = offered.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


# --- The registry --------------------------------------------------------------------------------------------------


def divide(number, by):
    """The nearest whole number, of two the even one."""
    return round(Fraction(number, by))


class Registry:
    def __init__(self, options):
        self.options = options
        self.agents = {}
        self.sessions = {}
        self.revocations = []
        self.minutes = {}  # address of a client -> [minute, requests]
        self.routes = {
            "/health": {"GET": lambda r: {"status": "ok"}},
            "/v1/health": {"GET": self.health},
            "/v1/registry/register": {"POST": self.register},
            "/v1/registry/lookup": {"GET": self.lookup},
            "/v1/registry/search": {"GET": self.search},
            "/v1/registry/status": {"POST": self.set_status},
            "/v1/registry/capabilities": {"POST": self.set_capabilities},
            "/v1/registry/stats": {"GET": self.stats},
            "/v1/registry/prekeys": {"POST": self.upload_prekeys},
            "/v1/registry/prekeys/*": {"GET": self.fetch_prekeys},
            "/v1/registry/did/*": {"GET": self.did},
            "/v1/registry/revoke": {"POST": self.revoke},
            "/v1/registry/revocation": {"GET": self.revocation},
            "/v1/registry/revocations": {"GET": self.list_revocations},
            "/v1/registry/revocations/bulk": {"POST": self.bulk_revocations},
            "/v1/registry/reputation": {"POST": self.rate},
            "/v1/registry/reputation/feedback": {"POST": self.feedback},
            "/v1/registry/reputation/session": {"POST": self.report_session},
            "/v1/registry/reputation/score": {"GET": self.reputation},
            "/v1/registry/reputation/leaderboard": {"GET": self.leaderboard},
        }
        for path, method in (("auth/oauth/providers", "GET"), ("auth/oauth/authorize", "POST"),
                             ("auth/oauth/callback", "GET"), ("org/register", "POST"), ("org/verify", "POST"),
                             ("org/agents", "POST"), ("org/lookup", "GET")):
            self.routes[f"/v1/{path}"] = {method: self.not_here(f"/v1/{path}")}

    # How requests come in and answers go out.

    def answer(self, request, client=""):
        try:
            self.count(client)
            handler, request.rest = self.find(request)
            found = handler(request)
            status, value = found if isinstance(found, tuple) else (200, found)
            kind = "application/did+ld+json" if "@context" in value else "application/json"
            return http1.Answer(status, write_json(value), kind)
        except Refusal as why:
            return self.refused(why, request.method == "POST")
        except Exception:  # a fault of this file costs one request its answer, and nobody else anything
            traceback.print_exc()
            why = Refusal(500, "internal_error", "AM-REG-001", "something broke")
            return self.refused(why, request.method == "POST")

    def refused(self, why, post):
        value = {"error": why.error, "message": why.message, "clause": why.clause}
        if why.error == "not_implemented":
            value["endpoint"] = why.message
        if post:
            value = {"success": False, **value}
        return http1.Answer(why.status, write_json(value), fields=why.fields)

    def malformed(self, why):
        word = {413: "too_large", 431: "too_large"}.get(why.status, "invalid_request")
        return http1.Answer(why.status, write_json({"error": word, "message": why.message, "clause": why.clause}))

    def count(self, client):
        if self.options.requests_per_minute:
            now = time.monotonic()
            minute = self.minutes.get(client)
            if minute is None or now - minute[0] >= 60:
                minute = self.minutes[client] = [now, 0]
            minute[1] += 1
            if minute[1] > self.options.requests_per_minute:
                wait = max(1, math.ceil(minute[0] + 60 - now))
                raise Refusal(429, "rate_limited", "AM-REG-017", "too many requests", f"Retry-After: {wait}")

    def find(self, request):
        path = "/" + "/".join(request.segments)
        methods, rest = self.routes.get(path), None
        if methods is None and len(request.segments) == 4:
            methods, rest = self.routes.get("/" + "/".join(request.segments[:3]) + "/*"), request.segments[3]
        if methods is None:
            raise Refusal(404, "unknown_endpoint", "AM-REG-001", "nothing is here")
        method = "GET" if request.method == "HEAD" else request.method
        if method not in methods:
            allowed = ", ".join([*methods, "HEAD"] if "GET" in methods else methods)
            raise Refusal(405, "method_not_allowed", "AM-REG-001", f"only {allowed}", f"Allow: {allowed}")
        return methods[method], rest

    def not_here(self, path):
        def handler(request):
            raise Refusal(501, "not_implemented", "AM-REG-001", path)
        return handler

    def body(self, request):
        kind = (request.field("content-type") or "").split(";")[0].strip().lower()
        if kind != "application/json":
            raise Refusal(415, "unsupported_media_type", "AM-REG-002", "a body is application/json")
        try:
            value = read_json(request.body)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise Refusal(400, "invalid_json", "AM-REG-002", "not one JSON object")
        return value

    def asked(self, request, name, otherwise=None):
        """A parameter of the query. Refusal if it came twice, or did not come and there is no `otherwise`."""
        if name in request.query:
            if request.query[name] is None:
                raise invalid(name)
            return request.query[name]
        if otherwise is None:
            raise missing(name)
        return otherwise

    def number(self, request, name, otherwise):
        value = self.asked(request, name, str(otherwise))
        if not re.fullmatch(r"\d{1,19}", value, re.ASCII):
            raise invalid(name)
        return int(value)

    def known(self, amid):
        agent = self.agents.get(name_of_agent(amid))
        if agent is None:
            raise Refusal(404, "not_found", "AM-REG-011", "no such agent")
        return agent

    # Who speaks.

    def proof(self, request):
        """The agent that a proof names and its nonce, if the proof holds; None if the request bears none."""
        if not any(name in request.fields for name in PROOF_FIELDS):
            return None
        digest, given, shown = (request.field(name) for name in PROOF_FIELDS)
        match = PROOF.fullmatch(given or "")
        signature = re.fullmatch(r"agentmesh=:([A-Za-z0-9+/=]*):", shown or "", re.ASCII)
        if not match or not signature or digest is None:
            raise forged()
        covered, created, nonce, amid = match.groups()
        raw = base64.urlsafe_b64decode(nonce + "==")
        if base64.urlsafe_b64encode(raw).decode().rstrip("=") != nonce or amid not in self.agents:
            raise forged()
        if digest != f"sha-256=:{encode_base64(hashlib.sha256(request.body).digest())}:":
            raise forged()
        if request.host not in self.options.names:
            raise forged()
        age = time.time_ns() - int(created) * SECOND
        if not -NEWEST <= age <= OLDEST:
            raise forged()
        base = (f'"@method": {request.method}\n"@authority": {request.host}\n"@path": {request.raw_path}\n'
                f'"@query": ?{request.raw_query}\n"content-digest": {digest}\n"@signature-params": {covered}')
        agent = self.agents[amid]
        try:
            held = verifies(agent.signing_key, base.encode("latin-1"), decode_base64(signature[1]))
        except ValueError:
            held = False
        if not held:
            raise forged()
        self.spend(agent, ("nonce", raw))
        agent.has_proved = True
        return agent

    def spend(self, agent, shown):
        """What was shown counts once; what is too old to be shown again is forgotten."""
        now = time.time_ns()
        agent.shown = {one: until for one, until in agent.shown.items() if until > now}
        if shown in agent.shown:
            raise forged()
        agent.shown[shown] = now + OLDEST + NEWEST + SECOND

    def signed_time(self, agent, stamp, signature):
        try:
            made, raw = read_time(stamp), decode_base64(signature)
        except ValueError:
            raise forged() from None
        if not -NEWEST <= time.time_ns() - made <= OLDEST or not verifies(agent.signing_key, stamp.encode(), raw):
            raise forged()
        self.spend(agent, ("time", raw))

    def speaker(self, request, body, member):
        """The agent that a change comes from, once that is shown."""
        amid = text(body, member)
        agent = self.known(amid)
        by = self.proof(request)
        if by is not None:
            if by is not agent:
                raise forged()
        else:
            stamp, signature = text(body, "timestamp", optional=True), text(body, "signature", optional=True)
            if stamp is None or signature is None:
                raise Refusal(401, "signature_required", "AM-REG-005", "nothing shows who sends this")
            if agent.has_proved:
                raise Refusal(401, "proof_required", "AM-REG-008", "this agent sends proofs")
            self.signed_time(agent, stamp, signature)
        if agent.revocation and request.raw_path != "/v1/registry/revoke":
            raise Refusal(403, "revoked", "AM-REG-018", "this agent is revoked")
        return agent

    # Agents.

    def health(self, request):
        online = sum(agent.status == "online" for agent in self.agents.values())
        return {"status": "healthy", "version": "agentmesh/0.2", "agents_registered": len(self.agents),
                "agents_online": online}

    def register(self, request):
        body = self.body(request)
        amid = name_of_agent(text(body, "amid"))
        signing = key(body, "signing_public_key", "ed25519:")
        exchange = key(body, "exchange_public_key", "x25519:")
        if amid_of(signing) != amid:
            raise Refusal(400, "amid_mismatch", "AM-REG-003", "the AMID is not that of the key")
        if exchange == bytes(32):
            raise Refusal(400, "invalid_key", "AM-KEY-006", "with this key no secret can be agreed")
        now = time.time_ns()
        agent = Agent(amid, signing, exchange, now, now)
        display_name = text(body, "display_name", optional=True)
        agent.display_name = None if display_name is None else short("display_name", display_name)
        agent.capabilities = capabilities(body.get("capabilities") or [])
        relay, direct = text(body, "relay_endpoint", optional=True), text(body, "direct_endpoint", optional=True)
        agent.relay_endpoint = relay if relay in (None, OWN_RELAY) else endpoint("relay_endpoint", relay)
        agent.relay_endpoint = agent.relay_endpoint or OWN_RELAY
        agent.direct_endpoint = None if direct is None else endpoint("direct_endpoint", direct)
        text(body, "verification_token", optional=True)  # no provider is configured: the tier stays anonymous

        stamp, signature = text(body, "timestamp", optional=True), text(body, "signature", optional=True)
        known = self.agents.get(amid)
        if any(name in request.fields for name in PROOF_FIELDS):
            # The key that a proof of registration is held against is the one that is being registered.
            self.agents.setdefault(amid, agent)
            try:
                if self.proof(request).amid != amid:
                    raise forged()
            except Refusal:
                if known is None:
                    del self.agents[amid]
                raise
        elif stamp is None or signature is None:
            raise Refusal(401, "signature_required", "AM-REG-005", "nothing shows who sends this")
        elif known and known.has_proved:
            raise Refusal(401, "proof_required", "AM-REG-008", "this agent sends proofs")
        else:
            self.signed_time(known or agent, stamp, signature)
        if known:
            raise Refusal(409, "already_exists", "AM-REG-010", "this agent is registered")
        self.agents[amid] = agent
        self.publish(agent)
        return 201, {"success": True, "amid": amid, "tier": agent.tier}

    def row(self, agent):
        return {
            "amid": agent.amid, "tier": agent.tier, "display_name": agent.display_name, "organization": None,
            "signing_public_key": encode_base64(agent.signing_key),
            "exchange_public_key": encode_base64(agent.exchange_key),
            "capabilities": agent.capabilities, "relay_endpoint": agent.relay_endpoint,
            "direct_endpoint": agent.direct_endpoint, "status": agent.status,
            "reputation_score": self.total(agent) / MILLION, "last_seen": write_time(agent.seen),
        }

    def lookup(self, request):
        agent = self.known(self.asked(request, "amid"))
        value = self.row(agent)
        flags = self.flags(agent) + (["revoked"] if agent.revocation else [])
        if flags:
            value["flags"] = flags
        value["ratings_count"] = len(agent.ratings)
        value["reputation_status"] = "rated" if len(agent.ratings) >= 5 else "unrated"
        return value

    def search(self, request):
        wanted = self.asked(request, "capability")
        floor = self.asked(request, "tier_min", "2")
        if floor not in TIER_FLOORS:
            raise invalid("tier_min", "AM-REG-016")
        least = self.asked(request, "reputation_min", "0")
        if not re.fullmatch(r"\d{1,9}(\.\d{1,18})?", least, re.ASCII):
            raise invalid("reputation_min")
        status = self.asked(request, "status", "")
        if status and status not in STATUSES:
            raise invalid("status")
        limit, offset = min(100, self.number(request, "limit", 20)), self.number(request, "offset", 0)
        found = [agent for agent in self.agents.values()
                 if not agent.revocation and any(fits(wanted, one) for one in agent.capabilities)
                 and TIERS.index(agent.tier) >= TIER_FLOORS[floor] and self.total(agent) >= Fraction(least) * MILLION
                 and status in ("", agent.status)]
        found.sort(key=lambda agent: (-self.total(agent), -agent.seen, agent.amid))
        return {"results": [self.row(agent) for agent in found[offset:offset + limit]], "total": len(found),
                "limit": limit, "offset": offset}

    def set_status(self, request):
        body = self.body(request)
        status = text(body, "status")
        if status not in STATUSES:
            raise invalid("status")
        agent = self.speaker(request, body, "amid")
        agent.status, agent.seen = status, time.time_ns()
        return {"success": True, "one_time_prekeys_left": len(agent.one_time)}

    def set_capabilities(self, request):
        body = self.body(request)
        if body.get("capabilities") is None:
            raise missing("capabilities")
        wanted = capabilities(body["capabilities"])
        agent = self.speaker(request, body, "amid")
        agent.capabilities, agent.seen = wanted, time.time_ns()
        return {"success": True}

    def stats(self, request):
        agents = list(self.agents.values())
        scores = [self.total(agent) for agent in agents]
        return {"total_agents": len(agents), "online_agents": sum(agent.status == "online" for agent in agents),
                "by_tier": {tier: sum(agent.tier == tier for agent in agents) for tier in TIERS},
                "by_status": {status: sum(agent.status == status for agent in agents) for status in STATUSES},
                "average_reputation": sum(scores) / len(scores) / MILLION if scores else 0.0}

    # Prekeys.

    def upload_prekeys(self, request):
        body = self.body(request)
        try:
            prekey = decode_base64(text(body, "signed_prekey").removeprefix("x25519:"))
            signature = decode_base64(text(body, "signed_prekey_signature"))
        except ValueError:
            raise Refusal(400, "invalid_key", "AM-ENC-003", "no signed prekey") from None
        if len(prekey) != 32:
            raise Refusal(400, "invalid_key", "AM-ENC-003", "a prekey has 32 bytes")
        number, listed = whole(body, "signed_prekey_id"), body.get("one_time_prekeys")
        if listed is None:
            listed = []
        if not isinstance(listed, list) or len(listed) > 1024 or not all(isinstance(one, dict) for one in listed):
            raise invalid("one_time_prekeys", "AM-REG-023")
        one_time = {}
        for one in listed:
            if whole(one, "id") in one_time:
                raise invalid("one_time_prekeys", "AM-REG-023")
            one_time[whole(one, "id")] = key(one, "key", "x25519:")
        agent = self.speaker(request, body, "amid")
        if not verifies(agent.signing_key, prekey, signature):
            raise Refusal(400, "invalid_prekey_signature", "AM-REG-020", "not signed by this agent")
        kept = {n: k for n, k in one_time.items() if n > agent.highest_id or agent.one_time.get(n) == k}
        agent.signed_prekey = {"signed_prekey": encode_base64(prekey),
                               "signed_prekey_signature": encode_base64(signature), "signed_prekey_id": number}
        agent.one_time = dict(sorted(kept.items()))
        agent.highest_id = max([agent.highest_id, *one_time])
        agent.seen = time.time_ns()
        answer = {"success": True, "signed_prekey_id": number, "one_time_prekeys_stored": len(kept),
                  "one_time_prekeys_left": len(kept)}
        if len(kept) < len(one_time):
            answer["one_time_prekeys_refused"] = sorted(set(one_time) - set(kept))
        return answer

    def fetch_prekeys(self, request):
        agent = self.known(request.rest)
        by = self.proof(request)
        if agent.revocation:
            raise Refusal(403, "revoked", "AM-REG-025", "this agent is revoked")
        if agent.signed_prekey is None:
            raise Refusal(404, "not_found", "AM-REG-011", "this agent has no prekeys")
        answer = {"identity_key": encode_base64(agent.exchange_key), **agent.signed_prekey}
        if by is not None:
            now = time.monotonic()
            by.fetches = [at for at in by.fetches if now - at < 60]
            if len(by.fetches) >= FETCHES_PER_MINUTE:
                raise Refusal(429, "rate_limited", "AM-REG-017", "too many prekeys", "Retry-After: 60")
            by.fetches.append(now)
            if agent.one_time and request.method == "GET":
                number = next(iter(agent.one_time))
                answer["one_time_prekey"] = {"id": number, "key": encode_base64(agent.one_time.pop(number))}
        return answer

    def did(self, request):
        agent = self.known(request.rest)
        name = f"did:agentmesh:{agent.amid}"
        created = write_time(agent.registered)
        method = lambda fragment, kind, codec, raw: {
            "id": f"{name}#{fragment}", "type": kind, "controller": name,
            "publicKeyMultibase": "z" + base58(bytes.fromhex(codec) + raw)}
        return {
            "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/suites/ed25519-2020/v1",
                         "https://w3id.org/security/suites/x25519-2020/v1"],
            "id": name, "controller": name,
            "verificationMethod": [
                method("signing-key", "Ed25519VerificationKey2020", "ed01", agent.signing_key),
                method("key-agreement-key", "X25519KeyAgreementKey2020", "ec01", agent.exchange_key)],
            "authentication": [f"{name}#signing-key"], "keyAgreement": [f"{name}#key-agreement-key"],
            "service": [{"id": f"{name}#relay", "type": "AgentMeshRelay", "serviceEndpoint": agent.relay_endpoint}],
            "created": created, "updated": write_time(agent.seen)}

    # Revocation.

    def revoke(self, request):
        body = self.body(request)
        reason, notes = text(body, "reason"), text(body, "notes", optional=True)
        if reason not in REASONS:
            raise invalid("reason")
        target = self.known(text(body, "amid"))
        by = self.speaker(request, body, "revoker_amid")
        if by is not target:
            raise Refusal(403, "forbidden", "AM-REG-030", "only the agent itself")
        if target.revocation:
            raise Refusal(409, "already_exists", "AM-REG-031", "revoked already")
        target.revocation = {"id": str(uuid.uuid4()), "amid": target.amid, "reason": reason, "revoked_by": by.amid,
                             "revoked_at": write_time(time.time_ns()), "notes": notes}
        target.one_time = {}
        self.revocations.append(target.revocation)
        return {"success": True, "revocation_id": target.revocation["id"], "error": None}

    def state(self, amid):
        agent = self.agents.get(name_of_agent(amid))
        revocation = agent.revocation if agent else None
        return {"amid": amid, "revoked": revocation is not None, "revocation": revocation}

    def revocation(self, request):
        return self.state(self.asked(request, "amid"))

    def bulk_revocations(self, request):
        names = self.body(request).get("amids")
        if names is None:
            raise missing("amids")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise invalid("amids")
        if len(names) > 100:
            raise Refusal(400, "too_large", "AM-REG-032", "at most 100 agents")
        found = [self.state(name) for name in names]
        return {"revocations": found, "total_checked": len(found),
                "total_revoked": sum(one["revoked"] for one in found)}

    def list_revocations(self, request):
        limit, offset = min(10_000, self.number(request, "limit", 1000)), self.number(request, "offset", 0)
        now = time.time_ns()
        return {"revocations": self.revocations[offset:offset + limit], "total": len(self.revocations),
                "last_updated": write_time(now), "next_update": write_time(now + 3600 * SECOND)}

    # Reputation.

    def opinion(self, request):
        """A rating as both endpoints take it."""
        body = self.body(request)
        session = short("session_id", text(body, "session_id"))
        value, words = score(body), tags(body)
        target = self.known(text(body, "target_amid"))
        by = self.speaker(request, body, "from_amid")
        if not session:
            raise invalid("session_id")
        if by is target:
            raise Refusal(400, "invalid_request", "AM-REG-040", "nobody rates itself")
        if any((by.amid, session) in agent.ratings for agent in self.agents.values()):
            raise Refusal(409, "already_exists", "AM-REG-041", "this session is rated")
        target.ratings[by.amid, session] = (value, words, time.time_ns())
        self.publish(target)

    def rate(self, request):
        self.opinion(request)
        return {"success": True, "message": "the rating counts"}

    def feedback(self, request):
        self.opinion(request)
        return {"success": True, "feedback_id": str(uuid.uuid4())}

    def report_session(self, request):
        body = self.body(request)
        number, intent = short("session_id", text(body, "session_id")), text(body, "intent")
        outcome, started = text(body, "outcome"), text(body, "started_at")
        try:
            read_time(started)
        except ValueError:
            raise invalid("started_at") from None
        if outcome not in OUTCOMES or not number:
            raise invalid("outcome")
        short("intent", intent)
        parties = tuple(self.known(text(body, name)).amid for name in ("initiator_amid", "receiver_amid"))
        by = self.speaker(request, body, "reporter_amid")
        if by.amid not in parties:
            raise Refusal(403, "forbidden", "AM-REG-042", "the reporter was no party")
        if parties[0] == parties[1]:
            raise invalid("receiver_amid")
        session = self.sessions.setdefault((number, frozenset(parties)), Session(parties, str(uuid.uuid4())))
        if session.counted is not None or session.reports.get(by.amid, outcome) != outcome:
            raise Refusal(409, "already_exists", "AM-REG-043", "reported already")
        session.reports[by.amid] = outcome
        if len(session.reports) == 2 and len(set(session.reports.values())) == 1:
            session.counted = time.time_ns()
            for party in parties:
                self.publish(self.agents[party])
        return {"success": True, "session_record_id": session.record_id}

    def weight(self, author, when, returned=False):
        """Fortieths of an opinion: 40 with 1/2, 1/5 and 1/4 where they apply."""
        value = Fraction(40)
        if author.tier == "anonymous":
            value /= 2
        if returned:
            value /= 5
        if when - author.registered < 7 * DAY:
            value /= 4
        return int(value)

    def term(self, start, opinions):
        """The mean of opinions (weight, score, anonymous) around a start of weight 200."""
        nameless = [(weight, value) for weight, value, anonymous in opinions if anonymous]
        rest = [(weight, value) for weight, value, anonymous in opinions if not anonymous]
        total = sum(weight for weight, _ in nameless)
        if total > 200:
            nameless = [(200, divide(sum(weight * value for weight, value in nameless), total))]
        counted = nameless + rest
        return divide(200 * start + sum(weight * value for weight, value in counted),
                      200 + sum(weight for weight, _ in counted))

    def sessions_of(self, agent):
        return [one for one in self.sessions.values() if one.counted is not None and agent.amid in one.parties]

    def feedback_about(self, agent):
        """The latest rating of each author: weight, score, whether anonymous."""
        latest = {}
        for (who, _), (value, _, when) in agent.ratings.items():
            if who not in latest or when >= latest[who][1]:
                latest[who] = (value, when)
        for who, (value, when) in latest.items():
            author = self.agents[who]
            returned = any(by == agent.amid and abs(at - when) <= DAY for (by, _), (_, _, at) in author.ratings.items())
            yield self.weight(author, when, returned), value, author.tier == "anonymous"

    def completion_of(self, agent):
        """What each counterpart's sessions with an agent come to, in the same form."""
        shared = {}
        for session in self.sessions_of(agent):
            if session.outcome not in ("rejected", "cancelled"):
                other = next(party for party in session.parties if party != agent.amid)
                shared.setdefault(other, []).append(session)
        for who, sessions in shared.items():
            author = self.agents[who]
            good = sum(session.outcome == "success" for session in sessions)
            last = max(session.counted for session in sessions)
            yield self.weight(author, last), divide(MILLION * good, len(sessions)), author.tier == "anonymous"

    def total(self, agent):
        start = {"anonymous": 571_429, "verified": 642_857, "organization": 714_286}[agent.tier]
        days = min(365, (time.time_ns() - agent.registered) // DAY)
        age = divide(MILLION * days, 365)
        tier = {"anonymous": 500_000, "verified": 750_000, "organization": 1_000_000}[agent.tier]
        completion = self.term(start, list(self.completion_of(agent)))
        feedback = self.term(start, list(self.feedback_about(agent)))
        return divide(3 * completion + 4 * feedback + age + 2 * tier, 10)

    def publish(self, agent):
        now = time.time_ns()
        agent.scores = [one for one in agent.scores if now - one[0] <= 2 * DAY] + [(now, self.total(agent))]

    def flags(self, agent):
        now, found = time.time_ns(), []
        for index, (later, value) in enumerate(agent.scores):
            if now - later > DAY:
                continue
            for earlier, before in agent.scores[:index]:
                if later - earlier <= DAY and abs(value - before) > 200_000:
                    found.append("rapid_reputation_increase" if value > before else "rapid_reputation_decrease")
        return list(dict.fromkeys(found))

    def reputation(self, request):
        agent = self.known(self.asked(request, "amid"))
        sessions = self.sessions_of(agent)
        good = sum(session.outcome == "success" for session in sessions)
        counts = {}
        for _, words, _ in agent.ratings.values():
            for word in words:
                counts[word] = counts.get(word, 0) + 1
        scores = [value for value, _, _ in agent.ratings.values()]
        return {
            "amid": agent.amid, "score": self.total(agent) / MILLION,
            "completion_rate": good / len(sessions) if sessions else 0.5, "total_sessions": len(sessions),
            "successful_sessions": good, "feedback_count": len(scores),
            "average_feedback": sum(scores) / len(scores) / MILLION if scores else 0.5, "tier": agent.tier,
            "age_days": (time.time_ns() - agent.registered) // DAY,
            "tags": [{"tag": tag, "count": count}
                     for tag, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:10]],
            "last_updated": write_time(agent.scores[-1][0])}

    def leaderboard(self, request):
        limit, intent = min(100, self.number(request, "limit", 20)), self.asked(request, "intent", "")
        rated = [agent for agent in self.agents.values() if len(agent.ratings) >= 5 and not agent.revocation
                 and (not intent or any(fits(intent, one) for one in agent.capabilities))]
        rated.sort(key=lambda agent: (-self.total(agent), agent.amid))
        found = [{"amid": agent.amid, "display_name": agent.display_name, "score": self.total(agent) / MILLION,
                  "tier": agent.tier, "ratings_count": len(agent.ratings)} for agent in rated[:limit]]
        return {"leaderboard": found, "limit": limit, "intent_filter": intent or None}


async def main():
    parser = argparse.ArgumentParser(description="A registry for agentmesh/0.2 on 127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--name", action="append", default=[], help="a host, besides the address, in proofs")
    parser.add_argument("--requests-per-minute", type=int, default=0, metavar="N", help="by one address; 0: no limit")
    options = parser.parse_args()
    registry = Registry(options)
    open_connections = set()

    async def serve(reader, writer):
        client = (writer.get_extra_info("peername") or ("",))[0]
        task = asyncio.current_task()
        open_connections.add(task)
        try:
            answer = lambda request: registry.answer(request, client)
            await http1.Connection(reader, writer, answer, registry.malformed).serve()
        finally:
            open_connections.discard(task)

    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    server = await asyncio.start_server(serve, "127.0.0.1", options.port, limit=http1.MAX_HEAD, backlog=512)
    port = server.sockets[0].getsockname()[1]
    options.names = {f"127.0.0.1:{port}", f"localhost:{port}", *(name.lower() for name in options.name)}
    print(f"listening http://127.0.0.1:{port}", flush=True)
    await stop.wait()
    server.close()
    for task in list(open_connections):
        task.cancel()
    await asyncio.gather(*open_connections, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main())
