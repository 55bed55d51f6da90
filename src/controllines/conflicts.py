"""Conflicts (冲突): land × control lines → outcomes and areas; land × units → shares.

A line that the plan does not have is ``no_data``, one that could not be read is ``failed``; what lies where a layer
says nothing is never "none". Parcels and projects (the union of their parcels) go through the same functions.

Land is taken in blocks along a Hilbert curve, so that neighbours are met together: what of a layer in memory lies near
a block is found once, and the block is dealt out in chunks to threads. Every number is found within one chunk, from
one piece of land and what lies near it; so it depends neither on chunks nor on threads.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pandas as pd
import shapely

from controllines.errors import GeometryError
from controllines.findings import Finding, finding
from controllines.kinds import AVOID, OUTSIDE_ALL, Kind
from controllines.layers import Layer, boxes_in_plane
from controllines.overlay import Pieces
from controllines.plans import Plan, divided_kinds
from controllines.regions import Land, Line, Shares, Widths, lay_over, merged, shares_of, with_depths
from controllines.tiles import Tiles, hilbert_order
from controllines.windows import Each, Near, Shapes, near, windows
from controllines.workers import Workers

__all__ = ["MEASURES", "OUTCOMES", "Checked", "Land", "Measured", "Widths", "Workers", "check_land"]

Array = np.ndarray
OUTCOMES = ("conflict", "failed", "no_data", "none")
MEASURES = (
    "area_m2", "outside_m2", "conflict_m2", "share", "net_area_m2", "uncovered_m2", "contact_m2", "sliver_m2",
    "shared_m2", "depth_m", "width_m", "clearance_m", "planar_area_m2",
)  # fmt: skip
#: Pieces of land in a block. It decides how large polygons in memory are halved, so results may not vary it.
BLOCK = 2_000


@dataclass(frozen=True)
class Measured:
    """Land laid over one control line.

    Attributes
    ----------
    overlaps : one row per piece of land, columns of the contract without its id
    pieces : pieces inside the line; ``left`` is the row of the land, ``right`` the row of the layer
    planar_m2 : planar area of each piece (平面面积)
    outside : for lines to stay within, the part of the land outside; empty polygons elsewhere
    findings : what the measuring met
    """

    overlaps: pd.DataFrame
    pieces: Pieces
    planar_m2: Array
    outside: Array
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Checked:
    """Frames of land × plan before they get names: see :func:`check_land`; ``findings`` name land that has failed."""

    overlaps: pd.DataFrame
    units: pd.DataFrame
    measured: dict[str, Measured] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def check_land(
    land: Land, plan: Plan, kinds: list[Kind], widths: Widths, *, lengths: bool = True, workers: Workers = Workers()
) -> Checked:  # fmt: skip
    """Lay land over every line and unit layer of a plan; ``row`` in the frames is the row of the land.

    ``lengths=False`` leaves depth, width and clearance unmeasured: where only areas are asked for.
    """
    present = [kind for kind in kinds if kind.key in plan.layers]
    suspect = {kind.key: _meets_excluded(land, plan, kind) for kind in present}
    units = divided_kinds(plan)
    job = _Job(land, plan, [kind.key for kind in present], units, suspect, widths, lengths)
    lines, shares, failed = _dealt_out(job, workers)
    measured = {
        kind.key: _measured(land, plan, kind, (lines[kind.key], suspect[kind.key])) if kind.key in lines
        else _unmeasured(land, kind, "failed" if kind.key in plan.failed else "no_data")
        for kind in kinds
    }  # fmt: skip
    overlaps = [item.overlaps.assign(row=np.arange(len(land)), order=n) for n, item in enumerate(measured.values())]
    of_units = [_unit_frame(shares[key], plan.layers[key]).assign(order=n) for n, key in enumerate(units)]
    return Checked(_by_row(overlaps), _by_row(of_units), measured, failed)


@dataclass(frozen=True)
class _Job:
    """What is laid over what."""

    land: Land
    plan: Plan
    lines: list[str]
    units: list[str]
    suspect: dict[str, Array]
    widths: Widths
    lengths: bool

    def asked(self) -> list[tuple[Shapes, float]]:
        """Return what is laid over, and how far around the land (m); what occurs twice first where it is further."""
        layers, coverage = self.plan.layers, self.plan.coverage
        around_m = self.widths.around_m if self.lengths else 0.0
        wide = [(layers[key].in_plane, around_m) for key in self.lines]
        return [*wide, *((coverage[key].shapes, 0.0) for key in self.lines),
                *((layers[key].in_plane, 0.0) for key in self.units)]  # fmt: skip


@dataclass(frozen=True)
class _Chunk:
    """What one thread found for the land at ``rows``."""

    rows: Array
    lines: dict[str, Line]
    shares: dict[str, Shares]
    failed: tuple[Finding, ...] = ()


def _dealt_out(job: _Job, workers: Workers) -> tuple[dict[str, Line], dict[str, Shares], tuple[Finding, ...]]:
    """Measure the land block by block, the chunks of a block in threads; join what they found by row."""
    order = hilbert_order(shapely.bounds(job.land.geoms).reshape(-1, 4))
    chunks: list[_Chunk] = []
    with workers.pool() as each:
        for start in range(0, max(len(order), 1), BLOCK):
            block = order[start : start + BLOCK]
            found = _surroundings(job, block, each)
            for measured in each(partial(_measure_apart, job, block, found), workers.deal(len(block))):
                chunks += measured
    rows = [chunk.rows for chunk in chunks]
    lines = {key: _joined_lines([chunk.lines[key] for chunk in chunks], rows) for key in job.lines}
    shares = {key: _joined_shares([chunk.shares[key] for chunk in chunks], rows) for key in job.units}
    return lines, shares, tuple(note for chunk in chunks for note in chunk.failed)


Surroundings = dict[int, Near]


def _surroundings(job: _Job, block: Array, each: Each) -> Surroundings:
    """Find what of each layer in memory lies near a block of land, by the identity of the layer's geometry."""
    geoms, found = job.land.geoms[block], Surroundings()
    for shapes, within in job.asked():
        if id(shapes) not in found and not isinstance(shapes, Tiles):
            found[id(shapes)] = near(shapes, windows(geoms, within), each=each)
    return found


def _around(job: _Job, geoms: Array, found: Surroundings, rows: Array) -> Surroundings:
    """Return what lies near the land at ``rows`` of a block; in tiles it is found here, by the thread that needs it."""
    around = Surroundings()
    for shapes, within in job.asked():
        if id(shapes) not in around:
            known = found.get(id(shapes))
            around[id(shapes)] = near(shapes, windows(geoms, within)) if known is None else known.of(rows)
    return around


def _measure_apart(job: _Job, block: Array, found: Surroundings, rows: Array) -> list[_Chunk]:
    """Measure a chunk; where no answer of the engine adds up, find the piece of land by halving: it alone fails."""
    try:
        return [_measure_chunk(job, block, found, rows)]
    except GeometryError as error:
        if len(rows) == 1:
            return [_failed_chunk(job, block[rows], error.finding)]
        halves = rows[: len(rows) // 2], rows[len(rows) // 2 :]
        return [chunk for half in halves for chunk in _measure_apart(job, block, found, half)]


def _failed_chunk(job: _Job, row: Array, why: Finding) -> _Chunk:
    """Return one piece of land of which nothing is known."""
    unknown = dict.fromkeys(MEASURES, np.full(1, np.nan)) | {"uncovered_m2": shapely.area(job.land.geoms[row])}
    measures = unknown | dict.fromkeys(("sub_resolution", "recomputed"), np.zeros(1, bool))
    nothing, none = np.full(1, shapely.Polygon(), dtype=object), np.empty(0, np.int64)
    line = Line(measures, _no_pieces(), np.zeros(0), nothing, nothing, none)
    shares = Shares(none, none, np.zeros(0), np.zeros(0))
    return _Chunk(row, dict.fromkeys(job.lines, line), dict.fromkeys(job.units, shares),
                  (replace(why, feature=str(job.land.ids[row[0]])),))  # fmt: skip


def _measure_chunk(job: _Job, block: Array, found: Surroundings, rows: Array) -> _Chunk:
    """Measure the land at ``rows`` of a block against everything."""
    land, plan = job.land.take(block[rows]), job.plan
    around = _around(job, land.geoms, found, rows)

    def of(shapes: Shapes) -> Near:
        return around[id(shapes)]

    lines = {
        key: lay_over(land, plan.layers[key], (of(plan.layers[key].in_plane), of(plan.coverage[key].shapes)),
                      suspect=job.suspect[key][block[rows]], widths=job.widths, lengths=job.lengths)
        for key in job.lines
    }  # fmt: skip
    return _Chunk(
        block[rows],
        with_depths(land, lines) if job.lengths else lines,
        {key: shares_of(land, of(plan.layers[key].in_plane)) for key in job.units},
    )


def _joined_lines(parts: list[Line], rows: list[Array]) -> Line:
    back = np.argsort(np.concatenate(rows), kind="stable")
    measures = {name: np.concatenate([part.measures[name] for part in parts])[back] for name in parts[0].measures}
    pieces, planar = merged([part.pieces for part in parts], rows, [part.planar_m2 for part in parts])
    outside, conflict = (np.concatenate([getattr(part, name) for part in parts])[back]
                         for name in ("outside", "conflict"))  # fmt: skip
    return Line(
        measures, pieces, planar, outside, conflict, np.unique(np.concatenate([part.unknown for part in parts]))
    )


def _joined_shares(parts: list[Shares], rows: list[Array]) -> Shares:
    left = np.concatenate([own[part.left] for part, own in zip(parts, rows, strict=True)])
    right, area, planar = (np.concatenate([getattr(part, name) for part in parts])
                           for name in ("right", "area_m2", "planar_m2"))  # fmt: skip
    order = np.lexsort((np.where(right < 0, np.iinfo(np.int64).max, right), left))
    return Shares(left[order], right[order], area[order], planar[order])


def _measured(land: Land, plan: Plan, kind: Kind, found: tuple[Line, Array]) -> Measured:
    """Make the frame of one line: outcomes, null where nothing was measured, flags and findings."""
    line, suspect = found
    layer, measures = plan.layers[kind.key], line.measures
    conflict, uncovered = measures["conflict_m2"] > 0, measures["uncovered_m2"] > 0
    unknown = np.isnan(measures["conflict_m2"])
    outcome: Array = np.select([conflict, suspect | unknown, uncovered], list(OUTCOMES[:3]), "none")
    open_rows = np.isin(outcome, ["failed", "no_data"])
    shown = {name: measures[name] if name == "uncovered_m2" else np.where(open_rows, np.nan, measures[name])
             for name in MEASURES}  # fmt: skip
    flags = _flags(measures, suspect=suspect, bbox=plan.coverage[kind.key].bbox)
    frame = pd.DataFrame({"kind": kind.key, "outcome": outcome, **shown, "flags": flags})
    outside = np.full(len(land), shapely.Polygon(), dtype=object) if kind.sense == AVOID else line.outside.copy()
    outside[open_rows] = shapely.Polygon()
    kept = ~open_rows[line.pieces.left]
    notes = (*_kcxs_findings(layer, line.unknown), *_line_findings(land, kind, outcome, measures))
    return Measured(_ordered(frame), line.pieces.take(kept), line.planar_m2[kept], outside, notes)


def _ordered(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[["kind", "outcome", *MEASURES[:-1], "flags", MEASURES[-1]]]


def _unmeasured(land: Land, kind: Kind, outcome: str) -> Measured:
    frame = pd.DataFrame({"kind": [kind.key] * len(land), "outcome": outcome} | dict.fromkeys(MEASURES, np.nan))
    frame["uncovered_m2"] = shapely.area(land.geoms)
    frame["flags"] = ""
    return Measured(_ordered(frame), _no_pieces(), np.zeros(0), np.full(len(land), shapely.Polygon(), dtype=object))


def _no_pieces() -> Pieces:
    none = np.empty(0, np.int64)
    return Pieces(none, none, np.empty(0, dtype=object), np.empty(0, bool))


def _meets_excluded(land: Land, plan: Plan, kind: Kind) -> Array:
    """Return True where land meets the box of a feature that was set aside: nothing there can be called none."""
    boxes, anywhere = boxes_in_plane(plan.layers[kind.key], plan.specs[kind.key].accept_excluded)
    if anywhere:
        return np.ones(len(land), bool)
    meets = np.zeros(len(land), bool)
    if len(boxes):
        meets[shapely.STRtree(boxes).query(land.geoms, predicate="intersects")[0]] = True
    return meets


def _kcxs_findings(layer: Layer, rows: Array) -> list[Finding]:
    """Name the features whose KCXS is missing on cultivated land, or no share."""
    if not len(rows):
        return []
    named = layer.attributes(("feature_id", "class", "kcxs"), rows)
    cultivated = named["class"].fillna("01").astype(str).str.startswith("01").to_numpy(bool)
    return [
        finding("KCXS_NULL" if np.isnan(kcxs) else "KCXS_RANGE", source=layer.origins[0].path, layer=layer.kind.zh,
                feature=identity, actual=None if np.isnan(kcxs) else kcxs, expected=land_class if tilled else None)
        for identity, land_class, kcxs, tilled in zip(named["feature_id"], named["class"],
                                                      named["kcxs"].to_numpy(float), cultivated, strict=True)
    ]  # fmt: skip


def _flags(measures: dict[str, Array], *, suspect: Array, bbox: bool) -> list[str]:
    marks = {
        "sub_resolution": measures["sub_resolution"],
        "sliver": measures["sliver_m2"] > 0,
        "uncovered": measures["uncovered_m2"] > 0,
        "self_overlap": measures["shared_m2"] > 0,
        "recomputed": measures["recomputed"],
        "coverage_bbox": np.full(len(suspect), bbox),
        "excluded_feature": suspect,
    }
    rows = list(zip(*(mark.tolist() for mark in marks.values()), strict=True))
    said = {row: ";".join(name for name, mark in zip(marks, row, strict=True) if mark) for row in set(rows)}
    return [said[row] for row in rows]


def _line_findings(land: Land, kind: Kind, outcome: Array, measures: dict[str, Array]) -> list[Finding]:
    partly = np.flatnonzero((outcome == "conflict") & (measures["uncovered_m2"] > 0))
    found = [finding("PARTLY_UNCOVERED", layer=kind.zh, feature=land.ids[row],
                     actual=f"{measures['uncovered_m2'][row]:.2f}") for row in partly]  # fmt: skip
    return found + [finding("ENGINE_RECOMPUTED", layer=kind.zh, feature=land.ids[row])
                    for row in np.flatnonzero(measures["recomputed"])]  # fmt: skip


def _unit_frame(shares: Shares, layer: Layer) -> pd.DataFrame:
    """Return how much of each piece of land lies in each unit (统计单元), and outside all of them.

    Returns
    -------
    Columns ``row`` (of the land), kind, code, name, area_m2, planar_area_m2; the areas of a piece of land add up to
    its own.
    """
    inside = shares.right >= 0
    met, of_met = np.unique(shares.right[inside], return_inverse=True)
    code, name = np.full((2, len(inside)), None, dtype=object)
    name[~inside] = OUTSIDE_ALL
    labels = layer.attributes(("code", "name"), met)
    code[inside], name[inside] = (labels[column].to_numpy(object)[of_met] for column in ("code", "name"))
    frame = pd.DataFrame({
        "row": shares.left,
        "order": np.where(inside, shares.right, len(layer)),
        "kind": layer.kind.key,
        "code": code,
        "name": name,
        "area_m2": shares.area_m2,
        "planar_area_m2": shares.planar_m2,
    })  # fmt: skip
    keys = ["row", "kind", "code", "name"]
    summed = frame.groupby(keys, dropna=False, sort=False).agg(
        {"order": "min", "area_m2": "sum", "planar_area_m2": "sum"}
    )
    summed = summed.reset_index().sort_values(["row", "order"], kind="stable").drop(columns="order")
    summed["code"] = summed["code"].astype(object).where(summed["code"].notna(), None)
    return summed.reset_index(drop=True)


def _by_row(frames: list[pd.DataFrame]) -> pd.DataFrame:
    if not frames:
        return pd.DataFrame({"row": pd.Series(dtype=int)})
    joined = pd.concat(frames, ignore_index=True)
    return joined.sort_values(["row", "order"], kind="stable").drop(columns="order").reset_index(drop=True)
