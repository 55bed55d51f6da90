"""The evaluation as a whole: levels of parcels and projects, the law of the day, what flips, and what always holds."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from controllines.facts import catalogue
from controllines.rules import worst
from controllines.rules.cases import PARCEL, Case, Line
from controllines.rules.evaluate import evaluate
from controllines.rules.levels import UNDETERMINED, Level, severity
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
    level,
    printed,
    project,
    red,
)


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


CITY_ZONES = ["城镇集中建设区", "城镇弹性发展区", "特别用途区"]


@given(FACTS, SIZE, SIZE, st.sampled_from([*CITY_ZONES, ""]))
@example({"category": "single_site"}, 0.0, 0.001, "")
def test_more_land_outside_never_softens(facts: dict[str, Any], outside: float, more: float, zone: str) -> None:
    """Where only the zone is missing, undetermined stands for what each zone would lead to: compared zone by zone."""

    def found(beyond: float, zone: str) -> Level:
        inside = WHOLE / 2
        line = Line("城镇开发边界", "stay_within", "conflict" if beyond else "none", inside, beyond, 0.0,
                    classes={zone: inside})  # fmt: skip
        said = level({CITY: line}, CITY, facts)
        assert said is not None
        return said

    before, after = found(outside, zone), found(outside + more, zone)
    if zone or before != UNDETERMINED:
        assert severity(after) >= severity(before)
        return
    known = [(found(outside, one), found(outside + more, one)) for one in CITY_ZONES]
    assert all(severity(later) >= severity(earlier) for earlier, later in known)
    assert after == UNDETERMINED or {later for _, later in known} == {after}


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
