"""How work is dealt out: every row once, in order, to as many threads as are worth it."""

import numpy as np
import pytest

from controllines.workers import LEAST, Workers


@pytest.mark.parametrize(("count", "chunks"), [(0, 1), (2 * LEAST - 1, 1), (2 * LEAST, 2), (1000, 2), (2000, 4)])
def test_rows_are_dealt_out(count, chunks):
    dealt = Workers(threads=2, chunk=512).deal(count)
    assert len(dealt) == chunks
    assert np.concatenate(dealt).tolist() == list(range(count))
    assert max(map(len, dealt)) <= 512


@pytest.mark.parametrize("items", [[], [3], [3, 1, 2]])
def test_answers_come_in_order(items):
    with Workers(threads=2).pool() as each:
        assert list(each(lambda item: item + 1, items)) == [item + 1 for item in items]
