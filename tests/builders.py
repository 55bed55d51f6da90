"""Small plans and parcels in metres from one corner in 托克逊, and an official area that is not ours."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from controllines.convert import Converted
from controllines.io import Source, read
from controllines.layers import Layer
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


#: Three lines side by side, 500, 300 and 700 m wide, in a county of two townships.
LAYERS = {
    RED: layer([here(0, 0, 500, 1000)], BSM=["r1"], LHLX=["水源涵养"]),
    FARM: layer([here(500, 0, 800, 1000)], BSM=["f1"], DLBM=["0102"], KCXS=[0.1]),
    CITY: layer([here(800, 0, 1500, 1000)], BSM=["u1"], GHFQMC=["集中建设区"]),
    "county": layer([here(-1000, -1000, 3000, 3000)], XZQDM=["650422"], XZQMC=["托克逊县"]),
    "township": layer([here(-1000, -1000, 600, 3000), here(600, -1000, 2000, 3000)],
                      XZQDM=["650422100", "650422101"], XZQMC=["甲镇", "乙镇"]),
}  # fmt: skip


def write_survey(path: Path, plots: Sequence[tuple[str, object, shapely.Polygon]], *, zone: int = 30) -> Path:
    """Write a survey file (TXT) in GBK: id, 公顷 and polygon of each parcel."""
    lines = ["[属性描述]", "坐标系=2000国家大地坐标系", "几度分带=3", f"带号={zone}", "精度=0.001", "[地块坐标]"]
    for identity, hectares, polygon in plots:
        points = shapely.get_coordinates(polygon)
        lines.append(f"{len(points)},{hectares},{identity},地块,面,,工业用地,0601,@")
        lines += [f"J{k % (len(points) - 1) + 1},1,{y:.3f},{x:.3f}" for k, (x, y) in enumerate(points)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(("\r\n".join(lines) + "\r\n").encode("gbk"))
    return path


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


def only(path: Path, **options: object) -> Source:
    """The one layer of a file."""
    [source] = read(path, **options)
    return source


def noted(found: Source | Layer | Converted) -> list[str]:
    """Codes of what was found while reading or writing, in order."""
    return [item.code for item in found.findings]


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


def jagged(seed, vertices, *, radius=5000, at=(0, 0)):
    """A star with a hole, its outline rough at every scale, whole millimetres."""
    rng = np.random.default_rng(seed)
    angle = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    reach = radius * (1 + 0.3 * np.sin(7 * angle) + 0.02 * rng.random(vertices))
    ring = np.round(np.column_stack([reach * np.cos(angle), reach * np.sin(angle)]), 3)
    return shapely.Polygon(ring + at, [np.round(ring[::-1] * 0.2, 3) + at])


def dense(polygon, step: float = 60.0):
    """Points on every edge, so that a change of projection keeps it where it is."""
    return shapely.segmentize(polygon, step)


def moved(geometries: Iterable, source: object, target: object) -> list:
    """Geometries in another CRS, by geopandas."""
    return list(gpd.GeoSeries(list(geometries), crs=source).to_crs(target))


#: Shape types of polygons: plain, with heights and measures, with measures.
SHAPE_TYPES = {"XY": 5, "XYZM": 15, "XYM": 25}


def write_shapefile(path: Path, records: Sequence[Sequence[Sequence]], *, coordinates: str = "XY", crs: int = EPSG):
    """A shapefile byte by byte: each record holds rings as they are given, which writers would put in order."""
    code = SHAPE_TYPES[coordinates]
    shapes = [_shape(rings, code) for rings in records]
    sizes = [8 + len(shape) for shape in shapes]
    starts = np.cumsum([100, *sizes])[:-1]
    body = b"".join(struct.pack(">2i", n, len(s) // 2) + s for n, s in enumerate(shapes, 1))
    index = b"".join(struct.pack(">2i", at // 2, len(s) // 2) for at, s in zip(starts, shapes, strict=True))
    every = np.array([point for rings in records for ring in rings for point in ring])
    for suffix, content in ((".shp", body), (".shx", index)):
        head = struct.pack(">7i", 9994, *[0] * 5, 50 + len(content) // 2)
        box = struct.pack("<2i8d", 1000, code, *every.min(axis=0), *every.max(axis=0), *[0.0] * 4)
        path.with_suffix(suffix).write_bytes(head + box + content)
    field = b"DKBH".ljust(11, b"\0") + b"C" + bytes(4) + bytes([8]) + bytes(15) + b"\r"
    rows = b"".join(b" " + f"r{n}".encode().ljust(8) for n in range(1, len(records) + 1))
    path.with_suffix(".dbf").write_bytes(struct.pack("<4BIHH20x", 3, 126, 1, 1, len(records), 65, 9) + field + rows)
    path.with_suffix(".prj").write_text(pyproj.CRS(crs).to_wkt("WKT1_ESRI"), encoding="utf-8")
    return path


def _shape(rings: Sequence[Sequence], code: int) -> bytes:
    points = np.array([point for ring in rings for point in ring], "<f8")
    starts = np.cumsum([0, *map(len, rings)])[:-1].astype("<i4")
    head = struct.pack("<i4d2i", code, *points.min(axis=0), *points.max(axis=0), len(rings), len(points))
    more = struct.pack("<2d", 7, 7) + np.full(len(points), 7.0).tobytes()  # a height or a measure
    return head + starts.tobytes() + points.tobytes() + more * {5: 0, 25: 1, 15: 2}[code]
