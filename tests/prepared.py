"""A small plan on disk and prepared, applications over it, and what a check of them says."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

import controllines as cl
from controllines.errors import PlanError
from controllines.plans import open_plan
from controllines.results import CheckResult
from tests.builders import CITY, FARM, RED, here, jagged, layer, parcels, shifted


def office(folder: Path) -> Path:
    """A plan with a rough redline, farmland in two features that overlap, a bowtie, a layer that cannot be read."""
    folder.mkdir(parents=True)
    red = [shifted(jagged(1, 9000, radius=3000)), here(4000, 4000, 4100, 4100)]
    farm = [here(-500, -500, 1500, 1500), here(1000, -500, 2500, 1500), here(-2000, 0, -1500, 10)]
    bowtie = shapely.Polygon(shapely.get_coordinates(here(5000, 0, 5100, 100))[[0, 2, 1, 3]])
    frames = {
        "红线": layer(red, BSM=["r1", "r2"], LHLX=["01", None]),
        "农田": layer([*farm, None], BSM=["f1", "f2", "f3", "f4"], DLBM=["0102"] * 4, KCXS=[0.1, 0.05, None, 0.1]),
        "边界": layer([shifted(jagged(2, 3000, radius=2000, at=(800, 0))), bowtie], BSM=["u1", "u2"]),
        "乡镇": layer([here(-9000, -9000, 0, 9000), here(0, -9000, 9000, 9000)], XZQDM=["650422100", "650422101"],
                    XZQMC=["博斯坦镇", "夏乡"]),
    }  # fmt: skip
    for name, frame in frames.items():
        frame.to_parquet(folder / f"{name}.parquet")
    (folder / "坏.parquet").write_bytes(b"PAR1 no more")
    keys = {"红线": RED, "农田": FARM, "边界": CITY, "乡镇": "township", "坏": "nature_reserve"}
    tables = "".join(f'[layers.{key}]\npath = "{name}.parquet"\n' for name, key in keys.items())
    plan = folder / "plan.toml"
    plan.write_text(f'[plan]\nname = "某县"\ncounty = "650422"\n{tables}', encoding="utf-8")
    return plan


def applications() -> gpd.GeoDataFrame:
    rng = np.random.default_rng(4)
    corner = rng.uniform(-3500, 3500, (24, 2))
    boxes = [here(*low, *(low + size)) for low, size in zip(corner, rng.uniform(1, 900, (24, 2)), strict=True)]
    return parcels(*boxes, here(4010, 4010, 4020, 4020), here(1990, -505, 2010, -500), here(8900, 0, 9100, 50))


def answer(plan: Path) -> CheckResult:
    return cl.check(applications(), open_plan(plan), as_of="2026-11-21")


def code_of(path: Path) -> str:
    with pytest.raises(PlanError) as caught:
        open_plan(path)
    return caught.value.finding.code
