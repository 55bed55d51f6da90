"""Official table forms (统计表样): tables and checks laid out as offices hand them in, by ``data/forms/*.toml``.

A form says what its rows are and, column by column, what stands there. Cells hold the printed, balanced figure: areas
of one group are rounded together, sums add up printed cells, so SUM in Excel equals 合计.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xlsxwriter

from controllines.errors import OutputError, UsageError, reason
from controllines.report.formrows import Rows, rows_of
from controllines.report.xlsx import FONT, PAGE_WIDTH, number_format, text_width
from controllines.results import CheckResult
from controllines.rounding import controlled
from controllines.strict import Strict, model_of
from controllines.tables import TOTAL
from controllines.texts import TomlError
from controllines.units import NO_DATA, UNITS, convert, print_area

Array = np.ndarray
#: Forms of a check, and where they are written.
OF_CHECK, FOLDER = ("overlap", "farmland", "land_classes"), "统计表样"
#: No column of text is wider (digits).
MOST_WIDTH = 46
EXAMPLE = "（参考样式）"
SIGNED = "填表人：　　　　　　　　审核人：　　　　　　　　日期：　　　　年　　月　　日"


class Column(Strict):
    """One column of a form; see ``data/forms/three_lines.toml``."""

    heading: tuple[str, ...]
    value: str = ""
    kind: Literal["text", "area", "count"] = "text"
    width: float = 12
    group: str = ""
    sum: tuple[str, ...] | Literal["*"] = ()
    each: Literal["", "classes"] = ""


class Form(Strict):
    """A form: title, rows, columns.

    Attributes
    ----------
    key, title, source : what it is, and where its columns were seen
    confirmed : whether the columns are officially confirmed; else 参考样式 stands in the title
    rows : ``units`` and ``classes`` are of an AreaTable, ``classes``, ``projects`` and ``farmland`` of a check
    of, by : what :func:`controllines.tabulate` is asked for
    unit, decimals, total : of the figures; where 合计 stands
    notes : below the table
    """

    key: str
    title: str
    confirmed: bool = False
    source: str
    rows: Literal["units", "classes", "projects", "farmland"]
    of: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    unit: str = "公顷"
    decimals: int = 2
    total: Literal["first", "last"] = "first"
    notes: tuple[str, ...] = ()
    columns: tuple[Column, ...]

    @property
    def full_title(self) -> str:
        """The title, which says if the form is an example only."""
        return self.title + ("" if self.confirmed else EXAMPLE)


def forms() -> tuple[str, ...]:
    """Return the keys of the forms that come with the package."""
    folder = files("controllines").joinpath("data/forms")
    return tuple(sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml")))


def form_of(name: str | Path) -> Form:
    """Return a form by its key, its title, or the path of a county's own definition.

    Raises
    ------
    UsageError
        ``FORM_UNKNOWN``, ``FORM_WRONG``.
    """
    shipped = {key: _read(files("controllines").joinpath(f"data/forms/{key}.toml").read_bytes(), key)
               for key in forms()}  # fmt: skip
    for key, form in shipped.items():
        if str(name) in (key, form.title):
            return form
    if Path(name).suffix.lower() == ".toml" and Path(name).is_file():
        return _read(Path(name).read_bytes(), str(name))
    known = "、".join(f"{key} {form.title}" for key, form in shipped.items())
    raise UsageError.of("FORM_UNKNOWN", actual=str(name), expected=known)


@cache
def _read(content: bytes, where: str) -> Form:
    try:
        form = model_of(Form, content)
        if form.unit not in UNITS:
            raise UsageError.of("FORM_WRONG", source=where, actual=f"unit = {form.unit}")
    except TomlError as error:
        raise UsageError.of("FORM_WRONG", source=where, actual=str(error)) from None
    return form


def write_form(what: object, form: str | Path | Form, path: str | Path, *, total: str | None = None) -> Path:
    """Write a table or the result of a check as an official form (xlsx).

    Parameters
    ----------
    what : AreaTable with what the form asks for (its ``of`` and ``by``), or CheckResult
    form : key (three_lines, land_classes, overlap, farmland), title, or path of a definition
    path : the xlsx
    total : ``first`` or ``last`` instead of what the form says

    Raises
    ------
    UsageError
        No such form, or it cannot be made from this.
    OutputError
        The file could not be written.
    """
    read = form if isinstance(form, Form) else form_of(form)
    if total is not None:
        read = read.model_copy(update={"total": total})
    sheet = lay_out(read, rows_of(what, read.rows))
    options = {"strings_to_formulas": False, "strings_to_urls": False}
    try:
        with xlsxwriter.Workbook(str(path), options) as book:
            _write(book, sheet)
    except (OSError, xlsxwriter.exceptions.FileCreateError) as error:
        raise OutputError.of("OUTPUT_NOT_WRITTEN", source=path, actual=reason(error)) from error
    return Path(path)


def write_checked(result: CheckResult, folder: Path) -> list[str]:
    """Write the forms of a check into ``folder/统计表样`` and return their names."""
    (folder / FOLDER).mkdir(exist_ok=True)
    names = []
    for key in OF_CHECK:
        form = form_of(key)
        if key == "land_classes":
            form = form.model_copy(update={"decimals": form_of("overlap").decimals})
        names.append(f"{FOLDER}/{form.title}.xlsx")
        write_form(result, form, folder / names[-1])
    return names


@dataclass(frozen=True)
class Sheet:
    """A form, filled in: its columns, cells by row (text or number) with the total, what stands above and below."""

    form: Form
    columns: tuple[Column, ...]
    cells: tuple[tuple[str | float, ...], ...]
    banners: tuple[str, ...]
    notes: tuple[str, ...]


def lay_out(form: Form, rows: Rows) -> Sheet:
    """Fill a form in: round its areas, add up its sums, add 合计."""
    columns = _columns(form, rows)
    digits = _digits(form, columns, rows)
    cells: list[list[str | float]] = [[""] * len(columns) for _ in range(len(rows) + 1)]
    for n, column in enumerate(columns):
        if column.kind == "area":
            whole = digits[n]
            last = np.append(whole, np.nansum(whole))
            exact = _exact(column, columns, rows)
            exact = np.append(exact, np.nansum(exact))
            for row, value in enumerate(last):
                cells[row][n] = _figure(float(value), float(exact[row]), form)
        else:
            values = rows.texts.get(column.value, [""] * len(rows))
            for row, text in enumerate(values):
                cells[row][n] = text if column.kind == "text" else float(text or 0)
            if column.kind == "count" and column.value != "number":
                cells[-1][n] = float(sum(float(text or 0) for text in values))
    name = next((n for n, column in enumerate(columns) if column.value in ("name", "project", "project_id")), 0)
    cells[-1][name] = TOTAL
    order = [len(rows), *range(len(rows))] if form.total == "first" else range(len(rows) + 1)
    notes = list(form.notes)
    if missing := sum(NO_DATA in row for row in cells):
        notes.append(f"有 {missing} 行缺数据（记为“—”），合计不含这些数据。")
    return Sheet(form, columns, tuple(tuple(cells[row]) for row in order), rows.banners, tuple(notes))


def _columns(form: Form, rows: Rows) -> tuple[Column, ...]:
    """Return the columns with those repeated that stand for each land class, and the sums of their big classes."""
    out: list[Column] = []
    for column in form.columns:
        if not column.each:
            out.append(column)
            continue
        by_big: dict[str, list[tuple[str, str, str]]] = {}
        for code, name, big in rows.classes:
            by_big.setdefault(big, []).append((code, name, big))
        for big, classes in by_big.items():
            values = tuple(f"class.{code}" for code, _, _ in classes)
            if len(classes) > 1:
                out.append(column.model_copy(update={"heading": (big, "小计"), "sum": values, "group": "", "each": ""}))
            for value, (code, name, _) in zip(values, classes, strict=True):
                heading = tuple(part.format(big=big, name=name, code=code) for part in column.heading)
                out.append(column.model_copy(update={"heading": heading, "value": value, "each": ""}))
    return tuple(out)


def _summed(column: Column, columns: Sequence[Column]) -> list[int]:
    """Return the columns that a sum adds up: those named, or every one of a group."""
    named = [n for n, one in enumerate(columns) if one.kind == "area" and one.value and not one.sum]
    return [n for n in named if column.sum == "*" or columns[n].value in column.sum]


def _exact(column: Column, columns: Sequence[Column], rows: Rows) -> Array:
    of = [columns[n] for n in _summed(column, columns)] if column.sum else [column]
    values = [rows.areas.get(one.value, np.full(len(rows), np.nan)) for one in of]
    return np.sum(values, axis=0) if values else np.zeros(len(rows))


def _digits(form: Form, columns: Sequence[Column], rows: Rows) -> dict[int, Array]:
    """Return the printed figures of all area columns, in whole last digits; a group is rounded as one table."""
    groups: dict[str, list[int]] = {}
    for n, column in enumerate(columns):
        if column.kind == "area" and not column.sum:
            groups.setdefault(column.group or f"#{n}", []).append(n)
    out: dict[int, Array] = {}
    for own in groups.values():
        table = (
            np.column_stack([_exact(columns[n], columns, rows) for n in own]) if len(rows) else np.zeros((0, len(own)))
        )
        scaled = np.vectorize(lambda m2: convert(m2, form.unit) * 10**form.decimals, otypes=[float])(table)
        known = np.isfinite(scaled).all(axis=1)
        rounded = np.floor(scaled + 0.5)
        if known.any():
            rounded[known] = controlled(scaled[known])
        out |= {n: rounded[:, k] for k, n in enumerate(own)}
    for n, column in enumerate(columns):
        if column.kind == "area" and column.sum:
            parts = [out[k] for k in _summed(column, columns)]
            out[n] = np.sum(parts, axis=0) if parts else np.zeros(len(rows))
    return out


def _figure(digits: float, m2: float, form: Form) -> str | float:
    if np.isnan(digits):
        return NO_DATA
    if digits == 0 and m2:
        return print_area(m2, "平方米", 2, with_unit=True)
    return float(round(digits / 10**form.decimals, form.decimals))


def _write(book: Any, sheet: Sheet) -> None:
    form, columns = sheet.form, sheet.columns
    levels, width = max(len(column.heading) for column in columns), len(columns)
    base = {"font_name": FONT, "font_size": 10, "border": 1, "valign": "vcenter"}
    plain = {"font_name": FONT, "font_size": 10, "valign": "vcenter"}
    title = book.add_format(plain | {"font_size": 16, "bold": True, "align": "center"})
    styles = {
        "heading": book.add_format(base | {"bold": True, "align": "center", "text_wrap": True}),
        "text": book.add_format(base | {"text_wrap": True}),
        "count": book.add_format(base | {"align": "center", "num_format": "0"}),
        "area": book.add_format(base | {"align": "right", "num_format": number_format(form.decimals)}),
        "plain": book.add_format(plain), "right": book.add_format(plain | {"align": "right"}),
        "note": book.add_format(plain | {"font_size": 9, "text_wrap": True, "valign": "top"}),
    }  # fmt: skip
    page = book.add_worksheet(form.title[:31])
    widths = [_width(column, [row[n] for row in sheet.cells]) for n, column in enumerate(columns)]
    for n, wide in enumerate(widths):
        page.set_column(n, n, wide)
    page.set_row(0, 28)
    _across(page, (0, 0, width - 1), form.full_title, title)
    _across(page, (1, 0, max(width - 3, 0)), "　".join(sheet.banners), styles["plain"])
    _across(page, (1, max(width - 2, 1), width - 1), f"单位：{form.unit}", styles["right"])
    _headings(page, columns, levels, styles["heading"])
    for number, cells in enumerate(sheet.cells, start=2 + levels):
        for n, cell in enumerate(cells):
            style = styles[columns[n].kind]
            if isinstance(cell, str):
                page.write_string(number, n, cell, style)
            else:
                page.write_number(number, n, cell, style)
    below = 2 + levels + len(sheet.cells)
    for number, note in enumerate(sheet.notes):
        _across(page, (below + number, 0, width - 1), f"注：{note}" if not number else f"　　{note}", styles["note"])
    _across(page, (below + len(sheet.notes) + 1, 0, width - 1), SIGNED, styles["plain"])
    named = next((n for n, column in enumerate(columns) if column.kind == "area"), 0)
    page.freeze_panes(2 + levels, named)
    page.set_landscape()
    large = sum(widths) > PAGE_WIDTH
    pages = math.ceil(sum(widths) / (PAGE_WIDTH * (1.45 if large else 1)))
    page.set_paper(8 if large else 9)  # A3, A4
    page.repeat_rows(0, 1 + levels)
    page.fit_to_pages(pages, 0)
    if pages > 1 and named:
        page.repeat_columns(0, named - 1)
    page.set_footer("&C&P/&N")


def _width(column: Column, cells: Sequence[str | float]) -> float:
    """Return the width of a column: what its texts need, within bounds."""
    longest = max([text_width(cell) for cell in cells if isinstance(cell, str)], default=0)
    return min(max(column.width, longest + 2), MOST_WIDTH) if column.kind == "text" else column.width


def _across(page: Any, at: tuple[int, int, int], text: str, style: Any) -> None:
    row, first, last = at
    if last > first:
        page.merge_range(row, first, row, last, text, style)
    else:
        page.write_string(row, first, text, style)


def _headings(page: Any, columns: Sequence[Column], levels: int, style: Any) -> None:
    """Write the headings; the same words beside each other, and a short heading over its levels, are one cell."""
    for level in range(levels):
        page.set_row(2 + level, 30 if level == min(1, levels - 1) else 18)
        n = 0
        while n < len(columns):
            path = columns[n].heading
            if level >= len(path):
                n += 1
                continue
            stop = n + 1
            deep = level == len(path) - 1
            while not deep and stop < len(columns) and columns[stop].heading[: level + 1] == path[: level + 1]:
                stop += 1
            bottom = levels - 1 if deep else level
            _merged(page, (2 + level, n, 2 + bottom, stop - 1), path[level], style)
            n = stop


def _merged(page: Any, box: tuple[int, int, int, int], text: str, style: Any) -> None:
    top, left, bottom, right = box
    if (top, left) == (bottom, right):
        page.write_string(top, left, text, style)
    else:
        page.merge_range(top, left, bottom, right, text, style)
