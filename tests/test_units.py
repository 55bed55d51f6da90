from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllines.units import PROJECT_DECIMALS, STATISTICS_DECIMALS, UNITS, convert, half_up, print_area

#: Square metres in one unit, exactly (domain facts: 1 亩 = 2000/3 m², 1 公顷 = 15 亩).
EXACT = {"平方米": Fraction(1), "亩": Fraction(2000, 3), "公顷": Fraction(10_000), "平方公里": Fraction(10**6),
         "万亩": Fraction(20_000_000, 3)}  # fmt: skip


@pytest.mark.parametrize(
    ("m2", "unit", "decimals", "expected"),
    [
        (1.005, "平方米", 2, "1.01"),  # nearest float lies below the tie; round() gives 1.00
        (2.675, "平方米", 2, "2.68"),
        (0.125, "平方米", 2, "0.13"),  # an exact tie; half-even gives 0.12
        (2.5, "平方米", 0, "3"),
        (-0.125, "平方米", 2, "-0.13"),
        (10.0, "亩", 2, "0.02"),  # 0.015 亩 exactly
        (30.0, "亩", 2, "0.05"),  # 0.045 亩 exactly
        (6670.0, "亩", 2, "10.01"),  # 10.005 亩 exactly
        (59997.2509, "亩", 4, "89.9959"),
        (59997.2509, "公顷", 4, "5.9997"),
        (0.5, "公顷", 4, "0.0001"),
        (0.49999, "公顷", 4, "0.0000"),
        (55_065_000.0, "平方公里", 2, "55.07"),
        (202_800_000.0, "万亩", 2, "30.42"),
        (0.0, "公顷", 4, "0.0000"),
    ],
)
def test_half_up(m2, unit, decimals, expected):
    assert str(half_up(m2, unit, decimals)) == expected


@given(st.floats(0, 1e12), st.sampled_from(UNITS), st.integers(0, 6))
def test_half_up_against_fractions(m2, unit, decimals):
    scaled = Fraction(repr(m2)) / EXACT[unit] * 10**decimals
    assert half_up(m2, unit, decimals) == Decimal((scaled + Fraction(1, 2)).__floor__()).scaleb(-decimals)


def test_units_are_related():
    assert convert(2000 / 3, "亩") == pytest.approx(1, rel=1e-15)
    assert convert(10_000, "亩") == 15
    assert convert(1_000_000, "公顷") == 100
    assert convert(1_000_000, "亩") == 1500
    assert convert(1_000_000, "平方公里") == 1
    assert convert(10_000 * 2000, "万亩") == 3


def test_unknown_unit_names_the_known_ones():
    with pytest.raises(ValueError, match=r"畝.*平方米.*亩"):
        convert(1, "畝")


@pytest.mark.parametrize(
    ("m2", "unit", "expected"),
    [
        (None, "公顷", "—"),
        (float("nan"), "公顷", "—"),
        (0.0, "公顷", "0.0000"),
        (-0.0, "公顷", "0.0000"),
        (12345.678, "公顷", "1.2346"),
        (12345.678, "亩", "18.52"),
        (0.4, "公顷", "0.40平方米"),
        (3.0, "亩", "3.00平方米"),  # 0.0045 亩
        (0.005, "公顷", "0.01平方米"),
        (0.004, "公顷", "不足0.01平方米"),
        (0.004, "平方米", "不足0.01平方米"),
        (1e-30, "万亩", "不足0.01平方米"),
    ],
)
def test_print_area(m2, unit, expected):
    assert print_area(m2, unit) == expected


def test_print_area_with_unit_and_decimals():
    assert print_area(15_000, "公顷", 2, with_unit=True) == "1.50公顷"
    assert print_area(0.4, "公顷", with_unit=True) == "0.40平方米"
    assert print_area(None, "公顷", with_unit=True) == "—"


@given(st.floats(1e-12, 1e12), st.sampled_from(UNITS))
def test_what_is_not_zero_never_prints_as_zero(m2, unit):
    for decimals in (PROJECT_DECIMALS[unit], STATISTICS_DECIMALS[unit]):
        assert any(digit in "123456789" for digit in print_area(m2, unit, decimals))
