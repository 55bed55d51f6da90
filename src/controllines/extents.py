"""How far layers lie from each other: a wrong zone or datum puts a layer hundreds of kilometres away.

A layer that touches nothing of its plan would answer "none" everywhere; that answer must not be given.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import pairwise

import numpy as np
import shapely

from controllines.crs import A, SourceCRS, projection, to_lonlat
from controllines.findings import Finding, finding
from controllines.layers import Layer, by_crs, extent_of

Array = np.ndarray
Box = tuple[float, float, float, float]
#: Farther than the plan's own diagonal is far, but never below or above these (km): one 3° zone is 220 to 270 km.
NEAREST_KM, FARTHEST_KM = 50.0, 200.0
_KM_PER_DEGREE = math.radians(A) / 1000


def union(boxes: Iterable[Box]) -> Box | None:
    """Return west, south, east, north (degrees) around all boxes, None if there are none."""
    given = list(boxes)
    if not given:
        return None
    low, high = np.min(given, axis=0), np.max(given, axis=0)
    return float(low[0]), float(low[1]), float(high[2]), float(high[3])


def gap_km(one: Box, two: Box) -> float:
    """Return the distance between two boxes in degrees, in kilometres; 0 where they meet."""
    lon = max(one[0] - two[2], two[0] - one[2], 0.0)
    lat = max(one[1] - two[3], two[1] - one[3], 0.0)
    middle = math.radians((one[1] + one[3] + two[1] + two[3]) / 4)
    return math.hypot(lon * math.cos(middle), lat) * _KM_PER_DEGREE


def limit_km(plan: Box) -> float:
    """Return the distance from which on something is far from a plan."""
    diagonal = math.hypot((plan[2] - plan[0]) * math.cos(math.radians((plan[1] + plan[3]) / 2)), plan[3] - plan[1])
    return min(max(diagonal * _KM_PER_DEGREE, NEAREST_KM), FARTHEST_KM)


def plan_box(layers: Mapping[str, Layer]) -> Box | None:
    """Return what the plan covers: its county, else its townships, else all layers."""
    for key in ("county", "township"):
        box = extent_of(layers[key]) if key in layers else None
        if box is not None:
            return box
    return union(box for layer in layers.values() if (box := extent_of(layer)))


def far_layers(layers: Mapping[str, Layer]) -> dict[str, Finding]:
    """Return the layers that lie far from the plan, with the finding that says so.

    The plan is its county, else its townships. Without either, layers that lie near each other belong together; the
    largest such group is the plan, and where two groups are equally large, no layer can be trusted.
    """
    boxes = {key: box for key, layer in layers.items() if (box := extent_of(layer))}
    anchor = next((boxes[key] for key in ("county", "township") if key in boxes), None)
    if anchor is not None:
        doubtful = [key for key, box in boxes.items() if gap_km(box, anchor) > limit_km(anchor)]
        return {key: _far("LAYER_FAR", layers[key], boxes[key], anchor) for key in doubtful}
    groups = sorted(_groups(boxes), key=len, reverse=True)
    if len(groups) < 2:
        return {}
    tied = len(groups[0]) == len(groups[1])
    found: dict[str, Finding] = {}
    for group in groups if tied else groups[1:]:
        rest = union(boxes[key] for key in (set(boxes) - group if tied else groups[0]))
        found |= {key: _far("LAYER_FAR", layers[key], boxes[key], rest) for key in group if rest is not None}
    return found


def _groups(boxes: Mapping[str, Box]) -> list[set[str]]:
    """Return the layers in groups whose boxes lie near each other, one by one."""
    groups: list[set[str]] = []
    for key, box in boxes.items():
        near = [group for group in groups if any(_near(box, boxes[other]) for other in group)]
        groups = [group for group in groups if group not in near] + [{key}.union(*near)]
    return groups


def _near(one: Box, two: Box) -> bool:
    return gap_km(one, two) <= max(limit_km(one), limit_km(two))


def far_parcels(parcels: Layer, plan: Box | None) -> list[Finding]:
    """Return one finding for each file with parcels that lie far from the plan; they stay ``no_data``."""
    if plan is None:
        return []
    found: list[Finding] = []
    first = np.cumsum([0, *(origin.features_in for origin in parcels.origins)])
    boxes = _boxes(parcels)
    gaps = np.array([gap_km(boxes[row], plan) if row in boxes else 0.0 for row in range(len(parcels))])
    for start, end in pairwise(first):
        far = start + np.flatnonzero(gaps[start:end] > limit_km(plan))
        if len(far):
            row = int(far[gaps[far].argmin()])
            found.append(_far("PARCELS_FAR", parcels, boxes[row], plan, row=row, count=len(far)))
    return found


def _boxes(layer: Layer) -> dict[int, Box]:
    """Return the boxes (degrees) of the usable features by row, from two corners in source coordinates."""
    found: dict[int, Box] = {}
    for source, rows in by_crs(layer.crs):
        own = rows[layer.used[rows]]
        corners = to_lonlat(source, shapely.bounds(layer.shapes[own]).reshape(-1, 2)).reshape(-1, 4)
        found |= {
            int(row): (float(w), float(s), float(e), float(n)) for row, (w, s, e, n) in zip(own, corners, strict=True)
        }
    return found


def _far(code: str, layer: Layer, box: Box, plan: Box, *, row: int | None = None, count: int = 0) -> Finding:
    first = int(np.flatnonzero(layer.used)[0]) if row is None else row
    origin = layer.origins[int(np.searchsorted(np.cumsum([o.features_in for o in layer.origins]), first, side="right"))]
    feature = None if row is None else layer.frame["parcel_id"].iloc[row]
    return finding(
        code, source=origin.path, layer=origin.layer if row is not None else layer.kind.zh, feature=feature,
        actual=f"{gap_km(box, plan):.0f}", count=count, hint=_cause(layer.crs[first], box, plan),
    )  # fmt: skip


def _cause(source: SourceCRS, box: Box, plan: Box) -> str:
    """Guess why: another central meridian moves a layer by whole zones and keeps its latitude."""
    parameters = projection(source.crs)
    steps = round((plan[0] + plan[2] - box[0] - box[2]) / 6)
    moved = (box[0] + 3 * steps, box[1], box[2] + 3 * steps, box[3])
    if parameters is None or not steps or gap_km(moved, plan) > 0:
        return "疑为坐标系错误，或是其他地方的数据"
    lon = parameters["lon_0"]
    return f"疑为带号错误：中央经线不是 {lon:g}° 而是 {lon + 3 * steps:g}° 时，正在规划范围"
