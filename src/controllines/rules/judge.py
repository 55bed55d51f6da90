"""One line of one case (一条控制线的判定): every rule's answer with its numbers, and what they lead to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from controllines.rules.cases import Case, Line
from controllines.rules.conditions import Facts, Truth, every, holds
from controllines.rules.decide import NO_DECISION, Active, Decision, Told, decide
from controllines.rules.levels import CLEAR, UNDETERMINED, Level, worst
from controllines.rules.models import GENERAL
from controllines.rules.parts import Names, Part, part_of

#: Ids of the policies in ``data/rules/words.toml``.
NOTHING, MISSING, UNRESOLVED, NO_RULE, EXCLUDED = "P-00", "G-01", "P-01", "P-02", "P-03"


class Answer(NamedTuple):
    """What one rule says to one case.

    Attributes
    ----------
    geometry : whether its geometric conditions hold, and the approved area it needs covers the conflict
    project : whether its project condition holds
    parts : its geometric conditions one by one
    shortfall_m2 : conflict outside the approved area, None where no such area was handed in or is needed
    """

    geometry: Truth
    project: Truth
    parts: tuple[Part, ...]
    shortfall_m2: float | None = None

    @property
    def truth(self) -> Truth:
        """Whether the rule applies; None: not known."""
        return every((self.geometry, self.project))


#: Of a rule that the facts of the project rule out.
_RULED_OUT = Answer(False, False, ())


@dataclass(frozen=True)
class Judged:
    """One line (or land use, or the project as a whole) of one case.

    Attributes
    ----------
    key : the line, ``land_use`` or ``general``
    line : what was measured of it; None for what is no line
    told : the rules as the facts of the case meet them
    answers, decision : answers of its rules, and what they lead to
    policies : policies that apply, each with its level
    """

    key: str
    line: Line | None
    told: Told
    answers: Mapping[str, Answer] = field(default_factory=dict)
    decision: Decision = NO_DECISION
    policies: Mapping[str, Level] = field(default_factory=dict)

    @property
    def rules(self) -> Mapping[str, Active]:
        """Its rules in force."""
        return self.told.rules.get(self.key, {})

    @cached_property
    def level(self) -> Level | None:
        """The level that holds; None where nothing is said (no rule of land use applies)."""
        return worst(level for level in (self.decision.level, *self.policies.values()) if level is not None)

    @property
    def pattern(self) -> tuple[object, ...]:
        """All that its level depends on besides project facts."""
        line = self.line
        answers = tuple(found.geometry for found in self.answers.values())
        return self.key, answers, None if line is None else (line.outcome, line.incomplete)


def judge(key: str, case: Case, told: Told, classes: Mapping[str, Names], *, full: bool = False) -> Judged:
    """Judge one line of a case, or its land use, or the project as a whole.

    ``full`` measures the parts of rules too that the project facts rule out (for the trace).
    """
    line = case.lines.get(key)
    if line is not None and not line.measured:
        return Judged(key, line, told, policies={MISSING: UNDETERMINED})
    if line is not None and "sub_resolution" in line.flags:
        return Judged(key, line, told, policies={UNRESOLVED: UNDETERMINED})
    answers, rules = {}, told.rules.get(key, {})
    if line is None or line.outcome == "conflict" or any(item.elsewhere for item in rules.values()):
        parts: dict[int, tuple[Part, ...]] = {}
        answers = {
            name: _answer(item, told.holds[name], case, how=(classes, parts))
            if full or told.holds[name] is not False else _RULED_OUT
            for name, item in rules.items()
        }  # fmt: skip
    decision = decide(rules, {name: found.truth for name, found in answers.items()})
    policies = _policies(line, decision.level)
    if key == GENERAL and case.excluded:
        policies = {EXCLUDED: UNDETERMINED}
    return Judged(key, line, told, answers, decision, policies)


def _policies(line: Line | None, level: Level | None) -> dict[str, Level]:
    if line is None:
        return {}
    found: dict[str, Level] = {}
    if line.incomplete:
        found[MISSING] = UNDETERMINED
    if level is None:
        found |= {NO_RULE: UNDETERMINED} if line.outcome == "conflict" else {NOTHING: CLEAR}
    return found


def _answer(
    item: Active, project: Truth, case: Case, *, how: tuple[Mapping[str, Names], dict[int, tuple[Part, ...]]]
) -> Answer:  # fmt: skip
    """Return what a rule says to a case: all its conditions together, and each by itself."""
    (classes, known), rule = how, item.rule
    parts, shortfall = known.get(id(item.wheres)), None
    if parts is None:
        parts = known[id(item.wheres)] = tuple(part_of(where, rule.line, case, classes) for where in item.wheres)
    if rule.approval is not None and rule.line in case.lines:
        shortfall = case.lines[rule.line].shortfalls.get(rule.approval)
    covered = [] if shortfall is None else [shortfall <= 0]
    return Answer(every([*(part.holds for part in parts), *covered]), project, parts, shortfall)


def level_with(judged: Judged, facts: Facts) -> Level | None:
    """Return the level of a judged line if these were the project facts."""
    known = {name: every((found.geometry, holds(judged.rules[name].rule.project, facts)))
             for name, found in judged.answers.items()}  # fmt: skip
    decision = decide(judged.rules, known)
    others = _policies(judged.line, decision.level)
    return worst(level for level in (decision.level, *others.values()) if level is not None)


def missing_facts(judged: Judged, keys: Iterable[str] | None = None) -> list[str]:
    """Return the facts that the open rules (or these rules) wait for, in their order."""
    asked = judged.decision.open if keys is None else keys
    return list(dict.fromkeys(fact for key in asked for fact in judged.told.waits_for[key]))
