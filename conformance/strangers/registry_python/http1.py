"""HTTP/1.1 over asyncio streams: RFC 9112, as strictly as SPEC.md has it. Nothing here knows what is asked."""

import asyncio
import contextlib
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

MAX_HEAD, MAX_FIELDS = 16 * 1024, 100
MAX_BODY, MAX_TRAILER = 262_144, 8_192
HEAD_TIME, BODY_TIME, IDLE_TIME = 10, 20, 60  # seconds

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
VALUE = r"(?:[\x21-\x7e\x80-\xff]+(?:[ \t]+[\x21-\x7e\x80-\xff]+)*)?"
FIELD = re.compile(rf"({TOKEN.pattern}):[ \t]*({VALUE})[ \t]*")
HOST = re.compile(r"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
REASONS = {
    200: "OK", 201: "Created", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout", 409: "Conflict", 413: "Content Too Large", 415: "Unsupported Media Type",
    429: "Too Many Requests", 431: "Request Header Fields Too Large", 500: "Internal Server Error",
    501: "Not Implemented", 503: "Service Unavailable", 505: "HTTP Version Not Supported",
}


class Malformed(Exception):
    """What cannot be read as a request: answered, and then nothing more is read from this connection."""

    def __init__(self, status, message, clause):
        super().__init__(message)
        self.status, self.message, self.clause = status, message, clause


@dataclass
class Request:
    method: str
    host: str
    raw_path: str  # as sent, still encoded: what proofs are made over
    raw_query: str
    segments: list  # decoded parts of the path
    query: dict  # decoded; a name that comes twice has None
    fields: dict  # lower-case name -> list of values
    body: bytes
    keep: bool

    def field(self, name):
        """The one value of a field, or None if it is there not exactly once."""
        values = self.fields.get(name, [])
        return values[0] if len(values) == 1 else None


@dataclass
class Answer:
    status: int
    body: bytes
    content_type: str = "application/json"
    fields: tuple = ()


def percent(text, *, plus):
    """Decodes %XX, and + as a space in queries. Malformed on what no honest client sends."""
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        raise Malformed(400, "a percent sign without two digits", "AM-HTP-006")
    raw = re.sub(rb"%([0-9A-Fa-f]{2})", lambda m: bytes.fromhex(m[1].decode()), text.replace("+", " ").encode("latin-1")
                 if plus else text.encode("latin-1"))
    if any(byte < 32 or byte == 127 for byte in raw):
        raise Malformed(400, "a control character in the target", "AM-HTP-006")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed(400, "the target is not UTF-8", "AM-HTP-006") from None


def read_target(target):
    """Path and query of a request target, in the two forms that a server has to know."""
    if target.startswith("/"):
        path, _, query = target.partition("?")
    elif re.match(r"https?://", target, re.I):
        parts = urlsplit(target)
        path, query = parts.path or "/", parts.query
    else:
        raise Malformed(400, "the target is no path", "AM-REG-001")
    segments = []
    for segment in path.split("/")[1:]:
        decoded = percent(segment, plus=False)
        if "/" in decoded:
            raise Malformed(400, "an encoded slash", "AM-HTP-006")
        segments.append(decoded)
    members = {}
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        name = percent(name, plus=True)
        value = percent(value, plus=True)
        members[name] = None if name in members else value
    return path, query, segments, members


def read_head(head):
    """Method, target, minor version and fields of a head that ends in its empty line."""
    lines = head.decode("latin-1").split("\r\n")[:-2]
    if "\r" in "".join(lines) or "\n" in "".join(lines):
        raise Malformed(400, "a line that does not end in CR LF", "AM-WSK-007")
    parts = lines[0].split(" ")
    if len(parts) != 3 or not TOKEN.fullmatch(parts[0]) or not re.fullmatch(r"[\x21-\x7e]+", parts[1]):
        raise Malformed(400, "no request line", "AM-WSK-007")
    version = re.fullmatch(r"HTTP/(\d)\.(\d)", parts[2])
    if not version:
        raise Malformed(400, "no version of HTTP", "AM-WSK-007")
    if version[1] != "1":
        raise Malformed(505, "HTTP/1 only", "AM-HTP-001")
    if len(lines) - 1 > MAX_FIELDS:
        raise Malformed(431, "too many fields", "AM-WSK-008")
    fields = {}
    for line in lines[1:]:
        match = FIELD.fullmatch(line)
        if not match:
            raise Malformed(400, "a field that is none", "AM-WSK-007")
        fields.setdefault(match[1].lower(), []).append(match[2])
    minor = int(version[2])
    hosts = fields.get("host", [])
    if len(hosts) > 1 or (minor >= 1 and not hosts) or (hosts and not HOST.fullmatch(hosts[0])):
        raise Malformed(400, "not one host", "AM-WSK-005")
    return parts[0], parts[1], minor, fields


def framing(fields, minor):
    """The length of the body, or None for chunks."""
    lengths, codings = fields.get("content-length", []), fields.get("transfer-encoding", [])
    if codings:
        if lengths or minor == 0 or [coding.lower() for coding in codings] != ["chunked"]:
            raise Malformed(400, "a body whose end is uncertain", "AM-HTP-001")
        return None
    if len(lengths) > 1 or (lengths and not re.fullmatch(r"[0-9]+", lengths[0])):
        raise Malformed(400, "a length that is none", "AM-HTP-001")
    return int(lengths[0]) if lengths and len(lengths[0]) < 20 else (MAX_BODY + 1 if lengths else 0)


@contextlib.asynccontextmanager
async def in_time(seconds, clause):
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise Malformed(408, "too slow", clause) from None


async def read_line(reader, most):
    try:
        line = await reader.readuntil(b"\n")
    except asyncio.LimitOverrunError:
        raise Malformed(400, "a line without end", "AM-HTP-002") from None
    if len(line) > most or not line.endswith(b"\r\n") or b"\r" in line[:-2]:
        raise Malformed(400, "a line that does not end in CR LF", "AM-HTP-002")
    return line[:-2]


async def read_chunks(reader):
    body = b""
    while True:
        size = await read_line(reader, 10)
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", size):
            raise Malformed(400, "the size of a chunk", "AM-HTP-002")
        size = int(size, 16)
        if len(body) + size > MAX_BODY:
            raise Malformed(413, "a body over the limit", "AM-HTP-003")
        if size == 0:
            break
        body += await reader.readexactly(size)
        if await reader.readexactly(2) != b"\r\n":
            raise Malformed(400, "a chunk longer than its size", "AM-HTP-002")
    trailer = 0
    while True:
        line = await read_line(reader, MAX_TRAILER + 2)
        if not line:
            return body
        trailer += len(line) + 2
        if trailer > MAX_TRAILER:
            raise Malformed(431, "too many trailer fields", "AM-HTP-003")
        if not FIELD.fullmatch(line.decode("latin-1")):
            raise Malformed(400, "a trailer field that is none", "AM-HTP-002")


class Connection:
    """One client: requests are read, answered and forgotten, one after the other."""

    def __init__(self, reader, writer, answer, refuse):
        self.reader, self.writer, self.answer, self.refuse = reader, writer, answer, refuse

    async def head(self):
        """The bytes up to the empty line; None if the client has nothing more to say."""
        first = await asyncio.wait_for(self.reader.read(1), IDLE_TIME)
        if not first:
            return None
        async with in_time(HEAD_TIME, "AM-HTP-004"):
            head = first
            while not head.endswith(b"\r\n\r\n"):
                try:
                    head += await self.reader.readuntil(b"\n")
                except asyncio.LimitOverrunError:
                    raise Malformed(431, "a head over the limit", "AM-WSK-008") from None
                if head == b"\r\n":  # RFC 9112 section 2.2: one empty line before a request is passed over
                    head = b""
                elif not head.endswith(b"\r\n"):
                    raise Malformed(400, "a line that does not end in CR LF", "AM-WSK-007")
                if len(head) > MAX_HEAD:
                    raise Malformed(431, "a head over the limit", "AM-WSK-008")
            return head

    async def request(self):
        head = await self.head()
        if head is None:
            return None
        method, target, minor, fields = read_head(head)
        length = framing(fields, minor)
        if length is not None and length > MAX_BODY:
            raise Malformed(413, "a body over the limit", "AM-HTP-003")
        path, query, segments, members = read_target(target)
        expected = [value.lower() for value in fields.get("expect", [])]
        if expected == ["100-continue"] and length != 0 and minor >= 1:
            self.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        async with in_time(BODY_TIME, "AM-HTP-004"):
            body = await read_chunks(self.reader) if length is None else await self.reader.readexactly(length)
        words = {word.strip().lower() for value in fields.get("connection", []) for word in value.split(",")}
        keep = "close" not in words and (minor >= 1 or "keep-alive" in words)
        host = fields.get("host", [""])[0].lower()
        return Request(method, host, path, query, segments, members, fields, body, keep)

    async def write(self, answer, keep, without_body=False):
        lines = [f"HTTP/1.1 {answer.status} {REASONS[answer.status]}", f"Content-Type: {answer.content_type}",
                 f"Content-Length: {len(answer.body)}", f"Connection: {'keep-alive' if keep else 'close'}",
                 *answer.fields]
        self.writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + (b"" if without_body else answer.body))
        async with asyncio.timeout(BODY_TIME):
            await self.writer.drain()

    async def serve(self):
        try:
            keep = True
            while keep:
                try:
                    request = await self.request()
                    if request is None:
                        break
                    keep = request.keep
                    await self.write(self.answer(request), keep, request.method == "HEAD")
                except Malformed as why:
                    keep = False
                    await self.write(self.refuse(why), keep)
            # What has been sent reaches the client before the end does, even if it is still writing.
            self.writer.write_eof()
            async with asyncio.timeout(1):
                while await self.reader.read(65_536):
                    pass
        except (asyncio.TimeoutError, asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self.writer.close()
