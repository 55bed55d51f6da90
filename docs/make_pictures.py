"""Draws the pictures of the pages of concepts into docs/pictures, in Chinese and in English.

``python docs/make_pictures.py`` after a change; the pictures are committed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from shapely import Polygon, box

HERE = Path(__file__).resolve().parent / "pictures"
LINE, PARCEL, HIT, GREY, INK = "#0b6e4f", "#d9822b", "#b3261e", "#9aa5ad", "#22303a"

WORDS: dict[str, dict[str, str]] = {
    "zh": {
        "ellipsoid": "椭球面（CGCS2000）", "plane": "等积圆柱平面", "edge": "一条边", "meridian": "经线 $L_0$",
        "same": "面积相等", "trapezoid": "梯形",
        "conflict": "conflict 重叠", "none": "none 不涉及", "no_data": "no_data 无数据", "failed": "failed 核对失败",
        "line": "控制线", "parcel": "地块", "edge_of": "图层覆盖范围", "broken": "被排除的要素",
        "depth": "深度：向内缩多少，冲突消失", "width": "宽度：最大内切圆的直径",
        "clearance": "净距：向外扩多少，冲突开始",
    },
    "en": {
        "ellipsoid": "ellipsoid (CGCS2000)", "plane": "cylindrical equal-area plane", "edge": "one edge",
        "meridian": "meridian $L_0$", "same": "same area", "trapezoid": "trapezoid",
        "conflict": "conflict", "none": "none", "no_data": "no_data", "failed": "failed",
        "line": "control line", "parcel": "parcel", "edge_of": "what the layer covers", "broken": "feature set aside",
        "depth": "depth: shrink by it, and the conflict ends", "width": "width: diameter of the largest circle",
        "clearance": "clearance: grow by it, and a conflict begins",
    },
}  # fmt: skip


def plane(words: dict[str, str]) -> Figure:
    """Draw how an edge and a meridian make a trapezoid; in the plane it is a plain one of the same area."""
    figure, (left, right) = _axes(2, (8.2, 3.1))
    lat = np.radians(np.linspace(12, 78, 7))
    for b in lat:  # parallels and meridians of a globe seen from the side
        angle = np.linspace(-1.2, 1.2, 60)
        left.plot(np.cos(b) * np.sin(angle), np.sin(b) - 0.16 * np.cos(b) * np.cos(angle), color=GREY, lw=0.6)
    for at in np.linspace(-1.2, 1.2, 7):
        b = np.linspace(0.1, 1.45, 60)
        left.plot(np.cos(b) * np.sin(at), np.sin(b) - 0.16 * np.cos(b) * np.cos(at), color=GREY, lw=0.6)

    def globe(lon: Any, b: Any) -> tuple[Any, Any]:
        return np.cos(b) * np.sin(lon), np.sin(b) - 0.16 * np.cos(b) * np.cos(lon)

    t = np.linspace(0, 1, 40)
    corners = [(-0.4, 0.55), (0.35, 0.55), (0.6, 0.95), (-0.4, 0.95)]
    ring = [
        (a[0] + (c[0] - a[0]) * t, a[1] + (c[1] - a[1]) * t)
        for a, c in zip(corners, [*corners[1:], corners[0]], strict=True)
    ]
    x, y = (np.concatenate(part) for part in zip(*(globe(*side) for side in ring), strict=True))
    left.fill(x, y, color=LINE, alpha=0.25, lw=0)
    left.plot(x, y, color=LINE, lw=1.4)
    left.plot(*globe(*ring[1]), color=HIT, lw=2.4)
    left.text(0.5, 0.66, words["edge"], color=HIT, fontsize=9, ha="left", va="center")
    left.text(-0.34, 0.36, words["meridian"], color=LINE, fontsize=9, ha="center", va="top")
    left.set_title(words["ellipsoid"], fontsize=10, color=INK)
    for lon in np.linspace(-1.2, 1.2, 7):
        right.plot([lon, lon], [0.1, 1.0], color=GREY, lw=0.6)
    for b in lat:
        right.plot([-1.2, 1.2], [np.sin(b)] * 2, color=GREY, lw=0.6)
    flat = [(lon, np.sin(b)) for lon, b in corners]
    right.fill(*zip(*flat, strict=True), color=LINE, alpha=0.25, lw=0)
    right.plot(*zip(*[*flat, flat[0]], strict=True), color=LINE, lw=1.4)
    right.plot(*zip(*flat[1:3], strict=True), color=HIT, lw=2.4)
    right.text(-0.02, 0.67, words["same"], color=LINE, fontsize=10, ha="center", va="center")
    right.set_title(words["plane"], fontsize=10, color=INK)
    right.set_aspect(1.55)
    figure.text(0.5, 0.5, "→", fontsize=22, color=INK, ha="center", va="center")
    return figure


def outcomes(words: dict[str, str]) -> Figure:
    """Draw four answers, one small map each."""
    figure, axes = _axes(4, (9.6, 2.75))
    parcel = box(3.2, 2.4, 6.2, 4.6)
    for axis, name in zip(axes, ("conflict", "none", "no_data", "failed"), strict=True):
        cover = box(0, 0, 4.6, 7) if name == "no_data" else box(0, 0, 9, 7)
        _fill(axis, cover, GREY, 0.12, ls="--")
        if name == "failed":
            _fill(axis, Polygon([(5.2, 1), (8.4, 1), (6.0, 3.6), (8.2, 3.4)]), HIT, 0.12, ls=":")
            axis.text(6.9, 0.75, words["broken"], fontsize=8, color=HIT, ha="center", va="top")
        line = Polygon([(0.5, 0.8), (4.6, 0.9), (5.0, 3.4), (4.2, 6.2), (0.7, 6.1)])
        if name != "conflict":
            line = Polygon([(0.5, 0.8), (2.0, 0.9), (2.4, 3.4), (1.9, 6.2), (0.7, 6.1)])
        _fill(axis, line, LINE, 0.22)
        axis.text(0.8, 5.9, words["line"], fontsize=8, color=LINE, va="top")
        _fill(axis, parcel, PARCEL, 0.25, lw=1.6)
        axis.text(6.1, 4.75, words["parcel"], fontsize=8, color=PARCEL, ha="right", va="bottom")
        if name == "conflict":
            _fill(axis, line.intersection(parcel), HIT, 0.65)
        axis.text(0.1, 7.1, words["edge_of"], fontsize=7, color="#6b7780", va="bottom")
        axis.set_xlim(-0.2, 9.3)
        axis.set_ylim(-0.2, 8.0)
        axis.set_title(words[name], fontsize=10, color=HIT if name == "conflict" else INK)
    return figure


def measures(words: dict[str, str]) -> Figure:
    """Draw depth, width and clearance."""
    figure, axes = _axes(3, (9.6, 2.9))
    parcel, line = box(1, 1, 8, 5), Polygon([(3.0, -0.5), (6.6, -0.5), (6.4, 2.4), (4.6, 3.1), (3.1, 2.2)])
    part = line.intersection(parcel)
    for axis, name in zip(axes, ("depth", "width", "clearance"), strict=True):
        shape = line if name != "clearance" else Polygon([(3.0, -0.9), (6.6, -0.9), (5.2, -0.1), (3.1, -0.3)])
        _fill(axis, parcel, PARCEL, 0.2, lw=1.6)
        _fill(axis, shape, LINE, 0.2)
        if name == "depth":
            _fill(axis, part, HIT, 0.35)
            _arrow(axis, (4.55, 1.0), (4.55, 3.08))
        elif name == "width":
            _fill(axis, part, HIT, 0.35)
            centre, radius = (4.68, 1.98), 0.98
            axis.add_patch(mpl.patches.Circle(centre, radius, fill=False, ec=INK, lw=1.2))
            _arrow(axis, (centre[0] - radius, centre[1]), (centre[0] + radius, centre[1]))
        else:
            _fill(axis, parcel.buffer(1.1), PARCEL, 0.0, ls="--")
            _arrow(axis, (5.2, 1.0), (5.2, -0.1))
        axis.set_xlim(-0.4, 9.4)
        axis.set_ylim(-1.2, 6.2)
        axis.set_title(words[name], fontsize=9.5, color=INK)
    return figure


def _axes(count: int, size: tuple[float, float]) -> tuple[Figure, Any]:
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(1, count)
    for axis in axes:
        axis.set_axis_off()
        axis.set_aspect("equal")
    return figure, axes


def _fill(axis: Any, shape: Polygon, colour: str, alpha: float, *, lw: float = 1.2, ls: str = "-") -> None:
    x, y = shape.exterior.xy
    axis.fill(x, y, color=colour, alpha=alpha, lw=0)
    axis.plot(x, y, color=colour, lw=lw, ls=ls)


def _arrow(axis: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    axis.annotate(
        "", xy=end, xytext=start, arrowprops={"arrowstyle": "<->", "color": INK, "lw": 1.4, "shrinkA": 0, "shrinkB": 0}
    )


def save(figure: Figure, name: str) -> None:
    """Write a picture with few colours, so that the repository stays small."""
    HERE.mkdir(exist_ok=True)
    path = HERE / name
    figure.savefig(path, dpi=150, facecolor="white")
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)


def main() -> None:
    """Draw every picture in both languages."""
    with mpl.rc_context({"font.sans-serif": ["Noto Sans CJK SC", "DejaVu Sans"], "font.family": "sans-serif"}):
        for language, words in WORDS.items():
            for draw in (plane, outcomes, measures):
                save(draw(words), f"{draw.__name__}.{language}.png")


if __name__ == "__main__":
    main()
