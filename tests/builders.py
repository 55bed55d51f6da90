"""Small plans and parcels in metres from one corner in 托克逊, and an official area that is not ours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from controllines.pipeline import check
from controllines.plans import Plan, open_plan
from controllines.results import CheckResult
from tests.property.test_area import series_area

#: 3° zone 30 with prefix; the corner of golden value T2, 115 km west of the central meridian.
EPSG = 4518
CORNER = (30_385_000, 4_738_000)
RED, FARM, CITY = "ecological_redline", "permanent_farmland", "urban_boundary"


def shifted(geometry, by=CORNER):
    """Move a geometry drawn in metres from the corner to where the corner is."""
    return shapely.transform(geometry, lambda xy: xy + np.array(by))


def here(*corners):
    """Four numbers: a box; pairs: a polygon. In metres from the corner."""
    return shifted(shapely.box(*corners) if np.ndim(corners[0]) == 0 else shapely.Polygon(corners))


COUNTY = here(-40_000, -40_000, 80_000, 40_000)


def layer(geometries, *, crs=EPSG, **columns) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=list(geometries), crs=crs)


def parcels(*geometries, crs=EPSG, **columns) -> gpd.GeoDataFrame:
    """Parcels with ids a, b, c, …"""
    ids = columns.pop("DKBH", [chr(97 + n) if n < 26 else f"p{n}" for n in range(len(geometries))])
    return layer(geometries, crs=crs, DKBH=ids, **columns)


def make_plan(*, county=COUNTY, crs=EPSG, **layers) -> Plan:
    """A plan of frames or lists of geometries; around them a county, unless ``county=None``."""
    around = {} if county is None else {"county": layer([county], crs=crs, XZQDM=["650422"], XZQMC=["托克逊县"])}
    frames = {
        key: value if isinstance(value, gpd.GeoDataFrame) else layer(value, crs=crs, BSM=row_ids(len(value)))
        for key, value in layers.items()
    }
    return open_plan(around | frames)


def row_ids(count: int) -> list[str]:
    return [f"f{n}" for n in range(1, count + 1)]


def measure(geometry, kind: str, features: Sequence, **more) -> tuple[pd.Series, CheckResult]:
    """Check one parcel against one line; ``more`` goes to the plan."""
    result = check(parcels(geometry), make_plan(**{kind: features}, **more), as_of="2026-11-21")
    return row(result, kind), result


def row(result: CheckResult, kind: str, parcel: str = "a") -> pd.Series:
    """The one row of ``overlaps`` of a parcel and a line."""
    overlaps = result.overlaps
    found = overlaps[(overlaps["kind"] == kind) & (overlaps["parcel_id"] == parcel)]
    assert len(found) == 1
    return found.iloc[0]


def codes(result: CheckResult) -> set[str]:
    return set(result.findings["code"])


def balance(result: CheckResult, kind: str) -> float:
    """Greatest share by which inside + outside + uncovered + contact misses the parcel, where it was measured."""
    of_kind = result.overlaps[result.overlaps["kind"] == kind].set_index("parcel_id")
    booked = of_kind[["area_m2", "outside_m2", "uncovered_m2", "contact_m2"]].sum(axis=1, skipna=False).dropna()
    whole = result.parcels.set_index("parcel_id")["area_m2"].loc[booked.index]
    return float((booked / whole - 1).abs().max())


def official(geometry, epsg: int | None = EPSG) -> float:
    """Official area by the published series; ``epsg=None``: longitude and latitude."""
    return sum(series_area(part, epsg) for part in shapely.get_parts(geometry))


def scale(east: float = 0, north: float = 0, epsg: int = EPSG) -> float:
    """Gauss–Krüger metres in one true metre at a place given in metres from the corner (PROJ's own factors)."""
    crs = pyproj.CRS(epsg)
    to_degrees = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    lon, lat = to_degrees.transform(CORNER[0] + east, CORNER[1] + north)
    return float(pyproj.Proj(crs).get_factors(lon, lat).meridional_scale)


def dense(polygon, step: float = 60.0):
    """Points on every edge, so that a change of projection keeps it where it is."""
    return shapely.segmentize(polygon, step)


def moved(geometries: Iterable, source: object, target: object) -> list:
    """Geometries in another CRS, by geopandas."""
    return list(gpd.GeoSeries(list(geometries), crs=source).to_crs(target))
