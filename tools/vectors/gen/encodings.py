"""Hexadecimal, base64 and base58."""

import base64

from .common import VectorFile, seeded

ALPHABET58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base58(data):
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = ALPHABET58[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def hexadecimal(ledger):
    f = VectorFile(ledger, "encodings", "hex")
    f.note("valid", ["AM-ENC-001"], "a reader that refuses valid hexadecimal cannot read its own keys")
    f.note(
        "odd-length",
        ["AM-ENC-001"],
        "half a byte is dropped or invented",
        "two texts stand for one value, so a blocklist by text is passed by",
    )
    f.note(
        "outside-alphabet",
        ["AM-ENC-001"],
        "a lenient reader skips or maps foreign characters",
        "two texts stand for one value",
    )
    g = f.group("hex.decode", "chosen by hand", lambda i: ({}, {"bytes": bytes.fromhex(i["text"]).hex()}))
    for comment, text in [
        ("nothing", ""),
        ("one byte", "00"),
        ("lower case", "deadbeef"),
        ("upper case", "DEADBEEF"),
        ("mixed case", "dEaDbEeF"),
        ("every digit", "0123456789abcdefABCDEF"),
        ("highest byte", "ff"),
        ("32 bytes", seeded("hex").hex()),
    ]:
        g.accept(comment, ["valid"], {"text": text})
    for comment, bad, good in [
        ("one digit", "0", "00"),
        ("three digits", "abc", "abcd"),
        ("65 digits", "a" * 65, "a" * 66),
    ]:
        g.reject("parse", comment, ["odd-length"], {"text": bad}, {"text": good})
    for comment, bad in [
        ("letter g", "0g"),
        ("letter G", "G0"),
        ("prefix 0x", "0x00"),
        ("space between bytes", "00 11"),
        ("colon between bytes", "00:11"),
        ("leading space", " 00"),
        ("trailing space", "00 "),
        ("trailing line feed", "00\n"),
        ("tab", "0\t00"),
        ("sign", "+0"),
        ("minus", "-1"),
        ("underscore", "0_00"),
        ("slash, one below 0", "/0"),
        ("colon, one above 9", ":0"),
        ("at sign, one below A", "@0"),
        ("backtick, one below a", "`0"),
        ("NUL", "00\x0000"),
        ("full-width digit", "0\uff10"),
        ("Arabic-Indic digit", "\u0660\u0660"),
        ("letter e with accent", "\u00e90"),
    ]:
        good = "".join(c if c in "0123456789abcdefABCDEF" else "0" for c in bad)
        if len(good) % 2:
            good += "0"
        try:
            g.reject("parse", comment, ["outside-alphabet"], {"text": bad}, {"text": good})
        except ValueError as why:
            raise ValueError(f"{comment}: {why}") from why
    e = f.group("hex.encode", "chosen by hand", lambda i: ({}, {"text": i["bytes"]}))
    for comment, data in [
        ("writer: nothing", b""),
        ("writer: zero", b"\0"),
        ("writer: lower case", b"\xab\xcd"),
        ("writer: leading zero digit", b"\x0f"),
        ("writer: every high digit", bytes(range(0, 256, 17))),
    ]:
        e.accept(comment, ["valid"], {"bytes": data.hex()})
    return f


def padded64(ledger):
    f = VectorFile(ledger, "encodings", "base64")
    everything = ["AM-ENC-002", "AM-ENC-003", "AM-ENC-004", "AM-ENC-005"]
    f.note("valid", everything, "a codec that differs on plain values talks to nobody")
    f.note(
        "writer",
        ["AM-ENC-002"],
        "padding left out or the URL alphabet used",
        "deployed decoders throw",
        ["RFC 4648 section 4"],
    )
    f.note(
        "outside-alphabet",
        ["AM-ENC-003"],
        "a lenient reader skips foreign characters",
        "one signature has many texts, so a replay memory keyed by text is passed by",
        ["RFC 4648 section 12"],
    )
    f.note("white-space", ["AM-ENC-003"], "a MIME reader skips line breaks", "one value has many texts")
    f.note("padding", ["AM-ENC-004"], "padding is optional in many readers", "one value has many texts")
    f.note(
        "stray-bits",
        ["AM-ENC-005"],
        "unused bits of the last character are ignored",
        "one signature has up to 16 texts",
        ["RFC 4648 section 3.5"],
    )
    g = f.group(
        "base64.decode",
        "chosen by hand; the seven texts of RFC 4648 section 10",
        lambda i: ({}, {"bytes": base64.b64decode(i["text"], validate=True).hex()}),
    )
    for n in range(7):
        g.accept(f"RFC 4648: first {n} of foobar", ["valid"], {"text": base64.b64encode(b"foobar"[:n]).decode()})
    for n in (1, 2, 3, 16, 20, 31, 32, 33, 63, 64, 65):
        g.accept(f"{n} random bytes", ["valid"], {"text": base64.b64encode(seeded(f"b64/{n}", n)).decode()})
    g.accept(
        "all 64 characters", ["valid"], {"text": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"}
    )
    g.accept("32 bytes of FF", ["valid"], {"text": base64.b64encode(b"\xff" * 32).decode()})
    for comment, bad, good in [
        ("URL alphabet, minus", "-/8A", "+/8A"),
        ("URL alphabet, underscore", "+_8A", "+/8A"),
        ("percent sign", "%m9v", "Zm9v"),
        ("comma of IMAP", "+,8A", "+/8A"),
        ("NUL inside", "Zm\x00v", "Zm9v"),
        ("letter with accent", "Zm\u00e9v", "Zm9v"),
        ("full-width letter", "\uff3am9v", "Zm9v"),
        ("dot", "Zm.v", "Zm9v"),
        ("data: prefix", "data:,Zm9v", "Zm9v"),
        ("surrounding quotes", "'Zm9v", "Zm9v"),
        ("surplus final quote", "Zm9v'", "Zm9v"),
        ("at sign, one below A", "@m9v", "Am9v"),
        ("bracket, one above Z", "[m9v", "Zm9v"),
        ("backtick, one below a", "`m9v", "am9v"),
        ("brace, one above z", "{m9v", "zm9v"),
        ("colon, one above 9", ":m9v", "9m9v"),
        ("star, one below plus", "*m9v", "+m9v"),
    ]:
        g.reject("parse", comment, ["outside-alphabet"], {"text": bad}, {"text": good})
    for comment, bad, good in [
        ("leading space", " Zm9v", "Zm9v"),
        ("trailing space", "Zm9v ", "Zm9v"),
        ("space inside", "Zm 9v", "Zm9v"),
        ("trailing line feed", "Zm9v\n", "Zm9v"),
        ("CRLF inside", "Zm9v\r\nYmFy", "Zm9vYmFy"),
        ("tab inside", "Zm\t9v", "Zm9v"),
        ("four spaces", "    ", ""),
        ("form feed", "Zm9v\f", "Zm9v"),
        ("vertical tab", "Zm\v9v", "Zm9v"),
        ("no-break space", "Zm\u00a09v", "Zm9v"),
        ("byte order mark", "\ufeffZm9v", "Zm9v"),
        ("line feed before padding", "Zg\n==", "Zg=="),
    ]:
        g.reject("parse", comment, ["white-space"], {"text": bad}, {"text": good})
    for comment, bad, good in [
        ("no padding for one byte", "Zg", "Zg=="),
        ("half the padding", "Zg=", "Zg=="),
        ("no padding for two bytes", "Zm8", "Zm8="),
        ("padding after a whole group", "Zm9v=", "Zm9v"),
        ("two signs after a whole group", "Zm9v==", "Zm9v"),
        ("a group of padding", "Zm9v====", "Zm9v"),
        ("three signs", "Zg===", "Zg=="),
        ("two signs after two bytes", "Zm8==", "Zm8="),
        ("padding alone", "=", ""),
        ("four signs alone", "====", ""),
        ("padding inside", "Zg==Zg==", "Zg=="),
        ("padding first", "==Zg", "Zg=="),
        ("one character", "Z", ""),
        ("one character over", "Zm9vZ", "Zm9v"),
        ("sign in the third place only", "Zm=v", "Zm9v"),
        ("sign in the second place", "Z===", "Zg=="),
        ("percent-encoded padding", "Zg%3D%3D", "Zg=="),
    ]:
        g.reject("parse", comment, ["padding"], {"text": bad}, {"text": good})
    for bits, last in enumerate("ghijklmnopqrstuv"):
        if bits:
            g.reject(
                "parse", f"one byte, stray bits {bits:04b}", ["stray-bits"], {"text": f"Z{last}=="}, {"text": "Zg=="}
            )
    for bits, last in enumerate("89+/"):
        if bits:
            g.reject(
                "parse", f"two bytes, stray bits {bits:02b}", ["stray-bits"], {"text": f"Zm{last}="}, {"text": "Zm8="}
            )
    key = base64.b64encode(seeded("b64/key")).decode()
    after = ALPHABET64[ALPHABET64.index(key[42]) + 1]
    g.reject("parse", "32 bytes, lowest stray bit set", ["stray-bits"], {"text": key[:42] + after + "="}, {"text": key})
    e = f.group(
        "base64.encode",
        "chosen by hand",
        lambda i: ({}, {"text": base64.b64encode(bytes.fromhex(i["bytes"])).decode()}),
    )
    for n in (0, 1, 2, 3, 4, 32, 64):
        e.accept(f"writer: {n} bytes", ["writer"], {"bytes": seeded(f"b64w/{n}", n).hex()})
    for data in ("fb", "ff", "fbff", "ffff", "fbefbe", "ffffff"):
        e.accept(f"writer: both special characters, {data}", ["writer"], {"bytes": data})
    return f


ALPHABET64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def bitcoin58(ledger):
    f = VectorFile(ledger, "encodings", "base58")
    f.note("valid", ["AM-ENC-006", "AM-ENC-007", "AM-ENC-008"], "a codec that differs on plain values talks to nobody")
    f.note(
        "leading-zeros",
        ["AM-ENC-007"],
        "leading zero bytes are lost or doubled in the big number",
        "agents whose hash begins with 00 get another AMID from another implementation",
        ["cat 43"],
    )
    f.note(
        "outside-alphabet", ["AM-ENC-006"], "0, O, I and l are read as their look-alikes", "two texts name one agent"
    )
    f.note(
        "too-long",
        ["AM-ENC-008"],
        "decoding is quadratic in the length",
        "a long text costs the reader seconds",
        ["cat 44"],
    )

    def decoded(i):
        text = i["text"]
        number = 0
        for c in text:
            number = number * 58 + ALPHABET58.index(c)
        ones = len(text) - len(text.lstrip("1"))
        return {}, {"bytes": (b"\0" * ones + number.to_bytes((number.bit_length() + 7) // 8, "big")).hex()}

    g = f.group("base58.decode", "chosen by hand; read with a bound of max_bytes", decoded)
    twenty = lambda text, most=20: {"text": text, "max_bytes": most}
    g.accept("nothing", ["valid"], twenty(""))
    for data in (
        "00",
        "0000",
        "000000",
        "0001",
        "00000001",
        "000000000102030405",
        "00" * 20,
        "00" * 19 + "01",
        "0000000000" + "ff" * 15,
    ):
        g.accept(f"leading zeros: {data}", ["leading-zeros"], twenty(base58(bytes.fromhex(data))))
    for data in (
        "01",
        "39",
        "3a",
        "ff",
        "0100",
        "0d24",
        "ffff",
        "61",
        "626262",
        "73696d706c792061206c6f6e67",
        "516b6fcd0f",
        "bf4f89001e670274dd",
        "572e4794",
        "ecac89cad93923c02321",
        "10c8511e",
        "ff" * 20,
        "01" + "00" * 19,
        "80" + "00" * 19,
    ):
        g.accept(f"bytes {data}", ["valid"], twenty(base58(bytes.fromhex(data))))
    for n in range(1, 21):
        g.accept(f"{n} random bytes", ["valid"], twenty(base58(seeded(f"b58/{n}", n))))
    good = base58(seeded("b58/good", 20))
    for c in "0OIl+/ -_.=\n\t\x00\u00e9":
        name = f"U+{ord(c):04X}"
        g.reject(
            "parse", f"{name} in place of the last character", ["outside-alphabet"], twenty(good[:-1] + c), twenty(good)
        )
        g.reject(
            "parse", f"{name} in place of the first character", ["outside-alphabet"], twenty(c + good[1:]), twenty(good)
        )
    g.reject("parse", "leading space", ["outside-alphabet"], twenty(" " + good), twenty(good))
    g.reject("parse", "trailing line feed", ["outside-alphabet"], twenty(good + "\n"), twenty(good))
    for times in (29, 100, 1_000, 10_000):
        g.reject("limit", f"{times} times z for 20 bytes", ["too-long"], twenty("z" * times), twenty("z" * 27))
    for times in (29, 64, 5_000):
        g.reject("limit", f"{times} times 1 for 20 bytes", ["too-long"], twenty("1" * times), twenty("1" * 20))
    g.reject("limit", "two characters over for four bytes", ["too-long"], twenty("z" * 8, 4), twenty("z" * 5, 4))
    g.reject("limit", "48 characters for 32 bytes", ["too-long"], twenty("1" * 48, 32), twenty("1" * 32, 32))
    e = f.group("base58.encode", "chosen by hand", lambda i: ({}, {"text": base58(bytes.fromhex(i["bytes"]))}))
    for data in (
        "",
        "00",
        "0000",
        "00000001",
        "01",
        "39",
        "3a",
        "ff" * 20,
        "00" * 20,
        "00" * 10 + "ff" * 10,
        "0000000102030405",
        "00010966776006953d5567439e5e39f86a0d273beed61967f6",
    ):
        e.accept(
            f"writer: {data or 'nothing'}", ["leading-zeros" if data.startswith("00") else "valid"], {"bytes": data}
        )
    return f


def files(ledger):
    return [hexadecimal(ledger), padded64(ledger), bitcoin58(ledger)]
