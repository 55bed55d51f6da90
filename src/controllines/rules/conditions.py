"""Project conditions (项目条件): all, any, not and comparisons over project facts, with three answers.

A comparison with a fact that nobody gave is unknown (None), never false. There is no expression language: a condition
is a tree of tables that a planner can read and a program can list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import Field, model_validator

from controllines.strict import Strict

Value = str | bool | float
Facts = Mapping[str, Value]
#: Three answers: None is unknown.
Truth = bool | None
FORMS = ("all", "any", "not", "fact")
LIMITS = ("above", "at_least", "at_most", "below")
OPERATORS = ("equals", "one_of", *LIMITS)


class Condition(Strict):
    """One condition: a comparison of a fact, or conditions joined by all, any, not; exactly one of these forms.

    Attributes
    ----------
    all, any, not_ : conditions that all hold; of which at least one holds; that does not hold
    fact : key of the catalogue of facts, compared by exactly one operator
    equals, one_of : the value, or several of which it is one
    above, at_least, at_most, below : limits of a number
    """

    all: tuple[Condition, ...] | None = Field(default=None, min_length=1)
    any: tuple[Condition, ...] | None = Field(default=None, min_length=1)
    not_: Condition | None = Field(default=None, alias="not")
    fact: str | None = None
    equals: Value | None = None
    one_of: tuple[Value, ...] | None = Field(default=None, min_length=1)
    above: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Condition:
        given = self.model_dump(exclude_none=True, by_alias=True)
        if len([name for name in FORMS if name in given]) != 1:
            raise ValueError(f"一个条件须且只须写 {'、'.join(FORMS)} 之一")
        if len([name for name in OPERATORS if name in given]) != (self.fact is not None):
            raise ValueError(f"fact 须且只须有一个比较：{'、'.join(OPERATORS)}")
        return self

    @property
    def operator(self) -> str:
        """Name of the comparison."""
        return next(name for name in OPERATORS if getattr(self, name) is not None)

    @property
    def values(self) -> tuple[Any, ...]:
        """The values compared with."""
        value = getattr(self, self.operator)
        return value if isinstance(value, tuple) else (value,)

    def tests(self) -> Iterator[Condition]:
        """Yield every comparison in it."""
        if self.fact is not None:
            yield self
        for part in (*(self.all or ()), *(self.any or ()), *([self.not_] if self.not_ else ())):
            yield from part.tests()


def holds(condition: Condition | None, facts: Facts) -> Truth:
    """Return whether a condition holds; no condition always holds."""
    if condition is None:
        return True
    if condition.all is not None:
        return every(holds(part, facts) for part in condition.all)
    if condition.any is not None:
        return negated(every(negated(holds(part, facts)) for part in condition.any))
    if condition.not_ is not None:
        return negated(holds(condition.not_, facts))
    value = facts.get(str(condition.fact))
    return None if value is None else meets(condition, value)


def meets(test: Condition, value: Value) -> bool:
    """Return whether a known value meets one comparison."""
    if test.operator not in LIMITS:
        return value in test.values
    number, limit = float(value), float(test.values[0])
    if test.operator == "above":
        return number > limit
    if test.operator == "at_least":
        return number >= limit
    return number <= limit if test.operator == "at_most" else number < limit


def every(answers: Iterable[Truth]) -> Truth:
    """Join answers by *and*: False if one is False, else unknown if one is unknown."""
    known = True
    for answer in answers:
        if answer is None:
            known = False
        elif not answer:
            return False
    return True if known else None


def negated(answer: Truth) -> Truth:
    """Return the opposite; unknown stays unknown."""
    return None if answer is None else not answer


def deciding(condition: Condition | None, facts: Facts) -> list[str]:
    """Return the facts that an unknown condition waits for, in the order in which it names them."""
    if condition is None or holds(condition, facts) is not None:
        return []
    if condition.fact is not None:
        return [condition.fact]
    parts = (*(condition.all or ()), *(condition.any or ()), *([condition.not_] if condition.not_ else ()))
    return list(dict.fromkeys(fact for part in parts for fact in deciding(part, facts)))
