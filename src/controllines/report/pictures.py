"""Pictures of results (图件): which shapes a location picture shows, and the charts of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely

from controllines.errors import UsageError
from controllines.plots import Picture, Scene, bars, choropleth, draw_map
from controllines.report.maps import DEGREE_M, NEAR_M, MapLayers, Shape, lonlat, map_layers
from controllines.report.model import banners
from controllines.report.words import clean, word
from controllines.results import CheckResult
from controllines.tables import TOTAL, AreaTable

if TYPE_CHECKING:
    from controllines.plans import Plan

Array = np.ndarray
HOW = ("bars", "map")
#: A title names fewer lines than this; the legend names all.
FEW = 4


def plot(
    what: CheckResult | AreaTable,
    parcel_id: str | None = None,
    *,
    project_id: str | None = None,
    map_lines: str = "near",
    how: str = "bars",
    line: str | None = None,
    plan: Plan | None = None,
    unit: str = "公顷",
) -> Picture:
    """Draw a parcel or project with the control lines around it, or the areas of a table.

    Parameters
    ----------
    what : result of a check, or an AreaTable
    parcel_id, project_id : what to draw; omitted: all parcels
    map_lines : control lines of the picture, as in :func:`write_report`
    how : of a table: ``bars``, or ``map`` (分级设色; needs ``plan``)
    line : Chinese name of the one line to draw; omitted: all (``map``: the first)
    unit : of the figures of a table

    Returns
    -------
    Picture: a matplotlib Figure, shown by notebooks; ``.save(path)`` writes it as PNG

    Raises
    ------
    UsageError
        No such parcel, project or way of drawing.
    OutputError
        The system has no font with Chinese glyphs (PICTURE_NO_FONT).
    """
    if isinstance(what, AreaTable):
        return _chart(what, how, line, plan, unit=unit)
    frame = what.parcels
    wanted = frame["parcel_id"].notna()
    for column, value in (("parcel_id", parcel_id), ("project_id", project_id)):
        if value is not None:
            wanted &= frame[column] == value
            if not wanted.any():
                raise UsageError.of("PICTURE_UNKNOWN", actual=value, expected="、".join(map(str, frame[column][:5])))
    ids = [clean(identity) for identity in frame["parcel_id"][wanted]]
    names = {kind.key: clean(kind.zh) for kind in (what.plan.kind(key) for key in what.provenance["checked"])}
    scene = scene_of(map_layers(what, map_lines), ids, names, banners=banners(what.provenance))
    if not len(scene.focus):
        raise UsageError.of("PICTURE_EMPTY", actual="、".join(ids[:5]))
    return draw_map(scene)


def scene_of(shapes: MapLayers, ids: Iterable[str], names: Mapping[str, str], *, banners: Sequence[str] = ()) -> Scene:
    """Return what a location picture of some parcels shows.

    Parameters
    ----------
    shapes : of the whole run
    ids : the parcels the picture is of, as printed
    names : kind → Chinese name of the control lines
    banners : what every page must say

    Notes
    -----
    Several parcels are numbered in their order in the result; the numbers are those of the report's list of parcels.
    """
    ids = list(dict.fromkeys(ids))
    mine = shapes.owned("parcels", ids)
    pieces, outside = shapes.owned("pieces", ids), shapes.owned("outside", ids)
    within = shapes.kinds_outside
    near = _around(mine)
    others, lines = shapes.within("parcels", near), shapes.within("lines", near)
    conflicts = {kind: _geoms(pieces, kind) for kind in names if kind not in within}
    conflicts |= {kind: _geoms(outside, kind) for kind in names if kind in within}
    return Scene(
        focus=_geoms(mine),
        others=_geoms(shape for shape in others if shape.key not in set(ids)),
        lines={kind: _geoms(lines, kind) for kind in names},
        names=names,
        within=within,
        conflicts={kind: geoms for kind, geoms in conflicts.items() if len(geoms)},
        labels=tuple(str(n) for n in range(1, len(mine) + 1)) if len(mine) > 1 else (),
        caption="\n".join((word("titles", "schematic"), *banners)),
    )


def _around(mine: Sequence[Shape]) -> Any:
    """Return a box that is larger than the picture of some parcels, whatever its shape."""
    if not mine:
        return shapely.Polygon()
    west, south, east, north = shapely.total_bounds([shape.geometry for shape in mine])
    room = 2 * max(east - west, north - south) + 2 * NEAR_M / DEGREE_M
    return shapely.box(west - room, south - room, east + room, north + room)


def _geoms(shapes: Iterable[Shape], kind: str | None = None) -> Array:
    own = [shape.geometry for shape in shapes if kind is None or shape.kind == kind]
    out = np.empty(len(own), dtype=object)
    out[:] = own
    return out


def _chart(table: AreaTable, how: str, line: str | None, plan: Plan | None, *, unit: str) -> Picture:
    if how not in HOW:
        raise UsageError.of("OPTION_VALUE", layer="how", actual=how, expected="、".join(HOW))
    by = table.by[0]
    heading = table.headings[by]
    present = list(dict.fromkeys(table.frame["line"]))
    lines = [line] if line else present[:1] if how == "map" else present
    if missing := set(lines) - set(present):
        raise UsageError.of("OPTION_VALUE", layer="line", actual="、".join(missing), expected="、".join(present))
    # The last column is the line itself, or its total over the other units.
    pivots = {name: table.pivot(unit, line=name).iloc[:, -1] for name in lines}
    names = [str(name) for name in pivots[lines[0]].index if name != TOTAL]
    notes = "；".join(("椭球面积（CGCS2000）", *([word("titles", "synthetic")] if _synthetic(table) else [])))
    title = f"{'、'.join(lines) if len(lines) < FEW else '各统计对象'}面积（按{heading}）"
    kinds = {layer["name"]: layer["kind"] for layer in table.provenance["layers"]}
    if how == "bars":
        series = [(kinds.get(name, ""), name, pivots[name].reindex(names).to_numpy(float)) for name in lines]
        return bars(names, series, title=title, unit=unit, notes=notes)
    if plan is None or by not in plan.layers:
        raise UsageError.of("OPTION_VALUE", layer="plan", actual="None", expected=f"含{heading}图层的规划")
    layer = plan.layers[by]
    labels = table.labels(by)
    units: gpd.GeoDataFrame = layer.frame[layer.frame["status"] != "excluded"]
    called = [labels.get((code, name), str(name or code))
              for code, name in zip(units["code"], units["name"], strict=True)]  # fmt: skip
    values = pivots[lines[0]].reindex(called).to_numpy(float)
    return choropleth(lonlat(units), values, called, title=title, unit=unit, kind=kinds.get(lines[0], ""), notes=notes)


def _synthetic(table: AreaTable) -> bool:
    return bool(table.provenance["plan"].get("synthetic"))
