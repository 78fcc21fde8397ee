"""conformance/reviewed.json: which sentence each link was last reviewed against.

    {"case RLY-STORE-007": {"AM-RLY-006": "<sha256 of the sentence>"}}

`amconf trace` compares these digests with SPEC.md of today. A clause that was edited since makes each of its links
suspect until a person reads the artefact again and says so here.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from model import Specification

FILE = Path("conformance") / "reviewed.json"


def run(root: Path, spec: Specification, links_path: Path, accepted: list[str], accept_new: bool) -> int:
    try:
        links = read_links(links_path)
        recorded = json.loads((root / FILE).read_text(encoding="utf-8")) if (root / FILE).exists() else {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"amspec: {error}", file=sys.stderr)
        return 3
    unknown = [artefact for artefact in accepted if artefact not in links]
    for artefact in unknown:
        print(f'amspec: no link named "{artefact}"; names look like "case RLY-STORE-007"', file=sys.stderr)
    if unknown:
        return 3
    updated, changes = update(spec, links, recorded, set(accepted), accept_new)
    (root / FILE).write_text(json.dumps(updated, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{changes} link{'' if changes == 1 else 's'} recorded in {FILE}")
    return 0


def read_links(path: Path) -> dict[str, list[str]]:
    """artefact -> ids, from the JSON of `amconf trace`; links that state a digest themselves are left out."""
    links: dict[str, list[str]] = {}
    for link in json.loads(path.read_text(encoding="utf-8"))["links"]:
        if link["ledger"]:
            links.setdefault(link["artifact"], []).append(link["requirement"])
    return links


def update(spec: Specification, links: dict[str, list[str]], recorded: dict[str, dict[str, str]], accepted: set[str],
           accept_new: bool) -> tuple[dict[str, dict[str, str]], int]:
    """The new content of reviewed.json and how many digests in it are new or changed.

    Links that no longer exist are dropped: nothing depends on them.
    """
    now = {r.id: r.sha256 for r in spec.requirements}
    updated: dict[str, dict[str, str]] = {}
    changes = 0
    for artefact, ids in links.items():
        before = recorded.get(artefact, {})
        after: dict[str, str] = {}
        for name in ids:
            if name not in now:
                continue
            reviewed = artefact in accepted or (accept_new and name not in before)
            if reviewed:
                after[name] = now[name]
                changes += before.get(name) != now[name]
            elif name in before:
                after[name] = before[name]
        if after:
            updated[artefact] = after
    return updated, changes
