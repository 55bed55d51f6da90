"""The evaluation (判定): cases, a rule pack and a date → verdicts. A pure function: no geometry, no files, no clock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from controllines.kinds import AVOID
from controllines.rules.cases import PROJECT, Case, Line, Print
from controllines.rules.decide import Told, active, told_to
from controllines.rules.judge import Judged, judge
from controllines.rules.levels import Level, worst
from controllines.rules.models import GENERAL, LAND_USE
from controllines.rules.packs import Pack
from controllines.rules.parts import Names
from controllines.rules.questions import Questions
from controllines.rules.verdicts import Verdict, rows_of

#: Accuracy of a boundary survey in metres (界址点精度).
ACCURACY_M = 0.05
#: A conflict that begins when the boundary moves outwards is as small as one likes.
_SPECK_M2 = 1e-3
Subject = tuple[str, str]


@dataclass(frozen=True)
class Judgement:
    """What was judged.

    Attributes
    ----------
    verdicts : the rows, cases in their order, then lines, land use and the project as a whole
    levels : (scope, subject_id) → level over all its kinds; of a project, its parcels included
    kinds : (scope, subject_id, kind) → level; None where nothing is said
    asks : (scope, subject_id) → missing facts that would decide, in the order of asking
    """

    verdicts: tuple[Verdict, ...]
    levels: Mapping[Subject, Level]
    kinds: Mapping[tuple[str, str, str], Level | None]
    asks: Mapping[Subject, tuple[str, ...]]


def evaluate(
    cases: Iterable[Case], pack: Pack, *, as_of: dt.date, printed: Print, accuracy_m: float = ACCURACY_M
) -> Judgement:
    """Judge parcels and projects by a rule pack.

    Parameters
    ----------
    cases : parcels and projects
    pack : from :func:`controllines.rules.load_pack`
    as_of : the day whose law is applied (核对基准日)
    printed : how the report prints the figures of a case and line
    accuracy_m : how far a surveyed boundary may be off; for ``flips`` only

    Returns
    -------
    Judgement
    """
    verdicts: list[Verdict] = []
    kinds: dict[tuple[str, str, str], Level | None] = {}
    asks: dict[Subject, tuple[str, ...]] = {}
    questions: dict[object, Questions] = {}
    subjects: dict[Subject, Case] = {}
    for case, told in told_to(cases, active(pack, as_of)):
        subjects[case.scope, case.subject_id] = case
        open_facts: dict[str, None] = {}
        for judged in judged_of(case, told, pack.classes):
            flips = _flips(judged, case, pack.classes, accuracy_m)
            asked = questions.setdefault((told, judged.pattern), Questions(judged))
            verdicts += rows_of(judged, case, printed(case, judged.key), questions=asked, flips=flips)
            kinds[case.scope, case.subject_id, judged.key] = judged.level
            open_facts |= dict.fromkeys(asked.facts)
        asks[case.scope, case.subject_id] = tuple(open_facts)
    return Judgement(tuple(verdicts), levels_of(kinds, subjects), kinds, asks)


def judged_of(case: Case, told: Told, classes: Mapping[str, Names], *, full: bool = False) -> list[Judged]:
    """Judge every line of a case; of a project also its land use and the project as a whole."""
    keys = list(case.lines)
    if case.scope == PROJECT:
        keys += [LAND_USE] if case.land is not None else []
        keys.append(GENERAL)
    return [judge(key, case, told, classes, full=full) for key in keys]


def levels_of(
    kinds: Mapping[tuple[str, str, str], Level | None], subjects: Mapping[Subject, Case]
) -> dict[Subject, Level]:
    """Return the level of every subject: the worst of its kinds, and of a project's parcels too."""
    found: dict[Subject, list[Level]] = {subject: [] for subject in subjects}
    for (scope, identity, _), level in kinds.items():
        if level is None:
            continue
        found[scope, identity].append(level)
        project = (PROJECT, subjects[scope, identity].project_id or "")
        if project in found:
            found[project].append(level)
    return {subject: level for subject, levels in found.items() if (level := worst(levels)) is not None}


def _flips(judged: Judged, case: Case, classes: Mapping[str, Names], accuracy_m: float) -> bool | None:
    """Return whether the level of a line would change if the boundary moved by the accuracy of its survey."""
    line = judged.line
    if line is None or not line.measured:
        return None
    if line.outcome == "conflict":
        if line.depth_m is None:
            return None
        if line.depth_m > accuracy_m:
            return False
        moved = _without_conflict(line)
    elif line.clearance_m is None or line.clearance_m > accuracy_m:
        return False
    else:
        moved = _with_conflict(line)
    other = replace(case, lines={**case.lines, judged.key: moved})
    return judge(judged.key, other, judged.told, classes).level != judged.level


def _without_conflict(line: Line) -> Line:
    gone = {"inside_m2": 0.0, "classes": {}, "joints": {}} if line.sense == AVOID else {"outside_m2": 0.0}
    return replace(line, outcome="none", depth_m=None, flags=line.flags - {"sub_resolution"}, shortfalls={}, **gone)


def _with_conflict(line: Line) -> Line:
    begun = {"inside_m2": _SPECK_M2, "classes": {"": _SPECK_M2}} if line.sense == AVOID else {"outside_m2": _SPECK_M2}
    return replace(line, outcome="conflict", depth_m=None, **begun)
