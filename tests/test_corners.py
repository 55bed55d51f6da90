"""Corner points: numbered as in the survey format, in the coordinates that were handed in."""

from __future__ import annotations

import numpy as np
import shapely

from controllines.corners import axes, corners_frame
from controllines.crs import plane_of
from controllines.layers import lay
from controllines.parcels import read_parcels
from tests.builders import here, parcels

PLANE = plane_of((87, 42, 89, 43))


def frame_of(*geometries, **more):
    laid = lay(read_parcels(parcels(*geometries, **more)), PLANE)
    return corners_frame(laid, np.flatnonzero(laid.used)), laid


def test_ring_with_hole_is_numbered_through_and_closes_on_its_first_point() -> None:
    land = shapely.difference(here(0, 0, 400, 300), here(150, 100, 250, 200))
    frame, laid = frame_of(land)
    assert list(frame["ring"]) == [1] * 5 + [2] * 5
    assert list(frame["point"]) == ["J1", "J2", "J3", "J4", "J1", "J5", "J6", "J7", "J8", "J5"]
    given = shapely.get_coordinates(laid.shapes)
    assert (frame[["y", "x"]].to_numpy() == given).all()
    edges = frame["edge_m"].to_numpy()
    assert sorted(edges[:4]) == [300, 300, 400, 400]
    assert (edges[5:9] == 100).all()
    assert np.isnan(edges[[4, 9]]).all()


def test_each_parcel_starts_at_one_also_with_several_parts() -> None:
    two = shapely.MultiPolygon([here(0, 0, 10, 10), here(20, 0, 30, 10)])
    frame, _ = frame_of(two, here(50, 0, 60, 10))
    assert list(frame["parcel_id"]) == ["a"] * 10 + ["b"] * 5
    assert list(frame["ring"]) == [1] * 5 + [2] * 5 + [1] * 5
    assert list(frame["point"][10:]) == ["J1", "J2", "J3", "J4", "J1"]
    assert list(frame["point"][5:10]) == ["J5", "J6", "J7", "J8", "J5"]


def test_degrees_have_geodesic_edges() -> None:
    # One thousandth of a degree along a meridian at 42.5°: 111.07 m (published meridian arc of 1° at 42.5°: 111 077 m).
    land = shapely.box(88.5, 42.5, 88.501, 42.501)
    frame, laid = frame_of(land, crs=4490)
    north = frame["edge_m"][np.abs(np.diff(frame["x"], append=frame["x"].iloc[0])) > 5e-4].dropna()
    assert np.allclose(north, 111.077, atol=0.01)
    assert (frame["decimals"] == 9).all()
    assert axes(laid.frame)[0].startswith("纬度")


def test_decimals_are_those_of_the_source() -> None:
    frame, laid = frame_of(here(0, 0, 10, 10))
    assert (frame["decimals"] == 3).all()
    assert axes(laid.frame)[0].startswith("X")


def test_no_parcels_no_points() -> None:
    laid = lay(read_parcels(parcels(here(0, 0, 10, 10))), PLANE)
    assert len(corners_frame(laid, np.empty(0, int))) == 0
