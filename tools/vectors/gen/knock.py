"""KNOCK, its answers, message frames and notices of suite am1."""

import base64
import json

from .agents import NOON, shifted
from .common import VectorFile, seeded
from .kex import ALICE, BOB, CAROL, Prekeys
from .ratchet import am1_prefix
from .suites import (
    Mesh,
    Pair,
    Ratchet,
    agree,
    b64u,
    chacha,
    context_of,
    dh,
    header,
    hkdf,
    label,
    lp,
    seal,
    sha256,
    sign,
    signed_bytes,
    u8,
    u32,
)

NONE = 2**32 - 1
hexed = bytes.fromhex


def canonical(value):
    """RFC 8785 for what stands in these texts: ASCII names, integers, plain strings."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def signed_text(agent, context, value, suffix=b""):
    """The text of an object with its signature added."""
    bare = {k: v for k, v in value.items() if k != "signature"}
    proof = b64u(sign(agent, context, canonical(bare) + suffix))
    return json.dumps(bare | {"signature": proof}, separators=(",", ":"), ensure_ascii=False)


def padded_text(text):
    data = text.encode()
    return data + b" " * (next(size for size in (512, 1024, 2048, 4096, 8192) if size >= len(data)) - len(data))


def padded_size(size):
    step = 64 if size + 1 <= 1024 else 512 if size + 1 <= 8192 else 4096
    return (size + step) // step * step


def padded(plain):
    return (plain + b"\x80").ljust(padded_size(len(plain)), b"\0")


class Meeting:
    """Alice knocks at Bob's: all that both of them know."""

    def __init__(self, a=ALICE, b=BOB, one_time=2, name="meeting"):
        self.a, self.b, self.prekeys = a, b, Prekeys(b)
        self.ephemeral, self.ratchet = Pair(f"{name}/E"), Pair(f"{name}/R_A")
        self.one = (102, self.prekeys.keys[2]) if one_time else None
        p = (self.prekeys.number, self.prekeys.signed.public)
        o = (self.one[0], self.one[1].public) if self.one else None
        self.ctx = context_of(a.card(), b.card(), self.ephemeral.public, self.ratchet.public, p, o)
        results = [
            dh(a.exchange_seed, self.prekeys.signed.public),
            dh(self.ephemeral.private, b.exchange),
            dh(self.ephemeral.private, self.prekeys.signed.public),
        ] + ([dh(self.ephemeral.private, self.one[1].public)] if self.one else [])
        keys = agree("am1", results, self.ctx)
        self.root, self.knock_key, self.reply_key, self.id_key = (keys[k : k + 32] for k in range(0, 128, 32))

    def content(self, **changes):
        value = {
            "type": "knock",
            "protocol_version": "agentmesh/1.0",
            "from": {"amid": self.a.amid},
            "to": self.b.amid,
            "intent": {"category": "travel", "subcategory": "flights", "urgency": "normal"},
            "session_request": {"type": "conversation", "expected_messages": 20, "ttl_seconds": 300},
            "suites": ["am1"],
            "features": ["files", "streams"],
            "nonce": seeded("knock/nonce", 16)[:16].hex(),
            "timestamp": NOON,
        } | changes
        return {k: v for k, v in value.items() if v is not None}

    def text(self, signer=None, context="knock", suffix=None, **changes):
        return signed_text(
            signer or self.a, context, self.content(**changes), sha256(self.ctx) if suffix is None else suffix
        )

    def head(self, flags=None, card=None, prekey=None, one=None):
        number = self.one[0] if self.one else NONE
        return (
            b"\1\1"
            + u8((1 if self.one else 0) if flags is None else flags)
            + (card or self.a.card())
            + self.ephemeral.public
            + self.ratchet.public
            + u32(self.prekeys.number if prekey is None else prekey)
            + u32(number if one is None else one)
        )

    def frame(self, text=None, head=None, key=None):
        head = head or self.head()
        return head + chacha(key or self.knock_key, bytes(12), head, padded_text(text or self.text()))

    def accept_content(self, knock, /, **changes):
        value = {
            "type": "accept",
            "session_id": session_id(knock, self.id_key).hex(),
            "knock": b64u(sha256(knock)),
            "from": self.b.amid,
            "to": self.a.amid,
            "suite": "am1",
            "features": ["files"],
            "ratchet_key": b64u(Pair("meeting/R_B").public),
            "constraints": {"max_message_size_bytes": 65536, "max_messages": 20, "ttl_seconds": 300},
            "timestamp": NOON,
        } | changes
        return {k: v for k, v in value.items() if v is not None}

    def reject_content(self, knock, /, **changes):
        value = {
            "type": "reject",
            "knock": b64u(sha256(knock)),
            "from": self.b.amid,
            "to": self.a.amid,
            "reason": "rate_limited",
            "retry_after_seconds": 60,
            "timestamp": NOON,
        } | changes
        return {k: v for k, v in value.items() if v is not None}

    def reply(self, knock, text, kind, key=None, card=None, prefix=None, nonce=None):
        digest = sha256(knock)
        head = b"\2\1" + (prefix or digest[:8])
        ad = head + digest + (card or self.b.card())
        once = bytes(11) + u8(kind if nonce is None else nonce)
        return head + chacha(key or self.reply_key, once, ad, padded_text(text))


def session_id(knock, key):
    return hkdf(sha256(knock), key, label("am1:session-id"), 16)


def transcript(knock, accept):
    return sha256(label("transcript") + b"\0" + lp(knock) + lp(accept))


def frames(ledger):
    f = VectorFile(ledger, "knock", "frames")
    f.note(
        "kind",
        ["AM-KNK-001"],
        "an unknown type or suite is taken for a known one",
        "frames of later versions are misread",
    )
    f.note("seal", ["AM-KNK-002"], "another layout, padding, nonce or associated data", "no KNOCK opens")
    f.note(
        "valid",
        ["AM-KNK-003", "AM-KNK-004", "AM-KNK-006"],
        "a responder that is too strict",
        "honest agents are not heard",
    )
    f.note(
        "size",
        ["AM-KNK-003"],
        "any length is accepted",
        "lengths tell a relay what is asked, or memory is read past the end",
    )
    f.note("flags", ["AM-KNK-004"], "flags are not compared with the ids", "the two sides agree on different keys")
    f.note("card", ["AM-KEX-005", "AM-KEX-006"], "the card in a KNOCK is believed", "anyone is anyone", ["cat 16"])
    f.note("tag", ["AM-KNK-006"], "the text is used before the tag is verified", "a relay writes KNOCKs", ["cat 18"])
    m, plain = Meeting(), Meeting(one_time=None)
    k = f.group(
        "frame.kind",
        "frames of the rows below, as text",
        lambda i: ({}, {"kind": base64.urlsafe_b64decode(i["payload"] + "=" * (-len(i["payload"]) % 4))[0]}),
    )
    frame = m.frame()
    good = k.accept("a KNOCK", ["kind"], {"payload": b64u(frame)})
    for kind in (2, 3, 5):
        k.accept(f"type {kind}", ["kind"], {"payload": b64u(bytes([kind]) + frame[1:])})
    for kind in (0, 4, 6, 255):
        k.reject("parse", f"type {kind}", ["kind"], {"payload": b64u(bytes([kind]) + frame[1:])}, good)
    for suite in (0, 2, 3, 255):
        k.reject("parse", f"suite {suite}", ["kind"], {"payload": b64u(b"\1" + bytes([suite]) + frame[2:])}, good)
    k.reject("limit", "payload of 65,540 characters", ["kind"], {"payload": b64u(b"\1\1" + bytes(49_153))}, good)
    for comment, payload in [
        ("nothing", ""),
        ("one byte", b64u(b"\1")),
        ("standard alphabet", base64.b64encode(b"\1\1" + b"\xff" * 10).decode().rstrip("=")),
        ("padding", base64.urlsafe_b64encode(frame[:100]).decode()),
        ("a space before", " " + b64u(frame)),
    ]:
        k.reject("parse", f"payload: {comment}", ["kind"], {"payload": payload}, good)

    def head_of(i):
        from .encodings import base58

        data = hexed(i["frame"])
        number = int.from_bytes(data[223:227], "big")
        return {}, {
            "optimistic": bool(data[2] & 2),
            "amid": base58(data[3:23]),
            "epoch": int.from_bytes(data[87:91], "big"),
            "ephemeral_key": data[155:187].hex(),
            "ratchet_key": data[187:219].hex(),
            "signed_prekey_id": int.from_bytes(data[219:223], "big"),
            "one_time_prekey_id": number,
        }

    h = f.group("knock.head", "KNOCKs of seeded agents", head_of)
    row = lambda data: {"frame": data.hex()}
    good = h.accept("with a one-time prekey", ["valid"], row(frame))
    h.accept("without a one-time prekey", ["valid"], row(plain.frame()))
    h.accept("with optimistic messages", ["valid"], row(m.frame(head=m.head(flags=3))))
    long = m.text(features=[f"feature-{n:024}" for n in range(16)])
    bigger = h.accept("padded to 2,048", ["valid"], row(m.frame(long + " " * 1000)))
    for comment, data in [
        ("nothing", b""),
        ("head alone", frame[:227]),
        ("head and tag", frame[:243]),
        ("a byte short", frame[:-1]),
        ("a byte long", frame + b"\0"),
        ("an unpadded text", m.head() + chacha(m.knock_key, bytes(12), m.head(), m.text().encode())),
        ("256 bytes of text", frame[: 227 + 16 + 256]),
        ("16 KiB of text", frame + bytes(16384 - (len(frame) - 243))),
    ]:
        h.reject("parse", f"size: {comment}", ["size"], row(data), good)
    for comment, data in [
        ("bit 2", m.head(flags=5)),
        ("bit 7", m.head(flags=129)),
        ("one-time flag clear beside an id", m.head(flags=0)),
    ]:
        h.reject("parse", f"flags: {comment}", ["flags"], row(data + frame[227:]), good)
    h.reject(
        "parse",
        "flags: one-time flag set without an id",
        ["flags"],
        row(plain.head(flags=1) + frame[227:]),
        row(plain.head() + frame[227:]),
    )
    for why, comment, card in [
        ("auth", "name of bob", BOB.raw_amid + ALICE.card()[20:]),
        ("crypto", "exchange key of bob", ALICE.card()[:52] + BOB.exchange + ALICE.card()[84:]),
        ("crypto", "epoch raised", ALICE.card()[:84] + u32(9) + ALICE.card()[88:]),
        ("crypto", "signature of zeros", ALICE.card()[:88] + bytes(64)),
    ]:
        h.reject(why, f"card: {comment}", ["card"], row(m.head(card=card) + frame[227:]), good)

    s = f.group(
        "knock.seal",
        "texts of the rows of knock/texts",
        lambda i: (
            {"text": padded_text(i["text"]).hex()},
            {
                "frame": (
                    hexed(i["head"]) + chacha(hexed(i["key"]), bytes(12), hexed(i["head"]), padded_text(i["text"]))
                ).hex()
            },
        ),
    )
    o = f.group("knock.open", "frames of the rows above, and changes of them", lambda i: ({}, {"text": unsealed(i)}))

    def unsealed(i):
        from .suites import unchacha

        data = hexed(i["frame"])
        return unchacha(hexed(i["key"]), bytes(12), data[:227], data[227:]).rstrip(b" ").decode()

    for comment, meeting, text in [
        ("with a one-time prekey", m, m.text()),
        ("without a one-time prekey", plain, plain.text()),
        ("long text", m, long),
        ("text of 512 bytes", m, "x" * 512),
        ("text of 513 bytes", m, "x" * 513),
        ("text of 8,192 bytes", m, "x" * 8192),
        ("text of 512 bytes in 256 characters", m, "\u00fc" * 256),
        ("text of 513 bytes in 257 characters", m, "\u00fc" * 256 + "x"),
    ]:
        test = s.accept(
            f"seal: {comment}", ["seal"], {"head": meeting.head().hex(), "key": meeting.knock_key.hex(), "text": text}
        )
        o.accept(f"open: {comment}", ["valid"], {"frame": test["output"]["frame"], "key": meeting.knock_key.hex()})
    good = {"frame": frame.hex(), "key": m.knock_key.hex()}
    flip = lambda at: (frame[:at] + bytes([frame[at] ^ 1]) + frame[at + 1 :]).hex()
    for comment, at in [
        ("flags", 2),
        ("card", 60),
        ("ephemeral key", 160),
        ("ratchet key", 190),
        ("prekey id", 222),
        ("one-time id", 226),
        ("text", 300),
        ("tag", len(frame) - 1),
    ]:
        o.reject("crypto", f"{comment} changed", ["tag"], good | {"frame": flip(at)}, good)
    o.reject("crypto", "key of another agreement", ["tag"], good | {"key": plain.knock_key.hex()}, good)
    o.reject("crypto", "reply key", ["tag"], good | {"key": m.reply_key.hex()}, good)
    return f


def texts(ledger):
    f = VectorFile(ledger, "knock", "texts")
    f.note(
        "valid",
        [f"AM-KNK-{n:03}" for n in (7, 8, 9, 11)],
        "a responder that is too strict",
        "honest agents are not heard",
    )
    f.note(
        "proof",
        ["AM-KNK-007"],
        "members are left out of what is signed, or nothing is verified",
        "a KNOCK says what its sender never said",
        ["cat 122, 125"],
    )
    f.note(
        "whom",
        ["AM-KNK-008"],
        "sender and recipient are not compared",
        "a KNOCK for one agent opens another's door",
        ["cat 121"],
    )
    f.note("when", ["AM-KNK-009"], "the time is not looked at", "old KNOCKs are replayed", ["cat 123"])
    f.note(
        "form",
        ["AM-KNK-011"],
        "a default stands in for what is missing",
        "a rule is passed by leaving its member out",
        ["cat 123, 131"],
    )
    m = Meeting()

    def read(i):
        value = json.loads(i["text"])
        return {}, {
            "intent": "/".join(filter(None, map(value["intent"].get, ("category", "subcategory", "action")))),
            "urgency": value["intent"].get("urgency", "normal"),
            "type": value["session_request"]["type"],
            "ttl_seconds": value["session_request"]["ttl_seconds"],
            "expected_messages": value["session_request"]["expected_messages"],
            "suites": value["suites"],
            "features": value["features"],
            "nonce": value["nonce"].lower(),
        }

    f.note(
        "order",
        ["AM-KNK-007", "AM-KNK-008", "AM-KNK-009", "AM-KNK-011"],
        "where two checks fail, another one speaks",
        "what nobody signed decides what happens",
        ["cat 122"],
    )
    g = f.group("knock.read", "KNOCKs of seeded agents", read, signing_key=ALICE.public.hex())
    row = lambda text: {"text": text, "context": sha256(m.ctx).hex(), "card": ALICE.amid, "self": BOB.amid}
    good = g.accept("a KNOCK", ["valid"], row(m.text()), NOON)
    ok = lambda comment, text, now=NOON: g.accept(comment, ["valid"], row(text), now)
    ok("padded with spaces", padded_text(m.text()).decode())
    ok("members in another order", json.dumps(dict(reversed(json.loads(m.text()).items()))))
    ok("unknown members, signed", m.text(extra={"x": 1}))
    ok(
        "who it says it is, for people",
        m.text(**{"from": {"amid": ALICE.amid, "tier": 1, "reputation_score": 1, "display_name": "Alice"}}),
    )
    ok("category alone", m.text(intent={"category": "travel"}))
    ok("all of an intent", m.text(intent={"category": "a", "subcategory": "b", "action": "c", "urgency": "critical"}))
    ok("longest words", m.text(intent={"category": "c" * 64, "subcategory": "s" * 64, "action": "a" * 64}))
    ok(
        "longest words in 32 characters",
        m.text(intent={n: "\u00fc" * 32 for n in ("category", "subcategory", "action")}),
    )
    ok("words of 16 characters in four bytes each", m.text(intent={"category": "\U0001f600" * 16}))
    ok("empty subcategory and action", m.text(intent={"category": "travel", "subcategory": "", "action": ""}))
    ok("control characters in a category", m.text(intent={"category": "a\u0000\n\u007f"}))
    ok("suites and features of 32 bytes", m.text(suites=["\u00fc" * 16], features=["f" * 32] * 16))
    ok("suites and features twice", m.text(suites=["am1", "am1"], features=["files", "files"]))
    ok("nonce in capitals", m.text(nonce="ABCDEFabcdef0123456789ABCDEFabcd"))
    ok(
        "unknown members further in, signed",
        m.text(
            intent={"category": "travel", "mood": [1]},
            session_request={"type": "stream", "expected_messages": 1, "ttl_seconds": 1, "x": None},
        ),
    )
    ok("line breaks and tabs around it", "\n\t" + m.text() + "\r\n \t")
    ok("no features", m.text(features=[]))
    ok("eight suites", m.text(suites=["am1"] + [f"s{n}" for n in range(7)]))
    ok(
        "largest limits",
        m.text(session_request={"type": "stream", "expected_messages": 2**31 - 1, "ttl_seconds": 2**31 - 1}),
    )
    ok(
        "smallest limits",
        m.text(session_request={"type": "request_response", "expected_messages": 1, "ttl_seconds": 1}),
    )
    ok("300 seconds old", m.text(timestamp="2026-11-21T11:55:00Z"))
    ok("60 seconds ahead", m.text(timestamp="2026-11-21T12:01:00Z"))
    ok("another offset", m.text(timestamp="2026-11-21T13:00:00.5+01:00"))

    def no(why, comment, flag, text, twin=None):
        g.reject(why, comment, [flag], row(text), twin or good, NOON)

    no("auth", "301 seconds old", "when", m.text(timestamp="2026-11-21T11:54:59Z"))
    no("auth", "a microsecond over 300 seconds old", "when", m.text(timestamp="2026-11-21T11:54:59.999999Z"))
    no("auth", "61 seconds ahead", "when", m.text(timestamp="2026-11-21T12:01:01Z"))
    no("auth", "a nanosecond over 60 seconds ahead", "when", m.text(timestamp="2026-11-21T12:01:00.000000001Z"))
    no("auth", "an hour ahead by its offset", "when", m.text(timestamp="2026-11-21T12:00:00-01:00"))
    no("auth", "for carol", "whom", m.text(to=CAROL.amid))
    no("auth", "for its own sender", "whom", m.text(to=ALICE.amid))
    no("auth", "from carol, signed by alice", "whom", m.text(**{"from": {"amid": CAROL.amid}}))
    other = Mesh("mallory")
    no("crypto", "signed by another agent", "proof", m.text(signer=other))
    no("crypto", "signed in context accept", "proof", m.text(context="accept"))
    no("crypto", "signed in context envelope", "proof", m.text(context="envelope"))
    no("crypto", "signed without the context of the agreement", "proof", m.text(suffix=b""))
    no("crypto", "signed with the context of another agreement", "proof", m.text(suffix=sha256(b"other")))
    no(
        "crypto",
        "signature of zeros",
        "proof",
        json.dumps(m.content() | {"signature": b64u(bytes(64))}, separators=(",", ":")),
    )
    no(
        "crypto",
        "signature in the standard alphabet",
        "proof",
        json.dumps(m.content() | {"signature": base64.b64encode(b"\xfb" * 64).decode()}, separators=(",", ":")),
    )
    bare = json.dumps(m.content(), separators=(",", ":"))
    plain = b64u(ALICE.sign(canonical(m.content()) + sha256(m.ctx)))
    no("crypto", "signature without its domain tag", "proof", bare[:-1] + ',"signature":"' + plain + '"}')
    text_as_sent = b64u(sign(ALICE, "knock", bare.encode() + sha256(m.ctx)))
    no(
        "crypto",
        "signature over the text as it stands, not canonical",
        "proof",
        bare[:-1] + ',"signature":"' + text_as_sent + '"}',
    )
    # Each member changed after the signature was made.
    value = json.loads(m.text())
    changed = {
        "to": CAROL.amid,
        "from": {"amid": CAROL.amid},
        "intent": {"category": "finance", "subcategory": "flights", "urgency": "normal"},
        "session_request": {"type": "conversation", "expected_messages": 20, "ttl_seconds": 301},
        "suites": ["am1", "v02"],
        "features": ["files"],
        "nonce": seeded("knock/other", 16)[:16].hex(),
        "timestamp": "2026-11-21T12:00:01Z",
    }
    for member, new in changed.items():
        no(
            "crypto",
            f"{member} changed after signing",
            "proof",
            json.dumps(value | {member: new}, separators=(",", ":")),
        )
    no("crypto", "a member added after signing", "proof", json.dumps(value | {"extra": 1}, separators=(",", ":")))
    for member in m.content():
        no("parse", f"without {member}", "form", m.text(**{member: None}))
    no("parse", "without signature", "form", bare)
    for comment, changes in [
        ("type accept", {"type": "accept"}),
        ("version agentmesh/0.2", {"protocol_version": "agentmesh/0.2"}),
        ("sender without amid", {"from": {"display_name": "Alice"}}),
        ("sender as text", {"from": ALICE.amid}),
        ("recipient that is no AMID", {"to": "bob"}),
        ("recipient null", {"to": 5}),
        ("intent without category", {"intent": {"subcategory": "flights"}}),
        ("empty category", {"intent": {"category": ""}}),
        ("category of 65 bytes", {"intent": {"category": "c" * 65}}),
        ("category of 66 bytes in 33 characters", {"intent": {"category": "\u00fc" * 33}}),
        ("category of 68 bytes in 17 characters", {"intent": {"category": "\U0001f600" * 17}}),
        ("subcategory of 65 bytes", {"intent": {"category": "travel", "subcategory": "s" * 65}}),
        ("action of 66 bytes in 33 characters", {"intent": {"category": "travel", "action": "\u00fc" * 33}}),
        ("subcategory a number", {"intent": {"category": "travel", "subcategory": 5}}),
        ("category a number", {"intent": {"category": 5}}),
        ("unknown urgency", {"intent": {"category": "travel", "urgency": "panic"}}),
        ("intent as text", {"intent": "travel"}),
        (
            "unknown kind of session",
            {"session_request": {"type": "forever", "expected_messages": 20, "ttl_seconds": 300}},
        ),
        ("ttl 0", {"session_request": {"type": "stream", "expected_messages": 20, "ttl_seconds": 0}}),
        ("ttl -1", {"session_request": {"type": "stream", "expected_messages": 20, "ttl_seconds": -1}}),
        ("ttl 2^31", {"session_request": {"type": "stream", "expected_messages": 20, "ttl_seconds": 2**31}}),
        ("ttl as text", {"session_request": {"type": "stream", "expected_messages": 20, "ttl_seconds": "300"}}),
        ("ttl 1.5", {"session_request": {"type": "stream", "expected_messages": 20, "ttl_seconds": 1.5}}),
        ("ttl missing", {"session_request": {"type": "stream", "expected_messages": 20}}),
        ("no messages", {"session_request": {"type": "stream", "expected_messages": 0, "ttl_seconds": 300}}),
        ("messages missing", {"session_request": {"type": "stream", "ttl_seconds": 300}}),
        ("no suites", {"suites": []}),
        ("nine suites", {"suites": [f"s{n}" for n in range(9)]}),
        ("empty suite", {"suites": [""]}),
        ("suite of 33 bytes", {"suites": ["s" * 33]}),
        ("suite of 34 bytes in 17 characters", {"suites": ["\u00fc" * 17]}),
        ("suite that is no text", {"suites": ["am1", False]}),
        ("empty feature", {"features": [""]}),
        ("feature of 33 bytes", {"features": ["files", "f" * 33]}),
        ("features an object", {"features": {}}),
        (
            "messages 2^31",
            {"session_request": {"type": "stream", "expected_messages": 2**31, "ttl_seconds": 300}},
        ),
        ("kind missing", {"session_request": {"expected_messages": 20, "ttl_seconds": 300}}),
        ("sender's amid no AMID", {"from": {"amid": ALICE.amid + "1"}}),
        ("suites as text", {"suites": "am1"}),
        ("17 features", {"features": [f"f{n}" for n in range(17)]}),
        ("feature a number", {"features": [1]}),
        ("nonce of 15 bytes", {"nonce": "00" * 15}),
        ("nonce of 17 bytes", {"nonce": "00" * 17}),
        ("nonce that is not hexadecimal", {"nonce": "zz" * 16}),
        ("time without offset", {"timestamp": "2026-11-21T12:00:00"}),
        ("time a number", {"timestamp": 1795262400}),
    ]:
        no("parse", comment, "form", m.text(**changes))
    no("parse", "empty signature", "form", bare[:-1] + ',"signature":""}')
    no("crypto", "signature of 63 bytes", "proof", bare[:-1] + ',"signature":"' + b64u(bytes(63)) + '"}')
    no(
        "crypto",
        "an integer without canonical form",
        "proof",
        m.text(extra=1).replace('"extra":1', '"extra":9007199254740993'),
    )
    no("parse", "form before signature", "order", m.text(signer=other, to="bob"))
    no("parse", "form before time", "order", m.text(timestamp="2026-11-21T11:00:00Z", suites=[]))
    no("crypto", "signature before recipient", "order", m.text(signer=other, to=CAROL.amid))
    no("crypto", "signature before sender", "order", m.text(signer=CAROL, **{"from": {"amid": CAROL.amid}}))
    no("crypto", "signature before time", "order", m.text(signer=other, timestamp="2026-11-21T11:00:00Z"))
    no("parse", "array", "form", "[" + m.text() + "]")
    no("parse", "bytes after the object that are no spaces", "form", m.text() + "x")
    no("parse", "zero bytes as padding", "form", m.text() + "\0\0")
    no("parse", "a member twice", "form", m.text()[:-1] + ',"to":"' + BOB.amid + '"}')
    return f


def replies(ledger):
    f = VectorFile(ledger, "knock", "replies")
    f.note("seal", ["AM-KNK-017"], "another layout, nonce or associated data", "no answer opens")
    f.note("valid", ["AM-KNK-018", "AM-KNK-020"], "an initiator that is too strict", "honest answers are lost")
    f.note(
        "match",
        ["AM-KNK-018"],
        "an answer is not tied to its question",
        "a relay answers for the responder",
        ["cat 129"],
    )
    f.note(
        "offer",
        ["AM-KNK-020"],
        "what is chosen is not compared with what was offered",
        "a relay or responder downgrades the session",
    )
    f.note(
        "range",
        ["AM-KNK-018"],
        "a limit or a length outside of its range is taken",
        "a session has no limits, or wraps at them",
        ["cat 131"],
    )
    f.note(
        "order",
        ["AM-KNK-018", "AM-KNK-020"],
        "where two checks fail, another one speaks",
        "what nobody signed decides what happens",
    )
    f.note("hashes", ["AM-KNK-021"], "another label or order", "the first message does not open")
    m = Meeting()
    knock = m.frame()
    digest = sha256(knock)
    accept = signed_text(BOB, "accept", m.accept_content(knock))
    reject = signed_text(BOB, "reject", m.reject_content(knock))

    def sealed(i):
        kind = {"accept": 0, "reject": 1}[i["kind"]]
        digest = hexed(i["knock_hash"])
        head = b"\2\1" + digest[:8]
        return {"ad": (head + digest + BOB.card()).hex()}, {
            "frame": (
                head + chacha(hexed(i["key"]), bytes(11) + u8(kind), head + digest + BOB.card(), padded_text(i["text"]))
            ).hex()
        }

    s = f.group("reply.seal", "seeded agents", sealed, responder_card=BOB.card().hex())
    for kind, text in (("accept", accept), ("reject", reject)):
        s.accept(
            f"seal {kind}", ["seal"], {"kind": kind, "knock_hash": digest.hex(), "key": m.reply_key.hex(), "text": text}
        )

    known = ["rejected", "blocked", "at_capacity", "rate_limited", "insufficient_trust", "low_reputation", "paused"]
    known += ["intent_not_accepted", "not_in_allowlist"]

    def read(i):
        from .suites import unchacha

        data = hexed(i["frame"])
        for kind in (0, 1):
            plain = unchacha(m.reply_key, bytes(11) + u8(kind), data[:10] + digest + BOB.card(), data[10:])
            if plain:
                value = json.loads(plain)
                break
        if kind:
            reason = value["reason"] if value["reason"] in known else "rejected"
            return {}, {"kind": "reject", "reason": reason} | (
                {"retry_after_seconds": value["retry_after_seconds"]} if "retry_after_seconds" in value else {}
            )
        return {}, {
            "kind": "accept",
            "suite": value["suite"],
            "features": value["features"],
            "ratchet_key": base64.urlsafe_b64decode(value["ratchet_key"] + "=").hex(),
            "constraints": value["constraints"],
        }

    g = f.group(
        "reply.read",
        "answers of seeded agents to one KNOCK",
        read,
        knock_hash=digest.hex(),
        key=m.reply_key.hex(),
        responder_card=BOB.card().hex(),
        session_id=session_id(knock, m.id_key).hex(),
        initiator=ALICE.amid,
        suites=["am1"],
        features=["files", "streams"],
        ttl_seconds=300,
        expected_messages=20,
    )
    row = lambda data: {"frame": data.hex()}
    yes = lambda **c: m.reply(knock, signed_text(BOB, "accept", m.accept_content(knock, **c)), 0)
    nay = lambda **c: m.reply(knock, signed_text(BOB, "reject", m.reject_content(knock, **c)), 1)
    good = g.accept("ACCEPT", ["valid"], row(yes()))
    refusal = g.accept("REJECT", ["valid"], row(nay()))
    g.accept("ACCEPT with no feature", ["valid"], row(yes(features=[])))
    g.accept("ACCEPT with both features", ["valid"], row(yes(features=["files", "streams"])))
    g.accept(
        "ACCEPT with smaller limits",
        ["valid"],
        row(yes(constraints={"max_message_size_bytes": 1024, "max_messages": 1, "ttl_seconds": 1})),
    )
    g.accept("REJECT without a time to wait", ["valid"], row(nay(retry_after_seconds=None)))
    for reason in ("rejected", "blocked", "at_capacity", "insufficient_trust", "paused"):
        g.accept(f"REJECT: {reason}", ["valid"], row(nay(reason=reason)))
    for reason in ("world_ended", "Blocked", "r" * 64, "\u00fc" * 32, " "):
        g.accept(f"REJECT for a reason that nobody knows: {reason!r}", ["valid"], row(nay(reason=reason)))
    for seconds in (1, 2**31 - 1):
        g.accept(f"REJECT, retry after {seconds}", ["valid", "range"], row(nay(retry_after_seconds=seconds)))
    long_ago = "2006-11-21T12:00:00Z"
    g.accept("ACCEPT dated long ago", ["valid"], row(yes(timestamp=long_ago)))
    g.accept("REJECT dated long ago", ["valid"], row(nay(timestamp=long_ago)))
    g.accept(
        "ACCEPT with the session id in capitals",
        ["valid"],
        row(yes(session_id=session_id(knock, m.id_key).hex().upper())),
    )
    g.accept("ACCEPT with unknown members", ["valid"], row(yes(extra={"a": [1]})))
    limits = lambda size=65536, count=20, seconds=300: {
        "max_message_size_bytes": size,
        "max_messages": count,
        "ttl_seconds": seconds,
    }
    g.accept("ACCEPT with the least limits", ["valid", "range"], row(yes(constraints=limits(1, 1, 1))))
    g.accept("ACCEPT with the largest size", ["valid", "range"], row(yes(constraints=limits(2**31 - 1))))
    other = Meeting(name="other")
    stranger = other.frame()

    def no(why, comment, data, flag="match", twin=None):
        g.reject(why, comment, [flag], row(data), twin or good)

    frame = yes()
    flip = lambda at: frame[:at] + bytes([frame[at] ^ 1]) + frame[at + 1 :]
    no("parse", "prefix of another KNOCK", m.reply(knock, accept, 0, prefix=sha256(stranger)[:8]))
    no("parse", "suite 2", frame[:1] + b"\2" + frame[2:])
    no("parse", "type 3", b"\3" + frame[1:])
    no("parse", "a byte short", frame[:-1])
    no("parse", "a byte long", frame + b"\0")
    no("parse", "nothing", b"")
    no("crypto", "tag changed", flip(len(frame) - 1))
    no("crypto", "text changed", flip(20))
    no("crypto", "key of another agreement", m.reply(knock, accept, 0, key=other.reply_key))
    no("crypto", "knock key", m.reply(knock, accept, 0, key=m.knock_key))
    no("crypto", "card of carol bound", m.reply(knock, accept, 0, card=CAROL.card()))
    no("crypto", "nonce 2", m.reply(knock, accept, 0, nonce=2))
    no("parse", "ACCEPT under the nonce of REJECT", m.reply(knock, accept, 0, nonce=1))
    no("parse", "REJECT under the nonce of ACCEPT", m.reply(knock, reject, 1, nonce=0), twin=refusal)
    no("crypto", "signed by another agent", m.reply(knock, signed_text(CAROL, "accept", m.accept_content(knock)), 0))
    no(
        "crypto",
        "ACCEPT signed in context reject",
        m.reply(knock, signed_text(BOB, "reject", m.accept_content(knock)), 0),
    )
    no(
        "crypto",
        "REJECT signed in context accept",
        m.reply(knock, signed_text(BOB, "accept", m.reject_content(knock)), 1),
        twin=refusal,
    )
    value = json.loads(accept)
    no(
        "crypto",
        "ratchet key changed after signing",
        m.reply(knock, json.dumps(value | {"ratchet_key": b64u(Pair("x").public)}, separators=(",", ":")), 0),
    )
    no(
        "crypto",
        "limits changed after signing",
        m.reply(
            knock,
            json.dumps(
                value | {"constraints": {"max_message_size_bytes": 65536, "max_messages": 20, "ttl_seconds": 299}},
                separators=(",", ":"),
            ),
            0,
        ),
    )
    for member in m.accept_content(knock):
        no("parse", f"ACCEPT without {member}", yes(**{member: None}))
    for member in m.reject_content(knock):
        if member != "retry_after_seconds":
            no("parse", f"REJECT without {member}", nay(**{member: None}), twin=refusal)
    no("auth", "ACCEPT of another KNOCK", yes(knock=b64u(sha256(stranger))))
    no("auth", "REJECT of another KNOCK", nay(knock=b64u(sha256(stranger))), twin=refusal)
    no("auth", "session id of another KNOCK", yes(session_id=session_id(stranger, m.id_key).hex()))
    no("auth", "ACCEPT for carol", yes(to=CAROL.amid))
    no("auth", "ACCEPT from carol", yes(**{"from": CAROL.amid}))
    no("auth", "REJECT for carol", nay(to=CAROL.amid), twin=refusal)
    no(
        "auth",
        "longer than asked for",
        yes(constraints={"max_message_size_bytes": 65536, "max_messages": 20, "ttl_seconds": 301}),
    )
    no(
        "auth",
        "more messages than asked for",
        yes(constraints={"max_message_size_bytes": 65536, "max_messages": 21, "ttl_seconds": 300}),
    )
    for comment, changes in [
        ("suite v02", {"suite": "v02"}),
        ("suite am1pq", {"suite": "am1pq"}),
        ("a feature that was not offered", {"features": ["files", "video"]}),
        ("only a feature that was not offered", {"features": ["video"]}),
    ]:
        no("auth", f"chosen: {comment}", yes(**changes), "offer")

    for comment, changes in [
        ("size 0", {"constraints": limits(0)}),
        ("size 2^31", {"constraints": limits(2**31)}),
        ("size -1", {"constraints": limits(-1)}),
        ("size a fraction", {"constraints": limits(1024.5)}),
        ("size as text", {"constraints": limits("65536")}),
        ("no messages", {"constraints": limits(count=0)}),
        ("messages 2^31", {"constraints": limits(count=2**31)}),
        ("ttl 0", {"constraints": limits(seconds=0)}),
        ("ttl 2^31", {"constraints": limits(seconds=2**31)}),
        ("ttl true", {"constraints": limits(seconds=True)}),
        ("no constraint", {"constraints": {}}),
        ("constraints as a list", {"constraints": [65536, 20, 300]}),
        ("suite empty", {"suite": ""}),
        ("suite of 33 bytes", {"suite": "s" * 33}),
        ("suite of 34 bytes in 17 characters", {"suite": "\u00fc" * 17}),
        ("17 features", {"features": ["files"] * 17}),
        ("feature of 33 bytes", {"features": ["f" * 33]}),
        ("empty feature", {"features": [""]}),
        ("session id of 15 bytes", {"session_id": "00" * 15}),
        ("session id of 17 bytes", {"session_id": "00" * 17}),
        ("session id that is not hexadecimal", {"session_id": "zz" * 16}),
        ("ratchet key of 31 bytes", {"ratchet_key": b64u(bytes(31))}),
        ("ratchet key padded", {"ratchet_key": base64.urlsafe_b64encode(bytes(32)).decode()}),
        ("knock of 31 bytes", {"knock": b64u(digest[:31])}),
        ("sender no AMID", {"from": "bob"}),
        ("time without offset", {"timestamp": "2026-11-21T12:00:00"}),
    ] + [
        (f"constraints without {name}", {"constraints": {k: v for k, v in limits().items() if k != name}})
        for name in limits()
    ]:
        no("parse", f"ACCEPT: {comment}", yes(**changes), "range")
    for comment, changes in [
        ("retry after 0", {"retry_after_seconds": 0}),
        ("retry after 2^31", {"retry_after_seconds": 2**31}),
        ("retry after -1", {"retry_after_seconds": -1}),
        ("retry after a fraction", {"retry_after_seconds": 0.5}),
        ("retry after as text", {"retry_after_seconds": "60"}),
        ("reason empty", {"reason": ""}),
        ("reason of 65 bytes", {"reason": "r" * 65}),
        ("reason of 66 bytes in 33 characters", {"reason": "\u00fc" * 33}),
        ("reason a number", {"reason": 5}),
    ]:
        no("parse", f"REJECT: {comment}", nay(**changes), "range", refusal)
    unsigned = lambda value, proof: json.dumps(value | {"signature": proof}, separators=(",", ":"))
    no("parse", "ACCEPT: empty signature", m.reply(knock, unsigned(m.accept_content(knock), ""), 0))
    no("crypto", "ACCEPT: signature of 63 bytes", m.reply(knock, unsigned(m.accept_content(knock), b64u(bytes(63))), 0))
    by = lambda who, **c: m.reply(knock, signed_text(who, "accept", m.accept_content(knock, **c)), 0)
    wrong_key = m.reply(stranger, accept, 0, key=other.reply_key, prefix=sha256(stranger)[:8])
    no("parse", "prefix before tag", wrong_key, "order")
    no("crypto", "tag before form", m.reply(knock, "{}", 0, key=other.reply_key), "order")
    no("parse", "form before signature", by(CAROL, suite=None), "order")
    no("parse", "range before signature", by(CAROL, constraints=limits(0)), "order")
    no("parse", "range before offer", yes(suite="s" * 33), "order")
    no("crypto", "signature before offer", by(CAROL, suite="v02"), "order")
    no("crypto", "signature before names", by(CAROL, **{"from": CAROL.amid}), "order")

    def hashed(i):
        knock, accept = hexed(i["knock"]), hexed(i["accept"])
        return {}, {
            "knock_hash": sha256(knock).hex(),
            "session_id": session_id(knock, hexed(i["id_key"])).hex(),
            "transcript": transcript(knock, accept).hex(),
        }

    t = f.group("transcript", "frames of the rows above", hashed)
    t.accept("KNOCK and ACCEPT", ["hashes"], {"knock": knock.hex(), "accept": frame.hex(), "id_key": m.id_key.hex()})
    t.accept(
        "another KNOCK", ["hashes"], {"knock": stranger.hex(), "accept": frame.hex(), "id_key": other.id_key.hex()}
    )
    t.accept("short frames", ["hashes"], {"knock": "01", "accept": "0201", "id_key": m.id_key.hex()})
    return f


def messages(ledger):
    f = VectorFile(ledger, "knock", "messages")
    f.note(
        "seal",
        ["AM-KNK-022", "AM-RAT-005"],
        "another layout, padding or associated data",
        "no message opens",
        ["cat 17"],
    )
    f.note("padded", ["AM-KNK-022"], "another step of padding", "lengths tell a relay what is said")
    f.note("valid", ["AM-KNK-023"], "a receiver that is too strict", "honest messages are lost")
    f.note("padding", ["AM-KNK-023"], "any padding is accepted", "one message has many forms")
    f.note("notice", ["AM-KNK-029"], "another layout or signed text", "sessions are not healed after a loss")
    f.note("valid-notice", ["AM-KNK-030"], "an honest notice is refused", "sessions are not healed after a loss")
    f.note("bad-notice", ["AM-KNK-030"], "notices are believed", "anyone ends a session", ["cat 130"])
    m = Meeting()
    knock = m.frame()
    sid = session_id(knock, m.id_key)
    t = transcript(knock, b"accept")

    def sealed(i):
        head = b"\3\1" + hexed(i["session_id"]) + u8(1 if i["bound"] else 0)
        prefix = am1_prefix(ALICE, BOB, hexed(i["hash"]), i["direction"], head)
        plain = padded(hexed(i["plain"]))
        ad = prefix + hexed(i["header"])
        return {"padded": plain.hex(), "ad": ad.hex()}, {
            "frame": (head + hexed(i["header"]) + seal("am1", hexed(i["message_key"]), b"", ad, plain)).hex()
        }

    g = f.group(
        "message.frame",
        "seeded agents and keys",
        sealed,
        initiator_card=ALICE.card().hex(),
        responder_card=BOB.card().hex(),
    )
    for comment, bound, direction, size in [
        ("optimistic", False, 0, 10),
        ("from the initiator", True, 0, 100),
        ("from the responder", True, 1, 100),
        ("empty", True, 1, 0),
        ("63 bytes", True, 0, 63),
        ("64 bytes", True, 0, 64),
    ]:
        g.accept(
            comment,
            ["seal"],
            {
                "session_id": sid.hex(),
                "bound": bound,
                "direction": direction,
                "hash": (t if bound else sha256(knock)).hex(),
                "header": header(Pair("message").public, 1, 2).hex(),
                "message_key": seeded(f"message/{comment}").hex(),
                "plain": seeded("plain", 128)[:size].hex(),
            },
        )
    p = f.group("padding.size", "lengths at each edge", lambda i: ({}, {"padded": padded_size(i["size"])}))
    for size in (0, 1, 62, 63, 64, 127, 1022, 1023, 1024, 1535, 1536, 8191, 8192, 8193, 12287, 12288, 40000):
        p.accept(f"size of {size} bytes", ["padded"], {"size": size})
    r = f.group(
        "padding.remove",
        "padded texts, and changes of them",
        lambda i: ({}, {"size": len(hexed(i["padded"]).rstrip(b"\0")) - 1}),
    )
    for size in (0, 1, 62, 63, 64, 1023, 1024, 2000):
        r.accept(f"remove from {size} bytes", ["valid"], {"padded": padded(b"x" * size).hex()})
    r.accept("text that ends in 80 and zeros", ["valid"], {"padded": padded(b"x\x80\0\0").hex()})
    good = {"padded": padded(b"x" * 20).hex()}
    for comment, data in [
        ("nothing", b""),
        ("only zeros", bytes(64)),
        ("no 80", (b"x" * 20).ljust(64, b"\0")),
        ("81 in place of 80", (b"x" * 20 + b"\x81").ljust(64, b"\0")),
        ("a byte after the zeros", padded(b"x" * 20)[:-1] + b"\1"),
        ("128 bytes in place of 64", (b"x" * 20 + b"\x80").ljust(128, b"\0")),
        ("63 bytes in place of 64", (b"x" * 20 + b"\x80").ljust(63, b"\0")),
        ("not padded", b"x" * 20 + b"\x80"),
    ]:
        r.reject("parse", f"padding: {comment}", ["padding"], {"padded": data.hex()}, good)
    for size, wrong in ((1023, 1088), (1024, 1088), (1500, 1600), (8191, 8704), (8192, 8704)):
        r.reject(
            "parse",
            f"{size} bytes padded to {wrong}",
            ["padding"],
            {"padded": (b"x" * size + b"\x80").ljust(wrong, b"\0").hex()},
            {"padded": padded(b"x" * size).hex()},
        )

    def notice_content(session, frame, to):
        return session + sha256(frame) + to.raw_amid

    def noticed(i):
        frame = hexed(i["frame"])
        content = hexed(i["session_id"]) + sha256(frame) + raw_amid[i["to"]]
        return {"signed": signed_bytes("unknown-session", content).hex()}, {
            "notice": (b"\5\1" + hexed(i["session_id"]) + sign(BOB, "unknown-session", content)).hex()
        }

    raw_amid = {a.amid: a.raw_amid for a in (ALICE, BOB, CAROL)}
    n = f.group("notice.write", "seeded agents", noticed, seed=BOB.seed.hex())
    frame = b"\3\1" + sid + b"\1" + seeded("lost", 120)[:120]
    made = n.accept("notice to alice", ["notice"], {"session_id": sid.hex(), "frame": frame.hex(), "to": ALICE.amid})
    n.accept("notice to carol", ["notice"], {"session_id": sid.hex(), "frame": frame.hex(), "to": CAROL.amid})
    v = f.group("notice.verify", "notices of the rows above, and changes of them", None, public_key=BOB.public.hex())
    notice = hexed(made["output"]["notice"])
    row = lambda data, sent=frame, to=ALICE: {"notice": data.hex(), "frame": sent.hex(), "to": to.amid}
    good = v.accept("valid notice", ["valid-notice"], row(notice))
    flip = lambda at: notice[:at] + bytes([notice[at] ^ 1]) + notice[at + 1 :]
    v.reject("crypto", "session id changed", ["bad-notice"], row(flip(3)), good)
    v.reject("crypto", "signature changed", ["bad-notice"], row(flip(30)), good)
    v.reject("crypto", "for another frame", ["bad-notice"], row(notice, frame + b"\0"), good)
    v.reject("crypto", "for another receiver", ["bad-notice"], row(notice, frame, CAROL), good)
    content = notice_content(sid, frame, ALICE)
    for comment, proof in [
        ("signed by carol", sign(CAROL, "unknown-session", content)),
        ("signed in context reject", sign(BOB, "reject", content)),
        ("signed without context", BOB.sign(content)),
        ("signed without the frame", sign(BOB, "unknown-session", sid + ALICE.raw_amid)),
        ("signed without the receiver", sign(BOB, "unknown-session", sid + sha256(frame))),
        ("signature of zeros", bytes(64)),
    ]:
        v.reject("crypto", comment, ["bad-notice"], row(notice[:18] + proof), good)
    for comment, data in [
        ("a byte short", notice[:-1]),
        ("a byte long", notice + b"\0"),
        ("type 4", b"\4" + notice[1:]),
        ("suite 2", b"\5\2" + notice[2:]),
    ]:
        v.reject("parse", comment, ["bad-notice"], row(data), good)
    return f


def python_text(value):
    """What `json.dumps` makes of it in its default spacing."""
    return json.dumps(value)


def python_knock(sender, to, intent, timestamp):
    what = {"category": intent["category"]}
    what |= {k: intent[k] for k in ("subcategory", "action") if intent.get(k)}
    return python_text(
        {
            "from": sender,
            "to": to,
            "intent": what | {"urgency": intent.get("urgency", "normal")},
            "timestamp": timestamp,
        }
    )


def b64(data):
    return base64.b64encode(data).decode()


def dialects(ledger):
    f = VectorFile(ledger, "knock", "v02")
    f.note("write", ["AM-KNK-040"], "another spacing, order or escape", "Python agents refuse our KNOCK", ["K9"])
    f.note(
        "valid",
        ["AM-KNK-041", "AM-KNK-042", "AM-KNK-043", "AM-KNK-044"],
        "one of the dialects is refused",
        "deployed agents are not heard",
        ["K1"],
    )
    f.note(
        "proof", ["AM-KNK-042"], "the signature is not verified", "anyone knocks as anyone", ["K2, K3", "cat 122, 125"]
    )
    f.note("time", ["AM-KNK-043"], "the time is not looked at", "old KNOCKs are replayed", ["K4", "cat 123"])
    f.note(
        "whom",
        ["AM-KNK-044"],
        "the recipient is not compared",
        "a KNOCK for one agent opens another's door",
        ["cat 121"],
    )
    f.note(
        "form",
        ["AM-KNK-041"],
        "a text of no dialect is read as one",
        "a KNOCK is judged by one shape and understood by another",
        ["K1"],
    )
    s = f.group(
        "v02.signed",
        "texts that Python's own json module writes",
        lambda i: (
            {},
            {
                "knock": python_knock(i["from"], i["to"], i["intent"], i["timestamp"]),
                "accept": python_text(
                    {"session_id": i["word"], "from": i["from"], "to": i["to"], "timestamp": i["timestamp"]}
                ),
                "reject": python_text(
                    {"reason": i["word"], "from": i["from"], "to": i["to"], "timestamp": i["timestamp"]}
                ),
            },
        ),
    )
    stamp = "2026-11-21T12:00:00+00:00"
    for comment, intent, word in [
        ("category alone", {"category": "travel"}, "s"),
        (
            "all of an intent",
            {"category": "travel", "subcategory": "flights", "action": "book", "urgency": "high"},
            "session_1",
        ),
        ("action without subcategory", {"category": "travel", "action": "book"}, "blocked"),
        ("quotes and backslashes", {"category": 'a"b\\c'}, '"'),
        ("control characters", {"category": "\b\t\n\f\r\u0001\u001f\u007f"}, "\n"),
        ("beyond ASCII", {"category": "gr\u00fc\u00df \u20ac", "action": "\u2028"}, "\u00e9"),
        ("beyond the basic plane", {"category": "\U0001f600", "subcategory": "\U0010ffff"}, "\U0001f600"),
        ("slash and angle brackets", {"category": "a/b<c>&'"}, "</"),
    ]:
        s.accept(
            f"signed: {comment}",
            ["write"],
            {"from": ALICE.amid, "to": BOB.amid, "intent": intent, "timestamp": stamp, "word": word},
        )

    def written(i):
        text = python_knock(ALICE.amid, i["to"], i["intent"], i["timestamp"])
        return {"signed": text}, {"timestamp": i["timestamp"], "signature": b64(ALICE.sign(text.encode()))}

    w = f.group("v02.write", "seeded agents; `at` is written as `timestamp`", written, seed=ALICE.seed.hex())
    for at, timestamp in [
        ("2026-11-21T12:00:00Z", stamp),
        ("2026-11-21T12:00:00.123Z", "2026-11-21T12:00:00.123000+00:00"),
        ("2026-11-21T12:00:00.000001Z", "2026-11-21T12:00:00.000001+00:00"),
    ]:
        w.accept(
            f"write at {at}",
            ["write"],
            {
                "at": at,
                "timestamp": timestamp,
                "to": BOB.amid,
                "intent": {"category": "travel", "subcategory": "flights"},
            },
        )

    def python_text_of(signer=ALICE, to=BOB, signed=None, separators=None, **changes):
        value = {
            "type": "knock",
            "protocol_version": "agentmesh/0.2",
            "from": {"amid": ALICE.amid, "tier": 2},
            "intent": {"category": "travel", "subcategory": "flights", "urgency": "normal"},
            "session_request": {"type": "conversation", "expected_messages": 20, "ttl_seconds": 300},
            "timestamp": stamp,
        } | changes
        value = {k: v for k, v in value.items() if v is not None}
        sender = value.get("from")
        sender = sender.get("amid") if isinstance(sender, dict) else sender
        if signed is None:
            intent = value.get("intent", {"category": ""})
            signed = python_knock(
                sender,
                to.amid,
                intent if isinstance(intent, dict) and isinstance(intent.get("category"), str) else {"category": ""},
                value.get("timestamp", stamp),
            )
        return json.dumps(value | {"signature": b64(signer.sign(signed.encode()))}, separators=separators)

    MILLIS = 1795262400000

    def js_text_of(signer=ALICE, signed_changes=None, spaces=False, **changes):
        value = {
            "version": "agentmesh/0.2",
            "from": ALICE.amid,
            "to": BOB.amid,
            "request": {
                "type": "one-shot",
                "ttl": 300,
                "expectedMessages": 20,
                "intent": {"capability": "travel/flights", "action": "book"},
                "priority": 1,
            },
            "timestamp": MILLIS,
            "nonce": seeded("js/nonce", 16)[:16].hex(),
        } | changes
        value = {k: v for k, v in value.items() if v is not None}
        dump = lambda v: json.dumps(v, separators=None if spaces else (",", ":"), ensure_ascii=False)
        covered = {
            k: v
            for k, v in (value | (signed_changes or {})).items()
            if k in ("version", "from", "to", "request", "timestamp", "nonce")
        }
        proof = b64(signer.sign(("{" + ",".join(f'"{k}":{dump(v)}' for k, v in covered.items()) + "}").encode()))
        return dump(value | {"signature": proof})

    def read(i):
        value = json.loads(i["text"])
        js = "request" in value
        ask = value["request"] if js else value.get("session_request", {})
        kinds = {"one-shot": "request_response", "streaming": "stream", "persistent": "conversation"}
        if js:
            category, _, rest = ask["intent"]["capability"].partition("/")
            words = [category, rest, ask["intent"].get("action")]
        else:
            words = [value["intent"].get(k) for k in ("category", "subcategory", "action")]
        number = lambda name, otherwise: ask[name] if type(ask.get(name)) is int else otherwise
        kind = ask.get("type", "conversation")
        return {}, {
            "dialect": "javascript" if js else "python",
            "intent": "/".join(w for w in words if isinstance(w, str) and w),
            "type": kinds[kind] if js and "type" in ask else kind,
            "ttl_seconds": number("ttl" if js else "ttl_seconds", 300),
            "expected_messages": number("expectedMessages" if js else "expected_messages", 20),
        }

    g = f.group(
        "v02.read",
        "KNOCKs as both deployed dialects write them",
        read,
        public_key=ALICE.public.hex(),
        recipient=BOB.amid,
    )
    row = lambda text: {"text": text}
    py = g.accept("Python", ["valid"], row(python_text_of()), NOON)
    js = g.accept("JavaScript", ["valid"], row(js_text_of()), NOON)
    ok = lambda comment, text: g.accept(comment, ["valid"], row(text), NOON)
    ok("Python, compact", python_text_of(separators=(",", ":")))
    ok("Python, with a nonce", python_text_of(nonce="00" * 16))
    ok("Python, beyond ASCII", python_text_of(intent={"category": "gr\u00fc\u00df", "action": "\U0001f600"}))
    ok("Python, urgency left out", python_text_of(intent={"category": "travel"}))
    ok(
        "Python, tier changed after signing: not read",
        python_text_of(**{"from": {"amid": ALICE.amid, "tier": 1.5, "reputation_score": 1}}),
    )
    ok("Python, fraction", python_text_of(timestamp="2026-11-21T12:00:00.123456+00:00"))
    ok("Python, 300 seconds old", python_text_of(timestamp="2026-11-21T11:55:00+00:00"))
    ok("Python, 60 seconds ahead", python_text_of(timestamp="2026-11-21T12:01:00+00:00"))
    ok("Python, without type and protocol", python_text_of(type=None, protocol_version=None))
    ok("Python, another type and protocol", python_text_of(type="hello", protocol_version="agentmesh/9"))
    ok("Python, sender as text", python_text_of(**{"from": ALICE.amid}))
    ok("Python, without a session request", python_text_of(session_request=None))
    ok("Python, an empty session request", python_text_of(session_request={}))
    ok("Python, numbers as text", python_text_of(session_request={"expected_messages": "5", "ttl_seconds": False}))
    ok(
        "Python, largest numbers",
        python_text_of(session_request={"expected_messages": 2**31 - 1, "ttl_seconds": 2**31 - 1}),
    )
    ok(
        "Python, empty subcategory and action",
        python_text_of(intent={"category": "travel", "subcategory": "", "action": ""}),
    )
    # what `null` leaves out is not in the signed text either
    nulls = {"category": "travel", "subcategory": None, "action": 5, "urgency": None}
    signed_as = python_knock(ALICE.amid, BOB.amid, {"category": "travel"}, stamp)
    ok("Python, null and numbers for text", python_text_of(intent=nulls, signed=signed_as))
    ok("Python, 64 bytes in 32 characters", python_text_of(intent={"category": "\u00fc" * 32, "subcategory": "s" * 64}))
    wide = "x" * (32_768 - len(python_text_of(note="").encode()))
    largest = ok("Python, 32,768 bytes", python_text_of(note=wide))
    ok("JavaScript, persistent", js_text_of(request={"type": "persistent", "ttl": 1, "intent": {"capability": "a"}}))
    ok("JavaScript, without kind, time and number", js_text_of(request={"intent": {"capability": "travel/flights"}}))
    deep = {"type": "one-shot", "ttl": 300, "intent": {"capability": "travel/flights/now", "action": ""}}
    ok("JavaScript, a capability of three parts", js_text_of(request=deep))
    ok(
        "JavaScript, a capability that ends in a slash",
        js_text_of(request=deep | {"intent": {"capability": "travel/"}}),
    )
    ok("JavaScript, nonce of 32 bytes in 16 characters", js_text_of(nonce="\u00fc" * 16))
    ok("JavaScript, with spaces as sent", js_text_of(spaces=True))
    ok(
        "JavaScript, beyond ASCII",
        js_text_of(
            request={"type": "streaming", "ttl": 1, "expectedMessages": 1, "intent": {"capability": "gr\u00fc\u00df"}}
        ),
    )
    ok("JavaScript, 300 seconds old", js_text_of(timestamp=MILLIS - 300_000))
    ok("JavaScript, 60 seconds ahead", js_text_of(timestamp=MILLIS + 60_000))
    ok("JavaScript, chain of certificates, not signed", js_text_of(certificateChain=["x"]))

    def no(why, comment, flag, text, twin):
        g.reject(why, comment, [flag], row(text), twin, NOON)

    no("crypto", "Python, signed by carol", "proof", python_text_of(CAROL), py)
    no("crypto", "Python, for carol", "proof", python_text_of(to=CAROL), py)
    no(
        "crypto",
        "Python, compact text signed",
        "proof",
        python_text_of(
            signed=python_knock(ALICE.amid, BOB.amid, {"category": "travel", "subcategory": "flights"}, stamp).replace(
                ", ", ","
            )
        ),
        py,
    )
    no("crypto", "Python, time alone signed", "proof", python_text_of(signed=stamp), py)
    value = json.loads(python_text_of())
    for member, new in [
        ("intent", {"category": "finance", "subcategory": "flights", "urgency": "normal"}),
        ("timestamp", "2026-11-21T12:00:01+00:00"),
        ("signature", b64(bytes(64))),
        ("signature", ""),
    ]:
        no(
            "crypto" if new else "parse",
            f"Python, {member} changed: {str(new)[:20]!r}",
            "proof" if new else "form",
            json.dumps(value | {member: new}),
            py,
        )
    no("crypto", "JavaScript, signed by carol", "proof", js_text_of(CAROL), js)
    for member, new in [
        ("request", {"type": "one-shot", "ttl": 301}),
        ("timestamp", MILLIS + 1),
        ("nonce", "11" * 16),
        ("version", "agentmesh/0.1"),
        ("to", CAROL.amid),
    ]:
        no("crypto", f"JavaScript, another {member} signed", "proof", js_text_of(signed_changes={member: new}), js)
    no("auth", "JavaScript, for carol", "whom", js_text_of(to=CAROL.amid), js)
    no("auth", "JavaScript, for its sender", "whom", js_text_of(to=ALICE.amid), js)
    no("auth", "Python, 301 seconds old", "time", python_text_of(timestamp="2026-11-21T11:54:59+00:00"), py)
    no("auth", "Python, 61 seconds ahead", "time", python_text_of(timestamp="2026-11-21T12:01:01+00:00"), py)
    no("auth", "Python, time without offset", "time", python_text_of(timestamp="2026-11-21T12:00:00"), py)
    no("auth", "JavaScript, 300,001 milliseconds old", "time", js_text_of(timestamp=MILLIS - 300_001), js)
    no("auth", "JavaScript, 60,001 milliseconds ahead", "time", js_text_of(timestamp=MILLIS + 60_001), js)
    no("auth", "JavaScript, seconds in place of milliseconds", "time", js_text_of(timestamp=MILLIS // 1000), js)
    no("auth", "JavaScript, negative time", "time", js_text_of(timestamp=-1), js)
    no("auth", "Python, name of carol", "proof", python_text_of(**{"from": {"amid": CAROL.amid}}), py)
    no("auth", "JavaScript, name of carol", "proof", js_text_of(**{"from": CAROL.amid}), js)
    no(
        "parse",
        "Python, without signature",
        "form",
        json.dumps({k: v for k, v in value.items() if k != "signature"}),
        py,
    )
    no("parse", "Python, without intent", "form", python_text_of(intent=None), py)
    no("parse", "Python, without time", "form", python_text_of(timestamp=None), py)
    no("parse", "Python, without sender", "form", python_text_of(**{"from": {}}), py)
    no("parse", "Python, without category", "form", python_text_of(intent={"action": "book"}), py)
    no(
        "parse",
        "Python, unknown urgency",
        "form",
        python_text_of(intent={"category": "travel", "subcategory": "flights", "urgency": "panic"}),
        py,
    )
    no("parse", "Python, unknown kind of session", "form", python_text_of(session_request={"type": "forever"}), py)
    no("parse", "Python, ttl 0", "form", python_text_of(session_request={"type": "stream", "ttl_seconds": 0}), py)
    no("parse", "both shapes in one", "form", json.dumps(value | {"request": {"type": "one-shot"}}), py)
    no("parse", "JavaScript, without request", "form", js_text_of(request=None), js)
    no("parse", "JavaScript, without nonce", "form", js_text_of(nonce=None), js)
    no("parse", "JavaScript, nonce of 31", "form", js_text_of(nonce="0" * 31), js)
    no("parse", "JavaScript, another protocol", "form", js_text_of(version="meshagent/0.2"), js)
    no("parse", "JavaScript, time as text", "form", js_text_of(timestamp=stamp), js)
    no(
        "parse",
        "JavaScript, no capability",
        "form",
        js_text_of(request={"type": "one-shot", "ttl": 300, "intent": {"action": "x"}}),
        js,
    )
    no(
        "parse",
        "JavaScript, ttl -1",
        "form",
        js_text_of(request={"type": "one-shot", "ttl": -1, "intent": {"capability": "travel"}}),
        js,
    )
    no("parse", "a member twice", "form", python_text_of()[:-1] + ', "type": "knock"}', py)
    no("parse", "array", "form", "[]", py)
    for comment, intent in [
        ("category of 65 bytes", {"category": "c" * 65}),
        ("category of 66 bytes in 33 characters", {"category": "\u00fc" * 33}),
        ("category empty", {"category": ""}),
        ("subcategory of 65 bytes", {"category": "travel", "subcategory": "s" * 65}),
        ("action of 66 bytes in 33 characters", {"category": "travel", "action": "\u00fc" * 33}),
    ]:
        no("parse", f"Python, {comment}", "form", python_text_of(intent=intent), py)
    for comment, request in [
        ("ttl 2^31", {"ttl_seconds": 2**31}),
        ("ttl a fraction", {"ttl_seconds": 1.5}),
        ("messages 0", {"expected_messages": 0}),
        ("messages 2^31", {"expected_messages": 2**31}),
        ("kind a number", {"type": 5}),
    ]:
        no("parse", f"Python, {comment}", "form", python_text_of(session_request=request), py)
    no("parse", "Python, session request as text", "form", python_text_of(session_request="stream"), py)
    no("limit", "Python, 32,769 bytes", "form", python_text_of(note=wide + "x"), largest)
    no("limit", "Python, 32,769 bytes in 32,768 characters", "form", python_wide(python_text_of(note=wide)), largest)
    no("crypto", "Python, signature of 63 bytes", "proof", json.dumps(value | {"signature": b64(bytes(63))}), py)
    no(
        "crypto",
        "Python, signature in the other alphabet",
        "proof",
        json.dumps(value | {"signature": value["signature"].replace("+", "-").replace("/", "_").rstrip("=")}),
        py,
    )
    no("parse", "JavaScript, nonce of 32 characters in 64 bytes", "form", js_text_of(nonce="\u00fc" * 32), js)
    no("parse", "JavaScript, nonce of 33", "form", js_text_of(nonce="0" * 33), js)
    for comment, capability in [
        ("empty capability", ""),
        ("capability that begins with a slash", "/flights"),
        ("category of 65 bytes", "c" * 65),
        ("subcategory of 65 bytes", "travel/" + "s" * 65),
    ]:
        no(
            "parse",
            f"JavaScript, {comment}",
            "form",
            js_text_of(request=deep | {"intent": {"capability": capability}}),
            js,
        )
    no("parse", "JavaScript, unknown kind of session", "form", js_text_of(request=deep | {"type": "conversation"}), js)
    no("parse", "JavaScript, time a fraction", "form", js_text_of(timestamp=MILLIS + 0.5), js)
    no("auth", "JavaScript, the year 10000", "time", js_text_of(timestamp=253_402_300_800_000), js)
    no("crypto", "JavaScript, signature before recipient", "proof", js_text_of(CAROL, to=CAROL.amid), js)
    no(
        "auth",
        "JavaScript, name before signature",
        "proof",
        js_text_of(CAROL, **{"from": CAROL.amid, "version": "agentmesh/0.1"}),
        js,
    )
    return f


def python_wide(text):
    """One character of its note takes two bytes, as no other writer than ours would leave it."""
    return text.replace('"note": "x', '"note": "\u00fc')


class Session(Meeting):
    """A meeting with its answer, and both ratchets."""

    def __init__(self, one_time=2, flags=None, **changes):
        super().__init__(one_time=one_time, name=f"session/{one_time}")
        self.knock_text = self.text()
        flags = (1 if self.one else 0) if flags is None else flags
        self.flags = flags
        self.knock = self.frame(self.knock_text, self.head(flags=flags))
        self.own = Pair(f"session/{one_time}/R_B")
        content = self.accept_content(self.knock, ratchet_key=b64u(self.own.public), **changes)
        self.accept_text = signed_text(self.b, "accept", content)
        self.accept = self.reply(self.knock, self.accept_text, 0)
        self.id = session_id(self.knock, self.id_key)
        self.transcript = transcript(self.knock, self.accept)
        p = self.prekeys.signed
        self.side = {
            "A": Ratchet.initiator("am1", self.root, self.ratchet.private, p.public),
            "B": Ratchet.speaking_responder(self.root, p.private, self.ratchet.public, self.own.private),
        }
        self.stepped = False
        self.steps, self.frames = [], []

    def row(self, last=None):
        p, one = self.prekeys, self.one
        out = {
            "initiator": {
                "seed": self.a.seed.hex(),
                "exchange_private_key": self.a.exchange_seed.hex(),
                "epoch": self.a.epoch,
                "ephemeral_private_key": self.ephemeral.private.hex(),
                "ratchet_private_key": self.ratchet.private.hex(),
            },
            "responder": {
                "seed": self.b.seed.hex(),
                "exchange_private_key": self.b.exchange_seed.hex(),
                "epoch": self.b.epoch,
                "signed_prekey_id": p.number,
                "signed_prekey_private_key": p.signed.private.hex(),
                "ratchet_private_key": self.own.private.hex(),
            }
            | ({"one_time_prekey_id": one[0], "one_time_prekey_private_key": one[1].private.hex()} if one else {}),
            "optimistic": bool(self.flags & 2),
            "knock_text": self.knock_text,
            "accept_text": self.accept_text,
            "steps": list(self.steps),
        }
        return out | ({"last": last} if last else {})

    def prefix(self, by, bound, head):
        return am1_prefix(self.a, self.b, self.transcript if bound else sha256(self.knock), "AB".index(by), head)

    def say(self, by, plain, bound=True):
        """Seals and delivers at once; A takes the step of the ACCEPT before its first bound message."""
        if by == "A" and bound and not self.stepped:
            self.side["A"].turn(self.own.public)
            self.stepped = True
        frame = self.sealed(by, plain, bound)
        self.steps.append({"by": by, "plain": plain.hex(), "bound": bound})
        self.frames.append(frame)
        self.opened("B" if by == "A" else "A", frame)
        return frame

    def sealed(self, by, plain, bound=True):
        head = b"\3\1" + self.id + u8(bound)
        head_bytes, data = self.side[by].seal(self.prefix(by, bound, head), padded(plain))
        return head + head_bytes + data

    def opened(self, by, frame):
        other = "B" if by == "A" else "A"
        if by == "A" and not self.stepped:
            self.side["A"].turn(self.own.public)
            self.stepped = True
        prefix = self.prefix(other, frame[18] & 1, frame[:19])
        return self.side[by].open(prefix, frame[19:59], frame[59:])


def sessions(ledger):
    f = VectorFile(ledger, "knock", "session")
    which = ["AM-KNK-002", "AM-KNK-017", "AM-KNK-021", "AM-KNK-022", "AM-RAT-005", "AM-RAT-010", "AM-KEX-040"]
    f.note(
        "whole",
        which,
        "one of the many parts is read otherwise",
        "two implementations agree on each part and not on the whole",
    )
    f.note("valid", ["AM-RAT-007", "AM-RAT-008", "AM-RAT-014"], "an honest message is refused", "messages are lost")
    f.note(
        "tag",
        ["AM-RAT-007"],
        "what stands before the header is not bound",
        "a relay moves messages between sessions",
        ["cat 15, 17"],
    )
    f.note("header", ["AM-RAT-008"], "the header is not bound", "a relay moves messages within a session", ["cat 18"])
    f.note("again", ["AM-RAT-014"], "a frame is opened twice", "messages count twice", ["cat 21"])
    g = f.group("session.conversation", "seeded agents; random numbers as README says", None)

    def add(comment, flags, session, last=None, plain=None):
        test = g.accept(comment, flags, session.row(last))
        test["output"] = {
            "knock": session.knock.hex(),
            "accept": session.accept.hex(),
            "session_id": session.id.hex(),
            "transcript": session.transcript.hex(),
            "frames": [one.hex() for one in session.frames],
        } | ({"plain": plain.hex()} if plain is not None else {})
        return test

    s = Session()
    for k in range(3):
        s.say("A", f"question {k}".encode())
        s.say("B", f"answer {k}".encode())
    add("questions and answers", ["whole"], s)
    s = Session(one_time=None)
    s.say("B", b"the responder speaks first")
    s.say("B", b"and again")
    s.say("A", b"then the initiator")
    s.say("B", bytes(1500))
    add("without a one-time prekey, the responder first", ["whole"], s)
    s = Session(flags=3)
    s.say("A", b"before the answer", bound=False)
    s.say("A", b"once more", bound=False)
    s.say("A", b"after it")
    s.say("B", b"heard")
    add("optimistic messages", ["whole"], s)
    s = Session()
    s.say("A", b"first")
    s.say("B", b"second")
    text = b"the last one"
    frame = Session.sealed(s, "A", text)
    last = lambda data, to="B": {"to": to, "frame": data.hex()}
    good = add("one more message", ["whole", "valid"], s, last(frame), text)
    flip = lambda at: frame[:at] + bytes([frame[at] ^ 1]) + frame[at + 1 :]
    for comment, at in [("session id", 3), ("flag", 18), ("last byte of the tag", len(frame) - 1), ("text", 70)]:
        g.reject("crypto", f"{comment} changed", ["tag"], s.row(last(flip(at))), good)
    for comment, at in [("ratchet key", 20), ("pn", 54), ("n", 58)]:
        g.reject("crypto", f"{comment} changed", ["header"], s.row(last(flip(at))), good)
    g.reject("replay", "the first message again", ["again"], s.row(last(s.frames[0])), good)
    g.reject("crypto", "sent back to its sender", ["tag"], s.row(last(frame, "A")), good)
    g.reject("crypto", "answer given to its author", ["tag"], s.row(last(s.frames[1])), good)
    return f


def files(ledger):
    return [frames(ledger), texts(ledger), replies(ledger), messages(ledger), dialects(ledger), sessions(ledger)]
