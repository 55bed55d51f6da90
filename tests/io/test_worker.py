"""The worker process as its parent sees it: one line asked, one line and the layers answered, nothing in between."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import pyarrow as pa
import pytest

from controllines.io.worker import ask_nobody, limit_memory

REQUEST = {"layer": None, "encoding": None, "max_features": 100, "options": {}, "max_memory_bytes": 4 * 2**30}
#: Prints where the answers go, as libraries do, while it serves.
NOISY = """
import controllines.io.worker as worker
inner = worker.read_layers
worker.read_layers = lambda **request: (print("GDAL says"), inner(**request))[1]
worker.main()
"""


@pytest.fixture(scope="module")
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", NOISY], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as worker:  # fmt: skip
        yield worker
        assert worker.stdin is not None
        worker.stdin.close()  # the parent is gone
        assert worker.wait(20) == 0


def ask(process: subprocess.Popen[bytes], **request: object) -> tuple[dict[str, Any], list[pa.Table]]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(REQUEST | request).encode() + b"\n")
    process.stdin.flush()
    header = json.loads(process.stdout.readline())
    streams = [process.stdout.read(about["bytes"]) for about in header.get("layers", ())]
    return header, [pa.ipc.open_stream(stream).read_all() for stream in streams]


@pytest.fixture
def path(tmp_path: Path, counties: gpd.GeoDataFrame) -> Path:
    for name in ("甲", "乙"):
        counties.to_file(tmp_path / "a.gpkg", layer=name, driver="GPKG")
    return tmp_path / "a.gpkg"


def test_layers_come_one_after_the_other(process: subprocess.Popen[bytes], path: Path) -> None:
    header, tables = ask(process, path=str(path), driver="GPKG")
    assert [layer["name"] for layer in header["layers"]] == ["甲", "乙"]
    assert [table.column("XZQDM").to_pylist() for table in tables] == [["653130", "650422", "654202"]] * 2
    assert [table.column_names[-1] for table in tables] == ["__wkb__"] * 2


def test_a_refusal_is_an_answer_and_the_next_file_is_read(process: subprocess.Popen[bytes], path: Path) -> None:
    header, tables = ask(process, path=str(path), driver="GPKG", max_features=2)
    assert header == {"refused": "LIMIT_EXCEEDED", "values": {"limit": "max_features", "expected": 2, "actual": 3}}
    assert tables == []
    header, _ = ask(process, path=str(path), driver="GPKG", layer="丙")
    assert (header["refused"], header["values"]["actual"]) == ("LAYER_UNKNOWN", "丙")
    _, [table] = ask(process, path=str(path), driver="GPKG", layer="乙")
    assert len(table) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="no address space limit on Windows")
def test_memory_is_limited_and_never_above_what_was_allowed_before() -> None:
    code = """
import resource
from controllines.io.worker import ask_nobody, limit_memory
resource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33))
for most in (2**32, 2**34):
    limit_memory(most)
    print(resource.getrlimit(resource.RLIMIT_AS)[0])
limit_memory(2**32)
try:
    bytearray(2**32)
except MemoryError:
    print("none")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(2**32), str(2**33), "none"]


def test_a_crash_waits_for_nobody_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    modes: list[int] = []
    windows = SimpleNamespace(SEM_FAILCRITICALERRORS=1, SEM_NOGPFAULTERRORBOX=2, SEM_NOOPENFILEERRORBOX=0x8000,
                              SetErrorMode=modes.append)  # fmt: skip
    monkeypatch.setitem(sys.modules, "msvcrt", windows)
    ask_nobody()
    assert modes == [0x8003]
    monkeypatch.setitem(sys.modules, "msvcrt", None)
    ask_nobody()


def test_where_there_is_no_limit_to_set_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resource", None)
    limit_memory(1)  # a byte would end this process
    assert len(bytearray(1000)) == 1000
