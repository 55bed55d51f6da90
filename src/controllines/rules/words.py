"""The words of verdicts (判定用语), from ``data/rules/words.toml``."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def words() -> dict[str, dict[str, Any]]:
    """Return all words by section."""
    content = files("controllines").joinpath("data/rules/words.toml").read_text(encoding="utf-8")
    return {name: part for name, part in tomllib.loads(content).items() if isinstance(part, dict)}


def text(section: str, key: str, **values: object) -> str:
    """Return one text with its values filled in."""
    return str(words()[section][key]).format(**values)
