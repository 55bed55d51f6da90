"""Land in two lines at once (叠加): redline and the core zone of a nature reserve, farmland within the boundary.

The part of the land inside one line goes through the same measuring as the land itself: contact is no overlap, and
what the other line does not cover stays unknown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd
import shapely

from controllines.conflicts import Checked, Land, Measured, Widths, check_land
from controllines.guard import union_by
from controllines.overlay import Pieces
from controllines.plans import Plan

Array = np.ndarray
INSIDE, OUTSIDE, UNCOVERED = "inside", "outside", "uncovered"


def divided_frame(
    land: Land, plan: Plan, checked: Checked, *, pairs: Iterable[tuple[str, str]]
) -> pd.DataFrame:  # fmt: skip
    """Divide the land inside each line by its classes, and these by other lines.

    Parameters
    ----------
    land, checked : parcels, or projects as unions of parcels, and these over the plan
    pairs : (line, other line); a pair of which one is not in the plan has no rows

    Returns
    -------
    ``row`` of the land, kind, class, other_kind, part, other_class, area_m2 (> 0, without mere contact). Where
    other_kind is None the rows are the classes of the line itself; else ``part`` says whether the land lies
    ``inside`` the other line, ``outside`` it, or is ``uncovered``: the other line says nothing of it
    """
    names = ["row", "kind", "class", "other_kind", "part", "other_class", "area_m2"]
    frames = [
        _by_class(plan, key, line.pieces).assign(kind=key, other_kind=None, part=INSIDE, other_class=None)
        for key, line in checked.measured.items() if len(line.pieces)
    ]  # fmt: skip
    frames += [
        _pair(land, plan, checked, (key, other))
        for key, other in sorted(set(pairs))
        if key in checked.measured and len(checked.measured[key].pieces) and other in plan.layers
    ]  # fmt: skip
    frames = [frame[names].astype({"other_kind": object, "other_class": object}) for frame in frames if len(frame)]
    if not frames:
        return pd.DataFrame(columns=names)
    joined = pd.concat(frames, ignore_index=True)
    joined = joined[joined["area_m2"] > 0].sort_values("row", kind="stable", ignore_index=True)
    classes = ["class", "other_class"]
    joined[classes] = joined[classes].astype(object).where(joined[classes].notna(), None)
    return joined


def _by_class(plan: Plan, key: str, pieces: Pieces) -> pd.DataFrame:
    """Add up pieces by land and class."""
    frame = pd.DataFrame({"row": pieces.left, "class": _classes(plan, key, pieces), "area_m2": pieces.area})
    return frame.groupby(["row", "class"], dropna=False, sort=False)["area_m2"].sum().reset_index()


def _classes(plan: Plan, key: str, pieces: Pieces) -> Array:
    """Return the class of the feature of each piece."""
    met, of_met = np.unique(pieces.right, return_inverse=True)
    return np.asarray(plan.layers[key].attributes(("class",), met)["class"].to_numpy(object)[of_met])


def _pair(land: Land, plan: Plan, checked: Checked, pair: tuple[str, str]) -> pd.DataFrame:
    """Lay each class of the land inside one line over another line."""
    key, other = pair
    line = checked.measured[key]
    frame = pd.DataFrame({"row": line.pieces.left, "class": _classes(plan, key, line.pieces)})
    number = frame.groupby(["row", "class"], dropna=False, sort=False).ngroup().to_numpy()
    of = frame.iloc[np.unique(number, return_index=True)[1]]
    rows = of["row"].to_numpy(int)
    inside = replace(land, ids=land.ids[rows], geoms=union_by(line.pieces.geoms, number, len(rows)),
                     resolution=land.resolution[rows])  # fmt: skip
    apart = _wholly_outside(checked.measured[other])[rows] if other in checked.measured else np.zeros(len(rows), bool)
    met, clear = np.flatnonzero(~apart), np.flatnonzero(apart)
    found = [_beyond(clear, OUTSIDE, shapely.area(inside.geoms[clear]))]
    if len(met):
        alone = replace(plan, layers={other: plan.layers[other]})
        measured = check_land(inside.take(met), alone, [plan.kind(other)], Widths(), lengths=False).measured[other]
        of_class = _by_class(plan, other, measured.pieces).rename(columns={"class": "other_class"})
        outside, uncovered = _rest(inside.take(met), measured)
        found += [of_class.assign(part=INSIDE, row=met[of_class["row"].to_numpy(int)]),
                  _beyond(met, OUTSIDE, outside), _beyond(met, UNCOVERED, uncovered)]  # fmt: skip
    joined = pd.concat([frame for frame in found if len(frame)] or found[:1], ignore_index=True)
    mine = joined["row"].to_numpy(int)
    return joined.assign(row=rows[mine], kind=key, other_kind=other, **{"class": of["class"].to_numpy(object)[mine]})


def _beyond(rows: Array, part: str, area: Array) -> pd.DataFrame:
    """Return rows of land that is not inside the other line."""
    return pd.DataFrame({"row": rows, "other_class": None, "area_m2": area, "part": part})


def _wholly_outside(measured: Measured) -> Array:
    """Return True for land of which all lies outside a line, beyond doubt: so does every part of it."""
    over = measured.overlaps
    rest = [over[name].to_numpy(float) for name in ("area_m2", "uncovered_m2", "contact_m2")]
    return np.asarray((np.array(rest) == 0).all(axis=0) & ~_doubtful(over))


def _doubtful(over: pd.DataFrame) -> Array:
    """Return True for land near a feature of the line that was set aside."""
    return np.array(["excluded_feature" in flags for flags in over["flags"]], dtype=bool)


def _rest(land: Land, measured: Measured) -> tuple[Array, Array]:
    """Return the area outside the other line, and the area of which it says nothing.

    Near a feature that was set aside, what is not inside the line may lie inside that feature.
    """
    over = measured.overlaps
    known = over["area_m2"].notna().to_numpy(bool)
    sure = known & ~_doubtful(over)
    outside, uncovered = over["outside_m2"].to_numpy(float), over["uncovered_m2"].to_numpy(float)
    doubtful = np.where(known, uncovered + np.where(sure, 0.0, outside), shapely.area(land.geoms))
    return np.where(sure, outside, 0.0), doubtful
