"""What a specification consists of once it has been read: requirements, and the faults found on the way."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

KEYWORDS = ("MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY")
ROLES = ("any", "relay", "registry", "client", "agent")
POLARITIES = ("accept", "reject", "produce", "absent")
SETS = ("core", "hardened", "library")
OBSERVABLE_BY = ("wire", "vector", "schema", "fuzz", "review")

# The members of a tag line, in the order in which they are written.
MEMBERS = ("role", "polarity", "since", "set", "by", "src")
REVIEW_MEMBERS = ("reviewer", "until", "reason")
TOMBSTONE_MEMBERS = ("withdrawn", "since")


@dataclass(frozen=True)
class Fault:
    """One reason to refuse a text, with the place where a person finds it."""

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


@dataclass(frozen=True)
class Requirement:
    id: str
    keyword: str
    polarity: str
    role: str
    since: str
    set: str
    by: tuple[str, ...]
    src: str
    sentence: str
    section: str
    line: int
    reviewer: str = ""
    until: str = ""
    reason: str = ""

    @property
    def area(self) -> str:
        return self.id.split("-")[1]

    @property
    def level(self) -> str:
        """The keyword without its negation: what a verdict depends on."""
        return self.keyword.split()[0]

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sentence.encode()).hexdigest()

    @property
    def sources(self) -> dict[str, list[str]]:
        """Rows named by `src`: {"cat": ["41"], "T": ["3", "4"]}; ranges are written out."""
        found: dict[str, list[str]] = {}
        for part in self.src.split("; "):
            kind, rest = ("T", part) if part.startswith("T") else part.split(" ", 1)
            for item in rest.split(", "):
                found.setdefault(kind, []).extend(_expand(item.removeprefix("T")))
        return found


def _expand(item: str) -> list[str]:
    first, dash, last = item.partition("-")
    if dash and first.isdigit() and last.isdigit():
        return [str(number) for number in range(int(first), int(last) + 1)]
    return [item]


@dataclass
class Specification:
    revision: str = ""
    sha256: str = ""
    requirements: list[Requirement] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def find(self, requirement_id: str) -> Requirement | None:
        return next((r for r in self.requirements if r.id == requirement_id), None)

    def in_set(self, name: str, target: str = "relay") -> list[Requirement]:
        """`hardened` contains `core`; `library` stands alone. A registry has sets of its own."""
        names = ("core", "hardened") if name == "hardened" else (name,)
        return [r for r in self.requirements
                if r.set in names and (name == "library" or (r.role == "registry") == (target == "registry"))]

    def set_digest(self, name: str, target: str = "relay") -> str:
        """Changes when a requirement enters or leaves the set, or when its keyword or sentence changes."""
        lines = sorted(f"{r.id} {r.keyword} {r.sha256}\n" for r in self.in_set(name, target))
        return hashlib.sha256("".join(lines).encode()).hexdigest()
