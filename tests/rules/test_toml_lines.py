"""Where a key stands in a TOML text."""

from __future__ import annotations

from controllines.rules.toml_lines import key_lines, line_of


def test_lines_of_keys() -> None:
    lines = key_lines(
        'a = 1\n[b.c]\nd.e = 2\n"f g" = 3\nlist = [\n  { x = 1 },\n  { x = 2 },\n]\n[[h]]\ni = 4\n[[h]]\ni = 5\n'
    )
    assert line_of(lines, ("a",)) == 1
    assert line_of(lines, ("b", "c", "d", "e")) == 3
    assert line_of(lines, ("b", "c", "f g")) == 4
    assert line_of(lines, ("b", "c", "list", 1, "x")) == 7
    assert line_of(lines, ("h", 1, "i")) == 12
    assert line_of(lines, ("h", 1, "j")) == 11
    assert line_of(lines, ("z",)) == 1


def test_comments_and_text_behind_a_table_do_not_move_it() -> None:
    lines = key_lines('# a = 1\n\n[a]  # the first\n  b = "[c]"\n[ "x y" . z ]\n')
    assert lines == {("a",): 3, ("a", "b"): 4, ("x y", "z"): 5}


def test_the_line_of_the_nearest_table_stands_for_what_is_in_it() -> None:
    lines = key_lines("[rules.A]\nbasis = [{ document = 1 }]\n")
    assert line_of(lines, ("rules", "A", "basis", 0, "document")) == 2
    assert line_of(lines, ("rules", "A", "title")) == 1
    assert line_of({}, ("rules", "A")) == 1
