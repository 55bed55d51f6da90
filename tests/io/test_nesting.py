"""Geometries in geometries: how deep they may lie, whatever the byte order, dimensions and neighbours."""

from __future__ import annotations

import struct

import pytest
import shapely

from controllines.io.nesting import DEEPEST, deep_rows, too_deep

POINT = struct.pack("<BIdd", 1, 1, 80.0, 40.0)
HOLED = shapely.Polygon(shapely.box(0, 0, 9, 9).exterior, [shapely.box(1, 1, 2, 2).exterior])
PLAIN = [
    shapely.Point(0, 0), HOLED, shapely.MultiPolygon([HOLED, shapely.box(20, 0, 21, 1)]), shapely.MultiPoint([[0, 0]]),
    shapely.MultiLineString([[[0, 0, 1], [1, 1, 1]]]),
    shapely.GeometryCollection([shapely.MultiPolygon([HOLED]), HOLED]),
    shapely.GeometryCollection(), shapely.from_wkt("POLYGON ZM ((0 0 1 2, 1 0 1 2, 1 1 1 2, 0 0 1 2))"),
]  # fmt: skip


def nested(levels: int, *, kind: int = 7, order: str = "<", beside: bytes = b"") -> bytes:
    head = struct.pack(f"{order}BII", order == "<", kind, 1 + bool(beside)) + beside
    return head * levels + POINT


@pytest.mark.parametrize("flavor", ["iso", "extended"])
@pytest.mark.parametrize("big", [0, 1])
def test_real_geometries_are_not_deep(big: int, flavor: str) -> None:
    shapes = [shapely.set_srid(one, 4490) if flavor == "extended" else one for one in PLAIN]
    wkb = [shapely.to_wkb(one, byte_order=big, flavor=flavor, include_srid=flavor == "extended") for one in shapes]
    assert not len(deep_rows([*wkb, None]))
    # the walk itself, too, ends where the geometry does
    assert not any(too_deep(one) for one in wkb)
    assert too_deep(struct.pack("<BII", 1, 7, 2) + wkb[0] + nested(DEEPEST + 1))


@pytest.mark.parametrize("kind", [4, 6, 7, 1007, 12, 15])
@pytest.mark.parametrize("order", ["<", ">"])
def test_the_deepest_that_is_read(kind: int, order: str) -> None:
    assert not too_deep(nested(DEEPEST, kind=kind, order=order))
    assert too_deep(nested(DEEPEST + 1, kind=kind, order=order))


def test_depth_behind_other_parts() -> None:
    polygon = shapely.to_wkb(HOLED)
    assert too_deep(nested(DEEPEST + 1, beside=polygon))
    assert too_deep(struct.pack("<BII", 1, 6, 2) + polygon + nested(1000))
    assert deep_rows([polygon, None, nested(100_000), POINT]).tolist() == [2]


def test_what_is_cut_off_is_left_to_the_reader() -> None:
    assert not any(too_deep(nested(5)[:n]) for n in range(60))
    assert not too_deep(struct.pack("<BII", 1, 99, 1))
