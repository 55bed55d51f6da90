"""Which files a call means, and what identifies them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import geopandas as gpd
import pytest

from controllines.errors import InputError
from controllines.io import as_written, find_files, read
from controllines.io.files import to_disk


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (
        "b.txt", "a/c.GPKG", "a/deep/d.geojson", "a/s.shp", "a/s.dbf", "a/s.shx", "a/s.prj", "a/s.shp.xml", "a/s.cpg",
        "x.gdb/a00000001.gdbtable", "x.gdb/gdb", ".hidden/e.txt", ".f.txt", "plan.toml", "README.md", "alt.rar",
        "q.gpkg-wal", "表.xlsx",
    ):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path


def names(folder: Path, *paths: str | Path) -> list[str]:
    return [file.relative_to(folder).as_posix() for file in find_files(paths)]


def test_folder_at_any_depth(folder: Path) -> None:
    expected = ["a/c.GPKG", "a/deep/d.geojson", "a/s.shp", "alt.rar", "b.txt", "x.gdb", "表.xlsx"]
    assert names(folder, folder) == expected
    assert names(folder, folder, folder / "b.txt", str(folder / "a")) == expected


def test_patterns(folder: Path) -> None:
    assert names(folder, str(folder / "*.txt")) == ["b.txt"]
    assert names(folder, str(folder / "**/*.geojson")) == ["a/deep/d.geojson"]
    assert names(folder, str(folder / "a*")) == ["a/c.GPKG", "a/deep/d.geojson", "a/s.shp", "alt.rar"]
    assert names(folder, str(folder / "**/*")) == names(folder, folder)


def test_a_name_that_looks_like_a_pattern(folder: Path) -> None:
    (folder / "[1].txt").write_bytes(b"x")
    assert names(folder, folder / "[1].txt") == ["[1].txt"]


def test_a_file_named_by_the_user_is_listed_whatever_it_is(folder: Path) -> None:
    assert names(folder, folder / "plan.toml") == ["plan.toml"]


@pytest.mark.parametrize("path", ["nothing.txt", "*.kml", "no/where"])
def test_what_does_not_exist_is_an_error(folder: Path, path: str) -> None:
    with pytest.raises(InputError, match="FILE_NOT_FOUND") as caught:
        find_files([folder / path])
    assert caught.value.finding.fix


def test_sha256_of_one_file_and_of_several(tmp_path: Path, counties: gpd.GeoDataFrame) -> None:
    path = tmp_path / "县.geojson"
    path.write_text(counties.to_json(), encoding="utf-8")
    assert read(path)[0].sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    shp = tmp_path / "s.shp"
    counties.to_file(shp, encoding="utf-8")
    lines = [
        f"s{suffix} {hashlib.sha256(shp.with_suffix(suffix).read_bytes()).hexdigest()}\n"
        for suffix in (".cpg", ".dbf", ".prj", ".shp", ".shx")
    ]
    assert read(shp)[0].sha256 == hashlib.sha256("".join(lines).encode()).hexdigest()


FILES = ["$(touch canary)", "a;b", "'", "&", "%00", "a!b", "-h", "~", *(["a\nb"] if os.name == "posix" else [])]


@pytest.mark.parametrize("trusted", [False, True])
def test_names_of_files_are_names_only(sealed: Path, trusted: bool) -> None:
    for name in FILES:
        for earlier in sealed.iterdir():
            earlier.unlink()
        (sealed / f"{name}.geojson").write_text('{"type":"Point","coordinates":[80,40]}')
        [source] = read(*find_files([sealed]), trusted=trusted)
        assert source.path.name == f"{name}.geojson"
        assert len(source.geoms) == 1


def test_a_path_written_on_windows_leads_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "规划").mkdir()
    (tmp_path / "规划" / "a.gdb").touch()
    for text in ("规划\\a.gdb", "规划/a.gdb", ".\\规划\\a.gdb"):
        assert (tmp_path / as_written(text)).exists()


def test_what_goes_to_the_disk_is_open_for_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows flushes nothing else, and no folder at all."""
    fcntl = pytest.importorskip("fcntl")
    seen: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda handle: seen.append(fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_ACCMODE))
    (tmp_path / "a").write_bytes(b"x")
    to_disk(tmp_path / "a")
    to_disk(tmp_path)
    assert seen == [os.O_RDWR, os.O_RDONLY]
