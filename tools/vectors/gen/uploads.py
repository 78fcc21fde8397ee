"""What agents and relays send to a registry: bundles of suite am1, notices of presence."""

import base64
import json

from .agents import ALICE, BOB
from .common import VectorFile
from .kex import BOB as OWNER
from .kex import CLOCK, NOON, Prekeys, b64u, text


def uploads(ledger):
    f = VectorFile(ledger, "registry", "uploads")
    f.note("valid", ["AM-REG-050", "AM-REG-071"], "a registry that is too strict", "an agent cannot be written to")
    f.note("part", ["AM-REG-050"], "a part is kept that a client refuses", "nobody can write to the agent", ["G11"])
    f.note("ids", ["AM-REG-023"], "two one-time prekeys under one id", "one of them never opens", ["cat 104"])
    f.note("many", ["AM-REG-050", "AM-REG-071"], "no bound", "one sender fills the registry", ["cat 116"])
    f.note("entry", ["AM-REG-071"], "an entry is guessed at", "an agent is shown as what it is not", ["G30"])

    def checked(i):
        value = json.loads(i["text"])
        raw = lambda t: base64.urlsafe_b64decode(t + "=" * (-len(t) % 4))
        return {}, {
            "signed_prekey_id": value["signed_prekey"]["id"],
            "signed_prekey": raw(value["signed_prekey"]["key"]).hex(),
            "one_time": [one["id"] for one in value.get("one_time_prekeys", [])],
        }

    p = Prekeys(OWNER)
    g = f.group("upload.check", "seeded agents", checked)

    def upload(one_time=None, **more):
        return p.bundle() | {"one_time_prekeys": [p.one_time(k) for k in range(3)] if one_time is None else one_time} | more

    row = lambda value, expected=OWNER.amid: {"text": text(value), "expected": expected}
    good = g.accept("three one-time prekeys", ["valid"], row(upload()), NOON)
    g.accept("none", ["valid"], row(upload([])), NOON)
    g.accept("no such member", ["valid"], row(p.bundle()), NOON)
    g.accept("in another order", ["valid"], row(upload([p.one_time(k) for k in (6, 0, 3)])), NOON)
    lone = lambda k: Prekeys(OWNER, first=1000 + k, count=1).one_time(0)
    most = g.accept("eight batches", ["valid"], row(upload([lone(k) for k in range(8)])), NOON)

    bad = lambda why, comment, flag, value, expected=OWNER.amid, twin=good: g.reject(
        why, comment, [flag], row(value, expected), twin, NOON)
    bad("limit", "nine batches", "many", upload([lone(k) for k in range(9)]), twin=most)
    bad("parse", "one id twice", "ids", upload([p.one_time(0), p.one_time(0), p.one_time(2)]))
    bad("auth", "bundle of another agent", "part", upload(), ALICE.amid)
    bad("crypto", "card not signed", "part", upload(card=b64u(OWNER.card()[:-64] + bytes(64))))
    bad("crypto", "signed prekey not signed", "part",
        upload(signed_prekey=p.signed_prekey(signature=b64u(bytes(64)))))
    bad("crypto", "second key of another batch", "part",
        upload([p.one_time(0), p.one_time(1, key=lone(0)["key"]), p.one_time(2)]))
    bad("crypto", "last path short", "part",
        upload([p.one_time(0), p.one_time(1), p.one_time(2, path=p.one_time(2)["path"][:-1])]))
    bad("crypto", "batch not signed", "part",
        upload([p.one_time(0, signature=b64u(bytes(64))), p.one_time(1), p.one_time(2)]))
    bad("parse", "id FFFFFFFF", "part", upload([p.one_time(0), p.one_time(1), p.one_time(2, id=2**32 - 1)]))
    bad("parse", "a key without id", "part",
        upload([p.one_time(0), p.one_time(1), {k: v for k, v in p.one_time(2).items() if k != "id"}]))
    bad("parse", "one-time prekeys as an object", "part", upload() | {"one_time_prekeys": p.one_time(0)})
    bad("parse", "no card", "part", {k: v for k, v in upload().items() if k != "card"})
    bad("parse", "no signed prekey", "part", {k: v for k, v in upload().items() if k != "signed_prekey"})
    late = Prekeys(OWNER, before=CLOCK - 7200, after=CLOCK - 1)
    bad("auth", "signed prekey that is over", "part", upload([], **late.bundle()),
        twin=g.accept("none, again", ["valid"], row(upload([])), NOON))

    def read(i):
        return {}, {"entries": [[one["amid"], one["status"]] for one in json.loads(i["text"])]}

    n = f.group("presence.read", "chosen by hand", read)
    entry = lambda who=ALICE.amid, status="online", seen="2026-11-21T12:00:00Z", **more: {
        "amid": who, "status": status, "last_seen": seen} | more
    told = lambda *entries: {"text": text(list(entries))}
    two = n.accept("two agents", ["valid"], told(entry(), entry(BOB.amid, "dnd")))
    n.accept("nobody", ["valid"], told())
    n.accept("a member more", ["valid"], told(entry(note="x")))
    full = n.accept("a thousand", ["valid"], told(*[entry() for _ in range(1000)]))
    n.reject("limit", "a thousand and one", ["many"], told(*[entry() for _ in range(1001)]), full)
    wrong = lambda comment, *entries: n.reject("parse", comment, ["entry"], told(*entries), two)
    wrong("an AMID of no agent", entry(), entry("x"))
    wrong("a status that is none", entry(), entry(BOB.amid, "busy"))
    wrong("a time without zone", entry(), entry(BOB.amid, "dnd", "2026-11-21T12:00:00"))
    wrong("no status", entry(), {k: v for k, v in entry(BOB.amid).items() if k != "status"})
    wrong("a text in place of an entry", entry(), "x")
    return f


def files(ledger):
    return [uploads(ledger)]
