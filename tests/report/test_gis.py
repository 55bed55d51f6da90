"""三线核对成果: what a GIS reads back: layers, names, aliases, areas, coordinate system, styles."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import geopandas as gpd
import pyogrio
import pytest
import shapely

import controllines as cl
from controllines.errors import UsageError
from controllines.report import FormOptions
from tests.builders import here, layer, make_plan, parcels

LONG = "长" * 300


@pytest.fixture(scope="module")
def result() -> cl.CheckResult:
    city = layer([here(-50, -50, 200, 400)], GHFQMC=["城镇集中建设区"], BSM=["c1"])
    plan = make_plan(ecological_redline=[here(50, -10, 400, 400)], urban_boundary=city,
                     permanent_farmland=[here(5000, 0, 5100, 100)])  # fmt: skip
    land = parcels(here(0, 0, 100, 100), here(300, 0, 350, 80), here(60_000, 0, 60_100, 100),
                   here(7000, 0, 7050, 80), DKBH=["a", "=1+1", "a", "d"], DKMC=["厂房\x07", "<b>路", LONG, "x"],
                   MJ=[10_000, 9_999, 0, 0], XMBH=["P", "../Q", "P", "R"])  # fmt: skip
    return cl.check(land, plan, as_of="2026-11-21", project_by="field")


@pytest.fixture(scope="module")
def out(result: cl.CheckResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gis") / "out"
    cl.write_report(result, folder, formats=["gpkg", "gdb", "shp"], form=FormOptions(marking="内部资料"))
    return folder


def places(out: Path) -> dict[str, str]:
    """Where GDAL finds each format, by a name to be filled with the layer."""
    return {
        "gpkg": f"{out}/三线核对成果.gpkg",
        "gdb": f"/vsizip/{out}/三线核对成果.gdb.zip/三线核对成果.gdb",
        "shp": f"/vsizip/{out}/三线核对成果_{{}}.shp.zip",
    }


def read(out: Path, form: str, name: str) -> gpd.GeoDataFrame:
    path = places(out)[form].format(name)
    return gpd.read_file(path) if form == "shp" else gpd.read_file(path, layer=name)


def test_files_are_those_of_the_documents_and_listed(out: Path) -> None:
    names = {path.name for path in out.iterdir()}
    files = {"三线核对成果.gpkg", "三线核对成果.gdb.zip",
             *(f"三线核对成果_{layer}.shp.zip" for layer in ("地块", "重叠图斑", "问题点"))}  # fmt: skip
    assert files <= names
    listed = (out / "result.json").read_text(encoding="utf-8")
    assert all(name in listed for name in files)


@pytest.mark.parametrize("form", ["gpkg", "gdb", "shp"])
def test_areas_and_texts_are_those_of_the_result(out: Path, result: cl.CheckResult, form: str) -> None:
    land = read(out, form, "地块")
    assert list(land["DKBH"]) == list(result.parcels["parcel_id"])
    assert list(land["TYMJ"]) == pytest.approx(list(result.parcels["area_m2"]), rel=1e-12)
    assert land["DKMC"][0] == "厂房"
    assert land["DKMC"][1] == "<b>路"
    assert land["DKMC"][2] == (LONG if form != "shp" else "长" * 127)  # a .dbf holds 254 bytes of a text
    red = result.overlaps[result.overlaps["kind"] == "ecological_redline"]
    assert list(land["STBHHX_MJ"].fillna(-1)) == pytest.approx(list(red["conflict_m2"].fillna(-1)), rel=1e-12)
    assert land["STBHHX_JG"][0] == "涉及"
    assert set(land["BZ"]) == {f"内部资料；核对编号：{result.provenance['run_id']}"}
    pieces = read(out, form, "重叠图斑")
    assert len(pieces) == len(result.pieces) + len(result.outside)
    assert pieces["TYMJ"].sum() == pytest.approx(result.pieces["area_m2"].sum() + result.outside["area_m2"].sum())
    assert set(pieces["GX"]) == {"与控制线重叠", "边界内", "边界外"}


@pytest.mark.parametrize("form", ["gpkg", "gdb", "shp"])
def test_layers_lie_in_the_crs_of_the_first_control_line(out: Path, form: str) -> None:
    land = read(out, form, "地块")
    assert land.crs == "EPSG:4518"
    # 1e-4 m: the grid of a file geodatabase
    assert shapely.hausdorff_distance(land.geometry[0], here(0, 0, 100, 100)) <= 1e-4


def test_problems_lie_on_their_parcel(out: Path, result: cl.CheckResult) -> None:
    points = read(out, "gpkg", "问题点")
    wrong = points[(points["DM"] == "AREA_DECLARED") & (points["DX"] == "=1+1")]
    assert len(wrong) == 1
    assert here(300, 0, 350, 80).contains(wrong.geometry.iloc[0])
    assert len(points) <= len(result.findings)


@pytest.mark.parametrize("form", ["gpkg", "gdb"])
def test_fields_have_chinese_aliases(out: Path, form: str) -> None:
    _, table = pyogrio.read_arrow(places(out)[form], layer="地块")
    said = {
        field.name: (field.metadata or {}).get(b"GDAL:OGR:alternative_name", b"").decode() for field in table.schema
    }
    assert said["DKBH"] == "地块编号"
    assert said["STBHHX_MJ"] == "生态保护红线：重叠（边界外）面积（平方米）"


def test_shapefile_names_are_short_with_a_map_and_gbk(out: Path) -> None:
    with zipfile.ZipFile(out / "三线核对成果_地块.shp.zip") as archive:
        stem = "三线核对成果_地块"
        assert archive.read(f"{stem}.cpg") == b"GBK"
        rows = list(csv.reader(archive.read(f"{stem}.names.csv").decode("utf-8-sig").splitlines()))
        fields = list(gpd.read_file(f"/vsizip/{out}/三线核对成果_地块.shp.zip").columns)[:-1]
    assert [row[0] for row in rows[1:]] == fields
    assert all(len(name.encode()) <= 10 for name in fields)
    assert rows[1] == ["DKBH", "地块编号"]


def test_out_crs_is_taken_or_refused_by_name_before_any_work(result: cl.CheckResult, tmp_path: Path) -> None:
    cl.write_report(result, tmp_path / "out", formats=["gpkg"], out_crs="4490")
    land = gpd.read_file(tmp_path / "out" / "三线核对成果.gpkg", layer="地块")
    assert land.crs == "EPSG:4490"
    assert list(land["TYMJ"]) == list(result.parcels["area_m2"])
    for wrong in ("EPSG:2360", "nonsense", "EPSG:99999"):
        with pytest.raises(UsageError, match="out-crs") as caught:
            cl.write_report(result, tmp_path / "two", formats=["gpkg"], out_crs=wrong)
        assert caught.value.finding.code == "OUT_CRS"
    assert not (tmp_path / "two").exists()
