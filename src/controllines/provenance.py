"""Where every number came from (来源与版本), and the number of the run (核对编号)."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from controllines import __version__
from controllines.classes import SURVEY, classification
from controllines.facts import catalogue
from controllines.kinds import Kind, in_order, registry
from controllines.layers import Layer
from controllines.plans import Plan, checksum
from controllines.rules import Pack
from controllines.versions import versions


def provenance(
    laid: Layer, plan: Plan, kinds: list[Kind], *, options: Mapping[str, object], required: Sequence[str],
    as_of: dt.date, facts: pd.DataFrame, pack: Pack | None = None, documents: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:  # fmt: skip
    """Say where every number came from.

    Parameters
    ----------
    laid : the applications
    kinds : lines that were checked
    options : every option that can change a number
    required : keys of the lines that must be there
    as_of : date of the check (核对基准日)
    facts : what is known of the projects; its values are part of the run's number
    documents : approval documents that were read
    pack : the rule pack, None without rules

    Returns
    -------
    dict; ``run_id`` (核对编号) is a checksum over inputs, plan and options
    """
    inputs = [asdict(origin) | {"used": origin.used} for origin in laid.origins]
    chosen = {"lines": [kind.key for kind in kinds], **options, "line_width_m": laid.reading.line_width}
    said = [(Path(entry["path"]).name, entry["layer"], entry["sha256"]) for entry in inputs]
    seed = {"inputs": said, "projects": laid.frame["project_id"].astype(str).tolist(), "plan": checksum(plan),
            "options": chosen, "as_of": as_of.isoformat(), "version": __version__,
            "facts": _told(facts), "documents": [(entry["layer"], entry["sha256"]) for entry in documents],
            "rules": pack.record() if pack else None}  # fmt: skip
    return {
        "run_id": hashlib.sha256(json.dumps(seed, ensure_ascii=False).encode()).hexdigest()[:12],
        "versions": versions(),
        "as_of": as_of.isoformat(),
        "options": chosen,
        "plan": plan.spec.model_dump(mode="json") | {"path": plan.path, "plane": asdict(plan.plane)},
        "layers": [_plan_layer(plan, key) for key in in_order({*plan.layers, *plan.failed})],
        "inputs": inputs,
        "documents": list(documents),
        "land_use": _land_use(plan),
        "rule_pack": pack.record() if pack else None,
        "checked": [kind.key for kind in kinds],
        "required": in_order(required),
        "not_checked": _not_checked(plan, kinds),
        "synthetic": plan.spec.synthetic,
    }


def _not_checked(plan: Plan, kinds: list[Kind]) -> list[str]:
    """Return the lines nothing was checked against: not asked for, not in the plan, or not readable."""
    checked = {kind.key for kind in kinds if kind.key in plan.layers}
    lines = {key for key, kind in registry().items() if kind.is_line} | {kind.key for kind in plan.lines()}
    return in_order(lines - checked)


def _told(facts: pd.DataFrame) -> list[list[object]]:
    """Return the facts without the folders of files: where a file lies changes nothing."""
    kept = zip(facts["project_id"], facts["key"], facts["value"], strict=True)
    return [[project, key, Path(value).name if catalogue()[key].type == "file" else value]
            for project, key, value in kept]  # fmt: skip


def _land_use(plan: Plan) -> dict[str, str] | None:
    """Return the classification of the land-use layer; None where nothing is said about land use."""
    survey = classification(SURVEY)
    return {"title": survey.title, "version": survey.version} if "land_use" in plan.layers else None


def _plan_layer(plan: Plan, key: str) -> dict[str, Any]:
    spec, kind = plan.specs[key], plan.kind(key)
    said = {"kind": key, "name_zh": kind.zh, "version": spec.version, "source": spec.source,
            "approval": spec.approval, "as_at": spec.as_at.isoformat() if spec.as_at else None,
            "accept_excluded": spec.accept_excluded}  # fmt: skip
    if key in plan.failed:
        return said | {"path": plan.failed[key].source, "layer": spec.layer, "failed": plan.failed[key].message}
    origin = plan.layers[key].origins[0]
    coverage = plan.coverage[key].zh if key in plan.coverage else None
    return said | asdict(origin) | {"used": origin.used, "coverage": coverage, "failed": None}
