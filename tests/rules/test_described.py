"""Rules in words, as the command line lists and shows them."""

from __future__ import annotations

import pytest

from controllines.errors import UsageError
from controllines.rules.conditions import Condition
from controllines.rules.described import condition_text, described, kind_name, listed
from controllines.rules.packs import load_pack
from tests.rules.cases import NATIONAL
from tests.rules.county import HEAD, RULE, Write

URBAN = {"fact": "category", "equals": "urban"}
LONG = {"fact": "works_period_years", "above": 2}


def test_rules_in_words(write: Write) -> None:
    pack = load_pack(write(HEAD + 'disables = ["PBF-10"]\n' + RULE))
    lines = list(listed(pack))
    assert lines[0] == f"托克逊县规则包（tkx）1：{len(pack.rules)} 条规则"
    assert "  改动 rules.PBF-10：不适用" in lines
    assert any(line.startswith("TKX-01  须落实条件  [V]  城镇开发边界：") for line in lines)
    said = "\n".join(described(NATIONAL, "PBF-01"))
    assert "批准机关：国务院" in said
    assert "《中华人民共和国土地管理法（2019年修正）》" in said
    assert "非占用永久基本农田重大建设项目类型为不属于" in said
    assert "取代：PBF-02、PBF-13" in said
    assert "「永久基本农田转为建设用地的，由国务院批准」" in said
    assert "「」" not in "\n".join(described(NATIONAL, "PBF-24"))
    assert "起止：—2024-01-02" in "\n".join(described(NATIONAL, "PBF-04"))
    assert "起止" not in said
    assert "任何项目" in "\n".join(described(NATIONAL, "ER-01"))
    assert "，或" in "\n".join(described(NATIONAL, "PBF-08"))
    assert "空间条件：within nature_reserve core" in "\n".join(described(NATIONAL, "ER-01"))
    assert "空间条件：冲突部分，大于零" in said
    with pytest.raises(UsageError, match="RULE_UNKNOWN"):
        list(described(NATIONAL, "X"))


def test_custom_lines_have_their_own_name() -> None:
    assert any("basic_grassland" in line for line in listed(NATIONAL))


def test_in_words_and_is_not_or() -> None:
    both, either = (condition_text(Condition.model_validate({joined: [URBAN, LONG]})) for joined in ("all", "any"))
    assert ("，且" in both, "，或" in both) == (True, False)
    assert ("，且" in either, "，或" in either) == (False, True)
    assert condition_text(Condition.model_validate(LONG)) in both


def test_not_in_words_and_the_names_of_lines() -> None:
    assert condition_text(Condition.model_validate({"not": URBAN})) == f"非{condition_text(Condition(**URBAN))}"
    assert condition_text(None) == "任何项目"
    names = {"permanent_farmland": "永久基本农田", "land_use": "地类与用地规模", "general": "项目整体",
             "custom:own": "own"}  # fmt: skip
    assert {key: kind_name(key) for key in names} == names
