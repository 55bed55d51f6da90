"""Shapes of the map: control lines only near the applications."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import pytest
import shapely

from controllines.kinds import kind_of
from controllines.report.model import build
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
