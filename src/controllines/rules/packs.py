"""Rule packs (规则包): read from TOML, joined with the pack they extend, and checked before they judge anything.

A pack is one .toml file or a folder of them. A county's pack names the pack it extends; its rules, documents and names
of classes are added, and an entry with a known id changes that entry key by key. What it changed is kept and reported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from controllines import io
from controllines.errors import UsageError
from controllines.findings import Finding, finding
from controllines.rules.checks import problems
from controllines.rules.models import Document, Rule
from controllines.rules.toml_lines import key_lines, line_of
from controllines.strict import Strict
from controllines.texts import TomlError, toml_of

NATIONAL, NONE = "national", "none"
_SECTIONS = ("pack", "documents", "classes", "rules")
Tree = dict[str, Any]


class Header(Strict):
    """Table ``[pack]``: id, name, version, source, the pack it extends, and ids of its rules that do not apply here."""

    id: str = Field(pattern=r"^[\w-]+$")
    name: str
    version: str
    source: str = ""
    extends: str | None = None
    disables: tuple[str, ...] = ()


@dataclass(frozen=True)
class Change:
    """One entry of the extended pack that this pack changed.

    Attributes
    ----------
    entry : ``rules.ER-03``, ``documents.ER142``
    keys : the keys it gave anew; empty: the rule was disabled
    """

    entry: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Pack:
    """A rule pack, ready to judge.

    Attributes
    ----------
    header : table ``[pack]``
    documents, rules : by id, in the order of the files; those of the extended pack first
    classes : line → class key → names of the class in data
    sha256 : of the files, in order of their names
    base : the pack it extends
    changes, added : what it changed in ``base``; ids of the rules it added
    """

    header: Header
    documents: Mapping[str, Document]
    rules: Mapping[str, Rule]
    classes: Mapping[str, Mapping[str, tuple[str, ...]]]
    sha256: str
    base: Pack | None = None
    changes: tuple[Change, ...] = ()
    added: tuple[str, ...] = ()

    def pairs(self) -> set[tuple[str, str]]:
        """Return the pairs of lines whose common land the rules need."""
        return {pair for rule in self.rules.values() for pair in rule.pairs()}

    def record(self) -> dict[str, Any]:
        """Return what reports say of the pack: id, name, version, sha256, what it extends and changes."""
        own = {key: getattr(self.header, key) for key in ("id", "name", "version", "source")}
        return own | {
            "sha256": self.sha256,
            "rules": len(self.rules),
            "documents": {key: {"title": item.title, "number": item.number} for key, item in self.documents.items()},
            "extends": self.base.record() if self.base else None,
            "changes": [{"entry": item.entry, "keys": list(item.keys)} for item in self.changes],
            "added": list(self.added),
        }


@dataclass
class _Source:
    """The files of one pack: their text, tree and lines."""

    tree: Tree = field(default_factory=lambda: {name: {} for name in _SECTIONS})
    places: dict[tuple[str, ...], tuple[Path, dict[Any, int]]] = field(default_factory=dict)
    first: Path = Path()
    digest: str = ""

    def say(self, path: Sequence[str | int], message: str) -> Finding:
        """Return the finding of a fault at a key."""
        file, lines = self.places.get(tuple(map(str, path[:2])), (self.first, {}))
        key = ".".join(map(str, path))
        return finding("RULE_PACK", source=file, layer=str(line_of(lines, path)), feature=key, actual=message)


def load_pack(name: str | Path = NATIONAL) -> Pack:
    """Read a rule pack and the pack it extends, and check both.

    Parameters
    ----------
    name : ``national``, or the path of a .toml file or of a folder of them

    Raises
    ------
    UsageError
        ``RULE_PACK``, with file, line and key; every fault of the pack is among its causes.
    """
    return _national() if str(name) == NATIONAL else _load(Path(name))


@cache
def _national() -> Pack:
    with as_file(files("controllines").joinpath("data/rules/national")) as folder:
        return _load(folder)


def _load(path: Path, above: tuple[Path, ...] = ()) -> Pack:
    source = _read(path)
    header = _header(source)
    base = None
    if header.extends:
        place = path.parent / io.as_written(header.extends)
        if place.resolve() in above:
            _refuse([source.say(("pack", "extends"), f"规则包 {header.extends} 直接或间接继承自身")])
        base = _national() if header.extends == NATIONAL else _load(place, (*above, path.resolve()))
    return _join(source, header, base)


def _read(path: Path) -> _Source:
    names = sorted(path.glob("*.toml")) if path.is_dir() else [path]
    if not names or not all(name.is_file() for name in names):
        raise UsageError.of("RULE_PACK_MISSING", source=path, actual=path)
    source, digest = _Source(first=names[0]), hashlib.sha256()
    faults = []
    for name in names:
        content = name.read_bytes()
        digest.update(content)
        try:
            tree = toml_of(content)
        except TomlError as error:
            faults.append(finding("RULE_PACK", source=name, actual=f"不是有效的 TOML：{error}"))
            continue
        faults += _add(source, name, tree, key_lines(content.decode("utf-8-sig")))
    _refuse(faults)
    source.digest = digest.hexdigest()
    return source


def _add(source: _Source, name: Path, tree: Tree, lines: dict[Any, int]) -> Iterator[Finding]:
    for section, content in tree.items():
        if section not in _SECTIONS or not isinstance(content, dict):
            source.places[section,] = (name, lines)
            yield finding("RULE_PACK", source=name, layer=str(line_of(lines, (section,))), feature=section,
                          actual=f"不认识的表，可用 {'、'.join(_SECTIONS)}")  # fmt: skip
            continue
        for key, value in content.items():
            if (section, key) in source.places:
                yield finding("RULE_PACK", source=name, layer=str(line_of(lines, (section, key))),
                              feature=f"{section}.{key}", actual="重复")  # fmt: skip
            source.places[section, key] = (name, lines)
            source.tree[section][key] = value


def _header(source: _Source) -> Header:
    try:
        return Header.model_validate(source.tree["pack"])
    except ValidationError as error:
        faults = [source.say(("pack", *path), message) for path, message in plain_errors(error)]
        raise UsageError(faults[0], tuple(faults[1:])) from None


def _join(source: _Source, header: Header, base: Pack | None) -> Pack:
    """Put a pack's entries over those of the pack it extends, and check the whole."""
    faults: list[Finding] = []
    documents, rules = dict(base.documents) if base else {}, dict(base.rules) if base else {}
    classes = {line: dict(names) for line, names in base.classes.items()} if base else {}
    changes = _over(documents, Document, ("documents", source), faults) + _over(rules, Rule, ("rules", source), faults)
    for line, names in source.tree["classes"].items():
        changes += _classes(classes, line, names, (source, faults))
    for key in header.disables:
        if rules.pop(key, None) is None:
            faults.append(source.say(("pack", "disables"), f"没有规则 {key}"))
        changes.append(Change(f"rules.{key}", ()))
    _refuse(faults)
    pack = Pack(header, documents, rules, classes, source.digest, base, tuple(changes),
                tuple(key for key in rules if base and key not in base.rules))  # fmt: skip
    _refuse([source.say(path, message) for path, message in problems(documents, rules, classes)])
    return pack


def _over(known: dict[str, Any], model: type[Strict], of: tuple[str, _Source], faults: list[Finding]) -> list[Change]:
    """Add the entries of one section to the known ones; a known id is changed key by key."""
    section, source = of
    changes = []
    for key, given in source.tree[section].items():
        before = known[key].model_dump(by_alias=True, exclude_unset=True) if key in known else {}
        if before and isinstance(given, dict):
            changes.append(Change(f"{section}.{key}", tuple(given)))
        try:
            known[key] = model.model_validate(before | given if isinstance(given, dict) else given)
        except ValidationError as error:
            faults += [source.say((section, key, *path), message) for path, message in plain_errors(error)]
    return changes


def _classes(
    known: dict[str, dict[str, tuple[str, ...]]], line: str, names: Any, to: tuple[_Source, list[Finding]]
) -> list[Change]:
    """Add names of the classes of a line; names of a known class are added to it."""
    source, faults = to
    mine = known.setdefault(line, {})
    changes = []
    for key, given in names.items() if isinstance(names, dict) else [("", None)]:
        if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
            faults.append(source.say(("classes", line, key), '须为 类别 = ["名称", …]'))
            continue
        if key in mine:
            changes.append(Change(f"classes.{line}", (key,)))
        mine[key] = tuple(dict.fromkeys((*mine.get(key, ()), *given)))
    return changes


def _refuse(faults: Sequence[Finding]) -> None:
    if faults:
        raise UsageError(faults[0], tuple(faults[1:]))


def plain_errors(error: ValidationError) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield path and Chinese message of every fault that pydantic found."""
    for item in error.errors():
        told = _MESSAGES.get(item["type"])
        context = item.get("ctx", {})
        own = str(context.get("error", "")) or item["msg"]
        yield item["loc"], told.format(value=item["input"], **context) if told else own


_MESSAGES = {
    "missing": "缺少",
    "extra_forbidden": "不认识的键",
    "literal_error": "“{value}”不在可用值之列：{expected}",
    "string_type": "须为文字，现为 {value}",
    "date_type": "须为日期（如 2026-02-11，不加引号），现为 {value}",
    "date_from_datetime_parsing": "须为日期（如 2026-02-11，不加引号），现为 {value}",
    "float_type": "须为数，现为 {value}",
    "float_parsing": "须为数，现为 {value}",
    "tuple_type": "须为数组 […]，现为 {value}",
    "model_type": "须为表 {{…}}，现为 {value}",
    "model_attributes_type": "须为表 {{…}}，现为 {value}",
    "greater_than_equal": "不能小于 {ge}",
    "less_than_equal": "不能大于 {le}",
    "too_short": "不能为空",
    "string_pattern_mismatch": "只能用字母、数字、“-”、“_”",
}
