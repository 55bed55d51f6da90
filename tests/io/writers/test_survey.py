"""The strict writer: the published sample line by line, and a round trip that changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controllines.crs import gauss_kruger
from controllines.errors import CRSError
from controllines.io import read
from controllines.io.writers import Header
from controllines.io.writers.survey import by_zone, survey_text, unfit, zone_of_crs
from tests.io.dialects import Plot, normal, plots
from tests.io.writers.conftest import HOLE, SHELL, sheet, solar, written

SAMPLE = """[属性描述]
格式版本号=1.01版本
数据产生单位=
数据产生日期=2026-11-20
坐标系=2000国家大地坐标系
几度分带=3
投影类型=高斯克吕格
计量单位=米
带号=30
精度=0.001
转换参数=,,,,,,
[地块坐标]
10,11.0000,1,托克逊县XX光伏项目,面,K45G030074,公用设施用地,,@
J1,1,4738300.000,30385000.000
J2,1,4738300.000,30385400.000
J3,1,4738000.000,30385400.000
J4,1,4738000.000,30385000.000
J1,1,4738300.000,30385000.000
J5,2,4738200.000,30385150.000
J6,2,4738200.000,30385250.000
J7,2,4738100.000,30385250.000
J8,2,4738100.000,30385150.000
J5,2,4738200.000,30385150.000
"""


ATTRIBUTES = {"DKBH": ["1"], "DKMC": ["托克逊县XX光伏项目"], "图幅号": ["K45G030074"], "YT": ["公用设施用地"]}


def test_the_published_sample() -> None:
    text = survey_text(sheet(solar(), **ATTRIBUTES), Header(date="2026-11-20"))
    assert text == SAMPLE.replace("\n", "\r\n")


@pytest.mark.parametrize(("epsg", "east"), [(4539, 385_000), (4518, 30_385_000)])
def test_with_and_without_prefix_give_the_same_file(epsg: int, east: float) -> None:
    [zoned] = by_zone(sheet(solar(east), crs=epsg, **ATTRIBUTES))
    assert survey_text(zoned, Header(date="2026-11-20")) == SAMPLE.replace("\n", "\r\n")


def test_longitude_and_latitude_go_to_their_own_zones() -> None:
    """Two plots on either side of 88.5°E (托克逊)."""
    frame = gpd.GeoSeries([solar(), solar()], crs=4518).to_crs(4490)
    moved = shapely.transform(frame[1], lambda xy: xy - [0.5, 0])
    parts = by_zone(sheet(frame[0], moved, crs=4490, DKBH=["a", "b"]))
    assert [part.crs.to_epsg() for part in parts if part.crs is not None] == [4517, 4518]
    assert [list(part.frame["DKBH"]) for part in parts] == [["b"], ["a"]]
    assert shapely.equals_exact(parts[1].geoms[0], solar(), tolerance=1e-6)


@pytest.mark.parametrize(
    ("crs", "expected"),
    [
        (4518, (30, 3)), (4539, (30, 3)), (4492, (14, 6)), (4503, (14, 6)), (4490, None), (32645, None),
        (gauss_kruger(24, prefix=True), (24, 3)), (gauss_kruger(24), (24, 3)), (2354, (30, 3)),
    ],
)  # fmt: skip
def test_zones(crs: object, expected: tuple[int, int] | None) -> None:
    assert zone_of_crs(pyproj.CRS.from_user_input(crs)) == expected


def test_what_has_no_zone_here_is_an_error() -> None:
    paris = shapely.box(2.2, 48.8, 2.3, 48.9)
    with pytest.raises(CRSError, match="WRITE_ZONE"):
        by_zone(sheet(paris, crs=4490))
    with pytest.raises(CRSError, match="CRS_PREFIX_CONTRADICTS"):
        by_zone(sheet(solar(26_385_000), crs=4518))
    with pytest.raises(CRSError, match="CRS_NEEDS_PARAMETERS"):
        by_zone(sheet(solar(), crs=2354))


def test_rings_that_would_not_come_back_are_unfit() -> None:
    outside = shapely.Polygon(SHELL, [[(500, 0), (600, 0), (600, 100), (500, 100)]])
    crossing = shapely.Polygon(SHELL, [[(300, 100), (500, 100), (500, 200), (300, 200)]])
    thin = shapely.Polygon(SHELL, [[(x + 0.0002, y + 0.0002) for x, y in SHELL]])
    bowtie = shapely.Polygon([(0, 0), (100, 100), (100, 0), (0, 100)])
    good = shapely.Polygon(SHELL, [HOLE])
    shapes = [shapely.transform(g, lambda xy: xy + [30_385_000, 4_738_000])
              for g in (outside, crossing, thin, bowtie, good)]  # fmt: skip
    assert unfit(sheet(*shapes), Header()).tolist() == [True, True, True, False, False]


def test_names_keep_the_grammar_whole() -> None:
    given_ = sheet(solar(), DKBH=["1,2"], DKMC=["甲\n乙，丙,丁@"], YT=["a,b"])
    text = survey_text(given_, Header())
    assert "10,11.0000,1，2,甲 乙，丙，丁@,面,,a，b,,@\r\n" in text


def test_lines_and_points_of_surveys(tmp_path: Path) -> None:
    base = np.array([30_385_000, 4_738_000])
    lines = shapely.MultiLineString([base + [[0, 0], [100, 50]], base + [[200, 0], [300, 0], [300, 10]]])
    points = shapely.MultiPoint(base + [[1, 1], [2, 2]])
    given_ = sheet(lines, points, shapely.LineString(lines.geoms[0]), shapely.Point(base), DKBH=list("abcd"))
    path = tmp_path / "a.txt"
    written(path, given_)
    [source] = read(path)
    assert [geom.geom_type for geom in source.geoms] == ["MultiLineString", "MultiPoint", "LineString", "Point"]
    assert all(shapely.equals_identical(one, two) for one, two in zip(source.geoms, given_.geoms, strict=True))
    assert source.frame["declared_area_m2"].isna().all()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    drawn=st.integers(1, 3).flatmap(lambda n: st.tuples(*(plots(k) for k in range(n)))),
    zone=st.sampled_from([(24, 3), (26, 3), (30, 3), (13, 6), (14, 6)]),
    decimals=st.sampled_from([3, 4, 8]),
)
def test_write_and_read_changes_nothing(
    drawn: tuple[Plot, ...], zone: tuple[int, int], decimals: int, save: Callable[..., Path]
) -> None:
    geoms = [plot.geometry((zone[0] * 1000 + 500) * 1_000_000) for plot in drawn]
    attributes = {"DKBH": [p.id for p in drawn], "DKMC": [p.name for p in drawn], "YT": [p.use for p in drawn]}
    crs = gauss_kruger(zone[0], degrees=zone[1], prefix=True)
    given_ = sheet(*geoms, crs=crs, **attributes)  # type: ignore[arg-type]
    assert not unfit(given_, Header(decimals=decimals)).any()
    path = save("", name="a.txt")
    path.write_bytes(survey_text(given_, Header(decimals=decimals)).encode("gbk"))
    [source] = read(path)
    for got, wanted in zip(source.geoms, geoms, strict=True):
        assert normal(got) == normal(wanted)
    assert source.crs == crs
    assert source.resolution_m == pytest.approx(10.0**-decimals)
    for column, role in (("地块编号", "DKBH"), ("地块名称", "DKMC"), ("地块用途", "YT")):
        assert list(source.frame[column]) == attributes[role]
    hectares = source.frame["declared_area_m2"].to_numpy() / 10_000
    assert hectares == pytest.approx([geom.area / 10_000 for geom in geoms], abs=0.5001e-4)
    assert {f.code for f in source.findings} <= {"ENCODING_GUESSED"}
