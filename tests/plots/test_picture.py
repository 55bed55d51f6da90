"""A picture: its font is found or its lack is named, its file is a PNG of the size asked for."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib.image
import pytest
from matplotlib.patches import Patch

from controllines.errors import OutputError
from controllines.plots import Scene, draw_map, picture
from tests.plots.conftest import LAND, lonlat


def test_no_font_is_a_coded_error(monkeypatch: pytest.MonkeyPatch) -> None:
    picture.chinese_font.cache_clear()
    monkeypatch.setattr(picture, "FAMILIES", ("没有这种字体",))
    monkeypatch.delenv(picture.FONT_VARIABLE, raising=False)
    try:
        with pytest.raises(OutputError) as caught:
            draw_map(Scene(focus=lonlat(LAND)))
        assert caught.value.finding.code == "PICTURE_NO_FONT"
        assert "没有这种字体" in str(caught.value)
    finally:
        monkeypatch.undo()
        picture.chinese_font.cache_clear()


def test_a_font_file_may_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """DejaVu comes with matplotlib; whoever names a file gets that file."""
    file = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    picture.chinese_font.cache_clear()
    monkeypatch.setenv(picture.FONT_VARIABLE, str(file))
    try:
        assert picture.chinese_font() == "DejaVu Sans"
    finally:
        picture.chinese_font.cache_clear()


def test_size_in_millimetres_and_resolution(tmp_path: Path) -> None:
    made = picture.blank(127, 63.5)  # 5 by 2.5 inches
    path = made.save(tmp_path / "图.png", dpi=40)
    assert matplotlib.image.imread(path).shape[:2] == (100, 200)
    assert path.read_bytes() == made.png(dpi=40)  # neither clock nor version in it


def test_text_and_legend_are_read_as_they_stand() -> None:
    """Neither a dollar sign nor a caret is mathematics: a name like $x^ would break the picture."""
    made = picture.blank(50, 50)
    ax = made.add_axes((0, 0, 1, 1))
    words = picture.text(ax, 0.5, 0.5, "$x^")
    legend = picture.legend(ax, [Patch(label="$y^")])
    assert not words.get_parse_math()
    assert [item.get_parse_math() for item in legend.get_texts()] == [False]
    assert made.png(dpi=20).startswith(b"\x89PNG")


def test_the_first_family_that_is_there_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(picture.FONT_VARIABLE, raising=False)
    monkeypatch.setattr(picture, "FAMILIES", ("没有这种字体", "DejaVu Sans", "DejaVu Serif"))
    picture.chinese_font.cache_clear()
    try:
        assert picture.chinese_font() == "DejaVu Sans"
    finally:
        picture.chinese_font.cache_clear()


def test_a_notebook_shows_the_picture() -> None:
    """An inch and a half: 110 dots each in a notebook, 200 in a file."""
    made = picture.blank(25.4, 38.1)
    shown, saved = (matplotlib.image.imread(io.BytesIO(data)) for data in (made._repr_png_(), made.png()))
    assert shown.shape[:2] == pytest.approx((165, 110), abs=1)  # matplotlib 3.10 rounds down
    assert saved.shape[:2] == pytest.approx((300, 200), abs=1)
