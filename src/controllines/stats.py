"""Statistics (统计): how much of what lies where, and the books balance.

One crossing (:mod:`controllines.crossing`) deals the land of a ground out to the features of every layer that a table
is by; the table is a sum over these pieces, and so is every total. Land counts once, and what lies outside a layer is a
row of its own, so the rows always add up to the ground.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from controllines.balance import Booked, Books
from controllines.classes import choices
from controllines.crossing import Crossed, Part, cross, tiled
from controllines.dimensions import Dimension, Ground, Term, dimension_of, grounds_of
from controllines.errors import UsageError
from controllines.layers import Layer, net_factors
from controllines.plans import Plan, open_plan, said_of
from controllines.tables import AreaTable
from controllines.tiles import Tiles
from controllines.windows import Each
from controllines.workers import Workers

Array = np.ndarray


def tabulate(
    plan: object, *, of: Sequence[str] | str, by: Sequence[str] | str, planar: bool = True, workers: Workers = Workers()
) -> AreaTable:  # fmt: skip
    """Return the areas of land by units, zones, land classes and lines (面积统计).

    Parameters
    ----------
    plan : Plan, or anything :func:`controllines.plans.open_plan` takes
    of : what is counted, one or more: layers (English key or Chinese name), a class of a line
        (``城镇开发边界:特别用途区``; ``:*`` for each), what lies in several (``生态保护红线+永久基本农田``), and
        三线合计, the union of the three lines. Several are never added up
    by : one or more of: 县级行政区, 乡镇, 村, 规划分区, 一级规划分区, 管辖（地方、兵团）, 地类, 一级地类, 三大类,
        权属性质, 规划用途分类; a line (线内, 线外); ``图层:字段`` of any layer
    planar : False leaves planar areas out (null), which is faster

    Returns
    -------
    AreaTable; areas are official (椭球面积), planar and, of farmland and land use, net of ridges (扣除田坎)

    Raises
    ------
    PlanError
        The plan does not have a layer that is needed.
    UsageError
        No such kind, class, dimension or column.

    Notes
    -----
    The big classes of disputed land classes (0404, 1201, 0603) are those of plan.toml ``[plan.big_classes]``, else the
    usual ones; ``provenance["big_classes"]`` says which.
    """
    opened = open_plan(plan)
    big = choices(opened.spec.big_classes, where=opened.path)
    grounds = [ground for name in ([of] if isinstance(of, str) else of) for ground in grounds_of(opened, name)]
    dimensions = [dimension_of(opened, name, big) for name in ([by] if isinstance(by, str) else by)]
    if not grounds or not dimensions:
        raise UsageError.of("TABULATE_EMPTY")
    with workers.pool() as each:
        job = _Job(opened, dimensions, each, planar, {})
        counted = [_counted(job, ground) for ground in grounds]
        books = Books(opened, job.tiles, each).of([item.booked for item in counted], dimensions)
    layers = {term.layer.kind.key: term.layer for ground in grounds for terms in ground.sets for term in terms}
    layers |= {one.layer.kind.key: one.layer for one in dimensions}
    findings = (*(item for one in dimensions for item in one.findings), *books.findings)
    said = {"findings": [vars(item) for item in findings], "lines": [ground.name for ground in grounds]}
    return AreaTable(
        frame=pd.concat([item.frame for item in counted], ignore_index=True),
        by=tuple(one.key for one in dimensions),
        headings={one.key: one.heading for one in dimensions},
        units={one.key: one.labels[:-1] for one in dimensions},
        provenance=said_of(opened, layers.values()) | said | _chosen(dimensions, big),
        balance=books.frame, missing=books.missing,
    )  # fmt: skip


def _chosen(dimensions: Sequence[Dimension], big: dict[str, str]) -> dict[str, Any]:
    return {"big_classes": big} if any(one.key == "big_class" for one in dimensions) else {}


@dataclass(frozen=True)
class _Job:
    """What every ground is dealt out to; ``cut`` keeps the tiles of layers by identity."""

    plan: Plan
    dimensions: list[Dimension]
    each: Each
    planar: bool
    cut: dict[int, Tiles]

    def tiles(self, layer: Layer) -> Tiles:
        """Return a layer in tiles, cut once."""
        shapes = layer.in_plane
        if id(shapes) not in self.cut:
            self.cut[id(shapes)] = tiled(shapes, each=self.each)
        return self.cut[id(shapes)]


@dataclass(frozen=True)
class _Counted:
    frame: pd.DataFrame
    booked: Booked


def _counted(job: _Job, ground: Ground) -> _Counted:
    """Return the rows of one ground, and what was booked."""
    places, measures, features, booked, own = [], [], [], 0.0, 0.0
    for number, (found, columns, layer) in enumerate(_crossed(job, ground)):
        places.append(columns)
        net = found.area_m2 * (1 - _ridges(layer)[found.feature])
        measures.append(np.column_stack([found.area_m2, found.planar_m2, net]))
        features.append(found.feature + number * 2**32)
        booked += found.booked_m2
        own += found.own_m2
    place, measure = np.concatenate(places), np.concatenate(measures)
    if not len(place):
        return _nothing(job, ground, (own, booked))
    cells, first, cell = np.unique(place, axis=0, return_index=True, return_inverse=True)
    cell = cell.reshape(-1)
    sums = {name: np.bincount(cell, weights=measure[:, n], minlength=len(first))
            for n, name in enumerate(("area_m2", "planar_area_m2", "net_area_m2"))}  # fmt: skip
    owners = np.unique(np.column_stack([cell, np.concatenate(features)]), axis=0)[:, 0]
    counts = {"features": np.bincount(owners, minlength=len(first)), "pieces": np.bincount(cell, minlength=len(first))}
    labels = {name: pd.Series(values, dtype=object) for name, values in _labels(job.dimensions, cells).items()}
    frame = pd.DataFrame(labels | sums | counts)
    frame.insert(0, "line", ground.name)
    return _Counted(frame, Booked(ground, own, booked, cells, sums["area_m2"]))


def _nothing(job: _Job, ground: Ground, areas: tuple[float, float]) -> _Counted:
    """Return the row that says that there is none of this land (0, not no data)."""
    cells = np.zeros((1, len(job.dimensions)), np.int64)
    labels = {name: pd.Series(values, dtype=object) for name, values in _labels(job.dimensions, cells).items()}
    net = 0.0 if any("kcxs" in term.layer.kind.fields for terms in ground.sets for term in terms) else np.nan
    measures = {"area_m2": 0.0, "planar_area_m2": 0.0, "net_area_m2": net, "features": 0, "pieces": 0}
    frame = pd.DataFrame({"line": [ground.name]} | labels | {name: [value] for name, value in measures.items()})
    return _Counted(frame, Booked(ground, *areas, cells, np.zeros(1)))


def _labels(dimensions: Sequence[Dimension], cells: Array) -> dict[str, Array]:
    """Return code and name of every label, and of the label above it."""
    out: dict[str, Array] = {}
    for n, one in enumerate(dimensions):
        table = np.array(one.labels, dtype=object)[cells[:, n]]
        out |= {f"{one.key}_code": table[:, 0], one.key: table[:, 1]}
        if one.parents:
            above = np.array(one.parents, dtype=object)[cells[:, n]]
            out |= {f"{one.key}_parent_code": above[:, 0], f"{one.key}_parent": above[:, 1]}
    return out


def _crossed(job: _Job, ground: Ground) -> Iterator[tuple[Crossed, Array, Layer]]:
    """Yield, for each set of a ground, its pieces, the number of their label in each dimension, and their layer."""
    before: list[Term] = []
    for terms in ground.sets:
        main = next((term for term in terms if "kcxs" in term.layer.kind.fields), terms[0])
        others = [term for term in terms if term is not main]
        cutters = [Part(job.tiles(term.layer), term.mask, keep=False) for term in before]
        cutters += [Part(job.tiles(term.layer), term.mask, keep=True) for term in others]
        rows_of = {term.layer.kind.key: len(before) + n for n, term in enumerate(others)}
        for one in job.dimensions:
            key = one.layer.kind.key
            if key != main.layer.kind.key and key not in rows_of:
                rows_of[key] = len(cutters)
                cutters.append(Part(job.tiles(one.layer)))
        land = Part(job.tiles(main.layer), main.mask, priority=_priority(main.layer))
        found = cross(land, cutters, job.plan.plane, each=job.each, planar=job.planar)
        rows = {key: found.rows[:, n] for key, n in rows_of.items()} | {main.layer.kind.key: found.feature}
        columns = [one.place[rows[one.layer.kind.key]] for one in job.dimensions]
        yield found, np.column_stack(columns), main.layer
        before += terms


def _priority(layer: Layer) -> Array | None:
    """Land under several features takes the smallest KCXS; an unknown one is last."""
    if "kcxs" not in layer.kind.fields:
        return None
    factor = net_factors(layer)[0]
    return np.where(np.isnan(factor), 2.0, factor)


def _ridges(layer: Layer) -> Array:
    """Return the share of ridges (田坎系数) of each feature; NaN where it does not apply or is not known."""
    if "kcxs" not in layer.kind.fields:
        return np.full(len(layer), np.nan)
    kcxs, cultivated = net_factors(layer)
    if layer.kind.key == "land_use":  # other classes have no ridges whatever their KCXS says
        kcxs = np.where(cultivated, kcxs, 0.0)
    return np.where((kcxs >= 0) & (kcxs < 1), kcxs, np.nan)
