"""What every vector file is made of: notes, groups, tests, twins and repairs, and permanent ids."""

import hashlib
import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[3]
SEED = "agentmesh-vectors-1"
CLASSES = ("parse", "version", "auth", "replay", "order", "crypto", "limit", "policy", "state")


def seeded(label, size=32):
    """Bytes that depend on the seed and the label alone."""
    out = b""
    while len(out) < size:
        out += hashlib.sha256(f"{SEED}/{label}/{len(out)}".encode()).digest()
    return out[:size]


def sentences():
    """The requirement sentences of SPEC.md, by id."""
    text = (ROOT / "SPEC.md").read_text(encoding="utf-8")
    return dict(re.findall(r'^<a id="AM-[A-Z0-9]+-\d+"></a>\*\*(AM-[A-Z0-9]+-\d+)\*\* (.+)$', text, re.M))


def sentence_hash(sentence):
    """Sixteen hexadecimal digits; a link written against another hash is suspect."""
    return hashlib.sha256(sentence.encode()).hexdigest()[:16]


class Ledger:
    """Ids once given stay: ids.json maps `file: comment` to the number of the test."""

    path = ROOT / "tools/vectors/ids.json"

    def __init__(self):
        self.given = json.loads(self.path.read_text()) if self.path.exists() else {}

    def number(self, file, comment):
        ids = self.given.setdefault(file, {})
        if comment not in ids:
            ids[comment] = max(ids.values(), default=0) + 1
        return ids[comment]

    def text(self):
        return json.dumps(self.given, indent=1, sort_keys=True) + "\n"


def leaves(value, path=""):
    if isinstance(value, dict):
        for key in value:
            yield from leaves(value[key], f"{path}/{key}")
    elif isinstance(value, list):
        yield path, value
    else:
        yield path, value


def at_path(value, path):
    for key in path.split("/")[1:]:
        value = value[key]
    return value


def repair_of(bad, good, unit=None):
    """The one change that turns the input of a refused test into that of its twin.

    A unit is an object whose members only make sense together, such as a key and a signature under it."""
    b, g = dict(leaves(bad)), dict(leaves(good))
    if unit:
        b = {k: v for k, v in b.items() if not k.startswith(unit + "/")} | {unit: at_path(bad, unit)}
        g = {k: v for k, v in g.items() if not k.startswith(unit + "/")} | {unit: at_path(good, unit)}
    differing = sorted(
        k for k in b.keys() | g.keys() if b.get(k, ...) != g.get(k, ...) or type(b.get(k)) != type(g.get(k))
    )
    if len(differing) != 1:
        raise ValueError(f"one fault wanted, these differ: {differing}")
    path = differing[0]
    was, wanted = b.get(path, ...), g.get(path, ...)
    if wanted is ...:
        return {"path": path, "remove": True}
    if isinstance(was, str) and isinstance(wanted, str):
        at = 0
        while at < min(len(was), len(wanted)) and was[at] == wanted[at]:
            at += 1
        tail = 0
        while tail < min(len(was), len(wanted)) - at and was[-1 - tail] == wanted[-1 - tail]:
            tail += 1
        return {"path": path, "at": at, "delete": len(was) - at - tail, "insert": wanted[at : len(wanted) - tail]}
    return {"path": path, "value": wanted}


class Group:
    def __init__(self, file, kind, origin, shared, compute):
        self.file, self.kind, self.origin, self.shared, self.compute = file, kind, origin, shared, compute
        self.tests = []
        self._accepted = {}

    def accept(self, comment, flags, input, now=None, expect="accept"):
        """Adds an accepting test, unless the group has one with this input; returns it."""
        key = json.dumps([input, now], sort_keys=True)
        if key in self._accepted:
            test = self._accepted[key]
            test["flags"] = sorted(set(test["flags"]) | set(flags))
            return test
        intermediate, output = self.compute(input) if self.compute else ({}, {})
        test = self._add(comment, flags, input, now, expect)
        if intermediate:
            test["intermediate"] = intermediate
        if output:
            test["output"] = output
        self._accepted[key] = test
        return test

    def reject(
        self, why, comment, flags, input, twin, now=None, twin_now=None, twin_flags=None, intermediate=None, unit=None
    ):
        """Adds a refused test with its twin: an accepted test, or an input for one."""
        assert why in CLASSES, why
        if twin_now is None:
            twin_now = now
        if "tcId" not in twin:
            twin = self.accept(f"accepted form of: {comment}", twin_flags or flags, twin, twin_now)
        test = self._add(comment, flags, input, now, f"reject:{why}")
        if intermediate:
            test["intermediate"] = intermediate
        test["twin"] = twin["tcId"]
        with_now = lambda t: {"input": t["input"], **({"now": t["now"]} if "now" in t else {})}
        test["repair"] = repair_of(with_now(test), with_now(twin), unit)
        return test

    def _add(self, comment, flags, input, now, expect):
        for flag in flags:
            assert flag in self.file.notes, f"{self.file.name}: no note for flag {flag}"
        test = {"tcId": self.file.number(comment), "comment": comment, "flags": sorted(flags)}
        if now is not None:
            test["now"] = now
        test["input"] = input
        test["expect"] = expect
        self.tests.append(test)
        return test


def pretty(document):
    """JSON with one line a test: a change of one test is a change of one line."""
    held = []

    def hold(test):
        held.append(json.dumps(test, ensure_ascii=True))
        return f"@{len(held) - 1}@"

    groups = [g | {"tests": [hold(t) for t in g["tests"]]} for g in document["groups"]]
    text = json.dumps(document | {"groups": groups}, indent=1, ensure_ascii=True)
    return re.sub(r'"@(\d+)@"', lambda m: held[int(m[1])], text) + "\n"


class VectorFile:
    def __init__(self, ledger, area, topic):
        self.name = f"{area}/{topic}"
        self._ledger, self._comments = ledger, set()
        self.notes, self.groups = {}, []

    def note(self, flag, req, bug, effect="", references=()):
        """A flag: the requirements it concerns, the fault it looks for, what the fault does to people."""
        assert flag not in self.notes, f"{self.name}: two notes named {flag}"
        self.notes[flag] = {"req": list(req), "bug": bug, "effect": effect, "references": list(references)}

    def group(self, kind, origin, compute=None, **shared):
        self.groups.append(Group(self, kind, origin, shared, compute))
        return self.groups[-1]

    def number(self, comment):
        assert comment not in self._comments, f"{self.name}: comment used twice: {comment}"
        self._comments.add(comment)
        return self._ledger.number(self.name, comment)

    def render(self, spec):
        ids = sorted({r for n in self.notes.values() for r in n["req"]})
        unused = set(self.notes) - {f for g in self.groups for t in g.tests for f in t["flags"]}
        assert not unused, f"{self.name}: notes without a test: {unused}"
        document = {
            "schema": "agentmesh-vectors-1",
            "name": self.name,
            "spec": {"revision": "1.0", "sentences": {i: sentence_hash(spec[i]) for i in ids}},
            "generator": {
                "name": "tools/vectors/generate.py",
                "version": "1.0",
                "seed": SEED,
                "command": "python3 tools/vectors/generate.py",
            },
            "notes": self.notes,
            "groups": [
                {"type": g.kind, "origin": g.origin, **({"shared": g.shared} if g.shared else {}), "tests": g.tests}
                for g in self.groups
            ],
        }
        return pretty(document)
