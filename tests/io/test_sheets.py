"""Tables as plain text: what csv and xlsx hold, and workbooks that would harm who opens them."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import openpyxl
import pytest

from controllines.errors import InputError
from controllines.io import Limits
from controllines.io.gate import Opened
from controllines.io.sheets import Sheet, plain, read_csv, read_xlsx
from tests.io.conftest import BOUND, bomb, refused


@pytest.mark.parametrize(
    "member", ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml", "[Content_Types].xml"]
)
def test_entities_in_a_workbook(sealed: Path, calls: tuple[str, list[object]], member: str) -> None:
    path = sealed / "x.xlsx"
    original = io.BytesIO()
    openpyxl.Workbook().save(original)
    with zipfile.ZipFile(original) as book, zipfile.ZipFile(path, "w") as out:
        for name in book.namelist():
            text = book.read(name).decode()
            out.writestr(name, bomb() + text if name == member else text)
        if member not in book.namelist():
            out.writestr(member, bomb())
    refused(path, "XML_UNSAFE", limits=BOUND)


def test_a_workbook_that_claims_to_be_huge(sealed: Path) -> None:
    """One cell in the last column of the last row, and a dimension to match."""
    for row in ("1048576", "99999999999"):
        path = sealed / "x.xlsx"
        original = io.BytesIO()
        openpyxl.Workbook().save(original)
        with zipfile.ZipFile(original) as book, zipfile.ZipFile(path, "w") as out:
            for name in book.namelist():
                text = book.read(name).decode()
                if name.endswith("sheet1.xml"):
                    cell = f'<row r="{row}"><c r="XFD{row}" t="n"><v>1</v></c></row>'
                    text = text.replace("</sheetData>", f"{cell}</sheetData>").replace("A1:A1", f"A1:XFD{row}")
                    assert cell in text
                    assert f'"A1:XFD{row}"' in text
                out.writestr(name, text)
        refused(path, "POINTS_NO_HEADER", "FILE_EMPTY", "FILE_CORRUPT", limits=BOUND)


def test_a_workbook_of_zeros(sealed: Path) -> None:
    path = sealed / "x.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/workbook.xml", b" " * (65 * 2**20))
    assert "max_text_bytes" in refused(path, "LIMIT_EXCEEDED", limits=BOUND)


def csv_rows(path: Path, data: bytes) -> Sheet:
    path.write_bytes(data)
    [sheet] = read_csv(Opened(path, path, "CSV", ""))
    return sheet


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_rows_of_a_csv(tmp_path: Path, encoding: str, separator: str) -> None:
    """A quoted cell may hold line ends: the line is the one where its row ends."""
    text = separator.join(["编号", '"甲\n乙"', "　１．５ "]) + "\r\n\r\nP1\r\n"
    sheet = csv_rows(tmp_path / "a.csv", text.encode(encoding))
    assert sheet.rows == [(2, ["编号", "甲\n乙", "1.5"]), (3, []), (4, ["P1"])]


def test_a_csv_that_cannot_be_read_names_its_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"FILE_CORRUPT.*第 2 行"):
        csv_rows(tmp_path / "a.csv", b"a,b\n" + b'"' + b"x" * 140_000 + b'"\n')
    with pytest.raises(InputError, match="TEXT_UNREADABLE"):
        csv_rows(tmp_path / "b.csv", b"a,\xff\xff\xff b\n")


def sheets_of(path: Path) -> list[Sheet]:
    return read_xlsx(Opened(path, path, "XLSX", ""), Limits())


def test_cells_of_a_workbook_are_text_digit_by_digit(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    page = book.active
    page.title = "界址点"
    page.append([1.0, 0.1, 4405200.123, 1e22, True, "＝甲 ", None, "=SUM(A1:A2)", None])
    book.create_sheet("空表")
    book.save(tmp_path / "a.xlsx")
    first, empty = sheets_of(tmp_path / "a.xlsx")
    assert (first.name, empty.name) == ("界址点", "空表")
    assert first.rows == [(1, ["1", "0.1", "4405200.123", "1e+22", "True", "=甲", "", "=SUM(A1:A2)"])]
    assert [cells for _, cells in empty.rows if cells] == []


def test_of_many_blank_rows_one_is_kept_with_its_number(tmp_path: Path) -> None:
    """A row of a forged number stands behind a million of them."""
    path, far = tmp_path / "a.xlsx", tmp_path / "b.xlsx"
    book = openpyxl.Workbook()
    for row in (["a"], ["b"], ["c"]):
        book.active.append(row)
    book.save(path)
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(far, "w") as out:
        for name in archive.namelist():
            text = archive.read(name).decode()
            out.writestr(name, re.sub(r'r="(A?)3"', r'r="\g<1>40000"', text) if name.endswith("sheet1.xml") else text)
    [sheet] = sheets_of(far)
    assert sheet.rows == [(1, ["a"]), (2, ["b"]), (3, []), (40_000, ["c"])]


def test_plain_text_of_a_cell() -> None:
    blanks = "".join(filter(str.isspace, map(chr, range(0x3001))))
    assert plain(f"\ufeff{blanks}\u200b\ufeffＡ１ （甲）{blanks}\u200b ") == "A1 (甲)"
    assert plain(5) == "5"
