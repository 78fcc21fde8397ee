#!/usr/bin/python3
"""Judges the form of vectors/: ids, flags, sizes, one fault a refused test, and that no requirement is left out.

    python3 tools/vectors/lint.py

Applies the repair of each refused test and requires that the result is its twin, and that the second reading in
`check/` accepts it. Exits 1 if anything is wrong.
"""

import copy
import hashlib
import json
import pathlib
import re
import sys

import crosscheck

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLASSES = {"parse", "version", "auth", "replay", "order", "crypto", "limit", "policy", "state"}
REQUIREMENT = re.compile(
    r'^<a id="(AM-[A-Z0-9]+-\d+)"></a>\*\*\1\*\* (.+)\n`role=(\S+) polarity=(\S+) .*?by=(\S+) ', re.M
)


def requirements():
    """Sentence, polarity and kinds of proof, by id."""
    text = (ROOT / "SPEC.md").read_text(encoding="utf-8")
    return {m[1]: (m[2], m[4], m[5].split(",")) for m in REQUIREMENT.finditer(text)}


def mended(test):
    """The input and the time of a refused test after its repair."""
    whole = {"input": copy.deepcopy(test["input"])}
    if "now" in test:
        whole["now"] = test["now"]
    repair = test["repair"]
    *parents, last = repair["path"].split("/")[1:]
    place = whole
    for key in parents:
        place = place[int(key) if isinstance(place, list) else key]
    last = int(last) if isinstance(place, list) else last
    if "remove" in repair:
        del place[last]
    elif "value" in repair:
        place[last] = repair["value"]
    else:
        was, at = place[last], repair["at"]
        place[last] = was[:at] + repair["insert"] + was[at + repair["delete"] :]
    return whole


def lint_file(path, spec, proven):
    document = json.loads(path.read_text(encoding="utf-8"))
    if path.stat().st_size >= 400_000:
        yield f"{path.stat().st_size} bytes, 400,000 are too many"
    for field in ("schema", "name", "spec", "generator", "notes", "groups"):
        if field not in document:
            yield f"no {field}"
            return
    if document["name"] != path.relative_to(ROOT / "vectors").with_suffix("").as_posix():
        yield f"is named {document['name']}"
    named = {r for note in document["notes"].values() for r in note["req"]}
    for requirement in sorted(named):
        if requirement not in spec:
            yield f"{requirement} is not in SPEC.md"
        elif (
            document["spec"]["sentences"].get(requirement)
            != hashlib.sha256(spec[requirement][0].encode()).hexdigest()[:16]
        ):
            yield f"{requirement} has changed since the rows were written: suspect"
    for extra in document["spec"]["sentences"].keys() - named:
        yield f"sentence of {extra}, which no note names"
    tests = [(g, t) for g in document["groups"] for t in g["tests"]]
    by_id = {}
    for group, test in tests:
        where = f"test {test['tcId']} ({test['comment']})"
        if test["tcId"] in by_id:
            yield f"{where}: id used twice"
        by_id[test["tcId"]] = (group, test)
        for flag in test["flags"]:
            if flag not in document["notes"]:
                yield f"{where}: flag {flag} has no note"
                continue
            # A refused test stands for two rows: itself, and the accepted twin that differs by the fault alone.
            for requirement in document["notes"][flag]["req"]:
                proven.setdefault(requirement, set()).update(("reject", "accept") if "twin" in test else ("accept",))
        word, _, detail = test["expect"].partition(":")
        if not (
            test["expect"] == "accept" or word == "reject" and detail in CLASSES or word == "choice" and detail in spec
        ):
            yield f"{where}: expect {test['expect']}"
        if (word == "reject") != ("twin" in test and "repair" in test):
            yield f"{where}: a refused test, and no other, has a twin and a repair"
    for group, test in by_id.values():
        if "repair" not in test:
            continue
        where = f"test {test['tcId']} ({test['comment']})"
        home, twin = by_id.get(test["twin"], (None, None))
        if twin is None or twin["expect"] != "accept" or home["type"] != group["type"]:
            yield f"{where}: twin {test['twin']} is no accepted test of its kind"
            continue
        whole = mended(test)
        if whole != {k: twin[k] for k in ("input", "now") if k in twin}:
            yield f"{where}: the repair does not lead to the twin"
        outcome = crosscheck.judge(group["type"], test | whole | {"expect": "accept"}, group.get("shared", {}))[0]
        if outcome != "accept":
            yield f"{where}: {outcome} after the repair"


def main():
    spec, proven, faults, count = requirements(), {}, 0, 0
    for path in sorted((ROOT / "vectors").rglob("*.json")):
        count += 1
        for fault in lint_file(path, spec, proven):
            faults += 1
            print(f"{path.relative_to(ROOT)}: {fault}")
    for requirement, (_, polarity, by) in spec.items():
        if "vector" not in by:
            continue
        missing = (
            {"accept", "reject"} - proven.get(requirement, set())
            if polarity == "reject"
            else {"accept"} - proven.get(requirement, set())
        )
        if missing:
            faults += 1
            print(f"{requirement}: no {' and no '.join(sorted(missing))} row")
    print(f"{count} files, {faults} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
