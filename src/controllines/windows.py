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
from controllines.outlines import Outline
from controllines.tiles import EXACT, Tiles, clipped, cut_at, halves, intersected, join

Array = np.ndarray
#: Applies a function to each item, in order: the built-in ``map`` or that of a pool of threads.
Each = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]

#: Margin (m) of a window: its edges must not run along those of the land, so it is no round number.
WINDOW_M = 1.7320508
#: A polygon with more vertices is cut off around the land, and halved first if more than a few windows ask for it.
LARGE, FEW = 2_000, 8
#: Up to so many vertices a few windows are better cut off than the outline looked at.
MIDDLING = 20_000
#: Tiles are cut off and joined in portions of so many windows.
PORTION = 512
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
    vertices = shapely.get_num_coordinates(geoms)
    asked = np.bincount(right, minlength=len(shapes))[right] if len(right) else right
    middling = (vertices > LARGE) & (vertices <= MIDDLING) & (asked <= FEW)
    rows = np.flatnonzero(middling)
    jobs = [(rows[n : n + PORTION], False) for n in range(0, len(rows), PORTION)]
    large = np.flatnonzero((vertices > LARGE) & ~middling)
    by_feature = large[np.argsort(right[large], kind="stable")]
    borders = np.flatnonzero(np.diff(right[by_feature])) + 1
    jobs += [(own, True) for own in np.split(by_feature, borders) if len(own)]

    def one(job: tuple[Array, bool]) -> Array:
        own, whole = job
        return in_windows(geoms[own[0]], boxes[left[own]]) if whole else cut_off(geoms[own], boxes[left[own]])

    for (own, _), found in zip(jobs, each(one, jobs), strict=True):
        geoms[own] = found
        full[own] = _fills(found, boxes[left[own]])
    return _present(Near(left, right, geoms, full))


def _fills(geoms: Array, boxes: Array) -> Array:
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return np.asarray((shapely.get_num_coordinates(geoms) == 5) & (shapely.area(geoms) >= area * (1 - EXACT)))


def _present(found: Near) -> Near:
    return found.take(found.full | ~(shapely.is_missing(found.geoms) | shapely.is_empty(found.geoms)))


def in_windows(geom: shapely.Geometry, boxes: Array) -> Array:
    """Return as much of a large polygon as lies in each window.

    Where its outline does not come into a window, one point tells whether it fills it; only in the rest is it cut off.
    """
    outline = Outline(geom)
    crossed = outline.in_boxes(boxes)
    out = np.full(len(boxes), _EMPTY, dtype=object)
    clear = np.flatnonzero(~crossed)
    full = clear[outline.holds((boxes[clear, :2] + boxes[clear, 2:]) / 2)]
    out[full] = shapely.box(*boxes[full].T)
    out[crossed] = _crossed(geom, boxes[crossed], FEW)
    return out


def _crossed(geom: shapely.Geometry, boxes: Array, few: int) -> Array:
    """Cut a polygon off in windows that its outline crosses; it is halved first while many ask for a part of it."""
    small = shapely.get_num_coordinates(geom) <= LARGE
    if small or len(boxes) <= few:
        out = polygonal(clipped(np.full(len(boxes), geom), boxes))
        whole = np.full(len(boxes), shapely.area(geom))
        wrong = np.flatnonzero(~shapely.is_valid(out) | _next_to_nothing_or_all(out, boxes, whole))
        if len(wrong):
            out[wrong] = _slowly(geom, boxes[wrong]) if small else _crossed(geom, boxes[wrong], 0)
        return out
    bounds = np.array([shapely.bounds(geom)])
    axes, middles = cut_at(bounds)
    axis, middle = int(axes[0]), float(middles[0])
    sides = (boxes[:, axis + 2] < middle, boxes[:, axis] > middle)
    across = ~(sides[0] | sides[1])
    out = np.full(len(boxes), _EMPTY, dtype=object)
    if across.any():
        out[across] = _crossed(geom, boxes[across], len(boxes)) if few else _slowly(geom, boxes[across])
    for half, rows in zip(_halved(geom, halves(bounds, axes, middles)), sides, strict=True):
        if rows.any():
            out[rows] = _crossed(half, boxes[rows], few)
    return out


def _halved(geom: shapely.Geometry, both: Array) -> Array:
    """Cut a polygon in two; the fast way of the engine is taken only if no land is lost."""
    fast = polygonal(clipped(np.full(2, geom), both))
    if abs(shapely.area(fast).sum() - shapely.area(geom)) <= EXACT * shapely.area(geom):
        return fast
    return intersected(np.full(2, geom), both)


def _slowly(geom: shapely.Geometry, boxes: Array) -> Array:
    whole = polygonal(np.array([geom if shapely.is_valid(geom) else shapely.make_valid(geom)], dtype=object))
    return intersected(np.repeat(whole, len(boxes)), boxes)


def _next_to_nothing_or_all(found: Array, boxes: Array, whole: Array) -> Array:
    """Say where what was cut off is next to nothing, or next to all that it can be."""
    area, box = shapely.area(found), (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return np.asarray((area < GUARD_SHARE * np.minimum(box, whole)) | (area > (1 - GUARD_SHARE) * box))


def cut_off(geoms: Array, boxes: Array) -> Array:
    """Cut small polygons off in boxes; the fast way of the engine is taken only where its answer is valid and likely.

    Nothing, or all of the box, is believed if predicates say so; next to either is not.
    """
    if not len(geoms):
        return geoms
    out = polygonal(clipped(geoms, boxes))
    area, drawn = shapely.area(out), shapely.box(*boxes.T)
    wrong = ~shapely.is_valid(out) | _next_to_nothing_or_all(out, boxes, shapely.area(geoms))
    nothing, full = np.flatnonzero(area == 0), np.flatnonzero(area >= (1 - EXACT) * shapely.area(drawn))
    wrong[nothing] = shapely.intersects(drawn[nothing], geoms[nothing])
    wrong[full] = ~shapely.covers(geoms[full], drawn[full])
    doubtful = nothing[wrong[nothing]]
    wrong[doubtful] = ~shapely.touches(drawn[doubtful], geoms[doubtful])
    rows = np.flatnonzero(wrong)
    if len(rows):
        out[rows] = intersected(polygonal(shapely.make_valid(geoms[rows])), boxes[rows])
    return out


def _in_tiles(tiles: Tiles, boxes: Array, each: Each, joined: bool) -> Near:
    given = np.flatnonzero(np.isfinite(boxes).all(axis=1))
    portions = [given[n : n + PORTION] for n in range(0, len(given), PORTION)]

    def portion(rows: Array) -> Near:
        found, tile = _tiles_in(tiles, boxes, rows)
        return _joined(tiles, found, tile, boxes) if joined else found

    found = list(each(portion, portions))
    if not found:
        none = np.empty(0, np.int64)
        return Near(none, none, np.empty(0, dtype=object), np.empty(0, bool))
    return Near(*(np.concatenate([getattr(part, name) for part in found])
                  for name in ("left", "right", "geoms", "full")))  # fmt: skip


def _tiles_in(tiles: Tiles, boxes: Array, rows: Array) -> tuple[Near, Array]:
    """Return what of each tile lies in windows, by the owners of the tiles, and the tiles.

    No coordinate of a rectangle is read, nor what its neighbours set on its sides.
    """
    left, tile = tiles.meeting(boxes[rows])
    left, right = rows[left], np.asarray(tiles.owner[tile])
    order = np.lexsort((tile, right, left))
    left, right, tile = left[order], right[order], tile[order]
    own, bounds, straight = boxes[left], np.asarray(tiles.bounds[tile]), np.asarray(tiles.rectangle[tile])
    geoms = np.full(len(left), _EMPTY, dtype=object)
    geoms[straight] = _common(own[straight], bounds[straight])
    if not straight.all():
        geoms[~straight] = _read(tiles, tile[~straight], own[~straight])
    full = straight & holds(bounds, own)
    some = np.flatnonzero(full | (shapely.area(geoms) > 0))
    found, kept = _filled(Near(left, right, geoms, full).take(some), boxes)
    return found, tile[some[kept]]


def _read(tiles: Tiles, tile: Array, boxes: Array) -> Array:
    """Return tiles, each cut off in its window."""
    geoms = tiles.geoms(tile)
    beyond = np.flatnonzero(~holds(boxes, np.asarray(tiles.bounds[tile])))
    geoms[beyond] = cut_off(geoms[beyond], boxes[beyond])
    return geoms


def _common(boxes: Array, others: Array) -> Array:
    """Return what boxes that meet have in common; those that only touch have nothing."""
    low, high = np.maximum(boxes[:, :2], others[:, :2]), np.minimum(boxes[:, 2:], others[:, 2:])
    common = np.asarray(shapely.box(*low.T, *high.T))
    common[(low >= high).any(axis=1)] = _EMPTY
    return common


def _filled(found: Near, boxes: Array) -> tuple[Near, Array]:
    """Make one pair of the tiles that fill their window together, as those of one owner share no land.

    Returns
    -------
    pairs, and the rows of those that were kept
    """
    first, group = _groups(found)
    own = boxes[found.left[first]]
    room = (own[:, 2] - own[:, 0]) * (own[:, 3] - own[:, 1])
    full = np.bincount(group, weights=shapely.area(found.geoms), minlength=len(first)) >= room * (1 - EXACT)
    geoms, filled = np.array(found.geoms, dtype=object), found.full.copy()
    geoms[first[full]] = shapely.box(*own[full].T)
    filled[first[full]] = True
    keep = ~full[group]
    keep[first] = True
    rows = np.flatnonzero(keep)
    return Near(found.left, found.right, geoms, filled).take(rows), rows


def _groups(found: Near) -> tuple[Array, Array]:
    """Return the first pair of each window and feature, and of each pair which of these it belongs to."""
    new = (np.diff(found.left, prepend=-1) != 0) | (np.diff(found.right, prepend=-1) != 0)
    return np.flatnonzero(new), np.cumsum(new) - 1


def holds(outer: Array, inner: Array) -> Array:
    """Return whether each outer box holds the inner one."""
    return np.asarray((outer[:, :2] <= inner[:, :2]).all(axis=1) & (outer[:, 2:] >= inner[:, 2:]).all(axis=1))


def _joined(tiles: Tiles, found: Near, tile: Array, boxes: Array) -> Near:
    """Join the tiles of each owner in each window; rectangles need the vertices that their neighbours set on them."""
    straight = np.flatnonzero(np.asarray(tiles.rectangle[tile]) & ~found.full)
    found.geoms[straight] = _read(tiles, tile[straight], boxes[found.left[straight]])
    first, group = _groups(found)
    return Near(found.left[first], found.right[first], join(found.geoms, group, len(first)), found.full[first])
