"""The words of all reports (报表用语), from ``data/report/words.toml``, and text made safe to print."""

from __future__ import annotations

from functools import cache

from controllines.packaged import packaged
from controllines.texts import one_line as clean
from controllines.texts import unprintable

__all__ = ["HTML", "XLSX", "clean", "say", "unprintable", "word", "words"]

#: Files for people in the folder of a run.
XLSX, HTML = "三线核对汇总表.xlsx", "地图.html"


@cache
def words() -> dict[str, dict[str, str]]:
    """Return all words by section."""
    return {name: section for name, section in packaged("report/words").items() if isinstance(section, dict)}


def say(section: str, key: str, **values: object) -> str:
    """Return one text; ``values`` fill it and are never read as templates themselves."""
    return words()[section][key].format(**values)


def word(section: str, key: str) -> str:
    """Return one word, or the key itself where the catalogue has none (keys of a later version)."""
    return words()[section].get(key, key)
