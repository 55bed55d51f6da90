"""From rows to frames (结果表): what was measured gets the names and columns of the contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from controllines.area import planar_area
from controllines.conflicts import Checked, Land, Widths, Workers, check_land
from controllines.corridors import length_m, lengths_inside, line_in_plane
from controllines.crs import from_plane, recognise
from controllines.findings import Finding, finding
from controllines.guard import union_by
from controllines.kinds import Kind
from controllines.layers import Layer, by_crs
from controllines.lengths import CONTACT_WIDTH_M
from controllines.plans import Plan

Array = np.ndarray
LENGTHS = ("parcel_id", "kind", "length_m", "total_m")
#: Declared areas carry 公顷 with 4 decimals: half a unit of the last digit, and as much again for rounded coordinates.
DECLARED_M2 = 1.0


def parcels_frame(laid: Layer, rows: Array) -> gpd.GeoDataFrame:
    """Return the parcels frame: every parcel that was handed in, areas of those that were checked (``rows``)."""
    area, planar = np.full(len(laid), np.nan), np.full(len(laid), np.nan)
    area[rows] = shapely.area(laid.geoms[rows])
    for crs, of_crs in by_crs(laid.crs):
        own = np.intersect1d(of_crs, rows)
        planar[own] = planar_area(laid.shapes[own], crs)
    source = laid.frame
    return gpd.GeoDataFrame({
        **{name: source[name].astype(object) for name in ("parcel_id", "declared_id", "project_id", "project_name",
                                                          "name", "use", "source")},
        "row": source["row"],
        "status": np.where(laid.used, "checked", "excluded"),
        "area_m2": area,
        "planar_area_m2": planar,
        "declared_area_m2": pd.to_numeric(source["declared_area_m2"]),
        "verdict": None,
        "source_crs": source["source_crs"],
    }, geometry=source.geometry.to_numpy(), crs=source.crs)  # fmt: skip


def declared_findings(frame: gpd.GeoDataFrame) -> list[Finding]:
    """Compare declared areas with planar and official area before saying anything.

    A declared area that is the planar one is the rule in survey files: it is explained once, not warned about.
    """
    declared, planar, area = (frame[name].to_numpy(float) for name in
                              ("declared_area_m2", "planar_area_m2", "area_m2"))  # fmt: skip
    off = np.abs(declared - area) > DECLARED_M2
    projection = off & (np.abs(declared - planar) <= DECLARED_M2)
    found = []
    if projection.any():
        most = float((planar - area)[projection].max())
        found.append(finding("AREA_PROJECTION", actual=int(projection.sum()), expected=f"{most:.2f}"))
    return found + [
        finding("AREA_DECLARED", source=frame["source"].iloc[row], feature=frame["parcel_id"].iloc[row],
                actual=f"{declared[row]:.2f}", expected=f"平面 {planar[row]:.2f}，椭球 {area[row]:.2f}")
        for row in np.flatnonzero(off & ~projection)
    ]  # fmt: skip


def named(frame: pd.DataFrame, land: Land, column: str) -> pd.DataFrame:
    """Put the id of the land in the place of its row."""
    named = frame.drop(columns="row")
    named.insert(0, column, land.ids[frame["row"].to_numpy(int)])
    return named


@dataclass(frozen=True)
class Projects:
    """Projects as land of their own (项目): each is the union of its parcels.

    Attributes
    ----------
    frame : the projects frame, in the order in which projects are met
    land, checked : unions of the projects with several parcels, and these over the plan; a lone parcel is its project
    owner : row of ``frame`` of each parcel that was checked
    unions : row of ``frame`` of each union
    findings : land that a project claims twice, unions for which no overlay adds up
    """

    frame: pd.DataFrame
    land: Land
    checked: Checked
    owner: Array
    unions: Array
    findings: tuple[Finding, ...]

    def table(self, of_parcels: pd.DataFrame, of_unions: pd.DataFrame) -> pd.DataFrame:
        """Return one table of projects from those of parcels and of unions; ``row`` becomes ``project_id``."""
        rows = self.owner[of_parcels["row"].to_numpy(int)]
        lone = ~np.isin(rows, self.unions)
        tables = [of_parcels[lone].assign(row=rows[lone])]
        if len(of_unions):
            tables.append(of_unions.assign(row=self.unions[of_unions["row"].to_numpy(int)]))
        joined = pd.concat([table for table in tables if len(table)] or tables, ignore_index=True)
        joined = joined.sort_values("row", kind="stable", ignore_index=True)
        ids = self.frame["project_id"].to_numpy(object)[joined["row"].to_numpy(int)]
        joined = joined.drop(columns="row")
        joined.insert(0, "project_id", ids)
        return joined


def projects_of(
    frame: gpd.GeoDataFrame, land: Land, how: tuple[Plan, list[Kind], Widths], *, workers: Workers = Workers()
) -> Projects:  # fmt: skip
    """Unite the parcels of each project, and check the unions."""
    used = frame[frame["status"] == "checked"].reset_index(drop=True)
    owner, ids = pd.factorize(used["project_id"].to_numpy(str))
    size = np.bincount(owner)
    several = np.flatnonzero(size > 1)
    area = np.zeros(len(ids))
    area[owner] = shapely.area(land.geoms)
    rows = np.flatnonzero(np.isin(owner, several))
    union = union_by(land.geoms[rows], np.searchsorted(several, owner[rows]), len(several))
    coarsest = np.zeros(len(ids))
    np.maximum.at(coarsest, owner, land.resolution)
    area[several] = shapely.area(union)
    summed = np.bincount(owner, weights=shapely.area(land.geoms), minlength=len(ids))
    doubled = [finding("PROJECT_LAND_TWICE", feature=ids[n], actual=f"{summed[n] - area[n]:.2f}")
               for n, edge in zip(several, shapely.length(union), strict=True)
               if summed[n] - area[n] > CONTACT_WIDTH_M * edge]  # fmt: skip
    first = used.groupby("project_id", sort=True)["project_name"].first()
    projects = pd.DataFrame({
        "project_id": np.asarray(ids, dtype=object), "name": first.reindex(ids).to_numpy(object), "parcels": size,
        "area_m2": area, "verdict": None,
    })  # fmt: skip
    joined = replace(land, ids=np.asarray(ids, dtype=object)[several], geoms=union, resolution=coarsest[several])
    checked = check_land(joined, *how, workers=workers) if len(several) else Checked(pd.DataFrame(), pd.DataFrame())
    return Projects(projects, joined, checked, owner, several, (*doubled, *checked.findings))


def pieces_frames(laid: Layer, land: Land, checked: Checked, plan: Plan) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return pieces and outside parts, brought back to the CRS of the parcels."""
    target = recognise(laid.frame.crs, datum="as_is")
    piece_frames, outside_frames = [], []
    for key, measured in checked.measured.items():
        pieces = measured.pieces
        if len(pieces):
            met, of_piece = np.unique(pieces.right, return_inverse=True)
            features = plan.layers[key].attributes(("feature_id", "class"), met)
            how = (land, target, measured.planar_m2)
            piece_frames.append(_geo(land.ids[pieces.left], key, pieces.geoms, how).assign(**{
                "feature_id": features["feature_id"].to_numpy(object)[of_piece],
                "class": features["class"].to_numpy(object)[of_piece],
                "row": pieces.left,
            }))  # fmt: skip
        rows = np.flatnonzero(shapely.area(measured.outside) > 0)
        if len(rows):
            outside_frames.append(
                _geo(land.ids[rows], key, measured.outside[rows], (land, target, None)).assign(row=rows)
            )
    columns = ["parcel_id", "kind", "area_m2", "planar_area_m2", "geometry"]
    with_feature = [*columns[:2], "feature_id", "class", *columns[2:]]
    return _joined(piece_frames, with_feature, laid.frame.crs), _joined(outside_frames, columns, laid.frame.crs)


def _geo(ids: Array, kind: str, geoms: Array, how: tuple[Land, Any, Array | None]) -> gpd.GeoDataFrame:
    land, target, planar = how
    back = from_plane(geoms, land.plane, target)
    return gpd.GeoDataFrame({"parcel_id": ids, "kind": kind, "area_m2": shapely.area(geoms),
                             "planar_area_m2": planar_area(back, target) if planar is None else planar},
                            geometry=back, crs=target.crs)  # fmt: skip


def _joined(frames: Sequence[gpd.GeoDataFrame], columns: list[str], crs: Any) -> gpd.GeoDataFrame:
    if not frames:
        return gpd.GeoDataFrame({name: [] for name in columns}, geometry="geometry", crs=crs)
    joined = pd.concat(frames, ignore_index=True).sort_values("row", kind="stable", ignore_index=True)
    return gpd.GeoDataFrame(joined[columns], geometry="geometry", crs=crs)


def lengths_frame(laid: Layer, rows: Array, checked: Checked, plan: Plan) -> tuple[pd.DataFrame, list[Finding]]:
    """Measure the centre lines of linear projects inside each line, besides their areas."""
    lines = np.full(len(laid), None, dtype=object)
    linear = rows[~shapely.is_missing(laid.lines[rows])] if len(laid.lines) else rows[:0]
    if not len(linear):
        return pd.DataFrame(columns=list(LENGTHS)), []
    for crs, of_crs in by_crs(laid.crs):
        own = np.intersect1d(of_crs, linear)
        lines[own] = line_in_plane(laid.lines[own], crs, plan.plane)
    known = checked.overlaps.set_index(["kind", "row"])["area_m2"]
    ids, total = laid.frame["parcel_id"].to_numpy(object), length_m(lines[rows], plan.plane)
    measured = []
    for key, line in checked.measured.items():
        inside = lengths_inside(lines[rows], (line.pieces.left, line.pieces.geoms), plan.plane)
        inside[known[key].reindex(range(len(rows))).isna().to_numpy()] = np.nan
        measured.append(pd.DataFrame({"parcel_id": ids[rows], "kind": key, "length_m": inside, "total_m": total}))
    frame = pd.concat(measured, ignore_index=True).dropna(subset="total_m").reset_index(drop=True)
    return frame, [
        finding("LINE_LENGTHS", feature=parcel, expected=f"{own['total_m'].iloc[0]:.2f}", actual="，".join(
            f"{plan.kind(kind).zh} " + ("未能核对" if np.isnan(length) else f"{length:.2f} 米")
            for kind, length in zip(own["kind"], own["length_m"], strict=True)))
        for parcel, own in frame.groupby("parcel_id", sort=False)
    ]  # fmt: skip
