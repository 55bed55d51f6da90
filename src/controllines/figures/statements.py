"""Area statements (面积表述): every quantity of a paragraph with its name, its twin in another unit and its share."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

from controllines.figures.numbers import Printed, printed
from controllines.figures.words import bare, either, factor, plain, quantity_pattern, said, share_pattern

#: A numbered item of a list: 1.  （2）  ③
_ITEM = re.compile(r"\s*(?:\d{1,2}[.．、](?!\d)|\(\d{1,2}\)|[①-⑳])")
_GOES_ON = ("；", ";", "：", ":", "，", "、")
_BREAKS = "，。；：、,;:()！？!?"


@dataclass(frozen=True)
class Share:
    """A printed share (占比) and what it is said to be a share of (may be empty)."""

    of: str
    figure: Printed
    start: int
    end: int


@dataclass(frozen=True)
class Quantity:
    """One stated area.

    Attributes
    ----------
    name : the words before it, back to the last punctuation
    figure : the printed figure
    start, end : where it stands in the paragraph; ``end`` includes its twin and its share
    doubtful : the number cannot be read for certain (1 843.24); nothing is judged by it
    twin : the same area in another unit, in brackets or after 合, 折合, /
    share : 占比 right behind it
    """

    name: str
    figure: Printed
    start: int
    end: int
    doubtful: bool = False
    twin: Quantity | None = None
    share: Share | None = None


def title(item: Quantity) -> str:
    """Return the name of a quantity without the words and numbers that only lead it in."""
    return re.sub(rf"^(?:{either(said('parts'))}|\d{{1,2}}[.．、]|\(\d+\)|[①-⑳]|[:：，\s])+", "", item.name)


@dataclass(frozen=True)
class Paragraph:
    """One paragraph; a numbered list is one with the words that lead it in.

    Attributes
    ----------
    text : plain text (see :func:`controllines.figures.words.plain`)
    raw : the same as it was written
    starts, lines : where each line begins in it, and its number in the file
    quantities : the stated areas, twins inside their firsts
    items : where the items of a numbered list begin
    """

    text: str
    raw: str
    starts: tuple[int, ...]
    lines: tuple[int, ...]
    quantities: tuple[Quantity, ...] = ()
    items: tuple[int, ...] = ()

    def line(self, position: int) -> int:
        """Return the number of the line that a position of the text lies in."""
        return self.lines[bisect.bisect_right(self.starts, position) - 1]

    def quote(self, start: int, end: int, margin: int = 24) -> str:
        """Return a passage with the clauses around it, within its sentence."""
        cuts = [match.end() for match in re.finditer("[。；！？，、]", self.text)]
        sentence = [match.end() for match in re.finditer("[。；！？]", self.text)]
        left = max((cut for cut in sentence if cut <= start), default=0)
        right = min((cut for cut in sentence if cut >= end), default=len(self.text))
        left = min((cut for cut in (left, *cuts) if max(left, start - margin) <= cut <= start), default=start)
        right = max((cut for cut in (right, *cuts) if end <= cut <= min(right, end + margin)), default=end)
        return self.raw[left:right].strip("。；，、 ")


def paragraphs(lines: Sequence[tuple[int, str]]) -> Iterator[Paragraph]:
    """Read numbered lines as paragraphs; the items of a numbered list are joined to what leads them in."""
    held: list[tuple[int, str]] = []
    for number, raw in lines:
        text = bare(raw)
        if not text:
            continue
        if held and not (_ITEM.match(plain(text)) and held[-1][1].endswith(_GOES_ON)):
            yield _paragraph(held)
            held = []
        held.append((number, text))
    if held:
        yield _paragraph(held)


def _paragraph(lines: list[tuple[int, str]]) -> Paragraph:
    raw, starts = "", list[int]()
    for _, line in lines:
        starts.append(len(raw))
        raw += line
    text = plain(raw)
    items = {found.end() for found in re.finditer(rf"(?:^|[：:；;。，,\s])(?={_ITEM.pattern})", text)}
    items |= {start for start in starts if _ITEM.match(text, start)}
    return Paragraph(text, raw, tuple(starts), tuple(number for number, _ in lines), tuple(_quantities(text)),
                     tuple(sorted(items)))  # fmt: skip


def _quantities(text: str) -> list[Quantity]:
    found = [_quantity(text, match) for match in quantity_pattern().finditer(text) if not _in_range(text, match)]
    shares = [_share(text, match) for match in share_pattern().finditer(text)]
    return [_with_share(text, item, shares) for item in _with_twins(text, found)]


@cache
def _about() -> tuple[re.Pattern[str], re.Pattern[str]]:
    before, behind = either(said("about_before")), either(said("about_behind"))
    return re.compile(rf"{before}\s*$"), re.compile(rf"\s*{behind}")


def _quantity(text: str, match: re.Match[str]) -> Quantity:
    before, behind = _about()
    digits, multiplier, unit = match.groups()
    about = bool(before.search(text, 0, match.start()) or behind.match(text, match.end()))
    figure = printed(digits, multiplier + unit, factor(multiplier, unit), about=about)
    start = max((text.rfind(mark, 0, match.start()) for mark in _BREAKS), default=-1) + 1
    doubtful = bool(re.search(r"\d[ ，]\s*$", text[: match.start()]))
    return Quantity(text[start : match.start()].strip(), figure, match.start(), match.end(), doubtful)


def _in_range(text: str, match: re.Match[str]) -> bool:
    """Return whether a number is an end of a range (3-5平方公里), which is no figure."""
    before = re.search(r"[\d%a-zA-Z²\u4e00-\u9fff]\s*[-—–~～至]+\s*$", text[: match.start()])
    return bool(before and re.search(r"\d", before[0] + text[max(0, before.start() - 6) : before.start()])) or bool(
        re.match(r"\s*[-—–~～至]\s*\d", text[match.end() :])
    )


@cache
def _joints() -> tuple[re.Pattern[str], re.Pattern[str]]:
    equal, about = either(said("equal")), either(said("about_before"))
    bracket = re.compile(rf"\s*[(\[]\s*{equal}?(?:{about})?\s*")
    behind = re.compile(rf"\s*(?:[，,]?\s*{equal}\s*(?:{about})?|/)\s*")
    return bracket, behind


def _with_twins(text: str, found: list[Quantity]) -> list[Quantity]:
    """Join a figure and the same area in another unit right behind it."""
    out: list[Quantity] = []
    bracket, behind = _joints()
    for item in found:
        first = out[-1] if out else None
        if first is None or first.twin is not None or first.figure.unit.lower() == item.figure.unit.lower():
            out.append(item)
            continue
        closing = re.match(r"\s*(?:左右|上下)?\s*[)\]]", text[item.end :])
        between = text[first.end : item.start]
        if closing and bracket.fullmatch(between):
            out[-1] = replace(first, twin=item, end=item.end + closing.end())
        elif behind.fullmatch(between):
            out[-1] = replace(first, twin=item, end=item.end)
        else:
            out.append(item)
    return out


@cache
def _wholes() -> tuple[re.Pattern[str], re.Pattern[str]]:
    links, nouns = said("share_links"), said("share_nouns")
    return re.compile(rf"{either(links)}+$"), re.compile(rf"{either([*links, *nouns])}*")


def _share(text: str, match: re.Match[str]) -> Share:
    links, nothing = _wholes()
    of = match[1].strip()
    about = any(_about()[0].search(words) for words in (of, text[: match.start()]))
    whole = "" if nothing.fullmatch(of) else links.sub("", of).strip()
    return Share(whole, printed(match[2], "%", Fraction(1, 100), about=about), match.start(), match.end())


def _with_share(text: str, item: Quantity, shares: list[Share]) -> Quantity:
    """Give a figure the share that follows it with nothing but punctuation between."""
    for share in shares:
        if share.start >= item.end and re.fullmatch(r"\s*[，,、(]?\s*(?:约|大约)?\s*", text[item.end : share.start]):
            return replace(item, share=share, end=share.end)
    return item
