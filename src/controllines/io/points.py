"""Tables of corner points (界址点成果表), csv and xlsx: brought to the form of a survey file and read as one."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pyproj
import shapely

from controllines.errors import CRSError, InputError
from controllines.findings import Finding, finding
from controllines.io import shapefile, sheets, survey, txt
from controllines.io.gate import Opened, exceeded
from controllines.io.sheets import Sheet
from controllines.io.source import Source, Wanted
from controllines.packaged import packaged

#: A table may have a title and some words about the project above its header row.
_HEADER_WITHIN = 30
_UNIT = re.compile(r"[(\[][^()\[\]]*(米|m|度|°)[^()\[\]]*[)\]]")
_DATUM = re.compile(
    r"CGCS\s*2000|2000\s*国家大地|国家\s*2000|WGS[\s_-]*(19)?84|(西安|北京)\s*(19)?[58][04]|(19)?[58][04]\s*(年\s*)?(西安|北京)",
    re.IGNORECASE,
)
_DMS = re.compile(r"[EN东北]?(\d{1,3})[°度](?:(\d{1,2})['′分](?:(\d{1,2}(?:\.\d+)?)(?:\"|″|''|′′|秒)?)?)?[EN]?")
_METRES_PER_DEGREE = 111_320.0
_DIGITS_OF_A_DEGREE = 12


@dataclass(frozen=True)
class _Table:
    """A sheet whose header was found: the column of each role, all headings, what is stated, and the rows below."""

    opened: Opened
    sheet: Sheet
    roles: dict[str, int]
    headings: list[str]
    stated: dict[str, str]
    rows: list[tuple[int, list[str]]]

    @property
    def geographic(self) -> bool:
        """Tell whether the points are longitude and latitude."""
        return "lon" in self.roles

    def cell(self, cells: list[str], role: str) -> str:
        place = self.roles.get(role, len(cells))
        return cells[place] if place < len(cells) else ""


@dataclass
class _Plot:
    """The rows of one parcel: points with their order, and the cells of its other columns."""

    line: int
    key: tuple[str, str]
    points: list[tuple[str, txt.Point]] = field(default_factory=list)
    others: dict[int, set[str]] = field(default_factory=dict)


def read_csv(opened: Opened, wanted: Wanted) -> list[Source]:
    """Read a csv of corner points.

    Raises
    ------
    InputError, CRSError
    """
    [sheet] = sheets.read_csv(opened)
    return _sources(_table(opened, sheet), wanted)


def read_xlsx(opened: Opened, wanted: Wanted) -> list[Source]:
    """Read the sheets of a workbook that hold corner points.

    Raises
    ------
    InputError, CRSError
    """
    found = [sheet for sheet in sheets.read_xlsx(opened, wanted.limits) if any(cells for _, cells in sheet.rows)]
    if wanted.layer is not None:
        named = [sheet for sheet in found if sheet.name == wanted.layer]
        if not named:
            names = "、".join(str(sheet.name) for sheet in found)[:300]
            raise InputError.of("LAYER_UNKNOWN", source=opened.shown, actual=wanted.layer, expected=names)
        found = named
    if not found:
        raise InputError.of("FILE_EMPTY", source=opened.shown)
    known = [sheet for sheet in found if _header(sheet) is not None] or found[:1]
    passed = [
        finding("POINTS_SHEET_IGNORED", source=opened.shown, layer=sheet.name) for sheet in found if sheet not in known
    ]
    sources = [source for sheet in known for source in _sources(_table(opened, sheet), wanted)]
    return [replace(sources[0], findings=(*passed, *sources[0].findings)), *sources[1:]]


@cache
def _names() -> dict[str, dict[str, str]]:
    """Return heading -> role, and word -> key of a statement."""
    raw = packaged("io/points")
    return {
        part: {_heading(name): role for role, names in raw[part].items() for name in names}
        for part in ("columns", "statements")
    }


def role_of(heading: str) -> str | None:
    """Return what a column with this heading is in a table of corner points, None if it is a column of the user's."""
    return _names()["columns"].get(_heading(heading))


def _heading(cell: str) -> str:
    bare = _UNIT.sub("", re.sub(r"\s+", "", sheets.plain(cell))).lower()
    return re.sub(r"[()\[\]/_\-:]", "", bare)


def _header(sheet: Sheet) -> tuple[int, list[str]] | None:
    """Return the place of the header row among the rows, and its headings; merged ones stand a row above."""
    above: list[str] = []
    for place, (_, cells) in enumerate(sheet.rows[:_HEADER_WITHIN]):
        roles = {role_of(cell) for cell in cells}
        if {"north", "east"} <= roles or {"lon", "lat"} <= roles:
            width = max(len(cells), len(above))
            both = zip(_padded(cells, width), _padded(above, width), strict=True)
            return place, [own or over for own, over in both]
        above = cells
    return None


def _padded(cells: list[str], width: int) -> list[str]:
    return cells + [""] * (width - len(cells))


def _table(opened: Opened, sheet: Sheet) -> _Table:
    header = _header(sheet)
    if header is None:
        seen = next((" ".join(cells)[:120] for _, cells in sheet.rows if cells), "空表")
        raise InputError.of("POINTS_NO_HEADER", source=opened.shown, layer=sheet.name, actual=seen)
    place, headings = header
    line, own = sheet.rows[place]
    roles: dict[str, int] = {}
    for column, heading in enumerate(headings):
        role = role_of(heading)
        if role in roles:
            raise InputError.of("POINTS_COLUMNS", source=opened.shown, layer=sheet.name, line=line, actual=heading)
        if role is not None:
            roles[role] = column
    if "north" in roles and "east" in roles:  # with both kinds of coordinates the survey's own decide
        roles = {role: column for role, column in roles.items() if role not in ("lon", "lat")}
    rows = [(number, cells) for number, cells in sheet.rows[place + 1 :] if cells != own]
    return _Table(opened, sheet, roles, headings, _stated(sheet, place, headings), rows)


def _stated(sheet: Sheet, header: int, headings: list[str]) -> dict[str, str]:
    """Return what the words above the header say, in the keys of a survey file's header."""
    words, stated = _names()["statements"], dict[str, str]()
    lines = [cells for _, cells in sheet.rows[:header]]
    for cells in lines:
        for k, cell in enumerate(cells):
            name, mark, value = cell.replace("=", ":", 1).partition(":")
            value = value.strip() if mark else next((other for other in cells[k + 1 :] if other), "")
            if value and _heading(name) in words:
                stated.setdefault(words[_heading(name)], value)
    told = " ".join([*(cell for cells in lines for cell in cells), *headings, sheet.name or ""])
    datum = _DATUM.search(told)
    if datum and "坐标系" not in stated:
        stated["坐标系"] = datum[0]
    return stated


def _sources(table: _Table, wanted: Wanted) -> list[Source]:
    found: list[Finding] = []
    plots = _plots(table, wanted)
    parcels = [_parcel(plot, number, table, found) for number, plot in enumerate(plots)]
    if not parcels:
        raise InputError.of("FILE_EMPTY", source=table.opened.shown)
    project = {key: value for key, value in table.stated.items() if key in ("项目编号", "项目名称")}
    header = {key: value for key, value in table.stated.items() if key not in project}
    document = txt.Document(header, project, parcels)
    if table.geographic:
        read = [_geographic(table, document)]
    else:
        read = survey.sources_of(table.opened, document, table.sheet.encoding)
    finished = [_finished(source, table, plots) for source in read]
    return [replace(finished[0], findings=(*found, *finished[0].findings)), *finished[1:]]


def _plots(table: _Table, wanted: Wanted) -> list[_Plot]:
    """Gather the rows of each parcel; a blank parcel cell repeats the one above (merged cells)."""
    plots: dict[tuple[str, str], _Plot] = {}
    key, ring, block = ("", ""), "", 1
    for line, cells in table.rows:
        if not any(cells):
            block += 1
            continue
        own = _key(table, cells, key)
        ring = table.cell(cells, "ring") or (ring if own == key and ring else str(block))
        if "ring" not in table.roles:
            ring = str(block)
        key = own
        plot = plots.setdefault(key, _Plot(line, key))
        plot.points.append((table.cell(cells, "order"), _point(table, line, cells, ring)))
        for column, cell in enumerate(cells):
            if cell and column not in table.roles.values():
                plot.others.setdefault(column, set()).add(cell)
        if len(plots) > wanted.limits.max_features:
            raise exceeded(table.opened.shown, "max_features", wanted.limits.max_features, len(plots))
    return list(plots.values())


def _key(table: _Table, cells: list[str], before: tuple[str, str]) -> tuple[str, str]:
    code, name = table.cell(cells, "parcel_id"), table.cell(cells, "parcel_name")
    if not code and not name:
        return before
    if (code and not name and code == before[0]) or (name and not code and name == before[1]):
        return before
    return code, name


def _point(table: _Table, line: int, cells: list[str], ring: str) -> txt.Point:
    roles = ("lat", "lon") if table.geographic else ("north", "east")
    first, second = (_number(table, line, table.cell(cells, role), role) for role in roles)
    return txt.Point(line, ring, first, second)


def _number(table: _Table, line: int, cell: str, role: str) -> float:
    place = {
        "source": table.opened.shown, "layer": table.sheet.name, "line": line,
        "column": table.headings[table.roles[role]], "actual": cell[:60] or "（空）",
    }  # fmt: skip
    if cell.startswith("="):
        raise InputError.of("POINTS_FORMULA", **place)
    value = _degrees(cell) if table.geographic else None
    if value is None and re.fullmatch(r"[-+]?\d+(\.\d*)?([eE][-+]?\d{1,2})?", cell):
        value = float(cell)
    if value is None or not math.isfinite(value):
        raise InputError.of("POINTS_CELL", **place)
    return value


def _degrees(cell: str) -> float | None:
    """Read degrees, minutes and seconds (度分秒)."""
    found = _DMS.fullmatch(cell)
    if not found:
        return None
    degrees, minutes, seconds = (float(part or 0) for part in found.groups())
    return degrees + minutes / 60 + seconds / 3600 if minutes < 60 and seconds < 60 else None


def _parcel(plot: _Plot, number: int, table: _Table, found: list[Finding]) -> txt.Parcel:
    points = [point for _, point in plot.points]
    order = [int(text) if text.isdecimal() else None for text, _ in plot.points]
    sorted_points = _sorted(points, order)
    if sorted_points != points:
        name = plot.key[0] or plot.key[1] or f"第 {plot.line} 行"
        found.append(finding("POINTS_SORTED", source=table.opened.shown, layer=table.sheet.name, feature=name))
    # 图幅号 carries the place of the parcel in the table through to the frame.
    head = (str(len(points)), "", *plot.key, "面", str(number), "", "")
    return txt.Parcel(plot.line, head, sorted_points)


def _sorted(points: list[txt.Point], order: list[int | None]) -> list[txt.Point]:
    """Return the points ring by ring, by their number (序号) where every one has its own; else as they stand.

    Only a running number is an order: neighbours share the names (点号) of their common points.
    """
    rings: dict[str, list[tuple[int | None, txt.Point]]] = {}
    for number, point in zip(order, points, strict=True):
        rings.setdefault(point.ring, []).append((number, point))
    result: list[txt.Point] = []
    for own in rings.values():
        numbers = [number for number, _ in own if number is not None]
        numbered = len(set(numbers)) == len(own)
        result += [point for _, point in (sorted(own, key=lambda pair: pair[0] or 0) if numbered else own)]
    return result


def _geographic(table: _Table, document: txt.Document) -> Source:
    """Build the source of points in longitude and latitude."""
    opened, found = table.opened, list[Finding]()
    points = np.array([(p.second, p.first) for parcel in document.parcels for p in parcel.points])
    swapped = bool((points[:, 0] < 55).all() and (points[:, 1] > 70).all())  # no place in China reads both ways
    if swapped:
        found.append(finding("TXT_SWAPPED", source=opened.shown, layer=table.sheet.name))
        points = points[:, ::-1]
    if (np.abs(points) > (360, 90)).any():
        (west, south), (east, north) = points.min(axis=0), points.max(axis=0)
        shown = f"x {west:.3f}…{east:.3f}, y {south:.3f}…{north:.3f}"
        raise CRSError.of("CRS_METRES_AS_DEGREES", source=opened.shown, expected="经纬度列", actual=shown)
    if table.sheet.encoding == "GB18030":
        found.append(finding("ENCODING_GUESSED", source=opened.shown, actual=table.sheet.encoding))
    system = _datum(document.header.get("坐标系", ""), table, found)
    # Rings are put together in metres, for which the tolerances are meant.
    scale = np.array([_METRES_PER_DEGREE * math.cos(math.radians(points[0, 1])), _METRES_PER_DEGREE])
    lon, lat = (1, 0) if not swapped else (0, 1)
    geoms = np.empty(len(document.parcels), dtype=object)
    for k, parcel in enumerate(document.parcels):
        scaled = [
            replace(p, first=(p.first, p.second)[lat] * scale[1], second=(p.first, p.second)[lon] * scale[0])
            for p in parcel.points
        ]
        geoms[k] = survey.geometry(replace(parcel, points=scaled), False, opened.shown, found)
    back = shapely.transform(geoms, lambda xy: np.round(xy / scale, _DIGITS_OF_A_DEGREE))
    frame = pd.DataFrame([parcel.head[2:6] for parcel in document.parcels], dtype=object)
    frame.columns = pd.Index(["地块编号", "地块名称", "图形", "图幅号"])
    return Source(
        path=opened.shown, layer=None, frame=frame.drop(columns="图形"), geoms=np.asarray(back, dtype=object),
        crs=system, crs_found="表中写明的坐标系" if system else "未找到", encoding=table.sheet.encoding,
        resolution_m=None, sha256=opened.sha256, driver="CSV", project=document.project, findings=tuple(found),
    )  # fmt: skip


def _datum(name: str, table: _Table, found: list[Finding]) -> pyproj.CRS | None:
    if re.search(r"wgs.*84", name, re.IGNORECASE):
        found.append(finding("CRS_WGS84", source=table.opened.shown))
        return pyproj.CRS.from_epsg(4490)
    if "2000" in name:
        return pyproj.CRS.from_epsg(4490)
    for part, datum in (("80", "西安80"), ("54", "北京54")):
        if part in name:
            raise CRSError.of("CRS_NEEDS_PARAMETERS", source=table.opened.shown, actual=datum)
    return None


def _finished(source: Source, table: _Table, plots: list[_Plot]) -> Source:
    """Put the table's own columns into the frame, and take a .prj beside the file where the table says nothing."""
    own = [plots[int(place)] for place in source.frame["图幅号"]]
    columns: dict[str, list[Any]] = {
        name: [plot.key[k] or None for plot in own]
        for k, (role, name) in enumerate((("parcel_id", "地块编号"), ("parcel_name", "地块名称")))
        if role in table.roles
    }
    constant = [c for c in range(len(table.headings)) if _of_parcels(c, table, plots)]
    columns |= {table.headings[c]: [next(iter(plot.others.get(c, ())), None) for plot in own] for c in constant}
    columns |= {key: [value] * len(own) for key, value in source.project.items()}
    system, how = source.crs, source.crs_found
    if system is None:
        system = shapefile.prj(table.opened)
        how = "同名 .prj 文件" if system else "未找到（表中没有写坐标系，也没有同名 .prj 文件）"
    layer = table.sheet.name if source.layer is None else f"{table.sheet.name or ''} {source.layer}".strip()
    frame = pd.DataFrame(columns, index=pd.RangeIndex(len(own)), dtype=object)
    return replace(
        source, frame=frame, crs=system, crs_found=how.replace("TXT ", "表格"), layer=layer,
        driver="CSV" if table.sheet.name is None else "XLSX",
        encoding=table.sheet.encoding if table.sheet.name is None else None,
    )  # fmt: skip


def _of_parcels(column: int, table: _Table, plots: Iterable[_Plot]) -> bool:
    """Tell whether a column describes parcels: it has a heading of its own and one value in each parcel."""
    heading = table.headings[column]
    alone = bool(heading) and table.headings.count(heading) == 1 and column not in table.roles.values()
    values = [plot.others.get(column, set()) for plot in plots]
    return alone and any(values) and all(len(own) <= 1 for own in values)
