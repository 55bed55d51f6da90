"""The words of verdicts: every level, status and policy that the code knows has its words."""

from __future__ import annotations

import pytest

from controllines.rules.conditions import OPERATORS
from controllines.rules.judge import EXCLUDED, MISSING, NO_RULE, NOTHING, UNRESOLVED
from controllines.rules.levels import LEVELS
from controllines.rules.words import text, words


@pytest.mark.parametrize("section", ["avoid", "stay_within", "overall", "table"])
def test_every_level_has_a_word_by_sense(section: str) -> None:
    suspected = ["conditional", "approval", "prohibited"] if section != "table" else []
    assert set(words()[section]) == {*LEVELS, *(f"suspected_{level}" for level in suspected)}
    for level in suspected:
        assert words()[section][f"suspected_{level}"].endswith("条款待核")  # second hand is always said


def test_the_trace_has_a_word_for_every_level_operator_and_limit() -> None:
    levels = {f"level_{level}" for level in (*LEVELS, None, "note")}
    limits = {"above_m2", "at_most_m2", "share_above", "share_at_most", "depth_above_m", "depth_at_most_m"}
    states = {"standing", "suspended", "open", "replaced", "idle", "not_met"}
    assert levels | limits | states | set(OPERATORS) <= set(words()["trace"])


def test_policies_are_those_of_the_code_with_its_levels() -> None:
    undetermined = dict.fromkeys((MISSING, UNRESOLVED, NO_RULE, EXCLUDED), "undetermined")
    policies = words()["policies"]
    assert {key: entry["level"] for key, entry in policies.items()} == {NOTHING: "clear", **undetermined}
    assert all("question" in policies[key] for key in undetermined)  # what is open says what to do


def test_values_fill_a_text_and_are_no_templates_themselves() -> None:
    assert text("sentence", "plain", fact="{0}", conclusion="{x}") == "{0}，{x}。"
    with pytest.raises(KeyError):
        text("sentence", "nothing")
