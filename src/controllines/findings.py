"""Findings (问题): numbered statements about the data, each with its place and its cure.

A finding never changes a result; it says what was seen, repaired or set aside. The codes, their
severities and their sentences stand in ``data/findings.toml``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from controllines.packaged import packaged

SEVERITIES = ("error", "repair", "warning", "info")
#: At most this many findings per code and layer are listed; the exact count is always kept.
LISTED_PER_CODE = 1000


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One finding (问题): what, where, and what to do about it.

    Attributes
    ----------
    code : stable code, a key of ``data/findings.toml``
    severity : ``error``, ``repair``, ``warning`` or ``info``
    message, fix : Chinese sentences: what was found, and the next step
    source, layer, feature : file, layer and feature (要素) it is about
    x, y : a coordinate to look at, in the CRS of the source
    expected, actual : the value that should be there, and the one that is
    """

    code: str
    severity: str
    message: str
    fix: str = ""
    source: str | None = None
    layer: str | None = None
    feature: str | None = None
    x: float | None = None
    y: float | None = None
    expected: str | None = None
    actual: str | None = None

    def __str__(self) -> str:
        where = ":".join(part for part in (self.source, self.layer, self.feature) if part)
        text = f"{self.code} {where}: {self.message}" if where else f"{self.code}: {self.message}"
        return f"{text}; {self.fix}" if self.fix else text


@dataclass(frozen=True)
class Entry:
    """One code of the catalogue: its severity and its sentences (templates in ``str.format`` style)."""

    code: str
    severity: str
    message: str
    fix: str
    cause: str


@cache
def catalogue() -> dict[str, Entry]:
    """Return all codes, from ``data/findings.toml``."""
    return {code: Entry(code=code, **entry) for code, entry in packaged("findings")["findings"].items()}


def finding(
    code: str,
    *,
    source: object = None,
    layer: str | None = None,
    feature: object = None,
    xy: tuple[float, float] | None = None,
    expected: object = None,
    actual: object = None,
    **values: object,
) -> Finding:
    """Make a finding from its catalogue entry; ``values`` fill the sentence."""
    entry = catalogue()[code]
    values |= {"expected": expected, "actual": actual, "feature": feature, "layer": layer, "source": source}
    return Finding(
        code=code,
        severity=entry.severity,
        message=entry.message.format_map(values),
        fix=entry.fix.format_map(values),
        source=None if source is None else str(source),
        layer=layer,
        feature=None if feature is None else str(feature),
        x=None if xy is None else float(xy[0]),
        y=None if xy is None else float(xy[1]),
        expected=None if expected is None else str(expected),
        actual=None if actual is None else str(actual),
    )


def listed(found: Iterable[Finding]) -> tuple[list[Finding], dict[str, int]]:
    """Return the findings to list (capped per code and layer) and the exact count per code."""
    kept: list[Finding] = []
    per_place: Counter[tuple[str, str | None, str | None]] = Counter()
    counts: Counter[str] = Counter()
    for item in found:
        counts[item.code] += 1
        place = (item.code, item.source, item.layer)
        per_place[place] += 1
        if per_place[place] <= LISTED_PER_CODE:
            kept.append(item)
    return kept, dict(sorted(counts.items()))
