"""Totals with their parts in sentences (合计与分项): where a list begins and where it may end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from controllines.figures.statements import Paragraph, Quantity
from controllines.figures.words import either, said


@dataclass(frozen=True)
class Listed:
    """A total with what may be its parts.

    Attributes
    ----------
    total : None where the parts are all that is said
    readings : possible lists of parts, the longest first
    paragraph, start, end : where it stands
    distant : totals of an earlier paragraph, with their lines, that the list may refer to by name
    """

    total: Quantity | None
    readings: tuple[tuple[Quantity, ...], ...]
    paragraph: Paragraph
    start: int
    end: int
    distant: tuple[tuple[int, Quantity], ...] = ()


def lists(paragraph: Paragraph, before: Sequence[tuple[int, Quantity]]) -> Iterator[Listed]:
    """Find the lists of a paragraph.

    Parameters
    ----------
    before : (line, quantity) of the whole text before it: a numbered list may refer to a total by its name
    """
    taken: set[int] = set()
    found = [*_numbered(paragraph, before), *_after_total(paragraph), *_before_sum(paragraph)]
    for listed in found:
        taken |= {part.start for reading in listed.readings for part in reading}
        yield listed
    for group in _shared(paragraph):
        if not any(part.start in taken for part in group):
            yield Listed(None, (group,), paragraph, group[0].start, group[-1].end)


def _counts(item: Quantity) -> bool:
    return not item.doubtful and not any(word in item.name for word in said("rates"))


def _depth(text: str, start: int, end: int) -> int:
    return text.count("(", start, end) - text.count(")", start, end)


def _inside(paragraph: Paragraph, start: int, end: int) -> list[Quantity]:
    """Return the quantities of a stretch that stand in no bracket of their own."""
    return [item for item in paragraph.quantities
            if start <= item.start < end and not _depth(paragraph.text, start, item.start)]  # fmt: skip


def _after_total(paragraph: Paragraph) -> Iterator[Listed]:
    """总面积100公顷，其中耕地60公顷、园地40公顷."""
    text = paragraph.text
    markers = list(re.finditer(either(said("parts")), text))
    bounds = either(said("bounds") + said("about_behind"))
    for marker in markers:
        totals = [item for item in paragraph.quantities if item.end <= marker.start()]
        gap = re.sub(bounds, "", text[totals[-1].end : marker.start()]) if totals else "-"
        if not totals or not _counts(totals[-1]) or not re.fullmatch(r"[\s，,。；;：:(]*", gap):
            continue
        ends = _ends(paragraph, marker, [m for m in markers if m.start() > marker.start()], bracket="(" in gap)
        readings = _readings(_inside(paragraph, marker.end(), end) for end in ends)
        if readings:
            yield Listed(totals[-1], readings, paragraph, totals[-1].start, max(readings[0][-1].end, marker.end()))


def _ends(paragraph: Paragraph, marker: re.Match[str], later: list[re.Match[str]], *, bracket: bool) -> list[int]:
    """Return where the list behind a marker may end: at each semicolon, at the end of the sentence."""
    text = paragraph.text
    if bracket:
        closing = next((at for at in range(marker.end(), len(text)) if _depth(text, marker.end(), at + 1) < 0), -1)
        return [closing] if closing >= 0 else []
    stop = text.find("。", marker.end())
    stop = len(text) if stop < 0 else stop
    marks = [found.start() for found in re.finditer("[；;]", text[:stop]) if found.start() > marker.end()]
    nested = [m for m in later if m.start() < stop and not _depth(text, marker.end(), m.start())]
    if not nested:
        return [stop, *reversed(marks)]
    # Another 其中 follows: the figure before it is a total of its own, so the list ends before that figure.
    totals = [item.start for item in paragraph.quantities if marker.end() < item.end <= nested[0].start()]
    return [mark for mark in reversed(marks) if not totals or mark < totals[-1]]


def _readings(candidates: Iterator[list[Quantity]]) -> tuple[tuple[Quantity, ...], ...]:
    out: dict[tuple[int, ...], tuple[Quantity, ...]] = {}
    for parts in candidates:
        if len(parts) > 1 and all(map(_counts, parts)):
            out.setdefault(tuple(part.start for part in parts), tuple(parts))
    return tuple(out.values())


def _before_sum(paragraph: Paragraph) -> Iterator[Listed]:
    """耕地60公顷、园地40公顷，合计100公顷."""
    ending = re.compile(rf"{either(said('sums'))}(?:面积)?(?:约|为)?$")
    for position, total in enumerate(paragraph.quantities):
        if not ending.search(total.name) or not _counts(total):
            continue
        sentence = paragraph.text.rfind("。", 0, total.start) + 1
        earlier = [item for item in paragraph.quantities[:position] if item.start >= sentence]
        readings = _readings(earlier[first:] for first in range(len(earlier) - 1))
        if readings:
            yield Listed(total, readings, paragraph, readings[0][0].start, total.end)


def _numbered(paragraph: Paragraph, before: Sequence[tuple[int, Quantity]]) -> Iterator[Listed]:
    """供应总量中，计划供应：1.居住用地60公顷；2.工业用地40公顷."""
    if len(paragraph.items) < 2:
        return
    ends = [*paragraph.items[1:], len(paragraph.text)]
    firsts = [next((item for item in paragraph.quantities if start <= item.start < end), None)
              for start, end in zip(paragraph.items, ends, strict=True)]  # fmt: skip
    parts = tuple(item for item in firsts if item is not None)
    if len(parts) != len(firsts) or not all(map(_counts, parts)):
        return
    intro = paragraph.text[: paragraph.items[0]]
    inside = [item for item in paragraph.quantities if item.end <= paragraph.items[0]]
    word = next((word for word in said("totals") if word in intro), None)
    if inside and re.fullmatch(r"[\s，,：:；;其中包括分为]*", intro[inside[-1].end :]) and _counts(inside[-1]):
        yield Listed(inside[-1], (parts,), paragraph, inside[-1].start, parts[-1].end)
        return
    named = [(line, item) for line, item in before if word and word in item.name and _counts(item)]
    yield Listed(None, (parts,), paragraph, parts[0].start, parts[-1].end, tuple(named) if not inside else ())


def _shared(paragraph: Paragraph) -> Iterator[tuple[Quantity, ...]]:
    """Quantities of one sentence that follow each other, each with its share of the same unnamed whole."""
    group: list[Quantity] = []
    for item in (*paragraph.quantities, None):
        fits = item is not None and item.share is not None and not item.share.of and _counts(item)
        joined = fits and group and item is not None and "。" not in paragraph.text[group[-1].end : item.start]
        if group and not joined:
            if len(group) > 1:
                yield tuple(group)
            group = []
        if fits and item is not None:
            group.append(item)
