"""conflicts.gpkg: the frames with geometry, in the result's own CRS."""

from __future__ import annotations

import contextlib
import dataclasses
import sqlite3

import geopandas as gpd
import pyogrio

from controllines.report import vector, write_report


def test_gpkg_holds_the_frames(result, tmp_path):
    write_report(result, tmp_path / "out", formats=[])
    for layer, frame in (("parcels", result.parcels), ("pieces", result.pieces), ("outside", result.outside)):
        read = gpd.read_file(tmp_path / "out" / "conflicts.gpkg", layer=layer)
        assert len(read) == len(frame)
        assert set(frame.columns) <= {*read.columns, "verdict"}
        assert list(read["parcel_id"]) == list(frame["parcel_id"])
        assert read.crs == frame.crs
        areas = read["area_m2"].dropna()
        assert list(areas) == list(frame["area_m2"].dropna())


def test_gpkg_of_a_result_without_pieces(result, tmp_path):
    empty = dataclasses.replace(result, pieces=result.pieces.iloc[:0], outside=result.outside.iloc[:0])
    write_report(empty, tmp_path / "out")
    assert len(gpd.read_file(tmp_path / "out" / "conflicts.gpkg", layer="pieces")) == 0


def test_layers_say_what_they_are_and_what_every_page_must_say(result, tmp_path):
    vector.write(result, tmp_path / "a.gpkg", ("合成数据，仅供演示",))
    with contextlib.closing(sqlite3.connect(tmp_path / "a.gpkg")) as book:
        rows = book.execute("SELECT table_name, description, last_change FROM gpkg_contents").fetchall()
    assert {name: said for name, said, _ in rows} == {
        name: f"{title}；run_id 0123456789ab；合成数据，仅供演示"
        for name, title in (("parcels", "申报地块"), ("pieces", "重叠图斑"), ("outside", "边界外部分"))}  # fmt: skip
    assert {day[:10] for _, _, day in rows} == {"2026-11-21"}  # the day of the check, not of the clock


def test_a_column_without_any_value_stays_a_text(result, tmp_path):
    assert result.parcels["verdict"].isna().all()
    vector.write(result, tmp_path / "a.gpkg", ())
    info = pyogrio.read_info(tmp_path / "a.gpkg", layer="parcels")
    assert dict(zip(info["fields"], info["dtypes"], strict=True))["verdict"] == "object"
