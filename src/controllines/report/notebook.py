"""``explore``: the page of 地图.html inside a notebook, without network (交互地图)."""

from __future__ import annotations

import html as escapes
from dataclasses import dataclass, field
from pathlib import Path

from controllines.errors import UsageError
from controllines.report import html
from controllines.report.maps import MAP_LINES
from controllines.report.model import build
from controllines.results import CheckResult


@dataclass(frozen=True)
class Page:
    """An interactive map; a notebook shows it.

    Attributes
    ----------
    text : the whole page, as it stands in 地图.html
    height : of the frame in a notebook (pixels)
    """

    text: str = field(repr=False)
    height: int = 640

    def _repr_html_(self) -> str:
        # the frame has an origin of its own: the page reaches nothing of the notebook
        style = f"width:100%;height:{self.height}px;border:1px solid #d5dbdf"
        return f'<iframe sandbox="allow-scripts" style="{style}" srcdoc="{escapes.escape(self.text)}"></iframe>'

    def save(self, path: str | Path) -> Path:
        """Write the page to a file and return its path."""
        Path(path).write_text(self.text, encoding="utf-8", newline="\n")
        return Path(path)


def explore(result: CheckResult, *, map_lines: str = "near", basemap: str | None = None, height: int = 640) -> Page:
    """Show a result on the interactive map of 地图.html, inline in a notebook.

    Parameters
    ----------
    result : the checked parcels
    map_lines, basemap : as in :func:`write_report`
    height : of the frame (pixels)

    Raises
    ------
    UsageError
        Unknown ``map_lines``, or an address of tiles that cannot be used.
    """
    if map_lines not in MAP_LINES:
        raise UsageError.of("OUTPUT_MAP_LINES_UNKNOWN", actual=map_lines, expected="、".join(MAP_LINES))
    html.check_basemap(basemap)
    page = html.to_bytes(build(result, map_lines=map_lines), map_lines=map_lines, basemap=basemap)
    return Page(page.decode("utf-8"), height)
