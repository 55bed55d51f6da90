"""Job ``startup``: the whole command for one application, in a new process, against importing what it stands on."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import shapely

from .county import County
from .measure import Program, Runs, alternate, versions, write
from .ours import prepared_plan
from .postgis import Postgis, common_area, server

IMPORTS = "import numpy, shapely, pyproj, pyogrio"


def startup(county: County, out: Path, *, rounds: int, budget_s: float, pg_home: Path | None) -> list[dict[str, Any]]:
    """Start each command again and again, in turn."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name, server(pg_home) as dsn:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # as an installed package is: compiled by the round that
        os.environ["PYTHONPYCACHEPREFIX"] = str(Path(name) / "compiled")  # does not count
        folder, plan = Path(name) / "out", prepared_plan(county.plan)
        one = _survey_file(county, Path(name))
        base = Postgis(county, dsn, subdivided=True)
        commands = {
            IMPORTS: ["-c", IMPORTS],
            "controllines check ONE.txt": ["-m", "controllines", "check", one, "--plan", plan, "--out", folder],
            "cl.check(ONE.txt)": ["-c", f"import controllines as cl; cl.check({str(one)!r}, {str(plan)!r})"],
            "psycopg, five queries": ["-c", _client(base, dsn, county)],
        }
        runs = [Runs(label, _program(label, words, folder), "run") for label, words in commands.items()]
        alternate(runs, rounds=rounds, budget_s=budget_s, warm=True)
        said = [base.version()]
        base.close()
    rows = [{"command": run.label, "ms": run.median * 1000, "runs": len(run.seconds), "× imports": run.median /
             runs[0].median, "peak MB": run.peak_mb, "note": run.error} for run in runs]  # fmt: skip
    write(out, f"startup-{county.label}", rows, versions(said))
    return rows


def _program(label: str, words: list[object], out: Path) -> Program:
    return Program(label, [sys.executable, *words], lambda: shutil.rmtree(out, ignore_errors=True))


def _survey_file(county: County, folder: Path) -> Path:
    """Write the first parcel as a survey TXT (勘测定界界址点坐标交换格式)."""
    from controllines.convert import convert

    path = folder / "one.txt"
    convert(county.parcels_file(1), path)
    return path


def _client(base: Postgis, dsn: str, county: County) -> str:
    """Return a script that asks the prepared server for the same parcel, and imports nothing but its driver."""
    shape = shapely.to_wkb(county.parcels(1).geometry.iloc[0], hex=True)
    pairs = "(SELECT %s::geometry AS geom) p JOIN {} l ON ST_Intersects(p.geom, l.geom)"
    query = f"SELECT sum({common_area('p', 'l')}) FROM {pairs}"
    return "\n".join([
        "import psycopg",
        f"base = psycopg.connect({dsn!r})",
        f"base.execute('SET search_path = \"{base.schema}\", public')",
        f"for table in {list(base.tables.values())!r}:",
        f"    base.execute({query!r}.format(table), [{shape!r}]).fetchall()",
    ])  # fmt: skip
