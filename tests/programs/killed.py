#!/usr/bin/env python3
"""A conversation whose sides are killed again and again: nothing is lost, nothing comes twice.

In each cycle one side, or both, gets a signal in front of a step drawn at random: a write, a sync, a send. Half of the
signals are SIGKILL, the others SIGINT and SIGTERM, which end a program with its state saved.

Usage: killed.py --agentmesh PROGRAM --relay PROGRAM --kill-point LIBRARY [--cycles 30] [--seconds 18] [--seed NUMBER]
"""

import json
import queue
import random
import signal
import sys
import time

from programs import Program, demand, options, play

POLICY = {"accept_tiers": ["anonymous"], "min_reputation": 0,
          "rate_limit": {"knocks_per_minute": 6000, "messages_per_minute": 60000},
          "session": {"max_ttl_seconds": 604800, "max_messages": 1000000}}
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
PATIENCE = 0.7  # seconds that a cycle may take in which nobody reaches his step; says nothing about the outcome
PEER = {"alice": "bob", "bob": "alice"}


class Talk:
    def __init__(self, world, dice, library):
        self.world, self.dice, self.library = world, dice, library
        for who in PEER:
            world.run(who, "identity", "new")
            (world.home(who) / "policy.json").write_text(json.dumps(POLICY))
        bob = world.listen("bob")
        [opened] = world.run("alice", "knock", "bob", "--ttl", "604800", "--messages", "1000000").events("opened")
        demand(bob.end() == 0, "bob did not end")
        self.session = opened["session"]
        self.said = {"alice": 0, "bob": 0}  # lines that this side's agent has saved, and so owes the other
        self.deaths = {number: 0 for number in SIGNALS}

    def facts(self):
        """What each side's saved state says of the session."""
        programs = {who: self.world.start(who, "sessions", self.session) for who in PEER}
        out = {}
        for who, program in programs.items():
            demand(program.wait() == 0, f"{who}'s state cannot be read: {program.errors}")
            [out[who]] = program.events("session")
        return out

    def begin(self, who, doom, lines):
        """Starts one side with lines to say, doomed to get a signal at some step, or not."""
        environment = {}
        if doom:
            environment = {"LD_PRELOAD": self.library, "AGENTMESH_KILL_AT": f"{doom[0]}:{int(doom[1])}"}
        arguments = ("send", "--session", self.session, "bob", "-") if who == "alice" else ("listen", "--reply")
        program = self.world.start(who, *arguments, **environment)
        for number in range(lines):
            program.say(f"{who} {self.said[who] + number}")
        if who == "alice":
            program.hang_up()
        return program

    def cycle(self):
        doomed = self.dice.choice((("alice",), ("bob",), ("alice", "bob")))
        # Steps of a run: some twenty until it is connected, some ten for each message.
        dooms = {who: (self.dice.randrange(1, 60), self.dice.choice(SIGNALS)) for who in doomed}
        programs = {who: self.begin(who, dooms.get(who), self.dice.randrange(1, 6)) for who in ("bob", "alice")}
        ending = set(programs)
        until = time.monotonic() + PATIENCE
        while ending and time.monotonic() < until:
            try:
                ended = Program.ended.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            mine = {who for who, program in programs.items() if program is ended}
            ending -= mine
            if mine and not ending & set(doomed):
                break  # whoever is left waits in vain
        for who, program in programs.items():
            by_hand = self.dice.choice(SIGNALS)
            if who in ending:
                program.process.send_signal(by_hand)
            code = program.wait()
            number = dooms[who][1] if who in dooms else by_hand
            # A signal at the very beginning finds no handler yet.
            allowed = {0, 2, -int(by_hand), -int(number)} if who == "alice" else {0, -int(by_hand), -int(number)}
            demand(code in allowed, f"{who} ended with {code}: {program.errors}")
            demand(not any("damaged" in line or "rollback" in line for line in program.errors), f"{program.errors}")
            if who in dooms and who not in ending:
                self.deaths[number] += 1
            self.world.heard_by(who, program)
        self.said = {who: facts["sent"] for who, facts in self.facts().items()}

    def finish(self):
        """Both sides undisturbed: each hears all the rest, and says one thing that has to be acknowledged."""
        for who, other in PEER.items():
            listener = self.world.listen(other)
            self.world.heard_by(who, self.world.run(who, "send", "--session", self.session, other,
                                                    f"{who} {self.said[who]}"))
            self.said[who] += 1
            demand(listener.end() == 0, f"{other} did not end")
            self.world.heard_by(other, listener)
        facts = self.facts()
        for who, other in PEER.items():
            owed = [f"{who} {number}" for number in range(self.said[who])]
            told = self.world.texts(other)
            demand(told == owed, f"{other} was told {told}, not {owed}")
            demand(facts[who]["unacknowledged"] == 0, f"{who} waits for receipts: {facts[who]}")


def main():
    more = options()
    more.add_argument("--kill-point", required=True)
    more.add_argument("--cycles", type=int, default=30)
    more.add_argument("--seconds", type=float, default=18, help="no cycle begins after this time")
    more.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    arguments = more.parse_args()
    print(f"seed {arguments.seed}", flush=True)

    def story(world):
        begun = time.monotonic()
        talk = Talk(world, random.Random(arguments.seed), arguments.kill_point)
        cycles = 0
        while cycles < arguments.cycles and time.monotonic() - begun < arguments.seconds:
            talk.cycle()
            cycles += 1
        talk.finish()
        died = sum(talk.deaths.values())
        print(f"{cycles} cycles, {died} signals at their steps, {sum(talk.said.values())} messages, "
              f"{time.monotonic() - begun:.1f} s")
        demand(6 * died >= cycles, "hardly anybody was killed")

    return play(story, arguments, "--sends-per-minute", "0")


if __name__ == "__main__":
    sys.exit(main())
