"""The audit (图文数据核对): texts in, one row for every check out."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from controllines.errors import InputError
from controllines.figures.checks import DIFFERS, KINDS, NEAR, QUERY, VERDICTS, Check
from controllines.figures.onmap import CONVENTIONS, Measured, check_map, measure, unit_names
from controllines.figures.prose import check_prose
from controllines.figures.read import Text, find_texts, read_text
from controllines.figures.statements import paragraphs
from controllines.figures.tables import check_table
from controllines.figures.words import data
from controllines.findings import Finding, finding
from controllines.plans import Plan, checksum, open_plan

#: Columns of the frame.
COLUMNS = ("file", "line", "check", "verdict", "name", "stated", "compared", "stated_value", "compared_value",
           "difference", "tolerance", "unit", "note", "quote")  # fmt: skip


@dataclass(frozen=True)
class FigureAudit:
    """What the figures of texts were held against, and what came out (图文数据核对结果).

    Attributes
    ----------
    frame : one row for every check, in the order of the texts: ``file``; ``line`` (of a docx: number of the paragraph
        or table cell); ``check`` (``pair``, ``sum``, ``share``, ``share_sum``, ``whole``, ``map``); ``verdict``
        (``differs`` 不符, ``query`` 待核实, ``agrees`` 一致, ``not_judged`` 未判定); ``name`` of the figure; ``stated``
        and ``compared`` in words; ``stated_value``, ``compared_value``, ``difference`` and ``tolerance`` in ``unit``;
        ``note``; ``quote``
    findings : texts that could not be read, layers that could not be compared
    provenance : texts with checksum, encoding and counts, the plan, its measured areas, how tolerances are made
    """

    frame: pd.DataFrame
    findings: tuple[Finding, ...]
    provenance: dict[str, Any]

    @property
    def measured(self) -> pd.DataFrame:
        """Measured areas (m²) of the plan's control lines, as :func:`controllines.check_targets` takes them."""
        columns = ["line", *CONVENTIONS]
        rows = [{"line": entry["name"], **entry} for entry in self.provenance["measured"].values()]
        return pd.DataFrame(rows, columns=columns)

    def _repr_html_(self) -> str:
        wrong = self.frame[self.frame["verdict"].isin([DIFFERS, QUERY])]
        counts = "，".join(f"{zh} {(self.frame['verdict'] == key).sum()}" for key, zh in VERDICTS.items())
        shown = wrong.assign(check=wrong["check"].map(KINDS), verdict=wrong["verdict"].map(VERDICTS))
        cells = shown[["file", "line", "check", "verdict", "stated", "compared"]].astype(str).to_numpy()
        rows = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in cells)
        return f"<p>核对 {len(self.frame)} 处：{counts}</p><table>{rows}</table>"


def audit_figures(texts: Iterable[str | Path] | str | Path, plan: object = None) -> FigureAudit:
    """Check the areas that plan texts state: against each other, and against the map.

    Parameters
    ----------
    texts : .txt (any encoding), .md or .docx files, folders with such, or patterns
    plan : Plan, or anything :func:`controllines.open_plan` takes; with it, stated areas of the control lines are held
        against the areas of its layers

    Returns
    -------
    FigureAudit

    Raises
    ------
    InputError
        No text could be read.
    PlanError
        The plan cannot be used at all.

    Notes
    -----
    Two printed figures agree if one true value rounds to both: the tolerance is half a unit of the last digit of
    either side (a whole unit after 约), added up over the parts of a sum. What cannot be judged without supposing
    something is listed as ``not_judged`` and never as an error.
    """
    opened = None if plan is None else open_plan(plan)
    measured = {} if opened is None else measure(opened)
    places = frozenset() if opened is None else unit_names(opened)
    found: list[Finding] = []
    read: list[Text] = []
    for path in find_texts(texts):
        try:
            read.append(read_text(path))
        except InputError as error:
            found.append(error.finding)
    if not read:
        raise InputError(finding("TEXTS_NONE", actual=len(found)), tuple(found))
    rows, said = [], []
    for text in read:
        checks, count = _checks(text, measured, places)
        rows += [_row(text.path, check) for check in checks]
        said.append({"path": str(text.path), "sha256": text.sha256, "encoding": text.encoding, "figures": count,
                     "lines": len(text.lines), "tables": len(text.tables), "checks": len(checks)})  # fmt: skip
    if opened is not None:
        found += _not_compared(opened, measured)
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return FigureAudit(frame, tuple(found), _provenance(said, opened, measured))


def _checks(text: Text, measured: dict[str, Measured], places: frozenset[str]) -> tuple[list[Check], int]:
    read = list(paragraphs(text.lines))
    checks = check_prose(read) + [check for table in text.tables for check in check_table(table)]
    checks += check_map(read, measured, places)
    return sorted(checks, key=lambda check: check.line), sum(len(paragraph.quantities) for paragraph in read)


def _row(path: Path, check: Check) -> tuple[object, ...]:
    result = check.result
    numbers = (None,) * 4 if result is None else tuple(
        float(value) for value in (result.stated, result.compared, result.difference, result.tolerance))  # fmt: skip
    return (str(path), check.line, check.kind, check.verdict, check.name, check.stated, check.compared, *numbers,
            None if result is None else result.unit, check.note, check.quote)  # fmt: skip


def _not_compared(plan: Plan, measured: dict[str, Measured]) -> Iterator[Finding]:
    for key in data()["map"]["names"]:
        if key not in measured:
            yield finding("FIGURES_NOT_MEASURED", source=plan.path, layer=plan.kind(key).zh)


def _provenance(texts: list[dict[str, Any]], plan: Plan | None, measured: dict[str, Measured]) -> dict[str, Any]:
    seed = repr([(text["sha256"], Path(text["path"]).name) for text in texts])
    seed += "" if plan is None else checksum(plan)
    return {
        "run_id": hashlib.sha256(seed.encode()).hexdigest()[:12],
        "texts": texts,
        "words": data()["version"],
        "near": NEAR,
        "plan": None if plan is None else plan.spec.model_dump(mode="json") | {"path": plan.path},
        "measured": {key: {"name": m.zh, **m.areas} for key, m in measured.items()},
        "conventions": CONVENTIONS,
    }
