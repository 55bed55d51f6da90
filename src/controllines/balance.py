"""Balance (平衡): every square metre of a table is accounted for, and what does not match is named.

The pieces of a ground add up to the areas of its features less what they share. Beyond that, land and units need not
agree: a layer may overlap itself (重叠), the land may reach beyond the units (范围外), and layers that should cover the
units may leave gaps (空隙). Each such difference over ``NAMED_M2`` is a row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from controllines.crossing import Crossed, Part, cross, tiled
from controllines.dimensions import Dimension, Ground, Term
from controllines.findings import Finding, finding
from controllines.layers import Layer
from controllines.plans import Plan
from controllines.tiles import Tiles
from controllines.windows import Each

Array = np.ndarray
#: Differences over this (m²) are named.
NAMED_M2 = 1.0
#: Pieces add up to the land, to this share of it; and a table of no land may miss by this (m²).
EXACT, LEAST_M2 = 1e-9, 1e-6
COLUMNS = ("line", "kind", "layer", "code", "name", "area_m2")
OVERLAP, OUTSIDE, GAP = "重叠", "范围外", "空隙"


@dataclass(frozen=True)
class Booked:
    """What was booked of one ground.

    Attributes
    ----------
    ground : what it is
    own_m2 : areas of its features; overlap_m2 : what several of them hold
    cells, area_m2 : label numbers of each row of the table, and its area
    """

    ground: Ground
    own_m2: float
    overlap_m2: float
    cells: Array
    area_m2: Array

    @property
    def term(self) -> Term | None:
        """The features it is the land of, if they are of one layer."""
        terms = [term for terms in self.ground.sets for term in terms]
        return terms[0] if len(terms) == 1 else None

    def by_label(self, n: int, one: Dimension) -> Array:
        """Return the area of each label of the dimension with number ``n``."""
        return np.bincount(self.cells[:, n], weights=self.area_m2, minlength=len(one.labels))


@dataclass(frozen=True)
class Result:
    """Differences, units without data (columns line, kind, code, name), and what is to be said."""

    frame: pd.DataFrame
    missing: pd.DataFrame
    findings: tuple[Finding, ...]


Row = tuple[str, str, str, str | None, str | None, float]


@dataclass(frozen=True)
class _Unit:
    """A dimension of units: its number, itself, and the area (m²) of each label, shared land counted once."""

    n: int
    one: Dimension
    area_m2: Array
    overlap_m2: float


@dataclass(frozen=True)
class Books:
    """The means of balancing: the plan, its layers in tiles, and threads."""

    plan: Plan
    tiles: Callable[[Layer], Tiles]
    each: Each
    silent: dict[tuple[str, str], Array] = field(default_factory=dict)

    def of(self, booked: Sequence[Booked], dimensions: Sequence[Dimension]) -> Result:
        """Balance the grounds of a table against its units."""
        units = [self._unit(n, one) for n, one in enumerate(dimensions) if one.layer.kind.group == "unit"]
        rows: list[Row] = [("", OVERLAP, unit.one.heading, None, None, unit.overlap_m2) for unit in units]
        gone: list[tuple[str, str, str | None, str | None]] = []
        found: list[Finding] = []
        for item in booked:
            name = item.ground.name
            found += _unbalanced(item)
            rows.append((name, OVERLAP, name, None, None, item.overlap_m2))
            for n, one in enumerate(dimensions):
                if not one.layer.kind.is_line:
                    rows.append((name, OUTSIDE, one.heading, None, None, float(item.by_label(n, one)[-1])))
            for unit in units:
                rows += _gaps(item, unit)
                gone += [(name, unit.one.key, *unit.one.labels[n]) for n in self._without_data(item, unit)]
        named = pd.DataFrame([row for row in rows if abs(row[-1]) > NAMED_M2], columns=COLUMNS, dtype=object)
        named["area_m2"] = named["area_m2"].astype(float)
        missing = pd.DataFrame(sorted(set(gone), key=str), columns=["line", "kind", "code", "name"], dtype=object)
        return Result(named, missing, (*found, *_said(named, missing)))

    def _unit(self, n: int, one: Dimension) -> _Unit:
        whole = cross(Part(self.tiles(one.layer)), [], self.plan.plane, each=self.each, planar=False)
        return _Unit(n, one, _by_label(one, whole), whole.booked_m2)

    def _without_data(self, item: Booked, unit: _Unit) -> Array:
        """Return the units of which nothing is known: none of their features takes part, or a layer is silent."""
        area = unit.area_m2[:-1]
        missing = area == 0
        for term in {id(term.layer): term for terms in item.ground.sets for term in terms}.values():
            if term.layer.kind.is_line:
                missing |= self._silent(term.layer, unit.one)[:-1] >= (1 - EXACT) * area
            elif item.term is not None and item.term.value is None and term.layer is not unit.one.layer:
                missing |= item.by_label(unit.n, unit.one)[:-1] == 0
        return np.flatnonzero(missing)

    def _silent(self, line: Layer, one: Dimension) -> Array:
        """Return the land (m²) of each label that a line says nothing of (覆盖范围以外)."""
        key = (line.kind.key, one.key)
        coverage = self.plan.coverage[line.kind.key]
        if coverage.shapes is one.layer.in_plane:
            return np.zeros(len(one.labels))
        if key not in self.silent:
            bound = Part(tiled(coverage.shapes, each=self.each), keep=False)
            land = Part(self.tiles(one.layer))
            self.silent[key] = _by_label(one, cross(land, [bound], self.plan.plane, each=self.each, planar=False))
        return self.silent[key]


def _by_label(one: Dimension, found: Crossed) -> Array:
    return np.bincount(one.place[found.feature], weights=found.area_m2, minlength=len(one.labels))


def _gaps(item: Booked, unit: _Unit) -> list[Row]:
    """Return what of each unit a layer leaves out that should cover it: land use, planned use, units."""
    term = item.term
    if term is None or term.value is not None or term.layer is unit.one.layer:
        return []
    if term.layer.kind.is_line or term.layer.kind.key == "approved_land":
        return []
    gap = unit.area_m2 - item.by_label(unit.n, unit.one)
    return [(item.ground.name, GAP, unit.one.heading, *unit.one.labels[n], float(gap[n]))
            for n in range(len(unit.one.labels) - 1)]  # fmt: skip


def _unbalanced(item: Booked) -> list[Finding]:
    """Return the error of pieces that do not add up to the layer: it never occurs, and is never hidden."""
    if item.term is None:
        return []
    off = item.own_m2 - item.overlap_m2 - float(item.area_m2.sum())
    if abs(off) <= EXACT * item.own_m2 + LEAST_M2:
        return []
    return [finding("TABLE_BALANCE", layer=item.ground.name, actual=f"{off:.6f}", expected=f"{EXACT:g}")]


def _said(named: pd.DataFrame, missing: pd.DataFrame) -> list[Finding]:
    found = []
    for (line, kind, layer), rows in named.groupby(["line", "kind", "layer"], sort=False):
        where = f"与{layer}比较，" if line and line != layer else ""
        total = f"{where}{kind}{rows['area_m2'].sum():.2f}平方米（{len(rows)}处）"
        found.append(finding("TABLE_DIFFERENCE", layer=str(line or layer), actual=total))
    for line, rows in missing.groupby("line", sort=False):
        names = "、".join(str(name or code) for code, name in zip(rows["code"], rows["name"], strict=True))
        found.append(finding("UNIT_NO_DATA", layer=str(line), actual=names))
    return found
