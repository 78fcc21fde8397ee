"""Conversations about the other frames: presence, signalling, errors, limits."""

from .agents import ALICE, BOB, DAVE, NOON, compact
from .script import MINUTE, Script, ends, receive, refusal, send, to
from .wire import CANDIDATE


def judgements(add):
    """Presence, signalling, errors."""
    query = lambda agent: {"type": "presence_query", "amid": agent.amid}
    status = lambda word: {"type": "presence", "status": word}
    seen = lambda word: {} if word == "offline" else {"last_seen": "<optional-time>"}  # AM-PRV-001
    state = lambda conn, agent, word: to(conn, "presence_response", amid=agent.amid, status=word, **seen(word))
    add(
        "presence of the connected, the absent, and the unknown",
        ["presence"],
        Script()
        .login(1, ALICE)
        .login(2, BOB)
        .say(1, query(BOB), state(1, BOB, "online"))
        .gone(2)
        .say(1, query(BOB), state(1, BOB, "offline"))
        .say(1, query(DAVE), state(1, DAVE, "offline")),
    )
    s = Script().login(1, ALICE).login(2, BOB)
    for word in ("away", "dnd", "online"):
        s.say(2, status(word)).say(1, query(BOB), state(1, BOB, word)).say(2, query(BOB), state(2, BOB, word))
    add("presence that was set", ["presence"], s)
    add(
        "dnd refuses a KNOCK and nothing else",
        ["presence"],
        Script()
        .login(1, ALICE)
        .login(2, BOB)
        .say(2, status("dnd"))
        .say(1, send(BOB, kind="knock"), refusal(1, "RECIPIENT_OFFLINE"))
        .say(1, send(BOB), receive(2, ALICE, 2)),
    )
    add(
        "one agent does not set another's presence",
        ["presence"],
        Script()
        .login(1, ALICE)
        .login(2, BOB)
        .say(1, status("away") | {"amid": BOB.amid})
        .say(1, query(BOB), state(1, BOB, "online")),
    )
    offer = lambda kind, agent: {
        "type": kind,
        "to": agent.amid,
        "sdp": "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n",
        "candidates": [CANDIDATE, {"candidate": "c"}],
    }
    whole = [CANDIDATE, {"candidate": "c", "sdp_mid": None, "sdp_mline_index": None}]
    handed = lambda conn, kind, agent: to(
        conn, kind, to=agent.amid, sdp="v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n", candidates=whole
    )
    add(
        "offer, answer, established in both spellings",
        ["signalling"],
        Script()
        .login(1, ALICE)
        .login(2, BOB)
        .say(1, offer("ice_offer", BOB), handed(2, "ice_offer", ALICE))
        .say(2, offer("ice_answer", ALICE), handed(1, "ice_answer", BOB))
        .say(1, {"type": "p2_p_established", "peer": BOB.amid}, to(2, "p2_p_established", peer=ALICE.amid))
        .say(2, {"type": "p2p_established", "peer": ALICE.amid}, to(1, "p2_p_established", peer=BOB.amid)),
    )
    add(
        "offer and answer to an absent agent",
        ["signalling"],
        Script()
        .login(1, ALICE)
        .say(1, offer("ice_offer", BOB), refusal(1, "RECIPIENT_OFFLINE"))
        .say(1, offer("ice_answer", BOB), refusal(1, "RECIPIENT_OFFLINE")),
    )
    s = Script().login(1, ALICE).login(2, BOB)
    add(
        "ping is answered with the same instant",
        ["life"],
        Script()
        .login(1, ALICE)
        .say(
            1,
            {"type": "ping", "timestamp": "2026-11-21T13:00:00.5+01:00"},
            to(1, "pong", timestamp="<same-instant:2026-11-21T12:00:00.5Z>"),
        ),
    )
    add(
        "disconnect is answered with Close, and later frames go nowhere",
        ["life"],
        Script()
        .login(1, ALICE)
        .login(2, BOB)
        .say(1, {"type": "disconnect", "reason": "bye"}, ends(1))
        .say(1, send(BOB)),
    )
    for comment, text in [
        ("not JSON", "{"),
        ("an array", "[]"),
        ("unknown type", '{"type":"nack"}'),
        ("no type", "{}"),
        ("missing member", '{"type":"presence"}'),
        ("mistyped member", '{"type":"presence","status":1}'),
        ("word outside its list", '{"type":"presence","status":"busy"}'),
        ("member twice", '{"type":"presence","status":"away","status":"dnd"}'),
        ("half a pair", '{"type":"disconnect","reason":"\\ud800"}'),
        ("65 levels", '{"type":"disconnect","reason":"x","y":' + "[" * 64 + "]" * 64 + "}"),
        ("an incomplete offer", compact(offer("ice_offer", BOB) | {"candidates": [{"candidate": "c", "sdpMid": "0"}]})),
    ]:
        s.say(1, text, refusal(1, "INVALID_MESSAGE"))
    s.step("binary", refusal(1, "INVALID_MESSAGE"), conn=1).say(1, send(BOB), receive(2, ALICE, 2))
    add("each broken frame gets one error, and the connection lives", ["errors"], s)
    s = Script().login(1, ALICE)
    for name in ("", "nobody", "1" * 19, BOB.amid + "1", "did:agentmesh:" + BOB.amid):
        s.say(1, send(BOB) | {"to": name}, refusal(1, "UNKNOWN_RECIPIENT"))
    add("recipients that are no AMID", ["errors"], s)
    add(
        "payload at its limit, and one byte over",
        ["limits"],
        Script()
        .login(1, ALICE)
        .large(1, send(BOB, "@"), 65_536)
        .large(1, send(BOB, "@"), 65_537, refusal(1, "MESSAGE_TOO_LARGE"))
        .say(1, {"type": "ping", "timestamp": NOON}, to(1, "pong", timestamp=NOON)),
    )
    s = Script().login(1, ALICE).login(2, BOB)
    for n in range(100):
        s.say(1, send(BOB, str(n)), receive(2, ALICE, 2, str(n)))
    s.say(1, send(BOB, "over"), refusal(1, "RATE_LIMITED", retry_after_seconds="<retry>")).gone(1).login(1, ALICE)
    s.say(1, send(BOB, "again"), refusal(1, "RATE_LIMITED", retry_after_seconds="<retry>")).wait(MINUTE).say(
        1, send(BOB, "new"), receive(2, ALICE, 60_003, "new")
    )
    add("101 sends in a minute, across a new login, and the next minute", ["rates"], s)
    s = Script().login(1, ALICE).login(2, BOB)
    for n in range(30):
        s.say(
            1,
            send(BOB, str(n), "knock" if n % 2 else "optimistic_message"),
            receive(2, ALICE, 2, str(n), "knock" if n % 2 else "optimistic_message"),
        )
    for kind in ("knock", "optimistic_message"):
        s.say(1, send(BOB, "over", kind), refusal(1, "RATE_LIMITED", retry_after_seconds="<retry>"))
    s.say(1, send(BOB, "plain"), receive(2, ALICE, 2, "plain"))
    add("31 KNOCKs in a minute, and plain sends beside them", ["rates"], s)
