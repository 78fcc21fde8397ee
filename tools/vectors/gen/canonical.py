"""RFC 8785."""

import json
import struct

from .common import VectorFile, seeded


def number(value):
    """ECMAScript's text of a double."""
    if value == 0:
        return "0"
    sign, value = ("-", -value) if value < 0 else ("", value)
    mantissa, _, exponent = repr(value).partition("e")
    whole, _, fraction = mantissa.partition(".")
    if fraction == "0":
        fraction = ""
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) if whole != "0" else int(exponent or 0) - (len(fraction) - len(digits))
    digits = digits.rstrip("0")
    k = len(digits)
    if k <= point <= 21:
        text = digits + "0" * (point - k)
    elif 0 < point <= 21:
        text = digits[:point] + "." + digits[point:]
    elif -6 < point <= 0:
        text = "0." + "0" * -point + digits
    else:
        text = digits[0] + ("." + digits[1:] if k > 1 else "") + f"e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return sign + text


def canonical(value):
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(canonical(n) + ":" + canonical(value[n]) for n in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return number(float(value))


def files(ledger):
    f = VectorFile(ledger, "encodings", "canonical_json")
    f.note(
        "form",
        ["AM-ENC-020"],
        "white space, order or escapes kept as read",
        "signer and verifier hash other bytes",
        ["RFC 8785 section 3.2"],
    )
    f.note(
        "order",
        ["AM-ENC-020"],
        "names sorted by code point or by UTF-8 instead of UTF-16",
        "objects with emoji in names do not verify",
        ["RFC 8785 section 3.2.3"],
    )
    f.note(
        "string",
        ["AM-ENC-020"],
        "more or other characters escaped than RFC 8785 says",
        "signatures of texts with control characters fail",
    )
    f.note(
        "number",
        ["AM-ENC-020"],
        "another shortest form or exponent than ECMAScript",
        "signatures of large or small numbers fail",
        ["RFC 8785 appendix B"],
    )
    f.note(
        "unreadable",
        ["AM-ENC-020", "AM-ENC-013"],
        "a text that strict reading refuses is canonicalised",
        "a signature covers one of two readings",
    )
    g = f.group(
        "json.canonical",
        "chosen by hand; numbers include those of RFC 8785 appendix B",
        lambda i: ({}, {"text": canonical(json.loads(i["text"]))}),
    )
    for text in (
        "null",
        "true",
        "[]",
        "{}",
        '""',
        " [ 1 , 2 ] ",
        '{ "b" : 1 , "a" : 2 }',
        '{"a":{"d":1,"c":2},"b":[{"z":1,"y":2}]}',
        "[[[]],{}]",
        '\r\n\t"x"\n',
        '{"peach":"This sorting order","p\\u00e9che":"is wrong according to French","p\\u00eache":"but canonicalization MUST","sin":"ignore locale"}',
        '{"from_account":"543 232 625-3","to_account":"321 567 636-4","amount":500,"currency":"USD"}',
        '[56,{"d":true,"10":null,"1":[]}]',
        '{"1":{"f":{"f":"hi","F":5},"\\n":56.0},"10":{},"":"empty","a":{},"111":[{"e":"yes","E":"no"}],"A":{}}',
    ):
        g.accept(f"form of {text!r}", ["form"], {"text": text})
    for text in (
        '{"\u20ac":1,"\\r":2,"\ufb33":3,"1":4,"\U0001f600":5,"\u0080":6,"\u00f6":7}',
        '{"\ue000":1,"\U00010000":2}',
        '{"\uffff":1,"\ud7ff":2,"\U0010ffff":3}',
        '{"b":1,"aa":2,"a":3,"":4}',
        '{"B":1,"a":2,"_":3,"A":4}',
        '{"a\\u0000":1,"a":2}',
        '{"10":1,"9":2,"1":3}',
        '{"\\ud83d\\ude00":1,"\\ufb33":2}',
        '{"a/b":1,"a":2,"a-b":3}',
    ):
        g.accept(f"order of {ascii(text)}", ["order"], {"text": text})
    for text in (
        '"\\u20ac$\\u000f\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/"',
        '"\\u0000\\u0001\\u0007\\u0008\\u0009\\u000a\\u000b\\u000c\\u000d\\u000e\\u001f"',
        '"\\u007f\\u0080\\u009f"',
        '"\\u2028\\u2029"',
        '"<script>&\'"',
        '"\\/"',
        '"\\u00E9"',
        '"\\ud83d\\ude00"',
        '"\u00e9\u0065\u0301"',
        '"\\uffff"',
        '"\\ufeff"',
        '"\\u003c"',
        '"\\u000A\\u000B"',
    ):
        g.accept(f"string {ascii(text)}", ["string"], {"text": text})
    for text in (
        "333333333.33333329",
        "1E30",
        "4.50",
        "2e-3",
        "0.000000000000000000000000001",
        "-0",
        "-0.0",
        "0.0",
        "1.0",
        "100",
        "1e2",
        "1e20",
        "1e21",
        "1e22",
        "0.000001",
        "0.0000001",
        "1e-6",
        "1e-7",
        "1.5e-7",
        "123e-20",
        "0.1",
        "0.2",
        "0.30000000000000004",
        "5e-324",
        "1.7976931348623157e308",
        "9007199254740991",
        "2.9514790517935283e20",
        "295147905179352830000",
        "1e23",
        "9.999999999999997e22",
        "1.0000000000000001e23",
        "-1.5",
        "-1e-7",
        "1.2345678901234567e+30",
        "4294967296",
        "0.1e1",
        "10e-1",
        "3.14159265358979",
        "1e-320",
        "2.2250738585072014e-308",
    ):
        g.accept(f"number {text}", ["number"], {"text": text})
    # RFC 8785 presumes I-JSON and does not say what becomes of integers that a double cannot hold; SPEC.md does.
    twin = g.accept("number 9007199254740992", ["number"], {"text": "9007199254740992"})
    for text in ("9007199254740994", "-9007199254740992", "1000000000000000000000", "1250000000000000000000000"):
        g.accept(f"number {text}", ["number"], {"text": text})
    for text in ("9007199254740993", "-9007199254740993", "999999999999999999999999", "295147905179352830001"):
        g.reject("parse", f"number {text}", ["number"], {"text": text}, twin)
    for bits in (
        "0000000000000001",
        "8000000000000001",
        "7fefffffffffffff",
        "ffefffffffffffff",
        "4340000000000000",
        "c340000000000000",
        "4430000000000000",
        "44b52d02c7e14af5",
        "44b52d02c7e14af6",
        "44b52d02c7e14af7",
        "444b1ae4d6e2ef4e",
        "444b1ae4d6e2ef4f",
        "444b1ae4d6e2ef50",
        "3eb0c6f7a0b5ed8c",
        "3eb0c6f7a0b5ed8d",
        "41b3de4355555553",
        "41b3de4355555554",
        "41b3de4355555555",
        "41b3de4355555556",
        "41b3de4355555557",
        "becbf647612f3696",
        "43143ff3c1cb0959",
    ):
        g.accept(
            f"number of RFC 8785 appendix B, bits {bits}",
            ["number"],
            {"text": repr(struct.unpack(">d", bytes.fromhex(bits))[0])},
        )
    made = 0
    while made < 40:
        raw = seeded(f"double/{made}/{len(g.tests)}", 8)
        value = struct.unpack(">d", raw)[0]
        if value == value and abs(value) != float("inf"):
            g.accept(f"number of random bits {raw.hex()}", ["number"], {"text": f"{value:.17e}"})
        made += 1
    for comment, bad, good in [
        ("name twice", '{"a":1,"a":2}', '{"a":1,"b":2}'),
        ("half a pair", '"\\ud800"', '"\\ud800\\udc00"'),
        ("not finite", "[1e400]", "[1e40]"),
        ("text after the value", "{}x", "{}"),
        ("NaN", "[NaN]", "[0]"),
    ]:
        g.reject("parse", f"unreadable: {comment}", ["unreadable"], {"text": bad}, {"text": good})
    return [f]
