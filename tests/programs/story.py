#!/usr/bin/env python3
"""Agents that find each other: a registry, a relay and a listener as processes, and a second agent on the command line.

Each agent has a directory of its own, so that nothing is known but what a registry, or a node of the table, tells.

Usage: story.py --agentmesh PROGRAM --relay PROGRAM --registry PROGRAM
       story.py --agentmesh PROGRAM --relay PROGRAM --registry PROGRAM --vouched
       story.py --agentmesh PROGRAM --relay PROGRAM --without-registry
       story.py --agentmesh PROGRAM --relay PROGRAM --on-network ADDRESS
"""

import http.client
import json
import subprocess
import sys
import time

import vouching
from programs import DEADLINE, demand, options, play

OPEN_DOOR = {"accept_tiers": ["anonymous"], "min_reputation": 0, "accepted_intents": ["travel"]}


def agents(world, *how):
    """Flags and folders: each agent with its own directory."""
    world.how = how
    world.amid = {}
    for who in ("alice", "bob", "mallory"):
        [made] = world.run(who, "identity", "new").events("identity")
        world.amid[who] = made["amid"]
        (world.home(who) / "policy.json").write_text(json.dumps(OPEN_DOOR))
    [shown] = run(world, "bob", "identity", "export").events("record")
    world.record = shown["record"]


def environment(world, who):
    return {"AGENTMESH_DIRECTORY": str(world.home(who) / "agents.json")}


def run(world, who, *arguments, expect=0):
    program = world.start(who, *world.how, *arguments, **environment(world, who))
    program.hang_up()
    code = program.wait()
    demand(code == expect, f"{who} {arguments}: exit {code}, expected {expect}: {program.seen} {program.errors}")
    return program


def listen(world, who):
    program = world.start(who, *world.how, "listen", "--reply", **environment(world, who))
    program.event("ready")
    return program


def talk(world, bob):
    """Alice knocks by the name that she has found, and both talk."""
    [opened] = run(world, "alice", "knock", world.amid["bob"], "--intent", "travel").events("opened")
    demand(opened["peer"] == world.amid["bob"], f"{opened}")
    bob.event("opened", session=opened["session"])
    alice = world.start("alice", *world.how, "send", world.amid["bob"], "--intent", "travel", "-",
                        **environment(world, "alice"))
    alice.say("two seats to Lisbon")
    demand(bob.event("message")["text"] == "two seats to Lisbon", "bob heard something else")
    bob.say("in the morning?")
    demand(alice.event("message")["text"] == "in the morning?", "alice heard something else")
    alice.hang_up()
    demand(alice.wait() == 0, f"alice was not done: {alice.errors}")
    return opened["session"]


def bring_record(world, who):
    """Bob's record, from somewhere else, into the directory of another."""
    path = world.home(who) / "agents.json"
    known = json.loads(path.read_text()) if path.exists() else {"agents": []}
    path.write_text(json.dumps({"agents": [*known["agents"], world.record]}))


def stranger(world, bob):
    """Nobody can tell bob who mallory is."""
    bring_record(world, "mallory")
    how, world.how = world.how, ()
    refused = run(world, "mallory", "knock", world.amid["bob"], "--intent", "travel", expect=1)
    demand(refused.events("refused")[0]["reason"] == "rejected", f"{refused.seen}")
    bob.event("denied", peer=world.amid["mallory"])
    world.how = how


def refused_by(world, bob, reason):
    """Alice has bob's record from elsewhere, and asks nobody."""
    bring_record(world, "alice")
    how, world.how = world.how, ()
    refused = run(world, "alice", "knock", world.amid["bob"], "--intent", "travel", expect=1)
    demand(refused.events("refused")[0]["reason"] == "rejected", f"{refused.seen}")
    bob.event("denied", peer=world.amid["alice"], reason=reason)
    world.how = how


def with_registry(world):
    world.start_registry()
    agents(world, "--registry", world.registry_url)
    run(world, "alice", "register")
    run(world, "bob", "register", "--capability", "travel/flights")
    bob = listen(world, "bob")

    [found] = run(world, "alice", "search", "travel").events("agent")
    demand(found["amid"] == world.amid["bob"] and found["keys"] == "bound", f"{found}")
    demand(run(world, "alice", "verify", found["amid"]).events("verified")[0]["good"], "bob does not hold")
    session = talk(world, bob)

    run(world, "alice", "rate", world.amid["bob"], "--session", session, "--score-ppm", "950000", "--tag", "helpful")
    [rated] = run(world, "alice", "lookup", world.amid["bob"]).events("agent")
    demand(rated["ratings"] == 1 and rated["reputation_ppm"] > found["reputation_ppm"], f"{rated}")

    stranger(world, bob)

    # Revoked: the registry tells it nothing, nobody lets it in, and nobody asks it in. What bob was told of it before
    # counts for ten seconds, so he begins anew.
    run(world, "alice", "close", world.amid["bob"])
    demand(bob.end() == 0, "bob did not end")
    run(world, "alice", "revoke", "--yes", "--reason", "key_compromise")
    refused = run(world, "alice", "knock", world.amid["bob"], "--intent", "travel", expect=1)
    demand(not refused.events("refused") and not refused.events("opened"), f"{refused.seen}")
    bob = listen(world, "bob")
    refused_by(world, bob, "insufficient_trust")
    demand(bob.end() == 0, "bob did not end")
    gone = run(world, "bob", "knock", world.amid["alice"], "--intent", "travel", expect=1)
    demand("revoked" in gone.errors[-1], f"said {gone.errors}")


def vouched(world):
    """Who has logged in is verified by a certificate, and a policy that asks for that lets in nobody else."""
    provider = vouching.Provider(world.folder)
    described = world.folder / "acme.json"
    described.write_text(json.dumps({
        "name": "acme", "display_name": "Acme", "issuer": provider.issuer, "client_id": vouching.CLIENT,
        "client_secret": vouching.SECRET, "authorization_endpoint": provider.issuer + "/authorize",
        "token_endpoint": provider.issuer + "/token", "jwks_uri": provider.issuer + "/jwks",
        "redirect_uri": "http://127.0.0.1/v1/auth/oauth/callback"}))
    root = vouching.make_root(world.folder, "registry")
    world.start_registry("--login", str(described), "--ca-cert", root["cert"], "--ca-key", root["key"])
    agents(world, "--registry", world.registry_url, "--roots", root["cert"], "--revoked", "/dev/null")
    (world.home("bob") / "policy.json").write_text(json.dumps({**OPEN_DOOR, "accept_tiers": ["verified"]}))
    run(world, "alice", "register")
    bob = listen(world, "bob")
    knock = run(world, "alice", "knock", world.amid["bob"], "--intent", "travel", expect=1)
    demand(knock.events("refused"), f"{knock.seen}")
    bob.event("denied", peer=world.amid["alice"], reason="insufficient_trust")
    demand(bob.end() == 0, "bob did not end")

    [login] = run(world, "alice", "register", "--login", "acme").events("login")
    demand(login["provider"] == "acme" and login["url"].startswith(provider.issuer), f"{login}")
    link = http.client.HTTPConnection("127.0.0.1", world.registry_port, timeout=DEADLINE)
    link.request("GET", "/v1/auth/oauth/callback?" + vouching.browse(provider, login["url"]))
    demand(link.getresponse().status == 200, "the registry does not believe the provider")
    link.close()
    [proved] = run(world, "bob", "verify", world.amid["alice"]).events("verified")
    demand(proved["tier"] == proved["claimed_tier"] == "verified", f"{proved}")
    # In the registry's word only, for whoever does not trust its root, or cannot tell what is withdrawn.
    how = world.how
    for flags in ((), ("--roots", root["cert"], "--revoked", str(world.folder / "nowhere"))):
        world.how = ("--registry", world.registry_url, *flags)
        [told] = run(world, "bob", "lookup", world.amid["alice"]).events("agent")
        demand(told["tier"] == "anonymous" and told["claimed_tier"] == "verified" and told["unproved"], f"{told}")
    world.how = how

    bob = listen(world, "bob")
    talk(world, bob)
    stranger(world, bob)
    demand(bob.end() == 0, "bob did not end")


def without_registry(world):
    agents(world)
    first = world.start("mallory", "dht", "--listen", "127.0.0.1", "--port", "0")
    [place] = first.event("node")["addresses"]
    world.how = ("--dht", place)
    bob = listen(world, "bob")
    talk(world, bob)
    nobody = run(world, "alice", "knock", "38wiyXBfpANY7wQt1hpUMmtsdF75", "--intent", "travel", expect=1)
    demand(any("nobody" in line for line in nobody.errors), f"said {nobody.errors}")
    stranger(world, bob)
    demand(bob.end() == 0, "bob did not end")
    demand(first.end() == 0, "the node did not end")


def announced():
    """The agents of the network, as avahi has them."""
    told = subprocess.run(["avahi-browse", "-rpt", "_agentmesh._tcp"], capture_output=True, text=True, timeout=DEADLINE)
    return told.stdout.splitlines()


def on_one_network(world):
    """Announced by multicast, seen by avahi, knocked at, and gone."""
    agents(world, "--lan", world.arguments.on_network)
    bob = listen(world, "bob")
    fields = next((line.split(";") for line in announced() if line.startswith("=") and world.amid["bob"] in line), None)
    demand(fields and fields[7:9] == [world.arguments.on_network, str(world.port)], f"avahi resolves to {fields}")
    talk(world, bob)
    stranger(world, bob)
    demand(bob.end() == 0, "bob did not end")
    # A goodbye counts after a second; what is not taken back would be there for two minutes.
    give_up = time.monotonic() + DEADLINE
    while any(world.amid["bob"] in line for line in announced()):
        demand(time.monotonic() < give_up, "bob has ended, and is still announced")


if __name__ == "__main__":
    parser = options()
    parser.add_argument("--without-registry", action="store_true", help="with the distributed table in its place")
    parser.add_argument("--vouched", action="store_true", help="with a login, and certificates that follow from it")
    parser.add_argument("--on-network", metavar="ADDRESS", help="with multicast there, beside an avahi-daemon")
    chosen = parser.parse_args()
    told = with_registry
    for asked, other in ((chosen.vouched, vouched), (chosen.without_registry, without_registry),
                         (chosen.on_network, on_one_network)):
        told = other if asked else told
    sys.exit(play(told, chosen))
