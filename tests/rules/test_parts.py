"""How much of the land a condition speaks of: bounds, limits, land classes; what is not known is neither in nor out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controllines.rules.cases import Joint, Line
from controllines.rules.models import Where
from controllines.rules.parts import class_key, part_of
from tests.rules.cases import CITY, FARM, NATIONAL, RED, RESERVE, WHOLE, avoid, city, classed, land, project, red


@pytest.mark.parametrize(
    ("lines", "rule", "holds"),
    [
        (red(core=1, uncovered=1), "ER-01", True), (red(general=1, uncovered=1), "ER-01", None),
        (red(general=1), "ER-01", False), (red(other=1), "ER-01", None), (red(other=1), "ER-03", None),
        (red(core=1, other=1), "ER-03", None), (red(outside=1, other=1), "ER-03", True),
        (red(uncovered=1), "ER-03", None),
        (avoid(RED), "ER-03", None), (avoid(RED, 0.0), "ER-03", False),
        (red(core=1), "ER-03", False), (red(core=1, uncovered=1), "ER-11", True),
        (red(outside=1, uncovered=1), "ER-11", None), (red(outside=1), "ER-11", False),
        (classed(RESERVE, "核心保护区", uncovered_m2=5.0), "NR-03", None),
        (classed(RESERVE, " 核心 保护区"), "NR-01", True), (city(WHOLE, "城镇集中建设区"), "UDB-03", False),
        (city(WHOLE - 9, uncovered_m2=9.0), "UDB-05", True),
    ],
)  # fmt: skip
def test_what_is_not_known_is_neither_in_nor_out(lines: dict[str, Line], rule: str, holds: bool | None) -> None:
    entry = NATIONAL.rules[rule]
    part = part_of(entry.where[0], entry.line, project(lines), NATIONAL.classes)
    assert part.holds is holds
    assert bool(part.lacking) is (holds is None)
    assert 0 <= part.least_m2 <= part.most_m2


def test_bounds_of_classes_nobody_knows() -> None:
    where = Where.model_validate({"line": RED, "within": {"line": RESERVE, "classes": ["core"]}})
    lines = avoid(RED, 6.0, joints={RESERVE: Joint({"核心保护区": 3.0, "？": 2.0}, 0.0, 1.0)})
    part = part_of(where, RED, project(lines), NATIONAL.classes)
    assert (part.least_m2, part.most_m2) == (3.0, 6.0)
    part = part_of(Where(classes=("core",)), RESERVE, project(classed(RESERVE, "？")), NATIONAL.classes)
    assert (part.least_m2, part.most_m2, len(part.lacking)) == (0.0, 5000.0, 1)  # the layer covers the land


def test_without_a_line_a_condition_on_it_is_open() -> None:
    part = part_of(Where(line=FARM, side="inside", at_most_m2=0), "land_use", project({}), NATIONAL.classes)
    assert (part.least_m2, part.most_m2, part.holds) == (0.0, WHOLE, None)
    assert part.lacking == ("请提供永久基本农田数据（覆盖全部用地）",)
    part = part_of(Where(line="custom:own", side="inside"), "general", project({}), NATIONAL.classes)
    assert part.lacking == ("请提供own数据（覆盖全部用地）",)


@pytest.mark.parametrize(
    ("where", "holds"),
    [
        ({"above_m2": 0.5}, True),
        ({"above_m2": 5000}, False), ({"above_m2": 4999}, True), ({"at_most_m2": 5000}, True),
        ({"at_most_m2": 4999}, False),
        ({"share_above": 0.005}, False), ({"share_above": 0.004}, True), ({"share_at_most": 0.005}, True),
        ({"share_at_most": 0.004}, False), ({"depth_above_m": 30}, False), ({"depth_above_m": 29}, None),
        ({"depth_at_most_m": 30}, True), ({"depth_at_most_m": 29}, None),
        ({"above_m2": 4999, "share_above": 0.005}, False), ({"within": {"line": RED}}, None),
    ],
)  # fmt: skip
def test_limits(where: dict[str, Any], holds: bool | None) -> None:
    part = part_of(Where.model_validate(where), FARM, project(avoid(FARM)), NATIONAL.classes)
    assert part.holds is holds


def test_a_depth_nobody_measured_is_open() -> None:
    part = part_of(Where(depth_above_m=1), FARM, project(avoid(FARM, depth_m=None)), NATIONAL.classes)
    assert part.holds is None


@pytest.mark.parametrize(
    ("where", "hectares"),
    [
        ({}, 100.0), ({"classes": ["cultivated"]}, 40.0), ({"classes": ["agricultural"]}, 70.0),
        ({"except_classes": ["cultivated"]}, 60.0), ({"within": {"line": FARM}}, 10.0),
        ({"classes": ["cultivated"], "without": {"line": FARM}}, 30.0), ({"classes": ["forest", "unused"]}, 60.0),
    ],
)  # fmt: skip
def test_land_use_in_hectares(where: dict[str, Any], hectares: float) -> None:
    used = land(("0102", "农用地", 40, {FARM: 1e5}), ("0301", "农用地", 30), ("1206", "未利用地", 30))
    part = part_of(Where.model_validate(where), "land_use", project({}, land=used), NATIONAL.classes)
    assert (part.least_m2, part.most_m2) == (hectares * 1e4, hectares * 1e4)


def test_land_use_without_its_layer_or_without_the_line_is_open() -> None:
    assert part_of(Where(), "land_use", project({}), NATIONAL.classes).holds is None
    used = tuple(replace(part, inside={}) for part in land(("0102", "农用地", 100)))
    for where in ({"within": {"line": FARM}}, {"without": {"line": FARM}}):
        part = part_of(Where.model_validate(where), "land_use", project({}, land=used), NATIONAL.classes)
        assert (part.least_m2, part.most_m2, part.holds) == (0.0, WHOLE, None)


def test_arithmetic_noise_is_no_land() -> None:
    used = land(("0102", "农用地", 1, {FARM: 1e4 - 1e-9}))
    where = Where.model_validate({"without": {"line": FARM}})
    assert part_of(where, "land_use", project({}, land=used), NATIONAL.classes).holds is False
    used = land(("0102", "农用地", 1, {FARM: 1e4 - 0.5}))  # half a square metre is land
    assert part_of(where, "land_use", project({}, land=used), NATIONAL.classes).least_m2 == 0.5


def test_no_land_has_no_share() -> None:
    part = part_of(Where(share_above=0.5), FARM, replace(project(avoid(FARM)), area_m2=0.0), NATIONAL.classes)
    assert part.holds is None


def test_class_names_are_compared_without_width_and_blanks() -> None:
    names = NATIONAL.classes[CITY]
    assert class_key("城镇集中建设区", names) == "concentrated"
    assert class_key("城镇 集中建设区　", names) == "concentrated"
    assert class_key("集中", names) == "unknown"
