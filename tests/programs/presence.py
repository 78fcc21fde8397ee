"""A relay and a registry as programs: the registry knows who is connected to the relay, and answers as its description says.

Every answer of the registry is held against the schema that /openapi.json has for it.
"""

import argparse
import base64
import http.client
import json
import os
import pathlib
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse

import jsonschema

from registry import Agent, DEADLINE, Failed, b64, demand

MESH_HEX = 32


def b64u(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def now():
    at = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1e6):06}+00:00"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Program:
    all = []

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        Program.all.append(self)

    def line(self, pattern):
        for text in self.process.stdout:
            if found := re.match(pattern, text):
                return found
        raise Failed(f"a program ended without {pattern}")


class Described:
    """A registry, each answer of which is judged by its own document."""

    def __init__(self, host):
        self.host, self.used = host, set()
        self.document = self.send("GET", "/openapi.json")[1]
        self.templates = [(re.compile(re.sub(r"\{[a-z]+\}", "[^/]+", path) + "$"), path)
                          for path in sorted(self.document["paths"], key=lambda path: "{" in path)]
        for name, schema in self.document["components"]["schemas"].items():
            jsonschema.Draft202012Validator.check_schema(schema)
            self.validator({"$ref": f"#/components/schemas/{name}"})

    def validator(self, schema):
        resolver = jsonschema.RefResolver("", self.document)
        return jsonschema.Draft202012Validator(schema, resolver=resolver)

    def send(self, method, target, body=b"", headers=None):
        to = http.client.HTTPConnection(self.host, timeout=DEADLINE)
        fields = dict(headers or {})
        if body:
            fields["Content-Type"] = "application/json"
        to.request(method, target, body or None, fields)
        got = to.getresponse()
        text = got.read()
        to.close()
        return got.status, json.loads(text) if text else None

    def ask(self, method, target, body=None, by=None, headers=None, status=200):
        path, _, query = target.partition("?")
        data = b"" if body is None else json.dumps(body).encode()
        fields = dict(headers or {})
        if by:
            fields |= by.proof(method, self.host, path, query, data)
        code, reply = self.send(method, target, data, fields)
        demand(code == status, f"{method} {target}: {code} {reply}")
        named = next(name for pattern, name in self.templates if pattern.match(path))
        operation = self.document["paths"][named][method.lower()]
        self.used.add((method, named))
        told = operation["responses"].get(str(code), operation["responses"]["default"])
        if "$ref" in told:
            told = self.document["components"]["responses"]["Refusal"]
        if body is not None and code < 300:
            asked = operation["requestBody"]["content"]["application/json"]["schema"]
            for fault in self.validator(asked).iter_errors(body):
                raise Failed(f"{method} {named}: the body is none of the document: {fault.message}")
        if reply is not None:
            content = next(iter(told["content"].values()))["schema"]
            for fault in self.validator(content).iter_errors(reply):
                raise Failed(f"{method} {named}: {fault.message} in {reply}")
        return reply


class Socket:
    """Just enough of WebSocket to log in at a relay."""

    def __init__(self, url, agent):
        at = urllib.parse.urlsplit(url)
        self.link = socket.create_connection((at.hostname, at.port), timeout=DEADLINE)
        self.link.sendall(f"GET / HTTP/1.1\r\nHost: {at.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          f"Sec-WebSocket-Key: {b64(os.urandom(16))}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        self.input = self.link.makefile("rb")
        demand(b"101" in self.input.readline(), "no upgrade")
        while self.input.readline() not in (b"\r\n", b""):
            pass
        at = now()
        self.send({"type": "connect", "protocol": "agentmesh/0.2", "amid": agent.amid, "public_key": b64(agent.public),
                   "timestamp": at, "signature": agent.sign(at.encode())})
        demand(self.read()["type"] == "connected", "no login")

    def send(self, message):
        data, mask = json.dumps(message).encode(), os.urandom(4)
        head = struct.pack("!BB", 0x81, 0x80 | len(data)) if len(data) < 126 else struct.pack(
            "!BBH", 0x81, 0xFE, len(data))
        self.link.sendall(head + mask + bytes(one ^ mask[i % 4] for i, one in enumerate(data)))

    def read(self):
        while True:
            kind, size = self.input.read(2)
            if size == 126:
                size = struct.unpack("!H", self.input.read(2))[0]
            data = self.input.read(size)
            if kind == 0x81:
                return json.loads(data)

    def close(self):
        self.link.shutdown(socket.SHUT_RDWR)
        self.link.close()


def until(what, text):
    end = time.monotonic() + DEADLINE
    while not what():
        demand(time.monotonic() < end, text)
        time.sleep(0.1)  # nothing tells when a registry has heard


def profile_v02(mesh, alice, bob):
    for who in (alice, bob):
        mesh.ask("POST", "/v1/registry/register",
                 {"amid": who.amid, "signing_public_key": b64(who.public),
                  "exchange_public_key": b64(who.exchange_key("x")), "capabilities": ["travel/flights"]}, who,
                 status=201)
    mesh.ask("GET", "/v1/registry/search?capability=travel")
    mesh.ask("POST", "/v1/registry/capabilities", {"amid": alice.amid, "capabilities": ["travel"]}, alice)
    key = alice.exchange_key("p")
    mesh.ask("POST", "/v1/registry/prekeys",
             {"amid": alice.amid, "signed_prekey": b64(key), "signed_prekey_signature": alice.sign(key),
              "signed_prekey_id": 1, "one_time_prekeys": [{"id": 1, "key": b64(alice.exchange_key("o"))}]}, alice)
    demand("one_time_prekey" in mesh.ask("GET", f"/v1/registry/prekeys/{alice.amid}", by=bob), "no one-time prekey")
    mesh.ask("POST", "/v1/registry/status", {"amid": alice.amid, "status": "away"}, alice)
    mesh.ask("GET", f"/v1/registry/did/{alice.amid}")
    mesh.ask("POST", "/v1/registry/reputation/feedback",
             {"target_amid": alice.amid, "from_amid": bob.amid, "session_id": "1", "score": 0.9, "tags": ["reliable"]},
             bob)
    mesh.ask("POST", "/v1/registry/reputation",
             {"target_amid": alice.amid, "from_amid": bob.amid, "session_id": "2", "score": 1}, bob)
    mesh.ask("POST", "/v1/registry/reputation/session",
             {"session_id": "1", "initiator_amid": bob.amid, "receiver_amid": alice.amid, "reporter_amid": bob.amid,
              "intent": "travel", "outcome": "success"}, bob)
    mesh.ask("GET", f"/v1/registry/reputation/score?amid={alice.amid}")
    mesh.ask("GET", "/v1/registry/reputation/leaderboard")
    mesh.ask("POST", "/v1/registry/revoke", {"amid": bob.amid, "revoker_amid": bob.amid, "reason": "other"}, bob)
    mesh.ask("GET", f"/v1/registry/revocation?amid={bob.amid}")
    mesh.ask("POST", "/v1/registry/revocations/bulk", {"amids": [alice.amid, bob.amid]})
    mesh.ask("GET", "/v1/registry/revocations")
    mesh.ask("GET", "/v1/registry/stats")
    mesh.ask("GET", "/v1/health")
    mesh.ask("GET", "/health")
    mesh.ask("GET", "/v1/auth/oauth/providers")
    mesh.ask("GET", f"/v1/registry/lookup?amid={bob.amid}")
    mesh.ask("GET", "/v1/registry/lookup?amid=x", status=400)
    mesh.ask("GET", "/v1/org/lookup?domain=nobody.example", status=404)
    mesh.ask("POST", "/v1/registry/status", {"amid": alice.amid, "status": "away"}, status=401)


def profile_wire10(mesh, carol, dave):
    import hashlib

    def did(of):
        return "did:mesh:" + hashlib.sha256(of.public).hexdigest()[:MESH_HEX]

    def sign(of, text):
        return b64u(base64.b64decode(of.sign(text.encode())))

    def header(of):
        at = now()
        return {"Authorization": f"Ed25519-Timestamp {did(of)} {at} {sign(of, at)}"}

    for who in (carol, dave):
        key, at = b64u(who.public), now()
        mesh.ask("POST", "/v1/agents", {"public_key": key, "proof": sign(who, key + at), "proof_timestamp": at,
                                        "capabilities": ["music"], "metadata": {"a": "b"}}, status=201)
    here = f"/v1/agents/{did(carol)}"
    mesh.ask("GET", here)
    exchange = carol.key.verify_key.to_curve25519_public_key().encode()
    key = carol.exchange_key("p")
    mesh.ask("PUT", f"{here}/prekeys",
             {"identity_key": b64u(exchange), "identity_key_ed": b64u(carol.public),
              "signed_pre_key": {"key_id": 0, "public_key": b64u(key), "signature": b64u(carol.key.sign(key).signature)},
              "one_time_pre_keys": [{"key_id": 0, "public_key": b64u(carol.exchange_key("o"))}]}, headers=header(carol))
    demand(mesh.ask("GET", f"{here}/prekeys")["one_time_pre_key"] is None, "a one-time prekey for nobody")
    demand(mesh.ask("GET", f"{here}/prekeys", headers=header(dave))["one_time_pre_key"], "no one-time prekey")
    mesh.ask("POST", f"{here}/heartbeat", headers=header(carol))
    demand(mesh.ask("GET", f"{here}/presence")["online"], "not online after a heartbeat")
    mesh.ask("POST", f"{here}/reputation", {"score": 1, "reason": "good"}, headers=header(dave))
    mesh.ask("POST", "/v1/registry/reputation/session",
             {"session_id": "m", "initiator_amid": did(carol), "receiver_amid": did(dave), "reporter_amid": did(dave),
              "outcome": "success"}, headers=header(dave))
    mesh.ask("GET", "/v1/discover?capability=music&limit=200")
    mesh.ask("POST", "/v1/registry/verify", {"amid": did(carol), "verification_token": "x"}, status=503)
    mesh.ask("DELETE", here, headers=header(carol), status=204)
    mesh.ask("GET", here, status=404)


def run(options, folder):
    port = free_port()
    relay = Program(options.relay, "--port", "0", "--log", "off", "--registry", f"http://127.0.0.1:{port}",
                    "--registry-key", str(folder / "relay.keys"))
    key = relay.line(r"presence of (\S+) with key (\S+)")[2]
    url = relay.line(r"listening (\S+)")[1]
    registry = Program(options.registry, "--port", str(port), "--log", "off", "--presence-from", key,
                       "--requests-per-minute", "0")
    registry.line("listening")
    mesh = Described(f"127.0.0.1:{port}")
    alice, bob, carol, dave = (Agent(name) for name in ("presence alice", "presence bob", "carol", "dave"))
    profile_v02(mesh, alice, bob)
    profile_wire10(mesh, carol, dave)

    def status():
        return mesh.ask("GET", f"/v1/registry/lookup?amid={alice.amid}")["status"]

    link = Socket(url, alice)
    until(lambda: status() == "online", "the registry has not heard that an agent is there")
    link.send({"type": "presence", "status": "dnd"})
    until(lambda: status() == "dnd", "the registry has not heard that an agent is busy")
    link.close()
    until(lambda: status() == "offline", "the registry has not heard that an agent is gone")
    print(f"{len(mesh.used)} operations answered as described")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--registry", required=True)
    options.add_argument("--relay", required=True)
    options = options.parse_args()
    try:
        with tempfile.TemporaryDirectory() as folder:
            run(options, pathlib.Path(folder))
    except Failed as why:
        print(why)
        return 1
    finally:
        for one in Program.all:
            one.process.terminate()
            one.process.wait(DEADLINE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
