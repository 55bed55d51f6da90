"""Applications (申请地块): many files into one layer with unique ids and projects.

A file that cannot be read costs that file: it stays visible as one excluded row and never stops the others.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from controllines import io
from controllines.crs import LONLAT, recognise
from controllines.errors import InputError, UsageError
from controllines.findings import Finding, finding
from controllines.kinds import find_field, parcel_kind, placeholders
from controllines.layers import RESOLUTION_M, Layer, Origin, Reading, join, part, source_of
from controllines.roles import as_code, as_text
from controllines.texts import one_line

Array = np.ndarray
PROJECT_BY = ("field", "file", "folder", "row")


def read_parcels(
    what: object, *, datum: str | None = None, project_by: str | None = None, crs: str | None = None,
    line_width: float | None = None, leave_out: Iterable[str | Path] = (),
) -> Layer:  # fmt: skip
    """Read applications (申请地块) from files, folders and patterns, or take a GeoDataFrame.

    Parameters
    ----------
    what : path, pattern or folder, several of them, or a GeoDataFrame
    datum : ``"as_is"`` for data on a foreign datum
    project_by : ``field``, ``file``, ``folder`` or ``row``; omitted: project field, else 项目信息 of the
        TXT, else the TXT file, else each row
    crs : CRS of files that do not carry one
    line_width : width (m) of linear projects that declare none (线状工程宽度); without any they are set aside by name
    leave_out : files in the folders that are no applications, as a form of project facts

    Returns
    -------
    Layer whose frame has ``parcel_id`` (unique), ``declared_id``, ``project_id``, ``project_name``, ``use``,
    ``declared_area_m2`` (m²), ``source``, besides the columns of every layer

    Raises
    ------
    InputError
        Nothing was found, or no file could be read.
    """
    if project_by is not None and project_by not in PROJECT_BY:
        raise UsageError.of("PROJECT_BY", actual=project_by, expected="、".join(PROJECT_BY))
    if line_width is not None and not 0 < line_width < np.inf:
        raise UsageError.of("OPTION_VALUE", layer="--line-width", actual=line_width, expected="大于 0 的米数")
    reading = Reading(crs=crs, datum=datum, line_width=line_width)
    if isinstance(what, gpd.GeoDataFrame):
        return _assemble([_described(source_of(what), reading, project_by)])
    given: list[Any] = [what] if isinstance(what, str | Path | io.Address) else list(what)  # type: ignore[call-overload]
    others = {Path(path).resolve() for path in leave_out}
    found = io.find_files([item for item in given if not io.is_address(item)])
    paths: list[Path | io.Address] = [path for path in found if path.resolve() not in others]
    paths += [io.address(item) for item in given if io.is_address(item)]
    if not paths:
        raise InputError.of("NO_INPUT", actual=str(what))
    return _assemble([layer for path in paths for layer in _read(path, reading, project_by)])


def _read(path: Path | io.Address, reading: Reading, project_by: str | None) -> list[Layer]:
    """Read one file; one that fails becomes one excluded row, so that it stays in sight."""
    try:
        return [_described(source, reading, project_by) for source in io.read(path)]
    except InputError as error:
        return [_failed(path, error.finding, reading)]


def _assemble(parts: Sequence[Layer]) -> Layer:
    """Join what was read into one layer in reading order, and give every parcel its id."""
    joined, cleaned = _plain_ids(join(parts))
    ids, doubled = unique_ids(joined.frame)
    frame = joined.frame.assign(parcel_id=ids)
    frame["project_id"] = frame["project_id"].fillna(frame["parcel_id"])
    found = [finding("PARCEL_ID_DUPLICATE", source=frame["source"].iloc[row], feature=frame["declared_id"].iloc[row],
                     actual=ids[row]) for row in doubled]  # fmt: skip
    return replace(joined, frame=frame.drop(columns="stem"), findings=(*joined.findings, *cleaned, *found))


def _plain_ids(layer: Layer) -> tuple[Layer, list[Finding]]:
    """Take out of ids what no document prints (control characters): two ids may not differ in that only."""
    frame, found = layer.frame, []
    changed: dict[str, Any] = {}
    for column in ("declared_id", "project_id"):
        given = frame[column]
        changed[column] = [one_line(value) or None if isinstance(value, str) else value for value in given]
        found += [finding("PARCEL_ID_CLEANED", source=source, feature=after, actual=repr(before)[1:60])
                  for source, before, after in zip(frame["source"], given, changed[column], strict=True)
                  if isinstance(before, str) and before != after]  # fmt: skip
    return replace(layer, frame=frame.assign(**changed)), found


def _described(source: io.Source, reading: Reading, project_by: str | None) -> Layer:
    """Build the layer of one source with what applications carry besides land: declared id and area, project, use."""
    kind, project = parcel_kind(), dict(source.project)
    layer = part(kind, source, reading)
    frame, origin = layer.frame, layer.origins[0]
    column = {role: find_field(kind, role, frame.columns) for role in kind.fields}

    def text(role: str) -> Array:
        name = column[role]
        read = as_code if role in ("id", "project") else as_text
        values = read(frame[name]) if name else np.full(len(frame), "", dtype=object)
        return np.array([None if value in placeholders() else value for value in values], dtype=object)

    project_name, said = text("project_name"), project.get("项目名称")
    declared = frame[column["declared_area"]] if column["declared_area"] else np.nan
    project_id, notes = _projects(text("project"), text("project_name"), project, (origin, project_by))
    # What a TXT says of its project in [项目信息] belongs to each of its plots.
    described = frame.assign(**{key: value for key, value in project.items() if key not in frame.columns}).assign(
        declared_id=text("id"),
        name=text("name"),
        use=text("use"),
        project_id=project_id,
        project_name=np.where(pd.isna(project_name), said or np.nan, project_name),
        declared_area_m2=pd.to_numeric(declared, errors="coerce"),
        source=origin.path,
        stem=origin.layer if origin.driver == "PostGIS" else io.stem(Path(origin.path)),
    )
    return replace(layer, frame=described, findings=(*layer.findings, *notes))


def _projects(
    codes: Array, names: Array, project: dict[str, str], where: tuple[Origin, str | None]
) -> tuple[Array, list[Finding]]:
    """Return the project of each row; None where each row is a project of its own."""
    origin, project_by = where
    path, rows = Path(origin.path), np.full(len(codes), None, dtype=object)
    own = np.where(pd.isna(codes), names, codes)
    of_file = project.get("项目编号") or project.get("项目名称") or io.stem(path)
    if project_by == "row":
        return rows, []
    if project_by == "folder":
        return np.full(len(codes), path.resolve().parent.name, dtype=object), []
    if project_by == "file":
        return np.full(len(codes), of_file, dtype=object), []
    if origin.driver == "TXT":
        return np.where(pd.isna(own), of_file, own), []
    lone = int(pd.isna(own).sum())
    return own, [finding("PROJECT_BY_ROW", source=origin.path, layer=origin.layer, actual=lone)] if lone else []


def _failed(path: Path | io.Address, problem: Finding, reading: Reading) -> Layer:
    name = path.name if isinstance(path, io.Address) else io.stem(path)
    row: dict[str, Any] = {"feature_id": name, "row": None, "status": "excluded", "source": str(path),
                           "stem": name, "declared_id": None, "project_id": None, "name": None}  # fmt: skip
    digest = hashlib.sha256(path.read_bytes()).hexdigest() if isinstance(path, Path) and path.is_file() else ""
    origin = Origin(path=str(path), layer=None, driver="", sha256=digest, crs="", crs_found=problem.code,
                    datum="", encoding=None, features_in=1, excluded=1)  # fmt: skip
    none = np.array([None], dtype=object)
    return Layer(
        kind=parcel_kind(), frame=gpd.GeoDataFrame(pd.DataFrame([row]), geometry=none, crs=LONLAT), shapes=none,
        crs=(recognise(LONLAT),), resolution=np.array([RESOLUTION_M]), origins=(origin,), boxes={0: None},
        findings=(problem if problem.source else replace(problem, source=str(path)),), reading=reading,
    )  # fmt: skip


def unique_ids(frame: pd.DataFrame) -> tuple[list[str], list[int]]:
    """Return a unique id for each parcel and the rows whose declared id occurs more than once.

    The declared id if unique; else ``{file stem}:{id}``; then ``#2``, ``#3`` in reading order; ``{file stem}:{row}``
    where there is none; a file that could not be read has the stem of its name.
    """
    declared = [None if pd.isna(value) else str(value) for value in frame["declared_id"]]
    counts = Counter(value for value in declared if value is not None)
    wanted = [
        identity if identity is not None and counts[identity] == 1
        else f"{file}:{identity}" if identity is not None
        else file if pd.isna(row) else f"{file}:{int(row)}"
        for identity, file, row in zip(declared, frame["stem"], frame["row"], strict=True)
    ]  # fmt: skip
    # Ids declared once keep their name even if a made-up one comes earlier in reading order.
    taken = {identity for identity, n in counts.items() if n == 1}
    ids: list[str] = []
    for identity, want in zip(declared, wanted, strict=True):
        unique, number = want, 1
        while unique in taken and not (identity == want and counts[want] == 1):
            number += 1
            unique = f"{want}#{number}"
        taken.add(unique)
        ids.append(unique)
    return ids, [row for row, identity in enumerate(declared) if identity is not None and counts[identity] > 1]
