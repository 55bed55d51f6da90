"""Parts (部分): how much of a case a geometric condition speaks of, as bounds, and whether its limits hold.

Land of which a class or another line is not known counts in the upper bound only. A limit between the bounds cannot be
judged, and what would have to be known is said.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from controllines.kinds import STAY_WITHIN, registry
from controllines.rules.cases import Case, Joint, LandPart, Line
from controllines.rules.conditions import Truth, every, negated
from controllines.rules.models import LAND_USE, UNKNOWN, Other, Where
from controllines.rules.words import text

Names = Mapping[str, tuple[str, ...]]
#: Differences of measured areas smaller than this (m²) are the arithmetic of the engine.
NOISE_M2 = 1e-4
#: Upper bound of a depth (m) that was not measured.
NO_DEPTH_M = 1e6


@dataclass(frozen=True)
class Part:
    """The part a geometric condition looks at.

    Attributes
    ----------
    least_m2, most_m2 : bounds of its area
    holds : whether its limits hold
    limits : each limit with the number it was compared with: (name, limit, least, most, holds)
    lacking : what must be supplied to know it
    """

    least_m2: float
    most_m2: float
    holds: Truth
    limits: tuple[tuple[str, float, float, float, Truth], ...] = ()
    lacking: tuple[str, ...] = ()


class _Bounds(NamedTuple):
    least: float
    most: float
    lacking: tuple[str, ...] = ()


def _bounds(known: float, unknown: float, lacking: str, line: str) -> _Bounds:
    """Return the bounds of an area of which part is not known, and what is lacking of a line to know it."""
    return _Bounds(known, known + unknown, (text("lacking", lacking, line=line),) if unknown > 0 else ())


def part_of(where: Where, line: str, case: Case, classes: Mapping[str, Names]) -> Part:
    """Return the part of a case that a condition of a rule of a line looks at."""
    key = where.line or line
    bounds = _land(where, case, classes) if key == LAND_USE else _line(where, key, case, classes)
    depth = case.lines[key].depth_m if key in case.lines else None
    limits = tuple(_limits(where, bounds, case.area_m2, depth))
    holds = every(limit[-1] for limit in limits)
    return Part(bounds.least, bounds.most, holds, limits, bounds.lacking if holds is None else ())


def _limits(where: Where, bounds: _Bounds, whole: float, depth: float | None) -> Iterable[tuple[Any, ...]]:
    for name, limit in where.limits:
        found = bounds
        if name.startswith("share"):
            found = _Bounds(bounds.least / whole, bounds.most / whole) if whole > 0 else _Bounds(0.0, 1.0)
        elif name.startswith("depth"):  # that of a part is at most that of the whole conflict
            found = _Bounds(0.0, NO_DEPTH_M if depth is None else depth)
        above = _above(found, limit)
        yield name, limit, found.least, found.most, above if "above" in name else negated(above)


def _above(found: _Bounds, limit: float) -> Truth:
    if found.least > limit:
        return True
    return False if found.most <= limit else None


def side_of(where: Where, sense: str | None) -> str:
    """Return the side of the line a condition looks at; by default that of the conflict."""
    return where.side or ("outside" if sense == STAY_WITHIN else "inside")


def _line(where: Where, key: str, case: Case, classes: Mapping[str, Names]) -> _Bounds:
    line = case.lines.get(key)
    if line is None or not line.measured:
        return _bounds(0.0, case.area_m2, "layer", zh(key, case))
    uncovered = line.uncovered_m2 or 0.0
    if side_of(where, line.sense) == "outside":
        return _bounds(line.outside_m2 or 0.0, uncovered, "layer", line.zh)
    if where.within is not None:
        return _joint(line, where.within, case, classes, inside=True)
    if where.without is not None:
        return _joint(line, where.without, case, classes, inside=False)
    if where.classes or where.except_classes:
        wanted = where.classes or where.except_classes
        found = _classes(line.classes, wanted, classes.get(key, {}), line.zh, keep=bool(where.classes))
        rest = _bounds(found.most, uncovered, "layer", line.zh)
        return _Bounds(found.least, rest.most, found.lacking + rest.lacking)
    return _bounds(line.inside_m2 or 0.0, uncovered, "layer", line.zh)


def _joint(line: Line, other: Other, case: Case, classes: Mapping[str, Names], *, inside: bool) -> _Bounds:
    name = zh(other.line, case)
    joint = line.joints.get(other.line) or Joint({}, uncovered_m2=line.inside_m2 or 0.0)
    whole = sum(joint.classes.values()) if inside else 0.0
    known = _Bounds(whole, whole)
    if other.classes:
        known = _classes(joint.classes, other.classes, classes.get(other.line, {}), name, keep=inside)
    least = known.least + (0.0 if inside else joint.outside_m2)
    lacking = known.lacking + ((text("lacking", "layer", line=name),) if joint.uncovered_m2 > 0 else ())
    return _Bounds(least, least + (known.most - known.least) + joint.uncovered_m2, lacking)


def _classes(areas: Mapping[str, float], wanted: Iterable[str], names: Names, line: str, *, keep: bool) -> _Bounds:
    """Return the area of the wanted classes (``keep``), or of all others."""
    by_key: dict[str, float] = {}
    for name, m2 in areas.items():
        key = class_key(name, names)
        by_key[key] = by_key.get(key, 0.0) + m2
    wanted = set(wanted)
    unknown = 0.0 if UNKNOWN in wanted else by_key.pop(UNKNOWN, 0.0)
    known = sum(m2 for key, m2 in by_key.items() if (key in wanted) == keep)
    return _bounds(known, unknown, "class", line)


def class_key(name: str, names: Names) -> str:
    """Return the key of a class as it stands in the data, ``unknown`` where the pack does not know it."""
    plain = _plain(name)
    return next((key for key, known in names.items() if plain in map(_plain, known)), UNKNOWN)


def _plain(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).split())


def _land(where: Where, case: Case, classes: Mapping[str, Names]) -> _Bounds:
    if case.land is None:
        return _bounds(0.0, case.area_m2, "layer", zh(LAND_USE, case))
    names = classes.get(LAND_USE, {})
    wanted, keep = where.classes or where.except_classes, not where.except_classes
    parts = [part for part in case.land if not wanted or _is_of(part, wanted, names) == keep]
    least = most = 0.0
    lacking = []
    for part in parts:
        bounds = _land_part(where, part)
        least, most = least + bounds.least, most + bounds.most
        lacking += [text("lacking", "layer", line=zh(key, case)) for key in bounds.lacking]
    return _Bounds(least, most, tuple(dict.fromkeys(lacking)))


def _land_part(where: Where, part: LandPart) -> _Bounds:
    if where.within is not None:
        inside = part.inside.get(where.within.line)
        return _Bounds(0.0, part.area_m2, (where.within.line,)) if inside is None else _Bounds(inside, inside)
    if where.without is not None:
        inside = part.inside.get(where.without.line)
        rest = 0.0 if inside is None or part.area_m2 - inside <= NOISE_M2 else part.area_m2 - inside
        return _Bounds(0.0, part.area_m2, (where.without.line,)) if inside is None else _Bounds(rest, rest)
    return _Bounds(part.area_m2, part.area_m2)


def _is_of(part: LandPart, wanted: Iterable[str], names: Names) -> bool:
    return any(
        part.code.startswith(name) if name.isdigit() else part.big_class == name
        for key in wanted for name in names.get(key, ())
    )  # fmt: skip


def zh(key: str, case: Case) -> str:
    """Return the Chinese name of a line."""
    if key in case.lines:
        return case.lines[key].zh
    return registry()[key].zh if key in registry() else key.removeprefix("custom:")
