"""When a bulk read breaks, fiona reads record by record: one bad record costs one record."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fiona
import geopandas as gpd
import pyogrio
import pytest
import shapely

from controllines.errors import InputError
from controllines.io import read


@pytest.fixture
def path(tmp_path: Path, counties: gpd.GeoDataFrame) -> Path:
    file = tmp_path / "县.gpkg"
    counties.to_file(file, driver="GPKG", SPATIAL_INDEX="NO")
    return file


@pytest.mark.parametrize("trusted", [False, True])
def test_mixed_geometries_with_heights(tmp_path: Path, trusted: bool) -> None:
    """A gpkg says GEOMETRY with z = 1; pyogrio has no name for that type and refuses all layers of the file."""
    path = tmp_path / "x.gpkg"
    box = shapely.force_3d(shapely.box(26543000, 4405000, 26543300, 4405200), 7)
    shapes = [box, None, shapely.MultiPolygon([box]), shapely.LineString([(0, 0, 1), (1, 1, 1)])]
    frame = gpd.GeoDataFrame({"编号": ["1", "2", "3", "4"], "面积": [1.5, None, 3, 4]}, geometry=shapes, crs=4514)
    frame.to_file(path, driver="GPKG", geometry_type="Unknown", layer="甲")
    frame[:1].to_file(path, driver="GPKG", layer="乙")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE gpkg_geometry_columns SET z = 1 WHERE table_name = '甲'")
    connection.close()
    with pytest.raises(pyogrio.errors.GeometryError):
        pyogrio.list_layers(path)
    one, two = read(path, trusted=trusted)
    assert (one.layer, two.layer) == ("甲", "乙")
    assert one.frame["编号"].tolist() == ["1", "2", "3", "4"]
    assert one.frame["面积"].dropna().tolist() == [1.5, 3, 4]
    assert shapely.area([g for g in one.geoms if g is not None]).tolist() == [60_000, 60_000, 0]
    assert one.geoms[1] is None
    assert not shapely.has_z(one.geoms).any()
    assert one.crs is not None
    assert one.crs.to_epsg(20) == 4514
    assert [source.layer for source in read(path, layer="甲", trusted=trusted)] == ["甲"]


def test_a_bad_record_is_named_and_the_others_are_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second record of three breaks whoever reads it."""

    def breaks(*_: object, **__: object) -> None:
        raise pyogrio.errors.FeatureError("feature 2")

    inner = fiona.Collection.__iter__

    def records(self: Any) -> Iterator[Any]:
        return Broken(inner(self))

    monkeypatch.setattr(pyogrio, "read_arrow", breaks)
    monkeypatch.setattr(fiona.Collection, "__iter__", records)
    [source] = read(path, trusted=True)
    assert source.frame["XZQDM"].tolist()[::2] == ["653130", "654202"]
    assert [geometry is None for geometry in source.geoms] == [False, True, False]
    [found] = source.findings
    assert (found.code, found.feature, found.actual) == ("RECORD_UNREADABLE", "row:2", "half a blob")


class Broken:
    """An iterator like fiona's: it goes on after the record that raised."""

    def __init__(self, records: Iterator[Any]) -> None:
        self.records, self.row = records, 0

    def __iter__(self) -> Broken:
        return self

    def __next__(self) -> Any:
        self.row += 1
        record = next(self.records)
        if self.row == 2:
            raise ValueError("half a blob")
        return record


def test_a_damaged_geometry_costs_one_record(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f'DROP TRIGGER "{name}"')
        connection.execute("UPDATE 县 SET geom = substr(geom, 1, 60) WHERE fid = 1")
        connection.execute("UPDATE 县 SET geom = x'47500001' WHERE fid = 2")
    connection.close()
    [source] = read(path)
    assert [geometry is None for geometry in source.geoms] == [True, True, False]
    assert source.geoms[2].area == 10_000
    assert [(f.code, f.feature) for f in source.findings] == [("GEOMETRY_UNREADABLE", "row:1")]


def test_nothing_at_all_can_be_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise pyogrio.errors.DataLayerError("no")

    def closed(*_: object, **__: object) -> None:
        raise fiona.errors.DriverError("not at all")

    monkeypatch.setattr(pyogrio, "read_arrow", breaks)
    opening = fiona.open
    monkeypatch.setattr(fiona, "open", lambda *a, **k: closed() if "layer" in k else opening(*a, **k))
    with pytest.raises(InputError, match=r"FILE_CORRUPT.*not at all"):
        read(path, trusted=True)
