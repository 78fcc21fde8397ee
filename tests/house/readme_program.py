#!/usr/bin/env python3
"""The program in README.md compiles, and is as short as README says a first message is.

Usage: readme_program.py README -- COMPILER ARGS...
"""

import re
import subprocess
import sys
import tempfile


def main():
    readme, command = sys.argv[1], sys.argv[sys.argv.index("--") + 1:]
    with open(readme, encoding="utf-8") as text:
        found = re.findall(r"```cpp\n(.*?)```", text.read(), re.S)
    if len(found) != 1:
        sys.exit(f"{readme}: {len(found)} C++ programs, expected one")
    lines = [line for line in found[0].splitlines() if line.strip() and not line.startswith(("#include", "using"))]
    if len(lines) > 20:
        sys.exit(f"{readme}: the program has {len(lines)} lines, expected 20 at most")
    with tempfile.NamedTemporaryFile("w", suffix=".cpp") as unit:
        unit.write(found[0])
        unit.flush()
        sys.exit(subprocess.run([*command, unit.name]).returncode)


if __name__ == "__main__":
    main()
