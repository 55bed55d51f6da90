"""From frames to verdicts and back (规则判定): cases out of what was measured, and the judgement into the result.

The rules see plain records; their sentences quote the figures of the report.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from controllines.combined import INSIDE, OUTSIDE, UNCOVERED
from controllines.decisions import Decisions, apply, known, levels
from controllines.errors import UsageError
from controllines.facts import Value
from controllines.report.figures import Convention
from controllines.report.model import scopes_of
from controllines.report.rows import Row, grouped, records
from controllines.report.rulings import printer
from controllines.report.sentences import flags
from controllines.results import VERDICTS, CheckResult, findings_frame
from controllines.rules import GENERAL, Level, Pack
from controllines.rules.cases import PARCEL, PROJECT, Case, Joint, LandPart, Line, Scope
from controllines.rules.evaluate import ACCURACY_M, evaluate
from controllines.rules.models import LAND_USE
from controllines.rules.verdicts import Verdict
from controllines.rules.words import text


@dataclass(frozen=True)
class Circumstances:
    """What the rules must know besides the frames of the result.

    Attributes
    ----------
    divided, project_divided : from :func:`controllines.combined.divided_frame`, with parcel_id and project_id
    facts : project_id → project facts
    """

    divided: pd.DataFrame
    project_divided: pd.DataFrame
    facts: Callable[[str], Mapping[str, Value]]


def judged(
    result: CheckResult, pack: Pack, told: Circumstances, *, as_of: dt.date, accuracy_m: float = ACCURACY_M
) -> CheckResult:
    """Judge a result by a rule pack.

    Returns
    -------
    CheckResult
        With ``verdicts``, the ``verdict`` of parcels and projects, the cases behind them, and the pack in provenance.
    """
    cases = (*_parcel_cases(result, told), *_project_cases(result, told))
    show = Convention(planar=result.provenance["options"].get("area") == "planar")
    found = evaluate(cases, pack, as_of=as_of, printed=printer(result, scopes_of(result), show), accuracy_m=accuracy_m)
    lacking = [] if LAND_USE in result.plan.layers else [LAND_USE]
    return replace(
        result, cases=cases, pack=pack, verdicts=verdicts_frame(found.verdicts),
        parcels=_with_levels(result.parcels, (PARCEL, "parcel_id"), found.levels),
        projects=_with_levels(result.projects, (PROJECT, "project_id"), found.levels),
        provenance=result.provenance | {"not_checked": [*result.provenance["not_checked"], *lacking]},
    )  # fmt: skip


def decided(result: CheckResult, decisions: Decisions) -> CheckResult:
    """Apply what reviewers decided (人工认定) to a judged result.

    Raises
    ------
    UsageError
        Nothing was judged, or a parcel, project or line that was not judged.
    """
    if not decisions.items:
        return replace(result, provenance=result.provenance | {"decisions": decisions.record()})
    if result.pack is None:
        raise UsageError.of("DECISIONS_NO_RULES", source=decisions.path)
    lines = {key: result.plan.kind(key).zh for key in result.provenance["checked"]}
    lines |= {key: text("lines", key) for key in (LAND_USE, GENERAL)}
    meant, notes = known(decisions, result.verdicts, lines, result.provenance["run_id"])
    projects = dict(zip(result.parcels["parcel_id"], result.parcels["project_id"], strict=True))
    verdicts = apply(result.verdicts, meant.items, projects)
    found = levels(verdicts, projects)
    listed, counts = findings_frame(notes)
    findings = pd.concat([result.findings, listed], ignore_index=True) if len(listed) else result.findings
    told = {"decisions": meant.record(), "finding_counts": result.provenance["finding_counts"] | counts}
    return replace(
        result, verdicts=verdicts, decisions=meant, findings=findings,
        parcels=_with_levels(result.parcels, (PARCEL, "parcel_id"), found),
        projects=_with_levels(result.projects, (PROJECT, "project_id"), found),
        provenance=result.provenance | told,
    )  # fmt: skip


def verdicts_frame(rows: Iterable[Verdict]) -> pd.DataFrame:
    """Return the verdicts frame; ``requires`` and ``basis`` are lists."""
    names = Verdict._fields
    if names[: len(VERDICTS)] != VERDICTS:
        raise AssertionError("the verdicts frame has fallen behind Verdict")
    frame = pd.DataFrame(list(rows), columns=list(names), dtype=object).astype({"decisive": bool})
    for name in ("requires", "basis"):
        frame[name] = pd.Series([list(value) for value in frame[name]], index=frame.index, dtype=object)
    return frame


def _with_levels(frame: Any, of: tuple[Scope, str], found: Mapping[tuple[str, str], Level]) -> Any:
    scope, column = of
    mine = [found.get((scope, identity)) for identity in frame[column]]
    return frame.assign(verdict=pd.Series(mine, index=frame.index, dtype=object))


def _parcel_cases(result: CheckResult, known: Circumstances) -> Iterable[Case]:
    overlaps = grouped(records(result.overlaps), "parcel_id")
    make = _Maker(result, known.divided, PARCEL)
    land = _land(result.land, "parcel_id")
    for row in records(result.parcels):
        key, project = row["parcel_id"], row["project_id"]
        if row["status"] == "checked":
            yield Case(PARCEL, key, row["area_m2"], make.lines(key, overlaps.get(key, [])), known.facts(project),
                       land.get(key, ()) if LAND_USE in result.plan.layers else None, project)  # fmt: skip


def _project_cases(result: CheckResult, known: Circumstances) -> Iterable[Case]:
    overlaps = grouped(records(result.project_overlaps), "project_id")
    make = _Maker(result, known.project_divided, PROJECT)
    land = _land(result.project_land, "project_id")
    gone = result.parcels.loc[result.parcels["status"] == "excluded", "project_id"].value_counts()
    for row in records(result.projects):
        key = row["project_id"]
        yield Case(PROJECT, key, row["area_m2"], make.lines(key, overlaps.get(key, [])), known.facts(key),
                   land.get(key, ()) if LAND_USE in result.plan.layers else None,
                   excluded=int(gone.get(key, 0)))  # fmt: skip


class _Maker:
    """Makes the lines of cases of one scope."""

    def __init__(self, result: CheckResult, divided: pd.DataFrame, scope: Scope) -> None:
        self._result, self._scope = result, scope
        self._approvals = (
            grouped(records(result.approvals), "scope", "subject_id", "kind") if len(result.approvals) else {}
        )
        self._divided = grouped(records(divided), f"{scope}_id", "kind")

    def lines(self, identity: str, rows: Iterable[Row]) -> dict[str, Line]:
        return {row["kind"]: self._line(identity, row) for row in rows}

    def _line(self, identity: str, row: Row) -> Line:
        kind = self._result.plan.kind(row["kind"])
        by_other = grouped(self._divided.get((identity, row["kind"]), []), "other_kind")
        own = by_other.pop(None, [])
        held = self._approvals.get((self._scope, identity, row["kind"]), [])
        return Line(
            kind.zh, str(kind.sense), row["outcome"], row["area_m2"], row["outside_m2"], row["uncovered_m2"],
            row["depth_m"], row["clearance_m"], frozenset(flags(row)), _by_class(own, "class"),
            {other: _joint(parts) for other, parts in by_other.items()},
            {document["fact"]: document["missing_m2"] for document in held},
        )  # fmt: skip


def _joint(parts: Iterable[Row]) -> Joint:
    by_part = grouped(parts, "part")
    areas = {part: sum(row["area_m2"] for row in by_part.get(part, [])) for part in (OUTSIDE, UNCOVERED)}
    return Joint(_by_class(by_part.get(INSIDE, []), "other_class"), areas[OUTSIDE], areas[UNCOVERED])


def _by_class(rows: Iterable[Row], column: str) -> dict[str, float]:
    """Add up areas by class; land without class has the class ""."""
    found: dict[str, float] = {}
    for row in rows:
        name = row[column] or ""
        found[name] = found.get(name, 0.0) + row["area_m2"]
    return found


def _land(frame: pd.DataFrame, column: str) -> dict[str, tuple[LandPart, ...]]:
    """Return land classes by subject, ridges taken out of cultivated land."""
    kinds = [str(name).removesuffix("_m2") for name in frame.columns
             if str(name).endswith("_m2") and name not in ("area_m2", "ridge_m2", "net_area_m2")]  # fmt: skip
    return {
        key: tuple(
            LandPart(row["class_code"] or "", row["big_class"] or "", row["area_m2"],
                     {kind: row[f"{kind}_m2"] for kind in kinds if row[f"{kind}_m2"] is not None})
            for row in rows
        ) for key, rows in grouped(records(frame), column).items()
    } if len(frame) else {}  # fmt: skip
