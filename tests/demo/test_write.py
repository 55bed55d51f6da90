"""The files of the demo county are as offices hand them in, and each says that it is synthetic."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pyogrio
import pytest

from controllines.demo import DemoFiles
from controllines.demo.write import sheet_number
from tests.demo.conftest import NOTICE, read_txt


def test_texts_follow_the_exchange_format(demo: DemoFiles) -> None:
    encodings = []
    holes = 0
    for path in sorted(demo.applications.glob("*.txt")):
        data = path.read_bytes()
        encodings.append({b"\xef\xbb": "utf-8-sig", b"\xff\xfe": "utf-16"}.get(data[:2], "gbk"))
        if "戈壁物流仓库" in path.name:
            last = data.decode("gbk").splitlines()[-1]
            assert last.count(",") == 2  # number, ring, half a northing
            continue
        header, found = read_txt(path)
        assert NOTICE in header
        zone = header.split("带号=")[1].split("\r")[0]
        for head, shape in found:
            rings = [shape.exterior, *shape.interiors]
            assert int(head[0]) == sum(len(ring.coords) for ring in rings)
            assert head[4] == "面"
            assert head[5].startswith("K45G")
            assert all(f"{east:.0f}".startswith(zone) for ring in rings for east, _ in ring.coords)
            assert not shape.exterior.is_ccw
            corner = max(ring_point[1] - ring_point[0] for ring_point in shape.exterior.coords)
            first = shape.exterior.coords[0]
            assert first[1] - first[0] == corner  # begins in the north-west
            holes += len(shape.interiors)
    assert holes == 1
    assert {name: encodings.count(name) for name in set(encodings)} == {"gbk": 28, "utf-8-sig": 1, "utf-16": 1}


def test_shapefile_is_gbk(demo: DemoFiles) -> None:
    (path,) = demo.applications.glob("*.zip")
    with zipfile.ZipFile(path) as archive:
        files = {Path(name).suffix: archive.read(name) for name in archive.namelist()}
    assert set(files) == {".shp", ".shx", ".dbf", ".prj", ".cpg"}
    assert files[".cpg"].strip() == b"GBK"
    assert "园区标准化厂房".encode("gbk") in files[".dbf"]


@pytest.mark.parametrize(
    ("lon", "lat", "number"),
    [(88.5996, 42.7766, "K45G030074"), (78.502, 39.778, "J44G006009")],  # samples of the exchange format
)
def test_sheet_numbers(lon: float, lat: float, number: str) -> None:
    assert sheet_number(lon, lat) == number


def test_every_file_says_that_it_is_synthetic(demo: DemoFiles) -> None:
    assert "synthetic = true" in demo.plan.read_text(encoding="utf-8")
    assert NOTICE in demo.plan.read_text(encoding="utf-8")
    assert NOTICE in (demo.plan.parents[1] / "说明.md").read_text(encoding="utf-8")
    (path,) = demo.applications.glob("*.geojson")
    assert json.loads(path.read_text(encoding="utf-8"))["description"] == NOTICE
    (plan,) = demo.plan.parent.glob("*.gpkg")
    assert pyogrio.read_info(plan, layer="STBHHX")["layer_metadata"]["notice"] == NOTICE
