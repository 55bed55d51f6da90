"""Text, grammar and header of survey files; coordinates and areas are written out by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shapely

from controllines.errors import CRSError, InputError
from controllines.io import read
from controllines.io.txt import area_m2, resolution_m
from tests.builders import noted, only

Writer, Save = Callable[..., str], Callable[..., Path]
SQUARE = shapely.box(26543000, 4405000, 26543300, 4405200)
HEAD = "5,6.0000,1,地块,面,J44G006009,工业用地,0601,@"


def points(*rows: str) -> str:
    return "\n".join([HEAD, *rows])


def test_published_sample(writer: Writer, save: Save) -> None:
    source = only(save(writer(SQUARE, before="[项目信息]\n项目名称=巴楚县XX项目\n项目编号=P-1\n")))
    assert source.geoms[0].equals(SQUARE)
    assert source.crs is not None
    assert source.crs.to_epsg() == 4514
    assert source.crs_found == "TXT 文件头（带号 26）"
    assert (source.encoding, source.resolution_m, source.driver, source.layer) == ("UTF-8", 0.001, "TXT", None)
    assert source.project == {"项目名称": "巴楚县XX项目", "项目编号": "P-1"}
    assert source.findings == ()
    assert source.frame.iloc[0].to_dict() == {
        "地块编号": "1", "地块名称": "地块1", "地块用途": "工业用地", "地类编码": "0601", "图幅号": "J44G006009",
        "declared_area_m2": 10000.0, "项目编号": "P-1", "项目名称": "巴楚县XX项目",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("encoding", "named"),
    [
        ("utf-8", "UTF-8"), ("utf-8-sig", "UTF-8-SIG"), ("utf-16-le", "UTF-16LE"), ("utf-16-be", "UTF-16BE"),
        ("gbk", "GB18030"), ("gb18030", "GB18030"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
def test_encodings_and_line_ends(writer: Writer, save: Save, encoding: str, named: str, end: str) -> None:
    source = only(save(writer(SQUARE).replace("\n", end), encoding))
    assert source.encoding == named
    assert source.frame["地块名称"][0] == "地块1"
    assert source.geoms[0].equals(SQUARE)
    assert noted(source) == (["ENCODING_GUESSED"] if named == "GB18030" else [])


def test_text_of_no_known_encoding(save: Save, writer: Writer) -> None:
    path = save(writer(SQUARE))
    path.write_bytes(path.read_bytes() + b"\xff\xff")
    with pytest.raises(InputError, match="TEXT_UNREADABLE"):
        read(path)


def test_full_width_punctuation_and_digits(save: Save, writer: Writer) -> None:
    text = writer(SQUARE).replace(",", "，").replace("=", "＝").replace(".000", "．０００").replace("@", "＠")
    assert only(save(text)).geoms[0].equals(SQUARE)


def test_names_keep_their_full_width_marks(save: Save, writer: Writer) -> None:
    text = writer(SQUARE).replace("地块1", "（一期）甲，乙１号,丙")
    assert only(save(text)).frame["地块名称"][0] == "（一期）甲，乙１号,丙"


@pytest.mark.parametrize(
    ("head", "use", "code"),
    [
        ("5,6.0,1,甲,面,,,@", "", ""),
        ("5,6.0,1,甲,面,J44,工业用地,地上,@", "工业用地", "地上"),
        ("5,6.0,1,甲,面,J44,工业用地,0601,图斑,耕地,9,10,备注,@", "工业用地", "0601"),
        ("5,6.0,1,甲,面,J44,工业用地,0601@", "工业用地", "0601"),
    ],
)
def test_heads_really_seen(save: Save, writer: Writer, head: str, use: str, code: str) -> None:
    source = only(save(writer(SQUARE).replace("5,1.0000,1,地块1,面,J44G006009,工业用地,0601,@", head)))
    assert tuple(source.frame[["地块编号", "地块名称", "地块用途", "地类编码"]].iloc[0]) == ("1", "甲", use, code)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.2247", 12247.0), ("0.7655公顷", 7655.0), ("7655平方米", 7655.0), ("", np.nan), ("无", np.nan),
        ("０．７６５５", 7655.0), ("15亩", 10000.0),
    ],
)  # fmt: skip
def test_declared_area(text: str, expected: float) -> None:
    assert area_m2(text) == pytest.approx(expected, abs=0, nan_ok=True)


@pytest.mark.parametrize(
    ("text", "expected"), [("0.001", 0.001), ("3", 0.001), ("2", 0.01), ("", None), (None, None), ("高", None)]
)
def test_precision(text: str | None, expected: float | None) -> None:
    assert resolution_m(text) == expected


CORNERS = [(4405200, 26543000), (4405200, 26543300), (4405000, 26543300), (4405000, 26543000), (4405200, 26543000)]


@pytest.mark.parametrize(
    "row",
    ["J{n},{x},{y}", "J{n},1,{x},{y},", "J{n},{x},{y},,1,", "{n},1,1,J{n},{x},{y}", " {n} , 1 , {x} , {y} "],
)
def test_point_lines_of_other_programs(save: Save, writer: Writer, row: str) -> None:
    rows = [row.format(n=n, x=x, y=y) for n, (x, y) in enumerate(CORNERS, start=1)]
    assert only(save(writer(points(*rows)))).geoms[0].equals(SQUARE)


def test_columns_swapped(save: Save, writer: Writer) -> None:
    rows = [f"J1,1,{y},{x}" for x, y in CORNERS]
    source = only(save(writer(points(*rows))))
    assert noted(source) == ["TXT_SWAPPED"]
    assert source.findings[0].severity == "warning"
    assert source.geoms[0].equals(SQUARE)


@pytest.mark.parametrize("swapped", [False, True])
def test_six_digits_with_zone_in_the_header(save: Save, writer: Writer, swapped: bool) -> None:
    corners = [(x, y - 26_000_000) for x, y in CORNERS]
    rows = [f"J1,1,{y},{x}" if swapped else f"J1,1,{x},{y}" for x, y in corners]
    source = only(save(writer(points(*rows))))
    assert source.crs is not None
    assert source.crs.to_epsg() == 4535
    assert source.geoms[0].equals(shapely.box(543000, 4405000, 543300, 4405200))
    assert noted(source) == (["TXT_SWAPPED"] if swapped else [])


@pytest.mark.parametrize("first", ["78.5,39.7", "26543000,26543000", "12,26"])
def test_axes_that_cannot_be_told(save: Save, writer: Writer, first: str) -> None:
    with pytest.raises(InputError, match="TXT_AXES") as caught:
        read(save(writer(points(f"J1,1,{first}", f"J2,1,{first}", f"J1,1,{first}"))))
    assert "第 13 行" in caught.value.finding.message


@pytest.mark.parametrize(
    ("header", "epsg", "found"),
    [
        ({}, 4514, "TXT 文件头（带号 26）"),
        ({"带号": ""}, 4514, "TXT 东坐标前两位（带号 26）"),
        ({"带号": None, "几度分带": None}, 4514, "TXT 东坐标前两位（带号 26）"),
        ({"几度分带": "3度带"}, 4514, "TXT 文件头（带号 26）"),
        ({"几度分带": None, "分带": "三度带"}, 4514, "TXT 文件头（带号 26）"),
        ({"坐标系": "CGCS2000"}, 4514, "TXT 文件头（带号 26）"),
    ],
)
def test_coordinate_systems(save: Save, writer: Writer, header: dict[str, str], epsg: int, found: str) -> None:
    source = only(save(writer(SQUARE, **header)))
    assert source.crs is not None
    assert source.crs.to_epsg() == epsg
    assert source.crs_found == found


def test_six_degree_zone(save: Save, writer: Writer) -> None:
    source = only(save(writer(shapely.box(14543000, 4405000, 14543300, 4405200), 带号="14", 几度分带="6")))
    assert source.crs is not None
    assert source.crs.to_epsg() == 4492


def test_wgs84_is_said(save: Save, writer: Writer) -> None:
    source = only(save(writer(SQUARE, 坐标系="WGS84坐标系")))
    assert source.crs is not None
    assert source.crs.to_epsg() == 4514
    assert noted(source) == ["CRS_WGS84"]


@pytest.mark.parametrize(("shift", "header"), [(0, {"坐标系": None}), (26_000_000, {"带号": None, "几度分带": None})])
def test_no_coordinate_system_is_no_guess(save: Save, writer: Writer, shift: int, header: dict[str, None]) -> None:
    source = only(save(writer(shapely.transform(SQUARE, lambda xy: xy - [shift, 0]), **header)))
    assert source.crs is None
    assert source.crs_found.startswith("未找到")


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({"坐标系": "1980西安坐标系"}, "CRS_NEEDS_PARAMETERS"),
        ({"坐标系": "80国家大地坐标系"}, "CRS_NEEDS_PARAMETERS"),
        ({"坐标系": "1954北京坐标系"}, "CRS_NEEDS_PARAMETERS"), ({"坐标系": "地方独立坐标系"}, "CRS_UNKNOWN"),
        ({"带号": "27"}, "CRS_PREFIX_CONTRADICTS"), ({"几度分带": "6"}, "CRS_PREFIX_CONTRADICTS"),
        ({"投影类型": "UTM"}, "CRS_UNKNOWN"), ({"计量单位": "度"}, "CRS_UNKNOWN"),
    ],
)  # fmt: skip
def test_contradictions_and_foreign_datums(save: Save, writer: Writer, header: dict[str, str], code: str) -> None:
    with pytest.raises(CRSError, match=code):
        read(save(writer(SQUARE, **header)))


def test_two_zones_in_one_file_are_two_sources(save: Save, writer: Writer) -> None:
    east = shapely.transform(SQUARE, lambda xy: xy + [1_000_000, 0])
    first, second = read(save(writer(SQUARE, east, SQUARE, 带号="26")))
    assert [s.crs.to_epsg() for s in (first, second) if s.crs is not None] == [4514, 4515]
    assert [list(s.frame["地块编号"]) for s in (first, second)] == [["1", "3"], ["2"]]
    assert [s.layer for s in (first, second)] == ["26带", "27带"]
    assert second.geoms[0].equals(east)
    assert noted(first) == ["TXT_ZONES"]


def test_parcels_without_prefix_beside_others_follow_the_header(save: Save, writer: Writer) -> None:
    plain = shapely.transform(SQUARE, lambda xy: xy - [26_000_000, 0])
    first, second = read(save(writer(SQUARE, plain, 带号="26")))
    assert [s.crs.to_epsg() for s in (first, second) if s.crs is not None] == [4514, 4535]


@pytest.mark.parametrize("east", [27543300, 543300])
def test_a_parcel_in_two_zones_is_an_error_with_its_line(save: Save, writer: Writer, east: int) -> None:
    rows = [f"J1,1,{x},{y if y < 26543300 else east}" for x, y in CORNERS]
    with pytest.raises(CRSError, match="CRS_TWO_ZONES") as caught:
        read(save(writer(points(*rows), 带号=None)))
    assert "第 13 行" in caught.value.finding.message  # the second corner, after eight lines of header


def test_the_farthest_west(save: Save, writer: Writer) -> None:
    """3° zone 24 (70.5°—73.5°E) has no EPSG code."""
    west = shapely.transform(SQUARE, lambda xy: xy - [2_000_000, 0])
    source = only(save(writer(west, 带号="24")))
    assert source.crs is not None
    assert source.crs.to_epsg() is None
    assert source.crs.coordinate_operation is not None
    values = {p.name: p.value for p in source.crs.coordinate_operation.params}
    assert (values["Longitude of natural origin"], values["False easting"]) == (72, 24_500_000)
    plain = only(save(writer(shapely.transform(west, lambda xy: xy - [24_000_000, 0]), 带号="24"), name="b.txt"))
    assert plain.crs is not None
    assert plain.geoms[0].bounds == (543000, 4405000, 543300, 4405200)


def test_six_degree_zone_without_prefix(save: Save, writer: Writer) -> None:
    source = only(save(writer(shapely.box(543000, 4405000, 543300, 4405200), 带号="14", 几度分带="6度带")))
    assert source.crs is not None
    assert source.crs.to_epsg() == 4503


PARAMETERS = "11.5,-22.25,33.125,0.7,-0.8,0.9,-1.75"  # invented


@pytest.mark.parametrize(
    ("name", "epsg"), [("1980西安坐标系", 2350), ("80国家大地坐标系", 2350), ("1954北京坐标系", 2402)]
)
def test_declared_parameters_go_to_the_source_only(save: Save, writer: Writer, name: str, epsg: int) -> None:
    source = only(save(writer(SQUARE, 坐标系=name, 转换参数=PARAMETERS)))
    assert source.crs is not None
    assert source.crs.to_epsg() == epsg
    assert source.parameters == (11.5, -22.25, 33.125, 0.7, -0.8, 0.9, -1.75)
    assert "22.25" not in repr(source)
    assert "22.25" not in str(source.project)
    assert "22.25" not in str(source.findings)


@pytest.mark.parametrize("given", ["", ",,,,,,", "1,2,3"])
def test_no_seven_parameters_are_none(save: Save, writer: Writer, given: str) -> None:
    source = only(save(writer(SQUARE, 转换参数=given)))
    assert source.parameters is None
    assert noted(source) == (["TXT_PARAMETERS"] if given == "1,2,3" else [])
    with pytest.raises(CRSError, match="CRS_NEEDS_PARAMETERS"):
        read(save(writer(SQUARE, 坐标系="1980西安坐标系", 转换参数=given)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("转换参数=" + PARAMETERS, "转换参数 " + PARAMETERS),  # no "="
        ("转换参数=" + PARAMETERS, "转换参数=11.5,-22.25,\n33.125,0.7,-0.8,0.9,-1.75"),  # over two lines
        ("转换参数=" + PARAMETERS, f"转换参数={PARAMETERS}\n转换参数=1,2,3,4,5,6,7"),  # twice
        ("[地块坐标]", f"[地块坐标]\n转换参数={PARAMETERS}"),  # in the wrong place
    ],
)
def test_no_message_shows_parameters(save: Save, writer: Writer, old: str, new: str) -> None:
    text = writer(SQUARE, 转换参数=PARAMETERS).replace(old, new)
    with pytest.raises(InputError, match="TXT_SYNTAX") as caught:
        read(save(text))
    assert not any(number in str(caught.value) for number in ("11.5", "22.25", "33.125", "1.75"))


def test_parameters_in_another_section_stay_secret(save: Save, writer: Writer) -> None:
    text = writer(SQUARE, 转换参数=None, before=f"[项目信息]\n项目名称=甲\n转换参数={PARAMETERS}\n")
    source = only(save(text))
    assert source.project == {"项目名称": "甲"}
    assert source.parameters is not None


@pytest.mark.parametrize(
    ("area", "expected", "said"),
    [
        ("6.0000", 60000.0, []), ("60000.00", 60000.0, ["TXT_AREA_UNIT"]), ("59997.25", 59997.25, ["TXT_AREA_UNIT"]),
        ("6.0000公顷", 60000.0, []), ("60000公顷", 6e8, []), ("60000平方米", 60000.0, []), ("", np.nan, []),
        ("7.5", 75000.0, []), ("600", 6e6, []),
    ],
)  # fmt: skip
def test_area_in_square_metres_is_recognised_and_said(
    save: Save, writer: Writer, area: str, expected: float, said: list[str]
) -> None:
    source = only(save(writer(SQUARE).replace("5,1.0000,", f"5,{area},")))
    assert source.frame["declared_area_m2"][0] == pytest.approx(expected, abs=0, nan_ok=True)
    assert noted(source) == said


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
def test_line_ends_of_all_systems(save: Save, writer: Writer, end: str) -> None:
    assert only(save(writer(SQUARE).replace("\n", end))).geoms[0].equals(SQUARE)


def test_keys_with_spaces_and_further_sections(save: Save, writer: Writer) -> None:
    text = writer(SQUARE).replace("带号=26", "带 号 = 26").replace("坐标系=", " 坐标系 ＝ ")
    text = text.replace("[属性描述]", "[ 属性描述 ]").replace("[地块坐标]", "[附加信息]\n联系人=张三\n【地块坐标】")
    source = only(save(text))
    assert source.crs_found == "TXT 文件头（带号 26）"
    assert source.project == {"联系人": "张三"}


def test_thirteen_fields_keep_their_contents(save: Save, writer: Writer) -> None:
    head = "5,6.0,1,甲,面,J44,工业用地,0601,高标准农田,水浇地,9,8,,@"
    source = only(save(writer(SQUARE).replace("5,1.0000,1,地块1,面,J44G006009,工业用地,0601,@", head)))
    extra = source.frame[["图斑类型", "地类", "改造前质量等别", "改造后质量等别", "备注"]]
    assert tuple(extra.iloc[0]) == ("高标准农田", "水浇地", "9", "8", "")


def test_province_variant_without_heads(save: Save, writer: Writer) -> None:
    rows = [f"{n},{k},1,J{n},{x + 1000 * k},{y}" for k in (1, 2) for n, (x, y) in enumerate(CORNERS, start=1)]
    source = only(save(writer("\n".join([*rows[:5], "", *rows[5:]]))))
    assert list(source.frame["地块编号"]) == ["1", "2"]
    assert source.geoms[1].bounds == (26543000, 4407000, 26543300, 4407200)
    assert noted(source) == ["TXT_COUNT", "TXT_COUNT"]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("J2,1,", "J2,1,abc", 12), ("J3,1,4405000.000,", "J3,1,4405000.000", 13), ("J4,1,", "J4,,", 14),
        ("J1,1,4405200.000,26543300.000\n", "J1,1,4405200.000,1e999\n", 11), ("带号=26", "带号26", 8),
        ("J2,1,4405000.000,26543300.000", "J2,4405000.000,26543300.000", 12), ("地块1,面", "地块1,", 11),
        ("J2,1,4405000.000,26543300.000", "J2,1,4405000.000,nan", 12),
    ],
)  # fmt: skip
def test_a_syntax_error_names_the_line(save: Save, writer: Writer, old: str, new: str, line: int) -> None:
    text = writer(SQUARE)
    if old not in text:
        old = next(row for row in text.splitlines(keepends=True) if row.startswith(old[:5]))
    changed = text.replace(old, new, 1)
    number = next(n for n, (a, b) in enumerate(zip(text.split("\n"), changed.split("\n"), strict=False), 1) if a != b)
    with pytest.raises(InputError, match="TXT_SYNTAX") as caught:
        read(save(changed))
    assert f"第 {number} 行" in caught.value.finding.message


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("今天没有会议\n", "TXT_NOT_SURVEY"), ("[属性描述]\n带号=26\n[地块坐标]\n", "FILE_EMPTY"),
        (f"[地块坐标]\n{HEAD}\n", "TXT_SYNTAX"), ("[地块坐标]\nJ1,1,4405200.000,26543000.000\n", "TXT_SYNTAX"),
        ("[属性描述]\n带号=26\n带号=27\n", "TXT_SYNTAX"),
    ],
)  # fmt: skip
def test_other_texts(save: Save, text: str, code: str) -> None:
    with pytest.raises(InputError, match=code):
        read(save(text))


def test_a_file_cut_off_gives_no_parcel(save: Save, writer: Writer) -> None:
    whole = writer(SQUARE, shapely.box(26545000, 4405000, 26545300, 4405200))
    lines = whole.splitlines()
    for kept in range(len(lines) - 4, len(lines) - 1):
        with pytest.raises(InputError, match=r"TXT_CUT_OFF|TXT_SYNTAX"):
            read(save("\n".join(lines[:kept]), name=f"{kept}.txt"))


def test_real_files(shared: Path) -> None:
    paths = sorted((shared / "data" / "kcdj_txt_foshan").glob("4412*.txt"))
    assert len(paths) == 10
    for path in paths:
        source = only(path)
        assert [f for f in source.findings if f.severity == "error"] == []
        assert source.crs is not None
        assert source.crs.to_epsg() == 4526
        assert list(source.frame["地块编号"]) == ["FID_0"]
        assert shapely.area(source.geoms[0]) == pytest.approx(source.frame["declared_area_m2"][0], abs=1)
