"""AMIDs, key texts, multibase, DID documents, tiers, identity files."""

import hashlib

from . import Refused, curve, jsontext
from .text import read_base58, read_base64, write_base58

KINDS = ("ed25519", "x25519")
CODEC = {"ed25519": bytes([0xED, 1]), "x25519": bytes([0xEC, 1])}
TIERS = ("anonymous", "verified", "organization")
LABELS = {"2": "anonymous", "1": "verified", "1.5": "organization"}


def derive(key):
    return write_base58(hashlib.sha256(key).digest()[:20])


def read_amid(text):
    try:
        raw = read_base58(text, 20)
    except Refused:
        raise Refused("parse")
    if len(raw) != 20 or write_base58(raw) != text:
        raise Refused("parse")
    return raw


def match(amid, key):
    if derive(key) != amid:
        raise Refused("auth")


def read_key(kind, text):
    prefix = kind + ":"
    raw = read_base64(text[len(prefix) :] if text.startswith(prefix) else text)
    if len(raw) != 32:
        raise Refused("parse")
    return raw


def write_multibase(kind, key):
    return "z" + write_base58(CODEC[kind] + key)


def read_multibase(kind, text):
    try:
        raw = read_base58(text[1:], 34)
    except Refused:
        raise Refused("parse")
    if text[:1] != "z" or len(raw) != 34 or raw[:2] != CODEC[kind]:
        raise Refused("parse")
    return raw[2:]


def read_did(text):
    document = jsontext.parse(text)
    amid = document["id"].split(":", 2)[2]
    read_amid(amid)
    found = {}
    for method in document["verificationMethod"]:
        kind = {"Ed25519VerificationKey2020": "ed25519", "X25519KeyAgreementKey2020": "x25519"}[method["type"]]
        found[kind] = read_multibase(kind, method["publicKeyMultibase"])
    match(amid, found["ed25519"])
    return amid, found["ed25519"], found["x25519"]


def read_tier(dialect, text):
    known = LABELS if dialect == "label" else {word: word for word in TIERS}
    if text not in known:
        raise Refused("parse")
    return known[text]


def order(a, b):
    difference = TIERS.index(a) - TIERS.index(b)
    return (difference > 0) - (difference < 0)


def read_identity(mode, text):
    if int(mode, 8) & 0o077:
        raise Refused("policy")
    file = jsontext.parse(text)
    signing = read_key("ed25519", file["signing_private_key"])
    exchange = read_key("x25519", file["exchange_private_key"])
    public = curve.public_key(signing)[0]
    if (
        read_key("ed25519", file["signing_public_key"]) != public
        or file["amid"] != derive(public)
        or read_key("x25519", file["exchange_public_key"]) != curve.x25519(exchange, (9).to_bytes(32, "little"))
    ):
        raise Refused("auth")
    return file["amid"]
