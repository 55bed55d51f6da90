"""The worker process: a crash or a hang costs one file, and the user's script is not run twice."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from controllines.errors import InputError
from controllines.io import Limits, border, read


@pytest.fixture
def path(tmp_path: Path, counties: gpd.GeoDataFrame) -> Path:
    file = tmp_path / "申请.geojson"
    file.write_text(counties.to_json(), encoding="utf-8")
    return file


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(border, "IDLE_S", 600.0)
    border.WORKER.close()
    yield
    border.WORKER.close()


def stand_in(code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_one_worker_reads_file_after_file(path: Path, fresh: None) -> None:
    read(path)
    first = border.WORKER.pid
    read(path)
    assert border.WORKER.pid == first != os.getpid()
    with pytest.raises(InputError):
        read(path, limits=Limits(max_features=1))
    assert border.WORKER.pid == first


def test_an_idle_worker_is_closed_and_the_next_file_gets_another(
    path: Path, fresh: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(border, "IDLE_S", 0.0)
    read(path)
    assert border.WORKER._rest is not None
    border.WORKER._rest.join(60)
    assert border.WORKER.pid is None
    assert len(read(path)[0].frame) == 3


def test_trusted_files_need_no_worker(path: Path, fresh: None) -> None:
    assert len(read(path, trusted=True)[0].frame) == 3
    assert border.WORKER.pid is None


def test_both_ways_read_the_same(path: Path) -> None:
    [here], [there] = read(path, trusted=True), read(path)
    assert here.frame.equals(there.frame)
    assert here.crs == there.crs
    assert list(shapely.to_wkb(here.geoms)) == list(shapely.to_wkb(there.geoms))


def test_a_killed_worker_is_replaced(path: Path, fresh: None) -> None:
    read(path)
    killed = border.WORKER._process
    assert killed is not None
    killed.kill()
    killed.wait()
    assert len(read(path)[0].frame) == 3
    assert border.WORKER.pid != killed.pid
    assert all(pipe.closed for pipe in (killed.stdin, killed.stdout) if pipe)


@pytest.mark.parametrize(
    "code",
    [
        "import sys; sys.stdin.readline(); sys.exit(3)",
        'import sys; sys.stdin.readline(); print(\'{"layers": [{"bytes": 99}]}\\nhalf\')',
        "import sys; sys.stdin.readline(); print('no json')",
    ],
    ids=["dies", "dies in the answer", "talks nonsense"],
)
def test_a_crash_costs_one_file(path: Path, fresh: None, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(border, "_start", lambda: stand_in(code))
        with pytest.raises(InputError, match="READ_CRASHED"):
            read(path)
    assert len(read(path)[0].frame) == 3


def test_a_hang_costs_one_file_and_names_the_limit(path: Path, fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(border, "_start", lambda: stand_in("import time; time.sleep(600)"))
        with pytest.raises(InputError, match="LIMIT_EXCEEDED") as caught:
            read(path, limits=Limits(max_seconds=0.2))
    assert "max_seconds（0.2）" in caught.value.finding.message
    assert len(read(path)[0].frame) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="no address space limit on Windows")
def test_memory_limit(tmp_path: Path, fresh: None) -> None:
    path = tmp_path / "big.geojson"
    many = gpd.GeoDataFrame({"a": range(20_000)}, geometry=[shapely.box(80, 40, 80.1, 40.1)] * 20_000, crs=4326)
    path.write_text(many.to_json(), encoding="utf-8")
    with pytest.raises(InputError, match=r"LIMIT_EXCEEDED|READ_CRASHED") as caught:
        read(path, limits=Limits(max_memory_bytes=200 * 2**20))
    assert "max_memory_bytes" in str(caught.value)
    assert len(read(path)[0].frame) == 20_000


def test_threads_share_the_worker(path: Path) -> None:
    counts: list[int] = []
    threads = [threading.Thread(target=lambda: counts.append(len(read(path)[0].frame))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [3] * 4


def test_a_script_without_a_main_guard(tmp_path: Path, path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('the applicants put a module into their folder')")
    script = tmp_path / "scripts" / "script.py"
    script.parent.mkdir()
    script.write_text(f"print('once')\nfrom controllines.io import read\nprint(len(read({str(path)!r})[0].frame))\n",
                      encoding="utf-8")  # fmt: skip
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["once", "3"]
    assert done.stderr == ""


@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize("suffix", [".shp", ".gpkg"])
def test_foreign_proj_data(tmp_path: Path, counties: gpd.GeoDataFrame, suffix: str, trusted: bool) -> None:
    path = tmp_path / f"x{suffix}"
    counties.to_file(path)
    (tmp_path / "empty").mkdir()
    code = (
        "import sys; from controllines.io import read\n"
        f"[s] = read({str(path)!r}, trusted={trusted}); print(s.crs.to_epsg(20), len(s.geoms))"
    )
    foreign = {key: str(tmp_path / "empty") for key in ("PROJ_LIB", "PROJ_DATA", "GDAL_DATA")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | foreign, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["4514", "3"]
