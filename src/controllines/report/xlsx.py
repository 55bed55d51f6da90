"""三线核对汇总表.xlsx: the tables of the report, sheet by sheet."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

import xlsxwriter

from controllines.decisions import choices
from controllines.errors import OutputError
from controllines.facts import add_form
from controllines.report.figures import Figure
from controllines.report.model import Report
from controllines.report.sheets import Cell, Column, Table, tables
from controllines.report.words import say, word

FORMATS = {"ha": "0.0000", "mu": "0.00", "m2": "0.00", "m": "0.00", "percent": "0.00%", "count": "0",
           "coordinate": "0.000######"}  # fmt: skip
FONT = "等线"
#: Excel holds no more characters in one cell, and no more rows on one sheet.
LONGEST, ROWS = 32_000, 1_048_000
#: Widths of a digit on one A4 page across, at a size that can still be read.
PAGE_WIDTH = 190
_LINE, _TALLEST = 14.0, 12  # points of one line of text; lines of a row at most
_INK, _HEAD, _RULE = "#1F2A33", "#E8EDF0", "#B8C2C8"
_TOP = 2  # title and remark stand above the headings


def write(report: Report, path: Path) -> None:
    """Write the workbook. Text is never read as a formula or a link."""
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(path, options) as book:
        book.set_calc_mode("auto")
        book.set_properties({
            "title": report.title, "comments": "；".join((*report.head, *report.banners)),
            "created": datetime.fromisoformat(report.provenance["as_of"]),
        })  # fmt: skip
        styles = _Styles(book)
        for table in tables(report):
            _sheet(book.add_worksheet(table.name), table, report, styles)
        if report.asked:
            add_form(book, report.asked, questions=True)


def number_format(places: int) -> str:
    """Return the xlsx format of figures with so many decimals."""
    return "0." + "0" * places if places else "0"


class _Styles:
    """Formats of one workbook, made once each."""

    def __init__(self, book: Any) -> None:
        self._book, self._made = book, dict[tuple[tuple[str, object], ...], Any]()

    def __call__(self, **look: object) -> Any:
        key = tuple(sorted(look.items()))
        if key not in self._made:
            base = {"font_name": FONT, "font_size": 10, "font_color": _INK, "valign": "vcenter"}
            self._made[key] = self._book.add_format(base | look)
        return self._made[key]

    def heading(self) -> Any:
        return self(bold=True, bg_color=_HEAD, align="center", text_wrap=True, border=1, border_color=_RULE)

    def cell(self, kind: str, *, text: bool, last: bool = False) -> Any:
        look: dict[str, object] = {"border": 1, "border_color": _RULE, "bold": last}
        if last:
            look |= {"bg_color": _HEAD}
        if kind in FORMATS:
            return self(**look, align="right", num_format="@" if text else FORMATS[kind])
        return self(**look, num_format="@", text_wrap=kind == "wrap", indent=1)

    def pair(self, kind: str, *, last: bool = False) -> tuple[Any, Any]:
        """Return the looks of a column's texts and of its numbers."""
        return self.cell(kind, text=True, last=last), self.cell(kind, text=False, last=last)


def _sheet(sheet: Any, table: Table, report: Report, styles: _Styles) -> None:
    grouped = any(column.group for column in table.columns)
    first = _TOP + 1 + grouped  # row of the first data cell
    width = len(table.columns)
    for number, column in enumerate(table.columns):
        sheet.set_column(number, number, column.width)
    sheet.set_row(0, 26)
    sheet.write_string(0, 0, f"{report.title}　{table.name}", styles(bold=True, font_size=15))
    remark = (report.convention, *report.head) if table.areas else report.head
    sheet.write_string(1, 0, "　".join((*report.banners, *remark)), styles(font_color="#5B6770"))
    _headings(sheet, table.columns, styles, grouped=grouped)
    if len(table.rows) > ROWS:
        raise OutputError.of("XLSX_TOO_LONG", layer=table.name, actual=len(table.rows), expected=ROWS)
    looks = [styles.pair(column.kind) for column in table.columns]
    for row, cells in enumerate(table.rows, start=first):
        sheet.set_row(row, _height(cells, table.columns))
        _row(sheet, row, cells, looks)
    last = first + len(table.rows)
    for number, column in enumerate(table.columns):
        if column.kind == "level" and table.rows:
            sheet.data_validation(first, number, last - 1, number, {"validate": "list", "source": list(choices())})
    if table.rows:
        sheet.autofilter(first - 1, 0, last - 1, width - 1)
    _row(sheet, last, table.totals, [styles.pair(column.kind, last=True) for column in table.columns])
    sheet.write_string(last + 1 + bool(table.totals), 0, word("titles", "disclaimer"), styles(font_color="#5B6770"))
    sheet.freeze_panes(first, _frozen(table))
    _print_setup(sheet, report, first)
    pages = math.ceil(sum(column.width for column in table.columns) / PAGE_WIDTH)
    sheet.fit_to_pages(pages, 0)
    if pages > 1:
        sheet.repeat_columns(0, max(_frozen(table) - 1, 0))


def _height(cells: tuple[Cell, ...], columns: tuple[Column, ...]) -> float:
    """Return the height of a row in points: programs other than Excel do not fit it to wrapped text."""
    lines = [
        math.ceil(text_width(str(cell)) / (column.width - 3))
        for cell, column in zip(cells, columns, strict=True) if column.kind == "wrap"
    ]  # fmt: skip
    return _LINE * min(max([1, *lines]), _TALLEST) + 4


@lru_cache(100_000)
def text_width(text: str) -> int:
    """Return the width of a text in digits; Chinese signs take two."""
    return (
        len(text) if text.isascii() else sum(2 if unicodedata.east_asian_width(sign) in "WFA" else 1 for sign in text)
    )


def _frozen(table: Table) -> int:
    """Return how many columns stay in view: up to the parcel's id."""
    heads = [column.heading for column in table.columns]
    return next((heads.index(word("headings", key)) + 1 for key in ("parcel_id", "project_id")
                 if word("headings", key) in heads), 0)  # fmt: skip


def _headings(sheet: Any, columns: tuple[Column, ...], styles: _Styles, *, grouped: bool) -> None:
    style = styles.heading()
    tall = max(column.heading.count("\n") for column in columns) + 1
    sheet.set_row(_TOP + grouped, 15 * tall + 6)
    for name, members in _groups(columns):
        start, stop = members[0], members[-1]
        if name and stop > start:
            sheet.merge_range(_TOP, start, _TOP, stop, name, style)
        for number in members:
            if grouped and not name:
                sheet.merge_range(_TOP, number, _TOP + 1, number, "", style)
                sheet.write_string(_TOP, number, columns[number].heading, style)
            else:
                sheet.write_string(_TOP + grouped, number, columns[number].heading, style)


def _groups(columns: tuple[Column, ...]) -> Iterator[tuple[str, list[int]]]:
    for name, members in groupby(range(len(columns)), key=lambda number: columns[number].group):
        yield name, list(members)


def _row(sheet: Any, row: int, cells: tuple[Cell, ...], looks: Sequence[tuple[Any, Any]]) -> None:
    for number, (cell, (of_text, of_number)) in enumerate(zip(cells, looks, strict=False)):
        value = cell.number if isinstance(cell, Figure) else cell if isinstance(cell, int) else None
        if value is None:
            sheet.write_string(row, number, str(cell)[:LONGEST], of_text)
        else:
            sheet.write_number(row, number, float(value), of_number)


def _print_setup(sheet: Any, report: Report, first: int) -> None:
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.9)
    sheet.repeat_rows(0, first - 1)
    sheet.hide_gridlines(2)
    # a footer holds 255 characters, and & would start a code of its own
    run = "　".join((f"{word('notes', 'run_id')}：{report.run_id}", *report.banners)).replace("&", "&&")
    text = word("titles", "disclaimer")
    half = text.index("；") + 1
    sheet.set_footer(f"&L&7{text[:half]}\n{text[half:]}&R&7{run[:60]}\n&P/&N")
    marking = report.marking[:80].replace("&", "&&")
    sheet.set_header(f"&L&9{marking}&R&7{say('area', 'short', area=report.show.name)}")
