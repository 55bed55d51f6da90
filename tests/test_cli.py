"""The command line: exit codes from real situations, messages without tracebacks, outputs as promised."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
import shapely
from typer.main import get_command

import controllines
from controllines import cli, pipeline
from controllines.findings import catalogue
from controllines.rules import LEVELS
from tests.builders import write_survey
from tests.commands import Done, call, command

X, Y = 30_385_000, 4_738_000
Box = tuple[float, float, float, float]
ERROR_LINE = re.compile(r"[A-Z0-9_]+ .*: .+; .+|[A-Z0-9_]+: .+; .+")


def box(w: float, s: float, e: float, n: float) -> shapely.Polygon:
    return shapely.box(X + w, Y + s, X + e, Y + n)


def frame(*boxes: Box, **columns: Sequence[object]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=[box(*b) for b in boxes], crs="EPSG:4518")


def write_txt(path: Path, identity: str, where: Box, *, zone: int = 30) -> Path:
    return write_survey(path, [(identity, 0.01, box(*where))], zone=zone)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """规划/三区三线.gpkg and 申请/: a half in the redline, b clear of everything, both within the boundary."""
    root = tmp_path_factory.mktemp("秘密文件夹")
    database = root / "规划" / "三区三线.gpkg"
    database.parent.mkdir()
    for table, data in {
        "STBHHX": frame((0, 0, 500, 1000), BSM=["r1"], LHLX=["水源涵养"]),
        "YJJBNTBHTB": frame((600, 0, 800, 1000), BSM=["f1"], DLBM=["0102"], KCXS=[0.1]),
        "CZKFBJ": frame((-100, -100, 1500, 1500), BSM=["u1"], GHFQMC=["集中建设区"]),
        "XJXZQ": frame((-1000, -1000, 3000, 3000), XZQDM=["650422"], XZQMC=["托克逊县"]),
        "XZQ": frame((-1000, -1000, 3000, 3000), XZQDM=["650422100"], XZQMC=["甲镇"]),
        "GHFQ": frame((-1000, -1000, 3000, 3000), GHFQDM=["100"], GHFQMC=["生态保护区"]),
    }.items():
        data.to_file(database, layer=table, engine="pyogrio")
    write_txt(root / "申请/项目一/一.txt", "a", (450, 0, 550, 100))
    write_txt(root / "申请/项目二/二.txt", "b", (900, 0, 1000, 100))
    return root


@pytest.fixture
def run(office: Path, tmp_path: Path) -> Callable[..., Done]:
    """``run(…)`` -> check of the office's applications with its plan, into tmp_path/成果 unless told otherwise."""

    def start(
        *arguments: object, parcels: Sequence[object] = ("申请",), plan: object = "规划/三区三线.gpkg",
        by: Callable[..., Done] = call,
    ) -> Done:  # fmt: skip
        given = ["--plan", plan] if plan else []
        out = [] if "--out" in arguments else ["--out", tmp_path / "成果"]
        return by("check", *parcels, *given, *out, *arguments, cwd=office)

    return start


def without_traceback(done: Done) -> None:
    assert "Traceback" not in done.err + done.out
    assert 'File "' not in done.err


def one_error(done: Done, code: int, finding: str) -> str:
    """The run ended with this exit code and one line that names the finding."""
    assert done.code == code, done.err
    without_traceback(done)
    lines = done.err.strip().splitlines()
    assert len(lines) == 1, done.err
    assert ERROR_LINE.fullmatch(lines[0]), lines[0]
    assert lines[0].split()[0].rstrip(":") == finding
    return lines[0]


# --- exit codes -----------------------------------------------------------------------------------------------


def test_0_everything_was_checked(run: Callable[..., Done], tmp_path: Path) -> None:
    done = run("--as-of", "2026-11-21", by=command)
    assert done.code == 0, done.err
    assert done.err == ""
    (line,) = done.out.splitlines()
    assert line.startswith("2 个地块已核对，0 个被排除")
    assert str(tmp_path / "成果") in line
    written = sorted(path.name for path in (tmp_path / "成果").iterdir())
    assert written == sorted(["result.json", "result.trace.json", "conflicts.gpkg", "conflicts.csv",
                              "三线核对汇总表.xlsx", "地图.html"])  # fmt: skip


def test_1_a_file_was_excluded(run: Callable[..., Done], office: Path, tmp_path: Path) -> None:
    broken = tmp_path / "坏.txt"
    broken.write_bytes(b"[\xca\xf4")
    done = run(parcels=["申请", broken])
    assert done.code == 1
    assert len(done.out.splitlines()) == 1
    assert "1 个被排除" in done.out
    (line,) = done.err.strip().splitlines()
    assert ERROR_LINE.fullmatch(line)
    assert str(broken) in line
    assert line.split()[0] in catalogue()


def test_1_parcels_far_from_the_plan_are_told_on_the_spot(run: Callable[..., Done], tmp_path: Path) -> None:
    away = write_txt(tmp_path / "远.txt", "far", (0, 0, 100, 100), zone=38)
    away.write_bytes(away.read_bytes().replace(b",303", b",383"))  # the eastings of zone 38
    done = run("--format", "csv", parcels=["申请", away])
    assert done.code == 1
    (line,) = done.err.strip().splitlines()
    assert line.startswith(f"PARCELS_FAR {away}")
    assert "中央经线不是 114° 而是 90° 时" in line


def test_1_a_required_line_is_not_in_the_plan(run: Callable[..., Done], office: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    database = (office / "规划/三区三线.gpkg").as_posix()
    layers = [("ecological_redline", "STBHHX"), ("county", "XJXZQ")]
    text = "".join(f'[layers.{key}]\npath = "{database}"\nlayer = "{table}"\n' for key, table in layers)
    plan.write_text(text, encoding="utf-8")
    assert run(plan=plan).code == 1
    assert run("--lines", "生态保护红线", "--overwrite", plan=plan).code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--area", "geodesic"], "official"),
        (["--as-of", "21.11.2026"], "2026-11-21"),
        (["--lines", "红线"], "生态保护红线"),
        (["--lines", "乡镇"], "控制线"),
        (["--project-by", "county"], "folder"),
        (["--datum", "wgs84"], "as_is"),
        (["--format", "pdf"], "xlsx"),
        (["--map-lines", "some"], "near"),
        (["--colour", "red"], "--colour"),
    ],
)
def test_2_usage_errors_say_what_is_valid(
    run: Callable[..., Done], tmp_path: Path, arguments: list[str], said: str
) -> None:
    done = run(*arguments)
    assert done.code == 2
    without_traceback(done)
    assert said in done.err
    assert not (tmp_path / "成果").exists()


def test_2_without_out_or_plan(office: Path, tmp_path: Path) -> None:
    assert call("check", "申请", "--plan", "规划/三区三线.gpkg", cwd=office).code == 2
    one_error(call("check", "申请", "--out", tmp_path / "o", cwd=office), 2, "PLAN_NOT_GIVEN")


def test_3_nothing_could_be_checked(run: Callable[..., Done], tmp_path: Path) -> None:
    broken = tmp_path / "坏.txt"
    broken.write_bytes(b"[\xca\xf4")
    assert run(parcels=[broken]).code == 3
    one_error(run(parcels=[tmp_path / "没有.txt"], by=command), 3, "FILE_NOT_FOUND")


def test_4_the_plan_is_unusable(run: Callable[..., Done], tmp_path: Path) -> None:
    assert str(tmp_path / "没有.toml") in one_error(run(plan=tmp_path / "没有.toml"), 4, "PLAN_NOT_FOUND")
    plan = tmp_path / "plan.toml"
    plan.write_text('[layers.ecological_redline]\npath = "a.gpkg"\ncolour = "red"\n', encoding="utf-8")
    assert "layers.ecological_redline.colour" in one_error(run(plan=plan), 4, "PLAN_TOML")


def test_5_the_folder_is_somebody_elses(run: Callable[..., Done], tmp_path: Path) -> None:
    out = tmp_path / "成果"
    out.mkdir()
    (out / "论文.docx").write_text("mine", encoding="utf-8")
    one_error(run(), 5, "OUTPUT_NOT_EMPTY")
    assert [path.name for path in out.iterdir()] == ["论文.docx"]
    assert run("--overwrite").code == 0
    assert (out / "论文.docx").read_text(encoding="utf-8") == "mine"
    assert (out / "result.json").is_file()


def test_5_the_folder_cannot_be_made(run: Callable[..., Done], tmp_path: Path) -> None:
    (tmp_path / "文件").write_text("", encoding="utf-8")
    assert run("--out", tmp_path / "文件" / "成果").code == 5


def test_the_same_run_may_be_repeated_and_another_may_not(run: Callable[..., Done], tmp_path: Path) -> None:
    assert run("--as-of", "2026-11-21").code == 0
    first = (tmp_path / "成果/result.json").read_bytes()
    assert run("--as-of", "2026-11-21").code == 0
    assert json.loads((tmp_path / "成果/result.json").read_bytes())["parcels"] == json.loads(first)["parcels"]
    one_error(run("--as-of", "2026-11-22"), 5, "OUTPUT_NOT_EMPTY")
    assert run("--as-of", "2026-11-22", "--overwrite").code == 0


@pytest.mark.parametrize(
    ("arguments", "plan", "parcels", "code"),
    [
        (["--area", "x"], "没有.toml", ["没有.txt"], 2),  # usage before everything
        ([], "没有.toml", ["没有.txt"], 4),  # the plan before the applications
    ],
)
def test_precedence(run: Callable[..., Done], arguments: list[str], plan: str, parcels: list[str], code: int) -> None:
    assert run(*arguments, plan=plan, parcels=parcels).code == code


def test_precedence_of_the_folder_over_the_plan(run: Callable[..., Done], tmp_path: Path) -> None:
    (tmp_path / "成果").mkdir()
    (tmp_path / "成果/x").write_text("", encoding="utf-8")
    assert run(plan="没有.toml").code == 5


def exit_code(monkeypatch: pytest.MonkeyPatch, raised: BaseException, *options: str) -> int:
    """Exit code of the command line when the pipeline raises."""

    def fail(job: object, tell: object) -> None:
        raise raised

    monkeypatch.setattr(pipeline, "run", fail)
    monkeypatch.setattr(sys, "argv", ["controllines", *options, "check", "a.txt", "--plan", "p.toml", "--out", "o"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_70_an_internal_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(monkeypatch, ZeroDivisionError("division by zero")) == 70
    shown = capsys.readouterr().err
    assert shown.startswith("INTERNAL: 内部错误：ZeroDivisionError: division by zero; ")
    assert "Traceback" not in shown


def test_130_interrupted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(monkeypatch, KeyboardInterrupt()) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_debug_shows_the_traceback(office: Path, tmp_path: Path) -> None:
    arguments = ["check", "申请", "--plan", "没有.toml", "--out", tmp_path / "o"]
    done = call("--debug", *arguments, cwd=office)
    assert done.code == 4
    assert "Traceback" in done.err
    assert "PLAN_NOT_FOUND" in done.err.strip().splitlines()[-1]


# --- what is said and written ---------------------------------------------------------------------------------


def test_errors_of_files_are_named_on_stderr_but_limited(run: Callable[..., Done], tmp_path: Path) -> None:
    for n in range(25):
        (tmp_path / "坏").mkdir(exist_ok=True)
        (tmp_path / "坏" / f"{n:02}.txt").write_bytes(b"[\xca\xf4")
    done = run(parcels=["申请", tmp_path / "坏"])
    assert done.code == 1
    lines = done.err.strip().splitlines()
    assert len(lines) == cli.SHOWN + 1
    assert "5" in lines[-1]
    assert all(ERROR_LINE.fullmatch(line) for line in lines[:-1])


def test_counts_are_on_the_screen(capsys: pytest.CaptureFixture[str]) -> None:
    table = pd.DataFrame(
        {"source": ["x/甲.gdb", "x/乙.txt"], "layer": ["DK", None], "features_in": [5, 7], "used": [5, 4],
         "excluded": [0, 3]}
    )  # fmt: skip
    cli._show_counts(table)
    assert capsys.readouterr().err.splitlines() == [
        "2 个图层的要素 12 = 使用 9 + 排除 3", "  7 = 4 + 3  乙.txt", "  5 = 5 + 0  甲.gdb:DK",
    ]  # fmt: skip


def test_many_layers_are_cut_short_but_summed(capsys: pytest.CaptureFixture[str]) -> None:
    n = cli.SHOWN + 5
    table = pd.DataFrame({"source": [f"{i}.txt" for i in range(n)], "layer": None, "features_in": 1, "used": 1,
                          "excluded": [0] * n})  # fmt: skip
    cli._show_counts(table)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == cli.SHOWN + 2
    assert said[0] == f"{n} 个图层的要素 {n} = 使用 {n} + 排除 0"
    assert "另有 5 个图层" in said[-1]


def test_fewer_lines_are_named_and_nothing_speaks_of_three(run: Callable[..., Done], tmp_path: Path) -> None:
    done = run("--lines", "永久基本农田,生态保护红线")
    assert done.code == 0
    assert "城镇开发边界" not in done.out
    document = json.loads((tmp_path / "成果/result.json").read_text(encoding="utf-8"))
    assert document["provenance"]["checked"] == ["ecological_redline", "permanent_farmland"]
    assert "urban_boundary" in document["provenance"]["not_checked"]
    html = (tmp_path / "成果/地图.html").read_text(encoding="utf-8")
    assert "三条控制线" not in re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)


@pytest.mark.parametrize(
    ("formats", "extra"),
    [("xlsx", {"三线核对汇总表.xlsx"}), ("html", {"地图.html"}), ("csv,gpkg", {"三线核对成果.gpkg"})],
)
def test_formats(run: Callable[..., Done], tmp_path: Path, formats: str, extra: set[str]) -> None:
    assert run("--format", formats).code == 0
    written = {path.name for path in (tmp_path / "成果").iterdir()}
    assert written == {"result.json", "result.trace.json", "conflicts.gpkg", "conflicts.csv"} | extra
    document = json.loads((tmp_path / "成果/result.json").read_text(encoding="utf-8"))
    assert {entry["path"] for entry in document["files"]} == written - {"result.json"}


def every_byte(folder: Path) -> dict[str, bytes]:
    """The bytes of all outputs, those inside an xlsx unpacked."""
    found = {}
    for path in folder.iterdir():
        if path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as archive:
                found |= {f"{path.name}/{name}": archive.read(name) for name in archive.namelist()}
        else:
            found[path.name] = path.read_bytes()
    return found


def test_no_paths_keeps_folders_out_of_every_output(run: Callable[..., Done], office: Path, tmp_path: Path) -> None:
    broken = tmp_path / "内部资料夹" / "坏.txt"
    broken.parent.mkdir()
    broken.write_bytes(b"[\xca\xf4")
    assert run("--no-paths", parcels=[office / "申请", broken], plan=office / "规划/三区三线.gpkg").code == 1
    folders = ["秘密文件夹", "内部资料夹", "项目一", "规划/", "申请/", office.parent.name]
    for name, data in every_byte(tmp_path / "成果").items():
        for folder in folders:
            for spelt in (folder.encode(), json.dumps(folder).strip('"').encode()):
                assert spelt not in data, (name, folder)
    document = json.loads((tmp_path / "成果/result.json").read_text(encoding="utf-8"))
    assert [Path(entry["path"]).name for entry in document["provenance"]["inputs"]] == [
        entry["path"] for entry in document["provenance"]["inputs"]
    ]


def test_paths_are_there_without_no_paths(run: Callable[..., Done], office: Path, tmp_path: Path) -> None:
    assert run(parcels=[office / "申请"]).code == 0
    assert "秘密文件夹" in (tmp_path / "成果/result.json").read_text(encoding="utf-8")


def test_project_by_folder(run: Callable[..., Done], tmp_path: Path) -> None:
    assert run("--project-by", "folder", "--format", "csv").code == 0
    document = json.loads((tmp_path / "成果/result.json").read_text(encoding="utf-8"))
    assert [project["project_id"] for project in document["projects"]] == ["项目一", "项目二"]


def test_as_is_is_said_in_every_output(office: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "试验.gpkg"
    lonlat = frame((450, 0, 550, 100), DKBH=["a"]).to_crs("EPSG:4490")
    lonlat.set_crs("EPSG:4269", allow_override=True).to_file(foreign, engine="pyogrio")
    arguments = ["check", foreign, "--plan", "规划/三区三线.gpkg", "--out", tmp_path / "成果"]
    refused = call(*arguments, cwd=office)
    assert refused.code == 3
    (first, *_) = refused.err.splitlines()
    assert ERROR_LINE.fullmatch(first)
    assert first.startswith(f"CRS_FOREIGN_DATUM {foreign}")
    assert "--datum as_is" in first  # the way out
    assert call(*arguments, "--datum", "as_is", cwd=office).code == 0
    everything = every_byte(tmp_path / "成果")
    for name in ("result.json", "conflicts.csv", "conflicts.gpkg", "地图.html"):
        assert b"as_is" in everything[name], name
    assert any(b"as_is" in data for name, data in everything.items() if name.startswith("三线核对汇总表"))


def test_plan_from_the_environment(office: Path, tmp_path: Path) -> None:
    database = str(office / "规划/三区三线.gpkg")
    done = call("check", office / "申请", "--out", tmp_path / "o", "--format", "csv", cwd=tmp_path,
                env={"CONTROLLINES_PLAN": database})  # fmt: skip
    assert done.code == 0, done.err


@pytest.mark.parametrize("named", [True, False])
def test_plan_from_controllines_toml_in_the_folder(office: Path, tmp_path: Path, named: bool) -> None:
    database = (office / "规划/三区三线.gpkg").as_posix()
    whole = "".join(
        f'[layers.{key}]\npath = "{database}"\nlayer = "{table}"\n'
        for key, table in [
            ("ecological_redline", "STBHHX"),
            ("permanent_farmland", "YJJBNTBHTB"),
            ("urban_boundary", "CZKFBJ"),
            ("county", "XJXZQ"),
        ]
    )
    text = f'plan = "{database}"\n' if named else whole
    (tmp_path / "controllines.toml").write_text(text, encoding="utf-8")
    done = call("check", office / "申请", "--out", tmp_path / "o", "--format", "csv", cwd=tmp_path)
    assert done.code == 0, done.err


@pytest.mark.parametrize("content", ["plan = [", "[layers.红线]\npath = 3\n"])
def test_a_controllines_toml_that_is_wrong_is_an_error_of_the_plan(office: Path, tmp_path: Path, content: str) -> None:
    for encoding in ("utf-8", "gbk"):
        (tmp_path / "controllines.toml").write_bytes(content.encode(encoding))
        done = call("check", office / "申请", "--out", tmp_path / "o", cwd=tmp_path)
        assert done.code == 4, (encoding, done.err)
        without_traceback(done)


def test_patterns_and_single_files(run: Callable[..., Done], tmp_path: Path) -> None:
    for n, parcels in enumerate((["申请/*/*.txt"], ["申请/**/*.txt"], ["申请/项目一/一.txt", "申请/项目二"])):
        done = run("--out", tmp_path / f"o{n}", "--format", "csv", parcels=parcels)
        assert done.code == 0, done.err
        assert done.out.startswith("2 个地块已核对")


def test_a_file_given_twice_counts_once(run: Callable[..., Done]) -> None:
    assert run("--format", "csv", parcels=["申请", "申请/项目一/一.txt"]).out.startswith("2 个地块已核对")


# --- stats, info, demo ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["--of", "生态保护红线", "永久基本农田", "--by", "乡镇", "规划分区"],
        ["--of", "生态保护红线", "--of", "永久基本农田", "--by", "township", "--by", "planning_zone"],
        ["--by", "township", "规划分区", "--of", "ecological_redline", "permanent_farmland"],
    ],
)
def test_stats_takes_several_values_after_one_flag(office: Path, tmp_path: Path, arguments: list[str]) -> None:
    done = call("stats", "--plan", "规划/三区三线.gpkg", *arguments, "--out", tmp_path / "o", cwd=office)
    assert done.code == 0, done.err
    assert len(done.out.splitlines()) == 1
    table = pd.read_csv(tmp_path / "o/statistics.csv", dtype={"township_code": str})
    assert table["line"].tolist() == ["生态保护红线", "永久基本农田"]
    assert table["township_code"].tolist() == ["650422100"] * 2
    assert table["planar_area_m2"].tolist() == pytest.approx([500_000, 200_000], rel=1e-6)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--of", "红线", "--by", "乡镇"], 2),
        (["--of", "生态保护红线"], 2),
        (["--of", "生态保护红线", "--by", "乡镇", "--unit", "公里"], 2),
        (["--of", "自然保护地", "--by", "乡镇"], 4),
        (["--of", "生态保护红线", "--by", "村"], 4),
    ],
)
def test_stats_that_cannot_be(office: Path, tmp_path: Path, arguments: list[str], code: int) -> None:
    done = call("stats", "--plan", "规划/三区三线.gpkg", *arguments, "--out", tmp_path / "o", cwd=office)
    assert done.code == code, done.err
    without_traceback(done)
    assert not (tmp_path / "o").exists()


def test_info_names_layers_kinds_and_crs(office: Path) -> None:
    done = call("info", "规划/三区三线.gpkg", cwd=office)
    assert done.code == 0
    assert "生态保护红线（ecological_redline）" in done.out
    assert "EPSG:4518" in done.out
    done = call("info", "申请/项目一/一.txt", cwd=office)
    assert done.code == 0
    assert "GB18030" in done.out


def test_info_of_something_unreadable(tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_bytes(b"?")
    line = one_error(call("info", "a.xyz", cwd=tmp_path), 3, "FILE_FORMAT_UNKNOWN")
    assert "a.xyz" in line


def test_version_and_help(tmp_path: Path) -> None:
    done = command("--version", cwd=tmp_path)
    assert done.code == 0
    assert done.out.splitlines()[0] == f"controllines {controllines.__version__}"
    assert "geos" in done.out
    helped = call("--help", cwd=tmp_path)
    assert helped.code == 0
    for name in ("check", "stats", "info", "convert", "prepare", "facts", "rules", "raster", "figures", "demo"):
        assert name in helped.out
    assert call("prepare", cwd=tmp_path).code == 2


def commands_of(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, one in group.commands.items():
        yield from commands_of(one, (*path, name)) if hasattr(one, "commands") else [((*path, name), one)]


def test_no_help_text_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of a help page lose the end of Chinese words that are wider than their column."""
    monkeypatch.setenv("COLUMNS", "80")
    shown = 0
    for path, one in commands_of(get_command(cli.app)):
        page = "".join(call(*path, "--help", cwd=tmp_path).out.split())
        for option in one.params:
            assert "".join(str(option.help or "").split()) in page, (path, option.name)
            shown += bool(option.help)
    assert shown > 60


def test_stdout_is_utf8_whatever_the_console_says(office: Path) -> None:
    words = [sys.executable, "-m", "controllines", "info", "规划/三区三线.gpkg"]
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONUTF8", "LC_ALL", "LANG")}
    done = subprocess.run(words, capture_output=True, cwd=office, env=env | {"PYTHONIOENCODING": "cp1252"}, check=False)
    assert done.returncode == 0
    assert "生态保护红线" in done.stdout.decode()


def test_demo_from_end_to_end(tmp_path: Path) -> None:
    done = command("demo", "--out", tmp_path / "演示", cwd=tmp_path)
    assert done.code == 0, done.err
    assert done.out.splitlines()[0] == "合成数据，仅供演示。"
    shown = [
        Path(line.strip()) for line in done.out.splitlines() if line.startswith("  /") or re.match(r"  [A-Z]:", line)
    ]
    assert len(shown) == 3
    assert all(path.is_file() for path in shown)
    result = json.loads((tmp_path / "演示/核对结果/result.json").read_text(encoding="utf-8"))
    assert result["provenance"]["synthetic"] is True
    assert set(result["summary"]["projects"]["levels"]) == set(LEVELS)  # every level at least once
    held = [row for project in result["projects"] for row in project["approvals"]]
    assert {row["missing_m2"] > 0 for row in held if row["role"] == "cover"} == {True, False}
    assert {row["missing_m2"] > 0 for row in held if row["role"] == "makeup"} == {True, False}
    assert all(project["land"] for project in result["projects"])
    for entry in result["files"]:
        assert (tmp_path / "演示/核对结果" / entry["path"]).is_file()
    layers = pyogrio.list_layers(tmp_path / "演示/核对结果/conflicts.gpkg")[:, 0].tolist()
    assert layers == ["parcels", "pieces", "outside"]
    statistics = pd.read_csv(tmp_path / "演示/面积统计/statistics.csv")
    totals = statistics.groupby("line")["area_m2"].sum() / 1e6
    assert totals.round(2).to_dict() == {"永久基本农田": 202.80, "生态保护红线": 55.07, "城镇开发边界": 74.91}
    again = call("demo", "--out", tmp_path / "演示", cwd=tmp_path)  # the same job into the same folder
    assert again.code == 0, again.err
    assert again.out == done.out


def test_the_form_of_project_facts_goes_out_filled_and_comes_back(tmp_path: Path) -> None:
    write_txt(tmp_path / "申请" / "甲.txt", "1", (0, 0, 100, 100))
    (tmp_path / "申请" / "project.toml").write_text('category = "光伏"', encoding="utf-8")
    done = call("facts", "申请", "--out", "表.xlsx", "--project", "临时用地=否", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("1 个项目，已填 2 项")
    assert call("facts", "申请", "--out", "表.xlsx", cwd=tmp_path).code == 5
    frame((50, 0, 200, 100), BSM=["r1"]).to_file(tmp_path / "plan.gpkg", layer="STBHHX")
    plain = ("check", "申请", "--plan", "plan.gpkg", "--format", "csv", "--out")
    done = call(*plain, "out", "--facts", "表.xlsx", "--project", "stage=农转用、征收", cwd=tmp_path)
    assert done.code == 1, done.err  # two of the three lines are missing
    project = json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))["projects"][0]
    assert project["facts"] == {
        "category": {"value": "photovoltaic", "source": "表.xlsx 第 4 行"},
        "stage": {"value": "conversion", "source": "--project"},
        "temporary": {"value": False, "source": "表.xlsx 第 4 行"},
    }
    for wrong in (["--project", "项目类别=园区"], ["--project", "类别=光伏"], ["--project", "光伏"]):
        done = call(*plain, "out2", *wrong, cwd=tmp_path)
        assert done.code == 2
        assert ERROR_LINE.fullmatch(done.err.strip())


# --- rules ----------------------------------------------------------------------------------------------------


def test_10_fail_on(run: Callable[..., Done], tmp_path: Path) -> None:
    """a lies in the redline, and nobody said what it is for."""
    done = run("--fail-on", "prohibited")
    assert done.code == cli.FAIL_ON == 10
    assert "待核实 2" in done.out or "待核实 1" in done.out
    assert (tmp_path / "成果" / "result.json").is_file()


def test_2_fail_on_needs_a_level_and_rules(run: Callable[..., Done]) -> None:
    assert "clear" in one_error(run("--fail-on", "bad"), 2, "OPTION_VALUE")
    assert "none" in one_error(run("--fail-on", "clear", "--rules", "none"), 2, "OPTION_VALUE")


def test_2_a_faulty_pack_is_told_before_any_work(run: Callable[..., Done], tmp_path: Path) -> None:
    pack = tmp_path / "县.toml"
    pack.write_text('[pack]\nid = "x"\nname = "x"\nversion = "1"\nextends = "national"\n[rules.ER-03]\nlevel = "x"\n',
                    encoding="utf-8")  # fmt: skip
    line = one_error(run("--rules", pack), 2, "RULE_PACK")
    assert "县.toml:7:rules.ER-03.level" in line
    assert not (tmp_path / "成果").exists()
    assert "县.toml:7:rules.ER-03.level" in one_error(call("rules", "validate", pack, cwd=tmp_path), 2, "RULE_PACK")


def test_rules_are_listed_shown_checked_and_explained(run: Callable[..., Done], tmp_path: Path) -> None:
    listed = call("rules", "list", cwd=tmp_path)
    assert (listed.code, listed.err) == (0, "")
    assert len(listed.out.splitlines()) > 100
    assert "国务院" in call("rules", "show", "PBF-01", cwd=tmp_path).out
    one_error(call("rules", "show", "X-1", cwd=tmp_path), 2, "RULE_UNKNOWN")
    pack = tmp_path / "县.toml"
    pack.write_text('[pack]\nid = "x"\nname = "县规则包"\nversion = "1"\nextends = "national"\ndisables = ["ER-15"]\n',
                    encoding="utf-8")  # fmt: skip
    assert call("rules", "validate", pack, cwd=tmp_path).out.startswith("县规则包 1：")
    done = run("--explain", "--rules", pack, "--project", "category=single_site")
    assert "ER-03 核心保护区外禁止开发性、生产性建设活动" in done.out
    said = json.loads((tmp_path / "成果" / "result.json").read_text(encoding="utf-8"))
    assert said["provenance"]["rule_pack"]["changes"] == [{"entry": "rules.ER-15", "keys": []}]
    for place in (tmp_path / "成果", tmp_path / "成果" / "result.json"):
        assert "地块 a" in call("rules", "explain", place, "a", cwd=tmp_path).out
    assert "a" in one_error(call("rules", "explain", tmp_path / "成果", "z", cwd=tmp_path), 2, "TRACE_SUBJECT")
    one_error(call("rules", "explain", tmp_path, "a", cwd=tmp_path), 2, "TRACE_MISSING")


def test_without_rules_nothing_is_judged(run: Callable[..., Done], tmp_path: Path) -> None:
    assert run("--rules", "none").code == 0
    said = json.loads((tmp_path / "成果" / "result.json").read_text(encoding="utf-8"))
    assert {parcel["verdict"] for parcel in said["parcels"]} == {None}
    assert said["provenance"]["rule_pack"] is None
    assert not (tmp_path / "成果" / "result.trace.json").exists()
