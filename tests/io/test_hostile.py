"""Hostile files: a coded error in bounded time and memory, nothing written outside, nobody called."""

from __future__ import annotations

import io
import json
import os
import pickle
import socket
import sqlite3
import struct
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import geopandas as gpd
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from controllines.errors import InputError
from controllines.io import Limits, border, find_files, read

#: The bound of the specification, as limits: an error that names one of these two would mean it was exceeded.
BOUND = Limits(max_seconds=10)
MOST_RESIDENT_KB = 500_000


@pytest.fixture
def calls() -> Iterator[tuple[str, list[object]]]:
    """Return an address, and who called there."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    seen: list[object] = []
    done = threading.Event()

    def listen() -> None:
        while not done.is_set():
            try:
                connection, who = listener.accept()
            except TimeoutError:
                continue
            seen.append(who)
            connection.close()

    thread = threading.Thread(target=listen)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", seen
    done.set()
    thread.join()
    listener.close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: tuple[str, list[object]]) -> Iterator[Path]:
    """Give a folder for the file; afterwards nothing else was written, nobody called, and memory was bounded."""
    inputs, temporary = tmp_path / "收件", tmp_path / "temp"
    inputs.mkdir()
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.chdir(inputs)
    border.WORKER.close()
    yield inputs
    assert list(temporary.iterdir()) == []
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["temp", "收件"]
    assert len(list(inputs.iterdir())) == 1
    assert calls[1] == []
    assert resident_kb(border.WORKER.pid) < MOST_RESIDENT_KB
    border.WORKER.close()


def resident_kb(pid: int | None) -> int:
    """Return the greatest memory a process had in use, where the platform tells."""
    status = Path(f"/proc/{pid}/status")
    if pid is None or not status.exists():
        return 0
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))


def refused(path: Path, *codes: str) -> str:
    with pytest.raises(InputError) as caught:
        read(path, limits=BOUND)
    assert caught.value.finding.code in codes
    assert "max_seconds" not in str(caught.value)
    return str(caught.value)


def outcome(path: Path) -> str:
    """Return the code of the error, or how many features were read."""
    try:
        return f"{sum(len(source.geoms) for source in read(path, limits=BOUND))} features"
    except InputError as problem:
        return str(problem).split()[0]


def bomb() -> str:
    """Return a billion laughs: ten entities of ten times the one before."""
    lines = ['<!ENTITY a0 "哈">', *(f'<!ENTITY a{k} "{f"&a{k - 1};" * 10}">' for k in range(1, 10))]
    return f"<!DOCTYPE kml [{''.join(lines)}]>"


KML = '<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><name>{}</name></Placemark></Document></kml>'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("suffix", [".kml", ".kmz", ".zip"])
def test_entity_bombs(folder: Path, suffix: str, encoding: str) -> None:
    data = (bomb() + KML.format("&a9;")).encode(encoding)
    path = folder / f"x{suffix}"
    if suffix == ".kml":
        path.write_bytes(data)
    else:
        with zipfile.ZipFile(path, "w") as book:
            book.writestr("doc.kml", data)
    refused(path, "XML_UNSAFE", "FILE_FORMAT_MISMATCH")


@pytest.mark.parametrize("doctype", ["<!DOCTYPE", "<!doctype", "<! DOCTYPE"])
def test_external_entities(folder: Path, calls: tuple[str, list[object]], doctype: str) -> None:
    path = folder / "x.kml"
    for target in ("file:///etc/passwd", calls[0]):
        path.write_text(f'{doctype} kml [<!ENTITY x SYSTEM "{target}">]>{KML.format("&x;")}')
        assert "root:" not in refused(path, "XML_UNSAFE")


@pytest.mark.parametrize(
    "member", ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml", "[Content_Types].xml"]
)
def test_entities_in_a_workbook(folder: Path, calls: tuple[str, list[object]], member: str) -> None:
    path = folder / "x.xlsx"
    original = io.BytesIO()
    openpyxl.Workbook().save(original)
    with zipfile.ZipFile(original) as book, zipfile.ZipFile(path, "w") as out:
        for name in book.namelist():
            text = book.read(name).decode()
            out.writestr(name, bomb() + text if name == member else text)
        if member not in book.namelist():
            out.writestr(member, bomb())
    refused(path, "XML_UNSAFE")


def test_a_workbook_that_claims_to_be_huge(folder: Path) -> None:
    """One cell in the last column of the last row, and a dimension to match."""
    for row in ("1048576", "99999999999"):
        path = folder / "x.xlsx"
        original = io.BytesIO()
        openpyxl.Workbook().save(original)
        with zipfile.ZipFile(original) as book, zipfile.ZipFile(path, "w") as out:
            for name in book.namelist():
                text = book.read(name).decode()
                if name.endswith("sheet1.xml"):
                    cell = f'<row r="{row}"><c r="XFD{row}" t="n"><v>1</v></c></row>'
                    text = text.replace("</sheetData>", f"{cell}</sheetData>").replace("A1:A1", f"A1:XFD{row}")
                    assert cell in text
                    assert f'"A1:XFD{row}"' in text
                out.writestr(name, text)
        refused(path, "POINTS_NO_HEADER", "FILE_EMPTY", "FILE_CORRUPT")


def test_a_workbook_of_zeros(folder: Path) -> None:
    path = folder / "x.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/workbook.xml", b" " * (65 * 2**20))
    assert "max_text_bytes" in refused(path, "LIMIT_EXCEEDED")


def test_nested_bombs(folder: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("x.geojson", bytes(50 * 2**20))
    with zipfile.ZipFile(folder / "x.zip", "w", zipfile.ZIP_DEFLATED) as book:
        for k in range(100):
            book.writestr(f"{k}.zip", inner.getvalue())
    refused(folder / "x.zip", "ZIP_NESTED")


@pytest.mark.skipif(sys.platform == "win32", reason="no symbolic links in zips there")
def test_links_out_of_a_zip(folder: Path) -> None:
    link = zipfile.ZipInfo("x.geojson")
    link.external_attr = (0o120777) << 16
    with zipfile.ZipFile(folder / "x.zip", "w") as book:
        book.writestr(link, "/etc/passwd")
    refused(folder / "x.zip", "ZIP_UNSAFE")


SUFFIXES = ["geojson", "json", "kml", "dxf", "csv", "txt", "gpkg", "shp", "parquet", "xlsx", "zip"]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("start", ["", "\ufeff", " \r\n", "<!-- <kml > {} -->", '<?xml version="1.0"?>'])
def test_vrt_in_disguise(folder: Path, calls: tuple[str, list[object]], suffix: str, start: str) -> None:
    source = f"<SrcDataSource>/vsicurl/{calls[0]}/x.geojson</SrcDataSource>"
    vrt = f'<OGRVRTDataSource><OGRVRTLayer name="x">{source}</OGRVRTLayer></OGRVRTDataSource>'
    path = folder / f"x.{suffix}"
    path.write_text(start + vrt)
    refused(path, "FILE_FORMAT_MISMATCH", "FILE_CORRUPT")


ARCS = [[[0, 0], [1, 0], [1, 1], [0, 0]]]
ELSEWHERE: list[dict[str, object]] = [
    {"type": "gdal_streamed_alg", "command_line": "gdal vector read /vsicurl/{}/x.geojson"},
    {"type": "Topology", "objects": {"x": {"type": "Polygon", "arcs": [[0]]}}, "arcs": ARCS},
    {"displayFieldName": "", "geometryType": "esriGeometryPolygon", "features": []},
    {"stac_version": "1.0.0", "type": "FeatureCollection", "links": [{"rel": "next", "href": "{}/n"}]},
]


@pytest.mark.parametrize("content", ELSEWHERE, ids=["gdalg", "topojson", "esrijson", "stac"])
def test_json_that_is_no_geojson(folder: Path, calls: tuple[str, list[object]], content: dict[str, object]) -> None:
    path = folder / "x.geojson"
    path.write_text(json.dumps(content).replace("{}", calls[0]))
    assert outcome(path) in ("FILE_CORRUPT", "FILE_FORMAT_MISMATCH", "FILE_NO_LAYER", "0 features")


class Canary:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


def test_pickles_in_parquet_are_not_run(folder: Path, tmp_path: Path) -> None:
    """Metadata by which old versions of pyarrow unpickled whatever stood there."""
    box = shapely.box(80, 40, 81, 41)
    canary = pickle.dumps(Canary(tmp_path / "canary"))
    metadata = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": canary}
    geo = {"version": "1.0.0", "primary_column": "g", "columns": {"g": {"encoding": "WKB", "geometry_types": []}}}
    fields = [pa.field("a", pa.int64(), metadata=metadata), pa.field("g", pa.binary())]
    schema = pa.schema(fields, metadata={b"geo": json.dumps(geo).encode(), b"pandas": canary})
    pq.write_table(pa.table({"a": [1], "g": [shapely.to_wkb(box)]}, schema=schema), folder / "x.parquet")
    for trusted in (False, True):
        [source] = read(folder / "x.parquet", trusted=trusted)
        assert source.geoms[0].equals(box)
        assert not (tmp_path / "canary").exists()


DEEP = {
    "features": ('{"type":"FeatureCollection","features":', "}"),
    "attribute": ('{"type":"Feature","geometry":null,"properties":{"a":', "}}"),
    "coordinates": ('{"type":"MultiPolygon","coordinates":', "}"),
}


@pytest.mark.parametrize("depth", [10_000, 1_000_000])
@pytest.mark.parametrize("where", DEEP)
def test_deep_json(folder: Path, depth: int, where: str) -> None:
    before, after = DEEP[where]
    (folder / "x.geojson").write_text(before + "[" * depth + "]" * depth + after)
    assert outcome(folder / "x.geojson") in ("FILE_CORRUPT", "READ_CRASHED", "0 features", "1 features")


def test_deep_collections(folder: Path) -> None:
    """Geometry collections in each other, ten thousand deep, in a gpkg."""
    path = folder / "x.gpkg"
    gpd.GeoDataFrame({"a": [1, 2]}, geometry=[shapely.box(80, 40, 81, 41)] * 2, crs=4490).to_file(
        path, SPATIAL_INDEX="NO"
    )
    nest = struct.pack("<BII", 1, 7, 1) * 10_000 + struct.pack("<BIdd", 1, 1, 80.0, 40.0)
    with sqlite3.connect(path) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f'DROP TRIGGER "{name}"')
        connection.execute("UPDATE x SET geom = ? WHERE a = 1", [b"GP\x00\x01" + struct.pack("<i", 4490) + nest])
    connection.close()
    assert outcome(path) in ("READ_CRASHED", "FILE_CORRUPT", "2 features")


NAMES = ['x"; DROP TABLE 好; --', "../../etc/passwd", "x' OR '1'='1", "a\"b'c`d]e", "$(touch canary)", "CON", "%s%n"]


@pytest.mark.parametrize("name", NAMES)
def test_names_of_layers_and_columns_are_names_only(folder: Path, name: str) -> None:
    path = folder / "x.gpkg"
    frame = gpd.GeoDataFrame({name: ["值"]}, geometry=[shapely.box(80, 40, 81, 41)], crs=4490)
    frame.to_file(path, layer="好", SPATIAL_INDEX="NO")
    frame.to_file(path, layer="坏", SPATIAL_INDEX="NO")
    with sqlite3.connect(path) as connection:  # GDAL itself writes no such names
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f'DROP TRIGGER "{trigger}"')
        quoted = name.replace('"', '""')
        connection.execute(f'ALTER TABLE 坏 RENAME TO "{quoted}"')
        for table in ("gpkg_contents", "gpkg_geometry_columns", "gpkg_ogr_contents"):
            connection.execute(f"UPDATE {table} SET table_name = ? WHERE table_name = '坏'", [name])
    connection.close()
    before = path.read_bytes()
    assert [source.layer for source in read(path)] == ["好", name]
    [source] = read(path, layer=name)
    assert source.frame[name].tolist() == ["值"]
    assert path.read_bytes() == before


FILES = ["$(touch canary)", "a;b", "'", "&", "%00", "a\nb", "a!b", "-h", "~"]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("trusted", [False, True])
def test_names_of_files_are_names_only(folder: Path, name: str, trusted: bool) -> None:
    (folder / f"{name}.geojson").write_text('{"type":"Point","coordinates":[80,40]}')
    [source] = read(*find_files([folder]), trusted=trusted)
    assert source.path.name == f"{name}.geojson"
    assert len(source.geoms) == 1


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
def test_huge_numbers_in_headers(folder: Path, what: str) -> None:
    suffix, change = HUGE[what]
    path = shapefile_part(folder, suffix, change)
    if what == "shp parts":  # one damaged record costs one record
        [source] = read(path, limits=BOUND)
        assert source.geoms.tolist() == [None]
    else:
        refused(path, "FILE_CORRUPT")


def test_huge_counts_in_wkb_and_in_parquet(folder: Path) -> None:
    """A polygon of four billion rings, and a table of a billion rows in a few bytes."""
    geo = {"version": "1.0.0", "primary_column": "g", "columns": {"g": {"encoding": "WKB", "geometry_types": []}}}
    schema = pa.schema([pa.field("g", pa.binary())], metadata={b"geo": json.dumps(geo).encode()})
    wkb = [struct.pack("<BII", 1, kind, 2**32 - 1) for kind in (2, 3, 6, 7, 8, 10)]
    pq.write_table(pa.table({"g": wkb}, schema=schema), folder / "x.parquet")
    [source] = read(folder / "x.parquet", limits=BOUND)
    assert [f.code for f in source.findings] == ["GEOMETRY_UNREADABLE"] * len(wkb)
    many = pa.array([None], pa.binary()).take(pa.nulls(11_000_000, pa.int32()))
    pq.write_table(pa.table({"g": many}, schema=schema), folder / "x.parquet")
    assert "max_features" in refused(folder / "x.parquet", "LIMIT_EXCEEDED")


def test_files_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "x.geojson"
    path.write_text("{}")
    monkeypatch.setattr(Path, "open", denied)  # not by its mode: root may read anything
    with pytest.raises(InputError, match=r"FILE_UNREADABLE.*Permission denied"):
        read(path)
