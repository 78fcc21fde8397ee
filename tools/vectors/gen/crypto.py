"""Edge tables of Ed25519 and X25519."""

import nacl.bindings as sodium
import nacl.signing

from . import curve
from .common import VectorFile, seeded

SPEC_SEEDS = {  # RFC 8032 section 7.1
    "TEST 1": ("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", ""),
    "TEST 2": ("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", "72"),
    "TEST 3": ("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7", "af82"),
}


def small_order():
    """The canonical encodings of the eight points of small order, with their orders."""
    generator, out = curve.torsion(), []
    for k in range(8):
        order = {0: 1, 4: 2, 2: 4, 6: 4}.get(k, 8)
        out.append((order, curve.encode(curve.multiply(k, generator))))
    return sorted(out)


def non_canonical_small():
    p = curve.P
    yield "y = p, even", p.to_bytes(32, "little")
    yield "y = p, odd", (p | 1 << 255).to_bytes(32, "little")
    yield "y = p + 1", (p + 1).to_bytes(32, "little")
    yield "y = p + 1, sign set", ((p + 1) | 1 << 255).to_bytes(32, "little")
    yield "y = 1, sign set", (1 | 1 << 255).to_bytes(32, "little")
    yield "y = p - 1, sign set", ((p - 1) | 1 << 255).to_bytes(32, "little")


def point_of(encoded):
    value = int.from_bytes(encoded, "little")
    return curve.recover(value % (1 << 255) % curve.P, value >> 255)


def signatures(ledger):
    f = VectorFile(ledger, "crypto", "ed25519")
    f.note(
        "valid",
        ["AM-KEY-001", "AM-KEY-002", "AM-KEY-003", "AM-KEY-004"],
        "a verifier that is too strict locks agents out",
    )
    f.note(
        "verification",
        [],
        "the signature belongs to other bytes or another key",
        "anyone is anyone",
        ["RFC 8032 section 5.1.7"],
    )
    f.note(
        "high-s",
        ["AM-KEY-001"],
        "S is reduced before use",
        "each signature has a second form, so replay memories are passed by",
        ["CVE-2020-36843"],
    )
    f.note(
        "weak-key",
        ["AM-KEY-002"],
        "a key of small order verifies any message",
        "one signature proves everything",
        ["cat 6"],
    )
    f.note("key-encoding", ["AM-KEY-002"], "a key has a second encoding", "one key has two AMIDs")
    f.note(
        "weak-r",
        ["AM-KEY-003"],
        "R of small order verifies for a dishonest signer",
        "the signer can deny or double a message",
        ["cat 7"],
    )
    f.note("r-encoding", ["AM-KEY-003"], "R has a second encoding", "each such signature has two forms")
    f.note("length", ["AM-KEY-004"], "missing bytes are read as zero or past the end", "memory is disclosed")
    g = f.group("ed25519.verify", "RFC 8032 section 7.1, and points computed for this table")
    row = lambda key, message, signature: {
        "message": message.hex(),
        "proof": {"public_key": key.hex(), "signature": signature.hex()},
    }
    for name, (seed, message) in SPEC_SEEDS.items():
        signer, data = nacl.signing.SigningKey(bytes.fromhex(seed)), bytes.fromhex(message)
        g.accept(f"RFC 8032 {name}", ["valid"], row(signer.verify_key.encode(), data, signer.sign(data).signature))
    for n in (0, 1, 32, 63, 64, 127, 128, 129, 1000):
        signer, data = nacl.signing.SigningKey(seeded(f"ed/{n}")), seeded(f"ed/m/{n}", n)[:n]
        g.accept(f"message of {n} bytes", ["valid"], row(signer.verify_key.encode(), data, signer.sign(data).signature))
    seed = seeded("ed/edge")
    signer, message = nacl.signing.SigningKey(seed), b"AgentMesh"
    key, signature = signer.verify_key.encode(), signer.sign(message).signature
    honest = g.accept("honest signature of the edge rows", ["valid"], row(key, message, signature))
    s = int.from_bytes(signature[32:], "little")
    with_s = lambda value: signature[:32] + value.to_bytes(32, "little")
    for k in range(1, 16):
        if s + k * curve.L < 2**256:
            g.reject("crypto", f"S plus {k} times L", ["high-s"], row(key, message, with_s(s + k * curve.L)), honest)
    for name, value in [
        ("S = L", curve.L),
        ("S = L + 1", curve.L + 1),
        ("S = 2^256 - 1", 2**256 - 1),
        ("S = 2^252 + S", s | 1 << 253),
        ("top bit of S set", s | 1 << 255),
    ]:
        g.reject("crypto", name, ["high-s"], row(key, message, with_s(value)), honest)
    # Signatures that satisfy the equation under a key of small order, whatever the message says.
    tries = 0
    for name, encoded in [(f"key of order {o}, {e.hex()[:4]}..{e.hex()[-4:]}", e) for o, e in small_order()] + [
        (f"key {n}", e) for n, e in non_canonical_small()
    ]:
        point = point_of(encoded)
        while True:
            r = int.from_bytes(seeded(f"ed/r/{tries}"), "little") % curve.L
            tries += 1
            big_r = curve.encode(curve.multiply(r, curve.BASE))
            if curve.multiply(curve.challenge(big_r, encoded, message), point) == curve.ZERO:
                break
        flags = ["weak-key"] + (["key-encoding"] if "y =" in name else [])
        test = row(encoded, message, big_r + r.to_bytes(32, "little"))
        g.reject("crypto", f"{name}, equation holds", flags, test, honest, unit="/input/proof")
    for k in range(19):
        for sign in (0, 1):
            encoded = ((curve.P + k) | sign << 255).to_bytes(32, "little")
            g.reject(
                "crypto",
                f"key with y = p + {k}, sign {sign}",
                ["key-encoding"],
                row(encoded, message, signature),
                honest,
            )
    g.reject(
        "crypto", "key that is no point", ["key-encoding"], row((2).to_bytes(32, "little"), message, signature), honest
    )
    g.reject("crypto", "key of zeros", ["weak-key"], row(bytes(32), message, signature), honest)
    g.reject("crypto", "key of FF", ["key-encoding"], row(b"\xff" * 32, message, signature), honest)
    # R of small order: S = h a satisfies the equation, exactly for the neutral element, else up to the cofactor.
    a = curve.expand(seed)
    for name, encoded in [(f"R of order {o}, {e.hex()[:4]}..{e.hex()[-4:]}", e) for o, e in small_order()] + [
        (f"R {n}", e) for n, e in non_canonical_small()
    ]:
        value = curve.challenge(encoded, key, message) * a % curve.L
        flags = ["weak-r"] + (["r-encoding"] if "y =" in name else [])
        g.reject(
            "crypto",
            f"{name}, equation holds up to the cofactor",
            flags,
            row(key, message, encoded + value.to_bytes(32, "little")),
            honest,
        )
    for k in (0, 1, 2, 3, 18):
        g.reject(
            "crypto",
            f"R with y = p + {k} beside an honest S",
            ["r-encoding"],
            row(key, message, (curve.P + k).to_bytes(32, "little") + signature[32:]),
            honest,
        )
    # A key with a torsion part is neither of small order nor in a second encoding; h a multiple of 8 lets both equations agree.
    mixed = curve.encode(curve.add(point_of(key), curve.torsion()))
    while True:
        r = int.from_bytes(seeded(f"ed/r/{tries}"), "little") % curve.L
        tries += 1
        big_r = curve.encode(curve.multiply(r, curve.BASE))
        h = curve.challenge(big_r, mixed, message)
        if h % 8 == 0:
            break
    g.accept(
        "key with a torsion part, h a multiple of 8",
        ["valid"],
        row(mixed, message, big_r + ((r + h * a) % curve.L).to_bytes(32, "little")),
    )
    for name, data in [
        ("nothing", b""),
        ("32 bytes", signature[:32]),
        ("63 bytes", signature[:63]),
        ("65 bytes", signature + b"\0"),
        ("128 bytes", signature * 2),
    ]:
        g.reject("parse", f"signature of {name}", ["length"], row(key, message, data), honest)
    for bit in (0, 7, 255, 256, 260, 500):
        flipped = bytearray(signature)
        flipped[bit // 8] ^= 1 << bit % 8
        g.reject(
            "crypto", f"bit {bit} of the signature flipped", ["verification"], row(key, message, bytes(flipped)), honest
        )
    for name, data in [("changed", b"agentMesh"), ("cut", b"AgentMes"), ("longer", b"AgentMesh\0"), ("empty", b"")]:
        g.reject("crypto", f"message {name}", ["verification"], row(key, data, signature), honest)
    other = nacl.signing.SigningKey(seeded("ed/other"))
    g.reject(
        "crypto", "key of another agent", ["verification"], row(other.verify_key.encode(), message, signature), honest
    )
    g.reject("crypto", "signature of zeros", ["weak-r"], row(key, message, bytes(64)), honest)
    return f


def agreement(ledger):
    f = VectorFile(ledger, "crypto", "x25519")
    f.note(
        "valid",
        ["AM-KEY-005", "AM-KEY-006"],
        "another scalar clamp or byte order",
        "no two implementations agree on a key",
        ["RFC 7748 section 5"],
    )
    f.note(
        "non-canonical",
        ["AM-KEY-005"],
        "a u-coordinate of p or more, or with the top bit set, is refused",
        "keys of other implementations fail",
        ["cat 2, 3"],
    )
    f.note(
        "zero",
        ["AM-KEY-006"],
        "a point of small order gives an all-zero secret",
        "a relay in the middle knows the key",
        ["cat 1"],
    )
    g = f.group(
        "x25519",
        "RFC 7748 section 5.2, and points computed for this table",
        lambda i: (
            {},
            {"shared": sodium.crypto_scalarmult(bytes.fromhex(i["private_key"]), bytes.fromhex(i["public_key"])).hex()},
        ),
    )
    row = lambda private, public: {"private_key": private.hex(), "public_key": public.hex()}
    for name, private, public in [
        (
            "RFC 7748, first",
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
        ),
        (
            "RFC 7748, second, top bit set",
            "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
            "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
        ),
        ("RFC 7748, iteration 1", "09" + "00" * 31, "09" + "00" * 31),
        (
            "RFC 7748 section 6.1, public key of Bob",
            seeded("x/alice").hex(),
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
        ),
    ]:
        g.accept(name, ["valid"], row(bytes.fromhex(private), bytes.fromhex(public)))
    private = seeded("x/private")
    base = (9).to_bytes(32, "little")
    honest = g.accept("base point", ["valid"], row(private, base))
    for n in range(8):
        public = sodium.crypto_scalarmult_base(seeded(f"x/{n}"))
        g.accept(f"random pair {n}", ["valid"], row(seeded(f"x/p/{n}"), public))
        g.accept(
            f"random pair {n}, top bit set",
            ["non-canonical"],
            row(seeded(f"x/p/{n}"), public[:31] + bytes([public[31] | 128])),
        )
    p = curve.P
    for k in range(2, 19):
        g.accept(f"u = p + {k}", ["non-canonical"], row(private, (p + k).to_bytes(32, "little")))
        if k in (2, 9, 18):
            g.accept(
                f"u = p + {k}, top bit set",
                ["non-canonical"],
                row(private, ((p + k) | 1 << 255).to_bytes(32, "little")),
            )
    g.accept("scalar of zeros is clamped", ["valid"], row(bytes(32), base))
    g.accept("scalar of FF is clamped", ["valid"], row(b"\xff" * 32, base))
    g.accept("u = 2, on the twist or not", ["valid"], row(private, (2).to_bytes(32, "little")))
    eight = 325606250916557431795983626356110631294008115727848805560023387167927233504
    other = 39382357235489614581723060781553021112529911719440698176882885853963445705823
    for name, u in [
        ("0", 0),
        ("1", 1),
        ("order 8", eight),
        ("order 8, other", other),
        ("p - 1", p - 1),
        ("p", p),
        ("p + 1", p + 1),
    ]:
        g.reject("crypto", f"u = {name}", ["zero"], row(private, u.to_bytes(32, "little")), honest)
        g.reject(
            "crypto", f"u = {name}, top bit set", ["zero"], row(private, (u | 1 << 255).to_bytes(32, "little")), honest
        )
    return f


def files(ledger):
    return [signatures(ledger), agreement(ledger)]
