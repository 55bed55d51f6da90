"""面积统计表.xlsx and its folder: figures that add up as printed, sheets that Excel takes, all files or none."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xlsxwriter

from controllines.errors import OutputError
from controllines.report.statistics import parents_of, sheet_name, write_statistics, write_table
from controllines.tables import AreaTable
from tests.report.conftest import area_table
from tests.report.readback import sheets

RED, FARM = "生态保护红线", "永久基本农田"
TRUE = {"甲镇": 123.4567, "乙镇": 234.5678, "范围外": 0.0003}  # hectares


@pytest.fixture
def table() -> AreaTable:
    rows = [
        (RED, code, name, TRUE[name] * 1e4, np.nan) for code, name in (("1", "甲镇"), ("2", "乙镇"), (None, "范围外"))
    ]
    return area_table(("township",), [*rows, (FARM, "1", "甲镇", 1e4, 9e3)])


def test_printed_figures_add_up_and_are_next_to_the_true_ones(table: AreaTable, tmp_path: Path) -> None:
    cells = sheets(write_table(table, tmp_path / "a.xlsx"))[RED]
    assert cells[0][0] == "生态保护红线面积统计表（单元）"
    assert cells[0][3] == "单位：公顷"
    assert cells[1][0].startswith("合成数据，仅供演示　椭球面积（CGCS2000）　规划：试县")
    assert cells[2] == ["代码", "单元", "生态保护红线", "生态保护红线（亩）"]
    rows = {row[1]: row for row in cells[3:7]}
    assert list(rows) == ["甲镇", "乙镇", "范围外", "合计"]
    assert rows["范围外"][2:] == ["3.00平方米", "3.00平方米"]  # 0.0003 ha would print as zero
    for column, factor in ((2, 1), (3, 15)):
        towns = [rows[name][column] for name in ("甲镇", "乙镇")]
        assert round(sum(towns), 2) == rows["合计"][column]
        for name, printed in zip(TRUE, towns, strict=False):
            assert abs(printed - TRUE[name] * factor) < 0.01


def test_a_sheet_for_each_line_and_convention(table: AreaTable, tmp_path: Path) -> None:
    cells = sheets(write_table(table, tmp_path / "a.xlsx", unit="亩", decimals=1))
    assert list(cells) == [RED, FARM, f"{FARM}（净）", "说明"]
    assert [row[2] for row in cells[f"{FARM}（净）"][3:6]] == [13.5, 0, 13.5]  # 0.9 ha
    assert cells[FARM][2] == ["代码", "单元", FARM]  # no second column of 亩
    notes = [row[0] for row in cells["说明"]]
    assert notes[:2] == ["合成数据，仅供演示", "规划：试县　版本：未注明"]
    # 358.0248 ha and 1 ha
    assert any("生态保护红线3.58平方公里，永久基本农田0.01平方公里" in note for note in notes)


def test_no_data_is_a_dash(table: AreaTable, tmp_path: Path) -> None:
    gone = pd.DataFrame({"line": [RED], "kind": ["township"], "code": ["2"], "name": ["乙镇"]})
    cells = sheets(write_table(dataclasses.replace(table, missing=gone), tmp_path / "a.xlsx"))[RED]
    assert {row[1]: row[2] for row in cells[3:7]} == {
        "甲镇": 123.46, "乙镇": "—", "范围外": "3.00平方米", "合计": "—"}  # fmt: skip


def test_every_difference_of_the_balance_is_listed(table: AreaTable, tmp_path: Path) -> None:
    columns = ["line", "kind", "layer", "code", "name", "area_m2"]
    for rows, said in (([(RED, "空隙", "乡镇", None, None, 12.345)], [RED, "空隙", "乡镇", "", "", 12.35]),
                       ([], ["没有1平方米以上的差异", *[None] * 5])):  # fmt: skip
        balanced = dataclasses.replace(table, balance=pd.DataFrame(rows, columns=columns))
        assert sheets(write_table(balanced, tmp_path / "a.xlsx"))["平衡表"][2] == said


def test_a_file_that_cannot_be_written_is_named(table: AreaTable, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="没有") as caught:
        write_table(table, tmp_path / "没有" / "a.xlsx")
    assert caught.value.finding.code == "OUTPUT_NOT_WRITTEN"


def test_the_folder_lists_its_files_and_belongs_to_its_statistics(table: AreaTable, tmp_path: Path) -> None:
    out = tmp_path / "out"
    more = {"表样.txt": lambda path: path.write_text("x", encoding="utf-8")}
    written = write_statistics(table, out, more=more)
    assert [path.name for path in written] == ["面积统计表.xlsx", "statistics.csv", "表样.txt", "statistics.json"]
    said = json.loads(written[-1].read_text(encoding="utf-8"))
    assert said["schema"] == "controllines.statistics/1"
    assert {file["path"]: file["sha256"] for file in said["files"]} == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in written[:-1]}  # fmt: skip
    csv = pd.read_csv(out / "statistics.csv", dtype=str)
    assert csv["area_m2"].map(float).tolist() == table.frame["area_m2"].tolist()  # unrounded
    write_statistics(table, out)  # the same statistics again
    other = dataclasses.replace(table, frame=table.frame.assign(area_m2=table.frame["area_m2"] + 1))
    with pytest.raises(OutputError, match="OUTPUT_NOT_EMPTY"):
        write_statistics(other, out)
    write_statistics(other, out, overwrite=True)
    assert json.loads(written[-1].read_text(encoding="utf-8"))["provenance"]["run_id"] != said["provenance"]["run_id"]


def test_sheets_have_names_that_excel_takes() -> None:
    with xlsxwriter.Workbook("unused.xlsx", {"in_memory": True}) as book:
        book.filename = os.devnull
        names = []
        for wanted in ("a/b?*[c]:", "甲" * 40, "甲" * 40, "ABC", "abc"):
            names.append(sheet_name(wanted, book))
            book.add_worksheet(names[-1])
    assert names[0] == "a·b···c··"
    assert (names[1], names[2]) == ("甲" * 31, "甲" * 28 + "（2）")
    assert names[3:] == ["ABC", "abc（2）"]  # Excel does not tell case apart
    assert max(map(len, names)) <= 31


def test_parents_stand_where_there_is_a_level_above(table: AreaTable) -> None:
    assert parents_of(table, "township") == {}
    above = dataclasses.replace(table, frame=table.frame.assign(township_parent=["县", None, None, "县"]))
    assert parents_of(above, "township") == {("1", "甲镇"): "县", ("2", "乙镇"): "", (None, "范围外"): ""}
