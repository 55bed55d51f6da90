"""Tables of areas (面积表): a tidy frame with what it counts and by what, and its printed form."""

from __future__ import annotations

import html
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from controllines.rounding import controlled
from controllines.units import NO_DATA, STATISTICS_DECIMALS, convert

TOTAL = "合计"


@dataclass(frozen=True)
class AreaTable:
    """Areas by unit (分乡镇、分区面积统计).

    Attributes
    ----------
    frame : tidy: ``line`` (Chinese name), for each unit ``{unit}_code`` and ``{unit}``, ``area_m2``,
        ``planar_area_m2``, ``net_area_m2`` (null where net area does not apply), ``pieces``
    by : the unit columns of the frame, e.g. ("township", "planning_zone")
    headings : unit column → Chinese heading
    units : unit column → (code, name) of every unit of the layer in the order of tables, with or without area
    provenance : plan, layers, plane
    """

    frame: pd.DataFrame
    by: tuple[str, ...]
    headings: dict[str, str]
    units: dict[str, tuple[tuple[str | None, str | None], ...]]
    provenance: dict[str, Any]

    def pivot(
        self, unit: str = "公顷", decimals: int | None = None, *, line: str | None = None, measure: str = "area_m2"
    ) -> pd.DataFrame:
        """Return the printed table with totals (合计): rows by the first unit, columns by the second.

        Parameters
        ----------
        unit : 平方米, 亩, 公顷, 平方公里 or 万亩
        decimals : of the printed figures; omitted: 2
        line : Chinese name of one line; omitted: all, each a column group of its own
        measure : ``area_m2`` (椭球面积), ``planar_area_m2`` or ``net_area_m2``

        Notes
        -----
        The table is rounded as a whole (:mod:`controllines.rounding`): rows, columns and the grand total add up in the
        printed figures, and each is one of the two figures next to the true one.
        """
        places = STATISTICS_DECIMALS[unit] if decimals is None else decimals
        frame = self.frame if line is None else self.frame[self.frame["line"] == line]
        labels = {key: self.labels(key) for key in self.by}
        frame = frame.assign(**{
            key: [labels[key].get(unit, unit[1]) for unit in zip(frame[f"{key}_code"], frame[key], strict=True)]
            for key in self.by
        })  # fmt: skip
        columns = ["line", *self.by[1:]] if line is None else list(self.by[1:]) or ["line"]
        # Not pivot_table: it cannot tell land that is not there (0) from a net area that is not known (null).
        sums = frame.groupby([self.by[0], *columns], sort=False)[measure].agg(lambda m2: m2.sum(skipna=False))
        table = sums.unstack(columns, fill_value=0, sort=False)
        table = _every_unit(table, self.by, labels)
        printed = pd.DataFrame(_with_totals(_last_digits(table, unit, places)) / 10**places).round(places)
        printed.index.name = self.headings[self.by[0]]
        printed.columns.names = ["控制线" if name == "line" else self.headings.get(str(name), str(name))
                                 for name in printed.columns.names]  # fmt: skip
        printed.attrs = {"unit": unit, "decimals": places}
        return printed

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
        notes = "单位：公顷；椭球面积（CGCS2000）"
        lines = list(dict.fromkeys(self.frame["line"]))
        return f"<p>{notes}</p>" + "".join(
            f"<h4>{html.escape(line)}</h4>"
            + self.pivot(line=line).to_html(float_format="{:.2f}".format, na_rep=NO_DATA)
            for line in lines
        )


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


def _last_digits(table: pd.DataFrame, unit: str, places: int) -> pd.DataFrame:
    """Return a table in whole units of its last digit; what is added up together is rounded together."""
    scaled = table.map(lambda m2: convert(m2, unit) * 10**places)
    if table.columns.nlevels > 1:
        lines = table.columns.get_level_values(0)
        blocks = [np.flatnonzero(lines == line) for line in dict.fromkeys(lines)]
    elif table.columns.name == "line":
        blocks = [np.array([column]) for column in range(table.shape[1])]
    else:
        blocks = [np.arange(table.shape[1])]
    values = scaled.to_numpy(float, copy=True)
    for block in blocks:
        part = values[:, block]
        # Where a figure is unknown there is no total to keep: each known one is rounded half up by itself.
        values[:, block] = controlled(part) if np.isfinite(part).all() else np.floor(part + 0.5)
    return pd.DataFrame(values, index=table.index, columns=table.columns)


def _with_totals(table: pd.DataFrame) -> pd.DataFrame:
    """Add a total column for each line (or one), and a total row, from the unrounded values."""
    if table.columns.nlevels > 1:
        lines = dict.fromkeys(table.columns.get_level_values(0))
        groups = {line: table[line].sum(axis=1, skipna=False) for line in lines}
        blocks = [pd.concat([table[line], groups[line].rename(TOTAL)], axis=1) for line in groups]
        wide = pd.concat(blocks, axis=1, keys=list(groups), names=table.columns.names)
    elif table.columns.name == "line":
        wide = table.copy()
    else:
        wide = table.assign(**{TOTAL: table.sum(axis=1, skipna=False)})
        wide.columns.name = table.columns.name
    wide.loc[TOTAL] = wide.sum(axis=0, skipna=False)
    return pd.DataFrame(wide)
