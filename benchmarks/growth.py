"""Job ``growth``: exponents over parcels, layer vertices and patches, from tables that other jobs have written."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from .measure import versions, write


def growth(out: Path) -> list[dict[str, Any]]:
    """Fit seconds ~ size^exponent for each engine over all results in a folder."""
    points: dict[tuple[str, str, str], list[tuple[float, float]]] = defaultdict(list)
    for path in sorted(out.glob("*.json")):
        kind, _, label = path.stem.partition("-")
        if kind in ("conflict", "crosstable"):
            for over, engine, of, point in _points(kind, label, json.loads(path.read_text())):
                points[over, engine, of].append(point)
    rows = []
    for (over, engine, of), known in points.items():
        sizes, seconds = np.array(sorted(known)).T
        if len(np.unique(sizes)) > 1:
            exponent = np.polyfit(np.log(sizes), np.log(seconds), 1)[0]
            rows.append({"over": over, "engine": engine, "of": of, "from": int(sizes[0]), "to": int(sizes[-1]),
                         "points": len(known), "exponent": round(float(exponent), 3)})  # fmt: skip
    write(out, "growth", rows, versions())
    return rows


def _points(kind: str, label: str, table: dict[str, Any]) -> Any:
    """Yield what grows, the engine, what stays the same, and one point of size and seconds."""
    seed = re.sub(r"^s[\d.]+-|-x\d+$", "", label)
    for row in table["rows"]:
        if row["note"]:
            continue
        if kind == "crosstable":
            yield "patches", row["engine"], seed, (row["patches"], row["s"])
            continue
        if row["parcels"] >= 1000:
            yield "parcels", row["engine"], label, (row["parcels"], row["ms"] / 1000)
        if row["parcels"] == 1000:
            same = re.sub(r"-x\d+$", "", label)
            yield "layer vertices", row["engine"], same, (table["about"]["layer vertices"], row["ms"] / 1000)
