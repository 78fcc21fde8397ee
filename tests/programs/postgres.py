"""A PostgreSQL server of a test's own: in a folder that goes with it, behind a socket there, synchronised in earnest.

Usage: postgres.py COMMAND...

Runs the command with AGENTMESH_POSTGRES=postgres://... and ends as it does. Ends with 77 where no server is installed.
"""

import ctypes
import glob
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

DEADLINE = 60  # seconds for the server to come up
SKIPPED = 77


def folder_of_programs():
    known = [os.path.dirname(os.path.realpath(found)) for found in [shutil.which("initdb")] if found]
    known += sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)
    return next((pathlib.Path(one) for one in known if os.path.exists(f"{one}/postgres")), None)


def missing():
    """What there has to be and is not, or nothing."""
    if folder_of_programs() is None:
        return "PostgreSQL's server is not installed"
    if os.getuid() == 0:
        import pwd
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            return "there is no user postgres, and root may not run the server"
    return None


def end_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGQUIT)


class Server:
    def __init__(self):
        self.programs = folder_of_programs()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="agentmesh-"))
        self.process = None
        # The server refuses to run as root.
        self.who = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
        if self.who:
            shutil.chown(self.folder, "postgres", "postgres")
        self.url = f"postgres:///postgres?host={self.folder}&user=postgres"

    def __enter__(self):
        try:
            subprocess.run([self.programs / "initdb", "-D", self.folder / "data", "-U", "postgres", "-A", "trust",
                            "--no-locale", "-E", "UTF8", "--no-sync"], check=True, stdout=subprocess.DEVNULL,
                           cwd=self.folder, **self.who)
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [self.programs / "postgres", "-D", self.folder / "data", "-k", self.folder, "-c", "listen_addresses=",
                 "-c", "fsync=on", "-c", "shared_buffers=64MB", "-c", "max_connections=40"],
                stdout=log, stderr=log, cwd=self.folder, preexec_fn=end_with_parent, **self.who)
        until = time.monotonic() + DEADLINE
        while subprocess.run([self.programs / "pg_isready", "-q", "-h", self.folder, "-U", "postgres"],
                             check=False).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("PostgreSQL did not come up: " + (self.folder / "log").read_text()[-2000:])
            time.sleep(0.05)

    def empty(self):
        subprocess.run([self.programs / "psql", "-q", "-h", self.folder, "-U", "postgres", "-c",
                        "SET client_min_messages = error; DROP SCHEMA public CASCADE; CREATE SCHEMA public"],
                       check=True, cwd=self.folder)

    def crash(self):
        """As when its machine loses power, but for what the kernel still writes."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(DEADLINE)

    def __exit__(self, *_):
        if self.process is not None and self.process.poll() is None:
            self.crash()
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    why_not = missing()
    if why_not:
        print(f"skipped: {why_not}")
        return SKIPPED
    with Server() as server:
        return subprocess.run(sys.argv[1:], env=os.environ | {"AGENTMESH_POSTGRES": server.url}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
