"""A picture with Chinese glyphs: the font is looked for, never assumed."""

from __future__ import annotations

import io
import os
from functools import cache
from pathlib import Path
from typing import Any

from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from controllines.errors import OutputError

#: Families with Chinese glyphs, in the order of preference.
FAMILIES = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "Microsoft YaHei", "DengXian",
    "PingFang SC", "Hiragino Sans GB", "SimHei", "SimSun", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei",
    "Noto Sans CJK JP",  # the only face that matplotlib before 3.11 sees in the collection of all of them
)  # fmt: skip
#: Names a font file for pictures where the system has none of these.
FONT_VARIABLE = "CONTROLLINES_FONT"
#: Dots per inch of saved pictures: sharp on A4.
DPI = 200
INK, SOFT, RULE, PAPER = "#1f2a33", "#5b6770", "#d5dbdf", "#ffffff"
_MM = 1 / 25.4


@cache
def chinese_font() -> str:
    """Return the name of a font family with Chinese glyphs.

    Raises
    ------
    OutputError
        There is none (PICTURE_NO_FONT); a report is written without its pictures then.
    """
    chosen = os.environ.get(FONT_VARIABLE)
    if chosen and Path(chosen).is_file():
        font_manager.fontManager.addfont(chosen)
        return font_manager.FontProperties(fname=chosen).get_name()
    present = {font.name for font in font_manager.fontManager.ttflist}
    found = next((name for name in FAMILIES if name in present), None)
    if found is None:
        raise OutputError.of("PICTURE_NO_FONT", expected="、".join(FAMILIES[:3]))
    return found


class Picture(Figure):
    """A matplotlib figure that notebooks show and reports embed, whatever backend is in use."""

    def png(self, *, dpi: float = DPI) -> bytes:
        """Return the picture as PNG."""
        out = io.BytesIO()
        FigureCanvasAgg(self).print_figure(out, format="png", dpi=dpi, facecolor=PAPER, metadata={"Software": None})
        return out.getvalue()

    def save(self, path: str | Path, *, dpi: float = DPI) -> Path:
        """Write the picture as a PNG file and return its path."""
        Path(path).write_bytes(self.png(dpi=dpi))
        return Path(path)

    def _repr_png_(self) -> bytes:
        return self.png(dpi=110)


def blank(width_mm: float, height_mm: float) -> Picture:
    """Return an empty picture of a size in millimetres."""
    return Picture(figsize=(width_mm * _MM, height_mm * _MM), facecolor=PAPER)


def text(ax: Axes, x: float, y: float, words: str, **look: Any) -> Any:
    """Write text in the picture's font; nothing in it is read as mathematics."""
    base: dict[str, Any] = {"family": chinese_font(), "color": INK, "fontsize": 8, "parse_math": False}
    return ax.text(x, y, words, **base | look)


def legend(ax: Axes, handles: list[Any], **look: Any) -> Any:
    """Write a legend in the picture's font."""
    from matplotlib.font_manager import FontProperties

    made = ax.legend(handles=handles, frameon=False, prop=FontProperties(family=chinese_font(), size=7.5),
                     labelcolor=INK, **look)  # fmt: skip
    for label in made.get_texts():
        label.set_parse_math(False)
    return made
