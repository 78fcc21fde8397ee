"""KNOCK, its answers, message frames, notices, whole sessions and the two shapes of dialect v02: area KNK."""

from . import Refused, agent, curve, jsontext, kex, ratchet, rfc3339
from .bytes import (
    b64u,
    hkdf,
    is_text,
    label,
    lp,
    member,
    open_sealed,
    public,
    read_b64u,
    read_object,
    seal,
    sha256,
    signed_bytes,
    typed,
    u32,
    verify,
    whole,
    without_signature,
)
from .text import read_base64, read_hex, write_base64

SECOND = 10**9
SIZES = (512, 1024, 2048, 4096, 8192)
HEAD, TAG = 227, 16
KNOCK_NONCE = ACCEPT_NONCE = bytes(12)
REJECT_NONCE = bytes(11) + b"\x01"
REASONS = (
    "rejected",
    "blocked",
    "insufficient_trust",
    "rate_limited",
    "intent_not_accepted",
    "not_in_allowlist",
    "low_reputation",
    "at_capacity",
    "paused",
)
SESSIONS = ("request_response", "conversation", "stream")
URGENCIES = ("low", "normal", "high", "critical")


def padded_text(text):
    data = text.encode("utf-8")
    size = next((s for s in SIZES if len(data) <= s), None)
    if size is None:
        raise Refused("limit")
    return data + b" " * (size - len(data))


def in_window(stamp, now):
    if now - stamp > 300 * SECOND or stamp - now > 60 * SECOND:
        raise Refused("auth")


def words(owner, name, low, high):
    """A list of low to high texts of 1 to 32 bytes."""
    value = member(owner, name, "list")
    if not low <= len(value) <= high or not all(is_text(w) and 1 <= len(w.encode()) <= 32 for w in value):
        raise Refused("parse")
    return value


def amid_member(owner, name):
    value = member(owner, name, "text")
    agent.read_amid(value)
    return value


def hexadecimal(owner, name, size):
    """Written in lower case; read in either, as AM-ENC-001 says."""
    data = read_hex(member(owner, name, "text"))
    if len(data) != size:
        raise Refused("parse")
    return data.hex()


def lower_hex(owner, name, size):
    value = member(owner, name, "text")
    if len(value) != 2 * size or any(c not in "0123456789abcdef" for c in value):
        raise Refused("parse")
    return value


def time_member(owner, name="timestamp"):
    return rfc3339.read(member(owner, name, "text"))


def proof_of(owner):
    """In KNOCK and its answers a text that is no signature is one that does not verify."""
    try:
        return read_b64u(member(owner, "signature", "text"), 64)
    except Refused as why:
        if is_text(owner.get("signature")) and owner["signature"]:
            raise Refused("crypto")
        raise why


def one_of(owner, name, known):
    value = member(owner, name, "text")
    if value not in known:
        raise Refused("parse")
    return value


def read_intent(intent, most=64):
    """Its parts in order, joined for people, and the urgency."""
    parts = [member(intent, "category", "text")]
    parts += [member(intent, n, "text") for n in ("subcategory", "action") if n in intent]
    if not parts[0] or not all(len(p.encode("utf-8")) <= most for p in parts):
        raise Refused("parse")
    parts = [p for p in parts if p]  # an empty one is none
    urgency = one_of(intent, "urgency", URGENCIES) if "urgency" in intent else "normal"
    return "/".join(parts), urgency


def read_request(request):
    return {
        "type": one_of(request, "type", SESSIONS),
        "ttl_seconds": whole(request, "ttl_seconds", 1, 2**31 - 1),
        "expected_messages": whole(request, "expected_messages", 1, 2**31 - 1),
    }


# --- frames ---


def frame_kind(i, shared, now):
    if len(i["payload"]) > 65_536:
        raise Refused("limit")
    data = read_b64u(i["payload"])
    if len(data) < 2 or data[0] not in (1, 2, 3, 5) or data[1] != 1:
        raise Refused("parse")
    return {"kind": data[0]}, {}


def knock_head(i, shared, now):
    frame = bytes.fromhex(i["frame"])
    if len(frame) - HEAD - TAG not in SIZES or frame[:2] != b"\x01\x01":
        raise Refused("parse")
    flags, one = frame[2], int.from_bytes(frame[223:227], "big")
    if flags > 3 or (flags & 1) != (one != kex.NEVER):
        raise Refused("parse")
    card = kex.Card(frame[3:155])
    out = {
        "optimistic": bool(flags & 2),
        "amid": card.amid,
        "epoch": card.epoch,
        "ephemeral_key": frame[155:187].hex(),
        "ratchet_key": frame[187:219].hex(),
        "signed_prekey_id": int.from_bytes(frame[219:223], "big"),
        "one_time_prekey_id": one,
    }
    return out, {}


def knock_frame(head, key, text):
    return head + seal(key, KNOCK_NONCE, head, padded_text(text))


def knock_seal(i, shared, now):
    frame = knock_frame(bytes.fromhex(i["head"]), bytes.fromhex(i["key"]), i["text"])
    return {"frame": frame.hex()}, {"text": padded_text(i["text"]).hex()}


def knock_open(i, shared, now):
    frame = bytes.fromhex(i["frame"])
    plain = open_sealed(bytes.fromhex(i["key"]), KNOCK_NONCE, frame[:HEAD], frame[HEAD:])
    return {"text": plain.decode("utf-8").rstrip(" ")}, {}


# --- asking and answering ---


def knock_read(i, shared, now):
    knock = read_object(i["text"])
    one_of(knock, "type", ("knock",))
    one_of(knock, "protocol_version", ("agentmesh/1.0",))
    sender = amid_member(member(knock, "from", "object"), "amid")
    to = amid_member(knock, "to")
    intent, urgency = read_intent(member(knock, "intent", "object"))
    out = {"intent": intent, "urgency": urgency} | read_request(member(knock, "session_request", "object"))
    out |= {"suites": words(knock, "suites", 1, 8), "features": words(knock, "features", 0, 16)}
    out["nonce"] = hexadecimal(knock, "nonce", 16)
    stamp = time_member(knock)
    if member(knock, "signature", "text") == "":
        raise Refused("parse")
    knock_proof(knock, bytes.fromhex(shared["signing_key"]), bytes.fromhex(i["context"]))
    if sender != i["card"] or to != i["self"]:
        raise Refused("auth")
    in_window(stamp, now)
    return out, {}


def signed_form(owner):
    """Without a canonical form no signature can verify."""
    try:
        return without_signature(owner)
    except Refused:
        raise Refused("crypto")


def knock_proof(knock, key, ctx_hash):
    verify(key, "knock", signed_form(knock) + ctx_hash, proof_of(knock))


def reply_ad(head, knock_hash, card):
    return head + knock_hash + card


def reply_frame(kind, knock_hash, key, card, text):
    head = b"\x02\x01" + knock_hash[:8]
    nonce = {"accept": ACCEPT_NONCE, "reject": REJECT_NONCE}[kind]
    return head + seal(key, nonce, reply_ad(head, knock_hash, card), padded_text(text))


def reply_seal(i, shared, now):
    knock_hash, card = bytes.fromhex(i["knock_hash"]), bytes.fromhex(shared["responder_card"])
    frame = reply_frame(i["kind"], knock_hash, bytes.fromhex(i["key"]), card, i["text"])
    return {"frame": frame.hex()}, {"ad": reply_ad(frame[:10], knock_hash, card).hex()}


def reply_read(i, shared, now):
    frame, knock_hash = bytes.fromhex(i["frame"]), bytes.fromhex(shared["knock_hash"])
    if len(frame) - 10 - TAG not in SIZES or frame[:2] != b"\x02\x01" or frame[2:10] != knock_hash[:8]:
        raise Refused("parse")
    card, key = kex.Card(bytes.fromhex(shared["responder_card"])), bytes.fromhex(shared["key"])
    ad = reply_ad(frame[:10], knock_hash, card.data)
    try:
        kind, plain = "accept", open_sealed(key, ACCEPT_NONCE, ad, frame[10:])
    except Refused:
        kind, plain = "reject", open_sealed(key, REJECT_NONCE, ad, frame[10:])
    text = typed(jsontext.parse(plain), "object")

    one_of(text, "type", (kind,))
    named = read_b64u(member(text, "knock", "text"), 32)
    sender, to = amid_member(text, "from"), amid_member(text, "to")
    out = {"kind": kind}
    if kind == "accept":
        session = hexadecimal(text, "session_id", 16)
        out["suite"] = words({"suite": [member(text, "suite", "text")]}, "suite", 1, 1)[0]
        out["features"] = words(text, "features", 0, 16)
        out["ratchet_key"] = read_b64u(member(text, "ratchet_key", "text"), 32).hex()
        limits = member(text, "constraints", "object")
        names = ("max_message_size_bytes", "max_messages", "ttl_seconds")
        out["constraints"] = {n: whole(limits, n, 1, 2**31 - 1) for n in names}
    else:
        out["reason"] = member(text, "reason", "text")
        if not 1 <= len(out["reason"].encode()) <= 64:
            raise Refused("parse")
        if out["reason"] not in REASONS:
            out["reason"] = "rejected"
        if "retry_after_seconds" in text:
            out["retry_after_seconds"] = whole(text, "retry_after_seconds", 1, 2**31 - 1)
    time_member(text)
    verify(card.signing, kind, signed_form(text), proof_of(text))

    good = named == knock_hash and sender == card.amid and to == shared["initiator"]
    if kind == "accept":
        good = good and session == shared["session_id"] and out["suite"] in shared["suites"]
        good = good and set(out["features"]) <= set(shared["features"])
        good = good and out["constraints"]["ttl_seconds"] <= shared["ttl_seconds"]
        good = good and out["constraints"]["max_messages"] <= shared["expected_messages"]
    if not good:
        raise Refused("auth")
    return out, {}


def transcript_of(knock, accept):
    return sha256(label("transcript") + b"\x00" + lp(knock) + lp(accept))


def session_id_of(knock_hash, id_key):
    return hkdf(knock_hash, id_key, label("am1:session-id"), 16)


def transcript(i, shared, now):
    knock, accept = bytes.fromhex(i["knock"]), bytes.fromhex(i["accept"])
    knock_hash = sha256(knock)
    return {
        "knock_hash": knock_hash.hex(),
        "session_id": session_id_of(knock_hash, bytes.fromhex(i["id_key"])).hex(),
        "transcript": transcript_of(knock, accept).hex(),
    }, {}


# --- messages ---


def padded_size(size):
    for step, most in ((64, 1024), (512, 8192), (4096, None)):
        whole_ = (size + 1 + step - 1) // step * step
        if most is None or whole_ <= most:
            return whole_


def pad(plain):
    return (plain + b"\x80").ljust(padded_size(len(plain)), b"\x00")


def unpad(padded):
    size = len(padded.rstrip(b"\x00")) - 1
    if size < 0 or padded[size] != 0x80 or padded_size(size) != len(padded):
        raise Refused("parse")
    return padded[:size]


def frame_head(session_id, bound):
    return b"\x03\x01" + session_id + bytes([bool(bound)])


def message_frame(i, shared, now):
    head = frame_head(bytes.fromhex(i["session_id"]), i["bound"])
    cards = bytes.fromhex(shared["initiator_card"]), bytes.fromhex(shared["responder_card"])
    prefix = ratchet.am1_prefix(*cards, bytes.fromhex(i["hash"]), i["direction"], head)
    header, padded = bytes.fromhex(i["header"]), pad(bytes.fromhex(i["plain"]))
    sealed = ratchet.seal_message(
        ratchet.SUITES["am1"], bytes.fromhex(i["message_key"]), b"", prefix, header, padded
    )
    return {"frame": (head + header + sealed).hex()}, {"padded": padded.hex(), "ad": (prefix + header).hex()}


def notice_content(session_id, frame, to):
    return session_id + sha256(frame) + agent.read_amid(to)


def notice_write(i, shared, now):
    session = bytes.fromhex(i["session_id"])
    data = signed_bytes("unknown-session", notice_content(session, bytes.fromhex(i["frame"]), i["to"]))
    notice = b"\x05\x01" + session + curve.sign(bytes.fromhex(shared["seed"]), data)
    return {"notice": notice.hex()}, {"signed": data.hex()}


def notice_verify(i, shared, now):
    notice = bytes.fromhex(i["notice"])
    if len(notice) != 82 or notice[:2] != b"\x05\x01":
        raise Refused("parse")
    content = notice_content(notice[2:18], bytes.fromhex(i["frame"]), i["to"])
    verify(bytes.fromhex(shared["public_key"]), "unknown-session", content, notice[18:])
    return {}, {}


# --- a whole session ---


class Person:
    def __init__(self, given):
        self.seed, self.exchange = bytes.fromhex(given["seed"]), bytes.fromhex(given["exchange_private_key"])
        key = curve.public_key(self.seed)[0]
        content = kex.name_of(key) + key + public(self.exchange) + u32(given["epoch"])
        self.card = kex.Card(content + curve.sign(self.seed, signed_bytes("exchange-key", content)))
        self.ratchet = bytes.fromhex(given["ratchet_private_key"])


def session(i, shared, now):
    raw, given = bytes.fromhex, i["responder"]
    a, b = Person(i["initiator"]), Person(given)
    ephemeral, prekey = raw(i["initiator"]["ephemeral_private_key"]), raw(given["signed_prekey_private_key"])
    one = raw(given.get("one_time_prekey_private_key", ""))
    one_id = given["one_time_prekey_id"] if one else kex.NEVER

    ctx = lp(b"am1") + lp(a.card.data) + lp(b.card.data) + lp(public(ephemeral)) + lp(public(a.ratchet))
    ctx += lp(u32(given["signed_prekey_id"]) + public(prekey)) + lp(u32(one_id) + public(one) if one else b"")
    results = curve.x25519(a.exchange, public(prekey)) + curve.x25519(ephemeral, public(b.exchange))
    results += curve.x25519(ephemeral, public(prekey)) + (curve.x25519(ephemeral, public(one)) if one else b"")
    keys = kex.derive("am1", results, ctx)
    root, k_knock, k_reply, k_id = (keys[at : at + 32] for at in (0, 32, 64, 96))

    flags = bool(one) | 2 * i["optimistic"]
    head = b"\x01\x01" + bytes([flags]) + a.card.data + public(ephemeral) + public(a.ratchet)
    knock = knock_frame(head + u32(given["signed_prekey_id"]) + u32(one_id), k_knock, i["knock_text"])
    knock_proof(read_object(i["knock_text"]), a.card.signing, sha256(ctx))
    knock_hash = sha256(knock)
    accept = reply_frame("accept", knock_hash, k_reply, b.card.data, i["accept_text"])
    answer = read_object(i["accept_text"])
    session_id, bound_to = session_id_of(knock_hash, k_id), transcript_of(knock, accept)
    verify(b.card.signing, "accept", without_signature(answer), proof_of(answer))
    says = (answer["session_id"], answer["knock"], answer["ratchet_key"])
    if says != (session_id.hex(), b64u(knock_hash), b64u(public(b.ratchet))):
        raise Refused("auth")

    sides = {
        "A": ratchet.Ratchet.initiate("am1", "A", root, a.ratchet, public(prekey)),
        "B": ratchet.Ratchet.respond("am1", "B", root, prekey, public(a.ratchet), b.ratchet),
    }
    turned = False

    def ready(side, bound):
        nonlocal turned
        if side == "A" and bound and not turned:
            sides["A"].turn(public(b.ratchet))
            turned = True

    def prefix(sender, frame_start):
        hash_ = bound_to if frame_start[18] & 1 else knock_hash
        return ratchet.am1_prefix(a.card.data, b.card.data, hash_, int(sender == "B"), frame_start)

    def open_frame(to, frame):
        if len(frame) < 59 + 64 + TAG or frame[:2] != b"\x03\x01" or frame[18] > 1:
            raise Refused("parse")
        ready(to, True)
        sender = "AB"[to == "A"]
        return unpad(sides[to].open(prefix(sender, frame[:19]), frame[19:59], frame[59:]))

    frames = []
    for step in i["steps"]:
        by, plain = step["by"], raw(step["plain"])
        ready(by, step["bound"])
        start = frame_head(session_id, step["bound"])
        header, sealed = sides[by].seal(prefix(by, start), pad(plain))
        frames.append(start + header + sealed)
        if open_frame("AB"[by == "A"], frames[-1]) != plain:
            raise Refused("crypto")
    out = {
        "knock": knock.hex(),
        "accept": accept.hex(),
        "session_id": session_id.hex(),
        "transcript": bound_to.hex(),
        "frames": [f.hex() for f in frames],
    }
    if "last" in i:
        out["plain"] = open_frame(i["last"]["to"], raw(i["last"]["frame"])).hex()
    return out, {}


# --- dialect v02 ---


def python_string(text):
    """As Python's json.dumps writes it, from the description and not from that module."""
    out, short = '"', {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
    for c in text:
        if c in short:
            out += short[c]
        elif " " <= c <= "~":
            out += c
        else:
            units = c.encode("utf-16-be").hex()
            out += "".join("\\u" + units[k : k + 4] for k in range(0, len(units), 4))
    return out + '"'


def python_text(sender, to, intent, timestamp):
    parts = [("category", intent["category"])]
    parts += [(n, intent[n]) for n in ("subcategory", "action") if n in intent]
    parts.append(("urgency", intent.get("urgency", "normal")))
    inner = ", ".join(f'"{n}": {python_string(v)}' for n, v in parts)
    ends = f'"from": {python_string(sender)}, "to": {python_string(to)}'
    return f'{{{ends}, "intent": {{{inner}}}, "timestamp": {python_string(timestamp)}}}'


def python_answer(name, word, sender, to, timestamp):
    ends = f'"from": {python_string(sender)}, "to": {python_string(to)}, "timestamp": {python_string(timestamp)}'
    return f'{{"{name}": {python_string(word)}, {ends}}}'


def v02_signed(i, shared, now):
    ends = i["from"], i["to"], i["timestamp"]
    return {
        "knock": python_text(i["from"], i["to"], i["intent"], i["timestamp"]),
        "accept": python_answer("session_id", i["word"], *ends),
        "reject": python_answer("reason", i["word"], *ends),
    }, {}


def v02_write(i, shared, now):
    seed, instant = bytes.fromhex(shared["seed"]), rfc3339.read(i["at"])
    micro = instant % SECOND // 1000
    stamp = rfc3339.write(instant - instant % SECOND)[:-1] + (f".{micro:06d}" if micro else "") + "+00:00"
    if stamp != i["timestamp"]:
        raise Refused("parse")
    text = python_text(agent.derive(curve.public_key(seed)[0]), i["to"], i["intent"], stamp)
    proof = curve.sign(seed, text.encode("ascii"))
    return {"timestamp": stamp, "signature": write_base64(proof)}, {"signed": text}


class Spans(jsontext.Parser):
    """Remembers how each member of the outermost object is written."""

    def spans(self):
        self.space()
        self.take(b"{")
        out = {}
        while True:
            self.space()
            name = self.string()
            self.space()
            self.take(b":")
            self.space()
            begin = self.at
            self.value(1)
            out[name] = self.data[begin : self.at]
            self.space()
            if self.peek() == b"}":
                return out
            self.take(b",")


JAVASCRIPT_SESSIONS = {"one-shot": "request_response", "streaming": "stream", "persistent": "conversation"}


def v02_proof(knock):
    """None for a text that is no signature: one that does not verify."""
    text = member(knock, "signature", "text")
    if not text:
        raise Refused("parse")
    try:
        proof = read_base64(text)
    except Refused:
        return None
    return proof if len(proof) == 64 else None


def v02_read(i, shared, now):
    if len(i["text"].encode("utf-8")) > 32_768:
        raise Refused("limit")
    knock = read_object(i["text"])
    key = bytes.fromhex(shared["public_key"])
    if ("intent" in knock) == ("request" in knock):
        raise Refused("parse")
    read = read_python if "intent" in knock else read_javascript
    sender, out, signed, to, stamp = read(knock, i["text"], shared["recipient"])
    proof = v02_proof(knock)
    agent.match(sender, key)
    if proof is None:
        raise Refused("crypto")
    curve.verify(key, signed, proof)
    if to != shared["recipient"]:
        raise Refused("auth")
    in_window(stamp(), now)
    return out, {}


# Members of dialect v02 that may be absent: what should be text and is none, or a number and is none, counts as absent.


def text_or(owner, name, otherwise=""):
    value = owner.get(name)
    return value if is_text(value) and value else otherwise


def limit_or(owner, name, otherwise):
    if not isinstance(owner.get(name), jsontext.Number):
        return otherwise
    return whole(owner, name, 1, 2**31 - 1)


def kind_or(owner, known, otherwise):
    if "type" not in owner:
        return otherwise
    if text_or(owner, "type") not in known:
        raise Refused("parse")
    return known[owner["type"]]


def asked_of(request, kind, ttl, count):
    return {
        "type": kind_or(request, kind, "conversation"),
        "ttl_seconds": limit_or(request, ttl, 300),
        "expected_messages": limit_or(request, count, 20),
    }


def parts_of(category, subcategory, action):
    parts = [category, subcategory, action]
    if not category or any(len(p.encode("utf-8")) > 64 for p in parts):
        raise Refused("parse")
    return "/".join(p for p in parts if p)


def read_python(knock, text, recipient):
    sender = knock.get("from")
    sender = text_or(sender, "amid") if isinstance(sender, dict) else text_or(knock, "from")
    agent.read_amid(sender)
    intent = member(knock, "intent", "object")
    urgency = text_or(intent, "urgency", "normal")
    if urgency not in URGENCIES:
        raise Refused("parse")
    given = {n: text_or(intent, n) for n in ("category", "subcategory", "action")}
    out = {"dialect": "python", "intent": parts_of(*given.values())}
    request = typed(knock.get("session_request", {}), "object")
    out |= asked_of(request, {k: k for k in SESSIONS}, "ttl_seconds", "expected_messages")
    written = text_or(knock, "timestamp")
    if not written:
        raise Refused("parse")

    def stamp():
        try:
            return rfc3339.read(written)
        except Refused:
            raise Refused("auth")  # no time is outside of every window

    covered = {n: v for n, v in given.items() if v} | {"urgency": urgency}
    return sender, out, python_text(sender, recipient, covered, written).encode("ascii"), recipient, stamp


def read_javascript(knock, text, recipient):
    if not text_or(knock, "version").startswith("agentmesh/"):
        raise Refused("parse")
    sender, to = text_or(knock, "from"), text_or(knock, "to")
    agent.read_amid(sender)
    request = member(knock, "request", "object")
    intent = typed(request.get("intent", {}), "object")
    category, _, subcategory = text_or(intent, "capability").partition("/")
    out = {
        "dialect": "javascript",
        "intent": parts_of(category, subcategory, text_or(intent, "action")),
    } | asked_of(request, JAVASCRIPT_SESSIONS, "ttl", "expectedMessages")
    milliseconds = member(knock, "timestamp", "integer")
    if len(text_or(knock, "nonce").encode("utf-8")) != 32:
        raise Refused("parse")
    spans = Spans(text.encode("utf-8")).spans()
    names = ("version", "from", "to", "request", "timestamp", "nonce")
    signed = b"{" + b",".join(f'"{n}":'.encode() + spans.get(n, b"") for n in names) + b"}"

    def stamp():
        if not 0 <= milliseconds < 253_402_300_800_000:
            raise Refused("auth")
        return milliseconds * 10**6

    return sender, out, signed, to, stamp


def sized(i, shared, now):
    return {"padded": padded_size(i["size"])}, {}


def removed(i, shared, now):
    return {"size": len(unpad(bytes.fromhex(i["padded"])))}, {}


OPERATIONS = {
    "frame.kind": frame_kind,
    "knock.head": knock_head,
    "knock.seal": knock_seal,
    "knock.open": knock_open,
    "knock.read": knock_read,
    "reply.seal": reply_seal,
    "reply.read": reply_read,
    "transcript": transcript,
    "message.frame": message_frame,
    "padding.size": sized,
    "padding.remove": removed,
    "notice.write": notice_write,
    "notice.verify": notice_verify,
    "session.conversation": session,
    "v02.signed": v02_signed,
    "v02.write": v02_write,
    "v02.read": v02_read,
}
