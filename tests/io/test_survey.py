"""Rings to polygons: by containment, never by ring number."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controllines.io import Limits, Source, read
from tests.builders import noted
from tests.io.conftest import encoded, refused
from tests.io.dialects import Dialect, Plot, dialects, normal, plots, text_of

Writer, Save = Callable[..., str], Callable[..., Path]
ORIGIN = np.array([26543000.0, 4405000.0])
HEAD = "{n},6.0000,1,地块,{kind},J44G006009,工业用地,0601,@"


def box(x0: float, y0: float, x1: float, y1: float) -> list[tuple[float, float]]:
    return [(x0, y0), (x0, y1), (x1, y1), (x1, y0), (x0, y0)]


def parcel(*rings: tuple[int, list[tuple[float, float]]], count: object = None, kind: str = "面") -> str:
    rows = [
        f"J{k},{ring},{ORIGIN[1] + y:.3f},{ORIGIN[0] + x:.3f}"
        for ring, points in rings
        for k, (x, y) in enumerate(points, start=1)
    ]
    return "\n".join([HEAD.format(n=len(rows) if count is None else count, kind=kind), *rows])


@pytest.fixture
def parsed(save: Save, writer: Writer) -> Callable[[str], Source]:
    def one(text: str) -> Source:
        [source] = read(save(writer(text)))
        return source

    return one


Parsed = Callable[[str], Source]


def test_hole_by_containment_whatever_its_number_and_order(parsed: Parsed) -> None:
    for rings in itertools.permutations([(1, box(0, 0, 400, 300)), (2, box(150, 100, 250, 200))]):
        source = parsed(parcel(*rings))
        assert shapely.area(source.geoms[0]) == pytest.approx(110_000, abs=1e-3)
        assert len(source.geoms[0].interiors) == 1
        assert noted(source) == []


def test_second_ring_may_be_a_second_part(parsed: Parsed) -> None:
    source = parsed(parcel((1, box(0, 0, 100, 100)), (2, box(200, 0, 250, 100))))
    assert source.geoms[0].geom_type == "MultiPolygon"
    assert shapely.area(source.geoms[0]) == pytest.approx(15_000, abs=1e-3)


def test_island_in_a_hole(parsed: Parsed) -> None:
    source = parsed(parcel((1, box(0, 0, 300, 300)), (2, box(50, 50, 250, 250)), (3, box(100, 100, 200, 200))))
    assert shapely.area(source.geoms[0]) == pytest.approx(90_000 - 40_000 + 10_000, abs=1e-3)
    assert [len(part.interiors) for part in source.geoms[0].geoms] == [1, 0]


def test_all_rings_numbered_one(parsed: Parsed) -> None:
    source = parsed(parcel((1, box(0, 0, 400, 300)), (1, box(150, 100, 250, 200))))
    assert shapely.area(source.geoms[0]) == pytest.approx(110_000, abs=1e-3)


def test_one_ring_through_its_first_point_twice_stays_whole(parsed: Parsed) -> None:
    lobes = [(0, 0), (100, 0), (100, 100), (0, 0), (-100, -100), (-100, 0), (0, 0)]
    source = parsed(parcel((1, lobes)))
    assert shapely.area(shapely.make_valid(source.geoms[0])) == pytest.approx(5_000 + 5_000, abs=1e-3)


def test_hole_touching_its_shell_is_a_hole(parsed: Parsed) -> None:
    source = parsed(parcel((1, box(0, 0, 100, 100)), (2, [(50, 0), (60, 50), (40, 50), (50, 0)])))
    assert shapely.area(source.geoms[0]) == pytest.approx(10_000 - 500, abs=1e-3)


@pytest.mark.parametrize("second", [box(50, 50, 150, 150), box(0, 0, 100, 100)], ids=["crossing", "twice"])
def test_rings_that_cross_or_repeat_are_set_aside_by_name(parsed: Parsed, second: list[tuple[float, float]]) -> None:
    source = parsed(parcel((1, box(0, 0, 100, 100)), (2, second)))
    assert list(source.geoms) == [None]
    assert [(f.code, f.severity, f.feature) for f in source.findings] == [("TXT_RINGS", "error", "1")]


def test_unclosed_ring_is_closed_and_said(parsed: Parsed) -> None:
    source = parsed(parcel((1, box(0, 0, 300, 200)[:-1])))
    assert shapely.area(source.geoms[0]) == pytest.approx(60_000, abs=1e-3)
    assert [(f.code, f.severity, f.actual) for f in source.findings] == [("TXT_RING_CLOSED", "repair", "300.000 米")]
    assert (source.findings[0].x, source.findings[0].y) == tuple(ORIGIN)


@pytest.mark.parametrize(
    ("count", "said"), [(5, []), (4, []), (3, ["TXT_COUNT"]), (99, ["TXT_COUNT"]), ("", ["TXT_COUNT"])]
)
def test_the_count_is_never_trusted(parsed: Parsed, count: object, said: list[str]) -> None:
    source = parsed(parcel((1, box(0, 0, 300, 200)), count=count))
    assert shapely.area(source.geoms[0]) == pytest.approx(60_000, abs=1e-3)
    assert noted(source) == said


def test_lines_and_points_keep_their_kind(parsed: Parsed) -> None:
    path = [(0.0, 0.0), (100.0, 0.0), (100.0, 50.0)]
    line = parsed(parcel((1, path), kind="线")).geoms[0]
    assert line.geom_type == "LineString"
    assert line.length == pytest.approx(150, abs=1e-3)
    assert parsed(parcel((1, path[:1]), kind="点")).geoms[0].equals(shapely.Point(ORIGIN))
    assert parsed(parcel((1, path[:1]), kind="线")).geoms[0] is None


@pytest.mark.parametrize("points", [[(0, 0)], [(0, 0), (100, 0)], [(0, 0), (100, 0), (0, 0)]])
def test_too_few_points_give_a_ring_without_area(parsed: Parsed, points: list[tuple[float, float]]) -> None:
    source = parsed(parcel((1, points), count=len(points)))
    assert source.geoms[0].area == 0
    assert len(source.frame) == 1


def test_several_parcels_count_their_rings_from_one(save: Save, writer: Writer) -> None:
    [source] = read(save(writer(parcel((1, box(0, 0, 10, 10))), parcel((1, box(20, 0, 30, 30))))))
    assert shapely.area(source.geoms) == pytest.approx([100, 300], abs=1e-3)


def test_features_of_a_survey_file_are_limited_too(
    tmp_path: Path, writer: Callable[..., str], counties: gpd.GeoDataFrame
) -> None:
    path = tmp_path / "x.txt"
    path.write_text(writer(counties.geometry[0], counties.geometry[2]), encoding="utf-8")
    assert "max_features（1）" in refused(path, "LIMIT_EXCEEDED", limits=Limits(max_features=1))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(drawn=st.integers(1, 3).flatmap(lambda n: st.tuples(*(plots(k) for k in range(n)))), dialect=dialects())
def test_what_a_dialect_writes_is_read(drawn: tuple[Plot, ...], dialect: Dialect, save: Save) -> None:
    path = save("", name="地块.txt")
    path.write_bytes(encoded(text_of(list(drawn), dialect), dialect.encoding))
    [source] = read(path)
    east = (dialect.zone * dialect.prefix * 1000 + 500) * 1_000_000
    for plot, got in zip(drawn, source.geoms, strict=True):
        assert normal(got) == normal(plot.geometry(east))
    assert list(source.frame["地块编号"]) == [plot.id for plot in drawn]
    assert list(source.frame["地块名称"]) == [plot.name for plot in drawn]
    assert list(source.frame["地块用途"]) == [plot.use for plot in drawn]
    declared = [np.nan if not dialect.area else plot.geometry(0).area for plot in drawn]
    assert source.frame["declared_area_m2"].to_numpy() == pytest.approx(declared, abs=0.51, nan_ok=True)
    assert source.project == ({"项目编号": "P-1", "项目名称": "某某项目"} if dialect.before else {})
    assert source.crs is not None
    assert source.crs.coordinate_operation is not None
    values = {p.name: p.value for p in source.crs.coordinate_operation.params}
    assert values["Longitude of natural origin"] == dialect.zone * dialect.degrees - (3 if dialect.degrees == 6 else 0)
    assert values["False easting"] == dialect.zone * dialect.prefix * 1_000_000 + 500_000
    said = {f.code for f in source.findings}
    assert ("TXT_SWAPPED" in said) == dialect.swapped
    assert ("TXT_RING_CLOSED" in said) == (not dialect.closed)
    assert ("TXT_AREA_UNIT" in said) == (dialect.area == "{m2:.2f}")
    assert not said & {"TXT_RINGS"}
