"""Reading by GDAL and Arrow: damaged, deep, huge or lying files are refused by name or read as far as they go."""

from __future__ import annotations

import json
import os
import pickle
import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from controllines.errors import InputError
from controllines.io import read
from tests.io.conftest import BOUND, refused

DAMAGE = {
    "schema": "UPDATE sqlite_master SET sql = CAST(x'FF80' || sql AS TEXT) WHERE name = 'gpkg_tile_matrix'",
    "name of a trigger": "UPDATE sqlite_master SET name = CAST(x'FF80' AS TEXT) WHERE name = 'rtree_a_geom_insert'",
    "contents": "UPDATE gpkg_contents SET identifier = CAST(x'E5' AS TEXT)",
    "name of a column": "UPDATE gpkg_geometry_columns SET column_name = x'FFFFFF'",
    "coordinate system": "UPDATE gpkg_spatial_ref_sys SET definition = CAST(x'D6D0' AS TEXT) WHERE srs_id = 4514",
}


@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_geopackage_described_in_no_encoding(
    tmp_path: Path, counties: gpd.GeoDataFrame, damage: str, trusted: bool
) -> None:
    path = tmp_path / "a.gpkg"
    counties.to_file(path, engine="pyogrio")
    database = sqlite3.connect(path)
    database.execute("PRAGMA writable_schema = ON")
    for name in ("gpkg_tile_matrix", "rtree_a_geom_insert"):
        assert database.execute("SELECT count(*) FROM sqlite_master WHERE name = ?", (name,)).fetchone() == (1,)
    database.execute("DROP TRIGGER IF EXISTS rtree_a_geom_update1")
    database.execute(DAMAGE[damage])
    assert database.total_changes
    database.commit()
    database.close()
    refused(path, "FILE_CORRUPT", trusted=trusted)


def test_fields_of_one_name(tmp_path: Path, counties: gpd.GeoDataFrame) -> None:
    path = tmp_path / "a.shp"
    counties.to_file(path, engine="pyogrio", encoding="utf-8")
    table = bytearray(path.with_suffix(".dbf").read_bytes())
    for field in range(3):
        table[32 + 32 * field : 43 + 32 * field] = bytes(11)
    path.with_suffix(".dbf").write_bytes(table)
    [source] = read(path)
    assert len(set(source.frame.columns)) == 3
    assert source.frame.iloc[0].tolist() == ["653130", "巴楚县", 1]


METADATA = {
    "no JSON": "{", "a list": [], "no column": {"columns": {}},
    "column unhashable": {"primary_column": [], "columns": {}},
    "columns a number": {"primary_column": "geometry", "columns": 1},
    "column a text": {"primary_column": "geometry", "columns": {"geometry": "WKB"}},
    "another column": {"primary_column": "x", "columns": {"x": {"encoding": "WKB"}}},
    "covering a list": {"primary_column": "geometry", "columns": {"geometry": {"encoding": "WKB", "covering": []}}},
    "deep": "[" * 100_000,
}  # fmt: skip


@pytest.mark.parametrize("name", METADATA)
def test_parquet_described_by_nonsense(tmp_path: Path, counties: gpd.GeoDataFrame, name: str) -> None:
    path = tmp_path / "a.parquet"
    counties.to_parquet(path)
    table = pq.read_table(path)
    meta = METADATA[name] if isinstance(METADATA[name], str) else json.dumps(METADATA[name])
    pq.write_table(table.replace_schema_metadata({b"geo": str(meta).encode()}), path)
    refused(path, "PARQUET_NOT_GEO")


def test_two_parquet_columns_of_one_name(tmp_path: Path, counties: gpd.GeoDataFrame) -> None:
    path = tmp_path / "a.parquet"
    counties.to_parquet(path)
    table = pq.read_table(path)
    twice = pa.table([table.column(n) for n in (0, 0, 3)], names=["XZQDM", "XZQDM", "geometry"])
    pq.write_table(twice.replace_schema_metadata(table.schema.metadata), path)
    [source] = read(path)
    assert list(source.frame.columns) == ["XZQDM", "XZQDM_2"]
    assert source.frame.iloc[2].tolist() == ["654202", "654202"]


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".parquet"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("trusted", [False, True])
def test_truncated_files(written: Callable[[str], Path], suffix: str, share: float, trusted: bool) -> None:
    path = written(suffix)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    refused(path, "FILE_CORRUPT", trusted=trusted)


def outcome(path: Path) -> str:
    """Return the code of the error, or how many features were read."""
    try:
        return f"{sum(len(source.geoms) for source in read(path, limits=BOUND))} features"
    except InputError as problem:
        return str(problem).split()[0]


ARCS = [[[0, 0], [1, 0], [1, 1], [0, 0]]]


ELSEWHERE: list[dict[str, object]] = [
    {"type": "gdal_streamed_alg", "command_line": "gdal vector read /vsicurl/{}/x.geojson"},
    {"type": "Topology", "objects": {"x": {"type": "Polygon", "arcs": [[0]]}}, "arcs": ARCS},
    {"displayFieldName": "", "geometryType": "esriGeometryPolygon", "features": []},
    {"stac_version": "1.0.0", "type": "FeatureCollection", "links": [{"rel": "next", "href": "{}/n"}]},
]


@pytest.mark.parametrize("content", ELSEWHERE, ids=["gdalg", "topojson", "esrijson", "stac"])
def test_json_that_is_no_geojson(sealed: Path, calls: tuple[str, list[object]], content: dict[str, object]) -> None:
    path = sealed / "x.geojson"
    path.write_text(json.dumps(content).replace("{}", calls[0]))
    assert outcome(path) in ("FILE_CORRUPT", "FILE_FORMAT_MISMATCH", "FILE_NO_LAYER", "0 features")


class Canary:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


def test_pickles_in_parquet_are_not_run(sealed: Path, tmp_path: Path) -> None:
    """Metadata by which old versions of pyarrow unpickled whatever stood there."""
    box = shapely.box(80, 40, 81, 41)
    canary = pickle.dumps(Canary(tmp_path / "canary"))
    metadata = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": canary}
    geo = {"version": "1.0.0", "primary_column": "g", "columns": {"g": {"encoding": "WKB", "geometry_types": []}}}
    fields = [pa.field("a", pa.int64(), metadata=metadata), pa.field("g", pa.binary())]
    schema = pa.schema(fields, metadata={b"geo": json.dumps(geo).encode(), b"pandas": canary})
    pq.write_table(pa.table({"a": [1], "g": [shapely.to_wkb(box)]}, schema=schema), sealed / "x.parquet")
    for trusted in (False, True):
        [source] = read(sealed / "x.parquet", trusted=trusted)
        assert source.geoms[0].equals(box)
        assert not (tmp_path / "canary").exists()


DEEP = {
    "features": ('{"type":"FeatureCollection","features":', "}"),
    "attribute": ('{"type":"Feature","geometry":null,"properties":{"a":', "}}"),
    "coordinates": ('{"type":"MultiPolygon","coordinates":', "}"),
}


@pytest.mark.parametrize("depth", [10_000, 1_000_000])
@pytest.mark.parametrize("where", DEEP)
def test_deep_json(sealed: Path, depth: int, where: str) -> None:
    before, after = DEEP[where]
    (sealed / "x.geojson").write_text(before + "[" * depth + "]" * depth + after)
    assert outcome(sealed / "x.geojson") in ("FILE_CORRUPT", "READ_CRASHED", "0 features", "1 features")


@pytest.mark.parametrize("trusted", [False, True])
def test_deep_collections(sealed: Path, trusted: bool) -> None:
    """Geometry collections in each other, a hundred thousand deep, in a gpkg: GEOS would end this process."""
    path = sealed / "x.gpkg"
    gpd.GeoDataFrame({"a": [1, 2]}, geometry=[shapely.box(80, 40, 81, 41)] * 2, crs=4490).to_file(
        path, SPATIAL_INDEX="NO"
    )
    nest = struct.pack("<BII", 1, 7, 1) * 100_000 + struct.pack("<BIdd", 1, 1, 80.0, 40.0)
    with sqlite3.connect(path) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f'DROP TRIGGER "{name}"')
        connection.execute("UPDATE x SET geom = ? WHERE a = 1", [b"GP\x00\x01" + struct.pack("<i", 4490) + nest])
    connection.close()
    [source] = read(path, limits=BOUND, trusted=trusted)
    assert [shapely.get_type_id(geom) for geom in source.geoms] == [-1, 3]
    assert [(item.code, item.feature) for item in source.findings if item.severity == "error"] == [
        ("GEOMETRY_UNREADABLE", "row:1")
    ]


NAMES = ['x"; DROP TABLE 好; --', "../../etc/passwd", "x' OR '1'='1", "a\"b'c`d]e", "$(touch canary)", "CON", "%s%n"]


def test_names_of_layers_and_columns_are_names_only(sealed: Path) -> None:
    path = sealed / "x.gpkg"
    for number, name in enumerate(NAMES):
        frame = gpd.GeoDataFrame({name: ["值"]}, geometry=[shapely.box(80, 40, 81, 41)], crs=4490)
        frame.to_file(path, layer=f"坏{number}", SPATIAL_INDEX="NO")
    with sqlite3.connect(path) as connection:  # GDAL itself writes no such names
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f'DROP TRIGGER "{trigger}"')
        for number, name in enumerate(NAMES):
            quoted = name.replace('"', '""')
            connection.execute(f'ALTER TABLE 坏{number} RENAME TO "{quoted}"')
            for table in ("gpkg_contents", "gpkg_geometry_columns", "gpkg_ogr_contents"):
                connection.execute(f"UPDATE {table} SET table_name = ? WHERE table_name = ?", [name, f"坏{number}"])
    connection.close()
    before = path.read_bytes()
    assert [source.layer for source in read(path)] == NAMES
    for name in NAMES:
        [source] = read(path, layer=name)
        assert source.frame[name].tolist() == ["值"]
    assert path.read_bytes() == before


def test_huge_counts_in_wkb_and_in_parquet(sealed: Path) -> None:
    """A polygon of four billion rings, and a table of a billion rows in a few bytes."""
    geo = {"version": "1.0.0", "primary_column": "g", "columns": {"g": {"encoding": "WKB", "geometry_types": []}}}
    schema = pa.schema([pa.field("g", pa.binary())], metadata={b"geo": json.dumps(geo).encode()})
    wkb = [struct.pack("<BII", 1, kind, 2**32 - 1) for kind in (2, 3, 6, 7, 8, 10)]
    pq.write_table(pa.table({"g": wkb}, schema=schema), sealed / "x.parquet")
    [source] = read(sealed / "x.parquet", limits=BOUND)
    assert [f.code for f in source.findings] == ["GEOMETRY_UNREADABLE"] * len(wkb)
    many = pa.array([None], pa.binary()).take(pa.nulls(11_000_000, pa.int32()))
    pq.write_table(pa.table({"g": many}, schema=schema), sealed / "x.parquet")
    assert "max_features" in refused(sealed / "x.parquet", "LIMIT_EXCEEDED", limits=BOUND)
