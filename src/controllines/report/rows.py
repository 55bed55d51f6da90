"""Rows of the result frames as plain dictionaries, null as None."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import geopandas as gpd
import pandas as pd

Row = dict[str, Any]


def records(frame: pd.DataFrame, columns: Iterable[str] | None = None) -> list[Row]:
    """Return the rows of a frame without its geometry; every null is None.

    ``columns`` chooses and orders them; one that the frame does not have is null throughout.
    """
    plain = pd.DataFrame(frame)
    geometry = frame.geometry.name if isinstance(frame, gpd.GeoDataFrame) else None
    names = [name for name in plain.columns if name != geometry] if columns is None else list(columns)
    nothing = [None] * len(plain)
    known = set(plain.columns) - {geometry}
    values = [_values(plain[name]) if name in known else nothing for name in names]
    keys = [str(name) for name in names]
    return [dict(zip(keys, row, strict=True)) for row in zip(*values, strict=True)] if keys else [{} for _ in nothing]


def _values(column: pd.Series) -> list[Any]:
    """Return the values of a column as plain objects, null as None."""
    values = column.to_numpy(object)
    null = pd.isna(values)
    return [None if none else value for value, none in zip(values.tolist(), null.tolist(), strict=True)]


def grouped(rows: Iterable[Row], *keys: str) -> dict[Any, list[Row]]:
    """Return rows by the value (or the values) of their keys, in their order."""
    by: dict[Any, list[Row]] = {}
    for row in rows:
        key = row[keys[0]] if len(keys) == 1 else tuple(row[key] for key in keys)
        by.setdefault(key, []).append(row)
    return by


def file_name(path: str) -> str:
    """Return the last part of a path of any system."""
    return path.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]


def every_text(value: Any, change: Callable[[str], str]) -> Any:
    """Return a tree of dictionaries and lists with every text changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: every_text(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [every_text(item, change) for item in value]
    return value
