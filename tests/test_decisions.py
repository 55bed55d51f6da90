"""Decisions with a trail: read from tables and toml, applied beside the level of the rules."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from controllines.decisions import (
    DECIDED,
    FIELDS,
    Decision,
    Decisions,
    apply,
    choices,
    known,
    level_names,
    levels,
    read_decisions,
)
from controllines.errors import UsageError
from controllines.results import VERDICTS
from controllines.rules import LEVELS
from controllines.rules.words import words
from tests.test_findings import FORBIDDEN

LINES = {"ecological_redline": "生态保护红线", "permanent_farmland": "永久基本农田"}
RED, FARM = LINES
HEAD = ["地块编号", "项目", "控制线", "核对结果", *DECIDED]
WHOLE = ["须报批准", "已取得认定意见", "认定〔2026〕5号", "张三", "2026-11-20"]
PROJECTS = {"a": "P1", "b": "P1", "c": "P2"}


def verdicts(*rows: tuple[str, str, str, str | None, bool]) -> pd.DataFrame:
    frame = pd.DataFrame([dict(zip(("scope", "subject_id", "kind", "level", "decisive"), row, strict=True))
                          for row in rows])  # fmt: skip
    return frame.reindex(columns=list(VERDICTS))


#: P1 has two parcels: both in the redline, b also in farmland; P2 has c, clear of both.
FRAME = verdicts(
    ("parcel", "a", RED, "prohibited", True), ("parcel", "a", RED, None, False), ("parcel", "a", FARM, "clear", True),
    ("parcel", "b", RED, "undetermined", True), ("parcel", "b", FARM, "approval", True),
    ("parcel", "c", RED, "clear", True), ("parcel", "c", FARM, "clear", True),
    ("project", "P1", RED, "prohibited", True), ("project", "P1", FARM, "approval", True),
    ("project", "P1", "general", "conditional", True),
    ("project", "P2", RED, "clear", True), ("project", "P2", FARM, "clear", True),
)  # fmt: skip


def decision(subject: str, kind: str, level: str, scope: str = "parcel") -> Decision:
    return Decision(scope, subject, kind, level, "理由", "文件", "张三", "2026-11-20")  # type: ignore[arg-type]


def sheet(tmp_path: Path, *rows: list[object], run_id: str | None = "0123456789ab", head: list[str] = HEAD) -> Path:
    """A report with a title, grouped headings, and the sheet 说明 behind it."""
    book = openpyxl.Workbook()
    book.active.title = "明细"
    for row in (["三条控制线核对　明细"], ["审查用"], head, *rows, [], ["本表由软件生成"]):
        book.active.append(row)
    notes = book.create_sheet("说明")
    if run_id:
        notes.append(["项目", "内容"])
        notes.append(["核对编号", run_id])
    path = tmp_path / "三线核对汇总表.xlsx"
    book.save(path)
    return path


def test_a_filled_sheet_is_read(tmp_path: Path) -> None:
    path = sheet(
        tmp_path,
        ["a", "P1", "生态保护红线", "重叠", *WHOLE],
        ["b", "P1", "生态保护红线", "重叠"],
        ["=b+1", "P1", "永久基本农田", "重叠", "conditional", "=1+1", "甲\n乙", "@李四", pd.Timestamp("2026-11-05")],
    )
    read = read_decisions(path)
    assert read.run_id == "0123456789ab"
    assert [
        (item.scope, item.subject_id, item.kind, *(getattr(item, name) for name in FIELDS)) for item in read.items
    ] == [
        ("parcel", "a", "生态保护红线", "approval", "已取得认定意见", "认定〔2026〕5号", "张三", "2026-11-20"),
        ("parcel", "=b+1", "永久基本农田", "conditional", "=1+1", "甲\n乙", "@李四", "2026-11-05"),
    ]
    assert read.record() == {"path": str(path), "sha256": read.sha256, "run_id": "0123456789ab", "count": 2}
    assert Decisions().record() is None


def test_toml_says_the_same(tmp_path: Path) -> None:
    path = tmp_path / "认定.toml"
    path.write_text(
        'run_id = "0123456789ab"\n[[decision]]\nproject = "P1"\nline = "ecological_redline"\nlevel = "待核实"\n'
        'reason = "资料不全"\ndocument = "补正通知"\nby = "张三"\ndate = 2026-11-20\n',
        encoding="utf-8",
    )
    read = read_decisions(path)
    assert read.run_id == "0123456789ab"
    item = read.items[0]
    assert (item.scope, item.subject_id, item.level, item.date) == ("project", "P1", "undetermined", "2026-11-20")
    assert item.trail == "人工认定：资料不全（依据：补正通知；认定人：张三；2026-11-20）"


@pytest.mark.parametrize("text", ["[[decision]\n", "decision = 1", "decision = [1]", "[decision]\nparcel = 'a'",
                                  "x = 1", "[[decision]]\nplot = 'a'"])  # fmt: skip
def test_a_toml_that_cannot_be_used_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "d.toml").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="DECISIONS_FORM"):
        read_decisions(tmp_path / "d.toml")
    with pytest.raises(UsageError, match="DECISIONS_FORM"):
        read_decisions(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("at", "value", "code", "told"),
    [
        (4, None, "DECISION_INCOMPLETE", "人工认定"),
        (5, " ", "DECISION_INCOMPLETE", "理由"),
        (6, None, "DECISION_INCOMPLETE", "依据文件"),
        (7, None, "DECISION_INCOMPLETE", "认定人"),
        (8, None, "DECISION_INCOMPLETE", "日期"),
        (0, None, "DECISION_INCOMPLETE", "地块编号"),
        (2, None, "DECISION_INCOMPLETE", "控制线"),
        (4, "可以", "DECISION_VALUE", "须报批准"),
        (8, "昨天", "DECISION_VALUE", "昨天"),
        (8, "2026-13-01", "DECISION_VALUE", "2026-13-01"),
        (8, "2026-02-30", "DECISION_VALUE", "2026-02-30"),
    ],
)
def test_a_trail_with_a_gap_is_an_error(tmp_path: Path, at: int, value: object, code: str, told: str) -> None:
    row: list[object] = ["a", "P1", "生态保护红线", "重叠", *WHOLE]
    row[at] = value
    with pytest.raises(UsageError, match=code) as caught:
        read_decisions(sheet(tmp_path, row))
    assert told in str(caught.value)
    assert "第 4 行" in str(caught.value)


@pytest.mark.parametrize("text", ["2026-11-05", "2026/11/5", "2026.11.05", "2026年11月5日", "2026-11-05 00:00:00"])
def test_dates_as_people_write_them(tmp_path: Path, text: str) -> None:
    assert read_decisions(sheet(tmp_path, ["a", "", RED, "", *WHOLE[:4], text])).items[0].date == "2026-11-05"


def test_two_decisions_about_the_same_or_no_such_sheet(tmp_path: Path) -> None:
    row = ["a", "P1", "生态保护红线", "重叠", *WHOLE]
    with pytest.raises(UsageError, match="DECISION_TWICE") as caught:
        read_decisions(sheet(tmp_path, row, row))
    assert "第 4 行与第 5 行" in str(caught.value)
    with pytest.raises(UsageError, match="DECISIONS_FORM"):
        read_decisions(sheet(tmp_path, row, head=[name for name in HEAD if name != "理由"]))


def test_levels_have_names_and_every_choice_of_the_drop_down_is_one() -> None:
    assert [level_names()[choice] for choice in choices()] == list(LEVELS)
    assert {level_names()[level] for level in LEVELS} == set(LEVELS)
    assert level_names()["位于城镇开发边界内"] == "clear"
    texts = [*choices(), *words()["decision"].values()]
    assert not [word for word in FORBIDDEN for text in texts if word in text]


def test_ids_and_lines_are_those_of_the_result(tmp_path: Path) -> None:
    frame = verdicts(("parcel", "地块（一）", RED, "prohibited", True))
    given = Decisions((decision("地块(一)", "生态保护红线", "approval"),), "0123456789ab", "f.xlsx", "00")
    found, notes = known(given, frame, LINES, "0123456789ab")
    assert (found.items[0].subject_id, found.items[0].kind, notes) == ("地块（一）", RED, [])
    _, notes = known(given, frame, LINES, "ffffffffffff")
    assert [note.code for note in notes] == ["DECISIONS_OTHER_RUN"]
    assert known(Decisions((), None, "d.toml"), frame, LINES, "ffffffffffff")[1] == []


@pytest.mark.parametrize(
    ("subject", "kind", "scope", "told"),
    [
        ("z", RED, "parcel", "z"),
        ("a", "城市绿线", "parcel", "城市绿线"),
        ("P1", RED, "parcel", "P1"),
        ("a", RED, "project", "a"),
        ("a", "general", "parcel", "general"),
    ],
)
def test_what_was_not_judged_cannot_be_decided(subject: str, kind: str, scope: str, told: str) -> None:
    given = Decisions((decision(subject, kind, "clear", scope),), None, "f.xlsx")
    with pytest.raises(UsageError, match="DECISION_UNKNOWN") as caught:
        known(given, FRAME, LINES | {"general": "项目整体"}, "x")
    assert told in caught.value.finding.message


def decided(*made: Decision) -> tuple[pd.DataFrame, dict[tuple[str, str], str]]:
    frame = apply(FRAME, made, PROJECTS)
    return frame, levels(frame, PROJECTS)


def test_without_decisions_nothing_changes() -> None:
    frame, found = decided()
    pd.testing.assert_frame_equal(frame, FRAME.assign(original_level=None, override=None), check_dtype=False)
    assert found == {
        ("parcel", "a"): "prohibited", ("parcel", "b"): "undetermined", ("parcel", "c"): "clear",
        ("project", "P1"): "prohibited", ("project", "P2"): "clear",
    }  # fmt: skip


def test_a_decision_changes_the_level_and_keeps_that_of_the_rules() -> None:
    frame, found = decided(decision("a", RED, "approval"))
    row = frame.iloc[0]
    assert (row["level"], row["original_level"]) == ("approval", "prohibited")
    assert "张三" in row["override"]
    assert frame.iloc[1:]["override"].isna().all()
    assert found["parcel", "a"] == "approval"
    assert found["project", "P1"] == "prohibited"  # b is still open, so the project keeps the level of the rules
    assert FRAME["override"].isna().all()  # pure


def test_a_project_follows_once_all_its_parcels_concerned_were_decided() -> None:
    frame, found = decided(decision("a", RED, "approval"), decision("b", RED, "conditional"))
    project = frame[(frame["scope"] == "project") & (frame["kind"] == RED)].iloc[0]
    assert (project["level"], project["original_level"]) == ("approval", "prohibited")
    assert "a、b" in project["override"]
    assert found["project", "P1"] == "approval"
    frame, found = decided(decision("b", FARM, "prohibited"))
    assert found["project", "P1"] == "prohibited"


def test_a_decision_about_the_project_itself_holds() -> None:
    made = [decision("a", RED, "clear"), decision("b", RED, "clear"), decision("P1", RED, "undetermined", "project")]
    frame, found = decided(*made)
    project = frame[(frame["scope"] == "project") & (frame["kind"] == RED)].iloc[0]
    assert (project["level"], project["original_level"]) == ("undetermined", "prohibited")
    assert found["project", "P1"] == "undetermined"


def test_a_clear_line_may_be_decided_otherwise() -> None:
    _, found = decided(decision("c", FARM, "undetermined"))
    assert found["parcel", "c"] == "undetermined"
    assert found["project", "P2"] == "undetermined"
