"""What a check is made of: every word the code uses has a name on the sheets."""

from __future__ import annotations

from fractions import Fraction

import pytest

from controllines.figures.checks import AGREES, DIFFERS, KINDS, NOT_JUDGED, QUERY, VERDICTS, near
from controllines.figures.numbers import Difference
from controllines.figures.prose import check_prose
from tests.figures.conftest import read


def test_verdicts_and_kinds_have_names() -> None:
    assert VERDICTS == {DIFFERS: "不符", QUERY: "待核实", AGREES: "一致", NOT_JUDGED: "未判定"}
    text = """总量100.00公顷（1500.00亩），其中甲30.00公顷，占比30%，乙70.00公顷，占比70%。
红线3.00平方公里，占国土面积的30%，林地1.00平方公里，占国土面积的10%。"""
    kinds = {check.kind for check in check_prose(read(text))}
    assert kinds == set(KINDS) - {"map"}


@pytest.mark.parametrize(("compared", "is_near"), [("999.00", True), ("1001.00", True), ("998.99", False)])
def test_near_is_a_thousandth_of_the_total(compared: str, is_near: bool) -> None:
    assert near(Difference(Fraction(1000), Fraction(compared), Fraction(0), "公顷")) is is_near
