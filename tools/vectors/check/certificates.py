"""Certificates: area CRT. Reads DER by hand."""

import hashlib
import re

from . import Refused, agent, curve, rfc3339
from .text import is_utf8

ED25519 = bytes.fromhex("2b6570")
CN, O = bytes.fromhex("550403"), bytes.fromhex("55040a")
CONSTRAINTS, USAGE, ALTERNATIVE = (bytes.fromhex("551d" + x) for x in ("13", "0f", "11"))
SILENT = (bytes.fromhex("551d0e"), bytes.fromhex("551d23"))
ISSUERS = {"session": ("agent",), "agent": ("organization", "root"), "organization": ("root",), "root": ()}
WEEK = 7 * 24 * 60 * 60 * 10**9
DOMAIN = re.compile(r"(?=.{1,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.A)


def refused(why, reason):
    return Refused(why, output={"reason": reason})


MALFORMED = refused("parse", "malformed")


def values(data):
    """The values of a constructed one: tag, content, and the whole of each."""
    out, at = [], 0
    while at < len(data):
        if at + 2 > len(data) or data[at] & 0x1F == 0x1F:
            raise MALFORMED
        size, head = data[at + 1], 2
        if size == 0x80:
            raise MALFORMED
        if size > 0x80:
            head += size - 0x80
            size = int.from_bytes(data[at + 2 : at + head], "big")
            if at + head > len(data) or size < 0x80 or data[at + 2] == 0:
                raise MALFORMED
        end = at + head + size
        if end > len(data):
            raise MALFORMED
        out.append((data[at], data[at + head : end], data[at:end]))
        at = end
    return out


def take(items, tag):
    if not items or items[0][0] != tag:
        raise MALFORMED
    return items.pop(0)


def inner(items, tag=0x30):
    return values(take(items, tag)[1])


def done(items):
    if items:
        raise MALFORMED


def instant(items):
    tag, content, _ = items.pop(0) if items else (0, b"", b"")
    digits = content.decode("ascii", "replace")
    if tag == 0x17 and re.fullmatch(r"[0-9]{12}Z", digits, re.A):
        digits = ("20" if digits[:2] < "50" else "19") + digits
    elif tag != 0x18 or not re.fullmatch(r"[0-9]{14}Z", digits, re.A):
        raise MALFORMED
    parts = re.fullmatch(r"(....)(..)(..)(..)(..)(..)Z", digits).groups()
    try:
        return rfc3339.read("%s-%s-%sT%s:%s:%sZ" % parts)
    except Refused:
        raise MALFORMED


def algorithm(items):
    parts = inner(items)
    if take(parts, 6)[1] != ED25519:
        raise MALFORMED
    done(parts)


def entries(content):
    """Pairs of attribute and value of a name; None for a value that is not text."""
    out = []
    for tag, relative, _ in values(content):
        for pair in values(relative):
            kind, value = values(pair[1])
            out.append((kind[1], value[1] if value[0] in (12, 19) else None))
    return out


def shown(name, kind):
    found = [value for which, value in entries(name) if which == kind]
    good = len(found) == 1 and found[0] is not None and 1 <= len(found[0]) <= 64 and is_utf8(found[0])
    if not good or any(byte < 0x20 or byte == 0x7F for byte in found[0]):
        raise MALFORMED
    return found[0].decode()


class Certificate:
    def __init__(self, der):
        if len(der) > 8192:
            raise refused("limit", "too_large")
        self.fingerprint = hashlib.sha256(der).hexdigest()
        outer = values(der)
        parts = inner(outer)
        done(outer)
        tag, body, self.signed = take(parts, 0x30)
        algorithm(parts)
        self.signature = take(parts, 3)[1]
        done(parts)
        items = values(body)
        if inner(items, 0xA0)[0][:2] != (2, b"\x02"):
            raise MALFORMED
        serial = take(items, 2)[1]
        if not 1 <= len(serial) <= 20 or serial[0] & 0x80:
            raise MALFORMED
        algorithm(items)
        self.issuer = take(items, 0x30)[2]
        times = inner(items)
        self.begins, self.ends = instant(times), instant(times)
        done(times)
        subject = take(items, 0x30)
        self.subject = subject[2]
        key = inner(items)
        algorithm(key)
        self.key = take(key, 3)[1]
        done(key)
        if len(self.key) != 33 or self.key[0] != 0:
            raise MALFORMED
        self.key = self.key[1:]
        listed = inner(items, 0xA3)
        found = {}
        for one in inner(listed):
            fields = values(one[1])
            kind = take(fields, 6)[1]
            critical = bool(fields) and fields[0][0] == 1 and take(fields, 1)[1] == b"\xff"
            if kind in found or kind not in (CONSTRAINTS, USAGE, ALTERNATIVE) + SILENT:
                raise MALFORMED
            found[kind] = critical, take(fields, 4)[1]
            done(fields)
        done(listed)
        done(items)
        self.role = self.role_of(found)
        self.name(found, subject[1])
        if self.begins > self.ends:
            raise MALFORMED
        if self.role == "session" and self.ends - self.begins > WEEK:
            raise MALFORMED

    def role_of(self, found):
        if not all(found.get(kind, (False,))[0] for kind in (CONSTRAINTS, USAGE)):
            raise MALFORMED
        whole = values(found[CONSTRAINTS][1])
        limits = inner(whole)
        authority = bool(limits) and limits[0][0] == 1 and take(limits, 1)[1] == b"\xff"
        path = int.from_bytes(take(limits, 2)[1], "big") if limits else None
        bits = take(values(found[USAGE][1]), 3)[1]
        used = {n for n in range(8 * (len(bits) - 1)) if bits[1 + n // 8] & 0x80 >> n % 8}
        for role, wanted in {
            "root": (True, None, {5}),
            "organization": (True, 1, {5}),
            "agent": (True, 0, {0, 5}),
            "session": (False, None, {0}),
        }.items():
            if (authority, path, used) == wanted:
                return role
        raise MALFORMED

    def name(self, found, subject):
        self.who = self.domain = None
        other = None
        if ALTERNATIVE in found:
            names = values(values(found[ALTERNATIVE][1])[0][1])
            if len(names) != 1:
                raise MALFORMED
            other = names[0][0], names[0][1].decode("latin-1")
        if self.role == "root":
            shown(subject, CN)
            if other:
                raise MALFORMED
        elif self.role == "organization":
            shown(subject, O)
            if not other or other[0] != 0x82 or not DOMAIN.fullmatch(other[1]):
                raise MALFORMED
            self.domain = other[1]
        else:
            form = r"did:agentmesh:([^#]*)" + ("#session" if self.role == "session" else "")
            match = other and other[0] == 0x86 and re.fullmatch(form, other[1])
            try:
                agent.read_amid(match[1])
            except (Refused, TypeError):
                raise MALFORMED
            self.who = match[1]
            if self.role == "agent" and agent.derive(self.key) != self.who:
                raise refused("auth", "subject")

    def signed_by(self, issuer):
        try:
            if self.signature[:1] != b"\x00":
                raise Refused("crypto")
            curve.verify(issuer.key, self.signed, self.signature[1:])
        except Refused:
            raise refused("crypto", "signature")


def check(i, shared, now):
    given = [bytes.fromhex(x) for x in i["chain"]]
    if not given:
        raise MALFORMED
    if len(given) > 4:
        raise refused("limit", "too_large")
    chain = [Certificate(der) for der in given]
    if chain[0].role not in ("agent", "session"):
        raise MALFORMED
    for subject, issuer in zip(chain, chain[1:]):
        if issuer.role not in ISSUERS[subject.role]:
            raise refused("auth", "authority")
    session = chain[0].role == "session"
    if session and len(chain) == 1:
        raise refused("auth", "untrusted")
    if any(one.who != i["expected"] for one in chain if one.who):
        raise refused("auth", "subject")
    roots = [Certificate(bytes.fromhex(x)) for x in shared["roots"]]
    trusted = [root for root in roots if root.subject == chain[-1].issuer]
    if chain[-1].role == "root":
        trusted = [root for root in roots if root.fingerprint == chain[-1].fingerprint]
    elif trusted:
        chain = chain + trusted
    if not trusted or any(one.issuer != by.subject for one, by in zip(chain, chain[1:])):
        raise refused("auth", "untrusted")
    for one, by in zip(chain, chain[1:]):
        one.signed_by(by)
    for one in chain:
        if now < one.begins:
            raise refused("auth", "not_yet_valid")
        if now >= one.ends + 10**9:
            raise refused("auth", "expired")
    if not i["answers"]:
        raise refused("state", "unknown")
    if any(one.fingerprint in i["revoked"] for one in chain if one.role != "root"):
        raise refused("policy", "revoked")
    domain = next((one.domain for one in chain if one.domain), None)
    return {
        "amid": i["expected"],
        "tier": "organization" if domain else "verified",
        "organization": domain,
        "key": chain[0].key.hex(),
        "not_before": rfc3339.write(max(one.begins for one in chain)),
        "not_after": rfc3339.write(min(one.ends for one in chain)),
    }, {}


OPERATIONS = {"chain.check": check}
