"""One sentence, one word and one colour per parcel × control line (套合核对结果的用语)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from controllines.kinds import AVOID, STAY_WITHIN, Kind
from controllines.report.figures import Area, Convention, Measures, area, measures, number, parts
from controllines.report.rows import Row
from controllines.report.words import clean, say, word

#: Classes of a parcel on the map, worst first.
CLASSES = ("conflict", "undetermined", "outside", "none", "excluded")
NO_DATA, FAILED, CONFLICT, NONE = "no_data", "failed", "conflict", "none"


@dataclass(frozen=True)
class Scope:
    """What is known about one line in this run.

    Attributes
    ----------
    kind : the kind of the control line
    wanted : False where the user did not ask for it
    present : whether the plan has the layer
    """

    kind: Kind
    wanted: bool = True
    present: bool = True


def result_word(row: Mapping[str, object], sense: str | None) -> str:
    """Return the short result of one row of ``overlaps`` (不涉及, 涉及, 全部位于边界内, …)."""
    outcome = str(row["outcome"])
    if outcome in (NO_DATA, FAILED):
        return word("result", outcome)
    text = word("result", _touch(row, sense))
    doubtful = outcome == CONFLICT and ("sub_resolution" in flags(row) or "excluded_feature" in flags(row))
    return say("result", "doubtful", result=text) if doubtful else text


def row_class(row: Mapping[str, object], sense: str | None) -> str:
    """Return the class of one row: what colour it gives its parcel."""
    if row["outcome"] in (NO_DATA, FAILED):
        return "undetermined"
    if row["outcome"] == NONE:
        return NONE
    if _doubt(row) == "sub_resolution":
        return "undetermined"
    return "outside" if sense == STAY_WITHIN else CONFLICT


def flags(row: Mapping[str, object]) -> list[str]:
    """Return the flags of a row as a list."""
    return [flag for flag in clean(row.get("flags")).split(";") if flag]


def sentence(row: Mapping[str, object], scope: Scope, shown: Measures, zones: Mapping[str, Area]) -> str:
    """Return the sentence of one row of ``overlaps``.

    Parameters
    ----------
    row : one row of ``overlaps`` or ``project_overlaps``
    scope : the line, and whether the plan has it
    shown : the printed figures of the row
    zones : class of the line (边界的规划分区) to the area inside it; named for stay-within lines only
    """
    line = clean(scope.kind.zh)
    if row["outcome"] in (NO_DATA, FAILED):
        text = _unknown(row, scope, shown)
    else:
        touch = _touch(row, scope.kind.sense)
        inside, outside = shown.inside.phrase, shown.outside.phrase
        text = say("sentence", touch, line=line, area=conflict_phrase(scope, shown), inside=inside, outside=outside)
        text += _zones(zones)
        text += _remarks(row, scope.kind.sense, shown) if row["outcome"] == CONFLICT else ""
    bbox = "coverage_bbox" in flags(row) and row["outcome"] != FAILED
    return text + (word("sentence", "coverage_bbox") if bbox else "")


def told(
    row: Row, whole: Mapping[str, object], scope: Scope, show: Convention, *, pieces: Sequence[Row] = ()
) -> tuple[Measures, str]:
    """Return the printed figures of one row, and its sentence."""
    shown = measures(row, whole, scope.kind.sense, show)
    by_class: dict[str, float] = {}
    for piece in pieces if scope.kind.sense == STAY_WITHIN else ():
        name = clean(piece["class"])
        by_class[name] = by_class.get(name, 0.0) + (show.of(piece) or 0.0)
    zones = dict(zip(by_class, parts(list(by_class.values()), shown.inside), strict=True))
    return shown, sentence(row, scope, shown, zones)


def conflict_phrase(scope: Scope, shown: Measures) -> str:
    """Return the area of the conflict within a sentence; farmland net of ridges with the gross area beside it."""
    if "kcxs" not in scope.kind.fields:
        return shown.conflict.phrase
    key = "net_missing" if shown.net.m2 is None else "net"
    return say("phrase", key, net=shown.net.phrase, gross=shown.conflict.phrase)


def _touch(row: Mapping[str, object], sense: str | None) -> str:
    conflict = row["outcome"] == CONFLICT
    if sense == AVOID:
        return "avoid_conflict" if conflict else "avoid_none"
    if not conflict:
        return "within_none"
    if number(row.get("uncovered_m2")):
        return "within_uncovered" if number(row.get("area_m2")) else "within_uncovered_all"
    return "within_part" if number(row.get("area_m2")) else "within_conflict"


def _unknown(row: Mapping[str, object], scope: Scope, shown: Measures) -> str:
    line = clean(scope.kind.zh)
    if row["outcome"] == FAILED:
        key = "failed_feature" if "excluded_feature" in flags(row) else "failed"
        return say("sentence", key, line=line)
    if not scope.wanted:
        return say("sentence", "out_of_scope", line=line)
    if not scope.present or not shown.uncovered.m2:
        return say("sentence", "missing", line=line)
    whole = shown.whole.m2 or 0.0
    key = "no_data_all" if shown.uncovered.m2 >= whole * (1 - 1e-9) else "no_data_part"
    return say("sentence", key, line=line, uncovered=shown.uncovered.phrase)


def _doubt(row: Mapping[str, object]) -> str | None:
    """Return whether all or part of the conflict may be an error of the borders (接边误差)."""
    if "sub_resolution" not in flags(row):
        return None
    conflict, sliver = number(row.get("conflict_m2")) or 0.0, number(row.get("sliver_m2")) or 0.0
    # parts below the resolution are slivers too: what is wider than a sliver is a plain conflict
    return "sub_resolution" if conflict <= sliver * (1 + 1e-9) else "sub_resolution_part"


def _remarks(row: Mapping[str, object], sense: str | None, shown: Measures) -> str:
    """Return what must be known besides of a conflict."""
    sliver = number(row.get("sliver_m2"))
    key = "sliver" if sense == AVOID else "sliver_within"
    text = say("sentence", key, sliver=area(sliver).phrase) if sliver else ""
    doubt = _doubt(row)
    text += word("sentence", doubt) if doubt else ""
    if number(row.get("uncovered_m2")):
        text += say("sentence", "uncovered", uncovered=shown.uncovered.phrase)
    if "excluded_feature" in flags(row):
        text += word("sentence", "excluded_feature")
    return text


def _zones(zones: Mapping[str, Area]) -> str:
    named = "、".join(f"{clean(name)}{part.phrase}" for name, part in zones.items() if name and part.m2)
    return say("sentence", "zones", zones=named) if named else ""
