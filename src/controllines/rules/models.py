"""What a rule pack (规则包) is made of: documents, rules, and the names of classes, as pydantic models.

Every text a reader sees is Chinese, with an English sentence beside it. How well each clause is known stands in its
verification tag: ``V`` its wording was seen, ``V2`` a secondary source was seen, ``code`` seen in public code only,
``Vf`` fragments only, ``U`` not verified.
"""

from __future__ import annotations

import datetime as dt
import string
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Literal

from pydantic import Field, field_validator, model_validator

from controllines.rules.conditions import Condition
from controllines.rules.levels import Effect
from controllines.strict import Strict

Tag = Literal["V", "V2", "code", "Vf", "U"]
#: From the weakest to the strongest.
TAGS: tuple[Tag, ...] = ("U", "Vf", "code", "V2", "V")
#: A clause known no better than this decides nothing.
HEARSAY: tuple[Tag, ...] = ("U", "Vf")
#: Lines of rules that belong to no control line: land classes and sizes, and what holds for the project as a whole.
LAND_USE, GENERAL = "land_use", "general"
#: Class key of land that no name of the pack recognises, or of which nothing is known.
UNKNOWN = "unknown"
#: Figures a sentence may quote; the report's convention prints them.
FIGURES = ("conflict", "inside", "outside", "part", "whole")
#: Limits of a part: of its area, its share of the land, the depth of the conflict.
LIMITS = ("above_m2", "at_most_m2", "share_above", "share_at_most", "depth_above_m", "depth_at_most_m")
_FORMATTER = string.Formatter()


class Document(Strict):
    """A document (法律、法规、规章、文件) that rules rest on.

    Attributes
    ----------
    title, title_en, number, issuer : as printed
    date : of issue
    in_force_from, in_force_until : first and last day in force; omitted: not known, taken as in force
    supersedes : keys of documents it replaces
    confidence : how well the document and its dates are known
    note : what a reader should know of it
    """

    title: str
    title_en: str = ""
    number: str = ""
    issuer: str = ""
    date: dt.date | None = None
    in_force_from: dt.date | None = None
    in_force_until: dt.date | None = None
    supersedes: tuple[str, ...] = ()
    confidence: Tag
    note: str = ""

    def in_force(self, day: dt.date) -> bool:
        """Return whether it is in force on a day."""
        return within(day, self.in_force_from, self.in_force_until)


class Basis(Strict):
    """One clause (依据) a rule rests on.

    Attributes
    ----------
    document : key of the document
    article : 第三十五条, 一(一)1
    quotation : its wording where seen, without quotation marks; may hold … for what is left out
    verification : how well the clause is known
    """

    document: str
    article: str = ""
    quotation: str = ""
    verification: Tag


class Other(Strict):
    """Another line, or some of its classes, laid over the part a rule looks at."""

    line: str
    classes: tuple[str, ...] = ()


class Where(Strict):
    """Geometric condition (空间条件): a part of the land, and how large it must be.

    Without limits the part must be larger than nothing: no text seen has a de-minimis area. Several limits all hold.

    Attributes
    ----------
    line : the control line, or ``land_use``; omitted: the rule's own
    side : inside or outside the line; omitted: the side of the conflict. For ``land_use`` there are no sides
    classes, except_classes : class keys of ``[classes]``; only these, all but these. ``unknown``: not recognised
    within, without : only what also lies inside, or outside, another line
    above_m2, at_most_m2, share_above, share_at_most : limits of the part's area and of its share of the land
    depth_above_m, depth_at_most_m : limits of the depth of the conflict
    """

    line: str | None = None
    side: Literal["inside", "outside"] | None = None
    classes: tuple[str, ...] = ()
    except_classes: tuple[str, ...] = ()
    within: Other | None = None
    without: Other | None = None
    above_m2: float | None = Field(default=None, ge=0)
    at_most_m2: float | None = Field(default=None, ge=0)
    share_above: float | None = Field(default=None, ge=0, le=1)
    share_at_most: float | None = Field(default=None, ge=0, le=1)
    depth_above_m: float | None = Field(default=None, ge=0)
    depth_at_most_m: float | None = Field(default=None, ge=0)

    @cached_property
    def limits(self) -> tuple[tuple[str, float], ...]:
        """The limits that are set, by name: larger than nothing where none is."""
        given = [(name, getattr(self, name)) for name in LIMITS]
        return tuple((name, limit) for name, limit in given if limit is not None) or (("above_m2", 0.0),)

    @property
    def others(self) -> tuple[Other, ...]:
        """The other lines it looks at."""
        return tuple(other for other in (self.within, self.without) if other is not None)

    @model_validator(mode="after")
    def _one_way(self) -> Where:
        if self.classes and self.except_classes:
            raise ValueError("classes 与 except_classes 只能写一个")
        if len(self.others) > 1:
            raise ValueError("within 与 without 只能写一个")
        return self

    @property
    def of_inside(self) -> bool:
        """Whether it asks for classes, or for other lines, which land outside the line does not have."""
        return bool(self.classes or self.except_classes or self.others)


class Sentence(Strict):
    """What is said when the rule applies: first the fact, then the conclusion.

    Printed as ``fact，conclusion。``; a conclusion resting on clauses known at second hand is printed as
    ``fact，疑似conclusion，条款待核。``

    Attributes
    ----------
    fact : what was found; may quote the figures {conflict}, {inside}, {outside}, {part}, {whole}
    conclusion : what follows from it
    """

    fact: str
    conclusion: str = ""

    @cached_property
    def figures(self) -> frozenset[str]:
        """The figures it quotes."""
        return frozenset(name for text in (self.fact, self.conclusion) for _, name, _, _ in _FORMATTER.parse(text)
                         if name is not None)  # fmt: skip

    @field_validator("fact", "conclusion")
    @classmethod
    def _figures_only(cls, text: str) -> str:
        for _, name, spec, conversion in _FORMATTER.parse(text):
            if name is not None and (name not in FIGURES or spec or conversion):
                raise ValueError(f"句中只能引用数字 {'、'.join('{' + f + '}' for f in FIGURES)}，不能写 {{{name}}}")
        return text


class Rule(Strict):
    """One rule (规则).

    Attributes
    ----------
    title : short Chinese name
    line : key of the control line it judges, or ``land_use``, ``general``
    where : geometric condition, or several that all hold; the first is the part its sentence speaks of
    project : condition on project facts; omitted: any project
    level : what it leads to; ``note`` only informs
    authority : who approves (机关)
    requires : documents to be handed in
    approval : fact that names the file with the area of such a document; the conflict must lie inside it
    basis : the clauses; those not in force on the day are left out, and without any the rule is not in force. May be
        empty where ``confidence`` says how well the practice is known, or where nothing is decided
    zh, en : sentences
    question : what to ask when the rule is undetermined; omitted: the questions of the missing facts
    valid_from, valid_to : first and last day of the rule, besides those of its documents
    confidence : tag of the row as a whole, where it is worse than its best clause or there is no clause
    overrides : rules of the same line that give way where this one applies
    """

    title: str
    line: str
    where: tuple[Where, ...] = (Where(),)
    project: Condition | None = None
    level: Effect
    authority: str = ""
    requires: tuple[str, ...] = ()
    approval: str | None = None
    basis: tuple[Basis, ...] = ()
    zh: Sentence
    en: Sentence
    question: str = ""
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None
    confidence: Tag | None = None
    overrides: tuple[str, ...] = ()

    @field_validator("where", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return [value] if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _sound(self) -> Rule:
        decides = self.level not in ("undetermined", "note")
        if decides and self.best in HEARSAY:
            raise ValueError(f"依据只核实到 {self.best}（U、Vf），level 只能是 undetermined 或 note")
        if decides and self.best is None:
            raise ValueError("没有依据（basis），也没有写 confidence")
        if self.level == "approval" and not self.authority:
            raise ValueError('level = "approval" 须写批准机关 authority')
        if self.level == "undetermined" and not self.question:
            raise ValueError('level = "undetermined" 须写 question：缺什么、须核实什么')
        if self.level != "note" and not self.zh.conclusion:
            raise ValueError("zh 须写 conclusion")
        if self.valid_from and self.valid_to and self.valid_from > self.valid_to:
            raise ValueError("valid_from 晚于 valid_to")
        return self

    @property
    def best(self) -> Tag | None:
        """How well the row is known, all its clauses being in force; None where it rests on nothing."""
        return tag_of(self.confidence, self.basis)

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Yield the pairs of lines whose common land it needs."""
        for where in self.where:
            line = where.line or self.line
            yield from ((line, other.line) for other in where.others if line != LAND_USE)


def tag_of(confidence: Tag | None, basis: Iterable[Basis]) -> Tag | None:
    """Return how well a rule is known: by the best of these clauses, and no better than the row as a whole."""
    best = max((item.verification for item in basis), key=TAGS.index, default=None)
    return min((tag for tag in (confidence, best) if tag is not None), key=TAGS.index, default=None)


def within(day: dt.date, first: dt.date | None, last: dt.date | None) -> bool:
    """Return whether a day lies between two days, both included; an open end is None."""
    return (first is None or first <= day) and (last is None or day <= last)
