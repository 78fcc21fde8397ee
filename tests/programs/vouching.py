"""A registry, an OpenID provider and the openssl program: logins with honest and hostile tokens, and certificates that
openssl itself believes.

The provider is a small one of our own on loopback. It checks what a provider has to check (client, redirect, PKCE), signs with RS256,
ES256 or EdDSA, and lies about one thing where it is told to.
"""

import argparse
import base64
import hashlib
import hmac
import http.client
import http.server
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

import nacl.signing

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from name_server import FlaggedRegistry  # noqa: E402
from registry import Agent, Failed, b64, demand, registration  # noqa: E402

CLIENT, SECRET = "the registry", "s&cret: 1"


def b64u(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*arguments, data=None):
    done = subprocess.run(["openssl", *arguments], input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    demand(done.returncode == 0, f"openssl {arguments}: {done.stderr.decode()}")
    return done.stdout


def split_der(der):
    """The two numbers of an ECDSA signature, 32 bytes each."""
    out, at = b"", 2
    for _ in range(2):
        size = der[at + 1]
        out += der[at + 2:at + 2 + size].lstrip(b"\0").rjust(32, b"\0")
        at += 2 + size
    return out


class Keys:
    """Of a provider: one of each kind."""

    def __init__(self, folder, label):
        self.folder, self.label = folder, label
        openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self.path("rsa"))
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", self.path("ec"))
        self.ed = nacl.signing.SigningKey(hashlib.sha256(label.encode()).digest())

    def path(self, kind):
        return str(self.folder / f"{self.label}.{kind}")

    def public(self):
        modulus = bytes.fromhex(openssl("rsa", "-in", self.path("rsa"), "-modulus", "-noout").decode().strip()[8:])
        point = openssl("pkey", "-in", self.path("ec"), "-pubout", "-outform", "DER")[-64:]
        return {"keys": [
            {"kty": "RSA", "kid": "rsa", "use": "sig", "alg": "RS256", "n": b64u(modulus), "e": "AQAB"},
            {"kty": "EC", "kid": "ec", "crv": "P-256", "x": b64u(point[:32]), "y": b64u(point[32:])},
            {"kty": "OKP", "kid": "ed", "crv": "Ed25519", "x": b64u(self.ed.verify_key.encode())}]}

    def sign(self, kind, text):
        if kind == "ed":
            return self.ed.sign(text).signature
        made = openssl("dgst", "-sha256", "-sign", self.path(kind), data=text)
        return split_der(made) if kind == "ec" else made


class Provider(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), Door)
        self.issuer = f"http://127.0.0.1:{self.server_port}"
        self.keys, self.foreign = Keys(folder, "own"), Keys(folder, "foreign")
        self.codes, self.faults, self.key_fetches = {}, [], 0
        self.kind, self.lie, self.person = "rsa", None, "person 1"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def token(self, nonce):
        now = int(time.time())
        claims = {"iss": self.issuer, "sub": self.person, "aud": CLIENT, "exp": now + 300, "iat": now, "nonce": nonce,
                  "email": "person@acme.example", "email_verified": True, "name": "A Person"}
        header = {"alg": {"rsa": "RS256", "ec": "ES256", "ed": "EdDSA"}[self.kind], "kid": self.kind, "typ": "JWT"}
        claims |= {"issuer": {"iss": self.issuer + "/other"}, "audience": {"aud": "somebody else"},
                   "audiences": {"aud": [CLIENT, "somebody else"]}, "nonce": {"nonce": "another"},
                   "expired": {"exp": now - 1}, "old": {"iat": now - 700}, "ahead": {"iat": now + 120},
                   "unverified": {"email_verified": False}}.get(self.lie, {})
        header |= {"none": {"alg": "none"}, "shared secret": {"alg": "HS256"}, "kind": {"alg": "ES256"},
                   "no such key": {"kid": "gone"}}.get(self.lie, {})
        text = b64u(json.dumps(header).encode()) + "." + b64u(json.dumps(claims).encode())
        if self.lie == "none":
            return text + "."
        if self.lie == "shared secret":  # signed with what everybody knows: the public key
            return text + "." + b64u(hmac.new(json.dumps(self.keys.public()).encode(), text.encode(), "sha256").digest())
        keys = self.foreign if self.lie == "foreign key" else self.keys
        return text + "." + b64u(keys.sign(self.kind, text.encode()))


class Door(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, **fields):
        text = json.dumps(body).encode()
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        asked = dict(urllib.parse.parse_qsl(url.query))
        if url.path == "/jwks":
            self.server.key_fetches += 1
            return self.answer(200, self.server.keys.public())
        if url.path != "/authorize" or asked.get("response_type") != "code" or asked.get("client_id") != CLIENT or \
                asked.get("code_challenge_method") != "S256" or "openid" not in asked.get("scope", "").split():
            return self.answer(400, {"error": "invalid_request"})
        code = b64u(os.urandom(16))  # whoever asks has logged in
        self.server.codes[code] = asked
        back = asked["redirect_uri"] + "?" + urllib.parse.urlencode({"code": code, "state": asked["state"]})
        return self.answer(302, {}, Location=back)

    def do_POST(self):
        form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        expected = base64.b64encode(f"{urllib.parse.quote(CLIENT, '')}:{urllib.parse.quote(SECRET, '')}".encode()).decode()
        asked = self.server.codes.pop(form.get("code"), None)
        verifier = b64u(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if self.path != "/token" or form.get("grant_type") != "authorization_code" or asked is None or \
                self.headers["Authorization"] != f"Basic {expected}" or verifier != asked["code_challenge"] or \
                form.get("redirect_uri") != asked["redirect_uri"]:
            return self.answer(400, {"error": "invalid_grant"})
        return self.answer(200, {"access_token": "x", "token_type": "Bearer", "id_token": self.server.token(asked["nonce"])})


def authorize(registry, agent, **more):
    status, answer = registry.ask("POST", "/v1/auth/oauth/authorize", agent=agent,
                                  body={"amid": agent.amid, "provider": "acme"} | more)
    demand(status == 200 and answer["expires_in"] == 600, f"authorize: {status} {answer}")
    return answer


def browse(provider, url):
    """What the browser of somebody who has logged in is sent back with."""
    where = urllib.parse.urlsplit(url)
    link = http.client.HTTPConnection("127.0.0.1", provider.server_port, timeout=20)
    link.request("GET", f"{where.path}?{where.query}")
    answer = link.getresponse()
    answer.read()
    link.close()
    demand(answer.status == 302, f"the provider refused: {answer.status}")
    return urllib.parse.urlsplit(answer.headers["Location"]).query


def log_in(registry, provider, agent, **more):
    query = browse(provider, authorize(registry, agent, **more)["authorization_url"])
    return registry.ask("GET", "/v1/auth/oauth/callback", query), query


def tier(registry, agent):
    return registry.ask("GET", "/v1/registry/lookup", f"amid={agent.amid}")[1]["tier"]


def enroll(registry, agent, **more):
    status, answer = registry.ask("POST", "/v1/registry/register", agent=agent, body=registration(agent) | more)
    demand(status == 201, f"register: {status} {answer}")
    return answer["tier"]


def logins(registry, provider, say):
    say("who has logged in makes an agent verified, whatever the provider signs with")
    status, answer = registry.ask("GET", "/v1/auth/oauth/providers")
    demand(answer == {"providers": [{"name": "acme", "enabled": True, "display_name": "Acme"}]}, f"providers: {answer}")
    for kind in ("rsa", "ec", "ed"):
        agent = Agent(f"with {kind}")
        enroll(registry, agent)
        provider.kind = kind
        (status, answer), query = log_in(registry, provider, agent)
        demand(status == 200 and answer["verified_identity"]["email"] == "person@acme.example", f"{kind}: {status} {answer}")
        demand(tier(registry, agent) == "verified", f"{kind}: not verified")
        status, _ = registry.ask("GET", "/v1/auth/oauth/callback", query)
        demand(status == 403, f"a state used twice: {status}")
    demand(provider.key_fetches == 1, f"the keys were fetched {provider.key_fetches} times")

    say("a token with one lie in it is refused, and so is a login that nobody began")
    agent = Agent("lied about")
    enroll(registry, agent)
    provider.kind = "rsa"
    for lie in ("issuer", "audience", "audiences", "nonce", "expired", "old", "ahead", "unverified", "none",
                "shared secret", "kind", "no such key", "foreign key"):
        provider.lie = lie
        (status, answer), _ = log_in(registry, provider, agent)
        demand(status == 403 and answer["error"] == "forbidden" and answer["clause"].startswith("AM-OAU-"),
               f"{lie}: {status} {answer}")
        demand(tier(registry, agent) == "anonymous", f"{lie}: believed")
    provider.lie = None
    mine, theirs = authorize(registry, agent), authorize(registry, agent)
    query = browse(provider, mine["authorization_url"]).replace(mine["state"], theirs["state"])
    status, answer = registry.ask("GET", "/v1/auth/oauth/callback", query)
    demand(status == 403, f"a code of another login: {status} {answer}")  # its verifier does not fit
    status, answer = registry.ask("GET", "/v1/auth/oauth/callback", "code=x&state=" + b64u(os.urandom(32)))
    demand(status == 403, f"a state of nobody: {status} {answer}")
    status, answer = registry.ask("POST", "/v1/auth/oauth/authorize", body={"amid": agent.amid, "provider": "acme"})
    demand(status == 401, f"a login that the agent did not begin: {status} {answer}")

    say("a person stands behind so many agents and no more, registered before or after")
    (status, answer), _ = log_in(registry, provider, agent)
    demand(status == 403 and answer["clause"] == "AM-OAU-007", f"the fourth agent of one: {status} {answer}")
    provider.person = "person 2"
    fresh = Agent("not registered yet")
    (status, answer), _ = log_in(registry, provider, fresh, signing_public_key=b64(fresh.public))
    demand(status == 200 and answer["verification_token"], f"before registration: {status} {answer}")
    demand(enroll(registry, Agent("thief"), verification_token=answer["verification_token"]) == "anonymous", "stolen")
    (status, answer), _ = log_in(registry, provider, fresh, signing_public_key=b64(fresh.public))
    demand(enroll(registry, fresh, verification_token=answer["verification_token"]) == "verified", "its own")


def certificates(registry, folder, root, foreign, say):
    say("openssl believes what the registry issues, as far as its root goes")
    agent = Agent("with ed")
    status, answer = registry.ask("GET", "/v1/registry/lookup", f"amid={agent.amid}")
    issued = folder / "issued.pem"
    issued.write_text(answer["certificate"])
    openssl("verify", "-CAfile", root["cert"], str(issued))
    text = openssl("x509", "-in", str(issued), "-noout", "-text").decode()
    demand(f"URI:did:agentmesh:{agent.amid}" in text, f"the certificate names another: {text}")

    say("what is shown counts if its root is trusted, and while nobody has withdrawn it")
    shown = Agent("with a foreign certificate")
    enroll(registry, shown)
    key = folder / "shown.pub"
    key.write_text("-----BEGIN PUBLIC KEY-----\n" + b64(bytes.fromhex("302a300506032b6570032100") + shown.public)
                   + "\n-----END PUBLIC KEY-----\n")
    config = folder / "agent.conf"
    config.write_text("basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,digitalSignature,keyCertSign\n"
                      f"subjectAltName=URI:did:agentmesh:{shown.amid}\n")
    chain = folder / "shown.pem"
    request = folder / "shown.csr"
    openssl("genpkey", "-algorithm", "ed25519", "-out", str(folder / "any.key"))
    openssl("req", "-new", "-key", str(folder / "any.key"), "-subj", "/CN=agent", "-out", str(request))
    openssl("x509", "-req", "-in", str(request), "-force_pubkey", str(key), "-CA", foreign["cert"],
            "-CAkey", foreign["key"], "-CAcreateserial", "-days", "2", "-extfile", str(config), "-out", str(chain))

    def show():
        return registry.ask("POST", "/v1/registry/certificate", agent=shown,
                            body={"amid": shown.amid, "certificate": chain.read_text()})

    withdrawn = folder / "revoked"
    fingerprint = openssl("x509", "-in", str(chain), "-noout", "-fingerprint", "-sha256").decode()
    withdrawn.write_text("# gone\n" + fingerprint.strip().split("=")[1].replace(":", "").lower() + "\n")
    status, answer = show()
    demand(status == 403 and answer["error"] == "revoked", f"withdrawn: {status} {answer}")
    withdrawn.unlink()
    status, answer = show()
    demand(status == 503, f"nobody knows: {status} {answer}")
    withdrawn.write_text("")
    status, answer = show()
    demand(status == 200 and answer["tier"] == "verified", f"good: {status} {answer}")
    demand(tier(registry, shown) == "verified", "not verified by a certificate")
    status, answer = registry.ask("POST", "/v1/registry/certificate", agent=Agent("with rsa"),
                                  body={"amid": Agent("with rsa").amid, "certificate": chain.read_text()})
    demand(status == 400 and answer["error"] == "invalid_certificate", f"somebody else's: {status} {answer}")


def make_root(folder, label):
    key, certificate = str(folder / f"{label}.key"), str(folder / f"{label}.pem")
    openssl("genpkey", "-algorithm", "ed25519", "-out", key)
    os.chmod(key, 0o600)
    openssl("req", "-x509", "-new", "-key", key, "-subj", f"/CN={label}", "-days", "30", "-out", certificate, "-config",
            os.devnull, "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
    return {"key": key, "cert": certificate}


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--registry", required=True)
    chosen = options.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="agentmesh-vouching-"))
    registry = None
    try:
        provider = Provider(folder)
        described = folder / "acme.json"
        described.write_text(json.dumps({
            "name": "acme", "display_name": "Acme", "issuer": provider.issuer, "client_id": CLIENT, "client_secret": SECRET,
            "authorization_endpoint": provider.issuer + "/authorize", "token_endpoint": provider.issuer + "/token",
            "jwks_uri": provider.issuer + "/jwks", "redirect_uri": "http://127.0.0.1/v1/auth/oauth/callback"}))
        root, foreign = make_root(folder, "registry"), make_root(folder, "foreign")
        (folder / "revoked").write_text("")
        registry = FlaggedRegistry(chosen.registry, "--login", str(described), "--agents-per-login", "3", "--ca-cert",
                                   root["cert"], "--ca-key", root["key"], "--trust", foreign["cert"], "--revoked",
                                   str(folder / "revoked"))
        say = lambda line: print(line, flush=True)  # noqa: E731
        logins(registry, provider, say)
        certificates(registry, folder, root, foreign, say)
        registry.stop()
        say("a key that others may read, and a key of another root, start nothing")
        os.chmod(root["key"], 0o644)
        for flags in (["--ca-cert", root["cert"], "--ca-key", root["key"]],
                      ["--ca-cert", root["cert"], "--ca-key", foreign["key"]], ["--ca-cert", root["cert"]],
                      ["--login", str(folder / "nothing.json")], ["--dns", "name.example"]):
            done = subprocess.run([chosen.registry, "--port", "0", *flags], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, timeout=30)
            demand(done.returncode in (1, 2) and done.stderr.startswith(b"agentmesh-registry: "), f"{flags}: {done}")
    except Failed as why:
        print(f"FAILED: {why}", file=sys.stderr)
        return 1
    finally:
        if registry:
            registry.process.kill()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
