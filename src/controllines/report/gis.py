"""三线核对成果 (gpkg, gdb, shp): 地块, 重叠图斑 and 问题点 for a GIS, with Chinese aliases and areas as attributes.

The figures are those of the result, not rounded; what is said in words is what the other documents print.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from controllines.crs import SourceCRS, from_lonlat, recognise, reproject, to_lonlat
from controllines.errors import ControlLinesError, UsageError
from controllines.io.dated import dated
from controllines.kinds import STAY_WITHIN
from controllines.packaged import packaged
from controllines.report.model import LineRow, Report
from controllines.report.qgis import add_styles
from controllines.report.rows import Row, records
from controllines.report.words import clean, word

if TYPE_CHECKING:
    from controllines.io.writers import Sheet
    from controllines.results import CheckResult

FORMATS = ("gpkg", "gdb", "shp")
Array = np.ndarray


@cache
def _catalogue() -> dict[str, Any]:
    return packaged("report/gis")


def file_names(formats: Sequence[str]) -> dict[str, list[str]]:
    """Return the files of each format: one with all layers, or for shapefiles one for each layer.

    Examples
    --------
    >>> file_names(["gdb"])
    {'gdb': ['三线核对成果.gdb.zip']}
    """
    name, layers = _catalogue()["name"], [layer["zh"] for layer in _catalogue()["layers"].values()]
    known = {
        "gpkg": [f"{name}.gpkg"],
        "gdb": [f"{name}.gdb.zip"],
        "shp": [f"{name}_{layer}.shp.zip" for layer in layers],
    }
    return {each: known[each] for each in FORMATS if each in formats}


def out_crs(code: str | None) -> SourceCRS | None:
    """Return the coordinate system that was asked for.

    Raises
    ------
    UsageError
        It is not known, or not one of CGCS2000 or WGS84.
    """
    if code is None:
        return None
    try:
        return recognise(f"EPSG:{code}" if code.isdigit() else code)
    except ControlLinesError as error:
        raise UsageError.of("OUT_CRS", actual=code, hint=error.finding.message) from None


def write(
    result: CheckResult, report: Report, folder: Path, *, formats: Sequence[str], crs: SourceCRS | None
) -> list[str]:
    """Write the layers in each format; without a CRS in that of the first control line. Return the files' names."""
    from controllines.io.writers import DEFAULT_HEADER, format_of
    from controllines.io.writers import write as write_file

    made = sheets(result, report, crs or of_first_line(result))
    written = []
    with dated(date.fromisoformat(result.provenance["as_of"])):
        for form, names in file_names(formats).items():
            for name, own in zip(names, [[sheet] for sheet in made] if form == "shp" else [made], strict=True):
                suffix = format_of(Path(name))
                if suffix is None:
                    raise AssertionError("every name has a suffix that is written")
                write_file(own, folder / name, suffix, DEFAULT_HEADER)
                written.append(name)
            if form == "gpkg":
                add_styles(folder / names[0], report)
    return written


def of_first_line(result: CheckResult) -> SourceCRS:
    """Return the CRS of the first control line of the plan, else that of the parcels."""
    lines = {entry["kind"]: entry for entry in result.provenance["layers"] if entry.get("crs")}
    first = next((lines[key] for key in result.provenance["checked"] if key in lines), None)
    if first is None or first.get("datum") == "parameters":  # the file's own datum was left at the door
        return recognise(result.parcels.crs, datum="as_is")
    return recognise(first["crs"], datum="as_is")


def sheets(result: CheckResult, report: Report, crs: SourceCRS) -> list[Sheet]:
    """Return the layers 地块, 重叠图斑 and 问题点 in a CRS."""
    return [_parcels(result, report, crs), _pieces(result, report, crs), _problems(result, report, crs)]


def _sheet(
    key: str, rows: Sequence[Sequence[Any]], geoms: Array, where: tuple[Report, SourceCRS], *, more: Sequence[Any] = ()
) -> Sheet:
    from controllines.io.writers import Sheet

    report, crs = where
    fields = [*_catalogue()["layers"][key]["fields"], *more, _catalogue()["remark"]]
    remark = "；".join((*report.banners, f"{word('notes', 'run_id')}：{report.run_id}"))
    columns = [[row[n] for row in rows] for n in range(len(fields) - 1)] + [[remark] * len(rows)]
    frame = pd.DataFrame({name: pd.Series(column, dtype=object) for (name, _), column in
                          zip(fields, columns, strict=True)})  # fmt: skip
    aliases = dict(map(tuple, fields))
    return Sheet(_catalogue()["layers"][key]["zh"], frame, geoms, crs.crs, aliases=aliases)


def _moved(frame: gpd.GeoDataFrame, crs: SourceCRS) -> Array:
    geoms = frame.geometry.to_numpy()
    source = recognise(frame.crs, datum="as_is")
    return np.asarray(geoms if source.name == crs.name else reproject(geoms, source, crs))


def _parcels(result: CheckResult, report: Report, crs: SourceCRS) -> Sheet:
    known = _catalogue()["lines"]
    more = []
    for number, scope in enumerate(report.scopes, start=1):
        code, line = known.get(scope.kind.key, f"KZX{number}"), clean(scope.kind.zh)
        more += [[f"{code}_JG", known["result"].format(line=line)], [f"{code}_MJ", known["conflict"].format(line=line)]]
    rows = []
    for parcel in report.parcels:
        mine = {line.scope.kind.key: line for line in parcel.lines}
        rows.append([
            parcel.parcel_id, parcel.name, parcel.project_id, parcel.project, parcel.use,
            word("status", parcel.status), parcel.verdict, word("classes", parcel.look), parcel.official.m2,
            parcel.planar.m2, parcel.declared.m2, parcel.reason, parcel.source,
            *(cell for scope in report.scopes for cell in _cells(mine.get(scope.kind.key))),
        ])  # fmt: skip
    return _sheet("parcels", rows, _moved(result.parcels, crs), (report, crs), more=more)


def _cells(line: LineRow | None) -> tuple[str | None, float | None]:
    return (None, None) if line is None else (line.result, line.row["conflict_m2"])


def _pieces(result: CheckResult, report: Report, crs: SourceCRS) -> Sheet:
    parcels = {parcel.parcel_id: parcel for parcel in report.parcels}
    lines = {(key, line.scope.kind.key): line for key, parcel in parcels.items() for line in parcel.lines}
    relation = _catalogue()["relation"]
    rows, geoms = [], []
    for frame, outside in ((result.pieces, False), (result.outside, True)):
        geoms.append(_moved(frame, crs))
        for row in records(frame):
            key = clean(row["parcel_id"])
            line = lines[key, row["kind"]]
            place = "outside" if outside else "within" if line.scope.kind.sense == STAY_WITHIN else "inside"
            rows.append([
                key, parcels[key].project_id, clean(line.scope.kind.zh), relation[place], clean(row.get("feature_id")),
                clean(row.get("class")), line.ruling.word, row["area_m2"], row["planar_area_m2"],
            ])  # fmt: skip
    return _sheet("pieces", rows, np.concatenate(geoms), (report, crs))


def _problems(result: CheckResult, report: Report, crs: SourceCRS) -> Sheet:
    """Return the findings that have a place: their own coordinates, else the parcel they speak of."""
    places = _places(result)
    found = [(row, place) for row in report.findings if (place := places(row)) is not None]
    rows = [[
        word("severity", row["severity"]), row["code"],
        *(clean(row[key]) for key in ("feature", "layer", "message", "fix", "source")),
    ] for row, _ in found]  # fmt: skip
    lonlat = np.array([place for _, place in found], float).reshape(-1, 2)
    return _sheet("problems", rows, np.asarray(shapely.points(from_lonlat(crs, lonlat))), (report, crs))


def _places(result: CheckResult) -> Callable[[Row], tuple[float, float] | None]:
    """Return what gives the longitude and latitude of a finding, None where it has no place."""
    own = {entry["path"]: entry["crs"] for key in ("inputs", "layers") for entry in result.provenance[key]
           if entry.get("crs")}  # fmt: skip
    used = result.parcels[~(result.parcels.geometry.isna() | result.parcels.geometry.is_empty)]
    source = recognise(result.parcels.crs, datum="as_is")
    inner = shapely.get_coordinates(shapely.point_on_surface(used.geometry.to_numpy()))
    inner = to_lonlat(source, inner) if len(inner) else inner
    of_parcel: dict[object, tuple[float, float]] = {}
    for names, xy in zip(
        used[["parcel_id", "declared_id", "source"]].itertuples(index=False, name=None), inner, strict=True
    ):
        of_parcel.setdefault((names[2], names[1]), tuple(xy))
        of_parcel[names[0]] = tuple(xy)

    def place(row: Row) -> tuple[float, float] | None:
        if row["x"] is not None and row["y"] is not None and row["source"] in own:
            moved = to_lonlat(recognise(own[row["source"]], datum="as_is"), np.array([[row["x"], row["y"]]]))[0]
            if np.isfinite(moved).all():
                return float(moved[0]), float(moved[1])
        return of_parcel.get((row["source"], row["feature"])) or of_parcel.get(row["feature"])

    return place
