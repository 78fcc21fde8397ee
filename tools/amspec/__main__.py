"""amspec: reads SPEC.md, says what is wrong with it, and writes what programs need from it.

    amspec check                                    exit 1 and one line a fault if anything is wrong
    amspec json   [--output FILE]                   requirements.json
    amspec header [--output FILE]                   conformance_requirements.hpp
    amspec explain AM-RLY-042                       one requirement, for people
    amspec review --links FILE --accept ARTIFACT    ARTIFACT was read again after a clause it rests on changed
    amspec review --links FILE --accept-new         record links that are new; changed clauses stay suspect

FILE of `review` is what `amconf trace --json FILE` wrote.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import emit
import parse
import references
import review
from model import Specification


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    spec_path = options.root / "SPEC.md"
    try:
        spec = parse.parse(spec_path.read_text(encoding="utf-8"), "SPEC.md")
    except (OSError, UnicodeDecodeError) as error:
        print(f"amspec: cannot read {spec_path}: {error}", file=sys.stderr)
        return 3
    return options.run(options, spec)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="amspec", description="Requirements of SPEC.md")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2], help="repository root")
    commands = parser.add_subparsers(required=True, metavar="command")
    for name, run, text in (("check", _check, "report every fault"), ("json", _json, "write requirements.json"),
                            ("header", _header, "write conformance_requirements.hpp"),
                            ("explain", _explain, "show one requirement"),
                            ("review", _review, "record that a link was reviewed")):
        command = commands.add_parser(name, help=text)
        command.set_defaults(run=run)
        if name in ("json", "header"):
            command.add_argument("--output", type=Path, help="file to write, standard output by default")
        if name == "explain":
            command.add_argument("id")
        if name == "review":
            command.add_argument("--links", type=Path, required=True, help="written by `amconf trace --json`")
            command.add_argument("--accept", action="append", default=[], metavar="ARTIFACT")
            command.add_argument("--accept-new", action="store_true")
    return parser


def _refused(spec: Specification) -> bool:
    for fault in spec.faults:
        print(fault, file=sys.stderr)
    return bool(spec.faults)


def _check(options: argparse.Namespace, spec: Specification) -> int:
    faults = spec.faults + list(references.dangling(options.root, spec))
    for fault in faults:
        print(fault)
    must = sum(r.level == "MUST" for r in spec.requirements)
    print(f"{len(spec.requirements)} requirements, {must} MUST, {len(spec.withdrawn)} withdrawn: "
          f"{len(faults)} fault{'' if len(faults) == 1 else 's'}")
    return 1 if faults else 0


def _json(options: argparse.Namespace, spec: Specification) -> int:
    return 1 if _refused(spec) else _write(options.output, emit.json_text(spec))


def _header(options: argparse.Namespace, spec: Specification) -> int:
    return 1 if _refused(spec) else _write(options.output, emit.header_text(spec))


def _write(path: Path | None, text: str) -> int:
    if path is None:
        sys.stdout.write(text)
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    # An unchanged file keeps its time stamp, so that nothing is compiled again for an edit of prose.
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
    return 0


def _explain(options: argparse.Namespace, spec: Specification) -> int:
    found = spec.find(options.id)
    if found is None:
        print(f"amspec: {options.id} is not in SPEC.md", file=sys.stderr)
        return 3
    print(emit.explain_text(found))
    return 0


def _review(options: argparse.Namespace, spec: Specification) -> int:
    if _refused(spec):
        return 1
    return review.run(options.root, spec, options.links, options.accept, options.accept_new)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
