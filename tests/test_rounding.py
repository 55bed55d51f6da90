"""Controlled rounding: all sums exact, every figure next to the true one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controllines.rounding import controlled


def _is_adjacent(printed: np.ndarray, true: np.ndarray) -> bool:
    return bool((np.abs(printed - true) < 1 + 1e-6).all())


def test_table_of_thirds_by_hand() -> None:
    # three rows of 1/3 each: every row and column sums to 1, so one cell of each is 1
    printed = controlled(np.full((3, 3), 1 / 3))
    assert printed.sum() == 3
    assert (printed.sum(axis=0) == 1).all()
    assert (printed.sum(axis=1) == 1).all()


def test_whole_numbers_stay() -> None:
    values = np.array([[1.0, 2.0], [0.0, 7.0]])
    assert (controlled(values) == values).all()


def assert_printed_well(values: np.ndarray) -> None:
    """Every figure, row, column and the grand total stand next to the true one, and nothing stays nothing."""
    printed = controlled(values)
    assert _is_adjacent(printed, values)
    assert _is_adjacent(printed.sum(axis=0), values.sum(axis=0))
    assert _is_adjacent(printed.sum(axis=1), values.sum(axis=1))
    assert abs(printed.sum() - values.sum()) < 1 + 1e-6
    assert (printed[values == 0] == 0).all()


@pytest.mark.parametrize("seed", range(20))
def test_random_tables(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(25):
        values = rng.uniform(0, 50, rng.integers(1, 12, 2)) * (rng.random() < 0.9)
        values[rng.random(values.shape) < 0.3] = 0
        assert_printed_well(values)


@pytest.mark.slow
def test_ten_thousand_random_tables() -> None:
    """All sums exact by construction; every figure, row, column and grand total next to the true one."""
    rng = np.random.default_rng(10_000)
    for _ in range(10_000):
        values = rng.uniform(0, 10 ** rng.uniform(-2, 6), rng.integers(1, 25, 2))
        values[rng.random(values.shape) < rng.uniform(0, 0.6)] = 0
        assert_printed_well(values)


def test_negative_differences_add_up_too() -> None:
    values = np.array([[-0.4, 0.4], [1.3, -1.3], [0.0, 2.25]])
    printed = controlled(values)
    assert _is_adjacent(printed, values)
    assert _is_adjacent(printed.sum(axis=0), values.sum(axis=0))
    assert _is_adjacent(printed.sum(axis=1), values.sum(axis=1))
    assert printed[2, 0] == 0


@settings(deadline=None)
@given(
    st.integers(1, 5).flatmap(
        lambda width: st.lists(st.lists(st.integers(0, 1000), min_size=width, max_size=width), min_size=1, max_size=6)
    )
)
def test_hundredths(cells: list[list[int]]) -> None:
    values = np.array(cells) / 100
    printed = controlled(values)
    assert _is_adjacent(printed, values)
    assert _is_adjacent(printed.sum(axis=0), values.sum(axis=0))
    assert _is_adjacent(printed.sum(axis=1), values.sum(axis=1))
