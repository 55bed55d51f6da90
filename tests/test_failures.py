"""The catalogue of failures, row by row: each test writes its own file and goes the whole way, from file to result.

Outcomes: E error, R repaired with both areas in the findings, W result with a warning, S set aside by name.

=============================================================  =====================================================
what can go wrong                                              test
=============================================================  =====================================================
bowtie                                                         test_geometry[bowtie]
hole outside / crossing / equal to its shell / twice           test_geometry[hole …], test_set_aside[hole equal]
collapsed, spike, null, empty                                  test_set_aside, test_geometry[spike]
inverted ring (Esri style)                                     test_geometry[inverted rings]
overlapping parts in one feature                               test_geometry[overlapping parts]
NaN, Inf, 1e999, string coordinates                            test_set_aside, test_numbers_that_are_none
Z, M, ZM                                                       test_heights_and_measures; tests/io/test_vector.py
curves                                                         test_curves
mixed types; line or point control layer                       test_set_aside[line …], test_a_line_as_control_layer
4e4 … 3e6 vertices                                             test_forty_thousand_vertices
engine wrong                                                   test_conflicts.py: test_a_wrong_engine_is_seen_and_said
no CRS; prefix and label; degrees and metres; axes; two zones  test_coordinate_systems, test_survey_header
Xi'an 80, Beijing 54, no datum                                 test_coordinate_systems
GCJ-02                                                         test_wgs84_is_said (not detectable from a file)
straddles two zones                                            test_one_parcel_in_four_systems
layer overlaps itself, nested, duplicates                      test_a_line_that_overlaps_itself
duplicate parcel id                                            test_duplicate_ids
slivers                                                        test_slivers
GBK and UTF-8                                                  test_text_is_right_or_refused
TXT syntax                                                     test_survey_syntax
missing fields, unknown code, recorded area, full-width codes  test_schema_of_a_control_layer
formula injection (reading)                                    test_formulas_are_no_coordinates
XXE, bombs, GML, VRT, zip slip, SQL in names, pickle           tests/io: test_{gate,formats,archive,bulk}.py
truncated, corrupt                                             test_truncated
.gdb being edited                                              test_a_gdb_being_edited
=============================================================  =====================================================
"""

from __future__ import annotations

import json
import struct

import geopandas as gpd
import numpy as np
import pyogrio
import pyproj
import pytest
import shapely
from shapely import MultiPolygon, Polygon, box

from controllines import io
from controllines.errors import ControlLinesError, InputError
from controllines.pipeline import check
from tests.builders import CORNER, EPSG, RED, codes, here, layer, make_plan, official, parcels, row, shifted

DAY = "2026-11-21"
#: A red line under the western half of everything drawn here: x < 50 m.
LINE = here(-5000, -5000, 50, 5000)


def written(tmp_path, frame, name="dk.gpkg"):
    path = tmp_path / name
    pyogrio.write_dataframe(frame, path)
    return path


def checked(path, **options):
    return check(path, make_plan(**{RED: [LINE]}), as_of=DAY, **options)


def refused(path):
    """Causes of the error of a check in which nothing is left to check."""
    with pytest.raises(InputError) as caught:
        checked(path)
    assert caught.value.finding.code == "NOTHING_CHECKED"
    assert all(cause.severity == "error" for cause in caught.value.causes if cause.code.startswith(("CRS", "T")))
    return {cause.code: cause for cause in caught.value.causes}


def findings(result, code):
    found = result.findings[result.findings["code"] == code]
    assert len(found), sorted(codes(result))
    return found


# --- geometry -------------------------------------------------------------------------------------------------

GOOD = box(1000, 0, 1100, 100)
SHELL = [(0, 0), (100, 0), (100, 100), (0, 100)]


def hole(*corners):
    x0, y0, x1, y1 = corners
    return [(x0, y0), (x0, y1), (x1, y1), (x1, y0)]


#: name -> drawn, finding, area kept by hand, area of it west of x = 50
GEOMETRY = {
    "bowtie": (Polygon([(0, 0), (100, 100), (100, 0), (0, 100)]), "GEOMETRY_REPAIRED", 5000, 2500),
    "hole outside": (Polygon(SHELL, [hole(200, 0, 220, 20)]), "GEOMETRY_REPAIRED", 10000, 5000),
    "hole crossing": (Polygon(SHELL, [hole(80, 40, 120, 60)]), "GEOMETRY_REPAIRED", 9600, 5000),
    "hole twice": (Polygon(SHELL, [hole(10, 10, 30, 30)] * 2), "GEOMETRY_REPAIRED", 9600, 4600),
    "spike": (
        Polygon([(0, 0), (100, 0), (100, 50), (300, 50), (100, 50), (100, 100), (0, 100)]),
        "GEOMETRY_REPAIRED", 10000, 5000,
    ),
    "inverted rings": (Polygon(SHELL[::-1], [hole(10, 10, 30, 30)[::-1]]), None, 9600, 4600),
    "overlapping parts": (
        MultiPolygon([box(0, 0, 60, 100), box(40, 0, 100, 100)]), "GEOMETRY_REPAIRED", 10000, 5000,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("drawn", "code", "area", "west"), GEOMETRY.values(), ids=list(GEOMETRY))
def test_geometry(tmp_path, drawn, code, area, west):
    result = checked(written(tmp_path, parcels(shifted(drawn), shifted(GOOD))))
    of = result.parcels.set_index("parcel_id")
    assert of["status"].tolist() == ["checked", "checked"]
    assert of.loc["a", "planar_area_m2"] == pytest.approx(area, abs=0.02)
    assert row(result, RED).planar_area_m2 == pytest.approx(west, abs=0.02)
    assert row(result, RED).outcome == "conflict"
    assert row(result, RED, "b").outcome == "none"
    if code:
        (said,) = findings(result, code)["expected"]
        assert f"变为 {official(result.parcels.geometry.iloc[0]):.1f}"[:8] in said
    else:
        assert not (result.findings["severity"] == "repair").any()


def raw(corners):
    """A polygon that no library would draw: straight from its bytes."""
    ring = [*corners, corners[0]]
    head = struct.pack("<BIII", 1, 3, 1, len(ring))
    with np.errstate(invalid="ignore"):
        return shapely.from_wkb(head + b"".join(struct.pack("<dd", *xy) for xy in ring))


EDGE = (CORNER[0] * 1.0, CORNER[1] * 1.0)
ASIDE = {
    "null": (None, "GEOMETRY_MISSING"),
    "empty": (Polygon(), "GEOMETRY_MISSING"),
    "collapsed": (here((0, 0), (100, 0), (50, 0)), "GEOMETRY_COLLAPSED"),
    "hole equal": (shifted(Polygon(SHELL, [SHELL])), "GEOMETRY_COLLAPSED"),
    "nan": (raw([EDGE, (np.nan, EDGE[1]), (EDGE[0], EDGE[1] + 100)]), "GEOMETRY_NOT_FINITE"),
    "inf": (raw([EDGE, (EDGE[0] + 100, np.inf), (EDGE[0], EDGE[1] + 100)]), "GEOMETRY_NOT_FINITE"),
    "far beyond the earth": (Polygon([EDGE, (EDGE[0] + 100, 1e300), (EDGE[0], EDGE[1] + 100)]), "GEOMETRY_NOT_FINITE"),
    "line without width": (shifted(shapely.LineString([(0, 0), (100, 100)])), "GEOMETRY_NOT_POLYGON"),
    "point without radius": (shapely.Point(EDGE), "GEOMETRY_NOT_POLYGON"),
}


@pytest.mark.parametrize(("drawn", "code"), ASIDE.values(), ids=list(ASIDE))
def test_set_aside(tmp_path, drawn, code):
    result = checked(written(tmp_path, parcels(drawn, here(0, 0, 100, 100))))
    assert result.parcels.set_index("parcel_id")["status"].to_dict() == {"a": "excluded", "b": "checked"}
    assert findings(result, code)["feature"].tolist() == ["a"]
    assert row(result, RED, "b").planar_area_m2 == pytest.approx(5000, abs=0.02)
    (origin,) = result.provenance["inputs"]
    assert (origin["features_in"], origin["used"], origin["excluded"]) == (2, 1, 1)


@pytest.mark.parametrize("number", ["NaN", "Infinity", '"86.1"', "null"])
def test_numbers_that_are_none(tmp_path, number):
    lonlat = parcels(here(0, 0, 100, 100), here(200, 0, 300, 100)).to_crs(4490)
    text = lonlat.to_json()
    first = json.dumps(json.loads(text)["features"][0]["geometry"]["coordinates"][0][1][0])
    path = tmp_path / "dk.geojson"
    path.write_text(text.replace(first, number), encoding="utf-8")
    result = checked(path)
    assert "error" in set(result.findings["severity"])
    assert "excluded" in set(result.parcels["status"])
    assert np.isfinite(result.parcels.loc[result.parcels["status"] != "excluded", "area_m2"]).all()


def test_heights_and_measures(tmp_path):
    high = shapely.force_3d(here(0, 0, 100, 100), 1200.0)  # measures: tests/io/test_vector.py
    path = tmp_path / "dk.gpkg"
    parcels(high).to_file(path)
    result = checked(path)
    assert result.parcels["area_m2"].tolist() == pytest.approx([official(here(0, 0, 100, 100))], abs=0.02)
    assert row(result, RED).planar_area_m2 == pytest.approx(5000, abs=0.02)


def test_curves(tmp_path):
    # A circle of 100 m radius of two bulges of 1, its centre on the edge of the line: half a disc is common.
    x, y = CORNER[0] + 50, CORNER[1]
    vertices = [(10, x - 100), (20, y), (42, 1.0), (10, x + 100), (20, y), (42, 1.0)]
    pairs = [(0, "SECTION"), (2, "ENTITIES"), (0, "LWPOLYLINE"), (8, "DK"), (100, "AcDbEntity"), (100, "AcDbPolyline"),
             (90, 2), (70, 1), *vertices, (0, "ENDSEC"), (0, "EOF")]  # fmt: skip
    path = tmp_path / "dk.dxf"
    path.write_text("".join(f"{code}\n{value}\n" for code, value in pairs), encoding="ascii")
    (tmp_path / "dk.prj").write_text(pyproj.CRS(EPSG).to_wkt("WKT1_ESRI"), encoding="ascii")
    result = checked(path)
    assert findings(result, "CURVES_LINEARISED")["severity"].tolist() == ["warning"]
    found = row(result, RED, result.parcels["parcel_id"].iloc[0])
    assert found.planar_area_m2 == pytest.approx(np.pi * 100**2 / 2, rel=1e-5)


def test_a_line_as_control_layer(tmp_path):
    path = written(tmp_path, layer([shifted(shapely.LineString([(50, -99), (50, 99)]))], BSM=["r1"]), "red.gpkg")
    result = check(parcels(here(0, 0, 100, 100)), make_plan(**{RED: gpd.read_file(path)}), as_of=DAY)
    assert "GEOMETRY_NOT_POLYGON" in codes(result)
    assert row(result, RED).outcome == "failed"  # never "none"


def test_forty_thousand_vertices(tmp_path):
    # A regular polygon around a point of the line's edge: half of it is common.
    turn = np.arange(40_000) / 40_000 * 2 * np.pi
    corners = np.column_stack([50 + 100 * np.cos(turn), 100 * np.sin(turn)])
    result = checked(written(tmp_path, parcels(here(*corners))))
    area = 40_000 / 2 * 100**2 * np.sin(2 * np.pi / 40_000)
    assert result.parcels["planar_area_m2"].tolist() == pytest.approx([area], abs=0.02)
    assert row(result, RED).planar_area_m2 == pytest.approx(area / 2, abs=0.02)


# --- coordinate systems ---------------------------------------------------------------------------------------

WITH, WITHOUT = 4518, 4539  # 3° zone 30 (central meridian 90°) with and without prefix
METRES = box(30_385_000, 4_738_000, 30_385_100, 4_738_100)
BARE = shapely.transform(METRES, lambda xy: xy - (30_000_000, 0))
DEGREES = box(88.62, 42.75, 88.63, 42.76)
SYSTEMS = {
    "none, prefix": (METRES, None, "CRS_MISSING"),
    "none, no prefix": (BARE, None, "CRS_MISSING"),
    "none, degrees": (DEGREES, None, "CRS_MISSING"),
    "prefix, label without": (METRES, WITHOUT, "CRS_PREFIX_CONTRADICTS"),
    "no prefix, label with": (BARE, WITH, "CRS_PREFIX_CONTRADICTS"),
    "prefix of another zone": (METRES, WITH + 1, "CRS_PREFIX_CONTRADICTS"),
    "metres as degrees": (METRES, 4490, "CRS_METRES_AS_DEGREES"),
    "degrees as metres": (DEGREES, WITH, "CRS_DEGREES_AS_METRES"),
    "axes": (shapely.transform(METRES, np.fliplr), WITH, "CRS_AXES_SWAPPED"),
    "axes, degrees": (shapely.transform(DEGREES, np.fliplr), 4490, "CRS_AXES_SWAPPED"),
    "Xi'an 80": (METRES, 2354, "CRS_NEEDS_PARAMETERS"),
    "Beijing 54": (METRES, 2406, "CRS_NEEDS_PARAMETERS"),
    "foreign": (box(500_000, 4_738_000, 500_100, 4_738_100), 25832, "CRS_FOREIGN_DATUM"),
}


@pytest.mark.parametrize(("drawn", "crs", "code"), SYSTEMS.values(), ids=list(SYSTEMS))
@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_coordinate_systems(tmp_path, drawn, crs, code):
    problem = refused(written(tmp_path, parcels(drawn, crs=crs), "dk.shp"))[code]
    assert problem.source.endswith("dk.shp")
    assert problem.fix


def test_two_zones_in_one_layer(tmp_path):
    other = shapely.transform(METRES, lambda xy: xy + (1_000_000, 0))
    assert "CRS_MIXED_ZONES" in refused(written(tmp_path, parcels(METRES, other, crs=WITH)))


def test_wgs84_is_said(tmp_path):
    lonlat = parcels(here(0, 0, 100, 100)).to_crs(4490).set_crs(4326, allow_override=True)
    result = checked(written(tmp_path, lonlat))
    assert findings(result, "CRS_WGS84")["severity"].tolist() == ["warning"]
    assert row(result, RED).outcome == "conflict"


def test_one_parcel_in_four_systems(tmp_path):
    # Across the border of the zones 30 and 29 (88.5°), straight in degrees.
    frame = parcels(box(88.495, 42.7, 88.505, 42.705), crs=4490)
    dense = frame.set_geometry(shapely.segmentize(frame.geometry.values, 0.0005))
    red = layer([box(88.5, 42, 89, 43)], crs=4490, BSM=["r"])
    areas = []
    for number, crs in enumerate((4490, 4518, 4539, 4517)):
        path = written(tmp_path, dense.to_crs(crs), f"{number}.gpkg")
        result = check(path, make_plan(**{RED: red}), as_of=DAY)
        areas.append((result.parcels["area_m2"].iloc[0], row(result, RED).area_m2))
    whole = official(frame.geometry.iloc[0], None)
    np.testing.assert_allclose(areas, [(whole, whole / 2)] * 4, atol=0.1)


# --- layers and ids -------------------------------------------------------------------------------------------


def test_a_line_that_overlaps_itself(tmp_path):
    fields = [here(0, 0, 60, 100), here(40, 0, 100, 100), here(10, 10, 20, 20), here(0, 0, 60, 100)]
    path = written(tmp_path, layer(fields, BSM=["1", "2", "3", "4"]), "red.gpkg")
    result = check(parcels(here(0, 0, 80, 100)), make_plan(**{RED: gpd.read_file(path)}), as_of=DAY)
    found = row(result, RED)
    assert found.planar_area_m2 == pytest.approx(8000, abs=0.02)
    assert "self_overlap" in found["flags"]
    assert result.pieces["planar_area_m2"].sum() == pytest.approx(8000, abs=0.02)


def test_duplicate_ids(tmp_path):
    frame = parcels(here(0, 0, 100, 100), here(200, 0, 300, 100), DKBH=["a", "a"])
    result = checked(written(tmp_path, frame))
    assert "PARCEL_ID_DUPLICATE" in codes(result)
    assert result.parcels["parcel_id"].is_unique
    assert result.parcels["planar_area_m2"].sum() == pytest.approx(20_000, abs=0.02)


def test_slivers(tmp_path):
    # 1 cm wide, 100 m long: 1 m², shown, flagged, and part of the total
    result = checked(written(tmp_path, parcels(here(49.99, 0, 149, 100))))
    found = row(result, RED)
    assert found.planar_area_m2 == pytest.approx(1, abs=0.02)
    assert "sliver" in found["flags"]
    assert found.area_m2 + found.outside_m2 == pytest.approx(result.parcels["area_m2"].iloc[0], rel=1e-9)


# --- text, schema, containers ---------------------------------------------------------------------------------

SURVEY = """[属性描述]
格式版本号=1.01版本
坐标系=2000国家大地坐标系
几度分带=3
投影类型=高斯克吕格
计量单位=米
带号=30
精度=0.001
转换参数=,,,,,,
[地块坐标]
5,1.0000,甲1,一号地,面,K45G001001,工业用地,0601,@
J1,1,4738000.000,30385000.000
J2,1,4738100.000,30385000.000
J3,1,4738100.000,30385100.000
J4,1,4738000.000,30385100.000
J1,1,4738000.000,30385000.000
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_text_is_right_or_refused(tmp_path, encoding):
    path = tmp_path / "dk.txt"
    path.write_bytes(SURVEY.encode(encoding))
    result = checked(path)
    assert result.parcels[["parcel_id", "name"]].values.tolist() == [["甲1", "一号地"]]
    assert row(result, RED, "甲1").planar_area_m2 == pytest.approx(5000, abs=0.02)
    path.write_bytes(SURVEY.encode(encoding)[:-1] + b"\xff\x80\xff")
    assert {"TEXT_UNREADABLE", "TXT_SYNTAX"} & set(refused(path))


SYNTAX = {
    "letters for a number": ("4738100.000,30385000.000", "4738100.000,三〇", "TXT_SYNTAX", "13"),
    "a column short": ("J3,1,4738100.000,30385100.000", "J3,1,4738100.000", "TXT_SYNTAX", "14"),
    "no parcel head": ("5,1.0000,甲1,一号地,面,K45G001001,工业用地,0601,@\n", "", "TXT_SYNTAX", "11"),
    "1e999": ("4738100.000,30385000.000", "1e999,30385000.000", "TXT_SYNTAX", "13"),
}


@pytest.mark.parametrize(("old", "new", "code", "line"), SYNTAX.values(), ids=list(SYNTAX))
def test_survey_syntax(tmp_path, old, new, code, line):
    path = tmp_path / "dk.txt"
    path.write_text(SURVEY.replace(old, new, 1), encoding="utf-8")
    assert f"第 {line} 行" in refused(path)[code].message  # no parcel from half a file


def test_survey_header(tmp_path):
    path = tmp_path / "dk.txt"
    path.write_text(SURVEY.replace("带号=30", "带号=31"), encoding="utf-8")
    assert "CRS_PREFIX_CONTRADICTS" in refused(path)
    path.write_text(SURVEY.replace("2000国家", "1980西安"), encoding="utf-8")
    assert "CRS_NEEDS_PARAMETERS" in refused(path)


def test_schema_of_a_control_layer(tmp_path):
    columns = {
        "BSM": ["650422000000000001"] * 2, "YSDM": ["2090020600"] * 2, "DLBM": ["０１０１", "9999"],
        "DLMC": ["水田", "无"], "TBMJ": [10_000.0, 1.0], "JBNTMJ": [1.0, 1.0],
    }  # fmt: skip
    farm = layer([here(0, 0, 100, 100), here(100, 0, 200, 100)], **columns)
    frame = gpd.read_file(written(tmp_path, farm, "farm.gpkg"))
    result = check(parcels(here(0, 0, 200, 100)), make_plan(permanent_farmland=frame), as_of=DAY)
    assert {"CODE_UNKNOWN", "CODE_FULL_WIDTH", "FIELD_NOT_UNIQUE"} <= codes(result)
    assert row(result, "permanent_farmland").planar_area_m2 == pytest.approx(20_000, abs=0.02)


def test_formulas_are_no_coordinates(tmp_path):
    path = tmp_path / "dk.csv"
    rows = ["地块编号,X坐标,Y坐标", "a,4738000,30385000", "a,=4738000+100,30385000", "a,4738100,30385100"]
    path.write_text("\n".join(rows), encoding="utf-8")
    with pytest.raises(ControlLinesError) as caught:
        io.read(path)
    assert caught.value.finding.code == "POINTS_FORMULA"


@pytest.mark.parametrize("name", ["dk.gpkg", "dk.geojson", "dk.parquet"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_truncated(tmp_path, name, share):
    path = tmp_path / name
    frame = parcels(*[here(n * 200, 0, n * 200 + 100, 100) for n in range(40)]).to_crs(4490)
    frame.to_parquet(path) if name.endswith("parquet") else frame.to_file(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(ControlLinesError) as caught:
        io.read(path)
    assert caught.value.finding.code == "FILE_CORRUPT"


def test_a_gdb_being_edited(tmp_path):
    path = tmp_path / "dk.gdb"
    pyogrio.write_dataframe(parcels(here(0, 0, 100, 100)), path, driver="OpenFileGDB", layer="DK")
    assert row(checked(path), RED).planar_area_m2 == pytest.approx(5000, abs=0.02)
    (path / "DK.PC1.1.2.ed.lock").touch()
    assert "FILE_LOCKED" in refused(path)


# --- what the fuzzer found ------------------------------------------------------------------------------------


def test_a_hole_beyond_the_pole(tmp_path):
    # GEOS takes the bounds of a polygon from its shell alone: the hole passes every check of ranges.
    lonlat = parcels(here(0, 0, 100, 100)).to_crs(4490)
    shell = lonlat.geometry.iloc[0].exterior
    x, y = shell.coords[0]
    frame = lonlat.set_geometry([Polygon(shell, [[(x, -32768), (x + 1e-4, y + 1e-4), (x, y + 1e-4)]])])
    assert "GEOMETRY_REPAIRED" in codes(checked(written(tmp_path, frame)))


@pytest.mark.parametrize(("old", "new"), [('PARAMETER["False_Easting",30500000.0],', ""), ("90.0]", "1e300]")])
def test_a_projection_with_a_part_missing_or_impossible(tmp_path, old, new):
    path = written(tmp_path, parcels(here(0, 0, 100, 100)), "dk.shp")
    text = path.with_suffix(".prj").read_text(encoding="ascii")
    assert old in text
    path.with_suffix(".prj").write_text(text.replace(old, new), encoding="ascii")
    assert {"CRS_PREFIX_CONTRADICTS", "CRS_UNKNOWN", "GEOMETRY_DOOR"} & set(refused(path))
