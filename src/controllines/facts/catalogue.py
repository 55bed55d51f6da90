"""The catalogue of project facts: keys, types, values, Chinese names and questions, from ``data/facts.toml``."""

from __future__ import annotations

import math
import unicodedata
from functools import cache
from typing import Literal

from pydantic import Field

from controllines.errors import UsageError
from controllines.packaged import packaged
from controllines.strict import Strict

Value = str | bool | float
TRUE, FALSE = ("是", "true", "yes", "1"), ("否", "false", "no", "0")
#: Shapefiles cut the names of fields to this many bytes.
_FIELD_BYTES = 10


class Choice(Strict):
    """One value that a fact can take, its Chinese name, and how well its wording is known."""

    zh: str
    verification: Literal["V", "V2", "U"] | None = None
    note: str = ""


class Fact(Strict):
    """One thing the rules may ask of a project.

    Attributes
    ----------
    key, zh : English key and Chinese name, both accepted everywhere
    type : ``choice``, ``bool``, ``number``, or ``file`` (a layer handed in with the application)
    question : what to ask when the fact would decide
    values : of a choice, by key
    unit : of a number
    role, kind : of a file: ``cover`` (conflicts with the line ``kind`` must lie inside it) or ``makeup`` (补划)
    """

    key: str
    zh: str
    type: Literal["choice", "bool", "number", "file"]
    question: str
    values: dict[str, Choice] = Field(default_factory=dict)
    unit: str = ""
    role: Literal["cover", "makeup"] | None = None
    kind: str | None = None

    @property
    def options(self) -> tuple[str, ...]:
        """Chinese names of the values to choose from (下拉选项); empty for numbers and files."""
        return ("是", "否") if self.type == "bool" else tuple(choice.zh for choice in self.values.values())

    @property
    def valid(self) -> str:
        """What may stand there, for an error message."""
        if self.type == "choice":
            return "、".join(f"{key} {choice.zh}" for key, choice in self.values.items())
        return {"bool": "是、否（true、false）", "number": "不小于 0 的数", "file": "图层文件的路径"}[self.type]


@cache
def catalogue() -> dict[str, Fact]:
    """Return all facts by key, in the order of forms."""
    return {key: Fact(key=key, **entry) for key, entry in packaged("facts")["facts"].items()}


def fact_of(name: str, *, where: object = None) -> Fact:
    """Return the fact with an English key or a Chinese name.

    Raises
    ------
    UsageError
        ``FACT_UNKNOWN``, listing the valid ones; ``where`` says where the name stood.
    """
    found = named(name)
    if found is None:
        known = "、".join(f"{fact.key} {fact.zh}" for fact in catalogue().values())
        raise UsageError.of("FACT_UNKNOWN", source=where, actual=name, expected=known)
    return found


def named(name: str, *, cut: bool = False) -> Fact | None:
    """Return the fact with this name, else None; ``cut``: the name may have been cut off by a shapefile."""
    wanted = unicodedata.normalize("NFKC", name).strip()
    for fact in catalogue().values():
        if wanted in (fact.key, unicodedata.normalize("NFKC", fact.zh)) or (cut and wanted in _cut(fact)):
            return fact
    return None


def _cut(fact: Fact) -> tuple[str, ...]:
    whole = fact.zh.encode("gb18030")
    return fact.key[:_FIELD_BYTES], whole[:_FIELD_BYTES].decode("gb18030", errors="ignore")


def normalise(name: str, text: object, *, where: object = None) -> tuple[str, Value]:
    """Return key and value of a fact given in English or Chinese.

    Parameters
    ----------
    name, text : as written: ``category`` or 项目类别, ``single_site`` or 单独选址
    where : where it stood, for the error

    Raises
    ------
    UsageError
        ``FACT_UNKNOWN`` or ``FACT_VALUE``, listing the valid ones.
    """
    fact = fact_of(name, where=where)
    value = value_of(fact, text)
    if value is None:
        raise UsageError.of("FACT_VALUE", source=where, layer=fact.zh, actual=text, expected=fact.valid)
    return fact.key, value


def value_of(fact: Fact, text: object) -> Value | None:
    """Return the value a text means, None if it means none."""
    plain = str(text).strip() if fact.type == "file" else unicodedata.normalize("NFKC", str(text)).strip()
    if fact.type == "file":
        return plain or None
    if fact.type == "number":
        return _number(plain)
    if fact.type == "bool":
        said = plain.lower()
        return True if said in TRUE else False if said in FALSE else None
    return next((key for key, choice in fact.values.items() if plain in _names(key, choice)), None)


def _names(key: str, choice: Choice) -> tuple[str, ...]:
    full = f"{choice.zh}（{choice.note}）"
    return key, *(unicodedata.normalize("NFKC", name) for name in (choice.zh, full))


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def shown(key: str, value: Value) -> str:
    """Return a value as people read it: the Chinese name, 是 or 否, the number without needless zeros."""
    fact = catalogue()[key]
    if fact.type == "choice":
        return fact.values[str(value)].zh
    if fact.type == "bool":
        return "是" if value else "否"
    return str(value).removesuffix(".0") if fact.type == "number" else str(value)
