"""The applications of the demo county do what they are named for."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from controllines.demo import DemoFiles
from tests.demo.conftest import one, union


def test_sixty_applications(demo: DemoFiles, plots: gpd.GeoDataFrame) -> None:
    names = [path.name for path in demo.applications.iterdir() if path.name != "project.toml"]
    assert all(name.startswith("演示_") for name in names)
    assert len([name for name in names if name.endswith(".txt")]) == 30
    assert plots["file"].value_counts().drop([n for n in names if n.endswith(".txt")], errors="ignore").to_dict() == {
        "演示_乡镇上报用地.zip": 12, "演示_发展改革部门汇总.gpkg": 9, "演示_网上申报.geojson": 8,
    }  # fmt: skip
    assert plots["name"].str.contains("（演示）").all()
    assert shapely.is_valid(np.asarray(plots.geometry)).all()
    applications = plots["name"].str.split("（演示）").str[0].nunique() + 1  # and the broken file
    assert applications == 58
    meets = shapely.STRtree(plots.geometry).query(plots.geometry, predicate="intersects")
    assert (meets[0] == meets[1]).all()  # no land is asked for twice


def test_declared_areas_are_planar_but_one(plots: gpd.GeoDataFrame) -> None:
    square_metres = np.abs(plots["ha"].astype(float) * 1e4 - plots["planar"].astype(float))
    wrong = square_metres > np.where(plots["file"].str.endswith(".txt"), 0.51, 0.006)
    assert list(plots["name"][wrong]) == ["废旧地膜回收站（演示）"]


def test_ids_repeat_once(plots: gpd.GeoDataFrame) -> None:
    repeated = plots["id"].value_counts().loc[lambda count: count > 1]
    assert repeated.to_dict() == {"DEMO2026-CF": 2}
    assert plots["file"][plots["id"] == "DEMO2026-CF"].nunique() == 2


def test_conflicts_of_every_kind(plots: gpd.GeoDataFrame, layers: dict[str, gpd.GeoDataFrame]) -> None:
    redline, farmland, boundary = (union(layers, table) for table in ("STBHHX", "YJJBNTBHTB", "CZKFBJ"))
    shapes = np.asarray(plots.geometry)
    on_redline = shapely.area(shapely.intersection(shapes, redline)) > 0
    on_farmland = shapely.area(shapely.intersection(shapes, farmland)) > 0
    inside, meets = shapely.covers(boundary, shapes), shapely.intersects(boundary, shapes)
    assert (on_redline.sum(), on_farmland.sum()) == (9, 10)
    assert list(plots["name"][on_redline & on_farmland]) == ["旅游公路（演示）"]
    assert (inside.sum(), (meets & ~inside).sum()) == (11, 7)
    assert (~on_redline & ~on_farmland & inside).sum() == 11
    assert not shapely.intersects(one(plots, "避让农田的储能电站"), farmland)
    assert farmland.intersects(shapely.Polygon(one(plots, "避让农田的储能电站").exterior))


def test_special_places(plots: gpd.GeoDataFrame, layers: dict[str, gpd.GeoDataFrame]) -> None:
    redline, county = union(layers, "STBHHX"), union(layers, "XJXZQ")
    crosses = (plots.bounds["minx"] < 88.5) & (plots.bounds["maxx"] > 88.5)
    assert list(plots["name"][crosses]) == ["跨带光伏基地（演示）"]
    assert len(one(plots, "避让农田的储能电站").interiors) == 1
    outside = plots["name"][~shapely.covers(county, np.asarray(plots.geometry))]
    assert list(outside) == ["县界加油站（演示）"]
    assert one(plots, "县界加油站").intersects(county)
    touching, strip = one(plots, "林区边防火通道"), one(plots, "林区边围栏工程")
    assert touching.touches(redline)
    assert touching.intersection(redline).length > 0.005  # along an edge, degrees
    overlap = gpd.GeoSeries([strip.intersection(redline)], crs=4490).to_crs(4517).iloc[0]
    assert 2 * overlap.area / overlap.length == pytest.approx(0.001, rel=0.2)
