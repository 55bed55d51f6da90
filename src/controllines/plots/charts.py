"""Charts of statistics (统计图): bars by unit, and a map of the units (分级设色)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from matplotlib.patches import Patch

from controllines.plots.maps import polygons, projected
from controllines.plots.picture import INK, RULE, SOFT, Picture, blank, chinese_font, legend, text
from controllines.styles import style_of

Array = np.ndarray
#: Room above and below the bars, in millimetres.
_HEAD_MM, _FOOT_MM = 10.0, 14.0


def bars(
    names: Sequence[str], series: Sequence[tuple[str, str, Array]], *, title: str, unit: str, notes: str = ""
) -> Picture:
    """Draw horizontal bars: one group for each unit, one bar for each line.

    Parameters
    ----------
    names : units, first on top
    series : kind (for its colour), name and values by unit, already in ``unit``; NaN where there are no data
    title, unit, notes : written on the picture
    """
    family = chinese_font()
    count = max(len(series), 1)
    columns = min(count, 4 if max((len(label) for _, label, _ in series), default=0) < 9 else 2)
    foot = _FOOT_MM + (6.0 + 4.5 * ((count - 1) // columns) if count > 1 else 0.0)  # the legend is above the notes
    tall = _HEAD_MM + foot + len(names) * (4.2 + 2.6 * count)
    picture = blank(160, tall)
    ax = picture.add_axes((0.2, foot / tall, 0.74, 1 - (_HEAD_MM + foot) / tall))
    thick = 0.8 / count
    colours = [style_of(kind, position)["line"] for position, (kind, _, _) in enumerate(series)]
    for position, (_, label, values) in enumerate(series):
        at = np.arange(len(names)) + (position - (count - 1) / 2) * thick
        ax.barh(at, np.nan_to_num(values), height=thick * 0.9, color=colours[position], label=label, zorder=2)
        for y, value in zip(at, values, strict=True):
            words = "—" if np.isnan(value) else f"{value:,.2f}"
            text(ax, 0 if np.isnan(value) else value, y, f" {words}", va="center", fontsize=6.5, color=SOFT)
    ax.set_yticks(range(len(names)), names, family=family, fontsize=8, color=INK)
    for tick in ax.get_yticklabels():
        tick.set_parse_math(False)
    ax.invert_yaxis()
    ax.margins(x=0.14)
    ax.ticklabel_format(axis="x", style="plain")
    ax.tick_params(axis="x", labelsize=7, labelcolor=SOFT, color=RULE, labelfontfamily=family)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=True, axis="x", color=RULE, linewidth=0.5, zorder=0)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.spines["bottom"].set_color(RULE)
    above = 1 + 3 / (tall - _HEAD_MM - foot)
    text(ax, 0, above, title, transform=ax.transAxes, fontsize=10, va="bottom", weight="bold")
    text(ax, 1, above, f"单位：{unit}", transform=ax.transAxes, fontsize=7.5, va="bottom", ha="right", color=SOFT)
    if notes:
        picture.text(0.02, 2 / tall, notes, family=family, fontsize=6.5, color=SOFT, parse_math=False)
    if count > 1:
        handles = [Patch(color=colour, label=label) for colour, (_, label, _) in zip(colours, series, strict=True)]
        legend(ax, handles, loc="upper right", bbox_to_anchor=(1, -7 / (tall - _HEAD_MM - foot)), ncols=columns)
    return picture


def choropleth(
    geoms: Array, values: Array, names: Sequence[str], *, title: str, unit: str, kind: str = "", notes: str = ""
) -> Picture:  # fmt: skip
    """Draw units filled by value in five classes of equal range; units without data are hatched.

    Parameters
    ----------
    geoms : units in longitude and latitude
    values : one for each unit, in ``unit``; NaN where there are no data
    kind : control line whose colour is used
    """
    family = chinese_font()
    picture = blank(160, 120)
    ax = picture.add_axes((0.02, 0.06, 0.72, 0.86))
    placed, _ = projected(geoms)
    colour = style_of(kind)["line"]
    known = values[np.isfinite(values)]
    top = float(known.max()) if len(known) and known.max() > 0 else 1.0
    steps = 5
    for geom, value in zip(placed, values, strict=True):
        if np.isnan(value):
            polygons(ax, np.array([geom]), facecolor="none", edgecolor=SOFT, hatch="////", linewidth=0.5)
            continue
        level = min(int(value / top * steps), steps - 1)
        fill: Any = "#ffffff" if value == 0 else (colour, 0.12 + 0.17 * level)
        polygons(ax, np.array([geom]), facecolor=fill, edgecolor=SOFT, linewidth=0.5)
    for geom, name in zip(placed, names, strict=True):
        at = shapely.point_on_surface(geom)
        text(ax, at.x, at.y, name, ha="center", va="center", fontsize=6.5)
    ax.autoscale_view()
    ax.set_aspect("equal")
    ax.set_axis_off()
    picture.text(0.02, 0.945, title, family=family, fontsize=10, weight="bold", color=INK, parse_math=False)
    edges = np.linspace(0, top, steps + 1)
    handles = [Patch(facecolor=(colour, 0.12 + 0.17 * n), edgecolor=SOFT, linewidth=0.5,
                     label=f"{edges[n]:,.2f}—{edges[n + 1]:,.2f}") for n in range(steps)]  # fmt: skip
    handles.append(Patch(facecolor="#ffffff", edgecolor=SOFT, linewidth=0.5, label="没有"))
    if len(known) < len(values):
        handles.append(Patch(facecolor="none", edgecolor=SOFT, hatch="////", linewidth=0.5, label="无数据"))
    legend(ax, handles, loc="lower left", bbox_to_anchor=(1.02, 0.02), title=f"单位：{unit}",
           title_fontproperties={"family": family, "size": 7.5})  # fmt: skip
    if notes:
        picture.text(0.02, 0.015, notes, family=family, fontsize=6.5, color=SOFT, parse_math=False)
    return picture
