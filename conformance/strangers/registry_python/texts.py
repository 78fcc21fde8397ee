"""Texts of agentmesh/0.2 as SPEC.md has them, written without a look at the library: JSON, base64, AMIDs, times."""

import base64
import hashlib
import json
import re
from datetime import datetime, timedelta, timezone

import nacl.exceptions
import nacl.signing

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
SECOND = 10**9


def base58(raw):
    number, digits = int.from_bytes(raw, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        digits = BASE58[digit] + digits
    return "1" * (len(raw) - len(raw.lstrip(b"\0"))) + digits


def amid_of(public_key):
    return base58(hashlib.sha256(public_key).digest()[:20])


def is_amid(text):
    """True if `text` is the base58 form of exactly 20 bytes."""
    if not 20 <= len(text) <= 28 or not set(text) <= set(BASE58):
        return False
    number = 0
    for digit in text:
        number = number * 58 + BASE58.index(digit)
    return len(text) - len(text.lstrip("1")) + (number.bit_length() + 7) // 8 == 20


def decode_base64(text):
    """The bytes of canonical, padded base64; ValueError otherwise."""
    raw = base64.b64decode(text, validate=True)
    if base64.b64encode(raw).decode() != text:
        raise ValueError("not canonical base64")
    return raw


def encode_base64(raw):
    return base64.b64encode(raw).decode()


def read_key(text, prefix):
    """32 bytes of a bare key text or one with the prefix of its kind; ValueError otherwise."""
    raw = decode_base64(text.removeprefix(prefix))
    if len(raw) != 32:
        raise ValueError("not 32 bytes")
    return raw


def verifies(public_key, message, signature):
    try:
        return len(signature) == 64 and bool(nacl.signing.VerifyKey(public_key).verify(message, signature) or True)
    except (nacl.exceptions.CryptoError, ValueError, TypeError):
        return False


def read_time(text):
    """Nanoseconds since 1970 of an RFC 3339 time; ValueError if it is none."""
    match = TIME.fullmatch(text)
    if match is None or match[4] == "-00:00":
        raise ValueError("not a time")
    hours, minutes = (0, 0) if match[4] in "Zz" else map(int, match[4][1:].split(":"))
    if hours > 23 or minutes > 59:
        raise ValueError("no such offset")
    whole = datetime.fromisoformat(f"{match[1]}T{match[2]}+00:00")
    ahead = timedelta(hours=hours, minutes=minutes) * (-1 if match[4][0] == "-" else 1)
    try:
        shifted = whole - ahead
    except OverflowError:
        raise ValueError("before the year 1 or after 9999") from None
    return (shifted - EPOCH) // timedelta(seconds=1) * SECOND + int((match[3] or "").ljust(9, "0"))


def write_time(nanoseconds):
    seconds, rest = divmod(nanoseconds, SECOND)
    text = (EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{rest:09}"
    while fraction.endswith("000"):
        fraction = fraction[:-3]
    return text.rjust(19, "0") + ("." + fraction if fraction else "") + "Z"


def _members(pairs):
    if len(pairs) > 1024 or len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a member twice, or too many")
    return dict(pairs)


def _no_constant(name):
    raise ValueError(f"{name} is not JSON")


def _finite(text):
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError("not finite")
    return value


def deep(text):
    """How deep arrays and objects are nested, strings apart."""
    depth = most = 0
    quoted = escaped = False
    for char in text:
        if escaped:
            escaped = False
        elif quoted:
            escaped, quoted = char == "\\", char != '"'
        elif char == '"':
            quoted = True
        elif char in "[{":
            depth += 1
            most = max(most, depth)
        elif char in "]}":
            depth -= 1
    return most


def read_json(raw):
    """A JSON value under AM-ENC-010 to AM-ENC-019; ValueError otherwise."""
    text = raw.decode("utf-8")
    if text.startswith("\ufeff") or deep(text) > 64:
        raise ValueError("a byte order mark, or too deep")
    value = json.loads(text, object_pairs_hook=_members, parse_constant=_no_constant, parse_float=_finite)
    json.dumps(value, ensure_ascii=False).encode("utf-8")  # refuses what names half a surrogate pair
    return value


def write_json(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
