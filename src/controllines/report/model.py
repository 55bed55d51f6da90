"""The one report model (报表模型): made once from a result; every writer only lays it out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from controllines.decisions import Decision
from controllines.facts import FormRow
from controllines.kinds import in_order, registry, three_lines
from controllines.report.figures import Area, Convention, Measures, area, parts
from controllines.report.maps import MapLayers, map_layers
from controllines.report.points import Corners, corners_of
from controllines.report.rows import Row, grouped, records
from controllines.report.rulings import Ruling, asked, project_wholes, ruling, rulings, subject_word
from controllines.report.sentences import CLASSES, Scope, flags, result_word, row_class, told
from controllines.report.words import clean, say, unprintable, word
from controllines.rules import GENERAL, LAND_USE
from controllines.rules.words import text

if TYPE_CHECKING:
    from controllines.results import CheckResult

#: Severity of outcomes, worst first.
OUTCOMES = ("conflict", "failed", "no_data", "none")


@dataclass(frozen=True)
class LineRow:
    """One parcel (or project) × control line.

    Attributes
    ----------
    scope : the line
    outcome, result, look, sentence : outcome key, short word, class on the map, sentence
    ruling : what the rules say (规则判定)
    shown : the printed figures
    flags : Chinese names of the flags
    pieces : the row's pieces with their printed areas
    row : the row of the frame
    """

    scope: Scope
    outcome: str
    result: str
    look: str
    sentence: str
    ruling: Ruling
    shown: Measures
    flags: tuple[str, ...]
    pieces: tuple[tuple[Row, Area], ...]
    row: Row


@dataclass(frozen=True)
class ParcelRow:
    """One parcel (地块), as printed.

    Attributes
    ----------
    serial : 序号, from 1 in the order of the result
    look : class on the map
    reason : why it was set aside, empty for checked parcels
    declared, planar, official, shown : printed areas; ``shown`` is the one the documents use
    units : rows of ``units`` with their printed areas
    verdict, level : the level over all lines, in words and as its key; None without rules
    use : what the land is applied for (申报用途)
    """

    serial: int
    parcel_id: str
    declared_id: str
    project_id: str
    project: str
    name: str
    source: str
    status: str
    look: str
    reason: str
    declared: Area
    planar: Area
    official: Area
    shown: Area
    lines: tuple[LineRow, ...]
    units: tuple[tuple[Row, Area], ...]
    verdict: str = ""
    use: str = ""
    level: str | None = None

    def unit_names(self, kind: str) -> tuple[str, ...]:
        """Return the names of its units of a kind, largest first."""
        mine = [(row, part) for row, part in self.units if row["kind"] == kind]
        mine.sort(key=lambda pair: -(pair[1].m2 or 0.0))
        return tuple(dict.fromkeys(clean(row["name"]) for row, _ in mine))


@dataclass(frozen=True)
class ProjectRow:
    """One project (项目): the union of its parcels.

    Attributes
    ----------
    verdict : the level over all lines, its land use and its parcels
    rulings : what the rules say of its land use and of the project as a whole, by name
    units : rows of ``project_units`` with their printed areas
    """

    project_id: str
    name: str
    parcels: int
    planar: Area
    official: Area
    shown: Area
    lines: tuple[LineRow, ...]
    verdict: str = ""
    rulings: tuple[tuple[str, Ruling], ...] = ()
    units: tuple[tuple[Row, Area], ...] = ()


@dataclass(frozen=True)
class Report:
    """Everything the writers lay out.

    Attributes
    ----------
    title : names the lines that were checked
    head : plan, as-of date and run id, one line each
    banners : what every page must say (synthetic data, foreign datum, the marking)
    convention : the area convention, for every table
    scopes : the lines shown
    summary : sentences on the whole run
    map : geometries in longitude and latitude
    provenance : as in the result
    findings : rows of the result's findings
    cleaned : texts with control characters
    asked : projects with open questions, and what is known of them: the sheet 待补充
    decisions : what reviewers decided (人工认定), by parcel and line
    corners : corner points (界址点)
    marking : the marking of every page (内部资料), empty without one
    forms : project_id → file of its opinion form, where one was written
    """

    title: str
    head: tuple[str, ...]
    banners: tuple[str, ...]
    show: Convention
    convention: str
    scopes: tuple[Scope, ...]
    parcels: tuple[ParcelRow, ...]
    projects: tuple[ProjectRow, ...]
    summary: tuple[str, ...]
    map: MapLayers
    provenance: Mapping[str, Any]
    findings: tuple[Row, ...]
    cleaned: int
    asked: tuple[FormRow, ...] = ()
    decisions: Mapping[tuple[str, str], Decision] = field(default_factory=dict)
    corners: Corners = field(default_factory=Corners)
    marking: str = ""
    forms: Mapping[str, str] = field(default_factory=dict)

    @property
    def run_id(self) -> str:
        """The run's id (核对编号)."""
        return str(self.provenance["run_id"])

    @cached_property
    def members(self) -> dict[str, list[ParcelRow]]:
        """The parcels of each project."""
        found: dict[str, list[ParcelRow]] = {}
        for parcel in self.parcels:
            found.setdefault(parcel.project_id, []).append(parcel)
        return found


def build(result: CheckResult, *, map_lines: str = "near", marking: str = "") -> Report:
    """Make the report model of a result.

    Parameters
    ----------
    result : the checked parcels
    map_lines : control lines on the map: ``none``, ``near`` (within 500 m of an application) or ``all``
    marking : printed on every page (密级、内部资料)
    """
    provenance, marking = result.provenance, clean(marking)
    show = Convention(planar=provenance["options"].get("area") == "planar")
    scopes = scopes_of(result)
    rows = records(result.parcels)
    findings = records(result.findings)
    parcels = _parcels(result, rows, scopes, show, findings=findings)
    projects = _projects(result, scopes, show)
    return Report(
        title=title(scopes, provenance["checked"]),
        head=_head(provenance),
        banners=(*banners(provenance), *([marking] if marking else [])),
        marking=marking,
        show=show,
        convention=say("area", "convention", area=show.name),
        scopes=tuple(scopes.values()),
        parcels=parcels,
        projects=projects,
        summary=_summary(parcels, projects, scopes.values()),
        map=map_layers(result, map_lines),
        provenance=provenance,
        findings=tuple(findings),
        cleaned=sum(unprintable(value) for row in rows for value in row.values()),
        asked=asked(result),
        decisions={(item.subject_id, item.kind): item for item in result.decisions.items if item.scope == "parcel"},
        corners=corners_of(result),
    )


def title(scopes: Mapping[str, Scope], checked: Iterable[str]) -> str:
    """Return the heading: the three lines by their common name only where all three were checked."""
    done = [key for key in scopes if key in set(checked)]
    if set(three_lines()) <= set(done):
        return word("titles", "three")
    names = "、".join(clean(scopes[key].kind.zh) for key in done)
    return say("titles", "some", lines=names) if names else word("titles", "none")


def scopes_of(result: CheckResult) -> dict[str, Scope]:
    """Return what is known of each line shown, by key."""
    chosen = result.provenance["options"].get("lines") or three_lines()
    plan = result.plan
    lines = {key for key in result.provenance["checked"] if key not in registry() or registry()[key].is_line}
    scopes = {}
    for key in in_order({*result.overlaps["kind"], *lines}):
        layer = plan.layers.get(key)
        kind = plan.kind(key)
        wanted = key not in three_lines() or key in chosen or kind.zh in chosen
        scopes[key] = Scope(kind, wanted, layer is not None or key in plan.failed)
    return scopes


def _parcels(
    result: CheckResult, rows: list[Row], scopes: Mapping[str, Scope], show: Convention, *, findings: list[Row]
) -> tuple[ParcelRow, ...]:
    overlaps = grouped(records(result.overlaps), "parcel_id")
    pieces = grouped(records(result.pieces), "parcel_id", "kind")
    units = grouped(records(result.units), "parcel_id")
    names = {row["project_id"]: clean(row["name"]) for row in records(result.projects)}
    errors = grouped((row for row in findings if row["severity"] == "error"), "source", "feature")
    judged = rulings(result)
    made = []
    for serial, row in enumerate(rows, start=1):
        key = row["parcel_id"]
        lines = [
            _line(over, row, scopes[over["kind"]], show, pieces=pieces.get((key, over["kind"]), []),
                  judged=judged.get(("parcel", key, over["kind"]), []))
            for over in overlaps.get(key, [])
        ]  # fmt: skip
        mine = _units(units.get(key, []), row, show)
        reason = "" if row["status"] == "checked" else _reason(row, errors)
        ruled = [rule for line in lines for rule in judged.get(("parcel", key, line.scope.kind.key), [])]
        said = reason, subject_word(row["verdict"], ruled)
        made.append(_parcel(row, serial, names, show=show, lines=lines, units=mine, said=said))
    return tuple(made)


def _parcel(
    row: Row,
    serial: int,
    names: Mapping[object, str],
    *,
    show: Convention,
    lines: list[LineRow],
    units: list[tuple[Row, Area]],
    said: tuple[str, str],
) -> ParcelRow:
    looks = {line.look for line in lines} or {"excluded" if row["status"] == "excluded" else "undetermined"}
    return ParcelRow(
        serial=serial,
        parcel_id=clean(row["parcel_id"]),
        declared_id=clean(row["declared_id"]),
        project_id=clean(row["project_id"]),
        project=names.get(row["project_id"]) or clean(row["project_id"]),
        name=clean(row["name"]),
        source=clean(row["source"]),
        status=str(row["status"]),
        look=min(looks, key=CLASSES.index),
        reason=said[0],
        declared=area(_positive(row["declared_area_m2"])),
        planar=area(row["planar_area_m2"]),
        official=area(row["area_m2"]),
        shown=area(show.of(row)),
        lines=tuple(lines),
        units=tuple(units),
        verdict=said[1],
        use=clean(row.get("use")),
        level=row["verdict"],
    )


def _positive(value: float | None) -> float | None:
    # TXT files of some exporters declare 0 where they declare nothing
    return value if value else None


def _line(
    row: Row, whole: Row, scope: Scope, show: Convention, *, judged: Sequence[Row], pieces: Sequence[Row] = ()
) -> LineRow:
    shown, said = told(row, whole, scope, show, pieces=pieces)
    printed = parts([show.of(piece) for piece in pieces], shown.inside)
    return LineRow(
        scope=scope,
        outcome=str(row["outcome"]),
        result=result_word(row, scope.kind.sense),
        look=row_class(row, scope.kind.sense),
        sentence=said,
        ruling=ruling(judged, scope.kind),
        shown=shown,
        flags=tuple(word("flags", flag) for flag in flags(row)),
        pieces=tuple(zip(pieces, printed, strict=True)),
        row=row,
    )


def _units(units: list[Row], whole: Row, show: Convention) -> list[tuple[Row, Area]]:
    made: list[tuple[Row, Area]] = []
    for rows in grouped(units, "kind").values():
        printed = parts([show.of(row) for row in rows], area(show.of(whole)))
        made += zip(rows, printed, strict=True)
    return made


def _reason(row: Row, errors: Mapping[Any, list[Row]]) -> str:
    names = (row["parcel_id"], row["declared_id"], row["name"], str(row["row"]), f"row:{row['row']}")
    for name in names:
        for found in errors.get((row["source"], name), []):
            return clean(found["message"])
    return word("notes", "see_findings")


def _projects(result: CheckResult, scopes: Mapping[str, Scope], show: Convention) -> tuple[ProjectRow, ...]:
    overlaps = grouped(records(result.project_overlaps), "project_id")
    judged, units = rulings(result), grouped(records(result.project_units), "project_id")
    of_project = grouped((row for row in records(result.verdicts) if row["scope"] == "project"), "subject_id")
    made = []
    for row in project_wholes(result):
        key = row["project_id"]
        lines = [_line(over, row, scopes[over["kind"]], show, judged=judged.get(("project", key, over["kind"]), []))
                 for over in overlaps.get(key, [])]  # fmt: skip
        others = [(text("lines", kind), ruling(judged["project", key, kind], None)) for kind in (LAND_USE, GENERAL)
                  if ("project", key, kind) in judged]  # fmt: skip
        areas = (area(row["planar_area_m2"]), area(row["area_m2"]), area(show.of(row)))
        made.append(ProjectRow(
            clean(key), clean(row["name"]), int(row["parcels"]), *areas, tuple(lines),
            verdict=subject_word(row["verdict"], of_project.get(key, [])), rulings=tuple(others),
            units=tuple(_units(units.get(key, []), row, show)),
        ))  # fmt: skip
    return tuple(made)


def banners(provenance: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what every page must say: that data are synthetic, or on a foreign datum."""
    found = [word("titles", "synthetic")] if provenance["synthetic"] else []
    declared = [provenance["options"], *provenance["layers"], *provenance["inputs"]]
    if any(entry.get("datum") == "as_is" for entry in declared):
        found.append(word("titles", "as_is"))
    return tuple(found)


def _head(provenance: Mapping[str, Any]) -> tuple[str, ...]:
    plan = " ".join(filter(None, (clean(provenance["plan"].get(key)) for key in ("name", "version"))))
    pairs = (("plan", plan), ("as_of", clean(provenance["as_of"])), ("run_id", clean(provenance["run_id"])))
    return tuple(f"{word('notes', key)}：{text}" for key, text in pairs if text)


def _summary(parcels: Sequence[ParcelRow], projects: Sequence[ProjectRow], scopes: Iterable[Scope]) -> tuple[str, ...]:
    status = Counter(parcel.status for parcel in parcels)
    texts = [
        say("summary", "parcels", total=len(parcels), checked=status["checked"], excluded=status["excluded"]),
        say("summary", "projects", total=len(projects)),
    ]
    for scope in scopes:
        results = Counter(line.result for parcel in parcels for line in parcel.lines if line.scope is scope)
        named = "、".join(f"{result}{count}个" for result, count in results.items())
        if named:
            texts.append(say("summary", "line", line=clean(scope.kind.zh), results=named))
    levels = Counter(parcel.verdict for parcel in parcels if parcel.status == "checked")
    if levels.keys() - {word("titles", "verdict_none")}:
        texts.append(say("summary", "levels", results="、".join(f"{name}{count}个" for name, count in levels.items())))
    return tuple(texts)
