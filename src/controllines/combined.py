"""Land in two lines at once (叠加): redline and the core zone of a nature reserve, farmland within the boundary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from controllines.conflicts import Land, Measured
from controllines.lengths import is_contact
from controllines.overlay import intersect
from controllines.plans import Plan

COMBINED = ("kind", "class", "other_kind", "other_class", "area_m2")
#: Pairs of lines that are laid over each other where no rule pack asks for others.
PAIRS = (
    ("ecological_redline", "nature_reserve"),
    ("ecological_redline", "water_source_protection"),
    ("ecological_redline", "permanent_farmland"),
    ("ecological_redline", "urban_boundary"),
    ("permanent_farmland", "urban_boundary"),
)


def combined_frame(
    land: Land, plan: Plan, measured: Mapping[str, Measured], pairs: Iterable[tuple[str, str]] = PAIRS
) -> pd.DataFrame:
    """Return what lies in two lines at once.

    Parameters
    ----------
    land : parcels, or projects as unions of parcels
    measured : the same land laid over each line
    pairs : keys of two lines each; a pair of which one was not measured has no rows

    Returns
    -------
    ``row`` of the land, kind, class, other_kind, other_class, area_m2 (> 0, without mere contact)
    """
    frames = [_pair(land, plan, measured, pair) for pair in pairs if set(pair) <= measured.keys()]
    if not frames:
        return pd.DataFrame(columns=["row", *COMBINED])
    return pd.concat(frames, ignore_index=True).sort_values("row", kind="stable", ignore_index=True)


def _pair(land: Land, plan: Plan, measured: Mapping[str, Measured], pair: tuple[str, str]) -> pd.DataFrame:
    one, other = (measured[key].pieces for key in pair)
    cut = intersect(one.geoms, other.geoms)
    own = (one.left[cut.left] == other.left[cut.right]) & ~is_contact(cut.geoms, land.plane)
    cut = cut.take(own)
    frame = pd.DataFrame({
        "row": one.left[cut.left], "kind": pair[0], "class": _class(plan, pair[0], one.right[cut.left]),
        "other_kind": pair[1], "other_class": _class(plan, pair[1], other.right[cut.right]), "area_m2": cut.area,
    })  # fmt: skip
    summed = frame.groupby(["row", *COMBINED[:4]], dropna=False, sort=False)["area_m2"].sum().reset_index()
    classes = ["class", "other_class"]
    summed[classes] = summed[classes].astype(object).where(summed[classes].notna(), None)
    return summed


def _class(plan: Plan, key: str, rows: np.ndarray) -> np.ndarray:
    if key not in plan.layers:
        return np.full(len(rows), None, dtype=object)
    return np.asarray(plan.layers[key].frame["class"].to_numpy(object)[rows])
