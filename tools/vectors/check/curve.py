"""Ed25519 verification as SPEC.md demands it, and X25519 of RFC 7748: integers only, no library."""

import hashlib

from . import Refused

Q = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = (-121665 * pow(121666, Q - 2, Q)) % Q


def decode(data):
    """Extended coordinates of a canonical encoding, or None."""
    value = int.from_bytes(data, "little")
    sign, y = value >> 255, value & (2**255 - 1)
    if y >= Q:
        return None
    u, v = (y * y - 1) % Q, (D * y * y + 1) % Q
    x = u * v**3 * pow(u * v**7, (Q - 5) // 8, Q) % Q
    if v * x * x % Q == -u % Q:
        x = x * pow(2, (Q - 1) // 4, Q) % Q
    elif v * x * x % Q != u:
        return None
    if x == 0 and sign:
        return None
    if x & 1 != sign:
        x = Q - x
    return x, y, 1, x * y % Q


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % Q, (p[1] + p[0]) * (q[1] + q[0]) % Q
    c, d = 2 * p[3] * q[3] * D % Q, 2 * p[2] * q[2] % Q
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % Q, g * h % Q, f * g % Q, e * h % Q


def times(k, p):
    out = (0, 1, 1, 0)
    for bit in bin(k)[2:]:
        out = add(out, out)
        if bit == "1":
            out = add(out, p)
    return out


def is_zero(p):
    return p[0] % Q == 0 and (p[1] - p[2]) % Q == 0


def encode(p):
    z = pow(p[2], Q - 2, Q)
    x, y = p[0] * z % Q, p[1] * z % Q
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE = decode(bytes.fromhex("58" + "66" * 31))


def public_key(seed):
    digest = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(digest[:32], "little") & (2**254 - 8) | 2**254
    return encode(times(scalar, BASE)), scalar, digest[32:]


def sign(seed, message):
    key, scalar, prefix = public_key(seed)
    r = int.from_bytes(hashlib.sha512(prefix + message).digest(), "little") % ORDER
    big_r = encode(times(r, BASE))
    h = int.from_bytes(hashlib.sha512(big_r + key + message).digest(), "little") % ORDER
    return big_r + ((r + h * scalar) % ORDER).to_bytes(32, "little")


def verify(key, message, signature):
    if len(signature) != 64 or len(key) != 32:
        raise Refused("parse")
    s = int.from_bytes(signature[32:], "little")
    a, r = decode(key), decode(signature[:32])
    if s >= ORDER or a is None or r is None or is_zero(times(8, a)) or is_zero(times(8, r)):
        raise Refused("crypto")
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    if encode(times(s, BASE)) != encode(add(r, times(h, a))):
        raise Refused("crypto")


def x25519(private, public):
    k = int.from_bytes(private, "little") & (2**255 - 8) & (2**255 - 1) | 2**254
    u = (int.from_bytes(public, "little") & (2**255 - 1)) % Q
    x2, z2, x3, z3 = 1, 0, u, 1
    for t in reversed(range(255)):
        bit = k >> t & 1
        if bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb, aa, bb = d * a, c * b, a * a, b * b
        x3, z3 = (da + cb) ** 2 % Q, u * (da - cb) ** 2 % Q
        e = aa - bb
        x2, z2 = aa * bb % Q, e * (aa + 121665 * e) % Q
        if bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
    shared = (x2 * pow(z2, Q - 2, Q) % Q).to_bytes(32, "little")
    if shared == bytes(32):
        raise Refused("crypto")
    return shared
