"""What amspec writes, what it finds outside SPEC.md, and how a link is reviewed."""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOOL = Path(__file__).resolve().parents[1] / "amspec"
sys.path.insert(0, str(TOOL))

import emit  # noqa: E402
import parse  # noqa: E402
import references  # noqa: E402
import review  # noqa: E402

TEXT = '''# Title

Revision 1.0. Text.

## Section

<a id="AM-XY-001"></a>**AM-XY-001** A relay MUST reject `"` and \\ alike.
`role=relay polarity=reject since=1.0 set=core by=wire,vector src="cat 1"`

<a id="AM-XY-002"></a>**AM-XY-002** A relay MUST NOT wait.
`role=relay polarity=absent since=1.0 set=hardened by=review src="cat 2" reviewer="editors" until=2030-01-01 reason="r"`

<a id="AM-XY-003"></a>**AM-XY-003** Withdrawn: never needed.
`withdrawn=1.0 since=1.0`
'''


def run(*arguments, root):
    return subprocess.run([sys.executable, str(TOOL), "--root", str(root), *arguments], capture_output=True, text=True)


class Repository(unittest.TestCase):
    """A small repository in a folder of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.put("SPEC.md", TEXT)

    def put(self, path, text):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return target


class Output(Repository):
    def test_json_carries_every_member_and_the_set_digests(self):
        spec = parse.parse(TEXT)
        self.assertEqual(spec.faults, [])
        document = json.loads(emit.json_text(spec))
        self.assertEqual([r["id"] for r in document["requirements"]], ["AM-XY-001", "AM-XY-002"])
        self.assertEqual(document["withdrawn"], ["AM-XY-003"])
        self.assertEqual(document["sets"]["core"]["count"], 1)
        self.assertEqual(document["sets"]["hardened"]["count"], 2, "hardened contains core")
        self.assertEqual(document["requirements"][1]["reviewer"], "editors")

    def test_the_header_escapes_the_sentence_and_types_the_polarity(self):
        header = emit.header_text(parse.parse(TEXT))
        self.assertIn(r'"A relay MUST reject `\"` and \\ alike."', header)
        self.assertIn("AM_XY_002", header)
        self.assertRegex(header, r"polarity::absent[^\n]* AM_XY_002")

    def test_a_set_digest_follows_its_own_clauses(self):
        before = parse.parse(TEXT)
        after = parse.parse(TEXT.replace("MUST NOT wait", "MUST NOT sleep"))
        self.assertEqual(before.set_digest("core"), after.set_digest("core"))
        self.assertNotEqual(before.set_digest("hardened"), after.set_digest("hardened"))

    def test_a_broken_text_writes_nothing(self):
        self.put("SPEC.md", TEXT.replace("MUST NOT wait", "waits"))
        result = run("header", "--output", str(self.root / "out.hpp"), root=self.root)
        self.assertEqual(result.returncode, 1)
        self.assertIn("SPEC.md:10: AM-XY-002 has 0 keywords", result.stderr)
        self.assertFalse((self.root / "out.hpp").exists())

    def test_an_unchanged_header_keeps_its_time(self):
        target = self.root / "out.hpp"
        self.assertEqual(run("header", "--output", str(target), root=self.root).returncode, 0)
        before = target.stat().st_mtime_ns
        self.assertEqual(run("header", "--output", str(target), root=self.root).returncode, 0)
        self.assertEqual(target.stat().st_mtime_ns, before)

    def test_a_missing_specification_is_a_usage_error(self):
        (self.root / "SPEC.md").unlink()
        self.assertEqual(run("check", root=self.root).returncode, 3)

    def test_explain_shows_one_clause_and_refuses_an_unknown_one(self):
        self.assertIn("A relay MUST NOT wait.", run("explain", "AM-XY-002", root=self.root).stdout)
        self.assertEqual(run("explain", "AM-XY-999", root=self.root).returncode, 3)


class References(Repository):
    def check(self):
        return [str(fault) for fault in references.dangling(self.root, parse.parse(TEXT))]

    def test_known_ids_in_both_spellings_pass(self):
        self.put("include/a.hpp", "// @spec AM-XY-001\nAM_XY_002\n")
        self.assertEqual(self.check(), [])

    def test_an_unknown_id_is_found_in_each_folder(self):
        for folder in ("include", "conformance", "vectors", "schemas", "fuzz", "tests"):
            with self.subTest(folder):
                target = self.put(f"{folder}/deep/file.json", '{"req": "AM-XY-404"}')
                self.assertEqual(self.check(), [f"{folder}/deep/file.json:1: AM-XY-404 is not in SPEC.md"])
                target.unlink()

    def test_a_withdrawn_id_may_not_be_used(self):
        self.put("tests/a.cpp", "\n[AM-XY-003]")
        self.assertEqual(self.check(), ["tests/a.cpp:2: AM-XY-003 was withdrawn"])

    def test_check_counts_faults_of_both_kinds(self):
        self.put("tests/a.cpp", "AM_XY_404")
        result = run("check", root=self.root)
        self.assertEqual(result.returncode, 1)
        self.assertIn("2 requirements, 2 MUST, 1 withdrawn: 1 fault", result.stdout)


class Review(Repository):
    links = {"case A-B-001": ["AM-XY-001", "AM-XY-002"], "vector vectors/x.json": ["AM-XY-001"]}

    def edited(self):
        return parse.parse(TEXT.replace("MUST reject", "MUST always reject"))

    def recorded(self):
        return review.update(parse.parse(TEXT), self.links, {}, set(), True)[0]

    def test_new_links_are_recorded_on_request_only(self):
        self.assertEqual(review.update(parse.parse(TEXT), self.links, {}, set(), False), ({}, 0))
        self.assertEqual(review.update(parse.parse(TEXT), self.links, {}, set(), True)[1], 3)

    def test_an_edited_clause_stays_suspect_until_its_artefact_is_accepted(self):
        spec, before = self.edited(), self.recorded()
        kept, changes = review.update(spec, self.links, before, set(), True)
        self.assertEqual((kept, changes), (before, 0), "--accept-new does not touch a changed clause")
        after, changes = review.update(spec, self.links, before, {"case A-B-001"}, False)
        self.assertEqual(changes, 1)
        self.assertEqual(after["case A-B-001"]["AM-XY-001"], spec.find("AM-XY-001").sha256)
        self.assertEqual(after["vector vectors/x.json"], before["vector vectors/x.json"], "the other link stays suspect")

    def test_a_link_that_is_gone_is_forgotten(self):
        after, _ = review.update(parse.parse(TEXT), {"case A-B-001": ["AM-XY-001"]}, self.recorded(), set(), False)
        self.assertEqual(list(after), ["case A-B-001"])
        self.assertEqual(list(after["case A-B-001"]), ["AM-XY-001"])

    def test_the_command_refuses_an_unknown_artefact_and_bad_input(self):
        links = self.put("links.json", json.dumps({"links": [
            {"artifact": "case A-B-001", "requirement": "AM-XY-001", "ledger": True},
            {"artifact": "vector vectors/x.json", "requirement": "AM-XY-001", "ledger": False}]}))
        (self.root / "conformance").mkdir()
        self.assertEqual(run("review", "--links", str(links), "--accept", "case NO", root=self.root).returncode, 3)
        self.assertEqual(run("review", "--links", str(links), "--accept", "case A-B-001", root=self.root).returncode, 0)
        self.assertEqual(list(json.loads((self.root / "conformance/reviewed.json").read_text())), ["case A-B-001"])
        refused = run("review", "--links", str(links), "--accept", "vector vectors/x.json", root=self.root)
        self.assertEqual(refused.returncode, 3, "a vector file states the sentences it was written against itself")
        links.write_text("[]")
        self.assertEqual(run("review", "--links", str(links), "--accept-new", root=self.root).returncode, 3)


class OwnSpecification(unittest.TestCase):
    def test_the_specification_of_this_repository_is_clean(self):
        root = TOOL.parents[1]
        spec = parse.parse((root / "SPEC.md").read_text(encoding="utf-8"))
        self.assertEqual(spec.faults, [])
        self.assertGreater(len(spec.requirements), 200)


if __name__ == "__main__":
    unittest.main()
