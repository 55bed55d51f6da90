"""Which adapter reads what, one layer or all, and tables that are no geometry."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import geopandas as gpd
import pytest

from controllines.errors import InputError
from controllines.io import read
from controllines.io.formats import drivers
from controllines.io.reading import ADAPTERS, read_sheets
from tests.builders import only
from tests.io.conftest import Write

SQUARE = '{"type":"Polygon","coordinates":[[[80,40],[81,40],[81,41],[80,40]]]}'


def test_layer_of_a_single_layer_format(write: Write, counties: gpd.GeoDataFrame) -> None:
    path = write(counties, ".shp")
    assert len(only(path, layer="县").frame) == 3
    with pytest.raises(InputError, match="LAYER_UNKNOWN"):
        read(path, layer="乡")


def test_every_format_that_is_let_in_has_its_adapter() -> None:
    assert set(ADAPTERS) == set(drivers().values()) - {"zip", "kmz"}


def test_the_only_layer_may_be_asked_for_by_the_name_of_its_file(tmp_path: Path) -> None:
    """One data set in a zip goes by the zip's name, several by their own; what there is is listed otherwise."""
    with zipfile.ZipFile(tmp_path / "报件.zip", "w") as book:
        book.writestr("内/地块.geojson", SQUARE)
    for name in ("报件", None):
        assert len(only(tmp_path / "报件.zip", layer=name).geoms) == 1
    with zipfile.ZipFile(tmp_path / "报件.zip", "a") as book:
        book.writestr("乙.geojson", SQUARE)
    assert str(only(tmp_path / "报件.zip", layer="地块").path).endswith("报件.zip!内/地块.geojson")
    with pytest.raises(InputError, match="LAYER_UNKNOWN") as caught:
        read(tmp_path / "报件.zip", layer="没有")
    assert (caught.value.finding.source, caught.value.finding.actual) == (str(tmp_path / "报件.zip"), "没有")
    assert caught.value.finding.expected == "乙、地块"


def test_of_several_data_sets_those_without_features_are_left_out(tmp_path: Path) -> None:
    """But an empty one alone is read as empty, and what the zip said is not lost with it."""
    empty = json.dumps({"type": "FeatureCollection", "features": []})
    members = {"a.geojson": empty, "b.geojson": SQUARE, "说明.pdf": "x"}
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as book:
        for name, text in members.items():
            book.writestr(name, text)
    source = only(tmp_path / "a.zip")
    assert str(source.path).endswith("!b.geojson")
    assert [item.code for item in source.findings] == ["ZIP_MEMBERS_IGNORED"]
    (tmp_path / "a.geojson").write_text(empty)
    assert len(only(tmp_path / "a.geojson").geoms) == 0


def test_an_address_is_asked_for_at_the_database_and_not_as_a_file() -> None:
    with pytest.raises(InputError) as caught:
        read("postgresql://nobody:secret@127.0.0.1:1/none")
    assert caught.value.finding.code != "FILE_NOT_FOUND"
    assert "secret" not in str(caught.value)


def test_tables_as_plain_text(tmp_path: Path) -> None:
    (tmp_path / "表.csv").write_text("项目编号;面积\nP1; ５\n", encoding="gb18030")
    [sheet] = read_sheets(tmp_path / "表.csv")
    assert (sheet.name, sheet.encoding) == (None, "GB18030")
    assert sheet.rows == [(1, ["项目编号", "面积"]), (2, ["P1", "5"])]
    (tmp_path / "a.geojson").write_text(SQUARE)
    with pytest.raises(InputError, match="NOT_A_TABLE") as caught:
        read_sheets(tmp_path / "a.geojson")
    assert caught.value.finding.source == str(tmp_path / "a.geojson")
