"""Conversations that fill the store."""

from .agents import ALICE, BOB, CAROL, NOON, Agent
from .common import VectorFile
from .script import MINUTE, Script, receive, refusal, send, to


def quotas(ledger):
    f = VectorFile(ledger, "relay", "quotas")
    f.note("pair", ["AM-RLY-026"], "one sender fills the store of one recipient", "others cannot reach it", ["T15"])
    f.note(
        "recipient",
        ["AM-RLY-024", "AM-RLY-025", "AM-RLY-027", "AM-RLY-047", "AM-RLY-048"],
        "what others stored is thrown out",
        "anyone empties anyone's mailbox",
        ["T15"],
    )
    f.note(
        "sender", ["AM-RLY-028"], "one sender fills the store of the relay", "nobody can be reached", ["T16", "cat 84"]
    )
    g = f.group("relay.conversation", "whole sessions of seeded agents")
    r = ["receipts"]

    def add(comment, flags, script):
        test = g.accept(comment, flags, script.input, NOON)
        test["output"] = {"steps": script.out}

    def taken(s, conn, agent, n, payload="x", full=None):
        name = f"m{n}"
        answer = refusal(conn, full, id=name) if full else to(conn, "accepted", id=name, to=agent.amid, durable=False)
        if isinstance(payload, int):
            return s.large(conn, send(agent, "@", id=name), payload, answer)
        return s.say(conn, send(agent, payload, id=name), answer)

    s = Script().login(1, ALICE, features=r)
    for n in range(20):
        taken(s, 1, BOB, n)
    taken(s, 1, BOB, 20, full="MAILBOX_FULL")
    taken(s, 1, CAROL, 21)
    add(
        "21 messages for one recipient",
        ["pair"],
        s.login(2, BOB, *(receive(2, ALICE, 1, "x", id=f"m{n}") for n in range(20)), pending=20, features=r),
    )
    s = Script().login(1, ALICE)
    for n in range(20):
        s.say(1, send(BOB, str(n)))
    s.say(1, send(BOB, "over"), refusal(1, "RECIPIENT_OFFLINE"))
    add(
        "21 messages without receipts",
        ["pair", "recipient"],
        s.login(2, BOB, *(receive(2, ALICE, 1, str(n)) for n in range(20)), pending=20),
    )
    senders = [Agent(f"sender/{n}") for n in range(6)]
    s = Script()
    for k, agent in enumerate(senders):
        s.login(k + 1, agent, features=r)
    for k in range(5):
        for n in range(20):
            taken(s, k + 1, BOB, n, str(k))
    taken(s, 6, BOB, 0, "5", full="MAILBOX_FULL")
    add(
        "101 messages of six senders for one recipient",
        ["recipient"],
        s.login(
            7,
            BOB,
            *(receive(7, senders[k], 6, str(k), id=f"m{n}") for k in range(5) for n in range(20)),
            pending=100,
            features=r,
        ),
    )
    many = [Agent(f"recipient/{n}") for n in range(26)]
    s = Script().login(1, ALICE, features=r)
    for n in range(500):
        if n and n % 100 == 0:
            s.wait(MINUTE)
        taken(s, 1, many[n // 20], n)
    s.wait(MINUTE)
    taken(s, 1, many[25], 500, full="MAILBOX_FULL")
    add("501 messages of one sender", ["sender"], s)
    s = Script().login(1, ALICE, features=r)
    for n in range(255):
        if n and n % 100 == 0:
            s.wait(MINUTE)
        taken(s, 1, many[n // 20], n, 65_536)
    s.wait(MINUTE)
    # The 256th would fill 16 MiB exactly; whether the rest of a message counts is not said, so it is not asked.
    for n in range(255, 257):
        taken(s, 1, many[13], n, 65_536)
    s.out[-2] = [{"conn": 1, "frame": "<any>"}]
    s.out[-1] = [refusal(1, "MAILBOX_FULL", id="m256")]
    add("257 messages of 64 KiB of one sender", ["sender"], s)
    return f
