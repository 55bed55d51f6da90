"""Looks of lines: the same everywhere, told apart, and complete for whoever draws them."""

import re

import pytest

from controllines.kinds import three_lines
from controllines.report.model import CLASSES
from controllines.styles import style_of, styles

COLOUR = re.compile("#[0-9a-f]{6}")
SPARE = styles()["spare"]


@pytest.mark.parametrize("kind", [*three_lines(), "nature_reserve"])
def test_a_line_has_colours_and_an_opacity(kind: str) -> None:
    look = style_of(kind)
    assert COLOUR.fullmatch(look["line"])
    assert COLOUR.fullmatch(look["fill"])
    assert 0 < look["opacity"] <= 1


def test_the_three_lines_and_the_spare_colours_are_told_apart() -> None:
    own = [style_of(kind)["line"] for kind in three_lines()]
    assert len({*own, *SPARE}) == 3 + len(SPARE)
    assert all(COLOUR.fullmatch(colour) for colour in SPARE)


def test_lines_without_a_look_take_the_spare_colours_in_turn() -> None:
    looks = [style_of("custom:x", position)["line"] for position in range(len(SPARE) + 1)]
    assert looks == [*SPARE, SPARE[0]]
    assert style_of("custom:x")["line"] == SPARE[0]
    assert style_of("ecological_redline", 3) == style_of("ecological_redline")  # its own, wherever it stands


def test_whoever_changes_a_look_changes_nobody_elses() -> None:
    style_of("ecological_redline")["line"] = "#000000"
    assert style_of("ecological_redline")["line"] != "#000000"


@pytest.mark.parametrize("look", CLASSES)
def test_every_class_of_parcels_has_a_look(look: str) -> None:
    assert COLOUR.fullmatch(styles()["looks"][look]["line"])
