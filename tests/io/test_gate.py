"""What is let in: content against name, zips, limits, broken files."""

from __future__ import annotations

import sqlite3
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pytest

from controllines.errors import InputError
from controllines.io import Limits, files, gate, read

VRT = (
    '<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer>'
    "</OGRVRTDataSource>"
)


def refused(path: Path, code: str, **options: object) -> str:
    with pytest.raises(InputError, match=code) as caught:
        read(path, **options)  # type: ignore[arg-type]
    assert caught.value.finding.code == code
    assert caught.value.finding.fix
    assert caught.value.finding.source == str(path)
    return caught.value.finding.message


@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize("name", ["x.geojson", "x.json", "x.gpkg", "x.shp", "x.parquet", "x.zip", "x.txt"])
def test_disguised_vrt(tmp_path: Path, name: str, trusted: bool) -> None:
    path = tmp_path / name
    path.write_text(VRT)
    assert "XML" in refused(path, "FILE_FORMAT_MISMATCH", trusted=trusted)


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


@pytest.mark.parametrize("name", ["x.txt", "x.shp", "x.gpkg", "x.geojson", "x.parquet", "x.zip"])
def test_empty_and_missing_files(tmp_path: Path, name: str) -> None:
    refused(tmp_path / name, "FILE_NOT_FOUND")
    (tmp_path / name).touch()
    refused(tmp_path / name, "FILE_EMPTY")
    (tmp_path / "folder" / name).mkdir(parents=True)
    refused(tmp_path / "folder" / name, "FILE_FORMAT_MISMATCH")


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


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".parquet"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("trusted", [False, True])
def test_truncated_files(written: Callable[[str], Path], suffix: str, share: float, trusted: bool) -> None:
    path = written(suffix)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    refused(path, "FILE_CORRUPT", trusted=trusted)


@pytest.mark.parametrize(("limit", "value"), [("max_file_bytes", 10), ("max_features", 2)])
@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".parquet", ".shp"])
def test_limits_are_named(written: Callable[[str], Path], suffix: str, limit: str, value: int) -> None:
    assert f"{limit}（{value}）" in refused(written(suffix), "LIMIT_EXCEEDED", limits=Limits(**{limit: value}))


def test_features_of_a_survey_file_are_limited_too(
    tmp_path: Path, writer: Callable[..., str], counties: gpd.GeoDataFrame
) -> None:
    path = tmp_path / "x.txt"
    path.write_text(writer(counties.geometry[0], counties.geometry[2]), encoding="utf-8")
    assert "max_features（1）" in refused(path, "LIMIT_EXCEEDED", limits=Limits(max_features=1))


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


def zipped(path: Path, *members: Path, **renamed: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in members:
            for file in sorted(member.rglob("*")) if member.is_dir() else [member]:
                name = file.relative_to(member.parent).as_posix()
                archive.write(file, renamed.get(name.rpartition(".")[2], name))
    return path


def test_zipped_shapefile_and_geodatabase(
    tmp_path: Path, written: Callable[[str], Path], counties: gpd.GeoDataFrame
) -> None:
    shp = written(".shp")
    path = zipped(tmp_path / "申请.zip", *files.parts(shp))
    [source] = read(path)
    assert (source.path, source.driver, source.layer) == (path, "ESRI Shapefile", None)
    assert list(source.frame["XZQMC"]) == ["巴楚县", "托克逊县", "乌苏市"]
    assert source.crs is not None
    counties.dropna().to_file(tmp_path / "三线.gdb", driver="OpenFileGDB", layer="生态保护红线")
    [source] = read(zipped(tmp_path / "库.gdb.zip", tmp_path / "三线.gdb"))
    assert (source.driver, source.layer, len(source.frame)) == ("OpenFileGDB", "生态保护红线", 2)


def test_zip_of_a_chinese_windows(tmp_path: Path, written: Callable[[str], Path]) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for part in files.parts(written(".shp")):
            info = zipfile.ZipInfo("数据/县".encode("gbk").decode("cp437") + part.suffix.upper())
            archive.writestr(info, part.read_bytes())
    data = path.read_bytes().replace("数据/县".encode("gbk").decode("cp437").encode(), "数据/县".encode("gbk"))
    assert len(data) <= path.stat().st_size
    assert list(read(path)[0].frame["XZQDM"]) == ["653130", "650422", "654202"]


@pytest.mark.parametrize("name", ["../../outside.shp", "/etc/x.shp", "a/../../x.shp", "C:/x.shp", "..\\..\\x.shp"])
def test_zip_slip(tmp_path: Path, written: Callable[[str], Path], name: str) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    path = zipped(inside / "x.zip", *files.parts(written(".shp")))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, b"x")
    before = sorted(tmp_path.rglob("*"))
    refused(path, "ZIP_UNSAFE")
    assert sorted(tmp_path.rglob("*")) == before


def test_symlink_in_a_zip(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    link = zipfile.ZipInfo("x.shp")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "符号链接" in refused(path, "ZIP_UNSAFE")


def test_oversized_zips(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.shp", bytes(10_000_000))
        archive.writestr("x.dbf", b"x")
    assert path.stat().st_size < 100_000
    assert "max_unzipped_bytes" in refused(path, "LIMIT_EXCEEDED", limits=Limits(max_unzipped_bytes=1_000_000))
    assert "max_zip_members" in refused(path, "LIMIT_EXCEEDED", limits=Limits(max_zip_members=1))


def test_a_zip_without_data(tmp_path: Path, written: Callable[[str], Path]) -> None:
    shp = written(".shp")
    assert "县.dbf" in refused(zipped(tmp_path / "none.zip", shp.with_suffix(".dbf")), "ZIP_CONTENTS")
    refused(zipped(tmp_path / "half.zip", shp, shp.with_suffix(".dbf")), "FILE_PART_MISSING")


def test_broken_zips(tmp_path: Path, written: Callable[[str], Path]) -> None:
    path = zipped(tmp_path / "x.zip", *files.parts(written(".shp")))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    refused(path, "FILE_CORRUPT")
    path.write_bytes(data[:60] + bytes(40) + data[100:])
    refused(path, "FILE_CORRUPT")
