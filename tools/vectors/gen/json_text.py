"""Strict RFC 8259, with the bounds of SPEC.md."""

import json
import struct

from .common import VectorFile


def nested(depth, inside=""):
    return "[" * depth + inside + "]" * depth


def objects(depth):
    return '{"a":' * (depth - 1) + "{}" + "}" * (depth - 1)


def members(count):
    return "{" + ",".join(f'"m{i}":0' for i in range(count)) + "}"


def files(ledger):
    f = VectorFile(ledger, "encodings", "json")
    f.note(
        "valid",
        ["AM-ENC-010", "AM-ENC-011", "AM-ENC-012", "AM-ENC-013"],
        "a parser that refuses valid JSON talks to nobody",
    )
    f.note(
        "grammar",
        ["AM-ENC-010"],
        "a lenient parser takes more than RFC 8259",
        "two parsers see two values, and the attacker chooses which",
        ["RFC 8259"],
    )
    f.note(
        "utf-8",
        ["AM-ENC-011"],
        "broken UTF-8 passes or is replaced",
        "two names that differ become equal",
        ["RFC 3629 section 3"],
    )
    f.note(
        "surrogate",
        ["AM-ENC-012"],
        "half a pair is kept as three bytes or replaced",
        "a writer then emits what no reader takes",
    )
    f.note(
        "duplicate",
        ["AM-ENC-013"],
        "the first or the last of two values wins",
        "the checked value is not the used one",
        ["RFC 8259 section 4", "JSONTestSuite y_object_duplicated_key is refused on purpose"],
    )
    f.note("depth", ["AM-ENC-014", "AM-ENC-015"], "recursion without a bound", "one frame ends the process")
    f.note("members", ["AM-ENC-019"], "quadratic or unbounded work for one object", "one frame costs seconds")
    f.note("integer", ["AM-ENC-016"], "numbers beyond 2^53 are rounded", "two implementations see two numbers")
    f.note("number", ["AM-ENC-017"], "overflow becomes infinity", "a limit compared with infinity never holds")
    f.note("minus-zero", ["AM-ENC-018"], "-0 is refused or kept apart from 0", "two signers differ")

    v = f.group("json.validate", "chosen by hand after the classes of RFC 8259")
    for text in (
        "null",
        "true",
        "false",
        "0",
        "-1",
        "1.5",
        "1e3",
        "1E+3",
        "1e-3",
        "-0",
        "-0.0",
        '""',
        '"a"',
        "[]",
        "{}",
        "[1,2,3]",
        '{"a":1}',
        ' \t\r\n{ "a" : [ 1 , 2 ] } \n',
        '{"a":{"a":{"a":1}}}',
        '[{"a":1},{"a":1}]',
        '"\\u0041"',
        '"\\u0000"',
        '"\\ud83d\\ude00"',
        '"\\"\\\\\\/\\b\\f\\n\\r\\t"',
        '{"":0}',
        '{"a":1,"A":2}',
        '{"a":1,"b":1}',
        '"\u00e9"',
        '"\U0001f600"',
        '"\u007f"',
        '"\u2028"',
        '"\ufeff"',
        '"\\uFFFF"',
        '"\uffff"',
        '"\\udbff\\udfff"',
        '{"\\u0061":1,"b":2}',
        "[[],[]]",
        "123456789012345678901234567890",
        "1.7976931348623157e308",
        "5e-324",
        "1e-400",
        "[true,false,null]",
        '{"a":[{"b":[{"c":1}]}]}',
    ):
        v.accept(f"text {json.dumps(text)}", ["valid"], {"text": text})
    for comment, bad, good in [
        ("nothing", "", "0"),
        ("white space only", " \n", "0 \n"),
        ("byte order mark", "\ufeff{}", "{}"),
        ("line comment", "{}//x", "{}"),
        ("block comment", "{/**/}", "{}"),
        ("hash comment", "{}#x", "{}"),
        ("NaN", "[NaN]", "[0]"),
        ("Infinity", "[Infinity]", "[0]"),
        ("minus Infinity", "[-Infinity]", "[-0]"),
        ("undefined", "[undefined]", "[0]"),
        ("leading zero", "[01]", "[1]"),
        ("minus leading zero", "[-01]", "[-1]"),
        ("two zeros", "00", "0"),
        ("leading plus", "[+1]", "[1]"),
        ("lone minus", "[-]", "[-1]"),
        ("point first", "[.5]", "[0.5]"),
        ("point last", "[1.]", "[1.0]"),
        ("no digits in the exponent", "[1e]", "[1e1]"),
        ("sign only in the exponent", "[1e+]", "[1e+1]"),
        ("hexadecimal number", "[0x1]", "[01]".replace("01", "1")),
        ("underscore in a number", "[1_0]", "[10]"),
        ("two points", "[1.2.3]", "[1.23]"),
        ("space in a number", "[1 0]", "[10]"),
        ("letter after a number", "[1a]", "[1]"),
        ("value after the value", "{}{}", "{}"),
        ("number after the value", "{} 1", "{} "),
        ("bracket after the value", "[]]", "[]"),
        ("brace after the value", "{}}", "{}"),
        ("NUL after the value", "{}\x00", "{}"),
        ("comma after the value", "{},", "{}"),
        ("form feed as white space", "\f{}", "{}"),
        ("vertical tab as white space", "{}\v", "{}"),
        ("no-break space as white space", "\u00a0{}", "{}"),
        ("line separator as white space", "{}\u2028", "{}"),
        ("trailing comma in an array", "[1,]", "[1]"),
        ("leading comma in an array", "[,1]", "[1]"),
        ("two commas", "[1,,2]", "[1,2]"),
        ("lone comma", "[,]", "[]"),
        ("trailing comma in an object", '{"a":1,}', '{"a":1}'),
        ("no comma in an array", '["a""b"]', '["a","b"]'),
        ("no comma in an object", '{"a":1 "b":2}', '{"a":1, "b":2}'),
        ("no colon", '{"a" 1}', '{"a": 1}'),
        ("two colons", '{"a"::1}', '{"a":1}'),
        ("equals sign", '{"a"=1}', '{"a":1}'),
        ("no value", '{"a":}', '{"a":0}'),
        ("name only", '{"a"}', '{"a":1}'),
        ("number as name", "{1:1}", '{"":1}'),
        ("bare name", "{a:1}", '{"a":1}'),
        ("single quotes", "['a']", '["a"]'),
        ("backticks", "[`a`]", '["a"]'),
        ("null as name", "{null:1}", '{"null":1}'),
        ("unclosed array", "[1", "[1]"),
        ("unclosed object", '{"a":1', '{"a":1}'),
        ("unclosed string", '["a]', '["a"]'),
        ("array closed as object", "[1}", "[1]"),
        ("object closed as array", '{"a":1]', '{"a":1}'),
        ("open bracket only", "[", "[]"),
        ("close bracket only", "]", "[]"),
        ("lone quote", '"', '""'),
        ("upper-case true", "[True]", "[true]"),
        ("upper-case NULL", "NULL", "null"),
        ("cut literal", "[tru]", "[true]"),
        ("long literal", "[truee]", "[true]"),
        ("cut null", "nul", "null"),
        ("unquoted text", "abc", '"abc"'),
        ("raw line feed in a string", '"\n"', '""'),
        ("raw tab in a string", '"\t"', '""'),
        ("raw NUL in a string", '"\x00"', '""'),
        ("raw U+001F in a string", '"\x1f"', '""'),
        ("escape x", '"\\x41"', '"\\u41"'.replace("\\u41", "41")),
        ("escape a", '"\\a"', '"\\b"'),
        ("escape of a quote mark '", '"\\\'"', '"\'"'),
        ("escape of zero", '"\\0"', '"0"'),
        ("upper-case escape U", '"\\U0041"', '"\\u0041"'),
        ("three hexadecimal digits", '"\\u004"', '"\\u0041"'),
        ("letter g in an escape", '"\\u004g"', '"\\u0041"'),
        ("space in an escape", '"\\u 041"', '"\\u0041"'),
        ("backslash at the end", '"\\"', '""'),
        ("escaped line feed", '"\\\n"', '"\\n"'),
        ("full-width digit", "[\uff11]", "[1]"),
        ("quote by typographers", "[\u201ca\u201d]", '["a"]'),
        ("plus after exponent digits", "[1e5+]", "[1e5]"),
        ("exponent of a point", "[1e.5]", "[1e5]"),
    ]:
        v.reject("parse", comment, ["grammar"], {"text": bad}, {"text": good})
    for comment, bad, good in [
        ("high surrogate alone", '"\\ud800"', '"\\ud700"'),
        ("low surrogate alone", '"\\udc00"', '"\\udb00\\udc00"'),
        ("high surrogate before a letter", '"\\ud800a"', '"\\ud800\\udc00a"'),
        ("two high surrogates", '"\\ud800\\ud800"', '"\\ud800\\udc00"'),
        ("pair in the wrong order", '"\\udc00\\ud800"', '"\\udc00\\ud800"'.replace("\\udc00\\ud800", "\\ud800\\udc00")),
        ("high surrogate before another escape", '"\\ud800\\n"', '"\\ud800\\udc00\\n"'),
        ("high surrogate and a cut escape", '"\\ud800\\udc0"', '"\\ud800\\udc00"'),
        ("high surrogate in a name", '{"\\udbff":1}', '{"\\udbff\\udfff":1}'),
        ("low surrogate after a pair", '"\\ud83d\\ude00\\ude00"', '"\\ud83d\\ude00"'),
        ("high surrogate after a pair", '"\\ud83d\\ude00\\ud83d"', '"\\ud83d\\ude00"'),
        ("upper-case escape of half a pair", '"\\uD800"', '"\\uD700"'),
        ("highest low surrogate alone", '"\\udfff"', '"\\udbff\\udfff"'),
        ("high surrogate and an escape below the range", '"\\ud800\\udbff"', '"\\ud800\\udfff"'),
        ("high surrogate and an escape above the range", '"\\ud800\\ue000"', '"\\ud800\\udc00"'),
    ]:
        v.reject("parse", comment, ["surrogate"], {"text": bad}, {"text": good})
    for comment, bad, good in [
        ("two equal names", '{"a":1,"a":2}', '{"a":1,"b":2}'),
        ("equal names and values", '{"a":1,"a":1}', '{"a":1}'),
        ("equal after unescaping", '{"a":1,"\\u0061":2}', '{"a":1,"\\u0062":2}'),
        ("both escaped, in two cases of hexadecimal", '{"\\u00e9":1,"\\u00E9":2}', '{"\\u00e9":1,"\\u00E8":2}'),
        ("escaped and raw UTF-8", '{"\u00e9":1,"\\u00e9":2}', '{"\u00e9":1,"\\u00e8":2}'),
        ("pair and raw UTF-8", '{"\U0001f600":1,"\\ud83d\\ude00":2}', '{"\U0001f600":1,"\\ud83d\\ude01":2}'),
        ("empty names", '{"":1,"":2}', '{"":1,"a":2}'),
        ("in an inner object", '{"a":{"b":1,"b":2}}', '{"a":{"b":1,"c":2}}'),
        ("in an array", '[{"a":1,"a":2}]', '[{"a":1,"b":2}]'),
        ("others between", '{"a":1,"b":2,"c":3,"a":4}', '{"a":1,"b":2,"c":3,"d":4}'),
        ("three times", '{"a":1,"a":2,"a":3}', '{"a":1}'),
        ("slash escaped", '{"/":1,"\\/":2}', '{"/":1,"\\"":2}'),
        ("after an inner object of the same name", '{"a":{"a":1},"a":2}', '{"a":{"a":1},"b":2}'),
        ("in an object 60 deep", nested(59, '{"a":1,"a":2}'), nested(59, '{"a":1,"b":2}')),
        ("among 100 members", members(100)[:-1] + ',"m50":0}', members(101)),
        ("among 1,000 members", members(1000)[:-1] + ',"m0":0}', members(1001)),
        ("proto", '{"__proto__":1,"__proto__":2}', '{"__proto__":1}'),
        ("NUL in the name", '{"a\\u0000":1,"a\\u0000":2}', '{"a\\u0000":1,"a":2}'),
    ]:
        v.reject("parse", f"duplicate: {comment}", ["duplicate"], {"text": bad}, {"text": good})
    for depth in (1, 63, 64):
        v.accept(f"arrays nested {depth} deep", ["depth"], {"text": nested(depth)})
        v.accept(f"objects nested {depth} deep", ["depth"], {"text": objects(depth)})
    v.accept("64 deep, alternating", ["depth"], {"text": '[{"a":' * 31 + "[{}]" + "}]" * 31})
    for depth in (65, 66, 1000, 20_000):
        v.reject("limit", f"arrays nested {depth} deep", ["depth"], {"text": nested(depth)}, {"text": nested(64)})
    v.reject("limit", "objects nested 65 deep", ["depth"], {"text": objects(65)}, {"text": objects(64)})
    v.reject(
        "limit",
        "objects nested 65 deep around a scalar",
        ["depth"],
        {"text": '{"a":' * 65 + "1" + "}" * 65},
        {"text": '{"a":' * 64 + "1" + "}" * 64},
    )
    v.reject(
        "limit",
        "65 deep, alternating",
        ["depth"],
        {"text": '[{"a":' * 32 + "[]" + "}]" * 32},
        {"text": '[{"a":' * 32 + "1" + "}]" * 32},
    )
    v.accept("1,024 members", ["members"], {"text": members(1024)})
    v.reject("limit", "1,025 members", ["members"], {"text": members(1025)}, {"text": members(1024)})
    v.reject(
        "limit",
        "1,025 members in an inner object",
        ["members"],
        {"text": "[" + members(1025) + "]"},
        {"text": "[" + members(1024) + "]"},
    )
    v.accept("two objects of 600 members", ["members"], {"text": "[" + members(600) + "," + members(600) + "]"})
    v.accept("an array of 2,000 elements", ["members"], {"text": "[" + ",".join("0" * 2000) + "]"})

    u = f.group(
        "json.validate", "byte sequences of RFC 3629 and the Unicode standard, table 3-7; text given in hexadecimal"
    )
    quoted = lambda sequence: {"bytes": (b'"' + sequence + b'"').hex()}
    for sequence in ("7f", "c280", "dfbf", "e0a080", "ed9fbf", "ee8080", "efbfbf", "f0908080", "f48fbfbf"):
        u.accept(f"utf-8: boundary {sequence}", ["valid"], quoted(bytes.fromhex(sequence)))
    for comment, bad, good in [
        ("lone continuation", "80", "c280"),
        ("two continuations", "8080", "c280"),
        ("overlong slash, two bytes", "c0af", "c2af"),
        ("overlong NUL", "c080", "c280"),
        ("lead c1", "c1bf", "c2bf"),
        ("overlong, three bytes", "e080af", "e0a0af"),
        ("overlong boundary, three bytes", "e09fbf", "e0afbf"),
        ("overlong, four bytes", "f08080af", "f09080af"),
        ("overlong boundary, four bytes", "f08fbfbf", "f09fbfbf"),
        ("surrogate d800", "eda080", "ed9080"),
        ("surrogate dfff", "edbfbf", "ed9fbf"),
        ("surrogates as a pair (CESU-8)", "eda0bdedb880", "f09f9880"),
        ("above 10ffff", "f4908080", "f4808080"),
        ("lead f5", "f5808080", "f4808080"),
        ("lead ff", "ff", "7f"),
        ("lead fe", "fe", "7e"),
        ("five bytes", "f888808080", "7f"),
        ("cut after one byte", "c2", "c280"),
        ("cut after two bytes", "e282", "e282ac"),
        ("cut after three bytes", "f09f98", "f09f9880"),
        ("lead before ASCII", "c241", "c28041"),
        ("cut sequence before a lead", "e282c3a9", "e282acc3a9"),
        ("Latin-1 letter", "e9", "c3a9"),
        ("UTF-16 text", "fffe4100", "4100".replace("4100", "41")),
    ]:
        u.reject("parse", f"utf-8: {comment}", ["utf-8"], quoted(bytes.fromhex(bad)), quoted(bytes.fromhex(good)))
    raw = lambda data: {"bytes": data.hex()}
    u.reject("parse", "utf-8: broken in a name", ["utf-8"], raw(b'{"\xff":1}'), raw(b'{"a":1}'))
    u.reject("parse", "utf-8: broken outside a string", ["utf-8"], raw(b"[1\xff]"), raw(b"[1]"))
    u.reject("parse", "utf-16 without mark", ["utf-8"], raw(b"[\x00]\x00".replace(b"\x00", b"\xc0")), raw(b"[]"))

    i = f.group(
        "json.integer",
        "chosen by hand",
        lambda x: ({}, {"integer": int(float(x["text"]) if x["text"] == "-0" else x["text"])}),
    )
    for text in (
        "0",
        "-0",
        "1",
        "-1",
        "42",
        "4294967295",
        "4294967296",
        "2147483648",
        "-2147483649",
        "9007199254740991",
        "9007199254740992",
        "-9007199254740992",
        "9007199254740990",
    ):
        i.accept(f"integer {text}", ["integer", "minus-zero"] if text == "-0" else ["integer"], {"text": text})
    for bad, good in [
        ("9007199254740993", "9007199254740992"),
        ("-9007199254740993", "-9007199254740992"),
        ("9223372036854775807", "922337203685477580"),
        ("18446744073709551616", "1844674407370955161"),
        ("99999999999999999999999999", "9999"),
        ("1.5", "15"),
        ("0.1", "0"),
        ("1e400", "1"),
        ("-1.25", "-125"),
        ("1e-1", "1"),
    ]:
        if good in ("922337203685477580", "1844674407370955161"):
            good = good[:15]
        i.reject("parse", f"not an integer field: {bad}", ["integer"], {"text": bad}, {"text": good})
    i.reject("parse", "integer in quotes", ["integer"], {"text": '"1"'}, {"text": "1"})
    i.reject("parse", "true for an integer", ["integer"], {"text": "true"}, {"text": "1"})
    i.reject("parse", "null for an integer", ["integer"], {"text": "null"}, {"text": "1"})

    def double(x):
        value = float(x["text"])
        return {}, {"double": struct.pack(">d", value + 0.0 if value else 0.0).hex()}

    n = f.group("json.number", "chosen by hand; the double is given as its 64 bits", double)
    for text in (
        "0",
        "-0",
        "-0.0",
        "0e0",
        "-0e-5",
        "1",
        "-1",
        "0.1",
        "1.7976931348623157e308",
        "-1.7976931348623157e308",
        "5e-324",
        "4.9406564584124654e-324",
        "2.2250738585072014e-308",
        "2.2250738585072011e-308",
        "9007199254740993",
        "1e23",
        "1e22",
        "123456789012345680000",
        "1e-400",
        "0.30000000000000004",
        "1e308",
        "17976931348623157" + "0" * 292,
        "2.4703282292062328e-324",
    ):
        n.accept(f"number {text}", ["number", "minus-zero"] if text.startswith("-0") else ["number"], {"text": text})
    for bad, good in [
        ("1e309", "1e308"),
        ("-1e309", "-1e308"),
        ("1e400", "1e40"),
        ("1.8e308", "1.7e308"),
        ("1e99999", "1e9"),
        ("1" + "0" * 309, "1" + "0" * 308),
        ("1.7976931348623159e308", "1.7976931348623157e308"),
        ("9" * 400, "9"),
    ]:
        n.reject("parse", f"not finite: {bad[:24]}, {len(bad)} characters", ["number"], {"text": bad}, {"text": good})
    return [f]
