"""The same small example in several programs, for the page of comparison: ``python docs/compare.py`` prints its table.

Three parcels and two lines, made to show where answers part. PostGIS is asked where a server can be started
(``tests/conftest.py`` has one); without it its column is left out.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import geopandas as gpd
import pandas as pd
from shapely import box
from shapely.affinity import translate

import controllines as cl

#: 3° zone 30 without prefix (middle meridian 90°), about 115 km west of it, where 托克逊 lies.
CRS = "EPSG:4539"
EAST, NORTH = 385_000.0, 4_738_000.0


def at(x: float, y: float, width: float, height: float) -> Any:
    """Return a rectangle by its south-west corner and size in metres, off the corner of the example."""
    return translate(box(x, y, x + width, y + height), EAST, NORTH)


def example() -> dict[str, gpd.GeoDataFrame]:
    """Return parcels, redline (two of its features overlap) and the county, which ends 2 050 m east of the corner."""
    parcels = {"A": at(0, 0, 1000, 1000), "B": at(1200, 0, 300, 200), "C": at(1950, 0, 200, 200)}
    return {
        "parcels": gpd.GeoDataFrame({"DKBH": list(parcels)}, geometry=list(parcels.values()), crs=CRS),
        # A: a corner of 500 m × 400 m that two features share for 200 m; B: a strip of 0.5 mm along its west side
        "redline": gpd.GeoDataFrame(
            {"BSM": ["1", "2", "3"]},
            geometry=[at(-100, -100, 400, 500), at(100, -100, 400, 500), at(1100, -100, 100.0005, 400)], crs=CRS,
        ),
        "county": gpd.GeoDataFrame({"XZQDM": ["650422"]}, geometry=[at(-5000, -5000, 7050, 12000)], crs=CRS),
    }  # fmt: skip


def ours(frames: dict[str, gpd.GeoDataFrame]) -> pd.DataFrame:
    """Return area_m2, conflict_m2 and the outcome of each parcel, by controllines."""
    plan = cl.open_plan({"ecological_redline": frames["redline"], "county": frames["county"]}, name="例", version="例")
    options = cl.CheckOptions(lines=("ecological_redline",), rules="none")
    result = cl.check(frames["parcels"], plan, as_of="2026-11-21", options=options)
    table = result.overlaps.merge(result.parcels[["parcel_id", "area_m2"]], on="parcel_id", suffixes=("_in", ""))
    return table.set_index("parcel_id")[["area_m2", "conflict_m2", "outcome", "flags"]]


def by_geopandas(frames: dict[str, gpd.GeoDataFrame], *, dissolve: bool, area: Callable[[Any], Any]) -> pd.Series:
    """Return the area inside the redline by ``geopandas.overlay``; parcels without any do not appear."""
    line = frames["redline"].dissolve() if dissolve else frames["redline"]
    pieces = gpd.overlay(frames["parcels"], line, how="intersection", keep_geom_type=True)
    return pieces.assign(m2=area(pieces)).groupby("DKBH")["m2"].sum()


def planar(frame: gpd.GeoDataFrame) -> Any:
    """Return areas as they come in the CRS of the data."""
    return frame.area


def by_postgis(connection: Any, frames: dict[str, gpd.GeoDataFrame]) -> pd.DataFrame:
    """Return planar area, geography area and area inside the dissolved redline of each parcel, by PostGIS."""
    for name in ("parcels", "redline"):
        connection.execute(f"CREATE TEMP TABLE {name} (id text, geom geometry(Polygon, 4539))")
        for row in frames[name].itertuples():
            connection.execute(f"INSERT INTO {name} VALUES (%s, ST_GeomFromText(%s, 4539))", (row[1], row.geometry.wkt))
    # the ellipsoid of 4490 is that of CGCS2000; geography needs longitude and latitude
    found = connection.execute("""
        SELECT p.id, ST_Area(p.geom), ST_Area(ST_Transform(ST_Segmentize(p.geom, 70), 4490)::geography),
               coalesce(ST_Area(ST_Transform(ST_Segmentize(ST_Intersection(p.geom, r.geom), 70), 4490)::geography), 0),
               ST_Intersects(p.geom, r.geom)
        FROM parcels p, (SELECT ST_Union(geom) geom FROM redline) r ORDER BY 1""").fetchall()
    columns = ["id", "planar_m2", "geography_m2", "inside_m2", "meets"]
    return pd.DataFrame(found, columns=columns).set_index("id")


def main() -> None:
    """Print what each program says."""
    frames = example()
    print(ours(frames).to_string())
    for dissolve in (False, True):
        for name, area in (("planar", planar), ("official", cl.official_area)):
            print("geopandas", "dissolved" if dissolve else "plain", name)
            print(by_geopandas(frames, dissolve=dissolve, area=area).to_string())


if __name__ == "__main__":
    warnings.simplefilter("error")
    main()
