"""Checks of tables (表格核对): columns in two units, shares, rows and columns of totals.

A table says what its figures are only through its headings, so every reading is a supposition. It is judged only
where the table itself confirms it: most rows (or columns) agree with it, and the few that do not are 不符. A row 合计
with a plain list of rows above it is a statement of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from controllines.figures.checks import AGREES, DIFFERS, NOT_JUDGED, Check
from controllines.figures.numbers import Difference, Printed, printed, same_area, share_of, show, sum_of
from controllines.figures.read import Table
from controllines.figures.words import NUMBER, either, factor, plain, said, unit_pattern

_NUMBER = re.compile(rf"\s*({NUMBER})\s*%?\s*")
#: Rows of totals that are off by more (as part of them) show that the table is built otherwise.
FAR = Fraction(1, 20)


@dataclass(frozen=True)
class Cell:
    """One figure of a table, with its line."""

    figure: Printed
    line: int


@dataclass(frozen=True)
class Column:
    """A column of figures: its heading without the unit, its unit, the figure of each row (None: no number)."""

    name: str
    unit: str
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True)
class Grid:
    """A table as understood: names of the rows, and its columns of areas and shares in their order."""

    rows: tuple[str, ...]
    columns: tuple[Column, ...]
    texts: tuple[str, ...]

    def total_rows(self) -> list[int]:
        """Rows named 合计."""
        return [n for n, name in enumerate(self.rows) if re.fullmatch(f"(?:{either(said('total_rows'))})", _bare(name))]

    def subtotal_rows(self) -> list[int]:
        """Rows named 小计 or 其中."""
        return [n for n, name in enumerate(self.rows) if re.search(either(said("subtotal_rows")), _bare(name))]


def _bare(name: str) -> str:
    return re.sub(r"\s", "", name)


def check_table(table: Table) -> list[Check]:
    """Check one table; a table whose rows are not of one length is not understood and gives nothing."""
    grid = understand(table)
    if grid is None:
        return []
    return [*_pairs(grid), *_shares(grid), *_across(grid), *_down(grid)]


def understand(table: Table) -> Grid | None:
    """Return the columns of figures of a table, None where there are none or rows differ in length."""
    width = len(table.rows[0])
    head = next((n for n, row in enumerate(table.rows) if any(map(_is_number, row[1:]))), len(table.rows))
    if not 0 < head < len(table.rows) or any(len(row) != width for row in table.rows):
        return None
    headings = ["".join(dict.fromkeys(row[column][1] for row in table.rows[:head])) for column in range(width)]
    general = re.search(rf"单位[：:]\s*{unit_pattern()}", plain(table.caption))
    body = table.rows[head:]
    columns = []
    for number, heading in enumerate(headings):
        unit = _unit(plain(heading), general)
        cells = tuple(_cell(row[number], unit) for row in body) if unit is not None else ()
        if unit is not None and any(cells):
            columns.append(Column(heading, unit[0] + unit[1], cells))
    names = tuple(next((text for _, text in row if text and not _NUMBER.fullmatch(plain(text))), "") for row in body)
    return Grid(names, tuple(columns), tuple(" ".join(text for _, text in row) for row in body)) if columns else None


def _is_number(cell: tuple[int, str]) -> bool:
    return bool(_NUMBER.fullmatch(plain(cell[1]))) and not re.fullmatch(r"(19|20)\d\d", cell[1])


def _unit(heading: str, general: re.Match[str] | None) -> tuple[str, str] | None:
    """Return (multiplier, unit) of a column, ("", "%") of a share; None where it holds something else."""
    if "%" in heading or re.search("占比|比例|比重", heading):
        return "", "%"
    own = re.search(rf"[(\[/]\s*{unit_pattern()}\s*[)\]]?|^{unit_pattern()}$", heading, re.IGNORECASE)
    if own:
        multiplier, unit = (own[1], own[2]) if own[2] else (own[3], own[4])
        return multiplier or "", unit
    other = re.search(r"[(\[/]|序号|代码|编号|个数|数量|年", heading)
    return (general[1] or "", general[2]) if general and not other else None


def _cell(cell: tuple[int, str], unit: tuple[str, str]) -> Cell | None:
    found = _NUMBER.fullmatch(plain(cell[1]))
    if found is None:
        return None
    of_one = Fraction(1, 100) if unit[1] == "%" else factor(*unit)
    return Cell(printed(found[1], unit[0] + unit[1], of_one), cell[0])


@dataclass(frozen=True)
class _Held:
    """One figure held against another under a supposition."""

    kind: str
    name: str
    cell: Cell
    compared: str
    result: Difference
    quote: str

    def check(self, verdict: str, note: str = "") -> Check:
        return Check(self.kind, verdict, self.name, str(self.cell.figure), self.compared, self.result, note,
                     self.cell.line, self.quote)  # fmt: skip


def _supposed(held: Sequence[_Held]) -> Iterator[Check]:
    """Judge a supposition by what most of its cases say."""
    agree = sum(item.result.agrees for item in held)
    if agree < 2 or 2 * agree <= len(held):
        return
    yield from (item.check(AGREES if item.result.agrees else DIFFERS) for item in held)


def _areas(grid: Grid) -> list[Column]:
    return [column for column in grid.columns if column.unit != "%"]


def _pairs(grid: Grid) -> Iterator[Check]:
    areas = _areas(grid)
    for first, second in pairwise(areas):
        if first.unit.lower() == second.unit.lower():
            continue
        held = []
        for row, (one, other) in enumerate(zip(first.cells, second.cells, strict=True)):
            if one is not None and other is not None:
                result = same_area(one.figure, other.figure)
                held.append(_Held("pair", grid.rows[row], other, f"{one.figure}＝{show(result.compared)}"
                                  f"{other.figure.unit}", result, grid.texts[row]))  # fmt: skip
        yield from _supposed(held)


def _shares(grid: Grid) -> Iterator[Check]:
    totals = grid.total_rows()
    for position, column in enumerate(grid.columns):
        areas = [area for area in grid.columns[:position] if area.unit != "%"] if column.unit == "%" else []
        if not areas or len(totals) != 1:
            continue
        rows = [row for row in range(len(grid.rows)) if row != totals[0]]
        held = [[_row_share(grid, column, area, (row, totals[0])) for area in areas] for row in rows]
        # A share is one of areas in any unit: the one it agrees with is meant, else the first.
        given = [[item for item in row if item is not None] for row in held]
        yield from _supposed([next((item for item in row if item.result.agrees), row[0]) for row in given if row])


def _row_share(grid: Grid, shares: Column, areas: Column, rows: tuple[int, int]) -> _Held | None:
    row, total = rows
    share, area, whole = shares.cells[row], areas.cells[row], areas.cells[total]
    if share is None or area is None or whole is None or whole.figure.low <= 0:
        return None
    result = share_of(share.figure, area.figure, whole.figure)
    compared = f"{area.figure}÷{whole.figure}＝{show(result.compared, 4)}%"
    return _Held("share", grid.rows[row], share, compared, result, grid.texts[row])


def _across(grid: Grid) -> Iterator[Check]:
    """Hold columns named 合计 or 小计 against the columns of the same unit beside them."""
    areas = _areas(grid)
    named = either([*said("total_rows"), "小计"])
    for position, column in enumerate(areas):
        if not re.search(named, column.name):
            continue
        siblings = [other for other in areas if other.unit == column.unit and not re.search(named, other.name)]
        after = [other for other in areas[position + 1 :] if other in siblings]
        suppositions = [_row_sums(grid, column, parts) for parts in (siblings, after, areas[:position])
                        if len(parts) > 1 and all(part in siblings for part in parts)]  # fmt: skip
        best = max(suppositions, key=lambda held: sum(item.result.agrees for item in held), default=[])
        yield from _supposed(best)


def _row_sums(grid: Grid, total: Column, parts: Sequence[Column]) -> list[_Held]:
    held = []
    for row, cell in enumerate(total.cells):
        figures = [part.cells[row] for part in parts]
        given = [item.figure for item in figures if item is not None]
        if cell is not None and len(given) > 1:
            result = sum_of(cell.figure, given)
            held.append(_Held("sum", f"{grid.rows[row]}（{total.name}）", cell, f"{len(given)}列之和"
                              f"{show(result.compared)}{cell.figure.unit}", result, grid.texts[row]))  # fmt: skip
    return held


def _down(grid: Grid) -> Iterator[Check]:
    """Hold the row 合计 against the rows it adds up."""
    totals, inner = grid.total_rows(), grid.subtotal_rows()
    if len(totals) != 1:
        return
    rows = [n for n in range(len(grid.rows)) if n != totals[0]]
    rows = [n for n in rows if n > totals[0]] if totals[0] == 0 else [n for n in rows if n < totals[0]]
    readings = [rows, [n for n in rows if n not in inner], [n for n in rows if n in inner]]
    flat = not inner and len({grid.rows[n] for n in rows}) == len(rows)
    for column in _areas(grid):
        cell = column.cells[totals[0]]
        sums = [_column_sum(cell, column, reading) for reading in readings] if cell is not None else []
        results = [result for result in sums if result is not None]
        if cell is None or not results:
            continue
        best = min(results, key=lambda result: abs(result.difference))
        told = abs(best.difference) <= FAR * abs(best.stated)
        whole = flat and all(column.cells[n] is not None for n in rows)
        verdict = AGREES if best.agrees else DIFFERS if whole and told else NOT_JUDGED
        held = _Held("sum", column.name, cell, f"各行之和{show(best.compared)}{cell.figure.unit}", best,
                     grid.texts[totals[0]])  # fmt: skip
        yield held.check(verdict, "" if verdict != NOT_JUDGED else "表中各行的分级不明，或有空格")


def _column_sum(total: Cell, column: Column, rows: Sequence[int]) -> Difference | None:
    given = [item.figure for n in rows if (item := column.cells[n]) is not None]
    return sum_of(total.figure, given) if len(given) > 1 else None
