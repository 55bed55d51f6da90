"""Preparing a plan: the same answers afterwards, what it was made from, no secret kept, nothing lost by a kill."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import controllines as cl
from controllines import generations, store
from controllines.cli import _EXIT, main
from controllines.errors import InputError, OutputError, PlanError, UsageError
from controllines.io.files import sha256
from controllines.plans import checksum, open_plan
from controllines.preparation import describe, prepare, sources_in
from tests.builders import CORNER, FARM, RED, jagged, layer
from tests.prepared import answer, code_of, office
from tests.test_datum import VALUES

REPOSITORY = Path(__file__).resolve().parents[1]


# --- what it is and says ----------------------------------------------------------------------------------------


def test_a_prepared_plan_says_what_it_was_made_from_and_holds(made):
    plan, folder = made
    lines = list(describe(folder, verify=True))
    assert lines[0].startswith(f"{folder}  预处理规划  某县")
    assert lines[0].endswith("  4 个图层")
    sources = {Path(line.split()[1]).name: line.split()[-1] for line in lines if line.startswith("来源")}
    assert sources["红线.parquet"] == sha256(plan.parent / "红线.parquet")
    assert sources["plan.toml"] == sha256(plan)
    counts = {one: other.split("，分块")[0].strip() for one, other in pairwise(lines) if one.startswith("图层")}
    assert counts == {
        "图层 生态保护红线（ecological_redline）": "要素 2，使用 2",
        "图层 永久基本农田（permanent_farmland）": "要素 4，使用 3",
        "图层 城镇开发边界（urban_boundary）": "要素 2，使用 2",
        "图层 乡镇（township）": "要素 2，使用 2",
    }
    assert sum("完好" in line for line in lines) == 4
    assert not any("完好" in line for line in describe(folder))  # not looked at, not said
    assert lines[-1].startswith("  [error] ")
    assert "坏.parquet" in lines[-1]


def test_stages_are_told_and_names_are_taken(tmp_path):
    told = []
    layer([shapely.box(88, 42, 88.1, 42.1)], crs=4490, BSM=["r1"]).to_parquet(tmp_path / "r.parquet")
    named = {"county": "650422", "version": "2024-06", "name": "某规划"}
    folder = prepare({RED: tmp_path / "r.parquet"}, tmp_path / "a.plan", tell=told.append, **named)
    assert told == ["读取规划", "分块 生态保护红线（1 个要素）"]
    opened = open_plan(folder)
    assert (opened.name, opened.version, opened.spec.county) == ("某规划", "2024-06", "650422")


def test_layers_leave_with_their_own_columns_only(made):
    found = {source.layer: source for source in sources_in(made[1])}
    assert list(found) == ["生态保护红线", "永久基本农田", "乡镇", "城镇开发边界"]
    farm = found["永久基本农田"]
    assert list(farm.frame) == ["BSM", "DLBM", "KCXS"]
    assert shapely.is_missing(farm.geoms).tolist() == [False, False, False, True]
    with pytest.raises(InputError, match="LAYER_UNKNOWN") as caught:
        sources_in(made[1], "village")
    assert "生态保护红线、永久基本农田、乡镇、城镇开发边界" in str(caught.value)


# --- the same answers -------------------------------------------------------------------------------------------


FRAMES = ("parcels", "overlaps", "pieces", "outside", "units", "projects", "project_overlaps", "findings")


def test_a_prepared_plan_gives_the_same_answers(made):
    plain, prepared = (answer(plan) for plan in made)
    assert set(plain.overlaps["outcome"]) >= {"conflict", "none", "failed"}
    for name in FRAMES:
        one, other = (pd.DataFrame(getattr(result, name)) for result in (plain, prepared))
        drawn = [c for c in one.columns if c == "geometry"]
        pd.testing.assert_frame_equal(one.drop(columns=drawn), other.drop(columns=drawn), rtol=2e-8, atol=1e-7)
        for column in drawn:
            first, second = (shapely.transform(r[column].to_numpy(), lambda xy: xy - CORNER) for r in (one, other))
            lost = shapely.symmetric_difference(first, second)
            # a vertex more on a chord of 70 m: 0.1 mm, when it is brought back to the zone
            assert (shapely.area(lost) <= 1e-4 * shapely.length(first)).all()
    measured = ["area_m2", "outside_m2", "conflict_m2", "net_area_m2", "uncovered_m2"]
    assert prepared.overlaps[measured].to_numpy() == pytest.approx(plain.overlaps[measured].to_numpy(), rel=1e-9,
                                                                   abs=1e-6, nan_ok=True)  # fmt: skip
    differing = [key for key in plain.provenance if plain.provenance[key] != prepared.provenance[key]]
    assert differing == ["plan"]
    assert plain.provenance["run_id"] == prepared.provenance["run_id"]


def test_statistics_and_reports_take_a_prepared_plan(made, tmp_path):
    tables = [cl.tabulate(open_plan(plan), of=[RED, FARM], by=["township"]).frame for plan in made]
    pd.testing.assert_frame_equal(*tables, rtol=2e-8)
    for plan, name in zip(made, ("plain", "prepared"), strict=True):
        cl.write_report(answer(plan), tmp_path / name)
    csv = [pd.read_csv(tmp_path / name / "conflicts.csv") for name in ("plain", "prepared")]
    pd.testing.assert_frame_equal(*csv, rtol=2e-8, atol=1e-6)


def test_a_source_that_changed_makes_it_stale(tmp_path):
    plan = office(tmp_path / "in")
    folder = prepare(plan, tmp_path / "a.plan")
    red = tmp_path / "in" / "红线.parquet"
    os.utime(red, (1e9, 1e9))  # another time, the same bytes: the checksum decides
    assert open_plan(folder).name == "某县"
    data = red.read_bytes()
    red.write_bytes(data.replace(b"r1", b"r9"))
    assert code_of(folder) == "PLAN_STALE"
    red.write_bytes(data)
    assert open_plan(folder).name == "某县"
    plan.write_text(plan.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert code_of(folder) == "PLAN_STALE"
    prepare(plan, folder)
    assert open_plan(folder).name == "某县"
    shutil.rmtree(tmp_path / "in")  # a prepared plan may travel without its sources
    assert len(answer(folder).overlaps)


def test_what_stands_in_the_way(made, tmp_path):
    (tmp_path / "full.plan").mkdir()
    (tmp_path / "full.plan" / "mine.txt").write_text("mine")
    for target in (tmp_path / "full.plan", tmp_path / "full.plan" / "mine.txt"):
        with pytest.raises(PlanError) as caught:
            prepare(made[0], target)
        assert caught.value.finding.code in ("PLAN_FOLDER_TAKEN", "PLAN_PREPARED_ALREADY")
    assert (tmp_path / "full.plan" / "mine.txt").read_text() == "mine"
    with pytest.raises(PlanError) as caught:
        prepare(made[1], tmp_path / "again.plan")
    assert caught.value.finding.code == "PLAN_PREPARED_ALREADY"


@pytest.mark.parametrize(("room", "step"), [(store, "write_layer"), (generations, "commit")])
def test_a_writer_that_fails_leaves_what_was_there(copy, made, monkeypatch, room, step):
    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(room, step, fail)
    with pytest.raises(OutputError, match="No space"):
        prepare(made[0], copy)
    assert open_plan(copy).name == "某县"
    assert not list(copy.glob("new-*"))


def test_a_writer_that_is_killed_leaves_what_was_there(copy, made):
    """It stops in the middle of the second layer; the next writer clears away what it left."""
    code = (
        "import sys, time; from controllines import store; from controllines.preparation import prepare\n"
        "write = store.write_layer\n"
        "def slow(folder, *a, **k):\n"
        "    entry = write(folder, *a, **k); print('written', flush=True); time.sleep(60); return entry\n"
        "store.write_layer = slow; prepare(sys.argv[1], sys.argv[2])"
    )
    started = subprocess.Popen([sys.executable, "-c", code, str(made[0]), str(copy)], stdout=subprocess.PIPE,
                               env=os.environ | {"PYTHONPATH": str(REPOSITORY / "src")})  # fmt: skip
    assert started.stdout is not None
    assert started.stdout.readline().strip() == b"written"
    started.kill()
    started.wait()
    started.stdout.close()
    assert list(copy.glob("new-*/layer-0/xy.npy"))
    assert len(answer(copy).overlaps)
    prepare(made[0], copy)
    assert not list(copy.glob("new-*"))


def test_seven_parameters_are_not_kept(tmp_path):
    red = shapely.transform(jagged(1, 900, radius=500), lambda xy: xy + [30_500_000, 4_738_000])
    layer([red], crs=2354, BSM=["r1"]).to_parquet(tmp_path / "r.parquet")  # Xi'an 80, zone 30
    said = "\n".join(f"{name} = {value}" for name, value in VALUES.items())
    plan = tmp_path / "plan.toml"
    plan.write_text(f'[layers.{RED}]\npath = "r.parquet"\n[layers.{RED}.to_cgcs2000]\n{said}\n'
                    'convention = "coordinate_frame"\n', encoding="utf-8")  # fmt: skip
    folder = prepare(plan, tmp_path / "a.plan")
    written = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    for value in VALUES.values():
        assert str(abs(value)).encode() not in written
        assert np.float64(value).tobytes() not in written
    assert "已声明、已使用".encode() in written
    assert checksum(open_plan(folder)) == checksum(open_plan(plan))


def test_a_layer_leaves_as_geoparquet(made, tmp_path):
    [source] = sources_in(made[1], "生态保护红线")
    assert source.crs.to_epsg() == 4490
    with pytest.raises(cl.InputError):
        sources_in(made[1], "village")
    with pytest.raises(UsageError):
        sources_in(made[1], "无此图层")
    plan = open_plan(made[0])
    drawn = cl.official_area(gpd.GeoSeries(source.geoms, crs=source.crs))
    assert drawn == pytest.approx(shapely.area(plan.layers[RED].geoms), rel=1e-9)
    assert source.frame["BSM"].tolist() == ["r1", "r2"]


def run(monkeypatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["controllines", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


def test_the_command_line(made, tmp_path, monkeypatch, capsys):
    folder, out = tmp_path / "b.plan", tmp_path / "r.parquet"
    assert run(monkeypatch, "prepare", made[0], "--out", folder) == 1  # one layer could not be read
    assert "4 个图层" in capsys.readouterr().out
    assert run(monkeypatch, "info", folder, "--verify") == 0
    shown = capsys.readouterr().out
    assert "生态保护红线" in shown
    assert "完好" in shown
    assert run(monkeypatch, "convert", folder, out, "--layer", "生态保护红线") == 0
    assert len(gpd.read_parquet(out)) == 2
    assert run(monkeypatch, "prepare", folder, "--out", tmp_path / "c.plan") == _EXIT[PlanError]
