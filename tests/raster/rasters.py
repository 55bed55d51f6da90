"""Small rasters, and the closed form of the area between two parallels and two meridians."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.transform import Affine


def ground(west: float, south: float, east: float, north: float) -> float:
    """Area (m²) of a box of degrees on the CGCS2000 ellipsoid: b²/2 · Δλ · [q(φ)], the published closed form."""
    a, f = 6378137.0, 1 / 298.257222101
    e2 = 2 * f - f * f

    def zone(lat: float) -> float:
        sine = math.sin(math.radians(lat))
        return sine / (1 - e2 * sine**2) + math.atanh(math.sqrt(e2) * sine) / math.sqrt(e2)

    return a * a * (1 - e2) / 2 * math.radians(east - west) * (zone(north) - zone(south))


def write_raster(
    path: Path, values: np.ndarray, left: float, top: float, cell: float, *, crs: Any = "EPSG:4490",
    nodata: float | None = None, up: bool = False, **how: Any,
) -> Path:  # fmt: skip
    """Write one band; ``up``: its first row is the southernmost (``top`` is then its southern border)."""
    at = Affine(cell, 0, left, 0, cell if up else -cell, top)
    options = {"driver": "GTiff", "dtype": values.dtype, "crs": crs, "transform": at, "nodata": nodata} | how
    with rasterio.open(path, "w", width=values.shape[1], height=values.shape[0], count=1, **options) as file:
        file.write(values, 1)
    return path
