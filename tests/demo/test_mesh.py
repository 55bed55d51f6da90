"""The ground of the demo county: cells that tile it, swollen until they have a wanted area."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import shapely

from controllines.crs import to_lonlat
from controllines.demo.mesh import Mesh, home_plane, make_mesh, nearness, settings, stretch_to, written
from tests.builders import official

#: The Gauss–Krüger plane of 3° zone 29 without prefix, in which the county is drawn.
EPSG = 4538
WEST, SOUTH = 492_000.0, 4_696_000.0


def squares() -> Mesh:
    """12 × 12 cells of 2 km, each sharing its corners with its neighbours."""
    corners = [(WEST + 2000 * column, SOUTH + 2000 * row) for row in range(12) for column in range(12)]
    cells = np.array([shapely.box(x, y, x + 2000, y + 2000) for x, y in corners], dtype=object)
    return Mesh(cells, np.zeros((144, 2)), np.full(144, "background", dtype=object))


@pytest.mark.parametrize("share", [0.98, 1.03])
def test_chosen_cells_get_the_wanted_area_and_far_ones_stay(share: float) -> None:
    """The four cells in the middle have 16 km² in the plane; 9 km away nothing moves."""
    mesh = squares()
    chosen = np.isin(np.arange(144), [65, 66, 77, 78])
    centre = np.array([WEST + 12_000, SOUTH + 12_000])
    before = official(shapely.union_all(mesh.cells[chosen]), EPSG)
    moved = stretch_to(mesh, chosen, centre, target_m2=share * before)
    lonlat = written(np.array([shapely.coverage_union_all(moved.cells[chosen])]))[0]
    assert official(lonlat, None) == pytest.approx(share * before, abs=2)  # found to 1 m²
    assert shapely.coverage_is_valid(moved.cells)  # what was shared is shared still
    far = shapely.distance(mesh.cells, shapely.Point(centre)) > 9000
    assert 0 < far.sum() < 144
    assert shapely.equals_identical(moved.cells[far], mesh.cells[far]).all()
    assert not shapely.equals_identical(moved.cells[chosen], mesh.cells[chosen]).any()


def test_the_mesh_tiles_a_county_of_the_stated_size() -> None:
    mesh = make_mesh(np.random.default_rng(1), "small")
    assert shapely.coverage_is_valid(mesh.cells)
    assert shapely.area(mesh.cells).sum() == pytest.approx(16_600e6, rel=1e-9)
    assert len(mesh.cells) == len(mesh.seeds) == len(mesh.tier)
    assert set(mesh.tier) == {"border", "town", "redline", "river", "bank", "field", "ring", "background"}


def test_written_coordinates_have_nine_decimals() -> None:
    square = shapely.box(WEST, SOUTH, WEST + 100, SOUTH + 100)
    [shape] = written(np.array([square], dtype=object))
    to_degrees = pyproj.Transformer.from_crs(EPSG, 4490, always_xy=True)
    expected = np.column_stack(to_degrees.transform(*shapely.get_coordinates(square).T))
    assert shapely.get_coordinates(shape) == pytest.approx(np.round(expected, 9), abs=1.5e-9)
    assert (np.round(shapely.get_coordinates(shape), 9) == shapely.get_coordinates(shape)).all()
    hair = shapely.Polygon([(WEST, SOUTH), (WEST + 1e-6, SOUTH), (WEST + 100, SOUTH), (WEST, SOUTH + 100)])
    assert len(written(np.array([hair], dtype=object))[0].exterior.coords) == 4  # two corners became one


def test_nearness_is_one_on_a_wavy_ellipse() -> None:
    """Where both waves are zero it is the ellipse itself; due north of it they are -0.14 and +0.08."""
    centre, axes = np.array([10.0, 20.0]), np.array([4.0, 2.0])
    at = centre + np.array([[4, 0], [-4, 0], [2, 0], [0, 0], [0, 2]])
    assert nearness(at, centre, axes) == pytest.approx([1, 1, 0.5, 0, 1 / 0.94])
    turned = centre + np.array([[0, 4], [0, -4]])
    assert nearness(turned, centre, axes, angle=90) == pytest.approx([1, 1])


def test_the_county_is_drawn_in_the_plane_of_its_zone() -> None:
    """East 500 000 m without prefix is the central meridian of zone 29, 87°."""
    [(lon, lat)] = to_lonlat(home_plane(), np.array([[500_000.0, 4_697_000.0]]))
    assert lon == pytest.approx(87, abs=1e-12)
    assert lat == pytest.approx(settings()["middle"]["lat"], abs=0.02)
