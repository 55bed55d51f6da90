"""A small county in thousandths of a degree; its areas follow from the closed formula of the ellipsoid."""

from __future__ import annotations

import math

import geopandas as gpd
import shapely

from controllines.conflicts import Land
from controllines.layers import lay
from controllines.parcels import read_parcels
from controllines.plans import Plan, open_plan
from controllines.stats import tabulate

WEST, SOUTH = 88.5, 42.8
Cell = tuple[float, float, float, float]


def frame(*boxes: Cell, **columns: list[object]) -> gpd.GeoDataFrame:
    """Boxes in thousandths of a degree from (88.5, 42.8)."""
    shapes = [shapely.box(WEST + w / 1000, SOUTH + s / 1000, WEST + e / 1000, SOUTH + n / 1000) for w, s, e, n in boxes]
    return gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4490")


def cell(w: float, s: float, e: float, n: float) -> float:
    """Area (m²) of a box on the CGCS2000 ellipsoid: b²/2 · Δλ · [q(φ)], the published closed form."""
    a, f = 6378137.0, 1 / 298.257222101
    e2 = 2 * f - f * f

    def zone(lat: float) -> float:
        sine = math.sin(math.radians(lat))
        root = math.sqrt(e2)
        return sine / (1 - e2 * sine**2) + math.atanh(root * sine) / root

    width = math.radians((e - w) / 1000)
    return a * a * (1 - e2) / 2 * width * (zone(SOUTH + n / 1000) - zone(SOUTH + s / 1000))


#: townships: west and east of 4; zones: south and north of 4; the farmland reaches beyond both
TOWNS = frame((0, 0, 4, 8), (4, 0, 8, 8), XZQDM=["650422100", "650422101"], XZQMC=["甲镇", "乙镇"])
ZONES = frame((0, 0, 8, 4), (0, 4, 8, 8), GHFQDM=["100", "200"], GHFQMC=["生态保护区", "农田保护区"])
#: 3…7 × 3…7 twice over from 5 on (row 2 overlaps row 1 and has the smaller KCXS), and 8…9 × 0…1 outside everything
FARM = frame(
    (3, 3, 6, 7), (5, 3, 7, 7), (8, 0, 9, 1), BSM=["f1", "f2", "f3"], DLBM=["0102"] * 3, KCXS=[0.10, 0.04, 0.0]
)
RED = frame((0, 0, 2, 2), (1, 0, 3, 2), BSM=["r1", "r2"], LHLX=["a", "b"])  # 3 × 2 once


def plan(**replaced: gpd.GeoDataFrame) -> Plan:
    layers = {"ecological_redline": RED, "permanent_farmland": FARM, "township": TOWNS, "planning_zone": ZONES}
    return open_plan(layers | replaced)


#: land use: one patch of an unknown code; one that lies in both townships; the last 1 × 8 has no land use
LAND = frame((0, 0, 4, 8), (4, 0, 7, 4), (4, 4, 7, 8), BSM=["1", "2", "3"], DLBM=["0102", "0404", "9999"],
             DLMC=["水浇地", "其他草地", "未知地类"], KCXS=[0.1, 0, 0],
             QSXZ=["20", "30", "30"], ZZ=["甲", "乙", "甲"])  # fmt: skip
URBAN = frame((2, 1, 4, 2), (4, 1, 5, 2), BSM=["u1", "u2"], GHFQMC=["城镇集中建设区", "特别用途区"])
DIVISION = frame((0, 0, 5, 8), (5, 0, 9, 8), GXDM=["1", "2"], GXMC=["地方", "兵团"])


def cells(of: str, by: list[str], **replaced: gpd.GeoDataFrame) -> dict[tuple[str, ...], float]:
    table = tabulate(plan(land_use=LAND, urban_boundary=URBAN, jurisdiction=DIVISION, **replaced), of=of, by=by)
    return {tuple(row[:-1]): row[-1] for row in table.frame[[*table.by, "area_m2"]].itertuples(index=False)}


def land(of: Plan, *boxes: Cell) -> Land:
    """Land to be checked, as parcels p0, p1, … in the plane of a plan."""
    names = [f"p{n}" for n in range(len(boxes))]
    laid = lay(read_parcels(frame(*boxes, DKBH=names)), of.plane)
    return Land(laid.frame["parcel_id"].to_numpy(object), laid.geoms, laid.resolution, of.plane)
