"""Charts: every value is drawn and written, a unit without data looks like none."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from controllines.plots import bars, choropleth
from tests.plots.conftest import LAND, lonlat, patches, written


def test_bars_show_every_value_and_no_data() -> None:
    made = bars(
        ["甲乡", "乙镇"], [("permanent_farmland", "永久基本农田", np.array([12.5, np.nan]))], title="面积", unit="公顷"
    )
    assert [rect.get_width() for rect in made.axes[0].patches] == [12.5, 0]
    texts = written(made)
    assert " 12.50" in texts
    assert " —" in texts


def test_choropleth_hatches_units_without_data() -> None:
    units = lonlat(LAND, shapely.box(26_543_300, 4_405_000, 26_543_600, 4_405_200))
    made = choropleth(units, np.array([0.0, np.nan]), ["甲乡", "乙镇"], title="面积", unit="公顷")
    drawn = patches(made)
    assert [patch.get_hatch() for patch in drawn] == [None, "////"]
    assert {"甲乡", "乙镇"} <= set(written(made))


def test_bars_of_one_unit_stand_together_and_the_first_unit_is_on_top() -> None:
    lines = [("permanent_farmland", "永久基本农田", np.array([1.0, 2.0])),
             ("ecological_redline", "生态保护红线", np.array([3.0, 1234.5]))]  # fmt: skip
    made = bars(["甲乡", "乙镇"], lines, title="面积", unit="公顷", notes="数据来源")
    ax = made.axes[0]
    middles = [rect.get_y() + rect.get_height() / 2 for rect in ax.patches]
    assert middles == pytest.approx([-0.2, 0.8, 0.2, 1.2])  # farmland of both units, then the redline beneath it
    low, high = ax.get_ylim()
    assert low > high  # the axis runs down the page
    assert [label.get_text() for label in ax.get_yticklabels()] == ["甲乡", "乙镇"]
    assert " 1,234.50" in written(made)
    assert [item.get_text() for item in ax.get_legend().get_texts()] == ["永久基本农田", "生态保护红线"]
    assert "数据来源" in [item.get_text() for item in made.texts]


def test_bars_without_any_line_are_empty_and_not_an_error() -> None:
    assert len(bars(["甲乡"], [], title="面积", unit="公顷").axes[0].patches) == 0


def test_classes_of_a_choropleth_have_equal_range() -> None:
    """0 is white; the greatest value is in the darkest of five classes, and one just below a fifth in the lightest."""
    boxes = [shapely.box(26_543_000 + 300 * n, 4_405_000, 26_543_300 + 300 * n, 4_405_200) for n in range(4)]
    made = choropleth(lonlat(*boxes), np.array([0, 1.9, 5, 10]), list("甲乙丙丁"), title="面积", unit="公顷")
    fills = [patch.get_facecolor() for patch in patches(made)]
    assert fills[0] == (1, 1, 1, 1)
    assert [fill[3] for fill in fills[1:]] == pytest.approx([0.12, 0.12 + 0.17 * 2, 0.12 + 0.17 * 4])
    words = [item.get_text() for item in made.axes[0].get_legend().get_texts()]
    assert words == ["0.00—2.00", "2.00—4.00", "4.00—6.00", "6.00—8.00", "8.00—10.00", "没有"]
