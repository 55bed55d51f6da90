"""The overlay (叠置): pairs → predicates → pieces, each piece with its two rows, its geometry and its area.

The story, in order. :mod:`controllines.windows` finds, by boxes alone, what of a layer lies near each piece of land,
cut off around it: a polygon in memory is halved until it is small there, a prepared one lies in small tiles; a tile
that is its own rectangle and holds the land decides without a coordinate being read. ``intersect`` goes on by steps,
each dearer than the one before: boxes that do not meet; full windows; the prepared land is apart from the feature, or
covers it; the feature covers the land; they only touch. The rest are cut, and every cut is guarded (``guard``).
``areas`` is the same tile by tile, where no piece is asked for.

``book_once`` gives land under several features of one layer to the first of them. ``divide`` tells what lies in the
layer from the rest, ``split`` deals land out to the features of a layer.

All geometries are in one plane; only polygonal parts count, so touching is never an overlap.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import shapely

from controllines.guard import EMPTY, GUARD_AREA_M2, cut, remainder, slack, union_by, unite
from controllines.windows import Each, Geometries, Near, Shapes, cut_off, holds, near, windows

Array = np.ndarray

#: What has fewer vertices is not cut off in a window before it is laid over: the overlay itself costs no more.
SMALL = 64
#: Pieces of land that a thread takes at a time.
CHUNK = 512


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


def intersect(left: Array, right: Array | Shapes | Near) -> Pieces:
    """Return the pieces common to geometries of ``left`` and of a layer.

    Parameters
    ----------
    left : polygons in the plane; missing ones take no part
    right : the layer: its geometries, its tiles, or what of it was found near ``left`` (possibly in wider windows)
    """
    found = _narrowed(right, left) if isinstance(right, Near) else near(_shapes(right), windows(left))
    cutters, whole = found.geoms, left[found.left]
    if found.full.all():
        return Pieces(found.left, found.right, whole, np.zeros(len(found), bool), cutters).take(shapely.area(whole) > 0)
    left_covers, right_covers, apart = _relations(whole, found)
    geoms = np.where(right_covers, whole, cutters).astype(object)
    recomputed = np.zeros(len(found), bool)
    rows = np.flatnonzero(~left_covers & ~right_covers & ~apart)
    geoms[rows], recomputed[rows] = cut(whole[rows], cutters[rows])
    keep = ~apart & (shapely.area(geoms) > 0)
    return Pieces(found.left, found.right, geoms, recomputed, cutters).take(keep)


def areas(left: Array, right: Array | Shapes, *, each: Each = map) -> tuple[Array, Array, Array]:
    """Return the rows of each pair that shares land, sorted, and the area (m²); no piece is put together.

    It is :func:`intersect` tile by tile: the cuts between tiles need not be undone for an area.

    Parameters
    ----------
    each : the ``map`` of a pool, for threads
    """
    found = near(_shapes(right), windows(left), each=each, joined=False)
    starts = np.arange(0, len(left) + 1, CHUNK)
    cuts = np.unique(np.append(np.searchsorted(found.left, starts), len(found)))
    portions = [found.take(np.arange(a, b)) for a, b in pairwise(cuts)]
    pieces = [(part.left, part.right, part.area) for part in each(lambda own: intersect(left, own), portions)]
    if not pieces:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.zeros(0)
    i, j, area = (np.concatenate(values) for values in zip(*pieces, strict=True))
    first = np.flatnonzero((np.diff(i, prepend=-1) != 0) | (np.diff(j, prepend=-1) != 0))
    return i[first], j[first], np.add.reduceat(area, first) if len(first) else area


def _shapes(layer: Array | Shapes) -> Shapes:
    return Geometries(layer) if isinstance(layer, np.ndarray) else layer


def _narrowed(found: Near, left: Array) -> Near:
    """Narrow wide windows down to the land itself; what has few vertices stays as it is."""
    boxes = windows(left)[found.left]
    bounds = shapely.bounds(found.geoms)
    meet = ((bounds[:, :2] <= boxes[:, 2:]) & (bounds[:, 2:] >= boxes[:, :2])).all(axis=1)
    found, boxes, bounds = found.take(meet), boxes[meet], bounds[meet]
    beyond = ((bounds[:, :2] < boxes[:, :2]) | (bounds[:, 2:] > boxes[:, 2:])).any(axis=1)
    clip = np.flatnonzero(beyond & ~found.full & (shapely.get_num_coordinates(found.geoms) > SMALL))
    if not len(clip):
        return found
    geoms = np.array(found.geoms, dtype=object)
    geoms[clip] = cut_off(geoms[clip], boxes[clip])
    return replace(found, geoms=geoms)


def _relations(left: Array, found: Near) -> tuple[Array, Array, Array]:
    """Say for each pair whether left covers right, right covers left, or they share no land.

    Boxes decide first, then predicates of the prepared land: it must never be met by another thread, so it does not
    outlive this function.
    """
    right, count = found.geoms, len(found)
    left_covers, right_covers, apart = np.zeros(count, bool), found.full.copy(), shapely.is_missing(left)
    inner, outer = shapely.bounds(right), shapely.bounds(left)
    shapely.prepare(left)
    rows = np.flatnonzero(~right_covers)
    apart[rows] = ~shapely.intersects(left[rows], right[rows])
    rows = rows[~apart[rows]]
    within = rows[holds(outer[rows], inner[rows])]
    left_covers[within] = shapely.covers(left[within], right[within])
    around = rows[holds(inner[rows], outer[rows])]
    right_covers[around] = shapely.covers(right[around], left[around])
    rows = rows[~left_covers[rows] & ~right_covers[rows]]
    apart[rows] = shapely.touches(left[rows], right[rows])
    shapely.destroy_prepared(left)
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


def split(left: Array, right: Array | Shapes | Near, *, apart: bool = False) -> Pieces:
    """Cut geometries by a layer; what no feature takes has right row -1. Areas of the pieces add up to the whole.

    Parameters
    ----------
    apart : True where the features are known to share no land
    """
    raw = intersect(left, right)
    pieces = raw if apart else book_once(raw)[0]
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
