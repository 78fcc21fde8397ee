"""Capability names, matching, negotiation, schema names and schemas."""

import json
import re

from .common import VectorFile

SEGMENT = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def is_capability(text):
    parts = text.split("/")
    own = text.startswith("x-")
    return (2 if own else 1) <= len(parts) <= (3 if own else 2) and all(SEGMENT.fullmatch(p) for p in parts)


def glob(pattern, text):
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.S) is not None


def score(asked, offered):
    if asked == offered:
        return 1_000_000
    if "*" in asked:
        return 800_000 if glob(asked, offered) else 0
    return 500_000 if offered.startswith(asked + "/") or asked.startswith(offered + "/") else 0


def category(name):
    return "/".join(name.split("/")[: 2 if name.startswith("x-") else 1])


def serves(offered, wanted):
    stem, _, version = wanted.rpartition("/v")
    have, _, number = offered.rpartition("/v")
    return stem == have and int(number) >= int(version)


def negotiate(asked, ours):
    matched, unavailable, first = [], [], None
    for need in asked.get("i_need", []):
        best = max((score(need, have) for have in ours["capabilities"]), default=0)
        if best == 0:
            first = first or need
            if need not in unavailable:
                unavailable.append(need)
            continue
        chosen = min(have for have in ours["capabilities"] if score(need, have) == best)
        if chosen not in matched:
            matched.append(chosen)
    out = {"matched": matched, "unavailable": unavailable}
    same = [have for have in ours["capabilities"] if first and category(have) == category(first)]
    if same:
        out["suggested_alternative"] = min(same)
    pick = lambda wishes, have, fits: next((w for w in wishes if any(fits(h, w) for h in have)), None)
    for member, found in (
        ("agreed_schema", pick(asked.get("preferred_schemas", []), ours["schemas"], serves)),
        ("agreed_language", pick(asked.get("languages", []), ours["languages"], lambda h, w: h.lower() == w.lower())),
        ("agreed_payment", pick(asked.get("payment_methods", []), ours["payment_methods"], lambda h, w: h == w)),
    ):
        if found is not None:
            out[member] = found
    return out


def names(ledger):
    f = VectorFile(ledger, "capability", "names")
    f.note("valid", ["AM-CAP-001", "AM-CAP-004"], "a reader that is too strict", "agents are not found")
    f.note("name", ["AM-CAP-001"], "any text is a capability", "rules are passed by with odd spellings", ["M4"])
    f.note("schema", ["AM-CAP-004"], "any text names a schema", "one schema has two names", ["M5"])
    g = f.group("capability.check", "chosen by hand", lambda i: ({}, {}))
    row = lambda text, kind="name": {"kind": kind, "text": text}
    good = g.accept("travel", ["valid"], row("travel"))
    for text in (
        "travel/flights",
        "a",
        "0",
        "a.b_c-d/e",
        "x-acme/widgets",
        "x-acme/widgets/small",
        "s" * 64,
        "s" * 64 + "/" + "t" * 64,
        "xacme",
        "x-1/y",
    ):
        g.accept(f"name {text!r}", ["valid"], row(text))
    for text in (
        "",
        "/",
        "travel/",
        "/travel",
        "travel//flights",
        "travel/flights/one",
        "Travel",
        "travel flights",
        "travel*",
        "*",
        "-a",
        "_a",
        ".a",
        "tr\u00e4vel",
        "x-acme",
        "x-acme/a/b/c",
        "s" * 65,
        "travel/" + "s" * 65,
        "a\\b",
        "travel\n",
        "travel/-x",
    ):
        g.reject("parse", f"no name {text!r}", ["name"], row(text), good)
    pattern = g.accept("travel/*", ["valid"], row("travel/*", "pattern"))
    for text in (
        "*",
        "travel",
        "*/flights",
        "tr*l",
        "*.*",
        "x-*",
        "x-acme/*",
        "x-acme/*/*",
        "**",
        "travel/*/one",
        "a*" * 32,
    ):
        g.accept(f"pattern {text!r}", ["valid"], row(text, "pattern"))
    for text in ("", "*/", "/*", "travel//*", "a/b/c/*", "Travel/*", "travel/ *", "?", "(*", "[a]", "*" * 65, "-*"):
        g.reject("parse", f"no pattern {text!r}", ["name"], row(text, "pattern"), pattern)
    s = f.group(
        "schema_name.read",
        "chosen by hand",
        lambda i: ({}, {"stem": i["text"].rpartition("/")[0], "version": int(i["text"].rpartition("/v")[2])}),
    )
    good = s.accept("flight search", ["valid"], {"text": "agentmesh/travel/flight-search/v1"})
    own = "x-" + "o" * 62
    for text in (
        "agentmesh/commerce/order/v12",
        "agentmesh/a/b/v9999",
        "x-acme/widget/v1",
        "x-a.b/c_d/v2",
        "x-/a/v1",
        "x--a/b/v1",
        own + "/a/v1",
        "agentmesh/" + "s" * 64 + "/" + "t" * 64 + "/v1",
    ):
        s.accept(f"schema {text}", ["valid"], {"text": text})
    for text in (
        "",
        "v1",
        "agentmesh/travel/v1",
        "agentmesh/travel/flight-search",
        own + "o/a/v1",
        "agentmesh/" + "s" * 65 + "/a/v1",
        "agentmesh/travel/flight-search/1",
        "agentmesh/travel/flight-search/v",
        "agentmesh/travel/flight-search/v0",
        "agentmesh/travel/flight-search/v01",
        "agentmesh/travel/flight-search/v10000",
        "agentmesh/travel/flight-search/v1.0",
        "agentmesh/travel/flight-search/v-1",
        "agentmesh/travel/flight/search/v1",
        "agentmesh/Travel/flight-search/v1",
        "agentmesh//flight-search/v1",
        "acme/travel/flight-search/v1",
        "x-acme/a/b/v1",
        "x-acme/v1",
        "x-acme/widget/V1",
        "agentmesh/travel/*/v1",
        " agentmesh/travel/flight-search/v1",
    ):
        s.reject("parse", f"no schema {text!r}", ["schema"], {"text": text}, good)
    return f


def matching(ledger):
    f = VectorFile(ledger, "capability", "matching")
    f.note(
        "match",
        ["AM-CAP-002"],
        "`.` or `(` is special, or `*` stops at a slash",
        "agents match what they do not offer",
        ["M4"],
    )
    f.note(
        "negotiate",
        ["AM-CAP-003"],
        "answers depend on the order of lists, or name what nobody offered",
        "two agents agree on two things",
    )
    g = f.group("capability.match", "chosen by hand", lambda i: ({}, {"score": score(i["asked"], i["offered"])}))
    for asked, offered in [
        ("travel", "travel"),
        ("travel/flights", "travel/flights"),
        ("travel", "travel/flights"),
        ("travel/flights", "travel"),
        ("travel", "travels"),
        ("travel", "trav"),
        ("travel/flight", "travel/flights"),
        ("travel/hotels", "travel/flights"),
        ("*", "travel"),
        ("*", "x-acme/widgets"),
        ("travel/*", "travel/flights"),
        ("travel/*", "travel"),
        ("travel*", "travel"),
        ("travel*", "travels/flights"),
        ("*flights", "travel/flights"),
        ("t*l/f*s", "travel/flights"),
        ("t*x*s", "travel/flights"),
        ("a.c", "abc"),
        ("a.c", "a.c"),
        ("a.*", "abc"),
        ("a.*", "a.bc"),
        ("*a*a*a*", "aa"),
        ("*a*a*a*", "aaa"),
        ("**", "b"),
        ("x-acme/*", "x-acme/widgets/small"),
        ("x-acme/widgets", "x-acme/widgets/small"),
        ("*" + "a*" * 20, "a" * 19),
        ("*" + "a*" * 20, "a" * 64),
    ]:
        g.accept(f"{asked} and {offered}", ["match"], {"asked": asked, "offered": offered})
    n = f.group(
        "capability.negotiate", "chosen by hand", lambda i: ({}, {"answer": negotiate(i["request"], i["offered"])})
    )
    ours = {
        "capabilities": ["travel/flights", "travel/hotels", "commerce", "x-acme/widgets"],
        "schemas": ["agentmesh/travel/flight-search/v2", "x-acme/widget/v1"],
        "languages": ["en", "pt-BR"],
        "payment_methods": ["card", "credits"],
    }
    for comment, asked, have in [
        ("nothing asked", {}, ours),
        ("exact", {"i_need": ["travel/hotels"]}, ours),
        ("category: the first in the order of bytes", {"i_need": ["travel"]}, ours),
        ("the same in another order", {"i_need": ["travel"]}, ours | {"capabilities": ours["capabilities"][::-1]}),
        ("exact before pattern before category", {"i_need": ["commerce", "travel/h*", "x-acme/widgets/big"]}, ours),
        ("each match once", {"i_need": ["travel/flights", "travel", "travel/*"]}, ours),
        ("unavailable with an alternative", {"i_need": ["finance", "travel/trains", "finance"]}, ours),
        ("alternative to the first", {"i_need": ["travel/trains", "finance"]}, ours),
        ("nothing offered", {"i_need": ["travel"]}, ours | {"capabilities": []}),
        ("later version serves", {"preferred_schemas": ["agentmesh/travel/flight-search/v1"]}, ours),
        (
            "earlier version does not",
            {"preferred_schemas": ["agentmesh/travel/flight-search/v3", "x-acme/widget/v1"]},
            ours,
        ),
        ("first common language", {"languages": ["de", "PT-br", "en"]}, ours),
        ("payment letter by letter", {"payment_methods": ["Card", "credits"]}, ours),
        (
            "all",
            {
                "i_need": ["x-acme/*"],
                "i_offer": ["travel"],
                "preferred_schemas": ["x-acme/widget/v1"],
                "languages": ["EN"],
                "payment_methods": ["card"],
            },
            ours,
        ),
    ]:
        n.accept(f"negotiate: {comment}", ["negotiate"], {"request": asked, "offered": have})
    return f


KINDS = {"null": type(None), "boolean": bool, "object": dict, "array": list, "string": str}


def is_kind(value, kind):
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == "number":
        return number
    if kind == "integer":
        return number and float(value).is_integer()
    return isinstance(value, KINDS[kind]) and (kind != "boolean" or isinstance(value, bool))


def same(a, b):
    if isinstance(a, bool) != isinstance(b, bool):
        return False
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def findings(schema, value, pointer=""):
    """Pointer and keyword of each violation."""
    out = []
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(is_kind(value, k) for k in kinds):
        out.append((pointer, "type"))
    if "enum" in schema and not any(same(value, one) for one in schema["enum"]):
        out.append((pointer, "enum"))
    if "const" in schema and not same(value, schema["const"]):
        out.append((pointer, "const"))
    if is_kind(value, "number"):
        low, high = schema.get("minimum", value), schema.get("maximum", value)
        out += [(pointer, "minimum")] if float(value) < float(low) else []
        out += [(pointer, "maximum")] if float(value) > float(high) else []
    if isinstance(value, str):
        out += [(pointer, "minLength")] if len(value) < schema.get("minLength", 0) else []
        out += [(pointer, "maxLength")] if len(value) > schema.get("maxLength", len(value)) else []
    step = lambda name: pointer + "/" + str(name).replace("~", "~0").replace("/", "~1")
    if isinstance(value, list) and "items" in schema:
        for k, one in enumerate(value):
            out += findings(schema["items"], one, step(k))
    if isinstance(value, dict):
        out += [(step(name), "required") for name in schema.get("required", []) if name not in value]
        more = schema.get("additionalProperties", True)
        for name, one in value.items():
            if name in schema.get("properties", {}):
                out += findings(schema["properties"][name], one, step(name))
            elif more is False:
                out.append((step(name), "additionalProperties"))
            elif more is not True:
                out += findings(more, one, step(name))
    return out


def schemas(ledger):
    f = VectorFile(ledger, "capability", "schemas")
    f.note("valid", ["AM-CAP-005", "AM-CAP-008"], "a validator that is too strict", "honest bodies are refused")
    f.note(
        "strict",
        ["AM-CAP-005"],
        "an unknown schema means valid",
        "nothing is checked where everything should be",
        ["M3"],
    )
    f.note("lenient", ["AM-CAP-006"], "mode warning refuses", "messages are lost to an owner who only wanted to know")
    f.note(
        "keyword",
        ["AM-CAP-008"],
        "one keyword hides another, or an integer is no number",
        "bodies are checked in part",
        ["M3"],
    )
    f.note("pointer", ["AM-CAP-007"], "a path without escapes, or the parent's", "nobody finds what is wrong")

    def found(i):
        return {}, {"findings": sorted([p, k] for p, k in findings(json.loads(i["schema"]), json.loads(i["text"])))}

    g = f.group("schema.check", "chosen by hand; the findings are in the order of their texts", found)
    dump = lambda v: v if isinstance(v, str) else json.dumps(v)

    def both(comment, schema, good, *bad):
        """A value that follows, and some that do not."""
        first = g.accept(f"{comment}: follows", ["valid"], {"schema": dump(schema), "text": dump(good)})
        assert not first["output"]["findings"], (comment, first["output"])
        for k, value in enumerate(bad):
            wrong = {"schema": dump(schema), "text": dump(value)}
            test = g.reject("parse", f"{comment}: {dump(value)[:60]} ({k})", ["keyword", "pointer"], wrong, first)
            test["output"] = found(wrong)[1]
            assert test["output"]["findings"], (comment, value)

    for kind, good, bad in [
        ("null", None, [0, '"null"']),
        ("boolean", True, [1, '"true"', None]),
        ("object", {}, [[], '"{}"']),
        ("array", [], [{}, '"[]"']),
        ("number", "1.5", ['"1.5"', True]),
        ("string", '"x"', [1, None]),
        ("integer", 5, ["5.5", '"5"', True]),
    ]:
        both(f"type {kind}", {"type": kind}, good, *bad)
    both("an integer is a number", {"type": "number"}, 5)
    both("a number without fraction is an integer", {"type": "integer"}, "5.0", "5.25")
    both("one of two types", {"type": ["string", "null"]}, None, 5)
    both("enum", {"enum": ["a", 1, None, {"x": [1]}]}, {"x": [1]}, "2", '"b"', {"x": [2]}, True)
    both("enum: 1.0 is 1", {"enum": [1]}, "1.0", "true")
    both("const", {"const": {"b": 1, "a": [True]}}, '{"a":[true],"b":1.0}', {"a": [True], "b": 2}, {"a": [1], "b": 1})
    both("maximum, compared as doubles", {"maximum": 2**53}, "9007199254740993", "9007199254740994")
    both("minimum, compared as doubles", {"minimum": 0.1}, "0.10000000000000000001", "0.09999999999999999")
    both("characters, not bytes", {"maxLength": 2}, '"\U0001f600\u00fc"', '"\u00fc\u00fc\u00fc"')
    both("an integer in exponents", {"type": "integer"}, "1e2", "1e-2")
    both("enum beside minimum", {"enum": [1, 5], "minimum": 3}, 5, 1)
    both("const beside maximum", {"const": 9, "maximum": 10}, 9, 11)
    both("required", {"required": ["a", "b"]}, {"a": 1, "b": None}, {"a": 1}, {})
    both("required looks at objects only", {"required": ["a"]}, '"x"')
    both(
        "names of every object",
        {"required": ["toString", "__proto__"]},
        {"toString": 1, "__proto__": 2},
        {},
        {"toString": 1},
    )
    both(
        "properties",
        {"properties": {"a": {"type": "string"}, "b": {"minimum": 0}}},
        {"a": "x", "b": 0, "c": []},
        {"a": 1},
        {"a": 1, "b": -1},
    )
    both(
        "additionalProperties false",
        {"properties": {"a": {}}, "additionalProperties": False},
        {"a": 1},
        {"a": 1, "b": 2},
        {"c": 1, "b": 2},
    )
    both(
        "additionalProperties a schema",
        {"properties": {"a": {}}, "additionalProperties": {"type": "integer"}},
        {"a": "x", "b": 2},
        {"b": "x"},
    )
    both("items", {"items": {"type": "string", "maxLength": 2}}, ["a", "bc", ""], ["abc"], [1, "a", "abc"])
    both("minimum and maximum", {"minimum": -1.5, "maximum": 10}, "-1.5", "-1.500001", 11, "10.000001")
    both("lengths count characters", {"minLength": 2, "maxLength": 3}, '"\u00e4\U0001f600"', '"\U0001f600"', '"abcd"')
    both("escapes count as what they stand for", {"maxLength": 1}, '"\\ud83d\\ude00"', '"\\u0041\\u0042"')
    both(
        "pointers with odd names",
        {"additionalProperties": {"type": "string"}},
        {"a/b": "x"},
        {"a/b": 1, "m~n": 2, "": 3, " ": 4},
    )
    both(
        "deep",
        {"properties": {"legs": {"items": {"properties": {"from": {"type": "string"}}, "required": ["to"]}}}},
        {"legs": [{"from": "a", "to": "b"}]},
        {"legs": [{"from": 1}, {"to": "b"}]},
    )
    both(
        "annotations say nothing",
        {"title": "t", "description": "d", "$id": "i", "default": 5, "x-req": ["A"], "type": "string"},
        '"x"',
        5,
    )
    j = f.group(
        "schema.judge",
        "one schema of somebody's own",
        None,
        name="x-acme/widget/v1",
        schema=json.dumps(
            {"type": "object", "required": ["size"], "properties": {"size": {"type": "integer", "minimum": 1}}}
        ),
    )
    row = lambda mode, text, name="x-acme/widget/v1": {"mode": mode, "name": name, "text": text}
    good = j.accept("strict, follows", ["valid"], row("strict", '{"size":1}'))
    for mode in ("silent", "warning"):
        j.accept(f"{mode}, follows", ["lenient"], row(mode, '{"size":1}'))
        j.accept(f"{mode}, does not follow", ["lenient"], row(mode, '{"size":0}'))
        j.accept(f"{mode}, unknown schema", ["lenient"], row(mode, "{}", "x-acme/gadget/v1"))
    j.reject("parse", "strict, does not follow", ["strict"], row("strict", '{"size":0}'), good)
    j.reject("parse", "strict, member missing", ["strict"], row("strict", "{}"), good)
    j.reject("parse", "strict, unknown schema", ["strict"], row("strict", '{"size":1}', "x-acme/gadget/v1"), good)
    j.reject("parse", "strict, another version", ["strict"], row("strict", '{"size":1}', "x-acme/widget/v2"), good)
    j.reject("parse", "strict, not JSON", ["strict"], row("strict", '{"size":1'), good)
    return f


def files(ledger):
    return [names(ledger), matching(ledger), schemas(ledger)]
