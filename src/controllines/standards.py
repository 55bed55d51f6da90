"""Standards (数据标准): official field tables and code lists as data, and which version of a list a layer follows.

The data are ``data/fields.toml`` and ``data/codes.toml``, and the land classes. What is known only from hearsay has
confidence ``K`` or ``?``.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, Literal

from controllines.classes import SURVEY, Classification, classification, normal
from controllines.packaged import packaged
from controllines.strict import Strict


class Field(Strict):
    """One official field: its names (first found wins), what it holds, and what must be so."""

    names: tuple[str, ...]
    type: Literal["text", "number"]
    length: int | None = None
    exact: bool = False
    required: bool = False
    unique: bool = False
    codes: str | None = None
    named_by: tuple[str, ...] = ()
    confidence: str | None = None


class Table(Strict):
    """The official table of a kind of layer."""

    table: str
    confidence: str
    recorded: tuple[str, ...] = ()
    fields: tuple[Field, ...]


class Tolerance(Strict):
    """How far a recorded area may be from a computed one."""

    absolute_m2: float
    relative: float
    confidence: str


class Tables(Strict):
    """``data/fields.toml``."""

    version: str
    source: str
    area: Tolerance
    kinds: dict[str, Table]


class CodeList(Strict):
    """One list of codes and their names."""

    title: str
    version: str
    confidence: str
    codes: dict[str, str]
    prefix: bool = False
    open: tuple[str, ...] = ()
    by_name: bool = False

    def knows(self, code: str) -> bool:
        """Return whether the code is in the list, or below a code that is."""
        below = self.prefix and len(code) > 4 and code[:4] in self.codes
        return code in self.codes or below or code.startswith(self.open or "\0")


class ListVersion(Strict):
    """What one version of a list says otherwise: codes of its own, and other names (empty: no such code)."""

    title: str
    marks: tuple[str, ...]
    differs: dict[str, str]


class Together(Strict):
    """A code that depends on the class beside it: where there must be one, and where only one is possible."""

    field: str
    beside: str
    source: str
    confidence: str
    required: tuple[str, ...]
    fixed: dict[str, str]

    def right(self, land: str, code: str) -> bool:
        """Return whether a code is possible beside a class."""
        only = next((one for begin, one in self.fixed.items() if land.startswith(begin)), None)
        return code == only if only and code else bool(code) or not land.startswith(self.required)


class Codes(Strict):
    """``data/codes.toml``."""

    version: str
    lists: dict[str, CodeList]
    versions: dict[str, dict[str, ListVersion]]
    together: dict[str, Together]


@cache
def tables() -> Tables:
    """Return the official field tables, from ``data/fields.toml``."""
    return Tables.model_validate(packaged("fields"))


@cache
def code_lists() -> Codes:
    """Return the code lists, from ``data/codes.toml`` and the land classes."""
    read = packaged("codes")
    versions = {year: classification(f"land_sea_{year}") for year in ("2023", "2020")}
    read["lists"] |= {"land_survey": _list(classification(SURVEY)), "land_sea": _list(versions["2023"])}
    read["versions"] = {"land_sea": {
        year: {"title": one.version, "marks": one.marks, "differs": one.differs} for year, one in versions.items()
    }}  # fmt: skip
    return Codes.model_validate(read)


def _list(one: Classification) -> dict[str, Any]:
    return one.model_dump(include={"title", "version", "confidence", "codes", "prefix", "open"})


def list_version(pairs: Iterable[tuple[str, str]], key: str = "land_sea") -> set[str]:
    """Return the versions of a code list that codes and names point to: one, several that contradict, or none.

    Parameters
    ----------
    pairs : (code, name) as they occur, the name blank where there is none
    key : list of ``data/codes.toml``
    """
    listed, versions = code_lists().lists[key], code_lists().versions[key]
    contested = {code for version in versions.values() for code in version.differs}
    found = set()
    for code, name in pairs:
        says = {year for year, version in versions.items() if code[:4] in version.marks}
        if not says and name and code in contested:
            usual = listed.codes.get(code, "")
            says = {year for year, version in versions.items() if alike(name, version.differs.get(code, usual))}
        found |= says if len(says) == 1 else set()
    return found


def alike(name: str, official: str) -> bool:
    """Names agree but for 地 or 用地 at their end."""
    return bool(official) and _stem(name) == _stem(normal(official))


def _stem(name: str) -> str:
    return name.removesuffix("地").removesuffix("用")
