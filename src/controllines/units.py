"""Units of area and half-up rounding (面积单位与四舍五入).

Areas are float64 square metres everywhere; these functions are used once, at the printed figure.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from functools import cache

#: Square metres in one unit. 1 亩 is exactly 2000/3 m², so its factor is kept as a ratio.
_RATIO: dict[str, tuple[int, int]] = {
    "平方米": (1, 1),
    "亩": (2000, 3),
    "公顷": (10_000, 1),
    "平方公里": (1_000_000, 1),
    "万亩": (20_000_000, 3),
}
UNITS = tuple(_RATIO)
#: Decimals of printed figures in project documents and in statistics (项目文件; 统计).
PROJECT_DECIMALS = {"公顷": 4, "亩": 2, "平方米": 2, "平方公里": 2, "万亩": 2}
STATISTICS_DECIMALS = {"公顷": 2, "亩": 2, "平方米": 2, "平方公里": 2, "万亩": 2}
#: Printed where there is no data (无数据); 0.00 is a measured zero.
NO_DATA = "—"


def convert(m2: float, unit: str) -> float:
    """Return square metres in ``unit`` (平方米, 亩, 公顷, 平方公里 or 万亩), unrounded."""
    numerator, denominator = _ratio(unit)
    return m2 * denominator / numerator


def half_up(m2: float, unit: str, decimals: int) -> Decimal:
    """Return square metres in ``unit``, rounded half up (四舍五入) from the unrounded value."""
    numerator, denominator = _ratio(unit)
    exact = Decimal(repr(float(m2))) * denominator / numerator
    return exact.quantize(_last_digit(decimals), rounding=ROUND_HALF_UP) + 0  # + 0: no negative zero


def print_area(m2: float | None, unit: str = "公顷", decimals: int | None = None, *, with_unit: bool = False) -> str:
    """Return the printed figure of an area.

    ``None`` and NaN print as "—". A figure that is not zero never prints as zero: it falls back to
    平方米, and below 0.005 m² to 不足0.01平方米.
    """
    if m2 is None or m2 != m2:
        return NO_DATA
    places = PROJECT_DECIMALS[unit] if decimals is None else decimals
    figure = half_up(m2, unit, places)
    if m2 and not figure:
        square_metres = half_up(m2, "平方米", 2)
        return f"{square_metres}平方米" if square_metres else "不足0.01平方米"
    return f"{figure}{unit}" if with_unit else str(figure)


@cache
def _last_digit(decimals: int) -> Decimal:
    return Decimal(1).scaleb(-decimals)


def _ratio(unit: str) -> tuple[int, int]:
    if unit not in _RATIO:
        raise ValueError(f"unknown unit of area {unit!r}; use one of {', '.join(UNITS)}")
    return _RATIO[unit]
