"""Conversion between formats: what goes in comes out, or is counted; files are whole or not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyproj
import pytest
import shapely

from controllines import io
from controllines.convert import convert
from controllines.crs import gauss_kruger, same
from controllines.errors import CRSError, InputError, OutputError, UsageError
from controllines.io.writers import Header, suffixes
from controllines.io.writers import writing as writing_room
from tests.builders import noted
from tests.commands import Done, call

X, Y = 30_385_000, 4_738_000
SHELL = [(0, 0), (0, 300), (400, 300), (400, 0)]
HOLE = [(150, 100), (250, 100), (250, 200), (150, 200)]
LONG = "永久基本农田图斑编号"


def at(geometry: Any, east: float = 0, north: float = 0) -> Any:
    return shapely.transform(geometry, lambda xy: xy + [X + east, Y + north])


SOLAR = at(shapely.Polygon(SHELL, [HOLE]))
TWO = at(shapely.MultiPolygon([shapely.Polygon(SHELL, [HOLE]), shapely.box(170, 120, 230, 180)]), 1000)


def frame(crs: object = 4518) -> gpd.GeoDataFrame:
    columns = {"DKBH": ["0101", "0102"], "DKMC": ["甲地块", "乙·“地”块"], LONG: ["B-1", None], "MJ": [110000.5, np.nan]}
    return gpd.GeoDataFrame(columns, geometry=[SOLAR, TWO], crs=crs)


@pytest.fixture
def gpkg(tmp_path: Path) -> Path:
    path = tmp_path / "甲.gpkg"
    frame().to_file(path, layer="地块")
    return path


def drawn(geometry: Any) -> list[bytes]:
    return sorted(shapely.to_wkb(part) for part in shapely.get_parts(shapely.normalize(geometry)))


METRES = [s for s in suffixes() if s not in (".kml", ".dxf")]


@pytest.mark.parametrize("suffix", METRES)
def test_geometry_and_crs_stay(gpkg: Path, suffix: str) -> None:
    target = gpkg.with_name(f"乙{suffix}")
    done = convert(gpkg, target)
    assert (done.features_in, done.written, done.set_aside) == (2, 2, 0)
    assert target in done.files
    [back] = io.read(target)
    assert back.crs is not None
    assert same(back.crs, pyproj.CRS(4518))
    for got, wanted in zip(back.geoms, [SOLAR, TWO], strict=True):
        if ".gdb" in suffix:  # a grid of 0.0001 m with its own origin
            assert shapely.equals_exact(shapely.normalize(got), shapely.normalize(_multi(wanted)), tolerance=1e-7)
        else:
            assert drawn(got) == drawn(wanted)
    names = {".txt": "地块名称", ".csv": "地块名称", ".xlsx": "地块名称"}
    assert list(back.frame[names.get(suffix, "DKMC")]) == ["甲地块", "乙·“地”块"]
    assert list(back.frame["地块编号" if suffix in names else "DKBH"]) == ["0101", "0102"]
    assert sorted(p.name for p in gpkg.parent.iterdir()) == sorted({gpkg.name, *(f.name for f in done.files)})


def _multi(geometry: Any) -> Any:
    return geometry if geometry.geom_type == "MultiPolygon" else shapely.MultiPolygon([geometry])


@pytest.mark.parametrize("suffix", [".gpkg", ".gdb", ".gdb.zip", ".geojson", ".parquet"])
def test_attributes_stay(gpkg: Path, suffix: str) -> None:
    source = gpkg.with_name("丙.gpkg")
    columns = {"id": [1, 2, 3], "n": pd.array([1, None, 3], "Int64"), "f": [0.1, np.nan, 1e-9],
               "b": [True, False, True], "fid": ["甲", None, ""], "OBJECTID": [7, 8, 9], "空": [None] * 3}  # fmt: skip
    gpd.GeoDataFrame(columns, geometry=[SOLAR] * 3, crs=4518).to_file(source, FID="row", layer="x")
    convert(source, gpkg.with_name(f"丁{suffix}"))
    [back] = io.read(gpkg.with_name(f"丁{suffix}"))
    table = back.frame.rename(columns={"OBJECTID_1": "OBJECTID"})
    assert list(table["id"]) == [1, 2, 3]
    assert [None if pd.isna(v) else float(v) for v in table["n"]] == [1, None, 3]
    assert [None if pd.isna(v) else v for v in table["f"]] == [0.1, None, 1e-9]
    assert list(table["b"]) == [1, 0, 1]
    assert list(table["fid"].fillna("")) == ["甲", "", ""]
    assert list(table["OBJECTID"]) == [7, 8, 9]
    assert table["空"].isna().all()


def test_kml_is_longitude_and_latitude(gpkg: Path) -> None:
    target = gpkg.with_suffix(".kml")
    done = convert(gpkg, target)
    assert noted(done) == ["WRITE_REPROJECTED"]
    [back] = io.read(target)
    expected = gpd.GeoSeries([SOLAR, TWO], crs=4518).to_crs(4490)
    for got, wanted in zip(back.geoms, expected, strict=True):
        assert shapely.equals_exact(shapely.normalize(got), shapely.normalize(_multi(wanted)), tolerance=1e-11)
    assert list(back.frame["DKMC"]) == ["甲地块", "乙·“地”块"]


@pytest.mark.parametrize("suffix", [s for s in METRES if s != ".txt"] + [".txt"])
def test_zone_24_has_no_code_and_is_not_lost(tmp_path: Path, suffix: str) -> None:
    west = shapely.transform(SOLAR, lambda xy: xy - [6_000_000 - 115_000, 333_000])
    source, target = tmp_path / "a.gpkg", tmp_path / f"b{suffix}"
    gpd.GeoDataFrame({"DKBH": ["1"]}, geometry=[west], crs=gauss_kruger(24, prefix=True)).to_file(source)
    done = convert(source, target)
    [back] = io.read(target)
    assert back.crs is not None
    if suffix == ".geojson":  # can name a CRS by its code only
        assert noted(done) == ["WRITE_REPROJECTED"]
        assert back.crs.to_epsg() == 4490
        own = gpd.GeoSeries([west], crs=gauss_kruger(24, prefix=True)).to_crs(4490)[0]
        assert shapely.equals_exact(shapely.normalize(back.geoms[0]), shapely.normalize(own), tolerance=1e-11)
    else:
        assert same(back.crs, gauss_kruger(24, prefix=True))
        assert back.geoms[0].bounds == pytest.approx(west.bounds, abs=1e-4)


def test_several_layers(tmp_path: Path) -> None:
    source = tmp_path / "a.gpkg"
    for name in ("STBHHX", "恶:意/../x", "stbhhx_"):
        pyogrio.write_dataframe(frame(), source, layer=name, append=source.exists())
    both = convert(source, tmp_path / "b.gdb")
    assert [s.layer for s in io.read(tmp_path / "b.gdb")] == ["STBHHX", "恶_意____x", "stbhhx_"]
    assert noted(both) == ["WRITE_LAYER_RENAMED"]
    many = convert(source, tmp_path / "out" / "c.geojson")
    assert sorted(path.name for path in many.files) == ["c_STBHHX.geojson", "c_stbhhx_.geojson", "c_恶_意_.._x.geojson"]
    assert all(path.parent == tmp_path / "out" for path in many.files)
    one = convert(source, tmp_path / "d.geojson", layer="STBHHX")
    assert (one.files, one.features_in) == ((tmp_path / "d.geojson",), 2)
    with pytest.raises(InputError, match="LAYER_UNKNOWN"):
        convert(source, tmp_path / "e.geojson", layer="没有")


@pytest.mark.parametrize("suffix", [".shp", ".gdb"])
def test_areas_lines_and_points_go_into_layers_of_their_own(tmp_path: Path, suffix: str) -> None:
    mixed = [SOLAR, SOLAR.exterior, shapely.Point(X, Y), shapely.GeometryCollection([SOLAR]), None]
    frame = gpd.GeoDataFrame({"n": range(5)}, geometry=mixed, crs=4518)
    frame.to_parquet(tmp_path / "a.parquet")
    done = convert(tmp_path / "a.parquet", tmp_path / f"b{suffix}")
    assert (done.features_in, done.written, done.set_aside) == (5, 4, 1)
    assert noted(done) == ["WRITE_SET_ASIDE", "WRITE_NULL"]
    paths = sorted(p for p in tmp_path.iterdir() if p.suffix == suffix)
    back = {s.layer or s.path.stem: list(s.frame["n"]) for path in paths for s in io.read(path)}
    prefix = "b_" if suffix == ".shp" else ""
    assert back == {f"{prefix}a_面": [0, 4], f"{prefix}a_线": [1], f"{prefix}a_点": [2]}


@pytest.mark.parametrize(("suffix", "written"), [(".gpkg", 4), (".geojson", 4), (".txt", 2), (".csv", 1), (".kml", 3)])
def test_what_a_format_cannot_hold_is_counted(tmp_path: Path, suffix: str, written: int) -> None:
    broken = shapely.Polygon([(X, Y), (X + 1, np.inf), (X + 1, Y), (X, Y)])
    mixed = [SOLAR, SOLAR.exterior, shapely.GeometryCollection([SOLAR]), None, broken]
    gpd.GeoDataFrame({"DKBH": range(5)}, geometry=mixed, crs=4518).to_parquet(tmp_path / "a.parquet")
    done = convert(tmp_path / "a.parquet", tmp_path / f"b{suffix}")
    assert (done.features_in, done.written, done.set_aside) == (5, written, 5 - written)
    assert sum(int(f.actual or 0) for f in done.findings if f.code == "WRITE_SET_ASIDE") == 5 - written
    assert len(io.read(tmp_path / f"b{suffix}")[0].geoms) == written


def test_nothing_to_write(tmp_path: Path) -> None:
    gpd.GeoDataFrame({"a": [1]}, geometry=[None], crs=4518).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(InputError, match="WRITE_NOTHING"):
        convert(tmp_path / "a.parquet", tmp_path / "b.txt")
    assert not (tmp_path / "b.txt").exists()


@pytest.mark.parametrize("suffix", [s for s in suffixes() if s not in (".txt", ".kml")])
def test_no_crs_stays_no_crs_and_is_said(tmp_path: Path, suffix: str) -> None:
    frame(crs=None).to_parquet(tmp_path / "a.parquet")
    done = convert(tmp_path / "a.parquet", tmp_path / f"b{suffix}")
    assert "WRITE_NO_CRS" in noted(done)
    assert io.read(tmp_path / f"b{suffix}")[0].crs is None


@pytest.mark.parametrize("suffix", [".txt", ".kml"])
def test_formats_that_need_a_crs(tmp_path: Path, suffix: str) -> None:
    frame(crs=None).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(CRSError, match="WRITE_NEEDS_CRS"):
        convert(tmp_path / "a.parquet", tmp_path / f"b{suffix}")
    assert [p.name for p in tmp_path.iterdir()] == ["a.parquet"]


def test_degrees_keep_their_digits(tmp_path: Path) -> None:
    lonlat = frame().to_crs(4490)
    lonlat.to_parquet(tmp_path / "a.parquet")
    for suffix in (".gpkg", ".geojson", ".shp", ".csv", ".parquet"):
        convert(tmp_path / "a.parquet", tmp_path / suffix[1:] / f"b{suffix}")
        [back] = io.read(tmp_path / suffix[1:] / f"b{suffix}")
        assert back.crs is not None
        assert same(back.crs, pyproj.CRS(4490))
        for got, wanted in zip(back.geoms, lonlat.geometry, strict=True):
            assert shapely.equals_exact(
                shapely.normalize(_multi(got)), shapely.normalize(_multi(wanted)), tolerance=1e-12
            )


def two_zones(folder: Path) -> Path:
    def plot(number: int, east: int) -> list[str]:
        corners = [(Y + n, east + e) for e, n in [*SHELL, SHELL[0]]]
        return [f"5,12.0,{number},地块{number},面,,,,@", *(f"J{k},1,{x},{y}" for k, (x, y) in enumerate(corners))]

    path = folder / "跨带.txt"
    lines = ["[属性描述]", "坐标系=2000国家大地坐标系", "带号=", "[地块坐标]", *plot(1, X), *plot(2, X - 1_000_000)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_two_zones_stay_apart(tmp_path: Path) -> None:
    source = two_zones(tmp_path)
    layers = convert(source, tmp_path / "b.gpkg")
    assert {s.layer: s.crs.to_epsg() for s in io.read(tmp_path / "b.gpkg") if s.crs} == {"30带": 4518, "29带": 4517}
    assert (layers.features_in, layers.written) == (2, 2)
    files = convert(source, tmp_path / "c.txt")
    assert sorted(path.name for path in files.files) == ["c_29带.txt", "c_30带.txt"]


def test_survey_file_in_degrees_is_one_file_per_zone(tmp_path: Path) -> None:
    lonlat = frame().to_crs(4490)
    lonlat.geometry = [lonlat.geometry[0], shapely.transform(lonlat.geometry[1], lambda xy: xy - [1, 0])]
    lonlat.to_parquet(tmp_path / "a.parquet")
    done = convert(tmp_path / "a.parquet", tmp_path / "b.txt", header=Header(unit="测绘院", date="2026-11-20"))
    assert sorted(path.name for path in done.files) == ["b_a_29带.txt", "b_a_30带.txt"]
    assert "数据产生单位=测绘院\r\n数据产生日期=2026-11-20" in (tmp_path / "b_a_29带.txt").read_bytes().decode("gbk")
    assert [drawn(s.geoms[0]) for s in io.read(tmp_path / "b_a_30带.txt")] == [drawn(SOLAR)]


def test_declared_parameters_are_in_no_file(tmp_path: Path) -> None:
    source = two_zones(tmp_path)
    text = source.read_text("utf-8").replace("带号=", "转换参数=11.5,-22.25,33.125,0.7,-0.8,0.9,-1.75\n带号=")
    source.write_text(text, encoding="utf-8")
    for suffix in (".txt", ".geojson", ".csv", ".kml", ".gpkg"):
        for path in convert(source, tmp_path / "out" / f"b{suffix}").files:
            assert b"22.25" not in path.read_bytes()


@pytest.mark.parametrize("suffix", suffixes())
def test_never_over_an_existing_file_unless_told(gpkg: Path, suffix: str) -> None:
    target = gpkg.with_name(f"b{suffix}")
    done = convert(gpkg, target)
    before = {path: path.read_bytes() for path in done.files if path.is_file()}
    with pytest.raises(OutputError, match="WRITE_EXISTS"):
        convert(gpkg, target)
    assert all(path.read_bytes() == data for path, data in before.items())
    again = convert(gpkg, target, overwrite=True)
    assert again.files == done.files
    assert sorted(p.name for p in gpkg.parent.iterdir()) == sorted({gpkg.name, *(f.name for f in done.files)})


def test_side_files_are_not_overwritten_either(gpkg: Path) -> None:
    (gpkg.parent / "b.prj").write_text("别的文件", encoding="utf-8")
    with pytest.raises(OutputError, match="WRITE_EXISTS"):
        convert(gpkg, gpkg.with_name("b.shp"))
    assert sorted(p.name for p in gpkg.parent.iterdir()) == sorted(["b.prj", gpkg.name])


def test_a_replaced_shapefile_leaves_no_old_index(gpkg: Path) -> None:
    target = gpkg.with_name("b.shp")
    convert(gpkg, target)
    target.with_suffix(".qix").write_bytes(b"old")
    convert(gpkg, target, overwrite=True)
    assert not target.with_suffix(".qix").exists()


def test_a_failure_leaves_what_was_there(gpkg: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = gpkg.with_name("b.shp")
    convert(gpkg, target)
    before = {path.name: path.read_bytes() for path in gpkg.parent.iterdir()}

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(writing_room, "_gdal", full)
        with pytest.raises(OutputError, match="OUTPUT_NOT_WRITTEN"):
            convert(gpkg, target, overwrite=True)
    moved = Path.replace

    def stops(self: Path, place: Path) -> Path:
        if self.name == "b.shp" and "new" in str(self):
            raise OSError(13, "Permission denied")
        return moved(self, place)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", stops)
        with pytest.raises(OutputError, match="OUTPUT_NOT_WRITTEN"):
            convert(gpkg, target, overwrite=True)
    assert {path.name: path.read_bytes() for path in gpkg.parent.iterdir()} == before


def test_unknown_target_and_target_as_source(gpkg: Path) -> None:
    with pytest.raises(UsageError, match="WRITE_FORMAT"):
        convert(gpkg, gpkg.with_suffix(".dwg"))
    with pytest.raises(OutputError, match="WRITE_ONTO_INPUT"):
        convert(gpkg, gpkg, overwrite=True)


def run(*arguments: object, cwd: Path) -> Done:
    return call("convert", *arguments, cwd=cwd)


def test_command_line(gpkg: Path) -> None:
    done = run("甲.gpkg", "乙.shp.zip", cwd=gpkg.parent)
    assert done.code == 0
    assert done.out == "读入 2 个要素，写出 2 个，未写出 0 个。成果：乙.shp.zip\n"
    assert done.err.startswith("WRITE_FIELD_RENAMED 乙.shp.zip:地块: 1 个字段名改写")
    assert run("甲.gpkg", "乙.shp.zip", cwd=gpkg.parent).code == 5
    assert run("甲.gpkg", "乙.docx", cwd=gpkg.parent).code == 2
    assert run("没有.gpkg", "丙.shp", cwd=gpkg.parent).code == 3
    gpd.GeoDataFrame({"a": [1, 2]}, geometry=[SOLAR, None], crs=4518).to_parquet(gpkg.parent / "a.parquet")
    partly = run("a.parquet", "丁.txt", "--decimals", "4", cwd=gpkg.parent)
    assert partly.code == 1
    assert "写出 1 个，未写出 1 个" in partly.out
    assert "WRITE_SET_ASIDE a.parquet" in partly.err


def test_heights_are_left_out_and_that_is_said(tmp_path: Path) -> None:
    source, high = tmp_path / "a.gpkg", shapely.from_wkt("POLYGON Z ((0 0 1, 0 9 2, 9 9 3, 0 0 1))")
    gpd.GeoDataFrame({"a": [1, 2]}, geometry=[high, SOLAR], crs=4518).to_file(source)
    done = convert(source, tmp_path / "b.geojson")
    assert [(f.code, f.actual) for f in done.findings] == [("COORDINATES_Z", "1")]
    assert not shapely.has_z(io.read(tmp_path / "b.geojson")[0].geoms).any()
