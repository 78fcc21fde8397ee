"""Root, chain and message keys, headers, sealed messages, and conversations of a double ratchet."""

import base64

from .common import VectorFile, seeded
from .kex import LOW
from .suites import (
    NONCE_SIZE,
    MAX_SKIP,
    OVERHEAD,
    SUITES,
    Mesh,
    Pair,
    Ratchet,
    Refusal,
    dh,
    header,
    kdf_ck,
    kdf_rk,
    lp,
    message_keys,
    public,
    seal,
    u8,
    unseal,
    label,
)

raw64 = base64.b64decode
hexed = bytes.fromhex


def keys(ledger):
    f = VectorFile(ledger, "ratchet", "keys")
    f.note("root", ["AM-RAT-001"], "another salt, info or order of the halves", "no reply ever opens", ["cat 30"])
    f.note("chain", ["AM-RAT-002"], "the two constants exchanged, or another MAC", "no second message opens")
    f.note("message", ["AM-RAT-003"], "extract before expand, or nonce before key", "no message opens")
    f.note("header", ["AM-RAT-004"], "another order or little-endian numbers", "tags do not verify", ["cat 17"])
    f.note("ad-am1", ["AM-RAT-005"], "parts without lengths, or in another order", "tags do not verify", ["cat 17"])

    def root(i):
        out = kdf_rk(i["suite"], hexed(i["root"]), hexed(i["dh"]))
        return {}, {"root": out[0].hex(), "chain": out[1].hex()}

    r = f.group("kdf_rk", "known answers of 0.2 and Wire 1.0, and seeded keys", root)
    test = r.accept(
        "root key: fixture of 0.2",
        ["root"],
        {
            "suite": "v02",
            "root": raw64("CWb+FDuGVCobFO1W9Xf01t5FEoUKv6T9jbrKKKYD1Po=").hex(),
            "dh": raw64("MMBr36VNidbAUuvW6MnSzj/eVR8+1hjIgyx01L4jmq8=").hex(),
        },
    )
    assert test["output"] == {
        "root": raw64("natrYz9sDOff6EpD6R3Yy01r11xj+1odBpQhs4C/TmM=").hex(),
        "chain": raw64("Iyb+FYL+k6JGwluIMvZXLDgo6gCl8NRg9vaXqHia3Og=").hex(),
    }
    for suite in ("wire10", "wire10-legacy"):
        test = r.accept(
            f"known answer of Wire 1.0, {suite}", ["root"], {"suite": suite, "root": "01" * 32, "dh": "02" * 32}
        )
        assert test["output"] == {
            "root": "266612b7faee7ccd09b67cec3fe647b409aeff76c9de2b7e899b8639414c0162",
            "chain": "5731cdab29b352658f11a398fc92f149749d6fb958f82c5d76dd82ac18dfc8de",
        }
    for suite in SUITES:
        for n in range(3):
            r.accept(
                f"{suite}, seeded keys {n}",
                ["root"],
                {"suite": suite, "root": seeded(f"rk/{n}").hex(), "dh": seeded(f"dh/{n}").hex()},
            )

    def chain(i):
        out = kdf_ck(hexed(i["chain"]))
        return {}, {"message": out[0].hex(), "next": out[1].hex()}

    c = f.group("kdf_ck", "known answers of 0.2 and Wire 1.0, and seeded keys", chain)
    test = c.accept(
        "chain key: fixture of 0.2", ["chain"], {"chain": raw64("1jvClZHVyaRypcO9oyZs3If3Iat6LzZr13cUR9Q8PXY=").hex()}
    )
    assert test["output"] == {
        "message": raw64("hvdOdo2FLDzbCHGiMo2VVrs1kXRQ/1L1WRNfhCgbyN0=").hex(),
        "next": raw64("s5FElrzM21xYX2qg+QwC9hPA4DdUNkGJEZ1vLltw7EU=").hex(),
    }
    test = c.accept(
        "chain key: known answer of Wire 1.0",
        ["chain"],
        {"chain": "5731cdab29b352658f11a398fc92f149749d6fb958f82c5d76dd82ac18dfc8de"},
    )
    assert test["output"] == {
        "message": "ffbf4e4efc584bb4c5a657da878ebb704bafccb058454678e901593cd908e68d",
        "next": "4acb06999ccd74e635965f15499247947505004c5f0bd2f435a8bb80c281ad40",
    }
    for n in range(4):
        c.accept(f"chain key: seeded {n}", ["chain"], {"chain": seeded(f"ck/{n}").hex()})

    def message(i):
        out = message_keys(hexed(i["message"]))
        return {}, {"key": out[0].hex(), "nonce": out[1].hex()}

    m = f.group("message_keys", "seeded keys, suite am1", message)
    for n in range(4):
        m.accept(f"message key {n}", ["message"], {"message": seeded(f"mk/{n}").hex()})
    h = f.group(
        "header.write", "seeded keys", lambda i: ({}, {"header": header(hexed(i["dh"]), i["pn"], i["n"]).hex()})
    )
    for pn, n in ((0, 0), (1, 0), (0, 1), (258, 66051), (2**31 - 1, 2**31 - 1)):
        h.accept(f"header with pn {pn} and n {n}", ["header"], {"dh": seeded("header").hex(), "pn": pn, "n": n})
    a, b = Mesh("alice"), Mesh("bob", 7)

    def am1(i):
        return {}, {"prefix": am1_prefix(a, b, hexed(i["bound_to"]), i["direction"], hexed(i["frame_head"])).hex()}

    p = f.group("am1.prefix", "seeded agents", am1, initiator_card=a.card().hex(), responder_card=b.card().hex())
    for direction in (0, 1):
        for flags in (0, 1):
            head = b"\3\1" + seeded("session", 16) + u8(flags)
            p.accept(
                f"direction {direction}, flags {flags}",
                ["ad-am1"],
                {"bound_to": seeded(f"transcript/{flags}").hex(), "direction": direction, "frame_head": head.hex()},
            )
    return f


def am1_prefix(a, b, bound_to, direction, frame_head):
    parts = (label("am1:message"), a.raw_amid, b.raw_amid, a.public, b.public, a.exchange, b.exchange, bound_to)
    return b"".join(map(lp, parts)) + u8(direction) + frame_head


def sealed(ledger):
    f = VectorFile(ledger, "ratchet", "sealed")
    f.note("seal", ["AM-RAT-006"], "another order of nonce, tag and text", "no message opens", ["cat 30"])
    f.note(
        "valid", ["AM-RAT-007", "AM-RAT-008", "AM-RAT-009"], "a receiver that is too strict", "honest messages are lost"
    )
    f.note("tag", ["AM-RAT-007"], "the tag is not compared as a whole", "a relay writes messages", ["cat 18"])
    f.note(
        "header",
        ["AM-RAT-008"],
        "the header is not authenticated",
        "a relay moves messages or kills the session",
        ["cat 18"],
    )
    f.note("short", ["AM-RAT-009"], "the length is not looked at", "bytes before the message are read")

    def made(i):
        suite, key = i["suite"], hexed(i["message_key"])
        ad = hexed(i["prefix"] + i["header"]) if suite != "v02" else b""
        return {"ad": ad.hex()}, {"sealed": seal(suite, key, hexed(i["nonce"]), ad, hexed(i["plain"])).hex()}

    def opened(i):
        suite, key = i["suite"], hexed(i["message_key"])
        ad = hexed(i["prefix"] + i["header"]) if suite != "v02" else b""
        plain = unseal(suite, key, ad, hexed(i["sealed"]))
        assert plain is not None
        return {}, {"plain": plain.hex()}

    s = f.group("message.seal", "seeded keys and nonces; am1 draws none", made)
    o = f.group("message.open", "what the rows above sealed, and changes of it", opened)
    test = s.accept(
        "fixture of 0.2",
        ["seal"],
        {
            "suite": "v02",
            "message_key": raw64("XTeviRC7wNWPcLiFAslkeSDagfCX7skQOxMz+1hNA5c=").hex(),
            "nonce": raw64("lke+rObpmDeAAC62SQR52cuwwS6WaIFn").hex(),
            "prefix": "",
            "header": header(bytes(32), 0, 0).hex(),
            "plain": b"Hello, World!".hex(),
        },
    )
    assert hexed(test["output"]["sealed"]) == raw64(
        "lke+rObpmDeAAC62SQR52cuwwS6WaIFnLeeZsnxezMifDIJ9KWIY4Xq/QVtOLdMcWFAgek8="
    )
    for suite in SUITES:
        head = header(Pair(f"sealed/{suite}").public, 3, 5)
        prefix = seeded(f"prefix/{suite}", 48)[:40] if suite != "v02" else b""
        row = {
            "suite": suite,
            "message_key": seeded(f"sealed/{suite}").hex(),
            "prefix": prefix.hex(),
            "header": head.hex(),
        }
        for size in (0, 1, 16, 64, 100, 513):
            nonce = seeded(f"nonce/{suite}/{size}")[: NONCE_SIZE[suite]]
            test = s.accept(
                f"{suite}, {size} bytes",
                ["seal"],
                row | {"nonce": nonce.hex(), "plain": seeded(f"plain/{size}", size)[:size].hex()},
            )
            good = o.accept(f"{suite}, open {size} bytes", ["valid"], row | {"sealed": test["output"]["sealed"]})
        good = row | {"sealed": s.tests[-3]["output"]["sealed"]}
        data = hexed(good["sealed"])
        flip = (
            lambda bytes_, bit: bytes_[: bit // 8] + bytes([bytes_[bit // 8] ^ 1 << bit % 8]) + bytes_[bit // 8 + 1 :]
        )
        for bit in (0, 7, 96, 8 * OVERHEAD[suite] - 1, 8 * OVERHEAD[suite], 8 * len(data) - 1):
            o.reject("crypto", f"{suite}, bit {bit} changed", ["tag"], good | {"sealed": flip(data, bit).hex()}, good)
        for comment, changed in [
            ("a byte cut off the end", data[:-1]),
            ("a byte cut off the front", data[1:]),
            ("a byte added", data + b"\0"),
            ("only zeros", bytes(len(data))),
        ]:
            o.reject("crypto", f"{suite}, {comment}", ["tag"], good | {"sealed": changed.hex()}, good)
        o.reject("crypto", f"{suite}, another key", ["tag"], good | {"message_key": seeded("other").hex()}, good)
        for size in (0, 1, 12, OVERHEAD[suite] - 1):
            o.reject("crypto", f"{suite}, {size} bytes in all", ["short"], good | {"sealed": data[:size].hex()}, good)
        if suite == "v02":
            continue
        for bit in (0, 255, 256, 287, 288, 319):
            o.reject(
                "crypto",
                f"{suite}, bit {bit} of the header changed",
                ["header"],
                good | {"header": flip(head, bit).hex()},
                good,
            )
        o.reject("crypto", f"{suite}, prefix changed", ["header"], good | {"prefix": flip(prefix, 3).hex()}, good)
        o.reject("crypto", f"{suite}, prefix empty", ["header"], good | {"prefix": ""}, good)
    return f


class Talk:
    """Two ratchets and what they do; `steps` and `results` become a row."""

    def __init__(self, suite, name="talk"):
        self.suite = suite
        self.given = {
            "suite": suite,
            "root": seeded(f"{name}/root").hex(),
            "initiator_private_key": seeded(f"{name}/A").hex(),
            "responder_private_key": seeded(f"{name}/B").hex(),
        }
        root, a, b = (hexed(self.given[k]) for k in ("root", "initiator_private_key", "responder_private_key"))
        first = Ratchet.initiator(suite, root, a, public(b))
        if suite == "am1":
            own = seeded(f"{name}/B/own")
            self.given["responder_ratchet_private_key"] = own.hex()
            second = Ratchet.speaking_responder(root, b, public(a), own)
        else:
            second = Ratchet.responder(suite, root, b)
        self.prefix = b"" if suite == "v02" else seeded(f"{name}/prefix")
        self.given["prefix"] = self.prefix.hex()
        self.side = {"A": first, "B": second}
        self.steps, self.results, self.messages = [], [], {}

    def step(self, text, result):
        self.steps.append(text)
        self.results.append(result)

    def seal(self, side, name, plain=None):
        plain = name.encode() if plain is None else plain
        head, data = self.side[side].seal(self.prefix, plain)
        self.messages[name] = (head, data)
        self.step(
            {"do": "seal", "by": side, "name": name, "plain": plain.hex()}, {"header": head.hex(), "sealed": data.hex()}
        )

    def seal_many(self, side, name, count):
        """`count` messages with an empty text, called name0, name1, ...; only the last is shown."""
        for k in range(count):
            self.messages[f"{name}{k}"] = self.side[side].seal(self.prefix, b"")
        head, data = self.messages[f"{name}{count - 1}"]
        self.step(
            {"do": "seal_many", "by": side, "name": name, "count": count}, {"header": head.hex(), "sealed": data.hex()}
        )

    def cannot_seal(self, side):
        try:
            self.side[side].seal(self.prefix, b"")
        except Refusal as why:
            self.step({"do": "seal", "by": side, "name": "never", "plain": ""}, {"refused": why.word})
        else:
            raise AssertionError("sealed")

    def message(self, name, header_xor=None, sealed_xor=None, header=None, sealed=None):
        head, data = self.messages[name]
        flip = (
            lambda bytes_, bit: bytes_[: bit // 8] + bytes([bytes_[bit // 8] ^ 1 << bit % 8]) + bytes_[bit // 8 + 1 :]
        )
        head = flip(head, header_xor) if header_xor is not None else header or head
        data = flip(data, sealed_xor) if sealed_xor is not None else data if sealed is None else sealed
        return head, data

    def open(self, side, name, **changes):
        head, data = self.message(name, **changes)
        try:
            result = {"plain": self.side[side].open(self.prefix, head, data).hex()}
        except Refusal as why:
            result = {"refused": why.word}
        self.step({"do": "open", "by": side, "header": head.hex(), "sealed": data.hex()}, result)
        return result

    def stored(self, side):
        self.step({"do": "stored", "by": side}, {"stored": len(self.side[side].skipped)})

    def snapshot(self, side):
        self.step({"do": "snapshot", "by": side}, {"snapshot": self.side[side].snapshot().hex()})

    def row(self, last=None):
        """`last` is one more message that B or A opens: its own member, so that a refused row differs there alone."""
        out = dict(self.given)
        out["steps"] = list(self.steps)
        if last:
            out["last"] = last
        return out


def conversations(ledger):
    f = VectorFile(ledger, "ratchet", "conversation")
    f.note(
        "order",
        ["AM-RAT-012"],
        "keys of skipped messages are lost or used twice",
        "messages that arrive late are lost",
        ["cat 20"],
    )
    f.note("first", ["AM-RAT-010"], "the responder waits for a message", "both sides wait for each other", ["cat 35"])
    f.note(
        "not-first",
        ["AM-RAT-011"],
        "the responder sends from a chain that its peer cannot have",
        "the session is dead from the start",
        ["cat 35"],
    )
    f.note(
        "atomic",
        ["AM-RAT-013"],
        "state changes before the tag is verified",
        "one junk frame kills the session",
        ["cat 18, 19, 20"],
    )
    f.note(
        "again",
        ["AM-RAT-014"],
        "an old number advances or rewinds the chain",
        "one copied frame kills the session",
        ["cat 21"],
    )
    f.note("far", ["AM-RAT-015"], "the bound is off by one", "bursts of messages are lost", ["cat 22"])
    f.note(
        "too-far",
        ["AM-RAT-016"],
        "keys are derived before the bound is looked at",
        "one frame costs a receiver seconds",
        ["cat 22"],
    )
    f.note(
        "store",
        ["AM-RAT-017"],
        "stored keys are not bounded, or the newest are dropped",
        "memory grows with each gap",
        ["cat 23"],
    )
    f.note(
        "tag", ["AM-RAT-007"], "a message of no chain is opened", "anyone who saw a bundle writes messages", ["cat 18"]
    )
    f.note("number", ["AM-RAT-018"], "numbers wrap", "a key is used twice", ["cat 24"])
    f.note(
        "least",
        ["AM-RAT-024"],
        "one key in two forms is taken for two keys",
        "a relay opens a second chain with one flipped bit",
        ["cat 2, 18"],
    )
    f.note("valid-least", ["AM-RAT-024"], "an honest ratchet key is refused", "messages are lost")
    f.note(
        "known",
        [],
        "a key of the peer that is known from the start is refused, or turned on",
        "the first answer of a JavaScript peer does not open",
        ["facts 4"],
    )
    f.note(
        "which-first",
        ["AM-RAT-009", "AM-RAT-018", "AM-RAT-016"],
        "where two checks fail, another one speaks",
        "two implementations count one frame differently",
    )
    f.note("zero", ["AM-RAT-019"], "a ratchet key of small order is used", "a relay knows the next keys", ["cat 1"])
    f.note(
        "valid",
        ["AM-RAT-014", "AM-RAT-016", "AM-RAT-018", "AM-RAT-019", "AM-RAT-011"],
        "an honest last message is refused",
        "messages are lost",
    )
    f.note(
        "pn",
        [],
        "a suite that does not bind the header accepts a changed pn; ours keeps what it can",
        "messages of an earlier chain are lost",
        ["cat 18"],
    )
    results = {}
    g = f.group("ratchet.conversation", "seeded keys; random numbers as README says", None)

    def add(comment, flags, talk, last=None):
        row = talk.row(last)
        test = g.accept(comment, flags, row)
        test["output"] = {"results": talk.results + ([last_result] if (last_result := opened_last(talk, last)) else [])}
        return test

    def opened_last(talk, last):
        if not last:
            return None
        if "plain" in last:
            try:
                head, data = talk.side[last["by"]].copy().seal(talk.prefix, hexed(last["plain"]))
                return {"header": head.hex(), "sealed": data.hex()}
            except Refusal as why:
                return {"refused": why.word}
        head, data = hexed(last["header"]), hexed(last["sealed"])
        try:
            return {"plain": talk.side[last["by"]].copy().open(talk.prefix, head, data).hex()}
        except Refusal as why:
            return {"refused": why.word}

    def last_of(talk, by, name, **changes):
        head, data = talk.message(name, **changes)
        return {"by": by, "header": head.hex(), "sealed": data.hex()}

    def refuse(why, comment, flag, talk, good, bad):
        """A row whose last message is refused, beside the one in which it is opened."""
        found = opened_last(talk, bad)
        assert "refused" in found, (comment, found)
        twin = (
            add(f"{comment}: the message that opens", ["valid-least" if flag == "least" else "valid"], talk, good)
            if (id(talk), str(good)) not in results
            else results[id(talk), str(good)]
        )
        results[id(talk), str(good)] = twin
        assert "plain" in twin["output"]["results"][-1]
        g.reject(why, comment, [flag], talk.row(bad), twin, unit="/input/last")

    keep = []
    for suite in SUITES:
        t = Talk(suite)
        keep.append(t)
        for k in range(6):
            t.seal("A", f"a{k}")
            t.open("B", f"a{k}")
            t.seal("B", f"b{k}")
            t.open("A", f"b{k}")
        add(f"{suite}: ping-pong of six", ["order"], t)
        t = Talk(suite, "burst")
        for k in range(5):
            t.seal("A", f"a{k}")
        for k in (2, 0, 4, 1, 3):
            t.open("B", f"a{k}")
        t.seal("B", "b0")
        t.seal("B", "b1")
        t.open("A", "b1")
        t.seal("A", "c0")
        t.open("B", "c0")
        t.open("A", "b0")
        t.stored("A")
        t.stored("B")
        add(f"{suite}: out of order within a chain and across a turn", ["order"], t)
        t = Talk(suite, "late")
        for k in range(3):
            t.seal("A", f"a{k}")
        t.open("B", "a0")
        t.seal("B", "b0")
        t.open("A", "b0")
        t.seal("A", "c0")
        t.open("B", "c0")
        t.stored("B")
        t.seal("B", "d0")
        t.open("A", "d0")
        t.seal("A", "e0")
        t.open("B", "e0")
        t.open("B", "a2")
        t.open("B", "a1")
        t.stored("B")
        add(f"{suite}: messages of a chain two turns old", ["order"], t)
        t = Talk(suite, "hostile")
        for k in range(3):
            t.seal("A", f"a{k}")
        t.open("B", "a0")
        t.open("B", "a1", sealed_xor=100)
        t.open("B", "a1", header_xor=0)
        t.open("B", "a2", sealed_xor=1)
        t.open("B", "a2")
        t.open("B", "a1", sealed_xor=8 * (OVERHEAD[suite]))
        t.stored("B")
        t.open("B", "a1")
        t.open("B", "a0")
        t.open("B", "a2")
        t.open("B", "a1")
        junk = header(Pair("junk").public, 0, 0)
        t.open("B", "a1", header=junk)
        t.open("B", "a1", header=header(Pair("junk").public, 2, 7))
        t.open("B", "a1", header=header(LOW["0"], 0, 0))
        t.open("B", "a1", sealed=b"")
        t.stored("B")
        t.seal("A", "a3")
        t.open("B", "a3")
        t.seal("B", "b0")
        t.open("A", "b0")
        add(f"{suite}: forged, junk and repeated messages between honest ones", ["atomic", "again"], t)
        t = Talk(suite, "first")
        if suite == "am1":
            t.seal("B", "b0")
            t.seal("A", "a0")
            t.open("A", "b0")
            t.open("B", "a0")
            t.seal("A", "a1")
            t.open("B", "a1")
            t.seal("B", "b1")
            t.open("A", "b1")
            add("am1: the responder speaks first, and messages cross", ["first"], t)
        else:
            t.cannot_seal("B")
            t.seal("A", "a0")
            t.open("B", "a0")
            t.seal("B", "b0")
            t.open("A", "b0")
            add(f"{suite}: the responder waits for the first message", ["not-first"], t)
            t = Talk(suite, "waits")
            keep.append(t)
            good = add(f"{suite}: the initiator seals first", ["valid"], t, {"by": "A", "plain": "00"})
            g.reject(
                "state", f"{suite}: the responder seals first", ["not-first"], t.row({"by": "B", "plain": "00"}), good
            )
        limit = MAX_SKIP[suite]
        t = Talk(suite, "gap")
        keep.append(t)
        t.seal("A", "a")
        t.open("B", "a")
        t.seal_many("A", "m", limit + 2)
        refuse(
            "limit",
            f"{suite}: {limit + 1} keys in one skip",
            "too-far",
            t,
            last_of(t, "B", f"m{limit}"),
            last_of(t, "B", f"m{limit + 1}"),
        )
        add(f"{suite}: {limit} keys in one skip", ["far"], t, last_of(t, "B", f"m{limit}"))
        good = last_of(t, "B", "m0")
        for number in (limit + 2, 65536, 2**31 - 1):
            key = t.messages["m0"][0][:32]
            refuse(
                "limit",
                f"{suite}: number {number}",
                "too-far",
                t,
                good,
                last_of(t, "B", "m0", header=header(key, 0, number)),
            )
        for number in (2**31, 2**32 - 1) if suite == "am1" else (2**32 - 1,):
            refuse(
                "limit",
                f"{suite}: number {number}",
                "number",
                t,
                good,
                last_of(t, "B", "m0", header=header(key, 0, number)),
            )
        refuse("replay", f"{suite}: the message opened last, again", "again", t, good, last_of(t, "B", "a"))
        for name, low in LOW.items():
            refuse(
                "crypto",
                f"{suite}: ratchet key {name}",
                "zero",
                t,
                good,
                last_of(t, "B", "m0", header=header(low, 1, 0)),
            )
        key, most = t.messages["m0"][0][:32], 2**31 if suite == "am1" else 2**32 - 1
        for why, comment, changes in [
            ("crypto", "too short before a number beyond the chain", {"header": header(key, 0, most), "sealed": b""}),
            ("crypto", "too short before a number too far", {"header": header(key, 0, limit + 9), "sealed": b"x"}),
            ("limit", "too far before a tag", {"sealed_xor": 3, "header": header(key, 0, limit + 9)}),
            ("limit", "too far before a ratchet key of small order", {"header": header(LOW["1"], 1, limit + 1)}),
            ("limit", "too far back before a ratchet key of small order", {"header": header(LOW["1"], limit + 2, 0)}),
            ("replay", "a duplicate before its tag", {"sealed_xor": 3, "header": t.messages["a"][0]}),
        ]:
            if suite == "am1":  # deployed peers of the others look in orders of their own
                refuse(why, f"{suite}: {comment}", "which-first", t, good, last_of(t, "B", "m0", **changes))
        u = Talk(suite, "own")
        keep.append(u)
        if suite != "am1":
            u.seal("A", "a")
            u.open("B", "a")
        u.seal("B", "b")
        answer = last_of(u, "A", "b")
        if suite in ("am1", "wire10"):
            prekey = public(hexed(u.given["responder_private_key"]))
            bad = last_of(u, "A", "b", header=header(prekey, 0, 0))
            refuse("crypto", f"{suite}: a message under the prekey", "tag", u, answer, bad)
        if suite == "am1":
            bad = last_of(u, "A", "b", header=header(u.messages["b"][0][:32], 2**31 + 1, 0))
            refuse("limit", "am1: pn beyond a chain", "too-far", u, answer, bad)
        t = Talk(suite, "pn")
        keep.append(t)
        t.seal("A", "a")
        t.open("B", "a")
        t.seal_many("A", "m", limit + 2)
        t.seal("B", "b")
        t.open("A", "b")
        t.seal("A", "c")
        head = t.messages["c"][0]
        assert int.from_bytes(head[32:36], "big") == limit + 3
        u = Talk(suite, "pn-edge")
        keep.append(u)
        u.seal("A", "a")
        u.open("B", "a")
        u.seal_many("A", "m", limit)
        u.seal("B", "b")
        u.open("A", "b")
        u.seal("A", "c")
        add(f"{suite}: {limit} keys of an old chain", ["far"], u, last_of(u, "B", "c"))
        add(f"{suite}: two keys of an old chain too many, and then the rest of it", ["too-far"], over(t, limit))
        u = Talk(suite, "replay")
        keep.append(u)
        for k in range(4):
            u.seal("A", f"a{k}")
        u.open("B", "a0")
        u.open("B", "a2")
        u.open("B", "a1")
        u.seal("B", "b0")
        u.open("A", "b0")
        u.seal("A", "c0")
        u.open("B", "c0")
        u.seal("A", "c1")
        good = last_of(u, "B", "a3")
        for name in ("a0", "a1", "a2"):
            refuse("replay", f"{suite}: {name} of a chain before, again", "again", u, good, last_of(u, "B", name))
        refuse("replay", f"{suite}: c0 again", "again", u, last_of(u, "B", "c1"), last_of(u, "B", "c0"))
    t = Talk("am1", "store")
    t.seal("A", "a")
    t.open("B", "a")
    t.seal_many("A", "m", 1001)
    t.open("B", "m1000")
    t.seal_many("A", "n", 1001)
    t.open("B", "n1000")
    t.stored("B")
    t.seal_many("A", "o", 11)
    t.open("B", "o10")
    t.stored("B")
    t.open("B", "m10")
    t.open("B", "m9")
    t.stored("B")
    add("am1: 2,010 skipped keys, the oldest ten dropped", ["store"], t)
    t = Talk("v02", "unbound")
    t.seal("A", "a0")
    t.seal("A", "a1")
    t.open("B", "a0")
    t.seal("B", "b0")
    t.open("A", "b0")
    t.seal("A", "c0")
    head = t.messages["c0"][0]
    t.open("B", "c0", header=head[:32] + bytes(4) + head[36:])
    t.stored("B")
    add("v02: pn changed on the way", ["pn"], t)

    # A relay sets the bit of the ratchet key that X25519 ignores.
    t = Talk("v02", "least")
    keep.append(t)
    t.seal("A", "a")
    high = lambda name: t.messages[name][0][:31] + u8(t.messages[name][0][31] | 128) + t.messages[name][0][32:]
    refuse(
        "crypto",
        "v02: bit 255 of the first ratchet key",
        "least",
        t,
        last_of(t, "B", "a"),
        last_of(t, "B", "a", header=high("a")),
    )
    t = Talk("v02", "least-later")
    t.seal("A", "a0")
    t.seal("A", "a1")
    t.open("B", "a0")
    t.open("B", "a1", header=high("a1"))
    t.stored("B")
    t.open("B", "a1")
    t.seal("B", "b0")
    t.open("A", "b0", header=high("b0"))
    t.open("A", "b0")
    add("v02: bit 255 of ratchet keys, and then the honest messages", ["least"], t)

    t = Talk("v02", "known")
    private, peer = hexed(t.given["responder_private_key"]), public(hexed(t.given["initiator_private_key"]))
    root, chain = kdf_rk("v02", hexed(t.given["root"]), dh(private, peer))
    for k, plain in enumerate((b"before the first message", b"and once more")):
        key, chain = kdf_ck(chain)
        nonce = seeded(f"known/nonce/{k}")[:24]
        t.messages[f"p{k}"] = (header(public(private), 0, k), seal("v02", key, nonce, b"", plain))
    t.open("A", "p1")
    t.open("A", "p0")
    t.open("A", "p0")
    t.snapshot("A")
    t.seal("A", "a0")
    t.snapshot("A")
    add("v02: messages under the pair that is known from the start", ["known"], t)
    return f


def over(talk, limit):
    """B cannot follow to the new chain, until it has opened enough of the old one."""
    assert talk.open("B", "c") == {"refused": "too_far"}
    talk.open("B", "m1")
    talk.open("B", "c")
    return talk


def snapshots(ledger):
    f = VectorFile(ledger, "ratchet", "snapshot")
    f.note("state", ["AM-RAT-030"], "part of the state is not saved", "messages are lost after a restart", ["cat 31"])
    f.note("valid", ["AM-RAT-030", "AM-RAT-031"], "a reader that is too strict", "sessions are lost at a restart")
    f.note("cut", ["AM-RAT-031"], "bytes are missing or left over", "a broken disk block becomes a session")
    f.note("foreign", ["AM-RAT-031"], "a snapshot of another suite or version is read", "keys are used in two ways")
    f.note("impossible", ["AM-RAT-031"], "a state that no session reaches is continued", "keys are used twice")
    g = f.group(
        "ratchet.conversation",
        "seeded keys; random numbers as README says; the state of each side as bytes after some of its steps",
        None,
    )
    r = f.group("snapshot.restore", "states of the rows above, and changes of them", None)
    for suite in SUITES:
        t = Talk(suite, "saved")
        t.snapshot("A")
        t.snapshot("B")
        for k in range(4):
            t.seal("A", f"a{k}")
        t.open("B", "a0")
        t.open("B", "a3")
        t.snapshot("A")
        t.snapshot("B")
        t.seal("B", "b0")
        t.open("A", "b0")
        t.seal("A", "c0")
        t.seal("A", "c1")
        t.open("B", "c1")
        t.seal("B", "d0")
        t.open("A", "d0")
        t.snapshot("A")
        t.snapshot("B")
        test = g.accept(f"{suite}: states of a conversation", ["state"], t.row())
        test["output"] = {"results": t.results}
        texts = []
        for result in t.results:
            if "snapshot" in result:
                texts.append(result["snapshot"])
                test = r.accept(f"{suite}: state {len(texts)}", ["valid"], {"suite": suite, "bytes": texts[-1]})
        good = {"suite": suite, "bytes": texts[-1]}
        data = hexed(texts[-1])
        no = lambda why, flag, bytes_: r.reject(
            "parse", f"{suite}: {why}", [flag], good | {"bytes": bytes_.hex()}, good
        )
        no("nothing", "cut", b"")
        no("the first 5 bytes", "cut", data[:5])
        no("a byte short", "cut", data[:-1])
        no("a byte long", "cut", data + b"\0")
        no("half", "cut", data[: len(data) // 2])
        no("another mark", "foreign", b"AMS" + data[3:])
        no("version 2", "foreign", data[:3] + b"\2" + data[4:])
        no("suite 0", "foreign", data[:4] + b"\0" + data[5:])
        no("suite 9", "foreign", data[:4] + b"\x09" + data[5:])
        other = SUITES[(SUITES.index(suite) + 1) % 4]
        r.reject("parse", f"{suite}: read as {other}", ["foreign"], good | {"suite": other}, good)
        no("an unknown flag", "impossible", data[:5] + u8(data[5] | 16) + data[6:])
        no("no key of the peer beside its chains", "impossible", data[:5] + u8(data[5] & ~2) + data[6:])
        b = t.side["B"]
        if suite == "am1":
            changed = b.copy()
            changed.turns = 2**20 + 1
            no("more turns than a session has", "impossible", changed.snapshot())
            changed = b.copy()
            changed.sent = 2**31 + 1
            no("more messages than a chain has", "impossible", changed.snapshot())
        changed = b.copy()
        changed.retired = [b.peer]
        no("the peer's key among the former ones", "impossible", changed.snapshot())
        changed = b.copy()
        changed.retired = [seeded("r")] * 2
        no("a former key twice", "impossible", changed.snapshot())
        changed = b.copy()
        changed.retired = [seeded(f"r{k}") for k in range(9)]
        no("nine former keys", "impossible", changed.snapshot())
        changed = b.copy()
        changed.skipped[(b.peer, b.received)] = seeded("k")
        no("a skipped key that the chain has not reached", "impossible", changed.snapshot())
        assert changed.snapshot()[-68:] and len(b.skipped)
        first = b.snapshot()
        no("a skipped key twice", "impossible", count_of(first, b, 1) + first[-68:])

        # The bounds, with the state at each as the accepted twin.
        most = 2**31 if suite == "am1" else 2**32 - 1

        def bound(what, change, largest, room=True):
            at, beyond = b.copy(), b.copy()
            change(at, largest)
            edge = r.accept(f"{suite}: {what} {largest}", ["valid"], good | {"bytes": at.snapshot().hex()})
            if room:
                change(beyond, largest + 1)
                r.reject(
                    "parse",
                    f"{suite}: {what} {largest + 1}",
                    ["impossible"],
                    good | {"bytes": beyond.snapshot().hex()},
                    edge,
                )

        def with_former_skipped(ratchet, n):
            ratchet.skipped = {(seeded("former"), n): seeded("k")}

        bound("turns", lambda s, v: setattr(s, "turns", v), 2**20 if suite == "am1" else 2**32 - 1, suite == "am1")
        bound("messages sent", lambda s, v: setattr(s, "sent", v), most, suite == "am1")
        bound("messages received", lambda s, v: setattr(s, "received", v), most, suite == "am1")
        bound("messages of the chain before", lambda s, v: setattr(s, "previous", v), most, suite == "am1")
        bound("a skipped key with number", with_former_skipped, most - 1)
        for what, flag in (("a sending chain", "receive"), ("a receiving chain", "send")):
            changed = b.copy()
            changed.peer, changed.retired, changed.skipped = None, [], {}
            setattr(changed, flag, None)
            no(f"{what} without a key of the peer", "impossible", changed.snapshot())
        changed = b.copy()
        changed.receive, changed.skipped = None, {(b.peer, 0): seeded("k")}
        no("a skipped key of the peer's chain that is not there", "impossible", changed.snapshot())
        place = len(first) - 68 * len(b.skipped) - 2 - 32 * len(b.retired) - 1
        no("a former key that is not there", "cut", first[:place] + u8(len(b.retired) + 1) + first[place + 1 :])
        no("255 former keys that are not there", "cut", first[:place] + b"\xff" + first[place + 1 :])
        no("a skipped key that is not there", "cut", count_of(first, b, 1))
        no("65,535 skipped keys that are not there", "cut", count_of(first, b, 65535 - len(b.skipped)))
        no("fewer skipped keys counted than there are", "cut", count_of(first, b, -1))
        no("the counts left out", "cut", first[:place])
        no("version 0", "foreign", data[:3] + b"\0" + data[4:])
        no("the highest flag", "impossible", data[:5] + u8(data[5] | 128) + data[6:])
        r.accept(f"{suite}: eight former keys", ["valid"], good | {"bytes": with_retired(b).snapshot().hex()})
    return f


def with_retired(ratchet):
    out = ratchet.copy()
    out.retired = [seeded(f"r{k}") for k in range(8)]
    return out


def count_of(data, ratchet, more):
    """A snapshot with a higher number of skipped keys than it has."""
    at = len(data) - 68 * len(ratchet.skipped) - 2
    return data[:at] + (len(ratchet.skipped) + more).to_bytes(2, "big") + data[at + 2 :]


def files(ledger):
    return [keys(ledger), sealed(ledger), conversations(ledger), snapshots(ledger)]
