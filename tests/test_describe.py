"""What a file is, in lines for people: layers, kinds, CRS and how it was found, extent, zones, findings."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from controllines.describe import describe
from controllines.errors import ControlLinesError, InputError
from controllines.findings import catalogue
from controllines.io.files import sha256


def frame(crs: object, *boxes: tuple[float, float, float, float]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"BSM": ["1"] * len(boxes)}, geometry=[shapely.box(*b) for b in boxes], crs=crs)


def test_a_database_layer_by_layer(tmp_path: Path) -> None:
    path = tmp_path / "三线.gpkg"
    frame("EPSG:4490", (88.4, 42.8, 88.6, 42.9)).to_file(path, layer="STBHHX", engine="pyogrio")
    frame("EPSG:4518", (30_385_000, 4_738_000, 30_385_100, 4_738_100)).to_file(path, layer="备注", engine="pyogrio")
    lines = list(describe(path))
    assert lines[0] == f"{path}  GPKG  2 个图层"
    red = lines[lines.index("图层 STBHHX：生态保护红线（ecological_redline）") :]
    assert red[1] == "  要素 1 = 可用 1 + 排除 0（无几何 0，修复 0）"
    assert red[2] == "  几何类型 Polygon"
    assert red[3] == "  字段 BSM"
    assert any("坐标系 EPSG:4490" in line for line in red)
    assert "  经度 88.40000…88.60000，3°带带号 29—30" in red  # zones 29 and 30 meet at 88.5°E
    assert "图层 备注" in lines
    assert f"  SHA-256 {sha256(path)}" in lines


def test_a_layer_without_crs_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.shp"
    frame("EPSG:4518", (30_385_000, 4_738_000, 30_385_100, 4_738_100)).to_file(path, engine="pyogrio")
    path.with_suffix(".prj").unlink()
    lines = list(describe(path))
    assert any(line.startswith("  坐标系 没有（未找到") for line in lines)
    assert any(line.startswith("  范围 x 30385000.000…30385100.000") for line in lines)
    assert not any("经度" in line for line in lines)


def test_a_crs_that_cannot_be_used_is_described_with_its_error(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    frame("EPSG:4214", (88.4, 42.8, 88.6, 42.9)).to_file(path, engine="pyogrio")
    assert any("CRS_NEEDS_PARAMETERS" in line for line in describe(path))


@pytest.mark.parametrize("rows", [0, 1])
def test_layers_without_features_or_geometry(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "a.gpkg"
    data = gpd.GeoDataFrame({"BSM": ["1"] * rows}, geometry=[None] * rows, crs="EPSG:4490")
    data.to_file(path, engine="pyogrio", geometry_type="Polygon")
    lines = list(describe(path))
    assert f"  要素 {rows} = 可用 0 + 排除 {rows}（无几何 {rows}，修复 0）" in lines
    assert "  几何类型 无" in lines
    assert not any("范围" in line for line in lines)


def test_land_abroad_has_no_zone(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    frame("EPSG:4326", (-100, 40, -99.9, 40.1)).to_file(path, engine="pyogrio")
    assert "  经度 -100.00000…-99.90000，不全在 3°带 24—45 带之内" in list(describe(path))


def bowties(count: int, crs: object = "EPSG:4518") -> gpd.GeoDataFrame:
    x, y = 30_385_000, 4_738_000
    rings = [[(x + 9 * n, y), (x + 9 * n + 4, y + 4), (x + 9 * n + 4, y), (x + 9 * n, y + 4)] for n in range(count)]
    geoms = [None, *map(shapely.Polygon, rings)]
    return gpd.GeoDataFrame({"BSM": [str(n) for n in range(count + 1)]}, geometry=geoms, crs=crs)


def test_geometries_are_checked_and_the_counts_close(tmp_path: Path) -> None:
    path = tmp_path / "STBHHX.shp"
    bowties(7).to_file(path, engine="pyogrio")
    lines = list(describe(path))
    assert lines[1] == "图层 （单一图层）：生态保护红线（ecological_redline）", "by the name of the file, too"
    assert lines[2] == "  要素 8 = 可用 7 + 排除 1（无几何 1，修复 7）"
    assert sum("GEOMETRY_REPAIRED" in line and "[repair]" in line for line in lines) == 5
    assert "  GEOMETRY_REPAIRED 另有 2 条，共 7 条" in lines
    assert any("[error] GEOMETRY_MISSING" in line for line in lines)


def test_geometries_are_checked_without_a_crs_too(tmp_path: Path) -> None:
    path = tmp_path / "dk.shp"
    bowties(1).to_file(path, engine="pyogrio")
    path.with_suffix(".prj").unlink()
    lines = list(describe(path))
    assert "  要素 2 = 可用 1 + 排除 1（无几何 1，修复 1）" in lines
    assert any("[error] CRS_MISSING" in line and "EPSG:4518" in line for line in lines), "with the proposal"


def test_fields_of_an_official_table_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "三线.gpkg"
    land = shapely.box(30_385_000, 4_738_000, 30_386_000, 4_739_000)  # 999 677.63 m², golden value T2
    data = {"BSM": ["1"], "DLBM": ["0103"], "KCXS": [1.5], "YJJBNTMJ": [999_677.63], "YJJBNTTBMJ": [999_677.63]}
    gpd.GeoDataFrame(data, geometry=[land], crs=4518).to_file(path, layer="YJJBNTTB", engine="pyogrio")
    lines = list(describe(path))
    assert any("KCXS_FIELD" in line for line in lines)
    assert any("AREA_RECORDED" in line and "椭球面积 1 个" in line for line in lines)


def test_encoding_and_findings_of_a_survey_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    text = ("[属性描述]\n坐标系=2000国家大地坐标系\n几度分带=3\n带号=30\n[地块坐标]\n9,0.1,D1,甲,面,,,,@\n"
            "J1,1,4738000,30385000\nJ2,1,4738000,30385100\nJ3,1,4738100,30385100\nJ1,1,4738000,30385000\n")  # fmt: skip
    path.write_bytes(text.encode("gbk"))
    lines = list(describe(path))
    assert "  文字编码 GB18030" in lines
    assert any("TXT_COUNT" in line and "[info]" in line for line in lines)


def test_nothing_is_said_of_what_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.xyz"
    path.write_bytes(b"?")
    with pytest.raises(InputError, match="FILE_FORMAT_UNKNOWN"):
        list(describe(path))


# --- every file of the real and the broken collections ----------------------------------------------------------

#: Folder -> files that are described, files that are refused (texts about the data among them). Pinned, so that a
#: reader that begins to refuse, or to let in, is noticed.
FOLDERS = {
    "bad_geojson_chrieke": (60, 16),
    "gpkg_samples": (2, 2),
    "vec_pyogrio_fixtures": (6, 5),
    "vec_fiona_fixtures": (11, 5),
    "cn_shp_gbk_geotools": (1, 1),
    "cn_shp_utf8_nocpg_noprj": (2, 1),
    "derived_cn_fixtures": (2, 1),
    "eu_fiboa_parcels": (32, 20),
    "ch_oereb_pyramid": (0, 84),  # json that is no GeoJSON
}
#: Parts of a shapefile that are not asked for by themselves.
_PARTS = (".shx", ".dbf", ".prj", ".cpg", ".sbn", ".sbx", ".md")  # .md: about the data


def _files(folder: Path) -> list[Path]:
    found = [path for path in folder.rglob("*") if path.suffix == ".gdb" or path.is_file()]
    return sorted(p for p in found if p.suffix not in _PARTS and not any(up.suffix == ".gdb" for up in p.parents))


def _outcome(path: Path) -> str:
    """Return ``lines``, or the code of the error; anything else is let out."""
    try:
        lines = list(describe(path))
    except ControlLinesError as error:
        problem = error.finding
    else:
        problem = None
    if problem is not None:
        assert problem.code in catalogue()
        assert problem.fix
        return problem.code
    assert lines[0].startswith(str(path))
    assert len(lines) > 4
    return "lines"


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_is_described_or_refused(folder: str, shared: Path) -> None:
    outcomes = {str(path.relative_to(shared)): _outcome(path) for path in _files(shared / "data" / folder)}
    described = sum(code == "lines" for code in outcomes.values())
    assert (described, len(outcomes) - described) == FOLDERS[folder], outcomes
