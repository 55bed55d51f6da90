"""Documents, rules and conditions of a pack: what one entry must have, refused with file, line and key."""

from __future__ import annotations

import datetime as dt

import pytest
from pydantic import ValidationError

from controllines.rules.models import Basis, Document, Rule, Tag, Where, tag_of, within
from tests.rules.county import Write, told, where


@pytest.mark.parametrize(
    ("old", "new", "key", "line", "says"),
    [
        ('verification = "V"', 'verification = "W"', "rules.TKX-01.basis.0.verification", 13, "W"),
        ('verification = "V"', 'verification = "U"', "rules.TKX-01", 7, "undetermined"),
        ('verification = "V"', 'verification = "Vf"', "rules.TKX-01", 7, "note"),
        ('\n  { document = "LML", article = "第四条", verification = "V" },\n', "", "rules.TKX-01", 7, "basis"),
        ('conclusion = "须落实县级意见"', 'conclusion = ""', "rules.TKX-01", 7, "zh"),
        ("{outside}", "{area}", "rules.TKX-01.zh.fact", 15, "{area}"),
        ("{outside}", "{outside:.2f}", "rules.TKX-01.zh.fact", 15, "outside"),
        ('conclusion = "须落实县级意见"', 'conclusion = ""', "rules.TKX-01", 7, "conclusion"),
        ('level = "conditional"', 'level = "approval"', "rules.TKX-01", 7, "authority"),
        ('level = "conditional"', 'level = "undetermined"', "rules.TKX-01", 7, "question"),
        ('level = "conditional"', 'level = "conditional"\nvalid_from = 2026-02-01\nvalid_to = 2026-01-31',
         "rules.TKX-01", 7, "valid_to"),
        (*where('side = "inside", classes = ["special"], except_classes = ["flexible"]'), "rules.TKX-01.where.0", 12,
         "except_classes"),
        (*where('side = "inside", within = { line = "permanent_farmland" }, without = { line = "nature_reserve" }'),
         "rules.TKX-01.where.0", 12, "within 与 without"),
        (*where("share_above = 1.5"), "rules.TKX-01.where.0.share_above", 12, "不能大于"),
        (*where("share_at_most = 1.5"), "rules.TKX-01.where.0.share_at_most", 12, "不能大于"),
        (*where("depth_above_m = -1"), "rules.TKX-01.where.0.depth_above_m", 12, "不能小于"),
        ('level = "conditional"', 'level = "conditional"\nwhere = { above_m2 = -1 }',
         "rules.TKX-01.where.0.above_m2", 12, "不能小于"),
    ],
)  # fmt: skip
def test_an_entry_that_is_not_sound_is_refused(
    write: Write, old: str, new: str, key: str, line: int, says: str
) -> None:
    at, message = told(write, old, new)
    assert at == ("county.toml", line, key)
    assert says in message


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


@pytest.mark.parametrize(
    ("first", "last", "inside"),
    [("2026-02-11", None, True), ("2026-02-12", None, False), (None, "2026-02-11", True), (None, "2026-02-10", False),
     (None, None, True), ("2026-02-11", "2026-02-11", True)],
)  # fmt: skip
def test_first_and_last_day_are_both_in_force(first: str | None, last: str | None, inside: bool) -> None:
    ends = [None if end is None else day(end) for end in (first, last)]
    assert within(day("2026-02-11"), *ends) is inside
    document = Document(title="t", confidence="V", in_force_from=ends[0], in_force_until=ends[1])
    assert document.in_force(day("2026-02-11")) is inside


@pytest.mark.parametrize(
    ("confidence", "clauses", "tag"),
    [(None, (), None), ("V2", (), "V2"), (None, ("U", "V"), "V"), (None, ("Vf", "code"), "code"),
     ("Vf", ("V", "V2"), "Vf"), ("V", ("U",), "U")],
)  # fmt: skip
def test_a_rule_is_known_as_well_as_its_best_clause_and_no_better_than_its_row(
    confidence: Tag | None, clauses: tuple[Tag, ...], tag: Tag | None
) -> None:
    assert tag_of(confidence, [Basis(document="D", verification=item) for item in clauses]) == tag


def test_a_rule_names_the_pairs_of_lines_it_lays_over_each_other() -> None:
    said = {"fact": "f", "conclusion": "c"}
    over = [{"side": "inside", "within": {"line": "nature_reserve", "classes": ["core"]}},
            {"line": "land_use", "without": {"line": "permanent_farmland"}},
            {"line": "permanent_farmland", "without": {"line": "urban_boundary"}}]  # fmt: skip
    rule = Rule.model_validate({"title": "t", "line": "ecological_redline", "level": "prohibited", "confidence": "V",
                                "where": over, "zh": said, "en": said})  # fmt: skip
    # land classes are measured inside every line by themselves: nothing to lay over each other
    assert list(rule.pairs()) == [("ecological_redline", "nature_reserve"), ("permanent_farmland", "urban_boundary")]
    assert [where.of_inside for where in rule.where] == [True, True, True]
    assert not Where(above_m2=1.0).of_inside


def test_nothing_changes_after_loading() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Where().side = "inside"  # type: ignore[misc]
