"""Cases: what was not measured is missing, never zero."""

from __future__ import annotations

from typing import Any

import pytest

from controllines.rules.cases import Joint, Line


def test_joints_default_to_nothing_known() -> None:
    assert Joint({}).uncovered_m2 == 0.0


@pytest.mark.parametrize(("outcome", "measured"), [("conflict", True), ("none", True), ("no_data", False),
                                                   ("failed", False)])  # fmt: skip
def test_areas_are_known_only_where_the_line_was_measured(outcome: str, measured: bool) -> None:
    assert Line("永久基本农田", "avoid", outcome).measured is measured


@pytest.mark.parametrize(
    ("known", "incomplete"),
    [({}, False), ({"uncovered_m2": 0.0}, False), ({"uncovered_m2": 1e-6}, True),
     ({"flags": frozenset({"sliver"})}, False), ({"flags": frozenset({"excluded_feature"})}, True)],
)  # fmt: skip
def test_a_line_is_incomplete_where_land_or_a_feature_was_not_checked(known: dict[str, Any], incomplete: bool) -> None:
    assert Line("永久基本农田", "avoid", "none", **known).incomplete is incomplete


def test_the_conflict_lies_on_the_side_of_the_sense() -> None:
    inside, outside = 3.0, 7.0
    assert Line("永久基本农田", "avoid", "conflict", inside, outside).conflict_m2 == 3.0
    assert Line("城镇开发边界", "stay_within", "conflict", inside, outside).conflict_m2 == 7.0
    assert Line("永久基本农田", "avoid", "no_data").conflict_m2 is None  # missing, never zero
