"""Verdicts in the report: a word, sentences, clauses and questions from rows of the verdicts frame."""

from __future__ import annotations

from typing import Any

import pytest

import controllines as cl
from controllines.kinds import kind_of
from controllines.report.figures import Convention
from controllines.report.model import scopes_of
from controllines.report.rulings import (
    asked,
    clause_text,
    level_word,
    printer,
    project_wholes,
    questions_of,
    ruling,
    subject_word,
)
from tests.builders import CITY, FARM

AVOID, WITHIN = kind_of(FARM), kind_of(CITY)
CLAUSE = {"title": "某法", "number": "某令", "article": "第一条", "verification": "V"}


def row(level: str | None, **known: Any) -> dict[str, Any]:
    """A row of the verdicts frame, known at first hand."""
    return {"level": level, "rule_id": "R", "decisive": False, "verification": "V", "authority": None, "requires": (),
            "basis": (), "sentence": "事实。", "question": None, "flips": None, "override": None,
            "original_level": None} | known  # fmt: skip


def test_without_rows_nothing_was_judged() -> None:
    said = ruling([], AVOID)
    assert (said.level, said.word, said.speaks) == (None, "未作规则判定", False)


@pytest.mark.parametrize(
    ("level", "kind", "known", "word"),
    [
        ("approval", AVOID, {"authority": "国务院"}, "涉及，须报国务院批准"),
        ("approval", AVOID, {}, "涉及，须报有批准权的机关批准"),
        ("approval", AVOID, {"authority": "国务院", "verification": "V2"}, "涉及，疑似须报国务院批准，条款待核"),
        ("prohibited", WITHIN, {}, "不符合边界管控要求，应调整选址"),
        ("prohibited", WITHIN, {"verification": "code"}, "疑似不符合边界管控要求，应调整选址，条款待核"),
        ("prohibited", None, {}, "应予避让或调整选址"),
        ("prohibited", AVOID, {"verification": None}, "涉及，应予避让（未见适用的准入情形）"),  # a practice, no clause
        ("undetermined", AVOID, {"verification": "V2"}, "待核实"),
        ("clear", AVOID, {}, "不涉及"), ("clear", WITHIN, {}, "位于城镇开发边界内"),
        ("prohibited", AVOID, {"verification": "V2", "override": "人工认定"}, "涉及，应予避让（未见适用的准入情形）"),
        (None, AVOID, {}, "提示"),
    ],
)  # fmt: skip
def test_levels_in_words(level: str | None, kind: Any, known: dict[str, Any], word: str) -> None:
    assert level_word(level, [row(level, **known)], kind) == word


def test_one_clause_at_first_hand_is_enough() -> None:
    rows = [row("prohibited", verification="V2"), row("prohibited")]
    assert level_word("prohibited", rows, AVOID) == "涉及，应予避让（未见适用的准入情形）"


def test_open_rules_ask_but_say_nothing_beside_the_one_that_decides() -> None:
    rows = [row("undetermined", decisive=True, sentence="甲。", question="问一\n问二"),
            row("undetermined", sentence="乙。", question="问二\n问三", basis=(CLAUSE,)),
            row(None, sentence="提示。", basis=(CLAUSE, CLAUSE))]  # fmt: skip
    said = ruling(rows, AVOID)
    assert said.sentences == ("甲。", "提示。")
    assert said.questions == questions_of(rows) == ("问一", "问二", "问三")
    assert said.basis == ("《某法》（某令）第一条",)  # each once
    assert said.speaks


def test_a_decision_stands_beside_the_level_of_the_rules() -> None:
    said = ruling([row("clear", decisive=True, original_level="prohibited", override="人工认定：理由")], AVOID)
    assert (said.level, said.word) == ("clear", "不涉及")
    assert said.original == "涉及，应予避让（未见适用的准入情形）"
    assert said.sentences == ("事实。", "人工认定：理由；规则判定为“涉及，应予避让（未见适用的准入情形）”。")
    assert said.speaks


def test_sensitive_where_any_level_flips_and_silent_where_clear() -> None:
    assert ruling([row("clear", decisive=True, flips=True)], AVOID).sensitive
    assert not ruling([row("clear", decisive=True, flips=None)], AVOID).sensitive
    assert not ruling([row("clear", decisive=True)], AVOID).speaks


def test_a_note_alone_is_said() -> None:
    said = ruling([row(None, sentence="不是数据错误。", basis=(CLAUSE,))], None)
    assert (said.level, said.word, said.sentences) == (None, "提示", ("不是数据错误。",))
    assert said.speaks


def test_clauses_known_at_second_hand_say_so() -> None:
    assert clause_text(CLAUSE) == "《某法》（某令）第一条"
    assert clause_text(CLAUSE | {"number": "", "verification": "V2"}) == "《某法》第一条（条款待核）"


def test_the_level_over_all_lines() -> None:
    rows = [row("prohibited", decisive=True, verification="V2"), row("clear", decisive=True)]
    assert subject_word("prohibited", rows) == "疑似应予避让或调整选址，条款待核"
    assert subject_word(None, rows) == "未作规则判定"


def test_what_is_asked_stands_once_without_what_its_answers_lead_to(two_projects: cl.CheckResult) -> None:
    forms = {form.project_id: form for form in asked(two_projects)}
    assert set(forms) == {"P/1", "=2+2"}
    questions = forms["P/1"].questions
    assert len(set(questions)) == len(questions)
    assert "是否为临时用地？" in questions
    assert "城镇开发边界有类别不能识别，请核实类别名称" in questions  # no fact, but to be supplied
    assert not [text for text in questions if "：" in text or text.endswith("。")]


def test_planar_area_of_a_project_is_that_of_its_parcels(two_projects: cl.CheckResult) -> None:
    """100 × 100 and 50 × 80 m, and 100 × 100 m, as drawn in the plane of their zone."""
    assert [whole["planar_area_m2"] for whole in project_wholes(two_projects)] == pytest.approx([14_000, 10_000])


def test_sentences_of_rules_quote_the_tables(two_projects: cl.CheckResult) -> None:
    printed = printer(two_projects, scopes_of(two_projects), Convention())
    [case] = [case for case in two_projects.cases if case.scope == "project" and case.subject_id == "P/1"]
    assert printed(case, None).found == "申请用地1.3995公顷（20.99亩）"
    city = printed(case, CITY)
    assert city.figures() == {"conflict": "0.3998公顷（6.00亩）", "inside": "0.9997公顷（14.99亩）",
                              "outside": "0.3998公顷（6.00亩）", "whole": "1.3995公顷（20.99亩）"}  # fmt: skip
    # the whole inside is the figure of the table, 14.99; any other area prints by itself
    assert city.area(case.lines[CITY].inside_m2) == "0.9997公顷（14.99亩）"
    assert city.area(10_000.0) == "1.0000公顷（15.00亩）"
    assert printed(case, "ecological_redline").found == "不涉及生态保护红线"
