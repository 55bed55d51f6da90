"""Rows of the verdicts frame: sentences, clauses, authorities, questions."""

from __future__ import annotations

from typing import Any

from controllines.rules.cases import Line
from tests.rules.cases import FARM, MAJOR, NATIONAL, PLAIN, WHOLE, avoid, city, judge_one, project, red


def sentence(lines: dict[str, Line], facts: dict[str, Any], rule: str) -> str:
    return next(row.sentence for row in judge_one(project(lines, facts)).verdicts if row.rule_id == rule)


def test_clauses_known_at_second_hand_are_suspicions() -> None:
    urban = PLAIN | {"category": "urban"}
    assert sentence(city(), urban, "UDB-05") == (
        "城镇建设项目位于城镇开发边界外100.0000公顷，疑似不符合边界管控要求，应调整选址，条款待核。")  # fmt: skip
    assert sentence(avoid(FARM), urban, "PBF-02") == "涉及永久基本农田0.5000公顷，应予避让（未见适用的准入情形）。"
    flexible = sentence(city(WHOLE, "城镇弹性发展区"), urban, "UDB-02")
    assert flexible.endswith("，条款待核。")
    assert "疑似" not in flexible
    assert sentence(city(), urban, "UDB-12").endswith("（条款待核）。")


def test_who_approves_and_what_is_handed_in() -> None:
    rows = {row.rule_id: row for row in judge_one(project(avoid(FARM), MAJOR)).verdicts}
    assert rows["PBF-01"].authority == "国务院"
    assert rows["PBF-01"].requires == NATIONAL.rules["PBF-01"].requires != ()
    assert rows["PBF-06"].requires == ("耕作层剥离利用方案",)  # a note
    assert rows["PBF-06"].authority is None
    open_facts = {key: value for key, value in MAJOR.items() if key != "unavoidable_demonstrated"}
    rows = {row.rule_id: row for row in judge_one(project(avoid(FARM), open_facts)).verdicts}
    assert (rows["PBF-01"].authority, rows["PBF-01"].requires) == (None, ())


def test_the_sentence_in_english() -> None:
    row = next(row for row in judge_one(project(avoid(FARM), MAJOR)).verdicts if row.rule_id == "PBF-01")
    assert row.sentence_en == (
        "a national key project takes 0.5000公顷 of permanent basic farmland: "
        "needs make-up land and approval by the State Council")  # fmt: skip


def test_clauses_carry_their_document() -> None:
    row = next(row for row in judge_one(project(avoid(FARM), MAJOR)).verdicts if row.rule_id == "PBF-01")
    assert row.basis[0] == {
        "document": "LML", "title": "中华人民共和国土地管理法（2019年修正）", "number": "主席令第三十二号",
        "article": "第三十五条第一款", "verification": "V",
        "quotation": "选址确实难以避让永久基本农田，涉及农用地转用或者土地征收的，必须经国务院批准",
    }  # fmt: skip


def test_a_sentence_quotes_the_part_its_rule_speaks_of() -> None:
    said = sentence(red(core=3000, outside=2000), PLAIN, "ER-03")
    assert said == "涉及生态保护红线（自然保护地核心保护区外），重叠面积0.2000公顷，应予避让（未见适用的准入情形）。"
    assert "0.3000公顷" in sentence(red(core=3000, outside=2000), PLAIN, "ER-01")


def test_a_suspended_rule_names_those_that_may_replace_it_only() -> None:
    facts = MAJOR | {"category": "single_site"}
    facts = {key: value for key, value in facts.items() if key not in ("pbf_major_project", "temporary")}
    rows = {row.rule_id: row for row in judge_one(project(avoid(FARM), facts)).verdicts if row.kind == FARM}
    assert rows["PBF-07"].level == "undetermined"  # open too, but replaces nothing
    assert rows["PBF-02"].sentence.endswith("须先判明是否适用“国家重点建设项目占用永久基本农田”。")
    assert rows["PBF-02"].question == rows["PBF-01"].question


def test_each_row_says_how_well_its_rule_is_known() -> None:
    rows = {
        row.rule_id: row
        for row in judge_one(project(city() | avoid(FARM, 0.0), PLAIN | {"category": "urban"})).verdicts
    }
    assert rows["UDB-05"].verification == "V2"
    assert rows["P-00"].verification is None


def test_an_undetermined_rule_asks_its_own_question() -> None:
    rows = {row.rule_id: row for row in judge_one(project(red(other=9), PLAIN)).verdicts}
    assert rows["ER-02"].question == NATIONAL.rules["ER-02"].question != ""
    assert rows["ER-17"].question is None


def test_one_row_is_decisive_and_policies_rest_on_no_clause() -> None:
    found = judge_one(project(avoid(FARM, uncovered_m2=9.0), MAJOR))
    rows = [row for row in found.verdicts if row.kind == FARM]
    assert [row.rule_id for row in rows if row.decisive] == ["G-01"]
    [policy] = [row for row in rows if row.rule_id == "G-01"]
    assert (policy.basis, policy.authority, policy.requires, policy.verification) == ((), None, (), None)
    assert policy.sentence == "核对永久基本农田，待核实。"
