"""The overlay in one plane, on figures whose areas are counted by hand, and its guard against a lying engine."""

import numpy as np
import pytest
import shapely
from shapely import Polygon, box

from controllines.guard import GUARD_GRID_M, remainder, union_by
from controllines.overlay import Pieces, absorb, book_once, divide, intersect, split
from tests.property.exact import difference_area, intersection_area, union_area


def geoms(*shapes):
    return np.array(shapes, dtype=object)


SQUARE = box(0, 0, 100, 100)
RING = box(-100, -100, 200, 200) - box(20, 20, 80, 80)

#: name -> one, other, area in common
CASES = {
    "half in": (SQUARE, box(50, -50, 300, 300), 5000),
    "identical": (SQUARE, SQUARE, 10000),
    "inside": (SQUARE, box(-1, -1, 101, 101), 10000),
    "around": (SQUARE, box(10, 10, 30, 40), 600),
    "hole in the left": (box(0, 0, 400, 300) - box(150, 100, 250, 200), box(0, 0, 200, 300), 55000),
    "hole in the right": (SQUARE, RING, 6400),
    "island in a hole": (SQUARE, shapely.union(RING, box(40, 40, 60, 60)), 6800),
    "hole filled exactly": (box(20, 20, 80, 80), RING, 0),
    "L on L": (
        Polygon([(0, 0), (100, 0), (100, 40), (40, 40), (40, 100), (0, 100)]),
        Polygon([(20, 20), (120, 20), (120, 120), (80, 120), (80, 60), (20, 60)]),
        2000,
    ),
    "multipart": (shapely.union(box(0, 0, 10, 10), box(20, 0, 30, 10)), box(5, 0, 25, 10), 100),
    "common edge": (SQUARE, box(100, 0, 200, 100), 0),
    "part of an edge": (SQUARE, box(100, 30, 200, 60), 0),
    "common corner": (SQUARE, box(100, 100, 200, 200), 0),
    "edge and land": (SQUARE, Polygon([(100, 0), (150, 50), (100, 100), (90, 50)]), 500),
    "apart": (SQUARE, box(500, 500, 600, 600), 0),
    "triangle": (SQUARE, Polygon([(0, 0), (200, 0), (0, 200)]), 10000),
    "corner cut off": (SQUARE, Polygon([(100, 50), (100, 100), (50, 100)]), 1250),
}


@pytest.mark.parametrize(("one", "other", "area"), CASES.values(), ids=list(CASES))
def test_areas_counted_by_hand(one, other, area):
    for left, right in ((one, other), (other, one)):
        pieces = intersect(geoms(left), geoms(right))
        assert len(pieces) == (area > 0)
        assert pieces.area.sum() == pytest.approx(area, abs=1e-9)
        assert not pieces.recomputed.any()
        assert np.isin(shapely.get_type_id(pieces.geoms), [3, 6]).all()
        rest, redone = remainder(geoms(left), union_by(pieces.geoms, pieces.left, 1))
        assert not redone.any()
        assert shapely.area(rest)[0] == pytest.approx(left.area - area, abs=1e-9)


def test_rows_are_those_of_the_inputs():
    left = geoms(box(0, 0, 10, 10), None, box(20, 0, 30, 10), box(90, 90, 99, 99))
    right = geoms(box(25, 0, 40, 10), None, box(5, 0, 22, 10))
    pieces = intersect(left, right)
    assert list(zip(pieces.left, pieces.right, pieces.area, strict=True)) == [(0, 2, 50), (2, 0, 50), (2, 2, 20)]


def test_nothing_on_either_side():
    some, none = geoms(SQUARE), np.empty(0, dtype=object)
    for left, right in ((some, none), (none, some), (none, none), (geoms(None), some)):
        assert len(intersect(left, right)) == 0
        pieces, rows, shared = book_once(intersect(left, right))
        assert (len(pieces), len(rows), len(shared)) == (0, 0, 0)
    assert split(some, none).right.tolist() == [-1]


# --- land under several features -------------------------------------------------------------------------------------


def booked(*features, priority=None):
    pieces = intersect(geoms(SQUARE), geoms(*features))
    chosen = None if priority is None else np.array(priority)[pieces.right]
    once, rows, shared = book_once(pieces, priority=chosen)
    by_feature = dict(zip(once.right.tolist(), np.round(once.area, 9).tolist(), strict=True))
    return by_feature, dict(zip(rows.tolist(), shapely.area(shared).tolist(), strict=True))


def test_nested_goes_to_the_first():
    assert booked(SQUARE, box(20, 20, 60, 60)) == ({0: 10000}, {0: 1600})
    assert booked(box(20, 20, 60, 60), SQUARE) == ({0: 1600, 1: 8400}, {0: 1600})


def test_overlapping_goes_to_the_first():
    assert booked(box(-10, -10, 60, 110), box(40, -10, 110, 110)) == ({0: 6000, 1: 4000}, {0: 2000})


def test_three_over_each_other_share_their_land_once():
    three = [box(0, 0, 60, 100), box(40, 0, 80, 100), box(50, 0, 100, 100)]
    assert booked(*three) == ({0: 6000, 1: 2000, 2: 2000}, {0: 4000})
    assert booked(*three, priority=[3, 2, 1]) == ({0: 4000, 1: 1000, 2: 5000}, {0: 4000})


def test_neighbours_share_nothing():
    assert booked(box(0, 0, 50, 100), box(50, 0, 100, 100)) == ({0: 5000, 1: 5000}, {})


def test_parcels_do_not_take_from_each_other():
    """Two parcels over the same feature: what one has is not taken from the other."""
    pieces, rows, _ = book_once(intersect(geoms(SQUARE, SQUARE), geoms(box(0, 0, 50, 100))))
    assert pieces.area.tolist() == [5000, 5000]
    assert len(rows) == 0


def test_split_adds_up_and_names_the_rest():
    pieces = split(geoms(SQUARE, None, box(500, 0, 510, 10)), geoms(box(0, 0, 30, 100), box(20, 0, 60, 100)))
    found = list(zip(pieces.left, pieces.right, pieces.area, strict=True))
    assert found == [(0, 0, 3000), (0, 1, 3000), (0, -1, 4000), (2, -1, 100)]


def test_thin_pieces_go_to_the_largest_of_their_row():
    shapes = geoms(box(0, 0, 1, 100), box(1, 0, 100, 100), SQUARE)
    pieces = Pieces(np.array([0, 0, 1]), np.array([0, 1, 0]), shapes, np.zeros(3, bool))
    merged = absorb(pieces, np.array([True, False, True]))
    assert list(zip(merged.left, merged.right, merged.area, strict=True)) == [(0, 1, 10000), (1, 0, 10000)]


def test_union_of_groups():
    united = union_by(geoms(box(0, 0, 2, 1), box(1, 0, 3, 1), SQUARE), np.array([2, 2, 0]), 4)
    assert shapely.area(united).tolist() == [10000, 0, 3, 0]


def test_far_from_the_origin_nothing_is_snapped():
    """A point beside an edge, at eight digits: around (0, 0) of the plane the engine was 0.0027 m² off."""
    one = Polygon([(30469489.901, 4810019.8998), (30469091.6138, 4810331.4246), (30468889.057, 4810009.395)])
    other = Polygon([(30469241, 4810215), (30469191.1856, 4810253.543399999), (30469091.614, 4810331.425),
                     (30469057.8543, 4810277.753), (30468990, 4810170)])  # fmt: skip
    exact = float(intersection_area(one, other))
    left, right = geoms(one), geoms(other)
    raw = intersect(left, right)
    assert raw.area.sum() == pytest.approx(exact, abs=1e-5)
    inside, rest, _ = divide(left, raw, book_once(raw)[0])
    assert shapely.area(inside)[0] == pytest.approx(exact, abs=1e-5)
    assert shapely.area(rest)[0] == pytest.approx(float(difference_area(one, other)), abs=1e-5)
    whole = geoms(box(30468000, 4809000, 30470000, 4811000))
    raw = intersect(whole, geoms(one, other))
    inside, _, _ = divide(whole, raw, book_once(raw)[0])
    assert shapely.area(inside)[0] == pytest.approx(float(union_area(one, other)), abs=1e-5)


def test_a_hairline_is_left_over():
    """A billionth of a large parcel is more than the tolerance: 4 km² without 2e-4 m²."""
    left, right = geoms(box(0, 0, 2000, 2000)), geoms(box(1e-7, 0, 2000, 2000))
    pieces = split(left, right)
    assert pieces.right.tolist() == [0, -1]
    assert pieces.area[1] == pytest.approx(2e-4, rel=1e-6)


# --- the guard -------------------------------------------------------------------------------------------------------

#: GEOS was seen to return the whole parcel where the truth is about 0, and about 0 where it is 11.5 m².
HAIR = Polygon([(0, -50), (100, -50), (50, 0.001)])  # its tip reaches 1 mm into the square: 1e-6 m²
STRIP = box(99.885, -10, 200, 110)  # 11.5 m²


def lying(name, answer):
    """An engine whose overlay lies, except on a fixed grid."""
    honest = getattr(shapely, name)

    def lie(a, b, grid_size=None, **options):
        return honest(a, b, grid_size=grid_size, **options) if grid_size else answer(a, b)

    return lie


@pytest.mark.parametrize(
    ("other", "area", "answer"),
    [
        (HAIR, 0.0, lambda a, b: a),
        (STRIP, 11.5, lambda a, b: np.full(len(a), Polygon(), dtype=object)),
        (STRIP, 11.5, lambda a, b: a),
        (box(50, 50, 150, 150), 2500.0, lambda a, b: a),
        (box(50, 50, 150, 150), 2500.0, lambda a, b: b),
        (box(-1, -1, 101, 99), 9900.0, lambda a, b: np.full(len(a), Polygon(), dtype=object)),
    ],
    ids=["whole for nothing", "nothing for 11.5", "whole for 11.5", "whole left", "whole right", "nothing for much"],
)
def test_a_wrong_intersection_is_found_and_replaced(monkeypatch, other, area, answer):
    monkeypatch.setattr(shapely, "intersection", lying("intersection", answer))
    pieces = intersect(geoms(SQUARE), geoms(other))
    assert pieces.area.sum() == pytest.approx(area, abs=1e-3)
    assert pieces.recomputed.all()


def test_a_right_cut_is_never_called_recomputed():
    pieces = intersect(geoms(SQUARE), geoms(HAIR, STRIP, box(0.001, 0, 100, 101)))
    assert not pieces.recomputed.any()


@pytest.mark.parametrize("answer", [lambda a, b: a, lambda a, b: b], ids=["all of it", "the other"])
def test_a_wrong_difference_is_found_and_replaced(monkeypatch, answer):
    monkeypatch.setattr(shapely, "difference", lying("difference", answer))
    rest, redone = remainder(geoms(SQUARE), geoms(box(0, 0, 30, 100)))
    assert redone.all()
    assert shapely.area(rest)[0] == pytest.approx(7000, abs=1e-3)
    once, _, _ = book_once(intersect(geoms(SQUARE), geoms(box(0, 0, 60, 100), box(40, 0, 100, 100))))
    assert once.area.tolist() == pytest.approx([6000, 4000], abs=1e-3)
    assert once.recomputed.tolist() == [False, True]


def test_a_wrong_share_of_common_land_is_found_and_replaced(monkeypatch):
    pieces = intersect(geoms(SQUARE), geoms(box(0, 0, 60, 100), box(40, 0, 100, 100)))
    monkeypatch.setattr(shapely, "intersection", lying("intersection", lambda a, b: a))
    _, _, shared = book_once(pieces)
    assert shapely.area(shared)[0] == pytest.approx(2000, abs=1e-3)


@pytest.mark.parametrize("which", [0, 1])
def test_a_wrong_union_is_found_and_replaced(monkeypatch, which):
    """The engine forgets one of two features when it unites them."""
    features = geoms(box(0, 0, 50, 100), box(50, 0, 100, 50))
    honest = shapely.union_all
    answers = [features[which : which + 1]]

    def lie(geometries, grid_size=None, axis=None):
        return answers.pop() if answers else honest(geometries, grid_size=grid_size, axis=axis)

    raw = intersect(geoms(SQUARE), features)
    monkeypatch.setattr(shapely, "union_all", lie)
    inside, _, redone = divide(geoms(SQUARE), raw, raw)
    assert shapely.area(inside)[0] == pytest.approx(7500, abs=1e-3)
    assert redone.all()


def test_divide():
    left = geoms(SQUARE, box(200, 0, 210, 10), box(0, 0, 50, 50))
    right = geoms(box(0, 0, 60, 100), box(40, 0, 80, 100), box(0, 0, 90, 9))
    raw = intersect(left, right)
    inside, rest, redone = divide(left, raw, book_once(raw)[0])
    assert shapely.area(inside).tolist() == [8090, 0, 2500]
    assert shapely.area(rest).tolist() == [1910, 100, 0]
    assert not redone.any()


def test_the_rest_has_no_hairline_along_the_outline():
    """Cut at rounded vertices, a slanting parcel would keep a hairline to the far end of its edges."""
    turn = np.array([[0.8, 0.6], [-0.6, 0.8]])
    left, right = (
        geoms(shapely.transform(shape, lambda xy: xy @ turn + [3333.3, 77777.7]))
        for shape in (box(0, 0, 60, 50), box(-100, 0.003, 200, 200))
    )
    raw = intersect(left, right)
    _, rest, _ = divide(left, raw, raw)
    assert shapely.length(rest)[0] == pytest.approx(120.006, abs=1e-6)


def test_only_alarms_are_cut_twice(monkeypatch):
    """The grid is no better than the first cut: what raised no alarm keeps it, bit by bit."""
    left, right = geoms(SQUARE, SQUARE), geoms(Polygon([(50, -10), (90.3, 110), (30.7, 110)]), STRIP)
    first = shapely.intersection(left[0], right[0])
    seen = []
    honest = shapely.intersection

    def watched(a, b, grid_size=None, **options):
        seen.append((len(a), grid_size))
        return honest(a, b, grid_size=grid_size, **options)

    monkeypatch.setattr(shapely, "intersection", watched)
    assert intersect(left[:1], right[:1]).geoms[0].equals_exact(first)
    assert (1, None) in seen
    assert not any(size for size, grid in seen if grid == GUARD_GRID_M)
