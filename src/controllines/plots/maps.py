"""Location pictures (位置示意图): a parcel, the control lines around it, and where they overlap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path as Outline

from controllines.crs import LONLAT, gauss_kruger, recognise, reproject, zone_of
from controllines.plots.picture import INK, RULE, SOFT, Picture, blank, chinese_font, legend, text
from controllines.styles import style_of, styles

Array = np.ndarray
#: Size on an A4 page in millimetres: the map, and beside it the legend.
WIDTH_MM, HEIGHT_MM, LEGEND_MM = 160.0, 100.0, 42.0
#: Land shown around what the picture is of: at least this share of its size, and at least so many metres.
_MARGIN, _LEAST_M = 0.35, 60.0
#: A parcel smaller than this share of the map gets a dot.
_SMALL = 0.012


@dataclass(frozen=True)
class Scene:
    """What a location picture shows; geometries in longitude and latitude.

    Attributes
    ----------
    focus : the parcels the picture is of
    others : other parcels, drawn quietly
    lines : kind of control line → its polygons near the parcels
    names : kind → Chinese name, for the legend
    conflicts : kind → what is in conflict with it (重叠部分、边界外部分)
    within : kinds of lines to stay within: their conflict is the part outside
    labels : text to write at each parcel of ``focus``
    caption : below the map
    """

    focus: Array
    others: Array = field(default_factory=lambda: np.empty(0, dtype=object))
    lines: Mapping[str, Array] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    conflicts: Mapping[str, Array] = field(default_factory=dict)
    within: frozenset[str] = frozenset()
    labels: tuple[str, ...] = ()
    caption: str = ""


def draw_map(scene: Scene) -> Picture:
    """Draw a location picture, in the Gauss plane of the 3° zone of its middle (米).

    Returns
    -------
    Picture, with grid, scale bar, north arrow and legend

    Raises
    ------
    OutputError
        No font with Chinese glyphs was found (PICTURE_NO_FONT).
    """
    chinese_font()
    picture = blank(WIDTH_MM, HEIGHT_MM)
    ax = picture.add_axes((0.085, 0.1, 1 - 0.1 - LEGEND_MM / WIDTH_MM, 0.865))
    focus, move = projected(scene.focus)
    frame = _frame(focus, ax)
    handles = _lines(ax, scene, move, frame)
    polygons(ax, _seen(move(scene.others), frame), edgecolor="#8a949b", facecolor="none", linewidth=0.6, zorder=3)
    handles += _conflicts(ax, scene, move, frame)
    look = styles()["parcel"]
    polygons(ax, focus, edgecolor=look["line"], facecolor="none", linewidth=1.5, zorder=6)
    handles.insert(0, Patch(edgecolor=look["line"], facecolor="none", linewidth=1.5, label=look["name"]))
    _labels(ax, focus, scene.labels, frame)
    _grid(ax, frame)
    _scale_bar(ax, frame)
    _north(ax)
    legend(
        ax, handles, loc="upper left", bbox_to_anchor=(1.02, 0.83), borderaxespad=0, handlelength=1.8, labelspacing=0.7
    )
    if scene.caption:
        text(ax, 1.03, 0.0, scene.caption, transform=ax.transAxes, fontsize=6.5, color=SOFT, va="bottom")
    return picture


def projected(focus: Array) -> tuple[Array, Any]:
    """Return geometries in metres of their 3° zone, and what moves others there."""
    given = focus[~shapely.is_missing(focus)]
    box = shapely.total_bounds(given)
    target = recognise(gauss_kruger(int(zone_of((box[0] + box[2]) / 2)), prefix=True))
    lonlat = recognise(LONLAT)

    def move(geoms: Array) -> Array:
        return reproject(geoms, lonlat, target) if len(geoms) else geoms

    return move(given), move


def _frame(focus: Array, ax: Axes) -> Any:
    """Return the box the map shows: the focus with a margin, in the shape of the axes."""
    low_x, low_y, high_x, high_y = shapely.total_bounds(focus)
    size = np.array([high_x - low_x, high_y - low_y])
    size = size + 2 * np.maximum(size.max() * _MARGIN, _LEAST_M)
    place = ax.get_position()
    ratio = place.width * WIDTH_MM / (place.height * HEIGHT_MM)
    size = np.maximum(size, [size[1] * ratio, size[0] / ratio])
    middle = np.array([(low_x + high_x) / 2, (low_y + high_y) / 2])
    low, high = middle - size / 2, middle + size / 2
    ax.set_xlim(low[0], high[0])
    ax.set_ylim(low[1], high[1])
    ax.set_aspect("equal")
    return shapely.box(*low, *high)


def _seen(geoms: Array, frame: Any) -> Array:
    """Return what lies in the frame, cut off a little outside it."""
    if not len(geoms):
        return geoms
    low_x, low_y, high_x, high_y = frame.bounds
    edge = 0.02 * (high_x - low_x)
    near = geoms[shapely.intersects(shapely.box(*shapely.bounds(geoms).T), frame)]
    return np.asarray(shapely.clip_by_rect(near, low_x - edge, low_y - edge, high_x + edge, high_y + edge))


def polygons(ax: Axes, geoms: Array, **look: Any) -> None:
    """Draw polygons with their holes; ``look`` is that of a matplotlib patch."""
    for polygon in shapely.get_parts(geoms):
        if polygon.geom_type == "Polygon" and not polygon.is_empty:
            rings = [ring.coords for ring in (polygon.exterior, *polygon.interiors)]
            outline = Outline.make_compound_path(*(Outline(np.asarray(ring)[:, :2], closed=True) for ring in rings))
            ax.add_patch(PathPatch(outline, **look))


def _lines(ax: Axes, scene: Scene, move: Any, frame: Any) -> list[Any]:
    handles = []
    for position, (kind, geoms) in enumerate(scene.lines.items()):
        seen = _seen(move(geoms), frame)
        if not len(seen) or shapely.is_empty(seen).all():
            continue
        look = style_of(kind, position)
        dash = look.get("dash", "solid")
        polygons(ax, seen, facecolor=look["fill"], alpha=look["opacity"], linewidth=0, zorder=1)
        polygons(ax, seen, facecolor="none", edgecolor=look["line"], linewidth=1.0, linestyle=dash, zorder=2)
        handles.append(Patch(facecolor=(look["fill"], look["opacity"]), edgecolor=look["line"], linewidth=1.0,
                             linestyle=dash, label=scene.names.get(kind, kind)))  # fmt: skip
    return handles


def _conflicts(ax: Axes, scene: Scene, move: Any, frame: Any) -> list[Any]:
    handles = []
    for kind, geoms in scene.conflicts.items():
        seen = _seen(move(geoms), frame)
        if not len(seen):
            continue
        look = styles()["outside" if kind in scene.within else "conflict"]
        polygons(ax, seen, facecolor=(look["fill"], look["opacity"]), edgecolor=look["line"], linewidth=0.7,
                  hatch=look["hatch"], hatch_linewidth=0.5, zorder=4)  # fmt: skip
        label = look["name"].format(line=scene.names.get(kind, kind))
        handles.append(Patch(facecolor=(look["fill"], look["opacity"]), edgecolor=look["line"], linewidth=0.7,
                             hatch=look["hatch"], hatch_linewidth=0.5, label=label))  # fmt: skip
    return handles


def _labels(ax: Axes, focus: Array, labels: tuple[str, ...], frame: Any) -> None:
    """Write a label at each parcel; one too small to be seen gets a dot as well."""
    low_x, _, high_x, _ = frame.bounds
    size = np.sqrt(shapely.area(focus))
    for geom, label, side in zip(focus, labels, size, strict=False):
        at = shapely.point_on_surface(geom)
        small = side < _SMALL * (high_x - low_x)
        if small:
            ax.plot([at.x], [at.y], marker="o", markersize=3.5, color=styles()["parcel"]["line"], zorder=7)
        shift = (4, 4) if small else (0, 0)
        words = ax.annotate(label, (at.x, at.y), xytext=shift, textcoords="offset points", zorder=8, fontsize=7,
                            ha="left" if small else "center", va="bottom" if small else "center", color=INK,
                            family=chinese_font(), parse_math=False)  # fmt: skip
        if not small:
            words.set_bbox({"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1.0})


def _grid(ax: Axes, frame: Any) -> None:
    """Draw the grid (坐标格网): metres, northing X at the side, easting Y with its zone below."""
    low_x, low_y, high_x, high_y = frame.bounds
    step = _round_step((high_x - low_x) / 4)
    east = np.arange(np.ceil(low_x / step) * step, high_x, step)
    north = np.arange(np.ceil(low_y / step) * step, high_y, step)
    ax.set_xticks(east, [f"{value:.0f}" for value in east])
    ax.set_yticks(north, [f"{value:.0f}" for value in north], rotation=90, va="center")
    ax.tick_params(labelsize=6, labelcolor=SOFT, color=SOFT, length=2.5, width=0.5, labelfontfamily=chinese_font())
    ax.grid(visible=True, color=RULE, linewidth=0.4, zorder=0)
    for side in ax.spines.values():
        side.set_color(INK)
        side.set_linewidth(0.7)
    ax.set_xlabel(styles()["grid"]["east"], fontsize=6.5, color=SOFT, family=chinese_font(), labelpad=2)
    ax.set_ylabel(styles()["grid"]["north"], fontsize=6.5, color=SOFT, family=chinese_font(), labelpad=2)


def _round_step(value: float) -> float:
    power = 10 ** np.floor(np.log10(value))
    return float(power * max(factor for factor in (1, 2, 5) if factor * power <= value))


def _scale_bar(ax: Axes, frame: Any) -> None:
    low_x, low_y, high_x, high_y = frame.bounds
    length = _round_step((high_x - low_x) / 4)
    x, y, tick = high_x - 0.04 * (high_x - low_x) - length, low_y + 0.05 * (high_y - low_y), 0.012 * (high_y - low_y)
    background: dict[str, Any] = {
        "color": "white",
        "linewidth": 3.5,
        "alpha": 0.8,
        "solid_capstyle": "butt",
        "zorder": 7,
    }
    ax.plot([x, x + length], [y, y], **background)
    ax.plot([x, x, x + length, x + length], [y + tick, y, y, y + tick], color=INK, linewidth=1.0, zorder=8)
    words = f"{length / 1000:g} 千米" if length >= 1000 else f"{length:g} 米"
    made = text(ax, x + length / 2, y + tick, words, ha="center", va="bottom", fontsize=7, zorder=8)
    made.set_bbox({"facecolor": "white", "alpha": 0.7, "edgecolor": "none", "pad": 0.6})


def _north(ax: Axes) -> None:
    look: dict[str, Any] = {
        "xycoords": "axes fraction",
        "arrowprops": {"arrowstyle": "-|>", "color": INK, "linewidth": 1.0},
    }
    ax.annotate("", xy=(1.08, 0.985), xytext=(1.08, 0.9), annotation_clip=False, **look)
    text(ax, 1.115, 0.945, styles()["grid"]["arrow"], transform=ax.transAxes, fontsize=9, va="center")
