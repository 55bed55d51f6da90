"""Curves to polylines: close to arcs whose circle is known."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest
import shapely

from controllines.io import curves


def circular(points: np.ndarray, *, order: str = "<", kind: int = 8) -> bytes:
    head = (b"\x01" if order == "<" else b"\x00") + struct.pack(f"{order}II", kind, len(points))
    return head + points.astype(f"{order}f8").tobytes()


def on_circle(centre: tuple[float, float], radius: float, *degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.asarray(centre) + radius * np.column_stack([np.cos(angles), np.sin(angles)])


def farthest(line: shapely.LineString, centre: tuple[float, float], radius: float) -> float:
    """Greatest distance between polyline and circle: at the middle of an edge."""
    xy = np.asarray(line.coords)
    middles = (xy[1:] + xy[:-1]) / 2
    return float(np.abs(np.hypot(*(np.concatenate([xy, middles]) - centre).T) - radius).max())


@pytest.mark.parametrize("radius", [0.5, 20.0, 1_000.0, 60_000.0])
@pytest.mark.parametrize("degrees", [(0, 45, 90), (350, 355, 2), (90, 20, 10), (0, 200, 359), (10, 10.01, 10.02)])
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_arc_keeps_to_the_sagitta(radius: float, degrees: tuple[float, ...], order: str) -> None:
    centre = (26_543_000.0, 4_405_000.0)
    points = on_circle(centre, radius, *degrees)
    line, arcs = curves.straightened(circular(points, order=order))
    assert arcs == 1
    assert (np.asarray(line.coords)[[0, -1]] == points[[0, 2]]).all()
    assert farthest(line, centre, radius) < 1.01 * curves.SAGITTA_M + 2e-8
    sweep = {(0, 45, 90): 90, (350, 355, 2): 12, (90, 20, 10): 80, (0, 200, 359): 359, (10, 10.01, 10.02): 0.02}[
        degrees
    ]
    assert line.length == pytest.approx(math.radians(sweep) * radius, rel=1e-3)


def test_neighbours_get_the_same_points() -> None:
    points = on_circle((500_000, 4_000_000), 800, 10, 40, 70)
    there, _ = curves.straightened(circular(points))
    back, _ = curves.straightened(circular(points[::-1]))
    assert list(there.coords) == list(back.coords)[::-1]


def test_a_full_circle_in_three_points() -> None:
    """The start repeated at the end: the second point is opposite."""
    points = on_circle((0, 0), 100, 0, 180, 0)
    points[2] = points[0]
    line, _ = curves.straightened(circular(points))
    area = shapely.Polygon(line).area
    assert math.pi * 100**2 - 2 * math.pi * 100 * curves.SAGITTA_M < area < math.pi * 100**2


def test_points_in_line_stay_a_line() -> None:
    line, _ = curves.straightened(circular(np.array([[0, 0], [5, 5], [10, 10.0]])))
    assert line.length == pytest.approx(math.hypot(10, 10))


def test_compound_rings_collections_and_heights() -> None:
    """A half disc on a square, with heights, in a collection of the older type number and of the ISO one."""
    arc = np.column_stack([on_circle((5, 10), 5, 0, 90, 180), [7, 8, 9]])
    path = np.array([[0, 10, 0], [0, 0, 0], [10, 0, 0], [10, 10, 0.0]])
    area = 100 + math.pi * 25 / 2
    for line, arc_kind, compound, curve_polygon, surface in (
        (1002, 1008, 1009, 1010, 1012),
        *[tuple(0x80000000 + k for k in (2, 8, 9, 10, 12))],
    ):
        ring = struct.pack("<BII", 1, compound, 2) + circular(path, kind=line) + circular(arc, kind=arc_kind)
        polygon = struct.pack("<BII", 1, curve_polygon, 1) + ring
        geometry, arcs = curves.straightened(struct.pack("<BII", 1, surface, 2) + polygon + polygon)
        assert arcs == 2
        assert [part.area for part in geometry.geoms] == pytest.approx([area, area], abs=16 * curves.SAGITTA_M)
        assert not geometry.has_z


@pytest.mark.parametrize("kind", [15, 16, 17, 999])
def test_what_has_no_linear_form(kind: int) -> None:
    with pytest.raises(ValueError, match="WKB"):
        curves.straightened(struct.pack("<BII", 1, kind, 0))


@pytest.mark.parametrize(
    "wkb", [b"", b"\x01", struct.pack("<BII", 1, 12, 2**31), struct.pack("<BII", 1, 8, 30) + bytes(40)]
)
def test_damaged_bytes(wkb: bytes) -> None:
    with pytest.raises((ValueError, struct.error)):
        curves.straightened(wkb)
