"""The form: what is written is read back, no formula runs, every choice has its drop-down."""

from __future__ import annotations

import re
from pathlib import Path

import openpyxl
import pytest
import shapely
import shapely.affinity
import xlsxwriter

from controllines.errors import InputError, OutputError, UsageError
from controllines.facts import (
    FormRow,
    add_form,
    catalogue,
    form_columns,
    gather,
    named,
    read_form,
    rows_of,
    write_form,
)
from controllines.parcels import read_parcels
from tests.builders import parcels
from tests.facts.conftest import BOXES, layer

HOSTILE = ["=1+1", "+CMD|' /C calc'!A0", "@x", "<b>&\"'", "_x0041_", "甲\n乙", "-1", "0012", "1.0", "项目（一期）"]


def test_the_form_reads_back_what_was_written(tmp_path: Path) -> None:
    facts = {"category": "independent_urban", "temporary": False, "linear": True, "works_period_years": 1.5,
             "er_major_project": "none", "er_recognition_area": str(tmp_path / "批件" / "范围.shp")}  # fmt: skip
    every = [{key: value} for key, fact in catalogue().items() for value in fact.values]
    rows = [FormRow(name, name, facts) for name in HOSTILE] + [FormRow(f"E{n}", facts=one)
                                                               for n, one in enumerate(every)]  # fmt: skip
    path = write_form(tmp_path / "项目信息表.xlsx", rows)
    boxes = [shapely.affinity.translate(BOXES[0], 200 * n) for n in range(len(rows))]
    taken = read_parcels(parcels(*boxes, XMBH=[row.project_id for row in rows],
                                 DKBH=[f"d{n}" for n in range(len(rows))]))  # fmt: skip
    known = gather(taken, table=path)
    assert known.findings == ()
    assert "甲 乙" in set(taken.frame["project_id"])  # ids are one line
    for row, project in zip(rows, taken.frame["project_id"], strict=True):
        assert known.of(project) == row.facts
    sheet = openpyxl.load_workbook(path)["项目信息"]
    assert {cell.data_type for cells in sheet.iter_rows() for cell in cells} <= {"s", "n"}
    assert [cell.value for cell in sheet[3]] == list(form_columns())


def test_every_choice_has_its_drop_down(tmp_path: Path) -> None:
    path = write_form(tmp_path / "项目信息表.xlsx", [FormRow("P1")])
    book = openpyxl.load_workbook(path)
    sheet, lists = book["项目信息"], book["选项"]
    assert lists.sheet_state == "hidden"
    rules = {str(rule.sqref).partition(":")[0]: rule for rule in sheet.data_validations.dataValidation}
    for cell in sheet[3]:
        fact = named(cell.value)
        if fact is None:
            continue
        rule = rules[f"{cell.column_letter}4"]
        assert rule.prompt == fact.question
        if fact.options:
            column, last = re.fullmatch(r"'选项'!\$([A-Z]+)\$1:\$[A-Z]+\$(\d+)", rule.formula1).groups()
            assert tuple(lists[f"{column}{n}"].value for n in range(1, int(last) + 1)) == fact.options
        assert rule.type == ("list" if fact.options else {"number": "decimal", "file": None}[fact.type])


def test_a_form_is_never_overwritten(tmp_path: Path) -> None:
    path = write_form(tmp_path / "表.xlsx", [FormRow("P1", facts={"temporary": True})])
    before = path.read_bytes()
    with pytest.raises(OutputError, match="FORM_EXISTS"):
        write_form(path, [])
    assert path.read_bytes() == before
    with pytest.raises(OutputError, match="OUTPUT_NOT_WRITTEN"):
        write_form(path / "表.xlsx", [])


@pytest.mark.parametrize(
    ("rows", "code", "told"),
    [
        ([["项目", "项目类别"], ["P1", "光伏"]], "FACTS_FORM", "0 张表"),
        ([["项目编号", "项目类型"], ["P1", "光伏"]], "FACT_UNKNOWN", "项目类型"),
        ([["项目编号", "项目类别"], ["", "光伏"]], "FACTS_FORM", "第 2 行没有项目编号"),
        ([["项目编号", "项目类别"], ["P1", "光伏"], ["P1", "采矿"]], "FACTS_FORM", "第 3 行与第 2 行"),
        ([["项目编号", "项目类别"], ["P1", "园区"]], "FACT_VALUE", "园区"),
    ],
)
def test_a_form_that_cannot_be_used_says_why(tmp_path: Path, rows: list[list[str]], code: str, told: str) -> None:
    path = tmp_path / "表.csv"
    path.write_text("\n".join(",".join(row) for row in rows), encoding="utf-8-sig")
    with pytest.raises(UsageError, match=code) as caught:
        gather(layer(), table=path)
    assert told in str(caught.value)
    assert caught.value.finding.source == str(path)


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "甲.geojson"
    parcels(BOXES[0]).to_file(path, driver="GeoJSON")
    with pytest.raises(InputError, match="NOT_A_TABLE"):
        read_form(path)


def test_the_form_in_the_folder_of_the_applications_is_no_application(tmp_path: Path) -> None:
    parcels(BOXES[0], XMBH=["P1"]).to_file(tmp_path / "甲.geojson", driver="GeoJSON")
    form = write_form(tmp_path / "项目信息表.xlsx", [FormRow("P1", facts={"temporary": True})])
    layer = read_parcels(tmp_path, leave_out=[form])
    assert len(layer) == 1
    assert len(read_parcels(tmp_path)) == 2
    assert [(row.project_id, row.facts) for row in rows_of(layer, gather(layer, table=form))] == [
        ("P1", {"temporary": True})
    ]


def test_the_open_questions_of_a_report_are_the_next_form(tmp_path: Path) -> None:
    """A report holds other tables with project numbers; the sheet 待补充 is the one that is read."""
    path = tmp_path / "汇总表.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("项目汇总").write_row(0, 0, ["项目编号", "面积"])
        add_form(book, [FormRow("P1", "甲", {"temporary": True}, questions=["是否为临时用地？", "属于哪一类？"])],
                 questions=True)  # fmt: skip
    sheet = openpyxl.load_workbook(path)["待补充"]
    assert [cell.value for cell in sheet[4]][:3] == ["P1", "甲", "是否为临时用地？\n属于哪一类？"]
    assert form_columns(questions=True) == ("项目编号", "项目名称", "待补充事项", *form_columns()[2:])
    [row] = read_form(path)
    assert (row.project_id, row.facts, row.line) == ("P1", {"temporary": "是"}, 4)


def test_files_are_named_from_the_folder_of_the_form(tmp_path: Path) -> None:
    facts = {"er_recognition_area": str(tmp_path / "批件" / "范围.shp")}
    path = write_form(tmp_path / "表" / "项目信息表.xlsx", [FormRow("P1", facts=facts)])
    assert read_form(path)[0].facts == {"er_recognition_area": "../批件/范围.shp"}
