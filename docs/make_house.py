"""Draws the house and the data's way (docs/house.toml) into docs/pictures as SVG, in Chinese and in English.

``python docs/make_house.py`` after a change of house.toml; the pictures are committed, a test compares them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
HOUSE: dict[str, Any] = tomllib.loads((HERE / "house.toml").read_text(encoding="utf-8"))
LANGUAGES = ("zh", "en")
INK, GREY = "#22303a", "#6b7780"
FONT = "'Noto Sans CJK SC','Source Han Sans SC','PingFang SC','Microsoft YaHei',sans-serif"
MONO = "'DejaVu Sans Mono',Consolas,Menlo,'Noto Sans CJK SC','Microsoft YaHei',monospace"
#: Fill and edge by kind of box.
COLOURS = {
    "file": ("#ffffff", "#9aa5ad"),
    "read": ("#eaf2fb", "#5b8fc7"),
    "core": ("#e3f3ec", "#0b6e4f"),
    "group": ("#fdf3e1", "#d9822b"),
    "judge": ("#fbe9e7", "#b3261e"),
    "out": ("#f1ecf8", "#7456a8"),
}
#: Kind of each floor, from the ground up.
FLOORS = ("file", "file", "read", "read", "read", "read", "core", "group", "judge", "out", "out")


def svg(width: float, height: float, parts: Iterator[str]) -> str:
    """Return a picture; its ground is white, for pages that are dark."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" font-family="{escape(FONT)}">'
    arrow = (
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0 0 8 4 0 8z" fill="{INK}"/></marker></defs>'
    )
    return "\n".join([head, arrow, f'<rect width="{width:g}" height="{height:g}" fill="#fff"/>', *parts, "</svg>", ""])


def rect(x: float, y: float, size: tuple[float, float], kind: str) -> str:
    """Return a box of a kind."""
    fill, edge = COLOURS[kind]
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{size[0]:g}" height="{size[1]:g}" rx="5" fill="{fill}" stroke="{edge}" '
        'stroke-width="1.3"/>'
    )


def text(x: float, y: float, words: str, *, size: float, colour: str = INK, more: str = "") -> str:
    """Return words whose middle is at x and whose line stands on y."""
    place = f'x="{x:g}" y="{y:g}" font-size="{size:g}" fill="{colour}" text-anchor="middle"'
    return f"<text {place} {more}>{escape(words)}</text>"


def titled(x: float, y: float, title: str, below: str) -> Iterator[str]:
    """Yield the name of a room or file, and what it does below it."""
    yield text(x, y - 4, title, size=14, more=f'font-weight="600" font-family="{escape(MONO)}"')
    yield text(x, y + 14, below, size=12, colour=GREY)


def rooms(language: int) -> str:
    """Draw the house: one floor above the other, under a roof."""
    width, left, wide, high, gap, roof = 1180, 150, 142, 48, 10, 64
    across = 7
    floors = HOUSE["floors"]
    heights = [(-(-len(floor["rooms"]) // across)) * (high + gap) + gap for floor in floors]
    bottom = roof + sum(heights) + 8

    def parts() -> Iterator[str]:
        right = left + across * (wide + gap) + gap
        yield (
            f'<path d="M{left - 14} {roof} {(left + right) / 2:g} 10 {right + 14} {roof}z" fill="#f6f7f8" '
            f'stroke="{GREY}" stroke-width="1.3"/>'
        )
        yield text((left + right) / 2, roof - 14, "controllines", size=17, more=f'font-family="{escape(MONO)}"')
        y = bottom - 8
        for floor, height, kind in zip(floors, heights, FLOORS, strict=True):
            y -= height
            yield (
                f'<rect x="{left}" y="{y:g}" width="{right - left}" height="{height}" fill="none" stroke="{GREY}" '
                'stroke-width="1"/>'
            )
            yield text(left / 2, y + height / 2 + 5, floor["name"][language], size=13.5)
            for number, (name, told) in enumerate(floor["rooms"].items()):
                x = left + gap + number % across * (wide + gap)
                top = y + gap + number // across * (high + gap)
                yield rect(x, top, (wide, high), kind)
                yield from titled(x + wide / 2, top + high / 2, name, told[language])

    return svg(width + 60, bottom, parts())


def way(language: int) -> str:
    """Draw the data's way, from files at the top to reports at the bottom."""
    column, row, high, edge = 100, 84, 54, 14
    boxes = {box["id"]: box for box in HOUSE["way"]["boxes"]}
    bottom = max(box["at"][1] for box in boxes.values()) * row + high + 2 * edge

    def span(box: dict[str, Any]) -> tuple[float, float, float]:
        x, y = edge + box["at"][0] * column, edge + box["at"][1] * row
        return x, y, x + box["wide"] * column

    def arrow(start: dict[str, Any], end: dict[str, Any], at: float | None) -> str:
        (left, top, right), (left2, top2, right2) = span(start), span(end)
        if top == top2:
            y = top + high / 2
            path = f"M{right:g} {y:g}H{left2:g}" if right < left2 else f"M{left:g} {y:g}H{right2:g}"
        else:
            common = max(left, left2), min(right, right2)
            x = x2 = edge + at * column if at is not None else (common[0] + common[1]) / 2
            if common[0] > common[1]:
                x, x2 = (left + right) / 2, (left2 + right2) / 2
            turn = "" if x == x2 else f"V{top2 - (row - high) / 2:g}H{x2:g}"
            path = f"M{x:g} {top + high:g}{turn}V{top2:g}"
        return f'<path d="{path}" fill="none" stroke="{INK}" stroke-width="1.3" marker-end="url(#arrow)"/>'

    def parts() -> Iterator[str]:
        for start, end, *at in HOUSE["way"]["arrows"]:
            yield arrow(boxes[start], boxes[end], *(at or [None]))
        for box in boxes.values():
            x, y, right = span(box)
            title, _, below = box["text"][language].partition("|")
            yield rect(x, y, (right - x, high), box["kind"])
            yield from titled((x + right) / 2, y + high / 2, title, below)

    return svg(HOUSE["way"]["columns"] * column + 2 * edge, bottom, parts())


def pictures() -> dict[str, str]:
    """Return every picture by its file name."""
    drawings = {"rooms": rooms, "way": way}
    return {
        f"{name}.{language}.svg": draw(number)
        for name, draw in drawings.items()
        for number, language in enumerate(LANGUAGES)
    }


def main() -> None:
    """Write the pictures."""
    for name, drawing in pictures().items():
        (HERE / "pictures" / name).write_text(drawing, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
