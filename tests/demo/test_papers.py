"""What applicants tell and hand in: every fact is one that is asked for, every paper reaches as far as it should."""

from __future__ import annotations

import tomllib

import geopandas as gpd
import numpy as np
import pytest
import shapely

from controllines.demo import DemoFiles
from controllines.facts import normalise
from tests.demo.conftest import NOTICE, official_km2, union


@pytest.fixture(scope="module")
def told(demo: DemoFiles) -> dict[str, dict[str, object]]:
    return tomllib.loads((demo.applications / "project.toml").read_text(encoding="utf-8"))["projects"]


def paper(demo: DemoFiles, number: str) -> gpd.GeoDataFrame:
    [path] = (demo.plan.parents[1] / "批件").glob(f"{number}_*.geojson")
    frame = gpd.read_file(path)
    assert frame.crs == "EPSG:4490"
    return frame


def plots_of(plots: gpd.GeoDataFrame, number: str) -> np.ndarray:
    return np.asarray(plots.geometry[plots["id"].str.startswith(f"{number}-")])


def test_every_fact_is_understood(told: dict[str, dict[str, object]]) -> None:
    for facts in told.values():
        for name, value in facts.items():
            assert normalise(name, value)
    assert told["DEMO2026001"]["项目类别"] == "光伏"
    assert told["DEMO2026001"]["临时用地"] is False


def test_every_paper_is_named_by_one_project(demo: DemoFiles, told: dict[str, dict[str, object]]) -> None:
    named = [value for facts in told.values() for value in facts.values() if str(value).endswith(".geojson")]
    there = sorted(path.name for path in (demo.plan.parents[1] / "批件").iterdir())
    assert sorted(str(name).removeprefix("../批件/") for name in named) == there
    assert len(there) == 5
    for name in named:
        assert NOTICE in (demo.applications / str(name)).read_text(encoding="utf-8")


@pytest.mark.parametrize("number", ["DEMO2026021", "DEMO2026022"])
def test_a_paper_for_the_whole_covers_every_plot(demo: DemoFiles, plots: gpd.GeoDataFrame, number: str) -> None:
    shapes = plots_of(plots, number)
    assert len(shapes)
    assert shapely.covers(paper(demo, number).union_all(), shapes).all()


def test_a_paper_for_half_ends_in_the_middle(demo: DemoFiles, plots: gpd.GeoDataFrame) -> None:
    [plot] = plots_of(plots, "DEMO2026057")
    west, _, east, _ = plot.bounds
    shape = paper(demo, "DEMO2026057").union_all()
    assert shape.bounds[2] == pytest.approx((west + east) / 2, abs=1e-8)
    assert shape.covers(plot.intersection(shapely.box(west, 0, shape.bounds[2], 90)))
    assert not shape.covers(plot)


@pytest.mark.parametrize(("number", "share"), [("DEMO2026017", 2.0), ("DEMO2026046", 0.3)])
def test_fields_brought_instead_are_cultivated_and_no_farmland_yet(
    demo: DemoFiles, plots: gpd.GeoDataFrame, layers: dict[str, gpd.GeoDataFrame], number: str, share: float
) -> None:
    frame = paper(demo, number)
    assert frame[["DLBM", "KCXS"]].to_numpy().tolist() == [["0102", 0.0]]
    [field] = frame.geometry
    cultivated = layers["DLTB"][layers["DLTB"]["DLBM"] == "0102"]
    inside = cultivated.geometry[cultivated.intersects(field)]
    assert official_km2(shapely.difference(field, inside.union_all())) * 1e6 < 0.1  # its sides are cut to nine decimals
    for table in ("YJJBNTBHTB", "CZKFBJ"):
        assert not union(layers, table).intersects(field.buffer(-1e-8))
    assert official_km2(field) == pytest.approx(share * official_km2(plots_of(plots, number)), rel=0.001)
