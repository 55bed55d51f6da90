"""conflicts.gpkg: the frames with geometry, in the result's own CRS."""

from __future__ import annotations

import dataclasses

import geopandas as gpd

from controllines.report import write_report


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
