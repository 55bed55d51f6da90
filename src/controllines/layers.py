"""Layers (图层): a frame of features, what the sources said about themselves, and the geometry in the plane.

A layer keeps every feature it was given, by row; a feature that cannot be used has status ``excluded`` and no
geometry. So features in = used + excluded, always.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from controllines import io
from controllines.clean import Cleaned, clean, through_door
from controllines.corridors import Drawn, declared_sizes, draw
from controllines.crs import (
    LARGEST,
    LONLAT,
    Plane,
    SourceCRS,
    check_range,
    crs_name,
    edge_offset,
    from_plane,
    gauss_kruger,
    lonlat_box,
    recognise,
    reproject,
    same,
    to_plane,
    zone_prefix,
)
from controllines.datum import SevenParameters, of_survey_file, on_cgcs2000, to_cgcs2000
from controllines.errors import CRSError, InputError
from controllines.findings import Finding, finding
from controllines.kinds import Kind, kind_of, kind_of_table
from controllines.packed import Packed, bounds_of, give_back, pack, packed, slices_of
from controllines.roles import feature_ids, in_roles
from controllines.windows import Each, Geometries, Shapes

Array = np.ndarray
Box = tuple[float, float, float, float]
#: Coordinate resolution (m) where a source does not state one (坐标精度).
RESOLUTION_M = 0.001
#: How far an outline for orientation may lie beside the true one (m).
OUTLINE_M = 20.0
_NONE = np.empty(0, dtype=object)


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
    to_cgcs2000 : seven parameters of a layer in Xi'an 80 or Beijing 54; its repr shows no value
    line_width : width (m) of linear projects (线状工程) that do not declare one
    """

    crs: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    datum: str | None = None
    edges_straight_in: str | None = None
    to_cgcs2000: SevenParameters | None = None
    line_width: float | None = None


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
    plane, geoms : the plane and the geometries in it, once the layer was laid (:func:`lay`); a layer on its way into
        a store has ``shapes`` and ``geoms`` packed, and none in its frame
    boxes : polygons in source coordinates around the excluded features; None where a feature has no box
    lines : centre lines of linear projects in source coordinates, by row; None elsewhere
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
    lines: Array = field(default_factory=lambda: np.empty(0, dtype=object))

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def used(self) -> Array:
        """True for the rows that take part."""
        return np.asarray(self.frame["status"] != "excluded")

    @cached_property
    def in_plane(self) -> Shapes:
        """The geometry in the plane, to be asked for what lies in a window."""
        return Geometries(self.geoms)

    @property
    def extent(self) -> Box | None:
        """West, south, east, north (degrees) of the usable features, None if there are none."""
        used, bounds = self.used, bounds_of(self.shapes)
        boxes = [lonlat_box(bounds[rows[used[rows]]], source)
                 for source, rows in by_crs(self.crs) if used[rows].any()]  # fmt: skip
        if not boxes:
            return None
        low, high = np.min(boxes, axis=0), np.max(boxes, axis=0)
        return float(low[0]), float(low[1]), float(high[2]), float(high[3])

    @property
    def set_aside(self) -> tuple[tuple[str, Any], ...]:
        """Id of each excluded feature and its box in the plane; None where it could lie anywhere."""
        ids, plane = self.frame["feature_id"].to_numpy(object), self.plane or Plane(0, 0)
        return tuple(
            (ids[row], None if box is None else to_plane(np.array([box], dtype=object), self.crs[row], plane)[0])
            for row, box in self.boxes.items()
        )

    @cached_property
    def outlines(self) -> Array:
        """The laid features in longitude and latitude, simplified to 20 m: for orientation on a map."""
        return outlines_of(self.geoms, self.plane or Plane(0, 0))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of the frame, without the geometry."""
        return tuple(str(name) for name in self.frame.columns if name != self.frame.geometry.name)

    def attributes(self, names: Sequence[str], rows: Array | None = None) -> pd.DataFrame:
        """Return columns of the frame, of all features or of those at ``rows``."""
        columns = pd.DataFrame(self.frame[list(names)])
        return columns.reset_index(drop=True) if rows is None else columns.iloc[rows].reset_index(drop=True)


def read_layer(
    path: object, kind: str, *, layer: str | None = None, sense: str | None = None, reading: Reading = Reading(),
    trusted: bool = False, packed: bool = False, each: Each = map,
) -> Layer:  # fmt: skip
    """Read one layer of a file, or take a GeoDataFrame.

    Parameters
    ----------
    path : file, GeoDataFrame, or a source that was read
    kind : key or Chinese name of the kind
    layer : layer in the file; omitted: the one with an official table name of the kind, or the only one
    trusted : True reads in this process, without the worker's limits
    packed : True keeps the geometries packed, for a layer that is too large to be unpacked at once
    each : what goes through the blocks of a packed layer

    Raises
    ------
    InputError
        The file or layer cannot be read, its CRS is missing or contradictory.
    """
    meant = kind_of(kind, sense=sense)
    if isinstance(path, gpd.GeoDataFrame | io.Source):
        source = path if isinstance(path, io.Source) else source_of(path)
    else:
        place: Any = path if io.is_address(path) else Path(str(path))
        sources = io.read(place, layer=layer, trusted=trusted, packed=packed)
        source = sources[0] if layer else _choose(sources, meant)
    shapes: Any = pack(source.geoms) if packed else source.geoms
    if packed:
        give_back()
    return part(meant, replace(source, geoms=shapes), reading, each=each)


def _choose(sources: Sequence[io.Source], kind: Kind) -> io.Source:
    if len(sources) == 1:
        return sources[0]
    kinds = [kind_of_table(source.layer or "") for source in sources]
    fitting = [source for source, named in zip(sources, kinds, strict=True) if named and named.key == kind.key]
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
        lines=np.concatenate([layer.lines if len(layer.lines) else np.full(len(layer), None) for layer in parts]),
    )


def part(kind: Kind, source: io.Source, reading: Reading, *, each: Each = map) -> Layer:
    """Build a layer from one source; ``each`` goes through its blocks where it is packed.

    Raises
    ------
    CRSError
        The CRS is missing, contradictory, or cannot be brought to CGCS2000.
    """
    ids = feature_ids(kind, source.frame, reading.fields)
    crs, parameters, notes = _source_crs(source, reading, ids)
    where: dict[str, Any] = {"source": source.path, "layer": source.layer}
    _straight(reading, where)
    drawn = _drawn(kind, source, reading, crs)
    cleaned = _cleaned(drawn.geoms, ids, each=each, crs=crs, **where)
    gone = np.flatnonzero(cleaned.status == "excluded")
    boxes = np.array([_box(geom) for geom in source.geoms[gone]], dtype=object)
    shapes, lines, ours = cleaned.geoms, drawn.lines, crs
    found_how = source.crs_found if source.crs is not None else "声明"
    if parameters is not None:
        shapes, ours = _converted(shapes, crs, parameters, source)
        lines, _ = to_cgcs2000(lines, crs, parameters)
        boxes, found_how = to_cgcs2000(boxes, crs, parameters)[0], f"{found_how}；七参数已声明、已使用"
    frame = in_roles(kind, source.frame, reading.fields).assign(
        feature_id=ids, row=np.arange(1, len(ids) + 1), status=cleaned.status, source_crs=crs.name
    )
    origin = Origin(
        path=str(source.path), layer=source.layer, driver=source.driver, sha256=source.sha256, crs=crs.name,
        crs_found=found_how, datum=crs.datum, encoding=source.encoding,
        features_in=len(ids), excluded=len(gone),
    )  # fmt: skip
    return Layer(
        kind=kind, frame=gpd.GeoDataFrame(frame) if isinstance(shapes, Packed) else
        gpd.GeoDataFrame(frame, geometry=shapes, crs=ours.crs), shapes=shapes, crs=(ours,) * len(ids),
        resolution=np.full(len(ids), source.resolution_m or RESOLUTION_M), origins=(origin,),
        findings=(*source.findings, *notes, *drawn.findings, *cleaned.findings,
                  *_long_edges(cleaned.geoms, crs, reading, where)),
        reading=reading, boxes=dict(zip(gone.tolist(), boxes, strict=True)), lines=lines,
    )  # fmt: skip


def _cleaned(geoms: Any, ids: Array, *, each: Each, **how: Any) -> Cleaned:
    """Clean a column; of a packed one, blocks in which nothing was found stay as they are."""
    if not isinstance(geoms, Packed):
        return clean(geoms, ids, **how)

    def block(rows: slice) -> tuple[Any, Cleaned]:
        done = clean(geoms[rows], ids[rows], **how)
        return packed(done.geoms) if done.findings else None, replace(done, geoms=_NONE)

    done = list(each(block, geoms.slices))
    shapes: Any = Packed(new or geoms.block(rows) for (new, _), rows in zip(done, geoms.slices, strict=True))
    status = np.concatenate([_NONE, *(one.status for _, one in done)])
    return Cleaned(shapes, status, tuple(item for _, one in done for item in one.findings))


def _converted(shapes: Any, crs: SourceCRS, parameters: SevenParameters, source: io.Source) -> tuple[Any, SourceCRS]:
    moved = [to_cgcs2000(shapes[rows], crs, parameters, file=source.path, layer=source.layer)
             for rows in slices_of(shapes)]  # fmt: skip
    ours = on_cgcs2000(crs)
    return (Packed(packed(geoms) for geoms, _ in moved) if isinstance(shapes, Packed) else moved[0][0]), ours


def _drawn(kind: Kind, source: io.Source, reading: Reading, crs: SourceCRS) -> Drawn:
    """Draw linear and point projects as land; a line in any other layer has no width and stays what it is."""
    if "width" not in kind.fields:
        return Drawn(source.geoms, np.full(len(source.geoms), None), ())
    sizes = declared_sizes(kind, source.frame, source.project, reading.line_width)
    return draw(source.geoms, sizes, crs, source=source.path, layer=source.layer)


def _source_crs(
    source: io.Source, reading: Reading, ids: Array
) -> tuple[SourceCRS, SevenParameters | None, list[Finding]]:
    """Recognise the CRS of a source; a declaration fills a gap and never overrules. Return also what to convert by."""
    where: dict[str, Any] = {"source": source.path, "layer": source.layer}
    in_file = source.parameters if any(source.parameters or ()) else None
    datum = reading.datum or ("parameters" if reading.to_cgcs2000 or in_file else None)
    declared = recognise(reading.crs, datum=datum, **where).crs if reading.crs is not None else None
    if source.crs is not None and declared is not None and not same(source.crs, declared):
        raise CRSError.of("CRS_CONTRADICTS", expected=reading.crs, actual=source.crs.name, **where)
    boxes = np.array(bounds_of(source.geoms))
    if source.crs is None and declared is None:
        bounds = _total(boxes)
        raise CRSError.of("CRS_MISSING", hint=_hint(bounds), **where)
    crs = recognise(source.crs or declared, datum=datum, **where)
    boxes[(np.abs(boxes) > LARGEST).any(axis=1)] = np.nan  # set aside as features, by name
    check_range(crs, boxes, ids=ids, file=source.path, layer=source.layer)
    notes = {"wgs84": "CRS_WGS84", "as_is": "CRS_AS_IS", "parameters": "PARAMETERS_USED"}
    found = [finding(notes[crs.datum], actual=crs.crs.name, **where)] if crs.datum in notes else []
    if crs.datum != "parameters":
        if reading.to_cgcs2000 is not None:
            raise CRSError.of("PARAMETERS_CONTRADICT", actual=crs.crs.name, **where)
        return crs, None, found + [finding("PARAMETERS_UNUSED", actual=crs.crs.name, **where)] * (in_file is not None)
    if reading.to_cgcs2000 is not None or in_file is None:
        return crs, reading.to_cgcs2000, found
    return crs, of_survey_file(in_file), [*found, finding("PARAMETERS_SENSE", **where)]


def _total(boxes: Array) -> Array:
    """Return the box around boxes, NaN if there is none."""
    given = boxes[~np.isnan(boxes).any(axis=1)]
    return np.concatenate([given[:, :2].min(axis=0), given[:, 2:].max(axis=0)]) if len(given) else np.full(4, np.nan)


def _hint(bounds: Array) -> str:
    """Say what the coordinates look like: a proposal in the error, never a guess that is used."""
    if not np.isfinite(bounds).all():
        return ""
    low, high = zone_prefix(bounds[0]), zone_prefix(bounds[2])
    if low is None and (np.abs(bounds) <= [180, 90, 180, 90]).all():
        return "（坐标值像经纬度，须核实是否为 2000 国家大地坐标系）"
    if low is None or low != high:
        return ""
    name = crs_name(gauss_kruger(low[0], degrees=low[1], prefix=True))
    name = name if name.startswith("EPSG") else f"CGCS2000_3_Degree_GK_Zone_{low[0]}"
    return f"（东坐标带号为 {low[0]}，如为 2000 国家大地坐标系 {low[1]} 度带，则为 {name}）"


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
    low, high = xy.min(axis=0), xy.max(axis=0)
    edge = 1e-10 * np.abs(xy).max()  # a point has a box too: some millimetres, in metres and in degrees
    box: shapely.Polygon = shapely.box(*(low - edge), *(high + edge))
    return box


def _straight(reading: Reading, where: dict[str, Any]) -> SourceCRS | None:
    """Return the CRS in which long edges are straight, if one was declared."""
    return recognise(reading.edges_straight_in, datum=reading.datum, **where) if reading.edges_straight_in else None


def _long_edges(shapes: Any, crs: SourceCRS, reading: Reading, where: dict[str, Any]) -> list[Finding]:
    if crs.projected or reading.edges_straight_in:
        return []
    length, lat, xy = max((_longest(shapes[rows]) for rows in slices_of(shapes)), default=(0.0, 0.0, (0.0, 0.0)))
    if length <= 1000:
        return []
    return [finding("EDGE_LONG", actual=f"{length / 1000:.1f} 公里", expected=f"{edge_offset(length, lat):.2f} 米",
                    xy=xy, **where)]  # fmt: skip


def _longest(shapes: Array) -> tuple[float, float, tuple[float, float]]:
    """Return length (m), latitude and first vertex of the longest edge of polygons in degrees."""
    xy, ring = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(shapes)), return_index=True)
    if len(xy) < 2:
        return 0.0, 0.0, (0.0, 0.0)
    step = np.diff(xy, axis=0) * 111_320.0
    lat = (xy[:-1, 1] + xy[1:, 1]) / 2
    length = np.where(np.diff(ring) == 0, np.hypot(step[:, 0] * np.cos(np.radians(lat)), step[:, 1]), 0)
    worst = int(length.argmax())
    return float(length[worst]), float(lat[worst]), (float(xy[worst, 0]), float(xy[worst, 1]))


def extent_of(layer: Layer) -> Box | None:
    """Return west, south, east, north (degrees) of a layer's usable features, None if it has none."""
    return layer.extent


def lay(layer: Layer, plane: Plane, *, each: Each = map) -> Layer:
    """Lay a layer into the plane; a feature that does not survive it is set aside with a finding.

    ``each`` goes through the blocks of a packed layer, whose shapes are used up.
    """
    whole: Any = layer.shapes
    used = layer.used
    straight = _straight(layer.reading, {})

    def block(rows: slice) -> tuple[Any, list[tuple[int, float, float, Any]]]:
        shapes = whole.drained(rows) if isinstance(whole, Packed) else whole
        geoms, change, limit = _laid(shapes, (layer.crs[rows], used[rows], straight), plane)
        lost = [(rows.start + n, change[n], limit[n], _box(shapes[n]))
                for n in np.flatnonzero(used[rows] & shapely.is_missing(geoms)).tolist()]  # fmt: skip
        return packed(geoms, boxes=False) if isinstance(whole, Packed) else geoms, lost

    done = list(each(block, slices_of(whole)))
    status, boxes = np.array(layer.frame["status"], dtype=object), dict(layer.boxes)
    found: list[Finding] = []
    for row, moved, most, box in (lost for _, several in done for lost in several):
        status[row], boxes[row] = "excluded", box
        found.append(finding("GEOMETRY_DOOR", source=_origin(layer, row).path, layer=_origin(layer, row).layer,
                             feature=layer.frame["feature_id"].iloc[row], actual=f"{moved:.4f}",
                             expected=f"{most:.4f}"))  # fmt: skip
    geoms: Any = Packed(one for one, _ in done) if isinstance(whole, Packed) else done[0][0]
    frame = layer.frame.assign(status=status)
    return replace(layer, frame=frame, plane=plane, geoms=geoms, boxes=boxes, origins=_recount(layer, status),
                   findings=(*layer.findings, *found))  # fmt: skip


def _laid(
    shapes: Array, how: tuple[tuple[SourceCRS, ...], Array, SourceCRS | None], plane: Plane
) -> tuple[Array, Array, Array]:
    """Return shapes in the plane, and by how much the door changed each and might at most."""
    crs, used, straight = how
    geoms = np.full(len(shapes), None, dtype=object)
    change, limit = np.zeros((2, len(shapes)))
    for source, own in by_crs(crs):
        rows = own[used[own]]
        drawn, meant = shapes[rows], source
        if straight is not None and not source.projected:
            drawn, meant = reproject(drawn, source, straight), straight
        geoms[rows], change[rows], limit[rows] = through_door(to_plane(drawn, meant, plane))
    return geoms, change, limit


def outlines_of(geoms: Any, plane: Plane) -> Array:
    """Bring features back from the plane to longitude and latitude, and simplify them to 20 m."""
    out = np.full(len(geoms), None, dtype=object)
    for rows in slices_of(geoms):
        back = out[rows]
        given = np.flatnonzero(~shapely.is_missing(geoms[rows]))
        back[given] = from_plane(shapely.simplify(geoms[rows][given], OUTLINE_M), plane, recognise(LONLAT))
    return out


def boxes_in_plane(layer: Layer, accepted: Iterable[str] = ()) -> tuple[Array, bool]:
    """Return the plane boxes of excluded features, and whether one has no box (it could lie anywhere).

    ``accepted`` lists feature ids whose absence the office accepts (accept_excluded).
    """
    agreed = set(accepted)
    boxes = [box for identity, box in layer.set_aside if identity not in agreed]
    return np.array([box for box in boxes if box is not None], dtype=object), any(box is None for box in boxes)


def _origin(layer: Layer, row: int) -> Origin:
    return layer.origins[int(_origin_rows(layer)[row])]


def _origin_rows(layer: Layer) -> Array:
    return np.repeat(np.arange(len(layer.origins)), [origin.features_in for origin in layer.origins])


def _recount(layer: Layer, status: Array) -> tuple[Origin, ...]:
    gone = np.bincount(_origin_rows(layer)[status == "excluded"], minlength=len(layer.origins))
    return tuple(replace(origin, excluded=int(n)) for origin, n in zip(layer.origins, gone, strict=True))


def net_factors(layer: Layer, rows: Array | None = None) -> tuple[Array, Array]:
    """Return KCXS (田坎系数) of each feature, or of those at ``rows``, and which are cultivated land.

    No KCXS counts as 0 except on cultivated land (01xx) and where the class is not known: there it stays unknown.
    """
    known = layer.attributes(("kcxs", "class"), rows)
    kcxs = known["kcxs"].to_numpy(float)
    cultivated = known["class"].fillna("01").astype(str).str.startswith("01").to_numpy(bool)
    return np.where(np.isnan(kcxs) & ~cultivated, 0.0, kcxs), cultivated
