"""Areas (面积): official on the ellipsoid (椭球面积), planar in the Gauss plane (平面面积), net of ridges (扣除田坎).

The official area of 国土调查办发〔2008〕32号 cuts each edge and a meridian into a trapezoid on the ellipsoid. That sum
is the planar shoelace area after the vertices are brought to the plane of :mod:`controllines.crs`.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from controllines.crs import (
    EdgeRule,
    Plane,
    SourceCRS,
    check_range,
    gauss_kruger,
    lonlat_bounds,
    plane_of,
    recognise,
    reproject,
    same,
    to_lonlat,
    to_plane,
    zone_of,
)
from controllines.errors import CRSError, GeometryError

Array = np.ndarray
#: Above this extent (m) the scale of the Gauss plane varies within a polygon, and its vertices are projected.
ONE_SCALE_M = 3000.0
_POLYGONAL = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)


def official_area(geoms: object, crs: object = None, *, rule: EdgeRule = EdgeRule(), datum: str | None = None) -> Array:
    """Return the official ellipsoidal area (图斑椭球面积) of polygons.

    Parameters
    ----------
    geoms : GeoDataFrame, GeoSeries, or array-like of polygons
    crs : their CRS; needed for bare geometries, must not contradict that of a frame
    rule : how projected edges are split before projection
    datum : ``"as_is"`` for data on a foreign datum

    Returns
    -------
    float64 array in m², one value for each geometry; NaN where the geometry is missing, 0 where it is empty

    Raises
    ------
    CRSError
        The CRS is missing, contradictory, or cannot be brought to CGCS2000.
    GeometryError
        A geometry is no polygon, or is invalid so that its area has no meaning.

    Notes
    -----
    国土调查办发〔2008〕32号. Rounding of intermediate values, as survey software does it, is left out; the difference
    stays below 0.02 m² up to 1 km².
    """
    array, source = _polygons(geoms, crs, datum)
    areas = np.where(shapely.is_missing(array), np.nan, 0.0)
    given = ~(shapely.is_missing(array) | shapely.is_empty(array))
    if given.any():
        check_range(source, shapely.total_bounds(array[given]))
        plane = plane_of(lonlat_bounds(array[given], source))
        areas[given] = shapely.area(to_plane(array[given], source, plane, rule))
    return areas


def _polygons(geoms: object, crs: object, datum: str | None) -> tuple[Array, SourceCRS]:
    own = getattr(geoms, "crs", None)
    source = recognise(own if crs is None else crs, datum=datum)
    if own is not None and not same(own, source.crs):
        raise CRSError.of("CRS_CONTRADICTS", expected=str(crs), actual=own.name)
    values = geoms.geometry.values if isinstance(geoms, gpd.GeoDataFrame | gpd.GeoSeries) else geoms
    array = np.atleast_1d(np.asarray(values, dtype=object))
    given = ~shapely.is_missing(array)
    wrong = np.flatnonzero(given & ~np.isin(shapely.get_type_id(array), _POLYGONAL))
    if len(wrong):
        raise GeometryError.of("GEOMETRY_NOT_POLYGON", feature=int(wrong[0]), actual=array[wrong[0]].geom_type)
    invalid = np.flatnonzero(given & ~shapely.is_valid(array))
    if len(invalid):
        reason = shapely.is_valid_reason(array[invalid[0]])
        raise GeometryError.of("GEOMETRY_INVALID", feature=int(invalid[0]), actual=reason)
    return array, source


def planar_area(geoms: Array, source: SourceCRS) -> Array:
    """Return the planar area (平面面积, m²) in the Gauss plane of each polygon's own 3° zone.

    Vertices are brought to that zone and joined by straight lines; this is what 勘测定界 files declare.
    """
    if not len(geoms):
        return np.zeros(0)
    zones = zone_of(to_lonlat(source, _middle(geoms))[:, 0])
    areas = np.zeros(len(geoms))
    for zone in np.unique(zones):
        rows = zones == zone
        if source.zone == zone:
            areas[rows] = shapely.area(geoms[rows])  # GEOS counts from a vertex: a zone prefix costs no digits
        else:
            target = SourceCRS(gauss_kruger(int(zone)), "cgcs2000")
            areas[rows] = shapely.area(reproject(geoms[rows], source, target))
    return areas


def planar_area_of_plane(geoms: Array, plane: Plane) -> Array:
    """Return the planar area (平面面积, m²) of polygons of the working plane, each in its own 3° zone."""
    lonlat = shapely.transform(geoms, plane.inverse) if len(geoms) else geoms
    return planar_area(np.asarray(lonlat), recognise("EPSG:4490"))


def planar_by_scale(geoms: Array, plane: Plane) -> Array:
    """Return the planar area (m²) of polygons of the working plane, fast: official area × areal scale at the centroid.

    The scale of a zone is linear across a small polygon to 1e-8; large ones are projected vertex by vertex.
    """
    official = shapely.area(geoms)
    lonlat = plane.inverse(shapely.get_coordinates(shapely.centroid(geoms)))
    zones, scale = zone_of(lonlat[:, 0]), np.ones(len(geoms))
    for zone in np.unique(zones):
        own = zones == zone
        scale[own] = pyproj.Proj(gauss_kruger(int(zone))).get_factors(*lonlat[own].T).areal_scale
    areas = official * scale
    bounds = shapely.bounds(geoms)
    large = np.flatnonzero((bounds[:, 2:] - bounds[:, :2]).max(axis=1) > ONE_SCALE_M)
    areas[large] = planar_area_of_plane(geoms[large], plane)
    return np.asarray(areas)


def _middle(geoms: Array) -> Array:
    bounds = shapely.bounds(geoms)
    return np.column_stack([(bounds[:, 0] + bounds[:, 2]) / 2, (bounds[:, 1] + bounds[:, 3]) / 2])
