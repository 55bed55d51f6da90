"""Rules in words (规则的说明): what the command line lists and shows."""

from __future__ import annotations

from collections.abc import Iterator

from controllines.errors import UsageError
from controllines.facts import catalogue, shown
from controllines.kinds import registry
from controllines.rules.conditions import Condition
from controllines.rules.models import Basis, Rule, Where
from controllines.rules.packs import Pack
from controllines.rules.words import text, words


def listed(pack: Pack) -> Iterator[str]:
    """Yield one line per rule: id, level, how well it is known, line, title; and first what the pack is."""
    yield text("describe", "pack", name=pack.header.name, id=pack.header.id, version=pack.header.version,
               count=len(pack.rules))  # fmt: skip
    for change in pack.changes:
        keys = "、".join(change.keys) or text("describe", "disabled")
        yield text("describe", "change", entry=change.entry, keys=keys)
    for key, rule in pack.rules.items():
        yield text("describe", "rule", rule=key, level=text("trace", f"level_{rule.level}"), tag=rule.best or "—",
                   line=kind_name(rule.line), title=rule.title)  # fmt: skip


def described(pack: Pack, key: str) -> Iterator[str]:
    """Yield the lines that describe one rule.

    Raises
    ------
    UsageError
        The pack has no such rule.
    """
    rule = pack.rules.get(key)
    if rule is None:
        raise UsageError.of("RULE_UNKNOWN", actual=key, expected="、".join(pack.rules))
    yield text("describe", "rule", rule=key, level=text("trace", f"level_{rule.level}"), tag=rule.best or "—",
               line=kind_name(rule.line), title=rule.title)  # fmt: skip
    for where in rule.where:
        yield text("describe", "where", where=_where(where))
    yield text("describe", "project", project=condition_text(rule.project))
    yield from (text("describe", name, value=value) for name, value in _entries(rule) if value)
    for basis in rule.basis:
        yield text("describe", "basis", **_clause(basis, pack))


def _entries(rule: Rule) -> Iterator[tuple[str, str]]:
    yield "authority", rule.authority
    yield "requires", "、".join(rule.requires)
    yield "overrides", "、".join(rule.overrides)
    dated = rule.valid_from or rule.valid_to
    yield "valid", text("describe", "from_to", start=rule.valid_from or "", end=rule.valid_to or "") if dated else ""
    yield "sentence", "，".join(filter(None, (rule.zh.fact, rule.zh.conclusion)))
    yield "question", rule.question


def _clause(basis: Basis, pack: Pack) -> dict[str, object]:
    document = pack.documents[basis.document]
    quotation = f"「{basis.quotation}」" if basis.quotation else ""
    return {"title": document.title, "number": document.number, "article": basis.article, "quotation": quotation,
            "tag": basis.verification, "start": document.in_force_from or "—",
            "end": document.in_force_until or "—"}  # fmt: skip


def _where(where: Where) -> str:
    given = where.model_dump(exclude_none=True, exclude_defaults=True)
    said = [f"{name} {_plain(value)}" for name, value in given.items()]
    return "，".join(said) or text("describe", "conflict")


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(_plain(item) for item in value.values())
    return "、".join(map(str, value)) if isinstance(value, tuple) else str(value)


def condition_text(condition: Condition | None) -> str:
    """Return a project condition as a Chinese phrase."""
    if condition is None:
        return text("describe", "any_project")
    if condition.not_ is not None:
        return text("describe", "not", part=condition_text(condition.not_))
    parts = condition.all or condition.any
    if parts is not None:
        word = text("describe", "and" if condition.all is not None else "or")
        return "（" + word.join(condition_text(part) for part in parts) + "）"
    fact = catalogue()[str(condition.fact)]
    values = "、".join(shown(fact.key, value) for value in condition.values)
    return f"{fact.zh}{text('trace', condition.operator)}{values}"


def kind_name(key: str) -> str:
    """Return the Chinese name of a line, of land use, or of the project as a whole."""
    if key in words()["lines"]:
        return text("lines", key)
    return registry()[key].zh if key in registry() else key.removeprefix("custom:")
