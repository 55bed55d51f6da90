"""Levels combine by the worst; undetermined outweighs everything but a prohibition."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from controllines.rules.levels import LEVELS, Effect, Level, reaches, severity, worst


def test_undetermined_prevails_over_everything_but_prohibited() -> None:
    assert LEVELS == ("clear", "conditional", "approval", "undetermined", "prohibited")
    assert worst(["clear", "undetermined", "approval"]) == "undetermined"
    assert worst(["prohibited", "undetermined"]) == "prohibited"
    assert worst([]) is None


@pytest.mark.parametrize(
    ("found", "limit", "expected"),
    [("clear", "clear", True), ("clear", "conditional", False), ("approval", "conditional", True),
     ("undetermined", "prohibited", True), ("conditional", "prohibited", False), ("prohibited", "prohibited", True)],
)  # fmt: skip
def test_fail_on(found: Any, limit: Any, expected: bool) -> None:
    assert reaches(found, limit) is expected


def test_every_level_has_its_place() -> None:
    assert set(LEVELS) == set(get_args(Level))
    assert set(get_args(Effect)) == {*LEVELS, "note"}
    assert [severity(level) for level in LEVELS] == [0, 1, 2, 3, 4]
    assert all(reaches("undetermined", limit) for limit in LEVELS)
