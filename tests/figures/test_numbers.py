"""Printed figures as intervals; expected values by hand."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllines.figures.numbers import Printed, printed, same_area, share_of, show, sum_of

HA, MU, PERCENT = Fraction(10_000), Fraction(2000, 3), Fraction(1, 100)


def ha(digits: str, **how: bool) -> Printed:
    return printed(digits, "公顷", HA, **how)


def mu(digits: str) -> Printed:
    return printed(digits, "亩", MU)


def percent(digits: str) -> Printed:
    return printed(digits, "%", PERCENT)


def test_digits_are_kept_as_printed() -> None:
    assert str(ha("1,843.240")) == "1843.240公顷"
    assert ha("1,843.24").value == Fraction(184324, 100)
    assert ha("12").slack == Fraction(1, 2)
    assert ha("12.30").slack == Fraction(5, 1000)
    assert ha("12.30", about=True).slack == Fraction(1, 100)


@pytest.mark.parametrize(("hectares", "acres", "agrees"), [
    ("1843.24", "27647.42", False),  # × 15 = 27 648.60, off by 1.18; ± 0.075 ± 0.005
    ("1843.24", "27648.60", True),
    ("1843.24", "27648.68", True),  # exactly the tolerance: 27 648.675 rounds up
    ("1843.24", "27648.69", False),
    ("12", "180", True),
    ("12", "188", True),  # 12.5 公顷 are 187.5 亩
    ("12", "189", False),
])  # fmt: skip
def test_hectares_and_mu(hectares: str, acres: str, agrees: bool) -> None:
    assert same_area(ha(hectares), mu(acres)).agrees is agrees
    assert same_area(mu(acres), ha(hectares)).agrees is agrees


def test_half_a_last_digit_of_both_sides_meets_exactly() -> None:
    """0.98万公顷（14.78万亩）: 0.985 × 15 = 14.775, which is the least that rounds to 14.78. Floats would say no."""
    result = same_area(printed("0.98", "万公顷", HA * 10_000), printed("14.78", "万亩", MU * 10_000))
    assert result.difference == result.tolerance == Fraction(8, 100)
    assert result.agrees


def test_tolerance_of_a_sum_grows_with_its_parts() -> None:
    result = sum_of(ha("10.0"), [ha("3.3"), ha("3.3"), ha("3.25")])
    assert result.difference == Fraction(15, 100)
    assert result.tolerance == Fraction(155, 1000)
    assert result.agrees
    assert not sum_of(ha("10.00"), [ha("3.3"), ha("3.3"), ha("3.20")]).agrees


def test_share_of_a_printed_whole() -> None:
    """542.77 ÷ 1843.24 = 29.4465 %; with both at the ends of their rounding 29.4462 … 29.4469."""
    assert not share_of(percent("29.44"), ha("542.77"), ha("1843.24")).agrees
    assert share_of(percent("29.45"), ha("542.77"), ha("1843.24")).agrees
    assert share_of(percent("0.09"), ha("1.8"), ha("1843.24")).agrees  # 1.75 ÷ 1843.24 = 0.09494


def test_share_of_a_sum_of_parts() -> None:
    rest = ha("4327.1"), ha("10155.6")
    bounds = rest[0].low + rest[1].low, rest[0].high + rest[1].high
    assert share_of(percent("12.55"), ha("2078.5"), bounds).agrees
    assert not share_of(percent("12.56"), ha("2078.5"), bounds).agrees


@given(st.integers(1, 10**9), st.integers(0, 4), st.integers(0, 4))
def test_one_area_rounded_twice_always_agrees(m2: int, first: int, second: int) -> None:
    def rounded(factor: Fraction, places: int) -> Printed:
        shifted = Fraction(m2) / factor * 10**places
        return Printed(Fraction((2 * shifted + 1) // 2, 10**places), places, "", factor)

    assert same_area(rounded(HA, first), rounded(MU, second)).agrees


@given(st.lists(st.integers(1, 10**8), min_size=2, max_size=8), st.integers(0, 4))
def test_parts_rounded_one_by_one_always_add_up(parts: list[int], places: int) -> None:
    def rounded(m2: int) -> Printed:
        return Printed(Fraction((2 * Fraction(m2, 10_000) * 10**places + 1) // 2, 10**places), places, "公顷", HA)

    assert sum_of(rounded(sum(parts)), [rounded(part) for part in parts]).agrees


def test_show() -> None:
    assert [show(Fraction(v)) for v in ("0", "-10", "0.5", "1/3")] == ["0", "-10", "0.5", "0.333333"]
