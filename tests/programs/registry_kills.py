#!/usr/bin/env python3
"""A registry that is killed at any step under load, again and again: no acknowledged write is lost.

In each cycle the registry gets SIGKILL in front of a step drawn at random, a write, a sync or a send, while clients
register, change, upload, fetch, rate and revoke over connections of their own. What was answered before must be so
after: each client first looks at what it was told in the cycle before, and at the end, with nobody killed, at everything
it was ever told. No one-time prekey is handed out twice in all that time.

Usage: registry_kills.py --registry PROGRAM --kill-point LIBRARY [--cycles 1000] [--seconds 0] [--seed NUMBER]
                         [--postgres]
"""

import argparse
import http.client
import json
import os
import pathlib
import random
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import postgres
from registry import DEADLINE, Agent, Failed, b64, demand, registration

HOST = "registry.example"
CLIENTS = 3
KEYS = 60  # one-time prekeys of an upload


class Gone(Exception):
    """The registry did not answer: what it was asked may have happened, or not."""


class Link:
    """Requests over one connection, made anew where it ended."""

    def __init__(self):
        self.port, self.connection = 0, None

    def to(self, port):
        self.close()
        self.port = port

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def ask(self, method, path, query="", body=None, agent=None, fields=None):
        text = b"" if body is None else json.dumps(body).encode()
        sent = {"Host": HOST, "Content-Type": "application/json"}
        if fields is None:
            fields = agent.proof(method, HOST, path, query, text) if agent else {}
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
                self.connection.connect()
                self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connection.request(method, path + ("?" + query if query else ""), text, sent | fields)
            answer = self.connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as why:
            self.close()
            raise Gone from why
        if answer.status == 503:
            demand(Client.errors_allowed, f"{method} {path}: {answer.status} {content}")
            raise Gone
        return answer.status, json.loads(content) if content else None


class Shop:
    """The agent whose one-time prekeys all clients fetch."""

    def __init__(self):
        self.agent, self.next, self.left = Agent("shop"), 0, 0
        self.lock, self.taken = threading.Lock(), {}

    def upload(self):
        first, self.next = self.next, self.next + KEYS
        key = self.agent.exchange_key("signed prekey")
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return {"amid": self.agent.amid, "signed_prekey": b64(key), "signed_prekey_signature": self.agent.sign(key),
                "signed_prekey_id": 1, "timestamp": now, "signature": self.agent.sign(now.encode()),
                "one_time_prekeys": [{"id": first + n, "key": b64(key)} for n in range(KEYS)]}

    def take(self, number, by):
        with self.lock:
            demand(number not in self.taken,
                   f"one-time prekey {number} was handed out to {self.taken.get(number)} and {by}")
            demand(number < self.next, f"one-time prekey {number} was never uploaded")
            self.taken[number] = by


class Client:
    """Knows what it was told. `facts` are questions with the answers that they must have from now on."""

    errors_allowed = False  # the database may be gone, too

    def __init__(self, name, dice, shop):
        self.name, self.dice, self.shop = name, dice, shop
        self.link, self.agents, self.facts, self.fresh = Link(), [], {}, []
        self.requests = self.acknowledged = self.checked = 0

    def learn(self, key, check):
        """`check(link)` says what is wrong. A later fact of the same key takes the place of an earlier one."""
        self.facts[key] = check
        self.fresh.append(key)

    def unsure(self, *keys):
        for key in keys:
            self.facts.pop(key, None)

    def look(self, keys):
        for key in keys:
            if check := self.facts.get(key):
                wrong = check(self.link)
                demand(not wrong, f"{self.name}: {key} was acknowledged, and is not so: {wrong}")
                self.checked += 1

    def told(self, method, path, body, agent):
        self.requests += 1
        status, answer = self.link.ask(method, path, body=body, agent=agent)
        self.acknowledged += 1
        return status, answer

    def lookup(self, agent, member, value):
        def check(link):
            status, seen = link.ask("GET", "/v1/registry/lookup", f"amid={agent.amid}")
            return None if status == 200 and seen[member] == value else (status, seen)
        return check

    def register(self):
        agent = Agent(f"{self.name} {len(self.agents)}")
        self.agents.append(agent)
        status, answer = self.told("POST", "/v1/registry/register", registration(agent), agent)
        demand(status == 201, f"register: {status} {answer}")
        agent.known = True
        self.learn((agent.name, "there"), self.lookup(agent, "amid", agent.amid))

    def change(self, agent, path, member, value):
        key = (agent.name, member)
        self.unsure(key)
        status, answer = self.told("POST", path, {"amid": agent.amid, member: value}, agent)
        demand(status == 200, f"{path}: {status} {answer}")
        self.learn(key, self.lookup(agent, member, value))

    def revoke(self, agent):
        # Revoked agents show as offline whatever they were.
        self.unsure((agent.name, "status"))
        agent.known = False
        status, answer = self.told("POST", "/v1/registry/revoke", {
            "amid": agent.amid, "reason": "key_compromise", "revoker_amid": agent.amid}, agent)
        demand(status == 200, f"revoke: {status} {answer}")

        def check(link):
            status, seen = link.ask("GET", "/v1/registry/revocation", f"amid={agent.amid}")
            return None if status == 200 and seen["revoked"] is True else (status, seen)
        self.learn((agent.name, "revoked"), check)

    def rate(self, agent):
        session = f"{agent.name} {self.dice.random()}"
        body = {"target_amid": self.shop.agent.amid, "from_amid": agent.amid, "session_id": session,
                "score": self.dice.randrange(100) / 100, "tags": []}
        status, answer = self.told("POST", "/v1/registry/reputation", body, agent)
        demand(status == 200, f"rate: {status} {answer}")

        def check(link):
            status, seen = link.ask("POST", "/v1/registry/reputation", body=body, agent=agent)
            # Who may be revoked meanwhile is refused for that.
            return None if status == 409 or status == 403 and not agent.known else ("a second rating", status, seen)
        self.learn((agent.name, "rated", session), check)

    def prove_once(self, agent):
        body = {"amid": agent.amid, "status": "away"}
        self.unsure((agent.name, "status"))
        proof = agent.proof("POST", HOST, "/v1/registry/status", "", json.dumps(body).encode())
        self.requests += 1
        status, answer = self.link.ask("POST", "/v1/registry/status", body=body, fields=proof)
        self.acknowledged += 1
        demand(status == 200, f"status: {status} {answer}")

        def check(link):
            status, seen = link.ask("POST", "/v1/registry/status", body=body, fields=proof)
            return None if status == 401 else ("a proof served twice", status, seen)
        # Proofs are remembered as long as they could serve: not until the end of a long run.
        self.fresh.append(check)

    def fetch(self, agent):
        status, answer = self.told("GET", f"/v1/registry/prekeys/{self.shop.agent.amid}", None, agent)
        demand(status == 200, f"fetch: {status} {answer}")
        if "one_time_prekey" in answer:
            self.shop.take(answer["one_time_prekey"]["id"], self.name)

    def upload(self):
        shop = self.shop
        before = len(shop.taken)
        status, answer = self.told("POST", "/v1/registry/prekeys", shop.upload(), shop.agent)
        demand(status == 200 and answer["one_time_prekeys_stored"] == KEYS, f"upload: {status} {answer}")
        last = shop.next - 1

        # The last of an upload is there until about as many were asked for.
        def check(link):
            if before + KEYS // 2 < len(shop.taken) or shop.next - 1 != last:
                return None
            status, answer = link.ask("GET", f"/v1/registry/prekeys/{shop.agent.amid}", agent=shop.agent)
            if status == 200 and "one_time_prekey" in answer:
                shop.take(answer["one_time_prekey"]["id"], self.name)
                return None
            return ("uploaded one-time prekeys are gone", status, answer)
        self.fresh.append(check)

    def run(self, port, requests):
        """Until the registry is gone, or so many requests are answered."""
        self.link.to(port)
        try:
            while self.fresh:
                newest = self.fresh[-1]
                if callable(newest):
                    demand(not (wrong := newest(self.link)), f"{self.name}: {wrong}")
                    self.checked += 1
                else:
                    self.look([newest])
                self.fresh.pop()
            for _ in range(requests):
                self.act()
        except Gone:
            return
        finally:
            self.link.close()

    def act(self):
        known = [agent for agent in self.agents[-8:] if getattr(agent, "known", False)]
        if not known:
            return self.register()
        agent = self.dice.choice(known)
        if self.name == "client 0" and self.dice.random() < 0.15:
            return self.upload()
        return self.dice.choice((
            self.register,
            lambda: self.change(agent, "/v1/registry/status", "status", self.dice.choice(("online", "away", "dnd"))),
            lambda: self.change(agent, "/v1/registry/capabilities", "capabilities",
                                [f"travel/{self.dice.randrange(99)}"]),
            lambda: self.fetch(agent), lambda: self.fetch(agent), lambda: self.fetch(agent), lambda: self.rate(agent),
            lambda: self.prove_once(agent), lambda: self.revoke(agent)))()


class Registry:
    def __init__(self, program, database, library):
        self.program, self.database, self.library, self.port = program, database, library, 0

    def start(self, step=0):
        """Whether it came up. With a step, it dies in front of that one."""
        environment = dict(os.environ)
        if step:
            environment |= {"LD_PRELOAD": self.library, "AGENTMESH_KILL_AT": f"{step}:{int(signal.SIGKILL)}"}
        self.process = subprocess.Popen(
            [self.program, "--port", str(self.port), "--db", self.database, "--name", HOST, "--requests-per-minute",
             "0", "--registrations-per-minute", "0", "--fetches-per-minute", "0"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        ready, _, _ = select.select([self.process.stdout], [], [], DEADLINE)
        demand(ready, "the registry did not come up")
        line = self.process.stdout.readline()
        if not line.startswith("listening "):
            code, why = self.process.wait(DEADLINE), self.process.stderr.read()
            demand(step and code == -signal.SIGKILL, f"the registry did not come up: {code} {why}")
            return False
        self.port = int(line.strip().rsplit(":", 1)[1].split("/")[0])
        return True

    def end(self, number):
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(DEADLINE)
        self.process.stdout.close()
        self.process.stderr.close()
        return code


def at_once(clients, act):
    """Every client in a thread of its own. A failure of one is the failure of all."""
    failures = []

    def guarded(client):
        try:
            act(client)
        except Failed as why:
            failures.append(why)

    threads = [threading.Thread(target=guarded, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * DEADLINE)
        demand(not thread.is_alive(), "a client did not end")
    if failures:
        raise failures[0]


def story(options, registry, server=None):
    dice = random.Random(options.seed)
    shop = Shop()
    clients = [Client(f"client {n}", random.Random(dice.random()), shop) for n in range(CLIENTS)]
    Client.errors_allowed = server is not None
    demand(registry.start(), "the registry did not come up")
    opener = Client("opener", dice, shop)
    opener.link.to(registry.port)
    status, _ = opener.link.ask("POST", "/v1/registry/register", body=registration(shop.agent), agent=shop.agent)
    demand(status == 201, f"register: {status}")
    opener.upload()
    opener.link.close()
    registry.end(signal.SIGKILL)

    begun, cycles, deaths, starts_cut, crashes = time.monotonic(), 0, 0, 0, 0
    while cycles < options.cycles and not (options.seconds and time.monotonic() - begun > options.seconds):
        cycles += 1
        # Few steps until it listens, some ten for a request; now and then so many that a checkpoint lies between.
        step = dice.randrange(1, 1200) if dice.random() < 0.02 else dice.randrange(1, 90)
        if not registry.start(step):
            starts_cut += 1
            deaths += 1
            registry.end(signal.SIGKILL)
            continue
        if server is not None and dice.random() < 0.05:
            crashes += 1
            outage = threading.Timer(dice.random() * 0.1, server.crash)
            outage.start()
        else:
            outage = None
        at_once(clients, lambda client: client.run(registry.port, 2 + step // 12))
        if outage:
            outage.join()
            server.start()  # here, because it ends with the thread that starts it
        if registry.process.poll() is not None:
            deaths += 1
        code = registry.end(signal.SIGKILL)
        demand(code == -signal.SIGKILL, f"the registry ended with {code}")

    Client.errors_allowed = False
    demand(registry.start(), "the registry did not come up")

    def look_at_all(client):
        client.link.to(registry.port)
        client.look(list(client.facts))
        client.link.close()

    at_once(clients, look_at_all)
    code = registry.end(signal.SIGTERM)
    demand(code == 0, f"the registry did not stop cleanly: {code}")
    took = time.monotonic() - begun
    print(f"{cycles} cycles, {deaths} deaths at their step, {starts_cut} of them before it listened, "
          f"{crashes} crashes of the database, {sum(one.acknowledged for one in clients)} of "
          f"{sum(one.requests for one in clients)} requests acknowledged, {sum(one.checked for one in clients)} looked "
          f"at again, {len(shop.taken)} one-time prekeys handed out, each once, {took:.1f} s")
    demand(2 * deaths >= cycles, "hardly any died at its step")


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--registry", required=True, help="the program agentmesh-registry")
    arguments.add_argument("--kill-point", required=True, help="the library that is preloaded")
    arguments.add_argument("--cycles", type=int, default=1000)
    arguments.add_argument("--seconds", type=float, default=0, help="no cycle begins after this time; 0: no limit")
    arguments.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    arguments.add_argument("--postgres", action="store_true", help="with rows in PostgreSQL, which crashes, too")
    options = arguments.parse_args()
    print(f"seed {options.seed}", flush=True)
    registry = None
    try:
        if options.postgres:
            why_not = postgres.missing()
            if why_not:
                print(f"skipped: {why_not}")
                return postgres.SKIPPED
            with postgres.Server() as server:
                registry = Registry(options.registry, server.url, options.kill_point)
                story(options, registry, server)
        else:
            with tempfile.TemporaryDirectory(prefix="agentmesh-") as folder:
                registry = Registry(options.registry, str(pathlib.Path(folder) / "registry.db"), options.kill_point)
                story(options, registry)
    except Failed as why:
        print(f"failed: {why}", file=sys.stderr)
        return 1
    finally:
        if registry is not None and registry.process.poll() is None:
            registry.process.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main())
