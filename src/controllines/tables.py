"""Tables of areas (面积表): a tidy frame with what it counts and by what, and its printed form."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from controllines.errors import UsageError
from controllines.rounding import controlled
from controllines.units import NO_DATA, STATISTICS_DECIMALS, convert, print_area

Array = np.ndarray
TOTAL = "合计"


@dataclass(frozen=True)
class AreaTable:
    """Areas by unit (分乡镇、分区面积统计).

    Attributes
    ----------
    frame : tidy: ``line`` (what is counted, Chinese name), for each unit ``{unit}_code`` and ``{unit}`` (of planning
        zones also ``_parent_code`` and ``_parent``), ``area_m2``, ``planar_area_m2``, ``net_area_m2`` (null where net
        area does not apply), ``features`` (图斑数) with land in the row, and the ``pieces`` (块数) they are cut into
    by : the unit columns of the frame, e.g. ("township", "planning_zone")
    headings : unit column → Chinese heading
    units : unit column → (code, name) of every unit of the layer in the order of tables, with or without area
    provenance : plan, layers, findings; the choice of disputed land classes
    balance : differences over 1 m²: ``line``, ``kind`` (重叠, 范围外, 空隙), ``layer``, ``code``, ``name``, ``area_m2``
    missing : units of which nothing is known: ``line``, ``kind``, ``code``, ``name``
    """

    frame: pd.DataFrame
    by: tuple[str, ...]
    headings: dict[str, str]
    units: dict[str, tuple[tuple[str | None, str | None], ...]]
    provenance: dict[str, Any]
    balance: pd.DataFrame = field(default_factory=pd.DataFrame)
    missing: pd.DataFrame = field(default_factory=pd.DataFrame)

    def pivot(
        self, unit: str = "公顷", decimals: int | None = None, *, line: str | None = None, measure: str = "area_m2",
        rows: str | None = None, columns: Sequence[str] | None = None, residuals: bool = False,
    ) -> pd.DataFrame:  # fmt: skip
        """Return the printed table with totals (合计): rows by one unit, columns by the others.

        Parameters
        ----------
        unit : 平方米, 亩, 公顷, 平方公里 or 万亩
        decimals : of the printed figures; omitted: 2
        line : Chinese name of one line; omitted: all, each a column group of its own
        measure : ``area_m2`` (椭球面积), ``planar_area_m2`` or ``net_area_m2``
        rows : column of ``by`` that the rows are of; omitted: the first
        columns : those that the columns are of; omitted: all others, 管辖 last. What is in neither is added up
        residuals : True returns by how much each printed figure is off (取舍误差, printed − true) instead

        Notes
        -----
        The table is rounded as a whole (:mod:`controllines.rounding`): rows, columns and the grand total add up in the
        printed figures, and each is one of the two figures next to the true one.
        """
        laid = laid_out(self, unit, decimals, Layout(line, measure, rows, None if columns is None else tuple(columns)))
        table = laid.numbers - laid.true if residuals else laid.numbers
        table.attrs = {"unit": unit, "decimals": laid.decimals}
        return table

    def labels(self, key: str) -> dict[tuple[str | None, str | None], str]:
        """Return what tables call each unit: its name, with its code where the name occurs twice."""
        names = Counter(name for _, name in self.units[key])
        return {
            (code, name): f"{name}（{code}）" if names[name] > 1 and code else str(name or code)
            for code, name in self.units[key]
        }

    def share(self) -> pd.DataFrame:
        """Return the tidy frame with ``share``: each area as part of the line's total."""
        total = self.frame.groupby("line")["area_m2"].transform("sum")
        return self.frame.assign(share=self.frame["area_m2"] / total)

    def _repr_html_(self) -> str:
        notes = "单位：公顷；椭球面积（CGCS2000）；0.00为没有，—为无数据"
        lines = list(dict.fromkeys(self.frame["line"]))
        return f"<p>{notes}</p>" + "".join(
            f"<h4>{html.escape(line)}</h4>{laid_out(self, '公顷', None, Layout(line)).texts.to_html()}"
            for line in lines
        )


@dataclass(frozen=True)
class Layout:
    """How a table is laid out: which line, measure, rows and columns; see :meth:`AreaTable.pivot`."""

    line: str | None = None
    measure: str = "area_m2"
    rows: str | None = None
    columns: tuple[str, ...] | None = None


@dataclass(frozen=True)
class LaidOut:
    """A table with its totals, three times.

    Attributes
    ----------
    numbers : printed figures, which add up; NaN where there is no data
    true : the same before they were rounded
    texts : as they are to be printed: — for no data, square metres for what would print as zero and is not
    rows : (code, name) behind each row but the total
    decimals : of the figures
    """

    numbers: pd.DataFrame
    true: pd.DataFrame
    texts: pd.DataFrame
    rows: tuple[tuple[str | None, str | None], ...]
    decimals: int


def laid_out(table: AreaTable, unit: str, decimals: int | None, layout: Layout) -> LaidOut:
    """Lay a table out and round it as a whole."""
    places = STATISTICS_DECIMALS[unit] if decimals is None else decimals
    row = layout.rows or table.by[0]
    others = [key for key in table.by if key != row]
    columns = sorted(others, key=lambda key: key == "jurisdiction") if layout.columns is None else list(layout.columns)
    if wrong := {row, *columns} - set(table.by):
        raise UsageError.of(
            "OPTION_VALUE", layer="rows、columns", actual="、".join(wrong), expected="、".join(table.by)
        )
    m2 = _square_metres(table, layout, row, columns)
    scaled = m2.map(lambda value: convert(value, unit) * 10**places)
    numbers = _named(pd.DataFrame(_with_totals(_last_digits(scaled)) / 10**places).round(places), table, row)
    exact = _with_totals(m2)
    true = _named(exact.map(lambda value: convert(value, unit)), table, row)
    texts = numbers.astype(object)
    values, m2_of = numbers.to_numpy(float), exact.to_numpy(float)
    for at in np.ndindex(numbers.shape):
        texts.iat[at] = _text(float(values[at]), float(m2_of[at]), places)
    labels = {label: pair for pair, label in table.labels(row).items()}
    return LaidOut(numbers, true, texts, tuple(labels.get(name, (None, str(name))) for name in m2.index), places)


def _text(number: float, m2: float, places: int) -> str:
    if np.isnan(number):
        return NO_DATA
    if number == 0 and m2:
        return print_area(m2, "平方米", 2, with_unit=True)
    return f"{number:.{places}f}"


def _square_metres(table: AreaTable, layout: Layout, row: str, columns: list[str]) -> pd.DataFrame:
    """Return the areas (m²) by row and columns, every unit listed, NaN where there is no data."""
    frame = table.frame if layout.line is None else table.frame[table.frame["line"] == layout.line]
    labels = {key: table.labels(key) for key in table.by}
    frame = frame.assign(**{
        key: [labels[key].get(unit, unit[1]) for unit in zip(frame[f"{key}_code"], frame[key], strict=True)]
        for key in (row, *columns)
    })  # fmt: skip
    over = ["line", *columns] if layout.line is None else columns or ["line"]
    # Not pivot_table: it cannot tell land that is not there (0) from a net area that is not known (null).
    sums = frame.groupby([row, *over], sort=False)[layout.measure].agg(lambda m2: m2.sum(skipna=False))
    laid = _every_unit(sums.unstack(over, fill_value=0, sort=False), (row, *columns), labels)
    return _without_data(laid, table, layout.line, (row, labels[row])).rename_axis(index=row)


def _without_data(
    laid: pd.DataFrame, table: AreaTable, line: str | None, units: tuple[str, dict[Any, str]]
) -> pd.DataFrame:
    """Say that nothing is known of units that have no data; others without land have none of it (0)."""
    if not len(table.missing):
        return laid
    for _, gone in table.missing[table.missing["kind"] == units[0]].iterrows():
        label = units[1].get((gone["code"], gone["name"]), gone["name"])
        if line in (None, gone["line"]) and label in laid.index:
            of = slice(None) if line is not None else laid.columns.get_level_values(0) == gone["line"]
            laid.loc[label, of] = np.nan
    return laid


def _named(printed: pd.DataFrame, table: AreaTable, row: str) -> pd.DataFrame:
    printed.index.name = table.headings[row]
    printed.columns.names = ["控制线" if name == "line" else table.headings.get(str(name), str(name))
                             for name in printed.columns.names]  # fmt: skip
    return printed


def _every_unit(
    table: pd.DataFrame, by: tuple[str, ...], labels: dict[str, dict[tuple[str | None, str | None], str]]
) -> pd.DataFrame:
    """List every unit of the layers, with zero where a line has nothing, in the order of their codes."""

    def order(key: str, present: pd.Index) -> list[str]:
        every = list(dict.fromkeys(labels[key].values()))
        return [*every, *(name for name in present.unique() if name not in every)]

    table = table.reindex(order(by[0], table.index), fill_value=0.0)
    if len(by) == 1:
        return table
    columns = table.columns
    if columns.nlevels == 1:
        return table.reindex(columns=pd.Index(order(by[1], columns), name=columns.name), fill_value=0.0)
    if columns.nlevels > 2:
        return table
    lines = list(dict.fromkeys(columns.get_level_values(0)))
    every_one = order(by[1], columns.get_level_values(1))
    return table.reindex(columns=pd.MultiIndex.from_product([lines, every_one], names=columns.names), fill_value=0.0)


def _last_digits(scaled: pd.DataFrame) -> pd.DataFrame:
    """Round a table in whole units of its last digit; what is added up together is rounded together."""
    if scaled.columns.nlevels > 1 and scaled.columns.names[0] == "line":
        lines = scaled.columns.get_level_values(0)
        blocks = [np.flatnonzero(lines == line) for line in dict.fromkeys(lines)]
    elif scaled.columns.name == "line":
        blocks = [np.array([column]) for column in range(scaled.shape[1])]
    else:
        blocks = [np.arange(scaled.shape[1])]
    values = scaled.to_numpy(float, copy=True)
    for block in blocks:
        values[:, block] = _controlled(values[:, block])
    return pd.DataFrame(values, index=scaled.index, columns=scaled.columns)


def _controlled(part: Array) -> Array:
    """Round a two-way table; rows and columns with unknown figures have no total to keep, and are rounded half up."""
    known = np.isfinite(part)
    rows = known.all(axis=1)
    if rows.all():
        return np.asarray(controlled(part), float)
    out = np.floor(part + 0.5)
    if rows.any() and not known[~rows].any():  # units without any data: the others still add up
        out[rows] = controlled(part[rows])
    return out


def _with_totals(table: pd.DataFrame) -> pd.DataFrame:
    """Add a total column for each line (or one), and a total row, from the unrounded values."""
    if table.columns.nlevels > 1 and table.columns.names[0] == "line":
        lines = dict.fromkeys(table.columns.get_level_values(0))
        blocks = [_with_total_column(table[line]) for line in lines]
        wide = pd.concat(blocks, axis=1, keys=list(lines), names=table.columns.names)
    elif table.columns.name == "line":
        wide = table.copy()
    else:
        wide = _with_total_column(table)
    wide.loc[TOTAL] = wide.sum(axis=0, skipna=False)
    return pd.DataFrame(wide)


def _with_total_column(table: pd.DataFrame) -> pd.DataFrame:
    """Add the total of each row, named on the first level of the columns."""
    wide = table.copy()
    total: Any = (TOTAL, *[""] * (table.columns.nlevels - 1)) if table.columns.nlevels > 1 else TOTAL
    wide[total] = table.sum(axis=1, skipna=False)
    wide.columns.names = table.columns.names
    return wide
