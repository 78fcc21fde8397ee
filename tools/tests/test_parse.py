"""amspec refuses each kind of broken specification, and says in which line."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "amspec"))

import parse  # noqa: E402

TAG = '`role=relay polarity=reject since=1.0 set=core by=wire src="ruling 16; T2; cat 8"`'


def clause(name="AM-AUT-001", sentence="A relay MUST reject it.", tag=TAG, anchor=None):
    return f'<a id="{anchor or name}"></a>**{name}** {sentence}\n{tag}\n'


def document(*parts):
    return "# Title\n\nRevision 1.0. Text.\n\n## Section {relay}\n\n" + "\n".join(parts)


def faults(*parts):
    return [fault.text for fault in parse.parse(document(*parts)).faults]


class Accepted(unittest.TestCase):
    def test_a_clause_keeps_what_its_two_lines_say(self):
        spec = parse.parse(document(clause()))
        self.assertEqual(spec.faults, [])
        found = spec.requirements[0]
        self.assertEqual((found.id, found.keyword, found.level, found.area), ("AM-AUT-001", "MUST", "MUST", "AUT"))
        self.assertEqual((found.polarity, found.role, found.set, found.by), ("reject", "relay", "core", ("wire",)))
        self.assertEqual((found.line, found.section), (7, "Section"))
        self.assertEqual(found.sources, {"ruling": ["16"], "T": ["2"], "cat": ["8"]})

    def test_must_not_counts_as_one_keyword(self):
        tag = TAG.replace("polarity=reject", "polarity=absent")
        spec = parse.parse(document(clause(sentence="A relay MUST NOT do it.", tag=tag)))
        self.assertEqual(spec.faults, [])
        self.assertEqual(spec.requirements[0].keyword, "MUST NOT")
        self.assertEqual(spec.requirements[0].level, "MUST")

    def test_a_range_of_catalogue_rows_is_written_out(self):
        tag = TAG.replace('src="ruling 16; T2; cat 8"', 'src="cat 61-63, 70"')
        self.assertEqual(parse.parse(document(clause(tag=tag))).requirements[0].sources, {"cat": ["61", "62", "63", "70"]})

    def test_a_tombstone_keeps_its_place_and_is_no_requirement(self):
        grave = clause("AM-AUT-001", "Withdrawn: covered by AM-AUT-002.", "`withdrawn=1.1 since=1.0`")
        spec = parse.parse(document(grave, clause("AM-AUT-002")))
        self.assertEqual(spec.faults, [])
        self.assertEqual(spec.withdrawn, ["AM-AUT-001"])
        self.assertEqual([r.id for r in spec.requirements], ["AM-AUT-002"])

    def test_a_code_span_may_hold_any_word(self):
        self.assertEqual(faults("The words `MUST` and `must` are quoted.\n", clause()), [])

    def test_the_hash_follows_the_sentence_alone(self):
        one = parse.parse(document(clause())).requirements[0]
        moved = parse.parse(document("A line of text.\n", clause(tag=TAG.replace("core", "hardened")))).requirements[0]
        edited = parse.parse(document(clause(sentence="A relay MUST reject that."))).requirements[0]
        self.assertEqual(one.sha256, moved.sha256)
        self.assertNotEqual(one.sha256, edited.sha256)


class Refused(unittest.TestCase):
    def assertFault(self, expected, *parts):
        found = faults(*parts)
        self.assertTrue(any(expected in text for text in found), found)

    def test_a_keyword_outside_a_tagged_sentence(self):
        for word in ("MUST", "MUST NOT", "SHOULD", "MAY"):
            with self.subTest(word):
                self.assertFault(f"{word} outside a tagged sentence", f"A relay {word} sleep.\n", clause())

    def test_lower_case_must_and_shall(self):
        self.assertFault('"must" is not a keyword', "A relay must sleep.\n", clause())
        self.assertFault('"shall" is not a keyword', clause(sentence="A relay shall know, and MUST reject it."))

    def test_keywords_this_specification_does_not_use(self):
        for word in ("SHALL", "REQUIRED", "RECOMMENDED", "OPTIONAL"):
            with self.subTest(word):
                self.assertFault(f'"{word}" is not a keyword', f"This is {word}.\n", clause())

    def test_two_keywords_in_one_sentence(self):
        self.assertFault("2 keywords", clause(sentence="A relay MUST reject it and SHOULD say why."))

    def test_no_keyword_in_a_sentence(self):
        self.assertFault("0 keywords", clause(sentence="A relay rejects it."))

    def test_two_sentences_in_one_clause(self):
        self.assertFault("not one sentence", clause(sentence="A relay MUST reject it. It says why."))
        self.assertFault("not one sentence", clause(sentence="A relay MUST reject it"))

    def test_a_duplicate_id(self):
        self.assertFault("already defined in line 7", clause(), clause())

    def test_an_id_out_of_order(self):
        self.assertFault("AM-AUT-001 stands after AM-AUT-002", clause("AM-AUT-002"), clause("AM-AUT-001"))

    def test_a_dangling_id_in_prose_and_in_a_clause(self):
        self.assertFault("AM-AUT-777 is named but not defined", "See AM-AUT-777.\n", clause())
        self.assertFault("AM-AUT-778 is named", clause(sentence="A relay MUST reject it as AM-AUT-778 says."))

    def test_an_anchor_that_does_not_match(self):
        self.assertFault("anchor AM-AUT-002 does not match AM-AUT-001", clause(anchor="AM-AUT-002"))

    def test_an_id_of_another_form(self):
        self.assertFault("not of the form", clause("AM-AUT-1"))

    def test_a_clause_without_an_anchor(self):
        self.assertFault("without an anchor", f"**AM-AUT-001** A relay waits.\n{TAG}\n")

    def test_a_missing_tag_line(self):
        self.assertFault("AM-AUT-001 has no tag line", clause(tag=""))

    def test_a_tag_line_of_no_clause(self):
        self.assertFault("without a requirement above it", TAG + "\n", clause())

    def test_each_missing_member(self):
        for member in ("role=relay ", "polarity=reject ", "since=1.0 ", "set=core ", "by=wire "):
            with self.subTest(member):
                self.assertFault(f"tag member {member.split('=')[0]} is missing", clause(tag=TAG.replace(member, "")))

    def test_an_unknown_member_and_a_repeated_one(self):
        self.assertFault("tag member colour is unknown", clause(tag=TAG.replace("`role", "`colour=red role")))
        self.assertFault("tag member role stands twice", clause(tag=TAG.replace("`role", "`role=any role")))

    def test_a_value_outside_its_list(self):
        for old, new in (("role=relay", "role=server"), ("polarity=reject", "polarity=maybe"), ("set=core", "set=soft"),
                         ("by=wire", "by=faith"), ("by=wire", "by=wire,wire"), ("since=1.0", "since=one"),
                         ("since=1.0", "since=1.1"), ("cat 8", "cats 8")):
            with self.subTest(new):
                self.assertTrue(faults(clause(tag=TAG.replace(old, new))))

    def test_a_polarity_that_contradicts_the_keyword(self):
        self.assertFault("MUST NOT does not go with polarity reject", clause(sentence="A relay MUST NOT do it."))

    def test_review_without_reviewer_date_or_reason(self):
        tag = TAG.replace("by=wire", "by=review")
        for member in ("reviewer", "until", "reason"):
            self.assertFault(f"tag member {member} is missing", clause(tag=tag))
        full = tag[:-1] + ' reviewer="editors" until=soon reason="none"`'
        self.assertFault("until=soon is not a date", clause(tag=full))

    def test_a_reviewer_where_nothing_is_reviewed(self):
        self.assertFault("tag member reviewer is unknown here", clause(tag=TAG[:-1] + ' reviewer="editors"`'))

    def test_a_tag_line_that_cannot_be_read(self):
        self.assertFault("cannot read the tag line", clause(tag=TAG.replace('src="ruling', 'src=ruling')))

    def test_a_tombstone_without_a_reason_or_with_a_keyword(self):
        self.assertFault("does not begin with", clause(sentence="Gone.", tag="`withdrawn=1.1 since=1.0`"))
        self.assertFault("its text holds a keyword",
                         clause(sentence="Withdrawn: a relay MUST rest.", tag="`withdrawn=1.1 since=1.0`"))

    def test_a_text_without_a_revision(self):
        self.assertTrue(parse.parse("# Title\n\n" + clause()).faults)


if __name__ == "__main__":
    unittest.main()
