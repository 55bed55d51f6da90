"""Crossings (套合分割): the land of one layer dealt out to the features of others; tables are sums over the pieces.

The land is taken tile by tile along the Hilbert curve, some thousands of tiles to a thread, so memory holds a chunk and
the sums. In a chunk, land under several features of its own layer is counted once; then one layer after the other cuts
it, each step dearer than the one before:

1. boxes: no tile of the layer is near, the land is outside;
2. the same polygon: a tile of the layer that is a tile of the land (farm fields are drawn from land-use patches) holds
   that one and shares no land with the others, as the land was counted once before;
3. the box of the land is covered by tiles of one feature: it is inside, whatever its shape;
4. the engine: predicates of the prepared tile, then guarded cuts; what no feature takes is a piece of its own.

Pieces keep the row of their feature in every layer (-1: in none) and their areas, no geometry unless it is asked for.
Chunks are cut by the order of the tiles alone and summed in that order, so threads change no digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import shapely

from controllines.area import planar_by_scale
from controllines.crs import Plane
from controllines.guard import cut, remainder, union_by
from controllines.lengths import is_contact
from controllines.overlay import Pieces, split
from controllines.tiles import Tiles, arranged, join, tiles_of
from controllines.windows import Each, Near, Shapes, cut_off, holds, windows

Array = np.ndarray
#: Tiles of land that a thread takes at a time; results may not vary it, as twins are looked for within a chunk.
CHUNK = 2_048
#: Rows of a layer in memory that are cut into tiles at a time.
ROWS = 20_000
#: Land is covered, and nothing is left of it, to this share.
EXACT = 1e-9
#: Common land of this mean width (m) is none: vertices that cutting set on both sides of a border are rounded.
ROUNDING_M = 1e-7
#: A lone tile with fewer vertices is not cut off around the land: the cut itself costs no more.
SMALL = 64


@dataclass(frozen=True)
class Crossed:
    """Pieces of land, one for each feature and combination of features of the layers that cut it.

    Attributes
    ----------
    feature : row of the land's own layer
    rows : (pieces, layers) row in each layer, -1 outside of it
    area_m2, planar_m2 : official and planar area (m²); the latter NaN if it was not asked for
    geoms : polygons in the plane if they were asked for (one for each tile then), else empty
    own_m2 : area of the features that take part
    booked_m2 : land taken from later features because earlier ones hold it (图层自身重叠)
    """

    feature: Array
    rows: Array
    area_m2: Array
    planar_m2: Array
    geoms: Array
    own_m2: float = 0.0
    booked_m2: float = 0.0

    def __len__(self) -> int:
        return len(self.feature)

    def take(self, rows: Array) -> Crossed:
        """Return the pieces at ``rows`` (indices or mask)."""
        geoms = self.geoms[rows] if len(self.geoms) else self.geoms
        return replace(self, feature=self.feature[rows], rows=self.rows[rows], area_m2=self.area_m2[rows],
                       planar_m2=self.planar_m2[rows], geoms=geoms)  # fmt: skip


@dataclass(frozen=True)
class Part:
    """The features of a layer that take part.

    Attributes
    ----------
    tiles : the layer
    mask : True for the rows that take part; omitted: all
    keep : of a layer that cuts: True keeps what lies inside, False what lies outside, None both
    priority : of land that is cut: value of each row, land under several features belongs to the smallest; then, and if
        omitted, to the first by row
    disjoint : of land that is cut: its features are known to share no land
    """

    tiles: Tiles
    mask: Array | None = None
    keep: bool | None = None
    priority: Array | None = None
    disjoint: bool = False

    def of(self, tiles: Array) -> Array:
        """Return True for the tiles at these places that take part."""
        return np.ones(len(tiles), bool) if self.mask is None else self.mask[self.tiles.owner[tiles]]


def tiled(shapes: Shapes, *, each: Each = map) -> Tiles:
    """Return a layer in tiles; one in memory is cut into them."""
    if isinstance(shapes, Tiles):
        return shapes
    starts = range(0, max(len(shapes), 1), ROWS)
    cut = list(each(lambda n: tiles_of(shapes.geoms[n : n + ROWS], first=n), starts))
    return replace(arranged(cut), count=len(shapes))


def cross(
    land: Part, cutters: Sequence[Part], plane: Plane, *, each: Each = map, planar: bool = True, geoms: bool = False
) -> Crossed:
    """Deal the land of a layer out to the features of others.

    Parameters
    ----------
    land, cutters : the layers, all in ``plane``; the cutters in their order
    each : the ``map`` of a pool, for threads
    planar, geoms : whether planar areas are found, and pieces kept as polygons (then one for each tile)

    Returns
    -------
    Crossed, sorted by feature and rows; the areas add up to the land of the layer that was not left out by ``keep``
    """
    tiles = np.arange(len(land.tiles))
    tiles = tiles[land.of(tiles)]
    job = _Job(land, cutters, plane, planar, geoms)
    found = list(each(partial(_chunk, job), [tiles[n : n + CHUNK] for n in range(0, max(len(tiles), 1), CHUNK)]))
    whole = Crossed(
        np.concatenate([part.feature for part in found]), np.concatenate([part.rows for part in found]),
        np.concatenate([part.area_m2 for part in found]), np.concatenate([part.planar_m2 for part in found]),
        np.concatenate([part.geoms for part in found]), float(land.tiles.area[tiles].sum()),
        sum(part.booked_m2 for part in found),
    )  # fmt: skip
    return whole.take(_order(whole)[0]) if geoms else _summed(whole)


def _order(pieces: Crossed) -> tuple[Array, Array]:
    """Return the order by feature and rows, and where in it each combination begins."""
    keys = [pieces.feature, *pieces.rows.T]
    order = np.lexsort(keys[::-1])
    new = np.zeros(len(order), bool)
    new[:1] = True
    for key in keys:
        new[1:] |= np.diff(key[order]) != 0
    return order, np.flatnonzero(new)


def _summed(pieces: Crossed) -> Crossed:
    """Add up pieces of the same feature in the same features."""
    order, first = _order(pieces)
    sums = [np.add.reduceat(values[order], first) if len(first) else values
            for values in (pieces.area_m2, pieces.planar_m2)]  # fmt: skip
    return replace(pieces.take(order[first]), area_m2=sums[0], planar_m2=sums[1], geoms=np.empty(0, dtype=object))


@dataclass(frozen=True)
class _Land:
    """Pieces of the land of a chunk: polygons, the number of the tile each is of, and these tiles."""

    geoms: Array
    home: Array
    homes: Array


@dataclass(frozen=True)
class _Job:
    """What is dealt out to what, and what is to be told of it."""

    land: Part
    cutters: Sequence[Part]
    plane: Plane
    planar: bool
    geoms: bool


def _chunk(job: _Job, tiles: Array) -> Crossed:
    homes, booked = _counted_once(job.land, tiles)
    pieces = _Land(homes, np.arange(len(homes)), homes)
    some = shapely.area(homes) > 0
    pieces, rows = replace(pieces, geoms=homes[some], home=pieces.home[some]), np.empty((int(some.sum()), 0), np.int64)
    for cutter in job.cutters:
        dealt = _dealt(pieces, cutter, job.plane)
        if cutter.keep is not None:
            dealt = dealt.take((dealt.right >= 0) == cutter.keep)
        pieces = replace(pieces, geoms=dealt.geoms, home=pieces.home[dealt.left])
        rows = np.column_stack([rows[dealt.left], dealt.right])
    geoms = pieces.geoms
    planar = planar_by_scale(geoms, job.plane) if job.planar and len(geoms) else np.full(len(geoms), np.nan)
    owner = np.asarray(job.land.tiles.owner[tiles], np.int64)
    found = Crossed(owner[pieces.home], rows, np.asarray(shapely.area(geoms)), planar, geoms, booked_m2=booked)
    return found if job.geoms else _summed(found)


def _counted_once(land: Part, tiles: Array) -> tuple[Array, float]:
    """Return the tiles of a chunk without the land that earlier features hold, and how much that is (m²)."""
    geoms = land.tiles.geoms(tiles)
    if land.disjoint or not len(tiles):
        return geoms, 0.0
    around = np.setdiff1d(_tiles_near(land, geoms)[1], tiles)
    near = np.concatenate([geoms, land.tiles.geoms(around)])
    if _are_apart(near):
        return geoms, 0.0
    owner = np.asarray(land.tiles.owner[np.concatenate([tiles, around])])
    priority = owner if land.priority is None else land.priority[owner]
    later, earlier = _overlapping(near, owner, priority)
    mine = later < len(geoms)
    rows, group = np.unique(later[mine], return_inverse=True)
    before = union_by(near[earlier[mine]], group, len(rows))
    common = shapely.area(cut(geoms[rows], before)[0])
    geoms[rows] = remainder(geoms[rows], before, common_m2=common)[0]
    return geoms, float(common.sum())


def _are_apart(geoms: Array) -> bool:
    """Tell fast that polygons share no land; False says nothing.

    Edges that two neighbours have in common go; if the rest bounds valid land as large as all of them, no place can lie
    in two.
    """
    try:
        outline = shapely.coverage_union_all(geoms)
    except shapely.GEOSException:
        return False
    total = float(shapely.area(geoms).sum())
    return bool(abs(shapely.area(outline) - total) <= EXACT * total and shapely.is_valid(outline))


def _overlapping(geoms: Array, owner: Array, priority: Array) -> tuple[Array, Array]:
    """Return pairs (later, earlier) of polygons of several features that share land, but for rounding."""
    a, b = shapely.STRtree(geoms).query(geoms)
    after = (priority[a] > priority[b]) | ((priority[a] == priority[b]) & (owner[a] > owner[b]))
    pick = (owner[a] != owner[b]) & after
    a, b = a[pick], b[pick]
    shapely.prepare(geoms)
    meet = shapely.intersects(geoms[a], geoms[b])
    a, b = a[meet], b[meet]
    meet = ~shapely.touches(geoms[a], geoms[b])
    shapely.destroy_prepared(geoms)
    a, b = a[meet], b[meet]
    common = shapely.intersection(geoms[a], geoms[b])
    meet = 2 * shapely.area(common) > ROUNDING_M * shapely.length(common)
    return a[meet], b[meet]


def _dealt(land: _Land, cutter: Part, plane: Plane) -> Pieces:
    """Cut pieces of land by one layer; -1 is outside. Hairlines go with the largest piece beside them."""
    pairs, (left, right) = _near(land, cutter)
    boxes = windows(land.geoms)
    whole = Near(left, right, shapely.box(*boxes[left].T), np.ones(len(left), bool))
    both = [whole, _cut_off(pairs, boxes)]
    found = Near(
        *(np.concatenate([getattr(part, name) for part in both]) for name in ("left", "right", "geoms", "full"))
    )
    found = found.take(np.lexsort((found.right, found.left)))
    pieces = _divided(land.geoms, found, _contested(len(land.geoms), found, pairs))
    return _hairlines_joined(pieces, plane)


def _divided(geoms: Array, found: Near, contested: Array) -> Pieces:
    """Divide pieces of land among the features found; only where several may claim it is it booked once."""
    parts = []
    for rows, apart in ((np.flatnonzero(~contested), True), (np.flatnonzero(contested), False)):
        own = split(geoms[rows], found.of(rows), apart=apart)
        parts.append(replace(own, left=rows[own.left]))
    names = ("left", "right", "geoms", "recomputed", "cutters")
    both = Pieces(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
    return both.take(np.argsort(both.left, kind="stable"))


def _contested(count: int, found: Near, pairs: _Pairs) -> Array:
    """Return True for the land that more than one feature may hold."""
    several = np.bincount(found.left, minlength=count) > 1
    out = several & (np.bincount(found.left, weights=found.full, minlength=count) > 0)
    open_pairs = pairs.take(several[pairs.land] & ~out[pairs.land])
    tiles = np.unique(open_pairs.tile)
    a, b = _overlapping(pairs.shapes[tiles], pairs.owner[tiles], pairs.owner[tiles])
    out[open_pairs.land[np.isin(open_pairs.tile, tiles[np.concatenate([a, b])])]] = True
    return out


@dataclass(frozen=True)
class _Pairs:
    """Pairs of a piece of land and a tile near it: rows of the land, of the unique tiles, and their owners."""

    land: Array
    tile: Array
    shapes: Array
    owner: Array

    def take(self, pick: Array) -> _Pairs:
        return replace(self, land=self.land[pick], tile=self.tile[pick])


def _near(land: _Land, cutter: Part) -> tuple[_Pairs, tuple[Array, Array]]:
    """Return the pairs that only the engine can decide, and (land, row) of those known to be inside."""
    tiles, boxes = cutter.tiles, shapely.bounds(land.geoms).reshape(-1, 4)
    left, tile = _tiles_near(cutter, land.geoms)
    unique, place = np.unique(tile, return_inverse=True)
    pairs = _Pairs(left, place, tiles.geoms(unique), np.asarray(tiles.owner[unique], np.int64))
    bounds = np.asarray(tiles.bounds[unique])
    twin = _twins(land, pairs, bounds)[place]
    same = (twin >= 0) & (twin == land.home[left])
    pairs, full = pairs.take(twin < 0), (left[same], pairs.owner[place[same]])
    for decide in (_covered, _related):
        settled, inside = decide(pairs, boxes, (land.geoms, bounds))
        full = (np.concatenate([full[0], inside[0]]), np.concatenate([full[1], inside[1]]))
        pairs = pairs.take(~settled)
    known = full[0] * tiles.count + full[1]
    return pairs.take(~np.isin(pairs.land * tiles.count + pairs.owner[pairs.tile], known)), full


def _tiles_near(layer: Part, geoms: Array) -> tuple[Array, Array]:
    """Return pairs of a polygon and a tile of a layer whose boxes meet; the polygons lie together."""
    boxes = shapely.bounds(geoms).reshape(-1, 4)
    if not len(boxes):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    whole = np.hstack([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])
    around = layer.tiles.meeting(whole[None])[1]
    around = around[layer.of(around)]
    left, tile = shapely.STRtree(shapely.box(*np.asarray(layer.tiles.bounds[around]).T)).query(geoms)
    return left, around[tile]


def _twins(land: _Land, pairs: _Pairs, bounds: Array) -> Array:
    """Return for each unique tile the tile of the land that is the same polygon, -1 where there is none."""
    twin = np.full(len(bounds), -1)
    home = land.home[pairs.land]
    alike = np.flatnonzero((shapely.bounds(land.homes).reshape(-1, 4)[home] == bounds[pairs.tile]).all(axis=1))
    tile, home = pairs.tile[alike], home[alike]
    same = shapely.equals_exact(shapely.normalize(pairs.shapes[tile]), shapely.normalize(land.homes[home]), 0.0)
    twin[tile[same]] = home[same]
    return twin


def _covered(pairs: _Pairs, boxes: Array, given: tuple[Array, Array]) -> tuple[Array, tuple[Array, Array]]:
    """Find boxes of land that are covered by the tiles of one feature.

    Returns
    -------
    settled : True for the pairs that this decides
    land, row : of the land that is inside
    """
    mine, theirs = boxes[pairs.land], given[1][pairs.tile]
    shared = np.hstack([np.maximum(mine[:, :2], theirs[:, :2]), np.minimum(mine[:, 2:], theirs[:, 2:])])
    area = np.prod(np.maximum(shared[:, 2:] - shared[:, :2], 0.0), axis=1)
    rows = np.flatnonzero(area > 0)
    drawn = shapely.box(*shared[rows].T)
    shapely.prepare(pairs.shapes)
    area[rows] *= shapely.covers(pairs.shapes[pairs.tile[rows]], drawn)
    shapely.destroy_prepared(pairs.shapes)
    group, first = _groups(pairs)
    whole = np.prod(mine[first, 2:] - mine[first, :2], axis=1)
    full = np.bincount(group, weights=area, minlength=len(first)) >= (1 - EXACT) * whole
    return full[group], (pairs.land[first[full]], pairs.owner[pairs.tile[first[full]]])


def _related(pairs: _Pairs, boxes: Array, given: tuple[Array, Array]) -> tuple[Array, tuple[Array, Array]]:
    """Find land apart from a tile, or covered by it; the tiles are prepared, as many pieces of land are near each."""
    geoms, shapes = given[0][pairs.land], pairs.shapes[pairs.tile]
    shapely.prepare(pairs.shapes)
    settled = ~shapely.intersects(shapes, geoms)
    rows = np.flatnonzero(~settled & holds(given[1][pairs.tile], boxes[pairs.land]))
    rows = rows[shapely.covers(shapes[rows], geoms[rows])]
    shapely.destroy_prepared(pairs.shapes)
    settled[rows] = True
    return settled, (pairs.land[rows], pairs.owner[pairs.tile[rows]])


def _groups(pairs: _Pairs) -> tuple[Array, Array]:
    """Return the number of the combination of land and feature of each pair, and its first pair."""
    key = pairs.land * (int(pairs.owner.max(initial=0)) + 1) + pairs.owner[pairs.tile]
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    return group, first


def _cut_off(pairs: _Pairs, boxes: Array) -> Near:
    """Return the features near the land that is left, cut off around it and without the cuts between their tiles."""
    group, first = _groups(pairs)
    order = np.argsort(group, kind="stable")
    shapes, own = pairs.shapes[pairs.tile[order]], boxes[pairs.land[order]]
    lone = (np.bincount(group)[group[order]] == 1) & (shapely.get_num_coordinates(shapes) <= SMALL)
    beyond = np.flatnonzero(~lone & ~holds(own, shapely.bounds(shapes).reshape(-1, 4)))
    shapes[beyond] = cut_off(shapes[beyond], own[beyond])
    return Near(pairs.land[first], pairs.owner[pairs.tile[first]], join(shapes, group[order], len(first)),
                np.zeros(len(first), bool))  # fmt: skip


def _hairlines_joined(pieces: Pieces, plane: Plane) -> Pieces:
    """Book hairlines along a common border with the largest piece of the same land: they are nobody's land."""
    thin = np.flatnonzero(is_contact(pieces.geoms, plane))
    if not len(thin):
        return pieces
    order = np.lexsort((-pieces.area, pieces.left))
    lefts, first = np.unique(pieces.left[order], return_index=True)
    right = pieces.right.copy()
    right[thin] = pieces.right[order[first][np.searchsorted(lefts, pieces.left[thin])]]
    return replace(pieces, right=right)
