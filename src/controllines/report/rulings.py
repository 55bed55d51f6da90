"""Verdicts in the report (规则判定): a word, sentences, clauses and questions per line, from the verdicts frame."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from controllines.facts import FormRow, catalogue
from controllines.kinds import AVOID, Kind
from controllines.report.figures import Convention, Measures, area, ratio_of
from controllines.report.rows import Row, grouped, records
from controllines.report.sentences import Scope, conflict_phrase, told
from controllines.report.words import clean, say, word
from controllines.rules.cases import Case, Print, Printed
from controllines.rules.levels import CLEAR
from controllines.rules.words import text

if TYPE_CHECKING:
    from controllines.results import CheckResult

#: (scope, subject_id, kind) → rows of the verdicts frame.
Rulings = dict[Any, list[Row]]
#: What the answers to a question lead to, in brackets behind it; names of values may hold brackets.
_ANSWERS = "(?:（[^（）]*(?:（[^（）]*）[^（）]*)*）)?"
#: Levels that are only suspected where no clause is known at first hand.
_SUSPECTED = ("conditional", "approval", "prohibited")


@dataclass(frozen=True)
class Ruling:
    """What the rules say of one parcel or project and one line (or its land use, or the project as a whole).

    Attributes
    ----------
    level, word : the level, and how it is printed
    sentences : what the rules that apply say; notes too
    basis : the clauses, each once
    authority, requires : who approves, what must be handed in
    questions : what must be asked or supplied
    sensitive : whether the level would change within the accuracy of the survey (边界敏感)
    rules : ids of the rules that apply or are open
    original : how the level of the rules is printed where a reviewer decided otherwise (人工认定)
    """

    level: str | None
    word: str
    sentences: tuple[str, ...] = ()
    basis: tuple[str, ...] = ()
    authority: str = ""
    requires: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    sensitive: bool = False
    rules: tuple[str, ...] = ()
    original: str = ""

    @property
    def speaks(self) -> bool:
        """Whether there is more to say than that the line is clear; a note alone is more."""
        return len(self.rules) > (self.level == CLEAR) or bool(self.original)


def rulings(result: CheckResult) -> Rulings:
    """Return the rows of the verdicts frame by scope, subject and kind."""
    return grouped(records(result.verdicts), "scope", "subject_id", "kind")


def ruling(rows: Sequence[Row], kind: Kind | None) -> Ruling:
    """Return what the rows of one subject and kind say; without rows nothing was judged (未作规则判定)."""
    if not rows:
        return Ruling(None, word("titles", "verdict_none"))
    level = next((row["level"] for row in rows if row["decisive"]), None)
    setting = [row for row in rows if row["level"] == level]
    said = [row for row in rows if row["level"] != "undetermined" or row["decisive"] or level != "undetermined"]
    clauses = [clause for row in said for clause in row["basis"]]
    decided = [row for row in rows if row["override"]]
    original = [row | {"level": row["original_level"], "override": None} for row in decided]
    before = level_word(original[0]["level"], original, kind) if original else ""
    trails = [say("ruling", "decided", trail=row["override"], original=before) for row in decided]
    return Ruling(
        level=level,
        word=level_word(level, setting, kind),
        sentences=tuple(dict.fromkeys([*(row["sentence"] for row in said), *trails])),
        basis=tuple(dict.fromkeys(map(clause_text, clauses))),
        authority=_authority(setting),
        requires=tuple(dict.fromkeys(name for row in said for name in row["requires"])),
        questions=questions_of(rows),
        sensitive=any(row["flips"] is True for row in rows),
        rules=tuple(row["rule_id"] for row in rows),
        original=before,
    )


def questions_of(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return all that must be asked or supplied, each once; None where nothing is open."""
    return tuple(dict.fromkeys(line for row in rows if row["question"] for line in row["question"].splitlines()))


def level_word(level: str | None, setting: Sequence[Row], kind: Kind | None) -> str:
    """Return a level in the words of the contract; suspected where all that set it rests on second-hand clauses."""
    if level is None:
        return word("ruling", "note")
    sense = "overall" if kind is None else "avoid" if kind.sense == AVOID else "stay_within"
    decided = all(row.get("override") for row in setting)
    weak = level in _SUSPECTED and not decided and all(row["verification"] not in ("V", None) for row in setting)
    authority = _authority(setting) or word("ruling", "authority")
    return text(sense, f"suspected_{level}" if weak else level, authority=authority)


def _authority(rows: Sequence[Row]) -> str:
    return "、".join(dict.fromkeys(row["authority"] for row in rows if row["authority"]))


def clause_text(clause: Mapping[str, Any]) -> str:
    """Return one clause as printed: title, number, article, and 条款待核 where it is not known at first hand."""
    number = f"（{clause['number']}）" if clause["number"] else ""
    pending = word("ruling", "pending") if clause["verification"] != "V" else ""
    return f"《{clause['title']}》{number}{clause['article']}{pending}"


def subject_word(level: str | None, rows: Sequence[Row]) -> str:
    """Return the level of a parcel or project over all lines; 未作规则判定 where nothing was judged."""
    if level is None:
        return word("titles", "verdict_none")
    setting = [row for row in rows if row["level"] == level and row["decisive"]]
    return level_word(level, setting, None)


def asked(result: CheckResult) -> tuple[FormRow, ...]:
    """Return the projects with open questions, and what is known of them: the sheet 待补充, the next ``--facts``."""
    owner = dict(zip(result.parcels["parcel_id"], result.parcels["project_id"], strict=True))
    questions: dict[str, list[str]] = {}
    for row in records(result.verdicts, ("scope", "subject_id", "question")):
        project = row["subject_id"] if row["scope"] == "project" else owner[row["subject_id"]]
        if row["question"]:
            questions.setdefault(project, []).append(row["question"])
    facts = grouped(records(result.facts), "project_id")
    return tuple(
        FormRow(row["project_id"], clean(row["name"]), {fact["key"]: fact["value"] for fact in
                                                        facts.get(row["project_id"], [])},
                _each_once(questions[row["project_id"]]))
        for row in records(result.projects) if row["project_id"] in questions
    )  # fmt: skip


def _each_once(questions: Sequence[str]) -> tuple[str, ...]:
    """Return what is asked, each once: the facts without what their answers lead to, then what must be supplied."""
    text = "\n".join(questions)
    facts = [fact.question for fact in catalogue().values() if fact.question in text]
    for question in facts:
        text = re.sub(re.escape(question) + _ANSWERS, "\n", text)
    others = (part.strip() for part in re.split("[\n。]", text))
    return (*facts, *dict.fromkeys(part for part in others if part))


def project_wholes(result: CheckResult) -> list[Row]:
    """Return the rows of projects with a planar area: that of the union, by the ratio of its parcels' two areas."""
    members = grouped(records(result.parcels), "project_id")
    found = []
    for row in records(result.projects):
        mine = members.get(row["project_id"], [])
        official, planar = (sum(parcel[key] or 0.0 for parcel in mine) for key in ("area_m2", "planar_area_m2"))
        known = row["area_m2"] is not None and official
        found.append({**row, "planar_area_m2": row["area_m2"] * planar / official if known else None})
    return found


def printer(result: CheckResult, scopes: Mapping[str, Scope], show: Convention) -> Print:
    """Return how the figures of a case and line are printed; sentences of rules quote the tables of the report."""
    wholes = {("parcel", row["parcel_id"]): row for row in records(result.parcels)}
    wholes |= {("project", row["project_id"]): row for row in project_wholes(result)}
    rows = {("parcel", row["parcel_id"], row["kind"]): row for row in records(result.overlaps)}
    rows |= {("project", row["project_id"], row["kind"]): row for row in records(result.project_overlaps)}
    pieces = grouped(records(result.pieces), "parcel_id", "kind")

    known: dict[tuple[str, str], str] = {}

    def printed(case: Case, kind: str | None) -> Printed:
        whole = wholes[case.scope, case.subject_id]
        row = rows.get((case.scope, case.subject_id, kind or ""))
        ratio = ratio_of(whole) if show.planar else 1.0

        def phrase(m2: float) -> str:
            return area(m2 * ratio).phrase

        if row is None or kind is None:
            size = area(show.of(whole)).phrase
            return Printed(say("ruling", "found", whole=size), lambda: {"whole": size}, phrase)
        mine = pieces.get((case.subject_id, kind), []) if case.scope == "parcel" else []

        @cache
        def measured() -> tuple[Measures, str]:
            return told(row, whole, scopes[kind], show, pieces=mine)

        def figures() -> dict[str, str]:
            shown = measured()[0]
            return {"conflict": conflict_phrase(scopes[kind], shown), "inside": shown.inside.phrase,
                    "outside": shown.outside.phrase, "whole": shown.whole.phrase}  # fmt: skip

        def part(m2: float) -> str:
            shown = measured()[0]
            own = {shown.inside.m2: shown.inside.phrase, shown.outside.m2: shown.outside.phrase}
            return own.get(m2 * ratio) or phrase(m2)

        # where an avoided line is not met its sentence has no figures: every such parcel is told the same
        same = (kind, str(row["flags"])) if row["outcome"] == "none" and scopes[kind].kind.sense == AVOID else None
        if same is None:
            return Printed(measured()[1], figures, part)
        if same not in known:
            known[same] = measured()[1]
        return Printed(known[same], figures, part)

    return printed
