"""Rings to polygons: by containment, never by ring number."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controllines.io import Source, read
from tests.builders import noted

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


@st.composite
def parcels(draw: st.DrawFn) -> shapely.MultiPolygon:
    """Cells of a grid: each empty or a quadrilateral, with a hole, with an island in the hole."""
    polygons = []
    for cell in draw(st.lists(st.integers(0, 24), min_size=1, max_size=5, unique=True)):
        x, y = ORIGIN + 1000 * np.array(divmod(cell, 5))
        jitter = draw(st.lists(st.integers(0, 40_000), min_size=8, max_size=8))
        dx, dy = np.array(jitter[:4]) / 1000, np.array(jitter[4:]) / 1000
        corners = np.column_stack([x + [0, 900, 900, 0] + dx, y + [0, 0, 900, 900] + dy])
        depth = draw(st.integers(0, 2))
        holes = [shapely.box(x + 200, y + 200, x + 700, y + 700).exterior] if depth else []
        polygons.append(shapely.Polygon(np.round(corners, 3), holes))
        if depth == 2:
            polygons.append(shapely.box(x + 300, y + 300, x + 600, y + 600))
    return shapely.MultiPolygon(polygons)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    drawn=st.lists(parcels(), min_size=1, max_size=3),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be", "gbk"]),
)
def test_what_is_written_is_read(drawn: list[shapely.MultiPolygon], encoding: str, writer: Writer, save: Save) -> None:
    [source] = read(save(writer(*drawn), encoding))
    assert all(shapely.is_valid(source.geoms))
    for got, wanted in zip(source.geoms, drawn, strict=True):
        assert shapely.equals(got, wanted)
    assert list(source.frame["地块编号"]) == [str(k) for k in range(1, len(drawn) + 1)]
    assert {f.code for f in source.findings} <= {"ENCODING_GUESSED"}
