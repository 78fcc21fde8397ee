"""Agents of the vectors, and the frames that they send."""

import base64
import datetime
import hashlib
import json

import nacl.bindings as sodium
import nacl.signing

from .common import seeded
from .encodings import base58

NOON = "2026-11-21T12:00:00Z"


def b64(data):
    return base64.b64encode(data).decode()


def shifted(text, microseconds=0, seconds=0, suffix="Z"):
    """A time some way from another, with six digits of fraction if it has any."""
    at = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")
    at += datetime.timedelta(seconds=seconds, microseconds=microseconds)
    return at.strftime("%Y-%m-%dT%H:%M:%S") + (f".{at.microsecond:06d}" if at.microsecond else "") + suffix


class Agent:
    def __init__(self, name):
        self.name = name
        self.seed = seeded(f"agent/{name}")
        self.signer = nacl.signing.SigningKey(self.seed)
        self.public = self.signer.verify_key.encode()
        self.exchange_seed = seeded(f"agent/{name}/exchange")
        self.exchange = sodium.crypto_scalarmult_base(self.exchange_seed)
        self.raw_amid = hashlib.sha256(self.public).digest()[:20]
        self.amid = base58(self.raw_amid)

    def sign(self, data):
        return self.signer.sign(data).signature

    def connect(self, now, /, **changes):
        """CONNECT as an object; a change of None leaves the member out."""
        frame = {
            "type": "connect",
            "protocol": "agentmesh/0.2",
            "amid": self.amid,
            "public_key": b64(self.public),
            "timestamp": now,
            "signature": b64(self.sign(now.encode())),
        } | changes
        return {k: v for k, v in frame.items() if v is not None}

    def proof(self, nonce, relay, timestamp, client_features, relay_features):
        """The signed bytes of a challenge response."""
        return challenge_bytes(nonce, relay, timestamp, self.raw_amid, client_features, relay_features)

    def response(self, nonce, relay, timestamp, client_features, relay_features):
        data = self.proof(nonce, relay, timestamp, client_features, relay_features)
        return {"type": "challenge_response", "timestamp": timestamp, "signature": b64(self.sign(data))}


def length_prefixed(data):
    return len(data).to_bytes(4, "big") + data


def challenge_bytes(nonce, relay, timestamp, raw_amid, client_features, relay_features):
    parts = (
        nonce,
        relay.encode(),
        timestamp.encode(),
        raw_amid,
        ",".join(client_features).encode(),
        ",".join(relay_features).encode(),
    )
    return b"AgentMesh-v1:relay-connect\0" + b"".join(map(length_prefixed, parts))


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


ALICE, BOB, CAROL, DAVE = map(Agent, ("alice", "bob", "carol", "dave"))
