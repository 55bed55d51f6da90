"""Data that come with the package (随附数据): everything below ``data/`` that is TOML is read here."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any


def packaged(name: str) -> dict[str, Any]:
    """Return a TOML file of the package, named by its path below ``data/`` without suffix."""
    return tomllib.loads(files("controllines").joinpath(f"data/{name}.toml").read_text(encoding="utf-8"))
