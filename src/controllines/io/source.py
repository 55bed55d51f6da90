"""What a reader hands on: a frame, its geometries, and what the file said about itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyproj

from controllines.findings import Finding


@dataclass(frozen=True)
class Limits:
    """How much one file may ask for; the error that a limit causes names it.

    Attributes
    ----------
    max_file_bytes : bytes of the file, or of all files of a folder
    max_unzipped_bytes : bytes of all members of a zip together
    max_zip_members : members of a zip
    max_zip_ratio : bytes of all members of a zip by its own bytes (archives over 256 MiB unzipped)
    max_text_bytes : bytes of a file whose text is read as a whole: TXT, csv, kml, and xlsx unzipped
    max_features : features (要素) of one layer
    max_seconds : seconds that the worker process may take for one file
    max_memory_bytes : address space of the worker process, where the platform can limit it
    """

    max_file_bytes: int = 8 * 2**30
    max_unzipped_bytes: int = 8 * 2**30
    max_zip_members: int = 10_000
    max_zip_ratio: float = 200.0
    max_text_bytes: int = 64 * 2**20
    max_features: int = 10_000_000
    max_seconds: float = 300.0
    max_memory_bytes: int = 4 * 2**30


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True)
class Wanted:
    """What to read of a file, and how.

    Attributes
    ----------
    layer : name of the one layer, None for all
    trusted : True to read by GDAL in this process
    limits : what the file may ask for
    packed : True leaves geometries packed, for layers too large to be unpacked at once
    """

    layer: str | None
    trusted: bool
    limits: Limits
    packed: bool = False


@dataclass(frozen=True, eq=False)
class Source:
    """One layer of one file (来源): a frame plus what the file said about itself.

    Attributes
    ----------
    path : the file as it was named by the caller; of a database its address without the password
    layer : name of the layer; None for formats that hold just one
    frame : attribute columns as in the file, RangeIndex, no geometry column; codes stay text
    geoms : shapely objects in source coordinates, x = east and y = north, two-dimensional, as long as ``frame``;
        None where the record has none; :class:`controllines.packed.Packed` where that was asked for
    crs : coordinate reference system the file declares (坐标系), or None
    crs_found : how it was found, in Chinese
    encoding : character encoding of the text, where the format leaves it open
    resolution_m : coordinate resolution in metres (TXT 精度); None if not said
    sha256 : of the file; of several files (gdb folder, shapefile with its parts, gpkg with its -wal) it is the sha256
        over the sorted lines "relative path, space, sha256 of that file, newline"
    project : ``[项目信息]`` of a survey TXT, else empty
    findings : what was noticed while reading
    parameters : 转换参数 of a survey TXT as declared, for conversion only; secret: never printed, written or logged
    driver : ``TXT``, ``CSV``, ``XLSX``, ``ESRI Shapefile``, ``OpenFileGDB``, ``GPKG``, ``GeoJSON``, ``Parquet``,
        ``LIBKML``, ``DXF`` or ``PostGIS``
    """

    path: Path | str
    layer: str | None
    frame: pd.DataFrame
    geoms: np.ndarray
    crs: pyproj.CRS | None
    crs_found: str
    encoding: str | None
    resolution_m: float | None
    sha256: str
    driver: str
    project: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    parameters: tuple[float, ...] | None = field(default=None, repr=False)
