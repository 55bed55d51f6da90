"""三线核对汇总表.xlsx, read back: heads, totals, text that stays text."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from controllines.decisions import choices
from controllines.errors import OutputError
from controllines.report import xlsx
from controllines.report.model import build
from controllines.report.xlsx import number_format, text_width
from tests.report.readback import sheets, table


def test_sheets_headings_and_frozen_heads(book):
    assert book.sheetnames == ["总表", "明细", "图斑", "单元", "项目", "问题清单", "说明"]
    for sheet in book:
        assert sheet["A1"].value.startswith("三条控制线套合核对")
        assert "合成数据，仅供演示" in sheet["A2"].value
        assert sheet.freeze_panes is not None
        assert sheet.auto_filter.ref
        assert sheet.page_setup.orientation == "landscape"
        assert sheet.print_title_rows
        assert "不代替自然资源主管部门的审查意见" in sheet.oddFooter.left.text
    for sheet in book.worksheets[:5]:
        assert "面积口径：椭球面积" in sheet["A2"].value


def test_totals_are_the_sums_of_the_cells(cells):
    for name, first in (("总表", 5), ("图斑", 4), ("单元", 4), ("项目", 5)):
        rows = table(cells[name], first)
        last = cells[name][first - 1 + len(rows)]
        assert last[0] == "合计"
        summed = 0
        for number, value in enumerate(last):
            if isinstance(value, float | int):
                summed += 1
                column = [row[number] for row in rows if isinstance(row[number], float | int)]
                assert sum(Decimal(str(cell)) for cell in column) == Decimal(str(value))
        assert summed >= 2


def test_pieces_of_a_line_add_up_to_its_figure(cells):
    inside = {(row[0], row[2]): row[4] for row in table(cells["明细"], 4)}
    pieces = [row for row in table(cells["图斑"], 4) if row[0] == "TKX-004"]
    assert len(pieces) == 2
    assert sum(Decimal(str(row[5])) for row in pieces) == Decimal(str(inside["TKX-004", "城镇开发边界"]))


def test_ids_and_formulas_are_text(book, hostile):
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"]
    assert not [cell for cell in cells if cell.hyperlink]
    texts = {cell.value for cell in cells}
    assert hostile["formula"] in texts
    assert hostile["html"] in texts
    assert "响铃[31m反" in texts
    assert any(hostile["template"] in str(text) for text in texts)
    assert hostile["long"] in texts


def test_looks_are_those_of_the_places_of_a_figure() -> None:
    assert [number_format(places) for places in (0, 2, 4)] == ["0", "0.00", "0.0000"]


def test_chinese_signs_are_as_wide_as_two_digits() -> None:
    assert [text_width(text) for text in ("", "a1", "地块", "a地，")] == [0, 2, 4, 5]


def test_a_sheet_that_excel_could_not_hold_is_refused_by_name(report, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(xlsx, "ROWS", 10)
    with pytest.raises(OutputError, match="总表") as caught:
        xlsx.write(report, tmp_path / "a.xlsx")
    found = caught.value.finding
    assert (found.code, found.layer, found.actual, found.expected) == ("XLSX_TOO_LONG", "总表", "11", "10")


def test_a_text_that_excel_could_not_hold_is_cut(report, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(xlsx, "LONGEST", 20)
    xlsx.write(report, tmp_path / "a.xlsx")
    texts = [cell for rows in sheets(tmp_path / "a.xlsx").values() for row in rows[3:] for cell in row]
    assert "长" * 20 in texts
    assert "长" * 21 not in "".join(map(str, texts))


def test_a_judged_report_is_the_form_of_what_is_decided_and_asked_next(two_projects, tmp_path: Path) -> None:
    xlsx.write(build(two_projects), tmp_path / "a.xlsx")
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    assert {"判定", "待补充"} <= set(book.sheetnames)
    detail = book["明细"]
    [column] = [cell.column_letter for cell in detail[3] if cell.value == "人工认定"]
    [choice] = [item for item in detail.data_validations.dataValidation if item.type == "list"]
    assert str(choice.sqref) == f"{column}4:{column}12"  # three parcels × three lines
    assert set(choice.formula1.strip('"').split(",")) == set(choices())
