"""The trace: every rule that was tried, with its numbers, and in words."""

from __future__ import annotations

from pathlib import Path

from controllines.rules.cases import Line
from controllines.rules.trace import explained, trace
from tests.rules.cases import CITY, DAY, FARM, MAJOR, NATIONAL, avoid, pack_of, project, red


def test_the_trace_has_every_rule_that_was_tried_with_its_numbers() -> None:
    [record] = trace([project(avoid(FARM), MAJOR)], NATIONAL, as_of=DAY)
    kind = next(kind for kind in record["kinds"] if kind["kind"] == FARM)
    rules = {rule["rule"]: rule for rule in kind["rules"]}
    assert set(rules) == {key for key, rule in NATIONAL.rules.items() if rule.line == FARM} - {"PBF-04"}  # expired
    assert rules["PBF-01"]["status"] == "standing"
    assert rules["PBF-02"]["status"] == "replaced:PBF-01"
    assert rules["PBF-18"]["status"] == "not_met"
    limit = {"limit": "above_m2", "value": 0.0, "least": 5000.0, "most": 5000.0, "holds": True}
    assert rules["PBF-01"]["where"] == rules["PBF-18"]["where"] == [limit]
    test = {"fact": "conversion", "operator": "equals", "values": [True], "value": True, "holds": True}
    assert test in rules["PBF-01"]["project"]
    assert kind["measured"]["inside_m2"] == 5000.0


def test_the_trace_in_words() -> None:
    facts = {key: value for key, value in MAJOR.items() if key != "pbf_major_project"}
    lines = avoid(FARM, shortfalls={"pbf_makeup_area": 0.0}) | red(other=9, outside=1) | {
        CITY: Line("城镇开发边界", "stay_within", "failed")}  # fmt: skip
    [record] = trace([project(lines, facts)], NATIONAL, as_of=DAY)
    said = "\n".join(explained(record))
    for expected in (
        "项目 P",
        "永久基本农田：待核实",
        "PBF-02 永久基本农田不得擅自占用或者改变用途（应予避让或调整选址）：适用，但可能被取代",
        "涉及农用地转用或土地征收 为 是：现为是 → 成立",
        "现为未提供 → 不能判定",
        "批准范围外的重叠：0 平方米",
        "G-01 控制线缺少数据",
        "0：0至9 → 不能判定",
        "ER-17",
        "不能判定，但不影响等级",
    ):
        assert expected in said


def test_each_rule_says_what_became_of_it() -> None:
    """The facts leave open whether PBF-01 applies: what it may replace is suspended, what is no worse is idle."""
    facts = {key: value for key, value in MAJOR.items() if key not in ("pbf_major_project", "water_supply_related")}
    [record] = trace([project(avoid(FARM), facts)], NATIONAL, as_of=DAY)
    assert (record["scope"], record["subject_id"], record["project_id"]) == ("project", "P", None)
    kind = next(kind for kind in record["kinds"] if kind["kind"] == FARM)
    status = {rule["rule"]: rule["status"] for rule in kind["rules"]}
    assert kind["level"] == "undetermined"
    assert (status["PBF-01"], status["PBF-02"], status["PBF-18"]) == ("open", "suspended", "not_met")


def test_kinds_of_which_nothing_is_said_are_left_out(tmp_path: Path) -> None:
    """A pack with one rule, on farmland, says nothing of the project as a whole; the national one does."""
    rule = """
[rules.A]
title = "t"
line = "permanent_farmland"
level = "prohibited"
confidence = "V"
zh = { fact = "f", conclusion = "c" }
en = { fact = "f", conclusion = "c" }
"""
    kinds = [
        [kind["kind"] for record in trace([project(avoid(FARM), MAJOR)], pack, as_of=DAY) for kind in record["kinds"]]
        for pack in (pack_of(rule, tmp_path), NATIONAL)
    ]
    assert kinds == [[FARM], [FARM, "general"]]
