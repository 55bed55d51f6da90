"""What the applicants of the demo county tell (项目信息) and the papers they hand in (批件).

``facts`` of an application in ``data/demo.toml`` go to ``project.toml`` among the applications. ``papers`` become
polygons: of a paper that covers, the share of the plots' width it reaches over; of 补划地块, how much field it brings
for each square metre of the plots.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from controllines.crs import LONLAT as LONLAT_CODE
from controllines.crs import reproject
from controllines.demo.applications import Application
from controllines.demo.county import County
from controllines.demo.mesh import DECIMALS, LONLAT, settings
from controllines.facts import catalogue, shown

PAPERS = "批件"
FACTS = "project.toml"
#: Degrees by which a paper reaches beyond the plots.
MARGIN = 0.0002


def write_papers(folder: Path, applications_folder: Path, applications: list[Application], county: County) -> None:
    """Write the polygons into ``folder``, and the facts, which name them, into the folder of the applications."""
    folder.mkdir(parents=True)
    lines = [
        f"# 项目信息（{settings()['notice']}）：每个项目一节，名称和取值可用中文，也可用英文。",
        "# 也可写在项目信息表（controllines facts 生成）里，用 --facts 读入。",
    ]
    for application in applications:
        told = [f"{_quoted(catalogue()[key].zh)} = {_value(key, value)}"
                for key, value in application.spec.get("facts", {}).items()]  # fmt: skip
        for key, share in application.spec.get("papers", {}).items():
            name = f"{application.number}_{catalogue()[key].zh}.geojson"
            (folder / name).write_text(_geojson(name, *_paper(application, county, key, share)), encoding="utf-8",
                                       newline="\n")  # fmt: skip
            told.append(f"{_quoted(catalogue()[key].zh)} = {_quoted(f'../{folder.name}/{name}')}")
        if told:
            lines += ["", f"[projects.{_quoted(project_id(application))}]", *told]
    (applications_folder / FACTS).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def project_id(application: Application) -> str:
    """Return the id by which a check knows the project: its number where the file carries one, else the file."""
    numbered = application.format != "txt" or application.spec.get("info")
    return application.number if numbered else application.file


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _value(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return _quoted(shown(key, value)) if isinstance(value, str) else str(value)


def _paper(application: Application, county: County, key: str, share: float) -> tuple[np.ndarray, dict[str, Any]]:
    plots = reproject(np.array([plot.geom for plot in application.plots], dtype=object), application.crs, LONLAT)
    if catalogue()[key].role == "cover":
        return np.array(list(_covers(plots, share)), dtype=object), {}
    return _fields(plots, county, share), {"DLBM": "0102", "DLMC": "水浇地", "KCXS": 0.0, "GDPDJB": "1"}


def _covers(plots: np.ndarray, share: float) -> Iterator[shapely.Geometry]:
    """Yield a box around each plot that ends where ``share`` of its width is reached, from the west."""
    for west, south, east, north in shapely.bounds(plots):
        yield shapely.box(west - MARGIN, south - MARGIN, west + share * (east - west) + (share >= 1) * MARGIN,
                          north + MARGIN)  # fmt: skip


def _fields(plots: np.ndarray, county: County, share: float) -> np.ndarray:
    """Return part of the nearest field that is no farmland yet, about ``share`` times as large as the plots."""
    cultivated = county.layers["land_use"]["DLBM"].to_numpy() == "0102"
    free = county.patches[cultivated & ~county.place["farmland"] & ~county.place["boundary"]]
    field = free[shapely.distance(free, shapely.union_all(plots)).argmin()]
    wanted = share * float(shapely.area(plots).sum())
    west, south, east, north = field.bounds
    low, high = west, east
    for _ in range(40):  # the strip from the west that is as large as wanted
        middle = (low + high) / 2
        strip = shapely.intersection(field, shapely.box(west, south, middle, north))
        low, high = (middle, high) if strip.area < wanted else (low, middle)
    return np.array([max(shapely.get_parts(strip), key=lambda each: each.area)], dtype=object)


def _geojson(name: str, shapes: np.ndarray, columns: dict[str, Any]) -> str:
    features = [
        {
            "type": "Feature", "properties": {"BSM": str(n), **columns},
            "geometry": {"type": "Polygon", "coordinates": [np.round(shapely.get_coordinates(ring), DECIMALS).tolist()
                                                            for ring in (shape.exterior, *shape.interiors)]},
        } for n, shape in enumerate(shapes, start=1)
    ]  # fmt: skip
    return json.dumps({
        "type": "FeatureCollection", "name": Path(name).stem, "description": settings()["notice"],
        "crs": {"type": "name", "properties": {"name": f"urn:ogc:def:crs:{LONLAT_CODE.replace(':', '::')}"}},
        "features": features,
    }, ensure_ascii=False, indent=1) + "\n"  # fmt: skip
