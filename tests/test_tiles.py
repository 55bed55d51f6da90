"""Tiles: nothing is lost, cuts leave no trace, and where they lie depends on the polygon alone."""

import numpy as np
import pytest
import shapely

from controllines import tiles as room
from controllines.tiles import MOST, Tiles, arranged, hilbert_order, join, tiles_of
from tests.builders import jagged


def geoms(*shapes):
    return np.array(shapes, dtype=object)


def comb(teeth):
    """A comb whose teeth all end on one line: many pieces on either side of a cut."""
    xy = [(x, y) for n in range(teeth) for x, y in [(4 * n, 0), (4 * n, 100), (4 * n + 2, 100), (4 * n + 2, 3)]]
    return shapely.Polygon([(-1, -5), *xy, (4 * teeth, -5)])


#: Vertices on the middle of the box, edges along it, many crossings, parts and holes.
SHAPES = {
    "rough": jagged(1, 5000),
    "far from the origin": jagged(2, 3000, at=(48_000, -61_000)),
    "comb": comb(300),
    "level edges on the cuts": shapely.segmentize(shapely.union_all([shapely.box(0, 0, 64, 64),
                                                                     shapely.box(32, 32, 128, 96)]), 0.25),
    "several parts": shapely.union_all(
        [jagged(3, 2000), jagged(4, 900, at=(30_000, 0)), shapely.box(0, 9000, 9, 9009)]),
    "holes on a grid": shapely.difference(shapely.box(0, 0, 64, 64), shapely.union_all(
        [shapely.box(x, y, x + 2, y + 2) for x in range(1, 64, 4) for y in range(1, 64, 4)])),
}  # fmt: skip


def rings(geom):
    """Parts and holes of a polygon: cutting and joining makes neither."""
    parts = shapely.get_parts(geom)
    return len(parts), int(shapely.get_num_interior_rings(parts).sum())


@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
def test_nothing_is_lost_and_the_cuts_disappear(shape):
    tiles = arranged([tiles_of(geoms(shape))])
    cut = tiles.geoms(np.arange(len(tiles)))
    assert len(tiles) > 4
    assert shapely.is_valid(cut).all()
    assert tiles.area == pytest.approx(shapely.area(cut), rel=1e-12)
    assert tiles.area.sum() == pytest.approx(shape.area, rel=1e-12)
    assert shapely.get_num_coordinates(cut).max() <= 2 * MOST
    joined = shapely.coverage_union_all(cut)
    assert rings(joined) == rings(shape)
    assert shapely.is_valid(joined)
    assert shapely.length(joined) == pytest.approx(shapely.length(shape), rel=1e-12)
    drawn, found = ({tuple(xy) for xy in shapely.get_coordinates(each).tolist()} for each in (shape, joined))
    # what is new lies where an edge meets a cut, what is gone on a straight edge along one
    for points, other in ((found - drawn, shape), (drawn - found, joined)):
        outline = shapely.boundary(other)
        shapely.prepare(outline)
        assert shapely.dwithin(shapely.points(np.reshape(sorted(points), (-1, 2))), outline, 1e-9).all()


@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
def test_what_windows_leave_of_tiles_joins_without_the_slow_way(shape, monkeypatch):
    monkeypatch.setattr(room.shapely, "union_all", lambda *a, **k: pytest.fail("joined by the slow way")
                        if np.size(a[0]) else np.empty(0, dtype=object))  # fmt: skip
    tiles = arranged([tiles_of(geoms(shape))])
    rng = np.random.default_rng(5)
    low, high = np.reshape(shape.bounds, (2, 2))
    corner = rng.uniform(low, high, (80, 2))
    boxes = np.hstack([corner, corner + rng.uniform(0.01, 0.4, (80, 2)) * (high - low)])
    box, tile = tiles.meeting(boxes)
    cut = tiles.geoms(tile)
    clipped = geoms(*(shapely.clip_by_rect(g, *boxes[n]) for n, g in zip(box, cut, strict=True)))
    keep = shapely.area(clipped) > 0
    found = join(room.polygonal(clipped[keep]), box[keep], len(boxes))
    true = shapely.intersection(shape, shapely.box(*boxes.T))
    assert shapely.area(found) == pytest.approx(shapely.area(true), rel=1e-10, abs=1e-7)
    inside = shapely.area(true) > 0
    assert shapely.length(found[inside]) == pytest.approx(shapely.length(room.polygonal(true[inside])), rel=1e-9)


def test_rows_without_land_have_no_tiles_and_a_rectangle_knows_itself():
    layer = geoms(None, shapely.box(0, 0, 2, 1), shapely.Polygon(), shapely.Polygon([(0, 0), (9, 0), (0, 9)]))
    tiles = tiles_of(layer, first=10)
    assert tiles.owner.tolist() == [11, 13]
    assert tiles.rectangle.tolist() == [True, False]
    assert tiles.count == 14
    assert len(tiles_of(geoms(None))) == 0


def test_the_boxes_find_what_a_tree_finds():
    rng = np.random.default_rng(8)
    corner = rng.uniform(0, 1000, (3000, 2))
    squares = shapely.box(*corner.T, *(corner + 9).T)
    tiles = arranged([tiles_of(squares)])
    for count in (1, 40, 2500):
        at = rng.uniform(0, 1000, (count, 2))
        boxes = np.hstack([at, at + 20])
        box, tile = tiles.meeting(boxes)
        tree = shapely.STRtree(squares).query(shapely.box(*boxes.T))
        assert set(zip(box.tolist(), tiles.owner[tile].tolist(), strict=True)) == set(zip(*tree.tolist(), strict=True))
        assert (np.diff(box) >= 0).all()


def same(one: Tiles, other: Tiles) -> bool:
    names = ("xy", "rings", "tiles", "bounds", "owner", "area", "rectangle", "blocks")
    return all(getattr(one, name).tobytes() == getattr(other, name).tobytes() for name in names)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_the_cuts_do_not_depend_on_the_blocks_they_are_made_in(size):
    layer = geoms(*SHAPES.values(), None)
    whole = arranged([tiles_of(layer)])
    starts = range(0, len(layer), size)
    assert same(whole, arranged([tiles_of(layer[n : n + size], first=n) for n in starts]))


def test_a_lying_clip_is_found_and_cut_again(monkeypatch):
    """clip_by_rect does not promise all the land, nor a valid answer."""
    honest = shapely.clip_by_rect
    shape = jagged(6, 1500)
    bowtie = shapely.Polygon([(0, 0), (9, 9), (9, 0), (0, 9)])
    lies = (
        lambda g, *box: shapely.Polygon(),
        lambda g, *box: shapely.transform(honest(g, *box), lambda xy: xy * (1 - 1e-8)),
        lambda g, *box: bowtie,
    )
    for lie in lies:
        monkeypatch.setattr(room.shapely, "clip_by_rect", lie)
        tiles = tiles_of(geoms(shape))
        assert tiles.area.sum() == pytest.approx(shape.area, rel=1e-12)
        assert shapely.is_valid(tiles.geoms(np.arange(len(tiles)))).all()


def test_a_lying_join_is_found_and_done_again(monkeypatch):
    monkeypatch.setattr(room.shapely, "coverage_union_all", lambda g, axis: geoms(*(each[0].geoms[0] for each in g)))
    joined = join(geoms(shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)), np.array([0, 0]), 1)
    assert joined[0].equals(shapely.box(0, 0, 2, 1))


def test_neighbours_along_the_curve_are_neighbours_in_the_plane():
    """The definition of the curve: it meets all cells of a square grid, each next to the one before."""
    x, y = np.meshgrid(np.arange(16.0), np.arange(16.0))
    cells = np.column_stack([x.ravel(), y.ravel()])
    order = hilbert_order(np.hstack([cells, cells]) * (2**16 - 1) / 15)
    steps = np.abs(np.diff(cells[order], axis=0)).sum(axis=1)
    assert (steps == 1).all()
