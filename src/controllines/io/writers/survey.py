"""The strict writer of survey files (勘测定界界址点坐标交换格式 TXT)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyproj
import shapely

from controllines import crs as crs_room
from controllines.errors import CRSError
from controllines.io import txt
from controllines.io.survey import geometry
from controllines.io.writers.sheet import Header, Sheet
from controllines.kinds import find_field, parcel_kind
from controllines.units import half_up

_KIND = {0: "点", 1: "线", 2: "面"}
_PROJECT = ("项目编号", "项目名称")


def zone_of_crs(crs: pyproj.CRS) -> tuple[int, int] | None:
    """Return (zone, 3 or 6) of a CGCS2000 Gauss–Krüger CRS, else None."""
    p = crs_room.projection(crs)
    if p is None or (p["k"], p["lat_0"], p["y_0"], p["x_0"] % 1e6) != (1, 0, 0, 500_000):
        return None
    zone, lon = int(p["x_0"] // 1e6), p["lon_0"]
    named = crs.name.lower().replace("_", " ")
    six = lon == zone * 6 - 3 if zone else lon % 6 == 3 and "3-degree" not in named and "3 degree" not in named
    zone = zone or round((lon + 3) / 6 if six else lon / 3)
    fits = lon == (zone * 6 - 3 if six else zone * 3) and zone in (range(13, 24) if six else range(24, 46))
    return (zone, 6 if six else 3) if fits else None


def by_zone(sheet: Sheet) -> list[Sheet]:
    """Return the sheet in the zone with prefix (带号) it is in, else parts of it, each feature in its own 3° zone.

    Raises
    ------
    CRSError
        There is no CRS, it needs parameters, the coordinates contradict it, or they lie outside zones 24 to 45.
    """
    source = crs_room.recognise(sheet.crs)
    bounds = shapely.bounds(sheet.geoms)
    crs_room.check_range(source, shapely.total_bounds(sheet.geoms))
    own = zone_of_crs(source.crs) if source.datum == "cgcs2000" else None
    if own is not None:
        shift = own[0] * 1e6 if (crs_room.projection(source.crs) or {})["x_0"] < 1e6 else 0
        geoms = shapely.transform(sheet.geoms, lambda xy: xy + [shift, 0])
        return [replace(sheet, geoms=geoms, crs=crs_room.gauss_kruger(own[0], degrees=own[1], prefix=True))]
    middle = np.column_stack([bounds[:, [0, 2]].mean(axis=1), bounds[:, [1, 3]].mean(axis=1)])
    zones = crs_room.zone_of(crs_room.to_lonlat(source, middle)[:, 0])
    parts = []
    if len(zones) and not 24 <= zones.min() <= zones.max() <= 45:
        raise CRSError.of("WRITE_ZONE", actual="、".join(map(str, np.unique(zones))))
    for zone in np.unique(zones):
        rows, target = zones == zone, crs_room.gauss_kruger(int(zone), prefix=True)
        geoms = crs_room.reproject(sheet.geoms[rows], source, crs_room.recognise(target))
        parts.append(sheet.take(rows, geoms=geoms, crs=target))
    return parts


def unfit(sheet: Sheet, header: Header) -> np.ndarray:
    """Return True for features that would not come back the same: rings that cross, repeat or lie within the precision.

    Simple areas, lines and points always do, so only the others are written and read for a trial.
    """
    return np.array([_critical(geom) and not _comes_back(geom, header.decimals) for geom in sheet.geoms], dtype=bool)


def _critical(geom: Any) -> bool:
    return shapely.get_dimensions(geom) == 2 and (len(rings(geom)) > 1 or not shapely.is_valid(geom))


def _comes_back(geom: Any, decimals: int) -> bool:
    text = "\n".join([f"[{txt.PARCELS}]", "1,,1,,面,,,,@", *point_lines(geom, decimals)])
    [parcel] = txt.parse(text, Path()).parcels
    back = geometry(parcel, False, Path(), [])
    if back is None:
        return False
    return _same(back, rounded(np.array([geom]), decimals)[0])


def _same(one: Any, two: Any) -> bool:
    return _drawn(one) == _drawn(two)


def _drawn(geom: Any) -> list[list[tuple[tuple[float, ...], ...]]]:
    """Return parts as their rings, whatever their start, direction and order; a bowtie has no direction to go by."""
    return sorted([_cycle(part.exterior), *sorted(map(_cycle, part.interiors))] for part in shapely.get_parts(geom))


def _cycle(ring: Any) -> tuple[tuple[float, ...], ...]:
    points = list(ring.coords)[:-1]
    starts = [points.index(min(points)), len(points) - 1 - points[::-1].index(min(points))]
    turned = [tuple(points[k:] + points[:k]) for k in starts]
    return min(*turned, *((way[0], *way[:0:-1]) for way in turned))


def rounded(geoms: np.ndarray, decimals: int) -> np.ndarray:
    """Return geometries as a file with so many decimals gives them back."""
    nearest = np.vectorize(lambda value: float(f"{value:.{decimals}f}"), otypes=[float])
    return np.asarray(shapely.transform(geoms, nearest))


def survey_text(sheet: Sheet, header: Header) -> str:
    """Return the text of a survey file: one 地块 for each feature, coordinates with zone prefix.

    Parameters
    ----------
    sheet : polygons, lines and points in a Gauss–Krüger CRS with prefix, none missing (see :func:`by_zone`)
    """
    lines = [*_project(sheet), *_header(sheet, header)]
    columns = {role: find_field(parcel_kind(), role, sheet.frame.columns) for role in ("id", "name", "use")}
    columns |= {name: name if name in sheet.frame.columns else None for name in ("图幅号", "地类编码")}
    values = {role: [cell(v) for v in sheet.frame[column]] if column else [""] * len(sheet)
              for role, column in columns.items()}  # fmt: skip
    for row, geom in enumerate(sheet.geoms):
        points = list(point_lines(geom, header.decimals))
        dimension = int(shapely.get_dimensions(geom))
        area = str(half_up(float(geom.area), "公顷", 4)) if dimension == 2 else ""
        about = (values[role][row] for role in ("图幅号", "use", "地类编码"))
        identity = (values["id"][row] or str(row + 1), values["name"][row], _KIND[dimension])
        lines += [",".join((str(len(points)), area, *identity, *about, "@")), *points]
    return "\r\n".join(lines) + "\r\n"


def carried(frame: pd.DataFrame) -> set[str]:
    """Return the columns that a survey file carries."""
    roles = {find_field(parcel_kind(), role, frame.columns) for role in ("id", "name", "use", "declared_area")}
    own = {"图幅号", "地类编码"} | {name for name in _PROJECT if name in frame and frame[name].nunique() == 1}
    return {name for name in roles if name} | (own & set(frame.columns))


def cell(value: object) -> str:
    """Return a value as it can stand in a head: no comma, no line break."""
    if value is None or value is pd.NA or value != value:
        return ""
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    return re.sub(r"\s+", " ", text).strip().replace(",", "，")


def _project(sheet: Sheet) -> list[str]:
    known = {name: cell(sheet.frame[name].iloc[0]) for name in _PROJECT
             if name in sheet.frame and sheet.frame[name].nunique() == 1}  # fmt: skip
    known |= {re.sub(r"[=\[\]\s]", "", key): re.sub(r"\s+", " ", value) for key, value in sheet.project.items()}
    return ["[项目信息]", *(f"{key}={value}" for key, value in known.items())] if known else []


def _header(sheet: Sheet, header: Header) -> list[str]:
    zone = zone_of_crs(sheet.crs) if sheet.crs is not None else None
    if zone is None:
        raise ValueError("a survey file is written in a Gauss–Krüger zone")
    values = {
        "格式版本号": "1.01版本", "数据产生单位": header.unit, "数据产生日期": header.date,
        "坐标系": "2000国家大地坐标系", "几度分带": zone[1], "投影类型": "高斯克吕格", "计量单位": "米",
        "带号": zone[0], "精度": f"{10.0**-header.decimals:.{header.decimals}f}", txt.PARAMETERS: ",,,,,,",
    }  # fmt: skip
    return [f"[{txt.HEADER}]", *(f"{key}={value}" for key, value in values.items()), f"[{txt.PARCELS}]"]


def points(geom: Any) -> Iterator[tuple[int, str, float, float]]:
    """Yield ring, name (点号), x and y: numbers run on through the rings, a closing point repeats its ring's first."""
    number = 0
    for ring, xy in enumerate(rings(geom), start=1):
        names = [f"J{number + k}" for k in range(1, len(xy) + 1)]
        number += len(xy)
        if shapely.get_dimensions(geom) == 2:
            names[-1], number = names[0], number - 1
        yield from ((ring, name, x, y) for name, (x, y) in zip(names, xy.tolist(), strict=True))


def point_lines(geom: Any, decimals: int) -> Iterator[str]:
    """Yield the lines of the points of one 地块."""
    for ring, name, x, y in points(geom):
        yield f"{name},{ring},{y:.{decimals}f},{x:.{decimals}f}"


def rings(geom: Any) -> list[np.ndarray]:
    """Return the coordinates of rings (from the north-west, clockwise), of lines, or of all points together."""
    dimension = int(shapely.get_dimensions(geom))
    if dimension == 0:
        return [shapely.get_coordinates(geom)]
    parts = shapely.get_parts(geom)
    if dimension == 1:
        return [shapely.get_coordinates(part) for part in parts]
    return [_from_north_west(shapely.get_coordinates(ring)[:-1]) for ring in shapely.get_rings(parts)]


def _from_north_west(points: np.ndarray) -> np.ndarray:
    if shapely.is_ccw(shapely.LinearRing(points)):
        points = points[::-1]
    points = np.roll(points, -int((points[:, 1] - points[:, 0]).argmax()), axis=0)
    return np.concatenate([points, points[:1]])
