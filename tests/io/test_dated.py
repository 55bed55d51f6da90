"""Files whose bytes repeat: the day they say is the one they were told."""

from __future__ import annotations

import datetime as dt
import sqlite3
from contextlib import closing
from pathlib import Path

import geopandas as gpd
import pyogrio
import pytest
import shapely

from controllines.io.dated import dated

DAY = dt.date(2026, 11, 20)


def write(path: Path) -> bytes:
    frame = gpd.GeoDataFrame({"a": [1]}, geometry=[shapely.box(80, 40, 81, 41)], crs=4490)
    pyogrio.write_dataframe(frame, path, driver="GPKG", layer="甲")
    return path.read_bytes()


def test_the_same_content_is_the_same_bytes(tmp_path: Path) -> None:
    with dated(DAY):
        first, second = write(tmp_path / "a.gpkg"), write(tmp_path / "b.gpkg")
    assert first == second
    with closing(sqlite3.connect(tmp_path / "a.gpkg")) as database:
        assert database.execute("SELECT last_change FROM gpkg_contents").fetchall() == [("2026-11-20T00:00:00.000Z",)]


def test_afterwards_the_clock_holds_again_and_an_outer_day_stays() -> None:
    def told() -> object:
        return pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")

    with dated(DAY):
        with dated(dt.date(2020, 1, 2)):
            assert told() == "2020-01-02T00:00:00.000Z"
        assert told() == "2026-11-20T00:00:00.000Z"
        with pytest.raises(OSError, match="full"), dated(dt.date(2020, 1, 2)):
            raise OSError("full")
        assert told() == "2026-11-20T00:00:00.000Z"
    assert told() is None
