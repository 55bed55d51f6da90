"""The raster's grid in the plane (格网): where its cells lie there, their official areas, and land in grid coordinates.

Cells are laid into the plane, where planar area is the official area, and land is cut by them there:

- A raster in degrees: meridians and parallels are straight in the plane, so a cell is a rectangle of it, and its area
  is the closed form of the ellipsoid for its row. Grid coordinates are the column and, within each row, the plane's
  ordinate, which is linear from one side of the cell to the other. An edge of land gets a vertex wherever it passes
  into another row, so both are exact.
- A projected raster (高斯克吕格, UTM, Web Mercator): a cell is the quadrilateral of its four corners in the plane. Land
  is brought back to the raster's own coordinates; its edges, straight in the plane, are split every ``STEP_M`` before.

``Grid.bound`` is what the second way can be off by at most.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import shapely

from controllines.crs import A, EdgeRule, Plane, SourceCRS, from_plane, split_edges
from controllines.errors import CRSError

Array = np.ndarray
#: Edges of land are split so finely (m) before they are brought to a projected raster.
STEP_M = 25.0
#: exactextract holds the covered part of a cell in single precision.
FRACTION = 2.0**-24
#: Cells along each side of a block whose areas are found from their corners, and how well these must give the others.
NODES, SMOOTH = 6, 1e-8


@dataclass(frozen=True)
class Affine:
    """Place of a raster without rotation: x = left + column · width, y = top + row · height (height mostly negative).

    Attributes
    ----------
    columns, rows : size of the raster
    """

    left: float
    top: float
    width: float
    height: float
    columns: int
    rows: int


@dataclass(frozen=True)
class Window:
    """A block of cells: first row and column, and the ones behind its last."""

    row: int
    column: int
    row_end: int
    column_end: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.row_end - self.row, self.column_end - self.column

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Its box in grid coordinates, where ordinates are rows counted downwards: (column, −row_end, …)."""
        return float(self.column), -float(self.row_end), float(self.column_end), -float(self.row)


class Grid(Protocol):
    """What areas need of a grid."""

    @property
    def affine(self) -> Affine:
        """Its place."""

    @property
    def outline(self) -> shapely.Polygon:
        """The raster's border in the plane."""

    def areas(self, window: Window) -> Array:
        """Return the official area (m²) of each cell of a window."""

    def land(self, geoms: Array) -> Array:
        """Bring polygons of the plane, within the outline, to grid coordinates (column, −row)."""

    def bound(self, area_m2: float, perimeter_m: float, spread: float) -> float:
        """Return by how much (m²) land of such an area and perimeter can be off, summed over its cells.

        ``spread`` is the largest relative difference of the areas of two neighbouring cells.
        """


def grid_of(affine: Affine, source: SourceCRS, plane: Plane) -> Grid:
    """Return the grid of a raster in the plane."""
    return Projected(affine, source, plane) if source.projected else Degrees(affine, source, plane)


@dataclass(frozen=True)
class Degrees:
    """The grid of a raster in longitude and latitude."""

    affine: Affine
    source: SourceCRS
    plane: Plane

    @cached_property
    def _slope(self) -> float:
        """Metres of the plane for one degree of longitude (not by PROJ for each: it wraps at 180°)."""
        return float(self.plane.forward(self.source).transform(self.plane.lon_0 + 1.0, self.plane.lat_0)[0])

    @cached_property
    def _ordinates(self) -> Array:
        """Plane ordinate of the sides of the rows, from row 0 on."""
        lat = self.affine.top + np.arange(self.affine.rows + 1) * self.affine.height
        lat = np.clip(lat, -90, 90)
        return np.asarray(self.plane.forward(self.source).transform(np.full_like(lat, self.plane.lon_0), lat)[1])

    def _x(self, column: float) -> float:
        return (self.affine.left + column * self.affine.width - self.plane.lon_0) * self._slope

    @property
    def outline(self) -> shapely.Polygon:
        """The raster's border in the plane: a rectangle."""
        x, y = sorted([self._x(0), self._x(self.affine.columns)]), self._ordinates[[0, -1]]
        box: shapely.Polygon = shapely.box(x[0], y.min(), x[1], y.max())
        return box

    def areas(self, window: Window) -> Array:
        """Return the official area (m²) of each cell of a window: one value for each row."""
        heights = np.abs(np.diff(self._ordinates[window.row : window.row_end + 1]))
        return np.repeat(heights[:, None] * abs(self.affine.width * self._slope), window.shape[1], axis=1)

    def land(self, geoms: Array) -> Array:
        """Bring polygons of the plane to grid coordinates, with a vertex wherever an edge enters another row."""
        if not len(geoms):
            return geoms
        kind, xy, offsets = shapely.to_ragged_array(geoms, include_z=False)
        sides, order = self._ordinates, 1
        if sides[0] > sides[-1]:
            sides, order = sides[::-1], -1
        place = np.interp(xy[:, 1], sides, np.arange(len(sides), dtype=float))
        place = place if order == 1 else len(sides) - 1 - place
        column = (xy[:, 0] / self._slope + self.plane.lon_0 - self.affine.left) / self.affine.width
        ring_end = np.zeros(len(xy), bool)
        ring_end[offsets[0][1:] - 1] = True
        points, first = _with_crossings(np.column_stack([column, place]), xy[:, 1], self._ordinates, ring_end)
        points[:, 1] *= -1
        return np.asarray(shapely.from_ragged_array(kind, points, (first[offsets[0]], *offsets[1:])))

    def bound(self, area_m2: float, perimeter_m: float, spread: float) -> float:  # noqa: ARG002  rows are exact
        """Return the error that single precision of covered parts leaves."""
        side = abs(self.affine.height) * math.pi / 180 * A
        return 1e-9 * area_m2 + 3 * perimeter_m * side * FRACTION


def _with_crossings(points: Array, y: Array, sides: Array, ring_end: Array) -> tuple[Array, Array]:
    """Add a vertex where an edge crosses a side of a row.

    Parameters
    ----------
    points : (n, 2) column and row coordinate of each vertex
    y : plane ordinate of each vertex
    sides : plane ordinate of each side of a row
    ring_end : True for the last vertex of a ring, which begins no edge

    Returns
    -------
    points : with the crossings behind the vertex whose edge they are on
    first : where each of the old vertices now stands, and the end
    """
    row, following = points[:, 1], np.append(points[1:, 1], 0.0)
    low, high = np.minimum(row, following), np.maximum(row, following)
    crossed = np.maximum(0, np.ceil(high) - np.floor(low) - 1).astype(np.int64)
    crossed[ring_end] = 0
    first = np.concatenate([[0], np.cumsum(crossed + 1)])
    edge = np.repeat(np.arange(len(points)), crossed + 1)
    step = np.arange(first[-1]) - first[edge]
    down = following[edge] > row[edge]
    side = np.where(down, np.floor(low[edge]) + step, np.ceil(high[edge]) - step).astype(np.int64)
    new = step > 0
    out = points[edge].copy()
    here, there = edge[new], edge[new] + 1
    part = (sides[side[new]] - y[here]) / (y[there] - y[here])
    out[new, 0] += part * (points[there, 0] - points[here, 0])
    out[new, 1] = side[new]
    return out, first


def _nodes(places: Array) -> Array:
    """Return a few of the places, denser towards the ends (Chebyshev)."""
    middle, half = (places[0] + places[-1]) / 2, (places[-1] - places[0]) / 2
    angles = np.pi * (np.arange(NODES) + 0.5) / NODES
    return np.asarray(np.round(middle - half * np.cos(angles)).astype(np.int64))


def _through(places: Array, nodes: Array) -> Array:
    """Return the matrix that takes values at the nodes to the polynomial through them at the places (Lagrange)."""
    out = np.ones((len(places), len(nodes)))
    for at, node in enumerate(nodes):
        for other in np.delete(nodes, at):
            out[:, at] *= (places - other) / (node - other)
    return out


@dataclass(frozen=True)
class Projected:
    """The grid of a raster in a projection."""

    affine: Affine
    source: SourceCRS
    plane: Plane

    def _in_plane(self, column: Array, row: Array) -> tuple[Array, Array]:
        x, y = self.affine.left + column * self.affine.width, self.affine.top + row * self.affine.height
        px, py = self.plane.forward(self.source).transform(x, y)
        return np.asarray(px), np.asarray(py)

    @property
    def outline(self) -> shapely.Polygon:
        """The raster's border in the plane, with a vertex at every cell."""
        columns, rows = np.arange(self.affine.columns), np.arange(self.affine.rows)
        left, right = np.zeros(len(rows)), np.full(len(rows), float(self.affine.columns))
        top, bottom = np.zeros(len(columns)), np.full(len(columns), float(self.affine.rows))
        column = np.concatenate([columns, right, self.affine.columns - columns, left])
        row = np.concatenate([top, rows, bottom, self.affine.rows - rows])
        corners = np.column_stack(self._in_plane(column, row))
        if not np.isfinite(corners).all():
            raise CRSError.of("RASTER_EXTENT", actual=self.source.crs.name)
        return shapely.Polygon(corners)

    def areas(self, window: Window) -> Array:
        """Return the official area (m²) of each cell of a window: that of the quadrilateral of its corners.

        The areas change smoothly. Where a polynomial through a few of them gives others to ``SMOOTH`` of the area, it
        gives all.
        """
        rows, columns = np.arange(window.row, window.row_end), np.arange(window.column, window.column_end)
        if min(window.shape) <= 4 * NODES:
            return self._cells(rows, columns)
        some = [_nodes(rows), _nodes(columns)]
        smooth = [_through(rows, some[0]), _through(columns, some[1])]
        known = self._cells(*some)
        between = [(at[1:] + at[:-1]) // 2 for at in some]
        held = _through(between[0], some[0]) @ known @ _through(between[1], some[1]).T
        if np.abs(held / self._cells(*between) - 1).max() > SMOOTH:
            return self._cells(rows, columns)
        return np.asarray(smooth[0] @ known @ smooth[1].T)

    def _cells(self, rows: Array, columns: Array) -> Array:
        """Return the areas of the cells at some rows and columns (rising), each from its four corners."""
        sides = np.union1d(rows, rows + 1), np.union1d(columns, columns + 1)
        column, row = np.meshgrid(sides[1].astype(float), sides[0].astype(float))
        x, y = (along.reshape(row.shape) for along in self._in_plane(column.ravel(), row.ravel()))
        top, left = np.searchsorted(sides[0], rows)[:, None], np.searchsorted(sides[1], columns)[None, :]
        across = (x[top + 1, left + 1] - x[top, left]) * (y[top + 1, left] - y[top, left + 1])
        along = (y[top + 1, left + 1] - y[top, left]) * (x[top + 1, left] - x[top, left + 1])
        return np.asarray(np.abs(across - along) / 2)

    def land(self, geoms: Array) -> Array:
        """Bring polygons of the plane to grid coordinates."""
        if not len(geoms):
            return geoms
        own = from_plane(split_edges(geoms, EdgeRule(STEP_M)), self.plane, self.source)
        corner, size = np.array([self.affine.left, self.affine.top]), np.array([self.affine.width, -self.affine.height])
        return np.asarray(shapely.transform(own, lambda xy: (xy - corner) / size))

    def bound(self, area_m2: float, perimeter_m: float, spread: float) -> float:
        """Return the error of edges that are straight in one plane only, and of unequal ground within a cell.

        An edge of STEP_M is off by a sagitta of STEP² · tan φ / 8R against the parallel in either plane, two thirds of
        which count over its length. A border runs through at most 3 cells for each cell side of its length; within a
        cell the ground differs by ``spread``, of which at most an eighth falls on the wrong side.
        """
        lat = min(abs(self.plane.lat_0) + 2, 80)
        edges = perimeter_m * STEP_M**2 * math.tan(math.radians(lat)) / (6 * A)
        cell = 3 * perimeter_m * max(abs(self.affine.width), abs(self.affine.height))
        return SMOOTH * area_m2 + edges + cell * (spread / 8 + FRACTION)
