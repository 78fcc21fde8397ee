#!/usr/bin/env python3
"""Judges a stranger with amconf and compares what fails with what is known to fail.

    check.py python|deployed|registry_python|registry_deployed AMCONF [--undeclared] [--set NAME] [--print]

Starts the stranger of that name, runs `amconf relay` under relay-core or `amconf registry` under registry-core against
it, and compares every check that is not certifiable with expected.json beside it. Exit 0: as pinned. Exit 1: a
difference, printed line by line. Exit 77: the interpreter or a package of the stranger is missing. --undeclared leaves
the timings of a relay at their defaults and undeclared, so that the checks which need a wait are untested and all
others are as pinned. --set judges by another set, and --print prints the checks in the form of expected.json.
"""

import argparse
import ctypes
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
CERTIFIABLE = ("pass", "chose", "not_offered", "waived")
SEED = "5eed"

# What the strangers are told on their command lines, and amconf in its declaration.
TIMINGS = {"handshake_timeout_ms": 700, "ping_interval_ms": 600, "pong_grace_ms": 400, "message_ttl_ms": 1500}


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def works(*command):
    return subprocess.run(command, cwd=HERE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def python_relay():
    for python in (sys.executable, "/usr/bin/python3"):
        if works(python, "-c", "import websockets.legacy.server, nacl.signing"):
            return [python, str(HERE / "python" / "relay.py")], TIMINGS
    skip("no Python packages `websockets` and `nacl` here")


def deployed_relay():
    node = shutil.which("node") or skip("no Node here")
    if not works(node, "--input-type=module", "-e", "import 'ws'"):
        skip(f"no Node package `ws` here: run `npm ci` in {HERE}")
    # It looks for Pongs when it sends the next Ping, and has no grace of its own.
    return [node, str(HERE / "deployed" / "relay.mjs")], {k: v for k, v in TIMINGS.items() if k != "pong_grace_ms"}


def python_registry(folder):
    for python in (sys.executable, "/usr/bin/python3"):
        if works(python, "-c", "import asyncio, nacl.signing; asyncio.timeout"):
            return [python, "-B", str(HERE / folder / "registry.py")], {}
    skip("no Python 3.11 with the package `nacl` here")


STRANGERS = {
    "python": ("relay", python_relay),
    "deployed": ("relay", deployed_relay),
    "registry_python": ("registry", lambda: python_registry("registry_python")),
    "registry_deployed": ("registry", lambda: python_registry("registry_deployed")),
}


def end_with_parent():
    """Nothing is left behind, even when this script is killed (Linux: PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def judge(stranger, options, amconf_command, out):
    """amconf's exit code, and "CASE REQUIREMENT" -> verdict of every check that no certificate may contain."""
    command = [*stranger, "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=end_with_parent) as running:
        try:
            line = running.stdout.readline().split()
            if line[:1] != ["listening"]:
                sys.exit(f"{command} does not listen")
            options = ["--seed", SEED, "--quiet", "--no-color", "--out", str(out)]
            code = subprocess.run([*amconf_command, line[1], *options], timeout=240).returncode
        finally:
            running.terminate()
            try:
                ended = running.wait(timeout=15)
            except subprocess.TimeoutExpired:
                running.kill()
                sys.exit(f"{command} did not end on SIGTERM")
    if ended != 0:
        sys.exit(f"{command} ended with status {ended}")
    cases = json.loads((out / "results.json").read_text())["cases"]
    return code, {f"{case['id']} {check['requirement']}": check["verdict"] for case in cases for check in case["checks"]
                  if check["verdict"] not in CERTIFIABLE}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stranger", choices=STRANGERS)
    parser.add_argument("amconf")
    parser.add_argument("--undeclared", action="store_true")
    parser.add_argument("--set")
    parser.add_argument("--print", action="store_true")
    arguments = parser.parse_args()

    role, start = STRANGERS[arguments.stranger]
    stranger, timings = start()
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder)
        options, amconf_command = [], [arguments.amconf, role, "--set", arguments.set or f"{role}-core"]
        if timings and not arguments.undeclared:
            (out / "declared.json").write_text(json.dumps(TIMINGS))
            options = [word for name, ms in timings.items() for word in (f"--{name.replace('_', '-')}", str(ms))]
            amconf_command += ["--declare", str(out / "declared.json")]
        code, seen = judge(stranger, options, amconf_command, out)
    if arguments.print:
        print(json.dumps(seen, indent=1))

    pinned = json.loads((HERE / arguments.stranger / "expected.json").read_text())
    expected = {key: fault["verdict"] for fault in pinned["faults"] for key in fault["checks"]}
    expected_code = pinned["exit"]
    if arguments.undeclared:  # a wait that nobody granted leaves its checks untested, and nothing else may be
        waiting = {key for key, verdict in seen.items() if verdict == "untested"}
        expected = {key: verdict for key, verdict in expected.items() if key not in waiting}
        seen = {key: verdict for key, verdict in seen.items() if key not in waiting}
        expected_code = expected_code or 2
        print(f"{len(waiting)} checks are untested, because their waits are neither declared nor granted")

    differences = [f"  {key}: expected {expected.get(key, 'pass')}, seen {seen.get(key, 'pass')}"
                   for key in sorted(expected.keys() | seen.keys()) if expected.get(key) != seen.get(key)]
    if code != expected_code:
        differences.append(f"  exit code: expected {expected_code}, seen {code}")
    if differences:
        print(f"{arguments.stranger}: not as pinned in {arguments.stranger}/expected.json", *differences, sep="\n")
        return 1
    print(f"{arguments.stranger}: {len(seen)} checks are not certifiable, as pinned")
    return 0


if __name__ == "__main__":
    sys.exit(main())
