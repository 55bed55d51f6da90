"""Columns by role (字段): ids, codes, classes and names, found by their official field names and read as text."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from controllines.kinds import Kind, find_field

Array = np.ndarray
#: Full-width letters, digits and punctuation, and the dashes of Chinese keyboards, as plain ones.
_PLAIN = {0xFF01 + k: 0x21 + k for k in range(94)} | {0x3000: 0x20} | dict.fromkeys(map(ord, "‐‑–—−"), 0x2D)
#: Columns that a layer's frame adds to those of its source.
COLUMNS = ("feature_id", "class", "code", "name", "kcxs", "row", "status", "source_crs")


def feature_ids(kind: Kind, frame: pd.DataFrame, fields: Mapping[str, str]) -> Array:
    """Return the id of each feature as text; ``row:N`` (from 1) where the source has none.

    ``fields`` gives field names by role, instead of the official ones.
    """
    column = find_field(kind, "id", frame.columns, fields)
    text = np.full(len(frame), "", dtype=object) if column is None else as_code(frame[column])
    for row in np.flatnonzero(text == ""):
        text[row] = f"row:{row + 1}"
    return text


def as_text(values: pd.Series) -> Array:
    """Return ids and codes as text: blank for missing, whole numbers without a decimal point."""
    if pd.api.types.is_float_dtype(values):
        return np.array([_number_text(v) for v in values], dtype=object)
    return np.array(["" if pd.isna(v) else str(v).strip() for v in values], dtype=object)


def as_code(values: pd.Series) -> Array:
    """Return ids and codes as text in plain letters, digits and punctuation: ``１２３－４`` is ``123-4``."""
    text = as_text(values)
    return np.array([value if value.isascii() else value.translate(_PLAIN).strip() for value in text], dtype=object)


def _plain(code: str) -> str:
    """Return a code with full-width digits and letters (全角) made plain; words stay as they are written."""
    plain = unicodedata.normalize("NFKC", code).strip()
    return plain if plain.isascii() else code


def _number_text(value: float) -> str:
    return "" if pd.isna(value) else str(int(value)) if float(value).is_integer() else repr(float(value))


def in_roles(kind: Kind, frame: pd.DataFrame, fields: Mapping[str, str]) -> pd.DataFrame:
    """Add the columns that play a role under their fixed names; the source's own columns stay behind them."""
    roles: dict[str, Any] = {}
    for role in ("class", "code", "name"):
        column = find_field(kind, role, frame.columns, fields)
        read = as_text if role == "name" else as_code  # names are printed as the layer has them
        text = read(frame[column]) if column else np.full(len(frame), None, dtype=object)
        roles[role] = [(value if role == "name" else _plain(value)) or None for value in text] if column else text
    if kind.code_length and "code" not in fields:
        roles["code"] = [code and code[: kind.code_length] for code in roles["code"]]
    column = find_field(kind, "kcxs", frame.columns, fields)
    roles["kcxs"] = pd.to_numeric(frame[column], errors="coerce") if column else np.full(len(frame), np.nan)
    own = frame.rename(columns={name: f"{name}_" for name in frame.columns if name in (*COLUMNS, "geometry")})
    for role in ("class", "code", "name"):  # of type object before they meet the frame: pandas 3 would make None NaN
        roles[role] = pd.Series(roles[role], index=frame.index, dtype=object)
    return pd.concat([pd.DataFrame(roles, index=frame.index), own], axis=1)
