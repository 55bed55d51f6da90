"""The catalogue of project facts: keys, names in two languages, values that are understood or refused by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllines.errors import UsageError
from controllines.facts import (
    catalogue,
    named,
    normalise,
    shown,
)
from controllines.kinds import registry
from tests.test_findings import FORBIDDEN

#: The contract and rulebook.md, c1 to c3.
KEYS = {
    "category": ["urban", "village", "rural_dwelling", "single_site", "independent_urban", "facility_agriculture",
                 "photovoltaic", "mining", "plantation", "fishpond", "landscape", "waste_facility", "restoration",
                 "other"],
    "stage": ["preselection", "conversion"],
    "facility": ["planting", "livestock", "aquaculture"],
    "activity": ["none", "patrol_survey_rescue_defence", "residents_existing_use", "archaeology_fossil_heritage",
                 "plantation_forest_management", "limited_tourism_education", "unavoidable_linear_comm_flood_water",
                 "geology_mining_restricted", "ecological_restoration", "border_works", "other_by_law"],
    "er_major_project": ["none", "named_by_ccp_state_council", "military_cmc", "national_plan_transport_water",
                         "national_plan_grid", "national_plan_energy_mining_pipeline_hydro_nuclear",
                         "investment_authority_confirmed", "ndrc_land_guarantee_mechanism"],
    "pbf_major_project": ["none", "named_by_ccp_state_council", "military_cmc", "airport_national_plan",
                          "railway_national_plan", "highway_national_plan", "expressway_provincial",
                          "provincial_road_serving_deep_poverty_area", "energy_national_plan", "water_national_plan",
                          "investment_authority_confirmed"],
}  # fmt: skip


BOOLEANS = {"new_construction_land", "conversion", "concrete_works", "temporary", "restorable", "linear",
            "crossing_without_land", "unavoidable_demonstrated", "damages_plough_layer"}  # fmt: skip


def test_the_catalogue_holds_the_facts_of_the_contract() -> None:
    facts = catalogue()
    assert {key: list(facts[key].values) for key in KEYS} == KEYS
    assert {key for key, fact in facts.items() if fact.type == "bool"} >= BOOLEANS
    assert {key for key, fact in facts.items() if fact.type == "number"} == {"works_period_years"}
    for fact in facts.values():
        assert fact.question.endswith("？")
        assert (fact.role is not None) == (fact.kind is not None) == (fact.type == "file")
        assert fact.kind is None or registry()[fact.kind].is_line


def test_every_enumeration_of_the_rulebook_says_how_well_it_is_known() -> None:
    for key in ("activity", "er_major_project", "pbf_major_project"):
        for value, choice in catalogue()[key].values.items():
            assert (choice.verification is None) == (value == "none")


def test_names_are_unambiguous_and_use_no_word_of_a_decision() -> None:
    names = [name for fact in catalogue().values() for name in (fact.key, fact.zh)]
    assert len(set(names)) == len(names)
    for fact in catalogue().values():
        assert len(set(fact.options)) == len(fact.options)
        assert not [word for word in FORBIDDEN for text in (fact.zh, fact.question, *fact.options) if word in text]


@pytest.mark.parametrize("key", catalogue())
def test_every_name_and_value_is_known_in_both_languages(key: str) -> None:
    fact = catalogue()[key]
    assert named(fact.zh) is named(key) is fact
    for value, choice in fact.values.items():
        assert normalise(fact.zh, choice.zh) == normalise(key, value) == (key, value)
        assert shown(key, value) == choice.zh


@pytest.mark.parametrize(
    ("name", "text", "meant"),
    [
        ("项目类别", "单独选址（交通、能源、水利、军事等）", ("category", "single_site")),
        ("项目类别", " 单独选址 ", ("category", "single_site")),
        ("临时用地", "是", ("temporary", True)),
        ("temporary", False, ("temporary", False)),
        ("linear", "TRUE", ("linear", True)),
        ("使用期限（年）", "１.５", ("works_period_years", 1.5)),
        ("使用期限(年)", 2, ("works_period_years", 2.0)),
        ("认定意见范围", "批件/范围（一）.shp", ("er_recognition_area", "批件/范围（一）.shp")),
    ],
)
def test_normalise(name: str, text: object, meant: tuple[str, object]) -> None:
    assert normalise(name, text) == meant


@pytest.mark.parametrize(
    ("name", "text", "code", "listed"),
    [
        ("项目类型", "光伏", "FACT_UNKNOWN", "category 项目类别"),
        ("category", "园区", "FACT_VALUE", "photovoltaic 光伏"),
        ("temporary", "也许", "FACT_VALUE", "是、否"),
        ("works_period_years", "-1", "FACT_VALUE", "不小于 0"),
        ("works_period_years", "nan", "FACT_VALUE", "不小于 0"),
        ("works_period_years", "1e999", "FACT_VALUE", "不小于 0"),
        ("facility", "", "FACT_VALUE", "planting 种植设施"),
    ],
)
def test_unknown_names_and_values_list_the_valid_ones(name: str, text: str, code: str, listed: str) -> None:
    with pytest.raises(UsageError) as caught:
        normalise(name, text)
    assert caught.value.finding.code == code
    assert listed in caught.value.finding.fix


TEXTS = st.one_of(
    st.text(max_size=20), st.floats().map(repr), st.sampled_from(["是", "光伏", "TRUE", "１２", "不属于"])
)


@given(st.sampled_from(list(catalogue())), TEXTS)
def test_whatever_is_understood_is_shown_and_understood_again(key: str, text: str) -> None:
    try:
        meant = normalise(key, text)
    except UsageError as error:
        refused = error.finding
    else:
        assert normalise(key, shown(*meant)) == meant
        return
    assert refused.code == "FACT_VALUE"
    assert refused.expected == catalogue()[key].valid
