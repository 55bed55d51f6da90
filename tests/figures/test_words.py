"""The vocabulary of area statements, and the patterns made of it."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest

from controllines.figures.words import bare, data, either, factor, plain, quantity_pattern, said, share_pattern
from controllines.kinds import registry


@pytest.mark.parametrize(("multiplier", "unit", "m2"), [
    ("", "亩", Fraction(2000, 3)), ("万", "亩", Fraction(20_000_000, 3)), ("", "平方公里", 10**6),
    ("", "KM2", 10**6), ("百万", "公顷", 10**10), ("", "㎡", 1), ("亿", "平方米", 10**8),
])  # fmt: skip
def test_square_metres_of_a_unit(multiplier: str, unit: str, m2: Fraction) -> None:
    assert factor(multiplier, unit) == m2


@pytest.mark.parametrize(("text", "groups"), [
    ("耕地1,843.24公顷", ("1,843.24", "", "公顷")), ("30.42 万亩。", ("30.42", "万", "亩")),
    ("202.8 km²", ("202.8", "", "km²")), ("5十万亩", ("5", "十万", "亩")),
])  # fmt: skip
def test_a_quantity_is_a_number_with_a_unit_of_area(text: str, groups: tuple[str, ...]) -> None:
    match = quantity_pattern().search(text)
    assert match is not None
    assert match.groups() == groups


@pytest.mark.parametrize("text", ["15公里", "13500 m3", "800亩产", "5亩/人", "5 亩均", "2公顷2", "第3条公顷"])
def test_what_is_no_area(text: str) -> None:
    assert quantity_pattern().search(text) is None


@pytest.mark.parametrize(("text", "groups"), [
    ("占比30%", ("比", "30")), ("占国土面积的 31.52%", ("国土面积的", "31.52")), ("占5%", ("", "5")),
])  # fmt: skip
def test_a_share_names_its_whole(text: str, groups: tuple[str, str]) -> None:
    match = share_pattern().search(text)
    assert match is not None
    assert match.groups() == groups


@pytest.mark.parametrize("text", ["占比70%的林地", "占地面积，增长5%", "占用耕地30公顷"])
def test_what_is_no_share(text: str) -> None:
    assert share_pattern().search(text) is None


def test_alternatives_are_taken_literally_the_longest_first() -> None:
    assert re.match(either(["约", "约为"]), "约为5")[0] == "约为"  # type: ignore[index]
    assert re.fullmatch(either(["a.b", "(c)"]), "(c)")
    assert not re.fullmatch(either(["a.b", "(c)"]), "axb")


def test_plain_text_keeps_its_length_and_chinese_punctuation() -> None:
    wide = "１０．５（亩）；Ａ：，。！？　"
    assert plain(wide) == "10.5(亩)；A：，。！？ "
    assert len(plain(wide)) == len(wide)
    assert bare("  **永久基本农田** ") == "永久基本农田"


def test_every_list_has_words_and_every_line_its_kind() -> None:
    for key in data()["words"]:
        assert said(key)
        assert len(set(said(key))) == len(said(key))
    for key in data()["map"]["names"]:
        assert registry()[key].is_line
