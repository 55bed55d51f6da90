"""What is let in: content against name, zips, limits, broken files."""

from __future__ import annotations

import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pytest

from controllines.errors import InputError
from controllines.io import Limits, gate, read
from tests.io.conftest import BOUND, KML, bomb, refused


@pytest.mark.parametrize("name", ["x.txt", "x.shp", "x.gpkg", "x.geojson", "x.parquet", "x.zip"])
def test_empty_and_missing_files(tmp_path: Path, name: str) -> None:
    refused(tmp_path / name, "FILE_NOT_FOUND")
    (tmp_path / name).touch()
    refused(tmp_path / name, "FILE_EMPTY")
    (tmp_path / "folder" / name).mkdir(parents=True)
    refused(tmp_path / "folder" / name, "FILE_FORMAT_MISMATCH")


@pytest.fixture
def written(tmp_path: Path, counties: gpd.GeoDataFrame) -> Callable[[str], Path]:
    def write(suffix: str) -> Path:
        path = tmp_path / f"县{suffix}"
        if suffix == ".parquet":
            counties.to_parquet(path)
        else:
            counties.to_file(path, **({"encoding": "gbk"} if suffix == ".shp" else {}))
        return path

    return write


@pytest.mark.parametrize(("limit", "value"), [("max_file_bytes", 10), ("max_features", 2)])
@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".parquet", ".shp"])
def test_limits_are_named(written: Callable[[str], Path], suffix: str, limit: str, value: int) -> None:
    assert f"{limit}（{value}）" in refused(written(suffix), "LIMIT_EXCEEDED", limits=Limits(**{limit: value}))


def test_write_ahead_gpkg_is_copied_and_left_alone(written: Callable[[str], Path]) -> None:
    path = written(".gpkg")
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=wal")
    connection.execute("DROP TRIGGER IF EXISTS trigger_insert_feature_count_县")
    # the last change is in the -wal file only
    connection.execute("UPDATE gpkg_contents SET description='x'")
    connection.commit()
    before = {file.name: file.stat().st_mtime_ns for file in path.parent.iterdir()}
    assert f"{path.name}-wal" in before
    [source] = read(path)
    assert len(source.frame) == 3
    assert {file.name: file.stat().st_mtime_ns for file in path.parent.iterdir()} == before
    connection.close()
    assert len(read(path)[0].frame) == 3
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_nothing_is_written_beside_the_file(written: Callable[[str], Path]) -> None:
    for suffix in (".gpkg", ".shp", ".geojson", ".parquet"):
        path = written(suffix)
        before = sorted(file.name for file in path.parent.iterdir())
        read(path)
        read(path, trusted=True)
        assert sorted(file.name for file in path.parent.iterdir()) == before


def test_a_file_changed_while_it_is_read(written: Callable[[str], Path]) -> None:
    path = written(".geojson")
    with pytest.raises(InputError, match="FILE_CHANGED"), gate.opened(path, Limits()):
        path.write_bytes(path.read_bytes() + b" ")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("suffix", [".kml", ".kmz", ".zip"])
def test_entity_bombs(sealed: Path, suffix: str, encoding: str) -> None:
    data = (bomb() + KML.format("&a9;")).encode(encoding)
    path = sealed / f"x{suffix}"
    if suffix == ".kml":
        path.write_bytes(data)
    else:
        with zipfile.ZipFile(path, "w") as book:
            book.writestr("doc.kml", data)
    refused(path, "XML_UNSAFE", "FILE_FORMAT_MISMATCH", limits=BOUND)


@pytest.mark.parametrize("doctype", ["<!DOCTYPE", "<!doctype", "<! DOCTYPE"])
def test_external_entities(sealed: Path, calls: tuple[str, list[object]], doctype: str) -> None:
    path = sealed / "x.kml"
    for target in ("file:///etc/passwd", calls[0]):
        path.write_text(f'{doctype} kml [<!ENTITY x SYSTEM "{target}">]>{KML.format("&x;")}')
        assert "root:" not in refused(path, "XML_UNSAFE", limits=BOUND)


def test_files_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "x.geojson"
    path.write_text("{}")
    monkeypatch.setattr(Path, "open", denied)  # not by its mode: root may read anything
    with pytest.raises(InputError, match=r"FILE_UNREADABLE.*Permission denied"):
        read(path)
