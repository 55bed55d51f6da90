"""Job ``conflict``: parcels over three control lines, townships and zones, against all peers."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from .county import LAYERS, County
from .measure import Answer, Program, Runs, Worker, alternate, versions, write
from .ours import Ours
from .peers import Duckdb, Geopandas, Sedona, Shapely
from .postgis import Postgis, server

#: What our engine is asked; the first is the reference of all ratios.
OURS = {"areas": "areas only", "overlaps": "all columns", "check": "check()"}
UNPREPARED = {"shapely": Shapely, "geopandas": Geopandas, "duckdb": Duckdb, "sedonadb": Sedona}
#: Two answers agree if no parcel differs by more than this in any layer (m², relative to the parcel's area in it):
#: what is no wider than 0.0001 m is contact for us and land for the peers, and that is all that may differ.
AGREE_M2, AGREE = 0.01, 1e-6


def conflict(county: County, counts: list[int], engines: list[str], out: Path, *, rounds: int, budget_s: float,
             pg_home: Path | None, ask: tuple[str, ...] = tuple(OURS)) -> list[dict[str, Any]]:  # fmt: skip
    """Ask all engines for each number of parcels, ours for all of ``ask``; write the table."""
    rows: list[dict[str, Any]] = []
    with ExitStack() as stack:
        workers = start(county, engines, stack, pg_home)
        for count in counts:
            rows += one_count(workers, count, ask, rounds=rounds, budget_s=budget_s)
        said = [worker.call("version").value or worker.made.error for worker in workers]
    write(out, f"conflict-{county.label}", rows, versions(said) | {"layer vertices": county.vertices()})
    return rows


def start(county: County, engines: list[str], stack: ExitStack, pg_home: Path | None, *,
          kinds: tuple[str, ...] = LAYERS) -> list[Worker | Program]:  # fmt: skip
    """Start the engines that were asked for, each in its process; ``-prepared`` is said behind the name."""
    made: list[Worker | Program] = []
    dsn = no_server = ""
    if any(key.startswith("postgis") for key in engines):
        try:
            dsn = stack.enter_context(server(pg_home))
        except FileNotFoundError as error:
            no_server = str(error)
    for key in engines:
        name, prepared = key.removesuffix("-prepared"), key.endswith("-prepared")
        label = f"{name}, {'' if prepared else 'un'}prepared"
        if name == "ours":
            made.append(Worker(label, Ours, county, kinds, prepared=prepared))
        elif name == "postgis" and no_server:
            made.append(Program(label, [], made=Answer(error=no_server)))
        elif name == "postgis":
            made.append(Worker(label, Postgis, county, dsn, kinds, subdivided=prepared))
        else:
            made.append(Worker(label, UNPREPARED[key], county, kinds))
        stack.callback(made[-1].close)
    return made


def one_count(workers: list[Worker | Program], count: int, ask: tuple[str, ...] = tuple(OURS), *, rounds: int,
              budget_s: float) -> list[dict[str, Any]]:  # fmt: skip
    """Return the rows of one number of parcels; one parcel is asked for with several parcels in turn."""
    runs = [
        Runs(f"{worker.name}: {OURS[method]}", worker, method)
        for worker in workers
        for method in (ask if worker.name.startswith("ours") else ("areas",))
    ]
    tries = max(rounds, 15) if count == 1 else 1
    for first in range(tries):
        for worker in workers:
            loaded = worker.call("load", count, first)
            for run in runs:
                run.error = run.error or (loaded.error if run.worker is worker else "")
        for run in runs:
            run.value = None
        alternate(runs, rounds=1 if count == 1 else rounds, budget_s=budget_s, warm=count == 1)
        for run in runs[1:]:
            run.error = run.error or differs(runs[0].value, run.value)
    return [_row(count, run, runs) for run in runs]


def differs(ours: Any, theirs: Any) -> str:
    """Say how two tables of areas disagree, or nothing."""
    if ours is None or theirs is None:
        return ""
    worst = np.abs(ours - theirs).max(initial=0.0)
    wrong = np.abs(ours - theirs) > AGREE_M2 + AGREE * np.abs(ours)
    return f"disagrees in {int(wrong.sum())} areas, by up to {worst:.3g} m²" if wrong.any() else ""


def _row(count: int, run: Runs, runs: list[Runs]) -> dict[str, Any]:
    """Return a row; ratios are to ours in the same state of preparation, for areas only and for all it tells."""
    ours = [r for r in runs if r.label.startswith("ours")]
    alike = [r for r in ours if _state(r) == _state(run)] or ours
    ratios = {f"× {OURS[r.method]}": run.median / r.median for r in alike}
    known = run.value is not None and runs[0].value is not None
    off = float(np.abs(run.value.sum(axis=0) - runs[0].value.sum(axis=0)).max()) if known else np.nan
    return {
        "parcels": count, "engine": run.label, "ms": run.median * 1000,
        "min": min(run.seconds, default=np.nan) * 1000, "max": max(run.seconds, default=np.nan) * 1000,
        "cpu ms": run.cpu * 1000,
        "runs": len(run.seconds), **ratios, "peak MB": run.peak_mb, "totals differ m²": off, "note": run.error,
    }  # fmt: skip


def _state(run: Runs) -> str:
    return run.worker.name.rpartition(", ")[2]
