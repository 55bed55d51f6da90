"""The layers of the demo county, with official table and field names (官方表名与字段名)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from controllines.area import official_area
from controllines.crs import LONLAT as LONLAT_CODE
from controllines.demo.mesh import (
    DECIMALS,
    Array,
    Mesh,
    make_mesh,
    nearness,
    oasis,
    redline,
    settings,
    stretch_to,
    town,
    written,
)
from controllines.units import half_up

KM2 = 1e6
#: A few fields carry this field-ridge coefficient (田坎系数); the net total stays within 0.01 km² of the gross one.
RIDGE = 0.003
RIDGED_FIELDS = 3
#: Fields taken inside the urban boundary, as happens where a town has grown around them.
FIELDS_IN_TOWN = 4


@dataclass(frozen=True)
class County:
    """The demo county.

    Attributes
    ----------
    layers : kind key -> frame in EPSG:4490 with the official fields
    patches : polygons in longitude and latitude, one for each row of the land-use layer
    place : what each patch is, by name of boolean array: redline, boundary, farmland, lone, oasis
    """

    layers: dict[str, gpd.GeoDataFrame]
    patches: Array
    place: dict[str, Array]


@dataclass(frozen=True)
class _Cells:
    """What is known of each cell while the county grows; all arrays have one entry for each cell."""

    geoms: Array
    seeds: Array
    tier: Array
    township: Array
    redline: Array
    boundary: Array
    boundary_zone: Array
    dlbm: Array
    farmland: Array
    lone: Array
    zone: Array
    km2: Array


def make_county(rng: np.random.Generator, size: str) -> County:
    """Make all layers; the three lines have the published totals."""
    targets = settings()["targets"]
    ground = make_mesh(rng, size)
    red = _pick_redline(ground)
    ground = _fit(ground, red, red == "reserve", targets["ecological_redline"])
    boundary, zones = _pick_boundary(ground, red)
    main = boundary == settings()["towns"][0]["name"]
    ground = _fit(ground, boundary, main, targets["urban_boundary"])
    cells = _classify(rng, ground, (red, boundary, zones))
    cells = _pick_fields(rng, cells, targets["permanent_farmland"])
    cells = replace(cells, zone=_zones(cells))
    return County(_layers(cells), cells.geoms, {
        "redline": cells.redline != "", "boundary": boundary != "", "farmland": cells.farmland,
        "lone": cells.lone, "oasis": oasis(cells.seeds) < 1,
    })  # fmt: skip


def _fit(ground: Mesh, label: Array, around: Array, target_km2: float) -> Mesh:
    centre = shapely.get_coordinates(shapely.centroid(shapely.coverage_union_all(ground.cells[around])))[0]
    return stretch_to(ground, label != "", centre, target_m2=target_km2 * KM2)


def _nearest_until(distance: Array, area: Array, wanted: float, free: Array) -> Array:
    """Return the free cells nearest to a place whose areas together come closest to the wanted one."""
    order = np.flatnonzero(free)[np.argsort(distance[free], kind="stable")]
    total = np.cumsum(area[order])
    return np.asarray(order[: int(np.abs(total - wanted).argmin()) + 1])


def _pick_redline(ground: Mesh) -> Array:
    """Return for each cell the part of the redline it lies in, or an empty string."""
    area = shapely.area(ground.cells)
    label = np.full(len(area), "", dtype=object)
    target = settings()["targets"]["ecological_redline"] * KM2
    for part in ("valley", "reserve"):
        wanted = target - area[label != ""].sum() if part == "reserve" else settings()["redline"][part]["km2"] * KM2
        label[_nearest_until(redline(ground.seeds, part), area, wanted, label == "")] = part
    return label


def _pick_boundary(ground: Mesh, red: Array) -> tuple[Array, Array]:
    """Return for each cell its town and its zone inside the urban boundary (empty strings outside)."""
    area = shapely.area(ground.cells)
    label = np.full(len(area), "", dtype=object)
    zone = np.full(len(area), "", dtype=object)
    target = settings()["targets"]["urban_boundary"] * KM2
    core, flexible, special = settings()["boundary_zones"].values()
    for place in reversed(settings()["towns"]):
        first = place is settings()["towns"][0]
        wanted = target - area[label != ""].sum() if first else place["km2"] * KM2
        free = (label == "") & (red == "") & (ground.tier != "border")
        near = town(ground.seeds, place)
        rows = _nearest_until(near, area, wanted, free)
        east, north = (ground.seeds[rows] - place["centre"]).T
        outer = near[rows] > np.quantile(near[rows], 0.7)
        label[rows] = place["name"]
        zone[rows] = np.where(outer & (east > 0), flexible, core)
        if place["special"]:
            zone[rows[outer & (east < 0) & (north > 0)]] = special
    return label, zone


def _classify(rng: np.random.Generator, ground: Mesh, lines: tuple[Array, Array, Array]) -> _Cells:
    red, boundary, zones = lines
    seeds, none = ground.seeds, np.zeros(len(ground.cells), bool)
    mining = np.any([np.hypot(*(seeds - m["centre"]).T) < m["radius"] for m in settings()["mining"]], axis=0)
    mountain = (seeds[:, 1] > 54) | ((seeds[:, 0] < -24) & (seeds[:, 1] > 25))
    wild = ~np.isin(ground.tier, ["field", "ring", "town", "river", "redline"]) & ~(oasis(seeds) < 1)
    rules = [
        (wild, "desert"), (wild & mountain, "mountain"), (ground.tier == "ring", "ring"), (oasis(seeds) < 1, "field"),
        (wild & mining, "mining"), ((boundary != "") & (zones == ""), "town"), (ground.tier == "river", "river"),
        (red != "", "redline"), (boundary != "", "town_edge"),
        (zones == settings()["boundary_zones"]["410"], "town"),
    ]  # fmt: skip
    mix = np.full(len(seeds), "ring", dtype=object)
    for where, name in rules:
        mix[where] = name
    dlbm = np.full(len(seeds), "", dtype=object)
    for name, shares in settings()["mix"].items():
        rows = np.flatnonzero(mix == name)
        dlbm[rows] = rng.choice(list(shares), len(rows), p=np.array(list(shares.values())) / sum(shares.values()))
    lonlat = written(ground.cells)
    return _Cells(
        geoms=lonlat, seeds=seeds, tier=np.where(wild & mining, "mining", ground.tier), township=_townships(seeds),
        redline=red, boundary=boundary, boundary_zone=zones, dlbm=dlbm, farmland=none, lone=none,
        zone=np.full(len(seeds), "", dtype=object), km2=official_area(lonlat, LONLAT_CODE) / KM2,
    )  # fmt: skip


def _townships(seeds: Array) -> Array:
    """Return the row of the township with the nearest anchor."""
    distance = [
        np.min([np.hypot(*(seeds - anchor).T) for anchor in township["anchors"]], axis=0)
        for township in settings()["townships"]
    ]
    return np.asarray(np.argmin(distance, axis=0))


def _pick_fields(rng: np.random.Generator, cells: _Cells, target: float) -> _Cells:
    """Choose the cultivated patches that carry permanent basic farmland; one of them stands alone."""
    dlbm = cells.dlbm.copy()
    edge = np.flatnonzero(cells.boundary_zone == settings()["boundary_zones"]["420"])
    inner = edge[np.argsort(cells.km2[edge], kind="stable")[:FIELDS_IN_TOWN]]
    dlbm[inner] = "0102"
    open_land = (cells.redline == "") & (cells.boundary == "")
    ring = np.flatnonzero((cells.tier == "ring") & open_land & (cells.km2 < 4))
    away = nearness(cells.seeds[ring], *(settings()["oasis"][k] for k in ("centre", "axes")))
    lone = ring[np.abs(away - 1.12).argmin()]
    dlbm[lone] = "0102"
    candidates = np.flatnonzero((dlbm == "0102") & open_land & (oasis(cells.seeds) < 1))
    far = shapely.distance(cells.geoms[candidates], cells.geoms[lone]) > 0.004  # degrees: some 300 m
    order = np.concatenate([[lone], inner, rng.permutation(candidates[far])])
    total = np.cumsum(cells.km2[order])
    enough = int(np.searchsorted(total, target / 0.97)) + 1  # 3 % are ridges, ditches and lanes between the fields
    if total[-1] < target / 0.97:
        raise ValueError(f"cultivated patches {total[-1]:.1f} km² do not hold {target} km² of farmland")
    farmland, alone = np.zeros(len(dlbm), bool), np.zeros(len(dlbm), bool)
    farmland[order[:enough]] = True
    alone[lone] = True
    return replace(cells, dlbm=dlbm, farmland=farmland, lone=alone)


def _zones(cells: _Cells) -> Array:
    """Return the first-level planning zone of each cell; the first rule that holds wins."""
    settled = np.isin(cells.tier, ["ring", "town", "bank", "river"]) & (cells.seeds[:, 1] < 54)
    rural = (oasis(cells.seeds) < 1.02) | settled
    return np.select(
        [cells.redline != "", cells.boundary != "", cells.farmland, cells.tier == "mining", rural],
        ["100", "400", "300", "700", "500"],
        "200",
    ).astype(object)


def _fields(cells: _Cells, rows: Array, ridge: Array, target: float) -> Array:
    """Shrink the chosen patches about their centres until net and gross farmland frame the published total."""
    patches = cells.geoms[rows]
    centres = shapely.get_coordinates(shapely.centroid(patches))
    index = shapely.get_coordinates(patches, return_index=True)[1]

    def shrunk(factor: float) -> Array:
        return np.asarray(shapely.transform(
            patches, lambda xy: np.round(centres[index] + factor * (xy - centres[index]), DECIMALS)
        ))  # fmt: skip

    def error(factor: float) -> float:
        area = official_area(shrunk(factor), LONLAT_CODE) / KM2
        return float((area * (1 - ridge / 2)).sum()) - target

    factor = 1.0
    for _ in range(6):
        have = error(factor) + target
        factor *= float(np.sqrt(target / have))
    return shrunk(factor)


def _layers(cells: _Cells) -> dict[str, gpd.GeoDataFrame]:
    ridge = np.zeros(len(cells.geoms))
    rows = np.flatnonzero(cells.farmland)
    ridge[rows[np.argsort(cells.km2[rows], kind="stable")[:RIDGED_FIELDS]]] = RIDGE
    return {
        "ecological_redline": _redline_layer(cells),
        "permanent_farmland": _farmland_layer(cells, rows, ridge[rows]),
        "urban_boundary": _boundary_layer(cells),
        "nature_reserve": _reserve_layer(cells),
        "county": _county_layer(cells),
        "township": _township_layer(cells),
        "planning_zone": _zone_layer(cells),
        "land_use": _land_use_layer(cells, ridge),
    }


def _parts(cells: _Cells, rows: Array) -> Array:
    """Return the connected parts of the union of cells, from the north down."""
    merged = shapely.remove_repeated_points(shapely.coverage_union_all(cells.geoms[rows]), 0.0)
    parts = shapely.get_parts(merged)
    bounds = shapely.bounds(parts)
    return np.asarray(parts[np.lexsort((bounds[:, 0], -bounds[:, 3]))])


def _frame(kind: str, geoms: Array, area_field: str | None, **columns: Any) -> gpd.GeoDataFrame:
    """Put BSM and YSDM before the columns, the official area (m², two decimals) and the notice behind them."""
    _, ysdm, digits = settings()["tables"][kind]
    code = settings()["code"]
    data: dict[str, Any] = {"BSM": [f"{code}{digits}{n:08d}" for n in range(1, len(geoms) + 1)], "YSDM": ysdm}
    data |= columns
    if area_field:
        data[area_field] = rounded(official_area(geoms, LONLAT_CODE))
    data["BZ"] = settings()["notice"]
    return gpd.GeoDataFrame(pd.DataFrame(data, index=range(len(geoms))), geometry=list(geoms), crs=LONLAT_CODE)


def rounded(area_m2: Array) -> Array:
    """Return areas as databases store them: square metres with two decimals, half up."""
    return np.array([float(half_up(value, "平方米", 2)) for value in area_m2])


def _redline_layer(cells: _Cells) -> gpd.GeoDataFrame:
    geoms = {part: _parts(cells, cells.redline == part) for part in ("reserve", "valley")}
    types = [settings()["redline"][part]["type"] for part, parts in geoms.items() for _ in parts]
    return _frame(
        "ecological_redline", np.concatenate(list(geoms.values())), "MJ",
        XJXZQDM=settings()["code"], SJXZQMC=settings()["province"], XJXZQMC=settings()["name"], LHLX=types,
    )  # fmt: skip


def _farmland_layer(cells: _Cells, rows: Array, ridge: Array) -> gpd.GeoDataFrame:
    geoms = _fields(cells, rows, ridge, settings()["targets"]["permanent_farmland"])
    gross = official_area(geoms, LONLAT_CODE)
    return _frame(
        "permanent_farmland", geoms, None,
        XZQDM=settings()["code"], XZQMC=settings()["name"],
        YJJBNTTBBH=[f"{n:06d}" for n in range(1, len(rows) + 1)], **_survey(cells, rows),
        KCXS=ridge, YJJBNTTBMJ=rounded(gross), YJJBNTMJ=rounded(gross * (1 - ridge)), SJNF=settings()["year"],
    )  # fmt: skip


def _survey(cells: _Cells, rows: Array) -> dict[str, Any]:
    """Return class, ownership and place of patches (地类、权属、坐落)."""
    townships = settings()["townships"]
    codes = np.array([t["code"] for t in townships], dtype=object)[cells.township[rows]]
    names = np.array([t["name"] for t in townships], dtype=object)[cells.township[rows]]
    unit = codes + "0" * 10
    return {
        "DLBM": cells.dlbm[rows],
        "DLMC": [settings()["classes"][code] for code in cells.dlbm[rows]],
        "QSXZ": np.where(cells.zone[rows] == "200", "20", "30"),
        "QSDWDM": unit,
        "QSDWMC": names,
        "ZLDWDM": unit,
        "ZLDWMC": names,
    }


def _boundary_layer(cells: _Cells) -> gpd.GeoDataFrame:
    zones = settings()["boundary_zones"]
    found = [(code, part) for code, name in zones.items() for part in _parts(cells, cells.boundary_zone == name)]
    codes = [code for code, _ in found]
    return _frame(
        "urban_boundary", np.array([part for _, part in found]), "MJ",
        XZQDM=settings()["code"], XZQMC=settings()["name"], GHFQDM=codes, GHFQMC=[zones[code] for code in codes],
    )  # fmt: skip


def _reserve_layer(cells: _Cells) -> gpd.GeoDataFrame:
    inside = np.flatnonzero(cells.redline == "reserve")
    near = redline(cells.seeds[inside], "reserve")
    core = near < np.quantile(near, settings()["redline"]["core_share"])
    geoms = [_parts(cells, inside[core]), _parts(cells, inside[~core])]
    zone = ["核心保护区"] * len(geoms[0]) + ["一般控制区"] * len(geoms[1])
    return _frame(
        "nature_reserve", np.concatenate(geoms), "MJ",
        MC=settings()["redline"]["reserve_name"], LXMC="自然保护区", GNFQMC=zone,
    )  # fmt: skip


def _county_layer(cells: _Cells) -> gpd.GeoDataFrame:
    return _frame("county", _parts(cells, np.ones(len(cells.geoms), bool)), "DCMJ",
                  XZQDM=settings()["code"], XZQMC=settings()["name"])  # fmt: skip


def _township_layer(cells: _Cells) -> gpd.GeoDataFrame:
    townships = settings()["townships"]
    geoms = [shapely.coverage_union_all(cells.geoms[cells.township == row]) for row in range(len(townships))]
    return _frame("township", np.array(geoms), "DCMJ",
                  XZQDM=[t["code"] for t in townships], XZQMC=[t["name"] for t in townships])  # fmt: skip


def _zone_layer(cells: _Cells) -> gpd.GeoDataFrame:
    zones = settings()["zones"]
    found = [(code, part) for code in zones for part in _parts(cells, cells.zone == code)]
    codes = [code for code, _ in found]
    return _frame(
        "planning_zone", np.array([part for _, part in found]), "MJ",
        XZQDM=settings()["code"], XZQMC=settings()["name"], GHFQDM=codes, GHFQMC=[zones[code] for code in codes],
    )  # fmt: skip


def _land_use_layer(cells: _Cells, ridge: Array) -> gpd.GeoDataFrame:
    rows = np.arange(len(cells.geoms))
    gross = rounded(official_area(cells.geoms, LONLAT_CODE))
    deducted = rounded(gross * ridge)
    return _frame(
        "land_use", cells.geoms, None,
        TBBH=[f"{n:06d}" for n in rows + 1], **_survey(cells, rows), TBMJ=gross,
        KCDLBM=np.where(ridge > 0, "1203", ""), KCXS=ridge, KCMJ=deducted, TBDLMJ=rounded(gross - deducted),
        SJNF=settings()["year"],
    )  # fmt: skip
