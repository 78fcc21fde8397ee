#!/usr/bin/python3
"""Judges schemas/ with Python's jsonschema: form, links to SPEC.md, samples, and the frames of vectors/.

Each negative sample names the requirement it violates. It must be refused, and must pass once the subschemas that
carry this requirement in `x-req` are taken out: so the link is to what enforces the requirement, not to a bystander.
"""

import hashlib
import json
import pathlib
import re
import sys

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "schemas"
FOLDERS = {"client": "v02", "relay": "v02", "message": "am1", "policy": "am1"}  # and whose they are
REQUIREMENT = re.compile(r'^<a id="(AM-[A-Z0-9]+-\d+)"></a>\*\*\1\*\* (.+)\n`.*?by=(\S+) ', re.M)


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


def links(schema):
    if isinstance(schema, dict):
        yield from schema.get("x-req", ())
    for value in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from links(value)


def without(schema, requirement):
    """The schema with every subschema that is linked to the requirement replaced by one that takes anything."""
    if isinstance(schema, list):
        return [without(item, requirement) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if requirement in schema.get("x-req", ()):
        return {}
    return {key: without(value, requirement) for key, value in schema.items()}


class Checks:
    def __init__(self):
        self.schemas = {
            p.relative_to(SCHEMAS).as_posix(): load(p)
            for folder in FOLDERS
            for p in sorted((SCHEMAS / folder).glob("*.json"))
        }
        self.store = {s["$id"]: s for s in self.schemas.values()}
        self.spec = {
            m[1]: (m[2], m[3].split(",")) for m in REQUIREMENT.finditer((ROOT / "SPEC.md").read_text(encoding="utf-8"))
        }
        self.faults, self.count = [], 0

    def expect(self, what, good):
        self.count += 1
        if not good:
            self.faults.append(what)

    def accepts(self, schema, instance):
        resolver = jsonschema.RefResolver(schema.get("$id", ""), schema, store=self.store)
        return jsonschema.Draft7Validator(schema, resolver=resolver).is_valid(instance)

    def form(self):
        for name, schema in self.schemas.items():
            jsonschema.Draft7Validator.check_schema(schema)
            self.expect(f"{name}: $id {schema['$id']}", schema["$id"].endswith(f"/{FOLDERS[name.split('/')[0]]}/{name}"))
            self.expect(
                f"{name}: x-spec does not list the requirements of x-req",
                set(schema["x-spec"]["sentences"]) == set(links(schema)),
            )
            for requirement, digest in schema["x-spec"]["sentences"].items():
                known = requirement in self.spec
                self.expect(f"{name}: {requirement} is not in SPEC.md", known)
                self.expect(
                    f"{name}: {requirement} has changed since the schema was written: suspect",
                    known and hashlib.sha256(self.spec[requirement][0].encode()).hexdigest()[:16] == digest,
                )

    def samples(self):
        violated = set()
        for path in sorted((SCHEMAS / "negative").glob("*.json")):
            document = load(path)
            schema = self.schemas[document["schema"]]
            for sample in document["samples"]:
                where = f"{path.name}: {sample['why']}"
                self.expect(f"{where}: accepted", not self.accepts(schema, sample["instance"]))
                if "violates" in sample:
                    violated.add(sample["violates"])
                    self.expect(
                        f"{where}: {sample['violates']} is not what refuses it",
                        self.accepts(without(schema, sample["violates"]), sample["instance"]),
                    )
        linked = {r for s in self.schemas.values() for r in links(s)}
        for requirement, (_, by) in self.spec.items():
            if "schema" in by:
                self.expect(f"{requirement}: no x-req", requirement in linked)
                self.expect(f"{requirement}: no negative sample", requirement in violated)

    def vectors(self):
        for name, schema in (
            ("wire/client_frames", "client/frame.json"),
            ("wire/relay_frames", "relay/frame.json"),
            ("auth/connect", "client/connect.json"),
        ):
            for group in load(ROOT / f"vectors/{name}.json")["groups"]:
                for test in group["tests"]:
                    where = f"{name} {test['tcId']} ({test['comment']})"
                    try:
                        frame = json.loads(test["input"].get("text", test["input"].get("frame")))
                    except ValueError:
                        continue
                    good = self.accepts(self.schemas[schema], frame)
                    if not test["expect"].startswith("reject"):
                        self.expect(f"{where}: refused", good)
                    elif name.startswith("wire/") and ("strict-json" not in test["flags"]):
                        self.expect(f"{where}: accepted", not good)


def main():
    checks = Checks()
    checks.form()
    checks.samples()
    checks.vectors()
    for fault in checks.faults:
        print(fault)
    print(f"{checks.count} checks, {len(checks.faults)} faults")
    return 1 if checks.faults else 0


if __name__ == "__main__":
    sys.exit(main())
