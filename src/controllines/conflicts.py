"""Conflicts (冲突): land × control lines → outcomes and areas; land × units → shares.

``measure`` lays land over one line and books every square metre once: inside + outside + uncovered + contact = land.
What is no wider than the coordinate precision is contact; what lies where the layer says nothing is never "none".
Parcels and projects (the union of their parcels) go through the same functions.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import shapely

from controllines.area import planar_area_of_plane
from controllines.crs import Plane
from controllines.findings import Finding, finding
from controllines.guard import remainder, union_by
from controllines.kinds import AVOID, OUTSIDE_ALL, Kind
from controllines.layers import Layer, boxes_in_plane, net_factors
from controllines.lengths import (
    CONTACT_WIDTH_M,
    clearance,
    greatest_width,
    inset_depth,
    is_contact,
    mean_width,
    true_metres,
)
from controllines.overlay import Pieces, absorb, book_once, divide, intersect, neighbours, split
from controllines.plans import Coverage, Plan, unit_kinds

Array = np.ndarray
OUTCOMES = ("conflict", "failed", "no_data", "none")
MEASURES = (
    "area_m2", "outside_m2", "conflict_m2", "share", "net_area_m2", "uncovered_m2", "contact_m2", "sliver_m2",
    "shared_m2", "depth_m", "width_m", "clearance_m", "planar_area_m2",
)  # fmt: skip


@dataclass(frozen=True)
class Widths:
    """Options of width and distance that can change a number, in metres.

    Attributes
    ----------
    sliver_m : mean width up to which a part of a conflict is a sliver (细碎重叠)
    clearance_to_m : how far the clearance is searched
    """

    sliver_m: float = 0.2
    clearance_to_m: float = 100.0


@dataclass(frozen=True)
class Land:
    """Pieces of land to be checked, in the plane: parcels, or projects as unions of parcels.

    Attributes
    ----------
    ids : id of each
    geoms : valid polygons, none missing
    resolution : coordinate resolution in metres of each
    """

    ids: Array
    geoms: Array
    resolution: Array
    plane: Plane

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Measured:
    """Land laid over one control line.

    Attributes
    ----------
    overlaps : one row per piece of land, columns of the contract without its id
    pieces : pieces inside the line; ``left`` is the row of the land, ``right`` the row of the layer
    outside : for lines to stay within, the part of the land outside; empty polygons elsewhere
    findings : what the measuring met
    """

    overlaps: pd.DataFrame
    pieces: Pieces
    outside: Array
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class _Regions:
    """Where the land lies with respect to one line; contact is taken out of all three."""

    inside: Array
    outside: Array
    uncovered: Array
    contact_m2: Array
    pieces: Pieces
    raw: Pieces
    shared_m2: Array
    recomputed: Array


def measure(land: Land, plan: Plan, kind: Kind, widths: Widths) -> Measured:
    """Lay land over one control line of a plan.

    Parameters
    ----------
    land : what is checked
    kind : the line; a line that the plan does not have is ``no_data``, one that could not be read is ``failed``
    widths : options

    Returns
    -------
    Measured
    """
    if kind.key not in plan.layers:
        return _unmeasured(land, kind, "failed" if kind.key in plan.failed else "no_data")
    layer = plan.layers[kind.key]
    regions = _regions(land, layer, plan.coverage[kind.key])
    conflict = regions.inside if kind.sense == AVOID else regions.outside
    suspect = _meets_excluded(land, layer, plan.specs[kind.key].accept_excluded)
    conflict_m2, uncovered_m2 = shapely.area(conflict), shapely.area(regions.uncovered)
    outcome: Array = np.select([conflict_m2 > 0, suspect, uncovered_m2 > 0], list(OUTCOMES[:3]), "none")
    net, notes = _net_area(land, layer, regions)
    frame = pd.DataFrame({
        "kind": kind.key,
        "outcome": outcome,
        "area_m2": shapely.area(regions.inside),
        "outside_m2": shapely.area(regions.outside),
        "conflict_m2": conflict_m2,
        "share": conflict_m2 / shapely.area(land.geoms),
        "net_area_m2": net,
        "uncovered_m2": uncovered_m2,
        "contact_m2": regions.contact_m2,
        "shared_m2": regions.shared_m2,
        "planar_area_m2": _planar(land, regions.pieces),
    })  # fmt: skip
    frame = frame.assign(**_shape_of_conflict(land, layer, regions.pieces, conflict=conflict, widths=widths))
    frame["clearance_m"] = _clearance(land, layer, outcome == "none", widths.clearance_to_m)
    frame["flags"] = _flags(frame, suspect=suspect, recomputed=regions.recomputed, bbox=plan.coverage[kind.key].bbox)
    open_rows = np.isin(outcome, ["failed", "no_data"])
    frame.loc[open_rows, [name for name in MEASURES if name != "uncovered_m2"]] = np.nan
    found = (*notes, *_line_findings(land, kind, frame, regions.recomputed))
    outside = np.full(len(land), shapely.Polygon(), dtype=object) if kind.sense == AVOID else regions.outside.copy()
    outside[open_rows] = shapely.Polygon()
    return Measured(_ordered(frame), regions.pieces.take(~open_rows[regions.pieces.left]), outside, found)


def _planar(land: Land, pieces: Pieces) -> Array:
    return _sum_by(planar_area_of_plane(pieces.geoms, land.plane), pieces.left, len(land))


def _ordered(frame: pd.DataFrame) -> pd.DataFrame:
    names = [*MEASURES[:-1], "flags", MEASURES[-1]]
    return frame.drop(columns=["sub_resolution"], errors="ignore")[["kind", "outcome", *names]]


def _unmeasured(land: Land, kind: Kind, outcome: str) -> Measured:
    frame = pd.DataFrame({"kind": [kind.key] * len(land), "outcome": outcome} | dict.fromkeys(MEASURES, np.nan))
    frame["uncovered_m2"] = shapely.area(land.geoms)
    frame["flags"] = ""
    none = np.empty(0, np.int64)
    pieces = Pieces(none, none, np.empty(0, dtype=object), np.empty(0, bool))
    return Measured(_ordered(frame), pieces, np.full(len(land), shapely.Polygon(), dtype=object))


def _regions(land: Land, layer: Layer, coverage: Coverage) -> _Regions:
    """Cut the land into inside, outside and uncovered, and take contact out of each."""
    raw = intersect(land.geoms, layer.geoms)
    pieces, shared_rows, shared = book_once(raw)
    inside, rest, recomputed = divide(land.geoms, raw, pieces)
    covered = intersect(rest, coverage.geoms)
    once = book_once(covered)[0]
    outside, uncovered, again = divide(rest, covered, once)
    thick = [_without_contact(region, land.plane) for region in (inside, outside, uncovered)]
    shared_m2 = np.zeros(len(land))
    shared_m2[shared_rows] = shapely.area(_without_contact(shared, land.plane)[0])
    return _Regions(
        inside=thick[0][0], outside=thick[1][0], uncovered=thick[2][0],
        contact_m2=np.sum([contact for _, contact in thick], axis=0),
        pieces=_trimmed(pieces, thick[0], land.plane), raw=raw, shared_m2=shared_m2, recomputed=recomputed | again,
    )  # fmt: skip


def _without_contact(regions: Array, plane: Plane) -> tuple[Array, Array]:
    """Return the regions without the parts that are mere contact, and the area of those (m²)."""
    parts, index = shapely.get_parts(regions, return_index=True)
    thin = is_contact(parts, plane)
    if not thin.any():
        return regions, np.zeros(len(regions))
    contact = _sum_by(shapely.area(parts[thin]), index[thin], len(regions))
    changed = np.unique(index[thin])
    kept = ~thin & np.isin(index, changed)
    out = np.array(regions, dtype=object)
    out[changed] = shapely.Polygon()
    rows, group = np.unique(index[kept], return_inverse=True)
    if len(rows):
        out[rows] = shapely.multipolygons(parts[kept], indices=group)
    return out, contact


def _trimmed(pieces: Pieces, inside: tuple[Array, Array], plane: Plane) -> Pieces:
    """Take the contact out of the pieces too, so that they sum to the overlaps; hairlines go to their neighbour."""
    region, contact = inside
    rows = np.flatnonzero(contact[pieces.left] > 0)
    geoms = np.array(pieces.geoms, dtype=object)
    cut = intersect(geoms[rows], region[np.unique(pieces.left[rows])])
    own = np.unique(pieces.left[rows])[cut.right] == pieces.left[rows][cut.left]
    geoms[rows] = union_by(cut.geoms[own], cut.left[own], len(rows))
    trimmed = pieces.with_geoms(geoms)
    return absorb(trimmed, is_contact(trimmed.geoms, plane))


def _shape_of_conflict(
    land: Land, layer: Layer, pieces: Pieces, *, conflict: Array, widths: Widths
) -> dict[str, Array]:
    """Return slivers, depth and width of each conflict, and whether all of it is below the coordinate resolution."""
    count = len(land)
    parts, index = shapely.get_parts(conflict, return_index=True)
    width = mean_width(parts, land.plane)
    slivers = width <= widths.sliver_m
    widest = np.zeros(count)
    np.maximum.at(widest, index, width)
    coarsest = np.full(count, layer.resolution.max(initial=0.0))
    if layer.kind.sense == AVOID:
        coarsest = np.zeros(count)
        np.maximum.at(coarsest, pieces.left, layer.resolution[pieces.right])
    rows = np.flatnonzero(shapely.area(conflict) > 0)
    depth, greatest = np.full(count, np.nan), np.full(count, np.nan)
    local = true_metres(conflict[rows], land.plane, around=land.geoms[rows])
    depth[rows] = inset_depth(true_metres(land.geoms[rows], land.plane), local)
    greatest[rows] = greatest_width(local)
    resolved = widest > (land.resolution + coarsest) * (1 + 1e-6)
    return {
        "sliver_m2": _sum_by(shapely.area(parts[slivers]), index[slivers], count),
        "depth_m": depth,
        "width_m": greatest,
        "sub_resolution": (widest > 0) & ~resolved,
    }


def _clearance(land: Land, layer: Layer, wanted: Array, limit_m: float) -> Array:
    """Return the smallest outward shift (m) at which a conflict begins, NaN where there is none within the limit."""
    out = np.full(len(land), np.nan)
    rows = np.flatnonzero(wanted)
    if not len(rows):
        return out
    geoms = land.geoms[rows]
    if layer.kind.sense == AVOID:
        # The plane stretches lengths by a few per cent at most: look a little further, then measure truly.
        i, _, near = neighbours(geoms, layer.geoms, within_m=limit_m * 1.1)
        out[rows] = clearance(geoms, (i, near), land.plane, limit_m)
        return out
    # What must be kept from is the land outside the line: look at it in a window around each piece of land.
    bounds = shapely.bounds(geoms) + limit_m * 1.1 * np.array([-1, -1, 1, 1])
    windows = np.asarray(shapely.box(*bounds.T))
    inside = intersect(windows, layer.geoms)
    beyond, _ = remainder(windows, union_by(inside.geoms, inside.left, len(rows)))
    # Hairlines between two features of the line would lead the land outside to where there is none.
    half = CONTACT_WIDTH_M / 2
    beyond = shapely.buffer(_without_contact(beyond, land.plane)[0], -half, join_style="mitre")
    out[rows] = clearance(geoms, (np.arange(len(rows)), beyond), land.plane, limit_m) - half
    out[rows] = np.where(out[rows] < half, 0, out[rows])
    return out


def _meets_excluded(land: Land, layer: Layer, accepted: list[str]) -> Array:
    """Return True where land meets the box of a feature that was set aside: nothing there can be called none."""
    boxes, anywhere = boxes_in_plane(layer, accepted)
    if anywhere:
        return np.ones(len(land), bool)
    meets = np.zeros(len(land), bool)
    if len(boxes):
        meets[shapely.STRtree(boxes).query(land.geoms, predicate="intersects")[0]] = True
    return meets


def _net_area(land: Land, layer: Layer, regions: _Regions) -> tuple[Array, list[Finding]]:
    """Return the area net of ridges (扣除田坎): Σ area × (1 − KCXS), the smallest KCXS where features share land."""
    if "kcxs" not in layer.kind.fields:
        return np.full(len(land), np.nan), []
    kcxs, cultivated = net_factors(layer)
    unknown = np.isnan(kcxs) | (kcxs >= 1) | (kcxs < 0)
    pieces = regions.pieces
    if (regions.shared_m2 > 0).any():
        by_kcxs, _, _ = book_once(regions.raw, priority=np.where(unknown, 2.0, kcxs)[regions.raw.right])
        pieces = _trimmed(by_kcxs, (regions.inside, regions.contact_m2), land.plane)
    net = _sum_by(pieces.area * (1 - np.where(unknown, 0, kcxs)[pieces.right]), pieces.left, len(land))
    open_pieces = unknown[pieces.right]
    net[pieces.left[open_pieces]] = np.nan
    found = []
    for row in np.unique(pieces.right[open_pieces]):
        code = "KCXS_NULL" if np.isnan(kcxs[row]) else "KCXS_RANGE"
        origin = layer.origins[0]
        found.append(finding(code, source=origin.path, layer=layer.kind.zh, feature=layer.frame["feature_id"].iloc[row],
                             actual=None if np.isnan(kcxs[row]) else kcxs[row],
                             expected=layer.frame["class"].iloc[row] if cultivated[row] else None))  # fmt: skip
    return net, found


def _flags(frame: pd.DataFrame, *, suspect: Array, recomputed: Array, bbox: bool) -> list[str]:
    uncovered = (frame["uncovered_m2"] > 0).to_numpy()
    marks = {
        "sub_resolution": frame["sub_resolution"].to_numpy(bool),
        "sliver": (frame["sliver_m2"] > 0).to_numpy(),
        "uncovered": uncovered,
        "self_overlap": (frame["shared_m2"] > 0).to_numpy(),
        "recomputed": recomputed,
        "coverage_bbox": np.full(len(frame), bbox),
        "excluded_feature": suspect,
    }
    return [";".join(name for name, rows in marks.items() if rows[n]) for n in range(len(frame))]


def _line_findings(land: Land, kind: Kind, frame: pd.DataFrame, recomputed: Array) -> list[Finding]:
    partly = np.flatnonzero((frame["outcome"] == "conflict") & (frame["uncovered_m2"] > 0))
    found = [finding("PARTLY_UNCOVERED", layer=kind.zh, feature=land.ids[row],
                     actual=f"{frame['uncovered_m2'].iloc[row]:.2f}") for row in partly]  # fmt: skip
    return found + [finding("ENGINE_RECOMPUTED", layer=kind.zh, feature=land.ids[row])
                    for row in np.flatnonzero(recomputed)]  # fmt: skip


def unit_shares(land: Land, layer: Layer) -> pd.DataFrame:
    """Return how much of each piece of land lies in each unit (统计单元), and outside all of them.

    Returns
    -------
    Columns ``row`` (of the land), kind, code, name, area_m2, planar_area_m2; the areas of a piece of land add up to
    its own. Contact with a neighbouring unit is given to the unit that holds most of the land.
    """
    cut = split(land.geoms, layer.geoms)
    pieces = absorb(cut, is_contact(cut.geoms, land.plane))
    inside = pieces.right >= 0
    # The last entry, row -1, is that of no unit.
    code, name = np.append(layer.frame[["code", "name"]].to_numpy(object), [[None, OUTSIDE_ALL]], axis=0).T
    frame = pd.DataFrame({
        "row": pieces.left,
        "order": np.where(inside, pieces.right, len(layer)),
        "kind": layer.kind.key,
        "code": code[pieces.right],
        "name": name[pieces.right],
        "area_m2": pieces.area,
        "planar_area_m2": planar_area_of_plane(pieces.geoms, land.plane),
    })  # fmt: skip
    keys = ["row", "kind", "code", "name"]
    summed = frame.groupby(keys, dropna=False, sort=False).agg(
        {"order": "min", "area_m2": "sum", "planar_area_m2": "sum"}
    )
    summed = summed.reset_index().sort_values(["row", "order"], kind="stable").drop(columns="order")
    summed["code"] = summed["code"].astype(object).where(summed["code"].notna(), None)
    return summed.reset_index(drop=True)


def _sum_by(values: Array, group: Array, count: int) -> Array:
    return np.bincount(group, weights=values, minlength=count)[:count] if len(group) else np.zeros(count)


@dataclass(frozen=True)
class Checked:
    """Frames of land × plan before they get names: see :func:`check_land`."""

    overlaps: pd.DataFrame
    units: pd.DataFrame
    measured: dict[str, Measured] = field(default_factory=dict)


def check_land(land: Land, plan: Plan, kinds: list[Kind], widths: Widths) -> Checked:
    """Lay land over every line and unit layer; ``row`` in the frames is the row of the land."""
    measured = {kind.key: measure(land, plan, kind, widths) for kind in kinds}
    overlaps = [item.overlaps.assign(row=np.arange(len(land)), order=n) for n, item in enumerate(measured.values())]
    units = [unit_shares(land, plan.layers[key]).assign(order=n) for n, key in enumerate(unit_kinds(plan))]
    return Checked(_by_row(overlaps), _by_row(units), measured)


def _by_row(frames: list[pd.DataFrame]) -> pd.DataFrame:
    if not frames:
        return pd.DataFrame({"row": pd.Series(dtype=int)})
    joined = pd.concat(frames, ignore_index=True)
    return joined.sort_values(["row", "order"], kind="stable").drop(columns="order").reset_index(drop=True)
