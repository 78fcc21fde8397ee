#!/usr/bin/env python3
"""Every command of agentmesh, what it prints for programs, what it says to people, and how it ends.

At the end every event of schemas/cli has been seen, and each line seen is refused by its schema once it is damaged.

Usage: command_line.py --agentmesh PROGRAM --relay PROGRAM --registry PROGRAM
"""

import base64
import http.client
import json
import pathlib
import shutil
import signal
import subprocess
import sys

import registry
from programs import DEADLINE, LINES, Program, demand, options, play

OPEN_DOOR = {"accept_tiers": ["anonymous"], "min_reputation": 0, "accepted_intents": ["conversation", "travel"]}
COMMANDS = ("identity", "identity new", "identity show", "identity export", "listen", "knock", "send", "close",
            "sessions", "policy", "policy check", "policy show", "prekeys", "cert", "cert show", "cert check",
            "register", "lookup", "search", "verify", "rate", "revoke", "prekeys upload", "prekeys status", "dht")
SESSION = "0123456789abcdef0123456789abcdef"
CERTIFICATES = pathlib.Path(__file__).resolve().parents[2] / "vectors" / "identity" / "certificates.json"


def plain(world, who, *arguments):
    """The same without --json, as people see it: exit code, output, complaints."""
    done = subprocess.run([world.arguments.agentmesh, *arguments], env=world.environment(who), text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE)
    return done.returncode, done.stdout, done.stderr


def policy(world, who, **more):
    (world.home(who) / "policy.json").write_text(json.dumps({**OPEN_DOOR, **more}))


def help_for_strangers(world):
    for command in ("", *COMMANDS):
        code, said, complaints = plain(world, "alice", *command.split(), "--help")
        demand(code == 0 and not complaints, f"{command} --help: exit {code}, {complaints}")
        for number in range(5):
            demand(f"\n  {number}  " in said, f"{command} --help: no exit code {number}")
        demand("--home" in said, f"{command} --help: the flags that go with every command are not named")
        demand(max(map(len, said.splitlines())) <= 120, f"{command} --help: too wide")
    main_help = plain(world, "alice", "--help")[1]
    for command in COMMANDS:
        demand(command.split()[0] in main_help, f"--help does not name {command}")


def wrong_usage(world):
    """What is wrong is named, in one line, and the help that tells more."""
    for command in COMMANDS:
        more = {"knock": ("bob",), "send": ("bob", "hi"), "close": ("bob",), "cert show": ("chain.pem",),
                "cert check": ("chain.pem",), "lookup": ("bob",), "verify": ("bob",),
                "rate": ("bob", "--session", SESSION, "--score-ppm", "1")}.get(command, ())
        code, said, complaint = plain(world, "alice", *command.split(), *more, "--no-such-flag")
        demand(code == 3 and not said, f"{command} --no-such-flag: exit {code}, {said}")
        demand("--no-such-flag" in complaint and complaint.count("\n") == 1, f"{command}: said {complaint!r}")
    for arguments, names in (
        (("shout",), "shout"), (("--colour",), "--colour"), (("identity", "forge"), "forge"),
        (("listen", "--for", "never"), "--for"), (("listen", "--for", "0"), "--for"), (("listen", "more"), "more"),
        (("knock",), "peer"), (("send", "bob"), "text"), (("close",), "which"),
        (("knock", "bob", "--ttl", "9"), "--ttl"), (("knock", "bob", "--ttl", "604801"), "--ttl"),
        (("knock", "bob", "--messages", "-1"), "--messages"), (("send", "bob", "hi", "--wait", "1e9"), "--wait"),
        (("knock", "bob", "--intent", ""), "--intent"), (("knock", "bob", "--intent", "x" * 65), "--intent"),
        (("knock", "bob", "--intent", "a\x1b[2Jb"), "a\\x1b[2Jb"),
        (("send", "bob", "hi", "--session", "12"), "12"), (("close", "bob", "--reason", "because"), "because"),
        (("policy", "check", "--from", "bob", "--tier", "king"), "--tier"),
        (("policy", "check", "--reputation-ppm", "1000001"), "--reputation-ppm"),
        (("--relay", "http://relay/", "listen"), "http://relay/"), (("--relay", "ftp:x", "prekeys"), "ftp:x"),
        (("cert", "show"), "file"), (("cert", "check", "x.pem"), "--roots"), (("cert", "frame"), "frame"),
        (("--roots", "x.pem", "cert", "check", "x.pem", "--at", "noon"), "noon"),
        (("search",), "--registry"), (("lookup", "bob"), "--registry"), (("register",), "--registry"),
        (("--registry", "ws://x/", "lookup", "bob"), "ws://x/"), (("--registry", "nowhere", "register"), "nowhere"),
        (("--registry", "http://x", "--believe", "all", "search"), "--believe"),
        (("search", "--tier", "king"), "--tier"), (("search", "--limit", "101"), "--limit"),
        (("search", "--status", "asleep"), "--status"), (("rate", "bob", "--score-ppm", "1"), "--session"),
        (("rate", "bob", "--session", SESSION, "--score-ppm", "1000001"), "--score-ppm"),
        (("rate", "bob", "--session", "12", "--score-ppm", "1"), "12"),
        (("dht", "--listen", "here"), "--listen"), (("dht", "--port", "65536"), "--port"),
        (("--dht", "1.2.3.4:8468,host:1", "dht"), "host:1"), (("revoke",), "--yes"),
        (("revoke", "--yes", "--reason", "because"), "--reason"),
        (("--name", "\u202egnp", "listen"), "--name"), (("--name", "x" * 65, "listen"), "--name"),
    ):
        code, said, complaint = plain(world, "alice", *arguments)
        demand(code == 3 and not said, f"{arguments}: exit {code}, {said!r}, {complaint!r}")
        demand(names in complaint and complaint.count("\n") == 1, f"{arguments}: said {complaint!r}")
    config = world.home("alice") / "config.json"
    for text, names in (('{"relai": "ws://x/"}', "relai"), ('{"relay": 1}', "config.json"), ("{", "config.json")):
        config.write_text(text)
        code, _, complaint = plain(world, "alice", "sessions")
        demand(code == 3 and names in complaint, f"config.json {text}: exit {code}, said {complaint!r}")
    config.unlink()


def identities(world):
    for who in ("alice", "bob"):
        code, _, complaint = plain(world, who, "sessions")
        demand(code == 1 and "agentmesh identity new" in complaint, f"said {complaint!r}")
        [made] = world.run(who, "identity", "new").events("identity")
        demand(world.run(who, "identity", "show").events("identity") == [made], "identity show tells another agent")
        [shown] = world.run(who, "identity", "export").events("record")
        demand(shown["record"]["amid"] == made["amid"], f"the record is of somebody else: {shown}")
        [did] = world.run(who, "identity", "export", "--did").events("did")
        demand(did["document"]["id"] == made["did"], f"the document is of somebody else: {did}")
        world.amid[who] = made["amid"]


def keys(world):
    [before] = world.run("alice", "prekeys", "--show").events("prekeys")
    [after] = world.run("alice", "prekeys").events("prekeys")
    demand(not before["renewed"] and not after["renewed"], "keys of today were renewed")
    demand(after["one_time_left"] == after["one_time_published"] == 100, f"{after}")
    state = world.home("alice") / "state"
    state.rename(world.folder / "kept")
    none = world.run("alice", "prekeys", "--show", expect=1)
    demand("agentmesh prekeys" in none.errors[0], f"said {none.errors}")
    [fresh] = world.run("alice", "prekeys").events("prekeys")
    demand(fresh["renewed"] and fresh["added"] == 100, f"{fresh}")
    shutil.rmtree(state)
    (world.folder / "kept").rename(state)
    world.run("alice", "prekeys")


def rules(world):
    [shown] = world.run("bob", "policy", "show").events("policy")
    demand(shown["defaults"] and shown["policy"]["accept_tiers"] == ["verified", "organization"], f"{shown}")
    [checked] = world.run("bob", "policy", "check").events("policy_checked")
    demand(checked["defaults"], f"{checked}")
    asked = ("policy", "check", "--from", "alice", "--intent", "travel/flights")
    [refused] = world.run("bob", *asked, expect=1).events("decision")
    demand(refused["reason"] == "insufficient_trust" and refused["told"] == "rejected", f"{refused}")
    [accepted] = world.run("bob", *asked, "--tier", "verified", "--reputation-ppm", "500000").events("decision")
    demand(accepted["accepted"] and accepted["peer"] == world.amid["alice"], f"{accepted}")
    # What is shown can be saved and is the same policy.
    _, text, _ = plain(world, "bob", "policy", "show")
    saved = world.folder / "saved.json"
    saved.write_text(text)
    world.run("bob", "policy", "check", str(saved))
    saved.write_text(text.replace('"blocklist"', '"blocklst"'))
    wrong = world.run("bob", "policy", "check", str(saved), expect=1)
    demand("blocklst" in wrong.errors[0] and "line" in wrong.errors[0], f"said {wrong.errors}")
    world.run("bob", "policy", "check", str(world.folder / "nowhere.json"), expect=1)


def pem(all_of_them):
    return "".join("-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(bytes.fromhex(der)).decode() +
                   "-----END CERTIFICATE-----\n" for der in all_of_them)


def certificates(world):
    """Every chain of the vectors gets from the program the verdict that it has there."""
    [group] = json.loads(CERTIFICATES.read_text())["groups"]
    roots, chain, revoked = (world.folder / name for name in ("roots.pem", "chain.pem", "revoked.txt"))
    roots.write_text(pem(group["shared"]["roots"]))
    for row in group["tests"]:
        given, said = row["input"], row["output"]
        chain.write_text("an agent of ours\n" + pem(given["chain"]))
        revoked.write_text("# withdrawn\n" + "".join(f"{one}\n" for one in given["revoked"]))
        asked = ("--roots", str(roots), "cert", "check", str(chain), "--of", given["expected"], "--at", row["now"])
        asked += ("--revoked", str(revoked)) if given["answers"] else ()
        if row["expect"] == "accept":
            [proved] = world.run("alice", *asked).events("standing")
            demand(proved["tier"] == said["tier"] and proved["amid"] == said["amid"], f"{row['comment']}: {proved}")
            demand(proved.get("domain") == said["organization"], f"{row['comment']}: {proved}")
            demand(proved["not_after"] == said["not_after"], f"{row['comment']}: {proved}")
        else:
            refused = world.run("alice", *asked, expect=1)
            demand(not refused.seen and len(refused.errors) == 1, f"{row['comment']}: {refused.seen} {refused.errors}")
            demand(said["reason"] != "unknown" or "--revoked" in refused.errors[0], f"said {refused.errors}")

    session = next(row["input"] for row in group["tests"] if row["comment"] == "session")
    chain.write_text(pem(session["chain"]))
    shown = world.run("alice", "cert", "show", str(chain)).events("certificate")
    demand([one["role"] for one in shown] == ["session", "agent", "organization", "root"], f"{shown}")
    demand(shown[1]["amid"] == session["expected"] and shown[2]["domain"] == "acme.example", f"{shown}")
    code, text, _ = plain(world, "alice", "cert", "show", str(chain))
    demand(code == 0 and text.count("fingerprint") == 4 and shown[0]["fingerprint"] in text, f"says {text!r}")
    asked = ("--roots", str(roots), "cert", "check", str(chain), "--of", session["expected"], "--at",
             "2026-11-21T12:00:00Z", "--revoked")
    code, text, _ = plain(world, "alice", *asked, "/dev/null")
    demand(code == 0 and "organization" in text and "acme.example" in text, f"says {text!r}")
    # Without --of it would have to be ours. A list that cannot be read says nothing about anybody.
    world.run("alice", "--roots", str(roots), "cert", "check", str(chain), "--revoked", "/dev/null", expect=1)
    for wrong in ("zz", "00" * 31):
        revoked.write_text(wrong)
        refused = world.run("alice", *asked, str(revoked), expect=1)
        demand(str(revoked) in refused.errors[0], f"said {refused.errors}")
    world.run("alice", "--roots", str(chain), "cert", "check", str(chain), expect=1)  # not all of them are roots
    for wrong in ("nothing here\n", pem(["3000"]), pem(session["chain"])[:300]):
        chain.write_text(wrong)
        refused = world.run("alice", "cert", "show", str(chain), expect=1)
        demand(not refused.seen and len(refused.errors) == 1, f"said {refused.seen} {refused.errors}")

    claim = json.dumps({"type": "agent_certificate", "agent_amid": session["expected"], "issuer": "AgentMesh",
                        "tier": "Organization", "organization_name": "Acme\u202e", "issued_at": "2026-01-01T00:00:00Z",
                        "expires_at": "2027-01-01T00:00:00Z"})
    chain.write_text("-----BEGIN AGENTMESH CERTIFICATE-----\n" + base64.b64encode(claim.encode()).decode() +
                     "\n-----END AGENTMESH CERTIFICATE-----\n")
    [claimed] = world.run("alice", "cert", "show", str(chain)).events("claim")
    demand(claimed["proves"] == "nothing" and claimed["tier"] == "Organization", f"{claimed}")
    _, text, _ = plain(world, "alice", "cert", "show", str(chain))
    demand("proves nothing" in text and "\\u202e" in text, f"says {text!r}")
    world.run("alice", "--roots", str(roots), "cert", "check", str(chain), "--of", session["expected"], "--revoked",
              "/dev/null", expect=1)


def sessions(world):
    bob = world.listen("bob")
    [refused] = world.run("alice", "knock", "bob", expect=1).events("refused")
    demand(refused["reason"] == "rejected", f"{refused}")
    bob.event("denied", reason="insufficient_trust")
    policy(world, "bob")
    bob.process.send_signal(signal.SIGHUP)
    bob.event("policy_reloaded")
    ids = [world.run("alice", "knock", "bob", "--intent", intent, "--messages", "50").events("opened")[0]["session"]
           for intent in ("travel/flights/search", "conversation")]
    sent = world.run("alice", "send", "--session", ids[0], "bob", "two", "seats")
    demand(sent.events("delivered") == [{"event": "delivered", "session": ids[0]}], f"{sent.seen}")
    bob.event("message", text="two seats")

    for arguments in (("listen",), ("send", "alice", "hi"), ("sessions",), ("prekeys",)):
        second = world.run("bob", *arguments, expect=1)
        demand(len(second.errors) == 1 and "AGENTMESH_HOME" in second.errors[0], f"{arguments}: said {second.errors}")
        demand(str(world.home("bob")) in second.errors[0], f"{arguments}: said {second.errors}")

    listed = world.run("alice", "sessions").events("session")
    demand({one["session"] for one in listed} == set(ids), f"{listed}")
    [one] = world.run("alice", "sessions", ids[0]).events("session")
    demand(one["intent"] == {"category": "travel", "subcategory": "flights", "action": "search"}, f"{one}")
    demand((one["sent"], one["received"], one["max_messages"], one["unacknowledged"]) == (1, 0, 50, 0), f"{one}")
    demand(one["initiator"] and one["phase"] == "open" and one["expected_messages"] == 50, f"{one}")
    demand(len(world.run("alice", "sessions", "bob").events("session")) == 2, "sessions with bob")
    _, text, _ = plain(world, "alice", "sessions", ids[0])
    for part in (ids[0], "open", "travel/flights/search", "sent 1 of 50", world.amid["bob"]):
        demand(part in text, f"sessions says {text!r}, without {part}")
    demand("bob" in plain(world, "alice", "sessions", "bob")[1], "the peer has no name")

    ended = world.run("alice", "close", ids[0], "--reason", "budget_exceeded")
    demand([event["session"] for event in ended.events("closed")] == [ids[0]], f"{ended.seen}")
    demand(bob.event("goodbye")["reason"] == "budget_exceeded", "the peer does not know why")
    bob.event("closed", session=ids[0])
    demand([s["session"] for s in world.run("alice", "sessions").events("session")] == [ids[1]], "a session too many")
    world.run("alice", "send", "--session", ids[0], "bob", "too late", expect=1)
    world.run("alice", "close", ids[0], expect=1)
    demand(bob.end() == 0, "bob did not end")

    # Nobody is there to be told: that waits, like any message.
    late = world.run("alice", "close", "--wait", "1", "bob", expect=2)
    demand("not delivered yet" in late.errors[-1], f"said {late.errors}")
    [waiting] = world.run("alice", "sessions", "bob").events("session")
    demand(waiting["phase"] == "closing", f"{waiting}")
    bob = world.listen("bob")
    bob.event("goodbye", session=ids[1], reason="completed")
    world.run("alice", "close", "bob")
    demand(bob.end(signal.SIGINT) == 0, "bob did not end")


def bad_luck(world):
    bob = world.listen("bob")
    world.run("alice", "knock", "bob", "--messages", "50")
    demand(bob.end() == 0, "bob did not end")
    # Said while bob is away, and bob comes back without his state, and with less room.
    world.run("alice", "send", "--wait", "1", "bob", "x" * 2000, expect=2)
    shutil.rmtree(world.home("bob") / "state")
    policy(world, "bob", session={"max_message_size_bytes": 1024})
    bob = world.listen("bob")
    alice = world.listen("alice")
    demand(alice.event("undelivered")["peer"] == world.amid["bob"], "of somebody else")
    world.kill_relay()
    bob.event("disconnected")
    world.start_relay("--sends-per-minute", "1")
    bob.event("ready")
    demand(alice.end() == 0 and bob.end() == 0, "a listener did not end")
    slow = world.start("alice", "send", "--wait", "1", "bob", "-")
    for number in range(3):
        slow.say(f"line {number}")
    demand(slow.event("relay_error")["code"] == "RATE_LIMITED", "the relay did not refuse")
    slow.process.send_signal(signal.SIGINT)
    demand(slow.wait() == 2, "what is not delivered is late")
    demand("saved" in slow.errors[-1], f"said {slow.errors}")
    [session] = world.run("alice", "sessions", "bob").events("session")
    demand(session["unacknowledged"] > 0, f"{session}")


def terminals(world):
    """A peer's text on a terminal: what it would obey is written out; a program gets it as it was."""
    world.kill_relay()
    world.start_relay()
    policy(world, "bob")
    listener = subprocess.Popen([world.arguments.agentmesh, "listen", "--for", "30"], env=world.environment("bob"),
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        world.run("alice", "close", "--wait", "20", "bob")  # what was left of the session before
        world.run("alice", "send", "bob", "\x1b[2Jred\u202eder")
        lines = []
        while not lines or b"red" not in lines[-1]:
            lines.append(listener.stdout.readline())
            demand(lines[-1], "the listener ended")
        demand(lines[-1].decode().endswith(": \\x1b[2Jred\\u202eder\n"), f"printed {lines[-1]}")
        listener.send_signal(signal.SIGTERM)
        demand(listener.wait(timeout=DEADLINE) == 0, "the listener did not end")
    finally:
        listener.kill()
        listener.communicate()


def registries(world):
    """What a registry tells, and what of it is believed."""
    world.start_registry()
    here = ("--registry", world.registry_url)
    [alice] = world.run("alice", *here, "register", "--capability", "research").events("registered")
    demand(not alice["again"] and alice["stored"] > 0 and alice["registry"] == world.registry_url, f"{alice}")
    for again in (False, True):
        [bob] = world.run("bob", *here, "register", "--capability", "travel/flights",
                          "--capability", "chess").events("registered")
        demand(bob["again"] == again and bob["amid"] == world.amid["bob"], f"{bob}")
    [bob] = world.run("bob", *here, "register", "--capability", "travel/flights").events("registered")

    searched = world.run("alice", *here, "search", "travel")
    [found] = searched.events("agent")
    demand(found["amid"] == world.amid["bob"] and found["keys"] == "bound" and found["name"] == "bob", f"{found}")
    demand(found["capabilities"] == ["travel/flights"] and found["tier"] == "anonymous", f"{found}")
    demand(searched.events("searched")[0]["total"] == 1, f"{searched.seen}")
    for arguments, count in ((("search",), 2), (("search", "*", "--limit", "1"), 1), (("search", "chess"), 0),
                             (("search", "--tier", "verified"), 0), (("search", "--offset", "1"), 1),
                             (("search", "--reputation-ppm", "900000"), 0), (("search", "--status", "offline"), 2)):
        got = world.run("alice", *here, *arguments)
        demand(len(got.events("agent")) == count, f"{arguments}: {got.seen}")
    [looked] = world.run("alice", *here, "lookup", world.amid["bob"]).events("agent")
    demand(looked["signing_key"] == found["signing_key"] and looked["ratings"] == 0, f"{looked}")
    [checked] = world.run("alice", *here, "verify", "bob").events("verified")
    demand(checked["good"] and checked["prekeys"] and checked["faults"] == [], f"{checked}")

    def left():
        return world.run("bob", *here, "prekeys", "status").events("prekeys_status")[0]["one_time_left"]

    demand(left() == bob["stored"] > 0, "looking at an agent takes none of its keys")
    [uploaded] = world.run("bob", *here, "prekeys", "upload").events("prekeys_uploaded")
    demand(uploaded["one_time_left"] == uploaded["stored"] == bob["stored"], f"{uploaded}")

    rate = ("rate", world.amid["bob"], "--session", SESSION, "--score-ppm", "900000", "--tag", "helpful")
    [rated] = world.run("alice", *here, *rate).events("rated")
    demand(rated["peer"] == world.amid["bob"] and rated["score_ppm"] == 900000, f"{rated}")
    [looked] = world.run("alice", *here, "lookup", "bob").events("agent")
    demand(looked["ratings"] == 1 and looked["reputation_ppm"] == looked["claimed_reputation_ppm"], f"{looked}")
    demand(looked["reputation_ppm"] > 500000, f"{looked}")
    [looked] = world.run("alice", *here, "--believe", "proofs", "lookup", "bob").events("agent")
    demand(looked["reputation_ppm"] == 0 < looked["claimed_reputation_ppm"], f"{looked}")
    for arguments, word in ((rate, "duplicate"), (("rate", "alice", *rate[2:]), ""),
                            ((*rate[:-1], "handsome"), ""), (("revoke", "bob"), "not allow")):
        refused = world.run("alice", *here, *arguments, expect=1)
        demand(len(refused.errors) == 1 and "refuses" in refused.errors[0], f"{arguments}: said {refused.errors}")
    unknown = world.run("alice", *here, "lookup", "38wiyXBfpANY7wQt1hpUMmtsdF75", expect=1)
    demand("does not know" in unknown.errors[0], f"said {unknown.errors}")
    wrong = world.run("alice", *here, "revoke", "alice", expect=3)
    demand("--yes" in wrong.errors[0], f"said {wrong.errors}")

    # Beside a listener of the same home, and in words for people.
    listener = world.listen("alice")
    code, text, _ = plain(world, "alice", *here, "lookup", "bob")
    demand(code == 0 and "travel/flights" in text and "bound by" in text, f"says {text!r}")
    code, text, _ = plain(world, "alice", *here, "search")
    demand(code == 0 and text.count("\n") == 2 and world.amid["bob"] in text, f"says {text!r}")
    code, text, _ = plain(world, "alice", *here, "verify", "bob")
    demand(code == 0 and "signed by the agent" in text, f"says {text!r}")
    code, text, _ = plain(world, "bob", *here, "prekeys", "status")
    demand(code == 0 and f"{bob['stored']} one-time" in text, f"says {text!r}")
    busy = world.run("alice", *here, "prekeys", "upload", expect=1)
    demand("AGENTMESH_HOME" in busy.errors[0], f"said {busy.errors}")
    demand(listener.end() == 0, "alice did not end")

    # One whose exchange key nobody but the registry vouches for.
    carol = registry.Agent("carol")
    link = http.client.HTTPConnection("127.0.0.1", world.registry_port, timeout=DEADLINE)
    link.request("POST", "/v1/registry/register", json.dumps(registry.registration(carol)),
                 {"Content-Type": "application/json"})
    demand(link.getresponse().status == 201, "carol was not registered")
    link.close()
    [checked] = world.run("alice", *here, "verify", carol.amid, expect=1).events("verified")
    demand(checked["keys"] == "unbound" and not checked["good"], f"{checked}")
    doubted = world.run("alice", *here, "knock", carol.amid, expect=1).events("doubted")
    demand([one["source"] for one in doubted] == ["registry"] and doubted[0]["peer"] == carol.amid, f"{doubted}")

    # Revoked, by the agent itself: that stays known, also when the registry has forgotten it.
    [gone] = world.run("bob", *here, "revoke", "--yes", "--reason", "superseded", "--notes", "over").events("revoked")
    demand(gone["amid"] == world.amid["bob"] and gone["reason"] == "superseded", f"{gone}")
    [looked] = world.run("alice", *here, "lookup", "bob", expect=1).events("agent")
    demand(looked["revoked"], f"{looked}")
    [checked] = world.run("alice", *here, "verify", "bob", expect=1).events("verified")
    demand(not checked["good"] and checked["revoked_by_itself"] and checked["reason"] == "superseded", f"{checked}")
    demand(world.run("alice", *here, "search", "travel").events("agent") == [], "a revoked agent is found")
    again = world.run("bob", *here, "register", expect=1)
    demand("revoked" in again.errors[0], f"said {again.errors}")
    code, text, _ = plain(world, "alice", *here, "verify", "bob")
    demand(code == 1 and "REVOKED" in text and "signed by the agent itself" in text, f"says {text!r}")
    world.kill_registry()
    late = world.run("alice", *here, "lookup", "bob", expect=2)
    demand(world.registry_url in late.errors[0], f"said {late.errors}")
    world.start_registry()
    world.run("bob", *here, "register")  # of a registry that has lost its memory
    [looked] = world.run("alice", *here, "lookup", "bob", expect=1).events("agent")
    demand(looked["revoked"], f"what the agent said once is forgotten: {looked}")
    lying = world.run("alice", *here, "verify", "bob", expect=1)
    demand(any("revoked" in one for one in lying.events("verified")[0]["faults"]), f"{lying.seen}")
    known = world.home("alice") / "registry" / "known"
    damaged = known.read_bytes()
    known.write_bytes(damaged[:-1])
    world.run("alice", *here, "lookup", "bob", expect=4)
    known.write_bytes(damaged)
    world.kill_registry()


def nodes(world):
    first = world.start("alice", "dht", "--listen", "127.0.0.1", "--port", "0")
    [place] = first.event("node", local_network=True)["addresses"]
    world.run("alice", "dht", "--listen", "127.0.0.1", "--port", place.rsplit(":", 1)[1], expect=1)
    code, said, _ = plain(world, "bob", "--dht", place, "dht", "--listen", "127.0.0.1", "--port", "0", "--for", "1")
    demand(code == 0 and said.startswith("listening 127.0.0.1:"), f"exit {code}, said {said!r}")
    demand(first.end() == 0, "a node did not end")


def schemas(world):
    """Each event was seen, and damaged lines are refused."""
    seen = {}
    for program in Program.started:
        for line in program.seen:
            if line.startswith("{"):
                event = json.loads(line)
                seen.setdefault(event["event"], event)
    # A login needs a provider.
    seen.setdefault("login", {"event": "login", "provider": "google", "url": "https://id.example/", "state": "x"})
    demand(set(seen) == LINES.events, f"never seen: {sorted(LINES.events - set(seen))}")
    for name, event in seen.items():
        demand(LINES.fault(event) is None, f"{name}: {LINES.fault(event)}")
        demand(LINES.fault({**event, "surprise": 1}), f"{name}: takes any member")
        required = LINES.schemas[name]["required"]
        for member in event:
            without = {key: value for key, value in event.items() if key != member}
            demand(member not in required or LINES.fault(without), f"{name}: does without {member}")
            demand(LINES.fault({**event, member: None}), f"{name}: {member} may be null")


def story(world):
    world.amid = {}
    identities(world)
    help_for_strangers(world)
    wrong_usage(world)
    keys(world)
    rules(world)
    certificates(world)
    sessions(world)
    bad_luck(world)
    terminals(world)
    registries(world)
    nodes(world)
    schemas(world)


if __name__ == "__main__":
    sys.exit(play(story, options().parse_args()))
