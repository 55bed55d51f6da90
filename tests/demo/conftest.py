"""The demo county, written once, and readers of it that are not the package's."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely

from controllines.area import official_area
from controllines.demo import DemoFiles, make_demo

KM2 = 1e6
NOTICE = "合成数据，仅供演示"


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoFiles:
    return make_demo(tmp_path_factory.mktemp("demo") / "演示")


@pytest.fixture(scope="session")
def layers(demo: DemoFiles) -> dict[str, gpd.GeoDataFrame]:
    return read_layers(demo.plan.parent)


def read_layers(folder: Path) -> dict[str, gpd.GeoDataFrame]:
    (path,) = folder.glob("*.gpkg")
    return {name: pyogrio.read_dataframe(path, layer=name) for name, _ in pyogrio.list_layers(path)}


def official_km2(geoms: object) -> float:
    return float(np.sum(official_area(np.atleast_1d(np.asarray(geoms, dtype=object)), "EPSG:4490"))) / KM2


def union(layers: dict[str, gpd.GeoDataFrame], name: str) -> shapely.Geometry:
    return layers[name].union_all()


def read_txt(path: Path) -> tuple[str, list[tuple[list[str], shapely.Polygon]]]:
    """A reader of the tests' own: strict, holes by ring number, x east and y north."""
    data = path.read_bytes()
    encoding = {b"\xef\xbb": "utf-8-sig", b"\xff\xfe": "utf-16"}.get(data[:2], "gbk")
    header, body = data.decode(encoding).split("[地块坐标]\r\n")
    plots: list[tuple[list[str], dict[str, list[tuple[float, float]]]]] = []
    for line in body.splitlines():
        if line.endswith("@"):
            plots.append((line.split(","), {}))
        else:
            _, ring, north, east = line.split(",")
            plots[-1][1].setdefault(ring, []).append((float(east), float(north)))
    return header, [(head, shapely.Polygon(rings.pop("1"), list(rings.values()))) for head, rings in plots]


@pytest.fixture(scope="session")
def plots(demo: DemoFiles) -> gpd.GeoDataFrame:
    """All readable plots in longitude and latitude, by readers that are not the package's."""
    frames = []
    for path in sorted(demo.applications.glob("*.txt")):
        if "戈壁物流仓库" in path.name:
            continue
        header, found = read_txt(path)
        zone = int(header.split("带号=")[1].split("\r")[0])
        heads = [head for head, _ in found]
        columns = {"id": [h[2] for h in heads], "name": [h[3] for h in heads], "ha": [float(h[1]) for h in heads]}
        frame = gpd.GeoDataFrame(columns, geometry=[g for _, g in found], crs=4488 + zone)
        frames.append(frame.assign(planar=frame.area, points=[int(h[0]) for h in heads], file=path.name))
    for path in sorted(demo.applications.iterdir()):
        if path.suffix in (".txt", ".toml"):
            continue
        source = f"/vsizip/{path}" if path.suffix == ".zip" else path
        frame = pyogrio.read_dataframe(source)
        frame = frame.rename(columns={"DKBH": "id", "DKMC": "name", "DKMJ": "ha", "parcel_id": "id"})
        lon = frame.to_crs(4490).bounds[["minx", "maxx"]].mean(axis=1)
        planar = np.where(lon < 88.5, frame.to_crs(4517).area, frame.to_crs(4518).area)
        frame = frame[["id", "name", "ha", "geometry"]].assign(planar=planar, points=0, file=path.name)
        frames.append(frame.assign(ha=frame["ha"] / 1e4))  # m² everywhere but in a TXT
    moved = [frame.to_crs(4490) for frame in frames]
    return gpd.GeoDataFrame(
        np.concatenate([f.to_numpy() for f in moved]), columns=moved[0].columns, geometry="geometry"
    )


def one(plots: gpd.GeoDataFrame, name: str) -> shapely.Polygon:
    (found,) = plots.geometry[plots["name"].str.startswith(name)]
    return found
