"""From one format to another (格式转换): everything that is read is written or counted as set aside."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import shapely
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError

from controllines import crs as crs_room
from controllines import io
from controllines.errors import CRSError, InputError, OutputError, UsageError, reason
from controllines.findings import Finding, finding
from controllines.io.writers import DEFAULT_HEADER, Format, Header, Sheet, format_of, suffixes, write
from controllines.io.writers.names import field_names, file_stem, unique_names
from controllines.io.writers.survey import by_zone, unfit
from controllines.io.writers.writing import code_of

_KINDS = {2: "面", 1: "线", 0: "点"}
#: Files that belong to a shapefile and go with it when it is replaced.
_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg", ".sbn", ".sbx", ".qix", ".shp.xml", ".names.csv")
_LISTED = 10
_GDAL_ERRORS = (DataSourceError, DataLayerError, FieldError, FeatureError, GeometryError)


@dataclass(frozen=True)
class Converted:
    """What was written (转换结果).

    Attributes
    ----------
    files : the files, side files of shapefiles and .prj included
    features_in, written, set_aside : features read, in the files, and not written; the first is the sum of the others
    findings : what was noticed while reading and writing
    """

    files: tuple[Path, ...]
    features_in: int
    written: int
    set_aside: int
    findings: tuple[Finding, ...]


def convert(
    source: str | Path,
    target: str | Path,
    *,
    layer: str | None = None,
    overwrite: bool = False,
    header: Header = DEFAULT_HEADER,
    sources: Sequence[io.Source] | None = None,
) -> Converted:
    """Write what is in one file in another format, chosen by the suffix of the target.

    Several layers go into one gdb or gpkg; into one file each (``{stem}_{layer}``) where the format holds just one.
    The coordinates stay as they are, except where the format allows one CRS only (KML: WGS84 longitude and latitude;
    TXT: Gauss–Krüger with zone prefix, one file for each zone).

    Parameters
    ----------
    source : any readable file
    target : file to write; nothing is left half done
    layer : the one layer to convert
    overwrite : replace existing files
    header : decimals, unit and date of a survey file (TXT)
    sources : what is in ``source``, where the caller has read it

    Raises
    ------
    UsageError
        The suffix of the target is none that is written.
    InputError
        The source cannot be read, nothing in it can be written, or the format needs a CRS and there is none.
    OutputError
        A file exists, or could not be written; what was there is intact.
    """
    target = Path(target)
    form = format_of(target)
    if form is None:
        raise UsageError.of("WRITE_FORMAT", source=target, actual=target.suffix, expected=" ".join(suffixes()))
    _check_free(source, target, overwrite=overwrite)
    sources = io.read(source, layer=layer) if sources is None else sources
    found = [item for one in sources for item in one.findings]
    sheets = [sheet for one in sources for sheet in _sheets(one, form, header, found)]
    features, written = sum(len(one.geoms) for one in sources), sum(map(len, sheets))
    if features and not written:
        raise InputError.of("WRITE_NOTHING", source=source, actual=features)
    files = _commit(_named(sheets, form, found), form, target, overwrite=overwrite, header=header, found=found)
    return Converted(tuple(files), features, written, features - written, tuple(found))


def _check_free(source: str | Path, target: Path, *, overwrite: bool) -> None:
    if not io.is_address(source) and Path(source).resolve() == target.resolve():
        raise OutputError.of("WRITE_ONTO_INPUT", source=target)
    if target.exists() and not overwrite:
        raise OutputError.of("WRITE_EXISTS", source=target, actual=target.name)


def _sheets(source: io.Source, form: Format, header: Header, found: list[Finding]) -> Iterator[Sheet]:
    """Yield the sheets a source gives in a format: without what it cannot hold, by geometry type, in its CRS."""
    name = source.layer or io.stem(Path(source.path))
    whole = Sheet(name, source.frame, source.geoms, source.crs, source.project)
    kept = _kept(whole, form, source, found)
    if not len(kept) and len(whole):
        return
    for one in _by_kind(kept, form):
        for sheet in _in_crs(one, form, source, found):
            if form.driver != "TXT":
                yield sheet
                continue
            wrong = unfit(sheet, header)
            _aside(wrong, "圈与圈相交、重复或间距小于坐标取位", source, found)
            if not wrong.all():
                yield sheet.take(~wrong)


def _kept(sheet: Sheet, form: Format, source: io.Source, found: list[Finding]) -> Sheet:
    """Leave out what the format cannot hold, with a finding for each reason."""
    types = shapely.get_type_id(sheet.geoms)
    empty = shapely.is_missing(sheet.geoms) | shapely.is_empty(sheet.geoms)
    xy, owner = shapely.get_coordinates(sheet.geoms, return_index=True)
    finite = np.ones(len(sheet), dtype=bool)
    finite[owner[~np.isfinite(xy).all(axis=1)]] = False
    reasons = {
        "没有几何": empty & (not form.empty),
        "坐标含 NaN 或无穷大": ~finite,
        "几何集合": (types == 7) & (not form.collections),
        "不是面": ~empty & (shapely.get_dimensions(sheet.geoms) != 2) & form.areas,
    }
    gone = np.zeros(len(sheet), dtype=bool)
    for why, rows in reasons.items():
        _aside(rows & ~gone, why, source, found)
        gone |= rows
    if (nulls := int((empty & ~gone).sum())) and not empty.all():
        found.append(finding("WRITE_NULL", source=source.path, layer=source.layer, actual=nulls))
    geoms = sheet.geoms.copy()
    geoms[empty] = None
    return replace(sheet, geoms=geoms).take(~gone)


def _aside(rows: np.ndarray, why: str, source: io.Source, found: list[Finding]) -> None:
    if rows.any():
        numbers = [f"第 {row + 1} 条" for row in np.flatnonzero(rows)[:_LISTED]]
        listed = "、".join(numbers) + ("等" if rows.sum() > _LISTED else "")
        found.append(finding("WRITE_SET_ASIDE", source=source.path, layer=source.layer, actual=int(rows.sum()), why=why,
                             expected=listed))  # fmt: skip


def _by_kind(sheet: Sheet, form: Format) -> list[Sheet]:
    """Split areas, lines and points where a layer holds one of them only; the first takes records without geometry."""
    dimensions = shapely.get_dimensions(sheet.geoms)
    kinds = [kind for kind in _KINDS if (dimensions == kind).any()]
    if form.mixed or len(kinds) < 2:
        return [sheet]
    rows = [(dimensions == kind) | ((dimensions == -1) & (kind == kinds[0])) for kind in kinds]
    return [sheet.take(own, name=f"{sheet.name}_{_KINDS[kind]}") for own, kind in zip(rows, kinds, strict=True)]


def _in_crs(sheet: Sheet, form: Format, source: io.Source, found: list[Finding]) -> list[Sheet]:
    """Bring a sheet into the CRS its format needs.

    Raises
    ------
    CRSError
    """
    where = {"source": source.path, "layer": source.layer}
    if sheet.crs is None:
        if form.crs in ("zone", "lonlat"):
            raise CRSError.of("WRITE_NEEDS_CRS", expected=form.suffix, **where)
        found.append(finding("WRITE_NO_CRS", source=source.path, layer=source.layer))
        return [sheet]
    kept = form.crs in ("own", "prj") or (form.crs == "code" and code_of(sheet.crs))
    if kept or not len(sheet):
        return [sheet]
    with _named_error(source):
        out = by_zone(sheet) if form.crs == "zone" else [_lonlat(sheet)]
    for one in out:
        if one.crs is not None and not crs_room.same(sheet.crs, one.crs):
            told = "WGS84 经纬度（与 CGCS2000 相差厘米级，按相同看待）" if form.crs == "lonlat" else one.crs.name
            found.append(finding("WRITE_REPROJECTED", source=source.path, layer=source.layer, actual=sheet.crs.name,
                                 expected=told))  # fmt: skip
    if len(out) > 1:
        out = [
            replace(one, name=f"{one.name}_{one.crs.name.rpartition(' ')[2]}带") for one in out if one.crs is not None
        ]
    return out


@contextlib.contextmanager
def _named_error(source: io.Source) -> Iterator[None]:
    """Let an error of the CRS room say which file it is about."""
    try:
        yield
    except CRSError as error:
        raise type(error)(replace(error.finding, source=str(source.path), layer=source.layer)) from error


def _lonlat(sheet: Sheet) -> Sheet:
    source, target = crs_room.recognise(sheet.crs), crs_room.recognise(crs_room.LONLAT)
    crs_room.check_range(source, shapely.total_bounds(sheet.geoms))
    return replace(sheet, geoms=crs_room.reproject(sheet.geoms, source, target), crs=target.crs)


def _named(sheets: list[Sheet], form: Format, found: list[Finding]) -> list[Sheet]:
    """Give the sheets names that differ and that the format takes."""
    wanted = [file_stem(sheet.name) for sheet in sheets]
    if form.names.identifier:
        wanted = [
            next(iter(field_names([name], replace(form.names, reserved=()), "utf-8").values())) for name in wanted
        ]
    out = []
    for sheet, name in zip(sheets, unique_names(wanted), strict=True):
        if form.layers and name != sheet.name:
            found.append(finding("WRITE_LAYER_RENAMED", actual=sheet.name, expected=name))
        out.append(replace(sheet, name=name))
    return out


def _commit(
    sheets: list[Sheet], form: Format, target: Path, *, overwrite: bool, header: Header, found: list[Finding]
) -> list[Path]:  # fmt: skip
    """Write into a folder beside the target and move the files in: all of them, or none."""
    stem = target.name[: -len(form.suffix)]
    groups = {target: sheets} if form.layers or len(sheets) == 1 else {
        target.with_name(f"{stem}_{sheet.name}{target.name[len(stem):]}"): [sheet] for sheet in sheets
    }  # fmt: skip
    try:
        target.absolute().parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{stem}.", suffix=".tmp", dir=target.absolute().parent) as work:
            fresh = Path(work, "new")
            for n, (path, own) in enumerate(groups.items()):
                folder = fresh / str(n)
                folder.mkdir(parents=True)
                found += [replace(item, source=str(path)) for item in write(own, folder / path.name, form, header)]
            moves = {file: target.absolute().parent / file.name for file in sorted(fresh.glob("*/*"))}
            _move_in(moves, list(groups), Path(work, "old"), overwrite=overwrite)
    except (OSError, *_GDAL_ERRORS) as error:
        raise OutputError.of("OUTPUT_NOT_WRITTEN", source=target, actual=reason(error)) from error
    return [target.parent / place.name for place in moves.values()]


def _move_in(moves: dict[Path, Path], groups: list[Path], before: Path, *, overwrite: bool) -> None:
    """Move the new files in and what they replace out; undo it on failure."""
    stale = [path.with_suffix(part) for path in groups if path.suffix.lower() == ".shp" for part in _PARTS]
    there = [path for path in dict.fromkeys([*moves.values(), *map(Path.absolute, stale)]) if path.exists()]
    if there and not overwrite:
        raise OutputError.of("WRITE_EXISTS", source=there[0], actual="、".join(path.name for path in there))
    before.mkdir()
    done: list[tuple[Path, Path]] = []
    try:
        for old, new in [*((path, before / path.name) for path in there), *moves.items()]:
            old.replace(new)
            done.append((old, new))
    except BaseException:
        for old, new in reversed(done):
            new.replace(old)
        raise
