"""Tables as plain text: csv and xlsx to numbered rows of cells, before anything is understood."""

from __future__ import annotations

import contextlib
import csv
import io
import re
import struct
import unicodedata
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from controllines.errors import InputError
from controllines.io import archive, txt
from controllines.io.gate import Opened, exceeded, refuse_entities
from controllines.io.source import Limits

#: A corner-point table is a few columns wide; a forged cell reference could claim 16 384.
_MOST_COLUMNS = 256
_MOST_ROWS = 1_048_576
#: What NFKC leaves of blanks and line ends, and two marks without width that copied text has at its edges.
_BLANKS = " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\u1680\u2028\u2029\ufeff\u200b"
_FAR_ROW = re.compile(rb'<(?:row|c)\s[^>]*\br="[A-Z]*\d{8,}"')
#: What openpyxl raises on damaged workbooks: it trusts their inner structure.
_DAMAGED = (
    LookupError, ValueError, TypeError, AttributeError, SyntaxError, EOFError, RuntimeError, OverflowError,
    AssertionError, zipfile.BadZipFile, zlib.error, struct.error,
)  # fmt: skip


@dataclass(frozen=True)
class Sheet:
    """One table: name (None for csv), encoding, and its rows as (line, cells); cells are stripped plain text."""

    name: str | None
    encoding: str
    rows: list[tuple[int, list[str]]]


def plain(text: object) -> str:
    """Return text without surrounding blanks, full-width letters, digits and punctuation as plain ones."""
    return unicodedata.normalize("NFKC", str(text)).strip(_BLANKS)


def read_csv(opened: Opened) -> list[Sheet]:
    """Read a csv separated by comma, semicolon or tab.

    Raises
    ------
    InputError
        ``TEXT_UNREADABLE``, ``FILE_CORRUPT``.
    """
    text, encoding = txt.decode(opened.path.read_bytes(), opened.shown)
    text = text.removeprefix("\ufeff")
    start = text[:4096]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=start.count))
    try:
        rows = [(reader.line_num, [plain(cell) for cell in row]) for row in reader]
    except csv.Error as problem:
        told = f"第 {reader.line_num} 行：{problem}"
        raise InputError.of("FILE_CORRUPT", source=opened.shown, actual=told) from problem
    return [Sheet(None, encoding, rows)]


def read_xlsx(opened: Opened, limits: Limits) -> list[Sheet]:
    """Read the sheets of a workbook; formulas are kept as text, their stored results are not believed.

    Raises
    ------
    InputError
        ``FILE_CORRUPT``, ``LIMIT_EXCEEDED``, ``XML_UNSAFE``, ``ZIP_UNSAFE``.
    """
    import openpyxl

    try:
        _check_parts(opened, limits)
        # openpyxl prints some of what it finds
        with opened.path.open("rb") as stream, warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore", UserWarning)  # of styles, names and validation, which nobody reads here
            book = openpyxl.load_workbook(stream, read_only=True, data_only=False, keep_links=False)
            return [Sheet(str(sheet.title), "UTF-8", list(_rows(sheet))) for sheet in book.worksheets]
    except _DAMAGED as problem:
        raise InputError.of("FILE_CORRUPT", source=opened.shown, actual=str(problem)[:200] or "工作簿") from problem


def _check_parts(opened: Opened, limits: Limits) -> None:
    with zipfile.ZipFile(opened.path) as book:
        members = archive.checked_members(book, opened.shown, limits)
        total = sum(member.file_size for member in members)
        if total > limits.max_text_bytes:
            raise exceeded(opened.shown, "max_text_bytes", limits.max_text_bytes, total)
        for member in members:
            if member.filename.lower().endswith((".xml", ".rels", ".vml")):
                data = book.read(member)
                refuse_entities(data, opened.shown)
                if _FAR_ROW.search(data):
                    raise ValueError("行号超出工作表的范围")


def _rows(sheet: Any) -> Iterator[tuple[int, list[str]]]:
    # The size that a sheet claims may be forged; its rows are what counts.
    sheet.reset_dimensions()
    rows = sheet.iter_rows(max_col=_MOST_COLUMNS, max_row=_MOST_ROWS, values_only=True)
    blank = False
    for line, row in enumerate(rows, start=1):
        before, blank = blank, row.count(None) == len(row)
        if blank and before:  # a row with a forged number stands behind a million of these
            continue
        cells = ["" if value is None else _text(value) for value in row]
        while cells and not cells[-1]:
            cells.pop()
        yield line, cells


def _text(value: object) -> str:
    # repr() gives back every digit of a number; 1.0 as a label is 1.
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return plain(value)
