"""Conversations of a client, each from the side of the client."""

from .agents import ALICE, BOB, CAROL, NOON, Agent, b64, compact
from .common import VectorFile, seeded
from .script import HOUR, RELAY


def clients(ledger):
    f = VectorFile(ledger, "relay", "client")
    f.note(
        "connect", ["AM-ID-006"], "the key in CONNECT carries its prefix", "deployed decoders throw on it", ["facts 1"]
    )
    f.note(
        "replaced",
        ["AM-AUT-033"],
        "a client that was replaced logs in again",
        "two instances throw each other out for ever",
    )
    f.note(
        "relay-name",
        ["AM-AUT-049"],
        "the name in the challenge is not compared",
        "a relay in the middle uses the client's answer elsewhere",
        ["cat 78"],
    )
    f.note(
        "known",
        ["AM-RLY-049"],
        "a message that comes again is handed on again",
        "an order is carried out twice",
        ["cat 89"],
    )
    w = f.group(
        "connect.write",
        "seeded agents",
        lambda i: (
            {"signed": i["timestamp"].encode().hex()},
            {
                "frame": Agent(i["agent"]).connect(
                    i["timestamp"], **({"features": i["features"]} if i["features"] else {})
                )
            },
        ),
    )
    for name in ("alice", "bob", "carol"):
        for stamp in (NOON, "2026-11-21T12:00:00.123Z"):
            w.accept(
                f"CONNECT of {name} at {stamp}",
                ["connect"],
                {"agent": name, "seed": Agent(name).seed.hex(), "timestamp": stamp, "features": []},
            )
    w.accept(
        "CONNECT with features",
        ["connect"],
        {"agent": "alice", "seed": ALICE.seed.hex(), "timestamp": NOON, "features": ["challenge", "receipts"]},
    )
    w.tests[-1]["intermediate"] = {"signed": NOON.encode().hex()}

    both, nonce = ["challenge", "receipts"], seeded("client/nonce")
    g = f.group(
        "client.conversation",
        "a client of alice; times are milliseconds after `now`",
        None,
        seed=ALICE.seed.hex(),
        amid=ALICE.amid,
    )

    def challenged(name, told=None):
        steps = [
            {"at": 0, "do": "open"},
            {
                "at": 0,
                "do": "text",
                "text": compact({"type": "challenge", "nonce": b64(nonce), "relay": name, "features": both}),
            },
        ]
        return {"dialled": RELAY, "told": told, "features": both, "steps": steps}

    first = {"send": ALICE.connect(NOON, features=both)}
    proof = lambda name: {"send": ALICE.response(nonce, name, NOON, both, both)}

    def add(comment, flags, input, *out):
        test = g.accept(comment, flags, input, NOON)
        test["output"] = {"steps": list(out)}
        return test

    honest = add("challenge of the relay that was dialled", ["relay-name"], challenged(RELAY), [first], [proof(RELAY)])
    add(
        "challenge of the name that the client was told",
        ["relay-name"],
        challenged("relay-7.internal", "relay-7.internal"),
        [first],
        [proof("relay-7.internal")],
    )
    for name in (
        "other.example:8765",
        "relay.example",
        "RELAY.EXAMPLE:8765",
        "relay.example:8766",
        "",
        "relay.example:8765 ",
    ):
        test = g.reject("auth", f"challenge of relay {name!r}", ["relay-name"], challenged(name), honest, NOON)
        test["output"] = {"steps": [[first], [{"close": "<code>"}]]}
    session = {"type": "connected", "session_id": "6f1c1d7e-52a4-4c0b-9d7e-0a1b2c3d4e5f", "pending_messages": 0}

    def online(features, *steps):
        return {
            "dialled": RELAY,
            "told": None,
            "features": features,
            "steps": [
                {"at": 0, "do": "open"},
                {"at": 0, "do": "text", "text": compact(session | ({"features": features} if features else {}))},
                *steps,
            ],
        }

    up = lambda features: (
        [{"send": ALICE.connect(NOON, **({"features": features} if features else {}))}],
        [{"online": True}],
    )
    for code, again in ((4006, False), (1001, True), (1006, True), (1008, True), (1011, True), (1013, True)):
        add(
            f"closed with {code}",
            ["replaced"],
            online([], {"at": 10, "do": "closed", "code": code}),
            *up([]),
            [{"reconnect": again}],
        )
    add(
        "closed with 4006, an hour later",
        ["replaced"],
        online([], {"at": 10, "do": "closed", "code": 4006}, {"at": HOUR, "do": "tick"}),
        *up([]),
        [{"reconnect": False}],
        [{"reconnect": False}],
    )
    message = lambda name, sender=BOB, payload="aGVsbG8=": {
        "at": 20,
        "do": "text",
        "text": compact(
            {
                "type": "receive",
                "from": sender.amid,
                "encrypted_payload": payload,
                "message_type": "message",
                "timestamp": NOON,
            }
            | ({"id": name} if name else {})
        ),
    }
    handed = lambda name, sender=BOB, payload="aGVsbG8=": {
        "deliver": {"from": sender.amid, "id": name, "encrypted_payload": payload}
    }
    ack = lambda name, sender=BOB: {"send": {"type": "ack", "from": sender.amid, "id": name}}
    r = ["receipts"]
    add(
        "one id twice from one sender",
        ["known"],
        online(r, message("m"), message("m")),
        *up(r),
        [handed("m"), ack("m")],
        [ack("m")],
    )
    add(
        "one id from two senders",
        ["known"],
        online(r, message("m"), message("m", CAROL)),
        *up(r),
        [handed("m"), ack("m")],
        [handed("m", CAROL), ack("m", CAROL)],
    )
    add(
        "two ids from one sender",
        ["known"],
        online(r, message("m"), message("n")),
        *up(r),
        [handed("m"), ack("m")],
        [handed("n"), ack("n")],
    )
    add(
        "one id with another payload",
        ["known"],
        online(r, message("m"), message("m", payload="b3RoZXI=")),
        *up(r),
        [handed("m"), ack("m")],
        [ack("m")],
    )
    add(
        "an id of the relay's own making",
        ["known"],
        online(r, message("~1"), message("~1")),
        *up(r),
        [handed("~1"), ack("~1")],
        [ack("~1")],
    )
    return f
