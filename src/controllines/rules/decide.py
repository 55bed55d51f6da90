"""From answers to a level: which rules stand, which give way, and which are still open.

A rule gives way to another only where that one names it in ``overrides``. A rule that may yet give way to an open one
is suspended: it decides nothing until the open one is answered.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from controllines.rules.cases import Case
from controllines.rules.conditions import Facts, Truth, deciding, holds
from controllines.rules.levels import UNDETERMINED, Level, severity, worst
from controllines.rules.models import GENERAL, HEARSAY, Basis, Document, Rule, Tag, Where, tag_of, within
from controllines.rules.packs import Pack


@dataclass(frozen=True)
class Active:
    """A rule in force on the day: all that can be said of it before any case is seen.

    Attributes
    ----------
    key, rule : id and rule
    basis : its clauses in force: document (key), title, number, article, quotation, verification
    tag : how well the row is known, no better than its best clause in force; None where it rests on no clause
    level : its level, undetermined where what is in force is hearsay; None of a note
    wheres : its geometric conditions; rules that ask the same share one object, and are measured once a case
    elsewhere : whether it can apply where there is no conflict: it asks for land on the other side
    """

    key: str
    rule: Rule
    basis: tuple[Mapping[str, str], ...]
    tag: Tag | None
    level: Level | None
    wheres: tuple[Where, ...]
    elsewhere: bool

    @property
    def weak(self) -> bool:
        """Whether its clauses are known at second hand only (条款待核)."""
        return self.tag not in ("V", None)


def active(pack: Pack, day: dt.date) -> dict[str, dict[str, Active]]:
    """Return the rules in force on a day, by line and id."""
    found: dict[str, dict[str, Active]] = {}
    shared: dict[str, tuple[Where, ...]] = {}
    for key, rule in pack.rules.items():
        basis = tuple(item for item in rule.basis if pack.documents[item.document].in_force(day))
        if within(day, rule.valid_from, rule.valid_to) and (basis or not rule.basis):
            tag = tag_of(rule.confidence, basis)
            wheres = () if rule.line == GENERAL and rule.where == (Where(),) else rule.where
            wheres = shared.setdefault(repr(wheres), wheres)
            clauses = tuple(_clause(item, pack.documents[item.document]) for item in basis)
            elsewhere = any(where.side is not None or where.line is not None for where in rule.where)
            found.setdefault(rule.line, {})[key] = Active(key, rule, clauses, tag, _level(rule, tag), wheres, elsewhere)
    return found


def _clause(part: Basis, document: Document) -> Mapping[str, str]:
    return {"document": part.document, "title": document.title, "number": document.number, "article": part.article,
            "quotation": part.quotation, "verification": part.verification}  # fmt: skip


def _level(rule: Rule, tag: Tag | None) -> Level | None:
    if rule.level == "note":
        return None
    return UNDETERMINED if tag in HEARSAY else rule.level


@dataclass(frozen=True, eq=False)
class Told:
    """The rules in force as the facts of a project meet them; cases with the same facts share it.

    Attributes
    ----------
    rules : rules in force, by line and id
    facts : project facts by key
    holds : rule → whether its project condition holds
    waits_for : rule → the facts that its project condition, if unknown, waits for
    """

    rules: Mapping[str, Mapping[str, Active]]
    facts: Facts
    holds: Mapping[str, Truth]
    waits_for: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, facts: Facts, rules: Mapping[str, Mapping[str, Active]]) -> Told:
        """Ask every rule for its project condition."""
        conditions = {key: item.rule.project for of_line in rules.values() for key, item in of_line.items()}
        return cls(rules, facts, {key: holds(condition, facts) for key, condition in conditions.items()},
                   {key: deciding(condition, facts) for key, condition in conditions.items()})  # fmt: skip


def told_to(
    cases: Iterable[Case], rules: Mapping[str, Mapping[str, Active]]
) -> Iterator[tuple[Case, Told]]:  # fmt: skip
    """Yield each case with the rules as its facts meet them."""
    by_facts: dict[object, Told] = {}
    for case in cases:
        key = tuple(sorted(case.facts.items()))
        if key not in by_facts:
            by_facts[key] = Told.of(case.facts, rules)
        yield case, by_facts[key]


@dataclass(frozen=True)
class Decision:
    """What the rules of one line lead to.

    Attributes
    ----------
    level : None where no rule applies or is open
    standing : rules that apply
    suspended : rules that apply unless an open one replaces them
    open : rules of which it is not known whether they apply, and that would change the level
    replaced : rules that gave way, and to which
    """

    level: Level | None
    standing: tuple[str, ...] = ()
    suspended: tuple[str, ...] = ()
    open: tuple[str, ...] = ()
    replaced: tuple[tuple[str, str], ...] = ()


NO_DECISION = Decision(None)


def decide(rules: Mapping[str, Active], answers: Mapping[str, Truth]) -> Decision:
    """Combine the answers of the rules of one line; the worst level holds. A rule without answer was not asked."""
    rules = {key: rule for key, rule in rules.items() if key in answers}
    yes = [key for key in rules if answers[key] is True]
    replaced = {other: key for key in yes for other in rules[key].rule.overrides}
    applies = [key for key in yes if key not in replaced]
    maybe = [key for key in rules if answers[key] is None and key not in replaced and rules[key].level]
    threatened = {other for key in maybe for other in rules[key].rule.overrides}
    standing = [key for key in applies if key not in threatened]
    suspended = [key for key in applies if key in threatened]
    floor = worst(level for key in standing if (level := rules[key].level))
    open_ = [key for key in maybe if _matters(rules[key], floor, suspended)]
    levels = [] if floor is None else [floor]
    if open_ or suspended:
        levels.append(UNDETERMINED)
    gone = tuple((other, key) for other, key in replaced.items() if other in yes)
    return Decision(worst(levels), tuple(standing), tuple(suspended), tuple(open_), gone)


def _matters(rule: Active, floor: Level | None, suspended: Sequence[str]) -> bool:
    """Return whether an open rule could change the level: by its own, or by what it would replace."""
    worse = rule.level is not None and (floor is None or severity(rule.level) > severity(floor))
    return worse or any(other in suspended for other in rule.rule.overrides)
