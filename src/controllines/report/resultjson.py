"""result.json, schema ``controllines.result/1``: the record of a run, and the commit mark of its folder."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from controllines.errors import OutputError
from controllines.report.model import OUTCOMES
from controllines.report.rows import Row, grouped, records
from controllines.report.rulings import questions_of, rulings
from controllines.results import UNITS
from controllines.rules import GENERAL, LAND_USE
from controllines.rules.levels import UNDETERMINED

if TYPE_CHECKING:
    import pandas as pd
    from jsonschema_rs import Draft202012Validator

    from controllines.results import CheckResult

SCHEMA = "controllines.result/1"
PARCELS = ("parcel_id", "declared_id", "project_id", "name", "source", "row", "status", "area_m2", "planar_area_m2",
           "declared_area_m2", "verdict", "source_crs")  # fmt: skip
OVERLAPS = ("kind", "outcome", "area_m2", "outside_m2", "conflict_m2", "share", "net_area_m2", "uncovered_m2",
            "contact_m2", "sliver_m2", "shared_m2", "depth_m", "width_m", "clearance_m", "flags",
            "planar_area_m2")  # fmt: skip
FEATURES = ("feature_id", "class", "area_m2")
LAND = ("class_code", "class_name", "big_class", "ownership", "township_code", "township", "area_m2", "ridge_m2",
        "net_area_m2")  # fmt: skip
APPROVALS = ("fact", "kind", "role", "document", "required_m2", "given_m2", "missing_m2")
PROJECTS = ("project_id", "name", "parcels", "area_m2", "verdict")
VERDICT = ("level", "rule_id", "authority", "requires", "basis", "sentence", "question", "flips", "verification",
           "original_level", "override")  # fmt: skip
CLAUSE = ("document", "article", "verification")
FINDINGS = ("code", "severity", "source", "layer", "feature", "x", "y", "message", "expected", "actual", "fix")


@cache
def schema() -> Any:
    """Return the published JSON Schema of result.json (draft 2020-12)."""
    return json.loads(files("controllines").joinpath("data/schema/result-1.json").read_text(encoding="utf-8"))


def document(
    result: CheckResult, listed: Sequence[tuple[str, str]], forms: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the document of a result.

    Parameters
    ----------
    result : the checked parcels
    listed : path (relative, with ``/``) and sha256 of every other file of the folder
    forms : project_id → its opinion form among them
    """
    parcels, projects = records(result.parcels, PARCELS), records(result.projects, PROJECTS)
    overlaps = records(result.overlaps, ("parcel_id", *OVERLAPS))
    unions = records(result.project_overlaps, ("project_id", *OVERLAPS))
    pieces = grouped(records(result.pieces, ("parcel_id", "kind", *FEATURES)), "parcel_id", "kind")
    units = grouped(records(result.units, ("parcel_id", *UNITS)), "parcel_id")
    summary = _summary(result, parcels, projects, overlaps, unions=unions)
    by_parcel, by_project = grouped(overlaps, "parcel_id"), grouped(unions, "project_id")
    of_units = grouped(records(result.project_units, ("project_id", *UNITS)), "project_id")
    of_parcel = _land(result.land, "parcel_id")
    of_project = _land(result.project_land, "project_id")
    held = grouped(records(result.approvals, ("scope", "subject_id", *APPROVALS)), "scope", "subject_id")
    judged = rulings(result)
    of_subject = grouped(records(result.verdicts), "scope", "subject_id")
    facts = grouped(records(result.facts, ("project_id", "key", "value", "source")), "project_id")
    return {
        "schema": SCHEMA,
        "provenance": result.provenance,
        "summary": summary,
        "parcels": [
            {
                **row,
                "layers": [
                    {**_layer(over, judged.get(("parcel", row["parcel_id"], over["kind"]), [])),
                     "features": _pick(pieces.get((row["parcel_id"], over["kind"]), []), FEATURES)}
                    for over in by_parcel.get(row["parcel_id"], [])
                ],
                "verdicts": _others(of_subject.get(("parcel", row["parcel_id"]), [])),
                "units": _pick(units.get(row["parcel_id"], []), UNITS),
                "land": of_parcel.get(row["parcel_id"], []),
                "approvals": _pick(held.get(("parcel", row["parcel_id"]), []), APPROVALS),
            }
            for row in parcels
        ],
        "projects": [
            {
                **row,
                "form": (forms or {}).get(row["project_id"]),
                "layers": [_layer(over, judged.get(("project", row["project_id"], over["kind"]), []))
                           for over in by_project.get(row["project_id"], [])],
                "verdicts": _others(of_subject.get(("project", row["project_id"]), [])),
                "facts": {
                    fact["key"]: {"value": fact["value"], "source": fact["source"]}
                    for fact in facts.get(row["project_id"], [])
                },
                "units": _pick(of_units.get(row["project_id"], []), UNITS),
                "land": of_project.get(row["project_id"], []),
                "approvals": _pick(held.get(("project", row["project_id"]), []), APPROVALS),
            }
            for row in projects
        ],
        "findings": records(result.findings, FINDINGS),
        "files": [{"path": path, "sha256": digest} for path, digest in sorted(listed)],
    }  # fmt: skip


def to_bytes(content: dict[str, Any]) -> bytes:
    """Return the document as UTF-8: keys sorted, shortest round-trip numbers, no NaN; see :func:`write`."""
    return b"".join(_chunks(content))


def write(content: dict[str, Any], path: Path) -> None:
    """Write the document parcel by parcel: its text would not fit into memory beside it.

    Raises
    ------
    OutputError
        The document does not follow the published schema.
    """
    with path.open("wb") as stream:
        stream.writelines(_chunks(content))


#: Lists of the document that may be long: written and held against the schema item by item.
_LONG = {"parcels": "parcel", "projects": "project"}


def _chunks(content: dict[str, Any]) -> Iterator[bytes]:
    _hold(_plain(content | {key: [] for key in _LONG}), "document")
    for number, (key, value) in enumerate(sorted(content.items())):
        yield f'{"," if number else "{"}\n "{key}": '.encode()
        if key not in _LONG or not value:
            yield _text(_plain(value), 1)
            continue
        for position, item in enumerate(value):
            plain = _plain(item)
            _hold(plain, _LONG[key])
            yield (b"," if position else b"[") + b"\n  " + _text(plain, 2)
        yield b"\n ]"
    yield b"\n}\n"


def _text(plain: Any, depth: int) -> bytes:
    text = json.dumps(plain, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False)
    # line breaks within texts are escaped, so these are those of the layout;
    # a lone surrogate (from a broken file name) cannot be written as UTF-8
    return text.replace("\n", "\n" + " " * depth).encode("utf-8", "backslashreplace")


@cache
def _validator(part: str) -> Draft202012Validator:
    """Return what checks the whole document, or one parcel or project of it."""
    from jsonschema_rs import Draft202012Validator  # ready in 2 ms, where pure Python compiles for 200

    whole = schema()
    chosen = whole if part == "document" else {"$ref": f"#/$defs/{part}", "$defs": whole["$defs"]}
    return Draft202012Validator(chosen)


def _hold(plain: Any, part: str) -> None:
    problem = next(iter(_validator(part).iter_errors(plain)), None)
    if problem is not None:
        place = "/".join(map(str, (part, *problem.instance_path)))
        raise OutputError.of("OUTPUT_SCHEMA", actual=f"{place}: {problem.message[:200]}")


def _land(land: pd.DataFrame, key: str) -> dict[str, list[Row]]:
    """Return the land-use rows of each parcel or project; what lies inside each line stands under ``lines``."""
    kinds = [str(name) for name in land.columns if name not in (key, *LAND)]
    return {
        identity: [
            {**{name: row[name] for name in LAND}, "lines": {name.removesuffix("_m2"): row[name] for name in kinds}}
            for row in rows
        ]
        for identity, rows in grouped(records(land, (key, *LAND, *kinds)), key).items()
    }


def _layer(over: Row, judged: Sequence[Row]) -> Row:
    setting = next((row for row in judged if row["decisive"]), None)
    verdict = None if setting is None else _verdict(setting) | {"question": "\n".join(questions_of(judged)) or None}
    return {**{key: over[key] for key in OVERLAPS}, "flags": over["flags"] or "", "verdict": verdict}


def _verdict(row: Row) -> Row:
    return {**{key: row[key] for key in VERDICT}, "basis": _pick(row["basis"], CLAUSE)}


def _others(judged: Sequence[Row]) -> list[Row]:
    """Return what else the rules say: rules that apply besides the one that sets the level of a line, and notes.

    Rules that are only open stand in result.trace.json.
    """
    return [
        {"kind": row["kind"], "decisive": bool(row["decisive"]), **_verdict(row)} for row in judged
        if (row["kind"] in (LAND_USE, GENERAL) if row["decisive"] else row["level"] != UNDETERMINED)
    ]  # fmt: skip


def _pick(rows: Sequence[Row], keys: Sequence[str]) -> list[Row]:
    return [{key: row[key] for key in keys} for row in rows]


def _plain(value: Any) -> Any:
    """Return plain JSON values: numpy scalars unwrapped, NaN and infinity as null, −0.0 as 0.0, dates ISO."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value + 0.0 if np.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


def _summary(
    result: CheckResult, parcels: list[Row], projects: list[Row], overlaps: list[Row], *, unions: list[Row]
) -> dict[str, Any]:
    status = Counter(row["status"] for row in parcels)
    inputs = result.provenance["inputs"]
    by_union, by_line = grouped(unions, "kind"), grouped(overlaps, "kind")
    return {
        "files": {
            "read": len({entry["path"] for entry in inputs}),
            **{key: sum(entry[key] for entry in inputs) for key in ("features_in", "used", "excluded")},
        },
        "parcels": {
            "total": len(parcels), "checked": status["checked"], "excluded": status["excluded"],
            "outcomes": _worst(overlaps, "parcel_id"), "levels": _levels(parcels),
        },
        "projects": {
            "total": len(projects), "outcomes": _worst(unions, "project_id"),
            "levels": _levels(projects),
        },
        "lines": [
            {
                "kind": kind,
                "outcomes": _outcomes(row["outcome"] for row in rows),
                "area_m2": _sum(rows, "area_m2"),
                "conflict_m2": _sum(rows, "conflict_m2"),
                "project_conflict_m2": _sum(by_union.get(kind, []), "conflict_m2"),
            }
            for kind, rows in by_line.items()
        ],
    }  # fmt: skip


def _levels(rows: list[Row]) -> dict[str, int]:
    return dict(Counter(row["verdict"] for row in rows if row["verdict"] is not None))


def _worst(overlaps: list[Row], key: str) -> dict[str, int]:
    groups = grouped(overlaps, key).values()
    return _outcomes(min((row["outcome"] for row in rows), key=OUTCOMES.index) for rows in groups)


def _outcomes(found: Any) -> dict[str, int]:
    counts = Counter(found)
    return {key: counts[key] for key in sorted(OUTCOMES)}


def _sum(rows: list[Row], key: str) -> float | None:
    values = [row[key] for row in rows if row[key] is not None]
    return float(sum(values)) if values else None
