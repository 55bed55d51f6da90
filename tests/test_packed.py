"""Packed columns give back what was packed, whatever their blocks."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import shapely

from controllines import packed
from controllines.packed import Packed, measured, pack, row_slices, slices_of

SHAPES = np.array([shapely.box(n, 0, n + 1, 1) if n % 5 else None for n in range(23)], dtype=object)


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(packed, "ROWS", 7)


@pytest.mark.usefixtures("small_blocks")
def test_rows_come_back_in_any_order():
    column = pack(SHAPES)
    assert [len(column[rows]) for rows in column.slices] == [7, 7, 7, 2]
    rows = np.array([22, 0, 8, 8, 3])
    assert shapely.equals_exact(column[rows][[0, 2, 3, 4]], SHAPES[rows][[0, 2, 3, 4]]).all()
    assert column[rows][1] is None
    np.testing.assert_array_equal(column.bounds, shapely.bounds(SHAPES))
    drained = np.concatenate([column.drained(rows) for rows in column.slices])
    assert [geom is None for geom in drained] == [geom is None for geom in SHAPES]
    assert len(column) == 23


@pytest.mark.usefixtures("small_blocks")
def test_measures_are_those_of_the_array():
    rows = np.array([n for n in range(23) if n % 5])
    np.testing.assert_array_equal(measured(shapely.area, pack(SHAPES), rows), shapely.area(SHAPES[rows]))
    np.testing.assert_array_equal(measured(shapely.area, SHAPES, rows), shapely.area(SHAPES[rows]))


def test_a_block_ends_by_rows_or_by_bytes(monkeypatch):
    monkeypatch.setattr(packed, "ROWS", 3)
    monkeypatch.setattr(packed, "BYTES", 10)
    wkb = pa.array([b"x" * 4, None, b"x", b"x", b"x" * 40, b"x" * 6, b"x" * 6], pa.large_binary())
    assert [(part.start, part.stop) for part in row_slices(wkb)] == [(0, 3), (3, 5), (5, 7)]
    assert list(row_slices(pa.array([], pa.large_binary()))) == []


def test_nothing_is_a_column_too():
    assert len(pack(SHAPES[:0])) == 0
    assert Packed([]).bounds.shape == (0, 4)
    assert slices_of(SHAPES) == [slice(0, 23)]
