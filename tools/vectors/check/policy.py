"""The policy file, with line and member of what is refused, and the order of the rules: area POL."""

from . import Refused, agent, capability, jsontext
from .bytes import in_millionths, is_text

MILLION = 10**6
SUITES = ("am1", "v02", "wire10", "wire10-legacy")


class Located(jsontext.Parser):
    """Remembers the line of each name and value; a refusal names the innermost member."""

    def __init__(self, data):
        super().__init__(data)
        self.path, self.names, self.values = "", {}, {}

    def line(self):
        return 1 + self.data.count(b"\n", 0, self.at)

    def refuse(self):
        levels = self.path.replace("[", ".[").split(".")
        fault(self.line(), ".".join(levels[:4]).replace(".[", "["))

    def below(self, outer, name):
        return f"{outer}.{shown(name)}" if outer else shown(name)

    def value(self, depth):
        self.space()
        self.values[self.path] = self.line()
        return super().value(depth)

    def array(self, depth):
        outer, out = self.path, []
        self.take(b"[")
        self.space()
        while self.peek() != b"]":
            self.path = f"{outer}[{len(out)}]"
            out.append(self.value(depth))
            self.path = outer
            self.space()
            if self.peek() == b"]":
                break
            self.take(b",")
            self.space()
            if self.peek() == b"]":
                self.refuse()
        self.at += 1
        return out

    def object(self, depth):
        outer, out = self.path, {}
        self.take(b"{")
        self.space()
        while self.peek() != b"}" or out:
            self.space()
            line = self.line()
            name = self.string()
            inner = self.below(outer, name)
            self.names[inner] = line
            if name in out:
                fault(line, inner)
            self.space()
            self.take(b":")
            self.path = inner
            out[name] = self.value(depth)
            self.path = outer
            self.space()
            if self.peek() == b"}":
                break
            self.take(b",")
        self.at += 1
        return out


def shown(name):
    """At most 64 bytes of a name, and `?` for each that a terminal might obey."""
    data = name.encode("utf-8")
    out = "".join(chr(b) if 0x20 <= b <= 0x7E else "?" for b in data[:64])
    return out + ("..." if len(data) > 64 else "")


def fault(line, member):
    raise Refused("policy", output={"line": line, "member": member})


class Bad(Exception):
    """A value that its member does not take; `inside` is the path from the member down."""

    def __init__(self, inside=""):
        super().__init__()
        self.inside = inside


def demand(good):
    if not good:
        raise Bad()


def flag(value):
    demand(isinstance(value, bool))
    return value


def integer(low, high):
    def read(value):
        try:
            number = jsontext.integer(value)
        except Refused:
            raise Bad()
        demand(low <= number <= high)
        return number

    return read


def millionths(low, high):
    def read(value):
        demand(isinstance(value, jsontext.Number) and not value.startswith("-"))
        found = in_millionths(value)
        demand(low * MILLION <= found <= high * MILLION)
        return int(found)

    return read


def listed(read, least=0):
    def read_list(value):
        demand(isinstance(value, list) and least <= len(value))
        out = []
        for place, one in enumerate(value):
            if place == 4096:
                raise Bad(f"[{place}]")
            try:
                out.append(read(one))
            except Bad:
                raise Bad(f"[{place}]")
        return out

    return read_list


def tier(value):
    try:
        if isinstance(value, jsontext.Number):
            return agent.read_tier("label", value)
        demand(is_text(value))
        return agent.read_tier("word", value)
    except Refused:
        raise Bad()


def tiers(value):
    found = listed(tier, 1)(value)
    return [one for one in agent.TIERS if one in found]


def amid(value):
    demand(is_text(value))
    try:
        return agent.read_amid(value)
    except Refused:
        raise Bad()


def amids(value):
    return [agent.write_base58(raw) for raw in sorted(set(listed(amid)(value)))]


def pattern(value):
    demand(is_text(value) and capability.is_pattern(value))
    return value


def suite(value):
    demand(is_text(value) and value in SUITES)
    return value


def suites(value):
    return list(dict.fromkeys(listed(suite, 1)(value)))


# name: (default, reader), or the members of an object
FILE = {
    "accept_tiers": (["verified", "organization"], tiers),
    "min_reputation": (500_000, millionths(0, 1)),
    "accepted_intents": ([], listed(pattern)),
    "rejected_intents": ([], listed(pattern)),
    "blocklist": ([], amids),
    "allowlist": ([], amids),
    "strict_mode": (False, flag),
    "max_concurrent_sessions": (10, integer(1, 10_000)),
    "rate_limit": {"knocks_per_minute": (30, integer(1, 6000)), "messages_per_minute": (100, integer(1, 60_000))},
    "store_transcripts": (False, flag),
    "auto_reject_when_offline": (False, flag),
    "notify_owner": {
        "on_knock_from_unknown": (True, flag),
        "on_high_value_transaction": (True, flag),
        "on_error": (True, flag),
        "threshold_usd": (50 * 10**6, millionths(0, 10**9)),
    },
    "allow_suites": (["am1"], suites),
    "allow_unbound_keys": (False, flag),
    "allow_unsigned_knock": (False, flag),
    "session": {
        "max_ttl_seconds": (3600, integer(10, 604_800)),
        "max_messages": (1000, integer(1, 1_000_000)),
        "max_message_size_bytes": (65_536, integer(256, 65_536)),
    },
}


def defaults(members):
    return {name: defaults(rule) if isinstance(rule, dict) else rule[0] for name, rule in members.items()}


def read_members(where, value, members, path=""):
    if not isinstance(value, dict):
        fault(where.values[path], path)
    out = defaults(members)
    for name, one in value.items():
        inner = where.below(path, name)
        if name not in members:
            fault(where.names[inner], inner)
        rule = members[name]
        if isinstance(rule, dict):
            out[name] = read_members(where, one, rule, inner)
            continue
        try:
            out[name] = rule[1](one)
        except Bad as bad:
            fault(where.values[inner + bad.inside], inner + bad.inside)
    return out


def read_policy(text):
    data = text.encode("utf-8")
    if len(data) > 262_144:
        fault(1, "")
    where = Located(data)
    return read_members(where, where.document(), FILE)


def read_file(i, shared, now):
    return read_policy(i["text"]), {}


# --- decisions ---


def names_intent(entries, intent):
    return any(
        entry == intent
        or intent.startswith(entry + "/")
        or ("*" in entry and capability.covers(entry, intent))
        for entry in entries
    )


def denial(policy, caller, earlier):
    """The reason of the first rule that denies, and what the caller hears; steps 1, 3 and 4 come before a policy."""
    trusted = caller["amid"] in policy["allowlist"]
    intent = "/".join([caller["intent"][n] for n in ("category", "subcategory") if caller["intent"].get(n)])
    accepted = policy["accepted_intents"]
    rules = (
        (2, "blocked", caller["amid"] in policy["blocklist"]),
        (5, "insufficient_trust", not caller["keys_bound"] and not policy["allow_unbound_keys"]),
        (6, "insufficient_trust", caller["tier"] not in policy["accept_tiers"]),
        (7, "rate_limited", earlier >= policy["rate_limit"]["knocks_per_minute"]),
        (
            8,
            "intent_not_accepted",
            not capability.is_name(intent)
            or names_intent(policy["rejected_intents"], intent)
            or (accepted and not names_intent(accepted, intent)),
        ),
        (9, "not_in_allowlist", policy["strict_mode"] and not trusted),
        (10, "low_reputation", caller["reputation_ppm"] < policy["min_reputation"]),
        (11, "at_capacity", caller["open_sessions"] >= policy["max_concurrent_sessions"]),
    )
    for step, reason, denies in rules:
        if denies:
            return reason, reason if trusted and step >= 5 else "rejected"
    return None


def decide(i, shared, now):
    policy, caller = read_policy(i["policy"]), i["caller"]
    denied = denial(policy, caller, i["earlier"])
    if denied:
        raise Refused("policy", output={"reason": denied[0]})
    asked, own = caller["session_request"], policy["session"]
    return {
        "max_message_size_bytes": own["max_message_size_bytes"],
        "max_messages": min(asked["expected_messages"], own["max_messages"]),
        "ttl_seconds": min(asked["ttl_seconds"], own["max_ttl_seconds"]),
    }, {}


def reason(i, shared, now):
    found, told = denial(read_policy(i["policy"]), i["caller"], i["earlier"])
    return {"reason": found, "told": told}, {}


OPERATIONS = {"policy_file.read": read_file, "policy.decide": decide, "policy.reason": reason}
