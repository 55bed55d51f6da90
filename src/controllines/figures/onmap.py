"""What a text says of a control line against the map (图文一致): stated areas and the areas of the plan's layers.

A layer's area is the official one (椭球面积), land under several of its features counted once, as ``tabulate`` gives
it. 永久基本农田 is stated net of ridges (扣除田坎) by rule, but not always; texts may also carry planar areas. A stated
figure that agrees with any of these is 一致 and says with which; else it is held against the official one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from controllines.figures.checks import AGREES, DIFFERS, Check
from controllines.figures.numbers import Difference, Printed, show
from controllines.figures.statements import Paragraph, Quantity
from controllines.figures.words import data, either
from controllines.plans import Plan, unit_kinds
from controllines.stats import tabulate

#: Areas of a layer in the order in which they are tried, and what the sheets call them.
CONVENTIONS = {"net_area_m2": "椭球面积，扣除田坎", "area_m2": "椭球面积", "planar_area_m2": "平面面积"}


@dataclass(frozen=True)
class Measured:
    """The areas of one layer (m²) by convention, and names of units that a text may speak of instead of the county."""

    zh: str
    areas: Mapping[str, float]


def measure(plan: Plan) -> dict[str, Measured]:
    """Return the measured areas of the plan's control lines that texts name; lines without a layer are left out.

    Every row of the table counts, also land outside all units, so it does not matter which units it is by.
    """
    units = list(unit_kinds(plan))
    lines = [key for key in data()["map"]["names"] if key in plan.layers]
    if not units or not lines:
        return {}
    table = tabulate(plan, of=lines, by=units[0]).frame
    out = {}
    for key in lines:
        zh = plan.kind(key).zh
        rows = table[table["line"] == zh]
        sums = {name: float(rows[name].sum(skipna=False)) for name in CONVENTIONS}
        out[key] = Measured(zh, {name: m2 for name, m2 in sums.items() if m2 == m2})
    return out


def unit_names(plan: Plan) -> frozenset[str]:
    """Return the names of townships and villages: a figure with one of them is not the county's."""
    kinds = [key for key in ("township", "village") if key in plan.layers]
    return frozenset(str(name) for key in kinds for name in plan.layers[key].frame["name"].dropna() if name)


def check_map(
    paragraphs: Sequence[Paragraph], measured: Mapping[str, Measured], places: frozenset[str]
) -> Iterator[Check]:
    """Hold every stated area of a control line against the map."""
    for paragraph in paragraphs:
        for item in paragraph.quantities:
            key = _named(item, places)
            if key not in measured or item.doubtful:
                continue
            bound = _bound(item, paragraph)
            for figure in (item.figure, *([item.twin.figure] if item.twin else [])):
                convention, result = _nearest(figure, measured[key])
                kept = result.agrees or bound * result.difference < 0
                verdict, note = (AGREES, "") if kept else (DIFFERS, _all(figure, measured[key]))
                compared = f"图上{show(result.compared)}{figure.unit}（{CONVENTIONS[convention]}）"
                yield Check("map", verdict, measured[key].zh, str(figure), compared, result, note,
                            paragraph.line(item.start), paragraph.quote(item.start, item.end))  # fmt: skip


def _named(item: Quantity, places: frozenset[str]) -> str:
    """Return the key of the line that a quantity is the area of; empty where it is anything else."""
    key = next((key for key, pattern in _patterns() if pattern.search(item.name)), "")
    other = re.search(either(data()["map"]["other"]), item.name)
    return "" if not key or other or any(place in item.name for place in places) else key


def _bound(item: Quantity, paragraph: Paragraph) -> int:
    """Return 1 where the figure is the least that should be there (不低于), -1 where it is the most, else 0."""
    words = item.name + paragraph.text[item.end : item.end + 2]
    return any(w in words for w in data()["map"]["at_least"]) - any(w in words for w in data()["map"]["at_most"])


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    follow = either(data()["map"]["follow"])
    return [(key, re.compile(rf"{either(names)}(?:{follow}|\s)*$")) for key, names in data()["map"]["names"].items()]


def _nearest(figure: Printed, measured: Measured) -> tuple[str, Difference]:
    """Return the first convention that agrees, else the official one (of farmland, net)."""
    results = {name: Difference(figure.value, Fraction(m2) / figure.factor, figure.slack, figure.unit)
               for name, m2 in measured.areas.items()}  # fmt: skip
    agreeing = [name for name in CONVENTIONS if name in results and results[name].agrees]
    chosen = agreeing[0] if agreeing else next(name for name in CONVENTIONS if name in results)
    return chosen, results[chosen]


def _all(figure: Printed, measured: Measured) -> str:
    said = (f"{CONVENTIONS[name]}{show(Fraction(m2) / figure.factor)}{figure.unit}"
            for name, m2 in measured.areas.items())  # fmt: skip
    return "图上" + "，".join(said)
