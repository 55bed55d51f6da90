"""Land cut by units, as polygons (按统计单元划分): for what is laid over something else, like the cells of a raster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from controllines.crossing import Part, cross, tiled
from controllines.dimensions import Dimension
from controllines.layers import Layer
from controllines.plans import Plan

Array = np.ndarray


@dataclass(frozen=True)
class Parts:
    """Pieces of land by unit.

    Attributes
    ----------
    geoms : polygons in the plane, which add up to the land and share none; large ones are cut into tiles
    places : (pieces, units) number of the label of each unit
    """

    geoms: Array
    places: Array


def by_units(plan: Plan, layer: Layer, units: Sequence[Dimension], *, outside: Layer | None = None) -> Parts:
    """Cut the land of a layer, or what of it lies outside another one, by units.

    Parameters
    ----------
    layer, outside : layers of the plan
    """
    without = [Part(tiled(outside.in_plane), keep=False)] if outside is not None else []
    cutters = [unit for unit in units if unit.layer is not layer]
    parts = [*without, *(Part(tiled(unit.layer.in_plane)) for unit in cutters)]
    found = cross(Part(tiled(layer.in_plane)), parts, plan.plane, planar=False, geoms=True)
    rows = {unit.key: found.rows[:, n + len(without)] for n, unit in enumerate(cutters)}
    return Parts(found.geoms, np.column_stack([unit.place[rows.get(unit.key, found.feature)] for unit in units]))
