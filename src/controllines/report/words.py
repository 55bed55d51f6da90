"""The words of all reports (报表用语), from ``data/report/words.toml``, and text made safe to print."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files

#: Files for people in the folder of a run.
XLSX, HTML = "三线核对汇总表.xlsx", "地图.html"
#: Control characters, lone surrogates, non-characters and direction overrides: no document format carries them safely.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]")
_SPACES = re.compile("[\t\r\n\u2028\u2029]+")


@cache
def words() -> dict[str, dict[str, str]]:
    """Return all words by section."""
    text = files("controllines").joinpath("data/report/words.toml").read_text(encoding="utf-8")
    return {name: section for name, section in tomllib.loads(text).items() if isinstance(section, dict)}


def say(section: str, key: str, **values: object) -> str:
    """Return one text; ``values`` fill it and are never read as templates themselves."""
    return words()[section][key].format(**values)


def word(section: str, key: str) -> str:
    """Return one word, or the key itself where the catalogue has none (keys of a later version)."""
    return words()[section].get(key, key)


def clean(value: object) -> str:
    """Return a value as one line of printable text; null gives an empty string."""
    if value is None or value != value:
        return ""
    return _UNPRINTABLE.sub("", _SPACES.sub(" ", str(value))).strip()


def unprintable(value: object) -> bool:
    """Return whether a text holds characters that :func:`clean` removes."""
    return isinstance(value, str) and bool(_UNPRINTABLE.search(value))
