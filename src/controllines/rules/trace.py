"""The trace (判定过程): every rule that was tried, condition by condition, with the numbers it was judged by."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from controllines.facts import catalogue, shown
from controllines.rules.cases import Case
from controllines.rules.conditions import Facts, holds
from controllines.rules.decide import Active, active, told_to
from controllines.rules.described import kind_name
from controllines.rules.evaluate import judged_of
from controllines.rules.judge import Answer, Judged
from controllines.rules.packs import Pack
from controllines.rules.words import text, words

Record = dict[str, Any]


def trace(cases: Iterable[Case], pack: Pack, *, as_of: dt.date) -> Iterator[Record]:
    """Yield how each case was judged: scope, subject_id, project_id, and its kinds with the rules that were tried."""
    for case, told in told_to(cases, active(pack, as_of)):
        judged = [_judged(item, case) for item in judged_of(case, told, pack.classes, full=True)]
        yield {"scope": case.scope, "subject_id": case.subject_id, "project_id": case.project_id,
               "kinds": [item for item in judged if item["level"] is not None or item["rules"]]}  # fmt: skip


def _judged(judged: Judged, case: Case) -> Record:
    line = judged.line
    measured = {} if line is None else {
        "outcome": line.outcome, "inside_m2": line.inside_m2, "outside_m2": line.outside_m2,
        "uncovered_m2": line.uncovered_m2, "depth_m": line.depth_m, "clearance_m": line.clearance_m,
        "flags": sorted(line.flags),
    }  # fmt: skip
    return {
        "kind": judged.key, "level": judged.level, "policies": list(judged.policies), "measured": measured,
        "rules": [_rule(key, found, judged, case.facts) for key, found in judged.answers.items()],
    }  # fmt: skip


def _rule(key: str, found: Answer, judged: Judged, facts: Facts) -> Record:
    item = judged.rules[key]
    return {
        "rule": key, "title": item.rule.title, "level": item.level or "note", "applies": found.truth,
        "status": _status(key, judged), "basis": [part["document"] for part in item.basis],
        "where": [
            {"limit": name, "value": limit, "least": least, "most": most, "holds": held}
            for part in found.parts for name, limit, least, most, held in part.limits
        ],
        "project": list(_tests(item, facts)), "shortfall_m2": found.shortfall_m2,
    }  # fmt: skip


def _status(key: str, judged: Judged) -> str:
    """Return what became of a rule: standing, suspended, open, replaced by another, idle, or not met."""
    decision = judged.decision
    by = dict(decision.replaced).get(key)
    if by is not None:
        return f"replaced:{by}"
    names = {"standing": decision.standing, "suspended": decision.suspended, "open": decision.open}
    status = next((name for name, keys in names.items() if key in keys), None)
    # an open rule that could not change the level is idle
    return status or ("idle" if judged.answers[key].truth is None else "not_met")


def _tests(item: Active, facts: Facts) -> Iterator[Record]:
    for test in item.rule.project.tests() if item.rule.project else ():
        yield {"fact": test.fact, "operator": test.operator, "values": list(test.values),
               "value": facts.get(str(test.fact)), "holds": holds(test, facts)}  # fmt: skip


def explained(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of text of one record of the trace, for people."""
    yield text("trace", "subject", scope=text("trace", record["scope"]), identity=record["subject_id"])
    for kind in record["kinds"]:
        yield text("trace", "kind", kind=kind_name(kind["kind"]), level=text("trace", f"level_{kind['level']}"))
        measured = kind["measured"]
        if measured:
            yield text("trace", "measured", outcome=text("trace", measured["outcome"]), **{
                name: "—" if measured[name] is None else f"{measured[name]:.10g}"
                for name in ("inside_m2", "outside_m2", "uncovered_m2", "depth_m", "clearance_m")
            })  # fmt: skip
        for policy in kind["policies"]:
            yield text("trace", "policy", rule=policy, title=words()["policies"][policy]["title"])
        for rule in kind["rules"]:
            yield from _explained_rule(rule)


def _explained_rule(rule: Mapping[str, Any]) -> Iterator[str]:
    status, _, by = rule["status"].partition(":")
    yield text("trace", "rule", rule=rule["rule"], title=rule["title"], level=text("trace", f"level_{rule['level']}"),
               status=text("trace", status, by=by))  # fmt: skip
    for limit in rule["where"]:
        yield text("trace", "limit", limit=text("trace", limit["limit"]), value=f"{limit['value']:.10g}",
                   found=_between(limit["least"], limit["most"]), holds=_truth(limit["holds"]))  # fmt: skip
    for test in rule["project"]:
        fact = catalogue()[test["fact"]]
        value = text("trace", "unknown") if test["value"] is None else shown(fact.key, test["value"])
        yield text("trace", "test", fact=fact.zh, operator=text("trace", test["operator"]),
                   values="、".join(shown(fact.key, item) for item in test["values"]), value=value,
                   holds=_truth(test["holds"]))  # fmt: skip
    if rule["shortfall_m2"] is not None:
        yield text("trace", "shortfall", area=f"{rule['shortfall_m2']:.10g}")


def _between(least: float, most: float) -> str:
    return f"{least:.10g}" if least == most else text("trace", "between", least=f"{least:.10g}", most=f"{most:.10g}")


def _truth(holds_: bool | None) -> str:
    return text("trace", {True: "yes", False: "no", None: "open_answer"}[holds_])
