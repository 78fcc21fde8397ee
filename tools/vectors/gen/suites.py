"""Cryptography of the suites, as a reading of SPEC.md: what kex, ratchet and knock are made of."""

import base64
import hashlib
import hmac

import nacl.bindings as sodium
import nacl.exceptions

from .agents import Agent, length_prefixed as lp
from .common import seeded

SUITES = ("am1", "wire10", "wire10-legacy", "v02")
CONTEXTS = (
    "exchange-key",
    "signed-prekey",
    "one-time-prekeys",
    "knock",
    "accept",
    "reject",
    "unknown-session",
    "envelope",
)


def u8(value):
    return value.to_bytes(1, "big")


def u32(value):
    return value.to_bytes(4, "big")


def u64(value):
    return value.to_bytes(8, "big")


def b64u(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def sha256(data):
    return hashlib.sha256(data).digest()


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def expand(key, info, size):
    out, block, count = b"", b"", 1
    while len(out) < size:
        block = mac(key, block + info + bytes([count]))
        out, count = out + block, count + 1
    return out[:size]


def hkdf(salt, ikm, info, size):
    return expand(mac(salt, ikm), info, size)


def label(text):
    return b"AgentMesh-v1:" + text.encode()


def public(private):
    return sodium.crypto_scalarmult_base(private)


def dh(private, peer):
    """X25519, or None where every byte of the result is zero."""
    try:
        return sodium.crypto_scalarmult(private, peer)
    except nacl.exceptions.RuntimeError:
        return None


def chacha(key, nonce, ad, plain):
    return sodium.crypto_aead_chacha20poly1305_ietf_encrypt(plain, ad, nonce, key)


def unchacha(key, nonce, ad, sealed):
    """The plain text, or None."""
    try:
        return sodium.crypto_aead_chacha20poly1305_ietf_decrypt(sealed, ad, nonce, key)
    except nacl.exceptions.CryptoError:
        return None


def secretbox(key, nonce, plain):
    return nonce + sodium.crypto_secretbox(plain, nonce, key)


def unsecretbox(key, sealed):
    try:
        return sodium.crypto_secretbox_open(sealed[24:], sealed[:24], key)
    except (nacl.exceptions.CryptoError, ValueError, nacl.exceptions.ValueError):
        return None


def signed_bytes(context, content):
    return label(context) + b"\0" + content


def sign(agent, context, content):
    return agent.sign(signed_bytes(context, content))


class Pair:
    """An X25519 pair that follows from a name."""

    def __init__(self, name):
        self.private = seeded(f"pair/{name}")
        self.public = public(self.private)


class Mesh(Agent):
    """An agent with an identity card."""

    def __init__(self, name, epoch=1):
        super().__init__(name)
        self.epoch = epoch
        self.pair = Pair.__new__(Pair)
        self.pair.private, self.pair.public = self.exchange_seed, self.exchange

    def card_content(self):
        return self.raw_amid + self.public + self.exchange + u32(self.epoch)

    def card(self):
        content = self.card_content()
        return content + sign(self, "exchange-key", content)


def context_of(card_a, card_b, e, r, p, o):
    """`ctx` of am1; p is (id, key), o the same or None."""
    parts = (b"am1", card_a, card_b, e, r, u32(p[0]) + p[1], u32(o[0]) + o[1] if o else b"")
    return b"".join(map(lp, parts))


AGREEMENT = {  # suite: salt, bytes before the results, info
    "wire10": (bytes(32), b"\xff" * 32, b"AgentMesh_X3DH_v1"),
    "wire10-legacy": (b"\xff" * 32, b"", b"AgentMesh_X3DH_v1"),
    "v02": (bytes(32), b"", b"X3DH"),
}


def agree(suite, results, ctx=b""):
    """The output of the key agreement of a suite from its Diffie-Hellman results."""
    if suite == "am1":
        return hkdf(sha256(ctx), b"\xff" * 32 + b"".join(results), label("am1:x3dh"), 128)
    salt, front, info = AGREEMENT[suite]
    return hkdf(salt, front + b"".join(results), info, 32)


ROOT_INFO = {
    "am1": label("am1:root"),
    "wire10": b"AgentMesh_Ratchet_v1",
    "wire10-legacy": b"AgentMesh_Ratchet_v1",
    "v02": b"agentmesh_rk",
}
MAX_SKIP = {"am1": 1000, "wire10": 100, "wire10-legacy": 100, "v02": 1000}
OVERHEAD = {"am1": 16, "wire10": 28, "wire10-legacy": 28, "v02": 40}
NONCE_SIZE = {"am1": 0, "wire10": 12, "wire10-legacy": 12, "v02": 24}


def kdf_rk(suite, root, result):
    out = hkdf(root, result, ROOT_INFO[suite], 64)
    return out[:32], out[32:]


def kdf_ck(chain):
    return mac(chain, b"\1"), mac(chain, b"\2")


def message_keys(message_key):
    out = expand(message_key, label("am1:message"), 44)
    return out[:32], out[32:]


def seal(suite, message_key, nonce, ad, plain):
    if suite == "am1":
        key, nonce = message_keys(message_key)
        return chacha(key, nonce, ad, plain)
    if suite == "v02":
        return secretbox(message_key, nonce, plain)
    return nonce + chacha(message_key, nonce, ad, plain)


def unseal(suite, message_key, ad, sealed):
    """The plain text, or None."""
    if len(sealed) < OVERHEAD[suite]:
        return None
    if suite == "am1":
        key, nonce = message_keys(message_key)
        return unchacha(key, nonce, ad, sealed)
    if suite == "v02":
        return unsecretbox(message_key, sealed)
    return unchacha(message_key, sealed[:12], ad, sealed[12:])


def header(key, pn, n):
    return key + u32(pn) + u32(n)


class Refusal(Exception):
    """Why a ratchet refuses a message: a class of the vector format, and a word."""

    def __init__(self, why, word):
        super().__init__(word)
        self.why, self.word = why, word


CHAIN = {"am1": 2**31, "wire10": 2**32 - 1, "wire10-legacy": 2**32 - 1, "v02": 2**32 - 1}


class Ratchet:
    """The state of SPEC.md. Its random source is a formula: what side S draws as number k is SHA-256 of "pair/S/k" or
    "nonce/S/k", k counting from 0 what was drawn and kept."""

    STORED, RETIRED = 2000, 8

    def __init__(self, suite, side):
        self.suite, self.side, self.drawn = suite, side, {"pair": 0, "nonce": 0}
        self.peer = self.send = self.receive = None
        self.sent = self.received = self.previous = self.turns = 0
        self.skipped, self.retired = {}, []
        self.begins = False

    @classmethod
    def initiator(cls, suite, root, private, remote):
        self = cls(suite, "A")
        self.private, self.peer, self.root, self.begins = private, remote, root, True
        if suite != "v02":
            self._first()
        return self

    @classmethod
    def responder(cls, suite, root, private):
        self = cls(suite, "B")
        self.private, self.root = private, root
        return self

    @classmethod
    def speaking_responder(cls, root, prekey, remote, private):
        self = cls("am1", "B")
        self.peer = remote
        root, self.receive = kdf_rk("am1", root, dh(prekey, remote))
        self.private, self.turns = private, 1
        self.root, self.send = kdf_rk("am1", root, dh(private, remote))
        return self

    def _first(self):
        self.root, self.send = kdf_rk(self.suite, self.root, dh(self.private, self.peer))

    def draw(self, kind):
        self.drawn[kind] += 1
        return sha256(f"{kind}/{self.side}/{self.drawn[kind] - 1}".encode())

    def copy(self):
        other = self.__class__.__new__(self.__class__)
        other.__dict__ = dict(self.__dict__)
        other.skipped, other.retired, other.drawn = dict(self.skipped), list(self.retired), dict(self.drawn)
        return other

    def seal(self, prefix, plain):
        if self.send is None and not (self.suite == "v02" and self.begins):
            raise Refusal("state", "ratchet_not_ready")
        if self.send is None:
            self._first()
        if self.sent >= CHAIN[self.suite]:
            raise Refusal("limit", "counter_exhausted")
        head = header(public(self.private), self.previous, self.sent)
        key, self.send = kdf_ck(self.send)
        self.sent += 1
        nonce = self.draw("nonce")[: NONCE_SIZE[self.suite]] if NONCE_SIZE[self.suite] else b""
        ad = b"" if self.suite == "v02" else prefix + head
        return head, seal(self.suite, key, nonce, ad, plain)

    def open(self, prefix, head, sealed):
        draft = self.copy()
        plain = draft._open(prefix, head, sealed)
        self.__dict__ = draft.__dict__
        return plain

    def _open(self, prefix, head, sealed):
        key, pn, n = head[:32], int.from_bytes(head[32:36], "big"), int.from_bytes(head[36:40], "big")
        ad = b"" if self.suite == "v02" else prefix + head
        if len(sealed) < OVERHEAD[self.suite]:
            raise Refusal("crypto", "bad_tag")
        if n >= CHAIN[self.suite]:
            raise Refusal("limit", "too_far")
        if self.suite == "v02" and int.from_bytes(key, "little") >= 2**255 - 19:
            raise Refusal("crypto", "bad_tag")
        if (key, n) in self.skipped:
            return self._unseal(self.skipped.pop((key, n)), ad, sealed)
        current = key == self.peer and self.receive is not None
        if current and n < self.received or key in self.retired or key in {k for k, _ in self.skipped} and not current:
            raise Refusal("replay", "duplicate")
        if not current:
            if key == self.peer and self.suite != "v02":
                raise Refusal("crypto", "bad_tag")
            if n > MAX_SKIP[self.suite] or pn > CHAIN[self.suite]:
                raise Refusal("limit", "too_far")
            if self.turns >= 2**20:
                raise Refusal("limit", "too_far")
            if key == self.peer:  # the first message of a pair that is known from elsewhere
                self.root, self.receive = kdf_rk(self.suite, self.root, dh(self.private, key))
                self.turns += 1
            else:
                if self.receive is not None:
                    self._skip(pn)
                self.turn(key)
        self._skip(n)
        message_key, self.receive = kdf_ck(self.receive)
        self.received += 1
        while len(self.skipped) > self.STORED:
            self.skipped.pop(next(iter(self.skipped)))
        return self._unseal(message_key, ad, sealed)

    def _unseal(self, message_key, ad, sealed):
        plain = unseal(self.suite, message_key, ad, sealed)
        if plain is None:
            raise Refusal("crypto", "bad_tag")
        return plain

    def _skip(self, until):
        if until - self.received > MAX_SKIP[self.suite]:
            raise Refusal("limit", "too_far")
        while self.received < until:
            key, self.receive = kdf_ck(self.receive)
            self.skipped[(self.peer, self.received)] = key
            self.received += 1

    def turn(self, key):
        result = dh(self.private, key)
        if result is None:
            raise Refusal("crypto", "zero_shared_secret")
        if self.receive is not None:
            self.retired = (self.retired + [self.peer])[-self.RETIRED :]
        self.peer = key
        self.root, self.receive = kdf_rk(self.suite, self.root, result)
        self.previous, self.sent, self.received = self.sent, 0, 0
        self.private = self.draw("pair")
        self._first()
        self.turns += 1

    def snapshot(self):
        flags = (
            self.begins | (self.peer is not None) << 1 | (self.send is not None) << 2 | (self.receive is not None) << 3
        )
        out = b"AMR\1" + u8(SUITES_BY_NUMBER.index(self.suite) + 1) + u8(flags) + self.root + self.private
        out += u32(self.previous) + u32(self.turns) + (self.peer or b"")
        out += self.send + u32(self.sent) if self.send else b""
        out += self.receive + u32(self.received) if self.receive else b""
        out += u8(len(self.retired)) + b"".join(self.retired) + len(self.skipped).to_bytes(2, "big")
        return out + b"".join(key + u32(n) + kept for (key, n), kept in self.skipped.items())


SUITES_BY_NUMBER = ("am1", "v02", "wire10", "wire10-legacy")
