"""The programs as their owners run them: agentmesh and agentmesh-relay as processes, their lines read as they come.

Every line that agentmesh prints with --json is held against schemas/cli.
"""

import argparse
import contextlib
import json
import os
import pathlib
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

import jsonschema

SCHEMAS = pathlib.Path(__file__).resolve().parents[2] / "schemas" / "cli"
DEADLINE = 40  # seconds for any one thing to happen


class Failed(Exception):
    pass


def demand(condition, what):
    if not condition:
        raise Failed(what)


class Lines:
    """What a line of agentmesh may be."""

    def __init__(self):
        self.schemas = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in SCHEMAS.glob("*.json")}
        store = {schema["$id"]: schema for schema in self.schemas.values()}
        self.validators = {}
        for name, schema in self.schemas.items():
            jsonschema.Draft202012Validator.check_schema(schema)
            resolver = jsonschema.RefResolver(schema["$id"], schema, store=store)
            self.validators[name] = jsonschema.Draft202012Validator(schema, resolver=resolver)
        self.events = set(self.schemas) - {"common"}

    def fault(self, event):
        """Nothing, or what is wrong with a line."""
        name = event.get("event") if isinstance(event, dict) else None
        if name not in self.events:
            return f"{name!r} is no event"
        return next((error.message for error in self.validators[name].iter_errors(event)), None)


LINES = Lines()


class Program:
    """A child process, its output as it comes, line by line."""

    started = []
    faults = []  # lines that are of no schema
    ended = queue.Queue()  # programs, in the order in which their output ended

    def __init__(self, command, environment):
        self.command = command
        self.process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, bufsize=1)
        self.lines = queue.Queue()
        self.seen = []
        self.errors = []
        self.readers = [threading.Thread(target=self._read_output, daemon=True),
                        threading.Thread(target=self._read_errors, daemon=True)]
        for reader in self.readers:
            reader.start()
        Program.started.append(self)

    def _read_output(self):
        for line in self.process.stdout:
            if line.startswith("{"):
                fault = LINES.fault(json.loads(line))
                if fault:
                    Program.faults.append(f"{line!r}: {fault}")
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)
        Program.ended.put(self)

    def _read_errors(self):
        for line in self.process.stderr:
            self.errors.append(line.rstrip("\n"))

    def say(self, text):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(text + "\n")
            self.process.stdin.flush()

    def hang_up(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()

    def line(self):
        try:
            line = self.lines.get(timeout=DEADLINE)
        except queue.Empty:
            raise Failed(f"{self.command}: says nothing; said {self.seen[-5:]}, {self.errors[-5:]}") from None
        if line is not None:
            self.seen.append(line)
        return line

    def event(self, wanted, **members):
        """The next event of this name and with these members; others before it are passed over."""
        while True:
            line = self.line()
            demand(line is not None, f"{self.command}: ended before {wanted} {members}: {self.seen[-5:]} {self.errors}")
            event = json.loads(line)
            if event["event"] == wanted and all(event.get(name) == value for name, value in members.items()):
                return event

    def wait(self):
        """The exit code, once all output is read."""
        while self.line() is not None:
            pass
        code = self.process.wait(timeout=DEADLINE)
        for reader in self.readers:
            reader.join(timeout=DEADLINE)
        return code

    def end(self, with_signal=signal.SIGTERM):
        self.process.send_signal(with_signal)
        return self.wait()

    def events(self, name):
        return [event for event in map(json.loads, self.seen) if event["event"] == name]


class World:
    def __init__(self, arguments, folder, *relay_flags):
        self.arguments = arguments
        self.folder = folder
        self.log = open(folder / "relay.log", "a+", encoding="utf-8")
        self.relay = self.registry = None
        self.port = self.registry_port = 0
        self.heard = {"alice": [], "bob": []}  # messages by listener, in the order told
        self.start_relay(*relay_flags)

    def start_relay(self, *more):
        command = [self.arguments.relay, "--port", str(self.port), "--log", "debug", "--first-start", *more]
        self.relay = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True)
        said = self.relay.stdout.readline()
        demand(said.startswith("listening "), f"the relay said {said!r}")
        self.port = int(said.rstrip("/\n").rsplit(":", 1)[1])

    def start_registry(self, *more):
        """In memory, on a free port, or on the same as before; agents may name addresses of this machine."""
        command = [self.arguments.registry, "--port", str(self.registry_port), "--local-endpoints", "--log", "debug",
                   "--requests-per-minute", "0", "--registrations-per-minute", "0", *more]
        self.registry = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True)
        said = self.registry.stdout.readline()
        demand(said.startswith("listening http://"), f"the registry said {said!r}")
        self.registry_port = int(said.strip().rstrip("/").rsplit(":", 1)[1])
        self.registry_url = f"http://127.0.0.1:{self.registry_port}"

    def kill_registry(self):
        self.registry.kill()
        self.registry.wait()

    def kill_relay(self):
        self.relay.kill()
        self.relay.wait()

    def home(self, who):
        return self.folder / who

    def environment(self, who):
        return {**os.environ, "AGENTMESH_HOME": str(self.home(who)), "AGENTMESH_RELAY": f"ws://127.0.0.1:{self.port}/",
                "AGENTMESH_DIRECTORY": str(self.folder / "agents.json")}

    def start(self, who, *arguments, **environment):
        return Program([self.arguments.agentmesh, "--name", who, "--json", "--audit", *arguments],
                       {**self.environment(who), **environment})

    def run(self, who, *arguments, expect=0):
        program = self.start(who, *arguments)
        program.hang_up()
        code = program.wait()
        demand(code == expect, f"{who} {arguments}: exit {code}, expected {expect}: {program.seen} {program.errors}")
        return program

    def listen(self, who):
        program = self.start(who, "listen", "--reply")
        program.event("ready")
        return program

    def heard_by(self, who, program):
        """Adds what a program has told; the same message told twice is one that died in the telling."""
        for message in program.events("message"):
            if all(message["id"] != known["id"] for known in self.heard[who]):
                self.heard[who].append(message)

    def texts(self, who):
        return [message["text"] for message in self.heard[who]]


def play(story, arguments, *relay_flags):
    """Runs `story(world)` in a folder of its own, and leaves nothing behind. Returns the exit code."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="agentmesh-programs-"))
    world = None
    try:
        world = World(arguments, folder, *relay_flags)
        story(world)
        demand(not Program.faults, f"lines that are of no schema: {Program.faults[:3]}")
    except Failed as why:
        print(f"FAILED: {why}", file=sys.stderr)
        for program in Program.started[-4:]:
            print(f"  {program.command}: {program.seen[-4:]} {list(program.lines.queue)[-6:]} {program.errors[-3:]}",
                  file=sys.stderr)
        return 1
    finally:
        for program in Program.started:
            with contextlib.suppress(ProcessLookupError):
                program.process.kill()
        if world and world.relay.poll() is None:
            world.kill_relay()
        if world and world.registry and world.registry.poll() is None:
            world.kill_registry()
        if not getattr(arguments, "keep", False):
            shutil.rmtree(folder, ignore_errors=True)
    return 0


def options():
    """What every script of this folder is told."""
    out = argparse.ArgumentParser()
    out.add_argument("--agentmesh", required=True)
    out.add_argument("--relay", required=True)
    out.add_argument("--registry", help="the program; for those that ask one")
    out.add_argument("--keep", action="store_true", help="keep the folder")
    return out
