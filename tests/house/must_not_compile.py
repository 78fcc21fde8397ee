#!/usr/bin/env python3
"""Runs one must-not-compile case.

Usage: must_not_compile.py FILE -- COMPILER ARGS...

The file compiles as it stands (so that the refusal is not an accident of a missing include) and fails
with -DMUST_FAIL, with one of the texts of its `// refused: TEXT | TEXT` line in the compiler's output.
"""

import re
import subprocess
import sys


def main() -> int:
    file, command = sys.argv[1], sys.argv[sys.argv.index("--") + 1:]
    with open(file, encoding="utf-8") as text:
        match = re.search(r"^// refused: (.+)$", text.read(), re.M)
    if not match:
        print(f"{file}: no line '// refused: TEXT'")
        return 1
    wanted = [word.strip() for word in match.group(1).split("|")]

    good = subprocess.run(command + [file], capture_output=True, text=True)
    if good.returncode:
        print(f"{file} does not compile even without MUST_FAIL:\n{good.stderr}")
        return 1
    bad = subprocess.run(command + ["-DMUST_FAIL", file], capture_output=True, text=True)
    if bad.returncode == 0:
        print(f"{file} compiles with MUST_FAIL: the type system no longer refuses it")
        return 1
    if not any(word in bad.stderr for word in wanted):
        print(f"{file} fails, but for another reason than {wanted}:\n{bad.stderr}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
