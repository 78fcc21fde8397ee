"""CONNECT and the challenge."""

from .agents import ALICE, BOB, NOON, Agent, b64, challenge_bytes, compact, shifted
from .common import VectorFile, seeded
from . import crypto

RELAY = "relay.example:8765"


def connects(ledger):
    f = VectorFile(ledger, "auth", "connect")
    proof, form, version = ["INVALID_SIGNATURE"], ["INVALID_MESSAGE"], ["PROTOCOL_MISMATCH"]
    either = ["INVALID_MESSAGE", "INVALID_SIGNATURE"]
    f.note(
        "valid",
        ["AM-AUT-001", "AM-AUT-002", "AM-AUT-003", "AM-AUT-004"],
        "a relay re-formats the time before it verifies",
        "clients in another language cannot log in",
        ["T3", "T4"],
    )
    f.note("signature", ["AM-AUT-005"], "the proof is not verified, or over other bytes", "anyone is anyone", ["T2"])
    f.note("foreign-amid", ["AM-AUT-006"], "the AMID is not derived from the key", "anyone is anyone", ["cat 79"])
    f.note(
        "window",
        ["AM-AUT-007", "AM-AUT-008", "AM-AUT-009", "AM-AUT-010"],
        "an edge of the window is off by one, or the fraction is cut before it is compared",
        "stolen proofs live longer, or honest clients are refused",
        ["cat 57"],
    )
    f.note(
        "weak-key", ["AM-AUT-013"], "a key of small order verifies any time", "one proof is good for ever", ["cat 6"]
    )
    f.note(
        "key-text",
        ["AM-AUT-014", "AM-AUT-015"],
        "a key or signature has several texts",
        "the replay memory is passed by",
        ["cat 40 to 42"],
    )
    f.note("protocol", ["AM-AUT-016", "AM-AUT-017"], "any protocol is taken", "later versions are misread")
    f.note("older-protocol", ["AM-AUT-018"], "a choice that a relay makes")
    f.note(
        "shape",
        ["AM-ERR-003", "AM-ERR-004", "AM-ERR-007"],
        "a member is missing, mistyped or doubled",
        "two readers see two agents",
    )
    f.note(
        "extra",
        ["AM-RLY-013", "AM-AUT-042"],
        "unknown members or features are refused",
        "no later client can talk to this relay",
    )
    g = f.group("connect", "seeded agents; a new relay without earlier logins that may accept all proofs of the window")

    def good(comment, frame, flags=("valid",), now=NOON, agent=ALICE, expect="accept"):
        test = g.accept(
            comment, list(flags), {"frame": frame if isinstance(frame, str) else compact(frame)}, now, expect
        )
        stamp = frame if isinstance(frame, str) else frame["timestamp"]
        if not isinstance(frame, str):
            test["intermediate"] = {"signed": stamp.encode().hex()}
        test["output"] = {"amid": agent.amid}
        return test

    def bad(why, comment, frame, twin, flags, codes, now=NOON):
        test = g.reject(why, comment, flags, {"frame": frame if isinstance(frame, str) else compact(frame)}, twin, now)
        test["output"] = {"codes": codes}

    honest = good("alice, now", ALICE.connect(NOON))
    good("bob, now", BOB.connect(NOON), agent=BOB)
    for stamp in (
        "2026-11-21T12:00:00+00:00",
        "2026-11-21T12:00:00.0Z",
        "2026-11-21T13:00:00+01:00",
        "2026-11-21T06:30:00-05:30",
        "2026-11-21T23:59:00+11:59",
    ):
        good(f"time {stamp}", ALICE.connect(stamp))
    for n in range(1, 10):
        good(f"fraction of {n} digits and +00:00", ALICE.connect(f"2026-11-21T11:59:59.{'123000789'[:n]}+00:00"))
        good(f"fraction of {n} digits and Z", ALICE.connect(f"2026-11-21T11:59:59.{'500000000'[:n]}Z"))
    good("key with its prefix", ALICE.connect(NOON, public_key="ed25519:" + b64(ALICE.public)))
    good("p2p_capable true", ALICE.connect(NOON, p2p_capable=True))
    good("p2p_capable false", ALICE.connect(NOON, p2p_capable=False))
    good("unknown members", ALICE.connect(NOON, client="x", nested={"a": [1, {"b": None}]}), ["extra"])
    good("features that nobody knows", ALICE.connect(NOON, features=["no-such-feature", "x-1"]), ["extra"])
    good("no features", ALICE.connect(NOON, features=[]), ["extra"])
    good("sixteen features", ALICE.connect(NOON, features=[f"x{n}" for n in range(16)]), ["extra"])
    good("members in another order", dict(reversed(ALICE.connect(NOON).items())))
    good(
        "white space",
        " \n"
        + compact(ALICE.connect(NOON))
        .replace(":", " : ")
        .replace("12 : 00 : 00", "12:00:00")
        .replace("+00 : 00", "+00:00")
        + "\t",
        agent=ALICE,
    )
    good(
        "name and value escaped",
        compact(ALICE.connect(NOON)).replace('"type":"connect"', '"\\u0074ype":"conn\\u0065ct"'),
    )
    good("escaped solidus in the protocol", compact(ALICE.connect(NOON)).replace("agentmesh/0.2", "agentmesh\\/0.2"))
    good(
        "protocol agentmesh/0.1",
        ALICE.connect(NOON, protocol="agentmesh/0.1"),
        ["older-protocol"],
        expect="choice:AM-AUT-018",
    )
    # The window. `now` moves, the proof stays, so each refused row is one edit of the time of day away from its twin.
    for suffix in ("Z", "+00:00"):
        stamp = shifted(NOON, suffix=suffix)
        for seconds, micros in (
            (0, 0),
            (299, 0),
            (299, 999_999),
            (300, 0),
            (-59, 0),
            (-59, -999_999),
            (-60, 0),
            (60, 0),
            (1, 0),
        ):
            now = shifted(NOON, seconds=seconds, microseconds=micros)
            age = seconds + micros / 1e6
            good(f"{age:.6f} s old, {suffix}", ALICE.connect(stamp), ["window"], now)
        frame = compact(ALICE.connect(stamp))
        for seconds, micros, near in (
            (300, 1, (300, 0)),
            (300, 999, (300, 0)),
            (301, 0, (300, 0)),
            (3600, 0, (299, 0)),
            (86_400, 0, (0, 0)),
            (-60, -1, (-60, 0)),
            (-61, 0, (-60, 0)),
            (-3600, 0, (-59, 0)),
            (-86_400, 0, (0, 0)),
        ):
            age = seconds + micros / 1e6
            now, then = shifted(NOON, seconds=seconds, microseconds=micros), shifted(
                NOON, seconds=near[0], microseconds=near[1]
            )
            twin = g.accept(f"in the window for {age:.6f} s, {suffix}", ["window"], {"frame": frame}, then)
            test = g.reject(
                "auth", f"{age:.6f} s old, {suffix}, out of the window", ["window"], {"frame": frame}, twin, now
            )
            test["output"] = {"codes": proof}
    # Nanoseconds of the proof count: neither edge may be reached by cutting digits.
    for comment, stamp, now, fine in [
        (
            "half a microsecond too old",
            "2026-11-21T12:00:00.0000005Z",
            "2026-11-21T12:05:00.000001Z",
            "2026-11-21T12:05:00Z",
        ),
        (
            "half a microsecond too far ahead",
            "2026-11-21T12:00:00.0000005Z",
            "2026-11-21T11:59:00Z",
            "2026-11-21T11:59:00.000001Z",
        ),
        (
            "one nanosecond too far ahead",
            "2026-11-21T12:00:00.000000001Z",
            "2026-11-21T11:59:00Z",
            "2026-11-21T11:59:00.000001Z",
        ),
    ]:
        frame = compact(ALICE.connect(stamp))
        twin = g.accept(f"in the window: {comment}", ["window"], {"frame": frame}, fine)
        test = g.reject("auth", comment, ["window"], {"frame": frame}, twin, now)
        test["output"] = {"codes": proof}
    for test in g.tests:
        if test["expect"] == "accept" and "output" not in test:
            test["output"] = {"amid": ALICE.amid}
    sig = b64(ALICE.sign(NOON.encode()))
    for comment, value in [
        ("signature by bob", b64(BOB.sign(NOON.encode()))),
        ("signature over another time", b64(ALICE.sign(b"2026-11-21T12:00:01Z"))),
        ("signature over +00:00 for Z", b64(ALICE.sign(b"2026-11-21T12:00:00+00:00"))),
        ("signature over the time in quotes", b64(ALICE.sign(b'"2026-11-21T12:00:00Z"'))),
        ("signature over time and line feed", b64(ALICE.sign(NOON.encode() + b"\n"))),
        ("signature over nothing", b64(ALICE.sign(b""))),
        ("signature of zeros", b64(bytes(64))),
        ("signature over the AMID", b64(ALICE.sign(ALICE.amid.encode()))),
    ]:
        bad("auth", comment, ALICE.connect(NOON, signature=value), honest, ["signature"], proof)
    flipped = bytearray(ALICE.sign(NOON.encode()))
    for bit in (0, 255, 256, 507):
        changed = bytearray(flipped)
        changed[bit // 8] ^= 1 << bit % 8
        bad(
            "auth",
            f"bit {bit} of the signature flipped",
            ALICE.connect(NOON, signature=b64(bytes(changed))),
            honest,
            ["signature"],
            proof,
        )
    s = int.from_bytes(flipped[32:], "little") + crypto.curve.L
    bad(
        "auth",
        "S plus L",
        ALICE.connect(NOON, signature=b64(bytes(flipped[:32]) + s.to_bytes(32, "little"))),
        honest,
        ["signature"],
        proof,
    )
    good("time +00:00 as signed", ALICE.connect("2026-11-21T12:00:00+00:00"))
    bad(
        "auth",
        "time changed after signing",
        ALICE.connect(NOON, timestamp="2026-11-21T12:00:01Z", signature=sig),
        honest,
        ["signature"],
        proof,
    )
    bad(
        "auth",
        "time re-formatted after signing",
        ALICE.connect(NOON, timestamp="2026-11-21T12:00:00+00:00", signature=sig),
        honest,
        ["signature"],
        proof,
    )
    bad("auth", "key of bob", ALICE.connect(NOON, public_key=b64(BOB.public)), honest, ["foreign-amid"], proof)
    bad("auth", "AMID of bob", ALICE.connect(NOON, amid=BOB.amid), honest, ["foreign-amid"], proof)
    for agent in ("mallory", "trent"):
        bad("auth", f"AMID of {agent}", ALICE.connect(NOON, amid=Agent(agent).amid), honest, ["foreign-amid"], proof)
    for order, encoded in crypto.small_order()[:8]:
        bad(
            "auth",
            f"key of small order, {encoded.hex()[:4]}..{encoded.hex()[-4:]}, order {order}",
            ALICE.connect(NOON, public_key=b64(encoded)),
            honest,
            ["weak-key"],
            proof,
        )
    key = b64(ALICE.public)
    for comment, value in [
        ("doubled prefix", "ed25519:ed25519:" + key),
        ("prefix x25519", "x25519:" + key),
        ("unknown prefix", "rsa:" + key),
        ("key without padding", key[:-1]),
        ("key with a line feed", key + "\n"),
        ("key of 31 bytes", b64(ALICE.public[:31])),
        ("key of 33 bytes", b64(ALICE.public + b"\0")),
        ("empty key", ""),
        ("key with stray bits", key[:42] + stray(key[42]) + "="),
        ("key in hexadecimal", ALICE.public.hex()),
    ]:
        bad("auth", comment, ALICE.connect(NOON, public_key=value), honest, ["key-text"], either)
    for comment, value in [
        ("signature without padding", sig[:-2]),
        ("signature with one sign of padding", sig[:-1]),
        ("signature with a space", sig[:10] + " " + sig[10:]),
        ("signature with stray bits", sig[:85] + stray(sig[85]) + "=="),
        ("signature of 63 bytes", b64(bytes(flipped[:63]))),
        ("signature of 65 bytes", b64(bytes(flipped) + b"\0")),
        ("empty signature", ""),
        ("signature in hexadecimal", flipped.hex()),
    ]:
        bad("auth", comment, ALICE.connect(NOON, signature=value), honest, ["key-text"], either)
    for value in (
        "agentmesh/0.3",
        "agentmesh/1.0",
        "agentmesh/0.20",
        "agentmesh/0.2 ",
        "AgentMesh/0.2",
        "agentmesh",
        "",
        "http/1.1",
    ):
        bad("version", f"protocol {value!r}", ALICE.connect(NOON, protocol=value), honest, ["protocol"], version)
    text = compact(ALICE.connect(NOON))
    for name in ("protocol", "amid", "public_key", "timestamp", "signature"):
        bad("parse", f"no {name}", ALICE.connect(NOON, **{name: None}), honest, ["shape"], form)
        for kind, value in (("a number", 1), ("null", "NULL"), ("an array", []), ("an object", {}), ("true", True)):
            frame = ALICE.connect(NOON, **{name: value})
            bad("parse", f"{name} is {kind}", compact(frame).replace('"NULL"', "null"), honest, ["shape"], form)
        member = compact({name: ALICE.connect(NOON)[name]})[1:-1]
        bad("parse", f"{name} twice", text[:-1] + "," + member + "}", honest, ["shape"], form)
    capable = good("p2p_capable true, for the next rows", ALICE.connect(NOON, p2p_capable=True, features=["x"]))
    listed = compact(ALICE.connect(NOON, p2p_capable=True, features=["x"]))
    bad("parse", "p2p_capable is a string", listed.replace("true", '"true"'), capable, ["shape"], form)
    bad("parse", "p2p_capable is a number", listed.replace("true", "1"), capable, ["shape"], form)
    bad("parse", "features is a string", listed.replace('["x"]', '"x"'), capable, ["shape"], form)
    bad("parse", "a feature is a number", listed.replace('["x"]', "[1]"), capable, ["shape"], form)
    return f


def stray(c):
    """The next character of the base64 alphabet: one unused bit set."""
    from .encodings import ALPHABET64

    return ALPHABET64[ALPHABET64.index(c) + 1]


def challenges(ledger):
    f = VectorFile(ledger, "auth", "challenge")
    f.note(
        "valid",
        ["AM-AUT-044"],
        "a part is left out of the signed bytes or prefixed otherwise",
        "no two implementations agree",
    )
    f.note(
        "nonce-or-name",
        ["AM-AUT-045"],
        "a proof is good at another relay or another time",
        "a relay logs in elsewhere as its client",
        ["cat 78"],
    )
    f.note("features", ["AM-AUT-046"], "the feature lists are not covered", "somebody in between takes features away")
    f.note(
        "plain",
        ["AM-AUT-047"],
        "the CONNECT signature is taken for the response",
        "a recorded CONNECT is enough",
        ["cat 10"],
    )
    f.note(
        "signed-bytes",
        ["AM-AUT-044", "AM-AUT-045", "AM-AUT-046"],
        "a boundary between two parts can be moved",
        "one signature stands for two statements",
    )
    both = ["challenge", "receipts"]

    def compute(i):
        data = challenge_bytes(
            bytes.fromhex(i["nonce"]),
            i["relay"],
            i["timestamp"],
            ALICE.raw_amid,
            i["client_features"],
            i["relay_features"],
        )
        return {"signed": data.hex()}, {}

    g = f.group(
        "challenge.verify",
        "seeded agents; the nonce is the relay's first 32 random bytes",
        compute,
        seed=ALICE.seed.hex(),
        public_key=ALICE.public.hex(),
        amid=ALICE.amid,
    )

    def row(nonce=None, relay=RELAY, timestamp=NOON, client=both, offered=both, signature=None):
        nonce = nonce or seeded("challenge/nonce")
        signature = signature or ALICE.sign(ALICE.proof(nonce, relay, timestamp, client, offered))
        return {
            "nonce": nonce.hex(),
            "relay": relay,
            "timestamp": timestamp,
            "client_features": client,
            "relay_features": offered,
            "signature": b64(signature),
        }

    honest = g.accept("both features", ["valid"], row(), NOON)
    for n in range(4):
        g.accept(f"nonce {n}", ["valid"], row(nonce=seeded(f"challenge/{n}")), NOON)
    g.accept("nonce of zeros", ["valid"], row(nonce=bytes(32)), NOON)
    g.accept("one feature", ["valid"], row(client=["challenge"], offered=["challenge"]), NOON)
    g.accept("client offers more than the relay has", ["valid"], row(client=["challenge", "receipts", "x-new"]), NOON)
    g.accept(
        "another order of the client's list",
        ["valid"],
        row(client=["receipts", "challenge"], offered=["receipts", "challenge"]),
        NOON,
    )
    for relay in ("127.0.0.1:8765", "[::1]:443", "a", "xn--bcher-kva.example:443", "relay-" + "x" * 200):
        g.accept(f"relay name of {len(relay)} characters, {relay[:12]}", ["valid"], row(relay=relay), NOON)
    for stamp in (
        "2026-11-21T12:00:00+00:00",
        "2026-11-21T12:00:00.123456789Z",
        "2026-11-21T13:00:00+01:00",
        "2026-11-21T11:55:00Z",
        "2026-11-21T12:01:00Z",
    ):
        g.accept(f"time {stamp}", ["valid"], row(timestamp=stamp), NOON)
    nonce = seeded("challenge/nonce")
    signed = lambda *parts: ALICE.sign(ALICE.proof(*parts))
    tag = b"AgentMesh-v1:relay-connect\0"
    data = ALICE.proof(nonce, RELAY, NOON, both, both)
    for why, comment, flags, signature in [
        (
            "auth",
            "signed over another nonce",
            ["nonce-or-name"],
            signed(seeded("challenge/0"), RELAY, NOON, both, both),
        ),
        ("auth", "signed over a nonce of zeros", ["nonce-or-name"], signed(bytes(32), RELAY, NOON, both, both)),
        (
            "auth",
            "signed over the text of the nonce",
            ["nonce-or-name"],
            signed(b64(nonce).encode(), RELAY, NOON, both, both),
        ),
        (
            "auth",
            "signed over another relay name",
            ["nonce-or-name"],
            signed(nonce, "other.example:8765", NOON, both, both),
        ),
        (
            "auth",
            "signed over the name without its port",
            ["nonce-or-name"],
            signed(nonce, "relay.example", NOON, both, both),
        ),
        (
            "auth",
            "signed over the name in upper case",
            ["nonce-or-name"],
            signed(nonce, RELAY.upper(), NOON, both, both),
        ),
        ("auth", "signed over an empty name", ["nonce-or-name"], signed(nonce, "", NOON, both, both)),
        (
            "auth",
            "signed over another time",
            ["signed-bytes"],
            signed(nonce, RELAY, "2026-11-21T12:00:01Z", both, both),
        ),
        ("auth", "client list without receipts", ["features"], signed(nonce, RELAY, NOON, ["challenge"], both)),
        ("auth", "relay list without receipts", ["features"], signed(nonce, RELAY, NOON, both, ["challenge"])),
        ("auth", "client list in another order", ["features"], signed(nonce, RELAY, NOON, both[::-1], both)),
        ("auth", "relay list in another order", ["features"], signed(nonce, RELAY, NOON, both, both[::-1])),
        ("auth", "client list with a feature more", ["features"], signed(nonce, RELAY, NOON, both + ["x"], both)),
        ("auth", "both lists empty", ["features"], signed(nonce, RELAY, NOON, [], [])),
        (
            "auth",
            "lists joined with spaces",
            ["features"],
            signed(nonce, RELAY, NOON, ["challenge receipts"], ["challenge receipts"]),
        ),
        ("auth", "plain CONNECT signature", ["plain"], ALICE.sign(NOON.encode())),
        ("auth", "plain signature over the nonce", ["plain"], ALICE.sign(nonce)),
        ("auth", "no domain tag", ["signed-bytes"], ALICE.sign(data[len(tag) :])),
        ("auth", "domain tag without its zero byte", ["signed-bytes"], ALICE.sign(tag[:-1] + data[len(tag) :])),
        ("auth", "another domain tag", ["signed-bytes"], ALICE.sign(b"AgentMesh-v1:relay-login\0" + data[len(tag) :])),
        (
            "auth",
            "no length prefixes",
            ["signed-bytes"],
            ALICE.sign(
                tag + nonce + RELAY.encode() + NOON.encode() + ALICE.raw_amid + b"challenge,receiptschallenge,receipts"
            ),
        ),
        (
            "auth",
            "little-endian lengths",
            ["signed-bytes"],
            ALICE.sign(
                tag
                + b"".join(
                    len(p).to_bytes(4, "little") + p
                    for p in (
                        nonce,
                        RELAY.encode(),
                        NOON.encode(),
                        ALICE.raw_amid,
                        b"challenge,receipts",
                        b"challenge,receipts",
                    )
                )
            ),
        ),
        (
            "auth",
            "AMID as text",
            ["signed-bytes"],
            ALICE.sign(challenge_bytes(nonce, RELAY, NOON, ALICE.amid.encode(), both, both)),
        ),
        (
            "auth",
            "AMID of bob",
            ["signed-bytes"],
            ALICE.sign(challenge_bytes(nonce, RELAY, NOON, BOB.raw_amid, both, both)),
        ),
        ("auth", "a byte after the last part", ["signed-bytes"], ALICE.sign(data + b"\0")),
        (
            "auth",
            "boundary of name and time moved",
            ["signed-bytes"],
            ALICE.sign(challenge_bytes(nonce, RELAY + "2", NOON[1:], ALICE.raw_amid, both, both)),
        ),
        ("auth", "signed by bob", ["signed-bytes"], BOB.sign(data)),
    ]:
        g.reject(why, comment, flags, row(signature=signature), honest, NOON)
    return f


def files(ledger):
    return [connects(ledger), challenges(ledger)]
