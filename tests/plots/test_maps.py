"""Location pictures: what is drawn lies where it should, and every glyph is there (a missing one is an error)."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from controllines.plots import Scene, draw_map
from tests.plots.conftest import FIELD, LAND, NAMES, lonlat, patches, written


def scene() -> Scene:
    part = shapely.intersection(LAND, FIELD)
    return Scene(focus=lonlat(LAND), lines={"permanent_farmland": lonlat(FIELD)}, names=NAMES,
                 conflicts={"permanent_farmland": lonlat(part), "urban_boundary": lonlat(LAND)},
                 within=frozenset({"urban_boundary"}), labels=("1",), caption="示意图")  # fmt: skip


def test_shapes_lie_at_their_coordinates_in_metres() -> None:
    made = draw_map(scene())
    boxes = [np.array([p.get_path().vertices.min(axis=0), p.get_path().vertices.max(axis=0)]) for p in patches(made)]
    assert any(np.allclose(box, [[26_543_000, 4_405_000], [26_543_300, 4_405_200]], atol=0.01) for box in boxes)
    assert any(np.allclose(box, [[26_543_200, 4_405_000], [26_543_300, 4_405_200]], atol=0.01) for box in boxes)
    low, high = made.axes[0].get_xlim()
    assert low < 26_543_000
    assert high > 26_543_300
    assert high - low < 5 * 300


def test_conflict_and_outside_differ_in_hatch_and_name() -> None:
    made = draw_map(scene())
    hatches = {patch.get_hatch() for patch in patches(made) if patch.get_hatch()}
    labels = [item.get_text() for item in made.axes[0].get_legend().get_texts()]
    assert len(hatches) == 2
    assert labels == ["申报地块", "永久基本农田", "与永久基本农田重叠部分", "城镇开发边界外部分"]


def test_png_has_ink_in_the_hatched_part_and_none_outside_all_shapes() -> None:
    from io import BytesIO

    import matplotlib.image as image

    made = draw_map(Scene(focus=lonlat(LAND), lines={"permanent_farmland": lonlat(FIELD)}, names=NAMES))
    pixels = image.imread(BytesIO(made.png(dpi=100)))
    ax = made.axes[0]

    def colour(x: float, y: float) -> np.ndarray:
        at = ax.transData.transform((x, y)) * 100 / made.dpi
        return pixels[pixels.shape[0] - 1 - int(at[1]), int(at[0]), :3]

    assert np.allclose(colour(26_543_017, 4_405_013), 1.0)  # land beside the farmland stays white
    assert not np.allclose(colour(26_543_251, 4_405_113), 1.0)  # farmland is filled


def test_holes_stay_open() -> None:
    ring = shapely.difference(LAND, shapely.box(26_543_100, 4_405_050, 26_543_200, 4_405_150))
    made = draw_map(Scene(focus=lonlat(ring), names=NAMES))
    assert patches(made)[0].get_path().to_polygons()[1].shape[0] >= 4


def test_text_is_never_read_as_mathematics() -> None:
    words = scene().names | {"permanent_farmland": "$x^2$ <b>"}
    made = draw_map(
        Scene(focus=lonlat(LAND), lines={"permanent_farmland": lonlat(FIELD)}, names=words, labels=("$1$",))
    )
    assert made.png(dpi=60)[:4] == b"\x89PNG"


@pytest.mark.parametrize("side", [1.0, 100.0, 30_000.0])
def test_scale_bar_is_a_round_length_within_the_map(side: float) -> None:
    land = shapely.box(26_500_000, 4_400_000, 26_500_000 + side, 4_400_000 + side)
    made = draw_map(Scene(focus=lonlat(land), names=NAMES))
    words = next(text for text in written(made) if text.endswith((" 米", "千米")))
    number, unit = words.split()
    metres = float(number) * (1000 if unit == "千米" else 1)
    low, high = made.axes[0].get_xlim()
    assert 0.1 * (high - low) <= metres <= 0.25 * (high - low)
    assert f"{metres:e}"[0] in "125"
