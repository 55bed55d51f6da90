"""Land classes (地类) as versioned data: 三调 with its three big classes, 用地用海 of 2020 and of 2023.

Codes are compared in their normal form: full-width signs plain, letters large. A trailing A or K of 三调 (可调整)
names a variety of the class without it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import Field

from controllines.errors import UsageError
from controllines.packaged import packaged
from controllines.strict import Strict

CULTIVATED, RIDGE = "01", "1203"
FARM, BUILT, UNUSED = "农用地", "建设用地", "未利用地"
BIG = (FARM, BUILT, UNUSED)
SURVEY, LAND_SEA = "survey", "land_sea_2023"
#: First digits of QSXZ (权属性质): 10, 20, 21 are the state's, 30 to 41 collective.
OWNERS = {"1": "国有", "2": "国有", "3": "集体", "4": "集体"}


class Disputed(Strict):
    """A class that practice books under different big classes: the choices, the usual one first, and why."""

    choices: tuple[str, ...]
    why: str


class Classification(Strict):
    """One version of one classification.

    Attributes
    ----------
    title, version, source, confidence : what it is, and how well it is known
    codes : every code and its name
    suffixes : letters that name a variety of the class without them
    level1 : names of the first level (一级类); empty: the codes of two digits
    elsewhere : first level → codes whose first two digits say another one
    big : big class (三大类) → codes or beginnings of code; the longest holds
    disputed : classes that practice books differently
    prefix : whether longer codes count as known where their first four digits are
    open : first levels whose codes are not listed
    like, differs : another version, and what this one says otherwise (empty: no such code)
    marks : codes that occur in this version only
    to : where the land of a code went in the other version if not to the same code (三调: in 用地用海 2023)
    """

    title: str
    version: str
    source: str
    confidence: str
    codes: dict[str, str] = Field(default_factory=dict)
    suffixes: str = ""
    level1: dict[str, str] = Field(default_factory=dict)
    elsewhere: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    big: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    disputed: dict[str, Disputed] = Field(default_factory=dict)
    prefix: bool = False
    open: tuple[str, ...] = ()
    like: str | None = None
    differs: dict[str, str] = Field(default_factory=dict)
    marks: tuple[str, ...] = ()
    to: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    def base(self, code: str) -> str:
        """Return the normal form of a code without the letter of its variety: ``0201k`` → ``0201``."""
        return normal(code).rstrip(self.suffixes) if self.suffixes else normal(code)

    def name(self, code: str) -> str | None:
        """Return the name of a code, of its base, or of its first four digits; None if nobody knows it."""
        plain = normal(code)
        wanted = (plain, self.base(plain), *([plain[:4]] if self.prefix else []))
        return next((self.codes[one] for one in wanted if one in self.codes), self.level1.get(plain))

    def first_level(self, code: str) -> tuple[str, str] | None:
        """Return code and name of the first level (一级类) of a code; None if nobody knows it."""
        plain = self.base(code)
        level = next((first for first, codes in self.elsewhere.items() if plain in codes), plain[:2])
        known = self.level1 or {one: name for one, name in self.codes.items() if len(one) == 2}
        return (level, known[level]) if level in known and (self.name(plain) or plain[:2] in self.open) else None

    def big_class(self, code: str, chosen: Mapping[str, str] | None = None) -> str | None:
        """Return the big class (三大类) of a code, None if nobody knows it.

        Parameters
        ----------
        chosen : code or beginning of code → big class, from :func:`choices`
        """
        plain = self.base(code)
        if self.name(plain) is None:
            return None
        table = {start: big for big, starts in self.big.items() for start in starts} | dict(chosen or {})
        return next((table[plain[:n]] for n in range(len(plain), 0, -1) if plain[:n] in table), None)

    def successors(self, code: str) -> tuple[str, ...]:
        """Return the codes of the other version that the land of a code went to; empty: no single class took it."""
        plain = normal(code)
        same = (plain,) if self.like else ()  # only versions of one classification use the same codes
        return self.to.get(plain, self.to.get(plain[:4], same))


@cache
def classification(key: str = SURVEY) -> Classification:
    """Return a classification: ``survey`` (三调), ``land_sea_2023`` or ``land_sea_2020`` (用地用海)."""
    read: dict[str, Any] = packaged(f"classes/{key}")
    if "like" not in read:
        return Classification(**read)
    other = classification(read["like"])
    codes = {code: name for code, name in (other.codes | read["differs"]).items() if name}
    inherited = other.model_dump(include={"prefix", "open", "level1"})
    return Classification(**inherited | read | {"codes": dict(sorted(codes.items()))})


@cache
def normal(code: str) -> str:
    """Return a code with full-width signs made plain and letters large."""
    return unicodedata.normalize("NFKC", code).strip().upper()


def choices(given: Mapping[str, str] | None = None, *, where: object = None) -> dict[str, str]:
    """Return the big class of every disputed class of 三调, and of any other that a county books otherwise.

    Parameters
    ----------
    given : code or beginning of code → big class (plan.toml ``[plan.big_classes]``)
    where : where it stood, for the error

    Raises
    ------
    UsageError
        ``BIG_CLASS``: a code or big class that does not exist.
    """
    survey = classification(SURVEY)
    chosen = {code: entry.choices[0] for code, entry in survey.disputed.items()}
    for code, big in (given or {}).items():
        if big not in BIG or (survey.name(code) is None and code not in survey.level1):
            raise UsageError.of("BIG_CLASS", source=where, actual=f"{code} = {big}", expected="、".join(BIG))
        chosen[survey.base(code)] = big
    return dict(sorted(chosen.items()))
