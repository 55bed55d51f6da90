"""Reading record by record: slower than in bulk, but one bad record costs one record."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import shapely

#: Column of the geometry (WKB) in the tables given back.
WKB = "__wkb__"


class RefusedError(Exception):
    """The file was not read: a code of the catalogue and what fills its sentence."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code, self.values = code, values


def list_layers(path: str) -> list[tuple[str, str | None]]:
    """Return name and geometry type of every layer; None where a table has no geometry."""
    import fiona

    listed: list[tuple[str, str | None]] = []
    for name in fiona.listlayers(path):
        with fiona.open(path, layer=name) as layer:
            try:
                geometry = str(layer.schema["geometry"])
            except fiona.errors.UnsupportedGeometryTypeError:  # mixed types with heights: neither library names it
                geometry = "Unknown"
            listed.append((str(name), None if geometry == "None" else geometry))
    return listed


def read_layer(
    path: str, name: str, *, encoding: str | None, max_features: int
) -> tuple[dict[str, Any], pa.Table]:  # fmt: skip
    """Read one layer; a record that breaks stays as a row without attributes and geometry, and is named.

    Returns
    -------
    what is known of the layer, with ``broken`` (row, reason); table whose column ``__wkb__`` is the geometry

    Raises
    ------
    RefusedError
        ``FILE_CORRUPT``: the layer cannot be opened, or its number of records is not known.
    """
    import fiona

    try:
        with fiona.open(path, layer=name, encoding=encoding) as layer:
            if len(layer) > max_features:
                raise RefusedError("LIMIT_EXCEEDED", limit="max_features", expected=max_features, actual=len(layer))
            rows, broken = _records(layer)
            about = {"name": name, "crs": layer.crs_wkt or None, "curves": 0, "broken": broken, "driver": layer.driver}
            names = list(dict.fromkeys(name for properties, _ in rows for name in properties))
    except (fiona.errors.FionaError, TypeError) as problem:
        raise RefusedError("FILE_CORRUPT", actual=str(problem.__cause__ or problem)[:200]) from problem
    columns = [_column([properties.get(column) for properties, _ in rows]) for column in names]
    wkb = pa.array([geometry for _, geometry in rows], pa.large_binary())
    return about, pa.table([*columns, wkb], names=[*names, WKB])


def _records(layer: Any) -> tuple[list[tuple[dict[str, Any], bytes | None]], list[tuple[int, str]]]:
    rows: list[tuple[dict[str, Any], bytes | None]] = []
    broken = []
    steps = iter(layer)
    while len(rows) < len(layer):
        try:
            record = next(steps)
            rows.append((dict(record["properties"]), _wkb(record["geometry"])))
        except StopIteration:
            break
        except (ValueError, TypeError, KeyError, RuntimeError, shapely.errors.ShapelyError) as problem:
            rows.append(({}, None))
            broken.append((len(rows) - 1, str(problem.__cause__ or problem)[:200]))
    missing = len(layer) - len(rows)
    broken += [(len(rows) + k, "没有读到") for k in range(missing)]
    return rows + [({}, None)] * missing, broken


def _wkb(geometry: Any) -> bytes | None:
    return None if geometry is None else bytes(shapely.to_wkb(shapely.geometry.shape(geometry)))


def _column(values: list[Any]) -> Any:
    """Return values of one type as they are, all others as text."""
    try:
        return pa.array(values)
    except pa.ArrowException:
        return pa.array([None if value is None else str(value) for value in values], pa.string())
