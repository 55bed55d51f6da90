"""Areas of polygons in exact integer arithmetic: nothing is shared with the geometry engine.

On a vertical line every polygon is a set of intervals, and two sets of intervals share the length -½ Σ sₑ·s_f·|e - f|,
where e and f run through their ends and s is +1 at lower, -1 at upper ends. The area common to two polygons is that,
integrated: -½ Σ sₑ·s_f ∫|e(x) - f(x)| dx over all pairs of edges, each where both run. The sum asks for no crossing
points, no order of edges and no topology, so coinciding edges, single steps of a number and touching rings are no
special cases; each integral is a rational number. Coordinates are the binary fractions that they are, as integers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import shapely

#: Numerator and denominator (> 0).
Ratio = tuple[int, int]


class Edges(NamedTuple):
    """Edges that are not upright, from left to right, and their sides: +1 where the land lies above, -1 below.

    An edge is the line y = (rise·x + offset) / run for left ≤ x ≤ right.
    """

    edges: list[tuple[int, int, int, int, int, int]]  # left, right, run, rise, offset, side
    doubled: int  # twice the area


def shift_of(coordinates: np.ndarray) -> int:
    """The power of two that makes all coordinates integers."""
    fraction, exponent = np.frexp(coordinates[coordinates != 0])
    whole = (fraction * 2.0**53).astype(np.int64)
    zeros = np.frexp((whole & -whole).astype(float))[1] - 1
    return int(max((53 - zeros - exponent).max(initial=0), 0))


def integers(coordinates: np.ndarray, shift: int) -> list[tuple[int, int]]:
    """Coordinates in units of 2**-shift, from the first one; exact, and short for polygons far away."""
    scaled = np.ldexp(coordinates, shift)
    if np.abs(scaled).max(initial=0) < 2.0**62:
        units = scaled.astype(np.int64)
        return list(map(tuple, (units - units[:1]).tolist()))
    x, y = map(int, scaled[0].tolist())
    return [(int(a) - x, int(b) - y) for a, b in scaled.tolist()]


def edges_of(rings: list[tuple[list[tuple[int, int]], bool]]) -> Edges:
    """Every edge of every ring, hole or not, whatever the direction of the rings."""
    found, doubled = [], 0
    for points, is_hole in rings:
        turned = sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(points))
        land = -1 if is_hole else 1
        doubled += land * abs(turned)
        side = land if turned > 0 else -land
        for (left, low), (right, high) in pairwise(points):
            if left < right:
                run, rise = right - left, high - low
                found.append((left, right, run, rise, low * run - rise * left, side))
            elif left > right:
                run, rise = left - right, low - high
                found.append((right, left, run, rise, high * run - rise * right, -side))
    return Edges(sorted(found), doubled)


def added(ratios: Iterable[Ratio]) -> Ratio:
    """Their sum; in pairs, so that the numbers stay short."""
    row = list(ratios) or [(0, 1)]
    while len(row) > 1:
        odd = row[len(row) & ~1 :]
        row = [(a * d + c * b, b * d) for (a, b), (c, d) in zip(row[::2], row[1::2], strict=False)] + odd
    return row[0]


def common(one: Edges, other: Edges) -> Ratio:
    """Area common to two polygons."""
    linear = {edge[2]: 0 for edge in (*one.edges, *other.edges)}
    terms = []
    for left_e, right_e, run_e, rise_e, offset_e, side_e in one.edges:
        sum_e = 0
        for left_f, right_f, run_f, rise_f, offset_f, side_f in other.edges:
            if left_f >= right_e:
                break  # they are in order
            if right_f <= left_e:
                continue
            left = left_e if left_e > left_f else left_f
            right = right_e if right_e < right_f else right_f
            # (e - f)·run_e·run_f at both ends
            rise, offset = rise_e * run_f - rise_f * run_e, offset_e * run_f - offset_f * run_e
            first, last = rise * left + offset, rise * right + offset
            width = right - left
            sign = -side_e * side_f
            if first >= 0 <= last or first <= 0 >= last:
                # the integrals of e and of f, each doubled and times its run
                if first + last < 0:
                    sign = -sign
                both = left + right
                sum_e += sign * width * (rise_e * both + 2 * offset_e)
                linear[run_f] -= sign * width * (rise_f * both + 2 * offset_f)
            else:
                terms.append((sign * width * (first * first + last * last), 2 * run_e * run_f * abs(first - last)))
        linear[run_e] += sum_e
    terms += [(total, 2 * run) for run, total in linear.items() if total]
    numerator, denominator = added(terms)
    return numerator, 2 * denominator


class Areas(NamedTuple):
    """Exact areas of two polygons and of what they share; not cancelled down, which would take as long as the rest."""

    one: Ratio
    other: Ratio
    common: Ratio


Ring = tuple[np.ndarray, bool]


def rings_of(polygons: Sequence[shapely.Geometry]) -> list[list[Ring]]:
    """Coordinates of the rings of each polygon, and whether they are holes."""
    parts, of = shapely.get_parts(polygons, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    coordinates, ring = shapely.get_coordinates(rings, return_index=True)
    lines = np.split(coordinates, np.flatnonzero(np.diff(ring)) + 1)
    hole = (np.diff(part, prepend=-1) == 0).tolist()
    found: list[list[Ring]] = [[] for _ in polygons]
    for owner, line, is_hole in zip(of[part].tolist(), lines, hole, strict=True):
        found[owner].append((line, is_hole))
    return found


def laid_out(*polygons: list[Ring]) -> tuple[list[Edges], int]:
    """Edges of polygons in common units, and the shift of these."""
    coordinates = np.concatenate([line for rings in polygons for line, _ in rings])
    shift = shift_of(coordinates)
    points, start, found = integers(coordinates, shift), 0, []
    for rings in polygons:
        lines = []
        for line, is_hole in rings:
            lines.append((points[start : start + len(line)], is_hole))
            start += len(line)
        found.append(edges_of(lines))
    return found, shift


def areas(one: shapely.Geometry, other: shapely.Geometry) -> Areas:
    """Area of each of two valid polygons or multipolygons, and of what they have in common."""
    return areas_of_rings(*rings_of([one, other]))


def areas_of_rings(one: list[Ring], other: list[Ring]) -> Areas:
    """The same for the rings of two polygons; of many polygons they are found faster at once."""
    (first, second), shift = laid_out(one, other)
    square = 1 << (2 * shift)
    numerator, denominator = common(first, second)
    return Areas((first.doubled, 2 * square), (second.doubled, 2 * square), (numerator, denominator * square))


def box_area(bounds: Sequence[float]) -> Ratio:
    """Area of a box."""
    west, south, east, north = map(Fraction, bounds)
    return ((east - west) * (north - south)).as_integer_ratio()


def minus(ratio: Ratio) -> Ratio:
    return -ratio[0], ratio[1]


def rounded(*ratios: Ratio) -> float:
    """The number next to their sum."""
    numerator, denominator = added(ratios)
    return numerator / denominator


def intersection_area(one: shapely.Geometry, other: shapely.Geometry) -> Fraction:
    """Area common to two valid polygons or multipolygons."""
    return Fraction(*areas(one, other).common)


def difference_area(one: shapely.Geometry, other: shapely.Geometry) -> Fraction:
    """Area of the one without the other."""
    found = areas(one, other)
    return Fraction(*added([found.one, minus(found.common)]))


def union_area(one: shapely.Geometry, other: shapely.Geometry) -> Fraction:
    """Area of both together."""
    found = areas(one, other)
    return Fraction(*added([found.one, found.other, minus(found.common)]))
