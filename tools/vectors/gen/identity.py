"""AMIDs, key texts, DID documents, tiers, identity files."""

import hashlib
import json

from .agents import ALICE, BOB, Agent, b64
from .common import VectorFile, seeded
from .encodings import base58


def amids(ledger):
    f = VectorFile(ledger, "identity", "amid")
    f.note(
        "derive",
        ["AM-ID-001"],
        "another hash, another part of it, or the text of the key hashed",
        "no two implementations name an agent alike",
    )
    f.note("valid", ["AM-ID-002"], "a reader that wants 26 to 28 characters refuses agents with leading zeros")
    f.note(
        "not-20-bytes",
        ["AM-ID-002"],
        "any base58 text is taken for a name",
        "messages are stored for agents that cannot exist",
        ["cat 44"],
    )
    f.note("not-canonical", ["AM-ID-002"], "one agent has two names", "a blocklist is passed by")
    f.note("pair", ["AM-ID-003"], "the name that comes with a key is believed", "anyone logs in as anyone", ["cat 79"])
    d = f.group(
        "amid.derive",
        "seeded keys, and keys with a known name",
        lambda i: (
            {"sha256": hashlib.sha256(bytes.fromhex(i["public_key"])).hexdigest()},
            {"amid": base58(hashlib.sha256(bytes.fromhex(i["public_key"])).digest()[:20])},
        ),
    )
    d.accept(
        "derive: the 0.2 fixture",
        ["derive"],
        {"public_key": "c1ffddb45a33ca7e73136752d3a513be92bc7161db22991e5f0615ae29aab576"},
    )
    d.accept("derive: 32 zero bytes", ["derive"], {"public_key": "00" * 32})
    d.accept("derive: 32 bytes of FF", ["derive"], {"public_key": "ff" * 32})
    zeros = [n for n in range(400) if hashlib.sha256(n.to_bytes(32, "big")).digest()[0] == 0]
    for n in zeros[:3]:
        d.accept(f"derive: hash begins with 00, key {n}", ["derive"], {"public_key": n.to_bytes(32, "big").hex()})
    for n in range(8):
        d.accept(f"derive: seeded key {n}", ["derive"], {"public_key": seeded(f"amid/{n}").hex()})
    from .encodings import ALPHABET58

    def raw(text):
        number = 0
        for c in text:
            number = number * 58 + ALPHABET58.index(c)
        return number.to_bytes(20, "big").hex()

    r = f.group("amid.read", "chosen by hand", lambda i: ({}, {"bytes": raw(i["text"])}))
    good = base58(seeded("amid/read", 20))
    for data in (
        bytes(20),
        bytes(19) + b"\1",
        b"\xff" * 20,
        bytes(10) + b"\xff" * 10,
        b"\1" + bytes(19),
        b"\0" + b"\xff" * 19,
        b"\x80" + bytes(19),
    ):
        r.accept(f"read: {data.hex()}", ["valid"], {"text": base58(data)})
    for n in range(6):
        r.accept(f"read: seeded {n}", ["valid"], {"text": base58(seeded(f"amid/r/{n}", 20))})
    for comment, bad, fixed, flag in [
        ("nothing", "", "1" * 20, "not-20-bytes"),
        ("one character", "1", "1" * 20, "not-20-bytes"),
        ("19 zero bytes", "1" * 19, "1" * 20, "not-20-bytes"),
        ("21 zero bytes", "1" * 21, "1" * 20, "not-20-bytes"),
        ("19 bytes of FF", base58(b"\xff" * 19), base58(b"\0" + b"\xff" * 19), "not-20-bytes"),
        ("21 bytes", base58(b"\1" + bytes(20)), base58(b"\1" + bytes(19)), "not-20-bytes"),
        ("2^160", base58((2**160).to_bytes(21, "big")), base58(b"\xff" * 20), "not-20-bytes"),
        ("28 times z", "z" * 28, base58(b"\xff" * 20), "not-20-bytes"),
        ("32 bytes", base58(seeded("amid/32")), good, "not-20-bytes"),
        ("10,000 characters", "z" * 10_000, good, "not-20-bytes"),
        ("a 1 too many in front", "1" + good, good, "not-canonical"),
        ("a leading 1 missing", base58(b"\0" + b"\xff" * 19)[1:], base58(b"\0" + b"\xff" * 19), "not-canonical"),
        ("capital O", "O" + good[1:], good, "not-canonical"),
        ("zero digit", good[:-1] + "0", good, "not-canonical"),
        ("leading space", " " + good, good, "not-canonical"),
        ("trailing line feed", good + "\n", good, "not-canonical"),
        ("DID in place of an AMID", "did:agentmesh:" + good, good, "not-canonical"),
        ("hexadecimal of 20 bytes", seeded("amid/read", 20).hex(), good, "not-20-bytes"),
        ("upper case only", good.upper(), good, "not-canonical"),
        ("NUL at the end", good + "\0", good, "not-canonical"),
    ]:
        r.reject("parse", f"not an AMID: {comment}", [flag], {"text": bad}, {"text": fixed}, twin_flags=["valid"])
    p = f.group("amid.match", "seeded agents")
    for agent in (ALICE, BOB):
        p.accept(f"pair of {agent.name}", ["pair"], {"amid": agent.amid, "public_key": agent.public.hex()})
    p.reject(
        "auth",
        "name of another agent",
        ["pair"],
        {"amid": BOB.amid, "public_key": ALICE.public.hex()},
        {"amid": ALICE.amid, "public_key": ALICE.public.hex()},
    )
    p.reject(
        "auth",
        "name of the exchange key",
        ["pair"],
        {"amid": base58(hashlib.sha256(ALICE.exchange).digest()[:20]), "public_key": ALICE.public.hex()},
        {"amid": ALICE.amid, "public_key": ALICE.public.hex()},
    )
    p.reject(
        "auth",
        "last 20 bytes of the hash",
        ["pair"],
        {"amid": base58(hashlib.sha256(ALICE.public).digest()[12:]), "public_key": ALICE.public.hex()},
        {"amid": ALICE.amid, "public_key": ALICE.public.hex()},
    )
    p.reject(
        "auth",
        "hash of the base64 text of the key",
        ["pair"],
        {"amid": base58(hashlib.sha256(b64(ALICE.public).encode()).digest()[:20]), "public_key": ALICE.public.hex()},
        {"amid": ALICE.amid, "public_key": ALICE.public.hex()},
    )
    return f


def key_texts(ledger):
    f = VectorFile(ledger, "identity", "keys")
    f.note(
        "valid",
        ["AM-ID-004", "AM-ID-005"],
        "a reader that wants or refuses the prefix",
        "keys of half the peers cannot be read",
        ["facts 1"],
    )
    f.note(
        "prefix",
        ["AM-ID-005"],
        "any prefix, or two, is stripped",
        "an exchange key stands where a signing key is wanted",
        ["cat 42"],
    )
    f.note(
        "encoding",
        ["AM-ENC-003", "AM-ENC-004", "AM-ENC-005", "AM-ID-005"],
        "a key text has a second form",
        "one key has two texts",
    )
    prefix = {"ed25519": "ed25519:", "x25519": "x25519:"}
    import base64

    g = f.group("key.read", "seeded keys", lambda i: ({}, {"bytes": base64.b64decode(i["text"].split(":")[-1]).hex()}))
    for kind, own in prefix.items():
        other = prefix["x25519" if kind == "ed25519" else "ed25519"]
        for n in range(4):
            text = b64(seeded(f"key/{kind}/{n}"))
            g.accept(f"{kind} key {n}, bare", ["valid"], {"kind": kind, "text": text})
            g.accept(f"{kind} key {n}, with its prefix", ["valid"], {"kind": kind, "text": own + text})
        row = lambda text: {"kind": kind, "text": text}
        key = b64(seeded(f"key/{kind}/0"))
        for comment, bad, good in [
            ("doubled prefix", own + own + key, own + key),
            ("prefix of the other kind", other + key, key),
            ("own prefix, then the other", own + other + key, own + key),
            ("other prefix, then its own", other + own + key, own + key),
            ("upper-case prefix", own.upper() + key, own + key),
            ("prefix without its colon", own[:-1] + key, own + key),
            ("empty prefix", ":" + key, key),
            ("unknown prefix", "rsa:" + key, key),
            ("space after the prefix", own + " " + key, own + key),
            ("z of multibase", "z" + key, key),
        ]:
            g.reject("parse", f"{kind}: {comment}", ["prefix"], row(bad), row(good), twin_flags=["valid"])
        for comment, bad in [
            ("no padding", key[:-1]),
            ("31 bytes", b64(seeded("short", 31))),
            ("33 bytes", b64(seeded("long", 33))),
            ("64 bytes", b64(seeded("long", 64))),
            ("nothing", ""),
            ("prefix only", own),
            ("hexadecimal", seeded(f"key/{kind}/0").hex()),
            ("URL alphabet", key[:20] + "_" + key[21:]),
            ("line feed at the end", key + "\n"),
            ("stray bits", key[:42] + ("B" if key[42] == "A" else chr(ord(key[42]) + 1)) + "="),
        ]:
            g.reject(
                "parse",
                f"{kind}: {comment}",
                ["encoding"],
                row(bad),
                row(own + key if bad == own else key),
                twin_flags=["valid"],
            )
    return f


MULTICODEC = {"ed25519": b"\xed\x01", "x25519": b"\xec\x01"}


def multibase(kind, key):
    return "z" + base58(MULTICODEC[kind] + key)


def document(agent):
    did = f"did:agentmesh:{agent.amid}"
    return {
        "@context": [
            "https://www.w3.org/ns/did/v1",
            "https://w3id.org/security/suites/ed25519-2020/v1",
            "https://w3id.org/security/suites/x25519-2020/v1",
        ],
        "id": did,
        "controller": did,
        "verificationMethod": [
            {
                "id": did + "#signing-key",
                "type": "Ed25519VerificationKey2020",
                "controller": did,
                "publicKeyMultibase": multibase("ed25519", agent.public),
            },
            {
                "id": did + "#key-agreement-key",
                "type": "X25519KeyAgreementKey2020",
                "controller": did,
                "publicKeyMultibase": multibase("x25519", agent.exchange),
            },
        ],
        "authentication": [did + "#signing-key"],
        "keyAgreement": [did + "#key-agreement-key"],
    }


def dids(ledger):
    f = VectorFile(ledger, "identity", "did")
    f.note(
        "multibase",
        ["AM-ID-020"],
        "the raw key or its base64 text after the z",
        "no DID tool can read the document",
        ["cat 59", "G18"],
    )
    f.note("valid", ["AM-ID-021"], "a reader that refuses a correct document")
    f.note(
        "key-kind",
        ["AM-ID-021"],
        "the codec is not compared with the verification method",
        "an exchange key verifies signatures",
        ["cat 59"],
    )
    f.note(
        "foreign-key",
        ["AM-ID-003"],
        "the signing key is not checked against the AMID",
        "whoever serves the document is the agent",
        ["I9"],
    )
    w = f.group(
        "multibase.write",
        "seeded keys",
        lambda i: (
            {"prefixed": (MULTICODEC[i["kind"]] + bytes.fromhex(i["key"])).hex()},
            {"text": multibase(i["kind"], bytes.fromhex(i["key"]))},
        ),
    )
    for kind in MULTICODEC:
        for n in range(4):
            w.accept(f"multibase: {kind} {n}", ["multibase"], {"kind": kind, "key": seeded(f"mb/{kind}/{n}").hex()})
        w.accept(f"multibase: {kind} zeros", ["multibase"], {"kind": kind, "key": "00" * 32})
    r = f.group("multibase.read", "seeded keys", lambda i: ({}, {"bytes": seeded(f"mbr/{i['kind']}").hex()}))
    for kind, other in (("ed25519", "x25519"), ("x25519", "ed25519")):
        key = seeded(f"mbr/{kind}")
        row = lambda text: {"kind": kind, "text": text}
        good = multibase(kind, key)
        r.accept(f"multibase of {kind}", ["valid"], row(good))
        for comment, bad in [
            ("codec of the other kind", multibase(other, key)),
            ("no codec", "z" + base58(key)),
            ("base64 text after z", "z" + b64(key)),
            ("prefixed base64 after z", f"z{kind}:" + b64(key)),
            ("no z", good[1:]),
            ("base64 multibase", "m" + b64(MULTICODEC[kind] + key)),
            ("base16 multibase", "f" + (MULTICODEC[kind] + key).hex()),
            ("31 bytes", "z" + base58(MULTICODEC[kind] + key[:31])),
            ("33 bytes", "z" + base58(MULTICODEC[kind] + key + b"\0")),
            ("codec without its second byte", "z" + base58(MULTICODEC[kind][:1] + key)),
            ("codec of secp256k1", "z" + base58(b"\xe7\x01" + key)),
            ("zero digit", good[:-1] + "0"),
            ("nothing", ""),
            ("z alone", "z"),
            ("capital Z", "Z" + good[1:]),
        ]:
            r.reject("parse", f"multibase of {kind}: {comment}", ["key-kind"], row(bad), row(good))
    d = f.group(
        "did.read",
        "seeded agents",
        lambda i: (
            {},
            {
                "amid": json.loads(i["document"])["id"].removeprefix("did:agentmesh:"),
                "signing_key": ALICE.public.hex(),
                "exchange_key": ALICE.exchange.hex(),
            },
        ),
    )
    good = document(ALICE)
    text = json.dumps(good)
    honest = d.accept("document of alice", ["valid"], {"document": text})
    d.accept(
        "document with unknown members", ["valid"], {"document": json.dumps(good | {"versionId": 1, "x": {"y": [1]}})}
    )
    sign, exchange = (
        good["verificationMethod"][0]["publicKeyMultibase"],
        good["verificationMethod"][1]["publicKeyMultibase"],
    )
    for comment, was, then in [
        ("signing key without codec", sign, "z" + base58(ALICE.public)),
        ("exchange key without codec", exchange, "z" + base58(ALICE.exchange)),
        ("signing key as x25519", sign, multibase("x25519", ALICE.public)),
        ("exchange key as ed25519", exchange, multibase("ed25519", ALICE.exchange)),
        ("signing key as prefixed base64", sign, "zed25519:" + b64(ALICE.public)),
    ]:
        d.reject("parse", f"document: {comment}", ["key-kind"], {"document": text.replace(was, then)}, honest)
    d.reject(
        "auth",
        "document: signing key of bob",
        ["foreign-key"],
        {"document": text.replace(sign, multibase("ed25519", BOB.public))},
        honest,
    )
    return f


def tiers(ledger):
    f = VectorFile(ledger, "identity", "tier")
    f.note(
        "order",
        ["AM-ID-030"],
        "labels compared as numbers",
        "2 is above 1, so the anonymous are trusted most",
        ["cat 126", "I5", "I6"],
    )
    f.note("valid", ["AM-ID-031"], "a label that the reader does not know")
    f.note("unknown", ["AM-ID-031"], "an unknown tier is taken for some known one", "a typing error grants trust")
    ranks = ["anonymous", "verified", "organization"]
    g = f.group(
        "tier.order",
        "all nine pairs",
        lambda i: (
            {},
            {"order": (ranks.index(i["a"]) > ranks.index(i["b"])) - (ranks.index(i["a"]) < ranks.index(i["b"]))},
        ),
    )
    for a in ranks:
        for b in ranks:
            g.accept(f"{a} against {b}", ["order"], {"a": a, "b": b})
    r = f.group(
        "tier.read",
        "chosen by hand",
        lambda i: ({}, {"tier": dict(zip(("2", "1", "1.5") + tuple(ranks), ranks * 2))[i["text"]]}),
    )
    for text in ranks:
        r.accept(f"word {text}", ["valid"], {"dialect": "word", "text": text})
    for text in ("2", "1", "1.5"):
        r.accept(f"label {text}", ["valid"], {"dialect": "label", "text": text})
    for text in (
        "",
        "Anonymous",
        "VERIFIED",
        "organisation",
        "verified ",
        " verified",
        "verifie",
        "trusted",
        "admin",
        "root",
        "2",
        "1.5",
        "null",
        "verified\0",
    ):
        r.reject(
            "parse",
            f"no word: {text!r}",
            ["unknown"],
            {"dialect": "word", "text": text},
            {"dialect": "word", "text": "verified"},
        )
    for text in ("0", "3", "-1", "1.25", "2.5", "15", "1,5", "", "one", "verified", "999", "1.5x", "NaN"):
        r.reject(
            "parse",
            f"no label: {text!r}",
            ["unknown"],
            {"dialect": "label", "text": text},
            {"dialect": "label", "text": "1"},
        )
    return f


def identity_text(agent, **changes):
    return json.dumps(
        {
            "amid": agent.amid,
            "signing_private_key": "ed25519:" + b64(agent.seed),
            "signing_public_key": "ed25519:" + b64(agent.public),
            "exchange_private_key": "x25519:" + b64(agent.exchange_seed),
            "exchange_public_key": "x25519:" + b64(agent.exchange),
            "created_at": "2026-11-21T08:30:05Z",
            "framework": "agentmesh-vectors",
            "framework_version": "1.0",
        }
        | changes,
        indent=2,
    )


def files_on_disk(ledger):
    f = VectorFile(ledger, "identity", "file")
    f.note("valid", ["AM-ID-011", "AM-ID-012"], "a correct file is refused", "the agent loses its name")
    f.note(
        "follows",
        ["AM-ID-011"],
        "what the file says of itself is believed",
        "an agent runs under a name that is not its own",
        ["I1"],
    )
    f.note(
        "mode",
        ["AM-ID-012"],
        "the mode of the file is not looked at",
        "other users of the machine read the private keys",
    )
    f.note(
        "create",
        ["AM-ID-010"],
        "the file is made with the usual mode",
        "other users of the machine read the private keys",
    )
    g = f.group(
        "identity_file.read",
        "seeded agents; the file is made with the mode before it is read",
        lambda i: ({}, {"amid": json.loads(i["text"])["amid"]}),
    )
    row = lambda text, mode="0600": {"mode": mode, "text": text}
    honest = g.accept("file of alice", ["valid"], row(identity_text(ALICE)))
    g.accept("file of bob, read-only", ["valid"], row(identity_text(BOB), "0400"))
    for n in range(3):
        g.accept(f"file of seeded agent {n}", ["valid"], row(identity_text(Agent(f"file/{n}"))))
    g.accept(
        "bare keys",
        ["valid"],
        row(identity_text(ALICE, signing_public_key=b64(ALICE.public), exchange_public_key=b64(ALICE.exchange))),
    )
    g.accept("unknown members", ["valid"], row(identity_text(ALICE, display_name="Alice", settings={"a": [1]})))
    flipped = ALICE.amid[:-1] + ("2" if ALICE.amid[-1] != "2" else "3")
    for comment, changes in [
        ("AMID of bob", {"amid": BOB.amid}),
        ("last character of the AMID changed", {"amid": flipped}),
        ("signing public key of bob", {"signing_public_key": "ed25519:" + b64(BOB.public)}),
        ("exchange public key of bob", {"exchange_public_key": "x25519:" + b64(BOB.exchange)}),
        ("signing private key of bob", {"signing_private_key": "ed25519:" + b64(BOB.seed)}),
        ("exchange private key of bob", {"exchange_private_key": "x25519:" + b64(BOB.exchange_seed)}),
        ("exchange public key is the signing one", {"exchange_public_key": "x25519:" + b64(ALICE.public)}),
    ]:
        g.reject("auth", comment, ["follows"], row(identity_text(ALICE, **changes)), honest)
    for mode in ("0640", "0604", "0620", "0602", "0644", "0666", "0660", "0606", "0440"):
        g.reject("policy", f"mode {mode}", ["mode"], row(identity_text(ALICE), mode), honest)
    c = f.group(
        "identity_file.create", "made by the program, with the process's mask given", lambda i: ({}, {"mode": "0600"})
    )
    for mask in ("0000", "0022", "0077", "0002"):
        c.accept(f"created under mask {mask}", ["create"], {"umask": mask})
    return f


def files(ledger):
    return [amids(ledger), key_texts(ledger), dids(ledger), tiers(ledger), files_on_disk(ledger)]
