"""One line of one case: what is missing, what is too small to tell, what a paper must cover, what to ask."""

from __future__ import annotations

from typing import Any

import pytest

from controllines.rules.cases import Line
from controllines.rules.decide import Told, active
from controllines.rules.judge import Judged, judge, level_with, missing_facts
from controllines.rules.trace import trace
from tests.rules.cases import DAY, FARM, MAJOR, NATIONAL, PLAIN, avoid, judge_one, level, pack_of, project


@pytest.mark.parametrize("outcome", ["no_data", "failed"])
def test_a_line_without_data_is_undetermined(outcome: str) -> None:
    lines = {FARM: Line("永久基本农田", "avoid", outcome)}
    found = judge_one(project(lines, PLAIN))
    [row] = [row for row in found.verdicts if row.kind == FARM]
    assert (row.level, row.rule_id, row.decisive) == ("undetermined", "G-01", True)
    assert row.question == "请提供永久基本农田数据（覆盖全部用地），或改正未能参与核对的要素"
    assert row.flips is None


@pytest.mark.parametrize(
    "more", [{"uncovered_m2": 9.0}, {"uncovered_m2": 0.5}, {"flags": frozenset({"excluded_feature"})}]
)
def test_what_was_not_checked_leaves_a_conflict_undetermined(more: dict[str, Any]) -> None:
    assert level(avoid(FARM, **more), FARM, MAJOR) == "undetermined"
    assert level(avoid(FARM, **more), FARM, PLAIN | {"category": "urban"}) == "prohibited"
    found = judge_one(project(avoid(FARM, **more), MAJOR))
    assert {row.rule_id for row in found.verdicts if row.level} == {"G-01", "PBF-01"}


def test_below_the_resolution_nothing_is_decided() -> None:
    lines = avoid(FARM, 0.1, flags=frozenset({"sub_resolution", "sliver"}), depth_m=0.001)
    found = judge_one(project(lines, PLAIN | {"category": "urban"}))
    [row] = [row for row in found.verdicts if row.kind == FARM]
    assert (row.level, row.rule_id, row.flips) == ("undetermined", "P-01", True)
    assert "疑为接边误差，须核对原始界址点" in row.sentence


def test_no_rule_fires() -> None:
    assert level(avoid(FARM, 0.0), FARM, {}) == "clear"
    found = judge_one(project(avoid("custom:own"), PLAIN))
    [row] = [row for row in found.verdicts if row.kind == "custom:own"]
    assert (row.level, row.rule_id) == ("undetermined", "P-02")
    [row] = [row for row in judge_one(project(avoid(FARM, 0.0), {})).verdicts if row.kind == FARM]
    assert (row.level, row.rule_id, row.sentence, row.question) == ("clear", "P-00", "核对永久基本农田。", None)


def test_parcels_that_were_set_aside_keep_their_project_open() -> None:
    found = judge_one(project(avoid(FARM, 0.0), PLAIN, excluded=2))
    row = next(row for row in found.verdicts if row.rule_id == "P-03")
    assert (row.kind, row.level) == ("general", "undetermined")
    assert row.sentence == "项目另有2个地块未参与核对，待核实。"
    assert found.levels["project", "P"] == "undetermined"


@pytest.mark.parametrize(("missing", "expected"), [(None, "approval"), (0.0, "approval"), (0.01, "prohibited")])
def test_an_exception_holds_only_where_its_paper_covers_the_conflict(missing: float | None, expected: str) -> None:
    short = {} if missing is None else {"pbf_makeup_area": missing}
    lines = avoid(FARM, shortfalls=short)
    assert level(lines, FARM, MAJOR) == expected
    [record] = trace([project(lines, MAJOR)], NATIONAL, as_of=DAY)
    rule = next(rule for kind in record["kinds"] for rule in kind["rules"] if rule["rule"] == "PBF-01")
    assert rule["shortfall_m2"] == missing


def test_open_rules_that_cannot_change_the_level_are_not_asked() -> None:
    facts = PLAIN | {"category": "photovoltaic"}
    del facts["temporary"]
    found = judge_one(project(avoid(FARM), facts))
    assert found.kinds["project", "P", FARM] == "prohibited"
    assert all(row.level != "undetermined" for row in found.verdicts if row.kind == FARM)
    assert found.asks["project", "P"] == ()


def test_an_open_rule_of_the_same_level_is_not_asked(tmp_path: Any) -> None:
    rule = '[rules.{}]\nline = "permanent_farmland"\nlevel = "prohibited"\nconfidence = "V"\ntitle = "t"\n'
    rule += 'zh = {{ fact = "f", conclusion = "c" }}\nen = {{ fact = "f", conclusion = "c" }}\n'
    pack = pack_of(
        rule.format("T-1") + rule.format("T-2") + 'project = { fact = "temporary", equals = true }\n', tmp_path
    )
    found = judge_one(project(avoid(FARM), {}), pack=pack)
    assert found.kinds["project", "P", FARM] == "prohibited"
    assert [row.rule_id for row in found.verdicts if row.kind == FARM] == ["T-1"]
    assert found.asks["project", "P"] == ()


def judged(facts: dict[str, Any], *, full: bool = False) -> Judged:
    case = project(avoid(FARM), facts)
    return judge(FARM, case, Told.of(facts, active(NATIONAL, DAY)), NATIONAL.classes, full=full)


def test_what_another_answer_would_lead_to() -> None:
    """A national key project that shows that it cannot go elsewhere needs approval; without that it has to."""
    found = judged({key: value for key, value in MAJOR.items() if key != "unavoidable_demonstrated"})
    assert found.level == "undetermined"
    assert missing_facts(found) == ["unavoidable_demonstrated"]
    assert level_with(found, MAJOR) == "approval"
    assert level_with(found, MAJOR | {"unavoidable_demonstrated": False}) == "prohibited"
    assert missing_facts(judged(MAJOR), ("PBF-01",)) == []


def test_the_trace_measures_what_the_facts_rule_out_too() -> None:
    """PBF-18 is for photovoltaics only: not measured for another project, but its numbers stand in the trace."""
    assert judged(MAJOR).answers["PBF-18"].parts == ()
    [part] = judged(MAJOR, full=True).answers["PBF-18"].parts
    assert (part.least_m2, part.most_m2) == (5000.0, 5000.0)
    assert judged(MAJOR).level == judged(MAJOR, full=True).level


def test_project_facts_are_no_part_of_the_pattern() -> None:
    some, other = judged(MAJOR, full=True), judged(PLAIN, full=True)
    assert some.level != other.level
    assert some.pattern == other.pattern
