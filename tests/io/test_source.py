"""What a reader hands on keeps its secrets and cannot be changed behind anybody's back."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from controllines.io import DEFAULT_LIMITS, Limits, Source
from controllines.io.source import Wanted


def source(**more: object) -> Source:
    values = {"path": Path("a.txt"), "layer": None, "frame": pd.DataFrame(index=range(1)), "geoms": np.array([None]),
              "crs": None, "crs_found": "未找到", "encoding": None, "resolution_m": 0.001, "sha256": "0" * 64,
              "driver": "TXT"}  # fmt: skip
    return Source(**values | more)  # type: ignore[arg-type]


def test_declared_parameters_are_never_printed() -> None:
    secret = source(parameters=(11.5, -22.25, 33.125, 0.7, -0.8, 0.9, -1.75))
    assert secret.parameters is not None
    assert "22.25" not in repr(secret)
    assert "22.25" not in str(dataclasses.replace(secret, layer="甲"))


def test_two_readings_are_two_sources() -> None:
    """Frames and arrays have no plain yes or no to compare by."""
    one = source()
    assert one in [source(), one]
    assert one not in [source(), source()]
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.layer = "乙"  # type: ignore[misc]


def test_limits_that_hold_by_default() -> None:
    assert Limits() == DEFAULT_LIMITS == Wanted(None, False, Limits()).limits
    assert DEFAULT_LIMITS.max_file_bytes == DEFAULT_LIMITS.max_unzipped_bytes == 8 * 1024**3
    assert DEFAULT_LIMITS.max_text_bytes == 64 * 1024**2
    assert (DEFAULT_LIMITS.max_features, DEFAULT_LIMITS.max_seconds) == (10_000_000, 300)
    assert not Wanted(None, False, Limits()).packed
