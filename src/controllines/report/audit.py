"""图文数据核对表.xlsx and figures.json: the checks of plan texts as a folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter

from controllines.figures import FigureAudit, TargetCheck
from controllines.figures.checks import DIFFERS, KINDS, QUERY, VERDICTS
from controllines.figures.targets import STATUS
from controllines.figures.words import data
from controllines.report.commit import Mark, commit, listed
from controllines.report.rows import file_name, records
from controllines.report.words import clean, word
from controllines.units import NO_DATA

MARK = Mark("figures.json", "controllines.figures/1")
XLSX = "图文数据核对表.xlsx"
FONT = "等线"
#: Heading, column of the frame and width of the columns of both tables.
COLUMNS = (
    ("文件", "file", 18), ("行号", "line", 6), ("核对内容", "check", 12), ("结论", "verdict", 8), ("名称", "name", 18),
    ("文本数字", "stated", 20), ("核对依据", "compared", 24), ("差值", "difference", 10), ("容差", "tolerance", 10),
    ("单位", "unit", 8), ("说明", "note", 16), ("原文", "quote", 40),
)  # fmt: skip
TARGET_COLUMNS = (
    ("指标", "name", 24), ("年份", "year", 7), ("性质", "nature", 9), ("要求", "sense", 8), ("目标值", "target", 14),
    ("单位", "unit", 10), ("量算值", "measured", 13), ("余量", "margin", 12), ("结论", "status", 8),
    ("说明", "note", 16),    ("出处原文", "quote", 46), ("文件", "source", 24),
)  # fmt: skip
LIGHTS = {"绿": "#C8E6C9", "黄": "#FFF3C4", "红": "#FFCDD2", "—": "#ECEFF1"}
Columns = tuple[tuple[str, str, int], ...]


def write_audit(
    audit: FigureAudit, out: str | Path, *, targets: TargetCheck | None = None, overwrite: bool = False
) -> list[Path]:
    """Write 图文数据核对表.xlsx and figures.json into a folder; both of them, or none.

    Parameters
    ----------
    audit : what :func:`controllines.audit_figures` returns
    out : folder; must be absent, empty or hold the audit of the same texts
    targets : what :func:`controllines.check_targets` returns, for a sheet of its own
    overwrite : replace another audit

    Raises
    ------
    OutputError
        The folder holds something else, or a file could not be written.
    """
    run_id = str(audit.provenance["run_id"])

    def write(folder: Path) -> list[str]:
        _workbook(audit, targets, folder / XLSX)
        files = [{"path": name, "sha256": digest} for name, digest in listed(folder, [XLSX])]
        said = {"schema": MARK.schema, "provenance": audit.provenance, "checks": records(audit.frame),
                "findings": [vars(item) for item in audit.findings], "files": files}  # fmt: skip
        if targets is not None:
            said["targets"] = {"close": targets.close, "rows": records(targets.frame)}
        text = json.dumps(said, ensure_ascii=False, sort_keys=True, indent=1)
        (folder / MARK.name).write_text(text, encoding="utf-8", newline="\n")
        return [XLSX, MARK.name]

    return commit(Path(out), MARK, run_id, overwrite=overwrite, write=write)


def _workbook(audit: FigureAudit, targets: TargetCheck | None, path: Path) -> None:
    options = {"strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        ordered = audit.frame.assign(order=audit.frame["verdict"].map({DIFFERS: 0, QUERY: 1}))
        alarms = ordered.dropna(subset="order").sort_values("order", kind="stable")
        _table(book, "不符与待核实", alarms, f"图文数据核对表（{_counts(audit)}）")
        _table(book, "全部核对项", audit.frame, "全部核对项")
        if targets is not None:
            _targets(book, targets)
        _notes(book, audit)


def _counts(audit: FigureAudit) -> str:
    counts = audit.frame["verdict"].value_counts()
    parts = "，".join(f"{zh}{counts.get(key, 0)}处" for key, zh in VERDICTS.items())
    return f"共核对{len(audit.frame)}处：{parts}"


def _table(book: Any, name: str, frame: pd.DataFrame, title: str) -> None:
    base = {"font_name": FONT, "font_size": 10, "border": 1, "border_color": "#B8C2C8", "valign": "top"}
    text = book.add_format(base | {"text_wrap": True})
    strong = book.add_format(base | {"bold": True, "align": "center"})
    figure = book.add_format(base | {"num_format": "0.######", "align": "right"})
    heading = book.add_format(base | {"bold": True, "bg_color": "#E8EDF0", "align": "center", "valign": "vcenter"})
    sheet = book.add_worksheet(name)
    sheet.write_string(0, 0, title, book.add_format({"font_name": FONT, "font_size": 14, "bold": True}))
    for column, (zh, _, width) in enumerate(COLUMNS):
        sheet.set_column(column, column, width)
        sheet.write_string(1, column, zh, heading)
    for row, record in enumerate(records(frame), start=2):
        shown = record | {"file": file_name(record["file"]), "check": KINDS[record["check"]],
                          "verdict": VERDICTS[record["verdict"]]}  # fmt: skip
        for column, (_, key, _) in enumerate(COLUMNS):
            if key in ("line", "difference", "tolerance") and shown[key] is not None:
                sheet.write_number(row, column, float(f"{shown[key]:.10g}"), figure)
            else:
                sheet.write_string(row, column, clean(shown[key]), strong if key == "verdict" else text)
        sheet.set_row(row, 15 * _lines(shown, COLUMNS))
    if frame.empty:
        sheet.write_string(2, 0, data()["notes"]["none"], text)
    sheet.freeze_panes(2, 2)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.repeat_rows(1)
    sheet.fit_to_pages(1, 0)


def _targets(book: Any, targets: TargetCheck) -> None:
    base = {"font_name": FONT, "font_size": 10, "border": 1, "border_color": "#B8C2C8", "valign": "top"}
    text, figure = book.add_format(base | {"text_wrap": True}), book.add_format(base | {"num_format": "0.00####"})
    heading = book.add_format(base | {"bold": True, "bg_color": "#E8EDF0", "align": "center"})
    lights = {light: book.add_format(base | {"bold": True, "align": "center", "bg_color": colour})
              for light, colour in LIGHTS.items()}  # fmt: skip
    sheet = book.add_worksheet("指标达标情况")
    sheet.write_string(0, 0, "指标达标情况", book.add_format({"font_name": FONT, "font_size": 14, "bold": True}))
    sheet.write_string(1, 0, targets.rule, book.add_format({"font_name": FONT, "font_size": 9}))
    for column, (zh, _, width) in enumerate(TARGET_COLUMNS):
        sheet.set_column(column, column, width)
        sheet.write_string(2, column, zh, heading)
    for row, record in enumerate(records(targets.frame), start=3):
        for column, (_, key, _) in enumerate(TARGET_COLUMNS):
            value = record[key]
            if key == "status":
                sheet.write_string(row, column, STATUS[value][0], lights[record["light"]])
            elif isinstance(value, int | float):
                sheet.write_number(row, column, value, text if key == "year" else figure)
            else:
                sheet.write_string(row, column, NO_DATA if value is None else clean(value), text)
        sheet.set_row(row, 15 * _lines(record, TARGET_COLUMNS))
    sheet.freeze_panes(3, 1)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)


def _lines(row: dict[str, Any], columns: Columns) -> int:
    """Return the lines of text that the fullest cell takes: not every program fits row heights by itself."""
    fullest = max(-(-_width(clean(row[key])) // (width - 1)) for _, key, width in columns)
    return max(1, min(12, fullest))


def _width(text: str) -> int:
    return sum(1 if char.isascii() else 2 for char in text)


def _notes(book: Any, audit: FigureAudit) -> None:
    sheet = book.add_worksheet("说明")
    wrap = book.add_format({"text_wrap": True, "valign": "top", "font_name": FONT, "font_size": 10})
    sheet.set_column(0, 0, 110, wrap)
    sheet.fit_to_pages(1, 0)
    for row, line in enumerate(_note_lines(audit)):
        sheet.set_row(row, 15 * (_width(line) // 96 + 1))
        sheet.write_string(row, 0, clean(line), wrap)


def _note_lines(audit: FigureAudit) -> Iterator[str]:
    say, plan = data()["notes"], audit.provenance["plan"]
    if plan and plan.get("synthetic"):
        yield word("titles", "synthetic")
    yield from say["rule"]
    for text in audit.provenance["texts"]:
        yield say["text"].format(name=file_name(text["path"]), **text)
    version = (plan or {}).get("version") or "未注明"
    yield say["plan"].format(name=plan["name"], version=version) if plan else say["no_plan"]
    yield from (say["finding"].format(message=item.message) for item in audit.findings)
    yield word("titles", "disclaimer")
