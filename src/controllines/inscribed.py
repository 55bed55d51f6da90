"""The greatest distance from an outline (离边界最远处): deepest points and largest circles, by branch and bound.

The story, in order. ``outline_of`` makes the edges of polygons into a forest: up to eight neighbours hang under their
chord, whose ``slack`` says how far they stray from it, eight chords under the next one. A cell (a stretch of an
outline, or a square of the plane) keeps the few nodes that can be nearest to a point of it and hands them down; cells
of all polygons are looked at together, one size after the other.

``deepest_on`` looks along the outline of a part. The distance to an edge is convex: over a stretch it stays below the
line between its values at both ends, so the two edges that are nearest at the ends bound all of the stretch.

``deepest_in`` looks inside. A square is dropped when the distance at its middle plus its half diagonal does not reach
what was found already; when all edges that can be nearest lie to one side, as a step away from them leads deeper; or
when two or three edges hold it: weighted so that their directions balance, their mean distance is the same all over
the square, and nothing in it is deeper than that.

The bounds are rigorous: the answer is a distance that occurs, and none is greater by more than ``ACCURACY`` of it plus
``TOLERANCE_M``, whatever the shape. Each polygon is searched on its own, so no answer depends on its company.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import shapely

Array = np.ndarray
#: The greatest distance is found to this share of itself, plus a hundredth of the coordinate precision (m).
ACCURACY, TOLERANCE_M = 1e-5, 1e-6
#: Vertices that stray no further (m) from the line between their neighbours are none.
STRAIGHT_M = 1e-7
#: Nodes under one chord.
FAN = 8
#: Chords are opened when they stray by more than this share of the cell.
LOOSE = 0.25
#: An elongated box is covered with at most so many squares.
SQUARES = 64
#: So many sizes of squares are sifted by GEOS.
SIFTINGS = 3
_TINY = 1e-300


@dataclass(frozen=True)
class _Rows:
    """Arrays of one length; points and vectors are complex numbers."""

    def take(self, rows: Array) -> Self:
        return type(self)(*(getattr(self, column.name)[rows] for column in fields(self)))


@dataclass(frozen=True)
class _Nodes(_Rows):
    """Edges and chords, land to the left.

    Attributes
    ----------
    start, vector : complex, m
    slack : how far the edges under the node stray from it (m), 0 for edges
    first, count : children, 0 for edges
    ring : ring of each
    opens, closes : True where the land is wider than half a turn at the start, at the end of an edge
    before, after : as far as this (m) the edge goes on straight before its start, after its end, but for …
    veers_before, veers_after : … this much to the side for every metre
    """

    start: Array
    vector: Array
    slack: Array
    first: Array
    count: Array
    ring: Array
    opens: Array
    closes: Array
    before: Array
    after: Array
    veers_before: Array
    veers_after: Array


@dataclass(frozen=True)
class Outline:
    """Outlines of polygons, as nodes and as lines of GEOS; ``tops`` of the nodes at ``top`` are of each one in turn."""

    nodes: _Nodes
    top: Array
    tops: Array
    lines: Array


def outline_of(geoms: Array) -> Outline:
    """Return the outlines of polygons and multipolygons."""
    parts, owner = shapely.get_parts(geoms, return_index=True)
    rings, part = shapely.get_rings(shapely.orient_polygons(parts), return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    level = _edges(xy[:, 0] + 1j * xy[:, 1], ring)
    levels, top, base = [level], [], 0
    while len(level.ring):
        many = np.bincount(level.ring)[level.ring] > FAN
        top.append(base + np.flatnonzero(~many))
        level, base = _chords(level.take(many), base + np.flatnonzero(many)), base + len(level.ring)
        levels.append(level)
    nodes = _Nodes(*(np.concatenate([getattr(one, column.name) for one in levels]) for column in fields(_Nodes)))
    tops = np.concatenate([np.empty(0, np.int64), *top])
    of = owner[part[nodes.ring[tops]]]
    order = np.argsort(of, kind="stable")
    return Outline(nodes, tops[order], np.bincount(of, minlength=len(geoms)), shapely.boundary(geoms))


def _edges(points: Array, ring: Array) -> _Nodes:
    """Return the edges of rings; those that go straight on, as where long edges were split, are one."""
    edge = np.flatnonzero((ring[1:] == ring[:-1]) & (points[1:] != points[:-1]))
    start, vector, ring = points[edge], points[edge + 1] - points[edge], ring[edge]
    before = _before(ring)
    bend = _cross(vector[before], vector) / np.maximum(_size(vector[before] + vector), _TINY)
    on = (np.abs(bend) <= STRAIGHT_M) & (before == np.arange(len(ring)) - 1) & (_dot(vector[before], vector) > 0)
    head = np.flatnonzero(~on)
    run = np.cumsum(~on) - 1
    whole = np.add.reduceat(vector, head) if len(head) else vector
    stray = _cross(start - start[head][run], whole[run]) / np.maximum(_size(whole), _TINY)[run]
    crooked = np.maximum.reduceat(np.abs(stray), head) > STRAIGHT_M if len(head) else on
    head = np.flatnonzero(~on | crooked[run])
    vector = np.add.reduceat(vector, head) if len(head) else vector
    start, ring = start[head], ring[head]
    before = _before(ring)
    after = np.empty_like(before)
    after[before] = np.arange(len(ring))
    length = _size(vector)
    sine = _cross(vector[before], vector) / np.maximum(length[before] * length, _TINY)
    on = _dot(vector[before], vector) > 0
    wide, none = sine < -1e-9, np.zeros(len(ring), np.int64)
    return _Nodes(start, vector, np.zeros(len(ring)), none, none, ring, wide, wide[after],
                  np.where(on, length[before], 0), np.where(on[after], length[after], 0),
                  np.abs(sine), np.abs(sine)[after])  # fmt: skip


def _before(ring: Array) -> Array:
    """Return the edge before each, around its ring."""
    head = np.flatnonzero(np.r_[True, ring[1:] != ring[:-1]][: len(ring)])
    before = np.arange(len(ring)) - 1
    before[head] = np.r_[head[1:], len(ring)][: len(head)] - 1
    return before


def _chords(below: _Nodes, ids: Array) -> _Nodes:
    """Return the chords over every eight nodes of a ring."""
    if not len(ids):
        return below
    begins = np.flatnonzero(np.r_[True, below.ring[1:] != below.ring[:-1]])
    place = np.arange(len(ids)) - np.repeat(begins, np.diff(np.r_[begins, len(ids)]))
    head = np.flatnonzero(place % FAN == 0)
    count = np.diff(np.r_[head, len(ids)])
    end = below.start + below.vector
    start = below.start[head]
    no, far = np.zeros(len(head), bool), np.zeros(len(head))
    vector = end[head + count - 1] - start
    chords = _Nodes(start, vector, far.copy(), ids[head], count, below.ring[head], no, no, far, far, far, far)
    over = np.repeat(np.arange(len(head)), count)
    stray = np.maximum(_size(_from_nodes(chords, over, below.start)[0]), _size(_from_nodes(chords, over, end)[0]))
    chords.slack[:] = np.maximum.reduceat(stray + below.slack, head)
    return chords


def _dot(a: Array, b: Array) -> Array:
    return np.asarray(a.real * b.real + a.imag * b.imag)


def _cross(a: Array, b: Array) -> Array:
    return np.asarray(a.real * b.imag - a.imag * b.real)


def _left_of(vector: Array) -> Array:
    return np.asarray(-vector.imag + 1j * vector.real)


def _size(a: Array) -> Array:
    return np.asarray(np.sqrt(_dot(a, a)))


def _from_nodes(nodes: _Nodes, node: Array, points: Array) -> tuple[Array, Array]:
    """Return the vector to each point from the nearest point of its node, and where on the line that is (0…1)."""
    vector, away = nodes.vector[node], points - nodes.start[node]
    along = _dot(away, vector) / np.maximum(_dot(vector, vector), _TINY)
    away -= np.minimum(np.maximum(along, 0), 1) * vector
    return away, along


@dataclass(frozen=True)
class _Near:
    """The nodes that can be nearest to a point of each cell: ``count`` of them for each cell in turn."""

    node: Array
    count: Array
    of: Array
    begin: Array

    @classmethod
    def lists(cls, node: Array, count: Array) -> _Near:
        return cls(node, count, np.repeat(np.arange(len(count)), count), np.cumsum(count) - count)

    @classmethod
    def tops(cls, outline: Outline, row: Array) -> _Near:
        count = outline.tops[row]
        return cls.lists(outline.top[_ranges((np.cumsum(outline.tops) - outline.tops)[row], count)], count)

    def least(self, values: Array) -> Array:
        return np.asarray(np.minimum.reduceat(values, self.begin)) if len(self.begin) else np.empty(0)

    def least_at(self, values: Array) -> Array:
        """Return the position of the first least value of each cell."""
        at = np.flatnonzero(values == self.least(values)[self.of])
        return at[np.r_[True, self.of[at][1:] != self.of[at][:-1]]] if len(at) else at

    def keep(self, cells: Array, nodes: Array) -> _Near:
        kept = nodes & cells[self.of]
        return self.lists(self.node[kept], np.bincount(self.of[kept], minlength=len(self.count))[cells])

    def spread(self, source: Array) -> _Near:
        """Return the lists of new cells, each that of the cell at ``source``."""
        count = self.count[source]
        return self.lists(self.node[_ranges(self.begin[source], count)], count)

    def opened(self, nodes: _Nodes, limit: Array, longest: Array) -> _Near:
        """Replace chords that stray by more than the limit of their cell, or are too long for it, by their children.

        However little it strays, a chord does not tell a cell on a narrow strip that two straight edges hold it.
        """
        slack = nodes.slack[self.node]
        loose = (slack > limit[self.of]) | ((slack > 0) & (_size(nodes.vector[self.node]) > longest[self.of]))
        count = np.where(loose, nodes.count[self.node], 1)
        node = _ranges(np.where(loose, nodes.first[self.node], self.node), count)
        return self.lists(node, np.bincount(np.repeat(self.of, count), minlength=len(self.count)))


def _ranges(first: Array, count: Array) -> Array:
    """Return first…first + count - 1 of each, one after the other."""
    return np.asarray(np.repeat(first - np.cumsum(count) + count, count) + np.arange(count.sum()))


def _bar(best: Array) -> Array:
    """Return what must be passed to be worth a look."""
    return np.asarray(best * (1 + ACCURACY) + TOLERANCE_M)


# --- along an outline ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Stretches(_Rows):
    """Stretches of an outline, or chords over them: ends, slack and children as nodes have them."""

    start: Array
    end: Array
    slack: Array
    first: Array
    count: Array
    row: Array


def deepest_on(outline: Outline, part: Outline, best: Array) -> Array:
    """Return the greatest distance (m) of a point on the outline of each part from an outline, if beyond ``best``."""
    best = best.copy()
    cells = _stretches(part.nodes, part.top, np.repeat(np.arange(len(part.tops)), part.tops))
    near = _Near.tops(outline, cells.row)
    while len(cells.row):
        slack = outline.nodes.slack[near.node]
        at_start = _size(_from_nodes(outline.nodes, near.node, cells.start[near.of])[0])
        at_end = _size(_from_nodes(outline.nodes, near.node, cells.end[near.of])[0])
        np.maximum.at(best, cells.row, np.maximum(near.least(at_start - slack), near.least(at_end - slack)))
        bound, turn = _between(near, at_start + slack, at_end + slack)
        bound = bound + cells.slack
        alive = bound > _bar(best)[cells.row]
        length = _size(cells.end - cells.start)
        reach = (at_start + at_end - length[near.of]) / 2 - slack - cells.slack[near.of]
        near, cells, turn = near.keep(alive, reach <= bound[near.of]), cells.take(alive), turn[alive]
        cells, source = _halved(part.nodes, cells, turn)
        limit = np.where(cells.count > 0, LOOSE * _size(cells.end - cells.start), 0)
        near = near.spread(source).opened(outline.nodes, limit, np.full(len(limit), np.inf))
    return best


def _between(near: _Near, at_start: Array, at_end: Array) -> tuple[Array, Array]:
    """Return the bound that the nearest nodes at both ends set to a stretch, and where on it (0…1) they meet."""
    i, j = near.least_at(at_start), near.least_at(at_end)
    falls, rises = at_start[j] - at_start[i], at_end[i] - at_end[j]
    sides = np.maximum(falls + rises, _TINY)
    meet = (at_start[j] * at_end[i] - at_start[i] * at_end[j]) / sides
    # Halfway between two edges both sides are rounding only, and so is where they meet.
    meet = np.minimum(meet, np.minimum(np.maximum(at_start[i], at_end[i]), np.maximum(at_start[j], at_end[j])))
    return np.maximum(np.maximum(at_start[i], at_end[j]), meet), np.clip(falls / sides, 0.1, 0.9)


def _stretches(nodes: _Nodes, node: Array, row: Array) -> _Stretches:
    start = nodes.start[node]
    return _Stretches(start, start + nodes.vector[node], nodes.slack[node], nodes.first[node], nodes.count[node], row)


def _halved(nodes: _Nodes, cells: _Stretches, turn: Array) -> tuple[_Stretches, Array]:
    """Return the children of chords and the two sides of the turn of edges, and the cell each comes from."""
    inner = np.flatnonzero(cells.count > 0)
    edges = np.flatnonzero(cells.count == 0)
    below = np.repeat(inner, cells.count[inner])
    children = _stretches(nodes, _ranges(cells.first[inner], cells.count[inner]), cells.row[below])
    middle = cells.start[edges] + turn[edges] * (cells.end - cells.start)[edges]
    one, two = cells.take(edges), cells.take(edges)
    one.end[:], two.start[:] = middle, middle
    joined = (np.concatenate([getattr(part, column.name) for part in (children, one, two)])
              for column in fields(_Stretches))  # fmt: skip
    return _Stretches(*joined), np.concatenate([below, edges, edges])


# --- inside ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Squares(_Rows):
    """Squares of the plane: middle, half a side (m), and whether all of it is known to lie in its region."""

    middle: Array
    half: Array
    inside: Array
    row: Array

    @property
    def radius(self) -> Array:
        """Half the diagonal (m)."""
        return np.asarray(self.half * np.sqrt(2))


@dataclass(frozen=True)
class _Sight(_Rows):
    """Nodes as seen from the middle of their square: vector from the nearest point, its place, distance, slack."""

    foot: Array
    along: Array
    distance: Array
    slack: Array


def deepest_in(outline: Outline, regions: Array, best: Array, *, whole: bool) -> Array:
    """Return the greatest distance (m) from an outline at which a circle is held inside a region, if beyond ``best``.

    Parameters
    ----------
    regions : polygons; the outlines of what they are part of are those in ``outline``
    whole : the regions are what has the outlines, not parts of it
    """
    best = best.copy()
    shapely.prepare(regions)
    cells, near = _sifted(outline, regions, best, whole=whole)
    while len(cells.row):
        sight = _sight(outline.nodes, near, cells.middle)
        reach = sight.distance - sight.slack
        nearest, low = near.least_at(reach), near.least(reach)
        _reach(best, regions, (cells.row, cells.middle, low))
        # No point of a square is further from a node than the corner across.
        foot = sight.foot[nearest]
        most = np.hypot(np.abs(foot.real) + cells.half, np.abs(foot.imag) + cells.half) + sight.slack[nearest]
        alive = most > _bar(best)[cells.row]
        nodes = reach <= (most + cells.radius)[near.of]
        near, cells, sight, low = *_kept((near, cells, sight), alive, nodes), low[alive]
        tame = _tame(outline.nodes, near, cells, sight)
        alive = ~tame
        alive[tame] = _holds_more(outline.nodes, _kept((near, cells, sight), tame), best, regions)
        asked = np.flatnonzero(alive & (low > cells.radius) & ~cells.inside)
        alive[asked] = _meets(regions, cells.take(asked), whole=whole)
        cells.inside[asked] = alive[asked] & whole
        roomy = (low > 4 * cells.radius) & (near.count <= SQUARES)
        near, cells, sight = _kept((near, cells, sight), alive)
        near = near.opened(outline.nodes, np.where(roomy[alive], 0, LOOSE * cells.half), 4 * cells.half)
        source = np.repeat(np.arange(len(cells.row)), 4)
        near, cells = near.spread(source), _quartered(cells, source)
    shapely.destroy_prepared(regions)
    return best


def _sifted(outline: Outline, regions: Array, best: Array, *, whole: bool) -> tuple[_Squares, _Near]:
    """Return the small squares that the distance at their middle does not drop; raise ``best`` to the greatest one.

    GEOS has an index of the outline: while squares are so large that most of it can be near, that is quicker.
    """
    shapely.prepare(outline.lines)
    cells = _cover(regions)
    for size in range(SIFTINGS if whole else SIFTINGS - 1):  # parts have smaller squares as it is
        if size:
            cells = _quartered(cells, np.repeat(np.arange(len(cells.row)), 4))
        x, y = cells.middle.real, cells.middle.imag
        distance = shapely.distance(outline.lines[cells.row], shapely.points(x, y))
        held = shapely.contains_xy(regions[cells.row], x, y)
        np.maximum.at(best, cells.row[held], distance[held])
        # Beyond the outline of a whole region what is nearer than the outline is no part of it.
        most = np.where(held | (not whole), distance, -distance) + cells.radius
        alive = most > _bar(best)[cells.row]
        cells, distance = cells.take(alive), distance[alive]
    shapely.destroy_prepared(outline.lines)
    return cells, _within(outline, cells, distance + 2 * cells.radius)


def _within(outline: Outline, cells: _Squares, reach: Array) -> _Near:
    """Return the nodes no further from the middle of each square than its reach, chords opened as far as it asks."""
    near, limit = _Near.tops(outline, cells.row), LOOSE * cells.half
    every = np.ones(len(limit), bool)
    while True:
        away = _size(_from_nodes(outline.nodes, near.node, cells.middle[near.of])[0]) - outline.nodes.slack[near.node]
        near = near.keep(every, away <= reach[near.of] + TOLERANCE_M)
        if not (outline.nodes.slack[near.node] > limit[near.of]).any():
            return near
        near = near.opened(outline.nodes, limit, np.full(len(limit), np.inf))


def _cover(regions: Array) -> _Squares:
    """Cover the box of each region with squares of half its shorter side."""
    x0, y0, x1, y1 = shapely.bounds(regions).T
    wide, high = x1 - x0, y1 - y0
    side = np.maximum(np.minimum(wide, high) / 2, np.maximum(wide, high) / SQUARES)
    across, up = (np.ceil(length / side * (1 - 1e-9)).astype(np.int64) for length in (wide, high))
    row = np.repeat(np.arange(len(regions)), across * up)
    place = _ranges(np.zeros(len(regions), np.int64), across * up)
    middle = (x0 + 1j * y0)[row] + side[row] * (place % across[row] + 0.5 + 1j * (place // across[row] + 0.5))
    return _Squares(middle, side[row] / 2, np.zeros(len(row), bool), row)


def _quartered(cells: _Squares, source: Array) -> _Squares:
    quarters = cells.take(source)
    quarters.half[:] /= 2
    quarters.middle[:] += quarters.half * np.tile([-1 - 1j, 1 - 1j, -1 + 1j, 1 + 1j], len(cells.row))
    return quarters


def _sight(nodes: _Nodes, near: _Near, points: Array) -> _Sight:
    foot, along = _from_nodes(nodes, near.node, points[near.of])
    return _Sight(foot, along, np.maximum(_size(foot), _TINY), nodes.slack[near.node])


def _kept(
    seen: tuple[_Near, _Squares, _Sight], alive: Array, nodes: Array | None = None
) -> tuple[_Near, _Squares, _Sight]:
    """Return the cells that are alive, with what they see of the nodes (of those to keep)."""
    near, cells, sight = seen
    kept = alive[near.of] if nodes is None else nodes & alive[near.of]
    return near.keep(alive, kept), cells.take(alive), sight.take(kept)


def _reach(best: Array, regions: Array, found: tuple[Array, Array, Array]) -> None:
    """Raise ``best`` to the distances found at points (rows, points, distances) that lie in their region."""
    row, point, distance = found
    better = np.flatnonzero(distance > best[row])
    inside = shapely.contains_xy(regions[row[better]], point[better].real, point[better].imag)
    np.maximum.at(best, row[better[inside]], distance[better[inside]])


def _meets(regions: Array, cells: _Squares, *, whole: bool) -> Array:
    """Say which squares meet their region; those of whole regions are free of outlines, so one point tells."""
    x, y, half = cells.middle.real, cells.middle.imag, cells.half
    if whole:
        return np.asarray(shapely.contains_xy(regions[cells.row], x, y))
    return np.asarray(shapely.intersects(regions[cells.row], shapely.box(x - half, y - half, x + half, y + half)))


def _crossing(near: _Near, cells: _Squares, sight: _Sight) -> Array:
    return np.asarray(sight.distance - sight.slack < cells.radius[near.of])


def _tame(nodes: _Nodes, near: _Near, cells: _Squares, sight: _Sight) -> Array:
    """Say which squares are crossed by no outline, by one straight edge, or by two whose land lies between them.

    Land in such a square is all to the left of those edges, so that the distance to them goes on linearly through it.
    """
    across = np.flatnonzero(_crossing(near, cells, sight))
    of, node, along = near.of[across], near.node[across], sight.along[across]
    vector = nodes.vector[node]
    length, reach = _size(vector), cells.radius[of]
    bent = (along * length < reach) | ((1 - along) * length < reach) | (sight.slack[across] > 0)
    count = np.bincount(of, minlength=len(near.count))
    tame = np.asarray((count <= 2) & (np.bincount(of[bent], minlength=len(count)) == 0))
    two = np.flatnonzero((tame & (count == 2))[of])
    normal = _left_of(vector[two]) / length[two]
    beyond = _dot(normal, cells.middle[of[two]] - nodes.start[node[two]])
    one, other, cosine = beyond[::2], beyond[1::2], _dot(normal[::2], normal[1::2])
    tame[of[two[::2]]] = (one - other * cosine >= 0) & (other - one * cosine >= 0)
    return tame


@dataclass(frozen=True)
class _Sides(_Rows):
    """Nodes as the land in a tame cell sees them.

    Attributes
    ----------
    distance : of the middle; negative beyond an edge that crosses the cell
    away : unit vector from the node to the middle; of an edge that crosses, to its left
    excess : how far the distance may exceed its linear course anywhere in the cell (m)
    """

    distance: Array
    away: Array
    excess: Array


def _holds_more(nodes: _Nodes, seen: tuple[_Near, _Squares, _Sight], best: Array, regions: Array) -> Array:
    """Say which tame cells may hold a circle that is larger than the best; raise that where they hold one."""
    near, cells, sight = seen
    sides, seen_from, sway = _sides(nodes, near, cells, sight)
    nearest = near.least_at(sides.distance)
    own = sides.take(nearest)
    ahead = own.away[near.of]
    # A side this much further than the nearest one is nearest nowhere in the cell.
    lead = cells.half[near.of] * _spread(sides.away - ahead) + (own.excess + 1e-9)[near.of]
    may = (sides.distance - sight.slack <= own.distance[near.of] + lead) & (sway >= 0)
    turn = np.arctan2(_cross(ahead, seen_from), _dot(ahead, seen_from))
    left = -near.least(np.where(may, -turn - sway, np.inf))
    right = near.least(np.where(may, turn - sway, np.inf))
    first, last = near.least_at(np.where(may, -turn, np.inf)), near.least_at(np.where(may, turn, np.inf))
    bound, step = _balanced(own, sides.take(first), sides.take(last), cells.half)
    tried = np.flatnonzero((left - right >= np.pi - 1e-9) & (bound > _bar(best)[cells.row]))
    there, point = near.spread(tried), (cells.middle + step)[tried]
    at = _sight(nodes, there, point)
    _reach(best, regions, (cells.row[tried], point, there.least(at.distance - at.slack)))
    more = np.zeros(len(bound), bool)
    more[tried] = bound[tried] > _bar(best)[cells.row[tried]]
    return more


def _sides(nodes: _Nodes, near: _Near, cells: _Squares, sight: _Sight) -> tuple[_Sides, Array, Array]:
    """Return the nodes as their cells see them.

    Returns
    -------
    sides
    direction, sway : from where the node is nearest to land in the cell, and how far that may turn (rad); below 0
        where it is nearest to none
    """
    vector, reach, distance = nodes.vector[near.node], cells.radius[near.of], sight.distance
    length = np.maximum(_size(vector), _TINY)
    normal, away = _left_of(vector) / length, sight.foot / distance
    before, after = sight.along * length, (1 - sight.along) * length
    line = _dot(normal, cells.middle[near.of] - nodes.start[near.node])
    bend = reach**2 / (2 * np.maximum(distance - reach, _TINY))
    veer = _veer(nodes, near.node, reach - before, reach - after)
    crossing = _crossing(near, cells, sight)
    straight = crossing | ((veer < bend) & (line > reach))
    # Nothing is nearest to a corner of less than half a turn: such edges are nearest by their inside, or not at all.
    past = ((before < reach) & nodes.opens[near.node]) | ((after < reach) & nodes.closes[near.node])
    beside = (before > -reach) & (after > -reach)
    share = np.minimum(1, reach / distance)
    # No less than the arc sine; what hangs under a chord may point anywhere.
    sway = np.where(past, share + (np.pi / 2 - 1) * share**3, np.where(beside, 0, -9))
    direction = np.where(past, away, normal)
    sides = _Sides(np.where(straight, line, distance), np.where(straight, normal, away),
                   np.where(straight, veer, bend) + sight.slack)  # fmt: skip
    return sides, direction, np.where(sight.slack > 0, np.pi, sway)


def _veer(nodes: _Nodes, node: Array, before: Array, after: Array) -> Array:
    """Return how far outlines stray (m) from the straight course of their edges, so far before and after them."""
    back = np.where(before <= nodes.before[node], np.maximum(before, 0) * nodes.veers_before[node], np.inf)
    on = np.where(after <= nodes.after[node], np.maximum(after, 0) * nodes.veers_after[node], np.inf)
    return np.maximum(back, on)


def _balanced(own: _Sides, first: _Sides, last: _Sides, half: Array) -> tuple[Array, Array]:
    """Weigh three sides so that their directions balance; two where they face each other, or where none balance.

    Returns
    -------
    bound : weighted mean of their distances (m), the most there can be in a square of that half side
    step : vector to where they are equally far, or as near to it as the square allows
    """
    away = np.stack([own.away, first.away, last.away])
    distance = np.stack([own.distance, first.distance, last.distance])
    excess = np.stack([own.excess, first.excess, last.excess])
    cos, sin = _dot(away[0], away), _cross(away[0], away)
    weights = np.stack([_cross(away[1], away[2]), -sin[2], sin[1]])
    pair = (weights.min(axis=0) < 0) | (weights.sum(axis=0) < 1e-9)
    opposite = cos[1] <= cos[2]
    weights = np.where(pair, np.stack([np.ones(len(pair)), opposite, ~opposite]), weights)
    weights = weights / weights.sum(axis=0)
    level = (weights * distance).sum(axis=0)
    rest = half * _spread((weights * away).sum(axis=0))
    steep, at = 1 + (weights[2] * np.abs(sin[2]) > weights[1] * np.abs(sin[1])), np.arange(len(half))
    along, slope = level - distance[0], sin[steep, at]
    across = (level - distance[steep, at] - cos[steep, at] * along) / np.where(np.abs(slope) > 1e-6, slope, np.inf)
    step = along * away[0] + across * _left_of(away[0])
    step *= np.minimum(1, half / np.maximum(np.maximum(np.abs(step.real), np.abs(step.imag)), _TINY))
    return level + (weights * excess).sum(axis=0) + rest, step


def _spread(vector: Array) -> Array:
    """Return the furthest reach of a vector in a square of half side 1."""
    return np.asarray(np.abs(vector.real) + np.abs(vector.imag))
