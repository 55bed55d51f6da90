"""The properties that must hold for any input, where nothing else shows them.

1  common and remaining parts are the whole          test_overlay.test_the_parts_add_up
2  the interiors meet where there is area            test_overlay.test_the_interiors_agree_with_the_area
3  in floating point as on a fixed grid              test_overlay.test_the_interiors_agree_with_the_area
4  sums over a partition, printed ones too           here
5  order of features, layers, vertices, rings        here; test_overlay.test_order_splitting_and_doubling_do_not_matter
6  split, doubled, overlapping control polygons      test_overlay.test_order_splitting_and_doubling_do_not_matter
7  degrees, zones, prefix                            test_overlay.test_the_zone_and_degrees_do_not_matter, test_area
   file formats                                      here
9  more control land is never less area              here
11 repair changes nothing twice, nothing valid       test_clean.test_repair_is_idempotent_…
"""

from __future__ import annotations

from decimal import Decimal

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from controllines.convert import convert
from controllines.pipeline import check
from controllines.plans import open_plan
from controllines.stats import tabulate
from tests.builders import CITY, CORNER, FARM, RED, dense, layer, make_plan, parcels, row_ids
from tests.property.test_overlay import COUNTY, many, placed, shapes

SEEDS = st.integers(0, 2**32)
AREAS = ["area_m2", "outside_m2", "conflict_m2", "uncovered_m2", "contact_m2", "shared_m2"]


def measured(result):
    """Outcome and areas of each parcel and line."""
    table = result.overlaps.set_index(["parcel_id", "kind"])[["outcome", *AREAS]]
    return table.sort_index()


def assert_same(first, second, *, m2=1e-6):
    first, second = measured(first), measured(second)
    assert first.index.tolist() == second.index.tolist()
    assert first["outcome"].tolist() == second["outcome"].tolist()
    for name in AREAS:
        assert second[name].to_numpy(float) == pytest.approx(first[name].to_numpy(float), rel=1e-9, abs=m2, nan_ok=True)


# --- 4: a partition --------------------------------------------------------------------------------------------------


def cells(rng, count):
    """A county of 2 km × 2 km, divided at random."""
    points = shapely.multipoints(rng.uniform(0, 2000, (count, 2)))
    whole = shapely.box(0, 0, 2000, 2000)
    divided = shapely.get_parts(shapely.voronoi_polygons(points, extend_to=whole))
    return shapely.intersection(divided, whole)


def in_degrees(geoms):
    return list(shapely.transform(np.array(geoms, dtype=object), lambda xy: xy * [1.22e-5, 9e-6] + [88.5, 42.8]))


def units(geoms, code, name):
    ids = [f"{650422100 + n}" for n in range(len(geoms))]
    return layer(in_degrees(geoms), crs=4490, **{code: ids, name: [f"单元{n}" for n in ids]})


@settings(max_examples=8)
@given(SEEDS, st.integers(2, 7), st.integers(2, 4), many)
def test_sums_over_a_partition(seed, towns, zones, farm):
    rng = np.random.default_rng(seed)
    farm = in_degrees(
        shapely.intersection(shapely.transform(farm, lambda xy: xy + 1000), shapely.box(0, 0, 2000, 2000))
    )
    plan = open_plan({
        FARM: layer(farm, crs=4490, BSM=row_ids(len(farm))),
        "township": units(cells(rng, towns), "XZQDM", "XZQMC"),
        "planning_zone": units(cells(rng, zones), "GHFQDM", "GHFQMC"),
    })  # fmt: skip
    table = tabulate(plan, of=[FARM], by=["township", "planning_zone"])
    whole = shapely.area(shapely.union_all(plan.layers[FARM].geoms))
    assert table.frame["area_m2"].sum() == pytest.approx(whole, rel=1e-9, abs=1e-6)
    for unit, places in (("公顷", 2), ("亩", 2), ("平方米", 0)):
        printed = table.pivot(unit, places, line="永久基本农田")
        exact = [[Decimal(f"{value:.{places}f}") for value in line] for line in printed.to_numpy()]
        assert all(sum(line[:-1]) == line[-1] for line in exact)
        assert all(sum(column[:-1]) == column[-1] for column in zip(*exact, strict=True))


# --- 5: order --------------------------------------------------------------------------------------------------------


def rolled(rng, polygon):
    """The same polygon from other corners, its rings in either direction, its holes in another order."""

    def ring(line):
        xy = shapely.get_coordinates(line)[:-1]
        xy = np.roll(xy, rng.integers(len(xy)), axis=0)
        return xy[::-1] if rng.random() < 0.5 else xy

    return shapely.Polygon(ring(polygon.exterior), [ring(hole) for hole in polygon.interiors][::-1])


def mixed(rng, items):
    return [rolled(rng, items[n]) for n in rng.permutation(len(items))]


@settings(max_examples=8)
@given(many, many, many, SEEDS)
def test_order_does_not_matter(land, red, city, seed):
    """Of features, layers, parcels, corners; and the directions of rings."""
    rng = np.random.default_rng(seed)
    land, red, city = placed(land), placed(red), placed(city)
    straight = check(parcels(*land), make_plan(county=COUNTY, **{RED: red, CITY: city}))
    other = make_plan(county=rolled(rng, COUNTY), **{CITY: mixed(rng, city), RED: mixed(rng, red)})
    order = rng.permutation(len(land))
    ids = [chr(97 + n) for n in order]
    assert_same(straight, check(parcels(*(rolled(rng, land[n]) for n in order), DKBH=ids), other))


# --- 9: more land ----------------------------------------------------------------------------------------------------


@settings(max_examples=8)
@given(many, many, shapes(), st.booleans())
def test_more_control_land_is_never_less(land, red, more, whole):
    """A further feature, or features without their holes."""
    land, red, more = placed(land), placed(red), placed([more])
    grown = [shapely.Polygon(feature.exterior) for feature in red] if whole else [*red, *more]
    first, second = (measured(check(parcels(*land), make_plan(county=COUNTY, **{RED: features}))).xs(RED, level="kind")
                     for features in (red, grown))  # fmt: skip
    assert (second["area_m2"].fillna(0) >= first["area_m2"].fillna(0) - 1e-6).all()
    assert (second["outside_m2"].fillna(0) <= first["outside_m2"].fillna(0) + 1e-6).all()
    assert not ((first["outcome"] == "conflict") & (second["outcome"] != "conflict")).any()


# --- 7: formats ------------------------------------------------------------------------------------------------------

FORMATS = [".shp", ".gdb", ".geojson", ".txt", ".parquet", ".csv", ".xlsx", ".kml", ".dxf"]


@pytest.mark.parametrize("seed", [1, 2])
def test_the_format_does_not_matter(seed, tmp_path):
    """The same parcels, to the millimetre, in every format that is written, against layers in another."""
    rng = np.random.default_rng(seed)
    land = []
    for at in ((0, 0), (900, 100), (100, 900)):
        angle = np.sort(rng.uniform(0, 2 * np.pi, 9))
        ring = np.column_stack([np.cos(angle), np.sin(angle)]) * rng.uniform(60, 400, 9)[:, None]
        star = dense(shapely.Polygon(ring + CORNER + at))
        land.append(shapely.transform(star, lambda xy: np.round(xy, 3)))
    assert shapely.is_valid(land).all()
    red = [shapely.box(CORNER[0] - 900, CORNER[1] - 300.5, CORNER[0] + 1500.25, CORNER[1] + 120)]
    plan = make_plan(**{RED: red})
    source = tmp_path / "a.gpkg"
    frame = gpd.GeoDataFrame({"DKBH": ["a", "b", "c"], "DKMC": ["甲", "乙", "丙"]}, geometry=land, crs=4518)
    frame.to_file(source, layer="地块")
    expected = measured(check(source, plan))
    assert expected["outcome"].tolist().count("conflict") >= 2
    for suffix in FORMATS:
        target = tmp_path / f"{suffix[1:]}{suffix}"  # csv and dxf have a .prj each
        convert(source, target)
        found = measured(check(target, plan))
        assert found["outcome"].tolist() == expected["outcome"].tolist(), suffix
        for name in AREAS:
            got, wanted = found[name].to_numpy(float), expected[name].to_numpy(float)
            assert got == pytest.approx(wanted, abs=0.02, nan_ok=True), suffix
