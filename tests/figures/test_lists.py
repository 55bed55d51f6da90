"""Where a list of parts begins, which total it belongs to, and where it may end."""

from __future__ import annotations

import pytest

from controllines.figures.lists import Listed, lists
from tests.figures.conftest import read


def found(text: str) -> list[Listed]:
    [paragraph] = read(text)
    return list(lists(paragraph, ()))


def told(listed: Listed) -> tuple[str | None, list[list[str]]]:
    """The total and every reading, as printed."""
    total = None if listed.total is None else str(listed.total.figure)
    return total, [[str(part.figure) for part in reading] for reading in listed.readings]


@pytest.mark.parametrize(("text", "total", "readings"), [
    ("总面积100公顷，其中耕地60公顷、园地40公顷。", "100公顷", [["60公顷", "40公顷"]]),
    ("总面积100公顷（其中耕地60公顷、园地40公顷），林地5公顷。", "100公顷", [["60公顷", "40公顷"]]),
    ("总面积100公顷，其中耕地60公顷、园地40公顷；林地5公顷。", "100公顷",
     [["60公顷", "40公顷", "5公顷"], ["60公顷", "40公顷"]]),
    ("总面积100公顷（其中耕地60公顷（900亩）、园地40公顷），林地5公顷。", "100公顷", [["60公顷", "40公顷"]]),
    ("总面积100公顷，其中耕地60公顷、园地40公顷。林地5公顷", "100公顷", [["60公顷", "40公顷"]]),
    ("总面积100公顷，其中耕地60公顷、园地40公顷", "100公顷", [["60公顷", "40公顷"]]),
    ("供应总量100公顷：1.甲60公顷；2.乙40公顷。", "100公顷", [["60公顷", "40公顷"]]),
    ("总面积100公顷，其中耕地60公顷（水田9公顷）、园地40公顷。", "100公顷", [["60公顷", "40公顷"]]),
    ("耕地60公顷、园地40公顷，合计100公顷。", "100公顷", [["60公顷", "40公顷"]]),
    ("林地5公顷，耕地60公顷、园地40公顷，合计100公顷。", "100公顷",
     [["5公顷", "60公顷", "40公顷"], ["60公顷", "40公顷"]]),
    ("甲30公顷，占比30%，乙70公顷，占比70%。", None, [["30公顷", "70公顷"]]),
    ("总量100公顷，分为：1.甲60公顷；2.乙40公顷。", "100公顷", [["60公顷", "40公顷"]]),
])  # fmt: skip
def test_lists_and_their_totals(text: str, total: str | None, readings: list[list[str]]) -> None:
    assert told(found(text)[0]) == (total, readings)


@pytest.mark.parametrize("text", [
    "总面积100公顷，耕地60公顷、园地40公顷。",  # nothing says that these are its parts
    "总面积100公顷，其中耕地60公顷。",  # one part is no list
    "人均耕地2亩，其中水田60公顷、旱地20公顷。",  # a rate is no total
    "总面积100公顷，其中1 060公顷、园地40公顷。",  # a number nobody can read for certain
    "甲30公顷，占比30%。乙70公顷，占比70%。",  # two sentences
    "供应总量100公顷：1.甲60公顷；2.乙另计；3.丙40公顷。",  # an item without its figure
    "红线3公顷，占国土面积的30%，林地7公顷，占国土面积的70%。",  # shares of another whole
])  # fmt: skip
def test_what_is_no_list(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(("text", "passage"), [
    ("总面积100公顷，其中耕地60公顷、园地40公顷。", "100公顷，其中耕地60公顷、园地40公顷"),
    ("全县耕地60公顷、园地40公顷，合计100公顷。", "60公顷、园地40公顷，合计100公顷"),
    ("甲30公顷，占比30%，乙70公顷，占比70%。", "30公顷，占比30%，乙70公顷，占比70%"),
])  # fmt: skip
def test_where_a_list_stands(text: str, passage: str) -> None:
    [listed] = found(text)
    assert text[listed.start : listed.end] == passage


def test_a_list_ends_before_the_total_of_the_next() -> None:
    first, second = found("林地10公顷，其中乔木6公顷，灌木4公顷；草地20公顷，其中天然9公顷，人工11公顷。")
    assert told(first) == ("10公顷", [["6公顷", "4公顷"]])
    assert told(second) == ("20公顷", [["9公顷", "11公顷"]])


def test_a_numbered_list_may_refer_to_totals_of_that_name_before_it() -> None:
    before, paragraph = read("供应总量100公顷，绿地率30公顷。\n总量中：1.甲60公顷；\n2.乙40公顷。")
    known = [(before.line(item.start), item) for item in before.quantities]
    [listed] = lists(paragraph, known)
    assert listed.total is None
    assert [(line, str(item.figure)) for line, item in listed.distant] == [(1, "100公顷")]
