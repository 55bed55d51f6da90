"""The benchmarks run on the demo county, and no engine is timed that answers another question than ours."""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely

from benchmarks import __main__ as command
from benchmarks import crosstable
from benchmarks.conflict import differs
from benchmarks.county import LAYERS, LINES, County, open_county
from benchmarks.crosstable import KINDS
from benchmarks.growth import growth
from benchmarks.measure import Program, Runs, Worker, alternate, markdown
from benchmarks.ours import Ours
from benchmarks.peers import Duckdb, Engine, Geopandas, Sedona, Shapely, in_and_out
from benchmarks.postgis import Postgis

PARCELS = 30


@pytest.fixture(scope="session")
def county(tmp_path_factory: pytest.TempPathFactory) -> County:
    return open_county(None, tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="session")
def ours(county: County) -> np.ndarray:
    engine = Ours(county)
    engine.load(PARCELS)
    return engine.areas()


def arguments(job: str, county: County, out: Path, *more: str) -> argparse.Namespace:
    return command.parser().parse_args([job, "--work", str(county.work.parent), "--out", str(out), *more])


def test_the_parcels_lie_in_every_layer(ours: np.ndarray) -> None:
    assert ours.shape == (PARCELS, len(LAYERS))
    assert (ours.sum(axis=0) > 0).all()


def test_all_columns_say_the_same_areas(county: County, ours: np.ndarray) -> None:
    engine = Ours(county)
    engine.load(PARCELS)
    engine.forget()
    assert differs(ours, engine.overlaps()) == ""
    assert differs(ours, engine.check()) == ""


@pytest.mark.parametrize(("peer", "needs"), [(Shapely, "shapely"), (Geopandas, "geopandas"), (Duckdb, "duckdb"),
                                             (Sedona, "sedonadb")])  # fmt: skip
def test_peers_agree(peer: type[Engine], needs: str, county: County, ours: np.ndarray) -> None:
    if importlib.util.find_spec(needs) is None:
        pytest.skip(f"{needs} is not installed (pip install controllines[bench])")
    engine = peer(county)
    engine.load(PARCELS)
    assert differs(ours, engine.areas()) == ""


@pytest.mark.postgis
@pytest.mark.parametrize("subdivided", [False, True])
def test_postgis_agrees(postgis: Any, subdivided: bool, county: County, ours: np.ndarray) -> None:
    info = postgis.info
    dsn = f"host={info.host} user={info.user} dbname={info.dbname}"
    engine = Postgis(county, dsn, KINDS, subdivided=subdivided)
    engine.load(PARCELS)
    try:
        assert differs(ours, engine.areas()) == ""
        if subdivided:
            assert crosstable.differs(Shapely(county, KINDS).cells(), engine.cells()) == ""
    finally:
        engine.close()


def test_cross_tables_agree(county: County) -> None:
    """Intersections with inclusion and exclusion against ``overlay(how="identity")``."""
    cells = Shapely(county, KINDS).cells()
    assert cells.sum() == pytest.approx(county.layer("land_use").area.sum(), rel=1e-9)
    assert crosstable.differs(cells, Geopandas(county, KINDS).cells()) == ""


def test_a_peer_that_disagrees_is_told() -> None:
    right = np.array([[1000.0, 0.0]])
    assert differs(right, right + 0.009) == ""
    assert differs(right, right + 0.02) == "disagrees in 2 areas, by up to 0.02 m²"


def test_inclusion_and_exclusion() -> None:
    """A square of 10 m², lines of 6, 5 and 2 m² in it, the first two sharing 3 m²."""
    keys = pd.MultiIndex.from_tuples([("0101", "t", "z")], names=["class", "township", "planning_zone"])
    red, farm, urban = LINES
    inside = {(): 10.0, (red,): 6.0, (farm,): 5.0, (urban,): 2.0, (red, farm): 3.0}
    cells = in_and_out({chosen: pd.Series([m2], index=keys) for chosen, m2 in inside.items()})
    expected = {
        (True, False, False): 3.0,
        (False, True, False): 2.0,
        (True, True, False): 3.0,
        (False, False, True): 2.0,
    }
    assert cells.droplevel([0, 1, 2]).to_dict() == pytest.approx(expected)


def test_the_command_writes_its_table(county: County, tmp_path: Path) -> None:
    command.run(
        arguments("conflict", county, tmp_path, "--parcels", "10", "--engines", "ours,shapely", "--rounds", "1")
    )
    table = json.loads((tmp_path / f"conflict-{county.label}.json").read_text())
    assert [row["note"] for row in table["rows"]] == [""] * 4
    assert all(row["ms"] > 0 and row["peak MB"] > 50 for row in table["rows"])
    assert table["about"]["shapely"] == shapely.__version__
    assert "shapely, unprepared" in (tmp_path / f"conflict-{county.label}.md").read_text(encoding="utf-8")


class Flaky:
    """An engine that fails when asked a second time."""

    def __init__(self) -> None:
        self.asked = 0

    def forget(self) -> None:
        self.asked += 1

    def areas(self) -> int:
        if self.asked > 1:
            raise ValueError("twice")
        return self.asked

    def outside_mb(self) -> None:
        return None

    def close(self) -> None:
        pass


def test_an_engine_that_fails_is_a_note_and_not_the_end(capfd: pytest.CaptureFixture[str]) -> None:
    worker = Worker("flaky", Flaky)
    run = Runs("flaky", worker, "areas")
    alternate([run], rounds=3, budget_s=10)
    worker.close()
    assert (run.value, len(run.seconds), run.error) == (1, 1, "ValueError: twice")
    assert "ValueError: twice" in capfd.readouterr().err


def test_programs_are_timed_with_the_memory_of_their_children() -> None:
    child = "import time; land = bytearray(80_000_000); time.sleep(0.2)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    run = Runs("child", Program("child", [sys.executable, "-c", parent]), "run")
    alternate([run], rounds=1, budget_s=1)
    assert run.error == ""
    assert run.seconds[0] > 0.2
    assert run.peak_mb > 80


def test_growth_is_fitted_over_the_tables(tmp_path: Path) -> None:
    rows = [{"engine": "ours", "patches": n, "s": 1e-5 * n**1.02, "note": ""} for n in (15_000, 30_000, 300_000)]
    for number, row in enumerate(rows):
        path = tmp_path / f"crosstable-s{number}-seed11.json"
        path.write_text(json.dumps({"rows": [row], "about": {}}))
    (row,) = growth(tmp_path)
    assert (row["over"], row["exponent"], row["from"], row["to"]) == ("patches", 1.02, 15_000, 300_000)


def test_tables_show_what_is_missing() -> None:
    rows = [{"engine": "a", "ms": 1234.5}, {"engine": "b", "ms": float("nan"), "note": "why"}]
    expected = ["| engine | ms | note |", "|---|---|---|", "| a | 1234 | — |", "| b | — | why |"]
    assert markdown(rows).splitlines() == expected
