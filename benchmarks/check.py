"""Seconds by stage of the main job on the synthetic demo county: ``make bench``, ``make bench SIZE=county``."""

from __future__ import annotations

import argparse
import itertools
import resource
import tempfile
import time
from pathlib import Path

from controllines.demo import make_demo
from controllines.pipeline import Job, run


def bench(size: str, seed: int, folder: Path) -> list[tuple[str, float]]:
    """Run the job once and return each stage with its seconds."""
    marks: list[tuple[str, float]] = []

    def tell(stage: str) -> None:
        marks.append((stage, time.perf_counter()))

    tell("生成合成示范县")
    made = make_demo(folder, size=size, seed=seed)
    run(Job(parcels=(str(made.applications),), plan=str(made.plan), out=str(folder / "out")), tell=tell)
    tell("")
    return [(stage, end - start) for (stage, start), (_, end) in itertools.pairwise(marks)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="small", choices=["small", "county"])
    parser.add_argument("--seed", type=int, default=650422)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for stage, seconds in bench(arguments.size, arguments.seed, Path(folder) / "demo"):
            print(f"{seconds:8.2f} s  {stage}")
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:8.0f} MB  peak memory of this process")


if __name__ == "__main__":
    main()
