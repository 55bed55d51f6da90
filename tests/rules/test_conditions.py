"""Project conditions answer yes, no, or unknown; an unknown fact is never a no."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from controllines.rules.conditions import Condition, deciding, every, holds, meets, negated

URBAN = {"fact": "category", "equals": "urban"}
LONG = {"fact": "works_period_years", "above": 2}


def condition(**tree: object) -> Condition:
    return Condition.model_validate(tree)


@pytest.mark.parametrize(
    ("operator", "limit", "below", "at", "above"),
    [("above", 2, False, False, True), ("at_least", 2, False, True, True),
     ("at_most", 2, True, True, False), ("below", 2, True, False, False)],
)  # fmt: skip
def test_limits(operator: str, limit: float, below: bool, at: bool, above: bool) -> None:
    test = condition(fact="works_period_years", **{operator: limit})
    assert [meets(test, value) for value in (1.5, 2.0, 2.5)] == [below, at, above]


@pytest.mark.parametrize(
    ("tree", "facts", "expected"),
    [
        (URBAN, {"category": "urban"}, True),
        (URBAN, {"category": "village"}, False),
        (URBAN, {}, None),
        ({"fact": "category", "one_of": ["urban", "village"]}, {"category": "village"}, True),
        ({"fact": "linear", "equals": False}, {"linear": False}, True),
        ({"not": URBAN}, {"category": "urban"}, False),
        ({"all": [URBAN]}, {"category": "urban"}, True),
        ({"any": [URBAN]}, {"category": "urban"}, True),
        ({"not": URBAN}, {}, None),
        ({"all": [URBAN, LONG]}, {"category": "village"}, False),
        ({"all": [URBAN, LONG]}, {"category": "urban"}, None),
        ({"all": [URBAN, LONG]}, {"category": "urban", "works_period_years": 3.0}, True),
        ({"any": [URBAN, LONG]}, {"category": "urban"}, True),
        ({"any": [URBAN, LONG]}, {"category": "village"}, None),
        ({"any": [URBAN, LONG]}, {"category": "village", "works_period_years": 1.0}, False),
    ],
)
def test_three_answers(tree: dict[str, object], facts: dict[str, object], expected: bool | None) -> None:
    assert holds(condition(**tree), facts) is expected


def test_no_condition_always_holds() -> None:
    assert holds(None, {}) is True
    assert deciding(None, {}) == []


def test_joining_answers() -> None:
    assert every([]) is True
    assert every([True, None]) is None
    assert every([True, None, False]) is False
    assert [negated(answer) for answer in (True, False, None)] == [False, True, None]


def test_only_facts_that_still_decide_are_asked() -> None:
    lasting = {"not": {"fact": "temporary", "equals": True}}
    tree = condition(all=[URBAN, {"any": [LONG, {"fact": "linear", "equals": True}]}, lasting])
    assert deciding(tree, {}) == ["category", "works_period_years", "linear", "temporary"]
    assert deciding(tree, {"linear": True}) == ["category", "temporary"]
    assert deciding(tree, {"category": "village"}) == []
    assert [test.fact for test in tree.tests()] == ["category", "works_period_years", "linear", "temporary"]


@pytest.mark.parametrize(
    "tree",
    [{}, {"equals": 1}, {"fact": "category"}, URBAN | {"one_of": ["urban"]}, {"all": [URBAN], "any": [URBAN]},
     {"all": []}, URBAN | {"not": URBAN}, {"all": [URBAN], "above": 1}, URBAN | {"unknown": 1}],
)  # fmt: skip
def test_malformed_conditions_are_refused(tree: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Condition.model_validate(tree)
