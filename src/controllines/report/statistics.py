"""面积统计表.xlsx and its machine twins: an AreaTable as a folder, or as one file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter

from controllines.errors import OutputError
from controllines.report.folder import Mark, commit, listed
from controllines.report.words import word
from controllines.tables import AreaTable
from controllines.units import NO_DATA, STATISTICS_DECIMALS, half_up

MARK = Mark("statistics.json", "controllines.statistics/1")
XLSX, CSV = "面积统计表.xlsx", "statistics.csv"
#: Measures that get a table of their own, with their Chinese names.
MEASURES = {"area_m2": "椭球面积", "net_area_m2": "椭球面积，扣除田坎"}
SYNTHETIC = "合成数据，仅供演示"


def write_statistics(
    table: AreaTable, out: str | Path, *, unit: str = "公顷", decimals: int | None = None, overwrite: bool = False
) -> list[Path]:
    """Write 面积统计表.xlsx, statistics.csv and statistics.json into a folder; all of them, or none.

    Parameters
    ----------
    table : what :func:`controllines.tabulate` returns
    out : folder; must be absent, empty or hold the same statistics
    unit, decimals : of the printed figures in the xlsx; the csv holds unrounded m²
    overwrite : replace other statistics

    Raises
    ------
    OutputError
        The folder holds something else, or a file could not be written.
    """
    run_id = hashlib.sha256(_json(table.provenance).encode() + table.frame.to_csv().encode()).hexdigest()[:12]

    def write(folder: Path) -> list[str]:
        write_table(table, folder / XLSX, unit=unit, decimals=decimals)
        (folder / CSV).write_text(table.frame.to_csv(index=False, lineterminator="\n"), encoding="utf-8-sig")
        names = [XLSX, CSV]
        files = [{"path": name, "sha256": digest} for name, digest in listed(folder, names)]
        said = {"schema": MARK.schema, "provenance": table.provenance | {"run_id": run_id}, "files": files}
        (folder / MARK.name).write_text(_json(said), encoding="utf-8")
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
            _notes(book, table)
    except (OSError, xlsxwriter.exceptions.FileCreateError) as error:
        raise OutputError.of("OUTPUT_NOT_WRITTEN", source=path, actual=str(error)) from error
    return Path(path)


def _sheet(book: Any, table: AreaTable, what: tuple[str, str, str], printed: tuple[str, int]) -> None:
    line, measure, convention = what
    unit, places = printed
    pivot = table.pivot(unit, places, line=line, measure=measure)
    base = {"font_name": "等线", "font_size": 10, "border": 1, "border_color": "#B8C2C8", "valign": "vcenter"}
    heading = book.add_format(base | {"bold": True, "bg_color": "#E8EDF0", "align": "center", "text_wrap": True})
    text, small = book.add_format(base), book.add_format({"font_name": "等线", "font_size": 9, "font_color": "#5B6770"})
    number_format = "0." + "0" * places if places else "0"
    figure = book.add_format(base | {"num_format": number_format, "align": "right"})
    by = " × ".join(table.headings[name] for name in table.by)
    sheet = book.add_worksheet((line + ("（净）" if measure == "net_area_m2" else ""))[:31])
    width = len(pivot.columns)
    sheet.set_column(0, 0, 10)
    sheet.set_column(1, 1, 16)
    sheet.set_column(2, width + 1, 14)
    title = book.add_format({"font_name": "等线", "font_size": 14, "bold": True})
    sheet.write_string(0, 0, f"{line}面积统计表（{by}）", title)
    remark = "　".join((*_banner(table), f"{convention}（CGCS2000）", f"规划：{table.provenance['plan']['name']}"))
    sheet.write_string(1, 0, remark, small)
    right = book.add_format({"font_name": "等线", "font_size": 10, "align": "right"})
    sheet.write_string(0, width + 1, f"单位：{unit}", right)
    for column, name in enumerate(["代码", table.headings[table.by[0]], *map(str, pivot.columns)]):
        sheet.write_string(2, column, name, heading)
    codes = {label: code for (code, _), label in table.labels(table.by[0]).items()}
    for row, (label, values) in enumerate(pivot.iterrows(), start=3):
        name = str(label)
        code = codes.get(name)
        sheet.write_string(row, 0, "" if code is None or pd.isna(code) else str(code), text)
        sheet.write_string(row, 1, name, text)
        for column, value in enumerate(values, start=2):
            if pd.isna(value):
                sheet.write_string(row, column, NO_DATA, figure)
            else:
                sheet.write_number(row, column, float(value), figure)
    sheet.freeze_panes(3, 2)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.repeat_rows(0, 2)
    sheet.fit_to_pages(1, 0)


def _banner(table: AreaTable) -> list[str]:
    return [SYNTHETIC] if table.provenance["plan"].get("synthetic") else []


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
        f"不在任何统计单元内的面积列为“范围外”；各行之和等于该控制线的总面积：{_totals(totals)}。",
        *(f"图层：{layer['name']}　要素{layer['features']}个　{layer['source']}　SHA-256 {layer['sha256']}"
          for layer in table.provenance["layers"]),
        *table.provenance.get("notes", ()),
        *(f"注意：{name}有被排除的要素，统计不完整。" for name in table.provenance["unmeasured"]),
        word("titles", "disclaimer"),
    ]  # fmt: skip
    for row, line in enumerate(lines):
        # Programs other than Excel do not fit the height of a row to wrapped text.
        sheet.set_row(row, 15 * (len(line) // 52 + 1))
        sheet.write_string(row, 0, line, wrap)


def _totals(totals: pd.Series[float]) -> str:
    return "，".join(f"{line}{half_up(m2, '平方公里', 2)}平方公里" for line, m2 in totals.items())


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1, default=str)
