"""Cells in the plane: areas against the closed form and official areas of polygons, land against its cells."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

import controllines as cl
from controllines.crs import Plane, recognise, to_plane
from controllines.raster.areas import _clip, _covered
from controllines.raster.grid import Affine, Window, grid_of
from tests.raster.rasters import ground

PLANE = Plane(88, 43)
LONLAT, GK = recognise("EPSG:4490"), recognise("EPSG:4518")
DEGREES = grid_of(Affine(88.0, 43.0, 0.01, -0.01, 40, 30), LONLAT, PLANE)
METRES = grid_of(Affine(30385000, 4740000, 500.0, -500.0, 40, 30), GK, PLANE)


def test_the_textbook_case_of_exactextract() -> None:
    """A box from the middle of the first cell to the middle of the last of 3 × 3: ¼ ½ ¼, ½ 1 ½, ¼ ½ ¼."""
    cells, covered = _covered(Window(0, 0, 3, 3), [shapely.box(0.5, -2.5, 2.5, -0.5)])
    assert np.asarray(cells).tolist() == list(range(9))
    assert np.asarray(covered).tolist() == [0.25, 0.5, 0.25, 0.5, 1, 0.5, 0.25, 0.5, 0.25]


def test_cells_in_degrees_have_the_area_of_the_closed_form() -> None:
    areas = DEGREES.areas(Window(0, 0, 30, 40))
    for row in (0, 13, 29):
        north = 43.0 - row * 0.01
        assert areas[row, 7] == pytest.approx(ground(88, north - 0.01, 88.01, north), rel=1e-10)
    whole = ground(88, 42.7, 88.4, 43)
    assert areas.sum() == pytest.approx(whole, rel=1e-11)
    assert shapely.area(DEGREES.outline) == pytest.approx(whole, rel=1e-11)


def test_cells_of_a_projection_have_the_official_area_of_their_corners() -> None:
    """500 m cells: an official edge is split every 70 m, the cell's is not; they differ by less than 0.02 m²."""
    window = Window(3, 5, 6, 9)
    boxes = [shapely.box(30385000 + c * 500, 4740000 - (r + 1) * 500, 30385500 + c * 500, 4740000 - r * 500)
             for r in range(3, 6) for c in range(5, 9)]  # fmt: skip
    assert METRES.areas(window).ravel() == pytest.approx(cl.official_area(boxes, GK.crs), abs=0.02)
    assert METRES.areas(Window(0, 0, 30, 40)).sum() == pytest.approx(shapely.area(METRES.outline), rel=1e-11)


@pytest.mark.parametrize(("crs", "left", "top", "cell"), [
    ("EPSG:4518", 30385000, 4740000, 30), ("EPSG:4518", 30385000, 4740000, 0.5), ("EPSG:3857", 9.8e6, 5.3e6, 25),
    ("EPSG:32645", 500000, 4740000, 10), ("EPSG:4517", 29200000, 4740000, 2000),
])  # fmt: skip
def test_areas_by_polynomial_are_those_from_corners(crs: str, left: float, top: float, cell: float) -> None:
    grid = grid_of(Affine(left, top, cell, -cell, 400, 300), recognise(crs), PLANE)
    by_polynomial = grid.areas(Window(0, 0, 300, 400))
    corners = grid._cells(np.arange(300), np.arange(400))  # type: ignore[attr-defined]
    assert np.abs(by_polynomial / corners - 1).max() < 1e-8
    assert by_polynomial.sum() == pytest.approx(corners.sum(), rel=1e-9)
    assert by_polynomial.sum() == pytest.approx(shapely.area(grid.outline), rel=1e-9)


corner = st.tuples(st.floats(0.02, 0.38), st.floats(0.02, 0.28))


@given(st.lists(corner, min_size=3, max_size=8, unique=True), st.booleans())
def test_land_is_covered_by_its_cells_to_the_stated_bound(corners: list[tuple[float, float]], projected: bool) -> None:
    land = shapely.MultiPoint([(88 + x, 42.7 + y) for x, y in corners]).convex_hull.buffer(0.001)
    grid = METRES if projected else DEGREES
    geoms = shapely.intersection(to_plane(np.array([land], dtype=object), LONLAT, PLANE), grid.outline)
    if shapely.area(geoms[0]) < 1e4 or geoms[0].geom_type != "Polygon":
        return
    window = Window(0, 0, 30, 40)
    cells, covered = _covered(window, list(grid.land(geoms)))
    areas = grid.areas(window)
    spread = max(float(np.abs(np.diff(areas, axis=axis)).max() / areas.min()) for axis in (0, 1))
    found = float((areas.ravel()[cells] * covered).sum())
    area, outline = float(shapely.area(geoms[0])), float(shapely.length(geoms[0]))
    assert abs(found - area) <= grid.bound(area, outline, spread)
    assert grid.bound(area, outline, spread) <= max(1e-5 * area, 0.02 * outline)


def test_a_row_may_lie_either_way_up() -> None:
    upright = grid_of(Affine(88.0, 42.7, 0.01, 0.01, 40, 30), LONLAT, PLANE)
    assert upright.areas(Window(0, 0, 30, 40))[::-1] == pytest.approx(DEGREES.areas(Window(0, 0, 30, 40)), rel=1e-11)
    land = to_plane(np.array([shapely.box(88.033, 42.745, 88.2, 42.96)], dtype=object), LONLAT, PLANE)
    for grid in (upright, DEGREES):
        cells, covered = _covered(Window(0, 0, 30, 40), list(grid.land(land)))
        total = (grid.areas(Window(0, 0, 30, 40)).ravel()[cells] * covered).sum()
        assert total == pytest.approx(ground(88.033, 42.745, 88.2, 42.96), rel=1e-7)


def test_a_raster_beyond_its_projection_is_an_error() -> None:
    far = grid_of(Affine(-9e7, 4740000, 1e5, -1e5, 2000, 30), GK, PLANE)
    with pytest.raises(cl.CRSError, match="RASTER_EXTENT"):
        far.outline  # noqa: B018


def test_a_hairline_that_became_a_line_is_no_land() -> None:
    """The engine's fast clipping raises on it: it was left at the eastern side of a raster of 60 columns."""
    line = [(60.000000000002274, y) for y in (-25, -22, -19.999999999991655, -19.999999999991655, -22, -25, -25)]
    cut = _clip(np.array([shapely.Polygon(line), shapely.box(58, -22.5, 60, -21.5)], dtype=object), (-1, -22, 61, -21))
    assert shapely.area(cut).tolist() == [0, 1]
