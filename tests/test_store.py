"""Prepared plans: the same answers, nothing believed that was not written, nothing lost by a kill, no secret kept."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import controllines as cl
from controllines import packed, store
from controllines.cli import _EXIT, main
from controllines.errors import PlanError, UsageError
from controllines.plans import checksum, open_plan
from controllines.preparation import describe, prepare, sources_in
from controllines.results import CheckResult
from controllines.store import PreparedLayer
from tests.builders import CITY, CORNER, FARM, RED, here, jagged, layer, parcels, shifted
from tests.test_datum import VALUES

REPOSITORY = Path(__file__).resolve().parents[1]


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


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("office")
    plan = office(folder / "in")
    return plan, prepare(plan, folder / "某县.plan")


@pytest.fixture
def copy(made, tmp_path) -> Path:
    return Path(shutil.copytree(made[1], tmp_path / "copy.plan"))


def applications() -> gpd.GeoDataFrame:
    rng = np.random.default_rng(4)
    corner = rng.uniform(-3500, 3500, (24, 2))
    boxes = [here(*low, *(low + size)) for low, size in zip(corner, rng.uniform(1, 900, (24, 2)), strict=True)]
    return parcels(*boxes, here(4010, 4010, 4020, 4020), here(1990, -505, 2010, -500), here(8900, 0, 9100, 50))


def answer(plan: Path) -> CheckResult:
    return cl.check(applications(), open_plan(plan), as_of="2026-11-21")


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


def test_a_check_reads_no_layer_whole(made, monkeypatch):
    for name in ("geoms", "shapes", "frame", "crs"):
        monkeypatch.setattr(PreparedLayer, name, property(lambda self, name=name: pytest.fail(f"{name} was asked for")))
    assert len(answer(made[1]).overlaps) == 4 * 27


@pytest.mark.parametrize("name", ["xy", "rings", "tiles", "bounds", "owner", "area", "rectangle", "blocks", "crc",
                                  "used", "resolution", "attributes"])  # fmt: skip
def test_a_changed_byte_is_an_error(copy, name):
    suffix = "parquet" if name == "attributes" else "npy"
    for path in copy.glob(f"gen-*/layer-*/{name}.{suffix}"):
        data = bytearray(path.read_bytes())
        # parquet: in the first page; npy: the last byte, in no header
        at = 40 if name == "attributes" else len(data) - 1
        data[at] ^= 0x41
        path.write_bytes(data)
    with pytest.raises(PlanError, match=r"重新预处理|PLAN_DAMAGED") as caught:
        list(describe(copy, verify=True))
    assert caught.value.finding.code == "PLAN_DAMAGED"
    with pytest.raises(PlanError):
        answer(copy)


@pytest.mark.parametrize("what", ["cut off", "gone", "other type"])
def test_an_array_that_is_not_whole_is_an_error(copy, what):
    path = next(copy.glob("gen-*/layer-0/xy.npy"))
    if what == "gone":
        path.unlink()
    elif what == "cut off":
        path.write_bytes(path.read_bytes()[:-100])
    else:
        np.save(path, np.load(path).astype(np.float32))
    with pytest.raises(PlanError) as caught:
        answer(copy)
    assert caught.value.finding.code == "PLAN_DAMAGED"


def code_of(path: Path) -> str:
    with pytest.raises(PlanError) as caught:
        open_plan(path)
    return caught.value.finding.code


def test_what_is_no_prepared_plan(copy, tmp_path, monkeypatch):
    (tmp_path / "empty.plan").mkdir()
    assert code_of(tmp_path / "empty.plan") == "PLAN_NOT_PREPARED"
    manifest = copy / store.MANIFEST
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text[:-30], encoding="utf-8")
    assert code_of(copy) == "PLAN_DAMAGED"
    manifest.write_text(text.replace(store.FORMAT, "controllines.plan/0"), encoding="utf-8")
    assert code_of(copy) == "PLAN_OTHER_FORMAT"
    manifest.write_text(text, encoding="utf-8")
    shutil.rmtree(next(copy.glob("gen-*")))
    assert code_of(copy) == "PLAN_DAMAGED"


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


def test_the_second_of_two_writers_is_refused(copy, made):
    with store.writing(copy), pytest.raises(PlanError) as caught:
        prepare(made[0], copy)
    assert caught.value.finding.code == "PLAN_BEING_PREPARED"
    assert open_plan(copy).name == "某县"
    prepare(made[0], copy)
    assert len(list(copy.glob("gen-*"))) == 1


@pytest.mark.parametrize("step", ["write_layer", "commit"])
def test_a_writer_that_fails_leaves_what_was_there(copy, made, monkeypatch, step):
    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, step, fail)
    with pytest.raises(OSError, match="No space"):
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
    assert started.stdout.readline() == b"written\n"
    started.send_signal(signal.SIGKILL)
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


def test_opening_maps_nothing(made):
    plan = open_plan(made[1])
    assert "in_plane" not in vars(plan.layers[FARM])
    assert "坏" not in plan.layers
    assert len(plan.failed) == 1


def test_blocks_and_given_back_memory_change_nothing(made, tmp_path, monkeypatch):
    """A row to a block while preparing; a group of attributes and a block of tiles at a time while checking."""
    plan, folder = made
    monkeypatch.setattr(packed, "ROWS", 1)
    again = prepare(plan, tmp_path / "again.plan")
    assert {path.relative_to(folder).parts[1:] for path in folder.rglob("*.npy")} == {
        path.relative_to(again).parts[1:] for path in again.rglob("*.npy")
    }
    for path in folder.glob("gen-*/*/*.npy"):
        [same] = again.glob(f"gen-*/{path.parent.name}/{path.name}")
        assert same.read_bytes() == path.read_bytes(), path.name
    monkeypatch.setattr(store, "LET_GO", 1)
    assert [store.verify(store.open_layer(again, store.read_manifest(again), key)) for key in (RED, FARM)]


def test_rows_of_a_table_in_any_order(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "GROUP", 4)
    monkeypatch.setattr(store, "GROUPS", 2)
    store._write_table(tmp_path / "t.parquet", pd.DataFrame({"n": np.arange(30), "name": list(map(str, range(30)))}))
    rows = np.array([29, 0, 13, 13, 5, 22])
    read = store.read_table(tmp_path / "t.parquet", ("name", "n"), rows)
    assert read["n"].tolist() == rows.tolist()
    assert read["name"].tolist() == list(map(str, rows))
    assert list(read.columns) == ["name", "n"]
    assert store.read_table(tmp_path / "t.parquet", ("n",), rows[:0]).dtypes.tolist() == [np.dtype("int64")]
