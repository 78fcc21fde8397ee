"""A registry and a real name server: an organization holds its domain once dnsmasq says its challenge, and not before.

dnsmasq serves two zones of its own on a free port of loopback: one record that fits a datagram, one that takes TCP.
Ends with 77, which counts as skipped, where there is no dnsmasq.
"""

import argparse
import pathlib
import random
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from registry import Agent, DEADLINE, Failed, Registry, b64, demand  # noqa: E402


class FlaggedRegistry(Registry):
    """In memory, on a free port, with whatever flags a story is about."""

    def __init__(self, program, *flags):
        self.process = subprocess.Popen([program, "--port", "0", "--log", "off", *flags], stdout=subprocess.PIPE, text=True)
        ready, _, _ = select.select([self.process.stdout], [], [], DEADLINE)
        line = self.process.stdout.readline() if ready else ""
        demand(line.startswith("listening http://127.0.0.1:"), f"the registry did not come up: {line!r}")
        self.port = int(line.strip().rsplit(":", 1)[1].split("/")[0])
        self.host = f"127.0.0.1:{self.port}"

SKIPPED = 77


class NameServer:
    """dnsmasq, told anew what it says each time it starts."""

    def __init__(self, program, folder):
        self.program, self.folder, self.process = program, folder, None
        self.port = self.free_port()

    @staticmethod
    def free_port():
        """Of UDP and TCP, and none that the system gives to connections, so that it is still free after a restart."""
        while True:
            port = random.randrange(15000, 32000)
            try:
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    with socket.socket(socket.AF_INET, kind) as one:
                        one.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue

    def say(self, records):
        self.stop()
        lines = [f"port={self.port}", "listen-address=127.0.0.1", "bind-interfaces", "no-resolv", "no-hosts", "no-daemon",
                 "user=root", "group=root", "local=/example/", f"pid-file={self.folder}/dnsmasq.pid"]
        for name, texts in records:
            lines.append(f"txt-record={name}," + ",".join(f'"{text}"' for text in texts))
        path = self.folder / "dnsmasq.conf"
        path.write_text("\n".join(lines) + "\n")
        self.process = subprocess.Popen([self.program, f"--conf-file={path}"], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE)
        for line in self.process.stderr:  # until it says that it is there, or ends
            if b"started" in line:
                return
        raise Failed("dnsmasq did not come up")

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(DEADLINE)
            self.process = None


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def found(registry, admin, domain):
    status, answer = registry.ask("POST", "/v1/org/register", agent=admin, body={
        "name": "Acme", "domain": domain, "admin_amid": admin.amid, "admin_signing_public_key": b64(admin.public)})
    demand(status == 201 and answer["success"], f"org/register: {status} {answer}")
    challenge = answer["dns_challenge"]
    demand(challenge["record_name"] == f"_agentmesh.{domain}", f"record_name: {challenge}")
    return answer["organization_id"], challenge["record_value"]


def verify(registry, admin, organization):
    return registry.ask("POST", "/v1/org/verify", agent=admin,
                        body={"organization_id": organization, "admin_amid": admin.amid})


def join(registry, admin, agent, organization):
    at, exchange = now(), b64(agent.exchange_key("exchange"))
    consent = f"AgentMesh-v1:organization-consent\0{organization}\n{agent.amid}\n{exchange}\n{at}"
    return registry.ask("POST", "/v1/org/agents", agent=admin, body={
        "organization_id": organization, "agent_amid": agent.amid, "agent_signing_public_key": b64(agent.public),
        "agent_exchange_public_key": exchange, "agent_consent": agent.sign(consent.encode()), "agent_consent_at": at,
        "capabilities": ["travel/flights"], "admin_amid": admin.amid})


def story(registry, names, say):
    acme, other, desk = Agent("acme admin"), Agent("other admin"), Agent("desk")
    say("a domain without the record is not verified, nor is one that says something else")
    names.say([])
    organization, challenge = found(registry, acme, "acme.example")
    status, answer = verify(registry, acme, organization)
    demand(status == 200 and answer["verified"] is False, f"no record: {status} {answer}")
    names.say([("_agentmesh.acme.example", ["agentmesh-verify=something else"]),
               ("acme.example", [challenge]), ("_agentmesh.other.example", [challenge])])
    status, answer = verify(registry, acme, organization)
    demand(status == 200 and answer["verified"] is False, f"another record: {status} {answer}")
    status, answer = join(registry, acme, desk, organization)
    demand(status == 403, f"a member before that: {status} {answer}")

    say("the record verifies it, and then it has members")
    names.say([("_agentmesh.acme.example", ["v=spf1 -all"]), ("_agentmesh.acme.example", [challenge])])
    status, answer = verify(registry, other, organization)
    demand(status == 401, f"verified by somebody else: {status} {answer}")
    status, answer = verify(registry, acme, organization)
    demand(status == 200 and answer["verified"] is True, f"the record: {status} {answer}")
    status, answer = join(registry, acme, desk, organization)
    demand(status == 201, f"a member: {status} {answer}")
    status, answer = registry.ask("GET", "/v1/registry/lookup", f"amid={desk.amid}")
    demand(status == 200 and answer["tier"] == "organization" and answer["organization"] == "Acme", f"lookup: {answer}")
    status, answer = registry.ask("GET", "/v1/org/lookup", "domain=acme.example")
    demand(answer["verified"] is True and answer["agent_count"] == 1, f"org/lookup: {answer}")

    say("an answer that fits no datagram is fetched over TCP")
    organization, challenge = found(registry, other, "other.example")
    names.say([("_agentmesh.other.example", ["x" * 200, "y" * 200, str(n)]) for n in range(4)]
              + [("_agentmesh.other.example", [challenge[:20], challenge[20:]])])
    status, answer = verify(registry, other, organization)
    demand(status == 200 and answer["verified"] is True, f"over TCP: {status} {answer}")

    say("a registry that nobody tells does not guess, and answers others meanwhile")
    organization, _ = found(registry, acme, "third.example")
    names.stop()
    began = time.monotonic()
    status, answer = verify(registry, acme, organization)
    demand(status == 503 and answer["error"] == "unavailable", f"no name server: {status} {answer}")
    demand(time.monotonic() - began < DEADLINE, "it took too long to say so")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--registry", required=True)
    chosen = options.parse_args()
    program = shutil.which("dnsmasq", path="/usr/sbin:/usr/bin:/sbin:/bin")
    if not program:
        print("skipped: there is no dnsmasq")
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="agentmesh-names-") as folder:
        names, registry = NameServer(program, pathlib.Path(folder)), None
        try:
            names.say([])
            registry = FlaggedRegistry(chosen.registry, "--dns", f"127.0.0.1:{names.port}")
            story(registry, names, lambda line: print(line, flush=True))
            registry.stop()
        except Failed as why:
            print(f"FAILED: {why}", file=sys.stderr)
            return 1
        finally:
            names.stop()
            if registry:
                registry.process.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main())
