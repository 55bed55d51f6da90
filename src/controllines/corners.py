"""Corner points of the parcels (界址点), in the coordinates that were handed in."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from controllines.crs import RF, A
from controllines.layers import Layer

Array = np.ndarray
CORNERS = ("parcel_id", "ring", "point", "x", "y", "edge_m", "decimals")
#: Decimals of degrees that write every coordinate of double precision at 0.1 mm.
DEGREES = 9


def corners_frame(laid: Layer, rows: Array) -> pd.DataFrame:
    """Return the corner points of parcels, ring by ring, the first point of each ring repeated at its end.

    Parameters
    ----------
    laid : the applications, with their source coordinates
    rows : those that were checked

    Returns
    -------
    Columns parcel_id, ring (圈号, from 1), point (点号: J1, J2, … through all rings of a parcel; a closing point has
    the number of the ring's first), x (northing X in m, or latitude in degrees), y (easting Y, or longitude), edge_m
    (边长: to the next point, plane distance of projected coordinates, else geodesic; null at a closing point), decimals
    (of the coordinates as handed in)
    """
    parts, owner = shapely.get_parts(laid.shapes[rows], return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    parcel = owner[part][ring]
    is_closing = np.diff(ring, append=-1) != 0
    of_parcel = pd.Series(~is_closing).groupby(parcel).cumsum()
    number = np.where(is_closing, of_parcel.groupby(ring).transform("first"), of_parcel)
    numbered = pd.Series(owner[part]).groupby(owner[part]).cumcount().to_numpy() + 1
    projected = np.array([laid.crs[row].projected for row in rows], bool)[parcel]
    ids = laid.frame["parcel_id"].to_numpy(object)[rows]
    return pd.DataFrame({
        "parcel_id": ids[parcel],
        "ring": numbered[ring],
        "point": np.char.add("J", number.astype(str)).astype(object),
        "x": xy[:, 1],
        "y": xy[:, 0],
        "edge_m": _edges(xy, is_closing, projected),
        "decimals": np.where(projected, _decimals(laid.resolution[rows])[parcel], DEGREES),
    })  # fmt: skip


def _edges(xy: Array, is_closing: Array, projected: Array) -> Array:
    """Return the length of the edge that starts at each point (m)."""
    after = np.roll(xy, -1, axis=0)
    plane = np.hypot(*(after - xy).T)
    if not projected.all():
        geod = pyproj.Geod(a=A, rf=RF)
        degrees = ~projected & ~is_closing
        plane[degrees] = geod.inv(*xy[degrees].T, *after[degrees].T)[2]
    return np.where(is_closing, np.nan, plane)


def _decimals(resolution: Array) -> Array:
    return np.asarray(np.clip(np.round(-np.log10(resolution)), 0, 6), dtype=int)


def axes(frame: gpd.GeoDataFrame) -> tuple[str, str]:
    """Return the headings of x and y: metres, or degrees where all parcels are in longitude and latitude."""
    names: list[Any] = list(frame["source_crs"].dropna().unique())
    degrees = bool(names) and all(pyproj.CRS(name).is_geographic for name in names)
    return ("纬度（度）", "经度（度）") if degrees else ("X（北，米）", "Y（东，米）")
