"""Names as a format takes them: cut between characters, unique, never a way out of the folder."""

from __future__ import annotations

import pytest

from controllines.io.writers.names import cut, field_names, file_stem, unique_names, without_controls
from controllines.io.writers.sheet import Names


@pytest.mark.parametrize(("text", "encoding", "most", "kept"), [
    ("永久基本农田", "gbk", 10, "永久基本农"), ("永久基本农田", "gbk", 9, "永久基本"),
    ("永久基本农田", "utf-8", 10, "永久基"),
    ("abc", "gbk", 3, "abc"), ("𠮷a", "gb18030", 3, ""), ("a", "utf-8", 0, ""),
])  # fmt: skip
def test_cut_between_characters(text: str, encoding: str, most: int, kept: str) -> None:
    assert cut(text, encoding, most) == kept


def test_field_names_of_a_shapefile() -> None:
    """Ten bytes, GBK, without case; the number of the second takes its room from the name."""
    columns = ["永久基本农田图斑编号", "永久基本农田面积", "永久基本农", "abcdefghijkl", "ABCDEFGHIJ", ""]
    assert field_names(columns, Names(longest=10), "GBK") == {
        "永久基本农田图斑编号": "永久基本农", "永久基本农田面积": "永久基本_1", "永久基本农": "永久基本_2",
        "abcdefghijkl": "abcdefghij", "ABCDEFGHIJ": "ABCDEFGH_1", "": "F",
    }  # fmt: skip


def test_field_names_of_a_geodatabase() -> None:
    """Letters, digits, underscores, a letter first; the words of its query language are taken."""
    rule = Names(longest=150, identifier=True, reserved=("objectid", "order"))
    assert field_names(["面积(亩)", "2024年", "Order", "OBJECTID", "a-b", "a_b"], rule, "utf-8") == {
        "面积(亩)": "面积_亩_", "2024年": "F2024年", "Order": "Order_1", "OBJECTID": "OBJECTID_1", "a-b": "a_b",
        "a_b": "a_b_1",
    }  # fmt: skip


def test_case_tells_names_apart_only_where_the_format_says_so() -> None:
    assert list(field_names(["a", "A"], Names(cases=True), "utf-8").values()) == ["a", "A"]
    assert list(field_names(["a", "A"], Names(), "utf-8").values()) == ["a", "A_1"]


@pytest.mark.parametrize(("name", "stem"), [
    ("生态保护红线", "生态保护红线"), ("../../etc/passwd", "_.._etc_passwd"), ('恶:意"?', "恶_意__"), (" . ", "图层"),
    ("a\\b\x00c", "a_b_c"), ("红" * 100, "红" * 50), ("a" * 149 + ". x", "a" * 149),
    ("CON", "_CON"), ("nul.地块", "_nul.地块"), ("COM¹", "_COM¹"), ("con1", "con1"),  # devices of Windows
])  # fmt: skip
def test_file_stems(name: str, stem: str) -> None:
    assert file_stem(name) == stem


def test_unique_names_differ_without_case() -> None:
    assert unique_names(["a", "A", "a", "a_1"]) == ["a", "A_1", "a_2", "a_1_1"]


def test_control_characters_go_line_ends_stay() -> None:
    assert without_controls("甲\x00\x0b\x1f\x7f\ufffe\t\r\n乙") == "甲\t\r\n乙"
