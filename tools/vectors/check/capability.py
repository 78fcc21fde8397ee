"""Names and patterns, matching, negotiation, and the subset of JSON Schema: area CAP."""

from . import Refused, jsontext
from .bytes import read_object

FIRST = "abcdefghijklmnopqrstuvwxyz0123456789"
REST = FIRST + "-_."


def is_segment(text, star=""):
    return 1 <= len(text) <= 64 and text[0] in FIRST + star and all(c in REST + star for c in text)


def is_name(text):
    parts = text.split("/")
    count = (2, 3) if text.startswith("x-") else (1, 2)
    return len(parts) in count and all(is_segment(p) for p in parts)


def is_pattern(text):
    parts = text.split("/")
    return len(parts) <= 3 and all(is_segment(p, "*") for p in parts)


def check(i, shared, now):
    if not {"name": is_name, "pattern": is_pattern}[i["kind"]](i["text"]):
        raise Refused("parse")
    return {}, {}


def covers(pattern, text):
    """Whether the pattern can give the text: one row of a table, place by place."""
    reached = [True] + [False] * len(text)
    for c in pattern:
        if c == "*":
            for at in range(1, len(reached)):
                reached[at] = reached[at] or reached[at - 1]
        else:
            reached = [False] + [reached[at] and text[at] == c for at in range(len(text))]
    return reached[-1]


def score(asked, offered):
    if asked == offered:
        return 1_000_000
    if "*" in asked:
        return 800_000 if covers(asked, offered) else 0
    if offered.startswith(asked + "/") or asked.startswith(offered + "/"):
        return 500_000
    return 0


def match(i, shared, now):
    return {"score": score(i["asked"], i["offered"])}, {}


def category(name):
    return "/".join(name.split("/")[: 2 if name.startswith("x-") else 1])


def once(values):
    return list(dict.fromkeys(values))


def schema_name(text):
    parts = text.split("/")
    good = len(parts) == 4 and parts[0] == "agentmesh" and is_segment(parts[1]) and is_segment(parts[2])
    if len(parts) == 3 and parts[0].startswith("x-"):
        good = is_segment(parts[0]) and is_segment(parts[1])
    version = parts[-1][1:]
    digits = version != "" and len(version) <= 4 and all(c in "0123456789" for c in version)
    if not good or parts[-1][:1] != "v" or not digits or version[0] == "0":
        raise Refused("parse")
    return "/".join(parts[:-1]), int(version)


def read_schema_name(i, shared, now):
    stem, version = schema_name(i["text"])
    return {"stem": stem, "version": version}, {}


def serves(offered, wanted):
    stem, version = schema_name(wanted)
    return any(s == stem and v >= version for s, v in map(schema_name, offered))


def lower(text):
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)


def negotiate(i, shared, now):
    request, offered = i["request"], i["offered"]
    names = sorted(offered["capabilities"], key=lambda n: n.encode("utf-8"))
    matched, missing = [], []
    for need in request.get("i_need", []):
        best = max(names, key=lambda n: score(need, n), default=None)  # the first of equal ones
        if best is not None and score(need, best):
            matched.append(best)
        else:
            missing.append(need)
    answer = {"matched": once(matched), "unavailable": once(missing)}
    for name in names if missing else ():
        if category(name) == category(missing[0]):
            answer["suggested_alternative"] = name
            break
    spoken = [lower(known) for known in offered["languages"]]
    for member, wanted, good in (
        ("agreed_schema", "preferred_schemas", lambda w: serves(offered["schemas"], w)),
        ("agreed_language", "languages", lambda w: lower(w) in spoken),
        ("agreed_payment", "payment_methods", lambda w: w in offered["payment_methods"]),
    ):
        for one in request.get(wanted, []):
            if good(one):
                answer[member] = one
                break
    return {"answer": answer}, {}


# --- schemas ---


def kinds(value):
    if value is None:
        return {"null"}
    if isinstance(value, bool):
        return {"boolean"}
    if isinstance(value, jsontext.Number):
        return {"number", "integer"} if float(value).is_integer() else {"number"}
    return {{str: "string", list: "array", dict: "object"}[type(value)]}


def pointer(base, name):
    return f"{base}/{str(name).replace('~', '~0').replace('/', '~1')}"


def violations(schema, value, at=""):
    same = lambda other: jsontext.canonical(other) == jsontext.canonical(value)
    of = kinds(value)
    if "type" in schema:
        wanted = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        if not of & set(wanted):
            yield at, "type"
    if "enum" in schema and not any(same(v) for v in schema["enum"]):
        yield at, "enum"
    if "const" in schema and not same(schema["const"]):
        yield at, "const"
    if "object" in of:
        for name in schema.get("required", []):
            if name not in value:
                yield pointer(at, name), "required"
        named, others = schema.get("properties", {}), schema.get("additionalProperties", True)
        for name, one in value.items():
            if name in named:
                yield from violations(named[name], one, pointer(at, name))
            elif others is False:
                yield pointer(at, name), "additionalProperties"
            elif others is not True:
                yield from violations(others, one, pointer(at, name))
    if "array" in of:
        for place, one in enumerate(value):
            yield from violations(schema.get("items", {}), one, pointer(at, place))
    if "number" in of:
        if "minimum" in schema and float(value) < float(schema["minimum"]):
            yield at, "minimum"
        if "maximum" in schema and float(value) > float(schema["maximum"]):
            yield at, "maximum"
    if "string" in of:
        if "minLength" in schema and len(value) < int(schema["minLength"]):
            yield at, "minLength"
        if "maxLength" in schema and len(value) > int(schema["maxLength"]):
            yield at, "maxLength"


def check_schema(i, shared, now):
    found = sorted([list(v) for v in violations(read_object(i["schema"]), jsontext.parse(i["text"]))])
    if found:
        raise Refused("parse", output={"findings": found})
    return {"findings": []}, {}


def judge(i, shared, now):
    if i["mode"] == "strict":
        if i["name"] != shared["name"] or any(violations(read_object(shared["schema"]), jsontext.parse(i["text"]))):
            raise Refused("parse")
    return {}, {}


OPERATIONS = {
    "capability.check": check,
    "capability.match": match,
    "capability.negotiate": negotiate,
    "schema_name.read": read_schema_name,
    "schema.check": check_schema,
    "schema.judge": judge,
}
