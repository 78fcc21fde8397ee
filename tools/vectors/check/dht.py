"""Points, records, datagrams, tables and storage of the distributed hash table: area DHT."""

import ipaddress

from . import Refused, agent, curve
from .bytes import sha256, signed_bytes, u32, verify

LAST = 253_402_300_799
SECOND = 10**9
MONTH = 30 * 86_400


class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise Refused("parse")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, size):
        return int.from_bytes(self.take(size), "big")

    def end(self):
        if self.at != len(self.data):
            raise Refused("parse")


def point(i, shared, now):
    data = bytes.fromhex(i["bytes"])
    assert len(data) == {"node": 32, "agent": 20}[i["of"]]
    return {"point": sha256(data).hex()}, {}


# --- records ---


class Record:
    """Takes the bytes apart; refuses what is not of the form."""

    def __init__(self, data):
        if len(data) > 1000:
            raise Refused("limit")
        c = Cursor(data)
        if c.number(1) != 1:
            raise Refused("parse")
        self.name, self.signing, self.exchange = c.take(20), c.take(32), c.take(32)
        self.epoch, self.card_signature = c.take(4), c.take(64)
        self.sequence, self.issued, self.lifetime = c.number(8), c.number(8), c.number(4)
        self.relay = c.take(c.number(1))
        mark = c.number(1)
        self.prekey = None
        if mark == 1:
            self.prekey = {"id": c.take(4), "key": c.take(32), "begin": c.number(8), "end": c.number(8),
                           "signature": c.take(64)}
            if self.prekey["begin"] > LAST or self.prekey["end"] > LAST:
                raise Refused("parse")
        self.content, self.signature = data[: c.at], c.take(64)
        c.end()
        odd = any(not 0x21 <= byte <= 0x7E for byte in self.relay)
        if mark > 1 or odd or not 1 <= self.lifetime <= 86_400 or self.issued > LAST:
            raise Refused("parse")

    def ends(self):
        return (self.issued + self.lifetime) * SECOND

    def check(self, place, now):
        if sha256(self.signing)[:20] != self.name or sha256(self.name) != place:
            raise Refused("auth")
        if self.issued * SECOND > now + 60 * SECOND or now > self.ends():
            raise Refused("auth")
        verify(self.signing, "dht-record", self.content, self.signature)
        verify(self.signing, "exchange-key", self.name + self.signing + self.exchange + self.epoch, self.card_signature)
        if self.prekey:
            begin, end = self.prekey["begin"], self.prekey["end"]
            if not 0 < end - begin <= MONTH:
                raise Refused("crypto")
            stamp = begin.to_bytes(8, "big") + end.to_bytes(8, "big")
            content = self.name + self.prekey["id"] + self.prekey["key"] + stamp
            verify(self.signing, "signed-prekey", content, self.prekey["signature"])
            if not begin * SECOND <= now <= end * SECOND:
                raise Refused("auth")
        return self


def record_make(i, shared, now):
    seed, exchange = bytes.fromhex(shared["seed"]), bytes.fromhex(shared["exchange_private_key"])
    key = curve.public_key(seed)[0]
    public = curve.x25519(exchange, (9).to_bytes(32, "little"))
    name = sha256(key)[:20]
    in_context = lambda context, content: curve.sign(seed, signed_bytes(context, content))
    card = name + key + public + u32(i["epoch"])
    out = b"\x01" + card + in_context("exchange-key", card)
    out += i["sequence"].to_bytes(8, "big") + i["issued"].to_bytes(8, "big") + u32(i["lifetime"])
    relay = i["relay"].encode("ascii")
    out += bytes([len(relay)]) + relay
    if i["prekey"] is None:
        out += b"\x00"
    else:
        fields = u32(7) + public
        fields += i["prekey"]["not_before"].to_bytes(8, "big") + i["prekey"]["not_after"].to_bytes(8, "big")
        out += b"\x01" + fields + in_context("signed-prekey", name + fields)
    return {"record": (out + in_context("dht-record", out)).hex()}, {"signed": signed_bytes("dht-record", out).hex()}


def record_read(i, shared, now):
    record = Record(bytes.fromhex(i["record"])).check(bytes.fromhex(i["place"]), now)
    return {
        "amid": agent.derive(record.signing),
        "sequence": record.sequence,
        "issued": record.issued,
        "lifetime": record.lifetime,
        "relay": record.relay.decode("ascii"),
        "prekey": record.prekey is not None,
    }, {}


# --- datagrams ---

REQUESTS = (1, 3, 5, 7)


def contacts(c):
    count = c.number(1)
    if count > 20:
        raise Refused("parse")
    for _ in range(count):
        family = c.number(1)
        if family not in (4, 6):
            raise Refused("parse")
        c.take(4 if family == 4 else 16)
        c.take(2 + 32)


def sized(c):
    size = c.number(2)
    if not 1 <= size <= 1000:
        raise Refused("parse")
    c.take(size)


def outcome(c):
    if c.number(1) > 4:
        raise Refused("parse")


BODIES = {3: lambda c: c.take(32), 5: lambda c: c.take(32), 4: contacts, 6: sized, 7: sized, 8: outcome}


def datagram_read(i, shared, now):
    data = bytes.fromhex(i["datagram"])
    c = Cursor(data)
    if len(data) > 1200 or c.take(4) != b"AMD\x01":
        raise Refused("parse")
    kind, flags = c.number(1), c.number(1)
    if not 1 <= kind <= 8 or flags > 3:
        raise Refused("parse")
    transaction, sender = c.take(8), c.take(32)
    if kind in REQUESTS:
        token = c.number(1)
        if token not in (0, 16):
            raise Refused("parse")
        c.take(token)
    else:
        c.take(16)
    BODIES.get(kind, lambda c: None)(c)
    if kind in REQUESTS:
        if any(c.take(len(data) - c.at)):
            raise Refused("parse")
    elif flags & 1:
        c.take(64)
    c.end()
    return {"kind": kind, "flags": flags, "transaction": transaction.hex(), "sender": sender.hex()}, {}


def answer_prove(i, shared, now):
    signed = signed_bytes("dht-reply", bytes.fromhex(i["asker"]) + bytes.fromhex(i["answer"]))
    return {"proof": curve.sign(bytes.fromhex(shared["seed"]), signed).hex()}, {"signed": signed.hex()}


def answer_check(i, shared, now):
    data = bytes.fromhex(i["answer"])
    datagram_read({"datagram": i["answer"]}, shared, now)
    if not data[5] & 1:
        raise Refused("crypto")
    verify(data[14:46], "dht-reply", bytes.fromhex(i["asker"]) + data[:-64], data[-64:])
    return {}, {}


# What is closed: of IPv4 these, of IPv6 these and all outside 2000::/3.
V4 = """0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3""".split()
V6 = "2001::/32 2001:db8::/32 2002::/16 3fff::/20".split()


def address(i, shared, now):
    at = ipaddress.ip_address(bytes.fromhex(i["address"]))
    closed = any(at in ipaddress.ip_network(net) for net in (V4 if at.version == 4 else V6))
    if at.version == 6 and at not in ipaddress.ip_network("2000::/3"):
        closed = True
    if closed or i["port"] == 0:
        raise Refused("policy")
    return {}, {}


# --- tables ---


def shared_bits(a, b):
    a, b = (format(int.from_bytes(sha256(k), "big"), "0256b") for k in (a, b))
    return next((n for n in range(256) if a[n] != b[n]), 256)


def neighbourhoods(one):
    size = len(one["address"]) // 2
    return [(size, one["address"][: 2 * cut]) for cut in ((3, 2) if size == 4 else (6, 4))]


class Table:
    def __init__(self, own):
        self.own, self.live, self.reserve = own, {}, {}

    def note(self, one):
        bits = shared_bits(self.own, bytes.fromhex(one["key"]))
        if bits == 256:
            raise Refused("limit")
        everybody = [c for bucket in self.live.values() for c in bucket]
        where = lambda c: (c["address"], c["port"])
        if one in everybody:
            return "known"
        if any(c["key"] == one["key"] or where(c) == where(one) for c in everybody):
            raise Refused("limit")
        bucket, reserve = self.live.setdefault(bits, []), self.reserve.setdefault(bits, [])
        reserve[:] = [c for c in reserve if c["key"] != one["key"] and where(c) != where(one)]
        for n, (most_here, most) in enumerate(((2, 8), (4, 40))):
            alike = lambda others: len([c for c in others if neighbourhoods(c)[n] == neighbourhoods(one)[n]])
            if alike(bucket + reserve) >= most_here or alike(everybody) >= most:
                raise Refused("limit")
        if len(bucket) < 20:
            bucket.append(one)
            return "added"
        reserve.append(one)
        del reserve[:-10]
        return "spare"


def table_note(i, shared, now):
    table = Table(bytes.fromhex(shared["key"]))
    for one in i["before"]:
        table.note(one)
    return {"outcome": table.note(i["last"])}, {}


def table_closest(i, shared, now):
    target = int(i["target"], 16)
    table = Table(bytes.fromhex(shared["key"]))
    for one in i["contacts"]:
        assert table.note(one) == "added"
    keys = [one["key"] for one in i["contacts"]]
    keys.sort(key=lambda k: int.from_bytes(sha256(bytes.fromhex(k)), "big") ^ target)
    return {"keys": keys[: i["count"]]}, {}


# --- storage ---


class Holder:
    def __init__(self):
        self.held = {}

    def put(self, data, now):
        record = Record(data)
        known = self.held.get(record.name)
        if known:
            if known[0] == data:
                return False
            if (record.sequence, record.signature) < (known[1].sequence, known[1].signature):
                raise Refused("replay")
        self.held[record.name] = (data, record.check(sha256(record.name), now))
        return True


def storage_put(i, shared, now):
    holder = Holder()
    for one in i["held"]:
        holder.put(bytes.fromhex(one), now)
    return {"new": holder.put(bytes.fromhex(i["last"]), now)}, {}


def storage_find(i, shared, now):
    holder = Holder()
    holder.put(bytes.fromhex(i["record"]), now)
    ((data, record),) = holder.held.values()
    assert record.lifetime == i["lifetime"]
    later = now + i["seconds"] * SECOND + i["microseconds"] * 1000
    return {"record": "" if later > record.ends() else data.hex()}, {}


OPERATIONS = {
    "dht.point": point,
    "dht_record.make": record_make,
    "dht_record.read": record_read,
    "dht_datagram.read": datagram_read,
    "dht_answer.prove": answer_prove,
    "dht_answer.check": answer_check,
    "dht.address": address,
    "dht_table.note": table_note,
    "dht_table.closest": table_closest,
    "dht_storage.put": storage_put,
    "dht_storage.find": storage_find,
}
