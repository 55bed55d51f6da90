"""What to ask (须问的话): the question of a missing project fact, and the level each answer would lead to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from controllines.facts import Fact, Value, catalogue, shown
from controllines.kinds import STAY_WITHIN
from controllines.rules.judge import Judged, level_with, missing_facts
from controllines.rules.levels import CLEAR, Level
from controllines.rules.words import text

#: ``none`` of a choice: 不属于.
NONE_OF_THEM = "none"


@dataclass(frozen=True)
class Asked:
    """One question.

    Attributes
    ----------
    fact : key of the missing fact
    answers : each level with the values that would lead to it, in the order of the catalogue
    sense : of the line it is asked for; None for land use and the project as a whole
    """

    fact: str
    answers: tuple[tuple[Level | None, tuple[Value, ...]], ...]
    sense: str | None = None

    @property
    def text(self) -> str:
        """The question with its answers; without them where none would change the level."""
        fact = catalogue()[self.fact]
        if len(self.answers) < 2:
            return fact.question
        said = "；".join(text("question", "answer", values=_values(fact, values), level=_word(level, self.sense))
                        for level, values in self.answers)  # fmt: skip
        return text("question", "answers", question=fact.question, answers=said)


def _word(level: Level | None, sense: str | None) -> str:
    """Return a level in a word; land inside the boundary is never 不涉及."""
    if level in (None, CLEAR):
        return text("short", "within" if sense == STAY_WITHIN else "clear" if sense else "nothing")
    return text("short", str(level))


def _values(fact: Fact, values: tuple[Value, ...]) -> str:
    others = len(fact.values) - 1
    if NONE_OF_THEM in fact.values and len(values) == others and NONE_OF_THEM not in values:
        return text("question", "not_none")
    return "、".join(str(value) if fact.type == "number" else shown(fact.key, value) for value in values)


class Questions:
    """What is asked in all cases of one pattern: each question is put into words when it is first asked."""

    def __init__(self, judged: Judged) -> None:
        self._judged = judged
        self._of_fact: dict[str, str] = {}
        self._of_rules: dict[tuple[str, ...], tuple[str, ...]] = {}

    @cached_property
    def facts(self) -> list[str]:
        """The facts that the open rules wait for, in their order."""
        return missing_facts(self._judged)

    def of(self, rules: tuple[str, ...]) -> tuple[str, ...]:
        """Return the questions of the facts that these rules wait for."""
        if rules not in self._of_rules:
            self._of_rules[rules] = tuple(map(self._said, missing_facts(self._judged, rules)))
        return self._of_rules[rules]

    def _said(self, fact: str) -> str:
        if fact not in self._of_fact:
            self._of_fact[fact] = ask(fact, self._judged).text
        return self._of_fact[fact]


def ask(fact: str, judged: Judged) -> Asked:
    """Return the question of one missing fact, all other facts staying as they are."""
    found: dict[Level | None, list[Value]] = {}
    for label, value in _candidates(catalogue()[fact], judged):
        found.setdefault(level_with(judged, {**judged.told.facts, fact: value}), []).append(label)
    sense = None if judged.line is None else judged.line.sense
    return Asked(fact, tuple((level, tuple(values)) for level, values in found.items()), sense)


def _candidates(fact: Fact, judged: Judged) -> list[tuple[Value, Value]]:
    """Return the values to try, each with its name: all of a choice, yes and no, one between the limits of a number."""
    if fact.type == "choice":
        return [(value, value) for value in fact.values]
    if fact.type == "bool":
        return [(True, True), (False, False)]
    limits = sorted(set(_limits(fact.key, judged)))
    between = [(text("question", "between", least=f"{a:g}", most=f"{b:g}", unit=fact.unit), (a + b) / 2)
               for a, b in pairwise(limits)]  # fmt: skip
    up_to = text("question", "up_to", limit=f"{limits[0]:g}", unit=fact.unit)
    above = text("question", "above", limit=f"{limits[-1]:g}", unit=fact.unit)
    return [(up_to, limits[0] / 2), *between, (above, limits[-1] + 1)]


def _limits(fact: str, judged: Judged) -> Iterator[float]:
    for item in judged.rules.values():
        for test in item.rule.project.tests() if item.rule.project else ():
            if test.fact == fact:
                yield float(test.values[0])
