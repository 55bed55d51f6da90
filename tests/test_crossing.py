"""Crossings: land dealt out to layers, against plain shapely and against sums that must not change."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from controllines import crossing
from controllines.crossing import Crossed, Part, cross, tiled
from controllines.crs import Plane
from controllines.windows import Geometries
from controllines.workers import Workers

PLANE = Plane(88, 43)


def tiles(*geoms: shapely.Geometry) -> crossing.Tiles:
    return tiled(Geometries(np.array(geoms, dtype=object)))


def grid(columns: int, rows: int, size: float = 100.0, shift: float = 0.0) -> list[shapely.Polygon]:
    return [shapely.box(shift + i * size, shift + j * size, shift + (i + 1) * size, shift + (j + 1) * size)
            for j in range(rows) for i in range(columns)]  # fmt: skip


def star(x: float, y: float, radius: float, points: int = 400, seed: int = 1) -> shapely.Polygon:
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * np.pi, points))
    reach = radius * rng.uniform(0.5, 1, points)
    return shapely.Polygon(np.column_stack([x + reach * np.cos(angle), y + reach * np.sin(angle)]))


def table(found: Crossed) -> dict[tuple[int, ...], float]:
    return {(int(f), *map(int, rows)): a for f, rows, a in zip(found.feature, found.rows, found.area_m2, strict=True)}


PATCHES, ZONES = grid(12, 12), grid(3, 2, 450.0, 7.0)
LINE = [star(600, 600, 500), star(300, 900, 250, seed=2), PATCHES[17], PATCHES[40]]


@pytest.fixture(scope="module")
def found() -> Crossed:
    return cross(Part(tiles(*PATCHES)), [Part(tiles(*ZONES)), Part(tiles(*LINE))], PLANE)


def test_every_piece_is_what_shapely_cuts(found: Crossed) -> None:
    expected: dict[tuple[int, int, int], float] = {}
    zones, lines = np.array(ZONES), np.array(LINE)
    once = [shapely.difference(line, shapely.union_all(lines[:n])) for n, line in enumerate(lines)]
    for p, patch in enumerate(PATCHES):
        for z, zone in enumerate([*zones, None]):
            part = shapely.difference(patch, shapely.union_all(zones)) if zone is None else patch & zone
            for k, line in enumerate([*once, None]):
                piece = shapely.difference(part, shapely.union_all(lines)) if line is None else part & line
                if piece.area > 1e-9:
                    expected[p, z if zone is not None else -1, k if line is not None else -1] = piece.area
    ours = table(found)
    assert ours.keys() == expected.keys()
    for key, area in expected.items():
        assert ours[key] == pytest.approx(area, rel=1e-9, abs=1e-7), key


def test_pieces_add_up_to_each_patch(found: Crossed) -> None:
    sums = np.bincount(found.feature, weights=found.area_m2)
    np.testing.assert_allclose(sums, 10_000.0, rtol=1e-12)
    assert found.own_m2 == pytest.approx(1_440_000.0, rel=1e-12)
    assert found.booked_m2 == 0


def test_land_under_several_features_counts_once_for_the_first() -> None:
    land = cross(Part(tiles(*LINE)), [], PLANE)
    union = shapely.union_all(LINE).area
    assert land.area_m2.sum() == pytest.approx(union, rel=1e-9)
    assert land.booked_m2 == pytest.approx(sum(line.area for line in LINE) - union, rel=1e-9)
    assert land.area_m2[0] == pytest.approx(LINE[0].area, rel=1e-12)
    later = cross(Part(tiles(*LINE), priority=np.array([9.0, 1.0, 1.0, 1.0])), [], PLANE)
    assert later.area_m2[1] == pytest.approx(LINE[1].area, rel=1e-12)  # the smaller value goes first
    assert later.area_m2.sum() == pytest.approx(union, rel=1e-9)


def test_keep_and_mask() -> None:
    land, line = Part(tiles(*PATCHES)), tiles(*LINE)
    inside = cross(land, [Part(line, keep=True)], PLANE).area_m2.sum()
    outside = cross(land, [Part(line, keep=False)], PLANE).area_m2.sum()
    union = shapely.union_all(LINE) & shapely.union_all(PATCHES)
    assert inside == pytest.approx(union.area, rel=1e-9)
    assert inside + outside == pytest.approx(1_440_000.0, rel=1e-12)
    only = cross(land, [Part(line, np.array([False, False, True, True]), keep=True)], PLANE)
    assert sorted(table(only)) == [(17, 2), (40, 3)]
    few = cross(Part(tiles(*PATCHES), np.arange(144) < 5), [Part(line)], PLANE)
    assert few.area_m2.sum() == pytest.approx(50_000.0, rel=1e-12)


def test_threads_and_chunks_change_no_digit(found: Crossed, monkeypatch: pytest.MonkeyPatch) -> None:
    with Workers(threads=3).pool() as each:
        again = cross(Part(tiles(*PATCHES)), [Part(tiles(*ZONES)), Part(tiles(*LINE))], PLANE, each=each)
    for name in ("feature", "rows", "area_m2", "planar_m2"):
        np.testing.assert_array_equal(getattr(again, name), getattr(found, name))
    monkeypatch.setattr(crossing, "CHUNK", 10)  # twins are in other chunks now: the engine decides, the same
    small = cross(Part(tiles(*PATCHES)), [Part(tiles(*ZONES)), Part(tiles(*LINE))], PLANE)
    assert table(small) == pytest.approx(table(found), rel=1e-9, abs=1e-7)


def test_twins_need_no_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fields that are patches are known by their shape; of land that overlaps itself that is not taken for granted."""
    fields = [shapely.Polygon(np.roll(patch.exterior.coords[:-1], 2, axis=0)[::-1]) for patch in PATCHES[10:30]]

    def never(*_: object) -> None:
        raise AssertionError("cut")

    monkeypatch.setattr(crossing, "_cut_off", lambda pairs, boxes: _empty(len(pairs.land)))
    found = cross(Part(tiles(*PATCHES)), [Part(tiles(*fields), keep=True)], PLANE)
    assert sorted(table(found)) == [(10 + n, n) for n in range(20)]
    monkeypatch.undo()
    twice = [*PATCHES[:3], shapely.box(50, 0, 150, 100)]  # lies over the first two
    found = cross(Part(tiles(*twice)), [Part(tiles(PATCHES[0]), keep=True)], PLANE)
    assert table(found) == pytest.approx({(0, 0): 10_000.0})


def _empty(left: int) -> crossing.Near:
    assert left == 0
    none = np.empty(0, np.int64)
    return crossing.Near(none, none, np.empty(0, dtype=object), np.empty(0, bool))


def test_hairlines_along_a_common_border_belong_to_the_land_beside_them() -> None:
    """A zone border 0.01 mm beside that of the patches makes no cells of its own."""
    west, east = shapely.box(0, 0, 100.00001, 200), shapely.box(100.00001, 0, 200, 200)
    found = cross(Part(tiles(*grid(2, 2))), [Part(tiles(west, east))], PLANE)
    assert sorted(table(found)) == [(0, 0), (1, 1), (2, 0), (3, 1)]
    np.testing.assert_allclose(found.area_m2, 10_000.0, rtol=1e-9)


@settings(max_examples=8)
@given(seed=st.integers(0, 10_000), cuts=st.integers(1, 3))
def test_what_is_split_merged_or_reordered_gives_the_same_totals(seed: int, cuts: int) -> None:
    rng = np.random.default_rng(seed)
    blade = star(*rng.uniform(100, 500, 2), 300, 60, seed)
    layer = [star(*rng.uniform(100, 500, 2), 200, 40, seed + n) for n in range(3)]
    land = grid(6, 6)
    halves = [part for patch in land for part in (patch & blade, patch - blade) if part.area > 0]
    merged = [shapely.union_all(land[n : n + 6]) for n in range(0, 36, 6)]
    order = rng.permutation(36)
    totals = []
    for ground in (land, halves, merged, [land[n] for n in order]):
        found = cross(Part(tiles(*ground)), [Part(tiles(*layer))], PLANE)
        totals.append(np.bincount(found.rows[:, 0] + 1, weights=found.area_m2, minlength=4))
    for other in totals[1:]:
        np.testing.assert_allclose(other, totals[0], rtol=1e-9, atol=1e-6)
    assert totals[0].sum() == pytest.approx(360_000.0, rel=1e-12)


def test_nothing_is_nothing() -> None:
    empty = tiled(Geometries(np.array([None], dtype=object)))
    assert len(cross(Part(empty), [Part(tiles(*ZONES))], PLANE)) == 0
    outside = cross(Part(tiles(*PATCHES[:2])), [Part(empty)], PLANE)
    assert table(outside) == pytest.approx({(0, -1): 10_000.0, (1, -1): 10_000.0})


def test_cells_equal_geopandas_overlay() -> None:
    """The cross-table of a small county, cell by cell (1e-6 relative); the whole one is the job ``crosstable``."""
    land = gpd.GeoDataFrame({"patch": range(144)}, geometry=PATCHES)
    zones = gpd.GeoDataFrame({"zone": range(6)}, geometry=ZONES)
    line = gpd.GeoDataFrame({"inside": [1]}, geometry=[shapely.union_all(LINE)])
    theirs = land
    for layer in (zones, line):
        theirs = gpd.overlay(theirs, layer, how="identity", keep_geom_type=True)
    theirs = theirs[theirs.area > 1e-6].fillna(-1)
    expected = theirs.assign(m2=theirs.area).groupby(["patch", "zone", "inside"])["m2"].sum()
    found = cross(Part(tiles(*PATCHES)), [Part(tiles(*ZONES)), Part(tiles(*LINE))], PLANE)
    ours: dict[tuple[int, int, int], float] = {}
    for (patch, zone, row), area in table(found).items():
        key = patch, zone, 1 if row >= 0 else -1
        ours[key] = ours.get(key, 0.0) + area
    assert ours == pytest.approx(expected.to_dict(), rel=1e-6)
