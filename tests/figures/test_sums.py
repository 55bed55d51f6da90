"""Whether a list adds up: sums in every unit, shares, and what nobody can judge; all worked out by hand."""

from __future__ import annotations

from fractions import Fraction

import pytest

from controllines.figures.checks import Check
from controllines.figures.lists import lists
from controllines.figures.sums import judge
from tests.figures.conftest import read


def checked(text: str, kind: str | None = None) -> list[Check]:
    found = [check for paragraph in read(text) for listed in lists(paragraph, ()) for check in judge(listed)]
    return [check for check in found if kind in (None, check.kind)]


def verdicts(text: str, kind: str | None = None) -> list[str]:
    return [check.verdict for check in checked(text, kind)]


@pytest.mark.parametrize(("text", "verdict"), [
    ("总面积100.00公顷，其中耕地60.00公顷、园地40.00公顷。", "agrees"),
    ("总面积100.00公顷。其中：耕地60.00公顷；园地40.00公顷。", "agrees"),
    ("总面积100.00公顷以内，其中耕地60.00公顷、园地30.00公顷。", "not_judged"),  # there may be more
    ("总面积100.00公顷，其中耕地60.00公顷、园地40.05公顷。", "query"),  # within 0.1 %: it is meant to add up
    ("总面积100.00公顷，其中耕地60.00公顷，占60.00%，园地39.00公顷，占40.00%。", "differs"),  # the shares say it is all
    ("总面积100.00公顷（其中耕地60.00公顷、园地40.00公顷）。", "agrees"),
    ("耕地60.00公顷、园地40.00公顷，合计100.00公顷。", "agrees"),
    ("全县有林地500公顷，新增耕地60.00公顷、园地40.00公顷，合计100.00公顷。", "agrees"),  # what is added up is found
    ("总面积1平方公里，其中耕地60.00公顷、园地600.00亩。", "agrees"),  # 40 公顷
    ("林地10.0万亩，其中，乔木6.0万亩，灌木4.0万亩；草地20.0万亩，其中，天然9.0万亩，人工11.0万亩。", "agrees"),
])  # fmt: skip
def test_sums(text: str, verdict: str) -> None:
    found = verdicts(text, "sum")
    assert found
    assert set(found) == {verdict}


def test_parts_that_add_up_in_one_unit_must_in_the_other() -> None:
    text = "总量100.00公顷（1500.00亩），其中出让60.00公顷（900.00亩），划拨40.00公顷（610.00亩）。"
    assert verdicts(text, "sum") == ["agrees", "differs"]
    (check,) = [check for check in checked(text, "sum") if check.verdict == "differs"]
    assert check.result is not None
    assert float(check.result.difference) == -10


@pytest.mark.parametrize("text", [
    "绿化110.3万m2，其中平整804561 m2，种植820583 m2，灌溉820583 m2。",  # works on the same land
    "总面积100公顷，其中大部分为戈壁。另有耕地60公顷、园地30公顷。",
    "面积100公顷，人均耕地2亩，其中水田60公顷、旱地20公顷。",  # the total before 其中 is no total
    "耕地100公顷，其中水田60公顷，其中高标准40公顷，旱地40公顷。",  # nested: where it ends is open
])  # fmt: skip
def test_lists_that_nobody_can_judge_raise_no_alarm(text: str) -> None:
    assert not {"differs", "query"} & set(verdicts(text))


@pytest.mark.parametrize(("text", "expected"), [
    ("总量100.00公顷，其中甲30.00公顷，占比30%，乙70.00公顷，占比70%。", ["agrees", "agrees"]),
    ("总量100.00公顷，其中甲30.00公顷，占比31%，乙70.00公顷，占比70%。", ["differs", "agrees"]),
    ("总量100.00公顷，其中甲30.40公顷（占31%），乙69.60公顷（占69%）。", ["agrees", "agrees"]),  # brought to 100
    ("极重要区2078.5平方公里，占比12.55%，重要区4327.1平方公里，占比26.13%，一般区10155.6平方公里，占比61.32%。",
     ["agrees"] * 3),
    ("甲30.00公顷，占比30%，乙50.00公顷，占比50%。", []),  # no whole is said, and they make no 100 %
    ("耕地30.00公顷，占比70%的林地没有列出。", []),  # the share belongs to what follows
])  # fmt: skip
def test_shares(text: str, expected: list[str]) -> None:
    assert [v for v in verdicts(text, "share") if v != "not_judged"] == expected


def test_shares_are_added_up_too_and_a_levelled_list_is_told() -> None:
    """30.4 and 69.6 of 100: rounded one by one 30 and 70; printed 31 and 69 they were brought to 100."""
    *shares, total = checked("总量100.00公顷，其中甲30.40公顷（占31%），乙69.60公顷（占69%）。")[1:]
    assert [check.note for check in shares] == ["各项占比合计恰为100%，每项容许末位一个单位"] * 2
    assert (total.kind, total.verdict, total.stated, total.compared) == ("share_sum", "agrees", "100%", "100%")
    found = checked("总量100.00公顷，其中甲30.00公顷，占30.0%，乙70.00公顷，占70.2%。", "share_sum")
    assert [(check.verdict, check.stated) for check in found] == [("differs", "100.2%")]
    assert found[0].result is not None
    assert (found[0].result.difference, found[0].result.tolerance) == (Fraction(1, 5), Fraction(1, 10))


def test_where_a_list_may_end_twice_one_reading_that_adds_up_is_enough() -> None:
    """林地 is no part of it: without it 60 + 40 = 100."""
    [check] = checked("总面积100.00公顷，其中耕地60.00公顷、园地40.00公顷；另有林地25.00公顷。", "sum")
    assert (check.verdict, check.compared) == ("agrees", "2个分项之和100公顷")


def test_what_a_share_is_held_against_is_said() -> None:
    first, _ = checked("总量100.00公顷，其中甲30.00公顷，占比31%，乙70.00公顷，占比70%。", "share")
    assert (first.name, first.stated, first.compared) == ("甲", "31%", "30.00公顷÷100.00公顷＝30%")
    [loose, _] = checked("甲30.00公顷，占比30%，乙50.00公顷，占比50%。", "share")
    assert (loose.verdict, loose.compared, loose.result) == ("not_judged", "文中没有总面积", None)


def test_shares_of_the_total_by_its_name_and_of_something_else() -> None:
    text = "建设用地100.00公顷，其中甲30.00公顷，占{0}的31%，乙70.00公顷，占{0}的70%。"
    assert verdicts(text.format("建设用地"), "share") == ["differs", "agrees"]
    assert verdicts(text.format("国土面积"), "share") == []


def test_passages_begin_with_the_name_of_the_total() -> None:
    total, *_, shares = checked("全县，总面积100.00公顷，其中甲30.00公顷，占30%，乙70.00公顷，占70%。另一句。")
    assert total.quote == "总面积100.00公顷，其中甲30.00公顷，占30%，乙70.00公顷，占70%"
    assert (shares.kind, shares.quote) == ("share_sum", "30.00公顷，占30%，乙70.00公顷，占70%")
