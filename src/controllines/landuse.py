"""What the land is (用地现状): parcels and projects × land class × ownership × township, and the part in each line.

Every row of the land-use layer (DLTB) is dealt out once. Ridges (田坎) leave the cultivated land they lie in: with a
KCXS of 0.1 a tenth of it is 1203. So the rows of a parcel add up to its area, and a line's column to what lies inside
that line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from controllines.classes import CULTIVATED, OWNERS, RIDGE, SURVEY, classification, normal
from controllines.conflicts import Land, Measured
from controllines.dimensions import text_column
from controllines.findings import Finding, finding
from controllines.layers import Layer
from controllines.lengths import is_contact
from controllines.overlay import Pieces, absorb, intersect, split
from controllines.plans import Plan

Array = np.ndarray
LAND_USE = "land_use"
#: Columns of the frames; behind them stands ``{kind}_m2`` of every line.
KEYS = ("class_code", "class_name", "big_class", "ownership", "township_code", "township")
AREAS = ("area_m2", "ridge_m2", "net_area_m2")
TOWNSHIP_DIGITS = 9


@dataclass(frozen=True)
class _Dealt:
    """Pieces of land use within townships: rows of the land, of the land-use layer and of the townships."""

    pieces: Pieces
    feature: Array
    township: Array

    @property
    def land(self) -> Array:
        return self.pieces.left


def land_columns(kinds: list[str]) -> list[str]:
    """Return the columns of a land frame behind the id."""
    return [*KEYS, *AREAS, *(f"{key}_m2" for key in kinds)]


def land_frame(
    land: Land, plan: Plan, measured: Mapping[str, Measured], big_classes: Mapping[str, str]
) -> tuple[pd.DataFrame, list[Finding]]:
    """Lay land over the land-use layer of a plan.

    Parameters
    ----------
    land : parcels, or projects as unions of parcels
    measured : the same land laid over each line
    big_classes : from :func:`controllines.classes.choices`

    Returns
    -------
    frame : ``row`` of the land, class_code, class_name, big_class (农用地, 建设用地, 未利用地), ownership (国有, 集体),
        township_code, township, area_m2 (of the class, ridges taken out of cultivated land), ridge_m2 (what was taken
        out of it), net_area_m2, and ``{kind}_m2`` of each line: the part of area_m2 inside it, null where not measured.
        Without KCXS ridge_m2 and net_area_m2 are null, and the ridges stay in area_m2. Land that the layer does not
        cover has no class. Empty without a land-use layer.
    findings : cultivated land whose ridges are not known
    """
    if LAND_USE not in plan.layers or not len(land):
        return pd.DataFrame(columns=["row", *land_columns(list(measured))]), []
    layer = plan.layers[LAND_USE]
    dealt = _dealt(land, layer, plan.layers.get("township"))
    area = dealt.pieces.area
    columns = _classes(layer, dealt.feature, big_classes) | _townships(layer, plan.layers.get("township"), dealt)
    factor, found = _ridges(layer, dealt.feature)
    inside = {key: _inside(dealt, line, len(land)) for key, line in measured.items()}
    whole = pd.DataFrame({"row": dealt.land, **columns, "area_m2": area, **{f"{k}_m2": v for k, v in inside.items()}})
    cultivated = whole.assign(ridge_m2=area * factor, net_area_m2=area * (1 - factor))
    rate = np.nan_to_num(factor)
    measures = ["area_m2", *(f"{key}_m2" for key in inside)]
    cultivated[measures] = whole[measures].mul(1 - rate, axis=0)
    ridges = whole[rate > 0].copy()
    ridges[measures] = whole.loc[rate > 0, measures].mul(rate[rate > 0], axis=0)
    survey = classification(SURVEY)
    ridges[["class_code", "class_name", "big_class"]] = (
        RIDGE,
        survey.name(RIDGE),
        survey.big_class(RIDGE, big_classes),
    )
    ridges = ridges.assign(ridge_m2=0.0, net_area_m2=ridges["area_m2"])
    return _summed(pd.concat([cultivated, ridges], ignore_index=True), list(inside)), found


def _dealt(land: Land, layer: Layer, townships: Layer | None) -> _Dealt:
    pieces = _split(land.geoms, layer, land)
    feature, township = pieces.right, np.full(len(pieces), -1)
    if townships is not None:
        cut = _split(pieces.geoms, townships, land)
        feature, township = feature[cut.left], cut.right
        pieces = Pieces(pieces.left[cut.left], cut.right, cut.geoms, cut.recomputed)
    return _Dealt(pieces, feature, township)


def _split(geoms: Array, layer: Layer, land: Land) -> Pieces:
    cut = split(geoms, layer.geoms)
    return absorb(cut, is_contact(cut.geoms, land.plane))


def _classes(layer: Layer, feature: Array, big_classes: Mapping[str, str]) -> dict[str, Array]:
    """Return code, name and big class of each piece, and who owns the land."""
    survey = classification(SURVEY)
    codes = [normal(code) if isinstance(code, str) else None for code in layer.frame["class"]]
    names = layer.frame["name"].to_numpy(object)
    known = {code: (survey.name(code), survey.big_class(code, big_classes)) for code in {*codes} - {None} if code}
    table = np.full((len(codes) + 1, 4), None, dtype=object)  # the last row, -1, is that of no feature
    owners = text_column(layer, "QSXZ")
    for n, code in enumerate(codes):
        name, big = known.get(code or "", (None, None))
        table[n] = code, name or names[n], big, OWNERS.get(owners[n][:1])
    return dict(zip(KEYS[:4], table[feature].T, strict=True))


def _townships(layer: Layer, townships: Layer | None, dealt: _Dealt) -> dict[str, Array]:
    """Return code and name of the township of each piece: of the township layer, else of 坐落单位代码 (ZLDWDM)."""
    if townships is not None:
        table = np.append(townships.frame[["code", "name"]].to_numpy(object), [[None, None]], axis=0)
        return dict(zip(KEYS[4:], table[dealt.township].T, strict=True))
    code = np.append(text_column(layer, "ZLDWDM"), "")[dealt.feature]
    digits = [text[:TOWNSHIP_DIGITS] if len(text) >= TOWNSHIP_DIGITS else None for text in code]
    none = np.full(len(code), None, dtype=object)
    return {KEYS[4]: np.array(digits, dtype=object), KEYS[5]: none}


def _ridges(layer: Layer, feature: Array) -> tuple[Array, list[Finding]]:
    """Return the share of ridges (田坎系数) in each piece: 0 off cultivated land, NaN where nobody knows."""
    classes = layer.frame["class"].fillna("").astype(str)
    cultivated = classes.str.startswith(CULTIVATED).to_numpy(bool)
    kcxs = layer.frame["kcxs"].to_numpy(float)
    share = np.where(cultivated, kcxs, 0.0)
    wrong = (share < 0) | (share >= 1)
    unknown = np.isnan(share) | (classes == "").to_numpy() | wrong
    hit = np.unique(feature[feature >= 0])
    found = [
        finding("KCXS_RANGE" if wrong[row] else "KCXS_NULL", source=layer.origins[0].path, layer=layer.kind.zh,
                feature=layer.frame["feature_id"].iloc[row], actual=share[row] if wrong[row] else None)
        for row in hit[(unknown & cultivated)[hit]]
    ]  # fmt: skip
    return np.append(np.where(unknown, np.nan, share), np.nan)[feature], found


def _inside(dealt: _Dealt, line: Measured, count: int) -> Array:
    """Return the area (m²) of each piece inside a line; NaN where the line was not measured for its land."""
    cut = intersect(dealt.pieces.geoms, line.pieces.geoms)
    own = dealt.land[cut.left] == line.pieces.left[cut.right]
    area = np.bincount(cut.left[own], weights=cut.area[own], minlength=len(dealt.pieces))
    open_rows = line.overlaps["area_m2"].isna().to_numpy(bool)
    if len(open_rows) != count:
        raise AssertionError("a line is measured for every piece of land")
    return np.where(open_rows[dealt.land], np.nan, area)


def _summed(frame: pd.DataFrame, kinds: list[str]) -> pd.DataFrame:
    """Add up pieces of the same land, class, ownership and township; classes by code, no class last."""
    keys = ["row", *KEYS]
    order = frame.assign(**{key: frame[key].fillna("~").astype(str) for key in KEYS})
    number = order.groupby(keys, sort=True).ngroup().to_numpy()
    first = np.unique(number, return_index=True)[1]
    out = frame[keys].iloc[first].reset_index(drop=True).astype(dict.fromkeys(KEYS, object))
    out[list(KEYS)] = out[list(KEYS)].where(out[list(KEYS)].notna(), None)
    for name in [*AREAS, *(f"{key}_m2" for key in kinds)]:
        out[name] = np.bincount(number, weights=frame[name].to_numpy(float), minlength=len(first))
    return out[["row", *land_columns(kinds)]]
