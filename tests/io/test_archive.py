"""Zips: what is read from them, what is refused, and that nothing is passed over in silence."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from controllines.errors import InputError
from controllines.io import Limits, files, read
from tests.io.conftest import BOUND, refused

SQUARE = {"type": "Polygon", "coordinates": [[[80, 40], [81, 40], [81, 41], [80, 41], [80, 40]]]}
GEOJSON = json.dumps({"type": "Feature", "properties": {"地块编号": "1"}, "geometry": SQUARE})


def archive(path: Path, **members: str | bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in members.items():
            book.writestr(name, content)
    return path


def test_several_data_sets_are_sources_of_their_own(
    tmp_path: Path, counties: gpd.GeoDataFrame, writer: Callable[..., str]
) -> None:
    counties.to_file(tmp_path / "红线.shp", encoding="utf-8")
    counties.iloc[:1].to_file(tmp_path / "库.gdb", driver="OpenFileGDB", layer="DLTB")
    path = archive(
        tmp_path / "报件.zip",
        **{"子/地块.geojson": GEOJSON, "界址点.txt": writer(shapely.box(26543000, 4405000, 26543300, 4405200))},
    )
    with zipfile.ZipFile(path, "a") as book:
        for part in files.parts(tmp_path / "红线.shp"):
            book.write(part, f"子/{part.name.upper()}")
        for part in (tmp_path / "库.gdb").iterdir():
            book.write(part, f"库.gdb/{part.name}")
    sources = read(path)
    assert [(s.path.relative_to(tmp_path).as_posix(), s.layer, s.driver, len(s.geoms)) for s in sources] == [
        ("报件.zip!子/地块.geojson", None, "GeoJSON", 1),
        ("报件.zip!子/红线.SHP", None, "ESRI Shapefile", 3),
        ("报件.zip!库.gdb", "DLTB", "OpenFileGDB", 1),
        ("报件.zip!界址点.txt", None, "TXT", 1),
    ]
    assert len({s.sha256 for s in sources}) == 1
    assert [s.driver for s in read(path, layer="地块")] == ["GeoJSON"]
    assert [s.driver for s in read(path, layer="DLTB")] == ["OpenFileGDB"]
    refused(path, "LAYER_UNKNOWN", layer="没有")


@pytest.mark.parametrize("name", ["数据.geojson", "深/深/数据.GeoJSON"])
def test_one_data_set_keeps_the_name_of_the_zip(tmp_path: Path, name: str) -> None:
    [source] = read(archive(tmp_path / "a.zip", **{name: GEOJSON}))
    assert source.path == tmp_path / "a.zip"
    assert source.findings == ()


def test_documents_beside_the_data_are_named(tmp_path: Path) -> None:
    members = {"a.geojson": GEOJSON, "说明.txt": "请查收", "批复.pdf": b"%PDF", "面积.xlsx": b"PK", "x.prj": "x"}
    [source] = read(archive(tmp_path / "a.zip", **members))
    [found] = source.findings
    assert found.code == "ZIP_MEMBERS_IGNORED"
    assert found.actual == "批复.pdf、说明.txt、面积.xlsx"


def test_text_alone_is_data(tmp_path: Path, writer: Callable[..., str]) -> None:
    text = writer(shapely.box(26543000, 4405000, 26543300, 4405200))
    [source] = read(archive(tmp_path / "a.zip", **{"地块.txt": text.encode("gb18030")}))
    assert source.geoms[0].area == 60_000
    refused(archive(tmp_path / "b.zip", **{"说明.txt": "请查收"}), "TXT_NOT_SURVEY")


@pytest.mark.parametrize("inner", ["内.zip", "内.RAR", "子/内.7z", "内.tar.gz"])
def test_archives_in_archives(tmp_path: Path, inner: str) -> None:
    assert inner in refused(archive(tmp_path / "a.zip", **{"a.geojson": GEOJSON, inner: b"PK"}), "ZIP_NESTED")


def test_no_data(tmp_path: Path) -> None:
    assert "批复.pdf" in refused(archive(tmp_path / "a.zip", **{"批复.pdf": b"%PDF"}), "ZIP_CONTENTS")
    refused(archive(tmp_path / "b.zip", **{"文件夹/": b""}), "ZIP_CONTENTS")


def test_one_broken_member_is_named(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", **{"好.geojson": GEOJSON, "坏.geojson": GEOJSON[:50]})
    with pytest.raises(InputError, match="FILE_CORRUPT") as caught:
        read(path)
    assert str(caught.value.finding.source) == f"{path}!坏.geojson"


@pytest.mark.parametrize(
    "name",
    ["../x.geojson", "/etc/x.geojson", "a/../../x.geojson", "C:/x.geojson", "..\\x.geojson", "x.gdb/C:a.gdbtable",
     "x.gdb/a:b.gdbtable"],
)  # fmt: skip
def test_names_that_leave_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "子").mkdir()
    refused(archive(tmp_path / "子" / "a.zip", **{"好.geojson": GEOJSON, name: GEOJSON}), "ZIP_UNSAFE")
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a.zip", "子"]


def claiming(path: Path, size: int, claimed: int) -> Path:
    """A zip whose only member is of this size and says another."""
    data = path.read_bytes()
    assert data.count(size.to_bytes(4, "little")) == 2  # before the member, and in the list of contents
    path.write_bytes(data.replace(size.to_bytes(4, "little"), claimed.to_bytes(4, "little")))
    return path


def test_a_bomb_of_zeros_is_refused_unopened(tmp_path: Path) -> None:
    """300 MiB in a thousand bytes; nothing that offices send shrinks so far."""
    path = archive(tmp_path / "a.zip", **{"a.geojson": bytes(300_001)})
    assert "max_zip_ratio（200.0）" in refused(claiming(path, 300_001, 300 * 2**20), "LIMIT_EXCEEDED")


def test_a_member_that_lies_about_its_size(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", **{"a.geojson": GEOJSON + " " * 100_000})
    refused(claiming(path, len(GEOJSON.encode()) + 100_000, 10), "FILE_CORRUPT")


@pytest.mark.parametrize(
    ("limit", "value"), [("max_zip_members", 1), ("max_unzipped_bytes", 100), ("max_file_bytes", 50)]
)
def test_limits(tmp_path: Path, limit: str, value: int) -> None:
    path = archive(tmp_path / "a.zip", **{"a.geojson": GEOJSON, "b.geojson": GEOJSON})
    assert f"{limit}（{value}）" in refused(path, "LIMIT_EXCEEDED", limits=Limits(**{limit: value}))


def test_half_a_zip(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", **{"a.geojson": GEOJSON})
    path.write_bytes(path.read_bytes()[:-30])
    refused(path, "FILE_CORRUPT")


def test_a_zip_of_kmz(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as book:
        book.writestr(
            "doc.kml",
            '<kml xmlns="http://www.opengis.net/kml/2.2"><Placemark><name>一</name><Polygon><outerBoundaryIs>'
            "<LinearRing><coordinates>80,40 81,40 81,41 80,40</coordinates></LinearRing>"
            "</outerBoundaryIs></Polygon></Placemark></kml>",
        )
    [source] = read(archive(tmp_path / "a.zip", **{"a.kmz": inner.getvalue()}))
    assert source.geoms[0].area == 0.5


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


def test_nested_bombs(sealed: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("x.geojson", bytes(50 * 2**20))
    with zipfile.ZipFile(sealed / "x.zip", "w", zipfile.ZIP_DEFLATED) as book:
        for k in range(100):
            book.writestr(f"{k}.zip", inner.getvalue())
    refused(sealed / "x.zip", "ZIP_NESTED", limits=BOUND)


@pytest.mark.skipif(sys.platform == "win32", reason="no symbolic links in zips there")
def test_links_out_of_a_zip(sealed: Path) -> None:
    link = zipfile.ZipInfo("x.geojson")
    link.external_attr = (0o120777) << 16
    with zipfile.ZipFile(sealed / "x.zip", "w") as book:
        book.writestr(link, "/etc/passwd")
    assert "符号链接" in refused(sealed / "x.zip", "ZIP_UNSAFE", limits=BOUND)
