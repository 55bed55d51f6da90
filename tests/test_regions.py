"""Regions: every square metre of the land is inside, outside, uncovered or mere contact of a line, and only once.

First arrays by row of the land, over lines drawn in degrees; then strips and borders drawn in metres, as far as the
result: what is contact, below the resolution, a sliver, and how much of farmland is ridges.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from shapely import Polygon, box

from controllines.conflicts import Land, Widths
from controllines.overlay import Pieces
from controllines.pipeline import check
from controllines.plans import Plan, open_plan
from controllines.regions import Line, Shares, lay_over, merged, shares_of, sum_by, with_depths
from controllines.windows import near, windows
from tests import county
from tests.builders import (
    CITY,
    FARM,
    RED,
    balance,
    codes,
    here,
    layer,
    make_plan,
    measure,
    official,
    parcels,
    row,
    row_ids,
    shifted,
)
from tests.county import cell, frame

# --- arrays -----------------------------------------------------------------------------------------------------------


def over(of: Plan, land: Land, kind: str, *, suspect: bool = False, widths: Widths = Widths()) -> Line:
    laid, coverage = of.layers[kind], of.coverage[kind].shapes
    looked = near(laid.in_plane, windows(land.geoms, widths.around_m)), near(coverage, windows(land.geoms))
    return lay_over(land, laid, looked, suspect=np.full(len(land), suspect), widths=widths, lengths=True)


@pytest.fixture(scope="module")
def drawn() -> tuple[Plan, Land]:
    """A redline of two features that overlap, a boundary, a county that ends at 8; land in, across and away."""
    plan = open_plan({
        RED: frame((0, 0, 3, 4), (2, 0, 4, 4), BSM=["r1", "r2"]),
        CITY: frame((0, 0, 6, 9), BSM=["u1"]),
        "county": frame((-1, -1, 8, 9), XZQDM=["650422"], XZQMC=["某县"]),
    })  # fmt: skip
    return plan, county.land(plan, (1, 1, 2, 2), (3, 3, 5, 5), (5, 6, 9, 7), (2, 2, 3, 3))


def test_every_square_metre_is_inside_outside_or_uncovered(drawn: tuple[Plan, Land]) -> None:
    plan, land = drawn
    found = over(plan, land, RED).measures
    whole = [cell(1, 1, 2, 2), cell(3, 3, 5, 5), cell(5, 6, 9, 7), cell(2, 2, 3, 3)]
    assert found["area_m2"] == pytest.approx([whole[0], cell(3, 3, 4, 4), 0, whole[3]], rel=1e-9)
    assert found["uncovered_m2"] == pytest.approx([0, 0, cell(8, 6, 9, 7), 0], rel=1e-6)
    assert found["outside_m2"] == pytest.approx([0, whole[1] - cell(3, 3, 4, 4), cell(5, 6, 8, 7), 0], rel=1e-6)
    booked = sum(found[name] for name in ("area_m2", "outside_m2", "uncovered_m2", "contact_m2"))
    assert booked == pytest.approx(whole, rel=1e-9)
    assert found["share"] == pytest.approx([1, cell(3, 3, 4, 4) / whole[1], 0, 1], rel=1e-9)
    assert not found["recomputed"].any()


def test_land_under_two_features_is_one_piece_and_said_to_be_shared(drawn: tuple[Plan, Land]) -> None:
    plan, land = drawn
    line = over(plan, land, RED)
    assert line.measures["shared_m2"] == pytest.approx([0, 0, 0, cell(2, 2, 3, 3)], rel=1e-9)
    pieces = list(zip(line.pieces.left.tolist(), line.pieces.right.tolist(), strict=True))
    assert pieces == [(0, 0), (1, 1), (3, 0)]
    assert line.pieces.area.sum() == pytest.approx(line.measures["area_m2"].sum(), rel=1e-12)


def test_what_conflicts_with_a_boundary_is_the_land_outside_it(drawn: tuple[Plan, Land]) -> None:
    plan, land = drawn
    line = over(plan, land, CITY)
    assert line.measures["conflict_m2"] == pytest.approx([0, 0, cell(6, 6, 8, 7), 0], rel=1e-6)
    assert line.measures["area_m2"][2] == pytest.approx(cell(5, 6, 6, 7), rel=1e-9)
    assert shapely.area(line.conflict) == pytest.approx(line.measures["conflict_m2"], rel=1e-12)
    assert (shapely.area(over(plan, land, RED).conflict) > 0).tolist() == [True, True, False, True]


def test_clearance_is_only_told_where_there_is_surely_no_conflict(drawn: tuple[Plan, Land]) -> None:
    """A thousandth of a degree beside the redline at its height: 81.76 m by the radius of the parallel."""
    plan, _ = drawn
    land = county.land(plan, (5, 1, 5.5, 2), (3, 1, 5, 2), (7.5, 1, 9, 2))
    sine = math.sin(math.radians(county.SOUTH + 0.0015))
    e2 = 2 / 298.257222101 - 1 / 298.257222101**2
    beside = math.radians(0.001) * 6_378_137 * math.sqrt(1 - sine**2) / math.sqrt(1 - e2 * sine**2)
    found = over(plan, land, RED).measures["clearance_m"]
    assert found[0] == pytest.approx(beside, rel=1e-4)
    assert np.isnan(found[1:]).all()  # a conflict, and land of which nothing is known
    assert np.isnan(over(plan, land, RED, suspect=True).measures["clearance_m"]).all()
    assert np.isnan(over(plan, land, RED, widths=Widths(clearance_to_m=80)).measures["clearance_m"]).all()


def test_depths_of_several_lines_at_once_are_those_of_each(drawn: tuple[Plan, Land]) -> None:
    plan, land = drawn
    lines = {kind: over(plan, land, kind) for kind in (RED, CITY)}
    together = with_depths(land, lines)
    for kind, line in lines.items():
        (alone,) = with_depths(land, {kind: line}).values()
        for name in ("depth_m", "width_m"):
            np.testing.assert_array_equal(together[kind].measures[name], alone.measures[name])
            assert (np.isnan(alone.measures[name]) == (line.measures["conflict_m2"] == 0)).all()
    assert with_depths(land, {}) == {}


def of_row(found: Shares, at: int) -> dict[int, float]:
    mine = found.left == at
    return dict(zip(found.right[mine].tolist(), found.area_m2[mine], strict=True))


def test_shares_of_units_and_of_what_lies_outside_them() -> None:
    units = open_plan({"township": frame((0, 0, 4, 4), (4, 0, 8, 4), XZQDM=["1", "2"], XZQMC=["甲", "乙"])})
    land = county.land(units, (3, 3, 5, 5), (20, 20, 21, 21))
    found = shares_of(land, near(units.layers["township"].in_plane, windows(land.geoms)))
    assert of_row(found, 0) == pytest.approx({
        0: cell(3, 3, 4, 4), 1: cell(4, 3, 5, 4), -1: cell(3, 4, 5, 5),
    }, rel=1e-9)  # fmt: skip
    assert of_row(found, 1) == pytest.approx({-1: cell(20, 20, 21, 21)}, rel=1e-9)


def test_a_hairline_of_a_neighbour_goes_to_the_unit_with_most_of_the_land() -> None:
    """A millionth of a thousandth of a degree is a tenth of a millimetre: contact."""
    hair = 4 + 1e-6
    units = open_plan({"township": frame((0, 0, 4, 4), (4, 0, 8, 4), XZQDM=["1", "2"], XZQMC=["甲", "乙"])})
    land = county.land(units, (3, 1, hair, 2))
    found = shares_of(land, near(units.layers["township"].in_plane, windows(land.geoms)))
    assert of_row(found, 0) == pytest.approx({0: cell(3, 1, hair, 2)}, rel=1e-9)


def test_sums_by_group_have_a_place_for_every_group() -> None:
    assert sum_by(np.array([1.0, 2.0, 4.0]), np.array([2, 0, 2]), 4).tolist() == [2, 0, 5, 0]
    assert sum_by(np.empty(0), np.empty(0, int), 3).tolist() == [0, 0, 0]
    assert sum_by(np.empty(0), np.empty(0, int), 0).tolist() == []


def test_pieces_of_chunks_are_joined_in_the_order_of_the_land(drawn: tuple[Plan, Land]) -> None:
    plan, land = drawn
    whole = over(plan, land, RED)
    chunks = [np.array([3, 1]), np.array([0, 2])]
    parts = [over(plan, land.take(rows), RED) for rows in chunks]
    pieces, planar = merged([part.pieces for part in parts], chunks, [part.planar_m2 for part in parts])
    assert isinstance(pieces, Pieces)
    assert pieces.left.tolist() == whole.pieces.left.tolist()
    assert pieces.right.tolist() == whole.pieces.right.tolist()
    assert planar.tolist() == whole.planar_m2.tolist()
    assert all(shapely.equals_exact(pieces.geoms, whole.pieces.geoms, 0))


# --- contact, resolution, slivers ------------------------------------------------------------------------------------

LENGTHS = [60, 1000, 5000, 27000]
AWAY = {
    "due east": lambda length: (length, 0.0),
    "due north": lambda length: (0.0, length),
    "slanting": lambda length: (length * 0.8, length * 0.6),
}


def neighbours(length, direction, *, zone=30):
    """Two neighbours 50 m deep on one border; the second has further vertices on it, the first has others."""
    corner = (30_385_000, 4_738_000) if zone == 30 else (29_620_000, 4_738_000)
    along = np.array(AWAY[direction](length))
    across = np.array([-along[1], along[0]]) / length * 50

    def on_border(*shares):
        return [tuple(along * share) for share in shares]

    first = Polygon([*on_border(0, 0.25, 1), tuple(along + across), tuple(across)])
    border = on_border(-0.1, 0.03125, 0.4375, 0.71875, 1.2)

    def beyond(depth):
        return Polygon([*border, tuple(along * 1.2 + across * depth), tuple(along * -0.1 + across * depth)])

    second, around = beyond(-1), beyond(3)
    return [shifted(g, corner) for g in (first, second, around)], 4488 + zone


@pytest.mark.parametrize("zone", [29, 30])
@pytest.mark.parametrize("direction", AWAY)
@pytest.mark.parametrize("length", LENGTHS)
def test_neighbours_on_one_border_are_in_contact(length, direction, zone):
    (parcel, neighbour, around), epsg = neighbours(length, direction, zone=zone)
    county = {"county": layer([box(87.0, 42, 90, 44)], crs=4490)}
    for kind, line in ((RED, neighbour), (CITY, around)):
        plan = open_plan({kind: layer([line], crs=epsg), **county})
        result = check(parcels(parcel, crs=epsg), plan)
        found = row(result, kind)
        assert found.outcome == "none"
        assert found.conflict_m2 == 0
        assert found.clearance_m == pytest.approx(0, abs=1e-4)
        assert found.contact_m2 <= length * 1e-4
        assert found["flags"] == ""
        assert balance(result, kind) < 1e-9
    if length >= 1000:
        assert found.contact_m2 > 0  # the border really is not one line in the plane


@pytest.mark.parametrize(("kind", "side"), [(RED, 1), (CITY, -1)])
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize(
    ("width", "flags"),
    [(0.001, "sub_resolution;sliver"), (0.003, "sliver"), (0.19, "sliver"), (0.21, "")],
)
def test_strips(width, flags, length, kind, side):
    """Mean width of a strip is its width (a little less where it is short); resolutions are 1 mm each."""
    wide = width * (1 + width / length)  # 2·area / perimeter = width·length / (width + length)
    parcel = here(0, 0, length, 50)
    line = here(-100, -100, length + 100, wide) if side > 0 else here(-100, wide, length + 100, 200)
    found, result = measure(parcel, kind, [line], county=here(-9000, -9000, 39000, 9000))
    assert found.outcome == "conflict"
    assert found.conflict_m2 == pytest.approx(wide * length, rel=0.001, abs=length * 2e-5)
    assert found["flags"] == flags
    assert found.sliver_m2 == pytest.approx(found.conflict_m2 if flags else 0, rel=1e-9)
    assert balance(result, kind) < 1e-9


def test_only_what_is_all_below_the_resolution_is_flagged():
    strip, patch = here(-10, -10, 110, 0.001), here(50, 50, 51, 51)
    found, _ = measure(here(0, 0, 100, 100), RED, [strip, patch])
    assert found["flags"] == "sliver"
    assert found.sliver_m2 == pytest.approx(0.1, rel=0.05)
    assert found.conflict_m2 == pytest.approx(1.1, rel=0.01)


def test_everything_else_counts_however_small():
    found, _ = measure(here(0, 0, 100, 100), RED, [here(50, 50, 50.01, 50.01)])
    assert found.outcome == "conflict"
    assert found.conflict_m2 == pytest.approx(1e-4, rel=1e-3)


def test_contact_between_land_outside_and_uncovered_is_booked_once():
    """A parcel on the county border with hairlines on all sides."""
    county = here((-900, -900), (271.3, -900), (900, -900), (900, 100), (333.3, 100), (-900, 100))
    plan = make_plan(county=county, ecological_redline=[here((0, -50), (500, -50), (500, 0), (123.4, 0), (0, 0))])
    result = check(parcels(here(0, 0, 500, 100)), plan)
    assert row(result, RED).outcome == "none"
    assert balance(result, RED) < 1e-9


# --- net area --------------------------------------------------------------------------------------------------------


def farm(*rows):
    """Rows of box, DLBM, KCXS."""
    return layer(
        [here(*r[0]) for r in rows], BSM=row_ids(len(rows)), DLBM=[r[1] for r in rows], KCXS=[r[2] for r in rows]
    )


def net(*rows):
    result = check(parcels(here(0, 0, 100, 100)), make_plan(permanent_farmland=farm(*rows)))
    return row(result, FARM), result


WHOLE, LEFT, RIGHT = (0, 0, 100, 100), (0, 0, 60, 100), (40, 0, 100, 100)


@pytest.mark.parametrize(
    ("rows", "share"),
    [
        ([(WHOLE, "0102", 0.1)], 0.9),
        ([(WHOLE, "0102", 0.0)], 1.0),
        ([((0, 0, 50, 100), "0102", 0.2), ((50, 0, 100, 100), "0103", 0.1)], 0.85),
        ([(LEFT, "0102", 0.2), (RIGHT, "0103", 0.1)], 0.4 * 0.8 + 0.6 * 0.9),
        ([(RIGHT, "0103", 0.1), (LEFT, "0102", 0.2)], 0.4 * 0.8 + 0.6 * 0.9),
        ([(WHOLE, "0102", 0.3), (WHOLE, "0102", 0.1), (WHOLE, "0102", 0.2)], 0.9),
        ([((0, 0, 50, 100), "0102", 0.2), ((50, 0, 100, 100), "0201", None)], 0.5 * 0.8 + 0.5),
        ([(LEFT, "0102", None), (WHOLE, "0102", 0.1)], 0.9),
    ],
    ids=["one", "none", "two", "shared", "shared, other order", "three times", "orchard without", "null under known"],
)
def test_net_area(rows, share):
    found, result = net(*rows)
    assert found.net_area_m2 == pytest.approx(share * found.area_m2, rel=1e-6)
    assert not codes(result) & {"KCXS_NULL", "KCXS_RANGE"}


def test_net_area_is_null_where_cultivated_land_has_no_ridge_share():
    found, result = net(((0, 0, 50, 100), "0102", None), ((50, 0, 100, 100), "0103", 0.1))
    assert math.isnan(found.net_area_m2)
    assert found.area_m2 == pytest.approx(official(here(*WHOLE)), abs=0.02)
    noted = result.findings[result.findings["code"] == "KCXS_NULL"]
    assert noted["feature"].tolist() == ["f1"]


@pytest.mark.parametrize("wrong", [1.0, 12.5, -0.1])
def test_an_impossible_ridge_share_is_an_error(wrong):
    found, result = net((WHOLE, "0102", wrong))
    assert math.isnan(found.net_area_m2)
    noted = result.findings[result.findings["code"] == "KCXS_RANGE"]
    assert noted[["feature", "severity"]].to_numpy().tolist() == [["f1", "error"]]


def test_net_area_only_of_farmland():
    found, _ = measure(here(0, 0, 100, 100), RED, [here(0, 0, 50, 100)])
    assert math.isnan(found.net_area_m2)


def test_net_area_is_zero_where_no_farmland_is_met():
    result = check(parcels(here(500, 0, 600, 100)), make_plan(permanent_farmland=farm((WHOLE, "0102", None))))
    assert row(result, FARM).net_area_m2 == 0
    assert "KCXS_NULL" not in codes(result)
