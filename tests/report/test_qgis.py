"""Styles in the GeoPackage that QGIS takes up by itself."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from xml.etree import ElementTree as Xml

import geopandas as gpd
import pytest

import controllines as cl
from controllines.report import gis
from controllines.report.model import Report


@pytest.fixture(scope="module")
def file(result: cl.CheckResult, report: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("qgis")
    gis.write(result, report, folder, formats=["gpkg"], crs=None)
    return folder / "三线核对成果.gpkg"


def styles_of(file: Path) -> list[tuple[str, str, str, int]]:
    with contextlib.closing(sqlite3.connect(file)) as book:
        assert book.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return book.execute(
            "SELECT f_table_name, f_geometry_column, styleQML, useAsDefault FROM layer_styles"
        ).fetchall()


def test_geopackage_has_a_default_style_for_each_layer(file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file)) as book:
        columns = dict(book.execute("SELECT table_name, column_name FROM gpkg_geometry_columns"))
    assert {(name, geometry) for name, geometry, _, _ in styles_of(file)} == set(columns.items())
    for name, _, text, default in styles_of(file):
        assert default == 1
        root = Xml.fromstring(text.split("\n", 1)[1])
        renderer = root.find("renderer-v2")
        values = {item.get("value") for item in renderer.iter("category")}
        assert set(gpd.read_file(file, layer=name)[renderer.get("attr")]) <= values
        symbols = {item.get("name") for item in renderer.iter("symbol")}
        assert {item.get("symbol") for item in renderer.iter("category")} == symbols


def looks_of(file: Path, layer: str) -> dict[str, dict[str, str]]:
    """value → properties of its symbol."""
    [text] = [text for name, _, text, _ in styles_of(file) if name == layer]
    root = Xml.fromstring(text.split("\n", 1)[1])
    symbols = {item.get("name"): item for item in root.iter("symbol")}
    return {
        item.get("value", ""): {
            prop.get("k", ""): prop.get("v", "") for prop in symbols[item.get("symbol")].iter("prop")
        }
        for item in root.iter("category")
    }


def test_colours_are_those_of_the_legend(file: Path) -> None:
    """#7fb77e at 0.30 and #3d7a45 in decimal; the boundary's edge is dashed; a marker is filled with its line."""
    lines = looks_of(file, "重叠图斑")
    assert lines["生态保护红线"]["color"] == "127,183,126,76"
    assert lines["生态保护红线"]["outline_color"] == "61,122,69,255"
    assert (lines["生态保护红线"]["outline_style"], lines["城镇开发边界"]["outline_style"]) == ("solid", "dash")
    error = looks_of(file, "问题点")["错误"]
    assert (error["color"], error["name"]) == ("179,64,46,255", "circle")


def test_qgis_finds_the_styles_listed(file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file)) as book:
        [row] = book.execute("SELECT data_type, last_change FROM gpkg_contents WHERE table_name = 'layer_styles'")
    assert row == ("attributes", "2026-11-21T00:00:00Z")  # the day of the check, not of the clock
