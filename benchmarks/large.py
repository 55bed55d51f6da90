"""Job ``large``: three million control polygons, and one polygon of a million vertices."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from .measure import Answer, command, versions, write

CRS = "EPSG:4535"
SIDE_M, ORIGIN = 40.0, np.array([429_000.0, 4_350_000.0])


def large(work: Path, out: Path, *, polygons: int, vertices: int, parcels: int) -> list[dict[str, Any]]:
    """Prepare and check both, each step in a new process, and note its time and peak memory."""
    rows = []
    for name, geoms in (("grid", _grid(polygons)), ("outline", _outline(vertices))):
        folder = work / f"large-{name}-{len(geoms)}-{int(shapely.get_num_coordinates(geoms).sum())}"
        plan = _plan(folder, geoms, parcels)
        count = {"case": name, "polygons": len(geoms), "vertices": int(shapely.get_num_coordinates(geoms).sum())}
        del geoms
        shutil.rmtree(folder / "plan.plan", ignore_errors=True)
        cli = [sys.executable, "-m", "controllines"]
        steps = {"prepare": command([*cli, "prepare", plan, "--out", folder / "plan.plan"]),
                 "check, prepared": _check(folder / "plan.plan", folder)}  # fmt: skip
        if name == "outline":
            steps["check, unprepared"] = _check(plan, folder)
        rows += [{**count, "parcels": parcels, "step": step, "s": answer.seconds, "peak MB": answer.value,
                  "note": answer.error} for step, answer in steps.items()]  # fmt: skip
    write(out, "large", rows, versions())
    return rows


def _check(plan: Path, folder: Path) -> Answer:
    script = (
        "import controllines as cl; "
        f"result = cl.check({str(folder / 'parcels.parquet')!r}, {str(plan)!r}); "
        "assert (result.overlaps['kind'].eq('ecological_redline') & (result.overlaps['area_m2'] > 0)).any()"
    )
    return command([sys.executable, "-c", script])


def _plan(folder: Path, geoms: np.ndarray, parcels: int) -> Path:
    """Write polygons as the redline of a plan, and parcels of 1 ha among them."""
    path = folder / "plan.toml"
    if not path.exists():
        folder.mkdir(parents=True)
        ids = np.arange(len(geoms)).astype(str)
        gpd.GeoDataFrame({"BSM": ids}, geometry=geoms, crs=CRS).to_parquet(folder / "redline.parquet")
        west, south, east, north = shapely.total_bounds(geoms)
        rng = np.random.default_rng(1)
        x, y = rng.uniform(west, east - 100, parcels), rng.uniform(south, north - 100, parcels)
        land = shapely.box(x, y, x + 100, y + 100)
        names = np.arange(parcels).astype(str)
        gpd.GeoDataFrame({"DKBH": names}, geometry=land, crs=CRS).to_parquet(folder / "parcels.parquet")
        redline = '[layers.ecological_redline]\npath = "redline.parquet"\ntrusted = true\n'
        path.write_text(f'[plan]\nname = "large"\n{redline}')
    return path


def _grid(count: int) -> np.ndarray:
    """Return about so many squares side by side."""
    side = round(count**0.5)
    x, y = (axis.ravel() * SIDE_M for axis in np.meshgrid(np.arange(side), np.arange(side)))
    x, y = x + ORIGIN[0], y + ORIGIN[1]
    return np.asarray(shapely.box(x, y, x + SIDE_M, y + SIDE_M))


def _outline(count: int) -> np.ndarray:
    """Return one rough outline of so many vertices, some 30 km across."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    rng = np.random.default_rng(1)
    radius = np.full(count, 15_000.0)
    for wave in (3, 7, 19, 53, 151, 401, 1009, 4001, 16_001, 64_007):
        radius += 4_000 / wave**0.8 * np.cos(wave * angle + rng.uniform(0, 6))
    ring = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]) + ORIGIN + 40_000
    return np.array([shapely.polygons(np.round(ring, 4))])
