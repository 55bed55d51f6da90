"""Outcomes and areas of small cases: figures drawn in metres, their common land written down by hand.

Official areas come from the published series on that hand-drawn land, planar ones are counted.
"""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from shapely import Polygon, box

from controllines import regions
from controllines.errors import GeometryError
from controllines.inscribed import ACCURACY
from controllines.pipeline import check
from controllines.plans import open_plan
from tests.builders import (
    CITY,
    CORNER,
    COUNTY,
    EPSG,
    FARM,
    RED,
    balance,
    codes,
    dense,
    here,
    layer,
    make_plan,
    measure,
    moved,
    official,
    parcels,
    row,
    shifted,
)

SQUARE = box(0, 0, 100, 100)
RING = box(-100, -100, 200, 200) - box(20, 20, 80, 80)
L1 = Polygon([(0, 0), (100, 0), (100, 40), (40, 40), (40, 100), (0, 100)])
L2 = Polygon([(20, 20), (120, 20), (120, 120), (80, 120), (80, 60), (20, 60)])
HOLED = box(0, 0, 400, 300) - box(150, 100, 250, 200)
FIELDS = [box(x, y, x + 20, y + 20) for x in range(-20, 120, 20) for y in range(-20, 120, 20)]

#: name -> parcel, features, common land by hand (None: none), its planar area, land under several features
CASES = {
    "half in": (SQUARE, [box(50, -50, 300, 300)], box(50, 0, 100, 100), 5000, 0),
    "parcel with a hole": (
        HOLED, [box(0, 0, 200, 300)],
        Polygon([(0, 0), (200, 0), (200, 100), (150, 100), (150, 200), (200, 200), (200, 300), (0, 300)]), 55000, 0,
    ),
    "line with a hole": (SQUARE, [RING], SQUARE - box(20, 20, 80, 80), 6400, 0),
    "island in a hole": (
        SQUARE, [shapely.union(RING, box(40, 40, 60, 60))],
        shapely.MultiPolygon([SQUARE - box(20, 20, 80, 80), box(40, 40, 60, 60)]), 6800, 0,
    ),
    "L on L": (L1, [L2], Polygon([(20, 20), (100, 20), (100, 40), (40, 40), (40, 60), (20, 60)]), 2000, 0),
    "nested": (SQUARE, [box(-50, -50, 150, 150), box(20, 20, 60, 60)], SQUARE, 10000, 1600),
    "nested, small one first": (SQUARE, [box(20, 20, 60, 60), box(-50, -50, 150, 150)], SQUARE, 10000, 1600),
    "overlapping": (SQUARE, [box(-10, -10, 60, 110), box(40, -10, 110, 110)], SQUARE, 10000, 2000),
    "the same feature twice": (SQUARE, [box(50, -9, 200, 200)] * 2, box(50, 0, 100, 100), 5000, 5000),
    "touching edge": (SQUARE, [box(100, 0, 200, 100)], None, 0, 0),
    "touching part of an edge": (SQUARE, [box(100, 30, 200, 60)], None, 0, 0),
    "touching corner": (SQUARE, [box(100, 100, 200, 200)], None, 0, 0),
    "filling a hole of the line": (box(20, 20, 80, 80), [RING], None, 0, 0),
    "apart": (SQUARE, [box(100.5, 0, 200, 100)], None, 0, 0),
    "multipart parcel": (
        shapely.union(SQUARE, box(300, 0, 400, 100)), [box(50, -10, 350, 110)],
        shapely.MultiPolygon([box(50, 0, 100, 100), box(300, 0, 350, 100)]), 10000, 0,
    ),
    "multipart line": (SQUARE, [shapely.union(box(-10, -10, 10, 110), box(90, -10, 110, 110))],
                       shapely.MultiPolygon([box(0, 0, 10, 100), box(90, 0, 100, 100)]), 2000, 0),
    "identical": (SQUARE, [SQUARE], SQUARE, 10000, 0),
    "many small fields": (SQUARE, FIELDS, SQUARE, 10000, 0),
    "27 km straight edge": (
        box(0, 0, 27000, 1000), [box(-100, -2000, 30000, 500)], box(0, 0, 27000, 500), 13_500_000, 0,
    ),
    "27 km slanting edge": (
        Polygon([(0, 0), (27000, 9000), (27000, 10000), (0, 1000)]),
        [Polygon([(-27000, -8500), (54000, 18500), (54000, 30000), (-27000, 30000)])],
        Polygon([(0, 500), (27000, 9500), (27000, 10000), (0, 1000)]), 13_500_000, 0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", [RED, CITY])
@pytest.mark.parametrize(("parcel", "features", "common", "planar", "shared"), CASES.values(), ids=list(CASES))
def test_small_cases(kind, parcel, features, common, planar, shared):
    found, result = measure(shifted(parcel), kind, [shifted(f) for f in features])
    whole = official(shifted(parcel))
    inside = official(shifted(common)) if common else 0
    tolerance = 0.02 if whole < 1e6 else 0.1
    assert found.area_m2 == pytest.approx(inside, abs=tolerance)
    assert found.outside_m2 == pytest.approx(whole - inside, abs=tolerance)
    assert found.planar_area_m2 == pytest.approx(planar, abs=tolerance)
    assert found.shared_m2 == pytest.approx(shared, rel=1e-3)
    conflict = inside if kind == RED else whole - inside
    assert found.outcome == ("conflict" if conflict else "none")
    assert found.conflict_m2 == pytest.approx(conflict, abs=tolerance)
    assert found.share == pytest.approx(conflict / whole, abs=1e-6)
    assert found.uncovered_m2 == 0
    assert ("self_overlap" in found["flags"]) == (shared > 0)
    assert balance(result, kind) < 1e-9
    pieces = result.pieces[result.pieces["kind"] == kind]
    assert pieces["area_m2"].sum() == pytest.approx(found.area_m2, rel=1e-9, abs=1e-9)
    assert pieces["planar_area_m2"].sum() == pytest.approx(found.planar_area_m2, rel=1e-9, abs=1e-6)
    outside = result.outside["area_m2"].sum()
    assert outside == pytest.approx(found.outside_m2 if kind == CITY else 0, rel=1e-9, abs=1e-9)


def by_feature(result, parcel="a"):
    pieces = result.pieces[result.pieces["parcel_id"] == parcel]
    assert pieces["feature_id"].is_unique
    return dict(zip(pieces["feature_id"], pieces["planar_area_m2"].round(2), strict=True))


def test_shared_land_is_booked_to_the_first_by_row():
    big, small = here(-50, -50, 150, 150), here(20, 20, 60, 60)
    assert by_feature(measure(here(0, 0, 100, 100), RED, [big, small])[1]) == {"f1": 10000}
    assert by_feature(measure(here(0, 0, 100, 100), RED, [small, big])[1]) == {"f1": 1600, "f2": 8400}


def test_a_parcel_across_many_fields_has_a_piece_of_each():
    _, result = measure(here(0, 0, 100, 100), RED, [shifted(f) for f in FIELDS])
    assert set(by_feature(result).values()) == {400}
    assert len(by_feature(result)) == 25


def test_height_is_ignored():
    flat, line = here(0, 0, 100, 100), here(50, -50, 300, 300)
    plain, _ = measure(flat, RED, [line])
    high, result = measure(shapely.force_3d(flat, 812.5), RED, [shapely.force_3d(line, -3.5)])
    pd.testing.assert_series_equal(plain, high)
    assert codes(result) >= {"LAYER_NO_VERSION"}


# --- zones -----------------------------------------------------------------------------------------------------------


def test_parcels_of_two_zones_against_a_plan_in_degrees(tmp_path):
    """Golden values T2 in zone 30 and T5 in zone 29, one file each; the line covers all of T2 and half of T5."""
    west = box(29630500, 4738000, 29631500, 4739000)
    half = box(29630500, 4738000, 29631500, 4738500)
    parcels(here(0, 0, 1000, 1000), DKBH=["east"]).to_file(tmp_path / "east.gpkg")
    parcels(west, crs=4517, DKBH=["west"]).to_file(tmp_path / "west.gpkg")
    east_line = moved([dense(here(-20, -20, 1020, 1020))], EPSG, 4490)
    lines = {RED: layer(east_line, crs=4490), FARM: layer(moved([dense(half)], 4517, 4490), crs=4490)}
    plan = open_plan(lines | {"county": layer([box(88, 42, 89.2, 43.5)], crs=4490)})
    result = check(tmp_path, plan)
    assert result.parcels.crs == "EPSG:4490"
    assert result.parcels["source_crs"].tolist() == ["EPSG:4518", "EPSG:4517"]
    assert row(result, RED, "east").area_m2 == pytest.approx(999677.63, abs=0.02)
    found = row(result, FARM, "west")
    assert found.area_m2 == pytest.approx(official(half, 4517), abs=0.02)
    assert found.area_m2 + found.outside_m2 == pytest.approx(999578.04, abs=0.02)
    assert balance(result, RED) < 1e-9


def test_a_parcel_across_the_border_of_two_zones():
    """88.5° E lies some 122 km west of zone 30's meridian; drawn there, read in zone 29 and in degrees."""
    parcel = shifted(box(377000, 4738000, 379000, 4739000), (30_000_000, 0))
    line = shifted(box(377500, 4737000, 378500, 4740000), (30_000_000, 0))
    common = official(shifted(box(377500, 4738000, 378500, 4739000), (30_000_000, 0)))
    lonlat = moved([parcel], EPSG, 4490)[0].bounds
    assert lonlat[0] < 88.5 < lonlat[2]
    answers = []
    for crs in (EPSG, 4517, 4490, 4539):
        one, two = (moved([dense(g)], EPSG, crs) for g in (parcel, line))
        plan = open_plan({RED: layer(two, crs=crs, BSM=["f1"]), "county": layer([COUNTY])})
        answers.append(row(check(parcels(*one, crs=crs), plan), RED))
        mixed = row(check(parcels(parcel), plan), RED)
        assert mixed.area_m2 == pytest.approx(common, abs=0.02)
    for found in answers:
        assert found.area_m2 == pytest.approx(common, abs=0.02)
        assert found.outside_m2 == pytest.approx(official(parcel) - common, abs=0.02)
        assert found.planar_area_m2 == pytest.approx(answers[0].planar_area_m2, abs=0.02)


def test_long_edges_in_degrees_run_as_the_trapezoids_do():
    """27 km along a parallel, unsplit: the land between two parallels, and a finding about the edges."""
    parcel, line = box(88.40, 42.75, 88.73, 42.80), box(88.30, 42.775, 88.90, 42.90)
    plan = open_plan({RED: layer([line], crs=4490), "county": layer([box(88, 42, 89, 43)], crs=4490)})
    result = check(parcels(parcel, crs=4490), plan)
    expected = official(box(88.40, 42.775, 88.73, 42.80), None)
    assert row(result, RED).area_m2 == pytest.approx(expected, abs=0.1)
    assert "EDGE_LONG" in codes(result)


# --- units -----------------------------------------------------------------------------------------------------------


def towns(*boxes):
    ids = [f"65042210{n}" for n in range(len(boxes))]
    return layer([shifted(b) for b in boxes], XZQDM=ids, XZQMC=[f"{c}镇" for c in "甲乙丙丁"[: len(boxes)]])


def test_three_townships_and_the_rest():
    township = towns(box(-500, -500, 30, 500), box(30, -500, 70, 40), box(30, 40, 70, 500))
    plan = make_plan(township=township, ecological_redline=[here(0, 0, 1, 1)])
    result = check(parcels(here(0, 0, 100, 100), here(10, 200, 20, 210), here(600, 0, 700, 10)), plan)
    units = result.units[result.units["kind"] == "township"]
    names = units[["parcel_id", "code", "name"]].itertuples(index=False, name=None)
    found = [(*name, round(area, 2)) for name, area in zip(names, units["planar_area_m2"], strict=True)]
    assert found == [
        ("a", "650422100", "甲镇", 3000), ("a", "650422101", "乙镇", 1600), ("a", "650422102", "丙镇", 2400),
        ("a", None, "范围外", 3000),
        ("b", "650422100", "甲镇", 100),
        ("c", None, "范围外", 1000),
    ]  # fmt: skip
    cells = (0, 0, 30, 100), (30, 0, 70, 40), (30, 40, 70, 100), (70, 0, 100, 100)
    expected = [official(here(*cell)) for cell in cells]
    assert units["area_m2"].tolist()[:4] == pytest.approx(expected, abs=0.02)
    sums = result.units.groupby(["kind", "parcel_id"])["area_m2"].sum().unstack(0)
    whole = result.parcels.set_index("parcel_id")["area_m2"]
    for kind in ("county", "township"):
        assert sums[kind].to_numpy() == pytest.approx(whole.to_numpy(), rel=1e-9)


def test_a_unit_of_two_features_is_one_row_and_overlapping_units_count_once():
    township = towns(box(-500, -500, 30, 500), box(20, -500, 70, 500), box(70, -500, 500, 500))
    township["XZQDM"], township["XZQMC"] = ["650422100", "650422101", "650422100"], ["甲镇", "乙镇", "甲镇"]
    result = check(parcels(here(0, 0, 100, 100)), make_plan(township=township, ecological_redline=[here(0, 0, 1, 1)]))
    units = result.units[result.units["kind"] == "township"]
    assert dict(zip(units["code"], units["planar_area_m2"].round(2), strict=True)) == {
        "650422100": 6000,
        "650422101": 4000,
    }


def test_a_neighbour_along_the_border_gets_no_hairline():
    """T-vertices on the township border must not make a parcel lie in two townships."""
    border = [(0, 0), (271.3, 0), (613.9, 0), (1000, 0)]
    township = layer(
        [here((-100, -900), (1100, -900), (1100, 0), *border[::-1], (-100, 0)), here(-100, 0, 1100, 900)],
        XZQDM=["650422100", "650422101"], XZQMC=["甲镇", "乙镇"],
    )  # fmt: skip
    result = check(parcels(here(0, 0, 1000, 50)), make_plan(township=township, ecological_redline=[here(0, 0, 1, 1)]))
    assert result.units[result.units["kind"] == "township"]["name"].tolist() == ["乙镇"]


def test_a_unit_layer_without_features():
    empty = layer([], XZQDM=[], XZQMC=[])
    result = check(parcels(here(0, 0, 100, 100)), make_plan(township=empty, ecological_redline=[here(0, 0, 1, 1)]))
    assert result.units[result.units["kind"] == "township"]["name"].tolist() == ["范围外"]


# --- outcomes --------------------------------------------------------------------------------------------------------

NULLS = ["area_m2", "outside_m2", "conflict_m2", "share", "net_area_m2", "contact_m2", "sliver_m2", "shared_m2",
         "depth_m", "width_m", "clearance_m", "planar_area_m2"]  # fmt: skip
BROKEN = shapely.LineString([(0, 0), (10, 0)])


def unmeasured(found):
    return found[NULLS].isna().all()


def test_stay_within_in_its_three_states():
    plan = make_plan(urban_boundary=[here(0, 0, 1000, 1000)])
    result = check(parcels(here(100, 100, 200, 200), here(950, 0, 1050, 100), here(2000, 0, 2100, 100)), plan)
    inside, part, outside = (row(result, CITY, parcel) for parcel in "abc")
    assert (inside.outcome, part.outcome, outside.outcome) == ("none", "conflict", "conflict")
    assert (inside.share, outside.share) == (0, 1)
    assert part.conflict_m2 == part.outside_m2 == pytest.approx(official(here(1000, 0, 1050, 100)), abs=0.02)
    assert outside.area_m2 == 0
    assert result.outside["parcel_id"].tolist() == ["b", "c"]


@pytest.mark.parametrize("kind", [RED, CITY])
def test_outside_the_coverage_is_never_none(kind):
    """One parcel in the next county, one across the border and far from the line, one across it and on the line."""
    county = here(0, 0, 1000, 1000)
    plan = make_plan(county=county, **{kind: [here(0, 0, 1000, 500)]})
    shapes = here(2000, 0, 2100, 100), here(950, 600, 1050, 700), here(950, 450, 1050, 550)
    result = check(parcels(*shapes), plan)
    away, across, both = (row(result, kind, parcel) for parcel in "abc")
    assert away.outcome == "no_data"
    assert unmeasured(away)
    assert away.uncovered_m2 == pytest.approx(official(shapes[0]), abs=0.02)
    assert away["flags"] == "uncovered"
    if kind == RED:
        assert across.outcome == "no_data"
        assert unmeasured(across)
    else:
        assert across.outcome == "conflict"
        assert across.conflict_m2 == pytest.approx(official(here(950, 600, 1000, 700)), abs=0.02)
    assert across.uncovered_m2 == pytest.approx(official(here(1000, 600, 1050, 700)), abs=0.02)
    assert both.outcome == "conflict"
    assert both.area_m2 == pytest.approx(official(here(950, 450, 1000, 500)), abs=0.02)
    assert both.outside_m2 == pytest.approx(official(here(950, 500, 1000, 550)), abs=0.02)
    partly = result.findings[result.findings["code"] == "PARTLY_UNCOVERED"]
    assert set(partly["feature"]) == ({"c"} if kind == RED else {"b", "c"})
    assert balance(result, kind) < 1e-9


def test_townships_bound_the_coverage_where_there_is_no_county():
    plan = make_plan(county=None, township=towns(box(0, 0, 500, 1000), box(500, 0, 900, 1000)),
                     ecological_redline=[here(0, 0, 10, 10)])  # fmt: skip
    result = check(parcels(here(450, 0, 550, 100), here(850, 0, 950, 100)), plan)
    inside, across = row(result, RED), row(result, RED, "b")
    assert (inside.outcome, across.outcome) == ("none", "no_data")
    assert inside["flags"] == ""
    assert across.uncovered_m2 == pytest.approx(official(here(900, 0, 950, 100)), abs=0.02)


def test_without_county_and_townships_the_layers_own_box_counts_and_is_flagged():
    features = [here(0, 0, 10, 10), here(990, 990, 1000, 1000)]
    plan = make_plan(county=None, ecological_redline=features)
    result = check(parcels(here(400, 400, 500, 500), here(1000, 0, 1100, 100), here(5, 5, 15, 15)), plan)
    found = [row(result, RED, parcel) for parcel in "abc"]
    assert [f.outcome for f in found] == ["none", "no_data", "conflict"]
    assert all("coverage_bbox" in f["flags"].split(";") for f in found)


def test_coverage_named_in_the_plan(tmp_path):
    layer([here(0, 0, 10, 10)]).to_file(tmp_path / "red.gpkg")
    layer([COUNTY], XZQDM=["650422"], XZQMC=["托克逊县"]).to_file(tmp_path / "county.gpkg")
    towns(box(0, 0, 500, 500)).to_file(tmp_path / "towns.gpkg")
    (tmp_path / "plan.toml").write_text(
        '[layers.ecological_redline]\npath = "red.gpkg"\ncoverage = "township"\n'
        '[layers.county]\npath = "county.gpkg"\n[layers.township]\npath = "towns.gpkg"\n',
        encoding="utf-8",
    )
    result = check(parcels(here(400, 0, 500, 100), here(450, 0, 550, 100)), open_plan(tmp_path / "plan.toml"))
    assert [row(result, RED, parcel).outcome for parcel in "ab"] == ["none", "no_data"]


def test_a_plan_without_the_layer_has_no_data():
    result = check(parcels(here(0, 0, 100, 100)), make_plan(permanent_farmland=[here(0, 0, 50, 50)]))
    for kind in (RED, CITY):
        found = row(result, kind)
        assert found.outcome == "no_data"
        assert unmeasured(found)
        assert found.uncovered_m2 == pytest.approx(official(here(0, 0, 100, 100)), abs=0.02)
    assert row(result, FARM).outcome == "conflict"


def test_a_layer_that_cannot_be_read_has_failed(tmp_path):
    (tmp_path / "红线.gpkg").write_bytes(b"this is no GeoPackage")
    plan = open_plan({RED: tmp_path / "红线.gpkg", "county": layer([COUNTY])})
    result = check(parcels(here(0, 0, 100, 100)), plan)
    found = row(result, RED)
    assert found.outcome == "failed"
    assert unmeasured(found)
    assert "PLAN_LAYER_FAILED" in codes(result)


def with_broken(*broken):
    return make_plan(ecological_redline=[here(0, 0, 50, 50), *broken])


def test_beside_a_set_aside_feature_the_check_has_failed():
    """A line where a polygon should be: its box is 300…400 by 300…400."""
    plan = with_broken(shifted(shapely.LineString([(300, 300), (400, 400)])))
    shapes = here(350, 310, 450, 320), here(500, 500, 600, 600), here(0, 0, 10, 10), here(40, 40, 340, 340)
    result = check(parcels(*shapes), plan)
    beside, away, hit, both = (row(result, RED, parcel) for parcel in "abcd")
    assert (beside.outcome, away.outcome, hit.outcome, both.outcome) == ("failed", "none", "conflict", "conflict")
    assert unmeasured(beside)
    assert beside["flags"] == "excluded_feature"
    assert both["flags"] == "excluded_feature"
    assert both.area_m2 == pytest.approx(official(here(40, 40, 50, 50)), abs=0.02)
    assert (away["flags"], hit["flags"]) == ("", "")
    assert "GEOMETRY_NOT_POLYGON" in codes(result)


@pytest.mark.parametrize("crs", [EPSG, 4517, 4490])
def test_the_box_of_a_set_aside_feature_in_any_crs(crs):
    drawn = [here(0, 0, 50, 50), shifted(shapely.LineString([(300, 300), (400, 400)]))]
    plan = open_plan({RED: layer(moved(drawn, EPSG, crs), crs=crs), "county": layer([COUNTY])})
    result = check(parcels(here(345, 350, 355, 360), here(500, 500, 600, 600)), plan)
    assert [row(result, RED, parcel).outcome for parcel in "ab"] == ["failed", "none"]


@pytest.mark.parametrize("lost", [None, Polygon(), shapely.LineString([(0, 0), (np.inf, 5)])])
def test_a_set_aside_feature_without_a_box_could_lie_anywhere(lost):
    result = check(parcels(here(500, 500, 600, 600), here(40, 0, 60, 10)), with_broken(lost))
    assert [row(result, RED, parcel).outcome for parcel in "ab"] == ["failed", "conflict"]
    assert row(result, RED, "b")["flags"] == "excluded_feature"


def test_failed_over_no_data():
    plan = make_plan(county=here(0, 0, 1000, 1000), ecological_redline=[here(0, 0, 9, 9), None])
    result = check(parcels(here(950, 0, 1050, 100)), plan)
    found = row(result, RED)
    assert found.outcome == "failed"
    assert found.uncovered_m2 == pytest.approx(official(here(1000, 0, 1050, 100)), abs=0.02)


def test_accepted_absence_lifts_the_failure(tmp_path):
    broken = shifted(shapely.LineString([(300, 300), (400, 400)]))
    features = layer([here(0, 0, 50, 50), broken, None], BSM=["ok", "x1", "x2"])
    features.to_file(tmp_path / "red.geojson", driver="GeoJSON", RFC7946=False)
    layer([COUNTY], XZQDM=["650422"]).to_file(tmp_path / "county.gpkg")

    def outcomes(accepted):
        (tmp_path / "plan.toml").write_text(
            f'[layers.ecological_redline]\npath = "red.geojson"\naccept_excluded = {accepted}\n'
            '[layers.county]\npath = "county.gpkg"\n',
            encoding="utf-8",
        )
        result = check(parcels(here(350, 310, 450, 320), here(500, 500, 600, 600)), open_plan(tmp_path / "plan.toml"))
        return [row(result, RED, parcel).outcome for parcel in "ab"]

    assert outcomes("[]") == ["failed", "failed"]
    assert outcomes('["x2"]') == ["failed", "none"]
    assert outcomes('["x1", "x2"]') == ["none", "none"]


# --- the guard, as far as the result ---------------------------------------------------------------------------------


def lie_about(monkeypatch, name, answer):
    honest = getattr(shapely, name)

    def lie(a, b, grid_size=None, **options):
        return honest(a, b, grid_size=grid_size, **options) if grid_size else answer(a, b)

    monkeypatch.setattr(shapely, name, lie)


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (here((-50, -50), (150, -50), (50, 0.001)), lambda a, b: a),
        (here(99.885, -10, 200, 110), lambda a, b: np.full(len(a), Polygon(), dtype=object)),
    ],
    ids=["the whole parcel where the truth is 0", "nothing where the truth is 11.5"],
)
def test_a_wrong_engine_is_seen_and_said(monkeypatch, line, answer):
    honest, _ = measure(here(0, 0, 100, 100), RED, [line])
    lie_about(monkeypatch, "intersection", answer)
    found, result = measure(here(0, 0, 100, 100), RED, [line])
    assert found.outcome == honest.outcome == "conflict"
    assert found.area_m2 == pytest.approx(honest.area_m2, abs=1e-3)
    assert found.outside_m2 == pytest.approx(honest.outside_m2, abs=1e-3)
    assert "recomputed" in found["flags"].split(";")
    assert result.findings.query("code == 'ENGINE_RECOMPUTED'")["feature"].tolist() == ["a"]
    assert "recomputed" not in honest["flags"]


@pytest.mark.parametrize("answer", [lambda a, b: a, lambda a, b: b], ids=["all of it", "the other"])
def test_a_wrong_difference_is_seen_and_said(monkeypatch, answer):
    lie_about(monkeypatch, "difference", answer)
    found, result = measure(here(0, 0, 100, 100), RED, [here(50, -50, 300, 300)])
    assert found.outside_m2 == pytest.approx(official(here(0, 0, 50, 100)), abs=0.02)
    assert found.uncovered_m2 == pytest.approx(0, abs=1e-3)
    assert "ENGINE_RECOMPUTED" in codes(result)
    assert balance(result, RED) < 1e-7  # the grid moved the outline by a micrometre


# --- what must not matter --------------------------------------------------------------------------------------------


def test_where_the_engine_has_no_answer_only_that_parcel_fails(monkeypatch):
    honest = regions.divide

    def fails_for_large_ones(whole, raw, pieces):
        if shapely.area(whole).max(initial=0) > 11_000:
            raise GeometryError.of("ENGINE_FAILED", actual="1 平方米")
        return honest(whole, raw, pieces)

    plan = make_plan(ecological_redline=[here(0, 0, 5000, 50)], township=towns(box(-100, -100, 6000, 6000)))
    boxes = [here(200 * n, 0, 200 * n + 100, 100 if n < 5 else 120) for n in range(9)]
    expected = check(parcels(*boxes), plan)
    monkeypatch.setattr(regions, "divide", fails_for_large_ones)
    result = check(parcels(*boxes), plan)
    outcome = result.overlaps.loc[result.overlaps["kind"] == RED, "outcome"]
    assert outcome.tolist() == ["conflict"] * 5 + ["failed"] * 4
    assert unmeasured(row(result, RED, "f"))
    failed = [(item.feature, item.actual) for item in result.findings.itertuples() if item.code == "ENGINE_FAILED"]
    assert sorted(failed) == [(parcel, "1 平方米") for parcel in "fghi"]
    assert set(result.parcels.set_index("parcel_id").loc[list("fghi"), "verdict"]) == {"undetermined"}
    for before, after in ((expected.overlaps, result.overlaps), (expected.units, result.units)):
        of_others = [frame[frame["parcel_id"].isin(list("abcde"))].reset_index(drop=True) for frame in (before, after)]
        pd.testing.assert_frame_equal(*of_others)


def figures(result, kind=RED):
    names = ["area_m2", "outside_m2", "uncovered_m2", "shared_m2", "depth_m", "width_m"]
    frame = result.overlaps[result.overlaps["kind"] == kind].set_index("parcel_id")
    return frame[["outcome", "flags", *names]].sort_index()


def same_figures(first, second, *, rtol=1e-7):
    """Areas to ``rtol``; depth and width, which are searched for, to the accuracy that is stated."""
    searched = ["depth_m", "width_m"]
    pd.testing.assert_frame_equal(
        first.drop(columns=searched), second.drop(columns=searched), check_exact=False, rtol=rtol, atol=1e-6
    )
    pd.testing.assert_frame_equal(first[searched], second[searched], check_exact=False, rtol=2 * ACCURACY)


def test_order_start_and_direction_do_not_matter():
    shapes = [SQUARE, L1, HOLED, box(60, 60, 70, 200)]
    features = [L2, RING, box(30, 30, 90, 90), box(-10, -10, 5, 400)]

    def turned(polygon):
        ring = shapely.get_coordinates(polygon.exterior)[:-1]
        return Polygon(np.roll(ring, 2, axis=0)[::-1], [r.coords[::-1] for r in polygon.interiors])

    plan = make_plan(ecological_redline=[shifted(f) for f in features])
    other = make_plan(ecological_redline=[shifted(turned(f)) for f in features[::-1]])
    drawn = parcels(*(shifted(s) for s in shapes))
    redrawn = parcels(*(shifted(turned(s)) for s in shapes)).iloc[::-1].reset_index(drop=True)
    first, second = figures(check(drawn, plan)), figures(check(redrawn, other))
    assert (first["outcome"] == "conflict").all()
    same_figures(first, second)


def test_splitting_and_doubling_the_line_changes_no_area():
    whole = box(-20, 30, 300, 90)
    drawn = parcels(here(0, 0, 100, 100), shifted(L1))
    plain = figures(check(drawn, make_plan(ecological_redline=[shifted(whole)])))
    pieces = [box(-20, 30, 33.3, 90), box(33.3, 30, 300, 55.5), box(33.3, 55.5, 300, 90)]
    split = figures(check(drawn, make_plan(ecological_redline=[shifted(p) for p in pieces])))
    doubled = figures(check(drawn, make_plan(ecological_redline=[shifted(p) for p in (*pieces, whole, pieces[0])])))
    rtol = 1e-6  # edges split anew every 70 m from other ends
    same_figures(plain, split, rtol=rtol)
    same_figures(plain.drop(columns=["flags", "shared_m2"]), doubled.drop(columns=["flags", "shared_m2"]), rtol=rtol)
    assert doubled["shared_m2"].to_numpy() == pytest.approx(doubled["area_m2"].to_numpy(), rel=rtol)


def test_geodataframe_index_and_geometry_name_do_not_matter():
    drawn = parcels(here(0, 0, 100, 100), here(40, 0, 140, 100))
    plan = make_plan(ecological_redline=[here(50, -10, 90, 200)])
    renamed = gpd.GeoDataFrame(drawn.rename_geometry("形状").set_index(pd.Index(["x", "x"])))
    pd.testing.assert_frame_equal(check(drawn, plan).overlaps, check(renamed, plan).overlaps)


def test_the_corner_is_where_the_golden_value_is():
    assert CORNER == (30_385_000, 4_738_000)
    assert official(here(0, 0, 1000, 1000)) == pytest.approx(999677.63, abs=0.01)
