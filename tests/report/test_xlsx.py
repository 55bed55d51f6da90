"""三线核对汇总表.xlsx, read back: heads, totals, text that stays text."""

from __future__ import annotations

from decimal import Decimal

from tests.report.readback import table


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


def test_totals_are_the_sums_of_the_cells(book):
    for name, first in (("总表", 5), ("图斑", 4), ("单元", 4), ("项目", 5)):
        sheet = book[name]
        rows = table(sheet, first)
        last = [cell.value for cell in sheet[first + len(rows)]]
        assert last[0] == "合计"
        summed = 0
        for number, value in enumerate(last):
            if isinstance(value, float | int):
                summed += 1
                cells = [row[number] for row in rows if isinstance(row[number], float | int)]
                assert sum(Decimal(str(cell)) for cell in cells) == Decimal(str(value))
        assert summed >= 2


def test_pieces_of_a_line_add_up_to_its_figure(book):
    inside = {(row[0], row[2]): row[4] for row in table(book["明细"], 4)}
    pieces = [row for row in table(book["图斑"], 4) if row[0] == "TKX-004"]
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


def test_findings_are_grouped_with_exact_counts(book):
    rows = table(book["问题清单"], 4)
    assert [(row[0], row[1], row[8]) for row in rows] == [
        ("错误", 1, "GEOMETRY_COLLAPSED"), ("已修复", 2, "GEOMETRY_REPAIRED"),
    ]  # fmt: skip
    assert "（88.5, 42.8）" in rows[1][7]


def test_notes_trace_the_run(book):
    notes = {row[0]: row[1] for row in table(book["说明"], 4)}
    assert notes["核对编号"] == "0123456789ab"
    assert notes["未作核对"] == "自然保护地"
    assert "2022年批准启用成果" in notes["图层：生态保护红线"]
    assert "ab" * 32 in notes["申报文件：申请/2026/一批.txt"]
    assert "controllines 0.1.0" in notes["软件版本"]
