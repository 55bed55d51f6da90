"""From a parsed survey file (TXT) to a source: axes, coordinate system, rings to polygons."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyproj
import shapely

from controllines import crs as crs_room
from controllines.errors import CRSError, InputError
from controllines.findings import Finding, finding
from controllines.io import txt
from controllines.io.gate import Opened, exceeded
from controllines.io.source import Source, Wanted

Rings = list[np.ndarray]
#: Zone (带号) and its width, 3 or 6 degrees, that eastings carry; None where they carry none.
Prefix = tuple[int, int] | None
#: Column of the frame -> its place in the head of a parcel.
_COLUMNS = {"地块编号": 2, "地块名称": 3, "地块用途": 6, "地类编码": 7, "图幅号": 5}
_PROJECT_COLUMNS = ("项目编号", "项目名称")
#: Two rings count as nested or apart where only a rim of this width (m) speaks against it: the precision of the format.
_RIM_M = 0.001


def read_survey(opened: Opened, wanted: Wanted) -> list[Source]:
    """Read a survey file (勘测定界 TXT) in this process: one source, or one for each zone (投影带) of its parcels.

    Raises
    ------
    InputError
        The text cannot be decoded or breaks the grammar, or it cannot be said which column is east.
    CRSError
        The header names a datum that needs parameters, zone prefix and header contradict each other, or the points of
        one parcel lie in several zones.
    """
    text, encoding = txt.decode(opened.path.read_bytes(), opened.shown)
    document = txt.parse(text, opened.shown)
    if len(document.parcels) > wanted.limits.max_features:
        raise exceeded(opened.shown, "max_features", wanted.limits.max_features, len(document.parcels))
    return sources_of(opened, document, encoding)


def sources_of(opened: Opened, document: txt.Document, encoding: str) -> list[Source]:
    """Return the sources of a parsed file, one for each zone; tables of corner points are read by it, too.

    Raises
    ------
    InputError, CRSError
    """
    placed = [(parcel, *axes(parcel.points, opened.shown)) for parcel in document.parcels]
    prefixes = list(dict.fromkeys(prefix for _, _, prefix in placed))
    file = _File(opened, document, encoding, _datum(document.header, opened.shown))
    sources = []
    for prefix in prefixes:
        own = [(parcel, swapped) for parcel, swapped, its in placed if its == prefix]
        sources.append(_source(file, own, prefix, prefixes))
    return [replace(sources[0], findings=(*_about(file, placed, prefixes), *sources[0].findings)), *sources[1:]]


@dataclass(frozen=True)
class _File:
    opened: Opened
    document: txt.Document
    encoding: str
    datum: str | None


def _about(file: _File, placed: list[tuple[txt.Parcel, bool, Prefix]], prefixes: list[Prefix]) -> Iterator[Finding]:
    """Yield what is to be said of the file as a whole."""
    path, header = file.opened.shown, file.document.header
    if file.encoding == "GB18030":
        yield finding("ENCODING_GUESSED", source=path, actual=file.encoding)
    if re.search(r"wgs.*84", header.get("坐标系", ""), re.IGNORECASE):
        yield finding("CRS_WGS84", source=path)
    if re.search(r"[0-9０-９]", header.get(txt.PARAMETERS, "")) and txt.parameters(header[txt.PARAMETERS]) is None:
        yield finding("TXT_PARAMETERS", source=path)
    if any(swapped for _, swapped, _ in placed):
        yield finding("TXT_SWAPPED", source=path)
    if len(prefixes) > 1:
        yield finding("TXT_ZONES", source=path, actual="、".join(map(_zone_text, prefixes)))


def _source(
    file: _File, parcels: list[tuple[txt.Parcel, bool]], prefix: Prefix, prefixes: list[Prefix]
) -> Source:  # fmt: skip
    """Build the source of the parcels with one prefix."""
    opened, document, found = file.opened, file.document, list[Finding]()
    system, how = _coordinate_system(file, prefix, prefixes)
    geoms = np.empty(len(parcels), dtype=object)
    geoms[:] = [geometry(parcel, swapped, opened.shown, found) for parcel, swapped in parcels]
    heads = [parcel.head for parcel, _ in parcels]
    frame = _frame(heads, document.project)
    frame["declared_area_m2"] = [_declared(*row, opened.shown, found) for row in zip(heads, geoms, strict=True)]
    return Source(
        path=opened.shown, layer=_layer(prefix) if len(prefixes) > 1 else None, frame=frame, geoms=geoms,
        crs=system, crs_found=how, encoding=file.encoding,
        resolution_m=txt.resolution_m(document.header.get("精度")), sha256=opened.sha256, driver="TXT",
        project=document.project, findings=tuple(found),
        parameters=txt.parameters(document.header.get(txt.PARAMETERS)),
    )  # fmt: skip


def _frame(heads: list[tuple[str, ...]], project: dict[str, str]) -> pd.DataFrame:
    frame = pd.DataFrame({column: [h[place] for h in heads] for column, place in _COLUMNS.items()}, dtype=object)
    if any(len(h) == 13 for h in heads):
        for place, column in enumerate(txt.EXTRA, start=8):
            frame[column] = [h[place] if len(h) == 13 else None for h in heads]
    for column in _PROJECT_COLUMNS:
        if project.get(column):
            frame[column] = project[column]
    return frame


def _declared(head: tuple[str, ...], geom: Any, path: Path, found: list[Finding]) -> float:
    """Return the declared area in m²; a bare number close to the planar m² is no 公顷, and that is said."""
    value = txt.area_m2(head[1])
    planar = float(shapely.area(geom)) if geom is not None else 0.0
    bare = value / 10_000
    if txt.has_unit(head[1]) or planar <= 0 or not planar / 2 <= bare <= planar * 2:
        return value
    computed, name = f"{planar / 1e4:.4f} 公顷", head[2] or head[3] or None
    found.append(finding("TXT_AREA_UNIT", source=path, feature=name, actual=head[1], expected=computed))
    return bare


def axes(points: list[txt.Point], path: Path) -> tuple[bool, Prefix]:
    """Decide which column of a parcel is east; return (columns are swapped, (zone, 3 or 6) of the prefix or None).

    The format puts X (north) first and Y (east) second. East is the column whose numbers carry a zone prefix; without
    prefixes it is the one with six digits against seven.

    Raises
    ------
    InputError
        ``TXT_AXES``: it cannot be decided.
    CRSError
        ``CRS_TWO_ZONES``: points of several zones in one parcel.
    """
    xy = np.array([(point.first, point.second) for point in points])
    prefixed = [[crs_room.zone_prefix(value) for value in column] for column in xy.T]
    first, second = (any(zone is not None for zone in column) for column in prefixed)
    if first and second:
        raise _undecided(points, xy, path)
    if not first and not second:
        return _by_size(points, xy, path), None
    zones = prefixed[0] if first else prefixed[1]
    other = next((k for k, zone in enumerate(zones) if zone != zones[0]), None)
    if other is not None:
        told = {"expected": _zone_text(zones[0]), "actual": _zone_text(zones[other])}
        raise CRSError.of("CRS_TWO_ZONES", source=path, line=points[other].line, **told)
    return first, zones[0]


def _by_size(points: list[txt.Point], xy: np.ndarray, path: Path) -> bool:
    low, high = np.abs(xy).min(axis=0), np.abs(xy).max(axis=0)
    east = (low >= 1e5) & (high < 1e6)
    north = (low >= 1e6) & (high < 1e7)
    if east[1] and north[0]:
        return False
    if east[0] and north[1]:
        return True
    raise _undecided(points, xy, path)


def _undecided(points: list[txt.Point], xy: np.ndarray, path: Path) -> InputError:
    place = points[0]
    return InputError.of("TXT_AXES", source=path, line=place.line, actual=f"{xy[0, 0]:.3f}，{xy[0, 1]:.3f}")


def _zone_text(zone: Prefix) -> str:
    return f"{zone[1]} 度带 {zone[0]} 带" if zone else "无带号"


def _layer(zone: Prefix) -> str:
    return f"{zone[0]}带" if zone else "无带号"


def _coordinate_system(file: _File, prefix: Prefix, prefixes: list[Prefix]) -> tuple[pyproj.CRS | None, str]:
    """Return the CRS the header and the eastings declare together, and how it was found."""
    header = file.document.header
    if file.datum is None:
        return None, "未找到（文件头没有坐标系）"
    zone, degrees = _zone(header, prefix, prefixes, file.opened.shown)
    if zone is None:
        return None, "未找到（文件头没有带号，东坐标也不含带号）"
    how = f"TXT 文件头（带号 {zone}）" if zone in _numbers(header, "带号") else f"TXT 东坐标前两位（带号 {zone}）"
    return crs_room.gauss_kruger(zone, degrees=degrees, prefix=prefix is not None, datum=file.datum), how


def _datum(header: dict[str, str], path: Path) -> str | None:
    """Return the datum the header names: ``cgcs2000``; ``xian80``, ``beijing54`` only with seven parameters.

    Raises
    ------
    CRSError
        ``CRS_NEEDS_PARAMETERS``, ``CRS_UNKNOWN``.
    """
    name = header.get("坐标系", "")
    projection, unit = header.get("投影类型", ""), header.get("计量单位", "")
    if projection and "高斯" not in projection:
        raise CRSError.of("CRS_UNKNOWN", source=path, actual=f"投影类型={projection[:60]}")
    if unit and unit.lower() not in ("米", "m", "metre", "meter"):
        raise CRSError.of("CRS_UNKNOWN", source=path, actual=f"计量单位={unit[:60]}")
    if not name:
        return None
    if "2000" in name or re.search(r"wgs.*84", name, re.IGNORECASE):
        return "cgcs2000"
    given = txt.parameters(header.get(txt.PARAMETERS)) is not None
    for part, datum, title in (("80", "xian80", "西安80"), ("54", "beijing54", "北京54")):
        if part in name and given and "新" not in name:
            return datum
        if part in name:
            raise CRSError.of("CRS_NEEDS_PARAMETERS", source=path, actual=title)
    raise CRSError.of("CRS_UNKNOWN", source=path, actual=name[:60])


def _zone(header: dict[str, str], prefix: Prefix, prefixes: list[Prefix], path: Path) -> tuple[int | None, int]:
    zones = _numbers(header, "带号")
    degrees = next(iter(_numbers(header, "几度分带") or _numbers(header, "分带")), None)
    told = f"带号={header.get('带号', '')}，几度分带={header.get('几度分带') or header.get('分带', '')}"
    if prefix is not None:
        # Of several zones in a file its header names one; the eastings tell the others.
        known = not zones or any(zone is not None and zone[0] in zones for zone in prefixes)
        if not known or degrees not in (None, prefix[1]):
            raise CRSError.of("CRS_PREFIX_CONTRADICTS", source=path, expected=told, actual=_zone_text(prefix))
        return prefix
    if len(zones) != 1:
        return None, degrees or 3
    [zone] = zones
    by_range = 3 if 24 <= zone <= 45 else 6 if 13 <= zone <= 23 else None
    if by_range is None or degrees not in (None, by_range):
        raise CRSError.of("CRS_PREFIX_CONTRADICTS", source=path, expected=told, actual="东坐标不含带号")
    return zone, by_range


def _numbers(header: dict[str, str], key: str) -> list[int]:
    text = header.get(key, "").translate(str.maketrans("三六０１２３４５６７８９", "360123456789"))
    return list(dict.fromkeys(map(int, re.findall(r"[0-9]{1,3}", text))))


@dataclass(frozen=True)
class _Plot:
    """The parcel (地块) whose rings are put together: how to name it, and where findings go."""

    name: str
    path: Path
    found: list[Finding]

    def note(self, code: str, **values: Any) -> None:
        self.found.append(finding(code, source=self.path, feature=self.name, **values))


def geometry(parcel: txt.Parcel, swapped: bool, path: Path, found: list[Finding]) -> Any:
    """Return the geometry of a parcel, x east and y north; None, with a finding, where its points give none."""
    plot = _Plot(parcel.head[2] or parcel.head[3] or f"第 {parcel.line} 行", path, found)
    runs = [
        np.array([(p.first, p.second) if swapped else (p.second, p.first) for p in run])
        for _, run in groupby(parcel.points, key=lambda point: point.ring)
    ]
    if parcel.head[4] == "点":
        return shapely.MultiPoint(np.concatenate(runs)) if len(parcel.points) > 1 else shapely.Point(runs[0][0])
    if parcel.head[4] == "线":
        return _lines(runs, plot)
    rings = list(chain.from_iterable(_loops(run) for run in runs))
    _check_count(parcel, rings, plot)
    return _area([_closed(ring, plot) for ring in rings], plot)


def _lines(runs: Rings, plot: _Plot) -> Any:
    if any(len(run) < 2 for run in runs):
        plot.note("TXT_RINGS", actual="线只有一个点")
        return None
    lines = [shapely.LineString(run) for run in runs]
    return lines[0] if len(lines) == 1 else shapely.MultiLineString(lines)


def _loops(run: np.ndarray) -> Rings:
    """Split points under one ring number where rings close: some exporters number every ring of a parcel 1."""
    loops, start = [], 0
    while start < len(run):
        again = np.flatnonzero((run[start + 3 :] == run[start]).all(axis=1))
        if not len(again):
            break
        loops.append(run[start : start + again[0] + 4])
        start += int(again[0]) + 4
    # A rest that closes nowhere: one ring that touches its own first point, or an open ring; never two halves.
    return loops if start == len(run) else [run]


def _check_count(parcel: txt.Parcel, rings: Rings, plot: _Plot) -> None:
    points = sum(map(len, rings))
    distinct = len({(p.first, p.second) for p in parcel.points})
    count = int(parcel.head[0]) if re.fullmatch(r"[0-9]{1,9}", parcel.head[0]) else None
    open_rings = sum(len(ring) == 1 or not (ring[0] == ring[-1]).all() for ring in rings)
    if count is not None and open_rings and points + open_rings < count:
        # Points are missing by the count, and a ring does not close: two signs of a file that was cut off.
        where = {"source": plot.path, "feature": plot.name, "line": parcel.points[-1].line}
        raise InputError.of("TXT_CUT_OFF", expected=count, actual=points, **where)
    if count not in (points, points - len(rings), points - 1, distinct, points + open_rings):
        plot.note("TXT_COUNT", expected=parcel.head[0] or "（空）", actual=points)


def _closed(ring: np.ndarray, plot: _Plot) -> np.ndarray:
    gap = float(np.hypot(*(ring[0] - ring[-1])))
    if gap or len(ring) == 1:
        plot.note("TXT_RING_CLOSED", xy=tuple(ring[0]), actual=f"{gap:.3f} 米")
        ring = np.concatenate([ring, ring[:1]])
    # Shapely wants four points; a ring of fewer stays a ring without area, which the repair sets aside by name.
    return np.concatenate([ring, np.repeat(ring[-1:], max(0, 4 - len(ring)), axis=0)])


def _area(rings: Rings, plot: _Plot) -> Any:
    if len(rings) == 1:
        return shapely.Polygon(rings[0])
    holders = containment([shapely.Polygon(ring) for ring in rings])
    if holders is None:
        plot.note("TXT_RINGS", actual="圈与圈相交或重复，分不出是内圈还是另一块")
        return None
    depth = [len(inside) for inside in holders]
    polygons = [
        shapely.Polygon(
            ring, [rings[h] for h, inside in enumerate(holders) if k in inside and depth[h] == depth[k] + 1]
        )
        for k, ring in enumerate(rings)
        if depth[k] % 2 == 0
    ]
    return polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)


def containment(polygons: list[shapely.Polygon]) -> list[set[int]] | None:
    """Return for every ring the rings that hold it, whatever their numbers (圈号); None where two rings cross.

    Decided by shared area, with a rim of 1 mm, so that a hole that touches its shell is still a hole.
    """
    areas = [shapely.make_valid(polygon, method="structure", keep_collapsed=False) for polygon in polygons]
    holders: list[set[int]] = [set() for _ in polygons]
    tree = shapely.STRtree(areas)
    for one, two in tree.query(areas, predicate="intersects").T.tolist():
        if one >= two:
            continue
        small, large = sorted((one, two), key=lambda k: float(areas[k].area))
        shared = float(shapely.intersection(areas[small], areas[large]).area)
        rim = _RIM_M * float(areas[small].length)
        if shared <= min(rim, float(areas[small].area) / 2):
            continue
        if areas[small].area - shared > rim or areas[large].area - areas[small].area <= rim:
            return None
        holders[small].add(large)
    return holders
