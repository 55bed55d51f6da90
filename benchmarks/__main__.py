"""``python -m benchmarks JOB``: each job writes a table as JSON and Markdown and shows it."""

from __future__ import annotations

import argparse
from pathlib import Path

from .county import open_county

ALL = "ours,ours-prepared,shapely,geopandas,duckdb,sedonadb,postgis,postgis-prepared"
JOBS = {
    "conflict": "parcels over control lines and units, against all peers",
    "crosstable": "class × township × zone × in or out of each line, against all peers",
    "prepare": "a prepared plan against PostGIS: COPY, ST_Subdivide, GiST",
    "startup": "the whole command for one application against importing its libraries",
    "guard": "what the guard against wrong overlays costs",
    "bound": "distance of the prepared check from the cuts that cannot be left out",
    "growth": "exponents over parcels, layer vertices and patches, from the tables in --out",
    "large": "three million control polygons; one polygon of a million vertices",
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    jobs = made.add_subparsers(dest="job", required=True)
    for name, text in JOBS.items():
        _options(jobs.add_parser(name, help=text, description=text), name)
    return made


def _options(job: argparse.ArgumentParser, name: str) -> None:
    job.add_argument("--work", type=Path, default=Path("bench-work"), help="derived data, kept for the next run")
    job.add_argument("--out", type=Path, default=Path("bench-results"), help="where the tables go")
    if name == "growth":
        return
    if name == "large":
        job.add_argument("--polygons", type=int, default=3_000_000)
        job.add_argument("--vertices", type=int, default=1_000_000)
        job.add_argument("--parcels", type=int, default=1000)
        return
    job.add_argument("--data", type=Path, help="folder of a generated county; omitted: the demo county")
    job.add_argument("--size", default="small", choices=["small", "county"], help="of the demo county")
    job.add_argument("--seed", type=int, default=650422, help="of the demo county")
    job.add_argument("--rounds", type=int, default=5)
    job.add_argument("--budget", type=float, default=20.0, help="seconds after which an engine is asked no more")
    if name in ("conflict", "crosstable"):
        job.add_argument("--engines", default=ALL if name == "conflict" else "ours-prepared,geopandas,postgis-prepared")
    if name == "guard":
        job.add_argument("--parcels", type=int, default=1000)
    if name == "bound":
        job.add_argument("--parcels", default="1000,20000")
    if name == "conflict":
        job.add_argument("--refine", type=int, default=1, help="cut every edge of a layer in so many")
        job.add_argument("--ask", default="areas,overlaps,check", help="what ours is asked; peers give areas")
        job.add_argument("--parcels", default="1,100,1000", help="numbers of parcels, e.g. 1,1000,200000")


def run(a: argparse.Namespace) -> list[dict[str, object]]:
    """Run one job."""
    from .bound import bound
    from .conflict import conflict
    from .crosstable import crosstable
    from .growth import growth
    from .guard import guard
    from .large import large
    from .prepare import prepare
    from .startup import startup

    if a.job == "large":
        return large(a.work, a.out, polygons=a.polygons, vertices=a.vertices, parcels=a.parcels)
    if a.job == "growth":
        return growth(a.out)
    county = open_county(a.data, a.work, size=a.size, seed=a.seed, refine=getattr(a, "refine", 1))
    how = {"rounds": a.rounds, "budget_s": a.budget}
    home = a.work / "postgres"
    if a.job == "conflict":
        counts = [int(n) for n in a.parcels.split(",")]
        return conflict(county, counts, a.engines.split(","), a.out, pg_home=home, ask=tuple(a.ask.split(",")), **how)
    if a.job == "crosstable":
        return crosstable(county, a.engines.split(","), a.out, pg_home=home, **how)
    if a.job == "guard":
        return guard(county, a.out, parcels=a.parcels, **how)
    if a.job == "bound":
        return bound(county, a.out, counts=[int(n) for n in a.parcels.split(",")], **how)
    if a.job == "prepare":
        return prepare(county, a.out, **how)
    return startup(county, a.out, pg_home=home, **how)


if __name__ == "__main__":
    run(parser().parse_args())
