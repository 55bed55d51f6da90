"""Class areas (栅格分类面积): land by unit and control line is laid on the cells, block by block.

The covered part of each cell (exactextract) times the cell's official area, added up by class. The sum of the
classes, of 无数据 and of 栅格范围外 is the area of the land in the plane, as ``tabulate`` gives it; by how much it is
not is held against the stated bound.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely

from controllines.classes import choices
from controllines.clean import polygonal
from controllines.dimensions import Dimension, dimension_of
from controllines.errors import InputError, UsageError
from controllines.findings import Finding, finding
from controllines.layers import Layer
from controllines.partition import Parts, by_units
from controllines.plans import Plan, layer_of, open_plan, said_of
from controllines.raster.classes import MOST_CLASSES, NO_DATA, OUTSIDE, Classes, classes_of
from controllines.raster.grid import Grid, Window, grid_of
from controllines.raster.source import Raster, open_raster
from controllines.tables import AreaTable

Array = np.ndarray
#: Rows of the whole land of the units.
ALL_LAND = "全部土地"
CLASS = "class"
#: Land of so few cells is nobody's: what is left along the border of the raster.
HAIRLINE = 1e-9


@dataclass
class _Ground:
    """Land of one row of the table: its pieces in grid coordinates, and what was added up so far."""

    line: str
    unit: dict[str, Any]
    area_m2: float
    perimeter_m: float
    outside_m2: float
    sums: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    @property
    def off_m2(self) -> float:
        """The land's area less all that was found of it."""
        return self.area_m2 - self.outside_m2 - sum(self.sums.values())


def raster_areas(
    raster: str | Path, plan: object, *, by: Sequence[str] | str, of: Sequence[str] | str | None = None, band: int = 1,
    breaks: Sequence[float] | None = None, names: Mapping[int, str] | None = None, crs: object = None,
    datum: str | None = None,
) -> AreaTable:  # fmt: skip
    """Return the areas of a raster's classes by unit and by control line (分乡镇、线内线外的栅格分类面积).

    Parameters
    ----------
    raster : GeoTIFF, Erdas .img or ASCII grid, without rotation
    plan : Plan, or anything :func:`controllines.open_plan` takes
    by : kinds of units, one or more, e.g. ``["乡镇"]``
    of : kinds of lines; omitted: the control lines that the plan has. Each gives the land inside and outside of it
    band : number of the band, from 1
    breaks : upper ends of the classes of continuous values, e.g. ``[2, 6, 15, 25]`` for slope in degrees
    names : class value (or number of the class between breaks, from 1) → name
    crs : CRS of a raster without one; a contradiction is an error
    datum : ``"as_is"`` for data on a foreign datum

    Returns
    -------
    AreaTable
        ``line`` is 全部土地, …内 or …外; the last column of ``by`` is ``class``, which ends with 无数据 and 栅格范围外.
        ``area_m2`` is official (椭球面积); planar and net areas are null. ``provenance["raster"]`` names the file and
        its cells, ``off_m2`` (the greatest difference between land and the sum of its classes) and ``bound_m2`` (how
        great it may be).

    Raises
    ------
    InputError
        The raster cannot be read, or its values are continuous and there are no breaks.
    CRSError
        Its CRS is missing, contradictory, or cannot be brought to CGCS2000.
    PlanError
        The plan does not have a layer that is needed.

    Notes
    -----
    No raster is resampled and no cell is taken whole: covered parts of cells are exact, and so are the areas of cells
    on the ellipsoid. How both are found in the plane: :mod:`controllines.raster.grid`.
    """
    opened = open_plan(plan)
    units = [
        dimension_of(opened, name, choices(opened.spec.big_classes)) for name in ([by] if isinstance(by, str) else by)
    ]
    wanted = [kind.key for kind in opened.lines() if kind.group == "line" and kind.key in opened.layers]
    lines = [layer_of(opened, name) for name in ([of] if isinstance(of, str) else wanted if of is None else of)]
    if not units:
        raise UsageError.of("TABULATE_EMPTY")
    with open_raster(raster, band=band, crs=crs, datum=datum) as read:
        classes = classes_of(read, breaks, names)
        grid = grid_of(read.affine, read.crs, opened.plane)
        grounds, pieces, owner = _grounds(opened, (lines, units), grid)
        spread = _measure(read, grid, classes, (grounds, pieces, owner))
        said = _said(read, grid, grounds, spread)
    return _table(opened, (lines, units), grounds, classes=classes, raster=said)


def _grounds(
    plan: Plan, layers: tuple[Sequence[Layer], Sequence[Dimension]], grid: Grid
) -> tuple[list[_Ground], Array, Array]:
    """Return the rows of the table, the polygons of their land in grid coordinates, and the row of each."""
    lines, units = layers
    land = units[0].layer
    stacked = [(ALL_LAND, by_units(plan, land, units))]
    for line in lines:
        stacked += [(f"{line.kind.zh}内", by_units(plan, line, units)),
                    (f"{line.kind.zh}外", by_units(plan, land, units, outside=line))]  # fmt: skip
    outline = grid.outline
    shapely.prepare(outline)
    grounds: list[_Ground] = []
    pieces: list[Array] = []
    for name, parts in stacked:
        for unit, rows in _groups(parts, units):
            geoms = parts.geoms[rows]
            partly = ~shapely.covers(outline, geoms)
            inside = np.array(geoms, dtype=object)
            inside[partly] = polygonal(shapely.intersection(geoms[partly], outline))
            outside = polygonal(shapely.difference(geoms[partly], outline))
            grounds.append(_Ground(name, unit, float(shapely.area(geoms).sum()), float(shapely.length(geoms).sum()),
                                   float(shapely.area(outside).sum())))  # fmt: skip
            land_here = grid.land(shapely.get_parts(inside[~shapely.is_empty(inside)]))
            pieces.append(land_here[shapely.area(land_here) > HAIRLINE])
    owner = np.repeat(np.arange(len(pieces)), [len(own) for own in pieces])
    return grounds, np.concatenate(pieces) if pieces else np.empty(0, dtype=object), owner


def _groups(parts: Parts, units: Sequence[Dimension]) -> Iterable[tuple[dict[str, Any], Array]]:
    """Yield each combination of units with the rows of its pieces, in the order of tables."""
    combinations, of = np.unique(parts.places, axis=0, return_inverse=True)
    for number, places in enumerate(combinations):
        named = [(unit.key, unit.labels[place]) for unit, place in zip(units, places, strict=True)]
        columns = {
            name: value for key, (code, called) in named for name, value in ((f"{key}_code", code), (key, called))
        }
        yield columns, np.flatnonzero(of.reshape(-1) == number)


def _measure(
    raster: Raster, grid: Grid, classes: Classes, land: tuple[list[_Ground], Array, Array]
) -> float:  # fmt: skip
    """Add up the classes of all rows, block by block; return the greatest relative difference of neighbouring cells."""
    grounds, pieces, owner = land
    bounds, spread, seen = shapely.bounds(pieces), 0.0, set[str]()
    for strip in raster.windows():
        low, high = strip[0].box[1], strip[0].box[3]
        near = np.flatnonzero((bounds[:, 1] < high) & (bounds[:, 3] > low))
        # Cut to the strip first: a large outline is not walked through again for every block of it.
        cut = _clip(pieces[near], (-1.0, low, raster.affine.columns + 1.0, high))
        boxes = shapely.bounds(cut)
        for window in strip:
            here = np.flatnonzero((boxes[:, 0] < window.column_end) & (boxes[:, 2] > window.column))
            if len(here):
                own = _by_row(_clip(cut[here], window.box), owner[near[here]])
                spread = max(spread, _block(raster, grid, classes, (window, own, grounds)))
                seen |= {code for row in own for code in grounds[row].sums}
                if len(seen) > MOST_CLASSES:
                    raise InputError.of("RASTER_MANY_CLASSES", source=raster.path, expected=MOST_CLASSES)
    return spread


def _clip(geoms: Array, box: tuple[float, float, float, float]) -> Array:
    """Cut polygons off in a box; the fast way of the engine is taken only where it answers, and validly."""
    out = np.empty(len(geoms), dtype=object)
    for at, geom in enumerate(geoms):
        # It fails on hairlines that have become lines: out then stays None.
        with suppress(shapely.errors.GEOSException):
            out[at] = shapely.clip_by_rect(geom, *box)
    wrong = shapely.is_missing(out) | ~shapely.is_valid(out)
    out[wrong] = shapely.intersection(shapely.make_valid(geoms[wrong]), shapely.box(*box))
    return np.asarray(polygonal(out), dtype=object)


def _by_row(geoms: Array, owner: Array) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    parts, index = shapely.get_parts(geoms, return_index=True)
    for part, row in zip(parts, owner[index], strict=True):
        if part.area > 0:
            found[int(row)].append(part)
    return dict(sorted(found.items()))


def _block(
    raster: Raster, grid: Grid, classes: Classes, what: tuple[Window, dict[int, list[Any]], list[_Ground]]
) -> float:  # fmt: skip
    """Add the cells of one block to the rows whose land lies in it."""
    window, own, grounds = what
    if not own:
        return 0.0
    values, valid = raster.read(window)
    number, codes = classes.of(values, valid)
    area, number = grid.areas(window), number.ravel()
    names = [NO_DATA, *codes]
    for row, parts in own.items():
        cells, covered = _covered(window, parts)
        m2 = np.bincount(number[cells], weights=covered * area.ravel()[cells], minlength=len(names))
        present = np.bincount(number[cells], minlength=len(names)) > 0
        for at in np.flatnonzero(present):
            grounds[row].sums[names[at]] += float(m2[at])
    return max((float(np.abs(np.diff(area, axis=axis) / area.min()).max(initial=0)) for axis in (0, 1)), default=0.0)


def _covered(window: Window, parts: list[Any]) -> tuple[Array | slice, Array | float]:
    """Return the cells of a block that land covers, and the covered part of each."""
    from exactextract import exact_extract
    from exactextract.raster import NumPyRasterSource

    rows, columns = window.shape
    if sum(part.area for part in parts) >= rows * columns * (1 - 1e-12):
        return slice(None), 1.0
    source = NumPyRasterSource(np.zeros(window.shape, np.uint8), *window.box)
    shape = parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)
    feature = {"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(shape)}
    found = exact_extract(source, [feature], ["cell_id", "coverage"])[0]["properties"]
    return found["cell_id"], found["coverage"]


def _said(raster: Raster, grid: Grid, grounds: list[_Ground], spread: float) -> dict[str, Any]:
    """Return what the table says of the raster, and whether the books balance."""
    found: list[Finding] = list(raster.findings)
    worst, allowed = 0.0, 0.0
    for ground in grounds:
        bound = grid.bound(ground.area_m2, ground.perimeter_m, spread)
        if abs(ground.off_m2) > bound:
            unit = "、".join(str(value) for key, value in ground.unit.items() if not key.endswith("_code"))
            found.append(finding("RASTER_BALANCE", source=raster.path, layer=ground.line, feature=unit,
                                 actual=f"{ground.off_m2:.4f}", expected=f"{bound:.4f}"))  # fmt: skip
        if abs(ground.off_m2) >= worst:
            worst, allowed = abs(ground.off_m2), bound
    affine = raster.affine
    return {
        "source": str(raster.path), "sha256": raster.sha256, "crs": raster.crs.name, "band": raster.band,
        "columns": affine.columns, "rows": affine.rows, "cell": [abs(affine.width), abs(affine.height)],
        "nodata": raster.nodata, "off_m2": worst, "bound_m2": allowed,
        "findings": [vars(item) for item in found],
    }  # fmt: skip


def _table(
    plan: Plan, layers: tuple[Sequence[Layer], Sequence[Dimension]], grounds: list[_Ground], *, classes: Classes,
    raster: dict[str, Any],
) -> AreaTable:  # fmt: skip
    lines, units = layers
    codes = sorted({code for ground in grounds for code in ground.sums} - {NO_DATA}, key=int)
    known: list[tuple[str | None, str]] = [(code, classes.name(code)) for code in codes]
    known += [(None, NO_DATA), (None, OUTSIDE)]
    rows = []
    for ground in grounds:
        for code, name in known:
            m2 = ground.outside_m2 if name == OUTSIDE and code is None else ground.sums.get(code or NO_DATA, 0.0)
            rows.append({"line": ground.line, **ground.unit, "class_code": code, CLASS: name, "area_m2": m2})
    keys = [unit.key for unit in units]
    frame = pd.DataFrame(rows).assign(planar_area_m2=np.nan, net_area_m2=np.nan)
    for name in (*(f"{key}_code" for key in keys), "class_code"):
        frame[name] = frame[name].astype(object).where(frame[name].notna(), None)
    return AreaTable(
        frame=frame,
        by=(*keys, CLASS),
        headings={unit.key: unit.heading for unit in units} | {CLASS: "类别"},
        units={unit.key: unit.labels[:-1] for unit in units} | {CLASS: tuple(known)},
        provenance=said_of(plan, (*lines, *(unit.layer for unit in units)))
        | {"raster": raster, "notes": _notes(raster)},
    )


def _notes(raster: dict[str, Any]) -> list[str]:
    size = f"{raster['columns']}×{raster['rows']}格"
    balance = f"本表最大相差{raster['off_m2']:.4f}平方米，理论上限{raster['bound_m2']:.4f}平方米"
    return [
        f"栅格：{raster['source']}　{size}　坐标系{raster['crs']}　SHA-256 {raster['sha256']}",
        f"各类面积＝Σ单元格被覆盖的比例×单元格椭球面积；无数据、栅格范围外单独成列，各列之和等于统计单元的面积，{balance}。",
        *(f"注意：{item['message']}" for item in raster["findings"]),
    ]
