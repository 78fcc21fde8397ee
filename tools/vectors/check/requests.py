"""Proofs of requests: area RQP."""

import base64
import hashlib
import re

from . import Refused, agent, curve
from .text import read_base64

FORM = re.compile(
    r'agentmesh=(\("@method" "@authority" "@path" "@query" "content-digest"\);created=(0|[1-9][0-9]{0,10});'
    r'nonce="([A-Za-z0-9_-]{22})";keyid="did:agentmesh:([1-9A-HJ-NP-Za-km-z]{20,28})";alg="ed25519";'
    r'tag="agentmesh-registry-1")',
    re.A,
)


def check(i, shared, now):
    match = FORM.fullmatch(i["signature_input"])
    proof = re.fullmatch(r"agentmesh=:([A-Za-z0-9+/=]*):", i["signature"], re.A)
    if not match or not proof:
        raise Refused("parse")
    covered, created, nonce, name = match.groups()
    raw = base64.urlsafe_b64decode(nonce + "==")
    if base64.urlsafe_b64encode(raw).decode().rstrip("=") != nonce:
        raise Refused("parse")
    agent.read_amid(name)
    signature = read_base64(proof[1])
    if len(signature) != 64:
        raise Refused("parse")
    body = base64.b64encode(hashlib.sha256(i["body"].encode("utf-8")).digest()).decode("ascii")
    if i["content_digest"] != f"sha-256=:{body}:" or i["host"].lower() != shared["name"]:
        raise Refused("crypto")
    age = now - int(created) * 10**9
    if age > 300 * 10**9 or age < -60 * 10**9:
        raise Refused("auth")
    signed = (
        f'"@method": {i["method"]}\n"@authority": {i["host"].lower()}\n"@path": {i["path"]}\n'
        f'"@query": ?{i["query"]}\n"content-digest": {i["content_digest"]}\n"@signature-params": {covered}'
    )
    key = bytes.fromhex(shared["public_key"])
    agent.match(name, key)
    curve.verify(key, signed.encode("utf-8"), signature)
    return {"amid": name, "created": int(created), "nonce": raw.hex()}, {"signed": signed}


OPERATIONS = {"request_proof.check": check}
