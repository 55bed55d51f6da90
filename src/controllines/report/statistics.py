"""面积统计表.xlsx and its machine twins: an AreaTable as a folder, or as one file."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd
import xlsxwriter

from controllines.classes import SURVEY, classification
from controllines.errors import OutputError, reason
from controllines.report.commit import Mark, commit, listed
from controllines.report.words import word
from controllines.report.xlsx import FONT, number_format
from controllines.tables import AreaTable, LaidOut, Layout, laid_out
from controllines.units import STATISTICS_DECIMALS, half_up

MARK = Mark("statistics.json", "controllines.statistics/1")
XLSX, CSV = "面积统计表.xlsx", "statistics.csv"
#: Measures that get a table of their own, with their Chinese names.
MEASURES = {"area_m2": "椭球面积", "net_area_m2": "椭球面积，扣除田坎"}


def write_statistics(
    table: AreaTable, out: str | Path, *, unit: str = "公顷", decimals: int | None = None, overwrite: bool = False,
    more: Mapping[str, Callable[[Path], object]] = MappingProxyType({}),
) -> list[Path]:  # fmt: skip
    """Write 面积统计表.xlsx, statistics.csv and statistics.json into a folder; all of them, or none.

    Parameters
    ----------
    table : what :func:`controllines.tabulate` returns
    out : folder; must be absent, empty or hold the same statistics
    unit, decimals : of the printed figures in the xlsx; the csv holds unrounded m²
    overwrite : replace other statistics
    more : name of a further file → what writes it (official forms)

    Raises
    ------
    OutputError
        The folder holds something else, or a file could not be written.
    """
    run_id = hashlib.sha256(_json(table.provenance).encode() + table.frame.to_csv().encode()).hexdigest()[:12]

    def write(folder: Path) -> list[str]:
        write_table(table, folder / XLSX, unit=unit, decimals=decimals)
        text = table.frame.to_csv(index=False, lineterminator="\n")
        (folder / CSV).write_text(text, encoding="utf-8-sig", newline="\n")
        for name, write_more in more.items():
            write_more(folder / name)
        names = [XLSX, CSV, *more]
        files = [{"path": name, "sha256": digest} for name, digest in listed(folder, names)]
        said = {"schema": MARK.schema, "provenance": table.provenance | {"run_id": run_id}, "files": files}
        (folder / MARK.name).write_text(_json(said), encoding="utf-8", newline="\n")
        return [*names, MARK.name]

    return commit(Path(out), MARK, run_id, overwrite=overwrite, write=write)


def write_table(table: AreaTable, path: str | Path, *, unit: str = "公顷", decimals: int | None = None) -> Path:
    """Write an AreaTable as an xlsx, one sheet for each line and area convention.

    Raises
    ------
    OutputError
        The file could not be written.
    """
    places = STATISTICS_DECIMALS[unit] if decimals is None else decimals
    options = {"strings_to_formulas": False, "strings_to_urls": False}
    try:
        with xlsxwriter.Workbook(str(path), options) as book:
            for line in dict.fromkeys(table.frame["line"]):
                own = table.frame[table.frame["line"] == line]
                for measure, zh in MEASURES.items():
                    if own[measure].notna().any():
                        _sheet(book, table, (line, measure, zh), (unit, places))
            if len(table.balance.columns):
                _balance(book, table)
            _notes(book, table)
    except (OSError, xlsxwriter.exceptions.FileCreateError) as error:
        raise OutputError.of("OUTPUT_NOT_WRITTEN", source=path, actual=reason(error)) from error
    return Path(path)


def _sheet(book: Any, table: AreaTable, what: tuple[str, str, str], printed: tuple[str, int]) -> None:
    line, measure, convention = what
    unit, places = printed
    layout = Layout(line, measure)
    laid = laid_out(table, unit, places, layout)
    mu = laid_out(table, "亩", 2, layout) if unit == "公顷" else None
    styles = _Styles(book, places)
    by = " × ".join(table.headings[name] for name in table.by)
    sheet = book.add_worksheet(sheet_name(line + ("（净）" if measure == "net_area_m2" else ""), book))
    headings = ["代码", *(["上级"] if parents_of(table, table.by[0]) else []), table.headings[table.by[0]]]
    first = len(headings)
    headings += [
        "/".join(filter(None, name)) if isinstance(name, tuple) else str(name) for name in laid.numbers.columns
    ]
    headings += [f"{headings[-1]}（亩）"] if mu is not None else []
    width = len(headings) - 1
    sheet.set_column(0, 0, 12)
    sheet.set_column(1, first - 1, 16)
    sheet.set_column(first, width, 14)
    sheet.write_string(0, 0, f"{line}面积统计表（{by}）", styles.title)
    remark = "　".join((*_banner(table), f"{convention}（CGCS2000）", f"规划：{table.provenance['plan']['name']}"))
    sheet.write_string(1, 0, remark, styles.small)
    sheet.write_string(0, width, f"单位：{unit}", styles.right)
    for column, name in enumerate(headings):
        sheet.write_string(2, column, name, styles.heading)
    parents = parents_of(table, table.by[0])
    for n, label in enumerate(laid.numbers.index):
        pair = laid.rows[n] if n < len(laid.rows) else (None, None)
        cells = [pair[0] or "", *([parents.get(pair, "")] if parents else []), str(label)]
        for column, text in enumerate(cells):
            sheet.write_string(n + 3, column, str(text), styles.text)
        for column in range(laid.numbers.shape[1]):
            write_figure(sheet, (n + 3, first + column), laid, (n, column), style=styles.figure)
        if mu is not None:
            write_figure(sheet, (n + 3, width), mu, (n, mu.numbers.shape[1] - 1), style=styles.mu)
    sheet.freeze_panes(3, first)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.repeat_rows(0, 2)
    sheet.fit_to_pages(1, 0)


class _Styles:
    """Formats of one workbook."""

    def __init__(self, book: Any, places: int) -> None:
        base = {"font_name": FONT, "font_size": 10, "border": 1, "border_color": "#B8C2C8", "valign": "vcenter"}
        self.heading = book.add_format(
            base | {"bold": True, "bg_color": "#E8EDF0", "align": "center", "text_wrap": True}
        )
        self.text = book.add_format(base)
        self.small = book.add_format({"font_name": FONT, "font_size": 9, "font_color": "#5B6770"})
        self.figure = book.add_format(base | {"num_format": number_format(places), "align": "right"})
        self.mu = book.add_format(base | {"num_format": number_format(2), "align": "right"})
        self.title = book.add_format({"font_name": FONT, "font_size": 14, "bold": True})
        self.right = book.add_format({"font_name": FONT, "font_size": 10, "align": "right"})


def write_figure(sheet: Any, at: tuple[int, int], laid: LaidOut, cell: tuple[int, int], *, style: Any) -> None:
    """Write one figure: a number, or the text where there is none, or where it would print as zero and is not."""
    number, text = float(laid.numbers.to_numpy(float)[cell]), str(laid.texts.iat[cell])
    if number != number or (number == 0 and text.endswith("平方米")):
        sheet.write_string(*at, text, style)
    else:
        sheet.write_number(*at, number, style)


def sheet_name(name: str, book: Any) -> str:
    """Return a name that Excel takes for a sheet, and that the workbook does not have yet."""
    plain = re.sub(r"[\\/?*\[\]:]", "·", name)[:31]
    taken, number = {sheet.get_name().casefold() for sheet in book.worksheets()}, 1
    wanted = plain
    while wanted.casefold() in taken:
        number += 1
        wanted = f"{plain[: 29 - len(str(number))]}（{number}）"
    return wanted


def parents_of(table: AreaTable, key: str) -> dict[tuple[str | None, str | None], str]:
    """Return the name of what each label is part of (上级分区); empty where there is no such level."""
    if f"{key}_parent" not in table.frame:
        return {}
    rows = table.frame[[f"{key}_code", key, f"{key}_parent"]].drop_duplicates()
    return {(code, name): above if isinstance(above, str) else "" for code, name, above in rows.itertuples(index=False)}


def _balance(book: Any, table: AreaTable) -> None:
    """Write what land and units do not have in common: every difference over 1 m²."""
    sheet, styles = book.add_worksheet("平衡表"), _Styles(book, 2)
    headings = ("统计对象", "差异", "对照图层", "代码", "名称", "面积（平方米）")
    sheet.set_column(0, 4, 18)
    sheet.set_column(5, 5, 20)
    sheet.write_string(0, 0, "平衡表：各部分之和等于统计对象的面积，以下差异均已列明（1平方米以上）", styles.title)
    for column, name in enumerate(headings):
        sheet.write_string(1, column, name, styles.heading)
    rows = table.balance.itertuples(index=False) if len(table.balance) else ()
    number = 2
    for number, row in enumerate(rows, start=2):
        for column, value in enumerate(row[:5]):
            sheet.write_string(number, column, "" if value is None or value != value else str(value), styles.text)
        sheet.write_number(number, 5, float(half_up(row[5], "平方米", 2)), styles.mu)
    if not len(table.balance):
        sheet.write_string(2, 0, "没有1平方米以上的差异", styles.text)
    sheet.set_paper(9)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)


def _banner(table: AreaTable) -> list[str]:
    return [word("titles", "synthetic")] if table.provenance["plan"].get("synthetic") else []


def _notes(book: Any, table: AreaTable) -> None:
    sheet = book.add_worksheet("说明")
    wrap = book.add_format({"text_wrap": True, "valign": "top", "font_name": "等线", "font_size": 10})
    sheet.set_column(0, 0, 110, wrap)
    sheet.fit_to_pages(1, 0)
    plan = table.provenance["plan"]
    totals = table.frame.groupby("line", sort=False)["area_m2"].sum()
    lines = [
        *_banner(table),
        f"规划：{plan['name']}　版本：{plan['version'] or '未注明'}",
        "面积为CGCS2000椭球面积，同一图层自身重叠的部分只计一次；扣除田坎面积＝Σ面积×（1－KCXS）。",
        "全表一并取整（强制调平）：各行、各列与合计在所印数字上相等，每个数与真值相差不到末位一个单位。",
        f"不在任何统计单元内的面积列为“范围外”；各行之和等于统计对象的总面积：{_totals(totals)}。各统计对象可能重叠，不得相加。",
        "0.00为没有，—为无数据；不足末位一个单位而又不为零的，印平方米数（合计中按零计）。",
        *_big_classes(table),
        *(f"图层：{layer['name']}　要素{layer['features']}个　{layer['source']}　SHA-256 {layer['sha256']}"
          for layer in table.provenance["layers"]),
        *table.provenance.get("notes", ()),
        *(f"{item['layer'] or ''}：{item['message']}" for item in table.provenance.get("findings", ())),
        *(f"注意：{name}有被排除的要素，统计不完整。" for name in table.provenance["unmeasured"]),
        word("titles", "disclaimer"),
    ]  # fmt: skip
    for row, line in enumerate(lines):
        # Programs other than Excel do not fit the height of a row to wrapped text.
        sheet.set_row(row, 15 * (len(line) // 52 + 1))
        sheet.write_string(row, 0, line, wrap)


def _big_classes(table: AreaTable) -> list[str]:
    """Return how the disputed land classes were booked."""
    chosen = table.provenance.get("big_classes", {})
    survey = classification(SURVEY)
    said = "，".join(f"{code}{survey.name(code) or ''}归{big}" for code, big in chosen.items())
    return [f"三大类：{survey.version}；有争议的地类：{said}。"] if said else []


def _totals(totals: pd.Series[Any]) -> str:
    return "，".join(f"{line}{half_up(m2, '平方公里', 2)}平方公里" for line, m2 in totals.items())


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1, default=str)
