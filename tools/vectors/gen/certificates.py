"""Certificates: chains good and bad, written with an encoder of DER of its own."""

import datetime
import hashlib

from .agents import ALICE, BOB, Agent
from .common import VectorFile, seeded

ED25519 = (1, 3, 101, 112)
COMMON_NAME, ORGANIZATION = (2, 5, 4, 3), (2, 5, 4, 10)
CONSTRAINTS, USAGE, ALTERNATIVE = (2, 5, 29, 19), (2, 5, 29, 15), (2, 5, 29, 17)
NOON = "2026-11-21T12:00:00Z"


def tlv(tag, *parts):
    body = b"".join(parts)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + body


def sequence(*parts):
    return tlv(0x30, *parts)


def oid(arcs):
    out = bytes([arcs[0] * 40 + arcs[1]])
    for arc in arcs[2:]:
        digits = [arc & 0x7F]
        while arc := arc >> 7:
            digits.insert(0, arc & 0x7F | 0x80)
        out += bytes(digits)
    return tlv(6, out)


def integer(data):
    return tlv(2, data)


def bits(data, unused=0):
    return tlv(3, bytes([unused]), data)


def text(value):
    return tlv(12, value.encode())


def instant(value):
    at = datetime.datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ")
    if at.year < 2050:
        return tlv(23, at.strftime("%y%m%d%H%M%SZ").encode())
    return tlv(24, at.strftime("%Y%m%d%H%M%SZ").encode())


def name(kind, value):
    return sequence(tlv(0x31, sequence(oid(kind), text(value))))


def extension(kind, value, critical=False):
    return sequence(oid(kind), tlv(1, b"\xff") if critical else b"", tlv(4, value))


def constraints(authority, path=None):
    return sequence(tlv(1, b"\xff") if authority else b"", integer(bytes([path])) if path is not None else b"")


def usage(*used):
    """Named bits: 0 digitalSignature, 5 keyCertSign."""
    value = 0
    for bit in used:
        value |= 0x80 >> bit
    return bits(bytes([value]), 7 - max(used))


URI, DNS = 0x86, 0x82
ROLES = {
    "root": (constraints(True), usage(5)),
    "organization": (constraints(True, 1), usage(5)),
    "agent": (constraints(True, 0), usage(0, 5)),
    "session": (constraints(False), usage(0)),
}


class Certificate:
    """One certificate. What a test changes, it says in `with_`."""

    def __init__(self, role, subject, issuer=None, **with_):
        self.subject = subject
        issuer = issuer or self
        get = lambda member, usual: with_.get(member, usual)
        who = get("who", subject.amid)
        self.kind, self.shown, alternative = {
            "root": (COMMON_NAME, "Test Root", None),
            "organization": (ORGANIZATION, "Acme, Inc.", (DNS, "acme.example")),
            "agent": (COMMON_NAME, f"did:agentmesh:{who}", (URI, f"did:agentmesh:{who}")),
            "session": (COMMON_NAME, f"did:agentmesh:{who}#session", (URI, f"did:agentmesh:{who}#session")),
        }[role]
        self.shown = get("shown", self.shown)
        alternative = get("alternative", alternative)
        authority, used = ROLES[role]
        extensions = [
            extension(CONSTRAINTS, get("constraints", authority), get("critical", True)),
            extension(USAGE, get("usage", used), True),
        ]
        if alternative:
            extensions.append(extension(ALTERNATIVE, sequence(tlv(alternative[0], alternative[1].encode()))))
        extensions += get("extra", [])
        algorithm = sequence(oid(get("algorithm", ED25519)))
        body = sequence(
            tlv(0xA0, integer(b"\x02")) if get("version", 3) == 3 else b"",
            integer(get("serial", b"\x40" + seeded(f"serial/{role}/{sorted(with_)}", 15))),
            algorithm,
            name(issuer.kind, issuer.shown),
            sequence(instant(get("begins", "2026-01-01T00:00:00Z")), instant(get("ends", "2026-12-31T23:59:59Z"))),
            name(self.kind, self.shown),
            sequence(sequence(oid(ED25519)), bits(get("key", subject.public))),
            tlv(0xA3, sequence(*extensions)),
        )
        signature = get("signer", issuer.subject).sign(body)
        signature = get("forge", lambda s: s)(signature)
        self.der = sequence(body, algorithm, bits(signature))
        self.fingerprint = hashlib.sha256(self.der).hexdigest()


def chains(ledger):
    f = VectorFile(ledger, "identity", "certificates")
    req = lambda n: f"AM-CRT-{n:03}"
    f.note("good", [req(1), req(3)], "a reader that is too strict", "nobody is more than anonymous")
    f.note("role", [req(1), req(8)], "any certificate may issue any other", "an agent vouches for agents", ["cat 111"])
    f.note("bounds", [req(2)], "chains without end", "a stranger makes work", ["cat 111"])
    f.note("form", [req(3)], "several encodings of one certificate", "a revoked one has a second fingerprint")
    f.note("subject", [req(4)], "a name is believed", "anyone shows anyone's certificate", ["cat 111", "cat 79"])
    f.note("lifetime", [req(5)], "a session that lasts", "a stolen session key serves for years")
    f.note("signature", [req(6)], "signatures not looked at", "home-made certificates are believed", ["cat 110"])
    f.note("time", [req(7)], "times not looked at, or of the first one only", "withdrawn trust lives on", ["cat 111"])
    f.note("anchor", [req(9)], "a chain that ends anywhere", "self-signed means trusted", ["cat 110", "I10", "I11"])
    f.note("revoked", [req(10), req(11)], "revocation not asked, or no answer taken for no", "stolen keys", ["cat 112"])

    root, company, agent, session, stranger = (Agent(n) for n in ("root", "company", "agent", "session", "stranger"))
    R = Certificate("root", root)
    O = Certificate("organization", company, R)
    A = Certificate("agent", agent, O)
    V = Certificate("agent", agent, R, serial=b"\x41" + bytes(15))
    week = {"begins": "2026-11-20T12:00:00Z", "ends": "2026-11-27T12:00:00Z"}
    S = Certificate("session", session, A, who=agent.amid, **week)

    def proves(i):
        out = outputs[tuple(i["chain"])]
        return {}, {"amid": agent.amid, **out}

    outputs = {}
    g = f.group("chain.check", "seeded keys; times and constraints chosen by hand", proves, roots=[R.der.hex()])

    def row(*chain, expected=agent.amid, revoked=(), answers=True):
        hexes = [c.der.hex() for c in chain]
        return {"chain": hexes, "expected": expected, "revoked": list(revoked), "answers": answers}

    def accept(comment, flags, chain, tier, leaf, begins, ends, domain=None, now=NOON):
        given = row(*chain)
        outputs[tuple(given["chain"])] = {
            "tier": tier, "key": leaf.public.hex(), "not_before": begins, "not_after": ends, "organization": domain}
        return g.accept(comment, flags, given, now)

    year = ("2026-01-01T00:00:00Z", "2026-12-31T23:59:59Z")
    lasts = tuple(week.values())
    good_a = accept("organization", ["good"], (A, O), "organization", agent, *year, "acme.example")
    full = accept("organization, root sent", ["good"], (A, O, R), "organization", agent, *year, "acme.example")
    good_v = accept("account", ["good"], (V,), "verified", agent, *year)
    accept("account, root sent", ["good"], (V, R), "verified", agent, *year)
    good_s = accept("session", ["good"], (S, A, O, R), "organization", session, *lasts, "acme.example")
    late = Certificate("organization", company, R, begins="2026-06-01T00:00:00Z")
    accept("times are narrowed", ["time"], (Certificate("agent", agent, late, serial=b"\x42"), late), "organization",
           agent, "2026-06-01T00:00:00Z", year[1], "acme.example")
    far = Certificate("agent", agent, R, ends="2060-01-01T00:00:00Z", serial=b"\x43")
    accept("a year beyond 2049", ["time"], (far,), "verified", agent, *year)
    for at in year:
        accept(f"at {at}", ["time"], (V, R), "verified", agent, *year, now=at)

    def refuse(why, reason, comment, flags, given, twin, now=None, twin_now=None):
        test = g.reject(why, comment, flags, given, twin, now or NOON, twin_now or NOON)
        test["output"] = {"reason": reason}

    def one(comment, reason, flags, why="auth", by=O, role="agent", subject=agent, rest=None, twin=good_a, **with_):
        bad = Certificate(role, subject, by, **with_)
        refuse(why, reason, comment, flags, row(bad, *(rest if rest is not None else (O,))), twin)

    one("signed by another key", "signature", ["signature"], "crypto", signer=stranger)
    one("signature of zeros", "signature", ["signature"], "crypto", forge=lambda s: bytes(64))
    one("signature, S above the order", "signature", ["signature"], "crypto", forge=lambda s: s[:32] + (
        int.from_bytes(s[32:], "little") + 2**252 + 27742317777372353535851937790883648493).to_bytes(32, "little"))
    one("signature a byte short", "signature", ["signature"], "crypto", forge=lambda s: s[:-1])
    one("not yet valid", "not_yet_valid", ["time"], begins="2026-11-21T12:00:01Z")
    one("expired", "expired", ["time"], ends="2026-11-21T11:59:59Z")
    one("ends before it begins", "malformed", ["time"], "parse",
        begins="2026-12-01T00:00:00Z", ends="2026-11-01T00:00:00Z")
    one("of another agent", "subject", ["subject"], subject=stranger)
    one("names another agent than its key", "subject", ["subject"], who=stranger.amid)
    one("no authority", "malformed", ["role"], "parse", constraints=constraints(False))
    one("authority without end", "malformed", ["role"], "parse", constraints=constraints(True))
    one("may sign certificates only", "malformed", ["role"], "parse", usage=usage(5))
    one("constraints not critical", "malformed", ["role"], "parse", critical=False)
    one("key of 31 bytes", "malformed", ["form"], "parse", key=agent.public[:31])
    one("version 1", "malformed", ["form"], "parse", version=1)
    one("another algorithm", "malformed", ["form"], "parse", algorithm=(1, 3, 101, 113))
    one("an unknown extension", "malformed", ["form"], "parse", extra=[extension((2, 5, 29, 99), b"\x05\x00")])
    one("an unknown critical extension", "malformed", ["form"], "parse",
        extra=[extension((2, 5, 29, 98), b"\x05\x00", True)])
    one("a serial number of 21 bytes", "malformed", ["form"], "parse", serial=b"\x40" + bytes(20))
    one("a negative serial number", "malformed", ["form"], "parse", serial=b"\x80")
    one("a host name for an agent", "malformed", ["subject"], "parse", alternative=(DNS, "acme.example"))
    one("another DID method", "malformed", ["subject"], "parse", alternative=(URI, f"did:mesh:{agent.amid}"))
    one("no name but the common one", "malformed", ["subject"], "parse", alternative=None)

    refuse("parse", "malformed", "a byte behind the certificate", ["form"],
           row(A, O) | {"chain": [A.der.hex() + "00", O.der.hex()]}, good_a)
    refuse("parse", "malformed", "a byte missing", ["form"],
           row(A, O) | {"chain": [A.der.hex()[:-2], O.der.hex()]}, good_a)
    refuse("parse", "malformed", "empty chain", ["bounds"], row(), good_a)
    refuse("limit", "too_large", "a hundred certificates", ["bounds"], row(*[A] * 100), good_a)
    large = Certificate("agent", agent, O, shown="x" * 8200)
    refuse("limit", "too_large", "a certificate over 8 KiB", ["bounds"], row(large, O), good_a)
    refuse("auth", "authority", "the same certificate twice", ["role"], row(A, A, O), good_a)
    refuse("parse", "malformed", "an organization alone", ["role"], row(O, R), full)
    refuse("parse", "malformed", "a root alone", ["role"], row(R), full)
    refuse("auth", "authority", "wrong order", ["role"], row(A, R, O), full)
    refuse("auth", "authority", "session below an organization", ["role"], row(S, O, R), good_s)
    between = Certificate("agent", stranger, O)
    below = Certificate("agent", agent, between)
    refuse("auth", "authority", "agent below an agent", ["role"], row(below, between, O), good_a)
    inner = Certificate("organization", stranger, O, serial=b"\x44")
    refuse("auth", "authority", "organization below an organization", ["role"],
           row(Certificate("agent", agent, inner), inner, O), good_a)
    refuse("auth", "untrusted", "issuer missing", ["anchor"], row(A), good_a)
    refuse("auth", "untrusted", "session alone", ["anchor"], row(S), good_s)
    other = Certificate("root", stranger, shown="Another Root")
    refuse("auth", "untrusted", "a root that nobody trusts", ["anchor"],
           row(Certificate("agent", agent, other), other), good_v)
    twin_root = Certificate("root", stranger, serial=b"\x45")
    refuse("crypto", "signature", "a root of the same name", ["anchor", "signature"],
           row(Certificate("agent", agent, twin_root)), good_v)
    refuse("auth", "subject", "session of another agent", ["subject"],
           row(Certificate("session", session, A, who=stranger.amid, **week), A, O, R), good_s)
    refuse("auth", "subject", "shown for another agent", ["subject"], row(A, O, expected=stranger.amid), good_a)
    refuse("parse", "malformed", "session of eight days", ["lifetime"],
           row(Certificate("session", session, A, who=agent.amid, begins=week["begins"], ends="2026-11-28T12:00:00Z"),
               A, O, R), good_s)
    for certificate, who in ((S, "session"), (A, "agent"), (O, "organization")):
        refuse("policy", "revoked", f"{who} revoked", ["revoked"],
               row(S, A, O, R, revoked=[certificate.fingerprint]), good_s)
    refuse("state", "unknown", "nobody says whether it is revoked", ["revoked"], row(A, O, answers=False), good_a)
    refuse("auth", "expired", "a second after the end", ["time"], row(V, R), row(V, R), "2027-01-01T00:00:00Z", year[1])
    refuse("auth", "not_yet_valid", "a second before the beginning", ["time"], row(V, R), row(V, R),
           "2025-12-31T23:59:59Z", year[0])
    return f


def files(ledger):
    return [chains(ledger)]
