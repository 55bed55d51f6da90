"""Linear and point projects: corridors of true metres, lengths besides areas, nothing without a declared width."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from shapely import LineString, MultiLineString, Point

from controllines.area import official_area
from controllines.corridors import declared_sizes, draw
from controllines.crs import gauss_kruger, recognise
from controllines.errors import InputError, UsageError
from controllines.kinds import parcel_kind
from controllines.parcels import read_parcels
from controllines.pipeline import Job, check, run
from tests.builders import CORNER, FARM, RED, codes, here, layer, make_plan, row, shifted

GEOD = pyproj.Geod(ellps="GRS80")  # CGCS2000's ellipsoid but for 1e-10 of its flattening


def geodesic(line, epsg=4518):
    """Length by geographiclib between points 50 m apart, independent of any projection of ours."""
    crs = pyproj.CRS(epsg)
    lonlat = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    dense = shapely.transform(shapely.segmentize(line, 50), lonlat.transform, interleaved=False)
    return sum(GEOD.geometry_length(part) for part in shapely.get_parts(dense))


def one(geom, size, epsg=4518):
    drawn = draw(np.array([geom], dtype=object), (np.array([size]), np.array([size])), recognise(f"EPSG:{epsg}"))
    return drawn.geoms[0], drawn


@pytest.mark.parametrize(
    "line",
    [
        LineString([(0, 0), (1000, 0)]),
        LineString([(0, 0), (3000, 4000)]),
        MultiLineString([[(0, 0), (500, 100)], [(2000, 0), (2000, 700)]]),
    ],
)
def test_a_straight_corridor_is_its_width_times_its_true_length(line):
    """At the corner, 115 km from the central meridian, Gauss–Krüger lengths are 0.016 % too long."""
    geom, drawn = one(shifted(line), 20.0)
    true = geodesic(shifted(line))
    assert true == pytest.approx(line.length * (1 - 1.63e-4), rel=2e-5)
    assert official_area([geom], "EPSG:4518")[0] == pytest.approx(20 * true, rel=1e-6)
    assert drawn.lines[0].equals(shifted(line))
    assert [f.code for f in drawn.findings] == ["CORRIDOR_DRAWN"]


def test_ends_are_flat_and_bends_keep_their_distance():
    geom, _ = one(shifted(LineString([(0, 0), (100, 0), (100, 100)])), 10.0)
    # two arms of 100 m by 10 m; they share the inner quarter (25 m²), the bend is a quarter circle: 25π/4
    assert official_area([geom], "EPSG:4518")[0] == pytest.approx(2000 - 25 + 25 * np.pi / 4, rel=4e-4)
    assert not geom.intersects(Point(CORNER[0] - 0.01, CORNER[1]))


def test_a_point_becomes_a_circle_of_its_radius():
    geom, drawn = one(shifted(Point(0, 0)), 30.0)
    assert official_area([geom], "EPSG:4518")[0] == pytest.approx(np.pi * 900, rel=5e-5)
    assert drawn.lines[0] is None
    assert [f.code for f in drawn.findings] == ["CIRCLE_DRAWN"]


def test_the_same_corridor_from_degrees_and_from_the_next_zone():
    line = shapely.segmentize(shifted(LineString([(0, 0), (2000, 500)])), 20)
    areas = []
    for epsg in (4518, 4539, 4517, 4490):
        there = gpd.GeoSeries([line], crs=4518).to_crs(epsg).iloc[0]
        areas.append(official_area([one(there, 12.0, epsg)[0]], f"EPSG:{epsg}")[0])
    assert areas == pytest.approx([areas[0]] * 4, abs=0.01)
    assert areas[0] == pytest.approx(12 * geodesic(line), rel=1e-6)


@pytest.mark.parametrize("size", [np.nan, 0.0, -5.0, np.inf])
def test_without_a_width_a_line_stays_a_line(size):
    line = shifted(LineString([(0, 0), (100, 0)]))
    geom, drawn = one(line, size)
    assert geom is line
    assert drawn.findings == ()
    assert drawn.lines[0] is None


def test_land_and_the_unusable_are_left_alone():
    not_finite = shapely.transform(LineString([(0, 0), (5, 1), (9, 9)]), lambda xy: np.where(xy == 5, np.nan, xy))
    geoms = np.array([shapely.box(0, 0, 1, 1), None, Point(), not_finite], dtype=object)
    drawn = draw(geoms, (np.full(4, 5.0), np.full(4, 5.0)), recognise(gauss_kruger(30)))
    assert drawn.geoms[:3].tolist() == geoms[:3].tolist()
    assert drawn.geoms[3] is geoms[3]


def test_where_a_width_may_be_declared():
    kind = parcel_kind()
    frame = pd.DataFrame({"宽度": ["8", "", "十米", None]})
    assert declared_sizes(kind, frame, {}, 3.0)[0].tolist() == [8, 3, 3, 3]
    assert declared_sizes(kind, frame, {"宽度": "6.5"}, 3.0)[0].tolist() == [8, 6.5, 6.5, 6.5]
    width, radius = declared_sizes(kind, pd.DataFrame({"WIDTH_M": [4.0], "半径": [7]}), {}, None)
    assert (width.tolist(), radius.tolist()) == ([4], [7])
    width, radius = declared_sizes(kind, frame[[]], {}, 2.0)  # --line-width is for lines alone
    assert np.isnan(radius).all()


PLAN = {RED: [here(0, -500, 400, 500), here(400, -500, 600, 500)], FARM: [here(5000, 5000, 6000, 6000)],
        "urban_boundary": [here(-100, -500, 300, 500)]}  # fmt: skip


def lines(*geometries, **columns):
    return layer([shifted(g) for g in geometries], DKBH=[f"L{n}" for n in range(1, len(geometries) + 1)], **columns)


def test_lengths_inside_each_line_besides_areas():
    road = LineString([(-1000, 0), (1000, 0)])
    result = check(lines(road, width_m=[10.0]), make_plan(**PLAN), as_of="2026-11-21")
    inside = row(result, RED, "L1")
    within = geodesic(shifted(LineString([(0, 0), (600, 0)])))
    assert inside["outcome"] == "conflict"
    assert inside["area_m2"] == pytest.approx(10 * within, rel=1e-5)
    lengths = result.lengths.set_index("kind")
    assert lengths.loc[RED, "length_m"] == pytest.approx(within, abs=0.01)
    assert lengths.loc[FARM, "length_m"] == 0
    assert lengths.loc["urban_boundary", "length_m"] == pytest.approx(within * 400 / 600, abs=0.01)
    assert lengths["total_m"].tolist() == pytest.approx([geodesic(shifted(road))] * 3, abs=0.01)
    assert {"CORRIDOR_DRAWN", "LINE_LENGTHS"} <= codes(result)
    assert result.parcels["area_m2"].iloc[0] == pytest.approx(10 * geodesic(shifted(road)), rel=1e-6)


def test_what_was_not_measured_has_no_length():
    plan = make_plan(**{RED: PLAN[RED]})
    result = check(lines(LineString([(0, 0), (100, 0)])), plan, as_of="2026-11-21", line_width=4)
    lengths = result.lengths.set_index("kind")["length_m"]
    assert lengths[RED] == pytest.approx(100, abs=0.1)
    assert np.isnan(lengths[FARM])
    assert result.provenance["options"]["line_width_m"] == 4


def test_a_line_without_width_is_excluded_by_name_and_never_read_as_none():
    mixed = lines(LineString([(0, 0), (100, 0)]), shapely.box(10, 10, 20, 20), Point(50, 50))
    result = check(mixed, make_plan(**PLAN), as_of="2026-11-21")
    assert result.parcels["status"].tolist() == ["excluded", "checked", "excluded"]
    assert set(result.overlaps["parcel_id"]) == {"L2"}
    named = result.findings[result.findings["code"] == "GEOMETRY_NOT_POLYGON"]
    assert named["feature"].tolist() == ["L1", "L3"]
    assert len(result.lengths) == 0
    with pytest.raises(InputError, match="NOTHING_CHECKED"):
        check(lines(LineString([(0, 0), (100, 0)])), make_plan(**PLAN))


@pytest.mark.parametrize("shape", [LineString([(0, 0), (0, 100)]), Point(5, 5)])
def test_a_line_in_a_control_layer_never_reads_as_none(shape):
    """It has no width there: it is set aside, and what meets its box is failed."""
    plan = make_plan(**{RED: [here(1000, 0, 1100, 100), shifted(shape)], FARM: PLAN[FARM]})
    result = check(layer([here(-10, -10, 10, 10)], DKBH=["a"], width_m=[3]), plan, as_of="2026-11-21")
    assert row(result, RED)["outcome"] == "failed"
    assert row(result, FARM)["outcome"] == "none"
    assert "GEOMETRY_NOT_POLYGON" in codes(result)


@pytest.mark.parametrize("width", [0, -1.0, float("nan"), float("inf")])
def test_a_width_must_be_positive(width):
    with pytest.raises(UsageError, match="line-width"):
        read_parcels(lines(LineString([(0, 0), (1, 0)])), line_width=width)


def test_the_width_of_the_command_line_reaches_files(tmp_path):
    lines(LineString([(-100, 0), (100, 0)])).to_file(tmp_path / "road.gpkg", engine="pyogrio")
    (tmp_path / "broken.geojson").write_text("{")
    plan = {key: layer(value, BSM=[str(n) for n in range(len(value))]) for key, value in PLAN.items()}
    for key, frame in plan.items():
        frame.to_file(tmp_path / "plan.gpkg", layer={RED: "STBHHX", FARM: "YJJBNTTB"}.get(key, "CZKFBJ"))
    job = Job(parcels=(str(tmp_path / "broken.geojson"), str(tmp_path / "road.gpkg")), plan=str(tmp_path / "plan.gpkg"),
              out=str(tmp_path / "out"), line_width=8.0)  # fmt: skip
    result = run(job).result
    assert result.provenance["options"]["line_width_m"] == 8
    checked = result.parcels[result.parcels["status"] == "checked"]
    assert checked["area_m2"].tolist() == pytest.approx([8 * geodesic(shifted(LineString([(-100, 0), (100, 0)])))])
