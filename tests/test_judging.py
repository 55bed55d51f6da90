"""Judging: cases out of frames with nothing invented, levels back into them, decisions beside the rules."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import fields, replace
from typing import Any

import pandas as pd
import pytest

from controllines.decisions import Decision, Decisions
from controllines.errors import UsageError
from controllines.judging import Circumstances, decided, judged, verdicts_frame
from controllines.pipeline import CheckOptions, check
from controllines.results import VERDICTS, CheckResult
from controllines.rules.cases import Case, Joint
from controllines.rules.verdicts import Verdict
from tests.builders import CITY, FARM, LAYERS, RED, here, layer, official, parcels

DAY = dt.date(2026, 11, 21)
DIVIDED = ["kind", "class", "other_kind", "part", "other_class", "area_m2"]
#: Land inside the redline, by its classes and by those of a reserve; one field has no class.
ROWS = [
    (RED, "水源涵养", None, "inside", None, 4000.0), (RED, None, None, "inside", None, 998.0),
    (RED, "水源涵养", "nature_reserve", "inside", "核心保护区", 1000.0),
    (RED, None, "nature_reserve", "inside", "核心保护区", 90.0),
    (RED, "水源涵养", "nature_reserve", "inside", None, 7.0),
    (RED, "水源涵养", "nature_reserve", "outside", None, 2000.0),
    (RED, None, "nature_reserve", "outside", None, 500.0),
    (RED, "水源涵养", "nature_reserve", "uncovered", None, 400.0),
]  # fmt: skip


@pytest.fixture(scope="module")
def measured() -> CheckResult:
    """P1: a half redline, half farmland, and b without geometry; P2: c within the boundary. Land use, and no rules."""
    land = layer([here(400, 0, 480, 1000), here(480, 0, 1000, 1000)], DLBM=["0102", "0301"], KCXS=[0.1, 0.0])
    drawn = parcels(here(450, 400, 550, 500), None, here(900, 100, 1000, 200), XMBH=["P1", "P1", "P2"])
    return check(drawn, LAYERS | {"land_use": land}, as_of=DAY, options=CheckOptions(rules="none"))


def told(of: str = "a", project: str = "P1", **facts: Any) -> Circumstances:
    one = pd.DataFrame(ROWS, columns=DIVIDED)
    return Circumstances(
        one.assign(parcel_id=of), one.assign(project_id=project), lambda key: facts if key == project else {}
    )


def judge(result: CheckResult, known: Circumstances) -> CheckResult:
    pack = CheckOptions().pack
    assert pack is not None
    return judged(result, pack, known, as_of=DAY)


@pytest.fixture(scope="module")
def result(measured: CheckResult) -> CheckResult:
    return judge(measured, told(category="mining"))


def case(result: CheckResult, scope: str, subject: str) -> Case:
    (found,) = [case for case in result.cases if (case.scope, case.subject_id) == (scope, subject)]
    return found


# --- cases ------------------------------------------------------------------------------------------------------------


def test_what_could_be_checked_has_a_case_and_projects_know_what_could_not(result: CheckResult) -> None:
    assert [(case.scope, case.subject_id) for case in result.cases] == [
        ("parcel", "a"), ("parcel", "c"), ("project", "P1"), ("project", "P2"),
    ]  # fmt: skip
    assert [case(result, "project", project).excluded for project in ("P1", "P2")] == [1, 0]
    assert [case(result, "parcel", parcel).project_id for parcel in "ac"] == ["P1", "P2"]


def test_lines_carry_what_was_measured(result: CheckResult) -> None:
    lines = case(result, "parcel", "a").lines
    assert list(lines) == [RED, FARM, CITY]
    red, city = lines[RED], lines[CITY]
    assert (red.zh, red.sense, red.outcome) == ("生态保护红线", "avoid", "conflict")
    assert (city.zh, city.sense, city.outcome) == ("城镇开发边界", "stay_within", "conflict")
    half = official(here(450, 400, 500, 500))
    assert red.inside_m2 == pytest.approx(half, abs=0.02)
    assert red.conflict_m2 == red.inside_m2
    assert city.conflict_m2 == city.outside_m2 == pytest.approx(official(here(450, 400, 550, 500)), abs=0.02)
    assert red.clearance_m is None  # not measured is None, not NaN
    assert red.flags == frozenset()
    assert case(result, "parcel", "c").lines[CITY].outcome == "none"


def test_flags_are_words(measured: CheckResult) -> None:
    flagged = measured.overlaps.assign(flags="sliver;excluded_feature")
    line = case(judge(replace(measured, overlaps=flagged), told()), "parcel", "a").lines[RED]
    assert line.flags == {"sliver", "excluded_feature"}


def test_classes_of_a_line_and_of_others_add_up_and_none_is_blank(result: CheckResult) -> None:
    for scope, subject in (("parcel", "a"), ("project", "P1")):
        line = case(result, scope, subject).lines[RED]
        assert line.classes == {"水源涵养": 4000, "": 998}
        assert line.joints == {"nature_reserve": Joint({"核心保护区": 1090, "": 7}, 2500, 400)}
    assert case(result, "parcel", "c").lines[RED].classes == {}
    assert case(result, "parcel", "a").lines[FARM].joints == {}


def test_facts_are_those_of_the_project(result: CheckResult) -> None:
    assert case(result, "parcel", "a").facts == case(result, "project", "P1").facts == {"category": "mining"}
    assert case(result, "project", "P2").facts == {}


def test_land_is_net_of_ridges_which_stand_by_themselves(result: CheckResult) -> None:
    land = {part.code: part for part in case(result, "parcel", "a").land or ()}
    field = official(here(450, 400, 480, 500))
    assert {code: part.area_m2 for code, part in land.items()} == pytest.approx({
        "0102": 0.9 * field, "1203": 0.1 * field, "0301": official(here(480, 400, 550, 500)),
    }, abs=0.02)  # fmt: skip
    assert {part.big_class for part in land.values()} == {"农用地"}
    wood = land["0301"].inside
    assert wood == pytest.approx({
        RED: official(here(480, 400, 500, 500)), FARM: official(here(500, 400, 550, 500)), CITY: 0,
    }, abs=0.02)  # fmt: skip


def test_a_line_that_was_not_measured_is_missing_and_not_zero(measured: CheckResult) -> None:
    unmeasured = measured.land.assign(**{f"{CITY}_m2": math.nan})
    found = case(judge(replace(measured, land=unmeasured), told()), "parcel", "a")
    assert {tuple(part.inside) for part in found.land or ()} == {(RED, FARM)}


def test_without_land_use_nothing_is_said_of_it() -> None:
    bare = check(parcels(here(450, 400, 550, 500)), LAYERS, as_of=DAY, options=CheckOptions(rules="none"))
    found = judge(bare, told(project="a"))
    assert {case.land for case in found.cases} == {None}
    assert found.provenance["not_checked"] == [*bare.provenance["not_checked"], "land_use"]


def test_what_an_approval_leaves_out_is_a_shortfall(measured: CheckResult) -> None:
    held = pd.DataFrame([("parcel", "a", RED, "er_recognition_area", 12.5)],
                        columns=["scope", "subject_id", "kind", "fact", "missing_m2"])  # fmt: skip
    found = judge(replace(measured, approvals=held), told())
    assert case(found, "parcel", "a").lines[RED].shortfalls == {"er_recognition_area": 12.5}
    assert case(found, "parcel", "a").lines[FARM].shortfalls == {}
    assert case(found, "project", "P1").lines[RED].shortfalls == {}


# --- levels -----------------------------------------------------------------------------------------------------------


def test_levels_go_back_to_their_parcels_and_projects(result: CheckResult, measured: CheckResult) -> None:
    decisive = result.verdicts[result.verdicts["decisive"]]
    worst = {"clear": 0, "conditional": 1, "approval": 2, "undetermined": 3, "prohibited": 4}
    for frame, scope, column in ((result.parcels, "parcel", "parcel_id"), (result.projects, "project", "project_id")):
        of = (
            decisive[decisive["scope"] == scope].groupby("subject_id")["level"].agg(lambda own: max(own, key=worst.get))
        )
        assert frame.set_index(column)["verdict"].dropna().to_dict() == of.to_dict()
    assert result.parcels["verdict"].isna().tolist() == [False, True, False]  # b could not be checked
    assert result.pack is not None
    assert measured.pack is None  # the result it came from stays as it was
    assert measured.parcels["verdict"].isna().all()


def verdict(**given: Any) -> Verdict:
    known = {"scope": "parcel", "subject_id": "a", "kind": RED, "level": "clear", "rule_id": "R", "authority": None,
             "requires": (), "basis": (), "sentence": "不涉及", "question": None}  # fmt: skip
    return Verdict(**known | given)


def test_the_verdicts_frame_has_the_columns_of_the_contract_and_lists() -> None:
    frame = verdicts_frame([verdict(requires=("意见", "方案"), basis=({"document": "d"},), decisive=True), verdict()])
    assert list(frame)[: len(VERDICTS)] == list(VERDICTS)
    assert frame["requires"].tolist() == [["意见", "方案"], []]
    assert frame["basis"].tolist() == [[{"document": "d"}], []]
    assert frame["decisive"].dtype == bool
    assert frame["authority"].tolist() == [None, None]
    nothing = verdicts_frame([])
    assert list(nothing) == list(frame)
    assert nothing["decisive"].dtype == bool


# --- decisions --------------------------------------------------------------------------------------------------------


def decision(subject: str, level: str = "approval", line: str = "生态保护红线") -> Decision:
    return Decision("parcel", subject, line, level, "已取得意见", "认定〔2026〕5号", "张三", "2026-11-20")  # type: ignore[arg-type]


def test_a_decision_holds_beside_the_level_of_the_rules(result: CheckResult) -> None:
    found = decided(result, Decisions((decision("a"),), result.provenance["run_id"], "d.toml", "00"))
    of = found.verdicts.query("scope == 'parcel' and subject_id == 'a' and kind == @RED and decisive").iloc[0]
    before = result.verdicts.query("scope == 'parcel' and subject_id == 'a' and kind == @RED and decisive").iloc[0]
    assert (of["level"], of["original_level"]) == ("approval", before["level"])
    assert found.provenance["decisions"]["count"] == 1
    assert "DECISIONS_OTHER_RUN" not in found.provenance["finding_counts"]
    assert [item.kind for item in found.decisions.items] == [RED]  # by its key from here on
    assert result.verdicts["override"].isna().all()


def test_a_decision_of_another_run_is_a_finding_that_is_counted(result: CheckResult) -> None:
    found = decided(result, Decisions((decision("a"),), "ffffffffffff", "d.toml", "00"))
    assert found.provenance["finding_counts"]["DECISIONS_OTHER_RUN"] == 1
    assert len(found.findings) == len(result.findings) + 1


def test_decisions_need_something_that_was_judged(result: CheckResult, measured: CheckResult) -> None:
    with pytest.raises(UsageError, match="DECISIONS_NO_RULES") as caught:
        decided(measured, Decisions((decision("a"),), None, "d.toml", "00"))
    assert caught.value.finding.source == "d.toml"
    with pytest.raises(UsageError, match="DECISION_UNKNOWN") as caught:
        decided(result, Decisions((decision("b"),), None, "d.toml", "00"))  # excluded: nothing was judged of it
    assert "b" in caught.value.finding.message


def test_without_decisions_only_the_record_says_so(result: CheckResult) -> None:
    found = decided(result, Decisions())
    assert found.provenance == result.provenance | {"decisions": None}
    same = [field.name for field in fields(found) if field.name != "provenance"]
    assert all(getattr(found, name) is getattr(result, name) for name in same)
