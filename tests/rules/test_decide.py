"""Which rules are in force on a day, which give way, and what is left open."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from controllines.rules.decide import Active, Decision, Told, active, decide, told_to
from tests.rules.cases import DAY, FARM, MAJOR, NATIONAL, PLAIN, avoid, judge_one, pack_of, project


def test_only_the_rule_that_is_named_gives_way() -> None:
    found = judge_one(project(avoid(FARM), MAJOR | {"category": "photovoltaic"}))
    rows = {row.rule_id: row.level for row in found.verdicts if row.kind == FARM and row.level}
    assert rows == {"PBF-01": "approval", "PBF-18": "prohibited"}
    assert found.kinds["project", "P", FARM] == "prohibited"


def test_hearsay_of_the_day_decides_nothing(tmp_path: Any) -> None:
    text = """
[documents.A]
title = "A"
confidence = "V"
in_force_from = 2026-06-01
[documents.B]
title = "B"
confidence = "U"
[rules.X]
title = "x"
line = "permanent_farmland"
level = "prohibited"
basis = [{ document = "A", verification = "V" }, { document = "B", verification = "U" }]
zh = { fact = "f", conclusion = "c" }
en = { fact = "f", conclusion = "c" }
"""
    pack = pack_of(text, tmp_path)
    levels = [judge_one(project(avoid(FARM), {}), pack=pack, day=dt.date(2026, month, day)).levels["project", "P"]
              for month, day in ((5, 31), (6, 1))]  # fmt: skip
    assert levels == ["undetermined", "prohibited"]


ENTRY = """
[rules.{key}]
title = "{key}"
line = "permanent_farmland"
level = "{level}"
authority = "机关"
question = "？"
confidence = "V"
overrides = {overrides}
zh = {{ fact = "f", conclusion = "c" }}
en = {{ fact = "f", conclusion = "c" }}
"""


@pytest.fixture
def rules(tmp_path: Path) -> Mapping[str, Active]:
    """NO prohibits; YES approves and replaces NO; SOFT asks for conditions; SAY only notes."""
    entries = (("NO", "prohibited", []), ("YES", "approval", ["NO"]), ("SOFT", "conditional", []), ("SAY", "note", []))
    text = "".join(ENTRY.format(key=key, level=level, overrides=overrides) for key, level, overrides in entries)
    return active(pack_of(text, tmp_path), DAY)[FARM]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({}, Decision(None)),
        ({"NO": False, "YES": False}, Decision(None)),
        ({"SAY": True}, Decision(None, standing=("SAY",))),
        ({"SAY": None}, Decision(None)),  # a note leads to nothing: it is not asked for
        ({"NO": True, "SOFT": True}, Decision("prohibited", standing=("NO", "SOFT"))),
        ({"NO": True, "YES": True}, Decision("approval", standing=("YES",), replaced=(("NO", "YES"),))),
        ({"NO": False, "YES": True}, Decision("approval", standing=("YES",))),
        # what may yet be replaced decides nothing until the other is answered
        ({"NO": True, "YES": None}, Decision("undetermined", suspended=("NO",), open=("YES",))),
        ({"NO": None, "YES": True}, Decision("approval", standing=("YES",))),  # it would give way if it applied
        ({"NO": None, "SOFT": True}, Decision("undetermined", standing=("SOFT",), open=("NO",))),
        ({"NO": True, "SOFT": None}, Decision("prohibited", standing=("NO",))),  # SOFT could not change the level
        ({"YES": None, "SOFT": True}, Decision("undetermined", standing=("SOFT",), open=("YES",))),
    ],
)  # fmt: skip
def test_what_the_answers_lead_to(
    rules: Mapping[str, Active], answers: dict[str, bool | None], expected: Decision
) -> None:
    assert decide(rules, answers) == expected


def test_rules_that_ask_the_same_share_one_condition(rules: Mapping[str, Active]) -> None:
    assert {id(item.wheres[0]) for item in rules.values()} == {id(rules["NO"].wheres[0])}
    assert (rules["SAY"].level, rules["NO"].level) == (None, "prohibited")
    assert not rules["NO"].weak


def test_cases_with_the_same_facts_share_what_these_say_to_the_rules() -> None:
    facts = [{}, {"temporary": True}, {"temporary": False}, {"temporary": True}]
    rules = active(NATIONAL, DAY)
    told = [told for _, told in told_to([project(avoid(FARM), given) for given in facts], rules)]
    assert [item.facts for item in told] == facts
    assert [told.index(item) for item in told] == [0, 1, 2, 1]
    assert told[0].holds["PBF-18"] is None
    assert "category" in told[0].waits_for["PBF-18"]
    assert Told.of(PLAIN, rules).holds["PBF-18"] is False
    assert Told.of(PLAIN, rules).waits_for["PBF-18"] == []
