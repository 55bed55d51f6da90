"""The words of area statements (面积表述用语), from ``data/figures/words.toml``, as patterns."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from functools import cache
from typing import Any

from controllines.packaged import packaged

#: A number; thousands may be set off by commas or narrow spaces.
NUMBER = r"(?<![\d.])(?:\d{1,3}(?:[,\u00a0\u2009\u202f]\d{3})+|\d+)(?:\.\d+)?(?!\d)"
#: Full-width digits, letters and brackets as plain ones, one for one; Chinese punctuation stays.
_PLAIN = {0xFF01 + k: 0x21 + k for k in range(94) if chr(0x21 + k) not in ",;:!?"} | {0x3000: 0x20}


def bare(line: str) -> str:
    """Return a line without surrounding blanks and markdown's emphasis."""
    return line.replace("**", "").strip()


def plain(text: str) -> str:
    """Return text of the same length with full-width digits, letters and brackets made plain."""
    return text.translate(_PLAIN)


@cache
def data() -> dict[str, Any]:
    """Return the whole vocabulary."""
    return packaged("figures/words")


def said(key: str) -> tuple[str, ...]:
    """Return the words of one list of ``[words]``."""
    return tuple(data()["words"][key])


def either(words: Iterable[str]) -> str:
    """Return a pattern of alternatives, the longest first."""
    return "(?:" + "|".join(map(re.escape, sorted(words, key=len, reverse=True))) + ")"


@cache
def unit_pattern() -> str:
    """Return the pattern of a unit of area with its multiplier, as two groups."""
    return f"({either(data()['multipliers'])}?)({either(data()['units'])})"


@cache
def factor(multiplier: str, unit: str) -> Fraction:
    """Return the square metres of one unit."""
    numerator, denominator = data()["units"][unit.lower()]
    return Fraction(numerator, denominator) * int(data()["multipliers"].get(multiplier, 1))


@cache
def quantity_pattern() -> re.Pattern[str]:
    """Return the pattern of a number with a unit of area: groups number, multiplier, unit."""
    return re.compile(rf"({NUMBER})\s*{unit_pattern()}(?![a-z\d²³均产次])(?!/\s*[^\d\s])", re.IGNORECASE)


@cache
def share_pattern() -> re.Pattern[str]:
    """Return the pattern of a share: groups whole (may be empty) and number."""
    return re.compile(rf"占([^，。；、,;:：()\d%]{{0,30}}?)\s*({NUMBER})\s*%(?!的)")
