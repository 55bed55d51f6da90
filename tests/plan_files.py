"""A small plan for tests of reading: boxes on a grid of degrees, a database with official names, a plan.toml."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import shapely

WEST, SOUTH = 88.5, 42.8


def frame(
    *boxes: tuple[float, float, float, float], crs: object = "EPSG:4490", **columns: list[object]
) -> gpd.GeoDataFrame:
    """Boxes in thousandths of a degree from (88.5, 42.8); sides stay below the length that is warned about."""
    shapes = [shapely.box(WEST + w / 1000, SOUTH + s / 1000, WEST + e / 1000, SOUTH + n / 1000) for w, s, e, n in boxes]
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=crs)


def database(folder: Path) -> Path:
    """Write a database with official table names beside which plan.toml files are written."""
    path = folder / "三区三线.gpkg"
    frame((0, 0, 4, 4), BSM=["r1"], LHLX=["水源涵养"]).to_file(path, layer="STBHHX", engine="pyogrio")
    frame((4, 0, 8, 4), BSM=["f1"], DLBM=["0102"], KCXS=[0.1]).to_file(path, layer="YJJBNTBHTB", engine="pyogrio")
    frame((0, 4, 8, 8), BSM=["u1"], GHFQMC=["集中建设区"]).to_file(path, layer="CZKFBJ", engine="pyogrio")
    frame((0, 0, 10, 10), XZQDM=["650422100"], XZQMC=["甲镇"]).to_file(path, layer="XZQ", engine="pyogrio")
    frame((0, 0, 10, 10), OTHER=["x"]).to_file(path, layer="备注", engine="pyogrio")
    return path


def toml(data: Path, text: str) -> Path:
    path = data.parent / "plan.toml"
    path.write_text(text, encoding="utf-8")
    return path


RED = '[layers.ecological_redline]\npath = "三区三线.gpkg"\nlayer = "STBHHX"\n'
