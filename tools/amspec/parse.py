"""Reads SPEC.md.

A requirement is two lines:

    <a id="AM-ENC-001"></a>**AM-ENC-001** A reader of hexadecimal MUST reject an odd number of digits.
    `role=any polarity=reject since=1.0 set=library by=vector,fuzz src="cat 41"`

A withdrawn one keeps its anchor and says why; its id is never used again:

    <a id="AM-ENC-009"></a>**AM-ENC-009** Withdrawn: covered by AM-ENC-006.
    `withdrawn=1.1 since=1.0`

Everything else explains, and may hold neither a keyword of RFC 2119 nor a lower-case "must" or "shall".
"""

from __future__ import annotations

import hashlib
import re

from model import (KEYWORDS, MEMBERS, OBSERVABLE_BY, POLARITIES, REVIEW_MEMBERS, ROLES, SETS, TOMBSTONE_MEMBERS, Fault,
                   Requirement, Specification)

ID = r"AM-[A-Z][A-Z0-9]*-[0-9]{3}"
REFERENCE = re.compile(rf"\b{ID}\b")
LEAD = re.compile(r'^<a id="([^"]*)"></a>\*\*([^*]*)\*\* (.*)$')
KEYWORD = re.compile(r"\b(MUST NOT|MUST|SHOULD NOT|SHOULD|MAY)\b")
FOREIGN_KEYWORD = re.compile(r"\b(SHALL NOT|SHALL|REQUIRED|RECOMMENDED|OPTIONAL|must|shall)\b")
TAG_MEMBER = re.compile(r'([a-z]+)=(?:"([^"]*)"|([^\s"]+))(?:\s+|$)')
CODE_SPAN = re.compile(r"`[^`]*`")
REVISION = re.compile(r"^Revision (\d+\.\d+)\.")
DATE = re.compile(r"^\d{4}-\d{2}-\d{2}$")
VERSION = re.compile(r"^\d+\.\d+$")
SOURCE = re.compile(r"^(?:ruling \d+(?:, \d+)*|cat \d+(?:-\d+)?(?:, \d+(?:-\d+)?)*|T\d+(?:, T\d+)*|facts \d+|issue \d+"
                    r"|row [A-Z]\d+|design \d+\.\d+|RFC \d+(?: section \d+(?:\.\d+)*)?)$")
SECOND_SENTENCE = re.compile(r"[.!?] +[A-Z]")


def parse(text: str, path: str = "SPEC.md") -> Specification:
    """Never raises on a bad text: what is wrong with it stands in `faults`."""
    spec = Specification(sha256=hashlib.sha256(text.encode()).hexdigest())
    _Reader(text.split("\n"), path, spec).run()
    return spec


class _Reader:
    def __init__(self, lines: list[str], path: str, spec: Specification) -> None:
        self.lines, self.path, self.spec = lines, path, spec
        self.section = ""
        self.last_number: dict[str, int] = {}  # area -> highest number so far
        self.first_line: dict[str, int] = {}  # id -> line of its anchor

    def fault(self, line: int, text: str) -> None:
        self.spec.faults.append(Fault(self.path, line, text))

    def run(self) -> None:
        fenced = False
        references: list[tuple[int, str]] = []
        at = 0
        while at < len(self.lines):
            line, number = self.lines[at], at + 1
            at += 1
            if line.startswith("```"):
                fenced = not fenced
            elif fenced:
                continue
            elif "<a id=" in line:
                tag = self.lines[at] if at < len(self.lines) else ""
                if self.requirement(number, line, tag):
                    at += 1
            else:
                self.prose(number, line)
            references += [(number, found) for found in REFERENCE.findall(line)]
        if not self.spec.revision:
            self.fault(1, 'no line "Revision N.N." before the first requirement')
        known = self.first_line
        for number, reference in references:
            if reference not in known:
                self.fault(number, f"{reference} is named but not defined")

    def prose(self, number: int, line: str) -> None:
        if line.startswith("#"):
            self.section = line.lstrip("#").strip()
        if not self.spec.revision and (found := REVISION.match(line)):
            self.spec.revision = found[1]
        if line.startswith("**AM-"):
            self.fault(number, "a requirement without an anchor before it")
        if re.match(r"^`[a-z]+=", line):
            self.fault(number, "a tag line without a requirement above it")
        bare = CODE_SPAN.sub("", line)
        for found in KEYWORD.findall(bare):
            self.fault(number, f"{found} outside a tagged sentence")
        self.foreign_keywords(number, bare)

    def foreign_keywords(self, number: int, bare: str) -> None:
        for found in FOREIGN_KEYWORD.findall(bare):
            self.fault(number, f'"{found}" is not a keyword of this specification; reword the sentence')

    def requirement(self, number: int, line: str, tag_line: str) -> bool:
        """Reads the two lines of a requirement; true if the second was its tag line."""
        lead = LEAD.match(line)
        if not lead:
            self.fault(number, "an anchor that does not lead a requirement")
            return False
        anchor, name, sentence = lead.groups()
        if anchor != name:
            self.fault(number, f"anchor {anchor} does not match {name}")
        if not re.fullmatch(ID, name):
            self.fault(number, f'"{name}" is not of the form AM-AREA-nnn')
            return tag_line.startswith("`")
        self.order(number, name)
        if not (tag_line.startswith("`") and tag_line.rstrip().endswith("`")):
            self.fault(number, f"{name} has no tag line")
            return False
        tag = self.tag(number + 1, name, tag_line.strip().strip("`"))
        if "withdrawn" in tag:
            self.tombstone(number, name, sentence, tag)
        else:
            self.live(number, name, sentence, tag)
        return True

    def order(self, number: int, name: str) -> None:
        if name in self.first_line:
            self.fault(number, f"{name} is already defined in line {self.first_line[name]}")
            return
        self.first_line[name] = number
        area, count = name.split("-")[1], int(name.rsplit("-", 1)[1])
        if count <= self.last_number.get(area, 0):
            self.fault(number, f"{name} stands after AM-{area}-{self.last_number[area]:03}")
        self.last_number[area] = max(count, self.last_number.get(area, 0))

    def tag(self, number: int, name: str, text: str) -> dict[str, str]:
        tag: dict[str, str] = {}
        end = 0
        for found in TAG_MEMBER.finditer(text):
            if found.start() != end:
                break
            end = found.end()
            member, value = found[1], found[2] if found[2] is not None else found[3]
            if member in tag:
                self.fault(number, f"{name}: tag member {member} stands twice")
            tag[member] = value
        if end != len(text):
            self.fault(number, f"{name}: cannot read the tag line from `{text[end:][:40]}`")
        return tag

    def members(self, number: int, name: str, tag: dict[str, str], wanted: tuple[str, ...]) -> bool:
        complete = True
        for member in wanted:
            if not tag.get(member):
                self.fault(number, f"{name}: tag member {member} is missing")
                complete = False
        for member in tag:
            if member not in wanted:
                self.fault(number, f"{name}: tag member {member} is unknown here")
        return complete

    def tombstone(self, number: int, name: str, sentence: str, tag: dict[str, str]) -> None:
        self.members(number + 1, name, tag, TOMBSTONE_MEMBERS)
        if not sentence.startswith("Withdrawn: "):
            self.fault(number, f'{name} is withdrawn, but its text does not begin with "Withdrawn: " and the reason')
        bare = CODE_SPAN.sub("", sentence)
        if KEYWORD.search(bare):
            self.fault(number, f"{name} is withdrawn, but its text holds a keyword")
        self.foreign_keywords(number, bare)
        self.spec.withdrawn.append(name)

    def live(self, number: int, name: str, sentence: str, tag: dict[str, str]) -> None:
        keyword = self.keyword(number, name, sentence)
        review = "review" in tag.get("by", "").split(",")
        complete = self.members(number + 1, name, tag, MEMBERS + (REVIEW_MEMBERS if review else ()))
        if not (complete and keyword and self.values(number + 1, name, tag, review)):
            return
        if (tag["polarity"] == "absent") != keyword.endswith("NOT"):
            self.fault(number, f"{name}: {keyword} does not go with polarity {tag['polarity']}")
        self.spec.requirements.append(
            Requirement(id=name, keyword=keyword, polarity=tag["polarity"], role=tag["role"], since=tag["since"],
                        set=tag["set"], by=tuple(tag["by"].split(",")), src=tag["src"], sentence=sentence,
                        section=re.sub(r" \{.*\}$", "", self.section), line=number,
                        **{member: tag.get(member, "") for member in REVIEW_MEMBERS}))

    def keyword(self, number: int, name: str, sentence: str) -> str:
        """The one keyword of a sentence, or "" after saying what is wrong with it."""
        bare = CODE_SPAN.sub("", sentence)
        self.foreign_keywords(number, bare)
        if not sentence.endswith(".") or SECOND_SENTENCE.search(bare):
            self.fault(number, f"{name} is not one sentence that ends with a full stop")
        found = KEYWORD.findall(bare)
        if len(found) != 1:
            self.fault(number, f"{name} has {len(found)} keywords, not one" + (f": {', '.join(found)}" if found else ""))
            return ""
        assert found[0] in KEYWORDS
        return found[0]

    def values(self, number: int, name: str, tag: dict[str, str], review: bool) -> bool:
        before = len(self.spec.faults)
        for member, allowed in (("role", ROLES), ("polarity", POLARITIES), ("set", SETS)):
            if tag[member] not in allowed:
                self.fault(number, f"{name}: {member}={tag[member]} is none of {', '.join(allowed)}")
        by = tag["by"].split(",")
        for way in by:
            if way not in OBSERVABLE_BY:
                self.fault(number, f"{name}: by={way} is none of {', '.join(OBSERVABLE_BY)}")
        if len(set(by)) != len(by):
            self.fault(number, f"{name}: by={tag['by']} repeats a word")
        if not VERSION.match(tag["since"]):
            self.fault(number, f"{name}: since={tag['since']} is not a revision")
        elif self.spec.revision and _revision(tag["since"]) > _revision(self.spec.revision):
            self.fault(number, f"{name}: since={tag['since']} is later than this revision, {self.spec.revision}")
        for part in tag["src"].split("; "):
            if not SOURCE.match(part):
                self.fault(number, f'{name}: src part "{part}" has none of the known forms')
        if review and not DATE.match(tag["until"]):
            self.fault(number, f"{name}: until={tag['until']} is not a date")
        return len(self.spec.faults) == before


def _revision(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))
