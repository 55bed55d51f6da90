"""Approval documents that carry a polygon (认定意见范围、补划地块): do they cover, or make up for, the conflict?

A document is a fact of type ``file``. With role ``cover`` the conflict must lie inside it; what lies outside is
missing. With role ``makeup`` it must bring as much net farmland as the conflict takes, of classes as good: land that
is farmland already, that the project itself takes, that is steeper than 25° or not cultivated does not count. What
cannot be proved is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely

from controllines.classes import CULTIVATED, normal
from controllines.conflicts import Checked, Land, Widths, check_land
from controllines.errors import ControlLinesError
from controllines.facts import Fact, ProjectFacts, catalogue
from controllines.findings import Finding, finding
from controllines.frames import Projects
from controllines.guard import union_by
from controllines.kinds import AVOID, Kind, kind_of
from controllines.layers import Layer, lay, net_factors, read_layer
from controllines.lengths import is_contact
from controllines.overlay import Pieces, book_once, split
from controllines.planfile import LayerSpec
from controllines.plans import Coverage, Plan
from controllines.roles import as_code
from controllines.windows import Geometries

Array = np.ndarray
APPROVALS = ("scope", "subject_id", "project_id", "fact", "kind", "role", "document", "required_m2", "given_m2",
             "missing_m2")  # fmt: skip
#: Between file and layer of a document: 批件.gdb|认定意见范围
LAYER_MARK = "|"
#: 耕地坡度级别 (GDPDJB): 5 is steeper than 25°.
SLOPE, TOO_STEEP = "GDPDJB", "5"
#: Cultivated land from the best class on: 水田, 水浇地, 旱地.
RANKS = ("0101", "0102", "0103")


@dataclass(frozen=True)
class _Subjects:
    """Parcels, or projects as unions of parcels, measured over the plan.

    Attributes
    ----------
    scope : ``parcel`` or ``project``
    land, checked : the land, and what was measured of it
    projects : project_id of each row of the land; blank for rows that are not asked about
    """

    scope: str
    land: Land
    checked: Checked
    projects: Array


@dataclass(frozen=True)
class Documents:
    """The layers that facts name: (key, path) → layer in the plane (None: it cannot be used), and what was found."""

    layers: Mapping[tuple[str, str], Layer | None]
    findings: tuple[Finding, ...]


def read_documents(known: ProjectFacts, plan: Plan) -> Documents:
    """Read the layers that facts of type ``file`` name; one that cannot be read proves nothing."""
    layers: dict[tuple[str, str], Layer | None] = {}
    found: list[Finding] = []
    for project, fact, value in _named(known):
        if (fact.key, value) in layers:
            continue
        path, _, name = value.partition(LAYER_MARK)
        kind = _kind(fact)
        try:
            read = lay(read_layer(Path(path), kind.key, layer=name or None, sense=AVOID), plan.plane)
        except ControlLinesError as error:
            layers[fact.key, value] = None
            why = error.finding
            found.append(finding("DOCUMENT_FAILED", source=path, layer=fact.zh, feature=project, actual=why.message,
                                 hint=why.fix))  # fmt: skip
            continue
        layers[fact.key, value] = read
        found += read.findings
    return Documents(layers, tuple(found))


def record(documents: Documents) -> list[dict[str, Any]]:
    """Return what provenance says of each document."""
    return [{"path": origin.path, "layer": origin.layer, "sha256": origin.sha256, "crs": origin.crs,
             "features_in": origin.features_in, "used": origin.used, "excluded": origin.excluded}
            for layer in documents.layers.values() if layer is not None for origin in layer.origins]  # fmt: skip


def approvals_frame(
    parcels: tuple[Land, Checked], projects: Projects, plan: Plan, known: tuple[ProjectFacts, Documents]
) -> tuple[pd.DataFrame, list[Finding]]:
    """Hold the conflicts of parcels and projects against the documents of their project.

    Parameters
    ----------
    parcels : the land of parcels, and what was measured of it
    known : facts, and the documents they name (:func:`read_documents`)

    Returns
    -------
    frame : one row per conflict and document: scope, subject_id, project_id, fact, kind, role, document (file name),
        required_m2 (the conflict; net area for makeup), given_m2 (what the document covers or brings; null where
        not known), missing_m2 (0: nothing)
    findings : what is missing, of projects; land of a document that does not count
    """
    facts, documents = known
    ids = projects.frame["project_id"].to_numpy(object)
    alone = np.where(np.isin(projects.owner, projects.unions), "", ids[projects.owner])
    subjects = (
        _Subjects("parcel", *parcels, ids[projects.owner]),
        _Subjects("project", *parcels, alone),
        _Subjects("project", projects.land, projects.checked, ids[projects.unions]),
    )
    rows: list[dict[str, Any]] = []
    found: list[Finding] = []
    for of, (project, fact, value) in product(subjects, list(_named(facts))):
        mine = np.flatnonzero(of.projects == project)
        hold = _covered if fact.role == "cover" else _made_up
        for row, required, given, missing, notes in hold(of, mine, plan, (fact, documents.layers[fact.key, value])):
            rows.append({
                "scope": of.scope, "subject_id": of.land.ids[row] if of.scope == "parcel" else project,
                "project_id": project, "fact": fact.key, "kind": fact.kind, "role": fact.role,
                "document": Path(value.partition(LAYER_MARK)[0]).name,
                "required_m2": required, "given_m2": given, "missing_m2": missing,
            })  # fmt: skip
            if of.scope == "project":
                found += [*notes, *_short(project, fact, rows[-1])]
    return pd.DataFrame(_of_project(rows), columns=list(APPROVALS)), found


def _of_project(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give parcels the figures of their project where land makes up for it as a whole (补划)."""
    made_up = {(row["project_id"], row["fact"]): row for row in rows
               if row["scope"] == "project" and row["role"] == "makeup"}  # fmt: skip
    figures = ("required_m2", "given_m2", "missing_m2")
    whole = [made_up.get((row["project_id"], row["fact"]), row) for row in rows]
    return [row | {name: of[name] for name in figures} for row, of in zip(rows, whole, strict=True)]


def _named(known: ProjectFacts) -> Iterator[tuple[str, Fact, str]]:
    for project in known.said:
        for key, value in known.of(project).items():
            if catalogue()[key].type == "file":
                yield project, catalogue()[key], str(value)


def _kind(fact: Fact) -> Kind:
    """Return what a document is read as: land for 补划 has KCXS and classes, any other only its outline."""
    return kind_of("farmland_reserve") if fact.role == "makeup" else kind_of(f"custom:{fact.zh}", sense=AVOID)


def _short(project: str, fact: Fact, row: Mapping[str, Any]) -> list[Finding]:
    if not row["missing_m2"]:
        return []
    code = "APPROVAL_NOT_COVERED" if fact.role == "cover" else "MAKEUP_SHORT"
    return [finding(code, source=row["document"], layer=fact.zh, feature=project, actual=f"{row['missing_m2']:.2f}",
                    expected=f"{row['required_m2']:.2f}")]  # fmt: skip


Held = Iterator[tuple[int, float, float, float, list[Finding]]]


def _conflicts(of: _Subjects, rows: Array, kind: Kind) -> tuple[Array, Array]:
    """Return the rows that have a conflict with a line, and its land."""
    if kind.key not in of.checked.measured:
        return rows[:0], np.empty(0, dtype=object)
    line = of.checked.measured[kind.key]
    inside = union_by(line.pieces.geoms, line.pieces.left, len(of.land))
    land = (inside if kind.sense == AVOID else line.outside)[rows]
    some = (shapely.area(land) > 0) & (line.overlaps["outcome"] == "conflict").to_numpy()[rows]
    return rows[some], land[some]


def _covered(of: _Subjects, rows: Array, plan: Plan, document: tuple[Fact, Layer | None]) -> Held:
    """Yield how much of each conflict lies outside the document; mere contact does not count."""
    fact, layer = document
    hit, conflict = _conflicts(of, rows, plan.kind(str(fact.kind)))
    whole = shapely.area(conflict)
    missing = whole
    if layer is not None and len(hit):
        part = replace(of.land, ids=of.land.ids[hit], geoms=conflict, resolution=of.land.resolution[hit])
        box = shapely.box(*shapely.total_bounds(conflict)).buffer(1)
        around = Coverage(fact.zh, Geometries(np.array([box], dtype=object)))
        alone = replace(plan, layers={layer.kind.key: layer}, failed={}, coverage={layer.kind.key: around},
                        specs={layer.kind.key: LayerSpec(path="")})  # fmt: skip
        over = check_land(part, alone, [layer.kind], Widths(), lengths=False).overlaps
        missing = np.where(over["outside_m2"].isna(), whole, over["outside_m2"])
    for row, required, lacking in zip(hit, whole, missing, strict=True):
        yield int(row), float(required), float(required - lacking), float(lacking), []


def _made_up(of: _Subjects, rows: Array, plan: Plan, document: tuple[Fact, Layer | None]) -> Held:
    """Yield what the farmland of the document lacks for the farmland that is taken, by net area and class."""
    fact, layer = document
    hit, _ = _conflicts(of, rows, plan.kind(str(fact.kind)))
    for row in hit:
        line = of.checked.measured[str(fact.kind)]
        required = float(line.overlaps["net_area_m2"].iloc[row])
        if layer is None or np.isnan(required):
            gross = float(line.overlaps["conflict_m2"].iloc[row])
            yield int(row), gross if np.isnan(required) else required, np.nan, gross, []
            continue
        taken = line.pieces.take(line.pieces.left == row)
        wanted = _by_rank(plan.layers[str(fact.kind)], taken.right, taken.area)
        land, notes = _counted(layer, plan.layers[str(fact.kind)], of.land.geoms[row], of.land)
        brought = _by_rank(layer, land.right, land.area)
        given = float(brought.sum())
        missing = required if np.isnan(given) else max(0.0, required - given, *_lacking(wanted, brought))
        yield int(row), required, given, missing, notes


def _by_rank(layer: Layer, feature: Array, area: Array) -> Array:
    """Return net area (m²) by class of cultivated land, best first; the last entry is that of all others."""
    kcxs = net_factors(layer)[0][feature]
    net = area * (1 - np.where((kcxs >= 0) & (kcxs < 1), kcxs, np.nan))
    codes = [normal(str(code)) for code in layer.frame["class"].fillna("").to_numpy(object)[feature]]
    rank = np.array([next((n for n, one in enumerate(RANKS) if code.startswith(one)), len(RANKS)) for code in codes])
    return np.bincount(rank.astype(int), weights=net, minlength=len(RANKS) + 1)


def _lacking(wanted: Array, brought: Array) -> Array:
    """Return what is lacking of the best class, of the two best, …; nothing where a class is not given."""
    if wanted[-1] > 0 or brought[-1] > 0:
        return np.zeros(1)
    return np.asarray(np.cumsum(wanted)[: len(RANKS)] - np.cumsum(brought)[: len(RANKS)])


def _counted(layer: Layer, farmland: Layer, project: shapely.Geometry, land: Land) -> tuple[Pieces, list[Finding]]:
    """Return the land of a document that makes up for farmland, each square metre once; say what does not."""
    steep = _slopes(layer) == TOO_STEEP
    other = np.array([bool(code) and not normal(str(code)).startswith(CULTIVATED)
                      for code in layer.frame["class"].fillna("")], dtype=bool)  # fmt: skip
    found = [finding("MAKEUP_LEFT_OUT", source=layer.origins[0].path, layer=layer.kind.zh,
                     feature=layer.frame["feature_id"].iloc[row], actual="坡度大于25度" if steep[row] else "不是耕地")
             for row in np.flatnonzero((steep | other) & layer.used)]  # fmt: skip
    rows = np.flatnonzero(layer.used & ~steep & ~other)
    geoms = layer.geoms[rows]
    for taken, why in ((farmland.geoms, "已是永久基本农田"), (np.array([project], dtype=object), "位于项目用地范围内")):
        cut = split(geoms, taken)
        lost = cut.take((cut.right >= 0) & ~is_contact(cut.geoms, land.plane))
        for row in np.unique(lost.left):
            told = f"{lost.area[lost.left == row].sum():.2f} 平方米{why}"
            found.append(finding("MAKEUP_LEFT_OUT", source=layer.origins[0].path, layer=layer.kind.zh, actual=told,
                                 feature=layer.frame["feature_id"].iloc[rows[row]]))  # fmt: skip
        rest = cut.take(cut.right < 0)
        rows, geoms = rows[rest.left], rest.geoms
    whole = Pieces(np.zeros(len(rows), np.int64), rows, geoms, np.zeros(len(rows), bool))
    return book_once(whole)[0] if len(rows) else whole, found


def _slopes(layer: Layer) -> Array:
    present = {str(name).upper(): name for name in layer.frame.columns}
    if SLOPE not in present:
        return np.full(len(layer), "", dtype=object)
    return as_code(layer.frame[present[SLOPE]])
