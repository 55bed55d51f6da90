"""Tables of corner points: rings closed, axes as surveyors write them, no cell that a spreadsheet would run."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pytest
import shapely

from controllines.io import read
from tests.io.dialects import normal
from tests.io.writers.conftest import sheet, solar, written

HEADINGS = ["地块编号", "地块名称", "圈号", "序号", "点号"]


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.reader(stream))


def test_points_run_on_through_the_rings_and_each_ring_ends_where_it_began(tmp_path: Path) -> None:
    """400 × 300 m with a hole: each ring clockwise from its north-west, X is north."""
    assert written(tmp_path / "a.csv", sheet(solar(), DKBH=["1"], DKMC=["甲"], 备注=["水"])) == []
    head, *points = rows(tmp_path / "a.csv")
    assert head == [*HEADINGS, "X坐标", "Y坐标", "备注"]
    assert [row[2:5] for row in points] == [
        ["1", "1", "J1"], ["1", "2", "J2"], ["1", "3", "J3"], ["1", "4", "J4"], ["1", "5", "J1"],
        ["2", "6", "J5"], ["2", "7", "J6"], ["2", "8", "J7"], ["2", "9", "J8"], ["2", "10", "J5"],
    ]  # fmt: skip
    assert points[0] == ["1", "甲", "1", "1", "J1", "4738300.0", "30385000.0", "水"]
    assert points[1][5:7] == ["4738300.0", "30385400.0"]
    assert points[5][5:7] == ["4738200.0", "30385150.0"]


def test_degrees_are_named_as_degrees(tmp_path: Path) -> None:
    written(tmp_path / "a.csv", sheet(shapely.box(80, 40, 81, 41), crs=4490))
    head, first, *_ = rows(tmp_path / "a.csv")
    assert head == [*HEADINGS, "纬度", "经度"]
    assert first == ["1", "", "1", "1", "J1", "41.0", "80.0"]


def test_formulas_do_not_run(tmp_path: Path) -> None:
    evil = sheet(solar(), DKBH=["1"], DKMC=['=HYPERLINK("http://x")'], 备注=["@a\nb"])
    [changed] = written(tmp_path / "b.csv", evil)
    assert (changed.code, changed.actual) == ("WRITE_TEXT_CHANGED", "20")  # two cells in each of ten rows
    assert rows(tmp_path / "b.csv")[1][1] == '\'=HYPERLINK("http://x")'
    assert rows(tmp_path / "b.csv")[1][7] == "'@a b"
    written(tmp_path / "b.xlsx", evil)
    with zipfile.ZipFile(tmp_path / "b.xlsx") as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")
    cells = {cell.data_type for row in openpyxl.load_workbook(tmp_path / "b.xlsx")["界址点"] for cell in row}
    assert cells <= {"s", "n"}


def test_same_ids_stay_two_parcels_in_a_table(tmp_path: Path) -> None:
    far = solar(30_386_000)
    written(tmp_path / "b.csv", sheet(solar(), far, DKBH=["1", "1"]))
    assert list(dict.fromkeys(row[0] for row in rows(tmp_path / "b.csv")[1:])) == ["1", "1_1"]
    [back] = read(tmp_path / "b.csv")
    assert [normal(geom) for geom in back.geoms] == [normal(solar()), normal(far)]


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_fields_named_like_the_columns_of_corner_points(tmp_path: Path, suffix: str) -> None:
    values = {"DKBH": ["0101"], "DKMC": ["甲"], "Name": ["n"], "X": [1.5], "纬度": ["b"], "no": [7]}
    [renamed] = written(tmp_path / f"丁{suffix}", sheet(solar(), **values))
    assert (renamed.code, renamed.actual) == ("WRITE_FIELD_RENAMED", "4")
    assert "Name→Name_属性" in renamed.message
    [back] = read(tmp_path / f"丁{suffix}")
    assert normal(back.geoms[0]) == normal(solar())
    assert {"Name_属性", "X_属性", "纬度_属性", "no_属性"} < set(back.frame.columns)


def test_what_a_worksheet_cannot_hold_is_left_out_and_counted(tmp_path: Path) -> None:
    """A control character in the first of two parcels of ten points; infinity is an error value."""
    plots = sheet(solar(), solar(30_386_000), DKMC=["甲\x07", "乙"], 数=[np.inf, 1.5])
    [changed] = written(tmp_path / "a.xlsx", plots)
    assert (changed.code, changed.actual) == ("WRITE_TEXT_CHANGED", "10")
    page = openpyxl.load_workbook(tmp_path / "a.xlsx", data_only=True)["界址点"]
    assert [page.cell(row, 2).value for row in (2, 12)] == ["甲", "乙"]
    assert [page.cell(row, 8).value for row in (2, 12)] == ["#DIV/0!", 1.5]


def test_a_cell_longer_than_a_worksheet_holds_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"32767.*第 12 行"):
        written(tmp_path / "a.xlsx", sheet(solar(), solar(30_386_000), BZ=["短", "字" * 32_768]))
