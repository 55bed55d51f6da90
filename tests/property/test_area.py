"""The official area of random polygons against the published series, and what must not change it.

The series of 国土调查办发〔2008〕32号 stands here and only here: an oracle that shares nothing with the product but
PROJ's inverse of the Gauss–Krüger projection.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st

from controllines.area import official_area, planar_area
from controllines.clean import through_door
from controllines.crs import (
    EDGE_LENGTH_M,
    EdgeRule,
    Plane,
    from_plane,
    gauss_kruger,
    recognise,
    reproject,
    split_edges,
    to_plane,
)

LONLAT = recognise("EPSG:4490")

# --- the published series --------------------------------------------------------------------------------------------

SEMI_MINOR = 6356752.31414036
E2 = 0.00669438002290
COEFFICIENTS = (
    1 + 3 / 6 * E2 + 30 / 80 * E2**2 + 35 / 112 * E2**3 + 630 / 2304 * E2**4,
    -(1 / 6 * E2 + 15 / 80 * E2**2 + 21 / 112 * E2**3 + 420 / 2304 * E2**4),
    3 / 80 * E2**2 + 7 / 112 * E2**3 + 180 / 2304 * E2**4,
    -(1 / 112 * E2**3 + 45 / 2304 * E2**4),
    5 / 2304 * E2**4,
)


def series_ring(lonlat: np.ndarray) -> float:
    """Formula (2) and (3): trapezoids between the edges of a ring and the meridian of its first point, in m²."""
    lon, lat = np.radians(lonlat).T
    delta, middle = np.diff(lat), (lat[1:] + lat[:-1]) / 2
    width = (lon[1:] + lon[:-1]) / 2 - lon[0]
    terms = zip((1, 3, 5, 7, 9), COEFFICIENTS, strict=True)
    bracket = sum(k * np.sin(i / 2 * delta) * np.cos(i * middle) for i, k in terms)
    return abs(math.fsum(2 * SEMI_MINOR**2 * width * bracket))


def survey_points(ring: np.ndarray) -> np.ndarray:
    """Put int(L) // 70 evenly spaced points on every edge, as survey software does."""
    points = []
    for start, end in itertools.pairwise(ring):
        parts = int(math.dist(start, end)) // 70 + 1
        points += [start + (end - start) * i / parts for i in range(parts)]
    return np.array([*points, ring[-1]])


def series_area(polygon: shapely.Polygon, epsg: int | None) -> float:
    """Official area of a polygon in a Gauss–Krüger CRS, or in longitude and latitude (None: edges unsplit)."""

    def ring_area(ring: shapely.LinearRing) -> float:
        xy = shapely.get_coordinates(ring)
        if epsg is None:
            return series_ring(xy)
        crs = pyproj.CRS(epsg)
        to_degrees = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
        return series_ring(np.column_stack(to_degrees.transform(*survey_points(xy).T)))

    return ring_area(polygon.exterior) - sum(ring_area(ring) for ring in polygon.interiors)


def test_the_oracle_itself():
    """Golden value T1, and a 1:10 000 sheet at 40° north from formula (1)."""
    assert series_area(shapely.box(543000, 4405000, 543300, 4405200), 4535) == pytest.approx(59997.2509, abs=1e-3)
    assert series_area(shapely.box(78.0, 40.0, 78.0625, 40 + 2.5 / 60), None) == pytest.approx(24684446.24, abs=0.01)


# --- random polygons -------------------------------------------------------------------------------------------------


@st.composite
def stars(draw, largest=500):
    """A star-shaped polygon around the origin, with a hole or none; at most 1 km across by default."""
    size = draw(st.floats(5, largest))

    def ring(corners: int, low: float, high: float) -> np.ndarray:
        turns = draw(st.lists(st.floats(-0.35, 0.35), min_size=corners, max_size=corners))
        reach = draw(st.lists(st.floats(low, high), min_size=corners, max_size=corners))
        angle = (np.arange(corners) + turns) * 2 * np.pi / corners
        return size * np.array(reach)[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])

    shell = ring(draw(st.integers(8, 14)), 0.5, 1)
    # the shell keeps clear of 0.5·cos(1.7·180°/8) = 0.39 of its radius
    inner = [ring(draw(st.integers(3, 8)), 0.1, 0.35)] if draw(st.booleans()) else []
    return shapely.Polygon(shell, inner)


ZONES = st.integers(25, 30)
EASTINGS, NORTHINGS = st.floats(380_000, 620_000), st.floats(3.9e6, 5.4e6)


def at(polygon, east, north):
    return shapely.transform(polygon, lambda xy: xy + [east, north])


@given(stars(), ZONES, st.booleans(), EASTINGS, NORTHINGS)
def test_projected_against_the_series(polygon, zone, prefix, east, north):
    moved = at(polygon, east + prefix * zone * 1_000_000, north)
    epsg = zone + (4488 if prefix else 4509)
    assert official_area(moved, epsg)[0] == pytest.approx(series_area(moved, epsg), abs=0.02)


@given(stars(), st.floats(73.5, 96), st.floats(35, 49))
def test_geographic_against_the_series(polygon, lon, lat):
    moved = shapely.transform(polygon, lambda xy: xy * [1.3e-5, 9e-6] + [lon, lat])
    assert official_area(moved, "EPSG:4490")[0] == pytest.approx(series_area(moved, None), abs=0.02)


@given(stars(), ZONES, EASTINGS, NORTHINGS)
def test_whatever_it_comes_in(polygon, zone, east, north):
    """With or without prefix, in either neighbouring zone, in longitude and latitude: one official area."""
    source = recognise(gauss_kruger(zone))
    drawn = at(polygon, east, north)
    area = official_area(drawn, source.crs)[0]
    prefixed = shapely.transform(drawn, lambda xy: xy + [zone * 1_000_000, 0])
    assert official_area(prefixed, gauss_kruger(zone, prefix=True))[0] == pytest.approx(area, abs=1e-4)
    dense = split_edges(np.array([drawn]), EdgeRule())
    targets = [LONLAT, recognise(gauss_kruger(zone - 1)), recognise(gauss_kruger(zone + 1, prefix=True))]
    # Edges straight here are bent there, by x/R² a metre at most: each is off by two thirds of its sagitta.
    bent = 500_000 / 6_378_000**2
    off = 2 / 3 * bent * EDGE_LENGTH_M**2 / 8 * drawn.length + 0.005
    for target in targets:
        assert official_area(reproject(dense, source, target), target.crs)[0] == pytest.approx(area, abs=off)


@given(stars(), ZONES, EASTINGS, NORTHINGS, st.integers(0, 13), st.booleans())
def test_start_and_direction_of_rings_do_not_matter(polygon, zone, east, north, start, backward):
    drawn = at(polygon, east, north)
    ring = np.roll(shapely.get_coordinates(drawn.exterior)[:-1], start, axis=0)
    turned = shapely.Polygon(ring[::-1] if backward else ring, drawn.interiors)
    crs = gauss_kruger(zone)
    assert official_area(turned, crs)[0] == pytest.approx(official_area(drawn, crs)[0], rel=1e-9)


@given(stars(), ZONES, EASTINGS, NORTHINGS, st.integers(-2, 2), st.integers(-2, 2))
def test_the_middle_of_the_plane_does_not_matter(polygon, zone, east, north, right, up):
    source = recognise(gauss_kruger(zone))
    drawn = np.array([at(polygon, east, north)])
    lat = round(north / 111_000)
    planes = Plane(zone * 3, lat), Plane(zone * 3 + right, lat + up)
    here, there = (shapely.area(to_plane(drawn, source, plane))[0] for plane in planes)
    assert there == pytest.approx(here, abs=1e-3)


@given(stars(), ZONES, EASTINGS, NORTHINGS)
def test_planar_area_is_the_plain_shoelace(polygon, zone, east, north):
    """In its own zone; the prefix must not cost digits."""
    drawn = at(polygon, east, north)
    lon = reproject(np.array([drawn.centroid]), recognise(gauss_kruger(zone)), LONLAT)[0].x
    assume(math.floor((lon + 1.5) / 3) == zone)
    for prefix in (False, True):
        moved = shapely.transform(drawn, lambda xy, shift=prefix * zone * 1_000_000: xy + [shift, 0])
        got = planar_area(np.array([moved]), recognise(gauss_kruger(zone, prefix=prefix)))[0]
        assert got == pytest.approx(polygon.area, abs=1e-4)


# --- splitting edges -------------------------------------------------------------------------------------------------


@given(stars(3000), ZONES, EASTINGS, NORTHINGS)
def test_splitting_keeps_the_polygon(polygon, zone, east, north):
    drawn = at(polygon, east + zone * 1_000_000, north)
    split = split_edges(np.array([drawn]), EdgeRule())[0]
    assert len(split.interiors) == len(drawn.interiors)
    for before, after in zip([drawn.exterior, *drawn.interiors], [split.exterior, *split.interiors], strict=True):
        old, new = shapely.get_coordinates(before), shapely.get_coordinates(after)
        assert np.hypot(*np.diff(new, axis=0).T).max() <= 70 + 1e-6
        new_rows = list(map(tuple, new))
        place = -1
        for vertex in map(tuple, old):  # every vertex is kept, bit by bit and in order
            place = new_rows.index(vertex, place + 1)
        assert place == len(new) - 1
        assert np.array(shapely.distance(shapely.points(new), before)).max() < 1e-6
    origin = shapely.get_coordinates(drawn)[0]
    areas = [shapely.transform(p, lambda xy: xy - origin).area for p in (drawn, split)]
    assert areas[1] == pytest.approx(areas[0], abs=1e-4)


@given(
    st.tuples(st.floats(0, 5000), st.floats(0, 5000)),
    st.tuples(st.floats(5100, 9000), st.floats(0, 5000)),
    EASTINGS, NORTHINGS, st.booleans(),
)  # fmt: skip
def test_a_shared_edge_splits_alike_from_both_sides(start, end, east, north, backward):
    """The neighbours run through their common edge in opposite directions; both get the same bits."""
    a, b = np.array(start) + [east, north], np.array(end) + [east, north]
    above, below = a + [0, 7000], a - [0, 7000]
    one = shapely.Polygon([a, b, above])
    other = shapely.Polygon([b, a, below] if backward else [a, below, b])
    split = split_edges(np.array([one, other]), EdgeRule())

    def along(polygon):
        """Return the points from a to b, sorted."""
        points = shapely.get_coordinates(polygon)[:-1]
        offset = points - a
        across = (b - a)[0] * offset[:, 1] - (b - a)[1] * offset[:, 0]
        return sorted(map(tuple, points[np.abs(across) < 1e-6 * np.hypot(*(b - a))]))

    assert along(split[0]) == along(split[1])
    assert len(along(split[0])) == math.ceil(math.dist(a, b) / 70) + 1


# --- the door and the way back ---------------------------------------------------------------------------------------


@given(stars(), ZONES, st.booleans(), EASTINGS, NORTHINGS)
def test_through_the_plane_and_back(polygon, zone, prefix, east, north):
    source = recognise(gauss_kruger(zone, prefix=prefix))
    drawn = split_edges(np.array([at(polygon, east + prefix * zone * 1_000_000, north)]), EdgeRule())
    plane = Plane(zone * 3, round(north / 111_000))
    moved = to_plane(drawn, source, plane)
    kept, change, limit = through_door(moved)
    assert kept[0] is moved[0]
    assert change[0] == 0 < limit[0]
    back = from_plane(moved, plane, source)
    assert np.abs(shapely.get_coordinates(back) - shapely.get_coordinates(drawn)).max() < 1e-6


@given(st.integers(73, 96), st.integers(35, 49), st.floats(-2, 2), st.floats(-2, 2))
def test_the_closed_form_inverse(lon_0, lat_0, right, up):
    plane = Plane(lon_0, lat_0)
    forward = plane.forward(LONLAT)
    xy = np.column_stack(forward.transform([lon_0 + right], [lat_0 + up]))
    again = np.column_stack(forward.transform(*plane.inverse(xy).T))
    assert np.abs(again - xy).max() < 1e-8
