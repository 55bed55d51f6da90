"""Tables as plain text: what csv and xlsx hold, and workbooks that would harm who opens them."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import openpyxl
import pytest

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
