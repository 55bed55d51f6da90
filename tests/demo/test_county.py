"""The layers of the demo county: published totals, exact partitions, official tables and names."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import pyproj
import pytest
import shapely

from controllines.area import official_area
from controllines.demo import make_demo
from controllines.kinds import kind_of_table
from tests.demo.conftest import KM2, NOTICE, official_km2, read_layers, union

#: Areas of the three lines (km²) as the plan of 托克逊县 states them.
PUBLISHED = {"STBHHX": 55.07, "YJJBNTBHTB": 202.80, "CZKFBJ": 74.91}
#: GB/T 2260 code of 托克逊县 and its townships, as published.
TOWNSHIPS = {
    "650422100": "托克逊镇", "650422101": "库米什镇", "650422102": "克尔碱镇", "650422104": "伊拉湖镇",
    "650422105": "夏镇", "650422201": "郭勒布依乡", "650422203": "博斯坦乡",
}  # fmt: skip


@pytest.mark.parametrize(("table", "published"), PUBLISHED.items())
def test_lines_have_the_published_totals(layers: dict[str, gpd.GeoDataFrame], table: str, published: float) -> None:
    frame = layers[table]
    assert official_km2(union(layers, table)) == pytest.approx(published, abs=0.01)
    assert official_km2(frame.geometry) == pytest.approx(official_km2(union(layers, table)), abs=1e-7)  # no overlap
    stored = frame["YJJBNTTBMJ" if table == "YJJBNTBHTB" else "MJ"].sum() / KM2
    assert stored == pytest.approx(published, abs=0.01)


def test_net_farmland_has_the_published_total_too(layers: dict[str, gpd.GeoDataFrame]) -> None:
    farmland = layers["YJJBNTBHTB"]
    net = official_area(farmland) * (1 - farmland["KCXS"])
    assert net.sum() / KM2 == pytest.approx(202.80, abs=0.01)
    assert ((farmland["KCXS"] > 0) & (farmland["KCXS"] < 0.01)).sum() == 3
    np.testing.assert_allclose(farmland["YJJBNTMJ"], net, atol=0.00501)


def test_layers_have_official_tables_and_coordinates(layers: dict[str, gpd.GeoDataFrame]) -> None:
    kinds = {kind_of_table(name).key for name in layers}  # type: ignore[union-attr]
    assert kinds == {
        "ecological_redline", "permanent_farmland", "urban_boundary", "nature_reserve", "county", "township",
        "planning_zone", "land_use",
    }  # fmt: skip
    geod = pyproj.Geod(ellps="GRS80")
    serials: list[str] = []
    for frame in layers.values():
        assert frame.crs == "EPSG:4490"
        assert frame.is_valid.all()
        assert (frame["BZ"] == NOTICE).all()
        serials += list(frame["BSM"])
        rings = shapely.get_rings(np.asarray(frame.geometry))
        xy, ring = shapely.get_coordinates(rings, return_index=True)
        same = ring[1:] == ring[:-1]
        length = geod.inv(*xy[:-1][same].T, *xy[1:][same].T)[2]
        assert length.max() <= 1000
        assert (np.round(xy, 9) == xy).all()
    assert {len(serial) for serial in serials} == {18}
    assert len(set(serials)) == len(serials)


@pytest.mark.parametrize("table", ["XZQ", "GHFQ", "DLTB"])
def test_units_and_patches_partition_the_county(layers: dict[str, gpd.GeoDataFrame], table: str) -> None:
    county = official_km2(layers["XJXZQ"].geometry)
    assert county == pytest.approx(16_600, rel=0.001)
    assert official_km2(layers[table].geometry) == pytest.approx(county, rel=1e-9)
    assert official_km2(union(layers, table)) == pytest.approx(county, rel=1e-9)  # neither overlap nor gap
    west, _, east, _ = layers["XJXZQ"].total_bounds
    assert west < 88.5 < east  # in two 3° zones


def test_names_and_codes(layers: dict[str, gpd.GeoDataFrame]) -> None:
    townships = layers["XZQ"]
    assert dict(zip(townships["XZQDM"], townships["XZQMC"], strict=True)) == TOWNSHIPS
    zones = layers["GHFQ"]
    assert dict(zip(zones["GHFQDM"], zones["GHFQMC"], strict=True)) == {
        "100": "生态保护区", "200": "生态控制区", "300": "农田保护区", "400": "城镇发展区", "500": "乡村发展区",
        "700": "矿产能源发展区",
    }  # fmt: skip
    assert set(layers["CZKFBJ"]["GHFQMC"]) == {"城镇集中建设区", "城镇弹性发展区", "特别用途区"}
    assert set(layers["ZRBHD"]["GNFQMC"]) == {"核心保护区", "一般控制区"}
    assert layers["DLTB"].groupby("DLBM")["DLMC"].nunique().eq(1).all()
    assert 1500 <= len(layers["DLTB"]) <= 2600


def test_townships_are_those_of_the_published_list(shared: Path) -> None:
    import csv

    path = shared / "data" / "cn_township_names" / "xinjiang_kashgar_turpan_tacheng_townships.csv"
    with path.open(encoding="utf-8-sig") as file:
        text = [" ".join(row) for row in csv.reader(file)]
    for code, name in TOWNSHIPS.items():
        assert any(code in row and name in row for row in text), name


def test_lines_lie_as_they_should(layers: dict[str, gpd.GeoDataFrame]) -> None:
    redline, farmland, boundary = (union(layers, table) for table in ("STBHHX", "YJJBNTBHTB", "CZKFBJ"))
    assert redline.intersection(farmland).area == 0
    assert redline.intersection(boundary).area == 0
    shared_land = official_km2(farmland.intersection(boundary))
    assert 0 < shared_land < 2  # a few fields inside a town's boundary
    zones = layers["GHFQ"].dissolve("GHFQDM").geometry
    assert zones["100"].equals(redline)
    assert zones["400"].equals(boundary)
    assert official_km2(farmland.difference(shapely.union(zones["300"], boundary))) == 0
    assert redline.covers(union(layers, "ZRBHD"))
    pairs = layers["YJJBNTBHTB"].sjoin(layers["DLTB"], predicate="covered_by", lsuffix="field", rsuffix="patch")
    assert len(pairs) == len(layers["YJJBNTBHTB"])  # every field lies inside one patch
    assert (pairs["DLBM_patch"] == "0102").all()
    assert (pairs["KCXS_field"] == pairs["KCXS_patch"]).all()


def test_another_seed_another_county_with_the_same_totals(layers: dict[str, gpd.GeoDataFrame], tmp_path: Path) -> None:
    other = read_layers(make_demo(tmp_path / "other", seed=1).plan.parent)
    assert not union(other, "XJXZQ").equals(union(layers, "XJXZQ"))
    for table, published in PUBLISHED.items():
        assert official_km2(union(other, table)) == pytest.approx(published, abs=0.01)


@pytest.mark.slow
def test_county_size_has_the_published_totals(tmp_path: Path) -> None:
    (path,) = make_demo(tmp_path, size="county").plan.parent.glob("*.gpkg")
    assert pyogrio.read_info(path, layer="DLTB")["features"] > 90_000
    for table, published in PUBLISHED.items():
        frame = pyogrio.read_dataframe(path, layer=table)
        assert official_km2(frame.union_all()) == pytest.approx(published, abs=0.01)
