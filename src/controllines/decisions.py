"""Decisions (人工认定): what a reviewer decided about a parcel or project and a line, with its trail (留痕).

They are applied after the rules and change a level, never a figure: the level of the rules stays beside it, with
reason, document, person and date. Read from the sheet 明细 of a report, in which the columns were filled, or from toml.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd

from controllines import io
from controllines.errors import UsageError
from controllines.findings import Finding, finding
from controllines.rules import LEVELS, Level, worst
from controllines.rules.levels import CLEAR
from controllines.rules.words import text, words
from controllines.texts import TomlError, toml_of

PARCEL, PROJECT = "parcel", "project"
#: Headings of the sheet 明细.
DECIDED = ("人工认定", "理由", "依据文件", "认定人", "日期")
SUBJECT, LINE, ITEM, RUN = "地块编号", "控制线", "内容", "核对编号"
#: The same in toml, [[decision]].
FIELDS = ("level", "reason", "document", "by", "date")
_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T]00:00:00)?")


@dataclass(frozen=True)
class Decision:
    """One decision.

    Attributes
    ----------
    scope, subject_id, kind : parcel or project, its id, and the line (key or Chinese name as it was written)
    level : what was decided
    reason, document, by, date : why, on what document, by whom, and when (ISO)
    where : where it stood, for errors
    """

    scope: str
    subject_id: str
    kind: str
    level: Level
    reason: str
    document: str
    by: str
    date: str
    where: str = ""

    @property
    def shown(self) -> tuple[str, ...]:
        """The cells of the columns of 明细, as they are read back."""
        return choices()[LEVELS.index(self.level)], self.reason, self.document, self.by, self.date

    @property
    def trail(self) -> str:
        """The decision in words, as outputs show it beside the level of the rules."""
        return text("decision", "trail", reason=self.reason, document=self.document, by=self.by, date=self.date)


@dataclass(frozen=True)
class Decisions:
    """The decisions of one file; ``run_id`` is the run whose report it is, None where the file does not say."""

    items: tuple[Decision, ...] = ()
    run_id: str | None = None
    path: str = ""
    sha256: str = ""

    def record(self) -> dict[str, Any] | None:
        """Return what provenance says of them."""
        said = {"path": self.path, "sha256": self.sha256, "run_id": self.run_id, "count": len(self.items)}
        return said if self.path else None


@cache
def level_names() -> dict[str, Level]:
    """Return what may stand in the column 人工认定: keys and Chinese names of the levels."""
    names: dict[str, Level] = {level: level for level in LEVELS}
    for section in words().values():
        if section.keys() >= {*LEVELS}:
            names |= {_plain(section[level]): level for level in LEVELS if "{" not in section[level]}
    return names


def choices() -> tuple[str, ...]:
    """Return the Chinese names of the levels for a drop-down, from the mildest."""
    return tuple(str(words()["table"][level]) for level in LEVELS)


def read_decisions(path: Path | str) -> Decisions:
    """Read decisions from a report (三线核对汇总表.xlsx, sheet 明细), a table with the same headings, or toml.

    Raises
    ------
    UsageError
        ``DECISIONS_FORM``: not such a table; ``DECISION_INCOMPLETE``, ``DECISION_VALUE``: a row whose trail is not
        whole, a level or date nobody knows; ``DECISION_TWICE``.
    InputError
        The file cannot be read.
    """
    path = Path(path)
    rows, run_id = _of_toml(path) if path.suffix.lower() == ".toml" else _of_table(path)
    items = [_decision(row, path) for row in rows]
    seen: dict[tuple[str, str, str], Decision] = {}
    for item in items:
        key = (item.scope, _plain(item.subject_id), item.kind)
        if key in seen:
            raise UsageError.of("DECISION_TWICE", source=path, feature=item.subject_id, layer=item.kind,
                                actual=item.where, expected=seen[key].where)  # fmt: skip
        seen[key] = item
    return Decisions(tuple(items), run_id, str(path), sha256(path.read_bytes()).hexdigest())


Row = Mapping[str, str]
#: scope, subject_id, kind
Subject = tuple[str, str, str]


def _of_toml(path: Path) -> tuple[list[Row], str | None]:
    try:
        read = toml_of(path.read_bytes())
    except FileNotFoundError:
        raise UsageError.of("DECISIONS_FORM", source=path, actual="没有这个文件") from None
    except TomlError as error:
        raise UsageError.of("DECISIONS_FORM", source=path, actual=str(error)) from None
    tables = read.get("decision", [])
    if not isinstance(tables, list) or read.keys() - {"decision", "run_id"} or not all(map(_is_table, tables)):
        raise UsageError.of("DECISIONS_FORM", source=path, actual="每条写成 [[decision]]")
    rows = [{key: str(value) for key, value in table.items()} | {"where": f"第 {n} 条"}
            for n, table in enumerate(tables, start=1)]  # fmt: skip
    return list(rows), str(read["run_id"]) if "run_id" in read else None


def _is_table(entry: object) -> bool:
    return isinstance(entry, dict) and not entry.keys() - {PARCEL, PROJECT, "line", *FIELDS}


def _of_table(path: Path) -> tuple[list[Row], str | None]:
    sheets = io.read_sheets(path)
    found = [
        (sheet, n) for sheet in sheets for n, (_, cells) in enumerate(sheet.rows) if {SUBJECT, *DECIDED} <= {*cells}
    ]
    if len(found) != 1:
        raise UsageError.of("DECISIONS_FORM", source=path, actual=f"{len(found)} 张表有“{SUBJECT}”和“{DECIDED[0]}”列")
    sheet, top = found[0]
    heads = sheet.rows[top][1]
    names = dict(zip((SUBJECT, LINE, *DECIDED), (PARCEL, "line", *FIELDS), strict=True))
    rows: list[Row] = []
    for line, cells in sheet.rows[top + 1 :]:
        row = {names[head]: cell for head, cell in zip(heads, cells, strict=False) if head in names and cell}
        if row.keys() & {*FIELDS}:
            rows.append(row | {"where": f"第 {line} 行"})
    return rows, _run_id(sheets)


def _run_id(sheets: Sequence[Any]) -> str | None:
    """Return the number of the run from the sheet 说明 of a report."""
    said = (cells for sheet in sheets for _, cells in sheet.rows if RUN in cells[:-1])
    return next((cells[cells.index(RUN) + 1] for cells in said), None)


def _decision(row: Row, path: Path) -> Decision:
    where = row["where"]
    subjects = [scope for scope in (PARCEL, PROJECT) if row.get(scope)]
    lacking = [name for field, name in zip(FIELDS, DECIDED, strict=True) if not row.get(field, "").strip()]
    lacking += [] if len(subjects) == 1 else [SUBJECT]
    lacking += [] if row.get("line") else [LINE]
    if lacking:
        raise UsageError.of("DECISION_INCOMPLETE", source=path, layer=where, actual="、".join(lacking),
                            feature=row.get(PARCEL) or row.get(PROJECT))  # fmt: skip
    scope = subjects[0]
    level = level_names().get(_plain(row["level"]))
    if level is None:
        raise UsageError.of("DECISION_VALUE", source=path, feature=row[scope], layer=where, actual=row["level"],
                            expected="、".join(choices()))  # fmt: skip
    day = _DATE.fullmatch(row["date"].strip())
    date = f"{int(day[1]):04}-{int(day[2]):02}-{int(day[3]):02}" if day else ""
    if pd.isna(pd.to_datetime(date or "x", errors="coerce")):
        raise UsageError.of("DECISION_VALUE", source=path, feature=row[scope], layer=where, actual=row["date"],
                            expected="如 2026-11-21")  # fmt: skip
    return Decision(scope, row[scope], row["line"], level, row["reason"], row["document"], row["by"], date, where)


def _plain(words: str) -> str:
    """Tables are read with full-width signs as plain ones: ids and names are compared so."""
    return unicodedata.normalize("NFKC", words).strip()


def known(
    decisions: Decisions, verdicts: pd.DataFrame, lines: Mapping[str, str], run_id: str
) -> tuple[Decisions, list[Finding]]:
    """Return decisions with the ids and keys of a result.

    Parameters
    ----------
    verdicts : verdicts frame of the rules
    lines : key → Chinese name of the lines that were judged
    run_id : number of this run

    Raises
    ------
    UsageError
        ``DECISION_UNKNOWN``: a parcel, project or line that was not judged.
    """
    ids = {(scope, _plain(name)): name for scope, name in zip(verdicts["scope"], verdicts["subject_id"], strict=True)}
    keys = {_plain(zh): key for key, zh in lines.items()} | {key: key for key in lines}
    judged = set(zip(verdicts["scope"], verdicts["subject_id"], verdicts["kind"], strict=True))
    items = []
    for item in decisions.items:
        subject, kind = ids.get((item.scope, _plain(item.subject_id))), keys.get(_plain(item.kind))
        if subject is None or kind is None or (item.scope, subject, kind) not in judged:
            unknown = item.kind if subject else item.subject_id
            raise UsageError.of("DECISION_UNKNOWN", source=decisions.path, feature=item.subject_id, layer=item.where,
                                actual=unknown, expected="、".join(lines.values()))  # fmt: skip
        items.append(replace(item, subject_id=subject, kind=kind))
    found = []
    if decisions.run_id not in (None, run_id):
        found.append(finding("DECISIONS_OTHER_RUN", source=decisions.path, actual=decisions.run_id, expected=run_id))
    return replace(decisions, items=tuple(items)), found


def apply(verdicts: pd.DataFrame, decisions: Iterable[Decision], projects: Mapping[str, str]) -> pd.DataFrame:
    """Return the verdicts frame with decisions in it: a pure function.

    The row that sets the level of a parcel or project and a line takes the decided level; ``original_level`` keeps
    that of the rules, ``override`` the trail. A project that was not decided about itself follows its parcels once
    each of them that the line concerns was decided about.

    Parameters
    ----------
    verdicts : of the rules
    decisions : from :func:`known`
    projects : parcel_id → project_id
    """
    said: list[Level] = list(verdicts["level"])
    place = _decisive(verdicts)
    made = {(item.scope, item.subject_id, item.kind): (item.level, item.trail) for item in decisions}
    changed = {place[key]: decided for key, decided in made.items() if key in place}
    after = {row: changed.get(row, (level, ""))[0] for row, level in enumerate(said)}
    of_project: dict[Subject, list[Subject]] = {}
    for scope, subject, kind in place:
        if scope == PARCEL:
            of_project.setdefault((PROJECT, projects[subject], kind), []).append((scope, subject, kind))
    for project, parcels in of_project.items():
        concerned = [key for key in parcels if said[place[key]] != CLEAR]
        if project in place and project not in made and concerned and made.keys() >= {*concerned}:
            level = worst([after[place[key]] for key in parcels])
            ids = "、".join(subject for _, subject, _ in concerned)
            changed[place[project]] = (level or CLEAR, text("decision", "follows", parcels=ids))
    rows = range(len(said))
    return verdicts.assign(
        level=pd.Series([changed[n][0] if n in changed else said[n] for n in rows], verdicts.index, dtype=object),
        original_level=pd.Series([said[n] if n in changed else None for n in rows], verdicts.index, dtype=object),
        override=pd.Series([changed[n][1] if n in changed else None for n in rows], verdicts.index, dtype=object),
    )


def _decisive(verdicts: pd.DataFrame) -> dict[Subject, int]:
    """Return the place of the row that sets the level, by scope, subject and kind."""
    rows = verdicts[["scope", "subject_id", "kind", "decisive"]].itertuples(index=False, name=None)
    return {(scope, subject, kind): n for n, (scope, subject, kind, decisive) in enumerate(rows) if decisive}


def levels(verdicts: pd.DataFrame, projects: Mapping[str, str]) -> dict[tuple[str, str], Level]:
    """Return the level of every parcel and project: the worst of its lines, and of a project's parcels too."""
    found: dict[tuple[str, str], list[Level]] = {}
    decisive = verdicts[verdicts["decisive"].astype(bool)]
    for scope, subject, level in decisive[["scope", "subject_id", "level"]].itertuples(index=False):
        found.setdefault((scope, subject), []).append(level)
        if scope == PARCEL:
            found.setdefault((PROJECT, projects[subject]), []).append(level)
    return {subject: level for subject, several in found.items() if (level := worst(several)) is not None}
