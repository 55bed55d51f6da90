"""Windows (开窗): what of a layer lies near pieces of land, whether the layer is in memory or in tiles.

A redline of 400 000 vertices must cost a field no more than the surroundings of the field. In memory a large polygon
is cut off in the window around each piece of land, and halved first where many windows ask for a small part of it. In
tiles those that meet the window are cut off in it and joined again; a window that lies inside a tile that is its own
rectangle is known to be full without a coordinate being read.

The answer depends on the window and on the other windows of the same call, never on threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import shapely

from controllines.clean import polygonal
from controllines.guard import GUARD_SHARE
from controllines.tiles import EXACT, Tiles, clipped, cut_at, halves, intersected, join

Array = np.ndarray
#: Applies a function to each item, in order: the built-in ``map`` or that of a pool of threads.
Each = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]

#: Margin (m) of a window: its edges must not run along those of the land, so it is no round number.
WINDOW_M = 1.7320508
#: A polygon with more vertices is cut off around the land, and halved first if more than a few windows ask for it.
LARGE, FEW = 2_000, 8
#: Tiles are cut off and joined in portions of so many windows.
PORTION = 128
_EMPTY = shapely.Polygon()


@dataclass(frozen=True)
class Geometries:
    """A layer in memory.

    Attributes
    ----------
    geoms : Polygon or MultiPolygon in the plane, valid, by row; None where a row takes no part
    """

    geoms: Array

    def __len__(self) -> int:
        return len(self.geoms)

    @cached_property
    def tree(self) -> shapely.STRtree:
        """The index of the boxes."""
        return shapely.STRtree(self.geoms)


#: The geometry of a layer in the plane.
Shapes = Geometries | Tiles


def box_of(shapes: Shapes) -> shapely.Geometry:
    """Return the box around a whole layer in the plane, an empty polygon if it has no land."""
    bounds = shapes.blocks if isinstance(shapes, Tiles) else shapely.bounds(shapes.geoms)
    bounds = bounds[np.isfinite(bounds).all(axis=1)]
    return shapely.box(*bounds[:, :2].min(axis=0), *bounds[:, 2:].max(axis=0)) if len(bounds) else _EMPTY


@dataclass(frozen=True)
class Near:
    """Pairs of a piece of land and a feature near it, sorted.

    Attributes
    ----------
    left, right : rows of the land and of the layer
    geoms : the feature, at least as much of it as lies in the window around the land
    full : True where it is known to fill the window
    """

    left: Array
    right: Array
    geoms: Array
    full: Array

    def __len__(self) -> int:
        return len(self.left)

    def take(self, rows: Array) -> Near:
        """Return the pairs at ``rows`` (indices or mask)."""
        return Near(self.left[rows], self.right[rows], self.geoms[rows], self.full[rows])

    def of(self, lands: Array) -> Near:
        """Return the pairs of these rows of the land, which are numbered anew from 0."""
        place = np.full(max(int(self.left.max(initial=0)), int(lands.max(initial=0))) + 1, -1)
        place[lands] = np.arange(len(lands))
        own = self.take(place[self.left] >= 0)
        own = Near(place[own.left], own.right, own.geoms, own.full)
        return own.take(np.lexsort((own.right, own.left)))


def windows(geoms: Array, within_m: float = 0.0) -> Array:
    """Return the boxes around pieces of land, shape (n, 4), beyond a distance; NaN for missing ones."""
    return np.asarray(shapely.bounds(geoms) + (within_m + WINDOW_M) * np.array([-1.0, -1.0, 1.0, 1.0]))


def near(shapes: Shapes, boxes: Array, *, each: Each = map, joined: bool = True) -> Near:
    """Return what of a layer lies in windows; features there are cut off in the window if they are large.

    Parameters
    ----------
    shapes : the layer
    boxes : windows, shape (n, 4)
    joined : False leaves a feature in tiles, one pair for each: enough for areas
    """
    if isinstance(shapes, Tiles):
        return _in_tiles(shapes, boxes, each, joined)
    return _cut_off(shapes, boxes, each)


def _cut_off(shapes: Geometries, boxes: Array, each: Each) -> Near:
    drawn = np.full(len(boxes), None, dtype=object)
    given = np.flatnonzero(np.isfinite(boxes).all(axis=1))
    drawn[given] = shapely.box(*boxes[given].T)
    left, right = shapes.tree.query(drawn)
    order = np.lexsort((right, left))
    left, right = left[order], right[order]
    geoms = np.array(shapes.geoms[right], dtype=object)
    full = np.zeros(len(left), bool)
    large = np.flatnonzero(shapely.get_num_coordinates(geoms) > LARGE)
    by_feature = large[np.argsort(right[large], kind="stable")]
    groups = np.split(by_feature, np.flatnonzero(np.diff(right[by_feature])) + 1) if len(large) else []
    own = each(lambda rows: in_windows(geoms[rows[0]], boxes[left[rows]]), groups)
    for rows, found in zip(groups, own, strict=True):
        geoms[rows] = found
        full[rows] = _fills(found, boxes[left[rows]])
    return _present(Near(left, right, geoms, full))


def _fills(geoms: Array, boxes: Array) -> Array:
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return np.asarray((shapely.get_num_coordinates(geoms) == 5) & (shapely.area(geoms) >= area * (1 - EXACT)))


def _present(found: Near) -> Near:
    return found.take(found.full | ~(shapely.is_missing(found.geoms) | shapely.is_empty(found.geoms)))


def in_windows(geom: shapely.Geometry, boxes: Array) -> Array:
    """Return a polygon cut off in each box; it is halved first as long as many boxes ask for a small part of it."""
    if len(boxes) <= FEW or shapely.get_num_coordinates(geom) <= LARGE:
        return cut_off(np.full(len(boxes), geom), boxes)
    bounds = np.array([shapely.bounds(geom)])
    axes, middles = cut_at(bounds)
    axis, middle = int(axes[0]), float(middles[0])
    sides = (boxes[:, axis + 2] < middle, boxes[:, axis] > middle)
    across = ~(sides[0] | sides[1])
    out = np.full(len(boxes), _EMPTY, dtype=object)
    out[across] = cut_off(np.full(int(across.sum()), geom), boxes[across])
    for half, rows in zip(_halved(geom, halves(bounds, axes, middles)), sides, strict=True):
        if rows.any():
            out[rows] = in_windows(half, boxes[rows])
    return out


def _halved(geom: shapely.Geometry, both: Array) -> Array:
    """Cut a polygon in two; the fast way of the engine is taken only if no land is lost."""
    fast = polygonal(clipped(np.full(2, geom), both))
    if abs(shapely.area(fast).sum() - shapely.area(geom)) <= EXACT * shapely.area(geom):
        return fast
    return intersected(np.full(2, geom), both)


def cut_off(geoms: Array, boxes: Array) -> Array:
    """Cut polygons off in boxes; the fast way of the engine is taken only where its answer is valid and likely."""
    out = polygonal(clipped(geoms, boxes))
    wrong = np.flatnonzero(~shapely.is_valid(out) | _unlikely(out, geoms, boxes))
    if len(wrong):
        drawn = polygonal(shapely.make_valid(geoms[wrong]))
        out[wrong] = intersected(drawn, boxes[wrong])
    return out


def _unlikely(found: Array, geoms: Array, boxes: Array) -> Array:
    """Say where the engine found nothing though they meet, all though it is not covered, or next to either."""
    area, whole = shapely.area(found), (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    nothing, everything = area == 0, area >= (1 - EXACT) * whole
    few, most = GUARD_SHARE * np.minimum(whole, shapely.area(geoms)), (1 - GUARD_SHARE) * whole
    out = np.asarray(((area < few) & ~nothing) | ((area > most) & ~everything))
    rows = np.flatnonzero(nothing)
    rows = rows[shapely.intersects(shapely.box(*boxes[rows].T), geoms[rows])]
    out[rows] = ~shapely.touches(shapely.box(*boxes[rows].T), geoms[rows])
    rows = np.flatnonzero(everything)
    out[rows] = ~shapely.covers(geoms[rows], shapely.box(*boxes[rows].T))
    return out


def _in_tiles(tiles: Tiles, boxes: Array, each: Each, joined: bool) -> Near:
    given = np.flatnonzero(np.isfinite(boxes).all(axis=1))
    portions = [given[n : n + PORTION] for n in range(0, len(given), PORTION)]

    def portion(rows: Array) -> Near:
        found = _tiles_in(tiles, boxes, rows)
        return _joined(found, boxes) if joined else found

    found = list(each(portion, portions))
    if not found:
        none = np.empty(0, np.int64)
        return Near(none, none, np.empty(0, dtype=object), np.empty(0, bool))
    return Near(*(np.concatenate([getattr(part, name) for part in found])
                  for name in ("left", "right", "geoms", "full")))  # fmt: skip


def _tiles_in(tiles: Tiles, boxes: Array, rows: Array) -> Near:
    """Return the tiles in windows by their owners, cut off; no coordinate of one that fills its window is read."""
    left, tile = tiles.meeting(boxes[rows])
    left, right = rows[left], np.asarray(tiles.owner[tile])
    order = np.lexsort((tile, right, left))
    left, right, tile = left[order], right[order], tile[order]
    own, bounds = boxes[left], np.asarray(tiles.bounds[tile])
    full = np.asarray(tiles.rectangle[tile]) & holds(bounds, own)
    geoms = np.full(len(left), _EMPTY, dtype=object)
    geoms[full] = shapely.box(*own[full].T)
    geoms[~full] = tiles.geoms(tile[~full])
    beyond = np.flatnonzero(~full & ~holds(own, bounds))
    geoms[beyond] = cut_off(geoms[beyond], own[beyond])
    full[beyond] = _fills(geoms[beyond], own[beyond])
    return _present(Near(left, right, geoms, full))


def holds(outer: Array, inner: Array) -> Array:
    """Return whether each outer box holds the inner one."""
    return np.asarray((outer[:, :2] <= inner[:, :2]).all(axis=1) & (outer[:, 2:] >= inner[:, 2:]).all(axis=1))


def _joined(found: Near, boxes: Array) -> Near:
    """Join the tiles of each owner in each window; several of them can fill it together."""
    new = (np.diff(found.left, prepend=-1) != 0) | (np.diff(found.right, prepend=-1) != 0)
    group = np.cumsum(new) - 1
    first = np.flatnonzero(new)
    full = np.zeros(len(first), bool)
    full[group[found.full]] = True
    geoms = join(found.geoms, group, len(first))
    full |= _fills(geoms, boxes[found.left[first]])
    return Near(found.left[first], found.right[first], geoms, full)
