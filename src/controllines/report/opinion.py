"""The opinion form of one project (三条控制线套合核对表): what its Word template is filled with, in words and figures.

Everything here is text that was printed by the report model; the template only lays it out. The placeholders are the
names of :class:`Opinion`'s fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pandas as pd

from controllines.classes import BIG, CULTIVATED
from controllines.kinds import OUTSIDE_ALL, STAY_WITHIN
from controllines.packaged import packaged
from controllines.report.figures import Area, area, metres, parts
from controllines.report.model import LineRow, ParcelRow, ProjectRow, Report
from controllines.report.points import FEW, MOST, Point
from controllines.report.rows import file_name
from controllines.report.rulings import Ruling
from controllines.report.sheets import kind_names, note_lines
from controllines.report.words import XLSX, clean, word
from controllines.units import NO_DATA

#: What the annex says of the run; layers stand in a table of their own.
SAID = tuple(word("notes", key) for key in ("run_id", "as_of", "plan", "rules", "input", "options", "versions"))
#: Findings listed in the annex.
FINDINGS = 40
Texts = dict[str, str]


@dataclass(frozen=True)
class Opinion:
    """The placeholders of a template.

    Attributes
    ----------
    title, project_id, project_name, run_id, as_of, marking, banner, disclaimer : heads and feet
    facts : label, value: what the project is
    intro : the opening sentence
    sentences : one for each control line, worded by the report model
    verdict : the level of the project
    lines : line, result (with areas), ruling (level, sentences, clauses), duties (authority, documents)
    questions : what must be asked or supplied before it can be determined
    convention : the area convention of all tables
    land : name, area (公顷), mu (亩); land_note: source and year
    plan_rows : label, value: 乡镇、规划分区、规划用途、已批用地
    layers : name, version, as_at, source, approval, features, digest
    not_checked : what nothing was checked against
    picks : sentences to choose from in part two
    parcels : number, parcel_id, name, declared, planar, official, lines
    corners : parcel_id, ring, point, x, y, edge; north, east: headings of x and y; corner_note
    sensitivity : parcel_id, line, depth, clearance, note; sensitivity_note
    findings : severity, where, message, fix
    provenance : label, value
    """

    title: str
    project_id: str
    project_name: str
    run_id: str
    as_of: str
    marking: str
    banner: str
    disclaimer: str
    facts: list[Texts]
    intro: str
    sentences: list[str]
    caption: str
    verdict: str
    lines: list[Texts]
    questions: list[str]
    convention: str
    land: list[Texts]
    land_note: str
    plan_rows: list[Texts]
    layers: list[Texts]
    not_checked: str
    picks: list[str]
    parcels: list[Texts]
    corners: list[Texts]
    north: str
    east: str
    corner_note: str
    sensitivity: list[Texts]
    sensitivity_note: str
    findings: list[Texts]
    provenance: list[Texts]


@cache
def _catalogue() -> dict[str, dict[str, str]]:
    return {name: part for name, part in packaged("report/opinion").items() if isinstance(part, dict)}


def _say(key: str, section: str = "form", **values: object) -> str:
    return _catalogue()[section][key].format(**values)


def opinion(
    report: Report, project: ProjectRow, land: pd.DataFrame, *, book: bool = True
) -> Opinion:  # fmt: skip
    """Return what the form of one project says.

    Parameters
    ----------
    report : the report model of the run
    project : one of its projects
    land : land use of the project (rows of ``project_land``)
    book : whether there is a workbook to hold corner points that are too many for the form
    """
    mine = report.members.get(project.project_id, [])
    as_of = clean(report.provenance["as_of"])
    here = not book or report.corners.few([parcel.parcel_id for parcel in mine])
    return Opinion(
        title=_say("title_form", title=report.title),
        project_id=project.project_id,
        project_name=project.name or project.project_id,
        run_id=report.run_id,
        as_of=as_of,
        marking=report.marking,
        banner="".join(f"{text}　" for text in report.banners if text != report.marking),
        disclaimer=word("titles", "disclaimer"),
        facts=_facts(report, project, mine),
        intro=_say("intro", as_of=as_of, run_id=report.run_id),
        sentences=[f"{line.sentence}。" for line in project.lines],
        caption=_caption(mine),
        verdict=project.verdict,
        lines=[*(_line(line) for line in project.lines), *(_other(*pair) for pair in project.rulings)],
        questions=_questions(project),
        convention=report.convention,
        land=_land(land, project, report),
        land_note=_land_note(report),
        plan_rows=_plan_rows(project, mine),
        layers=[_layer(row) for row in report.provenance["layers"]],
        not_checked=_not_checked(report),
        picks=picks(project.lines),
        parcels=[_parcel(number, parcel) for number, parcel in enumerate(mine, start=1)],
        corners=[_corner(parcel, point) for parcel in mine if here for point in report.corners.of(parcel.parcel_id)],
        north=report.corners.axes[0],
        east=report.corners.axes[1],
        corner_note=_corner_note(report, mine, here=here),
        sensitivity=_sensitive(mine),
        sensitivity_note=_sensitivity_note(report, mine),
        findings=_findings(report, mine),
        provenance=_provenance(report, mine),
    )


def _pair(label: str, value: str) -> Texts:
    return {"label": label, "value": value or NO_DATA}


def _facts(report: Report, project: ProjectRow, mine: Sequence[ParcelRow]) -> list[Texts]:
    declared = [parcel.declared.m2 for parcel in mine]
    known = [m2 for m2 in declared if m2 is not None]
    return [
        _pair(_say("project"), project.name or project.project_id),
        _pair(_say("project_id"), project.project_id),
        _pair(_say("parcels"), _say("count", count=project.parcels)),
        _pair(_say("declared"), area(sum(known) if len(known) == len(declared) else None).phrase),
        _pair(_say("planar"), project.planar.phrase),
        _pair(_say("official"), project.official.phrase),
        _pair(_say("verdict"), project.verdict),
        _pair(_say("shown"), _say("shown_text", area=report.show.name, note=word("area", "official_note"))),
    ]


def _caption(mine: Sequence[ParcelRow]) -> str:
    numbered = f"；{_say('numbered')}" if len(mine) > 1 else ""
    return _say("caption", schematic=word("titles", "schematic")) + numbered


def _line(line: LineRow) -> Texts:
    shown = line.shown
    areas: list[tuple[str, Area]] = [("conflict", shown.conflict)]
    if line.scope.kind.sense == STAY_WITHIN:
        areas = [("inside", shown.inside), ("outside", shown.outside)]
    elif "kcxs" in line.scope.kind.fields:
        areas = [("net", shown.net), ("gross", shown.conflict)]
    hit = line.outcome == "conflict" or line.scope.kind.sense == STAY_WITHIN
    printed = [_say(f"area_{key}", area=part.phrase) for key, part in areas if hit and part.m2 is not None]
    return {"line": clean(line.scope.kind.zh), "result": "\n".join([line.result, *printed])} | _ruled(line.ruling)


def _ruled(ruling: Ruling) -> Texts:
    """Return what the rules say of one line: level, sentences and clauses; who approves and what is to be handed in."""
    said = [text for text in ruling.sentences if ruling.speaks]
    clauses = [_say("clauses", clauses="；".join(ruling.basis))] if ruling.basis and ruling.speaks else []
    duties = [_say("authority", authority=ruling.authority)] if ruling.authority else []
    duties += [_say("requires", requires="、".join(ruling.requires))] if ruling.requires and ruling.speaks else []
    return {"ruling": "\n".join([ruling.word, *said, *clauses]), "duties": "\n".join(duties) or NO_DATA}


def _other(name: str, ruling: Ruling) -> Texts:
    return {"line": name, "result": NO_DATA} | _ruled(ruling)


def _questions(project: ProjectRow) -> list[str]:
    asked = [text for line in project.lines for text in line.ruling.questions]
    asked += [text for _, ruling in project.rulings for text in ruling.questions]
    return [_say("question", question=text) for text in dict.fromkeys(asked)]


def _plan_rows(project: ProjectRow, mine: Sequence[ParcelRow]) -> list[Texts]:
    """Return where the project lies, unit by unit of each kind with areas, and its use against the planned one."""
    by_kind: dict[str, list[str]] = {}
    for row, part in project.units:
        kind, name, code = (clean(row[key]) for key in ("kind", "name", "code"))
        name = _catalogue()["outside"].get(kind, name) if name == OUTSIDE_ALL else name
        name += f"（{code}）" if code else ""
        by_kind.setdefault(kind, []).append(_say("part", name=name or _say("unnamed"), area=part.phrase))
    rows = [_pair(_say(kind), "、".join(named)) for kind, named in by_kind.items() if kind in _catalogue()["form"]]
    return [*rows, *_uses(mine, planned="planned_use" in by_kind)]


def _uses(mine: Sequence[ParcelRow], *, planned: bool) -> list[Texts]:
    """Return what the land is applied for, and how much of it is planned for the same use (规划用途)."""
    applied: dict[str, float] = {}
    same, other = 0.0, 0.0
    for parcel in mine:
        if not parcel.use:
            continue
        applied[parcel.use] = applied.get(parcel.use, 0.0) + (parcel.shown.m2 or 0.0)
        for row, part in parcel.units:
            if row["kind"] == "planned_use":
                agrees = same_use(parcel.use, clean(row["code"]), clean(row["name"]))
                same, other = same + agrees * (part.m2 or 0.0), other + (not agrees) * (part.m2 or 0.0)
    if not applied:
        return [_pair(_say("applied_use"), _say("no_use"))] if planned else []
    named = "、".join(_say("applied_part", name=name, area=area(m2).phrase) for name, m2 in applied.items())
    rows = [_pair(_say("applied_use"), named)]
    if planned:
        text = _say("same_use", same=area(same).phrase, other=area(other).phrase)
        rows.append(_pair(_say("compared"), text))
    return rows


def same_use(applied: str, code: str, name: str) -> bool:
    """Return whether an applied use is the planned one: the same name, or the same code as far as both go.

    Examples
    --------
    >>> same_use("1001", "100101", "一类工业用地"), same_use("0601", "1001", "工业用地")
    (True, False)
    >>> same_use("工业用地", "1001", "工业用地")
    True
    """
    if applied.isdigit() and code:
        return code.startswith(applied) or applied.startswith(code)
    return applied == name


def _land(land: pd.DataFrame, project: ProjectRow, report: Report) -> list[Texts]:
    """Return 农用地 (其中耕地：水田、水浇地、旱地), 建设用地, 未利用地; printed, they add up to the project."""
    if not len(land):
        return []
    ratio = (project.planar.m2 or 0.0) / project.official.m2 if report.show.planar and project.official.m2 else 1.0
    classes = land.assign(big_class=land["big_class"].fillna(_say("no_class")), m2=land["area_m2"] * ratio)
    by_big = classes.groupby("big_class", sort=False)["m2"].sum()
    order = [name for name in (*BIG, *by_big.index) if name in by_big.index]
    printed = parts([float(by_big[name]) for name in dict.fromkeys(order)], project.shown)
    rows = []
    for name, part in zip(dict.fromkeys(order), printed, strict=True):
        rows += [_land_row(name, part), *_cultivated(classes[classes["big_class"] == name], part)]
    return rows


def _cultivated(classes: pd.DataFrame, whole: Area) -> list[Texts]:
    """Return the cultivated land within a big class and its kinds, printed as parts of what the big class prints."""
    arable = classes[classes["class_code"].str.startswith(CULTIVATED, na=False)]
    if not len(arable):
        return []
    m2 = float(arable["m2"].sum())
    own, _ = parts([m2, float(classes["m2"].sum()) - m2], whole)
    kinds = arable.groupby(["class_code", "class_name"], sort=True)["m2"].sum()
    printed = parts([float(area) for area in kinds], own)
    rows = [_land_row(f"　　　　{kind}", part) for (_, kind), part in zip(kinds.index, printed, strict=True)]
    return [_land_row(_say("of_which", name=_say("cultivated")), own), *rows]


def _land_row(name: str, part: Area) -> Texts:
    return {"name": name, "area": part.ha.text, "mu": part.mu.text}


def _land_note(report: Report) -> str:
    layer = next((row for row in report.provenance["layers"] if row["kind"] == "land_use"), None)
    if layer is None:
        return ""
    source = " ".join(filter(None, (clean(layer[key]) for key in ("version", "as_at", "source")))) or NO_DATA
    return _say("land_note", source=source, area=report.show.name)


def _layer(row: dict[str, Any]) -> Texts:
    return {
        "name": clean(row["name_zh"]),
        "version": clean(row["version"]) or NO_DATA,
        "as_at": clean(row["as_at"]) or NO_DATA,
        "source": clean(row["source"]) or NO_DATA,
        "approval": clean(row["approval"]) or NO_DATA,
        "features": str(row["features_in"]) if row.get("features_in") is not None else NO_DATA,
        "digest": clean(row.get("sha256"))[:12] or NO_DATA,
    }


def _not_checked(report: Report) -> str:
    names = kind_names(report, report.provenance["not_checked"])
    return _say("not_checked", lines=names) if report.provenance["not_checked"] else _say("all_checked")


def picks(lines: Iterable[LineRow]) -> list[str]:
    """Return the sentences of part two that fit what was measured (审查用语), for a person to choose from."""
    keys: list[tuple[str, dict[str, str]]] = []
    for line in lines:
        kind, hit = line.scope.kind.key, line.outcome == "conflict"
        if line.outcome not in ("conflict", "none"):
            continue
        if kind == "ecological_redline":
            found = ["er_limited", "er_major"] if hit else ["er_none", "er_crossing"]
            keys += [(key, {"area": line.shown.conflict.phrase}) for key in found]
        elif kind == "permanent_farmland":
            keys.append(("pbf" if hit else "pbf_none", {"area": (line.shown.net if line.shown.net.m2 is not None
                                                                else line.shown.conflict).phrase}))  # fmt: skip
        elif kind == "urban_boundary":
            part = {"inside": line.shown.inside.phrase, "outside": line.shown.outside.phrase}
            keys.append((("udb_part" if line.shown.inside.m2 else "udb_outside") if hit else "udb_inside", part))
    return [_say(key, "picks", **values) for key, values in [*keys, ("reduced", {})]]


def _parcel(number: int, parcel: ParcelRow) -> Texts:
    touched = [f"{clean(line.scope.kind.zh)}：{line.result}" for line in parcel.lines if line.outcome != "none"]
    return {
        "number": str(number),
        "parcel_id": parcel.parcel_id,
        "name": parcel.name or NO_DATA,
        "declared": parcel.declared.ha.text,
        "planar": parcel.planar.ha.text,
        "official": parcel.official.ha.text,
        "lines": parcel.reason or "；".join(touched) or word("outcome", "none"),
    }


def _corner(parcel: ParcelRow, point: Point) -> Texts:
    return {"parcel_id": parcel.parcel_id, "ring": point.ring, "point": point.name, "x": point.x.text,
            "y": point.y.text, "edge": point.edge.text}  # fmt: skip


def _corner_note(report: Report, mine: Sequence[ParcelRow], *, here: bool) -> str:
    if not here:
        count = report.corners.count(parcel.parcel_id for parcel in mine)
        return _say("corners_elsewhere", count=count, limit=FEW, file=XLSX,
                    sheet=word("sheets", "corners"))  # fmt: skip
    if any(report.corners.counts.get(parcel.parcel_id, 0) > MOST for parcel in mine):
        return _say("corners_in_file", limit=MOST)
    sources = {parcel.source for parcel in mine}
    crs = "、".join(dict.fromkeys(clean(entry["crs"]) for entry in report.provenance["inputs"]
                                 if clean(entry["path"]) in sources))  # fmt: skip
    return _say("corner_note", crs=crs or NO_DATA)


def _sensitive(mine: Sequence[ParcelRow]) -> list[Texts]:
    return [
        {"parcel_id": parcel.parcel_id, "line": clean(line.scope.kind.zh), "depth": metres(line.row["depth_m"]).text,
         "clearance": metres(line.row["clearance_m"]).text, "note": _say("sensitive")}
        for parcel in mine for line in parcel.lines if line.ruling.sensitive
    ]  # fmt: skip


def _sensitivity_note(report: Report, mine: Sequence[ParcelRow]) -> str:
    accuracy = report.provenance["options"].get("accuracy_m")
    if accuracy is None or all(line.ruling.level is None for parcel in mine for line in parcel.lines):
        return word("titles", "verdict_none")
    return _say("sensitivity_note" if _sensitive(mine) else "sensitivity_none", accuracy=accuracy)


def _provenance(report: Report, mine: Sequence[ParcelRow]) -> list[Texts]:
    """Return what the annex says of the run; of the files handed in only those of this project."""
    sources = tuple({parcel.source for parcel in mine})
    rows = []
    for label, text in note_lines(report):
        item, _, file = label.partition("：")
        if item in SAID and (item != word("notes", "input") or file.startswith(sources)):
            rows.append(_pair(label, text))
    return rows


def _findings(report: Report, mine: Sequence[ParcelRow]) -> list[Texts]:
    """Return the findings on this project: its files, its parcels, and errors of the plan."""
    sources = {parcel.source for parcel in mine}
    names = {name for parcel in mine for name in (parcel.parcel_id, parcel.declared_id, parcel.project_id) if name}
    chosen = [row for row in report.findings
              if (clean(row["source"]) in sources and (not row["feature"] or clean(row["feature"]) in names))
              or (clean(row["feature"]) in names and not row["source"])]  # fmt: skip
    return [_finding(row) for row in chosen[:FINDINGS]]


def _finding(row: dict[str, Any]) -> Texts:
    where = clean(row["feature"]) or file_name(clean(row["source"]))
    texts = {key: clean(row[key]) for key in ("message", "fix")}
    return {"severity": word("severity", row["severity"]), "where": where} | texts
