"""Checks of sentences (文字核对): pairs of units, lists with their totals, shares of a named whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

from controllines.figures.checks import AGREES, DIFFERS, NOT_JUDGED, QUERY, Check
from controllines.figures.lists import lists
from controllines.figures.numbers import Difference, same_area, show
from controllines.figures.statements import Paragraph, Quantity, title
from controllines.figures.sums import judge
from controllines.figures.words import said


def check_prose(paragraphs: Sequence[Paragraph]) -> list[Check]:
    """Check all paragraphs of one text, in their order."""
    found: list[Check] = []
    before: list[tuple[int, Quantity]] = []
    for paragraph in paragraphs:
        found += pairs(paragraph)
        for listed in lists(paragraph, before):
            found += judge(listed)
        before += [(paragraph.line(item.start), item) for item in paragraph.quantities]
    found += _territories(paragraphs)
    return sorted(found, key=lambda check: check.line)


def pairs(paragraph: Paragraph) -> Iterator[Check]:
    """Check every area that is printed in two units."""
    for item in paragraph.quantities:
        if item.twin is None:
            continue
        result = same_area(item.figure, item.twin.figure)
        verdict = NOT_JUDGED if item.doubtful or item.twin.doubtful else AGREES if result.agrees else DIFFERS
        note = "数字的读法不唯一" if verdict == NOT_JUDGED else ""
        compared = f"{item.figure}＝{show(result.compared)}{item.twin.figure.unit}"
        yield Check("pair", verdict, title(item), f"{item.figure}（{item.twin.figure}）", compared,
                    result, note, paragraph.line(item.start), paragraph.quote(item.start, item.end))  # fmt: skip


def _territories(paragraphs: Iterable[Paragraph]) -> Iterator[Check]:
    """Check that all shares of one named territory imply one area of it."""
    by_name: dict[str, list[tuple[Paragraph, Quantity]]] = {}
    for paragraph in paragraphs:
        for item in paragraph.quantities:
            if item.share is not None and item.share.of.endswith(said("fixed_wholes")) and not item.doubtful:
                by_name.setdefault(item.share.of, []).append((paragraph, item))
    for name, named in by_name.items():
        first = named[0][1]
        for paragraph, item in named[1:]:
            one, other = _implied(first), _implied(item)
            if one is None or other is None:
                continue
            middle, tolerance = (other[0] + other[1]) / 2, (one[1] - one[0] + other[1] - other[0]) / 2
            result = Difference(middle, (one[0] + one[1]) / 2, tolerance, "平方公里")
            yield Check("whole", AGREES if result.agrees else QUERY, name,
                        f"{item.figure}占{item.share.figure}" if item.share else "",
                        f"前文{first.figure}所据总面积{show(result.compared, 1)}平方公里", result, "",
                        paragraph.line(item.start), paragraph.quote(item.start, item.end))  # fmt: skip


def _implied(item: Quantity) -> tuple[Fraction, Fraction] | None:
    """Return least and greatest whole (km²) that an area and its share imply."""
    share = item.share.figure if item.share is not None else None
    if share is None or share.value <= share.slack:
        return None
    return (item.figure.low / (share.value + share.slack) / 10_000, item.figure.high / (share.value - share.slack)
            / 10_000)  # fmt: skip
