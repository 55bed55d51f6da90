"""Rounding that still adds up (强制调平小数位取舍误差): controlled rounding of a two-way table.

Every cell, row total, column total and the grand total become one of the two figures next to the true value, and the
printed cells add up to the printed totals. After L. H. Cox, "A constructive procedure for unbiased controlled
rounding", JASA 82 (1987), with a fixed instead of a random choice at each step.
"""

from __future__ import annotations

import numpy as np

Array = np.ndarray
#: A figure this near to a whole number of the last digit is one.
WHOLE = 1e-7


def controlled(values: Array) -> Array:
    """Round a table to whole numbers so that rows, columns and the grand total add up.

    Parameters
    ----------
    values : float array of shape (rows, columns), not negative, in units of the last digit

    Returns
    -------
    int64 array of the same shape: each value its floor or ceiling, and so each sum of a row, a column and of all
    """
    base = np.floor(values + WHOLE)
    table = _with_slack(np.where(np.abs(values - np.round(values)) <= WHOLE, 0.0, values - base))
    exact = table.copy()
    open_cells = _is_open(table)
    while open_cells.any():
        _settle(table, exact, _cycle(open_cells))
        open_cells = _is_open(table)
    return np.asarray(base + np.round(table[:-1, :-1]), dtype=np.int64)


def _with_slack(fractions: Array) -> Array:
    """Add a row and a column that bring every sum to a whole number."""
    wide = np.zeros((fractions.shape[0] + 1, fractions.shape[1] + 1))
    wide[:-1, :-1] = fractions
    wide[:-1, -1] = _lacking(fractions.sum(axis=1))
    wide[-1, :] = _lacking(wide[:-1].sum(axis=0))
    return wide


def _lacking(sums: Array) -> Array:
    lack = np.ceil(sums - WHOLE) - sums
    return np.where(lack <= WHOLE, 0.0, lack)


def _is_open(table: Array) -> Array:
    return np.asarray(np.abs(table - np.round(table)) > WHOLE)


def _cycle(open_cells: Array) -> list[tuple[int, int]]:
    """Return open cells that alternate along rows and columns and close.

    Sums are whole, so an open cell is never alone in its row or column, and the walk cannot get stuck.
    """
    row = int(np.flatnonzero(open_cells.any(axis=1))[0])
    column = int(np.flatnonzero(open_cells[row])[0])
    path = [(row, column)]
    while True:
        in_row = np.flatnonzero(open_cells[row])
        column = int(in_row[in_row != column][0])
        path.append((row, column))
        seen = [n for n, (_, c) in enumerate(path[:-1]) if c == column and n % 2 == 0]
        if seen:
            return path[seen[0] :] if (len(path) - seen[0]) % 2 == 0 else path[seen[0] + 1 :]
        in_column = np.flatnonzero(open_cells[:, column])
        row = int(in_column[in_column != row][0])
        path.append((row, column))
        met = [n for n, (r, _) in enumerate(path[:-1]) if r == row and n % 2 == 1]
        if met:
            return path[met[0] :] if (len(path) - met[0]) % 2 == 0 else path[met[0] + 1 :]


def _settle(table: Array, exact: Array, path: list[tuple[int, int]]) -> None:
    """Move the cells of a cycle up and down in turn until one of them is whole; take the nearer of both ways."""
    rows, columns = (np.array(side) for side in zip(*path, strict=True))
    sign = np.where(np.arange(len(path)) % 2 == 0, 1.0, -1.0)
    here, true = table[rows, columns], exact[rows, columns]
    ways = []
    for direction in (sign, -sign):
        step = float(np.where(direction > 0, 1 - here, here).min())
        moved = here + direction * step
        ways.append((float(((moved - true) ** 2).sum()), moved))
    table[rows, columns] = min(ways, key=lambda way: way[0])[1]
