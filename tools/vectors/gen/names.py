"""Answers of the DNS about TXT records, as a registry reads them: built byte by byte from RFC 1035."""

import json

from .common import VectorFile

NAME = "_agentmesh.acme.example"
POINTER = b"\xc0\x0c"  # to the name of the question


def name(dotted):
    return b"".join(bytes([len(part)]) + part.encode() for part in dotted.split(".")) + b"\0"


def question(asked=NAME, ident=0x1234, kind=16):
    head = ident.to_bytes(2, "big") + b"\x01\0\0\x01\0\0\0\0\0\0"
    return head + name(asked) + kind.to_bytes(2, "big") + b"\0\x01"


def record(owner, kind, data, of_class=1):
    return owner + kind.to_bytes(2, "big") + of_class.to_bytes(2, "big") + b"\0\0\0\x3c" + len(data).to_bytes(2, "big") + data


def text(*strings, owner=POINTER):
    return record(owner, 16, b"".join(bytes([len(s)]) + s.encode() for s in strings))


def alias(owner, target):
    return record(owner, 5, target)


def message(answers=(), flags=0x8180, asked=None, authority=(), additional=()):
    asked = question() if asked is None else asked
    counts = b"".join(len(part).to_bytes(2, "big") for part in (answers, authority, additional))
    return (asked[:2] + flags.to_bytes(2, "big") + asked[4:6] + counts + asked[12:]
            + b"".join([*answers, *authority, *additional]))


def texts(ledger):
    f = VectorFile(ledger, "registry", "texts")
    f.note("good", ["AM-ORG-020", "AM-ORG-021"], "a reader that is too strict", "no domain is ever verified")
    f.note("other", ["AM-ORG-020"], "an answer to something else is taken", "whoever guesses owns any domain", ["cat 113"])
    f.note("owner", ["AM-ORG-021"], "texts of another name count", "a neighbour's record verifies")
    f.note("form", ["AM-ORG-021"], "what is no message is read as far as it goes", "a reader runs past the end, or for ever")
    answers = {}
    g = f.group("dns.texts", "chosen by hand", lambda i: ({}, answers[json.dumps(i, sort_keys=True)]))

    def say(comment, flag, sent, said, asked=None, over="udp"):
        i = {"question": (asked or question()).hex(), "message": sent.hex(), "over": over}
        answers[json.dumps(i, sort_keys=True)] = {"said": "texts", "texts": said} if isinstance(said, list) else {"said": said}
        return g.accept(comment, [flag], i)

    value = "agentmesh-verify=AAAA"
    good = say("one text", "good", message([text(value)]), [value])
    say("no record", "good", message(), [])
    say("no such name", "good", message(flags=0x8183), [])
    say("several, one in pieces", "good", message([text("v=spf1 -all"), text("agentmesh-", "", "verify=AAAA")]),
        ["v=spf1 -all", value])
    say("an empty text", "good", message([text("")]), [""])
    say("the name in full, in other letters", "good", message([text(value, owner=name("_AgentMesh.ACME.example"))]), [value])
    say("an authoritative answer without recursion", "good", message([text(value)], flags=0x8400), [value])
    say("by two aliases", "good", message([alias(POINTER, name("a.example")), alias(name("A.example"), name("b.example")),
                                           text(value, owner=name("b.EXAMPLE"))]), [value])
    say("records beside it", "good", message([text(value)], authority=[record(name("example"), 2, name("ns.example"))],
                                             additional=[record(b"\0", 41, b"", 1232)]), [value])
    say("over TCP in other letters", "good", message([text(value)], asked=question("_AGENTMESH.acme.example")), [value], over="tcp")

    for comment, sent in (
        ("another id", message([text(value)], asked=question(ident=0x1235))),
        ("another name", message([text(value)], asked=question("_agentmesh.acme.examplf"))),
        ("another type", message([text(value)], asked=question(kind=1))),
        ("a question", message([text(value)], flags=0x0100)),
        ("another opcode", message([text(value)], flags=0x8980)),
        ("shorter than the question", message()[:-1]),
    ):
        say(comment, "other", sent, "other")
    say("over UDP in other letters", "other", message([text(value)], asked=question("_AGENTMESH.acme.example")), "truncated")
    say("truncated", "other", message([text(value)], flags=0x8380), "truncated")
    for comment, code in (("format error", 1), ("server failure", 2), ("not implemented", 4), ("refused", 5)):
        say(comment, "other", message(flags=0x8180 | code), "refused")

    say("a text of another name", "owner", message([text("not asked for", owner=name("evil.example")), text(value)]), [value])
    say("an alias of another name", "owner", message([alias(name("evil.example"), name("b.example")),
                                                      text(value, owner=name("b.example"))]), [])
    say("a text beside the answer", "owner", message(additional=[text(value)]), [])
    say("another class", "owner", message([record(POINTER, 16, b"\x01x", 3)]), [])
    say("another type of record", "owner", message([record(POINTER, 1, b"\x01\x02\x03\x04")]), [])
    say("an alias without a text", "owner", message([alias(POINTER, name("b.example")), text(value)]), [])

    def bad(comment, sent):
        g.reject("parse", comment, ["form"], {"question": question().hex(), "message": sent.hex(), "over": "udp"}, good)

    whole = message([text(value)])
    for cut in (len(question()) + 1, len(whole) - 1, len(whole) - len(value) - 1):
        bad(f"cut after {cut} bytes", whole[:cut])
    bad("a byte behind", whole + b"\0")
    bad("a record less than counted", message([text(value), b""]))
    bad("no string", message([record(POINTER, 16, b"")]))
    bad("a string longer than its record", message([record(POINTER, 16, b"\x05abc")]))
    at = len(question())
    bad("a name that points at itself", message([text(value, owner=b"\xc0" + bytes([at]))]))
    bad("a name that points forwards", message([text(value, owner=b"\xc0" + bytes([at + 4]))]))
    bad("a name that points into the header", message([text(value, owner=b"\xc0\x02")]))
    bad("a label of a kind that is not used", message([text(value, owner=b"\x41a\0")]))
    long = ".".join(["a" * 63] * 4)
    bad("a name of more than 255 bytes", message([text(value, owner=name(long))]))
    bad("an alias of itself", message([alias(POINTER, POINTER)]))
    bad("aliases in a circle", message([alias(POINTER, name("b.example")), alias(name("b.example"), POINTER)]))
    bad("two aliases of one name", message([alias(POINTER, name("b.example")), alias(POINTER, name("c.example"))]))
    bad("an alias longer than its record", message([alias(POINTER, name("b.example") + b"x")]))
    return f


def files(ledger):
    return [texts(ledger)]
