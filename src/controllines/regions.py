"""Regions (分区): where pieces of land lie with respect to one line, and how much, how deep, how wide, how far.

Every square metre is booked once: inside + outside + uncovered + contact = land. Here are only arrays by row of the
land; :mod:`controllines.conflicts` makes frames and findings of them. Each number is found from one piece of land and
what lies near it, so the rows can be dealt out in any chunks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely

from controllines.area import planar_area_of_plane
from controllines.crs import Plane
from controllines.guard import remainder, union_by
from controllines.kinds import AVOID
from controllines.layers import Layer, net_factors
from controllines.lengths import (
    CONTACT_WIDTH_M,
    clearance,
    depth_and_width,
    is_contact,
    true_metres,
    widths_up_to,
)
from controllines.overlay import Pieces, absorb, book_once, divide, intersect, split
from controllines.windows import Near

Array = np.ndarray
_EMPTY = shapely.Polygon()


@dataclass(frozen=True)
class Widths:
    """Options of width and distance that can change a number, in metres.

    Attributes
    ----------
    sliver_m : mean width up to which a part of a conflict is a sliver (细碎重叠)
    clearance_to_m : how far the clearance is searched
    """

    sliver_m: float = 0.2
    clearance_to_m: float = 100.0

    @property
    def around_m(self) -> float:
        """How far around the land a line is looked at, in lengths of the plane."""
        return self.clearance_to_m * 1.1


@dataclass(frozen=True)
class Land:
    """Pieces of land to be checked, in the plane: parcels, or projects as unions of parcels.

    Attributes
    ----------
    ids : id of each
    geoms : valid polygons, none missing
    resolution : coordinate resolution in metres of each
    """

    ids: Array
    geoms: Array
    resolution: Array
    plane: Plane

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Array) -> Land:
        """Return the land at ``rows``."""
        return Land(self.ids[rows], self.geoms[rows], self.resolution[rows], self.plane)


@dataclass(frozen=True)
class Line:
    """Land laid over one line, by row of the land.

    Attributes
    ----------
    measures : name → array; the measures of the contract before any is set to null, ``sub_resolution``, ``recomputed``
    pieces : pieces inside the line, which share no land; ``right`` is the row of the layer
    planar_m2 : planar area of each piece (平面面积)
    outside, conflict : the parts of the land outside the line, and in conflict with it
    unknown : rows of the layer whose KCXS is needed and not known
    """

    measures: dict[str, Array]
    pieces: Pieces
    planar_m2: Array
    outside: Array
    conflict: Array
    unknown: Array


@dataclass(frozen=True)
class Shares:
    """Land laid over a layer of units: row of the land and of the unit (-1 outside all), area and planar area in m²."""

    left: Array
    right: Array
    area_m2: Array
    planar_m2: Array


@dataclass(frozen=True)
class _Regions:
    """Where the land lies with respect to one line; contact is taken out of all three."""

    inside: Array
    outside: Array
    uncovered: Array
    contact_m2: Array
    pieces: Pieces
    raw: Pieces
    shared_m2: Array
    recomputed: Array


def lay_over(
    land: Land, layer: Layer, near: tuple[Near, Near], *, suspect: Array, widths: Widths, lengths: bool
) -> Line:  # fmt: skip
    """Lay land over one line; how deep and wide the conflicts are is added by :func:`with_depths`.

    Parameters
    ----------
    near : what of the line lies around the land, as far as ``widths.around_m``; what of its coverage does
    suspect : True where a feature was set aside: nothing can be called none there
    lengths : False leaves the clearance unmeasured
    """
    of_line, of_coverage = near
    regions = _regions(land, of_line, of_coverage)
    conflict = regions.inside if layer.kind.sense == AVOID else regions.outside
    conflict_m2, uncovered_m2 = shapely.area(conflict), shapely.area(regions.uncovered)
    net, unknown = _net_area(land, layer, regions)
    planar = planar_area_of_plane(regions.pieces.geoms, land.plane)
    clear = (conflict_m2 == 0) & ~suspect & (uncovered_m2 == 0) & lengths
    measures = {
        "area_m2": shapely.area(regions.inside),
        "outside_m2": shapely.area(regions.outside),
        "conflict_m2": conflict_m2,
        "share": conflict_m2 / shapely.area(land.geoms),
        "net_area_m2": net,
        "uncovered_m2": uncovered_m2,
        "contact_m2": regions.contact_m2,
        "shared_m2": regions.shared_m2,
        "planar_area_m2": sum_by(planar, regions.pieces.left, len(land)),
        "clearance_m": _clearance(land, layer, of_line, wanted=clear, widths=widths),
        **dict.fromkeys(("depth_m", "width_m"), np.full(len(land), np.nan)),
        "recomputed": regions.recomputed,
    }
    thin = _thin_conflict(land, layer, regions.pieces, conflict=conflict, widths=widths)
    return Line(measures | thin, regions.pieces, planar, regions.outside, conflict, unknown)


def with_depths(land: Land, lines: dict[str, Line]) -> dict[str, Line]:
    """Add depth and width of the conflicts with all lines; what lies wholly in several of them is searched once."""
    if not lines:
        return lines
    conflict = np.concatenate([line.conflict for line in lines.values()])
    row = np.tile(np.arange(len(land)), len(lines))
    some = np.flatnonzero(shapely.area(conflict) > 0)
    depth, width = np.full((2, len(conflict)), np.nan)
    local = true_metres(conflict[some], land.plane, around=land.geoms[row[some]])
    depth[some], width[some] = depth_and_width(true_metres(land.geoms, land.plane), local, row[some])
    each = zip(lines.items(), np.split(depth, len(lines)), np.split(width, len(lines)), strict=True)
    return {key: replace(line, measures=line.measures | {"depth_m": deep, "width_m": wide})
            for (key, line), deep, wide in each}  # fmt: skip


def shares_of(land: Land, units: Near) -> Shares:
    """Lay land over a layer of units; contact with a neighbour is given to the unit that holds most of the land."""
    cut = split(land.geoms, units)
    pieces = absorb(cut, is_contact(cut.geoms, land.plane))
    return Shares(pieces.left, pieces.right, pieces.area, planar_area_of_plane(pieces.geoms, land.plane))


def _regions(land: Land, of_line: Near, of_coverage: Near) -> _Regions:
    """Cut the land into inside, outside and uncovered, and take contact out of each."""
    raw = intersect(land.geoms, of_line)
    pieces, shared_rows, shared = book_once(raw)
    inside, rest, recomputed = divide(land.geoms, raw, pieces)
    outside, uncovered, again = _divide_by_coverage(land, rest, of_coverage)
    thick = [_without_contact(region, land.plane) for region in (inside, outside, uncovered)]
    shared_m2 = np.zeros(len(land))
    shared_m2[shared_rows] = shapely.area(_without_contact(shared, land.plane)[0])
    return _Regions(
        inside=thick[0][0], outside=thick[1][0], uncovered=thick[2][0],
        contact_m2=np.sum([contact for _, contact in thick], axis=0),
        pieces=_trimmed(pieces, thick[0], land.plane), raw=raw, shared_m2=shared_m2, recomputed=recomputed | again,
    )  # fmt: skip


def _divide_by_coverage(land: Land, rest: Array, of_coverage: Near) -> tuple[Array, Array, Array]:
    """Divide the rest of the land into what the layer covers and what it says nothing about."""
    covered = np.zeros(len(land), bool)
    covered[of_coverage.left[of_coverage.full]] = True
    open_pairs = of_coverage.take(~covered[of_coverage.left])
    held = shapely.covers(open_pairs.geoms, land.geoms[open_pairs.left])
    covered[open_pairs.left[held]] = True
    outside = np.array(rest, dtype=object)
    uncovered, recomputed = np.full(len(land), _EMPTY, dtype=object), np.zeros(len(land), bool)
    rows = np.flatnonzero(~covered & (shapely.area(rest) > 0))
    if len(rows):
        raw = intersect(rest[rows], of_coverage.of(rows))
        outside[rows], uncovered[rows], recomputed[rows] = divide(rest[rows], raw, book_once(raw)[0])
    return outside, uncovered, recomputed


def _without_contact(regions: Array, plane: Plane) -> tuple[Array, Array]:
    """Return the regions without the parts that are mere contact, and the area of those (m²)."""
    parts, index = shapely.get_parts(regions, return_index=True)
    thin = is_contact(parts, plane)
    if not thin.any():
        return regions, np.zeros(len(regions))
    contact = sum_by(shapely.area(parts[thin]), index[thin], len(regions))
    changed = np.unique(index[thin])
    kept = ~thin & np.isin(index, changed)
    out = np.array(regions, dtype=object)
    out[changed] = _EMPTY
    rows, group = np.unique(index[kept], return_inverse=True)
    if len(rows):
        out[rows] = shapely.multipolygons(parts[kept], indices=group)
    return out, contact


def _trimmed(pieces: Pieces, inside: tuple[Array, Array], plane: Plane) -> Pieces:
    """Take the contact out of the pieces too, so that they sum to the overlaps; hairlines go to their neighbour."""
    region, contact = inside
    rows = np.flatnonzero(contact[pieces.left] > 0)
    geoms = np.array(pieces.geoms, dtype=object)
    own, place = np.unique(pieces.left[rows], return_inverse=True)
    cut = intersect(geoms[rows], Near(np.arange(len(rows)), place, region[own][place], np.zeros(len(rows), bool)))
    geoms[rows] = union_by(cut.geoms, cut.left, len(rows))
    trimmed = pieces.with_geoms(geoms)
    return absorb(trimmed, is_contact(trimmed.geoms, plane))


def _thin_conflict(land: Land, layer: Layer, pieces: Pieces, *, conflict: Array, widths: Widths) -> dict[str, Array]:
    """Return the slivers of each conflict, and whether all of it is below the coordinate resolution."""
    count = len(land)
    if layer.kind.sense == AVOID:
        coarsest = np.zeros(count)
        np.maximum.at(coarsest, pieces.left, layer.resolution[pieces.right])
    else:
        coarsest = np.full(count, layer.resolution.max(initial=0.0))
    finest = (land.resolution + coarsest) * (1 + 1e-6)
    parts, index = shapely.get_parts(conflict, return_index=True)
    width = widths_up_to(parts, land.plane, max(widths.sliver_m, finest.max(initial=0.0)))
    slivers = width <= widths.sliver_m
    widest = np.zeros(count)
    np.maximum.at(widest, index, width)
    return {
        "sliver_m2": sum_by(shapely.area(parts[slivers]), index[slivers], count),
        "sub_resolution": (widest > 0) & (widest <= finest),
    }


def _clearance(land: Land, layer: Layer, of_line: Near, *, wanted: Array, widths: Widths) -> Array:
    """Return the smallest outward shift (m) at which a conflict begins, NaN where there is none within the limit."""
    out = np.full(len(land), np.nan)
    rows = np.flatnonzero(wanted)
    if not len(rows):
        return out
    geoms, around, limit_m = land.geoms[rows], of_line.of(rows), widths.clearance_to_m
    if layer.kind.sense == AVOID:
        out[rows] = clearance(geoms, (around.left, around.geoms), land.plane, limit_m)
        return out
    # What must be kept from is the land outside the line: look at it in a window around each piece of land.
    bounds = shapely.bounds(geoms) + widths.around_m * np.array([-1, -1, 1, 1])
    drawn = np.asarray(shapely.box(*bounds.T))
    inside = intersect(drawn, around)
    beyond, _ = remainder(drawn, union_by(inside.geoms, inside.left, len(rows)))
    # Hairlines between two features of the line would lead the land outside to where there is none.
    half = CONTACT_WIDTH_M / 2
    beyond = shapely.buffer(_without_contact(beyond, land.plane)[0], -half, join_style="mitre")
    out[rows] = clearance(geoms, (np.arange(len(rows)), beyond), land.plane, limit_m) - half
    out[rows] = np.where(out[rows] < half, 0, out[rows])
    return out


def _net_area(land: Land, layer: Layer, regions: _Regions) -> tuple[Array, Array]:
    """Return the area net of ridges (扣除田坎), and the features whose KCXS is needed and not known.

    It is Σ area × (1 − KCXS), with the smallest KCXS where features share land.
    """
    if "kcxs" not in layer.kind.fields:
        return np.full(len(land), np.nan), np.empty(0, np.int64)
    features = np.unique(regions.raw.right)
    kcxs, _ = net_factors(layer, features)
    unknown = np.isnan(kcxs) | (kcxs >= 1) | (kcxs < 0)
    pieces = regions.pieces
    if (regions.shared_m2 > 0).any():
        rank = np.where(unknown, 2.0, kcxs)[np.searchsorted(features, regions.raw.right)]
        by_kcxs, _, _ = book_once(regions.raw, priority=rank)
        pieces = _trimmed(by_kcxs, (regions.inside, regions.contact_m2), land.plane)
    of_piece = np.searchsorted(features, pieces.right)
    net = sum_by(pieces.area * (1 - np.where(unknown, 0, kcxs)[of_piece]), pieces.left, len(land))
    net[pieces.left[unknown[of_piece]]] = np.nan
    return net, np.unique(pieces.right[unknown[of_piece]])


def sum_by(values: Array, group: Array, count: int) -> Array:
    """Return the sum of the values of each group 0…count-1, in their order."""
    return np.bincount(group, weights=values, minlength=count)[:count] if len(group) else np.zeros(count)


def merged(parts: list[Pieces], lands: list[Array], values: list[Array]) -> tuple[Pieces, Array]:
    """Join the pieces of chunks of the land, and a value of each piece; ``lands`` are the rows of each chunk."""
    names = ("right", "geoms", "recomputed", "cutters")
    left = np.concatenate([rows[part.left] for part, rows in zip(parts, lands, strict=True)])
    rest = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    order = np.lexsort((rest["right"], left))
    return replace(parts[0], left=left, **rest).take(order), np.concatenate(values)[order]
