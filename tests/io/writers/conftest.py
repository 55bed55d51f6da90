"""Sheets of parcels near 托克逊, and one call that writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyproj
import shapely

from controllines.findings import Finding
from controllines.io.writers import DEFAULT_HEADER, Header, Sheet, format_of, write

SHELL = [(0, 0), (400, 0), (400, 300), (0, 300)]


HOLE = [(150, 100), (150, 200), (250, 200), (250, 100)]


def sheet(*geoms: object, crs: object = 4518, **columns: list[object]) -> Sheet:
    array = np.empty(len(geoms), dtype=object)
    array[:] = geoms
    return Sheet("地块", pd.DataFrame(columns, index=range(len(geoms))), array,
                 None if crs is None else pyproj.CRS.from_user_input(crs))  # fmt: skip


def solar(east: float = 30_385_000) -> shapely.Polygon:
    return shapely.transform(shapely.Polygon(SHELL, [HOLE]), lambda xy: xy + [east, 4_738_000])


def written(path: Path, *sheets: Sheet, header: Header = DEFAULT_HEADER) -> list[Finding]:
    """Write sheets in the format of the path; return what was said."""
    form = format_of(path)
    assert form is not None
    return write(sheets, path, form, header)


def said(found: list[Finding]) -> list[str]:
    return [item.code for item in found]
