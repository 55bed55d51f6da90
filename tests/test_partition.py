"""Land cut by units: polygons that make up the land once, each with the label of its unit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import shapely

from controllines.dimensions import Dimension, dimension_of
from controllines.partition import Parts, by_units
from controllines.plans import Plan
from tests.county import cell, frame, plan


def dimensions(of: Plan, *names: str) -> list[Dimension]:
    return [dimension_of(of, name, {}) for name in names]


def by_name(parts: Parts, units: Sequence[Dimension]) -> dict[tuple[str | None, ...], float]:
    """Names of the units → m²."""
    found: dict[tuple[str | None, ...], float] = {}
    for places, area in zip(parts.places, shapely.area(parts.geoms), strict=True):
        names = tuple(unit.labels[place][1] for unit, place in zip(units, places, strict=True))
        found[names] = found.get(names, 0.0) + area
    return found


def test_a_line_is_cut_by_two_units_at_once() -> None:
    """The redline 0…3 × 0…2, moved over the corner of the townships and zones at (4, 4)."""
    of = plan(ecological_redline=frame((2, 3, 5, 6), BSM=["r1"]))
    units = dimensions(of, "乡镇", "规划分区")
    parts = by_units(of, of.layers["ecological_redline"], units)
    assert parts.places.shape == (len(parts.geoms), 2)
    assert by_name(parts, units) == pytest.approx({
        ("甲镇", "生态保护区"): cell(2, 3, 4, 4), ("甲镇", "农田保护区"): cell(2, 4, 4, 6),
        ("乙镇", "生态保护区"): cell(4, 3, 5, 4), ("乙镇", "农田保护区"): cell(4, 4, 5, 6),
    }, rel=1e-9)  # fmt: skip


def test_no_land_is_lost_or_counted_twice() -> None:
    """Farmland that overlaps itself and reaches beyond the units."""
    of = plan()
    units = dimensions(of, "乡镇")
    parts = by_units(of, of.layers["permanent_farmland"], units)
    once = shapely.union_all(of.layers["permanent_farmland"].geoms)
    assert shapely.area(parts.geoms).sum() == pytest.approx(once.area, rel=1e-9)
    assert shapely.union_all(parts.geoms).symmetric_difference(once).area == pytest.approx(0, abs=1e-3)
    assert by_name(parts, units)[("范围外",)] == pytest.approx(cell(8, 0, 9, 1), rel=1e-9)


def test_units_themselves_need_no_cutter() -> None:
    of = plan()
    units = dimensions(of, "乡镇")
    parts = by_units(of, of.layers["township"], units)
    assert by_name(parts, units) == pytest.approx({("甲镇",): cell(0, 0, 4, 8), ("乙镇",): cell(4, 0, 8, 8)}, rel=1e-9)
    both = dimensions(of, "规划分区", "乡镇")
    assert by_name(by_units(of, of.layers["township"], both), both)["生态保护区", "甲镇"] == pytest.approx(
        cell(0, 0, 4, 4), rel=1e-9
    )


def test_what_lies_outside_another_layer() -> None:
    """Townships without the farmland in them: what is left of each."""
    of = plan()
    units = dimensions(of, "乡镇")
    parts = by_units(of, of.layers["township"], units, outside=of.layers["permanent_farmland"])
    assert by_name(parts, units) == pytest.approx({
        ("甲镇",): cell(0, 0, 4, 8) - cell(3, 3, 4, 7), ("乙镇",): cell(4, 0, 8, 8) - cell(4, 3, 7, 7),
    }, rel=1e-9)  # fmt: skip


def test_what_lies_outside_another_layer_by_two_units() -> None:
    """Farmland 2…6 × 2…6 without the redline 3…5 × 3…5: a frame of four corners."""
    farm = frame((2, 2, 6, 6), BSM=["f1"], DLBM=["0102"], KCXS=[0.1])
    of = plan(permanent_farmland=farm, ecological_redline=frame((3, 3, 5, 5), BSM=["r1"]))
    units = dimensions(of, "乡镇", "规划分区")
    parts = by_units(of, of.layers["permanent_farmland"], units, outside=of.layers["ecological_redline"])
    assert by_name(parts, units) == pytest.approx({
        ("甲镇", "生态保护区"): cell(2, 2, 4, 4) - cell(3, 3, 4, 4),
        ("甲镇", "农田保护区"): cell(2, 4, 4, 6) - cell(3, 4, 4, 5),
        ("乙镇", "生态保护区"): cell(4, 2, 6, 4) - cell(4, 3, 5, 4),
        ("乙镇", "农田保护区"): cell(4, 4, 6, 6) - cell(4, 4, 5, 5),
    }, rel=1e-9)  # fmt: skip


def test_layers_that_do_not_meet_leave_nothing_but_the_outside() -> None:
    of = plan(ecological_redline=frame((20, 20, 21, 21), BSM=["r1"]))
    units = dimensions(of, "乡镇", "规划分区")
    parts = by_units(of, of.layers["ecological_redline"], units)
    assert by_name(parts, units) == pytest.approx({("范围外", "范围外"): cell(20, 20, 21, 21)}, rel=1e-9)
    covered = plan(ecological_redline=frame((-1, -1, 9, 9), BSM=["r1"]))
    none = by_units(covered, covered.layers["township"], dimensions(covered, "乡镇"),
                    outside=covered.layers["ecological_redline"])  # fmt: skip
    assert len(none.geoms) == 0
    assert none.places.shape == (0, 1)


def test_labels_are_those_of_the_units_not_their_rows() -> None:
    """Two features of one township, the other one between them."""
    towns = frame((0, 0, 2, 8), (2, 0, 6, 8), (6, 0, 8, 8), XZQDM=["650422101", "650422100", "650422101"],
                  XZQMC=["乙镇", "甲镇", "乙镇"])  # fmt: skip
    of = plan(township=towns)
    units = dimensions(of, "乡镇")
    parts = by_units(of, of.layers["permanent_farmland"], units)
    assert by_name(parts, units)[("乙镇",)] == pytest.approx(cell(6, 3, 7, 7), rel=1e-9)
    assert np.unique(parts.places).tolist() == [0, 1, 2]
