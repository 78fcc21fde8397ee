"""Envelopes, bodies and codes."""

import base64
import json

from .agents import NOON
from .common import VectorFile, seeded
from .knock import canonical, signed_text
from .suites import Mesh, b64u, sha256, sign, signed_bytes

ALICE, BOB, CAROL = Mesh("alice"), Mesh("bob"), Mesh("carol")
SESSION = seeded("envelope/session", 16)[:16].hex()

# topic, code, spellings of the 0.2 text and relay, Python, openspec, JavaScript; the table of SPEC.md
CODES = [
    ("error", "unknown_error", "", "unknown_error", "", ""),
    ("error", "internal_error", "INTERNAL_ERROR", "internal_error", "internal_error", "INTERNAL_ERROR"),
    ("error", "timeout", "", "timeout", "timeout", ""),
    ("error", "cancelled", "", "cancelled", "", ""),
    ("error", "invalid_request", "", "invalid_request", "invalid_request", "INVALID_REQUEST"),
    ("error", "missing_parameter", "", "missing_parameter", "", ""),
    ("error", "invalid_parameter", "", "invalid_parameter", "", ""),
    ("error", "unsupported_operation", "", "unsupported_operation", "", ""),
    ("error", "unauthorized", "UNAUTHORIZED", "unauthorized", "unauthorized", "UNAUTHORIZED"),
    ("error", "forbidden", "", "forbidden", "forbidden", ""),
    ("error", "quota_exceeded", "", "quota_exceeded", "", ""),
    ("error", "rate_limited", "RATE_LIMITED", "rate_limited", "rate_limited", ""),
    ("error", "not_found", "", "not_found", "not_found", "NOT_FOUND"),
    ("error", "resource_exhausted", "", "resource_exhausted", "", ""),
    ("error", "unavailable", "", "unavailable", "service_unavailable", ""),
    ("error", "session_expired", "", "session_expired", "session_expired", ""),
    ("error", "session_not_found", "", "session_not_found", "", ""),
    ("error", "capability_not_supported", "", "capability_not_supported", "capability_mismatch", ""),
    ("error", "external_service_error", "", "external_service_error", "", ""),
    ("error", "network_error", "", "network_error", "", ""),
    ("error", "schema_validation_failed", "", "", "schema_validation_failed", ""),
    ("error", "invalid_signature", "INVALID_SIGNATURE", "", "", ""),
    ("error", "unknown_recipient", "UNKNOWN_RECIPIENT", "", "", ""),
    ("error", "recipient_offline", "RECIPIENT_OFFLINE", "", "", ""),
    ("error", "message_too_large", "MESSAGE_TOO_LARGE", "", "", ""),
    ("error", "invalid_message", "INVALID_MESSAGE", "", "", ""),
    ("error", "protocol_mismatch", "PROTOCOL_MISMATCH", "", "", ""),
    ("error", "mailbox_full", "MAILBOX_FULL", "", "", ""),
    ("error", "pause_failed", "", "", "", "PAUSE_FAILED"),
    ("error", "resume_failed", "", "", "", "RESUME_FAILED"),
    ("close", "completed", "", "completed", "completed", ""),
    ("close", "cancelled", "", "", "cancelled", ""),
    ("close", "cancelled_by_initiator", "", "cancelled_by_initiator", "", ""),
    ("close", "cancelled_by_receiver", "", "cancelled_by_receiver", "", ""),
    ("close", "timeout", "", "timeout", "timeout", ""),
    ("close", "error", "", "error", "error", ""),
    ("close", "session_expired", "", "session_expired", "", ""),
    ("close", "budget_exceeded", "", "budget_exceeded", "", ""),
    ("close", "capacity_exceeded", "", "capacity_exceeded", "", ""),
    ("close", "policy_violation", "", "policy_violation", "policy_violation", ""),
    ("close", "maintenance", "", "maintenance", "", ""),
    ("close", "rate_limited", "", "", "rate_limited", ""),
    ("close", "user_requested", "", "", "user_requested", ""),
    ("close", "excessive_skip", "", "", "excessive_skip", ""),
    ("knock", "rejected", "", "", "", "rejected"),
    ("knock", "invalid_signature", "invalid_signature", "invalid_signature", "invalid_signature", ""),
    ("knock", "blocked", "blocked", "blocklisted", "blocked", "blocked"),
    ("knock", "insufficient_trust", "insufficient_trust", "insufficient_trust", "insufficient_trust", ""),
    ("knock", "rate_limited", "rate_limited", "rate_limited", "rate_limited", ""),
    ("knock", "intent_not_accepted", "intent_not_accepted", "intent_not_accepted", "intent_not_accepted", ""),
    ("knock", "not_in_allowlist", "not_in_allowlist", "not_in_allowlist", "not_in_allowlist", ""),
    ("knock", "low_reputation", "low_reputation", "low_reputation", "low_reputation", ""),
    ("knock", "at_capacity", "at_capacity", "at_capacity", "at_capacity", ""),
    ("knock", "invalid_certificate", "", "", "invalid_certificate", ""),
    ("knock", "certificate_expired", "", "", "certificate_expired", ""),
    ("knock", "certificate_revoked", "", "", "certificate_revoked", ""),
    ("knock", "paused", "", "paused", "", "agent_paused"),
    ("knock", "stopped", "", "", "", "agent_stopped"),
    ("knock", "sender_not_found", "", "sender_not_found", "", ""),
]
SYNONYMS = [("knock", "policy_rejected", "rejected")]


def content(**changes):
    value = {
        "session_id": SESSION,
        "sequence": 0,
        "from": ALICE.amid,
        "to": BOB.amid,
        "type": "request",
        "timestamp": NOON,
        "payload": {"intent": "travel/flights"},
    } | changes
    return {k: v for k, v in value.items() if v is not None}


def envelopes(ledger):
    f = VectorFile(ledger, "envelope", "envelope")
    f.note(
        "proof-bytes",
        ["AM-ENV-001"],
        "another canonical form or domain tag",
        "no two implementations verify each other",
        ["cat 53"],
    )
    f.note(
        "valid", ["AM-ENV-002", "AM-ENV-003", "AM-ENV-004"], "a receiver that is too strict", "honest messages are lost"
    )
    f.note(
        "signature",
        ["AM-ENV-002"],
        "the signature is not verified, or not over everything",
        "a transcript proves nothing",
        ["cat 10, 53"],
    )
    f.note(
        "form",
        ["AM-ENV-003"],
        "a default stands in for what is missing",
        "two implementations read two messages",
        ["cat 60"],
    )
    f.note(
        "place",
        ["AM-ENV-004"],
        "the envelope is believed about where it belongs",
        "a message is moved to another session",
        ["cat 37"],
    )
    f.note(
        "unknown", ["AM-ENV-007"], "unknown members or types are refused", "later versions cannot be introduced", ["M2"]
    )

    def covered(i):
        value = json.loads(i["text"])
        bare = {k: v for k, v in value.items() if k != "signature"}
        return {}, {"signed": signed_bytes("envelope", canonical(bare)).hex()}

    p = f.group("envelope.proof_bytes", "envelopes of seeded agents", covered)
    for comment, value in [
        ("request", content()),
        ("with an id", content(id="a-1")),
        ("text beyond ASCII", content(payload={"content": "gr\u00fc\u00dfe \u20ac \U0001f600"})),
        ("nested", content(payload={"b": [1, {"z": None, "a": True}], "a": {}})),
        ("unknown members", content(zeta=1, alpha=[2])),
        ("an escape that canonical form keeps", content(payload={"content": 'a\u0001"\\\n'})),
        ("highest sequence", content(sequence=2**53)),
    ]:
        p.accept(f"proof bytes: {comment}", ["proof-bytes"], {"text": json.dumps(value)})
        p.accept(
            f"proof bytes: {comment}, signed",
            ["proof-bytes"],
            {"text": json.dumps(value | {"signature": b64u(bytes(64))})},
        )

    def made(i):
        value = {
            "session_id": SESSION,
            "sequence": i["sequence"],
            "from": ALICE.amid,
            "to": BOB.amid,
            "type": i["type"],
            "timestamp": i["timestamp"],
            "payload": json.loads(i["payload"], parse_float=lambda text: int(float(text))),
        }
        bare = canonical(value)
        value["signature"] = b64u(sign(ALICE, "envelope", bare))
        return {"signed": signed_bytes("envelope", bare).hex()}, {"text": canonical(value).decode()}

    s = f.group("envelope.sign", "seeded agents", made, seed=ALICE.seed.hex(), session_id=SESSION, to=BOB.amid)
    for number, kind, payload in [
        (0, "request", '{"intent":"travel"}'),
        (1, "response", '{"status":"success","results":[1,2,3]}'),
        (2**53, "close", '{"reason":"completed"}'),
        (7, "x-capability-request", '{ "i_need" : [ "travel/*" ] , "a" : 1.0 }'),
    ]:
        s.accept(
            f"sign {kind}", ["proof-bytes"], {"sequence": number, "type": kind, "timestamp": NOON, "payload": payload}
        )

    f.note(
        "order",
        ["AM-ENV-003", "AM-ENV-004", "AM-ENV-002"],
        "where two checks fail, another one speaks",
        "two implementations report one envelope differently",
    )

    def opened(i):
        value = json.loads(i["text"])
        return {}, {k: value[k] for k in ("sequence", "type")} | {"payload": canonical(value["payload"]).decode()} | (
            {"id": value["id"]} if "id" in value else {}
        )

    g = f.group(
        "envelope.open",
        "envelopes of seeded agents",
        opened,
        session_id=SESSION,
        sender=ALICE.amid,
        receiver=BOB.amid,
        public_key=ALICE.public.hex(),
    )
    signed = lambda signer=ALICE, context="envelope", **changes: signed_text(signer, context, content(**changes))
    row = lambda text: {"text": text}
    good = g.accept("a request", ["valid"], row(signed()))
    ok = lambda comment, flags=("valid",), **changes: g.accept(comment, list(flags), row(signed(**changes)))
    for kind in ("response", "status", "error", "close"):
        ok(f"type {kind}", type=kind)
    ok("type of nobody", ("unknown",), type="x-acme/thing", payload={"anything": [1]})
    ok("type beyond ASCII", ("unknown",), type="gr\u00fc\u00df")
    ok("unknown members", ("unknown",), extra={"a": [1]}, urgent=True)
    ok("empty body", payload={})
    ok("highest sequence", sequence=2**53)
    ok("with an id", id="A.b_c:d-9")
    ok("id of 64", id="i" * 64)
    ok("type of 64", type="t" * 64)
    ok("type of 64 bytes in 32 characters", ("unknown",), type="\u00fc" * 32)
    ok("type with a control character of the upper half", ("unknown",), type="a\u0085b")
    ok("a time of long ago", timestamp="2006-11-21T12:00:00Z")
    largest = signed().ljust(65_536)
    g.accept("65,536 bytes", ["valid"], row(largest))
    short = g.accept("spaces behind it", ["valid"], row(signed() + " " * 64))
    ok("another offset", timestamp="2026-11-21T13:00:00.123456789+01:00")
    g.accept(
        "members in another order, with spaces",
        ["valid"],
        row(json.dumps(dict(reversed(json.loads(signed()).items())), indent=1)),
    )

    def no(why, comment, flag, text):
        g.reject(why, comment, [flag], row(text), good)

    value = json.loads(signed())
    dump = lambda v: json.dumps(v, separators=(",", ":"), ensure_ascii=False)
    no("crypto", "signed by carol", "signature", signed(CAROL))
    no("crypto", "signed by the receiver", "signature", signed(BOB))
    no("crypto", "signed in context knock", "signature", signed(context="knock"))
    no(
        "crypto",
        "signed without a domain tag",
        "signature",
        dump(content() | {"signature": b64u(ALICE.sign(canonical(content())))}),
    )
    no(
        "crypto",
        "signed over the text as it stands",
        "signature",
        dump(content() | {"signature": b64u(sign(ALICE, "envelope", dump(content()).encode()))}),
    )
    no("crypto", "signature of zeros", "signature", dump(content() | {"signature": b64u(bytes(64))}))
    no("crypto", "no signature", "signature", dump(content()))
    for member, new in [
        ("sequence", 1),
        ("type", "close"),
        ("timestamp", "2026-11-21T12:00:01Z"),
        ("payload", {"intent": "travel/hotels"}),
        ("id", "x"),
        ("extra", 1),
    ]:
        no("crypto", f"{member} changed after signing", "signature", dump(value | {member: new}))
    no("auth", "another session", "place", signed(session_id="0" * 32))
    no("auth", "from carol", "place", signed(**{"from": CAROL.amid}))
    no("auth", "to carol", "place", signed(to=CAROL.amid))
    no("auth", "the other direction", "place", signed(**{"from": BOB.amid, "to": ALICE.amid}))
    for member in content():
        no("parse", f"without {member}", "form", signed(**{member: None}))
    for comment, changes in [
        ("session id in capitals", {"session_id": "A" * 32}),
        ("session id of 31 digits", {"session_id": "0" * 31}),
        ("session id a UUID", {"session_id": "12345678-1234-4234-8234-123456789012"}),
        ("session id a number", {"session_id": 5}),
        ("sequence negative", {"sequence": -1}),
        ("sequence a fraction", {"sequence": 0.5}),
        ("sequence as text", {"sequence": "0"}),
        ("sequence beyond 2^53", {"sequence": 2**53 + 1}),
        ("sender no AMID", {"from": "alice"}),
        ("sender an object", {"from": {"amid": ALICE.amid}}),
        ("receiver no AMID", {"to": BOB.amid + "1"}),
        ("type empty", {"type": ""}),
        ("type of 65", {"type": "t" * 65}),
        ("type of 66 bytes in 33 characters", {"type": "\u00fc" * 33}),
        ("type with a DEL", {"type": "a\u007f"}),
        ("type with a zero", {"type": "a\u0000"}),
        ("id beyond ASCII", {"id": "\u00fc"}),
        ("sequence 1.0", {"sequence": 1.0}),
        ("sequence true", {"sequence": True}),
        ("session id empty", {"session_id": ""}),
        ("session id of 33 digits", {"session_id": "0" * 33}),
        ("type with a line break", {"type": "re\nquest"}),
        ("type a number", {"type": 1}),
        ("time without offset", {"timestamp": "2026-11-21T12:00:00"}),
        ("time a number", {"timestamp": 1795262400}),
        ("body a text", {"payload": "hello"}),
        ("body an array", {"payload": []}),
        ("body null", {"payload": 0}),
        ("id empty", {"id": ""}),
        ("id of 65", {"id": "i" * 65}),
        ("id with a space", {"id": "a b"}),
        ("id a number", {"id": 7}),
    ]:
        no("parse", comment, "form", signed(**changes))
    no(
        "parse",
        "signature in the standard alphabet",
        "form",
        dump(value | {"signature": base64.b64encode(b"\xfb" * 64).decode()}),
    )
    no("parse", "signature of 63 bytes", "form", dump(value | {"signature": b64u(bytes(63))}))
    g.reject("limit", "65,537 bytes", ["form"], row(largest + " "), short)
    unsigned = dump(content(payload={"intent": "t", "n": 1}) | {"signature": b64u(bytes(64))})
    no("parse", "an integer without canonical form", "form", unsigned.replace('"n":1', '"n":9007199254740993'))
    both = lambda signer=CAROL, **changes: signed(signer, **changes)
    no("parse", "form before place", "order", signed(session_id="0" * 31, to=CAROL.amid))
    no("parse", "form before signature", "order", both(sequence=-1))
    no("auth", "place before signature", "order", both(session_id="0" * 32))
    no("auth", "place before a signature that is not there", "order", dump(content(to=CAROL.amid)))
    no("parse", "array", "form", "[" + signed() + "]")
    no("parse", "a member twice", "form", signed()[:-1] + ',"type":"request"}')
    no("parse", "two objects", "form", signed() + signed())
    return f


def sequences(ledger):
    f = VectorFile(ledger, "envelope", "sequence")
    f.note("order", ["AM-ENV-005"], "numbers begin elsewhere", "the first message is a gap or a duplicate")
    f.note("valid", ["AM-ENV-006"], "a late message is refused", "messages out of order are lost")
    f.note("again", ["AM-ENV-006"], "accepted numbers are forgotten", "a message counts twice", ["M1"])

    def news(numbers):
        due, seen, out = 0, set(), []
        for n in numbers:
            if n < due and (due - n > 1024 or n in seen):
                out.append("duplicate")
                continue
            out.append("next" if n == due else "gap" if n > due else "late")
            seen.add(n)
            due = max(due, n + 1)
        return out

    g = f.group(
        "sequence.accept",
        "chosen by hand; `last` comes after `before`",
        lambda i: ({}, {"news": news(i["before"] + [i["last"]])[-1]}),
    )
    row = lambda before, last: {"before": list(before), "last": last}
    g.accept("the first is 0", ["order"], row([], 0))
    g.accept("one by one", ["order"], row(range(5), 5))
    g.accept("first with a gap", ["valid"], row([], 3))
    g.accept("late after a gap", ["valid"], row([0, 3], 1))
    g.accept("edge of the window", ["valid"], row([1024], 1))
    g.accept("next after a jump", ["valid"], row([0, 5000], 5001))
    g.accept("highest", ["valid"], row([0], 2**53))
    for comment, before, last, good in [
        ("the last one again", [0, 1, 2], 2, 3),
        ("the first again", [0, 1, 2], 0, 3),
        ("a late one again", [0, 3, 1], 1, 2),
        ("behind the window", [1024], 0, 1),
        ("far behind", [0, 10**6], 5, 10**6 + 1),
        ("one window later", [5, 1029], 5, 6),
    ]:
        g.reject("replay", comment, ["again"], row(before, last), row(before, good))
    return f


def bodies(ledger):
    f = VectorFile(ledger, "envelope", "bodies")
    f.note("valid", ["AM-ENV-008"], "a vocabulary is refused", "deployed peers are not understood")
    f.note(
        "body",
        ["AM-ENV-008"],
        "a default stands in for what is missing",
        "a message means what nobody said",
        ["cat 60"],
    )
    f.note(
        "unknown",
        ["AM-ENV-007"],
        "a body of unknown type becomes a request",
        "an agent acts on what it does not know",
        ["M2"],
    )
    g = f.group("body.read", "bodies of both vocabularies", lambda i: ({}, {"type": i["type"]}))
    row = lambda kind, payload: {"type": kind, "payload": payload if isinstance(payload, str) else json.dumps(payload)}
    ok = lambda kind, comment, payload: g.accept(f"{kind}: {comment}", ["valid"], row(kind, payload))
    good = {
        "request": ok("request", "intent", {"intent": "travel/flights"}),
        "response": ok("response", "status", {"status": "success"}),
        "status": ok("status", "progress", {"progress": 0.5}),
        "error": ok("error", "code", {"code": "TIMEOUT"}),
        "close": ok("close", "reason", {"reason": "completed"}),
    }
    for kind, comment, payload in [
        (
            "request",
            "0.2",
            {
                "intent": "travel/flights",
                "parameters": {"a": [1]},
                "budget": {"max": 0.05, "currency": "USD"},
                "response_format": {"type": "json", "schema": "agentmesh/travel/flight-search/v1"},
            },
        ),
        (
            "request",
            "Python",
            {
                "content": {"any": 1},
                "priority": "urgent",
                "budget": {"amount": 5, "currency": "credits"},
                "schema": "x-acme/widget/v1",
            },
        ),
        (
            "request",
            "null for absent",
            {"intent": "travel", "parameters": None, "budget": None, "response_format": None, "priority": None},
        ),
        ("request", "unknown members", {"intent": "travel", "mood": "good"}),
        ("response", "0.2", {"status": "partial_success", "results": {"a": 1}, "result_count": 3, "schema": "s"}),
        ("response", "Python", {"content": "text", "processing_time_ms": 12, "completed_at": "2026-11-21T12:00:00Z"}),
        ("response", "any status", {"status": "nearly"}),
        ("status", "0.2", {"status": "working", "progress": 0, "estimated_completion_seconds": 0, "message": "m"}),
        ("status", "Python", {"progress": 1.0, "phase": "p"}),
        ("status", "status alone", {"status": "working"}),
        (
            "error",
            "0.2",
            {"code": "RATE_LIMITED", "message": "m", "retry_after_seconds": 60, "fallback_amid": CAROL.amid},
        ),
        ("error", "Python", {"code": "quota_exceeded", "details": [1, 2]}),
        ("error", "code of nobody", {"code": "WORLD_ENDED"}),
        (
            "close",
            "0.2",
            {"reason": "completed", "summary": "s", "reputation_feedback": {"score": 0.9, "tags": ["reliable"]}},
        ),
        ("request", "response format of nulls", {"intent": "t", "response_format": {"type": None, "schema": None}}),
        ("request", "budget of 0", {"intent": "t", "budget": {"max": 0}}),
        ("request", "largest budget", '{"intent":"t","budget":{"max":9007199254.740992}}'),
        ("request", "budget that rounds to the largest", '{"intent":"t","budget":{"amount":9007199254.7409924}}'),
        ("request", "budget that rounds to 0", '{"intent":"t","budget":{"max":-0.0000005}}'),
        ("request", "budget of -0", '{"intent":"t","budget":{"max":-0}}'),
        ("response", "largest count", {"status": "success", "result_count": 2**53}),
        ("status", "progress that rounds to 1", '{"progress":1.0000005}'),
        ("status", "progress that rounds to 0", '{"progress":-0.0000005}'),
        ("close", "Python", {"reason": "maintenance", "reputation_feedback": 0.25}),
        ("close", "64 tags", {"reason": "completed", "reputation_feedback": {"score": 1, "tags": ["t"] * 64}}),
    ]:
        ok(kind, comment, payload)
    for kind, payload in (("x-acme/thing", {}), ("Request", {"a": 1}), ("requests", {})):
        g.accept(f"unknown type {kind!r}", ["unknown"], row(kind, payload))
    for kind, comment, payload in [
        ("request", "empty", {}),
        ("request", "neither intent nor content", {"parameters": {}}),
        ("request", "intent null alone", {"intent": None}),
        ("request", "intent a number", {"intent": 1}),
        ("request", "parameters an array", {"intent": "t", "parameters": []}),
        ("request", "budget a number", {"intent": "t", "budget": 5}),
        ("request", "budget without amount", {"intent": "t", "budget": {"currency": "USD"}}),
        ("request", "budget negative", {"intent": "t", "budget": {"max": -1}}),
        ("request", "budget as text", {"intent": "t", "budget": {"max": "5"}}),
        ("request", "budget beyond the largest", '{"intent":"t","budget":{"max":9007199254.740993}}'),
        ("request", "budget of null", {"intent": "t", "budget": {"max": None}}),
        ("request", "currency null", {"intent": "t", "budget": {"max": 1, "currency": None}}),
        ("request", "content and intent null", {"intent": None, "content": None}),
        ("request", "type of the response format a number", {"intent": "t", "response_format": {"type": 1}}),
        ("response", "count beyond 2^53", {"status": "success", "result_count": 2**53 + 1}),
        ("status", "progress 1.0000006", '{"progress":1.0000006}'),
        ("status", "progress -0.0000006", '{"progress":-0.0000006}'),
        ("close", "score null", {"reason": "completed", "reputation_feedback": {"score": None}}),
        ("close", "tags null", {"reason": "completed", "reputation_feedback": {"score": 1, "tags": None}}),
        ("request", "unknown priority", {"intent": "t", "priority": "asap"}),
        ("request", "response format as text", {"intent": "t", "response_format": "json"}),
        ("response", "empty", {}),
        ("response", "status a number", {"status": 200}),
        ("response", "count negative", {"status": "success", "result_count": -1}),
        ("response", "count a fraction", {"status": "success", "result_count": 1.5}),
        ("status", "empty", {}),
        ("status", "progress above 1", {"progress": 1.000001}),
        ("status", "progress negative", {"progress": -0.1}),
        ("status", "progress in percent", {"progress": 50}),
        ("status", "progress as text", {"progress": "0.5"}),
        ("error", "empty", {}),
        ("error", "code empty", {"code": ""}),
        ("error", "code a number", {"code": 404}),
        ("error", "code null", {"code": None}),
        ("error", "retry as text", {"code": "X", "retry_after_seconds": "60"}),
        ("error", "fallback no AMID", {"code": "X", "fallback_amid": "carol"}),
        ("close", "empty", {}),
        ("close", "reason null", {"reason": None}),
        ("close", "score above 1", {"reason": "completed", "reputation_feedback": 1.1}),
        ("close", "feedback without score", {"reason": "completed", "reputation_feedback": {"tags": []}}),
        ("close", "65 tags", {"reason": "completed", "reputation_feedback": {"score": 1, "tags": ["t"] * 65}}),
        ("close", "tag a number", {"reason": "completed", "reputation_feedback": {"score": 1, "tags": [1]}}),
    ]:
        why = "limit" if "65 tags" in comment else "parse"
        g.reject(why, f"{kind} refused: {comment}", ["body"], row(kind, payload), good[kind])
    for kind in good:
        g.reject("parse", f"{kind} refused: an array", ["body"], row(kind, "[]"), good[kind])
    return f


def codes(ledger):
    f = VectorFile(ledger, "envelope", "codes")
    f.note(
        "map", ["AM-ENV-009"], "a deployed spelling is not known", "errors of deployed peers are all unknown", ["M6"]
    )
    f.note(
        "keep",
        ["AM-ENV-010"],
        "an unknown code becomes another",
        "a peer's reason is turned into one it never gave",
        ["M2"],
    )
    known = {}
    for topic, code, *spelled in CODES:
        for word in [code] + spelled:
            if word:
                known[topic, word] = code
    known |= {(topic, word): code for topic, word, code in SYNONYMS}
    g = f.group(
        "code.read",
        "the table of SPEC.md",
        lambda i: (
            {},
            {"text": i["text"]} | ({"code": known[i["topic"], i["text"]]} if (i["topic"], i["text"]) in known else {}),
        ),
    )
    for topic, word in sorted(known):
        g.accept(f"{topic}: {word}", ["map"], {"topic": topic, "text": word})
    for topic in ("error", "close", "knock"):
        for word in ("", "WORLD_ENDED", "Timeout", "timeout ", "completed\u0000", "gr\u00fc\u00df", "RATE-LIMITED"):
            g.accept(f"{topic}, unknown: {word!r}", ["keep"], {"topic": topic, "text": word})
    g.accept("close: a code of topic error", ["keep"], {"topic": "close", "text": "not_found"})
    g.accept("error: a code of topic knock", ["keep"], {"topic": "error", "text": "at_capacity"})
    return f


def files(ledger):
    return [envelopes(ledger), sequences(ledger), bodies(ledger), codes(ledger)]
