"""Rows of the ``verdicts`` frame: what a judged line says, in words, with its clauses and its questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from controllines.rules.cases import Case, Printed
from controllines.rules.decide import Active
from controllines.rules.judge import Judged
from controllines.rules.levels import APPROVAL, PROHIBITED, UNDETERMINED, Level
from controllines.rules.models import Sentence
from controllines.rules.parts import zh
from controllines.rules.questions import Questions
from controllines.rules.words import text, words


class Verdict(NamedTuple):
    """One row of the verdicts frame: a rule (or policy) that applies or is open for one subject.

    Attributes
    ----------
    scope, subject_id, kind : what it is about; kind is a line, ``land_use`` or ``general``
    level : None for a note
    rule_id, authority, requires : the rule, who approves, what must be handed in
    basis : its clauses: document (key), title, number, article, quotation, verification
    sentence, question : what is said, and what must be asked, one question a line; None where nothing is open
    flips : whether the level of the kind would change within the accuracy of the survey; None where not known
    decisive : whether this row sets the level of its kind
    original_level, override : filled by decisions (人工认定)
    verification : how well the rule is known; None where it rests on no clause
    sentence_en : the sentence in English
    """

    scope: str
    subject_id: str
    kind: str
    level: Level | None
    rule_id: str
    authority: str | None
    requires: tuple[str, ...]
    basis: tuple[Mapping[str, Any], ...]
    sentence: str
    question: str | None
    flips: bool | None = None
    decisive: bool = False
    original_level: Level | None = None
    override: str | None = None
    verification: str | None = None
    sentence_en: str = ""


def rows_of(
    judged: Judged, case: Case, printed: Printed, *, questions: Questions, flips: bool | None = None
) -> list[Verdict]:  # fmt: skip
    """Return the rows of one judged line, the decisive one marked.

    Parameters
    ----------
    printed : how the report prints the figures of this case and line
    questions : of missing facts, with their answers
    flips : whether the level would change within the accuracy of the survey
    """
    make = _Maker(judged, case, printed, questions, flips)
    found = [make.policy(name, level) for name, level in judged.policies.items()]
    found += [make.standing(key) for key in judged.decision.standing]
    found += [make.suspended(key) for key in judged.decision.suspended]
    found += [make.open(key) for key in judged.decision.open]
    first = next((n for n, row in enumerate(found) if row.level is not None and row.level == judged.level), None)
    if first is not None:
        found[first] = found[first]._replace(decisive=True)
    return found


@dataclass(frozen=True)
class _Maker:
    """What every row of one judged line needs."""

    judged: Judged
    case: Case
    printed: Printed
    questions: Questions
    flips: bool | None

    def policy(self, name: str, level: Level) -> Verdict:
        entry = words()["policies"][name]
        said = {"found": self.printed.found, "line": zh(self.judged.key, self.case), "count": self.case.excluded}
        fact, conclusion = (str(entry.get(part, "")).format(**said) for part in ("fact", "conclusion"))
        sentence = text("sentence", "plain" if conclusion else "note", fact=fact, conclusion=conclusion)
        question = str(entry["question"]).format(**said) if "question" in entry else None
        return Verdict(self.case.scope, self.case.subject_id, self.judged.key, level, name, None, (), (), sentence,
                       question, self.flips)  # fmt: skip

    def standing(self, key: str) -> Verdict:
        item = self.judged.rules[key]
        level = item.level
        question = item.rule.question or None if level == UNDETERMINED else None
        return self._row(key, level, self._sentence(item, level), question)

    def suspended(self, key: str) -> Verdict:
        openers = [name for name in self.judged.decision.open if key in self.judged.rules[name].rule.overrides]
        titles = "”“".join(self.judged.rules[name].rule.title for name in openers)
        fact, _ = self._filled(self.judged.rules[key].rule.zh, key)
        return self._row(key, UNDETERMINED, text("sentence", "suspended", fact=fact, rules=titles),
                         self._questions(openers))  # fmt: skip

    def open(self, key: str) -> Verdict:
        title = self.judged.rules[key].rule.title
        sentence = text("sentence", "open", found=self.printed.found, rule=title)
        return self._row(key, UNDETERMINED, sentence, self._questions([key]))

    def _row(self, key: str, level: Level | None, sentence: str, question: str | None) -> Verdict:
        item = self.judged.rules[key]
        decides = level not in (None, UNDETERMINED)
        fact_en, conclusion_en = self._filled(item.rule.en, key)
        return Verdict(
            self.case.scope, self.case.subject_id, self.judged.key, level, key,
            (item.rule.authority or None) if decides else None, item.rule.requires if level != UNDETERMINED else (),
            item.basis, sentence, question, self.flips, verification=item.tag,
            sentence_en=": ".join(filter(None, (fact_en, conclusion_en))),
        )  # fmt: skip

    def _sentence(self, item: Active, level: Level | None) -> str:
        fact, conclusion = self._filled(item.rule.zh, item.key)
        if level is None and not conclusion:
            return text("sentence", "weak_note" if item.weak else "note", fact=fact)
        form = "plain"
        if item.weak:
            form = "suspected" if level in (APPROVAL, PROHIBITED) else "weak"
        return text("sentence", form, fact=fact, conclusion=conclusion)

    @cached_property
    def _figures(self) -> Mapping[str, str]:
        return self.printed.figures()

    def _filled(self, sentence: Sentence, key: str) -> tuple[str, str]:
        figures = {}
        if sentence.figures:
            parts = self.judged.answers[key].parts
            figures = {**self._figures, "part": self.printed.area(parts[0].least_m2) if parts else ""}
        return sentence.fact.format_map(figures), sentence.conclusion.format_map(figures)

    def _questions(self, keys: Sequence[str]) -> str | None:
        asked = self.questions.of(tuple(keys))
        lacking = [said for key in keys for part in self.judged.answers[key].parts for said in part.lacking]
        return "\n".join(dict.fromkeys((*(f"{said}。" for said in lacking), *asked))) or None
