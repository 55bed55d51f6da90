"""``write``: sheets that fit a format into one file of it."""

from __future__ import annotations

import csv
import json
import shutil
import warnings
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyogrio
import shapely

from controllines import crs as crs_room
from controllines.findings import Finding, finding
from controllines.io.writers import corners, names, survey
from controllines.io.writers.sheet import Format, Header, Sheet, Task, table

#: Bytes that a text in a .dbf can have; GDAL cuts it without a word, in the middle of a character if need be.
DBF_TEXT = 254
#: A file geodatabase keeps metres on a grid of 0.0001 m.
_GDB_DECIMALS = 4
_GEOMETRY = "ogc_geom"
_MULTI: dict[str, Callable[[list[Any]], Any]] = {
    "Polygon": shapely.multipolygons, "LineString": shapely.multilinestrings, "LinearRing": shapely.multilinestrings,
    "Point": shapely.multipoints,
}  # fmt: skip
_TYPE = {0: "MultiPoint", 1: "MultiLineString", 2: "MultiPolygon"}


def write(sheets: Sequence[Sheet], path: Path, form: Format, header: Header) -> list[Finding]:
    """Write sheets into a new file and return what was changed on the way.

    Parameters
    ----------
    sheets : one, or several where the format holds several layers; all that the format cannot hold is set aside
    path : file that does not exist yet; a shapefile's other parts, a .prj and ``.names.csv`` are put beside it
    header : what a survey file says of itself

    Raises
    ------
    OSError, pyogrio.errors.DataSourceError
        The file could not be written.
    """
    found: list[Finding] = []
    with warnings.catch_warnings(record=True) as noticed:
        warnings.simplefilter("always")
        _WRITERS[form.driver](sheets, path, Task(form, header, found))
        for sheet in sheets:
            if form.crs == "prj" and sheet.crs is not None:
                path.with_suffix(".prj").write_text(sheet.crs.to_wkt("WKT1_ESRI"), encoding="utf-8", newline="\n")
    told = {str(item.message) for item in noticed if "'crs' was not provided" not in str(item.message)}
    return [*found, *(finding("WRITE_NOTE", source=path.name, actual=text[:200]) for text in sorted(told))]


def _write_survey(sheets: Sequence[Sheet], path: Path, task: Task) -> None:
    [sheet] = sheets
    lost = [name for name in sheet.frame.columns if name not in survey.carried(sheet.frame)]
    if lost:
        task.say("WRITE_FIELDS_LOST", sheet, actual="、".join(lost), expected="TXT")
    texts = [value for value in sheet.frame.to_numpy(object).ravel() if isinstance(value, str)]
    if changed := sum(survey.cell(text) != text for text in texts):
        task.say("WRITE_TEXT_CHANGED", sheet, actual=changed)
    _say_rounding(sheet, survey.rounded(sheet.geoms, task.header.decimals), task)
    text = survey.survey_text(sheet, task.header)
    try:
        path.write_bytes(text.encode("gbk"))
    except UnicodeEncodeError:
        task.say("WRITE_ENCODING", sheet, actual="GB18030", expected="GBK")
        path.write_bytes(text.encode("gb18030"))


def _say_rounding(sheet: Sheet, after: np.ndarray, task: Task) -> None:
    moved = np.abs(shapely.get_coordinates(sheet.geoms) - shapely.get_coordinates(after))
    most = float(moved.max(initial=0))
    if most > 1e-7:
        task.say("WRITE_ROUNDED", sheet, actual=f"{most:.6f}")


def _write_shapefile(sheets: Sequence[Sheet], path: Path, task: Task) -> None:
    [sheet] = sheets
    attributes = table(sheet.frame)
    encoding = "GBK" if _fits(attributes, "gbk") else "UTF-8"
    if encoding != "GBK":
        task.say("WRITE_ENCODING", sheet, actual=encoding, expected="GBK")
    attributes = _big_as_text(attributes, 10**18 - 1)
    cut = _cut_texts(attributes, sheet, encoding, task)
    renamed = _renamed(cut, sheet, encoding, task)
    shp = path if path.suffix.lower() == ".shp" else path.parent / f"{path.name[: -len('.shp.zip')]}.shp"
    folder = shp.parent if shp == path else path.parent / f"{path.name}.parts"
    folder.mkdir(exist_ok=True)
    shp = folder / shp.name
    _gdal(sheet, renamed, shp, driver="ESRI Shapefile", encoding=encoding)
    if renamed.column_names != attributes.column_names or sheet.aliases:
        meant = [sheet.aliases.get(name, name) for name in attributes.column_names]
        _name_map(meant, renamed.column_names, shp.with_suffix(".names.csv"))
    if shp.parent != path.parent:
        _zip(folder, path)


def _fits(attributes: pa.Table, encoding: str) -> bool:
    try:
        for column in attributes.columns:
            if pa.types.is_string(column.type):
                "".join(filter(None, column.to_pylist())).encode(encoding)
        "".join(attributes.column_names).encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _big_as_text(attributes: pa.Table, most: int) -> pa.Table:
    """Turn columns with whole numbers that the format would round into text."""
    for k, column in enumerate(attributes.columns):
        if pa.types.is_integer(column.type) and any(abs(v) > most for v in column.to_pylist() if v is not None):
            attributes = attributes.set_column(k, attributes.column_names[k], column.cast(pa.string()))
    return attributes


def _cut_texts(attributes: pa.Table, sheet: Sheet, encoding: str, task: Task) -> pa.Table:
    for k, column in enumerate(attributes.columns):
        if not pa.types.is_string(column.type):
            continue
        values = column.to_pylist()
        short = [value if value is None else names.cut(value, encoding, DBF_TEXT) for value in values]
        changed = sum(one != two for one, two in zip(values, short, strict=True))
        if changed:
            name = attributes.column_names[k]
            task.say("WRITE_TEXT_CUT", sheet, feature=name, actual=changed, expected=DBF_TEXT)
            attributes = attributes.set_column(k, name, pa.array(short, pa.string()))
    return attributes


def _renamed(attributes: pa.Table, sheet: Sheet, encoding: str, task: Task) -> pa.Table:
    mapped = names.field_names(attributes.column_names, task.form.names, encoding)
    changed = {old: new for old, new in mapped.items() if old != new}
    if changed:
        listed = "、".join(f"{old}→{new}" for old, new in changed.items())
        task.say("WRITE_FIELD_RENAMED", sheet, actual=len(changed), expected=listed[:500])
    return attributes.rename_columns(list(mapped.values()))


def _name_map(columns: list[str], short: list[str], path: Path) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream).writerows([("字段", "原名"), *zip(short, columns, strict=True)])


def _zip(folder: Path, path: Path) -> None:
    """Put a folder's files into a zip, and remove the folder."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder).as_posix())
    shutil.rmtree(folder)


def _gdal(
    sheet: Sheet, attributes: pa.Table, path: Path, *, driver: str, encoding: str | None = None, **options: str
) -> None:
    """Write one layer by GDAL; all its geometries become multi-part, because mixed ones break a gdb and confuse GIS."""
    kinds = {int(k) for k in shapely.get_dimensions(sheet.geoms)} - {-1}
    collections = "GeometryCollection" in {g.geom_type for g in sheet.geoms if g is not None}
    uniform = len(kinds) == 1 and not collections
    geoms = _multi(sheet.geoms) if uniform else sheet.geoms
    wkb = pa.array(list(shapely.to_wkb(geoms)), pa.binary())
    attributes = _with_aliases(attributes, sheet)
    pyogrio.write_arrow(
        attributes.append_column(_GEOMETRY, wkb), path, layer=sheet.name, driver=driver, geometry_name=_GEOMETRY,
        geometry_type=_TYPE[kinds.pop()] if uniform else "Unknown" if kinds else "MultiPolygon",
        crs=sheet.crs.to_wkt() if sheet.crs is not None else None, encoding=encoding, append=path.exists(),
        layer_options=options or None,
    )  # fmt: skip


def _with_aliases(attributes: pa.Table, sheet: Sheet) -> pa.Table:
    """Tell GDAL the aliases of fields; those of a format that has none are passed over."""
    fields = [field.with_metadata({"GDAL:OGR:alternative_name": sheet.aliases[field.name]})
              if field.name in sheet.aliases else field for field in attributes.schema]  # fmt: skip
    return attributes.cast(pa.schema(fields))


def _multi(geoms: np.ndarray) -> np.ndarray:
    out = np.empty(len(geoms), dtype=object)
    out[:] = [_MULTI[g.geom_type]([g]) if g is not None and g.geom_type in _MULTI else g for g in geoms]
    return out


def _write_geodatabase(sheets: Sequence[Sheet], path: Path, task: Task) -> None:
    zipped = path.suffix.lower() == ".zip"
    folder = path.parent / f"{path.name}.parts" if zipped else path.parent
    folder.mkdir(exist_ok=True)
    gdb = folder / (path.name[: -len(".zip")] if zipped else path.name)
    for sheet in sheets:
        if sheet.crs is None or sheet.crs.is_projected:
            _say_rounding(sheet, shapely.transform(sheet.geoms, lambda xy: np.round(xy, _GDB_DECIMALS)), task)
        attributes = _renamed(table(sheet.frame), sheet, "utf-8", task)
        _gdal(sheet, _narrow(_big_as_text(attributes, 2**53)), gdb, driver="OpenFileGDB")
    if zipped:
        _zip(folder, path)


def _narrow(attributes: pa.Table) -> pa.Table:
    """Turn 64-bit whole numbers, which ArcGIS before Pro 3.2 does not know, into 32 bits or floating point."""
    for k, column in enumerate(attributes.columns):
        if pa.types.is_integer(column.type):
            small = all(abs(value) < 2**31 for value in column.to_pylist() if value is not None)
            kind = pa.int32() if small else pa.float64()
            attributes = attributes.set_column(k, attributes.column_names[k], column.cast(kind))
    return attributes


def _write_geopackage(sheets: Sequence[Sheet], path: Path, task: Task) -> None:
    for sheet in sheets:
        attributes = _renamed(table(sheet.frame), sheet, "utf-8", task)
        _gdal(sheet, attributes, path, driver="GPKG", FID="ogc_row", GEOMETRY_NAME=_GEOMETRY, SPATIAL_INDEX="YES")


def _write_kml(sheets: Sequence[Sheet], path: Path, task: Task) -> None:
    [sheet] = sheets
    attributes = _renamed(table(sheet.frame), sheet, "utf-8", task)
    clean, changed = _without_controls(_narrow(_big_as_text(attributes, 2**31 - 1)))
    if changed:
        task.say("WRITE_TEXT_CHANGED", sheet, actual=changed)
    # GDAL would look for a way to WGS84 itself; the coordinates are longitude and latitude already.
    _gdal(replace(sheet, crs=crs_room.recognise("EPSG:4326").crs), clean, path, driver="KML")


def _without_controls(attributes: pa.Table) -> tuple[pa.Table, int]:
    count = 0
    for k, column in enumerate(attributes.columns):
        if pa.types.is_string(column.type):
            before = column.to_pylist()
            after = [value if value is None else names.without_controls(value) for value in before]
            count += sum(one != two for one, two in zip(before, after, strict=True))
            attributes = attributes.set_column(k, attributes.column_names[k], pa.array(after, pa.string()))
    return attributes, count


def _write_geojson(sheets: Sequence[Sheet], path: Path, task: Task) -> None:
    [sheet] = sheets
    # Not by GDAL: it leaves the crs member out where there is no CRS, and readers then take WGS84.
    name = f"urn:ogc:def:crs:{code_of(sheet.crs).replace(':', '::')}" if sheet.crs is not None else None
    crs = {"type": "name", "properties": {"name": name}} if name else None
    shapes = [text or "null" for text in shapely.to_geojson(sheet.geoms)]
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        about = {"type": "FeatureCollection", "name": sheet.name, "crs": crs}
        stream.write(json.dumps(about, ensure_ascii=False)[:-1] + ', "features": [')
        infinite = 0
        for row, properties in enumerate(table(sheet.frame).to_pylist()):
            plain = {key: None if value in (np.inf, -np.inf) else value for key, value in properties.items()}
            infinite += plain != properties
            text = json.dumps(plain, ensure_ascii=False, allow_nan=False)
            stream.write(f'{"," * bool(row)}\n{{"type": "Feature", "properties": {text}, "geometry": {shapes[row]}}}')
        stream.write("\n]}\n")
    if infinite:
        task.say("WRITE_TEXT_CHANGED", sheet, actual=infinite)


def code_of(crs: Any) -> str:
    """Return ``EPSG:…`` of a CRS if that code means the same, else an empty text."""
    name = crs_room.crs_name(crs)
    known = len(name) < 30 and ":" in name
    return name if known and crs_room.same(crs_room.recognise(name, datum="as_is").crs, crs) else ""


def _write_dxf(sheets: Sequence[Sheet], path: Path, task: Task) -> None:
    [sheet] = sheets
    if len(sheet.frame.columns):
        task.say("WRITE_FIELDS_LOST", sheet, actual="、".join(map(str, sheet.frame.columns)), expected="DXF")
    layer = names.file_stem(sheet.name)
    frame = gpd.GeoDataFrame({"Layer": [layer] * len(sheet)}, geometry=list(sheet.geoms))
    parts = int(shapely.get_num_geometries(sheet.geoms).sum())
    task.say("WRITE_DXF", sheet, actual=len(sheet), expected=parts)
    pyogrio.write_dataframe(frame, path, driver="DXF", layer="entities", promote_to_multi=False)
    # GDAL writes UTF-8 into a file that says Western European.
    text = path.read_bytes().decode("utf-8").replace("ANSI_1252", "ANSI_936", 1)
    path.write_bytes(text.encode("gbk", "backslashreplace"))


def _write_parquet(sheets: Sequence[Sheet], path: Path, task: Task) -> None:
    [sheet] = sheets
    attributes = _renamed(table(sheet.frame), sheet, "utf-8", task)
    frame = attributes.to_pandas(types_mapper=pd.ArrowDtype).reindex(range(len(sheet)))
    frame = gpd.GeoDataFrame(frame, geometry=list(sheet.geoms), crs=sheet.crs)
    frame.to_parquet(path, index=False)


_WRITERS: dict[str, Callable[[Sequence[Sheet], Path, Task], None]] = {
    "TXT": _write_survey, "ESRI Shapefile": _write_shapefile, "OpenFileGDB": _write_geodatabase,
    "GPKG": _write_geopackage, "KML": _write_kml, "GeoJSON": _write_geojson, "DXF": _write_dxf,
    "Parquet": _write_parquet, "CSV": corners.write_csv, "XLSX": corners.write_xlsx,
}  # fmt: skip
