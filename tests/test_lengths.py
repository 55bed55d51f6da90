"""Lengths counted by hand in the plane of the drawing, compared in true metres.

Gauss–Krüger metres become true metres by PROJ's own scale factor; the working plane is laid a degree away from the
figures, where its lengths are 1.5 % off.
"""

import math

import numpy as np
import pytest
import shapely
from shapely import Polygon, box

from controllines.crs import gauss_kruger, plane_of, recognise, to_plane
from controllines.lengths import (
    clearance,
    depth_and_width,
    greatest_width,
    inset_depth,
    is_contact,
    mean_width,
    true_metres,
)
from controllines.pipeline import check
from tests.builders import CITY, EPSG, RED, dense, here, make_plan, measure, moved, parcels, row, scale, shifted

#: So far south and west that the plane's middle is more than a degree from the figures.
FAR = here(-150_000, -250_000, 10_000, 10_000)
SOURCE = recognise(gauss_kruger(30, prefix=True))


def in_plane(*shapes):
    drawn = np.array([shifted(shape) for shape in shapes], dtype=object)
    return to_plane(drawn, SOURCE, PLANE)


PLANE = plane_of((86.8, 40.6, 87.2, 41.4))  # 87 E 41 N: 1.6° west and 1.8° south of the figures


def test_the_plane_itself_is_far_off():
    """Without the scaling the tests below would fail by two per cent."""
    west, _, east, _ = shapely.bounds(in_plane(box(0, 0, 100, 0.1)))[0]
    assert abs((east - west) / 100 - 1) > 0.02


@pytest.mark.parametrize(("width", "height"), [(100, 10), (10, 100), (3, 3)])
def test_mean_width(width, height):
    """2·area / perimeter of a rectangle a·b: a·b / (a + b)."""
    expected = width * height / (width + height) / scale()
    assert mean_width(in_plane(box(0, 0, width, height)), PLANE)[0] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("width", "contact"), [(0.00008, True), (0.00012, False), (0.001, False)])
def test_contact_is_up_to_a_tenth_of_a_millimetre(width, contact):
    """A strip of 100 m: its mean width is its width to one in a million."""
    assert is_contact(in_plane(box(0, 0, width, 100), box(0, 0, 100, width)), PLANE).tolist() == [contact] * 2


SQUARE, U = box(0, 0, 100, 100), Polygon([(0, 0), (90, 0), (90, 90), (60, 90), (60, 30), (30, 30), (30, 90), (0, 90)])
#: The largest circle in the corner of the U touches two sides and the inner corner: r = (30 - r)·√2.
CORNER = 30 * math.sqrt(2) / (1 + math.sqrt(2))
DEPTHS = {
    "all of a square": (SQUARE, SQUARE, 50, 100),
    "strip along one side": (SQUARE, box(90, 0, 100, 100), 10, 10),
    "strip across the middle": (SQUARE, box(0, 40, 100, 60), 50, 20),
    "patch in the middle": (SQUARE, box(45, 45, 55, 55), 50, 10),
    "patch near a side": (SQUARE, box(5, 45, 15, 55), 15, 10),
    "triangle in a corner": (SQUARE, Polygon([(0, 0), (20, 0), (0, 20)]), 10, 2 * (20 - 10 * math.sqrt(2))),
    "two patches": (SQUARE, shapely.union(box(0, 0, 4, 4), box(0, 80, 6, 86)), 6, 6),
    "all of a U": (U, U, CORNER, 2 * CORNER),
    "one arm of a U": (U, box(0, 60, 30, 90), 15, 30),
    "a parcel of two parts": (shapely.union(SQUARE, box(500, 0, 520, 20)), box(500, 0, 520, 20), 10, 20),
    "around a hole": (SQUARE - box(40, 40, 60, 60), SQUARE - box(40, 40, 60, 60), None, None),
}
#: Between a corner of the square and the hole's: r·√2 from the corner to the centre, r to the hole's corner.
_RING = 40 * math.sqrt(2) / (1 + math.sqrt(2))
DEPTHS["around a hole"] = (*DEPTHS["around a hole"][:2], _RING, 2 * _RING)


@pytest.mark.parametrize(("parcel", "part", "depth", "width"), DEPTHS.values(), ids=list(DEPTHS))
def test_depth_and_width(parcel, part, depth, width):
    land, conflict = in_plane(parcel), in_plane(part)
    local = true_metres(conflict, PLANE, around=land)
    k = scale()
    assert inset_depth(true_metres(land, PLANE), local)[0] * k == pytest.approx(depth, rel=2e-4)
    assert greatest_width(local)[0] * k == pytest.approx(width, rel=1e-4)
    assert inset_depth(local, local)[0] * 2 * k == pytest.approx(width, rel=1e-4)


def width(shape):
    return greatest_width(np.array([shape], dtype=object))[0]


@pytest.mark.parametrize("gap", [0.00002, 0.00009])
def test_a_hairline_splits_nothing(gap):
    """Neighbours united with a gap below the coordinate precision are one piece of land."""
    square = shapely.MultiPolygon([box(0, 0, 50, 100), box(50 + gap, 0, 100 + gap, 100)])
    assert width(square) == pytest.approx(100, rel=2e-5)
    patch = np.array([box(40, 40, 60, 60)], dtype=object)
    assert inset_depth(np.array([square], dtype=object), patch) == pytest.approx([50], rel=2e-5)
    ring = (SQUARE - box(40, 40, 60, 60)) - box(50, 60, 50 + gap, 100)
    assert width(ring) == pytest.approx(2 * _RING, rel=2e-5)


def test_a_wider_gap_splits():
    assert width(shapely.MultiPolygon([box(0, 0, 50, 100), box(50.001, 0, 100, 100)])) == pytest.approx(50, abs=2e-4)


def test_the_whole_is_searched_once_and_the_same():
    within, part = (np.array([U, one], dtype=object) for one in (SQUARE, box(0, 0, 10, 50)))
    row = np.array([0, 1, 0])
    deep, wide = depth_and_width(within, part[row], row)
    assert deep == pytest.approx([CORNER, 10, CORNER], rel=2e-5)
    assert wide == pytest.approx([2 * CORNER, 10, 2 * CORNER], rel=2e-5)
    assert deep[:2] == pytest.approx(inset_depth(within, part), rel=2e-5)


@pytest.mark.parametrize(
    ("obstacle", "gap"),
    [
        (box(150, 0, 200, 100), 50),
        (box(0, 150, 100, 200), 50),
        (box(130, 140, 200, 200), 50),  # 30 east, 40 north
        (box(100, 0, 200, 100), 0),
        (box(100, 100, 200, 200), 0),
        (box(199.9, 0, 300, 100), 99.9),
    ],
)
def test_clearance(obstacle, gap):
    found = clearance(in_plane(SQUARE), (np.array([0, 0]), in_plane(obstacle, box(5000, 0, 5100, 100))), PLANE, 100.0)
    assert found[0] * scale() == pytest.approx(gap, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("obstacle", [box(200.1, 0, 300, 100), box(0, 200.1, 100, 300)])
def test_clearance_ends_at_the_limit(obstacle):
    assert np.isnan(clearance(in_plane(SQUARE), (np.array([0]), in_plane(obstacle)), PLANE, 100.0))[0]


def test_clearance_takes_the_nearest():
    land = in_plane(SQUARE, box(0, 300, 10, 310))
    obstacles = in_plane(box(0, 120, 10, 130), box(0, 325, 10, 330))
    found = clearance(land, (np.array([0, 0, 1, 1]), np.tile(obstacles, 2)), PLANE, 100.0)
    assert found * scale() == pytest.approx([20, 15], rel=1e-4)


# --- the same in a check ---------------------------------------------------------------------------------------------


def red(*features):
    return measure(here(0, 0, 100, 100), RED, [shifted(f) for f in features], county=FAR)[0]


def city(*features):
    return measure(here(0, 0, 100, 100), CITY, [shifted(f) for f in features], county=FAR)[0]


def test_the_plane_of_these_plans_is_far_off():
    assert make_plan(ecological_redline=[here(0, 0, 1, 1)], county=FAR).plane.lat_0 == 42


def test_depth_width_and_no_clearance_in_conflict():
    found = red(box(90, -10, 200, 110))
    assert (found.depth_m * scale(), found.width_m * scale()) == pytest.approx((10, 10), rel=5e-4)
    assert np.isnan(found.clearance_m)


@pytest.mark.parametrize(("gap", "expected"), [(0, 0), (25, 25), (99.9, 99.9), (100.2, None), (500, None)])
def test_clearance_of_both_senses(gap, expected):
    around = box(-1000, -1000, 100 + gap, 1000)
    for found in (red(box(100 + gap, 0, 1000, 100)), city(around)):
        assert found.outcome == "none"
        assert np.isnan(found.depth_m)
        assert np.isnan(found.width_m)
        if expected is None:
            assert np.isnan(found.clearance_m)
        else:
            assert found.clearance_m * scale() == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_clearance_from_an_inner_corner_of_the_boundary():
    """The land outside begins 30 m east and 40 m north."""
    found = city(Polygon([(-500, -500), (500, -500), (500, 140), (130, 140), (130, 500), (-500, 500)]))
    assert found.clearance_m * scale() == pytest.approx(50, rel=1e-4)


def test_clearance_from_a_hole_in_the_boundary():
    found = city(box(-500, -500, 500, 500) - box(110, 40, 120, 60))
    assert found.clearance_m * scale() == pytest.approx(10, rel=1e-4)


@pytest.mark.parametrize(("north", "expected"), [(1000, 60), (140, 40)])
def test_a_hairline_between_two_parts_of_the_boundary_is_no_land_outside(north, expected):
    """Two parts of the boundary meet under the parcel but for 0.02 mm: nothing there can be outside."""
    found = city(box(-1000, -1000, 50, north), box(50.00002, -1000, 160, north))
    assert found.outcome == "none"
    assert found.contact_m2 == pytest.approx(0.002, rel=0.05)
    assert found.clearance_m * scale() == pytest.approx(expected, rel=1e-3)


def test_depth_of_land_outside_the_boundary():
    found = city(box(-1000, -1000, 70, 1000))
    assert (found.depth_m * scale(), found.width_m * scale()) == pytest.approx((30, 30), rel=5e-4)


def test_lengths_do_not_depend_on_the_zone():
    """The neighbouring zone draws the same land larger by 0.03 %; its true lengths are the same."""
    plan = make_plan(ecological_redline=[here(90, -10, 200, 110)], county=FAR)
    drawn = here(0, 0, 100, 100)
    first = check(parcels(drawn), plan)
    second = check(parcels(*moved([dense(drawn)], EPSG, 4517), crs=4517), plan)
    for name in ("depth_m", "width_m"):
        assert row(second, RED)[name] == pytest.approx(row(first, RED)[name], rel=1e-4)
