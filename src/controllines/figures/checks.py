"""One check (核对项) of stated figures: what was held against what, and what came out."""

from __future__ import annotations

from dataclasses import dataclass

from controllines.figures.numbers import Difference

#: Verdicts, and what the sheets call them.
DIFFERS, QUERY, AGREES, NOT_JUDGED = "differs", "query", "agrees", "not_judged"
VERDICTS = {DIFFERS: "不符", QUERY: "待核实", AGREES: "一致", NOT_JUDGED: "未判定"}
#: Kinds of checks, and what the sheets call them.
KINDS = {
    "pair": "同一面积两种单位", "sum": "分项与合计", "share": "占比", "share_sum": "占比之和",
    "whole": "占比所据总面积", "map": "文本与图上面积",
}  # fmt: skip
#: Parts this near to a total (as part of it) are meant to make it up, where nothing says that the list is complete.
NEAR = 0.001


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes
    ----------
    kind : key of :data:`KINDS`
    verdict : key of :data:`VERDICTS`
    name : what the figure is of
    stated : the figure as printed
    compared : what it was held against, in words
    result : both values, their difference and the tolerance; None where nothing could be held against it
    note : the reason, where it is no plain yes or no
    line : line (docx: paragraph) of the file
    quote : the passage
    """

    kind: str
    verdict: str
    name: str
    stated: str
    compared: str
    result: Difference | None
    note: str
    line: int
    quote: str


def near(result: Difference) -> bool:
    """Return whether parts come so near to their total that they are meant to make it up."""
    return abs(result.difference) <= NEAR * abs(result.stated)
