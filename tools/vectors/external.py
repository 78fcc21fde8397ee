#!/usr/bin/python3
"""Holds the second reading in check/ against vectors made by others, so that it is no copy of our own mistakes.

    AGENTMESH_EXTERNAL_VECTORS=DIR python3 tools/vectors/external.py

DIR defaults to ../shared/data beside the checkout. A set that is absent is skipped by name; if all are, the exit status
is 77. Compares also the pinned outcomes of tests/external/ed25519_cctv.json.
"""

import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from check import Refused, curve, jsontext  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path(os.environ.get("AGENTMESH_EXTERNAL_VECTORS", ROOT.parent / "shared/data"))
# JSONTestSuite wants these accepted; AM-ENC-013 refuses them.
REFUSED_ON_PURPOSE = {"y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"}


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


def refuses(operation, *arguments):
    try:
        operation(*arguments)
    except Refused:
        return True
    return False


def cctv(folder):
    pinned = load(ROOT / "tests/external/ed25519_cctv.json")["outcomes"]
    for test in load(folder / "ed25519vectors.json"):
        refused = refuses(curve.verify, bytes.fromhex(test["key"]), test["msg"].encode(), bytes.fromhex(test["sig"]))
        yield test["number"], ("reject" if refused else "accept") == pinned[str(test["number"])]


def wycheproof(folder):
    for group in load(folder / "ed25519_test.json")["testGroups"]:
        key = bytes.fromhex(group["publicKey"]["pk"])
        for test in group["tests"]:
            refused = refuses(curve.verify, key, bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"]))
            yield f"Ed25519 {test['tcId']}", refused == (test["result"] != "valid")
    for group in load(folder / "x25519_test.json")["testGroups"]:
        for test in group["tests"]:
            try:
                shared = curve.x25519(bytes.fromhex(test["private"]), bytes.fromhex(test["public"])).hex()
            except Refused:
                shared = "00" * 32
            yield f"X25519 {test['tcId']}", shared == test["shared"]


def json_test_suite(folder):
    for path in sorted((folder / "test_parsing").iterdir()):
        if path.name[0] != "i":
            wanted = path.name[0] == "n" or path.name in REFUSED_ON_PURPOSE
            yield path.name, refuses(jsontext.parse, path.read_bytes()) == wanted


def rfc8785(folder):
    for path in sorted((folder / "input").iterdir()):
        wanted = (folder / "output" / path.name).read_text(encoding="utf-8").rstrip("\n")
        yield path.name, jsontext.canonical(jsontext.parse(path.read_bytes())) == wanted


def main():
    count = wrong = absent = 0
    sets = {"cctv-ed25519": cctv, "wycheproof": wycheproof, "json-test-suite": json_test_suite, "rfc8785": rfc8785}
    for name, rows in sets.items():
        if not (DATA / name).is_dir():
            absent += 1
            print(f"skipped: {name} is not in {DATA}")
            continue
        for row, good in rows(DATA / name):
            count += 1
            if not good:
                wrong += 1
                print(f"{name}: {row} disagrees")
    print(f"{count} rows of others, {wrong} disagree, {absent} sets absent")
    return 1 if wrong else 77 if absent == len(sets) else 0


if __name__ == "__main__":
    sys.exit(main())
