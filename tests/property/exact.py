"""Area of an intersection in exact rational arithmetic: nothing is shared with the geometry engine.

Between two neighbouring ordinates at which an edge begins, ends or crosses another, the common land is a row of
trapezoids; so its width half-way up times the height is exact. Coordinates are the binary fractions that they are.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise, product

import shapely

Point = tuple[Fraction, Fraction]
Edge = tuple[Point, Point]


def edges_of(polygon: shapely.Geometry) -> list[Edge]:
    """Every edge of every ring that is not level, from its lower to its upper end."""
    found = []
    for ring in shapely.get_rings(shapely.get_parts(polygon)):
        points = [(Fraction(x), Fraction(y)) for x, y in shapely.get_coordinates(ring).tolist()]
        found += [tuple(sorted(pair, key=lambda p: p[1])) for pair in pairwise(points) if pair[0][1] != pair[1][1]]
    return found


def crossing(one: Edge, other: Edge) -> Fraction | None:
    """The ordinate at which the lines of two edges cross, if both edges reach it."""
    (ax, ay), (bx, by) = one
    (cx, cy), (dx, dy) = other
    low, high = max(ay, cy), min(by, dy)
    if low >= high:
        return None
    across = (bx - ax) * (dy - cy) - (dx - cx) * (by - ay)
    if across == 0:
        return None
    # x(y) of both lines, set equal
    y = ((cx - ax) * (by - ay) * (dy - cy) + ay * (bx - ax) * (dy - cy) - cy * (dx - cx) * (by - ay)) / across
    return y if low < y < high else None


def spans(edges: list[Edge], y: Fraction) -> list[tuple[Fraction, Fraction]]:
    """The stretches of a level line inside a valid polygon (even-odd)."""
    cuts = sorted(a[0] + (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) for a, b in edges if a[1] < y < b[1])
    return list(zip(cuts[::2], cuts[1::2], strict=True))


def intersection_area(one: shapely.Geometry, other: shapely.Geometry) -> Fraction:
    """Exact area common to two valid polygons or multipolygons."""
    first, second = edges_of(one), edges_of(other)
    levels = {point[1] for edge in (*first, *second) for point in edge}
    levels |= {y for pair in product(first, second) if (y := crossing(*pair)) is not None}
    total = Fraction(0)
    for low, high in pairwise(sorted(levels)):
        middle = (low + high) / 2
        rows = product(spans(first, middle), spans(second, middle))
        width = sum((max(min(a[1], b[1]) - max(a[0], b[0]), Fraction(0)) for a, b in rows), Fraction(0))
        total += width * (high - low)
    return total
