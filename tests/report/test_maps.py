"""Shapes of the map: control lines only near the applications."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import pytest
import shapely

from controllines.kinds import kind_of
from controllines.report.maps import MapLayers, Shape, lonlat, map_layers
from controllines.report.model import build
from tests.builders import CITY, FARM, RED, here, layer
from tests.report.conftest import laid


def test_control_lines_are_drawn_only_near_the_applications(result):
    near, everything, none = (build(result, map_lines=choice).map for choice in ("near", "all", "none"))
    assert {shape.key for shape in near.lines} == {
        "ecological_redline-0", "permanent_farmland-0", "permanent_farmland-1",
        "urban_boundary-0", "urban_boundary-1", "urban_boundary-2",
    }  # fmt: skip
    assert "ecological_redline-1" in {shape.key for shape in everything.lines}
    assert none.lines == ()


def test_a_control_line_is_cut_500_m_from_the_applications(make_result):
    result = make_result()
    county = shapely.box(88.0, 42.5, 89.0, 43.0)
    frame = result.plan.layers["ecological_redline"].frame.iloc[[0]].set_geometry([county], crs="EPSG:4490")
    layers = {"ecological_redline": laid("ecological_redline", frame)}
    changed = dataclasses.replace(result, plan=SimpleNamespace(layers=layers, failed={}, kind=kind_of))
    (shape,) = build(changed).map.lines
    west, south, east, north = shape.geometry.bounds
    # applications span 88.500–88.512 by 42.800–42.809; 500 m are 0.00611° of longitude and 0.00450° of latitude
    assert (west, east) == pytest.approx((88.5 - 0.00611, 88.512 + 0.00611), abs=5e-5)
    assert (south, north) == pytest.approx((42.8 - 0.0045, 42.809 + 0.0045), abs=5e-5)


def at(west: float) -> shapely.Polygon:
    return shapely.box(west, 0, west + 1, 1)


LAYERS = MapLayers(
    parcels=tuple(Shape(key, "", "", at(west)) for west, key in enumerate("abc")),
    pieces=(Shape("b", FARM, "0102", at(1)), Shape("a", FARM, "0102", at(0)), Shape("b", RED, "", at(1))),
    outside=(Shape("c", CITY, "", at(2)),),
    lines=(Shape("f", FARM, "", at(0)),),
)


def test_shapes_are_found_by_their_parcels_in_the_order_asked_for() -> None:
    assert [(shape.key, shape.kind) for shape in LAYERS.owned("pieces", ["b", "zz", "a"])] == [
        ("b", FARM), ("b", RED), ("a", FARM)]  # fmt: skip
    assert LAYERS.owned("outside", ["a"]) == []
    assert LAYERS.kinds_outside == {CITY}


def test_shapes_that_meet_a_box_keep_their_order() -> None:
    assert [shape.key for shape in LAYERS.within("parcels", shapely.box(1.5, 0.5, 2.5, 0.6))] == ["b", "c"]
    assert LAYERS.within("lines", shapely.box(5, 5, 6, 6)) == []


def test_geometries_come_in_degrees_without_heights() -> None:
    """The corner at 30 385 000 E, 4 738 000 N of zone 30 (central meridian 90°), by PROJ."""
    flat = here(0, 0, 100, 100)
    frame = layer([shapely.force_3d(flat, 7.0)], crs=4518)
    [found] = lonlat(frame)
    [expected] = frame.to_crs(4490).geometry
    assert not shapely.has_z(found)
    assert shapely.hausdorff_distance(found, shapely.force_2d(expected)) < 1e-8  # 1 mm
    assert len(lonlat(frame.iloc[:0])) == 0


def test_what_has_no_shape_is_not_drawn_and_texts_are_clean(result, hostile) -> None:
    drawn = map_layers(result, "none")
    assert drawn.lines == ()
    assert "TKX-011" not in {shape.key for shape in drawn.parcels}
    assert hostile["html"] in {shape.label for shape in drawn.parcels}
    assert "响铃[31m反" in {shape.label for shape in drawn.parcels}
    assert [shape.label for shape in drawn.townships] == [hostile["html"]]


def test_without_applications_no_control_line_is_drawn(result) -> None:
    none = dataclasses.replace(result, parcels=result.parcels.iloc[:0])
    assert map_layers(none, "all").lines == ()
