"""Printed figures (报表数字): one rounding for all documents, and parts that add up to their whole.

A parcel prints its own area; what lies inside and outside a line, its pieces and its units are rounded together, so
that they add up to the printed figure they divide (强制调平小数位取舍误差).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from controllines.kinds import AVOID
from controllines.report.words import say
from controllines.units import NO_DATA, PROJECT_DECIMALS, half_up, print_area


@dataclass(frozen=True)
class Figure:
    """One printed figure.

    Attributes
    ----------
    text : as printed: digits, ``—`` for no data, or a smaller unit where the figure would print as zero
    number : the printed digits as a number, None where the text is no number
    """

    text: str
    number: Decimal | None = None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Area:
    """One area, printed: 公顷 with 4 decimals and 亩 with 2.

    Attributes
    ----------
    m2 : the unrounded square metres, None = not measured
    ha, mu : the printed figures
    """

    m2: float | None
    ha: Figure
    mu: Figure

    @property
    def phrase(self) -> str:
        """The area within a sentence: ``0.1234公顷（1.85亩）``."""
        if self.ha.number is None or not self.m2:
            return self.ha.text if self.ha.number is None else "0公顷"
        mu = f"{self.mu.text}亩" if self.mu.number is not None else self.mu.text
        return f"{self.ha.text}公顷（{mu}）"


def number(value: object) -> float | None:
    """Return a cell of a frame as a float, null as None."""
    if value is None or value != value:
        return None
    found = float(value)  # type: ignore[arg-type]
    return found if math.isfinite(found) else None


def figure(m2: float | None, unit: str) -> Figure:
    """Return square metres printed in a unit (公顷, 亩, 平方米)."""
    if m2 is None:
        return Figure(NO_DATA)
    rounded = half_up(m2, unit, PROJECT_DECIMALS[unit])
    return Figure(str(rounded), rounded) if rounded or not m2 else Figure(print_area(m2, unit))


def area(m2: float | None) -> Area:
    """Return an area printed by itself."""
    return Area(m2, figure(m2, "公顷"), figure(m2, "亩"))


def parts(values: Sequence[float | None], whole: Area) -> list[Area]:
    """Return areas that divide ``whole``, printed so that the printed numbers add up to its printed number."""
    ha = _level(values, whole.ha, "公顷")
    mu = _level(values, whole.mu, "亩")
    return [Area(value, h, m) for value, h, m in zip(values, ha, mu, strict=True)]


def _level(values: Sequence[float | None], whole: Figure, unit: str) -> list[Figure]:
    """Move the figures nearest to the rounding edge by one last digit until they add up to ``whole``.

    None is moved from zero, and to zero only where no other is left: it then prints in square metres. Where the
    values do not divide the whole (more than one last digit each), they stay as they are.
    """
    printed = [figure(value, unit) for value in values]
    if whole.number is None:
        return printed
    numbers = [item.number or Decimal(0) for item in printed]
    ulp = Decimal(1).scaleb(-PROJECT_DECIMALS[unit])
    steps = int((whole.number - sum(numbers, Decimal(0))) / ulp)
    if not steps:
        return printed
    sign = 1 if steps > 0 else -1
    movable = [i for i, item in enumerate(numbers) if item]
    if abs(steps) > len(movable):
        return printed
    moved = {i: numbers[i] + ulp * sign for i in movable}
    movable.sort(key=lambda i: (not moved[i], -sign * (_fraction(values[i], unit) - numbers[i]), i))
    for i in movable[: abs(steps)]:
        printed[i] = Figure(str(moved[i]), moved[i]) if moved[i] else _square_metres(values[i])
    return printed


def _square_metres(m2: float | None) -> Figure:
    return Figure(print_area(m2, "平方米", with_unit=True))


def _fraction(m2: float | None, unit: str) -> Decimal:
    return half_up(m2 or 0.0, unit, 12)


def total(figures: Sequence[Figure]) -> Figure:
    """Return the sum of printed figures, as SUM over their cells gives it."""
    numbers = [item.number for item in figures if item.number is not None]
    if not numbers:
        return Figure(NO_DATA)
    found = sum(numbers, Decimal(0))
    return Figure(str(found), found)


def metres(value: object) -> Figure:
    """Return a length in metres, two decimals; one that is not zero never prints as zero."""
    found = number(value)
    if found is None:
        return Figure(NO_DATA)
    rounded = half_up(found, "平方米", 2)
    return Figure(str(rounded), rounded) if rounded or not found else Figure("不足0.01")


def percent(share: object) -> Figure:
    """Return a share with two decimals of a percent; ``number`` is the share itself, to four decimals.

    A share below the whole never prints as 100 %.
    """
    found = number(share)
    if found is None:
        return Figure(NO_DATA)
    rounded = half_up(found, "平方米", 4)
    if found < 1 <= rounded:
        rounded = Decimal(repr(found)).quantize(Decimal("0.0001"), rounding=ROUND_FLOOR)
    if found and not rounded:
        return Figure("不足0.01%")
    return Figure(f"{rounded * 100:.2f}%", rounded)


@dataclass(frozen=True)
class Convention:
    """Which area the documents print (面积口径).

    Attributes
    ----------
    planar : True for 平面面积, False for 椭球面积
    """

    planar: bool = False

    @property
    def name(self) -> str:
        """椭球面积 or 平面面积."""
        return say("area", "planar" if self.planar else "official")

    @property
    def column(self) -> str:
        """The column of the frames that is printed."""
        return "planar_area_m2" if self.planar else "area_m2"

    @property
    def other_column(self) -> str:
        """The column of the other area."""
        return "area_m2" if self.planar else "planar_area_m2"

    def of(self, row: Mapping[str, object]) -> float | None:
        """Return the area of a row to print, m²."""
        return number(row.get(self.column))

    def other(self, row: Mapping[str, object]) -> float | None:
        """Return the other area of a row, m²."""
        return number(row.get(self.other_column))


@dataclass(frozen=True)
class Measures:
    """Areas of one parcel (or project) × line in the printed convention, each as printed.

    Attributes
    ----------
    whole : of the parcel
    inside, outside, uncovered : inside the line, covered part outside it, part outside the layer's coverage
    conflict, net : the conflict; its net area (扣除田坎)
    """

    whole: Area
    inside: Area
    outside: Area
    uncovered: Area
    conflict: Area
    net: Area


def measures(row: Mapping[str, object], whole: Mapping[str, object], sense: str | None, show: Convention) -> Measures:
    """Return the printed measures of one row of ``overlaps``.

    Only the area inside the line is measured in the Gauss plane. What else is printed as 平面面积 follows from it:
    uncovered and net areas by the ratio of the parcel's two areas (its scale changes by 1e-6 within a parcel at
    most), the outside as the rest of the parcel.
    """
    inside, outside, uncovered, contact = (
        number(row.get(key)) for key in ("area_m2", "outside_m2", "uncovered_m2", "contact_m2")
    )
    net, conflict = number(row.get("net_area_m2")), number(row.get("conflict_m2"))
    if show.planar:
        ratio = ratio_of(whole)
        measured = number(row.get("planar_area_m2"))
        net = None if net is None or measured is None or not inside else net * (measured / inside)
        inside = measured
        uncovered, contact, outside = (None if v is None else v * ratio for v in (uncovered, contact, outside))
        conflict = None if conflict is None else inside if sense == AVOID else conflict * ratio
    return _printed(area(show.of(whole)), (inside, outside, uncovered, contact), (conflict, net), sense)


def _printed(
    whole: Area,
    divided: tuple[float | None, float | None, float | None, float | None],
    judged: tuple[float | None, float | None],
    sense: str | None,
) -> Measures:
    inside, outside, uncovered, contact = divided
    quiet = outside if sense == AVOID else inside  # contact is booked on the side that is no conflict
    quiet = quiet + contact if quiet and contact else quiet
    sides = [inside, quiet] if sense == AVOID else [quiet, outside]
    if inside is None or outside is None:
        printed = [area(inside), area(outside), area(uncovered)]
    else:
        printed = parts([*sides, uncovered], whole)
    conflict = printed[0] if sense == AVOID else printed[1]
    if judged[0] is None:
        conflict = area(None)
    return Measures(whole, printed[0], printed[1], printed[2], conflict, _net(judged[1], conflict))


def _net(net: float | None, gross: Area) -> Area:
    """Return the net area; it never prints above the gross one, which may have been moved by one last digit."""
    printed = area(net)
    if net is None or gross.m2 is None:
        return printed
    if math.isclose(net, gross.m2, rel_tol=1e-9):
        return Area(net, gross.ha, gross.mu)
    return Area(net, _lesser(printed.ha, gross.ha, net), _lesser(printed.mu, gross.mu, net))


def _lesser(one: Figure, gross: Figure, m2: float) -> Figure:
    if one.number and gross.number is None:
        return _square_metres(m2)
    return gross if one.number is not None and gross.number is not None and gross.number < one.number else one


def ratio_of(whole: Mapping[str, object]) -> float:
    """Return planar area per official area of a parcel or project."""
    official, planar = number(whole.get("area_m2")), number(whole.get("planar_area_m2"))
    return planar / official if official and planar else 1.0
