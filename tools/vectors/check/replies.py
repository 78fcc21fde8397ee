"""What a client believes of a registry's replies: area FND."""

import base64
import json
import re

from . import Refused, agent, certificates, jsontext, kex, rfc3339
from .bytes import in_millionths, member, read_b64u, typed, verify

REASONS = "key_compromise policy_violation superseded cessation_of_operation privilege_withdrawn admin_request other".split()
LATEST = 253_402_300_799
PEM = re.compile(r"-----BEGIN CERTIFICATE-----\n([A-Za-z0-9+/=\n]+)-----END CERTIFICATE-----\n?")


def text(owner, name):
    """A member that may be absent or null: then it is None."""
    value = owner.get(name)
    return None if value is None else typed(value, "text")


def revocation_of(statement):
    """The AMID that a statement of revocation ends."""
    data = read_b64u(statement, 106)
    if data[0] != 1 or data[33] >= len(REASONS) or int.from_bytes(data[34:42], "big") > LATEST:
        raise Refused("parse")
    verify(data[1:33], "revocation", data[:42], data[42:])
    return agent.derive(data[1:33])


def succession_of(statement):
    """The AMIDs of the old key and of the new one."""
    data = read_b64u(statement, 201)
    if data[0] != 1 or int.from_bytes(data[65:73], "big") > LATEST:
        raise Refused("parse")
    for key, proof in ((data[1:33], data[73:137]), (data[33:65], data[137:])):
        verify(key, "succession", data[:73], proof)
    return agent.derive(data[1:33]), agent.derive(data[33:65])


class Known:
    """What is remembered of one agent."""

    def __init__(self):
        self.exchange = self.epoch = None  # the epoch is None of a key that no card tied
        self.prekey = None  # (beginning, id), key
        self.revoked = False
        self.successor = None


class Client:
    def __init__(self, question, roots, now):
        self.question, self.roots, self.now = question, roots, now
        self.known, self.found = {}, {}

    def of(self, who):
        return self.known.setdefault(who, Known())

    def ended(self, who):
        return who in self.known and (self.known[who].revoked or self.known[who].successor is not None)

    # --- keys ---

    def match_keys(self, who, exchange, epoch):
        seen = self.known.get(who)
        if seen is None or seen.exchange is None:
            return
        if epoch is None:
            if seen.epoch is not None or exchange != seen.exchange:
                raise Refused("auth", clause="AM-FND-003")
        elif seen.epoch is not None and (epoch < seen.epoch or (epoch == seen.epoch and exchange != seen.exchange)):
            raise Refused("auth", clause="AM-FND-004")

    def keep_keys(self, who, exchange, epoch):
        seen = self.of(who)
        if epoch is None:
            seen.exchange = seen.exchange or exchange
        elif seen.epoch is None or epoch > seen.epoch:
            seen.exchange, seen.epoch, seen.prekey = exchange, epoch, None

    # --- lookup and search ---

    def standing(self, row, who, told):
        """Tier and organization that count, of those that are told."""
        chain = text(row, "certificate")
        if chain:
            blocks = PEM.findall(chain)
            given = {
                "chain": [base64.b64decode(block).hex() for block in blocks],
                "expected": who,
                "revoked": self.question["revoked"],
                "answers": self.question["answers"],
            }
            try:
                proved = certificates.check(given, {"roots": self.roots}, self.now)[0]
                names = [
                    certificates.shown(certificates.values(one.subject)[0][1], certificates.O)
                    for one in map(certificates.Certificate, map(bytes.fromhex, given["chain"]))
                    if one.role == "organization"
                ]
                return proved["tier"], names[0] if names else None
            except Refused as why:
                if why.why in ("policy", "state"):
                    return "anonymous", None
        return told if self.question["believes"] == "everything" else ("anonymous", None)

    def row(self, row, asked=None):
        who = member(row, "amid", "text")
        agent.read_amid(who)
        if asked not in (None, who):
            raise Refused("auth", clause="AM-FND-001")
        signing = agent.read_key("ed25519", member(row, "signing_public_key", "text"))
        agent.match(who, signing)
        exchange = agent.read_key("x25519", member(row, "exchange_public_key", "text"))
        epoch = None
        if text(row, "card") is not None:
            card = kex.Card(read_b64u(row["card"], 152))
            if card.amid != who or card.exchange != exchange:
                raise Refused("auth", clause="AM-FND-002")
            epoch = card.epoch
        self.match_keys(who, exchange, epoch)
        told = agent.read_tier("word", text(row, "tier") or "anonymous"), text(row, "organization")
        tier, organization = self.standing(row, who, told)
        ppm = int(in_millionths(row["reputation_score"])) if self.question["believes"] != "proofs_only" else 0
        flags = typed(row.get("flags", []), "list")
        return who, epoch, {
            "amid": who,
            "signing_key": signing.hex(),
            "exchange_key": exchange.hex(),
            "bound": epoch is not None,
            "tier": tier,
            "organization": organization,
            "reputation_ppm": ppm,
            "revoked": "revoked" in flags or row.get("revoked") is True,
            "successor": None,
            "predecessor": None,
        }

    def lookup(self, reply, who):
        _, epoch, out = self.row(reply, who)
        follows = [text(reply, name) for name in ("succession", "inheritance")]
        for old, new in map(succession_of, filter(None, follows)):
            if who not in (old, new):
                raise Refused("crypto", clause="AM-FND-011")
            if who == old:
                out["successor"] = new
            else:
                out["predecessor"] = old
            self.of(old).successor = self.of(old).successor or new
        if epoch is not None:
            self.keep_keys(who, bytes.fromhex(out["exchange_key"]), epoch)
        if out["revoked"]:
            self.of(who).revoked = True
        out["revoked"] = self.ended(who)
        out["successor"] = self.of(who).successor
        self.found[who] = epoch, out
        return out

    def search(self, reply, who):
        agents, left_out = [], 0
        for row in member(reply, "results", "list"):
            try:
                agents.append(self.row(typed(row, "object"))[0])
            except Refused:
                left_out += 1
        return {"agents": agents, "left_out": left_out}

    # --- prekeys ---

    def prekeys(self, reply, who):
        epoch, owner = self.found[who]
        if self.ended(who):
            raise Refused("policy", clause="AM-FND-008")
        exchange = bytes.fromhex(owner["exchange_key"])
        if "bundle" in reply:
            return self.bundle(json.loads(self.raw)["bundle"], who, exchange)
        out = kex.deployed_v02({"text": self.raw}, {"public_key": owner["signing_key"]}, self.now)[0]
        if out["identity"] != owner["exchange_key"]:
            raise Refused("auth", clause="AM-FND-002")
        if epoch is None and not self.question["unbound"]:
            raise Refused("auth", clause="AM-FND-003")
        self.match_keys(who, exchange, epoch)
        self.keep_keys(who, exchange, epoch)
        return told_keys("v02", out["identity"], out)

    def bundle(self, bundle, who, exchange):
        out = kex.bundle_check({"text": json.dumps(bundle), "expected": who}, None, self.now)[0]
        card, signed = kex.Card(read_b64u(bundle["card"], 152)), bundle["signed_prekey"]
        if card.exchange != exchange:
            raise Refused("auth", clause="AM-FND-002")
        self.match_keys(who, card.exchange, card.epoch)
        seen, place = self.of(who), (signed["not_before"], signed["id"])
        if seen.prekey and seen.epoch == card.epoch:
            if place < seen.prekey[0] or (place == seen.prekey[0] and signed["key"] != seen.prekey[1]):
                raise Refused("replay", clause="AM-FND-006")
        self.keep_keys(who, card.exchange, card.epoch)
        seen.prekey = place, signed["key"]
        return told_keys("am1", card.exchange.hex(), out)

    # --- revocation, statements and documents ---

    def revocation(self, reply, who):
        if reply.get("amid") != who or not isinstance(reply.get("revoked"), bool):
            raise Refused("state", clause="AM-FND-009")
        if not reply["revoked"]:
            if self.ended(who):
                raise Refused("policy", clause="AM-FND-008")
            return {"revoked": False, "reason": None, "proved": False}
        self.of(who).revoked = True
        entry = reply["revocation"]
        match = re.match(r"am1-revocation:([A-Za-z0-9_-]+)(?: |$)", entry["notes"] or "")
        try:
            proved = bool(match) and revocation_of(match[1]) == who
        except Refused:
            proved = False
        return {"revoked": True, "reason": entry["reason"], "proved": proved}

    def statement(self, reply, who):
        if revocation_of(reply["statement"]) != who:
            raise Refused("auth", clause="AM-FND-010")
        self.of(who).revoked = True
        return {}

    def did(self, reply, who):
        name, signing, exchange = agent.read_did(self.raw)
        if name != who:
            raise Refused("auth", clause="AM-FND-001")
        if who in self.known and self.known[who].exchange not in (None, exchange):
            raise Refused("auth", clause="AM-FND-002")
        return {"amid": name, "signing_key": signing.hex(), "exchange_key": exchange.hex()}

    def hear(self, kind, reply, who, status=200):
        if kind == "revocation" and status != 200:
            raise Refused("state", clause="AM-FND-009")
        assert status == 200
        self.raw = json.dumps(reply)
        ask = {
            "lookup": self.lookup,
            "search": self.search,
            "prekeys": self.prekeys,
            "revocation": self.revocation,
            "statement": self.statement,
            "did": self.did,
        }[kind]
        return ask(jsontext.parse(self.raw), who)


def told_keys(suite, exchange, keys):
    return {
        "suite": suite,
        "exchange_key": exchange,
        "signed_prekey_id": keys["signed_prekey_id"],
        "signed_prekey": keys["signed_prekey"],
        "one_time_prekey_id": keys.get("one_time_prekey_id"),
        "one_time_prekey": keys.get("one_time_prekey"),
    }


def believe(i, shared, now):
    client = Client(i, shared["roots"], now)
    for step in i["earlier"]:
        try:
            client.hear(step["of"], step["reply"], i["who"])
        except Refused as why:
            raise AssertionError(f"an earlier reply is refused: {why.clause or why.why}")
    return client.hear(i["of"], i["reply"], i["who"], i["status"]), {}


OPERATIONS = {"registry.believe": believe}
