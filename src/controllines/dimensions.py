"""Dimensions (统计维度): what tables are broken down by, and the label that each feature of a layer gives its land.

A label is a code and a name. Units go by their code, else by their name; planning zones (规划分区) by their name first,
as codes differ from place to place. What no list knows keeps the code and name it was found with, and is a finding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from controllines.classes import BIG, LAND_SEA, OWNERS, SURVEY, Classification, classification, normal
from controllines.errors import UsageError
from controllines.findings import Finding, finding
from controllines.kinds import OUTSIDE_ALL, registry
from controllines.layers import Layer
from controllines.packaged import packaged
from controllines.plans import Plan, layer_of
from controllines.roles import as_code, as_text
from controllines.standards import code_lists, list_version

Array = np.ndarray
#: Code and name of a label; the code of its parent and the parent's name, where it has one.
Label = tuple[str | None, str | None]
IN, OUT = "in", "out"
#: Unknown codes listed in a finding.
_LISTED = 8


@dataclass(frozen=True)
class Dimension:
    """What a table is broken down by.

    Attributes
    ----------
    key, heading : column of the table, and its Chinese heading
    layer : the layer whose features carry the labels
    labels : (code, name) of every label in the order of tables; what lies outside all features is the last
    place : number of the label of each feature, and at the end (-1) of land outside
    parents : label number → (code, name) of the label above it; empty where there is no such level
    findings : codes that no list knows
    """

    key: str
    heading: str
    layer: Layer
    labels: tuple[Label, ...]
    place: Array
    parents: tuple[Label, ...] = ()
    findings: tuple[Finding, ...] = ()


def dimension_of(plan: Plan, name: str, big_classes: Mapping[str, str]) -> Dimension:
    """Return a dimension by its key or Chinese name.

    Parameters
    ----------
    name : a kind of units (乡镇), of context (规划用途) or of lines (inside and outside); one of
        ``data/statistics.toml`` (一级规划分区, 地类, 一级地类, 三大类, 权属性质 …); ``layer:column`` of any layer
    big_classes : from :func:`controllines.classes.choices`

    Raises
    ------
    UsageError
        No such dimension or column.
    PlanError
        The plan does not have the layer.
    """
    base, colon, column = name.replace("：", ":").partition(":")
    if base == "custom":
        base, colon, column = name, "", ""
    if colon:
        layer = layer_of(plan, base)
        return _dimension(f"{layer.kind.key}:{column}", column, layer, _of_column(layer, column))
    for key, entry in _data()["dimensions"].items():
        if name in (key, *entry["names"]):
            layer = layer_of(plan, entry["layer"])
            return _dimension(key, entry["names"][0], layer, _LABELLERS[entry["label"]](layer, big_classes))
    try:
        layer = layer_of(plan, name)
    except UsageError as error:
        known = [f"{key} {entry['names'][0]}" for key, entry in _data()["dimensions"].items()]
        known += [f"{kind.key} {kind.zh}" for kind in registry().values()]
        raise UsageError.of("DIMENSION_UNKNOWN", actual=name, expected="、".join(known)) from error
    if layer.kind.is_line or "code" not in layer.kind.fields:
        return _inside(layer)
    how = _zones if layer.kind.key == "planning_zone" else _planned if layer.kind.key == "planned_use" else _units
    return _dimension(layer.kind.key, layer.kind.zh, layer, how(layer, big_classes))


@dataclass(frozen=True)
class _Labels:
    """Labels of features: each the label, its parent (if there are parents), and what is unknown."""

    labels: Sequence[Label]
    parents: Mapping[Label, Label] | None = None
    findings: tuple[Finding, ...] = ()
    listed: tuple[Label, ...] | None = None


def _dimension(key: str, heading: str, layer: Layer, given: _Labels) -> Dimension:
    every = sorted(set(given.labels), key=_in_order) if given.listed is None else list(given.listed)
    number = {label: n for n, label in enumerate(every)}
    place = np.array([*(number[label] for label in given.labels), len(every)])
    parents = tuple(given.parents.get(label, (None, None)) for label in every) if given.parents is not None else ()
    if parents:
        parents += ((None, None),)
    return Dimension(key, heading, layer, (*every, (None, OUTSIDE_ALL)), place, parents, given.findings)


def _in_order(label: Label) -> tuple[bool, str, bool, str]:
    """Return what labels are sorted by: code, then name; those that have none come last."""
    code, name = label
    return code is None, code or "", name is None, name or ""


def _inside(layer: Layer) -> Dimension:
    words = _data()["inside"]
    place = np.append(np.zeros(len(layer), np.int64), 1)
    return Dimension(layer.kind.key, layer.kind.zh, layer, ((IN, words["in"]), (OUT, words["out"])), place)


def _units(layer: Layer, _: Mapping[str, str]) -> _Labels:
    """Units go by their code, else by their name; a unit is called what its first feature is called."""
    frame = layer.attributes(("code", "name"))
    called: dict[str, str | None] = {}
    for code, name in zip(frame["code"], frame["name"], strict=True):
        if code is not None:
            called.setdefault(code, name)
    return _Labels([(code, called[code]) if code is not None else (None, name)
                    for code, name in zip(frame["code"], frame["name"], strict=True)])  # fmt: skip


def _zones(layer: Layer, _: Mapping[str, str]) -> _Labels:
    """Planning zones (规划分区), by name first; each with the zone of the first level that it is part of."""
    labels, codes, found = _zone_codes(layer)
    names = code_lists().lists["planning_zone"].codes
    parents = {label: (f"{code[0]}00", names.get(f"{code[0]}00")) for label, code in codes.items()}
    return _Labels(labels, parents, found)


def _zones_1(layer: Layer, _: Mapping[str, str]) -> _Labels:
    labels, codes, found = _zone_codes(layer)
    names = code_lists().lists["planning_zone"].codes
    first = {label: (f"{codes[label][0]}00", names.get(f"{codes[label][0]}00")) if label in codes else label
             for label in set(labels)}  # fmt: skip
    return _Labels([first[label] for label in labels], None, found)


def _zone_codes(layer: Layer) -> tuple[list[Label], dict[Label, str], tuple[Finding, ...]]:
    """Return the label of each feature, the official code of each known label, and what is unknown."""
    listed = code_lists().lists["planning_zone"]
    by_name = {name: code for code, name in listed.codes.items()}
    frame = layer.attributes(("code", "name"))
    official: dict[Label, str] = {}
    labels: list[Label] = []
    for code, name in zip(frame["code"], frame["name"], strict=True):
        known = by_name.get((name or "").strip()) or (normal(code) if code and listed.knows(normal(code)) else None)
        label = (known or code, name or (listed.codes.get(known) if known else None))
        labels.append(label)
        if known:
            official[label] = known
    unknown = [label for label in dict.fromkeys(labels) if label not in official]
    return (
        labels,
        official,
        _unknown(layer, "GHFQDM、GHFQMC", [label[0] or label[1] for label in unknown], listed.title),
    )


def _unknown(layer: Layer, field: str, codes: Sequence[str | None], title: str) -> tuple[Finding, ...]:
    """Return the finding of codes that no list knows."""
    if not codes:
        return ()
    said = "、".join(str(code or "空") for code in codes[:_LISTED])
    said += f" 等 {len(codes)} 种" if len(codes) > _LISTED else ""
    return (finding("CODE_UNKNOWN", source=layer.origins[0].path, layer=layer.kind.zh, field=field, actual=said,
                    expected=title),)  # fmt: skip


def _classes(layer: Layer) -> tuple[list[str | None], dict[str, str | None]]:
    """Return the normal code of each feature, and the layer's own name of each code."""
    frame = layer.attributes(("class", "name"))
    codes = [normal(code) if code else None for code in frame["class"]]
    names: dict[str, str | None] = {}
    for code, name in zip(codes, frame["name"], strict=True):
        if code is not None:
            names.setdefault(code, name)
    return codes, names


def _by_code(layer: Layer, known: Classification, label: Callable[[str, str | None], Label | None]) -> _Labels:
    """Label each feature by its class; codes that nobody knows keep what they were found with."""
    codes, names = _classes(layer)
    of = {code: label(code, name) for code, name in names.items()}
    unknown = [code for code in names if known.name(code) is None]
    labels = [(None, None) if code is None else of[code] or (code, names[code]) for code in codes]
    blank: list[str | None] = [None] if None in codes else []
    return _Labels(labels, None, _unknown(layer, "/".join(layer.kind.fields["class"]), unknown + blank, known.title))


def _land_class(layer: Layer, _: Mapping[str, str]) -> _Labels:
    survey = classification(SURVEY)
    return _by_code(layer, survey, lambda code, name: (code, survey.name(code) or name))


def _land_class_1(layer: Layer, _: Mapping[str, str]) -> _Labels:
    survey = classification(SURVEY)
    return _by_code(layer, survey, lambda code, _: survey.first_level(code))


def _big_class(layer: Layer, chosen: Mapping[str, str]) -> _Labels:
    """Label by big class (三大类), in its usual order; codes that have none stand by themselves behind."""
    survey = classification(SURVEY)

    def label(code: str, _: str | None) -> Label | None:
        big = survey.big_class(code, chosen)
        return (None, big) if big else None

    given = _by_code(layer, survey, label)
    own = [(None, big) for big in BIG]
    others = sorted(set(given.labels) - set(own), key=_in_order)
    return _Labels(given.labels, None, given.findings, (*own, *others))


def _planned(layer: Layer, _: Mapping[str, str]) -> _Labels:
    """Planned uses (用地用海) of the version that the codes point to; the layer's own names hold."""
    version = _planned_version(layer)
    return _by_code(layer, version, lambda code, name: (code, name or version.name(code)))


def _planned_1(layer: Layer, _: Mapping[str, str]) -> _Labels:
    version = _planned_version(layer)
    return _by_code(layer, version, lambda code, _: version.first_level(code))


def _planned_version(layer: Layer) -> Classification:
    frame = layer.attributes(("class", "name")).fillna("")
    found = list_version(set(zip(frame["class"], frame["name"], strict=True)))
    return classification(f"land_sea_{found.pop()}" if len(found) == 1 else LAND_SEA)


def _ownership(layer: Layer, _: Mapping[str, str]) -> _Labels:
    """国有 or 集体, by 权属性质 (QSXZ); what is neither keeps its code."""
    codes = text_column(layer, "QSXZ")
    labels: list[Label] = []
    for code in codes:
        owner = OWNERS.get(code[:1])
        labels.append((None, owner) if owner else (code or None, None))
    unknown = list(dict.fromkeys(code or None for code in codes if code[:1] not in OWNERS))
    listed = tuple((None, owner) for owner in dict.fromkeys(OWNERS.values()))
    others = sorted(set(labels) - set(listed), key=_in_order)
    title = code_lists().lists["ownership"].title
    return _Labels(labels, None, _unknown(layer, "QSXZ", unknown, title), (*listed, *others))


def _of_column(layer: Layer, column: str) -> _Labels:
    """Label features by a column of their own; a blank is a label, too."""
    present = {name.upper(): name for name in layer.columns}
    if column.upper() not in present or column == "geometry":
        raise UsageError.of("FIELD_MISSING", actual=f"{layer.kind.zh}:{column}", expected="、".join(present.values()))
    values = as_text(layer.attributes((present[column.upper()],)).iloc[:, 0])
    return _Labels([(None, str(value) or None) for value in values])


def text_column(layer: Layer, column: str) -> Array:
    """Return a column of a layer's source as codes, blank where there is none."""
    present = {name.upper(): name for name in layer.columns}
    if column not in present:
        return np.full(len(layer), "", dtype=object)
    return as_code(layer.attributes((present[column],)).iloc[:, 0])


_LABELLERS: dict[str, Callable[[Layer, Mapping[str, str]], _Labels]] = {
    "zone_1": _zones_1, "class": _land_class, "class_1": _land_class_1, "big_class": _big_class,
    "ownership": _ownership, "planned": _planned, "planned_1": _planned_1,
}  # fmt: skip


@dataclass(frozen=True)
class Term:
    """Features of one layer: all, or those whose column has a value.

    Attributes
    ----------
    layer : the layer
    value : the class (or value of ``column``) they have; None: all features
    column : its column
    """

    layer: Layer
    value: str | None = None
    column: str = "class"

    @property
    def mask(self) -> Array:
        """True for the features."""
        if self.value is None:
            return np.ones(len(self.layer), bool)
        return np.asarray(as_text(self.layer.attributes((self.column,)).iloc[:, 0]) == self.value)

    @property
    def zh(self) -> str:
        """What it is called."""
        return self.layer.kind.zh + (f":{self.value}" if self.value else "")


@dataclass(frozen=True)
class Ground:
    """Land that a table counts: what lies in all terms of a set, for any of several sets.

    Attributes
    ----------
    name : what the table calls it
    sets : of a union one for each member, and land in several of them counts once
    """

    name: str
    sets: tuple[tuple[Term, ...], ...]


def grounds_of(plan: Plan, name: str) -> Iterator[Ground]:
    """Read what is to be counted: one ground, or one for each class.

    Parameters
    ----------
    name : a kind (永久基本农田); a class of it (``城镇开发边界:特别用途区``, ``:*`` for each class in turn); what lies
        in several at once (``生态保护红线+永久基本农田``); a union by name (三线合计)

    Raises
    ------
    UsageError
        No such kind or class.
    PlanError
        The plan does not have the layer.
    """
    if name in _data()["unions"]:
        yield Ground(name, tuple((Term(layer_of(plan, key)),) for key in _data()["unions"][name]))
        return
    parts = [part.strip() for part in name.replace("＋", "+").split("+")]
    if len(parts) == 1 and parts[0].endswith((":*", "：*")):
        layer = layer_of(plan, parts[0][:-2])
        values = as_text(layer.attributes(("class",)).iloc[:, 0])
        for value in sorted(set(values) - {""}):
            term = Term(layer, value)
            yield Ground(term.zh, ((term,),))
        return
    terms = tuple(_term(plan, part) for part in parts)
    yield Ground("+".join(term.zh for term in terms), (terms,))


def _term(plan: Plan, text: str) -> Term:
    text = text.replace("：", ":")
    base, colon, value = text.partition(":")
    if base == "custom" or not colon:
        return Term(layer_of(plan, text))
    layer = layer_of(plan, base)
    column = "class" if "class" in layer.kind.fields else "name"
    term = Term(layer, value, column)
    if not term.mask.any():
        present = sorted(set(as_text(layer.attributes((column,)).iloc[:, 0])) - {""})
        raise UsageError.of("CLASS_UNKNOWN", layer=layer.kind.zh, actual=value, expected="、".join(present[:20]))
    return term


@cache
def _data() -> dict[str, Any]:
    return packaged("statistics")
