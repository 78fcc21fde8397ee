"""Runs a server and a client of two implementations against each other.

    run.py SERVER-COMMAND... -- CLIENT-COMMAND...

The server's first line ends in its port, as "port 1234" or "listening ws://127.0.0.1:1234/"; PORT in the client's
command is replaced by it. The server ends when its standard input does or when it is told to. The word `node` or `python` in front of a script asks
for that interpreter with the peer's package; exit code 77, "skipped", says that it is missing.
"""

import ctypes
import functools
import pathlib
import re
import shutil
import signal
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def works(*command):
    return subprocess.run(command, cwd=HERE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def skip(what):
    print(f"skipped: {what}")
    sys.exit(77)


@functools.cache
def interpreter(name):
    if name == "node":
        node = shutil.which("node")
        if not node:
            skip("no Node here")
        return node
    for python in (sys.executable, "/usr/bin/python3"):
        if works(python, "-c", "import websockets, nacl.signing"):
            return python
    skip("no Python packages `websockets` and `nacl` here")


def end_with_parent():
    """Nothing is left behind, even when this script is killed (Linux: PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def resolve(command):
    if command[0] in ("node", "python"):
        return [interpreter(command[0]), str(HERE / command[1]), *command[2:]]
    return command


def main(arguments):
    middle = arguments.index("--")
    server, client = resolve(arguments[:middle]), resolve(arguments[middle + 1:])
    with subprocess.Popen(server, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          preexec_fn=end_with_parent) as running:
        try:
            port = re.search(r"(\d+)/?$", running.stdout.readline().strip()).group(1)
            return subprocess.run([port if part == "PORT" else part for part in client], timeout=60).returncode
        finally:
            running.stdin.close()
            running.terminate()
            try:
                running.wait(timeout=10)
            except subprocess.TimeoutExpired:
                running.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
