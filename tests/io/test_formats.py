"""What a file is: by its suffix what reads it or why it is refused, by its first bytes whether that is true."""

from __future__ import annotations

from pathlib import Path

import pytest

from controllines.errors import InputError
from controllines.io import read
from controllines.io.formats import check_magic, driver_of, drivers, exceeded, suffix
from tests.io.conftest import BOUND, refused


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"PK\x03\x04", "zip"),
        (b"Rar!\x1a", "RAR"),
        (b"SQLite format 3\x00", "SQLite"),
        (b"\x00\x00\x27\x0a", "Shapefile"),
    ],
)
@pytest.mark.parametrize("name", ["x.geojson", "x.parquet", "x.txt"])
def test_content_of_another_format(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    path = tmp_path / name
    path.write_bytes(content + bytes(200))
    assert told in refused(path, "FILE_FORMAT_MISMATCH")


@pytest.mark.parametrize("name", ["x", "x.vrt", "x.odt"])
def test_unknown_formats_are_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"x")
    refused(path, "FILE_FORMAT_UNKNOWN")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "规划.v2").mkdir()
    with pytest.raises(InputError) as raised:
        read(tmp_path / "规划.v2")
    assert raised.value.finding.code == "FILE_IS_FOLDER"


def test_folders_that_are_no_geodatabase(tmp_path: Path) -> None:
    path = tmp_path / "x.gdb"
    path.write_bytes(b"x")
    refused(path, "FILE_FORMAT_MISMATCH")
    path.unlink()
    path.mkdir()
    refused(path, "FILE_EMPTY")
    (path / "notes.doc").write_bytes(b"x")
    refused(path, "FILE_FORMAT_MISMATCH")
    (path / "a00000001.gdbtable").write_bytes(b"x")
    refused(path, "FILE_CORRUPT")
    (path / "_gdb.HOST.1.2.sr.lock").touch()  # somebody looks at it: harmless
    refused(path, "FILE_CORRUPT")
    (path / "_gdb.HOST.1.2.ed.lock").touch()
    refused(path, "FILE_LOCKED")


REFUSED = [
    ("rar", "解压"), ("7z", "解压"), ("tar", "解开"), ("dwg", "另存为 DXF"), ("mdb", "gdb"), ("doc", "TXT"),
    ("docx", "TXT"), ("wps", "TXT"), ("pdf", "TXT"), ("jpg", "TXT"), ("fgb", "gpkg"), ("gml", "gpkg"),
    ("xls", "xlsx"), ("dbf", ".shp"),
]  # fmt: skip


@pytest.mark.parametrize(("suffix", "cure"), REFUSED)
def test_formats_refused_by_name_with_their_cure(tmp_path: Path, suffix: str, cure: str) -> None:
    path = tmp_path / f"附图.{suffix.upper()}"
    path.write_bytes(b"x")
    with pytest.raises(InputError, match="FILE_FORMAT_REFUSED") as caught:
        read(path)
    assert cure in caught.value.finding.fix


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"Rar!\x1a\x07", "RAR"), (b"AC1027", "DWG") , (b"%PDF-1.7", "PDF"), (b"\xff\xd8\xff\xe0", "jpg"),
     (b"7z\xbc\xaf\x27\x1c", "7z"), (b"\x00\x01\x00\x00Standard Jet DB", "mdb"), (b"fgb\x03fgb\x00", "FlatGeobuf")],
)  # fmt: skip
def test_refused_by_content_where_the_suffix_says_nothing(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "无后缀"
    path.write_bytes(content + bytes(100))
    assert told in refused(path, "FILE_FORMAT_REFUSED")
    assert told in refused(path.rename(tmp_path / "x.txt"), "FILE_FORMAT_MISMATCH")


def test_binary_dxf(tmp_path: Path) -> None:
    path = tmp_path / "x.dxf"
    path.write_bytes(b"AutoCAD Binary DXF\r\n\x1a\x00" + bytes(50))
    assert "二进制" in refused(path, "FILE_FORMAT_REFUSED")


SUFFIXES = ["geojson", "json", "kml", "dxf", "csv", "txt", "gpkg", "shp", "parquet", "xlsx", "zip"]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("start", ["", "\ufeff", " \r\n", "<!-- <kml > {} -->", '<?xml version="1.0"?>'])
def test_vrt_in_disguise(sealed: Path, calls: tuple[str, list[object]], suffix: str, start: str) -> None:
    source = f"<SrcDataSource>/vsicurl/{calls[0]}/x.geojson</SrcDataSource>"
    vrt = f'<OGRVRTDataSource><OGRVRTLayer name="x">{source}</OGRVRTLayer></OGRVRTDataSource>'
    path = sealed / f"x.{suffix}"
    path.write_text(start + vrt, encoding="utf-8", newline="")
    refused(path, "FILE_FORMAT_MISMATCH", "FILE_CORRUPT", limits=BOUND)


def test_suffix_and_driver_whatever_the_case() -> None:
    assert suffix(Path("a/申请.GeoJSON")) == ".geojson"
    assert driver_of(Path("a/申请.SHP")) == "ESRI Shapefile"
    assert (drivers()[".kmz"], drivers()[".json"], drivers()[".xlsx"]) == ("kmz", "GeoJSON", "XLSX")
    assert not set(drivers()) & {f".{name}" for name, _ in REFUSED}


@pytest.mark.parametrize(("start", "driver"), [
    (b"\xef\xbb\xbf \n{", "GeoJSON"), (b"[", "GeoJSON"), (b" \r\n<?xml", "LIBKML"), (b"\xff\xfe[\0", "TXT"),
    ("[属性描述]".encode("gbk"), "TXT"), (b"0\nSECTION", "DXF"), (b"PAR1", "Parquet"),
    (b"\x00\x00\x27\x0a", "ESRI Shapefile"),
])  # fmt: skip
def test_first_bytes_that_fit(tmp_path: Path, start: bytes, driver: str) -> None:
    (tmp_path / "a").write_bytes(start + b" " * 20)
    check_magic(tmp_path / "a", driver, tmp_path / "shown")


@pytest.mark.parametrize(("start", "driver"), [
    (b"x{", "GeoJSON"), (b"{", "TXT"), (b"<a>", "CSV"), (b"a\0b", "TXT"), (b"\xff\xfe0\0", "DXF"), (b"PK", "Parquet"),
    (b"%PDF", "TXT"), (b"SQLite format 4\0", "GPKG"),
])  # fmt: skip
def test_first_bytes_that_do_not_fit_are_told_by_the_name_that_was_shown(
    tmp_path: Path, start: bytes, driver: str
) -> None:
    (tmp_path / "a.x").write_bytes(start + b" " * 20)
    with pytest.raises(InputError, match="FILE_FORMAT_MISMATCH") as caught:
        check_magic(tmp_path / "a.x", driver, tmp_path / "a.zip!内.x")
    assert caught.value.finding.source == str(tmp_path / "a.zip!内.x")
    assert caught.value.finding.expected == ".x"


def test_a_limit_is_named_with_both_numbers() -> None:
    finding = exceeded(Path("甲.txt"), "max_text_bytes", 10, 12).finding
    assert (finding.code, finding.source, finding.expected, finding.actual) == ("LIMIT_EXCEEDED", "甲.txt", "10", "12")
    assert "max_text_bytes（10）" in finding.message
