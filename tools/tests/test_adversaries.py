"""docs/adversaries.md names requirements, vectors, files and tests that exist, and misses no row."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROWS = [*range(1, 40), *range(101, 133)]
NOT_SPOKEN = (115,)  # what does not exist cannot be attacked: among the open ones, and nowhere else
TEST = re.compile(r'(?:TEST_CASE|DYNAMIC_SECTION|SCENARIO)\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)')


def names_of_tests():
    out = set()
    for path in (ROOT / "tests").rglob("*.cpp"):
        for found in TEST.finditer(path.read_text(encoding="utf-8")):
            out.add("".join(re.findall(r'"((?:[^"\\]|\\.)*)"', found[1])).replace('\\"', '"'))
    return out


class Adversaries(unittest.TestCase):
    def setUp(self):
        text = (ROOT / "docs/adversaries.md").read_text(encoding="utf-8")
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
        self.rows = [row for row in rows if row[0].isdigit()]
        self.spec = (ROOT / "SPEC.md").read_text(encoding="utf-8")

    def test_every_row_is_there_once(self):
        self.assertEqual([int(row[0]) for row in self.rows if len(row) == 4], [r for r in ROWS if r not in NOT_SPOKEN])
        self.assertTrue(set(NOT_SPOKEN) <= {int(row[0]) for row in self.rows if len(row) == 2})
        for row in self.rows:
            self.assertIn(int(row[0]), ROWS)

    def test_every_requirement_exists(self):
        for row in self.rows:
            for name in re.findall(r"AM-[A-Z0-9]+-\d+", " ".join(row)):
                self.assertIn(f"**{name}**", self.spec, row[0])
        for row in self.rows:
            self.assertTrue(len(row) == 2 or re.search(r"AM-[A-Z0-9]+-\d+", row[2]), row[0])

    def test_every_case_exists(self):
        cases = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "conformance/cases").rglob("*.cpp"))
        for row in self.rows:
            for name in re.findall(r"\b(?!AM-)[A-Z][A-Z0-9]+-[A-Z0-9]+-\d{3}\b", row[-1]):
                self.assertIn(f'"{name}"', cases, row[0])

    def test_every_proof_exists(self):
        known = names_of_tests()
        for row in (row for row in self.rows if len(row) == 4):
            tests = re.findall(r'"([^"]+)"', row[3])
            rest = re.sub(r'"[^"]+"', "", row[3])
            files = [ROOT / name for name in re.findall(r"`([^`]+)`", rest)]
            vectors = re.findall(r"\b[a-z]+/[a-z0-9_]+\b", re.sub(r"`[^`]+`", "", rest))
            files += [ROOT / f"vectors/{name}.json" for name in vectors]
            self.assertTrue(tests or files, row[0])
            for name in tests:
                self.assertIn(name, known, row[0])
            for path in files:
                self.assertTrue(path.is_file(), f"{row[0]}: {path}")


if __name__ == "__main__":
    unittest.main()
