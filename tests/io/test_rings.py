"""Land and holes of shapefile and gdb by the direction of rings: areas by hand, in m² of their own plane."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from controllines.clean import clean
from controllines.io import read
from controllines.io.rings import by_direction
from tests.builders import CORNER, SHAPE_TYPES, write_shapefile


def land(x0, y0, x1, y1):
    """A ring with the sun: left, up, right, down."""
    return [(CORNER[0] + x, CORNER[1] + y) for x, y in ((x0, y0), (x0, y1), (x1, y1), (x1, y0), (x0, y0))]


def hole(*corners):
    return land(*corners)[::-1]


HECTARE = land(0, 0, 100, 100)
#: name: rings as the record lists them, area, status, holes outside all land
RECORDS = {
    "hole": ([HECTARE, hole(40, 40, 60, 60)], 10000 - 400, "ok", 0),
    "hole listed before its shell": ([hole(40, 40, 60, 60), HECTARE], 10000 - 400, "ok", 0),
    "hole outside": ([HECTARE, hole(200, 0, 220, 20)], 10000, "repaired", 1),
    "hole outside, listed first": ([hole(200, 0, 220, 20), HECTARE], 10000, "repaired", 1),
    "hole outside beside a true one": ([HECTARE, hole(40, 40, 60, 60), hole(200, 0, 220, 20)], 9600, "repaired", 1),
    "two holes outside two shells": (
        [HECTARE, land(200, 0, 300, 100), hole(400, 0, 420, 20), hole(0, 200, 20, 220)], 20000, "repaired", 2),
    "hole that touches from outside": ([HECTARE, hole(100, 0, 120, 20)], 10000, "repaired", 1),
    "hole across the border": ([HECTARE, hole(90, 10, 110, 30)], 10000 - 10 * 20, "repaired", 0),
    "hole across the border of two parts": (
        [HECTARE, land(100, 0, 200, 100), hole(90, 10, 110, 30)], 20000 - 20 * 20, "repaired", 0),
    "hole equal to its shell": ([HECTARE, HECTARE[::-1]], 0, "excluded", 0),
    "hole drawn twice": ([HECTARE, hole(40, 40, 60, 60), hole(40, 40, 60, 60)], 10000 - 400, "repaired", 0),
    "holes that overlap": ([HECTARE, hole(40, 40, 60, 60), hole(50, 50, 70, 70)], 10000 - 700, "repaired", 0),
    "island": ([HECTARE, hole(20, 20, 80, 80), land(40, 40, 60, 60)], 10000 - 3600 + 400, "ok", 0),
    "island listed first": ([land(40, 40, 60, 60), hole(20, 20, 80, 80), HECTARE], 6800, "ok", 0),
    "pond on an island": (
        [HECTARE, hole(20, 20, 80, 80), land(40, 40, 60, 60), hole(45, 45, 55, 55)], 6800 - 100, "ok", 0),
    "pond on an island, hole outside": (
        [HECTARE, hole(20, 20, 80, 80), land(40, 40, 60, 60), hole(45, 45, 55, 55), hole(200, 0, 220, 20)],
        6700, "repaired", 1),
    "shells overlap": ([HECTARE, land(50, 0, 150, 100)], 15000, "repaired", 0),
    "shell in a shell": ([HECTARE, land(40, 40, 60, 60)], 10000, "repaired", 0),
    "shell drawn twice": ([HECTARE, HECTARE], 10000, "repaired", 0),
    # Written the wrong way round, as a whole: nothing is lost and nothing is to be said.
    "inverted": ([HECTARE[::-1]], 10000, "ok", 0),
    "inverted with a hole": ([HECTARE[::-1], land(40, 40, 60, 60)], 10000 - 400, "ok", 0),
    "inverted with two holes": ([land(10, 10, 20, 20), HECTARE[::-1], land(40, 40, 60, 60)], 10000 - 500, "ok", 0),
    "inverted island": ([HECTARE[::-1], land(20, 20, 80, 80), hole(40, 40, 60, 60)], 6800, "ok", 0),
    "inverted parts with a hole": (
        [HECTARE[::-1], hole(200, 0, 300, 100), land(240, 40, 260, 60)], 20000 - 400, "ok", 0),
}  # fmt: skip


def outcome(source):
    cleaned = clean(source.geoms, np.array(list(RECORDS)))
    stray = {item.feature: int(item.actual) for item in source.findings if item.code == "RINGS_OUTSIDE"}
    found = {}
    for n, name in enumerate(RECORDS):
        geom = cleaned.geoms[n]
        area = 0.0 if geom is None else round(geom.area, 6)
        found[name] = (area, cleaned.status[n], stray.get(f"row:{n + 1}", 0))
    return found


@pytest.mark.parametrize("coordinates", SHAPE_TYPES)
def test_rings_of_a_shapefile_are_what_their_direction_says(tmp_path, coordinates):
    path = write_shapefile(tmp_path / "a.shp", [rings for rings, *_ in RECORDS.values()], coordinates=coordinates)
    [source] = read(path)
    assert outcome(source) == {name: (area, status, stray) for name, (_, area, status, stray) in RECORDS.items()}


#: Shell and holes of each part, the area; of gpkg the parts say what belongs together, the answer must be the same.
OWNED = {
    "hole outside": ([(HECTARE, [hole(200, 0, 220, 20)])], 10000),
    "hole outside beside a true one": ([(HECTARE, [hole(200, 0, 220, 20), hole(40, 40, 60, 60)])], 9600),
    "hole across the border": ([(HECTARE, [hole(90, 10, 110, 30)])], 9800),
    "hole equal to its shell": ([(HECTARE, [HECTARE])], 0),
    "hole that touches from outside": ([(HECTARE, [hole(100, 0, 120, 20)])], 10000),
    "island": ([(HECTARE, [hole(20, 20, 80, 80)]), (land(40, 40, 60, 60), [])], 6800),
    "shell in a shell": ([(HECTARE, []), (land(40, 40, 60, 60), [])], 10000),
    "shells overlap": ([(HECTARE, []), (land(50, 0, 150, 100), [])], 15000),
    "hole outside the second part": ([(HECTARE, []), (land(200, 0, 300, 100), [hole(400, 0, 420, 20)])], 20000),
    "sound": ([(HECTARE, [hole(40, 40, 60, 60)])], 9600),
}


@pytest.mark.parametrize("name", ["a.gpkg", "a.gdb", "a.shp", "a.parquet"])
def test_the_same_land_through_every_format(tmp_path, name):
    geoms = [shapely.MultiPolygon([shapely.Polygon(*part) for part in parts]) for parts, _ in OWNED.values()]
    frame = gpd.GeoDataFrame({"DKBH": list(OWNED)}, geometry=geoms, crs=4518)
    if name == "a.parquet":
        frame.to_parquet(tmp_path / name)
    else:
        frame.to_file(tmp_path / name, engine="pyogrio", **({"driver": "OpenFileGDB"} if name == "a.gdb" else {}))
    [source] = read(tmp_path / name)
    cleaned = clean(source.geoms, np.array(list(OWNED)))
    areas = {key: 0 if geom is None else round(geom.area, 6) for key, geom in zip(OWNED, cleaned.geoms, strict=True)}
    assert areas == {key: area for key, (_, area) in OWNED.items()}
    told = {item.feature for item in cleaned.findings}
    assert told == set(OWNED) - {"sound", "island"}, "what changes is told, by name"


def test_a_hole_outside_is_named_with_its_place(tmp_path):
    write_shapefile(tmp_path / "a.shp", [RECORDS["hole"][0], RECORDS["hole outside"][0]])
    [source] = read(tmp_path / "a.shp")
    [item] = [item for item in source.findings if item.code == "RINGS_OUTSIDE"]
    assert (item.feature, item.severity) == ("row:2", "warning")
    assert CORNER[0] + 200 <= item.x <= CORNER[0] + 220
    assert CORNER[1] <= item.y <= CORNER[1] + 20


def test_what_has_one_ring_or_none_is_left_alone():
    geoms = np.array([None, shapely.Point(1, 1), shapely.Polygon(), shapely.MultiPolygon(), shapely.box(0, 0, 1, 1),
                      shapely.Polygon(HECTARE[::-1]), shapely.LineString([(0, 0), (1, 1)])], dtype=object)  # fmt: skip
    sorted_anew, stray = by_direction(geoms)
    assert stray == {}
    assert all(a is b for a, b in zip(sorted_anew, geoms, strict=True))
    assert len(by_direction(np.empty(0, dtype=object))[0]) == 0


def test_coordinates_that_are_no_numbers_cost_one_feature(tmp_path):
    nowhere = hole(40, 40, 60, 60)
    nowhere[2] = (np.nan, np.nan)
    write_shapefile(tmp_path / "a.shp", [[HECTARE, nowhere], RECORDS["hole outside"][0]])
    [source] = read(tmp_path / "a.shp")
    cleaned = clean(source.geoms, np.array(["a", "b"]))
    assert cleaned.status.tolist() == ["excluded", "repaired"]
    assert {item.code for item in cleaned.findings if item.feature == "a"} == {"GEOMETRY_NOT_FINITE"}
    assert round(cleaned.geoms[1].area, 6) == 10000


@pytest.mark.parametrize("odd", [1e308, -1e308, 1e160, 1e18, np.nan, np.inf, 5e-324])
@pytest.mark.parametrize("ring", [0, 1, 2])
@pytest.mark.parametrize("point", [1, 2, 3])
def test_coordinates_of_no_place_stop_nothing(tmp_path, odd, ring, point):
    rings = [land(0, 0, 100, 100), hole(40, 40, 60, 60), hole(200, 0, 220, 20)]
    rings[ring][2] = (odd, rings[ring][2][1])
    rings[ring][point] = (rings[ring][point][0], -odd)
    write_shapefile(tmp_path / "a.shp", [rings, RECORDS["hole outside"][0]])
    [source] = read(tmp_path / "a.shp")
    cleaned = clean(source.geoms, np.array(["a", "b"]))
    assert round(cleaned.geoms[1].area, 6) == 10000
    assert abs(odd) < 1e8 or cleaned.status[0] == "excluded"
