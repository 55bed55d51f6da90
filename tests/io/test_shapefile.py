"""Shapefiles: parts that are missing or cut, text in its own encoding, a .prj in any."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pyproj
import pytest
import shapely

from controllines.errors import CRSError, InputError
from controllines.io import read
from controllines.io.gate import Opened
from controllines.io.shapefile import check, prj
from tests.builders import noted, only
from tests.io.conftest import BOUND, Write, refused

NAMES = ["巴楚县", "托克逊县", "乌苏市"]


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


@pytest.mark.parametrize("trusted", [False, True])
def test_half_a_shapefile_loses_the_records_behind_the_cut_only(written: Callable[[str], Path], trusted: bool) -> None:
    """Three records; the last one ends behind the cut."""
    path = written(".shp")
    data = path.read_bytes()
    path.write_bytes(data[:-40])
    [source] = read(path, trusted=trusted)
    assert [geometry is None for geometry in source.geoms] == [False, True, True]
    assert [(f.code, f.feature) for f in source.findings] == [("RECORD_CUT_OFF", "row:3")]
    path.write_bytes(data[:120])
    refused(path, "FILE_CORRUPT", trusted=trusted)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("trusted", [False, True])
def test_a_prj_in_gbk(tmp_path: Path, counties: gpd.GeoDataFrame, trusted: bool, zipped: bool) -> None:

    (tmp_path / "in").mkdir()
    counties.to_file(tmp_path / "in/data.shp", engine="pyogrio", encoding="utf-8")
    text = pyproj.CRS(4514).to_wkt("WKT1_ESRI").replace("CGCS2000_3_Degree_GK_Zone_26", "国家2000三度带26")
    assert "国家" in text
    (tmp_path / "in/data.prj").write_bytes(text.encode("gbk"))
    path = tmp_path / "in/data.shp"
    if zipped:
        path = Path(shutil.make_archive(str(tmp_path / "in"), "zip", tmp_path / "in"))
    [source] = read(path, trusted=trusted)
    assert len(source.geoms) == 3
    assert source.crs is not None
    assert source.crs.name == "国家2000三度带26"
    assert (tmp_path / "in/data.prj").read_bytes() == text.encode("gbk"), "the user's file stays as it is"


def shapefile_part(folder: Path, suffix: str, change: Callable[[bytearray], None]) -> Path:
    path = folder / "县" / "x.shp"
    path.parent.mkdir(exist_ok=True)
    gpd.GeoDataFrame({"a": [1]}, geometry=[shapely.box(80, 40, 81, 41)], crs=4490).to_file(path)
    part = path.with_suffix(suffix)
    data = bytearray(part.read_bytes())
    change(data)
    part.write_bytes(data)
    return path


HUGE = {
    "dbf records": (".dbf", lambda data: data.__setitem__(slice(4, 8), b"\xff\xff\xff\x7f")),
    "dbf record length": (".dbf", lambda data: data.__setitem__(slice(10, 12), b"\xff\xff")),
    "dbf header length": (".dbf", lambda data: data.__setitem__(slice(8, 10), b"\xff\xff")),
    "shx length": (".shx", lambda data: data.__setitem__(slice(24, 28), b"\x7f\xff\xff\xff")),
    "shx record": (".shx", lambda data: data.__setitem__(slice(104, 108), b"\x7f\xff\xff\xff")),
    "shp parts": (".shp", lambda data: data.__setitem__(slice(144, 152), b"\xff\xff\xff\x7f" * 2)),
}


@pytest.mark.parametrize("what", HUGE)
def test_huge_numbers_in_headers(sealed: Path, what: str) -> None:
    suffix, change = HUGE[what]
    path = shapefile_part(sealed, suffix, change)
    if what == "shp parts":  # one damaged record costs one record
        [source] = read(path, limits=BOUND)
        assert source.geoms.tolist() == [None]
    else:
        refused(path, "FILE_CORRUPT", limits=BOUND)


def test_what_a_check_tells(written: Callable[[str], Path]) -> None:
    """Three records, the first deleted, the last cut off: of the two that are left the second is not whole."""
    path = written(".shp")
    table = bytearray(path.with_suffix(".dbf").read_bytes())
    table[int.from_bytes(table[8:10], "little")] = ord("*")
    path.with_suffix(".dbf").write_bytes(table)
    path.write_bytes(path.read_bytes()[:-40])
    found = check(Opened(path, path, "ESRI Shapefile", ""))
    assert (found.records, found.cut_off, found.encoding) == (2, (1,), "UTF-8")
    assert [(item.code, item.feature) for item in found.findings] == [("RECORDS_DELETED", None),
                                                                      ("RECORD_CUT_OFF", "row:2")]  # fmt: skip


@pytest.mark.parametrize("text", ["", " \r\n\0", None])
def test_an_empty_prj_says_nothing(written: Callable[[str], Path], text: str | None) -> None:
    path = written(".shp")
    path.with_suffix(".prj").unlink()
    if text is not None:
        path.with_suffix(".prj").write_text(text)
    assert prj(Opened(path, path, "ESRI Shapefile", "")) is None


def test_a_text_field_longer_than_a_byte_counts(tmp_path: Path, written: Callable[[str], Path]) -> None:
    """Of a field 300 wide the second length byte stands in the place of the decimals; the next begins behind it."""
    path = written(".shp")
    fields = b"BZ".ljust(11, b"\0") + b"C" + bytes(4) + (300).to_bytes(2, "little") + bytes(14)
    fields += "县".encode("gbk").ljust(11, b"\0") + b"C" + bytes(4) + bytes([6, 0]) + bytes(14) + b"\r"
    rows = b"".join(b" " + b"x".ljust(300) + name.encode("gbk") for name in ("巴楚县", "阜康县", "乌苏市"))
    head = struct.pack("<4BIHH20x", 3, 126, 1, 1, 3, 32 + len(fields), 307)
    path.with_suffix(".dbf").write_bytes(head + fields + rows)
    path.with_suffix(".cpg").write_text("UTF-8")
    found = check(Opened(path, path, "ESRI Shapefile", ""))
    assert (found.records, found.encoding) == (3, "GB18030")
    assert [item.code for item in found.findings] == ["ENCODING_CONTRADICTS"]
