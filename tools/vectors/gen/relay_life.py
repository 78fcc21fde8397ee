"""Conversations about the life of a connection: login, challenge, clocks, the end."""

from .agents import ALICE, BOB, NOON, b64
from .common import seeded
from .script import HOUR, MINUTE, RELAY, SECOND, Script, clock, connected, ends, receive, refusal, send, to


def logins(group, add):
    # Logins.
    add(
        "first frame that is not CONNECT",
        ["first"],
        Script().open(1).say(1, send(BOB), refusal(1, "INVALID_MESSAGE"), ends(1)),
    )
    add(
        "binary first frame", ["first"], Script().open(1).step("binary", refusal(1, "INVALID_MESSAGE"), ends(1), conn=1)
    )
    add(
        "no CONNECT within ten seconds",
        ["first"],
        Script().open(1).wait(10 * SECOND, refusal(1, "UNAUTHORIZED"), ends(1)),
    )
    add(
        "second CONNECT on one connection",
        ["first"],
        Script()
        .login(1, ALICE)
        .later(1)
        .say(1, ALICE.connect(clock(2)), refusal(1, "<any-code>"), ends(1, "<perhaps>")),
    )
    add(
        "a proof is good once",
        ["replay"],
        Script()
        .open(1)
        .say(1, ALICE.connect(NOON), connected(1))
        .open(2)
        .say(2, ALICE.connect(NOON), refusal(2, "INVALID_SIGNATURE"), ends(2)),
    )
    add(
        "a proof is good once, also in a second text",
        ["replay"],
        Script()
        .open(1)
        .say(1, ALICE.connect(NOON), connected(1))
        .open(2)
        .say(
            2,
            ALICE.connect(NOON, public_key="ed25519:" + b64(ALICE.public), p2p_capable=True),
            refusal(2, "INVALID_SIGNATURE"),
            ends(2),
        ),
    )
    add(
        "second login closes the first with 4006",
        ["second-login"],
        Script().login(1, ALICE).login(2, ALICE, ends(1, 4006)),
    )
    add(
        "the end of the older connection leaves the newer one its route",
        ["second-login"],
        Script()
        .login(1, ALICE)
        .login(2, BOB)
        .login(3, ALICE, ends(1, 4006))
        .gone(1)
        .say(2, send(ALICE), receive(3, BOB, 3)),
    )
    add("no Pong: closed within 35 seconds", ["life"], Script().login(1, ALICE).wait(35 * SECOND, ends(1), silent=[1]))
    add(
        "Pongs keep a connection for ten minutes",
        ["life"],
        Script().login(1, ALICE).login(2, BOB).wait(10 * MINUTE).say(1, send(BOB), receive(2, ALICE, 600_002)),
    )
    older = lambda started: Script(started=started, first_start=False).open(1)
    proof = "2026-11-21T11:59:00Z"
    fine = older("2026-11-21T11:58:00Z").say(1, ALICE.connect(proof), connected(1))
    twin = add("proof newer than the relay's start", ["older-than-start"], fine)
    test = group.reject(
        "auth",
        "proof older than the relay's start",
        ["older-than-start"],
        older("2026-11-21T11:59:30Z").say(1, ALICE.connect(proof)).input,
        twin,
        NOON,
    )
    test["output"] = {"steps": [[], [refusal(1, "INVALID_SIGNATURE"), ends(1)]]}
    add(
        "the first start of all accepts older proofs",
        ["older-than-start"],
        Script(started="2026-11-21T11:59:30Z").open(1).say(1, ALICE.connect(proof), connected(1)),
    )
    add(
        "told to stop, every connection gets 1001",
        ["stop"],
        Script().login(1, ALICE).login(2, BOB).open(3).step("stop", ends(1, 1001), ends(2, 1001), ends(3, 1001)),
    )
    add("told to stop with nobody there", ["stop"], Script().step("stop"))
    # Clocks that jump.
    for comment, jump in (("forward", 24 * HOUR), ("back", -24 * HOUR)):
        s = Script().login(1, ALICE).login(2, BOB)
        for n in range(100):
            s.say(1, send(BOB, str(n)), receive(2, ALICE, 2, str(n)))
        s.step("wall", by=jump).say(
            1, send(BOB, "over"), refusal(1, "RATE_LIMITED", retry_after_seconds="<retry>")
        ).wait(MINUTE)
        s.say(1, send(BOB, "new"), receive(2, ALICE, 60_002 + jump, "new"))
        add(f"wall clock set {comment} a day: the minute stays a minute", ["steady"], s)
        s = Script().login(1, ALICE).say(1, send(BOB)).later(1).step("wall", by=4 * jump)
        s.wall = 4 * jump
        add(
            f"wall clock set {comment} four days: a stored message lives its 72 hours",
            ["steady"],
            s.login(2, BOB, receive(2, ALICE, 1), pending=1),
        )
    s = Script().open(1).step("wall", by=HOUR).wait(9 * SECOND)
    add(
        "wall clock set forward: CONNECT still has its ten seconds",
        ["steady"],
        s.wait(SECOND, refusal(1, "UNAUTHORIZED"), ends(1)),
    )


def challenges(add):
    both, nonce, other = ["challenge", "receipts"], seeded("conversation/nonce"), seeded("conversation/nonce/2")
    begin = lambda s, conn=1, n=nonce, agent=ALICE: s.open(conn).say(
        conn, agent.connect(s.stamp(), features=both), to(conn, "challenge", nonce=b64(n), relay=RELAY, features=both)
    )
    start = lambda: Script(random=[nonce.hex(), other.hex()])
    answer = lambda s, n=nonce, relay=RELAY, client=both, offered=both: ALICE.response(
        n, relay, s.stamp(), client, offered
    )
    s = begin(start()).later(1)
    add("challenge, response, connected", ["challenge"], s.say(1, answer(s), connected(1, features=both)))
    s = begin(start()).later(1)
    s.say(1, answer(s, relay="other.example:1"), refusal(1, "INVALID_SIGNATURE"), ends(1))
    add("response for another relay", ["challenge"], s)
    s = begin(start()).later(1)
    add(
        "response with a feature less",
        ["challenge"],
        s.say(1, answer(s, client=["challenge"]), refusal(1, "INVALID_SIGNATURE"), ends(1)),
    )
    s = begin(start()).later(1)
    add(
        "plain CONNECT signature as response",
        ["challenge"],
        s.say(
            1,
            {"type": "challenge_response", "timestamp": s.stamp(), "signature": b64(ALICE.sign(s.stamp().encode()))},
            refusal(1, "INVALID_SIGNATURE"),
            ends(1),
        ),
    )
    s = begin(start()).later(1)
    first = answer(s)
    s.say(1, first, connected(1, features=both)).later(1)
    begin(s, 2, other).later(1)
    add("response to an earlier challenge", ["challenge"], s.say(2, first, refusal(2, "INVALID_SIGNATURE"), ends(2)))
    s = begin(start()).later(1)
    s.say(1, answer(s), connected(1, features=both)).gone(1).later(1).open(2)
    add(
        "no way back to a plain CONNECT",
        ["challenge"],
        s.say(2, ALICE.connect(s.stamp()), refusal(2, "<any-code>"), ends(2)),
    )
    add(
        "no response within ten seconds",
        ["challenge"],
        begin(start()).wait(10 * SECOND, refusal(1, "UNAUTHORIZED"), ends(1)),
    )
    add(
        "a client that does not offer it never sees it",
        ["challenge"],
        start().login(1, ALICE).login(2, BOB, features=["receipts"]),
    )
