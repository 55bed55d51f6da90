"""What a writer is given: a sheet, that is one layer that fits its format; and what each format can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyproj

from controllines.findings import Finding, finding
from controllines.packaged import packaged


@dataclass(frozen=True)
class Names:
    """Which field names a format takes.

    Attributes
    ----------
    longest : bytes in the encoding of the file; 0 = any, -1 = the format has no fields
    identifier : letters, digits and underscores only, a letter first
    cases : upper and lower case tell two names apart
    reserved : names the format needs itself, without case
    """

    longest: int = 0
    identifier: bool = False
    cases: bool = False
    reserved: tuple[str, ...] = ()


@dataclass(frozen=True)
class Format:
    """What a format can hold (see ``data/io/writers.toml``)."""

    suffix: str
    driver: str
    crs: str
    layers: bool = False
    mixed: bool = False
    areas: bool = False
    empty: bool = False
    collections: bool = False
    names: Names = Names()


@dataclass(frozen=True)
class Header:
    """What the header of a written file says besides the coordinate system.

    Attributes
    ----------
    decimals : of the coordinates (精度), 3 by the format
    unit : 数据产生单位
    date : 数据产生日期, ``YYYY-M-D``
    """

    decimals: int = 3
    unit: str = ""
    date: str = ""


DEFAULT_HEADER = Header()


@dataclass(frozen=True, eq=False)
class Sheet:
    """One layer to be written (成果图层): name, attributes, geometries (x east, y north), CRS, and ``[项目信息]``.

    ``aliases`` give columns the name that people read (字段别名), in formats that have such names.
    """

    name: str
    frame: pd.DataFrame
    geoms: np.ndarray
    crs: pyproj.CRS | None
    project: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.geoms)

    def take(self, rows: np.ndarray, **changes: Any) -> Sheet:
        """Return some of the rows, by mask or number."""
        values: dict[str, Any] = {
            "name": self.name, "frame": self.frame[rows] if rows.dtype == bool else self.frame.iloc[rows],
            "geoms": self.geoms[rows], "crs": self.crs, "project": self.project, "aliases": self.aliases,
        }  # fmt: skip
        values["frame"] = values["frame"].reset_index(drop=True)
        return Sheet(**(values | changes))


@dataclass(frozen=True)
class Task:
    """What to write besides the sheets: the format, the header of a survey file, and where findings go."""

    form: Format
    header: Header
    found: list[Finding]

    def say(self, code: str, sheet: Sheet, **values: Any) -> None:
        """Note what was changed on the way."""
        self.found.append(finding(code, layer=sheet.name, **values))


@cache
def _formats() -> Mapping[str, Format]:
    data = packaged("io/writers")
    known = data["formats"]
    return {suffix: _format(suffix, known.get(entry.pop("like", ""), {}) | entry) for suffix, entry in known.items()}


def _format(suffix: str, entry: dict[str, Any]) -> Format:
    names = dict(entry.pop("names", {}))
    names["reserved"] = tuple(name.casefold() for name in names.get("reserved", ()))
    return Format(suffix=suffix, names=Names(**names), **entry)


def suffixes() -> list[str]:
    """Return the suffixes that can be written."""
    return list(_formats())


def format_of(path: Path) -> Format | None:
    """Return the format of a path by its longest known suffix, None for an unknown one."""
    name = path.name.lower()
    known = [suffix for suffix in _formats() if name.endswith(suffix) and name != suffix]
    return _formats()[max(known, key=len)] if known else None


def table(frame: pd.DataFrame) -> pa.Table:
    """Return attributes as an Arrow table: text, whole numbers, numbers and truth values, null where missing."""
    return pa.table([_column(frame.iloc[:, k]) for k in range(frame.shape[1])], names=list(map(str, frame.columns)))


def _column(values: pd.Series) -> pa.Array:
    data = [None if pd.isna(value) else value for value in values.tolist()]
    try:
        column = pa.array(data)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        column = None
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_string)
    if column is None or not any(is_kind(column.type) for is_kind in kinds):
        return pa.array([None if value is None else str(value) for value in data], pa.string())
    return column
