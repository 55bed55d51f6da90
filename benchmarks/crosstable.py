"""Job ``crosstable``: class × township × zone × inside or outside each of three control lines, over all patches."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .conflict import start
from .county import LAYERS, County
from .measure import Runs, alternate, versions, write

KINDS = (*LAYERS, "land_use")
#: A cell may differ by what is contact for us (m²) and by this share of it.
AGREE_M2, AGREE = 1.0, 1e-7


def crosstable(county: County, engines: list[str], out: Path, *, rounds: int, budget_s: float,
               pg_home: Path | None) -> list[dict[str, Any]]:  # fmt: skip
    """Ask all engines for the cross-table; write the table."""
    with ExitStack() as stack:
        workers = start(county, engines, stack, pg_home, kinds=KINDS)
        runs = [Runs(worker.name, worker, "cells") for worker in workers]
        # The first round is for agreement alone: who disagrees is not timed.
        alternate(runs, rounds=1, budget_s=budget_s)
        for run in runs[1:]:
            run.error = run.error or differs(runs[0].value, run.value)
        alternate(runs, rounds=rounds - 1, budget_s=budget_s)
        said = [worker.call("version").value or worker.made.error for worker in workers]
    patches = len(county.layer("land_use"))
    rows = [_row(patches, run, runs[0]) for run in runs]
    write(out, f"crosstable-{county.label}", rows, versions(said))
    return rows


def differs(ours: pd.Series | None, theirs: pd.Series | None) -> str:
    """Say how two cross-tables disagree, or nothing."""
    if ours is None or theirs is None:
        return ""
    ours, theirs = ours.align(theirs, fill_value=0.0)
    worst = np.abs(ours - theirs)
    wrong = worst > AGREE_M2 + AGREE * ours
    return f"disagrees in {int(wrong.sum())} of {len(ours)} cells, by up to {worst.max():.3g} m²" if wrong.any() else ""


def _row(patches: int, run: Runs, ours: Runs) -> dict[str, Any]:
    value = run.value
    return {
        "patches": patches, "engine": run.label, "s": run.median, "min": min(run.seconds, default=np.nan),
        "max": max(run.seconds, default=np.nan), "cpu s": run.cpu,
        "runs": len(run.seconds), "× ours": run.median / ours.median,
        "peak MB": run.peak_mb, "cells": None if value is None else len(value),
        "total km²": np.nan if value is None else float(value.sum()) / 1e6, "note": run.error,
    }  # fmt: skip
