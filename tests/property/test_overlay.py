"""The overlay of random polygons against exact arithmetic, and the properties that must hold for any input."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from controllines.overlay import book_once, divide, intersect, split
from controllines.pipeline import check
from controllines.plans import open_plan
from tests.builders import CITY, CORNER, EPSG, FARM, RED, balance, dense, here, layer, make_plan, moved, parcels, row
from tests.property.exact import intersection_area

#: Engine against exact arithmetic in the plane (m², to 100 ha).
TOLERANCE_M2 = 1e-4
#: Middle of a county plane, a corner of one, Gauss–Krüger without and with zone prefix.
ORIGINS = [(0, 0), (48_000, -61_000), (385_000, 4_738_000), (30_385_000, 4_738_000)]

# --- seeded pairs ----------------------------------------------------------------------------------------------------


def star(rng, radius, corners):
    angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
    reach = radius * rng.uniform(0.3, 1, corners)
    return shapely.Polygon(np.column_stack([np.cos(angle), np.sin(angle)]) * reach[:, None] + rng.uniform(-300, 300, 2))


def convex(rng):
    return shapely.convex_hull(shapely.MultiPoint(rng.uniform(-500, 500, (rng.integers(4, 12), 2))))


def on_grid(rng):
    """Boxes and holes on a coarse grid: edges and vertices coincide."""
    x, y = np.sort(rng.integers(0, 8, (2, 2)) * 50.0, axis=1)
    whole = shapely.box(x[0], y[0], x[1] + 150, y[1] + 150)
    return whole - shapely.box(x[0] + 50, y[0] + 50, x[0] + 100, y[0] + 100)


def nudged(rng, polygon, steps):
    """Move every coordinate by up to so many of the smallest steps a number can make."""

    xy = shapely.get_coordinates(polygon)[:-1]
    return shapely.Polygon(xy + rng.integers(-steps, steps + 1, xy.shape) * np.spacing(np.abs(xy)))


def neighbour(rng, polygon):
    """A polygon that runs along a part of the border of another, with vertices of its own on it."""
    ring = shapely.get_coordinates(polygon.exterior)[:-1]
    a, b = ring[0], ring[1]
    shares = np.sort(rng.uniform(-0.3, 1.3, 4))
    side = np.array([(b - a)[1], -(b - a)[0]]) * rng.choice([-1, 1])
    border = a + shares[:, None] * (b - a)
    return shapely.Polygon([*border, border[-1] + side, border[0] + side])


def thin(rng):
    """A strip of a millimetre to a metre, up to a kilometre long."""
    width, length, turn = 10 ** rng.uniform(-3, 0), 10 ** rng.uniform(1, 3), rng.uniform(0, np.pi)
    strip = shapely.segmentize(shapely.box(-length / 2, 0, length / 2, width), length / 7)
    return shapely.transform(
        strip, lambda xy: xy @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    )


def stars(rng):
    return star(rng, 500, rng.integers(5, 24)), star(rng, 500, rng.integers(5, 24))


def shared_edge(rng):
    one = star(rng, 500, rng.integers(5, 12))
    return one, neighbour(rng, one)


def nearly_same(rng):
    one = star(rng, 500, rng.integers(5, 16))
    return one, one


FAMILIES = {
    "convex": lambda rng: (convex(rng), convex(rng)),
    "stars": stars,
    "grid": lambda rng: (on_grid(rng), on_grid(rng)),
    "shared edge": shared_edge,
    "one step apart": nearly_same,
    "thin on star": lambda rng: (star(rng, 500, 9), thin(rng)),
    "thin on thin": lambda rng: (thin(rng), thin(rng)),
}


def pairs(family, count, seed):
    """Valid pairs at every origin; of the family ``one step apart`` the second is the first, nudged there."""
    rng = np.random.default_rng(seed)
    found = []
    while len(found) < count:
        origin = np.array(ORIGINS[len(found) % len(ORIGINS)], float)
        pair = [shapely.transform(shape, lambda xy, to=origin: xy + to) for shape in FAMILIES[family](rng)]
        if family == "one step apart":
            pair[1] = nudged(rng, pair[1], 1 + len(found) % 3)
        if all(shape.is_valid and shape.area > 0 for shape in pair):
            found.append(pair)
    return found


def compare(family, count, seed):
    drawn = pairs(family, count, seed)
    left, right = (np.array(side, dtype=object) for side in zip(*drawn, strict=True))
    for n in range(count):
        one, other = left[n : n + 1], right[n : n + 1]
        exact = float(intersection_area(one[0], other[0]))
        raw = intersect(one, other)
        assert raw.area.sum() == pytest.approx(exact, abs=TOLERANCE_M2), (family, seed, n)
        _, rest, _ = divide(one, raw, raw)
        assert shapely.area(rest)[0] + exact == pytest.approx(one[0].area, abs=TOLERANCE_M2), (family, seed, n)


@pytest.mark.parametrize("family", FAMILIES)
def test_against_exact_arithmetic(family):
    compare(family, 60, 20261121)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("family", FAMILIES)
def test_many_against_exact_arithmetic(family, seed):
    compare(family, 1000, seed)


# --- properties ------------------------------------------------------------------------------------------------------


@st.composite
def shapes(draw, size=400):
    """A star-shaped polygon somewhere in a square, with a hole or none, on whole or half metres or anywhere."""
    corners = draw(st.integers(3, 9))
    reach = draw(st.lists(st.floats(0.2, 1), min_size=corners, max_size=corners))
    turn, radius = draw(st.floats(0, 1)), draw(st.floats(20, size))
    angle = (np.arange(corners) + turn) * 2 * np.pi / corners
    ring = np.column_stack([np.cos(angle), np.sin(angle)]) * radius * np.array(reach)[:, None]
    ring += [draw(st.integers(-size, size)), draw(st.integers(-size, size))]
    if draw(st.booleans()):
        ring = np.round(ring * 2) / 2
    polygon = shapely.Polygon(ring)
    middle = ring.mean(axis=0)
    hole = shapely.Polygon(middle + (ring - middle) * 0.3)
    holed = shapely.Polygon(ring, [hole.exterior.coords]) if draw(st.booleans()) else polygon
    return next((shape for shape in (holed, polygon) if shape.is_valid and shape.area > 1), shapely.box(0, 0, 50, 50))


def array(items):
    return np.array(items, dtype=object)


many = st.lists(shapes(), min_size=1, max_size=4)


@given(many, many)
def test_the_parts_add_up(left, right):
    left, right = array(left), array(right)
    raw = intersect(left, right)
    once, rows, shared = book_once(raw)
    inside, rest, recomputed = divide(left, raw, once)
    area = shapely.area(left)
    assert shapely.area(inside) + shapely.area(rest) == pytest.approx(area, rel=1e-9)
    booked = np.bincount(once.left, weights=once.area, minlength=len(left))
    assert booked == pytest.approx(shapely.area(inside), rel=1e-9, abs=1e-6)
    summed = np.bincount(raw.left, weights=raw.area, minlength=len(left))
    double = np.zeros(len(left))
    double[rows] = shapely.area(shared)
    assert (double <= summed - booked + 1e-6).all()
    assert ((summed - booked < 1e-6) | (double > 0)).all()
    assert not recomputed.any()
    pieces = split(left, right)
    assert np.bincount(pieces.left, weights=pieces.area, minlength=len(left)) == pytest.approx(area, rel=1e-9)


@given(shapes(), shapes())
def test_the_interiors_agree_with_the_area(one, other):
    pieces = intersect(array([one]), array([other]))
    meet = bool(shapely.relate_pattern(one, other, "T********"))
    assert (len(pieces) > 0) == meet
    again = shapely.intersection(one, other, grid_size=1e-6)
    assert pieces.area.sum() == pytest.approx(again.area, abs=TOLERANCE_M2 + 2e-6 * (one.length + other.length))


@given(shapes(), many, st.randoms())
def test_order_splitting_and_doubling_do_not_matter(one, features, random):
    def inside(layer_of):
        right = array(layer_of)
        raw = intersect(array([one]), right)
        return shapely.area(divide(array([one]), raw, book_once(raw)[0])[0])[0]

    area = inside(features)
    mixed = list(features)
    random.shuffle(mixed)
    assert inside(mixed) == pytest.approx(area, rel=1e-9, abs=1e-6)
    assert inside([*features, features[0]]) == pytest.approx(area, rel=1e-9, abs=1e-6)
    middle = features[0].centroid.x
    sides = shapely.box(-2e3, -2e3, middle, 2e3), shapely.box(middle, -2e3, 2e3, 2e3)
    halves = [shapely.intersection(features[0], side) for side in sides]
    parts = [half for half in halves if half.geom_type in ("Polygon", "MultiPolygon") and not half.is_empty]
    assert inside([*parts, *features[1:]]) == pytest.approx(area, rel=1e-9, abs=1e-5)
    assert inside([*features, shapely.box(-100, -100, 100, 100)]) >= area - 1e-6


# --- the whole check -------------------------------------------------------------------------------------------------

COUNTY = here((-700, -650), (420.5, -700), (650, 300), (100, 700), (-600, 500))


def placed(items):
    return [shapely.transform(item, lambda xy: xy + np.array(CORNER)) for item in items]


@settings(max_examples=25)
@given(many, many, many)
def test_every_square_metre_is_booked_once(land, red, city):
    plan = make_plan(county=COUNTY, ecological_redline=placed(red), urban_boundary=placed(city),
                     permanent_farmland=placed(red[::-1]))  # fmt: skip
    result = check(parcels(*placed(land)), plan)
    for kind in (RED, CITY, FARM):
        measured = result.overlaps[result.overlaps["kind"] == kind]["outcome"].isin(["none", "conflict"])
        assert not measured.any() or balance(result, kind) < 1e-9
    overlaps = result.overlaps.set_index(["parcel_id", "kind"])
    pieces = result.pieces.groupby(["parcel_id", "kind"])["area_m2"].sum().reindex(overlaps.index, fill_value=0)
    inside = overlaps["area_m2"].fillna(0)
    assert pieces.to_numpy() == pytest.approx(inside.to_numpy(), rel=1e-9, abs=1e-6)
    outside = result.outside.groupby(["parcel_id", "kind"])["area_m2"].sum().reindex(overlaps.index, fill_value=0)
    wanted = overlaps["outside_m2"].where(overlaps.index.get_level_values("kind") == CITY, 0).fillna(0)
    assert outside.to_numpy() == pytest.approx(wanted.to_numpy(), rel=1e-9, abs=1e-6)
    units = result.units.groupby("parcel_id")["area_m2"].sum()
    whole = result.parcels.set_index("parcel_id")["area_m2"]
    assert units.loc[whole.index].to_numpy() == pytest.approx(whole.to_numpy(), rel=1e-9)
    conflict = overlaps["conflict_m2"] > 0
    assert (conflict == (overlaps["outcome"] == "conflict")).all()
    assert (overlaps.loc[overlaps["outcome"] == "none", "uncovered_m2"] == 0).all()
    assert (overlaps.loc[conflict, "width_m"] <= 2 * overlaps.loc[conflict, "depth_m"] * (1 + 1e-3) + 1e-6).all()


@settings(max_examples=10)
@given(shapes(), many, st.sampled_from([4517, 4519, 4540, 4490]))
def test_the_zone_and_degrees_do_not_matter(land, features, crs):
    """The same land from a neighbouring zone, or in degrees, with points every 60 m."""
    county = layer([here(-3000, -3000, 3000, 3000)])
    answers = []
    for target in (EPSG, crs):
        drawn, line = (moved([dense(g) for g in placed(items)], EPSG, target) for items in ([land], features))
        plan = open_plan({RED: layer(line, crs=target), "county": county})
        answers.append(row(check(parcels(*drawn, crs=target), plan), RED))
    first, second = answers
    assert second["outcome"] == first["outcome"]
    for name in ("area_m2", "outside_m2"):
        assert second[name] == pytest.approx(first[name], abs=0.02)
