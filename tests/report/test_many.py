"""Ten thousand applications: all documents, within the memory of an office machine, and with progress."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: Rectangles of 30 to 300 m all over the demo county, two to a project.
RUN = """
import resource, sys
import geopandas as gpd, numpy as np, pyogrio, shapely
import controllines as cl
west, south, east, north = pyogrio.read_info("data/demo/规划/三区三线_演示.gpkg", layer="YJJBNTBHTB")["total_bounds"]
random, count = np.random.default_rng(1), 10_000
x, y = random.uniform(west, east, count), random.uniform(south, north, count)
w, h = random.uniform(30, 300, (2, count)) / 100_000
ids = [f"P{n:05d}" for n in range(count)]
land = gpd.GeoDataFrame({"DKBH": ids, "XMBH": [f"X{n // 2:05d}" for n in range(count)]},
                        geometry=shapely.box(x, y, x + w, y + h), crs="EPSG:4490")
result = cl.check(land, "data/demo/规划/plan.toml", as_of="2026-11-21")
told = []
cl.write_report(result, sys.argv[1], formats=["xlsx", "html", "gpkg"], tell=told.append)
print(len(told), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="peak memory in kilobytes is Linux's")
def test_ten_thousand_applications_stay_below_two_gigabytes(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = subprocess.run([sys.executable, "-c", RUN, str(out)], cwd=ROOT, capture_output=True, text=True, check=True)
    steps, peak_mb = map(int, done.stdout.split())
    assert steps >= 5
    assert peak_mb < 2_000
    assert (out / "地图.html").stat().st_size < 20_000_000
    names = {"三线核对汇总表.xlsx", "三线核对成果.gpkg", "result.json", "conflicts.csv"}
    assert names <= {path.name for path in out.iterdir()}
