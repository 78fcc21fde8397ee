#!/usr/bin/python3
"""A relay for `agentmesh/0.2`, written from SPEC.md and nothing else.

It does what set `core` demands, and where `core` is silent it does what comes naturally in Python. It shares no code
with the reference implementation: a conformance case that fails here has found a fault of this file, of the text, or
of the case.
"""

import argparse
import asyncio
import base64
import functools
import hashlib
import json
import json.scanner
import logging
import math
import re
import signal
import time
import uuid
from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import nacl.exceptions
import nacl.signing
import websockets

PROTOCOL = "agentmesh/0.2"
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
MESSAGE_TYPES = ("knock", "accept", "reject", "message", "close", "status", "optimistic_message")
STATUSES = ("online", "away", "offline", "dnd")

MAX_PAYLOAD = 65_536  # bytes between the quotes, as sent
MAX_MESSAGE = 256 * 1024  # bytes of one WebSocket message
PER_MINUTE = {"send": 100, "knock": 30}
STORED_PER_RECIPIENT, STORED_PER_PAIR = 100, 20
OLDEST_PROOF, NEWEST_PROOF = 300.0, 60.0  # seconds behind and ahead of our clock
OUTBOX_LIMIT = 256  # frames a client may leave unread before we stop reading it


class Refusal(Exception):
    """Becomes the one error frame that answers a refused frame."""

    def __init__(self, code, message, **members):
        super().__init__(message)
        self.frame = {"type": "error", "code": code, "message": message, **members}


# --- Texts: times, base64, AMIDs -----------------------------------------------------------------------------------

RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def parse_time(text):
    """Seconds since the epoch of an RFC 3339 time. ValueError if it is none; `-00:00` names no offset and is none."""
    match = RFC3339.fullmatch(text)
    if match is None or match[4] == "-00:00":
        raise ValueError("not a time")
    offset = "+00:00" if match[4] in "Zz" else match[4]
    whole = datetime.fromisoformat(f"{match[1]}T{match[2]}{offset}")
    return (whole - datetime(1970, 1, 1, tzinfo=timezone.utc)) / timedelta(seconds=1) + float(match[3] or 0)


def now_text():
    return datetime.now(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")


def decode_base64(text):
    """The bytes of canonical, padded base64. ValueError otherwise: two texts must never name one signature."""
    raw = base64.b64decode(text, validate=True)
    if base64.b64encode(raw).decode() != text:
        raise ValueError("not canonical base64")
    return raw


def amid_of(public_key):
    """Base58 of the first 20 bytes of SHA-256 over the raw signing key."""
    raw = hashlib.sha256(public_key).digest()[:20]
    number, digits = int.from_bytes(raw, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        digits = BASE58[digit] + digits
    return "1" * (len(raw) - len(raw.lstrip(b"\0"))) + digits


def is_amid(text):
    """True if `text` is the base58 form of exactly 20 bytes."""
    if not 20 <= len(text) <= 28 or not set(text) <= set(BASE58):
        return False
    number = functools.reduce(lambda sum, digit: sum * 58 + BASE58.index(digit), text, 0)
    return len(text) - len(text.lstrip("1")) + (number.bit_length() + 7) // 8 == 20


# --- JSON ----------------------------------------------------------------------------------------------------------


class Text(str):
    """A JSON string that remembers how many bytes it took between its quotes, escapes included."""

    wire_size = 0


def _scan_string(text, begin, strict=True):
    value, end = json.decoder.scanstring(text, begin, strict)
    value = Text(value)
    value.wire_size = len(text[begin : end - 1].encode())
    return value, end


def _no_constant(name):
    raise ValueError(f"{name} is not JSON")


_decoder = json.JSONDecoder(parse_constant=_no_constant)
_decoder.parse_string = _scan_string
_decoder.scan_once = json.scanner.py_make_scanner(_decoder)


def encode(frame):
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))


# --- Frames --------------------------------------------------------------------------------------------------------


def is_text(value):
    return isinstance(value, str)


def is_time(value):
    try:
        return is_text(value) and parse_time(value) is not None
    except ValueError:
        return False


def one_of(words):
    return lambda value: is_text(value) and value in words


def are_candidates(value):
    def is_candidate(one):
        if not isinstance(one, dict) or not is_text(one.get("candidate")):
            return False
        mid, index = one.get("sdp_mid"), one.get("sdp_mline_index")
        return (mid is None or is_text(mid)) and (index is None or type(index) is int)

    return isinstance(value, list) and all(map(is_candidate, value))


ICE = {"to": is_text, "sdp": is_text, "candidates": are_candidates}
MEMBERS = {  # what each frame of a client holds; `?` marks the optional, and everything else in a frame is ignored
    "connect": {"protocol": is_text, "amid": is_text, "public_key": is_text, "timestamp": is_text, "signature": is_text,
                "p2p_capable?": lambda value: isinstance(value, bool)},
    "send": {"to": is_text, "encrypted_payload": is_text, "message_type": one_of(MESSAGE_TYPES),
             "ice_candidates?": are_candidates},
    "presence": {"status": one_of(STATUSES)},
    "presence_query": {"amid": is_text},
    "ice_offer": ICE,
    "ice_answer": ICE,
    "p2_p_established": {"peer": is_text},
    "p2p_established": {"peer": is_text},
    "ping": {"timestamp": is_time},
    "disconnect": {"reason": is_text},
}


def read_frame(data):
    """The checked frame in one WebSocket message, or Refusal INVALID_MESSAGE."""
    try:
        frame = _decoder.decode(data if is_text(data) else "")
        encode(frame).encode()  # a lone surrogate is readable to Python, but nobody could be sent it
    except (ValueError, RecursionError):
        raise Refusal("INVALID_MESSAGE", "not a text message of JSON") from None
    if not isinstance(frame, dict) or not is_text(frame.get("type")) or frame["type"] not in MEMBERS:
        raise Refusal("INVALID_MESSAGE", "not a frame of a known type")
    for name, is_valid in MEMBERS[frame["type"]].items():
        optional = name.endswith("?")
        name = name.rstrip("?")
        if not (is_valid(frame[name]) if name in frame else optional):
            raise Refusal("INVALID_MESSAGE", f"member {name} is missing or not as stated")
    return frame


# --- One connection ------------------------------------------------------------------------------------------------


@dataclass
class Letter:
    """A message that the relay took and has not handed over yet."""

    sender: str
    taken: float  # monotonic seconds
    frame: dict


class Link:
    """One WebSocket connection: an outbox, so that nobody waits for another's socket, and the task that empties it."""

    def __init__(self, ws):
        self.ws = ws
        self.amid = None  # until the proof holds
        self.status = "online"
        self.outbox = deque()  # Letters and ready frames; the first leaves it once it has been written
        self.ending = None  # (code, reason) of the Close that follows the outbox
        self.wake = asyncio.Event()  # set when there is something to write
        self.room = asyncio.Event()  # clear while a client asks and does not read
        self.room.set()

    def post(self, item):
        self.outbox.append(item)
        self.wake.set()
        if len(self.outbox) >= OUTBOX_LIMIT:
            self.room.clear()

    def end(self, code=1000, reason=""):
        self.ending = self.ending or (code, reason)
        self.wake.set()

    async def write(self):
        """Empties the outbox until the connection is lost, or until it is empty and the link was told to end."""
        try:
            while True:
                while self.outbox:
                    item = self.outbox[0]
                    await self.ws.send(encode(item.frame if isinstance(item, Letter) else item))
                    if self.outbox and self.outbox[0] is item:
                        self.outbox.popleft()
                    if len(self.outbox) < OUTBOX_LIMIT:
                        self.room.set()
                if self.ending:
                    break
                self.wake.clear()
                await self.wake.wait()
            await self.ws.close(*self.ending)
        except websockets.ConnectionClosed:
            pass
        finally:
            self.room.set()

    async def keep_alive(self, interval, grace):
        """Sends a Ping every `interval` seconds and fails the connection when one is not answered within `grace`."""

        async def round_trip():
            await (await self.ws.ping())

        loop = asyncio.get_running_loop()
        due = loop.time() + interval
        while True:
            await asyncio.sleep(due - loop.time())
            due += interval
            try:
                await asyncio.wait_for(round_trip(), grace)
            except asyncio.TimeoutError:
                self.ws.fail_connection(1011, "a Ping was not answered")
            except websockets.ConnectionClosed:
                return


# --- The relay -----------------------------------------------------------------------------------------------------


class Relay:
    def __init__(self, options):
        self.options = options
        self.started = time.time()
        self.links = {}  # AMID -> the Link that its messages go to
        self.mailboxes = defaultdict(deque)  # AMID -> Letters, oldest first
        self.proofs = {}  # signature that was accepted -> when it may be forgotten (monotonic), oldest first
        self.counts = {}  # (AMID, kind) -> [start of its minute (monotonic), how many]

    async def serve(self, ws):
        """The whole life of one connection."""
        link = Link(ws)
        writer = asyncio.create_task(link.write())
        pulse = asyncio.create_task(link.keep_alive(self.options.ping_interval, self.options.pong_grace))
        try:
            await self.admit(link)
            async for data in ws:
                try:
                    if not link.ending:
                        self.dispatch(link, read_frame(data))
                except Refusal as refusal:
                    link.post(refusal.frame)
                if link.ending:
                    break
                await link.room.wait()
        except Refusal as refusal:
            link.post(refusal.frame)
            link.end(1008, "not admitted")
        except websockets.ConnectionClosed:
            pass
        finally:
            if self.links.get(link.amid) is link:
                del self.links[link.amid]
            link.end()
            await writer
            pulse.cancel()
            self.give_back(link)

    async def admit(self, link):
        """Waits for CONNECT and makes the link its agent's. Refusal if it does not come, or is not good."""
        try:
            data = await asyncio.wait_for(link.ws.recv(), self.options.handshake_timeout)
        except asyncio.TimeoutError:
            raise Refusal("UNAUTHORIZED", "no CONNECT in time") from None
        frame = read_frame(data)
        if frame["type"] != "connect":
            raise Refusal("INVALID_MESSAGE", "the first frame is CONNECT")
        if frame["protocol"] != PROTOCOL:
            raise Refusal("PROTOCOL_MISMATCH", "this relay speaks agentmesh/0.2")
        self.check_proof(frame)

        link.amid = frame["amid"]
        older = self.links.pop(link.amid, None)
        if older:
            older.end(4006, "the agent logged in again")
            self.give_back(older)
        self.links[link.amid] = link
        letters = self.mailbox(link.amid)
        del self.mailboxes[link.amid]
        link.post({"type": "connected", "session_id": str(uuid.uuid4()), "pending_messages": len(letters)})
        for letter in letters:
            link.post(letter)

    def check_proof(self, frame):
        """Refusal INVALID_SIGNATURE, always in the same words, unless the proof in CONNECT is good, fresh and new."""
        try:
            key = decode_base64(frame["public_key"].removeprefix("ed25519:"))
            proof = decode_base64(frame["signature"])
            nacl.signing.VerifyKey(key).verify(frame["timestamp"].encode(), proof)
            made = parse_time(frame["timestamp"])
        except (ValueError, TypeError, nacl.exceptions.CryptoError):
            made = None
        # What an earlier run of this program accepted is not remembered, so proofs older than the start are refused.
        now = time.time()
        fresh = made is not None and max(self.started, now - OLDEST_PROOF) <= made <= now + NEWEST_PROOF
        if not fresh or frame["amid"] != amid_of(key) or proof in self.proofs:
            raise Refusal("INVALID_SIGNATURE", "the proof does not hold")
        self.proofs[proof] = time.monotonic() + OLDEST_PROOF + NEWEST_PROOF + 1

    # Frames of an admitted agent.

    def dispatch(self, link, frame):
        kind = frame["type"]
        if kind == "connect":
            raise Refusal("INVALID_MESSAGE", "this connection is authenticated already")
        if kind == "send":
            self.take(link, frame)
        elif kind == "presence":
            link.status = frame["status"]
        elif kind == "presence_query":
            other = self.connected(frame["amid"])
            status = other.status if other else "offline"
            link.post({"type": "presence_response", "amid": frame["amid"], "status": status})
        elif kind in ("ice_offer", "ice_answer"):
            forwarded = {"type": kind, "to": link.amid, "sdp": frame["sdp"], "candidates": frame["candidates"]}
            self.signalling_peer(frame["to"]).post(forwarded)
        elif kind in ("p2_p_established", "p2p_established"):
            self.signalling_peer(frame["peer"]).post({"type": "p2_p_established", "peer": link.amid})
        elif kind == "ping":
            link.post({"type": "pong", "timestamp": frame["timestamp"]})
        elif kind == "disconnect":
            link.end()

    def connected(self, amid):
        """The link of an agent, or None. One that is closing takes nothing any more, however long its peer dawdles."""
        link = self.links.get(amid)
        return link if link and link.ws.open and not link.ending else None

    def signalling_peer(self, amid):
        if not is_amid(amid):
            raise Refusal("UNKNOWN_RECIPIENT", "not an AMID")
        link = self.connected(amid)
        if link is None:
            raise Refusal("RECIPIENT_OFFLINE", "the peer is not connected")
        return link

    def take(self, link, frame):
        """Hands a message to its recipient's link, or stores it for the next one."""
        to, kind = frame["to"], frame["message_type"]
        if not is_amid(to):
            raise Refusal("UNKNOWN_RECIPIENT", "not an AMID")
        if frame["encrypted_payload"].wire_size > MAX_PAYLOAD:
            raise Refusal("MESSAGE_TOO_LARGE", "a payload has at most 65536 bytes")
        self.count(link.amid, "knock" if kind in ("knock", "optimistic_message") else "send")

        receive = {"type": "receive", "from": link.amid, "encrypted_payload": frame["encrypted_payload"],
                   "message_type": kind, "timestamp": now_text()}
        if "ice_candidates" in frame:
            receive["ice_candidates"] = frame["ice_candidates"]
        letter = Letter(link.amid, time.monotonic(), receive)
        other = self.connected(to)
        if other:
            if kind == "knock" and other.status == "dnd":
                raise Refusal("RECIPIENT_OFFLINE", "the recipient takes no KNOCK now")
            other.post(letter)
            return
        stored = self.mailbox(to)
        if len(stored) >= STORED_PER_RECIPIENT or sum(one.sender == link.amid for one in stored) >= STORED_PER_PAIR:
            raise Refusal("RECIPIENT_OFFLINE", "no room to store the message")
        self.mailboxes[to].append(letter)

    def count(self, amid, kind):
        """Counts one frame in the agent's current minute, over all its connections. Refusal if that is one too many."""
        now = time.monotonic()
        minute = self.counts.get((amid, kind))
        if minute is None or now - minute[0] >= 60:
            minute = self.counts[amid, kind] = [now, 0]
        if minute[1] >= PER_MINUTE[kind]:
            wait = min(60, max(1, math.ceil(minute[0] + 60 - now)))
            raise Refusal("RATE_LIMITED", "too many in one minute", retry_after_seconds=wait)
        minute[1] += 1

    # What outlives a connection.

    def mailbox(self, amid):
        """The stored Letters of an agent, without those whose time is over."""
        letters = self.mailboxes[amid]
        while letters and time.monotonic() - letters[0].taken > self.options.message_ttl:
            letters.popleft()
        return letters

    def give_back(self, link):
        """Takes the Letters that a link did not write, and hands them to the agent's next link or stores them."""
        letters = [item for item in link.outbox if isinstance(item, Letter)]
        link.outbox = deque(item for item in link.outbox if not isinstance(item, Letter))
        if link.amid in self.links:
            for letter in letters:
                self.links[link.amid].post(letter)
        elif letters:
            self.mailboxes[link.amid].extendleft(reversed(letters))

    async def clean_up(self):
        """Every minute, forgets messages and proofs that are past their time, and counts of minutes that are over."""
        while True:
            await asyncio.sleep(60)
            now = time.monotonic()
            for amid in list(self.mailboxes):
                if not self.mailbox(amid):
                    del self.mailboxes[amid]
            self.proofs = {proof: until for proof, until in self.proofs.items() if until > now}
            self.counts = {key: minute for key, minute in self.counts.items() if now - minute[0] < 60}


async def main():
    parser = argparse.ArgumentParser(description="A relay for agentmesh/0.2 on 127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    for name, default in (("ping-interval", 20_000), ("pong-grace", 10_000), ("handshake-timeout", 10_000),
                          ("message-ttl", 72 * 3600 * 1000)):
        parser.add_argument(f"--{name}-ms", type=lambda ms: int(ms) / 1000, default=default / 1000, metavar="N",
                            dest=name.replace("-", "_"))
    relay = Relay(parser.parse_args())
    logging.getLogger("websockets").setLevel(logging.CRITICAL)  # a broken client is its own problem, not our news

    cleaner = asyncio.create_task(relay.clean_up())
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    server = await websockets.serve(
        relay.serve, "127.0.0.1", relay.options.port, max_size=MAX_MESSAGE, ping_interval=None, close_timeout=3)
    print(f"listening ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/", flush=True)
    await stop.wait()
    cleaner.cancel()
    server.close()
    await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(main())
