"""``read``: suffix -> gate -> adapter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from controllines.errors import InputError
from controllines.io import gate, points, postgis, sheets
from controllines.io.source import DEFAULT_LIMITS, Limits, Source, Wanted
from controllines.io.survey import read_survey
from controllines.io.vector import NAMED_LAYERS, read_dxf, read_kml, read_shapefile, read_vector

ADAPTERS: dict[str, Callable[[gate.Opened, Wanted], list[Source]]] = {
    "TXT": read_survey, "ESRI Shapefile": read_shapefile, "OpenFileGDB": read_vector, "GPKG": read_vector,
    "GeoJSON": read_vector, "Parquet": read_vector, "LIBKML": read_kml, "DXF": read_dxf, "CSV": points.read_csv,
    "XLSX": points.read_xlsx,
}  # fmt: skip


def read(
    path: str | Path | postgis.Address, *, layer: str | None = None, trusted: bool = False,
    limits: Limits = DEFAULT_LIMITS, packed: bool = False,
) -> list[Source]:  # fmt: skip
    """Read all vector layers of a file, or one of them.

    Parameters
    ----------
    path : survey TXT, csv or xlsx of corner points, shp, gdb, gpkg, geojson, kml, kmz, dxf, GeoParquet, a zip of
        these; or ``postgresql://…``, the address of PostGIS tables
    layer : name of the layer; formats with a single layer also take the stem of the file
    trusted : read by GDAL in this process (plan layers of the office); otherwise in the worker process
    limits : what the file may ask for
    packed : True leaves the geometries of large formats packed (:class:`controllines.packed.Packed`)

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
    if postgis.is_address(path):
        return postgis.read(path, layer=layer, limits=limits)
    path = Path(str(path))
    with gate.opened(path, limits) as inputs:
        chosen = [one for one in inputs if layer is None or one.driver in NAMED_LAYERS or layer in _names(one)]
        if not chosen:
            expected = "、".join(_names(one)[0] for one in inputs)
            raise InputError.of("LAYER_UNKNOWN", source=path, actual=layer, expected=expected)
        sources = _all(chosen, Wanted(layer, trusted, limits, packed))
    # Of several data sets those without features are left out, as the frame of a kmz that only names the others.
    filled = ([source for source in sources if len(source.geoms)] if len(chosen) > 1 else sources) or sources
    notes = [note for one in chosen for note in one.notes]
    return [replace(filled[0], findings=(*notes, *filled[0].findings)), *filled[1:]]


def read_sheets(path: str | Path, *, limits: Limits = DEFAULT_LIMITS) -> list[sheets.Sheet]:
    """Read an xlsx or csv as plain tables of text, not as geometry.

    Raises
    ------
    InputError
        The file cannot be read, or is no table.
    """
    path = Path(str(path))
    with gate.opened(path, limits) as inputs:
        if len(inputs) != 1 or inputs[0].driver not in ("XLSX", "CSV"):
            raise InputError.of("NOT_A_TABLE", source=path)
        return sheets.read_xlsx(inputs[0], limits) if inputs[0].driver == "XLSX" else sheets.read_csv(inputs[0])


def _names(opened: gate.Opened) -> tuple[str, ...]:
    """Return the names by which the one layer of a format without layer names may be asked for."""
    shown, _, inner = str(opened.shown).rpartition("!")
    return (Path(inner or shown).stem, opened.shown.stem)


def _all(inputs: list[gate.Opened], wanted: Wanted) -> list[Source]:
    """Read the data sets of one file; a layer asked for by name need not be in every one of them."""
    sources: list[Source] = []
    unknown: InputError | None = None
    for one in inputs:
        try:
            sources += _read(one, wanted)
        except InputError as problem:
            if problem.finding.code != "LAYER_UNKNOWN":
                raise
            unknown = problem
    if unknown is not None and not sources:
        raise unknown
    return sources


def _read(opened: gate.Opened, wanted: Wanted) -> list[Source]:
    named = wanted.layer if opened.driver in NAMED_LAYERS else None
    return ADAPTERS[opened.driver](opened, replace(wanted, layer=named))
