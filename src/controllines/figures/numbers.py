"""Printed figures (所印数字) as what they say: a value, and half a unit of its last digit to either side.

All comparison is exact arithmetic on fractions. Two printed figures agree if there is a true value that rounds to
both; the ends of the interval count, as half of a last digit may have been rounded either way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction


@dataclass(frozen=True)
class Printed:
    """One printed figure.

    Attributes
    ----------
    value : as printed, in ``unit``
    decimals : printed decimals
    unit : as written, 万亩
    factor : square metres (or whatever is compared) of one unit
    about : 约…, 近…: meant no closer than a whole last digit
    """

    value: Fraction
    decimals: int
    unit: str
    factor: Fraction
    about: bool = False

    @property
    def slack(self) -> Fraction:
        """How far the true value may lie from it: half a unit of the last digit; a whole one for 约…."""
        return Fraction(2 if self.about else 1, 2 * 10**self.decimals)

    def __str__(self) -> str:
        return f"{Decimal(self.value.numerator) / Decimal(self.value.denominator):.{self.decimals}f}{self.unit}"

    @property
    def m2(self) -> Fraction:
        """The printed value in square metres."""
        return self.value * self.factor

    @property
    def slack_m2(self) -> Fraction:
        """How far the true value may lie from it, in square metres."""
        return self.slack * self.factor

    @property
    def low(self) -> Fraction:
        """The least true value, m²."""
        return self.m2 - self.slack_m2

    @property
    def high(self) -> Fraction:
        """The greatest true value, m²."""
        return self.m2 + self.slack_m2


def printed(digits: str, unit: str, factor: Fraction, *, about: bool = False) -> Printed:
    """Read a printed number such as ``1,843.24``."""
    plain = re.sub(r"[,\s]", "", digits)
    return Printed(Fraction(plain), len(plain.partition(".")[2]), unit, factor, about)


@dataclass(frozen=True)
class Difference:
    """Two values that should be one (差值与容差), in one unit.

    Attributes
    ----------
    stated, compared : the printed value, and the one it is held against
    tolerance : what rounding of both sides can make up
    unit : of all three
    """

    stated: Fraction
    compared: Fraction
    tolerance: Fraction
    unit: str

    @property
    def difference(self) -> Fraction:
        """Stated less compared."""
        return self.stated - self.compared

    @property
    def agrees(self) -> bool:
        """Whether rounding explains the difference."""
        return abs(self.difference) <= self.tolerance


def same_area(stated: Printed, other: Printed) -> Difference:
    """Compare one area printed in two units, in the unit of the second."""
    tolerance = (stated.slack_m2 + other.slack_m2) / other.factor
    return Difference(other.value, stated.m2 / other.factor, tolerance, other.unit)


def sum_of(total: Printed, parts: list[Printed]) -> Difference:
    """Compare a total with the sum of its parts, in the unit of the total; every part was rounded by itself."""
    tolerance = total.slack + sum((part.slack_m2 for part in parts), Fraction()) / total.factor
    return Difference(total.value, sum((part.m2 for part in parts), Fraction()) / total.factor, tolerance, total.unit)


def share_of(share: Printed, part: Printed, rest: tuple[Fraction, Fraction] | Printed) -> Difference:
    """Compare a printed share (%) with part ÷ whole.

    Parameters
    ----------
    rest : the printed whole; or, where the whole is the sum of its parts, least and greatest sum of the other parts
    """
    if isinstance(rest, Printed):
        middle = part.m2 / rest.m2
        low, high = part.low / rest.high, part.high / rest.low
    else:
        others = sum(rest, Fraction()) / 2
        middle = part.m2 / (part.m2 + others)
        low, high = part.low / (part.low + rest[1]), part.high / (part.high + rest[0])
    above = share.value > middle * 100
    reach = (high - middle if above else middle - low) * 100
    return Difference(share.value, middle * 100, share.slack + reach, "%")


def show(value: Fraction, digits: int = 6) -> str:
    """Return a value with at most so many decimals, without idle zeros."""
    text = f"{float(value):.{digits}f}".rstrip("0").rstrip(".") if value else "0"
    return "0" if text == "-0" else text
