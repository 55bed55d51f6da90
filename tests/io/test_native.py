"""Files on which GDAL's bindings ended the worker process; found by the fuzzer, each is now read or refused by name."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import geopandas as gpd
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import pytest

from controllines.errors import InputError
from controllines.io import read


def refusal(path: Path, **options: bool) -> str:
    with pytest.raises(InputError) as raised:
        read(path, **options)
    return raised.value.finding.code


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
    assert refusal(path, trusted=trusted) == "FILE_CORRUPT"


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
    assert refusal(path) == "PARQUET_NOT_GEO"


def test_two_parquet_columns_of_one_name(tmp_path: Path, counties: gpd.GeoDataFrame) -> None:
    path = tmp_path / "a.parquet"
    counties.to_parquet(path)
    table = pq.read_table(path)
    twice = pa.table([table.column(n) for n in (0, 0, 3)], names=["XZQDM", "XZQDM", "geometry"])
    pq.write_table(twice.replace_schema_metadata(table.schema.metadata), path)
    [source] = read(path)
    assert list(source.frame.columns) == ["XZQDM", "XZQDM_2"]
    assert source.frame.iloc[2].tolist() == ["654202", "654202"]
