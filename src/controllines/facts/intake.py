"""From where facts come, and which of two holds."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from controllines import io
from controllines.errors import UsageError
from controllines.facts.catalogue import Value, catalogue, named, normalise, shown, value_of
from controllines.facts.form import FormRow, read_form
from controllines.findings import Finding, finding
from controllines.layers import Layer
from controllines.roles import as_text
from controllines.texts import TomlError, one_line, toml_of

FACTS = ("project_id", "key", "value", "source")
#: In a mapping, this project stands for every project.
EVERY = "*"
OF_FOLDER = "project.toml"

#: key → (value, where it came from), and this by project_id. No value: two sources of one rank contradict each other.
Told = dict[str, tuple[Value | None, str]]
Said = dict[str, Told]


@dataclass(frozen=True)
class ProjectFacts:
    """What is known of each project.

    Attributes
    ----------
    said : project_id → key → (value, where it came from)
    findings : contradictions, values nobody knows, rows that belong to no project
    """

    said: Mapping[str, Mapping[str, tuple[Value, str]]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def of(self, project_id: str) -> dict[str, Value]:
        """Return the facts of a project by key; one that is not there is not known."""
        return {key: value for key, (value, _) in self.said.get(project_id, {}).items()}

    def origin(self, project_id: str, key: str) -> str | None:
        """Return where a fact came from."""
        return self.said.get(project_id, {}).get(key, (None, None))[1]

    def frame(self) -> pd.DataFrame:
        """Return columns project_id, key, value, source: one row per known fact, in the order of the catalogue."""
        order = list(catalogue())
        rows = [(project, key, *of_project[key]) for project, of_project in self.said.items()
                for key in sorted(of_project, key=order.index)]  # fmt: skip
        return pd.DataFrame(rows, columns=list(FACTS)).astype({"value": object})


def gather(layer: Layer, *, pairs: Sequence[str] = (), table: object = None) -> ProjectFacts:
    """Bring together what is known of the projects of a layer of applications.

    Parameters
    ----------
    layer : from :func:`controllines.read_parcels`
    pairs : ``key=value`` (``--project``), for every project
    table : path of a filled form (``--facts``), or a mapping project_id → {key: value}; ``"*"`` is every project

    Returns
    -------
    ProjectFacts
        ``pairs`` hold before ``table``, this before ``<stem>.toml``, this before ``project.toml``, this before columns.

    Raises
    ------
    UsageError
        An unknown key or value in ``pairs``, ``table`` or a toml, listing the valid ones.
    """
    projects = list(dict.fromkeys(layer.frame["project_id"].dropna()))
    found: list[Finding] = []
    given = dict(_pair(text) for text in pairs)
    levels = [
        dict.fromkeys(projects, given),
        _of_table(table, projects, found),
        *_of_tomls(layer, found),
        _of_columns(layer, found),
    ]
    merged: Said = {project: {} for project in projects}
    for level in reversed(levels):
        for project, facts in level.items():
            merged[project].update(facts)
    known = {project: {key: (value, where) for key, (value, where) in facts.items() if value is not None}
             for project, facts in merged.items()}  # fmt: skip
    return ProjectFacts(known, tuple(found))


def rows_of(layer: Layer, known: ProjectFacts) -> list[FormRow]:
    """Return one row of the form per project, with what is known of it."""
    names = layer.frame.dropna(subset="project_id").groupby("project_id", sort=False)["project_name"].first()
    return [FormRow(str(project), "" if pd.isna(name) else str(name), known.of(str(project)))
            for project, name in names.items()]  # fmt: skip


def _pair(text: str) -> tuple[str, tuple[Value | None, str]]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError.of("FACT_PAIR", actual=text)
    key, meant = normalise(name, value, where="--project")
    return key, (_file(key, meant, Path()), "--project")


def _file(key: str, value: Value, folder: Path) -> Value:
    """Return the whole path of a file that was named relative to a folder; other values as they are."""
    if catalogue()[key].type != "file":
        return value
    return os.path.abspath(folder / io.as_written(str(value)))  # noqa: PTH100 - no symbolic link is followed


def _of_table(table: object, projects: list[str], found: list[Finding]) -> Said:
    if table is None:
        return {}
    if isinstance(table, Mapping):
        rows = [(str(project), facts, "facts") for project, facts in table.items()]
        folder, source = Path(), None
    else:
        path = Path(str(table))
        rows = [(row.project_id, row.facts, f"{path.name} 第 {row.line} 行") for row in read_form(path)]
        folder, source = path.parent, path
    plain = {_plain(project): project for project in reversed(projects)} | {project: project for project in projects}
    said: Said = {}
    for project, facts, where in rows:
        meant = {key: (_file(key, value, folder), where)
                 for key, value in (normalise(name, text, where=source) for name, text in facts.items())}  # fmt: skip
        own = projects if project == EVERY else [plain[_plain(project)]] if _plain(project) in plain else []
        if not own:
            found.append(finding("FACTS_UNUSED", source=source, feature=project))
        for one in own:
            said[one] = said.get(one, {}) | meant
    return said


def _plain(text: str) -> str:
    """Tables are read with full-width signs as plain ones, ids in one line: project ids are compared so, too."""
    return one_line(unicodedata.normalize("NFKC", text))


def _of_tomls(layer: Layer, found: list[Finding]) -> list[Said]:
    """Return what ``<stem>.toml`` and what ``project.toml`` say, of the projects of the files beside them."""
    files = layer.frame[["source", "project_id"]].dropna().drop_duplicates()
    beside: Said = {}
    folder: Said = {}
    read: dict[Path, tuple[Told, dict[str, Told]]] = {}
    for source, of_source in files.groupby("source", sort=False):
        path = Path(str(source))
        projects = list(of_source["project_id"])
        for level, toml in ((beside, path.with_name(f"{_stem(path)}.toml")), (folder, path.with_name(OF_FOLDER))):
            if toml not in read:
                read[toml] = _of_toml(toml) if toml.is_file() else ({}, {})
            every, single = read[toml]
            _merge(level, {project: every | single.get(project, {}) for project in projects}, found)
    known = set(files["project_id"])
    found += [finding("FACTS_UNUSED", source=toml, feature=project)
              for toml, (_, single) in read.items() for project in single if project not in known]  # fmt: skip
    return [beside, folder]


def _stem(path: Path) -> str:
    return path.name.partition(".")[0] if path.name.lower().endswith((".shp.zip", ".gdb.zip")) else path.stem


def _of_toml(path: Path) -> tuple[Told, dict[str, Told]]:
    """Read the facts of all projects, and those in tables ``[projects."…"]`` of one."""
    try:
        read = toml_of(path.read_bytes())
    except TomlError as error:
        raise UsageError.of("FACTS_TOML", source=path, actual=str(error)) from None
    own = read.pop("projects", {})
    if not (isinstance(own, dict) and all(isinstance(facts, dict) for facts in own.values())):
        raise UsageError.of("FACTS_TOML", source=path, actual='[projects."项目编号"]')

    def meant(facts: Mapping[str, Any]) -> Iterator[tuple[str, tuple[Value | None, str]]]:
        for name, text in facts.items():
            key, value = normalise(name, text, where=path)
            yield key, (_file(key, value, path.parent), path.name)

    return dict(meant(read)), {project: dict(meant(facts)) for project, facts in own.items()}


def _of_columns(layer: Layer, found: list[Finding]) -> Said:
    """Read the facts that the applications carry as columns; a value nobody knows leaves the fact open."""
    frame, said = layer.frame, Said()
    own = [(column, fact) for column in frame.columns if (fact := named(str(column), cut=True)) is not None]
    places = list(frame[["parcel_id", "project_id", "source"]].itertuples(index=False, name=None))
    for column, fact in own:
        for (parcel, project, source), text in zip(places, as_text(frame[column]), strict=True):
            value, path = value_of(fact, text), Path(str(source))
            if value is not None:
                where = f"{path.name} 字段 {column}"
                _merge(said, {project: {fact.key: (_file(fact.key, value, path.parent), where)}}, found)
            elif text:
                found.append(finding("FACT_COLUMN", source=source, layer=str(column), feature=parcel, actual=text,
                                     expected=fact.valid))  # fmt: skip
    return said


def _merge(said: Said, more: Said, found: list[Finding]) -> None:
    """Add what another file or row of the same rank says; where two contradict each other, nothing is known."""
    for project, facts in more.items():
        known = said.setdefault(project, {})
        for key, (value, where) in facts.items():
            first, origin = known.setdefault(key, (value, where))
            if first is not None and value is not None and first != value:
                found.append(finding("FACT_CONTRADICTS", feature=project, layer=catalogue()[key].zh,
                                     expected=f"{shown(key, first)}（{origin}）",
                                     actual=f"{shown(key, value)}（{where}）"))  # fmt: skip
                known[key] = (None, origin)
