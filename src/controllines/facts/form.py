"""The form of project facts (项目信息表): one row per project, drop-downs, read back as it was written.

The sheet 待补充 of a report is the same form with the open questions beside it, so the answered report is the next
``--facts``.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_range_abs

from controllines import io
from controllines.errors import OutputError, UsageError, reason
from controllines.facts.catalogue import Fact, Value, catalogue, fact_of, shown

SHEETS = ("项目信息", "待补充")
ID, NAME, QUESTIONS = "项目编号", "项目名称", "待补充事项"
#: Headings that are no facts.
OTHER = (ID, NAME, QUESTIONS, "序号", "备注")
REMARK = "一行填一个项目；有下拉选项的请从中选择，不清楚的留空。文件填相对于本表所在文件夹的路径。"
LISTS = "选项"
_FONT, _INK, _HEAD, _RULE = "等线", "#1F2A33", "#E8EDF0", "#B8C2C8"
_HEADING_ROW = 2
_WIDTHS, _LINE = {ID: 22, NAME: 30, QUESTIONS: 60}, 13.5  # digits; points of one line of text
#: Excel holds no more characters in one cell.
_LONGEST = 32_000
#: Rows below the last project that have drop-downs too.
_SPARE = 100
#: Excel holds no more characters in the message of a drop-down.
_MESSAGE = 250


@dataclass(frozen=True)
class FormRow:
    """One project of a form.

    Attributes
    ----------
    project_id, name : the project
    facts : by key; writing: values; reading: text of the cells that are filled
    questions : what is open, for the sheet 待补充
    line : row of the sheet it was read from
    """

    project_id: str
    name: str = ""
    facts: Mapping[str, Value] = field(default_factory=dict)
    questions: Sequence[str] = ()
    line: int = 0


def form_columns(*, questions: bool = False) -> tuple[str, ...]:
    """Return the headings of a form."""
    asked = (QUESTIONS,) if questions else ()
    return (ID, NAME, *asked, *(fact.zh for fact in catalogue().values()))


def write_form(path: Path | str, rows: Iterable[FormRow]) -> Path:
    """Write a form with what is known filled in (``controllines facts``).

    Raises
    ------
    OutputError
        The file exists already, or cannot be written.
    """
    path = Path(path)
    if path.exists():
        raise OutputError.of("FORM_EXISTS", source=path)
    beside = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
        with xlsxwriter.Workbook(beside, options) as book:
            add_form(book, rows, folder=path.parent)
        beside.replace(path)
    except (OSError, xlsxwriter.exceptions.XlsxWriterException) as error:
        raise OutputError.of("OUTPUT_NOT_WRITTEN", source=path, actual=reason(error)) from None
    return path


def add_form(book: Any, rows: Iterable[FormRow], *, folder: Path | None = None, questions: bool = False) -> None:
    """Add the form to a workbook, and behind it the hidden sheet with the lists of its drop-downs.

    Parameters
    ----------
    book : xlsxwriter workbook that does not turn strings into formulas
    folder : where the workbook will lie, paths are written relative to it; omitted: paths as they are
    questions : as the sheet 待补充, with the questions beside each project
    """
    name = SHEETS[questions]
    sheet = book.add_worksheet(name)
    rows = list(rows)
    look = {"font_name": _FONT, "font_size": 10, "font_color": _INK, "valign": "vcenter", "num_format": "@"}
    cell = book.add_format(look | {"border": 1, "border_color": _RULE, "text_wrap": True})
    head = book.add_format(look | {"bold": True, "bg_color": _HEAD, "align": "center", "text_wrap": True, "border": 1,
                                   "border_color": _RULE})  # fmt: skip
    sheet.write_string(0, 0, name, book.add_format(look | {"bold": True, "font_size": 15}))
    sheet.write_string(1, 0, REMARK, book.add_format(look | {"font_color": "#5B6770"}))
    columns = form_columns(questions=questions)
    widths = [_WIDTHS.get(heading, 18) for heading in columns]
    for number, heading in enumerate(columns):
        sheet.write_string(_HEADING_ROW, number, heading, head)
        sheet.set_column(number, number, widths[number])
    sheet.set_row(_HEADING_ROW, 44)
    for line, row in enumerate(rows, start=_HEADING_ROW + 1):
        cells = _cells(row, folder, questions=questions)
        sheet.set_row(line, _LINE * max(map(_lines, cells, widths)) + 4)
        for number, text in enumerate(cells):
            sheet.write_string(line, number, text, cell)
    sheet.freeze_panes(_HEADING_ROW + 1, 2)
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.repeat_rows(_HEADING_ROW)
    sheet.repeat_columns(0, 1)
    sheet.fit_to_pages(3, 0)
    _drop_downs(book, sheet, len(rows), first=len(columns) - len(catalogue()))


def _lines(text: str, width: int) -> int:
    """Return how many lines a text takes in a column: programs other than Excel do not fit the row to it."""
    return sum(max(1, math.ceil(2 * len(part) / (width - 2))) for part in text.split("\n"))


def _cells(row: FormRow, folder: Path | None, *, questions: bool) -> list[str]:
    asked = ["\n".join(row.questions)[:_LONGEST]] if questions else []
    facts = [_text(fact, row.facts[key], folder) if key in row.facts else "" for key, fact in catalogue().items()]
    return [row.project_id, row.name or "", *asked, *facts]


def _text(fact: Fact, value: Value, folder: Path | None) -> str:
    if fact.type != "file" or folder is None:
        return shown(fact.key, value)
    try:
        return Path(os.path.relpath(str(value), folder)).as_posix()
    except ValueError:  # another drive
        return str(Path(str(value)).absolute())


def _drop_downs(book: Any, sheet: Any, count: int, *, first: int) -> None:
    lists = book.add_worksheet(LISTS)
    lists.hide()
    top, bottom = _HEADING_ROW + 1, _HEADING_ROW + count + _SPARE
    for number, fact in enumerate(catalogue().values()):
        rule: dict[str, object] = {"validate": "any"}
        if fact.options:
            for line, option in enumerate(fact.options):
                lists.write_string(line, number, option)
            cells = xl_range_abs(0, number, len(fact.options) - 1, number)
            rule = {"validate": "list", "source": f"='{LISTS}'!{cells}", "error_title": "不在选项中",
                    "error_message": "请从下拉选项中选择，不清楚的留空。"}  # fmt: skip
        elif fact.type == "number":
            rule = {"validate": "decimal", "criteria": ">=", "value": 0, "error_title": "须为数字",
                    "error_message": "请填不小于 0 的数，不清楚的留空。"}  # fmt: skip
        asked = {"input_title": fact.zh[:32], "input_message": fact.question[:_MESSAGE]}
        sheet.data_validation(top, first + number, bottom, first + number, rule | asked)


def read_form(path: Path | str) -> list[FormRow]:
    """Read a filled form: xlsx (sheet 项目信息 or 待补充) or csv with the same headings.

    Returns
    -------
    list of FormRow; ``facts`` by key, as text

    Raises
    ------
    UsageError
        No such heading as 项目编号, a heading nobody knows, a row without project, a project twice.
    InputError
        The file cannot be read.
    """
    path = Path(path)
    sheets = [(sheet, row) for sheet in io.read_sheets(path) if (row := _heading_row(sheet.rows)) is not None]
    named = [pair for pair in sheets if pair[0].name in SHEETS] or sheets
    if len(named) != 1:
        raise UsageError.of("FACTS_FORM", source=path, actual=f"{len(named)} 张表有“{ID}”列")
    sheet, top = named[0]
    facts = [None if text in OTHER else fact_of(text, where=path).key for text in sheet.rows[top][1]]
    place = sheet.rows[top][1].index(ID)
    found: dict[str, FormRow] = {}
    for line, cells in sheet.rows[top + 1 :]:
        filled = {key: text for key, text in zip(facts, cells, strict=False) if key and text}
        project = cells[place] if place < len(cells) else ""
        if not project and (filled or len(cells) > len(facts)):
            raise UsageError.of("FACTS_FORM", source=path, actual=f"第 {line} 行没有{ID}")
        if project in found:
            raise UsageError.of("FACTS_FORM", source=path, actual=f"第 {line} 行与第 {found[project].line} 行"
                                f"的{ID}相同：{project}")  # fmt: skip
        if project:
            found[project] = FormRow(project, facts=filled, line=line)
    return list(found.values())


def _heading_row(rows: Sequence[tuple[int, list[str]]]) -> int | None:
    return next((n for n, (_, cells) in enumerate(rows) if ID in cells), None)
