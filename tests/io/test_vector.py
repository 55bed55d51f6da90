"""Shapefile, gdb, gpkg, GeoJSON, GeoParquet and KML: what arrives, and what the file said about itself."""

from __future__ import annotations

import ctypes
import json
import math
import sqlite3
import struct
import warnings
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyogrio
import pyproj
import pytest
import shapely

from controllines import official_area
from controllines.errors import CRSError, InputError
from controllines.io import Limits, read
from controllines.parcels import read_parcels
from tests.builders import EPSG, noted, official, only, shifted, write_shapefile
from tests.io.conftest import DRIVERS, Write

NAMES = ["巴楚县", "托克逊县", "乌苏市"]
FORMATS = [".shp", ".gpkg", ".gdb", ".geojson", ".parquet"]


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


def test_derived_chinese_fixtures(shared: Path) -> None:
    folder = shared / "data" / "derived_cn_fixtures"
    source = only(folder / "县级行政区_gbk.shp")
    assert source.crs is None
    assert source.encoding == "GB18030"
    assert {"托克逊县", "乌苏市", "巴楚县"} <= set(source.frame["XZQMC"])
    layers = read(folder / "三区三线_测试.gdb")
    assert [(s.layer, s.crs and s.crs.to_epsg()) for s in layers] == [("县级行政区", 4490), ("生态保护红线", 4514)]


#: With a hole, so that a lost ring shows.
HERE = shifted(shapely.box(0, 0, 100, 100) - shapely.box(60, 40, 80, 60))


def raised(coordinates):
    """The polygon with heights and measures."""
    bare = coordinates.removeprefix("XY")
    more = {"": "", "Z": " 1200", "M": " 7", "ZM": " 1200 7"}[bare]
    rings = [", ".join(f"{x} {y}{more}" for x, y in ring.coords) for ring in (HERE.exterior, *HERE.interiors)]
    return shapely.from_wkt(f"POLYGON {bare} (({rings[0]}), ({rings[1]}))")


def shapefile(folder, coordinates):
    coordinates = {"XYZ": "XYZM"}.get(coordinates, coordinates)  # PolygonZ has room for measures
    clockwise = shapely.orient_polygons(HERE, exterior_cw=True)
    rings = [list(ring.coords) for ring in (clockwise.exterior, *clockwise.interiors)]
    return write_shapefile(folder / "dk.shp", [rings], coordinates=coordinates)


def gpkg(folder, coordinates):
    wkb = shapely.to_wkb(raised(coordinates), flavor="iso", output_dimension=4)
    table = pa.table({"DKBH": ["a"], "geom": pa.array([wkb], pa.binary())})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the writer names measured types by those without measures
        pyogrio.write_arrow(table, folder / "dk.gpkg", driver="GPKG", geometry_name="geom", geometry_type="Unknown",
                            crs="EPSG:4518")  # fmt: skip
    return folder / "dk.gpkg"


def geojson(folder, coordinates):
    to_degrees = pyproj.Transformer.from_crs(EPSG, 4490, always_xy=True)
    tail = {"XY": [], "XYZ": [1200.0], "XYM": [1200.0, 7.0], "XYZM": [1200.0, 7.0]}[coordinates]
    lonlat = shapely.transform(HERE, lambda xy: np.column_stack(to_degrees.transform(*xy.T)))
    rings = [[[*xy, *tail] for xy in ring.coords] for ring in (lonlat.exterior, *lonlat.interiors)]
    feature = {"type": "Feature", "properties": {"DKBH": "a"}, "geometry": {"type": "Polygon", "coordinates": rings}}
    (folder / "dk.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    return folder / "dk.geojson"


def gdb(folder, coordinates):
    """Through GDAL's own copying, for no binding writes measures into a gdb."""
    library = sorted(Path(pyogrio.__file__).parent.parent.glob("pyogrio.libs/libgdal*"))
    if not library:
        pytest.skip("GDAL does not come as a library beside pyogrio")
    gdal, text = ctypes.CDLL(str(library[0])), ctypes.c_char_p
    for function in (gdal.GDALOpenEx, gdal.GDALVectorTranslate, gdal.GDALVectorTranslateOptionsNew):
        function.restype = ctypes.c_void_p
    gdal.GDALOpenEx.argtypes = [text, ctypes.c_uint, *[ctypes.c_void_p] * 3]
    gdal.GDALVectorTranslateOptionsNew.argtypes = [ctypes.POINTER(text), ctypes.c_void_p]
    gdal.GDALVectorTranslate.argtypes = [text, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(ctypes.c_void_p),
                                         ctypes.c_void_p, ctypes.c_void_p]  # fmt: skip
    gdal.GDALClose.argtypes = gdal.GDALVectorTranslateOptionsFree.argtypes = [ctypes.c_void_p]
    source = gdal.GDALOpenEx(str(gpkg(folder, coordinates)).encode(), 4, None, None, None)
    words = ["-f", "OpenFileGDB", "-nlt", "MULTIPOLYGON" + coordinates.removeprefix("XY"), "-nln", "DK"]
    argv = (text * (len(words) + 1))(*[word.encode() for word in words], None)
    options = gdal.GDALVectorTranslateOptionsNew(argv, None)
    target = gdal.GDALVectorTranslate(str(folder / "dk.gdb").encode(), None, 1, ctypes.c_void_p(source), options, None)
    assert target, "GDAL copies"
    for handle in (target, source):
        gdal.GDALClose(handle)
    gdal.GDALVectorTranslateOptionsFree(options)
    return folder / "dk.gdb"


@pytest.mark.parametrize("coordinates", ["XYZ", "XYM", "XYZM"])
@pytest.mark.parametrize("written", [shapefile, gpkg, geojson, gdb])
def test_heights_and_measures(tmp_path, written, coordinates):
    read = read_parcels(written(tmp_path, coordinates))
    assert {item.code: item.actual for item in read.findings}.get("COORDINATES_Z") == "1"
    assert not shapely.has_z(read.shapes).any()
    assert not shapely.has_m(read.shapes).any()
    # A GeoJSON is in degrees: what was straight in the plane of the survey is not, by less than the tolerance here.
    assert official_area(read.frame).tolist() == pytest.approx([official(HERE)], abs=0.02)


RING = "80,40,5 80.01,40,5 80.01,40.01,5 80,40.01,5 80,40,5"


HOLE = "80.002,40.002 80.004,40.002 80.004,40.004 80.002,40.004 80.002,40.002"


def ring(kind: str, coordinates: str) -> str:
    return f"<{kind}><LinearRing><coordinates>{coordinates}</coordinates></LinearRing></{kind}>"


def placemark(name: str, *, hole: bool = False, data: str = "") -> str:
    inner = ring("innerBoundaryIs", HOLE) if hole else ""
    return f"<Placemark><name>{name}</name>{data}<Polygon>{ring('outerBoundaryIs', RING)}{inner}</Polygon></Placemark>"


def kml(*content: str, declaration: str = '<?xml version="1.0" encoding="UTF-8"?>') -> str:
    return f'{declaration}<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>申请</name>{"".join(content)}</Document></kml>'


@pytest.fixture
def kml_path(tmp_path: Path) -> Path:
    return tmp_path / "申请.kml"


@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize("encoding", ["UTF-8", "GBK"])
@pytest.mark.parametrize("declared", [True, False])
def test_polygons_of_a_kml_their_text_and_the_fixed_coordinate_system(
    kml_path: Path, trusted: bool, encoding: str, declared: bool
) -> None:
    declaration = f'<?xml version="1.0" encoding="{encoding}"?>' if declared else ""
    kml_path.write_bytes(kml(placemark("巴楚地块", hole=True), declaration=declaration).encode(encoding))
    [source] = read(kml_path, trusted=trusted)
    assert source.frame["Name"].tolist() == ["巴楚地块"]
    assert source.layer == "申请"
    assert source.geoms[0].area == pytest.approx(1e-4 - 4e-6)
    assert not source.geoms[0].has_z
    assert source.crs is not None
    assert source.crs.to_epsg() == 4326
    assert source.crs_found == "KML 标准（WGS84 经纬度）"
    assert [f.code for f in source.findings] == (["ENCODING_GUESSED"] if encoding == "GBK" else [])


def test_folders_of_a_kml_are_layers_even_with_equal_names(kml_path: Path) -> None:
    folders = [
        f"<Folder><name>{name}</name>{placemark(p)}</Folder>" for name, p in (("甲", "一"), ("甲", "二"), ("乙", "三"))
    ]
    kml_path.write_text(kml(*folders), encoding="utf-8")
    sources = read(kml_path)
    assert [source.frame["Name"].tolist() for source in sources] == [["一"], ["二"], ["三"]]
    assert len({source.layer for source in sources}) == 3
    assert [source.frame["Name"].tolist() for source in read(kml_path, layer="乙")] == [["三"]]


def test_fields_of_a_kml_with_a_schema_keep_their_chinese_names_others_are_said(kml_path: Path) -> None:
    schema = '<Schema id="s"><SimpleField name="地块编号" type="string"/></Schema>'
    value = '<SchemaData schemaUrl="#s"><SimpleData name="地块编号">A-1</SimpleData></SchemaData>'
    typed = f"<ExtendedData>{value}</ExtendedData>"
    kml_path.write_text(kml(schema, placemark("一", data=typed)), encoding="utf-8")
    [source] = read(kml_path)
    assert source.frame["地块编号"].tolist() == ["A-1"]
    untyped = '<ExtendedData><Data name="地块编号"><value>A-1</value></Data></ExtendedData>'
    kml_path.write_text(kml(placemark("一", data=untyped)), encoding="utf-8")
    [source] = read(kml_path)
    assert "A-1" in source.frame.iloc[0].tolist()
    assert [f.code for f in source.findings] == ["KML_FIELDS"]


@pytest.mark.parametrize("name", ["doc.kml", "内/申请.KML"])
def test_kmz(tmp_path: Path, name: str) -> None:
    path = tmp_path / "申请.kmz"
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("files/icon.png", b"x")
        book.writestr(name, kml(placemark("一")))
    [source] = read(path)
    assert source.path == path
    assert source.frame["Name"].tolist() == ["一"]
    assert source.findings == ()
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("files/icon.png", b"x")
    with pytest.raises(InputError, match="ZIP_CONTENTS"):
        read(path)


def test_links_of_a_kml_are_named_not_followed(kml_path: Path) -> None:
    link = "<NetworkLink><Link><href>http://127.0.0.1:9/x.kml</href></Link></NetworkLink>"
    kml_path.write_text(kml(placemark("一"), link), encoding="utf-8")
    [source] = read(kml_path)
    assert [f.code for f in source.findings] == ["KML_LINKS"]


@pytest.mark.parametrize(
    "root", ["<gpx></gpx>", "<!-- <kml > --><OGRVRTDataSource></OGRVRTDataSource>", "<a><kml></kml></a>"]
)
def test_xml_that_is_no_kml(kml_path: Path, root: str) -> None:
    kml_path.write_text(root)
    with pytest.raises(InputError, match="FILE_FORMAT_MISMATCH"):
        read(kml_path)


@pytest.mark.parametrize("trusted", [False, True])
def test_half_a_kml(kml_path: Path, trusted: bool) -> None:
    text = kml(placemark("一"), placemark("二"))
    kml_path.write_text(text[: len(text) - 300], encoding="utf-8")
    with pytest.raises(InputError, match="FILE_CORRUPT"):
        read(kml_path, trusted=trusted)


def test_a_kml_longer_than_allowed(kml_path: Path) -> None:
    kml_path.write_text(kml(placemark("一")), encoding="utf-8")
    with pytest.raises(InputError, match="max_text_bytes"):
        read(kml_path, limits=Limits(max_text_bytes=100))


def test_a_placemark_without_place(kml_path: Path) -> None:
    kml_path.write_text(kml("<Placemark><name>一</name></Placemark>", placemark("二")), encoding="utf-8")
    [source] = read(kml_path)
    assert shapely.is_missing(source.geoms).tolist() == [True, False]
