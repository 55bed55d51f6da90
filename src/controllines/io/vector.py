"""Adapters of the formats that the worker reads: shapefile, gdb, GeoPackage, GeoJSON, GeoParquet, KML, DXF."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyproj
import shapely
from pyproj.exceptions import CRSError as ProjCRSError

from controllines.errors import CRSError, InputError
from controllines.findings import Finding, finding
from controllines.io import border, drawing, rings, shapefile
from controllines.io.curves import SAGITTA_M
from controllines.io.gate import Opened
from controllines.io.nesting import deep_rows
from controllines.io.source import Source, Wanted
from controllines.packed import Block, Packed, boxes_of, row_slices
from controllines.packed import packed as pack_block

_WKB = "__wkb__"
#: Formats whose layers have names; the others hold one layer.
NAMED_LAYERS = ("OpenFileGDB", "GPKG", "LIBKML", "XLSX")
#: What the reader of KML adds to every placemark: how it is drawn, not what it is.
_KML_DRAWING = (
    "id", "timestamp", "begin", "end", "altitudeMode", "tessellate", "extrude", "visibility", "drawOrder", "icon",
)  # fmt: skip
#: Formats that tell land from holes by the direction of rings alone.
_BY_DIRECTION = ("ESRI Shapefile", "OpenFileGDB")
_UNDEFINED = ("undefined", "unknown", "unnamed")


def read_vector(opened: Opened, wanted: Wanted) -> list[Source]:
    """Read the layers of a gdb, gpkg, geojson or GeoParquet file.

    Raises
    ------
    InputError, CRSError
    """
    read = border.read_layers(opened, wanted)
    return [_source(opened, about, table, crs=declared_crs(opened, about), packed=wanted.packed)
            for about, table in read]  # fmt: skip


def read_kml(opened: Opened, wanted: Wanted) -> list[Source]:
    """Read the folders of a KML, each as a layer; the standard fixes the coordinate system (WGS84).

    Raises
    ------
    InputError
    """
    sources = []
    for about, table in border.read_layers(opened, wanted):
        kept = table.drop_columns([name for name in _KML_DRAWING if name in table.column_names])
        lost = [name for name in kept.column_names if name != _WKB and not name.strip("_")]
        found = [finding("KML_FIELDS", source=opened.shown, layer=about["name"], actual=len(lost))] if lost else []
        sources.append(_source(opened, about, kept, crs=declared_crs(opened, about), found=found))
    # A folder that only holds folders is no layer of its own.
    return [source for source in sources if len(source.geoms)] or sources


def read_dxf(opened: Opened, wanted: Wanted) -> list[Source]:
    """Read a drawing (DXF): closed lines and hatches are polygons, the column ``Layer`` names the CAD layer.

    Raises
    ------
    InputError, CRSError
    """
    looked = drawing.look(opened)
    [(about, table)] = border.read_layers(opened, wanted, options=looked.options)
    how = "同名 .prj 文件" if (system := shapefile.prj(opened)) else "未找到（DXF 不含坐标系，也没有同名 .prj 文件）"
    about = about | {"curves": looked.curves}
    source = _source(opened, about, table, crs=(system, how), encoding=looked.encoding, found=list(looked.findings))
    return [drawing.with_areas(source)]


def read_shapefile(opened: Opened, wanted: Wanted) -> list[Source]:
    """Read a shapefile whose parts are all there and agree; text by .cpg, LDID, UTF-8 or GB18030, in this order.

    Raises
    ------
    InputError
        A part is missing or cut off, or the text fits no encoding.
    """
    checked = shapefile.check(opened)
    found: list[Finding] = list(checked.findings)
    system = shapefile.prj(opened)
    how = ".prj 文件" if system else "未找到（没有 .prj 文件）"
    [(about, table)] = border.read_layers(opened, wanted, encoding=checked.encoding)
    if len(table) != checked.records:
        actual = f"应有 {checked.records} 个要素，读出 {len(table)} 个"
        raise InputError.of("FILE_CORRUPT", source=opened.shown, actual=actual)
    source = _source(opened, about, table, crs=(system, how), encoding=checked.encoding, found=found,
                     packed=wanted.packed and not checked.cut_off)  # fmt: skip
    if checked.cut_off:
        source.geoms[list(checked.cut_off)] = None  # half a record is none
    return [source]


def _source(
    opened: Opened,
    about: dict[str, Any],
    table: pa.Table,
    *,
    crs: tuple[pyproj.CRS | None, str],
    encoding: str | None = None,
    found: list[Finding] | None = None,
    packed: bool = False,
) -> Source:
    layer = about["name"] if opened.driver in NAMED_LAYERS else None
    findings = list(found or [])
    geoms: Any = (_packed if packed else geometries)(table.column(_WKB), opened, layer, findings)
    for row, why in about.get("broken", ()):
        findings.append(
            finding("RECORD_UNREADABLE", source=opened.shown, layer=layer, feature=f"row:{row + 1}", actual=why)
        )
    if about["curves"]:
        most = f"{SAGITTA_M * 1000:.1f}"
        findings.append(
            finding("CURVES_LINEARISED", source=opened.shown, layer=layer, actual=about["curves"], expected=most)
        )
    return Source(
        path=opened.shown, layer=layer, frame=frame(table), geoms=geoms, crs=crs[0],
        crs_found=crs[1], encoding=encoding, resolution_m=None, sha256=opened.sha256, driver=opened.driver,
        findings=tuple(findings),
    )  # fmt: skip


def frame(table: pa.Table) -> pd.DataFrame:
    """Return the attribute columns as a frame; whole numbers stay whole where some are missing."""
    result: pd.DataFrame = table.drop_columns([_WKB]).to_pandas(integer_object_nulls=True)
    return result.reindex(pd.RangeIndex(len(table)))  # a table without columns forgets how long it was


def geometries(column: pa.ChunkedArray, opened: Opened, layer: str | None, found: list[Finding]) -> np.ndarray:
    """Return two-dimensional shapely objects of WKB; what cannot be read becomes None, with a finding by row."""
    geoms, notes, high = _decoded(column, opened, layer, first=0)
    found += [*notes, *_heights(high, opened, layer)]
    return geoms


def _packed(column: pa.ChunkedArray, opened: Opened, layer: str | None, found: list[Finding]) -> Packed:
    """Do the same block by block; what needs no change is kept as it was read."""
    wkb = column.combine_chunks()

    def block(rows: slice) -> tuple[Block, list[Finding], int]:
        part = wkb.slice(rows.start, rows.stop - rows.start)
        geoms, notes, high = _decoded(part, opened, layer, first=rows.start)
        same = not high and not notes and opened.driver not in _BY_DIRECTION
        return Block(part, boxes_of(geoms)) if same else pack_block(geoms), notes, high

    with ThreadPoolExecutor() as pool:
        done = list(pool.map(block, row_slices(wkb)))
    found += [item for _, notes, _ in done for item in notes]
    found += _heights(sum(high for *_, high in done), opened, layer)
    return Packed(block for block, *_ in done)


def _heights(count: int, opened: Opened, layer: str | None) -> list[Finding]:
    if not count or opened.driver == "LIBKML":  # whose reader gives every point a height
        return []
    return [finding("COORDINATES_Z", source=opened.shown, layer=layer, actual=count)]


def _decoded(column: Any, opened: Opened, layer: str | None, *, first: int) -> tuple[np.ndarray, list[Finding], int]:
    """Return geometries, findings by row (the first is number ``first``), and how many have heights or measures."""
    wkb = column.to_numpy(zero_copy_only=False)
    deep = deep_rows(wkb)
    if len(deep):
        wkb = wkb.copy()
        wkb[deep] = None
    with np.errstate(invalid="ignore"):  # NaN coordinates are found later, by feature
        geoms = np.asarray(shapely.from_wkb(wkb, on_invalid="ignore"), dtype=object)
        unread = np.flatnonzero(shapely.is_missing(geoms) & ~pd.isna(wkb))
        geoms[unread] = shapely.from_wkb(wkb[unread], on_invalid="fix")  # closes rings that lack their last point
        high = int((shapely.has_z(geoms) | shapely.has_m(geoms)).sum())
        geoms = np.asarray(shapely.force_2d(geoms), dtype=object)
    closed, broken = unread[~shapely.is_missing(geoms[unread])], unread[shapely.is_missing(geoms[unread])]
    broken = np.union1d(broken, deep)
    found = [
        finding(code, source=opened.shown, layer=layer, feature=f"row:{first + row + 1}")
        for code, rows in (("GEOMETRY_RING_CLOSED", closed), ("GEOMETRY_UNREADABLE", broken)) for row in rows
    ]  # fmt: skip
    if opened.driver in _BY_DIRECTION:
        geoms, stray = rings.by_direction(geoms)
        found += [
            finding("RINGS_OUTSIDE", source=opened.shown, layer=layer, feature=f"row:{first + row + 1}",
                    actual=len(at), xy=at[0])
            for row, at in stray.items()
        ]  # fmt: skip
    return geoms, found, high


def declared_crs(opened: Opened, about: dict[str, Any]) -> tuple[pyproj.CRS | None, str]:
    """Return the CRS that the file declares and how it was found; pyproj alone interprets it.

    Raises
    ------
    CRSError
        ``CRS_UNKNOWN``: the declaration is not a CRS.
    """
    text, how = (
        about["crs"],
        {
            "Parquet": "GeoParquet 元数据",
            "GeoJSON": "GeoJSON 标准（WGS84 经纬度）",
            "LIBKML": "KML 标准（WGS84 经纬度）",
        }.get(opened.driver, "图层坐标系"),
    )
    member = about.get("crs_member")
    if member is not None:
        text, how = member or (text if text != "EPSG:4326" else None), "GeoJSON 的 crs 成员"
    if not text or str(text).lower().startswith(_UNDEFINED):
        return None, "未找到（图层没有坐标系）"
    system = parsed_crs(text, opened, about["name"] if opened.driver in NAMED_LAYERS else None)
    undefined = system is None or system.name.lower().startswith(_UNDEFINED)
    return (None, "未找到（图层没有坐标系）") if undefined else (system, how)


def parsed_crs(text: str, opened: Opened, layer: str | None) -> pyproj.CRS | None:
    """Let pyproj read the definition of a CRS."""
    try:
        return pyproj.CRS.from_user_input(text)
    except ProjCRSError:
        raise CRSError.of("CRS_UNKNOWN", source=opened.shown, layer=layer, actual=str(text)[:120]) from None
