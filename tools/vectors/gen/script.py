"""Conversations as steps with their outcome: how the rows of vectors/relay are written."""

import datetime

from .agents import NOON, compact

RELAY = "relay.example:8765"
SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000


def clock(ms):
    """The text of a time that many milliseconds after noon."""
    at = datetime.datetime(2026, 11, 21, 12) + datetime.timedelta(milliseconds=ms)
    return at.strftime("%Y-%m-%dT%H:%M:%S") + (f".{at.microsecond // 1000:03d}" if at.microsecond else "") + "Z"


def to(conn, kind, **members):
    return {"conn": conn, "frame": {"type": kind} | members}


def refusal(conn, code, **more):
    return to(conn, "error", code=code, message="<text>", **more)


def connected(conn, pending=0, **more):
    return to(conn, "connected", session_id="<uuid>", pending_messages=pending, **more)


def ends(conn, code="<code>"):
    return {"conn": conn, "close": code}


def send(agent, payload="aGVsbG8=", kind="message", **more):
    return {"type": "send", "to": agent.amid, "encrypted_payload": payload, "message_type": kind} | more


def receive(conn, agent, ms, payload="aGVsbG8=", kind="message", **more):
    return to(
        conn,
        "receive",
        **{"from": agent.amid},
        encrypted_payload=payload,
        message_type=kind,
        timestamp=clock(ms),
        **more,
    )


class Script:
    """Builds the steps of one conversation; `now` is in milliseconds after noon, on both clocks."""

    def __init__(self, **options):
        self.input = {"relay": RELAY, "started": NOON, "first_start": True} | options | {"steps": []}
        self.out, self.now, self.wall = [], 0, 0

    def step(self, what, *out, **members):
        self.input["steps"].append({"at": self.now, "do": what} | members)
        self.out.append(list(out))
        return self

    def later(self, ms):
        self.now += ms
        return self

    def wait(self, ms, *out, silent=()):
        """Time passes; Pings are answered, except on silent connections."""
        self.now += ms
        return self.step("wait", *out, **({"silent": list(silent)} if silent else {}))

    def open(self, conn, *out):
        return self.step("open", *out, conn=conn)

    def say(self, conn, frame, *out):
        return self.step("text", *out, conn=conn, text=frame if isinstance(frame, str) else compact(frame))

    def large(self, conn, frame, times, *out):
        """A frame whose text has `times` letters A in place of the mark @."""
        head, tail = compact(frame).split("@")
        return self.step("text", *out, conn=conn, text={"head": head, "repeat": "A", "times": times, "tail": tail})

    def gone(self, conn, *out):
        return self.step("closed", *out, conn=conn)

    def stamp(self):
        return clock(self.now + self.wall)

    def login(self, conn, agent, *out, pending=0, features=None, answer=None):
        """Opens and authenticates a connection a millisecond later, so that no proof is used twice."""
        self.later(1).open(conn)
        more = {} if features is None else {"features": features}
        force = {} if features is None else {"features": features if answer is None else answer}
        return self.say(conn, agent.connect(self.stamp(), **more), connected(conn, pending, **force), *out)
