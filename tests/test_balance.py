"""Balance: what does not add up is a row, a unit without data is named, and a wrong sum is never hidden."""

from __future__ import annotations

import math
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pytest

from controllines.balance import EXACT, GAP, LEAST_M2, NAMED_M2, OUTSIDE, OVERLAP, Booked, Books, Result
from controllines.crossing import tiled
from controllines.dimensions import Dimension, dimension_of, grounds_of
from controllines.plans import Plan
from controllines.stats import tabulate
from tests.county import LAND, TOWNS, cell, frame, plan


def books(of: Plan) -> Books:
    return Books(of, lambda layer: tiled(layer.in_plane), map)


def booked(of: Plan, name: str, areas: dict[int, float], *, overlap_m2: float = 0.0) -> Booked:
    """As if ``areas`` (label number → m²) of a ground had been found, out of as much land and what it shares."""
    (ground,) = grounds_of(of, name)
    found = np.array(list(areas.values()))
    return Booked(ground, found.sum() + overlap_m2, overlap_m2, np.array([list(areas)]).T, found)


def rows(found: Result) -> dict[tuple[str, str, str, str | None], float]:
    """(line, kind, layer, name) → m²."""
    names = found.frame[["line", "kind", "layer", "name"]].itertuples(index=False, name=None)
    return dict(zip(names, found.frame["area_m2"], strict=True))


def towns_of(of: Plan) -> Dimension:
    return dimension_of(of, "乡镇", {})


WEST, EAST = cell(0, 0, 4, 8), cell(4, 0, 8, 8)
#: What of the land use lies in each of them; the last 1 × 8 has none.
USED = {0: WEST, 1: cell(4, 0, 7, 8)}


# --- differences ----------------------------------------------------------------------------------------------


def test_what_adds_up_has_no_row() -> None:
    whole = plan(township=frame((0, 0, 4, 8), (4, 0, 7, 8), XZQDM=["1", "2"], XZQMC=["甲镇", "乙镇"]), land_use=LAND)
    found = books(whole).of([booked(whole, "现状地类", USED)], [towns_of(whole)])
    assert found.frame.empty
    assert list(found.frame) == ["line", "kind", "layer", "code", "name", "area_m2"]
    assert found.missing.empty
    assert found.findings == ()


def test_a_gap_is_named_by_its_unit_and_said_once() -> None:
    of = plan(land_use=LAND)
    found = books(of).of([booked(of, "现状地类", USED)], [towns_of(of)])
    assert rows(found) == pytest.approx({("现状地类", GAP, "乡镇", "乙镇"): cell(7, 0, 8, 8)}, rel=1e-6)
    assert found.frame["code"].tolist() == ["650422101"]
    (said,) = found.findings
    assert (said.code, said.layer) == ("TABLE_DIFFERENCE", "现状地类")
    assert said.actual == f"与乡镇比较，空隙{cell(7, 0, 8, 8):.2f}平方米（1处）"


def test_a_line_has_no_gaps_as_it_need_not_cover_the_units() -> None:
    of = plan()
    found = books(of).of([booked(of, "生态保护红线", {0: cell(0, 0, 3, 2)})], [towns_of(of)])
    assert found.frame.empty


def test_only_units_have_gaps() -> None:
    """Where the plan says what land will be used for, nobody promises that all of it is used today."""
    uses = frame((0, 0, 8, 8), YDYHFLDM=["0101"])
    of = plan(land_use=LAND, planned_use=uses)
    found = books(of).of([booked(of, "现状地类", {0: cell(0, 0, 7, 8)})], [dimension_of(of, "规划用途", {})])
    assert found.frame.empty
    assert found.missing.empty


@pytest.mark.parametrize(("more_m2", "named"), [(NAMED_M2 * 1.01, True), (NAMED_M2 * 0.99, False)])
def test_differences_are_named_from_one_square_metre(more_m2: float, named: bool) -> None:
    of = plan()
    whole = booked(of, "生态保护红线", {0: 5000.0, 2: more_m2}, overlap_m2=more_m2)
    found = rows(books(of).of([whole], [towns_of(of)]))
    assert found == pytest.approx({
        ("生态保护红线", OVERLAP, "生态保护红线", None): more_m2, ("生态保护红线", OUTSIDE, "乡镇", None): more_m2,
    } if named else {})  # fmt: skip


def test_units_that_overlap_are_named_for_themselves() -> None:
    towns = frame((0, 0, 5, 8), (4, 0, 8, 8), XZQDM=["650422100", "650422101"], XZQMC=["甲镇", "乙镇"])
    of = plan(township=towns)
    found = books(of).of([booked(of, "生态保护红线", {0: cell(0, 0, 3, 2)})], [towns_of(of)])
    assert rows(found) == pytest.approx({("", OVERLAP, "乡镇", None): cell(4, 0, 5, 8)}, rel=1e-6)
    assert [(item.code, item.layer) for item in found.findings] == [("TABLE_DIFFERENCE", "乡镇")]


# --- units of which nothing is known --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["生态保护红线", "现状地类:0102"])
def test_a_unit_whose_features_all_failed_is_without_data(name: str) -> None:
    towns = gpd.GeoDataFrame(TOWNS.drop(columns="geometry"), geometry=[TOWNS.geometry[0], None], crs=TOWNS.crs)
    of = plan(township=towns, land_use=LAND)
    found = books(of).of([booked(of, name, {0: cell(0, 0, 3, 2)})], [towns_of(of)])
    assert found.missing.to_numpy().tolist() == [[name, "township", "650422101", "乙镇"]]
    said = [item for item in found.findings if item.code == "UNIT_NO_DATA"]
    assert [(item.layer, item.actual) for item in said] == [(name, "乙镇")]


def test_a_unit_of_which_a_line_says_nothing_is_without_data() -> None:
    """The county ends at the border of the townships: what the redline does not cover is unknown, not none."""
    of = plan(county=frame((0, 0, 4, 8), XZQDM=["650422"], XZQMC=["某县"]))
    found = books(of).of([booked(of, "生态保护红线", {0: cell(0, 0, 3, 2)})], [towns_of(of)])
    assert found.missing["name"].tolist() == ["乙镇"]
    wider = plan(county=frame((0, 0, 4.01, 8), XZQDM=["650422"], XZQMC=["某县"]))
    found = books(wider).of([booked(wider, "生态保护红线", {0: cell(0, 0, 3, 2)})], [towns_of(wider)])
    assert found.missing.empty  # of a strip of it something is known


def test_a_class_that_a_unit_does_not_have_is_a_zero_and_no_missing_data() -> None:
    of = plan(land_use=LAND)
    whole, part = booked(of, "现状地类", {0: WEST}), booked(of, "现状地类:0102", {0: WEST})
    assert books(of).of([whole], [towns_of(of)]).missing["name"].tolist() == ["乙镇"]
    assert books(of).of([part], [towns_of(of)]).missing.empty


# --- the error that never occurs ------------------------------------------------------------------------------


@pytest.mark.parametrize(("share", "wrong"), [(0.5, False), (2.0, True), (-2.0, True)])
def test_pieces_that_do_not_add_up_to_the_layer_are_an_error(share: float, wrong: bool) -> None:
    of = plan()
    right = booked(of, "生态保护红线", {0: cell(0, 0, 3, 2)}, overlap_m2=cell(1, 0, 2, 2))
    off = share * (EXACT * right.own_m2 + LEAST_M2)
    found = books(of).of([replace(right, own_m2=right.own_m2 + off)], [towns_of(of)])
    said = [item for item in found.findings if item.code == "TABLE_BALANCE"]
    assert [(item.severity, item.layer, item.actual) for item in said] == (
        [("error", "生态保护红线", f"{off:.6f}")] if wrong else []
    )


# --- as far as the table --------------------------------------------------------------------------------------


def test_every_difference_is_named() -> None:
    table = tabulate(plan(land_use=LAND), of=["现状地类", "永久基本农田"], by="乡镇")
    named = {(row.line, row.kind, row.layer, row.name): row.area_m2 for row in table.balance.itertuples(index=False)}
    assert named == pytest.approx({
        ("现状地类", "空隙", "乡镇", "乙镇"): cell(7, 0, 8, 8),
        ("永久基本农田", "重叠", "永久基本农田", None): cell(5, 3, 6, 7),
        ("永久基本农田", "范围外", "乡镇", None): cell(8, 0, 9, 1),
    }, rel=1e-6)  # fmt: skip
    codes = [item["code"] for item in table.provenance["findings"]]
    assert codes.count("TABLE_DIFFERENCE") == 3
    assert "TABLE_BALANCE" not in codes


def test_units_without_data_say_so() -> None:
    land = LAND.iloc[1:]
    table = tabulate(plan(land_use=land), of="现状地类", by="乡镇")
    assert table.missing[["line", "kind", "name"]].to_numpy().tolist() == [["现状地类", "township", "甲镇"]]
    printed = table.pivot(line="现状地类")["现状地类"]
    assert math.isnan(printed["甲镇"])
    assert printed["乙镇"] > 0
    assert "—" in table._repr_html_()
