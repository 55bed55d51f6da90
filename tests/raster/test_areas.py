"""Class areas by unit and line: closed forms, a second way by polygons, every reason to refuse, bounded memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pytest
import shapely

import controllines as cl
from controllines.raster import source
from tests.raster.rasters import ground, write_raster

#: Two townships, west and east of 90°E, the middle of zone 30; the redline lies across both and beyond the eastern one.
WEST, EAST = (89.98, 42.70, 90.00, 42.72), (90.00, 42.70, 90.03, 42.72)
RED = (89.995, 42.705, 90.04, 42.710)


def frame(*boxes: tuple[float, float, float, float], **columns: object) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=[shapely.box(*box) for box in boxes], crs="EPSG:4490")


@pytest.fixture(scope="module")
def plan() -> cl.Plan:
    return cl.open_plan({
        "township": frame(WEST, EAST, XZQDM=["650422100", "650422101"], XZQMC=["甲镇", "乙镇"]),
        "ecological_redline": frame(RED, BSM=["r"]),
    }, name="试验规划")  # fmt: skip


@pytest.fixture(scope="module")
def halves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1 west and 2 east of 90°, in cells of 0.002°: 89.972 … 90.022 (the east of 乙镇 is outside), 42.69 … 42.73."""
    values = np.full((20, 25), 2, np.uint8)
    values[:, :14] = 1
    values[:3] = 0  # no data above 42.724: beyond the townships
    values[5, 3:9] = 0  # 42.718 … 42.720, 89.978 … 89.990
    return write_raster(tmp_path_factory.mktemp("raster") / "halves.tif", values, 89.972, 42.73, 0.002, nodata=0)


def areas(table: cl.AreaTable) -> pd.Series:
    return table.frame.set_index(["line", "township", "class"])["area_m2"].sort_index()


def test_classes_no_data_and_outside_from_the_closed_form(plan: cl.Plan, halves: Path) -> None:
    table = cl.raster_areas(halves, plan, by="乡镇")
    found = areas(table)
    gap = ground(89.98, 42.718, 89.99, 42.72)
    expected = {
        ("全部土地", "甲镇", "1"): ground(*WEST) - gap,
        ("全部土地", "甲镇", "2"): 0,
        ("全部土地", "甲镇", "无数据"): gap,
        ("全部土地", "甲镇", "栅格范围外"): 0,
        ("全部土地", "乙镇", "2"): ground(90.0, 42.70, 90.022, 42.72),
        ("全部土地", "乙镇", "栅格范围外"): ground(90.022, 42.70, 90.03, 42.72),
        ("生态保护红线内", "甲镇", "1"): ground(89.995, 42.705, 90.0, 42.71),
        ("生态保护红线内", "乙镇", "2"): ground(90.0, 42.705, 90.022, 42.71),
        ("生态保护红线内", "乙镇", "栅格范围外"): ground(90.022, 42.705, 90.03, 42.71),
        ("生态保护红线内", "范围外", "栅格范围外"): ground(90.03, 42.705, 90.04, 42.71),
        ("生态保护红线外", "甲镇", "1"): ground(*WEST) - gap - ground(89.995, 42.705, 90.0, 42.71),
        ("生态保护红线外", "甲镇", "无数据"): gap,
    }
    for key, m2 in expected.items():
        assert found[key] == pytest.approx(m2, rel=2e-7, abs=1e-4), key
    assert table.by == ("township", "class")
    assert list(table.pivot(line="全部土地").columns) == ["1", "2", "无数据", "栅格范围外", "合计"]


def test_the_sum_of_all_columns_is_the_unit(plan: cl.Plan, halves: Path) -> None:
    table = cl.raster_areas(halves, plan, by="乡镇")
    found = table.frame.groupby(["line", "township"])["area_m2"].sum()
    assert found["全部土地", "甲镇"] == pytest.approx(ground(*WEST), rel=1e-8)
    assert found["全部土地", "乙镇"] == pytest.approx(ground(*EAST), rel=1e-8)
    for town in ("甲镇", "乙镇"):
        both = found["生态保护红线内", town] + found["生态保护红线外", town]
        assert both == pytest.approx(found["全部土地", town], rel=1e-8)
    line = cl.tabulate(plan, of="生态保护红线", by="乡镇").frame["area_m2"].sum()
    assert found["生态保护红线内"].sum() == pytest.approx(line, rel=1e-8)
    said = table.provenance["raster"]
    assert 0 <= said["off_m2"] <= said["bound_m2"] < 1


def test_degrees_and_gauss_krueger_give_the_same_class_areas(plan: cl.Plan, halves: Path, tmp_path: Path) -> None:
    """The middle meridian of the zone is a side of cells in both, so both rasters hold the same two classes."""
    values = np.full((130, 200), 2, np.uint8)
    values[:, :100] = 1
    gauss = write_raster(tmp_path / "gk.tif", values, 30_500_000 - 3000, 4_732_000, 30.0, crs="EPSG:4518")
    columns = np.where(np.arange(60) < 30, 1, 2).astype(np.uint8)
    degrees = write_raster(tmp_path / "deg.tif", np.tile(columns, (40, 1)), 89.97, 42.73, 0.001)
    inner = frame(
        (89.985, 42.701, 90.0, 42.719), (90.0, 42.703, 90.011, 42.715), XZQDM=["1", "2"], XZQMC=["甲镇", "乙镇"]
    )
    small = cl.open_plan({"township": inner, "ecological_redline": frame((89.99, 42.702, 90.01, 42.71), BSM=["r"])})
    one, other = (cl.raster_areas(path, small, by="乡镇") for path in (gauss, degrees))
    allowed = one.provenance["raster"]["bound_m2"] + other.provenance["raster"]["bound_m2"]
    assert allowed < 0.3  # on 2.5 km²
    both = pd.concat([areas(one), areas(other)], axis=1).fillna(0)
    assert both["area_m2"].iloc[:, 0].sum() > 2e6
    assert np.abs(both["area_m2"].iloc[:, 0] - both["area_m2"].iloc[:, 1]).max() <= allowed
    assert areas(one)["全部土地", "甲镇", "1"] == pytest.approx(ground(89.985, 42.701, 90.0, 42.719), abs=allowed)


def test_against_polygons_of_the_cells(tmp_path: Path) -> None:
    """A second way: each cell cut by shapely in the raster's own plane, its official area by ``official_area``."""
    rng = np.random.default_rng(3)
    values = rng.integers(1, 5, (14, 18)).astype(np.int32)
    left, top, cell = 30_385_000.0, 4_740_000.0, 47.0
    path = write_raster(tmp_path / "a.tif", values, left, top, cell, crs="EPSG:4518")
    land = shapely.Polygon(rng.uniform([left + 20, top - 600], [left + 800, top - 20], (9, 2))).convex_hull
    hole = shapely.Point(left + 400, top - 300).buffer(91)
    land = shapely.difference(land, hole)
    units = gpd.GeoDataFrame({"XZQDM": ["1"], "XZQMC": ["甲镇"]}, geometry=[land], crs="EPSG:4518")
    table = cl.raster_areas(path, {"township": units}, by="township")
    expected = dict.fromkeys("1234", 0.0)
    for (row, column), value in np.ndenumerate(values):
        box = shapely.box(left + column * cell, top - (row + 1) * cell, left + (column + 1) * cell, top - row * cell)
        expected[str(value)] += float(cl.official_area([shapely.intersection(land, box)], "EPSG:4518")[0])
    found = areas(table)["全部土地", "甲镇"]
    for code, m2 in expected.items():
        assert found[code] == pytest.approx(m2, abs=0.02)
    assert found.sum() == pytest.approx(cl.official_area(units)[0], abs=0.02)


@pytest.mark.parametrize(
    ("cells", "how"), [(40, {}), (1, {}), (10**6, {"tiled": True, "blockxsize": 16, "blockysize": 16})]
)
def test_blocks_do_not_change_the_result(
    plan: cl.Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cells: int, how: dict[str, object]
) -> None:
    values = np.random.default_rng(5).integers(0, 9, (40, 60)).astype(np.uint16)
    whole = cl.raster_areas(write_raster(tmp_path / "a.tif", values, 89.97, 42.73, 0.001), plan, by="乡镇")
    monkeypatch.setattr(source, "BLOCK_CELLS", cells)
    again = cl.raster_areas(write_raster(tmp_path / "b.tif", values, 89.97, 42.73, 0.001, **how), plan, by="乡镇")
    assert again.frame["area_m2"].to_numpy() == pytest.approx(whole.frame["area_m2"].to_numpy(), rel=1e-7, abs=1e-3)


def test_continuous_values_need_breaks(plan: cl.Plan, tmp_path: Path) -> None:
    values = np.tile(np.array([[0, 2, 2.001, 6, 15, 25, 25.1, np.nan]], np.float32), (8, 1))
    path = write_raster(tmp_path / "slope.tif", values, 89.98, 42.72, 0.0025)
    with pytest.raises(cl.InputError, match="RASTER_CONTINUOUS"):
        cl.raster_areas(path, plan, by="乡镇")
    found = areas(cl.raster_areas(path, plan, by="乡镇", breaks=[2, 6, 15, 25]))["全部土地", "甲镇"]
    column = ground(89.98, 42.70, 89.9825, 42.72)
    expected = {"≤2": 2, "2—6": 2, "6—15": 1, "15—25": 1, ">25": 1, "无数据": 1}
    for name, columns in expected.items():
        assert found[name] == pytest.approx(columns * column, rel=1e-7)


def test_names_of_classes(plan: cl.Plan, halves: Path) -> None:
    table = cl.raster_areas(halves, plan, by="乡镇", names={1: "耕地"})
    assert dict(table.units["class"]) == {"1": "耕地", "2": "2", None: "栅格范围外"}
    assert areas(table)["全部土地", "甲镇", "耕地"] > 0


def test_what_the_reader_refuses_is_no_table(plan: cl.Plan, tmp_path: Path) -> None:
    """The reasons one by one: test_source.py."""
    values, at = np.ones((4, 4), np.uint8), {"left": 89.98, "top": 42.72, "cell": 0.005}
    bare = write_raster(tmp_path / "bare.tif", values, **at, crs=None)
    with pytest.raises(cl.CRSError, match="CRS_MISSING"):
        cl.raster_areas(bare, plan, by="乡镇")
    assert cl.raster_areas(bare, plan, by="乡镇", crs="EPSG:4490").frame["area_m2"].sum() > 0
    foreign = write_raster(tmp_path / "nad.tif", values, **at, crs="EPSG:4269")
    said = cl.raster_areas(foreign, plan, by="乡镇", datum="as_is").provenance["raster"]
    assert [item["code"] for item in said["findings"]] == ["CRS_AS_IS"]
    many = write_raster(tmp_path / "many.tif", np.arange(1600, dtype=np.int32).reshape(40, 40), 89.98, 42.72, 0.0005)
    with pytest.raises(cl.InputError, match="RASTER_MANY_CLASSES"):
        cl.raster_areas(many, plan, by="乡镇")


def test_a_missing_layer_is_an_error_of_the_plan(plan: cl.Plan, halves: Path) -> None:
    with pytest.raises(cl.PlanError, match="PLAN_LACKS_LAYER"):
        cl.raster_areas(halves, plan, by="规划分区")
    with pytest.raises(cl.PlanError, match="PLAN_LACKS_LAYER"):
        cl.raster_areas(halves, plan, by="乡镇", of="城镇开发边界")


def test_command_line(plan: cl.Plan, halves: Path, tmp_path: Path) -> None:
    for name, boxes, columns in [("township", (WEST, EAST), {"XZQDM": ["1", "2"], "XZQMC": ["甲镇", "乙镇"]}),
                                 ("ecological_redline", (RED,), {"BSM": ["r"]})]:  # fmt: skip
        frame(*boxes, **columns).to_file(tmp_path / f"{name}.gpkg")
    toml = "".join(f'[layers.{name}]\npath = "{name}.gpkg"\n' for name in ("township", "ecological_redline"))
    (tmp_path / "plan.toml").write_text(f'[plan]\nname = "试验"\n{toml}', encoding="utf-8")
    command = ["raster", str(halves), "--plan", str(tmp_path / "plan.toml"), "--by", "乡镇", "--names", "1=耕地"]
    # GIS desks set PROJ_LIB to their own folder: the CRS of the raster must not notice.
    desk = os.environ | {"PROJ_LIB": str(tmp_path), "PROJ_DATA": str(tmp_path)}
    done = subprocess.run([sys.executable, "-m", "controllines", *command, "--out", str(tmp_path / "out")], check=False,
                          capture_output=True, text=True, encoding="utf-8", env=desk)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "最大相差" in done.stdout
    book = openpyxl.load_workbook(tmp_path / "out" / "面积统计表.xlsx")
    assert book.sheetnames == ["全部土地", "生态保护红线内", "生态保护红线外", "说明"]
    assert [cell.value for cell in book["全部土地"][3]][:6] == ["代码", "乡镇", "耕地", "2", "无数据", "栅格范围外"]
    assert any("栅格：" in str(row[0].value) for row in book["说明"])
    said = json.loads((tmp_path / "out" / "statistics.json").read_text(encoding="utf-8"))
    assert said["provenance"]["raster"]["columns"] == 25


ROOT = Path(__file__).resolve().parents[2]
LARGE = """
import sys
import numpy as np, rasterio
from rasterio.windows import Window
import controllines as cl
from tests.memory import peak_kb
size, path = int(sys.argv[1]), sys.argv[2]
cell = 100_000 / size
with rasterio.open(path, "w", driver="GTiff", width=size, height=size, count=1, dtype="uint8", crs="EPSG:4518",
                   transform=rasterio.Affine(cell, 0, 30_380_000, 0, -cell, 4_790_000), nodata=0, tiled=True,
                   blockxsize=512, blockysize=512, compress="deflate", zlevel=1) as file:
    row = (np.arange(size) // 64 % 7 + 1).astype(np.uint8)
    for top in range(0, size, 512):
        high = min(512, size - top)
        file.write(np.broadcast_to(np.roll(row, top // 512 * 13), (high, size)), 1, window=Window(0, top, size, high))
import geopandas as gpd, shapely
ring = shapely.Point(30_430_000, 4_740_000)
towns = gpd.GeoDataFrame({"XZQDM": ["1", "2"], "XZQMC": ["a", "b"]}, crs="EPSG:4518", geometry=[
    ring.buffer(45_000, quad_segs=500), shapely.difference(shapely.box(30_381_000, 4_691_000, 30_479_000, 4_789_000),
                                                         ring.buffer(45_000, quad_segs=500))])
red = gpd.GeoDataFrame({"BSM": ["r"]}, crs="EPSG:4518",
                       geometry=[shapely.box(30_400_000, 4_700_000, 30_450_000, 4_760_000)])
table = cl.raster_areas(path, {"township": towns, "ecological_redline": red}, by="乡镇")
said = table.provenance["raster"]
off = abs(table.frame.groupby("line")["area_m2"].sum()["全部土地"] / cl.official_area(towns).sum() - 1)
print(peak_kb() / 1024, off)
"""


def peak(size: int, tmp_path: Path) -> tuple[float, float]:
    """Return peak memory (MiB) of a whole process, and how far the sum of all classes is from the land (as part)."""
    if sys.platform != "linux":
        pytest.skip("only Linux tells the peak memory of a process so")
    done = subprocess.run([sys.executable, "-c", LARGE, str(size), str(tmp_path / "large.tif")], check=False, cwd=ROOT,
                          capture_output=True, text=True, encoding="utf-8")  # fmt: skip
    assert done.returncode == 0, done.stderr
    most, off = map(float, done.stdout.split())
    return most, off


def test_a_raster_of_nine_million_cells_in_little_memory(tmp_path: Path) -> None:
    most, off = peak(3_000, tmp_path)
    assert most < 500
    assert off < 1e-7


@pytest.mark.slow
def test_a_raster_of_four_hundred_million_cells_in_the_same_memory(tmp_path: Path) -> None:
    most, off = peak(20_000, tmp_path)
    assert most < 500
    assert off < 1e-7
