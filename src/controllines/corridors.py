"""Linear and point projects (线状、点状工程): corridors of a declared width, circles of a declared radius.

They are drawn in a local transverse Mercator, where metres are true, and enter as land in the source CRS. Without a
declared width a line stays a line, which is set aside by name later on: it is never read as "none".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
import pyproj
import shapely

from controllines.crs import EDGE_LENGTH_M, RF, A, Plane, SourceCRS, reproject, to_lonlat, to_plane
from controllines.findings import Finding, finding
from controllines.kinds import Kind, find_field

Array = np.ndarray
_LINES = (shapely.GeometryType.LINESTRING, shapely.GeometryType.LINEARRING, shapely.GeometryType.MULTILINESTRING)
_POINTS = (shapely.GeometryType.POINT, shapely.GeometryType.MULTIPOINT)
#: Circles and bends are drawn so that no chord is further than this from its arc (m).
SAGITTA_M = 0.0005
#: Middles of one local projection (degrees of longitude): its scale is true to 2e-7 there.
_LOCAL_DEGREES = 0.1
_DEGREE_M = 111_320.0


@dataclass(frozen=True)
class Drawn:
    """Applications with land in the place of lines and points.

    Attributes
    ----------
    geoms : polygons where a width or radius was declared, the rest as it came
    lines : centre lines (中心线) of the corridors in source coordinates, None elsewhere
    findings : what was drawn, by layer
    """

    geoms: Array
    lines: Array
    findings: tuple[Finding, ...]


def declared_sizes(
    kind: Kind, frame: pd.DataFrame, facts: Mapping[str, str], line_width: float | None
) -> tuple[Array, Array]:
    """Return the declared width and radius (m) of each row, NaN where there is none.

    The column of the row comes first, then the facts of its file, then ``line_width``, which is for lines alone.
    """
    sizes = []
    for role, fallback in (("width", line_width), ("radius", None)):
        column = find_field(kind, role, frame.columns)
        said = next((facts[name] for name in kind.fields.get(role, ()) if facts.get(name)), fallback)
        default = pd.to_numeric(pd.Series([said], dtype=object), errors="coerce").astype(float).iloc[0]
        own = pd.to_numeric(frame[column], errors="coerce").to_numpy(float) if column else np.full(len(frame), np.nan)
        sizes.append(np.where(np.isnan(own), default, own))
    return sizes[0], sizes[1]


def draw(
    geoms: Array, sizes: tuple[Array, Array], crs: SourceCRS, *, source: object = None, layer: str | None = None
) -> Drawn:
    """Draw corridors with flat ends around lines and circles around points.

    Parameters
    ----------
    geoms : geometries in source coordinates
    sizes : widths of lines and radii of points (m); what is not positive is not declared
    crs : source CRS of ``geoms``
    source, layer : where they come from
    """
    out, lines = np.array(geoms, dtype=object), np.full(len(geoms), None, dtype=object)
    kind, sound = shapely.get_type_id(out), ~shapely.is_empty(out)
    xy, index = shapely.get_coordinates(out, return_index=True)
    sound[index[~np.isfinite(xy).all(axis=1)]] = False
    found = []
    for types, size, code in ((_LINES, sizes[0], "CORRIDOR_DRAWN"), (_POINTS, sizes[1], "CIRCLE_DRAWN")):
        rows = np.flatnonzero(np.isin(kind, types) & sound & (size > 0) & np.isfinite(size))
        if not len(rows):
            continue
        if types is _LINES:
            lines[rows] = shapely.force_2d(out[rows])
        out[rows] = _around(out[rows], size[rows] / (2 if types is _LINES else 1), crs)
        found.append(finding(code, source=source, layer=layer, actual=len(rows), expected=_span(size[rows])))
    return Drawn(out, lines, tuple(found))


def _span(size: Array) -> str:
    low, high = f"{size.min():g}", f"{size.max():g}"
    return low if low == high else f"{low}—{high}"


def _around(geoms: Array, reach: Array, crs: SourceCRS) -> Array:
    """Return the land within ``reach`` metres, square at the ends of lines, in source coordinates."""
    split = dense(geoms, crs)
    middle = to_lonlat(crs, shapely.bounds(split).reshape(-1, 2, 2).mean(axis=1))[:, 0]
    near = np.round(middle / _LOCAL_DEGREES)
    out = np.empty(len(geoms), dtype=object)
    for zone in np.unique(near):
        rows = np.flatnonzero(near == zone)
        local = _local(float(zone) * _LOCAL_DEGREES)
        arcs = int(np.ceil(np.pi / 4 / np.arccos(1 - SAGITTA_M / max(reach[rows].max(), 0.01))))
        land = shapely.buffer(reproject(split[rows], crs, local), reach[rows], quad_segs=arcs, cap_style="flat"
                              if shapely.get_dimensions(split[rows[0]]) else "round")  # fmt: skip
        out[rows] = reproject(land, local, crs)
    return out


@lru_cache(maxsize=64)
def _local(lon: float) -> SourceCRS:
    definition = {"proj": "tmerc", "lon_0": lon, "k": 1, "x_0": 0, "y_0": 0, "a": A, "rf": RF, "units": "m"}
    return SourceCRS(pyproj.CRS.from_dict(definition), "cgcs2000")


def dense(lines: Array, crs: SourceCRS) -> Array:
    """Split lines every 70 m, so that they stay where they are in any projection."""
    flat = shapely.force_2d(lines)
    return np.asarray(shapely.segmentize(flat, EDGE_LENGTH_M if crs.projected else EDGE_LENGTH_M / _DEGREE_M))


def line_in_plane(lines: Array, crs: SourceCRS, plane: Plane) -> Array:
    """Bring centre lines into the plane."""
    return to_plane(dense(lines, crs), crs, plane) if len(lines) else lines


def lengths_inside(lines: Array, pieces: tuple[Array, Array], plane: Plane) -> Array:
    """Return the length (true metres) of centre lines within pieces of land.

    Parameters
    ----------
    lines : centre lines in the plane, None where the land has none
    pieces : row of the line and polygon, for each piece of the land that lies inside a control line
    plane : the plane of both
    """
    out = np.where(shapely.is_missing(lines), np.nan, 0.0)
    rows, geoms = pieces
    for row in np.unique(rows[~shapely.is_missing(lines[rows])]):
        inside = shapely.intersection(lines[row], shapely.union_all(geoms[rows == row]))
        out[row] = length_m(np.array([inside], dtype=object), plane)[0]
    return out


def length_m(lines: Array, plane: Plane) -> Array:
    """Return the geodesic length (m) on the ellipsoid of lines in the plane; NaN where there is none."""
    geod = pyproj.Geod(a=A, rf=RF)
    lonlat = shapely.transform(lines, plane.inverse)
    return np.array([np.nan if line is None else geod.geometry_length(line) for line in lonlat], dtype=float)
