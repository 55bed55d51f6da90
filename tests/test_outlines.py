"""Outlines: windows are met, filled or missed as exact predicates say."""

import numpy as np
import pytest
import shapely

from controllines.outlines import Outline
from tests.test_tiles import SHAPES


@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
def test_windows_are_told_apart_as_the_predicates_do(shape):
    rng = np.random.default_rng(3)
    low, high = np.reshape(shape.bounds, (2, 2))
    corner = rng.uniform(low - 0.1 * (high - low), high, (400, 2))
    boxes = np.hstack([corner, corner + rng.uniform(1e-4, 0.1, (400, 2)) * (high - low)])
    drawn = shapely.box(*boxes.T)
    outline = Outline(shape)
    met = outline.in_boxes(boxes)
    assert (met == shapely.intersects(drawn, shapely.boundary(shape))).all()
    clear = ~met
    inside = outline.holds((boxes[clear, :2] + boxes[clear, 2:]) / 2)
    assert (inside == shapely.covers(shape, drawn[clear])).all()
    assert 0 < inside.sum() < clear.sum() < 400


def test_an_edge_without_a_vertex_in_the_window_is_found():
    outline = Outline(shapely.box(0, 0, 1000, 1000))
    boxes = np.array([[-5.0, 400, 5, 410], [400, 400, 410, 410], [1000, 0, 1010, 10], [1001, 0, 1010, 10]])
    assert outline.in_boxes(boxes).tolist() == [True, False, True, False]
    assert outline.holds(np.array([[500.0, 500], [-1, 500], [1001, 500]])).tolist() == [True, False, False]


def test_what_leads_from_ring_to_ring_is_no_edge():
    shape = shapely.union_all([shapely.box(0, 0, 10, 10), shapely.box(90, 0, 100, 10)])
    assert not Outline(shape).in_boxes(np.array([[40.0, 0, 60, 10]])).any()
