"""Land classes: what each version says, three big classes, disputed ones, and where the versions differ."""

from __future__ import annotations

import pytest

from controllines.classes import BIG, BUILT, FARM, UNUSED, choices, classification, normal
from controllines.errors import UsageError

SURVEY, OLD, NEW = classification(), classification("land_sea_2020"), classification("land_sea_2023")


@pytest.mark.parametrize(
    ("code", "name", "level1", "big"),
    [
        # TD/T 1055-2019 附录A; GB/T 21010-2017 附录A for the big classes
        ("0101", "水田", "01", FARM),
        ("0201K", "可调整果园", "02", FARM),
        ("0303", "红树林地", "00", FARM),
        ("0402", "沼泽草地", "00", FARM),
        ("0404", "其他草地", "04", UNUSED),
        ("05H1", "商业服务业设施用地", "05", BUILT),
        ("05h1", "商业服务业设施用地", "05", BUILT),
        ("０６０３", "盐田", "00", BUILT),
        ("08H2A", "高教用地", "08", BUILT),
        ("0810A", "广场用地", "08", BUILT),
        ("1003", "公路用地", "10", BUILT),
        ("1006", "农村道路", "10", FARM),
        ("1101", "河流水面", "11", UNUSED),
        ("1103", "水库水面", "11", FARM),
        ("1104A", "养殖坑塘", "11", FARM),
        ("1106", "内陆滩涂", "00", UNUSED),
        ("1107A", "干渠", "11", FARM),
        ("1109", "水工建筑用地", "11", BUILT),
        ("1110", "冰川及永久积雪", "11", UNUSED),
        ("1201", "空闲地", "12", BUILT),
        ("1202", "设施农用地", "12", FARM),
        ("1203", "田坎", "12", FARM),
        ("1207", "裸岩石砾地", "12", UNUSED),
        ("1208", "后备耕地", "12", FARM),
    ],
)
def test_the_survey(code: str, name: str, level1: str, big: str) -> None:
    assert (SURVEY.name(code), SURVEY.big_class(code)) == (name, big)
    assert SURVEY.first_level(code) == (level1, SURVEY.level1[level1])


def test_every_class_of_the_survey_has_a_first_level_and_a_big_class() -> None:
    for code in SURVEY.codes:
        assert SURVEY.big_class(code) in BIG or code == "04"  # 草地 is of two big classes
        assert SURVEY.first_level(code) is not None
    assert {SURVEY.first_level(code)[0] for code in SURVEY.codes} == set(SURVEY.level1)


@pytest.mark.parametrize("code", ["9999", "", "0199", "Z1"])
def test_an_unknown_code_has_no_name_and_no_class(code: str) -> None:
    for one in (SURVEY, OLD, NEW):
        assert (one.name(code), one.first_level(code), one.big_class(code)) == (None, None, None)


def test_disputed_classes_are_chosen_and_say_so() -> None:
    assert choices() == {"0404": UNUSED, "0603": BUILT, "1201": BUILT}
    chosen = choices({"0404": FARM, "1104K": UNUSED})
    assert chosen == {"0404": FARM, "0603": BUILT, "1104": UNUSED, "1201": BUILT}
    assert [SURVEY.big_class(code, chosen) for code in ("0404", "1104A", "1103", "0403")] == [FARM, UNUSED, FARM, FARM]
    for entry in SURVEY.disputed.values():
        assert len(entry.choices) > 1
        assert set(entry.choices) <= set(BIG)


@pytest.mark.parametrize("given", [{"0404": "耕地"}, {"9999": FARM}, {"": FARM}])
def test_a_choice_that_does_not_exist_is_an_error(given: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="BIG_CLASS"):
        choices(given, where="plan.toml")


@pytest.mark.parametrize(
    ("code", "in_2020", "in_2023", "went_to"),
    [
        # domain.md 4.4: the same code, another class
        ("0204", "其他园地", "油料园地", ("0205",)),
        ("0205", None, "其他园地", ("0205",)),
        ("0601", "乡村道路用地", "农村道路", ("0601", "1207")),
        ("0602", "种植设施建设用地", "设施农用地", ("060201",)),
        ("0603", "畜禽养殖设施建设用地", None, ("060202",)),
        ("0604", "水产养殖设施建设用地", None, ("060203",)),
        ("1207", "城镇道路用地", "城镇村道路用地", ("1207",)),
        ("1311", "干渠", "水工设施用地", ()),
        ("1312", "水工设施用地", "其他公用设施用地", ("1311",)),
        ("1313", "其他公用设施用地", None, ("1312",)),
        ("2302", "田坎", "后备耕地", ("2303",)),
        ("2303", "田间道", "田坎", ("060102",)),
        ("0701", "城镇住宅用地", "城镇住宅用地", ("0701",)),
        ("070102", "城镇住宅用地", "城镇住宅用地", ("070102",)),
    ],
)
def test_the_two_versions_of_land_and_sea_use(
    code: str, in_2020: str | None, in_2023: str | None, went_to: tuple[str, ...]
) -> None:
    assert (OLD.name(code), NEW.name(code), OLD.successors(code)) == (in_2020, in_2023, went_to)


def test_where_land_went_there_is_a_class() -> None:
    for code in OLD.codes:
        for successor in OLD.successors(code):
            assert NEW.name(successor), f"{code} → {successor}"
        if OLD.successors(code) == (code,):
            assert NEW.name(code) == OLD.name(code) or code in OLD.differs


def test_first_levels_of_land_and_sea_use() -> None:
    assert NEW.first_level("1401") == ("14", "绿地与开敞空间用地")
    assert NEW.first_level("1801") == ("18", "渔业用海")


def test_codes_are_compared_in_their_normal_form() -> None:
    assert [normal(code) for code in (" ０１０２ ", "08h2a", "05Ｈ1")] == ["0102", "08H2A", "05H1"]
    assert [SURVEY.base(code) for code in ("0201k", "1104A", "05H1", "08H2A")] == ["0201", "1104", "05H1", "08H2"]


def test_every_class_of_the_survey_leads_to_classes_of_land_and_sea() -> None:
    survey, land_sea = classification("survey"), classification("land_sea_2023")
    for code in survey.codes:
        if len(code) >= 4 or code == "09":
            assert survey.successors(code), code
            assert all(other in land_sea.codes for other in survey.successors(code)), code
    assert survey.successors("1203") == ("2303",)  # 田坎
    assert survey.successors("05") == ()  # 商业服务业用地; 05 of land and sea use is 湿地
    assert survey.successors("0201K") == ("0201",)
    assert survey.successors("0402") == ("0503",)  # 沼泽草地 is wetland there
