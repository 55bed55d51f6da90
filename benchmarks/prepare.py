"""Job ``prepare``: our prepared plan against COPY, ST_Subdivide, GiST and ANALYZE of the same layers in PostGIS."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from .county import County
from .measure import Program, Runs, Worker, alternate, versions, write
from .postgis import Postgis, server


def prepare(county: County, out: Path, *, rounds: int, budget_s: float, postgis: bool = True) -> list[dict[str, Any]]:
    """Prepare a county again and again: we from its files, PostGIS from layers that are already in the plane."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name, server() as dsn:
        folder = Path(name) / "county.plan"
        words = [sys.executable, "-m", "controllines", "prepare", county.plan, "--out", folder]
        runs = [Runs("ours", Program("ours", words, lambda: shutil.rmtree(folder, ignore_errors=True)), "run")]
        if postgis:
            worker = Worker("PostGIS", Postgis, county, dsn, (), subdivided=True)
            runs.append(Runs(worker.name, worker, "prepare"))
        alternate(runs, rounds=rounds, budget_s=budget_s)
        size_mb = {"ours": sum(path.stat().st_size for path in folder.rglob("*")) / 2**20}
        said = []
        if postgis:
            size_mb["PostGIS"] = worker.call("size_mb").value
            said.append(worker.call("version").value)
            worker.close()
    rows = [{"engine": run.label, "s": run.median, "runs": len(run.seconds), "× ours": run.median / runs[0].median,
             "peak MB": run.peak_mb, "on disk MB": size_mb[run.label], "note": run.error} for run in runs]  # fmt: skip
    write(out, f"prepare-{county.label}", rows, versions(said))
    return rows
