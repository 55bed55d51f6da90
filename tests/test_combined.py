"""Land in two lines at once: by the classes of both, with what lies outside the second and what it says nothing of."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from controllines.combined import divided_frame
from controllines.conflicts import Widths, check_land
from controllines.plans import Plan, open_plan
from tests.county import Cell, cell, frame, land

RED, RESERVE, FARM = "ecological_redline", "nature_reserve", "permanent_farmland"
#: The redline 0…4 × 0…4 of two classes; a core zone across both, and the rest of the reserve beside it.
LAYERS = {
    RED: frame((0, 0, 2, 4), (2, 0, 4, 4), BSM=["1", "2"], LHLX=["水源涵养", "防风固沙"]),
    RESERVE: frame((1, 0, 3, 2), (3, 0, 5, 2), BSM=["1", "2"], GNFQMC=["核心保护区", "一般控制区"]),
    "county": frame((-9, -9, 19, 19), XZQDM=["650422"], XZQMC=["某县"]),
}
PAIR = {(RED, RESERVE)}


def plan(**replaced: gpd.GeoDataFrame) -> Plan:
    return open_plan(LAYERS | replaced)


def divided(
    of: Plan, *boxes: Cell, pairs: set[tuple[str, str]] = PAIR, lines: tuple[str, ...] = (RED, FARM)
) -> pd.DataFrame:
    parcels = land(of, *boxes)
    checked = check_land(parcels, of, [of.kind(key) for key in lines], Widths())
    return divided_frame(parcels, of, checked, pairs=pairs)


def areas(found: pd.DataFrame, other: str | None = RESERVE) -> dict[tuple[int, str, str, str | None], float]:
    """(row of the land, class, part, class of the other line) → m²."""
    mine = found[
        (found["kind"] == RED) & (found["other_kind"].isna() if other is None else found["other_kind"] == other)
    ]
    keys = mine[["row", "class", "part", "other_class"]].itertuples(index=False, name=None)
    return dict(zip(keys, mine["area_m2"], strict=True))


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    """The whole redline, a field of it outside the reserve, and one beside it."""
    return divided(plan(), (0, 0, 4, 4), (0, 3, 1, 4), (6, 6, 7, 7))


def test_the_land_inside_a_line_by_its_classes(found: pd.DataFrame) -> None:
    assert areas(found, None) == pytest.approx({
        (0, "水源涵养", "inside", None): cell(0, 0, 2, 4), (0, "防风固沙", "inside", None): cell(2, 0, 4, 4),
        (1, "水源涵养", "inside", None): cell(0, 3, 1, 4),
    }, rel=1e-9)  # fmt: skip


def test_each_class_over_the_classes_of_the_other_line(found: pd.DataFrame) -> None:
    assert areas(found) == pytest.approx({
        (0, "水源涵养", "inside", "核心保护区"): cell(1, 0, 2, 2),
        (0, "水源涵养", "outside", None): cell(0, 0, 2, 4) - cell(1, 0, 2, 2),
        (0, "防风固沙", "inside", "核心保护区"): cell(2, 0, 3, 2),
        (0, "防风固沙", "inside", "一般控制区"): cell(3, 0, 4, 2),
        (0, "防风固沙", "outside", None): cell(2, 2, 4, 4),
        (1, "水源涵养", "outside", None): cell(0, 3, 1, 4),
    }, rel=1e-9)  # fmt: skip


def test_columns_and_order(found: pd.DataFrame) -> None:
    assert list(found) == ["row", "kind", "class", "other_kind", "part", "other_class", "area_m2"]
    assert found["row"].is_monotonic_increasing
    assert (found["area_m2"] > 0).all()
    assert 2 not in set(found["row"])  # beside the line


def test_what_lies_outside_the_coverage_is_not_outside_the_line() -> None:
    of = plan(county=frame((0, 0, 4, 3), XZQDM=["650422"], XZQMC=["某县"]))
    assert areas(divided(of, (0, 0, 2, 4), (0, 2, 2, 4))) == pytest.approx({
        (0, "水源涵养", "inside", "核心保护区"): cell(1, 0, 2, 2),
        (0, "水源涵养", "outside", None): cell(0, 0, 2, 3) - cell(1, 0, 2, 2),
        (0, "水源涵养", "uncovered", None): cell(0, 3, 2, 4),
        (1, "水源涵养", "uncovered", None): cell(0, 2, 2, 4),  # nothing was met and a part not covered: no data at all
    }, rel=1e-6)  # fmt: skip


def test_beside_a_feature_that_was_set_aside_nothing_is_outside_for_sure() -> None:
    reserve = LAYERS[RESERVE]
    broken = gpd.GeoDataFrame(reserve.drop(columns="geometry"), geometry=[reserve.geometry[0], None], crs=reserve.crs)
    assert areas(divided(plan(**{RESERVE: broken}), (0, 0, 2, 2))) == pytest.approx({
        (0, "水源涵养", "inside", "核心保护区"): cell(1, 0, 2, 2),
        (0, "水源涵养", "uncovered", None): cell(0, 0, 1, 2),
    }, rel=1e-9)  # fmt: skip


@pytest.mark.parametrize("broken", [False, True])
def test_what_is_known_of_the_other_line_changes_nothing(broken: bool) -> None:
    """Land wholly outside a line that was measured too is not laid over it again; near a broken feature it is."""
    reserve = LAYERS[RESERVE]
    shapes = [reserve.geometry[0], None if broken else reserve.geometry[1]]
    of = plan(**{RESERVE: gpd.GeoDataFrame(reserve.drop(columns="geometry"), geometry=shapes, crs=reserve.crs)})
    boxes = ((0, 0, 4, 4), (0, 3, 1, 4), (2.5, 2.5, 5, 3.5), (3.5, 0, 6, 1), (6, 6, 7, 7))
    known = divided(of, *boxes, lines=(RED, RESERVE))
    known = known[known["kind"] == RED].reset_index(drop=True)
    pd.testing.assert_frame_equal(known, divided(of, *boxes), check_exact=True)


def test_contact_with_the_other_line_is_no_land_inside_it() -> None:
    touching = frame((4, 0, 6, 4), BSM=["1"], GNFQMC=["核心保护区"])
    assert set(areas(divided(plan(**{RESERVE: touching}), (2, 0, 4, 4)))) == {(0, "防风固沙", "outside", None)}


def test_land_under_two_features_of_the_line_is_divided_once() -> None:
    twice = frame((0, 0, 2, 4), (0, 0, 2, 4), BSM=["1", "2"], LHLX=["水源涵养", "防风固沙"])
    found = divided(plan(**{RED: twice}), (0, 0, 2, 4))
    assert sum(areas(found, None).values()) == pytest.approx(cell(0, 0, 2, 4), rel=1e-9)
    assert sum(areas(found).values()) == pytest.approx(cell(0, 0, 2, 4), rel=1e-9)


def test_land_without_class_is_none_not_nan() -> None:
    unnamed = frame((0, 0, 2, 4), (2, 0, 4, 4), BSM=["1", "2"], LHLX=["水源涵养", None])
    found = divided(plan(**{RED: unnamed}), (0, 0, 4, 4))
    assert {key[1] for key in areas(found, None)} == {"水源涵养", None}
    assert areas(found)[0, None, "inside", "一般控制区"] == pytest.approx(cell(3, 0, 4, 2), rel=1e-9)


@pytest.mark.parametrize("pairs", [{(RED, FARM)}, {(FARM, RED)}, set()])
def test_a_pair_of_which_one_is_not_in_the_plan_has_no_rows(pairs: set[tuple[str, str]]) -> None:
    found = divided(plan(), (0, 0, 4, 4), pairs=pairs)
    assert found["other_kind"].isna().all()
    assert np.unique(found["kind"]).tolist() == [RED]


def test_nothing_inside_any_line_still_has_the_columns() -> None:
    found = divided(plan(), (6, 6, 7, 7))
    assert found.empty
    assert list(found) == ["row", "kind", "class", "other_kind", "part", "other_class", "area_m2"]
