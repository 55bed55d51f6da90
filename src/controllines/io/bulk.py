"""Reading by GDAL and Arrow: the part that runs in the worker process, or here for trusted layers.

Takes and gives plain values and Arrow tables only, so that nothing has to be pickled.
"""

from __future__ import annotations

import codecs
import json
import re
import sqlite3
import struct
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import shapely

from controllines.io import curves, records
from controllines.io.records import WKB, RefusedError

#: Drivers by the name under which another build of GDAL, or fiona, has them.
_ALSO = {"LIBKML": "KML"}
Layer = tuple[dict[str, Any], pa.Table]


def read_layers(
    path: str, driver: str, *, layer: str | None, encoding: str | None, max_features: int,
    options: Mapping[str, str] | None = None,
) -> list[Layer]:  # fmt: skip
    """Read all vector layers of a file, or one, under options of GDAL.

    Returns
    -------
    list of (what is known of the layer: name, crs, curves; table whose column ``__wkb__`` is the geometry)

    Raises
    ------
    RefusedError
    """
    try:
        if driver == "Parquet":
            return [_read_parquet(path, max_features)]
        with configured(options or {}):
            if driver == "GPKG":
                _check_schema(path)
            _gate(path, driver, encoding)
            names = _layer_names(path, layer)
            return [_read_layer(path, driver, name, encoding=encoding, max_features=max_features) for name in names]
    except MemoryError:
        raise RefusedError("LIMIT_EXCEEDED", limit="max_memory_bytes", actual="内存不足") from None
    except (OSError, ValueError, RuntimeError, pa.ArrowException) as problem:
        if "memory" in str(problem).lower():
            raise RefusedError("LIMIT_EXCEEDED", limit="max_memory_bytes", actual="内存不足") from problem
        raise RefusedError("FILE_CORRUPT", actual=_short(problem, path)) from problem


@contextmanager
def configured(options: Mapping[str, str]) -> Iterator[None]:
    """Give GDAL options for a block; afterwards it has those that it had before."""
    import pyogrio

    before = {name: pyogrio.get_gdal_config_option(name) for name in options}
    pyogrio.set_gdal_config_options(dict(options))
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options(before)


def _short(problem: BaseException, path: str) -> str:
    told = str(problem.__cause__ or problem)  # fiona keeps GDAL's own words in the cause
    return told.replace(path, Path(path).name).split("; It might help")[0][:200]


def _gate(path: str, driver: str, encoding: str | None) -> None:
    """Let GDAL try this one driver: pyogrio has no driver list and would open a VRT under any name."""
    if find_spec("fiona") is None:  # no wheel yet on the newest Python; the driver is compared again after opening
        return
    import fiona

    name = driver if driver in fiona.supported_drivers else _ALSO.get(driver, driver)
    fiona.supported_drivers.setdefault(name, "r")  # fiona would let in any driver for one that is not on its list
    try:
        with fiona.open(path, enabled_drivers=[name], encoding=encoding):
            pass
    except fiona.errors.DriverError as problem:
        raise RefusedError("FILE_CORRUPT", actual=_short(problem, path)) from problem
    except (fiona.errors.FionaError, ValueError):
        # The driver opened the file; fiona then disliked its first layer (a gdb has none of the folder's name).
        return


def _check_schema(path: str) -> None:
    """Read the tables that describe a GeoPackage, before GDAL does.

    Fiona ends the process where a message of GDAL quotes bytes that are no UTF-8, as those about a damaged schema do.
    """
    try:
        with closing(sqlite3.connect(f"{Path(path).as_uri()}?mode=ro&immutable=1", uri=True)) as database:
            database.text_factory = bytes
            names = {bytes(name).decode() for (name, _) in database.execute("SELECT name, sql FROM sqlite_master")}
            for name in names & {"gpkg_contents", "gpkg_geometry_columns", "gpkg_spatial_ref_sys"}:
                for row in database.execute(f"SELECT * FROM {name}"):
                    b"".join(value for value in row if isinstance(value, bytes)).decode()
    except UnicodeDecodeError:
        raise RefusedError("FILE_CORRUPT", actual="描述图层的表含有不是 UTF-8 的文字") from None
    except (sqlite3.Error, TypeError) as problem:
        raise RefusedError("FILE_CORRUPT", actual=_short(problem, path)) from problem


def _layer_names(path: str, wanted: str | None) -> list[str]:
    listed = _listed(path)
    names = [name for name, geometry in listed if geometry is not None]
    if wanted is None:
        if not names:
            raise RefusedError("FILE_NO_LAYER", actual="、".join(name for name, _ in listed) or "没有图层")
        return names
    if wanted not in names:
        raise RefusedError("LAYER_UNKNOWN", actual=wanted, expected="、".join(names)[:300] or "没有矢量图层")
    return [wanted]


def _listed(path: str) -> list[tuple[str, str | None]]:
    """Return name and geometry type of every layer; None where a table has no geometry."""
    import pyogrio

    try:
        return [(str(name), geometry) for name, geometry in pyogrio.list_layers(path)]
    except pyogrio.errors.GeometryError:  # one layer of mixed type with heights hides all the others
        if find_spec("fiona") is None:
            raise
    return records.list_layers(path)


def _read_layer(path: str, driver: str, name: str, *, encoding: str | None, max_features: int) -> Layer:
    """Read one layer in bulk; record by record if that breaks."""
    import pyogrio

    try:
        return _read_bulk(path, driver, name, encoding=encoding, max_features=max_features)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, pyogrio.errors.GeometryError,
            pyogrio.errors.FeatureError, pyogrio.errors.FieldError, pa.ArrowException):  # fmt: skip
        if find_spec("fiona") is None:
            raise
    about, table = records.read_layer(path, name, encoding=encoding, max_features=max_features)
    if about["driver"] not in (driver, _ALSO.get(driver)):
        raise RefusedError("FILE_FORMAT_MISMATCH", expected=driver, actual=about["driver"])
    return about, _flat(table, [table.column_names.index(WKB)], table.column(WKB))


def _read_bulk(path: str, driver: str, name: str, *, encoding: str | None, max_features: int) -> Layer:
    import pyogrio

    info = pyogrio.read_info(path, layer=name, encoding=encoding, force_feature_count=True)
    if info["driver"] not in (driver, _ALSO.get(driver)):
        raise RefusedError("FILE_FORMAT_MISMATCH", expected=driver, actual=info["driver"])
    _check_size(info["features"], max_features)
    meta, table = pyogrio.read_arrow(path, layer=name, encoding=encoding)
    # A shapefile counts its deleted records, too: its adapter knows how many there are.
    if driver != "ESRI Shapefile" and len(table) != info["features"]:
        raise RefusedError("FILE_CORRUPT", actual=f"应有 {info['features']} 个要素，读出 {len(table)} 个")
    column = meta["geometry_name"] or "wkb_geometry"
    at = [n for n, name in enumerate(table.column_names) if name == column][-1:]  # behind a field of the same name
    wkb, curved = _linear(_plain_binary(table.column(at[0])) if at else pa.nulls(len(table), pa.binary()))
    about = {"name": name, "crs": info["crs"], "curves": curved}
    if driver == "GeoJSON":
        about["crs_member"] = crs_member(Path(path))
    return about, _flat(table, at, wkb)


def _check_size(features: int, most: int) -> None:
    if features > most:
        raise RefusedError("LIMIT_EXCEEDED", limit="max_features", expected=most, actual=features)


def _plain_binary(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if isinstance(column.type, pa.BaseExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type)
    return column.cast(pa.large_binary())


def _linear(wkb: pa.ChunkedArray) -> tuple[Any, int]:
    """Replace curves by fine polylines; what cannot be read stays as it is, for the caller to find."""
    curved = [row for row, head in enumerate(_heads(wkb)) if head is not None and curves.is_curved(head)]
    if not curved:
        return wkb, 0
    values, replaced = wkb.to_pylist(), 0
    for row in curved:
        try:
            geometry, arcs = curves.straightened(values[row])
        except (ValueError, struct.error, RecursionError, shapely.errors.ShapelyError):
            continue
        if arcs or not curves.is_collection(values[row]):
            values[row] = shapely.to_wkb(geometry)
            replaced += 1
    return pa.array(values, pa.large_binary()), replaced


def _heads(wkb: pa.ChunkedArray) -> list[bytes | None]:
    import pyarrow.compute as pc

    heads: list[bytes | None] = pc.binary_slice(wkb, 0, 5).to_pylist()
    return heads


def _flat(table: pa.Table, geometry: list[int], wkb: Any) -> pa.Table:
    """Turn dates, lists and nested values into text and put the geometry last; plain numbers and text stay."""
    kept = [n for n in range(table.num_columns) if n not in geometry]
    names = _distinct([table.column_names[n] for n in kept])
    return pa.table([*(_flat_column(table.column(n)) for n in kept), wkb], names=[*names, WKB])


def _distinct(names: list[str]) -> list[str]:
    """Give a number to each name that a damaged header repeats."""
    out = {WKB: None}
    for name in names:
        numbered = (f"{name}_{k}" for k in count(2))
        out[name if name not in out else next(new for new in numbered if new not in out)] = None
    return list(out)[1:]


def _flat_column(column: pa.ChunkedArray) -> Any:
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], kind.storage_type)
        kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _text(column)
    if pa.types.is_temporal(kind):
        return column.cast(pa.string())
    if pa.types.is_nested(kind):
        return pa.array(
            [None if v is None else json.dumps(v, ensure_ascii=False, default=str) for v in column.to_pylist()],
            pa.string(),
        )
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pa.array([None if v is None else v.hex() for v in column.to_pylist()], pa.string())
    if pa.types.is_dictionary(kind):
        return column.cast(kind.value_type)
    return column


def _text(column: pa.ChunkedArray) -> Any:
    """Return text whose bytes are UTF-8: GDAL hands through what the file holds."""
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        values = column.cast(pa.large_binary()).to_pylist()
        try:
            return pa.array([None if v is None else _whole_characters(v) for v in values], pa.string())
        except UnicodeDecodeError:
            raise RefusedError("TEXT_UNREADABLE") from None
    return column


def _whole_characters(value: bytes) -> str:
    """Decode text that was cut at the width of its field, in the middle of its last character."""
    return codecs.getincrementaldecoder("utf-8")("strict").decode(value, final=False)


def crs_member(path: Path) -> str | None:
    """Return what the ``crs`` member of a GeoJSON says: None = there is none, "" = null or not understood.

    GDAL takes WGS84 for all three, which would be a silent guess for the last two.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        start = stream.read(1_000_000)
        stream.seek(max(0, size - 65_536))
        end = stream.read()
    features = start.find(b'"features"')
    around = (start if features < 0 else start[:features]) + b"\n" + end[end.rfind(b"]") :]
    member = re.search(rb'"crs"\s*:\s*(null|\{[^{}]*(?:\{[^{}]*\})?[^{}]*\}|"[^"]*")', around)
    if member is None:
        return None
    name = re.search(rb'"name"\s*:\s*"([^"]+)"\s*\}', member[1])
    return name[1].decode("utf-8", "replace") if name else ""


def _read_parquet(path: str, max_features: int) -> Layer:
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path)
    _check_size(file.metadata.num_rows, max_features)
    column, about = _described(file.schema_arrow)
    names = [n for n in file.schema_arrow.names if not n.startswith("__index_level_") and n not in _covering(about)]
    table = file.read(columns=names).replace_schema_metadata(None)
    system = about.get("crs", "OGC:CRS84")
    meta = {"name": None, "curves": 0, "crs": json.dumps(system) if isinstance(system, dict) else system}
    at = table.column_names.index(column)
    return meta, _flat(table, [at], _plain_binary(table.column(at)))


def _described(schema: pa.Schema) -> tuple[str, dict[str, Any]]:
    """Return the name of the geometry column of a GeoParquet and what its metadata say of it."""
    try:
        geo = json.loads((schema.metadata or {})[b"geo"])
        column = str(geo["primary_column"])
        about: dict[str, Any] = geo["columns"][column]
        usable = about.get("encoding") == "WKB" and column in schema.names and column not in _covering(about)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        usable = False
    if not usable:
        raise RefusedError("PARQUET_NOT_GEO")
    return column, about


def _covering(about: dict[str, Any]) -> set[str]:
    """Names of the bbox column, which repeats what the geometry says."""
    return {path[0] for path in about.get("covering", {}).get("bbox", {}).values()}
