"""The whole way, from files to a folder of reports; the only place that wires the stages.

``check`` is the method: read, lay into the plan's plane, measure parcels and projects, name the rows, judge them, apply
what reviewers decided. ``run`` is ``check`` between reading and writing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from controllines.approvals import Documents, approvals_frame, read_documents, record
from controllines.classes import choices
from controllines.combined import divided_frame
from controllines.conflicts import Checked, Land, Widths, Workers, check_land
from controllines.decisions import Decisions, read_decisions
from controllines.errors import InputError, UsageError
from controllines.extents import far_parcels, plan_box
from controllines.facts import ProjectFacts, gather
from controllines.findings import Finding, finding
from controllines.frames import (
    Projects,
    declared_findings,
    lengths_frame,
    named,
    parcels_frame,
    pieces_frames,
    projects_of,
)
from controllines.judging import Circumstances, decided, judged
from controllines.kinds import Kind, in_order, kind_of, three_lines
from controllines.landuse import LAND_USE, land_frame
from controllines.layers import Layer, lay
from controllines.parcels import read_parcels
from controllines.plans import Plan, open_plan
from controllines.provenance import provenance
from controllines.report import FormOptions, check_target, write_report
from controllines.results import VERDICTS, CheckResult, findings_frame
from controllines.rules import ACCURACY_M, NATIONAL, Pack, load_pack
from controllines.rules import NONE as NO_RULES

Array = np.ndarray
Tell = Callable[[str], object]
AREAS = ("official", "planar")


@dataclass(frozen=True)
class CheckOptions:
    """Options of a check.

    Attributes
    ----------
    lines : kinds to check; omitted: the three control lines and every other line of the plan
    area : which area documents print, ``official`` or ``planar``
    widths : slivers and clearance
    big_classes : land class of 三调 → 农用地, 建设用地 or 未利用地, where it differs from the usual (disputed classes)
        and from the plan's own choice
    rules : rule pack: ``national``, the path of another, a loaded one, or ``none`` (未作规则判定)
    accuracy_m : accuracy of the boundary survey (界址点精度): whether a verdict would flip within it
    workers : how the work is dealt out to threads; never changes what is said
    """

    lines: tuple[str, ...] = ()
    area: str = "official"
    widths: Widths = Widths()
    big_classes: Mapping[str, str] = field(default_factory=dict)
    rules: str | Path | Pack = NATIONAL
    accuracy_m: float = ACCURACY_M
    workers: Workers = Workers()

    @property
    def pack(self) -> Pack | None:
        """The rule pack; None without rules."""
        if isinstance(self.rules, Pack):
            return self.rules
        return None if str(self.rules) == NO_RULES else load_pack(self.rules)

    def __post_init__(self) -> None:
        if self.area not in AREAS:
            raise UsageError.of("AREA_CHOICE", actual=self.area, expected="、".join(AREAS))


@dataclass(frozen=True)
class Job:
    """Everything a run needs; the command line builds one.

    Attributes
    ----------
    parcels : files, folders, patterns
    plan : plan.toml, .gpkg or .gdb
    out : output folder
    formats : people's formats besides result.json, conflicts.gpkg and conflicts.csv
    as_of : date of the check (核对基准日)
    line_width : width (m) of linear projects that declare none
    facts : filled form of project facts (项目信息表)
    project : ``key=value``, facts of every project
    decisions : decisions of reviewers (人工认定): a report whose sheet 明细 was filled, or toml
    form : which projects get an opinion form (docx), by which template; marking of every page
    out_crs : CRS of 三线核对成果 (gpkg, gdb, shp); None: that of the first control line
    basemap : address of map tiles for the html; None: it loads nothing from the net
    """

    parcels: tuple[str, ...]
    plan: str
    out: str
    formats: tuple[str, ...] = ("xlsx", "html")
    as_of: str | None = None
    options: CheckOptions = CheckOptions()
    datum: str | None = None
    project_by: str | None = None
    line_width: float | None = None
    map_lines: str = "near"
    paths: bool = True
    overwrite: bool = False
    facts: str | None = None
    project: tuple[str, ...] = ()
    decisions: str | None = None
    form: FormOptions = FormOptions()
    out_crs: str | None = None
    basemap: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What a run leaves: the result, the files it wrote, and whether everything could be checked."""

    result: CheckResult
    written: tuple[Path, ...]
    complete: bool


def run(job: Job, *, tell: Tell = str) -> Outcome:
    """Check applications and write the folder of reports.

    Parameters
    ----------
    job : what to do
    tell : called with the name of each stage as it begins (进度)

    Raises
    ------
    ControlLinesError
        UsageError, PlanError, InputError (nothing could be checked) or OutputError.
    """
    check_target(job.out, formats=job.formats, map_lines=job.map_lines, overwrite=job.overwrite,
                 out_crs=job.out_crs, basemap=job.basemap)  # fmt: skip
    as_of = _date(job.as_of)
    options = replace(job.options, rules=job.options.pack or NO_RULES)  # a fault of the pack is told before any work
    decisions = read_decisions(job.decisions) if job.decisions else Decisions()
    tell("读取规划")
    plan = open_plan(job.plan)
    tell("读取申请地块")
    parcels = read_parcels(job.parcels, datum=job.datum, project_by=job.project_by, line_width=job.line_width,
                           leave_out=[path for path in (job.facts, job.decisions) if path])  # fmt: skip
    tell(f"套合 {len(parcels)} 个地块")
    known = gather(parcels, pairs=job.project, table=job.facts)
    result = check(parcels, plan, as_of=as_of, options=options, facts=known, decisions=decisions)
    tell("写出成果")
    written = write_report(result, job.out, formats=job.formats, map_lines=job.map_lines, paths=job.paths,
                           overwrite=job.overwrite, form=job.form, out_crs=job.out_crs, basemap=job.basemap,
                           tell=tell)  # fmt: skip
    return Outcome(result, tuple(written), is_complete(result))


def check(
    parcels: object, plan: object, *, as_of: str | dt.date | None = None, options: CheckOptions = CheckOptions(),
    datum: str | None = None, project_by: str | None = None, line_width: float | None = None, facts: object = None,
    decisions: str | Path | Decisions | None = None,
) -> CheckResult:  # fmt: skip
    """Check parcels against the control lines of a plan.

    Parameters
    ----------
    parcels : Layer from :func:`read_parcels`, GeoDataFrame, path, pattern, folder, or several
    plan : Plan, or anything :func:`open_plan` takes
    as_of : date of the check, ISO; omitted: today, taken once and recorded
    options : what to check and how to print it
    datum, project_by, line_width : as in :func:`read_parcels`, when parcels are not a Layer yet
    facts : what is known of the projects: a filled form, or project_id → {key: value} (``"*"``: every project)
    decisions : of reviewers (人工认定), applied after the rules; a path, or from :func:`read_decisions`

    Returns
    -------
    CheckResult

    Raises
    ------
    InputError
        Nothing could be checked.
    """
    date = _date(as_of)
    opened = open_plan(plan)
    read = parcels if isinstance(parcels, Layer) else read_parcels(parcels, datum=datum, project_by=project_by,
                                                                   line_width=line_width)  # fmt: skip
    laid = lay(read, opened.plane)
    known = facts if isinstance(facts, ProjectFacts) else gather(laid, table=facts)
    made = read_decisions(decisions) if isinstance(decisions, str | Path) else decisions or Decisions()
    basis = _basis(laid, opened, options, (date, known))
    found = _measure(basis)
    return decided(_judged(_result(basis, found), basis, found), made)


@dataclass(frozen=True)
class _Basis:
    """What a check stands on: ``laid`` are all parcels, ``land`` those at ``rows`` that can be checked."""

    laid: Layer
    rows: Array
    land: Land
    plan: Plan
    kinds: list[Kind]
    options: CheckOptions
    pack: Pack | None
    big_classes: Mapping[str, str]
    date: dt.date
    facts: ProjectFacts


@dataclass(frozen=True)
class _Measured:
    """What was measured, of parcels and of projects; ``united`` is the land use of the unions of projects."""

    frame: gpd.GeoDataFrame
    checked: Checked
    projects: Projects
    documents: Documents
    approvals: pd.DataFrame
    use: pd.DataFrame
    united: pd.DataFrame
    lengths: pd.DataFrame
    findings: list[Finding]


def _basis(laid: Layer, plan: Plan, options: CheckOptions, known: tuple[dt.date, ProjectFacts]) -> _Basis:
    rows = np.flatnonzero(laid.used)
    if not len(rows):
        causes = tuple(item for item in laid.findings if item.severity == "error")
        why = "；".join(dict.fromkeys(item.message for item in causes[:3]))
        raise InputError(finding("NOTHING_CHECKED", actual=len(laid), hint=why), causes)
    land = Land(laid.frame["parcel_id"].to_numpy()[rows], laid.geoms[rows], laid.resolution[rows], plan.plane)
    big_classes = choices(plan.spec.big_classes | dict(options.big_classes), where=plan.path)
    return _Basis(laid, rows, land, plan, _kinds(plan, options), options, options.pack, big_classes, *known)


def _measure(basis: _Basis) -> _Measured:
    """Lay parcels and projects over the plan, and name the rows."""
    land, plan, laid, options = basis.land, basis.plan, basis.laid, basis.options
    checked = check_land(land, plan, basis.kinds, options.widths, workers=options.workers)
    frame = parcels_frame(laid, basis.rows)
    projects = projects_of(frame, land, (plan, basis.kinds, options.widths), workers=options.workers)
    documents = read_documents(basis.facts, plan)
    approvals, short = approvals_frame((land, checked), projects, plan, (basis.facts, documents))
    use, ridges = land_frame(land, plan, checked.measured, basis.big_classes)
    united, _ = land_frame(projects.land, plan, projects.checked.measured, basis.big_classes)
    lengths, linear = lengths_frame(laid, basis.rows, checked, plan)
    lines = [item for line in checked.measured.values() for item in line.findings]
    notes = [*declared_findings(frame), *far_parcels(laid, plan_box(plan.layers)), *_in_force(plan, basis.date)]
    notes += [*projects.findings, *basis.facts.findings, *documents.findings, *ridges, *short, *linear]
    return _Measured(frame, checked, projects, documents, approvals, use, united, lengths,
                     [*laid.findings, *plan.all_findings, *notes, *checked.findings, *lines])  # fmt: skip


def _result(basis: _Basis, found: _Measured) -> CheckResult:
    """Return the result before it is judged."""
    land, plan, options = basis.land, basis.plan, basis.options
    checked, projects, facts = found.checked, found.projects, basis.facts.frame()
    pieces, outside = pieces_frames(basis.laid, land, checked, plan)
    findings, counts = findings_frame(found.findings)
    said = provenance(basis.laid, plan, basis.kinds, options=_said(options, plan, basis.big_classes),
                      required=_required(options), as_of=basis.date, facts=facts, documents=record(found.documents),
                      pack=basis.pack)  # fmt: skip
    return CheckResult(
        parcels=found.frame,
        overlaps=named(checked.overlaps, land, "parcel_id"),
        pieces=pieces,
        outside=outside,
        units=named(checked.units, land, "parcel_id"),
        projects=projects.frame,
        project_overlaps=projects.table(checked.overlaps, projects.checked.overlaps),
        verdicts=pd.DataFrame(columns=list(VERDICTS)),
        findings=findings,
        provenance=said | {"finding_counts": counts},
        plan=plan,
        lengths=found.lengths,
        applications=basis.laid,
        land=named(found.use, land, "parcel_id"),
        project_land=projects.table(found.use, found.united),
        facts=facts,
        project_units=projects.table(checked.units, projects.checked.units),
        approvals=found.approvals,
    )


def _judged(result: CheckResult, basis: _Basis, found: _Measured) -> CheckResult:
    """Apply the rule pack, if there is one, to the land inside each line by class and by other lines."""
    if basis.pack is None:
        return result
    land, plan, projects, pairs = basis.land, basis.plan, found.projects, basis.pack.pairs()
    one = divided_frame(land, plan, found.checked, pairs=pairs)
    whole = divided_frame(projects.land, plan, projects.checked, pairs=pairs)
    told = Circumstances(named(one, land, "parcel_id"), projects.table(one, whole), facts=basis.facts.of)
    return judged(result, basis.pack, told, as_of=basis.date, accuracy_m=basis.options.accuracy_m)


def _said(options: CheckOptions, plan: Plan, big_classes: Mapping[str, str]) -> dict[str, object]:
    """Return the options that can change a number; land classes only where there is land use."""
    classes = {"big_classes": dict(big_classes)} if LAND_USE in plan.layers else {}
    return {"area": options.area, **asdict(options.widths), "accuracy_m": options.accuracy_m, **classes}


def is_complete(result: CheckResult) -> bool:
    """Return True if no input was excluded and no required line was no_data or failed (exit code 0)."""
    required = result.overlaps["kind"].isin(result.provenance["required"])
    open_rows = required & result.overlaps["outcome"].isin(["no_data", "failed"])
    return not open_rows.any() and bool((result.parcels["status"] == "checked").all())


def _date(value: str | dt.date | None) -> dt.date:
    """Return the date of the check; the clock is asked here and nowhere else."""
    try:
        if value is None:
            return dt.date.today()
        return value if isinstance(value, dt.date) else dt.date.fromisoformat(value)
    except ValueError:
        raise UsageError.of("DATE", actual=value) from None


def _kinds(plan: Plan, options: CheckOptions) -> list[Kind]:
    """Return the lines to check: the required ones, and every other line the plan has."""
    if not options.lines:
        keys = in_order({*three_lines(), *(kind.key for kind in plan.lines())})
    else:
        keys = in_order({_line_key(plan, name) for name in options.lines})
    return [plan.kind(key) for key in keys]


def _required(options: CheckOptions) -> list[str]:
    return [kind_of(name, sense="avoid").key for name in options.lines] or list(three_lines())


def _line_key(plan: Plan, name: str) -> str:
    kind = plan.kind(name) if name in plan.specs else kind_of(name)
    if not kind.is_line:
        raise UsageError.of("NOT_A_LINE", actual=name)
    return kind.key


def _in_force(plan: Plan, as_of: dt.date) -> list[Finding]:
    """Say so when the plan is not in force on the date of the check."""
    start, end = plan.spec.valid_from, plan.spec.valid_to
    if (start is None or start <= as_of) and (end is None or as_of <= end):
        return []
    return [finding("PLAN_NOT_IN_FORCE", source=plan.path, actual=as_of, expected=f"{start or ''}—{end or ''}")]
