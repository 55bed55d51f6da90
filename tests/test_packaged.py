"""Data that come with the package: every TOML below ``data/`` is read by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

import controllines
from controllines.packaged import packaged

DATA = Path(controllines.__file__).parent / "data"
NAMES = sorted(path.relative_to(DATA).with_suffix("").as_posix() for path in DATA.rglob("*.toml"))


def test_there_is_data() -> None:
    assert {"kinds", "findings", "rules/words", "classes/survey"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_file_is_toml_that_says_something(name: str) -> None:
    assert packaged(name)
