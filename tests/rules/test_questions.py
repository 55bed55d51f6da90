"""What is asked of a missing fact, and what each answer is said to lead to."""

from __future__ import annotations

from typing import Any

from controllines.facts import catalogue
from controllines.rules.decide import Told, active
from controllines.rules.judge import judge
from controllines.rules.questions import Asked, ask
from tests.rules.cases import DAY, FARM, MAJOR, NATIONAL, PLAIN, WHOLE, avoid, city, judge_one, land, project


def test_a_missing_fact_is_asked_with_what_each_answer_leads_to() -> None:
    facts = {key: value for key, value in MAJOR.items() if key != "pbf_major_project"}
    found = judge_one(project(avoid(FARM), facts))
    row = next(row for row in found.verdicts if row.decisive and row.kind == FARM)
    assert (row.rule_id, row.level) == ("PBF-02", "undetermined")
    assert row.question == f"{catalogue()['pbf_major_project'].question}（不属于：应予避让；属于：须报批准）"
    assert "须先判明是否适用“国家重点建设项目占用永久基本农田”" in row.sentence
    assert found.asks["project", "P"] == ("pbf_major_project",)


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


def asked(fact: str, facts: dict[str, Any]) -> Asked:
    case = project(avoid(FARM), facts)
    return ask(fact, judge(FARM, case, Told.of(facts, active(NATIONAL, DAY)), NATIONAL.classes))


def test_every_value_of_a_choice_stands_behind_the_level_it_leads_to() -> None:
    facts = {key: value for key, value in MAJOR.items() if key != "pbf_major_project"}
    found = asked("pbf_major_project", facts)
    answers = dict(found.answers)
    assert set(answers) == {"approval", "prohibited"}
    assert answers["prohibited"] == ("none",)
    assert {"none", *answers["approval"]} == set(catalogue()["pbf_major_project"].values)
    assert found.sense == "avoid"


def test_a_question_whose_answers_agree_is_asked_without_them() -> None:
    """No rule of farmland asks whether pollutants are discharged: either answer leads to the same."""
    found = asked("discharges_pollutants", MAJOR)
    assert found.answers == (("approval", (True, False)),)
    assert found.text == catalogue()["discharges_pollutants"].question
