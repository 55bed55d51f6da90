"""How deep geometries lie in each other (嵌套层数): a reader that calls itself for each level ends with its stack.

GEOS has no limit of its own, and an end of the stack is the end of the process; GDAL stops at the same depth as this.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

import numpy as np

#: Levels that are read; a collection of multi-polygons has three.
DEEPEST = 32
_LITTLE, _BIG = "<", ">"
_Z, _M, _SRID = 0x80000000, 0x40000000, 0x20000000
#: First bytes of points, lines and polygons, which hold nothing but coordinates.
_SIMPLE = frozenset(
    struct.pack(f"{order}BI", order == _LITTLE, (kind + thousand) | flag)
    for order in (_LITTLE, _BIG) for kind in (1, 2, 3)
    for thousand, flag in ((0, 0), (1000, 0), (2000, 0), (3000, 0), (0, _Z), (0, _M), (0, _Z | _M))
)  # fmt: skip
_ONE = frozenset((b"\x01\x00\x00\x00", b"\x00\x00\x00\x01"))
_LINES, _RINGS, _PARTS = (2, 8), (3, 17), (4, 5, 6, 7, 9, 10, 11, 12, 15, 16)


def deep_rows(wkb: Iterable[bytes | None]) -> np.ndarray:
    """Return the rows whose geometry lies deeper in itself than is read."""
    found = [row for row, one in enumerate(wkb) if isinstance(one, bytes) and not _shallow(one) and too_deep(one)]
    return np.array(found, dtype=np.intp)


def _shallow(wkb: bytes) -> bool:
    return wkb[:5] in _SIMPLE or (wkb[5:9] in _ONE and wkb[9:14] in _SIMPLE)


def too_deep(wkb: bytes) -> bool:
    """Return whether a geometry has more levels than :data:`DEEPEST`; what is cut off or unknown is the reader's.

    Headers mean what GEOS takes them for: the low 16 bits are the type, its thousands Z and M as in ISO WKB, the high
    bits Z, M and SRID as in EWKB; a byte order that is neither stays what it was.
    """
    at, order, left = 0, _LITTLE, [1]
    try:
        while left:
            if not left[-1]:
                left.pop()
                continue
            left[-1] -= 1
            order = {0: _BIG, 1: _LITTLE}.get(wkb[at], order)
            (code,) = struct.unpack_from(f"{order}I", wkb, at + 1)
            at += 9 if code & _SRID else 5
            thousands, kind = divmod(code & 0xFFFF, 1000)
            width = 8 * (2 + (thousands in (1, 3) or bool(code & _Z)) + (thousands in (2, 3) or bool(code & _M)))
            if kind == 1:
                at += width
                continue
            (count,) = struct.unpack_from(f"{order}I", wkb, at)
            at += 4
            if kind in _LINES:
                at += count * width
            elif kind in _RINGS:
                at = _behind_rings(wkb, at, count, (order, width))
            elif kind in _PARTS:
                left.append(count)
                if len(left) > DEEPEST + 1:
                    return True
            else:
                return False
    except (struct.error, IndexError):
        return False
    return False


def _behind_rings(wkb: bytes, at: int, count: int, form: tuple[str, int]) -> int:
    order, width = form
    for _ in range(count):
        (points,) = struct.unpack_from(f"{order}I", wkb, at)
        at += 4 + points * width
    return at
