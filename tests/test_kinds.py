import pytest

from controllines.errors import UsageError
from controllines.kinds import (
    AVOID,
    STAY_WITHIN,
    find_field,
    in_order,
    kind_of,
    kind_of_table,
    registry,
    three_lines,
)

LINES = ["ecological_redline", "permanent_farmland", "urban_boundary"]
OTHER = [
    "nature_reserve", "farmland_reserve", "river_lake_management", "water_source_protection", "heritage",
    "mineral_control", "green_line", "blue_line", "yellow_line", "purple_line", "flood_risk", "geohazard",
]  # fmt: skip
UNITS = ["county", "township", "village", "planning_zone", "jurisdiction"]
CONTEXT = ["land_use", "planned_use", "approved_land"]


def test_the_registry_holds_the_kinds_of_the_contract_in_order():
    assert list(registry()) == LINES + OTHER + UNITS + CONTEXT
    assert three_lines() == tuple(LINES)


def test_groups_and_senses():
    groups = {"line": LINES, "other": OTHER, "unit": UNITS, "context": CONTEXT}
    for group, keys in groups.items():
        assert {registry()[key].group for key in keys} == {group}
    assert {key for key, kind in registry().items() if kind.sense == STAY_WITHIN} == {"urban_boundary"}
    assert {key for key, kind in registry().items() if kind.sense == AVOID} == set(LINES + OTHER) - {"urban_boundary"}
    assert {key for key, kind in registry().items() if kind.is_line} == set(LINES + OTHER)
    assert (registry()["township"].code_length, registry()["village"].code_length) == (9, 12)


def test_names_and_tables_are_unambiguous():
    names = [kind.zh for kind in registry().values()] + list(registry())
    tables = [table.upper() for kind in registry().values() for table in kind.tables]
    assert len(set(names)) == len(names)
    assert len(set(tables)) == len(tables)


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("STBHHX", "ecological_redline"),
        ("stbhhx", "ecological_redline"),
        ("YJJBNTBHTB", "permanent_farmland"),
        (" CZKFBJGX ", "urban_boundary"),
        ("城镇开发边界", "urban_boundary"),
        ("DLTB", "land_use"),
        ("XZQ", "township"),
        ("STBHHX2", None),
    ],
)
def test_official_table_names(table, key):
    kind = kind_of_table(table)
    assert (kind and kind.key) == key


def test_kind_by_key_by_chinese_name_and_custom():
    assert kind_of("permanent_farmland") is kind_of("永久基本农田")
    custom = kind_of("custom:高压走廊", sense=AVOID)
    assert (custom.key, custom.zh, custom.sense, custom.is_line) == ("custom:高压走廊", "高压走廊", AVOID, True)


@pytest.mark.parametrize(
    ("name", "sense", "code"),
    [
        ("custom:高压走廊", None, "KIND_NEEDS_SENSE"),
        ("custom:高压走廊", "inside", "KIND_NEEDS_SENSE"),
        ("custom:", AVOID, "KIND_UNKNOWN"),
        ("redline", None, "KIND_UNKNOWN"),
    ],
)
def test_kinds_that_are_refused(name, sense, code):
    with pytest.raises(UsageError) as raised:
        kind_of(name, sense=sense)
    assert raised.value.finding.code == code
    assert raised.value.finding.actual == name


def test_order_is_the_registry_then_custom_by_name():
    assert in_order(["custom:乙", "township", "urban_boundary", "custom:a", "ecological_redline"]) == [
        "ecological_redline", "urban_boundary", "township", "custom:a", "custom:乙",
    ]  # fmt: skip


def test_fields_by_role():
    farmland = kind_of("permanent_farmland")
    assert find_field(farmland, "id", ["Shape", "bsm", "DLBM"]) == "bsm"
    assert find_field(farmland, "recorded", ["YJJBNTMJ", "YJJBNTTBMJ"]) == "YJJBNTTBMJ"  # the first official name wins
    assert find_field(farmland, "kcxs", ["BSM"]) is None
    assert find_field(farmland, "no_such_role", ["BSM"]) is None
    assert find_field(farmland, "id", ["BSM", "图斑编号"], {"id": "图斑编号"}) == "图斑编号"
    with pytest.raises(UsageError) as raised:
        find_field(farmland, "id", ["BSM", "DLBM"], {"id": "TBBH"})
    assert raised.value.finding.code == "FIELD_MISSING"
    assert "BSM、DLBM" in raised.value.finding.fix
