"""Finds requirement ids outside SPEC.md that SPEC.md does not define."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Iterator

from model import Fault, Specification

FOLDERS = ("include", "apps", "conformance", "vectors", "schemas", "fuzz", "tests", "docs", "examples")
SUFFIXES = (".hpp", ".ipp", ".cpp", ".py", ".json", ".toml", ".md", ".cmake", ".txt", ".sh")
# The harness's own protocol has rules of this area, each anchored in one document.
SHIM_RULES = "docs/shim-protocol.md"
ANCHOR = re.compile(r'<a id="(AM-SHM-[0-9]{3})"></a>')
REFERENCE = re.compile(r"\bAM([-_])([A-Z][A-Z0-9]*)\1([0-9]{3})\b")


def dangling(root: Path, spec: Specification) -> Iterator[Fault]:
    """Every mention of an id that is not defined, or that was withdrawn, in text order."""
    known = {r.id for r in spec.requirements}
    shims = root / SHIM_RULES
    if shims.is_file():
        known.update(ANCHOR.findall(shims.read_text(encoding="utf-8")))
    withdrawn = set(spec.withdrawn)
    for path in _files(root):
        text = path.read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.split("\n"), 1):
            for match in REFERENCE.finditer(line):
                name = f"AM-{match[2]}-{match[3]}"
                where = str(path.relative_to(root))
                if name in withdrawn:
                    yield Fault(where, number, f"{name} was withdrawn")
                elif name not in known:
                    yield Fault(where, number, f"{name} is not in SPEC.md")


def _files(root: Path) -> Iterator[Path]:
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and path.suffix in SUFFIXES:
                yield path
