"""Writing the demo county whole into a folder, or leaving the folder as it was."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

from controllines.demo.applications import make_applications
from controllines.demo.county import make_county
from controllines.demo.mesh import settings
from controllines.demo.papers import PAPERS, write_papers
from controllines.demo.write import README, write_applications, write_plan, write_readme
from controllines.errors import OutputError, UsageError, reason

PLAN, APPLICATIONS = "规划", "申请"


@dataclass(frozen=True)
class DemoFiles:
    """Where the demo county was written.

    Attributes
    ----------
    plan : path of plan.toml
    applications : folder of the applications (申请)
    """

    plan: Path
    applications: Path


def make_demo(out: Path, *, size: str = "small", seed: int = 650422) -> DemoFiles:
    """Write the demo county: ``规划/plan.toml`` with its GeoPackage, ``申请/…``, ``批件/…``, ``说明.md``.

    Parameters
    ----------
    out : folder; made if absent. An earlier demo county in it is replaced, other files are left alone
    size : ``small`` (some 2 500 patches) or ``county`` (some 100 000)
    seed : the same seed gives the same county

    Raises
    ------
    UsageError
        Unknown size.
    OutputError
        The folder holds 规划, 申请 or 批件 that are no demo county, or it cannot be written.
    """
    out = Path(out)
    if size not in settings()["sizes"]:
        raise UsageError.of("DEMO_SIZE_UNKNOWN", expected=", ".join(settings()["sizes"]), actual=size)
    if any((out / name).exists() for name in (PLAN, APPLICATIONS, PAPERS)) and not _is_demo(out):
        raise OutputError.of("DEMO_FOLDER_IN_USE", source=out)
    shape, places = np.random.default_rng(seed).spawn(2)
    county = make_county(shape, size)
    applications = make_applications(places, county)
    try:
        out.mkdir(parents=True, exist_ok=True)
        staging = Path(mkdtemp(prefix=".demo-", dir=out))
        try:
            write_applications(staging / APPLICATIONS, applications)
            write_papers(staging / PAPERS, staging / APPLICATIONS, applications, county)
            write_readme(staging, size=size, seed=seed)
            write_plan(staging / PLAN, county)
            _replace(staging, out)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        raise OutputError.of("DEMO_NOT_WRITTEN", source=out, actual=reason(error)) from error
    return DemoFiles(out / PLAN / "plan.toml", out / APPLICATIONS)


def _is_demo(out: Path) -> bool:
    plan = out / PLAN / "plan.toml"
    return plan.is_file() and "synthetic = true" in plan.read_text(encoding="utf-8")


def _replace(staging: Path, out: Path) -> None:
    """Move the new files in; the plan goes last in and is what marks the folder as complete."""
    for name in (APPLICATIONS, PAPERS, README, PLAN):
        if (out / name).is_dir():
            shutil.rmtree(out / name)
        (staging / name).replace(out / name)
