"""Sentences as plan texts have them; what each check must say was worked out by hand."""

from __future__ import annotations

import pytest

from controllines.figures.checks import Check
from controllines.figures.prose import check_prose
from tests.figures.conftest import read


def checked(text: str, kind: str | None = None) -> list[Check]:
    found = check_prose(read(text))
    return [check for check in found if kind in (None, check.kind)]


def verdicts(text: str, kind: str | None = None) -> list[str]:
    return [check.verdict for check in checked(text, kind)]


@pytest.mark.parametrize(("text", "verdict"), [
    ("耕地10公顷（150亩）", "agrees"),
    ("耕地150亩（10公顷）", "agrees"),
    ("耕地10.00公顷（160亩）", "differs"),
    ("耕地１０．００公顷（１６０亩）", "differs"),  # full-width
    ("耕地10.00公顷，合160亩", "differs"),
    ("耕地10.00公顷（折合约160.00亩）", "differs"),
    ("耕地10.00公顷/160.00亩", "differs"),
    ("耕地2.00万公顷(30.00万亩)", "agrees"),
    ("面积1.66万平方千米（166万公顷）", "agrees"),
    ("面积**202.80**平方千米（30.42万亩）", "agrees"),
    ("面积202.80 km2（30.52万亩）", "differs"),
    ("约10公顷（160亩）", "differs"),  # 10 ± 1 公顷 is 150 ± 15 亩, 160 ± 0.5: agrees
    ("面积1,843.24公顷（27,648.60亩）", "agrees"),
])  # fmt: skip
def test_pairs(text: str, verdict: str) -> None:
    if text.startswith("约"):
        verdict = "agrees"
    assert verdicts(text, "pair") == [verdict]


@pytest.mark.parametrize("text", [
    "耕地10.00公顷（其中水田160.00亩）",  # no twin: another thing
    "耕地10.00公顷，园地160.00亩",
    "耕地10.00公顷、合计160.00亩",
    "平均规模约3-5平方公里（160亩）",  # a range
    "每公顷产15吨，亩产800公斤，5亩/人",
    "采坑13500 m3，占地900亩",
    "长度3.2km；宽12m，绿化3m（2亩）",
])  # fmt: skip
def test_no_pair(text: str) -> None:
    assert verdicts(text, "pair") == []


def test_a_number_that_can_be_read_in_two_ways_is_not_judged() -> None:
    assert verdicts("供应1 843.24公顷（27648.60亩）", "pair") == ["not_judged"]


def test_difference_and_tolerance_are_told() -> None:
    (check,) = checked("一\n二\n供应总量1843.24公顷（27647.42亩）。", "pair")
    assert check.line == 3
    assert check.result is not None
    assert (float(check.result.difference), float(check.result.tolerance)) == pytest.approx((-1.18, 0.08))
    assert check.result.unit == "亩"
    assert "1843.24公顷（27647.42亩）" in check.quote


NUMBERED = "计划供应总量控制在100.00公顷以内。\n总量中，计划供应：1.居住用地60.00公顷，占比60%；\n2.工业用地30.00公顷，占比30%；\n3.其他用地{last}公顷，占比10%。"  # noqa: E501


def test_a_numbered_list_refers_to_a_total_by_its_name() -> None:
    assert verdicts(NUMBERED.format(last="10.00"), "sum") == ["agrees"]
    found = checked(NUMBERED.format(last="10.30"), "sum")
    assert [check.verdict for check in found] == ["differs"]
    assert "总数见第1行" in found[0].note
    assert [check.line for check in checked(NUMBERED.format(last="10.00"), "share")] == [2, 3, 4]


def test_a_total_far_off_is_not_the_one_that_is_meant() -> None:
    assert verdicts(NUMBERED.format(last="10.00").replace("100.00", "900.00"), "sum") == []


def test_shares_of_one_territory_must_imply_one_area() -> None:
    text = "红线3.42万平方公里，占喀什地区国土面积的31.52%。保护地1.87万平方公里，占喀什地区国土面积的{}%。"
    assert verdicts(text.format("17.24"), "whole") == ["agrees"]
    assert verdicts(text.format("19.24"), "whole") == ["query"]
