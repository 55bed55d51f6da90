"""Decisions with a trail: read from tables and toml, applied beside the level of the rules."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
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
from controllines.facts import catalogue, form_columns
from controllines.pipeline import CheckOptions, Job, check, run
from controllines.results import VERDICTS
from controllines.rules import LEVELS, worst
from controllines.rules.words import words
from tests.builders import COUNTY, here, layer, parcels
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
    assert [level_names()[unicodedata.normalize("NFKC", choice)] for choice in choices()] == list(LEVELS)
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


# --- from report to report ---------------------------------------------------------------------------------------


def filled(report: Path, target: Path, cells: dict[tuple[str, str], list[str]]) -> Path:
    """Fill columns of 人工认定 in a copy of a report: (地块编号, 控制线) → cells."""
    book = openpyxl.load_workbook(report)
    detail = book["明细"]
    top = next(row for row in detail.iter_rows() if "地块编号" in [cell.value for cell in row])
    column = {cell.value: cell.column for cell in top}
    for row in range(top[0].row + 1, detail.max_row + 1):
        key = (detail.cell(row, column["地块编号"]).value, detail.cell(row, column["控制线"]).value)
        for name, value in zip(DECIDED, cells.get(key, []), strict=False):
            detail.cell(row, column[name]).value = value
    book.save(target)
    return target


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """Two parcels of one project, one of them half in the redline; a report of them."""
    folder = tmp_path_factory.mktemp("decisions")
    parcels(here(0, 0, 100, 100), here(500, 0, 600, 100), XMBH=["P1", "P1"]).to_file(folder / "a.gpkg", layer="a")
    for key, box in (("STBHHX", (0, 0, 50, 100)), ("YJJBNTBHTB", (900, 0, 999, 100)), ("CZKFBJ", (-99, -99, 999, 200))):
        layer([here(*box)], BSM=["1"], DLBM=["0102"], KCXS=[0.0], GHFQMC=["城镇集中建设区"], LHLX=["水源涵养"]).to_file(
            folder / "plan.gpkg", layer=key)  # fmt: skip
    layer([COUNTY], XZQDM=["650422"], XZQMC=["托克逊县"]).to_file(folder / "plan.gpkg", layer="XJXZQ")
    job = Job(parcels=(str(folder / "a.gpkg"),), plan=str(folder / "plan.gpkg"), out=str(folder / "out"),
              formats=("xlsx",), as_of="2026-11-21")  # fmt: skip
    run(job)
    return job


REPORT = "三线核对汇总表.xlsx"


def test_a_report_is_filled_and_read_back_into_the_next(job: Job, tmp_path: Path) -> None:
    sheet = filled(Path(job.out) / REPORT, tmp_path / "审定.xlsx", {("a", "生态保护红线"): WHOLE})
    result = run(replace(job, out=str(tmp_path / "out"), decisions=str(sheet), paths=False)).result
    row = result.verdicts[(result.verdicts["subject_id"] == "a") & (result.verdicts["kind"] == RED)
                          & result.verdicts["decisive"]].iloc[0]  # fmt: skip
    assert (row["level"], row["original_level"]) == ("approval", "undetermined")
    assert "DECISIONS_OTHER_RUN" not in set(result.findings["code"])
    mine = result.verdicts[result.verdicts["decisive"].astype(bool) & (result.verdicts["subject_id"] == "a")]
    assert result.parcels.set_index("parcel_id")["verdict"]["a"] == worst(list(mine["level"]))
    project = result.verdicts[(result.verdicts["subject_id"] == "P1") & (result.verdicts["kind"] == RED)]
    assert project["override"].dropna().tolist() == ["涉及的地块均已人工认定（a），项目随之"]
    text = (tmp_path / "out" / "result.json").read_text(encoding="utf-8")
    assert str(tmp_path) not in text
    written = json.loads(text)
    assert written["provenance"]["decisions"]["count"] == 1
    verdict = next(line["verdict"] for line in written["parcels"][0]["layers"] if line["kind"] == RED)
    assert (verdict["level"], verdict["original_level"]) == ("approval", "undetermined")
    assert "张三" in verdict["override"]
    detail = openpyxl.load_workbook(tmp_path / "out" / REPORT)["明细"]
    cells = [
        cell.value
        for line in detail.iter_rows()
        for cell in line
        if line[0].value == "a" and line[2].value == "生态保护红线"
    ]
    assert [cell for cell in cells if cell in WHOLE] == WHOLE
    assert "待核实" in cells  # the level of the rules stays beside it
    rulings = openpyxl.load_workbook(tmp_path / "out" / REPORT)["判定"]
    said = [str(cell.value) for line in rulings.iter_rows() for cell in line]
    assert any("规则判定为“待核实”" in text for text in said)
    again = read_decisions(tmp_path / "out" / REPORT)
    assert [(item.subject_id, item.level, item.trail) for item in again.items] == [
        ("a", "approval", result.decisions.items[0].trail)
    ]


def test_decisions_of_another_run_are_said_to_be_so(job: Job, tmp_path: Path) -> None:
    sheet = filled(Path(job.out) / REPORT, tmp_path / "审定.xlsx", {("a", "生态保护红线"): WHOLE})
    result = check(job.parcels, job.plan, as_of="2026-11-20", decisions=sheet)
    assert "DECISIONS_OTHER_RUN" in set(result.findings["code"])
    assert result.provenance["finding_counts"]["DECISIONS_OTHER_RUN"] == 1


def test_decisions_need_rules_and_known_subjects(job: Job, tmp_path: Path) -> None:
    sheet = filled(Path(job.out) / REPORT, tmp_path / "审定.xlsx", {("a", "生态保护红线"): WHOLE})
    with pytest.raises(UsageError, match="DECISIONS_NO_RULES"):
        check(job.parcels, job.plan, as_of="2026-11-21", decisions=sheet, options=CheckOptions(rules="none"))
    toml = tmp_path / "d.toml"
    toml.write_text('[[decision]]\nparcel = "z"\nline = "生态保护红线"\nlevel = "clear"\nreason = "x"\ndocument = "x"\n'
                    'by = "x"\ndate = "2026-11-21"\n', encoding="utf-8")  # fmt: skip
    with pytest.raises(UsageError, match="DECISION_UNKNOWN"):
        check(job.parcels, job.plan, as_of="2026-11-21", decisions=str(toml))


def test_the_drop_down_of_decisions(job: Job) -> None:
    detail = openpyxl.load_workbook(Path(job.out) / REPORT)["明细"]
    (rule,) = detail.data_validations.dataValidation
    assert rule.formula1 == '"' + ",".join(choices()) + '"'


def test_open_questions_are_the_next_form_of_facts(job: Job, tmp_path: Path) -> None:
    book = openpyxl.load_workbook(Path(job.out) / REPORT)
    form = book["待补充"]
    heads = [cell.value for cell in form[3]]
    assert heads == list(form_columns(questions=True))
    assert form.cell(4, heads.index("项目编号") + 1).value == "P1"
    asked = form.cell(4, heads.index("待补充事项") + 1).value.split("\n")
    assert catalogue()["category"].question in asked
    assert len(set(asked)) == len(asked)
    assert not [line for line in asked if "须报批准" in line]  # what an answer leads to stands in the sheet 判定
    form.cell(4, heads.index("项目类别") + 1).value = "光伏"
    book.save(tmp_path / "答复.xlsx")
    result = check(job.parcels, job.plan, as_of="2026-11-21", facts=tmp_path / "答复.xlsx")
    assert result.facts[["project_id", "key", "value"]].to_numpy().tolist() == [["P1", "category", "photovoltaic"]]
