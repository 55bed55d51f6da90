"""The whole way, from files to a folder of reports; the only place that wires the stages.

``check`` is the method: read, lay into the plan's plane, measure parcels, measure projects, name the rows. ``run`` is
``check`` between reading and writing.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyproj
import shapely

from controllines import __version__, plans
from controllines.area import planar_area
from controllines.conflicts import Checked, Land, Widths, check_land
from controllines.corridors import length_m, lengths_inside, line_in_plane
from controllines.crs import from_plane, recognise
from controllines.errors import InputError, UsageError
from controllines.extents import far_parcels, plan_box
from controllines.findings import Finding, finding
from controllines.kinds import Kind, in_order, kind_of, registry, three_lines
from controllines.layers import Layer, by_crs, lay
from controllines.lengths import CONTACT_WIDTH_M
from controllines.overlay import union_by
from controllines.parcels import read_parcels
from controllines.plans import Plan, open_plan
from controllines.report import check_target, write_report
from controllines.results import LENGTHS, VERDICTS, CheckResult, findings_frame

Array = np.ndarray
Tell = Callable[[str], object]
AREAS = ("official", "planar")
#: Declared areas carry 公顷 with 4 decimals: half a unit of the last digit, and as much again for rounded coordinates.
DECLARED_M2 = 1.0


@dataclass(frozen=True)
class CheckOptions:
    """Options of a check that can change what it says.

    Attributes
    ----------
    lines : kinds to check; omitted: the three control lines and every other line of the plan
    area : which area documents print, ``official`` or ``planar``
    widths : slivers and clearance
    """

    lines: tuple[str, ...] = ()
    area: str = "official"
    widths: Widths = Widths()

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
    check_target(job.out, formats=job.formats, map_lines=job.map_lines, overwrite=job.overwrite)
    as_of = _date(job.as_of)
    tell("读取规划")
    plan = open_plan(job.plan)
    tell("读取申请地块")
    parcels = read_parcels(job.parcels, datum=job.datum, project_by=job.project_by, line_width=job.line_width)
    tell(f"套合 {len(parcels)} 个地块")
    result = check(parcels, plan, as_of=as_of, options=job.options)
    tell("写出成果")
    written = write_report(result, job.out, formats=job.formats, map_lines=job.map_lines, paths=job.paths,
                           overwrite=job.overwrite)  # fmt: skip
    return Outcome(result, tuple(written), is_complete(result))


def check(
    parcels: object, plan: object, *, as_of: str | dt.date | None = None, options: CheckOptions = CheckOptions(),
    datum: str | None = None, project_by: str | None = None, line_width: float | None = None,
) -> CheckResult:  # fmt: skip
    """Check parcels against the control lines of a plan.

    Parameters
    ----------
    parcels : Layer from :func:`read_parcels`, GeoDataFrame, path, pattern, folder, or several
    plan : Plan, or anything :func:`open_plan` takes
    as_of : date of the check, ISO; omitted: today, taken once and recorded
    options : what to check and how to print it
    datum, project_by, line_width : as in :func:`read_parcels`, when parcels are not a Layer yet

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
    rows = np.flatnonzero(laid.used)
    if not len(rows):
        causes = tuple(item for item in laid.findings if item.severity == "error")
        raise InputError(finding("NOTHING_CHECKED", actual=len(laid)), causes)
    kinds = _kinds(opened, options)
    land = Land(laid.frame["parcel_id"].to_numpy()[rows], laid.geoms[rows], laid.resolution[rows], opened.plane)
    checked = check_land(land, opened, kinds, options.widths)
    frame, notes = _parcels(laid, rows)
    notes += far_parcels(laid, plan_box(opened.layers))
    projects, project_overlaps, doubled = _projects(frame, land, checked, (opened, kinds, options))
    measured = [item for line in checked.measured.values() for item in line.findings]
    notes += _in_force(opened, date)
    lengths, said = _lengths(laid, rows, checked, opened)
    notes += said
    findings, counts = findings_frame([*laid.findings, *opened.all_findings, *notes, *measured, *doubled])
    provenance = _provenance(laid, opened, kinds, options=options, as_of=date) | {"finding_counts": counts}
    pieces, outside = _pieces(laid, land, checked, opened)
    return CheckResult(
        parcels=frame,
        overlaps=_named(checked.overlaps, land, "parcel_id"),
        pieces=pieces,
        outside=outside,
        units=_named(checked.units, land, "parcel_id"),
        projects=projects,
        project_overlaps=project_overlaps,
        verdicts=pd.DataFrame(columns=list(VERDICTS)),
        findings=findings,
        provenance=provenance,
        plan=opened,
        lengths=lengths,
    )


def is_complete(result: CheckResult) -> bool:
    """Return True if no input was excluded and no required line was no_data or failed (exit code 0)."""
    required = result.overlaps["kind"].isin(result.provenance["required"])
    open_rows = required & result.overlaps["outcome"].isin(["no_data", "failed"])
    return not open_rows.any() and bool((result.parcels["status"] == "checked").all())


def _date(value: str | dt.date | None) -> dt.date:
    """Return the date of the check; the clock is asked here and nowhere else."""
    try:
        return dt.date.today() if value is None else value if isinstance(value, dt.date) else dt.date.fromisoformat(value)
    except ValueError:
        raise UsageError.of("DATE", actual=value) from None


def _kinds(plan: Plan, options: CheckOptions) -> list[Kind]:
    """Return the lines to check: the required ones, and every other line the plan has."""
    if not options.lines:
        keys = in_order({*three_lines(), *(kind.key for kind in plan.lines())})
    else:
        keys = in_order({_line_key(plan, name) for name in options.lines})
    return [plan.kind(key) for key in keys]


def _line_key(plan: Plan, name: str) -> str:
    kind = plan.kind(name) if name in plan.specs else kind_of(name)
    if not kind.is_line:
        raise UsageError.of("NOT_A_LINE", actual=name)
    return kind.key


def _parcels(laid: Layer, rows: Array) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    """Return the parcels frame, and findings on declared areas."""
    area, planar = np.full(len(laid), np.nan), np.full(len(laid), np.nan)
    area[rows] = shapely.area(laid.geoms[rows])
    for crs, of_crs in by_crs(laid.crs):
        own = np.intersect1d(of_crs, rows)
        planar[own] = planar_area(laid.shapes[own], crs)
    source = laid.frame
    frame = gpd.GeoDataFrame({
        **{name: source[name].astype(object) for name in ("parcel_id", "declared_id", "project_id", "project_name",
                                                          "name", "use", "source")},
        "row": source["row"],
        "status": np.where(laid.used, "checked", "excluded"),
        "area_m2": area,
        "planar_area_m2": planar,
        "declared_area_m2": pd.to_numeric(source["declared_area_m2"]),
        "verdict": None,
        "source_crs": source["source_crs"],
    }, geometry=source.geometry.to_numpy(), crs=source.crs)  # fmt: skip
    return frame, _declared(frame)


def _lengths(laid: Layer, rows: Array, checked: Checked, plan: Plan) -> tuple[pd.DataFrame, list[Finding]]:
    """Measure the centre lines of linear projects inside each line, besides their areas."""
    lines = np.full(len(laid), None, dtype=object)
    linear = rows[~shapely.is_missing(laid.lines[rows])] if len(laid.lines) else rows[:0]
    if not len(linear):
        return pd.DataFrame(columns=list(LENGTHS)), []
    for crs, of_crs in by_crs(laid.crs):
        own = np.intersect1d(of_crs, linear)
        lines[own] = line_in_plane(laid.lines[own], crs, plan.plane)
    known = checked.overlaps.set_index(["kind", "row"])["area_m2"]
    ids, total = laid.frame["parcel_id"].to_numpy(object), length_m(lines[rows], plan.plane)
    measured = []
    for key, line in checked.measured.items():
        inside = lengths_inside(lines[rows], (line.pieces.left, line.pieces.geoms), plan.plane)
        inside[known[key].reindex(range(len(rows))).isna().to_numpy()] = np.nan
        measured.append(pd.DataFrame({"parcel_id": ids[rows], "kind": key, "length_m": inside, "total_m": total}))
    frame = pd.concat(measured, ignore_index=True).dropna(subset="total_m").reset_index(drop=True)
    return frame, [
        finding("LINE_LENGTHS", feature=parcel, expected=f"{own['total_m'].iloc[0]:.2f}", actual="，".join(
            f"{plan.kind(kind).zh} " + ("未能核对" if np.isnan(length) else f"{length:.2f} 米")
            for kind, length in zip(own["kind"], own["length_m"], strict=True)))
        for parcel, own in frame.groupby("parcel_id", sort=False)
    ]  # fmt: skip


def _in_force(plan: Plan, as_of: dt.date) -> list[Finding]:
    """Say so when the plan is not in force on the date of the check."""
    start, end = plan.spec.valid_from, plan.spec.valid_to
    if (start is None or start <= as_of) and (end is None or as_of <= end):
        return []
    return [finding("PLAN_NOT_IN_FORCE", source=plan.path, actual=as_of, expected=f"{start or ''}—{end or ''}")]


def _declared(frame: gpd.GeoDataFrame) -> list[Finding]:
    """Compare declared areas with planar and official area before saying anything.

    A declared area that is the planar one is the rule in survey files: it is explained once, not warned about.
    """
    declared, planar, area = (frame[name].to_numpy(float) for name in
                              ("declared_area_m2", "planar_area_m2", "area_m2"))  # fmt: skip
    off = np.abs(declared - area) > DECLARED_M2
    projection = off & (np.abs(declared - planar) <= DECLARED_M2)
    found = []
    if projection.any():
        most = float((planar - area)[projection].max())
        found.append(finding("AREA_PROJECTION", actual=int(projection.sum()), expected=f"{most:.2f}"))
    return found + [
        finding("AREA_DECLARED", source=frame["source"].iloc[row], feature=frame["parcel_id"].iloc[row],
                actual=f"{declared[row]:.2f}", expected=f"平面 {planar[row]:.2f}，椭球 {area[row]:.2f}")
        for row in np.flatnonzero(off & ~projection)
    ]  # fmt: skip


def _named(frame: pd.DataFrame, land: Land, column: str) -> pd.DataFrame:
    """Put the id of the land in the place of its row."""
    named = frame.drop(columns="row")
    named.insert(0, column, land.ids[frame["row"].to_numpy(int)])
    return named


def _projects(
    frame: gpd.GeoDataFrame, land: Land, checked: Checked, how: tuple[Plan, list[Kind], CheckOptions]
) -> tuple[pd.DataFrame, pd.DataFrame, list[Finding]]:
    """Check the union of each project's parcels; a project of one parcel has that parcel's rows."""
    plan, kinds, options = how
    used = frame[frame["status"] == "checked"].reset_index(drop=True)
    ids, project = np.unique(used["project_id"].to_numpy(str), return_inverse=True)
    size = np.bincount(project)
    order = np.argsort(np.unique(project, return_index=True)[1], kind="stable")
    several = np.flatnonzero(size > 1)
    area = np.zeros(len(ids))
    area[project] = shapely.area(land.geoms)
    joined, outline = land, np.empty(0)
    if len(several):
        rows = np.flatnonzero(np.isin(project, several))
        union = union_by(land.geoms[rows], np.searchsorted(several, project[rows]), len(several))
        coarsest = np.zeros(len(ids))
        np.maximum.at(coarsest, project, land.resolution)
        joined = replace(land, ids=ids[several], geoms=union, resolution=coarsest[several])
        area[several], outline = shapely.area(union), shapely.length(union)
    summed = np.bincount(project, weights=shapely.area(land.geoms), minlength=len(ids))
    doubled = [finding("PROJECT_LAND_TWICE", feature=ids[n], actual=f"{summed[n] - area[n]:.2f}")
               for n, edge in zip(several, outline, strict=True) if summed[n] - area[n] > CONTACT_WIDTH_M * edge]  # fmt: skip
    first = used.groupby("project_id", sort=True)["project_name"].first()
    projects = pd.DataFrame({
        "project_id": ids, "name": first.reindex(ids).to_numpy(object), "parcels": size, "area_m2": area,
        "verdict": None,
    }).iloc[order].reset_index(drop=True)  # fmt: skip
    lone = checked.overlaps[np.isin(project[checked.overlaps["row"].to_numpy(int)], np.flatnonzero(size == 1))]
    tables = [lone.assign(project_id=ids[project[lone["row"].to_numpy(int)]]).drop(columns="row")]
    if len(several):
        tables.append(_named(check_land(joined, plan, kinds, options.widths).overlaps, joined, "project_id"))
    overlaps = pd.concat([table for table in tables if len(table)], ignore_index=True)
    rank = {identity: n for n, identity in enumerate(projects["project_id"])}
    overlaps = overlaps.iloc[np.argsort(overlaps["project_id"].map(rank), kind="stable")].reset_index(drop=True)
    return projects, overlaps[["project_id", *(c for c in overlaps if c != "project_id")]], doubled


def _pieces(laid: Layer, land: Land, checked: Checked, plan: Plan) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return pieces and outside parts, brought back to the CRS of the parcels."""
    target = recognise(laid.frame.crs, datum="as_is")
    piece_frames, outside_frames = [], []
    for key, measured in checked.measured.items():
        pieces = measured.pieces
        if len(pieces):
            features = plan.layers[key].frame
            piece_frames.append(_geo(land.ids[pieces.left], key, pieces.geoms, (land, target)).assign(**{
                "feature_id": features["feature_id"].to_numpy(object)[pieces.right],
                "class": features["class"].to_numpy(object)[pieces.right],
                "row": pieces.left,
            }))  # fmt: skip
        rows = np.flatnonzero(shapely.area(measured.outside) > 0)
        if len(rows):
            outside_frames.append(_geo(land.ids[rows], key, measured.outside[rows], (land, target)).assign(row=rows))
    columns = ["parcel_id", "kind", "area_m2", "planar_area_m2", "geometry"]
    with_feature = [*columns[:2], "feature_id", "class", *columns[2:]]
    return _joined(piece_frames, with_feature, laid.frame.crs), _joined(outside_frames, columns, laid.frame.crs)


def _geo(ids: Array, kind: str, geoms: Array, how: tuple[Land, Any]) -> gpd.GeoDataFrame:
    land, target = how
    back = from_plane(geoms, land.plane, target)
    return gpd.GeoDataFrame({"parcel_id": ids, "kind": kind, "area_m2": shapely.area(geoms),
                             "planar_area_m2": planar_area(back, target)}, geometry=back, crs=target.crs)  # fmt: skip


def _joined(frames: Sequence[gpd.GeoDataFrame], columns: list[str], crs: Any) -> gpd.GeoDataFrame:
    if not frames:
        return gpd.GeoDataFrame({name: [] for name in columns}, geometry="geometry", crs=crs)
    joined = pd.concat(frames, ignore_index=True).sort_values("row", kind="stable", ignore_index=True)
    return gpd.GeoDataFrame(joined[columns], geometry="geometry", crs=crs)


def _provenance(laid: Layer, plan: Plan, kinds: list[Kind], *, options: CheckOptions, as_of: dt.date) -> dict[str, Any]:
    """Say where every number came from; ``run_id`` is a checksum of inputs, plan and options."""
    inputs = [asdict(origin) | {"used": origin.used} for origin in laid.origins]
    required = [kind_of(name, sense="avoid").key for name in options.lines] or list(three_lines())
    chosen = {"lines": [kind.key for kind in kinds], "area": options.area, **asdict(options.widths),
              "line_width_m": laid.reading.line_width}  # fmt: skip
    seed = {"projects": laid.frame["project_id"].astype(str).tolist(), "inputs": [(Path(o["path"]).name, o["layer"], o["sha256"]) for o in inputs], "plan": plans.checksum(plan),
            "options": chosen, "as_of": as_of.isoformat(), "version": __version__}  # fmt: skip
    return {
        "run_id": hashlib.sha256(json.dumps(seed, ensure_ascii=False).encode()).hexdigest()[:12],
        "versions": versions(),
        "as_of": as_of.isoformat(),
        "options": chosen,
        "plan": plan.spec.model_dump(mode="json") | {"path": plan.path, "plane": asdict(plan.plane)},
        "layers": [_plan_layer(plan, key) for key in in_order({*plan.layers, *plan.failed})],
        "inputs": inputs,
        "rule_pack": None,
        "checked": [kind.key for kind in kinds],
        "required": in_order(set(required)),
        "not_checked": _not_checked(plan, kinds),
        "synthetic": plan.spec.synthetic,
    }


def _not_checked(plan: Plan, kinds: list[Kind]) -> list[str]:
    """Return the lines nothing was checked against: not asked for, not in the plan, or not readable."""
    checked = {kind.key for kind in kinds if kind.key in plan.layers}
    return [key for key, kind in registry().items() if kind.is_line and key not in checked]


def _plan_layer(plan: Plan, key: str) -> dict[str, Any]:
    spec, kind = plan.specs[key], plan.kind(key)
    said = {"kind": key, "name_zh": kind.zh, "version": spec.version, "source": spec.source,
            "approval": spec.approval, "as_at": spec.as_at.isoformat() if spec.as_at else None,
            "accept_excluded": spec.accept_excluded}  # fmt: skip
    if key in plan.failed:
        return said | {"path": plan.failed[key].source, "layer": spec.layer, "failed": plan.failed[key].message}
    origin = plan.layers[key].origins[0]
    coverage = plan.coverage[key].zh if key in plan.coverage else None
    return said | asdict(origin) | {"used": origin.used, "coverage": coverage, "failed": None}


def versions() -> dict[str, str]:
    """Return the versions of everything that can change a number."""
    return {
        "controllines": __version__,
        "python": platform.python_version(),
        "shapely": shapely.__version__,
        "geos": shapely.geos_version_string,
        "pyproj": pyproj.__version__,
        "proj": pyproj.proj_version_str,
        "pyogrio": pyogrio.__version__,
        "gdal": pyogrio.__gdal_version_string__,
        "numpy": np.__version__,
        "pandas": pd.__version__,
    }
