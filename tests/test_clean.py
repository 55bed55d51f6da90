"""Repair: what is mended keeps what was drawn, what cannot be mended is set aside by name."""

import numpy as np
import pytest
import shapely
from shapely import GeometryCollection, LineString, MultiPolygon, Point, Polygon, box

from controllines.clean import DOOR_WIDTH_M, clean, polygonal, through_door
from controllines.crs import EdgeRule, Plane, gauss_kruger, recognise, to_plane

SQUARE = [(0, 0), (10, 0), (10, 10), (0, 10)]
#: (0,6)–(12,0) and (4,6)–(0,0) cross at (3, 4.5): lobes of 12·4.5/2 = 27 and 4·1.5/2 = 3; the signed area is 24.
BOWTIE = Polygon([(0, 0), (12, 0), (0, 6), (4, 6)])


def one(geom, **where):
    """Clean a single geometry: the geometry, its status, its findings."""
    cleaned = clean(np.array([geom], dtype=object), np.array(["A1"], dtype=object), **where)
    return cleaned.geoms[0], cleaned.status[0], cleaned.findings


@pytest.mark.parametrize(
    ("broken", "area", "parts"),
    [
        pytest.param(BOWTIE, 30, 2, id="bowtie keeps both lobes"),
        pytest.param(Polygon(SQUARE, [[(20, 20), (22, 20), (22, 22), (20, 22)]]), 100, 1, id="hole outside"),
        pytest.param(Polygon(SQUARE, [[(5, 5), (15, 5), (15, 8), (5, 8)]]), 85, 1, id="hole crosses the shell"),
        pytest.param(Polygon(SQUARE, [[(4, 4), (6, 4), (6, 6), (4, 6)]] * 2), 96, 1, id="double hole"),
        pytest.param(
            Polygon(SQUARE, [[(2, 2), (6, 2), (6, 6), (2, 6)], [(4, 4), (8, 4), (8, 8), (4, 8)]]), 72, 1,
            id="holes overlap: 16 + 16 − 4",
        ),
        pytest.param(Polygon([(0, 0), (10, 0), (10, 10), (20, 10), (10, 10), (0, 10)]), 100, 1, id="spike"),
        pytest.param(MultiPolygon([box(0, 0, 10, 10), box(5, 0, 15, 10)]), 150, 1, id="parts overlap"),
        pytest.param(MultiPolygon([box(0, 0, 10, 10), box(0, 0, 10, 10)]), 100, 1, id="parts twice"),
        pytest.param(MultiPolygon([box(0, 0, 10, 10), box(2, 2, 4, 4)]), 100, 1, id="part inside a part"),
        pytest.param(MultiPolygon([box(0, 0, 10, 10), box(10, 0, 20, 10)]), 200, 1, id="parts share an edge"),
    ],
)  # fmt: skip
def test_repaired(broken, area, parts):
    geom, status, found = one(broken, source="申请.shp", layer="宗地")
    assert status == "repaired"
    assert geom.is_valid
    assert geom.area == pytest.approx(area, abs=1e-9)
    assert shapely.get_num_geometries(geom) == parts
    assert [f.code for f in found] == ["GEOMETRY_REPAIRED"]
    assert found[0].severity == "repair"
    assert (found[0].source, found[0].layer, found[0].feature) == ("申请.shp", "宗地", "A1")
    assert f"{broken.area:.4f}" in found[0].message
    assert f"变为 {area:.4f}" in found[0].message
    assert shapely.Point(found[0].x, found[0].y).intersects(geom)


def with_corner(geom, value):
    """Put a value into the second coordinate of a geometry, as a damaged file would."""
    return shapely.transform(geom, lambda xy: np.where(np.arange(len(xy))[:, None] == 1, value, xy))


@pytest.mark.parametrize(
    ("geom", "code"),
    [
        (None, "GEOMETRY_MISSING"),
        (Polygon(), "GEOMETRY_MISSING"),
        (GeometryCollection(), "GEOMETRY_MISSING"),
        (with_corner(box(0, 0, 1, 1), np.nan), "GEOMETRY_NOT_FINITE"),
        (with_corner(box(0, 0, 1, 1), np.inf), "GEOMETRY_NOT_FINITE"),
        (with_corner(LineString([(0, 0), (1, 1)]), np.nan), "GEOMETRY_NOT_FINITE"),
        (LineString([(0, 0), (1, 1)]), "GEOMETRY_NOT_POLYGON"),
        (Point(0, 0), "GEOMETRY_NOT_POLYGON"),
        (GeometryCollection([box(0, 0, 1, 1)]), "GEOMETRY_NOT_POLYGON"),
        (Polygon([(0, 0), (5, 5), (10, 10)]), "GEOMETRY_COLLAPSED"),
        (Polygon([(3, 3), (3, 3), (3, 3)]), "GEOMETRY_COLLAPSED"),
        (Polygon([(0, 0), (10, 0), (0, 0), (10, 0)]), "GEOMETRY_COLLAPSED"),
        (Polygon(SQUARE, [SQUARE]), "GEOMETRY_COLLAPSED"),
    ],
)
def test_set_aside(geom, code):
    left, status, found = one(geom, source="申请.shp")
    assert left is None
    assert status == "excluded"
    assert [f.code for f in found] == [code]
    assert (found[0].severity, found[0].feature, found[0].source) == ("error", "A1", "申请.shp")


@pytest.mark.parametrize(
    "geom",
    [
        box(0, 0, 10, 10),
        shapely.reverse(box(0, 0, 10, 10)),  # the direction of rings is no fault
        Polygon(SQUARE, [[(0, 5), (3, 4), (3, 6)]]),  # a hole may touch its shell in a point
        MultiPolygon([box(0, 0, 10, 10), box(10, 10, 20, 20)]),
        shapely.force_3d(box(0, 0, 10, 10), 3.0),
    ],
)
def test_what_is_valid_is_left_alone(geom):
    left, status, found = one(geom)
    assert left is geom
    assert (status, found) == ("ok", ())


def test_many_at_once_are_all_accounted_for():
    geoms = np.array([None, box(0, 0, 1, 1), BOWTIE, LineString([(0, 0), (1, 1)]), Polygon([(0, 0), (1, 1), (2, 2)])])
    before = geoms.copy()
    cleaned = clean(geoms, np.array([f"F{i}" for i in range(5)]))
    assert cleaned.status.tolist() == ["excluded", "ok", "repaired", "excluded", "excluded"]
    assert shapely.is_missing(cleaned.geoms).tolist() == [True, False, False, True, True]
    assert {f.feature: f.code for f in cleaned.findings} == {
        "F0": "GEOMETRY_MISSING", "F2": "GEOMETRY_REPAIRED", "F3": "GEOMETRY_NOT_POLYGON", "F4": "GEOMETRY_COLLAPSED",
    }  # fmt: skip
    assert geoms.tolist() == before.tolist()  # the caller's array is not written to
    again = clean(cleaned.geoms[1:3], np.array(["F1", "F2"]))
    assert again.status.tolist() == ["ok", "ok"]


def test_nothing_to_clean():
    cleaned = clean(np.array([], dtype=object), np.array([], dtype=object))
    assert (len(cleaned.geoms), len(cleaned.status), cleaned.findings) == (0, 0, ())


# --- the door of the plane -------------------------------------------------------------------------------------------


def with_hole_sticking_out(by):
    """100 m square whose hole, 10 m wide, crosses the right edge: mending changes the area by 10 · ``by``."""
    return Polygon([(0, 0), (100, 0), (100, 100), (0, 100)], [[(90, 40), (100 + by, 40), (100 + by, 50), (90, 50)]])


def test_a_hairline_is_mended_silently():
    geoms, change, limit = through_door(np.array([box(0, 0, 1, 1), with_hole_sticking_out(1e-5)]))
    assert shapely.is_valid(geoms).all()
    assert geoms[1].area == pytest.approx(100 * 100 - 10 * 10, abs=1e-9)
    assert change[0] == 0
    assert change[1] == pytest.approx(10 * 1e-5, rel=1e-6)
    assert limit[1] == pytest.approx((400 + 2 * (10 + 10)) * 0.0002, rel=1e-4)
    assert DOOR_WIDTH_M == 0.0002


@pytest.mark.parametrize(("by", "kept"), [(0.0087, True), (0.0089, False)])  # the limit is 0.088 m² / 10 m
def test_the_limit_of_the_door(by, kept):
    geoms, change, _ = through_door(np.array([with_hole_sticking_out(by)]))
    assert (geoms[0] is not None) is kept
    assert change[0] == pytest.approx(10 * by, rel=1e-6)


def test_nothing_left_is_refused_at_the_door():
    geoms, _, _ = through_door(np.array([Polygon([(0, 0), (1, 0), (0, 0), (1, 0)])]))
    assert geoms[0] is None


def test_a_hole_that_touches_its_shell_off_a_vertex_comes_through():
    """Valid in the source; splitting the slanting edge bends it by nanometres, over the corner of the hole."""
    rng = np.random.default_rng(11)
    source, plane = recognise(gauss_kruger(26)), Plane(78, 40)
    polygons = []
    while len(polygons) < 100:
        east, north = rng.uniform(450_000, 550_000), rng.uniform(4.3e6, 4.5e6)
        shell = np.array([[0, 0], [900, rng.uniform(0, 400)], [700, 1100], [-100, 800]]) + [east, north]
        side = rng.integers(4)
        touch = shell[side] + rng.uniform(0.2, 0.8) * (shell[(side + 1) % 4] - shell[side])
        inward = (shell.mean(axis=0) - touch) / 9
        aside = inward[::-1] * [0.3, -0.3]
        polygon = Polygon(shell, [[touch, touch + inward + aside, touch + inward - aside]])
        if polygon.is_valid:
            polygons.append(polygon)
    moved = to_plane(np.array(polygons), source, plane, EdgeRule())
    assert not shapely.is_valid(moved).all(), "the case this test is about does not occur"
    geoms, change, limit = through_door(moved)
    assert shapely.is_valid(geoms).all()
    assert not shapely.is_missing(geoms).any()
    assert (change < limit).all()
    assert shapely.area(geoms) == pytest.approx(shapely.area(moved), abs=0.001)


def test_only_polygonal_parts_are_kept():
    inner = GeometryCollection([box(2, 2, 3, 4), Point(9, 9), MultiPolygon([box(7, 7, 8, 8)])])
    mixed = GeometryCollection([box(0, 0, 1, 1), LineString([(0, 0), (5, 5)]), inner])
    kept = polygonal(np.array([mixed, LineString([(0, 0), (1, 1)]), box(0, 0, 3, 3), GeometryCollection()]))
    assert shapely.area(kept).tolist() == [4, 0, 9, 0]
    assert shapely.get_type_id(kept).tolist() == [6, 6, 3, 6]
    assert polygonal(np.array([], dtype=object)).shape == (0,)
