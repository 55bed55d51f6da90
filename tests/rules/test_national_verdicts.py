"""Every rule of the national pack, from the rulebook's tables: facts that make it apply, its level and its clause.

Each row is tried again with nothing special about the project (or with the other land given): then it must not apply.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import pytest

from controllines.rules.cases import Joint
from tests.rules.cases import (
    CITY,
    DAY,
    FARM,
    NATIONAL,
    PLAIN,
    RED,
    RESERVE,
    avoid,
    city,
    classed,
    judge_one,
    land,
    project,
    red,
)

WATER, RIVER, FLOOD, HERITAGE = "water_source_protection", "river_lake_management", "flood_risk", "heritage"


@dataclass(frozen=True)
class Row:
    """rule, lines, what is special about the project, level of the rule's row, a document it must cite."""

    rule: str
    lines: dict[str, Any]
    facts: dict[str, Any]
    level: str | None
    cites: str | None
    kind: str
    of_kind: str | None = None
    off: dict[str, Any] = field(default_factory=dict)
    other_lines: dict[str, Any] | None = None
    land: tuple[Any, ...] | None = None
    other_land: tuple[Any, ...] | None = None
    day: dt.date = DAY


ACTIVE = {"activity": "archaeology_fossil_heritage"}
LINEAR = {"category": "single_site", "linear": True, "crossing_without_land": True}
MAJOR = {"conversion": True, "pbf_major_project": "railway_national_plan", "unavoidable_demonstrated": True}
TAKEN = {"conversion": True, "new_construction_land": True}
FIELDS = land(("0102", "农用地", 30), ("0301", "农用地", 40), ("1206", "未利用地", 30))
LARGE = land(("0102", "农用地", 36), ("0301", "农用地", 64))
BARREN = land(("0102", "农用地", 10), ("1206", "未利用地", 90))
BUILT = land(("0701", "建设用地", 100))
NONE = avoid(FARM, 0.0)
USE = {"kind": "land_use"}

ROWS = [
    Row("ER-01", red(core=5000), {}, "prohibited", "NRR", RED, other_lines=red(general=5000)),
    Row("ER-01A", red(core=5000), LINEAR | {"unavoidable_demonstrated": True}, "conditional", "EL26", RED),
    Row("ER-02", red(other=5000), {}, "undetermined", "ER142", RED, other_lines=red(general=5000)),
    Row("ER-03", red(general=5000), {}, "prohibited", "ER142", RED, other_lines=red(core=5000)),
    Row("ER-03", red(outside=5000), {}, "prohibited", "ER142", RED, other_lines=red(core=5000)),
    Row("ER-04", red(outside=5000), ACTIVE, "conditional", "XJER", RED),
    Row("ER-05", red(outside=5000), ACTIVE | {"concrete_works": True}, "approval", "XJER", RED),
    Row("ER-06", red(outside=5000), {"activity": "residents_existing_use", "concrete_works": True}, "conditional",
        "XJER", RED, land=land(("0702", "建设用地", 100, {RED: 5000.0})),
        off={"activity": "residents_existing_use", "concrete_works": True},
        other_land=land(("0102", "农用地", 100, {RED: 5000.0}))),
    Row("ER-07", red(outside=5000), ACTIVE | {"new_construction_land": True, "stage": "preselection"}, "conditional",
        "XJER", RED),
    Row("ER-08", red(outside=5000), ACTIVE | {"new_construction_land": True}, "approval", "XJER", RED),
    Row("ER-09", red(outside=5000), {"er_major_project": "military_cmc", "unavoidable_demonstrated": True},
        "approval", "EL129", RED),
    Row("ER-10", red(outside=5000), LINEAR, "conditional", None, RED),
    Row("ER-11", red(general=5000), {}, None, "ER142", RED, of_kind="prohibited", other_lines=red(outside=5000)),
    Row("ER-11W", red(outside=5000, **{WATER: 5000.0}), {}, None, "ER142", RED, of_kind="prohibited",
        other_lines=red(outside=5000, **{WATER: 0.0})),
    Row("ER-12", red(outside=5000), {"category": "waste_facility"}, "prohibited", "ECC", RED),
    Row("ER-13", red(outside=5000), {"category": "photovoltaic"}, "prohibited", "PV12", RED),
    Row("ER-14", red(outside=5000), {"category": "mining"}, "undetermined", "ER142", RED),
    Row("ER-15", red(outside=5000), {"category": "mining"}, None, "ER142", RED, of_kind="undetermined"),
    Row("ER-16", red(outside=5000), {"temporary": True}, "undetermined", "ER142", RED),
    Row("ER-17", red(outside=5000), {}, None, "ECC", RED, of_kind="prohibited", other_lines=avoid(RED, 0.0)),
    Row("ER-18", red(outside=5000), {"activity": "border_works"}, "undetermined", "ER142", RED),
    Row("G-02", red(outside=5000, **{FARM: 9.0}), {}, None, "TL48", "general",
        other_lines=red(outside=1, **{FARM: 0.0})),
    Row("G-03", avoid(FARM, joints={CITY: Joint({"": 9.0}, 4991.0)}), {}, None, "MNR17", "general",
        other_lines=avoid(FARM, joints={CITY: Joint({}, 5000.0)})),
    Row("G-04", {}, {"conversion": True}, None, "URPL", "general"),
    Row("G-05", {}, {"new_construction_land": True}, None, "LMR", "general"),
    Row("PBF-01", avoid(FARM), MAJOR, "approval", "LML", FARM),
    Row("PBF-02", avoid(FARM), {"conversion": True}, "prohibited", "MNR17", FARM),
    Row("PBF-02", avoid(FARM), {"category": "single_site"}, "prohibited", "LML", FARM),
    Row("PBF-02", avoid(FARM), {"new_construction_land": True}, "prohibited", "ECC", FARM),
    Row("PBF-03", avoid(FARM), MAJOR, None, "PR2018", FARM, of_kind="approval"),
    Row("PBF-04", avoid(FARM), {}, None, "PTJ22", FARM, of_kind="undetermined", day=dt.date(2024, 1, 2),
        off={"pbf_major_project": "military_cmc"}),
    Row("PBF-05", avoid(FARM), MAJOR, None, "BFR", FARM, of_kind="approval"),
    Row("PBF-06", avoid(FARM), MAJOR, None, "LMR", FARM, of_kind="approval"),
    Row("PBF-07", avoid(FARM), {"temporary": True}, "prohibited", "TL2021", FARM),
    Row("PBF-08", avoid(FARM), {"temporary": True, "restorable": True, "unavoidable_demonstrated": True,
                                "works_period_years": 2.0}, "approval", "TL2021", FARM,
        off={"temporary": True, "restorable": True, "unavoidable_demonstrated": True, "works_period_years": 2.5}),
    Row("PBF-08", avoid(FARM), {"category": "single_site", "temporary": True, "restorable": True,
                                "unavoidable_demonstrated": True, "works_period_years": 4.0}, "approval", "LMR", FARM,
        off={"category": "single_site", "temporary": True, "restorable": True, "unavoidable_demonstrated": True,
             "works_period_years": 4.5}),
    Row("PBF-09", avoid(FARM), {"category": "facility_agriculture", "facility": "livestock"}, "prohibited", "CL166",
        FARM, off={"category": "facility_agriculture"}),
    Row("PBF-09", avoid(FARM), {"category": "facility_agriculture", "damages_plough_layer": True}, "prohibited",
        "CL166", FARM, off={"category": "facility_agriculture"}),
    Row("PBF-10", avoid(FARM), {"category": "facility_agriculture"}, "conditional", "FA2019", FARM,
        off={"category": "facility_agriculture", "facility": "aquaculture"}),
    Row("PBF-11", avoid(FARM), {"category": "fishpond"}, "prohibited", "LML", FARM),
    Row("PBF-12", avoid(FARM), {"category": "landscape"}, "prohibited", "CL166", FARM),
    Row("PBF-13", avoid(FARM), {"category": "mining"}, "prohibited", "BFR", FARM),
    Row("PBF-14", avoid(FARM), {"category": "rural_dwelling"}, "prohibited", "LML", FARM),
    Row("PBF-15", avoid(FARM), {"category": "restoration"}, "prohibited", "CL166", FARM),
    Row("PBF-16", avoid(FARM), {"category": "mining"}, None, "MNR17", FARM, of_kind="prohibited"),
    Row("PBF-17", avoid(FARM), {"category": "mining"}, None, "MNR17", FARM, of_kind="prohibited"),
    Row("PBF-18", avoid(FARM), {"category": "photovoltaic"}, "prohibited", "PV12", FARM),
    Row("PBF-19", avoid(FARM), {"category": "waste_facility"}, "prohibited", "ECC", FARM),
    Row("PBF-20", avoid(FARM), {"conversion": True}, None, "MNR17", FARM, of_kind="prohibited"),
    Row("PBF-21", avoid(FARM), {}, None, "MNR17", FARM, of_kind="undetermined", other_lines=avoid(FARM, 0.0)),
    Row("PBF-22", avoid(FARM, joints={CITY: Joint({"": 9.0}, 4991.0)}), {}, None, "MNR17", FARM,
        of_kind="undetermined", other_lines=avoid(FARM, joints={CITY: Joint({}, 5000.0)})),
    Row("PBF-23", avoid(FARM), {"linear": True}, "undetermined", "MNR17", FARM),
    Row("PBF-24", avoid("farmland_reserve"), {}, "conditional", "MNR17", "farmland_reserve",
        other_lines=avoid("farmland_reserve", 0.0)),
    Row("CL-01", NONE, {"conversion": True}, "conditional", "LML", "land_use", of_kind="approval",
        land=FIELDS),
    Row("CL-02", NONE, {"conversion": True}, "approval", "LML", "land_use", land=LARGE,
        off={"conversion": True}, other_land=land(("0102", "农用地", 35), ("0301", "农用地", 65))),
    Row("CL-03", NONE, {"conversion": True}, "approval", "LML", "land_use", land=BARREN,
        off={"conversion": True}, other_land=land(("0102", "农用地", 30), ("1206", "未利用地", 70))),
    Row("CL-04", NONE, {"conversion": True}, "approval", "LML", "land_use", land=FIELDS,
        off={"conversion": True}, other_land=LARGE),
    Row("CL-05", NONE, {"conversion": True, "category": "single_site"}, "approval", "SC4", "land_use", land=FIELDS),
    Row("CL-06", NONE, {"conversion": True, "category": "urban"}, "approval", "LML", "land_use", land=FIELDS),
    Row("CL-07", NONE, {"conversion": True, "category": "urban"}, None, "XJ244", "land_use", of_kind="approval",
        land=FIELDS),
    Row("CL-08", NONE, {"category": "facility_agriculture"}, "conditional", "CL166", "land_use", land=FIELDS),
    Row("CL-09", NONE, {"temporary": True}, "approval", "TL2021", "land_use", land=FIELDS),
    Row("CL-10", NONE, {}, None, "LMR", "land_use", of_kind="none", land=FIELDS, other_land=BUILT),
    Row("CL-11", NONE, {"activity": "patrol_survey_rescue_defence"}, None, "LMR", "land_use", of_kind="none",
        land=BUILT),
    Row("WT-02", NONE, {"conversion": True}, "conditional", "WPL", "land_use", of_kind="approval",
        land=land(("1106", "未利用地", 1))),
    Row("WT-03", NONE, {"temporary": True}, "conditional", "WPL", "land_use", land=land(("1106", "未利用地", 1))),
    Row("FO-01", NONE, {"new_construction_land": True}, "approval", "FOL", "land_use",
        land=land(("0301", "农用地", 1))),
    Row("GR-01", NONE, {"new_construction_land": True}, "approval", "GRL", "land_use",
        land=land(("0404", "未利用地", 1))),
    Row("NR-00", avoid(RESERVE), {}, "undetermined", "NRR17", RESERVE, day=dt.date(2026, 3, 14),
        other_lines=avoid(RESERVE, 0.0)),
    Row("NR-01", classed(RESERVE, "核心保护区"), {}, "prohibited", "NRR", RESERVE,
        other_lines=classed(RESERVE, "一般控制区")),
    Row("NR-02", classed(RESERVE, "核心保护区"), LINEAR | {"unavoidable_demonstrated": True}, "conditional", "EL26",
        RESERVE),
    Row("NR-03", classed(RESERVE, "一般控制区"), {}, "undetermined", "NRR", RESERVE,
        other_lines=classed(RESERVE, "核心保护区")),
    Row("NR-04", classed(RESERVE, "湿地公园"), {}, "undetermined", "ECC", RESERVE,
        other_lines=classed(RESERVE, "核心保护区")),
    Row("NR-05", classed(RESERVE, "国家公园"), {}, "undetermined", "NPL", RESERVE,
        other_lines=classed(RESERVE, "核心保护区")),
    Row("SA-01", classed(RESERVE, "核心景区"), {"category": "urban"}, "prohibited", "SAR", RESERVE),
    Row("SA-02", classed(RESERVE, "风景名胜区"), {"category": "mining"}, "prohibited", "SAR", RESERVE),
    Row("SA-03", classed(RESERVE, "风景名胜区"), {}, "approval", "SAR", RESERVE, off={"category": "mining"}),
    Row("DW-01", classed(WATER, "一级保护区"), {}, "prohibited", "ECC", WATER, off={"water_supply_related": True}),
    Row("DW-01A", classed(WATER, "一级保护区"), {"water_supply_related": True}, "conditional", "ECC", WATER),
    Row("DW-02", classed(WATER, "二级保护区"), {"discharges_pollutants": True}, "prohibited", "ECC", WATER),
    Row("DW-02A", classed(WATER, "二级保护区"), {}, "conditional", "ECC", WATER, off={"discharges_pollutants": True}),
    Row("DW-03", classed(WATER, "准保护区"), {"heavy_water_pollution": True}, "prohibited", "ECC", WATER),
    Row("DW-03A", classed(WATER, "准保护区"), {}, "conditional", "ECC", WATER, off={"heavy_water_pollution": True}),
    Row("DW-04", classed(WATER, "准保护区"), {}, None, "ECC", WATER, of_kind="conditional",
        other_lines=avoid(WATER, 0.0)),
    Row("RV-01", avoid(RIVER), {"obstructs_flood": True}, "prohibited", "FCL", RIVER),
    Row("RV-02", avoid(RIVER), {"linear": True}, "approval", "RMR", RIVER),
    Row("RV-03", classed(RIVER, "堤防"), {"category": "urban"}, "prohibited", "RMR", RIVER),
    Row("RV-04", classed(RIVER, "河道滩地"), {}, "approval", "RMR", RIVER, off={"obstructs_flood": True}),
    Row("RV-05", classed(FLOOD, "蓄滞洪区"), {}, "approval", "FCL", FLOOD, other_lines=avoid(FLOOD, 0.0)),
    Row("RV-06", classed(FLOOD, "其他"), {}, "undetermined", None, FLOOD, other_lines=classed(FLOOD, "洪泛区")),
    Row("CR-01", classed(HERITAGE, "保护范围"), {}, "prohibited", "CRL", HERITAGE,
        other_lines=classed(HERITAGE, "建设控制地带")),
    Row("CR-02", classed(HERITAGE, "建设控制地带"), {}, "approval", "CRL", HERITAGE,
        other_lines=classed(HERITAGE, "保护范围")),
    Row("HC-01", avoid("purple_line"), {"category": "village"}, "prohibited", "HCR", "purple_line"),
    Row("GL-01", avoid("green_line"), {}, "prohibited", "L-GREEN", "green_line", off={"category": "landscape"}),
    Row("BL-01", avoid("blue_line"), {"category": "mining"}, "prohibited", "L-BLUE", "blue_line"),
    Row("BL-02", avoid("blue_line"), {}, "undetermined", "L-BLUE", "blue_line", off={"category": "mining"}),
    Row("YL-01", avoid("yellow_line"), {"category": "urban"}, "prohibited", "URPL", "yellow_line"),
    Row("YL-02", avoid("yellow_line"), {}, "undetermined", "URPL", "yellow_line", off={"category": "urban"}),
    Row("MN-01", avoid("mineral_control"), {"strategic_mineral": True}, "approval", "MRL", "mineral_control"),
    Row("MN-02", avoid("mineral_control"), {}, "conditional", "MRL", "mineral_control",
        off={"strategic_mineral": True}),
    Row("GH-01", avoid("geohazard"), {}, "undetermined", "UDB26", "geohazard", other_lines=avoid("geohazard", 0.0)),
    Row("WT-01", avoid("custom:important_wetland"), {}, "prohibited", "WPL", "custom:important_wetland",
        off={"category": "restoration"}),
    Row("GR-02", avoid("custom:basic_grassland"), {"category": "photovoltaic"}, "prohibited", "PV12",
        "custom:basic_grassland"),
    Row("HW-01", avoid("custom:highway_control"), {}, "prohibited", "HWR", "custom:highway_control",
        off={"linear": True}),
    Row("UDB-01", city(1_000_000.0), {"category": "urban"}, None, "UDBG", CITY, of_kind="clear"),
    Row("UDB-02", city(1_000_000.0, "城镇弹性发展区"), {"category": "urban"}, "conditional", "UDBG", CITY),
    Row("UDB-03", city(1_000_000.0, "特别用途区"), {"category": "urban"}, "prohibited", "UDBG", CITY),
    Row("UDB-04", city(1_000_000.0, "特别用途区"), {"category": "restoration"}, "conditional", "UDBG", CITY),
    Row("UDB-05", city(), {"category": "urban"}, "prohibited", "UDB26", CITY),
    Row("UDB-06", city(), {"category": "urban"}, "prohibited", "UDB193", CITY, day=dt.date(2026, 2, 10)),
    Row("UDB-07", city(), {"category": "independent_urban"}, "conditional", "UDB26", CITY),
    Row("UDB-07A", city(), {"category": "independent_urban"}, "conditional", "UDB193", CITY,
        day=dt.date(2026, 2, 10)),
    Row("UDB-08", city(), {"category": "photovoltaic"}, "conditional", "LMR", CITY),
    Row("UDB-09", city(), {"category": "village"}, "conditional", "URPL", CITY),
    Row("UDB-10", city(400_000.0), {"category": "urban"}, None, "UDB26", CITY, of_kind="prohibited"),
    Row("UDB-11", city(1_000_000.0, ""), {"category": "urban"}, "undetermined", None, CITY),
    Row("UDB-12", city(), {"category": "independent_urban"}, None, "UDB26", CITY, of_kind="conditional"),
]  # fmt: skip


def rows_of(row: Row, *, applies: bool) -> dict[str, Any]:
    """The verdict rows of the rule's kind by rule id."""
    lines = row.lines if applies or row.other_lines is None else row.other_lines
    facts = PLAIN | (row.facts if applies or row.other_lines is not None or row.other_land is not None else row.off)
    used = row.land if applies or row.other_land is None else row.other_land
    found = judge_one(project(lines, facts, land=used), day=row.day)
    return {verdict.rule_id: verdict for verdict in found.verdicts if verdict.kind == row.kind}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.rule)
def test_rule_applies_with_its_level_and_its_clause(row: Row) -> None:
    verdict = rows_of(row, applies=True)[row.rule]
    assert verdict.level == row.level
    assert row.cites is None or row.cites in {clause["document"] for clause in verdict.basis}
    assert all(clause["title"] for clause in verdict.basis)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.rule)
def test_rule_sets_the_level_of_its_kind(row: Row) -> None:
    lines, facts = row.lines, PLAIN | row.facts
    found = judge_one(project(lines, facts, land=row.land), day=row.day)
    level = found.kinds["project", "P", row.kind]
    expected = row.level if row.of_kind is None else None if row.of_kind == "none" else row.of_kind
    assert level == expected


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.rule)
def test_rule_does_not_apply_otherwise(row: Row) -> None:
    assert row.rule not in rows_of(row, applies=False)


def test_the_table_leaves_no_rule_out() -> None:
    assert {row.rule for row in ROWS} == set(NATIONAL.rules)
