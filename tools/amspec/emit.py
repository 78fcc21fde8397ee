"""Renders a specification for programs: JSON, and a C++ header in which a clause's polarity is part of its type."""

from __future__ import annotations

import json

from model import SETS, Requirement, Specification

HEADER_TOP = """\
// Generated from SPEC.md by tools/amspec; edit SPEC.md instead.
#pragma once

#include "conformance/engine/requirement.hpp"

#include <array>
#include <string_view>

/// One constant a requirement of SPEC.md; its type says which oracle may judge it.
namespace agentmesh::conformance::req {{

inline constexpr std::string_view spec_revision = "{revision}";
inline constexpr std::string_view spec_digest = "{sha256}";  // SHA-256 of SPEC.md

/// SHA-256 over the ids, keywords and sentence hashes of a set, hexadecimal; `hardened` contains `core`.
[[nodiscard]] constexpr std::string_view set_digest(requirement_set set, target_role of = target_role::relay) noexcept {{
    constexpr std::string_view digests[][{set_count}] = {{{{
{relay_digests}    }}, {{
{registry_digests}    }}}};
    return digests[static_cast<unsigned>(of)][static_cast<unsigned>(set)];
}}
"""

HEADER_BOTTOM = """
/// Every requirement, in the order of SPEC.md.
inline constexpr std::array<const clause*, {count}> all{{
{pointers}}};

/// Who answers for a requirement that only reading can prove, why, and until which day (YYYY-MM-DD).
struct review_record {{
    const clause* what;
    std::string_view reviewer, until, reason;
}};
inline constexpr std::array<review_record, {review_count}> reviews{{{{
{reviews}}}}};

/// Ids that were withdrawn and are never used again.
inline constexpr std::array<std::string_view, {withdrawn_count}> withdrawn{{{withdrawn}}};

}}  // namespace agentmesh::conformance::req
"""


def json_text(spec: Specification) -> str:
    document = {
        "spec": {"revision": spec.revision, "sha256": spec.sha256},
        "sets": {name: {"count": len(spec.in_set(name)), "digest": spec.set_digest(name)} for name in SETS},
        "registry_sets": {name: {"count": len(spec.in_set(name, "registry")), "digest": spec.set_digest(name, "registry")}
                          for name in SETS},
        "requirements": [_json_object(r) for r in spec.requirements],
        "withdrawn": spec.withdrawn,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _json_object(r: Requirement) -> dict[str, object]:
    found: dict[str, object] = {
        "id": r.id, "area": r.area, "keyword": r.keyword, "level": r.level, "polarity": r.polarity, "role": r.role,
        "since": r.since, "set": r.set, "by": list(r.by), "src": r.src, "sources": r.sources, "section": r.section,
        "sentence": r.sentence, "sha256": r.sha256, "line": r.line,
    }
    if "review" in r.by:
        found |= {"reviewer": r.reviewer, "until": r.until, "reason": r.reason}
    return found


def header_text(spec: Specification) -> str:
    digests = {target: "".join(f'        "{spec.set_digest(name, target)}",  // {name}\n' for name in SETS)
               for target in ("relay", "registry")}
    reviewed = [r for r in spec.requirements if r.reviewer]
    return "".join((
        HEADER_TOP.format(revision=spec.revision, sha256=spec.sha256, set_count=len(SETS),
                          relay_digests=digests["relay"], registry_digests=digests["registry"]),
        *(_object(r) for r in spec.requirements),
        HEADER_BOTTOM.format(
            count=len(spec.requirements), pointers="".join(f"    &{_name(r)},\n" for r in spec.requirements),
            review_count=len(reviewed), reviews="".join(_review(r) for r in reviewed),
            withdrawn_count=len(spec.withdrawn), withdrawn=", ".join(_literal(name) for name in spec.withdrawn))))


def _name(r: Requirement) -> str:
    return r.id.replace("-", "_")


def _object(r: Requirement) -> str:
    keyword = r.keyword.lower().replace(" ", "_")
    observed = " | ".join(f"by_{way}" for way in r.by)
    return (f"\n/// {r.sentence}\n"
            f"inline constexpr requirement<polarity::{r.polarity}, keyword::{keyword}> {_name(r)}{{{{\n"
            f"    .id = {_literal(r.id)},\n"
            f"    .level = keyword::{keyword},\n"
            f"    .pole = polarity::{r.polarity},\n"
            f"    .role = {_literal(r.role)},\n"
            f"    .set = requirement_set::{r.set},\n"
            f"    .by = {observed},\n"
            f"    .sentence = {_literal(r.sentence)},\n"
            f"    .hash = {_literal(r.sha256)},\n"
            f"    .source = {_literal(r.src)},\n"
            f"    .line = {r.line},\n"
            f"}}}};\n")


def _review(r: Requirement) -> str:
    return f"    {{&{_name(r)}, {_literal(r.reviewer)}, {_literal(r.until)},\n     {_literal(r.reason)}}},\n"


def _literal(text: str) -> str:
    """A C++ string literal of the UTF-8 text."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def explain_text(r: Requirement) -> str:
    lines = [f"{r.id}  {r.keyword}  {r.role}  set {r.set}  polarity {r.polarity}  by {', '.join(r.by)}",
             f"  {r.sentence}",
             f"  SPEC.md:{r.line}  {r.section}  since {r.since}  from {r.src}"]
    if r.reviewer:
        lines.append(f"  reviewed by {r.reviewer} until {r.until}: {r.reason}")
    return "\n".join(lines)
