"""Whether a list adds up (分项之和): its sum in every unit it is printed in, its shares, and their sum.

Prose does not say whether the parts named after 其中 are all the parts. So a sum that is off is 不符 only where the
list is shown to be complete: its shares make 100 %, or the same parts add up in the other unit. Without that, a sum
within 0.1 % of the total is 待核实 (a part is wrong, or one is not named), and anything else is not judged. Where a
list could end in two places, one reading that adds up is enough.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

from controllines.figures.checks import AGREES, DIFFERS, NOT_JUDGED, QUERY, Check, near
from controllines.figures.lists import Listed
from controllines.figures.numbers import Difference, Printed, share_of, show, sum_of
from controllines.figures.statements import Quantity, title

#: A total of another paragraph is the one that is meant only if the parts come this near to it (as part of it).
DISTANT = Fraction(1, 20)
Parts = Sequence[Quantity]


def judge(listed: Listed) -> Iterator[Check]:
    """Check a list: its sum in every unit it is printed in, the sum of its shares, and each share."""
    listed, line = _with_distant_total(listed)
    parts = listed.readings[0]
    complete = _shares_full(parts)
    if listed.total is not None:
        parts = min(listed.readings, key=lambda reading: _off(listed.total, reading))
        sums = _sums(listed.total, parts)
        complete = _shares_full(parts) or any(result.agrees and _tight(result) for _, result in sums)
        for total, result in sums:
            yield _sum_check(listed, (total, len(parts), line), result, complete=complete)
    yield from _share_checks(listed, parts, complete=complete)


def _with_distant_total(listed: Listed) -> tuple[Listed, int | None]:
    """Choose the total that a numbered list refers to by name; one that is far off is not what is meant."""
    if listed.total is not None or not listed.distant:
        return listed, None
    line, total = min(listed.distant, key=lambda named: _off(named[1], listed.readings[0]))
    off = _off(total, listed.readings[0])
    return (replace(listed, total=total), line) if off[1] <= DISTANT else (listed, None)


def _off(total: Quantity | None, parts: Parts) -> tuple[bool, Fraction]:
    results = [result for _, result in _sums(total, parts)]
    return not any(r.agrees for r in results), min(abs(r.difference) / (abs(r.stated) or 1) for r in results)


def _sums(total: Quantity | None, parts: Parts) -> list[tuple[Printed, Difference]]:
    if total is None:
        return []
    sums = [(total.figure, sum_of(total.figure, [part.figure for part in parts]))]
    twins = [part.twin.figure for part in parts if part.twin is not None]
    if total.twin is not None and len(twins) == len(parts):
        sums.append((total.twin.figure, sum_of(total.twin.figure, twins)))
    return sums


def _tight(result: Difference) -> bool:
    """Whether agreement says anything: rounding alone could not have made it up."""
    return result.tolerance <= Fraction(1, 1000) * abs(result.stated)


def _total_share(shares: Sequence[Printed]) -> Difference:
    slack = sum((share.slack for share in shares), Fraction())
    return Difference(sum((share.value for share in shares), Fraction()), Fraction(100), slack, "%")


def _shares_full(parts: Parts) -> bool:
    shares = [part.share.figure for part in parts if part.share is not None and not part.share.of]
    return len(shares) == len(parts) and _total_share(shares).agrees


def _sum_check(listed: Listed, what: tuple[Printed, int, int | None], result: Difference, *, complete: bool) -> Check:
    total, count, line = what
    verdict, note = AGREES, ""
    if not result.agrees and complete:
        verdict, note = DIFFERS, "所列分项齐全"
    elif not result.agrees:
        verdict = QUERY if near(result) else NOT_JUDGED
        note = "文中未说明所列分项是否齐全"
    if line is not None:
        note = "；".join(filter(None, (note, f"总数见第{line}行")))
    paragraph, name = listed.paragraph, "" if listed.total is None else listed.total.name
    quote = paragraph.raw[max(0, listed.start - (len(name) if line is None else 0)) : listed.end]
    return Check("sum", verdict, "" if listed.total is None else title(listed.total), str(total),
                 f"{count}个分项之和{show(result.compared)}{total.unit}", result, note, paragraph.line(listed.start),
                 quote)  # fmt: skip


def _share_checks(listed: Listed, parts: Parts, *, complete: bool) -> Iterator[Check]:
    shared = [(part, part.share) for part in parts if part.share is not None and _of_total(part, listed.total)]
    paragraph, total = listed.paragraph, _total_share([share.figure for _, share in shared])
    full = len(shared) == len(parts) and complete
    # Shares that were brought to exactly 100 may each be off by one last digit (强制调平).
    levelled = full and not total.difference
    for part, share in shared:
        whole, words = _whole(listed.total, part, parts, complete=complete)
        figure = replace(share.figure, about=share.figure.about or levelled)
        result = None if whole is None else share_of(figure, part.figure, whole)
        verdict = NOT_JUDGED if result is None else AGREES if result.agrees else DIFFERS
        compared = words if result is None else f"{part.figure}÷{words}＝{show(result.compared, 4)}%"
        note = "各项占比合计恰为100%，每项容许末位一个单位" if levelled else ""
        yield Check("share", verdict, title(part), str(share.figure), compared, result, note,
                    paragraph.line(part.start), paragraph.quote(part.start, part.end))  # fmt: skip
    if full:
        verdict = AGREES if total.agrees else DIFFERS
        yield Check("share_sum", verdict, "各项占比之和", f"{show(total.stated)}%", "100%", total, "",
                    paragraph.line(parts[0].start), paragraph.raw[parts[0].start : parts[-1].end])  # fmt: skip


def _of_total(part: Quantity, total: Quantity | None) -> bool:
    of = part.share.of if part.share is not None else ""
    return not of or (total is not None and of in total.name)


def _whole(
    total: Quantity | None, part: Quantity, parts: Parts, *, complete: bool
) -> tuple[Printed | tuple[Fraction, Fraction] | None, str]:
    """Return what a share is a share of: the total, else the sum of a complete list."""
    if total is not None and total.figure.low > 0:
        return total.figure, str(total.figure)
    if complete:
        rest = [other.figure for other in parts if other is not part]
        low, high = [figure.low for figure in rest], [figure.high for figure in rest]
        return (sum(low, Fraction()), sum(high, Fraction())), "各项之和"
    return None, "文中没有总面积"
