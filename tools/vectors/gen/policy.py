"""Policy decisions and policy files."""

import json
import re
from decimal import ROUND_HALF_EVEN, Decimal

from .common import VectorFile
from .suites import Mesh

ALICE, BOB, CAROL = Mesh("alice"), Mesh("bob"), Mesh("carol")
ORDER = (
    "rate_limited",
    "blocked",
    "insufficient_trust",
    "intent_not_accepted",
    "not_in_allowlist",
    "low_reputation",
    "at_capacity",
)
DEFAULTS = {
    "accept_tiers": ["verified", "organization"],
    "min_reputation": 500_000,
    "accepted_intents": [],
    "rejected_intents": [],
    "blocklist": [],
    "allowlist": [],
    "strict_mode": False,
    "max_concurrent_sessions": 10,
    "rate_limit": {"knocks_per_minute": 30, "messages_per_minute": 100},
    "store_transcripts": False,
    "auto_reject_when_offline": False,
    "notify_owner": {
        "on_knock_from_unknown": True,
        "on_high_value_transaction": True,
        "on_error": True,
        "threshold_usd": 50_000_000,
    },
    "allow_suites": ["am1"],
    "allow_unbound_keys": False,
    "allow_unsigned_knock": False,
    "session": {"max_ttl_seconds": 3600, "max_messages": 1000, "max_message_size_bytes": 65536},
}
SEGMENT = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def is_capability(text):
    parts = text.split("/")
    return (
        len(parts) <= (3 if text.startswith("x-") else 2)
        and len(parts) >= (2 if text.startswith("x-") else 1)
        and all(SEGMENT.fullmatch(p) for p in parts)
    )


def star(pattern, text):
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.S) is not None


def names(rules, name):
    return any(rule == name or name.startswith(rule + "/") or "*" in rule and star(rule, name) for rule in rules)


def decide(policy, caller, earlier):
    """Reason that denies and whether the caller may learn it, or None; `earlier` are KNOCKs that came to the rate."""
    p = DEFAULTS | policy
    rates = DEFAULTS["rate_limit"] | policy.get("rate_limit", {})
    intent = caller["intent"]
    name = intent["category"] + ("/" + intent["subcategory"] if intent.get("subcategory") else "")
    if caller["amid"] in p["blocklist"]:
        return "blocked"
    if not caller.get("keys_bound", True) and not p["allow_unbound_keys"]:
        return "insufficient_trust"
    if caller.get("tier") not in p["accept_tiers"]:
        return "insufficient_trust"
    if earlier >= rates["knocks_per_minute"]:
        return "rate_limited"
    if (
        not is_capability(name)
        or names(p["rejected_intents"], name)
        or p["accepted_intents"]
        and not names(p["accepted_intents"], name)
    ):
        return "intent_not_accepted"
    if p["strict_mode"] and caller["amid"] not in p["allowlist"]:
        return "not_in_allowlist"
    if caller["reputation_ppm"] < policy.get(
        "min_reputation_ppm", round(p["min_reputation"] * 1_000_000) if "min_reputation" in policy else 500_000
    ):
        return "low_reputation"
    if caller["open_sessions"] >= p["max_concurrent_sessions"]:
        return "at_capacity"
    return None


def decisions(ledger):
    f = VectorFile(ledger, "policy", "decisions")
    rules = [f"AM-POL-{n:03}" for n in (2, 3, 4, 5, 6, 7, 8, 14)]
    f.note("valid", rules, "a policy that is too strict", "honest callers are refused")
    f.note(
        "order",
        ["AM-POL-001"],
        "rules come in another order",
        "a caller learns what he may not, or counts against the wrong limit",
        ["cat 127"],
    )
    f.note("blocked", ["AM-POL-002"], "the blocklist comes after other rules", "the blocked get through")
    f.note("tier", ["AM-POL-003"], "labels are compared as numbers", "the anonymous pass for trusted", ["cat 126"])
    f.note("rate", ["AM-POL-004"], "KNOCKs of a caller are not counted", "one caller keeps an agent busy")
    f.note("intent", ["AM-POL-005"], "a missing or odd intent passes an allow-list", "rules are passed by", ["cat 131"])
    f.note("strict", ["AM-POL-006"], "strict mode is not looked at", "strangers get through", ["cat 131"])
    f.note("reputation", ["AM-POL-007"], "ratios are compared as floating point", "0.3 is below 0.3", ["cat 124"])
    f.note(
        "capacity",
        ["AM-POL-008"],
        "the bound is off by one, or closed sessions count",
        "an agent locks itself up",
        ["cat 131"],
    )
    f.note("limits", ["AM-POL-009"], "what was asked for is granted", "sessions last for ever", ["cat 131"])
    f.note(
        "told",
        ["AM-POL-010"],
        "the true reason is sent to everybody",
        "a stranger learns the rules by asking",
        ["cat 127"],
    )
    f.note("unbound", ["AM-POL-014"], "unbound keys are taken for bound ones", "a registry reads everything")

    def accepted(i):
        asked = i["caller"]["session_request"]
        own = DEFAULTS["session"] | json.loads(i["policy"]).get("session", {})
        return {}, {
            "max_message_size_bytes": own["max_message_size_bytes"],
            "max_messages": min(asked["expected_messages"], own["max_messages"]),
            "ttl_seconds": min(asked["ttl_seconds"], own["max_ttl_seconds"]),
        }

    g = f.group("policy.decide", "policies and callers chosen by hand", accepted)
    d = f.group("policy.reason", "what is decided, and what the caller hears", None)
    text = lambda policy: json.dumps(policy, separators=(",", ":"))

    def caller(**changes):
        return {
            "amid": ALICE.amid,
            "tier": "verified",
            "reputation_ppm": 700_000,
            "keys_bound": True,
            "intent": {"category": "travel", "subcategory": "flights"},
            "session_request": {"expected_messages": 20, "ttl_seconds": 300},
            "open_sessions": 0,
        } | changes

    row = lambda policy, who, earlier=0: {"policy": text(policy), "caller": who, "earlier": earlier}

    def yes(comment, flags, policy, who=None, earlier=0):
        who = who or caller()
        assert decide(policy, who, earlier) is None, comment
        return g.accept(comment, flags, row(policy, who, earlier))

    def no(comment, flag, policy, who, good_policy=None, good_who=None, earlier=0, good_earlier=None):
        """Denied, beside the same question with one answer changed."""
        reason = decide(policy, who, earlier)
        assert reason, comment
        bad = row(policy, who, earlier)
        twin = row(
            policy if good_policy is None else good_policy,
            who if good_who is None else good_who,
            earlier if good_earlier is None else good_earlier,
        )
        test = g.reject("policy", comment, [flag], bad, twin, twin_flags=["valid"], unit="/input/caller")
        test["output"] = {"reason": reason}
        return test

    usual = caller()
    yes("defaults", ["valid", "limits"], {})
    no("blocked", "blocked", {"blocklist": [ALICE.amid]}, usual, {"blocklist": [BOB.amid]})
    no(
        "blocked and on the allowlist",
        "blocked",
        {"blocklist": [ALICE.amid], "allowlist": [ALICE.amid]},
        usual,
        {"blocklist": [BOB.amid], "allowlist": [ALICE.amid]},
    )
    for tiers in (
        ["anonymous"],
        ["verified"],
        ["organization"],
        ["anonymous", "organization"],
        ["anonymous", "verified", "organization"],
    ):
        for tier in ("anonymous", "verified", "organization"):
            comment = f"{tier} where {', '.join(tiers)} may"
            if tier in tiers:
                yes(comment, ["valid"], {"accept_tiers": tiers}, caller(tier=tier))
            else:
                no(comment, "tier", {"accept_tiers": tiers}, caller(tier=tier), good_who=caller(tier=tiers[-1]))
    no(
        "tier that the registry does not know",
        "tier",
        {"accept_tiers": ["anonymous", "verified", "organization"]},
        caller(tier=None),
        good_who=caller(tier="anonymous"),
    )
    no("anonymous under the defaults", "tier", {}, caller(tier="anonymous"), good_who=usual)
    no("31st KNOCK in a minute", "rate", {}, usual, earlier=30, good_earlier=29)
    no("second KNOCK where one may", "rate", {"rate_limit": {"knocks_per_minute": 1}}, usual, earlier=1, good_earlier=0)
    for comment, policy, intent in [
        ("any intent", {}, ("travel", "flights")),
        ("the same name", {"accepted_intents": ["travel/flights"]}, ("travel", "flights")),
        ("a category of it", {"accepted_intents": ["travel"]}, ("travel", "flights")),
        ("a pattern", {"accepted_intents": ["travel/*"]}, ("travel", "flights")),
        ("a pattern across the slash", {"accepted_intents": ["tr*ights"]}, ("travel", "flights")),
        ("every intent", {"accepted_intents": ["*"]}, ("travel", "flights")),
        ("one of two", {"accepted_intents": ["finance", "travel"]}, ("travel", "flights")),
        ("somebody's own", {"accepted_intents": ["x-acme/*"]}, ("x-acme", "widgets")),
        ("another is rejected", {"rejected_intents": ["travel/hotels"]}, ("travel", "flights")),
        ("a subcategory of it is rejected", {"rejected_intents": ["travel/flights"]}, ("travel", None)),
        ("dots are dots", {"rejected_intents": ["tra.el"]}, ("travel", None)),
    ]:
        yes(
            f"intent: {comment}",
            ["valid"],
            policy,
            caller(intent={"category": intent[0]} | ({"subcategory": intent[1]} if intent[1] else {})),
        )
    for comment, policy, intent in [
        ("not in the list", {"accepted_intents": ["finance"]}, ("travel", "flights")),
        ("a category where its subcategory is accepted", {"accepted_intents": ["travel/flights"]}, ("travel", None)),
        ("a name that begins alike", {"accepted_intents": ["travel"]}, ("travels", None)),
        ("a pattern that needs a slash", {"accepted_intents": ["travel/*"]}, ("travel", None)),
        ("rejected", {"rejected_intents": ["travel/flights"]}, ("travel", "flights")),
        ("its category is rejected", {"rejected_intents": ["travel"]}, ("travel", "flights")),
        ("a pattern rejects it", {"rejected_intents": ["*flights"]}, ("travel", "flights")),
        (
            "accepted and rejected",
            {"accepted_intents": ["travel/*"], "rejected_intents": ["travel/flights"]},
            ("travel", "flights"),
        ),
        ("capitals under no rule", {}, ("Travel", "flights")),
        ("a space", {}, ("travel ", None)),
        ("a slash in the category", {}, ("travel/flights/one", None)),
        ("a star", {"accepted_intents": ["*"]}, ("*", None)),
        ("subcategory with a slash", {"rejected_intents": ["finance"]}, ("travel", "a/b")),
    ]:
        what = {"category": intent[0]} | ({"subcategory": intent[1]} if intent[1] else {})
        fine = {"accepted_intents": ["finance"]} if policy.get("accepted_intents") == ["finance"] else policy
        who = caller(intent=what)
        options = [
            caller(intent={"category": c, "subcategory": s})
            for c, s in (("travel", "flights"), ("finance", "loans"), ("travel", "hotels"))
        ]
        twin = next(o for o in options if decide(policy, o, 0) is None)
        no(f"intent: {comment}", "intent", policy, who, good_who=twin)
    yes(
        "intent: an empty subcategory is none",
        ["valid"],
        {"accepted_intents": ["travel"]},
        caller(intent={"category": "travel", "subcategory": ""}),
    )
    no(
        "intent: an empty subcategory is not that of the rule",
        "intent",
        {"accepted_intents": ["travel/*"]},
        caller(intent={"category": "travel", "subcategory": ""}),
        good_who=caller(),
    )
    no(
        "stranger in strict mode",
        "strict",
        {"strict_mode": True},
        usual,
        {"strict_mode": True, "allowlist": [ALICE.amid]},
    )
    no(
        "another is on the allowlist",
        "strict",
        {"strict_mode": True, "allowlist": [BOB.amid]},
        usual,
        good_who=caller(amid=BOB.amid),
    )
    yes("allowlist without strict mode", ["valid"], {"allowlist": [BOB.amid]})
    for ppm, wanted in ((499_999, "0.5"), (0, "0.000001"), (299_999, "0.3"), (999_999, "1"), (699_999, "0.7000000")):
        policy = '{"min_reputation":' + wanted + "}"
        good = next(v for v in (500_000, 1, 300_000, 1_000_000, 700_000) if v == ppm + 1)
        bad_row = {"policy": policy, "caller": caller(reputation_ppm=ppm), "earlier": 0}
        good_row = bad_row | {"caller": caller(reputation_ppm=good)}
        comment = f"reputation {ppm} below {wanted}"
        test = g.reject(
            "policy", comment, ["reputation"], bad_row, good_row, twin_flags=["valid"], unit="/input/caller"
        )
        test["output"] = {"reason": "low_reputation"}
    no("ten sessions are open", "capacity", {}, caller(open_sessions=10), good_who=caller(open_sessions=9))
    no(
        "one session where one may",
        "capacity",
        {"max_concurrent_sessions": 1},
        caller(open_sessions=1),
        good_who=caller(open_sessions=0),
    )
    no("unbound key", "unbound", {}, caller(keys_bound=False), {"allow_unbound_keys": True})
    for comment, policy, ttl, count in [
        ("less than allowed", {}, 10, 1),
        ("more than allowed", {}, 2**31 - 1, 2**31 - 1),
        (
            "own bounds",
            {"session": {"max_ttl_seconds": 60, "max_messages": 5, "max_message_size_bytes": 1024}},
            300,
            20,
        ),
        ("one of both", {"session": {"max_ttl_seconds": 60}}, 300, 20),
    ]:
        yes(
            f"limits: {comment}",
            ["limits"],
            policy,
            caller(session_request={"expected_messages": count, "ttl_seconds": ttl}),
        )

    # Every pair of faults: the earlier rule gives the reason.
    faults = [
        ("blocked", {"blocklist": [ALICE.amid]}, {}, 0),
        ("insufficient_trust", {}, {"tier": "anonymous"}, 0),
        ("rate_limited", {}, {}, 30),
        ("intent_not_accepted", {"rejected_intents": ["travel"]}, {}, 0),
        ("not_in_allowlist", {"strict_mode": True}, {}, 0),
        ("low_reputation", {}, {"reputation_ppm": 1}, 0),
        ("at_capacity", {}, {"open_sessions": 10}, 0),
    ]
    for k, (reason, policy, who, earlier) in enumerate(faults):
        for other, p2, w2, e2 in faults[k + 1 :]:
            test = d.accept(
                f"{reason} before {other}", ["order"], row(policy | p2, caller(**(who | w2)), max(earlier, e2))
            )
            assert decide(policy | p2, caller(**(who | w2)), max(earlier, e2)) == reason
            test["output"] = {"reason": reason, "told": "rejected"}
    for reason, policy, who, earlier in faults:
        if reason in ("blocked", "not_in_allowlist"):
            test = d.accept(f"told to a stranger: {reason}", ["told"], row(policy, caller(**who), earlier))
            test["output"] = {"reason": reason, "told": "rejected"}
            continue
        test = d.accept(f"told to a stranger: {reason}", ["told"], row(policy, caller(**who), earlier))
        test["output"] = {"reason": reason, "told": "rejected"}
        test = d.accept(
            f"told to one on the allowlist: {reason}",
            ["told"],
            row(policy | {"allowlist": [ALICE.amid]}, caller(**who), earlier),
        )
        test["output"] = {"reason": reason, "told": reason}
    test = d.accept(
        "told to one blocked and on the allowlist",
        ["told"],
        row({"blocklist": [ALICE.amid], "allowlist": [ALICE.amid]}, usual),
    )
    test["output"] = {"reason": "blocked", "told": "rejected"}
    return f


def policy_files(ledger):
    f = VectorFile(ledger, "policy", "file")
    f.note("valid", ["AM-POL-012"], "a reader that is too strict", "owners cannot write their rules")
    f.note("defaults", ["AM-POL-011"], "other defaults", "an agent is more open than its owner thinks")
    f.note(
        "refused",
        ["AM-POL-012"],
        "a file that is not understood becomes one that accepts everybody",
        "a mistyped name opens the door",
        ["cat 131"],
    )

    micros = lambda number: int((Decimal(number) * 10**6).to_integral_value(ROUND_HALF_EVEN))

    def read(i):
        value = json.loads(i["text"], parse_float=Decimal)
        out = json.loads(json.dumps(DEFAULTS))
        for name, new in value.items():
            if name in ("rate_limit", "session"):
                out[name] |= new
            elif name == "notify_owner":
                out[name] |= {k: micros(v) if k == "threshold_usd" else v for k, v in new.items()}
            elif name == "min_reputation":
                out[name] = micros(new)
            elif name == "accept_tiers":
                words = {2: "anonymous", 1: "verified", 1.5: "organization"}
                given = {words.get(v, v) for v in new}
                out[name] = [w for w in ("anonymous", "verified", "organization") if w in given]
            elif name in ("blocklist", "allowlist"):
                raw = {a.amid: a.raw_amid for a in (ALICE, BOB, CAROL)}
                out[name] = sorted(set(new), key=lambda a: raw[a])
            elif name == "allow_suites":
                out[name] = list(dict.fromkeys(new))
            else:
                out[name] = new
        return {}, out

    g = f.group("policy_file.read", "files written by hand", read)
    ok = lambda comment, text, flags=("valid",): g.accept(comment, list(flags), {"text": text})
    ok("empty object", "{}", ("valid", "defaults"))
    base = ok(
        "a usual file",
        '{\n  "accept_tiers": ["verified"],\n  "min_reputation": 0.3,\n  "blocklist": [],\n'
        '  "rate_limit": {\n    "knocks_per_minute": 5\n  }\n}\n',
    )
    base_text = base["input"]["text"]
    ok(
        "sample of 0.2",
        json.dumps(
            {
                "accept_tiers": [1, 1.5],
                "min_reputation": 0.5,
                "accepted_intents": ["travel/*", "commerce"],
                "rejected_intents": ["finance"],
                "blocklist": [BOB.amid],
                "allowlist": [ALICE.amid, CAROL.amid],
                "strict_mode": False,
                "max_concurrent_sessions": 10,
                "rate_limit": {"knocks_per_minute": 30, "messages_per_minute": 100},
                "store_transcripts": True,
                "auto_reject_when_offline": False,
                "notify_owner": {
                    "on_knock_from_unknown": False,
                    "on_high_value_transaction": True,
                    "on_error": True,
                    "threshold_usd": 50,
                },
            },
            indent=2,
        ),
    )
    ok(
        "all of ours",
        json.dumps(
            {
                "allow_suites": ["am1", "v02", "wire10", "wire10-legacy", "am1"],
                "allow_unbound_keys": True,
                "allow_unsigned_knock": True,
                "session": {"max_ttl_seconds": 604800, "max_messages": 1000000, "max_message_size_bytes": 256},
            }
        ),
    )
    for name, texts in {
        "min_reputation": ("0", "1", "0.0000004", "0.0000005", "0.0000015", "3e-1", "1.0"),
        "max_concurrent_sessions": ("1", "10000"),
        "accept_tiers": ('["anonymous"]', "[2,1,1.5]", '["organization","organization"]', "[1.5]"),
        "accepted_intents": ('["*"]', '["x-acme/widgets"]', '["a-b_c.d/e"]', '["x-*"]'),
        "allowlist": (f'["{BOB.amid}","{ALICE.amid}","{BOB.amid}"]',),
    }.items():
        for text in texts:
            ok(f"{name} {text}"[:60], '{"' + name + '":' + text + "}")
    for name, texts in {
        "min_reputation": ("1.0000005", "1e-7", "0.9999999", "0.00000050", "1E0", "0.0000000"),
        "allow_suites": ('["v02"]',),
        "strict_mode": ("true",),
    }.items():
        for text in texts:
            ok(f"{name} {text}", '{"' + name + '":' + text + "}")
    for text in ("0", "1000000000", "1000000000.0000005", "0.0000005", "0.0000015"):
        ok(f"threshold_usd {text}", '{"notify_owner":{"threshold_usd":' + text + "}}")
    for name, least, most in (
        ("rate_limit.messages_per_minute", 1, 60_000),
        ("rate_limit.knocks_per_minute", 1, 6_000),
        ("session.max_ttl_seconds", 10, 604_800),
        ("session.max_messages", 1, 1_000_000),
        ("session.max_message_size_bytes", 256, 65_536),
    ):
        outer, inner = name.split(".")
        nested = lambda value: '{"' + outer + '":{"' + inner + '":' + str(value) + "}}"
        for edge, beyond in ((least, least - 1), (most, most + 1)):
            ok(f"{name} {edge}", nested(edge))
            test = g.reject(
                "policy",
                f"{name} {beyond}",
                ["refused"],
                {"text": nested(beyond)},
                {"text": nested(edge)},
                twin_flags=["valid"],
            )
            test["output"] = {"line": 1, "member": name}
    # The other arrays have the same bound; only this one fits into a file of vectors beside the largest text.
    listed = lambda count: '{"accept_tiers":[' + ",".join(["1"] * count) + "]}"
    ok("accept_tiers: 4,096 entries", listed(4096))
    test = g.reject(
        "policy", "accept_tiers: 4,097 entries", ["refused"], {"text": listed(4097)}, {"text": listed(4096)}
    )
    test["output"] = {"line": 1, "member": "accept_tiers[4096]"}
    small = ok("spaces behind the object", "{}" + " " * 64)
    test = g.reject(
        "policy", "262,145 bytes", ["refused"], {"text": "{}" + " " * 262_143}, small, twin_flags=["valid"]
    )
    test["output"] = {"line": 1, "member": ""}
    ok(
        "least limits",
        '{"rate_limit":{"knocks_per_minute":1,"messages_per_minute":1},'
        '"session":{"max_ttl_seconds":10,"max_messages":1}}',
    )

    def no(comment, text, line, member, good=None):
        test = g.reject(
            "policy", comment, ["refused"], {"text": text}, {"text": good} if good else base, twin_flags=["valid"]
        )
        test["output"] = {"line": line, "member": member}

    edit = lambda old, new: base_text.replace(old, new)
    no("unknown member", edit('"blocklist"', '"blocklst"'), 4, "blocklst")
    no("a member of the JavaScript SDK", edit('"blocklist"', '"blockedAmids"'), 4, "blockedAmids")
    no("unknown member inside", edit("knocks_per_minute", "knock_per_minute"), 6, "rate_limit.knock_per_minute")
    no("a number as text", edit("0.3", '"0.3"'), 3, "min_reputation")
    no("reputation above 1", edit("0.3", "1.000001"), 3, "min_reputation")
    no("negative reputation", edit("0.3", "-0.1"), 3, "min_reputation")
    no("reputation in percent", edit("0.3", "30"), 3, "min_reputation")
    no("reputation null", edit("0.3", "null"), 3, "min_reputation")
    no("list as object", edit("[]", "{}"), 4, "blocklist")
    no("list as text", edit("[]", f'"{BOB.amid}"'), 4, "blocklist")
    no("no AMID in a list", edit("[]", '["bob"]'), 4, "blocklist[0]")
    no("no AMID further down", edit("[]", f'[\n    "{BOB.amid}",\n    "{BOB.amid}x"\n  ]'), 6, "blocklist[1]")
    no("unknown tier", edit('["verified"]', '["trusted"]'), 2, "accept_tiers[0]")
    no("unknown label", edit('["verified"]', "[1, 3]"), 2, "accept_tiers[1]")
    no("no tier", edit('["verified"]', "[]"), 2, "accept_tiers")
    no("tier as one word", edit('["verified"]', '"verified"'), 2, "accept_tiers")
    for value in ("0", "6001", "-1", "1.5", '"5"', "true"):
        no(f"rate {value}", edit(": 5", f": {value}"), 6, "rate_limit.knocks_per_minute")
    no("reputation 1.0000006", edit("0.3", "1.0000006"), 3, "min_reputation")
    no("reputation -0", edit("0.3", "-0"), 3, "min_reputation")
    no("reputation true", edit("0.3", "true"), 3, "min_reputation")
    no("the first of two faults counts", edit("0.3", "30").replace(": 5", ": 0"), 3, "min_reputation")
    no("an entry of another kind", edit("[]", f'["{BOB.amid}", 5]'), 4, "blocklist[1]")
    no("an AMID with a space", edit("[]", f'[" {BOB.amid}"]'), 4, "blocklist[0]")
    no("a name of 64 bytes", edit('"blocklist"', '"' + "n" * 64 + '"'), 4, "n" * 64)
    no("a name of 65 bytes", edit('"blocklist"', '"' + "n" * 65 + '"'), 4, "n" * 64 + "...")
    no("a name beyond ASCII", edit('"blocklist"', '"gr\u00fc\u00df"'), 4, "gr????")
    no("a name that a terminal would obey", edit('"blocklist"', '"a\\u001b[2J"'), 4, "a?[2J")
    no("no JSON: a word", edit('["verified"]', "verified"), 2, "accept_tiers")
    no("no JSON: a word inside", edit(": 5", ": five"), 6, "rate_limit.knocks_per_minute")
    no("no JSON: a word in a list", edit('["verified"]', '["verified", organization]'), 2, "accept_tiers[1]")
    no("no JSON: a comma too many", edit("[]", "[],,"), 4, "")
    no("no JSON: a comma too few", edit("[],", "[]"), 5, "")
    no("no JSON: a comment", edit('  "blocklist"', '  // nobody\n  "blocklist"'), 4, "")
    no("no JSON: a leading zero", edit("0.3", "00.3"), 3, "")
    no("no JSON: nothing", "", 1, "", "{}")
    no("no JSON: two objects", "{}{}", 1, "", "{}")
    no("a member twice", edit('"blocklist": []', '"min_reputation": 0.3'), 4, "min_reputation")
    no("array in place of the object", "[]", 1, "", "{}")
    no("text in place of the object", '"accept all"', 1, "", "{}")
    for name, values in {
        "max_concurrent_sessions": ("0", "10001", "-1", "1e9"),
        "strict_mode": ('"true"', "1", "null"),
        "allow_suites": ("[]", '["am2"]', '"am1"'),
        "allow_unbound_keys": ("0",),
        "accepted_intents": ('["Travel"]', '[""]', '["a//b"]', "[1]"),
        "session": (
            '{"max_ttl_seconds":9}',
            '{"max_messages":1000001}',
            '{"max_message_size_bytes":65537}',
            '{"ttl":5}',
            "[]",
        ),
        "notify_owner": (
            '{"on_error":1}',
            '{"threshold_usd":-1}',
            '{"on_knock":true}',
            '{"threshold_usd":1000000000.0000006}',
            '{"threshold_usd":-0}',
            '{"threshold_usd":"50"}',
            '{"on_error":null}',
            "true",
        ),
        "rate_limit": ('{"messages_per_minute":1.5}', '{"messages_per_minute":"1"}', "30", "null"),
        "accept_tiers": ('["Verified"]', "[1.25]", "[1.0]", '["2"]', "{}"),
        "rejected_intents": ('["a/b/c/d"]', '"travel"'),
        "store_transcripts": ("0", '"no"'),
        "auto_reject_when_offline": ("[]",),
    }.items():
        for value in values:
            inner = re.match(r'\{"(\w+)"', value)
            member = (
                f"{name}.{inner[1]}" if inner else f"{name}[0]" if value.startswith("[") and value != "[]" else name
            )
            no(f"{name} {value}", '{"' + name + '":' + value + "}", 1, member, "{}")
    return f


def files(ledger):
    return [decisions(ledger), policy_files(ledger)]
