"""The properties that must hold for any input, where nothing else shows them.

1  common and remaining parts are the whole          test_overlay.test_the_parts_add_up
2  the interiors meet where there is area            test_overlay.test_the_interiors_agree_with_the_area
3  in floating point as on a fixed grid              test_overlay.test_the_interiors_agree_with_the_area
4  sums over a partition, printed ones too           here
5  order of features, layers, vertices, rings        here; test_overlay.test_order_splitting_and_doubling_do_not_matter
6  split, doubled, overlapping control polygons      test_overlay.test_order_splitting_and_doubling_do_not_matter
7  degrees, zones, prefix                            test_overlay.test_the_zone_and_degrees_do_not_matter, test_area
   file formats                                      here
8  threads and chunks: the same bytes                here
9  more control land is never less area              here
10 with and without the index, prepared or not       here
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

from controllines.conflicts import Workers
from controllines.convert import convert
from controllines.overlay import intersect
from controllines.pipeline import CheckOptions, Job, check, run
from controllines.plans import open_plan
from controllines.preparation import prepare
from controllines.stats import tabulate
from controllines.tiles import arranged, tiles_of
from tests.builders import CITY, CORNER, FARM, RED, dense, here, layer, make_plan, parcels, row_ids
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


@settings(max_examples=6)
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


@settings(max_examples=6)
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


@settings(max_examples=6)
@given(many, many, shapes(), st.booleans())
def test_more_control_land_is_never_less(land, red, more, whole):
    """A further feature, or features without their holes."""
    land, red, more = placed(land), placed(red), placed([more])
    grown = [shapely.Polygon(feature.exterior) for feature in red] if whole else [*red, *more]
    first, second = (measured(check(parcels(*land), make_plan(county=COUNTY, **{RED: features}))).xs(RED, level="kind")
                     for features in (red, grown))  # fmt: skip
    assert (second["area_m2"].fillna(0) >= first["area_m2"].fillna(0) - 1e-6).all()
    # what lies beside a feature that was set aside is not known, unless there is a conflict
    known = first["outside_m2"].notna()
    assert (second["outside_m2"].fillna(0) <= first["outside_m2"] + 1e-6)[known].all()
    assert not ((first["outcome"] == "conflict") & (second["outcome"] != "conflict")).any()


# --- 7: formats ------------------------------------------------------------------------------------------------------

FORMATS = [".shp", ".gdb", ".geojson", ".txt", ".parquet", ".csv", ".xlsx", ".kml", ".dxf"]


@pytest.mark.parametrize("seed", [1])
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


# --- 8: threads and chunks -------------------------------------------------------------------------------------------


def jagged(rng, corners, size):
    """A star rough at every scale; with many corners it is cut off in windows, and halved before."""
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    radius = size * (1 + 0.3 * np.sin(7 * angle) + 0.01 * rng.random(corners))
    return shapely.Polygon(np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]) + CORNER)


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """A plan of rough and overlapping layers and 24 parcels, some with a project and some over each other."""
    rng, folder = np.random.default_rng(8), tmp_path_factory.mktemp("office")
    star = [jagged(rng, int(n), float(size)) for n, size in zip([3000, 40, 300], [1500, 700, 900], strict=True)]
    tables = {
        "STBHHX": [star[0], shapely.affinity.translate(star[2], 2500, 900)],
        "YJJBNTBHTB": [shapely.affinity.translate(star[1], x, y) for x, y in rng.uniform(-1500, 1500, (12, 2))],
        "CZKFBJ": [shapely.affinity.translate(star[2], -400, 100), here(-300, -300, 900, 900)],
        "XJXZQ": [here(-5000, -5000, 5000, 5000)],
        "XZQ": [here(-5000, -5000, 100, 5000), here(100, -5000, 5000, 5000)],
    }
    towns = {"XJXZQ": ["650422"], "XZQ": ["650422100", "650422101"]}
    for table, geoms in tables.items():
        columns = {"XZQDM": towns[table], "XZQMC": towns[table]} if table in towns else {"BSM": row_ids(len(geoms))}
        layer(geoms, **columns).to_file(folder / "plan.gpkg", layer=table, engine="pyogrio")
    places, angles = rng.uniform(-1800, 1800, (24, 2)), np.sort(rng.uniform(0, 2 * np.pi, (24, 7)), axis=1)
    reach = rng.uniform(20, 250, (24, 7))
    rings = np.stack([np.cos(angles), np.sin(angles)], axis=2) * reach[:, :, None] + places[:, None] + CORNER
    land = shapely.polygons(rings)
    parcels(*land, XMBH=[f"P{n % 9}" for n in range(24)]).to_file(folder / "land.gpkg", layer="地块", engine="pyogrio")
    return folder


def written(office, plan, out, workers):
    options = CheckOptions(workers=workers)
    run(Job(parcels=(str(office / "land.gpkg"),), plan=str(plan), out=str(out), formats=(), as_of="2026-11-25",
            options=options))  # fmt: skip
    return {name: (out / name).read_bytes() for name in ("result.json", "conflicts.csv")}


@pytest.fixture(scope="module")
def prepared(office):
    return prepare(office / "plan.gpkg", office / "office.plan")


@pytest.mark.parametrize("way", ["read", "prepared"])
def test_threads_and_chunks_give_the_same_bytes(way, office, prepared, tmp_path):
    plan = prepared if way == "prepared" else office / "plan.gpkg"
    first = written(office, plan, tmp_path / "1", Workers(threads=1, chunk=64))
    assert first["result.json"].count(b'"conflict"') > 20
    for threads, chunk in ((2, 64), (8, 5)):
        again = written(office, plan, tmp_path / f"{threads}-{chunk}", Workers(threads=threads, chunk=chunk))
        assert again == first, (threads, chunk)


# --- 10: index, tiles ------------------------------------------------------------------------------------------------


@settings(max_examples=15)
@given(many, many)
def test_the_index_does_not_matter(left, right):
    """Every pair asked for by itself gives the same piece, bit by bit."""
    left, right = np.array(left, dtype=object), np.array(right, dtype=object)
    pieces = intersect(left, right)
    alone = [(i, j, shapely.to_wkb(geom)) for i in range(len(left)) for j in range(len(right))
             for geom in intersect(left[i : i + 1], right[j : j + 1]).geoms]  # fmt: skip
    assert list(zip(pieces.left, pieces.right, shapely.to_wkb(pieces.geoms), strict=True)) == alone


def test_a_prepared_plan_gives_the_same_answers(office, prepared):
    """Areas to a billionth, over layers that are cut into many tiles."""
    answers = [check(office / "land.gpkg", open_plan(plan)) for plan in (office / "plan.gpkg", prepared)]
    assert_same(*answers)
    for name in ("units", "pieces"):
        areas = [getattr(answer, name)["area_m2"].to_numpy() for answer in answers]
        assert areas[1] == pytest.approx(areas[0], rel=1e-9, abs=1e-6)
    for name in ("depth_m", "width_m", "clearance_m"):
        first, second = (answer.overlaps[name].to_numpy(float) for answer in answers)
        assert second == pytest.approx(first, abs=1e-3, nan_ok=True)


@settings(max_examples=15)
@given(many, many, st.sampled_from([8, 16, 256]))
def test_tiles_do_not_matter(left, right, most):
    """A layer in tiles gives the same areas, and pieces without a trace of the cuts between tiles."""
    left, right = np.array(left, dtype=object), np.array(right, dtype=object)
    right[0] = shapely.segmentize(right[0], 3)
    plain, tiled = intersect(left, right), intersect(left, arranged([tiles_of(right, most=most)]))
    assert tiled.left.tolist() == plain.left.tolist()
    assert tiled.right.tolist() == plain.right.tolist()
    assert tiled.area == pytest.approx(plain.area, rel=1e-9, abs=1e-6)
