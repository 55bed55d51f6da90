"""Layers (图层): a frame of features, what the sources said about themselves, and the geometry in the plane.

A layer keeps every feature it was given, by row; a feature that cannot be used has status ``excluded`` and no
geometry. So features in = used + excluded, always.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from controllines import io
from controllines.clean import clean, through_door
from controllines.crs import (
    LONLAT,
    Plane,
    SourceCRS,
    check_range,
    edge_offset,
    lonlat_bounds,
    recognise,
    reproject,
    same,
    to_plane,
    zone_prefix,
)
from controllines.errors import CRSError, InputError
from controllines.findings import Finding, finding
from controllines.kinds import Kind, find_field, kind_of

Array = np.ndarray
#: Coordinate resolution (m) where a source does not state one (坐标精度).
RESOLUTION_M = 0.001
#: Columns that a layer's frame adds to those of its source.
COLUMNS = ("feature_id", "class", "code", "name", "kcxs", "row", "status", "source_crs")


@dataclass(frozen=True)
class Origin:
    """Where features came from (来源), for the provenance of a result."""

    path: str
    layer: str | None
    driver: str
    sha256: str
    crs: str
    crs_found: str
    datum: str
    encoding: str | None
    features_in: int
    excluded: int

    @property
    def used(self) -> int:
        """Features that take part."""
        return self.features_in - self.excluded


@dataclass(frozen=True)
class Reading:
    """How to read a layer where the file does not say (plan.toml ``[layers.*]``).

    Attributes
    ----------
    crs : CRS of a file without one; a contradiction is an error
    fields : role → field name, instead of the official names
    datum : ``"as_is"`` for data on a foreign datum
    edges_straight_in : projected CRS in which the long edges of a geographic layer are straight
    """

    crs: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    datum: str | None = None
    edges_straight_in: str | None = None


@dataclass(frozen=True)
class Layer:
    """Features of one kind (图层).

    Attributes
    ----------
    kind : what it is
    frame : one row per feature: ``feature_id``, ``class``, ``code``, ``name``, ``kcxs``, ``row`` (from 1),
        ``status`` (ok, repaired, excluded), ``source_crs``, the source's own columns, geometry in the sources' common
        CRS, else EPSG:4490
    shapes : geometries in source coordinates, by row; None where excluded
    crs : the recognised CRS of each row
    resolution : coordinate resolution in metres of each row
    origins, findings : where it came from and what was found
    plane, geoms : the plane and the geometries in it, once the layer was laid (:func:`lay`)
    boxes : polygons in source coordinates around the excluded features; None where a feature has no box
    """

    kind: Kind
    frame: gpd.GeoDataFrame
    shapes: Array
    crs: tuple[SourceCRS, ...]
    resolution: Array
    origins: tuple[Origin, ...] = ()
    findings: tuple[Finding, ...] = ()
    reading: Reading = Reading()
    boxes: Mapping[int, shapely.Polygon | None] = field(default_factory=dict)
    plane: Plane | None = None
    geoms: Array = field(default_factory=lambda: np.empty(0, dtype=object))

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def used(self) -> Array:
        """True for the rows that take part."""
        return np.asarray(self.frame["status"] != "excluded")


def read_layer(
    path: object, kind: str, *, layer: str | None = None, sense: str | None = None, reading: Reading = Reading(),
    trusted: bool = False,
) -> Layer:  # fmt: skip
    """Read one layer of a file, or take a GeoDataFrame.

    Parameters
    ----------
    path : file, GeoDataFrame, or a source that was read
    kind : key or Chinese name of the kind
    layer : layer in the file; omitted: the one with an official table name of the kind, or the only one
    trusted : True reads in this process, without the worker's limits

    Raises
    ------
    InputError
        The file or layer cannot be read, its CRS is missing or contradictory.
    """
    meant = kind_of(kind, sense=sense)
    if isinstance(path, gpd.GeoDataFrame | io.Source):
        return part(meant, path if isinstance(path, io.Source) else source_of(path), reading)
    sources = io.read(Path(str(path)), layer=layer, trusted=trusted)
    return part(meant, sources[0] if layer else _choose(sources, meant), reading)


def _choose(sources: Sequence[io.Source], kind: Kind) -> io.Source:
    if len(sources) == 1:
        return sources[0]
    names = {name.upper() for name in kind.tables}
    fitting = [source for source in sources if (source.layer or "").upper() in names]
    if len(fitting) != 1:
        raise InputError.of("LAYER_CHOICE", source=sources[0].path, actual="、".join(str(s.layer) for s in sources),
                            expected=kind.zh)  # fmt: skip
    return fitting[0]


def source_of(frame: gpd.GeoDataFrame, name: str = "GeoDataFrame") -> io.Source:
    """Return a GeoDataFrame as a source, with the checksum of its rows in order."""
    geometry = frame.geometry
    attributes = pd.DataFrame(frame.drop(columns=geometry.name)).reset_index(drop=True)
    digest = hashlib.sha256(attributes.to_csv(index=False).encode())
    for wkb in shapely.to_wkb(geometry.values):
        digest.update(wkb or b"\0")
    return io.Source(
        path=Path(name), layer=None, frame=attributes, geoms=np.array(geometry.values, dtype=object),
        crs=frame.crs, crs_found="GeoDataFrame.crs" if frame.crs else "未找到", encoding=None, resolution_m=None,
        sha256=digest.hexdigest(), project={}, findings=(), driver="GeoDataFrame",
    )  # fmt: skip


def join(parts: Sequence[Layer]) -> Layer:
    """Join layers of one kind row by row; the frame's geometry is in their common CRS, else EPSG:4490."""
    if not parts:
        raise ValueError("no layers to join")
    crs = tuple(item for layer in parts for item in layer.crs)
    shapes = np.concatenate([layer.shapes for layer in parts])
    frame = pd.concat([pd.DataFrame(layer.frame.drop(columns="geometry")) for layer in parts], ignore_index=True)
    first = np.cumsum([0, *(len(layer) for layer in parts)])
    return Layer(
        kind=parts[0].kind,
        frame=_in_common_crs(frame, shapes, crs),
        shapes=shapes,
        crs=crs,
        resolution=np.concatenate([layer.resolution for layer in parts]),
        origins=tuple(origin for layer in parts for origin in layer.origins),
        findings=tuple(item for layer in parts for item in layer.findings),
        reading=parts[0].reading,
        boxes={int(first[n]) + row: box for n, layer in enumerate(parts) for row, box in layer.boxes.items()},
    )


def part(kind: Kind, source: io.Source, reading: Reading) -> Layer:
    """Build a layer from one source.

    Raises
    ------
    CRSError
        The CRS is missing, contradictory, or cannot be brought to CGCS2000.
    """
    crs, notes = _source_crs(source, reading)
    where: dict[str, Any] = {"source": source.path, "layer": source.layer}
    ids = _feature_ids(kind, source.frame, reading)
    cleaned = clean(source.geoms, ids, **where)
    gone = np.flatnonzero(cleaned.status == "excluded")
    frame = _named(kind, source.frame, reading).assign(
        feature_id=ids, row=np.arange(1, len(ids) + 1), status=cleaned.status, source_crs=crs.name
    )
    origin = Origin(
        path=str(source.path), layer=source.layer, driver=source.driver, sha256=source.sha256, crs=crs.name,
        crs_found=source.crs_found if source.crs is not None else "声明", datum=crs.datum, encoding=source.encoding,
        features_in=len(ids), excluded=len(gone),
    )  # fmt: skip
    return Layer(
        kind=kind, frame=gpd.GeoDataFrame(frame, geometry=cleaned.geoms, crs=crs.crs), shapes=cleaned.geoms,
        crs=(crs,) * len(ids),
        resolution=np.full(len(ids), source.resolution_m or RESOLUTION_M), origins=(origin,),
        findings=(*source.findings, *notes, *cleaned.findings, *_long_edges(cleaned.geoms, crs, reading, where)),
        reading=reading, boxes={int(row): _box(source.geoms[row]) for row in gone},
    )  # fmt: skip


def _source_crs(source: io.Source, reading: Reading) -> tuple[SourceCRS, list[Finding]]:
    """Recognise the CRS of a source; a declaration fills a gap and never overrules."""
    where: dict[str, Any] = {"source": source.path, "layer": source.layer}
    declared = recognise(reading.crs, datum=reading.datum, **where).crs if reading.crs is not None else None
    if source.crs is not None and declared is not None and not same(source.crs, declared):
        raise CRSError.of("CRS_CONTRADICTS", expected=reading.crs, actual=source.crs.name, **where)
    bounds = shapely.total_bounds(source.geoms)
    if source.crs is None and declared is None:
        raise CRSError.of("CRS_MISSING", hint=_hint(bounds), **where)
    crs = recognise(source.crs or declared, datum=reading.datum, **where)
    check_range(crs, bounds, file=source.path, layer=source.layer)
    notes = {"wgs84": "CRS_WGS84", "as_is": "CRS_AS_IS"}
    return crs, [finding(notes[crs.datum], actual=crs.crs.name, **where)] if crs.datum in notes else []


def _hint(bounds: Array) -> str:
    """Say which zone the eastings point to: a proposal in the error, never a guess that is used."""
    low, high = (zone_prefix(x) if np.isfinite(x) else None for x in (bounds[0], bounds[2]))
    if low is None or low != high:
        return ""
    zone, degrees = low
    code = (4488 if degrees == 3 else 4478) + zone
    return f"（东坐标带号为 {zone}，如为 2000 国家大地坐标系 {degrees} 度带，则为 EPSG:{code}）"


def _feature_ids(kind: Kind, frame: pd.DataFrame, reading: Reading) -> Array:
    column = find_field(kind, "id", frame.columns, dict(reading.fields))
    rows = np.array([f"row:{n}" for n in range(1, len(frame) + 1)], dtype=object)
    if column is None:
        return rows
    text = as_text(frame[column])
    return np.where(text == "", rows, text)


def as_text(values: pd.Series) -> Array:
    """Return ids and codes as text: blank for missing, whole numbers without a decimal point."""
    if pd.api.types.is_float_dtype(values):
        return np.array([_number_text(v) for v in values], dtype=object)
    return np.array(["" if pd.isna(v) else str(v).strip() for v in values], dtype=object)


def _number_text(value: float) -> str:
    return "" if pd.isna(value) else str(int(value)) if float(value).is_integer() else repr(float(value))


def _named(kind: Kind, frame: pd.DataFrame, reading: Reading) -> pd.DataFrame:
    """Add the columns that play a role under their fixed names; the source's own columns stay behind them."""
    roles: dict[str, Any] = {}
    for role in ("class", "code", "name"):
        column = find_field(kind, role, frame.columns, dict(reading.fields))
        text = as_text(frame[column]) if column else np.full(len(frame), None, dtype=object)
        roles[role] = [value or None for value in text]
    if kind.code_length and "code" not in reading.fields:
        roles["code"] = [code and code[: kind.code_length] for code in roles["code"]]
    column = find_field(kind, "kcxs", frame.columns, dict(reading.fields))
    roles["kcxs"] = pd.to_numeric(frame[column], errors="coerce") if column else np.full(len(frame), np.nan)
    own = frame.rename(columns={name: f"{name}_" for name in frame.columns if name in (*COLUMNS, "geometry")})
    named = pd.DataFrame(roles, index=frame.index).astype(dict.fromkeys(("class", "code", "name"), object))
    return pd.concat([named, own], axis=1)


def _in_common_crs(frame: pd.DataFrame, shapes: Array, crs: tuple[SourceCRS, ...]) -> gpd.GeoDataFrame:
    given = np.flatnonzero(~shapely.is_missing(shapes))
    if len(given) and len({crs[row].name for row in given}) == 1:
        return gpd.GeoDataFrame(frame, geometry=shapes, crs=crs[int(given[0])].crs)
    target, out = recognise(LONLAT), np.array(shapes, dtype=object)
    for source, own in by_crs(crs):
        rows = own[~shapely.is_missing(shapes[own])]
        out[rows] = reproject(shapes[rows], source, target)
    return gpd.GeoDataFrame(frame, geometry=out, crs=LONLAT)


def by_crs(crs: tuple[SourceCRS, ...]) -> Iterable[tuple[SourceCRS, Array]]:
    """Yield each CRS with the rows that have it."""
    names = np.array([item.name for item in crs], dtype=object)
    for name in dict.fromkeys(names):
        rows = np.flatnonzero(names == name)
        yield crs[int(rows[0])], rows


def _box(geom: Any) -> shapely.Polygon | None:
    """Return the box of a feature that is set aside; None where its coordinates do not tell its extent."""
    xy = shapely.get_coordinates(geom)
    if not len(xy) or not np.isfinite(xy).all():
        return None
    return shapely.box(*shapely.bounds(geom)).buffer(1e-9)


def _straight(reading: Reading, where: dict[str, Any]) -> SourceCRS | None:
    """Return the CRS in which long edges are straight, if one was declared."""
    return recognise(reading.edges_straight_in, datum=reading.datum, **where) if reading.edges_straight_in else None


def _long_edges(shapes: Array, crs: SourceCRS, reading: Reading, where: dict[str, Any]) -> list[Finding]:
    if crs.projected or reading.edges_straight_in or shapely.is_missing(shapes).all():
        return []
    xy, ring = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(shapes)), return_index=True)
    if len(xy) < 2:
        return []
    step = np.diff(xy, axis=0) * 111_320.0
    lat = (xy[:-1, 1] + xy[1:, 1]) / 2
    length = np.where(np.diff(ring) == 0, np.hypot(step[:, 0] * np.cos(np.radians(lat)), step[:, 1]), 0)
    worst = int(length.argmax())
    if length[worst] <= 1000:
        return []
    offset = edge_offset(float(length[worst]), float(lat[worst]))
    return [finding("EDGE_LONG", actual=f"{length[worst] / 1000:.1f} 公里", expected=f"{offset:.2f} 米",
                    xy=tuple(xy[worst]), **where)]  # fmt: skip


def bounds_of(layer: Layer) -> tuple[float, float, float, float] | None:
    """Return west, south, east, north (degrees) of a layer's usable features, None if it has none."""
    boxes = [lonlat_bounds(layer.shapes[rows[layer.used[rows]]], source)
             for source, rows in by_crs(layer.crs) if layer.used[rows].any()]  # fmt: skip
    if not boxes:
        return None
    low, high = np.min(boxes, axis=0), np.max(boxes, axis=0)
    return float(low[0]), float(low[1]), float(high[2]), float(high[3])


def lay(layer: Layer, plane: Plane) -> Layer:
    """Lay a layer into the plane; a feature that does not survive it is set aside with a finding."""
    geoms = np.array(layer.shapes, dtype=object)
    status = np.array(layer.frame["status"], dtype=object)
    found: list[Finding] = []
    boxes = dict(layer.boxes)
    straight = _straight(layer.reading, {})
    for source, own in by_crs(layer.crs):
        rows = own[layer.used[own]]
        shapes, meant = layer.shapes[rows], source
        if straight is not None and not source.projected:
            shapes, meant = reproject(shapes, source, straight), straight
        geoms[rows], change, limit = through_door(to_plane(shapes, meant, plane))
        for row, moved, most in zip(rows, change, limit, strict=True):
            if geoms[row] is None:
                status[row], boxes[int(row)] = "excluded", _box(layer.shapes[row])
                found.append(finding("GEOMETRY_DOOR", source=_origin(layer, row).path, layer=_origin(layer, row).layer,
                                     feature=layer.frame["feature_id"].iloc[row], actual=f"{moved:.4f}",
                                     expected=f"{most:.4f}"))  # fmt: skip
    frame = layer.frame.assign(status=status)
    return replace(layer, frame=frame, plane=plane, geoms=geoms, boxes=boxes, origins=_recount(layer, status),
                   findings=(*layer.findings, *found))  # fmt: skip


def boxes_in_plane(layer: Layer, accepted: Iterable[str] = ()) -> tuple[Array, bool]:
    """Return the plane boxes of excluded features, and whether one has no box (it could lie anywhere).

    ``accepted`` lists feature ids whose absence the office accepts (accept_excluded).
    """
    agreed = set(accepted)
    ids = layer.frame["feature_id"].to_numpy()
    open_rows = [row for row in layer.boxes if ids[row] not in agreed]
    boxes = [to_plane(np.array([layer.boxes[row]], dtype=object), layer.crs[row], layer.plane or Plane(0, 0))[0]
             for row in open_rows if layer.boxes[row] is not None]  # fmt: skip
    return np.array(boxes, dtype=object), any(layer.boxes[row] is None for row in open_rows)


def _origin(layer: Layer, row: int) -> Origin:
    return layer.origins[int(_origin_rows(layer)[row])]


def _origin_rows(layer: Layer) -> Array:
    return np.repeat(np.arange(len(layer.origins)), [origin.features_in for origin in layer.origins])


def _recount(layer: Layer, status: Array) -> tuple[Origin, ...]:
    gone = np.bincount(_origin_rows(layer)[status == "excluded"], minlength=len(layer.origins))
    return tuple(replace(origin, excluded=int(n)) for origin, n in zip(layer.origins, gone, strict=True))


def net_factors(layer: Layer) -> tuple[Array, Array]:
    """Return KCXS (田坎系数) of each feature, and which are cultivated land.

    No KCXS counts as 0 except on cultivated land (01xx) and where the class is not known: there it stays unknown.
    """
    kcxs = layer.frame["kcxs"].to_numpy(float)
    classes = layer.frame["class"].fillna("01").astype(str)
    cultivated = classes.str.startswith("01").to_numpy(bool)
    return np.where(np.isnan(kcxs) & ~cultivated, 0.0, kcxs), cultivated
