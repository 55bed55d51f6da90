"""Tables of corner points (界址点成果表), csv and xlsx."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import xlsxwriter

from controllines.io.points import role_of
from controllines.io.writers import names, survey
from controllines.io.writers.sheet import Sheet, Task, table
from controllines.kinds import find_field, parcel_kind

#: A cell that starts so would be run as a formula by a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def corner_rows(sheet: Sheet, task: Task) -> Iterator[list[object]]:
    """Yield heading and rows of a table of corner points (界址点成果表): one row for each point, rings closed."""
    ids = _distinct_ids(sheet)
    name = find_field(parcel_kind(), "name", sheet.frame.columns)
    own = {find_field(parcel_kind(), "id", sheet.frame.columns), name}
    others = [column for column in sheet.frame.columns if column not in own]
    degrees = bool(sheet.crs is not None and sheet.crs.is_geographic)
    axes = ("纬度", "经度") if degrees else ("X坐标", "Y坐标")
    fixed = ["地块编号", "地块名称", "圈号", "序号", "点号", *axes]
    headings = names.unique_names([*fixed, *(f"{name}_属性" if role_of(name) else name for name in others)])
    changed = [f"{old}→{new}" for old, new in zip(others, headings[len(fixed) :], strict=True) if old != new]
    if changed:
        task.say("WRITE_FIELD_RENAMED", sheet, actual=len(changed), expected="、".join(changed)[:500])
    yield [*headings]
    attributes = table(sheet.frame[others]).to_pylist() if others else [{}] * len(sheet)
    labels = table(sheet.frame[[name]]).column(0).to_pylist() if name else [None] * len(sheet)
    for row, geom in enumerate(sheet.geoms):
        for order, (ring, point, x, y) in enumerate(survey.points(geom), start=1):
            yield [ids[row], labels[row], ring, order, point, y, x, *attributes[row].values()]


def _distinct_ids(sheet: Sheet) -> list[str]:
    column = find_field(parcel_kind(), "id", sheet.frame.columns)
    given = [survey.cell(value) for value in sheet.frame[column]] if column else [""] * len(sheet)
    return names.unique_names([text or str(row) for row, text in enumerate(given, start=1)])


def _safe(value: object) -> object:
    """Return a cell that no spreadsheet runs as a formula."""
    text = names.without_controls(value) if isinstance(value, str) else None
    if text is None:
        return value
    text = " ".join(text.splitlines())
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text


def write_csv(sheets: Sequence[Sheet], path: Path, task: Task) -> None:
    """Write a csv of corner points: UTF-8 with BOM, no cell that a spreadsheet would run."""
    [sheet] = sheets
    changed = 0
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        out = csv.writer(stream, lineterminator="\r\n")
        for row in corner_rows(sheet, task):
            cells = [_safe(value) for value in row]
            changed += sum(one != two for one, two in zip(row, cells, strict=True) if isinstance(one, str))
            out.writerow(cells)
    if changed:
        task.say("WRITE_TEXT_CHANGED", sheet, actual=changed)


def write_xlsx(sheets: Sequence[Sheet], path: Path, task: Task) -> None:
    """Write an xlsx of corner points.

    Raises
    ------
    OSError
        More rows than a worksheet has.
    """
    [sheet] = sheets
    changed = 0
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
               "strings_to_numbers": False, "nan_inf_to_errors": True}  # fmt: skip
    with xlsxwriter.Workbook(path, options) as book:
        page = book.add_worksheet("界址点")
        for number, row in enumerate(corner_rows(sheet, task)):
            for column, value in enumerate(row):
                cell = names.without_controls(value) if isinstance(value, str) else value
                changed += cell is not value and cell != value
                if page.write(number, column, cell) < 0:
                    raise OSError(f"xlsx 最多 1048576 行，每格最多 32767 字：第 {number + 1} 行")
    if changed:
        task.say("WRITE_TEXT_CHANGED", sheet, actual=changed)
