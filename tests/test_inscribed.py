"""Deepest points and largest circles: by hand, against plain cell halving on GEOS distances, and at any size."""

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon, affinity, box

from controllines import inscribed
from controllines.inscribed import ACCURACY, TOLERANCE_M, deepest_in, deepest_on, outline_of


def as_array(*shapes):
    return np.array(shapes, dtype=object)


def width(*shapes):
    return 2 * deepest_in(outline_of(as_array(*shapes)), as_array(*shapes), np.zeros(len(shapes)), whole=True)


def depth(within, part):
    outline, part = outline_of(as_array(within)), as_array(part)
    return deepest_in(outline, part, deepest_on(outline, outline_of(part), np.zeros(1)), whole=False)[0]


def about(value):
    """Twice the accuracy that is stated: widths are two distances."""
    return pytest.approx(value, rel=2 * ACCURACY, abs=2 * TOLERANCE_M)


# --- by hand ---------------------------------------------------------------------------------------------------------

CIRCLE = shapely.Point(0, 0)
HEXAGON = Polygon([(math.cos(n * math.pi / 3), math.sin(n * math.pi / 3)) for n in range(6)])
WIDTHS = {
    "rectangle": (box(0, 0, 300, 7), 7),
    "strip of a millimetre, a kilometre long": (box(0, 0, 1000, 0.001), 0.001),
    "3-4-5 triangle": (Polygon([(0, 0), (400, 0), (0, 300)]), 200),
    # 2·area / perimeter, the inradius of a triangle, twice
    "needle": (Polygon([(0, 0), (1000, 0), (1000, 0.5)]), 2 * 500 / (1000.5 + math.hypot(1000, 0.5))),
    "regular hexagon": (affinity.scale(HEXAGON, 100, 100), 100 * math.sqrt(3)),
    # r touches both outer sides and the inner corner: (40 - r)·√2 = r
    "L": (box(0, 0, 100, 100) - box(40, 40, 100, 100), 80 * math.sqrt(2) / (1 + math.sqrt(2))),
    "square ring": (box(0, 0, 100, 100) - box(40, 40, 60, 60), 80 * math.sqrt(2) / (1 + math.sqrt(2))),
    "hole off the middle": (box(0, 0, 100, 30) - box(90, 10, 95, 20), 30),
    "parts": (shapely.union_all([box(0, 0, 9, 9), box(20, 0, 30, 10), box(40, 0, 200, 3)]), 10),
    "parts that touch at a corner": (shapely.MultiPolygon([box(0, 0, 10, 10), box(10, 10, 22, 22)]), 12),
    # Between the right side and the long edge of the hole; the corners above and below are narrower.
    "hole that touches the outline": (
        Polygon([(0, 0), (100, 0), (100, 100), (0, 100)], [[(0, 50), (20, 30), (20, 70)]]), 80,
    ),
    "long edges split in many": (shapely.segmentize(box(0, 0, 3000, 40), 7), 40),
}  # fmt: skip


@pytest.mark.parametrize("turn", [0, 17, 90, 211.3])
@pytest.mark.parametrize(("shape", "expected"), WIDTHS.values(), ids=list(WIDTHS))
def test_widths_by_hand(shape, expected, turn):
    turned = affinity.translate(affinity.rotate(shape, turn, origin=(0, 0)), 1234.5, -987.6)
    assert width(turned)[0] == about(expected)


def test_a_ring_of_arcs():
    """Between a 2 000-gon of radius 100 and one of 80 with its corners on the same rays."""
    ring = CIRCLE.buffer(100, quad_segs=500) - CIRCLE.buffer(80, quad_segs=500)
    # From a corner of the inner outline to the middle of an outer edge beside it, but for parts of a millionth.
    assert width(ring)[0] == pytest.approx(20, rel=1e-5)


SAW_PITCH, SAW_HEIGHT = 0.5, 100.0


def saw(teeth, pitch=SAW_PITCH, height=SAW_HEIGHT, tooth=2.0):
    """A strip whose upper side is a saw: valleys on y = height, tips above."""
    x = np.arange(2 * teeth + 1) * pitch / 2
    y = height + tooth * (np.arange(2 * teeth + 1) % 2)
    return Polygon(np.concatenate([[(0, 0), (x[-1], 0)], np.column_stack([x, y])[::-1]]))


@pytest.mark.parametrize("teeth", [800, pytest.param(20_000, marks=pytest.mark.slow)])
def test_depth_of_a_saw_of_forty_thousand_vertices(teeth):
    """The circle stands on the lower side and touches two valleys: r² = (pitch / 2)² + (height - r)²."""
    shape = saw(teeth)
    deepest = SAW_HEIGHT / 2 + SAW_PITCH**2 / (8 * SAW_HEIGHT)
    assert depth(shape, shape) == about(deepest)
    assert width(shape)[0] == about(2 * deepest)
    # The deepest of a strip under the saw lies on its lower side, midway between two valleys ten metres off.
    strip = box(shape.bounds[2] / 4, SAW_HEIGHT - 10, shape.bounds[2] / 2, SAW_HEIGHT)
    assert depth(shape, strip) == about(math.hypot(SAW_PITCH / 2, 10))
    tooth = shapely.intersection(shape, box(100, SAW_HEIGHT, 150, SAW_HEIGHT + 9))
    assert depth(shape, tooth) < 0.3


@pytest.mark.parametrize("count", [612, 122_346])
def test_a_wheel_of_122346_vertices(count):
    """All valleys lie on one circle: it is the largest inside, and everything holds it at once."""
    angle = 2 * np.pi * np.arange(count) / count
    wheel = Polygon(np.column_stack([np.cos(angle), np.sin(angle)]) * (5000 + np.arange(count) % 2)[:, None])
    assert width(wheel)[0] == about(10_000)
    sector = box(0, 0, 3000, 3000)
    assert depth(wheel, sector) == about(5000)
    # What is left of the radius beyond the corner of the box; the outline lies between two circles a metre apart.
    left = 5000 - math.hypot(3000, 1000)
    assert left <= depth(wheel, box(3000, 1000, 3900, 1100)) <= left + 1


@pytest.mark.parametrize("narrow", [1, 0.01, 0.001])
def test_a_long_strip_slightly_bent(monkeypatch, narrow):
    """27 km, split every 70 m, as straight edges of another projection are: the work grows with the vertices only."""
    honest, looked_at = inscribed._sight, []
    monkeypatch.setattr(
        inscribed, "_sight", lambda nodes, near, at: looked_at.append(len(at)) or honest(nodes, near, at)
    )

    def bent(drawn):
        split = shapely.segmentize(drawn, 70)
        return shapely.transform(split, lambda xy: xy + [[0, 1]] * (1e-8 * (xy[:, :1] - 13_500) ** 2))

    strip, parcel = bent(box(0, 0, 27_000, narrow)), bent(box(0, 0, 27_000, 50))
    assert width(affinity.rotate(strip, 31))[0] == about(narrow)
    assert depth(parcel, strip) == about(narrow)
    assert sum(looked_at) < 1000 * shapely.get_num_coordinates(strip)


def test_no_shapes():
    none = np.empty(0, dtype=object)
    assert len(deepest_in(outline_of(none), none, np.zeros(0), whole=True)) == 0
    assert len(deepest_on(outline_of(none), outline_of(none), np.zeros(0))) == 0


# --- random shapes ---------------------------------------------------------------------------------------------------


def rough(line, rng, times, by):
    """Move the middles of the edges of a ring, again and again, ever less."""
    for _ in range(times):
        step = np.roll(line, -1, axis=0) - line
        middle = line + step / 2 + rng.normal(0, by, (len(line), 1)) * np.column_stack([-step[:, 1], step[:, 0]])
        line = np.stack([line, middle], axis=1).reshape(-1, 2)
    return line


def shape(rng):
    """A polygon, or several: star, rough star, comb, with holes, in pieces; valid."""
    corners = int(rng.integers(3, 14))
    angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
    reach = rng.uniform(0.2, 1, corners) if rng.random() < 0.6 else np.ones(corners)
    ring = np.column_stack([np.cos(angle), np.sin(angle)]) * reach[:, None] * [1, rng.choice([1, 0.3, 0.02])]
    drawn = Polygon(rough(ring, rng, int(rng.integers(0, 5)), rng.choice([0.02, 0.15])))
    drawn = shapely.make_valid(drawn, method="structure")
    if rng.random() < 0.4:
        drawn = drawn - shapely.MultiPoint(rng.uniform(-0.6, 0.6, (4, 2))).buffer(rng.uniform(0.01, 0.2), quad_segs=3)
    if rng.random() < 0.2:
        drawn = drawn - shapely.union_all([box(x, -2, x + 0.03, 0.1) for x in np.linspace(-0.9, 0.9, 9)])
    drawn = shapely.make_valid(
        affinity.rotate(affinity.scale(drawn, 100, 100), rng.uniform(0, 360)), method="structure"
    )
    return drawn if drawn.area > 1 else box(0, 0, 10, 10)


def halved(within, part, share=2e-3):
    """Greatest distance from the boundary by plain halving: bounds from below and above, a hundredth or so apart."""
    edge, best = shapely.boundary(within), 0.0
    shapely.prepare(part)
    x0, y0, x1, y1 = part.bounds
    half = max(x1 - x0, y1 - y0) / 2
    x, y = np.array([(x0 + x1) / 2]), np.array([(y0 + y1) / 2])
    nodes = shapely.points(shapely.get_coordinates(shapely.segmentize(part, half / 50)))
    best = float(shapely.distance(nodes, edge).max())
    while True:
        away = shapely.distance(shapely.points(x, y), edge)
        best = max(best, float(away[shapely.contains_xy(part, x, y)].max(initial=0)))
        most = away + half * math.sqrt(2)
        alive = (most > best) & shapely.intersects(part, shapely.box(x - half, y - half, x + half, y + half))
        if half * math.sqrt(2) < share * best or alive.sum() > 20_000:
            return best, max(best, float(most[alive].max(initial=0)))
        half /= 2
        x, y = (np.concatenate([a[alive] + s * half for s in signs])
                for a, signs in ((x, (-1, 1, -1, 1)), (y, (-1, -1, 1, 1))))  # fmt: skip


seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=40)
@given(seeds)
def test_random_shapes_against_plain_halving(seed):
    rng = np.random.default_rng(seed)
    within = shape(rng)
    x, y = rng.uniform(-80, 60, 2)
    part = shapely.intersection(within, affinity.rotate(box(x, y, x + rng.uniform(5, 150), y + rng.uniform(5, 60)), 30))
    part = within if shapely.area(part) < 1e-3 or part.geom_type not in {"Polygon", "MultiPolygon"} else part
    low, high = halved(within, within)
    assert low * (1 - ACCURACY) - TOLERANCE_M <= width(within)[0] / 2 <= high
    low, high = halved(within, part)
    assert low * (1 - ACCURACY) - TOLERANCE_M <= depth(within, part) <= high


@settings(max_examples=20)
@given(seeds, st.floats(0, 360), st.floats(0.2, 30), st.integers(0, 100))
def test_place_turn_size_and_start_do_not_matter(seed, turn, size, start):
    rng = np.random.default_rng(seed)
    within = shape(rng)
    x, y = rng.uniform(-80, 60, 2)
    part = shapely.intersection(within, box(x, y, x + 70, y + 50))
    part = within if shapely.area(part) < 1 or part.geom_type not in {"Polygon", "MultiPolygon"} else part

    def moved(drawn):
        return affinity.translate(
            affinity.scale(affinity.rotate(drawn, turn, (0, 0)), size, size, origin=(0, 0)), 5e3, -2e3
        )

    def restarted(drawn):
        def turned(ring):
            return np.roll(shapely.get_coordinates(ring)[:-1], start, axis=0)[::-1]

        return shapely.MultiPolygon([Polygon(turned(p.exterior), [turned(h) for h in p.interiors])
                                     for p in shapely.get_parts(drawn)[::-1]])  # fmt: skip

    expected = width(within)[0], depth(within, part)
    for change, scale in ((moved, size), (restarted, 1)):
        found = width(change(within))[0], depth(change(within), change(part))
        assert found == pytest.approx([scale * value for value in expected], rel=2 * ACCURACY, abs=2 * TOLERANCE_M)


def test_two_nearest_edges_that_meet_within_rounding():
    """Where the search along the outline had come down to the point halfway between two edges, it never ended."""
    within = Polygon([(143.8, 37.7), (-45.1, 59.3), (-122.5, 73.2), (-115.2, 3.9), (-30.2, -49), (11, -113.9)])
    part = shapely.intersection(within, box(-200, -200, 3.2, 200))
    low, high = halved(within, part)
    assert low * (1 - ACCURACY) - TOLERANCE_M <= depth(within, part) <= high


def test_company_does_not_matter():
    rng = np.random.default_rng(5)
    shapes = np.array([shape(rng) for _ in range(40)], dtype=object)
    alone = np.concatenate([width(*shapes[n : n + 1]) for n in range(len(shapes))])
    assert width(*shapes).tolist() == alone.tolist()
    assert width(*shapes[::-1])[::-1].tolist() == alone.tolist()


def test_what_was_found_is_kept():
    """A search that starts from more than there is finds nothing more."""
    square, best = np.array([box(0, 0, 10, 10)], dtype=object), np.array([7.0])
    outline = outline_of(square)
    assert deepest_in(outline, square, best, whole=True).tolist() == [7]
    assert deepest_on(outline, outline_of(np.array([box(2, 2, 4, 4)], dtype=object)), best).tolist() == [7]
    assert best.tolist() == [7]
