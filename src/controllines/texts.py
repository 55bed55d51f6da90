"""Texts from files: made fit to print in one line; TOML that people wrote by hand."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pandas as pd

#: Control characters, lone surrogates, non-characters and direction overrides.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]")
_SPACES = re.compile("[\t\r\n\u2028\u2029]+")
#: What to do about a path of Windows between double quotes, where ``\\t`` is a tab.
BACKSLASH = "双引号中的 \\ 是转义：路径写成 \"D:/数据/三线.gdb\"，或用单引号 'D:\\数据\\三线.gdb'"


def one_line(value: object) -> str:
    """Return a value as one line of printable text; null gives an empty string."""
    if value is None or value is pd.NA or value != value:
        return ""
    return _UNPRINTABLE.sub("", _SPACES.sub(" ", str(value))).strip()


def unprintable(value: object) -> bool:
    """Return whether a text holds characters that :func:`one_line` removes."""
    return isinstance(value, str) and bool(_UNPRINTABLE.search(value))


class TomlError(ValueError):
    """What is wrong with a TOML text, and how it is put right (Chinese)."""


def toml_of(content: bytes) -> dict[str, Any]:
    """Return what a TOML file says that somebody wrote by hand, as like as not in an editor of Windows.

    Raises
    ------
    TomlError
        It is not UTF-8, or no TOML.
    """
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise TomlError("不是 UTF-8 编码：用记事本打开，另存为，编码选 UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        escape = "Unescaped" in str(error) or "hex value" in str(error)
        raise TomlError(f"{error}；{BACKSLASH}" if escape else str(error)) from None
