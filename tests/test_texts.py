"""Texts made fit to print: one line, nothing in them that a document cannot carry or that turns what is read."""

import math

import pandas as pd
import pytest

from controllines.texts import BACKSLASH, TomlError, one_line, toml_of, unprintable

#: what a file holds -> what is printed, whether characters were taken out
TEXTS = {
    "plain": ("博斯坦镇", "博斯坦镇", False),
    "lines and tabs are one space": ("甲\r\n\t乙", "甲 乙", False),
    "line and paragraph separators": ("甲\u2028乙\u2029丙", "甲 乙 丙", False),
    "at the ends": ("\n 甲\u3000", "甲", False),
    "bell and null": ("甲\x07\x00乙", "甲乙", True),
    "C1 control": ("甲\x9b乙", "甲乙", True),
    "lone surrogate": ("甲\ud800乙", "甲乙", True),
    "non-character": ("甲\ufffe\uffff乙", "甲乙", True),
    "override that shows txt.exe as exe.txt": ("a\u202etxt.exe", "atxt.exe", True),
    "isolate": ("\u2066甲\u2069", "甲", True),
    "beyond the first plane": ("𠮷", "𠮷", False),
    "markup is for the document to escape": ("<b>&=1+1", "<b>&=1+1", False),
}


@pytest.mark.parametrize(("text", "printed", "taken_out"), TEXTS.values(), ids=list(TEXTS))
def test_texts(text: str, printed: str, taken_out: bool) -> None:
    assert one_line(text) == printed
    assert unprintable(text) is taken_out
    assert not unprintable(one_line(text))


@pytest.mark.parametrize("null", [None, math.nan, pd.NaT, pd.NA])
def test_null_is_empty(null: object) -> None:
    assert one_line(null) == ""
    assert not unprintable(null)


def test_what_is_no_text_is_printed_as_it_is() -> None:
    assert [one_line(value) for value in (0, 12.5, False)] == ["0", "12.5", "False"]
    assert not unprintable(7)


def test_toml_as_editors_of_windows_write_it():
    assert toml_of("\ufeffpath = 'D:\\数据\\三线.gdb'\r\n".encode()) == {"path": r"D:\数据\三线.gdb"}


@pytest.mark.parametrize("path", [r"D:\数据\三线.gdb", r"D:\user\a.gdb"])
def test_a_path_between_double_quotes_is_told_how_to_be_written(path):
    with pytest.raises(TomlError) as caught:
        toml_of(f'[layers.x]\npath = "{path}"\n'.encode())
    assert "line 2" in str(caught.value)
    assert str(caught.value).endswith(BACKSLASH)


def test_text_of_another_encoding_is_told_how_to_be_saved():
    with pytest.raises(TomlError, match="编码选 UTF-8"):
        toml_of('[plan]\nname = "某县"\n'.encode("gbk"))
    with pytest.raises(TomlError, match="line 2"):
        toml_of(b"a = 1\nplan\n")
