"""Frames of profile v02, both directions."""

from .agents import ALICE, BOB, NOON, b64, compact
from .common import VectorFile, seeded

CANDIDATE = {"candidate": "candidate:1 1 udp 2130706431 192.0.2.1 40000 typ host", "sdp_mid": "0", "sdp_mline_index": 0}
TYPES = ("knock", "accept", "reject", "message", "close", "status", "optimistic_message")
STATES = ("online", "away", "offline", "dnd")
CLIENT = {
    "send": {"to": BOB.amid, "encrypted_payload": "aGVsbG8=", "message_type": "message"},
    "presence": {"status": "away"},
    "presence_query": {"amid": BOB.amid},
    "ice_offer": {"to": BOB.amid, "sdp": "v=0\r\n", "candidates": [CANDIDATE]},
    "ice_answer": {"to": BOB.amid, "sdp": "v=0\r\n", "candidates": []},
    "p2_p_established": {"peer": BOB.amid},
    "p2p_established": {"peer": BOB.amid},
    "ping": {"timestamp": NOON},
    "disconnect": {"reason": "bye"},
    "ack": {"from": BOB.amid, "id": "m-1"},
    "challenge_response": {"timestamp": NOON, "signature": b64(bytes(64))},
}
WRONG = {
    "string": ("a number", "null", "an array", "an object", "true"),
    "array": ("a string", "a number", "null", "an object"),
}
SAMPLES = {"a string": "x", "a number": 7, "null": None, "an array": [], "an object": {}, "true": True}


def client_frames(ledger):
    f = VectorFile(ledger, "wire", "client_frames")
    f.note(
        "valid",
        [
            "AM-RLY-004",
            "AM-RLY-060",
            "AM-RLY-061",
            "AM-RLY-064",
            "AM-ERR-002",
            "AM-ERR-003",
            "AM-ERR-004",
            "AM-ERR-005",
            "AM-RLY-066",
        ],
        "a frame that 0.2 has is refused",
    )
    f.note("extra", ["AM-RLY-013"], "unknown members are refused", "no later client can talk to this relay")
    f.note(
        "not-an-object",
        ["AM-ERR-001"],
        "text that is no frame is dropped in silence",
        "the sender waits for ever",
        ["T23"],
    )
    f.note("type", ["AM-ERR-002"], "an unknown type is dropped in silence", "the sender waits for ever", ["T26"])
    f.note("missing", ["AM-ERR-003"], "a missing member becomes an empty one", "messages to nobody are stored", ["T23"])
    f.note("mistyped", ["AM-ERR-004"], "a member is converted", "two readers see two frames", ["T23"])
    f.note(
        "list",
        ["AM-ERR-005"],
        "any word is taken and passed on",
        "the recipient meets a word it does not know",
        ["T31"],
    )
    f.note(
        "candidate",
        ["AM-RLY-066"],
        "what is not known of a candidate is lost on the way",
        "connections fail without a reason",
        ["T19"],
    )
    f.note(
        "strict-json",
        ["AM-ERR-001", "AM-ERR-007", "AM-ERR-008", "AM-ERR-009"],
        "a lenient parser reads frames",
        "the checked value is not the used one",
    )
    g = f.group(
        "client_frame.read",
        "one of each type, then one change each; feature receipts is in force",
        lambda i: ({}, {}),
        receipts=True,
    )
    frames = {name: {"type": name} | members for name, members in CLIENT.items()}
    texts = {}
    for name, frame in frames.items():
        texts[name] = g.accept(f"{name}", ["valid"], {"text": compact(frame)})
        g.accept(f"{name}, unknown members", ["extra"], {"text": compact(frame | {"x": 1, "y": {"z": [None]}})})
        g.accept(f"{name}, type last", ["valid"], {"text": compact({k: frame[k] for k in reversed(frame)})})
    for kind in TYPES:
        g.accept(f"send of type {kind}", ["valid"], {"text": compact(frames["send"] | {"message_type": kind})})
    for state in STATES:
        g.accept(f"presence {state}", ["valid"], {"text": compact(frames["presence"] | {"status": state})})
    for comment, candidate in [
        ("no mid", {"candidate": "c", "sdp_mline_index": 1}),
        ("no index", {"candidate": "c", "sdp_mid": "0"}),
        ("candidate alone", {"candidate": "c"}),
        ("nulls", {"candidate": "c", "sdp_mid": None, "sdp_mline_index": None}),
        ("empty candidate", {"candidate": "", "sdp_mid": "", "sdp_mline_index": 0}),
        ("largest index", {"candidate": "c", "sdp_mid": None, "sdp_mline_index": 4294967295}),
    ]:
        g.accept(
            f"candidate: {comment}", ["valid"], {"text": compact(frames["ice_offer"] | {"candidates": [candidate]})}
        )
    g.accept(
        "send with candidates",
        ["valid"],
        {"text": compact(frames["send"] | {"ice_candidates": [CANDIDATE, CANDIDATE]})},
    )
    g.accept("send with no candidates", ["valid"], {"text": compact(frames["send"] | {"ice_candidates": []})})
    g.accept("send with an id", ["valid"], {"text": compact(frames["send"] | {"id": "a.B_1:-"})})
    g.accept("send with an id of 64 characters", ["valid"], {"text": compact(frames["send"] | {"id": "x" * 64})})
    g.accept("send with an empty payload", ["valid"], {"text": compact(frames["send"] | {"encrypted_payload": ""})})
    g.accept(
        "send with a payload of escapes",
        ["valid"],
        {
            "text": '{"type":"send","to":"%s","encrypted_payload":"\\u00e9\\n\\ud83d\\ude00\\"","message_type":"message"}'
            % BOB.amid
        },
    )
    g.accept(
        "white space everywhere",
        ["valid"],
        {"text": ' {\n"type" : "ping" ,\t"timestamp" : "2026-11-21T12:00:00Z" }\r\n'},
    )

    def bad(comment, frame, twin, flags, why="parse"):
        g.reject(why, comment, flags, {"text": frame if isinstance(frame, str) else compact(frame)}, twin)

    for name, members in CLIENT.items():
        for member, value in members.items():
            bad(
                f"{name} without {member}",
                {k: v for k, v in frames[name].items() if k != member},
                texts[name],
                ["missing"],
            )
            for sample in WRONG["array" if isinstance(value, list) else "string"]:
                bad(
                    f"{name}: {member} is {sample}", frames[name] | {member: SAMPLES[sample]}, texts[name], ["mistyped"]
                )
    for word in (
        "unknown",
        "SEND",
        "send ",
        "",
        "receive",
        "connected",
        "nack",
        "get_pending_messages",
        "knock_with_message",
        "P2P_established",
    ):
        bad(f"type {word!r}", frames["send"] | {"type": word}, texts["send"], ["type"])
    bad("no type", CLIENT["ping"], texts["ping"], ["type"])
    for sample in WRONG["string"]:
        bad(f"type is {sample}", frames["ping"] | {"type": SAMPLES[sample]}, texts["ping"], ["type"])
    for word in ("", "Message", "knock_response", "messages", "optimistic", "data", "MESSAGE"):
        bad(f"message_type {word!r}", frames["send"] | {"message_type": word}, texts["send"], ["list"])
    for word in ("", "Online", "busy", "invisible", "do_not_disturb", "DND"):
        bad(f"status {word!r}", frames["presence"] | {"status": word}, texts["presence"], ["list"])
    one = g.accept("one candidate", ["valid"], {"text": compact(frames["ice_offer"] | {"candidates": [CANDIDATE]})})
    for comment, changes in [
        ("camel-case mid", {"sdpMid": "0", "sdp_mid": ...}),
        ("camel-case index", {"sdpMLineIndex": 0, "sdp_mline_index": ...}),
        ("no candidate", {"candidate": ...}),
        ("candidate is a number", {"candidate": 1}),
        ("candidate is null", {"candidate": None}),
        ("mid is a number", {"sdp_mid": 0}),
        ("mid is an array", {"sdp_mid": []}),
        ("index is a string", {"sdp_mline_index": "0"}),
        ("index is a fraction", {"sdp_mline_index": 0.5}),
        ("index is true", {"sdp_mline_index": True}),
    ]:
        candidate = {k: v for k, v in (CANDIDATE | changes).items() if v is not ...}
        bad(f"candidate: {comment}", frames["ice_offer"] | {"candidates": [candidate]}, one, ["candidate"])
    for sample in ("a string", "a number", "null", "an array", "true"):
        bad(f"candidate is {sample}", frames["ice_offer"] | {"candidates": [SAMPLES[sample]]}, one, ["candidate"])
    many = g.accept(
        "send with one candidate", ["valid"], {"text": compact(frames["send"] | {"ice_candidates": [CANDIDATE]})}
    )
    for sample in ("a string", "a number", "an object"):
        bad(f"ice_candidates is {sample}", frames["send"] | {"ice_candidates": SAMPLES[sample]}, many, ["mistyped"])
    bad("ice_candidates holds a string", frames["send"] | {"ice_candidates": ["x"]}, many, ["candidate"])
    bad(
        "ice_candidates with a camel-case mid",
        frames["send"] | {"ice_candidates": [{"candidate": "c", "sdpMid": "0"}]},
        many,
        ["candidate"],
    )
    identified = g.accept("send with id m-1", ["valid"], {"text": compact(frames["send"] | {"id": "m-1"})})
    for comment, value in [
        ("empty", ""),
        ("65 characters", "x" * 65),
        ("with a space", "m 1"),
        ("beginning with a tilde", "~1"),
        ("with a letter beyond ASCII", "m\u00e9"),
        ("a number", 1),
        ("null", None),
        ("with a solidus", "m/1"),
    ]:
        bad(f"id {comment}", frames["send"] | {"id": value}, identified, ["mistyped"])
    ping = texts["ping"]
    for comment, value in [
        ("without an offset", "2026-11-21T12:00:00"),
        ("that is no time", "noon"),
        ("empty", ""),
        ("at second 60", "2026-11-21T12:00:60Z"),
    ]:
        bad(f"ping with a time {comment}", frames["ping"] | {"timestamp": value}, ping, ["mistyped"])
    text = ping["input"]["text"]
    for comment, broken in [
        ("nothing", ""),
        ("an array", "[]"),
        ("a string", '"ping"'),
        ("a number", "1"),
        ("null", "null"),
        ("an open brace", "{"),
        ("a cut frame", text[:-1]),
        ("two frames", text + text),
        ("a comment after it", text + "//"),
        ("a frame in an array", "[" + text + "]"),
        ("plain words", "hello"),
    ]:
        bad(f"text: {comment}", broken, ping, ["not-an-object"])
    for comment, broken in [
        ("text: a byte order mark", "\ufeff" + text),
        ("type twice", '{"type":"ping",' + text[1:]),
        ("member twice", text[:-1] + ',"timestamp":"2026-11-21T12:00:00Z"}'),
        ("member twice, once escaped", text[:-1] + ',"\\u0074imestamp":"2026-11-21T12:00:01Z"}'),
        ("unknown member twice", text[:-1] + ',"x":1,"x":2}'),
        ("member twice inside an unknown one", text[:-1] + ',"x":{"a":1,"a":2}}'),
        ("half a pair in an unknown member", text[:-1] + ',"x":"\\ud800"}'),
        ("NaN in an unknown member", text[:-1] + ',"x":NaN}'),
        ("trailing comma", text[:-1] + ",}"),
        ("infinite number in an unknown member", text[:-1] + ',"x":1e400}'),
    ]:
        bad(comment, broken, ping, ["strict-json"])
    bad(
        "unknown member nested 64 deep inside the frame",
        text[:-1] + ',"x":' + "[" * 64 + "]" * 64 + "}",
        ping,
        ["strict-json"],
        "limit",
    )
    g.accept(
        "unknown member nested 63 deep inside the frame",
        ["extra"],
        {"text": text[:-1] + ',"x":' + "[" * 63 + "]" * 63 + "}"},
    )
    return f


RELAY = {
    "connected": {"session_id": "6f1c1d7e-52a4-4c0b-9d7e-0a1b2c3d4e5f", "pending_messages": 0},
    "challenge": {
        "nonce": b64(seeded("challenge/nonce")),
        "relay": "relay.example:8765",
        "features": ["challenge", "receipts"],
    },
    "receive": {"from": ALICE.amid, "encrypted_payload": "aGVsbG8=", "message_type": "message", "timestamp": NOON},
    "accepted": {"id": "m-1", "to": BOB.amid, "durable": False},
    "presence_response": {"amid": BOB.amid, "status": "online"},
    "ice_offer": {"to": ALICE.amid, "sdp": "v=0\r\n", "candidates": [CANDIDATE]},
    "ice_answer": {"to": ALICE.amid, "sdp": "v=0\r\n", "candidates": []},
    "p2_p_established": {"peer": ALICE.amid},
    "pong": {"timestamp": NOON},
    "error": {"code": "INVALID_MESSAGE", "message": "unknown frame type (AM-ERR-002)"},
}
CODES = (
    "INVALID_MESSAGE",
    "PROTOCOL_MISMATCH",
    "INVALID_SIGNATURE",
    "UNAUTHORIZED",
    "UNKNOWN_RECIPIENT",
    "RECIPIENT_OFFLINE",
    "MAILBOX_FULL",
    "MESSAGE_TOO_LARGE",
    "RATE_LIMITED",
    "INTERNAL_ERROR",
)


def relay_frames(ledger):
    f = VectorFile(ledger, "wire", "relay_frames")
    f.note(
        "valid",
        [
            "AM-AUT-001",
            "AM-RLY-001",
            "AM-RLY-008",
            "AM-RLY-021",
            "AM-RLY-040",
            "AM-RLY-050",
            "AM-RLY-060",
            "AM-RLY-061",
            "AM-RLY-064",
            "AM-RLY-070",
            "AM-ERR-011",
        ],
        "a frame that a relay may send is refused",
    )
    f.note("session", ["AM-AUT-028"], "a counter or a name in place of a UUID", "sessions can be guessed")
    f.note(
        "pending", ["AM-RLY-021"], "the number is missing or no number", "clients wait for messages that do not come"
    )
    f.note("nonce", ["AM-AUT-043"], "a short or mis-encoded nonce", "a proof can be prepared in advance")
    f.note(
        "receive",
        ["AM-RLY-001", "AM-RLY-008", "AM-RLY-009"],
        "a member is missing or the time has no offset",
        "recipients order messages by hours wrongly",
    )
    f.note(
        "accepted",
        ["AM-RLY-040"],
        "the acknowledgement does not say which message it is about",
        "senders repeat or drop messages",
    )
    f.note("presence", ["AM-RLY-050"], "a status outside the list")
    f.note(
        "signalling",
        ["AM-RLY-060", "AM-RLY-061", "AM-RLY-064"],
        "a part of an offer is lost",
        "connections fail without a reason",
        ["T24", "T25"],
    )
    f.note("pong", ["AM-RLY-070"], "the time is missing or without an offset")
    f.note("error", ["AM-ERR-011"], "a code outside the list, or no text")
    f.note("retry", ["AM-LIM-012"], "no time, or one outside the minute", "clients hammer or sleep too long")
    g = f.group("relay_frame.conforms", "one of each type, then one change each; judged by form alone")
    frames = {name: {"type": name} | members for name, members in RELAY.items()}
    texts = {name: g.accept(name, ["valid"], {"text": compact(frame)}) for name, frame in frames.items()}
    for name, frame in frames.items():
        g.accept(f"{name}, unknown members", ["valid"], {"text": compact(frame | {"x": {"y": 1}})})
    for code in CODES:
        if code != "RATE_LIMITED":
            g.accept(f"error {code}", ["valid", "error"], {"text": compact(frames["error"] | {"code": code})})
    for seconds in (1, 30, 60):
        g.accept(
            f"retry after {seconds} s",
            ["retry"],
            {"text": compact(frames["error"] | {"code": "RATE_LIMITED", "retry_after_seconds": seconds})},
        )
    g.accept("error with an id", ["error"], {"text": compact(frames["error"] | {"id": "m-1"})})
    g.accept("connected with features", ["valid"], {"text": compact(frames["connected"] | {"features": ["receipts"]})})
    g.accept("three pending", ["pending"], {"text": compact(frames["connected"] | {"pending_messages": 3})})
    g.accept(
        "receive with candidates", ["receive"], {"text": compact(frames["receive"] | {"ice_candidates": [CANDIDATE]})}
    )
    g.accept("receive with an id", ["receive"], {"text": compact(frames["receive"] | {"id": "~1"})})
    g.accept("last_seen", ["presence"], {"text": compact(frames["presence_response"] | {"last_seen": NOON})})
    for kind in TYPES:
        g.accept(f"receive of type {kind}", ["receive"], {"text": compact(frames["receive"] | {"message_type": kind})})
    for state in STATES:
        g.accept(f"presence {state}", ["presence"], {"text": compact(frames["presence_response"] | {"status": state})})
    g.accept(
        "candidate with nulls",
        ["signalling"],
        {
            "text": compact(
                frames["ice_offer"] | {"candidates": [{"candidate": "c", "sdp_mid": None, "sdp_mline_index": None}]}
            )
        },
    )
    flag = {
        "connected": "session",
        "challenge": "nonce",
        "receive": "receive",
        "accepted": "accepted",
        "presence_response": "presence",
        "ice_offer": "signalling",
        "ice_answer": "signalling",
        "p2_p_established": "signalling",
        "pong": "pong",
        "error": "error",
    }

    def bad(comment, name, changes, flags):
        frame = {k: v for k, v in (frames[name] | changes).items() if v is not ...}
        g.reject("parse", comment, flags, {"text": compact(frame)}, texts[name])

    for name, members in RELAY.items():
        for member in members:
            own = ["pending"] if member == "pending_messages" else [flag[name]]
            bad(f"{name} without {member}", name, {member: ...}, own)
            bad(f"{name}: {member} is an object", name, {member: {}}, own)
            bad(f"{name}: {member} is null", name, {member: None}, own)
    for comment, value in [
        ("empty", ""),
        ("a counter", "17"),
        ("without dashes", "6f1c1d7e52a44c0b9d7e0a1b2c3d4e5f"),
        ("in braces", "{6f1c1d7e-52a4-4c0b-9d7e-0a1b2c3d4e5f}"),
        ("with a letter g", "6f1c1d7g-52a4-4c0b-9d7e-0a1b2c3d4e5f"),
        ("a URN", "urn:uuid:6f1c1d7e-52a4-4c0b-9d7e-0a1b2c3d4e5f"),
    ]:
        bad(f"session_id {comment}", "connected", {"session_id": value}, ["session"])
    for comment, value in [("negative", -1), ("a fraction", 0.5), ("a string", "0"), ("true", True)]:
        bad(f"pending_messages {comment}", "connected", {"pending_messages": value}, ["pending"])
    for comment, value in [
        ("of 16 bytes", b64(bytes(16))),
        ("of 31 bytes", b64(bytes(31))),
        ("of 33 bytes", b64(bytes(33))),
        ("in hexadecimal", bytes(32).hex()),
        ("in the URL alphabet", "-" * 42 + "A="),
        ("without padding", b64(bytes(32))[:-1]),
    ]:
        bad(f"nonce {comment}", "challenge", {"nonce": value}, ["nonce"])
    for name, own in (("receive", "receive"), ("pong", "pong")):
        for comment, value in [
            ("without an offset", "2026-11-21T12:00:00"),
            ("in milliseconds", "1795262400000"),
            ("with offset -00:00", "2026-11-21T12:00:00-00:00"),
            ("empty", ""),
        ]:
            bad(f"{name} time {comment}", name, {"timestamp": value}, [own])
    bad("receive from a DID", "receive", {"from": "did:agentmesh:" + ALICE.amid}, ["receive"])
    bad("receive of an unknown type", "receive", {"message_type": "data"}, ["receive"])
    bad("receive with half a candidate", "receive", {"ice_candidates": [{"sdp_mid": "0"}]}, ["receive"])
    bad("receive with candidates that are a string", "receive", {"ice_candidates": "[]"}, ["receive"])
    bad("durable is a string", "accepted", {"durable": "false"}, ["accepted"])
    bad("status busy", "presence_response", {"status": "busy"}, ["presence"])
    bad(
        "offer with half a candidate",
        "ice_offer",
        {"candidates": [{"sdp_mid": "0", "sdp_mline_index": 0}]},
        ["signalling"],
    )
    bad("offer with a candidate without nulls", "ice_offer", {"candidates": [{"candidate": "c"}]}, ["signalling"])
    bad("p2p spelling towards the client", "p2_p_established", {"type": "p2p_established"}, ["signalling"])
    for code in ("invalid_message", "", "OK", "TIMEOUT", "INVALID MESSAGE"):
        bad(f"error code {code!r}", "error", {"code": code}, ["error"])
    limited = g.accept(
        "retry after 7 s",
        ["retry"],
        {"text": compact(frames["error"] | {"code": "RATE_LIMITED", "retry_after_seconds": 7})},
    )
    for value in (0, 61, 70, -7, 7.5, "7", None, ...):
        frame = {
            k: v
            for k, v in (frames["error"] | {"code": "RATE_LIMITED", "retry_after_seconds": value}).items()
            if v is not ...
        }
        g.reject(
            "parse",
            f"retry after {'nothing' if value is ... else repr(value)}",
            ["retry"],
            {"text": compact(frame)},
            limited,
        )
    return f


def files(ledger):
    return [client_frames(ledger), relay_frames(ledger)]
