"""Area statements: what a quantity is called, its twin, its share, and where it stands."""

from __future__ import annotations

from fractions import Fraction

import pytest

from controllines.figures.statements import Quantity, title
from tests.figures.conftest import read


def only(text: str) -> Quantity:
    [paragraph] = read(text)
    [item] = paragraph.quantities
    return item


def test_name_figure_twin_and_share() -> None:
    item = only("规划期末，耕地保有量10.00公顷（150.0亩），占国土面积的31.52%。")
    assert (item.name, str(item.figure), item.figure.m2) == ("耕地保有量", "10.00公顷", 100_000)
    assert item.twin is not None
    assert (str(item.twin.figure), item.twin.figure.m2) == ("150.0亩", 100_000)
    assert item.share is not None
    assert (item.share.of, str(item.share.figure)) == ("国土面积", "31.52%")


@pytest.mark.parametrize(("text", "about"), [
    ("约10公顷", True), ("10公顷左右", True), ("逾10公顷", True), ("10公顷", False), ("10公顷以内", False),
])  # fmt: skip
def test_figures_that_are_not_meant_to_the_last_digit(text: str, about: bool) -> None:
    figure = only(text).figure
    assert figure.about is about
    assert figure.slack == (1 if about else Fraction(1, 2))


@pytest.mark.parametrize("text", ["3-5平方公里", "3～5平方公里", "3平方公里至5平方公里", "50%—60公顷"])
def test_ends_of_a_range_are_no_figures(text: str) -> None:
    assert [item for paragraph in read(f"规模{text}") for item in paragraph.quantities] == []


def test_a_number_broken_in_two_is_doubtful() -> None:
    assert only("供应1 843.24公顷").doubtful
    assert not only("供应1843.24公顷").doubtful


def test_a_share_of_the_whole_list_names_no_whole() -> None:
    for words in ("占比30%", "占总面积的30%", "占30%", "占比例为30%"):
        share = only(f"甲30公顷，{words}").share
        assert share is not None
        assert share.of == ""


def test_titles_are_names_without_what_leads_them_in() -> None:
    assert title(only("其中：1.居住用地60公顷")) == "居住用地"
    assert title(only("包括（2）工业用地60公顷")) == "工业用地"


NUMBERED = "计划供应：\n\n1.居住用地60公顷；\n**2.工业用地40公顷**。\n3.另一段。"


def test_items_of_a_list_join_what_leads_them_in_and_keep_their_lines() -> None:
    """Line 4 ends the sentence: the item of line 5 leads nothing on."""
    first, second = read(NUMBERED)
    assert [first.line(item.start) for item in first.quantities] == [3, 4]
    assert [first.text[at : at + 2] for at in first.items] == ["1.", "2."]
    assert second.lines == (5,)


def test_a_quote_is_the_clauses_around_within_the_sentence_as_written() -> None:
    [paragraph] = read("前一句说别的。规划期末，耕地保有量１０公顷，林地５公顷。后一句。")
    item = paragraph.quantities[0]
    assert paragraph.quote(item.start, item.end) == "规划期末，耕地保有量１０公顷，林地５公顷"
    assert paragraph.quote(item.start, item.end, margin=0) == "１０公顷"
    [paragraph] = read("耕地10公顷，林地5公顷")
    item = paragraph.quantities[0]
    assert paragraph.quote(item.start, item.end) == "耕地10公顷，林地5公顷"
    [paragraph] = read(f"{'远' * 30}，近处，耕地10公顷，近处，{'远' * 30}。")
    item = paragraph.quantities[0]
    assert paragraph.quote(item.start, item.end) == "近处，耕地10公顷，近处"


def test_what_stands_in_a_bracket_under_a_name_of_its_own_is_no_twin() -> None:
    [paragraph] = read("耕地10公顷（园地160亩）")
    assert [(item.name, item.twin) for item in paragraph.quantities] == [("耕地", None), ("园地", None)]


@pytest.mark.parametrize(("words", "about"), [("约占30%", True), ("占约30%", True), ("占30%", False)])
def test_shares_that_are_not_meant_to_the_last_digit(words: str, about: bool) -> None:
    share = only(f"甲30公顷，{words}").share
    assert share is not None
    assert share.figure.about is about
    assert share.figure.m2 == Fraction(3, 10)
