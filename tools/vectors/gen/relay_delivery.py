"""Conversations about delivery: live, stored, with receipts."""

from .agents import ALICE, BOB, CAROL, NOON
from .script import HOUR, SECOND, Script, receive, send, to
from .wire import CANDIDATE


def deliveries(f):
    g = f.group("relay.conversation", "whole sessions of seeded agents")

    def add(comment, flags, script, expect="accept", now=NOON):
        test = g.accept(comment, flags, script.input, now, expect)
        test["output"] = {"steps": script.out}
        return test

    add("login", ["login"], Script().login(1, ALICE))
    add("two logins, two sessions", ["login"], Script().login(1, ALICE).login(2, BOB))
    add(
        "live message",
        ["deliver"],
        Script().login(1, ALICE).login(2, BOB).later(500).say(1, send(BOB), receive(2, ALICE, 502)),
    )
    add(
        "message to oneself", ["deliver"], Script().login(1, ALICE).later(10).say(1, send(ALICE), receive(1, ALICE, 11))
    )
    s = Script().login(1, ALICE).login(2, BOB).later(998)
    for n, kind in enumerate(("knock", "accept", "reject", "message", "close", "status", "optimistic_message")):
        s.later(1).say(1, send(BOB, f"p{n}", kind), receive(2, ALICE, 1001 + n, f"p{n}", kind))
    add("each of the seven types", ["deliver"], s)
    add(
        "from is the authenticated agent, whatever the frame says",
        ["deliver"],
        Script()
        .login(1, ALICE)
        .login(2, BOB)
        .say(1, send(BOB) | {"from": CAROL.amid, "timestamp": "2000-01-01T00:00:00Z"}, receive(2, ALICE, 2)),
    )
    add(
        "candidates travel with a message",
        ["deliver"],
        Script()
        .login(1, ALICE)
        .login(2, BOB)
        .say(1, send(BOB, ice_candidates=[CANDIDATE]), receive(2, ALICE, 2, ice_candidates=[CANDIDATE])),
    )
    add(
        "payload of escapes keeps its value",
        ["deliver"],
        Script()
        .login(1, ALICE)
        .login(2, BOB)
        .say(
            1,
            '{"type":"send","to":"%s","encrypted_payload":"\\u0041\\n\\ud83d\\ude00\\/","message_type":"message"}'
            % BOB.amid,
            receive(2, ALICE, 2, "A\n\U0001f600/"),
        ),
    )
    add(
        "nobody else hears it",
        ["deliver"],
        Script()
        .login(1, ALICE)
        .login(2, BOB)
        .login(3, CAROL)
        .say(1, send(BOB), receive(2, ALICE, 3))
        .say(3, send(ALICE, "x"), receive(1, CAROL, 3, "x")),
    )
    add(
        "both directions in order",
        ["deliver"],
        Script()
        .login(1, ALICE)
        .login(2, BOB)
        .say(1, send(BOB, "1"), receive(2, ALICE, 2, "1"))
        .say(2, send(ALICE, "2"), receive(1, BOB, 2, "2"))
        .say(1, send(BOB, "3"), receive(2, ALICE, 2, "3")),
    )
    # Store and forward.
    s = Script().login(1, ALICE)
    for n in range(3):
        s.later(1000).say(1, send(BOB, f"m{n}"))
    s.later(5000).login(2, BOB, *(receive(2, ALICE, 1001 + 1000 * n, f"m{n}") for n in range(3)), pending=3)
    add("three stored messages, in order, with the times at which they were taken", ["store"], s)
    add(
        "stored from two senders",
        ["store"],
        Script()
        .login(1, ALICE)
        .login(2, CAROL)
        .say(1, send(BOB, "a"))
        .say(2, send(BOB, "c"))
        .login(3, BOB, receive(3, ALICE, 2, "a"), receive(3, CAROL, 2, "c"), pending=2),
    )
    add(
        "stored after the connection has ended",
        ["store"],
        Script()
        .login(1, ALICE)
        .login(2, BOB)
        .gone(2)
        .later(1)
        .say(1, send(BOB))
        .login(2, BOB, receive(2, ALICE, 3), pending=1),
    )
    add(
        "candidates are stored too",
        ["store"],
        Script()
        .login(1, ALICE)
        .say(1, send(BOB, ice_candidates=[CANDIDATE]))
        .login(2, BOB, receive(2, ALICE, 1, ice_candidates=[CANDIDATE]), pending=1),
    )
    add(
        "a Pong to a Ping after delivery confirms it",
        ["store"],
        Script()
        .login(1, ALICE)
        .say(1, send(BOB))
        .login(2, BOB, receive(2, ALICE, 1), pending=1)
        .wait(26_000)
        .gone(2)
        .login(2, BOB),
    )
    add(
        "without a Pong it is delivered again",
        ["store"],
        Script()
        .login(1, ALICE)
        .say(1, send(BOB))
        .login(2, BOB, receive(2, ALICE, 1), pending=1)
        .gone(2)
        .login(2, BOB, receive(2, ALICE, 1), pending=1),
    )
    day = lambda extra: (Script().login(1, ALICE).say(1, send(BOB)).gone(1).later(72 * HOUR + extra))
    add("a second before 72 hours", ["expiry"], day(-SECOND).login(2, BOB, receive(2, ALICE, 1), pending=1))
    add("a second after 72 hours", ["expiry"], day(SECOND).login(2, BOB))
    # Receipts.
    r = ["receipts"]
    add(
        "accepted names the id, receive carries it, ack removes it",
        ["receipts"],
        Script()
        .login(1, ALICE, features=r)
        .login(2, BOB, features=r)
        .say(
            1,
            send(BOB, id="m-1"),
            to(1, "accepted", id="m-1", to=BOB.amid, durable=False),
            receive(2, ALICE, 2, id="m-1"),
        )
        .say(2, {"type": "ack", "from": ALICE.amid, "id": "m-1"})
        .gone(2)
        .login(2, BOB, features=r),
    )
    add(
        "not acknowledged, delivered again with its id",
        ["receipts"],
        Script()
        .login(1, ALICE, features=r)
        .login(2, BOB, features=r)
        .say(
            1,
            send(BOB, id="m-1"),
            to(1, "accepted", id="m-1", to=BOB.amid, durable=False),
            receive(2, ALICE, 2, id="m-1"),
        )
        .gone(2)
        .login(2, BOB, receive(2, ALICE, 2, id="m-1"), pending=1, features=r),
    )
    add(
        "one id twice is one message",
        ["receipts"],
        Script()
        .login(1, ALICE, features=r)
        .say(1, send(BOB, id="m-1"), to(1, "accepted", id="m-1", to=BOB.amid, durable=False))
        .say(1, send(BOB, id="m-1"), to(1, "accepted", id="m-1", to=BOB.amid, durable=False))
        .login(2, BOB, receive(2, ALICE, 1, id="m-1"), pending=1, features=r),
    )
    add(
        "one id of two senders is two messages",
        ["receipts"],
        Script()
        .login(1, ALICE, features=r)
        .login(2, CAROL, features=r)
        .say(1, send(BOB, "a", id="m"), to(1, "accepted", id="m", to=BOB.amid, durable=False))
        .say(2, send(BOB, "c", id="m"), to(2, "accepted", id="m", to=BOB.amid, durable=False))
        .login(3, BOB, receive(3, ALICE, 2, "a", id="m"), receive(3, CAROL, 2, "c", id="m"), pending=2, features=r),
    )
    add(
        "an ack for another's message does nothing",
        ["receipts"],
        Script()
        .login(1, ALICE, features=r)
        .login(2, CAROL, features=r)
        .say(1, send(BOB, id="m"), to(1, "accepted", id="m", to=BOB.amid, durable=False))
        .say(2, {"type": "ack", "from": ALICE.amid, "id": "m"})
        .login(3, BOB, receive(3, ALICE, 2, id="m"), pending=1, features=r),
    )
    add(
        "a sender without the feature, a recipient with it",
        ["receipts"],
        Script().login(1, ALICE).login(2, BOB, features=r).say(1, send(BOB), receive(2, ALICE, 2, id="<relay-id>")),
    )
    add(
        "a sender with the feature, a recipient without it",
        ["receipts"],
        Script()
        .login(1, ALICE, features=r)
        .login(2, BOB)
        .say(1, send(BOB, id="m"), to(1, "accepted", id="m", to=BOB.amid, durable=False), receive(2, ALICE, 2)),
    )
    add(
        "an unknown feature is left out of the answer",
        ["features"],
        Script().login(1, ALICE, features=["x-new", "receipts"], answer=["receipts"]),
    )
    add("no known feature", ["features"], Script().login(1, ALICE, features=["x-new"], answer=[]))
    return add
