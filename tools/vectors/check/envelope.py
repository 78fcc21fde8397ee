"""Envelopes, their numbers, bodies of both vocabularies, and the registry of codes: area ENV."""

import pathlib
import string
from . import Refused, agent, curve, jsontext
from .bytes import (
    b64u,
    in_millionths,
    is_text,
    member,
    read_b64u,
    read_object,
    signed_bytes,
    typed,
    verify,
    whole,
    without_signature,
)
from .knock import amid_member, lower_hex, time_member

ID = set(string.ascii_letters + string.digits + "._:-")
# The 1,024 numbers up to and including the highest.
WINDOW = 1024 - 1


def proof_bytes(i, shared, now):
    return {"signed": signed_bytes("envelope", without_signature(read_object(i["text"]))).hex()}, {}


def sign(i, shared, now):
    seed = bytes.fromhex(shared["seed"])
    value = {
        "session_id": shared["session_id"],
        "sequence": jsontext.Number(i["sequence"]),
        "from": agent.derive(curve.public_key(seed)[0]),
        "to": shared["to"],
        "type": i["type"],
        "timestamp": i["timestamp"],
        "payload": read_object(i["payload"]),
    }
    if "id" in i:
        value["id"] = i["id"]
    data = signed_bytes("envelope", without_signature(value))
    value["signature"] = b64u(curve.sign(seed, data))
    return {"text": jsontext.canonical(value)}, {"signed": data.hex()}


def open_envelope(i, shared, now):
    if len(i["text"].encode("utf-8")) > 65_536:
        raise Refused("limit")
    value = read_object(i["text"])
    session = lower_hex(value, "session_id", 16)
    out = {"sequence": whole(value, "sequence", 0, 2**53)}
    sender, to = amid_member(value, "from"), amid_member(value, "to")
    kind = member(value, "type", "text")
    if not 1 <= len(kind.encode("utf-8")) <= 64 or any(c < " " or c == "\x7f" for c in kind):
        raise Refused("parse")
    time_member(value)
    payload = member(value, "payload", "object")
    out["type"] = kind
    if "id" in value:
        out["id"] = member(value, "id", "text")
        if not 1 <= len(out["id"]) <= 64 or not set(out["id"]) <= ID:
            raise Refused("parse")
    proof = read_b64u(member(value, "signature", "text"), 64) if "signature" in value else None
    if (session, sender, to) != (shared["session_id"], shared["sender"], shared["receiver"]):
        raise Refused("auth")
    if proof is None:
        raise Refused("crypto")
    verify(bytes.fromhex(shared["public_key"]), "envelope", without_signature(value), proof)
    return out | {"payload": jsontext.canonical(payload)}, {}


def accept(i, shared, now):
    seen, highest, news = set(), None, None
    for number in i["before"] + [i["last"]]:
        behind = highest is not None and number < highest - WINDOW
        if behind or number in seen:
            raise Refused("replay")
        expected = 0 if highest is None else highest + 1
        news = "next" if number == expected else "gap" if number > expected else "late"
        seen.add(number)
        highest = number if highest is None else max(highest, number)
    return {"news": news}, {}


# --- bodies ---


def demand(good):
    if not good:
        raise Refused("parse")


def a_text(value):
    typed(value, "text")


def some_text(value):
    demand(typed(value, "text") != "")


def anything(value):
    pass


def an_object(value):
    typed(value, "object")


def ratio(value):
    demand(isinstance(value, jsontext.Number) and 0 <= in_millionths(value) <= 10**6)


def amount(value):
    demand(isinstance(value, jsontext.Number) and 0 <= in_millionths(value) <= 2**53)


def count(value):
    demand(typed(value, "integer") >= 0)


def an_amid(value):
    agent.read_amid(typed(value, "text"))


def priority(value):
    demand(is_text(value) and value in ("low", "normal", "high", "urgent"))


def tags(value):
    for place, one in enumerate(typed(value, "list")):
        if place == 64:
            raise Refused("limit")
        a_text(one)


def feedback(value):
    if isinstance(value, dict):
        read_members(value, ("score",), {"score": ratio, "tags": tags}, nulls=False)
    else:
        ratio(value)


def read_members(value, mandatory, members, nulls=True):
    """One of the mandatory ones; null stands for absence in a body itself."""
    present = {
        name: one for name, one in typed(value, "object").items() if name in members and (one is not None or not nulls)
    }
    demand(any(name in present for name in mandatory))
    for name, one in present.items():
        members[name](one)


def budget(value):
    read_members(value, ("max", "amount"), {"max": amount, "amount": amount, "currency": a_text}, nulls=False)


def response_format(value):
    for one in ("type", "schema"):
        if typed(value, "object").get(one) is not None:
            a_text(value[one])


BODIES = {
    "request": (
        ("intent", "content"),
        {
            "intent": a_text,
            "content": anything,
            "parameters": an_object,
            "budget": budget,
            "response_format": response_format,
            "priority": priority,
            "schema": a_text,
        },
    ),
    "response": (
        ("status", "content"),
        {
            "status": a_text,
            "content": anything,
            "results": anything,
            "result_count": count,
            "schema": a_text,
            "processing_time_ms": count,
            "completed_at": a_text,
        },
    ),
    "status": (
        ("status", "progress"),
        {
            "status": a_text,
            "progress": ratio,
            "estimated_completion_seconds": count,
            "message": a_text,
            "phase": a_text,
        },
    ),
    "error": (
        ("code",),
        {
            "code": some_text,
            "message": a_text,
            "retry_after_seconds": count,
            "fallback_amid": an_amid,
            "details": anything,
        },
    ),
    "close": (("reason",), {"reason": some_text, "summary": a_text, "reputation_feedback": feedback}),
}


def body(i, shared, now):
    payload = jsontext.parse(i["payload"])
    if i["type"] in BODIES:
        read_members(payload, *BODIES[i["type"]])
    return {"type": i["type"]}, {}


# --- codes ---


def registry():
    """The table of SPEC.md itself: spellings by topic."""
    known = {}
    text = (pathlib.Path(__file__).resolve().parents[3] / "SPEC.md").read_text(encoding="utf-8")
    for line in text.splitlines():
        cells = [c.strip() for c in line.strip("|").split("|")]
        if len(cells) == 6 and cells[0] in ("error", "close", "knock"):
            code = cells[1].strip("`")
            for cell in cells[1:]:
                for spelling in filter(None, (s.strip().strip("`") for s in cell.split(","))):
                    known.setdefault((cells[0], spelling), code)
    return known


CODES = registry()


def code(i, shared, now):
    found = CODES.get((i["topic"], i["text"]))
    return {"text": i["text"]} | ({"code": found} if found else {}), {}


OPERATIONS = {
    "envelope.proof_bytes": proof_bytes,
    "envelope.sign": sign,
    "envelope.open": open_envelope,
    "sequence.accept": accept,
    "body.read": body,
    "code.read": code,
}
