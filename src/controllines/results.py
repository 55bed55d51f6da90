"""The result of a check (核对结果): frames with documented columns, and where every number came from."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import geopandas as gpd
import pandas as pd

from controllines.decisions import Decisions
from controllines.facts import FACTS
from controllines.findings import Finding, listed
from controllines.frames import LENGTHS
from controllines.layers import Layer
from controllines.plans import Plan
from controllines.rules import LEVELS, Level, Pack
from controllines.rules.cases import Case
from controllines.rules.words import text

VERDICTS = (
    "scope", "subject_id", "kind", "level", "rule_id", "authority", "requires", "basis", "sentence", "question",
    "flips", "decisive", "original_level", "override",
)  # fmt: skip
#: Columns of ``units`` behind the id.
UNITS = ("kind", "code", "name", "area_m2", "planar_area_m2")


@dataclass(frozen=True)
class CheckResult:
    """Parcels and projects checked against the lines of a plan.

    Attributes
    ----------
    parcels : parcel_id, declared_id, project_id, name, source, row, status (checked/excluded), area_m2,
        planar_area_m2, declared_area_m2, verdict, source_crs, geometry
    overlaps : parcel × line: parcel_id, kind, outcome (conflict/none/no_data/failed) and the measures
    pieces : parcel × feature: parcel_id, kind, feature_id, class, area_m2, planar_area_m2, geometry
    outside : parcel_id, kind, area_m2, planar_area_m2, geometry: what lies outside a line to stay within
    units : parcel × unit, planned use or approved land (规划用途、已批用地): parcel_id, kind, code, name (范围外 where
        outside all), area_m2, planar_area_m2
    project_units : the same of the unions, with project_id
    projects, project_overlaps : of the union of each project's parcels
    verdicts : one row per rule that applies or is open for a parcel or project: scope, subject_id, kind (or land_use,
        general), level (null: a note), rule_id, authority, requires, basis, sentence, question, flips, decisive,
        original_level, override, verification, sentence_en; empty without rules
    cases, pack : what the rules were given, and the rule pack; the trace of the judgement follows from them
    findings : code, severity, source, layer, feature, x, y, message, expected, actual, fix
    provenance : run_id, versions, as_of, options, plan, layers, inputs, checked, not_checked
    plan : the plan it was checked against
    land, project_land : × land class × ownership × township (用地现状): parcel_id or project_id, class_code,
        class_name, big_class, ownership, township_code, township, area_m2, ridge_m2, net_area_m2, and ``{kind}_m2`` of
        each line; see :func:`controllines.landuse.land_frame`. Empty if the plan has no land-use layer
    facts : project_id, key, value, source: what was known of each project, and where it came from
    decisions : what reviewers decided (人工认定); the rows of ``verdicts`` they changed keep the level of the rules
    approvals : conflicts held against approval documents (认定意见范围、补划地块): scope, subject_id, project_id, fact,
        kind, role, document, required_m2, given_m2, missing_m2; see :func:`controllines.approvals.approvals_frame`
    lengths : linear projects × line: parcel_id, kind, length_m of the centre line (中心线) inside the line (null where
        not measured), total_m; true metres
    applications : the parcels as they were handed in, with their source coordinates
    """

    parcels: gpd.GeoDataFrame
    overlaps: pd.DataFrame
    pieces: gpd.GeoDataFrame
    outside: gpd.GeoDataFrame
    units: pd.DataFrame
    projects: pd.DataFrame
    project_overlaps: pd.DataFrame
    verdicts: pd.DataFrame
    findings: pd.DataFrame
    provenance: dict[str, Any]
    plan: Plan
    lengths: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(LENGTHS)))
    land: pd.DataFrame = field(default_factory=pd.DataFrame)
    project_land: pd.DataFrame = field(default_factory=pd.DataFrame)
    approvals: pd.DataFrame = field(default_factory=pd.DataFrame)
    project_units: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=["project_id", *UNITS]))
    decisions: Decisions = field(default_factory=Decisions)
    cases: tuple[Case, ...] = ()
    pack: Pack | None = None
    facts: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(FACTS)))
    applications: Layer | None = None

    def __repr__(self) -> str:
        return f"CheckResult({summary_line(self)})"

    def _repr_html_(self) -> str:
        tables = [table.to_html(escape=True) for table in (outcome_table(self), level_table(self)) if len(table)]
        return f"<p>{html.escape(summary_line(self))}</p>{''.join(tables)}"


def summary_line(result: CheckResult) -> str:
    """Return one sentence: how many parcels were checked and excluded, and how many overlap each line.

    A line that could not be checked for every parcel says for how many: its 0 was not earned.
    """
    status = result.parcels["status"].value_counts()
    head = f"{status.get('checked', 0)} 个地块已核对，{status.get('excluded', 0)} 个被排除"
    found = result.overlaps.groupby(["kind", "outcome"]).size()
    parts = []
    for key in result.provenance["checked"]:
        open_ = found.get((key, "no_data"), 0) + found.get((key, "failed"), 0)
        parts.append(f"{result.plan.kind(key).zh} {found.get((key, 'conflict'), 0)}"
                     + (f"（未能核对 {open_}）" if open_ else ""))  # fmt: skip
    judged = result.parcels["verdict"].value_counts()
    said = "，".join(f"{text('table', level)} {judged[level]}" for level in LEVELS if level in judged)
    return f"{head}；存在冲突：" + "，".join(parts) + (f"；地块判定：{said}" if said else "")


def levels(result: CheckResult) -> list[Level]:
    """Return the levels of all parcels and projects that were judged."""
    return [level for frame in (result.parcels, result.projects) for level in frame["verdict"].dropna()]


def level_table(result: CheckResult) -> pd.DataFrame:
    """Return the number of parcels by line and level, with Chinese headings; empty without rules."""
    rows = result.verdicts[(result.verdicts["scope"] == "parcel") & result.verdicts["decisive"].astype(bool)]
    if rows.empty:
        return pd.DataFrame()
    table = pd.crosstab(rows["kind"], rows["level"])
    table = table.reindex(index=result.provenance["checked"], columns=list(LEVELS), fill_value=0)
    table.index = pd.Index([result.plan.kind(key).zh for key in table.index], name="规则判定")
    return table.rename(columns={level: text("table", level) for level in LEVELS}).rename_axis(columns=None)


def counts(result: CheckResult) -> pd.DataFrame:
    """Return source, layer, features_in, used, excluded of each file and layer: applications, then the plan's.

    Features in = used + excluded; a layer that could not be read at all has no row here but a finding.
    """
    names = ("path", "layer", "features_in", "used", "excluded")
    said = [*result.provenance["inputs"], *result.provenance["layers"]]
    rows = [[entry[name] for name in names] for entry in said if entry.get("features_in") is not None]
    return pd.DataFrame(rows, columns=["source", *names[1:]])


def outcome_table(result: CheckResult) -> pd.DataFrame:
    """Return the number of parcels by line and outcome, with Chinese headings."""
    counts = pd.crosstab(result.overlaps["kind"], result.overlaps["outcome"])
    headings = {"conflict": "冲突", "none": "无重叠", "no_data": "无数据", "failed": "核对失败"}
    counts = counts.reindex(index=result.provenance["checked"], columns=list(headings), fill_value=0)
    counts.index = pd.Index([result.plan.kind(key).zh for key in counts.index], name="控制线")
    return counts.rename(columns=headings).rename_axis(columns=None)


def findings_frame(found: Sequence[Finding]) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return findings as a frame (capped per code and layer) and the exact count per code."""
    names = ["code", "severity", "source", "layer", "feature", "x", "y", "message", "expected", "actual", "fix"]
    if set(names) != {f.name for f in fields(Finding)}:
        raise AssertionError("the findings frame has fallen behind Finding")
    kept, counts = listed(dict.fromkeys(found))
    return pd.DataFrame([[getattr(item, name) for name in names] for item in kept], columns=names), counts
