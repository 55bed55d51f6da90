"""Tables in every form in which texts carry them."""

from __future__ import annotations

import pytest

from controllines.figures.checks import Check
from controllines.figures.read import tables_of
from controllines.figures.tables import check_table

ROWS = [("地类", "面积（公顷）", "面积（亩）", "占比（%）"), ("耕地", "60.00", "900.00", "60.00"),
        ("园地", "30.00", "450.00", "30.00"), ("林地", "10.00", "150.00", "10.00"),
        ("合计", "100.00", "1500.00", "100.00")]  # fmt: skip
FORMS = {
    "markdown": lambda rows: "\n".join(["|" + "|".join(rows[0]) + "|", "|--|:-:|--|--|"]
                                       + ["|" + "|".join(row) + "|" for row in rows[1:]]),
    "tabs": lambda rows: "\n".join("\t".join(row) for row in rows),
    "cell a line": lambda rows: "\n\n".join("\n".join("\t" + cell for cell in row) for row in rows) + "\n\n",
}  # fmt: skip


def checks(rows: list[tuple[str, ...]], form: str = "tabs", above: str = "") -> list[Check]:
    text = above + "\n" + FORMS[form](rows)
    (table,) = tables_of(list(enumerate(text.split("\n"), start=1)))
    return check_table(table)


def changed(row: int, column: int, value: str) -> list[tuple[str, ...]]:
    rows = [list(cells) for cells in ROWS]
    rows[row][column] = value
    return [tuple(cells) for cells in rows]


def alarms(found: list[Check]) -> list[tuple[str, str]]:
    return [(check.kind, check.name) for check in found if check.verdict == "differs"]


@pytest.mark.parametrize("form", FORMS)
def test_a_table_that_agrees(form: str) -> None:
    found = checks(ROWS, form)
    assert {check.verdict for check in found} == {"agrees"}
    assert {check.kind for check in found} == {"pair", "share", "sum"}
    assert len(found) == 4 + 3 + 2


@pytest.mark.parametrize("form", FORMS)
def test_every_wrong_cell_is_named_once_or_with_its_total(form: str) -> None:
    assert alarms(checks(changed(2, 2, "455.00"), form)) == [("pair", "园地"), ("sum", "面积（亩）")]
    assert alarms(checks(changed(3, 3, "11.00"), form)) == [("share", "林地")]
    wrong = checks(changed(2, 2, "455.00"), "cell a line")
    assert next(c.line for c in wrong if c.verdict == "differs") == 2 + 2 * 5 + 2  # third row of the table, third cell


def test_subtotals_may_count_or_not() -> None:
    rows = [("地类", "面积（公顷）"), ("耕地", "60.00"), ("其中：水田", "20.00"), ("园地", "40.00"), ("合计", "100.00")]
    assert {check.verdict for check in checks(rows)} == {"agrees"}
    rows[-1] = ("合计", "101.00")  # with 其中 the rows have levels that a table does not show
    assert {check.verdict for check in checks(rows)} == {"not_judged"}


def test_the_unit_may_stand_above() -> None:
    rows = [("地类", "甲镇", "乙镇", "合计"), ("耕地", "1.00", "2.00", "3.00"), ("园地", "1.00", "1.00", "2.00"),
            ("林地", "5.00", "1.00", "6.50"), ("草地", "1.00", "5.00", "6.00"), ("水域", "2.00", "1.00", "3.00"),
            ("合计", "10.00", "10.00", "20.50")]  # fmt: skip
    assert checks(rows) == []  # nobody knows what these are
    found = checks(rows, above="单位：公顷")
    assert alarms(found) == [("sum", "林地（合计）"), ("sum", "合计（合计）")]


def test_columns_that_are_something_else_are_not_held_together() -> None:
    rows = [
        ("项目", "征收面积（公顷）", "补偿面积（亩）"),
        ("甲", "10.00", "33.00"),
        ("乙", "20.00", "44.00"),
        ("丙", "30.00", "450.00"),
    ]
    assert checks(rows) == []


def test_a_hierarchy_is_not_added_up() -> None:
    rows = [
        ("地类", "面积（公顷）"),
        ("农用地", "90.00"),
        ("耕地", "60.00"),
        ("园地", "30.00"),
        ("建设用地", "10.00"),
        ("合计", "100.00"),
    ]
    assert {check.verdict for check in checks(rows)} == {"not_judged"}


def test_empty_cells_leave_a_total_open() -> None:
    assert alarms(checks(changed(3, 1, "—"))) == []


def test_rows_of_different_length_are_not_understood() -> None:
    assert checks([*ROWS[:2], ("园地", "30.00"), ROWS[4]]) == []
