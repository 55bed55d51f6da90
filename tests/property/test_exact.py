"""The exact areas against figures found by hand, counted cells, and polygons clipped edge by edge in fractions."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import shapely

from tests.property.exact import areas, difference_area, intersection_area, rounded, union_area

SQUARE = shapely.box(0, 0, 100, 100)
STEP = float(np.spacing(100.0))
BOARD = shapely.union_all(shapely.box([0, 1, 0, 2], [0, 1, 2, 2], [1, 2, 1, 3], [1, 2, 3, 3]))

#: name -> two polygons, area in common
BY_HAND = {
    "half in": (SQUARE, shapely.box(50, -50, 300, 300), 5000),
    "identical": (SQUARE, SQUARE, 10000),
    "one around the other": (SQUARE, shapely.box(-1, -1, 101, 101), 10000),
    "apart": (SQUARE, shapely.box(500, 0, 600, 100), 0),
    "above": (SQUARE, shapely.box(0, 500, 100, 600), 0),
    "common edge": (SQUARE, shapely.box(100, 0, 200, 100), 0),
    "common corner": (SQUARE, shapely.box(100, 100, 200, 200), 0),
    "diagonal": (SQUARE, shapely.Polygon([(0, 0), (200, 0), (0, 200)]), 10000),
    "edge along the diagonal": (SQUARE, shapely.Polygon([(0, 0), (100, 100), (0, 100)]), 5000),
    "touching rhombus": (SQUARE, shapely.Polygon([(50, -50), (150, 50), (50, 150), (-50, 50)]), 10000),
    "corners cut off": (SQUARE, shapely.Polygon([(50, -20), (120, 50), (50, 120), (-20, 50)]), 9800 - 4 * 400),
    "ring": (SQUARE, shapely.box(-9, -9, 109, 109) - shapely.box(20, 20, 80, 80), 6400),
    "hole filled exactly": (shapely.box(20, 20, 80, 80), SQUARE - shapely.box(20, 20, 80, 80), 0),
    "hole in a hole": (SQUARE - shapely.box(10, 10, 90, 90), SQUARE - shapely.box(20, 20, 80, 80), 3600),
    "parts": (SQUARE, shapely.MultiPolygon([shapely.box(0, 0, 10, 10), shapely.box(90, 90, 110, 110)]), 200),
    "parts that meet at corners": (shapely.box(0.5, 0, 2.5, 3), BOARD, 0.5 + 1 + 0.5 + 0.5),
    # x + y ≤ 1 and the strip x ≤ y ≤ x + 1/2 of the unit triangle: 1/4 - 1/16
    "thirds and sixteenths": (
        shapely.Polygon([(0, 0), (1, 0), (0, 1)]),
        shapely.Polygon([(0, 0), (1, 1), (1, 1.5), (0, 0.5)]),
        Fraction(3, 16),
    ),
    # the lines y = 3x and y = 1 - 2x meet at x = 1/5: a third of nothing in binary
    "fifths": (
        shapely.Polygon([(0, 0), (1, 3), (0, 3)]),
        shapely.Polygon([(0, 0), (0.5, 0), (0, 1)]),
        Fraction(1, 10),
    ),
    "one step in": (SQUARE, shapely.box(100 - STEP, 0, 200, 100), Fraction(STEP) * 100),
    "one step apart": (SQUARE, shapely.box(100 + STEP, 0, 200, 100), 0),
    "one step at a corner": (SQUARE, shapely.Polygon([(100, 0), (100, 100), (100 - STEP, 100)]), Fraction(STEP) * 50),
    "far away, one step": (
        shapely.box(30_385_000, 4_738_000, 30_385_100, 4_738_100),
        shapely.box(30_385_100 - 2.0**-28, 4_738_000, 30_385_200, 4_738_100),
        Fraction(100, 2**28),
    ),
}


@pytest.mark.parametrize(("one", "other", "area"), BY_HAND.values(), ids=list(BY_HAND))
def test_by_hand(one, other, area):
    assert intersection_area(one, other) == intersection_area(other, one) == area
    assert intersection_area(shapely.reverse(one), other) == area
    found = areas(one, other)
    whole, second = Fraction(*found.one), Fraction(*found.other)
    assert difference_area(one, other) == whole - area
    assert union_area(one, other) == whole + second - area
    assert rounded(found.common) == float(area)


# --- counted ---------------------------------------------------------------------------------------------------------


def board(rng, size):
    """Cells of a board, and their union as a polygon."""
    chosen = rng.random((size, size)) < 0.55
    row, column = np.nonzero(chosen)
    return chosen, shapely.union_all(shapely.box(column, row, column + 1, row + 1))


@pytest.mark.parametrize("seed", range(40))
def test_counted_cells(seed):
    """On whole numbers the cells are counted; slanted by a matrix of determinant one they keep their number."""
    rng = np.random.default_rng(seed)
    (a, one), (b, other) = board(rng, 6), board(rng, 6)
    matrix = np.linalg.matrix_power(np.array([[2, 1], [1, 1]]), seed % 4)
    at = rng.integers(-40_000_000, 40_000_000, 2)
    one, other = (shapely.transform(shape, lambda xy: xy @ matrix + at) for shape in (one, other))
    assert intersection_area(one, other) == (a & b).sum()
    assert difference_area(one, other) == (a & ~b).sum()
    assert union_area(one, other) == (a | b).sum()


# --- clipped ---------------------------------------------------------------------------------------------------------


def clipped(points, a, b):
    """The part of a convex polygon to the left of a line through a and b."""

    def side(p):
        return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])

    found = []
    for p, q in pairwise([*points, points[0]]):
        if side(p) >= 0:
            found.append(p)
        if (side(p) > 0 > side(q)) or (side(p) < 0 < side(q)):
            share = side(p) / (side(p) - side(q))
            found.append((p[0] + share * (q[0] - p[0]), p[1] + share * (q[1] - p[1])))
    return found


def by_clipping(one, other):
    """Area common to two convex polygons: the one clipped along every edge of the other, in fractions."""
    points, border = ([tuple(map(Fraction, p)) for p in shapely.get_coordinates(shape)[:-1]] for shape in (one, other))
    for a, b in pairwise([*border, border[0]]):
        points = clipped(points, a, b) if points else points
    return sum((p[0] * q[1] - q[0] * p[1] for p, q in pairwise([*points, *points[:1]])), Fraction(0)) / 2


@pytest.mark.parametrize("seed", range(60))
def test_clipped_in_fractions(seed):
    rng = np.random.default_rng(seed)
    origin = [(0, 0), (385_000.4, 4_738_000.3), (30_385_000.1, 4_738_000.7)][seed % 3]
    scale = [500, 0.001, 3][seed // 3 % 3]
    one, other = (
        shapely.orient_polygons(shapely.convex_hull(shapely.multipoints(rng.normal(size=(9, 2)) * scale + origin)))
        for _ in range(2)
    )
    if seed % 5 == 0:  # two corners in common
        other = shapely.convex_hull(shapely.multipoints([*other.exterior.coords[:4], *one.exterior.coords[:2]]))
        other = shapely.orient_polygons(other)
    assert intersection_area(one, other) == by_clipping(one, other)
