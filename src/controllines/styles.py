"""Colours of maps and charts (图例), from ``data/report/styles.toml``; drawn by pictures, the offline map and QGIS."""

from __future__ import annotations

from functools import cache
from typing import Any

from controllines.packaged import packaged


@cache
def styles() -> dict[str, Any]:
    """Return colours and hatches by kind."""
    return packaged("report/styles")


def style_of(kind: str, position: int = 0) -> dict[str, Any]:
    """Return the look of a control line; kinds without one of their own take the next spare colour."""
    own = styles()["lines"].get(kind)
    if own is not None:
        return dict(own)
    spare = styles()["spare"]
    return {"line": spare[position % len(spare)], "fill": spare[position % len(spare)], "opacity": 0.12}
