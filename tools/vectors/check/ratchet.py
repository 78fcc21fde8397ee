"""The double ratchet of the four suites, step by step as SPEC.md opens messages, and its saved state: area RAT."""

import copy
import hashlib

from nacl import bindings, exceptions

from . import Refused, curve
from .bytes import expand, hkdf, label, lp, mac, open_sealed, public, seal, u32


class Suite:
    def __init__(self, number, info, overhead, nonce, binds, skip, most):
        self.number, self.info, self.overhead, self.nonce = number, info, overhead, nonce
        self.binds, self.skip, self.most = binds, skip, most


SUITES = {
    "am1": Suite(1, label("am1:root"), 16, 0, True, 1000, 2**31),
    "v02": Suite(2, b"agentmesh_rk", 40, 24, False, 1000, 2**32 - 1),
    "wire10": Suite(3, b"AgentMesh_Ratchet_v1", 28, 12, True, 100, 2**32 - 1),
    "wire10-legacy": Suite(4, b"AgentMesh_Ratchet_v1", 28, 12, True, 100, 2**32 - 1),
}
TURNS, FORMER, STORED = 2**20, 8, 2000


def kdf_rk(suite, root, dh):
    out = hkdf(root, dh, suite.info, 64)
    return out[:32], out[32:]


def kdf_ck(chain):
    return mac(chain, b"\x01"), mac(chain, b"\x02")


def message_keys(message):
    out = expand(message, label("am1:message"), 44)
    return out[:32], out[32:]


def header(dh, pn, n):
    return dh + u32(pn) + u32(n)


def seal_message(suite, message, nonce, prefix, head, plain):
    if suite.number == 1:
        key, nonce = message_keys(message)
        return seal(key, nonce, prefix + head, plain)
    if suite.number == 2:
        return nonce + bindings.crypto_secretbox(plain, nonce, message)  # libsodium writes the tag first
    return nonce + seal(message, nonce, prefix + head, plain)


def open_message(suite, message, prefix, head, sealed):
    if len(sealed) < suite.overhead:
        raise Refused("crypto", clause="bad_tag")
    if suite.number == 1:
        key, nonce = message_keys(message)
        return open_sealed(key, nonce, prefix + head, sealed)
    nonce, rest = sealed[: suite.nonce], sealed[suite.nonce :]
    if suite.number == 2:
        try:
            return bindings.crypto_secretbox_open(rest, nonce, message)
        except exceptions.CryptoError:
            raise Refused("crypto", clause="bad_tag")
    return open_sealed(message, nonce, prefix + head, rest)


def agree(private, key):
    try:
        return curve.x25519(private, key)
    except Refused:
        raise Refused("crypto", clause="zero_shared_secret")


def am1_prefix(card_a, card_b, bound_to, direction, frame_head):
    out = lp(label("am1:message"))
    for begin, end in ((0, 20), (20, 52), (52, 84)):
        out += lp(card_a[begin:end]) + lp(card_b[begin:end])
    return out + lp(bound_to) + bytes([direction]) + frame_head


class Chain:
    def __init__(self, key, n=0):
        self.key, self.n = key, n

    def step(self):
        message, self.key = kdf_ck(self.key)
        self.n += 1
        return message


class Ratchet:
    """One side. `draw` gives private keys and nonces; it is part of the state, so that a refused message leaves it."""

    def __init__(self, suite, side, root, pair):
        self.suite, self.side, self.root, self.pair = SUITES[suite], side, root, pair
        self.peer, self.sending, self.receiving = None, None, None
        self.pn, self.turns = 0, 0
        self.former, self.skipped = [], {}  # (dh, n): message key, oldest first
        self.drawn = {"pair": 0, "nonce": 0}

    def draw(self, what, size):
        text = f"{what}/{self.side}/{self.drawn[what]}"
        self.drawn[what] += 1
        return hashlib.sha256(text.encode()).digest()[:size]

    def advance(self, dh):
        self.root, key = kdf_rk(self.suite, self.root, dh)
        return Chain(key)

    @staticmethod
    def initiate(suite, side, root, pair, peer):
        self = Ratchet(suite, side, root, pair)
        self.peer = peer
        if suite != "v02":  # there the first message makes the chain
            self.sending = self.advance(agree(pair, peer))
        return self

    @staticmethod
    def respond(suite, side, root, pair, peer=None, own=None):
        self = Ratchet(suite, side, root, pair)
        if suite == "am1":
            self.peer, self.turns = peer, 1
            self.receiving = self.advance(agree(pair, peer))
            self.pair = own
            self.sending = self.advance(agree(own, peer))
        return self

    def turn(self, key):
        if self.suite.number == 1 and self.turns >= TURNS:
            raise Refused("limit", clause="too_far")
        if self.receiving:
            self.former = (self.former + [self.peer])[-FORMER:]
        self.turns += 1
        self.receiving = self.advance(agree(self.pair, key))
        self.pn = self.sending.n if self.sending else 0
        self.peer, self.pair = key, self.draw("pair", 32)
        self.sending = self.advance(agree(self.pair, key))

    def seal(self, prefix, plain):
        if not self.sending and self.suite.number == 2 and self.peer:
            self.sending = self.advance(agree(self.pair, self.peer))
        if not self.sending:
            raise Refused("state", clause="ratchet_not_ready")
        if self.sending.n >= self.suite.most:
            raise Refused("limit", clause="too_far")
        head = header(public_of(self.pair), self.pn, self.sending.n)
        message = self.sending.step()
        nonce = self.draw("nonce", self.suite.nonce) if self.suite.nonce else b""
        return head, seal_message(self.suite, message, nonce, prefix, head, plain)

    def open(self, prefix, head, sealed):
        """On a copy; self takes its place only when the tag has been verified."""
        other = copy.copy(self)
        other.former, other.skipped, other.drawn = list(self.former), dict(self.skipped), dict(self.drawn)
        other.sending, other.receiving = copy.copy(self.sending), copy.copy(self.receiving)
        plain = other.take(prefix, head, sealed)
        self.__dict__ = other.__dict__
        return plain

    def take(self, prefix, head, sealed):
        dh, pn, n = head[:32], int.from_bytes(head[32:36], "big"), int.from_bytes(head[36:], "big")
        if len(sealed) < self.suite.overhead:
            raise Refused("crypto", clause="bad_tag")
        if n >= self.suite.most:
            raise Refused("limit", clause="too_far")
        if not self.suite.binds and int.from_bytes(dh, "little") >= curve.Q:
            raise Refused("crypto", clause="bad_tag")
        if (dh, n) in self.skipped:
            plain = open_message(self.suite, self.skipped[dh, n], prefix, head, sealed)
            del self.skipped[dh, n]
            return plain
        known = dh in self.former or any(key == dh for key, _ in self.skipped)
        if dh == self.peer:
            if self.receiving and n < self.receiving.n:
                raise Refused("replay", clause="duplicate")
            if not self.receiving:
                if self.suite.number != 2:
                    raise Refused("crypto", clause="bad_tag")
                self.most_of(pn)
                self.bound(n)
                self.turns += 1
                self.receiving = self.advance(agree(self.pair, dh))
            self.bound(n - self.receiving.n)
        else:
            if known:
                raise Refused("replay", clause="duplicate")
            self.most_of(pn)
            self.bound(pn - self.receiving.n if self.receiving else 0)
            self.bound(n)
            self.skip(pn)
            self.turn(dh)
        self.skip(n)
        return open_message(self.suite, self.receiving.step(), prefix, head, sealed)

    def most_of(self, pn):
        if pn > self.suite.most:
            raise Refused("limit", clause="too_far")

    def bound(self, count):
        if count > self.suite.skip:
            raise Refused("limit", clause="too_far")

    def skip(self, until):
        while self.receiving and self.receiving.n < until:
            number = self.receiving.n
            self.skipped[self.peer, number] = self.receiving.step()
        while len(self.skipped) > STORED:
            del self.skipped[next(iter(self.skipped))]

    def save(self, initiator):
        flags = 1 * initiator | 2 * bool(self.peer) | 4 * bool(self.sending) | 8 * bool(self.receiving)
        out = b"AMR\x01" + bytes([self.suite.number, flags]) + self.root + self.pair + u32(self.pn) + u32(self.turns)
        out += self.peer or b""
        for chain in (self.sending, self.receiving):
            out += chain.key + u32(chain.n) if chain else b""
        out += bytes([len(self.former)]) + b"".join(self.former) + len(self.skipped).to_bytes(2, "big")
        return out + b"".join(dh + u32(n) + message for (dh, n), message in self.skipped.items())


PUBLIC = {}


def public_of(private):
    if private not in PUBLIC:
        PUBLIC[private] = public(private)
    return PUBLIC[private]


def restore(i, shared, now):
    data, suite = bytes.fromhex(i["bytes"]), SUITES[i["suite"]]
    at = 0

    def take(size):
        nonlocal at
        if at + size > len(data):
            raise Refused("parse")
        at += size
        return data[at - size : at]

    def number(size=4):
        return int.from_bytes(take(size), "big")

    def demand(good):
        if not good:
            raise Refused("parse")

    demand(take(4) == b"AMR\x01" and number(1) == suite.number)
    flags = number(1)
    demand(flags < 16 and (flags & 2 or not flags & 12))
    take(64)
    pn, turns = number(), number()
    demand(pn <= suite.most and (suite.number != 1 or turns <= TURNS))
    peer = take(32) if flags & 2 else None
    counts = {}
    for flag in (4, 8):
        if flags & flag:
            take(32)
            counts[flag] = number()
            demand(counts[flag] <= suite.most)
    former = [take(32) for _ in range(number(1))]
    demand(len(former) <= FORMER and len(set(former)) == len(former) and peer not in former)
    places = []
    for _ in range(number(2)):
        places.append((take(32), number()))
        take(32)
    demand(at == len(data) and len(places) <= STORED and len(set(places)) == len(places))
    for dh, n in places:
        demand(n < suite.most and (dh != peer or n < counts.get(8, 0)))
    return {}, {}


def conversation(i, shared, now):
    root, private, other = (
        bytes.fromhex(i[name]) for name in ("root", "initiator_private_key", "responder_private_key")
    )
    prefix, results = bytes.fromhex(i["prefix"]), []
    sides = {"A": Ratchet.initiate(i["suite"], "A", root, private, public(other))}
    if i["suite"] == "am1":
        own = bytes.fromhex(i["responder_ratchet_private_key"])
        sides["B"] = Ratchet.respond("am1", "B", root, other, public(private), own)
    else:
        sides["B"] = Ratchet.respond(i["suite"], "B", root, other)

    def perform(step):
        side = sides[step["by"]]
        match step.get("do", "open" if "sealed" in step else "seal"):
            case "seal":
                return sealed(*side.seal(prefix, bytes.fromhex(step["plain"])))
            case "seal_many":
                for _ in range(step["count"]):
                    out = side.seal(prefix, b"")
                return sealed(*out)
            case "open":
                return {
                    "plain": side.open(prefix, bytes.fromhex(step["header"]), bytes.fromhex(step["sealed"])).hex()
                }
            case "stored":
                return {"stored": len(side.skipped)}
            case "snapshot":
                return {"snapshot": side.save(step["by"] == "A").hex()}
            case unknown:
                raise KeyError(unknown)

    for step in i["steps"]:
        try:
            results.append(perform(step))
        except Refused as why:
            results.append({"refused": why.clause})
    if "last" in i:
        results.append(perform(i["last"]))
    return {"results": results}, {}


def sealed(head, data):
    return {"header": head.hex(), "sealed": data.hex()}


def operations():
    raw = bytes.fromhex

    def root_key(i, shared, now):
        root, chain = kdf_rk(SUITES[i["suite"]], raw(i["root"]), raw(i["dh"]))
        return {"root": root.hex(), "chain": chain.hex()}, {}

    def chain_key(i, shared, now):
        message, following = kdf_ck(raw(i["chain"]))
        return {"message": message.hex(), "next": following.hex()}, {}

    def message_key(i, shared, now):
        key, nonce = message_keys(raw(i["message"]))
        return {"key": key.hex(), "nonce": nonce.hex()}, {}

    def write_header(i, shared, now):
        return {"header": header(raw(i["dh"]), i["pn"], i["n"]).hex()}, {}

    def write_prefix(i, shared, now):
        cards = raw(shared["initiator_card"]), raw(shared["responder_card"])
        return {"prefix": am1_prefix(*cards, raw(i["bound_to"]), i["direction"], raw(i["frame_head"])).hex()}, {}

    def write_sealed(i, shared, now):
        suite, head, prefix = SUITES[i["suite"]], raw(i["header"]), raw(i["prefix"])
        out = seal_message(suite, raw(i["message_key"]), raw(i["nonce"]), prefix, head, raw(i["plain"]))
        return {"sealed": out.hex()}, {"ad": (prefix + head if suite.binds else b"").hex()}

    def read_sealed(i, shared, now):
        suite, head, prefix = SUITES[i["suite"]], raw(i["header"]), raw(i["prefix"])
        return {"plain": open_message(suite, raw(i["message_key"]), prefix, head, raw(i["sealed"])).hex()}, {}

    return {
        "kdf_rk": root_key,
        "kdf_ck": chain_key,
        "message_keys": message_key,
        "header.write": write_header,
        "am1.prefix": write_prefix,
        "message.seal": write_sealed,
        "message.open": read_sealed,
        "ratchet.conversation": conversation,
        "snapshot.restore": restore,
    }


OPERATIONS = operations()
