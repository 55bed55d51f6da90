"""Layers and parcels far from the plan: distances by the geodesic, causes by hand."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely

from controllines.crs import from_lonlat, gauss_kruger, recognise
from controllines.errors import PlanError
from controllines.extents import far_parcels, gap_km, limit_km, plan_box, union
from controllines.layers import read_layer
from controllines.parcels import read_parcels
from controllines.pipeline import check
from controllines.plans import open_plan

#: A county of about 100 km by 80 km, and a box of 5 km in it.
COUNTY = (88.0, 42.5, 89.2, 43.2)
INSIDE = (88.5, 42.8, 88.56, 42.84)
RED, FARM, CITY = "ecological_redline", "permanent_farmland", "urban_boundary"


def frame(*boxes: tuple[float, ...], crs: object = 4490, **columns: list[str]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=[shapely.box(*box) for box in boxes], crs=crs)


def east(box: tuple[float, ...], degrees: float) -> tuple[float, ...]:
    return (box[0] + degrees, box[1], box[2] + degrees, box[3])


def gk(box: tuple[float, ...], zone: int, labelled: int) -> gpd.GeoDataFrame:
    """A box drawn in one zone without prefix, in a file that says another zone."""
    corners = np.array([[box[0], box[1]], [box[2], box[1]], [box[2], box[3]], [box[0], box[3]]])
    xy = from_lonlat(recognise(gauss_kruger(zone)), corners)
    return gpd.GeoDataFrame(geometry=[shapely.Polygon(xy)], crs=gauss_kruger(labelled))


def geodesic_km(one: tuple[float, float], two: tuple[float, float]) -> float:
    return float(pyproj.Geod(a=6378137, rf=298.257222101).inv(*one, *two)[2]) / 1000


def test_the_gap_is_the_geodesic_to_a_percent() -> None:
    assert gap_km(INSIDE, COUNTY) == 0
    assert gap_km((0, 0, 1, 1), (1, 1, 2, 2)) == 0
    there = east(INSIDE, 3)
    assert gap_km(COUNTY, there) == pytest.approx(gap_km(there, COUNTY), rel=1e-12)
    assert gap_km(COUNTY, there) == pytest.approx(geodesic_km((89.2, 42.82), (91.5, 42.82)), rel=0.01)
    north = (88.5, 44.2, 88.6, 44.3)
    assert gap_km(COUNTY, north) == pytest.approx(geodesic_km((88.5, 43.2), (88.5, 44.2)), rel=0.01)


def test_the_limit_is_the_diagonal_within_bounds() -> None:
    assert limit_km(COUNTY) == pytest.approx(geodesic_km((88.0, 42.5), (89.2, 43.2)), rel=0.01)
    assert limit_km(INSIDE) == 50
    assert limit_km((80, 40, 90, 45)) == 200


def test_the_plan_is_its_county_else_its_townships_else_everything() -> None:
    county, township, red = (read_layer(frame(box), key) for box, key in
                             [(COUNTY, "county"), (INSIDE, "township"), (east(INSIDE, 0.5), RED)])  # fmt: skip
    assert plan_box({"county": county, "township": township, RED: red}) == COUNTY
    assert plan_box({"township": township, RED: red}) == INSIDE
    assert plan_box({RED: red}) == pytest.approx(east(INSIDE, 0.5))
    assert plan_box({}) is None
    assert union([INSIDE, COUNTY]) == COUNTY


def test_a_layer_one_zone_off_is_failed_and_the_cause_is_guessed() -> None:
    plan = open_plan({"county": frame(COUNTY), RED: gk(INSIDE, zone=30, labelled=29), FARM: frame(INSIDE)})
    assert set(plan.layers) == {"county", FARM}
    found = plan.failed[RED]
    assert (found.code, found.severity, found.layer) == ("LAYER_FAR", "error", "生态保护红线")
    assert "中央经线不是 87° 而是 90° 时，正在规划范围" in found.message
    assert found.actual is not None
    assert float(found.actual) == pytest.approx(geodesic_km((85.56, 42.8), (88.0, 42.8)), rel=0.02)


def test_a_failed_layer_is_never_none() -> None:
    layers = {"county": frame(COUNTY), RED: gk(INSIDE, zone=30, labelled=29)}
    result = check(frame((88.52, 42.81, 88.53, 42.82), DKBH=["a"]), layers, as_of="2026-11-21")
    assert result.overlaps.set_index("kind").loc[RED, "outcome"] == "failed"
    assert "LAYER_FAR" in set(result.findings["code"])


def test_another_place_is_not_called_a_zone() -> None:
    plan = open_plan({"county": frame(COUNTY), RED: frame((100.0, 30.0, 100.1, 30.1))})
    assert "其他地方的数据" in plan.failed[RED].message


@pytest.mark.parametrize("box", [east(INSIDE, 1.0), (89.3, 42.8, 89.4, 42.9), (80.0, 35.0, 95.0, 49.0)])
def test_a_layer_near_or_around_the_county_stays(box: tuple[float, ...]) -> None:
    assert not open_plan({"county": frame(COUNTY), RED: frame(box)}).failed


def test_without_a_county_the_many_outweigh_the_one() -> None:
    plan = open_plan({RED: frame(INSIDE), FARM: frame(east(INSIDE, 0.1)), CITY: frame(east(INSIDE, -3))})
    assert set(plan.failed) == {CITY}
    assert set(plan.layers) == {RED, FARM}


def test_a_chain_of_layers_is_one_place() -> None:
    plan = open_plan({RED: frame(INSIDE), FARM: frame(east(INSIDE, 0.5)), CITY: frame(east(INSIDE, 1.0))})
    assert not plan.failed


def test_two_layers_apart_cannot_both_be_believed() -> None:
    with pytest.raises(PlanError) as raised:
        open_plan({RED: frame(INSIDE), FARM: frame(east(INSIDE, 3))})
    assert raised.value.finding.code == "PLAN_EMPTY"
    assert "远离规划范围" in raised.value.finding.message


def test_an_empty_layer_is_nowhere() -> None:
    assert not open_plan({"county": frame(COUNTY), RED: frame()}).failed


def test_far_parcels_are_told_once_for_each_file() -> None:
    layers = {"county": frame(COUNTY), RED: frame(INSIDE)}
    away = east(INSIDE, -3)
    parcels = frame(INSIDE, away, east(away, -1), DKBH=["a", "b", "c"])
    result = check(parcels, layers, as_of="2026-11-21")
    found = result.findings[result.findings["code"] == "PARCELS_FAR"]
    assert found["feature"].tolist() == ["b"]  # the nearest of them
    assert found["severity"].tolist() == ["error"]
    assert "有 2 个地块" in found["message"].iloc[0]
    overlaps = result.overlaps[result.overlaps["kind"] == RED].set_index("parcel_id")["outcome"]
    assert overlaps.to_dict() == {"a": "conflict", "b": "no_data", "c": "no_data"}


def test_parcels_in_the_wrong_zone_are_told_the_right_one() -> None:
    parcels = read_parcels(gk(INSIDE, zone=30, labelled=31))
    (found,) = far_parcels(parcels, COUNTY)
    assert "中央经线不是 93° 而是 90° 时" in found.message
    assert far_parcels(parcels, None) == []
    assert far_parcels(read_parcels(gk(INSIDE, zone=30, labelled=30)), COUNTY) == []


def test_an_excluded_parcel_is_nowhere() -> None:
    bad = gpd.GeoDataFrame(geometry=[shapely.LineString([(10, 10), (11, 11)]), shapely.box(*INSIDE)], crs=4490)
    assert far_parcels(read_parcels(bad), COUNTY) == []
