#!/usr/bin/env python3
"""Our announcements on the local network as avahi sees them, and those of avahi as we see them.

Everything happens in a network of its own, with a bus and an avahi-daemon of its own. Where such a network, or avahi,
is not to be had, the test is skipped by name.

Usage: lan.py --neighbour PROGRAM [--agentmesh PROGRAM --relay PROGRAM]
"""

import argparse
import base64
import contextlib
import os
import pathlib
import queue
import shlex
import shutil
import signal
import subprocess
import sys
import threading

ADDRESS, PORT = "192.168.77.1", 8765
SERVICE = "_agentmesh._tcp"
DEADLINE = 40  # seconds for any one thing to happen
NEEDED = ("unshare", "ip", "mount", "dbus-daemon", "avahi-daemon", "avahi-browse", "avahi-publish")
SKIPPED = 77
BUS = """<busconfig><type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/>
<allow send_destination="*"/><allow receive_sender="*"/></policy></busconfig>"""


class Failed(Exception):
    pass


def demand(condition, what):
    if not condition:
        raise Failed(what)


class Program:
    """A child process, its output as it comes, line by line."""

    started = []

    def __init__(self, *command):
        self.name = command[0]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, bufsize=1)
        self.lines, self.seen = queue.Queue(), []
        threading.Thread(target=self._read, daemon=True).start()
        Program.started.append(self)

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def line(self, *parts):
        """The next line that has all of these in it."""
        while True:
            try:
                line = self.lines.get(timeout=DEADLINE)
            except queue.Empty:
                line = None
            demand(line is not None, f"{self.name}: no line with {parts}; it said {self.seen[-8:]}")
            self.seen.append(line)
            if all(part in line for part in parts):
                return line

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        demand(self.process.wait(DEADLINE) in (0, -signal.SIGTERM), f"{self.name} did not end well: {self.seen[-8:]}")


def pieces(record):
    """The TXT strings of a record, as any writer may cut it."""
    return ["txtvers=1"] + [f"r{number}={record[at:at + 180]}" for number, at in enumerate(range(0, len(record), 180))]


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def forged(record):
    bytes_of_it = bytearray(decoded(record))
    bytes_of_it[-1] ^= 1
    return base64.urlsafe_b64encode(bytes(bytes_of_it)).decode().rstrip("=")


def story(neighbour):
    bus = Program("dbus-daemon", "--config-file=/run/bus.conf", "--nofork", "--nopidfile", "--print-address")
    bus.line("unix:path=")
    daemon = Program("avahi-daemon", "-f", "/run/avahi.conf", "--no-drop-root", "--no-chroot", "--no-rlimits")
    daemon.line("Server startup complete")
    watcher = Program("avahi-browse", "-rp", SERVICE)

    ours = Program(neighbour, ADDRESS, str(PORT))
    _, name, record = ours.line("announced ").split()
    _, spare, spare_record = ours.line("spare ").split()

    watcher.line("+;", f";{name};{SERVICE};local")
    fields = watcher.line("=;", f";{name};").split(";", 9)
    demand(fields[7:9] == [ADDRESS, str(PORT)], f"avahi resolves to {fields[7:9]}")
    texts = dict(one.split("=", 1) for one in shlex.split(fields[9]))
    demand(texts.pop("txtvers") == "1", f"of another version: {texts}")
    joined = "".join(texts[f"r{number}"] for number in range(len(texts)))
    demand(decoded(joined) == decoded(record), f"avahi has another record: {texts}")
    asked = subprocess.run(["avahi-browse", "-rpt", SERVICE], capture_output=True, text=True, timeout=DEADLINE)
    demand(asked.returncode == 0 and f";{name};" in asked.stdout, f"avahi-browse -rpt says {asked.stdout!r}")

    # The other way. What is not signed by the agent whose name it has is announced first, and not believed.
    liar = Program("avahi-publish", "-s", spare, SERVICE, "4444", *pieces(forged(spare_record)))
    watcher.line("=;", f";{spare};")
    liar.end()
    watcher.line("-;", f";{spare};")
    honest = Program("avahi-publish", "-s", spare, SERVICE, "5555", *pieces(spare_record))
    seen = ours.line("appeared ", spare).split()
    demand(f"{ADDRESS}:5555" in seen and all(one.endswith(":5555") for one in seen[2:]), f"it appeared as {seen}")
    demand(not any("4444" in line for line in ours.seen), "a forged record was believed")
    honest.end()
    ours.line(f"gone {spare}")

    ours.end()
    watcher.line("-;", f";{name};")
    print("avahi and we see each other")


def agents(chosen):
    """The story of two agents that have nothing but this network to find each other by."""
    script = pathlib.Path(__file__).with_name("story.py")
    done = subprocess.run([sys.executable, "-B", script, "--agentmesh", chosen.agentmesh, "--relay", chosen.relay,
                           "--on-network", ADDRESS])
    demand(done.returncode == 0, "the agents did not find each other")


def inside(chosen):
    """As the first process of namespaces of its own; the others end with it."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    for folder in ("/run/dbus", "/run/avahi-daemon"):
        os.mkdir(folder)
    for command in ("link set lo up", "link add lan0 type veth peer name lan1", f"addr add {ADDRESS}/24 dev lan0",
                    "link set lan0 up", "link set lan1 up"):
        subprocess.run(["ip", *command.split()], check=True)
    pathlib.Path("/run/bus.conf").write_text(BUS)
    pathlib.Path("/run/avahi.conf").write_text("[server]\nallow-interfaces=lan0\nuse-ipv6=no\n")
    try:
        story(chosen.neighbour)
        if chosen.agentmesh:
            agents(chosen)
    except Failed as why:
        print(f"FAILED: {why}", file=sys.stderr)
        return 1
    finally:
        for program in Program.started:
            with contextlib.suppress(ProcessLookupError):
                program.process.kill()
    return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--neighbour", required=True)
    parser.add_argument("--agentmesh")
    parser.add_argument("--relay")
    parser.add_argument("--inside", action="store_true")
    chosen = parser.parse_args()
    if chosen.inside:
        return inside(chosen)
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    missing = [name for name in NEEDED if not shutil.which(name)]
    if missing:
        print(f"skipped: {', '.join(missing)} not here; see scripts/setup test")
        return SKIPPED
    alone = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*alone, "mount", "-t", "tmpfs", "tmpfs", "/run"], capture_output=True).returncode != 0:
        print("skipped: no network of its own is to be had here without more rights")
        return SKIPPED
    return subprocess.run([*alone, sys.executable, "-B", __file__, "--inside", *sys.argv[1:]]).returncode


if __name__ == "__main__":
    sys.exit(main())
