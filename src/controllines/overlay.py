"""The overlay (叠置): pairs → predicates → pieces, each piece with its two rows, its geometry and its area.

The story, in order. ``intersect`` asks an STRtree for the pairs that meet. Prepared predicates decide most of them
without an overlay: one covers the other, or they only touch. The rest are cut, and every cut is guarded (``guard``).
``book_once`` gives land under several features of one layer to the first of them. ``divide`` tells what lies in the
layer from the rest, ``split`` deals land out to the features of a layer.

All geometries are in one plane; only polygonal parts count, so touching is never an overlap.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import shapely

from controllines.clean import polygonal
from controllines.guard import EMPTY, GUARD_AREA_M2, cut, remainder, slack, union_by, unite

Array = np.ndarray

#: A polygon with more vertices is cut off around what it is laid over, and halved first if more than a few ask for it.
LARGE, FEW = 2_000, 8
#: Margin (m) of such a window: its edges must not run along those of the land, so it is no round number.
WINDOW_M = 1.7320508


@dataclass(frozen=True)
class Pieces:
    """Pieces of an overlay, sorted by (left, right).

    Attributes
    ----------
    left, right : rows of the two inputs
    geoms : Polygon or MultiPolygon of each piece
    recomputed : True where the guard replaced the first cut
    cutters : the feature each piece was cut with, or as much of it as lies near; omitted: the pieces themselves
    """

    left: Array
    right: Array
    geoms: Array
    recomputed: Array
    cutters: Array = field(default_factory=lambda: np.empty(0, dtype=object))

    def __post_init__(self) -> None:
        if len(self.cutters) != len(self.geoms):
            object.__setattr__(self, "cutters", self.geoms)

    def __len__(self) -> int:
        return len(self.left)

    @property
    def area(self) -> Array:
        """Area of each piece in m²."""
        return np.asarray(shapely.area(self.geoms))

    def take(self, rows: Array) -> Pieces:
        """Return the pieces at ``rows`` (indices or mask)."""
        return Pieces(self.left[rows], self.right[rows], self.geoms[rows], self.recomputed[rows], self.cutters[rows])

    def with_geoms(self, geoms: Array) -> Pieces:
        """Return the pieces with other geometries, without those that became empty."""
        return replace(self, geoms=geoms).take(shapely.area(geoms) > 0)


def intersect(left: Array, right: Array) -> Pieces:
    """Return the pieces common to geometries of ``left`` and of ``right`` (missing ones take no part)."""
    i, j, cutters = neighbours(left, right)
    left_covers, right_covers, apart = _relations(left[i], cutters)
    geoms = np.where(right_covers, left[i], cutters).astype(object)
    recomputed = np.zeros(len(i), bool)
    open_pairs = np.flatnonzero(~left_covers & ~right_covers & ~apart)
    geoms[open_pairs], recomputed[open_pairs] = cut(left[i[open_pairs]], cutters[open_pairs])
    keep = ~apart & (shapely.area(geoms) > 0)
    return Pieces(i, j, geoms, recomputed, cutters).take(keep)


def neighbours(left: Array, right: Array, *, within_m: float = 0.0) -> tuple[Array, Array, Array]:
    """Return pairs whose boxes come within a distance, and the right geometry of each, as far as it lies near.

    Of a right geometry with many vertices only the surroundings of the left one are taken: a redline of 400 000
    vertices costs no more than a field.

    Returns
    -------
    i, j : rows of left and right, sorted
    near : right geometry of each pair; large ones are cut off in a box around the left one, beyond ``within_m``
    """
    bounds = shapely.bounds(left)
    around = bounds + (within_m + WINDOW_M) * np.array([-1.0, -1.0, 1.0, 1.0])
    windows = np.full(len(left), None, dtype=object)
    given = np.flatnonzero(np.isfinite(bounds).all(axis=1))
    windows[given] = shapely.box(*around[given].T)
    pairs = shapely.STRtree(right).query(windows)
    order = np.lexsort((pairs[1], pairs[0]))
    i, j = pairs[0][order], pairs[1][order]
    near = np.array(right[j], dtype=object)
    for row in np.unique(j[shapely.get_num_coordinates(near) > LARGE]):
        own = np.flatnonzero(j == row)
        near[own] = _in_windows(right[row], around[i[own]])
    return i, j, near


def _in_windows(geom: shapely.Geometry, boxes: Array) -> Array:
    """Return a polygon cut off in each box; it is halved first as long as many boxes ask for a small part of it."""
    if len(boxes) <= FEW or shapely.get_num_coordinates(geom) <= LARGE:
        return _clipped(geom, boxes)
    bounds = np.array(shapely.bounds(geom))
    axis = int(bounds[3] - bounds[1] > bounds[2] - bounds[0])
    middle = (bounds[axis] + bounds[axis + 2]) / 2
    halves = np.array([bounds, bounds])
    halves[0, axis + 2] = halves[1, axis] = middle
    sides = (boxes[:, axis + 2] < middle, boxes[:, axis] > middle)
    across = ~(sides[0] | sides[1])
    out = np.full(len(boxes), EMPTY, dtype=object)
    out[across] = _clipped(geom, boxes[across])
    for half, rows in zip(_halved(geom, halves), sides, strict=True):
        if rows.any():
            out[rows] = _in_windows(half, boxes[rows])
    return out


def _halved(geom: shapely.Geometry, halves: Array) -> Array:
    """Cut a polygon in two; the fast way of the engine is taken only if no land is lost."""
    fast = polygonal(np.array([shapely.clip_by_rect(geom, *box) for box in halves], dtype=object))
    if abs(shapely.area(fast).sum() - shapely.area(geom)) <= 1e-9 * shapely.area(geom):
        return fast
    return polygonal(shapely.intersection(geom, shapely.box(*halves.T)))


def _clipped(geom: shapely.Geometry, boxes: Array) -> Array:
    """Cut a polygon off in boxes; the fast way of the engine is taken only where its answer is valid."""
    out = polygonal(np.array([shapely.clip_by_rect(geom, *box) for box in boxes], dtype=object))
    wrong = np.flatnonzero(~shapely.is_valid(out))
    if len(wrong):
        shape = shapely.make_valid(geom)
        out[wrong] = polygonal(shapely.intersection(shape, shapely.box(*boxes[wrong].T)))
    return out


def _relations(left: Array, right: Array) -> tuple[Array, Array, Array]:
    """Say for each pair whether left covers right, right covers left, or they share no land (prepared predicates)."""
    shapely.prepare(left)
    shapely.prepare(right)
    apart = ~shapely.intersects(left, right)
    meet = np.flatnonzero(~apart)
    left_covers, right_covers = np.zeros(len(left), bool), np.zeros(len(left), bool)
    left_covers[meet] = shapely.covers(left[meet], right[meet])
    right_covers[meet] = shapely.covers(right[meet], left[meet])
    open_pairs = np.flatnonzero(~apart & ~left_covers & ~right_covers)
    apart[open_pairs] = shapely.touches(left[open_pairs], right[open_pairs])
    # A prepared geometry must never be met by another thread.
    shapely.destroy_prepared(left)
    shapely.destroy_prepared(right)
    return left_covers, right_covers, apart


def book_once(pieces: Pieces, *, priority: Array | None = None) -> tuple[Pieces, Array, Array]:
    """Give land under several features of one layer to the first of them, so that it counts once.

    Parameters
    ----------
    pieces : pieces of one layer
    priority : value of each piece, the smallest is first; omitted: the first by row

    Returns
    -------
    pieces : pieces that share no land
    left, shared : rows of the left input that have shared land, and that land
    """
    rank = np.lexsort((pieces.right, pieces.right if priority is None else priority))
    position = np.empty(len(pieces), np.int64)
    position[rank] = np.arange(len(pieces))
    later, earlier = _overlapping(pieces, position)
    if not len(later):
        return pieces, np.empty(0, np.int64), np.empty(0, dtype=object)
    rows, group = np.unique(later, return_inverse=True)
    before, reunited = unite(pieces.cutters[earlier], group, len(rows))
    geoms = np.array(pieces.geoms, dtype=object)
    taken, recut = cut(geoms[rows], before)
    geoms[rows], redone = remainder(geoms[rows], before, common_m2=shapely.area(taken))
    recomputed = pieces.recomputed.copy()
    recomputed[rows] |= reunited | recut | redone
    left, owner = np.unique(pieces.left[rows], return_inverse=True)
    once = replace(pieces, recomputed=recomputed).with_geoms(geoms)
    return once, left, union_by(taken, owner, len(left))


def _overlapping(pieces: Pieces, position: Array) -> tuple[Array, Array]:
    """Return pairs (later, earlier) of pieces of one left row whose interiors meet."""
    several = (
        np.flatnonzero(np.bincount(pieces.left, minlength=1)[pieces.left] > 1) if len(pieces) else np.empty(0, int)
    )
    geoms = pieces.geoms[several]
    a, b = shapely.STRtree(geoms).query(geoms, predicate="intersects")
    a, b = several[a], several[b]
    pick = (pieces.left[a] == pieces.left[b]) & (position[a] > position[b])
    a, b = a[pick], b[pick]
    meet = ~shapely.touches(pieces.geoms[a], pieces.geoms[b])
    return a[meet], b[meet]


def divide(whole: Array, raw: Pieces, once: Pieces) -> tuple[Array, Array, Array]:
    """Divide each geometry into what lies in any feature of a layer and what does not.

    Both come from cuts with the features as they are: cutting with what was cut before leaves hairlines along the
    outline, as its new vertices are rounded, and the engine was seen to fail on them.

    Parameters
    ----------
    whole : left input of ``raw``
    raw, once : its pieces from ``intersect``, before and after ``book_once``

    Returns
    -------
    inside, rest : polygons, empty where there are none; their areas add up
    recomputed : True where the guard replaced an answer
    """
    count = np.bincount(raw.left, minlength=len(whole))
    inside = np.full(len(whole), EMPTY, dtype=object)
    single = count[raw.left] == 1
    inside[raw.left[single]] = raw.geoms[single]
    recomputed = np.zeros(len(whole), bool)
    recomputed[np.concatenate([raw.left[raw.recomputed], once.left[once.recomputed]])] = True
    together, reunited = unite(raw.cutters, raw.left, len(whole))
    several = np.flatnonzero(count > 1)
    inside[several], recut = cut(whole[several], together[several])
    recomputed[several] |= recut
    # Pieces that share no land add up to the land they make: a second opinion on the union, too.
    total = np.bincount(once.left, weights=once.area, minlength=len(whole)) if len(once) else np.zeros(len(whole))
    wrong = several[np.abs(shapely.area(inside) - total)[several] > slack(shapely.area(whole[several]))]
    at = np.isin(once.left, wrong)
    inside[wrong] = union_by(once.geoms[at], np.searchsorted(wrong, once.left[at]), len(wrong))
    recomputed[wrong] = True
    rest, redone = remainder(whole, together, common_m2=shapely.area(inside))
    return inside, rest, recomputed | reunited | redone


def split(left: Array, right: Array) -> Pieces:
    """Cut geometries by a layer; what no feature takes has right row -1. Areas of the pieces add up to the whole."""
    raw = intersect(left, right)
    pieces, _, _ = book_once(raw)
    taken = np.bincount(pieces.left, weights=pieces.area, minlength=len(left)) if len(pieces) else np.zeros(len(left))
    # All but a hairline taken: nothing is left, and the large features need not be united.
    given = np.flatnonzero(shapely.area(left) - taken > np.minimum(1e-9 * shapely.area(left), GUARD_AREA_M2 / 2))
    of_given = np.isin(raw.left, given)
    together = union_by(raw.cutters[of_given], np.searchsorted(given, raw.left[of_given]), len(given))
    rest, redone = remainder(left[given], together, common_m2=taken[given])
    some = shapely.area(rest) > 0
    both = Pieces(
        np.concatenate([pieces.left, given[some]]),
        np.concatenate([pieces.right, np.full(int(some.sum()), -1)]),
        np.concatenate([pieces.geoms, rest[some]]),
        np.concatenate([pieces.recomputed, redone[some]]),
    )
    return both.take(np.lexsort((np.where(both.right < 0, np.iinfo(np.int64).max, both.right), both.left)))


def absorb(pieces: Pieces, thin: Array) -> Pieces:
    """Give thin pieces to the largest piece of the same left row: hairlines along a common border are nobody's land."""
    if not thin.any():
        return pieces
    order = np.lexsort((-pieces.area, thin, pieces.left))
    lefts, first = np.unique(pieces.left[order], return_index=True)
    main = order[first][np.searchsorted(lefts, pieces.left)]
    target = np.where(thin, main, np.arange(len(pieces)))
    keep = np.unique(target)
    changed = np.isin(target, np.unique(main[thin]))
    geoms = np.array(pieces.geoms, dtype=object)
    rows, group = np.unique(target[changed], return_inverse=True)
    geoms[rows] = union_by(pieces.geoms[changed], group, len(rows))
    return replace(pieces, geoms=geoms).take(keep)
