"""A small result with every outcome, flag, null and hostile name the report has to print."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pytest
import shapely

import controllines as cl
from controllines.area import official_area
from controllines.crs import Plane, recognise, to_plane
from controllines.findings import finding
from controllines.kinds import kind_of
from controllines.layers import Layer
from controllines.report.folder import write_report
from controllines.report.model import Report, build
from controllines.results import VERDICTS, CheckResult, findings_frame
from controllines.tables import AreaTable
from tests.builders import here, layer, make_plan, parcels
from tests.report.readback import sheets

CRS = "EPSG:4490"
MEASURES = ("area_m2", "outside_m2", "conflict_m2", "share", "net_area_m2", "uncovered_m2", "contact_m2", "sliver_m2",
            "shared_m2", "depth_m", "width_m", "clearance_m", "planar_area_m2")  # fmt: skip
RED, FARM, CITY = "ecological_redline", "permanent_farmland", "urban_boundary"
HOSTILE = {
    "formula": "=cmd|' /C calc'!A0",
    "plus": "+1+1",
    "minus": "-2+3",
    "at": "@SUM(A1)",
    "tab": "\t=1+1",
    "html": "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=1>",
    "template": "{{7*7}}{% raw %}${7*7}{0}",
    "control": "响\x07铃\x00\x1b[31m\u202e反",
    "long": "长" * 300,
}
#: name -> west, south, width, height in thousandths of a degree from (88.50, 42.80)
BOXES = {
    "TKX-001": (0, 0, 2, 1.5), "TKX-002": (4, 0, 2, 2), "TKX-003": (8, 0, 1.5, 1), "TKX-004": (0, 4, 3, 2),
    "TKX-005": (5, 4, 1, 1), "TKX-006": (8, 4, 1, 1), "TKX-007": (11, 0, 1, 1), "TKX-008": (11, 4, 1, 1),
    "=cmd|' /C calc'!A0": (0, 8, 1, 1), "+1+1": (2, 8, 1, 1), "TKX-011": (4, 8, 1, 1),
}  # fmt: skip


def box(west: float, south: float, width: float, height: float) -> shapely.Polygon:
    x, y = 88.5 + west / 1000, 42.8 + south / 1000
    return shapely.box(x, y, x + width / 1000, y + height / 1000)


def area(geom: Any) -> float:
    return float(official_area([geom], CRS)[0])


SHAPES = {name: box(*numbers) for name, numbers in BOXES.items()}
CONTROL = {
    RED: [box(3, -1, 2, 4), box(-30, -30, 1, 1)],  # the second is far from everything
    FARM: [box(7.5, -0.5, 3, 2), box(10.9, 3.9, 0.2, 0.2)],
    CITY: [box(-1, -1, 3.5, 3), box(-1, 3, 2.5, 2), box(-1, 5, 2.5, 2)],
}


def overlap(name: str, kind: str, outcome: str = "none", **known: Any) -> dict[str, Any]:
    whole = area(SHAPES[name])
    row: dict[str, Any] = dict.fromkeys(MEASURES, np.nan)
    if outcome in ("none", "conflict"):
        inside = known.get("area_m2", whole if kind == CITY else 0.0)
        outside = known.get("outside_m2", whole - inside - known.get("uncovered_m2", 0.0))
        conflict = outside if kind == CITY else inside
        row |= {
            "area_m2": inside, "outside_m2": outside, "conflict_m2": conflict, "share": conflict / whole,
            "uncovered_m2": 0.0, "contact_m2": 0.0, "sliver_m2": 0.0, "shared_m2": 0.0,
            "planar_area_m2": inside * 1.0003, "depth_m": 12.3456 if conflict else np.nan,
            "width_m": 20.5 if conflict else np.nan, "clearance_m": np.nan if conflict else 55.5,
        }  # fmt: skip
        if kind == FARM:
            row["net_area_m2"] = inside * 0.9
    return {"parcel_id": name, "kind": kind, "outcome": outcome, "flags": "", **row, **known}


def _overlaps() -> pd.DataFrame:
    whole = {name: area(shape) for name, shape in SHAPES.items()}
    red = area(SHAPES["TKX-002"].intersection(CONTROL[RED][0]))
    city = sum(area(SHAPES["TKX-004"].intersection(zone)) for zone in CONTROL[CITY])
    rows = [
        overlap("TKX-001", RED, flags="coverage_bbox"), overlap("TKX-001", FARM), overlap("TKX-001", CITY),
        overlap("TKX-002", RED, "conflict", area_m2=red), overlap("TKX-002", FARM),
        overlap("TKX-002", CITY, "conflict", area_m2=0.0),
        overlap("TKX-003", RED), overlap("TKX-003", FARM, "conflict", area_m2=whole["TKX-003"], flags="self_overlap"),
        overlap("TKX-003", CITY, "conflict", area_m2=0.0),
        overlap("TKX-004", RED), overlap("TKX-004", FARM), overlap("TKX-004", CITY, "conflict", area_m2=city),
        overlap("TKX-005", RED, "no_data", uncovered_m2=whole["TKX-005"] * 0.4, flags="uncovered"),
        overlap("TKX-005", FARM, "no_data", uncovered_m2=whole["TKX-005"]), overlap("TKX-005", CITY),
        overlap("TKX-006", RED), overlap("TKX-006", FARM, "failed", flags="excluded_feature"),
        overlap("TKX-006", CITY),
        overlap("TKX-007", RED, "conflict", area_m2=0.08, sliver_m2=0.08, flags="sub_resolution;sliver", depth_m=0.0004,
                width_m=0.0008),
        overlap("TKX-007", FARM), overlap("TKX-007", CITY),
        overlap("TKX-008", RED),
        overlap("TKX-008", FARM, "conflict", area_m2=0.3, sliver_m2=0.3, net_area_m2=np.nan, flags="sliver"),
        overlap("TKX-008", CITY),
        *(overlap(name, kind) for name in ("=cmd|' /C calc'!A0", "+1+1") for kind in (RED, FARM, CITY)),
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _pieces() -> gpd.GeoDataFrame:
    rows = []
    for name, kind, feature, label in (
        ("TKX-002", RED, 0, "水源涵养"), ("TKX-003", FARM, 0, "0102"), ("TKX-008", FARM, 1, None),
        ("TKX-004", CITY, 1, "城镇集中建设区"), ("TKX-004", CITY, 2, "城镇弹性发展区"),
        ("TKX-001", CITY, 0, "城镇集中建设区"),
    ):  # fmt: skip
        geom = SHAPES[name].intersection(CONTROL[kind][feature])
        m2 = 0.3 if name == "TKX-008" else area(geom)
        rows.append((name, kind, f"{kind}-{feature}", label, m2, m2 * 1.0003, geom))
    columns = ["parcel_id", "kind", "feature_id", "class", "area_m2", "planar_area_m2", "geometry"]
    return gpd.GeoDataFrame(pd.DataFrame(rows, columns=columns), geometry="geometry", crs=CRS)


def _outside() -> gpd.GeoDataFrame:
    rows = []
    for name in ("TKX-002", "TKX-003", "TKX-004"):
        geom = SHAPES[name].difference(shapely.union_all(CONTROL[CITY]))
        rows.append((name, CITY, area(geom), area(geom) * 1.0003, geom))
    columns = ["parcel_id", "kind", "area_m2", "planar_area_m2", "geometry"]
    return gpd.GeoDataFrame(pd.DataFrame(rows, columns=columns), geometry="geometry", crs=CRS)


def _parcels() -> gpd.GeoDataFrame:
    names = ["一期厂房", "二期 道路", "设施农业", "学校", None, "加油站", "变电站", "泵站",
             HOSTILE["html"], HOSTILE["control"], HOSTILE["long"]]  # fmt: skip
    frame = gpd.GeoDataFrame(
        {
            "parcel_id": list(SHAPES), "declared_id": [*list(SHAPES)[:-1], None],
            "project_id": ["XM-1", "XM-1", "XM-2", "XM-3", "XM-3", "XM-4", "XM-4", "XM-4",
                           HOSTILE["at"], HOSTILE["template"], "XM-5"],
            "name": names, "source": "申请/2026/一批.txt", "row": range(1, len(SHAPES) + 1), "status": "checked",
            "area_m2": [area(shape) for shape in SHAPES.values()],
        },
        geometry=list(SHAPES.values()), crs=CRS,
    )  # fmt: skip
    frame["planar_area_m2"] = frame["area_m2"] * 1.0003
    frame["declared_area_m2"] = frame["planar_area_m2"].round(0)
    frame.loc[4, "declared_area_m2"] = np.nan
    frame["verdict"] = None
    frame["source_crs"] = "EPSG:4518"
    last = len(frame) - 1
    frame.loc[last, ["area_m2", "planar_area_m2", "declared_area_m2"]] = np.nan
    frame.loc[last, "status"] = "excluded"
    frame.loc[last, "geometry"] = None
    return frame


def _units(parcels: gpd.GeoDataFrame) -> pd.DataFrame:
    rows = []
    for row in parcels[parcels["status"] == "checked"].itertuples():
        towns = [("650422100", "托克逊镇", 1 / 3), ("650422200", "夏乡", 1 / 3), (None, "范围外", 1 / 3)]
        for code, name, share in towns if row.parcel_id == "TKX-004" else [("650422100", "托克逊镇", 1.0)]:
            rows.append((row.parcel_id, "township", code, name, row.area_m2 * share, row.planar_area_m2 * share))
        rows.append((row.parcel_id, "planning_zone", "400", "城镇发展区", row.area_m2, row.planar_area_m2))
    columns = ["parcel_id", "kind", "code", "name", "area_m2", "planar_area_m2"]
    return pd.DataFrame(rows, columns=columns)


def _projects(parcels: gpd.GeoDataFrame, overlaps: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    checked = parcels[parcels["status"] == "checked"]
    rows, unions = [], []
    for key, members in checked.groupby("project_id", sort=False):
        rows.append((key, f"项目{key}", len(members), members["area_m2"].sum(), None))
        mine = overlaps[overlaps["parcel_id"].isin(members["parcel_id"])]
        for kind, group in mine.groupby("kind", sort=False):
            worst = min(group["outcome"], key=("conflict", "failed", "no_data", "none").index)
            measured = worst in ("conflict", "none")
            names = [name for name in MEASURES if name.endswith("_m2")]
            sums = {name: group[name].sum() if measured else np.nan for name in names}
            total = members["area_m2"].sum()
            sums["outside_m2"] = total - sums["area_m2"] if measured else np.nan
            unions.append({"project_id": key, "kind": kind, "outcome": worst, "flags": "", **sums,
                           "share": sums["conflict_m2"] / total, "depth_m": np.nan, "width_m": np.nan,
                           "clearance_m": np.nan})  # fmt: skip
    return pd.DataFrame(rows, columns=["project_id", "name", "parcels", "area_m2", "verdict"]), pd.DataFrame(unions)


def _provenance(synthetic: bool) -> dict[str, Any]:
    entry = {"features_in": 11, "used": 10, "excluded": 1, "sha256": "ab" * 32, "crs": "EPSG:4518",
             "crs_found": "TXT 文件头（带号 30）", "encoding": "GBK"}  # fmt: skip
    layers = [
        {**entry, "kind": kind, "name_zh": kind_of(kind).zh, "path": "规划/三区三线.gdb", "layer": "STBHHX",
         "version": "2022年批准启用成果", "as_at": "2025-12-31", "source": "自治区/地区下发", "approval": None,
         "coverage": "县级行政区"} for kind in CONTROL
    ]  # fmt: skip
    return {
        "run_id": "0123456789ab", "versions": {"controllines": "0.1.0", "python": "3.11.9", "geos": "3.14.0"},
        "as_of": "2026-11-21",
        "options": {"area": "official", "lines": None, "sliver_m": 0.2, "clearance_to_m": 100.0},
        "plan": {"name": "托克逊县国土空间总体规划（2021—2035年）", "version": "2024-06", "county": "650422"},
        "layers": layers, "inputs": [{**entry, "path": "申请/2026/一批.txt", "layer": None}],
        "rule_pack": None, "checked": list(CONTROL), "not_checked": ["nature_reserve"], "synthetic": synthetic,
        "finding_counts": {"GEOMETRY_COLLAPSED": 1, "GEOMETRY_REPAIRED": 2},
    }  # fmt: skip


def laid(kind: str, frame: gpd.GeoDataFrame) -> Layer:
    shapes, count, plane = frame.geometry.to_numpy(), len(frame), Plane(88, 43)
    return Layer(kind=kind_of(kind), frame=frame.assign(status="ok"), shapes=shapes, crs=(recognise(CRS),) * count,
                 resolution=np.full(count, 0.001), plane=plane,
                 geoms=to_plane(shapes, recognise(CRS), plane))  # fmt: skip


def _plan() -> SimpleNamespace:
    layers = {}
    for kind, shapes in CONTROL.items():
        zones = ["城镇集中建设区", "城镇集中建设区", "城镇弹性发展区"]
        classes = zones if kind == CITY else [HOSTILE["html"]] * len(shapes)
        frame = gpd.GeoDataFrame({"feature_id": [f"{kind}-{n}" for n in range(len(shapes))], "class": classes},
                                 geometry=shapes, crs=CRS)  # fmt: skip
        layers[kind] = laid(kind, frame)
    town = gpd.GeoDataFrame({"feature_id": ["1"], "name": [HOSTILE["html"]]}, geometry=[box(-2, -2, 16, 13)], crs=CRS)
    layers["township"] = laid("township", town)
    return SimpleNamespace(layers=layers, failed={}, kind=kind_of)


def _make(*, synthetic: bool = True, **options: Any) -> CheckResult:
    parcels, overlaps = _parcels(), _overlaps()
    projects, unions = _projects(parcels, overlaps)
    found = [
        finding("GEOMETRY_COLLAPSED", source="申请/2026/一批.txt", feature="TKX-011", actual="3"),
        finding("GEOMETRY_REPAIRED", source="规划/三区三线.gdb", layer="STBHHX", feature="9", xy=(88.5, 42.8),
                expected="1", actual="2"),
        finding("GEOMETRY_REPAIRED", source="规划/三区三线.gdb", layer="STBHHX", feature=HOSTILE["html"],
                expected="1", actual="2"),
    ]  # fmt: skip
    provenance = _provenance(synthetic)
    provenance["options"] |= options
    return CheckResult(
        parcels=parcels, overlaps=overlaps, pieces=_pieces(), outside=_outside(), units=_units(parcels),
        projects=projects, project_overlaps=unions, verdicts=pd.DataFrame(columns=list(VERDICTS)),
        findings=findings_frame(found)[0], provenance=provenance, plan=_plan(),  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.fixture(scope="session")
def make_result() -> Callable[..., CheckResult]:
    return _make


@pytest.fixture(scope="session")
def result() -> CheckResult:
    return _make()


@pytest.fixture(scope="session")
def report(result: CheckResult) -> Report:
    return build(result)


@pytest.fixture(scope="session")
def out(result: CheckResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with all documents that are written unless others are asked for."""
    folder = tmp_path_factory.mktemp("report") / "out"
    write_report(result, folder)
    return folder


@pytest.fixture(scope="session")
def book(out: Path) -> openpyxl.Workbook:
    return openpyxl.load_workbook(out / "三线核对汇总表.xlsx")


@pytest.fixture(scope="session")
def cells(out: Path) -> dict[str, list[list[Any]]]:
    """The cells of its sheets."""
    return sheets(out / "三线核对汇总表.xlsx")


@pytest.fixture(scope="session")
def content(out: Path) -> dict[str, Any]:
    return json.loads((out / "result.json").read_bytes())


@pytest.fixture(scope="session")
def page(out: Path) -> str:
    return (out / "地图.html").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def two_projects() -> cl.CheckResult:
    """Two projects over farmland, boundary, land use, planned use and approved land, checked and judged."""
    land_use = layer([here(-500, -500, 150, 2000), here(150, -500, 3000, 2000)], DLBM=["0102", "0601"],
                     QSXZ=["20", "30"], ZLDWDM=["650422100"] * 2, BSM=["d1", "d2"])  # fmt: skip
    planned = layer([here(0, 0, 60, 500), here(60, 0, 90, 500)], YDYHFLDM=["100101", "1207"],
                    YDYHFLMC=["一类工业用地", "城镇道路用地"], BSM=["u1", "u2"])  # fmt: skip
    approved = layer([here(0, 0, 100, 25)], XMMC=["一期"], BSM=["z1"])
    village = layer([here(-500, -500, 5000, 5000)], ZLDWDM=["650422100201"], ZLDWMC=["夏村"], BSM=["v1"])
    plan = make_plan(permanent_farmland=[here(50, -10, 400, 400)], urban_boundary=[here(-50, -50, 200, 400)],
                     ecological_redline=[here(5000, 0, 5100, 100)], land_use=land_use, planned_use=planned,
                     approved_land=approved, village=village)  # fmt: skip
    land = parcels(here(0, 0, 100, 100), here(300, 0, 350, 80), here(3000, 3000, 3100, 3100),
                   YT=["1001", "", "工业用地"],
                   XMBH=["P/1", "P/1", "=2+2"], XMMC=["一期<b>{{7*7}}", "一期<b>{{7*7}}", "二期"])  # fmt: skip
    return cl.check(land, plan, as_of="2026-11-21")


@pytest.fixture(scope="session")
def hostile() -> dict[str, str]:
    return HOSTILE


def area_table(by: tuple[str, ...], rows: list[tuple[Any, ...]]) -> AreaTable:
    """A table of areas by units, given row by row: line, (code, name) of each unit, m², net m²."""
    names = ["line", *(name for key in by for name in (f"{key}_code", key)), "area_m2", "net_area_m2"]
    frame = pd.DataFrame(rows, columns=names).assign(planar_area_m2=np.nan, pieces=1, features=1)
    frame = frame.astype({f"{key}_code": object for key in by})
    codes = {key: frame[f"{key}_code"].where(frame[f"{key}_code"].notna(), None) for key in by}
    frame = frame.assign(**{f"{key}_code": values for key, values in codes.items()})
    units = {key: tuple(pair for pair in dict.fromkeys(zip(frame[f"{key}_code"], frame[key], strict=True))
                        if pair[1] != "范围外") for key in by}  # fmt: skip
    plan = {"name": "试县", "version": None, "synthetic": True}
    provenance = {"plan": plan, "layers": [], "unmeasured": []}
    return AreaTable(frame, by, dict.fromkeys(by, "单元"), units, provenance)


def multiplied(result: CheckResult, times: int) -> CheckResult:
    """The same result so many times over, the parcels of the copies a little further east."""

    def again(frame: Any, *columns: str) -> Any:
        copies = []
        for n in range(times):
            named = {name: frame[name].astype(str) + f"/{n}" for name in columns if n}
            copy = frame.assign(**named)
            if isinstance(frame, gpd.GeoDataFrame) and n:
                moved = copy.geometry.translate(0.02 * (n % 20), 0.02 * (n // 20))
                copy = copy.set_geometry(moved.set_crs(frame.crs, allow_override=True))
            copies.append(copy)
        return pd.concat(copies, ignore_index=True)

    ids = {"parcels": ("parcel_id", "project_id"), "overlaps": ("parcel_id",), "pieces": ("parcel_id",),
           "outside": ("parcel_id",), "units": ("parcel_id",), "projects": ("project_id",),
           "project_overlaps": ("project_id",)}  # fmt: skip
    return replace(result, **{name: again(getattr(result, name), *columns) for name, columns in ids.items()})
