"""The words of verdicts (判定用语), from ``data/rules/words.toml``."""

from __future__ import annotations

from functools import cache
from typing import Any

from controllines.packaged import packaged


@cache
def words() -> dict[str, dict[str, Any]]:
    """Return all words by section."""
    return {name: part for name, part in packaged("rules/words").items() if isinstance(part, dict)}


def text(section: str, key: str, **values: object) -> str:
    """Return one text with its values filled in."""
    return str(words()[section][key]).format(**values)
