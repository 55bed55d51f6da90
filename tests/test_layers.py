"""Layers: coordinate systems that are refused or declared, the way into the plane."""

from __future__ import annotations

import math
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from controllines.area import official_area
from controllines.crs import Plane
from controllines.errors import CRSError, InputError
from controllines.layers import Reading, boxes_in_plane, join, lay, net_factors, read_layer

X, Y = 30_385_000, 4_738_000
PLANE = Plane(88, 43)


def box(x0: float, y0: float, x1: float, y1: float) -> shapely.Polygon:
    return shapely.box(X + x0, Y + y0, X + x1, Y + y1)


def frame(crs: object = "EPSG:4518", geometry: list[object] | None = None, **columns: list[object]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=geometry or [box(0, 0, 100, 100)], crs=crs)


def shapefile(folder: Path, data: gpd.GeoDataFrame, *, prj: bool = True) -> Path:
    path = folder / "红线.shp"
    data.to_file(path, engine="pyogrio", encoding="UTF-8")
    if not prj:
        path.with_suffix(".prj").unlink()
    return path


def test_net_factors_leave_only_cultivated_land_unknown() -> None:
    shapes = [box(2 * k, 0, 2 * k + 1, 1) for k in range(4)]
    layer = read_layer(
        frame(geometry=shapes, DLBM=["0102", "0103", "0201", None], KCXS=[0.1, None, None, None]), "permanent_farmland"
    )
    factors, cultivated = net_factors(layer)
    np.testing.assert_array_equal(factors, [0.1, np.nan, 0.0, np.nan])
    assert cultivated.tolist() == [True, True, False, True]


def test_a_layer_without_features_is_a_layer() -> None:
    empty = frame(BSM=["r1"]).iloc[:0]
    layer = read_layer(empty, "ecological_redline")
    assert (len(layer), layer.origins[0].features_in) == (0, 0)
    assert len(lay(layer, PLANE)) == 0
    with pytest.raises(CRSError, match="CRS_MISSING"):
        read_layer(empty.set_crs(None, allow_override=True), "ecological_redline")


# --- which layer of a file ------------------------------------------------------------------------------------


def test_layer_is_chosen_by_its_official_name(tmp_path: Path) -> None:
    path = tmp_path / "三线.gpkg"
    frame(BSM=["a"]).to_file(path, layer="STBHHX", engine="pyogrio")
    frame(BSM=["b"]).to_file(path, layer="其他", engine="pyogrio")
    assert read_layer(path, "ecological_redline").frame["feature_id"].tolist() == ["a"]
    assert read_layer(path, "urban_boundary", layer="其他").frame["feature_id"].tolist() == ["b"]
    with pytest.raises(InputError, match="LAYER_CHOICE") as raised:
        read_layer(path, "urban_boundary")
    assert "STBHHX" in raised.value.finding.message
    with pytest.raises(InputError, match="LAYER_UNKNOWN"):
        read_layer(path, "urban_boundary", layer="没有")


def test_the_only_layer_needs_no_name(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    frame(BSM=["b"]).to_file(path, layer="随便", engine="pyogrio")
    assert len(read_layer(path, "ecological_redline")) == 1


# --- coordinate systems ---------------------------------------------------------------------------------------


def test_missing_crs_names_the_file_and_the_epsg_its_prefix_points_to(tmp_path: Path) -> None:
    path = shapefile(tmp_path, frame(BSM=["r1"]), prj=False)
    with pytest.raises(CRSError, match="CRS_MISSING") as raised:
        read_layer(path, "ecological_redline")
    found = raised.value.finding
    assert (found.severity, found.source) == ("error", str(path))
    assert "EPSG:4518" in found.message
    assert found.fix


@pytest.mark.parametrize(
    ("easting", "hint"),
    [(25_500_000, "EPSG:4513"), (45_500_000, "EPSG:4533"), (15_500_000, "EPSG:4493"), (500_000, ""), (88.5, "")],
)
def test_hint_of_a_missing_crs(tmp_path: Path, easting: float, hint: str) -> None:
    north = 43.0 if easting < 360 else Y
    shape = shapely.box(easting, north, easting + 0.001, north + 0.001)
    path = shapefile(tmp_path, frame(geometry=[shape], BSM=["r1"]), prj=False)
    with pytest.raises(CRSError) as raised:
        read_layer(path, "ecological_redline")
    assert (hint in raised.value.finding.message) if hint else ("EPSG" not in raised.value.finding.message)


def test_a_declared_crs_fills_the_gap_and_says_so(tmp_path: Path) -> None:
    path = shapefile(tmp_path, frame(BSM=["r1"]), prj=False)
    layer = read_layer(path, "ecological_redline", reading=Reading(crs="EPSG:4518"))
    assert (layer.origins[0].crs, layer.origins[0].crs_found) == ("EPSG:4518", "声明")


def test_a_declared_crs_never_overrules_the_file(tmp_path: Path) -> None:
    path = shapefile(tmp_path, frame(BSM=["r1"]))
    with pytest.raises(CRSError, match="CRS_CONTRADICTS") as raised:
        read_layer(path, "ecological_redline", reading=Reading(crs="EPSG:4517"))
    found = raised.value.finding
    assert (found.source, found.expected) == (str(path), "EPSG:4517")
    assert "4518" in str(found.actual) or "Gauss" in str(found.actual)
    assert found.fix


@pytest.mark.parametrize("declared", ["EPSG:999999", "西安80", "4518号"])
def test_a_declared_crs_that_is_none(tmp_path: Path, declared: str) -> None:
    with pytest.raises(CRSError, match="CRS_UNKNOWN"):
        read_layer(shapefile(tmp_path, frame(BSM=["r1"])), "ecological_redline", reading=Reading(crs=declared))


@pytest.mark.parametrize(
    ("crs", "shape", "code"),
    [
        ("EPSG:2354", shapely.box(30_385_000, Y, 30_385_100, Y + 100), "CRS_NEEDS_PARAMETERS"),  # Xi'an 80
        ("EPSG:4214", shapely.box(88.5, 42.8, 88.6, 42.9), "CRS_NEEDS_PARAMETERS"),  # Beijing 54
        ("EPSG:4269", shapely.box(88.5, 42.8, 88.6, 42.9), "CRS_FOREIGN_DATUM"),  # NAD83
        ("EPSG:4490", box(0, 0, 100, 100), "CRS_METRES_AS_DEGREES"),
        ("EPSG:4518", shapely.box(88.5, 42.8, 88.6, 42.9), "CRS_DEGREES_AS_METRES"),
        ("EPSG:4517", box(0, 0, 100, 100), "CRS_PREFIX_CONTRADICTS"),  # prefix 30 under the label of zone 29
        ("EPSG:4539", box(0, 0, 100, 100), "CRS_PREFIX_CONTRADICTS"),  # zone 30 without prefix
        ("EPSG:4518", shapely.box(385_000, Y, 385_100, Y + 100), "CRS_PREFIX_CONTRADICTS"),  # prefix missing
    ],
)  # fmt: skip
def test_refused_coordinates(tmp_path: Path, crs: str, shape: shapely.Polygon, code: str) -> None:
    path = shapefile(tmp_path, frame(crs=crs, geometry=[shape], BSM=["r1"]))
    with pytest.raises(CRSError, match=code) as raised:
        read_layer(path, "ecological_redline")
    found = raised.value.finding
    assert (found.severity, found.source) == ("error", str(path))
    assert found.fix


def test_wgs84_is_a_warning_and_gives_the_same_area() -> None:
    shape = shapely.box(88.5, 42.8, 88.51, 42.808)
    ours, theirs = (
        read_layer(frame(crs=crs, geometry=[shape]), "ecological_redline") for crs in ("EPSG:4490", "EPSG:4326")
    )
    assert [(f.code, f.severity) for f in theirs.findings] == [("CRS_WGS84", "warning")]
    assert not ours.findings
    areas = [float(shapely.area(lay(layer, PLANE).geoms[0])) for layer in (ours, theirs)]
    assert areas[0] == areas[1]


def test_as_is_takes_a_foreign_datum_at_its_word() -> None:
    """NAD83 differs from CGCS2000 by a metre or two; declared as it is, no coordinate moves."""
    shape = shapely.box(88.5, 42.8, 88.51, 42.808)
    layer = read_layer(frame(crs="EPSG:4269", geometry=[shape]), "ecological_redline", reading=Reading(datum="as_is"))
    assert [(f.code, f.severity) for f in layer.findings] == [("CRS_AS_IS", "warning")]
    ours = lay(read_layer(frame(crs="EPSG:4490", geometry=[shape]), "ecological_redline"), PLANE)
    assert shapely.equals_exact(lay(layer, PLANE).geoms[0], ours.geoms[0], 1e-9)


# --- books and long edges -------------------------------------------------------------------------------------


def test_counts_close_and_excluded_features_keep_their_box() -> None:
    collapsed = shapely.Polygon([(X, Y), (X + 9, Y + 9), (X, Y)])
    shapes = [box(0, 0, 10, 10), None, collapsed, box(20, 0, 30, 10)]
    layer = read_layer(frame(geometry=shapes, BSM=list("abcd")), "ecological_redline")
    assert layer.used.tolist() == [True, False, False, True]
    origin = layer.origins[0]
    assert (origin.features_in, origin.used, origin.excluded) == (4, 2, 2)
    assert sorted(layer.boxes) == [1, 2]
    laid = lay(layer, PLANE)
    boxes, anywhere = boxes_in_plane(laid)
    assert (len(boxes), anywhere) == (1, True)  # b has no box: it could lie anywhere
    boxes, anywhere = boxes_in_plane(laid, ["b", "c"])
    assert (len(boxes), anywhere) == (0, False)


def test_join_moves_boxes_to_the_right_rows() -> None:
    parts = [read_layer(frame(geometry=[box(0, 0, 10, 10), None], BSM=["a", "b"]), "ecological_redline"),
             read_layer(frame(geometry=[None, box(0, 0, 10, 10)], BSM=["c", "d"]), "ecological_redline")]  # fmt: skip
    joined = join(parts)
    assert sorted(joined.boxes) == [1, 2]
    assert [o.excluded for o in lay(joined, PLANE).origins] == [1, 1]


def test_laid_area_is_the_official_area() -> None:
    shape = box(0, 0, 1000, 700)
    layer = lay(read_layer(frame(geometry=[shape]), "ecological_redline"), PLANE)
    assert shapely.area(layer.geoms[0]) == pytest.approx(official_area([shape], "EPSG:4518")[0], rel=1e-12)


def long_edge() -> shapely.Polygon:
    """27 km along a parallel in one edge, the south side with a vertex every 100 m or so; zone 30's middle is 90°E."""
    half = 13_500 / (111_320 * math.cos(math.radians(42.8)))
    south = [(lon, 42.79) for lon in np.linspace(90 - half, 90 + half, 271)]
    return shapely.Polygon([*south, (90 + half, 42.8), (90 - half, 42.8)])


def test_a_long_edge_is_warned_about_with_its_sagitta() -> None:
    layer = read_layer(frame(crs="EPSG:4490", geometry=[long_edge()]), "ecological_redline")
    (found,) = [item for item in layer.findings if item.code == "EDGE_LONG"]
    assert found.severity == "warning"
    assert float(str(found.actual).split()[0]) == pytest.approx(27, abs=0.1)
    sagitta = 27_000**2 * math.tan(math.radians(42.8)) / (8 * 6_378_137)  # 13.2 m
    assert float(str(found.expected).split()[0]) == pytest.approx(sagitta, rel=0.02)
    assert found.y == pytest.approx(42.8)


@pytest.mark.parametrize("crs", ["EPSG:4518", "EPSG:4490"])
def test_short_or_projected_edges_are_not_warned_about(crs: str) -> None:
    shape = box(0, 0, 27_000, 50) if crs == "EPSG:4518" else shapely.box(88.5, 42.8, 88.51, 42.808)
    assert not read_layer(frame(crs=crs, geometry=[shape]), "ecological_redline").findings


def test_edges_straight_in_moves_a_27_km_edge_by_its_sagitta() -> None:
    """Between a parallel and the Gauss line through its ends lies a parabolic segment: 2/3 · L · sagitta."""
    plane, shape = Plane(90, 43), [long_edge()]
    as_drawn = lay(read_layer(frame(crs="EPSG:4490", geometry=shape), "ecological_redline"), plane)
    reading = Reading(edges_straight_in="EPSG:4518")
    straight = lay(read_layer(frame(crs="EPSG:4490", geometry=shape), "ecological_redline", reading=reading), plane)
    assert not [item for item in straight.findings if item.code == "EDGE_LONG"]
    sagitta = 27_000**2 * math.tan(math.radians(42.8)) / (8 * 6_378_137)
    gained = float(shapely.area(straight.geoms[0]) - shapely.area(as_drawn.geoms[0]))
    assert gained == pytest.approx(2 / 3 * 27_000 * sagitta, rel=0.01)


def test_hint_of_zone_24_can_be_declared_as_it_stands() -> None:
    shape = [shapely.box(24_600_000, Y, 24_600_100, Y + 100)]
    with pytest.raises(CRSError) as raised:
        read_layer(frame(crs=None, geometry=shape), "ecological_redline")
    name = "CGCS2000_3_Degree_GK_Zone_24"
    assert name in raised.value.finding.message
    layer = read_layer(frame(crs=None, geometry=shape), "ecological_redline", reading=Reading(crs=name))
    assert layer.crs[0].zone == 24


def test_a_feature_of_another_zone_is_named() -> None:
    shapes = [shapely.box(easting, Y, easting + 100, Y + 100) for easting in (29_500_000, 29_600_000, 30_400_000)]
    with pytest.raises(CRSError) as raised:
        read_layer(frame(crs="EPSG:4517", geometry=shapes, BSM=["r1", "r2", "r3"]), "ecological_redline")
    found = raised.value.finding
    assert (found.code, found.feature) == ("CRS_MIXED_ZONES", "r3")
    assert "30400000" in found.message


@pytest.mark.parametrize("wild", [1e18, -1e9])
def test_a_coordinate_of_no_place_costs_its_feature_only(wild: float) -> None:
    lost = shapely.Polygon([(X, Y), (wild, Y), (X, Y + 9)])
    read = read_layer(frame(geometry=[box(0, 0, 50, 50), lost], BSM=["a", "b"]), "ecological_redline")
    assert read.frame["status"].tolist() == ["ok", "excluded"]
    assert [(item.code, item.feature) for item in read.findings if item.severity == "error"] == [
        ("GEOMETRY_NOT_FINITE", "b")
    ]
