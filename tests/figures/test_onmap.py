"""Stated areas of control lines against the areas of the plan's layers."""

from __future__ import annotations

import geopandas as gpd
import pytest
import shapely

import controllines as cl
from controllines.figures.onmap import Measured, check_map, measure, unit_names
from tests.figures.conftest import read

#: 10 km × 10 km in zone 28 of domain.md: 99.990 831 95 km² on the ellipsoid, 100 km² in the plane.
SQUARE = shapely.box(28556000, 4920000, 28566000, 4930000)


def layer(geom: shapely.Geometry, **columns: object) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({name: [value] for name, value in columns.items()}, geometry=[geom], crs="EPSG:4516")


@pytest.fixture(scope="module")
def plan() -> cl.Plan:
    east = shapely.box(28556000, 4920000, 28557000, 4930000)
    return cl.open_plan({
        "county": layer(SQUARE, XZQDM="654202", XZQMC="乌苏市"),
        "township": layer(east, XZQDM="654202100", XZQMC="甲镇"),
        "ecological_redline": layer(SQUARE, BSM="1"),
        "permanent_farmland": layer(SQUARE, BSM="1", DLBM="0101", KCXS=0.1),
    }, name="试验规划")  # fmt: skip


@pytest.fixture(scope="module")
def measured(plan: cl.Plan) -> dict[str, Measured]:
    return measure(plan)


def test_areas_of_a_layer_by_every_convention(measured: dict[str, Measured]) -> None:
    """A tenth of the farmland is ridges; the boundary has no layer."""
    assert list(measured) == ["ecological_redline", "permanent_farmland"]
    assert measured["ecological_redline"].zh == "生态保护红线"
    assert measured["ecological_redline"].areas == pytest.approx(
        {"area_m2": 99_990_831.95, "planar_area_m2": 100_000_000}, abs=0.1
    )
    assert measured["permanent_farmland"].areas["net_area_m2"] == pytest.approx(0.9 * 99_990_831.95, abs=0.1)


def test_a_plan_without_units_or_lines_measures_nothing() -> None:
    assert measure(cl.open_plan({"ecological_redline": layer(SQUARE, BSM="1")})) == {}
    assert measure(cl.open_plan({"county": layer(SQUARE, XZQDM="654202", XZQMC="乌苏市")})) == {}


@pytest.mark.parametrize(("text", "verdict", "convention"), [
    ("划定生态保护红线面积99.99平方千米。", "agrees", "椭球面积"),
    ("生态保护红线总面积为9999.083公顷。", "agrees", "椭球面积"),
    ("划定生态保护红线100.00平方公里。", "agrees", "平面面积"),
    ("划定生态保护红线面积99.97平方千米。", "differs", "椭球面积"),
    ("永久基本农田保护面积89.99平方公里。", "agrees", "扣除田坎"),  # 0.9 × 99.9908 = 89.9917
    ("永久基本农田99.99平方公里。", "agrees", "椭球面积"),
    ("永久基本农田面积不低于80.00平方公里。", "agrees", "扣除田坎"),
    ("永久基本农田面积不低于90.20平方公里。", "differs", "扣除田坎"),
    ("生态保护红线面积控制在120平方公里以内。", "agrees", "椭球面积"),
])  # fmt: skip
def test_stated_areas_against_the_map(measured: dict[str, Measured], text: str, verdict: str, convention: str) -> None:
    [check] = check_map(read(text), measured, frozenset())
    assert (check.kind, check.verdict) == ("map", verdict)
    assert convention in check.compared


@pytest.mark.parametrize("text", [
    "甲镇生态保护红线面积9.99平方千米。",  # one township
    "项目占用永久基本农田1.20公顷。",
    "永久基本农田储备区面积5.00平方千米。",
    "生态保护红线范围内耕地3.00平方千米。",
    "城镇开发边界面积3.00平方千米。",  # no such layer: a finding
    "新增生态保护红线3.00平方千米。",
])  # fmt: skip
def test_what_is_not_the_area_of_the_line_is_not_compared(
    measured: dict[str, Measured], plan: cl.Plan, text: str
) -> None:
    assert unit_names(plan) == {"甲镇"}
    assert list(check_map(read(text), measured, unit_names(plan))) == []


def test_a_figure_that_agrees_with_nothing_lists_every_area(measured: dict[str, Measured]) -> None:
    [hectares, acres] = check_map(read("永久基本农田面积8000.00公顷（12.00万亩）。"), measured, frozenset())
    assert (hectares.verdict, acres.verdict) == ("differs", "differs")
    for area in ("椭球面积，扣除田坎8999.17", "椭球面积9999.08", "平面面积10000公顷"):
        assert area in hectares.note
    assert hectares.result is not None
    assert float(hectares.result.difference) == pytest.approx(8000 - 8999.174876, abs=1e-4)
    assert acres.compared.startswith("图上13.49876")  # 8999.174876 × 15
