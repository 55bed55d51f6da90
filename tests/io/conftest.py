"""A small writer of survey files, and layers as an office would hand them in."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely.geometry.base import BaseGeometry

HEADER = {
    "格式版本号": "1.01版本", "数据产生单位": "巴楚县自然资源局", "坐标系": "2000国家大地坐标系", "几度分带": "3",
    "投影类型": "高斯克吕格", "计量单位": "米", "带号": "26", "精度": "0.001", "转换参数": ",,,,,,",
}  # fmt: skip


def rings_of(geometry: BaseGeometry) -> list[list[tuple[float, float]]]:
    parts = getattr(geometry, "geoms", [geometry])
    return [list(ring.coords) for part in parts for ring in (part.exterior, *part.interiors)]


def parcel_text(geometry: BaseGeometry, *, number: str = "1", head: str | None = None) -> str:
    lines, point = [], 0
    for ring, coordinates in enumerate(rings_of(geometry), start=1):
        first = point + 1
        for k, (x, y) in enumerate(coordinates):
            point += 0 if k == len(coordinates) - 1 else 1
            name = first if k == len(coordinates) - 1 else point
            lines.append(f"J{name},{ring},{y:.3f},{x:.3f}")
    head = head or f"{len(lines)},1.0000,{number},地块{number},面,J44G006009,工业用地,0601,@"
    return "\n".join([head, *lines])


def text_of(*parcels: str, before: str = "", **header: str | None) -> str:
    values = {key: value for key, value in (HEADER | header).items() if value is not None}
    lines = [f"{key}={value}" for key, value in values.items()]
    return before + "\n".join(["[属性描述]", *lines, "[地块坐标]", *parcels]) + "\n"


def encoded(text: str, encoding: str) -> bytes:
    marks = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}
    return marks.get(encoding, b"") + text.encode(encoding)


@pytest.fixture
def writer() -> Callable[..., str]:
    """``writer(geometry or parcel text, …, before=, 带号=, …)`` -> text of a survey file."""

    def write(*parcels: BaseGeometry | str, **header: str | None) -> str:
        texts = [p if isinstance(p, str) else parcel_text(p, number=str(k)) for k, p in enumerate(parcels, start=1)]
        return text_of(*texts, **header)  # type: ignore[arg-type]

    return write


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """``save(text, encoding="utf-8", name="地块.txt")`` -> path."""

    def write(text: str, encoding: str = "utf-8", name: str = "地块.txt") -> Path:
        path = tmp_path / name
        path.write_bytes(encoded(text, encoding))
        return path

    return write


@pytest.fixture
def counties() -> gpd.GeoDataFrame:
    """Three records in 3° zone 26 with prefix, the second without geometry."""
    boxes = [shapely.box(26543000, 4405000, 26543300, 4405200), None, shapely.box(26544000, 4405000, 26544100, 4405100)]
    values = {
        "XZQDM": ["653130", "650422", "654202"],
        "XZQMC": ["巴楚县", "托克逊县", "乌苏市"],
        "GM": np.array([1, 2, 3], np.int32),
    }
    return gpd.GeoDataFrame(values, geometry=boxes, crs=4514)
