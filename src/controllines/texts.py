"""Texts from files made fit to print: one line, without characters that no document carries safely."""

from __future__ import annotations

import re

import pandas as pd

#: Control characters, lone surrogates, non-characters and direction overrides.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]")
_SPACES = re.compile("[\t\r\n\u2028\u2029]+")


def one_line(value: object) -> str:
    """Return a value as one line of printable text; null gives an empty string."""
    if value is None or value is pd.NA or value != value:
        return ""
    return _UNPRINTABLE.sub("", _SPACES.sub(" ", str(value))).strip()


def unprintable(value: object) -> bool:
    """Return whether a text holds characters that :func:`one_line` removes."""
    return isinstance(value, str) and bool(_UNPRINTABLE.search(value))
