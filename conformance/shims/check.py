#!/usr/bin/env python3
"""Judges `amconf shim` by shims of which it is known what they do.

    check.py --amconf AMCONF --shim AGENTMESH_SHIM own SUITE | broken | null | npm-agt | schemas [--print]

own: every check of our shim passes, the run repeats to the byte, and its recorded lines give the same verdicts again.
broken: each way of `agentmesh-shim --broken` is caught by a failed check of the case that looks for it, and of those
that only sessions with the harness show, exactly the checks of KILLED are not passed.
null: programs that implement nothing pass nothing. npm-agt: the checks that fail are those of npm-agt/expected.json.
schemas: what is said on both sides follows schemas/shim, and the samples of schemas/negative do not.
Exit 77: the interpreter or package of a shim is missing. --print prints the checks in the form of expected.json.
"""

import argparse
import base64
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ALL_AREAS = ("id", "enc", "kex", "ratchet", "knock", "policy", "envelope", "registry")
CERTIFIABLE = ("pass", "chose", "not_offered", "waived")

# A broken shim, the cases that are asked, and a check that fails there.
CAUGHT = {
    "parse": ("ENC-HEX", "ENC-HEX-001", "AM-ENC-001"),
    "version": ("RUN", "RUN-SHIM-001", "AM-SHM-010"),
    "auth": ("ID-AMID", "ID-AMID-003", "AM-ID-003"),
    "replay": ("RAT-LIVE-003", "RAT-LIVE-003", "AM-RAT-014"),
    "order": ("RUN", "RUN-SHIM-001", "AM-SHM-011"),
    "crypto": ("ID-X25519", "ID-X25519-001", "AM-KEY-006"),
    "limit": ("RAT-LIVE-003", "RAT-LIVE-003", "AM-RAT-016"),
    "policy": ("POL-DECIDE", "POL-DECIDE-001", "AM-POL-002"),
    "state": ("RUN", "RUN-SHIM-001", "AM-SHM-011"),
    "unsupported": ("RUN", "RUN-SHIM-001", "AM-SHM-004"),
    "value": ("ENC-HEX", "ENC-HEX-002", "AM-ENC-001"),
    "truncate": ("ENC-HEX", "ENC-HEX-001", "AM-SHM-006"),
    "fickle": ("ENC-HEX", "ENC-HEX-001", "AM-SHM-005"),
    "miscount": ("RUN", "RUN-SHIM-001", "AM-SHM-007"),
    "crash": ("ENC-HEX", "ENC-HEX-001", "AM-SHM-009"),
    "hang": ("ENC-HEX", "ENC-HEX-001", "AM-SHM-009"),
    "status": ("RUN", "RUN-SHIM-001", "AM-SHM-008"),
}

# Of shims that are broken only in sessions with the harness, or that one lie of a registry gets past: the cases that are
# asked, and exactly what is not passed.
KILLED = {
    "roots": ("KEX-LIVE", {
        "KEX-LIVE-001 fail": "KEX-040",
        "KEX-LIVE-002 inconclusive": "KEX-035",
        "KEX-LIVE-002 fail": "KEX-040",
        "KEX-LIVE-003 inconclusive": "KEX-006 KEX-011 KEX-013 KEX-015 KEX-016 KEX-020 KEX-022 KEX-041",
        "KEX-LIVE-004 inconclusive": "KEX-006 KEX-041",
    }),
    "bundles": ("KEX-LIVE", {
        "KEX-LIVE-003 fail": "KEX-006 KEX-011 KEX-013 KEX-015 KEX-016 KEX-020 KEX-022 KEX-041",
    }),
    "spent": ("KEX-LIVE", {
        "KEX-LIVE-002 fail": "KEX-035",
        "KEX-LIVE-004 fail": "KEX-006 KEX-041",
    }),
    "feed": ("RAT-LIVE", {
        "RAT-LIVE-004 fail": "RAT-001 RAT-002 RAT-004 RAT-006 SHM-012",
    }),
    "knocks": ("KNK-LIVE", {
        "KNK-LIVE-003 fail": "KNK-003 KNK-004 KNK-005 KNK-006 KNK-007 KNK-008 KNK-009 KNK-011",
    }),
    "answers": ("KNK-LIVE", {
        "KNK-LIVE-004 fail": "KNK-018 KNK-020",
    }),
    "talk": ("KNK-LIVE", {
        "KNK-LIVE-001 inconclusive": "KNK-018",
        "KNK-LIVE-001 fail": "KNK-022",
        "KNK-LIVE-002 fail": "KNK-022",
        "KNK-LIVE-002 inconclusive": "KNK-023",
    }),
    "envelopes": ("ENV-LIVE", {
        "ENV-LIVE-001 fail": "ENV-001",
        "ENV-LIVE-003 fail": "ENV-002 ENV-003 ENV-004",
    }),
    "lie-name": ("REG-BELIEVE", {"REG-BELIEVE-001 fail": "FND-001"}),
    "lie-exchange": ("REG-BELIEVE", {"REG-BELIEVE-001 fail": "FND-002 FND-003"}),
    "lie-prekey": ("REG-BELIEVE", {"REG-BELIEVE-001 fail": "FND-005"}),
    "lie-bundle": ("REG-BELIEVE", {"REG-BELIEVE-001 fail": "FND-004 FND-006"}),
    "lie-tier": ("REG-BELIEVE", {"REG-BELIEVE-001 fail": "FND-007"}),
    # Whoever has been succeeded counts as revoked, so what hides the one hides the other.
    "lie-revocation": ("REG-BELIEVE", {"REG-BELIEVE-001 fail": "FND-008 FND-011"}),
    "lie-silence": ("REG-BELIEVE", {"REG-BELIEVE-001 fail": "FND-009"}),
    "lie-statement": ("REG-BELIEVE", {"REG-BELIEVE-001 fail": "FND-010"}),
    "lie-successor": ("REG-BELIEVE", {"REG-BELIEVE-001 fail": "FND-011"}),
    "lie-did": ("REG-BELIEVE", {"REG-BELIEVE-001 fail": "FND-001 FND-002"}),
}

def answering(areas, otherwise, flush='"ok":{}'):
    """A shim in sh that says hello, offers these areas, and answers everything else alike."""
    cases = [
        ('hello', '"ok":{"name":"x","ver":"1","areas":[' + ",".join(f'"{a}"' for a in areas) + '],"suites":["am1"]}'),
        ('flush', flush),
        ('bye', '"ok":{"replies":\'$n\'}'),
    ]
    arms = "".join(f"""*'"op":"{op}"'*) echo '{{"id":'$n',{reply}}}'{"; exit 0" if op == "bye" else ""};; """
                   for op, reply in cases)
    last = f"""*) echo '{{"id":'$n',{otherwise}}}';;"""
    return f"""n=0; while read -r line; do n=$((n+1)); case "$line" in {arms}{last} esac; done"""


NULLS = {
    "ends at once": "true",
    "ends with an error": "exit 1",
    "is not there": "exec agentmesh-no-such-program",
    "hears and says nothing": "cat >/dev/null",
    "falls silent": "sleep 60",
    "repeats what it hears": "cat",
    "talks without end": "yes",
    "sends zeros": "head -c 3000000 /dev/zero",
    "says ok to one id": """while read -r line; do echo '{"id":1,"ok":{}}'; done""",
    "refuses everything":
        """n=0; while read -r line; do n=$((n+1)); echo '{"id":'$n',"reject":{"class":"parse"}}'; done""",
    "offers everything and supports nothing": answering(ALL_AREAS, '"unsupported":true'),
    "says hello and accepts everything": answering(ALL_AREAS, '"ok":{}'),
    "says hello and refuses everything": answering(ALL_AREAS, '"reject":{"class":"parse"}'),
    "says hello and refuses everything as forged": answering(ALL_AREAS, '"reject":{"class":"crypto"}'),
}


class Judge:
    def __init__(self, amconf, folder):
        self.amconf, self.folder, self.runs = amconf, pathlib.Path(folder), 0

    def run(self, command, *arguments):
        """Exit code, results, and the folder of the run."""
        self.runs += 1
        out = self.folder / str(self.runs)
        found = subprocess.run(
            [self.amconf, "shim", "--exec", command, "--seed", "5eed", "--quiet", "--no-color", "--out", str(out),
             *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=280)
        if not (out / "results.json").exists():
            sys.exit(f"amconf shim ended with {found.returncode} and wrote nothing:\n{found.stdout}")
        return found.returncode, json.loads((out / "results.json").read_text()), out


def checks(results):
    return {f"{c['id']} {k['requirement']}": k["verdict"] for c in results["cases"] for k in c["checks"]}


def timeless(results):
    for case in results["cases"]:
        del case["duration_ms"]
    return results


def own(judge, shim, suite):
    code, results, out = judge.run(shim, "--suite", suite)
    faults = [f"{name}: {verdict}" for name, verdict in checks(results).items() if verdict != "pass"]
    if code != 0 or not results["certifiable"]:
        faults.append(f"exit code {code}, certifiable {results['certifiable']}")
    if results["totals"]["checks"] < 100:
        faults.append(f"only {results['totals']['checks']} checks")
    if timeless(results) != timeless(judge.run(shim, "--suite", suite)[1]):
        faults.append("a second run with one seed gives other results")
    replay = subprocess.run([judge.amconf, "replay", str(out)], stdout=subprocess.PIPE, text=True)
    if replay.returncode != 0:
        faults.append("the recorded lines do not give the same verdicts: " + replay.stdout)
    return faults, f"{results['totals']['checks']} checks pass under {suite}, and again from the record"


def broken(judge, shim):
    ways = subprocess.run([shim, "--broken", "list"], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    known = CAUGHT.keys() | KILLED.keys()
    faults = [] if set(ways) == known else [f"ways {sorted(set(ways) ^ known)} are not those that are asked"]
    for way, (only, case, requirement) in CAUGHT.items():
        code, results, _ = judge.run(f"{shim} --broken {way}", "--only", only)
        verdict = checks(results).get(f"{case} {requirement}")
        if code != 1 or verdict not in ("fail", "crash", "hang"):
            faults.append(f"{way}: exit code {code}, {case} {requirement} is {verdict}")
        sound = judge.run(shim, "--only", only)[1]
        if checks(sound).get(f"{case} {requirement}", "pass") != "pass":
            faults.append(f"{way}: the sound shim fails {case} {requirement} too")
    for way, (only, pinned) in KILLED.items():
        code, results, _ = judge.run(f"{shim} --broken {way}", "--only", only)
        seen = {name: verdict for name, verdict in checks(results).items() if verdict not in CERTIFIABLE}
        expected = {f"{case.split()[0]} AM-{requirement}": case.split()[1]
                    for case, requirements in pinned.items() for requirement in requirements.split()}
        faults += [f"{way}: {key}: expected {expected.get(key, 'pass')}, seen {seen.get(key, 'pass')}"
                   for key in sorted(expected.keys() | seen.keys()) if expected.get(key) != seen.get(key)]
        if code != 1:
            faults.append(f"{way}: exit code {code}")
    return faults, f"{len(ways)} broken shims are caught, {len(KILLED)} of them in exactly what they break"


def null(judge, _):
    faults = []
    for name, command in NULLS.items():
        code, results, _ = judge.run(command, "--patience", "400")
        passes = [check for check, verdict in checks(results).items() if verdict == "pass" and " AM-SHM-" not in check]
        if passes or code == 0 or results["certifiable"]:
            faults.append(f"{name}: exit code {code}, passes {passes[:9]}")
    return faults, f"{len(NULLS)} null shims pass nothing"


def npm_agt(judge, _, show):
    node = shutil.which("node")
    probe = "import('@microsoft/agent-governance-sdk').catch(() => process.exit(77))"
    if node is None or subprocess.run([node, "-e", probe], cwd=HERE / "npm-agt", stderr=subprocess.DEVNULL).returncode:
        print("skipped: no Node, or no npm package @microsoft/agent-governance-sdk here")
        sys.exit(77)
    command = f"'{node}' '{HERE / 'npm-agt' / 'shim.mjs'}'"
    code, results, _ = judge.run(command, "--areas", "kex,ratchet", "--suite", "wire10-legacy")
    seen = {name: verdict for name, verdict in checks(results).items() if verdict not in CERTIFIABLE}
    if show:
        print(json.dumps(seen, indent=1))
    pinned = json.loads((HERE / "npm-agt" / "expected.json").read_text())
    expected = {key: fault["verdict"] for fault in pinned["faults"] for key in fault["checks"]}
    expected |= {key: "not_offered" for key in pinned["not_offered"]}
    seen |= {name: verdict for name, verdict in checks(results).items() if verdict == "not_offered"}
    faults = [f"{key}: expected {expected.get(key, 'pass')}, seen {seen.get(key, 'pass')}"
              for key in sorted(expected.keys() | seen.keys()) if expected.get(key) != seen.get(key)]
    if code != pinned["exit"]:
        faults.append(f"exit code: expected {pinned['exit']}, seen {code}")
    if results["totals"]["pass"] < pinned["least_passes"]:
        faults.append(f"only {results['totals']['pass']} checks pass")
    return faults, f"{len(seen)} checks are not passed, as pinned; {results['totals']['pass']} pass"


def schemas(judge, shim):
    try:
        import jsonschema
    except ImportError:
        print("skipped: no Python package `jsonschema` here")
        sys.exit(77)
    load = lambda path: json.loads(path.read_text(encoding="utf-8"))
    judges = {}
    for side in ("request", "reply"):
        schema = load(ROOT / "schemas" / "shim" / f"{side}.json")
        jsonschema.Draft7Validator.check_schema(schema)
        judges[side] = jsonschema.Draft7Validator(schema)
    faults, count = [], 0
    _, _, out = judge.run(shim, "--only", "RUN,ENC-JSON,ENV-LIVE,KEX-CARD,KEX-LIVE,KNK-LIVE,POL-DECIDE,RAT-LIVE")
    for line in (out / "evidence.jsonl").read_text().splitlines():
        record = json.loads(line)
        if record.get("layer") == "line":
            count += 1
            side = "request" if record["dir"] == "out" else "reply"
            if not judges[side].is_valid(json.loads(base64.b64decode(record["bytes"]))):
                faults.append(f"{record['case']} {record['seq']}: not a {side} of schemas/shim")
    for side, schema in judges.items():
        for sample in load(ROOT / "schemas" / "shim" / "negative" / f"{side}.json")["samples"]:
            count += 1
            if schema.is_valid(sample["instance"]):
                faults.append(f"{side}: accepted although {sample['why']}")
    return faults[:20], f"{count} lines and samples are judged"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--amconf", required=True)
    parser.add_argument("--shim", required=True)
    parser.add_argument("what", choices=("own", "broken", "null", "npm-agt", "schemas"))
    parser.add_argument("suite", nargs="?", default="am1")
    parser.add_argument("--print", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        judge = Judge(arguments.amconf, folder)
        if arguments.what == "own":
            faults, words = own(judge, arguments.shim, arguments.suite)
        elif arguments.what == "npm-agt":
            faults, words = npm_agt(judge, arguments.shim, arguments.print)
        else:
            faults, words = {"broken": broken, "null": null, "schemas": schemas}[arguments.what](judge, arguments.shim)
    if faults:
        print(*faults, sep="\n")
    print(words if not faults else f"{arguments.what}: {len(faults)} differences")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
