"""Identity cards, prekeys, bundles and key agreement."""

import base64
import json

from .agents import NOON
from .common import VectorFile, seeded
from .suites import (
    CONTEXTS,
    SUITES,
    Mesh,
    Pair,
    agree,
    b64u,
    context_of,
    dh,
    public,
    sha256,
    sign,
    signed_bytes,
    u32,
    u64,
)

CLOCK = 1795262400  # NOON in Unix seconds
WEEK = 7 * 24 * 3600
ALICE, BOB, CAROL = Mesh("alice"), Mesh("bob", 7), Mesh("carol")


def signatures(ledger):
    f = VectorFile(ledger, "kex", "signatures")
    f.note("sign", ["AM-KEX-001"], "another domain tag, or none", "no two implementations verify each other")
    f.note("valid", ["AM-KEX-002"], "a verifier that is too strict", "honest peers are refused")
    f.note(
        "context",
        ["AM-KEX-002"],
        "a signature made for one purpose is taken for another",
        "a relay turns the proof of one thing into that of another",
        ["cat 10"],
    )
    f.note(
        "bare",
        ["AM-KEX-002"],
        "the content is verified without its domain tag",
        "an oracle for plain bytes signs for us",
        ["cat 10"],
    )
    contents = {name: seeded(f"context/{name}", 48) for name in CONTEXTS}
    g = f.group(
        "context.sign",
        "seeded agents and contents",
        lambda i: (
            {"signed": signed_bytes(i["context"], bytes.fromhex(i["content"])).hex()},
            {"signature": sign(ALICE, i["context"], bytes.fromhex(i["content"])).hex()},
        ),
        seed=ALICE.seed.hex(),
        public_key=ALICE.public.hex(),
    )
    for name in CONTEXTS:
        g.accept(f"sign in context {name}", ["sign"], {"context": name, "content": contents[name].hex()})
    g.accept("sign nothing", ["sign"], {"context": "knock", "content": ""})
    v = f.group("context.verify", "each signature offered in each context", None, public_key=ALICE.public.hex())
    row = lambda context, content, signature: {
        "context": context,
        "content": content.hex(),
        "signature": signature.hex(),
    }
    for made in CONTEXTS:
        signature = sign(ALICE, made, contents[made])
        honest = v.accept(f"made and verified in {made}", ["valid"], row(made, contents[made], signature))
        for other in CONTEXTS:
            if other != made:
                v.reject(
                    "crypto",
                    f"made in {made}, verified in {other}",
                    ["context"],
                    row(other, contents[made], signature),
                    honest,
                )
        for comment, signed in [
            ("without a domain tag", contents[made]),
            ("without the zero byte", signed_bytes(made, contents[made]).replace(b"\0", b"", 1)),
            ("with the tag of version 2", signed_bytes(made, contents[made]).replace(b"-v1:", b"-v2:", 1)),
        ]:
            v.reject(
                "crypto", f"{made} signed {comment}", ["bare"], row(made, contents[made], ALICE.sign(signed)), honest
            )
    return f


def cards(ledger):
    f = VectorFile(ledger, "kex", "card")
    f.note(
        "make", ["AM-KEX-003"], "another layout or another signed text", "no two implementations read each other's card"
    )
    f.note(
        "valid", ["AM-KEX-004", "AM-KEX-005", "AM-KEX-006"], "a reader that is too strict", "honest peers are refused"
    )
    f.note("length", ["AM-KEX-004"], "bytes are missing or left over", "memory is disclosed, or two cards are one")
    f.note("name", ["AM-KEX-005"], "the name inside the card is believed", "anyone is anyone", ["cat 16"])
    f.note(
        "binding",
        ["AM-KEX-006"],
        "the exchange key is not tied to the name",
        "the registry reads everything",
        ["cat 13, 15"],
    )

    def made(i):
        one = Mesh.__new__(Mesh)
        one.__dict__ = dict(by_seed[i["seed"]].__dict__)
        one.epoch = i["epoch"]
        return {"signed": signed_bytes("exchange-key", one.card_content()).hex()}, {"card": one.card().hex()}

    by_seed = {one.seed.hex(): one for one in (ALICE, BOB, CAROL)}
    g = f.group("card.make", "seeded agents", made)
    for one in (ALICE, BOB, CAROL):
        for epoch in (0, 1, one.epoch, 2**32 - 1):
            g.accept(
                f"card of {one.name}, epoch {epoch}",
                ["make"],
                {"seed": one.seed.hex(), "exchange_private_key": one.exchange_seed.hex(), "epoch": epoch},
            )

    def read(i):
        card = bytes.fromhex(i["card"])
        from .encodings import base58

        return {}, {
            "amid": base58(card[:20]),
            "signing_key": card[20:52].hex(),
            "exchange_key": card[52:84].hex(),
            "epoch": int.from_bytes(card[84:88], "big"),
        }

    r = f.group("card.read", "cards of seeded agents", read)
    row = lambda card: {"card": card.hex()}
    honest = r.accept("card of alice", ["valid"], row(ALICE.card()))
    r.accept("card of bob", ["valid"], row(BOB.card()))
    r.accept("highest epoch", ["valid"], row(Mesh("alice", 2**32 - 1).card()))
    card = ALICE.card()
    for comment, data in [
        ("nothing", b""),
        ("151 bytes", card[:-1]),
        ("153 bytes", card + b"\0"),
        ("twice", card + card),
        ("without its name", card[20:]),
        ("without its signature", card[:88]),
    ]:
        r.reject("parse", f"card: {comment}", ["length"], row(data), honest)
    for comment, data in [
        ("name of bob", BOB.raw_amid + card[20:]),
        ("name with the last bit changed", card[:19] + bytes([card[19] ^ 1]) + card[20:]),
        ("name of zeros", bytes(20) + card[20:]),
        ("signing key of bob", card[:20] + BOB.public + card[52:]),
    ]:
        r.reject("auth", f"card: {comment}", ["name"], row(data), honest)
    for comment, data in [
        ("exchange key of bob", card[:52] + BOB.exchange + card[84:]),
        ("top bit of the exchange key set", card[:83] + bytes([card[83] ^ 128]) + card[84:]),
        ("epoch raised", card[:84] + u32(2) + card[88:]),
        ("epoch lowered", card[:84] + u32(0) + card[88:]),
        ("signature of bob", card[:88] + sign(BOB, "exchange-key", ALICE.card_content())),
        ("signature without its context", card[:88] + ALICE.sign(ALICE.card_content())),
        ("signature in context knock", card[:88] + sign(ALICE, "knock", ALICE.card_content())),
        ("signature without the name", card[:88] + sign(ALICE, "exchange-key", ALICE.card_content()[20:])),
        ("signature of the exchange key alone", card[:88] + sign(ALICE, "exchange-key", ALICE.exchange)),
        ("signature of zeros", card[:88] + bytes(64)),
        ("little-endian epoch", card[:84] + (1).to_bytes(4, "little") + card[88:]),
    ]:
        r.reject("crypto", f"card: {comment}", ["binding"], row(data), honest)
    f.note(
        "epoch",
        ["AM-KEX-007"],
        "the highest epoch of a peer is not remembered",
        "a stolen exchange key serves for ever",
        ["cat 36"],
    )
    k = f.group("card.succeed", "cards of seeded agents, accepted in this order", None)
    of = lambda *epochs: [Mesh("alice", e).card().hex() for e in epochs]
    row = lambda before, card: {"accepted": before, "card": card.hex()}
    for comment, before, epoch in [
        ("first card", [], 0),
        ("same epoch", [5], 5),
        ("next epoch", [5], 6),
        ("far ahead", [5], 2**32 - 1),
        ("after the highest", [3, 5, 5, 7], 7),
    ]:
        k.accept(comment, ["epoch"], row(of(*before), Mesh("alice", epoch).card()))
    k.accept("another agent's card of a lower epoch", ["epoch"], row(of(9), CAROL.card()))
    for comment, before, epoch, good in [
        ("one epoch back", [5], 4, 5),
        ("epoch 0 after 1", [1], 0, 1),
        ("back to one accepted before", [3, 5], 3, 5),
        ("far back", [2**32 - 1], 0, 2**32 - 1),
    ]:
        k.reject(
            "auth",
            comment,
            ["epoch"],
            row(of(*before), Mesh("alice", epoch).card()),
            row(of(*before), Mesh("alice", good).card()),
        )
    return f


def leaf(number, key):
    return sha256(b"\0" + u32(number) + key)


def tree(leaves):
    """The levels of a batch, leaves first."""
    levels = [list(leaves)]
    while len(levels[-1]) > 1:
        below = levels[-1]
        above = [sha256(b"\1" + below[k] + below[k + 1]) for k in range(0, len(below) - 1, 2)]
        levels.append(above + ([below[-1]] if len(below) % 2 else []))
    return levels


def path_of(levels, index):
    path = []
    for level in levels[:-1]:
        if index ^ 1 < len(level):
            path.append(level[index ^ 1])
        index //= 2
    return path


class Prekeys:
    """What an agent publishes: one signed prekey and a batch of one-time ones."""

    def __init__(self, agent, number=5, first=100, count=7, before=CLOCK - 3600, after=CLOCK + WEEK):
        self.agent, self.number, self.first, self.count = agent, number, first, count
        self.before, self.after = before, after
        self.signed = Pair(f"{agent.name}/signed/{number}")
        self.keys = [Pair(f"{agent.name}/one-time/{first + k}") for k in range(count)]
        self.levels = tree([leaf(first + k, pair.public) for k, pair in enumerate(self.keys)])

    def content(self):
        return self.agent.raw_amid + u32(self.number) + self.signed.public + u64(self.before) + u64(self.after)

    def batch_content(self):
        return self.agent.raw_amid + u32(self.first) + u32(self.count) + self.levels[-1][0]

    def signed_prekey(self, **changes):
        return {
            "id": self.number,
            "key": b64u(self.signed.public),
            "not_before": self.before,
            "not_after": self.after,
            "signature": b64u(sign(self.agent, "signed-prekey", self.content())),
        } | changes

    def one_time(self, index, **changes):
        return {
            "id": self.first + index,
            "key": b64u(self.keys[index].public),
            "first_id": self.first,
            "count": self.count,
            "path": [b64u(one) for one in path_of(self.levels, index)],
            "signature": b64u(sign(self.agent, "one-time-prekeys", self.batch_content())),
        } | changes

    def bundle(self, index=None, card=None, signed=None, one_time=None):
        return {
            "card": b64u(card or self.agent.card()),
            "signed_prekey": signed or self.signed_prekey(),
        } | ({"one_time_prekey": one_time or self.one_time(index)} if one_time or index is not None else {})


def text(value):
    return json.dumps(value, separators=(",", ":"))


def prekeys(ledger):
    f = VectorFile(ledger, "kex", "prekeys")
    f.note(
        "signed",
        ["AM-KEX-010"],
        "another layout of the signed bytes",
        "no two implementations verify each other's prekeys",
    )
    f.note(
        "batch",
        ["AM-KEX-014"],
        "another tree, another prefix, another order",
        "no two implementations verify each other's batches",
    )
    s = f.group(
        "signed_prekey.make",
        "seeded agents",
        lambda i: (
            {"signed": signed_bytes("signed-prekey", content(i)).hex()},
            {"signature": sign(ALICE, "signed-prekey", content(i)).hex()},
        ),
        seed=ALICE.seed.hex(),
    )
    content = (
        lambda i: ALICE.raw_amid + u32(i["id"]) + bytes.fromhex(i["key"]) + u64(i["not_before"]) + u64(i["not_after"])
    )
    for number, before, after in [
        (1, CLOCK, CLOCK + WEEK),
        (2, CLOCK - 60, CLOCK + 8 * 24 * 3600),
        (2**32 - 1, 0, 30 * 24 * 3600),
        (77, 2**33, 2**33 + 1),
    ]:
        s.accept(
            f"signed prekey {number}",
            ["signed"],
            {"id": number, "key": Pair(f"signed/{number}").public.hex(), "not_before": before, "not_after": after},
        )

    def batch(i):
        keys = [bytes.fromhex(k) for k in i["keys"]]
        levels = tree([leaf(i["first_id"] + k, key) for k, key in enumerate(keys)])
        signed = ALICE.raw_amid + u32(i["first_id"]) + u32(len(keys)) + levels[-1][0]
        return {
            "levels": [[h.hex() for h in level] for level in levels],
            "signed": signed_bytes("one-time-prekeys", signed).hex(),
        }, {
            "root": levels[-1][0].hex(),
            "paths": [[h.hex() for h in path_of(levels, k)] for k in range(len(keys))],
            "signature": sign(ALICE, "one-time-prekeys", signed).hex(),
        }

    b = f.group("batch.make", "seeded keys", batch, seed=ALICE.seed.hex())
    for count in (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 16, 17):
        keys = [Pair(f"batch/{count}/{k}").public.hex() for k in range(count)]
        b.accept(f"batch of {count}", ["batch"], {"first_id": 1 if count % 2 else 1000, "keys": keys})
    return f


def bundles(ledger):
    f = VectorFile(ledger, "kex", "bundle")
    all_checks = [f"AM-KEX-{n:03}" for n in (11, 12, 13, 15, 16, 17, 20, 22)]
    f.note("valid", all_checks, "a client that is too strict", "honest peers cannot be reached")
    f.note(
        "without",
        ["AM-KEX-021"],
        "a bundle without a one-time key is refused",
        "an agent that ran out of keys cannot be reached",
        ["cat 29"],
    )
    f.note(
        "signed",
        ["AM-KEX-011"],
        "the signed prekey is believed because the registry gave it",
        "the registry reads everything",
        ["cat 11, 12"],
    )
    f.note("period", ["AM-KEX-012"], "any period is accepted", "a stolen prekey is good for years")
    f.note(
        "time", ["AM-KEX-013"], "the period is not looked at", "an old prekey is replayed by the registry", ["cat 28"]
    )
    f.note(
        "path",
        ["AM-KEX-015"],
        "the path is not followed to its root",
        "the registry hands out keys of its own",
        ["cat 14"],
    )
    f.note("batch", ["AM-KEX-016"], "the root is not signed", "the registry hands out keys of its own", ["cat 11"])
    f.note("range", ["AM-KEX-017"], "an id outside of its batch is accepted", "one proof stands for another key")
    f.note(
        "name",
        ["AM-KEX-020"],
        "the bundle of another agent is used",
        "messages go to whom the registry likes",
        ["cat 15"],
    )
    f.note(
        "card",
        ["AM-KEX-006"],
        "the card in a bundle is not read as a card",
        "the registry swaps the exchange key",
        ["cat 13"],
    )
    f.note(
        "form", ["AM-KEX-022"], "a default stands in for what is missing", "a check is passed by leaving its member out"
    )
    f.note(
        "size",
        ["AM-KEX-022"],
        "a text is read before it is measured, or measured in characters",
        "the registry decides how much memory a client spends",
    )
    f.note(
        "order",
        ["AM-KEX-020", "AM-KEX-011", "AM-KEX-017"],
        "where two checks fail, another one speaks",
        "two implementations report one bundle differently",
    )

    def checked(i):
        value = json.loads(i["text"])
        raw = lambda t: base64.urlsafe_b64decode(t + "=" * (-len(t) % 4))
        out = {
            "signed_prekey_id": value["signed_prekey"]["id"],
            "signed_prekey": raw(value["signed_prekey"]["key"]).hex(),
        }
        if "one_time_prekey" in value:
            one = value["one_time_prekey"]
            out |= {"one_time_prekey_id": one["id"], "one_time_prekey": raw(one["key"]).hex()}
        return {}, out

    g = f.group("bundle.check", "seeded agents", checked)
    p = Prekeys(BOB)
    row = lambda bundle, expected=BOB.amid: {
        "text": bundle if isinstance(bundle, str) else text(bundle),
        "expected": expected,
    }
    plain = g.accept("without a one-time prekey", ["valid", "without"], row(p.bundle()), NOON)
    full = g.accept("with a one-time prekey", ["valid"], row(p.bundle(2)), NOON)
    for k in (0, 1, 5, 6):
        g.accept(f"one-time prekey {k} of 7", ["valid"], row(p.bundle(k)), NOON)
    for count in (1, 2, 3, 8, 100, 1024):
        q = Prekeys(BOB, first=1, count=count)
        g.accept(f"last of a batch of {count}", ["valid"], row(q.bundle(count - 1)), NOON)
    g.accept(
        "members in another order, and unknown ones",
        ["valid"],
        row(text({"note": [1], **dict(reversed(p.bundle(2).items()))})),
        NOON,
    )

    # Each refusal differs in one place of the text.
    def no(why, comment, flag, bundle, twin=full, expected=BOB.amid, now=NOON):
        g.reject(why, comment, [flag], row(bundle, expected), twin, now)

    other = Prekeys(CAROL)
    no(
        "crypto",
        "signed prekey: key of another",
        "signed",
        p.bundle(signed=p.signed_prekey(key=b64u(other.signed.public))),
        plain,
    )
    no("crypto", "signed prekey: id raised", "signed", p.bundle(signed=p.signed_prekey(id=6)), plain)
    no(
        "crypto",
        "signed prekey: not_before moved",
        "signed",
        p.bundle(signed=p.signed_prekey(not_before=p.before - 1)),
        plain,
    )
    no(
        "crypto",
        "signed prekey: not_after moved",
        "signed",
        p.bundle(signed=p.signed_prekey(not_after=p.after + 1)),
        plain,
    )
    signature = lambda who, context, data: b64u(sign(who, context, data) if context else who.sign(data))
    for comment, who, context, data in [
        ("signed by another agent", CAROL, "signed-prekey", p.content()),
        ("signed in context one-time-prekeys", BOB, "one-time-prekeys", p.content()),
        ("signed as 0.2 does", BOB, None, p.signed.public),
        ("signed without the id", BOB, "signed-prekey", BOB.raw_amid + p.content()[24:]),
        ("signed without the name", BOB, "signed-prekey", p.content()[20:]),
    ]:
        no(
            "crypto",
            comment,
            "signed",
            p.bundle(signed=p.signed_prekey(signature=signature(who, context, data))),
            plain,
        )
    no("crypto", "signature of zeros", "signed", p.bundle(signed=p.signed_prekey(signature=b64u(bytes(64)))), plain)
    no("parse", "empty signature", "form", p.bundle(signed=p.signed_prekey(signature="")), plain)
    month = 30 * 24 * 3600

    def lasting(seconds, before=CLOCK - 60):
        return Prekeys(BOB, before=before, after=before + seconds).bundle()

    edge = g.accept("30 days", ["valid"], row(lasting(month)), NOON)
    assert edge
    for comment, seconds in [("30 days and a second", month + 1), ("a year", 365 * 24 * 3600)]:
        bad, good = lasting(seconds), lasting(month)
        g.reject(
            "parse",
            f"valid for {comment}",
            ["period"],
            {"text": text(bad), "expected": BOB.amid},
            {"text": text(good), "expected": BOB.amid},
            NOON,
        )
    g.reject("parse", "valid for no time", ["period"], row(lasting(0)), row(lasting(61)), NOON)
    g.reject("parse", "ends before it begins", ["period"], row(lasting(-1)), row(lasting(61)), NOON)
    short = Prekeys(BOB, before=CLOCK, after=CLOCK + 3600).bundle()
    for comment, now in [
        ("first second", "2026-11-21T12:00:00Z"),
        ("last second", "2026-11-21T13:00:00Z"),
        ("between", "2026-11-21T12:30:00Z"),
    ]:
        g.accept(f"period: {comment}", ["valid"], row(short), now)
    for comment, now in [
        ("a second early", "2026-11-21T11:59:59Z"),
        ("a second late", "2026-11-21T13:00:01Z"),
        ("a year late", "2027-11-21T12:30:00Z"),
    ]:
        g.reject("auth", f"period: {comment}", ["time"], row(short), row(short), now, "2026-11-21T12:30:00Z")
    no("auth", "asked for carol", "name", p.bundle(2), full, CAROL.amid)
    no("auth", "asked for alice", "name", p.bundle(2), full, ALICE.amid)
    no(
        "crypto",
        "exchange key swapped inside the card",
        "card",
        p.bundle(2, card=BOB.card()[:52] + CAROL.exchange + BOB.card()[84:]),
    )
    no("auth", "card with the name of carol", "card", p.bundle(2, card=CAROL.raw_amid + BOB.card()[20:]))
    no("parse", "card of 151 bytes", "card", p.bundle(2, card=BOB.card()[:-1]))
    no(
        "crypto",
        "one-time prekey: key of another",
        "path",
        p.bundle(one_time=p.one_time(2, key=b64u(other.keys[0].public))),
    )
    no("crypto", "one-time prekey: id of a neighbour", "path", p.bundle(one_time=p.one_time(2, id=p.first + 3)))
    good_path = p.one_time(2)["path"]
    no(
        "crypto",
        "path with two hashes exchanged",
        "path",
        p.bundle(one_time=p.one_time(2, path=[good_path[1], good_path[0], good_path[2]])),
    )
    no("crypto", "path one hash short", "path", p.bundle(one_time=p.one_time(2, path=good_path[:-1])))
    no("crypto", "path one hash long", "path", p.bundle(one_time=p.one_time(2, path=good_path + [b64u(bytes(32))])))
    no(
        "crypto",
        "path with the last hash changed",
        "path",
        p.bundle(one_time=p.one_time(2, path=good_path[:-1] + [b64u(seeded("path"))])),
    )
    no("crypto", "empty path", "path", p.bundle(one_time=p.one_time(2, path=[])))
    no(
        "crypto",
        "path of a hash without a neighbour, repeated",
        "path",
        p.bundle(one_time=p.one_time(6, path=[b64u(p.levels[0][6])] + p.one_time(6)["path"])),
        row(p.bundle(6)),
    )
    for comment, who, context, data in [
        ("batch signed by another agent", CAROL, "one-time-prekeys", p.batch_content()),
        ("batch signed in context signed-prekey", BOB, "signed-prekey", p.batch_content()),
        ("batch signed without its range", BOB, "one-time-prekeys", BOB.raw_amid + p.levels[-1][0]),
        ("batch signature without a context", BOB, None, p.batch_content()),
    ]:
        no("crypto", comment, "batch", p.bundle(one_time=p.one_time(2, signature=signature(who, context, data))))
    no("crypto", "count raised", "batch", p.bundle(one_time=p.one_time(2, count=8)))
    for comment, number in [("id before the batch", p.first - 1), ("id after the batch", p.first + p.count)]:
        no("parse", comment, "range", p.bundle(one_time=p.one_time(2, id=number)))
    top = Prekeys(BOB, first=2**32 - 3, count=2)
    g.accept("id FFFFFFFE", ["valid"], row(top.bundle(1)), NOON)
    last = Prekeys(BOB, first=2**32 - 1, count=1)
    nearly = Prekeys(BOB, first=2**32 - 2, count=1)
    g.reject("parse", "id FFFFFFFF", ["range"], row(last.bundle(0)), row(nearly.bundle(0)), NOON)
    no("parse", "count 0", "range", p.bundle(one_time=p.one_time(2, count=0)))
    no("parse", "count 1025", "range", p.bundle(one_time=p.one_time(2, count=1025)))
    for part, members in (("signed_prekey", p.signed_prekey()), ("one_time_prekey", p.one_time(2))):
        for member in members:
            less = {k: v for k, v in members.items() if k != member}
            no("parse", f"{part} without {member}", "form", p.bundle(2) | {part: less})
            wrong = str(members[member]) if isinstance(members[member], int) else 5
            no(
                "parse",
                f"{part} with {member} of another type",
                "form",
                p.bundle(2) | {part: members | {member: wrong}},
            )
    no("parse", "no card", "form", {k: v for k, v in p.bundle(2).items() if k != "card"})
    no("parse", "no signed prekey", "form", {k: v for k, v in p.bundle(2).items() if k != "signed_prekey"})
    no("parse", "one-time prekey is null", "form", p.bundle(2) | {"one_time_prekey": None})
    no(
        "parse",
        "card in the standard alphabet, padded",
        "form",
        p.bundle(2) | {"card": base64.b64encode(BOB.card()).decode()},
    )
    no("parse", "key of 31 bytes", "form", p.bundle(one_time=p.one_time(2, key=b64u(p.keys[2].public[:31]))))
    no("parse", "negative id", "form", p.bundle(signed=p.signed_prekey(id=-5)))
    no("parse", "id beyond 32 bits", "form", p.bundle(signed=p.signed_prekey(id=2**32 + 5)))
    no("parse", "array in place of an object", "form", "[" + text(p.bundle(2)) + "]")
    no("parse", "negative not_before", "form", p.bundle(signed=p.signed_prekey(not_before=-1)))
    no("parse", "not_after a fraction", "form", p.bundle(signed=p.signed_prekey(not_after=p.after + 0.5)))
    no("parse", "not_after beyond 2^53", "form", p.bundle(signed=p.signed_prekey(not_after=2**53 + 1)))
    no("parse", "count as text", "form", p.bundle(one_time=p.one_time(2, count="7")))
    no("parse", "path as text", "form", p.bundle(one_time=p.one_time(2, path=good_path[0])))
    no("parse", "path with a hash of 31 bytes", "form", p.bundle(one_time=p.one_time(2, path=[b64u(bytes(31))])))
    ten = [b64u(seeded(f"path/{k}")) for k in range(11)]
    no("limit", "path of eleven hashes", "size", p.bundle(one_time=p.one_time(2, path=ten)))
    no("crypto", "path of ten hashes where three belong", "path", p.bundle(one_time=p.one_time(2, path=ten[:10])))

    noted = lambda note: json.dumps({"note": note} | p.bundle(), separators=(",", ":"), ensure_ascii=False)
    room = 8192 - len(noted(""))
    largest = g.accept("8,192 bytes", ["valid"], row(noted("n" * room)), NOON)
    g.accept("8,192 bytes in 8,191 characters", ["valid"], row(noted("n" * (room - 2) + "\u00fc")), NOON)
    no("limit", "8,193 bytes", "size", noted("n" * (room + 1)), largest)
    no("limit", "8,193 bytes in 8,192 characters", "size", noted("n" * (room - 1) + "\u00fc"), largest)

    # Two faults; the check that comes first speaks. One edit mends both.
    late = Prekeys(BOB, before=CLOCK - 7200, after=CLOCK - 3600)
    by_carol = lambda q: q.signed_prekey(signature=signature(CAROL, "signed-prekey", q.content()))
    no("parse", "form before name", "order", p.bundle(2, card=CAROL.card()) | {"signed_prekey": {"id": 5}})
    no("auth", "name before the card's signature", "order", p.bundle(card=CAROL.card()[:88] + bytes(64)), plain)
    no("auth", "name before the prekey's signature", "order", p.bundle(2, card=CAROL.card()))
    no("crypto", "card before period", "order", lasting(month + 1) | {"card": b64u(BOB.card()[:88] + bytes(64))}, plain)
    too_long = Prekeys(BOB, before=CLOCK - 60, after=CLOCK - 60 + month + 1)
    no("parse", "period before signature", "order", too_long.bundle(signed=by_carol(too_long)), plain)
    no("crypto", "signature before time", "order", late.bundle(signed=by_carol(late)), plain)
    no("auth", "time before the one-time prekey", "order", late.bundle(one_time=late.one_time(2, id=1)))
    no("parse", "range before path", "order", p.bundle(one_time=p.one_time(2, id=p.first - 1, path=[])))
    return f


class Manager:
    """The prekey rules of SPEC.md, without keys: ids, times, and what is left."""

    def __init__(self):
        self.signed, self.one_time, self.next_one = [], [], 1

    def maintain(self, now):
        rotated = not self.signed or now >= self.signed[-1][1] + WEEK
        if rotated:
            self.signed.append((len(self.signed) + 1, now))
        added = 100 - len(self.one_time) if len(self.one_time) < 20 else 0
        self.one_time += range(self.next_one, self.next_one + added)
        self.next_one += added
        return {"rotated": rotated, "added": added} | self.published()

    def published(self):
        return {
            "signed_id": self.signed[-1][0],
            "one_time": [self.one_time[0], self.one_time[-1]],
            "left": len(self.one_time),
        }

    def spend(self, count):
        del self.one_time[:count]
        return {"left": len(self.one_time)}


def managers(ledger):
    f = VectorFile(ledger, "kex", "manager")
    f.note(
        "refill",
        ["AM-KEX-030"],
        "the mark or the number is another, or nothing is refilled",
        "agents run out of one-time keys",
        ["cat 29"],
    )
    f.note(
        "rotate", ["AM-KEX-031"], "the signed prekey is never replaced", "one stolen key opens years of first messages"
    )
    f.note(
        "grace", ["AM-KEX-032"], "the former prekey is erased at once", "first messages under way are lost", ["cat 28"]
    )
    f.note(
        "late",
        ["AM-KEX-033"],
        "the former prekey is honoured for ever",
        "a stolen key opens first messages for ever",
        ["cat 28"],
    )
    f.note(
        "ids",
        ["AM-KEX-034"],
        "ids begin anew after a restart",
        "a first message is answered under another key",
        ["cat 25"],
    )
    f.note("spent", ["AM-KEX-035"], "a spent key is found again", "a first message is replayed", ["cat 25"])
    f.note(
        "saved",
        ["AM-KEX-036"],
        "keys are published before they are saved",
        "first messages cannot be opened after a crash",
        ["cat 32"],
    )
    g = f.group("prekeys.script", "rules of SPEC.md; no key bytes are compared", None)

    def run(steps):
        manager, results = Manager(), []
        for one in steps:
            match one["do"]:
                case "maintain":
                    results.append(manager.maintain(one["at"]))
                case "maintain_unsaved":  # the store refuses
                    results.append({"refused": True} | (manager.published() if manager.signed else {}))
                case "spend":
                    results.append(manager.spend(one["count"]))
                case "restart":
                    results.append(manager.published())
        return results

    day = 24 * 3600
    at = lambda offset: {"do": "maintain", "at": CLOCK + offset}
    spend = lambda count: {"do": "spend", "count": count}
    restart = {"do": "restart"}

    def add(comment, flags, steps, last=None):
        test = g.accept(comment, flags, {"steps": steps} | ({"last": last} if last else {}))
        test["output"] = {"results": run(steps)}
        return test

    add("first upkeep", ["refill", "rotate"], [at(0)])
    add("80 spent: nothing is due", ["refill"], [at(0), spend(80), at(1)])
    add("81 spent: refilled to 100", ["refill"], [at(0), spend(81), at(1)])
    add("all spent", ["refill", "ids"], [at(0), spend(100), at(1), spend(100), at(2)])
    add("a second before 7 days", ["rotate"], [at(0), at(7 * day - 1)])
    add("7 days", ["rotate"], [at(0), at(7 * day)])
    add("four weeks", ["rotate"], [at(k * 7 * day) for k in range(5)])
    add("restart between upkeeps", ["ids"], [at(0), spend(90), restart, at(1), restart, at(7 * day), restart])
    add("spent keys stay spent over a restart", ["ids"], [at(0), spend(30), restart, spend(55), restart, at(1)])
    add(
        "nothing is published that is not saved",
        ["saved"],
        [at(0), spend(90), {"do": "maintain_unsaved", "at": CLOCK + 7 * day}, at(7 * day)],
    )
    rotated = [at(0), at(7 * day)]
    signed = lambda number, offset: {"signed": number, "at": CLOCK + offset}
    add("present signed prekey", ["grace"], rotated, signed(2, 7 * day))
    add("former signed prekey at once", ["grace"], rotated, signed(1, 7 * day))
    edge = add("former signed prekey after 24 hours", ["grace"], rotated, signed(1, 8 * day))

    def no(why, comment, flag, steps, last, good):
        g.reject(why, comment, [flag], {"steps": steps, "last": last}, good)

    no("auth", "former signed prekey a second later", "late", rotated, signed(1, 8 * day + 1), edge)
    no("auth", "former signed prekey a week later", "late", rotated, signed(1, 13 * day), edge)
    no("state", "signed prekey that never was", "late", rotated, signed(3, 8 * day), edge)
    no("state", "signed prekey 0", "late", rotated, signed(0, 8 * day), edge)
    steps = [at(0), spend(5)]
    good = add("next one-time prekey", ["ids"], steps, {"one_time": 6})
    for number in (5, 1, 101, 0, 2**32 - 2):
        no("state", f"one-time prekey {number}", "spent", steps, {"one_time": number}, good)
    steps = [at(0), spend(5), restart]
    good = add("next one-time prekey after a restart", ["ids"], steps, {"one_time": 6})
    no("state", "spent one-time prekey after a restart", "spent", steps, {"one_time": 5}, good)
    return f


def deployed(ledger):
    f = VectorFile(ledger, "kex", "deployed")
    f.note(
        "valid",
        ["AM-KEX-045"],
        "a deployed registry's reply is refused",
        "deployed agents cannot be reached",
        ["G9, G10"],
    )
    f.note(
        "signed",
        ["AM-KEX-045"],
        "the signed prekey is believed because the registry gave it",
        "the registry reads everything",
        ["C12", "cat 11, 12"],
    )
    standard = lambda data: base64.b64encode(data).decode()
    raw = lambda t: base64.b64decode(
        t.removeprefix("x25519:").replace("-", "+").replace("_", "/") + "=" * (-len(t.removeprefix("x25519:")) % 4)
    )
    p = Prekeys(BOB)

    def read_v02(i):
        value = json.loads(i["text"])
        one = value.get("one_time_prekey") or (value.get("one_time_prekeys") or [None])[0]
        out = {
            "identity": raw(value["identity_key"]).hex(),
            "signed_prekey_id": value["signed_prekey_id"],
            "signed_prekey": raw(value["signed_prekey"]).hex(),
        }
        return {}, out | ({"one_time_prekey_id": one["id"], "one_time_prekey": raw(one["key"]).hex()} if one else {})

    g = f.group(
        "deployed.v02", "replies as the 0.2 registry and its SDKs write them", read_v02, public_key=BOB.public.hex()
    )
    usual = {
        "identity_key": "x25519:" + standard(BOB.exchange),
        "signed_prekey": standard(p.signed.public),
        "signed_prekey_signature": standard(BOB.sign(p.signed.public)),
        "signed_prekey_id": 5,
    }
    key = lambda k: {"id": k + 1, "key": standard(p.keys[k].public)}
    row = lambda value: {"text": json.dumps(value)}
    good = g.accept("0.2, without a one-time prekey", ["valid"], row(usual))
    g.accept("0.2, with a one-time prekey", ["valid"], row(usual | {"one_time_prekey": key(0)}))
    g.accept("0.2, one-time prekey null", ["valid"], row(usual | {"one_time_prekey": None}))
    g.accept("0.2, list of one-time prekeys", ["valid"], row(usual | {"one_time_prekeys": [key(2), key(0)]}))
    g.accept("0.2, bare keys", ["valid"], row(usual | {"identity_key": standard(BOB.exchange)}))
    g.accept("0.2, empty list", ["valid"], row(usual | {"one_time_prekeys": []}))
    g.accept("0.2, list null", ["valid"], row(usual | {"one_time_prekeys": None}))
    g.accept(
        "0.2, one-time prekey beside a list",
        ["valid"],
        row(usual | {"one_time_prekey": key(0), "one_time_prekeys": [key(2)]}),
    )

    def fixture():
        from nacl.signing import VerifyKey

        public_key = base64.b64decode("E7RAq5XydbCiV7fwsMJety83LB8m6376gWTC31Gj1Z8=")
        spk = base64.b64decode("WvzlPN0TRO4+d2V6JgoSM+93IqMTjQ5PHMgHyKTlfHc=")
        proof = base64.b64decode(
            "Dk+YJi1c9eZOAoKo/GNqyZ3CZfvDC2byV34JsZ4EU0IzYdvsZ5vRn5+yKeZjhNUnD0CLbqQ1GrduhPxgjwNbAA=="
        )
        VerifyKey(public_key).verify(spk, proof)
        return public_key, {
            "identity_key": "5EKAKDB0IsnH9GKdKWxxjTGewY4jSt3gdACN6HxCSi0=",
            "signed_prekey": standard(spk),
            "signed_prekey_signature": standard(proof),
            "signed_prekey_id": 1,
        }

    public_key, known = fixture()
    f.group("deployed.v02", "fixture of 0.2", read_v02, public_key=public_key.hex()).accept(
        "0.2, its fixture", ["valid"], row(known)
    )
    for comment, proof in [
        ("signed by carol", CAROL.sign(p.signed.public)),
        ("signed over another key", BOB.sign(Prekeys(CAROL).signed.public)),
        ("signed as am1 does", sign(BOB, "signed-prekey", p.content())),
        ("signature of zeros", bytes(64)),
    ]:
        g.reject(
            "crypto", f"0.2, {comment}", ["signed"], row(usual | {"signed_prekey_signature": standard(proof)}), good
        )
    g.reject(
        "crypto",
        "0.2, signed prekey swapped",
        ["signed"],
        row(usual | {"signed_prekey": standard(Prekeys(CAROL).signed.public)}),
        good,
    )
    g.reject("parse", "0.2, empty signature", ["signed"], row(usual | {"signed_prekey_signature": ""}), good)
    g.reject(
        "parse",
        "0.2, no signature",
        ["signed"],
        row({k: v for k, v in usual.items() if k != "signed_prekey_signature"}),
        good,
    )

    import nacl.bindings as sodium

    def read_wire10(i):
        value = json.loads(i["text"])
        one, spk = value.get("one_time_pre_key"), value["signed_pre_key"]
        out = {
            "identity": raw(value["identity_key"]).hex(),
            "signed_prekey_id": spk["key_id"],
            "signed_prekey": raw(spk["public_key"]).hex(),
        }
        return {}, out | (
            {"one_time_prekey_id": one["key_id"], "one_time_prekey": raw(one["public_key"]).hex()} if one else {}
        )

    w = f.group("deployed.wire10", "replies as the Wire 1.0 registry writes them", read_wire10)
    mapped = sodium.crypto_sign_ed25519_pk_to_curve25519(BOB.public)
    spk = {"key_id": 0, "public_key": b64u(p.signed.public), "signature": b64u(BOB.sign(p.signed.public))}
    usual = {
        "identity_key": b64u(mapped),
        "identity_key_ed": b64u(BOB.public),
        "signed_pre_key": spk,
        "one_time_pre_key": None,
    }
    good = w.accept("wire10, without a one-time prekey", ["valid"], row(usual))
    w.accept(
        "wire10, with a one-time prekey",
        ["valid"],
        row(usual | {"one_time_pre_key": {"key_id": 3, "public_key": standard(p.keys[0].public)}}),
    )
    w.accept(
        "wire10, padded in the standard alphabet",
        ["valid"],
        row(usual | {"identity_key": standard(mapped), "identity_key_ed": standard(BOB.public)}),
    )
    for comment, proof in [
        ("signed by carol", CAROL.sign(p.signed.public)),
        ("signed over another key", BOB.sign(BOB.exchange)),
        ("signature of zeros", bytes(64)),
    ]:
        w.reject(
            "crypto",
            f"wire10, {comment}",
            ["signed"],
            row(usual | {"signed_pre_key": spk | {"signature": b64u(proof)}}),
            good,
        )
    w.reject(
        "crypto",
        "wire10, signed prekey swapped",
        ["signed"],
        row(usual | {"signed_pre_key": spk | {"public_key": b64u(Prekeys(CAROL).signed.public)}}),
        good,
    )
    w.reject("crypto", "wire10, no signing key", ["signed"], row(usual | {"identity_key_ed": None}), good)
    return f


LOW = {  # u-coordinates whose product with any scalar is zero
    "0": bytes(32),
    "1": (1).to_bytes(32, "little"),
    "order 8": bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    "p - 1": (2**255 - 20).to_bytes(32, "little"),
    "p": (2**255 - 19).to_bytes(32, "little"),
}


def agreements(ledger):
    f = VectorFile(ledger, "kex", "agreement")
    which = {"am1": "AM-KEX-040", "wire10": "AM-KEX-042", "wire10-legacy": "AM-KEX-043", "v02": "AM-KEX-044"}
    for suite, clause in which.items():
        f.note(
            suite,
            [clause],
            "another salt, prefix, info or order of the results",
            "the first message does not open",
            ["cat 30"],
        )
    f.note("valid", ["AM-KEX-041"], "an honest key is refused", "agents cannot talk")
    f.note(
        "zero",
        ["AM-KEX-041"],
        "a result of zeros goes into the derivation",
        "a peer makes everyone share a key",
        ["cat 1"],
    )

    def named(i, side):
        """Results in order, as one side computes them."""
        key = lambda name: bytes.fromhex(i[name])
        if side == "initiator":
            out = [
                dh(key("exchange_private_key"), key("signed_prekey")),
                dh(key("ephemeral_private_key"), key("peer_exchange_key")),
                dh(key("ephemeral_private_key"), key("signed_prekey")),
            ]
            if "one_time_prekey" in i:
                out.append(dh(key("ephemeral_private_key"), key("one_time_prekey")))
        else:
            out = [
                dh(key("signed_prekey_private_key"), key("peer_exchange_key")),
                dh(key("exchange_private_key"), key("ephemeral_key")),
                dh(key("signed_prekey_private_key"), key("ephemeral_key")),
            ]
            if "one_time_prekey_private_key" in i:
                out.append(dh(key("one_time_prekey_private_key"), key("ephemeral_key")))
        return out

    def computed(side):
        def compute(i):
            results = named(i, side)
            between = {"dh": [r.hex() for r in results]}
            if i["suite"] != "am1":
                return between, {"root": agree(i["suite"], results).hex()}
            own = lambda name: public(bytes.fromhex(i[name]))
            if side == "initiator":
                e, p = own("ephemeral_private_key"), bytes.fromhex(i["signed_prekey"])
                o = bytes.fromhex(i["one_time_prekey"]) if "one_time_prekey" in i else None
            else:
                e, p = bytes.fromhex(i["ephemeral_key"]), own("signed_prekey_private_key")
                o = own("one_time_prekey_private_key") if "one_time_prekey_private_key" in i else None
            ctx = context_of(
                bytes.fromhex(i["initiator_card"]),
                bytes.fromhex(i["responder_card"]),
                e,
                bytes.fromhex(i["ratchet_key"]),
                (i["signed_prekey_id"], p),
                (i["one_time_prekey_id"], o) if o else None,
            )
            out = agree("am1", results, ctx)
            return between | {"ctx": ctx.hex(), "ctx_hash": sha256(ctx).hex()}, {
                "root": out[:32].hex(),
                "knock": out[32:64].hex(),
                "reply": out[64:96].hex(),
                "id": out[96:].hex(),
            }

        return compute

    e, r = Pair("kex/ephemeral"), Pair("kex/ratchet")
    p = Prekeys(BOB)
    o = p.keys[2]

    def sides(suite, four, a=ALICE, b=BOB, e=e, signed=p.signed, o=o, number=5, one=102):
        more = (
            {
                "initiator_card": a.card().hex(),
                "responder_card": b.card().hex(),
                "ratchet_key": r.public.hex(),
                "signed_prekey_id": number,
            }
            | ({"one_time_prekey_id": one} if four else {})
            if suite == "am1"
            else {}
        )
        first = {
            "suite": suite,
            "exchange_private_key": a.exchange_seed.hex(),
            "ephemeral_private_key": e.private.hex(),
            "peer_exchange_key": b.exchange.hex(),
            "signed_prekey": signed.public.hex(),
        } | ({"one_time_prekey": o.public.hex()} if four else {})
        second = {
            "suite": suite,
            "exchange_private_key": b.exchange_seed.hex(),
            "signed_prekey_private_key": signed.private.hex(),
            "peer_exchange_key": a.exchange.hex(),
            "ephemeral_key": e.public.hex(),
        } | ({"one_time_prekey_private_key": o.private.hex()} if four else {})
        return first | more, second | more

    one = f.group(
        "agreement.initiator", "seeded agents, and the fixtures of both deployed stacks", computed("initiator")
    )
    two = f.group("agreement.responder", "the same agreements from the other side", computed("responder"))
    raw = lambda t: base64.b64decode(t)

    class Given(Mesh):
        def __init__(self, name, private):
            super().__init__(name)
            self.exchange_seed, self.exchange = private, public(private)

    def given(private):
        pair = Pair.__new__(Pair)
        pair.private, pair.public = private, public(private)
        return pair

    fixture = dict(
        a=Given("fixture a", raw("VBgE2WW33wRZAPykVqR2eCV9T77YRCZEM2oOtYWiNiA=")),
        b=Given("fixture b", raw("oe8xerT6oRxqdJuhnHJ954j/IkiPcjy2WTjAOqEzhTE=")),
        e=given(raw("HGJlC5RW+FqcQ5Bvl4fnMs5HXCpNvMM1k6m1eDOWXrk=")),
        signed=given(raw("cco7Tuq8aXp3OtaiV5dCGmd708p7ap38PfpmGc6wRAc=")),
        o=given(raw("ymsAYx2mt7O/4+3w7p+lyP2izRqCqm9OAADU/u+bf7c=")),
    )
    for four, secret in (
        (True, "1ZiCFlHzWlk4cuOjf7QW+dRcrrYWzvYwcMCXaqH/BG4="),
        (False, "DMoJ1sczvq2uvZSn0Ym+g7GALUpJmFW002O1CUjp+LA="),
    ):
        for group, i in zip((one, two), sides("v02", four, **fixture)):
            test = group.accept(
                f"fixture of 0.2, {'four' if four else 'three'} results, {group.kind}", ["v02", "valid"], i
            )
            assert raw(secret).hex() == test["output"]["root"]
    for suite in SUITES:
        for four in (False, True):
            for group, i in zip((one, two), sides(suite, four)):
                group.accept(f"{suite}, {'four' if four else 'three'} results, {group.kind}", [suite, "valid"], i)
    for n in range(3):
        other = dict(
            a=Mesh(f"kex/a{n}", n),
            b=Mesh(f"kex/b{n}", n + 1),
            e=Pair(f"kex/e{n}"),
            signed=Pair(f"kex/p{n}"),
            number=2**32 - 1 - n,
            one=n,
        )
        for group, i in zip((one, two), sides("am1", True, **other)):
            group.accept(f"am1, agents {n}, {group.kind}", ["am1", "valid"], i)
    # What the two deployed stacks publish over 96 bytes of results alone.
    d = f.group(
        "agreement.derive",
        "known answers of Wire 1.0 over the bytes 00 to 5f, and the same bytes in the other suites",
        lambda i: ({}, {"root": agree(i["suite"], [bytes.fromhex(i["results"])]).hex()}),
    )
    results = bytes(range(96)).hex()
    for suite, known in [
        ("wire10", "f8682588506e56d9b602f353a83910760692d4939a18b8043305b82f705a5bfa"),
        ("wire10-legacy", "4d1a12faac5d3f02cfbf818d22cb0fd421fc4f06705ff05aa90e4e069552e22b"),
        ("v02", None),
    ]:
        test = d.accept(f"{suite} over 00 to 5f", [suite], {"suite": suite, "results": results})
        assert known in (None, test["output"]["root"])
    for suite in SUITES:
        first, second = sides(suite, True)
        for group, i, members in (
            (one, first, ("peer_exchange_key", "signed_prekey", "one_time_prekey")),
            (two, second, ("peer_exchange_key", "ephemeral_key")),
        ):
            for member in members:
                for name, low in LOW.items():
                    group.reject(
                        "crypto", f"{suite}: {member} is {name}, {group.kind}", ["zero"], i | {member: low.hex()}, i
                    )
    return f


def files(ledger):
    return [
        signatures(ledger),
        cards(ledger),
        prekeys(ledger),
        bundles(ledger),
        managers(ledger),
        deployed(ledger),
        agreements(ledger),
    ]
