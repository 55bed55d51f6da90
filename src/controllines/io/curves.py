"""Curves (圆弧) to polylines so fine that no point of the arc is farther away than :data:`SAGITTA_M`.

GDAL takes one angle for a whole layer (4° unless told otherwise: 0.08 % of a circle's area). Here the angle follows
from each arc's own radius, so that large arcs are fine enough, small ones are not drowned in points, and two
neighbours that share an arc get the same points whatever else their outlines hold.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import shapely

#: Greatest distance (矢高) between arc and polyline, metres; the area lost is two thirds of it by the arc's length.
SAGITTA_M = 0.0001
#: Degrees are about 111 km long, and coordinates within this range may be degrees.
_DEGREES, _METRES_PER_DEGREE = 360.0, 111_320.0
#: No arc gets more points: a radius beyond this is a damaged number.
_MOST_POINTS = 100_000

_CIRCULAR, _COMPOUND, _CURVE_POLYGON, _MULTI_CURVE, _MULTI_SURFACE = 8, 9, 10, 11, 12


def is_curved(head: bytes) -> bool:
    """Tell by its first five bytes whether a WKB holds curves (collections may)."""
    return _kind(head)[0] in (7, *range(_CIRCULAR, _MULTI_SURFACE + 1))


def is_collection(head: bytes) -> bool:
    """Tell whether a WKB is a collection, which need not hold curves."""
    return _kind(head)[0] == 7


def straightened(wkb: bytes) -> tuple[Any, int]:
    """Return a WKB as a shapely geometry whose arcs are polylines, two-dimensional, and the number of arcs.

    Raises
    ------
    ValueError, struct.error
        The WKB is cut off, or of a type without linear form (TIN, polyhedral surface).
    """
    reader = _Reader(wkb)
    return reader.geometry(), reader.arcs


def arc_step_degrees(radius: float) -> float:
    """Return the angle between points of an arc of this radius (metres) that keeps to :data:`SAGITTA_M`."""
    return math.degrees(2 * math.acos(1 - min(SAGITTA_M / radius, 1))) if radius > 0 else 90.0


def _kind(head: bytes) -> tuple[int, int]:
    """Return the type and the number of ordinates, for ISO and for the older extended WKB."""
    raw = int.from_bytes(head[1:5], "little" if head[:1] == b"\x01" else "big")
    plain = raw & 0x0FFFFFFF
    ordinates = 2 + bool(raw & 0x80000000) + bool(raw & 0x40000000) + (0, 1, 1, 2)[plain // 1000 % 4]
    return plain % 1000, ordinates


class _Reader:
    """Walks through one WKB; the position moves on."""

    def __init__(self, wkb: bytes) -> None:
        self.wkb, self.at, self.arcs = wkb, 0, 0

    def geometry(self) -> Any:
        kind, ordinates = _kind(self.wkb[self.at : self.at + 5])
        order = "<" if self.wkb[self.at : self.at + 1] == b"\x01" else ">"
        self.at += 5
        made: dict[int, Callable[[], Any]] = {
            1: lambda: shapely.Point(self._points(order, ordinates, 1)[0]),
            2: lambda: shapely.LineString(self._line(order, ordinates)),
            3: lambda: _polygon([self._line(order, ordinates) for _ in range(self._count(order))]),
            _CIRCULAR: lambda: shapely.LineString(self._circular(order, ordinates)),
            _COMPOUND: lambda: shapely.LineString(_joined([p.coords for p in self._members(order)])),
            _CURVE_POLYGON: lambda: _polygon([np.asarray(p.coords) for p in self._members(order)]),
            4: lambda: shapely.MultiPoint(self._members(order)),
            5: lambda: shapely.MultiLineString(self._members(order)),
            6: lambda: shapely.MultiPolygon(self._members(order)),
            7: lambda: shapely.GeometryCollection(self._members(order)),
            _MULTI_CURVE: lambda: shapely.MultiLineString(self._members(order)),
            _MULTI_SURFACE: lambda: shapely.MultiPolygon(self._members(order)),
        }
        if kind not in made:
            raise ValueError(f"WKB type {kind}")
        return made[kind]()

    def _count(self, order: str) -> int:
        (count,) = struct.unpack_from(f"{order}I", self.wkb, self.at)
        self.at += 4
        if count > len(self.wkb):  # each member takes bytes: more members than bytes is a damaged number
            raise ValueError("WKB count")
        return int(count)

    def _members(self, order: str) -> list[Any]:
        return [self.geometry() for _ in range(self._count(order))]

    def _line(self, order: str, ordinates: int) -> np.ndarray:
        return self._points(order, ordinates, self._count(order))

    def _circular(self, order: str, ordinates: int) -> np.ndarray:
        points = self._line(order, ordinates)
        self.arcs += len(points) // 2
        return _arcs(points)

    def _points(self, order: str, ordinates: int, count: int) -> np.ndarray:
        values = np.frombuffer(self.wkb, f"{order}f8", count * ordinates, self.at)
        self.at += 8 * count * ordinates
        return values.reshape(count, ordinates)[:, :2].astype(float)


def _polygon(rings: list[np.ndarray]) -> Any:
    return shapely.Polygon(rings[0], rings[1:]) if rings else shapely.Polygon()


def _joined(parts: list[Any]) -> np.ndarray:
    return np.concatenate([np.asarray(part)[1 if k else 0 :] for k, part in enumerate(parts)])


def _arcs(points: np.ndarray) -> np.ndarray:
    """Return the polyline of a circular string: start, point on the arc, end, point on the next arc, …"""
    if len(points) < 3 or len(points) % 2 == 0:
        return points
    return _joined([_arc(*points[k : k + 3]) for k in range(0, len(points) - 2, 2)])


def _arc(start: np.ndarray, middle: np.ndarray, end: np.ndarray) -> np.ndarray:
    if tuple(start) > tuple(end):  # alike from either direction
        return _arc(end, middle, start)[::-1]
    full = bool((start == end).all())
    centre = (start + middle) / 2 if full else _centre(start, middle, end)
    if centre is None:
        return np.array([start, middle, end])
    radius = float(np.hypot(*(start - centre)))
    first, via, last = (math.atan2(*(p - centre)[::-1]) for p in (start, middle, end))
    sweep = 2 * math.pi if full else (last - first) % (2 * math.pi)
    if not full and (via - first) % (2 * math.pi) > sweep:
        sweep -= 2 * math.pi
    metres = radius * (_METRES_PER_DEGREE if np.abs([start, end]).max() <= _DEGREES else 1)
    number = min(max(2, math.ceil(math.degrees(abs(sweep)) / arc_step_degrees(metres))), _MOST_POINTS)
    angles = first + sweep * np.arange(1, number) / number
    inner = centre + radius * np.column_stack([np.cos(angles), np.sin(angles)])
    return np.concatenate([[start], inner, [end]])


def _centre(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray | None:
    """Centre of the circle through three points, None if they are in line; taken from ``a`` to keep digits."""
    u, v = b - a, c - a
    cross = 2 * (u[0] * v[1] - u[1] * v[0])
    if abs(cross) <= 1e-12 * (u @ u + v @ v):
        return None
    return np.asarray(a + np.array([v[1] * (u @ u) - u[1] * (v @ v), u[0] * (v @ v) - v[0] * (u @ u)]) / cross)
