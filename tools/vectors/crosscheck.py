#!/usr/bin/python3
"""Recomputes every output and every refusal in vectors/ from SPEC.md alone.

    python3 tools/vectors/crosscheck.py [FILE...]

Prints each disagreement and `N vectors agree, M disagree`; exits 1 if there is one, or if a file has a group that this
program does not know. Nothing here is shared with the generator: expectations and this reading meet only in the files.
"""

import hashlib
import json
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from check import Refused, agent, curve, frames, jsontext, relay, rfc3339, text, websocket  # noqa: E402
from check import capability, certificates, dht, envelope, kex, knock, policy, ratchet, replies, reputation  # noqa: E402
from check import names, requests, uploads  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]

# What the modules of the session layers answer: a function of input, shared values and the time, by type of group.
LAYERS = (certificates, kex, ratchet, knock, policy, envelope, capability, reputation, requests, replies, uploads, names,
          dht)
SESSION_LAYERS = {k: f for m in LAYERS for k, f in m.OPERATIONS.items()}


# Conversations in which SPEC.md leaves choices; everything else is compared byte for byte.
PLACEHOLDERS = ("relay.conversation", "client.conversation")


class Answer:
    """What one operation found: output, intermediate values, and for refusals how they are answered."""

    def __init__(self, output=None, **intermediate):
        self.output, self.intermediate = output or {}, intermediate


def given_text(i):
    return bytes.fromhex(i["bytes"]) if "bytes" in i else i["text"].encode("utf-8")


def json_number(i):
    value = jsontext.parse(i["text"])
    if not isinstance(value, jsontext.Number):
        raise Refused("parse")
    return Answer({"double": struct.pack(">d", float(value) or 0.0).hex()})


def verify(i):
    curve.verify(
        bytes.fromhex(i["proof"]["public_key"]), bytes.fromhex(i["message"]), bytes.fromhex(i["proof"]["signature"])
    )
    return Answer()


def did(i):
    name, signing, exchange = agent.read_did(i["document"])
    return Answer({"amid": name, "signing_key": signing.hex(), "exchange_key": exchange.hex()})


def matched(i):
    agent.match(i["amid"], bytes.fromhex(i["public_key"]))
    return Answer()


def client_frame(i):
    frames.read_client(i["text"])
    return Answer()


def relay_frame(i):
    frames.read_relay(i["text"])
    return Answer()


def connect(i, now, choices):
    frame = frames.read_client(i["frame"])
    if frame["type"] != "connect":
        raise Refused("state", "INVALID_MESSAGE")
    protocols = ("agentmesh/0.2", "agentmesh/0.1") if "AM-AUT-018" in choices else ("agentmesh/0.2",)
    name, _ = frames.connect(frame, now, protocols)
    return Answer({"amid": name}, signed=frame["timestamp"].encode().hex())


def challenge(i, shared, now):
    data = frames.challenge_bytes(
        bytes.fromhex(i["nonce"]),
        i["relay"],
        i["timestamp"],
        agent.read_amid(shared["amid"]),
        i["client_features"],
        i["relay_features"],
    )
    stamp = rfc3339.read(i["timestamp"])
    try:
        curve.verify(bytes.fromhex(shared["public_key"]), data, text.read_base64(i["signature"]))
    except Refused:
        raise Refused("auth", "INVALID_SIGNATURE")
    if now - stamp > 300 * 10**9 or stamp - now > 60 * 10**9:
        raise Refused("auth", "INVALID_SIGNATURE")
    return Answer({}, signed=data.hex())


def ws_receive(i, shared):
    events, out = websocket.receive(bytes.fromhex(i["bytes"]), i["role"], bytes.fromhex(i.get("mask", "")), **shared)
    return Answer({"events": events, "answer": out.hex()})


def operation(kind, i, shared, now, choices):
    match kind:
        case "hex.decode":
            return Answer({"bytes": text.read_hex(i["text"]).hex()})
        case "hex.encode":
            return Answer({"text": "".join(f"{b:02x}" for b in bytes.fromhex(i["bytes"]))})
        case "base64.decode":
            return Answer({"bytes": text.read_base64(i["text"]).hex()})
        case "base64.encode":
            return Answer({"text": text.write_base64(bytes.fromhex(i["bytes"]))})
        case "base58.decode":
            return Answer({"bytes": text.read_base58(i["text"], i["max_bytes"]).hex()})
        case "base58.encode":
            return Answer({"text": text.write_base58(bytes.fromhex(i["bytes"]))})
        case "time.read":
            seconds, nanoseconds = divmod(rfc3339.read(i["text"]), 10**9)
            return Answer({"seconds": seconds, "nanoseconds": nanoseconds})
        case "time.write":
            return Answer({"text": rfc3339.write(i["seconds"] * 10**9 + i["nanoseconds"])})
        case "json.validate":
            jsontext.parse(given_text(i))
            return Answer()
        case "json.integer":
            return Answer({"integer": jsontext.integer(jsontext.parse(i["text"]))})
        case "json.number":
            return json_number(i)
        case "json.canonical":
            return Answer({"text": jsontext.canonical(jsontext.parse(i["text"]))})
        case "ed25519.verify":
            return verify(i)
        case "x25519":
            return Answer(
                {"shared": curve.x25519(bytes.fromhex(i["private_key"]), bytes.fromhex(i["public_key"])).hex()}
            )
        case "amid.derive":
            key = bytes.fromhex(i["public_key"])
            return Answer({"amid": agent.derive(key)}, sha256=hashlib.sha256(key).hexdigest())
        case "amid.read":
            return Answer({"bytes": agent.read_amid(i["text"]).hex()})
        case "amid.match":
            return matched(i)
        case "key.read":
            return Answer({"bytes": agent.read_key(i["kind"], i["text"]).hex()})
        case "multibase.write":
            key = bytes.fromhex(i["key"])
            return Answer(
                {"text": agent.write_multibase(i["kind"], key)}, prefixed=(agent.CODEC[i["kind"]] + key).hex()
            )
        case "multibase.read":
            return Answer({"bytes": agent.read_multibase(i["kind"], i["text"]).hex()})
        case "did.read":
            return did(i)
        case "tier.order":
            return Answer({"order": agent.order(i["a"], i["b"])})
        case "tier.read":
            return Answer({"tier": agent.read_tier(i["dialect"], i["text"])})
        case "identity_file.read":
            return Answer({"amid": agent.read_identity(i["mode"], i["text"])})
        case "identity_file.create":
            return Answer({"mode": "0600"})  # whatever the mask: AM-ID-010
        case "connect":
            return connect(i, now, choices)
        case "challenge.verify":
            return challenge(i, shared, now)
        case "client_frame.read":
            return client_frame(i)
        case "relay_frame.conforms":
            return relay_frame(i)
        case "ws.receive":
            return ws_receive(i, shared)
        case "ws.request":
            return Answer(websocket.request(i["request"], i.get("origins", []), i.get("subprotocols", [])))
        case "ws.answer":
            return Answer({"subprotocol": websocket.answer(i["answer"], bytes.fromhex(shared["nonce"]), i["offered"])})
        case "connect.write":
            return Answer({"frame": relay.client_connect(i)}, signed=i["timestamp"].encode().hex())
        case "relay.conversation":
            return Answer({"steps": relay.conversation(i, shared, now)})
        case "client.conversation":
            return Answer(relay.client(i, shared, now))
    output, intermediate = SESSION_LAYERS[kind](i, shared, now)
    return Answer(output, **intermediate)


def judge(kind, test, shared, choices=None):
    """Outcome of one test under this reading: expectation word, output, intermediate values, answer code."""
    if choices is None:
        choices = [test["expect"].partition(":")[2]] if test["expect"].startswith("choice:") else []
    now = rfc3339.read(test["now"]) if "now" in test else None
    try:
        answer = operation(kind, test["input"], shared, now, choices)
    except Refused as why:
        return f"reject:{why.why}", why.output, {}, why.code
    return test["expect"] if choices else "accept", answer.output, answer.intermediate, None


def differences(kind, test, shared):
    outcome, output, intermediate, code = judge(kind, test, shared)
    if outcome != test["expect"]:
        yield f"expect {test['expect']}, found {outcome}"
        return
    expected = test.get("output", {})
    if outcome.startswith("reject:"):
        for place in ("code", "status"):
            if place in test.get("intermediate", {}) and test["intermediate"][place] != code:
                yield f"{place} {test['intermediate'][place]}, found {code}"
        if "codes" in expected and code not in expected["codes"]:
            yield f"codes {expected['codes']}, found {code}"
        if kind in PLACEHOLDERS:
            return
        told = {name: value for name, value in expected.items() if name != "codes"}
        if told != output:
            yield f"told {json.dumps(told)}, found {json.dumps(output)}"
        return
    if relay.unlike(expected, output) if kind in PLACEHOLDERS else expected != output:
        yield f"output {json.dumps(expected)[:300]}, found {json.dumps(output)[:300]}"
    for name, value in test.get("intermediate", {}).items():
        if intermediate.get(name) != value:
            yield f"intermediate {name} {value}, found {intermediate.get(name)}"


def main(arguments):
    paths = [pathlib.Path(a) for a in arguments] or sorted(p for p in (ROOT / "vectors").rglob("*.json"))
    agree = disagree = 0
    for path in paths:
        document = json.loads(path.read_text(encoding="utf-8"))
        for group in document["groups"]:
            for test in group["tests"]:
                found = list(differences(group["type"], test, group.get("shared", {})))
                for difference in found:
                    print(f"{document['name']} {test['tcId']} ({test['comment']}): {difference}")
                agree, disagree = agree + (not found), disagree + bool(found)
    print(f"{agree} vectors agree, {disagree} disagree")
    return 1 if disagree else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
