"""Repair with a log (几何检查与修复): what is set aside, what is mended, and by how much the area changed.

Validity is checked twice: in the source CRS, where repairs are findings, and again in the plane, where splitting
edges can make a valid polygon invalid by a hair. A repair keeps what was drawn: every lobe of a ring that crosses
itself is land (or hole), parts are united, holes count only inside their own shell.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from controllines.crs import LARGEST, SourceCRS, lonlat_bounds, plane_of, to_plane
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
    findings : one or more for each feature that is not ``ok``
    """

    geoms: Array
    status: Array
    findings: tuple[Finding, ...]


def clean(
    geoms: Array, ids: Array, *, crs: SourceCRS | None = None, source: object = None, layer: str | None = None
) -> Cleaned:
    """Check polygons in their source CRS; mend what can be mended, set aside the rest by name.

    Parameters
    ----------
    geoms : geometries of any sort, None where a feature has none; not written to
    ids : id of each, for the findings
    crs : the source CRS: areas before and after a repair are told in m², official; without it in source units
    source, layer : where the features come from
    """
    out = np.array(geoms, dtype=object)
    status = np.full(len(out), "ok", dtype=object)
    found: list[Finding] = []
    where = {"source": source, "layer": layer}

    def report(rows: Array, becomes: str, code: str, *, said: Array | None = None, to: Array | None = None) -> None:
        status[rows] = becomes
        for n, row in enumerate(rows):
            found.append(finding(code, feature=ids[row], xy=_corner(out[row]), actual=None if said is None else said[n],
                                 expected=None if to is None else to[n], **where))  # type: ignore[arg-type]  # fmt: skip
        if becomes == "excluded":
            out[rows] = None

    report(np.flatnonzero(shapely.is_missing(out) | shapely.is_empty(out)), "excluded", "GEOMETRY_MISSING")
    report(_not_finite(out), "excluded", "GEOMETRY_NOT_FINITE")
    mixed = np.flatnonzero((shapely.get_type_id(out) == _NESTING[1]) & (shapely.get_dimensions(out) == 2))
    report(mixed, "repaired", "GEOMETRY_COLLECTION", said=_others(out[mixed]))
    out[mixed] = polygonal(out[mixed])
    other = np.flatnonzero(~shapely.is_missing(out) & ~np.isin(shapely.get_type_id(out), _POLYGONAL))
    report(other, "excluded", "GEOMETRY_NOT_POLYGON", said=np.array([g.geom_type for g in out[other]], dtype=object))
    broken = np.flatnonzero(~shapely.is_missing(out) & ~shapely.is_valid(out))
    drawn = out[broken]
    out[broken] = mended = _mend(drawn)
    left = shapely.area(mended) > 0
    report(broken[left], "repaired", "GEOMETRY_REPAIRED", said=shapely.is_valid_reason(drawn[left]),
           to=_change(drawn[left], mended[left], crs))  # fmt: skip
    flat = np.flatnonzero(~shapely.is_missing(out) & ~(shapely.area(out) > 0))
    report(flat, "excluded", "GEOMETRY_COLLAPSED", said=np.full(len(flat), "面积为 0", dtype=object))
    return Cleaned(out, status, tuple(found))


def _not_finite(geoms: Array) -> Array:
    xy, index = shapely.get_coordinates(geoms, return_index=True)
    return np.unique(index[~(np.abs(xy) <= LARGEST).all(axis=1)])


def _others(geoms: Array) -> Array:
    """Name what is no polygon in geometry collections, by type and number."""
    names = []
    for geom in geoms:
        counts = Counter(part.geom_type for part in _flat_parts(geom) if part.geom_type != "Polygon")
        names.append("、".join(f"{name} {n} 个" for name, n in sorted(counts.items())) or "没有")
    return np.array(names, dtype=object)


def _flat_parts(geom: Any) -> list[Any]:
    return [inner for part in geom.geoms for inner in _flat_parts(part)] if hasattr(geom, "geoms") else [geom]


def _change(before: Array, after: Array, crs: SourceCRS | None) -> Array:
    """Say the areas before and after a repair: official m² where the CRS is known."""
    unit, areas = "（源坐标系单位）", [shapely.area(before), shapely.area(after)]
    if crs is not None and len(before):
        bounds = lonlat_bounds(before, crs)
        if np.isfinite(bounds).all() and max(abs(bounds[1]), abs(bounds[3])) <= 89:  # a hole can lie anywhere
            plane = plane_of(bounds)
            with np.errstate(invalid="ignore"):  # what reaches around the earth leaves the plane
                official = [shapely.area(to_plane(geoms, crs, plane)) for geoms in (before, after)]
            unit, areas = (" 平方米", official) if np.isfinite(official).all() else (unit, areas)
    return np.array([f"由 {old:.4f} 变为 {new:.4f}{unit}" for old, new in zip(*areas, strict=True)], dtype=object)


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
    """Make polygons valid ring by ring: each shell less its own holes, the parts united.

    Whole polygons are not given to GEOS' ``make_valid``: it takes a hole outside its shell for a shell of its own.
    """
    parts, feature = shapely.get_parts(geoms, return_index=True)
    drawn = ~shapely.is_empty(parts)  # an empty part has no rings to count by
    parts, feature = parts[drawn], feature[drawn]
    rings, part = shapely.get_rings(parts, return_index=True)
    shell = np.diff(part, prepend=-1) != 0
    filled = _filled(rings)
    land = filled[shell]
    holed, holes = _united(filled[~shell], part[~shell])
    land[holed] = shapely.difference(land[holed], holes)
    out = np.full(len(geoms), shapely.MultiPolygon(), dtype=object)
    rows, united = _united(land, feature)
    out[rows] = united
    return polygonal(out)


def _filled(rings: Array) -> Array:
    """Return the land that rings go around.

    GEOS' structural repair keeps what a ring goes around twice, but can lose a ring that runs back over itself (a
    spike at a crossing), or leave it in two faces with a common edge, which is invalid; the even-odd repair does
    neither. What either of them keeps was drawn.
    """
    faces = np.asarray(shapely.polygons(rings), dtype=object)
    broken = np.flatnonzero(~shapely.is_valid(faces))
    kept = shapely.make_valid(faces[broken], method="structure", keep_collapsed=False)
    kept = polygonal(np.asarray(shapely.union_all(kept[:, None], axis=1)))
    even_odd = polygonal(shapely.make_valid(faces[broken], method="linework"))
    lost = np.flatnonzero(shapely.area(shapely.difference(even_odd, kept)) > 1e-9 * shapely.area(even_odd))
    kept[lost] = polygonal(shapely.union(kept[lost], even_odd[lost]))
    faces[broken] = kept
    return faces


def _united(geoms: Array, group: Array) -> tuple[Array, Array]:
    """Return the groups and the union of each; ``group`` is in order."""
    rows, first, size = np.unique(group, return_index=True, return_counts=True)
    united = np.array(geoms[first], dtype=object)
    for n in np.flatnonzero(size > 1):
        united[n] = shapely.union_all(geoms[first[n] : first[n] + size[n]])
    return rows, united


def polygonal(geoms: Array) -> Array:
    """Keep the polygonal parts of geometries: touching is no overlap."""
    out = np.array(geoms, dtype=object)
    kind = shapely.get_type_id(out)
    mixed = np.flatnonzero((kind != _POLYGONAL[0]) & (kind != _POLYGONAL[1]))
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
