"""Packed geometries (打包的几何): a column of millions of shapes as WKB, unpacked a block of rows at a time.

A small polygon takes 90 bytes as WKB and 400 as an object of the engine. A packed column stands in the place of an
array of geometries where a whole plan passes through once: asked for rows, it gives geometries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

Array = np.ndarray
#: A block has at most so many rows, and ends after so many bytes of WKB.
ROWS, BYTES = 20_000, 8 << 20


@dataclass(frozen=True)
class Block:
    """Rows that are unpacked together.

    Attributes
    ----------
    wkb : large_binary Arrow array; null where a row has no geometry
    bounds : (n, 4) box of each row, NaN where there is none; None if nobody will ask
    """

    wkb: Any
    bounds: Array | None


def unpacked(wkb: Any) -> Array:
    """Return the geometries of a binary Arrow array."""
    with np.errstate(invalid="ignore"):  # NaN coordinates are found by feature
        return np.asarray(shapely.from_wkb(wkb.to_numpy(zero_copy_only=False)), dtype=object)


def packed(geoms: Array, *, boxes: bool = True) -> Block:
    """Pack geometries into one block; ``boxes`` False leaves their boxes out."""
    import pyarrow as pa

    return Block(pa.array(shapely.to_wkb(geoms), pa.large_binary()), boxes_of(geoms) if boxes else None)


def boxes_of(geoms: Array) -> Array:
    """Return the box of each geometry, shape (n, 4)."""
    return np.asarray(shapely.bounds(geoms)).reshape(-1, 4)


def give_back() -> None:
    """Return memory to the system that Arrow keeps for later."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()


class Packed:
    """A packed column of geometries.

    Parameters
    ----------
    blocks : its rows, one block behind the other

    Attributes
    ----------
    bounds : box of each row, shape (n, 4); shape (0, 4) where the blocks have none
    """

    def __init__(self, blocks: Iterable[Block]) -> None:
        given = list(blocks)
        self.wkb: list[Any] = [block.wkb for block in given]
        self.starts = np.cumsum([0, *map(len, self.wkb)])
        self.bounds = np.concatenate([np.empty((0, 4)), *(one.bounds for one in given if one.bounds is not None)])

    def __len__(self) -> int:
        return int(self.starts[-1])

    @property
    def slices(self) -> list[slice]:
        """The rows of each block."""
        return [slice(int(a), int(b)) for a, b in zip(self.starts[:-1], self.starts[1:], strict=True)]

    def drained(self, rows: slice) -> Array:
        """Return the geometries of one of ``slices`` and let go of it: nobody asks for them again."""
        number = self._number(rows)
        wkb, self.wkb[number] = self.wkb[number], None
        return unpacked(wkb)

    def _number(self, rows: slice) -> int:
        return int(np.searchsorted(self.starts, rows.start, side="right")) - 1

    def block(self, rows: slice) -> Block:
        """Return one of ``slices`` as it is packed."""
        return Block(self.wkb[self._number(rows)], self.bounds[rows])

    def __getitem__(self, rows: slice | Array) -> Array:
        """Return the geometries at rows: one of ``slices``, or any row numbers."""
        if isinstance(rows, slice):
            return unpacked(self.wkb[self._number(rows)])
        rows = np.asarray(rows, np.int64)
        out = np.full(len(rows), None, dtype=object)
        block = np.searchsorted(self.starts, rows, side="right") - 1
        for n in np.unique(block):
            own = np.flatnonzero(block == n)
            out[own] = unpacked(self.wkb[n].take(rows[own] - self.starts[n]))
        return out


#: A column of geometries: in memory, or packed.
Column = Array | Packed


def pack(geoms: Column) -> Packed:
    """Return a column in packed form."""
    if isinstance(geoms, Packed):
        return geoms
    return Packed(packed(geoms[n : n + ROWS]) for n in range(0, len(geoms), ROWS))


def slices_of(geoms: Column) -> list[slice]:
    """Return the rows to go through a column by: block by block; those in memory all at once."""
    return geoms.slices if isinstance(geoms, Packed) else [slice(0, len(geoms))]


def bounds_of(geoms: Column) -> Array:
    """Return the box of each geometry, shape (n, 4)."""
    return geoms.bounds if isinstance(geoms, Packed) else boxes_of(geoms)


def measured(function: Callable[[Array], Array], geoms: Column, rows: Array) -> Array:
    """Return a measure, one number for each geometry at ``rows``, block by block."""
    if not isinstance(geoms, Packed):
        return function(geoms[rows])
    return np.concatenate([np.empty(0), *(function(geoms[rows[n : n + ROWS]]) for n in range(0, len(rows), ROWS))])


def row_slices(wkb: Any) -> Iterator[slice]:
    """Yield the rows of a binary Arrow column in blocks of limited size."""
    import pyarrow.compute as pc

    size = np.cumsum(pc.fill_null(pc.binary_length(wkb), 0).to_numpy())
    start = 0
    while start < len(size):
        before = size[start - 1] if start else 0
        end = int(np.searchsorted(size, before + BYTES, side="left")) + 1
        end = min(end, start + ROWS, len(size))
        yield slice(start, end)
        start = end
