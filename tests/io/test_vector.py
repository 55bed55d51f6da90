"""Shapefile, gdb, gpkg, GeoJSON and GeoParquet: what arrives, and what the file said about itself."""

from __future__ import annotations

import json
import math
import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely

from controllines.errors import CRSError, InputError
from controllines.io import read
from tests.builders import noted, only

NAMES = ["巴楚县", "托克逊县", "乌苏市"]
FORMATS = [".shp", ".gpkg", ".gdb", ".geojson", ".parquet"]
DRIVERS = {
    ".shp": "ESRI Shapefile",
    ".gpkg": "GPKG",
    ".gdb": "OpenFileGDB",
    ".geojson": "GeoJSON",
    ".parquet": "Parquet",
}


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def written(frame: gpd.GeoDataFrame, suffix: str, name: str = "县", **options: object) -> Path:
        path = tmp_path / f"{name}{suffix}"
        if suffix == ".parquet":
            frame.to_parquet(path, **options)
        else:
            options = {"encoding": "utf-8"} | options if suffix == ".shp" else options
            frame.to_file(path, **({"driver": DRIVERS[suffix]} | options))
        return path

    return written


Write = Callable[..., Path]


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("trusted", [False, True])
def test_every_format(write: Write, counties: gpd.GeoDataFrame, suffix: str, trusted: bool) -> None:
    path = write(counties, suffix)
    source = only(path, trusted=trusted)
    assert source.driver == DRIVERS[suffix]
    assert source.path == path
    assert list(source.frame["XZQDM"]) == ["653130", "650422", "654202"]
    assert list(source.frame["XZQMC"]) == NAMES
    assert source.frame["GM"].sum() == 6
    assert source.frame.index.equals(pd.RangeIndex(3))
    assert source.geoms[1] is None
    assert shapely.area(source.geoms[[0, 2]]) == pytest.approx([60_000, 10_000])
    assert source.crs is not None
    assert source.crs.to_epsg(20) == 4514
    assert source.crs_found
    assert source.layer == ("县" if suffix in (".gpkg", ".gdb") else None)
    assert noted(source) == []


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
@pytest.mark.parametrize("suffix", [".shp", ".gpkg", ".gdb", ".parquet"])
def test_no_crs_is_said_not_guessed(write: Write, counties: gpd.GeoDataFrame, suffix: str) -> None:
    source = only(write(counties.set_crs(None, allow_override=True), suffix))
    assert source.crs is None
    assert source.crs_found.startswith("未找到")


@pytest.mark.parametrize("srs", [-1, 0])
def test_undefined_gpkg_srs(write: Write, counties: gpd.GeoDataFrame, srs: int) -> None:
    path = write(counties, ".gpkg")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE gpkg_geometry_columns SET srs_id = ?", [srs])
        connection.execute("UPDATE gpkg_contents SET srs_id = ?", [srs])
    connection.close()
    assert only(path).crs is None


@pytest.mark.parametrize(
    ("member", "epsg", "found"),
    [
        ({}, 4326, "GeoJSON 标准（WGS84 经纬度）"),
        ({"crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4490"}}}, 4490, "GeoJSON 的 crs 成员"),
        ({"crs": {"type": "name", "properties": {"name": "EPSG:4514"}}}, 4514, "GeoJSON 的 crs 成员"),
        ({"crs": None}, None, "未找到（图层没有坐标系）"),
    ],
)
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf", b" \r\n"])
def test_crs_of_geojson(
    tmp_path: Path, member: dict[str, object], epsg: int | None, found: str, last: bool, mark: bytes
) -> None:
    geometry = {"type": "Polygon", "coordinates": [[[80, 40], [81, 40], [81, 41], [80, 40]]]}
    features = {"features": [{"type": "Feature", "properties": {"crs": "no matter"}, "geometry": geometry}]}
    parts = [features, member] if last else [member, features]
    path = tmp_path / "x.geojson"
    path.write_bytes(mark + json.dumps({"type": "FeatureCollection"} | parts[0] | parts[1]).encode())
    source = only(path)
    assert (source.crs and source.crs.to_epsg(), source.crs_found) == (epsg, found)


def test_garbage_as_crs_of_geojson(tmp_path: Path, counties: gpd.GeoDataFrame) -> None:
    path = tmp_path / "x.geojson"
    path.write_text(counties.to_json().replace("urn:ogc:def:crs:EPSG::4514", "我们县的坐标系"), encoding="utf-8")
    with pytest.raises(CRSError, match="CRS_UNKNOWN"):
        read(path)


def test_parquet_crs_by_default_and_no_geometry(tmp_path: Path, write: Write, counties: gpd.GeoDataFrame) -> None:
    source = only(write(counties.set_crs("OGC:CRS84", allow_override=True), ".parquet", write_covering_bbox=True))
    assert source.crs is not None
    assert source.crs.is_geographic
    assert list(source.frame) == ["XZQDM", "XZQMC", "GM"]
    plain = tmp_path / "plain.parquet"
    pd.DataFrame({"a": [1]}).to_parquet(plain)
    with pytest.raises(InputError, match="PARQUET_NOT_GEO"):
        read(plain)


def test_layers(tmp_path: Path, counties: gpd.GeoDataFrame) -> None:
    path = tmp_path / "三区三线.gpkg"
    for name in ("生态保护红线", 'Robert"); DROP TABLE x;--'):
        counties.to_file(path, layer=name)
    pyogrio.write_dataframe(pd.DataFrame({"a": [1]}), path, layer="表")
    assert [source.layer for source in read(path)] == ["生态保护红线", 'Robert"); DROP TABLE x;--']
    assert only(path, layer='Robert"); DROP TABLE x;--').layer == 'Robert"); DROP TABLE x;--'
    with pytest.raises(InputError, match="LAYER_UNKNOWN") as caught:
        read(path, layer="永久基本农田")
    assert "生态保护红线" in caught.value.finding.fix
    with pytest.raises(InputError, match="LAYER_UNKNOWN"):
        read(path, layer="表")


def test_only_a_table(tmp_path: Path) -> None:
    path = tmp_path / "x.gpkg"
    pyogrio.write_dataframe(pd.DataFrame({"a": [1]}), path, layer="表")
    with pytest.raises(InputError, match="FILE_NO_LAYER"):
        read(path)


def test_layer_of_a_single_layer_format(write: Write, counties: gpd.GeoDataFrame) -> None:
    path = write(counties, ".shp")
    assert len(only(path, layer="县").frame) == 3
    with pytest.raises(InputError, match="LAYER_UNKNOWN"):
        read(path, layer="乡")


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".parquet"])
def test_values(write: Write, counties: gpd.GeoDataFrame, suffix: str) -> None:
    counties["日期"] = pd.to_datetime(["2026-11-20", None, "2026-11-21"])
    counties["数"] = pd.array([1, None, 3], dtype="Int64")
    frame = only(write(counties, suffix)).frame
    assert str(frame["日期"][0]).startswith("2026-11-20")
    assert pd.isna(frame["日期"][1])
    assert [frame["数"][0], frame["数"][2]] == [1, 3]
    assert not isinstance(frame["数"][0], float)
    assert pd.isna(frame["数"][1])


def test_z_and_m_are_dropped_and_frames_without_attributes(write: Write) -> None:
    solid = shapely.force_3d(shapely.box(80, 40, 81, 41), 7.0)
    source = only(write(gpd.GeoDataFrame(geometry=[solid], crs=4490), ".gpkg"))
    assert not source.geoms[0].has_z
    assert source.geoms[0].equals(shapely.box(80, 40, 81, 41))
    assert source.frame.shape == (1, 0)


@pytest.mark.parametrize("name", ["!test", "a!b", "x#1", "a b", "%41", "中 文（1）", "a.zip.b"])
@pytest.mark.parametrize("suffix", [".shp", ".geojson", ".gpkg"])
def test_odd_names(write: Write, counties: gpd.GeoDataFrame, name: str, suffix: str) -> None:
    path = write(counties, suffix, "plain")
    for part in path.parent.glob("plain.*"):
        part.rename(part.with_name(name + part.suffix))
    assert len(only(path.with_name(name + suffix)).frame) == 3


def test_unreadable_geometry_is_named(write: Write, counties: gpd.GeoDataFrame) -> None:
    path = write(counties, ".parquet")
    table = pd.read_parquet(path)
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.read_schema(path)
    values = [bytes(table["geometry"][0])[:40], None, bytes(table["geometry"][2])]
    columns = {name: table[name] for name in ("XZQDM", "XZQMC", "GM")} | {"geometry": values}
    pq.write_table(pa.table(columns).replace_schema_metadata(schema.metadata), path)
    source = only(path)
    assert [g is None for g in source.geoms] == [True, True, False]
    assert [(f.code, f.feature) for f in source.findings] == [("GEOMETRY_UNREADABLE", "row:1")]


def test_curves_are_linearised_finely_and_said(write: Write) -> None:
    """A circle of radius 100 m, drawn as two arcs."""
    centre = np.array([26543000.0, 4405000.0])
    frame = gpd.GeoDataFrame(geometry=[shapely.box(*centre, *(centre + 1))], crs=4514)
    path = write(frame, ".gpkg", SPATIAL_INDEX="NO", geometry_type="Unknown")
    ring = centre + 100 * np.array([[-1, 0], [0, 1], [1, 0], [0, -1], [-1, 0]])
    curve = struct.pack("<BII", 1, 10, 1) + struct.pack("<BII", 1, 8, 5) + ring.astype("<f8").tobytes()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE 县 SET geom = ?", [b"GP\x00\x01" + struct.pack("<i", 4514) + curve])
    connection.close()
    for trusted in (False, True):
        source = only(path, trusted=trusted)
        assert noted(source) == ["CURVES_LINEARISED"]
        distance = shapely.distance(shapely.Point(centre), shapely.segmentize(source.geoms[0].exterior, 0.01))
        assert 100 - distance < 0.0005
        assert source.geoms[0].area == pytest.approx(math.pi * 100**2, abs=0.05)


# shapefiles


@pytest.mark.parametrize("cpg", [None, "GBK", "936", "UTF-8", "ISO-8859-1", "1252"])
def test_text_of_a_gbk_shapefile(write: Write, counties: gpd.GeoDataFrame, cpg: str | None) -> None:
    path = write(counties.rename(columns={"XZQMC": "县名"}), ".shp", encoding="gbk")
    path.with_suffix(".cpg").unlink()
    table = bytearray(path.with_suffix(".dbf").read_bytes())
    table[29] = 0
    path.with_suffix(".dbf").write_bytes(table)
    if cpg:
        path.with_suffix(".cpg").write_text(cpg)
    source = only(path)
    assert list(source.frame["县名"]) == NAMES
    assert source.encoding == "GB18030"
    wrong = ["ENCODING_CONTRADICTS"]
    said = {None: ["ENCODING_GUESSED"], "UTF-8": wrong, "ISO-8859-1": wrong, "1252": wrong}
    assert noted(source) == said.get(cpg, [])


def test_western_text_stays_western(write: Write, counties: gpd.GeoDataFrame) -> None:
    counties["XZQMC"] = ["Genève", "Zürich", "Neuchâtel"]
    path = write(counties, ".shp", encoding="ISO-8859-1")
    path.with_suffix(".cpg").write_text("ISO-8859-1")
    source = only(path)
    assert list(source.frame["XZQMC"]) == ["Genève", "Zürich", "Neuchâtel"]
    assert noted(source) == []


@pytest.mark.parametrize(("ldid", "said"), [(0x4D, []), (0x57, ["ENCODING_GUESSED"])])
def test_language_driver_of_the_dbf(write: Write, counties: gpd.GeoDataFrame, ldid: int, said: list[str]) -> None:
    path = write(counties, ".shp", encoding="gbk")
    path.with_suffix(".cpg").unlink()
    table = bytearray(path.with_suffix(".dbf").read_bytes())
    table[29] = ldid
    path.with_suffix(".dbf").write_bytes(table)
    source = only(path)
    assert list(source.frame["XZQMC"]) == NAMES
    assert noted(source) == said


def test_utf8_without_cpg_and_text_cut_in_a_character(write: Write, counties: gpd.GeoDataFrame) -> None:
    path = write(counties, ".shp")
    path.with_suffix(".cpg").unlink()
    table = path.with_suffix(".dbf").read_bytes()
    cut = table.replace("托克逊县".encode(), "托克逊县".encode()[:-1] + b" ")
    path.with_suffix(".dbf").write_bytes(cut)
    source = only(path)
    assert source.encoding == "UTF-8"
    assert source.frame["XZQMC"][0] == "巴楚县"
    assert source.frame["XZQMC"][1].startswith("托克逊")


def test_text_of_no_encoding_is_refused(write: Write, counties: gpd.GeoDataFrame) -> None:
    path = write(counties, ".shp")
    path.with_suffix(".cpg").unlink()
    table = path.with_suffix(".dbf").read_bytes()
    path.with_suffix(".dbf").write_bytes(table.replace("巴楚县".encode(), b"\xff\xff\xff a\xff \xff\xff"))
    with pytest.raises(InputError, match="TEXT_UNREADABLE"):
        read(path)


@pytest.mark.parametrize("suffix", [".shx", ".dbf"])
def test_missing_parts(write: Write, counties: gpd.GeoDataFrame, suffix: str) -> None:
    path = write(counties, ".shp")
    path.with_suffix(suffix).unlink()
    with pytest.raises(InputError, match="FILE_PART_MISSING") as caught:
        read(path)
    assert f"县{suffix}" in caught.value.finding.fix
    assert not path.with_suffix(suffix).exists()


@pytest.mark.parametrize("suffix", [".shx", ".dbf"])
def test_half_a_shapefile(write: Write, counties: gpd.GeoDataFrame, suffix: str) -> None:
    path = write(counties, ".shp")
    part = path.with_suffix(suffix)
    part.write_bytes(part.read_bytes()[:-20])
    with pytest.raises(InputError, match="FILE_CORRUPT"):
        read(path)


def test_parts_of_two_shapefiles(write: Write, counties: gpd.GeoDataFrame) -> None:
    path, other = write(counties, ".shp"), write(counties.iloc[:2], ".shp", "乡")
    other.with_suffix(".dbf").replace(path.with_suffix(".dbf"))
    with pytest.raises(InputError, match="FILE_CORRUPT"):
        read(path)


def test_deleted_records_are_counted(write: Write, counties: gpd.GeoDataFrame) -> None:
    path = write(counties, ".shp")
    table = bytearray(path.with_suffix(".dbf").read_bytes())
    table[int.from_bytes(table[8:10], "little")] = ord("*")
    path.with_suffix(".dbf").write_bytes(table)
    source = only(path)
    assert list(source.frame["XZQMC"]) == NAMES[1:]
    assert [(f.code, f.actual) for f in source.findings] == [("RECORDS_DELETED", "1")]


def test_upper_case_parts_and_unreadable_prj(write: Write, counties: gpd.GeoDataFrame) -> None:
    path = write(counties, ".shp")
    for part in list(path.parent.glob("县.*")):
        part.rename(part.with_name("县" + part.suffix.upper()))
    source = only(path.with_suffix(".SHP"))
    assert list(source.frame["XZQMC"]) == NAMES
    assert source.crs is not None
    path.with_suffix(".PRJ").write_text("PROJCS[nonsense")
    with pytest.raises(CRSError, match="CRS_UNKNOWN"):
        read(path.with_suffix(".SHP"))


def test_derived_chinese_fixtures(shared: Path) -> None:
    folder = shared / "data" / "derived_cn_fixtures"
    source = only(folder / "县级行政区_gbk.shp")
    assert source.crs is None
    assert source.encoding == "GB18030"
    assert {"托克逊县", "乌苏市", "巴楚县"} <= set(source.frame["XZQMC"])
    layers = read(folder / "三区三线_测试.gdb")
    assert [(s.layer, s.crs and s.crs.to_epsg()) for s in layers] == [("县级行政区", 4490), ("生态保护红线", 4514)]
