"""Repair with a log (几何检查与修复): what is set aside, what is mended, and by how much the area changed.

Validity is checked twice: in the source CRS, where repairs are findings, and again in the plane, where splitting
edges can make a valid polygon invalid by a hair.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from controllines.findings import Finding, finding

Array = np.ndarray
_POLYGONAL = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)
_NESTING = (shapely.GeometryType.MULTIPOLYGON, shapely.GeometryType.GEOMETRYCOLLECTION)
#: A repair in the plane is silent below perimeter × this width (m): the coordinate precision, twice.
DOOR_WIDTH_M = 0.0002


@dataclass(frozen=True)
class Cleaned:
    """Geometries after the check.

    Attributes
    ----------
    geoms : array of Polygon or MultiPolygon; None where set aside
    status : ``ok``, ``repaired`` or ``excluded`` for each
    findings : one for each feature that is not ``ok``
    """

    geoms: Array
    status: Array
    findings: tuple[Finding, ...]


def clean(geoms: Array, ids: Array, *, source: object = None, layer: str | None = None) -> Cleaned:
    """Check polygons in their source CRS; mend what can be mended, set aside the rest by name."""
    out = np.array(geoms, dtype=object)
    status = np.full(len(out), "ok", dtype=object)
    found: list[Finding] = []
    where = {"source": source, "layer": layer}

    def set_aside(rows: Array, code: str, actual: Array | None = None) -> None:
        status[rows] = "excluded"
        for position, row in enumerate(rows):
            found.append(finding(code, feature=ids[row], actual=None if actual is None else actual[position],
                                 xy=_corner(out[row]), **where))  # type: ignore[arg-type]  # fmt: skip
        out[rows] = None

    set_aside(np.flatnonzero(shapely.is_missing(out) | shapely.is_empty(out)), "GEOMETRY_MISSING")
    finite = np.ones(len(out), bool)
    xy, index = shapely.get_coordinates(out, return_index=True)
    finite[index[~np.isfinite(xy).all(axis=1)]] = False
    set_aside(np.flatnonzero(~finite), "GEOMETRY_NOT_FINITE")
    given = ~shapely.is_missing(out)
    other = np.flatnonzero(given & ~np.isin(shapely.get_type_id(out), _POLYGONAL))
    set_aside(other, "GEOMETRY_NOT_POLYGON", np.array([g.geom_type for g in out[other]], dtype=object))

    broken = np.flatnonzero(~shapely.is_missing(out) & ~shapely.is_valid(out))
    before, reasons = shapely.area(out[broken]), shapely.is_valid_reason(out[broken])
    out[broken] = _mend(out[broken])
    status[broken] = "repaired"
    for row, area, reason in zip(broken, before, reasons, strict=True):
        if not shapely.is_empty(out[row]):
            change = f"由 {area:.4f} 变为 {shapely.area(out[row]):.4f}（源坐标系单位）"
            found.append(finding("GEOMETRY_REPAIRED", feature=ids[row], actual=reason, expected=change,
                                 xy=_corner(out[row]), **where))  # type: ignore[arg-type]  # fmt: skip
    flat = np.flatnonzero(~shapely.is_missing(out) & ~(shapely.area(out) > 0))
    set_aside(flat, "GEOMETRY_COLLAPSED", np.full(len(flat), "面积为 0", dtype=object))
    return Cleaned(out, status, tuple(found))


def through_door(geoms: Array) -> tuple[Array, Array, Array]:
    """Check polygons in the plane and mend hairline faults.

    Returns
    -------
    geoms : valid polygons; None where mending would change the area by more than perimeter × 0.0002 m
    change : absolute change of area in m²
    limit : the limit in m²
    """
    out = np.array(geoms, dtype=object)
    change, limit = np.zeros(len(out)), np.full(len(out), np.inf)
    broken = np.flatnonzero(~shapely.is_valid(out))
    mended = _mend(out[broken])
    change[broken] = np.abs(shapely.area(mended) - shapely.area(out[broken]))
    limit[broken] = shapely.length(out[broken]) * DOOR_WIDTH_M
    out[broken] = mended
    out[(change >= limit) | (shapely.area(out) == 0)] = None
    return out, change, limit


def _mend(geoms: Array) -> Array:
    """Make polygons valid by their structure: shells less holes, parts united."""

    def valid(broken: Array) -> Array:
        return polygonal(shapely.make_valid(broken, method="structure", keep_collapsed=False))

    if not len(geoms):
        return geoms
    parts, index = shapely.get_parts(geoms, return_index=True)
    filled = np.asarray(shapely.polygons(shapely.get_exterior_ring(parts)))
    shells = valid(np.asarray(shapely.multipolygons(filled, indices=index)))
    mended = valid(geoms)
    # GEOS takes a hole that lies outside its shell for a shell of its own; a hole is never land
    stray = ~shapely.covered_by(mended, shells)
    mended[stray] = polygonal(shapely.intersection(mended[stray], shells[stray]))
    return mended


def polygonal(geoms: Array) -> Array:
    """Keep the polygonal parts of geometries: touching is no overlap."""
    out = np.array(geoms, dtype=object)
    mixed = np.flatnonzero(~np.isin(shapely.get_type_id(out), _POLYGONAL))
    if not len(mixed):
        return out
    parts, index = shapely.get_parts(out[mixed], return_index=True)
    while np.isin(shapely.get_type_id(parts), _NESTING).any():
        parts, inner = shapely.get_parts(parts, return_index=True)
        index = index[inner]
    keep = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    out[mixed] = shapely.MultiPolygon()
    if keep.any():
        rows = np.unique(index[keep])
        out[mixed[rows]] = shapely.multipolygons(parts[keep], indices=np.searchsorted(rows, index[keep]))
    return out


def _corner(geom: shapely.Geometry | None) -> tuple[float, float] | None:
    xy = shapely.get_coordinates(geom)
    return (float(xy[0][0]), float(xy[0][1])) if len(xy) and np.isfinite(xy[0]).all() else None
