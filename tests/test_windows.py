"""Windows: what of a layer lies near the land, the same from memory and from tiles, and cut again where cut wrongly."""

import numpy as np
import pytest
import shapely

from controllines import windows as room
from controllines.overlay import book_once, divide, intersect
from controllines.tiles import arranged, tiles_of
from controllines.windows import WINDOW_M, Geometries, Near, box_of, cut_off, holds, in_windows, near, windows
from controllines.workers import Workers
from tests.builders import jagged
from tests.test_tiles import SHAPES


def geoms(*shapes):
    return np.array(shapes, dtype=object)


def boxes(*corners):
    return np.array(corners, dtype=float)


def pairs(found):
    return list(zip(found.left.tolist(), found.right.tolist(), strict=True))


# --- where to look ----------------------------------------------------------------------------------------------------


def test_windows_reach_beyond_the_land_and_its_surroundings():
    land = geoms(shapely.box(0, 0, 10, 20), None, shapely.Polygon())
    (one, *none) = windows(land, 100)
    margin = 100 + WINDOW_M
    assert one.tolist() == [-margin, -margin, 10 + margin, 20 + margin]
    assert np.isnan(none).all()
    assert windows(land)[0].tolist() == [-WINDOW_M, -WINDOW_M, 10 + WINDOW_M, 20 + WINDOW_M]


def test_the_box_around_a_layer_leaves_out_rows_without_land():
    shapes = geoms(shapely.box(0, 0, 1, 1), None, shapely.Polygon(), shapely.box(5, -3, 6, 0))
    for layer in (Geometries(shapes), arranged([tiles_of(shapes)])):
        assert box_of(layer).bounds == (0, -3, 6, 1)
    for layer in (Geometries(geoms(None)), arranged([tiles_of(geoms(None))])):
        assert box_of(layer).is_empty


def test_a_box_holds_what_does_not_stick_out():
    outer = boxes([0, 0, 10, 10])
    inner = boxes([0, 0, 10, 10], [1, 1, 2, 2], [1, 1, 10.001, 2], [-0.001, 1, 2, 2], [20, 20, 21, 21])
    assert holds(outer, inner).tolist() == [True, True, False, False, False]


# --- pairs ------------------------------------------------------------------------------------------------------------


def test_pairs_are_sorted_and_what_is_missing_has_none():
    layer = geoms(shapely.box(0, 0, 100, 100), None, shapely.box(50, 0, 60, 10), shapely.box(500, 0, 600, 10))
    looked = boxes([55, 1, 58, 4], [np.nan] * 4, [40, 0, 52, 5], [510, 1, 520, 4], [900, 0, 910, 10])
    for shapes in (Geometries(layer), arranged([tiles_of(layer)])):
        assert pairs(near(shapes, looked)) == [(0, 0), (0, 2), (2, 0), (2, 2), (3, 3)]
    nothing = near(Geometries(layer), boxes([np.nan] * 4))
    assert len(nothing) == len(near(arranged([tiles_of(layer)]), boxes([np.nan] * 4))) == 0


def test_pairs_of_some_land_are_numbered_anew():
    shapes = geoms(*(shapely.box(n, 0, n + 1, 1) for n in range(5)))
    found = Near(np.array([0, 2, 2, 3, 7]), np.array([4, 0, 1, 1, 3]), shapes, np.array([1, 0, 0, 1, 0], bool))
    own = found.of(np.array([7, 2]))
    assert pairs(own) == [(0, 3), (1, 0), (1, 1)]
    assert own.geoms.tolist() == shapes[[4, 1, 2]].tolist()
    assert own.full.tolist() == [False, False, False]
    assert pairs(found.of(np.array([5, 100]))) == []  # land that nothing lies near
    assert pairs(found.take(found.full)) == [(0, 4), (3, 1)]


def test_small_features_stay_whole_and_large_ones_are_cut_off():
    small, large = shapely.box(0, 0, 1000, 1000), jagged(1, room.LARGE)
    window = boxes([-400, 1200, 300, 2100])
    found = near(Geometries(geoms(small, large)), windows(shapely.box(*window.T)))
    assert pairs(found) == [(0, 1)]
    assert shapely.get_num_coordinates(found.geoms[0]) < 500
    assert near(Geometries(geoms(small)), boxes([900, 900, 950, 950])).geoms[0] is small


@pytest.mark.parametrize("way", ["memory", "halved first", "tiles", "tiles by themselves"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
def test_as_much_as_lies_in_the_window(shape, way, monkeypatch):
    rng = np.random.default_rng(5)
    low, high = np.reshape(shape.bounds, (2, 2))
    corner = rng.uniform(low - 0.1 * (high - low), high, (60, 2))
    looked = np.hstack([corner, corner + rng.uniform(0.01, 0.2, (60, 2)) * (high - low)])
    monkeypatch.setattr(room, "LARGE", 100)
    monkeypatch.setattr(room, "FEW", 4)
    monkeypatch.setattr(room, "MIDDLING", 0 if way == "halved first" else 20_000)
    layer = arranged([tiles_of(geoms(shape), most=64)]) if way.startswith("tiles") else Geometries(geoms(shape))
    found = near(layer, looked, joined=way != "tiles by themselves")
    drawn = shapely.box(*looked.T)
    area = np.bincount(found.left, shapely.area(shapely.intersection(found.geoms, drawn[found.left])), len(looked))
    true = shapely.area(shapely.intersection(shape, drawn))
    np.testing.assert_allclose(area, true, rtol=1e-9, atol=1e-9 * shape.area)
    assert (shapely.covers(shape, drawn[found.left[found.full]])).all()
    assert 0 < len(np.unique(found.left)) < len(looked)


@pytest.mark.parametrize("tiled", [False, True])
def test_threads_change_no_bit(tiled):
    layer = geoms(jagged(1, 6000), jagged(2, 3000, at=(9000, 100)))
    shapes = arranged([tiles_of(layer, most=64)]) if tiled else Geometries(layer)
    corner = np.random.default_rng(1).uniform(-6000, 12_000, (200, 2))
    looked = np.hstack([corner, corner + 500])
    alone = near(shapes, looked)
    with Workers(threads=3).pool() as each:
        together = near(shapes, looked, each=each)
    assert pairs(together) == pairs(alone)
    assert shapely.to_wkb(together.geoms).tolist() == shapely.to_wkb(alone.geoms).tolist()


# --- cutting off ------------------------------------------------------------------------------------------------------


def test_inside_outside_and_across_an_outline():
    ring = shapely.box(0, 0, 1000, 1000) - shapely.box(400, 400, 600, 600)
    looked = boxes([100, 100, 200, 200], [450, 450, 550, 550], [2000, 0, 2100, 100], [350, 450, 450, 550],
                   [-50, -50, 1050, 1050])  # fmt: skip
    inside, hole, away, across, around = in_windows(ring, looked)
    assert shapely.equals(inside, shapely.box(100, 100, 200, 200))
    assert hole.is_empty
    assert away.is_empty
    assert across.area == 50 * 100
    assert around.area == 1_000_000 - 40_000


def test_what_only_touches_the_window_is_nothing_and_what_covers_it_is_all():
    shapes = geoms(shapely.box(0, 0, 10, 10), shapely.box(10, 10, 20, 20), shapely.box(-9, -9, 99, 99))
    found = cut_off(shapes, boxes([10, 0, 20, 10], [0, 0, 10, 10], [0, 0, 10, 10]))
    assert shapely.area(found).tolist() == [0, 0, 100]
    assert len(cut_off(geoms(), np.empty((0, 4)))) == 0


def test_a_window_that_the_engine_gives_up_on():
    """A tile one step wide in eight-digit coordinates: clip_by_rect raises."""
    step = shapely.Polygon([(30453510.43999999, 4762418.049999999), (30453440.440000005, 4762418.05),
                            (30453510.43999999, 4762418.05)])  # fmt: skip
    window = np.array([[30453088.707949203, 4762066.3179492, 30453442.1720508, 4762419.7820508]])
    with pytest.raises(shapely.GEOSException):
        shapely.clip_by_rect(step, *window[0])
    (left,) = cut_off(geoms(step), window)
    assert left.area == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize("few", [1, 8, 10_000])
def test_large_features_are_cut_off_around_the_land_without_losing_any(few, monkeypatch):
    rng = np.random.default_rng(few)
    corners = rng.uniform(-6000, 6000, (150, 2))
    size = rng.uniform(1, 900, (150, 2))
    left = shapely.box(*corners.T, *(corners + size).T)
    right = geoms(jagged(1, 6000), jagged(2, 3000, at=(9000, 100)))
    monkeypatch.setattr(room, "LARGE", 100)
    monkeypatch.setattr(room, "FEW", few)
    cut = intersect(left, right)
    whole = shapely.area(shapely.intersection(left[:, None], right[None, :]))
    found = np.zeros_like(whole)
    found[cut.left, cut.right] = cut.area
    assert np.abs(found - whole).max() <= 1e-6
    assert (whole > 0).sum() > 60
    # what is cut off reaches beyond the land, so what lies outside it is found as well
    inside, rest, recomputed = divide(left, cut, book_once(cut)[0])
    assert shapely.area(inside) + shapely.area(rest) == pytest.approx(shapely.area(left), rel=1e-9)
    assert not recomputed.any()


def test_tiles_that_fill_a_window_are_one_pair():
    """Inside a feature nothing is joined or cut, wherever its tiles were cut; beside its outline all of it counts."""
    feature = jagged(4, 6000)
    boxes = np.array([[1500.3, 1500, 2600, 2500], [-4000, -4000, 4000, 4000], [9000, 9000, 9100, 9100]])
    drawn = shapely.box(*boxes.T)
    tiles = arranged([tiles_of(geoms(feature), most=64)])
    assert len(tiles.meeting(boxes[:1])[1]) > 1
    for joined in (True, False):
        found = room.near(tiles, boxes, joined=joined)
        inner = found.take(found.left == 0)
        assert inner.full.tolist() == [True]
        assert shapely.equals(inner.geoms[0], drawn[0])
        outer = found.take(found.left == 1)
        assert not outer.full.any()
        assert shapely.area(outer.geoms).sum() == pytest.approx(shapely.intersection(feature, drawn[1]).area, rel=1e-9)
        assert not (found.left == 2).any()


def test_a_window_the_engine_cuts_wrongly_is_cut_again(monkeypatch):
    """clip_by_rect does not promise a valid answer, nor all the land."""
    monkeypatch.setattr(room, "LARGE", 100)
    monkeypatch.setattr(room, "FEW", 1)
    bowtie = shapely.Polygon([(0, 0), (9, 9), (9, 0), (0, 9)])
    feature = jagged(3, 4000)
    monkeypatch.setattr(room.shapely, "clip_by_rect", lambda geom, *box: bowtie)
    left = geoms(shapely.box(1500, 1500, 2500, 2500), shapely.box(-2500, 1500, -1500, 2500))
    true = shapely.area(shapely.intersection(left, feature))
    assert intersect(left, geoms(feature)).area == pytest.approx(true, rel=1e-12)
