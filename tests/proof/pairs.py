"""Pairs of polygons that an overlay may get wrong: pair ``n`` of a seed is always the same.

Families are drawn in metres around a middle, then moved to their place: each pair of a chunk has a square of its own,
so that a chunk can be laid over another in one call. What must happen there and nowhere else (rounding to the digits
of a file, single steps of a number) happens after the move.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import shapely

from controllines.crs import Plane, recognise
from tests.proof.published import PUBLISHED, published

Array = np.ndarray
Rng = np.random.Generator
Geometry = shapely.Geometry
Drawn = tuple[Geometry, Geometry]

#: Pairs of one call, on a board of so many squares in a row, of so many metres; large ones on a board beside it.
CHUNK, ROW, SQUARE_M = 1000, 32, 4000.0
LARGE_ROW, LARGE_M, LARGE_FROM_M = 8, 80_000.0, 200_000.0
#: One pair of so many lies where others lie, too: at the origin itself.
ALONE = 199
#: name -> origin (m): middle of a county plane, Gauss–Krüger without and with zone prefix; degrees go to the plane.
ORIGINS = {
    "local": (0.0, 0.0),
    "plane": (-48_000.0, -61_000.0),
    "gk6": (385_000.0, 4_738_000.0),
    "gk8": (30_385_000.0, 4_738_000.0),
    "lonlat": (-60_000.0, -70_000.0),
}
MIDDLE = Plane(88, 43)


class Pair(NamedTuple):
    """Two valid polygons or multipolygons with area; ``alone``: they have no square of their own."""

    family: str
    origin: str
    one: Geometry
    other: Geometry
    alone: bool


# --- shapes, in metres around (0, 0) ---------------------------------------------------------------------------------


def ring(rng: Rng, corners: int, low: float = 0.3) -> Array:
    """A star-shaped ring of radius ≤ 1, counter-clockwise."""
    angle = (np.arange(corners) + rng.uniform(-0.4, 0.4, corners)) * (2 * np.pi / corners)
    return np.column_stack([np.cos(angle), np.sin(angle)]) * rng.uniform(low, 1, corners)[:, None]


def somewhere(rng: Rng, size: float) -> Array:
    return rng.uniform(-size, size, 2)


def turned(xy: Array, angle: float) -> Array:
    cos, sin = np.cos(angle), np.sin(angle)
    return xy @ np.array([[cos, sin], [-sin, cos]])


def polygon(shell: Array, *holes: Array) -> Geometry:
    return shapely.polygons(shell, [shapely.linearrings(hole) for hole in holes] or None)


def star(rng: Rng, size: float = 500, corners: int = 24) -> Geometry:
    return polygon(ring(rng, int(rng.integers(4, corners))) * size + somewhere(rng, 0.6 * size))


def convex(rng: Rng) -> Geometry:
    return shapely.convex_hull(shapely.multipoints(rng.uniform(-500, 500, (int(rng.integers(4, 12)), 2))))


def holed(rng: Rng) -> Geometry:
    """A star with holes: one around the middle, or up to three beside each other."""
    shell = ring(rng, int(rng.integers(8, 16)), 0.7)
    if rng.random() < 0.5:
        holes = [ring(rng, int(rng.integers(3, 9))) * 0.6]
    else:
        places = turned(np.array([[0.35, 0.0], [-0.18, 0.31], [-0.18, -0.31]]), rng.uniform(0, 7))
        holes = [ring(rng, int(rng.integers(3, 7))) * 0.25 + place for place in places[: int(rng.integers(1, 4))]]
    move = somewhere(rng, 300)
    return polygon(shell * 500 + move, *(hole * 500 + move for hole in holes))


def fractal(rng: Rng) -> Geometry:
    """A ring whose edges were halved and moved sideways three times: 24 to 48 corners."""
    xy = ring(rng, int(rng.integers(3, 7)), 0.6) * 450 + somewhere(rng, 250)
    for _ in range(3):
        ahead = np.roll(xy, -1, axis=0)
        aside = (ahead - xy)[:, ::-1] * [1.0, -1.0] * rng.uniform(-0.22, 0.22, (len(xy), 1))
        xy = np.stack([xy, (xy + ahead) / 2 + aside], axis=1).reshape(-1, 2)
    return polygon(xy)


def cells(rng: Rng, size: float) -> Geometry:
    """Squares of a board put together: holes and parts that touch at corners, edges that coincide."""
    row, column = np.nonzero(rng.random((5, 5)) < 0.55)
    boxes = shapely.box(column * size, row * size, (column + 1) * size, (row + 1) * size)
    return shapely.coverage_union_all(boxes)


def parts(rng: Rng) -> Geometry:
    """A few stars, each in a square of its own."""
    squares = rng.choice(9, int(rng.integers(2, 6)), replace=False)
    places = np.column_stack([squares % 3, squares // 3]) * 330.0 - 330 + somewhere(rng, 150)
    return shapely.multipolygons([polygon(ring(rng, int(rng.integers(3, 8))) * 164 + at) for at in places])


def strip(rng: Rng) -> Geometry:
    """A millimetre to a metre wide, ten metres to a kilometre long."""
    width, length = 10 ** rng.uniform(-3, 0), 10 ** rng.uniform(1, 3)
    along = np.linspace(-length / 2, length / 2, int(rng.integers(2, 8)))
    sides = [np.column_stack([along, np.zeros(len(along))]), np.column_stack([along[::-1], np.full(len(along), width)])]
    return polygon(turned(np.concatenate(sides), rng.uniform(0, np.pi)) + somewhere(rng, 30))


# --- pairs of them ---------------------------------------------------------------------------------------------------


def outline(polygon: Geometry) -> Array:
    return shapely.get_coordinates(shapely.get_exterior_ring(polygon))


def beside(rng: Rng) -> Drawn:
    """A star and a polygon that runs along one of its edges, with corners of its own on it."""
    one = star(rng, corners=12)
    a, b = outline(one)[:2]
    border = a + np.sort(rng.uniform(-0.3, 1.3, int(rng.integers(2, 6))))[:, None] * (b - a)
    side = (b - a)[::-1] * [1.0, -1.0] * rng.choice([-1, 1])
    return one, polygon(np.array([*border, border[-1] + side, border[0] + side]))


def split(rng: Rng) -> Drawn:
    """Parts of one star as a GIS cuts them: both sides of a line, or a side and the whole."""
    whole = star(rng) if rng.random() < 0.5 else holed(rng)
    side = polygon(turned(np.array([[-2e3, 0], [2e3, 0], [2e3, 2e3], [-2e3, 2e3]]), rng.uniform(0, 7)))
    inside = shapely.intersection(whole, side)
    return inside, (shapely.difference(whole, side) if rng.random() < 0.5 else whole)


def densified(rng: Rng) -> Drawn:
    """One outline with corners on its edges, a few of them other ones in the second."""
    one = star(rng, corners=12)
    return shapely.segmentize(one, rng.uniform(50, 200)), shapely.segmentize(one, rng.uniform(50, 200))


def needle(rng: Rng) -> Drawn:
    """A triangle far thinner than the steps of a file, alone or as a hole, and a polygon whose edges cross it."""
    length = 10 ** rng.uniform(0, 2.5)
    middle = rng.uniform(0.05, 0.95) * length
    thin = turned(np.array([[0, 0], [length, 0], [middle, 10 ** rng.uniform(-10, -2)]]), rng.uniform(0, 7))
    thin -= thin.mean(axis=0)
    shell = ring(rng, int(rng.integers(6, 12)), 0.8) * 1.5 * length
    one = polygon(shell, thin) if rng.random() < 0.5 else polygon(thin)
    if rng.random() < 0.3:  # an upright edge, as in published cases
        low, high = np.sort(rng.uniform(-0.6, 0.6, (2, 2)) * length, axis=0)
        return one, shapely.box(*low, *high)
    return one, polygon(ring(rng, int(rng.integers(3, 8))) * length + somewhere(rng, length / 2))


def through(rng: Rng) -> Drawn:
    """A star and a polygon with a corner in each of its first ones and others on its edges."""
    one = star(rng, corners=10)
    xy = outline(one)
    picks = np.sort(rng.choice(len(xy) - 1, 3, replace=False))
    share = rng.choice([0.0, 0.5, 1.0, rng.random()], 3)[:, None]
    return one, polygon(xy[picks] + share * (xy[picks + 1] - xy[picks]))


def on_board(rng: Rng) -> Drawn:
    size = float(rng.choice([100.0, 50.0, 100 / 3, 0.1 * 700]))
    one, other = cells(rng, size), cells(rng, size / rng.integers(1, 3))
    shift = rng.integers(-2, 3, 2) * size
    return one, shapely.transform(other, lambda xy: xy + shift)


def twice(draw: Callable[[Rng], Geometry]) -> Callable[[Rng], Drawn]:
    return lambda rng: (draw(rng), draw(rng))


def same(rng: Rng) -> Drawn:
    one = star(rng, corners=16)
    return one, one


def large(rng: Rng) -> Drawn:
    """From 100 ha to a whole township."""
    size = 10 ** rng.uniform(3, 4.3)
    return star(rng, size), star(rng, size * 10 ** rng.uniform(-1.5, 0))


def known(rng: Rng) -> Drawn:
    """A pair that GEOS is known to fail on, mirrored and in half or double size: all its numbers keep their digits."""
    size = 2.0 ** rng.integers(-1, 3) * rng.choice([-1, 1], 2)
    ahead = rng.random() < 0.5

    def mirrored(xy: Array) -> Array:
        return (xy if ahead else xy[:, ::-1]) * size

    one, other = published(list(PUBLISHED)[rng.integers(len(PUBLISHED))])
    return shapely.transform(one, mirrored), shapely.transform(other, mirrored)


FAMILIES: dict[str, Callable[[Rng], Drawn]] = {
    "convex": twice(convex),
    "stars": twice(star),
    "holes": twice(holed),
    "fractal": twice(fractal),
    "fractal on star": lambda rng: (star(rng), fractal(rng)),
    "board": on_board,
    "parts": twice(parts),
    "parts and holes": lambda rng: (holed(rng), parts(rng)),
    "beside": beside,
    "split": split,
    "densified": densified,
    "through corners": through,
    "one step apart": same,
    "thin on star": lambda rng: (star(rng), strip(rng)),
    "thin on thin": twice(strip),
    "needle": needle,
    "large": large,
    "published": known,
}
#: Each of these goes on with single steps of a number added to some of the coordinates of the second.
STEPPED = {"one step apart": 1.0, "beside": 0.3, "densified": 0.3, "through corners": 0.3, "split": 0.2, "board": 0.3}


# --- in their place --------------------------------------------------------------------------------------------------


@cache
def to_plane() -> Any:
    return MIDDLE.forward(recognise("EPSG:4490"))


def from_degrees(xy: Array, digits: int) -> Array:
    """Into the plane by way of longitude and latitude with so many decimals."""
    degrees = np.round(xy * [1 / 81_400, 1 / 111_000] + [88, 43], digits)
    return np.column_stack(to_plane().transform(*degrees.T))


def changed(pair_of: Drawn | Array, change: Callable[[Array], Array]) -> Array:
    """Both shapes with other coordinates."""
    both = np.array(pair_of, dtype=object)
    return shapely.set_coordinates(both, change(shapely.get_coordinates(both)))


def stepped(rng: Rng, polygon: Geometry) -> Geometry:
    """Move some coordinates by up to three of the smallest steps; a ring stays closed."""
    xy, place = np.unique(shapely.get_coordinates(polygon), axis=0, return_inverse=True)
    moves = rng.integers(-3, 4, xy.shape) * (rng.random(xy.shape) < 0.5) * np.spacing(np.abs(xy))
    return changed([polygon], lambda _: (xy + moves)[place])[0]


def usable(both: Array) -> bool:
    kind = shapely.get_type_id(both)
    good = ((kind == 3) | (kind == 6)) & shapely.is_valid(both) & (shapely.area(both) > 0)
    return bool(good.all())


def to_the_middle(one: Geometry, other: Geometry) -> Drawn:
    corner = np.floor(shapely.get_coordinates(one)[0])
    return tuple(changed((one, other), lambda xy: xy - corner))


def square(number: int, family: str) -> Array:
    """South-west corner (m) of the square that a pair has for itself."""
    place = number % CHUNK
    if family != "large":
        return SQUARE_M * np.array([place % ROW, place // ROW])
    place //= len(FAMILIES)
    return LARGE_M * np.array([place % LARGE_ROW, place // LARGE_ROW]) + [LARGE_FROM_M, 0]


def pair(seed: int, number: int) -> Pair:
    """Return pair ``number`` of a seed."""
    rng = np.random.default_rng([seed, number])
    family = list(FAMILIES)[number % len(FAMILIES)]
    alone = number % ALONE == 0
    origin = "local" if alone else list(ORIGINS)[number // CHUNK % len(ORIGINS)]
    at = np.array(ORIGINS[origin]) + (0 if alone else square(number, family)) + rng.uniform(0, 100, 2)
    as_given = alone and family == "published"
    for _ in count():
        drawn = FAMILIES[family](rng)
        if as_given:
            return Pair(family, origin, *drawn, alone)
        if family == "published":
            drawn = to_the_middle(*drawn)
        decimals = (20, 20, 4, 3, 2)[rng.integers(5)]

        def move(xy: Array, decimals: int = decimals) -> Array:
            there = xy + at if decimals == 20 else np.round(xy + at, decimals)
            return from_degrees(there, min(decimals, 10) + 5) if origin == "lonlat" else there

        both = changed(drawn, move)
        if rng.random() < STEPPED.get(family, 0):
            both[1] = stepped(rng, both[1])
        if usable(both):
            return Pair(family, origin, *(both if rng.random() < 0.5 else both[::-1]), alone)
    raise AssertionError
