"""Reading by GDAL and Arrow: the part that runs in the worker process, or here for trusted layers.

Takes and gives plain values and Arrow tables only, so that nothing has to be pickled.
"""

from __future__ import annotations

import codecs
import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa

#: Column of the geometry (WKB) in the tables given back.
WKB = "__wkb__"
#: Degrees between the points of a linearised curve: its sagitta stays below 0.5 mm up to a radius of 1 km.
_ARC_STEP = "0.1"
Layer = tuple[dict[str, Any], pa.Table]


class RefusedError(Exception):
    """The file was not read: a code of the catalogue and what fills its sentence."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code, self.values = code, values


def read_layers(path: str, driver: str, *, layer: str | None, encoding: str | None, max_features: int) -> list[Layer]:
    """Read all vector layers of a file, or one.

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
        _gate(path, driver, encoding)
        names = _layer_names(path, layer)
        return [_read_layer(path, driver, name, encoding=encoding, max_features=max_features) for name in names]
    except MemoryError:
        raise RefusedError("LIMIT_EXCEEDED", limit="max_memory_bytes", actual="内存不足") from None
    except (OSError, ValueError, RuntimeError, pa.ArrowException) as problem:
        if "memory" in str(problem).lower():
            raise RefusedError("LIMIT_EXCEEDED", limit="max_memory_bytes", actual="内存不足") from problem
        raise RefusedError("FILE_CORRUPT", actual=_short(problem, path)) from problem


def _short(problem: BaseException, path: str) -> str:
    told = str(problem.__cause__ or problem)  # fiona keeps GDAL's own words in the cause
    return told.replace(path, Path(path).name).split("; It might help")[0][:200]


def _gate(path: str, driver: str, encoding: str | None) -> None:
    """Let GDAL try this one driver: pyogrio has no driver list and would open a VRT under any name."""
    if find_spec("fiona") is None:  # no wheel yet on the newest Python; the driver is compared again after opening
        return
    import fiona

    try:
        with fiona.open(path, enabled_drivers=[driver], encoding=encoding):
            pass
    except fiona.errors.DriverError as problem:
        raise RefusedError("FILE_CORRUPT", actual=_short(problem, path)) from problem
    except (fiona.errors.FionaError, ValueError):
        # The driver opened the file; fiona then disliked its first layer (a gdb has none of the folder's name).
        return


def _layer_names(path: str, wanted: str | None) -> list[str]:
    import pyogrio

    listed = pyogrio.list_layers(path)
    names = [str(name) for name, geometry in listed if geometry is not None]
    if wanted is None:
        if not names:
            raise RefusedError("FILE_NO_LAYER", actual="、".join(str(name) for name, _ in listed) or "没有图层")
        return names
    if wanted not in names:
        raise RefusedError("LAYER_UNKNOWN", actual=wanted, expected="、".join(names)[:300] or "没有矢量图层")
    return [wanted]


def _read_layer(path: str, driver: str, name: str, *, encoding: str | None, max_features: int) -> Layer:
    import pyogrio

    info = pyogrio.read_info(path, layer=name, encoding=encoding, force_feature_count=True)
    if info["driver"] != driver:
        raise RefusedError("FILE_FORMAT_MISMATCH", expected=driver, actual=info["driver"])
    _check_size(info["features"], max_features)
    meta, table = pyogrio.read_arrow(path, layer=name, encoding=encoding)
    # A shapefile counts its deleted records, too: its adapter knows how many there are.
    if driver != "ESRI Shapefile" and len(table) != info["features"]:
        raise RefusedError("FILE_CORRUPT", actual=f"应有 {info['features']} 个要素，读出 {len(table)} 个")
    column = meta["geometry_name"] or "wkb_geometry"
    wkb = _plain_binary(table.column(column)) if column in table.column_names else pa.nulls(len(table), pa.binary())
    wkb, curves = _linear(wkb, path, name, encoding)
    about = {"name": name, "crs": info["crs"], "curves": curves}
    if driver == "GeoJSON":
        about["crs_member"] = crs_member(Path(path))
    return about, _flat(table, column, wkb)


def _check_size(features: int, most: int) -> None:
    if features > most:
        raise RefusedError("LIMIT_EXCEEDED", limit="max_features", expected=most, actual=features)


def _plain_binary(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if isinstance(column.type, pa.BaseExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type)
    return column.cast(pa.large_binary())


def _linear(wkb: pa.ChunkedArray, path: str, name: str, encoding: str | None) -> tuple[Any, int]:
    """Replace curves by fine polylines: this reader of pyogrio linearises, the Arrow one hands curves through."""
    import pyogrio

    curved = sum(value is not None and _is_curve(value) for value in _heads(wkb))
    if not curved:
        return wkb, 0
    before = pyogrio.get_gdal_config_option("OGR_ARC_STEPSIZE")
    pyogrio.set_gdal_config_options({"OGR_ARC_STEPSIZE": _ARC_STEP})
    try:
        geometry = pyogrio.raw.read(path, layer=name, encoding=encoding, columns=[])[2]
    finally:
        pyogrio.set_gdal_config_options({"OGR_ARC_STEPSIZE": before})
    return pa.array(list(geometry), pa.large_binary()), curved


def _heads(wkb: pa.ChunkedArray) -> list[bytes | None]:
    import pyarrow.compute as pc

    heads: list[bytes | None] = pc.binary_slice(wkb, 0, 5).to_pylist()
    return heads


def _is_curve(head: bytes) -> bool:
    kind = int.from_bytes(head[1:5], "little" if head[:1] == b"\x01" else "big")
    return (kind & 0x0FFFFFFF) % 1000 in range(8, 15)


def _flat(table: pa.Table, geometry: str, wkb: Any) -> pa.Table:
    """Turn dates, lists and nested values into text and put the geometry last; plain numbers and text stay."""
    names = [name for name in table.column_names if name != geometry]
    return pa.table([*(_flat_column(table.column(name)) for name in names), wkb], names=[*names, WKB])


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
    raw = (file.schema_arrow.metadata or {}).get(b"geo")
    if raw is None:
        raise RefusedError("PARQUET_NOT_GEO")
    geo = json.loads(raw)
    column = geo["primary_column"]
    about = geo["columns"][column]
    if about.get("encoding") != "WKB":
        raise RefusedError("PARQUET_NOT_GEO")
    names = [n for n in file.schema_arrow.names if not n.startswith("__index_level_") and n not in _covering(about)]
    table = file.read(columns=names).replace_schema_metadata(None)
    system = about.get("crs", "OGC:CRS84")
    meta = {"name": None, "curves": 0, "crs": json.dumps(system) if isinstance(system, dict) else system}
    wkb = _plain_binary(table.column(column))
    return meta, _flat(table, column, wkb)


def _covering(about: dict[str, Any]) -> set[str]:
    """Names of the bbox column, which repeats what the geometry says."""
    return {path[0] for path in about.get("covering", {}).get("bbox", {}).values()}
