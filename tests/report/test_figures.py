from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllines.report.figures import Convention, area, measures, parts, percent, total


def numbers(areas: list) -> list[str]:
    return [item.ha.text for item in areas]


def test_parts_add_up_to_the_printed_whole():
    # 3 × 3.3333… ha print 3.3333 each: one of them takes the missing 0.0001
    thirds = parts([100_000 / 3] * 3, area(100_000.0))
    assert numbers(thirds) == ["3.3334", "3.3333", "3.3333"]


def test_a_parcel_wholly_inside_shows_its_own_figure():
    # 0.99995 of a square metre's half apart by the last bit of a sum
    whole = area(10_000.5)
    assert numbers(parts([10_000.499_999_9, 0.0, 0.0], whole)) == ["1.0001", "0.0000", "0.0000"]


def test_nothing_is_moved_from_or_to_zero():
    whole = area(10_000.0)
    small = parts([9_999.7, 0.3], whole)
    assert [item.ha.text for item in small] == ["1.0000", "0.30平方米"]
    assert total([item.ha for item in small]).text == "1.0000"


def test_what_must_give_way_to_zero_prints_in_square_metres():
    # half a square metre prints 0.0001 ha alone, and so does the whole one
    halves = parts([0.5, 0.5], area(1.0))
    assert [item.ha.text for item in halves] == ["0.50平方米", "0.0001"]
    # 1.5 m² (0.0002 ha alone) gives way before half a square metre would become zero
    assert numbers(parts([0.5, 1.5], area(2.0))) == ["0.0001", "0.0001"]


def test_net_of_a_gross_area_in_square_metres_prints_in_them_too():
    row = {"area_m2": 0.58, "outside_m2": 0.6, "uncovered_m2": 0.0, "contact_m2": 0.0, "conflict_m2": 0.58,
           "net_area_m2": 0.52}  # fmt: skip
    shown = measures(row, {"area_m2": 1.18}, "avoid", Convention())
    assert (shown.conflict.ha.text, shown.outside.ha.text) == ("0.58平方米", "0.0001")
    assert shown.net.ha.text == "0.52平方米"  # not 0.0001 ha, which is more


def test_parts_that_do_not_divide_the_whole_stay_as_they_are():
    assert numbers(parts([5_000.0, 7_000.0], area(10_000.0))) == ["0.5000", "0.7000"]


@given(st.lists(st.floats(0, 1e7), min_size=1, max_size=12))
def test_printed_parts_sum_to_the_printed_whole(values: list[float]):
    whole = area(sum(values))
    printed = parts(values, whole)
    for unit in ("ha", "mu"):
        found = sum((getattr(item, unit).number or Decimal(0) for item in printed), Decimal(0))
        target = getattr(whole, unit).number
        alone = [getattr(area(value), unit).number for value in values]
        if target is not None and None not in alone and any(alone):  # None: too small, printed in 平方米
            assert found == target


def test_phrases_fall_back_to_square_metres():
    assert area(12_345.6).phrase == "1.2346公顷（18.52亩）"
    assert area(0.3).phrase == "0.30平方米"
    assert area(0.001).phrase == "不足0.01平方米"
    assert area(None).phrase == "—"


def test_part_of_a_parcel_never_prints_as_all_of_it():
    assert percent(0.999_999).text == "99.99%"
    assert percent(1.0).text == "100.00%"
    assert percent(1e-9).text == "不足0.01%"
    assert percent(None).text == "—"


def test_planar_convention_measures_inside_in_the_plane_and_leaves_the_rest():
    row = {"area_m2": 40_000.0, "planar_area_m2": 40_012.0, "outside_m2": 60_000.0, "uncovered_m2": 0.0,
           "contact_m2": 0.0, "conflict_m2": 40_000.0, "net_area_m2": 36_000.0}  # fmt: skip
    whole = {"area_m2": 100_000.0, "planar_area_m2": 100_030.0}
    shown = measures(row, whole, "avoid", Convention(planar=True))
    assert (shown.whole.ha.text, shown.inside.ha.text, shown.outside.ha.text) == ("10.0030", "4.0012", "6.0018")
    assert (shown.conflict.ha.text, shown.net.ha.text) == ("4.0012", "3.6011")


def test_net_never_prints_above_gross():
    # 0.14795 ha prints 0.1480 alone; beside 0.85205 ha of a parcel of 1.0000 ha one of the two gives way
    row = {"area_m2": 1_479.5, "outside_m2": 8_520.5, "uncovered_m2": 0.0, "contact_m2": 0.0, "conflict_m2": 1_479.5}
    for net in (1_479.5, 1_479.499):
        shown = measures(row | {"net_area_m2": net}, {"area_m2": 10_000.0}, "avoid", Convention())
        assert (shown.conflict.ha.text, shown.outside.ha.text) == ("0.1479", "0.8521")
        assert shown.net.ha.text == "0.1479"


@pytest.mark.parametrize("sense", ["avoid", "stay_within"])
def test_contact_is_booked_on_the_side_that_is_no_conflict(sense: str):
    row = {"area_m2": 10_000.0, "outside_m2": 20_000.0, "uncovered_m2": 0.0, "contact_m2": 1.0,
           "conflict_m2": 10_000.0 if sense == "avoid" else 20_000.0}  # fmt: skip
    shown = measures(row, {"area_m2": 30_001.0}, sense, Convention())
    assert shown.conflict.ha.text == ("1.0000" if sense == "avoid" else "2.0000")
    assert shown.inside.ha.number + shown.outside.ha.number == shown.whole.ha.number
