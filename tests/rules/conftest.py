"""Fixtures of the tests of the rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rules.county import Write


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def make(text: str, name: str = "county.toml") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return make
