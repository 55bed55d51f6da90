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
    plain = frame
    if isinstance(frame, gpd.GeoDataFrame):
        plain = pd.DataFrame(frame.drop(columns=frame.geometry.name))
    if columns is not None:
        plain = plain.reindex(columns=list(columns))
    values = plain.astype(object).where(plain.notna(), None)
    names = [str(name) for name in values.columns]
    return [dict(zip(names, row, strict=True)) for row in values.itertuples(index=False, name=None)]


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
