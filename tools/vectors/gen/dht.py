"""Points, records, datagrams, tables and storage of the distributed hash table."""

import hashlib

from .agents import NOON, shifted
from .common import VectorFile, seeded
from .suites import Mesh, sha256, sign, u8, u32, u64

CLOCK = 1795262400  # NOON in Unix seconds
ALICE, BOB = Mesh("alice"), Mesh("bob", 7)
NODE, ASKER, OTHER = Mesh("dht/node"), Mesh("dht/asker"), Mesh("dht/other")
DAY = 86_400


def u16(value):
    return value.to_bytes(2, "big")


def distance(a, b):
    return int.from_bytes(a, "big") ^ int.from_bytes(b, "big")


def prekey(owner, begin=CLOCK - 10, end=CLOCK + DAY, number=7):
    fields = u32(number) + owner.exchange + u64(begin) + u64(end)
    signed = owner.raw_amid + fields
    return fields + sign(owner, "signed-prekey", signed)


class Record:
    """A record with parts that a row may replace before it is signed."""

    def __init__(self, owner=ALICE, **changed):
        self.owner, self.key, self.version, self.card = owner, owner, b"\x01", owner.card()
        self.sequence, self.issued, self.lifetime = 1, CLOCK, DAY
        self.relay, self.size, self.prekey = b"wss://relay.example/v1", None, None
        self.tail = b""
        for name, value in changed.items():
            setattr(self, name, value)

    def content(self):
        size = len(self.relay) if self.size is None else self.size
        head = self.version + self.card + u64(self.sequence) + u64(self.issued) + u32(self.lifetime)
        more = b"\x00" if self.prekey is None else self.prekey if self.prekey[:1] == b"!" else b"\x01" + self.prekey
        return head + u8(size) + self.relay + more.removeprefix(b"!")

    def bytes(self):
        content = self.content()
        return content + sign(self.key, "dht-record", content) + self.tail


def place(owner):
    return sha256(owner.raw_amid)


def points(ledger):
    f = VectorFile(ledger, "dht", "points")
    f.note("point", ["AM-DHT-001"], "another hash, or the hash of a text", "records lie where nobody looks for them")
    g = f.group("dht.point", "seeded keys", lambda i: ({}, {"point": sha256(bytes.fromhex(i["bytes"])).hex()}))
    for name in ("alice", "bob", "dht/node"):
        agent = Mesh(name)
        g.accept(f"node with the key of {name}", ["point"], {"of": "node", "bytes": agent.public.hex()})
        g.accept(f"agent {name}", ["point"], {"of": "agent", "bytes": agent.raw_amid.hex()})
    g.accept("agent of twenty zeros", ["point"], {"of": "agent", "bytes": "00" * 20})
    return f


def records(ledger):
    f = VectorFile(ledger, "dht", "records")
    f.note("make", ["AM-DHT-002"], "something else is signed", "no two implementations read each other's records")
    f.note("valid", ["AM-DHT-003"], "a reader that is too strict", "agents are not found")
    f.note("form", ["AM-DHT-003"], "loose reading", "two readers see different records", ["cat 118"])
    f.note("size", ["AM-DHT-004"], "no limit before the work", "a datagram makes much work", ["cat 118"])
    f.note("agent", ["AM-DHT-005"], "the key in the value is not tied to the AMID", "anybody is anybody", ["row I13"])
    f.note("signature", ["AM-DHT-006"], "a signature is not looked at", "whoever holds a record rewrites it",
           ["cat 118"])
    f.note("time", ["AM-DHT-007"], "records live for ever", "old relays and keys come back", ["facts 2"])

    def made(i):
        owner = Mesh("alice", i["epoch"])
        key = prekey(owner, i["prekey"]["not_before"], i["prekey"]["not_after"]) if i["prekey"] else None
        record = Record(owner, sequence=i["sequence"], issued=i["issued"], lifetime=i["lifetime"],
                        relay=i["relay"].encode(), prekey=key)
        return {"signed": (b"AgentMesh-v1:dht-record\x00" + record.content()).hex()}, {"record": record.bytes().hex()}

    g = f.group("dht_record.make", "seeded agent", made, seed=ALICE.seed.hex(),
                exchange_private_key=ALICE.exchange_seed.hex())
    row = {"epoch": 1, "sequence": 1, "issued": CLOCK, "lifetime": DAY, "relay": "wss://relay.example/v1",
           "prekey": None}
    g.accept("make: a plain record", ["make"], row)
    g.accept("make: without a relay", ["make"], row | {"relay": ""})
    g.accept("make: the longest relay", ["make"], row | {"relay": "w" * 255})
    g.accept("make: a high sequence, a short life", ["make"], row | {"sequence": 2**53 - 1, "lifetime": 1})
    g.accept("make: with a prekey", ["make"], row | {"prekey": {"not_before": CLOCK - 10, "not_after": CLOCK + DAY}})
    g.accept("make: with a higher epoch", ["make"], row | {"epoch": 300})

    def told(i):
        data = bytes.fromhex(i["record"])
        size = data[173]
        out = {"amid": Mesh("x").amid, "sequence": int.from_bytes(data[153:161], "big"),
               "issued": int.from_bytes(data[161:169], "big"), "lifetime": int.from_bytes(data[169:173], "big"),
               "relay": data[174:174 + size].decode(), "prekey": data[174 + size] == 1}
        for agent in (ALICE, BOB):
            if agent.raw_amid == data[1:21]:
                out["amid"] = agent.amid
        return {}, out

    r = f.group("dht_record.read", "seeded agents", told)

    def good(comment, record, flag="valid", at=NOON, owner=ALICE):
        return r.accept(comment, [flag], {"record": record.bytes().hex(), "place": place(owner).hex()}, at)

    def bad(why, comment, flag, record, twin, at=NOON, owner=ALICE, twin_at=None):
        data = record if isinstance(record, bytes) else record.bytes()
        r.reject(why, comment, [flag], {"record": data.hex(), "place": place(owner).hex()}, twin, at, twin_at)

    plain = good("a plain record", Record())
    full = good("with a prekey", Record(prekey=prekey(ALICE)))
    longest = good("the longest relay and a prekey", Record(relay=b"w" * 255, prekey=prekey(ALICE)))
    empty = good("without a relay", Record(relay=b""))
    good("of another agent", Record(BOB), owner=BOB)
    good("every visible character", Record(relay=bytes(range(0x21, 0x7F))))
    for comment, changed in (
        ("version 0", {"version": b"\x00"}),
        ("version 2", {"version": b"\x02"}),
        ("a life of 0 seconds", {"lifetime": 0}),
        ("a life of a day and a second", {"lifetime": DAY + 1}),
        ("a space in the relay", {"relay": b"wss://relay.example /1"}),
        ("a control character in the relay", {"relay": b"wss://relay.example\n/1"}),
        ("a delete character in the relay", {"relay": b"wss://relay.example\x7f/1"}),
        ("a byte beyond ASCII in the relay", {"relay": b"wss://relay.example\xe9/1"}),
        ("a prekey mark of 2", {"prekey": b"!\x02"}),
        ("issued after the year 9999", {"issued": 253_402_300_800}),
        ("issued at the end of 64 bits", {"issued": 2**64 - 1}),
        ("a relay said to be longer than it is", {"size": 255}),
        ("a relay said to be shorter than it is", {"size": 3}),
        ("a byte after the signature", {"tail": b"\x00"}),
    ):
        bad("parse", comment, "form", Record(**changed), plain)
    bad("parse", "nothing", "form", b"", plain)
    bad("parse", "cut in the card", "form", Record().bytes()[:100], plain)
    bad("parse", "cut by one byte", "form", Record().bytes()[:-1], plain)
    bad("parse", "a prekey cut short", "form", Record(prekey=prekey(ALICE)[:-1]), full)
    bad("parse", "a prekey that ends after the year 9999", "form",
        Record(prekey=prekey(ALICE, end=253_402_300_800)), full)
    bad("parse", "1,000 bytes, zeros at the end", "form", Record().bytes().ljust(1000, b"\x00"), plain)
    bad("limit", "1,001 bytes, zeros at the end", "size", Record().bytes().ljust(1001, b"\x00"), plain)
    bad("limit", "1,200 bytes of nothing", "size", bytes(1200), longest)

    swapped = BOB.raw_amid + ALICE.public + ALICE.exchange + u32(1)
    r.reject("auth", "Bob's AMID over Alice's key, all signed by her, under Bob's point", ["agent"],
             {"record": Record(card=swapped + sign(ALICE, "exchange-key", swapped)).bytes().hex(),
              "place": place(BOB).hex()},
             {"record": Record(BOB).bytes().hex(), "place": place(BOB).hex()}, NOON, twin_flags=["valid"])
    r.reject("auth", "Alice's record under Bob's point", ["agent"],
             {"record": Record().bytes().hex(), "place": place(BOB).hex()}, plain, NOON)
    r.reject("auth", "under the SHA-256 of the text of the AMID", ["agent"],
             {"record": Record().bytes().hex(), "place": hashlib.sha256(ALICE.amid.encode()).hexdigest()}, plain, NOON)

    flip = lambda data, at: data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]
    data = Record(prekey=prekey(ALICE)).bytes()
    bad("crypto", "signed by Bob", "signature", Record(key=BOB), plain)
    bad("crypto", "a signature with one bit changed", "signature", flip(Record().bytes(), -1 + len(Record().bytes())),
        plain)
    bad("crypto", "a sequence raised by the one who holds it", "signature", flip(Record().bytes(), 160), plain)
    bad("crypto", "another letter in the relay", "signature", flip(Record().bytes(), 180), plain)
    content = Record().content()
    bad("crypto", "signed without a context", "signature", content + ALICE.sign(content), plain)
    bad("crypto", "signed in the context of cards", "signature", content + sign(ALICE, "exchange-key", content), plain)
    card = ALICE.card()
    bad("crypto", "a card that does not hold, in a record that is signed", "signature", Record(card=flip(card, 151)),
        plain)
    bad("crypto", "another exchange key in the card, in a record that is signed", "signature", Record(card=flip(card,
                                                                                                                60)),
                                                                                                                plain)
    bad("crypto", "a prekey of Bob's", "signature", Record(prekey=prekey(BOB)), full)
    bad("crypto", "a prekey whose signature does not hold", "signature", Record(prekey=flip(prekey(ALICE), 115)), full)
    bad("crypto", "a prekey for 31 days", "signature", Record(prekey=prekey(ALICE, end=CLOCK + 31 * DAY)), full)
    bad("crypto", "a prekey whose end comes before its beginning", "signature",
        Record(prekey=prekey(ALICE, CLOCK + 10, CLOCK - 10)), full)

    ahead = shifted(NOON, seconds=-60)
    early = good("issued sixty seconds ahead", Record(), "time", ahead)
    bad("auth", "issued more than sixty seconds ahead", "time", Record(), early, shifted(ahead, -1), twin_at=ahead)
    end = shifted(NOON, seconds=DAY)
    last = good("in the last instant of its day", Record(), "time", end)
    bad("auth", "a microsecond over its day", "time", Record(), last, shifted(end, 1), twin_at=end)
    short = Record(lifetime=1)
    second = shifted(NOON, seconds=1)
    one = good("in the last instant of its second", short, "time", second)
    bad("auth", "a microsecond over its second", "time", short, one, shifted(second, 1), twin_at=second)
    until = Record(prekey=prekey(ALICE, CLOCK - 10, CLOCK + 100))
    edge = shifted(NOON, seconds=100)
    still = good("in the last instant of its prekey", until, "time", edge)
    bad("auth", "a microsecond over its prekey", "time", until, still, shifted(edge, 1), twin_at=edge)
    later = Record(prekey=prekey(ALICE, CLOCK, CLOCK + 100))
    first = good("in the first instant of its prekey", later, "time", NOON)
    bad("auth", "a microsecond before its prekey", "time", later, first, shifted(NOON, -1), twin_at=NOON)
    return f


def head(kind, flags=0, transaction=bytes(range(8)), sender=ASKER):
    return b"AMD\x01" + u8(kind) + u8(flags) + transaction + sender.public


TOKEN = seeded("dht/token", 16)


def contact(number, v6=False, port=8468):
    address = bytes([5, number, 0, 1]) if not v6 else bytes([0x2A, 1, 4, 0xF8]) + u8(number) * 12
    return u8(6 if v6 else 4) + address + u16(port) + seeded(f"dht/contact/{number}")


def datagrams(ledger):
    f = VectorFile(ledger, "dht", "datagrams")
    f.note("valid", ["AM-DHT-009"], "a reader that is too strict", "nodes do not understand each other")
    f.note("form", ["AM-DHT-009"], "loose reading", "a datagram hides others, or makes a reader run beyond its end",
           ["cat 118"])
    f.note("prove", ["AM-DHT-010"], "something else is signed", "honest nodes are taken for liars")
    f.note("proof", ["AM-DHT-011"], "the proof is not looked at", "points are chosen freely", ["cat 118"])
    f.note("address", ["AM-DHT-008"], "any address is spoken to", "a stranger reaches into the reader's own network",
           ["cat 114"])

    def told(i):
        data = bytes.fromhex(i["datagram"])
        return {}, {"kind": data[4], "flags": data[5], "transaction": data[6:14].hex(), "sender": data[14:46].hex()}

    g = f.group("dht_datagram.read", "written by hand", told)
    row = lambda data: {"datagram": data.hex()}
    target = seeded("dht/target")
    record = Record().bytes()
    ask = lambda kind, body=b"", token=b"", **more: head(kind, **more) + u8(len(token)) + token + body
    tell = lambda kind, body=b"", **more: head(kind, sender=NODE, **more) + TOKEN + body
    good = {}
    for name, data in {
        "ping": ask(1),
        "ping with a token": ask(1, token=TOKEN),
        "ping that wants a proof, of one who serves nobody": ask(1, flags=3),
        "pong": tell(2),
        "find_node": ask(3, target),
        "find_node of 400 bytes": ask(3, target).ljust(400, b"\x00"),
        "find_node of 1,200 bytes": ask(3, target).ljust(1200, b"\x00"),
        "nodes, none": tell(4, u8(0)),
        "nodes, one of each family": tell(4, u8(2) + contact(1) + contact(2, True)),
        "nodes, twenty": tell(4, u8(20) + b"".join(contact(n, True) for n in range(20))),
        "find_value": ask(5, target, TOKEN),
        "value": tell(6, u16(len(record)) + record),
        "value of one byte": tell(6, u16(1) + b"x"),
        "store": ask(7, u16(len(record)) + record, TOKEN),
        "store without a token": ask(7, u16(len(record)) + record),
        "store of 1,000 bytes": ask(7, u16(1000) + bytes(1000), TOKEN),
    }.items():
        good[name] = g.accept(name, ["valid"], row(data))
    for outcome in range(5):
        good[f"stored {outcome}"] = g.accept(f"stored, outcome {outcome}", ["valid"], row(tell(8, u8(outcome))))
    proved = tell(2, flags=1)
    good["proved"] = g.accept("pong with room for a proof", ["valid"], row(proved + bytes(64)))
    for comment, data, twin in (
        ("nothing", b"", "ping"),
        ("another protocol", b"AMX" + ask(1)[3:], "ping"),
        ("version 2", b"AMD\x02" + ask(1)[4:], "ping"),
        ("kind 0", ask(0), "ping"),
        ("kind 9", ask(9), "ping"),
        ("flag 2", ask(1, flags=4), "ping"),
        ("flag 7", ask(1, flags=0x80), "ping"),
        ("cut in the key", ask(1)[:45], "ping"),
        ("cut before the token", ask(1)[:46], "ping"),
        ("a token of one byte", ask(1, token=b"x"), "ping"),
        ("a token of 17 bytes", ask(1, token=TOKEN + b"x"), "ping with a token"),
        ("a token cut short", ask(1, token=TOKEN)[:-1], "ping with a token"),
        ("padding that is not zero", ask(3, target).ljust(399, b"\x00") + b"\x01", "find_node of 400 bytes"),
        ("padding that is not zero at its beginning", ask(1) + b"\x01", "ping"),
        ("1,201 bytes", ask(3, target).ljust(1201, b"\x00"), "find_node of 1,200 bytes"),
        ("a point cut short", ask(3, target)[:-1], "find_node"),
        ("a pong without a token", head(2, sender=NODE), "pong"),
        ("a pong with a byte after it", tell(2) + b"\x00", "pong"),
        ("a proof cut short", proved + bytes(63), "proved"),
        ("a proof too long", proved + bytes(65), "proved"),
        ("a proof that flag 0 does not announce", tell(2) + bytes(64), "pong"),
        ("twenty-one contacts", tell(4, u8(21) + b"".join(contact(n) for n in range(21))), "nodes, none"),
        ("fewer contacts than said", tell(4, u8(3) + contact(1) + contact(2, True)), "nodes, one of each family"),
        ("more contacts than said", tell(4, u8(1) + contact(1) + contact(2, True)), "nodes, one of each family"),
        ("an address of family 5", tell(4, u8(2) + b"\x05" + contact(1)[1:] + contact(2, True)),
         "nodes, one of each family"),
        ("a value of no bytes", tell(6, u16(0)), "value of one byte"),
        ("a value longer than said", tell(6, u16(1) + b"xy"), "value of one byte"),
        ("a value shorter than said", tell(6, u16(2) + b"x"), "value of one byte"),
        ("a store of 1,001 bytes", ask(7, u16(1001) + bytes(1001), TOKEN), "store of 1,000 bytes"),
        ("a store of no bytes", ask(7, u16(0), TOKEN), "store"),
        ("outcome 5", tell(8, u8(5)), "stored 4"),
        ("no outcome", tell(8), "stored 0"),
    ):
        g.reject("parse", comment, ["form"], row(data), good[twin])

    def prove(i):
        data = bytes.fromhex(i["answer"])
        signed = b"AgentMesh-v1:dht-reply\x00" + bytes.fromhex(i["asker"]) + data
        return {"signed": signed.hex()}, {"proof": NODE.sign(signed).hex()}

    p = f.group("dht_answer.prove", "seeded node", prove, seed=NODE.seed.hex())
    bodies = {"pong": (2, b""), "nodes": (4, u8(1) + contact(1)), "value": (6, u16(len(record)) + record),
              "stored": (8, u8(0))}
    for name, (kind, body) in bodies.items():
        p.accept(f"prove {name}", ["prove"], {"answer": tell(kind, body, flags=1).hex(), "asker": ASKER.public.hex()})
    c = f.group("dht_answer.check", "seeded nodes")
    with_proof = lambda data, asker=ASKER, by=NODE, context="dht-reply": data + sign(by, context, asker.public + data)
    check = lambda data, asker=ASKER: {"answer": data.hex(), "asker": asker.public.hex()}
    for name, (kind, body) in bodies.items():
        data = tell(kind, body, flags=1)
        honest = c.accept(f"{name} with its proof", ["prove"], check(with_proof(data)))
        c.reject("crypto", f"{name} proved to somebody else", ["proof"], check(with_proof(data, OTHER)), honest)
        c.reject("crypto", f"{name} signed by another key", ["proof"], check(with_proof(data, by=OTHER)), honest)
        c.reject("crypto", f"{name} without a proof", ["proof"], check(tell(kind, body)), honest)
        c.reject("crypto", f"{name} with a proof in another context", ["proof"],
                 check(with_proof(data, context="dht-record")), honest)
        changed = data[:10] + bytes([data[10] ^ 1]) + data[11:]
        c.reject("crypto", f"{name} as an answer to another question", ["proof"],
                 check(changed + with_proof(data)[len(data):]), honest)

    a = f.group("dht.address", "the registries of special addresses")
    at = lambda text, port=8468: {"address": text, "port": port}
    octets = lambda *parts: bytes(parts).hex()
    fine = a.accept("8.8.8.8", ["address"], at("08080808"))
    pairs = (
        ((0, 255, 255, 255), (1, 0, 0, 0)), ((10, 0, 0, 0), (11, 0, 0, 0)), ((10, 255, 255, 255), (9, 255, 255, 255)),
        ((100, 64, 0, 0), (100, 63, 255, 255)), ((100, 127, 255, 255), (100, 128, 0, 0)), ((127, 0, 0, 1), (126, 0, 0,
                                                                                                            1)),
        ((169, 254, 169, 254), (169, 253, 169, 254)), ((172, 16, 0, 0), (172, 15, 255, 255)),
        ((172, 31, 255, 255), (172, 32, 0, 0)), ((192, 0, 0, 1), (192, 0, 1, 1)), ((192, 0, 2, 255), (192, 0, 3, 0)),
        ((192, 168, 0, 0), (192, 167, 255, 255)), ((198, 18, 0, 0), (198, 17, 255, 255)),
        ((198, 19, 255, 255), (198, 20, 0, 0)), ((198, 51, 100, 7), (198, 51, 101, 7)), ((203, 0, 113, 7), (203, 0,
                                                                                                            112, 7)),
        ((224, 0, 0, 0), (223, 255, 255, 255)), ((255, 255, 255, 255), (223, 255, 255, 254)),
    )
    name = lambda parts: ".".join(map(str, parts))
    for inside, outside in pairs:
        twin = a.accept(name(outside), ["address"], at(octets(*outside)))
        a.reject("policy", name(inside), ["address"], at(octets(*inside)), twin)
    a.reject("policy", "port 0", ["address"], at("08080808", 0), fine)
    a.accept("port 65535", ["address"], at("08080808", 65535))
    six = lambda text: text.replace(":", "").ljust(32, "0")
    for comment, inside, outside in (
        ("::", "0000", "2000"), ("::1", "0" * 31 + "1", "2" + "0" * 30 + "1"),
        ("an address of IPv4 in IPv6", "0" * 20 + "ffff08080808", "2" + "0" * 19 + "ffff08080808"),
        ("below 2000::/3", "1fff", "2000:0001"), ("above 2000::/3", "4000", "3fff:1000"),
        ("a unique local address", "fd00", "2a00"), ("a link-local address", "fe80", "2a00:fe80"),
        ("multicast", "ff02", "2a00:ff02"), ("Teredo", "2001:0000", "2001:0001"), ("documentation", "2001:0db8",
                                                                                   "2001:0db9"),
        ("6to4", "2002:7f00", "2003:7f00"), ("documentation, the longer one", "3fff:0fff", "3fff:1000:1"),
        ("translated IPv4", "0064:ff9b", "2064:ff9b"),
    ):
        twin = a.accept(f"in place of {comment}", ["address"], at(six(outside)))
        a.reject("policy", comment, ["address"], at(six(inside)), twin)
    return f


def narrow(address):
    return address[: 3 if len(address) == 4 else 6]


def wide(address):
    return address[: 2 if len(address) == 4 else 4]


class Table:
    """Buckets of live contacts and reserves, as AM-DHT-014 describes them."""

    def __init__(self, own):
        self.own, self.buckets = own, {}

    def live(self):
        return [one for bucket, _ in self.buckets.values() for one in bucket]

    def note(self, one):
        key, address, port = bytes.fromhex(one["key"]), bytes.fromhex(one["address"]), one["port"]
        point = sha256(key)
        bits = 256 - distance(point, self.own).bit_length()
        if bits == 256:
            return "refused"
        bucket, spare = self.buckets.setdefault(bits, ([], []))
        for other in self.live():
            if other[0] == key and other[1:] == (address, port):
                return "known"
            if other[0] == key or other[1:] == (address, port):
                return "refused"
        spare[:] = [other for other in spare if other[0] != key and other[1:] != (address, port)]
        for part, in_bucket, in_table in ((narrow, 2, 8), (wide, 4, 40)):
            same = lambda others: sum(len(o[1]) == len(address) and part(o[1]) == part(address) for o in others)
            if same(bucket + spare) >= in_bucket or same(self.live()) >= in_table:
                return "refused"
        if len(bucket) < 20:
            bucket.append((key, address, port))
            return "added"
        if len(spare) >= 10:
            spare.pop(0)
        spare.append((key, address, port))
        return "spare"


def keys_in_bucket(own, bits, count, label):
    out, number = [], 0
    while len(out) < count:
        key = seeded(f"dht/{label}/{number}")
        number += 1
        if 256 - distance(sha256(key), own).bit_length() == bits:
            out.append(key)
    return out


def tables(ledger):
    f = VectorFile(ledger, "dht", "tables")
    f.note("room", ["AM-DHT-014"], "a table that is too strict", "honest nodes are not known")
    f.note("crowd", ["AM-DHT-014"], "keys are counted, addresses are not", "one network is everybody's neighbour",
           ["cat 118"])
    f.note("nearest", ["AM-DHT-015"], "another order, or another distance", "lookups do not come to an end",
           ["cat 118"])
    own = sha256(NODE.public)
    keys = keys_in_bucket(own, 0, 40, "far")
    near = [keys_in_bucket(own, bits, 3, f"near/{bits}") for bits in range(1, 5)]
    at = lambda key, address, port=8468: {"key": key.hex(), "address": bytes(address).hex(), "port": port}

    def outcome(i):
        table = Table(own)
        for one in i["before"]:
            assert table.note(one) != "refused", one
        return {}, {"outcome": table.note(i["last"])}

    g = f.group("dht_table.note", "seeded keys, chosen by their points", outcome, key=NODE.public.hex())
    row = lambda before, last: {"before": before, "last": last}
    g.accept("the first", ["room"], row([], at(keys[0], (5, 0, 0, 1))))
    g.accept("the same again", ["room"], row([at(keys[0], (5, 0, 0, 1))], at(keys[0], (5, 0, 0, 1))))
    pair = [at(keys[0], (5, 0, 0, 1)), at(keys[1], (5, 0, 0, 2))]
    third = g.accept("a third of another /24", ["room"], row(pair, at(keys[2], (5, 0, 1, 3))))
    g.reject("limit", "a third of one /24", ["crowd"], row(pair, at(keys[2], (5, 0, 0, 3))), third)
    g.accept("a third of one /24, in another bucket", ["room"], row(pair, at(near[0][0], (5, 0, 0, 3))))
    four = [at(keys[n], (5, 0, n, 1)) for n in range(4)]
    fifth = g.accept("a fifth of another /16", ["room"], row(four, at(keys[4], (5, 1, 4, 1))))
    g.reject("limit", "a fifth of one /16", ["crowd"], row(four, at(keys[4], (5, 0, 4, 1))), fifth)
    g.accept("a fifth of one /16, in another bucket", ["room"], row(four, at(near[0][0], (5, 0, 4, 1))))
    six = lambda *parts: bytes([0x2A, 1, 4, 0xF8]) + bytes(parts).ljust(12, b"\x00")
    pair = [at(keys[0], six(0, 0, 1)), at(keys[1], six(0, 0, 2))]
    third = g.accept("a third of another /48", ["room"], row(pair, at(keys[2], six(0, 1, 3))))
    g.reject("limit", "a third of one /48", ["crowd"], row(pair, at(keys[2], six(0, 0, 3))), third)
    four = [at(keys[n], six(0, n)) for n in range(4)]
    fifth = g.accept("a fifth of another /32", ["room"], row(four, at(keys[4],
                                                                      bytes([0x2A, 1, 4, 0xF9]).ljust(16, b"\x04"))))
    g.reject("limit", "a fifth of one /32", ["crowd"], row(four, at(keys[4],
                                                                    bytes([0x2A, 1, 4, 0xF8]).ljust(16, b"\x04"))),
                                                                    fifth)
    eight = [at(key, (5, 0, 0, 1 + n)) for n,
             key in enumerate(keys[:2] + [k for bucket in near[:3] for k in bucket[:2]])]
    ninth = g.accept("a ninth of another /24", ["room"], row(eight, at(near[3][0], (5, 0, 1, 9))))
    g.reject("limit", "a ninth of one /24 in the table", ["crowd"], row(eight, at(near[3][0], (5, 0, 0, 9))), ninth)
    full = [at(keys[n], (5 + n, 0, 0, 1)) for n in range(20)]
    g.accept("the twentieth", ["room"], row(full[:19], full[19]))
    g.accept("the twenty-first, in reserve", ["room"], row(full, at(keys[20], (25, 0, 0, 1))))
    reserve = [at(keys[20], (25, 0, 0, 1)), at(keys[21], (25, 0, 0, 2))]
    spare = g.accept("a third in reserve of another /24", ["room"], row(full + reserve, at(keys[22], (25, 0, 1, 3))))
    g.reject("limit", "a third in reserve of one /24", ["crowd"], row(full + reserve, at(keys[22], (25, 0, 0, 3))),
             spare)
    g.accept("a thirty-first, which takes the place of the one in reserve heard of longest ago", ["room"],
             row(full + [at(keys[20 + n], (30 + n, 0, 0, 1)) for n in range(10)], at(keys[30], (41, 0, 0, 1))))
    known = [at(keys[0], (5, 0, 0, 1))]
    same = g.accept("another key at another port", ["room"], row(known, at(keys[1], (5, 0, 0, 1), 8469)))
    g.reject("limit", "another key at the same address and port", ["crowd"], row(known, at(keys[1], (5, 0, 0, 1))),
             same)
    other = g.accept("another key at another address", ["room"], row(known, at(keys[1], (6, 0, 0, 1))))
    g.reject("limit", "the same key at another address", ["crowd"], row(known, at(keys[0], (6, 0, 0, 1))), other)
    g.reject("limit", "the node itself", ["crowd"], row(known, at(NODE.public, (6, 0, 0, 1))), other)

    def closest(i):
        target = bytes.fromhex(i["target"])
        order = sorted((bytes.fromhex(one["key"]) for one in i["contacts"]), key=lambda k: distance(sha256(k), target))
        return {}, {"keys": [key.hex() for key in order[: i["count"]]]}

    c = f.group("dht_table.closest", "seeded keys", closest, key=NODE.public.hex())
    some = [at(key, (5 + n, 0, 0, 1)) for n, key in enumerate(keys[:12] + [k for bucket in near for k in bucket])]
    for n in range(4):
        target = seeded(f"dht/target/{n}")
        c.accept(f"the eight nearest to target {n}", ["nearest"], {"contacts": some, "target": target.hex(),
                                                                   "count": 8})
    c.accept("all, in order", ["nearest"], {"contacts": some, "target": own.hex(), "count": 40})
    c.accept("of none, none", ["nearest"], {"contacts": [], "target": own.hex(), "count": 20})
    return f


def holding(ledger):
    f = VectorFile(ledger, "dht", "storage")
    f.note("newer", ["AM-DHT-016"], "a newer record is refused", "an agent cannot move")
    f.note("older", ["AM-DHT-016"], "the last one stored counts", "whoever has kept an old record brings it back",
           ["cat 118"])
    f.note("gone", ["AM-DHT-017"], "records are given out for ever", "old relays and keys come back", ["facts 2"])
    hexed = lambda **changed: Record(**changed).bytes().hex()

    def put(i):
        return {}, {"new": i["last"] not in i["held"][-1:]}

    g = f.group("dht_storage.put", "seeded agents", put)
    two = hexed(sequence=2)
    first = g.accept("the first", ["newer"], {"held": [], "last": two}, NOON)
    g.accept("the same again", ["newer"], {"held": [two], "last": two}, NOON)
    third = g.accept("a higher sequence", ["newer"], {"held": [two], "last": hexed(sequence=3)}, NOON)
    g.reject("replay", "a lower sequence", ["older"], {"held": [two], "last": hexed(sequence=1)}, third, NOON)
    g.reject("replay", "a lower sequence, issued later", ["older"],
             {"held": [two], "last": hexed(sequence=1, issued=CLOCK + 30)}, third, NOON)
    g.accept("a lower sequence of another agent", ["newer"], {"held": [two], "last": hexed(owner=BOB, sequence=1)},
             NOON)
    pair = sorted((Record(sequence=2, relay=relay.encode()).bytes() for relay in ("wss://a", "wss://b")),
                  key=lambda r: r[-64:])
    winner = g.accept("the same sequence, a greater signature", ["newer"], {"held": [pair[0].hex()],
                                                                            "last": pair[1].hex()}, NOON)
    g.reject("replay", "the same sequence, a smaller signature", ["older"],
             {"held": [pair[1].hex()], "last": pair[0].hex()},
             {"held": [pair[1].hex()], "last": hexed(sequence=3)}, NOON, twin_flags=["newer"])
    g.reject("replay", "the one before the last", ["older"], {"held": [two, hexed(sequence=3)], "last": two},
             {"held": [two, hexed(sequence=3)], "last": hexed(sequence=4)}, NOON, twin_flags=["newer"])

    s = f.group("dht_storage.find", "seeded agent",
                lambda i: ({},
                           {"record": i["record"] if i["seconds"] * 10**6 + i["microseconds"] <= i["lifetime"] * 10**6 else ""}))
    for lifetime in (1, 7200, DAY):
        record = hexed(lifetime=lifetime)
        for comment, seconds, microseconds in (("at once", 0, 0), ("in its last instant", lifetime, 0),
                                               ("a microsecond later", lifetime, 1)):
            s.accept(f"one of {lifetime} seconds, {comment}", ["gone"],
                     {"record": record, "lifetime": lifetime, "seconds": seconds, "microseconds": microseconds}, NOON)
    return f


def files(ledger):
    return [points(ledger), records(ledger), datagrams(ledger), tables(ledger), holding(ledger)]
