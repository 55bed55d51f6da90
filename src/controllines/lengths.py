"""Lengths in true metres (长度): depth, width and clearance of a conflict.

The working plane is true for areas only: a degree north of its middle its lengths are 1.5 % off. So every length is
found after x and y were scaled locally to true metres.
"""

from __future__ import annotations

import numpy as np
import shapely

from controllines.crs import Plane

Array = np.ndarray
#: Lengths found by halving are right to this share of themselves.
ACCURACY = 1e-5
#: The largest circle inside is right to this share of the mean width.
CIRCLE_ACCURACY = 2e-4
#: A part whose mean width is no more than the coordinate precision (m) is contact (接边), not conflict.
CONTACT_WIDTH_M = 0.0001


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


def is_contact(geoms: Array, plane: Plane) -> Array:
    """Return True for polygons no wider than the coordinate precision: neighbours that touch, not land (接边)."""
    return np.asarray(mean_width(geoms, plane) <= CONTACT_WIDTH_M)


def greatest_width(geoms: Array) -> Array:
    """Return the diameter (m) of the largest circle inside polygons in true-metre coordinates, across hairlines."""
    return 2 * (np.asarray(shapely.length(_largest_circle(_without_hairlines(geoms)))) - CONTACT_WIDTH_M / 2)


def _without_hairlines(geoms: Array) -> Array:
    """Grow polygons by half the coordinate precision: hairline gaps, as between neighbours united, close."""
    return np.asarray(shapely.buffer(geoms, CONTACT_WIDTH_M / 2, join_style="mitre"))


def _largest_circle(geoms: Array) -> Array:
    """Return the line from the middle of the largest circle inside to its rim."""
    mean = 2 * shapely.area(geoms) / shapely.length(geoms)
    return np.asarray(shapely.maximum_inscribed_circle(geoms, tolerance=CIRCLE_ACCURACY * mean))


def inset_depth(within: Array, part: Array) -> Array:
    """Return the smallest inward shift of ``within`` (m, true-metre coordinates) at which nothing of ``part`` remains.

    It is the greatest distance of a point of ``part`` from the boundary of ``within``. Where ``part`` holds the middle
    of the largest circle inside, it is that circle's radius; else it is found by halving, to 0.001 % (offsets leave out
    shallow bends of the outline: up to 1 % there).
    """
    lands, owner = shapely.get_parts(_without_hairlines(within), return_index=True)
    depth = np.zeros(len(within))
    np.maximum.at(depth, owner, _depth(lands, part[owner]) - CONTACT_WIDTH_M / 2)
    return depth


def _depth(within: Array, part: Array) -> Array:
    """Return the depth in single polygons; 0 where ``part`` is elsewhere."""
    # An offset by more than this would turn inside out: the engine takes it for land up to 1 % further.
    circle = _largest_circle(within)
    high = np.asarray(shapely.length(circle))
    low = np.where(shapely.intersects(shapely.get_point(circle, 0), part), high, 0)
    rows = np.flatnonzero((low < high) & shapely.intersects(within, part))
    high[~shapely.intersects(within, part)] = 0
    while len(rows):
        middle = (low[rows] + high[rows]) / 2
        left = shapely.buffer(within[rows], -middle, quad_segs=32)
        remains = shapely.intersects(left, part[rows])
        low[rows[remains]], high[rows[~remains]] = middle[remains], middle[~remains]
        rows = rows[high[rows] - low[rows] > np.maximum(ACCURACY * high[rows], 1e-7)]
    return np.asarray((low + high) / 2)


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
