"""Places in zone 26 and the font that pictures need."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from matplotlib.patches import PathPatch

from controllines.crs import LONLAT, gauss_kruger, recognise, reproject
from controllines.errors import OutputError
from controllines.plots import Picture, picture

ZONE = recognise(gauss_kruger(26, prefix=True))
LAND = shapely.box(26_543_000, 4_405_000, 26_543_300, 4_405_200)
FIELD = shapely.box(26_543_200, 4_404_900, 26_543_900, 4_405_900)
NAMES = {"permanent_farmland": "永久基本农田", "urban_boundary": "城镇开发边界"}


@pytest.fixture(autouse=True)
def _font() -> None:
    try:
        picture.chinese_font()
    except OutputError:
        pytest.skip("no font with Chinese glyphs on this system")


def lonlat(*geoms: shapely.Geometry) -> np.ndarray:
    return reproject(np.array(geoms, dtype=object), ZONE, recognise(LONLAT))


def patches(made: Picture) -> list[PathPatch]:
    return [item for item in made.axes[0].patches if isinstance(item, PathPatch)]


def written(made: Picture) -> list[str]:
    return [item.get_text() for ax in made.axes for item in ax.texts]
