"""What a pack names must exist: each reference that leads nowhere is told with file, line and key."""

from __future__ import annotations

import pytest

from controllines.rules.checks import problems
from controllines.rules.models import Rule
from tests.rules.cases import NATIONAL
from tests.rules.county import HEAD, RULE, Write, faults, place, told, where


def test_overrides_must_not_go_round(write: Write) -> None:
    second = RULE.replace("TKX-01", "TKX-02").replace("level =", 'overrides = ["TKX-01"]\nlevel =')
    first = RULE.replace("level =", 'overrides = ["TKX-02"]\nlevel =')
    assert {place(item)[2] for item in faults(write(HEAD + first + second))} == {
        "rules.TKX-01.overrides", "rules.TKX-02.overrides"}  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "key", "line", "says"),
    [
        ("urban_boundary", "urban_bundary", "rules.TKX-01.line", 9, "urban_bundary"),
        ('"category", equals', '"categry", equals', "rules.TKX-01.project", 10, "categry"),
        ('equals = "single_site"', 'equals = "x"', "rules.TKX-01.project", 10, "single_site"),
        ('fact = "category", equals = "single_site"', 'fact = "linear", equals = "x"', "rules.TKX-01.project", 10,
         "true、false"),
        ('equals = "single_site"', "above = 1", "rules.TKX-01.project", 10, "above"),
        ('document = "LML"', 'document = "LMX"', "rules.TKX-01.basis.0.document", 13, "LMX"),
        ('level = "conditional"', 'level = "conditional"\noverrides = ["PBF-02"]', "rules.TKX-01.overrides", 12,
         "PBF-02"),
        ('level = "conditional"', 'level = "conditional"\noverrides = ["TKX-01"]', "rules.TKX-01.overrides", 12,
         "TKX-01"),
        ('level = "conditional"', 'level = "conditional"\napproval = "category"', "rules.TKX-01.approval", 12,
         "category"),
        ('level = "conditional"', 'level = "conditional"\nwhere = { classes = ["special"] }',
         "rules.TKX-01.where.0.classes", 12, "inside"),
        ('level = "conditional"', 'level = "conditional"\nwhere = { side = "inside", classes = ["x"] }',
         "rules.TKX-01.where.0.classes", 12, "x"),
        (*where('side = "inside", classes = ["special"], within = { line = "permanent_farmland" }'),
         "rules.TKX-01.where.0.within", 12, "不能同时写"),
        (*where('line = "land_use", within = { line = "nature_reserve", classes = ["core"] }'),
         "rules.TKX-01.where.0.within.classes", 12, "地类面积"),
        ('level = "conditional"', 'level = "conditional"\nwhere = { side = "inside", within = { line = "township" } }',
         "rules.TKX-01.where.0.within.line", 12, "township"),
        ('level = "conditional"', 'level = "conditional"\nwhere = { line = "land_use", side = "inside" }',
         "rules.TKX-01.where.0.side", 12, "现状地类"),
        ('level = "conditional"', 'level = "conditional"\nwhere = { line = "township" }',
         "rules.TKX-01.where.0.line", 12, "township"),
        ('line = "urban_boundary"', 'line = "general"\nwhere = { above_m2 = 1 }', "rules.TKX-01.where.0.line", 10,
         "general"),
    ],
)  # fmt: skip
def test_what_leads_nowhere_names_file_line_and_key(
    write: Write, old: str, new: str, key: str, line: int, says: str
) -> None:
    at, message = told(write, old, new)
    assert at == ("county.toml", line, key)
    assert says in message


def test_the_national_pack_names_only_what_there_is() -> None:
    assert list(problems(NATIONAL.documents, NATIONAL.rules, NATIONAL.classes)) == []


def test_a_rule_must_not_replace_itself_through_others() -> None:
    """A → B → C → A is told of each of the three, and of D that only leads into the ring not at all."""

    def rule(*overrides: str) -> Rule:
        said = {"fact": "f", "conclusion": "c"}
        return Rule.model_validate({"title": "t", "line": "permanent_farmland", "level": "prohibited", "zh": said,
                                    "confidence": "V", "en": said, "overrides": overrides})  # fmt: skip

    rules = {"A": rule("B"), "B": rule("C"), "C": rule("A"), "D": rule("A")}
    told = list(problems({}, rules, {}))
    assert [path for path, _ in told] == [("rules", key, "overrides") for key in "ABC"]
    assert {message for _, message in told} == {"规则不能经其他规则取代自身"}
