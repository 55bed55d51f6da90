"""Lengths in true metres (长度): depth, width and clearance of a conflict.

The working plane is true for areas only: a degree north of its middle its lengths are 1.5 % off. So every length is
found after x and y were scaled locally to true metres.
"""

from __future__ import annotations

import numpy as np
import shapely

from controllines.crs import Plane
from controllines.inscribed import deepest_in, deepest_on, outline_of

Array = np.ndarray
#: Vertices searched together, which bounds the memory: a search holds some tens of numbers for each at a time.
BLOCK = 20_000
#: A part whose mean width is no more than the coordinate precision (m) is contact (接边), not conflict.
CONTACT_WIDTH_M = 0.0001
#: The plane stretches lengths by a few per cent at most: what is wider than this many times a limit is wider.
SURELY = 2.0


def true_metres(geoms: Array, plane: Plane, *, around: Array | None = None) -> Array:
    """Return geometries scaled to true metres, each about the middle of its own box (or of ``around``)."""
    bounds = shapely.bounds(geoms if around is None else around)
    centre = np.column_stack([(bounds[:, 0] + bounds[:, 2]) / 2, (bounds[:, 1] + bounds[:, 3]) / 2])
    stretch = plane.stretch(centre[:, 1])
    xy, index = shapely.get_coordinates(geoms, return_index=True)
    moved = (xy - centre[index]) * np.column_stack([stretch, 1 / stretch])[index]
    return np.asarray(shapely.set_coordinates(np.array(geoms, dtype=object), moved))


def mean_width(geoms: Array, plane: Plane) -> Array:
    """Return the mean width (平均宽度, 2·area/perimeter, m) of polygons."""
    scaled = true_metres(geoms, plane)
    return np.asarray(2 * shapely.area(scaled) / np.maximum(shapely.length(scaled), 1e-300))


def widths_up_to(geoms: Array, plane: Plane, limit_m: float) -> Array:
    """Return mean widths of polygons, true to the metre as far as they may lie below a limit."""
    width = 2 * shapely.area(geoms) / np.maximum(shapely.length(geoms), 1e-300)
    near = np.flatnonzero(width <= SURELY * limit_m)
    width[near] = mean_width(geoms[near], plane)
    return np.asarray(width)


def is_contact(geoms: Array, plane: Plane) -> Array:
    """Return True for polygons no wider than the coordinate precision: neighbours that touch, not land (接边)."""
    return np.asarray(widths_up_to(geoms, plane, CONTACT_WIDTH_M) <= CONTACT_WIDTH_M)


def depth_and_width(within: Array, parts: Array, row: Array) -> tuple[Array, Array]:
    """Return :func:`inset_depth` and :func:`greatest_width` of parts.

    Where a part is the whole they are one search, however often the whole is asked for.

    Parameters
    ----------
    within : polygons in true-metre coordinates
    parts, row : parts of them, and of which each is one
    """
    whole = shapely.equals_identical(within[row], parts)
    depth, width = np.empty((2, len(parts)))
    asked, of = np.unique(row[whole], return_inverse=True)
    own = greatest_width(np.concatenate([within[asked], parts[~whole]]))
    width[whole], width[~whole] = own[: len(asked)][of], own[len(asked) :]
    depth[whole], depth[~whole] = width[whole] / 2, inset_depth(within[row[~whole]], parts[~whole])
    return depth, width


def greatest_width(geoms: Array) -> Array:
    """Return the diameter (m) of the largest circle inside polygons in true-metre coordinates, across hairlines."""
    radius = np.zeros(len(geoms))
    for rows in _blocks(geoms):
        closed = _without_hairlines(geoms[rows])
        radius[rows] = deepest_in(outline_of(closed), closed, radius[rows], whole=True)
    return 2 * np.maximum(radius - CONTACT_WIDTH_M / 2, 0)


def inset_depth(within: Array, part: Array) -> Array:
    """Return the smallest inward shift of ``within`` (m, true-metre coordinates) at which nothing of ``part`` remains.

    It is the greatest distance of a point of ``part`` from the boundary of ``within``, which ``part`` lies in;
    hairlines are no boundary. The point is on the outline of the part, or the middle of a circle held by ``within``.
    """
    depth = np.zeros(len(within))
    for rows in _blocks(part):
        outline, inner = outline_of(_without_hairlines(within[rows])), part[rows]
        on_outline = deepest_on(outline, outline_of(inner), depth[rows])
        depth[rows] = deepest_in(outline, inner, on_outline, whole=False)
    return np.maximum(depth - CONTACT_WIDTH_M / 2, 0)


def _blocks(geoms: Array) -> list[Array]:
    """Return rows to search together; what is found in one does not depend on the others."""
    if not len(geoms):
        return []
    block = np.cumsum(shapely.get_num_coordinates(geoms)) // BLOCK
    return np.split(np.arange(len(geoms)), np.flatnonzero(np.diff(block)) + 1)


def _without_hairlines(geoms: Array) -> Array:
    """Grow polygons by half the coordinate precision: hairline gaps, as between neighbours united, close."""
    return np.asarray(shapely.buffer(geoms, CONTACT_WIDTH_M / 2, join_style="mitre"))


def clearance(geoms: Array, obstacles: tuple[Array, Array], plane: Plane, limit_m: float) -> Array:
    """Return the distance (m) from each geometry to its nearest obstacle, NaN beyond ``limit_m``.

    Parameters
    ----------
    obstacles : rows of ``geoms``, and an obstacle near each; a row may occur several times
    """
    out = np.full(len(geoms), np.nan)
    i, near = obstacles
    gap = shapely.shortest_line(geoms[i], near)  # None where there is nothing near
    given = ~shapely.is_missing(gap)
    i, length = i[given], shapely.length(true_metres(gap[given], plane))
    order = np.lexsort((length, i))
    rows, first = np.unique(i[order], return_index=True)
    nearest = length[order][first]
    out[rows] = np.where(nearest <= limit_m, nearest, np.nan)
    return out
