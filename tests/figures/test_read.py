"""Texts in every encoding and form; a bad one never stops a good one."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

import controllines as cl
from controllines.figures.read import find_texts, read_text

TEXT = "第一行\r\n耕地10.00公顷（160.00亩）。\r\n"


@pytest.mark.parametrize(("encoding", "told"), [("utf-8", "UTF-8"), ("gb18030", "GB18030"), ("utf-16", "UTF-16LE"),
                                                ("utf-8-sig", "UTF-8-SIG")])  # fmt: skip
def test_encodings(tmp_path: Path, encoding: str, told: str) -> None:
    (tmp_path / "a.txt").write_bytes(TEXT.encode(encoding))
    text = read_text(tmp_path / "a.txt")
    assert text.encoding == told
    assert text.lines[1] == (2, "耕地10.00公顷（160.00亩）。")


def test_word_documents(tmp_path: Path) -> None:
    docx = pytest.importorskip("docx")
    document = docx.Document()
    document.add_paragraph("耕地10.00公顷（160.00亩）。")
    document.add_paragraph("单位：公顷")
    table = document.add_table(rows=4, cols=3)
    for row, cells in enumerate([("地类", "面积（公顷）", "面积（亩）"), ("耕地", "60.00", "900.00"),
                                 ("园地", "40.00", "600.00"), ("合计", "110.00", "1500.00")]):  # fmt: skip
        for column, cell in enumerate(cells):
            table.cell(row, column).text = cell
    document.add_paragraph("园地20.00公顷（300.00亩）。")
    document.save(str(tmp_path / "a.docx"))
    frame = cl.audit_figures(tmp_path / "a.docx").frame
    assert frame["verdict"].tolist().count("differs") == 2 + 0  # the pair in the text, and the last row's pair
    assert set(frame.loc[frame["verdict"] == "differs", "check"]) == {"pair"}
    assert frame.loc[frame["check"] == "sum", "verdict"].tolist() == ["not_judged", "agrees"]  # 110 is 10 % off


def test_merged_cells_of_a_word_table_are_headings_twice_and_figures_once(tmp_path: Path) -> None:
    docx = pytest.importorskip("docx")
    document = docx.Document()
    table = document.add_table(rows=4, cols=3)
    table.cell(0, 1).merge(table.cell(0, 2)).text = "面积（公顷）"
    table.cell(1, 2).merge(table.cell(2, 2)).text = "5.00"
    for row, cells in {1: ("甲", "5.00"), 2: ("乙", "6.00"), 3: ("合计", "11.00")}.items():
        table.cell(row, 0).text, table.cell(row, 1).text = cells
    table.cell(3, 2).text = "5.00"
    document.save(str(tmp_path / "a.docx"))
    (found,) = read_text(tmp_path / "a.docx").tables
    assert [cell for _, cell in found.rows[0]] == ["", "面积（公顷）", "面积（公顷）"]
    assert [row[2][1] for row in found.rows[1:]] == ["5.00", "", "5.00"]


def test_bad_texts_are_named_and_the_others_read(tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "bad.docx").write_bytes(b"PK\x03\x04 no document")
    with zipfile.ZipFile(tmp_path / "entity.docx", "w") as book:
        book.writestr("word/document.xml", '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>')
    audit = cl.audit_figures(tmp_path)
    assert len(audit.frame) == 1
    codes = {Path(item.source or "").name: item.code for item in audit.findings}
    assert codes == {"bad.txt": "TEXT_UNREADABLE", "bad.docx": "FILE_CORRUPT", "entity.docx": "XML_UNSAFE"}


def test_a_file_of_another_kind_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF")
    assert find_texts(tmp_path) == []
    with pytest.raises(cl.InputError, match="TEXTS_NONE") as error:
        cl.audit_figures(tmp_path / "a.pdf")
    assert [item.code for item in error.value.causes] == ["TEXT_SUFFIX"]
    with pytest.raises(cl.InputError, match="TEXTS_NONE"):
        cl.audit_figures(tmp_path)
    with pytest.raises(cl.InputError, match="FILE_NOT_FOUND"):
        cl.audit_figures(tmp_path / "none.txt")
