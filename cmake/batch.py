#!/usr/bin/env python3
"""Writes one translation unit that includes several files: batch.py OUTPUT ROOT FILE...

All headers the files name come first, outside of every namespace; each file then stands in a namespace of its own, where its
own includes find everything included already. So two files may use the same names. `batch.py --alone FILE...` prints which
files cannot be taken in this way, separated by semicolons: those with other directives than #include, and those that open a
namespace of others or specialise their templates.

Each fuzz target X gets the entry point fuzz_X instead of the common one.
"""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^#include ([<"][^>"]+[>"])')
ALONE = re.compile(r'^(#(?!include [<"]|pragma once)|namespace (?!\{)|template <>|int main\b|inline namespace |\S.* operator (new|delete)|'
                   r'extern (?!"C" int LLVMFuzzerTestOneInput))')


def stands_alone(path: pathlib.Path) -> bool:
    return any(ALONE.match(line) for line in path.read_text(encoding='utf-8').splitlines())


def spelled(name: str, source: pathlib.Path, root: pathlib.Path) -> str:
    """The name of a header beside its source, as seen from the root."""
    beside = source.parent / name[1:-1]
    if name[0] == '"' and beside.is_file():
        return '"' + beside.resolve().relative_to(root).as_posix() + '"'
    return name


def batch(root: pathlib.Path, sources: list[pathlib.Path]) -> str:
    headers: dict[str, None] = {}
    bodies = []
    for number, source in enumerate(sources, 1):
        for line in source.read_text(encoding='utf-8').splitlines():
            if found := INCLUDE.match(line):
                headers[spelled(found[1], source, root)] = None
        include = f'#include "{source.relative_to(root).as_posix()}"'
        # What came to stand alone since the build was configured is taken in as it is.
        body = include if stands_alone(source) else f'namespace file_{number} {{\n{include}\n}}'
        if 'LLVMFuzzerTestOneInput(' in source.read_text(encoding='utf-8'):
            body = f'#define LLVMFuzzerTestOneInput fuzz_{source.stem}\n{body}\n#undef LLVMFuzzerTestOneInput'
        bodies.append(body)
    return '\n'.join([*(f'#include {name}' for name in headers), *bodies, ''])


def main() -> int:
    if sys.argv[1] == '--alone':
        print(';'.join(name for name in sys.argv[2:] if stands_alone(pathlib.Path(name))), end='')
        return 0
    root = pathlib.Path(sys.argv[2]).resolve()
    sources = [pathlib.Path(name).resolve() for name in sys.argv[3:]]
    pathlib.Path(sys.argv[1]).write_text(batch(root, sources), encoding='utf-8')
    return 0


if __name__ == '__main__':
    sys.exit(main())
