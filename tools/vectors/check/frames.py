"""Frames of profile v02: what SPEC.md lets a client send and a relay send."""

import re

from . import Refused, agent, curve, jsontext, rfc3339
from .jsontext import Number
from .text import read_base64

MESSAGE_TYPES = ("knock", "accept", "reject", "message", "close", "status", "optimistic_message")
STATUSES = ("online", "away", "offline", "dnd")
CODES = (
    "INVALID_MESSAGE",
    "PROTOCOL_MISMATCH",
    "INVALID_SIGNATURE",
    "UNAUTHORIZED",
    "UNKNOWN_RECIPIENT",
    "RECIPIENT_OFFLINE",
    "MAILBOX_FULL",
    "MESSAGE_TOO_LARGE",
    "RATE_LIMITED",
    "INTERNAL_ERROR",
)
ID = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.A)
FEATURE = re.compile(r"[a-z0-9-]{1,32}", re.A)


def invalid(clause):
    raise Refused("parse", "INVALID_MESSAGE", clause)


def string(value):
    return isinstance(value, str) and not isinstance(value, Number)


def whole(value):
    return isinstance(value, Number) and re.fullmatch(r"-?[0-9]+", value)


def time(value):
    if not string(value):
        return False
    try:
        rfc3339.read(value)
    except Refused:
        return False
    return True


def name(value):
    if not string(value):
        return False
    try:
        agent.read_amid(value)
    except Refused:
        return False
    return True


def candidates(value, complete=False):
    """A list of candidate objects; a relay writes both optional members, a client may leave them out."""
    if not isinstance(value, list):
        return False
    for item in value:
        if not isinstance(item, dict) or not string(item.get("candidate")):
            return False
        mid, index = item.get("sdp_mid"), item.get("sdp_mline_index")
        if not (mid is None or string(mid)) or not (index is None or whole(index)):
            return False
        if (
            "sdpMid" in item
            or "sdpMLineIndex" in item
            or complete
            and not {"sdp_mid", "sdp_mline_index"} <= item.keys()
        ):
            return False
    return True


def features(value):
    return isinstance(value, list) and len(value) <= 16 and all(string(v) and FEATURE.fullmatch(v) for v in value)


def boolean(value):
    return isinstance(value, bool)


def identifier(value):
    return string(value) and bool(ID.fullmatch(value))


def one_of(words):
    return lambda value: string(value) and value in words


def session(value):
    return string(value) and bool(re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", value, re.A))


def nonce(value):
    try:
        return string(value) and len(read_base64(value)) == 32
    except Refused:
        return False


COMPLETE = lambda value: candidates(value, True)
CLIENT = {
    "connect": (
        {"protocol": string, "amid": string, "public_key": string, "timestamp": string, "signature": string},
        {"p2p_capable": boolean, "features": features},
    ),
    "challenge_response": ({"timestamp": string, "signature": string}, {}),
    "send": (
        {"to": string, "encrypted_payload": string, "message_type": one_of(MESSAGE_TYPES)},
        {"ice_candidates": candidates, "id": identifier},
    ),
    "ack": ({"from": string, "id": string}, {}),
    "presence": ({"status": one_of(STATUSES)}, {}),
    "presence_query": ({"amid": string}, {}),
    "ice_offer": ({"to": string, "sdp": string, "candidates": candidates}, {}),
    "ice_answer": ({"to": string, "sdp": string, "candidates": candidates}, {}),
    "p2_p_established": ({"peer": string}, {}),
    "p2p_established": ({"peer": string}, {}),
    "ping": ({"timestamp": time}, {}),
    "disconnect": ({"reason": string}, {}),
}
RELAY = {
    "connected": (
        {"session_id": session, "pending_messages": lambda v: bool(whole(v)) and int(v) >= 0},
        {"features": features},
    ),
    "challenge": ({"nonce": nonce, "relay": string, "features": features}, {}),
    "receive": (
        {"from": name, "encrypted_payload": string, "message_type": one_of(MESSAGE_TYPES), "timestamp": time},
        {"ice_candidates": COMPLETE, "id": lambda v: string(v) and identifier(v.removeprefix("~"))},
    ),
    "accepted": ({"id": identifier, "to": name, "durable": boolean}, {}),
    "presence_response": ({"amid": name, "status": one_of(STATUSES)}, {"last_seen": time}),
    "ice_offer": ({"to": name, "sdp": string, "candidates": COMPLETE}, {}),
    "ice_answer": ({"to": name, "sdp": string, "candidates": COMPLETE}, {}),
    "p2_p_established": ({"peer": name}, {}),
    "pong": ({"timestamp": time}, {}),
    "error": (
        {"code": one_of(CODES), "message": string},
        {"retry_after_seconds": lambda v: bool(whole(v)) and 1 <= int(v) <= 60, "id": identifier},
    ),
}


def read(text, table):
    """The frame as an object."""
    try:
        frame = jsontext.parse(text)
    except Refused as why:
        raise Refused(why.why, "INVALID_MESSAGE", "AM-ERR-001")
    if not isinstance(frame, dict):
        invalid("AM-ERR-001")
    kind = frame.get("type")
    if not string(kind) or kind not in table:
        invalid("AM-ERR-002")
    mandatory, optional = table[kind]
    for member, good in mandatory.items():
        if member not in frame:
            invalid("AM-ERR-003")
        if not good(frame[member]):
            invalid("AM-ERR-004")
    for member, good in optional.items():
        if member in frame and not good(frame[member]):
            invalid("AM-ERR-004")
    if kind == "error" and frame["code"] == "RATE_LIMITED" and "retry_after_seconds" not in frame:
        invalid("AM-LIM-012")
    return frame


def read_client(text):
    return read(text, CLIENT)


def read_relay(text):
    return read(text, RELAY)


def refuse_proof():
    raise Refused("auth", "INVALID_SIGNATURE", "AM-AUT-022")


def connect(frame, now, protocols=("agentmesh/0.2",)):
    """Judges a CONNECT that `read_client` has read; `now` in nanoseconds. Returns the AMID."""
    if frame["protocol"] not in protocols:
        raise Refused("version", "PROTOCOL_MISMATCH", "AM-AUT-016")
    try:
        key = agent.read_key("ed25519", frame["public_key"])
        signature = read_base64(frame["signature"])
        stamp = rfc3339.read(frame["timestamp"])
        curve.verify(key, frame["timestamp"].encode(), signature)
    except Refused:
        refuse_proof()
    if agent.derive(key) != frame["amid"] or now - stamp > 300 * 10**9 or stamp - now > 60 * 10**9:
        refuse_proof()
    return frame["amid"], key


def challenge_bytes(nonce_bytes, relay, timestamp, raw_amid, client_features, relay_features):
    out = b"AgentMesh-v1:relay-connect" + b"\0"
    for part in (
        nonce_bytes,
        relay.encode(),
        timestamp.encode(),
        raw_amid,
        ",".join(client_features).encode(),
        ",".join(relay_features).encode(),
    ):
        out += len(part).to_bytes(4, "big") + part
    return out
