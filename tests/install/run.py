#!/usr/bin/env python3
"""Takes the library in as a user would: installed and found by CMake, through pkg-config, and as a subdirectory.

Each way builds tests/install/consumer/main.cpp and runs it; the program prints the library's version. What README and
examples/03_first_message.cpp show is built from the installed package too.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile


def run(*command, **more):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **more)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\nexit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def shown_programs(source, folder):
    """The programs by which others begin: the one in README.md, and the example that needs no network."""
    [program] = re.findall(r"```cpp\n(.*?)```", (source / "README.md").read_text(), re.S)
    readme = pathlib.Path(folder, "readme.cpp")
    readme.write_text(program)
    return readme, source / "examples" / "03_first_message.cpp"


def main():
    options = argparse.ArgumentParser()
    for name in ("cmake", "source", "build", "cxx"):
        options.add_argument(f"--{name}", required=True)
    arg = options.parse_args()
    source = pathlib.Path(arg.source)
    consumer = source / "tests" / "install" / "consumer"
    version = re.search(r'library_version = "([^"]+)"', (source / "include/agentmesh/version.hpp").read_text()).group(1)
    expected = f"agentmesh {version}"

    with tempfile.TemporaryDirectory() as folder:
        prefix = pathlib.Path(folder, "prefix")
        run(arg.cmake, "--install", arg.build, "--prefix", prefix)

        for way in ("find_package", "add_subdirectory"):
            build = pathlib.Path(folder, way)
            programs = shown_programs(source, folder) if way == "find_package" else ()
            run(arg.cmake, "-S", consumer, "-B", build, "-G", "Ninja", f"-DCMAKE_CXX_COMPILER={arg.cxx}",
                f"-DCMAKE_PREFIX_PATH={prefix}", f"-DWAY={way}", f"-DAGENTMESH_SOURCE={source}",
                f"-DPROGRAMS={';'.join(map(str, programs))}")
            run(arg.cmake, "--build", build)
            out = run(build / "consumer").strip()
            if out != expected:
                sys.exit(f"{way}: printed {out!r}, expected {expected!r}")
            if programs:
                told = run(build / "03_first_message").splitlines()
                if told[-1:] != ["alice got: window or aisle?"]:
                    sys.exit(f"03_first_message from the installed package printed {told}")
            if way == "add_subdirectory" and (build / "mesh" / "bin" / "amconf").exists():
                sys.exit("add_subdirectory built our own programs too")

        [pc] = prefix.rglob("agentmesh.pc")
        flags = run("pkg-config", "--cflags", "--libs", "agentmesh",
                    env={**os.environ, "PKG_CONFIG_PATH": str(pc.parent)}).split()
        program = pathlib.Path(folder, "with_pkg_config")
        run(arg.cxx, "-std=c++20", consumer / "main.cpp", "-o", program, *flags)
        out = run(program).strip()
        if out != expected:
            sys.exit(f"pkg-config: printed {out!r}, expected {expected!r}")
        leaked = [flag for flag in flags if flag.startswith(("-W", "-f"))]
        if leaked:
            sys.exit(f"developer flags leak to users: {leaked}")


if __name__ == "__main__":
    main()
