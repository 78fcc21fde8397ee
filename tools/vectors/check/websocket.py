"""RFC 6455 as SPEC.md narrows it: a receiver of frames, and both sides' reading of the opening handshake."""

import hashlib
import re

from . import Refused
from .text import hopeless, is_utf8, read_base64, write_base64

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class Failed(Refused):
    """The connection is failed with a close code."""

    def __init__(self, code, why="parse", clause=None):
        super().__init__(why, code, clause)


def apply_mask(data, key):
    return bytes(b ^ key[i & 3] for i, b in enumerate(data))


def control(opcode, payload, key):
    head = bytes([0x80 | opcode, len(payload) | (0x80 if key else 0)])
    return head + (key + apply_mask(payload, key) if key else payload)


def may_stand(code):
    return code in (1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000))


def receive(stream, role, key, message_bytes=256 * 1024, fragments=1024):
    """Events and answer of one end; `key` masks what a client sends. Raises Failed."""
    events, answer, at = [], b"", 0
    kind, message, count = None, b"", 0
    while at < len(stream):
        head = stream[at : at + 2]
        if head[0] & 0x70:
            raise Failed(1002, clause="AM-WSK-021")
        opcode, fin = head[0] & 15, head[0] >> 7
        if opcode not in (0, 1, 2, 8, 9, 10):
            raise Failed(1002, clause="AM-WSK-022")
        if opcode >= 8 and not fin:
            raise Failed(1002, clause="AM-WSK-024")
        if len(head) < 2:
            break
        masked = head[1] >> 7
        if masked != (role == "server"):
            raise Failed(1002, clause="AM-WSK-020" if role == "server" else "AM-WSK-036")
        size, at = head[1] & 127, at + 2
        if opcode >= 8 and size > 125:
            raise Failed(1002, clause="AM-WSK-023")
        if opcode == 0 and kind is None:
            raise Failed(1002, clause="AM-WSK-025")
        if opcode in (1, 2) and kind is not None:
            raise Failed(1002, clause="AM-WSK-026")
        if size >= 126:
            wide, least = (2, 126) if size == 126 else (8, 65536)
            size, at = int.from_bytes(stream[at : at + wide], "big"), at + wide
            if size >> 63:
                raise Failed(1002, clause="AM-WSK-028")
            if size < least:
                raise Failed(1002, clause="AM-WSK-029")
        if opcode < 8:
            if opcode:
                kind, message, count = opcode, b"", 0
            count += 1
            if count > fragments:
                raise Failed(1009, "limit", "AM-LIM-005")
            if len(message) + size > message_bytes:
                raise Failed(1009, "limit", "AM-LIM-004")
        secret = stream[at : at + 4] if masked else bytes(4)
        at += 4 if masked else 0
        payload = apply_mask(stream[at : at + size], secret)
        whole = at + size <= len(stream) and len(secret) == 4
        at += size
        if opcode < 8:
            message += payload
            if kind == 1 and (hopeless(message) is not None or fin and whole and not is_utf8(message)):
                raise Failed(1007, clause="AM-WSK-027")
            if fin and whole:
                events.append({"kind": "text" if kind == 1 else "binary", "payload": message.hex()})
                kind = None
            continue
        if not whole:
            break
        if opcode == 9:
            events.append({"kind": "ping", "payload": payload.hex()})
            answer += control(10, payload, key)
        elif opcode == 10:
            events.append({"kind": "pong", "payload": payload.hex()})
        else:
            if len(payload) == 1:
                raise Failed(1002, clause="AM-WSK-042")
            code = int.from_bytes(payload[:2], "big") if payload else 1005
            if payload and not may_stand(code):
                raise Failed(1002, clause="AM-WSK-042")
            if not is_utf8(payload[2:]):
                raise Failed(1007, clause="AM-WSK-027")
            events.append({"kind": "closed", "code": code, "payload": payload[2:].hex()})
            answer += control(8, payload[:2], key)
            break
    return events, answer


def accept_value(key):
    return write_base64(hashlib.sha1(key + GUID).digest()).encode()


class Status(Refused):
    """A request that is answered with an HTTP status."""


def bad(status=400, why="parse"):
    raise Status(why, status)


def head_lines(head):
    """The lines of a message head, which ends in an empty line."""
    lines = head.split(b"\r\n")
    if any(b"\r" in line or b"\n" in line for line in lines):
        bad()
    return lines


def fields(lines):
    out = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not TOKEN.fullmatch(name):
            bad()
        value = value.strip(b" \t")
        if any((b < 32 and b != 9) or b == 127 for b in value):
            bad()
        out.append((name.lower(), value))
    return out


def tokens(found, name):
    return [t.strip(b" \t").lower() for n, v in found if n == name for t in v.split(b",")]


def request(text, origins, subprotocols):
    """How a server answers a request head; text in Latin-1 code points."""
    data = text.encode("latin-1")
    end = data.find(b"\r\n\r\n")
    lone = re.search(rb"(?<!\r)\n|\r(?!\n)", data[:end] if end >= 0 else data)
    if lone:
        bad()
    if end + 4 > 16 * 1024 or (end < 0 and len(data) > 16 * 1024):
        bad(431, "limit")
    if end < 0:
        bad()
    lines, followed = head_lines(data[:end]), len(data) > end + 4
    match = re.fullmatch(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e]+) HTTP/1\.([01])", lines[0])
    if not match:
        bad()
    method, target, minor = match.groups()
    if len(lines) - 1 > 100:
        bad(431, "limit")
    found = fields(lines[1:])
    every = lambda name: [v for n, v in found if n == name]
    if re.match(rb"https?://[^/?#]+", target):
        target = re.sub(rb"^https?://[^/?#]+", b"", target) or b"/"
    if not target.startswith(b"/") or re.search(rb'[#"<>\\^`{|}]', target):
        bad()
    hosts = every(b"host")
    if (
        len(hosts) > 1
        or (minor == b"1" and not hosts)
        or any(not re.fullmatch(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~%!$&'()*+,;=-]+)(:[0-9]*)?", h) for h in hosts)
    ):
        bad()
    lengths = every(b"content-length")
    if every(b"transfer-encoding") or len(lengths) > 1 or (lengths and lengths != [b"0"]):
        bad()
    path = target.split(b"?")[0]
    if method not in (b"GET", b"HEAD"):
        bad(405, "policy")
    if path in (b"/health", b"/metrics"):
        return {"decision": "plain", "path": path.decode()}
    if path == b"/ws":
        bad(404, "policy")
    if method != b"GET":
        bad(405, "policy")
    upgrades = b"websocket" in tokens(found, b"upgrade")
    if not every(b"upgrade") and not every(b"connection"):
        bad(426, "version")
    if not upgrades or b"upgrade" not in tokens(found, b"connection") or minor != b"1":
        bad()
    versions = every(b"sec-websocket-version")
    if len(versions) != 1:
        bad()
    if versions != [b"13"]:
        bad(426, "version")
    keys = every(b"sec-websocket-key")
    try:
        if len(keys) != 1 or len(read_base64(keys[0].decode("latin-1"))) != 16:
            bad()
    except Refused:
        bad()
    asked = every(b"origin")
    if len(asked) > 1 or (asked and "*" not in origins and asked[0].decode("latin-1") not in origins):
        bad(403, "policy")
    offered = [t for v in every(b"sec-websocket-protocol") for t in (p.strip(b" \t") for p in v.split(b","))]
    if any(not TOKEN.fullmatch(t) for t in offered) or len(set(offered)) != len(offered):
        bad()
    if followed:
        bad()
    answer = (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        + accept_value(keys[0])
        + b"\r\n"
    )
    chosen = next((s for s in subprotocols if s.encode() in offered), None)
    if chosen:
        answer += b"Sec-WebSocket-Protocol: " + chosen.encode() + b"\r\n"
    return {"decision": "upgrade", "path": path.decode(), "answer": (answer + b"\r\n").decode()}


def answer(text, nonce, offered):
    """How a client judges an answer; the subprotocol in force."""
    data = text.encode("latin-1")
    if re.search(rb"(?<!\r)\n|\r(?!\n)", data) or not data.endswith(b"\r\n\r\n"):
        raise Refused("parse")
    lines = data[:-4].split(b"\r\n")
    match = re.fullmatch(rb"HTTP/1\.1 ([0-9]{3})( [^\x00-\x08\x0a-\x1f\x7f]*)?", lines[0])
    if not match:
        raise Refused("parse")
    try:
        found = fields(lines[1:])
    except Status:
        raise Refused("parse")
    status = int(match[1])
    if status != 101:
        raise Refused({403: "policy", 404: "policy", 405: "policy", 426: "version", 431: "limit"}.get(status, "parse"))
    every = lambda name: [v for n, v in found if n == name]
    if b"websocket" not in tokens(found, b"upgrade") or b"upgrade" not in tokens(found, b"connection"):
        raise Refused("parse")
    if every(b"sec-websocket-accept") != [accept_value(write_base64(nonce).encode())]:
        raise Refused("auth")
    if every(b"sec-websocket-extensions"):
        raise Refused("policy")
    chosen = every(b"sec-websocket-protocol")
    ours = [t.strip() for t in offered.split(",") if t.strip()]
    if len(chosen) > 1 or (chosen and chosen[0].decode("latin-1") not in ours):
        raise Refused("policy")
    return chosen[0].decode() if chosen else ""
