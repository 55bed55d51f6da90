"""Rows of official forms (表样各行): what a table or a check gives for them, in square metres and words, unrounded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from controllines.classes import BIG, CULTIVATED, FARM, RIDGE, SURVEY, classification
from controllines.errors import UsageError
from controllines.kinds import OUTSIDE_ALL
from controllines.layers import net_factors
from controllines.report.words import word
from controllines.results import CheckResult
from controllines.tables import AreaTable

Array = np.ndarray
UNKNOWN = "地类不明"


@dataclass(frozen=True)
class Rows:
    """Rows of a form.

    Attributes
    ----------
    texts : value → one text for each row
    areas : value → m² of each row, NaN where there is no data
    classes : (code, name, big class) of the land classes that occur, in order
    banners : what stands above the form
    """

    texts: Mapping[str, list[str]]
    areas: Mapping[str, Array]
    classes: tuple[tuple[str, str, str], ...] = ()
    banners: tuple[str, ...] = ()
    count: int = field(default=0)

    def __len__(self) -> int:
        return self.count


def rows_of(what: object, kind: str) -> Rows:
    """Return the rows of a form.

    Raises
    ------
    UsageError
        ``FORM_SOURCE``: this form cannot be made from that.
    """
    if isinstance(what, AreaTable) and kind == "units":
        return _units(what)
    if isinstance(what, AreaTable) and kind == "classes" and {"land_class", "big_class"} <= set(what.by):
        return _classes_of_table(what)
    if isinstance(what, CheckResult) and kind in _OF_CHECK:
        return _OF_CHECK[kind](what)
    raise UsageError.of("FORM_SOURCE", actual=type(what).__name__, expected=kind)


def _above(provenance: Mapping[str, Any]) -> tuple[str, ...]:
    plan = provenance["plan"]
    name = plan.get("name") or plan.get("spec", {}).get("name") or ""
    synthetic = plan.get("synthetic") or provenance.get("synthetic")
    return (*([word("titles", "synthetic")] if synthetic else []), *([f"规划：{name}"] if name else []))


def _units(table: AreaTable) -> Rows:
    """One row for each unit, in the order of codes; what lies outside all of them last."""
    key = table.by[0]
    units = [*table.units[key]]
    if (table.frame[key] == OUTSIDE_ALL).any():
        units.append((None, OUTSIDE_ALL))
    labels = table.labels(key)
    at = {unit: n for n, unit in enumerate(units)}
    areas: dict[str, Array] = {}
    for line, rows in table.frame.groupby("line", sort=False):
        place = [at[pair] for pair in zip(rows[f"{key}_code"], rows[key], strict=True)]
        for measure in ("area_m2", "planar_area_m2", "net_area_m2"):
            areas[f"{line}.{measure}"] = np.zeros(len(units))
            np.add.at(areas[f"{line}.{measure}"], place, rows[measure].to_numpy(float))
    for _, gone in table.missing[table.missing["kind"] == key].iterrows() if len(table.missing) else ():
        for name in [name for name in areas if name.rpartition(".")[0] == gone["line"]]:
            areas[name][at[gone["code"], gone["name"]]] = np.nan
    texts = {"code": [_text(unit[0]) for unit in units], "name": [labels.get(unit, str(unit[1])) for unit in units]}
    return Rows(texts, areas, (), _above(table.provenance), len(units))


def _classes_of_table(table: AreaTable) -> Rows:
    """One row for each label of the first dimension; ridges leave the cultivated land they lie in."""
    key = next(one for one in table.by if one not in ("land_class", "big_class"))
    given = table.frame
    frame = pd.DataFrame({
        "name": [name or code or UNKNOWN for code, name in zip(given[f"{key}_code"], given[key], strict=True)],
        "code": given["land_class_code"].fillna(""), "class": given["land_class"],
        "big": given["big_class"].fillna(UNKNOWN), "m2": given["area_m2"], "net": given["net_area_m2"],
    })  # fmt: skip
    order = [label or code or UNKNOWN for code, label in table.units[key]]
    return _by_class(_ridges_apart(frame), order, _above(table.provenance))


def _classes_of_check(result: CheckResult) -> Rows:
    """One row for each project and owner; the land frame has its ridges apart already."""
    land = result.project_land
    names = dict(zip(result.projects["project_id"], result.projects["name"].fillna(""), strict=True))
    frame = pd.DataFrame({
        "name": [f"{names[key] or key}　{owner or '权属不明'}"
                 for key, owner in zip(land["project_id"], land["ownership"], strict=True)],
        "code": land["class_code"].fillna(""), "class": land["class_name"], "big": land["big_class"].fillna(UNKNOWN),
        "m2": land["area_m2"],
    })  # fmt: skip
    return _by_class(frame, list(dict.fromkeys(frame["name"])), _above(result.provenance))


def _ridges_apart(frame: pd.DataFrame) -> pd.DataFrame:
    tilled = frame["code"].str.startswith(CULTIVATED) & frame["net"].notna()
    survey = classification(SURVEY)
    ridges = frame[tilled].assign(m2=frame["m2"] - frame["net"], code=RIDGE)
    ridges = ridges.assign(**{"class": survey.name(RIDGE), "big": survey.big_class(RIDGE)})
    return pd.concat([frame.assign(m2=frame["m2"].where(~tilled, frame["net"])), ridges[ridges["m2"] > 0]])


def _by_class(frame: pd.DataFrame, order: list[str], above: tuple[str, ...]) -> Rows:
    names = [name for name in order if name in set(frame["name"])]
    names += [name for name in dict.fromkeys(frame["name"]) if name not in names]
    at = {name: n for n, name in enumerate(names)}
    rank = {big: n for n, big in enumerate((*BIG, UNKNOWN))}
    listed = sorted(set(zip(frame["code"], frame["class"].fillna(""), frame["big"], strict=True)),
                    key=lambda one: (rank.get(one[2], len(rank)), one[2], one[0]))  # fmt: skip
    called: dict[str, tuple[str, str, str]] = {}
    for code, name, big in listed:
        called.setdefault(code, (code, name or UNKNOWN, big))
    areas: dict[str, Array] = {}
    for code in sorted(set(map(str, frame["code"]))):
        rows = frame[frame["code"] == code]
        areas[f"class.{code}"] = np.zeros(len(names))
        np.add.at(areas[f"class.{code}"], [at[name] for name in rows["name"]], rows["m2"].to_numpy(float))
    return Rows({"name": names}, areas, tuple(called.values()), above, len(names))


def _projects(result: CheckResult) -> Rows:
    """One row for each project: its land, and what of it lies in each line; null where a line was not measured."""
    projects = result.projects
    ids = projects["project_id"].tolist()
    at = {key: n for n, key in enumerate(ids)}
    areas: dict[str, Array] = {}
    for kind in map(str, result.project_overlaps["kind"].unique()):
        rows = result.project_overlaps[result.project_overlaps["kind"] == kind]
        for measure in ("area_m2", "outside_m2", "net_area_m2", "conflict_m2", "uncovered_m2"):
            areas[f"{kind}.{measure}"] = np.full(len(ids), np.nan)
            areas[f"{kind}.{measure}"][[at[key] for key in rows["project_id"]]] = rows[measure].to_numpy(float)
    land = result.project_land
    tilled = land["class_code"].fillna("").str.startswith(CULTIVATED)
    parts = {"cultivated": tilled, "other_farm": (land["big_class"] == FARM) & ~tilled,
             **{big: land["big_class"] == big for big in BIG if big != FARM},
             "unknown": land["big_class"].isna()}  # fmt: skip
    for name, own in parts.items():
        areas[f"land.{name}"] = np.zeros(len(ids))
        np.add.at(
            areas[f"land.{name}"], [at[key] for key in land["project_id"][own]], land["area_m2"][own].to_numpy(float)
        )
    known = set(land["project_id"])
    rest = np.array([0.0 if key in known else m2 for key, m2 in zip(ids, projects["area_m2"], strict=True)])
    areas["land.unknown"] = areas["land.unknown"] + rest
    towns = (
        land.dropna(subset=["township"])
        .groupby("project_id")["township"]
        .agg(lambda names: "、".join(dict.fromkeys(names)))
    )
    texts = {
        "number": [str(n + 1) for n in range(len(ids))], "project_id": [str(key) for key in ids],
        "name": [_text(name) for name in projects["name"]],
        "townships": [str(towns.get(key, "")) for key in ids], "parcels": [str(n) for n in projects["parcels"]],
    }  # fmt: skip
    return Rows(texts, areas, (), _above(result.provenance), len(ids))


def _farmland(result: CheckResult) -> Rows:
    """One row for each feature of permanent farmland that a parcel takes land of."""
    pieces = result.pieces[result.pieces["kind"] == "permanent_farmland"]
    parcels = result.parcels.set_index("parcel_id")
    of = [parcels.loc[key] for key in pieces["parcel_id"]]
    net = _net_factors(result, pieces["feature_id"].tolist())
    m2 = pieces["area_m2"].to_numpy(float)
    survey = classification(SURVEY)
    texts = {
        "number": [str(n + 1) for n in range(len(pieces))],
        "project": [_text(row["project_name"]) or str(row["project_id"]) for row in of],
        "feature_id": [str(key) for key in pieces["feature_id"]],
        "class": [f"{code or ''}{survey.name(code) or '' if code else ''}" for code in pieces["class"]],
        **{kind: _units_of(result, kind, pieces["parcel_id"].tolist()) for kind in ("county", "township", "village")},
    }  # fmt: skip
    areas = {"area_m2": m2, "net_area_m2": m2 * (1 - net)}
    return Rows(texts, areas, (), _above(result.provenance), len(pieces))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _units_of(result: CheckResult, kind: str, ids: list[str]) -> list[str]:
    rows = result.units[(result.units["kind"] == kind) & (result.units["name"] != OUTSIDE_ALL)]
    names = rows.groupby("parcel_id")["name"].agg(lambda own: "、".join(dict.fromkeys(map(str, own))))
    return [str(names.get(key, "")) for key in ids]


def _net_factors(result: CheckResult, features: list[str]) -> Array:
    if result.plan is None or "permanent_farmland" not in result.plan.layers:
        return np.full(len(features), np.nan)
    layer = result.plan.layers["permanent_farmland"]
    ids = layer.attributes(("feature_id",))["feature_id"].tolist()
    row = {identity: n for n, identity in enumerate(ids)}
    return np.asarray(net_factors(layer)[0])[[row[identity] for identity in features]] if features else np.zeros(0)


_OF_CHECK = {"projects": _projects, "farmland": _farmland, "classes": _classes_of_check}
