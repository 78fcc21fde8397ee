#!/usr/bin/python3
"""Writes vectors/**/*.json and their Markdown sheets, byte for byte the same each time.

python3 tools/vectors/generate.py            write
python3 tools/vectors/generate.py --check    write nothing; exit 1 and name the files that would change
"""

import sys

from gen import (
    auth,
    canonical,
    certificates,
    capability,
    common,
    crypto,
    dht,
    encodings,
    envelope,
    identity,
    json_text,
    kex,
    knock,
    names,
    policy,
    ratchet,
    relay,
    replies,
    reputation,
    requests,
    times,
    uploads,
    websocket,
    wire,
)
from sheets import sheet

AREAS = (
    encodings,
    times,
    json_text,
    canonical,
    crypto,
    identity,
    certificates,
    auth,
    wire,
    websocket,
    relay,
    kex,
    ratchet,
    knock,
    policy,
    envelope,
    capability,
    reputation,
    requests,
    replies,
    uploads,
    names,
    dht,
)


def outputs():
    """Every file that the generator owns: path below the repository root, and text."""
    spec, ledger = common.sentences(), common.Ledger()
    for area in AREAS:
        for file in area.files(ledger):
            text = file.render(spec)
            if len(text) >= 400_000:
                raise SystemExit(f"{file.name}: {len(text)} bytes, at most 400,000 wanted")
            yield f"vectors/{file.name}.json", text
    yield "tools/vectors/ids.json", ledger.text()


def main(arguments):
    produced = dict(outputs())
    for path in sorted((common.ROOT / "vectors").rglob("*.json")):
        # Sheets are made for the vectors of other authors too.
        name = path.relative_to(common.ROOT).as_posix()
        produced.setdefault(name, path.read_text(encoding="utf-8"))
    for name in [n for n in produced if n.startswith("vectors/")]:
        stem = name.removeprefix("vectors/").removesuffix(".json")
        produced[f"vectors/sheets/{stem.replace('/', '-')}.md"] = sheet(stem, produced[name])
    changed = []
    for name, text in sorted(produced.items()):
        path = common.ROOT / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        changed.append(name)
        if "--check" not in arguments:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    print(f"{len(produced)} files, {len(changed)} changed" + "".join(f"\n  {name}" for name in changed))
    return 1 if changed and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
