import math
import os
import subprocess
import sys

import numpy as np
import pyproj
import pytest
import shapely

from controllines.crs import (
    LONLAT,
    EdgeRule,
    Plane,
    check_range,
    crs_name,
    edge_offset,
    from_lonlat,
    from_plane,
    gauss_kruger,
    lonlat_bounds,
    plane_of,
    recognise,
    reproject,
    same,
    split_edges,
    to_lonlat,
    to_plane,
    zone_of,
    zone_prefix,
)
from controllines.errors import CRSError

ESRI_GK = (
    'PROJCS["CGCS2000_3_Degree_GK_Zone_26",GEOGCS["GCS_China_Geodetic_Coordinate_System_2000",DATUM["D_China_2000",'
    'SPHEROID["CGCS2000",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],'
    'PROJECTION["Gauss_Kruger"],PARAMETER["False_Easting",26500000.0],PARAMETER["False_Northing",0.0],'
    'PARAMETER["Central_Meridian",78.0],PARAMETER["Scale_Factor",1.0],PARAMETER["Latitude_Of_Origin",0.0],'
    'UNIT["Meter",1.0]]'
)
ESRI_XIAN = (
    'PROJCS["Xian_1980_3_Degree_GK_Zone_26",GEOGCS["GCS_Xian_1980",DATUM["D_Xian_1980",'
    'SPHEROID["Xian_1980",6378140.0,298.257]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],'
    'PROJECTION["Gauss_Kruger"],PARAMETER["False_Easting",26500000.0],PARAMETER["False_Northing",0.0],'
    'PARAMETER["Central_Meridian",78.0],PARAMETER["Scale_Factor",1.0],PARAMETER["Latitude_Of_Origin",0.0],'
    'UNIT["Meter",1.0]]'
)
ESRI_BEIJING = (
    'GEOGCS["GCS_Beijing_1954",DATUM["D_Beijing_1954",SPHEROID["Krasovsky_1940",6378245.0,298.3]],'
    'PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]'
)
WITH_SHIFT = (
    'GEOGCS["China Geodetic Coordinate System 2000",DATUM["China_2000",SPHEROID["CGCS2000",6378137,298.257222101],'
    'TOWGS84[0,0,0,0,0,0,0]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]]'
)
#: Two corners in 巴楚, zone 26 without prefix.
BACHU = np.array([[543000.0, 4405000.0], [543300.0, 4405200.0]])


def code_of(call, *args, **kwargs):
    with pytest.raises(CRSError) as raised:
        call(*args, **kwargs)
    return raised.value.finding.code


# --- recognising -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("crs", "datum", "projected", "zone"),
    [
        ("EPSG:4490", "cgcs2000", False, None),
        (4490, "cgcs2000", False, None),
        (pyproj.CRS(4490), "cgcs2000", False, None),
        ("EPSG:4480", "cgcs2000", False, None),  # three dimensions
        ("EPSG:4490+5737", "cgcs2000", False, None),  # plan databases: with 1985国家高程基准
        ("EPSG:4514+5737", "cgcs2000", True, 26),
        ("EPSG:4514", "cgcs2000", True, 26),
        ("EPSG:4535", "cgcs2000", True, 26),
        ("EPSG:4492", "cgcs2000", True, 27),  # 6° zone 14 has the central meridian of 3° zone 27
        (ESRI_GK, "cgcs2000", True, 26),
        (WITH_SHIFT, "cgcs2000", False, None),
        ("EPSG:4326", "wgs84", False, None),
        ("OGC:CRS84", "wgs84", False, None),
        ("EPSG:3857", "wgs84", True, None),
    ],
)
def test_recognised(crs, datum, projected, zone):
    found = recognise(crs)
    assert (found.datum, found.projected, found.zone) == (datum, projected, zone)
    assert len(found.crs.axis_info) == 2


@pytest.mark.parametrize(
    ("crs", "said"),
    [
        ("EPSG:4610", "西安80"), ("EPSG:2350", "西安80"), ("EPSG:2371", "西安80"), (ESRI_XIAN, "西安80"),
        ("EPSG:4214", "北京54"), ("EPSG:2402", "北京54"), (ESRI_BEIJING, "北京54"), ("EPSG:4555", "新北京54"),
    ],
)  # fmt: skip
def test_systems_that_need_parameters_are_refused_by_name(crs, said):
    with pytest.raises(CRSError) as raised:
        recognise(crs, source="甲.shp", layer="宗地")
    found = raised.value.finding
    assert (found.code, found.actual, found.source, found.layer) == ("CRS_NEEDS_PARAMETERS", said, "甲.shp", "宗地")


@pytest.mark.parametrize("crs", ["EPSG:4610", "EPSG:2350", ESRI_XIAN, ESRI_BEIJING, "EPSG:4555"])
def test_old_datums_for_whoever_has_their_parameters(crs):
    assert recognise(crs, datum="parameters").datum == "parameters"


def test_parameters_excuse_no_other_datum():
    assert code_of(recognise, "EPSG:2277", datum="parameters") == "CRS_FOREIGN_DATUM"
    assert recognise("EPSG:4490", datum="parameters").datum == "cgcs2000"


def test_old_datums_are_the_same_whatever_their_spelling():
    assert same(pyproj.CRS(ESRI_XIAN), pyproj.CRS(2350))
    assert not same(pyproj.CRS(ESRI_XIAN), pyproj.CRS(4514))
    assert not same(pyproj.CRS(4610), pyproj.CRS(4214))


def test_web_mercator_is_no_other_place():
    """Longitude and latitude of WGS84 in Web Mercator are those of WGS84: no shift, no sphere."""
    lonlat = np.array([[88.5, 42.8]])
    radius = 6378137.0
    by_hand = [radius * math.radians(88.5), radius * math.log(math.tan(math.pi / 4 + math.radians(42.8) / 2))]
    assert from_lonlat(recognise(3857), lonlat)[0] == pytest.approx(by_hand, abs=1e-6)


def test_a_foreign_datum_only_as_declared():
    assert code_of(recognise, "EPSG:2277") == "CRS_FOREIGN_DATUM"
    assert recognise("EPSG:2277", datum="as_is").datum == "as_is"
    assert recognise("EPSG:4610", datum="as_is").datum == "as_is"
    assert recognise("EPSG:4490", datum="as_is").datum == "cgcs2000"


@pytest.mark.parametrize("crs", [None, ""])
def test_no_crs(crs):
    assert code_of(recognise, crs) == "CRS_MISSING"


@pytest.mark.parametrize(
    "crs", ["EPSG:999999", "2000国家大地坐标系", "EPSG:4479", 'LOCAL_CS["本地坐标",UNIT["metre",1]]', "EPSG:5737"]
)
def test_what_cannot_be_understood(crs):
    assert code_of(recognise, crs) == "CRS_UNKNOWN"


def test_a_null_shift_in_the_definition_moves_nothing():
    plane = Plane(79, 40)
    lonlat = np.array([[78.5, 39.8], [79.2, 40.3]])
    geoms = shapely.linestrings([lonlat])
    moved, expected = to_plane(geoms, recognise(WITH_SHIFT), plane), to_plane(geoms, recognise(LONLAT), plane)
    assert shapely.get_coordinates(moved).tolist() == shapely.get_coordinates(expected).tolist()


def test_same_meaning_whatever_the_spelling():
    assert same(pyproj.CRS(ESRI_GK), pyproj.CRS(4514))
    assert same(pyproj.CRS(4490), pyproj.CRS(WITH_SHIFT))
    assert same(pyproj.CRS(4326), pyproj.CRS("OGC:CRS84"))
    assert not same(pyproj.CRS(4514), pyproj.CRS(4535))
    assert not same(pyproj.CRS(4514), pyproj.CRS(4515))
    assert not same(pyproj.CRS(4490), pyproj.CRS(4326))
    assert not same(pyproj.CRS(4490), pyproj.CRS(4514))
    assert not same(pyproj.CRS(4514), pyproj.CRS(2350))
    assert not same(pyproj.CRS(3857), pyproj.CRS(3395))  # neither is a transverse Mercator
    assert same(pyproj.CRS(3857), pyproj.CRS(3857))


def test_names():
    assert recognise("EPSG:4490+5737").name == "EPSG:4490"
    assert recognise(ESRI_GK).name == "EPSG:4514"
    assert crs_name(gauss_kruger(24)).startswith("PROJCRS")


# --- zones -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "degrees", "prefix", "epsg"),
    [(25, 3, True, 4513), (45, 3, True, 4533), (26, 3, False, 4535), (30, 3, False, 4539), (13, 6, True, 4491),
     (14, 6, True, 4492), (14, 6, False, 4503), (23, 6, False, 4512)],
)  # fmt: skip
def test_zones_of_the_register(zone, degrees, prefix, epsg):
    crs = gauss_kruger(zone, degrees=degrees, prefix=prefix)
    assert crs == pyproj.CRS.from_epsg(epsg)
    lon = zone * 3 if degrees == 3 else zone * 6 - 3
    x = from_lonlat(recognise(crs), np.array([[lon, 40.0]]))[0, 0]
    assert x == pytest.approx(500_000 + (zone * 1_000_000 if prefix else 0), abs=1e-6)


@pytest.mark.parametrize("prefix", [True, False])
def test_zone_24_is_in_no_register(prefix):
    source = recognise(gauss_kruger(24, prefix=prefix))
    assert (source.datum, source.zone) == ("cgcs2000", 24)
    east = 500_000 + (24_000_000 if prefix else 0)
    by_hand = pyproj.Proj(proj="tmerc", lon_0=72, x_0=east, a=6378137, rf=298.257222101)
    got = from_lonlat(source, np.array([[73.2, 39.4]]))[0]
    assert got == pytest.approx(by_hand(73.2, 39.4), abs=1e-6)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("CGCS2000_3_Degree_GK_Zone_26", 4514), ("CGCS2000_3_Degree_GK_CM_78E", 4535), ("cgcs2000_gk_zone_14", 4492),
     ("CGCS2000_GK_CM_81E", 4503), ("CGCS2000_3_Degree_GK_CM_102E", 4543)],
)  # fmt: skip
def test_names_that_arcgis_gives(name, expected):
    assert recognise(name).name == f"EPSG:{expected}"


def test_zone_24_can_be_declared_by_name():
    assert same(recognise("CGCS2000_3_Degree_GK_Zone_24").crs, gauss_kruger(24, prefix=True))
    assert same(recognise("CGCS2000_3_Degree_GK_CM_72E").crs, gauss_kruger(24))


@pytest.mark.parametrize(
    "name", ["CGCS2000_3_Degree_GK_Zone_99", "CGCS2000_3_Degree_GK_CM_76E", "CGCS2000_GK_Zone_26", "CGCS2000_GK_CM_78E"]
)
def test_names_of_no_zone(name):
    assert code_of(recognise, name) == "CRS_UNKNOWN"


def test_zone_of_a_longitude():
    assert zone_of(np.array([73.4, 73.6, 76.5, 78.5, 85.4, 85.6, 88.6])).tolist() == [24, 25, 26, 26, 28, 29, 30]


@pytest.mark.parametrize(
    ("easting", "expected"),
    [(26543000.0, (26, 3)), (24500000.0, (24, 3)), (45999999.0, (45, 3)), (13500000.0, (13, 6)), (23500000.0, (23, 6)),
     (543000.0, None), (1_200_000.0, None), (46500000.0, None), (12500000.0, None), (78.5, None)],
)  # fmt: skip
def test_zone_prefix(easting, expected):
    assert zone_prefix(easting) == expected


# --- plausible coordinates -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("crs", "bounds", "code"),
    [
        (4490, [26543000, 4405000, 26543300, 4405200], "CRS_METRES_AS_DEGREES"),
        (4490, [543000, 4405000, 543300, 4405200], "CRS_METRES_AS_DEGREES"),
        (4514, [78.5, 39.7, 78.6, 39.8], "CRS_DEGREES_AS_METRES"),
        (3857, [78.5, 39.7, 78.6, 39.8], "CRS_DEGREES_AS_METRES"),
        (4514, [543000, 4405000, 543300, 4405200], "CRS_PREFIX_CONTRADICTS"),
        (4535, [26543000, 4405000, 26543300, 4405200], "CRS_PREFIX_CONTRADICTS"),
        (4514, [27543000, 4405000, 27543300, 4405200], "CRS_PREFIX_CONTRADICTS"),
        (4514, [26543000, 4405000, 27543300, 4405200], "CRS_PREFIX_CONTRADICTS"),
        (4492, [26543000, 4405000, 26543300, 4405200], "CRS_PREFIX_CONTRADICTS"),
        (4514, [14543000, 4405000, 14543300, 4405200], "CRS_PREFIX_CONTRADICTS"),
        (4535, [46543000, 4405000, 46543300, 4405200], "CRS_PREFIX_CONTRADICTS"),
        (4490, [39.7, 78.5, 39.8, 78.6], "CRS_AXES_SWAPPED"),
        (4490, [39.7, 95.5, 39.8, 95.6], "CRS_AXES_SWAPPED"),
        (4326, [39.7, 78.5, 39.8, 78.6], "CRS_AXES_SWAPPED"),
        (4514, [4405000, 26543000, 4405200, 26543300], "CRS_AXES_SWAPPED"),
        (4514, [4405000, 27543000, 4405200, 27543300], "CRS_AXES_SWAPPED"),  # and the label is wrong, too
        (4535, [4405000, 543000, 4405200, 543300], "CRS_AXES_SWAPPED"),
        (4535, [4405000, 26543000, 4405200, 26543300], "CRS_AXES_SWAPPED"),
        (4492, [4405000, 14543000, 4405200, 14543300], "CRS_AXES_SWAPPED"),
    ],
)
def test_contradictions_of_crs_and_coordinates(crs, bounds, code):
    assert code_of(check_range, recognise(crs), np.array(bounds, float)) == code


@pytest.mark.parametrize(
    ("crs", "bounds"),
    [
        (4490, [73.5, 35.0, 96.4, 49.2]),
        (4514, [26543000, 4405000, 26543300, 4405200]),
        (4535, [543000, 4405000, 543300, 4405200]),
        (4535, [-120_000, 4405000, 1_120_000, 4405200]),
        (4492, [14543000, 4405000, 14543300, 4405200]),
        (4514, [math.nan, 0, 1, 1]),
        (4490, [73.5, 18.0, 135.0, 53.5]),
        (3857, [8_738_000, 4_820_000, 8_739_000, 4_821_000]),
        (32644, [4405000, 543000, 4405200, 543300]),  # UTM is not judged by Chinese zones
    ],
)
def test_plausible_coordinates(crs, bounds):
    check_range(recognise(crs), np.array(bounds, float))


def test_spitsbergen_declared_as_is_is_not_china_with_swapped_axes():
    check_range(recognise("EPSG:4258", datum="as_is"), np.array([15.0, 77.0, 16.0, 78.0]))


ROWS = {
    "ok": [30543000, 4405000, 30543300, 4405200], "other": [29543000, 4405000, 29543300, 4405200],
    "both": [29999000, 4405000, 30001000, 4405200], "swapped": [4405000, 30543000, 4405200, 30543300],
    "degrees": [90.5, 39.7, 90.6, 39.8], "none": [math.nan] * 4,
}  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "code", "feature"),
    [
        (["none", "ok", "other", "ok", "other"], "CRS_MIXED_ZONES", "2"),
        (["ok", "both"], "CRS_MIXED_ZONES", "1"),
        (["other", "other"], "CRS_PREFIX_CONTRADICTS", None),
        (["none", "other"], "CRS_PREFIX_CONTRADICTS", None),
        (["ok", "swapped"], "CRS_AXES_SWAPPED", "1"),
        (["swapped", "none"], "CRS_AXES_SWAPPED", None),
        (["ok", "none", "degrees"], "CRS_DEGREES_AS_METRES", "2"),
    ],
)
def test_the_feature_that_contradicts_is_named(rows, code, feature):
    names = np.array([str(n) for n in range(len(rows))], dtype=object)
    with pytest.raises(CRSError) as raised:
        check_range(recognise(4518), np.array([ROWS[row] for row in rows]), ids=names, file="甲.shp", layer="红线")
    found = raised.value.finding
    assert (found.code, found.feature, found.source, found.layer) == (code, feature, "甲.shp", "红线")


def test_one_feature_in_metres_among_degrees():
    with pytest.raises(CRSError) as raised:
        check_range(recognise(4490), np.array([[90, 40, 91, 41], ROWS["ok"]]), ids=np.array(["a", "b"], object))
    assert (raised.value.finding.code, raised.value.finding.feature) == ("CRS_METRES_AS_DEGREES", "b")


# --- the plane -------------------------------------------------------------------------------------------------------

COUNTIES = [Plane(79, 40), Plane(85, 44), Plane(89, 43), Plane(75, 38)]


def around(plane, n=200, degrees=1.5):
    rng = np.random.default_rng(7)
    return np.array([plane.lon_0, plane.lat_0]) + rng.uniform(-degrees, degrees, (n, 2))


def test_middle_is_rounded_half_up_and_lies_at_the_origin():
    assert plane_of((78.0, 39.0, 79.0, 40.0)) == Plane(79, 40)
    plane = plane_of((87.1, 41.9, 89.2, 43.4))
    assert plane == Plane(88, 43)
    middle = np.column_stack(plane.forward(recognise(LONLAT)).transform([88.0], [43.0]))
    assert np.abs(middle).max() < 1e-8


@pytest.mark.parametrize("plane", COUNTIES)
def test_the_way_back(plane):
    lonlat = around(plane)
    forward = plane.forward(recognise(LONLAT))
    xy = np.column_stack(forward.transform(*lonlat.T))
    again = np.column_stack(forward.transform(*plane.inverse(xy).T))
    assert np.abs(again - xy).max() < 1e-8
    by_proj = np.column_stack(forward.transform(*xy.T, direction="INVERSE"))
    assert np.abs(plane.inverse(xy) - by_proj).max() < 2e-8  # PROJ 9.5 is 0.8 mm off


@pytest.mark.parametrize("plane", COUNTIES)
def test_stretch_gives_true_metres(plane):
    geod = pyproj.Geod(a=6378137, rf=298.257222101)
    here = np.column_stack(plane.forward(recognise(LONLAT)).transform(*around(plane, 50).T))
    stretch = plane.stretch(here[:, 1])
    for step, factor in (([10.0, 0.0], stretch), ([0.0, 10.0], 1 / stretch)):
        start, end = plane.inverse(here - np.array(step) / 2), plane.inverse(here + np.array(step) / 2)
        _, _, metres = geod.inv(*start.T, *end.T)
        assert metres == pytest.approx(10 * factor, rel=1e-7)


def test_projected_source_and_lonlat_meet_in_the_plane():
    plane, source = Plane(79, 40), recognise(4535)
    square = np.array([shapely.box(*BACHU.ravel())])
    vertices = to_lonlat(source, shapely.get_coordinates(square))
    direct = shapely.get_coordinates(to_plane(square, source, plane, EdgeRule(1e9)))
    assert np.column_stack(plane.forward(recognise(LONLAT)).transform(*vertices.T)) == pytest.approx(direct, abs=1e-8)


def test_from_plane_returns_to_the_source():
    plane, source = Plane(79, 40), recognise(4514)
    square = np.array([shapely.box(26543000, 4405000, 26543060, 4405050)])
    back = from_plane(to_plane(square, source, plane), plane, source)
    assert np.abs(shapely.get_coordinates(back) - shapely.get_coordinates(square)).max() < 1e-6


def test_reproject_to_the_neighbouring_zone_and_back():
    here, there = recognise(4514), recognise(4536)
    line = np.array([shapely.LineString(BACHU + [26_000_000, 0])])
    moved = reproject(line, here, there)
    expected = pyproj.Transformer.from_crs(4514, 4536, always_xy=True).transform(*(BACHU + [26_000_000, 0]).T)
    assert shapely.get_coordinates(moved) == pytest.approx(np.column_stack(expected), abs=1e-6)
    assert np.abs(shapely.get_coordinates(reproject(moved, there, here)) - shapely.get_coordinates(line)).max() < 1e-6


def test_bounds_in_degrees():
    box = np.array([shapely.box(78.1, 39.2, 78.3, 39.4)])
    assert lonlat_bounds(box, recognise(LONLAT)) == (78.1, 39.2, 78.3, 39.4)
    assert lonlat_bounds(reproject(box, recognise(LONLAT), recognise(4514)), recognise(4514)) == pytest.approx(
        (78.1, 39.2, 78.3, 39.4), abs=1e-10
    )


@pytest.mark.parametrize(("length", "about"), [(1_000, 0.02), (5_000, 0.5), (27_000, 14)])
def test_offset_of_long_edges(length, about):
    """Against the two curves themselves: the middle of a chord in Gauss–Krüger and of one in lon/lat."""
    source = recognise(4539)
    ends = np.array([[500_000 - length / 2, 4_880_000.0], [500_000 + length / 2, 4_880_000.0]])
    middle = from_lonlat(source, to_lonlat(source, ends).mean(axis=0)[None])[0]
    apart = float(np.hypot(*(middle - ends.mean(axis=0))))
    assert edge_offset(length, 44.0) == pytest.approx(apart, rel=0.01)
    assert edge_offset(length, 44.0) == pytest.approx(about, rel=0.1)
    assert edge_offset(length, -44.0) == edge_offset(length, 44.0)


# --- splitting edges -------------------------------------------------------------------------------------------------


def test_equal_parts_no_longer_than_the_rule():
    ring = shapely.get_coordinates(split_edges(np.array([shapely.box(0, 0, 140, 70.001)]), EdgeRule(70)))
    assert np.hypot(*np.diff(ring, axis=0).T).max() <= 70
    assert len(ring) - 1 == 2 + 2 + 2 + 2  # 140 m in two, 70.001 m in two
    whole = shapely.box(0, 0, 70, 70)
    assert split_edges(np.array([whole]), EdgeRule(70))[0] is whole


def test_third_dimension_is_dropped_and_kinds_are_kept():
    multi = shapely.MultiPolygon([shapely.box(0, 0, 100, 10), shapely.box(200, 0, 300, 10)])
    got = split_edges(np.array([shapely.force_3d(shapely.box(0, 0, 100, 10), 7.0), multi]), EdgeRule(70))
    assert not shapely.has_z(got).any()
    assert shapely.equals(got, [shapely.box(0, 0, 100, 10), multi]).all()
    assert shapely.get_num_geometries(got).tolist() == [1, 2]


def test_nothing_to_split():
    assert len(split_edges(np.array([], dtype=object), EdgeRule())) == 0


# --- other programs' settings ----------------------------------------------------------------------------------------


def test_under_a_foreign_proj_lib(tmp_path):
    """GIS desks set PROJ_LIB to their own folder; areas must not notice."""
    code = (
        "import shapely; from controllines.area import official_area;"
        "print(official_area(shapely.box(26543000, 4405000, 26543300, 4405200), 'EPSG:4514')[0])"
    )
    environment = os.environ | {"PROJ_LIB": str(tmp_path), "PROJ_DATA": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert float(done.stdout) == pytest.approx(59997.25, abs=0.02)
