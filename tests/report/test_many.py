"""Ten thousand applications: all documents, within the memory of an office machine, and with progress."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUN = """
import resource, sys
import controllines as cl
from tests.report.test_numbers import applications, county
result = cl.check(applications(10_000), county(), as_of="2026-11-21", project_by="field")
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
