"""From cases to verdicts: what is missing, what is too small to tell, what gives way, what would flip, what to ask."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllines.facts import catalogue
from controllines.rules import LEVELS, load_pack, reaches, worst
from controllines.rules.cases import PARCEL, Case, Joint, Line
from controllines.rules.evaluate import evaluate
from controllines.rules.levels import severity
from controllines.rules.models import Where
from controllines.rules.packs import Pack
from controllines.rules.parts import class_key, part_of
from controllines.rules.trace import explained, trace
from tests.rules.cases import (
    CITY,
    DAY,
    FARM,
    NATIONAL,
    PLAIN,
    RED,
    RESERVE,
    WHOLE,
    avoid,
    city,
    classed,
    judge_one,
    land,
    printed,
    project,
    red,
)

MAJOR = PLAIN | {"conversion": True, "pbf_major_project": "railway_national_plan", "unavoidable_demonstrated": True}


def pack_of(text: str, tmp_path: Any) -> Pack:
    path = tmp_path / "p.toml"
    path.write_text('[pack]\nid = "t"\nname = "t"\nversion = "1"\n' + text, encoding="utf-8")
    return load_pack(path)


def level(lines: dict[str, Line], kind: str, facts: dict[str, Any], **more: Any) -> str | None:
    return judge_one(project(lines, facts, **more)).kinds["project", "P", kind]


# --- levels ---------------------------------------------------------------------------------------------------


def test_undetermined_prevails_over_everything_but_prohibited() -> None:
    assert LEVELS == ("clear", "conditional", "approval", "undetermined", "prohibited")
    assert worst(["clear", "undetermined", "approval"]) == "undetermined"
    assert worst(["prohibited", "undetermined"]) == "prohibited"
    assert worst([]) is None


@pytest.mark.parametrize(
    ("found", "limit", "expected"),
    [("clear", "clear", True), ("clear", "conditional", False), ("approval", "conditional", True),
     ("undetermined", "prohibited", True), ("conditional", "prohibited", False), ("prohibited", "prohibited", True)],
)  # fmt: skip
def test_fail_on(found: Any, limit: Any, expected: bool) -> None:
    assert reaches(found, limit) is expected


def test_the_worst_holds_per_kind_then_parcel_then_project() -> None:
    parcel = Case(PARCEL, "a", WHOLE, avoid(FARM), PLAIN | {"category": "urban"}, project_id="P")
    whole = project(avoid(FARM, 0.0), PLAIN | {"category": "urban"})
    found = evaluate([parcel, whole], NATIONAL, as_of=DAY, printed=printed)
    assert found.levels == {("parcel", "a"): "prohibited", ("project", "P"): "prohibited"}
    assert found.kinds["project", "P", FARM] == "clear"
    alone = evaluate([replace(parcel, project_id=None)], NATIONAL, as_of=DAY, printed=printed)
    assert alone.levels == {("parcel", "a"): "prohibited"}


def test_land_use_and_the_project_as_a_whole_are_judged_of_projects_only() -> None:
    used = land(("0102", "农用地", 100))
    parcel = Case(PARCEL, "a", WHOLE, avoid(FARM, 0.0), PLAIN | {"conversion": True}, land=used)
    found = evaluate([parcel], NATIONAL, as_of=DAY, printed=printed)
    assert {kind for _, _, kind in found.kinds} == {FARM}


# --- what is missing ------------------------------------------------------------------------------------------


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


# --- missing facts --------------------------------------------------------------------------------------------


def test_a_missing_fact_is_asked_with_what_each_answer_leads_to() -> None:
    facts = {key: value for key, value in MAJOR.items() if key != "pbf_major_project"}
    found = judge_one(project(avoid(FARM), facts))
    row = next(row for row in found.verdicts if row.decisive and row.kind == FARM)
    assert (row.rule_id, row.level) == ("PBF-02", "undetermined")
    assert row.question == f"{catalogue()['pbf_major_project'].question}（不属于：应予避让；属于：须报批准）"
    assert "须先判明是否适用“国家重点建设项目占用永久基本农田”" in row.sentence
    assert found.asks["project", "P"] == ("pbf_major_project",)


def test_questions_are_those_of_each_case_whatever_else_is_judged() -> None:
    """The same fact is missing in all of them; what its answers lead to depends on where the land lies."""
    places = (red(core=1), red(general=1), red(outside=1), red(core=1, uncovered=1))
    cases = [replace(project(lines), subject_id=str(n)) for n, lines in enumerate(places)]
    asked = {(row.subject_id, row.rule_id, row.question)
             for row in evaluate(cases, NATIONAL, as_of=DAY, printed=printed).verdicts}  # fmt: skip
    assert asked == {
        (row.subject_id, row.rule_id, row.question) for case in cases for row in judge_one(case).verdicts
    }  # fmt: skip
    assert len({question for _, rule, question in asked if rule == "ER-12"}) == 2


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


def test_numbers_are_asked_between_their_limits() -> None:
    facts = MAJOR | {"pbf_major_project": "none", "category": "single_site", "temporary": True, "restorable": True,
                     "conversion": False}  # fmt: skip
    del facts["works_period_years"]
    row = next(row for row in judge_one(project(avoid(FARM), facts)).verdicts if row.decisive and row.kind == FARM)
    assert row.question == "用地使用期限（施工期）是多少年？（2年以内、2至4年：须报批准；超过4年：应予避让）"


def test_yes_and_no() -> None:
    facts = {key: value for key, value in MAJOR.items() if key != "unavoidable_demonstrated"}
    row = next(row for row in judge_one(project(avoid(FARM), facts)).verdicts if row.decisive and row.kind == FARM)
    assert row.question == f"{catalogue()['unavoidable_demonstrated'].question}（是：须报批准；否：应予避让）"


def test_land_within_the_boundary_is_never_called_not_concerned() -> None:
    facts = {key: value for key, value in PLAIN.items() if key != "category"}
    row = next(row for row in judge_one(project(city(WHOLE, "城镇弹性发展区"), facts)).verdicts if row.decisive)
    assert row.question is not None
    assert row.question.startswith(f"{catalogue()['category'].question}（城镇建设：须落实条件；村庄建设、")
    assert row.question.endswith("其他：位于边界内）")
    used = land(("0102", "农用地", 100))
    facts = {key: value for key, value in PLAIN.items() if key != "temporary"}
    rows = judge_one(project({}, facts, land=used)).verdicts
    assert next(row for row in rows if row.kind == "land_use" and row.decisive).question == (
        f"{catalogue()['temporary'].question}（是：须报批准；否：无其他要求）")  # fmt: skip


def test_an_answer_that_changes_nothing_is_not_promised() -> None:
    rows = judge_one(project(avoid(FARM), {})).verdicts
    asked = "".join(row.question or "" for row in rows if row.kind == FARM)
    assert f"{catalogue()['restorable'].question}（" not in asked
    assert asked.count(catalogue()["restorable"].question) >= 1


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


# --- exceptions with a paper ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("missing", "expected"), [(None, "approval"), (0.0, "approval"), (0.01, "prohibited")])
def test_an_exception_holds_only_where_its_paper_covers_the_conflict(missing: float | None, expected: str) -> None:
    short = {} if missing is None else {"pbf_makeup_area": missing}
    lines = avoid(FARM, shortfalls=short)
    assert level(lines, FARM, MAJOR) == expected
    [record] = trace([project(lines, MAJOR)], NATIONAL, as_of=DAY)
    rule = next(rule for kind in record["kinds"] for rule in kind["rules"] if rule["rule"] == "PBF-01")
    assert rule["shortfall_m2"] == missing


# --- sentences ------------------------------------------------------------------------------------------------


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


# --- bounds ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "rule", "holds"),
    [
        (red(core=1, uncovered=1), "ER-01", True), (red(general=1, uncovered=1), "ER-01", None),
        (red(general=1), "ER-01", False), (red(other=1), "ER-01", None), (red(other=1), "ER-03", None),
        (red(core=1, other=1), "ER-03", None), (red(outside=1, other=1), "ER-03", True),
        (red(uncovered=1), "ER-03", None),
        (avoid(RED), "ER-03", None), (avoid(RED, 0.0), "ER-03", False),
        (red(core=1), "ER-03", False), (red(core=1, uncovered=1), "ER-11", True),
        (red(outside=1, uncovered=1), "ER-11", None), (red(outside=1), "ER-11", False),
        (classed(RESERVE, "核心保护区", uncovered_m2=5.0), "NR-03", None),
        (classed(RESERVE, " 核心 保护区"), "NR-01", True), (city(WHOLE, "城镇集中建设区"), "UDB-03", False),
        (city(WHOLE - 9, uncovered_m2=9.0), "UDB-05", True),
    ],
)  # fmt: skip
def test_what_is_not_known_is_neither_in_nor_out(lines: dict[str, Line], rule: str, holds: bool | None) -> None:
    entry = NATIONAL.rules[rule]
    part = part_of(entry.where[0], entry.line, project(lines), NATIONAL.classes)
    assert part.holds is holds
    assert bool(part.lacking) is (holds is None)
    assert 0 <= part.least_m2 <= part.most_m2


def test_bounds_of_classes_nobody_knows() -> None:
    where = Where.model_validate({"line": RED, "within": {"line": RESERVE, "classes": ["core"]}})
    lines = avoid(RED, 6.0, joints={RESERVE: Joint({"核心保护区": 3.0, "？": 2.0}, 0.0, 1.0)})
    part = part_of(where, RED, project(lines), NATIONAL.classes)
    assert (part.least_m2, part.most_m2) == (3.0, 6.0)
    part = part_of(Where(classes=("core",)), RESERVE, project(classed(RESERVE, "？")), NATIONAL.classes)
    assert (part.least_m2, part.most_m2, len(part.lacking)) == (0.0, 5000.0, 1)  # the layer covers the land


def test_without_a_line_a_condition_on_it_is_open() -> None:
    part = part_of(Where(line=FARM, side="inside", at_most_m2=0), "land_use", project({}), NATIONAL.classes)
    assert (part.least_m2, part.most_m2, part.holds) == (0.0, WHOLE, None)
    assert part.lacking == ("请提供永久基本农田数据（覆盖全部用地）",)
    part = part_of(Where(line="custom:own", side="inside"), "general", project({}), NATIONAL.classes)
    assert part.lacking == ("请提供own数据（覆盖全部用地）",)


@pytest.mark.parametrize(
    ("where", "holds"),
    [
        ({"above_m2": 0.5}, True),
        ({"above_m2": 5000}, False), ({"above_m2": 4999}, True), ({"at_most_m2": 5000}, True),
        ({"at_most_m2": 4999}, False),
        ({"share_above": 0.005}, False), ({"share_above": 0.004}, True), ({"share_at_most": 0.005}, True),
        ({"share_at_most": 0.004}, False), ({"depth_above_m": 30}, False), ({"depth_above_m": 29}, None),
        ({"depth_at_most_m": 30}, True), ({"depth_at_most_m": 29}, None),
        ({"above_m2": 4999, "share_above": 0.005}, False), ({"within": {"line": RED}}, None),
    ],
)  # fmt: skip
def test_limits(where: dict[str, Any], holds: bool | None) -> None:
    part = part_of(Where.model_validate(where), FARM, project(avoid(FARM)), NATIONAL.classes)
    assert part.holds is holds


def test_a_depth_nobody_measured_is_open() -> None:
    part = part_of(Where(depth_above_m=1), FARM, project(avoid(FARM, depth_m=None)), NATIONAL.classes)
    assert part.holds is None


@pytest.mark.parametrize(
    ("where", "hectares"),
    [
        ({}, 100.0), ({"classes": ["cultivated"]}, 40.0), ({"classes": ["agricultural"]}, 70.0),
        ({"except_classes": ["cultivated"]}, 60.0), ({"within": {"line": FARM}}, 10.0),
        ({"classes": ["cultivated"], "without": {"line": FARM}}, 30.0), ({"classes": ["forest", "unused"]}, 60.0),
    ],
)  # fmt: skip
def test_land_use_in_hectares(where: dict[str, Any], hectares: float) -> None:
    used = land(("0102", "农用地", 40, {FARM: 1e5}), ("0301", "农用地", 30), ("1206", "未利用地", 30))
    part = part_of(Where.model_validate(where), "land_use", project({}, land=used), NATIONAL.classes)
    assert (part.least_m2, part.most_m2) == (hectares * 1e4, hectares * 1e4)


def test_land_use_without_its_layer_or_without_the_line_is_open() -> None:
    assert part_of(Where(), "land_use", project({}), NATIONAL.classes).holds is None
    used = tuple(replace(part, inside={}) for part in land(("0102", "农用地", 100)))
    for where in ({"within": {"line": FARM}}, {"without": {"line": FARM}}):
        part = part_of(Where.model_validate(where), "land_use", project({}, land=used), NATIONAL.classes)
        assert (part.least_m2, part.most_m2, part.holds) == (0.0, WHOLE, None)


def test_arithmetic_noise_is_no_land() -> None:
    used = land(("0102", "农用地", 1, {FARM: 1e4 - 1e-9}))
    where = Where.model_validate({"without": {"line": FARM}})
    assert part_of(where, "land_use", project({}, land=used), NATIONAL.classes).holds is False
    used = land(("0102", "农用地", 1, {FARM: 1e4 - 0.5}))  # half a square metre is land
    assert part_of(where, "land_use", project({}, land=used), NATIONAL.classes).least_m2 == 0.5


def test_no_land_has_no_share() -> None:
    part = part_of(Where(share_above=0.5), FARM, replace(project(avoid(FARM)), area_m2=0.0), NATIONAL.classes)
    assert part.holds is None


def test_class_names_are_compared_without_width_and_blanks() -> None:
    names = NATIONAL.classes[CITY]
    assert class_key("城镇集中建设区", names) == "concentrated"
    assert class_key("城镇 集中建设区　", names) == "concentrated"
    assert class_key("集中", names) == "unknown"


# --- what gives way -------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("rule", "day", "lines", "facts", "cites"),
    [
        ("PBF-02", dt.date(2025, 9, 30), avoid(FARM), {"category": "urban"}, {"LML"}),
        ("PBF-02", dt.date(2025, 10, 1), avoid(FARM), {"category": "urban"}, {"LML", "MNR17"}),
        ("PBF-02", dt.date(2026, 8, 14), avoid(FARM), {"category": "urban"}, {"LML", "MNR17"}),
        ("PBF-02", dt.date(2026, 8, 15), avoid(FARM), {"category": "urban"}, {"LML", "MNR17", "ECC"}),
        ("DW-04", dt.date(2026, 8, 14), classed("water_source_protection", "准保护区"), {}, {"WPPL"}),
        ("DW-04", dt.date(2026, 8, 15), classed("water_source_protection", "准保护区"), {}, {"ECC"}),
        ("ER-12", dt.date(2026, 8, 14), red(outside=1), {"category": "waste_facility"}, None),
        ("ER-12", dt.date(2026, 8, 15), red(outside=1), {"category": "waste_facility"}, {"ECC"}),
        ("UDB-05", dt.date(2026, 2, 10), city(), {"category": "urban"}, None),
        ("UDB-05", dt.date(2026, 2, 11), city(), {"category": "urban"}, {"UDB26"}),
        ("UDB-06", dt.date(2026, 2, 10), city(), {"category": "urban"}, {"UDB193"}),
        ("UDB-06", dt.date(2026, 2, 11), city(), {"category": "urban"}, None),
        ("NR-01", dt.date(2026, 3, 14), classed(RESERVE, "核心保护区"), {}, None),
        ("NR-01", dt.date(2026, 3, 15), classed(RESERVE, "核心保护区"), {}, {"NRR"}),
        ("NR-05", dt.date(2025, 12, 31), classed(RESERVE, "国家公园"), {}, None),
        ("NR-05", dt.date(2026, 1, 1), classed(RESERVE, "国家公园"), {}, {"NPL"}),
    ],
)  # fmt: skip
def test_key_dates(
    rule: str, day: dt.date, lines: dict[str, Line], facts: dict[str, Any], cites: set[str] | None
) -> None:
    rows = judge_one(project(lines, PLAIN | facts), day=day).verdicts
    found = next((row for row in rows if row.rule_id == rule), None)
    assert (None if found is None else {clause["document"] for clause in found.basis}) == cites


# --- within the accuracy of the survey ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "kind", "flips"),
    [
        (avoid(FARM, depth_m=0.05), FARM, True), (avoid(FARM, depth_m=0.051), FARM, False),
        (avoid(FARM, depth_m=None), FARM, None), (avoid(FARM, 0.0, clearance_m=0.05), FARM, True),
        (avoid(FARM, 0.0, clearance_m=0.051), FARM, False), (avoid(FARM, 0.0, clearance_m=None), FARM, False),
        (city(WHOLE, clearance_m=0.01, outcome="none"), CITY, True), (city(WHOLE - 1, depth_m=0.01), CITY, True),
        (city(WHOLE - 1, "特别用途区", depth_m=0.01), CITY, False),  # prohibited inside, and prohibited outside
    ],
)  # fmt: skip
def test_flips(lines: dict[str, Line], kind: str, flips: bool | None) -> None:
    found = judge_one(project(lines, PLAIN | {"category": "urban"}))
    assert {row.flips for row in found.verdicts if row.kind == kind} == {flips}


def test_the_accuracy_is_an_option() -> None:
    found = judge_one(project(avoid(FARM, depth_m=0.3), PLAIN | {"category": "urban"}), accuracy_m=0.3)
    assert all(row.flips for row in found.verdicts if row.kind == FARM)


# --- the trace ------------------------------------------------------------------------------------------------


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


# --- properties -----------------------------------------------------------------------------------------------

FACTS = st.fixed_dictionaries({}, optional={
    key: st.sampled_from(list(fact.values)) if fact.type == "choice" else st.booleans() if fact.type == "bool"
    else st.floats(0, 10)
    for key, fact in catalogue().items() if fact.type != "file"
})  # fmt: skip
SIZE = st.sampled_from([0.0, 1e-3, 1.0, 5e3, 4e5])
ZONES = st.fixed_dictionaries({"core": SIZE, "general": SIZE, "other": SIZE, "outside": SIZE, "uncovered": SIZE})


def grown(one: dict[str, float], more: dict[str, float]) -> dict[str, float]:
    return {key: one[key] + more[key] for key in one}


@given(FACTS, ZONES, st.fixed_dictionaries({"core": SIZE, "general": SIZE, "outside": SIZE}))
def test_more_conflict_never_softens(facts: dict[str, Any], zones: dict[str, float], more: dict[str, float]) -> None:
    larger = grown(zones, {"other": 0.0, "uncovered": 0.0} | more)
    before, after = (level(red(**dict(parts)), RED, facts) for parts in (zones, larger))
    assert before is not None
    assert after is not None
    assert severity(after) >= severity(before)


@given(FACTS, SIZE, SIZE, st.sampled_from(["城镇集中建设区", "城镇弹性发展区", "特别用途区", ""]))
def test_more_land_outside_never_softens(facts: dict[str, Any], outside: float, more: float, zone: str) -> None:
    def line(beyond: float) -> dict[str, Line]:
        inside = WHOLE / 2
        return {CITY: Line("城镇开发边界", "stay_within", "conflict" if beyond else "none", inside, beyond, 0.0,
                           classes={zone: inside})}  # fmt: skip

    before, after = level(line(outside), CITY, facts), level(line(outside + more), CITY, facts)
    assert before is not None
    assert after is not None
    assert severity(after) >= severity(before)


@given(FACTS, SIZE, st.sampled_from([FARM, RED, RESERVE, "heritage", "blue_line", "custom:own"]), SIZE)
def test_another_conflict_never_softens_the_whole(facts: dict[str, Any], size: float, kind: str, more: float) -> None:
    lines = avoid(FARM, size)
    one = judge_one(project(lines, facts)).levels["project", "P"]
    two = judge_one(project({**lines, kind: avoid(kind, more + size)[kind]}, facts)).levels["project", "P"]
    assert severity(two) >= severity(one)


@given(FACTS, SIZE)
def test_a_line_that_is_not_met_changes_nothing(facts: dict[str, Any], size: float) -> None:
    lines = avoid(FARM, size)
    one = judge_one(project(lines, facts))
    two = judge_one(project(lines | avoid("blue_line", 0.0), facts))
    assert two.levels == one.levels
    assert [row for row in two.verdicts if row.kind != "blue_line"] == list(one.verdicts)


@given(FACTS, ZONES)
def test_the_same_twice(facts: dict[str, Any], zones: dict[str, float]) -> None:
    case = project(red(**dict(zones)) | avoid(FARM), facts)
    assert judge_one(case) == judge_one(case)


@given(FACTS, ZONES)
def test_one_row_sets_the_level_of_each_kind(facts: dict[str, Any], zones: dict[str, float]) -> None:
    found = judge_one(project(red(**dict(zones)) | avoid(FARM) | city(), facts))
    rows = sorted(found.verdicts, key=lambda row: row.kind)
    for kind, group in itertools.groupby(rows, key=lambda row: row.kind):
        mine = list(group)
        expected = found.kinds["project", "P", kind]
        assert [row.level for row in mine if row.decisive] == ([] if expected is None else [expected])
        assert worst(row.level for row in mine if row.level) == expected


@given(FACTS, ZONES)
def test_facts_only_ever_settle_what_is_open(facts: dict[str, Any], zones: dict[str, float]) -> None:
    """A prohibition or a level reached without a fact is not undone by learning it, unless it was still open."""
    known = level(red(**dict(zones)), RED, facts)
    for key, value in PLAIN.items():
        if key not in facts and known != "undetermined":
            assert level(red(**dict(zones)), RED, {**facts, key: value}) == known


def test_joints_default_to_nothing_known() -> None:
    assert Joint({}).uncovered_m2 == 0.0
