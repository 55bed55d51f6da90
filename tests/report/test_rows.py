"""Rows of frames as plain dictionaries."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from controllines.report.rows import every_text, file_name, grouped, records


def test_every_kind_of_null_is_none_and_values_are_plain() -> None:
    frame = pd.DataFrame({
        "float": [1.5, np.nan], "text": ["a", None], "nullable": pd.array([1, None], dtype="Int64"),
        "day": pd.to_datetime(["2026-11-21", None]), "flag": [True, False],
    })  # fmt: skip
    one, two = records(frame)
    assert one == {"float": 1.5, "text": "a", "nullable": 1, "day": pd.Timestamp("2026-11-21"), "flag": True}
    assert two == {"float": None, "text": None, "nullable": None, "day": None, "flag": False}


def test_geometry_is_left_out_and_a_column_there_is_not_is_null() -> None:
    frame = gpd.GeoDataFrame({"a": [1, 2]}, geometry=[shapely.Point(0, 0)] * 2, crs="EPSG:4490")
    assert records(frame) == [{"a": 1}, {"a": 2}]
    assert records(frame, ("b", "a", "geometry"))[0] == {"b": None, "a": 1, "geometry": None}
    assert list(records(frame, ("b", "a"))[0]) == ["b", "a"]  # in the order asked for
    assert records(frame, ()) == [{}, {}]


def test_rows_are_grouped_in_their_order() -> None:
    rows = [{"a": 1, "b": "x"}, {"a": 2, "b": "x"}, {"a": 1, "b": "y"}]
    assert grouped(rows, "a") == {1: [rows[0], rows[2]], 2: [rows[1]]}
    assert list(grouped(rows, "b", "a")) == [("x", 1), ("x", 2), ("y", 1)]


@pytest.mark.parametrize(
    ("path", "name"),
    [("申请/a.txt", "a.txt"), ("C:\\用户\\a.txt", "a.txt"), ("a.txt", "a.txt"), ("规划/三线.gdb/", "三线.gdb"),
     ("/vsizip/x.zip\\b/c.shp", "c.shp"), ("", "")],
)  # fmt: skip
def test_file_names_are_the_last_part_of_a_path_of_any_system(path: str, name: str) -> None:
    assert file_name(path) == name


def test_texts_of_a_tree_are_changed_and_nothing_else() -> None:
    tree = {"a": "x", "b": ["x", 1, None, {"x": "x"}], "c": ("x",)}
    assert every_text(tree, str.upper) == {"a": "X", "b": ["X", 1, None, {"x": "X"}], "c": ["X"]}
