"""RFC 6455: streams of frames as one end receives them, and opening handshakes as either end reads them."""

import base64
import hashlib

from .common import VectorFile

KEY = bytes.fromhex("37fa213d")
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


# --- frames ---------------------------------------------------------------------------------------------


def masked(payload, key=KEY):
    return bytes(b ^ key[i % 4] for i, b in enumerate(payload))


def frame(op, payload=b"", fin=1, key=KEY, rsv=0, form=None):
    """One frame; `key` None leaves it unmasked, `form` 7, 16 or 64 forces a length of so many bits."""
    size = len(payload)
    form = form or (7 if size < 126 else 16 if size < 65536 else 64)
    first = {7: size, 16: 126, 64: 127}[form]
    head = bytes([fin << 7 | rsv << 4 | op, (0x80 if key is not None else 0) | first])
    head += b"" if form == 7 else size.to_bytes(form // 8, "big")
    return head + (payload if key is None else key + masked(payload, key))


def close(code, reason=b""):
    return code.to_bytes(2, "big") + reason


def heard(i):
    """The events of a stream without fault, and what the receiving end sends in answer."""
    stream, server = bytes.fromhex(i["bytes"]), i["role"] == "server"
    key = None if server else bytes.fromhex(i["mask"])
    events, answer, at, message, kind = [], b"", 0, b"", None
    names = {TEXT: "text", BINARY: "binary"}
    while at < len(stream):
        op, size, at = stream[at] & 15, stream[at + 1] & 127, at + 2
        fin = stream[at - 2] >> 7
        if size > 125:
            wide = 2 if size == 126 else 8
            size, at = int.from_bytes(stream[at : at + wide], "big"), at + wide
        if server:
            payload, at = masked(stream[at + 4 : at + 4 + size], stream[at : at + 4]), at + 4 + size
        else:
            payload, at = stream[at : at + size], at + size
        if op == CLOSE:
            code = int.from_bytes(payload[:2], "big") if payload else 1005
            events.append({"kind": "closed", "code": code, "payload": payload[2:].hex()})
            answer += frame(CLOSE, payload[:2], key=key)
            break
        if op in (PING, PONG):
            events.append({"kind": "ping" if op == PING else "pong", "payload": payload.hex()})
            answer += frame(PONG, payload, key=key) if op == PING else b""
            continue
        kind, message = (kind, message + payload) if op == 0 else (op, payload)
        if fin:
            events.append({"kind": names[kind], "payload": message.hex()})
    return {}, {"events": events, "answer": answer.hex()}


def frames(ledger):
    f = VectorFile(ledger, "ws", "frames")
    f.note(
        "valid",
        [
            "AM-WSK-020",
            "AM-WSK-021",
            "AM-WSK-022",
            "AM-WSK-023",
            "AM-WSK-024",
            "AM-WSK-025",
            "AM-WSK-026",
            "AM-WSK-027",
            "AM-WSK-028",
            "AM-WSK-029",
            "AM-WSK-030",
            "AM-WSK-032",
            "AM-WSK-035",
            "AM-WSK-036",
            "AM-WSK-037",
            "AM-WSK-042",
        ],
        "a receiver that is too strict",
        "correct peers are cut off",
    )
    f.note(
        "unmasked",
        ["AM-WSK-020", "AM-WSK-030"],
        "a server reads frames that no browser would send",
        "a page steers what proxies between it and the server see",
        ["RFC 6455 section 10.3"],
    )
    f.note(
        "masked",
        ["AM-WSK-036", "AM-WSK-035"],
        "a client takes a server's frames for masked",
        "an echoed request is read as frames",
    )
    f.note(
        "reserved-bit",
        ["AM-WSK-021", "AM-WSK-030"],
        "bits of extensions nobody agreed to are ignored",
        "compressed bytes are read as text",
    )
    f.note("reserved-opcode", ["AM-WSK-022", "AM-WSK-030"], "an unknown frame is skipped", "two ends see two streams")
    f.note(
        "control-size",
        ["AM-WSK-023", "AM-WSK-030"],
        "a control frame is buffered without its bound",
        "memory is spent on each Ping",
    )
    f.note(
        "control-fragment", ["AM-WSK-024", "AM-WSK-030"], "a control frame is joined with others", "a Ping never ends"
    )
    f.note(
        "orphan",
        ["AM-WSK-025", "AM-WSK-030"],
        "a continuation starts a message of no type",
        "bytes are handed out as the wrong kind",
    )
    f.note(
        "interleaved",
        ["AM-WSK-026", "AM-WSK-030"],
        "a second message replaces the first",
        "a message is lost without a word",
    )
    f.note(
        "utf-8",
        ["AM-WSK-027", "AM-WSK-031"],
        "text is handed on unchecked, or checked fragment by fragment",
        "a parser behind it sees two readings",
        ["RFC 3629 section 3"],
    )
    f.note(
        "length-form",
        ["AM-WSK-029", "AM-WSK-030"],
        "one length has several forms",
        "filters and receivers disagree on a frame",
    )
    f.note("length-sign", ["AM-WSK-028", "AM-WSK-030"], "a length becomes negative", "memory is overrun")
    f.note(
        "ping",
        ["AM-WSK-033"],
        "a Ping stays without answer, or with another payload",
        "a live connection is taken for dead",
    )
    f.note("pong", ["AM-WSK-034"], "a Pong nobody asked for ends the connection", "one-sided heartbeats fail")
    f.note("close", ["AM-WSK-040"], "a Close is not echoed", "the peer waits for its timeout")
    f.note(
        "close-code",
        ["AM-WSK-042", "AM-WSK-030"],
        "a code that says `no code` is taken off the wire",
        "logs and retries act on a lie",
    )
    f.note("after-close", ["AM-WSK-043"], "frames after a Close are obeyed", "a closed session still acts")
    f.note(
        "size", ["AM-LIM-004"], "the size of a message is checked after it was stored", "memory is at the peer's mercy"
    )
    f.note("fragments", ["AM-LIM-005"], "empty fragments are counted by nobody", "a connection is kept busy for ever")

    rfc = f.group("ws.receive", "RFC 6455 section 5.7", heard)
    client = {"role": "client", "mask": "01020304"}
    rfc.accept("single-frame unmasked text message", ["valid"], {**client, "bytes": "810548656c6c6f"})
    rfc.accept("single-frame masked text message", ["valid"], {"role": "server", "bytes": "818537fa213d7f9f4d5158"})
    rfc.accept("fragmented unmasked text message", ["valid"], {**client, "bytes": "010348656c80026c6f"})
    rfc.accept("unmasked Ping", ["ping"], {**client, "bytes": "890548656c6c6f"})
    rfc.accept(
        "masked Pong with the body of that Ping", ["pong"], {"role": "server", "bytes": "8a8537fa213d7f9f4d5158"}
    )
    rfc.accept("256 bytes of binary, unmasked", ["valid"], {**client, "bytes": "827e0100" + bytes(range(256)).hex()})
    rfc.accept("64 KiB of binary, unmasked", ["valid"], {**client, "bytes": "827f0000000000010000" + "00" * 65536})

    g = f.group("ws.receive", "chosen by hand, after the classes of the Autobahn test suite", heard)
    at_server = lambda *parts: {"role": "server", "bytes": b"".join(parts).hex()}
    at_client = lambda *parts: {**client, "bytes": b"".join(parts).hex()}

    for size in (0, 1, 125, 126, 127, 128, 300):
        g.accept(f"text of {size} bytes", ["valid"], at_server(frame(TEXT, b"*" * size)))
        g.accept(f"binary of {size} bytes", ["valid"], at_server(frame(BINARY, b"\xfe" * size)))
    g.accept("masking key of zeros", ["valid"], at_server(frame(TEXT, b"Hello", key=bytes(4))))
    g.accept("masking key of ones", ["valid"], at_server(frame(TEXT, b"Hello", key=b"\xff" * 4)))
    g.accept("two messages in a row", ["valid"], at_server(frame(TEXT, b"one"), frame(BINARY, b"two")))
    g.accept(
        "empty fragments before, between and after",
        ["valid"],
        at_server(frame(TEXT, b"", 0), frame(0, b"a", 0), frame(0, b"", 0), frame(0, b"b", 0), frame(0, b"")),
    )
    g.accept(
        "Ping and Pong between fragments",
        ["valid", "ping", "pong"],
        at_server(frame(TEXT, b"frag", 0), frame(PING, b"?"), frame(PONG, b"!"), frame(0, b"ment")),
    )
    g.accept(
        "character cut between fragments",
        ["valid", "utf-8"],
        at_server(frame(TEXT, b"\xf0\x9f", 0), frame(PING), frame(0, b"\x98", 0), frame(0, b"\x80")),
    )
    for size in (0, 1, 124, 125):
        g.accept(f"Ping of {size} bytes", ["ping"], at_server(frame(PING, b"\x00" * size)))
    g.accept("ten Pings in a row", ["ping"], at_server(*(frame(PING, b"%d" % n) for n in range(10))))
    g.accept("Pong of 125 bytes that nobody asked for", ["pong"], at_server(frame(PONG, b"x" * 125)))
    g.accept("client answers a Ping masked", ["ping"], at_client(frame(PING, b"are you there", key=None)))
    g.accept("Close without a body", ["close"], at_server(frame(CLOSE)))
    for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999):
        g.accept(f"Close with code {code}", ["close"], at_server(frame(CLOSE, close(code))))
    g.accept("Close with a reason of 123 bytes", ["close"], at_server(frame(CLOSE, close(1000, b"x" * 123))))
    g.accept("Close with a reason beyond ASCII", ["close"], at_server(frame(CLOSE, close(1000, "tschüß".encode()))))
    g.accept("Close in the middle of a message", ["close"], at_server(frame(TEXT, b"a", 0), frame(CLOSE, close(1001))))
    g.accept("text after a Close", ["after-close"], at_server(frame(CLOSE, close(1000)), frame(TEXT, b"late")))
    g.accept("Ping after a Close", ["after-close"], at_server(frame(CLOSE, close(1000)), frame(PING, b"late")))
    g.accept("second Close", ["after-close"], at_server(frame(CLOSE, close(1000)), frame(CLOSE, close(1001))))
    g.accept(
        "bytes that are no frames after a Close", ["after-close"], at_server(frame(CLOSE, close(1000)), b"\xff\xff\xff")
    )
    g.accept(
        "client takes Close with a code and echoes it masked",
        ["close"],
        at_client(frame(CLOSE, close(1001, b"bye"), key=None)),
    )
    g.accept("arbitrary bytes in a binary message", ["valid"], at_server(frame(BINARY, b"\xff\xfe\xc0\x80")))

    def wrong(comment, flag, clause, bad, good, code=1002, why="parse"):
        g.reject(why, comment, [flag], bad, good, twin_flags=["valid"], intermediate={"code": code, "clause": clause})

    hello = at_server(frame(TEXT, b"Hello"))
    wrong("unmasked text to a server", "unmasked", "AM-WSK-020", at_server(frame(TEXT, b"Hello", key=None)), hello)
    wrong(
        "unmasked Ping to a server", "unmasked", "AM-WSK-020", at_server(frame(PING, key=None)), at_server(frame(PING))
    )
    wrong(
        "unmasked Close to a server",
        "unmasked",
        "AM-WSK-020",
        at_server(frame(CLOSE, key=None)),
        at_server(frame(CLOSE)),
    )
    wrong(
        "masked text to a client",
        "masked",
        "AM-WSK-036",
        at_client(frame(TEXT, b"Hello")),
        at_client(frame(TEXT, b"Hello", key=None)),
    )
    wrong("masked Ping to a client", "masked", "AM-WSK-036", at_client(frame(PING)), at_client(frame(PING, key=None)))
    for bit, rsv in ((1, 4), (2, 2), (3, 1)):
        wrong(
            f"reserved bit {bit} on text",
            "reserved-bit",
            "AM-WSK-021",
            at_server(frame(TEXT, b"Hello", rsv=rsv)),
            hello,
        )
    wrong("all reserved bits", "reserved-bit", "AM-WSK-021", at_server(frame(TEXT, b"Hello", rsv=7)), hello)
    wrong(
        "reserved bit 1 on a Ping", "reserved-bit", "AM-WSK-021", at_server(frame(PING, rsv=4)), at_server(frame(PING))
    )
    wrong(
        "reserved bit 1 on a continuation",
        "reserved-bit",
        "AM-WSK-021",
        at_server(frame(TEXT, b"a", 0), frame(0, b"b", rsv=4)),
        at_server(frame(TEXT, b"a", 0), frame(0, b"b")),
    )
    for op in (3, 4, 5, 6, 7):
        wrong(f"opcode {op}", "reserved-opcode", "AM-WSK-022", at_server(frame(op, b"Hello")), hello)
    for op in (11, 12, 13, 14, 15):
        wrong(f"opcode {op}", "reserved-opcode", "AM-WSK-022", at_server(frame(op)), at_server(frame(PONG)))
    for name, op in (("Close", CLOSE), ("Ping", PING), ("Pong", PONG)):
        body = close(1000, b"x" * 124) if op == CLOSE else b"x" * 126
        short = close(1000, b"x" * 123) if op == CLOSE else b"x" * 125
        wrong(
            f"{name} of 126 bytes",
            "control-size",
            "AM-WSK-023",
            at_server(frame(op, body, key=bytes(4))),
            at_server(frame(op, short, key=bytes(4))),
        )
        wrong(
            f"{name} that is a first fragment",
            "control-fragment",
            "AM-WSK-024",
            at_server(frame(op, b"", 0)),
            at_server(frame(op)),
        )
    wrong("continuation first", "orphan", "AM-WSK-025", at_server(frame(0, b"Hello")), hello)
    wrong(
        "continuation after a whole message",
        "orphan",
        "AM-WSK-025",
        at_server(frame(TEXT, b"a"), frame(0, b"b")),
        at_server(frame(TEXT, b"a", 0), frame(0, b"b")),
    )
    wrong(
        "continuation that is not final, first",
        "orphan",
        "AM-WSK-025",
        at_server(frame(0, b"", 0), frame(0, b"b")),
        at_server(frame(TEXT, b"", 0), frame(0, b"b")),
    )
    wrong(
        "text inside a text message",
        "interleaved",
        "AM-WSK-026",
        at_server(frame(TEXT, b"a", 0), frame(TEXT, b"b")),
        at_server(frame(TEXT, b"a", 0), frame(0, b"b")),
    )
    wrong(
        "binary inside a text message",
        "interleaved",
        "AM-WSK-026",
        at_server(frame(TEXT, b"c", 0), frame(BINARY, b"d")),
        at_server(frame(TEXT, b"c", 0), frame(0, b"d")),
    )
    plain = bytes(4)
    for comment, bad, good in (
        ("lone continuation byte", b"a\x80", b"a\x20"),
        ("overlong slash", b"\xc0\xaf", b"\xc2\xaf"),
        ("surrogate", b"\xed\xa0\x80", b"\xed\x9f\x80"),
        ("above U+10FFFF", b"\xf4\x90\x80\x80", b"\xf4\x8f\x80\x80"),
        ("overlong of four bytes", b"\xf0\x80\x80\x80", b"\xf0\x90\x80\x80"),
        ("byte FE", b"\xfe", b"\x7e"),
        ("cut character at the end", b"caf\xc3", b"caf\xc3\xa9"),
        ("Latin-1", b"caf\xe9!", b"caf\x65!"),
    ):
        wrong(
            f"text with {comment}",
            "utf-8",
            "AM-WSK-027",
            at_server(frame(TEXT, bad, key=plain)),
            at_server(frame(TEXT, good, key=plain)),
            1007,
        )
    wrong(
        "character broken across fragments",
        "utf-8",
        "AM-WSK-027",
        at_server(frame(TEXT, b"\xe2\x82", 0, plain), frame(0, b"\x28", 1, plain)),
        at_server(frame(TEXT, b"\xe2\x82", 0, plain), frame(0, b"\xac", 1, plain)),
        1007,
    )
    wrong(
        "fault in the first fragment, none behind it",
        "utf-8",
        "AM-WSK-027",
        at_server(frame(TEXT, b"\xed\xa0", 0, plain), frame(0, b"\x80", 1, plain)),
        at_server(frame(TEXT, b"\xed\x9f", 0, plain), frame(0, b"\x80", 1, plain)),
        1007,
    )
    wrong("length 5 in sixteen bits", "length-form", "AM-WSK-029", at_server(frame(TEXT, b"Hello", form=16)), hello)
    wrong(
        "length 125 in sixteen bits",
        "length-form",
        "AM-WSK-029",
        at_server(frame(TEXT, b"*" * 125, form=16)),
        at_server(frame(TEXT, b"*" * 125)),
    )
    wrong("length 5 in sixty-four bits", "length-form", "AM-WSK-029", at_server(frame(TEXT, b"Hello", form=64)), hello)
    wrong(
        "length 300 in sixty-four bits",
        "length-form",
        "AM-WSK-029",
        at_server(frame(TEXT, b"*" * 300, form=64)),
        at_server(frame(TEXT, b"*" * 300)),
    )
    header_64 = lambda size: frame(BINARY, b"*" * 300, form=64)[:2] + size.to_bytes(8, "big")
    wrong(
        "length with its highest bit set",
        "length-sign",
        "AM-WSK-028",
        at_server(header_64(1 << 63)),
        at_server(frame(BINARY, b"*" * 125)),
    )
    wrong(
        "length of all ones",
        "length-sign",
        "AM-WSK-028",
        at_server(header_64((1 << 64) - 1)),
        at_server(frame(BINARY, b"*" * 125)),
    )
    for comment, bad, good in (
        ("one byte", b"\x03", b""),
        ("code 0", close(0), close(1000)),
        ("code 999", close(999), close(1000)),
        ("code 1004", close(1004), close(1003)),
        ("code 1005", close(1005), close(1003)),
        ("code 1006", close(1006), close(1003)),
        ("code 1015", close(1015), close(1014)),
        ("code 1016", close(1016), close(1014)),
        ("code 2999", close(2999), close(3000)),
        ("code 5000", close(5000), close(4999)),
        ("code 65535", close(65535), close(4999)),
    ):
        wrong(
            f"Close with {comment}",
            "close-code",
            "AM-WSK-042",
            at_server(frame(CLOSE, bad)),
            at_server(frame(CLOSE, good)),
        )
    wrong(
        "Close with a reason that is not UTF-8",
        "utf-8",
        "AM-WSK-027",
        at_server(frame(CLOSE, close(1000, b"\xff"), key=plain)),
        at_server(frame(CLOSE, close(1000, b"\x7f"), key=plain)),
        1007,
    )

    small = f.group("ws.receive", "chosen by hand", heard, message_bytes=16, fragments=3)

    def over(comment, flag, clause, bad, good):
        small.reject("limit", comment, [flag], bad, good, intermediate={"code": 1009, "clause": clause})

    over(
        "one byte over the size, in one frame",
        "size",
        "AM-LIM-004",
        at_server(frame(BINARY, b"\0" * 17, key=plain)),
        at_server(frame(BINARY, b"\0" * 16, key=plain)),
    )
    over(
        "header alone of a message over the size",
        "size",
        "AM-LIM-004",
        at_server(frame(BINARY, b"\0" * 300, key=plain)[:8]),
        at_server(frame(BINARY, b"", key=plain)),
    )
    over(
        "one byte over the size, in the last of two fragments",
        "size",
        "AM-LIM-004",
        at_server(frame(BINARY, b"\0" * 10, 0, plain), frame(0, b"\0" * 7, 1, plain)),
        at_server(frame(BINARY, b"\0" * 10, 0, plain), frame(0, b"\0" * 6, 1, plain)),
    )
    over(
        "one fragment too many, all empty",
        "fragments",
        "AM-LIM-005",
        at_server(frame(TEXT, b"", 0), frame(0, b"", 0), frame(0, b"", 0), frame(0)),
        at_server(frame(TEXT, b"", 0), frame(0, b"", 0), frame(0)),
    )
    small.accept(
        "fragments are counted for each message anew",
        ["fragments"],
        at_server(*(frame(TEXT, b"a", 0), frame(0, b"b", 0), frame(0, b"c")) * 2),
    )
    small.accept("the size is counted for each message anew", ["size"], at_server(*(frame(TEXT, b"*" * 16),) * 2))
    small.accept(
        "control frames count neither as size nor as fragments",
        ["size", "fragments"],
        at_server(
            frame(TEXT, b"*" * 8, 0),
            frame(PING, b"x" * 125),
            frame(0, b"*" * 4, 0),
            frame(PONG, b"x" * 125),
            frame(0, b"*" * 4),
        ),
    )
    return f


# --- handshakes -----------------------------------------------------------------------------------------

NONCE = b"the sample nonce"
SAMPLE = base64.b64encode(NONCE).decode()


def accept_value(key):
    return base64.b64encode(hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()


def request(
    start="GET /v1 HTTP/1.1",
    host="Host: relay.example",
    upgrade="Upgrade: websocket",
    connection="Connection: Upgrade",
    key=f"Sec-WebSocket-Key: {SAMPLE}",
    version="Sec-WebSocket-Version: 13",
    more="",
):
    return "".join(line + "\r\n" for line in (start, host, upgrade, connection, key, version) if line) + more + "\r\n"


def answer(
    status="101 Switching Protocols",
    upgrade="Upgrade: websocket",
    connection="Connection: Upgrade",
    accept=f"Sec-WebSocket-Accept: {accept_value(SAMPLE)}",
    more="",
):
    return (
        f"HTTP/1.1 {status}\r\n"
        + "".join(line + "\r\n" for line in (upgrade, connection, accept) if line)
        + more
        + "\r\n"
    )


def fields_of(head):
    return [(n.lower(), v.strip(" \t")) for n, v in (line.split(":", 1) for line in head.split("\r\n")[1:] if line)]


def served(i):
    """What a server makes of a request without fault."""
    head = i["request"]
    fields = fields_of(head)
    path = head.split(" ")[1].split("?")[0].removeprefix("http://relay.example")
    if path in ("/health", "/metrics"):
        return {}, {"decision": "plain", "path": path}
    key = dict(fields)["sec-websocket-key"]
    offers = [o.strip() for n, v in fields if n == "sec-websocket-protocol" for o in v.split(",")]
    chosen = next((p for p in i.get("subprotocols", []) if p in offers), "")
    more = f"Sec-WebSocket-Protocol: {chosen}\r\n" if chosen else ""
    return {}, {
        "decision": "upgrade",
        "path": path,
        "answer": answer(accept=f"Sec-WebSocket-Accept: {accept_value(key)}", more=more),
    }


def handshakes(ledger):
    f = VectorFile(ledger, "ws", "handshake")
    f.note(
        "valid",
        ["AM-WSK-001", "AM-WSK-002", "AM-WSK-003", "AM-WSK-004", "AM-WSK-005", "AM-WSK-014"],
        "a server that is too strict, or computes another accept value",
        "correct clients cannot connect",
    )
    f.note("key", ["AM-WSK-002"], "any text passes as a key", "requests made by a form or a script pass as WebSocket")
    f.note(
        "version",
        ["AM-WSK-003", "AM-WSK-004"],
        "another version is spoken as if it were 13",
        "two ends frame differently",
    )
    f.note(
        "host",
        ["AM-WSK-005"],
        "the first or the last of two hosts wins",
        "a proxy routes to one and the server answers for another",
    )
    f.note(
        "framing",
        ["AM-WSK-006"],
        "a request has two lengths",
        "what one reads as a body the next reads as a request",
        ["RFC 9112 section 11.2"],
    )
    f.note("line-end", ["AM-WSK-007"], "a bare CR or LF ends a line", "one head is two requests")
    f.note(
        "syntax",
        [],
        "a head outside the grammar is repaired instead of refused",
        "two readers see two heads",
        ["RFC 9112"],
    )
    f.note("limit", ["AM-WSK-008"], "a head without bound is collected", "memory and time at the peer's mercy")
    f.note(
        "origin",
        ["AM-WSK-010"],
        "any page may connect with its visitor's network position",
        "cross-site WebSocket hijacking",
    )
    f.note(
        "offer",
        ["AM-WSK-011", "AM-WSK-012"],
        "an extension or subprotocol is agreed to by accident",
        "decompression bombs, or two ends that speak differently",
    )
    f.note(
        "not-upgrade",
        ["AM-WSK-016"],
        "something that is no upgrade is answered 101",
        "request smuggling through proxies",
    )
    f.note(
        "early",
        ["AM-WSK-017"],
        "bytes that came with the request are read as frames",
        "a smuggled request becomes a session",
    )
    f.note("path", [], "a path kept for another profile is served", "two protocols on one path", ["design ruling 30"])
    f.note(
        "accept-value",
        ["AM-WSK-014"],
        "the client believes an answer made for another",
        "a cache or a plain echo passes as a relay",
    )
    f.note(
        "unoffered", ["AM-WSK-015"], "the client follows what it never offered", "window bits of 7 crash a decompressor"
    )
    f.note(
        "answer",
        [],
        "the client takes an answer outside the grammar",
        "it talks WebSocket to something else",
        ["RFC 6455 section 4.1"],
    )

    rfc = f.group("ws.request", "RFC 6455 section 1.2", served)
    rfc.accept(
        "example of the RFC",
        ["valid"],
        {
            "request": "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://example.com\r\n"
            "Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Version: 13\r\n\r\n",
            "origins": ["http://example.com"],
            "subprotocols": ["chat"],
        },
    )

    g = f.group("ws.request", "chosen by hand", served)
    asked = lambda *args, **kw: {"request": request(*args, **kw)}
    base = g.accept("nothing but what is needed", ["valid"], asked())
    for comment, head in (
        ("names in other cases", asked(upgrade="UPGRADE: WebSocket", connection="connection: upgrade")),
        ("Connection with several tokens", asked(connection="Connection: keep-alive, Upgrade")),
        ("Connection in two fields", asked(connection="Connection: keep-alive\r\nConnection: Upgrade")),
        ("Upgrade with several protocols", asked(upgrade="Upgrade: h2c, websocket")),
        ("white space around values", asked(host="Host: \t relay.example \t")),
        ("no space after a colon", asked(host="Host:relay.example")),
        ("query", asked("GET /v1?token=a%20b HTTP/1.1")),
        ("root path", asked("GET / HTTP/1.1")),
        ("path that begins with the reserved one", asked("GET /wss HTTP/1.1")),
        ("absolute form", asked("GET http://relay.example/v1 HTTP/1.1")),
        ("host with a port", asked(host="Host: relay.example:8443")),
        ("IPv6 host", asked(host="Host: [::1]:8443")),
        ("empty field value", asked(more="X-Empty:\r\n")),
        ("opaque bytes in a value", asked(more="User-Agent: caf\u00e9\r\n")),
        ("another key", asked(key="Sec-WebSocket-Key: " + base64.b64encode(bytes(16)).decode())),
        ("Content-Length of zero", asked(more="Content-Length: 0\r\n")),
    ):
        g.accept(comment, ["valid"], head)
    for comment, offer in (
        ("permessage-deflate", "permessage-deflate"),
        ("permessage-deflate with parameters", "permessage-deflate; client_max_window_bits; server_max_window_bits=10"),
        ("several offers of deflate", "permessage-deflate; server_no_context_takeover, permessage-deflate"),
        ("unknown extension", 'x-unknown; a="b, c"'),
    ):
        g.accept(f"extension offered: {comment}", ["offer"], asked(more=f"Sec-WebSocket-Extensions: {offer}\r\n"))
    g.accept(
        "subprotocol offered to a server that speaks none", ["offer"], asked(more="Sec-WebSocket-Protocol: chat\r\n")
    )
    g.accept(
        "best of our subprotocols is chosen",
        ["offer"],
        {**asked(more="Sec-WebSocket-Protocol: v1, v2\r\n"), "subprotocols": ["v3", "v2", "v1"]},
    )
    g.accept(
        "no common subprotocol", ["offer"], {**asked(more="Sec-WebSocket-Protocol: v1\r\n"), "subprotocols": ["v2"]}
    )
    g.accept("health over plain HTTP", ["path"], {"request": "GET /health HTTP/1.1\r\nHost: relay.example\r\n\r\n"})
    g.accept("metrics over HTTP/1.0 without a host", ["path"], {"request": "HEAD /metrics HTTP/1.0\r\n\r\n"})
    g.accept("upgrade on a plain path is ignored", ["path"], asked("GET /health HTTP/1.1"))

    def no(why, status, clause, comment, flag, bad, good=None, extra=None):
        twin = base if good is None else {**{"request": good}, **(extra or {})}
        g.reject(
            why,
            comment,
            [flag],
            {"request": bad, **(extra or {})},
            twin,
            intermediate={"status": status, "clause": clause},
        )

    for comment, key in (
        ("no key", ""),
        ("empty key", "Sec-WebSocket-Key:"),
        ("key without padding", f"Sec-WebSocket-Key: {SAMPLE[:-2]}"),
        ("key of 15 bytes", "Sec-WebSocket-Key: " + base64.b64encode(NONCE[:15]).decode()),
        ("key of 17 bytes", "Sec-WebSocket-Key: " + base64.b64encode(NONCE + b"!").decode()),
        ("key with stray bits", f"Sec-WebSocket-Key: {SAMPLE[:-3]}R=="),
        ("two keys", f"Sec-WebSocket-Key: {SAMPLE}\r\nSec-WebSocket-Key: {SAMPLE}"),
    ):
        no("parse", 400, "AM-WSK-002", comment, "key", request(key=key))
    for version in ("0", "8", "12", "14", "130", "013", "13, 12"):
        no(
            "version",
            426,
            "AM-WSK-004",
            f"version {version}",
            "version",
            request(version=f"Sec-WebSocket-Version: {version}"),
        )
    no("parse", 400, "AM-WSK-003", "no version", "version", request(version=""))
    no(
        "parse",
        400,
        "AM-WSK-003",
        "two versions",
        "version",
        request(version="Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13"),
    )
    no("parse", 400, "AM-WSK-005", "two hosts", "host", request(host="Host: relay.example\r\nHost: other.example"))
    no("parse", 400, "AM-WSK-005", "one host twice", "host", request(host="Host: relay.example\r\nhost: relay.example"))
    no("parse", 400, "", "no host", "syntax", request(host=""))
    no("parse", 400, "", "empty host", "syntax", request(host="Host:"))
    no("parse", 400, "", "host with a path", "syntax", request(host="Host: relay.example/v1"))
    no(
        "parse",
        400,
        "AM-WSK-006",
        "Content-Length and Transfer-Encoding",
        "framing",
        request(more="Content-Length: 0\r\nTransfer-Encoding: chunked\r\n"),
        request(more="Content-Length: 0\r\n"),
    )
    no("parse", 400, "", "Transfer-Encoding alone", "syntax", request(more="Transfer-Encoding: chunked\r\n"))
    no("parse", 400, "", "a body", "syntax", request(more="Content-Length: 5\r\n"))
    no(
        "parse",
        400,
        "",
        "two Content-Lengths",
        "syntax",
        request(more="Content-Length: 0\r\nContent-Length: 0\r\n"),
        request(more="Content-Length: 0\r\n"),
    )
    no(
        "parse",
        400,
        "AM-WSK-007",
        "bare LF after the request line",
        "line-end",
        request().replace("HTTP/1.1\r\n", "HTTP/1.1\n"),
    )
    no(
        "parse",
        400,
        "AM-WSK-007",
        "bare LF after a field",
        "line-end",
        request().replace("websocket\r\n", "websocket\n"),
    )
    no("parse", 400, "AM-WSK-007", "bare LF ends the head", "line-end", request()[:-2] + "\n")
    no(
        "parse",
        400,
        "AM-WSK-007",
        "bare CR in a value",
        "line-end",
        request(host="Host: relay\rexample"),
        request(host="Host: relayexample"),
    )
    no(
        "parse",
        400,
        "AM-WSK-007",
        "two CRs before LF",
        "line-end",
        request().replace("websocket\r\n", "websocket\r\r\n"),
    )
    for comment, line, good in (
        ("folded line", "X-A: b\r\n c", "X-A: b c"),
        ("field that begins with a space", " X-A: b", "X-A: b"),
        ("space before the colon", "X-A : b", "X-A: b"),
        ("field without a colon", "X-A b", "X-A: b"),
        ("field without a name", ": b", "X: b"),
        ("name beyond ASCII", "X-\u00c4: b", "X-A: b"),
        ("name in parentheses", "X(A: b", "XA: b"),
        ("NUL in a value", "X-A: b\x00", "X-A: b"),
        ("DEL in a value", "X-A: b\x7f", "X-A: b"),
    ):
        no("parse", 400, "", comment, "syntax", request(more=line + "\r\n"), request(more=good + "\r\n"))
    for comment, start, good in (
        ("two spaces after the method", "GET  /v1 HTTP/1.1", None),
        ("trailing space", "GET /v1 HTTP/1.1 ", None),
        ("no version in the request line", "GET /v1", None),
        ("HTTP/2.0", "GET /v1 HTTP/2.0", None),
        ("lower-case protocol", "GET /v1 http/1.1", None),
        ("asterisk form", "GET * HTTP/1.1", "GET / HTTP/1.1"),
        ("authority form", "GET relay.example:80 HTTP/1.1", "GET /relay.example:80 HTTP/1.1"),
        ("fragment in the target", "GET /v1#x HTTP/1.1", "GET /v1x HTTP/1.1"),
        ("target beyond ASCII", "GET /v\u00fc HTTP/1.1", "GET /vu HTTP/1.1"),
        ("quote in the target", 'GET /v1" HTTP/1.1', None),
    ):
        no("parse", 400, "", comment, "syntax", request(start), request(good) if good else None)
    no("parse", 400, "", "empty line first", "syntax", "\r\n" + request())
    no("limit", 431, "AM-WSK-008", "101 fields", "limit", request(more="X: y\r\n" * 96), request(more="X: y\r\n" * 95))
    long_lines = "".join(f"X-{n}: " + "y" * 4000 + "\r\n" for n in range(3))
    room = 16384 - len(request(more=long_lines + "X-3: \r\n").encode())
    no(
        "limit",
        431,
        "AM-WSK-008",
        "head of 16,385 bytes",
        "limit",
        request(more=long_lines + "X-3: " + "y" * (room + 1) + "\r\n"),
        request(more=long_lines + "X-3: " + "y" * room + "\r\n"),
    )
    page = "Origin: https://app.example\r\n"
    no("policy", 403, "AM-WSK-010", "origin where none is allowed", "origin", request(more=page), request())
    for comment, value in (
        ("foreign origin", "https://evil.example"),
        ("origin that begins with an allowed one", "https://app.example.evil.example"),
        ("null origin", "null"),
        ("allowed origin on another scheme", "http://app.example"),
        ("allowed origin with a port", "https://app.example:8443"),
    ):
        no(
            "policy",
            403,
            "AM-WSK-010",
            comment,
            "origin",
            request(more=f"Origin: {value}\r\n"),
            request(more=page),
            {"origins": ["https://app.example"]},
        )
    g.accept(
        "any origin where all are allowed",
        ["origin"],
        {"request": request(more="Origin: https://any.example\r\n"), "origins": ["*"]},
    )
    for comment, offer, good in (
        ("subprotocol with a space", "a b", "a"),
        ("subprotocol beyond ASCII", "caf\u00e9", "cafe"),
        ("empty subprotocol", "a,,b", "a,b"),
        ("subprotocol twice", "a,b,a", "a,b"),
    ):
        no(
            "parse",
            400,
            "",
            comment,
            "syntax",
            request(more=f"Sec-WebSocket-Protocol: {offer}\r\n"),
            request(more=f"Sec-WebSocket-Protocol: {good}\r\n"),
        )
    no("policy", 405, "AM-WSK-016", "POST", "not-upgrade", request("POST /v1 HTTP/1.1"))
    no("policy", 405, "AM-WSK-016", "lower-case method", "not-upgrade", request("get /v1 HTTP/1.1"))
    no("parse", 400, "AM-WSK-016", "no Upgrade", "not-upgrade", request(upgrade=""))
    no("parse", 400, "AM-WSK-016", "Upgrade to something else", "not-upgrade", request(upgrade="Upgrade: h2c"))
    no("parse", 400, "AM-WSK-016", "no Connection", "not-upgrade", request(connection=""))
    no(
        "parse",
        400,
        "AM-WSK-016",
        "Connection without upgrade",
        "not-upgrade",
        request(connection="Connection: keep-alive"),
    )
    no("parse", 400, "AM-WSK-016", "HTTP/1.0", "not-upgrade", request("GET /v1 HTTP/1.0"))
    no(
        "version",
        426,
        "AM-WSK-016",
        "plain GET where WebSocket is spoken",
        "not-upgrade",
        "GET / HTTP/1.1\r\nHost: relay.example\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: relay.example\r\n\r\n",
    )
    no("policy", 404, "", "reserved path", "path", request("GET /ws HTTP/1.1"))
    no(
        "policy",
        404,
        "",
        "reserved path with a query",
        "path",
        request("GET /ws?x HTTP/1.1"),
        request("GET /v1?x HTTP/1.1"),
    )
    no("parse", 400, "AM-WSK-017", "frame sent with the request", "early", request() + "\u0001\u0000")
    no("parse", 400, "AM-WSK-017", "second request sent with the first", "early", request() + request())

    c = f.group(
        "ws.answer",
        "chosen by hand; the accept value is that of RFC 6455 section 1.3",
        lambda i: ({}, {"subprotocol": ""}),
        nonce=NONCE.hex(),
    )
    reply = lambda *args, **kw: {"offered": "", "answer": answer(*args, **kw)}
    good = c.accept("answer with nothing but what is needed", ["valid"], reply())
    c.accept(
        "other cases and another reason phrase",
        ["valid"],
        reply("101 Web Socket Protocol Handshake", "upgrade: WEBSOCKET", "CONNECTION: keep-alive, upgrade"),
    )
    c.accept("fields that do not matter", ["valid"], reply(more="Server: x\r\nDate: now\r\n"))
    chosen = f.group("ws.answer", "chosen by hand", lambda i: ({}, {"subprotocol": "v2"}), nonce=NONCE.hex())
    both = lambda name: {"offered": "v1, v2", "answer": answer(more=f"Sec-WebSocket-Protocol: {name}\r\n")}
    chosen.accept("one of the offered subprotocols", ["valid"], both("v2"))
    chosen.reject(
        "policy",
        "subprotocol that was not offered",
        ["unoffered"],
        both("v3"),
        both("v2"),
        intermediate={"clause": "AM-WSK-015"},
    )
    chosen.reject(
        "policy", "two subprotocols", ["unoffered"], both("v1, v2"), both("v2"), intermediate={"clause": "AM-WSK-015"}
    )

    def refuse(why, clause, comment, flag, bad):
        c.reject(why, comment, [flag], bad, good, intermediate={"clause": clause})

    wrong = accept_value(base64.b64encode(bytes(16)).decode())
    refuse(
        "auth",
        "AM-WSK-014",
        "accept value of another key",
        "accept-value",
        reply(accept=f"Sec-WebSocket-Accept: {wrong}"),
    )
    refuse(
        "auth",
        "AM-WSK-014",
        "accept value in lower case",
        "accept-value",
        reply(accept=f"Sec-WebSocket-Accept: {accept_value(SAMPLE).lower()}"),
    )
    refuse("auth", "AM-WSK-014", "no accept value", "accept-value", reply(accept=""))
    refuse(
        "auth",
        "AM-WSK-014",
        "the key itself as accept value",
        "accept-value",
        reply(accept=f"Sec-WebSocket-Accept: {SAMPLE}"),
    )
    refuse(
        "auth",
        "AM-WSK-014",
        "two accept values",
        "accept-value",
        reply(accept=f"Sec-WebSocket-Accept: {accept_value(SAMPLE)}\r\nSec-WebSocket-Accept: {accept_value(SAMPLE)}"),
    )
    refuse(
        "policy",
        "AM-WSK-015",
        "extension that was not offered",
        "unoffered",
        reply(more="Sec-WebSocket-Extensions: permessage-deflate\r\n"),
    )
    refuse(
        "policy",
        "AM-WSK-015",
        "window bits of 7",
        "unoffered",
        reply(more="Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=7\r\n"),
    )
    refuse(
        "policy",
        "AM-WSK-015",
        "subprotocol that was never spoken of",
        "unoffered",
        reply(more="Sec-WebSocket-Protocol: chat\r\n"),
    )
    refuse("parse", "", "no Upgrade in the answer", "answer", reply(upgrade=""))
    refuse("parse", "", "Upgrade to something else in the answer", "answer", reply(upgrade="Upgrade: h2c"))
    refuse("parse", "", "no Connection in the answer", "answer", reply(connection=""))
    refuse("parse", "", "status 200", "answer", reply("200 OK"))
    refuse("parse", "", "redirect", "answer", reply("302 Found"))
    refuse("policy", "", "status 403", "answer", reply("403 Forbidden"))
    refuse("version", "", "status 426", "answer", reply("426 Upgrade Required"))
    refuse("parse", "", "status of four digits", "answer", reply("1010 Switching Protocols"))
    refuse(
        "parse",
        "AM-WSK-007",
        "bare LF in the answer",
        "answer",
        {"offered": "", "answer": answer().replace("websocket\r\n", "websocket\n")},
    )
    refuse(
        "parse", "", "answer in HTTP/1.0", "answer", {"offered": "", "answer": answer().replace("HTTP/1.1", "HTTP/1.0")}
    )
    refuse(
        "parse",
        "",
        "folded line in the answer",
        "answer",
        {"offered": "", "answer": answer().replace("Upgrade: websocket", "Upgrade:\r\n websocket")},
    )
    return f


def files(ledger):
    return [frames(ledger), handshakes(ledger)]
