#!/usr/bin/env python3
"""Two agents on one machine, as their owners run them: every step through the programs, over real sockets.

A KNOCK refused by policy, one accepted, a conversation both ways, messages to somebody who is away, both sides ended
and killed in the middle, a relay that forgets, an agent that forgets. Nothing is lost, nothing comes twice, and what
was said is found nowhere but on the two screens.

Usage: conversation.py --agentmesh PROGRAM --relay PROGRAM
"""

import base64
import json
import shutil
import signal
import sys
import time

from programs import demand, options, play

CANARY = "canary-2f6b1c9e-nobody-else-reads-this"


# --- the story ------------------------------------------------------------------------------------------------

def identities(world):
    for who in ("alice", "bob"):
        [made] = world.run(who, "identity", "new").events("identity")
        [shown] = world.run(who, "identity", "show").events("identity")
        demand(made == shown, "identity show tells another agent than identity new made")
        mode = world.home(who).stat().st_mode & 0o777
        demand(mode == 0o700, f"the home has mode {mode:o}")
        before = (world.home(who) / "identity.json").read_bytes()
        world.run(who, "identity", "new", expect=1)
        demand(before == (world.home(who) / "identity.json").read_bytes(), "a second identity new changed the file")


def refused_then_accepted(world):
    bob = world.listen("bob")
    alice = world.run("alice", "send", "bob", CANARY, "unwanted", expect=1)
    demand(alice.events("refused")[0]["reason"] == "rejected", "the caller learned why")
    demand(bob.event("denied")["reason"] == "insufficient_trust", "the owner did not learn why")

    policy = world.home("bob") / "policy.json"
    policy.write_text('{"accept_tiers": ["anonymous"], "min_reputation": 0,\n "acepted_intents": ["travel"]}')
    check = world.run("bob", "policy", "check", expect=1)
    demand("policy.json: line 2: acepted_intents" in check.errors[0], f"said {check.errors}")
    policy.write_text('{"accept_tiers": ["anonymous"], "min_reputation": 0, "accepted_intents": ["travel"]}')
    world.run("bob", "policy", "check")
    bob.process.send_signal(signal.SIGHUP)
    bob.event("policy_reloaded")

    world.run("alice", "knock", "bob", "--intent", "chess", expect=1)
    bob.event("denied", reason="intent_not_accepted")
    [opened] = world.run("alice", "knock", "bob", "--intent", "travel/flights", "--messages", "1000").events("opened")
    demand(bob.event("opened")["session"] == opened["session"], "the two sides name the session differently")
    demand(not bob.events("message"), "a refused message was told")
    demand(bob.end() == 0, "a listener that is told to stop ends with 0")
    return opened["session"]


def conversation(world):
    bob = world.listen("bob")
    alice = world.start("alice", "send", "bob", "-")
    for number in range(6):
        alice.say(f"{CANARY} question {number}")
        bob.event("message", text=f"{CANARY} question {number}")
        bob.say(f"{CANARY} answer {number}")
        alice.event("message", text=f"{CANARY} answer {number}")
    alice.hang_up()
    demand(alice.wait() == 0, f"alice was not done: {alice.errors}")
    demand(bob.end() == 0, "bob did not end")
    world.heard_by("bob", bob)
    world.heard_by("alice", alice)


def offline(world):
    late = world.run("alice", "send", "--wait", "1", "bob", f"{CANARY} while you were out", expect=2)
    demand("not delivered yet" in late.errors[-1], f"said {late.errors}")
    bob = world.listen("bob")
    bob.event("message", text=f"{CANARY} while you were out")
    alice = world.listen("alice")
    alice.event("delivered")
    for program in (alice, bob):
        demand(program.end() == 0, "a listener did not end")
    world.heard_by("bob", bob)


def killed_in_the_middle(world, session):
    lines = [f"{CANARY} line {number}" for number in range(30)]

    def sent():
        saved = [one for one in world.run("alice", "sessions").events("session") if one["session"] == session]
        demand(len(saved) == 1, "alice does not know the session any more")
        return saved[0]["sent"]

    base = sent()
    bob = world.listen("bob")
    kills = 0
    while (start := sent() - base) < len(lines):
        alice = world.start("alice", "send", "bob", "-")
        for line in lines[start:start + 12]:
            alice.say(line)
        last = min(start + 8, len(lines)) - 1
        bob.event("message", text=lines[last])
        # Both in full flight: bob has told some, alice waits for receipts or still sends.
        with_signal = signal.SIGKILL if kills % 2 == 0 else signal.SIGTERM
        if kills < 4:
            bob.end(with_signal)
            world.heard_by("bob", bob)
            alice.end(with_signal)
            world.heard_by("alice", alice)
            bob = world.listen("bob")
        else:
            alice.hang_up()
            demand(alice.wait() == 0, f"alice was not done: {alice.errors}")
        kills += 1
    alice = world.listen("alice")
    while lines[-1] not in world.texts("bob") + [message["text"] for message in bob.events("message")]:
        bob.event("message")
    demand(alice.end() == 0 and bob.end() == 0, "a listener did not end")
    world.heard_by("bob", bob)
    told = [text for text in world.texts("bob") if " line " in text]
    demand(told == lines, f"told {told}")
    demand(kills > 1, "nobody was killed in the middle")


def forgetful_relay(world):
    world.run("alice", "send", "--wait", "1", "bob", f"{CANARY} before the relay forgot", expect=2)
    world.kill_relay()
    world.start_relay()
    bob = world.listen("bob")
    alice = world.listen("alice")
    bob.event("message", text=f"{CANARY} before the relay forgot")
    alice.event("delivered")
    # And in the middle of a connection.
    world.kill_relay()
    world.start_relay()
    alice.event("ready")
    bob.event("ready")
    bob.say(f"{CANARY} still there")
    alice.event("message", text=f"{CANARY} still there")
    demand(alice.end() == 0 and bob.end() == 0, "a listener did not end")
    world.heard_by("bob", bob)
    world.heard_by("alice", alice)


def forgetful_agent(world, session):
    shutil.copytree(world.home("bob") / "state", world.folder / "older-state")
    shutil.rmtree(world.home("bob") / "state")
    bob = world.listen("bob")
    alice = world.run("alice", "send", "bob", f"{CANARY} do you know me")
    bob.event("message", text=f"{CANARY} do you know me")
    demand(alice.events("opened") and alice.events("opened")[0]["session"] != session, "the session was not renewed")
    demand(bob.end() == 0, "bob did not end")
    world.heard_by("bob", bob)

    # An older log under the record of a newer one is not continued.
    log = world.home("bob") / "state" / "state.log"
    kept = log.read_bytes()
    world.run("alice", "send", "--wait", "1", "bob", f"{CANARY} for later", expect=2)
    bob = world.listen("bob")
    bob.event("message", text=f"{CANARY} for later")
    demand(bob.end() == 0, "bob did not end")
    world.heard_by("bob", bob)
    newer = log.read_bytes()
    log.write_bytes(kept)
    rolled = world.run("bob", "listen", expect=4)
    demand(len(rolled.errors) == 1 and "move" in rolled.errors[0], f"said {rolled.errors}")
    log.write_bytes(newer)


def one_at_a_time(world):
    bob = world.listen("bob")
    second = world.run("bob", "sessions", expect=1)
    demand(len(second.errors) == 1 and "AGENTMESH_HOME" in second.errors[0], f"said {second.errors}")
    demand(bob.end(signal.SIGINT) == 0, "bob did not end")


def wrong_usage(world):
    for arguments in ((), ("shout", "bob"), ("send", "bob"), ("listen", "--for", "never")):
        wrong = world.run("alice", *arguments, expect=3)
        demand(len(wrong.errors) == 1, f"said {wrong.errors}")
    world.run("alice", "send", "nobody", "hello", expect=1)
    demand("Examples" in "\n".join(world.run("alice", "--help").seen), "no examples in --help")
    demand(world.run("alice", "--version").seen[0].startswith("agentmesh "), "no version")


def nothing_doubled(world):
    for who in ("alice", "bob"):
        texts = world.texts(who)
        demand(len(texts) == len(set(texts)), f"{who} was told something twice: {texts}")
    demand(len(world.texts("bob")) == 6 + 1 + 30 + 1 + 2, f"bob was told {len(world.texts('bob'))} messages")
    demand(len(world.texts("alice")) == 6 + 1, f"alice was told {len(world.texts('alice'))} messages")


def nothing_in_clear(world):
    secrets = [json.loads((world.home(who) / "identity.json").read_text())["signing_private_key"].split(":")[-1]
               for who in ("alice", "bob")]
    raw = CANARY.encode()
    wanted = [raw, *(base64.b64encode(b"x" * shift + raw)[4:-4] for shift in range(3)),
              *(base64.urlsafe_b64encode(b"x" * shift + raw)[4:-4] for shift in range(3)), raw.hex().encode()]
    files = [path for path in world.folder.rglob("*") if path.is_file()]
    demand(any(path.name == "state.log" for path in files) and (world.folder / "relay.log").stat().st_size > 0,
           "there is nothing to look at")
    for path in files:
        content = path.read_bytes()
        for text in wanted:
            demand(text not in content, f"{path.name} holds what was said")
        if path.name != "identity.json":
            for key in secrets:
                demand(key.encode() not in content, f"{path.name} holds a private key")
                demand(base64.b64decode(key) not in content, f"{path.name} holds a private key")


def story(world):
    def step(name, run, *more):
        begun = time.monotonic()
        outcome = run(world, *more)
        print(f"{name}: {time.monotonic() - begun:.1f} s", flush=True)
        return outcome

    step("identities", identities)
    session = step("refused, then accepted", refused_then_accepted)
    step("a conversation", conversation)
    step("offline delivery", offline)
    step("killed in the middle", killed_in_the_middle, session)
    step("a relay that forgets", forgetful_relay)
    step("an agent that forgets", forgetful_agent, session)
    step("one at a time", one_at_a_time)
    step("wrong usage", wrong_usage)
    nothing_doubled(world)
    nothing_in_clear(world)


if __name__ == "__main__":
    sys.exit(play(story, options().parse_args()))
