"""``read``: suffix -> gate -> adapter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from controllines.errors import InputError
from controllines.io import gate
from controllines.io.source import DEFAULT_LIMITS, Limits, Source, Wanted
from controllines.io.survey import read_survey
from controllines.io.vector import NAMED_LAYERS, read_shapefile, read_vector

ADAPTERS: dict[str, Callable[[gate.Opened, Wanted], list[Source]]] = {
    "TXT": read_survey, "ESRI Shapefile": read_shapefile, "OpenFileGDB": read_vector, "GPKG": read_vector,
    "GeoJSON": read_vector, "Parquet": read_vector,
}  # fmt: skip


def read(
    path: str | Path, *, layer: str | None = None, trusted: bool = False, limits: Limits = DEFAULT_LIMITS
) -> list[Source]:
    """Read all vector layers of a file, or one of them.

    Parameters
    ----------
    path : survey TXT, shp, gdb, gpkg, geojson, GeoParquet, or a zip with one shapefile or gdb
    layer : name of the layer; formats with a single layer also take the stem of the file
    trusted : read by GDAL in this process (plan layers of the office); otherwise in the worker process
    limits : what the file may ask for

    Returns
    -------
    list of Source, in the order of the file

    Raises
    ------
    InputError
        The file cannot be read whole; the finding names the cause, the place and the fix.
    CRSError
        What the file says about its coordinate system contradicts itself, or names a datum that needs parameters.
    """
    path = Path(path)
    with gate.opened(path, limits) as opened:
        if layer is not None and opened.driver not in NAMED_LAYERS and layer != path.stem:
            raise InputError.of("LAYER_UNKNOWN", source=path, actual=layer, expected=path.stem)
        named = layer if opened.driver in NAMED_LAYERS else None
        return ADAPTERS[opened.driver](opened, Wanted(named, trusted, limits))
