"""What one entry of a rule pack cannot see by itself: whatever it names (文件、规则、类别、项目信息) must exist."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from controllines.facts import Fact, catalogue
from controllines.kinds import STAY_WITHIN, kind_of, registry
from controllines.rules.conditions import LIMITS, Condition
from controllines.rules.models import GENERAL, LAND_USE, UNKNOWN, Document, Other, Rule, Where

Problem = tuple[tuple[str | int, ...], str]
Classes = Mapping[str, Mapping[str, tuple[str, ...]]]


def problems(documents: Mapping[str, Document], rules: Mapping[str, Rule], classes: Classes) -> Iterator[Problem]:
    """Yield path and message of every reference that leads nowhere."""
    for key, document in documents.items():
        for other in document.supersedes:
            if other not in documents:
                yield ("documents", key, "supersedes"), f"没有文件 {other}"
    for line, names in classes.items():
        if not _is_line(line) and line != LAND_USE:
            yield ("classes", line), f"不认识的控制线 {line}"
        if UNKNOWN in names:
            yield ("classes", line, UNKNOWN), f"{UNKNOWN} 指不认识的类别，不能另行定义"
    for key, rule in rules.items():
        for path, message in _of_rule(key, rule, (documents, rules, classes)):
            yield ("rules", key, *path), message


def _of_rule(
    key: str, rule: Rule, pack: tuple[Mapping[str, Document], Mapping[str, Rule], Classes]
) -> Iterator[Problem]:
    documents, rules, classes = pack
    if not _is_line(rule.line) and rule.line not in (LAND_USE, GENERAL):
        yield ("line",), f"不认识的控制线 {rule.line}"
        return
    for number, basis in enumerate(rule.basis):
        if basis.document not in documents:
            yield ("basis", number, "document"), f"没有文件 {basis.document}"
    for number, where in enumerate(rule.where):
        for path, message in _of_where(where, where.line or rule.line, classes):
            yield ("where", number, *path), message
    yield from _of_facts(rule)
    yield from _of_overrides(key, rules)


def _of_facts(rule: Rule) -> Iterator[Problem]:
    for test in rule.project.tests() if rule.project else ():
        for message in _of_test(test, catalogue()):
            yield ("project",), message
    if rule.approval is not None and (rule.approval not in catalogue() or catalogue()[rule.approval].type != "file"):
        yield ("approval",), f"{rule.approval} 不是图层文件类的项目信息"


def _of_overrides(key: str, rules: Mapping[str, Rule]) -> Iterator[Problem]:
    for other in rules[key].overrides:
        if other == key or other not in rules or rules[other].line != rules[key].line:
            yield ("overrides",), f"{other} 不是同一控制线的另一条规则"
    if key not in rules[key].overrides and key in _replaced(key, rules):
        yield ("overrides",), "规则不能经其他规则取代自身"


def _replaced(key: str, rules: Mapping[str, Rule]) -> set[str]:
    """Return every rule that gives way to this one, directly or through others."""
    found: set[str] = set()
    waiting = list(rules[key].overrides)
    while waiting:
        other = waiting.pop()
        if other not in found and other in rules:
            found.add(other)
            waiting += rules[other].overrides
    return found


def _of_where(where: Where, line: str, classes: Classes) -> Iterator[Problem]:
    if line == GENERAL:
        if where != Where():
            yield ("line",), "general 规则的空间条件须写明控制线（line）"
        return
    if not _is_line(line) and line != LAND_USE:
        yield ("line",), f"不认识的控制线 {line}"
        return
    yield from _unknown_classes((*where.classes, *where.except_classes), line, classes, "classes")
    if line == LAND_USE and where.side is not None:
        yield ("side",), "现状地类没有界内、界外"
    if line != LAND_USE and _side_is_outside(where, line) and where.of_inside:
        yield ("classes",), '界外的土地没有类别，也不能再与其他控制线叠加；须写 side = "inside"'
    for role, other in (("within", where.within), ("without", where.without)):
        if other is not None:
            yield from _of_other(role, other, line, classes)
            if line != LAND_USE and (where.classes or where.except_classes):
                yield (role,), "控制线的类别与 within、without 不能同时写"


def _of_other(role: str, other: Other, line: str, classes: Classes) -> Iterator[Problem]:
    if not _is_line(other.line):
        yield (role, "line"), f"不认识的控制线 {other.line}"
    if line == LAND_USE and other.classes:
        yield (role, "classes"), "地类面积只分在控制线内、外，不分控制线的类别"
    yield from _unknown_classes(other.classes, other.line, classes, role)


def _unknown_classes(names: Iterable[str], line: str, classes: Classes, role: str) -> Iterator[Problem]:
    for name in names:
        if name != UNKNOWN and name not in classes.get(line, {}):
            yield (role,), f"[classes.{line}] 没有类别 {name}"


def _side_is_outside(where: Where, line: str) -> bool:
    known = registry().get(line)
    return (where.side or ("outside" if known and known.sense == STAY_WITHIN else "inside")) == "outside"


def _of_test(test: Condition, facts: Mapping[str, Fact]) -> Iterator[str]:
    fact = facts.get(str(test.fact))
    if fact is None:
        yield f"没有项目信息 {test.fact}，可用 {'、'.join(facts)}"
    elif (test.operator in LIMITS) != (fact.type == "number"):
        yield f"{test.fact} 不能用 {test.operator} 比较"
    elif fact.type == "bool" and not all(isinstance(value, bool) for value in test.values):
        yield f"{test.fact} 只能与 true、false 比较"
    elif fact.type == "choice":
        yield from (f"{test.fact} 没有值 {value}，可用 {'、'.join(fact.values)}"
                    for value in test.values if value not in fact.values)  # fmt: skip


def _is_line(key: str) -> bool:
    known = registry().get(key)
    return known.is_line if known else key.startswith("custom:") and kind_of(key, sense="avoid").is_line
