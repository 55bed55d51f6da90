"""result.trace.json: how every parcel and project was judged, rule by rule, condition by condition (判定过程)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from controllines.errors import UsageError
from controllines.rules.trace import Record, trace

if TYPE_CHECKING:
    from controllines.results import CheckResult

SCHEMA = "controllines.trace/1"
NAME = "result.trace.json"


def write(result: CheckResult, path: Path) -> None:
    """Write the trace of a judged result: one parcel or project a line, keys sorted."""
    head = {"schema": SCHEMA, "run_id": result.provenance["run_id"], "rule_pack": result.provenance["rule_pack"]}
    with path.open("wb") as stream:
        stream.write(_text(head)[:-1] + b',"subjects":[\n')
        for number, record in enumerate(traced(result)):
            stream.write((b",\n" if number else b"") + _text(record))
        stream.write(b"\n]}\n")


def traced(result: CheckResult) -> Iterable[Record]:
    """Return the trace of a judged result, record by record; empty without rules."""
    if result.pack is None:
        return ()
    return trace(result.cases, result.pack, as_of=date.fromisoformat(result.provenance["as_of"]))


def _text(record: Any) -> bytes:
    text = json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "backslashreplace")


def read_trace(result: str | Path, subject: str) -> list[Record]:
    """Return the records of a parcel or project, read from the folder of a run.

    Parameters
    ----------
    result : the output folder, or the result.json in it
    subject : parcel_id or project_id

    Raises
    ------
    UsageError
        There is no trace, or it has no such parcel or project.
    """
    place = Path(result)
    path = place / NAME if place.is_dir() else place.with_name(NAME)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise UsageError.of("TRACE_MISSING", source=path)
    found = [record for record in content["subjects"] if record["subject_id"] == subject]
    if not found:
        known = [record["subject_id"] for record in content["subjects"]]
        raise UsageError.of("TRACE_SUBJECT", source=path, actual=subject, expected="、".join(dict.fromkeys(known[:20])))
    return found
