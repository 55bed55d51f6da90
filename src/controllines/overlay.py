"""The overlay (叠置): pairs → predicates → pieces, each piece with its two rows, its geometry and its area.

The story, in order. ``intersect`` asks an STRtree for the pairs that meet. Prepared predicates decide most of them
without an overlay: one covers the other, or they only touch. The rest are cut, and every cut is guarded: GEOS returns
grossly wrong areas for a few inputs without an exception, so a cut that is nearly nothing although the interiors
meet, or nearly everything although nothing is covered, is cut again on a fixed grid, and the second answer holds.
``book_once`` gives land under several features of one layer to the first of them. ``remainder`` is what is left.

All geometries are in one plane; only polygonal parts count, so touching is never an overlap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from controllines.clean import polygonal

Array = np.ndarray

#: Second cuts snap to this grid (m); it costs twice the time, so only alarms get one.
GUARD_GRID_M = 1e-6
#: A cut below this share of the smaller input, or above one minus it, is an alarm.
GUARD_SHARE = 1e-3
#: Two cuts differ if their areas differ by more than this (m²) plus what the grid can move along the outline.
GUARD_AREA_M2 = 1e-4
_EMPTY = shapely.Polygon()


@dataclass(frozen=True)
class Pieces:
    """Pieces of an overlay, sorted by (left, right).

    Attributes
    ----------
    left, right : rows of the two inputs
    geoms : Polygon or MultiPolygon of each piece
    recomputed : True where the guard replaced the first cut
    """

    left: Array
    right: Array
    geoms: Array
    recomputed: Array

    def __len__(self) -> int:
        return len(self.left)

    @property
    def area(self) -> Array:
        """Area of each piece in m²."""
        return np.asarray(shapely.area(self.geoms))

    def take(self, rows: Array) -> Pieces:
        """Return the pieces at ``rows`` (indices or mask)."""
        return Pieces(self.left[rows], self.right[rows], self.geoms[rows], self.recomputed[rows])

    def with_geoms(self, geoms: Array) -> Pieces:
        """Return the pieces with other geometries, without those that became empty."""
        return Pieces(self.left, self.right, geoms, self.recomputed).take(shapely.area(geoms) > 0)


def intersect(left: Array, right: Array) -> Pieces:
    """Return the pieces common to geometries of ``left`` and of ``right`` (missing ones take no part)."""
    pairs = shapely.STRtree(right).query(left, predicate="intersects")
    order = np.lexsort((pairs[1], pairs[0]))
    i, j = pairs[0][order], pairs[1][order]
    left_covers, right_covers, touches = _relations(left, right, i, j)
    geoms = np.where(right_covers, left[i], right[j]).astype(object)
    recomputed = np.zeros(len(i), bool)
    cut = np.flatnonzero(~left_covers & ~right_covers & ~touches)
    geoms[cut], recomputed[cut] = _guarded(left[i[cut]], right[j[cut]])
    keep = ~touches & (shapely.area(geoms) > 0)
    return Pieces(i, j, geoms, recomputed).take(keep)


def _relations(left: Array, right: Array, i: Array, j: Array) -> tuple[Array, Array, Array]:
    """Say for each pair whether left covers right, right covers left, or they only touch (prepared predicates)."""
    users = (left[np.unique(i)], right[np.unique(j)])
    for geoms in users:
        shapely.prepare(geoms)
    left_covers = shapely.covers(left[i], right[j])
    right_covers = shapely.covers(right[j], left[i])
    touches = np.zeros(len(i), bool)
    open_pairs = np.flatnonzero(~left_covers & ~right_covers)
    touches[open_pairs] = shapely.touches(left[i[open_pairs]], right[j[open_pairs]])
    # A prepared geometry must never be met by another thread.
    for geoms in users:
        shapely.destroy_prepared(geoms)
    return left_covers, right_covers, touches


def _cut(left: Array, right: Array) -> Array:
    return polygonal(shapely.intersection(left, right))


def _guarded(left: Array, right: Array) -> tuple[Array, Array]:
    """Cut pairs whose interiors meet and that do not cover each other; cut alarms again on the grid."""
    geoms = _cut(left, right)
    share = shapely.area(geoms) / np.minimum(shapely.area(left), shapely.area(right))
    alarm = np.flatnonzero((share < GUARD_SHARE) | (share > 1 - GUARD_SHARE))
    again = polygonal(shapely.intersection(left[alarm], right[alarm], grid_size=GUARD_GRID_M))
    return _settled(geoms, alarm, again)


def _settled(geoms: Array, alarm: Array, again: Array) -> tuple[Array, Array]:
    """Replace the cuts at ``alarm`` that the second cut contradicts."""
    slack = GUARD_AREA_M2 + 2 * GUARD_GRID_M * np.maximum(shapely.length(geoms[alarm]), shapely.length(again))
    differs = np.abs(shapely.area(geoms[alarm]) - shapely.area(again)) > slack
    geoms[alarm[differs]] = again[differs]
    recomputed = np.zeros(len(geoms), bool)
    recomputed[alarm[differs]] = True
    return geoms, recomputed


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
    before = union_by(pieces.geoms[earlier], group, len(rows))
    geoms = np.array(pieces.geoms, dtype=object)
    taken, recut = _guarded(geoms[rows], before)
    geoms[rows], redone = remainder(geoms[rows], before, common_m2=shapely.area(taken))
    recomputed = pieces.recomputed.copy()
    recomputed[rows] |= recut | redone
    left, owner = np.unique(pieces.left[rows], return_inverse=True)
    once = Pieces(pieces.left, pieces.right, pieces.geoms, recomputed).with_geoms(geoms)
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


def union_by(geoms: Array, group: Array, count: int) -> Array:
    """Return the union of the geometries of each group 0…count-1; an empty polygon where there are none."""
    out = np.full(count, _EMPTY, dtype=object)
    if not len(geoms):
        return out
    size = np.bincount(group, minlength=count)
    single = size[group] == 1
    out[group[single]] = geoms[single]
    if not single.all():
        order = np.flatnonzero(~single)[np.argsort(group[~single], kind="stable")]
        rows, index = np.unique(group[order], return_inverse=True)
        parts, part_of = shapely.get_parts(geoms[order], return_index=True)
        together = np.asarray(shapely.geometrycollections(parts, indices=index[part_of]))
        out[rows] = polygonal(np.asarray(shapely.union_all(together[:, None], axis=1)))
    return out


def union_of(pieces: Pieces, count: int) -> tuple[Array, Array]:
    """Unite the pieces of each left row 0…count-1; they share no land, so their areas add up, which guards the union.

    Returns
    -------
    geoms, recomputed : arrays of length ``count``
    """
    out = union_by(pieces.geoms, pieces.left, count)
    total = np.bincount(pieces.left, weights=pieces.area, minlength=count) if len(pieces) else np.zeros(count)
    alarm = np.abs(shapely.area(out) - total) > _slack(total) + GUARD_GRID_M * shapely.length(out)
    for row in np.flatnonzero(alarm):
        out[row] = polygonal(np.array([shapely.union_all(pieces.geoms[pieces.left == row], grid_size=GUARD_GRID_M)]))[0]
    return out, alarm


def _slack(area: Array) -> Array:
    return np.asarray(GUARD_AREA_M2 + 1e-9 * area)


def remainder(whole: Array, taken: Array, *, common_m2: Array | None = None) -> tuple[Array, Array]:
    """Return what is left of each geometry without ``taken`` (same length), guarded by the areas.

    Parameters
    ----------
    common_m2 : area common to both; omitted: ``taken`` is part of ``whole``

    Returns
    -------
    rest, recomputed : what is left, and True where the guard replaced the first answer
    """
    out = np.array(whole, dtype=object)
    recomputed = np.zeros(len(out), bool)
    rows = np.flatnonzero(~shapely.is_empty(taken))
    out[rows] = polygonal(shapely.difference(whole[rows], taken[rows]))
    common = (shapely.area(taken) if common_m2 is None else common_m2)[rows]
    missing = np.abs(shapely.area(whole[rows]) - common - shapely.area(out[rows]))
    alarm = rows[missing > _slack(shapely.area(whole[rows]))]
    out[alarm] = polygonal(shapely.difference(whole[alarm], taken[alarm], grid_size=GUARD_GRID_M))
    recomputed[alarm] = True
    return out, recomputed


def split(left: Array, right: Array) -> Pieces:
    """Cut geometries by a layer; what no feature takes has right row -1. Areas of the pieces add up to the whole."""
    pieces, _, _ = book_once(intersect(left, right))
    given = np.flatnonzero(~shapely.is_missing(left))
    rest, redone = remainder(left[given], union_of(pieces, len(left))[0][given])
    open_rows = given[shapely.area(rest) > 0]
    both = Pieces(
        np.concatenate([pieces.left, open_rows]),
        np.concatenate([pieces.right, np.full(len(open_rows), -1)]),
        np.concatenate([pieces.geoms, rest[shapely.area(rest) > 0]]),
        np.concatenate([pieces.recomputed, redone[shapely.area(rest) > 0]]),
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
    return Pieces(pieces.left, pieces.right, geoms, pieces.recomputed).take(keep)
