"""What the chapters from prekeys to sessions share: HKDF, Ed25519 in contexts, `b64u`, integers and members of JSON."""

import decimal
import hashlib
import hmac

from nacl import bindings, exceptions

from . import Refused, curve, jsontext
from .text import read_base64, write_base64

TAG = 16


def sha256(data):
    return hashlib.sha256(data).digest()


def lp(data):
    return len(data).to_bytes(4, "big") + data


def label(name):
    return b"AgentMesh-v1:" + name.encode("ascii")


def u32(value):
    return value.to_bytes(4, "big")


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def expand(key, info, size):
    out, block, count = b"", b"", 1
    while len(out) < size:
        block = mac(key, block + info + bytes([count]))
        out, count = out + block, count + 1
    return out[:size]


def hkdf(salt, ikm, info, size):
    return expand(mac(salt, ikm), info, size)


def signed_bytes(context, content):
    return label(context) + b"\x00" + content


def verify(key, context, content, signature):
    curve.verify(key, signed_bytes(context, content), signature)


def public(private):
    return curve.x25519(private, (9).to_bytes(32, "little"))


def seal(key, nonce, ad, plain):
    return bindings.crypto_aead_chacha20poly1305_ietf_encrypt(plain, ad, nonce, key)


def open_sealed(key, nonce, ad, sealed):
    if len(sealed) < TAG:
        raise Refused("crypto", clause="bad_tag")
    try:
        return bindings.crypto_aead_chacha20poly1305_ietf_decrypt(sealed, ad, nonce, key)
    except exceptions.CryptoError:
        raise Refused("crypto", clause="bad_tag")


# --- base64 of the other alphabet, and JSON members ---


def b64u(data):
    return write_base64(data).rstrip("=").replace("+", "-").replace("/", "_")


def read_b64u(text, size=None):
    """Strict: its own alphabet, no padding, no unused bits."""
    if "+" in text or "/" in text or "=" in text or len(text) % 4 == 1:
        raise Refused("parse")
    data = read_base64(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4))
    if size is not None and len(data) != size:
        raise Refused("parse")
    return data


def is_text(value):
    return isinstance(value, str) and not isinstance(value, jsontext.Number)


def member(owner, name, kind):
    """A mandatory member; kinds are text, object, list, bool and integer."""
    if name not in owner:
        raise Refused("parse")
    return typed(owner[name], kind)


def typed(value, kind):
    good = {
        "text": is_text(value),
        "object": isinstance(value, dict),
        "list": isinstance(value, list),
        "bool": isinstance(value, bool),
        "integer": isinstance(value, jsontext.Number),
    }[kind]
    if not good:
        raise Refused("parse")
    return jsontext.integer(value) if kind == "integer" else value


def whole(owner, name, low, high):
    value = member(owner, name, "integer")
    if not low <= value <= high:
        raise Refused("parse")
    return value


def in_millionths(number):
    """Rounded half to even, before anything is compared; exact, however long the text is."""
    with decimal.localcontext() as exact:
        exact.prec, exact.Emax, exact.Emin = 2000, decimal.MAX_EMAX, decimal.MIN_EMIN
        value = decimal.Decimal(number)
        if value and value.adjusted() > 400:
            return decimal.Decimal("Infinity").copy_sign(value)
        return (value * 10**6).to_integral_value(decimal.ROUND_HALF_EVEN)


def optional(owner, name, read):
    return read(owner, name) if name in owner else None


def read_object(text):
    return typed(jsontext.parse(text), "object")


def without_signature(value):
    return jsontext.canonical({k: v for k, v in value.items() if k != "signature"}).encode("utf-8")
