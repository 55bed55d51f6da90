"""Outlines (轮廓): which windows the outline of a large polygon comes into, and which lie inside it.

The edges are looked at in runs, whose boxes leave out nearly all of them. Nothing is asked of the geometry engine that
costs a look at every edge for every window, and the answer is one that the engine's clipping can be held against.
"""

from __future__ import annotations

import numpy as np
import shapely

from controllines.tiles import meeting

Array = np.ndarray
#: Edges in a run.
RUN = 64


class Outline:
    """The edges of a polygon, holes and parts included.

    Parameters
    ----------
    geom : Polygon or MultiPolygon
    """

    def __init__(self, geom: shapely.Geometry) -> None:
        rings = shapely.get_rings(shapely.get_parts(geom))
        self.xy, ring = shapely.get_coordinates(rings, return_index=True)
        self.edge = ring[1:] == ring[:-1]  # what leads from one ring to the next is none
        starts = np.arange(0, len(self.edge), RUN)
        ends = np.minimum(starts + RUN, len(self.edge))
        low, high = np.minimum.reduceat(self.xy, starts), np.maximum.reduceat(self.xy, starts)
        self.runs = np.hstack([np.minimum(low, self.xy[ends]), np.maximum(high, self.xy[ends])])

    def in_boxes(self, boxes: Array) -> Array:
        """Return True for boxes that an edge comes into, or touches."""
        pair, start, end = self._edges(*meeting(boxes, self.runs))
        own = boxes[pair]
        low, high = np.minimum(start, end), np.maximum(start, end)
        near = ((low <= own[:, 2:]) & (high >= own[:, :2])).all(axis=1)
        pair, start, end, own = pair[near], start[near], end[near], own[near]
        out = np.zeros(len(boxes), bool)
        out[pair[((start >= own[:, :2]) & (start <= own[:, 2:])).all(axis=1)]] = True
        left = np.flatnonzero(~out[pair])  # no vertex lies in these, but an edge may run through
        through = shapely.intersects(shapely.box(*own[left].T), shapely.linestrings(np.stack([start, end], 1)[left]))
        out[pair[left[through]]] = True
        return out

    def holds(self, points: Array) -> Array:
        """Return True for points inside the polygon; none may lie on an edge or next to one."""
        x, y = points.T
        ray = np.column_stack([x, y, np.full(len(x), np.inf), y])
        pair, start, end = self._edges(*meeting(ray, self.runs))
        crossing = (start[:, 1] > y[pair]) != (end[:, 1] > y[pair])
        pair, start, end = pair[crossing], start[crossing], end[crossing]
        at = start[:, 0] + (y[pair] - start[:, 1]) * (end[:, 0] - start[:, 0]) / (end[:, 1] - start[:, 1])
        return np.asarray(np.bincount(pair[at > x[pair]], minlength=len(points)) % 2 == 1)

    def _edges(self, window: Array, run: Array) -> tuple[Array, Array, Array]:
        """Return the edges of the runs of each pair: row of the window, start and end."""
        edge = run[:, None] * RUN + np.arange(RUN)
        pair = np.broadcast_to(window[:, None], edge.shape)
        real = edge < len(self.edge)
        real[real] = self.edge[edge[real]]
        edge = edge[real]
        return pair[real], self.xy[edge], self.xy[edge + 1]
