"""Sheets into files: what a format changes is said, what it holds comes back."""

from __future__ import annotations

import csv
import io as stdio
import json
import zipfile
from pathlib import Path

import numpy as np
import pyogrio
import pyproj
import pytest
import shapely

from controllines.crs import gauss_kruger, same
from controllines.io import find_files, read
from controllines.io.writers import Header
from controllines.io.writers.survey import rounded
from controllines.io.writers.writing import code_of
from tests.io.dialects import normal
from tests.io.writers.conftest import said, sheet, solar, written

LONG = "永久基本农田图斑编号"


@pytest.mark.parametrize(("name", "encoding", "codes"), [("甲", "gbk", []), ("𠮷野", "gb18030", ["WRITE_ENCODING"])])
def test_encoding_of_a_survey_file(tmp_path: Path, name: str, encoding: str, codes: list[str]) -> None:
    path = tmp_path / "a.txt"
    assert said(written(path, sheet(solar(), DKMC=[name]))) == codes
    assert f",{name},面" in path.read_bytes().decode(encoding)
    assert b"\r\n" in path.read_bytes()
    assert read(path)[0].frame["地块名称"][0] == name


def test_rounding_is_said_and_can_be_avoided(tmp_path: Path) -> None:
    fine = shapely.transform(solar(), lambda xy: xy + 0.000123)
    path = tmp_path / "a.txt"
    found = written(path, sheet(fine))
    assert [(f.code, f.actual) for f in found] == [("WRITE_ROUNDED", "0.000123")]
    path.unlink()
    assert written(path, sheet(fine), header=Header(decimals=6)) == []
    [source] = read(path)
    assert source.resolution_m == 1e-6
    assert normal(source.geoms[0]) == normal(rounded(np.array([fine]), 6)[0])


@pytest.mark.parametrize("suffix", [".shp", ".shp.zip"])
def test_names_that_a_shapefile_cuts_are_in_a_list(tmp_path: Path, suffix: str) -> None:
    columns = {LONG: ["a"], "永久基本农田面积": [1.5], "永久基本农": ["c"], "abcdefghijkl": ["d"], "ABCDEFGHIJ": ["e"]}
    path = tmp_path / f"b{suffix}"
    assert said(written(path, sheet(solar(), **columns))) == ["WRITE_FIELD_RENAMED"]
    [back] = read(path)
    assert back.findings == ()
    if suffix == ".shp":
        text = (tmp_path / "b.names.csv").read_text("utf-8-sig")
    else:
        with zipfile.ZipFile(path) as archive:
            parts = {Path(name).suffix for name in archive.namelist()}
            assert parts == {".shp", ".shx", ".dbf", ".prj", ".cpg", ".csv"}
            text = archive.read("b.names.csv").decode("utf-8-sig")
    names = list(csv.reader(stdio.StringIO(text)))
    assert names[0] == ["字段", "原名"]
    assert [old for _, old in names[1:]] == list(columns)
    assert [new for new, _ in names[1:]] == list(back.frame.columns)
    assert all(len(new.encode("gbk")) <= 10 for new, _ in names[1:])
    assert list(back.frame.iloc[0]) == ["a", 1.5, "c", "d", "e"]
    assert find_files([tmp_path]) == [path]  # the list is no data


def test_long_text_is_cut_between_characters_and_said(tmp_path: Path) -> None:
    found = written(tmp_path / "b.shp", sheet(solar(), solar(), BZ=["a" + "红" * 200, "短"]))
    assert [(f.code, f.feature, f.actual) for f in found] == [("WRITE_TEXT_CUT", "BZ", "1")]
    [back] = read(tmp_path / "b.shp")
    assert list(back.frame["BZ"]) == ["a" + "红" * 126, "短"]


def test_characters_outside_gbk_are_kept(tmp_path: Path) -> None:
    assert said(written(tmp_path / "b.shp", sheet(solar(), 名称=["𠮷野"]))) == ["WRITE_ENCODING"]
    assert list(read(tmp_path / "b.shp")[0].frame["名称"]) == ["𠮷野"]


@pytest.mark.parametrize("suffix", [".shp", ".gdb", ".kml", ".geojson", ".parquet"])
def test_big_numbers_stay_exact(tmp_path: Path, suffix: str) -> None:
    """More than a float holds (2**53)."""
    big = 653130000000000012345 // 1000 + 2**60
    crs = 4326 if suffix == ".kml" else 4518
    written(tmp_path / f"b{suffix}", sheet(shapely.box(80, 40, 81, 41) if crs == 4326 else solar(), crs=crs, BSM=[big]))
    assert str(read(tmp_path / f"b{suffix}")[0].frame["BSM"][0]) == str(big)


def test_the_grid_of_a_geodatabase_is_said(tmp_path: Path) -> None:
    fine = shapely.transform(solar(), lambda xy: xy + 0.00004)
    found = written(tmp_path / "b.gdb", sheet(fine, a=[1]))
    assert [(f.code, f.actual) for f in found] == [("WRITE_ROUNDED", "0.000040")]
    [back] = read(tmp_path / "b.gdb")
    assert shapely.hausdorff_distance(back.geoms[0], fine) <= 0.0001


def test_geojson_says_its_crs_also_that_it_has_none(tmp_path: Path) -> None:
    written(tmp_path / "a.geojson", sheet(solar(), a=[np.inf]))
    said_ = json.loads((tmp_path / "a.geojson").read_text("utf-8"))
    assert said_["crs"] == {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4518"}}
    assert said_["features"][0]["properties"] == {"a": None}  # JSON has no infinity
    written(tmp_path / "b.geojson", sheet(solar(), crs=None))
    assert json.loads((tmp_path / "b.geojson").read_text("utf-8"))["crs"] is None


def test_dxf_says_what_it_cannot_carry(tmp_path: Path) -> None:
    far = solar(30_386_000)
    found = written(tmp_path / "甲.dxf", sheet(solar(), far, **{LONG: ["1", "2"]}))
    assert said(found) == ["WRITE_FIELDS_LOST", "WRITE_DXF"]
    assert LONG in found[0].message
    back = pyogrio.read_dataframe(tmp_path / "甲.dxf")
    assert set(back["Layer"]) == {"地块"}  # read as GBK, by what the file says of itself
    assert shapely.union_all(back.geometry.to_numpy()).equals(shapely.union_all([solar(), far]))
    assert same(pyproj.CRS((tmp_path / "甲.prj").read_text("utf-8")), pyproj.CRS(4518))


def test_several_sheets_are_layers_and_fields_have_their_aliases(tmp_path: Path) -> None:
    one, two = sheet(solar(), DKBH=["a"]), sheet(solar(), DKBH=["b"])
    named = one.take(np.array([0]), aliases={"DKBH": "地块编号"})
    written(tmp_path / "a.gpkg", named, two.take(np.array([0]), name="另一层"))
    assert [(s.layer, s.frame["DKBH"][0]) for s in read(tmp_path / "a.gpkg")] == [("地块", "a"), ("另一层", "b")]
    written(tmp_path / "a.gdb", named)
    assert "地块编号".encode("utf-16-le") in b"".join(f.read_bytes() for f in (tmp_path / "a.gdb").glob("*.gdbtable"))


@pytest.mark.parametrize(("crs", "code"), [
    (4518, "EPSG:4518"), (4490, "EPSG:4490"), (gauss_kruger(24, prefix=True), ""),
    (gauss_kruger(30, prefix=True), "EPSG:4518"),
])  # fmt: skip
def test_a_code_is_said_where_it_means_the_same(crs: object, code: str) -> None:
    """Zone 24 lies west of all that have one."""
    assert code_of(pyproj.CRS.from_user_input(crs)) == code
