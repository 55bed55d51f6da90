"""Reading rasters (栅格读取): the file, its grid, its coordinate system by the same rules as layers, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from controllines.crs import SourceCRS, check_range, recognise, same
from controllines.errors import CRSError, InputError
from controllines.findings import Finding, finding
from controllines.io.files import sha256
from controllines.raster.grid import Affine, Window

Array = np.ndarray
#: Formats that are read; others, such as VRT, can reach for other files or for the net.
DRIVERS = ("GTiff", "COG", "HFA", "AAIGrid")
#: Cells of a block, and bytes that GDAL may keep of the file.
BLOCK_CELLS, CACHE_BYTES = 500_000, 64 * 2**20


@dataclass(frozen=True)
class Raster:
    """An opened band.

    Attributes
    ----------
    path, sha256 : of the file
    affine : its grid
    crs : its recognised CRS
    dtype : of its values
    nodata : value that says there is none, None where it is not declared
    findings : what was noticed
    """

    path: Path
    sha256: str
    affine: Affine
    crs: SourceCRS
    dtype: np.dtype[Any]
    nodata: float | None
    findings: tuple[Finding, ...]
    dataset: Any
    band: int

    def windows(self) -> Iterator[list[Window]]:
        """Yield the blocks of the raster, those of one strip of rows together; they follow the tiles of the file."""
        high, wide = self.dataset.block_shapes[self.band - 1]
        columns = self.affine.columns if wide >= self.affine.columns else max(wide, 1024 // wide * wide)
        rows = max(1, BLOCK_CELLS // columns)
        rows = max(high, rows // high * high) if high * columns <= 4 * BLOCK_CELLS else rows
        for row in range(0, self.affine.rows, rows):
            end = min(row + rows, self.affine.rows)
            yield [Window(row, column, end, min(column + columns, self.affine.columns))
                   for column in range(0, self.affine.columns, columns)]  # fmt: skip

    def read(self, window: Window) -> tuple[Array, Array]:
        """Return the values of a block, and where there are any.

        Raises
        ------
        InputError
            ``FILE_CORRUPT``: the file is damaged there; nothing is made from half a raster.
        """
        from rasterio.errors import RasterioError
        from rasterio.windows import Window as Part

        part = Part(window.column, window.row, window.shape[1], window.shape[0])
        try:
            values = self.dataset.read(self.band, window=part)
            valid = self.dataset.read_masks(self.band, window=part) > 0
        except RasterioError as problem:
            raise InputError.of("FILE_CORRUPT", source=self.path, actual=str(problem)[:200]) from problem
        if values.dtype.kind == "f":
            valid &= np.isfinite(values)
        scale, offset = self.dataset.scales[self.band - 1], self.dataset.offsets[self.band - 1]
        return (values if (scale, offset) == (1.0, 0.0) else values * scale + offset), valid


@contextmanager
def open_raster(
    path: str | Path, *, band: int = 1, crs: object = None, datum: str | None = None
) -> Iterator[Raster]:  # fmt: skip
    """Open one band of a raster.

    Parameters
    ----------
    crs : CRS of a file without one; a contradiction is an error
    datum : ``"as_is"`` for data on a foreign datum

    Raises
    ------
    InputError
        The file cannot be read, is rotated, or has no such band.
    CRSError
        The CRS is missing, contradictory, or cannot be brought to CGCS2000.
    """
    import rasterio
    from rasterio.errors import RasterioError
    from rasterio.io import DatasetReader

    file = Path(path)
    if not file.is_file():
        raise InputError.of("FILE_NOT_FOUND", source=path)
    with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES):
        _own_proj_data(Path(rasterio.__file__).parent / "proj_data")
        try:
            dataset = DatasetReader(str(file), driver=list(DRIVERS))  # rasterio.open takes one driver only
        except RasterioError as problem:
            raise InputError.of("RASTER_UNREADABLE", source=path, actual=str(problem)[:200],
                                expected="、".join(DRIVERS)) from problem  # fmt: skip
        with dataset:
            if not 1 <= band <= dataset.count:
                raise InputError.of("RASTER_BAND", source=path, actual=band, expected=dataset.count)
            affine = _affine(file, dataset)
            source, found = _crs(file, dataset, affine, (crs, datum))
            yield Raster(file, sha256(file), affine, source, np.dtype(dataset.dtypes[band - 1]),
                         dataset.nodatavals[band - 1], found, dataset, band)  # fmt: skip


def _own_proj_data(folder: Path) -> None:
    """Let the reader name CRS by its own register: a GIS desk's ``PROJ_LIB`` would take their datums away."""
    from rasterio._env import set_proj_data_search_path  # no public way

    if folder.is_dir():
        set_proj_data_search_path(str(folder))


def _affine(path: Path, dataset: Any) -> Affine:
    at = dataset.transform
    if at.b or at.d or not at.a or not at.e:
        raise InputError.of("RASTER_ROTATED", source=path)
    return Affine(at.c, at.f, at.a, at.e, dataset.width, dataset.height)


def _crs(
    path: Path, dataset: Any, affine: Affine, said: tuple[object, str | None]
) -> tuple[SourceCRS, tuple[Finding, ...]]:
    declared, datum = said
    # pyproj alone interprets CRS: rasterio's GDAL hands over what the file says.
    own = dataset.crs.to_wkt() if dataset.crs else None
    where: dict[str, Any] = {"source": path}
    if own is None and declared is None:
        raise CRSError.of("CRS_MISSING", hint="", **where)
    source = recognise(declared if own is None else own, datum=datum, **where)
    if own is not None and declared is not None and not same(source.crs, recognise(declared, datum=datum, **where).crs):
        raise CRSError.of("CRS_CONTRADICTS", expected=str(declared), actual=source.crs.name, **where)
    x = sorted((affine.left, affine.left + affine.columns * affine.width))
    y = sorted((affine.top, affine.top + affine.rows * affine.height))
    check_range(source, np.array([x[0], y[0], x[1], y[1]]), file=path)
    notes = {"wgs84": "CRS_WGS84", "as_is": "CRS_AS_IS"}
    code = notes.get(source.datum)
    return source, () if code is None else (finding(code, actual=source.crs.name, **where),)
