"""KML and kmz: folders as layers, text in any encoding, and nothing that reaches out."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import shapely

from controllines.errors import InputError
from controllines.io import Limits, read

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
def path(tmp_path: Path) -> Path:
    return tmp_path / "申请.kml"


@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize("encoding", ["UTF-8", "GBK"])
@pytest.mark.parametrize("declared", [True, False])
def test_polygons_text_and_the_fixed_coordinate_system(
    path: Path, trusted: bool, encoding: str, declared: bool
) -> None:
    declaration = f'<?xml version="1.0" encoding="{encoding}"?>' if declared else ""
    path.write_bytes(kml(placemark("巴楚地块", hole=True), declaration=declaration).encode(encoding))
    [source] = read(path, trusted=trusted)
    assert source.frame["Name"].tolist() == ["巴楚地块"]
    assert source.layer == "申请"
    assert source.geoms[0].area == pytest.approx(1e-4 - 4e-6)
    assert not source.geoms[0].has_z
    assert source.crs is not None
    assert source.crs.to_epsg() == 4326
    assert source.crs_found == "KML 标准（WGS84 经纬度）"
    assert [f.code for f in source.findings] == (["ENCODING_GUESSED"] if encoding == "GBK" else [])


def test_folders_are_layers_even_with_equal_names(path: Path) -> None:
    folders = [
        f"<Folder><name>{name}</name>{placemark(p)}</Folder>" for name, p in (("甲", "一"), ("甲", "二"), ("乙", "三"))
    ]
    path.write_text(kml(*folders), encoding="utf-8")
    sources = read(path)
    assert [source.frame["Name"].tolist() for source in sources] == [["一"], ["二"], ["三"]]
    assert len({source.layer for source in sources}) == 3
    assert [source.frame["Name"].tolist() for source in read(path, layer="乙")] == [["三"]]


def test_fields_with_a_schema_keep_their_chinese_names_others_are_said(path: Path) -> None:
    schema = '<Schema id="s"><SimpleField name="地块编号" type="string"/></Schema>'
    value = '<SchemaData schemaUrl="#s"><SimpleData name="地块编号">A-1</SimpleData></SchemaData>'
    typed = f"<ExtendedData>{value}</ExtendedData>"
    path.write_text(kml(schema, placemark("一", data=typed)), encoding="utf-8")
    [source] = read(path)
    assert source.frame["地块编号"].tolist() == ["A-1"]
    untyped = '<ExtendedData><Data name="地块编号"><value>A-1</value></Data></ExtendedData>'
    path.write_text(kml(placemark("一", data=untyped)), encoding="utf-8")
    [source] = read(path)
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


def test_links_are_named_not_followed(path: Path) -> None:
    link = "<NetworkLink><Link><href>http://127.0.0.1:9/x.kml</href></Link></NetworkLink>"
    path.write_text(kml(placemark("一"), link), encoding="utf-8")
    [source] = read(path)
    assert [f.code for f in source.findings] == ["KML_LINKS"]


@pytest.mark.parametrize(
    "root", ["<gpx></gpx>", "<!-- <kml > --><OGRVRTDataSource></OGRVRTDataSource>", "<a><kml></kml></a>"]
)
def test_other_xml(path: Path, root: str) -> None:
    path.write_text(root)
    with pytest.raises(InputError, match="FILE_FORMAT_MISMATCH"):
        read(path)


@pytest.mark.parametrize("trusted", [False, True])
def test_half_a_file(path: Path, trusted: bool) -> None:
    text = kml(placemark("一"), placemark("二"))
    path.write_text(text[: len(text) - 300], encoding="utf-8")
    with pytest.raises(InputError, match="FILE_CORRUPT"):
        read(path, trusted=trusted)


def test_limit(path: Path) -> None:
    path.write_text(kml(placemark("一")), encoding="utf-8")
    with pytest.raises(InputError, match="max_text_bytes"):
        read(path, limits=Limits(max_text_bytes=100))


def test_a_point_without_place_and_an_empty_document(path: Path) -> None:
    path.write_text(kml("<Placemark><name>一</name></Placemark>", placemark("二")), encoding="utf-8")
    [source] = read(path)
    assert shapely.is_missing(source.geoms).tolist() == [True, False]
