"""The registry as a program, asked by a client that shares no code with it.

register, search, prekeys handed out once, a proof that serves once, kill -9 in the middle of everything, revoke, stop.
"""

import argparse
import base64
import hashlib
import http.client
import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time

import nacl.bindings
import nacl.signing

import postgres

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
DEADLINE = 30  # seconds for any one thing to happen
COVERED = '("@method" "@authority" "@path" "@query" "content-digest")'


class Failed(Exception):
    pass


def demand(condition, what):
    if not condition:
        raise Failed(what)


def b64(data):
    return base64.b64encode(data).decode()


def base58(data):
    number, out = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        out = ALPHABET[digit] + out
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + out


class Agent:
    def __init__(self, name):
        self.name = name
        self.key = nacl.signing.SigningKey(hashlib.sha256(f"registry test {name}".encode()).digest())
        self.public = self.key.verify_key.encode()
        self.amid = base58(hashlib.sha256(self.public).digest()[:20])

    def sign(self, data):
        return b64(self.key.sign(data).signature)

    def exchange_key(self, label):
        secret = hashlib.sha256(f"{self.name}/{label}".encode()).digest()
        return nacl.bindings.crypto_scalarmult_base(secret)

    def proof(self, method, host, path, query, body):
        digest = f"sha-256=:{b64(hashlib.sha256(body).digest())}:"
        nonce = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")
        given = (f'{COVERED};created={int(time.time())};nonce="{nonce}";keyid="did:agentmesh:{self.amid}";'
                 'alg="ed25519";tag="agentmesh-registry-1"')
        base = (f'"@method": {method}\n"@authority": {host}\n"@path": {path}\n"@query": ?{query}\n'
                f'"content-digest": {digest}\n"@signature-params": {given}')
        return {
            "Content-Digest": digest,
            "Signature-Input": f"agentmesh={given}",
            "Signature": f"agentmesh=:{self.sign(base.encode())}:",
        }


class Registry:
    """The program, on a free port, and on the same port when it comes back."""

    def __init__(self, program, database, name=None):
        self.program, self.database, self.name, self.port = program, database, name, 0
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [self.program, "--port", str(self.port), "--db", self.database, "--requests-per-minute", "0",
             "--fetches-per-minute", "0", *(["--name", self.name] if self.name else [])],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        ready, _, _ = select.select([self.process.stdout], [], [], DEADLINE)
        line = self.process.stdout.readline() if ready else ""
        demand(line.startswith("listening http://127.0.0.1:"), f"the registry did not come up: {line!r}")
        self.port = int(line.strip().rsplit(":", 1)[1].split("/")[0])
        self.host = self.name or f"127.0.0.1:{self.port}"

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(DEADLINE)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        demand(self.process.wait(DEADLINE) == 0, "the registry did not stop cleanly")

    def ask(self, method, path, query="", body=None, agent=None, fields=None):
        text = b"" if body is None else json.dumps(body).encode()
        sent = {"Host": self.host, "Content-Type": "application/json"} | (fields or {})
        if agent and fields is None:
            sent |= agent.proof(method, self.host, path, query, text)
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        try:
            link.request(method, path + ("?" + query if query else ""), text, sent)
            answer = link.getresponse()
            content = answer.read()
        finally:
            link.close()
        return answer.status, json.loads(content) if content else None


def registration(agent):
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {
        "amid": agent.amid,
        "signing_public_key": "ed25519:" + b64(agent.public),
        "exchange_public_key": "x25519:" + b64(agent.exchange_key("exchange")),
        "display_name": agent.name,
        "capabilities": ["travel/flights"] if agent.name == "bob" else ["research"],
        "timestamp": now,
        "signature": agent.sign(now.encode()),
    }


def upload(agent, count):
    key = agent.exchange_key("signed prekey")
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {
        "amid": agent.amid,
        "signed_prekey": b64(key),
        "signed_prekey_signature": agent.sign(key),
        "signed_prekey_id": 1,
        "one_time_prekeys": [{"id": n, "key": b64(agent.exchange_key(f"one-time {n}"))} for n in range(count)],
        "timestamp": now,
        "signature": agent.sign(now.encode()),
    }


def story(registry, say):
    alice, bob = Agent("alice"), Agent("bob")
    say("two agents register, once each")
    for agent in (alice, bob):
        status, answer = registry.ask("POST", "/v1/registry/register", body=registration(agent), agent=agent)
        demand(status == 201 and answer["success"] and answer["tier"] == "anonymous", f"register: {status} {answer}")
    status, _ = registry.ask("POST", "/v1/registry/register", body=registration(bob), agent=bob)
    demand(status == 409, f"a second registration: {status}")

    say("one is found by what it can do")
    status, found = registry.ask("GET", "/v1/registry/search", "capability=travel")
    demand(status == 200 and [one["amid"] for one in found["results"]] == [bob.amid], f"search: {status} {found}")
    status, seen = registry.ask("GET", "/v1/registry/lookup", f"amid={bob.amid}")
    demand(status == 200 and seen["signing_public_key"] == b64(bob.public), f"lookup: {status} {seen}")

    say("a proof serves once, and for what it was made")
    body = {"amid": bob.amid, "status": "online"}
    text = json.dumps(body).encode()
    proof = bob.proof("POST", registry.host, "/v1/registry/status", "", text)
    tries = [registry.ask("POST", "/v1/registry/status", body=body, fields=proof) for _ in range(2)]
    demand([status for status, _ in tries] == [200, 401], f"a proof sent twice: {tries}")
    proof = bob.proof("POST", registry.host, "/v1/registry/status", "", text)
    status, _ = registry.ask("POST", "/v1/registry/status", body=body | {"status": "dnd"}, fields=proof)
    demand(status == 401, f"a proof of another body: {status}")
    status, _ = registry.ask("POST", "/v1/registry/status", body=body, agent=alice)
    demand(status == 401, f"a proof of another agent: {status}")

    say("one-time prekeys are handed out once, whoever is killed meanwhile")
    count = 60
    status, answer = registry.ask("POST", "/v1/registry/prekeys", body=upload(bob, count), agent=bob)
    demand(status == 200 and answer["one_time_prekeys_stored"] == count, f"upload: {status} {answer}")
    status, answer = registry.ask("GET", f"/v1/registry/prekeys/{bob.amid}")
    demand(status == 200 and "one_time_prekey" not in answer, f"a fetch without proof: {status} {answer}")
    taken, came, is_up = [], threading.Condition(), threading.Event()
    is_up.set()

    def fetch():
        until, left = time.monotonic() + DEADLINE, 12
        while left > 0 and time.monotonic() < until:
            try:
                status, answer = registry.ask("GET", f"/v1/registry/prekeys/{bob.amid}", agent=alice)
            except (OSError, http.client.HTTPException):
                is_up.wait(DEADLINE)
                continue
            left -= 1
            if status == 200 and "one_time_prekey" in answer:
                with came:
                    taken.append(answer["one_time_prekey"]["id"])
                    came.notify()

    threads = [threading.Thread(target=fetch) for _ in range(4)]
    for one in threads:
        one.start()
    for wanted in (5, 15, 25):
        with came:
            demand(came.wait_for(lambda: len(taken) >= wanted, DEADLINE), f"only {len(taken)} prekeys were handed out")
        is_up.clear()
        registry.kill()
        registry.start()
        is_up.set()
    for one in threads:
        one.join(DEADLINE)
        demand(not one.is_alive(), "a fetch did not end")
    demand(len(set(taken)) == len(taken), f"a one-time prekey was handed out twice: {sorted(taken)}")
    status, answer = registry.ask("POST", "/v1/registry/prekeys", body=upload(bob, count), agent=bob)
    demand(status == 200, f"a second upload: {status} {answer}")
    answers = [registry.ask("GET", f"/v1/registry/prekeys/{bob.amid}", agent=alice) for _ in range(8)]
    again = {answer["one_time_prekey"]["id"] for _, answer in answers if "one_time_prekey" in answer}
    demand(again, "no one-time prekey was left after a second upload")
    demand(not again & set(taken), f"a spent one-time prekey came back: {again & set(taken)}")

    say("what was answered is there after a crash, and a revoked agent is known as one")
    status, _ = registry.ask("POST", "/v1/registry/revoke", agent=bob, body={
        "amid": bob.amid, "reason": "key_compromise", "revoker_amid": bob.amid})
    demand(status == 200, f"revoke: {status}")
    registry.kill()
    registry.start()
    status, answer = registry.ask("GET", "/v1/registry/revocation", f"amid={bob.amid}")
    demand(status == 200 and answer["revoked"] is True, f"revocation: {status} {answer}")
    status, found = registry.ask("GET", "/v1/registry/search", "capability=travel")
    demand(status == 200 and found["results"] == [], f"search for a revoked agent: {found}")
    status, _ = registry.ask("GET", f"/v1/registry/prekeys/{bob.amid}", agent=alice)
    demand(status != 200, "prekeys of a revoked agent were handed out")

    say("it stops when told to")
    status, answer = registry.ask("GET", "/health")
    demand(status == 200 and answer["status"] == "ok", f"health: {status} {answer}")
    registry.stop()


def story_of_two(registries, say):
    """Two registries before one database, asked at the same time."""
    one, other = registries
    alice, bob = Agent("alice"), Agent("bob")
    say("who registers with one is known to the other")
    status, _ = one.ask("POST", "/v1/registry/register", body=registration(alice), agent=alice)
    demand(status == 201, f"register: {status}")
    status, _ = other.ask("POST", "/v1/registry/register", body=registration(alice), agent=alice)
    demand(status == 409, f"a second registration: {status}")
    status, _ = other.ask("POST", "/v1/registry/register", body=registration(bob), agent=bob)
    demand(status == 201, f"register: {status}")

    say("a proof serves once with both together")
    body = {"amid": bob.amid, "status": "online"}
    proof = bob.proof("POST", one.host, "/v1/registry/status", "", json.dumps(body).encode())
    tries = [each.ask("POST", "/v1/registry/status", body=body, fields=proof)[0] for each in registries]
    demand(tries == [200, 401], f"a proof sent to both: {tries}")

    say("both hand out one-time prekeys at once, each of them once, and one is killed meanwhile")
    count = 100
    status, _ = one.ask("POST", "/v1/registry/prekeys", body=upload(bob, count), agent=bob)
    demand(status == 200, f"upload: {status}")
    taken, refused = [], []

    def fetch(registry, number):
        for _ in range(number):
            try:
                status, answer = registry.ask("GET", f"/v1/registry/prekeys/{bob.amid}", agent=alice)
            except (OSError, http.client.HTTPException):
                continue
            if status == 200 and "one_time_prekey" in answer:
                taken.append(answer["one_time_prekey"]["id"])
            elif status != 200:
                refused.append((status, answer))

    threads = [threading.Thread(target=fetch, args=(registries[n % 2], 20)) for n in range(8)]
    for thread in threads:
        thread.start()
    until = time.monotonic() + DEADLINE
    while len(taken) < 20 and time.monotonic() < until:
        threads[0].join(0.01)
    other.kill()
    other.start()
    for thread in threads:
        thread.join(DEADLINE)
        demand(not thread.is_alive(), "a fetch did not end")
    demand(not refused, f"fetches were refused: {refused[:3]}")
    demand(len(set(taken)) == len(taken), f"a one-time prekey was handed out twice: {sorted(taken)}")
    demand(len(taken) >= 20, f"only {len(taken)} prekeys were handed out")

    say("who is revoked with one is revoked with the other")
    status, _ = other.ask("POST", "/v1/registry/revoke", agent=bob, body={
        "amid": bob.amid, "reason": "key_compromise", "revoker_amid": bob.amid})
    demand(status == 200, f"revoke: {status}")
    status, answer = one.ask("GET", "/v1/registry/revocation", f"amid={bob.amid}")
    demand(status == 200 and answer["revoked"] is True, f"revocation: {status} {answer}")
    for each in registries:
        each.stop()


def told(story, registries):
    """Whether a story came to its end."""
    try:
        story(lambda text: print(text, flush=True))
    except Failed as why:
        print(f"failed: {why}", file=sys.stderr)
        return False
    finally:
        for one in registries:
            if one.process.poll() is None:
                one.kill()
    return True


def with_postgres(program):
    why_not = postgres.missing()
    if why_not:
        print(f"skipped: {why_not}")
        return postgres.SKIPPED
    with postgres.Server() as server:
        two = [Registry(program, server.url, "registry.example") for _ in range(2)]
        if not told(lambda say: story_of_two(two, say), two):
            return 1
        server.empty()
        one = Registry(program, server.url)
        return 0 if told(lambda say: story(one, say), [one]) else 1


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--registry", required=True, help="the program agentmesh-registry")
    arguments.add_argument("--postgres", action="store_true", help="in PostgreSQL, first two of them, then one")
    options = arguments.parse_args()
    if options.postgres:
        return with_postgres(options.registry)
    with tempfile.TemporaryDirectory(prefix="agentmesh-") as folder:
        registry = Registry(options.registry, str(pathlib.Path(folder) / "registry.db"))
        return 0 if told(lambda say: story(registry, say), [registry]) else 1


if __name__ == "__main__":
    sys.exit(main())
