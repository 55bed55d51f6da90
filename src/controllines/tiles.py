"""Tiles (分块): a layer cut into small polygons that lie in a few long arrays, in the order of a Hilbert curve.

A polygon is halved along the longer side of its box until no piece has more than ``MOST`` vertices. The fast clipping
of the engine does the cutting; a polygon whose pieces do not add up to its area, or are not valid, is cut again by
intersection. Where a polygon is cut depends on it alone.

Cuts are no borders. Pieces on both sides of a cut get the same vertices along it, bit by bit, so :func:`join` finds
the land between them again and the cut disappears: it only takes away edges that occur twice.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import shapely

from controllines.clean import polygonal
from controllines.errors import GeometryError
from controllines.guard import attempt, cut, slack, union_by

Array = np.ndarray

#: No tile has more vertices, apart from those its neighbours set on its cut sides.
MOST = 256
#: Tiles in a block: their common box is asked first.
BLOCK = 64
#: Pieces add up to what they were cut from, to this share of it.
EXACT = 1e-9
#: The engine rounds a crossing by the direction of the edge: ordinates of one crossing lie no further apart (m).
SAME_M = 1e-9
#: Bits for each coordinate along the Hilbert curve.
_HILBERT_BITS = 16
#: Tiles whose coordinates are read at a time.
READ = 4_096
#: Pairs of boxes that are compared at a time.
_PAIRS = 4_000_000
_EMPTY = shapely.Polygon()


def _in_memory(blocks: Array) -> None:
    """Nothing to check."""


@dataclass(frozen=True)
class Tiles:
    """A layer in tiles.

    Attributes
    ----------
    xy : (n, 2) coordinates of all rings, one behind the other, closed
    rings : where each ring begins in ``xy``, and the end
    tiles : where each tile begins in ``rings`` (shell, then holes), and the end
    bounds : (tiles, 4) box of each tile
    owner : row of the layer that each tile belongs to
    area : area of each tile, m²
    rectangle : True where a tile is its own box, so that its coordinates need not be read
    count : rows of the layer; those without geometry have no tile
    blocks : (blocks, 4) box of every ``BLOCK`` tiles; omitted: found from ``bounds``
    check : called with blocks before anything of them is used; raises if they are not what was written
    """

    xy: Array
    rings: Array
    tiles: Array
    bounds: Array
    owner: Array
    area: Array
    rectangle: Array
    count: int
    blocks: Array = field(default_factory=lambda: np.empty((0, 4)))
    check: Callable[[Array], None] = _in_memory

    def __post_init__(self) -> None:
        if len(self.blocks) * BLOCK < len(self.owner):
            object.__setattr__(self, "blocks", blocks_of(self.bounds))

    def __len__(self) -> int:
        return len(self.owner)

    def geoms(self, rows: Array) -> Array:
        """Return the tiles at ``rows`` as polygons."""
        parts = [self._geoms(rows[start : start + READ]) for start in range(0, len(rows), READ)]
        return np.concatenate(parts) if parts else np.empty(0, dtype=object)

    def _geoms(self, rows: Array) -> Array:
        self.check(np.unique(rows // BLOCK))
        ring, tiles = _runs(self.tiles, rows)
        point, rings = _runs(self.rings, ring)
        kind = shapely.GeometryType.POLYGON
        return np.asarray(shapely.from_ragged_array(kind, np.asarray(self.xy[point]), (rings, tiles)))

    def meeting(self, boxes: Array) -> tuple[Array, Array]:
        """Return pairs (box, tile) whose boxes meet, sorted."""
        box, several = meeting(boxes, self._blocks_of_blocks)
        box, block = _members(boxes, box, several, self.blocks)
        self.check(np.unique(block))
        box, tile = _members(boxes, box, block, self.bounds)
        order = np.lexsort((tile, box))
        return box[order], tile[order]

    @cached_property
    def _blocks_of_blocks(self) -> Array:
        return blocks_of(self.blocks)


def _members(boxes: Array, box: Array, group: Array, members: Array) -> tuple[Array, Array]:
    """Return pairs of boxes with the members of groups of ``BLOCK`` that they meet."""
    member = group[:, None] * BLOCK + np.arange(BLOCK)
    pair = np.broadcast_to(box[:, None], member.shape)
    real = member < len(members)
    pair, member = pair[real], member[real]
    own, other = boxes[pair], members[member]
    meet = ((own[:, :2] <= other[:, 2:]) & (own[:, 2:] >= other[:, :2])).all(axis=1)
    return pair[meet], member[meet]


def meeting(boxes: Array, others: Array) -> tuple[Array, Array]:
    """Return the rows of boxes that meet, sorted; for some thousands on either side a tree would take longer."""
    (west, south, east, north), rows = others.T[:, None, :], max(1, _PAIRS // max(1, len(others)))
    found = []
    for start in range(0, len(boxes), rows):
        own = boxes[start : start + rows].T[:, :, None]
        i, j = np.nonzero((own[0] <= east) & (own[2] >= west) & (own[1] <= north) & (own[3] >= south))
        found.append((i + start, j))
    if not found:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    return np.concatenate([i for i, _ in found]), np.concatenate([j for _, j in found])


def _runs(starts: Array, rows: Array) -> tuple[Array, Array]:
    """Return the indices of the elements of ragged ``rows``, one behind the other, and where each row then begins."""
    first = np.asarray(starts[rows])
    length = np.asarray(starts[rows + 1]) - first
    ends = np.concatenate([[0], np.cumsum(length)])
    return np.arange(ends[-1]) + np.repeat(first - ends[:-1], length), ends


def tiles_of(geoms: Array, *, first: int = 0, most: int = MOST) -> Tiles:
    """Cut polygons into tiles.

    Parameters
    ----------
    geoms : Polygon or MultiPolygon in the plane, valid, by row; None and empty ones have no tiles
    first : row of the first one in its layer

    Returns
    -------
    Tiles in the order of the rows; :func:`arranged` brings them into their final order
    """
    parts, owner = shapely.get_parts(geoms, return_index=True)
    filled = ~shapely.is_empty(parts)
    parts, owner = parts[filled], owner[filled]
    pieces, part = _cut(parts, clipped, most)
    area = shapely.area(parts)
    lost = np.abs(np.bincount(part, weights=shapely.area(pieces), minlength=len(parts)) - area) > EXACT * area
    lost[part[~shapely.is_valid(pieces)]] = True
    again = np.flatnonzero(lost)
    if len(again):
        kept, (other, of) = ~lost[part], _cut(parts[again], intersected, most)
        pieces, part = np.concatenate([pieces[kept], other]), np.concatenate([part[kept], again[of]])
        missing = np.abs(np.bincount(of, weights=shapely.area(other), minlength=len(again)) - area[again])
        if (missing > slack(area[again])).any():
            raise GeometryError.of("ENGINE_FAILED", actual=f"{missing.max():.6f} 平方米")
    order = np.argsort(part, kind="stable")
    pieces, part = pieces[order], part[order]
    rectangle = _is_rectangle(pieces)
    starts = np.searchsorted(part, np.arange(len(parts) + 1))
    for row in np.flatnonzero(np.diff(starts) > 1):
        own = slice(starts[row], starts[row + 1])
        pieces[own] = _noded(pieces[own])
    _, xy, offsets = shapely.to_ragged_array(pieces) if len(pieces) else (None, np.empty((0, 2)), ([0], [0]))
    return Tiles(
        xy=xy, rings=np.asarray(offsets[0], np.int64), tiles=np.asarray(offsets[1], np.int64),
        bounds=shapely.bounds(pieces).reshape(-1, 4), owner=owner[part] + first,
        area=np.asarray(shapely.area(pieces)), rectangle=rectangle, count=first + len(geoms),
    )  # fmt: skip


def _is_rectangle(polygons: Array) -> Array:
    four = shapely.get_num_coordinates(polygons) == 5
    out = np.zeros(len(polygons), bool)
    boxes = shapely.box(*shapely.bounds(polygons[four]).reshape(-1, 4).T)
    out[four] = shapely.equals_exact(shapely.normalize(polygons[four]), shapely.normalize(boxes), tolerance=0)
    return out


Cutter = Callable[[Array, Array], Array]


def _cut(parts: Array, cutter: Cutter, most: int) -> tuple[Array, Array]:
    """Halve polygons until none is too large; return the pieces and the part each comes from."""
    done, of = [], []
    pieces, part = parts, np.arange(len(parts))
    while len(pieces):
        bounds = shapely.bounds(pieces)
        axis, middle = cut_at(bounds)
        thin = (bounds[np.arange(len(axis)), axis] >= middle) | (middle >= bounds[np.arange(len(axis)), axis + 2])
        small = (shapely.get_num_coordinates(pieces) <= most) | thin
        done.append(pieces[small])
        of.append(part[small])
        large = ~small
        both = polygonal(cutter(np.repeat(pieces[large], 2), halves(bounds[large], axis[large], middle[large])))
        pieces, half = shapely.get_parts(both, return_index=True)
        part = np.repeat(part[large], 2)[half]
    return (np.concatenate(done), np.concatenate(of)) if done else (parts, np.empty(0, np.int64))


def cut_at(bounds: Array) -> tuple[Array, Array]:
    """Return across which axis boxes are cut, and where."""
    axis = (bounds[:, 3] - bounds[:, 1] > bounds[:, 2] - bounds[:, 0]).astype(int)
    row = np.arange(len(bounds))
    return axis, (bounds[row, axis] + bounds[row, axis + 2]) / 2


def halves(bounds: Array, axis: Array, middle: Array) -> Array:
    """Return the two halves of each box, one behind the other; on the outer sides they reach beyond it."""
    both = np.repeat(bounds + np.array([-1.0, -1.0, 1.0, 1.0]), 2, axis=0)
    row = 2 * np.arange(len(axis))
    both[row, axis + 2] = both[row + 1, axis] = middle
    return both


def clipped(geoms: Array, boxes: Array) -> Array:
    """Clip each polygon by its box, fast; the answer need not be valid, nor polygonal, nor all there is."""
    out = np.full(len(geoms), _EMPTY, dtype=object)
    for row, (geom, box) in enumerate(zip(geoms, boxes.tolist(), strict=True)):
        # of a polygon one step wide it makes rings of three points, and gives up
        with suppress(shapely.GEOSException):
            out[row] = shapely.clip_by_rect(geom, *box)
    return out


def intersected(geoms: Array, boxes: Array) -> Array:
    """Cut each polygon off in its box, slowly and guarded."""
    return cut(geoms, shapely.box(*boxes.T))[0]


def _noded(pieces: Array) -> Array:
    """Give the pieces on both sides of every cut the same vertices along it."""
    kind, xy, offsets = shapely.to_ragged_array(pieces)
    rings = np.asarray(offsets[0])
    bounds = shapely.bounds(pieces)
    for axis in (0, 1):
        # every cut is a side of a piece on either hand
        lines = np.intersect1d(bounds[:, axis], bounds[:, axis + 2])
        if len(lines):
            xy = _same_crossings(xy, axis, lines)
            xy, rings = _with_crossings(xy, rings, axis, lines)
    return np.asarray(shapely.from_ragged_array(kind, xy, (rings, offsets[1])))


def _on(xy: Array, axis: int, lines: Array) -> Array:
    """Return the line each vertex lies on, -1 for none."""
    at = np.searchsorted(lines, xy[:, axis])
    on = np.flatnonzero(at < len(lines))
    on = on[lines[at[on]] == xy[on, axis]]
    out = np.full(len(xy), -1)
    out[on] = at[on]
    return out


def _same_crossings(xy: Array, axis: int, lines: Array) -> Array:
    """Let vertices on a cut that lie together by rounding be one."""
    on = _on(xy, axis, lines)
    rows = np.flatnonzero(on >= 0)
    along = xy[rows, 1 - axis]
    order = np.lexsort((along, on[rows]))
    rows, along = rows[order], along[order]
    first = np.diff(on[rows], prepend=-1) != 0
    first[1:] |= np.diff(along) > SAME_M
    out = xy.copy()
    out[rows, 1 - axis] = along[np.flatnonzero(first)[np.cumsum(first) - 1]]
    return out


def _with_crossings(xy: Array, rings: Array, axis: int, lines: Array) -> tuple[Array, Array]:
    """Set on every edge along a cut the vertices that other pieces have there."""
    on = _on(xy, axis, lines)
    rows = np.flatnonzero(on >= 0)
    # complex numbers sort by line, then along it
    places = np.unique(on[rows] + 1j * xy[rows, 1 - axis])
    edge = np.flatnonzero((on[:-1] >= 0) & (on[:-1] == on[1:]))
    edge = edge[~np.isin(edge, rings[1:-1] - 1)]
    start, end = (np.searchsorted(places, on[edge + n] + 1j * xy[edge + n, 1 - axis]) for n in (0, 1))
    more = np.maximum(np.abs(end - start) - 1, 0)
    if not more.any():
        return xy, rings
    step = np.repeat(np.where(end > start, 1, -1), more)
    nth = np.arange(more.sum()) - np.repeat(np.cumsum(more) - more, more) + 1
    new = xy[np.repeat(edge, more)]
    new[:, 1 - axis] = places[np.repeat(start, more) + step * nth].imag
    added = np.zeros(len(xy) + 1, np.int64)
    added[edge + 1] = more
    return np.insert(xy, np.repeat(edge + 1, more), new, axis=0), rings + np.cumsum(added)[rings]


def arranged(chunks: list[Tiles]) -> Tiles:
    """Return the tiles of one layer, made block by block, along a Hilbert curve and with the boxes of their blocks.

    The list is emptied, so that little is in memory twice.
    """
    tiles = concatenated(chunks)
    order = hilbert_order(tiles.bounds)
    ring, starts = _runs(tiles.tiles, order)
    point, rings = _runs(tiles.rings, ring)
    return replace(
        tiles, xy=tiles.xy[point], rings=rings, tiles=starts, bounds=tiles.bounds[order], owner=tiles.owner[order],
        area=tiles.area[order], rectangle=tiles.rectangle[order], blocks=np.empty((0, 4)),
    )  # fmt: skip


def concatenated(chunks: list[Tiles]) -> Tiles:
    """Join chunks of one layer one behind the other, and empty the list."""
    count = max(chunk.count for chunk in chunks)
    names = ("xy", "bounds", "owner", "area", "rectangle", "rings", "tiles")
    parts: dict[str, list[Array]] = {name: [getattr(chunk, name) for chunk in chunks] for name in names}
    chunks.clear()
    joined: dict[str, Any] = {name: np.concatenate(parts.pop(name)) for name in names[:5]}
    for name, values in parts.items():
        before = np.cumsum([0, *(each[-1] for each in values)])
        joined[name] = np.concatenate([[0], *(each[1:] + start for each, start in zip(values, before, strict=False))])
    return Tiles(count=count, **joined)


def blocks_of(bounds: Array) -> Array:
    """Return the box of every ``BLOCK`` boxes."""
    starts = np.arange(0, len(bounds), BLOCK)
    if not len(starts):
        return np.empty((0, 4))
    low, high = np.minimum.reduceat(bounds[:, :2], starts), np.maximum.reduceat(bounds[:, 2:], starts)
    return np.hstack([low, high])


def hilbert_order(bounds: Array) -> Array:
    """Return the rows of boxes in the order in which a Hilbert curve over all of them meets their middles."""
    if len(bounds) < 2:
        return np.arange(len(bounds))
    middle = (bounds[:, :2] + bounds[:, 2:]) / 2
    low = np.nanmin(middle, axis=0)
    size = np.maximum(np.nanmax(middle, axis=0) - low, 1e-300)
    x, y = np.clip((middle - low) / size * (2**_HILBERT_BITS - 1), 0, None).astype(np.int64).T
    return np.argsort(_hilbert(x, y), kind="stable")


def _hilbert(x: Array, y: Array) -> Array:
    """Return how far along the curve cells lie (Wikipedia, Hilbert curve, xy2d)."""
    distance = np.zeros(len(x), np.int64)
    for bit in range(_HILBERT_BITS - 1, -1, -1):
        side = 1 << bit
        right, up = (x & side) > 0, (y & side) > 0
        distance += side * side * ((3 * right) ^ up)
        flip = right & ~up
        x, y = (
            np.where(flip, side - 1 - (x & (side - 1)), x & (side - 1)),
            np.where(flip, side - 1 - (y & (side - 1)), y & (side - 1)),
        )
        x, y = np.where(~up, y, x), np.where(~up, x, y)
    return distance


def join(geoms: Array, group: Array, count: int) -> Array:
    """Return the land of the tiles of each group 0…count-1, without the cuts between them.

    Parameters
    ----------
    geoms : tiles, or what a window left of them
    group : to which group each belongs, in order
    """
    out = np.full(count, _EMPTY, dtype=object)
    size = np.bincount(group, minlength=count)
    single = size[group] == 1
    out[group[single]] = geoms[single]
    several = np.flatnonzero(size > 1)
    if not len(several):
        return out
    pieces, of = geoms[~single], np.searchsorted(several, group[~single])
    parts, index = shapely.get_parts(pieces, return_index=True)
    together = np.asarray(shapely.geometrycollections(parts, indices=of[index]))
    joined, failed = attempt(_without_common_edges, together)
    area = np.bincount(of, weights=shapely.area(pieces), minlength=len(several))
    lost = np.abs(shapely.area(joined) - area) > EXACT * area
    wrong = np.flatnonzero(failed | lost | ~shapely.is_valid(joined))
    own = np.isin(of, wrong)
    joined[wrong] = union_by(pieces[own], np.searchsorted(wrong, of[own]), len(wrong))
    out[several] = joined
    return out


def _without_common_edges(collections: Array) -> Array:
    return np.asarray(shapely.coverage_union_all(collections[:, None], axis=1))
