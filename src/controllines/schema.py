"""Schema (字段检查): official fields, code lists and their version, recorded against computed areas (图数一致).

Every remark is a finding about the whole layer: how many features, and which. Nothing is stopped or changed: a code
that no list knows leaves every total as it is. What the tables know only from hearsay (confidence ``K`` or ``?``) is
said as information.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import numpy as np
import pandas as pd
import shapely

from controllines.area import planar_by_scale
from controllines.classes import normal
from controllines.crs import A, Plane
from controllines.findings import Finding, finding
from controllines.layers import Layer
from controllines.packed import measured
from controllines.roles import as_text
from controllines.standards import (
    CodeList,
    Field,
    ListVersion,
    Table,
    alike,
    code_lists,
    list_version,
    tables,
)

Array = np.ndarray
#: A layer with fewer official fields than this has another structure: nothing is said of its fields.
_RECOGNISED = 2
_NAMED_IDS = 3
_LISTED_CODES = 8
_HEARSAY = ("K", "?")
_MEASURES = {"official": "椭球面积", "net": "扣除田坎净面积", "planar": "平面面积", "planar_net": "平面净面积"}


@dataclass(frozen=True)
class _Column:
    """A field that the layer has: its texts, one per feature (blank where missing), and the distinct ones."""

    layer: Layer
    field: Field
    name: str
    confidence: str

    @property
    def values(self) -> pd.Series:
        return self.layer.frame[self.name]

    @property
    def texts(self) -> Array:
        index, distinct = pd.factorize(self.values, use_na_sentinel=True)
        return np.append(as_text(pd.Series(distinct)), "")[index]

    def say(self, code: str, rows: Array | None = None, **values: object) -> Finding:
        """Make a finding about this field; hearsay is information."""
        actual = values.pop("actual", None)
        if rows is not None:
            actual = f"{_such(self.layer, rows)}" if actual is None else actual
            values |= {"feature": self.layer.frame["feature_id"].iloc[rows[0]]}
        item = _say(self.layer, code, field=self.name, actual=actual, **values)
        return replace(item, severity="info") if self.confidence in _HEARSAY else item


def _say(layer: Layer, code: str, **values: Any) -> Finding:
    origin = layer.origins[0] if layer.origins else None
    return finding(code, source=origin and origin.path, layer=(origin and origin.layer) or layer.kind.zh, **values)


def _such(layer: Layer, rows: Array) -> str:
    ids = layer.frame["feature_id"].to_numpy(object)[rows[:_NAMED_IDS]]
    return f"{len(rows)} 个要素，如 {'、'.join(map(str, ids))}"


def with_schema(layer: Layer) -> Layer:
    """Return a laid layer with what the official tables say about its fields among its findings."""
    return replace(layer, findings=(*layer.findings, *check_fields(layer)))


def check_fields(layer: Layer) -> list[Finding]:
    """Compare a layer with the official table of its kind.

    Parameters
    ----------
    layer : laid into the plane (official areas are needed)

    Returns
    -------
    list of Finding, one for each field and remark
    """
    table = tables().kinds.get(layer.kind.key)
    if table is None or not len(layer):
        return []
    present = {str(name).upper(): str(name) for name in layer.frame.columns}
    columns = [_Column(layer, item, name, item.confidence or table.confidence)
               for item in table.fields for name in _first(item.names, present)]  # fmt: skip
    if len(columns) < _RECOGNISED:
        return [_say(layer, "FIELDS_NOT_OFFICIAL", expected=table.table)]
    found = [*_absent(layer, table, present)]
    for column in columns:
        found += [*_content(column), *_codes(column, present)]
    return [*found, *_together(layer, present), *_ridges(layer), *_recorded(layer, table, present)]


def _first(names: Iterable[str], present: Mapping[str, str]) -> list[str]:
    return [present[name] for name in names if name in present][:1]


def _absent(layer: Layer, table: Table, present: Mapping[str, str]) -> Iterator[Finding]:
    absent = ["/".join(item.names) for item in table.fields if item.required and not _first(item.names, present)]
    if absent:
        yield _say(layer, "FIELDS_ABSENT", actual="、".join(absent), expected=table.table)


def _content(column: _Column) -> Iterator[Finding]:
    """Say which values are missing, of another type, too long, or not unique."""
    item, values = column.field, column.values
    number = pd.api.types.is_numeric_dtype(values)
    if item.type == "text" and number and values.notna().any():
        yield column.say("FIELD_TYPE", expected="文本", actual=str(values.dtype))
    texts = column.texts
    blank = np.flatnonzero(texts == "")
    if item.required and len(blank):
        yield column.say("FIELD_BLANK", blank)
    if item.type == "number" and not number:
        wrong = np.flatnonzero(pd.to_numeric(values, errors="coerce").isna().to_numpy() & (texts != ""))
        if len(wrong):
            yield column.say("FIELD_TYPE", wrong, expected="数值")
    if item.length and item.type == "text":
        length = np.char.str_len(texts.astype(str)) if len(texts) else np.zeros(0)
        wrong = np.flatnonzero((length != item.length) & (length > 0) if item.exact else length > item.length)
        if len(wrong):
            yield column.say("FIELD_LENGTH", wrong, expected=item.length)
    if item.unique:
        again = np.flatnonzero(pd.Series(texts).duplicated(keep=False).to_numpy() & (texts != ""))
        if len(again):
            yield column.say("FIELD_NOT_UNIQUE", again)


def _codes(column: _Column, present: Mapping[str, str]) -> Iterator[Finding]:
    """Compare codes with their list, and with the names beside them."""
    if column.field.codes is None:
        return
    listed = code_lists().lists[column.field.codes]
    name_column = _first(column.field.named_by, present)
    names = as_text(column.layer.frame[name_column[0]]) if name_column else np.full(len(column.layer), "")
    grouped = pd.Series(range(len(names))).groupby([column.texts, names.astype(str)], sort=True).indices
    pairs: dict[tuple[str, str], Array] = {cast("Any", pair): np.asarray(rows) for pair, rows in grouped.items()}
    plain = {pair: (normal(pair[0]), normal(pair[1])) for pair in pairs}
    wide = [rows for pair, rows in pairs.items() if pair[0].upper() != plain[pair][0]]
    if wide:
        yield column.say("CODE_FULL_WIDTH", np.sort(np.concatenate(wide)))
    yield from _unknown(column, listed, pairs, plain)
    versions = code_lists().versions.get(column.field.codes, {})
    yield from _version(column, listed, versions, set(plain.values()))
    yield from _misnamed(column, listed, versions, {pair: (rows, plain[pair]) for pair, rows in pairs.items()})


def _unknown(
    column: _Column, listed: CodeList, pairs: Mapping[Any, Array], plain: Mapping[Any, Any]
) -> Iterator[Finding]:
    everywhere = {code for version in code_lists().versions.get(column.field.codes or "", {}).values()
                  for code in version.marks}  # fmt: skip
    rows: dict[str, list[Array]] = {}
    for pair, own in pairs.items():
        code, name = plain[pair]
        by_name = listed.by_name and name in listed.codes.values()
        if code and not (listed.knows(code) or code in everywhere or by_name):
            rows.setdefault(code, []).append(own)
    if rows:
        said = [f"{code}（{sum(map(len, own))} 个）" for code, own in list(rows.items())[:_LISTED_CODES]]
        more = f" 等 {len(rows)} 种" if len(rows) > _LISTED_CODES else ""
        first = np.sort(np.concatenate([own for several in rows.values() for own in several]))
        yield column.say("CODE_UNKNOWN", first, actual="、".join(said) + more, expected=listed.title)


def _version(
    column: _Column, listed: CodeList, versions: Mapping[str, ListVersion], pairs: set[tuple[str, str]]
) -> Iterator[Finding]:
    if not versions:
        return
    found = list_version(pairs, column.field.codes or "")
    if len(found) == 1:
        yield column.say("CLASS_VERSION", actual=versions[found.pop()].title, expected=listed.title)
    elif found:
        yield column.say("CLASS_VERSION_MIXED", actual="、".join(sorted(found)), expected=listed.title)
    else:
        yield column.say("CLASS_VERSION_UNKNOWN", actual="、".join(sorted(versions)), expected=listed.title)


def _misnamed(
    column: _Column,
    listed: CodeList,
    versions: Mapping[str, ListVersion],
    pairs: Mapping[Any, tuple[Array, tuple[str, str]]],
) -> Iterator[Finding]:
    wrong: dict[str, Array] = {}
    for rows, (code, name) in pairs.values():
        allowed = {listed.codes.get(code, ""), *(version.differs.get(code, "") for version in versions.values())} - {""}
        if name and allowed and not any(alike(name, one) for one in allowed):
            wrong[f"{code} 记为“{name}”（{len(rows)} 个），应为{'或'.join(sorted(allowed))}"] = rows
    if wrong:
        said = "；".join(list(wrong)[:_LISTED_CODES]) + (f" 等 {len(wrong)} 种" if len(wrong) > _LISTED_CODES else "")
        yield column.say("CODE_NAME_MISMATCH", np.sort(np.concatenate(list(wrong.values()))), actual=said)


def _together(layer: Layer, present: Mapping[str, str]) -> Iterator[Finding]:
    """Compare codes with the land class beside them (CZCSXM, DLBM)."""
    for rule in code_lists().together.values():
        if not {rule.field, rule.beside} <= present.keys():
            continue
        both = [as_text(layer.frame[present[name]]).astype(str) for name in (rule.beside, rule.field)]
        grouped = pd.Series(range(len(layer))).groupby(both, sort=True).indices
        wrong = {cast("Any", pair): rows for pair, rows in grouped.items()
                 if not rule.right(*map(normal, cast("Any", pair)))}  # fmt: skip
        if wrong:
            rows = np.sort(np.concatenate(list(wrong.values())))
            listed = "、".join(f"{land} 记为{code or '空'}" for land, code in list(wrong)[:_LISTED_CODES])
            yield _say(layer, "CODES_DISAGREE", field=rule.field, expected=rule.beside, pairs=listed,
                       actual=_such(layer, rows), feature=layer.frame["feature_id"].iloc[rows[0]])  # fmt: skip


def _ridges(layer: Layer) -> Iterator[Finding]:
    """Say where KCXS (田坎系数) is out of range, or missing on cultivated land."""
    if "kcxs" not in layer.kind.fields:
        return
    kcxs = layer.frame["kcxs"].to_numpy(float)
    out = np.flatnonzero((kcxs < 0) | (kcxs >= 1))
    if len(out):
        yield _say(layer, "KCXS_FIELD", actual=_such(layer, out), feature=layer.frame["feature_id"].iloc[out[0]])
    cultivated = layer.frame["class"].map(lambda code: normal(str(code)).startswith("01")).to_numpy(bool)
    null = np.flatnonzero(np.isnan(kcxs) & cultivated)
    if len(null):
        yield _say(layer, "KCXS_BLANK", actual=_such(layer, null), feature=layer.frame["feature_id"].iloc[null[0]])


def _recorded(layer: Layer, table: Table, present: Mapping[str, str]) -> Iterator[Finding]:
    """Compare recorded areas with the official, the net and the planar area, and say which they are (图数一致)."""
    rows = np.flatnonzero(layer.used)
    columns = [present[name] for name in table.recorded if name in present]
    if not columns or not len(rows) or layer.plane is None:
        return
    computed = _computed(layer, rows, layer.plane)
    degrees = computed["official"] / measured(partial(_square_degree, plane=layer.plane), layer.geoms, rows)
    for name in columns:
        values = pd.to_numeric(layer.frame[name], errors="coerce").to_numpy(float)[rows]
        given = np.isfinite(values)
        bogus = given & (np.abs(values - degrees) <= np.maximum(0.005, 1e-3 * degrees)) & (computed["official"] > 10)
        if bogus.any():
            yield _say(layer, "AREA_SQUARE_DEGREES", field=name, actual=_such(layer, rows[bogus]),
                       feature=layer.frame["feature_id"].iloc[rows[bogus][0]])  # fmt: skip
        told = given & ~bogus
        yield from _agreement(layer, name, rows[told], (values[told], {key: m2[told] for key, m2 in computed.items()}))


def _agreement(layer: Layer, name: str, rows: Array, areas: tuple[Array, Mapping[str, Array]]) -> Iterator[Finding]:
    values, computed = areas
    if not len(values):
        return
    limit = tables().area
    gap = {key: np.abs(values - area) for key, area in computed.items()}
    near = {key: off <= np.maximum(limit.absolute_m2, limit.relative * computed[key]) for key, off in gap.items()}
    # Near the central meridian, and without ridges, the measures agree: the one that most features have names them.
    order = sorted(near, key=lambda key: -int(near[key].sum()))
    left, said = np.ones(len(values), bool), []
    for key in order:
        own = left & near[key]
        left &= ~own
        if own.any():
            said.append(f"{_MEASURES[key]} {int(own.sum())} 个")
    if said:
        yield _say(layer, "AREA_RECORDED", field=name, actual="、".join(said), expected=f"{limit.absolute_m2:g} 平方米")
    if left.any():
        off = np.where(left, np.min(list(gap.values()), axis=0), 0)
        worst = int(off.argmax())
        yield _say(layer, "AREA_RECORDED_DIFFERS", field=name, actual=_such(layer, rows[left]),
                   feature=layer.frame["feature_id"].iloc[rows[worst]], worst=f"{off[worst]:.2f}",
                   expected="，".join(f"{_MEASURES[key]} {computed[key][worst]:.2f}" for key in computed),
                   recorded=f"{values[worst]:.2f}")  # fmt: skip


def _computed(layer: Layer, rows: Array, plane: Plane) -> dict[str, Array]:
    """Return the official, net and planar areas (m²) of features."""
    official = measured(shapely.area, layer.geoms, rows)
    areas = {"official": official, "planar": measured(partial(planar_by_scale, plane=plane), layer.geoms, rows)}
    kcxs = layer.frame["kcxs"].to_numpy(float)[rows]
    if (kcxs > 0).any():
        left = 1 - np.where(np.isnan(kcxs), 0, kcxs)
        areas |= {"net": areas["official"] * left, "planar_net": areas["planar"] * left}
    return areas


def _square_degree(geoms: Array, plane: Plane) -> Array:
    """Return the land (m²) of one square degree where each polygon lies, to a per cent."""
    lat = plane.inverse(shapely.get_coordinates(shapely.centroid(geoms)))[:, 1]
    return np.asarray((np.pi * A / 180) ** 2 * np.cos(np.radians(lat)))
