"""The store (预处理规划的存储): a prepared layer on disk, opened by mapping it into memory.

A layer lies in long arrays (:mod:`controllines.tiles`), each a ``.npy`` file without pickled objects, and its
attributes in a parquet file that is read only where a feature was met. Every block of tiles has a CRC32, which is
compared before anything in the block is believed.
"""

from __future__ import annotations

import mmap
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from controllines.crs import LONLAT, Plane, from_plane, recognise
from controllines.findings import Finding
from controllines.generations import damaged
from controllines.kinds import kind_of
from controllines.layers import Box, Layer, Origin, outlines_of
from controllines.packed import give_back, pack
from controllines.tiles import BLOCK, Tiles, arranged, join, tiles_of
from controllines.windows import Each

Array = np.ndarray
ATTRIBUTES, OUTLINES = "attributes.parquet", "outlines.parquet"
#: Rows of attributes in a group that is read at once.
GROUP = 4_096
#: Groups that are held at once, and blocks of tiles between two lettings-go of mapped memory.
GROUPS, LET_GO = 32, 256
#: Layers of which outlines are kept.
OUTLINED = ("township",)
_ARRAYS = ("xy", "rings", "tiles", "bounds", "owner", "area", "rectangle", "blocks")
_OTHERS = ("used", "resolution", "crc")
_ROLES = ("feature_id", "class", "code", "name", "status", "source_crs")


class PreparedLayer(Layer):
    """A layer in a store: what a check asks for is read where it is met; everything else when it is first asked for.

    Its frame has the geometry in EPSG:4490, brought back from the plane.
    """

    def __init__(self, folder: Path, entry: Mapping[str, Any], plane: Plane) -> None:
        given = {
            "kind": kind_of(entry["kind"], sense=entry["sense"]),
            "origins": tuple(Origin(**origin) for origin in entry["origins"]),
            "findings": tuple(Finding(**item) for item in entry["findings"]),
            "plane": plane,
            "folder": folder,
            "entry": entry,
        }
        for name, value in given.items():
            object.__setattr__(self, name, value)

    folder: Path
    entry: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"PreparedLayer({self.kind.key}, {len(self)} features, {self.folder})"

    def __len__(self) -> int:
        return int(self.entry["count"])

    def _array(self, name: str) -> Array:
        return _mapped(self.folder, name, self.entry["arrays"][name])

    @cached_property
    def in_plane(self) -> Tiles:
        """The tiles; a block is compared with its CRC before it is used."""
        arrays: dict[str, Any] = {name: self._array(name) for name in _ARRAYS}
        tiles = Tiles(**arrays, count=len(self))
        return replace(tiles, check=_Checked(tiles, self._array("crc"), self.folder).blocks)

    @cached_property
    def used(self) -> Array:
        """True for the rows that take part."""
        return self._array("used")

    @cached_property
    def resolution(self) -> Array:
        """Coordinate resolution of each row, in metres."""
        return self._array("resolution")

    @property
    def extent(self) -> Box | None:
        """West, south, east, north (degrees) of the usable features."""
        box = self.entry["extent"]
        return None if box is None else (box[0], box[1], box[2], box[3])

    @property
    def set_aside(self) -> tuple[tuple[str, Any], ...]:
        """Id and box in the plane of each excluded feature; None where it has none."""
        return tuple((identity, shapely.from_wkb(box)) for identity, box in self.entry["set_aside"])

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of the frame, without the geometry; no value is read."""
        import pyarrow.parquet as pq

        try:
            return tuple(pq.read_schema(self.folder / "attributes.parquet").names)
        except (OSError, ValueError) as problem:
            raise damaged(self.folder / "attributes.parquet", str(problem)[:200]) from None

    def attributes(self, names: Sequence[str], rows: Array | None = None) -> pd.DataFrame:
        """Return columns of the frame, of all features or of those at ``rows``; no others are read."""
        if rows is not None and not len(rows) and set(names) <= {*_ROLES, "kcxs"}:
            return pd.DataFrame({name: pd.Series(dtype=float if name == "kcxs" else object) for name in names})
        return read_table(self.folder / ATTRIBUTES, names, None if rows is None else np.asarray(rows))

    @cached_property
    def outlines(self) -> Array:
        """The features simplified to 20 m; kept for the layers that maps show as a whole."""
        if self.kind.key not in OUTLINED:
            return outlines_of(self.geoms, self.plane or Plane(0, 0))
        return np.asarray(
            shapely.from_wkb(read_table(self.folder / OUTLINES, ("outline",))["outline"].to_numpy(object))
        )

    @cached_property
    def geoms(self) -> Array:
        """All features, put together again, in the plane."""
        tiles = self.in_plane
        order = np.argsort(tiles.owner, kind="stable")
        out = join(tiles.geoms(order), np.asarray(tiles.owner)[order], len(self))
        out[~np.asarray(self.used)] = None
        return out

    @cached_property
    def shapes(self) -> Array:
        """All features in longitude and latitude."""
        if self.plane is None:
            raise AssertionError("a prepared layer lies in a plane")
        out, rows = np.full(len(self), None, dtype=object), np.flatnonzero(self.used)
        out[rows] = from_plane(self.geoms[rows], self.plane, recognise(LONLAT))
        return out

    @cached_property
    def crs(self) -> tuple[Any, ...]:
        """CRS of ``shapes``."""
        return (recognise(LONLAT),) * len(self)

    @cached_property
    def frame(self) -> gpd.GeoDataFrame:
        """All attributes and geometries."""
        return gpd.GeoDataFrame(read_table(self.folder / ATTRIBUTES), geometry=self.shapes, crs=LONLAT)


@dataclass
class _Checked:
    """Compares blocks of tiles with their CRC32, each once in this process; gives memory back as blocks are used."""

    tiles: Tiles
    crc: Array
    folder: Path
    mapped: int = 0

    @cached_property
    def seen(self) -> Array:
        return np.zeros(len(self.tiles.blocks), bool)

    def blocks(self, blocks: Array) -> None:
        """Raise unless these blocks, which are about to be used, are what was written."""
        for start in range(0, len(blocks), LET_GO):
            own = blocks[start : start + LET_GO]
            if self.mapped + len(own) > LET_GO:
                _let_go(self.tiles)
                self.mapped = 0
            self.mapped += len(own)
            self._compare(own[~self.seen[own]].tolist())

    def _compare(self, blocks: list[int]) -> None:
        for block in blocks:
            try:
                same = crc_of(self.tiles, block) == self.crc[block]
            except (IndexError, ValueError):  # offsets that lead out of the arrays
                same = False
            if not same:
                raise damaged(self.folder, f"第 {block} 块")
            self.seen[block] = True


def _let_go(tiles: Tiles) -> None:
    """Give mapped pages back: the system maps sixteen for each that is read, in the end the whole store.

    What is asked for again is mapped again, from the system's own copy of the file.
    """
    for name in _ARRAYS:
        mapped = getattr(getattr(tiles, name).base, "_mmap", None)
        if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):  # not on Windows
            mapped.madvise(mmap.MADV_DONTNEED)


def crc_of(tiles: Tiles, block: int) -> int:
    """Return the CRC32 of everything that belongs to one block of tiles."""
    first, last = block * BLOCK, min((block + 1) * BLOCK, len(tiles))
    rings = slice(int(tiles.tiles[first]), int(tiles.tiles[last]))
    points = slice(int(tiles.rings[rings.start]), int(tiles.rings[rings.stop]))
    own = slice(first, last)
    crc = 0
    for array, part in (
        (tiles.tiles, slice(first, last + 1)), (tiles.rings, slice(rings.start, rings.stop + 1)), (tiles.xy, points),
        (tiles.bounds, own), (tiles.owner, own), (tiles.area, own), (tiles.rectangle, own),
    ):  # fmt: skip
        crc = zlib.crc32(np.ascontiguousarray(array[part]).view(np.uint8).reshape(-1).data, crc)
    return crc


def _mapped(folder: Path, name: str, wanted: Mapping[str, Any]) -> Array:
    """Map an array; its size and type must be those of the manifest, small ones are compared whole."""
    path = folder / f"{name}.npy"
    try:
        # nothing cannot be mapped
        array: Array = np.load(path, mmap_mode="r" if wanted["shape"][0] else None, allow_pickle=False)
    except (OSError, ValueError) as problem:
        raise damaged(path, str(problem)) from None
    if list(array.shape) != wanted["shape"] or array.dtype.str != wanted["dtype"]:
        raise damaged(path, f"{array.dtype.str} {list(array.shape)}")
    if "crc" in wanted and zlib.crc32(np.ascontiguousarray(array).view(np.uint8).reshape(-1).data) != wanted["crc"]:
        raise damaged(path, "CRC32")
    return array.view(np.ndarray)  # a memmap costs microseconds for every slice


def read_table(path: Path, names: Sequence[str] | None = None, rows: Array | None = None) -> pd.DataFrame:
    """Return columns of a table, all rows or some; only the groups that hold them are read."""
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            columns = None if names is None else list(names)
            table = file.read(columns=columns) if rows is None else _rows_of(file, columns, rows)
    except (OSError, ValueError) as problem:  # pyarrow's errors are both
        raise damaged(path, str(problem)[:200]) from None
    frame: pd.DataFrame = table.to_pandas(integer_object_nulls=True)
    for name in frame.columns.intersection(list(_ROLES)):
        frame[name] = frame[name].astype(object).where(frame[name].notna(), None)
    return frame if names is None else frame[list(names)]


def _rows_of(file: Any, columns: list[str] | None, rows: Array) -> Any:
    """Return an Arrow table of these rows; few groups are held at a time."""
    import pyarrow as pa

    order = np.argsort(rows, kind="stable")
    groups, first = np.unique(rows[order] // GROUP, return_index=True)
    parts = [file.schema_arrow.empty_table().select(columns or file.schema_arrow.names)]
    for n in range(0, len(groups), GROUPS):
        own = groups[n : n + GROUPS]
        wanted = rows[order[first[n] : first[n + GROUPS] if n + GROUPS < len(groups) else None]]
        place = np.searchsorted(own, wanted // GROUP) * GROUP + wanted % GROUP
        parts.append(file.read_row_groups(own.tolist(), columns=columns).take(place))
    back = np.empty(len(rows), np.int64)
    back[order] = np.arange(len(rows))
    return pa.concat_tables(parts).take(back)


def write_layer(folder: Path, layer: Layer, *, each: Each = map) -> dict[str, Any]:
    """Write one laid layer and return its entry in the manifest; the geometry of a packed one is used up."""
    folder.mkdir()
    _write_attributes(folder / ATTRIBUTES, layer)
    geoms, count, others = pack(layer.geoms), len(layer), {"used": layer.used, "resolution": layer.resolution}
    entry = {
        "folder": folder.name, "kind": layer.kind.key, "sense": layer.kind.sense, "count": count,
        "origins": [asdict(origin) for origin in layer.origins],
        "findings": [asdict(item) for item in layer.findings],
        "extent": layer.extent,
        "set_aside": [(identity, shapely.to_wkb(box, hex=True)) for identity, box in layer.set_aside],
    }  # fmt: skip
    if layer.kind.key in OUTLINED:
        outlines = shapely.to_wkb(outlines_of(geoms, layer.plane or Plane(0, 0)))
        _write_table(folder / OUTLINES, pd.DataFrame({"outline": outlines}))
    del layer  # its attributes are not kept while its geometry is cut
    give_back()
    cut = list(each(lambda rows: tiles_of(geoms.drained(rows), first=rows.start), geoms.slices))
    give_back()
    tiles = replace(arranged(cut or [tiles_of(np.empty(0, dtype=object))]), count=count)
    crc = np.array([crc_of(tiles, block) for block in range(len(tiles.blocks))], np.uint32)
    arrays = {name: getattr(tiles, name) for name in _ARRAYS}
    arrays |= {**others, "crc": crc}
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    whole = ("blocks", *_OTHERS)
    return {**entry, "arrays": {name: _said(array, whole=name in whole) for name, array in arrays.items()}}


def _said(array: Array, *, whole: bool) -> dict[str, Any]:
    said: dict[str, Any] = {"shape": list(array.shape), "dtype": array.dtype.str}
    if whole:
        said["crc"] = zlib.crc32(np.ascontiguousarray(array).view(np.uint8).reshape(-1).data)
    return said


def _write_attributes(path: Path, layer: Layer) -> None:
    _write_table(path, pd.DataFrame(layer.frame.drop(columns="geometry", errors="ignore")).reset_index(drop=True))


def _write_table(path: Path, frame: pd.DataFrame) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {}
    for name in frame.columns:
        try:
            columns[str(name)] = pa.Array.from_pandas(frame[name])
        except (pa.ArrowInvalid, pa.ArrowTypeError):  # values of several types in one column of a caller's frame
            columns[str(name)] = pa.array(
                [None if pd.isna(value) else str(value) for value in frame[name]], pa.string()
            )
    pq.write_table(pa.table(columns), path, row_group_size=GROUP, compression="zstd", write_page_checksum=True)


def open_layer(folder: Path, manifest: Mapping[str, Any], key: str) -> PreparedLayer:
    """Open one layer of a store."""
    entry = manifest["layers"][key]
    return PreparedLayer(folder / manifest["generation"] / entry["folder"], entry, Plane(**manifest["plane"]))


def verify(layer: PreparedLayer) -> int:
    """Compare every block and every attribute of a layer; return how many blocks there are."""
    blocks = len(layer.in_plane.blocks)
    layer.in_plane.check(np.arange(blocks))
    for name in _OTHERS:
        layer._array(name)
    for path in layer.folder.glob("*.parquet"):
        read_table(path)
    return blocks
