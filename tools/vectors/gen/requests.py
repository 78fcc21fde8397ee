"""Proofs of requests to a registry: HTTP Message Signatures in the one form of SPEC.md."""

import base64
import datetime
import hashlib

from .agents import ALICE, BOB, b64
from .common import VectorFile, seeded

NOON = "2026-11-21T12:00:00Z"
CREATED = int(datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.timezone.utc).timestamp())
COVERED = '("@method" "@authority" "@path" "@query" "content-digest")'


def digest(body):
    return f"sha-256=:{b64(hashlib.sha256(body.encode()).digest())}:"


def parameters(agent, created, nonce, covered=COVERED, algorithm="ed25519", tag="agentmesh-registry-1", keyid=None):
    name = keyid or f"did:agentmesh:{agent.amid}"
    text = base64.urlsafe_b64encode(nonce).decode().rstrip("=")
    return f'{covered};created={created};nonce="{text}";keyid="{name}";alg="{algorithm}";tag="{tag}"'


def base(method, host, path, query, content_digest, given):
    return "\n".join(
        f'"{name}": {value}'
        for name, value in (
            ("@method", method),
            ("@authority", host.lower()),
            ("@path", path),
            ("@query", "?" + query),
            ("content-digest", content_digest),
            ("@signature-params", given),
        )
    )


def request(agent=ALICE, method="POST", host="registry.example", path="/v1/registry/status", query="", body="{}",
            created=CREATED, nonce=seeded("request/nonce", 16), sign_with=None, **how):
    """A request as it is sent; `how` changes the parameters, which are then signed as they are."""
    given = parameters(agent, created, nonce, **how)
    text = base(method, host, path, query, digest(body), given)
    signature = (sign_with or agent).sign(text.encode())
    return {
        "method": method,
        "path": path,
        "query": query,
        "host": host,
        "content_digest": digest(body),
        "signature_input": f"agentmesh={given}",
        "signature": f"agentmesh=:{b64(signature)}:",
        "body": body,
    }


def proofs(ledger):
    f = VectorFile(ledger, "registry", "proofs")
    f.note("good", ["AM-RQP-001", "AM-RQP-002", "AM-RQP-003", "AM-RQP-004"], "a verifier that is too strict", "401")
    f.note("form", ["AM-RQP-001"], "a signature that covers less, or says something else", "bodies unsigned", ["G2"])
    f.note("covered", ["AM-RQP-002"], "a request that was not signed", "one proof serves for all", ["G2", "cat 105"])
    f.note("time", ["AM-RQP-003"], "the window is not kept", "old requests are sent again", ["G1"])
    f.note("key", ["AM-RQP-004"], "the key is not looked at", "anybody speaks for anybody", ["G3", "G5"])

    def found(i):
        given = i["signature_input"].removeprefix("agentmesh=")
        created = int(given.split(";created=")[1].split(";")[0])
        nonce = base64.urlsafe_b64decode(given.split('nonce="')[1].split('"')[0] + "==")
        text = base(i["method"], i["host"], i["path"], i["query"], i["content_digest"], given)
        return {"signed": text}, {"amid": ALICE.amid, "created": created, "nonce": nonce.hex()}

    g = f.group("request_proof.check", "seeded keys; requests chosen by hand", found,
                public_key=ALICE.public.hex(), name="registry.example")
    good = g.accept("status", ["good"], request(), NOON)
    g.accept("empty body", ["good"], request(body="", method="DELETE", path="/v1/agents/x"), NOON)
    g.accept("query", ["good"], request(query="amid=a%20b&x=", method="GET", body=""), NOON)
    g.accept("a host in capitals", ["good"], request(host="Registry.EXAMPLE"), NOON)
    g.accept("another nonce", ["good"], request(nonce=bytes(16)), NOON)
    g.accept("body of UTF-8", ["good"], request(body='{"display_name":"Zo\u00eb"}'), NOON)
    for comment, now in (("300 s old", "2026-11-21T12:05:00Z"), ("60 s ahead", "2026-11-21T11:59:00Z")):
        g.accept(comment, ["time"], request(), now)

    bad = lambda why, comment, flag, given, now=NOON: g.reject(why, comment, [flag], given, good, now, NOON)
    usual = request()
    for member, text in (("method", "PUT"), ("path", "/v1/registry/revoke"), ("query", "x=1")):
        bad("crypto", f"another {member}", "covered", usual | {member: text})
    bad("crypto", "another body", "covered", usual | {"body": "{ }"})
    bad("crypto", "another host", "covered", usual | {"host": "registry.example.org"})
    bad("crypto", "digest of another body", "covered", usual | {"content_digest": digest("{ }")})
    bad("crypto", "signature of another request", "covered",
        usual | {"signature": request(path="/v1/registry/revoke")["signature"]})
    bad("crypto", "nonce changed", "covered", usual | {"signature_input": request(nonce=bytes(16))["signature_input"]})
    bad("crypto", "signed by another key", "key", usual | {"signature": request(sign_with=BOB)["signature"]})
    bad("auth", "over 300 s old", "time", usual, "2026-11-21T12:05:00.000001Z")
    bad("auth", "over 60 s ahead", "time", usual, "2026-11-21T11:58:59.999999Z")
    change = lambda old, new: usual | {"signature_input": usual["signature_input"].replace(old, new)}
    for comment, old, new in (
        ("body not covered", ' "content-digest"', ""),
        ("method not covered", '"@method" ', ""),
        ("a component more", '"@query"', '"@query" "date"'),
        ("a component with a parameter", '"@path"', '"@path";req'),
        ("another order", '"@method" "@authority"', '"@authority" "@method"'),
        ("another label", "agentmesh=(", "sig1=("),
        ("created with a zero before it", "created=", "created=0"),
        ("created negative", "created=", "created=-"),
        ("no algorithm", ';alg="ed25519"', ""),
        ("another algorithm", "ed25519", "hmac-sha256"),
        ("another tag", "registry-1", "registry-2"),
        ("no tag", ';tag="agentmesh-registry-1"', ""),
        ("a parameter more", ";alg", ";expires=1;alg"),
        ("another DID method", "did:agentmesh:", "did:mesh:"),
        ("white space", ";nonce", "; nonce"),
        ("a nonce of 15 bytes", usual["signature_input"].split('nonce="')[1].split('"')[0],
         base64.urlsafe_b64encode(bytes(15)).decode()),
    ):
        bad("parse", comment, "form", change(old, new))
    other = usual["signature"].replace("agentmesh", "s")
    bad("parse", "signature with another label", "form", usual | {"signature": other})
    bad("parse", "signature of 63 bytes", "form", usual | {"signature": f"agentmesh=:{b64(bytes(63))}:"})
    bad("parse", "two signatures", "form", usual | {"signature": usual["signature"] + ", x=:AAAA:"})
    return f


def files(ledger):
    return [proofs(ledger)]
